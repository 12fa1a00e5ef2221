/*
 * lost.h - turns that nothing runs: what the last run has left running, and what has begun in this one without anybody being
 * told. Each gets its end, its message is stored, and who follows one is told. One thread has all of a list; the log of
 * each is the loop's.
 */
#pragma once

#include "turn/turn_priv.h"

struct lost {
	struct turn_record record;
	struct frames frames;
	bool waits;                   /* for a tool, or a person: it goes on */
	uint64_t missing;             /* events that the journal has lost */
	struct turnlog *log;          /* the loop's */
	const struct message *before; /* what a message that was continued had; NULL: not loaded */
	bool closed;                  /* the frames have their end */
	bool unsure;                  /* of this run; it has no events */
	int refusals;                 /* by the database */
	bool settled;                 /* under the lock of all */
};

struct lost_turns {
	struct turns *all;
	struct arena arena;
	struct lost *items;
	size_t n;
};

void lost_init(struct lost_turns *l, struct turns *all); /* without any: `items` is from malloc */
void lost_done(struct lost_turns *l);

/* The event that every log begins with. */
int lost_add_start(struct lost *t) MUST_CHECK;

/* Tries until all are stored: 0, or negative when the program stops. Each needs its log. */
int lost_store_all(struct lost_turns *l) MUST_CHECK;
