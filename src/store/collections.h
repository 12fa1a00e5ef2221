/*
 * collections.h - collections: documents that are searched together. Each belongs to a person and is others' by grants of the
 * kind "collection"; files that were dropped into a conversation are a collection of it, which is in no list.
 */
#pragma once

#include "store/shared_rows.h"

#define COLLECTIONS_MAX 1000 /* of one person */
#define SEARCH_MODES    "hybrid fulltext vectors"
/* What a new collection begins with. */
#define COLLECTION_FRESH                                                                                               \
	.description = "", .passage_tokens = 128, .passages = 8, .mode = "hybrid", .weight = 50,                       \
	.embedding_model = "", .reranker = ""

struct collection {
	atelier_id id, user_id;
	atelier_id conversation_id; /* whose files these are; 0: of none */
	const char *owner;          /* the name of its owner; read only */
	const char *name;           /* unique among the owner's, however it is written */
	const char *description;
	int64_t passage_tokens;      /* of a passage, about; for documents that are read from now on */
	int64_t passages;            /* that a model is given at most */
	const char *mode;            /* of SEARCH_MODES */
	int64_t weight;              /* of vectors against words, in percent */
	const char *embedding_model; /* that was chosen; "": whatever there is */
	int64_t overlap;             /* tokens that a passage has of the one before */
	int64_t threshold;           /* hits below this percent of the best one are left out */
	bool whole;                  /* a model is given whole documents where they fit */
	const char *reranker;        /* a model that puts passages in order; "": none */
	bool rewrite;                /* a question that leans on the chat is rewritten before it is searched */
	const char *identity;        /* by what vectors it is searched (rag/embed.h); "": by none; read only */
	int64_t documents;           /* how many; read only, as what follows */
	int64_t may;                 /* enum grant_verb, of who asks */
	bool shared;                 /* others have it, too */
	int64_t revision, removed;
	int64_t created_at, updated_at;
};

/* For shared_list (without those of conversations), shared_create and so on, of struct collection. */
extern const struct shared_kind collections_kind;

SHARED_GET(collections_get, collections_kind, struct collection)
/* That of a person's conversation, made when there is none. E_NOT_FOUND. */
int collections_of_conversation(
	struct db *db, atelier_id user_id, atelier_id conversation_id, atelier_id *ret_id, struct err *e) MUST_CHECK;

/* The same, when there is one: *ret_id 0: none. */
int collections_find_of(struct db_conn *c, atelier_id user_id, atelier_id conversation_id, atelier_id *ret_id,
	struct err *e) MUST_CHECK;

/* What is to be searched: of a collection all documents, or those that are named. */
struct search_place {
	atelier_id collection_id;
	int64_t revision, removed;
	int64_t passages; /* that a model is given at most */
	const char *mode, *identity;
	int64_t weight, threshold;
	bool whole, rewrite;
	const char *reranker;
	atelier_id *documents; /* sorted */
	size_t n;              /* 0: all */
};
struct search_scope ROWS_OF(struct search_place);
/* The collections and the documents, which a person must be allowed to read (E_NOT_FOUND); none of both: all collections that
 * are in the person's list. */
struct search_wish {
	atelier_id user_id;
	const atelier_id *collections, *documents;
	size_t n_collections, n_documents;
};
int collections_scope(struct db_conn *c, const struct search_wish *w, struct arena *a, struct search_scope *ret,
	struct err *e) MUST_CHECK;
/* All that have documents, whoever's they are, the newest first. For the program itself. */
int collections_newest(
	struct db_conn *c, int64_t limit, struct arena *a, struct search_scope *ret, struct err *e) MUST_CHECK;
extern const struct rows_table search_places_table;
ROWS_GET(collections_place, search_places_table, struct search_place)
