/*
 * extract.h - the text of a file, read by a program of its own in a sandbox: the server parses no foreign byte, and is not
 * linked with the libraries that do.
 *
 * What comes back is one text (UTF-8, NFC, lines end with \n, no control characters but \n and tab) and a table of blocks, in
 * order, that do not overlap. Offsets are bytes of that text.
 */
#pragma once

#include "base/buf.h"
#include "sys/cancel.h"
#include "sys/sandbox.h"

/* The program that reads; before any of the rest, by the thread that starts all others. Without it this program is its own. */
void extract_reader(struct sandbox_image reader);

/* Raised whenever the same file would give another text or other blocks. */
#define EXTRACT_VERSION 14
/* The version since which a format is read as it is now. Raise it for the formats of which a change makes another text. */
int extract_since(const char *format);

enum extract_kind {
	EXTRACT_PARA,
	EXTRACT_HEADING, /* `level` from 1 on */
	EXTRACT_LIST,    /* one item, with its mark; `level` is how deep, from 1 on */
	EXTRACT_TABLE,   /* Markdown rows; the first `header` bytes are those to repeat above each part of it */
	EXTRACT_CODE,
	EXTRACT_QUOTE,
	EXTRACT_CAPTION,
	EXTRACT_NOTE, /* a footnote, a speaker's notes */
	EXTRACT_KINDS
};
const char *extract_kind_name(enum extract_kind k); /* "para" */

/* What a document consists of, by its kind. */
enum extract_place_kind {
	EXTRACT_PAGE,
	EXTRACT_SLIDE,
	EXTRACT_SHEET,
	EXTRACT_CHAPTER, /* of a book: a file of its spine */
	EXTRACT_MESSAGE, /* of a mailbox */
	EXTRACT_CELL,    /* of a notebook */
	EXTRACT_FILE,    /* in an archive, or attached to a message */
	EXTRACT_PLACES
};
const char *extract_place_name(enum extract_place_kind k); /* "page" */

enum extract_state {
	EXTRACT_READ,
	EXTRACT_NO_TEXT, /* a picture of text, or nothing */
	EXTRACT_GARBLED, /* its characters are not what they look like */
	EXTRACT_BY_OCR,
	EXTRACT_HIDDEN, /* a sheet or a slide that is not shown: of sheets nothing is read */
	EXTRACT_STATES
};
const char *extract_state_name(enum extract_state s); /* "no_text" */

struct extract_place {
	enum extract_place_kind kind;
	int number;           /* from 1 on */
	const char *label;    /* the sheet's name, the title of the slide or chapter, the path in the archive; "" */
	size_t start, end;    /* in the text */
	double width, height; /* of a page, in points, as it is shown; else 0 */
	enum extract_state state;
};

/* A word on its page. */
struct extract_box {
	uint32_t start, end;  /* of the text */
	float x0, y0, x1, y1; /* points from the top left */
};

struct extract_block {
	enum extract_kind kind;
	int level;
	size_t start, end;
	size_t header;                   /* of a table: bytes of its header rows from `start` on; 0: none */
	int place;                       /* index into the places; -1: none */
	int page;                        /* the number of its page, slide, sheet or file; 0: none */
	int row_first, row_last;         /* of a sheet, as its program counts them; 0: not a sheet */
	const struct extract_box *boxes; /* of its words, in order, within it; NULL: not known */
	size_t n_boxes;
};

enum extract_failure {
	EXTRACT_OK,
	EXTRACT_LOCKED,      /* encrypted */
	EXTRACT_SCANNED,     /* pictures of text, and no text recognition here */
	EXTRACT_EMPTY,       /* nothing to read in it */
	EXTRACT_UNSUPPORTED, /* not a kind that is read */
	EXTRACT_TOO_LARGE,   /* more text, or more packed data, than is taken */
	EXTRACT_TOO_COMPLEX, /* more levels, or more of something, than any document needs */
	EXTRACT_TIMEOUT,     /* its time was used up */
	EXTRACT_MEMORY,      /* its memory was */
	EXTRACT_BROKEN,      /* damaged, or not what it says it is */
	EXTRACT_MISSING,     /* the server has it no more */
	EXTRACT_UNAVAILABLE, /* what reads this kind cannot run here: no sandbox, or a program is not installed; later, perhaps */
	EXTRACT_FAILURES
};
const char *extract_failure_name(enum extract_failure f); /* "locked" */

