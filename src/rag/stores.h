/*
 * stores.h - vector stores beside the one in memory: databases of others that find the nearest vectors. The database keeps the truth
 * (store/vectors.h); a store has copies, by text and number of the passage, in a collection of its own for each identity. It is asked
 * with the texts that may be found, so that rights, deletions and moves never wait for it, and what it finds is compared exactly
 * by the vectors that are here. A thread copies what it lacks and takes out what is gone.
 */
#pragma once

#include "rag/rag_priv.h"
#include "store/vector_stores.h"

/* A store as it is configured. */
struct store_place {
	struct http_client *http;
	struct vector_store config;
	const char *key; /* NULL: none */
	struct cancel *cancel;
};

/* Vectors of one text, from passage `from` on. */
struct store_points {
	const char *identity;
	atelier_id text_id;
	int64_t from;
	const float *rows;
	size_t n, dims;
};
struct store_wish {
	const char *identity;
	const float *query;
	size_t dims, limit;
	const atelier_id *texts; /* that may be found */
	size_t n;                /* at least one */
};
struct store_hit {
	atelier_id text_id;
	int64_t passage;
	double score; /* about the cosine */
};

/* The verbs of a kind of store, a row in stores.c. Each asks the store, with the times of struct store_place, and fails with a
 * sentence. Points that are there already are written anew, and what is not there is removed already. */
struct store_kind {
	const char *name;
	int (*check)(const struct store_place *p, struct err *e); /* whether it can be reached and lets us in */
	int (*put)(const struct store_place *p, const struct store_points *x, struct err *e);
	int (*remove)(const struct store_place *p, const char *identity, atelier_id text_id, struct err *e);
	/* At most `limit`, of any order, into `ret`; *ret_n: how many. */
	int (*nearest)(const struct store_place *p, const struct store_wish *w, struct store_hit *ret, size_t *ret_n,
		struct err *e);
};
extern const struct store_kind store_pgvector, store_qdrant, store_chroma;

/* ---- for the kinds that speak HTTP ---- */

struct store_request {
	const char *method, *path; /* behind the store's address */
	const char *key_header;    /* "api-key: " */
	const struct buf *body;    /* JSON; NULL: none */
	int64_t timeout_ms;
	int absent; /* a status that is no failure; 0: none */
};
/* 0 or, for the status `absent`, 1. *ret: what was answered, by the caller to be released; NULL for nothing. */
int store_ask(const struct store_place *p, const struct store_request *q, json_t **ret, struct err *e) MUST_CHECK;
/* Adds the name of the identity's collection: letters, digits and hyphens. */
void store_add_collection(struct buf *b, const struct store_place *p, const char *identity);
void store_add_vector(struct buf *b, const float *v, size_t dims); /* [0.1,-0.2] */
void store_add_texts(struct buf *b, const struct store_wish *w);   /* ["1a2b","3c4d"] */

#define STORE_SEARCH_MS 3000 /* a question waits no longer, */
#define STORE_WRITE_MS  30000

/* ---- for a search ---- */

/* The nearest of a collection's documents as the store has them, in the arena. Waits for the store: nothing may be held. */
int stores_nearest(struct rag *r, const struct store_place *p, const struct search_place *where,
	const struct store_wish *w, struct arena *a, struct vector_hit **ret, size_t *ret_n, struct err *e) MUST_CHECK;
/* The store that is configured, in the arena; *ret_external: it is not the embedded one. */
int stores_open(struct rag *r, struct arena *a, struct store_place *ret, bool *ret_external, struct err *e) MUST_CHECK;
/* Something may have to be copied or removed. */
void stores_poke(struct rag *r);
