/*
 * auth.h - who somebody is and what they may do: passwords, sessions, the first administrator, throttling, and the
 * tokens of streams. Worker threads.
 */
#pragma once

#include "base/settings.h"
#include "db/db.h"
#include "store/users.h"

struct auth; /* any thread */

/* `key_path`: file of the program's secret (32 bytes, mode 0600), made when missing. */
int auth_new(
	struct db *db, const struct settings *s, const char *key_path, struct auth **ret, struct err *e) MUST_CHECK;
void auth_free(struct auth *a);

/* ---- passwords: Argon2id (64 MiB, 2 passes), at most two at once ---- */

/* E_INVALID with a sentence for one that is too short or too long. */
int auth_hash_password(const char *password, char ret[128], struct err *e) MUST_CHECK;

/* Checks name rules, hashes and stores. */
int auth_create_user(struct db *db, const char *name, const char *password, const char *role, atelier_id *ret,
	struct err *e) MUST_CHECK;

/* ---- the first administrator ---- */

/* The one-time code while no administrator exists, else NULL. Made at start, kept in memory, gone after use. */
const char *auth_setup_code(struct auth *a);
bool auth_setup_needed(struct auth *a);
int auth_setup(struct auth *a, const char *code, const char *name, const char *password, atelier_id *ret,
	struct err *e) MUST_CHECK;

/* ---- sessions ---- */

#define AUTH_TOKEN_LEN 43 /* 32 random bytes, base64url */

struct auth_session {
	char cookie[AUTH_TOKEN_LEN + 1];
	char bearer[AUTH_TOKEN_LEN + 1];
	int64_t expires_at;
};

/* E_UNAUTHORIZED with one sentence for unknown name and wrong password alike (and the same time), E_RATE_LIMITED. */
int auth_login(struct auth *a, const char *name, const char *password, const char *address, const char *user_agent,
	struct arena *mem, struct user *ret_user, struct auth_session *ret, struct err *e) MUST_CHECK;

/* A session for a user who was just made. */
int auth_session_new(struct auth *a, atelier_id user_id, const char *address, const char *user_agent,
	struct auth_session *ret, struct err *e) MUST_CHECK;

struct auth_identity {
	struct user user;
	atelier_id session_id;
	bool by_cookie; /* unsafe methods then need the cross-site check */
};

/* Finds the session of a cookie or bearer token (either may be NULL; the bearer wins). E_UNAUTHORIZED. */
int auth_identify(struct auth *a, struct db_conn *c, const char *cookie, const char *bearer, struct arena *mem,
	struct auth_identity *ret, struct err *e) MUST_CHECK;
int auth_logout(struct auth *a, atelier_id session_id, struct err *e) MUST_CHECK;
int auth_change_password(
	struct auth *a, const struct user *u, const char *current, const char *wanted, struct err *e) MUST_CHECK;

/* ---- requests per user and minute ---- */

/* E_RATE_LIMITED with retry_after_s. */
int auth_take_request(struct auth *a, atelier_id user_id, struct err *e) MUST_CHECK;

/* ---- cross-site check of an unsafe request; header values or NULL ---- */
int auth_check_site(const struct settings *s, const char *sec_fetch_site, const char *origin, const char *host,
	struct err *e) MUST_CHECK;

/* ---- stream tokens: turn and expiry, signed; nothing to store or to clean up ---- */
#define AUTH_STREAM_TOKEN_LEN 64
void auth_stream_token(struct auth *a, atelier_id turn_id, int64_t expires_at, char ret[AUTH_STREAM_TOKEN_LEN + 1]);
int auth_stream_turn(struct auth *a, const char *token, atelier_id *ret_turn_id,
	struct err *e) MUST_CHECK; /* E_UNAUTHORIZED, E_EXPIRED */
