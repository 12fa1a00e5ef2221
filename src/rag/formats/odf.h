/* odf.h - OpenDocument. */
#pragma once

#include "rag/formats/sax.h"

struct odf {
	struct doc *d;
	struct buf texts[8]; /* of paragraphs within paragraphs: notes, frames */
	int open, skip, lists, level, tables;
	bool heading, note, notes_page, in_cell, hidden;
	struct buf cell;
	char value[64]; /* of a cell, where the number itself counts */
	int columns_repeat, rows_repeat, sheets, pages, hidden_sheets;
	bool spreadsheet;
	char hidden_styles[64][64]; /* of tables that are not shown */
	int n_hidden_styles;
	char style[64];
};

void odf_begin(struct odf *o, struct doc *d);
void odf_done(struct odf *o);
extern const struct sax_handler odf_handler; /* its argument is the struct odf */
