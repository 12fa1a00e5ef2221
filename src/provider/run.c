/* run.c - a call of a model through the targets of its plan. Read from the end upwards. */
#include "provider/run.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/clock.h"
#include "provider/request.h"
#include "sys/metrics.h"

#define BACKOFF_DOUBLINGS  4     /* 16 times */
#define RETRY_AFTER_MAX_MS 60000 /* a person does not wait longer in front of a spinner */
#define TRIES_BEFORE_NEXT  2     /* where another target waits, it is asked soon */
#define TRIES_WRONG_PEER   2     /* one more, since a port may change hands while a server starts anew */
#define PATIENCE_MS        5000  /* and one that asks for a longer wait than this is left at once */
#define LEARNING_MAX       8     /* refusals of fields in one call */

int run_tell(struct gen_sink *sink, bool on_loop, const struct run_status *s)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(4096);
	if (!sink || sink->no_status)
		return 0;
	buf_printf(&b, "{\"state\":\"%s\",\"text\":", s->state);
	json_add_cstr(&b, s->text);
	if (s->attempt > 0)
		buf_printf(&b, ",\"attempt\":%d,\"wait_ms\":%lld", s->attempt, (long long)s->wait_ms);
	if (s->elapsed_ms > 0)
		buf_printf(&b, ",\"elapsed_ms\":%lld", (long long)s->elapsed_ms);
	if (s->position > 0)
		buf_printf(&b, ",\"position\":%lld", (long long)s->position);
	buf_add_char(&b, '}');
	int r = buf_status(&b);
	return r < 0 ? r : sink->event(sink, on_loop, EV_STATUS, b.p, b.n);
}

int run_tell_queued(const struct run *r, bool on_loop, int64_t n, int64_t elapsed_ms)
{
	char text[200];
	bus_publish_changed(r->ps->bus, BUS_PROVIDERS);
	snprintf(
		text, sizeof(text), "%.150s has no free place: number %lld in the queue", r->t->p->label, (long long)n);
	return run_tell(r->sink, on_loop,
		&(struct run_status){.state = "queued", .text = text, .position = n, .elapsed_ms = elapsed_ms});
}

struct run_limits run_limits_of(const struct providers *ps, const struct provider *p)
{
	const struct settings *s = ps->settings;
	return (struct run_limits){
		.connect_ms = p->connect_timeout_ms > 0 ? p->connect_timeout_ms : s->connect_timeout_ms,
		.first_byte_ms =
			p->first_byte_timeout_ms > 0 ? p->first_byte_timeout_ms : s->first_byte_timeout_s * 1000,
		.token_ms = p->token_timeout_ms > 0 ? p->token_timeout_ms : s->token_timeout_s * 1000,
		.total_ms = p->total_timeout_ms > 0 ? p->total_timeout_ms : s->total_timeout_s * 1000,
	};
}

/* ---- what a try has shown ---- */

static struct str refusal(const struct run *r)
{
	return buf_str(&r->res.error_body);
}

/* To connect only: a model that took minutes for nothing would take them again. */
static bool is_connect_timeout(const struct run *r, int code)
{
	struct run_limits l = run_limits_of(r->ps, r->t->p);
	return code == E_PROVIDER_TIMEOUT && r->res.status == 0 && r->try_ms < l.connect_ms + 1000 &&
	       r->try_ms < l.first_byte_ms;
}

/* An answer has not begun, and the same call may well succeed a moment later. */
static bool may_retry(const struct run *r, int code)
{
	if (r->shown)
		return false;
	if (r->res.any_data)
		return r->transient;
	switch (r->res.status) {
	case 429:
		return !quirk_names(refusal(r), "insufficient_quota") && r->res.retry_after_ms <= RETRY_AFTER_MAX_MS;
	case 502:
	case 503:
	case 529:
		return r->res.retry_after_ms <= RETRY_AFTER_MAX_MS;
	case 0:
		break;
	default:
		return false;
	}
	return code == E_PROVIDER_DOWN || code == E_PROVIDER_BROKEN || is_connect_timeout(r, code);
}

