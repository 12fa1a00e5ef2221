/*
 * oauth_token.c - what a program gets for the code that its person's yes gave it (OAuth 2.1): an API key, which it renews and gives
 * back. See oauth.h and docs/decisions/109.
 */
#include <sodium.h>

#include "api/oauth.h"
#include "auth/renewal.h"
#include "base/clock.h"
#include "store/keys.h"

enum { VERIFIER_MIN = 43, VERIFIER_MAX = 128 };
enum { B64_URL = sodium_base64_VARIANT_URLSAFE_NO_PADDING };
#define DAY_S    86400
#define HASH_HEX (2 * crypto_hash_sha256_BYTES + 1)

/* ---- a code becomes a key, and a key is renewed ---- */

static int64_t key_ends(void)
{
	return clock_now_ms() + (int64_t)OAUTH_KEY_DAYS * DAY_S * 1000;
}

static int64_t token_ends(void)
{
	return clock_now_ms() + (int64_t)OAUTH_TOKEN_S * 1000;
}

static bool proves(const char *verifier, const char *challenge)
{
	unsigned char hash[crypto_hash_sha256_BYTES];
	char text[sodium_base64_ENCODED_LEN(sizeof(hash), B64_URL)];
	size_t n = verifier ? strlen(verifier) : 0;

	if (n < VERIFIER_MIN || n > VERIFIER_MAX || !challenge)
		return false;
	crypto_hash_sha256(hash, (const unsigned char *)verifier, n);
	sodium_bin2base64(text, sizeof(text), hash, sizeof(hash), B64_URL);
	return strlen(challenge) == strlen(text) && sodium_memcmp(challenge, text, strlen(text)) == 0;
}

