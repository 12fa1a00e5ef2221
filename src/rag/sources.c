/* sources.c - passages as they are given to a model: with what stands around them, within a budget. */
#include <errno.h>

#include "base/buf.h"
#include "rag/rag_priv.h"
#include "rag/words.h"
#include "store/documents.h"
#include "store/texts.h"
#include "sys/loop.h"

#define PASSAGE_MAX   ((size_t)1 << 20)
#define SOURCE_TOKENS 400 /* of a passage with what stands around it */
#define WHOLE_MAX     200 /* documents that are given as a whole */
#define WHOLE_SOURCES 2000

/* A run of passages of one text. */
struct range {
	const struct search_hit *hit; /* the best of them */
	int64_t from, to;             /* passages */
	int64_t start, end;           /* bytes */
};

/* Whether one text goes on from the one to the other: over pages it does, not from a sheet, a slide or a file to the next. */
static bool goes_on(const struct passage_row *a, const struct passage_row *b)
{
	return strcmp(a->heading, b->heading) == 0 && strcmp(a->place, b->place) == 0 &&
	       strcmp(a->label, b->label) == 0 && (a->page == b->page || strcmp(a->place, "page") == 0);
}

/* From the passage outwards, as long as it is one text under one heading, and there is room. */
static int widen(struct db_conn *c, const struct search_hit *h, struct arena *a, struct range *ret, struct err *e)
{
	struct passage_rows around = {.n = 0};
	int r = texts_passages_placed(c, h->text_id, h->n - 3, h->n + 3, a, &around, e);
	size_t at = 0, lo, hi;

	*ret = (struct range){h, h->n, h->n, h->start, h->end};
	while (r == 0 && at < around.n && around.items[at].n != h->n)
		at++;
	if (r < 0 || at == around.n)
		return r;
	lo = hi = at;
	for (bool grew = true; grew;) {
		const struct passage_row *p = around.items;
		grew = false;
		if (hi + 1 < around.n && goes_on(&p[hi], &p[hi + 1]) &&
			p[hi + 1].end - p[lo].start <= SOURCE_TOKENS * 4) {
			hi++;
			grew = true;
		}
		if (lo > 0 && goes_on(&p[lo - 1], &p[lo]) && p[hi].end - p[lo - 1].start <= SOURCE_TOKENS * 4) {
			lo--;
			grew = true;
		}
	}
	ret->from = around.items[lo].n;
	ret->to = around.items[hi].n;
	ret->start = around.items[lo].start;
	ret->end = around.items[hi].end;
	return 0;
}

/* Ranges that touch become one, which stands where the better of them did. */
static bool joins(struct range *ranges, size_t n, const struct range *x)
{
	for (size_t i = 0; i < n; i++) {
		struct range *o = &ranges[i];
		if (o->hit->text_id != x->hit->text_id || o->hit->document_id != x->hit->document_id ||
			x->from > o->to + 1 || o->from > x->to + 1)
			continue;
		const struct search_hit *h = o->hit, *k = x->hit;
		if (!goes_on(
			    &(struct passage_row){
				    .heading = h->heading, .place = h->place, .label = h->label, .page = h->page},
			    &(struct passage_row){
				    .heading = k->heading, .place = k->place, .label = k->label, .page = k->page}))
			continue;
		o->from = MIN(o->from, x->from);
		o->to = MAX(o->to, x->to);
		o->start = MIN(o->start, x->start);
		o->end = MAX(o->end, x->end);
		return true;
	}
	return false;
}

static int take(struct db_conn *c, const struct range *x, struct arena *a, struct source *ret, struct err *e)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(PASSAGE_MAX);
	int r = texts_slice(c, x->hit->text_id, x->start, x->end, &b, e);

	if (r < 0)
		return r;
	*ret = (struct source){.document_id = x->hit->document_id,
		.passage_id = x->hit->passage_id,
		.document = x->hit->document,
		.heading = x->hit->heading,
		.text = arena_strndup(a, buf_str(&b).p, b.n),
		.page = x->hit->page,
		.place = x->hit->place,
		.label = x->hit->label,
		.start = x->start,
		.end = x->end,
		.score = x->hit->score};
	return ret->text ? 0 : err_set(e, -ENOMEM, "no memory for a search");
}

/* ---- whole documents ---- */

struct whole {
	struct db_conn *c;
	struct arena *a;
	struct source_list *to;
	size_t tokens, most;
};

/* Passages from `from` on that make one source: of one page of one file, about as long as a passage with its neighbours. */
static size_t run_of(const struct passage_rows *l, size_t from)
{
	size_t to = from + 1;

	ASSERT(from < l->n);
	while (to < l->n && l->items[to].page == l->items[from].page &&
		strcmp(l->items[to].label, l->items[from].label) == 0 &&
		l->items[to].end - l->items[from].start <= SOURCE_TOKENS * 4)
		to++;
	return to;
}

