/*
 * postings.h - which terms stand in which passages of one text, as bytes that are kept in the database:
 *
 *	version, language, number of passages, of each the number of its terms, number of terms,
 *	then each term: its hash (8 bytes), in how many passages, and of these the distance from the one before and how often
 *
 * Numbers are of variable length, the low seven bits first. Reading checks everything: what is damaged is -EBADMSG.
 */
#pragma once

#include "base/buf.h"
#include "rag/words.h"

struct postings; /* being made: one text's, one thread */

struct postings *postings_new(enum language l);
void postings_free(struct postings *p); /* NULL is fine */
DEFINE_CLEANUP(struct postings, postings_free)

/* The next passage, whose words are those of both texts: its headings and what it says. */
void postings_add(struct postings *p, struct words *w, struct str headings, struct str text);
void postings_write(struct postings *p, struct buf *to); /* a failed buffer: there was no memory */

struct postings_reader {
	const unsigned char *p, *end;
	enum language language;
	uint32_t passages;
	bool broken;
};

struct posting {
	uint32_t passage, times;
};

int postings_open(struct str bytes, struct postings_reader *ret) MUST_CHECK;
uint32_t postings_length(struct postings_reader *r); /* of the next passage: call it for each, first of all */
uint32_t postings_terms(struct postings_reader *r);  /* how many follow; once, behind the lengths */
uint64_t postings_term(struct postings_reader *r, uint32_t *ret_n); /* the next one, and in how many passages */
struct posting postings_next(
	struct postings_reader *r, uint32_t before); /* `before`: passage + 1 of the one before; 0 */
