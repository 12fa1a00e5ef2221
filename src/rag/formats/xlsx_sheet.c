/*
 * xlsx_sheet.c - a sheet as a table with its rows' numbers: merged cells where a reader needs them, hidden rows and columns left out.
 * It is read twice, for merged cells are told behind all cells.
 */
#include <ctype.h>

#include "rag/formats/xlsx.h"

#define MERGES_MAX 10000
#define GAP_MAX    300 /* empty cells that are written; a cell far away stands behind the last one */

/* "BC12": 55; 0: it says none. */
static int column_of(struct str ref)
{
	int n = 0;

	for (size_t i = 0; i < ref.n && i < 4 && isalpha((unsigned char)ref.p[i]); i++)
		n = n * 26 + (toupper((unsigned char)ref.p[i]) - 'A' + 1);
	return n;
}

/* "A1:C3"; false: it is none. */
static bool range_of(struct str ref, struct xlsx_range *ret)
{
	struct str first = ref, second = ref;
	int *rows[] = {&ret->row, &ret->row_end};
	struct str halves[2];

	for (first.n = 0; first.n < ref.n && ref.p[first.n] != ':'; first.n++)
		;
	second = (struct str){ref.p + MIN(first.n + 1, ref.n), ref.n - MIN(first.n + 1, ref.n)};
	halves[0] = first;
	halves[1] = second;
	ret->column = column_of(first);
	ret->column_end = column_of(second);
	for (size_t k = 0; k < 2; k++) {
		*rows[k] = 0;
		for (size_t i = 0; i < halves[k].n && *rows[k] < 10000000; i++)
			if (isdigit((unsigned char)halves[k].p[i]))
				*rows[k] = *rows[k] * 10 + halves[k].p[i] - '0';
	}
	return ret->column > 0 && ret->row > 0 && ret->column_end >= ret->column && ret->row_end >= ret->row;
}

/* ---- the first reading of a sheet: its shape ---- */

static void add_merge(struct xlsx_book *b, struct xlsx_range at)
{
	if (b->n_merges == b->merges_cap) {
		size_t cap = MAX(b->merges_cap * 2, 64);
		void *more = cap <= 2 * MERGES_MAX ? realloc(b->merges, cap * sizeof(*b->merges)) : NULL;
		if (!more)
			return;
		b->merges = more;
		b->merges_cap = cap;
	}
	b->merges[b->n_merges++] = (struct xlsx_merge){.at = at};
}

static void shape_start(void *arg, const char *name, const struct sax_atts *a)
{
	struct xlsx_book *b = arg;
	struct xlsx_range at;

	if (strcmp(name, "row") == 0) {
		b->next_column = 1;
	} else if (strcmp(name, "c") == 0) {
		int column = column_of(sax_get(a, "r"));

		b->column = column > 0 ? column : b->next_column;
		b->next_column = b->column + 1;
	} else if (strcmp(name, "v") == 0 || strcmp(name, "f") == 0 || strcmp(name, "is") == 0) {
		b->width = MAX(b->width, b->column);
	} else if (strcmp(name, "col") == 0 && b->n_hidden < XLSX_HIDDEN_MAX &&
		   (sax_is(a, "hidden", "1") || sax_is(a, "hidden", "true"))) {
		b->hidden[b->n_hidden++] =
			(struct xlsx_range){.column = sax_int(a, "min", 0), .column_end = sax_int(a, "max", 0)};
	} else if (strcmp(name, "mergeCell") == 0 && b->n_merges < MERGES_MAX && range_of(sax_get(a, "ref"), &at)) {
		add_merge(b, at);
	}
}

static int by_row(const void *x, const void *y)
{
	const struct xlsx_range *a = &((const struct xlsx_merge *)x)->at, *b = &((const struct xlsx_merge *)y)->at;

	return a->row != b->row ? (a->row < b->row ? -1 : 1) : (a->column > b->column) - (a->column < b->column);
}

static void read_shape(struct xlsx_book *b, struct zip_reader *z, const char *part)
{
	static const struct sax_handler handler = {.start = shape_start};

	b->n_merges = b->next_merge = b->n_active = b->n_hidden = 0;
	b->width = b->hidden_rows = b->hidden_columns = 0;
	(void)zip_reader_sax(z, part, &handler, b); /* what is damaged is told by the second reading */
	if (b->n_merges > 1)
		qsort(b->merges, b->n_merges, sizeof(*b->merges), by_row);
	for (size_t i = 0; i < b->n_hidden; i++)
		b->hidden_columns += MAX(0, MIN(b->hidden[i].column_end, b->width) - MAX(b->hidden[i].column, 1) + 1);
}

/* ---- the second one: its rows ---- */

