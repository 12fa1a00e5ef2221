/*
 * queue.c - places at a provider. Callers take turns: a place goes to the one who has waited for the longest time since
 * their last one, whatever the number of calls they have waiting; each one's calls come in their order. Calls in the
 * background get a place only where nobody else is, and lose it to whoever would wait for it.
 *
 * How many places there are is configured, or learned for each model of a server that does not say it (Ollama). Nothing is
 * held back until one call was seen to wait for the end of another: then there are as many places as answers came at the
 * same time, and one more call is let through, which is next in any case, and shows when there were more places after
 * all. Those that were let through but wait over there know their number, too.
 */
#include <errno.h>

#include "base/clock.h"
#include "provider/provider_priv.h"
#include "sys/metrics.h"

#define REMEMBERED    64  /* callers that wait for nothing, of whom it is still known when they had their turn */
#define SEEN_TO_WAIT  500 /* ms: less is what any answer takes to begin */
#define WOKEN_AT_ONCE 32  /* waiters that hear at once when their number changes; more look once in a second */

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
	struct waiter *idle;         /* calls in the background; the last one first */
	struct place *first, **last; /* who has a place, in the order they got it */

	bool learns;
	bool full;                   /* one was seen to wait for the end of another */
	int64_t parallel, answering; /* most answers at the same time, and those now */
	int64_t ended_ms;            /* when one last ended */
};

struct slots *slots_new(void)
{
	struct slots *s = xcalloc(1, sizeof(*s));
	pthread_mutex_init(&s->mx, NULL);
	s->last = &s->first;
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
	int64_t max = s->max;
	if (s->learns)
		max = s->full ? MAX(s->parallel, 1) + 1 : 0;
	return max <= 0 || s->running < max;
}

