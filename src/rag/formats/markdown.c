/* markdown.c - Markdown by md4c: its blocks as they read, tables and lists with their marks, HTML in it as of a page, front matter left out. */
#include <ctype.h>
#include <libxml/HTMLparser.h>
#include <md4c.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <utf8proc.h>

#include "rag/formats/format.h"
#include "rag/formats/html.h"

struct reading {
	struct doc *d;
	int lists, items[32]; /* the next number of each list; 0: it has none */
	int quote;
	bool in_table, in_cell, in_code, in_html;
	struct buf cell, html;
	size_t link; /* where the text of the present link begins */
};

static void put(struct reading *g, const char *p, size_t n)
{
	if (g->in_cell)
		buf_add(&g->cell, p, n);
	else
		doc_text(g->d, p, n);
}

static void begin_item(struct reading *g, const MD_BLOCK_LI_DETAIL *li)
{
	int level = MIN(g->lists, 31);
	char mark[32];

	doc_begin(g->d, EXTRACT_LIST, level);
	if (li->is_task)
		snprintf(mark, sizeof(mark), "- [%c] ", li->task_mark);
	else if (g->items[level])
		snprintf(mark, sizeof(mark), "%d. ", g->items[level]++);
	else
		snprintf(mark, sizeof(mark), "- ");
	doc_str(g->d, mark);
}

static void begin_list(struct reading *g, int first)
{
	doc_end(g->d);
	if (++g->lists < 32)
		g->items[g->lists] = first;
}

static int enter_block(MD_BLOCKTYPE type, void *detail, void *arg)
{
	struct reading *g = arg;
	struct doc *d = g->d;

	switch (type) {
	case MD_BLOCK_H:
		doc_begin(d, EXTRACT_HEADING, (int)((MD_BLOCK_H_DETAIL *)detail)->level);
		break;
	case MD_BLOCK_UL:
		begin_list(g, 0);
		break;
	case MD_BLOCK_OL:
		begin_list(g, (int)MIN(MAX(((MD_BLOCK_OL_DETAIL *)detail)->start, 1), 1000000));
		break;
	case MD_BLOCK_LI:
		begin_item(g, detail);
		break;
	case MD_BLOCK_QUOTE:
		g->quote++;
		break;
	case MD_BLOCK_CODE:
		doc_begin(d, EXTRACT_CODE, 0);
		g->in_code = true;
		break;
	case MD_BLOCK_P:
		/* The first paragraph of an item stands behind its mark. */
		if (!(g->lists && d->open && d->kind == EXTRACT_LIST))
			doc_begin(d, g->quote ? EXTRACT_QUOTE : EXTRACT_PARA, g->quote);
		break;
	case MD_BLOCK_TABLE:
		doc_table(d);
		break;
	case MD_BLOCK_HTML:
		g->in_html = true;
		break;
	case MD_BLOCK_TH:
	case MD_BLOCK_TD:
		g->in_cell = true;
		break;
	default:
		break;
	}
	return doc_failed(d) ? -1 : 0;
}

static int leave_block(MD_BLOCKTYPE type, void *detail, void *arg)
{
	struct reading *g = arg;
	struct doc *d = g->d;

	(void)detail;
	switch (type) {
	case MD_BLOCK_UL:
	case MD_BLOCK_OL:
		ASSERT(g->lists > 0); /* each that ends has begun, by md4c's word */
		g->lists--;
		doc_end(d);
		break;
	case MD_BLOCK_QUOTE:
		ASSERT(g->quote > 0);
		g->quote--;
		break;
	case MD_BLOCK_CODE:
		g->in_code = false;
		doc_end(d);
		break;
	case MD_BLOCK_H:
	case MD_BLOCK_LI:
	case MD_BLOCK_P:
		doc_end(d);
		break;
	case MD_BLOCK_TH:
	case MD_BLOCK_TD:
		doc_cell(d, g->cell.p ? g->cell.p : "", g->cell.n);
		buf_reset(&g->cell);
		g->in_cell = false;
		break;
	case MD_BLOCK_TR:
		doc_row(d);
		break;
	case MD_BLOCK_TABLE:
		doc_table_end(d);
		break;
	case MD_BLOCK_HTML:
		g->in_html = false;
		if (g->html.n)
			html_parse(d, g->html.p, g->html.n, true);
		buf_reset(&g->html);
		break;
	default:
		break;
	}
	return doc_failed(d) ? -1 : 0;
}

static struct buf *target(struct reading *g)
{
	return g->in_cell ? &g->cell : &g->d->pending;
}

static int enter_span(MD_SPANTYPE type, void *detail, void *arg)
{
	struct reading *g = arg;

	(void)detail;
	if (type == MD_SPAN_A)
		g->link = target(g)->n;
	return 0;
}

