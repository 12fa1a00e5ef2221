/*
 * documents.c - a document's row and its job change in one transaction, so that there is never one that waits for nothing; what is
 * shown of its state is taken from the job as long as that is open. Each change counts up the revision of its collection and is
 * noted with it, by which indexes in memory find what they lack. A collection is searched by one identity of vectors at a time, and
 * goes over to another when no document lacks that: here is when.
 */
#include "store/documents.h"

#include <stdio.h>

#include "base/json.h"
#include "store/grants.h"
#include "store/jobs.h"
#include "store/store_priv.h"

#define NO_DOCUMENT   "There is no such document, or it is not shared with you."
#define NO_COLLECTION "There is no such collection, or you may not change it."
#define BEING_READ    "This document is being read. Wait for the end, or stop it."

#define OPEN "coalesce(j.state, '') IN ('queued', 'running')"

/* Its job will see what is so now: it has not begun, or ends with a job for vectors. */
#define WILL_SEE                                                                                                       \
	"coalesce(j.state, '') = 'queued' OR (coalesce(j.state, '') = 'running' AND j.kind = '" DOCUMENT_JOB "')"
/* What its job says counts as long as that is open: so a document follows its job whatever becomes of that. One that is
 * embedded has been read, and so is ready however that ends. */
#define STATE                                                                                                          \
	"CASE WHEN documents.state = 'embedding' AND " OPEN " THEN 'embedding' WHEN documents.state = 'embedding'"     \
	" THEN 'ready' WHEN j.state = 'queued' THEN 'queued' WHEN j.state = 'running' AND documents.state = 'queued' " \
	"THEN"                                                                                                         \
	" 'reading' WHEN j.state = 'running' OR documents.state IN ('ready', 'failed') THEN documents.state"           \
	" ELSE 'failed' END"
/* With the state "failed" there is always one, also while its job ends. `otherwise`: of one that has ended early and has not
 * said why. */
#define PROBLEM(column, otherwise)                                                                                     \
	"CASE WHEN documents.state = 'ready' THEN NULL WHEN documents.state = 'embedding' AND " OPEN " THEN j." column \
	" WHEN j.state = 'queued' OR (j.state = 'running' AND documents.state <> 'failed') THEN NULL"                  \
	" ELSE coalesce(documents." column ", j." column ", " otherwise ") END"

/* Of the one server that can do its job. */
#define SERVER_SEEN                                                                                                    \
	"CASE WHEN j.state = 'queued' AND j.node <> 0 THEN coalesce((SELECT seen_at FROM nodes WHERE nodes.id = "      \
	"j.node), 0) ELSE -1 END"

#define D struct document
static const struct col columns[] = {COL(I64, D, id), COL(I64, D, collection_id), COL(REF, D, user_id),
	COL(TEXT, D, name), COL_AS(TEXT, D, state, STATE, COL_SEEN),
	COL_AS(TEXT, D, error_code, PROBLEM("error_code", "j.state, 'interrupted'"), COL_SEEN),
	COL_AS(TEXT, D, error_text, PROBLEM("error_text", "''"), COL_SEEN),
	COL_AS(TEXT, D, progress, "CASE WHEN " OPEN " THEN j.progress ELSE NULL END", COL_SEEN), COL(REF, D, text_id),
	COL(I64, D, job_id), COL_AS(TEXT, D, hash, "b.hash", COL_SEEN), COL_AS(I64, D, size, "b.size", COL_SEEN),
	COL_AS(I64, D, passages, "t.passages", COL_SEEN), COL_AS(I64, D, pages, "t.pages", COL_SEEN),
	COL_AS(TEXT, D, format, "t.format", COL_SEEN), COL_AS(TEXT, D, language, "t.language", COL_SEEN),
	COL_AS(TEXT, D, warnings, "t.warnings", COL_SEEN), COL_AS(TEXT, D, recipe, "t.recipe", COL_SEEN),
	COL_AS(I64, D, server_seen_at, SERVER_SEEN, COL_SEEN), COL_CREATED(D, created_at), COL_UPDATED(D, updated_at)};
#undef D
static const struct rows_table documents = {"documents", "id", NO_DOCUMENT, NULL, TABLE(struct document, columns)};

#define JOINED                                                                                                         \
	"JOIN blobs b ON b.id = documents.blob_id JOIN collections k ON k.id = documents.collection_id"                \
	" LEFT JOIN texts t ON t.id = documents.text_id LEFT JOIN jobs j ON j.id = documents.job_id "
