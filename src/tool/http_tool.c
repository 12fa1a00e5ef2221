/*
 * http_tool.c - tools that are requests over HTTP. An entry of such a tool says in `call` how its arguments become a request:
 *
 *	{"method": "GET", "url": "https://host/v1/{city}", "in": {"city": {"in": "path", "name": "city"}, ...},
 *	 "body": "json" | "form" | "text" | "parts" | "file", "type": "application/merge-patch+json", "files": ["name"],
 *	 "optional": true (the body), "headers": {...}}
 *
 * Places are path, query, header, cookie, body and whole_body; a `style` of a query is comma, space, pipe, deepObject or json.
 * A body of `parts` is multipart/form-data, in which `files` are told by their names, as the one that is a body of its own (http_files.c).
 * What is placed nowhere is a part of the body, or of the query where there is no body. The kind `http` has its tools in its
 * configuration; openapi.c makes such entries of a document.
 */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <strings.h>

#include "http/url.h"
#include "tool/http_tool.h"

#define TOOLS_MAX   200
#define HEADERS_MAX 40
#define ANSWER_MAX  ((size_t)5 << 20)
#define PART_MAX    ((size_t)1 << 20)
#define TIMEOUT_S   30

/* ---- what a configuration says ---- */

static bool is_word(const char *s, const char *words)
{
	return s && str_word_place(words, str_from(s)) >= 0;
}

/* The host stands in the template itself: what a model says must not choose where secrets are sent. */
static int check_template(const char *url, struct err *e)
{
	struct http_url parts;
	const char *host = url ? strstr(url, "://") : NULL;
	size_t n = host ? strcspn(host + 3, "/?#") : 0;

	if (!host || !http_url_read(url, &parts) || parts.has_user)
		return err_set(e, E_INVALID,
			"\"url\" must begin with http:// or https://, and has no user or password in it.");
	if (memchr(host + 3, '{', n))
		return err_set(e, E_INVALID, "The host in \"url\" must be written out.");
	return 0;
}

