/*
 * head.h - the head of a request by RFC 9112, strictly: pure functions over bytes. What two programs on the way could read in
 * two ways is refused, never repaired.
 */
#pragma once

#include <sys/types.h>

#include "base/err.h"

enum {
	HEAD_FIELDS_MAX = 100,
	HEAD_TARGET_MAX = 8192, /* bytes of the request's target */
};

/* How far a head has been looked through; {0} before its first byte. */
struct head_scan {
	size_t at;      /* all before it is looked through */
	size_t line;    /* where the present line begins */
	size_t begin;   /* of the request line, behind the empty line that may stand before it */
	unsigned lines; /* complete ones */
};

/*
 * Looks for the end of a head in the bytes that have come so far; the same bytes stand at `p` in each call, and more. Returns
 * the length of what precedes the body, 0 while more is needed, or E_INVALID, E_URI_TOO_LONG, E_HEADERS_TOO_LARGE as early as
 * that can be known. `max`: bytes of a head.
 */
ssize_t head_scan(struct head_scan *s, const char *p, size_t n, size_t max) MUST_CHECK;

struct head_field {
	const char *name, *value; /* terminated, within the head's bytes */
	uint32_t key;             /* field_key() of the name */
};

struct head {
	const char *method, *path, *query; /* terminated; path and query as they came; query NULL: none */
	const char *host;                  /* of the target or the field; NULL: HTTP/1.0 without */
	struct head_field *fields;
	unsigned n_fields;
	bool http_1_0, keep_alive, chunked;
	bool websocket;  /* asks for one, by GET */
	bool expects;    /* waits for "100 Continue" */
	int64_t length;  /* of the body; 0 when chunked */
	const char *why; /* of a refusal: a sentence */
};

/*
 * Reads the head of n bytes at p, which is written to (names and values are terminated in place) and must live as long as
 * `h`; `fields` has room for as many as the scan counted lines. 0, or E_INVALID (400), E_URI_TOO_LONG (414), E_EXPECTATION
 * (417), E_UPGRADE (426), E_NOT_IMPLEMENTED (501), E_HTTP_VERSION (505) with h->why.
 */
int head_parse(char *p, size_t n, struct head_field *fields, struct head *h) MUST_CHECK;

/* The first field of this name in any case, from the index `from` on; n_fields: there is none. */
unsigned head_find(const struct head *h, const char *name, unsigned from) MUST_CHECK;

/* Characters of RFC 9110: of a token; of a field's value. */
bool head_is_token(unsigned char c);
bool head_is_text(unsigned char c);
