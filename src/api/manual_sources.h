/*
 * manual_sources.h - the manual inside the program: a table that web/embed.mjs makes from docs/manual. Constant data; any
 * thread may read it.
 */
#pragma once

#include <stddef.h>

struct manual_source {
	const char *slug;  /* the file's name without its number and ".md" */
	const char *title; /* its first heading */
	const char *body;  /* Markdown, ends with a zero byte */
	size_t n_body;     /* without the zero byte */
};

/* In the order of the files' numbers. */
extern const struct manual_source manual_sources[];
extern const size_t n_manual_sources;

/* Changes whenever any page does. */
extern const char *const manual_version;
