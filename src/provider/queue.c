/*
 * queue.c - places at a provider. Callers take turns (rotation.c). Calls in the background get a place only where nobody
 * else is, and lose it to whoever would wait for it; places that are learned for each model of a server count together
 * there, since one model's answers slow down the others', or its weights have to leave the memory for theirs.
 *
 * How many places there are is configured, or learned for each model of a server that does not say it (Ollama). There are as
 * many as answers came at the same time, at first one, and one more call is let through, which is next in any case, and
 * shows when there were more places after all: then nothing is held back until one call was seen to wait for the end of
 * another. While no answer at all has begun nothing is known, and twice as many are let through with each second. Those that
 * were let through but wait over there know their number, too, also while the first question of all is still being read.
 */
#include <errno.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/magic.h"
#include "provider/provider_priv.h"
#include "provider/rotation.h"
#include "sys/metrics.h"

#define SEEN_TO_WAIT  500 /* ms: less is what any answer takes to begin */
#define WOKEN_AT_ONCE 32  /* waiters that hear at once when their number changes; more look each LOOK_MS */
#define LOOK_MS       1000
#define SILENT_MS     1000 /* nobody is answered: twice as many are let through */
#define DOUBLINGS     16

/* On the stack of the thread that waits; under the lock of the group, as all of it is. */
struct waiter {
	struct slots *slots;
	struct rotated turn; /* of one that is not in the background */
	struct waiter *next; /* of those that are */
	pthread_cond_t cv;
	bool peeks; /* takes no place */
	bool granted, canceled;
	int64_t until_ms; /* then it leaves; 0: never */
};

struct slots {
	unsigned magic; /* SLOTS_MAGIC */
#define SLOTS_MAGIC 0x736c6f73u
	struct slots *group; /* the provider's own, which may be this one: its lock is that of all */
	pthread_mutex_t mx;
	struct waiter *idle; /* of the group: calls in the background; the last one first */
	unsigned background; /* of the group: those that have a place */
	struct slots *parts; /* of the group: those of its models */
	struct slots *next;

	int64_t max, running;
	struct rotation line;
	struct place *first, **last; /* who has a place, in the order they got it */

	bool learns;
	bool full; /* no more places are known: at first, and when one waited for the end of another */
	bool seen; /* an answer to begin */
	int64_t parallel, answering; /* most answers at the same time, and those now */
	int64_t ended_ms;            /* when one last ended */
};

struct slots *slots_new(struct slots *group)
{
	ASSERT(!group || group->group == group); /* of a provider, not of a model */
	struct slots *s = xcalloc(1, sizeof(*s));
	MAGIC_SET(s, SLOTS_MAGIC);
	pthread_mutex_init(&s->mx, NULL);
	s->last = &s->first;
	s->group = group ? group : s;
	if (!group)
		return s;
	pthread_mutex_lock(&group->mx);
	s->next = group->parts;
	group->parts = s;
	pthread_mutex_unlock(&group->mx);
	return s;
}

void slots_free(struct slots *s)
{
	while (s) {
		struct slots *next = s->group == s ? s->parts : s->next;
		ASSERT(s->running == 0 && !s->first && s->line.waiting == 0 &&
			!s->idle); /* who calls holds the provider */
		rotation_done(&s->line);
		pthread_mutex_destroy(&s->mx);
		MAGIC_END(s, SLOTS_MAGIC);
		free(s);
		s = next;
	}
}

/* ---- who is next; all under the lock ---- */

/* As many as are known, and one to see whether there are more. 0: there may be any number. */
static int64_t learned(const struct slots *s)
{
	int64_t silent_ms = s->seen || !s->first ? 0 : clock_mono_ms() - s->first->taken_ms;
	int64_t doublings = MIN(MAX(silent_ms / SILENT_MS, (int64_t)0), (int64_t)DOUBLINGS);
	return s->full ? (s->parallel + 1) << doublings : 0;
}

static bool has_room(const struct slots *s)
{
	ASSERT(lock_is_mine(&s->group->mx));
	int64_t max = s->learns ? learned(s) : s->max;
	return max <= 0 || s->running < max;
}

