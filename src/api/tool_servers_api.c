/* tool_servers_api.c - servers that offer tools: one's own, and those that others share. Secrets go in and never come out. */
#include "store/tool_servers.h"

#include <errno.h>

#include "api/shared.h"
#include "api/tool_outcome.h"
#include "tool/tool.h"

#define NAME_MAX_N  60
#define SECRETS_MAX 65536

struct server_body {
	struct tool_server s;
	const char *may, *secrets, *prefix;
	struct schema_list has_secrets;
	atelier_id id;                /* of a test, */
	const char *tool, *arguments; /* and these two */
	bool personal;
};

#define B struct server_body
static const struct field secret_name = {.type = FT_STR};
static const struct field server_fields[] = {
	FIELD_ID(B, s.id, "id", FIELD_REQUIRED, "Identifier."),
	FIELD_STR(B, s.name, "name", 0, 0, FIELD_REQUIRED, "What it is called."),
	FIELD_ENUM(B, s.kind, "kind", TOOL_SERVER_KINDS, FIELD_REQUIRED, "What it speaks."),
	FIELD_STR(B, s.prefix, "prefix", 0, 0, FIELD_REQUIRED, "Stands before the names of its tools."),
	FIELD_JSON(B, s.config, "config", FIELD_REQUIRED, "How it is reached, as its kind has it."),
	FIELD(FT_STRS, B, has_secrets, "secrets", .flags = FIELD_REQUIRED, .item = &secret_name,
		.doc = "Names of the secrets that it has, of whoever asks; what they are is never told."),
	FIELD_BOOL(B, s.enabled, "enabled", FIELD_REQUIRED, "Whether its tools are offered."),
	FIELD_BOOL(B, s.trusted, "trusted", FIELD_REQUIRED, "Whether what it says of its tools is believed."),
	FIELD_BOOL(B, s.per_user, "per_user", FIELD_REQUIRED, "Whether everybody has secrets of their own for it."),
	FIELD_ENUM(B, s.state, "state", TOOL_SERVER_STATES, FIELD_REQUIRED, "How the last refresh went."),
	FIELD_TEXT(B, s.error, "error", 0, 0, 0, "What is wrong, in words; null: nothing."),
	FIELD_JSON(B, s.tools, "tools", FIELD_REQUIRED, "List of what it offers, as it said when it was asked last."),
	FIELD_TIME(B, s.refreshed_at, "refreshed_at", 0, "When that was; null: never."),
	FIELD_STR(B, s.owner, "owner", 0, 0, 0, "User name of whose it is."),
	FIELD_ENUM(B, may, "may", SHARED_MAY, FIELD_REQUIRED, "What whoever asks may do with it."),
	FIELD_BOOL(B, s.shared, "shared", FIELD_REQUIRED, "Whether others have it, too."),
	FIELD_TIME(B, s.created_at, "created_at", FIELD_REQUIRED, "When it was made."),
	FIELD_TIME(B, s.updated_at, "updated_at", FIELD_REQUIRED, "When it was changed."),
};
static const struct schema server_schema = SCHEMA("ToolServer", B, server_fields, "A server that offers tools.");
LIST_SCHEMA(server_list_schema, "ToolServerList", &server_schema, "By name.", "The own tool servers and shared ones.");

/* As are_texts() has them. */
#define GROUPS_OF_TEXTS                                                                                                \
	"\"additionalProperties\":{\"anyOf\":[{\"type\":\"string\"},"                                                  \
	"{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}}]}"
#define SECRETS(must, text)                                                                                            \
	FIELD(FT_JSON, B, secrets, "secrets", .flags = (must) | FIELD_OBJECT_ONLY | FIELD_SECRET,                      \
		.choices = GROUPS_OF_TEXTS, .doc = (text))
#define KIND(must) FIELD_ENUM(B, s.kind, "kind", TOOL_SERVER_KINDS, (must), "What it speaks; it stays what it is.")
#define CONFIG(must)                                                                                                   \
	FIELD_JSON(B, s.config, "config", (must) | FIELD_OBJECT_ONLY, "How it is reached, as its kind has it."),       \
		SECRETS(0, "Texts by name, such as token, or objects of texts; they are never told again. An empty "   \
			   "object removes them, "                                                                     \
			   "without this field they stay, as long as they are for the same place.")
