/*
 * stores.c - what the kinds of stores share: asking by HTTP and saying what went wrong, which store is configured, the search, and
 * the thread that copies. What is copied is noted in the database after the store has it, and what is removed after it is gone
 * there, so that a crash does a thing twice and never leaves one out. The thread sleeps without a clock while no store is
 * configured.
 */
#include "rag/stores.h"

#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "http/client.h"
#include "store/vectors.h"
#include "sys/health.h"
#include "sys/thread.h"

#define CONNECT_MS    2000
#define ANSWER_BYTES  ((size_t)16 << 20)
#define POINTS        100 /* in one request */
#define TEXTS         50  /* copied before what lacks is asked for again */
#define REFUSED       100 /* in a row: the store takes nothing */
#define WORK_BYTES    ((size_t)64 << 20)
#define AGAIN_MS      30000
#define TEXTS_AT_ONCE 20000 /* named in one question; more are asked in several */

static const struct store_kind *const kinds[] = {&store_pgvector, &store_qdrant, &store_chroma};

static const struct store_kind *kind_of(const char *name)
{
	for (size_t i = 0; i < N_ELEMENTS(kinds); i++)
		if (strcmp(kinds[i]->name, name) == 0)
			return kinds[i];
	return NULL;
}

/* ---- HTTP ---- */

/* The client's words are about providers of models. */
static int say_why(const struct store_place *p, int r, const struct err *was, struct err *e)
{
	if (r == -ECANCELED || r == -ENOMEM)
		return err_set(e, r, "%s", was->msg);
	if (r == E_PROVIDER_TIMEOUT)
		return err_set(e, r, "The vector store at %.200s did not answer in time.", p->config.url);
	return err_set(e, E_PROVIDER_DOWN, "The vector store at %.200s cannot be reached.", p->config.url);
}

static int say_status(const struct store_place *p, const struct http_result *res, struct err *e)
{
	struct str said = {res->error_body.p ? res->error_body.p : "", MIN(res->error_body.n, (size_t)200)};

	if (res->status == 401 || res->status == 403)
		return err_set(
			e, E_PROVIDER_REFUSED, "The vector store at %.200s does not accept the key.", p->config.url);
	log_info("rag", "the vector store answered %d: " STR_FMT, res->status, STR_ARG(said));
	return err_set(e, E_PROVIDER_BROKEN, "The vector store at %.200s answers with the status %d.", p->config.url,
		res->status);
}

int store_ask(const struct store_place *p, const struct store_request *q, json_t **ret, struct err *e)
{
	CLEANUP(buf_done) struct buf url = BUF_INIT(4096), key = BUF_INIT(VAULT_MAX), body = BUF_INIT(ANSWER_BYTES);
	const char *headers[3] = {"Content-Type: application/json"};
	struct http_result res = {.retry_after_ms = -1};
	struct err was = {0};
	int r = 0;

	ASSERT(thread_may_wait());
	*ret = NULL;
	buf_printf(&url, "%s%s", p->config.url, q->path);
	buf_printf(&key, "%s%s", q->key_header, p->key ? p->key : "");
	headers[1] = p->key ? key.p : NULL;
	if (buf_status(&url) < 0 || buf_status(&key) < 0 || (q->body && buf_status(q->body) < 0))
		return err_set(e, -ENOMEM, "There is no memory to ask the vector store.");
	const struct http_call call = {.method = q->method,
		.url = url.p,
		.headers = headers,
		.body = q->body ? buf_str(q->body) : (struct str){"", 0},
		.connect_timeout_ms = CONNECT_MS,
		.first_byte_timeout_ms = q->timeout_ms,
		.idle_timeout_ms = q->timeout_ms,
		.total_timeout_ms = q->timeout_ms,
		.whole = true};
	r = http_client_fetch(p->http, &call, p->cancel, &body, &res, &was);
	if (r < 0)
		r = say_why(p, r, &was, e);
	else if (res.status == q->absent)
		r = 1;
	else if (res.status / 100 != 2)
		r = say_status(p, &res, e);
	else if (body.n && json_parse(body.p, body.n, ret, &was) < 0)
		r = err_set(e, E_PROVIDER_BROKEN, "What answers at %.200s is no vector store.", p->config.url);
	buf_done(&res.error_body);
	return r;
}