#define MAY GRANTED("collection", "k.id", "k.user_id")

#define LISTED                                                                                                         \
	JOINED "WHERE documents.collection_id = ? AND " MAY " AND (? = '' OR " STATE                                   \
	       " = ?) AND (? = '' OR instr(fold(documents.name), fold(?)) > 0) AND "

int documents_list(
	struct db_conn *c, const struct document_filter *f, struct arena *a, struct document_rows *ret, struct err *e)
{
	const char *state = f->state ? f->state : "", *name = f->name ? f->name : "";
	atelier_id after = f->newest && !f->after ? INT64_MAX : f->after;

	return rows_all(&documents, c, a, &ret->items, &ret->n, e,
		f->newest ? LISTED "documents.id < ? ORDER BY documents.id DESC LIMIT ?"
			  : LISTED "documents.id > ? ORDER BY documents.id LIMIT ?",
		DB_I64(f->collection_id), GRANTED_PARAMS(f->user_id, false, GRANT_READ), DB_TEXT(state), DB_TEXT(state),
		DB_TEXT(name), DB_TEXT(name), DB_I64(after), DB_I64(f->limit + 1));
}

int documents_named(struct db_conn *c, atelier_id user_id, const char *name, int64_t limit, struct arena *a,
	struct document_rows *ret, struct err *e)
{
	ASSERT(user_id);
	return rows_all(&documents, c, a, &ret->items, &ret->n, e,
		JOINED "WHERE k.conversation_id IS NULL AND " MAY " AND instr(fold(documents.name), fold(?)) > 0"
		       " ORDER BY documents.id DESC LIMIT ?",
		GRANTED_PARAMS(user_id, false, GRANT_READ), DB_TEXT(name), DB_I64(limit));
}

int documents_newest(struct db_conn *c, atelier_id user_id, atelier_id collection_id, const char *name, struct arena *a,
	struct document *ret, struct err *e)
{
	ASSERT(user_id);
	return rows_first(&documents, c, a, ret, e,
		JOINED "WHERE documents.collection_id = ? AND " MAY " AND documents.name = ?"
		       " ORDER BY documents.id DESC LIMIT 1",
		DB_I64(collection_id), GRANTED_PARAMS(user_id, false, GRANT_READ), DB_TEXT(name));
}

int documents_get(
	struct db_conn *c, atelier_id user_id, atelier_id id, struct arena *a, struct document *ret, struct err *e)
{
	ASSERT(user_id);
	return rows_first(&documents, c, a, ret, e, JOINED "WHERE documents.id = ? AND " MAY, DB_I64(id),
		GRANTED_PARAMS(user_id, false, GRANT_READ));
}

/* ---- making ---- */

/* Notes that something in the collection has changed; *ret: in which revision. */
static int count_change(struct db_conn *c, atelier_id collection_id, bool removed, int64_t *ret, struct err *e)
{
	int r = db_exec(c, NULL, e,
		removed ? "UPDATE collections SET revision = revision + 1, removed = revision + 1 WHERE id = ?"
			: "UPDATE collections SET revision = revision + 1 WHERE id = ?",
		DB_I64(collection_id));

	return r < 0 ? r
		     : STORE_I64(c, ret, NO_COLLECTION, e, "SELECT revision FROM collections WHERE id = ?",
			       DB_I64(collection_id));
}

static int may_edit(struct db_conn *c, atelier_id user_id, atelier_id collection_id, struct err *e)
{
	return STORE_I64(c, NULL, NO_COLLECTION, e, "SELECT 1 FROM collections k WHERE k.id = ? AND " MAY,
		DB_I64(collection_id), GRANTED_PARAMS(user_id, false, GRANT_EDIT));
}

struct found {
	atelier_id collection_id;
	bool open;          /* its job goes on, and is not about to end */
	atelier_id text_id; /* that is embedded; 0: it is read */
	char name[1024];
};

/* A document in a collection that the person may edit. */
static int find(struct db_conn *c, atelier_id user_id, atelier_id id, struct found *ret, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r = STORE_FIRST(c, &rows, NO_DOCUMENT, e,
		"SELECT documents.collection_id, CASE WHEN " OPEN
		" AND documents.state NOT IN ('ready', 'failed') THEN 1 ELSE 0 END,"
		" CASE WHEN documents.state = 'embedding' THEN documents.text_id ELSE 0 END, documents.name"
		" FROM documents " JOINED "WHERE documents.id = ? AND " MAY,
		DB_I64(id), GRANTED_PARAMS(user_id, false, GRANT_EDIT));

	if (r < 0)
		return r;
	*ret = (struct found){db_i64(rows, 0), db_i64(rows, 1), db_i64(rows, 2), ""};
	snprintf(ret->name, sizeof(ret->name), STR_FMT, STR_ARG(db_bytes(rows, 3)));
	return 0;
}

