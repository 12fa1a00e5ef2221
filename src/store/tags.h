/* tags.h - lists of tags as they are kept: JSON arrays of texts, in which none stands twice however it is written. */
#pragma once

#include "base/arena.h"
#include "base/err.h"

enum tags_how { TAGS_SET, TAGS_ADD, TAGS_REMOVE };

/* Changes *list by `what`: the JSON array to set (TAGS_SET), or one tag. The new list is in the arena. E_INVALID when it
 * would have more than `max`. */
int tags_change(
	const char **list, enum tags_how how, const char *what, size_t max, struct arena *a, struct err *e) MUST_CHECK;

/* A tag as it stands in a list, with its quotation marks, to be searched for there; in the arena. NULL: no memory. */
const char *tags_quoted(const char *tag, struct arena *a);

struct tag_count;

/* Each tag of the lists once, by name, with how many have it; in the arena. */
int tags_count(const char *const *lists, size_t n, struct arena *a, struct tag_count **ret, size_t *ret_n) MUST_CHECK;
