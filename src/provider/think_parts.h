/* think_parts.h - what the reading of reasoning is made of: the tags, and Markdown's code, in which tags are only talk. */
#pragma once

#include "provider/think.h"

/* ---- think_tags.c ---- */

enum tag_kind {
	TAG_NONE,
	TAG_PART,
	TAG_OPEN,
	TAG_CLOSE,
	TAG_CHANNEL, /* a part of an answer ends, or the head of one begins, */
	TAG_BODY,    /* and what is in it: of family BODY_TEXT, or as its head says */
	TAG_ANSWER,  /* what some models write around their answers, behind the reasoning */
	TAG_ANSWER_END
};

struct tag {
	enum tag_kind kind;
	unsigned family; /* those of one family close each other */
	size_t n;        /* bytes */
};

enum {
	FAMILY_WORDS = 3, /* of names that other documents have, too */
	FAMILY_SPACE = 4, /* in a namespace; this one and those before have their tags between < and > */
	FAMILY_BRACKET,
	FAMILY_UNUSED,
	FAMILY_KIMI, /* from here on they are a model's own tokens, which nobody writes by accident */
	FAMILY_FINAL,
	FAMILY_SEP,
	FAMILY_GEMMA,
	FAMILY_MEDGEMMA,
	FAMILY_BARS, /* also closed by the end of a channel */
	FAMILY_SPOKEN,
	FAMILY_ANY
};

enum { BODY_BY_HEAD, BODY_TEXT };

bool tag_may_begin(char c);

/* The tag that begins at p; TAG_PART: its beginning, as far as the bytes go. */
struct tag tag_match(const char *p, size_t n);

/* Plain words that open reasoning, with which ones in *ret_which; and those that close what these have opened. */
struct tag tag_match_spoken(const char *p, size_t n, unsigned char *ret_which);
struct tag tag_match_spoken_close(unsigned which, const char *p, size_t n);

/* ---- think_judge.c: of the tag g at p + i, all that came before being noted in *t ---- */

bool think_closes_alone(const struct think *t, const char *p, size_t n, size_t i, const struct tag *g);
bool think_opens_again(const struct think *t, const struct tag *g);
bool think_wraps_answer(const struct think *t, const struct tag *g, bool speaks);
bool think_ends_early(const char *p, size_t n);
bool think_is_closing(unsigned family, const struct tag *g);
size_t think_find_close(const struct think *t, char prev, const char *p, size_t n, size_t at, struct tag *ret);
bool think_begins_paragraph(const char *p, size_t n, bool last);

/* ---- think_code.c ---- */

static inline bool is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static inline size_t count_blanks(const char *p, size_t n) /* at the front */
{
	size_t i = 0;
	while (i < n && is_blank(p[i]))
		i++;
	return i;
}

void code_step(struct think_code *c, char b); /* the next byte of the text */

/* The same for each byte of a text of words and spaces, which most pieces are; `*ret_speaks`: it is more than spaces.
 * False, and nothing is noted, for any other. */
bool code_words(struct think_code *c, const char *p, size_t n, bool *ret_speaks);

bool code_inside(struct think_code *c); /* whether the text stands in code here */
bool code_fenced(struct think_code *c); /* the same of a block of code alone */