struct unfinished {
	atelier_id id, text_id; /* text_id 0: it is to be read; else to be embedded */
	const char *name;
};

/* To embed one text: that of an older file may still be embedded while that of a newer one waits. */
static int begin_job(struct db_conn *c, atelier_id user_id, const struct unfinished *d, struct err *e)
{
	char wire[ID_LEN + 1], text[ID_LEN + 1], params[128];
	atelier_id job = 0;

	id_format(d->id, wire);
	id_format(d->text_id, text);
	if (d->text_id)
		snprintf(params, sizeof(params), "{\"document\":\"%s\",\"text\":\"%s\"}", wire, text);
	else
		snprintf(params, sizeof(params), "{\"document\":\"%s\"}", wire);
	const struct job_new in = {.user_id = user_id,
		.kind = d->text_id ? EMBEDDING_JOB : DOCUMENT_JOB,
		.title = d->name,
		.params = params};
	int r = jobs_ask_in(c, &in, &job, e);
	if (r < 0)
		return r;
	return db_exec(c, NULL, e,
		"UPDATE documents SET job_id = ?, state = ?, error_code = NULL, error_text = NULL, updated_at = ?"
		" WHERE id = ?",
		DB_I64(job), DB_TEXT(d->text_id ? "embedding" : "queued"), DB_I64(clock_now_ms()), DB_I64(d->id));
}

struct creation {
	const struct document_new *in;
	struct document_made made;
};

/* The same bytes brought twice count once. */
#define BYTES_OF(these)                                                                                                \
	"SELECT coalesce(sum(size), 0) FROM blobs WHERE id IN (SELECT blob_id FROM documents WHERE " these ")"

static int check_quota(struct db_conn *c, const struct document_new *in, struct err *e)
{
	int64_t own = 0, all = 0;
	int r = STORE_I64(c, &own, NO_DOCUMENT, e, BYTES_OF("user_id = ?"), DB_I64(in->user_id));

	if (r == 0 && own > in->quota)
		return err_set(e, E_QUOTA,
			"Your documents would take more than %lld MB (document_quota_mb). Delete some, then try again.",
			(long long)(in->quota >> 20));
	if (r == 0 && in->total)
		r = STORE_I64(c, &all, NO_DOCUMENT, e, BYTES_OF("id > 0"));
	if (r < 0 || all <= in->total)
		return r;
	return err_set(e, E_QUOTA,
		"All documents of this server would take more than %lld MB (document_total_mb). Delete some, or ask an"
		" administrator.",
		(long long)(in->total >> 20));
}

/* The same bytes under the same name are the same document: a folder that is brought again lists nothing twice, and what was sent
 * anew because its answer was lost neither. *ret_whole: nothing is to be done, for it has not failed. */
static int find_unchanged(struct db_conn *c, const struct document_new *in, atelier_id blob_id, atelier_id *ret,
	bool *ret_whole, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r = STORE_ROW(c, &rows, e,
		"SELECT documents.id, CASE WHEN " STATE " = 'failed' THEN 0 ELSE 1 END FROM documents " JOINED
		"WHERE documents.collection_id = ? AND documents.blob_id = ? AND documents.name = coalesce(?,"
		" documents.name)"
		" AND (documents.id = ? OR ? = 0) ORDER BY documents.id LIMIT 1",
		DB_I64(in->collection_id), DB_I64(blob_id), DB_TEXT(in->name), DB_I64(in->replaces),
		DB_I64(in->replaces));

	if (r > 0) {
		*ret = db_i64(rows, 0);
		*ret_whole = db_i64(rows, 1);
	}
	return MIN(r, 0);
}

/* What other bytes under the same name become; *ret: of which document they are to be a new version, 0 of none. */
static int meet(struct db_conn *c, const struct document_new *in, atelier_id *ret, struct err *e)
{
	atelier_id other = 0;

	if (in->replaces || in->on_conflict == DOCUMENT_ADD)
		return 0;
	int r = STORE_I64(c, &other, NULL, e,
		"SELECT id FROM documents WHERE collection_id = ? AND name = ? ORDER BY id DESC LIMIT 1",
		DB_I64(in->collection_id), DB_TEXT(in->name));
	if (r == 0 && other && in->on_conflict == DOCUMENT_REFUSE)
		return err_set(e, E_EXISTS, "Another file of this name is in the collection: %s", in->name);
	if (r == 0)
		*ret = other;
	return r;
}

