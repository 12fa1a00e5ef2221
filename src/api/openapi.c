/* openapi.c - the OpenAPI 3.1 document, written from the tables: routes, schemas, errors, events. */
#include <ctype.h>
#include <stdio.h>

#include "api/handlers.h"
#include "base/event.h"

#define OPENAPI_MAX         ((size_t)4 << 20)
#define SCHEMAS_MAX         128
#define ERROR_ANSWER        "#/components/responses/Error"
#define SHAPED_ERROR_ANSWER "#/components/responses/ShapedError"

/* ---- schemas: each that a route names and those inside, once ---- */

struct schema_set {
	const struct schema *all[SCHEMAS_MAX];
	size_t n;
};

static void set_add(struct schema_set *set, const struct schema *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < set->n; i++) {
		if (strcmp(set->all[i]->name, s->name) == 0)
			return;
	}
	if (set->n == SCHEMAS_MAX)
		abort(); /* a table outgrew the other */
	set->all[set->n++] = s;
	for (size_t i = 0; i < s->n_fields; i++)
		set_add(set, s->fields[i].sub);
}

/* ---- events ---- */

/* "text" -> "TextFrame" */
static void add_frame_name(struct buf *b, const char *name)
{
	buf_printf(b, "%c%sFrame", toupper((unsigned char)name[0]), name + 1);
}

/* "tokens_in:integer? exact:boolean" -> the properties of an object and which of them are required. */
static void add_event_fields(struct buf *b, const char *fields)
{
	CLEANUP(buf_done) struct buf required = BUF_INIT(4096);

	buf_add_str(b, "{\"type\":\"object\",\"properties\":{");
	for (const char *p = fields; *p;) {
		size_t name = strcspn(p, ":"), all = strcspn(p, " ");
		size_t type = all - name - 1;
		bool optional = p[all - 1] == '?';

		if (p != fields)
			buf_add_char(b, ',');
		buf_printf(b, "\"%.*s\":{\"type\":\"%.*s\"}", (int)name, p, (int)(type - (optional ? 1 : 0)),
			p + name + 1);
		if (!optional)
			buf_printf(&required, "%s\"%.*s\"", required.n ? "," : "", (int)name, p);
		p += all;
		p += strspn(p, " ");
	}
	buf_printf(b, "},\"required\":[" STR_FMT "]}", STR_ARG(buf_str(&required)));
}

/* One frame as an object of its three fields. */
static void add_frame(struct buf *b, const char *name, bool numbered, const char *fields, const char *doc)
{
	buf_add_char(b, '"');
	add_frame_name(b, name);
	buf_add_str(b, "\":{\"type\":\"object\",\"description\":");
	json_add_cstr(b, doc);
	buf_printf(b, ",\"properties\":{%s\"event\":{\"type\":\"string\",\"const\":\"%s\"},\"data\":",
		numbered ? "\"id\":{\"type\":\"integer\",\"minimum\":1}," : "", name);
	add_event_fields(b, fields);
	buf_printf(b, "},\"required\":[%s\"event\",\"data\"]}", numbered ? "\"id\"," : "");
}

static void add_one_of(struct buf *b, const char *name, const char *doc, const char *const *events, size_t n)
{
	buf_printf(b, "\"%s\":{\"description\":", name);
	json_add_cstr(b, doc);
	buf_add_str(b, ",\"oneOf\":[");
	for (size_t i = 0; i < n; i++) {
		buf_printf(b, "%s{\"$ref\":\"#/components/schemas/", i ? "," : "");
		add_frame_name(b, events[i]);
		buf_add_str(b, "\"}");
	}
	buf_add_str(b, "]}");
}

static void add_events(struct buf *b)
{
	static const char *const changes[] = {"hello", "change"};
	const char *names[EVENT_COUNT];

	for (int i = 0; i < EVENT_COUNT; i++) {
		const struct event_info *e = event_info((enum event_type)i);
		names[i] = e->name;
		add_frame(b, e->name, true, e->fields, e->doc);
		buf_add_char(b, ',');
	}
	add_one_of(b, "TurnEvent",
		"A frame of a turn's event stream (id, event and data as fields). `done` is the last.", names,
		EVENT_COUNT);
	buf_add_char(b, ',');
	add_frame(b, "hello", false, "version:string", "First frame of the change feed.");
	buf_add_char(b, ',');
	add_frame(b, "change", false, "kind:string id:string turn_id:string? what:string",
		"A conversation, a turn or a job (kind) has changed: created, updated, deleted, started, ended (what). "
		"`id` is the conversation's or the job's.");
	buf_add_char(b, ',');
	add_one_of(b, "FeedEvent", "A frame of the change feed.", changes, N_ELEMENTS(changes));
	buf_add_str(b, ",\"JobEvent\":{\"type\":\"object\",\"description\":\"A frame of a job's event stream.\","
		       "\"properties\":{\"event\":{\"type\":\"string\",\"const\":\"job\"},"
		       "\"data\":{\"$ref\":\"#/components/schemas/Job\"}},\"required\":[\"event\",\"data\"]}");
}

