/* generate.c - one answer of a model, from what can be asked of it to its last byte. Read from the end upwards. */
#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "provider/request.h"
#include "provider/run.h"
#include "sys/fault.h"
#include "sys/metrics.h"

#define WINDOWS_MAX 4 /* that are tried for one request */

struct generation {
	/* What each piece touches lies together. */
	bool waiting;         /* the catalogue was told that there is no first token yet */
	bool flowing;         /* tokens come, and what holds is the patience between two */
	bool stop_repetition; /* as the settings are; where nobody said how long an answer may be, it is not endless: */
	int64_t most_tokens;  /* 0: no limit */
	struct answer stream;

	struct run run;
	const struct gen_request *q;
	struct gen_call call;
	struct http_call *http; /* that runs */
	struct buf piece;       /* what ends a long line, on its way to the caller's thread */
	int64_t total_ms;       /* limit of a try; 0: none */
	int64_t said_ms;        /* when the waiting was told last, from the start of the try; 0: not yet */
	int64_t patience_ms;    /* for the first byte, */
	int64_t behind_ms;      /* from when on it waited for no other answers over there, as far as is known */
	int sink_r;             /* what the sink said to an event of the watch */
	bool overtime;          /* the watch ended the call */
	int windows;            /* that were tried for this request, one after the other */
};

/* ---- the watch: what silence and time say, a few times a second on the loop ---- */

/* First after `loading_after_ms` (a little earlier, since timers are), then at times two and a half as long. */
static bool is_time_to_tell(const struct generation *g, int64_t elapsed)
{
	int64_t patience = g->run.ps->loading_after_ms;
	return elapsed >= (g->said_ms == 0 ? patience * 9 / 10 : g->said_ms + patience * 12 / 5);
}

static int tell_loading(struct generation *g, int64_t elapsed)
{
	char text[200];
	int64_t number = slots_number(&g->run.place);
	if (number > 0) { /* the time of others is not its own */
		g->behind_ms = g->said_ms = elapsed;
		g->http->first_byte_timeout_ms = g->patience_ms + elapsed;
		g->sink_r = run_tell_queued(&g->run, true, number, elapsed);
		return g->sink_r;
	}
	snprintf(text, sizeof(text), "Waiting for %.120s to load or to read the question", g->run.t->name);
	g->said_ms = elapsed;
	g->sink_r = run_tell(
		g->run.sink, true, &(struct run_status){.state = "loading", .text = text, .elapsed_ms = elapsed});
	return g->sink_r;
}

/* It does not hang up after its end mark; or there is no mark but the reason of the end, after which only figures come. */
static bool is_hanging(const struct answer *s, int64_t patience)
{
	if (s->ended)
		return clock_mono_ms() - s->ended_ms >= patience / 2;
	return *s->finish_reason && clock_mono_ms() - s->ended_ms >= patience * 2;
}

/* Negative ends the call. */
static int on_tick(void *arg, int64_t elapsed)
{
	struct generation *g = arg;
	struct answer *s = &g->stream;
	ASSERT(loop_is_mine(g->run.ps->loop) && g->http);
	if (is_hanging(s, g->run.ps->loading_after_ms))
		return -ECANCELED;
	if (!s->ended && g->total_ms > 0 && elapsed - g->behind_ms >= g->total_ms) {
		g->overtime = true;
		return -ECANCELED;
	}
	return !s->got_byte && is_time_to_tell(g, elapsed) ? tell_loading(g, elapsed) : 0;
}

/* ---- one try ---- */

static void note_waiting(struct generation *g, bool waiting)
{
	if (g->waiting == waiting)
		return;
	g->waiting = waiting;
	catalogue_note_waiting(g->run.ps, g->run.t->p, g->run.t->name, waiting ? 1 : -1);
}

/* Many servers send their headers, or a first piece without text, before they read the prompt: up to the first token the
 * patience is that of the first byte. */
static void note_begun(struct generation *g)
{
	if (g->waiting && g->stream.first_token_ms >= 0) {
		note_waiting(g, false);
		slots_begun(&g->run.place);
		catalogue_note_first_token(g->run.ps, g->run.t->p, g->run.t->name, g->stream.first_token_ms);
	}
	if (g->flowing || (g->stream.pieces == 0 && !g->stream.raw))
		return;
	g->flowing = true;
	g->http->idle_timeout_ms = run_limits_of(g->run.ps, g->run.t->p).token_ms;
}

static void begin_limits(struct generation *g)
{
	const struct settings *s = g->run.ps->settings;
	g->stop_repetition = s->stop_repetition;
	g->most_tokens = g->q->max_tokens > 0 ? 0 : s->max_answer_tokens;
}

