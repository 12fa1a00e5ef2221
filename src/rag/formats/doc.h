/*
 * doc.h - what a reader of one format writes: blocks of text, one after the other, within places. It is put into canonical form
 * and sent on as it comes. One thread, in the process in the sandbox.
 *
 * Every function may be called after a failure, and then does nothing; readers look at doc_failed() where they would else go on
 * for long.
 */
#pragma once

#include "rag/extract_priv.h"

struct doc {
	int fd;                         /* lines go there; -1: nowhere (fuzz targets) */
	size_t text_max, n;             /* bytes of text */
	struct buf out;                 /* lines that are not yet written */
	struct buf pending;             /* text of the present block, not in canonical form */
	struct buf piece;               /* canonical text that is not yet sent */
	struct buf clean;               /* for canonical form */
	struct buf boxes;               /* of the present block: JSON arrays */
	bool open, begun;               /* a block; some of its text has been taken */
	enum extract_kind kind, before; /* of the present block, of the last one */
	bool any;                       /* there is a block */
	int level;
	size_t start, header, kept; /* of the present block; `kept`: its length without blanks at its end */
	int row_first, row_last;
	struct doc_cell {
		char *text; /* in Markdown; kept for its memory */
		size_t cap, n;
	} * cells;
	size_t n_cells, cells_cap, columns;
	struct buf *head; /* of each column, what the rows of the header say one below the other */
	size_t n_head;
	int head_rows;        /* of the header, still to come; 0: it is one row */
	int rows;             /* of the present table */
	int row_at;           /* of a sheet, counted by its reader */
	int depth;            /* files within files */
	size_t unpacked;      /* bytes that came out of archives */
	const char *encoding; /* chosen by a person; NULL */
	const char *ocr;      /* languages; NULL */
	const char *password; /* NULL */
	const char *charset;  /* that the present text was in; NULL */
	bool walls;           /* a sandbox stands around this process */
	bool untitled;        /* titles are those of parts */
	char within[300];     /* the file in an archive that is read, by its path there; "": the document itself */
	char outer[300];      /* the file that holds it, where that is one in an archive itself */
	int file;             /* the number of the outermost one */
	enum extract_failure failure;
	char error[512];
	int warnings;
	unsigned beyond; /* a bit for each bound that was reached */
};

void doc_init(struct doc *d, int fd, size_t text_max);
void doc_done(struct doc *d);

UNUSED static inline bool doc_failed(const struct doc *d)
{
	return d->failure != EXTRACT_OK;
}

/* Always -1, so that a reader can end with it. The first one counts. */
int doc_fail(struct doc *d, enum extract_failure f, const char *fmt, ...) PRINTF(3, 4);
void doc_forget(struct doc *d); /* a failure that was of a part alone; what it had written stays */

void doc_format(struct doc *d, const char *name, const char *encoding);
void doc_title(struct doc *d, const char *p, size_t n);
void doc_warn(struct doc *d, const char *fmt, ...) PRINTF(2, 3);
/* What is beyond a bound was left out: a warning, the first time. */
enum doc_bound {
	DOC_CELLS,
	DOC_CELL,
	DOC_DEPTH,
	DOC_MESSAGES,
	DOC_NOTES,
	DOC_PARTS,
	DOC_REPEATS,
	DOC_SHEETS,
	DOC_SLIDES,
	DOC_BOUNDS
};
void doc_bound(struct doc *d, enum doc_bound which);
void doc_progress(struct doc *d, int done, int of);
void doc_finish(struct doc *d); /* the last line: how it went */

/* Within a file of an archive its label begins with that; what is no page there is known by the file alone. */
void doc_place(struct doc *d, enum extract_place_kind kind, int number, const char *label, double width, double height);
void doc_state(struct doc *d, enum extract_state state); /* of the present place */

/* A block without text is none. Text is as it comes: it may be no UTF-8. */
void doc_begin(struct doc *d, enum extract_kind kind, int level);
void doc_text(struct doc *d, const char *p, size_t n);
void doc_str(struct doc *d, const char *s);
void doc_flow(struct doc *d, const char *p, size_t n); /* blanks and line breaks become one blank */
void doc_end(struct doc *d);
void doc_block(struct doc *d, enum extract_kind kind, int level, const char *p, size_t n);
/* What was written into the present block so far ends here: its offset in the text. */
size_t doc_mark(struct doc *d);
void doc_box(struct doc *d, size_t start, size_t end, double x0, double y0, double x1, double y1);

/* A table: the first row is its header. Cells are text; what is Markdown's own in them is escaped. */
void doc_table(struct doc *d);
/* Before the first row: the header has so many, which become one. */
void doc_table_header(struct doc *d, int rows);
void doc_cell(struct doc *d, const char *p, size_t n);
void doc_row(struct doc *d);                    /* the cells since the last one */
void doc_row_number(struct doc *d, int number); /* of the row to come, as its program counts */
void doc_table_end(struct doc *d);
/* A row that was written by itself ends, with so many cells; the table then ends by doc_end. */
void doc_row_end(struct doc *d, size_t cells);

/* The rest is ready when 64 KB are: lines are written when a block ends. */
void doc_send(struct doc *d);
