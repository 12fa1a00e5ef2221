/*
 * loop.c - libevent's loop with a queue of posted tasks, hooks at the end of a pass, and timers. libevent is used without
 * its locks: only the loop's own thread calls it, others put a task into the queue and wake it through a descriptor.
 */
#include "sys/loop.h"

#include <event2/event.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/time.h>

#include "base/magic.h"
#include "base/memory.h"

struct loop {
	unsigned magic; /* LOOP_MAGIC */
#define LOOP_MAGIC 0x6c6f6f70u
	struct event_base *base;
	int wake_fd;
	struct event *wake; /* runs the posted tasks, and stops */
	pthread_mutex_t mx; /* guards what follows */
	struct loop_task *first, **end;
	bool stopping;
	bool ended;              /* loop_run has returned: nobody runs tasks any more */
	_Atomic bool running;    /* a thread is in loop_run */
	_Atomic unsigned waking; /* threads that have queued a task and are about to wake the loop for it */
};

struct loop_hook {
	unsigned magic; /* HOOK_MAGIC */
#define HOOK_MAGIC 0x686f6f6bu
	struct event *ev;
	void (*fn)(void *arg);
	void *arg;
};

struct loop_timer {
	unsigned magic; /* TIMER_MAGIC */
#define TIMER_MAGIC 0x74696d72u
	struct event *ev;
	void (*fn)(void *arg);
	void *arg;
};

static _Thread_local const struct loop *current;

/* An event that could not be added would never come: what waits for it would wait for ever. */
__attribute__((constructor)) static void events_have_the_reserve(void)
{
	event_set_mem_functions(memory_try, memory_try_resize, free);
}

static struct loop_task *take_tasks(struct loop *l)
{
	struct loop_task *first;

	ASSERT(loop_is_mine(l)); /* one thread alone runs them */
	pthread_mutex_lock(&l->mx);
	first = l->first;
	l->first = NULL;
	l->end = &l->first;
	pthread_mutex_unlock(&l->mx);
	return first;
}

static void run_tasks(struct loop_task *t)
{
	while (t) {
		/* Once fn begins, the task may be posted again or be gone. */
		struct loop_task *next = t->next;
		void (*fn)(void *) = t->fn;
		void *arg = t->arg;

		ASSERT(fn);
		fn(arg);
		t = next;
	}
}

static void wake(struct loop *l)
{
	(void)!write(l->wake_fd, &(uint64_t){1}, sizeof(uint64_t)); /* fails only when it is full: awake already */
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct loop *l = arg;
	uint64_t n;

	ASSERT(loop_is_mine(l));
	(void)what;
	(void)!read(fd, &n, sizeof(n)); /* before the tasks are taken: one posted later wakes again */
	run_tasks(take_tasks(l));
	pthread_mutex_lock(&l->mx);
	if (l->stopping)
		event_base_loopexit(l->base, NULL);
	pthread_mutex_unlock(&l->mx);
}

static struct event_base *new_base(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (config && event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK) == 0)
		base = event_base_new_with_config(config);
	if (config)
		event_config_free(config);
	return base;
}

struct loop *loop_new(void)
{
	struct loop *l = xcalloc(1, sizeof(*l));

	MAGIC_SET(l, LOOP_MAGIC);
	pthread_mutex_init(&l->mx, NULL);
	l->end = &l->first;
	l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	l->base = new_base();
	if (l->base && l->wake_fd >= 0)
		l->wake = event_new(l->base, l->wake_fd, EV_READ | EV_PERSIST, on_wake, l);
	if (!l->wake || event_add(l->wake, NULL) != 0) {
		loop_free(l);
		return NULL;
	}
	return l;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	ASSERT(!atomic_load(&l->running));
	while (atomic_load(&l->waking))
		sched_yield();
	if (l->wake)
		event_free(l->wake);
	if (l->base)
		event_base_free(l->base);
	closep(&l->wake_fd);
	pthread_mutex_destroy(&l->mx);
	MAGIC_END(l, LOOP_MAGIC);
	free(l);
}

struct event_base *loop_base(struct loop *l)
{
	ASSERT_IS(l, LOOP_MAGIC);
	return l->base;
}

/* True when the queue was empty, and is closed from now on. */
static bool close_queue(struct loop *l)
{
	bool empty;

	pthread_mutex_lock(&l->mx);
	empty = !l->first;
	if (empty)
		l->ended = true;
	pthread_mutex_unlock(&l->mx);
	return empty;
}

void loop_run(struct loop *l)
{
	ASSERT_IS(l, LOOP_MAGIC);
	ASSERT(!current && !atomic_load(&l->running));
	current = l;
	atomic_store(&l->running, true);
	pthread_mutex_lock(&l->mx);
	l->ended = false;
	pthread_mutex_unlock(&l->mx);
	event_base_loop(l->base, EVLOOP_NO_EXIT_ON_EMPTY);
	pthread_mutex_lock(&l->mx);
	l->stopping = false;
	pthread_mutex_unlock(&l->mx);
	/* What was posted before the stop, or by such a task, still runs: somebody may be waiting for it. */
	while (!close_queue(l))
		run_tasks(take_tasks(l));
	atomic_store(&l->running, false);
	current = NULL;
}

