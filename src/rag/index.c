/* index.c - the indexes in memory, one a collection, each brought up to date when it is used. */
#include <errno.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/log.h"
#include "rag/rag_priv.h"
#include "rag/stores.h"
#include "store/documents.h"
#include "store/exchanges.h"
#include "store/texts.h"
#include "store/vectors.h"
#include "sys/loop.h"

#define CHANGES_BYTES   ((size_t)64 << 20)
#define POSTINGS_BYTES  ((size_t)512 << 20) /* of one text */
#define VECTORS_BYTES   ((size_t)1 << 30)   /* the same */
#define EXCHANGES       1000                /* that are read at once, */
#define EXCHANGES_BYTES ((size_t)4 << 20)   /* for which there must be room */
#define AGAIN_MS        60000
#define LOADED          1000 /* collections, behind the start */

int rag_new(const struct rag_config *c, struct rag **ret, struct err *e UNUSED)
{
	struct rag *r = xcalloc(1, sizeof(*r));

	MAGIC_SET(r, RAG_MAGIC);
	r->config = *c;
	pthread_mutex_init(&r->mx, NULL);
	pthread_mutex_init(&r->pictures_mx, NULL);
	pthread_mutex_init(&r->stores_mx, NULL);
	pthread_cond_init(&r->stores_wake, NULL);
	cancel_init(&r->stores_end);
	*ret = r;
	return 0;
}

/* Its lock is held for writing, or nobody else knows it. */
static void empty(const struct rag *r, struct index *x)
{
	ASSERT_IS(x, INDEX_MAGIC);
	fulltext_free(x->fulltext);
	x->fulltext = fulltext_new(r->config.settings->data);
	vectors_free(x->vectors);
	x->vectors = NULL;
	free(x->identity);
	x->identity = NULL;
	x->revision = -1;
	x->left_out_ms = 0;
	__atomic_store_n(&x->bytes, 0, __ATOMIC_RELAXED);
}

void rag_free(struct rag *r)
{
	if (!r)
		return;
	rag_stores_stop(r);
	while (r->indexes) {
		struct index *x = r->indexes;
		r->indexes = x->next;
		empty(r, x);
		fulltext_free(x->fulltext);
		pthread_rwlock_destroy(&x->lock);
		MAGIC_END(x, INDEX_MAGIC);
		free(x);
	}
	pthread_mutex_destroy(&r->mx);
	pictures_free(r);
	pthread_mutex_destroy(&r->pictures_mx);
	cancel_done(&r->stores_end);
	pthread_cond_destroy(&r->stores_wake);
	pthread_mutex_destroy(&r->stores_mx);
	MAGIC_END(r, RAG_MAGIC);
	free(r);
}

static struct index *find(struct rag *r, atelier_id id)
{
	struct index *x;

	ASSERT_IS(r, RAG_MAGIC);
	pthread_mutex_lock(&r->mx);
	for (x = r->indexes; x && x->id != id; x = x->next)
		;
	if (!x) {
		x = xcalloc(1, sizeof(*x));
		MAGIC_SET(x, INDEX_MAGIC);
		x->id = id;
		x->revision = -1;
		x->fulltext = fulltext_new(r->config.settings->data);
		pthread_rwlock_init(&x->lock, NULL);
		x->next = r->indexes;
		r->indexes = x;
	}
	__atomic_store_n(&x->used, ++r->holds, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&r->mx);
	return x;
}

/* ---- memory ---- */

static size_t limit_of(const struct rag *r)
{
	return (size_t)r->config.settings->document_index_mb << 20;
}

