/* pdf.h - between the files that read PDF: what pdftotext found on some pages. */
#pragma once

#include "rag/formats/format.h"
#include "rag/formats/run.h"
#include "rag/formats/sax.h"

#define PDF_RANGE 50 /* pages that are read at once: progress, and what is lost when a page cannot be read */

struct pdf_word {
	size_t at, n; /* its text in `text` */
	double x0, y0, x1, y1;
};

struct pdf_line {
	size_t at, n; /* its text in `text`, with a blank between words */
	size_t word, n_words;
	double x0, y0, x1, y1;
	double size;           /* about that of its letters */
	bool first;            /* of a block */
	bool leftward, turned; /* it is read from right to left; some words of it are */
	bool dropped;          /* a running head, a mark of water */
	bool column;           /* it is of one that its page has several of, beside each other */
	size_t table;          /* of its page, from 1 on; 0: it is in none */
};

struct pdf_page {
	int number;
	double width, height;
	size_t first, n; /* lines */
};

struct pdf_pages {
	struct doc *d;
	struct buf text;
	struct pdf_line *lines;
	size_t n_lines, lines_cap;
	struct pdf_word *words;
	size_t n_words, words_cap;
	struct pdf_page pages[PDF_RANGE];
	size_t n;
	int whole;        /* pages that were read to their end */
	bool block, word; /* while it is being read */
};

struct pdf_heading {
	int page, level;
	char *title; /* letters and digits alone, in lower case */
};

struct pdf {
	struct doc *d;
	int fd;
	int count, with_text, unreadable, cpu_s; /* pages; seconds that are left for all of it */
	char password[128];
	struct pdf_heading *outline;
	size_t n_outline, outline_cap;
	int seen;                     /* pages whose words were looked for in their picture, and were all there */
	double body;                  /* the size of most of the text */
	enum extract_failure used_up; /* by some of its pages; OK: nothing was */
};

/* One of poppler's programs, with the file as its standard input; as XML for a handler. False: see run_program(). */
bool pdf_run(struct pdf *p, const char *const *argv, int cpu_s, int (*take)(void *arg, const char *p, size_t n),
	void *arg, struct run_end *end);
bool pdf_read_xml(
	struct pdf *p, const char *const *argv, int cpu_s, const struct sax_handler *h, void *arg, struct run_end *end);

/* Reads pages first to last; false: nothing of them. */
bool pdf_read_pages(struct pdf *p, int first, int last, struct pdf_pages *ret);
void pdf_pages_done(struct pdf_pages *r);

/* pdf_seen.c: takes out the words that nobody can see. */
void pdf_drop_unseen(struct pdf *p, struct pdf_pages *r);
/* pdf_direction.c: what is read from right to left. Letters of words, and which lines are; then, when it is written, `n` words of a
 * line from `word` on, which are of no use for tables then. Of lines without such letters nothing changes. */
void pdf_turn_letters(struct pdf_pages *r);
void pdf_turn_words(struct pdf_pages *r, const struct pdf_line *l, size_t word, size_t n);
/* pdf_columns.c: cuts lines that are of two columns, and puts what is read in order. Behind it, lines of a page are others. */
void pdf_part_columns(struct pdf_pages *r);
/* pdf_join.c: what stands between a line and the next one of its block. */
struct pdf_joint {
	size_t cut;          /* bytes at the end of the line that are not written: a hyphen */
	const char *between; /* "", or a blank */
	bool word;           /* it goes on within a word */
};
struct pdf_joint pdf_join(const struct pdf_pages *r, const struct pdf_line *l, const struct pdf_line *next);
/* pdf_write.c: makes blocks of them. */
void pdf_write_pages(struct pdf *p, struct pdf_pages *r);
/* pdf_table.c: the tables of a page, noted in its lines, for pdf_tables_free(); writes one of them, a row as a line. */
struct pdf_tables *pdf_find_tables(struct pdf_pages *r, const struct pdf_page *g);
void pdf_tables_free(struct pdf_tables *ts);
void pdf_write_table(struct doc *d, struct pdf_pages *r, const struct pdf_tables *ts, size_t table);
/* The letters and digits of a title, lower case, at most `max` bytes. */
size_t pdf_plain(const char *p, size_t n, char *to, size_t max);

/* ocr.c: the text of a picture in the present place, its boxes scaled; false: there is none. */
bool ocr_picture(struct doc *d, int fd, double scale);
bool pdf_ocr_page(struct pdf *p, int number);
