/* Documents read by programs: listed, read from a page on, gone through for words; within a scope alone. Indexes: how much of
 * memory they take, and what is read of them at a time. */
#include <ftw.h>

#include "../patience.h"
#include "../store/store_test.h"

#include "base/clock.h"
#include "rag/rag_priv.h"
#include "store/collections.h"
#include "store/documents.h"
#include "store/jobs.h"
#include "store/store_priv.h"
#include "store/texts.h"
#include "store/vectors.h"

static const char words[] = "The harbour of \xC3\x84lvsborg.\n\nBoats pay four crowns.\n\nThe lock opens at noon.";
#define SECOND 27 /* where the second passage begins, */
#define THIRD  51 /* and the third, on page 2 */

static int unlink_any(const char *path, const struct stat *st UNUSED, int kind UNUSED, struct FTW *at UNUSED)
{
	return remove(path);
}

static int end(void **state)
{
	struct fixture *f = *state;
	char blobs[96];

	snprintf(blobs, sizeof(blobs), "%s/blobs", f->folder);
	(void)nftw(blobs, unlink_any, 8, FTW_DEPTH | FTW_PHYS);
	return teardown(state);
}

static atelier_id add_collection(struct fixture *f, atelier_id user, const char *name)
{
	const struct collection in = {.user_id = user, .name = name, COLLECTION_FRESH};
	atelier_id id = 0;

	FINE(f, shared_create(&collections_kind, f->db, &in, &id, &f->e));
	return id;
}

/* A document as if it had been read: three passages on two pages. */
static atelier_id add_document(struct fixture *f, atelier_id user, atelier_id collection, const char *name)
{
	const struct document_new new = {
		.user_id = user, .collection_id = collection, .name = name, .bytes = str_from(name), .quota = 1 << 20};
	const struct passage_row rows[] = {{.n = 0, .start = 0, .end = SECOND - 2, .page = 1, .heading = "Place"},
		{.n = 1, .start = SECOND, .end = THIRD - 2, .page = 1, .heading = ""},
		{.n = 2, .start = THIRD, .end = sizeof(words) - 1, .page = 2, .heading = ""}};
	const struct page_row pages[] = {
		{.n = 0, .number = 1, .kind = "page", .label = "", .start = 0, .end = THIRD - 2},
		{.n = 1, .number = 2, .kind = "page", .label = "", .start = THIRD, .end = sizeof(words) - 1}};
	struct document_made made = {.id = 0};
	struct document d = {0};
	struct text t = {.recipe = "test",
		.language = "en",
		.words = WORDS_VERSION,
		.format = "pdf",
		.bytes = sizeof(words) - 1,
		.warnings = "[]"};
	const struct str postings = {"", 0};
	atelier_id text = 0;

	FINE(f, documents_create(f->db, f->folder, &new, &made, &f->e));
	FINE(f, documents_get(f->c, user, made.id, &f->a, &d, &f->e));
	t.hash = d.hash;
	t.document_id = d.id;
	FINE(f, texts_begin(f->db, &t, &text, &f->e));
	FINE(f, texts_add(f->db, text, 0, (struct str){words, sizeof(words) - 1}, &f->e));
	FINE(f, texts_add_passages(f->db, text, rows, 3, &f->e));
	FINE(f, texts_add_pages(f->db, text, pages, 2, &f->e));
	FINE(f, texts_show(f->db, &(struct text_end){d.id, text, d.hash, &postings, 3, "ready"}, &f->e));
	return d.id;
}

static int64_t count_texts(struct fixture *f)
{
	int64_t n = -1;

	FINE(f, STORE_I64(f->c, &n, "", &f->e, "SELECT count(*) FROM texts"));
	return n;
}

/* What is stored as a whole is what is stored in parts; where it cannot be shown nothing of it stays. */
static void test_put(void **state)
{
	struct fixture *f = *state;
	atelier_id k = add_collection(f, f->ada, "Whole");
	const struct document_new new = {
		.user_id = f->ada, .collection_id = k, .name = "w.pdf", .bytes = str_from("w"), .quota = 1 << 20};
	struct document_made made = {.id = 0};
	struct document d = {0};
	struct passage_rows passages = {.n = 0};
	struct page_row page = {.n = 0};
	CLEANUP(buf_done) struct buf bytes = BUF_INIT(1000);
	const struct str postings = {"p", 1};

	FINE(f, documents_create(f->db, f->folder, &new, &made, &f->e));
	FINE(f, documents_get(f->c, f->ada, made.id, &f->a, &d, &f->e));
	struct text t = {.hash = d.hash,
		.document_id = d.id,
		.recipe = "test",
		.language = "en",
		.words = WORDS_VERSION,
		.format = "pdf",
		.bytes = sizeof(words) - 1,
		.warnings = "[]"};
	const struct passage_row rows[] = {{.n = 0, .start = 0, .end = SECOND - 2, .page = 1, .heading = "Place"}};
	const struct page_row pages[] = {
		{.n = 0, .number = 1, .kind = "page", .label = "", .start = 0, .end = sizeof(words) - 1}};
	struct text_whole w = {.text = &t,
		.bytes = {words, sizeof(words) - 1},
		.passages = rows,
		.n_passages = 1,
		.pages = pages,
		.n_pages = 1,
		.end = {d.id, 0, "another file's", &postings, 1, "ready"}};

	assert_int_equal(texts_put(f->db, &w, &f->e), E_NOT_FOUND);
	assert_int_equal(count_texts(f), 0);
	f->e = (struct err){0};
	w.end.hash = d.hash;
	FINE(f, texts_put(f->db, &w, &f->e));
	assert_int_equal(count_texts(f), 1);
	FINE(f, documents_get(f->c, f->ada, made.id, &f->a, &d, &f->e));
	assert_int_equal(d.text_id, w.end.text_id);
	FINE(f, texts_slice(f->c, d.text_id, 0, sizeof(words) - 1, &bytes, &f->e));
	assert_memory_equal(bytes.p, words, sizeof(words) - 1);
	FINE(f, texts_passages(f->c, d.text_id, 0, 9, &f->a, &passages, &f->e));
	assert_int_equal(passages.n, 1);
	assert_string_equal(passages.items[0].heading, "Place");
	FINE(f, texts_page(f->c, d.text_id, 1, &f->a, &page, &f->e));
	assert_int_equal(page.end, sizeof(words) - 1);
}