/* It ends as by a limit of tokens, or with words when it says the same for ever. Negative ends the call. */
static int hold_limits(struct generation *g)
{
	struct answer *a = &g->stream;
	if (a->ended || a->raw)
		return 0;
	if (a->repeat.found && g->stop_repetition)
		return err_set(a->e, E_PROVIDER, "%.120s %s without end, and was stopped.", g->run.t->name,
			a->repeat.counts ? "went on counting" : "repeated the same text");
	if (g->most_tokens == 0 || answer_tokens(a) < g->most_tokens)
		return 0;
	answer_set_reason(a, "length");
	answer_end(a);
	return -ECANCELED;
}

/* On the loop. Short lines are read at once; the end of a long one is a matter of milliseconds, and the caller's own
 * thread sleeps. */
static int on_data(void *arg, const char *p, size_t n)
{
	struct generation *g = arg;
	ASSERT(loop_is_mine(g->run.ps->loop) && !g->stream.off_loop);
	memory_fetch(g->stream.shape.fixed.p, g->stream.shape.fixed.n);
	int r = answer_pass(&g->stream, p, n);
	if (r < 0)
		return r;
	if (answer_is_long(&g->stream, p, n)) {
		buf_add(&g->piece, p, n);
		r = buf_status(&g->piece);
		return r < 0 ? r : HTTP_WORK;
	}
	r = answer_read(&g->stream, p, n);
	note_begun(g);
	return r < 0 ? r : hold_limits(g);
}

/* On the caller's thread, while nothing else of the answer comes. */
static int on_work(void *arg)
{
	struct generation *g = arg;
	ASSERT(!g->stream.off_loop && g->piece.n > 0);
	g->stream.off_loop = true;
	int r = answer_read(&g->stream, g->piece.p, g->piece.n);
	g->stream.off_loop = false;
	buf_reset(&g->piece);
	note_begun(g);
	return r < 0 ? r : hold_limits(g);
}

static int finish_on_loop(void *arg)
{
	return answer_finish(arg);
}

/* What was held back becomes events, and those belong to the loop. Mostly there is nothing, and no way to go. */
static int finish(struct generation *g)
{
	if (answer_is_settled(&g->stream))
		return 0;
	if (answer_is_long(&g->stream, NULL, 0)) {
		g->stream.off_loop = true;
		int r = answer_finish(&g->stream);
		g->stream.off_loop = false;
		return r;
	}
	return loop_call(g->run.ps->loop, finish_on_loop, &g->stream);
}

/* Cut off after its last word but before its end mark, by either side: the dialect says whether that is whole. */
static int NOINLINE judge_cut(struct generation *g, int r, struct err *e)
{
	struct err first = e ? *e : (struct err){0};
	err_clear(e);
	int held = finish(g);
	if (held >= 0 && *g->stream.finish_reason)
		return 0;
	if (r == -ECANCELED)
		return held < 0 ? held : answer_cut(&g->stream);
	if (held >= 0 || held == E_PROVIDER_BROKEN) {
		if (e)
			*e = first;
		return r;
	}
	return held;
}

/* What the transport and the parser say together. */
static int judge(struct generation *g, int r)
{
	struct run *run = &g->run;
	struct err *e = &run->why;
	note_waiting(g, false);
	run->try_ms = clock_mono_ms() - g->stream.start_ms;
	if (g->sink_r < 0)
		return g->sink_r;
	if (cancel_reason(run->cancel) && r == -ECANCELED)
		return r;
	if (g->stream.ended) { /* The answer is whole, however the connection ended. */
		err_clear(e);
		return finish(g);
	}
	if (g->overtime) {
		err_clear(e);
		return err_set(e, E_PROVIDER_TIMEOUT, "%s did not end its answer within %.3g s.", run->t->p->label,
			(double)run_limits_of(run->ps, run->t->p).total_ms / 1000);
	}
	if (r == E_PROVIDER_BROKEN || r == E_PROVIDER_TIMEOUT || r == -ECANCELED)
		return judge_cut(g, r, e);
	if (r < 0)
		return r;
	if (run->res.status / 100 != 2)
		return provider_status_error(run->t->p, run->t->name, &run->res, e);
	r = finish(g);
	if (r != E_PROVIDER_BROKEN || g->stream.shown || strncasecmp(run->res.content_type, "text/html", 9) != 0)
		return r;
	err_clear(e);
	return err_set(e, E_PROVIDER,
		"%s answered with a web page and not as a model. Is the address right, and does no proxy or login "
		"stand "
		"before it?",
		run->t->p->label);
}