/* ---- paths ---- */

static void add_path_param(struct buf *b, const char *path, bool *first)
{
	const char *open = strchr(path, '{');

	if (!open)
		return;
	buf_printf(b, "%s{\"name\":\"%.*s\",\"in\":\"path\",\"required\":true,\"schema\":{\"type\":\"string\"%s}}",
		*first ? "" : ",", (int)strcspn(open + 1, "}"), open + 1,
		strncmp(open, "{id}", 4) == 0 ? ",\"minLength\":13,\"maxLength\":13" : "");
	*first = false;
}

static void add_param_schema(struct buf *b, const struct param *p)
{
	switch (p->type) {
	case PARAM_I64:
		buf_printf(b, "{\"type\":\"integer\",\"format\":\"int64\",\"minimum\":%lld,\"default\":%lld",
			(long long)p->min, (long long)p->otherwise);
		if (p->max < INT64_MAX)
			buf_printf(b, ",\"maximum\":%lld", (long long)p->max);
		buf_add_char(b, '}');
		break;
	case PARAM_BOOL:
		buf_printf(b, "{\"type\":\"boolean\",\"default\":%s}", p->otherwise ? "true" : "false");
		break;
	case PARAM_ID:
		buf_add_str(b, "{\"type\":\"string\",\"minLength\":13,\"maxLength\":13}");
		break;
	case PARAM_STR:
		buf_add_str(b, "{\"type\":\"string\"}");
		break;
	}
}

static void add_params(struct buf *b, const struct route *r)
{
	bool first = true;

	if (!strchr(r->path, '{') && r->n_params == 0)
		return;
	buf_add_str(b, ",\"parameters\":[");
	add_path_param(b, r->path, &first);
	for (size_t i = 0; i < r->n_params; i++) {
		buf_printf(
			b, "%s{\"name\":\"%s\",\"in\":\"query\",\"description\":", first ? "" : ",", r->params[i].name);
		json_add_cstr(b, r->params[i].doc);
		buf_add_str(b, ",\"schema\":");
		add_param_schema(b, &r->params[i]);
		buf_add_char(b, '}');
		first = false;
	}
	buf_add_char(b, ']');
}

static void add_json_content(struct buf *b, const struct schema *s)
{
	buf_printf(
		b, "\"content\":{\"application/json\":{\"schema\":{\"$ref\":\"#/components/schemas/%s\"}}}", s->name);
}

static void add_stream_answer(struct buf *b, const struct route *r)
{
	buf_printf(b,
		"\"200\":{\"description\":\"Event stream.\",\"content\":{\"text/event-stream\":"
		"{\"schema\":{\"$ref\":\"#/components/schemas/%s\"}}}}",
		r->stream);
}

/* The media type without its parameters is what OpenAPI wants as a key. */
static void add_media_answer(struct buf *b, const struct route *r)
{
	buf_printf(b, "\"%d\":{\"description\":\"As it says.\",\"content\":{\"%.*s\":{\"schema\":{\"type\":\"%s\"}}}}",
		r->status, (int)strcspn(r->media, ";"), r->media, strstr(r->media, "json") ? "object" : "string");
}

static void add_answers(struct buf *b, const struct route *r)
{
	bool first = true;

	buf_add_str(b, ",\"responses\":{");
	if (r->stream) {
		add_stream_answer(b, r);
		first = false;
	}
	if (r->answer) {
		buf_printf(b, "%s\"%d\":{\"description\":", first ? "" : ",", r->status);
		json_add_cstr(b, r->answer->doc);
		buf_add_char(b, ',');
		add_json_content(b, r->answer);
		buf_add_char(b, '}');
	} else if (r->media) {
		add_media_answer(b, r);
	} else if (first) {
		buf_printf(b, "\"%d\":{\"description\":\"Done.\"}", r->status);
	}
	buf_printf(b, ",\"default\":{\"$ref\":\"%s\"}}", r->shape != SHAPE_OWN ? SHAPED_ERROR_ANSWER : ERROR_ANSWER);
}

/* "/api/v1/turns/{id}" -> "turns", for grouping. */
static void add_tag(struct buf *b, const struct route *r)
{
	static const char *const shapes[] = {
		[SHAPE_OPENAI] = "openai", [SHAPE_ANTHROPIC] = "anthropic", [SHAPE_OLLAMA] = "ollama"};
	const char *p = strncmp(r->path, "/api/v1/", 8) == 0 ? r->path + 8 : r->path + 1;

	if (r->shape != SHAPE_OWN)
		p = shapes[r->shape];
	buf_printf(b, "\"tags\":[\"%.*s\"]", (int)strcspn(p, "/{."), p);
}

