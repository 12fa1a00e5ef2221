/*
 * throttle.h - how much somebody may still do: a meter gives each of the things that it is asked about so many at once, and
 * further ones as time goes by. Time is the caller's, monotonic microseconds; when it steps back, nobody waits longer than
 * a fresh meter would let them. Any thread.
 *
 * The memory of a meter is fixed. When room is needed, what has least to remember gives way: a flood of new names pushes
 * out other new names, and not those that have used up what they had.
 */
#pragma once

#include "base/base.h"

struct meter;

struct rate {
	int64_t burst;   /* so many at once */
	int64_t each_us; /* and one more after each such time */
};

struct meter *meter_new(unsigned rows); /* of 8 places; 16 bytes each */
void meter_free(struct meter *m);
DEFINE_CLEANUP(struct meter, meter_free)

/* Takes one for what `what` names (any bytes). 0: taken; else the microseconds until there is one again. */
int64_t meter_take(struct meter *m, struct str what, struct rate r, int64_t now_us) MUST_CHECK;

void meter_give_back(struct meter *m, struct str what, struct rate r); /* one */
void meter_forget(struct meter *m, struct str what);                   /* all that was taken */