static int replace(struct db_conn *c, const struct creation *x, atelier_id blob_id, struct err *e)
{
	struct found d;
	int r = find(c, x->in->user_id, x->made.id, &d, e);

	if (r == 0 && d.open && d.text_id == 0) /* what is only embedded has been read */
		return err_set(e, E_CONFLICT, BEING_READ);
	return r < 0 ? r
		     : db_exec(c, NULL, e, "UPDATE documents SET blob_id = ?, name = coalesce(?, name) WHERE id = ?",
			       DB_I64(blob_id), DB_TEXT(x->in->name), DB_I64(x->made.id));
}

static int add(struct db_conn *c, struct creation *x, atelier_id blob_id, struct err *e)
{
	const struct document_new *in = x->in;
	int64_t now = clock_now_ms();

	return STORE_INSERT(c, &x->made.id, e,
		"INSERT INTO documents (id, collection_id, user_id, blob_id, name, state, created_at, updated_at)"
		" VALUES (?, ?, ?, ?, ?, 'queued', ?, ?)",
		DB_I64(in->collection_id), DB_I64(in->user_id), DB_I64(blob_id), DB_TEXT(in->name), DB_I64(now),
		DB_I64(now));
}

static int take_blob(struct db_conn *c, atelier_id blob_id, void *arg, struct err *e)
{
	struct creation *x = arg;
	const struct document_new *in = x->in;
	bool whole = false;
	int r = may_edit(c, in->user_id, in->collection_id, e);

	x->made = (struct document_made){.id = in->replaces};
	/* Those that wait for another server that has the file: this one has it now. */
	if (r == 0 && db_node(c))
		r = db_exec(c, NULL, e,
			"UPDATE jobs SET node = 0 WHERE node <> 0 AND id IN (SELECT job_id FROM documents WHERE"
			" blob_id = ?)",
			DB_I64(blob_id));
	if (r == 0)
		r = find_unchanged(c, in, blob_id, &x->made.id, &whole, e);
	if (r < 0 || whole) {
		x->made.same_as = x->made.id;
		return r;
	}
	bool again = x->made.id && !in->replaces; /* one that has failed is tried again */
	if (!again)
		r = meet(c, in, &x->made.id, e);
	if (r == 0 && !again)
		r = x->made.id ? replace(c, x, blob_id, e) : add(c, x, blob_id, e);
	if (r == 0)
		r = check_quota(c, in, e);
	if (r == 0)
		r = STORE_I64(c, &x->made.same_as, NULL, e,
			"SELECT id FROM documents WHERE collection_id = ? AND blob_id = ? AND id <> ? ORDER BY id"
			" LIMIT 1",
			DB_I64(in->collection_id), DB_I64(blob_id), DB_I64(x->made.id));
	const struct unfinished d = {x->made.id, 0, in->name ? in->name : "document"};
	return r < 0 ? r : begin_job(c, in->user_id, &d, e);
}

int documents_create(
	struct db *db, const char *data, const struct document_new *in, struct document_made *ret, struct err *e)
{
	struct creation x = {.in = in};
	const struct blob_new blob = {.bytes = in->bytes, .file = in->file, .take = take_blob, .arg = &x};
	int r = blobs_put(db, data, &blob, e);

	if (r == 0)
		*ret = x.made;
	return r;
}

/* ---- by what a collection is searched ---- */

/* Whether the text of the document `d` lacks vectors of an identity, the parameter. */
#define LACKS(d)                                                                                                       \
	"(SELECT count(*) FROM vectors v WHERE v.text_id = " d ".text_id AND v.identity = ?) <"                        \
	" (SELECT t.passages FROM texts t WHERE t.id = " d ".text_id)"
#define D_LACKS LACKS("d")

/* A collection that is searched by no vectors yet waits for documents that may still get some: those of jobs that are open, before
 * a try of theirs has failed, and those that have been read without. */
#define MAY_GET_SOME OPEN " AND j.error_code IS NULL"
#define WAITED_FOR   "(d.state = 'ready' OR (" MAY_GET_SOME "))"

/* From now on the collection is searched by these vectors, if no document lacks them; one that is searched by none yet, if it waits
 * for none that does, as long as others have some. *ret: it was not before. */
