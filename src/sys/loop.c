/* loop.c - libevent's loop with a queue of posted tasks, hooks at the end of a pass, and timers. */
#include "sys/loop.h"

#include <event2/event.h>
#include <event2/thread.h>
#include <pthread.h>
#include <sys/time.h>

struct loop {
	struct event_base *base;
	struct event *wake; /* runs the posted tasks; made active from any thread */
	struct event *stop;
	pthread_mutex_t mx; /* guards what follows */
	struct loop_task *first, **end;
	bool ended; /* loop_run has returned: nobody runs tasks any more */
};

struct loop_hook {
	struct event *ev;
	void (*fn)(void *arg);
	void *arg;
};

struct loop_timer {
	struct event *ev;
	void (*fn)(void *arg);
	void *arg;
};

static _Thread_local const struct loop *current;

static void use_threads(void)
{
	if (evthread_use_pthreads() != 0)
		abort();
}

static struct loop_task *take_tasks(struct loop *l)
{
	struct loop_task *first;

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

		fn(arg);
		t = next;
	}
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	run_tasks(take_tasks(arg));
}

static void on_stop(evutil_socket_t fd, short what, void *arg)
{
	struct loop *l = arg;

	(void)fd;
	(void)what;
	event_base_loopexit(l->base, NULL);
}

struct loop *loop_new(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct loop *l = xcalloc(1, sizeof(*l));

	pthread_once(&once, use_threads);
	pthread_mutex_init(&l->mx, NULL);
	l->end = &l->first;
	l->base = event_base_new();
	if (l->base) {
		l->wake = event_new(l->base, -1, 0, on_wake, l);
		l->stop = event_new(l->base, -1, 0, on_stop, l);
	}
	if (!l->wake || !l->stop) {
		loop_free(l);
		return NULL;
	}
	return l;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	if (l->wake)
		event_free(l->wake);
	if (l->stop)
		event_free(l->stop);
	if (l->base)
		event_base_free(l->base);
	pthread_mutex_destroy(&l->mx);
	free(l);
}

struct event_base *loop_base(struct loop *l)
{
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
	current = l;
	pthread_mutex_lock(&l->mx);
	l->ended = false;
	pthread_mutex_unlock(&l->mx);
	event_base_loop(l->base, EVLOOP_NO_EXIT_ON_EMPTY);
	/* What was posted before the stop, or by such a task, still runs: somebody may be waiting for it. */
	while (!close_queue(l))
		run_tasks(take_tasks(l));
	current = NULL;
}

void loop_stop(struct loop *l)
{
	event_active(l->stop, EV_TIMEOUT, 1);
}

bool loop_is_current(const struct loop *l)
{
	return current == l;
}

/* False when the loop has ended; nothing is queued then. Without a thread to run it, a task can only be dropped: the
 * structure it stands in may be gone by the time anyone looked. */
static bool post(struct loop *l, struct loop_task *t, void (*fn)(void *), void *arg)
{
	bool first, accepted;

	*t = (struct loop_task){.fn = fn, .arg = arg};
	pthread_mutex_lock(&l->mx);
	accepted = !l->ended;
	first = accepted && !l->first;
	if (accepted) {
		*l->end = t;
		l->end = &t->next;
	}
	/* Only the first of a batch wakes; within the lock, so that the loop cannot end and be freed in between. */
	if (first)
		event_active(l->wake, EV_TIMEOUT, 1);
	pthread_mutex_unlock(&l->mx);
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
	bool done;
	pthread_mutex_t mx;
	pthread_cond_t cv;
};

static void run_call(void *arg)
{
	struct call *c = arg;
	int r = c->fn(c->arg);

	/* The caller's stack frame lives until it has seen `done`, and it looks under the lock. */
	pthread_mutex_lock(&c->mx);
	c->result = r;
	c->done = true;
	pthread_cond_signal(&c->cv);
	pthread_mutex_unlock(&c->mx);
}

int loop_call(struct loop *l, int (*fn)(void *), void *arg)
{
	struct call c = {.fn = fn, .arg = arg, .mx = PTHREAD_MUTEX_INITIALIZER, .cv = PTHREAD_COND_INITIALIZER};
	struct loop_task task;

	if (loop_is_current(l))
		return fn(arg);
	if (!post(l, &task, run_call, &c))
		return fn(arg); /* the loop has ended: nothing runs beside us */
	pthread_mutex_lock(&c.mx);
	while (!c.done)
		pthread_cond_wait(&c.cv, &c.mx);
	pthread_mutex_unlock(&c.mx);
	pthread_cond_destroy(&c.cv);
	pthread_mutex_destroy(&c.mx);
	return c.result;
}

static void on_hook(evutil_socket_t fd, short what, void *arg)
{
	struct loop_hook *h = arg;

	(void)fd;
	(void)what;
	h->fn(h->arg);
}

struct loop_hook *loop_hook_new(struct loop *l, void (*fn)(void *), void *arg)
{
	struct loop_hook *h = xcalloc(1, sizeof(*h));

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
	free(h);
}

void loop_hook_raise(struct loop_hook *h)
{
	/* Everything ready in this pass is already in libevent's active list; the hook goes to its end, once. */
	event_active(h->ev, EV_TIMEOUT, 1);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct loop_timer *t = arg;

	(void)fd;
	(void)what;
	t->fn(t->arg);
}

struct loop_timer *loop_timer_new(struct loop *l, int64_t every_ms, void (*fn)(void *), void *arg)
{
	struct loop_timer *t = xcalloc(1, sizeof(*t));
	struct timeval tv;

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
	free(t);
}
