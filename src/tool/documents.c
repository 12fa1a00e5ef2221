/* documents.c - documents as tools: listed, searched, read page by page, gone through. Who may read what is asked by rag/. */
#include <stdio.h>

#include "rag/rag.h"
#include "tool/tool_priv.h"

#define LISTED                    50
#define HITS                      8
#define HITS_MAX                  20
#define PART                      12000 /* bytes of a document at a time */
#define ARGUMENT(name, otherwise) json_get_i64(c->arguments, (name), (otherwise))

static struct search_wish where(const struct builtin_call *c)
{
	struct search_wish w = {.user_id = c->run->user_id};

	if (c->run->where)
		w = *c->run->where;
	w.user_id = c->run->user_id;
	return w;
}

/* What is not there, or not readable, is for the model to know; the rest is ours. */
static int failed(struct builtin_call *c, int r, const struct err *why, struct err *e)
{
	if (r == E_NOT_FOUND || r == E_CONFLICT || r == E_INVALID)
		return tool_fail(c->ret, "%s", err_public_text(why));
	return err_set(e, r, "%s", why->msg);
}

static int document_argument(struct builtin_call *c, atelier_id *ret)
{
	const char *s = json_get_str(c->arguments, "document_id");

	*ret = 0;
	if (!s || !*s)
		return 0;
	return id_parse(s, strlen(s), ret) ? 0 : -1;
}

static void add_id(struct buf *b, atelier_id id)
{
	char text[ID_LEN + 1];

	id_format(id, text);
	buf_add_str(b, text);
}

int list_documents_call(struct builtin_call *c, struct err *e)
{
	const struct search_wish w = where(c);
	const char *after = json_get_str(c->arguments, "after");
	struct listed_documents l = {.n = 0};
	struct err why = {0};
	atelier_id from = 0;
	int r;

	if (after && *after && !id_parse(after, strlen(after), &from))
		return tool_fail(c->ret, "\"after\" is the id that the list before this one ended with.");
	r = rag_list(c->tools->config.rag, &w, from, LISTED, c->mem, &l, &why);
	if (r < 0)
		return failed(c, r, &why, e);
	c->ret->text = BUF_INIT(TOOL_TEXT_MAX);
	if (l.n == 0)
		buf_add_str(&c->ret->text, "There are no documents.");
	for (size_t i = 0; i < l.n; i++) {
		const struct listed_document *d = &l.items[i];
		add_id(&c->ret->text, d->id);
		buf_printf(&c->ret->text, "  %s", d->name);
		if (d->pages)
			buf_printf(&c->ret->text, " (%lld %s)", (long long)d->pages, rag_counted_in(d->format));
		buf_add_str(&c->ret->text, d->readable ? "\n" : " - not read yet\n");
	}
	if (l.next) {
		buf_add_str(&c->ret->text, "There are more: call again with after=");
		add_id(&c->ret->text, l.next);
	}
	return 0;
}

struct at {
	const char *document;
	atelier_id id;
	const char *heading, *place, *label;
	int64_t page;
};

static void add_place(struct buf *b, const struct at *at)
{
	buf_printf(b, "[%s, document_id ", at->document);
	add_id(b, at->id);
	if (at->page)
		buf_add_str(b, ", ");
	rag_add_place(b, at->place, at->page, at->label);
	if (at->heading && *at->heading)
		buf_printf(b, ", %s", at->heading);
	buf_add_str(b, "]\n");
}

int search_documents_call(struct builtin_call *c, struct err *e)
{
	struct search_request q = {.where = where(c), .query = json_get_str(c->arguments, "query")};
	struct search_result found = {.n = 0};
	struct err why = {0};
	int r;

	q.limit = MAX(1, MIN(ARGUMENT("limit", HITS), HITS_MAX));
	r = rag_search(c->tools->config.rag, &q, c->mem, &found, &why);
	if (r < 0)
		return failed(c, r, &why, e);
	c->ret->text = BUF_INIT((size_t)1 << 20);
	if (found.n == 0)
		buf_add_str(&c->ret->text, "Nothing was found. Try other words, or list_documents.");
	for (size_t i = 0; i < found.n; i++) {
		const struct search_hit *h = &found.items[i];
		add_place(&c->ret->text,
			&(struct at){h->document, h->document_id, h->heading, h->place, h->label, h->page});
		buf_printf(&c->ret->text, "%s\n\n", h->text);
	}
	return 0;
}

int read_document_call(struct builtin_call *c, struct err *e)
{
	struct reading_wish w = {.where = where(c), .bytes = PART};
	struct reading got = {.start = 0};
	struct err why = {0};
	int r;

	if (document_argument(c, &w.document_id) < 0 || !w.document_id)
		return tool_fail(c->ret, "\"document_id\" is an id from list_documents or search_documents.");
	w.page = MAX(0, ARGUMENT("page", 0));
	w.start = MAX(0, ARGUMENT("start", 0));
	r = rag_read(c->tools->config.rag, &w, c->mem, &got, &why);
	if (r < 0)
		return failed(c, r, &why, e);
	c->ret->text = BUF_INIT((size_t)1 << 20);
	add_place(&c->ret->text,
		&(struct at){got.document, got.document_id, got.heading, got.place, got.label, got.page});
	buf_add_str(&c->ret->text, got.text);
	if (got.next)
		buf_printf(&c->ret->text, "\n\n[Bytes %lld to %lld of %lld; go on with start=%lld]",
			(long long)got.start, (long long)got.end, (long long)got.bytes, (long long)got.next);
	return 0;
}

int find_in_documents_call(struct builtin_call *c, struct err *e)
{
	struct find_wish w = {.where = where(c), .text = json_get_str(c->arguments, "text"), .limit = HITS_MAX};
	struct found found = {.n = 0};
	struct err why = {0};
	int r;

	if (document_argument(c, &w.document_id) < 0)
		return tool_fail(c->ret, "\"document_id\" is an id from list_documents or search_documents.");
	r = rag_find(c->tools->config.rag, &w, c->mem, &found, &why);
	if (r < 0)
		return failed(c, r, &why, e);
	c->ret->text = BUF_INIT((size_t)1 << 20);
	if (found.n == 0)
		buf_add_str(&c->ret->text, "This stands nowhere in them.");
	for (size_t i = 0; i < found.n; i++) {
		const struct reading *h = &found.items[i];
		add_place(&c->ret->text,
			&(struct at){h->document, h->document_id, h->heading, h->place, h->label, h->page});
		buf_printf(&c->ret->text, "%s\n\n", h->text);
	}
	if (found.more)
		buf_add_str(&c->ret->text, "[There may be more.]");
	return 0;
}
