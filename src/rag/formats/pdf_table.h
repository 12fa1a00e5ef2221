/* pdf_table.h - between the files that find tables of PDF. */
#pragma once

#include "rag/formats/pdf.h"

#define PDF_COLUMNS 40
#define PDF_ROWS    3 /* with several cells */

/* A part of a cell: words of one line. */
struct piece {
	size_t line, word, n;
	double x0, x1, y0, y1;
	size_t row, column;
	bool wide;  /* it reaches over several columns */
	bool prose; /* its line may be text */
};

struct pieces {
	struct piece *items;
	size_t n, rows, columns;
	bool listing; /* lines with numbers, not a table */
	double blank; /* how wide most of its page are, by the height of their line */
};

/* pdf_table_narrow.c: `words` are those of a page that are in no table, each a piece, by rows. From the row that begins at `i`: cells that
 * gaps part which are hardly wider than blanks, into `to`; where its last row ends is returned, `i` when there are none. */
size_t pdf_narrow_rows(const struct pieces *words, size_t i, struct piece *to, size_t *ret_n);
/* pdf_table_kind.c: what stands in rows and columns and is no table. The pieces are in the order of their cells. */
bool pdf_is_other(const struct pdf_pages *r, const struct pieces *t, double skewed);
/* Lines that are counted, as of code; of what is one, rows above the first number and below the last are cut off. */
bool pdf_is_listing(const struct pdf_pages *r, struct pieces *t);
/* What stands so in two columns, and would be a table with more. */
bool pdf_is_pairs(const struct pdf_pages *r, const struct pieces *t);
/* What has narrow gaps below each other, and is none: items with marks, listings. */
bool pdf_is_run(const struct pdf_pages *r, const struct pieces *t);
/* The share of rows in which words stand higher than others, as in formulas: before what goes on below is joined to its row. */
double pdf_skewed(const struct pdf_pages *r, const struct pieces *t);
/* The row that begins at `i` is a heading with a number, "2.1 Of boats", and no row of what stands around it. */
bool pdf_is_section(const struct pdf_pages *r, const struct pieces *t, size_t i);
