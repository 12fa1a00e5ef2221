/*
 * fulltext.h - full-text search of one collection: an inverted index over the passages of its documents, ranked by
 * BM25. It is made of the postings that the database keeps (postings.h), so the ranking is the same on each database. Memory holds
 * what is known of documents and passages; where terms stand, of all but small ones, a file (terms.h).
 *
 * Not locked: whoever has it sees to it that nobody searches while it changes.
 */
#pragma once

#include "rag/postings.h"

struct fulltext;

/* `folder`: for files without a name; borrowed. NULL: all in memory. */
struct fulltext *fulltext_new(const char *folder);
void fulltext_free(struct fulltext *f); /* NULL is fine */

/* Adds the passages of a text as document `id`, in place of what that had. `version`: WORDS_VERSION of its terms. -EBADMSG: the bytes are damaged; -ENOMEM. What
 * was there stays then. */
int fulltext_put(struct fulltext *f, int64_t id, int64_t text_id, int64_t version, struct str postings) MUST_CHECK;
void fulltext_remove(struct fulltext *f, int64_t id);

int64_t fulltext_text_of(const struct fulltext *f, int64_t id);    /* of the document; 0: it is not there */
int64_t fulltext_version_of(const struct fulltext *f, int64_t id); /* of its terms; 0: it is not there */
/* The ids of all documents; returns how many, and writes at most `max`. */
size_t fulltext_ids(const struct fulltext *f, int64_t *ret, size_t max);
/* Texts with their documents, sorted by text: of those in the sorted list `only`, n_only 0: of all. At most as many as fulltext_ids
 * says; returns how many. */
struct fulltext_text {
	int64_t text_id, document_id;
};
size_t fulltext_texts(const struct fulltext *f, const int64_t *only, size_t n_only, struct fulltext_text *ret);
size_t fulltext_passages(const struct fulltext *f);
size_t fulltext_bytes(const struct fulltext *f);       /* of memory */
unsigned fulltext_languages(const struct fulltext *f); /* a bit for each, for words_ask, and WORDS_BEFORE */
void fulltext_documents(const struct fulltext *f, size_t of[LANGUAGES]); /* adds how many there are of each language */

#define FULLTEXT_TERMS 32 /* of a question */

/* What a question's terms come to in all that is searched; each index adds its own. */
struct fulltext_stats {
	double passages, length;     /* how many, and all their terms */
	double with[FULLTEXT_TERMS]; /* passages that have the term */
};
/* What a passage of usual length has by BM25 for having the term `i` once: the rarer it is, the more; also of one that is nowhere. */
double fulltext_once(const struct fulltext_stats *s, size_t i);
int fulltext_count(const struct fulltext *f, const uint64_t *terms, size_t n,
	struct fulltext_stats *to) MUST_CHECK; /* -EIO, -ENOMEM */

struct fulltext_hit {
	int64_t document_id, text_id;
	uint32_t passage; /* of the text, from 0 */
	uint8_t language; /* enum language, of the document */
	float score;
};

/* The best `max`, the best first; equal ones in the order of their documents. `only`: a sorted list of documents; n_only 0:
 * all. Returns how many; -EIO, -ENOMEM. */
int fulltext_search(const struct fulltext *f, const uint64_t *terms, size_t n, const struct fulltext_stats *stats,
	const int64_t *only, size_t n_only, struct fulltext_hit *ret, size_t max) MUST_CHECK;
