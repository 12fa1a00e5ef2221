/* lines.c - pieces of a stream, cut anywhere, into lines. */
#include "provider/provider_priv.h"

#define KEEP_BYTES 65536 /* memory of a part that is kept for the next one */

static const char *find(const char *p, const char *end, char c)
{
	const char *hit = memchr(p, c, (size_t)(end - p));
	return hit ? hit : end;
}

static int join(struct lines *l, const char *p, size_t n, line_fn fn, void *arg)
{
	buf_add(&l->part, p, n);
	int r = buf_status(&l->part);
	if (r < 0)
		return r;
	r = fn(arg, l->part.p, l->part.n);
	if (l->part.cap > KEEP_BYTES)
		buf_done(&l->part);
	else
		buf_reset(&l->part);
	return r;
}

int lines_feed(struct lines *l, const char *p, size_t n, line_fn fn, void *arg)
{
	const char *end = p + n;
	if (n == 0)
		return 0;
	if (l->skip_lf) {
		l->skip_lf = false;
		if (*p == '\n')
			p++;
	}
	/* Both are looked for again only when they have been passed, so each byte is looked at twice at most. */
	const char *lf = find(p, end, '\n'), *cr = find(p, end, '\r');
	while (p < end) {
		const char *stop = MIN(lf, cr);
		if (stop == end)
			break;
		int r = l->part.n > 0 ? join(l, p, (size_t)(stop - p), fn, arg) : fn(arg, p, (size_t)(stop - p));
		if (r < 0)
			return r;
		p = stop + 1;
		if (stop == cr) {
			if (p == end)
				l->skip_lf = true;
			else if (*p == '\n')
				p++;
			cr = find(p, end, '\r');
		}
		if (lf < p)
			lf = find(p, end, '\n');
	}
	if (p == end)
		return 0;
	buf_add(&l->part, p, (size_t)(end - p));
	return buf_status(&l->part);
}

int lines_finish(struct lines *l, line_fn fn, void *arg)
{
	return l->part.n > 0 ? join(l, "", 0, fn, arg) : 0;
}

void lines_done(struct lines *l)
{
	buf_done(&l->part);
}
