/*
 * oauth_api.c - signing in to /mcp without copying a key (OAuth 2.1): a program registers, its person says yes on a page of
 * ours, and it gets an API key for the code that it brings. Nothing is kept before that: see oauth.h and docs/decisions/108.
 */
#include <strings.h>

#include <sodium.h>

#include "api/oauth.h"
#include "auth/renewal.h"
#include "base/clock.h"
#include "store/keys.h"

enum { VERIFIER_MIN = 43, VERIFIER_MAX = 128 };
enum { B64_URL = sodium_base64_VARIANT_URLSAFE_NO_PADDING };
#define ASK_MS   ((int64_t)15 * 60000)
#define CODE_MS  ((int64_t)60000)
#define DAY_S    86400
#define HASH_HEX (2 * crypto_hash_sha256_BYTES + 1)

/* ---- what there is ---- */

static int answer_json(struct request *q, int status, json_t *taken)
{
	CLEANUP(json_decrefp) json_t *o = taken;

	q->raw = BUF_INIT(1 << 20);
	q->status = status;
	http_set_header(q->x, "Cache-Control", "no-store");
	json_add_value(&q->raw, o);
	return buf_status(&q->raw);
}

static int resource_get(struct request *q)
{
	const char *base = oauth_base(q);

	if (!base)
		return request_no_memory(q);
	return answer_json(q, 200,
		json_pack("{s:o,s:[s],s:[s],s:[s],s:s}", "resource", json_sprintf("%s/mcp", base),
			"authorization_servers", base, "scopes_supported", "api", "bearer_methods_supported", "header",
			"resource_name", "Atelier"));
}

static int server_get(struct request *q)
{
	const char *base = oauth_base(q);

	if (!base)
		return request_no_memory(q);
	return answer_json(q, 200,
		json_pack("{s:s,s:o,s:o,s:o,s:o,s:[s],s:[s],s:[ss],s:[s],s:[s],s:[s],s:b,s:b}", "issuer", base,
			"authorization_endpoint", json_sprintf("%s/oauth/authorize", base), "token_endpoint",
			json_sprintf("%s/oauth/token", base), "registration_endpoint",
			json_sprintf("%s/oauth/register", base), "revocation_endpoint",
			json_sprintf("%s/oauth/revoke", base), "revocation_endpoint_auth_methods_supported", "none",
			"response_types_supported", "code", "grant_types_supported", "authorization_code",
			"refresh_token", "code_challenge_methods_supported", "S256",
			"token_endpoint_auth_methods_supported", "none", "scopes_supported", "api",
			"authorization_response_iss_parameter_supported", 1, "client_id_metadata_document_supported",
			(int)oauth_client_documents_offered(q)));
}

static int refuse(struct request *q, const char *error, const char *why)
{
	return answer_json(q, 400, json_pack("{s:s,s:s}", "error", error, "error_description", why));
}

/* ---- a program registers ---- */

static int register_post(struct request *q)
{
	CLEANUP(json_decrefp) json_t *in = NULL, *client = NULL;
	struct str body = http_body(q->x);
	struct err unreadable = {0};
	const char *error, *why;

	if (json_read(body.p, body.n, JSON_MEMORY, JSON_READ_MILD, &in, &unreadable) < 0)
		return refuse(q, "invalid_client_metadata", "This is no JSON object.");
	client = oauth_client_read(in, &error, &why);
	if (!client)
		return refuse(q, error, why);
	bool renews = json_is_true(json_object_get(client, "renews"));
	const char *id = oauth_seal(q, "client", client);
	if (!id)
		return q->err.code;
	return answer_json(q, 201,
		json_pack("{s:s,s:O,s:O,s:[ss*],s:[s],s:s,s:s}", "client_id", id, "client_name",
			json_object_get(client, "name"), "redirect_uris", json_object_get(client, "uris"),
			"grant_types", "authorization_code", renews ? "refresh_token" : NULL, "response_types", "code",
			"token_endpoint_auth_method", "none", "scope", "api"));
}

/* ---- its person is asked ---- */

