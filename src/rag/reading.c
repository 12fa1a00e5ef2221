/* reading.c - documents as somebody reads them who is no person: listed, read from a page or a place on, and gone through for
 * words. All within a scope, which is asked for each time. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "base/words.h"
#include "rag/rag_priv.h"
#include "store/documents.h"
#include "store/texts.h"

#define PIECE_PASSAGES 500
#define NAMED_PAGES    3  /* of one number that are told, */
#define NAMED_BYTES    40 /* and so much of their names */
#define PIECE_BYTES    ((size_t)16 << 20)
#define FOLDED_BYTES   ((size_t)4 << 20)
#define WORK_BYTES     ((size_t)64 << 20)

/* ---- which ---- */

static bool names(const struct search_place *p, atelier_id id)
{
	bool named = p->n == 0;

	for (size_t i = 0; !named && i < p->n; i++)
		named = p->documents[i] == id;
	return named;
}

static int get_within(struct db_conn *c, atelier_id user_id, const struct search_scope *scope, atelier_id id,
	struct arena *a, struct document *ret, struct err *e)
{
	bool within = false;
	int r = documents_get(c, user_id, id, a, ret, e);

	for (size_t i = 0; r == 0 && !within && i < scope->n; i++)
		within = scope->items[i].collection_id == ret->collection_id && names(&scope->items[i], id);
	return r < 0 || within ? r : err_set(e, E_NOT_FOUND, "There is no such document here.");
}

/* A document of the scope that has been read. */
static int get_read(struct db_conn *c, const struct search_wish *w, atelier_id id, struct arena *a,
	struct document *ret, struct err *e)
{
	struct search_scope scope = {.n = 0};
	int r = collections_scope(c, w, a, &scope, e);

	if (r == 0)
		r = get_within(c, w->user_id, &scope, id, a, ret, e);
	if (r < 0)
		return r;
	return ret->text_id ? 0 : err_set(e, E_CONFLICT, "This document has not been read yet.");
}

/* Those of one place, from `after` on, at most limit + 1. */
static int list_place(struct db_conn *c, atelier_id user_id, const struct search_place *p, atelier_id after,
	int64_t limit, struct arena *a, struct document_rows *ret, struct err *e)
{
	const struct document_filter f = {
		.user_id = user_id, .collection_id = p->collection_id, .after = after, .limit = limit};
	int r = 0;

	if (p->n == 0)
		return documents_list(c, &f, a, ret, e);
	ret->items = ARENA_ARRAY(a, struct document, p->n);
	if (!ret->items)
		return err_set(e, -ENOMEM, "no memory for documents");
	for (size_t i = 0; r == 0 && i < p->n && (int64_t)ret->n <= limit; i++)
		if (p->documents[i] > after)
			r = documents_get(c, user_id, p->documents[i], a, &ret->items[ret->n++], e);
	return r;
}

static int by_id(const void *x, const void *y)
{
	const struct document *a = x, *b = y;

	return (a->id > b->id) - (a->id < b->id);
}

int documents_of_scope(struct db_conn *c, atelier_id user_id, const struct search_scope *scope, atelier_id after,
	int64_t limit, struct arena *a, struct document_rows *ret, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < scope->n; i++) {
		struct document_rows more = {.n = 0};
		r = list_place(c, user_id, &scope->items[i], after, limit, a, &more, e);
		struct document *all = r < 0 ? NULL : ARENA_ARRAY(a, struct document, ret->n + more.n + 1);
		if (r < 0)
			break;
		if (!all)
			return err_set(e, -ENOMEM, "no memory for documents");
		for (size_t k = 0; k < ret->n; k++)
			all[k] = ret->items[k];
		for (size_t k = 0; k < more.n; k++)
			all[ret->n + k] = more.items[k];
		*ret = (struct document_rows){all, ret->n + more.n};
		if (ret->n)
			qsort(all, ret->n, sizeof(*all), by_id);
		ret->n = MIN(ret->n, (size_t)limit + 1);
	}
	return r;
}

static int list_all(struct db_conn *c, const struct search_wish *w, atelier_id after, int64_t limit, struct arena *a,
	struct document_rows *ret, struct err *e)
{
	struct search_scope scope = {.n = 0};
	int r = collections_scope(c, w, a, &scope, e);

