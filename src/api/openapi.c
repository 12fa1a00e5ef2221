/*
 * openapi.c - the OpenAPI 3.1 document, written from the tables: routes, schemas, errors, events. It is written once,
 * when it is first asked for, and kept. What a handler checks beyond its tables is said by the tables' own words
 * (`rule`, `choices`), so that the document refuses what the handler does.
 */
#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>

#include "api/answer.h"
#include "api/gateway/gateway.h"
#include "api/openapi_priv.h"
#include "api/request.h"
#include "base/lock.h"

#define OPENAPI_MAX  ((size_t)16 << 20)
#define STATUSES_MAX 64 /* more than the errors table has rows */

/* ---- schemas: each that a route names and those inside, once ---- */

struct schema_use {
	const struct schema *schema;
	bool parsed; /* of a body */
	struct schema_use *next;
};

struct schema_set {
	struct arena mem;
	struct schema_use *first, **last;
	bool full; /* no memory for one of them */
};

static void set_done(struct schema_set *set)
{
	arena_done(&set->mem);
}

static void set_add(struct schema_set *set, const struct schema *s, bool parsed)
{
	struct schema_use *use;

	if (!s)
		return;
	for (use = set->first; use; use = use->next) {
		if (strcmp(use->schema->name, s->name) == 0) {
			use->parsed |= parsed;
			return;
		}
	}
	use = ARENA_NEW(&set->mem, struct schema_use);
	if (!use) {
		set->full = true;
		return;
	}
	*use = (struct schema_use){s, parsed, NULL};
	*set->last = use;
	set->last = &use->next;
	for (size_t i = 0; i < s->n_fields; i++)
		set_add(set, s->fields[i].sub, parsed);
}

/* ---- paths ---- */

static void add_path_params(struct buf *b, const char *path, bool *first)
{
	while ((path = strchr(path, '{')) != NULL) {
		const char *schema = strncmp(path, "{id}", 4) == 0  ? "\"string\",\"pattern\":\"" ID_PATTERN "\""
				     : strncmp(path, "{n}", 3) == 0 ? "\"integer\",\"minimum\":1,\"maximum\":999999999"
								    : "\"string\",\"minLength\":1";

		path++;
		buf_printf(b, "%s{\"name\":\"%.*s\",\"in\":\"path\",\"required\":true,\"schema\":{\"type\":%s}}",
			*first ? "" : ",", (int)strcspn(path, "}"), path, schema);
		*first = false;
	}
}

static void add_text_param(struct buf *b, const struct param *p)
{
	buf_add_str(b, "{\"type\":\"string\"");
	if (p->min > 0)
		buf_printf(b, ",\"minLength\":%lld", (long long)p->min);
	if (p->max > 0)
		buf_printf(b, ",\"maxLength\":%lld", (long long)p->max);
	if (p->format)
		buf_printf(b, ",\"format\":\"%s\"", p->format);
	if (p->pattern)
		buf_printf(b, ",\"pattern\":\"%s\"", p->pattern);
	if (p->choices)
		buf_add_str(b, ",\"enum\":[");
	const char *list = p->choices;
	for (struct str word; list && str_next_word(&list, &word);)
		buf_printf(b, "%s\"" STR_FMT "\"", word.p == p->choices ? "" : ",", STR_ARG(word));
	buf_add_str(b, p->choices ? "]}" : "}");
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
		buf_add_str(b, "{\"type\":\"string\",\"pattern\":\"" ID_PATTERN "\"}");
		break;
	case PARAM_STR:
		add_text_param(b, p);
		break;
	}
}

/* What stands alike in a header of a request and in one of an answer, with the brace at its end. */
static void add_header_rest(struct buf *b, const struct header *h)
{
	buf_printf(b, "%s\"description\":", h->required ? "\"required\":true," : "");
	json_add_cstr(b, h->doc);
	buf_printf(b, ",\"schema\":%s}", h->schema);
}

static void add_params(struct buf *b, const struct route *r)
{
	bool first = true;

	if (!strchr(r->path, '{') && r->n_params == 0 && r->n_asks == 0)
		return;
	buf_add_str(b, ",\"parameters\":[");
	add_path_params(b, r->path, &first);
	for (size_t i = 0; i < r->n_params; i++) {
		buf_printf(b, "%s{\"name\":\"%s\",\"in\":\"query\",%s\"description\":", first ? "" : ",",
			r->params[i].name, r->params[i].required ? "\"required\":true," : "");
		json_add_cstr(b, r->params[i].doc);
		buf_add_str(b, ",\"schema\":");
		add_param_schema(b, &r->params[i]);
		buf_add_char(b, '}');
		first = false;
	}
	for (size_t i = 0; i < r->n_asks; i++) {
		buf_printf(b, "%s{\"name\":\"%s\",\"in\":\"header\",", first ? "" : ",", r->asks[i].name);
		add_header_rest(b, &r->asks[i]);
		first = false;
	}
	buf_add_char(b, ']');
}

