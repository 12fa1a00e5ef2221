/*
 * servers.c - tools of servers, whatever they speak: rows of the database with what each said it offers, so that a list asks nobody.
 * Who may use a server is asked again with each call, and what opens it is read only then.
 */
#include "store/tool_servers.h"

#include <ctype.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>

#include "base/log.h"
#include "http/url.h"
#include "sys/bus.h"
#include "sys/loop.h"
#include "tool/tool_priv.h"

#define LOG_BYTES ((size_t)256 << 10)
#define TOOLS_MAX 500
#define BOUND_MAX 800 /* bytes of a configuration that a secret is bound to as it stands, else to its hash */

/* In the order of TOOL_SERVER_KINDS and of `states` in struct tools. */
static const struct tool_kind *const kinds[] = {
	&http_kind, &openapi_kind, &python_kind, &mcp_stdio_kind, &mcp_http_kind};

static int kind_at(const char *name)
{
	for (size_t i = 0; i < N_ELEMENTS(kinds); i++)
		if (strcmp(kinds[i]->name, name) == 0)
			return (int)i;
	return -1;
}

void *tools_kind_state(struct tools *t, const struct tool_kind *k)
{
	int i = kind_at(k->name);

	ASSERT_IS(t, TOOLS_MAGIC);
	return i < 0 ? NULL : t->states[i];
}

int servers_start(struct tools *t, struct err *e)
{
	_Static_assert(N_ELEMENTS(kinds) <= TOOL_KINDS_MAX, "more kinds than states");
	int r = 0;

	for (size_t i = 0; r == 0 && i < N_ELEMENTS(kinds); i++) {
		const struct tool_kind *k = kinds[i];
		ASSERT(str_word_place(TOOL_SERVER_KINDS, str_from(k->name)) == (int)i); /* what is told of kinds */
		ASSERT(k->check && k->refresh && k->call && !k->start == !k->stop);
		if (k->start)
			r = k->start(t, &t->states[i], e);
	}
	return r;
}

void servers_stop(struct tools *t)
{
	for (size_t i = 0; i < N_ELEMENTS(kinds); i++) {
		if (kinds[i]->stop && t->states[i])
			kinds[i]->stop(t->states[i]);
		t->states[i] = NULL;
	}
}

/* ---- a server as somebody uses it ---- */

const char *tool_server_bound(const struct tool_server *s, struct arena *a)
{
	CLEANUP(json_decrefp) json_t *config = NULL;
	struct err quiet = {0};
	unsigned char hash[32];
	char hex[2 * sizeof(hash) + 1];
	struct http_url url;
	const char *at = NULL;

	/* Where it is on the web, when all that opens it goes there; else all that it is made of: each part may say where that goes. */
	if (str_word_place("mcp-http openapi", str_from(s->kind)) >= 0 &&
		json_parse(s->config, strlen(s->config), &config, &quiet) == 0)
		at = json_get_str(config, "url");
	if (strcmp(s->kind, "openapi") == 0 && json_get_str(config, "server"))
		at = json_get_str(config, "server");
	if (at && http_url_read(at, &url))
		return arena_printf(a, "%s %s://%s:%u", s->kind, url.secure ? "https" : "http", url.host, url.port);
	if (strlen(s->config) < BOUND_MAX)
		return arena_printf(a, "%s %s", s->kind, s->config);
	crypto_generichash(hash, sizeof(hash), (const unsigned char *)s->config, strlen(s->config), NULL, 0);
	return arena_printf(a, "%s #%s", s->kind, sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash)));
}

struct opened {
	struct server_use use;
	json_t *config, *secrets, *entries;
};

static void opened_done(struct opened *o)
{
	json_decref(o->config);
	json_decref(o->secrets);
	json_decref(o->entries);
}

static void add_secrets(json_t *to, const char *json)
{
	CLEANUP(json_decrefp) json_t *more = NULL;
	struct err quiet = {0};

	if (json && json_parse(json, strlen(json), &more, &quiet) == 0 && json_is_object(more))
		json_object_update(to, more);
}

