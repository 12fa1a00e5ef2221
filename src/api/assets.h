/*
 * assets.h - the web page inside the program: a table that web/embed.mjs makes from web/dist. Constant data; any thread
 * may read it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct asset {
	const char *path;             /* "/index.html", "/assets/index-ab12cd34.js"; "/" means "/index.html" */
	const char *type;             /* the whole Content-Type */
	const char *etag;             /* with its quotes; each encoding needs a mark of its own behind it, or Vary */
	const unsigned char *plain;   /* NULL where there is `gz`, which it is unpacked from */
	const unsigned char *br, *gz; /* NULL where compressing would not help */
	size_t n_plain, n_br, n_gz;   /* bytes; n_plain also where plain is NULL */
	bool immutable;               /* its name changes with its content: cache it for ever */
};

/* Sorted by path. */
extern const struct asset assets[];
extern const size_t n_assets;
