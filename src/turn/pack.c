/* pack.c - logs rest in the database deflated: their frames repeat, and shrink to about a tenth. */
#include <errno.h>
#include <zlib.h>

#include "turn/turn_priv.h"

/* A small window does for frames that repeat every few dozen bytes, and its state is a quarter of zlib's usual one:
 * that state, not the packing, is what a short log costs. */
#define WINDOW_BITS 13
#define MEM_LEVEL   6

int log_pack(struct str log, struct buf *ret)
{
	z_stream z = {.next_in = (Bytef *)(uintptr_t)log.p, .avail_in = (uInt)log.n};

	if (deflateInit2(&z, 1, Z_DEFLATED, WINDOW_BITS, MEM_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	uLong room = deflateBound(&z, (uLong)log.n);
	char *p = buf_reserve(ret, room);
	z.next_out = (Bytef *)p;
	z.avail_out = (uInt)room;
	int r = p ? deflate(&z, Z_FINISH) : Z_MEM_ERROR;
	deflateEnd(&z);
	if (r != Z_STREAM_END)
		return p ? -ENOMEM : buf_status(ret);
	ret->n += z.total_out;
	return 0;
}

int log_unpack(struct str packed, size_t size, struct buf *ret)
{
	uLongf n = (uLongf)size;
	char *p = buf_reserve(ret, size);

	if (!p)
		return buf_status(ret);
	if (uncompress((Bytef *)p, &n, (const Bytef *)packed.p, (uLong)packed.n) != Z_OK || n != size)
		return -EBADMSG;
	ret->n += n;
	return 0;
}
