/* budget.c - the common memory of bodies. */
#include "http/budget.h"

void budget_init(struct budget *b, size_t max, size_t max_unknown)
{
	*b = (struct budget){.max = max, .max_unknown = MIN(max, max_unknown)};
	pthread_mutex_init(&b->mx, NULL);
}

void budget_done(struct budget *b)
{
	pthread_mutex_destroy(&b->mx);
}

/* Held: the lock. */
static bool fits_stranger(const struct budget *b, size_t n, size_t used_by)
{
	size_t left = b->max_unknown - b->used_unknown;

	return n <= left && used_by + n <= (left + used_by) / BUDGET_FREE_PART;
}

bool budget_take(struct budget *b, size_t n, uint64_t stranger)
{
	size_t *used_by = &b->used_by[stranger % BUDGET_COUNTERS];
	bool fits;

	pthread_mutex_lock(&b->mx);
	fits = n <= b->max - b->used && (!stranger || fits_stranger(b, n, *used_by));
	if (fits) {
		b->used += n;
		b->used_unknown += stranger ? n : 0;
		*used_by += stranger ? n : 0;
	}
	pthread_mutex_unlock(&b->mx);
	return fits;
}

void budget_give(struct budget *b, size_t n, uint64_t stranger)
{
	pthread_mutex_lock(&b->mx);
	ASSERT(n <= b->used && (!stranger || n <= b->used_unknown)); /* what is given back was taken */
	b->used -= n;
	b->used_unknown -= stranger ? n : 0;
	b->used_by[stranger % BUDGET_COUNTERS] -= stranger ? n : 0;
	pthread_mutex_unlock(&b->mx);
}