struct house {
	struct fixture *f;
	struct rag *r;
	atelier_id k, d, other, hers; /* ada's collection, two documents of it, one of bob's */
};

static void build(void **state, struct house *h)
{
	h->f = *state;
	static const struct settings settings = {.document_index_mb = 100};
	const struct rag_config c = {.db = h->f->db, .settings = &settings};

	FINE(h->f, rag_new(&c, &h->r, &h->f->e));
	h->k = add_collection(h->f, h->f->ada, "Harbour");
	h->d = add_document(h->f, h->f->ada, h->k, "a.pdf");
	h->other = add_document(h->f, h->f->ada, h->k, "b.pdf");
	h->hers = add_document(h->f, h->f->bob, add_collection(h->f, h->f->bob, "Bob's"), "c.pdf");
}

static struct search_wish all_of(const struct house *h)
{
	return (struct search_wish){.user_id = h->f->ada, .collections = &h->k, .n_collections = 1};
}

static void test_list(void **state)
{
	struct house h;
	struct listed_documents l;

	build(state, &h);
	const struct search_wish w = all_of(&h);
	FINE(h.f, rag_list(h.r, &w, 0, 1, &h.f->a, &l, &h.f->e));
	assert_int_equal(l.n, 1);
	assert_string_equal(l.items[0].name, "a.pdf");
	assert_string_equal(l.items[0].format, "pdf");
	assert_int_equal(l.next, h.d);
	FINE(h.f, rag_list(h.r, &w, l.next, 1, &h.f->a, &l, &h.f->e));
	assert_int_equal(l.items[0].id, h.other);
	assert_int_equal(l.next, 0);
	const struct search_wish one = {.user_id = h.f->ada, .documents = &h.other, .n_documents = 1};
	FINE(h.f, rag_list(h.r, &one, 0, 10, &h.f->a, &l, &h.f->e));
	assert_int_equal(l.n, 1);
	const struct search_wish bobs = {.user_id = h.f->ada, .documents = &h.hers, .n_documents = 1};
	REFUSED(h.f, E_NOT_FOUND, rag_list(h.r, &bobs, 0, 10, &h.f->a, &l, &h.f->e));
	rag_free(h.r);
}

static atelier_id add_unread(struct fixture *f, atelier_id collection, const char *name)
{
	const struct document_new new = {.user_id = f->ada,
		.collection_id = collection,
		.name = name,
		.bytes = str_from("unread"),
		.quota = 1 << 20};
	struct document_made made = {.id = 0};

	FINE(f, documents_create(f->db, f->folder, &new, &made, &f->e));
	return made.id;
}

static void test_named(void **state)
{
	struct house h;
	atelier_id got;
	char id[ID_LEN + 1];

	build(state, &h);
	const struct search_wish w = all_of(&h);
	const struct search_wish one = {.user_id = h.f->ada, .documents = &h.d, .n_documents = 1};
	id_format(h.d, id);
	const atelier_id newer = add_unread(h.f, h.k, "a.pdf");
	add_unread(h.f, h.k, id); /* whose name is the id of another one */
	FINE(h.f, rag_named(h.r, &w, "a.pdf", &h.f->a, &got, &h.f->e));
	assert_int_equal(got, newer);
	FINE(h.f, rag_named(h.r, &w, id, &h.f->a, &got, &h.f->e));
	assert_int_equal(got, h.d);
	/* The newest of the scope, which the newest of all is not in. */
	FINE(h.f, rag_named(h.r, &one, "a.pdf", &h.f->a, &got, &h.f->e));
	assert_int_equal(got, h.d);
	id_format(h.other, id);
	REFUSED(h.f, E_NOT_FOUND, rag_named(h.r, &one, id, &h.f->a, &got, &h.f->e));
	REFUSED(h.f, E_NOT_FOUND, rag_named(h.r, &w, "A.pdf", &h.f->a, &got, &h.f->e));
	REFUSED(h.f, E_NOT_FOUND, rag_named(h.r, &w, "c.pdf", &h.f->a, &got, &h.f->e)); /* bob's */
	id_format(h.hers, id);
	REFUSED(h.f, E_NOT_FOUND, rag_named(h.r, &w, id, &h.f->a, &got, &h.f->e));
	rag_free(h.r);
}

