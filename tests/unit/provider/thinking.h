/* thinking.h - the reasoning in an answer's text, read from pieces that are cut at every character. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct told {
	char text[512], reasoning[512];
	bool alone, never_closed;
};

extern bool asked; /* the request speaks of tags around the answer */

/* Feeds the text in two pieces, cut after `cut` bytes, or each character alone (cut 0). `apart`: reasoning that came before. */
struct told think(const char *p, size_t cut, bool known, bool stays, const char *reason, const char *apart);
void same(const struct told *o, const char *reasoning, const char *text, const char *p);
void becomes_when(const char *p, bool known, bool stays, const char *reason, const char *apart, const char *reasoning,
	const char *text);
void becomes(const char *p, const char *reasoning, const char *text);
void stays_text(const char *p);
