/* lines.c - pieces of a stream, cut anywhere, into lines. */
#include "provider/provider_priv.h"

#define KEEP_BYTES 65536 /* memory of a part that is kept for the next one */

static const char *find(const char *p, const char *end, char c)
{
	const char *hit = memchr(p, c, (size_t)(end - p));
	return hit ? hit : end;
}

/* The line that was put together is done with. */
static void part_end(struct lines *l)
{
	l->taken = false;
	if (l->part.cap > KEEP_BYTES)
		buf_done(&l->part);
	else
		buf_reset(&l->part);
}

struct piece lines_piece(struct lines *l, const char *p, size_t n)
{
	if (l->skip_lf && n > 0) {
		l->skip_lf = false;
		if (*p == '\n')
			p++, n--;
	}
	return n > 0 ? (struct piece){p, p + n, find(p, p + n, '\n'), find(p, p + n, '\r')} : (struct piece){0};
}

/* What is left of a piece, for the next one. */
static int keep(struct lines *l, struct piece *in)
{
	buf_add(&l->part, in->p, (size_t)(in->end - in->p));
	in->p = in->end;
	return buf_status(&l->part);
}

/* Behind a CR, with the LF that may follow it. */
static void pass_cr(struct lines *l, struct piece *in)
{
	if (in->p == in->end)
		l->skip_lf = true;
	else if (*in->p == '\n')
		in->p++;
	in->cr = find(in->p, in->end, '\r');
	if (in->lf < in->p)
		in->lf = find(in->p, in->end, '\n');
}

int lines_other(struct lines *l, struct piece *in, struct str *ret)
{
	const char *stop = in->lf < in->cr ? in->lf : in->cr;
	int r;
	if (l->taken)
		part_end(l);
	if (stop == in->end)
		return in->p < in->end ? keep(l, in) : 0;
	*ret = (struct str){in->p, (size_t)(stop - in->p)};
	if (l->part.n > 0) {
		buf_add(&l->part, ret->p, ret->n);
		if ((r = buf_status(&l->part)) < 0)
			return r;
		l->taken = true;
		*ret = buf_str(&l->part);
	}
	in->p = stop + 1;
	/* Both are looked for again only when they have been passed, so each byte is looked at twice at most. */
	if (stop == in->lf)
		in->lf = find(in->p, in->end, '\n');
	else
		pass_cr(l, in);
	return 1;
}

bool lines_last(struct lines *l, struct str *ret)
{
	if (l->taken)
		part_end(l);
	*ret = buf_str(&l->part);
	l->taken = l->part.n > 0;
	return l->taken;
}

void lines_done(struct lines *l)
{
	buf_done(&l->part);
}
