/* pattern.c - matching by going back to the last star alone, which is enough: an earlier one could only give the same. */
#include "base/pattern.h"

bool pattern_is(const char *text)
{
	return strpbrk(text, "*?") != NULL;
}

bool pattern_matches(const char *pattern, const char *text)
{
	const char *star = NULL, *from = NULL;

	/* On a mismatch the last star takes one character more. */
	while (*text) {
		if (*pattern == '*') {
			star = pattern++;
			from = text;
		} else if (*pattern == '?' || *pattern == *text) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star + 1;
			text = ++from;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

static size_t wildcards(const char *pattern)
{
	size_t n = 0;

	for (; *pattern; pattern++)
		n += *pattern == '*' || *pattern == '?';
	return n;
}

int pattern_compare(const char *a, const char *b)
{
	size_t wild_a = wildcards(a), wild_b = wildcards(b), na = strlen(a), nb = strlen(b);

	if (wild_a != wild_b)
		return wild_a < wild_b ? -1 : 1;
	return na == nb ? 0 : na > nb ? -1 : 1;
}
