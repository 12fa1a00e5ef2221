/* web.c - pages of the web as tools: one is read, or the web is searched by whoever the settings name. */
#include <errno.h>
#include <stdio.h>
#include <strings.h>

#include "http/url.h"
#include "rag/extract.h"
#include "sys/cancel.h"
#include "tool/tool_priv.h"

#define PAGE_MAX    ((size_t)5 << 20)
#define FETCH_MS    10000
#define SEARCH_MS   15000
#define RESULTS     8
#define RESULTS_MAX 20
#define AGAIN_MS    1100 /* after a 429: small plans take one a second */

static bool is_type(const struct fetched *f, const char *types)
{
	char type[96];

	snprintf(type, sizeof(type), "%.*s", (int)strcspn(f->type, "; "), f->type);
	return str_word_place(types, str_from(type)) >= 0;
}

static const char *charset_of(const struct fetched *f, char ret[40])
{
	const char *p = strcasestr(f->type, "charset=");

	if (!p)
		return NULL;
	p += 8 + (p[8] == '"');
	snprintf(ret, 40, "%.*s", (int)MIN(strcspn(p, "\"; "), 39u), p);
	return *ret ? ret : NULL;
}

static int failed(struct builtin_call *c, int r, const struct err *why, struct err *e)
{
	if (r == -ECANCELED || cancel_reason(c->run->cancel))
		return err_set(e, -ECANCELED, "Stopped.");
	return tool_fail(c->ret, "%s", *why->msg ? why->msg : err_public_text(why));
}

static int take_html(struct builtin_call *c, const struct fetched *f, struct err *e)
{
	char charset[40];
	struct err why = {0};
	const struct extract_web_page page = {
		.p = f->body.p, .n = f->body.n, .charset = charset_of(f, charset), .url = f->url.p};
	size_t before = c->ret->text.n;
	int r = extract_web_page(&page, c->run->cancel, &c->ret->text, &why);

	if (r < 0)
		return failed(c, r, &why, e);
	if (c->ret->text.n == before)
		buf_add_str(&c->ret->text, "The page has no text.");
	return 0;
}

static int take_page(struct builtin_call *c, const struct fetched *f, struct err *e)
{
	if (f->status / 100 != 2)
		return tool_fail(c->ret, "The page was answered with the status %d.", f->status);
	c->ret->text = BUF_INIT(2 * PAGE_MAX);
	buf_printf(&c->ret->text, "%s\n\n", f->url.p);
	if (f->body.n == 0)
		buf_add_str(&c->ret->text, "The page is empty.");
	else if (is_type(f, "text/html application/xhtml+xml"))
		return take_html(c, f, e);
	else if (!*f->type || strncasecmp(f->type, "text/", 5) == 0 ||
		 is_type(f, "application/json application/xml application/ld+json application/rss+xml "
			    "application/atom+xml "
			    "application/javascript"))
		buf_add(&c->ret->text, f->body.p, f->body.n);
	else
		return tool_fail(c->ret, "This is no page but a file (%.80s, %zu bytes), which cannot be read so.",
			f->type, f->body.n);
	return 0;
}

int web_fetch_call(struct builtin_call *c, struct err *e)
{
	static const char *const headers[] = {
		"Accept: text/html, text/*;q=0.9, application/json;q=0.8, */*;q=0.1", NULL};
	const char *url = json_get_str(c->arguments, "url");
	const struct fetch f = {.method = "GET",
		.url = url ? url : "",
		.headers = headers,
		.max = PAGE_MAX,
		.timeout_ms = FETCH_MS,
		.web_only = true};
	CLEANUP(fetched_done) struct fetched got = {.status = 0};
	struct err why = {0};
	int r = tool_fetch(c->tools, &f, c->run->cancel, &got, &why);

	return r < 0 ? failed(c, r, &why, e) : take_page(c, &got, e);
}

/* ---- search ---- */

struct engine {
	const char *method, *url, *items[2], *text; /* items: where the results are, a member of a member */
	bool json;                                  /* the question is in the body */
};
static const struct engine engines[] = {{0}, {.method = "GET", .items = {"results", NULL}, .text = "content"},
	{.method = "GET",
		.url = "https://api.search.brave.com/res/v1/web/search",
		.items = {"web", "results"},
		.text = "description"},
	{.method = "POST",
		.url = "https://api.tavily.com/search",
		.items = {"results", NULL},
		.text = "content",
		.json = true}};
enum { ENGINE_NONE, ENGINE_SEARXNG, ENGINE_BRAVE, ENGINE_TAVILY };

static unsigned engine_of(const struct tools *t)
{
	const struct settings *s = t->config.settings;
	int i = str_word_place("none searxng brave tavily", str_from(s->web_search));

	if (i <= 0 || (i == ENGINE_SEARXNG ? !*s->searxng_url : !*s->web_search_key))
		return ENGINE_NONE;
	return (unsigned)i;
}

bool web_search_available(const struct tools *t)
{
	return engine_of(t) != ENGINE_NONE;
}

struct asking {
	const char *headers[4];
	struct buf url, body, secret;
};

