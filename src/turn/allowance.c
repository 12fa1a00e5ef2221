/* allowance.c - see allowance.h. */
#include "turn/allowance.h"

void allowance_init(struct allowance *b, struct allowance *above, const int64_t limit[ALLOWED_KINDS], int64_t now_ms)
{
	*b = (struct allowance){.above = above, .began_ms = now_ms};
	for (int k = 0; k < ALLOWED_KINDS; k++)
		b->limit[k] = MAX(limit[k], INT64_C(0));
}

void allowance_spend(struct allowance *b, enum allowance_kind kind, int64_t amount)
{
	for (; amount > 0 && b; b = b->above)
		atomic_fetch_add(&b->spent[kind], amount);
}

void allowance_wait(struct allowance *b, int64_t ms)
{
	for (; b; b = b->above)
		atomic_fetch_sub(&b->spent[ALLOWED_TIME], ms);
}

int64_t allowance_used(const struct allowance *b, enum allowance_kind kind, int64_t now_ms)
{
	int64_t before = atomic_load(&b->spent[kind]);

	return kind == ALLOWED_TIME ? before + MAX(now_ms - b->began_ms, INT64_C(0)) : before;
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

int allowance_over(const struct allowance *b, int64_t now_ms)
{
	for (; b; b = b->above)
		for (int k = 0; k < ALLOWED_KINDS; k++)
			if (b->limit[k] && allowance_used(b, (enum allowance_kind)k, now_ms) >= b->limit[k])
				return k;
	return -1;
}
