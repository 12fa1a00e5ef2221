/* checksum.h - the checksum of what comes in pieces, against the one that the client told. */
#pragma once

#include "base/err.h"

#define CHECKSUM_ALGORITHMS "sha1,sha256,crc32" /* as tus names them */

struct checksum {
	struct evp_md_ctx_st *digest; /* NULL: crc32 */
	unsigned long crc;
	unsigned char wanted[32];
	size_t n_wanted; /* 0: nobody asked */
};

/* Of a header "sha1 BASE64"; NULL: nobody asked. E_INVALID. Free it with checksum_done in any case. */
int checksum_begin(struct checksum *c, const char *header, struct err *e) MUST_CHECK;
void checksum_add(struct checksum *c, const void *p, size_t n);
bool checksum_matches(struct checksum *c); /* at the end, once */
void checksum_done(struct checksum *c);
