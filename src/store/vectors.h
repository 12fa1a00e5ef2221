/*
 * vectors.h - what a model makes of passages, to compare them by meaning: a row for each passage of a text and each identity, which
 * says by what the numbers were made (rag/embed.h). Numbers are of four bytes, little-endian; each vector has length 1.
 */
#pragma once

#include "base/buf.h"
#include "base/id.h"
#include "db/db.h"

/* From passage `from` on; again is no failure. E_NOT_FOUND: the text is gone; E_CONFLICT: what it has of this identity is of another size. */
struct vectors_new {
	atelier_id text_id;
	const char *identity;
	int64_t from;
	const float *rows;
	size_t n, dims;
};
int vectors_store(struct db *db, const struct vectors_new *in, struct err *e) MUST_CHECK;

/* Takes away what the text has of this identity. */
int vectors_forget(struct db *db, atelier_id text_id, const char *identity, struct err *e) MUST_CHECK;

/* How many passages of the text have one, which are the first ones. */
int vectors_stored(struct db_conn *c, atelier_id text_id, const char *identity, int64_t *ret, struct err *e) MUST_CHECK;
/* Adds those of passages [from, from + n), one after the other; fewer when fewer are there; *ret_n: how many. */
int vectors_load(struct db_conn *c, atelier_id text_id, const char *identity, int64_t from, int64_t n, struct buf *to,
	int64_t *ret_n, struct err *e) MUST_CHECK;