	return r < 0 ? r : documents_of_scope(c, w->user_id, &scope, after, limit, a, ret, e);
}

int rag_list(struct rag *r, const struct search_wish *w, atelier_id after, int64_t limit, struct arena *a,
	struct listed_documents *ret, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(r->config.db);
	struct document_rows l = {.n = 0};
	int s = list_all(c, w, after, limit, a, &l, e);
	size_t n = MIN(l.n, (size_t)limit);

	ASSERT_IS(r, RAG_MAGIC);
	ASSERT(limit > 0); /* the last one told says where to go on */
	*ret = (struct listed_documents){.items = ARENA_ARRAY(a, struct listed_document, n + 1)};
	if (s == 0 && !ret->items)
		s = err_set(e, -ENOMEM, "no memory for documents");
	for (size_t i = 0; s == 0 && i < n; i++) {
		const struct document *d = &l.items[i];
		ret->items[ret->n++] = (struct listed_document){.id = d->id,
			.collection_id = d->collection_id,
			.name = d->name,
			.format = d->format ? d->format : "",
			.pages = d->pages,
			.readable = d->text_id != 0};
	}
	if (s == 0 && l.n > n)
		ret->next = l.items[n - 1].id;
	return s;
}

/* *ret rises to the newest of that name in a place; *e is set by a failure alone. */
static int newest_of_place(struct db_conn *c, atelier_id user_id, const struct search_place *p, const char *name,
	atelier_id *ret, struct err *e)
{
	CLEANUP(arena_done) struct arena work;
	struct document d = {.id = 0};
	struct err why = {0};
	int r = 0;

	arena_init(&work, WORK_BYTES);
	if (p->n == 0)
		r = documents_newest(c, user_id, p->collection_id, name, &work, &d, &why);
	if (r == 0)
		*ret = MAX(*ret, d.id);
	for (size_t i = 0; i < p->n && (r == 0 || r == E_NOT_FOUND); i++) {
		r = documents_get(c, user_id, p->documents[i], &work, &d, &why);
		if (r == 0 && strcmp(d.name, name) == 0)
			*ret = MAX(*ret, d.id);
	}
	return r == 0 || r == E_NOT_FOUND ? 0 : err_set(e, r, "%s", why.msg);
}

/* *ret stays 0 when `name` is no id of the scope; *e is set by a failure alone. */
static int named_by_id(struct db_conn *c, atelier_id user_id, const struct search_scope *scope, const char *name,
	struct arena *a, atelier_id *ret, struct err *e)
{
	struct document d = {.id = 0};
	struct err why = {0};
	atelier_id id;

	if (!id_parse(name, strlen(name), &id))
		return 0;
	int r = get_within(c, user_id, scope, id, a, &d, &why);
	if (r == 0)
		*ret = id;
	return r == 0 || r == E_NOT_FOUND ? 0 : err_set(e, r, "%s", why.msg);
}

int rag_named(
	struct rag *r, const struct search_wish *w, const char *name, struct arena *a, atelier_id *ret, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(r->config.db);
	struct search_scope scope = {.n = 0};
	int s = collections_scope(c, w, a, &scope, e);

	*ret = 0;
	if (s == 0)
		s = named_by_id(c, w->user_id, &scope, name, a, ret, e);
	if (s < 0 || *ret)
		return s;
	for (size_t i = 0; s == 0 && i < scope.n; i++)
		s = newest_of_place(c, w->user_id, &scope.items[i], name, ret, e);
	return s < 0 || *ret ? s : err_set(e, E_NOT_FOUND, "There is no such document here.");
}

/* ---- reading ---- */

/* The passage at this place, or the first one behind it, for a citation. */
static int find_passage(
	struct db_conn *c, atelier_id text_id, int64_t at, struct arena *a, struct reading *ret, struct err *e)
{
	struct passage_row p = {.id = 0};
	struct err quiet = {0};
	int r = texts_passage_at(c, text_id, at, a, &p, &quiet);

	ret->passage_id = r < 0 ? 0 : p.id;
	ret->page = r < 0 ? ret->page : p.page;
	ret->place = r < 0 ? "" : p.place;
	ret->label = r < 0 ? "" : p.label;
	ret->heading = r < 0 ? "" : p.heading;
	return r == E_NOT_FOUND || r == 0 ? 0 : err_set(e, r, "%s", quiet.msg);
}

