/* pool.c - threads that come with the work and go without it. */
#include "sys/pool.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/magic.h"
#include "sys/loop.h"
#include "sys/thread.h"

#define IDLE_MS 60000

/* Sanitizers pad every frame; the test build gives them room. */
#ifdef ATELIER_FAULTS
#define STACK_FACTOR 4
#else
#define STACK_FACTOR 1
#endif

struct worker {
	struct pool *pool;
	pthread_t thread;
	struct worker *next; /* in `finished` */
};

struct pool {
	unsigned magic; /* POOL_MAGIC */
#define POOL_MAGIC 0x706f6f6cu
	char name[16];
	unsigned keep, max, max_queue, idle_ms;
	size_t stack_bytes;
	/* One for each task. Not a condition: to signal one waits for threads that were woken before and have
	 * no processor yet, and whoever submits may be the loop. */
	sem_t work;
	pthread_mutex_t mx; /* guards what follows */
	pthread_cond_t quiet;
	struct pool_task *first, **end;
	unsigned queued, running;
	unsigned threads, idle;  /* a thread counts as idle from its making until it takes a task */
	struct worker *finished; /* threads that have left and wait to be joined */
	bool stopping;
};

int pool_new(const struct pool_config *c, struct pool **ret)
{
	struct pool *p;

	if (c->max == 0)
		return -EINVAL;
	p = xcalloc(1, sizeof(*p));
	MAGIC_SET(p, POOL_MAGIC);
	snprintf(p->name, sizeof(p->name), "%s", c->name ? c->name : "pool");
	p->keep = c->keep;
	p->max = c->max;
	p->max_queue = c->max_queue;
	p->idle_ms = c->idle_ms ? c->idle_ms : IDLE_MS;
	p->stack_bytes = c->stack_bytes;
	p->end = &p->first;
	pthread_mutex_init(&p->mx, NULL);
	sem_init(&p->work, 0, 0);
	pthread_cond_init(&p->quiet, NULL);
	*ret = p;
	return 0;
}

/* With the lock held, which is let go of meanwhile. False: the time is over. */
static bool wait_for_work(struct pool *p, int64_t until_ms)
{
	bool stays = p->threads <= p->keep;

	ASSERT(lock_is_mine(&p->mx));
	pthread_mutex_unlock(&p->mx);
	bool woken = clock_wait_sem(&p->work, stays ? INT64_MAX : until_ms);
	pthread_mutex_lock(&p->mx);
	return woken;
}

/* Waits for a task under the lock; NULL: this thread is to end. */
static struct pool_task *next_task(struct pool *p)
{
	struct pool_task *t;
	int64_t until_ms = clock_mono_ms() + p->idle_ms;
	bool woken = false;

	ASSERT(lock_is_mine(&p->mx));
	while (!p->first && !p->stopping) {
		woken = wait_for_work(p, until_ms);
		if (!woken && !p->first && p->threads > p->keep)
			return NULL;
	}
	t = p->first;
	if (!t)
		return NULL;
	if (!woken)
		(void)sem_trywait(&p->work); /* nobody need be woken for it any more */
	ASSERT(p->queued > 0);
	p->first = t->next;
	if (!p->first)
		p->end = &p->first;
	p->queued--;
	return t;
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct pool *p = w->pool;
	struct pool_task *t;

	ASSERT_IS(p, POOL_MAGIC);
	pthread_mutex_lock(&p->mx);
	while ((t = next_task(p)) != NULL) {
		/* Once fn begins, the task may be submitted again or be gone. */
		void (*fn)(void *) = t->fn;
		void *fn_arg = t->arg;

		ASSERT(p->idle > 0 && p->running < p->max);
		p->idle--;
		p->running++;
		pthread_mutex_unlock(&p->mx);
		thread_wake_soon();
		fn(fn_arg);
		pthread_mutex_lock(&p->mx);
		p->running--;
		p->idle++;
	}
	ASSERT(p->idle > 0 && p->threads > 0);
	p->idle--;
	p->threads--;
	w->next = p->finished;
	p->finished = w;
	pthread_cond_broadcast(&p->quiet);
	pthread_mutex_unlock(&p->mx);
	return NULL;
}

static void join_all(struct worker *w)
{
	while (w) {
		struct worker *next = w->next;

		pthread_join(w->thread, NULL);
		free(w);
		w = next;
	}
}

/* Under the lock. */
static int add_thread(struct pool *p)
{
	struct worker *w = xcalloc(1, sizeof(*w));
	int r;

	ASSERT(lock_is_mine(&p->mx) && p->threads < p->max);
	w->pool = p;
	r = thread_start(&w->thread, p->name, p->stack_bytes * STACK_FACTOR, worker_main, w);
	if (r < 0) {
		free(w);
		return r;
	}
	p->threads++;
	p->idle++;
	return 0;
}

static int enqueue(struct pool *p, struct pool_task *t)
{
	bool late = false;

	ASSERT(lock_is_mine(&p->mx) && p->idle <= p->threads);
	if (p->stopping)
		return E_STOPPING;
	/* Without a free thread for it, make one; where none can be made, it may wait for one of the others. */
	if (p->queued >= p->idle && (p->threads >= p->max || add_thread(p) < 0))
		late = true;
	if (late && (p->threads == 0 || p->queued - p->idle >= p->max_queue))
		return E_BUSY;
	*p->end = t;
	p->end = &t->next;
	p->queued++;
	return 0;
}

int pool_submit(struct pool *p, struct pool_task *t, void (*fn)(void *), void *arg)
{
	struct worker *finished;
	int r;

	ASSERT_IS(p, POOL_MAGIC);
	ASSERT(fn);
	*t = (struct pool_task){.fn = fn, .arg = arg, .since_ms = clock_mono_ms()};
	pthread_mutex_lock(&p->mx);
	r = enqueue(p, t);
	finished = p->finished;
	p->finished = NULL;
	pthread_mutex_unlock(&p->mx);
	if (r == 0) /* behind the lock, which the thread would wait for at once */
		sem_post(&p->work);
	join_all(finished);
	return r;
}

int64_t pool_waits_ms(struct pool *p)
{
	int64_t since;

	ASSERT_IS(p, POOL_MAGIC);
	pthread_mutex_lock(&p->mx);
	since = p->first ? p->first->since_ms : 0;
	pthread_mutex_unlock(&p->mx);
	return since ? clock_mono_ms() - since : 0;
}

unsigned pool_busy(struct pool *p)
{
	unsigned n;

	ASSERT_IS(p, POOL_MAGIC);
	pthread_mutex_lock(&p->mx);
	n = p->running + p->queued;
	pthread_mutex_unlock(&p->mx);
	return n;
}

void pool_stop(struct pool *p)
{
	struct worker *finished;

	ASSERT_IS(p, POOL_MAGIC);
	ASSERT(thread_may_wait());
	pthread_mutex_lock(&p->mx);
	p->stopping = true;
	for (unsigned i = 0; i < p->threads; i++)
		sem_post(&p->work);
	while (p->threads > 0)
		pthread_cond_wait(&p->quiet, &p->mx);
	finished = p->finished;
	p->finished = NULL;
	pthread_mutex_unlock(&p->mx);
	join_all(finished);
}

void pool_free(struct pool *p)
{
	if (!p)
		return;
	pool_stop(p);
	ASSERT(!p->first && p->running == 0);
	sem_destroy(&p->work);
	pthread_cond_destroy(&p->quiet);
	pthread_mutex_destroy(&p->mx);
	MAGIC_END(p, POOL_MAGIC);
	free(p);
}
