/* openapi.c - a document's operations as tools (openapi.h). Swagger 2.0 is the same in other words. */
#include "tool/openapi.h"

#include <ctype.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>

#include "base/utf8.h"
#include "http/url.h"
#include "tool/http_tool.h"
#include "tool/yaml_tree.h"

#define TREE_MAX        ((size_t)256 << 20) /* bytes of one as a tree */
#define OPERATIONS_MAX  5000
#define PARAMETERS_MAX  250
#define DESCRIPTION_MAX 1500
#define TITLE_MAX       120
#define ROOM            ((size_t)16384) /* bytes of the schemas of one tool */

static const char *const methods[] = {"get", "head", "post", "put", "patch", "delete"};

int openapi_read(const char *p, size_t n, json_t **ret, struct err *e)
{
	const char *at = p;
	int r;

	if (n > OPENAPI_BYTES_MAX)
		return err_set(e, E_TOO_LARGE, "The document is larger than %zu MB.", OPENAPI_BYTES_MAX >> 20);
	if (n >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0)
		at += 3;
	n -= (size_t)(at - p);
	size_t space = 0;
	while (space < n && isspace((unsigned char)at[space]))
		space++;
	if (space < n && at[space] == '{')
		r = json_read(at, n, TREE_MAX, JSON_READ_LOOSE, ret, e);
	else
		r = yaml_read(at, n, TREE_MAX, ret, e);
	if (r < 0)
		return r;
	const char *is = json_get_str(*ret, "openapi"), *was = json_get_str(*ret, "swagger");
	if (((is && is[0] == '3') || (was && strcmp(was, "2.0") == 0)) &&
		json_is_object(json_object_get(*ret, "paths")))
		return 0;
	json_decref(*ret);
	*ret = NULL;
	return err_set(
		e, E_INVALID, "This is no OpenAPI document of the versions 3.0 and 3.1, and none of Swagger 2.0.");
}

/* ---- where requests go ---- */

static bool is_old(const json_t *doc)
{
	return json_get_str(doc, "swagger") != NULL;
}

/* {name} in an address: what the document says when nobody says otherwise. */
static void fill_variables(const json_t *server, struct buf *to)
{
	const char *url = json_get_str(server, "url"), *end;

	for (; *url; url++) {
		if (*url != '{' || !(end = strchr(url, '}')) || end - url > 64) {
			buf_add_char(to, *url);
			continue;
		}
		char name[65];
		snprintf(name, sizeof(name), "%.*s", (int)(end - url - 1), url + 1);
		const char *v = json_get_str(json_object_get(json_object_get(server, "variables"), name), "default");
		buf_add_str(to, v ? v : "");
		url = end;
	}
}

static void old_server(const json_t *doc, const char *url, struct buf *to)
{
	const char *host = json_get_str(doc, "host"), *path = json_get_str(doc, "basePath");
	const json_t *schemes = json_object_get(doc, "schemes");
	const char *first = json_string_value(json_array_get(schemes, 0));

	if (host)
		buf_printf(to, "%s://%s",
			first                                  ? first
			: url && strncmp(url, "http:", 5) == 0 ? "http"
							       : "https",
			host);
	buf_add_str(to, path ? path : "/");
}

int openapi_server(const json_t *doc, const struct openapi_wish *w, struct arena *a, const char **ret, struct err *e)
{
	CLEANUP(buf_done) struct buf said = BUF_INIT(2048);
	CLEANUP(buf_done) struct buf whole = BUF_INIT(4096);
	const json_t *first = json_array_get(json_object_get(doc, "servers"), 0);
	struct http_url parts;

	if (w->server)
		buf_add_str(&said, w->server);
	else if (is_old(doc))
		old_server(doc, w->url, &said);
	else if (json_get_str(first, "url"))
		fill_variables(first, &said);
	else
		buf_add_char(&said, '/'); /* the root of where the document is */
	if (buf_status(&said) < 0)
		return err_set(e, E_INVALID, "The address of the server is too long.");
	if (w->url && http_url_join(w->url, said.p ? said.p : "/", &whole) < 0)
		buf_reset(&whole);
	if (!w->url)
		buf_add(&whole, said.p, said.n);
	while (whole.n > 0 && whole.p[whole.n - 1] == '/')
		whole.p[--whole.n] = '\0';
	if (whole.n == 0 || buf_status(&whole) < 0 || !http_url_read(whole.p, &parts) || parts.has_user ||
		strpbrk(whole.p, "?#{}"))
		return err_set(
			e, E_INVALID, "The document does not say where its server is: give its address as \"server\".");
	*ret = arena_strdup(a, whole.p);
	return *ret ? 0 : err_set(e, -ENOMEM, "There is no memory for a document.");
}

