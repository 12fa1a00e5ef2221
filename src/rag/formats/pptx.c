/* pptx.c - PowerPoint: slides in the order they are shown; titles, text of all shapes, tables, charts, diagrams and notes. */
#include <stdio.h>

#include "rag/formats/office.h"

#define SLIDES_MAX 5000

struct deck {
	struct doc *d;
	char (*ids)[64]; /* of relations */
	size_t n;
	/* the present slide */
	struct buf text;
	char related[8][64]; /* charts and diagrams on it */
	size_t n_related;
	int level, shapes;
	bool title, skipped, in_text, in_table, notes, hidden, any_title;
};

static void deck_start(void *arg, const char *name, const struct sax_atts *a)
{
	struct deck *k = arg;

	if (strcmp(name, "sldId") == 0 && k->n == SLIDES_MAX)
		doc_bound(k->d, DOC_SLIDES);
	else if (strcmp(name, "sldId") == 0)
		office_copy(sax_get(a, ":id"), k->ids[k->n++], sizeof(k->ids[0]));
}

static void note_related(struct deck *k, struct str id)
{
	if (id.p && k->n_related < N_ELEMENTS(k->related))
		office_copy(id, k->related[k->n_related++], sizeof(k->related[0]));
}

/* Numbers of pages, dates and the like are the master's. */
static void placeholder(struct deck *k, const struct sax_atts *a)
{
	static const char *const frame[] = {"sldNum", "dt", "ftr", "hdr", "sldImg"};

	k->title = sax_is(a, "type", "title") || sax_is(a, "type", "ctrTitle");
	for (size_t i = 0; i < N_ELEMENTS(frame); i++)
		k->skipped |= sax_is(a, "type", frame[i]);
}

static void slide_start(void *arg, const char *name, const struct sax_atts *a)
{
	struct deck *k = arg;

	if (strcmp(name, "sld") == 0) {
		k->hidden = sax_is(a, "show", "0") || sax_is(a, "show", "false");
	} else if (strcmp(name, "sp") == 0) {
		k->title = k->skipped = false;
	} else if (strcmp(name, "ph") == 0) {
		placeholder(k, a);
	} else if (strcmp(name, "cNvPr") == 0 && !k->notes && sax_get(a, "descr").n > 0) {
		CLEANUP(buf_done) struct buf plain = BUF_INIT(65536);

		office_text(sax_get(a, "descr"), &plain);
		doc_block(k->d, EXTRACT_CAPTION, 0, plain.p ? plain.p : "", plain.n);
	} else if (strcmp(name, "tbl") == 0 && !k->in_table) {
		k->in_table = true;
		doc_table(k->d);
	} else if (strcmp(name, "p") == 0 && k->in_table && k->text.n) {
		buf_add_char(&k->text, ' ');
	} else if (strcmp(name, "pPr") == 0) {
		k->level = sax_int(a, "lvl", 0);
	} else if (strcmp(name, "br") == 0) {
		buf_add_char(&k->text, '\n');
	} else if (strcmp(name, "t") == 0) {
		k->in_text = true;
	} else if (strcmp(name, "chart") == 0) {
		note_related(k, sax_get(a, ":id"));
	} else if (strcmp(name, "relIds") == 0) {
		note_related(k, sax_get(a, ":dm"));
	}
}

static void slide_text(void *arg, const char *p, size_t n)
{
	struct deck *k = arg;

	if (k->in_text && !k->skipped)
		buf_add(&k->text, p, n);
}

static void end_para(struct deck *k)
{
	enum extract_kind kind = k->notes ? EXTRACT_NOTE : k->title ? EXTRACT_HEADING : EXTRACT_PARA;
	int level = 0;

	if (kind == EXTRACT_HEADING) {
		level = 1;
		k->any_title = true;
	} else if (kind == EXTRACT_PARA && k->level > 0) {
		kind = EXTRACT_LIST;
		level = k->level + 1;
	}
	doc_begin(k->d, kind, level);
	if (kind == EXTRACT_LIST)
		doc_str(k->d, "- ");
	doc_text(k->d, k->text.p ? k->text.p : "", k->text.n);
	doc_end(k->d);
	buf_reset(&k->text);
	k->level = 0;
}

