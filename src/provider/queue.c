/*
 * queue.c - places at a provider. Callers take turns: a place goes to the one who has waited for the longest time since
 * their last one, whatever the number of calls they have waiting; each one's calls come in their order.
 */
#include <errno.h>

#include "base/clock.h"
#include "provider/provider_priv.h"
#include "sys/metrics.h"

#define REMEMBERED 64 /* callers that wait for nothing, of whom it is still known when they had their turn */

struct waiter {
	struct slots *slots;
	struct waiter *next;
	pthread_cond_t cv;
	bool granted, canceled;
};

struct turn_taker {
	int64_t caller;
	uint64_t served; /* number of their last turn; 0: none yet */
	struct waiter *first, *last;
	int64_t waiting;
	struct turn_taker *next;
};

struct slots {
	pthread_mutex_t mx;
	int64_t max, running, queued;
	uint64_t turns;
	struct turn_taker *takers; /* in the order in which they came to be known */
	size_t n_takers;
};

struct slots *slots_new(void)
{
	struct slots *s = xcalloc(1, sizeof(*s));
	pthread_mutex_init(&s->mx, NULL);
	return s;
}

void slots_free(struct slots *s)
{
	if (!s)
		return;
	while (s->takers) {
		struct turn_taker *t = s->takers;
		s->takers = t->next;
		free(t);
	}
	pthread_mutex_destroy(&s->mx);
	free(s);
}

/* ---- who is next; all under the lock ---- */

static bool has_room(const struct slots *s)
{
	return s->max <= 0 || s->running < s->max;
}

/* Forgets those who wait for nothing, the longest served first, when they have become too many. */
static void forget(struct slots *s)
{
	while (s->n_takers > REMEMBERED) {
		struct turn_taker **oldest = NULL;
		for (struct turn_taker **t = &s->takers; *t; t = &(*t)->next)
			if ((*t)->waiting == 0 && (!oldest || (*t)->served < (*oldest)->served))
				oldest = t;
		if (!oldest)
			return;
		struct turn_taker *gone = *oldest;
		*oldest = gone->next;
		free(gone);
		s->n_takers--;
	}
}

static struct turn_taker *taker_of(struct slots *s, int64_t caller)
{
	struct turn_taker **end = &s->takers;
	for (; *end; end = &(*end)->next)
		if ((*end)->caller == caller)
			return *end;
	struct turn_taker *t = xcalloc(1, sizeof(*t));
	t->caller = caller;
	*end = t;
	s->n_takers++;
	return t;
}

static void serve(struct slots *s, struct turn_taker *t)
{
	t->served = ++s->turns;
	s->running++;
}

static void unlink_waiter(struct slots *s, struct turn_taker *t, struct waiter *w)
{
	struct waiter *before = NULL;
	for (struct waiter *x = t->first; x != w; x = x->next)
		before = x;
	if (before)
		before->next = w->next;
	else
		t->first = w->next;
	if (t->last == w)
		t->last = before;
	t->waiting--;
	s->queued--;
}

/* All who wait are woken: their positions have changed. */
static void wake_all(const struct slots *s)
{
	for (struct turn_taker *t = s->takers; t; t = t->next)
		for (struct waiter *w = t->first; w; w = w->next)
			pthread_cond_signal(&w->cv);
}

static struct turn_taker *next_taker(const struct slots *s)
{
	struct turn_taker *next = NULL;
	for (struct turn_taker *t = s->takers; t; t = t->next)
		if (t->first && (!next || t->served < next->served))
			next = t;
	return next;
}

static void grant(struct slots *s)
{
	struct turn_taker *next;
	bool any = false;
	while (has_room(s) && (next = next_taker(s))) {
		struct waiter *w = next->first;
		unlink_waiter(s, next, w);
		serve(s, next);
		w->granted = any = true;
		pthread_cond_signal(&w->cv);
	}
	if (any)
		wake_all(s);
}

