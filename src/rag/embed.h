/*
 * embed.h - vectors of passages and questions by a model of any provider, metered as every call is. An identity says by what a
 * vector was made: the model and the way its texts are written; only vectors of the same identity are compared.
 */
#pragma once

#include "rag/rag_priv.h"

#define IDENTITY_MAX 256

/* What stands before a question and before a passage, as the model's family was taught; preset by its name. */
struct prefixes {
	const char *query, *passage;
};
struct prefixes prefixes_of(const char *model);

/* The model for embeddings that is `wanted`, or for "" the one that is there now, and its identity; *ret_model NULL: there is none. Asks no
 * provider, but waits shortly for the first look at their models. */
int embed_model(struct rag *r, const char *wanted, struct arena *a, const char **ret_model,
	char ret_identity[IDENTITY_MAX], struct err *e) MUST_CHECK;

/* Makes what vectors a text lacks, in batches, from its first passage that has none on. */
struct embed_text {
	atelier_id user_id, text_id;
	int64_t passages;
	const char *model, *identity;
	struct cancel *cancel;
	const struct ingest_progress *progress;
};
int embed_text(struct rag *r, const struct embed_text *x, struct err *e) MUST_CHECK;

/* Vectors of texts, each with what stands before a passage; one that is too long is cut. */
#define EMBED_BATCH 32
struct embed_by {
	atelier_id user_id;
	const char *model;
	struct cancel *cancel;
};
int embed_texts(struct rag *r, const struct embed_by *by, const char **texts, size_t n, struct arena *a, float **ret,
	size_t *ret_dims, struct err *e) MUST_CHECK;

/* The vector of a question, of length 1, in the arena. */
int embed_query(struct rag *r, atelier_id user_id, const char *identity, const char *query, struct arena *a,
	float **ret, size_t *ret_dims, struct err *e) MUST_CHECK;
