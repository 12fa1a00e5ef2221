/* pack.c - logs rest in the database deflated: their frames repeat, and shrink to about a tenth. */
#include <errno.h>
#include <pthread.h>
#include <zlib.h>

#include "turn/turn_priv.h"

/* A small window does for frames that repeat every few dozen bytes, and its state is a quarter of zlib's usual one:
 * that state, not the packing, is what a short log costs. So there is one for all, which is kept. */
#define WINDOW_BITS 13
#define MEM_LEVEL   6
#define PIECE       16384

static struct {
	pthread_mutex_t mx; /* of both: one log is packed at a time */
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

static int pack(z_stream *z, struct str bytes, int flush, struct buf *ret)
{
	int end = flush == Z_FINISH ? Z_STREAM_END : Z_OK, r = Z_OK;

	z->next_in = (Bytef *)(uintptr_t)bytes.p;
	z->avail_in = (uInt)bytes.n;
	do {
		char *p = buf_reserve(ret, PIECE);
		if (!p)
			return buf_status(ret);
		z->next_out = (Bytef *)p;
		z->avail_out = PIECE;
		r = deflate(z, flush);
		ret->n += PIECE - z->avail_out;
	} while ((r == Z_OK || r == Z_BUF_ERROR) && z->avail_out == 0);
	return r == end || (end == Z_OK && r == Z_BUF_ERROR) ? 0 : -ENOMEM;
}

static int pack_frames(z_stream *z, const struct frames *f, struct buf *ret)
{
	int r = 0;

	for (const struct chunk *c = f ? f->first : NULL; r == 0 && c; c = c->next)
		r = pack(z, (struct str){c->p, c->n}, Z_NO_FLUSH, ret);
	return r;
}

int log_pack(const struct frames *log, const struct frames *closing, struct buf *ret)
{
	int r = -ENOMEM;

	pthread_mutex_lock(&packer.mx);
	if (packer_begin() && (r = pack_frames(&packer.z, log, ret)) == 0 &&
		(r = pack_frames(&packer.z, closing, ret)) == 0)
		r = pack(&packer.z, (struct str){"", 0}, Z_FINISH, ret);
	pthread_mutex_unlock(&packer.mx);
	return r;
}

int log_unpack(struct str packed, size_t size, struct frames *ret)
{
	CLEANUP(buf_done) struct buf bytes = BUF_INIT(ret->max);
	uLongf n = (uLongf)size;
	char *p = buf_reserve(&bytes, size);

	if (!p)
		return buf_status(&bytes);
	if (uncompress((Bytef *)p, &n, (const Bytef *)packed.p, (uLong)packed.n) != Z_OK || n != size)
		return -EBADMSG;
	bytes.n = n;
	int r = frames_take(ret, &bytes);
	return r == E_INVALID ? -EBADMSG : r;
}