static bool column_hidden(const struct xlsx_book *b, int column)
{
	for (size_t i = 0; i < b->n_hidden; i++) {
		if (column >= b->hidden[i].column && column <= b->hidden[i].column_end)
			return true;
	}
	return false;
}

static struct xlsx_merge *merge_at(const struct xlsx_book *b, int column)
{
	for (size_t i = 0; i < b->n_active; i++) {
		if (column >= b->active[i]->at.column && column <= b->active[i]->at.column_end)
			return b->active[i];
	}
	return NULL;
}

/*
 * A label stands in each row and column that it is for, so that each can be read alone. An amount stands once, lest it be added up
 * twice, unless it is a label: a year as a heading, or at the head of its rows.
 */
static bool repeats(const struct xlsx_book *b, const struct xlsx_merge *m, int column)
{
	return !m->amount || b->d->rows == 0 || (b->row > m->at.row && b->d->n_cells == 0 && column == m->at.column);
}

/* The columns before `column` that have no value of their own. */
static void fill_to(struct xlsx_book *b, int column)
{
	/* A cell far away stands behind the last one. */
	for (int i = column - b->next_column <= GAP_MAX ? b->next_column : column; i < column; i++) {
		const struct xlsx_merge *m = column_hidden(b, i) ? NULL : merge_at(b, i);

		if (m && m->text && repeats(b, m, i))
			doc_cell(b->d, m->text, m->n);
		else if (!column_hidden(b, i))
			doc_cell(b->d, "", 0);
	}
	b->next_column = MAX(b->next_column, column);
}

/* What has been held back, for it might have been all of its row. */
static void put_title(struct xlsx_book *b)
{
	const struct xlsx_merge *m = b->title;

	b->title = NULL;
	if (!m)
		return;
	ASSERT(m->text); /* what is held back has been read */
	fill_to(b, m->at.column);
	doc_cell(b->d, m->text, m->n);
	b->next_column = m->at.column + 1;
}

static void row_begin(struct xlsx_book *b, const struct sax_atts *a)
{
	size_t n = 0;

	b->row = sax_int(a, "r", b->row + 1);
	b->row_hidden = sax_is(a, "hidden", "1") || sax_is(a, "hidden", "true");
	b->next_column = 1;
	b->own = 0;
	b->title = NULL;
	for (size_t i = 0; i < b->n_active; i++) {
		if (b->active[i]->at.row_end >= b->row)
			b->active[n++] = b->active[i];
	}
	for (; b->next_merge < b->n_merges && b->merges[b->next_merge].at.row <= b->row; b->next_merge++) {
		if (n < XLSX_ACTIVE_MAX && b->merges[b->next_merge].at.row_end >= b->row)
			b->active[n++] = &b->merges[b->next_merge];
	}
	ASSERT(n <= XLSX_ACTIVE_MAX && b->next_merge <= b->n_merges);
	b->n_active = n;
}

static void cell_begin(struct xlsx_book *b, const struct sax_atts *a)
{
	int column = column_of(sax_get(a, "r"));

	b->column = column > 0 ? column : b->next_column;
	b->style = sax_int(a, "s", 0);
	office_copy(sax_get(a, "t"), b->type, sizeof(b->type));
	buf_reset(&b->value);
	buf_reset(&b->formula);
	b->value.failed = b->formula.failed = 0;
}

static void keep_value(struct xlsx_book *b, struct xlsx_merge *m)
{
	if (m->text)
		return;
	m->text = xstrdup(b->shown.p ? b->shown.p : "");
	m->n = strlen(m->text);
	m->amount = b->amount;
}

static void cell_end(struct xlsx_book *b)
{
	struct xlsx_merge *m = merge_at(b, b->column);

	if (b->value.n == 0 && b->formula.n == 0)
		return; /* only a colour */
	if (m && (m->at.row != b->row || m->at.column != b->column))
		return; /* beneath the cell that is shown */
	buf_reset(&b->shown);
	b->shown.failed = 0;
	b->amount = false;
	xlsx_show_cell(b);
	if (m)
		keep_value(b, m);
	if (column_hidden(b, b->column))
		return;
	b->own++;
	if (b->row_hidden)
		return;
	put_title(b);
	if (m && b->own == 1 && m->at.column_end > m->at.column) {
		b->title = m;
		return;
	}
	fill_to(b, b->column);
	doc_cell(b->d, b->shown.p ? b->shown.p : "", b->shown.n);
	b->next_column = b->column + 1;
}

/* The last column of the present row that has a value by a merged cell; columns of which none has a value are none. */
static int last_merged(const struct xlsx_book *b)
{
	int last = 0;

	for (size_t i = 0; i < b->n_active; i++) {
		if (b->active[i]->text)
			last = MAX(last, MIN(b->active[i]->at.column_end, b->width));
	}
	return last;
}