/* Another provider may well answer the same request. */
static bool is_providers_fault(int code)
{
	switch (code) {
	case E_PROVIDER:
	case E_PROVIDER_LIMITED:
	case E_PROVIDER_BUSY:
	case E_PROVIDER_QUOTA:
	case E_PROVIDER_DOWN:
	case E_PROVIDER_TIMEOUT:
	case E_PROVIDER_BROKEN:
	case E_MODEL_CANNOT:
	case E_MODEL_UNKNOWN: /* gone since the last refresh of the list */
	case E_PROVIDER_REFUSED:
		return true;
	default:
		return false;
	}
}

/* Whatever it said, the provider is there; what it said of the request is no failure of the model. Silence of a provider
 * that was reached is counted with the model, which one caller's request may have brought to it; a refresh will tell. */
static struct breaker_outcome outcome_of(const struct run *r, int code)
{
	struct breaker_outcome o = {.provider = r->res.status != 0 ? BREAKER_OK : BREAKER_UNKNOWN,
		.code = code,
		.retry_after_ms = r->res.retry_after_ms};
	if (code >= 0)
		return (struct breaker_outcome){.provider = BREAKER_OK, .model = BREAKER_OK};
	if (code == E_PROVIDER_DOWN || is_connect_timeout(r, code))
		o.provider = BREAKER_FAILED;
	else if (code == E_PROVIDER_BROKEN || (code == E_PROVIDER_TIMEOUT && !r->overtime) ||
		 ((code == E_PROVIDER || code == E_PROVIDER_BUSY) && r->res.status >= 500))
		o.model = BREAKER_FAILED;
	return o;
}

/* The catalogue learns at once what a try has shown. */
static void note_try(const struct run *r, int code, const struct err *why)
{
	if (r->res.status != 0)
		catalogue_note_call(r->ps, r->t->p, NULL);
	else if (code == E_PROVIDER_DOWN || is_connect_timeout(r, code))
		catalogue_note_call(r->ps, r->t->p, why);
	else if (code == E_PROVIDER_TIMEOUT || code == E_PROVIDER_BROKEN)
		catalogue_note_silent(r->ps, r->t->p);
}

/* Some servers refuse a field that others need: remembered, and tried once more at once. What the call without it shows
 * is no better was no lesson. */
static bool learn(struct run *r)
{
	bool refused = r->res.status == 400 || r->res.status == 422 || r->res.status == 500;
	if (r->shown || !refused || !r->learn)
		return false;
	unsigned quirks = r->learn(r, refusal(r));
	if (quirks == QUIRK_NO_THOUGHTS && !quirk_refused(refusal(r))) {
		r->quirks |= quirks; /* a signature that is not valid says nothing of other calls */
	} else if (quirks) {
		r->replaced |= quirks_learn(r->t->p, r->t->name, quirks) & ~r->lessons;
		r->lessons |= quirks;
	} else if (r->lessons) {
		quirks_forget(r->t->p, r->t->name, r->lessons);
		quirks_learn(r->t->p, r->t->name, r->replaced);
		r->lessons = r->replaced = 0;
	}
	return quirks != 0;
}

unsigned run_learn(const struct run *r, const struct gen_request *q, const struct gen_call *call, struct str error)
{
	const struct dialect *d = r->t->p->dialect;
	if (r->res.status == 500) /* so end templates of models */
		return d == &anthropic_dialect ? 0 : roles_learn(q, error) & ~call->quirks;
	return d->learn ? d->learn(r->t, q, call, error) : 0;
}

/* ---- trying again ---- */

/* Half of the wait is fixed and half is by chance, so that many callers do not come back together. */
static int64_t backoff_ms(const struct run *r, int tries)
{
	static _Atomic uint64_t seed = 0x9e3779b97f4a7c15u;
	uint64_t x = atomic_fetch_add(&seed, 0x9e3779b97f4a7c15u) ^ (uint64_t)clock_mono_us();
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	int64_t full = r->ps->settings->retry_base_ms << MIN(tries - 1, BACKOFF_DOUBLINGS);
	int64_t wait = full / 2 + (int64_t)((x >> 33) % (uint64_t)(full / 2 + 1));
	return MAX(wait, r->res.retry_after_ms);
}