static int check_tool(const json_t *tool, struct err *e)
{
	const char *name = json_get_str(tool, "name"), *method = json_get_str(tool, "method");
	const json_t *parameters = json_object_get(tool, "parameters");

	if (!name || !*name || strlen(name) > TOOL_NAME_MAX ||
		strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") != strlen(name))
		return err_set(e, E_INVALID, "A tool's \"name\" has 1 to %d letters, digits, _ and -.", TOOL_NAME_MAX);
	if (method && !is_word(method, HTTP_TOOL_METHODS))
		return err_set(e, E_INVALID, "The \"method\" of %s must be one of %s.", name, HTTP_TOOL_METHODS);
	if (parameters && !json_is_object(parameters))
		return err_set(e, E_INVALID, "The \"parameters\" of %s must be a JSON Schema of an object.", name);
	return check_template(json_get_str(tool, "url"), e);
}

int http_auth_check(const json_t *config, struct err *e)
{
	const json_t *auth = json_object_get(config, "auth");
	const char *type = json_get_str(auth, "type"), *name = json_get_str(auth, "name");

	if (!auth || json_is_null(auth))
		return 0;
	if (!is_word(type, "none bearer header query basic"))
		return err_set(e, E_INVALID, "The \"type\" of \"auth\" must be none, bearer, header, query or basic.");
	if (is_word(type, "header query") && (!name || !*name || strpbrk(name, "\r\n: ")))
		return err_set(e, E_INVALID, "\"auth\" needs the \"name\" of the %s.", type);
	return 0;
}

static int check(const json_t *config, struct err *e)
{
	const json_t *tools = json_object_get(config, "tools"), *tool;
	int r = http_auth_check(config, e);
	size_t i;

	if (r == 0 && (!json_is_array(tools) || json_array_size(tools) == 0 || json_array_size(tools) > TOOLS_MAX))
		r = err_set(e, E_INVALID, "\"tools\" must be a list of 1 to %d tools.", TOOLS_MAX);
	json_array_foreach(tools, i, tool)
	{
		if (r == 0)
			r = check_tool(tool, e);
	}
	return r;
}

unsigned http_method_hints(const char *method)
{
	if (is_word(method, "GET HEAD"))
		return TOOL_READS | TOOL_IDEMPOTENT | TOOL_OUTSIDE;
	if (strcmp(method, "DELETE") == 0)
		return TOOL_DESTROYS | TOOL_IDEMPOTENT | TOOL_OUTSIDE;
	return TOOL_OUTSIDE | (strcmp(method, "PUT") == 0 ? (unsigned)TOOL_IDEMPOTENT : 0u);
}

/* Every {name} of the template is a parameter, whether the schema says so or not. */
static void require_path(json_t *schema, const char *url)
{
	json_t *properties = json_object_get(schema, "properties"), *required = json_object_get(schema, "required");

	if (!properties)
		json_object_set_new(schema, "properties", properties = json_object());
	if (!json_is_array(required))
		json_object_set_new(schema, "required", required = json_array());
	for (const char *p = strchr(url, '{'); p; p = strchr(p, '{')) {
		const char *end = strchr(++p, '}');
		char name[128];
		json_t *v;
		size_t i;
		bool there = false;
		if (!end || (size_t)(end - p) >= sizeof(name))
			return;
		memcpy(name, p, (size_t)(end - p));
		name[end - p] = '\0';
		if (!json_object_get(properties, name))
			json_object_set_new(properties, name, json_pack("{s:s}", "type", "string"));
		json_array_foreach(required, i, v)
		{
			there |= json_is_string(v) && strcmp(json_string_value(v), name) == 0;
		}
		if (!there)
			json_array_append_new(required, json_string(name));
	}
}

static json_t *entry_of(const json_t *tool)
{
	const char *method = json_get_str(tool, "method"), *url = json_get_str(tool, "url");
	json_t *schema = json_deep_copy(json_object_get(tool, "parameters")), *call = json_object();

	method = method ? method : "GET";
	if (!schema)
		schema = json_object();
	json_object_set_new(schema, "type", json_string("object"));
	require_path(schema, url);
	json_object_set_new(call, "method", json_string(method));
	json_object_set_new(call, "url", json_string(url));
	static const char *const parts[] = {"in", "body", "type", "headers"};
	for (size_t i = 0; i < N_ELEMENTS(parts); i++)
		if (json_object_get(tool, parts[i]))
			json_object_set(call, parts[i], json_object_get(tool, parts[i]));
	json_t *entry = json_pack("{s:O, s:o, s:i, s:o}", "name", json_object_get(tool, "name"), "parameters", schema,
		"hints", (int)http_method_hints(method), "call", call);
	static const char *const words[] = {"title", "description"};
	for (size_t i = 0; i < N_ELEMENTS(words); i++)
		if (json_object_get(tool, words[i]))
			json_object_set(entry, words[i], json_object_get(tool, words[i]));
	return entry;
}

static int refresh(struct tools *t UNUSED, const struct server_use *s, struct cancel *c UNUSED, struct buf *ret,
	json_t **ret_about UNUSED, struct err *e UNUSED)
{
	CLEANUP(json_decrefp) json_t *list = json_array();
	const json_t *tool;
	size_t i;

	json_array_foreach(json_object_get(s->config, "tools"), i, tool)
	{
		json_array_append_new(list, entry_of(tool));
	}
	json_add_value(ret, list);
	return buf_status(ret);
}

/* ---- a request ---- */

struct making {
	const json_t *call, *arguments;
	struct buf url, query, body, cookies;
	const char *headers[HEADERS_MAX + 1];
	size_t n_headers;
	json_t *rest; /* arguments for the body */
	struct arena *a;
	const char *wrong; /* for the model */
	struct tools *tools;
	const struct tool_run *run;
};

static void making_done(struct making *m)
{
	buf_wipe(&m->url); /* there may be a key in its query */
	buf_wipe(&m->query);
	buf_done(&m->body);
	buf_done(&m->cookies);
	json_decref(m->rest);
}

/* The text of a value in a path, a query or a header. */
static const char *text_of(const json_t *v, struct arena *a)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(PART_MAX);

	if (json_is_string(v) && !json_long_number(v))
		return arena_strdup(a, json_string_value(v));
	if (json_is_array(v)) { /* simple style: with commas */
		const json_t *item;
		size_t i;
		json_array_foreach(v, i, item)
		{
			const char *text = text_of(item, a);
			buf_printf(&b, "%s%s", i ? "," : "", text ? text : "");
		}
	} else {
		json_add_value(&b, v);
	}
	return buf_status(&b) < 0 ? NULL : arena_strdup(a, b.p ? b.p : "");
}