#define EDIT_FIELDS(must)                                                                                              \
	FIELD_STR(B, s.name, "name", 1, NAME_MAX_N, (must), "What it is called."), CONFIG(must),                       \
		FIELD(FT_STR, B, prefix, "prefix", .max = 32, .pattern = "^[A-Za-z0-9_-]*$",                           \
			.hint = "letters, digits, _ and -",                                                            \
			.doc = "Stands before the names of its tools; without it, made of its name."),                 \
		FIELD_BOOL(B, s.enabled, "enabled", 0, "Whether its tools are offered."),                              \
		FIELD_BOOL(B, s.trusted, "trusted", 0, "Whether what it says of its tools is believed."),              \
		FIELD_BOOL(B, s.per_user, "per_user", 0, "Whether everybody has secrets of their own for it.")
static const struct field new_fields[] = {KIND(FIELD_REQUIRED), EDIT_FIELDS(FIELD_REQUIRED)};
static const struct schema new_schema = SCHEMA("ToolServerNew", B, new_fields, "A new tool server.");
static const struct field patch_fields[] = {EDIT_FIELDS(0)};
static const struct schema patch_schema = SCHEMA("ToolServerPatch", B, patch_fields, "What to change; the rest stays.");
static const struct field try_fields[] = {KIND(FIELD_REQUIRED), CONFIG(FIELD_REQUIRED),
	FIELD_ID(B, id, "id", 0, "A stored one, whose secrets are used where none are given."),
	FIELD_STR(B, tool, "tool", 0, 128, 0, "One of its tools to be run, by its name there."),
	FIELD_JSON(B, arguments, "arguments", FIELD_OBJECT_ONLY, "What to run that with.")};
static const struct schema try_schema = SCHEMA("ToolServerTry", B, try_fields, "What to try; it need not be stored.");
static const struct field secrets_fields[] = {SECRETS(FIELD_REQUIRED, "Texts by name; an empty object removes them."),
	FIELD_BOOL(B, personal, "personal", 0, "Those of whoever asks, where everybody has their own.")};
static const struct schema secrets_schema = SCHEMA("ToolServerSecrets", B, secrets_fields, "What opens a tool server.");

struct tried {
	bool ok, has_outcome;
	const char *message, *tools, *document;
	struct tool_outcome outcome;
};
static const struct field tried_fields[] = {
	FIELD_BOOL(struct tried, ok, "ok", FIELD_REQUIRED, "Whether it can be used."),
	FIELD_TEXT(struct tried, message, "message", 0, 0, FIELD_REQUIRED, "What was found, in words."),
	FIELD_JSON(struct tried, tools, "tools", FIELD_REQUIRED, "List of the tools that it offers."),
	FIELD_JSON(struct tried, document, "document", 0,
		"Of the kind `openapi`, what its document describes: {title, version, server, auth: [{type, name}], "
		"operations: [{id, "
		"name, method, path, title, tags, deprecated, reads, destroys, problem}]}; else null."),
	FIELD_MAYBE(FT_OBJECT, struct tried, outcome, has_outcome, "outcome", &tool_outcome_schema,
		"What came of the tool that was run; null: none was."),
};
static const struct schema tried_schema = SCHEMA("ToolServerTried", struct tried, tried_fields, "What came of a try.");
#undef B

/* ---- answers ---- */

static struct tool_secret_place place_of(struct request *q, const struct tool_server *s, atelier_id user_id)
{
	return (struct tool_secret_place){auth_vault(q->api->c.auth), s->id, user_id, tool_server_bound(s, &q->mem)};
}

/* Names of what is there, for who may know of it. */
static int names_of_secrets(struct request *q, const struct tool_server *s, struct schema_list *ret)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	CLEANUP(json_decrefp) json_t *all = json_object();
	int r = 0;

	for (int own = 0; r == 0 && own < 2; own++) {
		CLEANUP(json_decrefp) json_t *some = NULL;
		const struct tool_secret_place at = place_of(q, s, own ? q->who.user.id : 0);
		const char *json = NULL;
		struct err quiet = {0};
		if (!at.bound)
			return request_no_memory(q);
		if (own || s->user_id == q->who.user.id || s->may == GRANT_EDIT)
			r = tool_secrets_get(c, &at, &q->mem, &json, &q->err);
		if (json && json_parse(json, strlen(json), &some, &quiet) == 0)
			json_object_update(all, some);
	}
	const char **names = ARENA_ARRAY(&q->mem, const char *, MAX(json_object_size(all), 1u)), *key;
	size_t n = 0;
	json_t *v;
	if (!names)
		return request_no_memory(q);
	json_object_foreach(all, key, v)
	{
		names[n++] = arena_strdup(&q->mem, key);
	}
	*ret = (struct schema_list){names, n};
	return r;
}