static int switch_to(struct db_conn *c, atelier_id collection_id, const char *identity, bool *ret, struct err *e)
{
	int64_t n = 0;
	int r = db_exec(c, &n, e,
		"UPDATE collections SET identity = ? WHERE id = ? AND identity <> ? AND NOT EXISTS"
		" (SELECT 1 FROM documents d LEFT JOIN jobs j ON j.id = d.job_id"
		"  WHERE d.collection_id = collections.id AND d.text_id IS NOT NULL AND " D_LACKS
		"  AND NOT (collections.identity = '' AND NOT " WAITED_FOR
		"   AND EXISTS (SELECT 1 FROM documents o JOIN vectors v ON v.text_id = o.text_id"
		"    WHERE o.collection_id = collections.id AND v.identity = ?)))",
		DB_TEXT(identity), DB_I64(collection_id), DB_TEXT(identity), DB_TEXT(identity), DB_TEXT(identity));

	*ret = r == 0 && n > 0;
	return r;
}

/* Of a collection that is searched by no vectors yet: those that most of its documents have, by the model that was chosen for it.
 * "": none, or a job is open, whose end looks again; while many come, the newest has one, and nothing else is read. */
static int identity_of_most(struct db_conn *c, atelier_id collection_id, char *ret, size_t n, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r = STORE_ROW(c, &rows, e,
		"SELECT v.identity FROM collections k JOIN documents d ON d.collection_id = k.id"
		" JOIN vectors v ON v.text_id = d.text_id AND v.n = 0 WHERE k.id = ? AND k.identity = ''"
		" AND coalesce((SELECT 1 FROM documents w JOIN jobs j ON j.id = w.job_id"
		"  WHERE w.collection_id = k.id AND " MAY_GET_SOME " ORDER BY w.id DESC LIMIT 1), 0) = 0"
		" AND (k.embedding_model = '' OR"
		"  substr(v.identity, 1, length(k.embedding_model) + 1) = k.embedding_model || ' ')"
		" GROUP BY v.identity ORDER BY count(*) DESC, v.identity LIMIT 1",
		DB_I64(collection_id));

	*ret = '\0';
	if (r > 0)
		snprintf(ret, n, STR_FMT, STR_ARG(db_bytes(rows, 0)));
	return MIN(r, 0);
}

/* It may have waited for one alone that is gone, or whose job has ended. *ret_whole: it is searched by vectors from now on. */
static int look_again(struct db_conn *c, atelier_id collection_id, bool *ret_whole, struct err *e)
{
	char identity[1024];
	int r = identity_of_most(c, collection_id, identity, sizeof(identity), e);

	*ret_whole = false;
	if (r == 0 && *identity)
		r = switch_to(c, collection_id, identity, ret_whole, e);
	return r == 0 && *ret_whole ? count_change(c, collection_id, true, NULL, e) : r;
}

/* ---- changing ---- */

static int move(struct db_conn *c, const struct document_edit *x, atelier_id from, struct err *e)
{
	int64_t revision = 0;
	bool whole;
	int r = may_edit(c, x->user_id, x->collection_id, e);

	if (r == 0)
		r = count_change(c, from, true, NULL, e);
	if (r == 0)
		r = count_change(c, x->collection_id, false, &revision, e);
	if (r == 0)
		r = db_exec(c, NULL, e, "UPDATE documents SET collection_id = ?, revision = ? WHERE id = ?",
			DB_I64(x->collection_id), DB_I64(revision), DB_I64(x->id));
	return r < 0 ? r : look_again(c, from, &whole, e);
}

static int edit_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct document_edit *x = arg;
	struct found d;
	int r = find(c, x->user_id, x->id, &d, e);

	if (r == 0 && x->collection_id && x->collection_id != d.collection_id)
		r = move(c, x, d.collection_id, e);
	return r < 0 || !x->name ? r
				 : db_exec(c, NULL, e, "UPDATE documents SET name = ?, updated_at = ? WHERE id = ?",
					   DB_TEXT(x->name), DB_I64(clock_now_ms()), DB_I64(x->id));
}

int documents_edit(struct db *db, const struct document_edit *x, struct err *e)
{
	return store_apply(db, edit_in, x, e);
}

/* Its job finds that it is gone. */
static int delete_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct store_theirs *x = arg;
	struct found d;
	bool whole;
	int r = find(c, x->user_id, x->id, &d, e);

	if (r == 0)
		r = count_change(c, d.collection_id, true, NULL, e);
	if (r == 0)
		r = db_exec(c, NULL, e, "DELETE FROM documents WHERE id = ?", DB_I64(x->id));
	return r < 0 ? r : look_again(c, d.collection_id, &whole, e);
}

