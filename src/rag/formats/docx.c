/* docx.c - Word: one pass over the document, with its styles' levels and its lists' marks; deleted and hidden text left out. */
#include <stdio.h>
#include <strings.h>

#include "rag/formats/office.h"

#define STYLES_MAX 5000
#define LISTS_MAX  5000
#define NESTED     8
#define LEVELS     9

struct style {
	char id[64], based[64];
	int level; /* of a heading, from 1 on; 0: none of its own; -1: it says that it is none */
};

struct list {
	int id, abstract;
	bool numbered[LEVELS];
	int next[LEVELS];
};

struct para {
	struct buf text;
	int level, list, depth;
};

struct word {
	struct doc *d;
	struct style *styles;
	size_t n_styles;
	struct list *lists; /* abstract ones, and those that refer to them */
	size_t n_abstract, n_lists;
	struct para paras[NESTED];
	int open; /* paragraphs within paragraphs: text boxes */
	int skip; /* elements within one that is not read */
	int tables, cell_span;
	bool in_text, in_run_style, hidden, cell_goes_on, notes;
	struct buf cell;
	char note[24];
};

static bool is_off(const struct sax_atts *a)
{
	return sax_is(a, "val", "0") || sax_is(a, "val", "false") || sax_is(a, "val", "off");
}

/* ---- styles ---- */

static void style_start(void *arg, const char *name, const struct sax_atts *a)
{
	struct word *w = arg;
	struct style *s = w->n_styles ? &w->styles[w->n_styles - 1] : NULL;

	if (strcmp(name, "style") == 0 && w->n_styles < STYLES_MAX) {
		s = &w->styles[w->n_styles++];
		office_copy(sax_get(a, "styleId"), s->id, sizeof(s->id));
	} else if (!s) {
		return;
	} else if (strcmp(name, "basedOn") == 0) {
		office_copy(sax_get(a, "val"), s->based, sizeof(s->based));
	} else if (strcmp(name, "outlineLvl") == 0) {
		int level = sax_int(a, "val", 9);
		s->level = level >= 0 && level < 9 ? level + 1 : -1;
	} else if (strcmp(name, "name") == 0 && s->level == 0) {
		char text[64];
		office_copy(sax_get(a, "val"), text, sizeof(text));
		if (strncasecmp(text, "heading ", 8) == 0 && text[8] >= '1' && text[8] <= '9')
			s->level = text[8] - '0';
		else if (strcasecmp(text, "title") == 0)
			s->level = 1;
	}
}

static int style_level(const struct word *w, const char *id, int depth)
{
	for (size_t i = 0; i < w->n_styles; i++) {
		if (strcmp(w->styles[i].id, id) != 0)
			continue;
		if (w->styles[i].level)
			return MAX(w->styles[i].level, 0);
		return depth < 10 && w->styles[i].based[0] ? style_level(w, w->styles[i].based, depth + 1) : 0;
	}
	return 0;
}

/* ---- lists ---- */

static struct list *last_list(struct word *w)
{
	return w->n_lists ? &w->lists[w->n_lists - 1] : NULL;
}

static void list_start(void *arg, const char *name, const struct sax_atts *a)
{
	struct word *w = arg;
	struct list *l = last_list(w);

	if ((strcmp(name, "abstractNum") == 0 || strcmp(name, "num") == 0) && w->n_lists < LISTS_MAX) {
		bool abstract = name[0] == 'a';
		w->lists[w->n_lists++] = (struct list){.id = abstract ? -1 : sax_int(a, "numId", -1),
			.abstract = abstract ? sax_int(a, "abstractNumId", -1) : -1};
	} else if (l && strcmp(name, "abstractNumId") == 0) {
		int of = sax_int(a, "val", -1);
		for (size_t i = 0; i + 1 < w->n_lists; i++) {
			if (w->lists[i].id < 0 && w->lists[i].abstract == of)
				memcpy(l->numbered, w->lists[i].numbered, sizeof(l->numbered));
		}
	} else if (l && strcmp(name, "lvl") == 0) {
		w->cell_span = MAX(0, MIN(sax_int(a, "ilvl", 0), LEVELS - 1));
	} else if (l && strcmp(name, "numFmt") == 0) {
		l->numbered[w->cell_span] = !sax_is(a, "val", "bullet") && !sax_is(a, "val", "none");
	}
}