/* ---- operations ---- */

struct operation {
	const char *method, *path; /* "get" */
	const json_t *item, *op;
	char id[600];                 /* "GET /path" */
	char name[TOOL_NAME_MAX + 1]; /* unique in the document */
};

/* What may stand in the name of a tool; what is too long ends with a hash of it all. */
static void make_name(const char *from, char ret[TOOL_NAME_MAX + 1])
{
	unsigned char hash[4];
	char hex[9];
	size_t n = 0;

	for (const char *p = from; *p && n < TOOL_NAME_MAX; p++) {
		if (isalnum((unsigned char)*p) || *p == '-')
			ret[n++] = *p;
		else if (n > 0 && ret[n - 1] != '_')
			ret[n++] = '_';
	}
	while (n > 0 && ret[n - 1] == '_')
		n--;
	ret[n] = '\0';
	if (strlen(from) <= TOOL_NAME_MAX && n > 0)
		return;
	crypto_generichash(hash, sizeof(hash), (const unsigned char *)from, strlen(from), NULL, 0);
	sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
	n = MIN(n, (size_t)TOOL_NAME_MAX - 9);
	snprintf(ret + n, TOOL_NAME_MAX + 1 - n, "_%s", hex);
}

/* `taken`: the names so far, as an object. */
static void name_it(struct operation *o, json_t *taken)
{
	const char *said = json_get_str(o->op, "operationId");
	char first[TOOL_NAME_MAX + 1], whole[600];

	snprintf(whole, sizeof(whole), "%s%s", o->method, o->path);
	make_name(said && *said ? said : whole, first);
	memcpy(o->name, first, sizeof(first));
	for (unsigned i = 2; i <= OPERATIONS_MAX && json_object_get(taken, o->name); i++)
		snprintf(o->name, sizeof(o->name), "%.*s_%u", TOOL_NAME_MAX - 6, first, i % 10000);
	json_object_set_new(taken, o->name, json_true());
}

/* Each operation in the order of the document, until `each` returns other than 0, which is returned. */
static int for_each(const json_t *doc, int (*each)(void *arg, const struct operation *o), void *arg)
{
	CLEANUP(json_decrefp) json_t *taken = json_object();
	const char *path;
	json_t *item;
	int n = 0, r;

	json_object_foreach(json_object_get(doc, "paths"), path, item)
	{
		struct operation o = {.path = path, .item = openapi_deref(doc, item)};
		if (*path != '/' || strlen(path) > 500)
			continue;
		for (size_t i = 0; i < N_ELEMENTS(methods); i++) {
			o.op = json_object_get(o.item, methods[i]);
			if (!json_is_object(o.op))
				continue;
			o.method = methods[i];
			snprintf(o.id, sizeof(o.id), "%s %s", o.method, path);
			for (char *p = o.id; *p != ' '; p++)
				*p = (char)toupper((unsigned char)*p);
			name_it(&o, taken);
			if (++n > OPERATIONS_MAX)
				return 0;
			if ((r = each(arg, &o)) != 0)
				return r;
		}
	}
	return 0;
}

/* ---- an operation as a tool ---- */

