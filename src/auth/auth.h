/*
 * auth.h - who somebody is and what they may do: passwords, sessions, the first administrator, throttling, and the
 * tokens of streams. Worker threads.
 */
#pragma once

#include "base/address.h"
#include "base/settings.h"
#include "db/db.h"
#include "store/users.h"
#include "store/vault.h"

struct auth; /* any thread */

/* `key_path`: the program's secret (32 bytes, mode 0600), made when missing; unused with settings.master_key. Borrowed. */
int auth_new(
	struct db *db, const struct settings *s, const char *key_path, struct auth **ret, struct err *e) MUST_CHECK;
void auth_free(struct auth *a);
/* E_STORAGE or E_INVALID when that file is not the one any more that the program began with. */
int auth_key_state(const struct auth *a, struct err *e) MUST_CHECK;

/* What the keys of providers are sealed with; its key is derived from the program's secret. Borrowed. */
const struct vault *auth_vault(const struct auth *a);
/* The same without an auth, for commands; makes no key file: E_NOT_FOUND when there is none. Wipe it after use. */
int auth_vault_open(const struct settings *s, const char *key_path, struct vault *ret, struct err *e) MUST_CHECK;

/* ---- passwords: Argon2id (64 MiB, 2 passes); the server makes few at once: line.h ---- */

/* E_INVALID with a sentence for one that is too short, too long, or among the first that somebody would guess. */
int auth_check_password(const char *name, const char *password, struct err *e) MUST_CHECK;

int auth_check_name(const char *name, struct err *e) MUST_CHECK; /* E_INVALID with a sentence */

/* Checks name rules, hashes and stores. */
int auth_create_user(struct db *db, const char *name, const char *password, const char *role, atelier_id *ret,
	struct err *e) MUST_CHECK;

/* Of an account that is made without a password: nothing is the right one, until a link has set one. */
#define AUTH_NO_PASSWORD ""

/* ---- links to set a password, which administrators hand over ---- */

#define AUTH_TOKEN_LEN 43 /* 32 random bytes, base64url */

struct auth_link {
	char token[AUTH_TOKEN_LEN + 1];
	int64_t expires_at; /* Unix ms */
};

/* A new one; the user's earlier one has ended. E_NOT_FOUND. */
int auth_link_new(struct auth *a, atelier_id user_id, struct auth_link *ret, struct err *e) MUST_CHECK;

/* Sets the password of whoever's link it is, once; all sessions of the user end. E_NOT_FOUND and E_EXPIRED for the link,
 * E_FORBIDDEN for somebody who is disabled, E_INVALID for the password. Takes the time of a hash. */
int auth_link_use(struct auth *a, const char *token, const char *password, struct arena *mem, struct user *ret,
	struct err *e) MUST_CHECK;

/* ---- the first administrator ---- */

/* The one-time code while no administrator exists, else NULL. Made at start, kept in memory, gone after use. */
const char *auth_setup_code(struct auth *a);
bool auth_setup_needed(struct auth *a);
/* `address`: of the client, whose wrong codes are counted. */
int auth_setup(struct auth *a, const char *code, const char *name, const char *password, const char *address,
	atelier_id *ret, struct err *e) MUST_CHECK;

/* ---- where a request comes from; header values or NULL ---- */

/* Whether what the peer (http_peer) says of others is believed: settings.trust_proxy and trusted_proxies. */
bool auth_is_proxy(const struct settings *s, const char *peer);

/* The client's address: the peer's, or what proxies that are believed say in X-Forwarded-For, all of its lines joined. */
void auth_client_address(const struct settings *s, const char *peer, const char *forwarded_for, char ret[ADDRESS_TEXT]);

struct auth_way {
	const char *peer, *host, *origin, *forwarded_proto, *forwarded_prefix;
	const char *page_base; /* X-Atelier-Base: the path that our page itself was opened at */
	bool tls;              /* our own connection is encrypted */
};

/* Whether the client's page came over https, so that a Secure cookie would stay. */
bool auth_came_by_https(const struct settings *s, const struct auth_way *w);

/* The same, and browsers may be told never to come by plain http again: not of localhost, whose other ports are not ours. */
bool auth_wants_https(const struct settings *s, const struct auth_way *w);

/* The path below which the client sees us, like "/atelier"; "" for none: as the page says, or a proxy that is believed, or
 * public_url when the request came by that. */
#define AUTH_PREFIX_LEN 128
void auth_prefix(const struct settings *s, const struct auth_way *w, char ret[AUTH_PREFIX_LEN]);

/* The same of public_url alone. */
void auth_public_prefix(const struct settings *s, char ret[AUTH_PREFIX_LEN]);

/* Whether the Host is public_url's. */
bool auth_is_public_host(const struct settings *s, const char *host);

/* Whether the Host is localhost, or a name below it. */
bool auth_is_local_name(const char *host);

/* Whether the Host is one that no stranger can point at us: localhost, an address, public_url's host, that of `listen`,
 * one of gateway_open_hosts. */
bool auth_is_our_host(const struct settings *s, const char *host);

/* Whoever tries a password. */
struct auth_visitor {
	char address[ADDRESS_TEXT];
	const char *device;     /* the token that the browser keeps; NULL: none */
	const char *user_agent; /* NULL: not known */
};

/* In which line they wait for the check (line.h), and whether as somebody known. */
#define AUTH_GROUP_LEN 64
bool auth_visitor_group(struct auth *a, const struct auth_visitor *v, char ret[AUTH_GROUP_LEN]);

