/* repeats.h - which passages say the same: the same file in two versions, a page that every chapter repeats. */
#pragma once

#include "base/arena.h"

struct said {
	uint64_t *words; /* hashes, sorted, each once */
	size_t n;
};
int said_of(const char *text, struct arena *a, struct said *ret) MUST_CHECK; /* -ENOMEM */
bool said_alike(const struct said *x, const struct said *y);
