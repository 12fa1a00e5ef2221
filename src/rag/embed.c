/*
 * embed.c - models are chosen by the catalogue of providers and called in batches of passages, each stored before the next is asked
 * for, so that what breaks off goes on where it was. A batch that is refused is halved, down to one text, which is then cut: nobody
 * says beforehand how much a model takes. All vectors are made of length one here, so that a product is a cosine. A question has a
 * watch of its own, as the times of a call are those of one try that has a place.
 */
#include "rag/embed.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <strings.h>

#include "base/log.h"
#include "base/utf8.h"
#include "call/call.h"
#include "provider/config.h"
#include "provider/manage.h"
#include "provider/models.h"
#include "rag/stores.h"
#include "store/documents.h"
#include "store/texts.h"
#include "store/vectors.h"
#include "sys/thread.h"

#define BATCH       32
#define BATCH_BYTES ((size_t)64 << 20) /* of memory */
#define WORK_BYTES  ((size_t)16 << 20)
#define QUERY_MS    5000 /* a question waits no longer for its vector */
#define PREFIXES    "1"  /* raised when the table below changes */

struct prefixes prefixes_of(const char *model)
{
	static const char sentence[] = "Represent this sentence for searching relevant passages: ";
	static const struct {
		const char *word;
		struct prefixes p;
	} families[] = {
		{"multilingual-e5", {"query: ", "passage: "}},
		{"e5-", {"query: ", "passage: "}},
		{"nomic-embed", {"search_query: ", "search_document: "}},
		{"arctic-embed2", {"query: ", ""}},
		{"arctic-embed-l-v2", {"query: ", ""}},
		{"arctic-embed-m-v2", {"query: ", ""}},
		{"arctic-embed", {sentence, ""}},
		{"mxbai-embed", {sentence, ""}},
		{"bge-m3", {"", ""}},
		{"bge-", {sentence, ""}},
		{"qwen3-embedding", {"Instruct: Given a question, find passages that answer it\nQuery: ", ""}},
		{"embeddinggemma", {"task: search result | query: ", "title: none | text: "}},
	};

	for (size_t i = 0; i < N_ELEMENTS(families); i++)
		if (strcasestr(model, families[i].word))
			return families[i].p;
	return (struct prefixes){"", ""};
}

/* Soon after a start the lists of models may not have been read: that is waited for, shortly. */
static int choose(struct rag *r, struct arena *a, const char **ret, struct err *e)
{
	struct catalogue all = {.default_model = NULL};
	struct err quiet = {0};
	const char *any;
	int s = providers_catalogue(r->config.providers, a, &all, e);

	if (s == 0 && !all.tasks[TASK_EMBEDDING]) {
		(void)!providers_resolve(r->config.providers, NULL, a, &any, &quiet);
		s = providers_catalogue(r->config.providers, a, &all, e);
	}
	*ret = all.tasks[TASK_EMBEDDING];
	return s;
}

int embed_model(struct rag *r, const char *wanted, struct arena *a, const char **ret_model,
	char ret_identity[IDENTITY_MAX], struct err *e)
{
	int s;

	ASSERT(thread_may_wait());
	ASSERT_IS(r, RAG_MAGIC);
	*ret_model = NULL;
	*ret_identity = '\0';
	if (!r->config.providers)
		return 0;
	*ret_model = *wanted ? wanted : NULL;
	if (!*wanted && (s = choose(r, a, ret_model, e)) < 0)
		return s;
	if (*ret_model && snprintf(ret_identity, IDENTITY_MAX, "%s " PREFIXES, *ret_model) >= IDENTITY_MAX)
		*ret_model = NULL; /* no name of a model is so long */
	return 0;
}

int rag_identity(struct rag *r, const char *wanted, struct arena *a, const char **ret_model, const char **ret_identity,
	struct err *e)
{
	char identity[IDENTITY_MAX];
	int s = embed_model(r, wanted, a, ret_model, identity, e);