/* The page that is meant. Of an archive several may have the number: whoever asks is told where each begins. */
static int page_meant(
	struct db_conn *c, atelier_id text_id, int64_t number, struct arena *a, struct page_row *ret, struct err *e)
{
	struct page_row *all = NULL;
	char told[200] = "";
	size_t n = 0, at = 0;
	int r = texts_pages_numbered(c, text_id, number, NAMED_PAGES, a, &all, &n, e);

	if (r == 0 && n < 2)
		return texts_page(c, text_id, number, a, ret, e);
	for (size_t i = 0; r == 0 && i < n && at < sizeof(told); i++) {
		int k = (int)utf8_prefix(all[i].label, strlen(all[i].label), NAMED_BYTES);
		at += (size_t)MAX(0, snprintf(told + at, sizeof(told) - at, "%s%.*s at %lld", i ? ", " : "", k,
					     all[i].label, (long long)all[i].start));
	}
	return r < 0 ? r : err_set(e, E_INVALID, "Several pages have this number. Say \"start\" instead: %s.", told);
}

int rag_read(struct rag *r, const struct reading_wish *w, struct arena *a, struct reading *ret, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(r->config.db);
	CLEANUP(buf_done) struct buf b = BUF_INIT((size_t)w->bytes + 2);
	struct document d = {0};
	struct text t = {.bytes = 0};
	struct page_row page = {.start = w->start};
	int s = get_read(c, &w->where, w->document_id, a, &d, e);

	ASSERT_IS(r, RAG_MAGIC);
	ASSERT(w->bytes > 0);
	if (s == 0)
		s = texts_get(c, d.text_id, a, &t, e);
	if (s == 0 && w->page)
		s = page_meant(c, d.text_id, w->page, a, &page, e);
	if (s == 0 && (page.start < 0 || page.start >= t.bytes))
		s = err_set(e, E_NOT_FOUND, "The document has %lld bytes of text.", (long long)t.bytes);
	if (s < 0)
		return s;
	int64_t end = MIN(page.start + w->bytes, w->page ? page.end : t.bytes);
	*ret = (struct reading){.document_id = d.id, .document = d.name, .page = w->page, .bytes = t.bytes};
	s = texts_slice(c, d.text_id, page.start, MIN(end + 1, t.bytes), &b, e);
	if (s == 0)
		s = find_passage(c, d.text_id, page.start, a, ret, e);
	if (s < 0)
		return s;
	/* Whole characters, on both sides. */
	size_t skip = 0, n = utf8_prefix(buf_str(&b).p, b.n, (size_t)(end - page.start));
	while (skip < n && ((unsigned char)b.p[skip] & 0xc0) == 0x80)
		skip++;
	ret->text = arena_strndup(a, buf_str(&b).p + skip, n - skip);
	ret->start = page.start + (int64_t)skip;
	ret->end = page.start + (int64_t)n;
	ret->next = ret->end < t.bytes ? ret->end : 0;
	return ret->text ? 0 : err_set(e, -ENOMEM, "no memory for a page");
}

/* ---- going through for words ---- */

struct finding {
	struct db_conn *c;
	const struct find_wish *w;
	struct buf wanted, folded, bare; /* as they are compared, and on the way there */
	struct arena *a;
	struct arena work; /* of one piece */
	struct found *ret;
	int64_t left; /* bytes that are still gone through */
};

static void fold(struct finding *f, const char *p, size_t n, struct buf *to)
{
	buf_reset(&f->bare);
	buf_reset(to);
	words_add_bare(&f->bare, p, n);
	words_add_unpointed(to, buf_str(&f->bare).p, f->bare.n);
}

static bool has_words(struct finding *f, const char *p, size_t n)
{
	fold(f, p, n, &f->folded);
	return buf_status(&f->bare) == 0 && buf_status(&f->folded) == 0 && f->folded.n >= f->wanted.n &&
	       memmem(f->folded.p, f->folded.n, f->wanted.p, f->wanted.n) != NULL;
}

static int add_found(
	struct finding *f, const struct document *d, const struct passage_row *p, const char *text, struct err *e)
{
	struct passage_rows at = {.n = 0};
	int r = texts_passages_placed(f->c, d->text_id, p->n, p->n, f->a, &at, e);

