/*
 * refresh.c - brings indexes up to date: by who searches, for as long as one waits, and what is left then by a thread. Words come before
 * vectors. Of both the database says what has changed since a revision, so whoever goes on needs no more than the index itself.
 */
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
#include "sys/thread.h"

#define SLICE_MS        300
#define SLICE_LEAST     ((size_t)1 << 20) /* bytes: what is little is complete also where a processor is waited for */
#define CHANGES_BYTES   ((size_t)64 << 20)
#define POSTINGS_BYTES  ((size_t)512 << 20) /* of one text */
#define VECTORS         1000                /* of a text, that are read at once, */
#define VECTORS_BYTES   ((size_t)256 << 20) /* and what they may take */
#define EXCHANGES       1000                /* the same of earlier conversations, */
#define EXCHANGES_BYTES ((size_t)4 << 20)   /* for which there must be room */
#define AGAIN_MS        60000
#define LOADED          1000 /* collections, behind the start */

#define NO_MEMORY "There is no memory for the index of this collection."

struct slice slice_begin(void)
{
	return (struct slice){.until_ms = clock_mono_ms() + SLICE_MS};
}

static bool is_over(const struct slice *s)
{
	return s->bytes >= SLICE_LEAST && clock_mono_ms() >= s->until_ms;
}

/* ---- one at a time ---- */

/* False: another one still does when the time is over. */
static bool begin(struct rag *r, struct index *x, int64_t until_ms)
{
	pthread_mutex_lock(&r->mx);
	while (x->filling && clock_wait(&r->indexes_filled, &r->mx, until_ms))
		;
	bool mine = !x->filling;
	if (mine)
		x->filling = true;
	pthread_mutex_unlock(&r->mx);
	return mine;
}

void index_end(struct rag *r, struct index *x)
{
	pthread_mutex_lock(&r->mx);
	ASSERT(x->filling);
	x->filling = false;
	pthread_cond_broadcast(&r->indexes_filled);
	pthread_mutex_unlock(&r->mx);
}

static void want(struct rag *r, struct index *x)
{
	pthread_mutex_lock(&r->mx);
	x->wanted = true;
	pthread_cond_signal(&r->indexes_wake);
	pthread_mutex_unlock(&r->mx);
}

/* ---- words ---- */

/* A text whose index is damaged is left out rather than have nothing found at all. Vectors of the text before find nothing any more, and
 * would take the places of others among the nearest until there are new ones. */
static int put_words(
	struct index *x, struct db_conn *c, const struct document_change *d, struct slice *s, struct err *e)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(POSTINGS_BYTES);
	struct err quiet = {0};
	int r;

	ASSERT(x->fulltext);
	if (fulltext_text_of(x->fulltext, d->id) == d->text_id && fulltext_version_of(x->fulltext, d->id) == d->words)
		return 0;
	r = texts_postings(c, d->text_id, &b, &quiet);
	if (r == E_NOT_FOUND)
		return 0; /* replaced meanwhile: the next revision has it */
	if (r < 0)
		return err_set(e, r, "%s", quiet.msg);
	s->bytes += b.n;
	pthread_rwlock_wrlock(&x->lock);
	r = fulltext_put(x->fulltext, d->id, d->text_id, d->words, buf_str(&b));
	if (r == 0 && x->vectors)
		vectors_remove_other(x->vectors, d->id, d->text_id);
	pthread_rwlock_unlock(&x->lock);
	if (r == -EBADMSG) {
		log_error("rag", "the index of a document is damaged and left out; have it read anew");
		return 0;
	}
	return r < 0 ? err_set(e, r, NO_MEMORY) : 0;
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
	size_t words = fulltext_ids(x->fulltext, NULL, 0),
	       n = words + (x->vectors ? vectors_ids(x->vectors, NULL, 0) : 0);
	CLEANUP(freep) int64_t *ids = malloc(MAX(n, (size_t)1) * sizeof(*ids));

	if (!ids)
		return err_set(e, -ENOMEM, NO_MEMORY);
	(void)fulltext_ids(x->fulltext, ids, words);
	if (x->vectors)
		(void)vectors_ids(x->vectors, ids + words, n - words);
	pthread_rwlock_wrlock(&x->lock);
	for (size_t i = 0; i < n; i++) {
		if (is_there(all, ids[i]))
			continue;
		fulltext_remove(x->fulltext, ids[i]);
		if (x->vectors)
			vectors_remove(x->vectors, ids[i]);
	}
	pthread_rwlock_unlock(&x->lock);
	return 0;
}

