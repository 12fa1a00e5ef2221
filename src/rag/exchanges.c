/*
 * exchanges.c - questions with their answers by their meaning: their vectors, which a job makes once somebody's answers draw on
 * earlier conversations, and the nearest of them to a question. What lies in the bin or is gone is asked of the database with each
 * search, so that a vector still in memory finds nothing.
 */
#include "store/exchanges.h"

#include <errno.h>

#include "base/log.h"
#include "base/utf8.h"
#include "rag/embed.h"
#include "sys/loop.h"

#define TEXT_BYTES  ((size_t)1200) /* about 300 tokens */
#define ARENA_BYTES ((size_t)32 << 20)
#define LACKING     2048 /* that are listed at once */
#define NEAREST     256  /* that are looked at first; then more, as long as most are of other places */
#define NEAREST_MAX 4096

#define LAGS                                                                                                           \
	"Not all earlier conversations have been read into memory yet, so this is what was found in the rest. Ask "    \
	"again in a moment for all of them."

const char *exchange_text(const struct recalled *x, struct arena *a)
{
	size_t n = strlen(x->question), question = utf8_prefix(x->question, n, MIN(n, TEXT_BYTES / 3));
	size_t m = strlen(x->answer), answer = utf8_prefix(x->answer, m, MIN(m, TEXT_BYTES - question));

	return arena_printf(a, "%.*s%s%s%.*s%s", (int)question, x->question, question < n ? " ..." : "",
		n && m ? "\n\n" : "", (int)answer, x->answer, answer < m ? " ..." : "");
}

/* ---- making vectors ---- */

struct making {
	struct rag *rag;
	struct embed_by by;
	const char *identity;
	const struct ingest_progress *progress;
	int64_t done;
};

static int make_batch(struct making *m, const struct exchange_ids *ids, struct err *e)
{
	CLEANUP(arena_done) struct arena a;
	const char *texts[EMBED_BATCH], *prefix = prefixes_of(m->by.model).passage;
	struct exchange_vectors made = {.user_id = m->by.user_id, .identity = m->identity};
	struct recalled_list of = {.n = 0};
	float *rows = NULL;
	int s;

	ASSERT(ids->n > 0 && ids->n <= N_ELEMENTS(texts));
	arena_init(&a, ARENA_BYTES);
	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(m->rag->config.db);
		s = exchanges_get(c, m->by.user_id, 0, ids, ids->n, &a, &of, NULL, e);
	}
	ASSERT(of.n <= ids->n);
	for (size_t i = 0; s == 0 && i < of.n; i++) {
		const char *text = exchange_text(&of.items[i], &a);
		texts[i] = text ? arena_printf(&a, "%s%s", prefix, text) : NULL;
		if (!texts[i])
			s = err_set(e, -ENOMEM, "no memory for earlier conversations");
	}
	if (s < 0 || of.n == 0)
		return s;
	s = embed_texts(m->rag, &m->by, texts, of.n, &a, &rows, &made.dims, e);
	made.of = of.items;
	made.rows = rows;
	made.n = of.n;
	return s < 0 ? s : exchanges_store(m->rag->config.db, &made, e);
}

/* The newest first; those that come meanwhile are the next job's. */
static int make_all(struct making *m, struct err *e)
{
	atelier_id before = INT64_MAX;

	for (;;) {
		CLEANUP(arena_done) struct arena a;
		struct exchange_ids ids = {.n = 0};
		int s;
		arena_init(&a, ARENA_BYTES);
		{
			CLEANUP(db_releasep) struct db_conn *c = db_acquire(m->rag->config.db);
			s = exchanges_lacking(c, m->by.user_id, m->identity, before, LACKING, &a, &ids, e);
		}
		for (size_t i = 0; s == 0 && i < ids.n; i += EMBED_BATCH) {
			const struct exchange_ids batch = {ids.items + i, MIN(ids.n - i, (size_t)EMBED_BATCH)};
			m->progress->fn(
				m->progress->arg, "embedding", m->done, m->done + (int64_t)(ids.n - i), "answers");
			s = cancel_reason(m->by.cancel) ? -ECANCELED : make_batch(m, &batch, e);
			m->done += (int64_t)batch.n;
		}
		if (s < 0 || ids.n == 0)
			return s;
		before = ids.items[ids.n - 1];
	}
}

int rag_embed_exchanges(
	struct rag *r, atelier_id user_id, const struct ingest_progress *p, struct cancel *cancel, struct err *e)
{
	CLEANUP(arena_done) struct arena a;
	char identity[IDENTITY_MAX];
	struct making m = {.rag = r, .by = {user_id, NULL, cancel}, .identity = identity, .progress = p};

	ASSERT(thread_may_wait() && cancel && p);
	arena_init(&a, ARENA_BYTES);
	int s = embed_model(r, "", &a, &m.by.model, identity, e);
	if (s < 0 || !m.by.model)
		return s;
	s = make_all(&m, e);
	return s < 0 ? s : exchanges_forget(r->config.db, user_id, identity, e);
}

