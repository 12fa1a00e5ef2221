/* url.h - addresses of the web: their parts, and one as it is meant on the page of another. Any thread. */
#pragma once

#include "base/buf.h"
#include "base/err.h"

struct http_url {
	bool secure; /* https, else http */
	unsigned port;
	bool has_user; /* a name or a password stands in it */
	char host[256];
};

/* False: it is none of http or https. */
bool http_url_read(const char *url, struct http_url *ret);

/* Both are addresses, of the same scheme, host and port. */
bool http_url_same_origin(const char *a, const char *b);

/* Adds what `relative` means where `base` stands, without its fragment. E_INVALID. */
int http_url_join(const char *base, const char *relative, struct buf *ret) MUST_CHECK;

/* Adds a text as it stands in a path or a query: all but letters, digits and -._~ is escaped. */
void http_url_escape(struct buf *b, const char *p, size_t n);