/* How many rows the header has: as many as a merged cell of its first row goes down; two where one goes across, and the first column
 * is named beneath. */
static int header_rows(const struct xlsx_book *b)
{
	int rows = 1;
	bool across = false;

	for (size_t i = 0; i < b->n_active; i++) {
		const struct xlsx_merge *m = b->active[i];
		if (!m->text || m->at.row != b->row)
			continue;
		rows = MAX(rows, m->at.row_end - m->at.row + 1);
		across |= m->at.column_end > m->at.column;
	}
	return rows > 1 ? rows : across && b->d->n_cells > 0 && b->d->cells[0].n == 0 ? 2 : 1;
}

/* A cell across that stands alone is a title: above all the table's, else it stands once in its row. */
static void row_end(struct xlsx_book *b)
{
	const struct xlsx_merge *m = b->title;

	b->hidden_rows += b->row_hidden && b->own > 0;
	if (b->own == 0 || b->row_hidden)
		return;
	if (m && b->d->rows == 0) {
		doc_block(b->d, EXTRACT_CAPTION, 0, m->text, m->n);
		doc_table(b->d);
		return;
	}
	put_title(b);
	if (!m)
		fill_to(b, last_merged(b) + 1);
	if (!m)
		doc_table_header(b->d, header_rows(b));
	doc_row_number(b->d, b->row);
	doc_row(b->d);
}

static void sheet_start(void *arg, const char *name, const struct sax_atts *a)
{
	struct xlsx_book *b = arg;

	if (strcmp(name, "row") == 0) {
		row_begin(b, a);
	} else if (strcmp(name, "c") == 0) {
		cell_begin(b, a);
	} else if (strcmp(name, "v") == 0) {
		b->where = IN_VALUE;
	} else if (strcmp(name, "f") == 0) {
		b->where = IN_FORMULA;
	} else if (strcmp(name, "t") == 0 && !b->skip) {
		b->where = IN_INLINE;
	} else if (strcmp(name, "rPh") == 0) {
		b->skip++;
	}
}

static void sheet_text(void *arg, const char *p, size_t n)
{
	struct xlsx_book *b = arg;

	if (b->where == IN_VALUE || b->where == IN_INLINE)
		buf_add(&b->value, p, n);
	else if (b->where == IN_FORMULA)
		buf_add(&b->formula, p, n);
}

static void sheet_end(void *arg, const char *name)
{
	struct xlsx_book *b = arg;

	if (strcmp(name, "v") == 0 || strcmp(name, "f") == 0 || strcmp(name, "t") == 0) {
		b->where = NOWHERE;
	} else if (strcmp(name, "rPh") == 0) {
		b->skip -= b->skip > 0;
	} else if (strcmp(name, "c") == 0) {
		cell_end(b);
	} else if (strcmp(name, "row") == 0) {
		row_end(b);
	}
}

static void tell_hidden(struct xlsx_book *b, const char *sheet)
{
	if (b->hidden_rows > 0)
		doc_warn(b->d, "%d hidden row%s of the sheet \"%.100s\" %s skipped.", b->hidden_rows,
			b->hidden_rows == 1 ? "" : "s", sheet, b->hidden_rows == 1 ? "was" : "were");
	if (b->hidden_columns > 0)
		doc_warn(b->d, "%d hidden column%s of the sheet \"%.100s\" %s skipped.", b->hidden_columns,
			b->hidden_columns == 1 ? "" : "s", sheet, b->hidden_columns == 1 ? "was" : "were");
}

void xlsx_read_sheet(struct xlsx_book *b, struct zip_reader *z, const struct zip_relation *all, int number)
{
	static const struct sax_handler handler = {.start = sheet_start, .end = sheet_end, .text = sheet_text};
	const struct xlsx_sheet *s = &b->sheets[number - 1];
	const struct zip_relation *r = zip_relation_id(all, str_from(s->id));

	ASSERT(number > 0 && (size_t)number <= b->n_sheets && b->n_merges == 0);
	doc_place(b->d, EXTRACT_SHEET, number, s->name, 0, 0);
	if (s->hidden) {
		doc_state(b->d, EXTRACT_HIDDEN);
		return;
	}
	b->row = 0;
	b->where = NOWHERE;
	b->skip = 0;
	if (r)
		read_shape(b, z, r->target);
	doc_table(b->d);
	if (r && !zip_reader_sax(z, r->target, &handler, b) && !doc_failed(b->d))
		doc_warn(b->d, "The sheet \"%.100s\" is damaged: it was read as far as it goes.", s->name);
	doc_table_end(b->d);
	tell_hidden(b, s->name);
	for (size_t i = 0; i < b->n_merges; i++)
		free(b->merges[i].text);
	b->n_merges = 0;
}