static void asking_done(struct asking *a)
{
	buf_done(&a->url);
	buf_done(&a->body);
	buf_wipe(&a->secret);
}

static void add_pair(struct buf *b, const char *name, const char *value)
{
	buf_printf(b, "%c%s=", memchr(b->p, '?', b->n) ? '&' : '?', name);
	http_url_escape(b, value, strlen(value));
}

static void ask(struct builtin_call *c, unsigned which, const char *query, int64_t n, struct asking *a)
{
	const struct settings *s = c->tools->config.settings;
	const char *base = which == ENGINE_SEARXNG ? s->searxng_url : engines[which].url;
	size_t len = strlen(base);
	char count[24];

	snprintf(count, sizeof(count), "%lld", (long long)n);
	while (which == ENGINE_SEARXNG && len && base[len - 1] == '/')
		len--;
	buf_add(&a->url, base, len);
	if (which == ENGINE_SEARXNG) {
		buf_add_str(&a->url, "/search");
		add_pair(&a->url, "q", query);
		add_pair(&a->url, "format", "json");
		if (c->run->language)
			add_pair(&a->url, "language", c->run->language);
	} else if (which == ENGINE_BRAVE) {
		add_pair(&a->url, "q", query);
		add_pair(&a->url, "count", count);
		buf_printf(&a->secret, "X-Subscription-Token: %s", s->web_search_key);
	} else {
		buf_add_str(&a->body, "{\"query\":");
		json_add_cstr(&a->body, query);
		buf_printf(&a->body, ",\"max_results\":%s}", count);
		buf_printf(&a->secret, "Authorization: Bearer %s", s->web_search_key);
	}
	a->headers[0] = "Accept: application/json";
	a->headers[1] = a->secret.n ? a->secret.p : "Cache-Control: no-cache";
	a->headers[2] = engines[which].json ? "Content-Type: application/json" : NULL;
}

static int take_results(struct builtin_call *c, unsigned which, const struct fetched *got, int64_t limit)
{
	CLEANUP(json_decrefp) json_t *v = NULL;
	const json_t *items, *item;
	struct err quiet = {0};
	int64_t n = 0;
	size_t i;

	if (json_read(got->body.p ? got->body.p : "", got->body.n, JSON_MEMORY, JSON_READ_LOOSE, &v, &quiet) < 0)
		return tool_fail(c->ret, "The search engine did not answer with JSON.");
	items = json_object_get(v, engines[which].items[0]);
	if (engines[which].items[1])
		items = json_object_get(items, engines[which].items[1]);
	c->ret->text = BUF_INIT((size_t)1 << 20);
	json_array_foreach(items, i, item)
	{
		const char *url = json_get_str(item, "url"), *title = json_get_str(item, "title");
		const char *text = json_get_str(item, engines[which].text);
		if (!url || n == limit)
			continue;
		buf_printf(&c->ret->text, "%lld. %s\n%s\n%.1000s\n\n", (long long)++n, title ? title : url, url,
			text ? text : "");
	}
	if (n == 0)
		buf_add_str(&c->ret->text, "Nothing was found. Try other words.");
	return 0;
}

static int refused(struct builtin_call *c, unsigned which, int status)
{
	if (status == 403 && which == ENGINE_SEARXNG)
		return tool_fail(c->ret,
			"SearXNG refuses: json is not among search.formats of its settings, or its limiter is on.");
	if (status == 401 || status == 403)
		return tool_fail(c->ret, "The search engine does not take the key that the settings have.");
	if (status == 429)
		return tool_fail(c->ret, "The search engine takes no more questions now.");
	return tool_fail(c->ret, "The search engine answered with the status %d.", status);
}

int web_search_call(struct builtin_call *c, struct err *e)
{
	const char *query = json_get_str(c->arguments, "query");
	int64_t n = MAX(1, MIN(json_get_i64(c->arguments, "limit", RESULTS), RESULTS_MAX));
	unsigned which = engine_of(c->tools);
	CLEANUP(asking_done)
	struct asking a = {.url = BUF_INIT(8192), .body = BUF_INIT(65536), .secret = BUF_INIT(4096)};

	if (which == ENGINE_NONE || !query || !*query)
		return tool_fail(c->ret, which ? "\"query\" is empty." : "No search engine is configured.");
	ask(c, which, query, n, &a);
	const struct fetch f = {.method = engines[which].method,
		.url = a.url.p,
		.headers = a.headers,
		.body = buf_str(&a.body),
		.max = PAGE_MAX,
		.timeout_ms = SEARCH_MS,
		.anywhere = which == ENGINE_SEARXNG}; /* the administrator said where it is */
	for (int tries = 0;; tries++) {
		CLEANUP(fetched_done) struct fetched got = {.status = 0};
		struct err why = {0};
		int r = tool_fetch(c->tools, &f, c->run->cancel, &got, &why);
		if (r < 0)
			return failed(c, r, &why, e);
		if (got.status / 100 == 2)
			return take_results(c, which, &got, n);
		if (got.status != 429 || tries || cancel_sleep(c->run->cancel, AGAIN_MS) < 0)
			return refused(c, which, got.status);
	}
}