static void add_json_content(struct buf *b, const struct schema *s)
{
	buf_printf(
		b, "\"content\":{\"application/json\":{\"schema\":{\"$ref\":\"#/components/schemas/%s\"}}}", s->name);
}

static void add_stream_content(struct buf *b, const struct route *r)
{
	buf_printf(b, "\"text/event-stream\":{\"schema\":{\"$ref\":\"#/components/schemas/%s\"}}", r->stream);
}

static void add_stream_answer(struct buf *b, const struct route *r)
{
	buf_add_str(b, "\"200\":{\"description\":\"Event stream.\",\"content\":{");
	add_stream_content(b, r);
	buf_add_str(b, "}}");
}

/* The media type without its parameters is what OpenAPI wants as a key. */
static void add_media(struct buf *b, const char *media, const char *type)
{
	buf_printf(b, "\"%.*s\":{\"schema\":{\"type\":\"%s\"}}", (int)strcspn(media, ";"), media, type);
}

static void add_media_answer(struct buf *b, const struct route *r)
{
	buf_printf(b, "\"%d\":{\"description\":\"As it says.\",\"content\":{", r->status);
	add_media(b, r->media, strstr(r->media, "json") ? "object" : "string");
	if (r->media_stream) {
		buf_add_char(b, ',');
		add_media(b, r->media_stream, "object");
	}
	buf_add_str(b, "}}");
}

/* How an interface of that shape tells of it. */
static int failure_status(enum route_shape shape, int code)
{
	return gw_error_status(shape, &(struct err){.code = code});
}

static bool add_status(int status, int statuses[], size_t *n)
{
	for (size_t k = 0; k < *n; k++)
		if (statuses[k] == status)
			return false;
	ASSERT(*n < STATUSES_MAX);
	statuses[(*n)++] = status;
	return true;
}

/* The statuses, each once, that `r` may fail with (NULL: any route), in an interface of that shape. */
static size_t failure_statuses(const struct route *r, enum route_shape shape, int ret[])
{
	size_t n_rows, n = 0;
	const struct err_info *rows = err_table(&n_rows);

	for (size_t i = 0; i < n_rows; i++) {
		/* Who canceled is not there to be told. */
		if (rows[i].code != E_CANCELED && (!r || route_may_fail(r, rows[i].code)))
			(void)add_status(failure_status(shape, rows[i].code), ret, &n);
	}
	return n;
}

static void add_failures(struct buf *b, const struct route *r)
{
	int statuses[STATUSES_MAX];
	size_t n = failure_statuses(r, r->shape, statuses);

	for (size_t i = 0; i < n; i++)
		buf_printf(b, ",\"%d\":{\"$ref\":\"#/components/responses/%s%d\"}", statuses[i],
			r->shape != SHAPE_OWN ? "Shaped" : "Error", statuses[i]);
}

/* An answer that has no body. */
static void add_bare_answer(struct buf *b, const struct route *r)
{
	buf_printf(b, "\"%d\":{\"description\":\"Done.\"", r->status);
	for (size_t i = 0; i < r->n_tells; i++) {
		buf_printf(b, "%s\"%s\":{", i > 0 ? "," : ",\"headers\":{", r->tells[i].name);
		add_header_rest(b, &r->tells[i]);
	}
	buf_add_str(b, r->n_tells ? "}}" : "}");
}

static void add_answers(struct buf *b, const struct route *r)
{
	bool first = true, either = r->stream && r->answer && r->status == 200; /* one status, two types */

	buf_add_str(b, ",\"responses\":{");
	if (r->stream && !either) {
		add_stream_answer(b, r);
		first = false;
	}
	if (r->answer) {
		buf_printf(b, "%s\"%d\":{\"description\":", first ? "" : ",", r->status);
		json_add_cstr(b, r->answer->doc);
		buf_add_char(b, ',');
		add_json_content(b, r->answer);
		if (either) {
			b->n--; /* into the content that was just ended */
			buf_add_char(b, ',');
			add_stream_content(b, r);
			buf_add_char(b, '}');
		}
		buf_add_char(b, '}');
	} else if (r->media) {
		add_media_answer(b, r);
	} else if (first) {
		add_bare_answer(b, r);
	}
	add_failures(b, r);
	buf_add_char(b, '}');
}

