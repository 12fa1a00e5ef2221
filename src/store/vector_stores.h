/*
 * vector_stores.h - where vectors are searched: in memory, or in a store that an administrator configured, which has copies of
 * those in `vectors` (vectors.h). Which texts it has is kept here, and outlives a text until the store has let go of it, too.
 */
#pragma once

#include "store/rows.h"
#include "store/vault.h"

#define VECTOR_STORES "embedded pgvector qdrant chroma"

struct vector_store {
	const char *kind;  /* of VECTOR_STORES */
	const char *url;   /* without a path or with one; no '/' at its end */
	const char *name;  /* what its collections there begin with */
	struct str sealed; /* its key; p NULL: none. Opened by vector_store_key */
};

/* Embedded when none was configured. */
int vector_store_get(struct db_conn *c, struct arena *a, struct vector_store *ret, struct err *e) MUST_CHECK;
/* *ret NULL: there is none. E_INVALID with a sentence when it cannot be opened, as one that was given for another address. */
int vector_store_key(const struct vault *v, const struct vector_store *s, struct arena *a, const char **ret,
	struct err *e) MUST_CHECK;
/* `sealed` is not looked at. `key`: NULL keeps what is there as long as kind and address stay; "" removes it. When kind,
 * address or name change, nothing is copied yet. */
int vector_store_set(
	struct db *db, const struct vault *v, const struct vector_store *in, const char *key, struct err *e) MUST_CHECK;

/* ---- what it has ---- */

struct vector_copy {
	atelier_id text_id;
	const char *identity;
	int64_t passages;
};
struct vector_copies ROWS_OF(struct vector_copy);
/* Texts of documents that have all their vectors, by which their collection is searched, and are not copied; from behind `after` on. */
int vector_copies_lacking(struct db_conn *c, atelier_id after, int64_t limit, struct arena *a,
	struct vector_copies *ret, struct err *e) MUST_CHECK;
/* Copies of texts that are gone. */
int vector_copies_leftover(
	struct db_conn *c, int64_t limit, struct arena *a, struct vector_copies *ret, struct err *e) MUST_CHECK;
/* How many texts of documents are copied, and how many there are with vectors in all. */
int vector_copies_count(struct db_conn *c, int64_t *ret_copied, int64_t *ret_all, struct err *e) MUST_CHECK;
/* Notes that it has a copy now, or none any more. */
int vector_copies_note(struct db *db, atelier_id text_id, const char *identity, bool there, struct err *e) MUST_CHECK;
