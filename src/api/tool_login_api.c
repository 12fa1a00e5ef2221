/* tool_login_api.c - signing in to a tool server that asks for it (OAuth): the address to open, and where the person comes back to. */
#include <stdio.h>

#include "api/request.h"
#include "store/tool_servers.h"
#include "sys/bus.h"
#include "tool/mcp_oauth.h"

#define COME_BACK V1 "/tool-logins"

struct login_answer {
	const char *url;
};
static const struct field login_fields[] = {
	FIELD_STR(struct login_answer, url, "url", 0, 0, FIELD_REQUIRED,
		"To be opened by the person; it comes back to Atelier."),
};
static const struct schema login_schema =
	SCHEMA("ToolServerLogin", struct login_answer, login_fields, "Where to sign in to a tool server.");

static int load(struct request *q, atelier_id id, struct tool_server *ret)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	int r = tool_servers_get(c, q->who.user.id, id, GRANT_USE, &q->mem, ret, &q->err);

	if (r == 0 && !ret->per_user && ret->may < GRANT_EDIT)
		r = err_set(&q->err, E_FORBIDDEN, "Only who may change this tool server signs in to it for all.");
	return r;
}

/* As the page was opened: its origin is asked for with each request that changes something. */
static const char *come_back_at(struct request *q)
{
	const char *origin = http_header(q->x, "Origin"), *own = q->api->c.settings->public_url;
	char prefix[AUTH_PREFIX_LEN];
	size_t n = strlen(own);

	while (n > 0 && own[n - 1] == '/')
		n--;
	if (origin && q->who.by_cookie)
		return arena_printf(&q->mem, "%s%s" COME_BACK, origin, request_prefix(q, prefix));
	return n > 0 ? arena_printf(&q->mem, "%.*s" COME_BACK, (int)n, own)
		     : arena_printf(&q->mem, "http://%s" COME_BACK,
			       http_header(q->x, "Host") ? http_header(q->x, "Host") : "localhost");
}

static int login_post(struct request *q)
{
	struct login_answer *out = ARENA_NEW(&q->mem, struct login_answer);
	struct tool_server s;
	struct mcp_login l = {.server = &s, .user_id = q->who.user.id, .redirect_uri = come_back_at(q)};
	int r = out && l.redirect_uri ? load(q, q->arg_id, &s) : request_no_memory(q);

	if (r == 0)
		r = mcp_login_begin(q->api->c.tools, &l, &q->mem, &out->url, &q->err);
	q->answer = out;
	return r;
}

/* The secrets with these tokens among them. */
static int keep(struct request *q, const struct tool_server *s, json_t *oauth)
{
	const struct tool_secret_place at = {
		auth_vault(q->api->c.auth), s->id, s->per_user ? q->who.user.id : 0, tool_server_bound(s, &q->mem)};
	CLEANUP(json_decrefp) json_t *all = NULL;
	CLEANUP(buf_wipe) struct buf text = BUF_INIT(VAULT_MAX);
	const char *stored = NULL;
	struct err quiet = {0};
	int r;

	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
		r = tool_secrets_get(c, &at, &q->mem, &stored, &q->err);
	}
	if (r < 0)
		return r;
	if (!stored || json_parse(stored, strlen(stored), &all, &quiet) < 0)
		all = json_object();
	json_object_set(all, "oauth", oauth);
	json_add_value(&text, all);
	r = buf_check(&text, &q->err, "What opens the tool server is too long.");
	return r < 0 ? r : tool_secrets_set(q->api->c.db, &at, text.p, &q->err);
}

static int finish(struct request *q, struct tool_server *ret)
{
	CLEANUP(json_decrefp) json_t *oauth = NULL;
	const char *state = http_query(q->x, "state"), *code = http_query(q->x, "code"),
		   *error = http_query(q->x, "error");
	const struct mcp_login l = {.server = ret, .user_id = q->who.user.id};
	atelier_id id;
	int r = mcp_login_server(q->api->c.tools, state, q->who.user.id, &q->mem, &id, &q->err);

	if (r == 0)
		r = load(q, id, ret);
	if (r == 0 && (error || !code))
		r = err_set(&q->err, E_INVALID, "The sign-in was ended: %.100s.", error ? error : "no code came");
	if (r == 0)
		r = mcp_login_end(q->api->c.tools, &l, state, code, http_query(q->x, "iss"), &oauth, &q->err);
	if (r == 0)
		r = keep(q, ret, oauth);
	if (r < 0)
		return r;
	tool_server_changed(q->api->c.tools, ret->kind, ret->id);
	r = load(q, id, ret);
	if (r == 0)
		r = tool_server_refresh(q->api->c.tools, ret, q->who.user.id, &q->err);
	bus_publish_changed(q->api->c.bus, BUS_TOOLS);
	return r;
}

static void add_text(struct buf *b, const char *s)
{
	for (; *s; s++) {
		if (*s == '<' || *s == '&' || *s == '>')
			buf_printf(b, "&#%d;", *s);
		else
			buf_add_char(b, *s);
	}
}

