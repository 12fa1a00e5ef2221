/*
 * output.h - where the events of an answer go: into the log of a stored turn (turnlog.h); of one that has no row of its own, into
 * frames in memory and on to whoever listens.
 */
#pragma once

#include "turn/frames.h"

struct gen_sink;
struct turn;

struct output {
	struct frames frames; /* all events so far of an answer without a log; the loop's while some may come */
	/* Is given each of these, on the loop. Negative ends the answer. */
	int (*pass)(struct turn *t, enum event_type type, const char *json, size_t n);
};

/* An event behind the last one, by the turn's sink; `on_loop`: who calls is the loop's thread. Negative: it cannot be kept, or
 * nobody takes it. */
int turn_put(struct gen_sink *s, bool on_loop, enum event_type type, const char *json, size_t n) MUST_CHECK;
/* The same from any thread. */
int turn_event(struct turn *t, enum event_type type, const struct buf *json) MUST_CHECK;

/* All events so far. For the turn's own thread, while nothing of it runs. */
const struct frames *turn_frames(struct turn *t);
