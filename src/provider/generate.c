/* generate.c - one call of a model from its first try to its last byte. */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/clock.h"
#include "provider/provider_priv.h"
#include "sys/fault.h"
#include "sys/metrics.h"

#define BACKOFF_DOUBLINGS  4     /* 16 times */
#define RETRY_AFTER_MAX_MS 60000 /* a person does not wait longer in front of a spinner */

struct generation {
	struct providers *ps;
	struct provider *p;
	const char *name; /* the model's, for the provider */
	const struct gen_request *q;
	struct gen_sink *sink;
	struct cancel *cancel;
	struct answer stream;
	struct http_result res;
	int64_t try_ms; /* how long the last try took */
	int sink_r;     /* what the sink said to an event of the watch */
};

static int emit_status(
	struct gen_sink *sink, bool on_loop, const char *state, const char *text, int attempt, int64_t wait_ms)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(4096);
	buf_printf(&b, "{\"state\":\"%s\",\"text\":", state);
	json_add_cstr(&b, text);
	if (attempt > 0)
		buf_printf(&b, ",\"attempt\":%d,\"wait_ms\":%lld", attempt, (long long)wait_ms);
	buf_add_char(&b, '}');
	int r = buf_status(&b);
	return r < 0 ? r : sink->event(sink, on_loop, EV_STATUS, b.p, b.n);
}

/* ---- the watch: a timer on the loop that notices silence ---- */

struct watch {
	struct generation *g;
	struct cancel inner; /* fired by the turn's, or here when a provider does not hang up after its end mark */
	struct cancel_hook hook;
	struct loop_task task;
	struct loop_timer *timer;
	int64_t begun_ms;
	bool said_loading;
};

static void watch_canceled(void *arg)
{
	struct watch *w = arg;
	cancel_fire(&w->inner, w->g->cancel->reason); /* its lock is held */
}

static void watch_tick(void *arg)
{
	struct watch *w = arg;
	struct answer *s = &w->g->stream;
	int64_t now = clock_mono_ms(), patience = w->g->ps->loading_after_ms;
	if (s->ended && now - s->ended_ms >= patience / 2)
		cancel_fire(&w->inner, E_CANCELED);
	if (s->got_byte || w->said_loading || now - w->begun_ms < patience * 9 / 10)
		return;
	char text[200];
	snprintf(text, sizeof(text), "Waiting for %.120s to load or to read the question", w->g->name);
	w->said_loading = true;
	w->g->sink_r = emit_status(w->g->sink, true, "loading", text, 0, 0);
	if (w->g->sink_r < 0)
		cancel_fire(&w->inner, E_CANCELED);
}

static void watch_start(void *arg)
{
	struct watch *w = arg;
	w->timer = loop_timer_new(w->g->ps->loop, MAX(w->g->ps->loading_after_ms / 2, 1), watch_tick, w);
}

static int watch_stop(void *arg)
{
	struct watch *w = arg;
	if (w->timer)
		loop_timer_free(w->timer);
	return 0;
}

static int watch_begin(struct watch *w, struct generation *g)
{
	*w = (struct watch){.g = g, .begun_ms = clock_mono_ms()};
	cancel_init(&w->inner);
	int r = cancel_on(g->cancel, &w->hook, watch_canceled, w);
	if (r < 0) {
		cancel_done(&w->inner);
		return r;
	}
	loop_post(g->ps->loop, &w->task, watch_start, w);
	return 0;
}

static void watch_end(struct watch *w)
{
	loop_call(w->g->ps->loop, watch_stop, w);
	cancel_off(w->g->cancel, &w->hook);
	cancel_done(&w->inner);
}

/* ---- one try ---- */

static int on_data(void *arg, const char *p, size_t n)
{
	return answer_feed(arg, p, n);
}

static int finish_on_loop(void *arg)
{
	return answer_finish(arg);
}

/* What was held back becomes events, and those belong to the loop. Mostly there is nothing, and no way to go. */
static int finish(struct generation *g)
{
	if (g->stream.ended && g->stream.n_held == 0)
		return 0;
	return loop_call(g->ps->loop, finish_on_loop, &g->stream);
}

