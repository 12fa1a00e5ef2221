/* title_priv.h - the two halves of title_clean(): the words that lead to a name (title_words.c), and the rest. */
#pragma once

#include "turn/turn_priv.h"

#define TITLE_LONGEST 160 /* bytes: more is no name */

bool title_starts(struct str s, const char *with); /* in ASCII's lower and upper case alike */
bool title_ends(struct str s, const char *with);
struct str title_skip(struct str s, size_t n);

/* Each takes away what it names from the front of *s, and tells whether it did; what is left is never empty. */
bool title_drop_label(struct str *s);        /* "**Title:** " */
bool title_drop_greeting(struct str *s);     /* "Sure! " */
bool title_drop_announcement(struct str *s); /* "Here is a fitting title: " */

/* Takes X out of: "X" would be a good title. */
bool title_take_quotation(struct str *s);

/* Whether a line is nothing but "Title", "**Title:**", "Sure!", "Here is your title!". */
bool title_is_label(struct str line);
bool title_is_greeting(struct str line);
bool title_is_announcement(struct str line);

/* A thought in place of a name. */
bool title_is_thought(struct str s);
