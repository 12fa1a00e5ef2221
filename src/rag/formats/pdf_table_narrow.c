/*
 * pdf_table_narrow.c - tables whose cells stand so near to each other that a line is one piece: gaps hardly wider than a blank, which are at
 * the same place in several rows below each other, and cells that begin, end, or are in the middle where those above do.
 */
#include <math.h>

#include "rag/formats/pdf_table.h"

#define LEAST   0.28 /* of the height of a word: a gap between cells */
#define PIECES  600  /* that are compared with each other */
#define WIDER   1.12 /* than a blank are those of lines that look like text */
#define ROWS    4
#define GAPS    2    /* and so many gaps in each, so that they are no text by chance */
#define APART   2    /* heights of a line between two rows */
#define EDGE    0.75 /* points by which cells of a column may differ */
#define ALIGNED 0.6  /* share of the cells that do not */

/* Where no word stands, from left to right; the first one has no beginning, the last one no end. */
struct gaps {
	struct {
		double x0, x1;
	} items[PDF_COLUMNS + 2];
	size_t n;
};

static void add_gap(struct gaps *to, double x0, double x1, double least)
{
	if (x1 - x0 >= least && to->n < N_ELEMENTS(to->items)) {
		to->items[to->n].x0 = x0;
		to->items[to->n++].x1 = x1;
	}
}

/* Words of a row stand from left to right. */
static void gaps_of(const struct piece *p, size_t n, double least, struct gaps *ret)
{
	double end = -1e9;

	ret->n = 0;
	for (size_t i = 0; i < n; i++) {
		add_gap(ret, end, p[i].x0, least);
		end = MAX(end, p[i].x1);
	}
	add_gap(ret, end, 1e9, least);
}

static void common(const struct gaps *a, const struct gaps *b, double least, struct gaps *ret)
{
	ret->n = 0;
	for (size_t i = 0, k = 0; i < a->n && k < b->n;) {
		add_gap(ret, MAX(a->items[i].x0, b->items[k].x0), MIN(a->items[i].x1, b->items[k].x1), least);
		if (a->items[i].x1 < b->items[k].x1)
			i++;
		else
			k++;
	}
}

static size_t column_of(const struct gaps *g, const struct piece *p)
{
	size_t k = 0;

	while (k + 2 < g->n && p->x0 >= g->items[k + 1].x0)
		k++;
	return k;
}

/* The words of rows as cells: those of one line between two gaps are a piece. */
static size_t join_words(const struct piece *words, size_t n, const struct gaps *g, struct piece *to)
{
	size_t m = 0;

	for (size_t i = 0; i < n; i++) {
		struct piece p = words[i];
		p.column = column_of(g, &p);
		struct piece *before = m > 0 ? &to[m - 1] : NULL;
		if (before && before->row == p.row && before->column == p.column && before->line == p.line &&
			before->word + before->n == p.word) {
			before->n += p.n;
			before->x1 = MAX(before->x1, p.x1);
		} else {
			to[m++] = p;
		}
	}
	return m;
}

static double edge_of(const struct piece *p, int which)
{
	return which == 0 ? p->x0 : which == 1 ? p->x1 : (p->x0 + p->x1) / 2;
}

/* Most cells of each column begin, or end, or have their middle at one place. */
static bool is_aligned(const struct piece *p, size_t n, size_t columns)
{
	size_t cells[PDF_COLUMNS] = {0}, best[PDF_COLUMNS] = {0};

	if (n > PIECES)
		return false;
	for (size_t i = 0; i < n; i++) {
		size_t same[3] = {0};
		cells[p[i].column]++;
		for (size_t k = 0; k < n; k++)
			for (int which = 0; which < 3 && p[k].column == p[i].column; which++)
				same[which] += fabs(edge_of(&p[k], which) - edge_of(&p[i], which)) <
					       EDGE * (which == 2 ? 0.5 : 1);
		best[p[i].column] = MAX(best[p[i].column], MAX(same[0], MAX(same[1], same[2])));
	}
	for (size_t k = 0; k < columns; k++)
		if (cells[k] < 2 || (double)best[k] < (double)cells[k] * ALIGNED)
			return false;
	return true;
}

static size_t row_end(const struct pieces *t, size_t i)
{
	size_t k = i;

	while (k < t->n && t->items[k].row == t->items[i].row)
		k++;
	return k;
}

static size_t columns_in(const struct pieces *t, size_t from, size_t to, const struct gaps *g)
{
	size_t columns = 0, last = SIZE_MAX;

	for (size_t i = from; i < to; i++) {
		size_t k = column_of(g, &t->items[i]);
		columns += k != last;
		last = k;
	}
	return columns;
}

size_t pdf_narrow_rows(const struct pieces *words, size_t i, struct piece *to, size_t *ret_n)
{
	struct gaps now = {.n = 0}, row, both;
	size_t end = i, rows = 0;

	for (size_t k = i, next; k < words->n; k = next) {
		const struct piece *p = &words->items[k];
		double height = p->y1 - p->y0, least = height * (p->prose ? MAX(LEAST, words->blank * WIDER) : LEAST);
		next = row_end(words, k);
		gaps_of(p, next - k, least, &row);
		if (k == i)
			both = row;
		else
			common(&now, &row, least, &both);
		if (both.n < GAPS + 2 || (k > i && p->y0 - p[-1].y1 > height * APART))
			break;
		now = both;
		if (columns_in(words, k, next, &now) < 2) {
			if (k == i)
				return i;
			continue;
		}
		end = next;
		rows++;
	}
	if (rows < ROWS || now.n < GAPS + 2 || now.n - 1 > PDF_COLUMNS)
		return i;
	*ret_n = join_words(words->items + i, end - i, &now, to);
	return is_aligned(to, *ret_n, now.n - 1) ? end : i;
}
