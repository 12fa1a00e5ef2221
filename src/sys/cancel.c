/* cancel.c - fired once, seen by everyone who waits. */
#include "sys/cancel.h"
#include "base/clock.h"

#include <errno.h>
#include <time.h>

#include "sys/loop.h"

void cancel_init(struct cancel *c)
{
	*c = (struct cancel){0};
	pthread_mutex_init(&c->mx, NULL);
	pthread_cond_init(&c->cv, NULL);
}

void cancel_done(struct cancel *c)
{
	ASSERT(!c->hooks); /* nobody waits */
	pthread_cond_destroy(&c->cv);
	pthread_mutex_destroy(&c->mx);
}

void cancel_fire(struct cancel *c, int reason)
{
	ASSERT(reason != 0);
	pthread_mutex_lock(&c->mx);
	if (c->reason == 0) {
		struct cancel_hook *h = c->hooks;

		__atomic_store_n(&c->reason, reason, __ATOMIC_RELEASE);
		c->hooks = NULL;
		while (h) {
			struct cancel_hook *next = h->next;

			h->next = NULL;
			h->fn(h->arg);
			h = next;
		}
		pthread_cond_broadcast(&c->cv);
	}
	pthread_mutex_unlock(&c->mx);
}

int cancel_reason(struct cancel *c)
{
	/* Asked often; the lock is only for those who wait. */
	return __atomic_load_n(&c->reason, __ATOMIC_ACQUIRE);
}

int cancel_on(struct cancel *c, struct cancel_hook *h, void (*fn)(void *), void *arg)
{
	int r = 0;

	ASSERT(fn);
	pthread_mutex_lock(&c->mx);
	if (c->reason != 0) {
		r = -ECANCELED;
	} else {
		*h = (struct cancel_hook){.fn = fn, .arg = arg, .next = c->hooks};
		c->hooks = h;
	}
	pthread_mutex_unlock(&c->mx);
	return r;
}

void cancel_off(struct cancel *c, struct cancel_hook *h)
{
	/* Hooks run with the lock held, so to have the lock is to know that none is running. */
	pthread_mutex_lock(&c->mx);
	for (struct cancel_hook **at = &c->hooks; *at; at = &(*at)->next) {
		if (*at == h) {
			*at = h->next;
			break;
		}
	}
	pthread_mutex_unlock(&c->mx);
}

static void fire_linked(void *arg)
{
	struct cancel_link *l = arg;

	ASSERT(cancel_reason(l->from) != 0);
	cancel_fire(l->to, cancel_reason(l->from));
}

void cancel_link(struct cancel_link *l, struct cancel *from, struct cancel *to)
{
	ASSERT(from != to); /* it would fire itself with its lock held */
	*l = (struct cancel_link){.from = from, .to = to};
	if (cancel_on(from, &l->hook, fire_linked, l) < 0)
		fire_linked(l);
}

void cancel_unlink(struct cancel_link *l)
{
	cancel_off(l->from, &l->hook);
}

int cancel_sleep(struct cancel *c, int64_t ms)
{
	int64_t until_ms = clock_mono_ms() + MAX(ms, INT64_C(0));
	int r;

	ASSERT(thread_may_wait());
	pthread_mutex_lock(&c->mx);
	while (c->reason == 0 && clock_wait(&c->cv, &c->mx, until_ms))
		;
	r = c->reason ? -ECANCELED : 0;
	pthread_mutex_unlock(&c->mx);
	return r;
}