/* Nobody would have to wait for one in the background. */
static bool is_idle(const struct slots *group)
{
	ASSERT(group->group == group && lock_is_mine(&group->mx));
	const struct slots *s = group;
	while (s && s->line.waiting == 0 && (s->running == 0 || (s->max <= 0 && !s->learns)))
		s = s == group ? s->parts : s->next;
	return !s;
}

static void wake(struct rotated *w)
{
	pthread_cond_signal(&CONTAINER_OF(w, struct waiter, turn)->cv);
}

/* All who wait are woken: their positions have changed. */
static void wake_all(const struct slots *s)
{
	if (s->line.waiting <= WOKEN_AT_ONCE)
		rotation_each(&s->line, wake);
}

/* Calls in the background, and those that only want to know: as long as nobody is there, in their order. */
static void grant_idle(struct slots *group)
{
	while (group->idle && is_idle(group)) {
		struct waiter **w = &group->idle;
		while ((*w)->next)
			w = &(*w)->next;
		ASSERT(!(*w)->granted && !(*w)->turn.key);
		(*w)->granted = true;
		(*w)->slots->running += !(*w)->peeks;
		pthread_cond_signal(&(*w)->cv);
		*w = NULL;
	}
}

static void grant(struct slots *s)
{
	ASSERT(lock_is_mine(&s->group->mx));
	struct rotated *next;
	bool any = false;
	while (has_room(s) && (next = rotation_next(&s->line))) {
		struct share *key = next->key;
		struct waiter *w = CONTAINER_OF(next, struct waiter, turn);
		ASSERT(!w->granted && w->slots == s);
		rotation_remove(&s->line, next);
		rotation_serve(&s->line, key);
		s->running++;
		w->granted = any = true;
		pthread_cond_signal(&w->cv);
	}
	if (any)
		wake_all(s);
	grant_idle(s->group);
}

/* ---- places that are taken ---- */

static void link_place(struct slots *s, struct place *p)
{
	ASSERT(lock_is_mine(&s->group->mx));
	ASSERT(!p->slots && s->running > 0);
	p->slots = s;
	p->taken_ms = clock_mono_ms();
	p->answers = false;
	p->next = NULL;
	p->prev = s->last;
	*s->last = p;
	s->last = &p->next;
	s->group->background += p->background;
}

static void unlink_place(struct slots *s, struct place *p)
{
	ASSERT(lock_is_mine(&s->group->mx));
	ASSERT(*p->prev == p && p->slots == s);
	*p->prev = p->next;
	if (p->next)
		p->next->prev = p->prev;
	else
		s->last = p->prev;
	ASSERT(s->group->background >= p->background);
	s->group->background -= p->background;
}

/*
 * Those up to `last` (NULL: all) that have a place but wait over there: they have no answer yet, and it answers or reads as
 * many as were seen already. One, where nothing was seen: that is what an Ollama does unless it is told otherwise.
 */
static int64_t waiting_there(const struct slots *s, const struct place *last)
{
	ASSERT(lock_is_mine(&s->group->mx) && s->answering <= s->parallel);
	int64_t n = 0, being_read = s->parallel - s->answering;
	for (const struct place *p = s->first; s->learns && p; p = p->next) {
		n += !p->answers;
		if (p == last)
			break;
	}
	return MAX(n - being_read, 0);
}

/* What runs in the background at the same server gives way to who would wait for it; `here`: also of the same model. */
static void give_way(const struct slots *s, bool here)
{
	ASSERT(lock_is_mine(&s->group->mx));
	if (s->group->background == 0) /* as mostly; and there may be thousands of others */
		return;
	for (const struct slots *x = s->group; x; x = x == s->group ? x->parts : x->next)
		for (struct place *p = x->first; p && (x != s || here); p = p->next)
			if (p->background && p->cancel)
				cancel_fire(p->cancel, E_BUSY);
}