static int fill_words(struct index *x, struct db_conn *c, const struct search_place *p, struct slice *s,
	struct arena *a, struct err *e)
{
	struct document_changes l = {.n = 0};
	bool whole = x->revision < p->removed;
	int r = 0;

	ASSERT(x->filling && x->id == p->collection_id);
	if (x->revision >= p->revision)
		return 0;
	r = documents_changed(c, x->id, whole ? -1 : x->revision, WORDS_VERSION, a, &l, e);
	if (r == 0 && whole)
		r = remove_others(x, &l, e);
	for (size_t i = 0; r == 0 && i < l.n; i++) {
		if (is_over(s))
			return 0;
		r = put_words(x, c, &l.items[i], s, e);
	}
	if (r < 0)
		return r;
	pthread_rwlock_wrlock(&x->lock);
	x->revision = p->revision;
	pthread_rwlock_unlock(&x->lock);
	return 0;
}

/* ---- vectors ---- */

/* Vectors of another identity are of no use here. Those for which there was no room are tried again when others may have made some. */
static void prepare(struct index *x, const char *identity)
{
	bool other = !x->identity || strcmp(x->identity, identity) != 0;
	bool again = x->left_out_ms && clock_mono_ms() - x->left_out_ms > AGAIN_MS;

	if (!other && !again)
		return;
	pthread_rwlock_wrlock(&x->lock);
	if (other) {
		vectors_free(x->vectors);
		x->vectors = NULL;
		free(x->identity);
		x->identity = *identity ? xstrdup(identity) : NULL;
	}
	x->meant = x->toward = -1;
	__atomic_store_n(&x->left_out_ms, 0, __ATOMIC_RELAXED);
	pthread_rwlock_unlock(&x->lock);
}

static void leave_out(struct index *x)
{
	pthread_rwlock_wrlock(&x->lock);
	__atomic_store_n(&x->left_out_ms, clock_mono_ms(), __ATOMIC_RELAXED);
	pthread_rwlock_unlock(&x->lock);
}

/* Behind those of the text that are there. */
static int add_vectors(
	struct rag *rag, struct index *x, const struct document_change *d, const struct buf *b, size_t n, struct err *e)
{
	size_t dims = b->n / n / sizeof(float);
	int r;

	if (dims == 0) {
		log_error("rag", "the vectors of a document are damaged and left out");
		return 0;
	}
	index_note_bytes(x);
	if (!index_make_room(rag, x, n * (dims + VECTOR_ALIGN))) {
		leave_out(x);
		return 0;
	}
	pthread_rwlock_wrlock(&x->lock);
	if (x->vectors &&
		vectors_count(x->vectors) == 0) { /* all that it had are gone: the next may have another size */
		vectors_free(x->vectors);
		x->vectors = NULL;
	}
	if (!x->vectors)
		x->vectors = vectors_new(dims);
	bool fits = dims == vectors_dims(x->vectors) && dims * n * sizeof(float) == b->n;
	r = fits ? vectors_add(x->vectors, d->id, d->text_id, (const float *)(const void *)b->p, n) : 0;
	pthread_rwlock_unlock(&x->lock);
	if (!fits)
		log_error("rag", "the vectors of a document are of another size than others and left out");
	return r < 0 ? err_set(e, r, NO_MEMORY) : fits;
}

/* What a text has of vectors by now: while it is being embedded the first ones. 1: the slice is over. */
static int put_vectors(struct rag *rag, struct index *x, struct db_conn *c, const struct document_change *d,
	struct slice *s, struct err *e)
{
	int r = 1;

	for (int64_t n = VECTORS; r > 0 && n == VECTORS;) {
		CLEANUP(buf_done) struct buf b = BUF_INIT(VECTORS_BYTES);
		size_t from = x->vectors ? vectors_of(x->vectors, d->id, d->text_id) : 0;
		if (is_over(s))
			return 1;
		r = vectors_load(c, d->text_id, x->identity, (int64_t)from, VECTORS, &b, &n, e);
		s->bytes += b.n;
		if (r == 0 && n > 0)
			r = add_vectors(rag, x, d, &b, (size_t)n, e);
	}
	return MIN(r, 0);
}

