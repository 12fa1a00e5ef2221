/*
 * oauth_api.c - signing in to /mcp without copying a key (OAuth 2.1): a program registers, its person says yes on a page of
 * ours, and it gets an API key for the code that it brings. Nothing is kept before that: see oauth.h and docs/decisions/108.
 */
#include <strings.h>

#include <sodium.h>

#include "api/oauth.h"
#include "auth/renewal.h"
#include "base/clock.h"
#include "base/utf8.h"

enum { URIS_MAX = 10, NAME_MAX_BYTES = 80, VERIFIER_MIN = 43, VERIFIER_MAX = 128 };
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
		json_pack("{s:s,s:o,s:o,s:o,s:[s],s:[ss],s:[s],s:[s],s:[s],s:b}", "issuer", base,
			"authorization_endpoint", json_sprintf("%s/oauth/authorize", base), "token_endpoint",
			json_sprintf("%s/oauth/token", base), "registration_endpoint",
			json_sprintf("%s/oauth/register", base), "response_types_supported", "code",
			"grant_types_supported", "authorization_code", "refresh_token",
			"code_challenge_methods_supported", "S256", "token_endpoint_auth_methods_supported", "none",
			"scopes_supported", "api", "authorization_response_iss_parameter_supported", 1));
}

static int refuse(struct request *q, const char *error, const char *why)
{
	return answer_json(q, 400, json_pack("{s:s,s:s}", "error", error, "error_description", why));
}

/* ---- a program registers ---- */

static bool are_good(const json_t *uris)
{
	const json_t *item;
	size_t i, n = json_array_size(uris);

	json_array_foreach(uris, i, item)
	{
		if (!json_is_string(item) || !oauth_may_go(json_string_value(item)))
			return false;
	}
	return n > 0 && n <= URIS_MAX;
}

static bool has_word(const json_t *list, const char *word)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		if (json_is_string(item) && strcmp(json_string_value(item), word) == 0)
			return true;
	}
	return false;
}

