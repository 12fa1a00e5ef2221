#include "streams.h"

#include <stdio.h>
#include <strings.h>

struct tool_seen {
	char id[64], name[64];
	struct buf arguments;
};

struct tools_seen {
	struct tool_seen all[16];
	size_t n;
};

static void see_tool(void *arg, enum event_type type, const char *json)
{
	struct tools_seen *t = arg;
	json_error_t why;
	if (type != EV_TOOL_CALL)
		return;
	json_t *root = json_loads(json, 0, &why);
	assert_non_null(root);
	size_t i = (size_t)json_get_i64(root, "index", 99);
	assert_true(i <= t->n && i < N_ELEMENTS(t->all));
	const char *id = json_get_str(root, "id"), *name = json_get_str(root, "name");
	const char *arguments = json_get_str(root, "arguments");
	if (i == t->n) {
		/* The first of a call brings both. */
		assert_true(id && *id && name && *name);
		t->n++;
		t->all[i].arguments = BUF_INIT(1 << 20);
		snprintf(t->all[i].id, 64, "%s", strncmp(id, "call_", 5) == 0 && strlen(id) == 21 ? "MADE" : id);
		snprintf(t->all[i].name, 64, "%s", name);
	} else {
		assert_true(!id && !name && arguments);
	}
	if (arguments)
		buf_add_str(&t->all[i].arguments, arguments);
	json_decref(root);
}

static void tell_tools(struct tools_seen *t, char *ret, size_t size)
{
	size_t used = 0;
	ret[0] = '\0';
	for (size_t i = 0; i < t->n; i++) {
		used += (size_t)snprintf(ret + used, size - used, "%zu %s %s %s\n", i, t->all[i].id, t->all[i].name,
			buf_str(&t->all[i].arguments).p);
		assert_true(used < size);
		buf_done(&t->all[i].arguments);
	}
}

static int feed_piece(struct answer *s, const char *p, size_t n)
{
	/* A copy of its own size, so that a read behind the piece is seen. */
	char *copy = malloc(n + (n == 0));
	assert_non_null(copy);
	memcpy(copy, p, n);
	int r = answer_feed(s, copy, n);
	free(copy);
	return r;
}

static int see_beside(void *arg, bool on_loop, enum gen_beside_kind kind, const char *items, size_t n)
{
	struct outcome *o = arg;
	size_t used = strlen(o->annotations);
	assert_true(on_loop);
	assert_true(used + n + 1 < sizeof(o->annotations));
	snprintf(o->annotations + used, sizeof(o->annotations) - used, "%s%.*s\n",
		kind == BESIDE_IMAGES  ? "images "
		: kind == BESIDE_AUDIO ? "audio "
				       : "",
		(int)n, items);
	return 0;
}

/* `gathers` is that of the answer: nobody reads along. */
static struct outcome run(const struct dialect *d, const char *p, size_t n, size_t cut, size_t step, bool gathers)
{
	struct memory_sink m;
	struct tools_seen tools = {.n = 0};
	struct err e = {0};
	struct answer s;
	struct outcome o = {0};
	const struct gen_beside beside = {see_beside, &o};
	sink_init(&m, true);
	m.on_event = see_tool;
	m.arg = &tools;
	answer_init(&s, d, "Fake", &m.sink, &e);
	s.beside = &beside;
	s.gathers = gathers;
	for (size_t at = 0; at < n && o.r >= 0;) {
		size_t k = step ? MIN(step, n - at) : at < cut ? MIN(cut, n) : n - at;
		o.r = feed_piece(&s, p + at, k);
		at += k;
	}
	if (o.r >= 0)
		o.r = answer_finish(&s);
	snprintf(o.text, sizeof(o.text), "%s", m.text.p);
	snprintf(o.reasoning, sizeof(o.reasoning), "%s", m.reasoning.p);
	snprintf(o.reason, sizeof(o.reason), "%s", s.finish_reason);
	snprintf(o.stop, sizeof(o.stop), "%s", s.stop_sequence);
	snprintf(o.error, sizeof(o.error), "%s", e.msg);
	snprintf(o.code, sizeof(o.code), "%s", e.theirs.code);
	snprintf(o.fingerprint, sizeof(o.fingerprint), "%s", s.fingerprint);
	snprintf(o.tier, sizeof(o.tier), "%s", s.service_tier);
	tell_tools(&tools, o.tools, sizeof(o.tools));
	o.in = s.tokens_in;
	o.out = s.tokens_out;
	o.cached = s.tokens_cached;
	o.thought = s.tokens_reasoning;
	answer_done(&s);
	sink_done(&m);
	return o;
}

