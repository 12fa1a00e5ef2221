/* repeats.c - whether a passage says what another one has said: nearly the same words, in whatever order or case. */
#include "rag/repeats.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#define ALIKE 0.9 /* of the words of both together */
#define FEW   8   /* words: so short ones are alike by chance */

static int by_hash(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Each word once. Letters beyond ASCII are taken as they are written. */
int said_of(const char *text, struct arena *a, struct said *ret)
{
	size_t room = strlen(text) / 2 + 1, n = 0, kept = 0;
	uint64_t *words = ARENA_ARRAY(a, uint64_t, room);

	if (!words)
		return -ENOMEM;
	for (const unsigned char *p = (const unsigned char *)text; *p;) {
		uint64_t hash = 0xcbf29ce484222325u;
		const unsigned char *first = p;
		for (; isalnum(*p) || *p >= 0x80; p++)
			hash = (hash ^ (uint64_t)tolower(*p)) * 0x100000001b3u;
		if (p > first)
			words[n++] = hash;
		else
			p++;
	}
	if (n > 1)
		qsort(words, n, sizeof(*words), by_hash);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || words[kept - 1] != words[i])
			words[kept++] = words[i];
	*ret = (struct said){words, kept};
	return 0;
}

bool said_alike(const struct said *x, const struct said *y)
{
	size_t both = 0;

	if (x->n < FEW || y->n < FEW)
		return x->n == y->n && x->n > 0 && memcmp(x->words, y->words, x->n * sizeof(*x->words)) == 0;
	for (size_t i = 0, k = 0; i < x->n && k < y->n;) {
		uint64_t of_x = x->words[i], of_y = y->words[k];
		both += of_x == of_y;
		i += of_x <= of_y;
		k += of_y <= of_x;
	}
	return (double)both >= ALIKE * (double)(x->n + y->n - both);
}
