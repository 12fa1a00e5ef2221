/* json.c - writing, and the token path that needs no tree; json_read.c parses. */
#include "base/json_priv.h"

#include <math.h>
#include <stdio.h>

#include "base/utf8.h"

/* Bytes that stand for themselves inside a JSON string and need no second look. */
static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

size_t json_plain_run(const char *p, size_t n)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), highs = UINT64_C(0x8080808080808080);
	size_t i = 0;

	for (; i + 8 <= n; i += 8) {
		uint64_t w, quote, slash;

		memcpy(&w, p + i, sizeof(w));
		quote = w ^ (ones * '"');
		slash = w ^ (ones * '\\');
		/* A high bit stays where a byte is below 0x20, a quote, a backslash, or not ASCII. False alarms only
		 * above a true one, so the slow loop decides. */
		if ((w | ((w - ones * 0x20) & ~w) | ((quote - ones) & ~quote) | ((slash - ones) & ~slash)) & highs)
			break;
	}
	while (i < n && is_plain((unsigned char)p[i]))
		i++;
	return i;
}

static void add_escaped(struct buf *b, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	const char *at = c ? strchr(from, c) : NULL;

	if (at) {
		buf_add(b, (char[]){'\\', to[at - from]}, 2);
		return;
	}
	buf_add(b, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
}

/* Adds a part that needs nothing or only escapes; anything but UTF-8 is already gone. */
static void add_valid(struct buf *b, const char *p, size_t n)
{
	size_t i = 0, from = 0;

	while (i < n) {
		i += json_plain_run(p + i, n - i);
		if (i == n)
			break;
		if ((unsigned char)p[i] >= 0x80) {
			i++;
			continue;
		}
		buf_add(b, p + from, i - from);
		add_escaped(b, (unsigned char)p[i]);
		from = ++i;
	}
	buf_add(b, p + from, n - from);
}

void json_add_string(struct buf *b, const char *p, size_t n)
{
	CLEANUP(buf_done) struct buf repaired = BUF_INIT(n <= SIZE_MAX / 4 ? n * 3 : SIZE_MAX);

	buf_add_char(b, '"');
	if (utf8_valid(p, n)) {
		add_valid(b, p, n);
	} else {
		utf8_add_repaired(&repaired, p, n);
		if (repaired.failed && !b->failed)
			b->failed = repaired.failed;
		add_valid(b, buf_str(&repaired).p, repaired.n);
	}
	buf_add_char(b, '"');
}

void json_add_cstr(struct buf *b, const char *s)
{
	if (s)
		json_add_string(b, s, strlen(s));
	else
		buf_add(b, "null", 4);
}

void json_add_double(struct buf *b, double v)
{
	char text[40];

	if (!isfinite(v)) {
		buf_add(b, "null", 4);
		return;
	}
	/* The shorter form where it reads back as the same number: 0.7, not 0.69999999999999996. */
	snprintf(text, sizeof(text), "%.15g", v);
	if (strtod(text, NULL) < v || strtod(text, NULL) > v)
		snprintf(text, sizeof(text), "%.17g", v);
	buf_add_str(b, text);
	/* A whole number stays a real one for the next reader. */
	if (!strpbrk(text, ".e"))
		buf_add(b, ".0", 2);
}

static void add_text(struct buf *b, const json_t *v)
{
	const char *number = json_long_number(v);

	if (number)
		buf_add_str(b, number);
	else
		json_add_string(b, json_string_value(v), json_string_length(v));
}

static void add_object(struct buf *b, json_t *v)
{
	bool first = true;
	const char *key;
	json_t *item;

	buf_add_char(b, '{');
	json_object_foreach(v, key, item)
	{
		if (!first)
			buf_add_char(b, ',');
		first = false;
		json_add_cstr(b, key);
		buf_add_char(b, ':');
		json_add_value(b, item);
	}
	buf_add_char(b, '}');
}

void json_add_value(struct buf *b, const json_t *v)
{
	if (!v) {
		buf_add(b, "null", 4);
		return;
	}
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		add_object(b, (json_t *)v); /* only walked; jansson's iterators know no const */
		break;
	case JSON_ARRAY:
		buf_add_char(b, '[');
		for (size_t i = 0; i < json_array_size(v); i++) {
			if (i > 0)
				buf_add_char(b, ',');
			json_add_value(b, json_array_get(v, i));
		}
		buf_add_char(b, ']');
		break;
	case JSON_STRING:
		add_text(b, v);
		break;
	case JSON_INTEGER:
		buf_printf(b, "%lld", (long long)json_integer_value(v));
		break;
	case JSON_REAL:
		json_add_double(b, json_real_value(v));
		break;
	case JSON_TRUE:
		buf_add(b, "true", 4);
		break;
	case JSON_FALSE:
		buf_add(b, "false", 5);
		break;
	case JSON_NULL:
		buf_add(b, "null", 4);
		break;
	}
}

