/* unpack.h - bodies that come packed although nobody asked for it: gzip and zlib, piece by piece. */
#pragma once

#include "base/err.h"

struct unpack;

/* Of this Content-Encoding; NULL: it is none that is known here, or there is no memory. */
struct unpack *unpack_new(struct str coding);
void unpack_free(struct unpack *u);

/* Copies the next n bytes, HTTP_PIECE_MAX at most; only once nothing is left of those before. */
void unpack_put(struct unpack *u, const char *p, size_t n);
/* 1: *ret is what comes next of them, until the next call. 0: all is taken. Negative: it is damaged. */
int unpack_next(struct unpack *u, struct str *ret) MUST_CHECK;
bool unpack_pending(const struct unpack *u); /* unpack_next may have more; false for NULL */
