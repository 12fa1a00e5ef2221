/* auth_priv.h - what the files of this room share. */
#pragma once

#include <pthread.h>

#include "auth/auth.h"
#include "auth/throttle.h"

#define AUTH_KEY_LEN  32
#define AUTH_HASH_LEN 32
#define SETUP_LEN     16

/* When the use of a session or key was last written. */
struct touched {
	atelier_id id;
	int64_t at;
};

struct auth {
	struct db *db;
	const struct settings *settings;
	unsigned char stream_key[AUTH_KEY_LEN];
	struct vault vault;

	struct throttle *logins; /* by name and address, by address, by the user who changes a password */
	struct buckets *requests;

	pthread_mutex_t setup_mx;
	bool setup_open;
	char setup_code[SETUP_LEN + 1];

	pthread_mutex_t touched_mx;
	struct touched touched[256];
};

/* The master key: of the setting, or of the file, which is made (mode 0600) when there is none. */
int auth_key_load(
	const struct settings *s, const char *path, unsigned char ret[AUTH_KEY_LEN], struct err *e) MUST_CHECK;
void auth_key_derive(
	const unsigned char master[AUTH_KEY_LEN], unsigned char ret_stream[AUTH_KEY_LEN], struct vault *ret);

/* True when the password is the hash's; a NULL hash takes the same time and is false. */
bool auth_password_matches(const char *hash, const char *password);

/* E_INVALID with a sentence. */
int auth_check_name(const char *name, struct err *e) MUST_CHECK;

/* Makes a setup code when there is no administrator yet. */
int auth_setup_init(struct auth *a, struct err *e) MUST_CHECK;

/* What is kept of a session's secret. */
void auth_hash_token(const char *token, unsigned char ret[AUTH_HASH_LEN]);

/* 32 random bytes as base64url. */
void auth_make_token(char ret[AUTH_TOKEN_LEN + 1]);

/* auth_identify() of an API key. */
int auth_identify_key(struct auth *a, struct db_conn *c, const char *key, struct arena *mem, struct auth_identity *ret,
	struct err *e) MUST_CHECK;

/* Whether the use of a session or key, written last at `last`, is to be written now; of many requests at once one is told
 * so. Places are shared: then it is written more often, which does no harm. */
bool auth_touch_is_due(struct auth *a, atelier_id id, int64_t last, int64_t now, int64_t every_ms);
