/*
 * chunked.h - takes the chunks off a body (RFC 9112, section 7.1), strictly: a pure state machine. Extensions and trailers are
 * checked, bounded and dropped.
 */
#pragma once

#include <sys/types.h>

#include "base/err.h"

struct chunked {       /* {0} at the beginning */
	uint64_t left; /* of the present chunk's data, or its size as far as it has come */
	unsigned char state, digits;
	uint32_t overhead; /* bytes of extensions and trailers so far */
};

/*
 * Takes up to n bytes. Returns how many were taken, at least 1; *ret_data is the part of them that belongs to the body (n 0:
 * none). E_INVALID when the chunks break the rules. Not to be called when it is done.
 */
ssize_t chunked_take(struct chunked *c, const char *p, size_t n, struct str *ret_data) MUST_CHECK;
bool chunked_done(const struct chunked *c);