struct making {
	const json_t *doc;
	const struct operation *o;
	json_t *properties, *required, *in, *headers;
	json_t *files;       /* of a form with parts: the names of members that are files. Borrowed; NULL: it is none */
	size_t room;         /* bytes that its schemas may still take */
	bool brief;          /* only whether it can be a tool: nobody reads its schema */
	const char *problem; /* why it cannot be a tool */
};

#define TOO_MANY "it has too many parameters"
static const char reserved[] = "accept content-type authorization content-length host connection transfer-encoding";

static void text_at_most(json_t *to, const char *name, const char *s, size_t max)
{
	if (s && *s)
		json_object_set_new(to, name, json_stringn(s, utf8_prefix(s, strlen(s), max)));
}

/* A name that is taken is told apart by where it stands. */
static const char *argument_name(struct making *m, const char *name, const char *where, char ret[160])
{
	snprintf(ret, 160, "%.128s", name);
	if (json_object_get(m->properties, ret))
		snprintf(ret, 160, "%s_%.128s", where, name);
	return json_object_get(m->properties, ret) ? NULL : ret;
}

static void add_argument(
	struct making *m, const char *name, const char *where, json_t *place, json_t *schema, bool required)
{
	char argument[160];

	if (!argument_name(m, name, where, argument) || json_object_size(m->properties) >= PARAMETERS_MAX) {
		m->problem = m->problem ? m->problem : TOO_MANY;
		json_decref(place);
		json_decref(schema);
		return;
	}
	json_object_set_new(m->properties, argument, schema);
	json_object_set_new(m->in, argument, place);
	if (required)
		json_array_append_new(m->required, json_string(argument));
}

/* How a value is written where it stands; NULL: as http_tool does by itself. */
static const char *style_of(const json_t *p, const char *where)
{
	const char *style = json_get_str(p, "style"), *old = json_get_str(p, "collectionFormat");
	const json_t *explode = json_object_get(p, "explode");

	if (strcmp(where, "query") != 0)
		return NULL;
	if (old)
		return strcmp(old, "multi") == 0   ? NULL
		       : strcmp(old, "ssv") == 0   ? "space"
		       : strcmp(old, "pipes") == 0 ? "pipe"
						   : "comma";
	if (style && strcmp(style, "deepObject") == 0)
		return "deepObject";
	if (style && strcmp(style, "spaceDelimited") == 0)
		return "space";
	if (style && strcmp(style, "pipeDelimited") == 0)
		return "pipe";
	return json_is_false(explode) ? "comma" : NULL;
}

static json_t *schema_of(struct making *m, const json_t *schema, bool writes)
{
	return m->brief ? json_object() : openapi_schema(m->doc, schema, writes, &m->room);
}

/* Its schema: what it holds as JSON where it says that it does, its own words in Swagger. */
static json_t *parameter_schema(struct making *m, const json_t *p)
{
	const json_t *schema = json_object_get(p, "schema"), *content = json_object_get(p, "content");
	void *first = json_object_iter((json_t *)content);
	json_t *made;

	if (!schema && first)
		schema = json_object_get(json_object_iter_value(first), "schema");
	made = schema_of(m, schema ? schema : is_old(m->doc) ? p : NULL, false);
	text_at_most(made, "description", json_get_str(p, "description"), 400);
	return made;
}

static void add_parameter(struct making *m, const json_t *p)
{
	const char *name = json_get_str(p, "name"), *where = json_get_str(p, "in");
	bool required = json_is_true(json_object_get(p, "required"));

	if (!name || !*name || !where || str_word_place("path query header cookie", str_from(where)) < 0)
		return;
	if (strcmp(where, "header") == 0) {
		char low[64];
		size_t n = MIN(strlen(name), sizeof(low) - 1);
		for (size_t i = 0; i < n; i++)
			low[i] = (char)tolower((unsigned char)name[i]);
		low[n] = '\0';
		if (str_word_place(reserved, str_from(low)) >= 0 || strpbrk(name, "\r\n: "))
			return;
	}
	const char *style = style_of(p, where);
	json_t *place = json_pack("{s:s, s:s}", "in", where, "name", name);
	if (style)
		json_object_set_new(place, "style", json_string(style));
	if (json_object_get(p, "content"))
		json_object_set_new(place, "style", json_string("json"));
	add_argument(m, name, where, place, parameter_schema(m, p), required || strcmp(where, "path") == 0);
}