/* How long a prompt may take to be read: a slow machine reads that of an agent for many minutes. */
static int64_t patience_of(const struct generation *g, const struct run_limits *l)
{
	int64_t speed = g->run.ps->settings->prompt_tokens_per_s;
	int64_t ms = l->first_byte_ms + (speed > 0 ? provider_estimate_tokens(g->q) * 1000 / speed : 0);
	return l->total_ms > 0 ? MAX(MIN(ms, l->total_ms), l->first_byte_ms) : ms;
}

/* The call of a try, from the request that stands ready. */
static int begin_call(struct generation *g, struct http_call *call)
{
	struct run *run = &g->run;
	struct run_limits limits = run_limits_of(run->ps, run->t->p);
	int64_t patience = patience_of(g, &limits);
	const struct gen_sink *sink = run->sink;
	int r = FAULT("provider_call");

	ASSERT(thread_may_wait() && !g->waiting);
	if (r < 0)
		return err_set(
			&run->why, E_PROVIDER_DOWN, "%s cannot be reached (a fault was asked for).", run->t->p->label);
	*call = (struct http_call){.method = "POST",
		.url = g->call.url.p,
		.headers = g->call.headers,
		.body = buf_str(&g->call.body),
		.proxy = run->t->p->proxy,
		.whole = g->q->whole,
		.connect_timeout_ms = limits.connect_ms,
		.first_byte_timeout_ms = patience,
		.idle_timeout_ms = MAX(patience, limits.token_ms),
		.on_data = on_data,
		.on_work = on_work,
		.on_tick = on_tick,
		.arg = g,
		.touched = {{(const char *)g, offsetof(struct generation, stream) + offsetof(struct answer, data)},
			{(const char *)sink, sizeof(*sink)}, sink->touched[0], sink->touched[1]}};
	g->http = call;
	g->patience_ms = patience;
	g->behind_ms = 0;
	g->overtime = false;
	g->total_ms = limits.total_ms;
	if (g->q->patience_ms > 0 && (g->total_ms == 0 || g->q->patience_ms < g->total_ms))
		g->total_ms = g->q->patience_ms;
	g->said_ms = 0;
	g->flowing = false;
	begin_limits(g);
	metric_add(M_provider_calls_total, 1);
	note_waiting(g, true);
	return 0;
}

static int NOINLINE ask_built_in(struct generation *g)
{
	struct gen_result *ret = g->run.ret, own;
	int r = g->run.t->p->dialect->generate(g->run.ps, g->q, g->run.sink, g->run.cancel, &own, &g->run.why);
	ASSERT(g->run.t->p->dialect->fixed_list); /* it has no server, and so no refreshes */
	ret->tries = 1;
	ret->tokens_in = own.tokens_in;
	ret->tokens_out = own.tokens_out;
	ret->answer_bytes = own.answer_bytes;
	ret->first_token_ms = own.first_token_ms;
	ret->duration_ms = own.duration_ms;
	memcpy(ret->finish_reason, own.finish_reason, sizeof(ret->finish_reason));
	g->run.shown = own.first_token_ms >= 0;
	return r;
}

static void fill_result(const struct generation *g)
{
	const struct answer *s = &g->stream;
	struct gen_result *ret = g->run.ret;
	ret->tokens_in = s->tokens_in;
	ret->tokens_out = s->tokens_out;
	ret->tokens_cached = s->tokens_cached;
	ret->tokens_reasoning = s->tokens_reasoning;
	ret->answer_bytes = answer_bytes(s);
	ret->first_token_ms = s->first_token_ms;
	ret->duration_ms = clock_mono_ms() - s->start_ms;
	memcpy(ret->finish_reason, s->finish_reason, sizeof(ret->finish_reason));
	memcpy(ret->stop_sequence, s->stop_sequence, sizeof(ret->stop_sequence));
	memcpy(ret->fingerprint, s->fingerprint, sizeof(ret->fingerprint));
	memcpy(ret->service_tier, s->service_tier, sizeof(ret->service_tier));
	ret->tokens_kept = MAX(s->input[1], INT64_C(0));
	memcpy(ret->token_parts, s->token_parts, sizeof(ret->token_parts));
	ret->load_ns = s->load_ns;
	ret->prompt_ns = s->prompt_ns;
	ret->eval_ns = s->eval_ns;
	ret->thought_as_text = s->think.told_as_text;
	ret->lost = g->run.t->p->dialect->lost(g->run.t, g->q, &g->call);
}