static int NOINLINE wait_to_retry(struct run *r, int tries, const struct err *why)
{
	int64_t wait = backoff_ms(r, tries);
	char text[400];
	const char *cause = *why->msg ? why->msg : err_public_text(why);
	ASSERT(thread_may_wait() && tries > 0);
	snprintf(text, sizeof(text), "%s%s Trying again in %.1f s.", cause, wire_full_stop(cause), (double)wait / 1000);
	int code = run_tell(r->sink, false,
		&(struct run_status){.state = "retrying", .text = text, .attempt = tries + 1, .wait_ms = wait});
	if (code < 0)
		return code;
	metric_add(M_provider_retries_total, 1);
	return cancel_sleep(r->cancel, wait);
}

static void begin_try(struct run *r)
{
	buf_done(&r->res.error_body);
	r->res = (struct http_result){.retry_after_ms = -1};
	r->shown = r->transient = r->overtime = false;
	r->ret->tries += !r->anew;
	r->anew = false;
}

static bool gives_up(const struct run *r, int code, int tries, bool another)
{
	int64_t most = r->ps->settings->provider_tries;
	if (another)
		most = MIN(most, TRIES_BEFORE_NEXT);
	if (r->res.wrong_peer)
		most = MIN(most, TRIES_WRONG_PEER);
	return code == -ECANCELED || tries >= most || !may_retry(r, code) || (r->hurried && code == E_PROVIDER_DOWN) ||
	       (another && r->res.retry_after_ms > PATIENCE_MS);
}

/* ---- one target ---- */

static int tell_position(void *arg, int64_t n)
{
	return run_tell_queued(arg, false, n, 0);
}

static void note_target(struct run *r)
{
	text_copy(r->ret->model, sizeof(r->ret->model), r->t->model.id);
	text_copy(r->ret->provider, sizeof(r->ret->provider), r->t->p->name);
	text_copy(r->ret->provider_model, sizeof(r->ret->provider_model), r->t->name);
}

static int NOINLINE tell_connecting(struct run *r)
{
	char text[200];
	if (!r->sink || r->sink->no_status)
		return 0;
	snprintf(text, sizeof(text), "Asking %.150s", r->t->model.id);
	return run_tell(r->sink, false, &(struct run_status){.state = "connecting", .text = text});
}

/* The place is the call's when its `slots` say so, whatever comes of telling that. */
static int take_place(struct run *r)
{
	r->place = (struct place){.caller = r->caller,
		.key = r->key,
		.cancel = r->cancel,
		.background = r->background,
		.position = tell_position,
		.arg = r};
	int code = slots_take(r->streams ? catalogue_slots_of(r->ps, r->t->p, r->t->name) : r->t->p->slots, &r->place);
	if (code < 0)
		return code;
	bus_publish_changed(r->ps->bus, BUS_PROVIDERS); /* one more is running */
	return tell_connecting(r);
}

/* When to come again: as the provider says; and to one that is away, soon, since it is looked for all the time. */
static void tell_when(const struct run *r, int code, struct err *e)
{
	if (e->code == 0 || e->retry_after_s > 0)
		return;
	if (r->res.retry_after_ms > 0)
		e->retry_after_s = (int)((r->res.retry_after_ms + 999) / 1000);
	else if (code == E_PROVIDER_DOWN || is_connect_timeout(r, code))
		e->retry_after_s = RETRY_AFTER_S;
}

/* Its breaker lets the call through, and a place is waited for. What is built in has neither. */
static int enter_target(struct run *r, const struct target *t)
{
	ASSERT(!r->place.slots); /* the place of the one before was given back */
	r->t = t;
	r->entered = false;
	r->quirks = r->lessons = r->replaced = r->learned = 0;
	r->tries = 1;
	begin_try(r);
	r->ret->tries--;
	note_target(r);
	if (t->p->dialect->generate)
		return 0;
	int code = breaker_enter(r->ps, t, r->caller, &r->why);
	if (code < 0)
		return code;
	r->entered = true;
	return take_place(r);
}

