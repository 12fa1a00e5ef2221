/* odf.c - OpenDocument texts, sheets and slides: content.xml in one pass; deleted text and annotations left out. */
#include <stdio.h>

#include "rag/formats/odf.h"
#include "rag/formats/office.h"

#define REPEAT_MAX  100       /* cells, as doc_bound() says */
#define ROWS_REPEAT 1000      /* likewise */
#define ROWS_MAX    100000000 /* that are counted; programs have a million */

void odf_begin(struct odf *o, struct doc *d)
{
	*o = (struct odf){.d = d, .cell = BUF_INIT((size_t)1 << 20)};
	for (size_t i = 0; i < N_ELEMENTS(o->texts); i++)
		o->texts[i] = BUF_INIT((size_t)64 << 20);
}

void odf_done(struct odf *o)
{
	for (size_t i = 0; i < N_ELEMENTS(o->texts); i++)
		buf_done(&o->texts[i]);
	buf_done(&o->cell);
	for (int i = 0; i < ODF_COVERED; i++)
		free(o->covered[i].text);
}

static struct buf *text(struct odf *o)
{
	return o->open > 0 && o->open <= (int)N_ELEMENTS(o->texts) ? &o->texts[o->open - 1] : NULL;
}

static void put(struct odf *o, const char *p, size_t n)
{
	struct buf *to = text(o);

	if (to && !o->skip)
		buf_add(to, p, n);
}