/* The program's, with an answer: `name` is code or error. NULL: no memory. */
static const char *address_back(struct request *q, const json_t *ask, const char *name, const char *value)
{
	CLEANUP(buf_done) struct buf to = BUF_INIT(1 << 16);
	const char *state = json_get_str(ask, "state"), *base = oauth_base(q);

	buf_add_str(&to, json_get_str(ask, "uri"));
	oauth_add_query(&to, name, value);
	if (state)
		oauth_add_query(&to, "state", state);
	if (base)
		oauth_add_query(&to, "iss", base);
	return buf_status(&to) == 0 ? arena_strndup(&q->mem, to.p, to.n) : NULL;
}

static int send_back(struct request *q, const json_t *ask, const char *name, const char *value)
{
	const char *at = address_back(q, ask, name, value);

	if (!at)
		return request_no_memory(q);
	http_set_header(q->x, "Location", at);
	return oauth_page_says(q, 303, OAUTH_BACK);
}

/* Anybody may register an address: nobody is sent to one that has not pressed something here (RFC 9700, 4.11.2). */
static int tell_error(struct request *q, const json_t *ask, const char *error)
{
	const char *at = address_back(q, ask, "error", error);

	if (!at)
		return request_no_memory(q);
	return oauth_page_error(q, error, at, json_get_str(ask, "uri"));
}

/* Whether what is asked for is /mcp here, as the client has its address, or all of it. */
static bool is_ours(struct request *q, const char *resource)
{
	const char *base = oauth_base(q);
	size_t n = base ? strlen(base) : 0;

	if (!resource)
		return true;
	return base && strncasecmp(resource, base, n) == 0 &&
	       (str_word_place("/mcp /mcp/ /", str_from(resource + n)) >= 0 || !resource[n]);
}

/* What the address says, as an object that can be sealed. *ret_wrong: the program's address is not to be believed, which
 * gives NULL (else -1); *ret_error: what is wrong with the rest. */
static json_t *read_ask(struct request *q, const json_t *client, int *ret_wrong, const char **ret_error)
{
	const char *uri = http_query(q->x, "redirect_uri"), *challenge = http_query(q->x, "code_challenge"),
		   *how = http_query(q->x, "code_challenge_method"), *type = http_query(q->x, "response_type");
	const json_t *uris = json_object_get(client, "uris");

	*ret_wrong = -1;
	*ret_error = NULL;
	if (!client)
		*ret_wrong = OAUTH_UNKNOWN_PROGRAM;
	else if (!uri && json_array_size(uris) == 1)
		uri = json_string_value(json_array_get(uris, 0));
	if (client && (!uri || !oauth_may_go(uri) || !oauth_is_registered(uris, uri)))
		*ret_wrong = OAUTH_OTHER_ADDRESS;
	if (*ret_wrong >= 0)
		return NULL;
	if (!type || strcmp(type, "code") != 0)
		*ret_error = "unsupported_response_type";
	else if (!challenge || strlen(challenge) != VERIFIER_MIN || !how || strcmp(how, "S256") != 0)
		*ret_error = "invalid_request";
	else if (!is_ours(q, http_query(q->x, "resource")))
		*ret_error = "invalid_target";
	return json_pack("{s:O,s:O*,s:s,s:s*,s:s*,s:s,s:b}", "name", json_object_get(client, "name"), "host",
		json_object_get(client, "host"), "uri", uri, "challenge", challenge, "state", http_query(q->x, "state"),
		"client", http_query(q->x, "client_id"), "renews", json_is_true(json_object_get(client, "renews")));
}

static int show_ask(struct request *q, json_t *ask)
{
	char user[ID_LEN + 1];

	id_format(q->who.user.id, user);
	json_object_set_new(ask, "user", json_string(user));
	json_object_set_new(ask, "until", json_integer(clock_now_ms() + ASK_MS));
	const char *sealed = oauth_seal(q, "ask", ask);
	if (!sealed)
		return q->err.code;
	return oauth_page_ask(q, ask, sealed);
}

/* 1: somebody is signed in; 0: nobody, and the page says so. */
static int ask_who(struct request *q)
{
	int r = request_identify(q);

	if (r == E_UNAUTHORIZED || (r == 0 && !q->who.session_id)) {
		err_clear(&q->err);
		return oauth_page_sign_in(q);
	}
	return r < 0 ? r : 1;
}