/* Somebody would have the place that one in the background has here. */
static bool is_wanted(const struct slots *s)
{
	ASSERT(lock_is_mine(&s->group->mx));
	for (const struct slots *x = s->group; x; x = x == s->group ? x->parts : x->next) {
		int64_t others = x == s ? s->parallel : 0;
		if (x->line.waiting > 0 || (x->learns && x->running > others))
			return true;
	}
	return false;
}

/* ---- waiting ---- */

static void on_cancel(void *arg)
{
	struct waiter *w = arg;
	pthread_mutex_lock(&w->slots->group->mx);
	w->canceled = true;
	pthread_cond_signal(&w->cv);
	pthread_mutex_unlock(&w->slots->group->mx);
}

/* With the lock, which is let go while the position is told; in the background there is none. */
static int wait_turn(struct slots *s, struct waiter *w, const struct place *p)
{
	ASSERT(lock_is_mine(&s->group->mx));
	int64_t told = 0;
	while (!w->granted && !w->canceled) {
		int64_t now = w->turn.key ? rotation_position(&s->line, &w->turn) + waiting_there(s, NULL) : 0;
		if (w->until_ms > 0 && clock_mono_ms() >= w->until_ms)
			return E_BUSY;
		if (now == told || !p->position) {
			(void)clock_wait(&w->cv, &w->slots->group->mx, clock_mono_ms() + LOOK_MS);
			grant(s);
			continue;
		}
		told = now;
		pthread_mutex_unlock(&s->group->mx);
		int r = p->position(p->arg, now);
		pthread_mutex_lock(&s->group->mx);
		if (r < 0)
			return r;
	}
	return w->granted ? 0 : -ECANCELED;
}

static void enqueue(struct slots *s, struct share *key, struct waiter *w)
{
	ASSERT(w->slots == s && !w->granted);
	if (!key) {
		w->next = s->group->idle;
		s->group->idle = w;
		return;
	}
	rotation_add(&s->line, key, &w->turn);
	give_way(s, true);
	wake_all(s); /* the new one may come before others */
}

static void dequeue(struct slots *s, struct waiter *w)
{
	struct waiter **at = &s->group->idle;
	if (w->turn.key) {
		rotation_remove(&s->line, &w->turn);
		wake_all(s);
		return;
	}
	while (*at != w) {
		ASSERT(*at); /* it is in the list */
		at = &(*at)->next;
	}
	*at = w->next;
}

/* Lets go of the lock and takes it again. `w` says how; `key` is NULL in the background. */
static int queue_up(struct slots *s, struct share *key, struct place *p, struct waiter *w)
{
	ASSERT(lock_is_mine(&s->group->mx));
	int64_t began = clock_mono_ms();
	struct cancel_hook hook;
	w->slots = s;
	pthread_cond_init(&w->cv, NULL);
	enqueue(s, key, w);
	pthread_mutex_unlock(&s->group->mx);
	metric_add(M_provider_calls_queued, !w->peeks);
	int r = cancel_on(p->cancel, &hook, on_cancel, w);
	bool hooked = r >= 0;
	pthread_mutex_lock(&s->group->mx);
	if (r >= 0)
		r = wait_turn(s, w, p);
	if (r < 0 && w->granted && !w->peeks) { /* a place that came too late goes to the next one */
		ASSERT(s->running > 0);
		s->running--;
		grant(s);
	} else if (r < 0 && !w->granted) {
		dequeue(s, w);
	}
	pthread_mutex_unlock(&s->group->mx);
	metric_add(M_provider_calls_queued, -!w->peeks);
	if (hooked)
		cancel_off(p->cancel, &hook);
	pthread_cond_destroy(&w->cv);
	p->waited_ms = clock_mono_ms() - began;
	pthread_mutex_lock(&s->group->mx);
	return r;
}

static int take(struct slots *s, struct place *p)
{
	struct waiter w = {.peeks = false};
	if (p->background) {
		if (!is_idle(s->group))
			return queue_up(s, NULL, p, &w);
		s->running++;
		return 0;
	}
	if (s->max <= 0 && !s->learns && s->line.waiting == 0) {
		s->running++;
		return 0;
	}
	struct share *key = rotation_key(&s->line, p->caller, p->key);
	if (s->line.waiting > 0 || !has_room(s))
		return queue_up(s, key, p, &w);
	rotation_serve(&s->line, key);
	s->running++;
	rotation_forget(&s->line);
	if (s->learns) /* it is let through, but would wait over there */
		give_way(s, s->running > s->parallel);
	return 0;
}

