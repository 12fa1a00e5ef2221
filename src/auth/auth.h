/*
 * auth.h - who somebody is and what they may do: passwords, sessions, the first administrator, throttling, and the
 * tokens of streams. Worker threads.
 */
#pragma once

#include "base/settings.h"
#include "db/db.h"
#include "store/users.h"
#include "store/vault.h"

struct auth; /* any thread */

/* `key_path`: file of the program's secret (32 bytes, mode 0600), made when missing; not used when settings.master_key
 * is set. */
int auth_new(
	struct db *db, const struct settings *s, const char *key_path, struct auth **ret, struct err *e) MUST_CHECK;
void auth_free(struct auth *a);

/* What the keys of providers are sealed with; its key is derived from the program's secret. Borrowed. */
const struct vault *auth_vault(const struct auth *a);
/* The same without an auth, for commands; makes no key file: E_NOT_FOUND when there is none. Wipe it after use. */
int auth_vault_open(const struct settings *s, const char *key_path, struct vault *ret, struct err *e) MUST_CHECK;

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

/* What a request may do. A session may do all of it, an API key what its scopes say. */
enum auth_scope {
	AUTH_SCOPE_GATEWAY = 1, /* call models in the way of OpenAI, Anthropic and Ollama */
	AUTH_SCOPE_API = 2,     /* Atelier's own interface, like the user */
	AUTH_SCOPE_MODELS = 4,  /* look after models, when the user is an administrator */
	AUTH_SCOPE_ALL = 7,
};

struct auth_identity {
	struct user user;
	atelier_id session_id;     /* 0: no session */
	atelier_id key_id;         /* 0: no API key */
	unsigned scopes;           /* bits of enum auth_scope */
	const char *const *models; /* of a key: ids and patterns; NULL: all */
	size_t n_models;
	bool by_cookie; /* unsafe methods then need the cross-site check: by cookie, or with no credential at all */
};

/* Finds who has a session's cookie or bearer token, or an API key as the bearer token (either may be NULL; the bearer
 * wins). E_UNAUTHORIZED, with a sentence about the key for a key. */
int auth_identify(struct auth *a, struct db_conn *c, const char *cookie, const char *bearer, struct arena *mem,
	struct auth_identity *ret, struct err *e) MUST_CHECK;

/* The user of settings.gateway_open_user, for a gateway request without a key, with the scope gateway alone;
 * E_UNAUTHORIZED when the setting is empty or there is no such user. */
int auth_identify_open(
	struct auth *a, struct db_conn *c, struct arena *mem, struct auth_identity *ret, struct err *e) MUST_CHECK;
int auth_logout(struct auth *a, atelier_id session_id, struct err *e) MUST_CHECK;
int auth_change_password(
	struct auth *a, const struct user *u, const char *current, const char *wanted, struct err *e) MUST_CHECK;

/* ---- API keys ---- */

#define AUTH_KEY_PREFIX  "sk-atelier-"
#define AUTH_API_KEY_LEN (sizeof(AUTH_KEY_PREFIX) - 1 + AUTH_TOKEN_LEN)
#define AUTH_KEY_SHOWN   16 /* first characters, kept to tell keys from one another */

/* Whether the text is meant as an API key (NULL is not). */
bool auth_is_api_key(const char *token);

struct auth_key_new {
	atelier_id user_id;
	const char *name;
	unsigned scopes;           /* bits of enum auth_scope; not 0 */
	const char *const *models; /* ids and patterns with * and ?; NULL: all */
	size_t n_models;
	int64_t expires_at; /* Unix ms; 0: never */
};

/* Makes and stores a key; only its hash is kept, so this is the one time that it can be shown. */
int auth_key_create(struct auth *a, const struct auth_key_new *in, char ret_key[AUTH_API_KEY_LEN + 1],
	atelier_id *ret_id, struct err *e) MUST_CHECK;

/* Whether the key's list has the model's id, or a pattern that fits; "name" also stands for "name:latest". True for
 * whoever has no key. */
bool auth_key_allows_model(const struct auth_identity *who, const char *model_id);

/* Words of "gateway api models" as bits, and back; an unknown word is left out. */
unsigned auth_scopes_parse(const char *words);
#define AUTH_SCOPES_MAX 32
void auth_scopes_format(unsigned scopes, char ret[AUTH_SCOPES_MAX]);

/* A JSON array of strings (as a key's models are stored) in the arena; NULL text is NULL. */
int auth_models_parse(
	const char *json, struct arena *mem, const char *const **ret, size_t *ret_n, struct err *e) MUST_CHECK;
int auth_models_format(
	const char *const *models, size_t n, struct arena *mem, const char **ret) MUST_CHECK; /* -ENOMEM */

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
