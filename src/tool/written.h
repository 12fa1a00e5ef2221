/* written.h - calls as models write them into text (text_calls.c): what stands between the marks, read. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"

struct written_call {
	struct str name, arguments; /* arguments as they stand, cut off or not: arguments.c judges */
};
#define WRITTEN_MAX 32
struct written_calls {
	struct written_call items[WRITTEN_MAX];
	size_t n;
};

/* What the text calls, in whichever form; none when it is none. In the arena. */
void written_read(struct str text, struct arena *a, struct written_calls *ret);

/*
 * The head of a call in channels, `to=functions.NAME`, and what of harmony's tokens and words may stand behind it: its name, and how
 * long it is with all before it. HEAD_WHOLE: what follows is its arguments, an object, or whatever a token says so of.
 */
enum written_head { HEAD_NONE, HEAD_PART, HEAD_WHOLE };
enum written_head written_head(struct str s, struct str *ret_name, size_t *ret_n);

/* arguments.c: one value as Python or JSON has it, added as JSON. What follows it; NULL: it is none, or was cut off. */
const char *arguments_mend(const char *p, const char *end, struct buf *ret);