static void add_pair(struct buf *b, const char *name, const char *value)
{
	if (b->n)
		buf_add_char(b, '&');
	http_url_escape(b, name, strlen(name));
	buf_add_char(b, '=');
	if (value)
		http_url_escape(b, value, strlen(value));
}

static bool is_style(const char *style, const char *wanted)
{
	return style && strcmp(style, wanted) == 0;
}

/* What a style makes one text of; NULL: the value stays as it is. */
static const char *joined(struct making *m, const json_t *v, const char *style)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(PART_MAX);
	const json_t *item;
	size_t i;

	if (is_style(style, "json")) {
		json_add_value(&b, v);
	} else if (json_is_array(v) && style && is_word(style, "comma space pipe")) {
		json_array_foreach(v, i, item)
		{
			const char *text = text_of(item, m->a);
			buf_printf(&b, "%s%s",
				i == 0                     ? ""
				: is_style(style, "comma") ? ","
				: is_style(style, "pipe")  ? "|"
							   : " ",
				text ? text : "");
		}
	} else {
		return NULL;
	}
	return buf_status(&b) < 0 ? NULL : arena_strdup(m->a, b.p ? b.p : "");
}

#define DEEP_MAX 16 /* levels that are written so; what is deeper is JSON */

/* name[member] and name[0], whatever is within one another. */
static void add_deep(struct making *m, struct buf *b, const char *name, const json_t *v, int level)
{
	const json_t *item;
	const char *key;
	size_t i;

	if (!name || json_is_null(v))
		return;
	if (level == DEEP_MAX || !(json_is_object(v) || json_is_array(v))) {
		add_pair(b, name, text_of(v, m->a));
		return;
	}
	json_array_foreach(v, i, item) add_deep(m, b, arena_printf(m->a, "%s[%zu]", name, i), item, level + 1);
	json_object_foreach((json_t *)v, key, item)
		add_deep(m, b, arena_printf(m->a, "%s[%s]", name, key), item, level + 1);
}

/* Form style: a list is the name again and again, an object its members. */
static void add_to_form(struct making *m, struct buf *b, const char *name, const json_t *v, const char *style)
{
	const char *whole = joined(m, v, style);
	const json_t *item;
	const char *key;
	size_t i;

	if (whole) {
		add_pair(b, name, whole);
	} else if (is_style(style, "deepObject")) {
		add_deep(m, b, name, v, 0);
	} else if (json_is_array(v)) {
		json_array_foreach(v, i, item)
		{
			add_pair(b, name, text_of(item, m->a));
		}
	} else if (json_is_object(v)) {
		json_object_foreach((json_t *)v, key, item)
		{
			add_pair(b, key, text_of(item, m->a));
		}
	} else if (!json_is_null(v)) {
		add_pair(b, name, text_of(v, m->a));
	}
}

/* A line that takes the place of one with the same name: a server that gets two takes either, or refuses both. */
static void set_line(struct making *m, const char *line)
{
	size_t n = line ? strcspn(line, ":") + 1 : 0, at = 0;

	while (line && at < m->n_headers && strncasecmp(m->headers[at], line, n) != 0)
		at++;
	if (!line || at == HEADERS_MAX || strpbrk(line, "\r\n")) {
		m->wrong = "a header cannot hold this";
		return;
	}
	m->headers[at] = line;
	m->n_headers = MAX(m->n_headers, at + 1);
}

static void set_header(struct making *m, const char *name, const char *value)
{
	set_line(m, value ? arena_printf(m->a, "%s: %s", name, value) : NULL);
}

/* Only where nobody has said it already: whoever set up the server comes before the model, and both before us. */
static void add_header(struct making *m, const char *name, const char *value)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < m->n_headers; i++)
		if (strncasecmp(m->headers[i], name, n) == 0 && m->headers[i][n] == ':')
			return;
	set_header(m, name, value);
}

