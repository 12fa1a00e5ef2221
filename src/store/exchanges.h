/*
 * exchanges.h - what a model makes of questions with their answers, to find them by meaning: a vector of length 1 for each answer and
 * identity (rag/embed.h), in the order in which they were made. It is gone with its message, and as soon as that says something else.
 */
#pragma once

#include "store/recall.h"

#define EXCHANGES_JOB "exchanges" /* makes what vectors a person's exchanges lack */

/* Puts that job into the queue, unless it waits there or runs. */
int exchanges_begin(struct db *db, atelier_id user_id, struct err *e) MUST_CHECK;
/* Whether the person has said or been told something since the last vector was made, in another conversation than `but`. */
int exchanges_are_behind(struct db_conn *c, atelier_id user_id, atelier_id but, const char *identity, bool *ret,
	struct err *e) MUST_CHECK;

struct exchange_ids ROWS_OF(atelier_id);
/* Answers in own conversations, but for the bin, that have no vector: the newest before `before`, and of them the newest first. */
int exchanges_lacking(struct db_conn *c, atelier_id user_id, const char *identity, atelier_id before, int64_t limit,
	struct arena *a, struct exchange_ids *ret, struct err *e) MUST_CHECK;
/* The first `limit` that are there, in own conversations other than `but` and the bin, in the order of `ids`; *ret_at (may be NULL):
 * which they are. */
int exchanges_get(struct db_conn *c, atelier_id user_id, atelier_id but, const struct exchange_ids *ids, size_t limit,
	struct arena *a, struct recalled_list *ret, size_t **ret_at, struct err *e) MUST_CHECK;

/* Of messages that are gone meanwhile nothing is stored. */
struct exchange_vectors {
	atelier_id user_id;
	const char *identity;
	const struct recalled *of;
	const float *rows;
	size_t n, dims;
};
int exchanges_store(struct db *db, const struct exchange_vectors *in, struct err *e) MUST_CHECK;
/* Those by other models. */
int exchanges_forget(struct db *db, atelier_id user_id, const char *identity, struct err *e) MUST_CHECK;

/* The id of the newest; 0: there is none. */
int exchanges_newest(
	struct db_conn *c, atelier_id user_id, const char *identity, int64_t *ret, struct err *e) MUST_CHECK;
/* Those made after `after`, the first `limit`. Columns: id, message, bytes. */
int exchanges_load(struct db_conn *c, atelier_id user_id, const char *identity, int64_t after, int64_t limit,
	struct db_rows **ret, struct err *e) MUST_CHECK;
