/*
 * oauth_api.c - signing in to /mcp without copying a key (OAuth 2.1): what is said of it, a program that registers, and its person
 * who says yes on a page of ours, for which it gets a code. What that is worth stands in oauth_token.c. Nothing is kept of all this:
 * see oauth.h and docs/decisions/108.
 */
#include <sodium.h>

#include "api/oauth.h"
#include "base/clock.h"

enum { CHALLENGE_LEN = 43 }; /* of a SHA-256, as base64url */
#define ASK_MS  ((int64_t)15 * 60000)
#define CODE_MS ((int64_t)60000)

/* ---- what there is ---- */

static int resource_get(struct request *q)
{
	const char *base = oauth_base(q);

	if (!base)
		return request_no_memory(q);
	return oauth_answer(q, 200,
		json_pack("{s:o,s:[s],s:[s],s:[s],s:s}", "resource", json_sprintf("%s/mcp", base),
			"authorization_servers", base, "scopes_supported", "api", "bearer_methods_supported", "header",
			"resource_name", "Atelier"));
}

static int server_get(struct request *q)
{
	const char *base = oauth_base(q);

	if (!base)
		return request_no_memory(q);
	return oauth_answer(q, 200,
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

/* ---- a program registers ---- */

static int register_post(struct request *q)
{
	CLEANUP(json_decrefp) json_t *in = NULL, *client = NULL;
	struct str body = http_body(q->x);
	struct err unreadable = {0};
	const char *error, *why;

	if (json_read(body.p, body.n, JSON_MEMORY, JSON_READ_MILD, &in, &unreadable) < 0)
		return oauth_refuse(q, "invalid_client_metadata", "This is no JSON object.");
	client = oauth_client_read(in, &error, &why);
	if (!client)
		return oauth_refuse(q, error, why);
	bool renews = json_is_true(json_object_get(client, "renews"));
	const char *id = oauth_seal(q, "client", client);
	if (!id)
		return q->err.code;
	return oauth_answer(q, 201,
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
	else if (!challenge || strlen(challenge) != CHALLENGE_LEN || !how || strcmp(how, "S256") != 0)
		*ret_error = "invalid_request";
	else if (!oauth_is_ours(q, http_query(q->x, "resource")))
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

	ASSERT(q->who.user.id && q->who.session_id); /* a person said yes, on the page */
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
};
/* clang-format on */
const struct route_set oauth_routes = ROUTES(routes);
