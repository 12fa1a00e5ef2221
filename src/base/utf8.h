/* utf8.h - UTF-8 as RFC 3629 has it: no surrogates, no overlong forms, nothing above U+10FFFF. */
#pragma once

#include "base/buf.h"

/* True when all of it is valid; NUL bytes are valid UTF-8 and for the caller to judge. */
bool utf8_valid(const char *p, size_t n);

/* The longest prefix of at most `max` bytes that does not cut a character in two. */
size_t utf8_prefix(const char *p, size_t n, size_t max);

/* Adds the bytes with every invalid sequence replaced by U+FFFD. */
void utf8_add_repaired(struct buf *b, const char *p, size_t n);

/* The length of the valid character at p (1 to 4), or 0 when there is none: invalid, cut off, or n is 0. */
size_t utf8_char(const char *p, size_t n);

/* How many characters (code points) valid UTF-8 has. */
size_t utf8_count(const char *p, size_t n);

/* n without the bytes of a character that was cut off at the end. */
size_t utf8_whole(const char *p, size_t n);

/*
 * Adds what others wrote (a model, a document, a name, another program) for a terminal or a line of the log. What would steer a
 * terminal, as control characters, C1 and overrides of the writing direction do, and bytes that are no UTF-8 become visible, as
 * \x1b or \u009b.
 */
enum utf8_visible {
	UTF8_LINE, /* part of one line: also what ends a line, and what is there without being seen */
	UTF8_TEXT, /* line breaks and tabs stay, the CR of a line's end goes, and joiners of scripts and emoji stay */
	UTF8_JSON, /* valid JSON: as escapes of JSON, so that its value stays the same */
};
void utf8_add_visible(struct buf *b, const char *p, size_t n, enum utf8_visible as);