/* `secrets` NULL: the stored ones. */
static int open_server(struct tools *t, const struct tool_server *s, const char *secrets, atelier_id user_id,
	struct arena *a, struct opened *ret, struct err *e)
{
	struct tool_secret_place at = {t->config.vault, s->id, 0, tool_server_bound(s, a)};
	const char *of_server = secrets, *of_user = NULL;
	int r = json_parse(s->config, strlen(s->config), &ret->config, e);

	ret->secrets = json_object();
	if (r == 0 && !at.bound)
		r = err_set(e, -ENOMEM, "There is no memory for a tool server.");
	if (r == 0 && !secrets && s->id) {
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(t->config.db);
		r = tool_secrets_get(c, &at, a, &of_server, e);
		at.user_id = user_id;
		if (r == 0 && s->per_user)
			r = tool_secrets_get(c, &at, a, &of_user, e);
	}
	add_secrets(ret->secrets, of_server);
	add_secrets(ret->secrets, of_user);
	ret->use = (struct server_use){.id = s->id,
		.owner_id = s->user_id,
		.user_id = user_id,
		.name = s->name,
		.kind = s->kind,
		.config = ret->config,
		.secrets = ret->secrets,
		.trusted = s->trusted && (s->of_admin || s->user_id == user_id),
		.of_admin = s->of_admin};
	return r;
}

/* ---- asking for tools ---- */

static const char *text_of(const json_t *v, const json_t *secrets, struct arena *a)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(TOOLS_BYTES);

	json_add_value(&b, v);
	tool_hide_json(secrets, TOOL_HIDE_WORDS, &b);
	return buf_status(&b) < 0 ? NULL : arena_strndup(a, b.p, b.n);
}

int tool_server_check(const char *kind, const char *config, struct err *e)
{
	CLEANUP(json_decrefp) json_t *v = NULL;
	int i = kind_at(kind), r;

	if (i < 0)
		return err_set(e, E_INVALID, "There are no tool servers of the kind \"%.20s\".", kind);
	r = json_parse(config, strlen(config), &v, e);
	if (r == 0 && !json_is_object(v))
		r = err_set(e, E_INVALID, "\"config\" must be an object.");
	return r < 0 ? r : kinds[i]->check(v, e);
}

/* What a server says it offers: only what can be offered. */
static int check_tools(const struct buf *b, struct err *e)
{
	CLEANUP(json_decrefp) json_t *list = NULL;
	json_t *tool;
	size_t i;
	int r = json_parse(b->p, b->n, &list, e);

	if (r < 0)
		return r;
	if (json_array_size(list) > TOOLS_MAX)
		return err_set(e, E_TOO_LARGE, "It offers more than %d tools; choose some.", TOOLS_MAX);
	json_array_foreach(list, i, tool)
	{
		const char *name = json_get_str(tool, "name");
		if (!name || !*name || !json_is_object(json_object_get(tool, "parameters")))
			return err_set(e, E_INVALID, "It offers a tool without a name or without a schema.");
	}
	return 0;
}

int tool_server_ask(struct tools *t, const struct tool_server *s, const char *secrets, atelier_id user_id,
	struct arena *a, struct tool_server_said *ret, struct err *e)
{
	CLEANUP(json_decrefp) json_t *about = NULL;
	CLEANUP(opened_done) struct opened o = {.config = NULL};
	CLEANUP(tool_result_done) struct tool_result none = {.n_files = 0};
	CLEANUP(buf_done) struct buf b = BUF_INIT(TOOLS_BYTES);
	int r = tool_server_check(s->kind, s->config, e), k = kind_at(s->kind);