/* The person is in a window of its own, which shows what became of it. */
static int login_back(struct request *q)
{
	struct tool_server s = {.name = ""};
	int r = finish(q, &s);

	if (r < 0 && r != E_INVALID && r != E_UNAUTHORIZED && r != E_PROVIDER)
		return r;
	q->raw = BUF_INIT(16384);
	q->status = r < 0 ? 400 : 200;
	buf_add_str(&q->raw, "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Atelier</title>"
			     "<link rel=\"icon\" href=\"../../favicon.svg\"><p>");
	if (r == 0)
		buf_add_str(&q->raw, "You are signed in to ");
	add_text(&q->raw, r == 0 ? s.name : err_public_text(&q->err));
	buf_add_str(&q->raw, r == 0 ? ". This window can be closed.</p></html>" : "</p></html>");
	return buf_status(&q->raw);
}

/* ---- what it says of itself as a client ---- */

struct client {
	const char *client_id, *client_name, *redirect, *grants[2], *response, *method, *type;
	struct schema_list redirect_uris, grant_types, response_types;
};

#define C struct client
static const struct field word = {.type = FT_STR};
#define WORDS(member, wire, text) FIELD(FT_STRS, C, member, wire, .flags = FIELD_REQUIRED, .item = &word, .doc = (text))
static const struct field client_fields[] = {
	FIELD_STR(C, client_id, "client_id", 0, 0, FIELD_REQUIRED, "The address of this document."),
	FIELD_STR(C, client_name, "client_name", 0, 0, FIELD_REQUIRED, "What people call it."),
	WORDS(redirect_uris, "redirect_uris", "Where a person comes back to."),
	WORDS(grant_types, "grant_types", "How it gets tokens."),
	WORDS(response_types, "response_types", "What it asks for."),
	FIELD_STR(C, method, "token_endpoint_auth_method", 0, 0, FIELD_REQUIRED, "It has no secret."),
	FIELD_STR(C, type, "application_type", 0, 0, FIELD_REQUIRED, "It is of the web."),
};
#undef C
static const struct schema client_schema = SCHEMA(
	"ToolLoginClient", struct client, client_fields, "Atelier as a client of OAuth (Client ID Metadata Document).");

static int client_get(struct request *q)
{
	struct client *c = ARENA_NEW(&q->mem, struct client);
	const char *id = mcp_client_id(q->api->c.settings, &q->mem);

	if (!id)
		return err_set(&q->err, E_NOT_FOUND, "There is none: public_url is no address with https.");
	if (!c || !(c->redirect = arena_strndup(&q->mem, id, strlen(id) - strlen("/client"))))
		return request_no_memory(q);
	*c = (struct client){.client_id = id,
		.client_name = "Atelier",
		.redirect = c->redirect,
		.grants = {"authorization_code", "refresh_token"},
		.response = "code",
		.method = "none",
		.type = "web"};
	c->redirect_uris = (struct schema_list){&c->redirect, 1};
	c->grant_types = (struct schema_list){c->grants, 2};
	c->response_types = (struct schema_list){&c->response, 1};
	q->answer = c;
	return 0;
}

/* clang-format off */
static const struct param back_params[] = {
	{.name = "state", .type = PARAM_STR, .required = true, .min = 1, .max = 8000, .doc = "As it was sent."},
	{.name = "code", .type = PARAM_STR, .max = 4000, .doc = "What the tokens are given for."},
	{.name = "iss", .type = PARAM_STR, .max = 2000, .doc = "Who gave the code."},
	{.name = "error", .type = PARAM_STR, .max = 200, .doc = "Why there is no code."},
};
static const struct route routes[] = {
	{"POST", V1 "/tool-servers/{id}/login", "loginToolServer", login_post, ACCESS_USER, ROUTE_SLOW, .status = 200,
		.answer = &login_schema, FAILS(E_NOT_FOUND, E_CONFLICT, E_PROVIDER, E_PROVIDER_DOWN, E_PROVIDER_BROKEN, E_PROVIDER_TIMEOUT),
		.summary = "Begin to sign in to a tool server that asks for it (OAuth)."},
	{"GET", COME_BACK, "comeBackFromToolServer", login_back, ACCESS_USER, ROUTE_SLOW | ROUTE_ABSENT, .status = 200,
		.media = "text/html; charset=utf-8", PARAMS(back_params),
		FAILS(E_NOT_FOUND, E_CONFLICT, E_PROVIDER_DOWN, E_PROVIDER_BROKEN, E_PROVIDER_TIMEOUT),
		.summary = "Where a person comes back to who has signed in to a tool server."},
	{"GET", COME_BACK "/client", "describeToolLoginClient", client_get, ACCESS_PUBLIC, .status = 200,
		.answer = &client_schema, FAILS(E_NOT_FOUND),
		.summary = "What Atelier says of itself to those who give out tokens for tool servers."},
};
/* clang-format on */
const struct route_set tool_logins_routes = ROUTES(routes);
