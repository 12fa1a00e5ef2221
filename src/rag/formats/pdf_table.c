/* pdf_table.c - tables of a page, by where words stand: what stands at one height is a row, rows that follow each other with cells
 * apart may be a table, and columns are what stands below each other. Poppler's blocks do not count: it makes one of a table, of each
 * column, or of each cell. Much else stands so, too: pdf_table_kind.c tells it. */
#include "rag/formats/pdf_table.h"

#define GAP          0.85 /* of the size of its letters: words farther apart than that are two cells */
#define PROSE_LINES  4    /* of a block that is text, with */
#define PROSE_WORDS  5    /* words in each, in the mean */
#define COLUMN_LINES 2    /* the same of a column of text */
#define COLUMN_WORDS 3
#define CELL_WORDS   4    /* a column whose pieces say more in the mean is text */
#define LINE_WORDS   7    /* what stands alone at its height and says more is no cell */
#define ALONE        2    /* rows with one cell may follow each other */
#define APART        3    /* heights of a line that may be between two rows */
#define PIECES       4000 /* of a table */
#define TABLES       50   /* of a page */
#define FILLED       0.72 /* share of the cells of a narrow one that say something */
#define FULL         0.9  /* the same where its lines look like text */
#define BRIEF        3    /* words of a cell */
#define WORDS        5000 /* of a page that are looked at for narrow ones */
_Static_assert(TABLES < 8 * sizeof(size_t), "which of them are written are bits of a number");

