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

bool budget_take(struct budget *b, size_t n, bool unknown)
{
	bool fits;

	pthread_mutex_lock(&b->mx);
	fits = n <= b->max - b->used && (!unknown || n <= b->max_unknown - b->used_unknown);
	if (fits) {
		b->used += n;
		b->used_unknown += unknown ? n : 0;
	}
	pthread_mutex_unlock(&b->mx);
	return fits;
}

void budget_give(struct budget *b, size_t n, bool unknown)
{
	pthread_mutex_lock(&b->mx);
	b->used -= n;
	b->used_unknown -= unknown ? n : 0;
	pthread_mutex_unlock(&b->mx);
}
