/*
 * probe.c - "test connection": tries a configuration as a refresh would, and says in words what is wrong and what to do.
 * When the list cannot be had, it asks what else answers there.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "http/proxy.h"
#include "provider/catalogue_priv.h"
#include "sys/thread.h"

#define TEST_MS     4800 /* for all of it */
#define LAST_MS     1000 /* of that, kept for finding out what is wrong */
#define ANSWER_MAX  (1u << 20)
#define SENTENCE_OK "Connected."

struct probe {
	struct providers *ps;
	struct provider *p;
	struct cancel cancel, over; /* fired when it takes too long; when it has ended */
	int64_t until_ms;
	struct provider_test *ret;
};

static void say(struct provider_test *t, const char *code, const char *fmt, ...) PRINTF(3, 4);

static void say(struct provider_test *t, const char *code, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	t->ok = strcmp(code, "ok") == 0;
	t->code = code;
	vsnprintf(t->text, sizeof(t->text), fmt, args);
	va_end(args);
}

/* A server that sends a byte now and then would keep each single call within its times. */
static void *watch_run(void *arg)
{
	struct probe *b = arg;
	if (cancel_sleep(&b->over, MAX(b->until_ms - clock_mono_ms(), 1)) == 0)
		cancel_fire(&b->cancel, E_PROVIDER_TIMEOUT);
	return NULL;
}

/* ---- asking ---- */

struct seen {
	int status; /* 0: no answer */
	bool html;
	json_t *root; /* NULL: no JSON */
	char text[40];
	struct err e;
};

static void seen_done(struct seen *s)
{
	json_decref(s->root);
}

static void request(struct probe *b, const char *url, bool with_key, struct seen *ret)
{
	CLEANUP(buf_done) struct buf body = BUF_INIT(ANSWER_MAX), version = BUF_INIT(128);
	CLEANUP(buf_wipe) struct buf auth = BUF_INIT(2048);
	struct http_result res = {0};
	const char *headers[4] = {"Accept: application/json"};
	size_t n = 1;
	int64_t left = b->until_ms - clock_mono_ms();
	*ret = (struct seen){0};
	if (left <= 0) {
		err_set(&ret->e, E_PROVIDER_TIMEOUT, "%s did not answer in time.", b->p->label);
		return;
	}
	if (with_key && *b->p->key) {
		buf_printf(&auth, "%s%s", b->p->key_header, b->p->key);
		headers[n++] = auth.p;
	}
	if (with_key && *b->p->version) {
		buf_printf(&version, "anthropic-version: %s", b->p->version);
		headers[n++] = version.p;
	}
	struct http_call call = {.method = "GET",
		.url = url,
		.headers = headers,
		.proxy = b->p->proxy,
		.connect_timeout_ms = left,
		.first_byte_timeout_ms = left,
		.idle_timeout_ms = left};
	int r = http_client_fetch(b->ps->http, &call, &b->cancel, &body, &res, &ret->e);
	const struct buf *got = res.status / 100 == 2 ? &body : &res.error_body;
	const char *p = got->p ? got->p : "";
	ret->status = res.status;
	snprintf(ret->text, sizeof(ret->text), "%s", p);
	p += strspn(p, " \t\r\n");
	ret->html = strncasecmp(res.content_type, "text/html", 9) == 0 || *p == '<';
	if (r >= 0 && wire_parse(p, strlen(p), &ret->root) < 0)
		ret->root = NULL;
	buf_done(&res.error_body);
}

/* "https://host:1" of "https://host:1/and/so/on". */
static void origin_of(const char *base, char ret[512])
{
	const char *host = strstr(base, "://");
	size_t n = host ? (size_t)(host - base) + 3 + strcspn(host + 3, "/") : strlen(base);
	snprintf(ret, 512, "%.*s", (int)MIN(n, 500u), base);
}

static bool is_list(const struct seen *s)
{
	return s->status == 200 && (json_is_array(json_object_get(s->root, "data")) || json_is_array(s->root));
}

/* ---- what else it may be ---- */

static bool is_ollama_at(struct probe *b, const char *where)
{
	CLEANUP(seen_done) struct seen root = {0};
	char url[600];
	snprintf(url, sizeof(url), "%s/", where);
	request(b, url, false, &root);
	return root.status == 200 && strncmp(root.text, "Ollama is running", 17) == 0;
}

static bool lists_at(struct probe *b, const char *where)
{
	CLEANUP(seen_done) struct seen list = {0};
	char url[600];
	snprintf(url, sizeof(url), "%s/v1/models", where);
	request(b, url, true, &list);
	/* One that wants another key is known by its refusal, as JSON. */
	return is_list(&list) || ((list.status == 401 || list.status == 403) && json_object_get(list.root, "error"));
}

static bool is_kind(const struct probe *b, const char *kind)
{
	return strcmp(b->p->dialect->kind, kind) == 0;
}