static bool is_skipped(const char *name)
{
	static const char *const names[] = {"tracked-changes", "annotation", "note-citation", "page-number", "forms",
		"ruby-text" /* how it is read aloud */, "shapes", "scripts", "header", "footer"};

	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

/* ---- sheets ---- */

static void begin_sheet(struct odf *o, const struct sax_atts *a)
{
	CLEANUP(buf_done) struct buf name = BUF_INIT(1024);
	char style[64];

	office_text(sax_get(a, "name"), &name);
	office_copy(sax_get(a, "style-name"), style, sizeof(style));
	doc_place(o->d, EXTRACT_SHEET, ++o->sheets, name.n ? name.p : "", 0, 0);
	for (int i = 0; i < o->n_hidden_styles && !o->skip; i++) {
		if (strcmp(o->hidden_styles[i], style) != 0)
			continue;
		doc_state(o->d, EXTRACT_HIDDEN);
		o->hidden_sheets++;
		o->skip = 1;
	}
}

/* What is covered by the present cell says what it says. */
static void cover(struct odf *o, struct str text, int columns, int rows)
{
	for (int i = o->column; i < MIN(o->column + columns, ODF_COVERED) && o->column >= 0; i++) {
		free(o->covered[i].text);
		o->covered[i].text = malloc(text.n + 1);
		o->covered[i].n = o->covered[i].text ? text.n : 0;
		o->covered[i].rows = o->covered[i].text ? rows : 0;
		if (o->covered[i].text)
			memcpy(o->covered[i].text, text.p, text.n);
	}
}

static void cell_begin(struct odf *o, const struct sax_atts *a, bool covered)
{
	o->is_covered = covered;
	o->columns_span = MAX(1, sax_int(a, "number-columns-spanned", 1));
	o->rows_span = MAX(1, sax_int(a, "number-rows-spanned", 1));
	o->in_cell = true;
	o->columns_repeat = sax_int(a, "number-columns-repeated", 1);
	buf_reset(&o->cell);
	o->value[0] = '\0';
	if (sax_is(a, "value-type", "float"))
		office_copy(sax_get(a, "value"), o->value, sizeof(o->value));
	else if (sax_is(a, "value-type", "date"))
		office_copy(sax_get(a, "date-value"), o->value, sizeof(o->value));
}

/* Of a sheet, empty cells behind the last one with text are none. */
static void put_cell(struct odf *o, struct str text)
{
	if (text.n == 0 && o->spreadsheet) {
		o->held++;
		return;
	}
	for (; o->held > 0; o->held--)
		doc_cell(o->d, "", 0);
	doc_cell(o->d, text.p, text.n);
}

static void cell_end(struct odf *o)
{
	struct str v = o->value[0] ? str_from(o->value) : buf_str(&o->cell);

	/* Sheets are filled to their edge with empty cells that are repeated. */
	int n = v.n == 0 && o->columns_repeat > REPEAT_MAX ? 1 : MAX(1, MIN(o->columns_repeat, REPEAT_MAX));
	if (v.n > 0 && o->columns_repeat > REPEAT_MAX)
		doc_bound(o->d, DOC_REPEATS);
	if (!o->is_covered && v.n > 0 && o->spreadsheet) {
		o->own++;
		o->across = MAX(o->across, o->columns_span);
		o->down = MAX(o->down, o->rows_span);
		if (o->columns_span > 1 || o->rows_span > 1)
			cover(o, v, o->columns_span, o->rows_span);
	}
	for (int i = 0; i < n; i++, o->column++) {
		bool says = o->is_covered && o->column < ODF_COVERED && o->covered[o->column].rows > 0;
		put_cell(o, says ? (struct str){o->covered[o->column].text, o->covered[o->column].n} : v);
	}
	o->in_cell = false;
}

static void forget_covered(struct odf *o)
{
	for (int i = 0; i < ODF_COVERED; i++) {
		free(o->covered[i].text);
		o->covered[i].text = NULL;
		o->covered[i].rows = 0;
	}
}

static bool in_table(struct odf *o, const char *name, const struct sax_atts *a)
{
	if (strcmp(name, "table") == 0) {
		if (o->tables++ == 0) {
			if (o->spreadsheet)
				begin_sheet(o, a);
			if (!o->skip)
				doc_table(o->d);
			forget_covered(o);
			o->d->row_at = 0;
		}
	} else if (strcmp(name, "table-row") == 0 && o->tables == 1) {
		o->column = o->own = o->across = o->down = o->held = 0;
		o->rows_repeat = MAX(1, MIN(sax_int(a, "number-rows-repeated", 1), ROWS_MAX - o->d->row_at));
	} else if ((strcmp(name, "table-cell") == 0 || strcmp(name, "covered-table-cell") == 0) && o->tables == 1) {
		cell_begin(o, a, name[0] == 'c');
	} else {
		return false;
	}
	return true;
}

/* ---- text ---- */

/* "page3", "Slide 3", "Folie 3": what programs call the third one by themselves says no more than its number. */
static bool is_number(struct str name, int number)
{
	char digits[12];
	size_t n = (size_t)snprintf(digits, sizeof(digits), "%d", number);

	return name.n >= n && memcmp(name.p + name.n - n, digits, n) == 0 &&
	       (name.n == n || name.p[name.n - n - 1] < '0' || name.p[name.n - n - 1] > '9');
}

static void begin_page(struct odf *o, const struct sax_atts *a)
{
	CLEANUP(buf_done) struct buf name = BUF_INIT(1024);

	office_text(sax_get(a, "name"), &name);
	o->pages++;
	bool named = name.n && !is_number(buf_str(&name), o->pages);
	doc_place(o->d, EXTRACT_SLIDE, o->pages, named ? name.p : "", 0, 0);
}

/* "Heading_20_2": 2; 0: it is no style of headings. It is named so in every language. */
static int level_of(struct str style)
{
	static const char heading[] = "Heading_20_";
	size_t n = sizeof(heading) - 1;

	return style.n == n + 1 && memcmp(style.p, heading, n) == 0 && style.p[n] >= '1' && style.p[n] <= '9'
		       ? style.p[n] - '0'
		       : 0;
}

/* A paragraph that looks like a heading was meant to be one: what is made from a web page has no others. */
static int level_of_para(const struct odf *o, const struct sax_atts *a)
{
	struct str style = sax_get(a, "style-name");
	int level = level_of(style);

	for (int i = 0; i < o->n_headings && !level; i++)
		if (str_eq(style, str_from(o->headings[i].name)))
			level = o->headings[i].level;
	return level;
}

static void begin_para(struct odf *o, bool heading, const struct sax_atts *a)
{
	int level = heading ? sax_int(a, "outline-level", 1) : level_of_para(o, a);
	struct buf *to;

	o->open++;
	to = text(o);
	if (to)
		buf_reset(to);
	if (o->open == 1) {
		o->heading = heading || level > 0;
		o->level = o->heading ? MAX(1, MIN(level, 9)) : 0;
	}
}

static void end_para(struct odf *o)
{
	struct buf *t = text(o);

	if (t && t->n > 0 && o->in_cell) {
		if (o->cell.n)
			buf_add_char(&o->cell, ' ');
		buf_add(&o->cell, t->p, t->n);
	} else if (t && t->n > 0) {
		bool list = o->lists > 0 && !o->heading;
		enum extract_kind kind = o->note || o->notes_page ? EXTRACT_NOTE
					 : o->heading             ? EXTRACT_HEADING
					 : list                   ? EXTRACT_LIST
								  : EXTRACT_PARA;

		doc_begin(o->d, kind, kind == EXTRACT_HEADING ? o->level : kind == EXTRACT_LIST ? o->lists : 0);
		if (kind == EXTRACT_LIST)
			doc_str(o->d, "- ");
		doc_text(o->d, t->p, t->n);
		doc_end(o->d);
	}
	ASSERT(o->open > 0);
	o->open--;
}

static void put_spaces(struct odf *o, int n)
{
	for (int i = 0; i < n && i < 200; i++)
		put(o, " ", 1);
}

static void keep_heading(struct odf *o, int level)
{
	if (level == 0 || o->n_headings == (int)N_ELEMENTS(o->headings))
		return;
	_Static_assert(
		sizeof(o->style) == sizeof(o->headings[0].name) && sizeof(o->style) == sizeof(o->hidden_styles[0]),
		"names of styles are copied as they are");
	memcpy(o->headings[o->n_headings].name, o->style, sizeof(o->style));
	o->headings[o->n_headings++].level = level;
}

static void look_at_style(struct odf *o, const char *name, const struct sax_atts *a)
{
	if (strcmp(name, "style") == 0) {
		office_copy(sax_get(a, "name"), o->style, sizeof(o->style));
		keep_heading(o, level_of(sax_get(a, "parent-style-name")));
	} else if (strcmp(name, "table-properties") == 0 && sax_is(a, "display", "false") &&
		   o->n_hidden_styles < (int)N_ELEMENTS(o->hidden_styles)) {
		memcpy(o->hidden_styles[o->n_hidden_styles++], o->style, sizeof(o->style));
	}
}

static void odf_start(void *arg, const char *name, const struct sax_atts *a)
{
	struct odf *o = arg;

	if (o->skip || is_skipped(name)) {
		o->skip++;
		return;
	}
	if (in_table(o, name, a))
		return;
	if (strcmp(name, "h") == 0 || strcmp(name, "p") == 0)
		begin_para(o, name[0] == 'h', a);
	else if (strcmp(name, "s") == 0)
		put_spaces(o, sax_int(a, "c", 1));
	else if (strcmp(name, "tab") == 0)
		put(o, "\t", 1);
	else if (strcmp(name, "line-break") == 0)
		put(o, "\n", 1);
	else if (strcmp(name, "list") == 0)
		o->lists++;
	else if (strcmp(name, "note-body") == 0)
		o->note = true;
	else if (strcmp(name, "page") == 0)
		begin_page(o, a);
	else if (strcmp(name, "notes") == 0)
		o->notes_page = true;
	else if (strcmp(name, "spreadsheet") == 0)
		o->spreadsheet = true;
	else
		look_at_style(o, name, a);
}

/* The first cell with text of the row alone. */
static void keep_one(struct doc *d)
{
	size_t i = 0;

	while (i < d->n_cells && d->cells[i].n == 0)
		i++;
	d->n_cells = MIN(i + 1, d->n_cells);
}

/* A cell across that stands alone is a title: above all the table's, else it stands once in its row. */
static bool is_title(struct odf *o)
{
	struct doc *d = o->d;

	if (o->own != 1 || o->across < 2 || o->down > 1)
		return false;
	keep_one(d);
	if (d->rows > 0 || d->head_rows > 0 || d->n_cells == 0)
		return false;
	CLEANUP(buf_done) struct buf title = BUF_INIT((size_t)1 << 20);
	buf_add(&title, d->cells[d->n_cells - 1].text, d->cells[d->n_cells - 1].n);
	d->n_cells = 0;
	doc_block(d, EXTRACT_CAPTION, 0, title.p, title.n);
	doc_table(d);
	return true;
}

/* As often as it stands there: rows that are alike are written once, with a number. */
static void put_row(struct odf *o)
{
	struct doc *d = o->d;
	size_t cells = d->n_cells;
	int times = cells > 0 ? MIN(o->rows_repeat, ROWS_REPEAT) : 1;

	if (cells > 0 && times < o->rows_repeat)
		doc_bound(d, DOC_REPEATS);
	for (int i = 1; i <= times && !doc_failed(d); i++) {
		d->n_cells = cells; /* what they say is still there */
		if (o->spreadsheet && cells > 0)
			doc_row_number(d, d->row_at + i);
		doc_row(d);
	}
	d->row_at += o->rows_repeat;
}

static void end_row(struct odf *o)
{
	bool title = o->spreadsheet && is_title(o);

	for (int i = 0; i < ODF_COVERED; i++)
		o->covered[i].rows -= o->covered[i].rows > 0;
	if (title) {
		o->d->row_at += o->rows_repeat;
		return;
	}
	if (o->spreadsheet && (o->down > 1 || (o->across > 1 && o->d->n_cells > 0 && o->d->cells[0].n == 0)))
		doc_table_header(o->d, MAX(o->down, 2));
	put_row(o);
}

static void odf_end(void *arg, const char *name)
{
	struct odf *o = arg;

	if (o->skip && --o->skip > 0)
		return;
	if ((strcmp(name, "h") == 0 || strcmp(name, "p") == 0) && o->open > 0)
		end_para(o);
	else if (strcmp(name, "list") == 0)
		o->lists -= o->lists > 0;
	else if (strcmp(name, "note-body") == 0)
		o->note = false;
	else if (strcmp(name, "notes") == 0)
		o->notes_page = false;
	else if (o->tables == 1 && o->in_cell &&
		 (strcmp(name, "table-cell") == 0 || strcmp(name, "covered-table-cell") == 0))
		cell_end(o);
	else if (o->tables == 1 && strcmp(name, "table-row") == 0)
		end_row(o);
	else if (strcmp(name, "table") == 0 && o->tables > 0 && --o->tables == 0)
		doc_table_end(o->d);
}

static void odf_text(void *arg, const char *p, size_t n)
{
	struct odf *o = arg;
	struct buf *to = text(o);

	if (!to || o->skip)
		return;
	/* Blanks are written by an element; those between elements are one. */
	for (size_t i = 0; i < n; i++) {
		bool blank = p[i] == ' ' || p[i] == '\n' || p[i] == '\t' || p[i] == '\r';

		if (!blank)
			buf_add_char(to, p[i]);
		else if (to->n > 0 && to->p[to->n - 1] != ' ')
			buf_add_char(to, ' ');
	}
}

const struct sax_handler odf_handler = {.start = odf_start, .end = odf_end, .text = odf_text};

static void manifest_start(void *arg, const char *name, const struct sax_atts *a)
{
	(void)a;
	if (strcmp(name, "encryption-data") == 0)
		*(bool *)arg = true;
}

void odf_read(struct doc *d, struct zip_reader *z)
{
	static const struct sax_handler manifest = {.start = manifest_start, .doctype = true};
	struct odf *o = xcalloc(1, sizeof(*o));
	bool locked = false;

	odf_begin(o, d);
	(void)zip_reader_sax(z, "META-INF/manifest.xml", &manifest, &locked);
	if (locked)
		doc_fail(d, EXTRACT_LOCKED,
			"The document is locked with a password. Save it without one, and add it again.");
	else if (!zip_reader_sax(z, "content.xml", &odf_handler, o))
		doc_fail(d, EXTRACT_BROKEN, "The document is damaged. Open it in its own program and save it anew.");
	if (o->hidden_sheets)
		doc_warn(d, "%d hidden sheet%s skipped.", o->hidden_sheets, o->hidden_sheets == 1 ? " was" : "s were");
	odf_done(o);
	free(o);
}
