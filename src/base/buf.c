/* buf.c - the growable buffer. The capacity always leaves one byte for the terminating NUL. */
#include "base/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"
#include "base/memory.h"

#define FIRST_CAP 128u
#define SMALL     65536u /* up to here as sure as any small allocation */

void buf_done(struct buf *b)
{
	free(b->p);
	*b = BUF_INIT(b->max);
}

void buf_wipe(struct buf *b)
{
	ASSERT(b->n <= b->cap);
	if (b->p)
		explicit_bzero(b->p, b->n);
	buf_done(b);
}

void buf_reset(struct buf *b)
{
	b->n = 0;
	b->failed = 0;
	if (b->p)
		b->p[0] = '\0';
}

static char *grow(struct buf *b, size_t n)
{
	size_t want = b->n + n + 1, cap;
	char *p;

	cap = b->cap ? b->cap : FIRST_CAP;
	while (cap < want)
		cap = cap > SIZE_MAX / 2 ? want : cap * 2;
	/* Doubling must not carry the memory far over the maximum. */
	if (b->max < SIZE_MAX && cap > b->max + 1)
		cap = MAX(want, b->max + 1);
	p = cap <= SMALL ? memory_try_resize(b->p, cap) : realloc(b->p, cap);
	if (!p) {
		b->failed = -ENOMEM;
		return NULL;
	}
	b->p = p;
	b->cap = cap;
	ASSERT(b->n + n < cap);
	return p + b->n;
}

char *buf_reserve(struct buf *b, size_t n)
{
	ASSERT(b->n == 0 || b->n < b->cap); /* room for the NUL */
	if (b->failed)
		return NULL;
	if (b->n > b->max || n > b->max - b->n || n >= SIZE_MAX - b->n) {
		b->failed = E_TOO_LARGE;
		return NULL;
	}
	if (b->n + n < b->cap)
		return b->p + b->n;
	return grow(b, n);
}

void buf_add(struct buf *b, const void *p, size_t n)
{
	char *to = buf_reserve(b, n);

	if (!to)
		return;
	if (n > 0)
		memcpy(to, p, n);
	to[n] = '\0';
	b->n += n;
}

void buf_add_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_add_char(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_add_u64(struct buf *b, uint64_t v)
{
	char digits[20];
	size_t i = sizeof(digits);

	do {
		digits[--i] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	buf_add(b, digits + i, sizeof(digits) - i);
}

void buf_add_varint(struct buf *b, uint64_t v)
{
	size_t n = 1;
	char *to;

	for (uint64_t rest = v; rest >= 0x80; rest >>= 7)
		n++;
	to = buf_reserve(b, n);
	if (!to)
		return;
	for (; v >= 0x80; v >>= 7)
		*to++ = (char)(v | 0x80);
	*to++ = (char)v;
	*to = '\0';
	b->n += n;
}

int buf_take_piece(void *buf, const char *p, size_t n)
{
	buf_add(buf, p, n);
	return buf_status(buf);
}

static void add_i64(struct buf *b, int64_t v)
{
	if (v < 0)
		buf_add_char(b, '-');
	buf_add_u64(b, v < 0 ? -(uint64_t)v : (uint64_t)v);
}

/* `most` negative: the whole. */
static void add_text(struct buf *b, const char *s, int most)
{
	if (!s)
		s = "(null)";
	buf_add(b, s, most < 0 ? strlen(s) : strnlen(s, (size_t)most));
}

/* Of those that nearly all formats are made of; how long it is, 0: it is another one, and nothing was taken. */
static size_t add_directive(struct buf *b, const char *d, va_list *ap)
{
	switch (*d) {
	case 's':
		add_text(b, va_arg(*ap, const char *), -1);
		return 1;
	case 'd':
		add_i64(b, va_arg(*ap, int));
		return 1;
	case 'c':
		buf_add_char(b, (char)va_arg(*ap, int));
		return 1;
	case 'u':
		buf_add_u64(b, va_arg(*ap, unsigned));
		return 1;
	case 'z':
		if (d[1] != 'u')
			return 0;
		buf_add_u64(b, va_arg(*ap, size_t));
		return 2;
	case 'l':
		if (d[1] != 'l' || d[2] != 'd')
			return 0;
		add_i64(b, va_arg(*ap, long long));
		return 3;
	case '.':
		if (d[1] != '*' || d[2] != 's')
			return 0;
		int most = va_arg(*ap, int);
		add_text(b, va_arg(*ap, const char *), most);
		return 3;
	default:
		return 0;
	}
}

/* Formats for the library alone cost it a thousand instructions each. False: it has to do this one. */
static bool print_plainly(struct buf *b, const char *fmt, va_list *ap)
{
	for (;;) {
		size_t n = strcspn(fmt, "%"), k;

		buf_add(b, fmt, n);
		if (!fmt[n])
			return true;
		k = add_directive(b, fmt + n + 1, ap);
		if (!k)
			return false;
		fmt += n + 1 + k;
	}
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	size_t before = b->n;
	va_list ap;
	char *to;
	int n;

	if (b->failed)
		return;
	va_start(ap, fmt);
	bool done = print_plainly(b, fmt, &ap);
	va_end(ap);
	if (b->failed)
		buf_cut(b, before);
	if (done || b->failed)
		return;
	buf_cut(b, before);
	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0) {
		b->failed = -ENOMEM;
		return;
	}
	to = buf_reserve(b, (size_t)n);
	if (!to)
		return;
	va_start(ap, fmt);
	vsnprintf(to, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->n += (size_t)n;
}

void buf_cut(struct buf *b, size_t n)
{
	if (n >= b->n)
		return;
	ASSERT(b->n < b->cap);
	b->n = n;
	b->p[n] = '\0';
}

void buf_consume(struct buf *b, size_t n)
{
	if (n == 0)
		return;
	if (n < b->n) {
		memmove(b->p, b->p + n, b->n - n);
		b->n -= n;
	} else {
		b->n = 0;
	}
	if (b->p)
		b->p[b->n] = '\0';
}

int buf_status(const struct buf *b)
{
	return b->failed;
}

int buf_check(const struct buf *b, struct err *e, const char *too_large)
{
	if (!b->failed)
		return 0;
	ASSERT(b->failed == E_TOO_LARGE || b->failed == -ENOMEM); /* who writes there by itself sets nothing else */
	return err_set(e, b->failed, "%s", b->failed == E_TOO_LARGE ? too_large : "no memory left for a text");
}

char *buf_take(struct buf *b)
{
	char *p = NULL;

	if (!b->failed) {
		ASSERT(b->p ? b->n < b->cap : b->n == 0); /* who raised n itself had the room reserved */
		p = b->p ? b->p : xstrdup("");
		p[b->n] = '\0';
		b->p = NULL;
	}
	buf_done(b);
	return p;
}