static const char *place_of(const struct making *m, const char *argument, const char **ret_name, const char **ret_style)
{
	const json_t *place = json_object_get(json_object_get(m->call, "in"), argument);
	const char *url = json_get_str(m->call, "url"), *mark = arena_printf(m->a, "{%s}", argument);
	const char *name = json_get_str(place, "name");

	*ret_name = name ? name : argument;
	*ret_style = json_get_str(place, "style");
	if (json_is_string(place))
		return json_string_value(place);
	if (json_get_str(place, "in"))
		return json_get_str(place, "in");
	if (mark && strstr(url, mark))
		return "path";
	return json_get_str(m->call, "body") || is_word(json_get_str(m->call, "method"), "POST PUT PATCH") ? "body"
													   : "query";
}

/* A path is filled in as one piece: "../x" stays where it was put. */
static void fill_path(struct making *m, const char *name, const json_t *v)
{
	const char *text = text_of(v, m->a), *mark = arena_printf(m->a, "{%s}", name);
	struct buf next = BUF_INIT(m->url.max);
	char *at = mark && m->url.p ? strstr(m->url.p, mark) : NULL;

	if (!text || !*text || strcmp(text, ".") == 0 || strcmp(text, "..") == 0) {
		m->wrong = "a part of the path is empty or a dot";
		return;
	}
	while (at) {
		buf_add(&next, m->url.p, (size_t)(at - m->url.p));
		http_url_escape(&next, text, strlen(text));
		size_t n = next.n;
		buf_add_str(&next, at + strlen(mark));
		buf_done(&m->url);
		m->url = next;
		next = BUF_INIT(m->url.max);
		at = buf_status(&m->url) < 0 ? NULL : strstr(m->url.p + n, mark);
	}
}

static void add_cookie(struct making *m, const char *name, const char *value)
{
	buf_add_str(&m->cookies, m->cookies.n ? "; " : "");
	http_url_escape(&m->cookies, name, strlen(name));
	buf_add_char(&m->cookies, '=');
	if (value)
		http_url_escape(&m->cookies, value, strlen(value));
}

static void place(struct making *m, const char *argument, json_t *v)
{
	const char *name, *style;
	const char *where = place_of(m, argument, &name, &style);

	if (strcmp(where, "path") == 0)
		fill_path(m, name, v);
	else if (strcmp(where, "query") == 0)
		add_to_form(m, &m->query, name, v, style);
	else if (strcmp(where, "header") == 0)
		add_header(m, name, text_of(v, m->a));
	else if (strcmp(where, "cookie") == 0)
		add_cookie(m, name, text_of(v, m->a));
	else if (strcmp(where, "whole_body") == 0)
		json_object_set(m->rest, "", v); /* the body is this, and not an object with it */
	else
		json_object_set(m->rest, name, v);
}

static void make_of_files(struct making *m, bool parts)
{
	struct http_sending s = {.tools = m->tools, .run = m->run, .call = m->call, .a = m->a, .body = &m->body};
	json_t *whole = json_object_get(m->rest, "");

	m->body.max = HTTP_FILE_MAX;
	if (parts ? http_send_parts(&s, json_is_object(whole) ? whole : m->rest) : http_send_file(&s, whole))
		set_header(m, "Content-Type", s.type);
	else
		m->wrong = s.wrong ? s.wrong : "there is no memory";
}

static bool has_word(const json_t *list, const char *word)
{
	const json_t *v;
	size_t i;

	json_array_foreach(list, i, v)
	{
		if (strcmp(json_string_value(v), word) == 0)
			return true;
	}
	return false;
}

