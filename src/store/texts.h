/*
 * texts.h - what was read from files: one text for the same bytes and the same recipe (how it was read and cut), with its
 * passages and their postings for full-text search. A large one is made in several transactions, shown by one, and then never
 * changed, but for postings that are made anew of what is there.
 */
#pragma once

#include "base/buf.h"
#include "store/rows.h"

#define TEXT_PIECE ((size_t)32768) /* bytes of a row; the last piece of a text is smaller */

struct text {
	atelier_id id;
	const char *hash, *recipe;
	atelier_id document_id;
	const char *language; /* "": not known */
	int64_t words;        /* of what version its postings are */
	int64_t bytes, pages, passages;
	const char *format;   /* of its file: "pdf"; "": not known */
	const char *warnings; /* JSON array */
};

/* The shown one. E_NOT_FOUND. */
int texts_find(struct db_conn *c, const char *hash, const char *recipe, atelier_id *ret_id, struct err *e) MUST_CHECK;
extern const struct rows_table texts_table;
ROWS_GET(texts_get, texts_table, struct text)

/* ---- making one ---- */

/* Begins, without what an earlier try for this document has left. */
int texts_begin(struct db *db, const struct text *in, atelier_id *ret_id, struct err *e) MUST_CHECK;
/* From byte `start`, a multiple of TEXT_PIECE. */
int texts_add(struct db *db, atelier_id id, int64_t start, struct str bytes, struct err *e) MUST_CHECK;

struct passage_row {
	atelier_id id;
	int64_t n; /* from 0 */
	int64_t start, end, page;
	const char *heading;
	const char *place,
		*label; /* what `page` is a number of, as page_row's kind, and what that is called; "": not known; NULL: not asked for */
};
int texts_add_passages(
	struct db *db, atelier_id id, const struct passage_row *rows, size_t n, struct err *e) MUST_CHECK;

/* A page, slide, sheet, chapter ... of it. */
struct page_row {
	int64_t n;      /* in order, from 0 */
	int64_t number; /* as people count; not unique in a file that holds several */
	const char *kind, *label;
	int64_t start, end;    /* bytes of the text */
	int64_t width, height; /* hundredths of a point; 0: not known */
	struct str boxes;      /* rag/pages.h */
};
int texts_add_pages(struct db *db, atelier_id id, const struct page_row *rows, size_t n, struct err *e) MUST_CHECK;

/* Shows it as the text of its document, which is ready then; `postings` NULL: it is there already, made for another one.
 * E_NOT_FOUND: the document, or that text, is gone. */
struct text_end {
	atelier_id document_id, text_id;
	const char *hash; /* of the file that was read: another one has come meanwhile if the document has not this */
	const struct str *postings;
	int64_t passages;
	const char *state; /* of the document from then on: ready, or embedding */
};
int texts_show(struct db *db, const struct text_end *x, struct err *e) MUST_CHECK;

/* A small one in one transaction: begun, all added and shown. */
struct text_whole {
	const struct text *text;
	struct str bytes;
	const struct passage_row *passages;
	size_t n_passages;
	const struct page_row *pages;
	size_t n_pages;
	struct text_end end; /* its text_id is set */
};
int texts_put(struct db *db, struct text_whole *x, struct err *e) MUST_CHECK;

/* The first text behind `after` whose postings are of an older version than `words`. E_NOT_FOUND: there is none. */
int texts_outdated(struct db_conn *c, int64_t words, atelier_id after, atelier_id *ret_id, struct err *e) MUST_CHECK;
/* Its postings made anew: to collections that have it that is a change. Nothing happens where it is gone, or has them by now. */
int texts_reword(struct db *db, atelier_id id, int64_t words, struct str postings, struct err *e) MUST_CHECK;

/* ---- reading ---- */

/* Adds bytes [start, end); E_NOT_FOUND. */
int texts_slice(struct db_conn *c, atelier_id id, int64_t start, int64_t end, struct buf *to, struct err *e) MUST_CHECK;
int texts_postings(struct db_conn *c, atelier_id id, struct buf *to, struct err *e) MUST_CHECK;

struct passage_rows ROWS_OF(struct passage_row);
/* Passages [from, to] by their numbers. */
int texts_passages(struct db_conn *c, atelier_id id, int64_t from, int64_t to, struct arena *a,
	struct passage_rows *ret, struct err *e) MUST_CHECK;
/* The same with their places. */
int texts_passages_placed(struct db_conn *c, atelier_id id, int64_t from, int64_t to, struct arena *a,
	struct passage_rows *ret, struct err *e) MUST_CHECK;
/* Of a document that the person may read. E_NOT_FOUND. */
int texts_passage_of(struct db_conn *c, atelier_id document_id, atelier_id passage_id, struct arena *a,
	struct passage_row *ret, struct err *e) MUST_CHECK;

/* The passage at this byte, or the first behind it. E_NOT_FOUND. */
int texts_passage_at(struct db_conn *c, atelier_id id, int64_t at, struct arena *a, struct passage_row *ret,
	struct err *e) MUST_CHECK;
/* At most `limit` of this number, in order. */
int texts_pages_numbered(struct db_conn *c, atelier_id id, int64_t number, int64_t limit, struct arena *a,
	struct page_row **ret, size_t *ret_n, struct err *e) MUST_CHECK;
/* The first one of this number. E_NOT_FOUND. */
int texts_page(struct db_conn *c, atelier_id id, int64_t number, struct arena *a, struct page_row *ret,
	struct err *e) MUST_CHECK;

/* Removes a few that no document has, and those that were begun before `before` and never shown. */
int texts_delete_unused(struct db *db, int64_t before, int64_t *ret_n, struct err *e) MUST_CHECK;
