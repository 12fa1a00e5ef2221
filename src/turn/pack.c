/* pack.c - logs rest in the database deflated: their frames repeat, and shrink to about a tenth. */
#include <errno.h>
#include <pthread.h>
#include <zlib.h>

#include "turn/turn_priv.h"

/* A small window does for frames that repeat every few dozen bytes, and its state is a quarter of zlib's usual one:
 * that state, not the packing, is what a short log costs. So there is one for all, which is kept. */
#define WINDOW_BITS 13
#define MEM_LEVEL   6

static struct {
	pthread_mutex_t mx;
	z_stream z;
	bool made;
} packer = {.mx = PTHREAD_MUTEX_INITIALIZER};

static bool packer_begin(void)
{
	z_stream *z = &packer.z;

	if (!packer.made)
		packer.made = deflateInit2(z, 1, Z_DEFLATED, WINDOW_BITS, MEM_LEVEL, Z_DEFAULT_STRATEGY) == Z_OK;
	else
		deflateReset(z);
	return packer.made;
}

static int pack(z_stream *z, struct str log, struct buf *ret)
{
	uLong room = deflateBound(z, (uLong)log.n);
	char *p = buf_reserve(ret, room);

	if (!p)
		return buf_status(ret);
	z->next_in = (Bytef *)(uintptr_t)log.p;
	z->avail_in = (uInt)log.n;
	z->next_out = (Bytef *)p;
	z->avail_out = (uInt)room;
	if (deflate(z, Z_FINISH) != Z_STREAM_END)
		return -ENOMEM;
	ret->n += z->total_out;
	return 0;
}

int log_pack(struct str log, struct buf *ret)
{
	int r;

	pthread_mutex_lock(&packer.mx);
	r = packer_begin() ? pack(&packer.z, log, ret) : -ENOMEM;
	pthread_mutex_unlock(&packer.mx);
	return r;
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