static void make_body(struct making *m)
{
	const char *form = json_get_str(m->call, "body"), *key;
	json_t *v;

	if (json_object_size(m->rest) == 0 && (!form || json_is_true(json_object_get(m->call, "optional")) ||
						      is_word(json_get_str(m->call, "method"), "GET HEAD")))
		return;
	if (is_style(form, "form")) {
		json_t *given = json_object_get(m->rest, ""), *deep = json_object_get(m->call, "deep");

		json_object_foreach(json_is_object(given) ? given : m->rest, key, v)
		{
			add_to_form(
				m, &m->body, key, v, json_is_object(v) || has_word(deep, key) ? "deepObject" : NULL);
		}
		set_header(m, "Content-Type", "application/x-www-form-urlencoded");
		return;
	}
	if (is_style(form, "parts") || is_style(form, "file")) {
		make_of_files(m, is_style(form, "parts"));
		return;
	}
	const char *type = json_get_str(m->call, "type");
	json_t *whole = json_object_get(m->rest, "");
	bool text = is_style(form, "text");
	if (text && json_is_string(whole))
		buf_add_str(&m->body, json_string_value(whole));
	else
		json_add_value(&m->body, whole ? whole : m->rest);
	if (type)
		set_header(m, "Content-Type", type);
	else
		add_header(m, "Content-Type", text ? "text/plain" : "application/json");
}

/* "Basic" and the name and the password in base64; NULL: there is none, or no memory. */
static const char *basic_of(const json_t *secrets, struct arena *a)
{
	const char *user = json_get_str(secrets, "user"), *password = json_get_str(secrets, "password");
	const char *both =
		password ? arena_printf(a, "%s:%s", user ? user : "", password) : json_get_str(secrets, "token");
	char *coded = both ? arena_alloc(a, strlen(both) * 2 + 8) : NULL;

	if (!coded)
		return NULL;
	sodium_bin2base64(
		coded, strlen(both) * 2 + 8, (const unsigned char *)both, strlen(both), sodium_base64_VARIANT_ORIGINAL);
	return arena_printf(a, "Authorization: Basic %s", coded);
}

int http_auth_line(const struct server_use *s, struct arena *a, const char **ret, struct err *e)
{
	const json_t *auth = json_object_get(s->config, "auth");
	const char *type = json_get_str(auth, "type"), *token = json_get_str(s->secrets, "token");

	*ret = NULL;
	if (is_style(type, "bearer") && token)
		*ret = arena_printf(a, "Authorization: Bearer %s", token);
	else if (is_style(type, "header") && token)
		*ret = arena_printf(a, "%s: %s", json_get_str(auth, "name"), token);
	else if (is_style(type, "basic"))
		*ret = basic_of(s->secrets, a);
	if (*ret && strpbrk(*ret, "\r\n"))
		return err_set(e, E_INVALID, "No header can hold this secret: it has more than one line.");
	return 0;
}

static void add_auth(struct making *m, const struct server_use *s)
{
	const json_t *auth = json_object_get(s->config, "auth");
	const char *token = json_get_str(s->secrets, "token"), *line;
	struct err quiet = {0};

	if (is_style(json_get_str(auth, "type"), "query") && token)
		add_pair(&m->query, json_get_str(auth, "name"), token);
	else if (http_auth_line(s, m->a, &line, &quiet) < 0)
		m->wrong = "a header cannot hold its secret";
	else if (line)
		set_line(m, line);
}

static void make_request(struct making *m, const struct server_use *s)
{
	const char *key;
	json_t *v;

	buf_add_str(&m->url, json_get_str(m->call, "url"));
	json_object_foreach(json_object_get(m->call, "headers"), key, v)
	{
		if (strcasecmp(key, "Cookie") == 0)
			buf_add_str(&m->cookies, json_string_value(v)); /* those of arguments come behind it */
		else
			add_header(m, key, json_string_value(v));
	}
	json_object_foreach((json_t *)m->arguments, key, v)
	{
		place(m, key, v);
	}
	add_auth(m, s);
	make_body(m);
	if (m->cookies.n)
		add_header(m, "Cookie", m->cookies.p);
	add_header(m, "Accept", "application/json, text/*;q=0.9, */*;q=0.5");
	if (m->query.n) {
		buf_add_char(&m->url, strchr(m->url.p, '?') ? '&' : '?');
		buf_add(&m->url, m->query.p, m->query.n);
	}
}

/* ---- its answer ---- */

static bool begins(const char *type, const char *with)
{
	return strncasecmp(type, with, strlen(with)) == 0;
}