	*ret_identity = NULL;
	if (s < 0 || !*ret_model)
		return s;
	*ret_identity = arena_strdup(a, identity);
	return *ret_identity ? 0 : err_set(e, -ENOMEM, "no memory for a name");
}

const char *identity_model(const char *identity, struct arena *a)
{
	const char *end = strrchr(identity, ' ');

	return arena_strndup(a, identity, end ? (size_t)(end - identity) : strlen(identity));
}

/* ---- calling ---- */

static bool make_unit(float *v, size_t dims)
{
	double sum = 0;

	for (size_t i = 0; i < dims; i++)
		sum += (double)v[i] * v[i];
	if (!isfinite(sum) || sum <= 0)
		return false;
	for (size_t i = 0; i < dims; i++)
		v[i] = (float)(v[i] / sqrt(sum));
	return true;
}

struct call {
	struct rag *rag;
	atelier_id user_id;
	const char *model;
	struct cancel *cancel;
	struct arena *a;
	bool hurried; /* words alone will do, too */
};

static int call_once(
	const struct call *c, const char *const *texts, size_t n, float **ret, size_t *ret_dims, struct err *e)
{
	const struct caller who = {.user_id = c->user_id, .purpose = "embedding"};
	const struct embed_request q = {.model = c->model, .inputs = texts, .n_inputs = n, .hurried = c->hurried};
	struct embed_result got;
	int r = call_embed(c->rag->config.calls, &who, &q, c->cancel, c->a, &got, e);

	for (size_t i = 0; r == 0 && i < n; i++) {
		thread_give_way();
		if (!make_unit(got.vectors + i * got.dimensions, got.dimensions))
			r = err_set(e, E_PROVIDER, "The model for embeddings gave a vector of nothing.");
	}
	if (r == 0) {
		*ret = got.vectors;
		*ret_dims = got.dimensions;
	}
	return r;
}

/* What a provider refuses is halved: the batch may be too large, or one text too long, which is then cut. */
static int call_halving(
	const struct call *c, const char **texts, size_t n, float **ret, size_t *ret_dims, struct err *e)
{
	struct err why = {0};
	float *halves[2] = {NULL, NULL};
	size_t dims[2] = {0, 0}, half = n / 2;
	int r = call_once(c, texts, n, ret, ret_dims, &why);

	ASSERT(n > 0); /* half of it is less */
	if (r != E_PROVIDER_REJECTED && r != E_CONTEXT_TOO_LONG && r != E_PROVIDER_REFUSED)
		return r < 0 ? err_set(e, r, "%s", why.msg) : r;
	if (n == 1) {
		size_t len = strlen(texts[0]);
		if (len < 200)
			return err_set(e, r, "%s", why.msg);
		texts[0] = arena_strndup(c->a, texts[0], utf8_prefix(texts[0], len, len / 2));
		return texts[0] ? call_halving(c, texts, 1, ret, ret_dims, e) : err_set(e, -ENOMEM, "no memory");
	}
	r = call_halving(c, texts, half, &halves[0], &dims[0], e);
	if (r == 0)
		r = call_halving(c, texts + half, n - half, &halves[1], &dims[1], e);
	if (r == 0 && dims[0] != dims[1])
		r = err_set(e, E_PROVIDER, "The model for embeddings gave vectors of several sizes.");
	if (r < 0)
		return r;
	*ret = ARENA_ARRAY(c->a, float, n *dims[0]);
	if (!*ret || !halves[0] || !halves[1])
		return err_set(e, -ENOMEM, "no memory for vectors");
	memcpy(*ret, halves[0], half * dims[0] * sizeof(float));
	memcpy(*ret + half * dims[0], halves[1], (n - half) * dims[0] * sizeof(float));
	*ret_dims = dims[0];
	return 0;
}

