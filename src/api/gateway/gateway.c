/*
 * gateway.c - the calls of other programs: their threads, and the story of one call. A handler opens a call, reads the
 * request into it and hands it to gw_generate, which sleeps on a thread of a pool while the answer flows on the loop
 * (stream.c). A person who takes a quarter of the places finds none in the last quarter.
 */
#include "api/gateway/gateway_priv.h"

#include <errno.h>

#include "base/clock.h"
#include "base/log.h"
#include "provider/manage.h"
#include "provider/parameters.h"
#include "sys/metrics.h"

#define CALL_STACK (256u << 10) /* virtual; a sleeping call has touched a small part of it */
#define SWEEP_MS   1000

/* ---- one call ---- */

static int resolve(struct gw_call *c)
{
	c->model = json_get_str(c->body, "model");
	if (!c->model || !*c->model)
		return err_set(&c->q->err, E_INVALID, "The request names no model: \"model\" is missing.");
	return gw_names_assistant(c->q, c->model) ? gw_choose_assistant(c) : gw_resolve(c->q, c->model, &c->req.model);
}

static struct gw_call *call_new(struct request *q, const struct gw_format *f)
{
	struct gw_call *c = ARENA_NEW(&q->mem, struct gw_call);

	ASSERT(thread_may_wait() && q->who.user.id);
	if (!c)
		return NULL;
	c->q = q;
	c->format = f;
	c->created_ms = clock_now_ms();
	id_format(id_new(), c->id);
	c->answer.max = (size_t)q->api->c.settings->max_answer_bytes;
	c->choices = BUF_INIT(c->answer.max * 2);
	return c;
}

int gw_open_own(struct request *q, const struct gw_format *f, bool stream, struct gw_call **ret)
{
	struct gw_call *c = call_new(q, f);

	if (!c)
		return request_no_memory(q);
	c->stream = stream;
	*ret = c;
	gw_flow_open(c);
	return 0;
}

int gw_open(struct request *q, const struct gw_format *f, struct gw_call **ret)
{
	struct gw_call *c = call_new(q, f);
	int r;

	if (!c)
		return request_no_memory(q);
	*ret = c;
	if ((r = gw_body(q, false, &c->body)) < 0 || (r = resolve(c)) < 0)
		return r;
	c->req.caller = q->who.user.id;
	c->stream = f && json_is_true(json_object_get(c->body, "stream"));
	gw_flow_open(c);
	return 0;
}

void gw_closep(struct gw_call **call)
{
	struct gw_call *c = *call;

	if (!c)
		return;
	if (c->flow)
		(void)gw_flow_finish(c, NULL, false); /* refused while it was read: the dispatcher answers */
	gen_answer_done(&c->answer);
	buf_done(&c->sources);
	gw_acting_done(c->acting);
	buf_done(&c->choices);
	json_decref(c->body);
	*call = NULL;
}

static struct caller caller_of(const struct gw_call *c)
{
	return (struct caller){.user_id = c->q->who.user.id,
		.key_id = c->q->who.key_id,
		.purpose = c->purpose ? c->purpose : "gateway"};
}