int documents_delete(struct db *db, atelier_id user_id, atelier_id id, struct err *e)
{
	ASSERT(user_id);
	return store_apply(db, delete_in, STORE_THEIRS(user_id, id), e);
}

static int retry_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct store_theirs *x = arg;
	struct found d;
	int r = find(c, x->user_id, x->id, &d, e);

	if (r == 0 && d.open)
		r = err_set(e, E_CONFLICT, BEING_READ);
	return r < 0 ? r : begin_job(c, x->user_id, &(struct unfinished){x->id, d.text_id, d.name}, e);
}

int documents_retry(struct db *db, atelier_id user_id, atelier_id id, struct err *e)
{
	return store_apply(db, retry_in, STORE_THEIRS(user_id, id), e);
}

struct reread {
	struct documents_some some;
	int64_t n;
};

static int reread_one(struct db_conn *c, const struct documents_some *x, atelier_id id, bool *ret, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	struct err gone = {0};
	char name[1024];
	int r = STORE_FIRST(c, &rows, NO_DOCUMENT, &gone,
		"SELECT name FROM documents WHERE id = ? AND collection_id = ? AND state IN ('ready', 'failed')",
		DB_I64(id), DB_I64(x->collection_id));

	*ret = false;
	if (r < 0)
		return r == E_NOT_FOUND ? 0 : err_set(e, r, "%s", gone.msg);
	snprintf(name, sizeof(name), STR_FMT, STR_ARG(db_bytes(rows, 0)));
	db_rows_done(TAKE_PTR(rows));
	r = begin_job(c, x->user_id, &(struct unfinished){.id = id, .name = name}, e);
	*ret = r == 0;
	return r;
}

static int reread_in(struct db_conn *c, void *arg, struct err *e)
{
	struct reread *x = arg;
	int r = may_edit(c, x->some.user_id, x->some.collection_id, e);

	x->n = 0; /* the transaction may be tried again */
	for (size_t i = 0; r == 0 && i < x->some.n; i++) {
		struct err why = {0};
		bool begun;
		r = reread_one(c, &x->some, x->some.ids[i], &begun, &why);
		if (r == E_BUSY && x->n > 0)
			return 0;
		x->n += begun;
		r = r < 0 ? err_set(e, r, "%s", why.msg) : 0;
	}
	return r;
}

int documents_reread(struct db *db, const struct documents_some *x, int64_t *ret_n, struct err *e)
{
	struct reread copy = {.some = *x};

	ASSERT(x->user_id);
	int r = db_write(db, reread_in, &copy, e);
	*ret_n = r < 0 ? 0 : copy.n;
	return r;
}

/* ---- for the job ---- */

#define W struct document_work
static const struct col work_columns[] = {COL(I64, W, id), COL(I64, W, collection_id), COL(TEXT, W, name),
	COL_AS(TEXT, W, hash, "b.hash", COL_SEEN), COL_AS(I64, W, size, "b.size", COL_SEEN),
	COL_AS(I64, W, passage_tokens, "k.passage_tokens", COL_SEEN), COL_AS(I64, W, overlap, "k.overlap", COL_SEEN),
	COL_AS(TEXT, W, embedding_model, "k.embedding_model", COL_SEEN), COL(REF, W, user_id),
	COL_AS(TEXT, W, identity, "k.identity", COL_SEEN)};
#undef W
static const struct rows_table work = {"documents", NULL, NO_DOCUMENT, NULL, TABLE(struct document_work, work_columns)};

int documents_work(struct db_conn *c, atelier_id id, struct arena *a, struct document_work *ret, struct err *e)
{
	return rows_first(&work, c, a, ret, e,
		"JOIN blobs b ON b.id = documents.blob_id JOIN collections k ON k.id = documents.collection_id"
		" WHERE documents.id = ?",
		DB_I64(id));
}

