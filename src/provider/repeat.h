/* repeat.h - small models fall into writing the same few lines for ever: noticing it. */
#pragma once

#include "base/base.h"

enum {
	REPEAT_WINDOW = 8192,
	REPEAT_PERIOD_MAX = REPEAT_WINDOW / 8,
	REPEAT_DATA = 8 * REPEAT_WINDOW,
	REPEAT_COUNTED = 40 * REPEAT_WINDOW
};

struct counted;

struct repeat {
	char *tail;   /* the last REPEAT_WINDOW bytes, made when an answer has become longer than that; NULL: not yet */
	size_t n;     /* bytes in it */
	size_t total; /* of the answer */
	size_t next;  /* the total at which it is checked again */
	size_t repeated;         /* bytes up to the last check that were one text over and over */
	struct counted *counted; /* made for long answers alone; NULL: not yet */
	bool found;
	bool counts; /* and what is found goes on counting */
};

/* Takes a piece of the answer. `found` once the last 8 KiB, of figures 64 KiB, are nothing but one text of at most 1 KiB,
 * over and over; or the last 320 KiB one whose numbers alone change, each by the same step. */
void repeat_add(struct repeat *r, const char *p, size_t n);
void repeat_done(struct repeat *r);
