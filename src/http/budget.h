/*
 * budget.h - the memory that all unfinished and unanswered bodies may take together. Any thread, no lock is held long.
 */
#pragma once

#include <pthread.h>

#include "base/base.h"

struct budget {
	pthread_mutex_t mx;
	size_t max, max_unknown;
	size_t used, used_unknown; /* bytes; of clients whose identity is not known, also part of `used` */
};

void budget_init(struct budget *b, size_t max, size_t max_unknown);
void budget_done(struct budget *b);
bool budget_take(struct budget *b, size_t n, bool unknown) MUST_CHECK; /* false: there is no room, nothing is taken */
void budget_give(struct budget *b, size_t n, bool unknown);
