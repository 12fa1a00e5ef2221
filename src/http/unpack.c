/* unpack.c - zlib's inflater with a piece of input and one of output. */
#include "http/unpack.h"

#include <strings.h>
#include <zlib.h>

#include "base/memory.h"
#include "http/client.h"

enum { WINDOW = 15, GZIP_OR_ZLIB = 32 };

struct unpack {
	z_stream z;
	bool pending, ended;
	unsigned char in[HTTP_PIECE_MAX], out[HTTP_PIECE_MAX];
};

struct unpack *unpack_new(struct str coding)
{
	static const char *const known[] = {"gzip", "x-gzip", "deflate"};
	struct unpack *u;
	size_t i = 0;

	while (i < N_ELEMENTS(known) &&
		(strlen(known[i]) != coding.n || strncasecmp(known[i], coding.p, coding.n) != 0))
		i++;
	if (i == N_ELEMENTS(known) || !(u = memory_try(sizeof(*u))))
		return NULL;
	memset(&u->z, 0, sizeof(u->z));
	u->pending = u->ended = false;
	if (inflateInit2(&u->z, WINDOW + GZIP_OR_ZLIB) == Z_OK)
		return u;
	free(u);
	return NULL;
}

void unpack_free(struct unpack *u)
{
	if (!u)
		return;
	inflateEnd(&u->z);
	free(u);
}

void unpack_put(struct unpack *u, const char *p, size_t n)
{
	ASSERT(n <= sizeof(u->in) && !u->pending); /* the piece before is unpacked */
	memcpy(u->in, p, n);
	u->z.next_in = u->in;
	u->z.avail_in = (unsigned)n;
	u->pending = !u->ended; /* what stands behind the end is dropped */
}

int unpack_next(struct unpack *u, struct str *ret)
{
	int r;

	if (!u->pending)
		return 0;
	u->z.next_out = u->out;
	u->z.avail_out = sizeof(u->out);
	r = inflate(&u->z, Z_NO_FLUSH);
	if (r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR)
		return E_INVALID;
	u->ended = r == Z_STREAM_END;
	u->pending = !u->ended && u->z.avail_out == 0;
	*ret = (struct str){(const char *)u->out, sizeof(u->out) - u->z.avail_out};
	return ret->n > 0;
}

bool unpack_pending(const struct unpack *u)
{
	return u && u->pending;
}