static void test_read(void **state)
{
	struct house h;
	struct reading got;

	build(state, &h);
	struct reading_wish w = {.where = all_of(&h), .document_id = h.d, .page = 2, .bytes = 1000};
	FINE(h.f, rag_read(h.r, &w, &h.f->a, &got, &h.f->e));
	assert_string_equal(got.text, "The lock opens at noon.");
	assert_int_equal(got.page, 2);
	assert_true(got.passage_id != 0);
	assert_int_equal(got.next, 0);
	/* From a byte on; never half of a letter. */
	w.page = 0;
	w.bytes = 16;
	FINE(h.f, rag_read(h.r, &w, &h.f->a, &got, &h.f->e));
	assert_string_equal(got.text, "The harbour of ");
	assert_string_equal(got.heading, "Place");
	w.start = 16;
	FINE(h.f, rag_read(h.r, &w, &h.f->a, &got, &h.f->e));
	assert_string_equal(got.text, "lvsborg.\n\nBoats");
	assert_int_equal(got.next, 32);
	w.page = 3;
	REFUSED(h.f, E_NOT_FOUND, rag_read(h.r, &w, &h.f->a, &got, &h.f->e));
	w = (struct reading_wish){.where = all_of(&h), .document_id = h.hers, .bytes = 100};
	REFUSED(h.f, E_NOT_FOUND, rag_read(h.r, &w, &h.f->a, &got, &h.f->e));
	/* One that may be read, and is not in the scope. */
	w.where = (struct search_wish){.user_id = h.f->ada, .documents = &h.other, .n_documents = 1};
	w.document_id = h.d;
	REFUSED(h.f, E_NOT_FOUND, rag_read(h.r, &w, &h.f->a, &got, &h.f->e));
	rag_free(h.r);
}

static void test_find(void **state)
{
	struct house h;
	struct found got;

	build(state, &h);
	struct find_wish w = {.where = all_of(&h), .text = "\xC3\xA4LVSborg", .limit = 10};
	FINE(h.f, rag_find(h.r, &w, &h.f->a, &got, &h.f->e));
	assert_int_equal(got.n, 2);
	assert_false(got.more);
	assert_int_equal(got.items[0].document_id, h.d);
	assert_string_equal(got.items[0].text, "The harbour of \xC3\x84lvsborg.");
	w.text = "al\u0640vs\u064Eborg"; /* what only makes it longer, and points */
	FINE(h.f, rag_find(h.r, &w, &h.f->a, &got, &h.f->e));
	assert_int_equal(got.n, 2);
	w.text = "alvsborg"; /* who leaves accents out finds it, too */
	FINE(h.f, rag_find(h.r, &w, &h.f->a, &got, &h.f->e));
	assert_int_equal(got.n, 2);
	w.limit = 1;
	w.document_id = h.other;
	FINE(h.f, rag_find(h.r, &w, &h.f->a, &got, &h.f->e));
	assert_int_equal(got.items[0].document_id, h.other);
	assert_true(got.more);
	w.text = "zeppelin";
	FINE(h.f, rag_find(h.r, &w, &h.f->a, &got, &h.f->e));
	assert_int_equal(got.n, 0);
	w.text = "";
	REFUSED(h.f, E_INVALID, rag_find(h.r, &w, &h.f->a, &got, &h.f->e));
	rag_free(h.r);
}

static int disorder_in(struct db_conn *c, void *arg UNUSED, struct err *e)
{
	return db_exec(c, NULL, e, "UPDATE passages SET start_at = ? WHERE n = 0", DB_I64(THIRD));
}

/* What the database says of passages that cannot be so is an error, and nothing is read where none is. */
static void test_passages_in_no_order(void **state)
{
	struct house h;
	struct found got;

	build(state, &h);
	const struct find_wish w = {.where = all_of(&h), .text = "boats", .limit = 10};
	FINE(h.f, rag_find(h.r, &w, &h.f->a, &got, &h.f->e));
	assert_int_equal(got.n, 2);
	FINE(h.f, db_write(h.f->db, disorder_in, NULL, &h.f->e));
	REFUSED(h.f, E_INTERNAL, rag_find(h.r, &w, &h.f->a, &got, &h.f->e));
	rag_free(h.r);
}

/* ---- terms of an older version ---- */