/* What the program asks for. `client` NULL: there is none of this id. */
static int answer_ask(struct request *q, const json_t *client)
{
	const char *error;
	int wrong;
	CLEANUP(json_decrefp) json_t *ask = read_ask(q, client, &wrong, &error);

	if (wrong >= 0)
		return oauth_page_says(q, 400, (enum oauth_said)wrong);
	if (!ask)
		return request_no_memory(q);
	if (error)
		return tell_error(q, ask, error);
	int r = ask_who(q);
	return r <= 0 ? r : show_ask(q, ask);
}

/* To the address that takes its time, with what this one was asked. */
static int to_document(struct request *q)
{
	CLEANUP(buf_done) struct buf to = BUF_INIT(1 << 16);

	buf_add_str(&to, "program");
	for (size_t i = 0; i < q->route->n_params; i++) {
		const char *value = http_query(q->x, q->route->params[i].name);

		if (value)
			oauth_add_query(&to, q->route->params[i].name, value);
	}
	const char *at = buf_status(&to) == 0 ? arena_strndup(&q->mem, to.p, to.n) : NULL;
	if (!at)
		return request_no_memory(q);
	http_set_header(q->x, "Location", at);
	return oauth_page_says(q, 303, OAUTH_BACK);
}

/* Nothing is fetched for somebody who is not signed in. */
static int authorize_get(struct request *q)
{
	const char *id = http_query(q->x, "client_id");

	if (oauth_client_has_document(id)) {
		int r = ask_who(q);
		return r <= 0 ? r : to_document(q);
	}
	CLEANUP(json_decrefp) json_t *client = oauth_open(q, "client", id);
	return answer_ask(q, client);
}

static int program_get(struct request *q)
{
	const char *id = http_query(q->x, "client_id");
	CLEANUP(json_decrefp) json_t *client = oauth_client_has_document(id) ? oauth_client_fetch(q, id) : NULL;

	return answer_ask(q, client);
}

/* The key that the code will be worth is drawn here, so that a code brought twice makes the same key twice, which fails. */
static int give_code(struct request *q, json_t *ask)
{
	char token[AUTH_TOKEN_LEN + 1];

	auth_make_token(token);
	json_object_set_new(ask, "token", json_string(token));
	json_object_set_new(ask, "until", json_integer(clock_now_ms() + CODE_MS));
	sodium_memzero(token, sizeof(token));
	const char *code = oauth_seal(q, "code", ask);
	return code ? send_back(q, ask, "code", code) : q->err.code;
}

static int authorize_post(struct request *q)
{
	CLEANUP(json_decrefp) json_t *ask = oauth_open(q, "ask", http_query(q->x, "ask"));
	const char *answer = http_query(q->x, "answer"), *user = json_get_str(ask, "user");
	char name[OAUTH_NAME_MAX + 1];
	atelier_id id;

	if (!user || !id_parse(user, strlen(user), &id) || id != q->who.user.id)
		return oauth_page_says(q, 400, OAUTH_NOT_YOURS);
	if (!answer || strcmp(answer, "yes") != 0)
		return send_back(q, ask, "error", "access_denied");
	oauth_client_name(ask, name);
	request_audit(q, "lets a program in to /mcp: %s", name);
	return give_code(q, ask);
}

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
	return answer_json(q, 200,
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
		return refuse(q, "invalid_grant", "The code is not known, too old, or of another program.");
	int r = make_key(q, code, renews, key, &id);
	if (is_grant_error(r))
		return refuse(q, "invalid_grant", err_public_text(&q->err));
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
		return refuse(q, "invalid_grant", "The refresh token is not known, too old, or of another program.");
	int r = auth_key_renew(q->api->c.auth, &x, token_ends(), key_ends(), key, &q->err);
	sodium_memzero(x.key, sizeof(x.key));
	if (r == E_CONFLICT) {
		api_end(q->api, &(struct ending){.key_id = x.key_id});
		request_audit(q, "API key %s is ended, for its refresh token was used twice", json_get_str(o, "key"));
	}
	if (is_grant_error(r))
		return refuse(q, "invalid_grant", err_public_text(&q->err));
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
		return refuse(q, "unsupported_grant_type", "\"grant_type\" is authorization_code or refresh_token.");
	if (!is_ours(q, oauth_form(q, "resource")))
		return refuse(q, "invalid_target", "Tokens are for /mcp of this Atelier alone.");
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
		return refuse(q, "invalid_request", "\"token\" is missing.");
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
	return answer_json(q, 200, json_object());
}