static bool is_idle(const struct slots *s)
{
	return s->queued == 0 && (s->running == 0 || (s->max <= 0 && !s->learns));
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
	if (s->queued > WOKEN_AT_ONCE)
		return;
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
	if (s->idle && is_idle(s)) {
		struct waiter **w = &s->idle;
		while ((*w)->next)
			w = &(*w)->next;
		(*w)->granted = true;
		pthread_cond_signal(&(*w)->cv);
		*w = NULL;
		s->running++;
	}
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

/* ---- places that are taken ---- */

static void link_place(struct slots *s, struct place *p)
{
	p->slots = s;
	p->taken_ms = clock_mono_ms();
	p->answers = false;
	p->next = NULL;
	p->prev = s->last;
	*s->last = p;
	s->last = &p->next;
}

static void unlink_place(struct slots *s, struct place *p)
{
	*p->prev = p->next;
	if (p->next)
		p->next->prev = p->prev;
	else
		s->last = p->prev;
}

/* Those that have a place but wait over there. */
static int64_t not_answering(const struct slots *s)
{
	int64_t n = 0;
	for (const struct place *p = s->first; s->learns && s->answering > 0 && p; p = p->next)
		n += !p->answers;
	return n;
}

/* What runs in the background gives way to who would wait for it. */
static void give_way(const struct slots *s)
{
	for (struct place *p = s->first; p; p = p->next)
		if (p->background && p->cancel)
			cancel_fire(p->cancel, E_BUSY);
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

static void wait_a_second(struct slots *s, struct waiter *w)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec++;
	pthread_cond_clockwait(&w->cv, &s->mx, CLOCK_MONOTONIC, &until);
}

/* With the lock, which is let go while the position is told. `t` is NULL in the background, where there is none. */
static int wait_turn(struct slots *s, const struct turn_taker *t, struct waiter *w, const struct place *p)
{
	int64_t told = 0;
	while (!w->granted && !w->canceled) {
		int64_t now = t ? position_of(s, t, w) + not_answering(s) : 0;
		if (now == told || !p->position) {
			wait_a_second(s, w);
			continue;
		}
		told = now;
		pthread_mutex_unlock(&s->mx);
		int r = p->position(p->arg, now);
		pthread_mutex_lock(&s->mx);
		if (r < 0)
			return r;
	}
	return w->granted ? 0 : -ECANCELED;
}

static void enqueue(struct slots *s, struct turn_taker *t, struct waiter *w)
{
	if (!t) {
		w->next = s->idle;
		s->idle = w;
		return;
	}
	if (t->last)
		t->last->next = w;
	else
		t->first = w;
	t->last = w;
	t->waiting++;
	s->queued++;
	give_way(s);
	wake_all(s); /* the new one may come before others */
}

static void dequeue(struct slots *s, struct turn_taker *t, struct waiter *w)
{
	struct waiter **at = &s->idle;
	if (t) {
		unlink_waiter(s, t, w);
		wake_all(s);
		return;
	}
	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
}

/* Lets go of the lock and takes it again. */
static int queue_up(struct slots *s, struct turn_taker *t, struct place *p)
{
	int64_t began = clock_mono_ms();
	struct waiter w = {.slots = s};
	struct cancel_hook hook;
	pthread_cond_init(&w.cv, NULL);
	enqueue(s, t, &w);
	pthread_mutex_unlock(&s->mx);
	metric_add(M_provider_calls_queued, 1);
	int r = cancel_on(p->cancel, &hook, on_cancel, &w);
	bool hooked = r >= 0;
	pthread_mutex_lock(&s->mx);
	if (r >= 0)
		r = wait_turn(s, t, &w, p);
	if (r < 0 && w.granted) { /* a place that came too late goes to the next one */
		s->running--;
		grant(s);
	} else if (r < 0) {
		dequeue(s, t, &w);
	}
	pthread_mutex_unlock(&s->mx);
	metric_add(M_provider_calls_queued, -1);
	if (hooked)
		cancel_off(p->cancel, &hook);
	pthread_cond_destroy(&w.cv);
	p->waited_ms = clock_mono_ms() - began;
	pthread_mutex_lock(&s->mx);
	return r;
}

static int take(struct slots *s, struct place *p)
{
	if (p->background) {
		if (!is_idle(s))
			return queue_up(s, NULL, p);
		s->running++;
		return 0;
	}
	if (s->max <= 0 && !s->learns && s->queued == 0) {
		s->running++;
		return 0;
	}
	struct turn_taker *t = taker_of(s, p->caller);
	if (s->queued > 0 || !has_room(s))
		return queue_up(s, t, p);
	serve(s, t);
	forget(s);
	if (s->learns && s->running > MAX(s->parallel, 1))
		give_way(s); /* it is let through, but would wait over there */
	return 0;
}

int slots_take(struct slots *s, struct place *p)
{
	p->slots = NULL;
	p->waited_ms = 0;
	if (cancel_reason(p->cancel))
		return -ECANCELED;
	pthread_mutex_lock(&s->mx);
	int r = take(s, p);
	if (r >= 0)
		link_place(s, p);
	bool late = r >= 0 && p->background && s->queued > 0; /* somebody came in between */
	pthread_mutex_unlock(&s->mx);
	if (late)
		cancel_fire(p->cancel, E_BUSY);
	return r;
}

void slots_begun(struct place *p)
{
	struct slots *s = p->slots;
	if (!s)
		return;
	pthread_mutex_lock(&s->mx);
	int64_t now = clock_mono_ms();
	if (!p->answers) {
		p->answers = true;
		s->answering++;
	}
	if (s->answering > s->parallel) {
		s->parallel = s->answering;
		s->full = false;
		grant(s);
	} else if (s->learns && now - p->taken_ms >= SEEN_TO_WAIT && s->ended_ms > p->taken_ms) {
		s->full = true;
		p->waited_ms += s->ended_ms - p->taken_ms;
	}
	pthread_mutex_unlock(&s->mx);
}

int64_t slots_number(const struct place *p)
{
	struct slots *s = p->slots;
	int64_t n = 1;
	if (!s)
		return 0;
	pthread_mutex_lock(&s->mx);
	for (const struct place *x = s->first; x && x != p; x = x->next)
		n += !x->answers;
	if (p->answers || s->answering == 0 || !s->learns)
		n = 0;
	pthread_mutex_unlock(&s->mx);
	return n;
}

void slots_give(struct place *p)
{
	struct slots *s = p->slots;
	pthread_mutex_lock(&s->mx);
	unlink_place(s, p);
	s->running--;
	s->answering -= p->answers;
	s->ended_ms = clock_mono_ms();
	grant(s);
	forget(s);
	pthread_mutex_unlock(&s->mx);
	p->slots = NULL;
}

void slots_limit(struct slots *s, int64_t max)
{
	pthread_mutex_lock(&s->mx);
	s->max = max;
	grant(s);
	pthread_mutex_unlock(&s->mx);
}

void slots_learn(struct slots *s)
{
	pthread_mutex_lock(&s->mx);
	s->learns = true;
	s->full = false;
	s->parallel = s->answering;
	pthread_mutex_unlock(&s->mx);
}

void slots_count(struct slots *s, int64_t *ret_running, int64_t *ret_queued)
{
	pthread_mutex_lock(&s->mx);
	*ret_running = s->running;
	*ret_queued = s->queued;
	pthread_mutex_unlock(&s->mx);
}