	ASSERT(f->ret->n < (size_t)f->w->limit);
	if (r < 0 || at.n == 0)
		return r;
	struct reading *to = &f->ret->items[f->ret->n++];
	*to = (struct reading){.document_id = d->id,
		.passage_id = p->id,
		.document = d->name,
		.heading = at.items[0].heading,
		.text = arena_strndup(f->a, text, (size_t)(p->end - p->start)),
		.place = at.items[0].place,
		.label = at.items[0].label,
		.page = p->page,
		.start = p->start,
		.end = p->end};
	return to->text ? 0 : err_set(e, -ENOMEM, "no memory for what was found");
}

/* Some passages of a document, read as one piece. */
static int go_through(struct finding *f, const struct document *d, int64_t from, struct err *e)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(PIECE_BYTES);
	struct passage_rows l = {.n = 0};
	int r;

	arena_done(&f->work);
	arena_init(&f->work, WORK_BYTES);
	r = texts_passages(f->c, d->text_id, from, from + PIECE_PASSAGES - 1, &f->work, &l, e);
	if (r < 0 || l.n == 0)
		return r;
	r = texts_slice(f->c, d->text_id, l.items[0].start, l.items[l.n - 1].end, &b, e);
	f->left -= (int64_t)b.n;
	for (size_t i = 0; r == 0 && i < l.n && f->ret->n < (size_t)f->w->limit; i++) {
		int64_t from_here = l.items[i].start - l.items[0].start;
		if (from_here < 0 || l.items[i].end < l.items[i].start || l.items[i].end > l.items[l.n - 1].end)
			return err_set(e, E_INTERNAL, "the passages of a text are in no order");
		const char *text = buf_str(&b).p + from_here;
		if (has_words(f, text, (size_t)(l.items[i].end - l.items[i].start)))
			r = add_found(f, d, &l.items[i], text, e);
	}
	return r;
}

static bool has_enough(const struct finding *f)
{
	return f->left <= 0 || f->ret->n >= (size_t)f->w->limit;
}

static int go_through_documents(struct finding *f, const struct document_rows *l, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < l->n && !has_enough(f); i++)
		for (int64_t from = 0; r == 0 && l->items[i].text_id && from < l->items[i].passages && !has_enough(f);
			from += PIECE_PASSAGES)
			r = go_through(f, &l->items[i], from, e);
	return r;
}

static int find_in(struct finding *f, struct err *e)
{
	struct document_rows l = {.n = 0};
	struct document d = {0};
	int r;

	if (f->w->document_id) {
		r = get_read(f->c, &f->w->where, f->w->document_id, f->a, &d, e);
		return r < 0 ? r : go_through_documents(f, &(struct document_rows){&d, 1}, e);
	}
	r = list_all(f->c, &f->w->where, 0, FIND_DOCUMENTS, f->a, &l, e);
	if (r == 0)
		r = go_through_documents(f, &l, e);
	f->ret->more |= l.n > FIND_DOCUMENTS;
	return r;
}

int rag_find(struct rag *rag, const struct find_wish *w, struct arena *a, struct found *ret, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(rag->config.db);
	struct finding f = {.c = c,
		.w = w,
		.wanted = BUF_INIT(65536),
		.bare = BUF_INIT(FOLDED_BYTES),
		.folded = BUF_INIT(FOLDED_BYTES),
		.a = a,
		.ret = ret,
		.left = FIND_BYTES};
	int r;

	ASSERT_IS(rag, RAG_MAGIC);
	ASSERT(w->limit >= 0);
	*ret = (struct found){.items = ARENA_ARRAY(a, struct reading, (size_t)w->limit)};
	fold(&f, w->text, strlen(w->text), &f.wanted);
	arena_init(&f.work, WORK_BYTES);
	if (!ret->items || buf_status(&f.wanted) < 0)
		r = err_set(e, -ENOMEM, "no memory for a search");
	else if (f.wanted.n == 0)
		r = err_set(e, E_INVALID, "There is nothing to look for.");
	else
		r = find_in(&f, e);
	ret->more |= has_enough(&f);
	arena_done(&f.work);
	buf_done(&f.wanted);
	buf_done(&f.bare);
	buf_done(&f.folded);
	return r;
}
