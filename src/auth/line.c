/* line.c - two queues of groups under one lock, and a few threads that serve them: a group at a time, one request of it. */
#include "auth/line.h"

#include <pthread.h>
#include <semaphore.h>

#include "auth/throttle.h"
#include "base/clock.h"
#include "base/lock.h"
#include "base/magic.h"
#include "sys/loop.h"
#include "sys/thread.h"

#define GROUP_NAME  64
#define PACED_ROWS  512
#define THREADS_MAX 8

/* Those who wait from one place. It is there while somebody waits or is being served. */
struct group {
	struct group *next;
	char name[GROUP_NAME];
	struct pool_task *first, **last;
	unsigned n;
	bool running;
};

/* One of the two queues of groups; the first is served next. */
struct queue {
	struct group *first;
	unsigned n; /* who wait, in all groups */
};

enum { STRANGERS, KNOWN, QUEUES };

struct line {
	unsigned magic; /* LINE_MAGIC */
#define LINE_MAGIC 0x6c696e65u
	struct line_config c;
	pthread_mutex_t mx;
	sem_t wake; /* not a condition: sys/pool.c says why */
	struct queue queues[QUEUES];
	unsigned turn; /* the queue that is looked at first */
	struct meter *paced;
	bool stopping;
	unsigned n_threads;
	pthread_t threads[THREADS_MAX];
};

static struct group *find(struct queue *q, const char *name)
{
	for (struct group *g = q->first; g; g = g->next)
		if (strcmp(g->name, name) == 0)
			return g;
	return NULL;
}

static void append(struct queue *q, struct group *g)
{
	struct group **at = &q->first;

	while (*at)
		at = &(*at)->next;
	g->next = NULL;
	*at = g;
}

/* The first group whose turn it is, taken out of its queue; else how long until there may be one (0: unknown). */
static struct group *take_ready(struct line *l, struct queue *q, int64_t now, int64_t *ret_wait)
{
	const struct rate rate = {l->c.burst, l->c.pace_ms * 1000};

	ASSERT(lock_is_mine(&l->mx));
	for (struct group **at = &q->first; *at; at = &(*at)->next) {
		struct group *g = *at;

		if (g->running || g->n == 0)
			continue;
		int64_t wait = l->stopping ? 0 : meter_take(l->paced, str_from(g->name), rate, now);
		if (wait == 0) {
			*at = g->next;
			return g;
		}
		if (*ret_wait == 0 || wait < *ret_wait)
			*ret_wait = wait;
	}
	return NULL;
}

/* Strangers and the known take turns at being first. */
static struct group *take_next(struct line *l, struct queue **ret_queue, int64_t *ret_wait)
{
	int64_t now = clock_mono_us();

	ASSERT(lock_is_mine(&l->mx));
	*ret_wait = 0;
	for (unsigned i = 0; i < QUEUES; i++) {
		struct queue *q = &l->queues[(l->turn + i) % QUEUES];
		struct group *g = take_ready(l, q, now, ret_wait);

		if (!g)
			continue;
		l->turn = (l->turn + 1) % QUEUES;
		*ret_queue = q;
		return g;
	}
	return NULL;
}

/* With the lock held, which is let go of meanwhile. */
static void serve(struct line *l, struct queue *q, struct group *g)
{
	struct pool_task *t = g->first;

	ASSERT(lock_is_mine(&l->mx));
	ASSERT(t && t->fn);
	g->first = t->next;
	if (!g->first)
		g->last = &g->first;
	ASSERT(g->n > 0 && q->n > 0 && !g->running); /* of a group one at a time */
	g->n--;
	q->n--;
	g->running = true;
	append(q, g); /* behind all others */
	pthread_mutex_unlock(&l->mx);
	t->fn(t->arg);
	pthread_mutex_lock(&l->mx);
	g->running = false;
	if (g->n > 0)
		return;
	struct group **at = &q->first;
	while (*at != g) {
		ASSERT(*at); /* it was put behind the others */
		at = &(*at)->next;
	}
	*at = g->next;
	free(g);
}

/* Lets a thread look anew; with the lock held. With one for each of them all will. */
static void wake_one(struct line *l)
{
	int n = 0;

	ASSERT(lock_is_mine(&l->mx));
	if (sem_getvalue(&l->wake, &n) == 0 && n < THREADS_MAX)
		sem_post(&l->wake);
}

