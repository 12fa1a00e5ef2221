/*
 * discovery.c - refreshing the lists of models: each provider on a schedule of its own and by a thread of its own, so that
 * one that does not answer delays nobody. The last list stays until there is a new one.
 */
#include <errno.h>

#include "base/clock.h"
#include "provider/catalogue_priv.h"
#include "sys/thread.h"

#define PATIENT_ONES    2   /* callers that may wait for a refresh as long as they want to */
#define IMPATIENT_MS    200 /* and how long the others wait */
#define LATE_CHECK_MS   250
#define MINUTE_MS       60000
#define REFRESH_SOON_MS 5000 /* from one refresh to the next while a provider cannot be reached or a model was loaded */

/* ---- one refresh ---- */

struct refresh {
	struct providers *ps;
	struct provider *p; /* a reference */
	struct cancel cancel;
	int64_t timeout_ms, begun_ms;
};

/* What calls told before the refresh began is in the list now. */
static void forget_notes(struct provider *p, int64_t before_ms)
{
	for (struct model_note **at = &p->notes; *at;) {
		struct model_note *n = *at;
		if (n->ready_ms > 0 && n->ready_ms < before_ms)
			n->ready_ms = 0;
		if (n->waiting > 0 || n->ready_ms > 0 || n->breaker.failures > 0 || n->slots) {
			at = &n->next;
			continue;
		}
		*at = n->next;
		free(n->name);
		free(n);
	}
}

/* ---- what is told of it ---- */

