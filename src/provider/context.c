/*
 * context.c - the window that a model of an Ollama is asked with. A window that differs from the loaded one loads the
 * model anew, so that it only grows, in steps, to what a request needs, and stays; docs/decisions/031.
 */
#include <pthread.h>
#include <stdio.h>

#include "base/clock.h"
#include "provider/manage.h"
#include "provider/request.h"

#define FIRST_STEP    4096 /* what an Ollama without much memory takes by itself */
#define ANSWER_TOKENS 1024 /* room for an answer that sets no limit */
#define ANSWER_MAX    8192
#define BYTES_A_TOKEN 3.3    /* before a model has shown what it takes */
#define BYTES_AT_MOST 8      /* of a token on average in any text that is long: what has more than that is too long */
#define KEPT_MS       600000 /* that a window was asked for is known better than the list of what is loaded says */
#define CAP_KEPT_MS   3600000

static pthread_mutex_t mx = PTHREAD_MUTEX_INITIALIZER; /* of the windows of all providers; held for a few loads */

/* The place of a model; another one that was not asked for the longest time leaves its own. */
static struct context_window *place_of(const struct target *t)
{
	uint64_t hash = quirks_hash(t->name);
	struct context_window *all = t->p->windows, *oldest = all;
	ASSERT(lock_is_mine(&mx));
	for (size_t i = 0; i < N_ELEMENTS(t->p->windows); i++) {
		if (all[i].hash == hash)
			return &all[i];
		if (all[i].asked_ms < oldest->asked_ms)
			oldest = &all[i];
	}
	*oldest = (struct context_window){.hash = hash};
	return oldest;
}

static int64_t bytes_of(const struct gen_request *q)
{
	return provider_estimate_tokens(q) * 4; /* which takes four for a token */
}

static int64_t estimate(const struct context_window *w, const struct gen_request *q)
{
	return (int64_t)((double)bytes_of(q) / (w->bytes_a_token > 0 ? w->bytes_a_token : BYTES_A_TOKEN)) + 1;
}

/* The largest window: what the model was trained for, what the settings allow, what the memory was found to hold. */
static int64_t limit_of(const struct target *t, const struct context_window *w, int64_t max)
{
	int64_t limit = t->model.context_length > 0 ? MIN(t->model.context_length, max) : max;
	return w->cap > 0 && clock_mono_ms() - w->cap_ms < CAP_KEPT_MS ? MIN(limit, w->cap) : limit;
}

static int64_t step_for(int64_t need, int64_t limit)
{
	int64_t step = FIRST_STEP;
	ASSERT(limit > 0);
	while (step < need && step < limit)
		step *= 2;
	return MIN(step, limit);
}

static int too_long(const struct target *t, int64_t asked, int64_t limit, const char *about, struct err *e)
{
	if (e && e->code == 0) {
		e->asked = asked;
		e->limit = limit;
	}
	return err_set(e, E_CONTEXT_TOO_LONG,
		"The conversation has %s%lld tokens, and %.80s takes %lld here. Begin a new one, send less, or choose "
		"a model with a larger window.",
		about, (long long)asked, t->name, (long long)limit);
}

int64_t context_choose(const struct target *t, const struct gen_request *q, int64_t max, struct err *e)
{
	if (q->context_tokens > 0)
		return q->context_tokens;
	pthread_mutex_lock(&mx);
	struct context_window *w = place_of(t);
	int64_t limit = limit_of(t, w, max), prompt = estimate(w, q), now = clock_mono_ms();
	int64_t need = prompt + (q->max_tokens > 0 ? MIN(q->max_tokens, ANSWER_MAX) : ANSWER_TOKENS);
	int64_t ret = w->tokens > 0 && now - w->asked_ms < KEPT_MS ? MIN(w->tokens, limit) : 0;
	ret = MAX(ret, t->model.context_loaded);
	if (need > MAX(ret, FIRST_STEP))
		ret = MAX(ret, step_for(need, limit));
	bool hopeless = bytes_of(q) / BYTES_AT_MOST > MAX(limit, ret);
	if (ret > 0 && !hopeless) {
		w->tokens = ret;
		w->asked_ms = now;
	}
	pthread_mutex_unlock(&mx);
	return hopeless ? too_long(t, prompt, MAX(limit, ret), "about ", e) : ret;
}

int context_check(const struct target *t, const struct gen_request *q, int64_t max, struct err *e)
{
	bool local = t->p->dialect == &ollama_dialect;
	pthread_mutex_lock(&mx);
	struct context_window *w = place_of(t);
	int64_t limit = !local                  ? model_window(&t->model)
			: q->context_tokens > 0 ? q->context_tokens
						: MAX(limit_of(t, w, max), t->model.context_loaded);
	int64_t prompt = estimate(w, q);
	pthread_mutex_unlock(&mx);
	if (limit <= 0 || bytes_of(q) / BYTES_AT_MOST <= limit)
		return 0;
	return too_long(t, prompt, limit, "about ", e);
}

void context_learn(const struct target *t, const struct gen_request *q, int64_t tokens)
{
	int64_t bytes = bytes_of(q);
	if (tokens < 100 || bytes < 400)
		return; /* what the template adds counts for too much */
	double found = (double)bytes / (double)tokens;
	pthread_mutex_lock(&mx);
	struct context_window *w = place_of(t);
	w->bytes_a_token = w->bytes_a_token > 0 ? (3 * w->bytes_a_token + found) / 4 : found;
	pthread_mutex_unlock(&mx);
}

static bool is_about_memory(const struct http_result *res)
{
	struct str text = buf_str(&res->error_body);
	return res->status >= 500 && (quirk_names(text, "memory") || quirk_names(text, "failed to allocate"));
}

bool context_again(const struct target *t, const struct gen_request *q, int64_t sent, int64_t max,
	const struct http_result *res, int *r, struct err *e)
{
	struct err why = {0};
	bool memory = sent > FIRST_STEP && is_about_memory(res);
	bool length = refusal_code(res->status, buf_str(&res->error_body), &why) == E_CONTEXT_TOO_LONG;
	if (!memory && !length)
		return false;
	if (q->context_tokens > 0) {
		if (!length || why.asked > 0)
			return false; /* what it said itself says all */
		err_clear(e);
		*r = too_long(t, q->context_tokens + 1, q->context_tokens, "at least ", e);
		return false;
	}
	pthread_mutex_lock(&mx);
	struct context_window *w = place_of(t);
	if (memory) {
		w->cap = sent / 2;
		w->cap_ms = clock_mono_ms();
	}
	int64_t limit = limit_of(t, w, max), had = MAX(sent, why.limit);
	int64_t prompt = why.asked > 0 ? why.asked : estimate(w, q);
	w->tokens = step_for(MAX(prompt + ANSWER_TOKENS / 4, memory ? 0 : had + 1), limit);
	w->asked_ms = clock_mono_ms();
	bool again = memory ? prompt <= limit : w->tokens > had && prompt <= limit;
	pthread_mutex_unlock(&mx);
	if (why.asked > 0)
		context_learn(t, q, why.asked);
	err_clear(e);
	if (!memory && prompt <= MAX(had, limit) && why.limit > 0)
		limit = had = why.limit; /* it was loaded with less than it was asked for */
	if (!again) {
		int64_t most = memory ? limit : MAX(had, limit);
		const char *about = why.asked > 0 ? "" : prompt > most ? "about " : "at least ";
		*r = too_long(t, MAX(prompt, most + 1), most, about, e);
	}
	return again;
}