static int add_run(
	struct whole *w, const struct document *d, const struct passage_row *first, int64_t end, struct err *e)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(PASSAGE_MAX);
	ASSERT(w->to->n < WHOLE_SOURCES);
	struct source *s = &w->to->items[w->to->n];
	int r = texts_slice(w->c, d->text_id, first->start, end, &b, e);

	if (r < 0)
		return r;
	*s = (struct source){.document_id = d->id,
		.passage_id = first->id,
		.document = d->name,
		.heading = first->heading,
		.text = arena_strndup(w->a, buf_str(&b).p, b.n),
		.page = first->page,
		.place = first->place,
		.label = first->label,
		.start = first->start,
		.end = end,
		.score = 1};
	if (!s->text)
		return err_set(e, -ENOMEM, "no memory for a document");
	w->tokens += words_tokens(str_from(s->text)) + 20;
	w->to->n++;
	return 0;
}

/* 1: it does not fit. */
static int add_document(struct whole *w, const struct document *d, struct err *e)
{
	struct passage_rows l = {.n = 0};
	int r = d->text_id ? texts_passages_placed(w->c, d->text_id, 0, d->passages, w->a, &l, e) : 0;

	for (size_t i = 0, to; r == 0 && i < l.n; i = to) {
		to = run_of(&l, i);
		if (w->to->n == WHOLE_SOURCES || w->tokens > w->most)
			return 1;
		r = add_run(w, d, &l.items[i], l.items[to - 1].end, e);
	}
	return r;
}

/* All documents of all places, when that is wanted everywhere and they fit; 1: passages are to be found instead. */
static int take_whole(struct whole *w, const struct search_wish *where, struct err *e)
{
	struct search_scope scope = {.n = 0};
	struct document_rows l = {.n = 0};
	int64_t passages = 0;
	int r = collections_scope(w->c, where, w->a, &scope, e);

	for (size_t i = 0; r == 0 && i < scope.n; i++)
		r = scope.items[i].whole ? 0 : 1;
	if (r == 0)
		r = documents_of_scope(w->c, where->user_id, &scope, 0, WHOLE_MAX, w->a, &l, e);
	for (size_t i = 0; r == 0 && i < l.n; i++)
		passages += l.items[i].passages;
	/* What cannot fit is not read. */
	if (r == 0 && (l.n > WHOLE_MAX || passages == 0 || passages * 4 > (int64_t)w->most))
		return 1;
	w->to->items = ARENA_ARRAY(w->a, struct source, WHOLE_SOURCES);
	if (r == 0 && !w->to->items)
		return err_set(e, -ENOMEM, "no memory for documents");
	for (size_t i = 0; r == 0 && i < l.n; i++)
		r = add_document(w, &l.items[i], e);
	if (r == 0 && w->tokens > w->most)
		r = 1;
	w->to->whole = (int64_t)w->tokens;
	return r;
}

/* ---- passages ---- */

static int take_found(struct rag *rag, const struct search_request *q, size_t tokens, struct arena *a,
	struct source_list *ret, struct err *e)
{
	struct search_result found = {.n = 0};
	struct range *ranges;
	size_t n = 0, used = 0;
	struct search_request diverse = *q;
	int r;

	diverse.diverse = true;
	r = rag_search(rag, &diverse, a, &found, e);
	*ret = (struct source_list){.items = ARENA_ARRAY(a, struct source, found.n + 1), .notice = found.notice};
	ranges = ARENA_ARRAY(a, struct range, found.n + 1);
	if (r == 0 && (!ranges || !ret->items))
		r = err_set(e, -ENOMEM, "no memory for a search");
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(rag->config.db);
	for (size_t i = 0; r == 0 && i < found.n; i++) {
		r = widen(c, &found.items[i], a, &ranges[n], e);
		if (r == 0 && !joins(ranges, n, &ranges[n]))
			n++;
	}
	ASSERT(n <= found.n);
	for (size_t i = 0; r == 0 && i < n; i++) {
		struct source *s = &ret->items[ret->n];
		r = take(c, &ranges[i], a, s, e);
		size_t costs = r < 0 ? 0 : words_tokens(str_from(s->text)) + 20;
		if (r == 0 && used + costs <= tokens) {
			used += costs;
			ret->n++;
		} else {
			ret->left_out++;
		}
	}
	return r;
}

int rag_sources(struct rag *rag, const struct search_request *q, size_t tokens, size_t whole, struct arena *a,
	struct source_list *ret, struct err *e)
{
	int r = 1;

	ASSERT(thread_may_wait());
	ASSERT_IS(rag, RAG_MAGIC);
	*ret = (struct source_list){.n = 0};
	if (whole) {
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(rag->config.db);
		struct whole w = {.c = c, .a = a, .to = ret, .most = whole};
		r = take_whole(&w, &q->where, e);
	}
	return r > 0 ? take_found(rag, q, tokens, a, ret, e) : r;
}