/* A number that stands for this group until the program ends; never 0, and nobody can choose an address that has another's. */
uint64_t auth_visitor_number(struct auth *a, const struct auth_visitor *v);

/* ---- sessions ---- */

struct auth_session {
	char cookie[AUTH_TOKEN_LEN + 1];
	char bearer[AUTH_TOKEN_LEN + 1];
	int64_t expires_at;
};

/* E_UNAUTHORIZED with one sentence for unknown name and wrong password alike (and the same time), E_RATE_LIMITED. */
int auth_login(struct auth *a, const char *name, const char *password, const struct auth_visitor *from,
	struct arena *mem, struct user *ret_user, struct auth_session *ret, struct err *e) MUST_CHECK;

/* A session for a user who was just made, or has just given the password. */
int auth_session_new(struct auth *a, const struct user *u, const struct auth_visitor *from, struct auth_session *ret,
	struct err *e) MUST_CHECK;

/* What a request may do. A session may do all of it, an API key what its scopes say. */
enum auth_scope {
	AUTH_SCOPE_GATEWAY = 1, /* call models in the way of OpenAI, Anthropic and Ollama */
	AUTH_SCOPE_API = 2,     /* Atelier's own interface, like the user */
	AUTH_SCOPE_MODELS = 4,  /* look after models, when the user is an administrator */
	AUTH_SCOPE_ALL = 7,
};

struct auth_identity {
	struct user user;
	atelier_id session_id;             /* 0: no session */
	atelier_id key_id;                 /* 0: no API key */
	int64_t expires_at, token_ends_at; /* of all that it has open; for new requests. Unix ms; 0: never */
	unsigned scopes;                   /* bits of enum auth_scope */
	const char *const *models;         /* of a key: ids and patterns; NULL: all */
	size_t n_models;
	bool by_cookie; /* unsafe methods then need the cross-site check: by cookie, or with no credential at all */
};

/* Finds who has a session's cookie or bearer token, or an API key as the bearer token (either may be NULL; the bearer
 * wins). E_UNAUTHORIZED, with a sentence about the key for a key. */
int auth_identify(struct auth *a, struct db_conn *c, const char *cookie, const char *bearer, struct arena *mem,
	struct auth_identity *ret, struct err *e) MUST_CHECK;

/* The same for an API key that was used a moment ago, without the database; false: that has to be asked. */
bool auth_identify_known(struct auth *a, const char *key, struct arena *mem, struct auth_identity *ret) MUST_CHECK;

/* The user of settings.gateway_open_user, for a gateway request without a key, with the scope gateway alone.
 * E_UNAUTHORIZED when the setting is empty or there is no such user; E_FORBIDDEN when `host` (the header, NULL: none) is
 * no name of ours: then it may be a page that has pointed its own name at us. */
int auth_identify_open(struct auth *a, struct db_conn *c, const char *host, struct arena *mem,
	struct auth_identity *ret, struct err *e) MUST_CHECK;

/* Whether the session, or the key, is there still. E_UNAUTHORIZED. */
int auth_still_holds(struct db_conn *c, atelier_id session_id, atelier_id key_id, struct err *e) MUST_CHECK;

int auth_logout(struct auth *a, atelier_id session_id, struct err *e) MUST_CHECK;

struct auth_password_change {
	const char *current, *wanted;
	bool end_keys; /* the user's API keys, too */
};

/* Ends all sessions of the user. E_FORBIDDEN when the present password is wrong, E_RATE_LIMITED, E_INVALID. */
int auth_change_password(struct auth *a, const struct auth_identity *who, const struct auth_password_change *in,
	struct err *e) MUST_CHECK;

/* ---- devices: a browser keeps a token that shows that its user has signed in there before ---- */

#define AUTH_DEVICE_TOKEN_LEN 64

/* For somebody who is signed in. True with a new token to keep, when `old` (NULL: none) is not, or no longer, one of theirs. */
bool auth_device_renew(struct auth *a, const char *old, const struct user *u, char ret[AUTH_DEVICE_TOKEN_LEN + 1]);

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
	int64_t expires_at, token_ends_at; /* Unix ms; 0: never. The second: of a token that is renewed (renewal.h) */
	const char *token;                 /* NULL: one is drawn */
};
void auth_make_token(char ret[AUTH_TOKEN_LEN + 1]); /* 32 random bytes as base64url */

/* Makes and stores a key; only its hash is kept, so this is the one time that it can be shown. E_CONFLICT: too many, or of this token. */
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

/* ---- stream tokens: turn, expiry, and the session or key they were made with, signed; nothing to store ---- */
#define AUTH_STREAM_TOKEN_LEN 86
struct auth_stream {
	atelier_id turn_id, session_id, key_id;
	int64_t expires_at; /* of the link */
	/* Of a link that was opened: */
	atelier_id user_id;
	int64_t right_ends_at; /* of the session or key; 0: never */
};
void auth_stream_token(struct auth *a, const struct auth_stream *s, char ret[AUTH_STREAM_TOKEN_LEN + 1]);

/* E_UNAUTHORIZED for what we did not make, and when its session, key or user has ended since; E_EXPIRED. */
int auth_stream_open(
	struct auth *a, struct db_conn *c, const char *token, struct auth_stream *ret, struct err *e) MUST_CHECK;
