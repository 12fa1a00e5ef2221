/*
 * search.h - full-text search: what each database has its own words for. The index holds the words of the passages
 * without their endings (English), and finds those that have any of the words asked for.
 */
#pragma once

#include "db/db.h"
#include "store/find.h"

/* Characters of a message, from its beginning, in which words are found: as many as a book of 150 pages has. */
#define SEARCH_CHARS      262144
#define SEARCH_CHARS_TEXT "262144"

#define SEARCH_HEADING_WEIGHT 4 /* a word in a heading counts as many in the text */

/* After the passages of the manual were changed. Inside db_write. */
int search_manual_filled(struct db_conn *c, struct err *e) MUST_CHECK;

/*
 * The best `limit` passages that have one of `n` words (at least one), which are letters and digits alone, folded. Columns: slug, title of
 * the page, heading, anchor, body, rank (the smaller, the better; below all others when the heading is `text` itself). The text of the query lives in the arena.
 */
int search_manual(struct db_conn *c, const char *text, const struct str *words, size_t n, int64_t limit,
	struct arena *a, struct db_rows **ret, struct err *e) MUST_CHECK;

/*
 * Up to `limit` messages of the person that have all the words in their first SEARCH_CHARS, the newest first. A word is
 * what words_add makes of it, of letters, digits and blanks alone: what is between blanks stands in a row, and the last
 * word may be the beginning of one.
 * Columns: id, conversation, role, model, created_at, title, content, and whether not all was looked at, which is told by a row whose
 * id is NULL where nothing was found. The text of the query lives in the arena. The first step is quick, and enough for most
 * searches; where it finds fewer than `limit` and has not looked at all, the next one looks further, for the same anew.
 */
#define SEARCH_STEPS 4 /* at most */
int search_messages(struct db_conn *c, const struct find_filter *f, const struct str *words, size_t n, size_t step,
	int64_t limit, struct arena *a, struct db_rows **ret, struct err *e) MUST_CHECK;

/* The migrations, and what the last one leaves to the end of each transaction (struct db_migration). */
extern const char search_messages_sqlite[], search_messages_postgres[], search_bound_sqlite[], search_bound_postgres[],
	search_filters[], search_filters_postgres[], search_together_sqlite[];
int search_settle(struct db_conn *c, void *unused, struct err *e) MUST_CHECK;