static int old_words_in(struct db_conn *c, void *arg, struct err *e)
{
	CLEANUP(words_freep) struct words *w = words_new();
	CLEANUP(postings_freep) struct postings *p = postings_new(LANGUAGE_EN);
	CLEANUP(buf_done) struct buf b = BUF_INIT(65536);

	for (int i = 0; i < 3; i++)
		postings_add(p, w, STR(""), STR("harbour"));
	postings_write(p, &b);
	return db_exec(c, NULL, e, "UPDATE texts SET words = 2, postings = ? WHERE id = ?", DB_BLOB(b.p, b.n),
		DB_I64(*(const atelier_id *)arg));
}

/* As if an older version had known one word alone. */
static void set_old_words(const struct house *h, atelier_id document)
{
	struct document d = {0};

	FINE(h->f, documents_get(h->f->c, h->f->ada, document, &h->f->a, &d, &h->f->e));
	FINE(h->f, db_write(h->f->db, old_words_in, &d.text_id, &h->f->e));
}

static size_t hits_of(const struct house *h, const char *query)
{
	const struct search_request q = {.where = all_of(h), .query = query, .limit = 10, .mode = "fulltext"};
	struct search_result got;

	FINE(h->f, rag_search(h->r, &q, &h->f->a, &got, &h->f->e));
	return got.n;
}

/* What was read before is found as it was until its terms are made anew, one text at a time, and then by all of them. */
static void test_reword(void **state)
{
	struct house h;
	struct rewording x = {0};

	build(state, &h);
	set_old_words(&h, h.d);
	set_old_words(&h, h.other);
	assert_int_equal(hits_of(&h, "harbour"), 6);
	assert_int_equal(hits_of(&h, "alvsborg"), 0);
	assert_int_equal(reword_next(h.r, &x), 0);
	assert_int_equal(hits_of(&h, "harbour"), 4);
	assert_int_equal(hits_of(&h, "alvsborg"), 1);
	assert_int_equal(reword_next(h.r, &x), 0);
	assert_true(reword_next(h.r, &x) == INT64_MAX);
	assert_int_equal(hits_of(&h, "harbour"), 2);
	assert_int_equal(hits_of(&h, "crowns"), 2);
	x = (struct rewording){0};
	assert_true(reword_next(h.r, &x) == INT64_MAX); /* all are done */
	x.failed = true;                                /* but for one */
	assert_in_range(reword_next(h.r, &x), clock_mono_ms() + 1, clock_mono_ms() + 61000);
	assert_true(x.after == 0 && !x.failed);
	rag_free(h.r);
}

#define NUMBERS 4500
#define VECTORS 100 /* of a document: 0.45 MB in memory */

static void add_vectors(struct house *h, atelier_id document)
{
	static float rows[VECTORS * NUMBERS];
	struct document d = {0};

	for (size_t i = 0; i < VECTORS * NUMBERS; i += NUMBERS + 1)
		rows[i] = 1;
	FINE(h->f, documents_get(h->f->c, h->f->ada, document, &h->f->a, &d, &h->f->e));
	const struct vectors_new in = {d.text_id, "model 1", 0, rows, VECTORS, NUMBERS};
	FINE(h->f, vectors_store(h->f->db, &in, &h->f->e));
	FINE(h->f, documents_embedded(h->f->db, document, d.text_id, "model 1", &h->f->e));
}

static void end_jobs(struct fixture *f, const char *kind)
{
	const struct job_take next = {.kind = kind, .places = 1, .lease_ms = 60000};
	struct job_row job = {0};

	while (jobs_take(f->db, &next, &f->a, &job, &f->e) == 1) {
		const struct job_result done = {.id = job.id, .claim = job.claim, .state = "complete"};
		FINE(f, jobs_finish(f->db, &done, &f->e));
	}
}

/* Its job has done all and not ended yet: what is asked for then is done by it once more. */
static void test_another_model_in_the_last_moment(void **state)
{
	struct house h;
	struct job_row job = {0};
	int64_t n = 0;
	build(state, &h);
	const struct job_take next = {.kind = EMBEDDING_JOB, .places = 1, .lease_ms = 60000};

	end_jobs(h.f, DOCUMENT_JOB);
	FINE(h.f, documents_embed_all(h.f->db, h.f->ada, h.k, "model 1", &n, &h.f->e));
	assert_int_equal(n, 2);
	assert_int_equal(jobs_take(h.f->db, &next, &h.f->a, &job, &h.f->e), 1);
	add_vectors(&h, h.d);
	FINE(h.f, documents_embed_all(h.f->db, h.f->ada, h.k, "model 2", &n, &h.f->e));
	assert_int_equal(n, 1); /* the other one still waits, and will see it */
	const struct job_result done = {.id = job.id, .claim = job.claim, .state = "complete"};
	assert_int_equal(jobs_finish(h.f->db, &done, &h.f->e), 1);
	FINE(h.f, jobs_get(h.f->c, 0, job.id, &h.f->a, &job, &h.f->e));
	assert_string_equal(job.state, "queued");
	rag_free(h.r);
}

static const char *identity_of(const struct house *h)
{
	struct collection k = {.id = 0};

	FINE(h->f, collections_get(h->f->c, h->f->ada, h->k, GRANT_READ, &h->f->a, &k, &h->f->e));
	return k.identity;
}

