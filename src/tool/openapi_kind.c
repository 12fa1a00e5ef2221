/*
 * openapi_kind.c - the kind `openapi` of tool servers: an interface over HTTP with a document that describes it.
 *
 *	{"url": "https://..."} or {"document": "its text"}, "server": "https://host/v1", "operations": ["GET /path", "operationId"],
 *	"auth": {"type", "name"}, "headers": {..}, "timeout_s"
 *	secrets: as of the kind `http`
 *
 * A document may name any server, so what opens it goes to the one of the configuration alone: with the request for the document, too,
 * when that is at the same place.
 */
#include <errno.h>

#include "http/url.h"
#include "tool/http_tool.h"
#include "tool/openapi.h"

#define TOOLS_MAX   500
#define PASTED_MAX  ((size_t)2 << 20)
#define FETCH_MS    30000
#define HEADERS_MAX 20

/* Documents are large as trees: one at a time, whoever asks. */
static pthread_mutex_t one_document = PTHREAD_MUTEX_INITIALIZER;

/* ---- what a configuration says ---- */

static int check_address(const json_t *config, const char *name, struct err *e)
{
	const char *url = json_get_str(config, name);
	struct http_url parts;

	if (json_object_get(config, name) && (!url || !http_url_read(url, &parts) || parts.has_user))
		return err_set(e, E_INVALID,
			"\"%s\" must begin with http:// or https://, and has no user or password in it.", name);
	return 0;
}

static int check_headers(const json_t *config, struct err *e)
{
	const json_t *headers = json_object_get(config, "headers");
	const char *key;
	json_t *v;

	if (headers && (!json_is_object(headers) || json_object_size(headers) > HEADERS_MAX))
		return err_set(e, E_INVALID, "\"headers\" must be an object of at most %d texts.", HEADERS_MAX);
	json_object_foreach((json_t *)headers, key, v)
	{
		if (!json_is_string(v) || !*key || strpbrk(key, "\r\n: ") || strpbrk(json_string_value(v), "\r\n"))
			return err_set(e, E_INVALID, "A header cannot be \"%.60s\".", key);
	}
	return 0;
}

static int check_operations(const json_t *list, struct err *e)
{
	const json_t *v;
	size_t i;

	if (!list)
		return 0;
	if (!json_is_array(list) || json_array_size(list) > TOOLS_MAX)
		return err_set(e, E_INVALID, "\"operations\" must be a list of at most %d texts.", TOOLS_MAX);
	json_array_foreach(list, i, v)
	{
		if (!json_is_string(v) || json_string_length(v) == 0)
			return err_set(e, E_INVALID, "\"operations\" must be a list of at most %d texts.", TOOLS_MAX);
	}
	return 0;
}

static int check(const json_t *config, struct err *e)
{
	const char *text = json_get_str(config, "document");
	int r = http_auth_check(config, e);

	if (r == 0 && !json_get_str(config, "url") == !text)
		r = err_set(e, E_INVALID, "It needs the \"url\" of a document, or its text as \"document\".");
	if (r == 0 && text && strlen(text) > PASTED_MAX)
		r = err_set(e, E_TOO_LARGE, "A document of more than %zu MB must be given by its \"url\".",
			PASTED_MAX >> 20);
	if (r == 0)
		r = check_address(config, "url", e);
	if (r == 0)
		r = check_address(config, "server", e);
	if (r == 0)
		r = check_headers(config, e);
	return r < 0 ? r : check_operations(json_object_get(config, "operations"), e);
}

/* ---- its document ---- */

/* Where what opens it may be sent; NULL: to where the document says, which is a part of the configuration. */
static const char *place_of(const struct server_use *s)
{
	const char *server = json_get_str(s->config, "server");

	return server ? server : json_get_str(s->config, "url");
}

static int fetch_document(
	struct tools *t, const struct server_use *s, struct cancel *c, struct fetched *ret, struct err *e)
{
	static const char accept[] = "Accept: application/json, application/yaml;q=0.9, text/*;q=0.8, */*;q=0.5";
	CLEANUP(arena_done) struct arena a;
	const char *url = json_get_str(s->config, "url"), *line = NULL;
	int r;

