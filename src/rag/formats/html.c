/* html.c - HTML by libxml2's push parser: what a reader of the page would read, without its frame and what it hides. */
#include <ctype.h>
#include <libxml/HTMLparser.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/utf8.h"
#include "rag/formats/format.h"
#include "rag/formats/html.h"
#include "rag/formats/tags.h"

#define DEPTH_MAX 4096
#define ACROSS    100
#define DOWN      1000
#define REACHING  20000 /* bytes of it: of a cell no more is taken */
#define SPANNED   200   /* columns in which a cell may reach into the rows below */

/* What is read of a page, and from which share of its text on: what says that it is the content is believed early. */
enum part { WHOLE, ARTICLES, MAIN };
#define MAIN_PERCENT     10
#define ARTICLES_PERCENT 40

enum element {
	E_NONE,
	E_SKIP,
	E_BLOCK,
	E_HEADING,
	E_LIST,
	E_ITEM,
	E_PRE,
	E_QUOTE,
	E_CAPTION,
	E_TABLE,
	E_ROW,
	E_CELL,
	E_BREAK,
	E_IMG,
	E_TITLE,
	E_LINK,
	E_RAISED
};

/* What is not here is E_NONE: what stands in it is read, as if it were not there. */
static const struct {
	const char *name;
	enum element element;
} elements[] = {{"script", E_SKIP}, {"style", E_SKIP}, {"template", E_SKIP}, {"svg", E_SKIP}, {"nav", E_SKIP},
	{"header", E_SKIP}, {"footer", E_SKIP}, {"aside", E_SKIP}, {"form", E_SKIP}, {"noscript", E_SKIP},
	{"iframe", E_SKIP}, {"object", E_SKIP}, {"dialog", E_SKIP}, {"select", E_SKIP}, {"button", E_SKIP},
	{"textarea", E_SKIP}, {"rt", E_SKIP}, {"rp", E_SKIP}, /* how it is read aloud, in the middle of words */
	{"math", E_NONE}, {"p", E_BLOCK}, {"div", E_BLOCK}, {"section", E_BLOCK}, {"article", E_BLOCK},
	{"main", E_BLOCK}, {"body", E_BLOCK}, {"dt", E_BLOCK}, {"dd", E_BLOCK}, {"dl", E_BLOCK}, {"address", E_BLOCK},
	{"figure", E_BLOCK}, {"details", E_BLOCK}, {"summary", E_BLOCK}, {"center", E_BLOCK}, {"hr", E_BLOCK},
	{"h1", E_HEADING}, {"h2", E_HEADING}, {"h3", E_HEADING}, {"h4", E_HEADING}, {"h5", E_HEADING},
	{"h6", E_HEADING}, {"ul", E_LIST}, {"ol", E_LIST}, {"menu", E_LIST}, {"li", E_ITEM}, {"pre", E_PRE},
	{"blockquote", E_QUOTE}, {"caption", E_CAPTION}, {"figcaption", E_CAPTION}, {"table", E_TABLE}, {"tr", E_ROW},
	{"td", E_CELL}, {"th", E_CELL}, {"br", E_BREAK}, {"img", E_IMG}, {"title", E_TITLE}, {"a", E_LINK},
	{"sup", E_RAISED}};

struct page {
	struct doc *d;
	int depth;
	int skip;                      /* the depth below which nothing is read; 0: none */
	int pre, quote, lists;         /* how deep in them */
	int ordered[32];               /* of each list: the next number; 0: it has none */
	int links, raised;             /* both: a number that points to a note */
	int tables;                    /* tables within a cell are its text */
	bool in_cell, in_title, frame; /* `frame`: header and the like are read, too */
	bool to_note;                  /* the number of a note comes, which is no part of the word before it */
	int column, across, down;      /* where the next cell of the row stands; how far the present one reaches */
	int own, heads;                /* cells of the row, and headings among them */
	int widest, deepest;           /* how far they reach */
	struct reach {
		char *text;
		size_t n;
		int rows; /* to come that it stands in, too */
	} reach[SPANNED];
	struct buf cell, title;
	enum part part;
	int main, article; /* the depth of the outermost one that is open; 0: none */
	bool counting;     /* nothing is written: how much text stands where */
	size_t text, in_main, in_articles;
};

static enum element find(const char *name)
{
	for (size_t i = 0; i < N_ELEMENTS(elements); i++) {
		if (strcasecmp(name, elements[i].name) == 0)
			return elements[i].element;
	}
	return E_NONE;
}

