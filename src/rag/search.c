/* search.c - from a question to passages. */
#include <errno.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/schema.h"
#include "base/utf8.h"
#include "rag/rag_priv.h"
#include "rag/words.h"
#include "store/documents.h"
#include "store/texts.h"

#define QUERY_MAX     ((size_t)4096) /* bytes of a question that count */
#define PASSAGE_MAX   ((size_t)1 << 20)
#define CANDIDATES    200
#define MARKS_MAX     200
#define SOURCE_TOKENS 400 /* of a passage with what stands around it */

/* ---- ranking ---- */

struct ranked {
	struct fulltext_hit hit;
	atelier_id collection_id;
};

static int by_score(const void *a, const void *b)
{
	const struct fulltext_hit *x = &((const struct ranked *)a)->hit, *y = &((const struct ranked *)b)->hit;

	if (x->score > y->score || x->score < y->score)
		return x->score > y->score ? -1 : 1;
	if (x->document_id != y->document_id)
		return x->document_id < y->document_id ? -1 : 1;
	return (x->passage > y->passage) - (x->passage < y->passage);
}

struct search {
	struct rag *rag;
	const struct search_request *q;
	struct search_scope scope;
	struct index **held;
	size_t n_held;
	uint64_t terms[FULLTEXT_TERMS];
	size_t n_terms;
	struct ranked *found;
	size_t n_found;
};

static void let_go(struct search *s)
{
	while (s->n_held)
		index_release(s->held[--s->n_held]);
}

static struct str question(const struct search *s)
{
	size_t n = strlen(s->q->query);

	return (struct str){s->q->query, utf8_prefix(s->q->query, n, MIN(n, QUERY_MAX))};
}

static int rank_all(struct search *s, struct arena *a, struct err *e)
{
	struct fulltext_stats stats = {.passages = 0};
	struct fulltext_hit *best = ARENA_ARRAY(a, struct fulltext_hit, CANDIDATES);

	s->found = ARENA_ARRAY(a, struct ranked, s->n_held * CANDIDATES + 1);
	if (!best || !s->found)
		return err_set(e, -ENOMEM, "no memory for a search");
	for (size_t i = 0; i < s->n_held; i++)
		fulltext_count(s->held[i]->fulltext, s->terms, s->n_terms, &stats);
	for (size_t i = 0; i < s->n_held; i++) {
		const struct search_place *p = &s->scope.items[i];
		int n = fulltext_search(
			s->held[i]->fulltext, s->terms, s->n_terms, &stats, p->documents, p->n, best, CANDIDATES);
		if (n < 0)
			return err_set(e, n, "no memory for a search");
		for (int k = 0; k < n; k++)
			s->found[s->n_found++] = (struct ranked){best[k], p->collection_id};
	}
	if (s->n_found > 1)
		qsort(s->found, s->n_found, sizeof(*s->found), by_score);
	return 0;
}

/* Holds all indexes at once, for the weight of a word depends on all that is searched. */
static int find(struct search *s, struct db_conn *c, struct arena *a, struct err *e)
{
	CLEANUP(words_freep) struct words *w = words_new();
	unsigned languages = 0;
	int r = collections_scope(c, &s->q->where, a, &s->scope, e);

	if (r < 0)
		return r;
	s->held = ARENA_ARRAY(a, struct index *, s->scope.n + 1);
	if (!s->held)
		return err_set(e, -ENOMEM, "no memory for a search");
	for (size_t i = 0; r == 0 && i < s->scope.n; i++) {
		r = index_hold(s->rag, c, &s->scope.items[i], &s->held[i], e);
		if (r == 0) {
			s->n_held++;
			languages |= fulltext_languages(s->held[i]->fulltext);
		}
	}
	if (r == 0) {
		s->n_terms = words_ask(w, languages, question(s), s->terms, FULLTEXT_TERMS);
		r = rank_all(s, a, e);
	}
	let_go(s);
	return r;
}

/* ---- what is told ---- */

struct marking {
	const struct search *s;
	struct str text;
	struct search_mark *marks;
	size_t n;
	size_t at;       /* bytes that were counted so far, */
	int64_t counted; /* and what they come to */
};

static int64_t count_to(struct marking *m, size_t at)
{
	for (; m->at < at; m->at++) {
		unsigned char ch = (unsigned char)m->text.p[m->at];
		m->counted += (ch & 0xc0) == 0x80 ? 0 : ch >= 0xf0 ? 2 : 1;
	}
	return m->counted;
}

static void mark(void *arg, const struct word *w)
{
	struct marking *m = arg;
	bool asked = false;

	for (size_t i = 0; !asked && i < m->s->n_terms; i++)
		asked = m->s->terms[i] == w->term;
	if (!asked || m->n == MARKS_MAX || w->start < m->at)
		return; /* what lies over the last mark is marked already */
	m->marks[m->n].start = count_to(m, w->start);
	m->marks[m->n++].end = count_to(m, w->end);
}