	ASSERT(thread_may_wait());
	ASSERT_IS(t, TOOLS_MAGIC);
	if (r == 0)
		r = open_server(t, s, secrets, user_id, a, &o, e);
	if (r == 0 && k >= 0)
		r = kinds[k]->refresh(t, &o.use, &t->ending, &b, ret->wants_about ? &about : NULL, e);
	if (r == 0)
		r = buf_check(&b, e, "What it says of its tools is too long.");
	if (r == 0)
		r = check_tools(&b, e);
	tool_hide_result(o.secrets, &none, e);
	tool_hide_json(o.secrets, TOOL_HIDE_WORDS, &b);
	if (about && !(ret->about = text_of(about, o.secrets, a)))
		return tools_no_memory(e);
	if (r < 0)
		return r;
	ret->tools = arena_strndup(a, b.p, b.n);
	return ret->tools ? 0 : tools_no_memory(e);
}

int tool_server_refresh(struct tools *t, const struct tool_server *s, atelier_id user_id, struct err *e)
{
	CLEANUP(arena_done) struct arena a;
	struct tool_server_found f = {.id = s->id, .state = "ok"};
	struct tool_server_said said = {.tools = NULL};
	struct err why = {0};
	int r;

	ASSERT(s->id); /* a row that can keep what was found */
	arena_init(&a, 8 * TOOLS_BYTES);
	r = tool_server_ask(t, s, NULL, user_id, &a, &said, &why);
	f.tools = said.tools;
	if (r == -ECANCELED)
		return err_set(e, r, "Stopped.");
	if (r < 0) {
		f.state = r == E_UNAUTHORIZED ? "needs_login" : "failed";
		f.error = *why.msg ? why.msg : err_public_text(&why);
	}
	return tool_servers_found(t->config.db, &f, e);
}

int tool_server_log(struct tools *t, const struct tool_server *s, atelier_id user_id, struct arena *a, const char **ret,
	struct err *e)
{
	CLEANUP(opened_done) struct opened o = {.config = NULL};
	CLEANUP(tool_result_done) struct tool_result said = {.text = BUF_INIT(LOG_BYTES)};
	int i = kind_at(s->kind), r = open_server(t, s, NULL, user_id, a, &o, e);

	if (r == 0 && i >= 0 && kinds[i]->log)
		kinds[i]->log(t, s->id, user_id, &said.text);
	tool_hide_result(o.secrets, &said, e);
	if (r < 0)
		return r;
	*ret = arena_strndup(a, said.text.p ? said.text.p : "", said.text.n);
	return *ret ? 0 : err_set(e, -ENOMEM, "There is no memory for what a tool server said.");
}

void tool_server_changed(struct tools *t, const char *kind, atelier_id id)
{
	int i = kind_at(kind);

	ASSERT_IS(t, TOOLS_MAGIC);
	if (i >= 0 && kinds[i]->changed)
		kinds[i]->changed(t, id);
}

/* ---- the list ---- */

const char *server_tool_name(const char *prefix, const char *own_name, struct arena *a)
{
	char *name = arena_printf(a, "%s%s%s", prefix, *prefix ? "_" : "", own_name);
	unsigned char hash[4];
	char hex[9];

	for (char *p = name; p && *p; p++)
		if (!isalnum((unsigned char)*p) && *p != '_' && *p != '-')
			*p = '_';
	if (!name || strlen(name) <= TOOL_NAME_MAX)
		return name;
	crypto_generichash(hash, sizeof(hash), (const unsigned char *)own_name, strlen(own_name), NULL, 0);
	sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
	name[TOOL_NAME_MAX - 9] = '_';
	memcpy(name + TOOL_NAME_MAX - 8, hex, sizeof(hex));
	ASSERT(strlen(name) == TOOL_NAME_MAX);
	return name;
}

/* What of a server's tool is as somebody may use it. */
static void set_rights(const struct tool_server *s, bool believed, struct tool *tool)
{
	tool->hints = believed ? tool->hints : tool->hints & ~(unsigned)(TOOL_READS | TOOL_IDEMPOTENT);
	/* What a stranger shares is not offered to models until one says so. */
	tool->enabled = s->of_admin || s->may == GRANT_EDIT;
	tool->asks = !(tool->hints & TOOL_READS);
}

static bool is_believed(const struct tool_server *s, atelier_id user_id)
{
	int k = kind_at(s->kind);

	return k >= 0 && (!kinds[k]->claims || (s->trusted && (s->of_admin || s->user_id == user_id)));
}

