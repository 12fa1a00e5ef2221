/* principals.h - whom something can be shared with: groups and people, by their names alone. */
#pragma once

#include "store/rows.h"

struct principal {
	const char *subject; /* "group" or "user", as of a grant */
	atelier_id id;
	const char *name;
	const char *display_name; /* of a person; NULL: none beside the name */
	int64_t rank;             /* with `key` and `id`: its place in the list */
	const char *key;
};

struct principal_list PAGE_OF(struct principal);

/* Groups first, then people, each by name, from behind `after` (NULL: the first) on; `search`: text that one of the names has,
 * "" for any. Neither who asks nor who is disabled is among them. */
int principals_list(struct db_conn *c, atelier_id user_id, const char *search, const struct principal *after,
	size_t limit, struct arena *a, struct principal_list *ret, struct err *e) MUST_CHECK;