/* Those of the operation stand before those of its path, which they replace. */
static void add_listed(struct making *m, const json_t *list, json_t *seen)
{
	const json_t *v;
	size_t i;

	json_array_foreach(list, i, v)
	{
		const json_t *p = openapi_deref(m->doc, v);
		const char *name = json_get_str(p, "name"), *where = json_get_str(p, "in");
		char key[400];
		if (!p)
			m->problem = "it refers to what is not in the document";
		if (i >= PARAMETERS_MAX || !name || !where || strlen(name) + strlen(where) > 150)
			continue;
		snprintf(key, sizeof(key), "%s %s", where, name);
		if (!json_object_get(seen, key))
			add_parameter(m, p);
		json_object_set_new(seen, key, json_true());
	}
}

static void add_parameters(struct making *m)
{
	CLEANUP(json_decrefp) json_t *seen = json_object();

	add_listed(m, json_object_get(m->o->op, "parameters"), seen);
	add_listed(m, json_object_get(m->o->item, "parameters"), seen);
}

/* ---- bodies ---- */

static bool is_type(const char *type, const char *wanted)
{
	size_t n = strcspn(type, "; ");

	return n == strlen(wanted) && strncasecmp(type, wanted, n) == 0;
}

/* What stands there where it is no null: of a choice between a schema and null, as optional members are described, that schema. */
static const json_t *but_null(const json_t *doc, const json_t *schema)
{
	const json_t *whole = openapi_deref(doc, schema), *of = json_object_get(whole, "anyOf"), *found = NULL;
	size_t n = 0;

	of = of ? of : json_object_get(whole, "oneOf");
	if (json_array_size(of) > 2)
		return whole;
	for (size_t i = 0; i < json_array_size(of); i++) {
		const json_t *one = openapi_deref(doc, json_array_get(of, i));
		const char *type = json_get_str(one, "type");

		if (type && strcmp(type, "null") == 0)
			continue;
		found = one;
		n++;
	}
	return n == 1 ? found : whole;
}

/* As a document says that bytes stand there: 3.0, 3.1. */
static bool is_file_schema(const json_t *schema)
{
	const char *format = json_get_str(schema, "format");

	return (format && strcmp(format, "binary") == 0) ||
	       (json_get_str(schema, "contentMediaType") && !json_object_get(schema, "contentEncoding"));
}

static bool is_json_type(const char *type)
{
	size_t n = strcspn(type, "; ");

	return is_type(type, "application/json") || is_type(type, "*/*") ||
	       (n > 5 && strncasecmp(type + n - 5, "+json", 5) == 0);
}

/* What is neither of these is a file. */
static const char *form_of(const char *type)
{
	size_t n = strcspn(type, "; ");

	if (is_json_type(type))
		return "json";
	if (is_type(type, "application/x-www-form-urlencoded"))
		return "form";
	if (is_type(type, "multipart/form-data"))
		return "parts";
	if (strncasecmp(type, "text/", 5) == 0 || is_type(type, "application/xml") ||
		(n > 4 && strncasecmp(type + n - 4, "+xml", 4) == 0))
		return "text";
	return strncasecmp(type, "multipart/", 10) == 0 ? NULL : "file";
}

/* A file stands among its members, which only a form with parts can send. */
static bool has_file(const json_t *doc, const json_t *schema)
{
	json_t *members = json_object_get(openapi_deref(doc, schema), "properties"), *v;
	const char *name;

	json_object_foreach(members, name, v)
	{
		const json_t *one = but_null(doc, v), *items = but_null(doc, json_object_get(one, "items"));

		if (is_file_schema(one) || is_file_schema(items))
			return true;
	}
	return false;
}

