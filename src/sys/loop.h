/*
 * loop.h - the event loop: one thread that owns all sockets and timers (libevent). It never blocks.
 */
#pragma once

#include "base/base.h"

struct loop;
struct event_base;

struct loop *loop_new(void);
void loop_free(struct loop *l);
struct event_base *loop_base(struct loop *l);

/* Runs on the calling thread, which is the loop's thread from now on, until loop_stop(), which may come before; tasks
 * posted until then still run. A task posted after the return is never run. */
void loop_run(struct loop *l);
void loop_stop(struct loop *l); /* any thread */
bool loop_is_current(const struct loop *l);

/* What may be asserted: this thread may touch what belongs to the loop (it is the loop's, or there is none yet or any more);
 * this thread may wait (it is no loop's). */
bool loop_is_mine(const struct loop *l);
bool thread_may_wait(void);

/*
 * Runs fn(arg) on the loop's thread soon, in the order posted. Any thread, never blocks, never fails; the task is
 * embedded in the caller's structure and may be reused once fn has begun.
 */
struct loop_task {
	void (*fn)(void *arg);
	void *arg;
	struct loop_task *next;
};
void loop_post(struct loop *l, struct loop_task *t, void (*fn)(void *), void *arg);

/* Runs fn(arg) on the loop's thread and waits for its result (also for loop_run to begin); direct when called there, or
 * when loop_run has returned. */
int loop_call(struct loop *l, int (*fn)(void *), void *arg);

/*
 * A hook that runs once at the end of the present turn of the loop after loop_hook_raise(), however often it was
 * raised: the place to write once for all that happened. Loop thread only.
 */
struct loop_hook;
struct loop_hook *loop_hook_new(struct loop *l, void (*fn)(void *), void *arg);
void loop_hook_free(struct loop_hook *h);
void loop_hook_raise(struct loop_hook *h);

/* A repeating timer. Loop thread only (or before loop_run). */
struct loop_timer;
struct loop_timer *loop_timer_new(struct loop *l, int64_t every_ms, void (*fn)(void *), void *arg);
void loop_timer_free(struct loop_timer *t);