struct pdf_tables {
	struct pieces all, tables[TABLES]; /* these are parts of it, or of */
	struct piece *narrow;              /* cells that were found by the gaps between them */
	size_t n;
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

static int by_row(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;

	if (x->row != y->row)
		return x->row < y->row ? -1 : 1;
	return x->x0 < y->x0 ? -1 : x->x0 > y->x0 ? 1 : (x->word > y->word) - (x->word < y->word);
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

/* The words of a line, cut where they stand far apart. */
static void add_line(const struct pdf_pages *r, size_t line, struct pieces *to)
{
	const struct pdf_line *l = &r->lines[line];

	for (size_t i = l->word; i < l->word + l->n_words; i++) {
		const struct pdf_word *w = &r->words[i];
		if (i == l->word || w->x0 - r->words[i - 1].x1 > l->size * GAP)
			to->items[to->n++] = (struct piece){
				.line = line, .word = i, .x0 = w->x0, .x1 = w->x1, .y0 = l->y0, .y1 = l->y1};
		struct piece *p = &to->items[to->n - 1];
		p->x1 = MAX(p->x1, w->x1);
		p->n++;
	}
}

/* What begins above the middle of the highest piece is in its row. */
static void find_rows(struct pieces *t)
{
	double end = 0;

	qsort(t->items, t->n, sizeof(*t->items), by_height);
	t->rows = 0;
	for (size_t i = 0; i < t->n; i++) {
		const struct piece *p = &t->items[i];
		if (i == 0 || (p->y0 + p->y1) / 2 >= end) {
			t->rows++;
			end = p->y1;
		}
		t->items[i].row = t->rows - 1;
	}
	qsort(t->items, t->n, sizeof(*t->items), by_row);
}

/* Behind by_row: where the row of `i` ends. */
static size_t row_end(const struct pieces *t, size_t i)
{
	size_t k = i;

	while (k < t->n && t->items[k].row == t->items[i].row)
		k++;
	return k;
}

/* A piece is wide where two of one row stand below or above it. */
static void mark_wide(struct pieces *t)
{
	for (size_t i = 0; i < t->n; i++) {
		struct piece *p = &t->items[i];
		size_t met = 0;
		p->wide = false;
		for (size_t k = 0; k < t->n && !p->wide; k++) {
			const struct piece *o = &t->items[k];
			met = k > 0 && o->row == o[-1].row ? met : 0;
			met += o->row != p->row && o->x0 < p->x1 && o->x1 > p->x0;
			p->wide = met > 1;
		}
	}
}

/* From left to right, what overlaps is one. What is wide begins in one of them. False: they are too many, or one. */
static bool find_columns(struct pieces *t)
{
	double from[PDF_COLUMNS] = {0}, end = 0;

	mark_wide(t);
	qsort(t->items, t->n, sizeof(*t->items), by_left);
	t->columns = 0;
	for (size_t i = 0; i < t->n; i++) {
		struct piece *p = &t->items[i];
		if (p->wide)
			continue;
		if (t->columns == 0 || p->x0 > end) {
			if (t->columns == PDF_COLUMNS)
				return false;
			from[t->columns++] = p->x0;
			end = p->x1;
		}
		end = MAX(end, p->x1);
		p->column = t->columns - 1;
	}
	for (size_t i = 0; i < t->n; i++) {
		struct piece *p = &t->items[i];
		for (p->column = p->wide ? 0 : p->column; p->wide && p->column + 1 < t->columns;)
			if (from[p->column + 1] <= p->x0 + (p->y1 - p->y0))
				p->column++;
			else
				break;
	}
	return t->columns > 1;
}

/* Behind by_cell: how many rows have several cells. A row that has one alone, and not the first, goes on with the one before. */
static size_t join_rows(struct pieces *t)
{
	size_t several = 0, row = 0, least = MAX(2, t->columns / 3);

	for (size_t i = 0, k; i < t->n; i = k) {
		size_t cells = 1, was = t->items[i].row;
		for (k = i + 1; k < t->n && t->items[k].row == was; k++)
			cells += t->items[k].column != t->items[k - 1].column;
		several += cells >= least;
		row += i > 0 && !(cells == 1 && t->items[i].column > 0);
		for (size_t j = i; j < k; j++)
			t->items[j].row = row;
	}
	t->rows = row + 1;
	qsort(t->items, t->n, sizeof(*t->items), by_cell);
	return several;
}

struct shape {
	size_t full;     /* columns with a cell in every fourth row at least */
	size_t texts;    /* of those that say much */
	bool text_first; /* the first one does */
	size_t cells, wide;
};

/* Behind join_rows. */
static struct shape shape_of(const struct pieces *t)
{
	size_t words[PDF_COLUMNS] = {0}, pieces[PDF_COLUMNS] = {0}, cells[PDF_COLUMNS] = {0};
	struct shape s = {0};

	for (size_t i = 0; i < t->n; i++) {
		const struct piece *p = &t->items[i];
		bool next = i == 0 || p->row != p[-1].row || p->column != p[-1].column;
		cells[p->column] += next;
		s.cells += next;
		s.wide += p->wide;
		words[p->column] += p->wide ? 0 : p->n;
		pieces[p->column] += !p->wide;
	}
	for (size_t k = 0; k < t->columns; k++) {
		bool full = cells[k] * 4 >= t->rows, text = words[k] > pieces[k] * CELL_WORDS;
		s.full += full;
		s.texts += full && text;
		s.text_first |= k == 0 && text;
	}
	return s;
}

static bool is_table(const struct pdf_pages *r, struct pieces *t)
{
	size_t rows = t->items[t->n - 1].row - t->items[0].row + 1;

	if (t->n > PIECES || !find_columns(t))
		return false;
	qsort(t->items, t->n, sizeof(*t->items), by_cell);
	double skewed = pdf_skewed(r, t);
	size_t several = join_rows(t);
	struct shape s = shape_of(t);
	if (several < PDF_ROWS || several * 2 < rows || s.wide * 3 > t->n || s.cells * 5 < t->rows * t->columns * 2)
		return false;
	if ((t->listing = pdf_is_listing(r, t)))
		return true;
	if (s.full < 2 || s.texts * 2 > s.full || pdf_is_other(r, t, skewed))
		return false;
	return s.full > 2 || (!s.text_first && several * 3 >= rows * 2 && !pdf_is_pairs(r, t));
}

/* Where rows end that may be a table with the one that begins at `i`; `i`: it does not begin one. */
static size_t table_end(const struct pdf_pages *r, const struct pieces *t, size_t i)
{
	size_t end = i, alone = 0;

	for (size_t k = i, next; k < t->n; k = next) {
		const struct piece *p = &t->items[k];
		next = row_end(t, k);
		bool several = next - k > 1;
		if (k > i && p->y0 - p[-1].y1 > (p[-1].y1 - p[-1].y0) * APART)
			break;
		if (pdf_is_section(r, t, k))
			break;
		alone = several ? 0 : alone + 1;
		if (alone > ALONE || (!several && (k == i || p->n > LINE_WORDS)))
			break;
		if (several)
			end = next;
	}
	return end;
}

/* Words of a line; of a script without blanks, two signs are one. */
static size_t words_in(const struct pdf_pages *r, const struct pdf_line *l)
{
	size_t wide = 0;

	for (size_t i = 0; i < l->n; i++)
		wide += (unsigned char)r->text.p[l->at + i] >= 0xE3 && (unsigned char)r->text.p[l->at + i] < 0xEB;
	return MAX(l->n_words, wide / 2);
}

/* As the middle of a sentence does, or what knows no capitals. */
static bool begins_small(const struct pdf_pages *r, const struct pdf_line *l)
{
	const char *p = r->text.p + l->at;

	return l->n > 0 && ((p[0] >= 'a' && p[0] <= 'z') || (unsigned char)p[0] >= 0xD0);
}

/* Lines of a block below each other, and each of many words: whatever stands beside it, it is text. In columns of text fewer are enough, when
 * lines begin within sentences. */
static bool is_prose(const struct pdf_pages *r, size_t from, size_t to)
{
	size_t lines = 0, words = 0, small = 0;
	bool column = true;
	double before = 0, high = 0;

	for (size_t k = from; k < to; k++) {
		const struct pdf_line *l = &r->lines[k];
		if (l->dropped || l->n_words == 0)
			continue;
		double middle = (l->y0 + l->y1) / 2, height = l->y1 - l->y0;
		if (lines > 0 && middle - before < MIN(height, high) / 2)
			return false; /* beside it; a hyphen of another font makes a line higher */
		before = middle;
		high = height;
		lines++;
		words += words_in(r, l);
		small += begins_small(r, l);
		column &= l->column;
	}
	return (lines >= PROSE_LINES && words >= lines * PROSE_WORDS) ||
	       (column && lines >= COLUMN_LINES && words >= lines * (small * 4 >= lines ? COLUMN_WORDS : PROSE_WORDS));
}

static void take_words(const struct pdf_pages *r, size_t line, bool prose, struct pieces *to)
{
	const struct pdf_line *l = &r->lines[line];

	for (size_t i = l->word; i < l->word + l->n_words; i++) {
		const struct pdf_word *w = &r->words[i];
		to->items[to->n++] = (struct piece){.line = line,
			.word = i,
			.n = 1,
			.prose = prose,
			.x0 = w->x0,
			.x1 = w->x1,
			.y0 = l->y0,
			.y1 = l->y1};
	}
}

/* What may be of a table, and is in none yet: pieces of lines, or their words. */
static void take_page(const struct pdf_pages *r, const struct pdf_page *g, bool as_words, struct pieces *to)
{
	for (size_t k = g->first, next, end = g->first + g->n; k < end; k = next) {
		for (next = k + 1; next < end && !r->lines[next].first;)
			next++;
		bool prose = is_prose(r, k, next);
		for (size_t i = prose && !as_words ? next : k; i < next; i++) {
			if (r->lines[i].dropped || r->lines[i].table)
				continue;
			if (as_words)
				take_words(r, i, prose, to);
			else
				add_line(r, i, to);
		}
	}
}

static void keep_table(struct pdf_pages *r, struct pdf_tables *ts, const struct pieces *t)
{
	ASSERT(t->columns <= PDF_COLUMNS && t->rows > 0);
	ts->tables[ts->n++] = *t;
	for (size_t k = 0; k < t->n; k++)
		r->lines[t->items[k].line].table = ts->n;
}

/* The share of cells that say something, in the order of cells. */
static double filled(const struct pieces *t)
{
	size_t cells = 0;

	for (size_t i = 0; i < t->n; i++)
		cells += i == 0 || t->items[i].row != t->items[i - 1].row ||
			 t->items[i].column != t->items[i - 1].column;
	return (double)cells / (double)(t->rows * t->columns);
}

static int by_number(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* How wide most blanks of a page are, by the height of their line. */
static double usual_blank(const struct pdf_pages *r, const struct pdf_page *g)
{
	CLEANUP(freep) double *blanks = xcalloc(words_of(r, g) + 1, sizeof(*blanks));
	size_t n = 0;

	for (size_t k = g->first; k < g->first + g->n; k++) {
		const struct pdf_line *l = &r->lines[k];
		for (size_t i = l->word + 1; i < l->word + l->n_words && l->y1 > l->y0; i++) {
			double blank = (r->words[i].x0 - r->words[i - 1].x1) / (l->y1 - l->y0);
			if (blank > 0 && blank < GAP)
				blanks[n++] = blank;
		}
	}
	if (n > 0)
		qsort(blanks, n, sizeof(*blanks), by_number);
	return n > 0 ? blanks[n / 2] : GAP;
}

/* Lines that look like text are cells where each says little. */
static bool is_text(const struct pieces *t)
{
	size_t words[PDF_COLUMNS] = {0}, pieces[PDF_COLUMNS] = {0};
	bool prose = false, much = false;

	for (size_t i = 0; i < t->n; i++) {
		prose |= t->items[i].prose;
		words[t->items[i].column] += t->items[i].n;
		pieces[t->items[i].column]++;
	}
	for (size_t k = 0; k < t->columns; k++)
		much |= words[k] > pieces[k] * BRIEF;
	return prose && (much || filled(t) < FULL);
}

/* Of the lines that are in no table yet. */
static void find_narrow(struct pdf_pages *r, const struct pdf_page *g, struct pdf_tables *ts)
{
	struct pieces words = {.items = xcalloc(words_of(r, g) + 1, sizeof(*words.items)), .blank = usual_blank(r, g)};
	size_t used = 0, n;

	ts->narrow = xcalloc(words_of(r, g) + 1, sizeof(*ts->narrow));
	take_page(r, g, true, &words);
	if (words.n <= WORDS) {
		find_rows(&words);
		for (size_t i = 0, end; i < words.n && ts->n < TABLES; i = MAX(end, row_end(&words, i))) {
			struct pieces t = {.items = ts->narrow + used};
			end = pdf_narrow_rows(&words, i, t.items, &n);
			t.n = n;
			if (end == i)
				continue;
			size_t next = used + n;
			if (!is_table(r, &t) || t.listing || pdf_is_run(r, &t) || filled(&t) < FILLED || is_text(&t)) {
				end = i;
				continue;
			}
			used = next;
			keep_table(r, ts, &t);
		}
	}
	free(words.items);
}

struct pdf_tables *pdf_find_tables(struct pdf_pages *r, const struct pdf_page *g)
{
	struct pdf_tables *ts = xcalloc(1, sizeof(*ts));
	struct pieces *all = &ts->all;

	all->items = xcalloc(words_of(r, g) + 1, sizeof(*all->items));
	take_page(r, g, false, all);
	ASSERT(all->n <= words_of(r, g)); /* each has a word at least */
	find_rows(all);
	for (size_t i = 0, end; i < all->n && ts->n < TABLES; i = MAX(end, row_end(all, i))) {
		end = table_end(r, all, i);
		struct pieces t = {.items = all->items + i, .n = end - i};
		if (end == i || !is_table(r, &t))
			continue;
		if (t.listing)
			find_rows(&t); /* those that were joined are lines of their own */
		keep_table(r, ts, &t);
	}
	find_narrow(r, g, ts);
	return ts;
}

void pdf_tables_free(struct pdf_tables *ts)
{
	free(ts->all.items);
	free(ts->narrow);
	free(ts);
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

static void write_piece(struct doc *d, struct pdf_pages *r, const struct piece *p, bool cell)
{
	if (r->lines[p->line].turned)
		pdf_turn_words(r, &r->lines[p->line], p->word, p->n);
	for (size_t i = p->word; i < p->word + p->n; i++) {
		const struct pdf_word *w = &r->words[i];

		doc_str(d, cell || i > p->word ? " " : "");
		size_t before = doc_mark(d);
		if (cell)
			write_word(d, r->text.p + w->at, w->n);
		else
			doc_text(d, r->text.p + w->at, w->n);
		size_t after = doc_mark(d);
		doc_box(d, MAX(before, d->start), after, w->x0, w->y0, w->x1, w->y1);
	}
}

#define INDENT 40 /* blanks at most */

/* A row is a line, set in as far as it was; its number stands in front. */
static void write_listing(struct doc *d, struct pdf_pages *r, const struct pieces *t)
{
	double left = 1e9;

	for (size_t i = 1; i < t->n; i++)
		left = t->items[i].row == t->items[i - 1].row ? MIN(left, t->items[i].x0) : left;
	doc_begin(d, EXTRACT_CODE, 0);
	for (size_t i = 0; i < t->n && !doc_failed(d); i++) {
		const struct piece *p = &t->items[i];
		bool next = i > 0 && p->row != p[-1].row, second = i > 0 && !next && (i == 1 || p[-2].row != p->row);
		double blanks = second ? (p->x0 - left) / (r->lines[p->line].size / 2 + 1) : 0;
		doc_str(d, i == 0 ? "" : next ? "\n" : " ");
		for (int k = 0; k < (int)MIN(blanks, INDENT); k++)
			doc_str(d, " ");
		write_piece(d, r, p, false);
	}
	doc_end(d);
}

void pdf_write_table(struct doc *d, struct pdf_pages *r, const struct pdf_tables *ts, size_t table)
{
	const struct pieces *t = &ts->tables[table - 1];
	size_t i = 0;

	ASSERT(table > 0 && table <= ts->n);
	if (t->listing) {
		write_listing(d, r, t);
		return;
	}
	doc_table(d);
	while (i < t->n && !doc_failed(d)) {
		size_t row = t->items[i].row;
		doc_str(d, "|");
		for (size_t column = 0; column < t->columns; column++) {
			for (; i < t->n && t->items[i].row == row && t->items[i].column == column; i++)
				write_piece(d, r, &t->items[i], true);
			doc_str(d, " |");
		}
		doc_row_end(d, t->columns);
	}
	ASSERT(i == t->n || doc_failed(d)); /* each piece is in a cell, by their order */
	doc_end(d);
}