struct outcome stream_run(const struct dialect *d, const char *p, size_t n, size_t cut, size_t step)
{
	return run(d, p, n, cut, step, false);
}

void stream_same(const struct outcome *a, const struct outcome *b)
{
	assert_int_equal(a->r, b->r);
	assert_string_equal(a->text, b->text);
	assert_string_equal(a->reasoning, b->reasoning);
	assert_string_equal(a->tools, b->tools);
	assert_string_equal(a->reason, b->reason);
	assert_string_equal(a->stop, b->stop);
	assert_string_equal(a->error, b->error);
	assert_string_equal(a->annotations, b->annotations);
	assert_string_equal(a->fingerprint, b->fingerprint);
	assert_string_equal(a->tier, b->tier);
	assert_int_equal(a->in, b->in);
	assert_int_equal(a->out, b->out);
	assert_int_equal(a->cached, b->cached);
	assert_int_equal(a->thought, b->thought);
}

struct outcome stream_everywhere_n(const struct dialect *d, const char *p, size_t n)
{
	struct outcome whole = stream_run(d, p, n, n, 0);
	for (size_t cut = 1; cut <= n; cut++) {
		struct outcome o = stream_run(d, p, n, cut, 0), g = run(d, p, n, cut, 0, true);
		stream_same(&o, &whole);
		stream_same(&g, &whole);
	}
	for (size_t step = 1; step < 4; step++) {
		struct outcome o = stream_run(d, p, n, 0, step);
		stream_same(&o, &whole);
	}
	return whole;
}

struct outcome stream_everywhere(const struct dialect *d, const char *p)
{
	return stream_everywhere_n(d, p, strlen(p));
}

/* ---- requests ---- */

void fake_target_init(struct fake_target *f, const struct dialect *d, const char *base)
{
	static char key[] = "k", label[] = "Fake", version[] = "2026-10-21", name[] = "fake";
	memset(f, 0, sizeof(*f));
	f->provider.dialect = d;
	f->provider.name = name;
	f->provider.label = label;
	f->provider.base = (char *)(uintptr_t)base;
	f->provider.key = key;
	f->provider.version = version;
	f->target.p = &f->provider;
	f->target.name = "m";
	f->target.model.id = "m";
}

static void write_request(struct fake_target *f, const struct gen_request *q, struct gen_call *r)
{
	struct err e = {0};
	*r = GEN_CALL_INIT;
	assert_int_equal(f->provider.dialect->request(&f->target, q, r, &e), 0);
	assert_int_equal(buf_status(&r->url), 0);
	assert_int_equal(buf_status(&r->body), 0);
}

void request_is(struct fake_target *f, const struct gen_request *q, const char *url, const char *expected)
{
	struct gen_call r;
	char want[4096];
	json_error_t why;
	assert_true(strlen(expected) < sizeof(want));
	size_t n = strlen(expected);
	for (size_t i = 0; i <= n; i++)
		want[i] = expected[i] == '\'' ? '"' : expected[i];
	write_request(f, q, &r);
	assert_string_equal(r.url.p, url);
	json_t *got = json_loads(r.body.p, JSON_REJECT_DUPLICATES, &why), *wanted = json_loads(want, 0, &why);
	if (!wanted)
		fail_msg("the test's own JSON: %s", why.text);
	if (!got || !json_equal(got, wanted))
		fail_msg("the request is\n%s\nand not\n%s", r.body.p, want);
	json_decref(got);
	json_decref(wanted);
	gen_call_done(&r);
}

const char *request_header_of(struct fake_target *f, const struct gen_request *q, const char *name, char ret[256])
{
	struct gen_call r;
	const char *found = NULL;
	size_t n = strlen(name);
	write_request(f, q, &r);
	for (size_t i = 0; r.headers[i]; i++)
		if (strncasecmp(r.headers[i], name, n) == 0 && r.headers[i][n] == ':') {
			assert_null(found); /* once */
			snprintf(ret, 256, "%s", r.headers[i] + n + 2);
			found = ret;
		}
	gen_call_done(&r);
	return found;
}
