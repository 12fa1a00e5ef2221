/* allowance.c - see allowance.h. */
#include "turn/allowance.h"

#include <pthread.h>

/* Guards what is paused, of all: it is touched when a person is asked, and looked at once a round. */
static pthread_mutex_t pauses = PTHREAD_MUTEX_INITIALIZER;

void allowance_init(struct allowance *b, struct allowance *above, const int64_t limit[ALLOWED_KINDS], int64_t now_ms)
{
	ASSERT(b != above);
	*b = (struct allowance){.above = above, .began_ms = now_ms};
	for (int k = 0; k < ALLOWED_KINDS; k++)
		b->limit[k] = MAX(limit[k], INT64_C(0));
}

void allowance_spend(struct allowance *b, enum allowance_kind kind, int64_t amount)
{
	ASSERT((int)kind < ALLOWED_KINDS);
	for (; amount > 0 && b; b = b->above)
		atomic_fetch_add(&b->spent[kind], amount);
}

void allowance_pause(struct allowance *b, int64_t now_ms)
{
	pthread_mutex_lock(&pauses);
	for (; b; b = b->above)
		if (b->paused++ == 0)
			b->paused_ms = now_ms;
	pthread_mutex_unlock(&pauses);
}

void allowance_go_on(struct allowance *b, int64_t now_ms)
{
	pthread_mutex_lock(&pauses);
	for (; b; b = b->above) {
		ASSERT(b->paused > 0);
		if (--b->paused == 0)
			atomic_fetch_sub(&b->spent[ALLOWED_TIME], now_ms - b->paused_ms);
	}
	pthread_mutex_unlock(&pauses);
}

int64_t allowance_used(const struct allowance *b, enum allowance_kind kind, int64_t now_ms)
{
	int64_t used;

	if (kind != ALLOWED_TIME)
		return atomic_load(&b->spent[kind]);
	pthread_mutex_lock(&pauses);
	used = atomic_load(&b->spent[kind]) + (b->paused ? b->paused_ms : now_ms) - b->began_ms;
	pthread_mutex_unlock(&pauses);
	return MAX(used, INT64_C(0));
}

int64_t allowance_limit(const struct allowance *b, enum allowance_kind kind, int64_t now_ms)
{
	int64_t used = allowance_used(b, kind, now_ms), least = b->limit[kind];

	for (const struct allowance *up = b->above; up; up = up->above) {
		if (!up->limit[kind])
			continue;
		int64_t rest = MAX(up->limit[kind] - allowance_used(up, kind, now_ms), INT64_C(0));
		least = least ? MIN(least, used + rest) : used + rest;
		least = MAX(least, INT64_C(1)); /* nothing is left: 0 would say that there is no limit */
	}
	return least;
}

int64_t allowance_time_left(const struct allowance *b, int64_t now_ms)
{
	int64_t left = INT64_MAX;

	for (; b; b = b->above)
		if (b->limit[ALLOWED_TIME])
			left = MIN(left, b->limit[ALLOWED_TIME] - allowance_used(b, ALLOWED_TIME, now_ms));
	return left;
}

int allowance_over(const struct allowance *b, int64_t now_ms)
{
	for (; b; b = b->above)
		for (int k = 0; k < ALLOWED_KINDS; k++)
			if (b->limit[k] && allowance_used(b, (enum allowance_kind)k, now_ms) >= b->limit[k])
				return k;
	return -1;
}