static int fill(struct request *q, atelier_id none UNUSED, void *body)
{
	struct server_body *b = body;
	bool own = b->s.user_id == q->who.user.id;

	b->may = shared_may(q, b->s.user_id, b->s.may);
	if (!own && b->s.may < GRANT_EDIT)
		b->s.config = "{}"; /* its addresses and commands are no affair of who only uses it */
	return names_of_secrets(q, &b->s, &b->has_secrets);
}

/* ---- changes ---- */

/* Of its name, what may stand in the name of a tool. */
static const char *prefix_of(struct request *q, const char *name)
{
	char *p = arena_strdup(&q->mem, name), *to = p;

	for (const char *from = p; from && *from && to - p < 24; from++) {
		if ((*from >= 'a' && *from <= 'z') || (*from >= '0' && *from <= '9'))
			*to++ = *from;
		else if (*from >= 'A' && *from <= 'Z')
			*to++ = (char)(*from - 'A' + 'a');
		else if (to > p && to[-1] != '_')
			*to++ = '_';
	}
	if (p)
		*to = '\0';
	return p;
}

static int allowed(struct request *q)
{
	if (user_is_admin(&q->who.user) || q->api->c.settings->own_tool_servers)
		return 0;
	return err_set(&q->err, E_FORBIDDEN, "Only administrators add tool servers here.");
}

static int edit(void *row, void *request, struct err *e)
{
	struct request *q = request;
	const struct server_body *b = q->body;
	struct tool_server *s = row;
	struct server_body changed = {.s = *s};

	request_apply(q, &changed);
	*s = changed.s;
	if (b->prefix)
		s->prefix = b->prefix;
	else if (!*s->prefix && s->id == 0)
		s->prefix = prefix_of(q, s->name);
	if (!s->prefix)
		return request_no_memory(q);
	return tool_server_check(s->kind, s->config, e);
}

/* Texts by name, or groups of them: {"token": "..."}, {"headers": {"X-Key": "..."}}. */
static bool are_texts(const json_t *v, bool groups)
{
	const char *key;
	json_t *text;

	json_object_foreach((json_t *)v, key, text)
	{
		if (!json_is_string(text) && !(groups && json_is_object(text) && are_texts(text, false)))
			return false;
	}
	return true;
}

static int check_secrets(struct request *q, const char *json)
{
	CLEANUP(json_decrefp) json_t *v = NULL;
	int r = json_parse(json, strlen(json), &v, &q->err);

	if (r == 0 && strlen(json) >= SECRETS_MAX)
		r = err_field(&q->err, E_TOO_LARGE, "secrets", "is too long.");
	if (r == 0 && !are_texts(v, true))
		r = err_field(&q->err, E_INVALID, "secrets", "must have texts, or objects of texts.");
	return r;
}

static int check(struct request *q)
{
	const struct server_body *b = q->body;
	int r = allowed(q);

	return r < 0 || !b->secrets ? r : check_secrets(q, b->secrets);
}

static int keep_secrets(struct request *q, const struct tool_server *s, atelier_id user_id, const char *json)
{
	const struct tool_secret_place at = place_of(q, s, user_id);

	if (!at.bound)
		return request_no_memory(q);
	return tool_secrets_set(q->api->c.db, &at, strcmp(json, "{}") == 0 ? NULL : json, &q->err);
}

static int load(struct request *q, atelier_id id, enum grant_verb verb, struct tool_server *ret)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);

	return tool_servers_get(c, q->who.user.id, id, verb, &q->mem, ret, &q->err);
}

/* What runs for it ends, and it is asked for its tools anew. */
static int renew(struct request *q, const char *kind, atelier_id id)
{
	struct tool_server s;
	int r;

	tool_server_changed(q->api->c.tools, kind, id);
	r = load(q, id, GRANT_USE, &s);
	return r < 0 ? r : tool_server_refresh(q->api->c.tools, &s, q->who.user.id, &q->err);
}

static const struct tool_server fresh = {.prefix = "", .config = "{}", .enabled = true};
static const struct shared_resource servers = {.kind = &tool_servers_kind,
	.bus = BUS_TOOLS,
	.word = "tool server",
	.fresh = &fresh,
	.row = sizeof(struct tool_server),
	.body = sizeof(struct server_body),
	.check = check,
	.edit = edit,
	.fill = fill};

