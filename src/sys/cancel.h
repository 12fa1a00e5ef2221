/*
 * cancel.h - one object that ends whatever a turn waits for. Firing it is the only call from outside into a running
 * turn. Everything that waits registers a hook, returns -ECANCELED, and scopes unwind.
 */
#pragma once

#include <pthread.h>

#include "base/err.h"

struct cancel_hook {
	void (*fn)(void *arg); /* called once, on the firing thread, with the lock held: only wake something */
	void *arg;
	struct cancel_hook *next;
};

/* Any thread. Whoever has it sees to it that nobody waits by it or has a hook in it when it goes. */
struct cancel {
	pthread_mutex_t mx; /* of all below; held while hooks are called */
	pthread_cond_t cv;
	int reason; /* 0: not fired; else the error: E_CANCELED, E_STOPPING, E_STORAGE ... */
	struct cancel_hook *hooks;
};

void cancel_init(struct cancel *c);
void cancel_done(struct cancel *c);

/* Any thread; the first reason (an error code) stays. */
void cancel_fire(struct cancel *c, int reason);

/* 0, or the reason. */
int cancel_reason(struct cancel *c);

/* Registers a hook; a fired cancel refuses with -ECANCELED (the hook is then not called). cancel_off removes it and
 * returns only when it is certain not to be running. */
int cancel_on(struct cancel *c, struct cancel_hook *h, void (*fn)(void *), void *arg) MUST_CHECK;
void cancel_off(struct cancel *c, struct cancel_hook *h);

/* Fires `to` with the reason of `from`, when that is fired or has been, until cancel_unlink. */
struct cancel_link {
	struct cancel_hook hook;
	struct cancel *from, *to;
};
void cancel_link(struct cancel_link *l, struct cancel *from, struct cancel *to);
void cancel_unlink(struct cancel_link *l);

/* Sleeps; 0 when the time is over, -ECANCELED when fired before. */
int cancel_sleep(struct cancel *c, int64_t ms) MUST_CHECK;