void store_add_collection(struct buf *b, const struct store_place *p, const char *identity)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (const char *s = identity; *s; s++)
		h = (h ^ (unsigned char)*s) * UINT64_C(1099511628211);
	buf_printf(b, "%s-%016llx", p->config.name, (unsigned long long)h);
}

void store_add_vector(struct buf *b, const float *v, size_t dims)
{
	ASSERT(dims > 0); /* else no list begins */
	for (size_t i = 0; i < dims; i++)
		buf_printf(b, "%c%.8g", i ? ',' : '[', (double)v[i]);
	buf_add_char(b, ']');
}

void store_add_texts(struct buf *b, const struct store_wish *w)
{
	char id[ID_LEN + 1];

	ASSERT(w->n > 0);
	for (size_t i = 0; i < w->n; i++) {
		id_format(w->texts[i], id);
		buf_printf(b, "%c\"%s\"", i ? ',' : '[', id);
	}
	buf_add_char(b, ']');
}

/* ---- what is configured ---- */

int stores_open(struct rag *r, struct arena *a, struct store_place *ret, bool *ret_external, struct err *e)
{
	int s;

	ASSERT_IS(r, RAG_MAGIC);
	*ret = (struct store_place){.http = r->config.http};
	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(r->config.db);
		s = vector_store_get(c, a, &ret->config, e);
	}
	*ret_external = s == 0 && kind_of(ret->config.kind) != NULL;
	if (*ret_external)
		s = vector_store_key(r->config.vault, &ret->config, a, &ret->key, e);
	return s;
}

int rag_store_check(struct rag *r, const struct vector_store *in, const char *key, struct err *e)
{
	CLEANUP(arena_done) struct arena a;
	struct store_place p = {.http = r->config.http, .config = *in, .key = key && *key ? key : NULL};
	const struct store_kind *kind = kind_of(in->kind);
	struct store_place was;
	bool external;
	int s = 0;

	arena_init(&a, (size_t)1 << 20);
	ASSERT_IS(r, RAG_MAGIC);
	if (!kind)
		return 0;
	if (!key) { /* the key that is there, if it is for this address */
		s = stores_open(r, &a, &was, &external, e);
		if (s == 0 && external && strcmp(was.config.kind, in->kind) == 0 &&
			strcmp(was.config.url, in->url) == 0)
			p.key = was.key;
	}
	return s < 0 ? s : kind->check(&p, e);
}

void rag_store_changed(struct rag *r)
{
	stores_poke(r);
}

int rag_store_state(struct rag *r, struct rag_store_state *ret, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(r->config.db);

	ret->failing = health_get_text(HEALTH_vector_store, ret->error);
	return vector_copies_count(c, &ret->copied, &ret->texts, e);
}

/* ---- searching ---- */

/* As documents of the texts, at most n. */
static size_t take(const struct store_hit *hits, size_t n, const struct fulltext_text *texts, size_t n_texts,
	struct vector_hit *ret)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		size_t lo = 0, hi = n_texts;
		while (lo < hi) {
			size_t mid = (lo + hi) / 2;
			if (texts[mid].text_id < hits[i].text_id)
				lo = mid + 1;
			else
				hi = mid;
		}
		for (; lo < n_texts && texts[lo].text_id == hits[i].text_id && hits[i].passage >= 0 && kept < n; lo++)
			ret[kept++] = (struct vector_hit){texts[lo].document_id, hits[i].text_id,
				(uint32_t)hits[i].passage, (float)hits[i].score};
	}
	return kept;
}

static int by_score(const void *a, const void *b)
{
	const struct vector_hit *x = a, *y = b;

	return (x->score < y->score) - (x->score > y->score);
}

static int texts_of(struct rag *r, const struct search_place *where, struct arena *a, struct fulltext_text **ret,
	size_t *ret_n, struct err *e)
{
	struct slice slice = slice_begin();
	struct index *x = NULL;
	int s = index_refresh(r, where, false, &slice, &x, e);

	if (s < 0)
		return s;
	index_hold(x);
	*ret = ARENA_ARRAY(a, struct fulltext_text, fulltext_ids(x->fulltext, NULL, 0) + 1);
	if (*ret)
		*ret_n = fulltext_texts(x->fulltext, where->documents, where->n, *ret);
	index_release(r, x);
	return *ret ? 0 : err_set(e, -ENOMEM, "no memory for a search");
}