struct extracted {
	char *text; /* ended by a NUL that is not counted */
	size_t len;
	struct extract_block *blocks;
	size_t count;
	struct extract_place *places;
	size_t n_places;
	const char **warnings; /* sentences */
	size_t n_warnings;
	char format[16];               /* "pdf", "docx", "text" ... */
	char title[256], encoding[32]; /* ""; of text: the charset it was in */
	int pages;                     /* or slides, sheets, files of an archive ...; 0: it has none */
	int pages_no_text, pages_garbled, pages_by_ocr;
	enum extract_failure failure; /* then there is no text */
	char error[512];              /* what happened and what to do, for the person who sent the file */
	struct arena *memory;         /* of all the above but the text and the blocks */
};

struct extract_request {
	int fd;               /* the file; borrowed. A regular one, read from its beginning */
	const char *name;     /* as the person calls it: chooses among kinds of text alone; NULL: not known */
	const char *encoding; /* the charset that the person chose; NULL: it is found */
	const char *password; /* NULL: none */
	const char *ocr;      /* languages for tesseract, "deu+eng"; NULL: pictures are not read */
	size_t text_max;      /* bytes of text; 0: EXTRACT_TEXT_MAX */
	struct cancel *cancel;
	/* How far it is, in pages or the like; `of` 0: not known. On the calling thread. */
	void (*progress)(void *arg, int done, int of);
	void *arg;
};
#define EXTRACT_TEXT_MAX ((size_t)20 << 20)

/*
 * Reads it, on the calling thread, which may block (minutes, for a thousand scanned pages). 0 also when the file is not to be
 * read: `ret->failure` says why, and that trying again is no use (but for UNAVAILABLE). Negative: -ECANCELED, or what has nothing
 * to do with the file. `ret` is to be freed when 0 was returned.
 */
int extract_file(const struct extract_request *q, struct extracted *ret, struct err *e) MUST_CHECK;
void extracted_free(struct extracted *x);

/* The same, with the lines of JSON as they come; E_INVALID when they break off. */
int extract_lines(const struct extract_request *q, int (*output)(void *arg, const char *p, size_t n), void *arg,
	struct err *e) MUST_CHECK;

/* Draws a page of a PDF as PNG, at most 32 MB, `width` pixels wide (64 to 4,000). E_NOT_FOUND: no such page; E_INVALID with a
 * sentence: it cannot be drawn. */
int extract_page_png(int fd, int page, int width, const char *password, struct cancel *cancel, struct buf *ret,
	struct err *e) MUST_CHECK;

struct extract_web_page {
	const char *p;
	size_t n;
	const char *charset; /* as its server said; NULL: it did not */
	const char *url;     /* where it is, for its links */
};

/*
 * Adds its title and text in Markdown, without menus, banners and forms; nothing, when there is none. On the calling thread, which
 * may block for seconds. -ECANCELED; else negative with a sentence, and what was added is of no use.
 */
int extract_web_page(
	const struct extract_web_page *page, struct cancel *cancel, struct buf *ret, struct err *e) MUST_CHECK;

/* What cannot be read on this machine and what to install, in a sentence; NULL: everything can. Looked up once. */
const char *extract_lacks(void);
/* The languages that tesseract has here, "deu+eng"; NULL: it is not installed. Looked up once. */
const char *extract_ocr_languages(void);

/* The reader's command, run in the sandbox by sandbox_confine(): its exit status. */
int extract_main(int argc, char **argv);