static void set_meant(struct index *x, int64_t revision)
{
	ASSERT(x->filling && revision >= x->meant);
	pthread_rwlock_wrlock(&x->lock);
	x->meant = revision;
	x->toward = -1;
	pthread_rwlock_unlock(&x->lock);
}

/* The vectors of all documents that have changed, in the order of these: what changes meanwhile is met by the next time. */
static int fill_vectors(struct rag *rag, struct index *x, struct db_conn *c, const struct search_place *p,
	struct slice *s, struct arena *a, struct err *e)
{
	int r = 0;

	prepare(x, p->identity);
	while (r == 0 && x->meant < p->revision && *p->identity) {
		struct document_changes l = {.n = 0};
		if (x->toward < 0) {
			x->toward = p->revision;
			x->after = 0;
		}
		r = documents_changed(c, x->id, x->meant, WORDS_VERSION, a, &l, e);
		for (size_t i = 0; r == 0 && i < l.n && !x->left_out_ms; i++) {
			if (l.items[i].id <= x->after)
				continue;
			r = put_vectors(rag, x, c, &l.items[i], s, e);
			x->after = r == 0 ? l.items[i].id : x->after;
		}
		if (r == 0)
			set_meant(x, x->toward);
	}
	return MIN(r, 0);
}

/* ---- a collection ---- */

bool index_lags(const struct index *x, const struct search_place *p, bool meaning)
{
	if (x->revision < p->revision)
		return true;
	if (!meaning || !*p->identity)
		return false;
	return !x->identity || strcmp(x->identity, p->identity) != 0 || x->meant < p->revision;
}

/* Vectors that were left out are tried again when others may have made room. */
static bool is_stale(const struct index *x, const struct search_place *p, bool meaning)
{
	return index_lags(x, p, meaning) || (meaning && x->left_out_ms && clock_mono_ms() - x->left_out_ms > AGAIN_MS);
}

/* By who fills it. */
static int fill(
	struct rag *rag, struct index *x, const struct search_place *p, bool meaning, struct slice *s, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(rag->config.db);
	CLEANUP(arena_done) struct arena a;

	ASSERT_IS(x, INDEX_MAGIC);
	ASSERT(!x->person); /* whose exchanges are no documents */
	arena_init(&a, CHANGES_BYTES);
	int r = fill_words(x, c, p, s, &a, e);
	if (r == 0 && meaning && x->revision >= p->revision)
		r = fill_vectors(rag, x, c, p, s, &a, e);
	index_note_bytes(x);
	(void)index_make_room(rag, x, 0);
	return r;
}

static bool behind(struct index *x, const struct search_place *p, bool meaning, bool again)
{
	pthread_rwlock_rdlock(&x->lock);
	bool r = again ? is_stale(x, p, meaning) : index_lags(x, p, meaning);
	pthread_rwlock_unlock(&x->lock);
	return r;
}

int index_refresh(
	struct rag *rag, const struct search_place *p, bool meaning, struct slice *s, struct index **ret, struct err *e)
{
	struct index *x = index_pin(rag, p->collection_id, false);
	int r = 0;

	ASSERT(thread_may_wait());
	if (behind(x, p, meaning, true)) {
		if (begin(rag, x, s->until_ms)) {
			if (behind(x, p, meaning, true))
				r = fill(rag, x, p, meaning, s, e);
			index_end(rag, x);
		}
		if (r == 0 && behind(x, p, meaning, false))
			want(rag, x);
	}
	if (r < 0) {
		index_unpin(rag, x);
		return r;
	}
	*ret = x;
	return 0;
}

/* ---- what a person was told ---- */