static const char *attribute(const xmlChar **atts, const char *name)
{
	for (; atts && atts[0]; atts += 2) {
		if (strcasecmp((const char *)atts[0], name) == 0)
			return atts[1] ? (const char *)atts[1] : "";
	}
	return NULL;
}

/* "display : NONE" */
static bool style_hides(const char *style)
{
	char plain[256];
	size_t n = 0;

	for (; style && *style && n < sizeof(plain) - 1; style++) {
		if (!isspace((unsigned char)*style))
			plain[n++] = (char)tolower((unsigned char)*style);
	}
	plain[n] = '\0';
	return strstr(plain, "display:none") || strstr(plain, "visibility:hidden") || strstr(plain, "font-size:0");
}

static bool hidden(const xmlChar **atts)
{
	static const char *const roles[] = {
		"navigation", "banner", "contentinfo", "complementary", "search", "menu", "dialog", "alertdialog"};
	const char *role = attribute(atts, "role"), *aria = attribute(atts, "aria-hidden");

	for (size_t i = 0; role && i < N_ELEMENTS(roles); i++) {
		if (strcasecmp(role, roles[i]) == 0)
			return true;
	}
	return attribute(atts, "hidden") || (aria && strcasecmp(aria, "true") == 0) ||
	       style_hides(attribute(atts, "style"));
}

/* Names that say both what is asked for and that it lies over the page: "cookie-banner", "gdpr_consent". */
static bool asks_consent(const xmlChar **atts)
{
	static const char *const what[] = {"cookie", "gdpr", "consent"};
	static const char *const how[] = {"banner", "consent", "notice", "popup", "modal", "overlay", "-bar", "_bar"};
	const char *names[] = {attribute(atts, "id"), attribute(atts, "class")};

	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		for (size_t k = 0; names[i] && k < N_ELEMENTS(what); k++) {
			const char *at = strcasestr(names[i], what[k]);

			for (size_t m = 0; at && m < N_ELEMENTS(how); m++) {
				if (strcasestr(at + strlen(what[k]), how[m]))
					return true;
			}
		}
	}
	return false;
}

/* Text goes to the cell or the block that is open. */
static void put(struct page *g, const char *p, size_t n)
{
	if (g->to_note) {
		g->to_note = false;
		put(g, " ", 1);
	}
	if (g->in_cell)
		buf_add(&g->cell, p, n);
	else if (g->pre)
		doc_text(g->d, p, n);
	else if (g->d->open)
		doc_flow(g->d, p, n);
	else {
		size_t i = 0;
		while (i < n && isspace((unsigned char)p[i]))
			i++;
		if (i < n) {
			doc_begin(g->d, g->quote ? EXTRACT_QUOTE : EXTRACT_PARA, g->quote);
			doc_flow(g->d, p + i, n - i);
		}
	}
}

static int number(const xmlChar **atts, const char *name, int most)
{
	const char *value = attribute(atts, name);
	long n = value ? strtol(value, NULL, 10) : 1;

	return (int)MAX(1, MIN(n, most));
}

static void begin_item(struct page *g)
{
	int level = MAX(1, MIN(g->lists, 30));
	char mark[48];

	doc_begin(g->d, EXTRACT_LIST, level);
	if (g->ordered[level])
		snprintf(mark, sizeof(mark), "%d. ", g->ordered[level]++);
	else
		snprintf(mark, sizeof(mark), "- ");
	doc_str(g->d, mark);
}

static void begin_list(struct page *g, const char *name, const xmlChar **atts)
{
	doc_end(g->d);
	g->lists++;
	if (g->lists < (int)N_ELEMENTS(g->ordered))
		g->ordered[g->lists] = strcasecmp(name, "ol") == 0 ? number(atts, "start", 1000000) : 0;
}

/* What reaches down from a row above stands in this one, too: each row says by itself what it says. */
static void put_reaching(struct page *g)
{
	for (; g->column < SPANNED && g->reach[g->column].rows > 0; g->column++) {
		struct reach *c = &g->reach[g->column];
		doc_cell(g->d, c->text ? c->text : "", c->n);
		c->rows--;
	}
}

