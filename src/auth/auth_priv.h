/* auth_priv.h - what the files of this room share. */
#pragma once

#include <pthread.h>
#include <sodium.h>

#include "auth/auth.h"
#include "auth/throttle.h"
#include "auth/tries.h"
#include "base/magic.h"

#define AUTH_KEY_LEN  32
#define AUTH_HASH_LEN 32
#define SETUP_LEN     16

/* When the use of a session or key was last written. */
struct touched {
	atelier_id id;
	int64_t at;
};

/* Any thread. What is under no lock is written before anybody has it, and never again; `tries`, `requests` and `known` have locks of their own. */
struct auth {
	unsigned magic; /* AUTH_MAGIC */
#define AUTH_MAGIC 0x61757468u
	struct db *db;
	const struct settings *settings;
	const char *key_path;
	unsigned char stream_key[AUTH_KEY_LEN], device_key[AUTH_KEY_LEN], renewal_key[AUTH_KEY_LEN];
	unsigned char visitor_key[crypto_shorthash_KEYBYTES];
	struct vault vault;

	struct tries *tries;
	struct meter *requests; /* by user */

	pthread_mutex_t setup_mx; /* of the two below */
	bool setup_open;
	char setup_code[SETUP_LEN + 1];

	struct known_keys *known;

	pthread_mutex_t touched_mx; /* of these */
	struct touched touched[256];
};

#define AUTH_KEY_VAULT   2, "vaultkey"
#define AUTH_KEY_STREAM  1, "streamtk"
#define AUTH_KEY_DEVICE  3, "devicetk"
#define AUTH_KEY_RENEWAL 4, "renewals"

/* E_INVALID: there is no master key, and making one would leave stored keys closed. */
int auth_key_may_be_made(struct db *db, const struct settings *s, const char *path, struct err *e) MUST_CHECK;
/* The master key: of the setting, or of the file, which is made (mode 0600) when there is none. */
int auth_key_load(
	const struct settings *s, const char *path, unsigned char ret[AUTH_KEY_LEN], struct err *e) MUST_CHECK;
/* The key for one purpose: AUTH_KEY_... */
void auth_key_derive(
	const unsigned char master[AUTH_KEY_LEN], unsigned number, const char name[8], unsigned char ret[AUTH_KEY_LEN]);

bool same_host(struct str a, struct str b); /* letters of either case; "" is none */

/* 8 bytes, the highest first. */
void auth_put_i64(unsigned char *p, int64_t v);
int64_t auth_get_i64(const unsigned char *p);

/* E_INVALID as auth_check_password. */
int auth_hash_password(const char *name, const char *password, char ret[128], struct err *e) MUST_CHECK;

/* Which of the first that somebody would guess the password is, in words; NULL: none of them. */
const char *auth_common_password(const char *name, const char *password);

/* The name of a device that is somebody's; of one that is this user's, since the last change of the password. */
#define AUTH_DEVICE_NAME 17
bool auth_device_name(const struct auth *a, const char *token, char ret[AUTH_DEVICE_NAME]);
bool auth_device_known(const struct auth *a, const char *token, const struct user *u, char ret[AUTH_DEVICE_NAME]);

/* Whether the password is the hash's; a hash of NULL or AUTH_NO_PASSWORD takes the same time and is false. -ENOMEM: nothing is
 * known. */
int auth_password_matches(const char *hash, const char *password, bool *ret, struct err *e) MUST_CHECK;

/* Makes a setup code when there is no administrator yet. */
int auth_setup_init(struct auth *a, struct err *e) MUST_CHECK;

/* What is kept of an API key. 32 random bytes cannot be guessed, so a plain hash will do and a request costs no Argon2. */
void auth_key_hash(const char *key, unsigned char ret[AUTH_HASH_LEN]);

/* What is kept of a session's secret. */
void auth_hash_token(const char *token, unsigned char ret[AUTH_HASH_LEN]);

/* known_keys.c: the keys used last. Found: the texts are copied into `mem`. */
struct known_keys;
struct known_keys *known_keys_new(void);
void known_keys_free(struct known_keys *k);
bool known_keys_find(struct auth *a, const unsigned char hash[AUTH_HASH_LEN], struct arena *mem,
	struct auth_identity *ret, int64_t *ret_last_used_at);
/* `stamp`: what db_stamp() said before the database was asked. */
void known_keys_add(struct auth *a, const unsigned char hash[AUTH_HASH_LEN], const struct auth_identity *who,
	int64_t last_used_at, uint64_t stamp);

/* auth_identify() of an API key. */
int auth_identify_key(struct auth *a, struct db_conn *c, const char *key, struct arena *mem, struct auth_identity *ret,
	struct err *e) MUST_CHECK;

/* Whether the use of a session or key, written last at `last`, is to be written now; of many requests at once one is told
 * so. Places are shared: then it is written more often, which does no harm. */
bool auth_touch_is_due(struct auth *a, atelier_id id, int64_t last, int64_t now, int64_t every_ms);