/* A collection of three documents, one of which has vectors; the other two have jobs that are open. */
static void build_waiting(void **state, struct house *h)
{
	struct document d = {0};
	int64_t n = 0;

	build(state, h);
	const atelier_id third = add_document(h->f, h->f->ada, h->k, "d.pdf");
	end_jobs(h->f, DOCUMENT_JOB);
	FINE(h->f, documents_embed_all(h->f->db, h->f->ada, h->k, "model 1", &n, &h->f->e));
	assert_int_equal(n, 3);
	add_vectors(h, third);
	FINE(h->f, documents_get(h->f->c, h->f->ada, third, &h->f->a, &d, &h->f->e));
	assert_int_equal(jobs_cancel(h->f->db, h->f->ada, d.job_id, &h->f->e), 1); /* it has what it wanted */
	assert_string_equal(identity_of(h), "");                                   /* the others may have some yet */
}

/* Two that fail at once: each sees the other open, until its end is stored. */
static void test_two_fail_at_once(void **state)
{
	struct house h;
	struct job_row jobs[2] = {{.id = 0}};

	build_waiting(state, &h);
	const struct job_take next = {.kind = EMBEDDING_JOB, .places = 2, .lease_ms = 60000};
	for (int i = 0; i < 2; i++)
		assert_int_equal(jobs_take(h.f->db, &next, &h.f->a, &jobs[i], &h.f->e), 1);
	for (int i = 0; i < 2; i++) {
		const struct job_result failed = {.id = jobs[i].id,
			.claim = jobs[i].claim,
			.state = "failed",
			.error_code = "provider_error",
			.error_text = "No."};
		assert_string_equal(identity_of(&h), "");
		FINE(h.f, jobs_finish(h.f->db, &failed, &h.f->e));
	}
	assert_string_equal(identity_of(&h), "model 1");
	rag_free(h.r);
}

/* Nor is one waited for that was stopped before it began, */
static void test_stopped_while_queued(void **state)
{
	struct house h;
	struct document d = {0};

	build_waiting(state, &h);
	FINE(h.f, documents_get(h.f->c, h.f->ada, h.d, &h.f->a, &d, &h.f->e));
	assert_int_equal(jobs_cancel(h.f->db, h.f->ada, d.job_id, &h.f->e), 1);
	assert_string_equal(identity_of(&h), "");
	FINE(h.f, documents_get(h.f->c, h.f->ada, h.other, &h.f->a, &d, &h.f->e));
	assert_int_equal(jobs_cancel(h.f->db, h.f->ada, d.job_id, &h.f->e), 1);
	assert_string_equal(identity_of(&h), "model 1");
	rag_free(h.r);
}

/* or was deleted. */
static void test_deleted_while_queued(void **state)
{
	struct house h;

	build_waiting(state, &h);
	FINE(h.f, documents_delete(h.f->db, h.f->ada, h.d, &h.f->e));
	assert_string_equal(identity_of(&h), "");
	FINE(h.f, documents_delete(h.f->db, h.f->ada, h.other, &h.f->e));
	assert_string_equal(identity_of(&h), "model 1");
	rag_free(h.r);
}

/* A document whose file is gone says so. */
static void test_file_is_gone(void **state)
{
	struct fixture *f = *state;
	const struct settings settings = {.data = "/nowhere", .document_index_mb = 100};
	const struct rag_config c = {.db = f->db, .settings = &settings};
	const struct document_new new = {.user_id = f->ada,
		.collection_id = add_collection(f, f->ada, "Lost"),
		.name = "a.txt",
		.bytes = STR("it was there"),
		.quota = 1 << 20};
	struct document_made made = {.id = 0};
	struct document d = {.id = 0};
	struct cancel cancel;
	struct rag *r = NULL;

	cancel_init(&cancel);
	FINE(f, rag_new(&c, &r, &f->e));
	FINE(f, documents_create(f->db, f->folder, &new, &made, &f->e));
	end_jobs(f, DOCUMENT_JOB);
	REFUSED(f, E_INVALID, rag_ingest(r, made.id, NULL, &cancel, &f->e));
	FINE(f, documents_get(f->c, f->ada, made.id, &f->a, &d, &f->e));
	assert_string_equal(d.state, "failed");
	assert_string_equal(d.error_code, "missing");
	assert_string_equal(d.error_text, "The bytes of this file are gone. Bring the file again.");
	FINE(f, documents_delete(f->db, f->ada, made.id, &f->e));
	FINE(f, rag_ingest(r, made.id, NULL, &cancel, &f->e)); /* which is no failure */
	rag_free(r);
	cancel_done(&cancel);
}

static int64_t elsewhere(struct fixture *f, int64_t node, const char *folder, atelier_id id)
{
	const struct db_config config = {.path = f->path, .readers = 1, .node = node};
	size_t n;
	const struct db_migration *m = store_migrations(&n);
	struct db *db = NULL;
	int64_t ret = -1;

	FINE(f, db_open(&config, m, n, &db, &f->e));
	FINE(f, documents_elsewhere(db, folder, id, &ret, &f->e));
	db_close(db);
	return ret;
}