/* What the transport and the parser say together. */
static int judge(struct generation *g, int r, struct err *e)
{
	if (g->sink_r < 0)
		return g->sink_r;
	if (cancel_reason(g->cancel) && r == -ECANCELED)
		return r;
	if (g->stream.ended || (r < 0 && g->res.any_data && *g->stream.finish_reason && r != -ECANCELED)) {
		/* The answer is whole, however the connection ended. */
		err_clear(e);
		return finish(g);
	}
	if (r < 0) {
		int held = r == E_PROVIDER_BROKEN || r == E_PROVIDER_TIMEOUT ? finish(g) : 0;
		return held == 0 || held == E_PROVIDER_BROKEN ? r : held;
	}
	if (g->res.status / 100 != 2)
		return provider_status_error(g->p, g->name, &g->res, e);
	return finish(g);
}

static int generate_try(struct generation *g, struct err *e)
{
	CLEANUP(gen_call_done)
	struct gen_call req = {.url = BUF_INIT(2048), .body = BUF_INIT(BODY_MAX_BYTES), .auth = BUF_INIT(2048)};
	const struct settings *s = g->ps->settings;
	struct watch w;
	int r = g->p->dialect->request(g->p, g->name, g->q, &req);
	if (r >= 0)
		r = MIN(buf_status(&req.url), buf_status(&req.body));
	if (r < 0)
		return err_set(e, r, "The conversation is too large to send.");
	struct http_call call = {.method = "POST",
		.url = req.url.p,
		.headers = req.headers,
		.body = buf_str(&req.body),
		.connect_timeout_ms = s->connect_timeout_ms,
		.first_byte_timeout_ms = s->first_byte_timeout_s * 1000,
		.idle_timeout_ms = s->token_timeout_s * 1000,
		.on_data = on_data,
		.arg = &g->stream};
	r = FAULT("provider_call");
	if (r < 0)
		return err_set(e, E_PROVIDER_DOWN, "%s cannot be reached (a fault was asked for).", g->p->label);
	r = watch_begin(&w, g);
	if (r < 0)
		return r;
	metric_add(M_provider_calls_total, 1);
	r = http_client_run(g->ps->http, &call, &w.inner, &g->res, e);
	watch_end(&w);
	g->try_ms = clock_mono_ms() - g->stream.start_ms;
	return judge(g, r, e);
}

/* ---- trying again ---- */

static bool error_says(const struct generation *g, const char *word)
{
	return g->res.error_body.n > 0 && memmem(g->res.error_body.p, g->res.error_body.n, word, strlen(word));
}

/* To connect only: a model that took minutes for nothing would take them again. */
static bool is_connect_timeout(const struct generation *g, int r)
{
	const struct settings *s = g->ps->settings;
	return r == E_PROVIDER_TIMEOUT && g->res.status == 0 && g->try_ms < s->connect_timeout_ms + 1000 &&
	       g->try_ms < s->first_byte_timeout_s * 1000;
}

/* An answer has not begun, and the same call may well succeed a moment later. */
static bool may_retry(const struct generation *g, int r)
{
	if (g->res.any_data || g->stream.got_byte)
		return false;
	switch (g->res.status) {
	case 429:
		return !error_says(g, "insufficient_quota") && g->res.retry_after_ms <= RETRY_AFTER_MAX_MS;
	case 502:
	case 503:
	case 529:
		return g->res.retry_after_ms <= RETRY_AFTER_MAX_MS;
	case 0:
		break;
	default:
		return false;
	}
	return r == E_PROVIDER_DOWN || r == E_PROVIDER_BROKEN || is_connect_timeout(g, r);
}

/* Half of the wait is fixed and half is by chance, so that many callers do not come back together. */
static int64_t backoff_ms(const struct generation *g, int tries)
{
	static _Atomic uint64_t seed = 0x9e3779b97f4a7c15u;
	uint64_t x = atomic_fetch_add(&seed, 0x9e3779b97f4a7c15u) ^ (uint64_t)clock_mono_us();
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	int64_t full = g->ps->settings->retry_base_ms << MIN(tries - 1, BACKOFF_DOUBLINGS);
	int64_t wait = full / 2 + (int64_t)((x >> 33) % (uint64_t)(full / 2 + 1));
	return MAX(wait, g->res.retry_after_ms);
}

