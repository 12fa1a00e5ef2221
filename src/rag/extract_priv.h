/* extract_priv.h - between the server and the process that reads a file: lines of JSON, one object each. */
#pragma once

#include "rag/extract.h"

/*
 * {"type": "format", "name": "pdf", "encoding": "..."}     first
 * {"type": "title", "text": "..."}
 * {"type": "place", "kind": "page", "number": 1, "label": "...", "width": 595.0, "height": 842.0}   begins where the text is
 * {"type": "state", "state": "garbled"}                    of the present place
 * {"type": "text", "text": "..."}                          the next piece of the text, at most EXTRACT_PIECE bytes
 * {"type": "block", "kind": "para", "level": 0, "start": 0, "end": 9, "header": 0, "rows": [1, 9], "boxes": [...]}
 * {"type": "progress", "done": 50, "of": 236}
 * {"type": "warning", "text": "..."}
 * {"type": "end"}, or {"type": "failure", "failure": "locked", "text": "..."}
 */
#define EXTRACT_PIECE 65536
#define EXTRACT_MEMORY_USED                                                                                            \
	"Reading the file took more memory than it may. Split it, or save it anew in another format."
#define EXTRACT_PASSWORD "ATELIER_PASSWORD" /* in the environment */
#define EXTRACT_URL      "ATELIER_URL" /* in the environment: the file is a page of the web, which comes back as Markdown */
#define EXTRACT_NO_PAGE  3             /* exit code, of a page that is asked for */
#define EXTRACT_LINE_MAX ((size_t)8 << 20)
#define EXTRACT_BOX_MAX  1e6 /* points from the corner of a page: what is said to stand farther off has no box */

struct sandbox_result;
/* Why a process has failed that has ended without a word of its own: noted in `ret`. */
int extract_ended(struct extracted *ret, const struct sandbox_result *end);

/* By their names; -1: there is none. */
int extract_kind_find(const char *name);
int extract_place_find(const char *name);
int extract_failure_find(const char *name);
int extract_state_find(const char *name);

/*
 * What the other side said, taken line by line and believed in nothing: text that is UTF-8 without control characters, blocks and
 * places in order and within the text, and no more of anything than memory allows.
 */
struct extract_reader {
	const struct extract_request *q;
	struct extracted *to;
	struct buf line, text;
	size_t blocks_cap, places_cap, warnings_cap;
	size_t last;  /* end of the last block */
	size_t files; /* the number of the last file within it; 0: none has come */
	bool ended;
};
void extract_reader_init(struct extract_reader *r, const struct extract_request *q, struct extracted *to);
void extract_reader_done(struct extract_reader *r);
/* E_INVALID: this is not what an extractor says. */
int extract_reader_take(struct extract_reader *r, const char *p, size_t n, struct err *e) MUST_CHECK;
/* After the last byte: the text becomes part of `to`. E_INVALID: the end is missing. */
int extract_reader_end(struct extract_reader *r, struct err *e) MUST_CHECK;
