/*
 * documents.h - files in collections. A document's bytes are a blob; what was read from them is a text (texts.h), which a job
 * of the kind DOCUMENT_JOB makes; one of the kind EMBEDDING_JOB then makes its vectors, on a lane of its own, so that nobody
 * waits for a slow model to find what was read. Who may read a collection may read its documents, and who may edit it may change them.
 */
#pragma once

#include "store/blobs.h"
#include "store/rows.h"

#define DOCUMENT_JOB    "document"
#define EMBEDDING_JOB   "embedding"
#define DOCUMENT_STATES "queued reading embedding ready failed"

struct document {
	atelier_id id, collection_id;
	atelier_id user_id; /* who brought it; 0: is gone */
	const char *name;
	const char *state; /* of DOCUMENT_STATES */
	const char *error_code,
		*error_text;  /* of one that has failed; of another why it has no vectors (yet); NULL: all is well */
	const char *progress; /* of its job, JSON; NULL: none */
	atelier_id text_id;   /* that is searched, perhaps of an earlier file; 0: none yet */
	atelier_id job_id;    /* the last one; 0: none */
	const char *hash;     /* of its bytes; read only, as what follows */
	int64_t size;
	int64_t passages, pages;
	const char *format;              /* "pdf"; NULL or "": not known */
	const char *language, *warnings; /* warnings: JSON array of sentences */
	const char *recipe;              /* how its text was made, for rag_is_older(); NULL: there is none */
	int64_t server_seen_at; /* the one server that has its file, which waits for it, was heard of last; -1: none */
	int64_t created_at, updated_at;
};

struct document_rows ROWS_OF(struct document);

struct document_filter {
	atelier_id user_id, collection_id;
	const char *state; /* NULL: any */
	atelier_id after;  /* 0: from the first one */
	int64_t limit;
	const char *name; /* is in their names; NULL: any */
	bool newest;      /* these first */
};
/* In the order in which they came, or from the newest on; one more than `limit` when there are more. */
int documents_list(struct db_conn *c, const struct document_filter *f, struct arena *a, struct document_rows *ret,
	struct err *e) MUST_CHECK;
/* Those with `name` in their names, of all collections in the person's list; the newest first. */
int documents_named(struct db_conn *c, atelier_id user_id, const char *name, int64_t limit, struct arena *a,
	struct document_rows *ret, struct err *e) MUST_CHECK;
/* The newest of a collection with exactly this name, by who may read it. E_NOT_FOUND. */
int documents_newest(struct db_conn *c, atelier_id user_id, atelier_id collection_id, const char *name, struct arena *a,
	struct document *ret, struct err *e) MUST_CHECK;
/* By who may read it. E_NOT_FOUND. */
int documents_get(struct db_conn *c, atelier_id user_id, atelier_id id, struct arena *a, struct document *ret,
	struct err *e) MUST_CHECK;

/* What happens to a file when another one of its name is in the collection. The same bytes are no conflict. */
enum document_conflict {
	DOCUMENT_ADD,    /* both are there */
	DOCUMENT_REFUSE, /* E_EXISTS */
	DOCUMENT_REPLACE /* it is a new version of the newest of them */
};

struct document_new {
	atelier_id user_id, collection_id;
	atelier_id replaces; /* the document whose file this is from now on; 0: a new one, or what on_conflict says */
	enum document_conflict on_conflict;
	const char *name; /* NULL: as it was */
	struct str bytes;
	const struct blob_file *file; /* instead of the bytes (blobs.h) */
	int64_t quota;                /* bytes that all documents of the user may have, */
	int64_t total;                /* and those of all users; 0: any number */
};
struct document_made {
	atelier_id id;
	/* Another one of the collection with the same bytes; 0: none; itself: it was there under this name, and stays as it is. */
	atelier_id same_as;
};
/* Stores the bytes, the row and its job: durable when this returns 0. E_NOT_FOUND for a collection that the person may not
 * edit, E_QUOTA beyond the quota, E_CONFLICT while the document that is replaced is being read, E_EXISTS. */
