/*
 * line.h - the line before the password check. Each check costs 64 MiB and a tenth of a second of a core, for whoever asks;
 * so few are made at once, and those who wait are taken in turn by where they come from: whoever sends many waits behind
 * his own, everybody else behind one of his; who is signed in is a group of their own. A group that has asked a lot is also paced. People on known devices do not
 * stand in one line with strangers.
 */
#pragma once

#include "sys/pool.h"

struct line;

struct line_config {
	unsigned threads;
	unsigned max_waiting; /* of strangers, and of the known, each */
	unsigned per_group;   /* less when many wait: nobody can fill the line alone */
	unsigned burst;       /* checks of a group before it is paced ... */
	int64_t pace_ms;      /* ... to one in this time */
};

/* Of one address more wait than a vandal opens connections without thought: who has the right password gets in behind them. */
#define LINE_OF_PASSWORDS                                                                                              \
	{                                                                                                              \
		.threads = 2, .max_waiting = 1024, .per_group = 64, .burst = 30, .pace_ms = 250                        \
	}

int line_new(const struct line_config *c, struct line **ret) MUST_CHECK;

/*
 * Runs fn(arg) on one of the line's threads when its turn has come; `task` is embedded in the caller's structure. `group`
 * names where it comes from; of one group one runs at a time. E_BUSY: too many wait; E_STOPPING. Any thread, does not block.
 */
int line_submit(struct line *l, struct pool_task *task, struct str group, bool known, void (*fn)(void *arg),
	void *arg) MUST_CHECK;

/* Takes nothing more, runs what waits without a pause and joins the threads. */
void line_stop(struct line *l);
void line_free(struct line *l); /* stops first; NULL is fine */
