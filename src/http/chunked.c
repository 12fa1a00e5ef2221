/* chunked.c - the chunks of a body. */
#include "http/chunked.h"

#include "http/head.h"

enum {
	SIZE_DIGITS = 15,     /* of a chunk's size: no overflow */
	OVERHEAD_MAX = 16384, /* extensions and trailers of one body */
};

enum state {
	SIZE,
	SIZE_BLANK, /* before ";" */
	NAME,       /* of an extension: its first character */
	NAME_MORE,
	NAME_BLANK, /* before "=" or ";" */
	VALUE,      /* its first character */
	VALUE_MORE,
	QUOTED,
	QUOTED_PAIR,
	QUOTED_END,
	VALUE_END,   /* behind its quotes */
	VALUE_BLANK, /* before ";" */
	SIZE_LF,
	DATA,
	DATA_CR,
	DATA_LF,
	TRAILER, /* its first character, or the end */
	TRAILER_NAME,
	TRAILER_VALUE,
	TRAILER_LF,
	LAST_LF,
	DONE,
	BAD,
};

_Static_assert(SIZE_DIGITS * 4 < 64, "the size of a chunk fits its field");
_Static_assert(BAD <= UINT8_MAX, "and the state");

static bool is_blank(unsigned char c)
{
	return c == ' ' || c == '\t';
}

static int digit(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static enum state after_size(unsigned char c)
{
	if (c == '\r')
		return SIZE_LF;
	if (c == ';')
		return NAME;
	return is_blank(c) ? SIZE_BLANK : BAD;
}

static enum state in_size(struct chunked *c, unsigned char ch)
{
	int v = digit(ch);

	if (v < 0)
		return c->digits ? after_size(ch) : BAD;
	c->left = c->left * 16 + (unsigned)v;
	return ++c->digits <= SIZE_DIGITS ? SIZE : BAD;
}

/* Behind an extension's name or value. */
static enum state after_extension(unsigned char c, bool name)
{
	if (c == '\r')
		return SIZE_LF;
	if (c == ';')
		return NAME;
	if (c == '=' && name)
		return VALUE;
	return is_blank(c) ? (name ? NAME_BLANK : VALUE_BLANK) : BAD;
}

static enum state after_blank(unsigned char c, enum state s)
{
	if (c == ';')
		return NAME;
	if (c == '=' && s == NAME_BLANK)
		return VALUE;
	return is_blank(c) ? s : BAD;
}

static enum state in_extension(enum state s, unsigned char c)
{
	switch (s) {
	case NAME:
		return is_blank(c) ? NAME : head_is_token(c) ? NAME_MORE : BAD;
	case NAME_MORE:
		return head_is_token(c) ? NAME_MORE : after_extension(c, true);
	case VALUE:
		return is_blank(c) ? VALUE : c == '"' ? QUOTED : head_is_token(c) ? VALUE_MORE : BAD;
	case VALUE_MORE:
		return head_is_token(c) ? VALUE_MORE : after_extension(c, false);
	case QUOTED:
		if (c == '"')
			return VALUE_END;
		return c == '\\' ? QUOTED_PAIR : head_is_text(c) ? QUOTED : BAD;
	case QUOTED_PAIR:
		return head_is_text(c) ? QUOTED : BAD;
	case VALUE_END:
		return after_extension(c, false);
	default:
		return after_blank(c, s);
	}
}

static enum state in_trailer(enum state s, unsigned char c)
{
	switch (s) {
	case TRAILER:
		return c == '\r' ? LAST_LF : head_is_token(c) ? TRAILER_NAME : BAD;
	case TRAILER_NAME:
		return c == ':' ? TRAILER_VALUE : head_is_token(c) ? TRAILER_NAME : BAD;
	default:
		return c == '\r' ? TRAILER_LF : head_is_text(c) ? TRAILER_VALUE : BAD;
	}
}

/* One character that is no data. */
static enum state next(struct chunked *c, unsigned char ch)
{
	switch ((enum state)c->state) {
	case SIZE:
		return in_size(c, ch);
	case SIZE_LF:
		c->digits = 0;
		return ch != '\n' ? BAD : c->left ? DATA : TRAILER;
	case DATA_CR:
		return ch == '\r' ? DATA_LF : BAD;
	case DATA_LF:
		return ch == '\n' ? SIZE : BAD;
	case TRAILER_LF:
		return ch == '\n' ? TRAILER : BAD;
	case LAST_LF:
		return ch == '\n' ? DONE : BAD;
	case TRAILER:
	case TRAILER_NAME:
	case TRAILER_VALUE:
		return ++c->overhead > OVERHEAD_MAX ? BAD : in_trailer(c->state, ch);
	default:
		return ++c->overhead > OVERHEAD_MAX ? BAD : in_extension(c->state, ch);
	}
}

ssize_t chunked_take(struct chunked *c, const char *p, size_t n, struct str *ret_data)
{
	size_t i = 0;

	*ret_data = (struct str){p, 0};
	while (i < n && c->state != DATA && c->state != DONE && c->state != BAD)
		c->state = (unsigned char)next(c, (unsigned char)p[i++]);
	if (c->state == BAD)
		return E_INVALID;
	if (c->state == DATA && i < n) {
		size_t take = (size_t)MIN((uint64_t)(n - i), c->left);
		*ret_data = (struct str){p + i, take};
		i += take;
		c->left -= take;
		if (c->left == 0)
			c->state = DATA_CR;
	}
	return (ssize_t)i;
}

bool chunked_done(const struct chunked *c)
{
	return c->state == DONE;
}