/* Servers that share a database each have the files that were brought to them. */
static void test_files_of_another_server(void **state)
{
	struct fixture *f = *state;
	const struct db_config config = {.path = f->path, .readers = 1, .node = 5};
	const struct document_new new = {.user_id = f->ada,
		.collection_id = add_collection(f, f->ada, "Shared"),
		.name = "a.txt",
		.bytes = STR("brought to the fifth"),
		.quota = 1 << 20};
	struct document_made made = {.id = 0};
	struct db *fifth = NULL;
	size_t n;
	const struct db_migration *m = store_migrations(&n);

	FINE(f, db_open(&config, m, n, &fifth, &f->e));
	FINE(f, documents_create(fifth, f->folder, &new, &made, &f->e));
	db_close(fifth);
	assert_int_equal(elsewhere(f, 7, "/nowhere", made.id), 5);
	assert_int_equal(elsewhere(f, 7, f->folder, made.id), 0);  /* it was brought there, too */
	assert_int_equal(elsewhere(f, 5, "/nowhere", made.id), 0); /* it is gone */
	assert_int_equal(elsewhere(f, 0, "/nowhere", made.id), 0); /* nobody shares */
	int64_t ret;
	REFUSED(f, E_NOT_FOUND, documents_elsewhere(f->db, f->folder, 1, &ret, &f->e));
}

static int forget_jobs_in(struct db_conn *c, void *arg, struct err *e)
{
	(void)arg;
	return db_exec(c, NULL, e, "DELETE FROM jobs");
}

/* One that waited when the end of what it waited for was not looked at, as in a version before. */
static void test_waits_for_nobody(void **state)
{
	struct house h;
	int64_t n = -1;

	build_waiting(state, &h);
	FINE(h.f, documents_look_again(h.f->db, &n, &h.f->e));
	assert_int_equal(n, 0);
	assert_string_equal(identity_of(&h), ""); /* as long as it waits for somebody */
	FINE(h.f, db_write(h.f->db, forget_jobs_in, NULL, &h.f->e));
	FINE(h.f, documents_look_again(h.f->db, &n, &h.f->e));
	assert_int_equal(n, 1);
	assert_string_equal(identity_of(&h), "model 1");
	FINE(h.f, documents_look_again(h.f->db, &n, &h.f->e));
	assert_int_equal(n, 0);
	rag_free(h.r);
}

static struct search_scope scope_of(struct house *h, const atelier_id *collections, size_t n)
{
	const struct search_wish w = {.user_id = h->f->ada, .collections = collections, .n_collections = n};
	struct search_scope ret = {.n = 0};

	FINE(h->f, collections_scope(h->f->c, &w, &h->f->a, &ret, &h->f->e));
	return ret;
}

/* As a search by meaning has them: all at once, and then none. */
/* So is a new version: it is not refused as if the old one were still being read. */
static void test_a_new_version_in_the_last_moment(void **state)
{
	struct house h;
	struct job_row job = {0};
	struct document_made made = {.id = 0};
	build(state, &h);
	const struct job_take next = {.kind = DOCUMENT_JOB, .places = 1, .lease_ms = 60000};
	const struct document_new new = {.user_id = h.f->ada,
		.collection_id = h.k,
		.replaces = h.d,
		.bytes = str_from("anew"),
		.quota = 1 << 20};

	assert_int_equal(jobs_take(h.f->db, &next, &h.f->a, &job, &h.f->e), 1);
	FINE(h.f, documents_create(h.f->db, h.f->folder, &new, &made, &h.f->e));
	const struct job_result done = {.id = job.id, .claim = job.claim, .state = "complete"};
	assert_int_equal(jobs_finish(h.f->db, &done, &h.f->e), 1);
	rag_free(h.r);
}

static int leave(struct db_conn *c, void *arg, struct err *e)
{
	return db_exec(c, NULL, e, "UPDATE documents SET user_id = NULL WHERE user_id = ?", DB_I64(*(atelier_id *)arg));
}

/* One's own, and all people's: the same bytes twice count once. */
static void test_quotas(void **state)
{
	struct fixture *f = *state;
	const atelier_id k = add_collection(f, f->ada, "Harbour"), hers = add_collection(f, f->bob, "Bob's");
	const struct {
		atelier_id user, collection;
		const char *bytes;
		int64_t quota, total;
		int r;
	} tries[] = {
		{f->ada, k, "12345678", 8, 0, 0},
		{f->ada, k, "12345678", 8, 8, 0},
		{f->ada, k, "9", 8, 0, E_QUOTA},
		{f->bob, hers, "12345678", 8, 8, 0},
		{f->bob, hers, "9", 9, 8, E_QUOTA},
		{f->bob, hers, "9", 9, 9, 0},
		{f->ada, k, "0", 9, 9, E_QUOTA},
		{f->ada, k, "0", 9, 10, 0},
		{f->bob, hers, "a", 100, 10, E_QUOTA}, /* nobody's count as well */
		{f->bob, hers, "a", 100, 11, 0},
	};
	struct document_made made = {.id = 0};

	for (size_t i = 0; i < N_ELEMENTS(tries); i++) {
		if (i == 8)
			FINE(f, db_write(f->db, leave, &f->ada, &f->e));
		const struct document_new new = {.user_id = tries[i].user,
			.collection_id = tries[i].collection,
			.name = "a",
			.bytes = str_from(tries[i].bytes),
			.quota = tries[i].quota,
			.total = tries[i].total};
		assert_int_equal(documents_create(f->db, f->folder, &new, &made, &f->e), tries[i].r);
	}
}

