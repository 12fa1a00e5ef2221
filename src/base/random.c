/* random.c - each thread's small store of random bytes. */
#include "base/random.h"

#include <sys/random.h>

enum { STORE = 256 }; /* up to here they come whole or not at all, and only a kernel without the call refuses */

void random_fill(void *p, size_t n)
{
	static _Thread_local struct {
		unsigned char bytes[STORE];
		size_t left;
	} store;

	ASSERT(n <= STORE / 4); /* as random.h says; the rest of the store is thrown away for it */
	if (store.left < n) {
		if (getrandom(store.bytes, STORE, 0) != STORE)
			abort();
		store.left = STORE;
	}
	store.left -= n;
	memcpy(p, store.bytes + store.left, n);
}
