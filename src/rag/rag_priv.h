/* rag_priv.h - what the files of this folder share: the indexes in memory. */
#pragma once

#include <pthread.h>

#include "base/magic.h"
#include "rag/fulltext.h"
#include "rag/rag.h"
#include "rag/vectors.h"
#include "store/documents.h"
#include "store/recall.h"

/* Of one collection, or of what one person was told. Who searches holds `lock` for reading; one at a time brings it up to date
 * (refresh.c), and holds that for writing as long as memory changes, not while the database is read. */
struct index {
	unsigned magic; /* INDEX_MAGIC */
#define INDEX_MAGIC 0x696e6478u
	atelier_id id; /* of the collection, or the person */
	bool person;   /* never changes */
	pthread_rwlock_t lock;
	struct fulltext *fulltext;
	struct vectors *vectors; /* NULL: none */
	char *identity;          /* of these; NULL: none */
	int64_t revision; /* of the collection, that its words are of; of a person the newest exchange that is here */
	int64_t meant;    /* that its vectors are of */
	int64_t left_out_ms; /* since when vectors are left out, for which there is no memory; 0: all are there */
	/* Of who brings it up to date: on the way to `toward`, the vectors of documents up to `after` have been read. */
	int64_t toward; /* below 0: on no way */
	atelier_id after;
	/* Under rag->mx. */
	bool filling;  /* somebody brings it up to date */
	bool wanted;   /* it is behind, and nobody waits for the rest */
	int pins;      /* by who is about to search it: it is not emptied */
	size_t bytes;  /* of memory; atomic, as what follows */
	uint64_t used; /* when it was held last, in holds */
	struct index *next;
};

struct rag {
	unsigned magic; /* RAG_MAGIC */
#define RAG_MAGIC 0x72616772u
	struct rag_config config;
	pthread_mutex_t mx;
	struct index *indexes; /* under mx; none is freed before the end, but emptied */
	uint64_t holds;        /* under mx */
	/* What reads the rest of indexes that are behind (refresh.c). */
	pthread_t indexes_thread;
	pthread_cond_t indexes_wake, indexes_filled;
	bool indexes_started, indexes_over; /* the latter under mx */
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

/* ---- index.c ---- */

/* The index of a collection or person, which stays as it is in memory until it is released or unpinned. */
struct index *index_pin(struct rag *r, atelier_id id, bool person);
void index_unpin(struct rag *r, struct index *x);
/* By who fills it, with its lock held for writing. */
void index_empty(const struct rag *r, struct index *x);
void index_note_bytes(struct index *x); /* by who fills it */
/* Empties others until so many bytes more fit beside what `x` has; one that is being searched stays. */
bool index_make_room(struct rag *r, const struct index *x, size_t bytes);

/* ---- refresh.c ---- */

/* Who has filled an index lets the next one. */
void index_end(struct rag *r, struct index *x);

/* For how long who searches waits for all that is read into memory for it; what is little is read to its end, however slow the
 * machine is. */
struct slice {
	int64_t until_ms;
	size_t bytes; /* that were read so far */
};
struct slice slice_begin(void);

/* Pins the index of a place and brings it up to date with what the database has now, or as far as the slice reaches; a thread
 * does the rest. `meaning`: its vectors, too. Waits for the database: no connection and no lock may be held. */
int index_refresh(struct rag *r, const struct search_place *p, bool meaning, struct slice *s, struct index **ret,
	struct err *e) MUST_CHECK;
/* The same of what a person was told, by vectors of this identity alone; *ret_behind: not all is there yet. */
int index_refresh_exchanges(struct rag *r, atelier_id user_id, const char *identity, struct slice *s,
	struct index **ret, bool *ret_behind, struct err *e) MUST_CHECK;
/* Whether something is not there yet; its lock is held. */
bool index_lags(const struct index *x, const struct search_place *p, bool meaning);
void index_hold(struct index *x); /* of several the one with the lowest id first */
void index_release(struct rag *r, struct index *x);

/* The words of the next text that has older ones are made anew (reword.c). When, by clock_mono_ms(), to go on: 0: at once; INT64_MAX:
 * there is no more; else something failed that may pass. */
struct rewording {
	atelier_id after;
	bool failed;
};
int64_t reword_next(struct rag *r, struct rewording *x);

int stores_start(struct rag *r, struct err *e) MUST_CHECK;
void stores_stop(struct rag *r);
void indexes_load(struct rag *r); /* what its thread begins with */
int indexes_start(struct rag *r, struct err *e) MUST_CHECK;
void indexes_stop(struct rag *r);
bool indexes_are_ending(struct rag *r);
/* Whether vectors are held; when that changes they are dropped, or read anew. */
void indexes_hold_vectors(struct rag *r, bool held);

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
