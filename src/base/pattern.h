/* pattern.h - patterns of names: `*` stands for any characters, `?` for one. No recursion; at most n * m steps. */
#pragma once

#include "base/base.h"

bool pattern_is(const char *text); /* has a wildcard */
bool pattern_matches(const char *pattern, const char *text);

/* Which of two says more about a name: negative when `a` does (fewer wildcards, then longer), 0 for a tie. */
int pattern_compare(const char *a, const char *b);