/* The kind of body that can be sent, JSON first, but where there are files. NULL: none of them. */
static const json_t *choose_body(const json_t *doc, const json_t *content, const char **ret_form, const char **ret_type)
{
	static const char *const order[] = {"json", "form", "parts", "text", "file"};
	static const char parts[] = "multipart/form-data";
	const json_t *with_files = json_object_get(content, parts);
	const char *type;
	json_t *v;

	if (has_file(doc, json_object_get(with_files, "schema"))) {
		*ret_form = "parts";
		*ret_type = parts;
		return with_files;
	}
	for (size_t i = 0; i < N_ELEMENTS(order); i++)
		json_object_foreach((json_t *)content, type, v)
		{
			const char *form = form_of(type);
			if (form && strcmp(form, order[i]) == 0) {
				*ret_form = form;
				*ret_type = type;
				return v;
			}
		}
	return NULL;
}

#define FILE_WORDS                                                                                                     \
	"The name of a file: of this conversation's folder, as list_files tells it, or of one of the person's "        \
	"documents."

/* What a model says in place of a file. Owned by the caller. */
static json_t *file_argument(const char *about)
{
	return json_pack("{s:s, s:o}", "type", "string", "description",
		about && *about ? json_sprintf("%.400s %s", about, FILE_WORDS) : json_string(FILE_WORDS));
}

/* Of members that are files, whose names are noted in the call; others stay. Taken. */
static json_t *with_file(struct making *m, const char *name, json_t *schema)
{
	const json_t *one = but_null(m->doc, schema);
	const char *about = json_get_str(schema, "description");
	bool many = is_file_schema(but_null(m->doc, json_object_get(one, "items")));

	if (!many && !is_file_schema(one))
		return schema;
	json_array_append_new(m->files, json_string(name));
	json_t *file = file_argument(about ? about : json_get_str(one, "description"));
	json_decref(schema);
	return many ? json_pack("{s:s, s:o}", "type", "array", "items", file) : file;
}

static bool is_whole(const json_t *schema, const char *form)
{
	return strcmp(form, "text") == 0 || json_object_size(json_object_get(schema, "properties")) == 0 ||
	       json_object_get(schema, "oneOf") || json_object_get(schema, "anyOf");
}

/* The members of an object are arguments of their own; anything else is one, `body`. */
static void add_body(struct making *m, json_t *schema, bool required, const char *form, const char *about)
{
	json_t *members = json_object_get(schema, "properties"), *must = json_object_get(schema, "required"), *v;
	const char *name;
	size_t i;

	if (is_whole(schema, form)) {
		if (!json_object_get(schema, "description"))
			text_at_most(schema, "description", about, 400);
		add_argument(m, "body", "request", json_pack("{s:s}", "in", "whole_body"), schema, required);
		return;
	}
	json_object_foreach(members, name, v)
	{
		const json_t *one;
		bool needed = false;
		json_array_foreach(must, i, one)
		{
			needed |= strcmp(json_string_value(one), name) == 0;
		}
		add_argument(m, name, "body", json_pack("{s:s, s:s}", "in", "body", "name", name),
			m->files ? with_file(m, name, json_incref(v)) : json_incref(v), required && needed);
	}
	json_decref(schema);
}

/* The members of a form that are written as name[member] and name[0]. */
static void note_deep(const json_t *encoding, json_t *call)
{
	json_t *deep = json_array(), *v;
	const char *name;

	json_object_foreach((json_t *)encoding, name, v)
	{
		const char *style = json_get_str(v, "style");

		if (style && strcmp(style, "deepObject") == 0)
			json_array_append_new(deep, json_string(name));
	}
	json_object_set_new(call, "deep", deep);
}

/* As many arguments as add_body makes of it. */
static size_t count_members(const json_t *doc, const json_t *body, const char *form)
{
	const json_t *schema = openapi_deref(doc, json_object_get(body, "schema"));

	return is_whole(schema, form) ? 1 : json_object_size(json_object_get(schema, "properties"));
}

