/* cited.h - pages of the web that a model's provider cites, as the citations of an answer. */
#pragma once

#include "base/json.h"

/* The numbers that an answer's sources have, and which pages are among them. */
struct cited {
	int64_t last;        /* of the newest source, from 1 */
	uint32_t pages[256]; /* hashes of their addresses */
	size_t n;
};

/* A source that stands there already; url NULL: no page. */
void cited_had(struct cited *x, int64_t number, const char *url);

/* `items`: annotations as of gen_beside. Adds the data of an event `citation` for the next page that is not cited yet, from
 * *at on; false: there is none. */
struct cited_items {
	json_t *list;
	size_t at;
};
int cited_read(struct cited_items *ret, const char *items, size_t n); /* 0, and nothing in it, for what is no list */
bool cited_next(struct cited *x, struct cited_items *items, struct buf *out);
void cited_items_done(struct cited_items *items); /* also the cleanup function */