/* Those that come next. */
static int put_exchanges(struct index *x, struct db_conn *c, struct slice *s, size_t *ret_n, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r = exchanges_load(c, x->id, x->identity, x->revision, EXCHANGES, &rows, e);

	*ret_n = 0;
	pthread_rwlock_wrlock(&x->lock);
	while (r >= 0 && (r = db_next(rows, e)) > 0) {
		struct str bytes = db_bytes(rows, 2);
		size_t dims = bytes.n / sizeof(float);
		s->bytes += bytes.n;
		x->revision = db_i64(rows, 0);
		if (!x->vectors && dims)
			x->vectors = vectors_new(dims);
		if (dims && dims == vectors_dims(x->vectors))
			r = vectors_add(
				x->vectors, db_i64(rows, 1), x->revision, (const float *)(const void *)bytes.p, 1);
		if (r < 0)
			(void)err_set(e, r, "There is no memory for the index of earlier conversations.");
		++*ret_n;
	}
	pthread_rwlock_unlock(&x->lock);
	return r;
}

/* What was made since it was looked at last. */
static int fill_exchanges(
	struct rag *rag, struct index *x, struct db_conn *c, int64_t newest, struct slice *s, struct err *e)
{
	int r = 0;

	ASSERT_IS(x, INDEX_MAGIC);
	ASSERT(x->identity && x->filling);
	while (r == 0 && x->revision < newest && !is_over(s)) {
		bool room = index_make_room(rag, x, EXCHANGES_BYTES);
		size_t n = 0;
		if (room)
			r = put_exchanges(x, c, s, &n, e);
		else
			leave_out(x);
		pthread_rwlock_wrlock(&x->lock);
		x->revision = r == 0 && n == 0 ? newest : x->revision; /* they are gone again, or left out */
		pthread_rwlock_unlock(&x->lock);
		index_note_bytes(x);
	}
	return MIN(r, 0);
}

/* Of this identity, and from the beginning if what was left out may have room now. */
static void prepare_exchanges(struct rag *rag, struct index *x, const char *identity)
{
	bool again = x->left_out_ms && clock_mono_ms() - x->left_out_ms > AGAIN_MS;

	if (x->identity && strcmp(x->identity, identity) == 0 && !again)
		return;
	pthread_rwlock_wrlock(&x->lock);
	index_empty(rag, x);
	x->identity = xstrdup(identity);
	pthread_rwlock_unlock(&x->lock);
}

int index_refresh_exchanges(struct rag *rag, atelier_id user_id, const char *identity, struct slice *s,
	struct index **ret, bool *ret_behind, struct err *e)
{
	struct index *x = index_pin(rag, user_id, true);
	int64_t newest = 0;
	int r = 0;

	ASSERT(thread_may_wait() && *identity);
	if (begin(rag, x, s->until_ms)) {
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(rag->config.db);
		r = exchanges_newest(c, user_id, identity, &newest, e);
		if (r == 0) {
			prepare_exchanges(rag, x, identity);
			r = fill_exchanges(rag, x, c, newest, s, e);
		}
		*ret_behind = x->revision < newest;
		index_end(rag, x);
	} else {
		*ret_behind = true;
	}
	if (r < 0) {
		index_unpin(rag, x);
		return r;
	}
	if (*ret_behind)
		want(rag, x);
	*ret = x;
	return 0;
}

/* ---- what nobody waits for ---- */

/* Of those that are behind the one that was searched last, pinned. NULL: there is none, or the end has come. */
static struct index *take_wanted(struct rag *r, int64_t until_ms)
{
	struct index *found = NULL;
	bool waits = true;

	pthread_mutex_lock(&r->mx);
	while (!r->indexes_over) {
		for (struct index *x = r->indexes; x; x = x->next)
			if (x->wanted && (!found || x->used > found->used))
				found = x;
		if (found || !waits)
			break;
		waits = clock_wait(&r->indexes_wake, &r->mx, until_ms);
	}
	if (found) {
		found->wanted = false;
		found->pins++;
	}
	pthread_mutex_unlock(&r->mx);
	return found;
}

bool indexes_are_ending(struct rag *r)
{
	pthread_mutex_lock(&r->mx);
	bool over = r->indexes_over;
	pthread_mutex_unlock(&r->mx);
	return over;
}

static int go_on_exchanges(struct rag *r, struct index *x, struct slice *s, struct arena *a, struct err *e)
{
	struct index *same = NULL;
	bool lags;

	pthread_rwlock_rdlock(&x->lock);
	const char *identity = arena_strdup(a, x->identity ? x->identity : "");
	pthread_rwlock_unlock(&x->lock);
	if (!identity || !*identity)
		return 0; /* emptied meanwhile: who searches begins anew */
	int k = index_refresh_exchanges(r, x->id, identity, s, &same, &lags, e);
	if (k == 0)
		index_unpin(r, same);
	return k;
}

