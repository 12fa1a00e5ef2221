/* deadline.c - see deadline.h: one thread, from the first deadline on, which sleeps until the next one. */
#include "turn/deadline.h"

#include "base/clock.h"
#include "base/log.h"
#include "sys/thread.h"

#define LEAST_SLEEP_MS 20 /* of one whose time stands still: a person is asked */

struct deadlines {
	pthread_mutex_t mx;
	pthread_cond_t cv;
	pthread_t thread;
	bool running, stopping;
	int64_t next_ms; /* when it looks again */
	struct deadline *list;
};

struct deadlines *deadlines_new(void)
{
	struct deadlines *all = xcalloc(1, sizeof *all);

	pthread_mutex_init(&all->mx, NULL);
	pthread_cond_init(&all->cv, NULL);
	return all;
}

void deadlines_free(struct deadlines *all)
{
	if (!all)
		return;
	ASSERT(!all->list);
	pthread_mutex_lock(&all->mx);
	all->stopping = true;
	pthread_cond_signal(&all->cv);
	pthread_mutex_unlock(&all->mx);
	if (all->running)
		pthread_join(all->thread, NULL);
	pthread_cond_destroy(&all->cv);
	pthread_mutex_destroy(&all->mx);
	free(all);
}

/* mx held. When the next one is over, as far as is known now. */
static int64_t fire_over(struct deadlines *all, int64_t now)
{
	int64_t next = INT64_MAX;

	for (struct deadline *d = all->list; d; d = d->next) {
		int64_t left = allowance_time_left(d->budget, now);
		if (left == INT64_MAX || cancel_reason(d->cancel))
			continue;
		if (left + d->grace_ms <= 0)
			cancel_fire(d->cancel, E_BUDGET);
		else
			next = MIN(next, now + MAX(left + d->grace_ms, (int64_t)LEAST_SLEEP_MS));
	}
	return next;
}

static void *look(void *arg)
{
	struct deadlines *all = arg;

	pthread_mutex_lock(&all->mx);
	while (!all->stopping) {
		all->next_ms = fire_over(all, clock_mono_ms());
		if (all->next_ms == INT64_MAX)
			pthread_cond_wait(&all->cv, &all->mx);
		else
			(void)clock_wait(&all->cv, &all->mx, all->next_ms);
	}
	pthread_mutex_unlock(&all->mx);
	return NULL;
}

void deadline_begin(struct deadlines *all, struct deadline *d)
{
	int64_t now = clock_mono_ms(), left = allowance_time_left(d->budget, now);

	pthread_mutex_lock(&all->mx);
	d->next = all->list;
	all->list = d;
	if (!all->running) {
		all->next_ms = INT64_MAX;
		all->running = thread_start(&all->thread, "deadlines", 0, look, all) == 0;
		if (!all->running)
			log_error("turn", "there is no thread to end answers in time");
	} else if (left < INT64_MAX && now + left + d->grace_ms < all->next_ms)
		pthread_cond_signal(&all->cv);
	pthread_mutex_unlock(&all->mx);
}

void deadline_end(struct deadlines *all, struct deadline *d)
{
	pthread_mutex_lock(&all->mx);
	struct deadline **at = &all->list;
	while (*at != d)
		at = &(*at)->next;
	*at = d->next;
	pthread_mutex_unlock(&all->mx);
}