int stores_nearest(struct rag *r, const struct store_place *p, const struct search_place *where,
	const struct store_wish *w, struct arena *a, struct vector_hit **ret, size_t *ret_n, struct err *e)
{
	const struct store_kind *kind = kind_of(p->config.kind);
	struct fulltext_text *texts = NULL;
	struct store_wish wish = *w;
	size_t n = 0;
	int s = texts_of(r, where, a, &texts, &n, e);

	*ret_n = 0;
	if (s < 0)
		return s;
	size_t rounds = n / TEXTS_AT_ONCE + 1, n_ids = 0;
	atelier_id *ids = ARENA_ARRAY(a, atelier_id, n + 1);
	struct store_hit *hits = ARENA_ARRAY(a, struct store_hit, w->limit);
	*ret = ARENA_ARRAY(a, struct vector_hit, rounds * w->limit + 1);
	if (!ids || !hits || !*ret)
		return err_set(e, -ENOMEM, "no memory for a search");
	for (size_t i = 0; i < n; i++)
		if (n_ids == 0 || ids[n_ids - 1] != texts[i].text_id)
			ids[n_ids++] = texts[i].text_id;
	for (size_t from = 0; s == 0 && from < n_ids; from += wish.n) {
		size_t found = 0;
		wish.texts = ids + from;
		wish.n = MIN(n_ids - from, (size_t)TEXTS_AT_ONCE);
		ASSERT(*ret_n + w->limit <= rounds * w->limit); /* room for what this question may find */
		s = kind->nearest(p, &wish, hits, &found, e);
		ASSERT(found <= w->limit);
		*ret_n += s == 0 ? take(hits, found, texts, n, *ret + *ret_n) : 0;
	}
	if (*ret_n > 1)
		qsort(*ret, *ret_n, sizeof(**ret), by_score);
	*ret_n = MIN(*ret_n, w->limit);
	return s;
}

/* ---- copying ---- */

static int copy_piece(struct rag *r, const struct store_kind *kind, const struct store_place *p,
	const struct vector_copy *x, int64_t from, struct err *e)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(WORK_BYTES);
	int64_t n = 0;
	int s;

	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(r->config.db);
		s = vectors_load(c, x->text_id, x->identity, from, POINTS, &b, &n, e);
	}
	if (s < 0 || n == 0)
		return s; /* its text has gone */
	const struct store_points points = {x->identity, x->text_id, from, (const float *)(const void *)b.p, (size_t)n,
		b.n / (size_t)n / sizeof(float)};
	return kind->put(p, &points, e);
}

/* In pieces; noted when all are there, so that a crash in between copies it once more. */
static int copy_text(struct rag *r, const struct store_kind *kind, const struct store_place *p,
	const struct vector_copy *x, struct err *e)
{
	int s = 0;

	for (int64_t from = 0; s == 0 && from < x->passages; from += POINTS)
		s = copy_piece(r, kind, p, x, from, e);
	return s < 0 ? s : vector_copies_note(r->config.db, x->text_id, x->identity, true, e);
}

/* One round of copying. */
struct round {
	atelier_id after; /* texts that lack are looked for behind it: those before were refused */
	size_t refused;   /* in a row */
	struct err first; /* why the first of these was */
};

/* A text that the store will not have, as one of vectors of another size, holds up no other one; a store that has none goes no further. */
static int copy_or_pass(struct rag *r, const struct store_kind *kind, const struct store_place *p,
	const struct vector_copy *x, struct round *now, struct err *e)
{
	struct err why = {0};
	int s = copy_text(r, kind, p, x, &why);

	if (s == 0)
		now->refused = 0;
	if (s == E_PROVIDER_BROKEN && ++now->refused < REFUSED) {
		if (!now->first.code)
			now->first = why;
		now->after = x->text_id;
		s = 0;
	}
	return s < 0 ? err_set(e, s, "%s", why.msg) : 0;
}