void loop_stop(struct loop *l)
{
	ASSERT_IS(l, LOOP_MAGIC);
	pthread_mutex_lock(&l->mx);
	l->stopping = true;
	wake(l);
	pthread_mutex_unlock(&l->mx);
}

bool loop_is_current(const struct loop *l)
{
	return current == l;
}

bool loop_is_mine(const struct loop *l)
{
	return current == l || !atomic_load(&l->running);
}

bool thread_may_wait(void)
{
	return current == NULL;
}

/* False when the loop has ended; nothing is queued then. Without a thread to run it, a task can only be dropped: the
 * structure it stands in may be gone by the time anyone looked. */
static bool post(struct loop *l, struct loop_task *t, void (*fn)(void *), void *arg)
{
	bool first, accepted;

	ASSERT(fn);
	ASSERT_IS(l, LOOP_MAGIC);
	*t = (struct loop_task){.fn = fn, .arg = arg};
	pthread_mutex_lock(&l->mx);
	accepted = !l->ended;
	first = accepted && !l->first;
	if (accepted) {
		*l->end = t;
		l->end = &t->next;
	}
	/* Only the first of a batch wakes. Behind the lock, which the loop, once awake, would wait for at once. */
	if (first)
		atomic_fetch_add(&l->waking, 1);
	pthread_mutex_unlock(&l->mx);
	if (first) {
		wake(l);
		atomic_fetch_sub(&l->waking, 1);
	}
	return accepted;
}

void loop_post(struct loop *l, struct loop_task *t, void (*fn)(void *), void *arg)
{
	post(l, t, fn, arg);
}

struct call {
	int (*fn)(void *arg);
	void *arg;
	int result;
	sem_t done; /* not a condition: its waiter wakes without a lock to wait for */
};

static void run_call(void *arg)
{
	struct call *c = arg;

	c->result = c->fn(c->arg);
	sem_post(&c->done); /* the caller's stack frame may be gone from here on */
}

int loop_call(struct loop *l, int (*fn)(void *), void *arg)
{
	struct call c = {.fn = fn, .arg = arg};
	struct loop_task task;

	ASSERT(fn);
	if (loop_is_current(l))
		return fn(arg);
	ASSERT(thread_may_wait());
	sem_init(&c.done, 0, 0);
	if (!post(l, &task, run_call, &c)) {
		sem_destroy(&c.done);
		return fn(arg); /* the loop has ended: nothing runs beside us */
	}
	while (sem_wait(&c.done) != 0)
		;
	sem_destroy(&c.done);
	return c.result;
}

static void on_hook(evutil_socket_t fd, short what, void *arg)
{
	struct loop_hook *h = arg;

	ASSERT_IS(h, HOOK_MAGIC);
	(void)fd;
	(void)what;
	h->fn(h->arg);
}

struct loop_hook *loop_hook_new(struct loop *l, void (*fn)(void *), void *arg)
{
	struct loop_hook *h = xcalloc(1, sizeof(*h));

	MAGIC_SET(h, HOOK_MAGIC);
	ASSERT(fn && loop_is_mine(l));
	h->fn = fn;
	h->arg = arg;
	h->ev = event_new(l->base, -1, 0, on_hook, h);
	if (!h->ev)
		abort();
	return h;
}

void loop_hook_free(struct loop_hook *h)
{
	if (!h)
		return;
	event_free(h->ev);
	MAGIC_END(h, HOOK_MAGIC);
	free(h);
}

void loop_hook_raise(struct loop_hook *h)
{
	ASSERT_IS(h, HOOK_MAGIC);
	/* Everything ready in this pass is already in libevent's active list; the hook goes to its end, once. */
	event_active(h->ev, EV_TIMEOUT, 1);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct loop_timer *t = arg;

	ASSERT_IS(t, TIMER_MAGIC);
	(void)fd;
	(void)what;
	t->fn(t->arg);
}

struct loop_timer *loop_timer_new(struct loop *l, int64_t every_ms, void (*fn)(void *), void *arg)
{
	struct loop_timer *t = xcalloc(1, sizeof(*t));
	struct timeval tv;

	MAGIC_SET(t, TIMER_MAGIC);
	ASSERT(fn && loop_is_mine(l));
	every_ms = MAX(every_ms, INT64_C(1));
	tv = (struct timeval){.tv_sec = every_ms / 1000, .tv_usec = (every_ms % 1000) * 1000};
	t->fn = fn;
	t->arg = arg;
	t->ev = event_new(l->base, -1, EV_PERSIST, on_timer, t);
	if (!t->ev || event_add(t->ev, &tv) != 0)
		abort();
	return t;
}

void loop_timer_free(struct loop_timer *t)
{
	if (!t)
		return;
	event_free(t->ev);
	MAGIC_END(t, TIMER_MAGIC);
	free(t);
}