/* The answer is made anew, since it was made before the server was asked. */
static int server_post(struct request *q)
{
	const struct server_body *in = q->body;
	int r = shared_post(q);
	const struct server_body *made = q->answer;

	if (r == 0 && in->secrets)
		r = keep_secrets(q, &made->s, 0, in->secrets);
	if (r == 0)
		r = renew(q, made->s.kind, made->s.id);
	if (r == 0) {
		q->arg_id = made->s.id;
		request_audit(q, "new tool server %s (%s)", made->s.name, made->s.kind);
	}
	return r < 0 ? r : shared_get_one(q);
}

static int server_patch(struct request *q)
{
	const struct server_body *in = q->body;
	int r = shared_patch(q);
	const struct server_body *made = q->answer;

	if (r == 0 && in->secrets)
		r = keep_secrets(q, &made->s, 0, in->secrets);
	if (r == 0 && (in->s.config || in->secrets))
		r = renew(q, made->s.kind, made->s.id);
	else if (r == 0)
		tool_server_changed(q->api->c.tools, made->s.kind, made->s.id);
	if (r == 0)
		request_audit(q, "change of tool server %s%s", q->arg, in->secrets ? ", with its secrets" : "");
	return r < 0 ? r : shared_get_one(q);
}

static int server_delete(struct request *q)
{
	struct tool_server s;
	int r = load(q, q->arg_id, GRANT_READ, &s);

	if (r == 0)
		r = shared_delete_one(q);
	if (r == 0)
		tool_server_changed(q->api->c.tools, s.kind, s.id);
	return r;
}

static int server_refresh(struct request *q)
{
	struct tool_server s;
	int r = load(q, q->arg_id, GRANT_USE, &s);

	if (r == 0)
		r = tool_server_refresh(q->api->c.tools, &s, q->who.user.id, &q->err);
	if (r == 0)
		shared_tell(q, &servers, q->arg_id, "updated");
	return r < 0 ? r : shared_get_one(q);
}

struct server_log {
	const char *text;
};
static const struct field log_fields[] = {FIELD_TEXT(struct server_log, text, "text", 0, 0, FIELD_REQUIRED,
	"The end of what its program wrote on its standard error, of the one that ran last for whoever asks.")};
static const struct schema log_schema = SCHEMA("ToolServerLog", struct server_log, log_fields, "What a program said.");

static int server_log_get(struct request *q)
{
	struct server_log *out = ARENA_NEW(&q->mem, struct server_log);
	struct tool_server s;
	int r = out ? load(q, q->arg_id, GRANT_USE, &s) : request_no_memory(q);

	if (r == 0)
		r = tool_server_log(q->api->c.tools, &s, q->who.user.id, &q->mem, &out->text, &q->err);
	q->answer = out;
	return r;
}

static int secrets_put(struct request *q)
{
	const struct server_body *in = q->body;
	struct tool_server s;
	int r = load(q, q->arg_id, in->personal ? GRANT_USE : GRANT_EDIT, &s);

	if (r == 0)
		r = check_secrets(q, in->secrets);
	if (r == 0 && in->personal && !s.per_user)
		r = err_set(&q->err, E_CONFLICT, "This tool server has the same secrets for everybody.");
	if (r == 0)
		r = keep_secrets(q, &s, in->personal ? q->who.user.id : 0, in->secrets);
	if (r < 0)
		return r;
	tool_server_changed(q->api->c.tools, s.kind, s.id);
	return shared_get_one(q);
}

/* ---- trying ---- */

/* One of the tools that were found, run in the name of whoever asks, who has approved it by doing so. */
static int run_one(struct request *q, const struct tool_server *s, struct tried *out, struct err *why)
{
	CLEANUP(tool_result_done) struct tool_result res = {.n_files = 0};
	CLEANUP(cancel_done) struct cancel cancel;
	const struct server_body *in = q->body;
	int r;

	cancel_init(&cancel);
	const struct tool_run run = {
		.user_id = q->who.user.id, .key_id = q->who.key_id, .call_id = "trial", .cancel = &cancel};
	r = tool_server_try(q->api->c.tools, s, in->secrets, out->tools, in->tool, in->arguments ? in->arguments : "{}",
		&run, &q->mem, &res, why);
	out->has_outcome = r == 0;
	return r < 0 ? r : tool_outcome_make(q, &res, &out->outcome);
}