	arena_init(&a, 65536);
	r = http_url_same_origin(url, place_of(s)) ? http_auth_line(s, &a, &line, e) : 0;
	if (r < 0)
		return r;
	const struct fetch f = {.method = "GET",
		.url = url,
		.headers = (const char *const[]){accept, NULL},
		.opening = (const char *const[]){accept, line, NULL},
		.max = OPENAPI_BYTES_MAX,
		.timeout_ms = FETCH_MS,
		.anywhere = s->of_admin,
		.follow = true};
	r = tool_fetch(t, &f, c, ret, e);
	if (r == 0 && ret->status / 100 != 2)
		r = err_set(
			e, E_PROVIDER, "There is no document: its address answers with the status %d.", ret->status);
	return r;
}

/* Whoever knows the secret would be somebody else than the one it was given for. */
static int check_place(const json_t *doc, const struct server_use *s, const struct openapi_wish *w, struct err *e)
{
	CLEANUP(arena_done) struct arena a;
	const char *type = json_get_str(json_object_get(s->config, "auth"), "type"), *place = place_of(s), *server;
	int r;

	arena_init(&a, 65536);
	r = openapi_server(doc, w, &a, &server, e);
	if (r < 0 || !type || strcmp(type, "none") == 0 || !place || http_url_same_origin(place, server))
		return r;
	return err_set(e, E_INVALID,
		"The server of the document is %.200s: give it as \"server\", so that it may be sent the secret.",
		server);
}

static void add_headers(const json_t *headers, json_t *entries)
{
	json_t *entry;
	size_t i;

	json_array_foreach(entries, i, entry)
	{
		if (json_object_size(headers) > 0)
			json_object_set(json_object_get(entry, "call"), "headers", (json_t *)headers);
	}
}

static int make(const char *p, size_t n, const struct server_use *s, const char *url, json_t **ret, json_t **ret_about,
	struct err *e)
{
	CLEANUP(json_decrefp) json_t *doc = NULL;
	const struct openapi_wish w = {.url = url,
		.server = json_get_str(s->config, "server"),
		.operations = json_object_get(s->config, "operations")};
	int r = openapi_read(p, n, &doc, e);

	if (r < 0)
		return r;
	if (ret_about) /* also where no tool can be made yet: it is what one chooses from */
		*ret_about = openapi_about(doc, &w);
	r = check_place(doc, s, &w, e);
	return r < 0 ? r : openapi_entries(doc, &w, TOOLS_MAX, ret, e);
}

static int refresh(struct tools *t, const struct server_use *s, struct cancel *c, struct buf *ret, json_t **ret_about,
	struct err *e)
{
	CLEANUP(fetched_done) struct fetched got = {.status = 0};
	CLEANUP(json_decrefp) json_t *entries = NULL;
	const char *text = json_get_str(s->config, "document");
	int r = text ? 0 : fetch_document(t, s, c, &got, e);

	if (r < 0)
		return r;
	pthread_mutex_lock(&one_document);
	r = make(text         ? text
		 : got.body.p ? got.body.p
			      : "",
		text ? strlen(text) : got.body.n, s, text ? NULL : got.url.p, &entries, ret_about, e);
	pthread_mutex_unlock(&one_document);
	add_headers(json_object_get(s->config, "headers"), entries);
	if (r == 0)
		json_add_value(ret, entries);
	return r;
}

static int call(struct tools *t, const struct server_use *s, const struct tool *tool, const json_t *arguments,
	const struct tool_run *run, struct arena *a, struct tool_result *ret, struct err *e)
{
	const char *url = json_get_str(json_object_get(s->entry, "call"), "url"), *place = place_of(s);
	struct server_use use = *s;

	if (!url || (place && !http_url_same_origin(place, url)))
		use.secrets = NULL;
	return http_tool_call(t, &use, tool, arguments, run, a, ret, e);
}

const struct tool_kind openapi_kind = {.name = "openapi", .check = check, .refresh = refresh, .call = call};