int documents_create(struct db *db, const char *data, const struct document_new *in, struct document_made *ret,
	struct err *e) MUST_CHECK;

/* By who may edit both collections. */
struct document_edit {
	atelier_id user_id, id;
	const char *name;         /* NULL: stays */
	atelier_id collection_id; /* 0: stays */
};
int documents_edit(struct db *db, const struct document_edit *x, struct err *e) MUST_CHECK;
int documents_delete(struct db *db, atelier_id user_id, atelier_id id, struct err *e) MUST_CHECK;

/* A new job for one whose last has ended, to read it or, when only that is missing, to embed it. E_CONFLICT: that goes on. */
int documents_retry(struct db *db, atelier_id user_id, atelier_id id, struct err *e) MUST_CHECK;
/* Jobs that read these of one collection anew; not of those that have one. *ret_n: how many, before as many wait as may; E_BUSY: none. */
struct documents_some {
	atelier_id user_id, collection_id;
	const atelier_id *ids;
	size_t n;
};
int documents_reread(struct db *db, const struct documents_some *x, int64_t *ret_n, struct err *e) MUST_CHECK;

/* ---- for the job; asks for no rights ---- */

struct document_work {
	atelier_id id, collection_id;
	const char *name, *hash;
	int64_t size;
	int64_t passage_tokens, overlap; /* of its collection */
	const char *embedding_model;     /* that was chosen for that; "": whatever there is */
	atelier_id user_id;              /* who brought it; 0: is gone */
	const char *identity;            /* by what vectors its collection is searched; "": by none */
};
int documents_work(
	struct db_conn *c, atelier_id id, struct arena *a, struct document_work *ret, struct err *e) MUST_CHECK;
/* Which server that shares the database has its file while this one (`data`: the folder) has not; 0: it is here, or nobody else
 * has it. E_NOT_FOUND: the document is gone. */
int documents_elsewhere(struct db *db, const char *data, atelier_id id, int64_t *ret_node, struct err *e) MUST_CHECK;

/* `code` and `text`: of "failed"; else NULL. */
int documents_set_state(
	struct db *db, atelier_id id, const char *state, const char *code, const char *text, struct err *e) MUST_CHECK;

/* What was read has no vectors yet: a job that makes them is the document's from now on. E_NOT_FOUND: it is gone. */
int documents_embed(struct db *db, atelier_id id, struct err *e) MUST_CHECK;

/* All passages of this text have vectors of this identity: a document that still shows it is ready, and when all documents of its
 * collection have them, that is searched by them from now on. */
int documents_embedded(
	struct db *db, atelier_id id, atelier_id text_id, const char *identity, struct err *e) MUST_CHECK;
/* In the db_write in which a try of a DOCUMENT_JOB or an EMBEDDING_JOB has ended, however it did, or the job was canceled: a
 * collection that is searched by words alone does not wait for its document any more. */
int documents_job_ended(struct db_conn *c, const char *params, struct err *e) MUST_CHECK;

/* The same for all collections: one that waited for nobody any more before this was looked at, or by a fault of ours, would be searched
 * by words alone until its next job. *ret_n: how many are searched by vectors from now on. */
int documents_look_again(struct db *db, int64_t *ret_n, struct err *e) MUST_CHECK;

/* A job for each document of the collection that lacks vectors of the identity, but for those that are being read; by who may edit
 * it. *ret_n: how many. When none lacks them, that is searched by them from now on. */
int documents_embed_all(struct db *db, atelier_id user_id, atelier_id collection_id, const char *identity,
	int64_t *ret_n, struct err *e) MUST_CHECK;

/* The documents of a collection that have changed since a revision, with their texts. `words`: the newest version of postings. */
struct document_change {
	atelier_id id, text_id;
	int64_t words; /* of what version the text's postings are */
};
struct document_changes ROWS_OF(struct document_change);
int documents_changed(struct db_conn *c, atelier_id collection_id, int64_t since, int64_t words, struct arena *a,
	struct document_changes *ret, struct err *e) MUST_CHECK;
