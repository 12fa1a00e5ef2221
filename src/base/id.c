/* id.c - identifiers that rise with time. */
#include "base/id.h"

#include <stdatomic.h>

#include "base/clock.h"
#include "base/random.h"

#define EPOCH_MS    INT64_C(1577836800000) /* 2020-01-01T00:00:00Z */
#define RANDOM_BITS 22
#define STEP_MASK   0x3ff

static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
_Static_assert(sizeof(alphabet) - 1 == 32 && ID_LEN * 5 >= 63, "five bits a character, and room for all of them");
_Static_assert((STEP_MASK >> RANDOM_BITS) == 0, "a step stays within a millisecond's share");

atelier_id id_new(void)
{
	static _Atomic int64_t last;
	uint32_t r;

	random_fill(&r, sizeof(r));
	int64_t ms = MAX(clock_now_ms() - EPOCH_MS, INT64_C(1));
	int64_t candidate = (ms << RANDOM_BITS) | (r & ((1u << RANDOM_BITS) - 1));
	int64_t before = atomic_load(&last), next;

	/* Within one millisecond, or when the clock went back, the next is a random step above the last. */
	do {
		next = candidate > before ? candidate : before + 1 + (r & STEP_MASK);
	} while (!atomic_compare_exchange_weak(&last, &before, next));
	return next;
}

atelier_id id_at(int64_t unix_ms)
{
	return MAX(unix_ms - EPOCH_MS, INT64_C(0)) << RANDOM_BITS;
}

void id_format(atelier_id id, char ret[ID_LEN + 1])
{
	uint64_t v = (uint64_t)id;

	for (int i = ID_LEN - 1; i >= 0; i--) {
		ret[i] = alphabet[v & 31];
		v >>= 5;
	}
	ret[ID_LEN] = '\0';
}

bool id_parse(const char *s, size_t n, atelier_id *ret)
{
	uint64_t v = 0;

	if (n != ID_LEN || s[0] > '7')
		return false;
	for (size_t i = 0; i < n; i++) {
		const char *at = s[i] ? strchr(alphabet, s[i]) : NULL;

		if (!at)
			return false;
		v = v << 5 | (uint64_t)(at - alphabet);
	}
	if (v == 0)
		return false;
	*ret = (atelier_id)v;
	return true;
}
