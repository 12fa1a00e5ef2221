/*
 * find.h - the full-text search over a person's conversations: titles and everything that was said. The newest come first.
 * All words must be there, in the first SEARCH_CHARS of a message (search.h); the last one may be the beginning of one;
 * what stands in quotation marks stands together.
 */
#pragma once

#include "base/id.h"
#include "db/db.h"

struct find_filter {
	atelier_id user_id;
	const char *query;
	atelier_id before_id;     /* messages made before this one, and no titles; 0: from the newest */
	atelier_id folder_id;     /* 0: any */
	const char *model, *role; /* NULL: any */
	int64_t from, to;         /* Unix ms, `to` not included; 0: any */
	bool pinned;              /* only messages that are */
};

struct find_piece {
	const char *text;
	bool hit;
};

struct find_hit {
	atelier_id conversation_id;
	atelier_id message_id;            /* 0: the title */
	const char *title, *role, *model; /* role and model NULL: of a title; model NULL: of a question */
	const struct find_piece *pieces;  /* the place of the text that was found */
	size_t n_pieces;
	int64_t created_at;
};

struct find_result {
	struct find_hit *items; /* titles first */
	size_t n;
	bool more; /* messages behind the last one */
};

#define FIND_TITLES 20

/* Up to `limit` messages, and FIND_TITLES titles on the first page. E_INVALID when there is no word in the query. */
int find_all(struct db_conn *c, const struct find_filter *f, size_t limit, struct arena *a, struct find_result *ret,
	struct err *e) MUST_CHECK;
