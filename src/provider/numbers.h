/*
 * numbers.h - long lists of numbers, taken out of JSON before it is parsed. A vector of 768 numbers is 768 objects to a parser,
 * and making and freeing these is most of what embedding costs here.
 */
#pragma once

#include "base/buf.h"

struct numbers {
	float *items;
	size_t n, room;
};
void numbers_done(struct numbers *x); /* also the cleanup function */

/* Each list of 10 numbers or more becomes a short string in its place, of which numbers_of knows the numbers. What is no JSON
 * stays what the parser will refuse. Without memory lists stay as they are. */
void numbers_lift(struct buf *json, struct numbers *to);
/* How many the list has that became this string, and where they begin; 0: it was none. */
size_t numbers_of(const struct numbers *x, const char *text, const float **ret);