/* The tool for whoever asked: what is held may be gone before they are done with it. */
static int copy_tool(const struct tool *from, struct arena *a, struct tool *to)
{
	const char **const texts[] = {
		&to->name, &to->title, &to->description, &to->parameters, &to->source, &to->own_name, &to->hash};

	*to = *from;
	for (size_t i = 0; i < N_ELEMENTS(texts); i++)
		if (!(*texts[i] = arena_strdup(a, *texts[i])))
			return -ENOMEM;
	return 0;
}

static int add_server(struct tools *t, const struct tool_server *s, atelier_id user_id, struct arena *a,
	struct tool_list *to, size_t *room, struct err *e)
{
	struct server_tools *held;
	int r = server_tools_hold(t, user_id, s, &held, e);

	ASSERT(to->n <= *room);
	if (r == E_NOT_FOUND) /* it went meanwhile */
		return 0;
	if (r < 0)
		return r;
	if (to->n + held->n > *room) {
		*room = MAX(2 * *room, to->n + held->n);
		struct tool *items = ARENA_ARRAY(a, struct tool, *room);
		if (items && to->n)
			memcpy(items, to->items, to->n * sizeof(*items));
		to->items = items;
		r = items ? 0 : tools_no_memory(e);
	}
	for (size_t i = 0; r == 0 && i < held->n; i++) {
		struct tool *tool = &to->items[to->n + i];
		r = copy_tool(&held->items[i], a, tool) < 0 ? tools_no_memory(e) : 0;
		set_rights(s, is_believed(s, user_id), tool);
	}
	to->n += r == 0 ? held->n : 0;
	server_tools_release(t, held);
	return r;
}

static int list(struct tools *t, atelier_id user_id, struct arena *a, struct tool_list *ret, struct err *e)
{
	struct tool_server *rows = NULL;
	size_t n = 0, room = 0;
	int r;

	*ret = (struct tool_list){NULL, 0};
	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(t->config.db);
		r = shared_list(&tool_servers_brief, c, user_id, a, (void *)&rows, &n, e);
	}
	for (int own = 1; own >= 0; own--) /* of two with one name, one's own is had */
		for (size_t i = 0; r == 0 && i < n; i++)
			if (rows[i].enabled && rows[i].may >= GRANT_USE && (rows[i].user_id == user_id) == own)
				r = add_server(t, &rows[i], user_id, a, ret, &room, e);
	return r;
}

/* ---- calls ---- */

static bool owns(const struct tool *tool)
{
	atelier_id id;

	return id_parse(tool->source, strlen(tool->source), &id);
}

static const json_t *entry_of(const json_t *list, const char *name)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(list, i, entry)
	{
		const char *own = json_get_str(entry, "name");
		if (own && strcmp(own, name) == 0)
			return entry;
	}
	return NULL;
}

/* *ret NULL: it does not offer it. */
static int read_entry(const struct server_tools *held, const char *name, json_t **ret, struct err *e)
{
	for (size_t i = 0; i < held->n; i++)
		if (strcmp(held->items[i].own_name, name) == 0)
			return json_parse(held->entries[i], strlen(held->entries[i]), ret, e);
	return 0;
}

static int load(struct tools *t, atelier_id user_id, const char *source, struct arena *a, struct tool_server *ret,
	struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(t->config.db);
	atelier_id id = 0;

	(void)id_parse(source, strlen(source), &id);
	return tool_servers_get(c, user_id, id, GRANT_USE, a, ret, e);
}

/* The page offers to sign in where that is so. */
static void note_login(struct tools *t, atelier_id server_id, const char *words)
{
	const struct tool_server_found f = {.id = server_id, .state = "needs_login", .error = words};
	struct err e = {0};

	if (tool_servers_found(t->config.db, &f, &e) < 0)
		log_warn("tool", "That a tool server asks to sign in could not be stored: %s", e.msg);
	else if (t->config.bus)
		bus_publish_changed(t->config.bus, BUS_TOOLS);
}