/* How many turns are taken until this one has its own: in each round everybody who waits has one. */
static int64_t position_of(const struct slots *s, const struct turn_taker *mine, const struct waiter *w)
{
	int64_t round = 1, n;
	bool behind = false;
	for (const struct waiter *x = mine->first; x != w; x = x->next)
		round++;
	n = round;
	for (const struct turn_taker *t = s->takers; t; t = t->next) {
		if (t == mine) {
			behind = true;
			continue;
		}
		bool earlier = t->served < mine->served || (t->served == mine->served && !behind);
		n += MIN(t->waiting, earlier ? round : round - 1);
	}
	return n;
}

/* ---- waiting ---- */

static void on_cancel(void *arg)
{
	struct waiter *w = arg;
	pthread_mutex_lock(&w->slots->mx);
	w->canceled = true;
	pthread_cond_signal(&w->cv);
	pthread_mutex_unlock(&w->slots->mx);
}

/* With the lock, which is let go while the position is told. */
static int wait_turn(
	struct slots *s, struct turn_taker *t, struct waiter *w, int (*position)(void *arg, int64_t n), void *arg)
{
	int64_t told = 0;
	while (!w->granted && !w->canceled) {
		int64_t now = position_of(s, t, w);
		if (now == told || !position) {
			pthread_cond_wait(&w->cv, &s->mx);
			continue;
		}
		told = now;
		pthread_mutex_unlock(&s->mx);
		int r = position(arg, now);
		pthread_mutex_lock(&s->mx);
		if (r < 0)
			return r;
	}
	return w->granted ? 0 : -ECANCELED;
}

static int queue_up(
	struct slots *s, struct turn_taker *t, struct cancel *cancel, int (*position)(void *arg, int64_t n), void *arg)
{
	struct waiter w = {.slots = s};
	struct cancel_hook hook;
	pthread_cond_init(&w.cv, NULL);
	if (t->last)
		t->last->next = &w;
	else
		t->first = &w;
	t->last = &w;
	t->waiting++;
	s->queued++;
	wake_all(s); /* the new one may come before others */
	pthread_mutex_unlock(&s->mx);
	metric_add(M_provider_calls_queued, 1);
	int r = cancel_on(cancel, &hook, on_cancel, &w);
	bool hooked = r >= 0;
	pthread_mutex_lock(&s->mx);
	if (r >= 0)
		r = wait_turn(s, t, &w, position, arg);
	if (r < 0 && w.granted) { /* a place that came too late goes to the next one */
		s->running--;
		grant(s);
	} else if (r < 0) {
		unlink_waiter(s, t, &w);
		wake_all(s);
	}
	pthread_mutex_unlock(&s->mx);
	metric_add(M_provider_calls_queued, -1);
	if (hooked)
		cancel_off(cancel, &hook);
	pthread_cond_destroy(&w.cv);
	return r;
}

int slots_take(struct slots *s, int64_t caller, struct cancel *cancel, int (*position)(void *arg, int64_t n), void *arg,
	int64_t *ret_waited_ms)
{
	int64_t began = clock_mono_ms();
	int r = cancel_reason(cancel) ? -ECANCELED : 0;
	*ret_waited_ms = 0;
	if (r < 0)
		return r;
	pthread_mutex_lock(&s->mx);
	if (s->max <= 0 && s->queued == 0) {
		s->running++;
		pthread_mutex_unlock(&s->mx);
		return 0;
	}
	struct turn_taker *t = taker_of(s, caller);
	if (s->queued == 0 && has_room(s)) {
		serve(s, t);
		forget(s);
		pthread_mutex_unlock(&s->mx);
		return 0;
	}
	r = queue_up(s, t, cancel, position, arg); /* lets go of the lock */
	*ret_waited_ms = clock_mono_ms() - began;
	return r;
}

void slots_give(struct slots *s)
{
	pthread_mutex_lock(&s->mx);
	s->running--;
	grant(s);
	forget(s);
	pthread_mutex_unlock(&s->mx);
}

void slots_limit(struct slots *s, int64_t max)
{
	pthread_mutex_lock(&s->mx);
	s->max = max;
	grant(s);
	pthread_mutex_unlock(&s->mx);
}

void slots_count(struct slots *s, int64_t *ret_running, int64_t *ret_queued)
{
	pthread_mutex_lock(&s->mx);
	*ret_running = s->running;
	*ret_queued = s->queued;
	pthread_mutex_unlock(&s->mx);
}
