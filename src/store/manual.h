/* manual.h - the manual that the Librarian answers from: pages, one passage a heading, a full-text index. */
#pragma once

#include "db/db.h"

struct manual_source {
	const char *slug;  /* "getting-started" */
	const char *title; /* NULL: the first heading */
	const char *body;  /* Markdown */
};

/* Replaces the manual when the version kept differs from this one. */
int manual_fill(
	struct db *db, const struct manual_source *pages, size_t n, const char *version, struct err *e) MUST_CHECK;

struct manual_page {
	const char *slug;
	const char *title;
	const char *body; /* NULL in a list */
};

struct manual_page_list {
	struct manual_page *items; /* in the order they were given */
	size_t n;
};

int manual_list(struct db_conn *c, struct arena *a, struct manual_page_list *ret, struct err *e) MUST_CHECK;
int manual_page(
	struct db_conn *c, const char *slug, struct arena *a, struct manual_page *ret, struct err *e) MUST_CHECK;

struct manual_hit {
	const char *slug;
	const char *page_title;
	const char *heading;
	const char *anchor; /* of the heading within its page; "" above the first one */
	const char *body;   /* Markdown of the passage, without its heading */
	double score;       /* greater is better */
};

struct manual_hit_list {
	struct manual_hit *items; /* best first */
	size_t n;
};

/* Any text of a person is a valid query; one without a usable word finds nothing. */
int manual_search(struct db_conn *c, const char *text, size_t limit, struct arena *a, struct manual_hit_list *ret,
	struct err *e) MUST_CHECK;