/* With the lock held, which is let go of meanwhile. */
static void sleep_for(struct line *l, int64_t us)
{
	int64_t until_ms = us == 0 ? INT64_MAX : (clock_mono_us() + us + 999) / 1000;

	ASSERT(lock_is_mine(&l->mx));
	pthread_mutex_unlock(&l->mx);
	(void)clock_wait_sem(&l->wake, until_ms);
	pthread_mutex_lock(&l->mx);
}

static void *run(void *arg)
{
	struct line *l = arg;

	ASSERT_IS(l, LINE_MAGIC);
	pthread_mutex_lock(&l->mx);
	for (;;) {
		struct queue *q;
		int64_t wait;
		struct group *g = take_next(l, &q, &wait);

		if (g) {
			serve(l, q, g);
			wake_one(l); /* another of its group may be served now */
		} else if (l->stopping) {
			break;
		} else {
			sleep_for(l, wait);
		}
	}
	pthread_mutex_unlock(&l->mx);
	return NULL;
}

int line_new(const struct line_config *c, struct line **ret)
{
	struct line *l = xcalloc(1, sizeof(*l));

	MAGIC_SET(l, LINE_MAGIC);
	l->c = *c;
	l->c.threads = MIN(c->threads, THREADS_MAX);
	l->paced = meter_new(PACED_ROWS);
	pthread_mutex_init(&l->mx, NULL);
	sem_init(&l->wake, 0, 0);
	for (; l->n_threads < l->c.threads; l->n_threads++) {
		int r = thread_start(&l->threads[l->n_threads], "password", 0, run, l);

		if (r == 0)
			continue;
		line_free(l);
		return r;
	}
	*ret = l;
	return 0;
}

/* The fuller the line, the fewer of one group: the last places are for those who have none. */
static bool has_room(const struct line *l, const struct queue *q, const struct group *g)
{
	unsigned left = l->c.max_waiting - q->n;

	ASSERT(lock_is_mine(&l->mx));
	ASSERT(q->n <= l->c.max_waiting);
	return left > 0 && (!g || g->n < MIN(l->c.per_group, MAX(1, left / 16)));
}

static struct group *group_new(struct queue *q, const char *name)
{
	struct group *g = xcalloc(1, sizeof(*g));

	memcpy(g->name, name, GROUP_NAME);
	g->last = &g->first;
	append(q, g);
	return g;
}

int line_submit(struct line *l, struct pool_task *task, struct str group, bool known, void (*fn)(void *arg), void *arg)
{
	struct queue *q = &l->queues[known ? KNOWN : STRANGERS];
	char name[GROUP_NAME] = {0};
	int r = 0;

	ASSERT(fn);
	ASSERT_IS(l, LINE_MAGIC);
	memcpy(name, group.p, MIN(group.n, GROUP_NAME - 1));
	*task = (struct pool_task){.fn = fn, .arg = arg};
	pthread_mutex_lock(&l->mx);
	struct group *g = find(q, name);
	if (l->stopping)
		r = E_STOPPING;
	else if (!has_room(l, q, g))
		r = E_BUSY;
	if (r == 0) {
		g = g ? g : group_new(q, name);
		*g->last = task;
		g->last = &task->next;
		g->n++;
		q->n++;
		wake_one(l);
	}
	pthread_mutex_unlock(&l->mx);
	return r;
}

void line_stop(struct line *l)
{
	ASSERT(thread_may_wait());
	ASSERT_IS(l, LINE_MAGIC);
	pthread_mutex_lock(&l->mx);
	l->stopping = true;
	for (unsigned i = 0; i < l->n_threads; i++)
		sem_post(&l->wake);
	pthread_mutex_unlock(&l->mx);
	while (l->n_threads > 0)
		pthread_join(l->threads[--l->n_threads], NULL);
	for (unsigned i = 0; i < QUEUES; i++)
		ASSERT(!l->queues[i].first && l->queues[i].n == 0); /* all were served */
}

void line_free(struct line *l)
{
	if (!l)
		return;
	line_stop(l);
	meter_free(l->paced);
	sem_destroy(&l->wake);
	pthread_mutex_destroy(&l->mx);
	MAGIC_END(l, LINE_MAGIC);
	free(l);
}