int slots_take(struct slots *s, struct place *p)
{
	ASSERT(p->cancel);
	ASSERT_IS(s, SLOTS_MAGIC);
	ASSERT(thread_may_wait());
	p->slots = NULL;
	p->waited_ms = 0;
	if (cancel_reason(p->cancel))
		return -ECANCELED;
	pthread_mutex_lock(&s->group->mx);
	int r = take(s, p);
	if (r >= 0)
		link_place(s, p);
	bool late = r >= 0 && p->background && is_wanted(s); /* somebody came in between */
	pthread_mutex_unlock(&s->group->mx);
	if (late)
		cancel_fire(p->cancel, E_BUSY);
	return r;
}

int slots_await_idle(struct slots *s, struct cancel *cancel, int64_t wait_ms)
{
	ASSERT_IS(s, SLOTS_MAGIC);
	struct place p = {.cancel = cancel};
	struct waiter w = {.peeks = true, .until_ms = clock_mono_ms() + wait_ms};
	ASSERT(thread_may_wait());
	pthread_mutex_lock(&s->group->mx);
	int r = is_idle(s->group) ? 0 : queue_up(s, NULL, &p, &w);
	pthread_mutex_unlock(&s->group->mx);
	return r;
}

void slots_begun(struct place *p)
{
	struct slots *s = p->slots;
	if (!s)
		return;
	pthread_mutex_lock(&s->group->mx);
	int64_t now = clock_mono_ms();
	if (!p->answers) {
		p->answers = s->seen = true;
		s->answering++;
	}
	ASSERT(s->answering <= s->running);
	if (s->answering > s->parallel) {
		s->parallel = s->answering;
		s->full = false;
		grant(s);
	} else if (s->learns && now - p->taken_ms >= SEEN_TO_WAIT && s->ended_ms > p->taken_ms) {
		s->full = true;
		p->waited_ms += s->ended_ms - p->taken_ms;
	}
	pthread_mutex_unlock(&s->group->mx);
}

int64_t slots_number(const struct place *p)
{
	struct slots *s = p->slots;
	if (!s)
		return 0;
	pthread_mutex_lock(&s->group->mx);
	int64_t n = p->answers ? 0 : waiting_there(s, p);
	pthread_mutex_unlock(&s->group->mx);
	return n;
}

void slots_give(struct place *p)
{
	struct slots *s = p->slots;
	ASSERT(s); /* given back once */
	pthread_mutex_lock(&s->group->mx);
	unlink_place(s, p);
	ASSERT(s->running > 0 && s->answering >= p->answers);
	s->running--;
	s->answering -= p->answers;
	s->ended_ms = clock_mono_ms();
	grant(s);
	rotation_forget(&s->line);
	pthread_mutex_unlock(&s->group->mx);
	p->slots = NULL;
}

void slots_limit(struct slots *s, int64_t max)
{
	ASSERT_IS(s, SLOTS_MAGIC);
	pthread_mutex_lock(&s->group->mx);
	s->max = max;
	grant(s);
	pthread_mutex_unlock(&s->group->mx);
}

void slots_learn(struct slots *s)
{
	ASSERT_IS(s, SLOTS_MAGIC);
	pthread_mutex_lock(&s->group->mx);
	s->learns = true;
	s->full = true;
	s->seen = s->answering > 0;
	s->parallel = MAX(s->answering, 1);
	pthread_mutex_unlock(&s->group->mx);
}

void slots_count(struct slots *s, int64_t *ret_running, int64_t *ret_queued)
{
	ASSERT_IS(s, SLOTS_MAGIC);
	pthread_mutex_lock(&s->group->mx);
	*ret_running = s->running;
	*ret_queued = s->line.waiting;
	pthread_mutex_unlock(&s->group->mx);
}
