/*
 * pgvector.h - vectors in a PostgreSQL that has the extension pgvector: one that was named as the store of vectors (vector_stores.h),
 * not the database of db.h, though it may be the same server. Each call waits for it, no longer than `timeout_ms` behind a connection.
 */
#pragma once

#include "base/id.h"
#include "sys/cancel.h"

struct pgvector_place {
	const char *url;   /* postgresql://..., without a password */
	const char *key;   /* the password; NULL: none */
	const char *table; /* of one size of vectors; letters, digits and hyphens */
	int64_t timeout_ms;
	struct cancel *cancel; /* NULL: none */
};
struct pgvector_points {
	atelier_id text_id;
	int64_t from; /* number of the first */
	const float *rows;
	size_t n, dims;
};
struct pgvector_wish {
	const float *query;
	size_t dims, limit;
	const atelier_id *texts; /* that may be found */
	size_t n;
};
struct pgvector_hit {
	atelier_id text_id;
	int64_t passage;
	double score; /* the cosine */
};

/* Whether it can be reached, lets us in and has the extension, which is made when it may be. */
int pgvector_check(const struct pgvector_place *p, struct err *e) MUST_CHECK;
/* Makes the table with the first ones; what is there is written anew. */
int pgvector_put(const struct pgvector_place *p, const struct pgvector_points *x, struct err *e) MUST_CHECK;
int pgvector_remove(const struct pgvector_place *p, atelier_id text_id, struct err *e) MUST_CHECK;
/* The nearest of these texts, all of them compared; `ret` has room for `limit`. */
int pgvector_nearest(const struct pgvector_place *p, const struct pgvector_wish *w, struct pgvector_hit *ret,
	size_t *ret_n, struct err *e) MUST_CHECK;
