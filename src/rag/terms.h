/*
 * terms.h - terms and the passages that they stand in, sorted and written once: full-text indexes are made of these. A small one
 * lies in memory; a large one in a file without a name, of which memory holds where its blocks begin, and a search reads
 * those blocks that it needs. The file is read, never mapped: a disk that fails is an error and no signal.
 *
 * A term: its hash (8 bytes), in how many passages it stands, the length of what follows, and of each passage its distance from
 * the one before, twice, and one more where the term stands there several times: then how often follows. Numbers are of
 * variable length. Immutable, so any number of threads may read one.
 */
#pragma once

#include "base/buf.h"
#include "rag/postings.h"

#define TERMS_FILE   ((size_t)256 << 10) /* from so many bytes on it goes to a file */
#define PASSAGE_GONE UINT32_MAX          /* in place of a passage's new number */

struct terms;

/* The terms of a text whose passages are numbered from `first` on; the reader is behind the lengths, and its bytes have been
 * checked. NULL: there is no memory. */
struct terms *terms_new(struct postings_reader *r, uint32_t first);
void terms_free(struct terms *s); /* NULL is fine */

/* One of several, whose passages follow one another in this order. `to`: the new number of each passage, rising, or PASSAGE_GONE;
 * NULL: they stay. `folder`: where a file may be made; NULL, or when it cannot be made there: in memory. -ENOMEM, -EIO. */
int terms_merge(
	struct terms *const *in, size_t n, const uint32_t *to, const char *folder, struct terms **ret) MUST_CHECK;

size_t terms_size(const struct terms *s);   /* of the terms, wherever they lie */
size_t terms_memory(const struct terms *s); /* bytes of memory */

/* The passages of a term. */
struct places {
	const uint8_t *p, *end;
	uint32_t passages; /* how many */
	uint32_t next;     /* behind the passage that was read last */
};
/* 1: it is there; 0: it is not; -EIO, -ENOMEM. `scratch`: what was read, for as long as the places are used. */
int terms_find(const struct terms *s, uint64_t hash, struct buf *scratch, struct places *ret) MUST_CHECK;
/* The next passage, and how often the term stands there; false: that was the last. */
bool places_next(struct places *p, uint32_t *ret_passage, uint32_t *ret_times);
