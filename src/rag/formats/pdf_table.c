/* pdf_table.c - tables of a page, by where words stand. Poppler tells them in one of three ways: as a block in which several lines stand
 * side by side, which it never does of prose; as a block for each cell; as a block for each column. Two columns of text are none of
 * these: three blocks at least stand side by side, and say little. */
#include "rag/formats/pdf.h"

#define GAP        1.0 /* of the size of its letters: words farther apart than that are two cells */
#define OVERLAP    0.3 /* of its height: what stands beside another thing shares so much with it */
#define COLUMNS    40
#define CELL_LINES 8  /* of a block that may be a cell, */
#define CELL_WORDS 10 /* and what all of them say at most, in the mean */
#define LINE_WORDS 3  /* and in the mean of a line, where blocks are columns */
#define ROWS       3  /* of a dense table, with several cells */
#define TABLES     50 /* of a page */
#define APART      3  /* heights of a line that may be between two rows */

/* A part of a cell: words of one line. */
struct piece {
	size_t line, word, n;
	double x0, x1, y0, y1;
	size_t row, column;
	bool alone; /* in its row */
};

struct pieces {
	struct piece *items;
	size_t n, rows, columns;
};

/* A block, or what is left of it. */
struct area {
	size_t from, to, lines, words, row;
	double x0, x1, y0, y1;
};

static size_t words_of(const struct pdf_pages *r, const struct pdf_page *g)
{
	size_t n = 0;

	for (size_t k = g->first; k < g->first + g->n; k++)
		n += r->lines[k].n_words;
	return n;
}

static int by_height(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;

	return x->y0 < y->y0 ? -1 : x->y0 > y->y0 ? 1 : (x->word > y->word) - (x->word < y->word);
}

static int by_left(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;

	return x->x0 < y->x0 ? -1 : x->x0 > y->x0;
}

static int by_cell(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;

	if (x->row != y->row)
		return x->row < y->row ? -1 : 1;
	if (x->column != y->column)
		return x->column < y->column ? -1 : 1;
	return (x->word > y->word) - (x->word < y->word);
}

static bool is_beside(double y0, double y1, double other_y1)
{
	return y0 < other_y1 - (y1 - y0) * OVERLAP;
}

/* The words of a line, cut where they stand far apart. */
static void add_line(const struct pdf_pages *r, size_t line, size_t row, struct pieces *to)
{
	const struct pdf_line *l = &r->lines[line];

	for (size_t i = l->word; i < l->word + l->n_words; i++) {
		const struct pdf_word *w = &r->words[i];
		if (i == l->word || w->x0 - r->words[i - 1].x1 > l->size * GAP)
			to->items[to->n++] = (struct piece){.line = line,
				.word = i,
				.x0 = w->x0,
				.x1 = w->x1,
				.y0 = l->y0,
				.y1 = l->y1,
				.row = row};
		struct piece *p = &to->items[to->n - 1];
		p->x1 = MAX(p->x1, w->x1);
		p->n++;
	}
}

static void mark_alone(struct pieces *t)
{
	qsort(t->items, t->n, sizeof(*t->items), by_cell);
	for (size_t i = 0; i < t->n; i++)
		t->items[i].alone = !(i > 0 && t->items[i - 1].row == t->items[i].row) &&
				    !(i + 1 < t->n && t->items[i + 1].row == t->items[i].row);
}

/* From left to right, what overlaps is one. What stands alone in its row may reach over several, and begins in one of them. False:
 * they are too many, or one. */
static bool find_columns(struct pieces *t)
{
	double from[COLUMNS] = {0}, end = 0;

	mark_alone(t);
	qsort(t->items, t->n, sizeof(*t->items), by_left);
	t->columns = 0;
	for (size_t i = 0; i < t->n; i++) {
		struct piece *p = &t->items[i];
		if (p->alone)
			continue;
		if (t->columns == 0 || p->x0 > end) {
			if (t->columns == COLUMNS)
				return false;
			from[t->columns++] = p->x0;
			end = p->x1;
		}
		end = MAX(end, p->x1);
		p->column = t->columns - 1;
	}
	for (size_t i = 0; i < t->n; i++)
		while (t->items[i].alone && t->items[i].column + 1 < t->columns &&
			from[t->items[i].column + 1] <= t->items[i].x0)
			t->items[i].column++;
	return t->columns > 1;
}

/* From the top, what stands side by side is one. */
static void find_rows(struct pieces *t)
{
	double end = 0;

	qsort(t->items, t->n, sizeof(*t->items), by_height);
	t->rows = 0;
	for (size_t i = 0; i < t->n; i++) {
		const struct piece *p = &t->items[i];
		bool next = i == 0 || !is_beside(p->y0, p->y1, end);
		t->rows += next;
		end = next ? p->y1 : MAX(end, p->y1);
		t->items[i].row = t->rows - 1;
	}
}