static void end_cell(struct page *g)
{
	const char *text = g->cell.p ? g->cell.p : "";

	for (int i = 0; g->in_cell && i < g->across; i++, g->column++) {
		doc_cell(g->d, text, g->cell.n);
		if (g->down < 2 || g->column >= SPANNED)
			continue;
		struct reach *c = &g->reach[g->column];
		free(c->text);
		size_t n = utf8_prefix(text, g->cell.n, REACHING);
		c->text = n ? malloc(n) : NULL;
		c->n = c->text ? n : 0;
		c->rows = g->down - 1;
		if (c->text)
			memcpy(c->text, text, c->n);
	}
	g->in_cell = false;
	buf_reset(&g->cell);
}

/* The first row's cells are all headings, and some of them are of several rows, or of several columns with more below. */
static bool has_header(const struct page *g)
{
	const struct doc *d = g->d;

	return g->own > 0 && g->own == g->heads &&
	       (g->deepest > 1 || (g->widest > 1 && d->n_cells > 0 && d->cells[0].n == 0));
}

static void end_row(struct page *g)
{
	struct doc *d = g->d;
	int last = SPANNED;

	end_cell(g);
	while (last > 0 && g->reach[last - 1].rows == 0)
		last--;
	while (g->column < last && g->own > 0) {
		int was = g->column;
		put_reaching(g);
		if (g->column == was) {
			doc_cell(d, "", 0);
			g->column++;
		}
	}
	for (int i = 0; i < last && g->own == 0; i++) /* a row that has none of its own */
		g->reach[i].rows -= g->reach[i].rows > 0;
	if (g->own == 1 && d->n_cells == (size_t)g->widest) /* a title across all */
		d->n_cells = 1;
	if (has_header(g))
		doc_table_header(d, MAX(g->deepest, 2));
	doc_row(d);
	g->column = g->own = g->heads = g->widest = g->deepest = 0;
}

static void forget_reaching(struct page *g)
{
	for (size_t i = 0; i < SPANNED; i++) {
		free(g->reach[i].text);
		g->reach[i] = (struct reach){NULL, 0, 0};
	}
	g->column = g->own = g->heads = g->widest = g->deepest = 0;
}

static void begin_in_table(struct page *g, enum element what, const char *name, const xmlChar **atts)
{
	if (what == E_TABLE)
		g->tables++;
	if (g->tables > 1) {
		buf_add_char(&g->cell, ' ');
		return;
	}
	if (what == E_TABLE) {
		doc_table(g->d);
		forget_reaching(g);
	} else if (what == E_ROW && g->tables) {
		end_row(g);
	} else if (g->tables) {
		end_cell(g);
		put_reaching(g);
		g->in_cell = true;
		g->across = number(atts, "colspan", ACROSS);
		g->down = number(atts, "rowspan", DOWN);
		g->own++;
		g->heads += strcasecmp(name, "th") == 0;
		g->widest = MAX(g->widest, g->across);
		g->deepest = MAX(g->deepest, g->down);
	}
}

static void begin_block(struct page *g, enum extract_kind kind, int level)
{
	if (g->in_cell)
		buf_add_char(&g->cell, ' ');
	else if (!g->tables)
		doc_begin(g->d, kind, level);
}

static void begin_within_line(struct page *g, enum element what)
{
	g->links += what == E_LINK;
	g->raised += what == E_RAISED;
	if (what == E_LINK || what == E_RAISED)
		g->to_note = g->links > 0 && g->raised > 0;
}

static void begin(struct page *g, enum element what, const char *name, const xmlChar **atts)
{
	const char *alt;

	switch (what) {
	case E_HEADING:
		begin_block(g, EXTRACT_HEADING, name[1] - '0');
		break;
	case E_LIST:
		if (!g->tables)
			begin_list(g, name, atts);
		break;
	case E_ITEM:
		if (!g->tables)
			begin_item(g);
		break;
	case E_PRE:
		g->pre += !g->tables;
		begin_block(g, EXTRACT_CODE, 0);
		break;
	case E_QUOTE:
		g->quote++;
		begin_block(g, EXTRACT_QUOTE, g->quote);
		break;
	case E_CAPTION:
		begin_block(g, EXTRACT_CAPTION, 0);
		break;
	case E_BLOCK:
		if (g->lists && g->d->open && g->d->kind == EXTRACT_LIST)
			put(g, " ", 1); /* the paragraph of an item */
		else if (g->in_cell)
			buf_add_char(&g->cell, ' ');
		else if (!g->tables && !g->pre)
			doc_end(g->d);
		break;
	case E_TABLE:
	case E_ROW:
	case E_CELL:
		begin_in_table(g, what, name, atts);
		break;
	case E_BREAK:
		if (g->in_cell)
			buf_add_char(&g->cell, ' ');
		else if (g->d->open)
			doc_text(g->d, "\n", 1);
		break;
	case E_IMG:
		alt = attribute(atts, "alt");
		if (alt && *alt)
			put(g, alt, strlen(alt));
		break;
	case E_TITLE:
		g->in_title = true;
		break;
	default:
		begin_within_line(g, what);
		break;
	}
}

