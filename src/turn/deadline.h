/* deadline.h - ends what takes longer than a budget has time for. Any thread. */
#pragma once

#include "sys/cancel.h"
#include "turn/allowance.h"

/* A place of whoever waits, until deadline_end. When `budget` has had no time left for `grace_ms` it is fired with E_BUDGET. */
struct deadline {
	const struct allowance *budget;
	int64_t grace_ms;
	struct cancel *cancel;
	struct deadline *next;
};

struct deadlines;
struct deadlines *deadlines_new(void);
void deadlines_free(struct deadlines *all); /* when nobody waits; NULL: nothing */

/* Without memory for the thread that looks at the clock nothing is ended. */
void deadline_begin(struct deadlines *all, struct deadline *d);
/* When it returns `cancel` is not touched any more. */
void deadline_end(struct deadlines *all, struct deadline *d);