static bool is_json(const char *type)
{
	size_t n = strcspn(type, "; ");

	return begins(type, "application/json") || (n > 5 && strncasecmp(type + n - 5, "+json", 5) == 0);
}

static int take_file(const struct fetched *f, struct arena *a, struct tool_result *ret)
{
	size_t n = strcspn(f->type, "; ");
	struct tool_file *file = ARENA_NEW(a, struct tool_file);
	void *data = arena_alloc(a, MAX(f->body.n, 1u));

	if (!file || !data)
		return -ENOMEM;
	if (f->body.n)
		memcpy(data, f->body.p, f->body.n);
	*file = (struct tool_file){
		.name = "result", .media_type = arena_strndup(a, f->type, n), .data = data, .n = f->body.n};
	if (!file->media_type)
		return -ENOMEM;
	ret->files = file;
	ret->n_files = 1;
	buf_printf(&ret->text, "It answered with a file (%s, %zu bytes), which the person is shown.", file->media_type,
		f->body.n);
	return 0;
}

static int take_answer(const struct fetched *f, struct arena *a, struct tool_result *ret)
{
	CLEANUP(json_decrefp) json_t *v = NULL;
	struct err quiet = {0};

	ret->text = BUF_INIT(ANSWER_MAX + 1024);
	ret->failed = f->status / 100 != 2;
	if (ret->failed)
		buf_printf(&ret->text, "It answered with the status %d.%s", f->status, f->body.n ? "\n" : "");
	if (!ret->failed && *f->type && !is_json(f->type) && !begins(f->type, "text/") &&
		!begins(f->type, "application/xml") && !begins(f->type, "application/x-ndjson"))
		return take_file(f, a, ret);
	if (f->body.n)
		buf_add(&ret->text, f->body.p, f->body.n);
	else if (!ret->failed)
		buf_add_str(&ret->text, "It answered with nothing, which is well.");
	if (f->cut)
		buf_printf(
			&ret->text, "\n[It answered with more than %zu MB; the rest was not read.]", ANSWER_MAX >> 20);
	if (is_json(f->type) && json_read(f->body.p, f->body.n, JSON_MEMORY, JSON_READ_EXACT, &v, &quiet) == 0) {
		ret->structured = BUF_INIT(ANSWER_MAX * 2);
		json_add_value(&ret->structured, v);
		if (buf_status(&ret->structured) < 0)
			buf_done(&ret->structured);
	}
	return 0;
}

int http_tool_call(struct tools *t, const struct server_use *s, const struct tool *tool, const json_t *arguments,
	const struct tool_run *run, struct arena *a, struct tool_result *ret, struct err *e)
{
	CLEANUP(making_done)
	struct making m = {.call = json_object_get(s->entry, "call"),
		.arguments = arguments,
		.url = BUF_INIT(65536),
		.query = BUF_INIT(65536),
		.body = BUF_INIT(PART_MAX),
		.cookies = BUF_INIT(8192),
		.rest = json_object(),
		.a = a,
		.tools = t,
		.run = run};
	CLEANUP(fetched_done) struct fetched got = {.status = 0};
	int64_t seconds = json_get_i64(s->config, "timeout_s", TIMEOUT_S);
	int r;

	if (!json_get_str(m.call, "url") || !json_get_str(m.call, "method"))
		return tool_fail(ret, "The tool %s is not complete: its server must be refreshed.", tool->name);
	make_request(&m, s);
	if (m.wrong || buf_status(&m.url) < 0 || buf_status(&m.body) < 0)
		return tool_fail(
			ret, "The request of %s cannot be made: %s.", tool->name, m.wrong ? m.wrong : "it is too long");
	const struct fetch f = {.method = json_get_str(m.call, "method"),
		.url = m.url.p,
		.headers = m.headers,
		.body = buf_str(&m.body),
		.max = ANSWER_MAX,
		.cuts = true,
		.timeout_ms = MAX(1, MIN(seconds, 600)) * 1000,
		.anywhere = s->of_admin};
	r = tool_fetch(t, &f, run->cancel, &got, e);
	if (r == 0)
		r = take_answer(&got, a, ret);
	return r;
}

const struct tool_kind http_kind = {.name = "http", .check = check, .refresh = refresh, .call = http_tool_call};