void rag_memory(struct rag *r, struct rag_memory *ret)
{
	ASSERT_IS(r, RAG_MAGIC);
	*ret = (struct rag_memory){.limit = (int64_t)limit_of(r)};
	pthread_mutex_lock(&r->mx);
	for (const struct index *x = r->indexes; x; x = x->next) {
		size_t bytes = __atomic_load_n(&x->bytes, __ATOMIC_RELAXED);
		ret->bytes += (int64_t)bytes;
		ret->collections += bytes > 0;
		ret->left_out += __atomic_load_n(&x->left_out_ms, __ATOMIC_RELAXED) != 0;
	}
	pthread_mutex_unlock(&r->mx);
}

static void note_bytes(struct index *x)
{
	size_t bytes = fulltext_bytes(x->fulltext) + (x->vectors ? vectors_bytes(x->vectors) : 0);

	ASSERT_IS(x, INDEX_MAGIC);
	__atomic_store_n(&x->bytes, bytes, __ATOMIC_RELAXED);
}

/* Of the others the one that was searched longest ago, but not since `after`. */
static struct index *oldest(struct rag *r, const struct index *but, uint64_t after)
{
	struct index *found = NULL;

	ASSERT(lock_is_mine(&r->mx));
	for (struct index *x = r->indexes; x; x = x->next)
		if (x != but && x->bytes > 0 && x->used > after && (!found || x->used < found->used))
			found = x;
	return found;
}

/* Empties others until so many bytes more fit beside what `x` has; one that is being searched stays. */
static bool make_room(struct rag *r, const struct index *x, size_t bytes)
{
	struct rag_memory m;
	uint64_t after = 0;

	ASSERT(thread_may_wait());
	for (;;) {
		rag_memory(r, &m);
		if ((size_t)m.bytes + bytes <= limit_of(r))
			return true;
		pthread_mutex_lock(&r->mx);
		struct index *old = oldest(r, x, after);
		pthread_mutex_unlock(&r->mx);
		if (!old)
			return false;
		after = __atomic_load_n(&old->used, __ATOMIC_RELAXED);
		if (pthread_rwlock_trywrlock(&old->lock) == 0) {
			empty(r, old);
			pthread_rwlock_unlock(&old->lock);
		}
	}
}

/* ---- what is there ---- */

/* Vectors of another identity are of no use here. */
static void set_identity(struct index *x, const char *identity)
{
	if (x->identity && strcmp(x->identity, identity) == 0)
		return;
	vectors_free(x->vectors);
	x->vectors = NULL;
	free(x->identity);
	x->identity = *identity ? xstrdup(identity) : NULL;
}

/* What a text has of vectors by now: while it is being embedded the first ones. */
static int put_vectors(
	struct rag *rag, struct index *x, struct db_conn *c, const struct document_change *d, struct err *e)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(VECTORS_BYTES);
	int64_t n = 0;
	int r = vectors_load(c, d->text_id, x->identity, 0, INT32_MAX, &b, &n, e);

	if (r < 0 || n == 0)
		return r;
	size_t dims = b.n / (size_t)n / sizeof(float);
	if (!x->vectors)
		x->vectors = vectors_new(dims);
	if (dims != vectors_dims(x->vectors) || dims * (size_t)n * sizeof(float) != b.n) {
		log_error("rag", "the vectors of a document are of another size than others and left out");
		return 0;
	}
	note_bytes(x);
	if (!make_room(rag, x, (size_t)n * (dims + VECTOR_ALIGN))) {
		__atomic_store_n(&x->left_out_ms, clock_mono_ms(), __ATOMIC_RELAXED);
		return 0;
	}
	r = vectors_put(x->vectors, d->id, d->text_id, (const float *)(const void *)b.p, (size_t)n);
	return r < 0 ? err_set(e, r, "There is no memory for the index of this collection.") : 0;
}