int documents_elsewhere(struct db *db, const char *data, atelier_id id, int64_t *ret_node, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(db);
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	CLEANUP(closep) int fd = -1;
	struct err quiet = {0};
	int r = STORE_FIRST(c, &rows, NO_DOCUMENT, e,
		"SELECT b.hash, b.node FROM documents d JOIN blobs b ON b.id = d.blob_id WHERE d.id = ?", DB_I64(id));

	*ret_node = 0;
	if (r < 0 || db_node(c) == 0 || db_i64(rows, 1) == 0 || db_i64(rows, 1) == db_node(c))
		return r;
	char hash[BLOB_HASH_LEN + 1];
	snprintf(hash, sizeof(hash), STR_FMT, STR_ARG(db_bytes(rows, 0)));
	if (blobs_open(data, hash, &fd, &quiet) == E_NOT_FOUND) /* it may have been brought to both */
		*ret_node = db_i64(rows, 1);
	return 0;
}

int documents_set_state(
	struct db *db, atelier_id id, const char *state, const char *code, const char *text, struct err *e)
{
	return STORE_WRITE(db, NULL, e,
		"UPDATE documents SET state = ?, error_code = ?, error_text = ?, updated_at = ? WHERE id = ?",
		DB_TEXT(state), DB_TEXT(code), DB_TEXT(text), DB_I64(clock_now_ms()), DB_I64(id));
}

static int embed_in(struct db_conn *c, void *arg, struct err *e)
{
	const atelier_id *id = arg;
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	char name[1024];
	int r = STORE_FIRST(c, &rows, NO_DOCUMENT, e,
		"SELECT d.name, coalesce(d.user_id, k.user_id), d.text_id FROM documents d"
		" JOIN collections k ON k.id = d.collection_id WHERE d.id = ? AND d.text_id IS NOT NULL",
		DB_I64(*id));

	ASSERT(db_is_writing(c));
	if (r < 0)
		return r;
	snprintf(name, sizeof(name), STR_FMT, STR_ARG(db_bytes(rows, 0)));
	atelier_id user_id = db_i64(rows, 1), text_id = db_i64(rows, 2);
	db_rows_done(TAKE_PTR(rows));
	return begin_job(c, user_id, &(struct unfinished){*id, text_id, name}, e);
}

int documents_embed(struct db *db, atelier_id id, struct err *e)
{
	return db_write(db, embed_in, &id, e);
}

struct embedded {
	atelier_id id, text_id;
	const char *identity;
};

static int collection_of(struct db_conn *c, atelier_id id, atelier_id *ret, struct err *e)
{
	return STORE_I64(c, ret, NO_DOCUMENT, e, "SELECT collection_id FROM documents WHERE id = ?", DB_I64(id));
}

static int embedded_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct embedded *x = arg;
	int64_t revision = 0;
	atelier_id collection = 0;
	bool whole = false;
	int r = collection_of(c, x->id, &collection, e);

	ASSERT(db_is_writing(c));
	if (r == 0)
		r = switch_to(c, collection, x->identity, &whole, e);
	if (r == 0)
		r = count_change(c, collection, whole, &revision, e);
	if (r < 0)
		return r;
	return db_exec(c, NULL, e,
		"UPDATE documents SET state = CASE WHEN state = 'embedding' AND text_id = ? THEN 'ready'"
		" ELSE state END, revision = ?, updated_at = ? WHERE id = ?",
		DB_I64(x->text_id), DB_I64(revision), DB_I64(clock_now_ms()), DB_I64(x->id));
}

int documents_embedded(struct db *db, atelier_id id, atelier_id text_id, const char *identity, struct err *e)
{
	return store_apply(db, embedded_in, &(struct embedded){id, text_id, identity}, e);
}

int documents_job_ended(struct db_conn *c, const char *params, struct err *e)
{
	CLEANUP(json_decrefp) json_t *json = NULL;
	atelier_id id = 0, collection = 0;
	struct err quiet = {0};
	const char *wire =
		json_parse(params, strlen(params), &json, &quiet) < 0 ? NULL : json_get_str(json, "document");
	bool whole;
	int r;

	ASSERT(db_is_writing(c));
	if (!wire || !id_parse(wire, strlen(wire), &id))
		return 0; /* no document of ours */
	r = collection_of(c, id, &collection, e);
	if (r == E_NOT_FOUND) { /* when that was deleted, this was looked at */
		err_clear(e);
		return 0;
	}
	return r < 0 ? r : look_again(c, collection, &whole, e);
}

struct waiting {
	atelier_id id;
	bool whole;
};

static int look_again_in(struct db_conn *c, void *arg, struct err *e)
{
	struct waiting *x = arg;

	return look_again(c, x->id, &x->whole, e);
}