/* Earlier answers told how the model's reasoning begins; where nothing can be moved, its name must do the first time. */
static void begin_thinking(struct generation *g)
{
	const struct target *t = g->run.t;
	bool known = quirks_of(t->p, t->name) & QUIRK_THINKS || (g->q->text_stays && think_is_named(t->name));
	think_init(&g->stream.think, known && g->q->thinking != THINKING_OFF, g->q->text_stays);
	g->stream.think.asked = provider_asks_for_tags(g->q);
}

static void note_thinking(const struct generation *g)
{
	const struct think *found = &g->stream.think;
	if (found->closed_alone)
		quirks_learn(g->run.t->p, g->run.t->name, QUIRK_THINKS);
	else if (found->never_closed)
		quirks_forget(g->run.t->p, g->run.t->name, QUIRK_THINKS);
}

/* The request in the words of the provider, with the window that the model has room for. */
static int prepare(struct generation *g, struct http_call *call)
{
	struct run *run = &g->run;
	struct err *e = &run->why;
	const struct dialect *d = run->t->p->dialect;
	answer_done(&g->stream);
	answer_init(&g->stream, d, run->t->p->label, run->sink, e);
	g->stream.key = run->t->p->key;
	g->stream.provider = run->t->p->name;
	g->stream.raw = request_is_raw(g->q, run->t->p) ? g->q->raw : NULL;
	g->stream.gathers = g->q->whole;
	g->stream.logprobs = g->q->logprobs;
	g->stream.beside = g->q->beside;
	g->stream.names = &g->call.names;
	begin_thinking(g);
	gen_call_done(&g->call);
	g->call = GEN_CALL_INIT;
	g->call.quirks = run->quirks;
	g->call.lessons = run->lessons;
	int64_t window =
		d == &ollama_dialect ? context_choose(run->t, g->q, run->ps->settings->ollama_context_max, e) : 0;
	if (window < 0)
		return (int)window;
	g->call.context = window;
	int r = d->request(run->t, g->q, &g->call, e);
	if (r < 0)
		return r;
	if ((r = buf_check(&g->call.url, e, "The address is too long.")) < 0 ||
		(r = buf_check(&g->call.body, e, "The conversation is too large to send.")) < 0)
		return r;
	return begin_call(g, call);
}

/* Whether to ask once more, with another window. */
static bool window_was_wrong(struct generation *g, int *r)
{
	struct run *run = &g->run;
	return *r < 0 && g->windows++ < WINDOWS_MAX && run->t->p->dialect == &ollama_dialect && !g->stream.shown &&
	       run->res.status >= 400 &&
	       context_again(
		       run->t, g->q, g->call.context, run->ps->settings->ollama_context_max, &run->res, r, &run->why);
}

/* What a try has shown. */
static int NOINLINE end_try(struct generation *g, int r)
{
	struct run *run = &g->run;
	run->anew = window_was_wrong(g, &r);
	if (!run->anew)
		g->windows = 0;
	if (r >= 0 && run->t->p->dialect == &ollama_dialect)
		context_learn(run->t, g->q, g->stream.tokens_in);
	run->shown = g->stream.shown;
	run->transient = g->stream.transient;
	run->overtime = g->overtime;
	g->stream.e = NULL;
	note_thinking(g);
	fill_result(g);
	return r;
}

static unsigned generate_learn(struct run *run, struct str error)
{
	const struct generation *g = CONTAINER_OF(run, struct generation, run);
	return run_learn(run, g->q, &g->call, error);
}

/* ---- what can be asked ---- */

enum part { PART_PICTURE, PART_FILE, PART_OTHER };

static bool has_parts(const struct gen_request *q, enum part kind)
{
	for (size_t i = 0; i < q->n_messages; i++)
		for (size_t k = 0; k < q->messages[i].n_images; k++) {
			const struct gen_image *p = &q->messages[i].images[k];
			if (kind == (p->part ? PART_OTHER : p->file_name ? PART_FILE : PART_PICTURE))
				return true;
		}
	return false;
}

/* OpenAI-compatible servers list few capabilities, if any: what they do not list, they may well have. */
static bool lacks(const struct target *t, const char *capability)
{
	return t->p->dialect != &openai_dialect && !model_can(&t->model, capability);
}