/* Of a client's id, which may be long. */
static void client_hash(const char *client, char ret[HASH_HEX])
{
	unsigned char hash[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(hash, (const unsigned char *)client, strlen(client));
	sodium_bin2hex(ret, HASH_HEX, hash, sizeof(hash));
}

/* A token of `seconds`, and with it what renews it where the program does that; `client` is its hash. */
static int give_key(struct request *q, const char *key, atelier_id id, bool renews, int seconds, const char *client)
{
	CLEANUP(json_decrefp) json_t *o = NULL;
	char key_id[ID_LEN + 1], hash[HASH_HEX];
	struct auth_renewal next;
	const char *refresh = NULL;

	ASSERT(id && seconds > 0);
	if (renews) {
		auth_renewal_make(id, key, &next);
		id_format(id, key_id);
		sodium_bin2hex(hash, sizeof(hash), next.hash, sizeof(next.hash));
		o = json_pack("{s:s,s:s,s:s,s:s,s:I}", "key", key_id, "hash", hash, "token", next.key, "client", client,
			"until", (json_int_t)key_ends());
		sodium_memzero(&next, sizeof(next));
		refresh = oauth_seal(q, "refresh", o);
		if (!refresh)
			return q->err.code;
	}
	return oauth_answer(q, 200,
		json_pack("{s:s,s:s,s:i,s:s*,s:s}", "access_token", key, "token_type", "Bearer", "expires_in", seconds,
			"refresh_token", refresh, "scope", "api"));
}

static int make_key(struct request *q, const json_t *code, bool renews, char key[AUTH_API_KEY_LEN + 1], atelier_id *ret)
{
	const char *user = json_get_str(code, "user"), *token = json_get_str(code, "token");
	char name[OAUTH_NAME_MAX + 1];
	atelier_id user_id;

	if (!user || !token || !id_parse(user, strlen(user), &user_id))
		return err_set(&q->err, E_INVALID, "The code is not whole.");
	oauth_client_name(code, name);
	return auth_key_create(q->api->c.auth,
		&(struct auth_key_new){.user_id = user_id,
			.name = name,
			.scopes = AUTH_SCOPE_API,
			.token = token,
			.expires_at = key_ends(),
			.token_ends_at = renews ? token_ends() : 0},
		key, ret, &q->err);
}

/* What is wrong with a code or a refresh token is the program's to mend, by signing in anew. */
static bool is_grant_error(int r)
{
	return r == E_CONFLICT || r == E_INVALID || r == E_NOT_FOUND;
}

static int take_code(struct request *q)
{
	const char *client = oauth_form(q, "client_id"), *uri = oauth_form(q, "redirect_uri");
	CLEANUP(json_decrefp) json_t *code = oauth_open(q, "code", oauth_form(q, "code"));
	const char *of = json_get_str(code, "client");
	bool renews = json_is_true(json_object_get(code, "renews"));
	char key[AUTH_API_KEY_LEN + 1], hash[HASH_HEX];
	atelier_id id = 0;

	if (!code || !of || !client || strcmp(client, of) != 0 ||
		(uri && strcmp(uri, json_get_str(code, "uri")) != 0) ||
		!proves(oauth_form(q, "code_verifier"), json_get_str(code, "challenge")))
		return oauth_refuse(q, "invalid_grant", "The code is not known, too old, or of another program.");
	int r = make_key(q, code, renews, key, &id);
	if (is_grant_error(r))
		return oauth_refuse(q, "invalid_grant", err_public_text(&q->err));
	if (r < 0)
		return r;
	client_hash(client, hash);
	r = give_key(q, key, id, renews, renews ? OAUTH_TOKEN_S : OAUTH_KEY_DAYS * DAY_S, hash);
	sodium_memzero(key, sizeof(key));
	return r;
}

static bool read_renewal(const json_t *o, struct auth_renewal *ret)
{
	const char *id = json_get_str(o, "key"), *hash = json_get_str(o, "hash"), *token = json_get_str(o, "token");
	size_t n = 0;

	snprintf(ret->key, sizeof(ret->key), "%s", token ? token : "");
	if (!id || !hash || !id_parse(id, strlen(id), &ret->key_id))
		return false;
	return sodium_hex2bin(ret->hash, sizeof(ret->hash), hash, strlen(hash), NULL, &n, NULL) == 0 &&
	       n == sizeof(ret->hash);
}

static int take_refresh(struct request *q)
{
	const char *client = oauth_form(q, "client_id");
	CLEANUP(json_decrefp) json_t *o = oauth_open(q, "refresh", oauth_form(q, "refresh_token"));
	const char *of = json_get_str(o, "client");
	char key[AUTH_API_KEY_LEN + 1], hash[HASH_HEX] = "";
	struct auth_renewal x;

	if (client)
		client_hash(client, hash);
	if (!of || strcmp(hash, of) != 0 || !read_renewal(o, &x))
		return oauth_refuse(
			q, "invalid_grant", "The refresh token is not known, too old, or of another program.");
	int r = auth_key_renew(q->api->c.auth, &x, token_ends(), key_ends(), key, &q->err);
	sodium_memzero(x.key, sizeof(x.key));
	if (r == E_CONFLICT) {
		api_end(q->api, &(struct ending){.key_id = x.key_id});
		request_audit(q, "API key %s is ended, for its refresh token was used twice", json_get_str(o, "key"));
	}
	if (is_grant_error(r))
		return oauth_refuse(q, "invalid_grant", err_public_text(&q->err));
	if (r < 0)
		return r;
	/* It may be one that was given a moment ago. */
	r = give_key(q, key, x.key_id, true, OAUTH_TOKEN_S - AUTH_RENEWAL_REPEAT_S, hash);
	sodium_memzero(key, sizeof(key));
	return r;
}

static int token_post(struct request *q)
{
	const char *grant = oauth_form(q, "grant_type");
	bool refresh = grant && strcmp(grant, "refresh_token") == 0;

	if (!grant || (!refresh && strcmp(grant, "authorization_code") != 0))
		return oauth_refuse(
			q, "unsupported_grant_type", "\"grant_type\" is authorization_code or refresh_token.");
	if (!oauth_is_ours(q, oauth_form(q, "resource")))
		return oauth_refuse(q, "invalid_target", "Tokens are for /mcp of this Atelier alone.");
	return refresh ? take_refresh(q) : take_code(q);
}

/* ---- a program gives its key back (RFC 7009) ---- */

static bool is_of_client(const json_t *refresh, const char *client)
{
	const char *of = json_get_str(refresh, "client");
	char hash[HASH_HEX];

	if (!of || !client)
		return false;
	client_hash(client, hash);
	return strcmp(hash, of) == 0;
}

/* The key of a token, or of a refresh token, however old, of this program; 0: there is none. */
static int find_key(struct request *q, const char *token, atelier_id *ret)
{
	CLEANUP(json_decrefp) json_t *refresh = oauth_open(q, "refresh", token);
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	struct auth_identity who;
	struct auth_renewal x;
	struct err unknown = {0};

	*ret = 0;
	if (is_of_client(refresh, oauth_form(q, "client_id")) && read_renewal(refresh, &x))
		*ret = x.key_id;
	sodium_memzero(&x, sizeof(x));
	if (refresh || !auth_is_api_key(token))
		return 0;
	int r = auth_identify(q->api->c.auth, c, NULL, token, &q->mem, &who, &unknown);
	if (r == 0)
		*ret = who.key_id;
	return r == 0 || r == E_UNAUTHORIZED ? 0 : err_set(&q->err, r, "%s", unknown.msg);
}

/* Whoever holds a token may end it; of one that is nobody's the answer is the same. */
static int revoke_post(struct request *q)
{
	const char *token = oauth_form(q, "token");
	char name[ID_LEN + 1];
	atelier_id id, owner;

	if (!token)
		return oauth_refuse(q, "invalid_request", "\"token\" is missing.");
	int r = find_key(q, token, &id);
	if (r < 0)
		return r;
	r = id ? keys_delete(q->api->c.db, 0, id, &owner, &q->err) : E_NOT_FOUND;
	if (r < 0 && r != E_NOT_FOUND)
		return r;
	err_clear(&q->err);
	if (r == 0) {
		id_format(id, name);
		api_end(q->api, &(struct ending){.key_id = id});
		request_audit(q, "API key %s is given back by its program", name);
	}
	return oauth_answer(q, 200, json_object());
}

/* clang-format off */
#define JSON_MEDIA "application/json"
static const struct route routes[] = {
	{"POST", "/oauth/token", "getToken", token_post, ACCESS_PUBLIC, ROUTE_ABSENT, .status = 200, .media = JSON_MEDIA, SHORT_BODY,
		.body_schema = "{\"type\":\"object\"}", .summary = "A code for an API key, once; a refresh token for the next one."},
	{"POST", "/oauth/revoke", "revokeToken", revoke_post, ACCESS_PUBLIC, ROUTE_ABSENT, .status = 200, .media = JSON_MEDIA, SHORT_BODY,
		.body_schema = "{\"type\":\"object\"}", .summary = "A program gives its key back (RFC 7009)."},
};
/* clang-format on */
const struct route_set oauth_token_routes = ROUTES(routes);