static int wait_to_retry(struct generation *g, int tries, const struct err *why)
{
	int64_t wait = backoff_ms(g, tries);
	char text[400];
	const char *cause = *why->msg ? why->msg : err_public_text(why);
	snprintf(text, sizeof(text), "%s%s Trying again in %.1f s.", cause, wire_full_stop(cause), (double)wait / 1000);
	int r = emit_status(g->sink, false, "retrying", text, tries + 1, wait);
	if (r < 0)
		return r;
	metric_add(M_provider_retries_total, 1);
	return cancel_sleep(g->cancel, wait);
}

/* Some servers refuse a field that others need: remembered for the provider, and tried once more at once. */
static bool learn(struct generation *g)
{
	if (g->res.status != 400 || g->p->dialect != &openai_dialect || g->p->no_stream_options ||
		!error_says(g, "stream_options"))
		return false;
	g->p->no_stream_options = true;
	return true;
}

/* The catalogue learns at once what a try has shown. */
static void note_try(const struct generation *g, int r, const struct err *why)
{
	if (g->res.status != 0)
		catalogue_note_call(g->ps, g->p, NULL);
	else if (r == E_PROVIDER_DOWN || is_connect_timeout(g, r))
		catalogue_note_call(g->ps, g->p, why);
}

static int generate_tries(struct generation *g, struct err *e)
{
	for (int tries = 1;; tries++) {
		struct err why = {0};
		buf_done(&g->res.error_body);
		answer_done(&g->stream);
		g->res = (struct http_result){.retry_after_ms = -1};
		answer_init(&g->stream, g->p->dialect, g->p->label, g->sink, &why);
		int r = generate_try(g, &why);
		g->stream.e = NULL;
		note_try(g, r, &why);
		if (r >= 0)
			return 0;
		if (r != -ECANCELED && learn(g)) {
			tries--;
			continue;
		}
		if (r == -ECANCELED || tries >= g->ps->settings->provider_tries || !may_retry(g, r)) {
			if (why.code != 0 && e && e->code == 0) {
				*e = why;
				if (g->res.retry_after_ms > 0)
					e->retry_after_s = (int)((g->res.retry_after_ms + 999) / 1000);
			}
			return r;
		}
		r = wait_to_retry(g, tries, &why);
		if (r < 0)
			return r;
	}
}

static void fill_result(const struct generation *g, struct gen_result *ret)
{
	const struct answer *s = &g->stream;
	*ret = (struct gen_result){.tokens_in = s->tokens_in,
		.tokens_out = s->tokens_out,
		.first_token_ms = s->first_token_ms,
		.duration_ms = clock_mono_ms() - s->start_ms};
	memcpy(ret->finish_reason, s->finish_reason, sizeof(ret->finish_reason));
}

static int record_cancel(struct cancel *c, struct err *e)
{
	int reason = cancel_reason(c);
	err_clear(e);
	err_set(e, reason ? reason : E_CANCELED, "%s", err_info(reason ? reason : E_CANCELED)->text);
	return -ECANCELED;
}

int provider_generate(struct providers *ps, const struct gen_request *q, struct gen_sink *sink, struct cancel *cancel,
	struct gen_result *ret, struct err *e)
{
	CLEANUP(arena_done) struct arena a;
	struct generation g = {.ps = ps, .q = q, .sink = sink, .cancel = cancel};
	const char *id;
	int r;
	arena_init(&a, 16384);
	g.p = catalogue_find(ps, q->model, &a, &id, &g.name);
	if (!g.p)
		return catalogue_unknown_model(ps, q->model, e);
	if (g.p->dialect->generate) {
		r = g.p->dialect->generate(ps, q, sink, cancel, ret, e);
		return r == -ECANCELED ? record_cancel(cancel, e) : r;
	}
	char text[200];
	snprintf(text, sizeof(text), "Asking %.150s", id);
	answer_init(&g.stream, g.p->dialect, g.p->label, sink, NULL);
	r = emit_status(sink, false, "connecting", text, 0, 0);
	if (r >= 0)
		r = generate_tries(&g, e);
	fill_result(&g, ret);
	buf_done(&g.res.error_body);
	answer_done(&g.stream);
	if (r == -ECANCELED)
		return record_cancel(cancel, e);
	if (r < 0)
		metric_add(M_provider_errors_total, 1);
	return r;
}
