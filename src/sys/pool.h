/*
 * pool.h - threads that run tasks which may block. Threads are made when needed up to a maximum and end after a minute
 * without work, all but `keep`.
 */
#pragma once

#include "base/err.h"

struct pool;

struct pool_config {
	const char *name;   /* thread name, at most 15 characters */
	unsigned keep, max; /* threads */
	unsigned max_queue; /* tasks waiting for a thread */
	size_t stack_bytes; /* 0: the system's default */
	unsigned idle_ms;   /* until a thread without work ends; 0: a minute */
};

struct pool_task {
	void (*fn)(void *arg);
	void *arg;
	int64_t since_ms;
	struct pool_task *next;
};

int pool_new(const struct pool_config *c, struct pool **ret) MUST_CHECK;

/* Any thread. The task is embedded in the caller's structure. E_BUSY when the queue is full or no thread can be made,
 * E_STOPPING after pool_stop. */
int pool_submit(struct pool *p, struct pool_task *t, void (*fn)(void *), void *arg) MUST_CHECK;

int64_t pool_waits_ms(struct pool *p); /* since when the oldest task that waits for a thread does; 0: none */
unsigned pool_busy(struct pool *p);    /* tasks running and waiting */

/* Takes nothing more, finishes what is queued, joins all threads. */
void pool_stop(struct pool *p);
void pool_free(struct pool *p); /* stops first; NULL is fine */