int embed_texts(struct rag *r, const struct embed_by *by, const char **texts, size_t n, struct arena *a, float **ret,
	size_t *ret_dims, struct err *e)
{
	const struct call c = {r, by->user_id, by->model, by->cancel, a, false};

	return call_halving(&c, texts, n, ret, ret_dims, e);
}

/* ---- passages ---- */

static int read_batch(struct rag *r, const struct embed_text *x, int64_t from, struct arena *a, const char **texts,
	size_t *ret_n, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(r->config.db);
	struct passage_rows rows = {.n = 0};
	const char *prefix = prefixes_of(x->model).passage;
	int s = texts_passages(c, x->text_id, from, from + BATCH - 1, a, &rows, e);

	for (size_t i = 0; s == 0 && i < rows.n; i++) {
		CLEANUP(buf_done) struct buf b = BUF_INIT((size_t)1 << 20);
		const struct passage_row *p = &rows.items[i];
		thread_give_way();
		buf_add_str(&b, prefix);
		if (p->heading[0])
			buf_printf(&b, "%s\n", p->heading);
		s = texts_slice(c, x->text_id, p->start, p->end, &b, e);
		texts[i] = s < 0 ? NULL : arena_strndup(a, buf_str(&b).p, b.n);
		if (s == 0 && !texts[i])
			s = err_set(e, -ENOMEM, "no memory for passages");
	}
	*ret_n = rows.n;
	return s;
}

/* Of one text all have one size. A model that has become another one under its name begins with it anew, by the next try. */
static int store_batch(struct rag *r, const struct vectors_new *in, struct err *e)
{
	struct err why = {0};
	int s = vectors_store(r->config.db, in, &why);

	if (s != E_CONFLICT)
		return s < 0 ? err_set(e, s, "%s", why.msg) : 0;
	s = vectors_forget(r->config.db, in->text_id, in->identity, e);
	return s < 0 ? s : err_set(e, E_PROVIDER, "The model for embeddings gave vectors of several sizes.");
}

static int embed_batch(struct rag *r, const struct embed_text *x, int64_t *from, struct err *e)
{
	CLEANUP(arena_done) struct arena a;
	const char *texts[BATCH];
	float *vectors = NULL;
	size_t n = 0, dims = 0;
	int s;

	arena_init(&a, BATCH_BYTES);
	s = read_batch(r, x, *from, &a, texts, &n, e);
	if (s == 0 && n == 0)
		s = err_set(e, E_NOT_FOUND, "The text is gone.");
	const struct call c = {r, x->user_id, x->model, x->cancel, &a, false};
	if (s == 0)
		s = call_halving(&c, texts, n, &vectors, &dims, e);
	const struct vectors_new in = {x->text_id, x->identity, *from, vectors, n, dims};
	if (s == 0)
		s = store_batch(r, &in, e);
	*from += (int64_t)n;
	return s;
}

int embed_text(struct rag *r, const struct embed_text *x, struct err *e)
{
	int64_t from = 0;
	int s;

	ASSERT(x->model && *x->identity);
	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(r->config.db);
		s = vectors_stored(c, x->text_id, x->identity, &from, e);
	}
	while (s == 0 && from < x->passages) {
		if (x->progress)
			x->progress->fn(x->progress->arg, "embedding", from, x->passages, "passages");
		s = cancel_reason(x->cancel) ? -ECANCELED : embed_batch(r, x, &from, e);
	}
	return s;
}

static int take_work(struct rag *r, atelier_id document_id, struct arena *a, struct document_work *work,
	struct embed_text *x, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(r->config.db);
	struct text t = {.id = 0};
	int s = documents_work(c, document_id, a, work, e);

	if (s == 0)
		s = texts_get(c, x->text_id, a, &t, e);
	x->user_id = work->user_id;
	x->passages = t.passages;
	return s;
}

