/* utf8.c - validity and repair of UTF-8. */
#include "base/utf8.h"

/*
 * One sequence: its length when valid; else minus the bytes that one U+FFFD stands for, which is the longest
 * beginning of a valid sequence (as browsers do it), at least one. n is at least 1.
 */
static int sequence(const unsigned char *p, size_t n)
{
	unsigned char lo = 0x80, hi = 0xbf;
	int len;

	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		len = 2;
	else if (p[0] >= 0xe0 && p[0] <= 0xef)
		len = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		len = 4;
	else
		return -1;
	/* The second byte rules out overlong forms, surrogates and what lies above U+10FFFF. */
	if (p[0] == 0xe0)
		lo = 0xa0;
	else if (p[0] == 0xed)
		hi = 0x9f;
	else if (p[0] == 0xf0)
		lo = 0x90;
	else if (p[0] == 0xf4)
		hi = 0x8f;
	for (int i = 1; i < len; i++) {
		if ((size_t)i >= n || p[i] < lo || p[i] > hi)
			return -i;
		lo = 0x80;
		hi = 0xbf;
	}
	return len;
}

static size_t ascii_run(const char *p, size_t n)
{
	size_t i = 0;

	for (; i + 8 <= n; i += 8) {
		uint64_t w;

		memcpy(&w, p + i, sizeof(w));
		if (w & UINT64_C(0x8080808080808080))
			break;
	}
	while (i < n && !(p[i] & 0x80))
		i++;
	return i;
}

size_t utf8_char(const char *p, size_t n)
{
	int len = n ? sequence((const unsigned char *)p, n) : 0;

	return len > 0 ? (size_t)len : 0;
}

bool utf8_valid(const char *p, size_t n)
{
	size_t i = ascii_run(p, n);

	while (i < n) {
		size_t len = utf8_char(p + i, n - i);

		if (len == 0)
			return false;
		i += len;
		i += ascii_run(p + i, n - i);
	}
	return true;
}

size_t utf8_prefix(const char *p, size_t n, size_t max)
{
	size_t k = max;

	if (n <= max)
		return n;
	while (k > 0 && max - k < 4 && (p[k] & 0xc0) == 0x80)
		k--;
	/* Four continuation bytes in a row are no character; cutting there harms nothing. */
	return max - k < 4 ? k : max;
}

size_t utf8_count(const char *p, size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += ((unsigned char)p[i] & 0xc0) != 0x80;
	return count;
}

size_t utf8_whole(const char *p, size_t n)
{
	size_t i = n;

	/* Back to the last byte that begins a character. */
	while (i > 0 && n - i < 3 && (p[i - 1] & 0xc0) == 0x80)
		i--;
	if (i == 0 || (p[i - 1] & 0xc0) != 0xc0)
		return n;
	return utf8_char(p + i - 1, n - i + 1) ? n : i - 1;
}

void utf8_add_repaired(struct buf *b, const char *p, size_t n)
{
	size_t i = 0, from = 0;

	while (i < n) {
		int len;

		i += ascii_run(p + i, n - i);
		if (i == n)
			break;
		len = sequence((const unsigned char *)p + i, n - i);
		if (len > 0) {
			i += (size_t)len;
			continue;
		}
		buf_add(b, p + from, i - from);
		buf_add(b, "\xef\xbf\xbd", 3);
		i += (size_t)-len;
		from = i;
	}
	buf_add(b, p + from, n - from);
}

/* The character of `len` valid bytes. */
static uint32_t decode(const unsigned char *p, size_t len)
{
	uint32_t c = len == 1 ? p[0] : p[0] & (0x7fu >> len);

	for (size_t i = 1; i < len; i++)
		c = c << 6 | (p[i] & 0x3f);
	return c;
}

/* Control characters, other ends of lines, and what turns the direction of the text around it. */
static bool steers_terminal(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x206f) ||
	       (c >= 0xfff9 && c <= 0xfffb);
}

/* What nobody sees, but writing may need: joiners, breaks within words, marks of direction, tags of flags. */
static bool is_unseen(uint32_t c)
{
	return c == 0xad || c == 0x34f || c == 0x61c || c == 0x115f || c == 0x1160 || c == 0x17b4 || c == 0x17b5 ||
	       (c >= 0x180b && c <= 0x180f) || (c >= 0x200b && c <= 0x200f) || (c >= 0x2060 && c <= 0x2065) ||
	       c == 0x3164 || c == 0xfeff || c == 0xffa0 || (c >= 0x1d173 && c <= 0x1d17a) ||
	       (c >= 0xe0000 && c <= 0xe0fff);
}

static bool is_shown_as_it_is(uint32_t c, enum utf8_visible as)
{
	if ((c == '\n' || c == '\t') && as != UTF8_LINE)
		return true;
	return !steers_terminal(c) && (as == UTF8_TEXT || !is_unseen(c));
}

static void add_escape(struct buf *b, uint32_t c, enum utf8_visible as)
{
	if (as == UTF8_JSON && c > 0xffff)
		buf_printf(b, "\\u%04x\\u%04x", 0xd7c0 + (c >> 10), 0xdc00 + (c & 0x3ff));
	else if (as == UTF8_JSON || c >= 0x80)
		buf_printf(b, "\\u%04x", c);
	else
		buf_printf(b, "\\x%02x", c);
}

void utf8_add_visible(struct buf *b, const char *p, size_t n, enum utf8_visible as)
{
	size_t from = 0, len;

	for (size_t i = 0; i < n; i += len) {
		size_t valid = utf8_char(p + i, n - i);
		uint32_t c = valid ? decode((const unsigned char *)p + i, valid) : 0;

		len = MAX(valid, (size_t)1);
		if (valid && is_shown_as_it_is(c, as))
			continue;
		buf_add(b, p + from, i - from);
		from = i + len;
		if (!valid && as == UTF8_JSON)
			buf_add_str(b, "\\ufffd");
		else if (!valid)
			buf_printf(b, "\\x%02x", (unsigned char)p[i]);
		else if (c != '\r' || as == UTF8_LINE)
			add_escape(b, c, as);
	}
	buf_add(b, p + from, n - from);
}