/* What is gone, then a few texts that lack; *ret_more: there may be more of both. */
static int sync_some(struct rag *r, const struct store_kind *kind, const struct store_place *p, struct arena *a,
	struct round *now, bool *ret_more, struct err *e)
{
	struct vector_copies gone = {.n = 0}, lacking = {.n = 0};
	int s;

	ASSERT(pthread_equal(pthread_self(), r->stores_thread));
	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(r->config.db);
		s = vector_copies_leftover(c, TEXTS, a, &gone, e);
		if (s == 0)
			s = vector_copies_lacking(c, now->after, TEXTS, a, &lacking, e);
	}
	for (size_t i = 0; s == 0 && i < gone.n; i++) {
		s = kind->remove(p, gone.items[i].identity, gone.items[i].text_id, e);
		if (s == 0)
			s = vector_copies_note(r->config.db, gone.items[i].text_id, gone.items[i].identity, false, e);
	}
	for (size_t i = 0; s == 0 && i < lacking.n; i++)
		s = copy_or_pass(r, kind, p, &lacking.items[i], now, e);
	*ret_more = gone.n == TEXTS || lacking.n == TEXTS;
	return s;
}

/* *ret_external: there is a store, so it is looked after again in a while. */
static int sync_all(struct rag *r, bool *ret_external, struct err *e)
{
	struct round now = {.after = 0};
	bool more = true;
	int s = 0;

	while (s == 0 && more) {
		CLEANUP(arena_done) struct arena a;
		struct store_place p;
		arena_init(&a, WORK_BYTES);
		s = stores_open(r, &a, &p, ret_external, e);
		p.cancel = &r->stores_end;
		more = s == 0 && *ret_external;
		if (more)
			s = sync_some(r, kind_of(p.config.kind), &p, &a, &now, &more, e);
	}
	if (s == 0 && now.first.code) {
		*e = now.first;
		s = now.first.code;
	}
	return s;
}

/* False: the end has come. */
static bool wait_for_work(struct rag *r, bool external)
{
	int64_t until = clock_mono_ms() + AGAIN_MS;

	ASSERT(pthread_equal(pthread_self(), r->stores_thread));
	pthread_mutex_lock(&r->stores_mx);
	while (!r->stores_poked && !r->stores_over && !(external && clock_mono_ms() >= until)) {
		if (external)
			(void)clock_wait(&r->stores_wake, &r->stores_mx, until);
		else
			pthread_cond_wait(&r->stores_wake, &r->stores_mx);
	}
	r->stores_poked = false;
	bool over = r->stores_over;
	pthread_mutex_unlock(&r->stores_mx);
	return !over;
}

static void *stores_run(void *arg)
{
	struct rag *r = arg;
	bool external = false;

	do {
		struct err e = {0};
		int s = sync_all(r, &external, &e);
		if (s != -ECANCELED)
			health_set(HEALTH_vector_store, s < 0 ? err_public_text(&e) : NULL);
	} while (wait_for_work(r, external));
	return NULL;
}

int stores_start(struct rag *r, struct err *e)
{
	int s = thread_start(&r->stores_thread, "vector-store", 0, stores_run, r);

	ASSERT(!r->stores_started);
	r->stores_started = s == 0;
	return s < 0 ? err_set(e, s, "The thread for vector stores does not start: %s.", strerror(-s)) : 0;
}

void stores_poke(struct rag *r)
{
	pthread_mutex_lock(&r->stores_mx);
	ASSERT_IS(r, RAG_MAGIC);
	r->stores_poked = true;
	pthread_cond_signal(&r->stores_wake);
	pthread_mutex_unlock(&r->stores_mx);
}

void stores_stop(struct rag *r)
{
	if (!r->stores_started)
		return;
	ASSERT(!pthread_equal(pthread_self(), r->stores_thread)); /* which is waited for */
	cancel_fire(&r->stores_end, E_CANCELED);
	pthread_mutex_lock(&r->stores_mx);
	r->stores_over = true;
	pthread_cond_signal(&r->stores_wake);
	pthread_mutex_unlock(&r->stores_mx);
	pthread_join(r->stores_thread, NULL);
	r->stores_started = false;
}
