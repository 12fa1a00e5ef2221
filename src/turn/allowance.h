/*
 * allowance.h - what an answer may take, and what it has taken: steps (times that tools are run), tokens, money, time. What is called
 * as a tool and is an answer itself spends from its own budget and from that of who called it, so that it ends with whichever is
 * used up first. Any thread.
 */
#pragma once

#include <stdatomic.h>

#include "base/base.h"

enum allowance_kind { ALLOWED_STEPS, ALLOWED_TOKENS, ALLOWED_MONEY, ALLOWED_TIME, ALLOWED_KINDS };

struct allowance {
	struct allowance *above;              /* that it is a part of; NULL: of none */
	int64_t limit[ALLOWED_KINDS];         /* money in micro-units of the currency, time in ms; 0: none of its own */
	_Atomic int64_t spent[ALLOWED_KINDS]; /* of the time: what had passed before `began_ms` */
	int64_t began_ms;                     /* monotonic */
	unsigned paused;                      /* so many wait for a person, since */
	int64_t paused_ms;
};

void allowance_init(struct allowance *b, struct allowance *above, const int64_t limit[ALLOWED_KINDS], int64_t now_ms);

/* Here and above. Nothing is taken back: an amount below 0 is 0. */
void allowance_spend(struct allowance *b, enum allowance_kind kind, int64_t amount);

/* A person is waited for, here and above: that is no time of its own. */
void allowance_pause(struct allowance *b, int64_t now_ms);
void allowance_go_on(struct allowance *b, int64_t now_ms);

int64_t allowance_used(const struct allowance *b, enum allowance_kind kind, int64_t now_ms);

/* What it ends with: its own limit, or what it has used and what is left above, whichever is less. 0: none. */
int64_t allowance_limit(const struct allowance *b, enum allowance_kind kind, int64_t now_ms);

/* How long it is until its time is used up, here or above; at most 0: it is; INT64_MAX: never. */
int64_t allowance_time_left(const struct allowance *b, int64_t now_ms);

/* The first kind of which nothing is left, here or above; negative: of all there is some. */
int allowance_over(const struct allowance *b, int64_t now_ms);
