/* pack.c - logs rest in the database deflated: their frames repeat, and shrink to about a tenth. */
#include <errno.h>
#include <zlib.h>

#include "turn/turn_priv.h"

int log_pack(struct str log, struct buf *ret)
{
	uLongf n = compressBound((uLong)log.n);
	char *p = buf_reserve(ret, n);

	if (!p)
		return buf_status(ret);
	if (compress2((Bytef *)p, &n, (const Bytef *)log.p, (uLong)log.n, 1) != Z_OK)
		return -ENOMEM;
	ret->n += n;
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