/* True when the answer has been given: another kind of server, or the same at another path. */
static bool say_what_it_is(struct probe *b)
{
	char origin[512];
	origin_of(b->p->base, origin);
	bool elsewhere = strcmp(origin, b->p->base) != 0;
	if (is_ollama_at(b, origin)) {
		if (is_kind(b, "ollama"))
			say(b->ret, "path", "Ollama is at %s, without the path behind it.",
				strchr(b->p->base, '@') ? "the same host" : origin);
		else
			say(b->ret, "not_this_kind", "This is an Ollama: set the type to Ollama%s.",
				elsewhere ? " and leave out the path of the address" : "");
		return true;
	}
	if (!lists_at(b, origin))
		return false;
	if (is_kind(b, "openai"))
		say(b->ret, "path", "There is nothing at this path, but the API stands under /v1 of the same host.");
	else if (is_kind(b, "anthropic"))
		say(b->ret, elsewhere ? "path" : "not_this_kind",
			"There is a list of models under /v1 of this host, but not where the Anthropic API has it.");
	else
		say(b->ret, "not_this_kind",
			"This is not Ollama, but a server with OpenAI's API: set the type to OpenAI-compatible.");
	return true;
}

/* ---- what went wrong ---- */

/* Servers without TLS may wait for the end of what they take for a request. The key stays here. */
static bool speaks_no_tls(struct probe *b)
{
	CLEANUP(seen_done) struct seen plain = {0};
	char origin[512], url[600];
	if (strncmp(b->p->base, "https://", 8) != 0)
		return false;
	origin_of(b->p->base, origin);
	snprintf(url, sizeof(url), "http%s/", origin + 5);
	request(b, url, false, &plain);
	return plain.status != 0;
}

static void say_transport(struct probe *b, const struct err *e)
{
	const char *text = err_public_text(e);
	bool late = e->code == E_PROVIDER_TIMEOUT || e->code == -ECANCELED;
	if (late && speaks_no_tls(b))
		say(b->ret, "tls", "The server speaks no TLS: begin the address with http://.");
	else if (late)
		say(b->ret, "timeout",
			"%s did not answer within 5 seconds. Is the address right, and does a firewall let us through?",
			b->p->label);
	else if (strstr(text, "is not known"))
		say(b->ret, "name", "%s Is it spelled right?", text);
	else if (strstr(text, "No secure connection"))
		say(b->ret, "tls", "%s", text);
	else if (strstr(text, "not a valid") || strstr(text, "is not valid"))
		say(b->ret, "address", "%s", text);
	else if (strstr(text, "does not speak HTTP"))
		say(b->ret, "not_this_kind", "%s", text);
	else if (e->code == E_PROVIDER_DOWN)
		say(b->ret, "refused", "%s", text);
	else if (strncmp(b->p->base, "http://", 7) == 0 && strstr(text, "without an answer"))
		say(b->ret, "error", "%s Perhaps it wants https://.", text);
	else
		say(b->ret, "error", "%s", text);
}

static void say_status(struct probe *b, const struct seen *s, const struct err *e)
{
	const char *text = err_public_text(e);
	switch (s->status) {
	case 401:
	case 403:
		if (s->html)
			say(b->ret, "unauthorized", "Something in front of the server wants a login (%d).", s->status);
		else
			say(b->ret, "unauthorized", "%s%s", text, *b->p->key ? "" : " Give a key.");
		return;
	case 200:
	case 301:
	case 302:
	case 303:
	case 307:
	case 308:
	case 404:
	case 405:
		if (say_what_it_is(b))
			return;
		if (s->status / 100 == 3)
			say(b->ret, "path", "The server sends us on to another address (%d): give that one.",
				s->status);
		else if (s->html && s->status == 200)
			say(b->ret, "not_this_kind", "A web page answers at this address, and no %s.",
				is_kind(b, "ollama") ? "Ollama" : "list of models");
		else if (s->status == 200)
			say(b->ret, "not_this_kind", "%s", text);
		else
			say(b->ret, "path", "The server has no list of models at this address (%d). Is the path right?",
				s->status);
		return;
	case 407: /* no server says so, only a proxy */
		say(b->ret, "error",
			"The proxy wants a user and a password, which stand in the file or the environment.");
		return;
	default:
		say(b->ret, "error", "%s", text);
	}
}

/* The list failed with `e`: asks once more for it, to see what answers. */
static void diagnose(struct probe *b, const struct err *e)
{
	CLEANUP(seen_done) struct seen s = {0};
	char url[600];
	if (e->code == E_PROVIDER_TIMEOUT || e->code == -ECANCELED || e->code == E_PROVIDER_DOWN) {
		say_transport(b, e);
		return;
	}
	snprintf(url, sizeof(url), "%.500s%s", b->p->base,
		is_kind(b, "ollama")      ? "/api/tags"
		: is_kind(b, "anthropic") ? "/v1/models?limit=1000"
					  : "/models");
	request(b, url, true, &s);
	if (s.status == 0)
		say_transport(b, &s.e);
	else
		say_status(b, &s, e);
}