/* clang-format off */
static const struct param ask_params[] = {
	{.name = "client_id", .type = PARAM_STR, .required = true, .max = 20000, .doc = "As the program was registered."},
	{.name = "redirect_uri", .type = PARAM_STR, .max = 1000, .doc = "Where its person comes back to."},
	{.name = "response_type", .type = PARAM_STR, .max = 100, .doc = "code."},
	{.name = "code_challenge", .type = PARAM_STR, .max = 200, .doc = "PKCE."},
	{.name = "code_challenge_method", .type = PARAM_STR, .max = 20, .doc = "S256."},
	{.name = "state", .type = PARAM_STR, .max = 4000, .doc = "Comes back as it is."},
	{.name = "scope", .type = PARAM_STR, .max = 1000, .doc = "There is one: api."},
	{.name = "resource", .type = PARAM_STR, .max = 1000, .doc = "The address of /mcp."},
};
static const struct param answer_params[] = {
	{.name = "ask", .type = PARAM_STR, .required = true, .max = 40000, .doc = "What was asked, sealed."},
	{.name = "answer", .type = PARAM_STR, .required = true, .max = 10, .doc = "yes, or no."},
};
#define JSON_MEDIA "application/json"
#define HTML_MEDIA "text/html; charset=utf-8"
#define PUBLIC     ACCESS_PUBLIC, ROUTE_ABSENT
static const struct route routes[] = {
	{"GET", "/.well-known/oauth-protected-resource", "describeMcp", resource_get, PUBLIC, .status = 200, .media = JSON_MEDIA,
		.summary = "Who gives out tokens for /mcp."},
	{"GET", "/.well-known/oauth-protected-resource/mcp", "describeMcpByPath", resource_get, PUBLIC, .status = 200, .media = JSON_MEDIA,
		.summary = "The same, as RFC 9728 has the address."},
	{"GET", "/.well-known/oauth-authorization-server", "describeSigningIn", server_get, PUBLIC, .status = 200, .media = JSON_MEDIA,
		.summary = "How programs sign in to /mcp (OAuth 2.1)."},
	{"POST", "/oauth/register", "registerProgram", register_post, PUBLIC, .status = 201, .media = JSON_MEDIA, SHORT_BODY,
		.body_schema = "{\"type\":\"object\"}", .summary = "A program says what it is called and where it is called back (RFC 7591)."},
	{"GET", "/oauth/authorize", "askToSignIn", authorize_get, PUBLIC, .status = 200, .media = HTML_MEDIA, PARAMS(ask_params),
		FAILS(E_FORBIDDEN, E_SETUP_REQUIRED, E_RATE_LIMITED), .summary = "The page on which a person lets a program in."},
	{"GET", "/oauth/program", "askToSignInByDocument", program_get, ACCESS_USER, ROUTE_ABSENT | ROUTE_SESSION | ROUTE_SLOW, .status = 200,
		.media = HTML_MEDIA, PARAMS(ask_params), .summary = "The same for a program whose client_id is the address of what it says of itself."},
	{"POST", "/oauth/authorize", "answerToSignIn", authorize_post, ACCESS_USER, ROUTE_ABSENT | ROUTE_SESSION, .status = 303,
		.media = HTML_MEDIA, PARAMS(answer_params), SHORT_BODY, .summary = "The person's answer: back to the program."},
	{"POST", "/oauth/token", "getToken", token_post, PUBLIC, .status = 200, .media = JSON_MEDIA, SHORT_BODY,
		.body_schema = "{\"type\":\"object\"}", .summary = "A code for an API key, once; a refresh token for the next one."},
	{"POST", "/oauth/revoke", "revokeToken", revoke_post, PUBLIC, .status = 200, .media = JSON_MEDIA, SHORT_BODY,
		.body_schema = "{\"type\":\"object\"}", .summary = "A program gives its key back (RFC 7009)."},
};
/* clang-format on */
const struct route_set oauth_routes = ROUTES(routes);