static int generate_able(struct run *run, const struct target *t, struct err *e)
{
	const struct gen_request *q = CONTAINER_OF(run, struct generation, run)->q;
	const char *id = t->model.id, *what = NULL;
	if (model_can(&t->model, "embedding") && !model_can(&t->model, "completion"))
		return err_set(e, E_MODEL_CANNOT, "%.120s makes vectors of texts and cannot answer.", id);
	if (q->n_tools > 0 && q->tool_choice != TOOLS_NONE && lacks(t, "tools"))
		what = "use tools";
	else if (has_parts(q, PART_PICTURE) && lacks(t, "vision"))
		what = "look at images";
	else if (has_parts(q, PART_OTHER) && t->p->dialect != &openai_dialect)
		what = "take such parts of a message";
	else if (has_parts(q, PART_FILE) && t->p->dialect == &ollama_dialect)
		what = "read PDF files";
	else if (q->thinking >= THINKING_ON && lacks(t, "thinking"))
		what = "think before it answers";
	else if (q->suffix && *q->suffix && lacks(t, "insert"))
		what = "fill a gap in a text";
	return what ? err_set(e, E_MODEL_CANNOT, "%.120s cannot %s. Choose another model.", id, what) : 0;
}

static int64_t figure(int64_t v)
{
	return v < 0 ? -1 : MIN(v, GEN_FIGURE_MAX);
}

static void clamp_figures(struct gen_result *res)
{
	res->tokens_in = figure(res->tokens_in);
	res->tokens_out = figure(res->tokens_out);
	res->tokens_cached = figure(res->tokens_cached);
	res->tokens_reasoning = figure(res->tokens_reasoning);
	for (size_t i = 0; i < N_TOKEN_PARTS; i++)
		res->token_parts[i] = figure(res->token_parts[i]);
	res->first_token_ms = figure(res->first_token_ms);
	res->duration_ms = MIN(MAX(res->duration_ms, INT64_C(0)), GEN_FIGURE_MAX);
}

int provider_generate(struct providers *ps, const struct gen_request *q, struct gen_sink *sink, struct cancel *cancel,
	struct gen_result *ret, struct err *e)
{
	ASSERT(thread_may_wait() && cancel);
	ASSERT_IS(ps, PROVIDERS_MAGIC);
	struct generation g = {.run = {.ps = ps,
				       .model = q->model,
				       .caller = q->caller,
				       .key = q->key,
				       .background = q->background,
				       .streams = true,
				       .sink = sink,
				       .cancel = cancel,
				       .ret = ret,
				       .able = generate_able,
				       .learn = generate_learn},
		.q = q,
		.piece = BUF_INIT(HTTP_PIECE_MAX + 1)};
	*ret = (struct gen_result)GEN_NO_RESULT;
	int r = request_check(q, e);
	if (r >= 0)
		r = run_begin(&g.run, e);
	while (r >= 0 && run_next(&g.run)) {
		struct http_call call;
		int code;
		if (g.run.t->p->dialect->generate) {
			g.run.code = ask_built_in(&g);
			continue;
		}
		if ((code = prepare(&g, &call)) >= 0)
			code = judge(&g, http_client_run(ps->http, &call, cancel, &g.run.res, &g.run.why));
		g.run.code = end_try(&g, code);
	}
	if (r >= 0)
		r = run_end(&g.run, e);
	clamp_figures(ret);
	gen_call_done(&g.call);
	answer_done(&g.stream);
	buf_done(&g.piece);
	return r;
}

int provider_check_fits(struct providers *ps, const struct gen_request *q, struct err *e)
{
	CLEANUP(arena_done) struct arena a;
	CLEANUP(plan_done) struct plan plan = {.n = 0};
	arena_init(&a, 1 << 20);
	int r = catalogue_plan(ps, q->model, q->caller, &a, &plan, NULL);
	if (r < 0 || plan.n == 0)
		return 0; /* the call itself says why */
	for (size_t i = 0; i < plan.n; i++) {
		struct err why = {0};
		r = context_check(&plan.targets[i], q, ps->settings->ollama_context_max, &why);
		if (r == 0)
			return 0;
		if (i == 0 || why.limit > e->limit)
			*e = why;
	}
	return r;
}

int provider_await_idle(struct providers *ps, const char *model, struct cancel *cancel, int64_t wait_ms, struct err *e)
{
	CLEANUP(arena_done) struct arena a;
	CLEANUP(plan_done) struct plan plan = {.n = 0};
	arena_init(&a, 1 << 20);
	int r = catalogue_plan(ps, model, 0, &a, &plan, e);
	if (r < 0 || plan.targets[0].p->dialect->generate)
		return r;
	r = slots_await_idle(plan.targets[0].p->slots, cancel, wait_ms);
	return r == E_BUSY ? err_set(e, r, "%s has something to do all the time.", plan.targets[0].p->label) : r;
}