/* Whether the same target is asked again: until an answer begins, or what went wrong would go wrong again. */
static bool again(struct run *r)
{
	bool another = r->at + 1 < r->plan.n;
	if (!r->entered || r->anew)
		return r->anew;
	note_try(r, r->code, &r->why);
	if (r->code >= 0)
		return false;
	if (r->code != -ECANCELED && r->learned < LEARNING_MAX && learn(r)) {
		r->learned++;
		return true;
	}
	if (gives_up(r, r->code, r->tries, another)) {
		tell_when(r, r->code, &r->why);
		return false;
	}
	r->code = wait_to_retry(r, r->tries++, &r->why);
	return r->code >= 0;
}

static void leave_target(struct run *r)
{
	if (!r->entered)
		return;
	if (r->place.slots)
		slots_give(&r->place);
	r->ret->queued_ms += r->place.waited_ms;
	breaker_leave(r->ps, r->t, r->caller, outcome_of(r, r->code));
}

/* ---- the plan ---- */

/* What stays with the answer, where a status passes. */
static int tell_notice(struct gen_sink *sink, const char *code, const char *text)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(4096);

	if (!sink)
		return 0;
	buf_printf(&b, "{\"code\":\"%s\",\"text\":", code);
	json_add_cstr(&b, text);
	buf_add_char(&b, '}');
	int r = buf_status(&b);
	return r < 0 ? r : sink->event(sink, false, EV_NOTICE, b.p, b.n);
}

static int NOINLINE tell_fallback(struct run *r, const struct target *next)
{
	const struct err *why = &r->why;
	char text[600];
	const char *cause = *why->msg ? why->msg : err_public_text(why);
	metric_add(M_provider_fallbacks_total, 1);
	snprintf(text, sizeof(text), "%.240s%s Asking %.120s in place of %.120s.", cause, wire_full_stop(cause),
		next->model.id, r->t->model.id);
	int code = run_tell(r->sink, false, &(struct run_status){.state = "fallback", .text = text});
	return code < 0 ? code : tell_notice(r->sink, "fallback", text);
}

static void plan_end(struct run *r)
{
	plan_done(&r->plan);
	arena_done(&r->mem);
}

int run_begin(struct run *r, struct err *e)
{
	struct plan *plan = &r->plan;
	size_t n = 0;
	arena_init(&r->mem, 1 << 20);
	int code = catalogue_plan(r->ps, r->model, r->caller, &r->mem, plan, e);
	if (code < 0) {
		plan_end(r);
		return code;
	}
	/* Those that can do it, in their order; `why` has the first reason why one cannot. */
	for (size_t i = 0; i < plan->n; i++) {
		struct target t = plan->targets[i];
		if (r->able && r->able(r, &t, &r->why) < 0)
			provider_unref(t.p);
		else
			plan->targets[n++] = t;
	}
	plan->n = n;
	r->code = n > 0 ? 0 : E_MODEL_CANNOT;
	return 0;
}

static int record_cancel(struct cancel *c, struct err *e)
{
	int reason = cancel_reason(c);
	err_clear(e);
	err_set(e, reason ? reason : E_CANCELED, "%s", err_info(reason ? reason : E_CANCELED)->text);
	return -ECANCELED;
}

int run_can(struct run *r, struct err *e)
{
	int code = run_begin(r, e);
	if (code < 0)
		return code;
	plan_end(r);
	return r->code < 0 ? err_set(e, r->code, "%s", r->why.msg) : 0;
}

bool run_next(struct run *r)
{
	while (!r->asks || !again(r)) {
		if (r->t) {
			leave_target(r);
			if (r->code >= 0 || r->shown || !is_providers_fault(r->code))
				return false;
			r->at++;
		}
		if (r->at == r->plan.n || (r->t && (r->code = tell_fallback(r, &r->plan.targets[r->at])) < 0))
			return false;
		err_clear(&r->why);
		r->code = enter_target(r, &r->plan.targets[r->at]);
		r->asks = r->code >= 0;
		if (r->asks)
			break;
	}
	err_clear(&r->why);
	begin_try(r);
	return true;
}

int run_end(struct run *r, struct err *e)
{
	buf_done(&r->res.error_body);
	plan_end(r);
	if (r->code == -ECANCELED)
		return record_cancel(r->cancel, e);
	if (r->code < 0 && r->why.code != 0 && e && e->code == 0)
		*e = r->why;
	if (r->code < 0)
		metric_add(M_provider_errors_total, 1);
	return MIN(r->code, 0);
}
