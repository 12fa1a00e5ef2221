/*
 * cut.h - a text is cut into passages: small pieces that are found by themselves, along what the text is made of. A passage
 * never goes over a heading below which there is text; a heading alone is text itself. It ends with a paragraph, else with a
 * sentence, a row of a table or a line of code. Crumbs go with what follows. Passages lie over each other only where that is asked
 * for; between them are only headings and blanks.
 */
#pragma once

#include "base/arena.h"
#include "rag/extract.h"

#define CUT_TOKENS 128 /* of a passage, about */

struct passage {
	size_t start, end;  /* bytes of the text */
	int64_t page;       /* 0: there are none */
	struct str heading; /* the path to it, " > " between; in the memory of `struct passages` */
	bool apart;         /* a file of an archive, or a message, begins with it */
};

struct passages {
	struct passage *items;
	size_t n, room;
	struct arena a; /* of the headings */
};

void passages_init(struct passages *p);
void passages_done(struct passages *p); /* also the cleanup function */

/* -ENOMEM: more than fits. `tokens`: of a passage; 0: CUT_TOKENS. `overlap`: tokens at the beginning of a passage that the one before
 * under the same heading has too. */
int cut_text(const struct extracted *x, size_t tokens, size_t overlap, struct passages *ret, struct err *e) MUST_CHECK;