/* A text whose index is damaged is left out rather than have nothing found at all. */
static int put_words(struct index *x, struct db_conn *c, const struct document_change *d, struct err *e)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(POSTINGS_BYTES);
	struct err quiet = {0};
	int r;

	ASSERT(x->fulltext);
	if (fulltext_text_of(x->fulltext, d->id) == d->text_id)
		return 0;
	r = texts_postings(c, d->text_id, &b, &quiet);
	if (r == E_NOT_FOUND)
		return 0; /* replaced meanwhile: the next revision has it */
	if (r < 0)
		return err_set(e, r, "%s", quiet.msg);
	r = fulltext_put(x->fulltext, d->id, d->text_id, buf_str(&b));
	if (r == -EBADMSG) {
		log_error("rag", "the index of a document is damaged and left out; have it read anew");
		return 0;
	}
	return r < 0 ? err_set(e, r, "There is no memory for the index of this collection.") : 0;
}

static bool is_there(const struct document_changes *l, atelier_id id)
{
	size_t lo = 0, hi = l->n;

	ASSERT(l->items || l->n == 0);
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		if (l->items[mid].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < l->n && l->items[lo].id == id;
}

/* `all`: every document of the collection; what is not among them has been taken out. */
static int remove_others(struct index *x, const struct document_changes *all, struct err *e)
{
	size_t n = fulltext_ids(x->fulltext, NULL, 0);
	CLEANUP(freep) int64_t *ids = malloc(MAX(n, (size_t)1) * sizeof(*ids));

	if (!ids)
		return err_set(e, -ENOMEM, "There is no memory for the index of this collection.");
	(void)fulltext_ids(x->fulltext, ids, n);
	for (size_t i = 0; i < n; i++)
		if (!is_there(all, ids[i])) {
			fulltext_remove(x->fulltext, ids[i]);
			if (x->vectors)
				vectors_remove(x->vectors, ids[i]);
		}
	return 0;
}

static int refresh(struct rag *rag, struct index *x, struct db_conn *c, const struct search_place *p, struct err *e)
{
	CLEANUP(arena_done) struct arena a;
	struct document_changes l = {.n = 0};
	bool whole = x->revision < p->removed;
	int r;

	ASSERT_IS(x, INDEX_MAGIC);
	ASSERT(x->id == p->collection_id);
	arena_init(&a, CHANGES_BYTES);
	r = documents_changed(c, x->id, whole ? -1 : x->revision, &a, &l, e);
	set_identity(x, p->identity);
	for (size_t i = 0; r == 0 && i < l.n; i++) {
		r = put_words(x, c, &l.items[i], e);
		if (r == 0 && x->identity && !__atomic_load_n(&rag->external, __ATOMIC_RELAXED))
			r = put_vectors(rag, x, c, &l.items[i], e);
	}
	if (r == 0 && whole)
		r = remove_others(x, &l, e);
	if (r == 0)
		x->revision = p->revision;
	note_bytes(x);
	(void)make_room(rag, x, 0);
	return r;
}

/* Vectors that were left out are tried again when others may have made room. */
static bool is_stale(const struct index *x, const struct search_place *p)
{
	return x->revision < p->revision || (x->left_out_ms && clock_mono_ms() - x->left_out_ms > AGAIN_MS);
}

int index_hold(struct rag *rag, struct db_conn *c, const struct search_place *p, struct index **ret, struct err *e)
{
	struct index *x = find(rag, p->collection_id);
	int r = 0;

	ASSERT(thread_may_wait());
	pthread_rwlock_rdlock(&x->lock);
	if (is_stale(x, p)) {
		pthread_rwlock_unlock(&x->lock);
		pthread_rwlock_wrlock(&x->lock);
		if (x->left_out_ms && is_stale(x, p))
			empty(rag, x);
		if (is_stale(x, p))
			r = refresh(rag, x, c, p, e);
		pthread_rwlock_unlock(&x->lock);
		if (r < 0)
			return r;
		pthread_rwlock_rdlock(&x->lock);
	}
	*ret = x;
	return 0;
}

/* What was made since it was looked at last. */
static int add_exchanges(struct rag *rag, struct index *x, struct db_conn *c, int64_t newest, struct err *e)
{
	int r = 0;

	ASSERT_IS(x, INDEX_MAGIC);
	ASSERT(x->identity);
	while (r == 0 && x->revision < newest) {
		CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
		if (!make_room(rag, x, EXCHANGES_BYTES)) {
			__atomic_store_n(&x->left_out_ms, clock_mono_ms(), __ATOMIC_RELAXED);
			x->revision = newest;
			break;
		}
		r = exchanges_load(c, x->id, x->identity, x->revision, EXCHANGES, &rows, e);
		int64_t before = x->revision;
		while (r >= 0 && (r = db_next(rows, e)) > 0) {
			struct str bytes = db_bytes(rows, 2);
			size_t dims = bytes.n / sizeof(float);
			x->vectors = x->vectors ? x->vectors : vectors_new(dims);
			x->revision = db_i64(rows, 0);
			if (dims == vectors_dims(x->vectors))
				r = vectors_put(x->vectors, db_i64(rows, 1), x->revision,
					(const float *)(const void *)bytes.p, 1);
			if (r < 0)
				return err_set(e, r, "There is no memory for the index of earlier conversations.");
		}
		x->revision = x->revision == before ? newest : x->revision; /* they are gone again */
		note_bytes(x);
	}
	return MIN(r, 0);
}

int index_hold_exchanges(
	struct rag *rag, struct db_conn *c, atelier_id user_id, const char *identity, struct index **ret, struct err *e)
{
	struct index *x = find(rag, user_id);
	int64_t newest = 0;
	int r = exchanges_newest(c, user_id, identity, &newest, e);
	const struct search_place now = {.revision = newest};

	ASSERT(thread_may_wait() && *identity);
	if (r < 0)
		return r;
	pthread_rwlock_wrlock(&x->lock);
	if (!x->identity || strcmp(x->identity, identity) != 0 || (x->left_out_ms && is_stale(x, &now)))
		empty(rag, x);
	set_identity(x, identity);
	r = add_exchanges(rag, x, c, newest, e);
	pthread_rwlock_unlock(&x->lock);
	if (r < 0)
		return r;
	pthread_rwlock_rdlock(&x->lock);
	*ret = x;
	return 0;
}

void index_release(struct index *x)
{
	ASSERT_IS(x, INDEX_MAGIC);
	pthread_rwlock_unlock(&x->lock);
}

void indexes_hold_vectors(struct rag *r, bool held)
{
	struct index *x;

	if (__atomic_exchange_n(&r->external, !held, __ATOMIC_RELAXED) == !held)
		return;
	pthread_mutex_lock(&r->mx);
	x = r->indexes; /* those that come later begin as they should */
	pthread_mutex_unlock(&r->mx);
	for (; x; x = x->next) {
		pthread_rwlock_wrlock(&x->lock);
		empty(r, x);
		pthread_rwlock_unlock(&x->lock);
	}
}

void rag_load(struct rag *rag, bool (*stop)(void *arg), void *arg)
{
	CLEANUP(arena_done) struct arena a;
	struct search_scope all = {.n = 0};
	struct rag_memory m = {.bytes = 0};
	struct err e = {0};
	int r;

	arena_init(&a, CHANGES_BYTES);
	{
		struct store_place store;
		bool external = false;
		(void)!stores_open(rag, &a, &store, &external, &e); /* a key that does not open is met again */
		indexes_hold_vectors(rag, !external);
	}
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(rag->config.db);
	r = collections_newest(c, LOADED, &a, &all, &e);
	for (size_t i = 0; r == 0 && i < all.n && !stop(arg) && m.bytes <= m.limit / 2; i++) {
		struct index *x = NULL;
		r = index_hold(rag, c, &all.items[i], &x, &e);
		if (r == 0)
			index_release(x);
		rag_memory(rag, &m);
	}
	if (r < 0)
		log_warn("rag", "indexes are read when they are searched: %s", e.msg);
}