static int answer_try(struct request *q, const struct tool_server *s, const struct server_body *in)
{
	struct tried *out = ARENA_NEW(&q->mem, struct tried);
	struct tool_server_said said = {.wants_about = true};
	struct err why = {0};
	int r;

	if (!out)
		return request_no_memory(q);
	r = tool_server_ask(q->api->c.tools, s, in ? in->secrets : NULL, q->who.user.id, &q->mem, &said, &why);
	out->tools = r == 0 ? said.tools : "[]";
	out->document = said.about;
	if (r == 0 && in && in->tool)
		r = run_one(q, s, out, &why);
	if (r == -ECANCELED || r == E_STOPPING)
		return err_set(&q->err, E_STOPPING, "Atelier is shutting down.");
	out->ok = r == 0;
	out->message = r == 0 ? "It answers." : arena_strdup(&q->mem, *why.msg ? why.msg : err_public_text(&why));
	q->answer = out;
	return out->message ? 0 : request_no_memory(q);
}

static int server_try(struct request *q)
{
	const struct server_body *in = q->body;
	struct tool_server s = {.name = "test",
		.prefix = "",
		.kind = in->s.kind,
		.config = in->s.config,
		.user_id = q->who.user.id,
		.trusted = true};
	int r = allowed(q);

	s.of_admin = user_is_admin(&q->who.user);
	if (r == 0 && in->id) {
		struct tool_server stored;
		r = load(q, in->id, GRANT_EDIT, &stored);
		s.id = r == 0 ? stored.id : 0; /* its secrets open for the same place alone */
	}
	if (r == 0)
		r = tool_server_check(s.kind, s.config, &q->err);
	return r < 0 ? r : answer_try(q, &s, in);
}

static int stored_try(struct request *q)
{
	struct tool_server s;
	int r = load(q, q->arg_id, GRANT_USE, &s);

	return r < 0 ? r : answer_try(q, &s, NULL);
}

#define P    V1 "/tool-servers"
#define THIS .shared = &servers
/* clang-format off */
static const struct route routes[] = {
	{"GET", P, "listToolServers", shared_get_all, ACCESS_USER, .status = 200, THIS,
		.answer = &server_list_schema, .summary = "The own tool servers, and those that others share."},
	{"POST", P, "createToolServer", server_post, ACCESS_USER, ROUTE_SLOW, .status = 201, THIS,
		.body = &new_schema, .answer = &server_schema, FAILS(E_CONFLICT, E_NOT_FOUND),
		.summary = "Add a tool server; it is asked for its tools."},
	{"POST", P "/test", "tryToolServer", server_try, ACCESS_USER, ROUTE_SLOW, .status = 200,
		.body = &try_schema, .answer = &tried_schema, FAILS(E_NOT_FOUND),
		.summary = "Try a tool server without storing it."},
	{"GET", P "/{id}", "getToolServer", shared_get_one, ACCESS_USER, .status = 200, THIS,
		.answer = &server_schema, .summary = "One tool server."},
	{"PATCH", P "/{id}", "updateToolServer", server_patch, ACCESS_USER, ROUTE_SLOW, .status = 200, THIS,
		.body = &patch_schema, .answer = &server_schema, FAILS(E_CONFLICT),
		.summary = "Change a tool server."},
	{"DELETE", P "/{id}", "deleteToolServer", server_delete, ACCESS_USER, .status = 204, THIS,
		.summary = "Remove an own tool server with its secrets."},
	{"POST", P "/{id}/test", "testToolServer", stored_try, ACCESS_USER, ROUTE_SLOW, .status = 200,
		.answer = &tried_schema, .summary = "Try a stored tool server."},
	{"GET", P "/{id}/log", "readToolServerLog", server_log_get, ACCESS_USER, .status = 200, .answer = &log_schema,
		FAILS(E_NOT_FOUND), .summary = "What the program of a tool server wrote on its standard error."},
	{"POST", P "/{id}/refresh", "refreshToolServer", server_refresh, ACCESS_USER, ROUTE_SLOW, .status = 200, THIS,
		.answer = &server_schema, .summary = "Ask a tool server for its tools anew."},
	{"PUT", P "/{id}/secrets", "setToolServerSecrets", secrets_put, ACCESS_USER, .status = 200, THIS,
		.body = &secrets_schema, .answer = &server_schema, FAILS(E_CONFLICT),
		.summary = "Set what opens a tool server, of all or of oneself."},
	{"GET", P "/{id}/grants", "listToolServerGrants", shared_get_grants, ACCESS_USER, .status = 200, THIS,
		.answer = &shared_grants_schema, .summary = "Who has it beside its owner."},
	{"PUT", P "/{id}/grants", "setToolServerGrants", shared_put_grants, ACCESS_USER, .status = 200, THIS,
		.body = &shared_grants_edit_schema, .answer = &shared_grants_schema, FAILS(E_CONFLICT),
		.summary = "Say who has it."},
};
/* clang-format on */
const struct route_set tool_servers_routes = ROUTES(routes);