/* By what its collection is searched now, as long as that can be had; and by what it will be, once all of it has that. */
static int embed_both(
	struct rag *r, const struct document_work *work, struct embed_text *x, struct arena *a, struct err *e)
{
	struct err quiet = {0};
	struct embed_text now = *x;

	now.identity = work->identity;
	now.model = identity_model(work->identity, a);
	if (!now.model)
		return err_set(e, -ENOMEM, "no memory for a document");
	if (*now.identity && strcmp(now.identity, x->identity) != 0 && embed_text(r, &now, &quiet) < 0)
		log_info("rag", "a document is found by words alone until its collection has changed its model: %s",
			quiet.msg);
	return embed_text(r, x, e);
}

/* By the model that its collection is to have now. */
static int embed_now(struct rag *r, atelier_id document_id, struct embed_text *x, char identity[IDENTITY_MAX],
	struct arena *a, struct err *e)
{
	struct document_work work = {.id = 0};
	int s = take_work(r, document_id, a, &work, x, e);

	if (s == 0)
		s = embed_model(r, work.embedding_model, a, &x->model, identity, e);
	if (s == 0 && !x->model)
		s = err_set(e, E_PROVIDER_DOWN, "No model for embeddings is there at the moment.");
	return s < 0 ? s : embed_both(r, &work, x, a, e);
}

int rag_embed(struct rag *r, atelier_id document_id, atelier_id text_id, const struct ingest_progress *p,
	struct cancel *cancel, struct err *e)
{
	CLEANUP(arena_done) struct arena a;
	char identity[IDENTITY_MAX] = "";
	struct embed_text x = {.text_id = text_id, .cancel = cancel, .progress = p, .identity = identity};
	int s;

	ASSERT(thread_may_wait());
	ASSERT_IS(r, RAG_MAGIC);
	arena_init(&a, WORK_BYTES);
	s = embed_now(r, document_id, &x, identity, &a, e);
	if (s == 0)
		s = documents_embedded(r->config.db, document_id, text_id, identity, e);
	if (s == 0)
		stores_poke(r);
	if (s == E_NOT_FOUND) { /* the document or its text is gone */
		err_clear(e);
		return 0;
	}
	return s;
}

/* The times of a call are those of one try that has a place: waiting for that, and trying again, come on top. */
struct patience {
	struct cancel call, over;
};

static void *watch_run(void *arg)
{
	struct patience *p = arg;

	if (cancel_sleep(&p->over, QUERY_MS) == 0)
		cancel_fire(&p->call, E_PROVIDER_TIMEOUT);
	return NULL;
}

static int call_in_time(struct call *c, const char *text, float **ret, size_t *ret_dims, struct err *e)
{
	struct patience p;
	pthread_t watch;

	cancel_init(&p.call);
	cancel_init(&p.over);
	c->cancel = &p.call;
	int s = thread_start(&watch, "patience", 0, watch_run, &p);
	if (s == 0) {
		s = call_halving(c, &text, 1, ret, ret_dims, e); /* a long question by its beginning */
		cancel_fire(&p.over, E_CANCELED);
		pthread_join(watch, NULL);
	}
	cancel_done(&p.over);
	cancel_done(&p.call);
	c->cancel = NULL;
	if (s != -ECANCELED)
		return s;
	err_clear(e);
	return err_set(e, E_PROVIDER_TIMEOUT, "%.120s did not answer in time.", c->model);
}

int embed_query(struct rag *r, atelier_id user_id, const char *identity, const char *query, struct arena *a,
	float **ret, size_t *ret_dims, struct err *e)
{
	const char *model = identity_model(identity, a), *text;

	ASSERT(thread_may_wait() && *identity);
	text = model ? arena_printf(a, "%s%s", prefixes_of(model).query, query) : NULL;
	if (!text)
		return err_set(e, -ENOMEM, "no memory for a search");
	struct call c = {r, user_id, model, NULL, a, true};
	return call_in_time(&c, text, ret, ret_dims, e);
}