static int load_hit(const struct search *s, struct db_conn *c, const struct ranked *f, struct arena *a,
	struct search_hit *ret, struct err *e)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(PASSAGE_MAX);
	struct passage_rows p = {.n = 0};
	struct document d;
	int r = documents_get(c, s->q->where.user_id, f->hit.document_id, a, &d, e);

	if (r == 0)
		r = texts_passages(c, f->hit.text_id, f->hit.passage, f->hit.passage, a, &p, e);
	if (r == 0 && (p.n == 0 || d.text_id != f->hit.text_id))
		return E_NOT_FOUND; /* replaced at this moment */
	if (r == 0)
		r = texts_slice(c, f->hit.text_id, p.items[0].start, p.items[0].end, &b, e);
	if (r < 0)
		return r;
	*ret = (struct search_hit){.document_id = d.id,
		.collection_id = f->collection_id,
		.passage_id = p.items[0].id,
		.text_id = f->hit.text_id,
		.document = d.name,
		.text = arena_strndup(a, buf_str(&b).p, b.n),
		.heading = p.items[0].heading,
		.n = p.items[0].n,
		.page = p.items[0].page,
		.start = p.items[0].start,
		.end = p.items[0].end,
		.score = f->hit.score};
	return ret->text ? 0 : err_set(e, -ENOMEM, "no memory for a search");
}

static int mark_hit(
	const struct search *s, const struct text *t, struct words *w, struct arena *a, struct search_hit *h)
{
	struct marking m = {.s = s, .text = str_from(h->text), .marks = ARENA_ARRAY(a, struct search_mark, MARKS_MAX)};
	enum language l = LANGUAGE_NONE;

	if (!m.marks)
		return -ENOMEM;
	while (l < LANGUAGES - 1 && strcmp(language_code(l), t->language) != 0)
		l++;
	words_each(w, l, m.text, mark, &m);
	h->marked = (struct schema_list){m.marks, m.n};
	return 0;
}

static bool is_one_too_many(const struct search *s, const struct search_hit *hits, size_t n, atelier_id document_id)
{
	int64_t of_it = 0;

	for (size_t i = 0; s->q->per_document && i < n; i++)
		of_it += hits[i].document_id == document_id;
	return s->q->per_document && of_it >= s->q->per_document;
}

static int load_hits(
	const struct search *s, struct db_conn *c, struct arena *a, struct search_result *ret, struct err *e)
{
	CLEANUP(words_freep) struct words *w = words_new();
	int64_t wanted = s->q->limit;
	int r = 0;

	for (size_t i = 0; s->q->limit == 0 && i < s->scope.n; i++)
		wanted = MAX(wanted, s->scope.items[i].passages);
	size_t limit = (size_t)MIN(wanted, SEARCH_MAX);
	*ret = (struct search_result){.items = ARENA_ARRAY(a, struct search_hit, limit + 1)};
	if (!ret->items)
		return err_set(e, -ENOMEM, "no memory for a search");
	for (size_t i = 0; r == 0 && i < s->n_found && ret->n < limit; i++) {
		struct search_hit *h = &ret->items[ret->n];
		struct err quiet = {0};
		struct text t = {.language = ""};
		if (is_one_too_many(s, ret->items, ret->n, s->found[i].hit.document_id))
			continue;
		r = load_hit(s, c, &s->found[i], a, h, &quiet);
		if (r == 0)
			r = texts_get(c, h->text_id, a, &t, &quiet);
		if (r == 0)
			r = mark_hit(s, &t, w, a, h);
		h->fulltext_rank = (int64_t)i + 1;
		if (r == 0)
			ret->n++;
		r = r == E_NOT_FOUND ? 0 : r < 0 ? err_set(e, r, "%s", quiet.msg) : 0;
	}
	return r;
}

int rag_search(
	struct rag *rag, const struct search_request *q, struct arena *a, struct search_result *ret, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(rag->config.db);
	struct search s = {.rag = rag, .q = q};
	int r = find(&s, c, a, e);

	return r < 0 ? r : load_hits(&s, c, a, ret, e);
}

/* ---- what a model is given ---- */

/* A run of passages of one text. */
struct range {
	const struct search_hit *hit; /* the best of them */
	int64_t from, to;             /* passages */
	int64_t start, end;           /* bytes */
};

/* From the passage outwards, as long as the heading stays the same and there is room. */
static int widen(struct db_conn *c, const struct search_hit *h, struct arena *a, struct range *ret, struct err *e)
{
	struct passage_rows around = {.n = 0};
	int r = texts_passages(c, h->text_id, h->n - 3, h->n + 3, a, &around, e);
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
		if (hi + 1 < around.n && strcmp(p[hi + 1].heading, h->heading) == 0 &&
			p[hi + 1].end - p[lo].start <= SOURCE_TOKENS * 4) {
			hi++;
			grew = true;
		}
		if (lo > 0 && strcmp(p[lo - 1].heading, h->heading) == 0 &&
			p[hi].end - p[lo - 1].start <= SOURCE_TOKENS * 4) {
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
		if (strcmp(o->hit->heading, x->hit->heading) != 0)
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
		.start = x->start,
		.end = x->end,
		.score = x->hit->score};
	return ret->text ? 0 : err_set(e, -ENOMEM, "no memory for a search");
}

int rag_sources(struct rag *rag, const struct search_request *q, size_t tokens, struct arena *a,
	struct source_list *ret, struct err *e)
{
	struct search_result found = {.n = 0};
	struct range *ranges;
	size_t n = 0, used = 0;
	int r = rag_search(rag, q, a, &found, e);

	*ret = (struct source_list){.items = ARENA_ARRAY(a, struct source, found.n + 1)};
	ranges = ARENA_ARRAY(a, struct range, found.n + 1);
	if (r == 0 && (!ranges || !ret->items))
		r = err_set(e, -ENOMEM, "no memory for a search");
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(rag->config.db);
	for (size_t i = 0; r == 0 && i < found.n; i++) {
		r = widen(c, &found.items[i], a, &ranges[n], e);
		if (r == 0 && !joins(ranges, n, &ranges[n]))
			n++;
	}
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
