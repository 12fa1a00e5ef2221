/* index.c - the indexes in memory, one a collection, each brought up to date when it is used. */
#include <errno.h>

#include "base/log.h"
#include "rag/rag_priv.h"
#include "store/documents.h"
#include "store/texts.h"
#include "store/vectors.h"

#define CHANGES_BYTES  ((size_t)64 << 20)
#define POSTINGS_BYTES ((size_t)512 << 20) /* of one text */
#define VECTORS_BYTES  ((size_t)1 << 30)   /* the same */

int rag_new(const struct rag_config *c, struct rag **ret, struct err *e UNUSED)
{
	struct rag *r = xcalloc(1, sizeof(*r));

	r->config = *c;
	pthread_mutex_init(&r->mx, NULL);
	pthread_mutex_init(&r->pictures_mx, NULL);
	*ret = r;
	return 0;
}

void rag_free(struct rag *r)
{
	if (!r)
		return;
	while (r->indexes) {
		struct index *x = r->indexes;
		r->indexes = x->next;
		fulltext_free(x->fulltext);
		vectors_free(x->vectors);
		free(x->identity);
		pthread_rwlock_destroy(&x->lock);
		free(x);
	}
	pthread_mutex_destroy(&r->mx);
	pictures_free(r);
	pthread_mutex_destroy(&r->pictures_mx);
	free(r);
}

static struct index *find(struct rag *r, atelier_id collection_id)
{
	struct index *x;

	pthread_mutex_lock(&r->mx);
	for (x = r->indexes; x && x->collection_id != collection_id; x = x->next)
		;
	if (!x) {
		x = xcalloc(1, sizeof(*x));
		x->collection_id = collection_id;
		x->revision = -1;
		x->fulltext = fulltext_new();
		pthread_rwlock_init(&x->lock, NULL);
		x->next = r->indexes;
		r->indexes = x;
	}
	pthread_mutex_unlock(&r->mx);
	return x;
}

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
static int put_vectors(struct index *x, struct db_conn *c, const struct document_change *d, struct err *e)
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
	r = vectors_put(x->vectors, d->id, d->text_id, (const float *)(const void *)b.p, (size_t)n);
	return r < 0 ? err_set(e, r, "There is no memory for the index of this collection.") : 0;
}

/* A text whose index is damaged is left out rather than have nothing found at all. */
static int put_words(struct index *x, struct db_conn *c, const struct document_change *d, struct err *e)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(POSTINGS_BYTES);
	struct err quiet = {0};
	int r;

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

static int refresh(struct index *x, struct db_conn *c, const struct search_place *p, struct err *e)
{
	CLEANUP(arena_done) struct arena a;
	struct document_changes l = {.n = 0};
	bool whole = x->revision < p->removed;
	int r;

	arena_init(&a, CHANGES_BYTES);
	r = documents_changed(c, x->collection_id, whole ? -1 : x->revision, &a, &l, e);
	set_identity(x, p->identity);
	for (size_t i = 0; r == 0 && i < l.n; i++) {
		r = put_words(x, c, &l.items[i], e);
		if (r == 0 && x->identity)
			r = put_vectors(x, c, &l.items[i], e);
	}
	if (r == 0 && whole)
		r = remove_others(x, &l, e);
	if (r == 0)
		x->revision = p->revision;
	return r;
}

int index_hold(struct rag *rag, struct db_conn *c, const struct search_place *p, struct index **ret, struct err *e)
{
	struct index *x = find(rag, p->collection_id);
	int r = 0;

	pthread_rwlock_rdlock(&x->lock);
	if (x->revision < p->revision) {
		pthread_rwlock_unlock(&x->lock);
		pthread_rwlock_wrlock(&x->lock);
		if (x->revision < p->revision)
			r = refresh(x, c, p, e);
		pthread_rwlock_unlock(&x->lock);
		if (r < 0)
			return r;
		pthread_rwlock_rdlock(&x->lock);
	}
	*ret = x;
	return 0;
}

void index_release(struct index *x)
{
	pthread_rwlock_unlock(&x->lock);
}
