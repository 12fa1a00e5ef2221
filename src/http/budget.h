/*
 * budget.h - the memory that all unfinished and unanswered bodies may take together. Any thread, no lock is held long.
 *
 * Clients whose identity is not known have a little share of it, in which each may have a quarter of what the others leave free:
 * one fills a quarter of the share, a second one three sixteenths, and twenty of them leave room for a login. Of the whole each
 * person may have half of what the others leave free. Who it is is a number: of a stranger one that stands for an address, of a person
 * the id with HTTP_KNOWN; that alone is bound by the whole only. Some share a counter.
 */
#pragma once

#include <pthread.h>

#include "base/base.h"

enum { BUDGET_COUNTERS = 256, BUDGET_FREE_PART = 4, BUDGET_PERSONS_PART = 2 };

/* Any thread. `used` is the sum of what was taken and not given back; a counter is shared by all whose number leads to it. */
struct budget {
	pthread_mutex_t mx; /* of what is used */
	size_t max, max_unknown;
	size_t used, used_unknown;          /* bytes; of strangers, also part of `used` */
	size_t used_by[2][BUDGET_COUNTERS]; /* strangers, persons */
};

void budget_init(struct budget *b, size_t max, size_t max_unknown);
void budget_done(struct budget *b);
bool budget_take(struct budget *b, size_t n, uint64_t who) MUST_CHECK; /* false: there is no room, nothing is taken */
void budget_give(struct budget *b, size_t n, uint64_t who);
