/* xlsx.h - between the files that read Excel: the book, and what is being read of it. */
#pragma once

#include "rag/formats/office.h"

#define XLSX_ACTIVE_MAX 500 /* merged cells that reach into one row */
#define XLSX_HIDDEN_MAX 256 /* ranges of hidden columns */

enum xlsx_shown {
	AS_NUMBER,
	AS_DATE,
	AS_TIME,
	AS_MINUTES, /* that go on beyond an hour */
	AS_PERCENT,
	AS_PADDED, /* and from here on: with zeros in front, so many digits more than this */
	AS_PADDED_MAX = AS_PADDED + 20
};

struct xlsx_sheet {
	char name[128], id[64];
	bool hidden;
};

/* What stands around a number is its unit; how its thousands are told apart depends on who looks, and stands in no file. */
struct xlsx_unit {
	char before[16], after[16];
	int decimals;  /* at least so many; no figure that is there is left out */
	int thousands; /* so many times a thousandth is shown */
};

struct xlsx_format {
	int id;
	enum xlsx_shown shown;
	struct xlsx_unit unit;
};

struct xlsx_style {
	unsigned char shown;
	const struct xlsx_unit *unit; /* NULL: none */
};

struct xlsx_range {
	int row, row_end, column, column_end; /* the last ones belong to it */
};

/* Cells that are shown as one; its value stands in the first. */
struct xlsx_merge {
	struct xlsx_range at;
	char *text; /* NULL: none so far */
	size_t n;
	bool amount; /* a number, which is no label */
};

struct xlsx_book {
	struct doc *d;
	struct xlsx_sheet *sheets;
	size_t n_sheets;
	bool date1904;
	struct buf strings; /* shared ones, one after the other */
	size_t *at;         /* where each begins; one more at the end */
	size_t n_strings, at_cap;
	struct xlsx_format *formats; /* of numbers, with a code of their own */
	size_t n_formats;
	struct xlsx_style *styles; /* how the cells of each are shown */
	size_t n_styles;
	bool in_styles, in_text;
	int skip; /* in phonetic guides */
	/* the present cell */
	char type[16];
	int style, row, column, next_column;
	struct buf value, formula, shown; /* `shown`: as people see it */
	bool amount;
	/* the present sheet */
	struct xlsx_merge *merges; /* by their first rows */
	size_t n_merges, merges_cap, next_merge;
	struct xlsx_merge *active[XLSX_ACTIVE_MAX], *title; /* of the present row; `title`: all that it has so far */
	size_t n_active;
	struct xlsx_range hidden[XLSX_HIDDEN_MAX]; /* columns */
	size_t n_hidden;
	int width; /* the last column in which there is a value */
	int own;   /* cells of the present row with a value */
	int hidden_rows, hidden_columns;
	bool row_hidden;
	enum { NOWHERE, IN_VALUE, IN_FORMULA, IN_INLINE } where;
};

/* xlsx.c: the present cell's value as `shown`. */
void xlsx_show_cell(struct xlsx_book *b);
/* xlsx_sheet.c: a sheet, counted from 1, as a place with its table. */
void xlsx_read_sheet(struct xlsx_book *b, struct zip_reader *z, const struct zip_relation *all, int number);