static int call(struct tools *t, const struct tool *tool, const json_t *arguments, const struct tool_run *run,
	struct arena *a, struct tool_result *ret, struct err *e)
{
	CLEANUP(opened_done) struct opened o = {.config = NULL};
	struct err why = {0};
	struct server_tools *held = NULL;
	struct tool_server s;
	int r = load(t, run->user_id, tool->source, a, &s, &why), k;

	if (r == E_NOT_FOUND || (r == 0 && !s.enabled))
		return tool_fail(ret, "The tool %s is not there any more.", tool->name);
	if (r == 0)
		r = open_server(t, &s, NULL, run->user_id, a, &o, &why);
	if (r == 0)
		r = server_tools_hold(t, run->user_id, &s, &held, &why);
	if (r == 0)
		r = read_entry(held, tool->own_name, &o.entries, &why);
	if (held)
		server_tools_release(t, held);
	if (r < 0)
		return err_set(e, r, "%s", why.msg);
	o.use.entry = o.entries;
	if (!o.use.entry || (k = kind_at(s.kind)) < 0)
		return tool_fail(ret, "%s does not offer the tool %s any more.", s.name, tool->name);
	struct tool_hiding hiding = {run, o.secrets};
	const struct tool_run quiet = tool_hiding_run(&hiding);
	r = kinds[k]->call(t, &o.use, tool, arguments, &quiet, a, ret, &why);
	tool_hide_result(o.secrets, ret, &why);
	if (r == E_UNAUTHORIZED)
		note_login(t, s.id, why.msg);
	if (r == -ECANCELED || r == E_CANCELED || cancel_reason(run->cancel))
		return err_set(e, -ECANCELED, "Stopped.");
	return r < 0 ? tool_fail(ret, "%s", *why.msg ? why.msg : err_public_text(&why)) : 0;
}

int tool_server_try(struct tools *t, const struct tool_server *s, const char *secrets, const char *tools,
	const char *name, const char *arguments, const struct tool_run *run, struct arena *a, struct tool_result *ret,
	struct err *e)
{
	CLEANUP(opened_done) struct opened o = {.config = NULL};
	CLEANUP(json_decrefp) json_t *object = NULL;
	struct tool_arguments fit = {.n = 0};
	struct tool tool = {.name = name};
	int r = open_server(t, s, secrets, run->user_id, a, &o, e), k = kind_at(s->kind);

	ASSERT(thread_may_wait() && run->cancel);
	ASSERT_IS(t, TOOLS_MAGIC);
	if (r == 0)
		r = json_parse(tools, strlen(tools), &o.entries, e);
	o.use.entry = r == 0 ? entry_of(o.entries, name) : NULL;
	if (r == 0 && (!o.use.entry || k < 0))
		r = err_set(e, E_NOT_FOUND, "It has no tool \"%.100s\".", name);
	if (r == 0 && server_tool_read("", o.use.entry, a, &tool) < 0)
		return tools_no_memory(e);
	tool.source = "";
	if (r == 0)
		r = tool_arguments_read(&tool, str_from(arguments), a, &fit, e);
	if (r == 0 && fit.n != 1)
		return tool_fail(ret, "%s", fit.n ? "These are several calls: make one of each." : fit.problem);
	if (r == 0)
		r = json_read(fit.items[0], strlen(fit.items[0]), JSON_MEMORY, JSON_READ_EXACT, &object, e);
	struct tool_hiding hiding = {run, o.secrets};
	const struct tool_run quiet = tool_hiding_run(&hiding);
	if (r == 0)
		r = kinds[k]->call(t, &o.use, &tool, object, &quiet, a, ret, e);
	tool_hide_result(o.secrets, ret, e);
	if (object && r < 0 && r != -ECANCELED && !cancel_reason(run->cancel))
		r = tool_fail(ret, "%s", *e->msg ? e->msg : err_public_text(e));
	if (r == 0)
		tool_result_cap(ret);
	return r;
}

const struct tool_source servers_source = {.kind = "servers", .list = list, .owns = owns, .call = call};
