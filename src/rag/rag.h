/*
 * rag.h - documents: reading files into texts, and finding passages in them. Who may read what is asked of the database with
 * each search, before anything is ranked. Any thread that may wait.
 */
#pragma once

#include "base/buf.h"
#include "base/schema.h"
#include "base/settings.h"
#include "db/db.h"
#include "store/collections.h"
#include "sys/cancel.h"

struct rag;

struct calls;
struct http_client;
struct providers;
struct vault;
struct vector_store;

struct rag_config { /* borrowed for the life of it */
	const struct settings *settings;
	struct db *db;
	struct calls *calls;
	struct providers *providers;
	struct http_client *http; /* for vector stores */
	const struct vault *vault;
};

int rag_new(const struct rag_config *c, struct rag **ret, struct err *e) MUST_CHECK;
void rag_free(struct rag *r); /* NULL is fine */
/* Starts what reads indexes behind a start and what copies vectors to the store that is configured; stopped before rag_free. */
int rag_start(struct rag *r, struct err *e) MUST_CHECK;
void rag_stop(struct rag *r); /* NULL is fine */

/* ---- the indexes in memory (index.c, refresh.c) ---- */

/* Beyond `document_index_mb` those that were searched longest ago make room; what fits nowhere is searched by words alone. */
struct rag_memory {
	int64_t bytes, limit;
	int64_t collections; /* that are in memory */
	int64_t left_out;    /* of them, with vectors for which there is no room */
};
void rag_memory(struct rag *r, struct rag_memory *ret);

/* ---- vector stores (stores.c) ---- */

/* Whether a store could be used; `key` NULL: the one that is kept, if it is for this address. A sentence when not. May take
 * seconds. */
int rag_store_check(struct rag *r, const struct vector_store *in, const char *key, struct err *e) MUST_CHECK;
void rag_store_changed(struct rag *r); /* another one has been configured, or texts with vectors are gone */
struct rag_store_state {
	bool failing;
	char error[512];       /* in words */
	int64_t copied, texts; /* of so many texts with vectors */
};
int rag_store_state(struct rag *r, struct rag_store_state *ret, struct err *e) MUST_CHECK;

/* ---- reading a document (ingest.c) ---- */

struct ingest_progress {
	void (*fn)(void *arg, const char *status, int64_t completed, int64_t total, const char *unit);
	void *arg;
};

/* Makes the document's text and shows it, all at once at its end; done again it begins anew. -ECANCELED; a file that cannot be
 * read is E_INVALID with a sentence, which the document keeps. One that is gone is no failure. */
int rag_ingest(struct rag *r, atelier_id document_id, const struct ingest_progress *p, struct cancel *cancel,
	struct err *e) MUST_CHECK;

/* Whether a file of this format, whose text was made by this recipe, is read otherwise now: then it is worth to read it again. */
bool rag_is_older(const char *recipe, const char *format);

/* Makes what vectors the document's text lacks, by the model that there is now (embed.c). One that is gone is no failure. */
int rag_embed(struct rag *r, atelier_id document_id, atelier_id text_id, const struct ingest_progress *p,
	struct cancel *cancel, struct err *e) MUST_CHECK;

/* The model for embeddings that is `wanted`, or for "" the one that is there now, and the identity of its vectors, in the arena;
 * NULL: there is none. */
int rag_identity(struct rag *r, const char *wanted, struct arena *a, const char **ret_model, const char **ret_identity,
	struct err *e) MUST_CHECK;
const char *identity_model(const char *identity, struct arena *a); /* the model of an identity */

/* ---- pages (pages.c) ---- */

#define PAGE_BOXES_MAX 1000

struct page_box {
	double left, top, right, bottom; /* fractions of the page */
};
struct page_wish {
	atelier_id text_id;
	int64_t number;
	int64_t start, end; /* bytes of the text that are to be marked; start == end: none */
};
struct page {
	const char *kind, *label; /* "page", "sheet"; its name there, or "" */
	int64_t number;
	int64_t start, end;       /* bytes of the text */
	double width, height;     /* points; 0: not known */
	struct schema_list boxes; /* of struct page_box: lines of what is to be marked */
};
/* E_NOT_FOUND. Asks for no rights. */
int rag_page(struct db_conn *c, const struct page_wish *w, struct arena *a, struct page *ret, struct err *e) MUST_CHECK;
/* "page 3", "sheet Prices", "file prices.csv", in an archive "report.pdf, page 3"; without a number nothing. Named: by its label. */
bool rag_place_named(const char *place, const char *label);
void rag_add_place(struct buf *b, const char *place, int64_t page, const char *label);
const char *rag_counted_in(const char *format); /* "pages", "sheets", "slides" ... */
/* A page of a PDF as a picture, `width` pixels wide, drawn by a process in the sandbox. May take seconds. E_NOT_FOUND: there
 * is no such page; E_INVALID: it cannot be drawn. */
int rag_page_png(struct rag *r, const char *hash, int page, int width, struct buf *ret, struct err *e) MUST_CHECK;

/* ---- searching (search.c) ---- */

#define SEARCH_MAX 100 /* hits */

struct search_request {
	struct search_wish where;
	const char *query;
	int64_t limit;        /* at most SEARCH_MAX; 0: as the collections say */
	const char *mode;     /* of SEARCH_MODES; NULL: as the collections say */
	int64_t per_document; /* at most so many of one, when several are searched; 0: any number */
	bool diverse;         /* what says the same as a better one is left out */
};