static void add_mark(struct word *w, const struct para *p)
{
	char mark[24] = "- ";

	ASSERT(p->depth >= 0 && p->depth < LEVELS);
	for (size_t i = 0; i < w->n_lists; i++) {
		struct list *l = &w->lists[i];

		if (l->id != p->list || !l->numbered[p->depth])
			continue;
		snprintf(mark, sizeof(mark), "%d. ", ++l->next[p->depth]);
		for (int k = p->depth + 1; k < LEVELS; k++)
			l->next[k] = 0;
	}
	doc_str(w->d, mark);
}

/* ---- paragraphs ---- */

static struct para *para(struct word *w)
{
	return w->open > 0 && w->open <= NESTED ? &w->paras[w->open - 1] : NULL;
}

static void put(struct word *w, const char *p, size_t n)
{
	struct para *to = para(w);

	if (to && !w->skip && !w->hidden)
		buf_add(&to->text, p, n);
}

static void begin_para(struct word *w)
{
	struct para *p;

	w->open++;
	p = para(w);
	if (!p)
		return;
	buf_reset(&p->text);
	p->level = p->list = p->depth = 0;
}

static void end_para(struct word *w)
{
	struct para *p = para(w);

	if (p && w->tables > 0 && w->open == 1) {
		if (w->cell.n)
			buf_add_char(&w->cell, ' ');
		buf_add(&w->cell, p->text.p, p->text.n);
	} else if (p && p->text.n > 0 && w->tables > 0) {
		buf_add(&w->cell, p->text.p, p->text.n);
	} else if (p && p->text.n > 0) {
		enum extract_kind kind = w->notes   ? EXTRACT_NOTE
					 : p->level ? EXTRACT_HEADING
					 : p->list  ? EXTRACT_LIST
						    : EXTRACT_PARA;

		doc_begin(w->d, kind, kind == EXTRACT_HEADING ? p->level : kind == EXTRACT_LIST ? p->depth + 1 : 0);
		if (kind == EXTRACT_LIST)
			add_mark(w, p);
		if (w->note[0]) {
			doc_str(w->d, w->note);
			w->note[0] = '\0';
		}
		doc_text(w->d, p->text.p, p->text.n);
		doc_end(w->d);
	}
	ASSERT(w->open > 0);
	w->open--;
}

/* A number of any size, which is no more than a name. */
static void note_id(const struct sax_atts *a, char ret[16])
{
	office_copy(sax_get(a, "id"), ret, 16);
	ret[strspn(ret, "-0123456789")] = '\0';
}

static void in_para(struct word *w, const char *name, const struct sax_atts *a)
{
	struct para *p = para(w);

	if (!p)
		return;
	if (strcmp(name, "pStyle") == 0) {
		char id[64];
		office_copy(sax_get(a, "val"), id, sizeof(id));
		p->level = style_level(w, id, 0);
	} else if (strcmp(name, "outlineLvl") == 0) {
		int level = sax_int(a, "val", 9);
		p->level = level >= 0 && level < 9 ? level + 1 : 0;
	} else if (strcmp(name, "ilvl") == 0) {
		p->depth = MAX(0, MIN(sax_int(a, "val", 0), LEVELS - 1));
	} else if (strcmp(name, "numId") == 0) {
		p->list = sax_int(a, "val", 0);
	} else if (strcmp(name, "tab") == 0) {
		/* Positions of tabs are described by the same word. */
		if (!sax_get(a, "pos").p)
			put(w, "\t", 1);
	} else if (strcmp(name, "br") == 0 || strcmp(name, "cr") == 0) {
		put(w, "\n", 1);
	} else if (strcmp(name, "noBreakHyphen") == 0) {
		put(w, "-", 1);
	} else if (strcmp(name, "footnoteReference") == 0 || strcmp(name, "endnoteReference") == 0) {
		char mark[24], id[sizeof(mark) - 8];
		note_id(a, id);
		int n = snprintf(mark, sizeof(mark), "[^%s%s]", name[0] == 'e' ? "e" : "", id);
		put(w, mark, (size_t)n);
	}
}

/* ---- tables ---- */

static void end_cell(struct word *w)
{
	if (w->cell_goes_on)
		buf_reset(&w->cell);
	doc_cell(w->d, w->cell.p ? w->cell.p : "", w->cell.n);
	for (int i = 1; i < w->cell_span && i < 100; i++)
		doc_cell(w->d, "", 0);
	buf_reset(&w->cell);
}