/* ---- the nearest ---- */

/* Whether there is anything to compare with; what lacks is begun. */
static int look(struct rag *r, const struct recall_request *q, const char *identity, bool *ret_any, struct err *e)
{
	struct err quiet = {0};
	bool behind = false;
	int64_t newest = 0;
	int s;

	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(r->config.db);
		s = exchanges_newest(c, q->user_id, identity, &newest, e);
		if (s == 0)
			s = exchanges_are_behind(c, q->user_id, q->but, identity, &behind, e);
	}
	*ret_any = newest > 0;
	if (s == 0 && behind && exchanges_begin(r->config.db, q->user_id, &quiet) < 0)
		log_warn("rag", "earlier conversations are not embedded: %s", quiet.msg);
	return s;
}

/* Two answers to one question are told once. */
static size_t once_each(struct recalled_list *l, double *near)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->n; i++) {
		size_t k = 0;
		while (k < kept && (!l->items[i].question_id || l->items[k].question_id != l->items[i].question_id))
			k++;
		if (k < kept)
			continue;
		near[kept] = near[i];
		l->items[kept++] = l->items[i];
	}
	return kept;
}

/* Of hits, the nearest first, those that may be told. */
static int take(struct db_conn *c, const struct recall_request *q, const struct vector_hit *hits, size_t n,
	struct arena *a, struct meant *ret, struct err *e)
{
	struct exchange_ids ids = {.items = ARENA_ARRAY(a, atelier_id, n + 1), .n = n};
	size_t *at = NULL;

	ret->near = ARENA_ARRAY(a, double, n + 1);
	if (!ids.items || !ret->near)
		return err_set(e, -ENOMEM, "no memory for a search");
	for (size_t i = 0; i < n; i++)
		ids.items[i] = hits[i].document_id;
	int s = exchanges_get(c, q->user_id, q->but, &ids, q->limit * 2, a, &ret->found, &at, e);
	ASSERT(s < 0 || ret->found.n <= n);
	for (size_t i = 0; s == 0 && i < ret->found.n; i++) {
		ASSERT(at[i] < n);
		ret->near[i] = (double)hits[at[i]].score;
	}
	if (s == 0)
		ret->found.n = once_each(&ret->found, ret->near);
	return s;
}

/* The middle one of many; of a few the farthest. */
static double usual_of(const struct vector_hit *hits, size_t n)
{
	return n < 2 ? 0 : (double)hits[n < 8 ? n - 1 : n / 2].score;
}

static int search(struct rag *r, const struct recall_request *q, const char *identity, const float *asked, size_t dims,
	struct arena *a, struct meant *ret, struct err *e)
{
	struct vector_hit *hits = ARENA_ARRAY(a, struct vector_hit, NEAREST_MAX);
	struct slice slice = slice_begin();

	for (size_t max = NEAREST; hits && max <= NEAREST_MAX; max *= 4) {
		struct index *x = NULL;
		bool behind = false;
		int n = 0, s = index_refresh_exchanges(r, q->user_id, identity, &slice, &x, &behind, e);
		if (s < 0)
			return s;
		index_hold(x);
		if (x->vectors && strcmp(x->identity, identity) == 0 && vectors_dims(x->vectors) == dims)
			n = vectors_search(x->vectors, asked, NULL, 0, hits, max);
		index_release(r, x);
		if (n < 0)
			return err_set(e, n, "no memory for a search");
		if (max == NEAREST)
			ret->usual = usual_of(hits, (size_t)n);
		ret->notice = behind ? LAGS : NULL;
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(r->config.db);
		s = take(c, q, hits, (size_t)n, a, ret, e);
		if (s < 0 || ret->found.n >= q->limit || (size_t)n < max)
			return s;
	}
	return hits ? 0 : err_set(e, -ENOMEM, "no memory for a search");
}

int exchanges_nearest(struct rag *r, const struct recall_request *q, struct arena *a, struct meant *ret, struct err *e)
{
	char identity[IDENTITY_MAX];
	const char *model = NULL;
	float *asked = NULL;
	struct err why = {0};
	size_t dims = 0;
	bool any = false;
	int s = embed_model(r, "", a, &model, identity, e);

	*ret = (struct meant){.usual = 0};
	if (s == 0 && model)
		s = look(r, q, identity, &any, e);
	if (s < 0 || !any)
		return s;
	if (embed_query(r, q->user_id, identity, q->query, a, &asked, &dims, &why) < 0) {
		log_warn("rag", "earlier conversations were searched by words alone: %s", why.msg);
		ret->notice =
			"The model for embeddings cannot be reached, so earlier conversations were searched by words "
			"alone.";
		return 0;
	}
	return search(r, q, identity, asked, dims, a, ret, e);
}