static void slide_end(void *arg, const char *name)
{
	struct deck *k = arg;

	if (strcmp(name, "t") == 0) {
		k->in_text = false;
	} else if (strcmp(name, "p") == 0 && !k->in_table) {
		if (k->text.n > 0)
			end_para(k);
	} else if (strcmp(name, "tc") == 0 && k->in_table) {
		doc_cell(k->d, k->text.p ? k->text.p : "", k->text.n);
		buf_reset(&k->text);
	} else if (strcmp(name, "tr") == 0 && k->in_table) {
		doc_row(k->d);
	} else if (strcmp(name, "tbl") == 0 && k->in_table) {
		doc_table_end(k->d);
		k->in_table = false;
	} else if (strcmp(name, "sp") == 0) {
		k->title = k->skipped = false;
	}
}

/* Charts say their values in c:v, diagrams their words in a:t. */
static void figure_start(void *arg, const char *name, const struct sax_atts *a)
{
	struct deck *k = arg;

	(void)a;
	if (strcmp(name, "v") == 0 || strcmp(name, "t") == 0) {
		if (k->text.n)
			buf_add_str(&k->text, "; ");
		k->in_text = true;
	}
}

static void figure_end(void *arg, const char *name)
{
	struct deck *k = arg;

	if (strcmp(name, "v") == 0 || strcmp(name, "t") == 0)
		k->in_text = false;
}

static void read_figures(struct deck *k, struct zip_reader *z, const struct zip_relation *all)
{
	static const struct sax_handler handler = {.start = figure_start, .end = figure_end, .text = slide_text};

	for (size_t i = 0; i < k->n_related; i++) {
		const struct zip_relation *r = zip_relation_id(all, str_from(k->related[i]));

		buf_reset(&k->text);
		k->skipped = k->in_text = false;
		if (r && zip_reader_sax(z, r->target, &handler, k))
			doc_block(k->d, EXTRACT_CAPTION, 0, k->text.p ? k->text.p : "", k->text.n);
	}
	buf_reset(&k->text);
}

static void read_slide(struct deck *k, struct zip_reader *z, const char *part, int number)
{
	static const struct sax_handler handler = {.start = slide_start, .end = slide_end, .text = slide_text};
	CLEANUP(zip_relations_freep) struct zip_relation *all = zip_relations(z, part);
	const struct zip_relation *notes = zip_relation_type(all, "notesSlide");

	ASSERT(k->text.n == 0 && number > 0); /* nothing of the one before */
	doc_place(k->d, EXTRACT_SLIDE, number, "", 0, 0);
	k->n_related = 0;
	k->title = k->skipped = k->in_text = k->in_table = k->notes = k->hidden = false;
	if (!zip_reader_sax(z, part, &handler, k) && !doc_failed(k->d))
		doc_warn(k->d, "Slide %d is damaged: it was read as far as it goes.", number);
	buf_reset(&k->text);
	if (k->hidden)
		doc_state(k->d, EXTRACT_HIDDEN);
	read_figures(k, z, all);
	if (notes) {
		k->notes = true;
		k->title = k->skipped = k->in_text = k->in_table = false;
		(void)zip_reader_sax(z, notes->target, &handler, k);
		buf_reset(&k->text);
	}
}

void pptx_read(struct doc *d, struct zip_reader *z, const char *part)
{
	static const struct sax_handler handler = {.start = deck_start};
	CLEANUP(zip_relations_freep) struct zip_relation *all = zip_relations(z, part);
	struct deck k = {.d = d, .text = BUF_INIT((size_t)32 << 20)};

	k.ids = xcalloc(SLIDES_MAX, sizeof(*k.ids));
	if (!zip_reader_sax(z, part, &handler, &k))
		doc_fail(
			d, EXTRACT_BROKEN, "The presentation is damaged. Open it in its own program and save it anew.");
	for (size_t i = 0; i < k.n && !doc_failed(d); i++) {
		const struct zip_relation *r = zip_relation_id(all, str_from(k.ids[i]));

		if (r)
			read_slide(&k, z, r->target, (int)i + 1);
		doc_progress(d, (int)i + 1, (int)k.n);
	}
	buf_done(&k.text);
	free(k.ids);
}
