/* rag_priv.h - what the files of this folder share: the indexes in memory. */
#pragma once

#include <pthread.h>

#include "base/magic.h"
#include "rag/fulltext.h"
#include "rag/rag.h"
#include "rag/vectors.h"
#include "store/documents.h"
#include "store/recall.h"

/* Of one collection, or of what one person was told. Who searches holds the lock for reading, who brings it up to date for writing. */
struct index {
	unsigned magic; /* INDEX_MAGIC */
#define INDEX_MAGIC 0x696e6478u
	atelier_id id; /* of the collection, or the person */
	pthread_rwlock_t lock;
	struct fulltext *fulltext;
	struct vectors *vectors; /* NULL: none */
	char *identity;          /* of these; NULL: none */
	int64_t revision;        /* of the collection, that this is of */
	int64_t left_out_ms;     /* since when vectors are left out, for which there is no memory; 0: all are there */
	size_t bytes;            /* of memory; atomic, as what follows */
	uint64_t used;           /* when it was held last, in holds */
	struct index *next;
};

struct rag {
	unsigned magic; /* RAG_MAGIC */
#define RAG_MAGIC 0x72616772u
	struct rag_config config;
	pthread_mutex_t mx;
	struct index *indexes; /* under mx; none is freed before the end, but emptied */
	uint64_t holds;        /* under mx */
	pthread_mutex_t pictures_mx;
	bool external; /* vectors are searched in a store, and none are held; atomic */
	/* What copies vectors to a store (stores.c). */
	pthread_t stores_thread;
	pthread_mutex_t stores_mx;
	pthread_cond_t stores_wake;
	bool stores_started, stores_poked, stores_over; /* the last two under stores_mx */
	struct cancel stores_end;
	struct picture *pictures; /* of pages, under pictures_mx; the last used first (pages.c) */
};

/* The index of a place as the database has it now, or later, with its lock held for reading. */
int index_hold(
	struct rag *r, struct db_conn *c, const struct search_place *p, struct index **ret, struct err *e) MUST_CHECK;
void index_release(struct index *x);
/* That of what a person was told, by vectors of this identity alone, with its lock held for reading. */
int index_hold_exchanges(struct rag *r, struct db_conn *c, atelier_id user_id, const char *identity, struct index **ret,
	struct err *e) MUST_CHECK;

/* What has been found by its meaning, the nearest first (exchanges.c). */
struct meant {
	struct recalled_list found;
	double *near;       /* of each: cosine */
	double usual;       /* of what is not about the question */
	const char *notice; /* why nothing could be looked for; NULL: it was, or there is no model for that */
};
int exchanges_nearest(
	struct rag *r, const struct recall_request *q, struct arena *a, struct meant *ret, struct err *e) MUST_CHECK;
/* A question with its answer as one text: both, the question at most a third. NULL: no memory. */
const char *exchange_text(const struct recalled *x, struct arena *a);
/* Whether vectors are held; when that changes all indexes are read anew. */
void indexes_hold_vectors(struct rag *r, bool held);

/* The order of passages by a model that reads each with the question (rerank.c). Waits for a provider: nothing may be held. */
struct rerank_wish {
	atelier_id user_id;
	const char *model, *query;
};
struct reranked {
	atelier_id text_id;
	int64_t passage;
	size_t at;    /* the caller's */
	double score; /* the higher the better, of any scale; -INFINITY: the model did not say */
};
int rerank_passages(struct rag *r, const struct rerank_wish *w, struct reranked *items, size_t n, struct arena *a,
	struct err *e) MUST_CHECK;

void pictures_free(struct rag *r);

/* The documents of all places, in the order in which they came, from `after` on, at most limit + 1 (reading.c). */
int documents_of_scope(struct db_conn *c, atelier_id user_id, const struct search_scope *scope, atelier_id after,
	int64_t limit, struct arena *a, struct document_rows *ret, struct err *e) MUST_CHECK;