static int go_on_collection(struct rag *r, struct index *x, struct slice *s, struct arena *a, struct err *e)
{
	struct search_place p;
	struct index *same = NULL;
	int k;

	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(r->config.db);
		k = collections_place(c, x->id, a, &p, e);
	}
	if (k < 0)
		return k == E_NOT_FOUND ? 0 : k;
	k = index_refresh(r, &p, !__atomic_load_n(&r->external, __ATOMIC_RELAXED), s, &same, e);
	if (k == 0)
		index_unpin(r, same);
	return k;
}

/* A slice of one that is behind. False: there is none, or the end has come. */
static bool go_on(struct rag *r, int64_t until_ms)
{
	CLEANUP(arena_done) struct arena a;
	struct index *x = take_wanted(r, until_ms);
	struct slice s = slice_begin();
	struct err e = {0};

	arena_init(&a, CHANGES_BYTES);
	if (!x)
		return false;
	if ((x->person ? go_on_exchanges(r, x, &s, &a, &e) : go_on_collection(r, x, &s, &a, &e)) < 0)
		log_warn("rag", "an index is read when it is searched: %s", e.msg);
	index_unpin(r, x);
	return true;
}

/* Reads indexes, so that the first question does not have to, until half of the memory is full: the words of all, then vectors. What
 * is searched meanwhile comes first. */
static int load_all(struct rag *r, struct arena *a, struct err *e)
{
	struct search_scope all = {.n = 0};
	struct rag_memory m = {.bytes = 0};
	int k;

	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(r->config.db);
		k = collections_newest(c, LOADED, a, &all, e);
	}
	for (size_t i = 0; k == 0 && i < 2 * all.n && !indexes_are_ending(r) && m.bytes <= m.limit / 2; i++) {
		bool second = i >= all.n, meaning = second && !__atomic_load_n(&r->external, __ATOMIC_RELAXED);
		struct slice s = slice_begin();
		struct index *x = NULL;
		k = index_refresh(r, &all.items[second ? i - all.n : i], meaning, &s, &x, e);
		if (k == 0)
			index_unpin(r, x);
		while (k == 0 && go_on(r, 0))
			;
		rag_memory(r, &m);
	}
	return k;
}

void indexes_load(struct rag *r)
{
	CLEANUP(arena_done) struct arena a;
	struct store_place store;
	struct err e = {0};
	bool external = false;

	arena_init(&a, CHANGES_BYTES);
	(void)!stores_open(r, &a, &store, &external, &e); /* a key that does not open is met again */
	indexes_hold_vectors(r, !external);
	err_clear(&e);
	if (load_all(r, &a, &e) < 0)
		log_warn("rag", "indexes are read when they are searched: %s", e.msg);
}

static void *indexes_run(void *arg)
{
	struct rag *r = arg;
	struct rewording words = {0};
	int64_t at = 0; /* words are made anew, between what is searched */

	indexes_load(r);
	while (!indexes_are_ending(r))
		if (!go_on(r, at) && !indexes_are_ending(r))
			at = reword_next(r, &words);
	return NULL;
}

int indexes_start(struct rag *r, struct err *e)
{
	int s = thread_start(&r->indexes_thread, "indexes", 0, indexes_run, r);

	ASSERT(!r->indexes_started);
	r->indexes_started = s == 0;
	return s < 0 ? err_set(e, s, "The thread for indexes does not start: %s.", strerror(-s)) : 0;
}

void indexes_stop(struct rag *r)
{
	if (!r->indexes_started)
		return;
	ASSERT(!pthread_equal(pthread_self(), r->indexes_thread)); /* which is waited for */
	pthread_mutex_lock(&r->mx);
	r->indexes_over = true;
	pthread_cond_signal(&r->indexes_wake);
	pthread_mutex_unlock(&r->mx);
	pthread_join(r->indexes_thread, NULL);
	r->indexes_started = false;
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
		(void)begin(r, x, INT64_MAX);
		pthread_rwlock_wrlock(&x->lock);
		index_empty(r, x);
		pthread_rwlock_unlock(&x->lock);
		index_end(r, x);
	}
}