/* Behind by_cell: how many rows have several cells. A row that has one alone, and not the first, goes on with the one before. */
static size_t join_rows(struct pieces *t)
{
	size_t several = 0, row = 0;

	for (size_t i = 0, k; i < t->n; i = k) {
		bool one = true;
		for (k = i; k < t->n && t->items[k].row == t->items[i].row; k++)
			one &= t->items[k].column == t->items[i].column;
		several += !one;
		row += i > 0 && !(one && t->items[i].column > 0);
		size_t was = t->items[i].row;
		for (size_t j = i; j < k && t->items[j].row == was; j++)
			t->items[j].row = row;
	}
	t->rows = row + 1;
	return several;
}

/* "1.", "(12)", "7:", a dot: what stands in front of items, and of lines of code. */
static bool is_mark(const char *p, size_t n)
{
	size_t digits = 0, letters = 0;

	for (size_t i = 0; i < n; i++) {
		digits += p[i] >= '0' && p[i] <= '9';
		letters += (p[i] | 0x20) >= 'a' && (p[i] | 0x20) <= 'z';
	}
	return n <= 5 && digits <= 3 && letters == 0;
}

/* Marks in front of what they count. */
static bool is_list(const struct pdf_pages *r, const struct pieces *t)
{
	size_t marks = 0, others = 0;

	for (size_t i = 0; i < t->n; i++) {
		const struct piece *p = &t->items[i];
		const struct pdf_word *w = &r->words[p->word];
		if (p->column > 0 || p->alone)
			continue;
		bool mark = p->n == 1 && is_mark(r->text.p + w->at, w->n);
		marks += mark;
		others += !mark;
	}
	return t->columns == 2 && marks > others;
}

/* ---- finding ---- */

static size_t find_areas(const struct pdf_pages *r, const struct pdf_page *g, struct area *ret)
{
	size_t n = 0, end = g->first + g->n;

	for (size_t k = g->first; k < end; k++) {
		const struct pdf_line *l = &r->lines[k];
		if (k == g->first || l->first)
			ret[n++] = (struct area){.from = k};
		struct area *a = &ret[n - 1];
		a->to = k + 1;
		if (l->dropped || l->n_words == 0)
			continue;
		a->x0 = a->lines ? MIN(a->x0, l->x0) : l->x0;
		a->y0 = a->lines ? MIN(a->y0, l->y0) : l->y0;
		a->x1 = MAX(a->x1, l->x1);
		a->y1 = MAX(a->y1, l->y1);
		a->words += l->n_words;
		a->lines++;
	}
	return n;
}

static void take_area(const struct pdf_pages *r, const struct area *a, struct pieces *to)
{
	for (size_t k = a->from; k < a->to; k++)
		if (!r->lines[k].dropped)
			add_line(r, k, a->row, to);
}

/* Lines side by side in one block. */
static bool is_dense(const struct pdf_pages *r, const struct area *a, struct pieces *t)
{
	t->n = 0;
	if (a->lines < ROWS * 2)
		return false;
	take_area(r, a, t);
	find_rows(t);
	size_t rows = t->rows;
	if (!find_columns(t))
		return false;
	qsort(t->items, t->n, sizeof(*t->items), by_cell);
	size_t several = join_rows(t);
	return several >= ROWS && several * 2 >= rows && !is_list(r, t);
}

static int by_top(const void *a, const void *b)
{
	const struct area *x = *(struct area *const *)a, *y = *(struct area *const *)b;

	return x->y0 < y->y0 ? -1 : x->y0 > y->y0 ? 1 : (x->from > y->from) - (x->from < y->from);
}

/* How many of the areas, from the top, stand side by side with the first: a row, if each is small. */
static size_t row_of(struct area *const *a, size_t n)
{
	size_t k = 1;
	double end = a[0]->y1;

	for (; k < n && is_beside(a[k]->y0, a[k]->y1, end); k++)
		end = MAX(end, a[k]->y1);
	return k;
}

/* Whether they say little, and each has a column for itself. */
static bool is_sparse(const struct pdf_pages *r, struct area *const *a, size_t n, size_t rows, struct pieces *t)
{
	size_t words = 0;

	t->n = 0;
	for (size_t i = 0; i < n; i++) {
		words += a[i]->words;
		take_area(r, a[i], t);
	}
	t->rows = rows;
	if (rows < 2 || words > n * CELL_WORDS || !find_columns(t) || t->columns < 3)
		return false;
	qsort(t->items, t->n, sizeof(*t->items), by_cell);
	/* Two blocks of a row in one column: it is none. */
	for (size_t i = 1; i < t->n; i++) {
		const struct piece *x = &t->items[i - 1], *y = &t->items[i];
		size_t k = x->line + 1;
		while (k <= y->line && !r->lines[k].first)
			k++;
		if (x->row == y->row && x->column == y->column && k <= y->line)
			return false;
	}
	return true;
}