/* One that a busy machine does not end. */
static struct slice slice_with_time(void)
{
	return (struct slice){.until_ms = clock_mono_ms() + PATIENCE_MS};
}

static struct rag_memory memory_after(struct house *h, const atelier_id *collections, size_t n)
{
	const struct search_scope scope = scope_of(h, collections, n);
	struct slice s = slice_with_time();
	struct index *held[3];
	struct rag_memory m;

	for (size_t i = 0; i < n; i++)
		FINE(h->f, index_refresh(h->r, &scope.items[i], true, &s, &held[i], &h->f->e));
	for (size_t i = 0; i < n; i++)
		index_unpin(h->r, held[i]);
	rag_memory(h->r, &m);
	return m;
}

/* What was searched longest ago makes room; what is searched at once and does not fit is there by its words alone. */
static void test_memory(void **state)
{
	struct fixture *f = *state;
	const struct settings settings = {.document_index_mb = 1};
	struct house h = {.f = f};
	atelier_id k[3];

	FINE(f, rag_new(&(struct rag_config){.db = f->db, .settings = &settings}, &h.r, &f->e));
	for (int i = 0; i < 3; i++) {
		const char *name = (const char *[]){"One", "Two", "Three"}[i];
		k[i] = add_collection(f, f->ada, name);
		add_vectors(&h, add_document(f, f->ada, k[i], name));
	}
	struct rag_memory m = memory_after(&h, &k[0], 1);
	int64_t one = m.bytes;
	assert_in_range(one, VECTORS * NUMBERS, VECTORS * NUMBERS + 40000);
	assert_int_equal(memory_after(&h, &k[1], 1).bytes, 2 * one);
	assert_int_equal(memory_after(&h, &k[0], 1).bytes, 2 * one);
	m = memory_after(&h, &k[2], 1);
	assert_int_equal(m.bytes, 2 * one);
	assert_int_equal(m.collections, 2);
	assert_int_equal(m.left_out, 0);
	assert_int_equal(m.limit, 1 << 20);
	assert_int_equal(memory_after(&h, &k[0], 1).bytes, 2 * one); /* it was searched last and is there yet */
	m = memory_after(&h, k, 3);
	assert_int_equal(m.left_out, 1);
	assert_true(m.bytes <= m.limit);
	/* Behind a start: as long as half of it is free, and of all the words. */
	rag_free(h.r);
	FINE(f, rag_new(&(struct rag_config){.db = f->db, .settings = &settings}, &h.r, &f->e));
	indexes_load(h.r);
	rag_memory(h.r, &m);
	assert_int_equal(m.collections, 3);
	assert_in_range(m.bytes, 2 * one, 2 * one + 4000);
	assert_int_equal(m.left_out, 0);
	rag_free(h.r);
}

/* A document whose vectors are damaged is left out, and takes those of no other with it. */
static void test_damaged_vectors(void **state)
{
	struct house h;
	struct document d = {0};
	const float nothing = 0;

	build(state, &h);
	FINE(h.f, documents_get(h.f->c, h.f->ada, h.d, &h.f->a, &d, &h.f->e));
	FINE(h.f, vectors_store(h.f->db, &(struct vectors_new){d.text_id, "model 1", 0, &nothing, 3, 0}, &h.f->e));
	FINE(h.f, documents_embedded(h.f->db, h.d, d.text_id, "model 1", &h.f->e));
	add_vectors(&h, h.other);
	(void)memory_after(&h, &h.k, 1);
	struct index *x = index_pin(h.r, h.k, false);
	assert_non_null(x->vectors);
	assert_int_equal(vectors_count(x->vectors), VECTORS);
	index_unpin(h.r, x);
	rag_free(h.r);
}

/* One that has no time takes the least that is read at once. */
static struct slice slice_without_time(void)
{
	return (struct slice){.until_ms = 0};
}

/* What it lacks after another slice of those; *ret_bytes: what that read. */
static bool lags_after(struct house *h, struct slice s, size_t *ret_bytes)
{
	const struct search_scope scope = scope_of(h, &h->k, 1);
	struct index *x = NULL;

	FINE(h->f, index_refresh(h->r, &scope.items[0], true, &s, &x, &h->f->e));
	index_hold(x);
	bool lags = index_lags(x, &scope.items[0], true);
	index_release(h->r, x);
	*ret_bytes = s.bytes;
	return lags;
}