static void add_content(struct making *m, json_t *call)
{
	const json_t *body = openapi_deref(m->doc, json_object_get(m->o->op, "requestBody"));
	const json_t *content = json_object_get(body, "content");
	const char *form = NULL, *type = NULL;

	if (json_object_get(m->o->op, "requestBody") && !body)
		m->problem = "it refers to what is not in the document";
	if (json_object_size(content) == 0)
		return;
	bool required = json_is_true(json_object_get(body, "required"));
	const json_t *chosen = choose_body(m->doc, content, &form, &type);
	if (!chosen) {
		m->problem = "its body is of a kind that tools do not send";
		return;
	}
	json_object_set_new(call, "body", json_string(form));
	if (!required)
		json_object_set_new(call, "optional", json_true());
	if (!strchr(type, '*') && str_word_place("form parts", str_from(form)) < 0)
		json_object_set_new(call, "type", json_string(type));
	if (strcmp(form, "parts") == 0)
		json_object_set_new(call, "files", m->files = json_array());
	if (strcmp(form, "form") == 0)
		note_deep(json_object_get(chosen, "encoding"), call);
	if (m->brief && json_object_size(m->properties) + count_members(m->doc, chosen, form) > PARAMETERS_MAX)
		m->problem = TOO_MANY;
	if (strcmp(form, "file") == 0) {
		add_argument(m, "file", "body", json_pack("{s:s}", "in", "whole_body"),
			file_argument(json_get_str(body, "description")), required);
		return;
	}
	add_body(m, schema_of(m, json_object_get(chosen, "schema"), true), required, form,
		json_get_str(body, "description"));
}

/* Swagger 2.0: whether a form is one with parts: it has a file, or may be nothing else. */
static bool has_old_parts(struct making *m)
{
	const json_t *takes = json_object_get(m->o->op, "consumes"), *v;
	bool parts = false, plain = false;
	size_t i;

	json_array_foreach(takes ? takes : json_object_get(m->doc, "consumes"), i, v)
	{
		const char *type = json_string_value(v);

		parts |= type && is_type(type, "multipart/form-data");
		plain |= type && is_type(type, "application/x-www-form-urlencoded");
	}
	json_array_foreach(json_object_get(m->o->op, "parameters"), i, v)
	{
		const char *type = json_get_str(openapi_deref(m->doc, v), "type");

		if (type && strcmp(type, "file") == 0)
			return true;
	}
	return parts && !plain;
}

/* A member of a form. */
static void add_old_member(struct making *m, const json_t *p, const char *name, bool required)
{
	const char *type = json_get_str(p, "type");
	bool file = m->files && type && strcmp(type, "file") == 0;

	if (file)
		json_array_append_new(m->files, json_string(name));
	add_argument(m, name, "form", json_pack("{s:s, s:s}", "in", "body", "name", name),
		file ? file_argument(json_get_str(p, "description")) : parameter_schema(m, p), required);
}

/* Swagger 2.0: bodies and forms stand among the parameters. */
static void add_old_content(struct making *m, json_t *call)
{
	const json_t *p;
	size_t i;

	json_array_foreach(json_object_get(m->o->op, "parameters"), i, p)
	{
		p = openapi_deref(m->doc, p);
		const char *where = json_get_str(p, "in"), *name = json_get_str(p, "name");
		bool required = json_is_true(json_object_get(p, "required"));
		if (i >= PARAMETERS_MAX || !where || !name)
			continue;
		if (strcmp(where, "body") == 0) {
			json_object_set_new(call, "body", json_string("json"));
			add_body(m, schema_of(m, json_object_get(p, "schema"), true), required, "json",
				json_get_str(p, "description"));
		} else if (strcmp(where, "formData") == 0) {
			if (!json_object_get(call, "body") && has_old_parts(m))
				json_object_set_new(call, "files", m->files = json_array());
			json_object_set_new(call, "body", json_string(m->files ? "parts" : "form"));
			add_old_member(m, p, name, required);
		}
	}
}

/* ---- entries ---- */

static void upper(const char *from, char ret[8])
{
	size_t n = 0;

	for (; from[n] && n < 7; n++)
		ret[n] = (char)toupper((unsigned char)from[n]);
	ret[n] = '\0';
}

