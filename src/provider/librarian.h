/*
 * librarian.h - the Librarian's way to the manual. Its text stands in the store, which this floor does not see: whoever
 * has both hands the search in, once. Without one the Librarian answers, too, but finds nothing.
 */
#pragma once

#include "base/arena.h"

struct providers;

struct manual_passage {
	const char *title, *heading, *body, *url; /* NULL is "" */
};

/* At most `limit` passages for a question, the best first, in the arena. On the thread of the call, which may wait. */
typedef int (*manual_search_fn)(void *arg, const char *query, size_t limit, struct arena *a,
	struct manual_passage **ret, size_t *ret_n, struct err *e);

/* Before the first call; `arg` lives as long as the providers. */
void librarian_set_manual(struct providers *ps, manual_search_fn search, void *arg);
