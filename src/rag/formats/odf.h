/* odf.h - OpenDocument. */
#pragma once

#include "rag/formats/sax.h"

#define ODF_COVERED 256 /* columns */

struct odf {
	struct doc *d;
	struct buf texts[8]; /* of paragraphs within paragraphs: notes, frames */
	int open, skip, lists, level, tables;
	bool heading, note, notes_page, in_cell, hidden;
	struct buf cell;
	char value[64]; /* of a cell, where the number itself counts */
	struct {
		char *text; /* of a cell that goes across or down, as what it covers says, too */
		size_t n;
		int rows; /* from the present one on */
	} covered[ODF_COVERED];
	int column, own, across, down; /* of the present cell, or row: cells with text, how far they go */
	int columns_span, rows_span;   /* of the present cell */
	bool is_covered;
	int held; /* empty cells of the row, until one with text follows */
	int columns_repeat, rows_repeat, sheets, pages, hidden_sheets;
	bool spreadsheet;
	char hidden_styles[64][64]; /* of tables that are not shown */
	int n_hidden_styles;
	char style[64];
	struct {
		char name[64];
		int level;
	} headings[64]; /* styles of the document's own that are made from one of headings */
	int n_headings;
};

void odf_begin(struct odf *o, struct doc *d);
void odf_done(struct odf *o);
extern const struct sax_handler odf_handler; /* its argument is the struct odf */
