/* index.c - the indexes in memory, one a collection and one a person, and how much of that they may take. */
#include "base/lock.h"
#include "rag/rag_priv.h"
#include "sys/loop.h"

int rag_new(const struct rag_config *c, struct rag **ret, struct err *e UNUSED)
{
	struct rag *r = xcalloc(1, sizeof(*r));

	MAGIC_SET(r, RAG_MAGIC);
	r->config = *c;
	pthread_mutex_init(&r->mx, NULL);
	pthread_mutex_init(&r->pictures_mx, NULL);
	pthread_mutex_init(&r->stores_mx, NULL);
	pthread_cond_init(&r->stores_wake, NULL);
	pthread_cond_init(&r->indexes_wake, NULL);
	pthread_cond_init(&r->indexes_filled, NULL);
	cancel_init(&r->stores_end);
	*ret = r;
	return 0;
}

int rag_start(struct rag *r, struct err *e)
{
	ASSERT_IS(r, RAG_MAGIC);
	int s = stores_start(r, e);

	return s < 0 ? s : indexes_start(r, e);
}

void rag_stop(struct rag *r)
{
	if (!r)
		return;
	indexes_stop(r);
	stores_stop(r);
}

void index_empty(const struct rag *r, struct index *x)
{
	ASSERT_IS(x, INDEX_MAGIC);
	ASSERT(x->filling && lock_is_mine_to_write(&x->lock));
	fulltext_free(x->fulltext);
	x->fulltext = fulltext_new(r->config.settings->data);
	vectors_free(x->vectors);
	x->vectors = NULL;
	free(x->identity);
	x->identity = NULL;
	x->revision = x->meant = x->toward = -1;
	__atomic_store_n(&x->left_out_ms, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&x->bytes, 0, __ATOMIC_RELAXED);
}

static void index_free(struct index *x)
{
	ASSERT(x->pins == 0 && !x->filling); /* nobody searches any more */
	fulltext_free(x->fulltext);
	vectors_free(x->vectors);
	free(x->identity);
	pthread_rwlock_destroy(&x->lock);
	MAGIC_END(x, INDEX_MAGIC);
	free(x);
}

void rag_free(struct rag *r)
{
	if (!r)
		return;
	rag_stop(r);
	while (r->indexes) {
		struct index *x = r->indexes;
		r->indexes = x->next;
		index_free(x);
	}
	pthread_cond_destroy(&r->indexes_filled);
	pthread_cond_destroy(&r->indexes_wake);
	pthread_mutex_destroy(&r->mx);
	pictures_free(r);
	pthread_mutex_destroy(&r->pictures_mx);
	cancel_done(&r->stores_end);
	pthread_cond_destroy(&r->stores_wake);
	pthread_mutex_destroy(&r->stores_mx);
	MAGIC_END(r, RAG_MAGIC);
	free(r);
}

static struct index *index_new(const struct rag *r, atelier_id id, bool person)
{
	struct index *x = xcalloc(1, sizeof(*x));
	pthread_rwlockattr_t attr;

	MAGIC_SET(x, INDEX_MAGIC);
	x->id = id;
	x->person = person;
	x->revision = x->meant = x->toward = -1;
	x->fulltext = fulltext_new(r->config.settings->data);
	pthread_rwlockattr_init(&attr);
	/* Searches that follow each other without a gap would keep what has changed out for ever. */
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&x->lock, &attr);
	pthread_rwlockattr_destroy(&attr);
	return x;
}

struct index *index_pin(struct rag *r, atelier_id id, bool person)
{
	struct index *x;

	ASSERT_IS(r, RAG_MAGIC);
	pthread_mutex_lock(&r->mx);
	for (x = r->indexes; x && x->id != id; x = x->next)
		;
	if (!x) {
		x = index_new(r, id, person);
		x->next = r->indexes;
		r->indexes = x;
	}
	ASSERT(x->person == person);
	x->pins++;
	x->used = ++r->holds;
	pthread_mutex_unlock(&r->mx);
	return x;
}

void index_unpin(struct rag *r, struct index *x)
{
	ASSERT_IS(x, INDEX_MAGIC);
	pthread_mutex_lock(&r->mx);
	ASSERT(x->pins > 0);
	x->pins--;
	pthread_mutex_unlock(&r->mx);
}

void index_hold(struct index *x)
{
	ASSERT_IS(x, INDEX_MAGIC);
	pthread_rwlock_rdlock(&x->lock);
}

void index_release(struct rag *r, struct index *x)
{
	pthread_rwlock_unlock(&x->lock);
	index_unpin(r, x);
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

void index_note_bytes(struct index *x)
{
	size_t bytes = fulltext_bytes(x->fulltext) + (x->vectors ? vectors_bytes(x->vectors) : 0);

	ASSERT_IS(x, INDEX_MAGIC);
	ASSERT(x->filling); /* who fills it alone may look without its lock */
	__atomic_store_n(&x->bytes, bytes, __ATOMIC_RELAXED);
}

/* Takes of the others the one that was searched longest ago and is not being searched, as its filler. */
static struct index *take_oldest(struct rag *r, const struct index *but)
{
	struct index *found = NULL;

	pthread_mutex_lock(&r->mx);
	for (struct index *x = r->indexes; x; x = x->next)
		if (x != but && x->bytes > 0 && x->pins == 0 && !x->filling && (!found || x->used < found->used))
			found = x;
	if (found)
		found->filling = true;
	pthread_mutex_unlock(&r->mx);
	return found;
}

bool index_make_room(struct rag *r, const struct index *x, size_t bytes)
{
	struct rag_memory m;

	ASSERT(thread_may_wait());
	for (;;) {
		rag_memory(r, &m);
		if ((size_t)m.bytes + bytes <= limit_of(r))
			return true;
		struct index *old = take_oldest(r, x);
		if (!old)
			return false;
		pthread_rwlock_wrlock(&old->lock);
		index_empty(r, old);
		pthread_rwlock_unlock(&old->lock);
		index_end(r, old);
	}
}