/* The next collection that is searched by words alone although some document of it has vectors; 0: none. */
static int next_waiting(struct db *db, atelier_id after, atelier_id *ret, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(db);

	return STORE_I64(c, ret, NULL, e,
		"SELECT coalesce(min(k.id), 0) FROM collections k WHERE k.id > ? AND k.identity = '' AND EXISTS"
		" (SELECT 1 FROM documents d JOIN vectors v ON v.text_id = d.text_id AND v.n = 0"
		"  WHERE d.collection_id = k.id)",
		DB_I64(after));
}

int documents_look_again(struct db *db, int64_t *ret_n, struct err *e)
{
	struct waiting x = {.id = 0};
	int r;

	*ret_n = 0;
	while ((r = next_waiting(db, x.id, &x.id, e)) == 0 && x.id) {
		x.whole = false;
		if ((r = db_write(db, look_again_in, &x, e)) < 0)
			return r;
		*ret_n += x.whole;
	}
	return r;
}

#define U struct unfinished
static const struct col unfinished_columns[] = {COL(I64, U, id),
	COL_AS(I64, U, text_id, "CASE WHEN documents.state IN ('ready', 'embedding') THEN documents.text_id ELSE 0 END",
		COL_SEEN),
	COL(TEXT, U, name)};
#undef U
static const struct rows_table unfinished = {
	"documents", NULL, NULL, NULL, TABLE(struct unfinished, unfinished_columns)};

struct embed_all {
	atelier_id user_id, collection_id;
	const char *identity;
	int64_t n;
};

static int embed_all_in(struct db_conn *c, void *arg, struct err *e)
{
	struct embed_all *x = arg;
	CLEANUP(arena_done) struct arena a;
	struct unfinished *items = NULL;
	struct err full = {0};
	size_t n = 0;
	int r = may_edit(c, x->user_id, x->collection_id, e);

	ASSERT(db_is_writing(c));
	arena_init(&a, (size_t)64 << 20);
	if (r == 0)
		r = rows_all(&unfinished, c, &a, &items, &n, e,
			"LEFT JOIN jobs j ON j.id = documents.job_id WHERE documents.collection_id = ?"
			" AND documents.text_id IS NOT NULL AND NOT (" WILL_SEE
			") AND " LACKS("documents") " ORDER BY documents.id",
			DB_I64(x->collection_id), DB_TEXT(x->identity));
	for (size_t i = 0; r == 0 && i < n; i++) {
		r = begin_job(c, x->user_id, &items[i], &full);
		if (r == E_BUSY)
			return 0; /* the rest when these are done */
		x->n += r == 0;
	}
	return r < 0 && full.code ? err_set(e, r, "%s", full.msg) : r;
}

static int embed_or_switch_in(struct db_conn *c, void *arg, struct err *e)
{
	struct embed_all *x = arg;
	bool whole = false;
	int r = embed_all_in(c, x, e);

	if (r == 0)
		r = switch_to(c, x->collection_id, x->identity, &whole, e);
	return r == 0 && whole ? count_change(c, x->collection_id, true, NULL, e) : r;
}

int documents_embed_all(struct db *db, atelier_id user_id, atelier_id collection_id, const char *identity,
	int64_t *ret_n, struct err *e)
{
	struct embed_all x = {.user_id = user_id, .collection_id = collection_id, .identity = identity};
	int r = db_write(db, embed_or_switch_in, &x, e);

	*ret_n = r < 0 ? 0 : x.n;
	return r;
}

static const struct col change_columns[] = {COL_AS(I64, struct document_change, id, "d.id", COL_SEEN),
	COL_AS(I64, struct document_change, text_id, "d.text_id", COL_SEEN),
	COL_AS(I64, struct document_change, words, "coalesce(o.words, ?)", COL_SEEN)};
static const struct rows_table changes = {"documents", NULL, NULL, NULL, TABLE(struct document_change, change_columns)};

/* Of the texts only the few of an older version are asked, by their index: SQLite reads all of a row's postings before `words`. */
int documents_changed(struct db_conn *c, atelier_id collection_id, int64_t since, int64_t words, struct arena *a,
	struct document_changes *ret, struct err *e)
{
	return rows_from(&changes, c, a, &ret->items, &ret->n, e,
		"WITH older AS MATERIALIZED (SELECT id, words FROM texts WHERE ready = 1 AND words < ?)",
		"documents d LEFT JOIN older o ON o.id = d.text_id"
		" WHERE d.collection_id = ? AND d.revision > ? AND d.text_id IS NOT NULL ORDER BY d.id",
		DB_I64(words), DB_I64(words), DB_I64(collection_id), DB_I64(since));
}
