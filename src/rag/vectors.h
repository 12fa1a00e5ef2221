/*
 * vectors.h - the nearest passages of one collection by their vectors, in memory: a byte a dimension and a scale for each. All
 * are looked at, by the widest instructions that the processor has. What is found is near enough to choose candidates, which
 * are then compared exactly by the vectors that the database keeps (embed.c).
 *
 * Not locked: whoever has it sees to it that nobody searches while it changes.
 */
#pragma once

#include "base/base.h"

struct vectors;

struct vectors *vectors_new(size_t dims);
void vectors_free(struct vectors *v); /* NULL is fine */
size_t vectors_dims(const struct vectors *v);

/* Adds vectors to those that document `id` has of this text, or in place of what it has of another one; `rows`: n times dims
 * numbers, each vector of length 1. -ENOMEM, and what was there stays. */
int vectors_add(struct vectors *v, int64_t id, int64_t text_id, const float *rows, size_t n) MUST_CHECK;
void vectors_remove(struct vectors *v, int64_t id);
void vectors_remove_other(
	struct vectors *v, int64_t id, int64_t text_id); /* what it has of another text than this one */
/* How many the document has of this text, which are those of its first passages. */
size_t vectors_of(const struct vectors *v, int64_t id, int64_t text_id);
/* The ids of all documents; returns how many, and writes at most `max`. */
size_t vectors_ids(const struct vectors *v, int64_t *ret, size_t max);
size_t vectors_count(const struct vectors *v);
size_t vectors_bytes(const struct vectors *v); /* of memory */

struct vector_hit {
	int64_t document_id, text_id;
	uint32_t passage;
	float score; /* about the cosine */
};

/* The nearest `max`, the nearest first. `query`: of length 1. `only`: a sorted list of documents; n_only 0: all. Returns how
 * many; -ENOMEM. */
int vectors_search(const struct vectors *v, const float *query, const int64_t *only, size_t n_only,
	struct vector_hit *ret, size_t max) MUST_CHECK;

/* ---- the kernel, for tests ---- */

#define VECTOR_ALIGN 64 /* rows are padded to so many numbers */

/* The sum of products of n numbers, a multiple of VECTOR_ALIGN; `sum`: of b's. `a` is moved up by 128, so that it has no sign. */
typedef int32_t (*vector_dot_fn)(const uint8_t *a, const int8_t *b, size_t n, int32_t sum);
/* Those that this processor can run, the best last; returns how many. */
size_t vector_dots(vector_dot_fn ret[3]);