void catalogue_changed(struct providers *ps)
{
	bus_publish_changed(ps->bus, BUS_MODELS);
	bus_publish_changed(ps->bus, BUS_PROVIDERS);
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_words(const char *const *a, const char *const *b)
{
	while (a && b && *a && *b && strcmp(*a, *b) == 0) {
		a++;
		b++;
	}
	return (a ? *a : NULL) == (b ? *b : NULL);
}

/* As far as people see it: a model stays in memory a little longer with each call. */
static bool same_model(const struct model *a, const struct model *b)
{
	return same_text(a->id, b->id) && same_text(a->name, b->name) && same_text(a->state, b->state) &&
	       same_text(a->family, b->family) && same_text(a->parameters, b->parameters) &&
	       same_text(a->quantization, b->quantization) && same_text(a->digest, b->digest) &&
	       same_words(a->capabilities, b->capabilities) && a->size_bytes == b->size_bytes &&
	       a->context_length == b->context_length && a->context_loaded == b->context_loaded &&
	       a->max_output == b->max_output && a->loaded_bytes == b->loaded_bytes &&
	       a->loaded_vram == b->loaded_vram && a->loaded_until / MINUTE_MS == b->loaded_until / MINUTE_MS;
}

static bool same_list(const struct model_list *a, const struct model_list *b)
{
	if (!a || !b || a->n != b->n || a->loading != b->loading)
		return a == b;
	for (size_t i = 0; i < a->n; i++)
		if (!same_model(&a->models[i], &b->models[i]))
			return false;
	return true;
}

/* Takes the list; NULL: `e` says why there is none. Lock held. */
static void refresh_keep(struct refresh *x, struct model_list **list, const struct err *e)
{
	struct provider *p = x->p;
	ASSERT(lock_is_mine(&x->ps->mx) && x->p->refresh == &x->cancel);
	free(p->error);
	p->error = NULL;
	if (!*list) {
		p->error = xstrdup(err_public_text(e));
		p->state = PROVIDER_UNREACHABLE;
		for (struct model_note *n = p->notes; n; n = n->next)
			if (n->slots)
				slots_learn(n->slots); /* it may come back with other settings */
		breaker_note_refresh(x->ps->settings, p, false);
		return;
	}
	p->state = PROVIDER_OK;
	p->loading = (*list)->loading;
	p->refresh_soon = p->loading;
	breaker_note_refresh(x->ps->settings, p, true);
	forget_notes(p, x->begun_ms);
	if (p->loading && p->list)
		return;
	struct model_list *old = p->list;
	p->list = *list;
	*list = old; /* freed by the caller */
}

static void refresh_end(struct refresh *x, struct model_list **list, const struct err *e)
{
	struct providers *ps = x->ps;
	struct provider *p = x->p;
	pthread_mutex_lock(&ps->mx);
	/* One that was stopped from outside has found out nothing. */
	int reason = cancel_reason(&x->cancel);
	enum provider_reach state = p->state;
	enum breaker_state breaker = p->breaker.state;
	CLEANUP(freep) char *error = p->error ? xstrdup(p->error) : NULL;
	bool changed = *list && !same_list(p->list, *list);
	if (reason != E_CANCELED && reason != E_STOPPING)
		refresh_keep(x, list, e);
	p->refresh = NULL;
	p->refreshes++;
	p->refreshed_ms = clock_mono_ms();
	ps->refreshes++;
	changed |= p->state != state || p->breaker.state != breaker || !same_text(p->error, error);
	pthread_mutex_unlock(&ps->mx);
	if (changed)
		catalogue_changed(ps);
}

static void *refresh_run(void *arg)
{
	struct refresh *x = arg;
	struct providers *ps = x->ps;
	struct err e = {0};
	struct model_list *list = xcalloc(1, sizeof(*list));
	ASSERT(x->p->dialect->list);
	arena_init(&list->arena, LIST_MAX_BYTES);
	int r = x->p->dialect->list(ps, x->p, x->timeout_ms, &x->cancel, list, &e);
	if (r >= 0 && model_list_sort(list) < 0)
		r = err_set(&e, E_PROVIDER, "The model list of %s is too large.", x->p->label);
	if (r == -ECANCELED) {
		err_clear(&e);
		err_set(&e, E_PROVIDER_TIMEOUT, "%s did not answer in time.", x->p->label);
	}
	if (r < 0) {
		model_list_free(list);
		list = NULL;
	}
	refresh_end(x, &list, &e);
	catalogue_keep_default(ps);
	model_list_free(list);
	cancel_done(&x->cancel);
	provider_unref(x->p);
	free(x);
	/* The last word: from here on the registry may be gone. */
	pthread_mutex_lock(&ps->mx);
	ps->refreshing--;
	pthread_cond_broadcast(&ps->cv);
	pthread_mutex_unlock(&ps->mx);
	return NULL;
}

/* Lock held. */
static void refresh_begin(struct providers *ps, struct provider *p, int64_t timeout_ms)
{
	struct refresh *x = xcalloc(1, sizeof(*x));
	ASSERT(lock_is_mine(&ps->mx) && !p->refresh); /* one at a time */
	*x = (struct refresh){.ps = ps, .p = provider_ref(p), .timeout_ms = timeout_ms, .begun_ms = clock_mono_ms()};
	cancel_init(&x->cancel);
	p->refresh_wanted = p->refresh_soon = false;
	p->refresh = &x->cancel;
	p->refresh_until_ms = x->begun_ms + timeout_ms;
	ps->refreshing++;
	if (thread_start_detached("refresh", refresh_run, x) < 0) {
		ps->refreshing--;
		p->refresh = NULL;
		p->refreshes++;
		p->refreshed_ms = x->begun_ms;
		cancel_done(&x->cancel);
		free(x);
		atomic_fetch_sub(&p->refs, 1); /* not the last one: the registry has it */
	}
}

static bool has_list(const struct provider *p)
{
	return p->enabled && p->dialect->list;
}

bool discovery_all_once(const struct providers *ps)
{
	ASSERT(lock_is_mine(&ps->mx));
	for (size_t i = 0; i < ps->n; i++)
		if (has_list(ps->all[i]) && ps->all[i]->refreshes == 0)
			return false;
	return true;
}

int64_t discovery_last_ms(const struct providers *ps)
{
	int64_t ms = ps->refreshed_ms;
	ASSERT(lock_is_mine(&ps->mx));
	for (size_t i = 0; i < ps->n; i++)
		ms = MAX(ms, ps->all[i]->refreshed_ms);
	return ms;
}

/* ---- on demand ---- */

struct awaited {
	struct provider *p;
	uint64_t refreshes; /* so many have ended when ours has */
};

/* A refresh that was under way may have read the list before what its caller knows of: ours comes after it, and is shared by
 * all who came in the meantime. Lock held. */
static bool all_seen(struct providers *ps, const struct awaited *a, size_t n)
{
	bool all = true;
	ASSERT(lock_is_mine(&ps->mx));
	for (size_t i = 0; i < n; i++) {
		if (a[i].p->refreshes >= a[i].refreshes || a[i].p->gone)
			continue;
		all = false;
		if (!a[i].p->refresh && !ps->stopping)
			refresh_begin(ps, a[i].p, REFRESH_TIMEOUT_MS);
	}
	return all;
}

/* Who waits longer than a refresh may take stops those that are late, as the scheduling thread does; it need not run. Lock
 * held. A fired cancel stays fired: it does no harm to hear of it twice. */
static void stop_late_ones(const struct awaited *a, size_t n)
{
	int64_t now = clock_mono_ms();
	for (size_t i = 0; i < n; i++)
		if (a[i].p->refresh && now >= a[i].p->refresh_until_ms)
			cancel_fire(a[i].p->refresh, E_PROVIDER_TIMEOUT);
}

/* Those that were not seen in time are refreshed all the same; nobody waits for it. Lock held. */
static void leave_to_schedule(struct providers *ps, const struct awaited *a, size_t n)
{
	ASSERT(lock_is_mine(&ps->mx));
	for (size_t i = 0; i < n; i++)
		if (a[i].p->refreshes < a[i].refreshes && !a[i].p->gone)
			a[i].p->refresh_wanted = ps->refresh_wanted = true;
	pthread_cond_broadcast(&ps->cv);
}

/* Lock held. True: all have been seen. */
static bool wait_seen(struct providers *ps, const struct awaited *a, size_t n, int64_t wait_ms)
{
	int64_t end_ms = clock_mono_ms() + wait_ms;
	bool all;
	ASSERT(lock_is_mine(&ps->mx) && ps->waiting > 0);
	while (!(all = all_seen(ps, a, n)) && !ps->stopping && clock_mono_ms() < end_ms) {
		stop_late_ones(a, n);
		(void)clock_wait(&ps->cv, &ps->mx, MIN(clock_mono_ms() + LATE_CHECK_MS, end_ms));
	}
	return all;
}

bool providers_refresh(struct providers *ps, int64_t wait_ms)
{
	pthread_mutex_lock(&ps->mx);
	CLEANUP(freep) struct awaited *a = xcalloc(ps->n + 1, sizeof(*a));
	size_t n = 0;
	ASSERT(thread_may_wait());
	ASSERT_IS(ps, PROVIDERS_MAGIC);
	for (size_t i = 0; i < ps->n; i++) {
		struct provider *p = ps->all[i];
		if (has_list(p))
			a[n++] = (struct awaited){provider_ref(p), p->refreshes + (p->refresh ? 2 : 1)};
	}
	/* However many ask, only few threads are spent on waiting for one that does not answer. */
	bool patient = ps->waiting < PATIENT_ONES;
	ps->waiting++;
	bool all = wait_seen(ps, a, n, patient ? wait_ms : MIN(wait_ms, IMPATIENT_MS));
	ps->waiting--;
	if (!all)
		leave_to_schedule(ps, a, n);
	ps->refreshed_ms = clock_mono_ms();
	pthread_mutex_unlock(&ps->mx);
	for (size_t i = 0; i < n; i++)
		provider_unref(a[i].p);
	return all;
}

/* ---- on schedule ---- */

/* Sooner while one cannot be reached: people start Ollama when they see that it is missing. */
static int64_t next_refresh_ms(const struct providers *ps, const struct provider *p)
{
	int64_t every = ps->settings->model_refresh_s * 1000;
	if (p->refresh)
		return p->refresh_until_ms;
	if (p->refresh_wanted || p->refreshes == 0)
		return 0;
	if (p->state != PROVIDER_OK || p->refresh_soon)
		every = MIN(every, REFRESH_SOON_MS);
	return p->refreshed_ms + every;
}

/* Begins what is due and stops what is late; says when there will be something to do. Lock held. */
static int64_t do_what_is_due(struct providers *ps)
{
	int64_t now = clock_mono_ms(), next = now + 3600000;
	ASSERT(lock_is_mine(&ps->mx) && pthread_equal(pthread_self(), ps->thread));
	for (size_t i = 0; i < ps->n; i++) {
		struct provider *p = ps->all[i];
		if (!has_list(p))
			continue;
		int64_t at = next_refresh_ms(ps, p);
		if (at > now) {
			next = MIN(next, at);
		} else if (p->refresh) {
			cancel_fire(p->refresh, E_PROVIDER_TIMEOUT); /* its end wakes us */
		} else {
			refresh_begin(ps, p, REFRESH_TIMEOUT_MS);
			next = MIN(next, now + REFRESH_TIMEOUT_MS);
		}
	}
	return next;
}

static void *refresh_thread(void *arg)
{
	struct providers *ps = arg;
	pthread_mutex_lock(&ps->mx);
	while (!ps->stopping) {
		ps->refresh_wanted = false;
		int64_t next = do_what_is_due(ps);
		(void)clock_wait(&ps->cv, &ps->mx, MAX(next, clock_mono_ms() + 1));
	}
	pthread_mutex_unlock(&ps->mx);
	return NULL;
}

int providers_start(struct providers *ps, struct err *e)
{
	pthread_mutex_lock(&ps->mx);
	ASSERT_IS(ps, PROVIDERS_MAGIC);
	ASSERT(!ps->started && !ps->stopping);
	for (size_t i = 0; i < ps->n; i++)
		ps->all[i]->refresh_wanted = true;
	int r = thread_start(&ps->thread, "models", 0, refresh_thread, ps);
	ps->started = r == 0;
	pthread_mutex_unlock(&ps->mx);
	if (r < 0)
		return err_set(e, r, "No thread could be made for refreshing the model lists.");
	if (ps->settings->warm_up)
		warm_start(ps);
	return 0;
}

void discovery_stop(struct providers *ps)
{
	pthread_mutex_lock(&ps->mx);
	ps->stopping = true;
	for (size_t i = 0; i < ps->n; i++)
		if (ps->all[i]->refresh)
			cancel_fire(ps->all[i]->refresh, E_STOPPING);
	pthread_cond_broadcast(&ps->cv);
	pthread_mutex_unlock(&ps->mx);
	warm_stop(ps);
	if (ps->started)
		pthread_join(ps->thread, NULL);
	pthread_mutex_lock(&ps->mx);
	while (ps->refreshing > 0) /* also of providers that are configured no more: theirs were stopped then */
		pthread_cond_wait(&ps->cv, &ps->mx);
	pthread_mutex_unlock(&ps->mx);
}

/* ---- what calls say between two refreshes ---- */

void catalogue_note_call(struct providers *ps, struct provider *p, const struct err *why)
{
	pthread_mutex_lock(&ps->mx);
	enum provider_reach was = p->state;
	ASSERT_IS(p, PROVIDER_MAGIC);
	if (why) {
		free(p->error);
		p->error = xstrdup(err_public_text(why));
		p->state = PROVIDER_UNREACHABLE;
	} else if (p->state == PROVIDER_UNREACHABLE) {
		/* It answers: whether its list does, too, is for a refresh to say. */
		free(p->error);
		p->error = NULL;
		p->state = PROVIDER_CHECKING;
		p->refresh_wanted = ps->refresh_wanted = true;
		pthread_cond_broadcast(&ps->cv);
	}
	bool changed = p->state != was;
	pthread_mutex_unlock(&ps->mx);
	if (changed)
		catalogue_changed(ps);
}

void catalogue_note_silent(struct providers *ps, struct provider *p)
{
	pthread_mutex_lock(&ps->mx);
	ASSERT_IS(p, PROVIDER_MAGIC);
	p->refresh_soon = ps->refresh_wanted = true;
	pthread_cond_broadcast(&ps->cv);
	pthread_mutex_unlock(&ps->mx);
}

struct model_note *catalogue_note_find(const struct provider *p, const char *model)
{
	for (struct model_note *n = p->notes; n; n = n->next)
		if (strcmp(n->name, model) == 0)
			return n;
	return NULL;
}

struct model_note *catalogue_note_of(struct provider *p, const char *name)
{
	struct model_note *n = catalogue_note_find(p, name);
	ASSERT(name && *name);
	if (n)
		return n;
	n = xcalloc(1, sizeof(*n));
	n->name = xstrdup(name);
	n->next = p->notes;
	p->notes = n;
	return n;
}

struct slots *catalogue_slots_of(struct providers *ps, struct provider *p, const char *model)
{
	pthread_mutex_lock(&ps->mx);
	struct slots *s = p->slots;
	if (p->max_concurrent == 0 && p->dialect == &ollama_dialect) {
		struct model_note *n = catalogue_note_of(p, model);
		if (!n->slots) {
			n->slots = slots_new(p->slots);
			slots_learn(n->slots);
		}
		s = n->slots;
	}
	pthread_mutex_unlock(&ps->mx);
	return s;
}

/* Whether it is known to be in memory. Lock held. */
static bool is_ready(const struct provider *p, const struct model_note *n)
{
	const struct model *m = model_list_find(p->list, n->name);
	return n->ready_ms > 0 || !m || !m->state || strcmp(m->state, "ready") == 0;
}

void catalogue_note_waiting(struct providers *ps, struct provider *p, const char *name, int change)
{
	pthread_mutex_lock(&ps->mx);
	struct model_note *n = catalogue_note_of(p, name);
	int waited = n->waiting;
	ASSERT_IS(p, PROVIDER_MAGIC);
	ASSERT(change == 1 || change == -1);
	n->waiting = MAX(n->waiting + change, 0);
	bool changed = (waited > 0) != (n->waiting > 0) && !is_ready(p, n);
	pthread_mutex_unlock(&ps->mx);
	if (changed)
		bus_publish_changed(ps->bus, BUS_MODELS);
}

/* Lock held. */
static void note_ready(struct providers *ps, struct provider *p, const char *name)
{
	struct model_note *n = catalogue_note_of(p, name);
	ASSERT(lock_is_mine(&ps->mx));
	/* A list that does not know it as loaded has figures of before: how much memory it takes is soon seen. */
	if (!is_ready(p, n)) {
		p->refresh_soon = true;
		bus_publish_changed(ps->bus, BUS_MODELS);
	}
	n->ready_ms = clock_mono_ms();
}

void catalogue_note_ready(struct providers *ps, struct provider *p, const char *name)
{
	pthread_mutex_lock(&ps->mx);
	note_ready(ps, p, name);
	pthread_mutex_unlock(&ps->mx);
}

void catalogue_note_first_token(struct providers *ps, struct provider *p, const char *name, int64_t ms)
{
	pthread_mutex_lock(&ps->mx);
	ASSERT_IS(p, PROVIDER_MAGIC);
	ASSERT(ms >= 0);
	note_ready(ps, p, name);
	breaker_note_begun(ps->settings, p, catalogue_note_of(p, name));
	p->first_token_ms = p->first_token_ms < 0 ? ms : (p->first_token_ms * 7 + ms) / 8;
	pthread_mutex_unlock(&ps->mx);
}