static const char *title_of(const struct operation *o)
{
	const char *title = json_get_str(o->op, "summary");

	return title && *title ? title : o->name;
}

static json_t *description_of(const struct operation *o)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT((size_t)1 << 20);
	const char *summary = json_get_str(o->op, "summary"), *more = json_get_str(o->op, "description");

	if (summary && *summary)
		buf_add_str(&b, summary);
	if (more && *more && (!summary || strcmp(summary, more) != 0))
		buf_printf(&b, "%s%.4000s", b.n ? "\n\n" : "", more);
	if (b.n == 0)
		buf_add_str(&b, o->id);
	return json_stringn(b.p ? b.p : "", utf8_prefix(b.p ? b.p : "", b.n, DESCRIPTION_MAX));
}

/* NULL: it cannot be a tool, for *ret_problem. `server` NULL: only that is asked. */
static json_t *entry_of(const json_t *doc, const struct operation *o, const char *server, const char **ret_problem)
{
	struct making m = {.doc = doc,
		.o = o,
		.brief = !server,
		.room = ROOM,
		.properties = json_object(),
		.required = json_array(),
		.in = json_object()};
	char method[8];
	json_t *call = json_object(), *url = json_sprintf("%s%s", server ? server : "", o->path);

	upper(o->method, method);
	add_parameters(&m);
	if (is_old(doc))
		add_old_content(&m, call);
	else
		add_content(&m, call);
	json_object_set_new(call, "method", json_string(method));
	json_object_set_new(call, "url", url);
	json_object_set_new(call, "in", m.in);
	json_t *schema =
		json_pack("{s:s, s:o, s:o}", "type", "object", "properties", m.properties, "required", m.required);
	json_t *entry = json_pack("{s:s, s:o, s:o, s:i, s:o}", "name", o->name, "description", description_of(o),
		"parameters", schema, "hints", (int)http_method_hints(method), "call", call);
	text_at_most(entry, "title", title_of(o), TITLE_MAX);
	if (json_object_size(m.properties) == 0)
		json_object_del(schema, "required");
	*ret_problem = m.problem;
	if (!m.problem)
		return entry;
	json_decref(entry);
	return NULL;
}

struct choosing {
	const json_t *doc;
	const struct openapi_wish *w;
	const char *server;
	size_t max;
	json_t *found, *entries;
	struct err *e;
};

static bool is_wanted(struct choosing *c, const struct operation *o)
{
	const char *id = json_get_str(o->op, "operationId");
	const json_t *v;
	size_t i;

	if (!c->w->operations)
		return true;
	json_array_foreach(c->w->operations, i, v)
	{
		const char *wanted = json_string_value(v);
		if (!wanted || (strcmp(wanted, o->id) != 0 && (!id || strcmp(wanted, id) != 0)))
			continue;
		json_object_set_new(c->found, wanted, json_true());
		return true;
	}
	return false;
}

static int choose(void *arg, const struct operation *o)
{
	struct choosing *c = arg;
	const char *problem = NULL;

	if (!is_wanted(c, o))
		return 0;
	json_t *entry = entry_of(c->doc, o, c->server, &problem);
	if (!entry && c->w->operations)
		return err_set(c->e, E_INVALID, "%.200s cannot be a tool: %s.", o->id,
			problem ? problem : "there is no memory for it");
	if (!entry)
		return 0; /* of all, those that can */
	json_array_append_new(c->entries, entry);
	return json_array_size(c->entries) > c->max
		       ? err_set(c->e, E_TOO_LARGE, "The document has more than %zu operations: choose some.", c->max)
		       : 0;
}

