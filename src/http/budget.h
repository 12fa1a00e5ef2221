/*
 * budget.h - the memory that all unfinished and unanswered bodies may take together. Any thread, no lock is held long.
 *
 * Clients whose identity is not known have a little share of it, in which each may have a quarter of what the others leave free:
 * one fills a quarter of the share, a second one three sixteenths, and twenty of them leave room for a login. A stranger is a number that stands for
 * an address, 0 for somebody who is known. Some strangers share a counter.
 */
#pragma once

#include <pthread.h>

#include "base/base.h"

enum { BUDGET_COUNTERS = 256, BUDGET_FREE_PART = 4 };

struct budget {
	pthread_mutex_t mx;
	size_t max, max_unknown;
	size_t used, used_unknown; /* bytes; of strangers, also part of `used` */
	size_t used_by[BUDGET_COUNTERS];
};

void budget_init(struct budget *b, size_t max, size_t max_unknown);
void budget_done(struct budget *b);
bool budget_take(
	struct budget *b, size_t n, uint64_t stranger) MUST_CHECK; /* false: there is no room, nothing is taken */
void budget_give(struct budget *b, size_t n, uint64_t stranger);
