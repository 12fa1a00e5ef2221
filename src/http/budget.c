/* budget.c - the common memory of bodies. */
#include "http/budget.h"

#include "http/server.h"

void budget_init(struct budget *b, size_t max, size_t max_unknown)
{
	*b = (struct budget){.max = max, .max_unknown = MIN(max, max_unknown)};
	pthread_mutex_init(&b->mx, NULL);
}

void budget_done(struct budget *b)
{
	pthread_mutex_destroy(&b->mx);
}

static bool is_known(uint64_t who)
{
	return (who & HTTP_KNOWN) != 0;
}

static size_t *used_by(struct budget *b, uint64_t who)
{
	return &b->used_by[is_known(who)][who % BUDGET_COUNTERS];
}

/* Of `left` and what one has already, a part. */
static bool fits_share(size_t n, size_t left, size_t mine, size_t part)
{
	return n <= left && mine + n <= (left + mine) / part;
}

/* Held: the lock. */
static bool fits(struct budget *b, size_t n, uint64_t who)
{
	size_t left = b->max - b->used, mine = *used_by(b, who);

	ASSERT(b->used <= b->max && b->used_unknown <= b->max_unknown && mine <= b->used);
	if (who == HTTP_KNOWN)
		return n <= left;
	if (is_known(who))
		return fits_share(n, left, mine, BUDGET_PERSONS_PART);
	return n <= left && fits_share(n, b->max_unknown - b->used_unknown, mine, BUDGET_FREE_PART);
}

bool budget_take(struct budget *b, size_t n, uint64_t who)
{
	bool ok;

	pthread_mutex_lock(&b->mx);
	ok = fits(b, n, who);
	if (ok) {
		b->used += n;
		b->used_unknown += is_known(who) ? 0 : n;
		*used_by(b, who) += n;
	}
	pthread_mutex_unlock(&b->mx);
	return ok;
}

void budget_give(struct budget *b, size_t n, uint64_t who)
{
	pthread_mutex_lock(&b->mx);
	ASSERT(n <= *used_by(b, who) && n <= b->used); /* what is given back was taken */
	ASSERT(is_known(who) || n <= b->used_unknown);
	b->used -= n;
	b->used_unknown -= is_known(who) ? 0 : n;
	*used_by(b, who) -= n;
	pthread_mutex_unlock(&b->mx);
}