int openapi_entries(const json_t *doc, const struct openapi_wish *w, size_t max, json_t **ret, struct err *e)
{
	CLEANUP(arena_done) struct arena a;
	CLEANUP(json_decrefp) json_t *found = json_object();
	CLEANUP(json_decrefp) json_t *entries = json_array();
	struct choosing c = {.doc = doc, .w = w, .max = max, .found = found, .entries = entries, .e = e};
	const json_t *v;
	size_t i;
	int r;

	arena_init(&a, 65536);
	r = openapi_server(doc, w, &a, &c.server, e);
	if (r == 0)
		r = for_each(doc, choose, &c);
	json_array_foreach(w->operations, i, v)
	{
		if (r == 0 && !json_object_get(found, json_string_value(v)))
			r = err_set(e, E_INVALID, "The document has no operation \"%.150s\".", json_string_value(v));
	}
	if (r == 0)
		*ret = TAKE_PTR(entries);
	return r;
}

/* ---- what to choose from ---- */

struct telling {
	const json_t *doc;
	json_t *operations;
};

static int tell(void *arg, const struct operation *o)
{
	struct telling *t = arg;
	const char *problem = NULL;
	char method[8];
	json_t *entry = entry_of(t->doc, o, NULL, &problem), *tags = json_array(), *v;
	size_t i;

	json_decref(entry);
	upper(o->method, method);
	json_array_foreach(json_object_get(o->op, "tags"), i, v)
	{
		if (json_is_string(v) && json_string_length(v) <= 80 && json_array_size(tags) < 8)
			json_array_append(tags, v);
	}
	unsigned hints = http_method_hints(method);
	json_t *said = json_pack("{s:s, s:s, s:s, s:s, s:o, s:b, s:b, s:b}", "id", o->id, "name", o->name, "method",
		method, "path", o->path, "tags", tags, "deprecated", json_is_true(json_object_get(o->op, "deprecated")),
		"reads", (hints & TOOL_READS) != 0, "destroys", (hints & TOOL_DESTROYS) != 0);
	text_at_most(said, "title", title_of(o), TITLE_MAX);
	if (problem)
		json_object_set_new(said, "problem", json_string(problem));
	json_array_append_new(t->operations, said);
	return 0;
}

/* How the interface wants to know who asks, in the words of `auth`. */
static void tell_auth(const json_t *schemes, const json_t *doc, json_t *to)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)schemes, key, v)
	{
		const json_t *s = openapi_deref(doc, v);
		const char *type = json_get_str(s, "type"), *how = json_get_str(s, "scheme"),
			   *in = json_get_str(s, "in"), *name = json_get_str(s, "name");
		if (!type || json_array_size(to) >= 8)
			continue;
		if (strcmp(type, "basic") == 0 || (how && strcasecmp(how, "basic") == 0))
			json_array_append_new(to, json_pack("{s:s}", "type", "basic"));
		else if (strcmp(type, "apiKey") == 0 && in && name && str_word_place("header query", str_from(in)) >= 0)
			json_array_append_new(to, json_pack("{s:s, s:s}", "type", in, "name", name));
		else if (strcmp(type, "oauth2") == 0 || strcmp(type, "openIdConnect") == 0 ||
			 (how && strcasecmp(how, "bearer") == 0))
			json_array_append_new(to, json_pack("{s:s}", "type", "bearer"));
	}
}

json_t *openapi_about(const json_t *doc, const struct openapi_wish *w)
{
	CLEANUP(arena_done) struct arena a;
	const json_t *info = json_object_get(doc, "info");
	struct telling t = {.doc = doc, .operations = json_array()};
	json_t *about = json_object(), *auth = json_array();
	const char *server = NULL;
	struct err quiet = {0};

	arena_init(&a, 65536);
	text_at_most(about, "title", json_get_str(info, "title"), TITLE_MAX);
	text_at_most(about, "version", json_get_str(info, "version"), TITLE_MAX);
	if (openapi_server(doc, w, &a, &server, &quiet) == 0)
		json_object_set_new(about, "server", json_string(server));
	tell_auth(json_object_get(json_object_get(doc, "components"), "securitySchemes"), doc, auth);
	tell_auth(json_object_get(doc, "securityDefinitions"), doc, auth);
	json_object_set_new(about, "auth", auth);
	(void)for_each(doc, tell, &t);
	json_object_set_new(about, "operations", t.operations);
	return about;
}