struct search_hit {
	atelier_id document_id, collection_id, passage_id, text_id;
	const char *document; /* its name */
	const char *text, *heading;
	int64_t n; /* the number of the passage in its text */
	int64_t page, start, end;
	const char *place, *label; /* what `page` is a number of, and what that is called (store/texts.h) */
	double score;
	int64_t fulltext_rank, vector_rank; /* from 1; 0: not found by that */
	int64_t fused_rank;                 /* of both together, before a document's share is bounded */
	int64_t reranked;                   /* by the collection's reranker, from 1; 0: that was not asked of it */
	double words;              /* how much of the question's words it has, 0 to 1; below 0: not found by words */
	double meaning;            /* cosine; below 0: not found by that */
	struct schema_list marked; /* of struct search_mark: where the words of the question stand in `text` */
};
/* Characters of the text, as JavaScript counts them (UTF-16). */
struct search_mark {
	int64_t start, end;
};

struct search_result {
	struct search_hit *items;
	size_t n;
	const char *mode;   /* how it was looked for: of SEARCH_MODES */
	const char *notice; /* why not as was wanted; NULL: it was */
};

/* The best passages, the best first; all in the arena. E_NOT_FOUND for a collection or document that the person may not read. */
int rag_search(struct rag *r, const struct search_request *q, struct arena *a, struct search_result *ret,
	struct err *e) MUST_CHECK;

/* Passages as they are given to a model: with what stands around them, neighbours as one, in the order of their document. */
struct source {
	atelier_id document_id, passage_id;
	atelier_id message_id, conversation_id; /* of what was said before (rag_recall); 0: of a document */
	const char *document, *heading, *text, *place, *label;
	int64_t page, start, end;
	double score;
};
struct source_list {
	struct source *items;
	size_t n;
	int64_t left_out;   /* passages that were found and do not fit */
	const char *notice; /* why it was not searched as was wanted; NULL: it was */
	int64_t whole; /* tokens of all the documents, which are these sources; 0: these are passages that were found */
};
/* At most `tokens` in all. Where all places give whole documents and these have at most `whole` tokens, all of them. */
int rag_sources(struct rag *r, const struct search_request *q, size_t tokens, size_t whole, struct arena *a,
	struct source_list *ret, struct err *e) MUST_CHECK;

/* ---- what was said before (recall.c) ---- */

struct recall_request {
	atelier_id user_id;
	atelier_id but; /* this conversation is not looked at */
	const char *query;
	size_t limit;
};
/* What the person has asked and was answered in own conversations, by the words of a question, and by its meaning as far as that is
 * known; the best first, all in the arena. `document` is the title of the conversation. */
int rag_recall(struct rag *r, const struct recall_request *q, struct arena *a, struct source_list *ret,
	struct err *e) MUST_CHECK;

/* Makes what vectors these lack, by the model for embeddings that there is now; nothing where there is none. Runs in a job, which a
 * search begins when it has found that something lacks. */
int rag_embed_exchanges(struct rag *r, atelier_id user_id, const struct ingest_progress *p, struct cancel *cancel,
	struct err *e) MUST_CHECK;

/* ---- reading by programs (reading.c): each within a scope as of a search ---- */

struct listed_document {
	atelier_id id, collection_id;
	const char *name, *format; /* format: "pdf"; "": not known */
	int64_t pages;             /* 0: it has none */
	bool readable;             /* it has been read */
};
struct listed_documents {
	struct listed_document *items;
	size_t n;
	atelier_id next; /* the `after` of what follows; 0: that is all */
};
/* In the order in which they came. E_NOT_FOUND as in rag_search. */
int rag_list(struct rag *r, const struct search_wish *w, atelier_id after, int64_t limit, struct arena *a,
	struct listed_documents *ret, struct err *e) MUST_CHECK;

/* *ret: the document of this id, or else the newest of exactly this name; E_NOT_FOUND: the scope has neither. */
int rag_named(struct rag *r, const struct search_wish *w, const char *name, struct arena *a, atelier_id *ret,
	struct err *e) MUST_CHECK;

/* A part of a document's text, with the passage that it begins in, for a citation. */
struct reading {
	atelier_id document_id, passage_id; /* passage_id 0: there is none behind `start` */
	const char *document, *heading, *text, *place, *label;
	int64_t page;       /* 0: there are none */
	int64_t start, end; /* bytes of the document's text, */
	int64_t bytes;      /* which has so many; not told by rag_find */
	int64_t next;       /* the `start` of what follows; 0: that is all */
};
struct reading_wish {
	struct search_wish where;
	atelier_id document_id;
	int64_t page;  /* its number; 0: from `start` on */
	int64_t start; /* bytes */
	int64_t bytes; /* at most */
};
/* E_NOT_FOUND: no such document in the scope, or nothing there; E_CONFLICT: it has not been read yet. */
int rag_read(
	struct rag *r, const struct reading_wish *w, struct arena *a, struct reading *ret, struct err *e) MUST_CHECK;

#define FIND_DOCUMENTS 10000               /* that are gone through at most, */
#define FIND_BYTES     ((int64_t)32 << 20) /* and so many bytes of text */
struct find_wish {
	struct search_wish where;
	atelier_id document_id; /* 0: all of the scope */
	const char *text;       /* as it stands, however its letters are written */
	int64_t limit;
};
struct found {
	struct reading *items; /* whole passages */
	size_t n;
	bool more; /* perhaps, beyond what was gone through */
};
/* The passages in which a text stands, in order. */
int rag_find(struct rag *r, const struct find_wish *w, struct arena *a, struct found *ret, struct err *e) MUST_CHECK;