/* Blocks side by side that are a column each, and whose lines stand side by side and say little. */
static bool is_grid(const struct pdf_pages *r, struct area *const *a, size_t n, struct pieces *t)
{
	size_t words = 0, lines = 0;

	t->n = 0;
	for (size_t i = 0; i < n; i++) {
		words += a[i]->words;
		lines += a[i]->lines;
	}
	if (n < 3 || n > COLUMNS || words > lines * LINE_WORDS)
		return false;
	for (size_t i = 0; i < n; i++)
		take_area(r, a[i], t);
	find_rows(t);
	size_t rows = t->rows;
	if (!find_columns(t) || t->columns != n)
		return false;
	qsort(t->items, t->n, sizeof(*t->items), by_cell);
	size_t several = join_rows(t);
	return several >= ROWS && several * 5 >= rows * 4;
}

/* Of rows of cells from the top of `a` on: how many areas they are, and in how many rows. */
static size_t rows_of(struct area *const *a, size_t n, double width, size_t *ret_rows)
{
	size_t taken = 0;
	double end = 0;

	*ret_rows = 0;
	while (taken < n) {
		size_t k = row_of(a + taken, n - taken), least = *ret_rows ? 2 : 3;
		bool cells = k >= least && k <= COLUMNS;
		double line = (a[taken]->y1 - a[taken]->y0) / (double)a[taken]->lines;
		for (size_t i = taken; cells && i < taken + k; i++)
			cells = a[i]->lines <= CELL_LINES && a[i]->x1 - a[i]->x0 < width / 2;
		if (!cells || (*ret_rows && a[taken]->y0 - end > line * APART))
			break;
		for (size_t i = taken; i < taken + k; i++) {
			a[i]->row = *ret_rows;
			end = MAX(end, a[i]->y1);
		}
		++*ret_rows;
		taken += k;
	}
	return taken;
}

/* Its lines with their rows. */
static void note(struct pdf_pages *r, const struct pieces *t, size_t table)
{
	for (size_t i = 0; i < t->n; i++) {
		r->lines[t->items[i].line].table = table;
		r->lines[t->items[i].line].row = t->items[i].row;
	}
}

void pdf_find_tables(struct pdf_pages *r, const struct pdf_page *g)
{
	struct area *areas = xcalloc(g->n + 1, sizeof(*areas)), **loose = xcalloc(g->n + 1, sizeof(void *));
	struct pieces t = {.items = xcalloc(words_of(r, g) + 1, sizeof(*t.items))};
	size_t n = find_areas(r, g, areas), n_loose = 0, tables = 0, rows;

	for (size_t i = 0; i < n; i++) {
		if (tables < TABLES && is_dense(r, &areas[i], &t))
			note(r, &t, ++tables);
		else if (areas[i].lines > 0)
			loose[n_loose++] = &areas[i];
	}
	qsort(loose, n_loose, sizeof(void *), by_top);
	for (size_t i = 0, k; i < n_loose && tables < TABLES; i += k) {
		k = rows_of(loose + i, n_loose - i, g->width, &rows);
		bool table = k > 0 && is_sparse(r, loose + i, k, rows, &t);
		if (!table) {
			k = row_of(loose + i, n_loose - i);
			table = is_grid(r, loose + i, k, &t);
		}
		if (table)
			note(r, &t, ++tables);
	}
	free(t.items);
	free(loose);
	free(areas);
}

/* ---- writing ---- */

static void write_word(struct doc *d, const char *p, size_t n)
{
	for (size_t at = 0, end; at < n; at = end) {
		const char *bar = memchr(p + at, '|', n - at);
		end = bar ? (size_t)(bar - p) + 1 : n;
		doc_text(d, p + at, end - at - (bar != NULL));
		if (bar)
			doc_str(d, "\\|");
	}
}

static void write_piece(struct doc *d, const struct pdf_pages *r, const struct piece *p)
{
	for (size_t i = p->word; i < p->word + p->n; i++) {
		const struct pdf_word *w = &r->words[i];

		doc_str(d, " ");
		size_t before = doc_mark(d);
		write_word(d, r->text.p + w->at, w->n);
		size_t after = doc_mark(d);
		doc_box(d, MAX(before, d->start), after, w->x0, w->y0, w->x1, w->y1);
	}
}

void pdf_write_table(struct doc *d, const struct pdf_pages *r, const struct pdf_page *g, size_t table)
{
	struct pieces t = {.items = xcalloc(words_of(r, g) + 1, sizeof(*t.items))};
	size_t i = 0;

	for (size_t k = g->first; k < g->first + g->n; k++)
		if (r->lines[k].table == table)
			add_line(r, k, r->lines[k].row, &t);
	(void)!find_columns(&t);
	qsort(t.items, t.n, sizeof(*t.items), by_cell);
	doc_table(d);
	while (i < t.n && !doc_failed(d)) {
		size_t row = t.items[i].row;
		doc_str(d, "|");
		for (size_t column = 0; column < t.columns; column++) {
			for (; i < t.n && t.items[i].row == row && t.items[i].column == column; i++)
				write_piece(d, r, &t.items[i]);
			doc_str(d, " |");
		}
		doc_row_end(d, t.columns);
	}
	doc_end(d);
	free(t.items);
}