/* A word that nobody here knows is told as it is, if it is one that may stand in any answer. */
static const char *finish_of(const struct gw_call *c, bool cut)
{
	const char *theirs = c->result.finish_reason;
	size_t n = strspn(theirs, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-. ");
	bool all_whole = true;

	for (size_t i = 0; i < c->answer.n_calls; i++)
		all_whole = all_whole && c->answer.calls[i].state != MADE_CUT;
	if (cut || (gw_ends_oddly(c) && theirs[n] == '\0' && (c->answer.n_calls == 0 || !all_whole)))
		return theirs;
	return c->answer.n_calls > 0 && all_whole ? "tool_calls" : "stop";
}

/* What the answer says of itself: figures for those that the provider did not report, and why it ended. */
static int complete_result(struct gw_call *c)
{
	struct gen_result *g = &c->result;
	bool cut = strcmp(g->finish_reason, "length") == 0 || strcmp(g->finish_reason, "content_filter") == 0;

	ASSERT(c->flow);
	if (g->tokens_in < 0)
		g->tokens_in = provider_estimate_tokens(&c->req);
	if (g->tokens_out < 0)
		g->tokens_out = (int64_t)(c->flow->said.n_bytes + 3) / 4;
	if (c->req.logprobs && c->answer.logprobs.n == 0)
		gw_ignore(c, "logprobs");
	gw_tell_lost(c);
	int r = collect_end(&c->answer, cut || gw_ends_oddly(c), c->format->calls_are_objects, &c->q->err);
	if (!cut)
		gw_notice(c, &c->flow->said);
	c->finish = finish_of(c, cut);
	return r;
}

/* The cancel says more than "canceled". */
static int failure(struct gw_call *c, int r)
{
	int reason;

	ASSERT(r < 0 && c->cancel); /* the flow has not let go of the call */
	reason = cancel_reason(c->cancel);
	if (r == -ECANCELED && reason) {
		err_clear(&c->q->err);
		r = reason;
	}
	return err_set(&c->q->err, r, "%s", err_info(r)->text);
}

static int answer_whole(struct gw_call *c)
{
	struct request *q = c->q;

	ASSERT(!c->stream && !c->flow); /* the dispatcher answers, and nothing has begun */
	int r = c->format->whole(c, &q->raw);

	if (r == 0)
		r = buf_status(&q->raw);
	return r < 0 ? err_set(&q->err, r, "%s", err_info(r)->text) : 0;
}

static int finish_failed(struct gw_call *c, int r)
{
	struct request *q = c->q;

	r = failure(c, r);
	if (!gw_flow_finish(c, &q->err, false))
		return r;
	q->taken = true;
	if (r != E_CANCELED) {
		metric_add(M_gateway_errors_total, 1);
		log_warn("gateway", "an answer of %s ended early: %s", c->req.model, q->err.msg);
	}
	return 0;
}

/* A seed makes the same answer: those behind the first one have the numbers that follow it. */
static void vary_seed(struct gw_call *c)
{
	const char *seed = c->req.sampling.seed;
	char *end;
	long long n = seed ? strtoll(seed, &end, 10) : 0;

	if (seed && *end == '\0' && n < INT32_MAX)
		seed = arena_printf(&c->q->mem, "%lld", n + 1);
	if (seed)
		c->req.sampling.seed = seed;
}

static int ask(struct gw_call *c)
{
	struct caller who = caller_of(c);

	ASSERT(!(c->run && c->acting) && c->choice < MAX(c->n_choices, INT64_C(1)));
	c->result = (struct gen_result){.tokens_in = -1, .tokens_out = -1, .first_token_ms = -1};
	int r = c->run      ? c->run(c, gw_flow_sink(c))
		: c->acting ? gw_act(c)
			    : call_generate(c->q->api->c.calls, &who, &c->req, gw_flow_sink(c), c->cancel, &c->result,
				      &c->cost_micros, &c->q->err);

	c->reported = c->result;
	return r == 0 ? complete_result(c) : r;
}

/* The figures of one more answer. */
static void add_result(struct gen_result *sum, const struct gen_result *g)
{
	sum->tokens_in += g->tokens_in;
	sum->tokens_out += g->tokens_out;
	sum->tokens_kept += g->tokens_kept;
	for (size_t i = 0; i < N_TOKEN_PARTS; i++)
		sum->token_parts[i] += g->token_parts[i];
	sum->tokens_cached += MAX(g->tokens_cached, INT64_C(0));
	sum->tokens_reasoning += MAX(g->tokens_reasoning, INT64_C(0));
}

/* Several answers are that many calls, one after the other: each is reserved, counted and limited as any call. */
static int ask_all(struct gw_call *c)
{
	struct gen_result before = {.tokens_in = 0};
	int r = ask(c);

	for (; r == 0 && c->choice + 1 < c->n_choices; c->choice++, r = ask(c)) {
		add_result(&before, &c->result);
		if ((r = gw_flow_next(c)) < 0)
			return err_set(&c->q->err, r, "%s", err_info(r)->text);
		vary_seed(c);
	}
	if (r == 0 && c->choice > 0)
		add_result(&c->result, &before);
	return r;
}

static void tell_lost(void *call, const char *name)
{
	gw_ignore(call, name);
}

/* What the model's provider has no word for. A request that goes on as it came loses nothing. */
static void ignore_lost(struct gw_call *c)
{
	unsigned shape = gw_target_can(c, API_SHAPES) ? c->api & API_SHAPES : 0;

	if (shape && !(c->req.raw && (c->req.raw->api & shape)))
		parameters_lost(&c->req, shape, tell_lost, c);
	if (!gw_target_can(c, API_ANY_ARGUMENTS) && provider_has_broken_calls(&c->req))
		gw_ignore(c, "tool_calls.arguments");
}

int gw_generate(struct gw_call *c)
{
	struct request *q = c->q;
	int r;

	ASSERT(thread_may_wait() && c->flow);
	if ((r = gw_lay_assistant(c)) < 0 || (r = gw_part_thoughts(c)) < 0 || (r = gw_settle_pictures(c)) < 0)
		return r;
	ignore_lost(c);
	gw_tell_ignored(c);
	c->beside = (struct gen_beside){.items = gw_flow_beside, .arg = c};
	c->req.beside = c->format->event && (c->run || !c->format->beside) ? NULL : &c->beside; /* a run has its own */
	c->req.text_stays = c->stream && !c->format->event && !c->format->text_at_end;
	c->req.whole = !c->stream;
	gw_flow_ask(c);
	r = ask_all(c);
	if (r < 0)
		return finish_failed(c, r);
	if (gw_flow_finish(c, NULL, c->stream)) {
		q->taken = true;
		return 0;
	}
	return answer_whole(c);
}

int gw_embed(struct gw_call *c, const char *const *inputs, size_t n, int64_t dimensions, struct embed_result *ret)
{
	struct request *q = c->q;
	struct caller who = caller_of(c);
	struct embed_request in = c->embed;

	ASSERT(thread_may_wait());
	if (c->assistant)
		return err_set(
			&q->err, E_MODEL_CANNOT, "An assistant answers; for vectors, choose a model for embeddings.");
	gw_tell_ignored(c);
	in.model = c->req.model;
	in.caller = c->req.caller;
	in.inputs = inputs;
	in.n_inputs = n;
	in.dimensions = dimensions;

	int r = call_embed(q->api->c.calls, &who, &in, c->cancel, &q->mem, ret, &q->err);

	return r < 0 ? failure(c, r) : 0;
}

/* ---- life ---- */

int gateway_submit(struct gateway *g, struct request *q, void (*fn)(void *))
{
	int64_t max = g->api->c.settings->gateway_max_calls;
	int live = __atomic_add_fetch(&g->live, 1, __ATOMIC_ACQ_REL);
	int r;

	ASSERT_IS(g, GATEWAY_MAGIC);
	metric_add(M_gateway_calls, 1);
	r = live > max ? E_BUSY : pool_submit(g->threads, &q->task, fn, q);
	if (r < 0) {
		gateway_leave(g);
		q->err.retry_after_s = 2;
		return r == E_BUSY ? err_set(&q->err, r,
					     "All %lld places for calls of other programs are taken. Try again in a "
					     "moment.",
					     (long long)max)
				   : r;
	}
	metric_add(M_gateway_calls_total, 1);
	return 0;
}

void gateway_leave(struct gateway *g)
{
	int before = __atomic_fetch_sub(&g->live, 1, __ATOMIC_ACQ_REL);

	ASSERT(before > 0);
	metric_add(M_gateway_calls, -1);
}

_Static_assert(GATEWAY_USERS == 1 << (64 - 54), "as many bits of the hash are taken");

static int *places_of(struct gateway *g, atelier_id user)
{
	ASSERT(user);
	return &g->of_user[(uint64_t)user * UINT64_C(0x9e3779b97f4a7c15) >> 54];
}

int gateway_user_enter(struct gateway *g, atelier_id user, struct err *e)
{
	int64_t max = g->api->c.settings->gateway_max_calls, share = MAX(max / 4, 1);
	int mine = __atomic_add_fetch(places_of(g, user), 1, __ATOMIC_ACQ_REL);

	if (mine <= share || __atomic_load_n(&g->live, __ATOMIC_ACQUIRE) <= max - share)
		return 0;
	gateway_user_leave(g, user);
	e->retry_after_s = 2;
	return err_set(e, E_RATE_LIMITED,
		"%d calls of yours run already, and few places are left for others. Wait for one to end.", mine - 1);
}

void gateway_user_leave(struct gateway *g, atelier_id user)
{
	int before = __atomic_fetch_sub(places_of(g, user), 1, __ATOMIC_ACQ_REL);

	ASSERT(before > 0);
}

int gateway_new(struct api *a, struct gateway **ret)
{
	struct gateway *g = xcalloc(1, sizeof(*g));
	unsigned max = (unsigned)a->c.settings->gateway_max_calls;

	ASSERT(!a->gateway && a->c.loop);
	int r = pool_new(
		&(struct pool_config){
			.name = "gateway", .keep = 1, .max = max, .max_queue = max, .stack_bytes = CALL_STACK},
		&g->threads);

	MAGIC_SET(g, GATEWAY_MAGIC);
	if (r < 0) {
		free(g);
		return r;
	}
	g->api = a;
	pthread_mutex_init(&g->given_up_mx, NULL);
	g->kept = responses_kept_new();
	g->flush = loop_hook_new(a->c.loop, gw_flow_flush_all, g);
	g->sweep = loop_timer_new(a->c.loop, SWEEP_MS, gw_flow_sweep, g);
	*ret = g;
	return 0;
}

void gateway_stop(struct gateway *g)
{
	ASSERT_IS(g, GATEWAY_MAGIC);
	ASSERT(thread_may_wait());
	gw_flow_stop(g);
	pool_stop(g->threads);
	gw_flow_drop_all(g);
}

void gateway_free(struct gateway *g)
{
	if (!g)
		return;
	pool_free(g->threads);
	ASSERT(!g->flows && !g->dirty && __atomic_load_n(&g->live, __ATOMIC_ACQUIRE) == 0);
	loop_timer_free(g->sweep);
	loop_hook_free(g->flush);
	responses_kept_free(g->kept);
	pthread_mutex_destroy(&g->given_up_mx);
	MAGIC_END(g, GATEWAY_MAGIC);
	free(g);
}