static void add_operation(struct buf *b, const struct route *r)
{
	buf_add_char(b, '"');
	for (const char *p = r->method; *p; p++)
		buf_add_char(b, (char)tolower((unsigned char)*p));
	buf_add_str(b, "\":{");
	add_tag(b, r);
	buf_printf(b, ",\"operationId\":\"%s\",\"summary\":", r->name);
	json_add_cstr(b, r->summary);
	if (r->access == ACCESS_PUBLIC)
		buf_add_str(b, ",\"security\":[]");
	if (r->access == ACCESS_ADMIN)
		buf_add_str(b, ",\"description\":\"For administrators.\"");
	add_params(b, r);
	if (r->body) {
		buf_add_str(b, ",\"requestBody\":{\"required\":true,");
		add_json_content(b, r->body);
		buf_add_char(b, '}');
	} else if (r->shape != SHAPE_OWN && strcmp(r->method, "GET") != 0) {
		buf_add_str(b,
			",\"requestBody\":{\"required\":true,\"description\":\"As the documentation of the interface "
			"that is imitated "
			"says.\",\"content\":{\"application/json\":{\"schema\":{\"type\":\"object\"}}}}");
	}
	add_answers(b, r);
	buf_add_char(b, '}');
}

static bool path_was_before(const struct route *routes, size_t i)
{
	for (size_t k = 0; k < i; k++) {
		if (strcmp(routes[k].path, routes[i].path) == 0)
			return true;
	}
	return false;
}

static void add_paths(struct buf *b, const struct route *routes, size_t n)
{
	bool first_path = true;

	buf_add_str(b, "\"paths\":{");
	for (size_t i = 0; i < n; i++) {
		bool first = true;
		if (path_was_before(routes, i))
			continue;
		buf_printf(b, "%s\"%s\":{", first_path ? "" : ",", routes[i].path);
		first_path = false;
		for (size_t k = i; k < n; k++) {
			if (strcmp(routes[k].path, routes[i].path) != 0)
				continue;
			if (!first)
				buf_add_char(b, ',');
			first = false;
			add_operation(b, &routes[k]);
		}
		buf_add_char(b, '}');
	}
	buf_add_char(b, '}');
}

/* ---- the document ---- */

static void add_error_answer(struct buf *b)
{
	size_t n;
	const struct err_info *rows = err_table(&n);
	CLEANUP(buf_done) struct buf text = BUF_INIT(65536);

	buf_add_str(&text, "Failure. Codes:");
	for (size_t i = 0; i < n; i++)
		buf_printf(&text, "%s %s (%d)", i ? "," : "", rows[i].wire_code, rows[i].http_status);
	buf_add_char(&text, '.');
	buf_add_str(b, "\"responses\":{\"Error\":{\"description\":");
	json_add_string(b, text.p, text.n);
	buf_add_str(b,
		",\"headers\":{\"X-Request-Id\":{\"description\":\"Names the request in the "
		"log.\",\"schema\":{\"type\":"
		"\"string\"}},\"Retry-After\":{\"description\":\"Seconds to wait before trying again.\",\"schema\":"
		"{\"type\":\"integer\"}}},");
	add_json_content(b, &error_schema);
	buf_add_str(b,
		"},\"ShapedError\":{\"description\":\"Failure, in the shape of the interface that is imitated.\","
		"\"content\":{\"application/json\":{\"schema\":{\"type\":\"object\"}}}}}");
}

static void add_components(struct buf *b, const struct route *routes, size_t n)
{
	struct schema_set set = {.n = 0};

	set_add(&set, &error_schema);
	for (size_t i = 0; i < n; i++) {
		set_add(&set, routes[i].body);
		set_add(&set, routes[i].answer);
	}
	buf_add_str(b, "\"components\":{\"schemas\":{");
	for (size_t i = 0; i < set.n; i++) {
		buf_printf(b, "\"%s\":", set.all[i]->name);
		schema_describe(set.all[i], b);
		buf_add_char(b, ',');
	}
	add_events(b);
	buf_add_str(b, "},");
	add_error_answer(b);
	buf_add_str(b, ",\"securitySchemes\":{\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\"},"
		       "\"cookie\":{\"type\":\"apiKey\",\"in\":\"cookie\",\"name\":\"" SESSION_COOKIE "\"}}}");
}

void openapi_write(struct buf *b)
{
	size_t n;
	const struct route *routes = api_routes(&n);

	buf_add_str(b, "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"Atelier\",\"version\":\"" ATELIER_VERSION
		       "\",\"description\":\"Self-hosted chat with language models.\"},\"servers\":[{\"url\":\"/\"}],"
		       "\"security\":[{\"bearer\":[]},{\"cookie\":[]}],");
	add_paths(b, routes, n);
	buf_add_char(b, ',');
	add_components(b, routes, n);
	buf_add_char(b, '}');
}

int openapi_get(struct request *q)
{
	openapi_write(&q->raw);
	return 0;
}