/* "/api/v1/turns/{id}" -> "turns", for grouping. */
static void add_tag(struct buf *b, const struct route *r)
{
	static const char *const shapes[] = {
		[SHAPE_OPENAI] = "openai", [SHAPE_ANTHROPIC] = "anthropic", [SHAPE_OLLAMA] = "ollama"};
	_Static_assert(N_ELEMENTS(shapes) == SHAPE_OLLAMA + 1, "each shape has its tag");
	const char *p = strncmp(r->path, "/api/v1/", 8) == 0 ? r->path + 8 : r->path + 1;

	if (r->shape != SHAPE_OWN)
		p = shapes[r->shape];
	buf_printf(b, "\"tags\":[\"%.*s\"]", (int)strcspn(p, "/{."), p);
}

static void add_body(struct buf *b, const struct route *r)
{
	if (!r->body && !r->body_schema && !r->bytes)
		return;
	buf_add_str(b, ",\"requestBody\":{\"required\":true,");
	if (r->body)
		add_json_content(b, r->body);
	else if (r->body_schema)
		buf_printf(b, "\"content\":{\"application/json\":{\"schema\":%s}}", r->body_schema);
	else
		buf_printf(
			b, "\"content\":{\"%s\":{\"schema\":{\"type\":\"string\",\"format\":\"binary\"}}}", r->bytes);
	buf_add_char(b, '}');
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
	add_body(b, r);
	add_answers(b, r);
	buf_add_char(b, '}');
}

static bool path_was_before(const struct route *const *routes, size_t i)
{
	for (size_t k = 0; k < i; k++) {
		if (strcmp(routes[k]->path, routes[i]->path) == 0)
			return true;
	}
	return false;
}

static void add_paths(struct buf *b, const struct route *const *routes, size_t n)
{
	bool first_path = true;

	buf_add_str(b, "\"paths\":{");
	for (size_t i = 0; i < n; i++) {
		bool first = true;
		if (path_was_before(routes, i) || routes[i]->flags & ROUTE_ABSENT)
			continue;
		buf_printf(b, "%s\"%s\":{", first_path ? "" : ",", routes[i]->path);
		first_path = false;
		for (size_t k = i; k < n; k++) {
			if (strcmp(routes[k]->path, routes[i]->path) != 0)
				continue;
			if (!first)
				buf_add_char(b, ',');
			first = false;
			add_operation(b, routes[k]);
		}
		buf_add_char(b, '}');
	}
	buf_add_char(b, '}');
}

/* ---- the document ---- */

static void add_header(struct buf *b, const char *name, const char *type, const char *doc)
{
	buf_printf(b, "\"%s\":{\"description\":\"%s\",\"schema\":{\"type\":\"%s\"}}", name, doc, type);
}

static void add_error_headers(struct buf *b, int status)
{
	buf_add_str(b, "\"headers\":{");
	add_header(b, "X-Request-Id", "string", "Names the request in the log.");
	if (status == 401) {
		buf_add_char(b, ',');
		add_header(b, "WWW-Authenticate", "string", "Bearer.");
	}
	if (status == 405) {
		buf_add_char(b, ',');
		add_header(b, "Allow", "string", "The methods of this address.");
	}
	if (status == 429 || status == 503 || status == 529) {
		buf_add_char(b, ',');
		add_header(b, "Retry-After", "integer", "Seconds to wait before trying again.");
	}
	buf_add_str(b, "},");
}

/* Ours, or one of the others' interfaces, tells of the code by this status. */
static bool tells_by(int code, int status, bool shaped)
{
	bool told = !shaped && failure_status(SHAPE_OWN, code) == status;

	for (enum route_shape shape = SHAPE_OPENAI; shaped && shape <= SHAPE_OLLAMA; shape++)
		told = told || failure_status(shape, code) == status;
	return told;
}

/* One for each status of the errors table: "Error404" of our own, "Shaped404" in the shape of another's interface, which has some of its own (529). */
static void add_error_answer(struct buf *b, int status, bool shaped)
{
	size_t n;
	const struct err_info *rows = err_table(&n);
	bool first = true;

	buf_printf(b, "\"%s%d\":{\"description\":\"", shaped ? "Shaped" : "Error", status);
	for (size_t i = 0; i < n; i++) {
		if (rows[i].code == E_CANCELED || !tells_by(rows[i].code, status, shaped))
			continue;
		buf_printf(b, "%s%s", first ? "" : ", ", rows[i].wire_code);
		first = false;
	}
	buf_add_str(b, shaped ? ", in the shape of the interface that is imitated.\"," : ".\",");
	add_error_headers(b, status);
	if (shaped)
		buf_add_str(b, "\"content\":{\"application/json\":{\"schema\":{\"type\":\"object\"}}}");
	else
		add_json_content(b, &error_schema);
	buf_add_char(b, '}');
}