/* Some servers have the other's list, too, but do not answer like it. */
static bool is_another_kind(struct probe *b)
{
	char url[600], origin[512];
	origin_of(b->p->base, origin);
	if (is_kind(b, "openai"))
		return is_ollama_at(b, origin) && say_what_it_is(b);
	if (!is_kind(b, "ollama"))
		return false;
	CLEANUP(seen_done) struct seen version = {0};
	snprintf(url, sizeof(url), "%.500s/api/version", b->p->base);
	request(b, url, true, &version);
	return !json_get_str(version.root, "version") && lists_at(b, origin) && say_what_it_is(b);
}

/* Where a proxy stands between, that is the first thing to know of what was found. */
static void say_proxy(const struct probe *b)
{
	char proxy[HTTP_PROXY_MAX], shown[HTTP_PROXY_MAX];
	size_t n = strlen(b->ret->text);
	http_proxy_for(b->p->proxy, b->p->base, proxy);
	http_proxy_shown(proxy, shown);
	if (*shown && !strstr(b->ret->text, shown))
		snprintf(b->ret->text + n, sizeof(b->ret->text) - n, " Asked through the proxy %.100s.", shown);
}

static void say_found(struct probe *b, const struct model_list *l)
{
	b->ret->models = (int64_t)l->n;
	if (l->loading)
		say(b->ret, "ok", SENTENCE_OK " The server is still loading its model.");
	else if (l->n == 0 && is_kind(b, "ollama"))
		say(b->ret, "no_models", "Ollama answers, but has no models. Let it pull one, for example llama3.2.");
	else if (l->n == 0)
		say(b->ret, "no_models", "%s answers, but lists no models.", b->p->label);
	else
		say(b->ret, "ok", SENTENCE_OK " %zu model%s.", l->n, l->n == 1 ? "" : "s");
}

static void run(struct probe *b)
{
	CLEANUP(model_list_freep) struct model_list *l = xcalloc(1, sizeof(*l));
	struct err e = {0};
	arena_init(&l->arena, LIST_MAX_BYTES);
	if (!b->p->dialect->list) {
		say_found(b, b->p->list);
		return;
	}
	int r = b->p->dialect->list(b->ps, b->p, TEST_MS - LAST_MS, &b->cancel, l, &e);
	if (r < 0) {
		e.code = r;
		diagnose(b, &e);
	} else if (!is_another_kind(b)) {
		say_found(b, l);
	}
}

/* The place of this test, or -1. */
static int test_enter(struct providers *ps, int64_t caller)
{
	int place = -1;
	pthread_mutex_lock(&ps->mx);
	for (int i = 0; i < PROVIDER_TESTS; i++) {
		if (!ps->tests[i].used) {
			place = i;
		} else if (ps->tests[i].caller == caller) {
			place = -1;
			break;
		}
	}
	if (place >= 0) {
		ps->tests[place].used = true;
		ps->tests[place].caller = caller;
	}
	pthread_mutex_unlock(&ps->mx);
	return place;
}

static void test_leave(struct providers *ps, int place)
{
	pthread_mutex_lock(&ps->mx);
	ps->tests[place].used = false;
	pthread_mutex_unlock(&ps->mx);
}

static void test_run(struct providers *ps, const struct provider_config *c, struct provider_test *ret)
{
	struct provider_config given = *c;
	struct probe b = {.ps = ps, .ret = ret};
	struct err e = {0};
	pthread_t watch;
	int64_t begun_ms = clock_mono_ms();
	if (!given.name || !*given.name)
		given.name = "test";
	given.enabled = true;
	*ret = (struct provider_test){.code = "error"};
	int r = provider_config_check(&given, &e);
	if (r >= 0)
		r = provider_new(ps, &given, &b.p, &e);
	if (r < 0) {
		say(ret, strncmp(e.msg, "The address", 11) == 0 ? "address" : "error", "%s", err_public_text(&e));
		return;
	}
	b.until_ms = begun_ms + TEST_MS;
	cancel_init(&b.cancel);
	cancel_init(&b.over);
	bool watched = thread_start(&watch, "test-watch", 0, watch_run, &b) == 0;
	run(&b);
	say_proxy(&b);
	cancel_fire(&b.over, E_CANCELED);
	if (watched)
		pthread_join(watch, NULL);
	cancel_done(&b.over);
	cancel_done(&b.cancel);
	provider_unref(b.p);
	ret->duration_ms = clock_mono_ms() - begun_ms;
}

int provider_test(
	struct providers *ps, int64_t caller, const struct provider_config *c, struct provider_test *ret, struct err *e)
{
	int place = test_enter(ps, caller);
	if (place < 0) {
		err_set(e, E_BUSY, "Another connection is being tested. Try again in a few seconds.");
		if (e && e->code == E_BUSY)
			e->retry_after_s = (TEST_MS + 999) / 1000;
		return E_BUSY;
	}
	test_run(ps, c, ret);
	test_leave(ps, place);
	return 0;
}