static bool is_short_escape(char c)
{
	switch (c) {
	case '"':
	case '\\':
	case '/':
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't':
		return true;
	default:
		return false;
	}
}

ptrdiff_t json_plain_string(const char *p, size_t n)
{
	size_t i = 0;

	for (;;) {
		unsigned char c;

		i += json_plain_run(p + i, n - i);
		if (i == n)
			return -1;
		c = (unsigned char)p[i];
		if (c == '"')
			return (ptrdiff_t)i;
		if (c >= 0x80) {
			size_t len = utf8_char(p + i, n - i);

			if (len == 0)
				return -1;
			i += len;
		} else if (c == '\\' && i + 1 < n && is_short_escape(p[i + 1])) {
			i += 2;
		} else {
			return -1;
		}
	}
}

int32_t json_hex4(const char *p, size_t n)
{
	int32_t v = 0;

	if (n < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = p[i];
		int digit;

		if (c >= '0' && c <= '9')
			digit = c - '0';
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			digit = (c | 0x20) - 'a' + 10;
		else
			return -1;
		v = v << 4 | digit;
	}
	return v;
}

static void add_code_point(struct buf *b, uint32_t c)
{
	/* A NUL would end the text for every C reader behind us. */
	if (c == 0 || (c >= 0xd800 && c <= 0xdfff))
		c = 0xfffd;
	ASSERT(c <= 0x10ffff);
	if (c < 0x80)
		buf_add(b, (char[]){(char)c}, 1);
	else if (c < 0x800)
		buf_add(b, (char[]){(char)(0xc0 | c >> 6), (char)(0x80 | (c & 63))}, 2);
	else if (c < 0x10000)
		buf_add(b, (char[]){(char)(0xe0 | c >> 12), (char)(0x80 | (c >> 6 & 63)), (char)(0x80 | (c & 63))}, 3);
	else
		buf_add(b,
			(char[]){(char)(0xf0 | c >> 18), (char)(0x80 | (c >> 12 & 63)), (char)(0x80 | (c >> 6 & 63)),
				(char)(0x80 | (c & 63))},
			4);
}

/* p points behind "\u"; returns the bytes used from there. */
static size_t add_unicode_escape(struct buf *b, const char *p, size_t n)
{
	int32_t high = json_hex4(p, n), low;

	if (high < 0) {
		add_code_point(b, 0xfffd);
		return 0;
	}
	if (high >= 0xd800 && high <= 0xdbff && n >= 10 && p[4] == '\\' && p[5] == 'u') {
		low = json_hex4(p + 6, n - 6);
		if (low >= 0xdc00 && low <= 0xdfff) {
			add_code_point(b, 0x10000 + ((uint32_t)(high - 0xd800) << 10) + (uint32_t)(low - 0xdc00));
			return 10;
		}
	}
	add_code_point(b, (uint32_t)high);
	return 4;
}

void json_add_unescaped(struct buf *b, const char *p, size_t n)
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";

	while (n > 0) {
		const char *slash = memchr(p, '\\', n), *at;
		size_t run = slash ? (size_t)(slash - p) : n;

		buf_add(b, p, run);
		p += run;
		n -= run;
		if (n < 2)
			return; /* the end, or a lone backslash there */
		if (p[1] == 'u') {
			size_t used = 2 + add_unicode_escape(b, p + 2, n - 2);

			p += used;
			n -= used;
			continue;
		}
		at = p[1] ? strchr(from, p[1]) : NULL;
		buf_add_char(b, at ? to[at - from] : p[1]);
		p += 2;
		n -= 2;
	}
}

const char *json_get_str(const json_t *obj, const char *key)
{
	return json_string_value(json_object_get(obj, key));
}

int64_t json_get_i64(const json_t *obj, const char *key, int64_t otherwise)
{
	const json_t *v = json_object_get(obj, key);

	return json_is_integer(v) ? (int64_t)json_integer_value(v) : otherwise;
}