/* Where a link leads is worth knowing, unless its text says it. */
static int leave_span(MD_SPANTYPE type, void *detail, void *arg)
{
	struct reading *g = arg;
	const struct buf *to = target(g);
	const MD_SPAN_A_DETAIL *a = detail;

	if (type != MD_SPAN_A || a->href.size < 8 || memcmp(a->href.text, "http", 4) != 0)
		return 0;
	struct str href = {a->href.text, a->href.size};
	if (g->link <= to->n && to->p && str_eq(href, (struct str){to->p + g->link, to->n - g->link}))
		return 0;
	put(g, " (", 2);
	put(g, href.p, href.n);
	put(g, ")", 1);
	return 0;
}

/* "&eacute;", "&#233;", "&#xE9;"; what is none stays as it stands. */
static void put_entity(struct reading *g, const char *p, size_t n)
{
	char name[40] = "", utf8[4];
	unsigned long c = 0;

	if (n < 4 || n >= sizeof(name) + 2) {
		put(g, p, n);
		return;
	}
	memcpy(name, p + 1, n - 2);
	if (name[0] == '#') {
		bool hex = name[1] == 'x' || name[1] == 'X';
		c = strtoul(name + (hex ? 2 : 1), NULL, hex ? 16 : 10);
	} else {
		const htmlEntityDesc *e = htmlEntityLookup((const xmlChar *)name);
		c = e ? e->value : 0;
	}
	if (c > 0 && c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF))
		put(g, utf8, (size_t)utf8proc_encode_char((utf8proc_int32_t)c, (utf8proc_uint8_t *)utf8));
	else
		put(g, p, n);
}

/* A tag within a line: what ends a line, or a cell, parts words. */
static void put_tag(struct reading *g, const char *p, size_t n)
{
	static const char *const ends[] = {"br", "p", "div", "li", "tr", "td", "th", "hr"};
	size_t from = n > 1 && p[1] == '/' ? 2 : 1, k = 0;

	while (from + k < n && isalnum((unsigned char)p[from + k]))
		k++;
	for (size_t i = 0; i < N_ELEMENTS(ends); i++)
		if (strlen(ends[i]) == k && strncasecmp(p + from, ends[i], k) == 0)
			put(g, g->in_cell ? " " : "\n", 1);
}

static int text(MD_TEXTTYPE type, const MD_CHAR *p, MD_SIZE n, void *arg)
{
	struct reading *g = arg;

	if (type == MD_TEXT_NULLCHAR)
		return 0;
	if (type == MD_TEXT_BR || type == MD_TEXT_SOFTBR)
		put(g, "\n", 1);
	else if (type == MD_TEXT_ENTITY)
		put_entity(g, p, n);
	else if (type == MD_TEXT_HTML && g->in_html)
		buf_add(&g->html, p, n);
	else if (type == MD_TEXT_HTML)
		put_tag(g, p, n);
	else
		put(g, p, n);
	return doc_failed(g->d) ? -1 : 0;
}

/* "---", lines, "---" at the very beginning. */
static size_t front_matter(const char *p, size_t n)
{
	const char *end;

	if (n < 8 || memcmp(p, "---", 3) != 0 || (p[3] != '\n' && p[3] != '\r'))
		return 0;
	end = memmem(p + 3, MIN(n - 3, 16384), "\n---", 4);
	if (!end || (end + 4 < p + n && end[4] != '\n' && end[4] != '\r'))
		return 0;
	return (size_t)(end + 4 - p);
}

static void front_title(struct doc *d, const char *p, size_t n)
{
	const char *t = memmem(p, n, "\ntitle:", 7);

	if (!t)
		return;
	t += 7;
	size_t k = strcspn(t, "\r\n");
	while (k > 0 && strchr(" \"'", *t)) {
		t++;
		k--;
	}
	while (k > 0 && strchr(" \"'", t[k - 1]))
		k--;
	doc_title(d, t, k);
}

void markdown_parse(struct doc *d, const char *p, size_t n)
{
	struct reading g = {.d = d, .cell = BUF_INIT((size_t)1 << 20), .html = BUF_INIT((size_t)64 << 20)};
	MD_PARSER parser = {
		.flags = MD_FLAG_TABLES | MD_FLAG_STRIKETHROUGH | MD_FLAG_TASKLISTS | MD_FLAG_PERMISSIVEAUTOLINKS,
		.enter_block = enter_block,
		.leave_block = leave_block,
		.enter_span = enter_span,
		.leave_span = leave_span,
		.text = text};

	if (md_parse(p, (MD_SIZE)n, &parser, &g) != 0)
		doc_fail(d, EXTRACT_BROKEN, "The Markdown cannot be read.");
	doc_end(d);
	buf_done(&g.cell);
	buf_done(&g.html);
}

void read_markdown(struct doc *d, const struct input *in)
{
	CLEANUP(buf_done) struct buf text;

	if (!text_decode(d, in, &text))
		return;
	doc_format(d, "markdown", d->charset);
	const char *p = text.p ? text.p : "";
	size_t skip = front_matter(p, text.n);
	front_title(d, p, skip);
	markdown_parse(d, p + skip, text.n - skip);
}
