/* auth_priv.h - what the files of this room share. */
#pragma once

#include <pthread.h>

#include "auth/auth.h"
#include "auth/throttle.h"

#define AUTH_KEY_LEN  32
#define AUTH_HASH_LEN 32
#define SETUP_LEN     16

struct auth {
	struct db *db;
	const struct settings *settings;
	unsigned char stream_key[AUTH_KEY_LEN];

	struct throttle *logins; /* by name and address, by address, by the user who changes a password */
	struct buckets *requests;

	pthread_mutex_t setup_mx;
	bool setup_open;
	char setup_code[SETUP_LEN + 1];
};

/* Reads the program's secret, or makes it (mode 0600) when there is none. */
int auth_key_load(const char *path, unsigned char ret[AUTH_KEY_LEN], struct err *e) MUST_CHECK;

/* True when the password is the hash's; a NULL hash takes the same time and is false. */
bool auth_password_matches(const char *hash, const char *password);

/* E_INVALID with a sentence. */
int auth_check_name(const char *name, struct err *e) MUST_CHECK;

/* Makes a setup code when there is no administrator yet. */
int auth_setup_init(struct auth *a, struct err *e) MUST_CHECK;

/* What is kept of a session's secret. */
void auth_hash_token(const char *token, unsigned char ret[AUTH_HASH_LEN]);