static void in_table(struct word *w, const char *name, const struct sax_atts *a)
{
	if (strcmp(name, "tbl") == 0 && w->tables++ == 0) {
		doc_table(w->d);
	} else if (strcmp(name, "tc") == 0 && w->tables == 1) {
		buf_reset(&w->cell);
		w->cell_span = 1;
		w->cell_goes_on = false;
	} else if (strcmp(name, "gridSpan") == 0 && w->tables == 1) {
		w->cell_span = sax_int(a, "val", 1);
	} else if (strcmp(name, "vMerge") == 0 && w->tables == 1) {
		w->cell_goes_on = !sax_is(a, "val", "restart");
	}
}

/* ---- the document ---- */

static bool is_skipped(const char *name)
{
	static const char *const names[] = {"del", "moveFrom", "Fallback", "instrText", "delText", "rPrChange",
		"pPrChange", "sectPr", "sectPrChange", "rt" /* how it is read aloud */, "tblPrChange", "tcPrChange",
		"trPrChange"};

	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

static void word_start(void *arg, const char *name, const struct sax_atts *a)
{
	struct word *w = arg;

	if (w->skip || is_skipped(name)) {
		w->skip++;
	} else if (strcmp(name, "p") == 0) {
		begin_para(w);
	} else if (strcmp(name, "t") == 0) {
		w->in_text = true;
	} else if (strcmp(name, "r") == 0) {
		w->hidden = false;
	} else if (strcmp(name, "vanish") == 0) {
		w->hidden = !is_off(a);
	} else if (w->notes && (strcmp(name, "footnote") == 0 || strcmp(name, "endnote") == 0)) {
		char id[16];
		note_id(a, id);
		/* The lines that separate notes from the page are notes, too. */
		if (sax_get(a, "type").p)
			w->skip = 1;
		else
			snprintf(w->note, sizeof(w->note), "[^%s%s] ", name[0] == 'e' ? "e" : "", id);
	} else {
		in_table(w, name, a);
		in_para(w, name, a);
	}
}

static void word_end(void *arg, const char *name)
{
	struct word *w = arg;

	if (w->skip) {
		w->skip--;
	} else if (strcmp(name, "p") == 0 && w->open > 0) {
		end_para(w);
	} else if (strcmp(name, "t") == 0) {
		w->in_text = false;
	} else if (strcmp(name, "r") == 0) {
		w->hidden = false;
	} else if (strcmp(name, "tc") == 0 && w->tables == 1) {
		end_cell(w);
	} else if (strcmp(name, "tr") == 0 && w->tables == 1) {
		doc_row(w->d);
	} else if (strcmp(name, "tbl") == 0 && w->tables > 0 && --w->tables == 0) {
		doc_table_end(w->d);
	}
}

static void word_text(void *arg, const char *p, size_t n)
{
	struct word *w = arg;

	if (w->in_text)
		put(w, p, n);
}

void docx_read(struct doc *d, struct zip_reader *z, const char *part)
{
	static const struct sax_handler styles = {.start = style_start}, lists = {.start = list_start},
					body = {.start = word_start, .end = word_end, .text = word_text};
	static const char *const notes[] = {"footnotes", "endnotes"};
	CLEANUP(zip_relations_freep) struct zip_relation *all = zip_relations(z, part);
	const struct zip_relation *r;
	struct word *w = xcalloc(1, sizeof(*w));

	w->d = d;
	w->styles = xcalloc(STYLES_MAX, sizeof(*w->styles));
	w->lists = xcalloc(LISTS_MAX, sizeof(*w->lists));
	w->cell = BUF_INIT((size_t)1 << 20);
	for (int i = 0; i < NESTED; i++)
		w->paras[i].text = BUF_INIT((size_t)64 << 20);
	if ((r = zip_relation_type(all, "styles")) != NULL)
		(void)zip_reader_sax(z, r->target, &styles, w);
	if ((r = zip_relation_type(all, "numbering")) != NULL)
		(void)zip_reader_sax(z, r->target, &lists, w);
	if (!zip_reader_sax(z, part, &body, w))
		doc_fail(d, EXTRACT_BROKEN, "The document is damaged. Open it in its own program and save it anew.");
	for (size_t i = 0; i < N_ELEMENTS(notes); i++) {
		w->notes = true;
		w->open = w->tables = w->skip = 0;
		if ((r = zip_relation_type(all, notes[i])) != NULL)
			(void)zip_reader_sax(z, r->target, &body, w);
	}
	for (int i = 0; i < NESTED; i++)
		buf_done(&w->paras[i].text);
	buf_done(&w->cell);
	free(w->styles);
	free(w->lists);
	free(w);
}
