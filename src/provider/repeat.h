/* repeat.h - small models fall into writing the same few lines for ever: noticing it. */
#pragma once

#include "base/base.h"

enum { REPEAT_WINDOW = 8192, REPEAT_PERIOD_MAX = REPEAT_WINDOW / 8, REPEAT_DATA = 8 * REPEAT_WINDOW };

struct repeat {
	char *tail;   /* the last REPEAT_WINDOW bytes, made when an answer has become longer than that; NULL: not yet */
	size_t n;     /* bytes in it */
	size_t total; /* of the answer */
	size_t next;  /* the total at which it is checked again */
	size_t repeated; /* bytes up to the last check that were one text over and over */
	bool found;
};

/* Takes a piece of the answer. `found` once the last 8 KiB, of figures 64 KiB, are nothing but one text of at most 1 KiB,
 * over and over. */
void repeat_add(struct repeat *r, const char *p, size_t n);
void repeat_done(struct repeat *r);