/* The frame of a page; what stands at the head of an article is its title. */
static bool is_frame(const struct page *g, const char *name, const xmlChar **atts)
{
	static const char *const frame[] = {"header", "footer", "aside", "form"};

	if (strcasecmp(name, "header") == 0 && (g->main || g->article))
		return false;
	for (size_t i = 0; i < N_ELEMENTS(frame); i++) {
		if (strcasecmp(name, frame[i]) == 0)
			return true;
	}
	return (strcasecmp(name, "div") == 0 || strcasecmp(name, "section") == 0) && asks_consent(atts);
}

static bool skipped(const struct page *g, enum element what, const char *name, const xmlChar **atts)
{
	bool frame = is_frame(g, name, atts);

	return (frame && !g->frame) || (!frame && what == E_SKIP && strcasecmp(name, "header") != 0) || hidden(atts);
}

/* Neither in the part that is read, nor the title of all. */
static bool outside(const struct page *g)
{
	return g->part == MAIN ? !g->main : g->part == ARTICLES ? !g->article : false;
}

static void start_element(void *ctx, const xmlChar *xml_name, const xmlChar **atts)
{
	struct page *g = ctx;
	const char *name = (const char *)xml_name, *role = attribute(atts, "role");
	enum element what = find(name);

	if (++g->depth > DEPTH_MAX && !g->skip) {
		doc_bound(g->d, DOC_DEPTH);
		g->skip = g->depth;
	}
	if (g->skip || doc_failed(g->d))
		return;
	if (skipped(g, what, name, atts)) {
		g->skip = g->depth;
		return;
	}
	if (!g->main && (strcasecmp(name, "main") == 0 || (role && strcasecmp(role, "main") == 0)))
		g->main = g->depth;
	if (!g->article && strcasecmp(name, "article") == 0)
		g->article = g->depth;
	if (what == E_TITLE || (!g->counting && !outside(g)))
		begin(g, what == E_SKIP ? E_BLOCK : what, name, atts);
}

static void end(struct page *g, enum element what)
{
	switch (what) {
	case E_TABLE:
		if (g->tables == 1) {
			end_row(g);
			doc_table_end(g->d);
			forget_reaching(g);
		}
		g->tables -= g->tables > 0;
		break;
	case E_CELL:
		if (g->tables == 1)
			end_cell(g);
		break;
	case E_LIST:
		if (!g->tables) {
			doc_end(g->d);
			g->lists -= g->lists > 0;
		}
		break;
	case E_PRE:
		g->pre -= g->pre > 0;
		if (!g->tables)
			doc_end(g->d);
		break;
	case E_QUOTE:
		g->quote -= g->quote > 0;
		if (!g->tables)
			doc_end(g->d);
		break;
	case E_TITLE:
		g->in_title = false;
		break;
	case E_LINK:
		g->links -= g->links > 0;
		break;
	case E_RAISED:
		g->raised -= g->raised > 0;
		break;
	case E_BLOCK:
		if (g->lists && g->d->open && g->d->kind == EXTRACT_LIST)
			break;
		__attribute__((fallthrough));
	case E_HEADING:
	case E_ITEM:
	case E_CAPTION:
		if (!g->tables && !g->pre)
			doc_end(g->d);
		break;
	default:
		break;
	}
}

static void end_element(void *ctx, const xmlChar *name)
{
	struct page *g = ctx;

	if (g->skip) {
		if (g->depth-- <= g->skip)
			g->skip = 0;
		return;
	}
	enum element what = find((const char *)name);
	if (!doc_failed(g->d) && (what == E_TITLE || (!g->counting && !outside(g))))
		end(g, what == E_SKIP ? E_BLOCK : what);
	if (g->depth <= g->main)
		g->main = 0;
	if (g->depth <= g->article)
		g->article = 0;
	g->depth--;
}

static void count(struct page *g, const char *p, size_t n)
{
	size_t text = 0;

	for (size_t i = 0; i < n; i++)
		text += !isspace((unsigned char)p[i]);
	g->text += text;
	g->in_main += g->main ? text : 0;
	g->in_articles += g->article ? text : 0;
}