static void add_error_answers(struct buf *b)
{
	int own[STATUSES_MAX], shaped[STATUSES_MAX], more[STATUSES_MAX];
	size_t n_own = failure_statuses(NULL, SHAPE_OWN, own), n_shaped = 0;

	for (enum route_shape shape = SHAPE_OPENAI; shape <= SHAPE_OLLAMA; shape++) {
		size_t n = failure_statuses(NULL, shape, more);
		for (size_t i = 0; i < n; i++)
			(void)add_status(more[i], shaped, &n_shaped);
	}
	buf_add_str(b, "\"responses\":{");
	for (size_t i = 0; i < n_own; i++) {
		add_error_answer(b, own[i], false);
		buf_add_char(b, ',');
	}
	for (size_t i = 0; i < n_shaped; i++) {
		if (i > 0)
			buf_add_char(b, ',');
		add_error_answer(b, shaped[i], true);
	}
	buf_add_char(b, '}');
}

static void add_components(struct buf *b, const struct route *const *routes, size_t n)
{
	CLEANUP(set_done) struct schema_set set = {.first = NULL};

	arena_init(&set.mem, OPENAPI_MAX);
	set.last = &set.first;
	set_add(&set, &error_schema, false);
	for (size_t i = 0; i < n; i++) {
		set_add(&set, routes[i]->body, true);
		set_add(&set, routes[i]->answer, false);
	}
	if (set.full)
		b->failed = -ENOMEM;
	buf_add_str(b, "\"components\":{\"schemas\":{");
	for (const struct schema_use *use = set.first; use; use = use->next) {
		buf_printf(b, "\"%s\":", use->schema->name);
		schema_describe(use->schema, use->parsed, b);
		buf_add_char(b, ',');
	}
	openapi_add_events(b);
	buf_add_str(b, "},");
	add_error_answers(b);
	buf_add_str(b, ",\"securitySchemes\":{\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\"},"
		       "\"cookie\":{\"type\":\"apiKey\",\"in\":\"cookie\",\"name\":\"" SESSION_COOKIE "\"}}}");
}

void openapi_write(struct buf *b)
{
	size_t n;
	const struct route *const *routes = api_routes(&n);

	buf_add_str(b, "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"Atelier\",\"version\":\"" ATELIER_VERSION
		       "\",\"description\":\"Self-hosted chat with language models.\"},\"servers\":[{\"url\":\"/\"}],"
		       "\"security\":[{\"bearer\":[]},{\"cookie\":[]}],");
	add_paths(b, routes, n);
	buf_add_char(b, ',');
	add_components(b, routes, n);
	buf_add_char(b, '}');
}

/* ---- served ---- */

/* Made when it is first asked for, and kept: a third of what a start took, and half a megabyte, for what few ask for. */
static struct buf text = BUF_INIT(OPENAPI_MAX); /* under text_mx until it has something, then it stays */
static char etag[20];                           /* with its quotes */
static pthread_mutex_t text_mx = PTHREAD_MUTEX_INITIALIZER;

/* What no memory was left for is made by the next who asks. */
static int make(void)
{
	unsigned char hash[8];
	char hex[sizeof(hash) * 2 + 1];

	ASSERT(lock_is_mine(&text_mx));
	openapi_write(&text);
	if (buf_status(&text) < 0) {
		buf_done(&text);
		text = BUF_INIT(OPENAPI_MAX);
		return -ENOMEM;
	}
	crypto_generichash(hash, sizeof(hash), (const unsigned char *)text.p, text.n, NULL, 0);
	sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
	snprintf(etag, sizeof(etag), "\"%s\"", hex);
	return 0;
}

static int openapi_get(struct request *q)
{
	pthread_mutex_lock(&text_mx);
	int r = text.n ? 0 : make();
	pthread_mutex_unlock(&text_mx);
	if (r < 0)
		return request_no_memory(q);
	http_set_header(q->x, "ETag", etag);
	http_set_header(q->x, "Cache-Control", "no-cache");
	if (etag_matches(http_header(q->x, "If-None-Match"), etag))
		q->status = 304;
	else
		q->fixed = buf_str(&text);
	return 0;
}

/* clang-format off */
static const struct route routes[] = {
	{"GET", V1 "/openapi.json", "getOpenApi", openapi_get, ACCESS_PUBLIC, ROUTE_WORKER, .status = 200,
		.media = "application/json", .summary = "This description."},
};
/* clang-format on */
const struct route_set openapi_routes = ROUTES(routes);