/* Nobody waits for a whole index: what a slice has begun the next one goes on with, and nothing is read twice; when something was
 * deleted, nothing is read at all. */
static void test_slices(void **state)
{
	struct fixture *f = *state;
	const struct settings settings = {.document_index_mb = 100};
	struct house h = {.f = f};
	const size_t each = VECTORS * NUMBERS * sizeof(float); /* more than the least of a slice */
	size_t read = 0, bytes = 0;
	atelier_id d[4];
	int slices = 1;

	FINE(f, rag_new(&(struct rag_config){.db = f->db, .settings = &settings}, &h.r, &f->e));
	h.k = add_collection(f, f->ada, "Harbour");
	for (int i = 0; i < 4; i++)
		add_vectors(&h, d[i] = add_document(f, f->ada, h.k, (const char *[]){"a", "b", "c", "d"}[i]));
	for (; lags_after(&h, slice_without_time(), &bytes); slices++) {
		assert_int_equal(bytes, each);
		read += bytes;
	}
	assert_int_equal(slices, 4);
	assert_int_equal(read + bytes, 4 * each);
	FINE(f, documents_delete(f->db, f->ada, d[1], &f->e));
	assert_false(lags_after(&h, slice_with_time(), &bytes));
	assert_int_equal(bytes, 0);
	/* What comes meanwhile is read with the rest. */
	add_vectors(&h, add_document(f, f->ada, h.k, "e"));
	assert_false(lags_after(&h, slice_with_time(), &bytes));
	assert_int_equal(bytes, each);
	/* While another one reads, nobody waits longer than their own slice; and then it is behind. */
	const struct search_scope scope = scope_of(&h, &h.k, 1);
	struct index *x = index_pin(h.r, h.k, false);
	FINE(f, documents_delete(f->db, f->ada, d[2], &f->e));
	x->filling = true;
	assert_true(lags_after(&h, slice_without_time(), &bytes));
	assert_int_equal(bytes, 0);
	index_end(h.r, x);
	assert_true(x->wanted);
	assert_false(lags_after(&h, slice_with_time(), &bytes));
	assert_false(index_lags(x, &scope.items[0], true));
	index_unpin(h.r, x);
	rag_free(h.r);
}

/* The thread reads the rest of what a search has begun. */
static void test_rest(void **state)
{
	struct fixture *f = *state;
	const struct settings settings = {.document_index_mb = 100};
	struct house h = {.f = f};
	size_t bytes = 0;

	FINE(f, rag_new(&(struct rag_config){.db = f->db, .settings = &settings}, &h.r, &f->e));
	FINE(f, indexes_start(h.r, &f->e));
	h.k = add_collection(f, f->ada, "Harbour");
	for (int i = 0; i < 4; i++)
		add_vectors(&h, add_document(f, f->ada, h.k, (const char *[]){"a", "b", "c", "d"}[i]));
	assert_true(lags_after(&h, slice_without_time(), &bytes));
	const struct search_scope scope = scope_of(&h, &h.k, 1);
	struct index *x = index_pin(h.r, h.k, false);
	bool lags = true;
	pthread_mutex_lock(&h.r->mx);
	while (lags) {
		pthread_rwlock_rdlock(&x->lock);
		lags = index_lags(x, &scope.items[0], true);
		pthread_rwlock_unlock(&x->lock);
		if (lags)
			pthread_cond_wait(&h.r->indexes_filled, &h.r->mx);
	}
	pthread_mutex_unlock(&h.r->mx);
	index_unpin(h.r, x);
	rag_free(h.r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_list, setup, end),
		cmocka_unit_test_setup_teardown(test_put, setup, end),
		cmocka_unit_test_setup_teardown(test_named, setup, end),
		cmocka_unit_test_setup_teardown(test_read, setup, end),
		cmocka_unit_test_setup_teardown(test_find, setup, end),
		cmocka_unit_test_setup_teardown(test_passages_in_no_order, setup, end),
		cmocka_unit_test_setup_teardown(test_damaged_vectors, setup, end),
		cmocka_unit_test_setup_teardown(test_reword, setup, end),
		cmocka_unit_test_setup_teardown(test_another_model_in_the_last_moment, setup, end),
		cmocka_unit_test_setup_teardown(test_a_new_version_in_the_last_moment, setup, end),
		cmocka_unit_test_setup_teardown(test_quotas, setup, end),
		cmocka_unit_test_setup_teardown(test_two_fail_at_once, setup, end),
		cmocka_unit_test_setup_teardown(test_stopped_while_queued, setup, end),
		cmocka_unit_test_setup_teardown(test_deleted_while_queued, setup, end),
		cmocka_unit_test_setup_teardown(test_waits_for_nobody, setup, end),
		cmocka_unit_test_setup_teardown(test_files_of_another_server, setup, end),
		cmocka_unit_test_setup_teardown(test_file_is_gone, setup, end),
		cmocka_unit_test_setup_teardown(test_memory, setup, end),
		cmocka_unit_test_setup_teardown(test_slices, setup, end),
		cmocka_unit_test_setup_teardown(test_rest, setup, end)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