static int register_post(struct request *q)
{
	CLEANUP(json_decrefp) json_t *in = NULL, *client = NULL;
	struct str body = http_body(q->x);
	struct err unreadable = {0};

	if (json_read(body.p, body.n, JSON_MEMORY, JSON_READ_MILD, &in, &unreadable) < 0 || !json_is_object(in))
		return refuse(q, "invalid_client_metadata", "This is no JSON object.");
	json_t *uris = json_object_get(in, "redirect_uris");
	const char *name = json_get_str(in, "client_name"), *how = json_get_str(in, "token_endpoint_auth_method");
	if (!are_good(uris))
		return refuse(q, "invalid_redirect_uri",
			"\"redirect_uris\" are one to ten addresses with https, of this machine, or of a scheme of the "
			"program's own.");
	if (how && strcmp(how, "none") != 0)
		return refuse(q, "invalid_client_metadata",
			"Programs have no secret here: \"token_endpoint_auth_method\" is none.");
	size_t n = name ? utf8_prefix(name, strlen(name), NAME_MAX_BYTES) : 0;
	bool renews = has_word(json_object_get(in, "grant_types"), "refresh_token");
	client = json_pack("{s:o,s:O,s:b}", "name", n ? json_stringn(name, n) : json_string("A program"), "uris", uris,
		"renews", renews);
	const char *id = client ? oauth_seal(q, "client", client) : NULL;
	if (!id)
		return client ? q->err.code : request_no_memory(q);
	return answer_json(q, 201,
		json_pack("{s:s,s:O,s:O,s:[ss*],s:[s],s:s,s:s}", "client_id", id, "client_name",
			json_object_get(client, "name"), "redirect_uris", uris, "grant_types", "authorization_code",
			renews ? "refresh_token" : NULL, "response_types", "code", "token_endpoint_auth_method", "none",
			"scope", "api"));
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
static json_t *read_ask(struct request *q, int *ret_wrong, const char **ret_error)
{
	CLEANUP(json_decrefp) json_t *client = oauth_open(q, "client", http_query(q->x, "client_id"));
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
	return json_pack("{s:O,s:s,s:s*,s:s*,s:s,s:b}", "name", json_object_get(client, "name"), "uri", uri,
		"challenge", challenge, "state", http_query(q->x, "state"), "client", http_query(q->x, "client_id"),
		"renews", json_is_true(json_object_get(client, "renews")));
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

static int authorize_get(struct request *q)
{
	const char *error;
	int wrong;
	CLEANUP(json_decrefp) json_t *ask = read_ask(q, &wrong, &error);

	if (wrong >= 0)
		return oauth_page_says(q, 400, (enum oauth_said)wrong);
	if (!ask)
		return request_no_memory(q);
	if (error)
		return tell_error(q, ask, error);
	int r = request_identify(q);
	if (r == E_UNAUTHORIZED || (r == 0 && !q->who.session_id)) {
		err_clear(&q->err);
		return oauth_page_sign_in(q);
	}
	return r < 0 ? r : show_ask(q, ask);
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
	atelier_id id;

	if (!user || !id_parse(user, strlen(user), &id) || id != q->who.user.id)
		return oauth_page_says(q, 400, OAUTH_NOT_YOURS);
	if (!answer || strcmp(answer, "yes") != 0)
		return send_back(q, ask, "error", "access_denied");
	request_audit(q, "lets a program in to /mcp: %s", json_get_str(ask, "name"));
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

/* A token, and with it what renews it where the program does that; `client` is its hash. */
static int give_key(struct request *q, const char *key, atelier_id id, bool renews, const char *client)
{
	CLEANUP(json_decrefp) json_t *o = NULL;
	char key_id[ID_LEN + 1], hash[HASH_HEX];
	struct auth_renewal next;
	const char *refresh = NULL;

	if (renews) {
		auth_renewal_make(id, key, &next);
		id_format(id, key_id);
		sodium_bin2hex(hash, sizeof(hash), next.hash, sizeof(next.hash));
		o = json_pack("{s:s,s:s,s:s,s:I}", "key", key_id, "hash", hash, "client", client, "until",
			(json_int_t)key_ends());
		refresh = oauth_seal(q, "refresh", o);
		if (!refresh)
			return q->err.code;
	}
	return answer_json(q, 200,
		json_pack("{s:s,s:s,s:i,s:s*,s:s}", "access_token", key, "token_type", "Bearer", "expires_in",
			renews ? OAUTH_TOKEN_S : OAUTH_KEY_DAYS * DAY_S, "refresh_token", refresh, "scope", "api"));
}

static int make_key(struct request *q, const json_t *code, bool renews, char key[AUTH_API_KEY_LEN + 1], atelier_id *ret)
{
	const char *user = json_get_str(code, "user"), *token = json_get_str(code, "token");
	atelier_id user_id;

	if (!user || !token || !id_parse(user, strlen(user), &user_id))
		return err_set(&q->err, E_INVALID, "The code is not whole.");
	return auth_key_create(q->api->c.auth,
		&(struct auth_key_new){.user_id = user_id,
			.name = json_get_str(code, "name"),
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
	r = give_key(q, key, id, renews, hash);
	sodium_memzero(key, sizeof(key));
	return r;
}

static bool read_renewal(const json_t *o, struct auth_renewal *ret)
{
	const char *id = json_get_str(o, "key"), *hash = json_get_str(o, "hash");
	size_t n = 0;

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
	if (r == E_CONFLICT) {
		api_end(q->api, &(struct ending){.key_id = x.key_id});
		request_audit(q, "API key %s is ended, for its refresh token was used twice", json_get_str(o, "key"));
	}
	if (is_grant_error(r))
		return refuse(q, "invalid_grant", err_public_text(&q->err));
	if (r < 0)
		return r;
	r = give_key(q, key, x.key_id, true, hash);
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
	{"POST", "/oauth/authorize", "answerToSignIn", authorize_post, ACCESS_USER, ROUTE_ABSENT | ROUTE_SESSION, .status = 303,
		.media = HTML_MEDIA, PARAMS(answer_params), SHORT_BODY, .summary = "The person's answer: back to the program."},
	{"POST", "/oauth/token", "getToken", token_post, PUBLIC, .status = 200, .media = JSON_MEDIA, SHORT_BODY,
		.body_schema = "{\"type\":\"object\"}", .summary = "A code for an API key, once; a refresh token for the next one."},
};
/* clang-format on */
const struct route_set oauth_routes = ROUTES(routes);
