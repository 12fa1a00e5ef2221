/*
 * frames.h - the events of a turn as the very bytes readers receive (SSE frames), in chunks that never move: what is
 * there may be read by one thread while others read it, as long as nobody adds. A frame lies whole in its chunk, and a
 * chunk is small beside a long log, so the place of an event is found without reading all that stands before it.
 */
#pragma once

#include "base/event.h"

struct chunk {
	struct chunk *next;
	uint64_t first_seq; /* number of its first frame */
	size_t n, room;     /* bytes */
	char *p;
};

struct frames {
	struct chunk *first, *last;
	uint64_t last_seq; /* number of the last frame; 0: none */
	size_t bytes, max;
	char *flat; /* what all chunks are parts of; NULL: each holds its own bytes */
};

#define FRAMES_INIT(limit) ((struct frames){.max = (limit)})

void frames_done(struct frames *f); /* frees; also the cleanup function */

/* Adds the event behind the last one. E_TOO_LARGE, -ENOMEM: nothing is added. */
int frames_add(struct frames *f, enum event_type type, const char *json, size_t n) MUST_CHECK;

/* Adds a frame as it is, whose number is `seq`. */
int frames_add_raw(struct frames *f, uint64_t seq, struct str frame) MUST_CHECK;

/* Takes `bytes`, the frames of a log, as they are. E_INVALID when these are no frames. */
int frames_take(struct frames *f, struct buf *bytes) MUST_CHECK;

/* Moves all of `more`, which is numbered on, behind the last frame; never fails. */
void frames_join(struct frames *f, struct frames *more);

/* ---- places ---- */

/* A place between two frames: behind the first `at` bytes of a chunk. NULL: before all. */
struct place {
	struct chunk *chunk;
	size_t at;
};

struct place frames_end(const struct frames *f);
struct place frames_after(const struct frames *f, uint64_t seq); /* behind the frame of that number */

/* The bytes from `from` to the end of its chunk or to `to`, and moves `from` behind them; n 0: there are none. */
struct str frames_next(const struct frames *f, struct place *from, struct place to, size_t most);

/* Drops all that stands behind a place, which was the end when the log had that size and last number. */
void frames_cut(struct frames *f, struct place end, size_t bytes, uint64_t last_seq);