static void characters(void *ctx, const xmlChar *p, int n)
{
	struct page *g = ctx;

	if (g->skip || doc_failed(g->d) || n <= 0)
		return;
	if (g->in_title)
		buf_add(&g->title, p, (size_t)n);
	else if (g->counting)
		count(g, (const char *)p, (size_t)n);
	else if (!outside(g))
		put(g, (const char *)p, (size_t)n);
}

static void silent(void *ctx, const char *fmt, ...)
{
	(void)ctx;
	(void)fmt;
}

/* In UTF-8 and without NUL, which would end it. */
static void parse(struct page *g, const char *p, size_t n)
{
	static const htmlSAXHandler handler = {.startElement = start_element,
		.endElement = end_element,
		.characters = characters,
		.cdataBlock = characters,
		.ignorableWhitespace = characters,
		.warning = silent,
		.error = silent};
	htmlSAXHandler sax = handler;
	htmlParserCtxtPtr ctx = htmlCreatePushParserCtxt(&sax, g, NULL, 0, NULL, XML_CHAR_ENCODING_UTF8);

	if (!ctx) {
		doc_fail(g->d, EXTRACT_MEMORY, EXTRACT_MEMORY_USED);
		return;
	}
	(void)htmlCtxtUseOptions(
		ctx, HTML_PARSE_NONET | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING | HTML_PARSE_IGNORE_ENC);
	struct tags tags = {.html = true};
	for (size_t at = 0; at < n && !doc_failed(g->d) && tags_look(&tags, g->d, p + at, MIN(n - at, 65536));
		at += 65536)
		(void)htmlParseChunk(ctx, p + at, (int)MIN(n - at, 65536), 0);
	(void)htmlParseChunk(ctx, p, 0, 1);
	htmlFreeParserCtxt(ctx);
}

/* What of the page is its content. Teasers are articles, too: they are it when most of the text is theirs. */
static enum part content(struct doc *d, const char *p, size_t n)
{
	struct page g = {.d = d, .counting = true, .title = BUF_INIT(4096)};

	parse(&g, p, n);
	buf_done(&g.title);
	if (g.in_main > 0 && g.in_main * 100 >= g.text * MAIN_PERCENT)
		return MAIN;
	return g.in_articles > 0 && g.in_articles * 100 >= g.text * ARTICLES_PERCENT ? ARTICLES : WHOLE;
}

void html_parse(struct doc *d, const char *p, size_t n, bool frame)
{
	struct page g = {.d = d, .frame = frame, .cell = BUF_INIT((size_t)1 << 20), .title = BUF_INIT(4096)};

	if (!frame)
		g.part = content(d, p, n);
	parse(&g, p, n);
	doc_end(d);
	if (buf_status(&g.title) == 0 && g.title.n > 0)
		doc_title(d, g.title.p, g.title.n);
	forget_reaching(&g);
	buf_done(&g.cell);
	buf_done(&g.title);
}

/* <meta charset="..."> or http-equiv, or what XML says of itself, in the first 4 KB. */
bool html_charset(const struct input *in, char ret[64])
{
	size_t n = MIN(in->n, 4096);
	const char *p = in->p;

	for (size_t i = 0; i + 8 < n; i++) {
		bool xml = i < 40 && strncmp(p + i, "encoding", 8) == 0 && memmem(p, i, "<?xml", 5);
		if (!xml && strncasecmp(p + i, "charset", 7) != 0)
			continue;
		size_t k = i + (xml ? 8 : 7), m = 0;
		while (k < n && (p[k] == ' ' || p[k] == '=' || p[k] == '"' || p[k] == '\''))
			k++;
		while (k < n && m < 63 && (isalnum((unsigned char)p[k]) || (p[k] && strchr("-_:.", p[k]))))
			ret[m++] = p[k++];
		ret[m] = '\0';
		if (m > 2)
			return true;
	}
	return false;
}

void read_html(struct doc *d, const struct input *in)
{
	CLEANUP(buf_done) struct buf text;
	struct input with = *in;
	char charset[64];
	size_t before = d->n;

	if (!with.charset && html_charset(in, charset))
		with.charset = charset;
	if (!text_decode(d, &with, &text))
		return;
	doc_format(d, "html", d->charset);
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\0')
			text.p[i] = ' ';
	}
	html_parse(d, text.p ? text.p : "", text.n, false);
	/* A page that stands wholly in what is a frame elsewhere. */
	if (d->n == before && !doc_failed(d))
		html_parse(d, text.p ? text.p : "", text.n, true);
}
