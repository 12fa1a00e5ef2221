/*
 * throttle.h - slowing down who guesses, and who asks too much. Tables in memory with a fixed number of places: when a
 * place is needed the one unused for longest gives way. Time is given by the caller. Any thread.
 */
#pragma once

#include "base/base.h"

/* ---- failures: after `limit` of them each further one doubles the wait: 2, 4, 8 ... 300 seconds ---- */

struct throttle;

struct throttle *throttle_new(void);
void throttle_free(struct throttle *t);
DEFINE_CLEANUP(struct throttle, throttle_free)

/*
 * Asks for one try of what `what` names (any text). 0: go on, and the try counts as failed until throttle_forgive, so
 * that tries made at the same time cannot slip through together. Else the seconds to wait.
 */
int throttle_try(struct throttle *t, const char *what, int64_t limit, int64_t now_ms) MUST_CHECK;

/* The try was a good one: forgets all failures, or (`all` false) takes back the one try. */
void throttle_forgive(struct throttle *t, const char *what, bool all);

/* ---- requests: a bucket per key that fills with `per_minute` and holds as many ---- */

struct buckets;

struct buckets *buckets_new(void);
void buckets_free(struct buckets *b);
DEFINE_CLEANUP(struct buckets, buckets_free)

/* 0, or the seconds until the next one is there. */
int buckets_take(struct buckets *b, int64_t key, int64_t per_minute, int64_t now_ms) MUST_CHECK;
