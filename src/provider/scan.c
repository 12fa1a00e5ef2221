/*
 * scan.c - reading JSON from providers: a scanner for lines of the usual shape, which gives up at the first thing it was
 * not made for, and a forgiving way to the full parser for all others.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "provider/provider_priv.h"

static void skip_space(struct json_scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t'))
		s->p++;
}

bool json_scan_char(struct json_scan *s, char c)
{
	skip_space(s);
	if (s->p == s->end || *s->p != c)
		return false;
	s->p++;
	return true;
}

bool json_scan_string(struct json_scan *s, struct str *ret_raw)
{
	if (!json_scan_char(s, '"'))
		return false;
	ptrdiff_t n = json_plain_string(s->p, (size_t)(s->end - s->p));
	if (n < 0)
		return false;
	*ret_raw = (struct str){s->p, (size_t)n};
	s->p += n + 1;
	return true;
}

bool json_scan_word(struct json_scan *s, const char *word)
{
	skip_space(s);
	size_t n = strlen(word);
	if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0)
		return false;
	s->p += n;
	return true;
}

/* Whole numbers and plain decimals; numbers of other forms are for the full parser. */
static bool scan_number(struct json_scan *s)
{
	const char *p = s->p;
	if (p < s->end && *p == '-')
		p++;
	const char *digits = p;
	while (p < s->end && *p >= '0' && *p <= '9')
		p++;
	if (p == digits || (*digits == '0' && p - digits > 1) || p - digits > 15)
		return false;
	if (p < s->end && *p == '.') {
		digits = ++p;
		while (p < s->end && *p >= '0' && *p <= '9')
			p++;
		if (p == digits)
			return false;
	}
	if (p < s->end && (*p == 'e' || *p == 'E'))
		return false;
	s->p = p;
	return true;
}

bool json_scan_scalar(struct json_scan *s)
{
	struct str ignored;
	skip_space(s);
	if (s->p == s->end)
		return false;
	switch (*s->p) {
	case '"':
		return json_scan_string(s, &ignored);
	case 'n':
		return json_scan_word(s, "null");
	case 't':
		return json_scan_word(s, "true");
	case 'f':
		return json_scan_word(s, "false");
	default:
		return scan_number(s);
	}
}

bool json_scan_count(struct json_scan *s, int64_t *ret)
{
	struct json_scan number;
	int64_t v = 0;
	skip_space(s);
	number = *s;
	if (!scan_number(&number))
		return false;
	for (const char *p = s->p; p < number.p; p++) {
		if (*p < '0' || *p > '9')
			return false;
		v = v * 10 + (*p - '0');
	}
	s->p = number.p;
	*ret = MIN(v, COUNT_MAX);
	return true;
}

bool json_scan_end(struct json_scan *s)
{
	skip_space(s);
	return s->p == s->end;
}

/* Names are short: a plain loop beats the search in strides that texts want. Those with escapes or beyond ASCII are none
 * that we know. */
static bool scan_name(struct json_scan *s, struct str *ret)
{
	if (!json_scan_char(s, '"'))
		return false;
	const char *p = s->p;
	while (p < s->end && *p != '"') {
		if ((unsigned char)(*p - 0x20) >= 0x60 || *p == '\\')
			return false;
		p++;
	}
	if (p == s->end)
		return false;
	*ret = (struct str){s->p, (size_t)(p - s->p)};
	s->p = p + 1;
	return true;
}

int json_scan_member(struct json_scan *s, bool *first, struct str *ret_key)
{
	if (json_scan_char(s, '}'))
		return 0;
	if (!*first && !json_scan_char(s, ','))
		return -1;
	*first = false;
	return scan_name(s, ret_key) && json_scan_char(s, ':') ? 1 : -1;
}

/* ---- lines of one shape ---- */

#define MISSES_MAX 8 /* after which it is not learned any more */

/* Skips what a plain string contains, up to its closing quote. */
static bool skip_string(struct json_scan *s, struct str *ret)
{
	ptrdiff_t n = json_plain_string(s->p, (size_t)(s->end - s->p));
	if (n < 0)
		return false;
	*ret = (struct str){s->p, (size_t)n};
	s->p += n;
	return true;
}

static bool skip_bytes(struct json_scan *s, const char *p, size_t n)
{
	if ((size_t)(s->end - s->p) < n || memcmp(s->p, p, n) != 0)
		return false;
	s->p += n;
	return true;
}

bool shape_read(struct line_shape *l, const char *p, size_t n, struct scanned *ret)
{
	struct json_scan s = {p, p + n};
	const char *fixed = l->fixed.p;
	size_t between = l->fixed.n - l->before - l->behind;
	if (l->fixed.n == 0 || !skip_bytes(&s, fixed, l->before) || (l->is_stamped && !skip_string(&s, &ret->stamp)) ||
		!skip_bytes(&s, fixed + l->before, between) ||
		!skip_string(&s, l->is_reasoning ? &ret->reasoning : &ret->content) ||
		!skip_bytes(&s, fixed + l->before + between, l->behind) || s.p != s.end)
		return false;
	l->misses = 0;
	return true;
}

void shape_learn(struct line_shape *l, const char *p, size_t n, const struct scanned *found)
{
	bool reasons = found->reasoning.n > 0;
	struct str text = reasons ? found->reasoning : found->content;
	bool stamped = found->stamp.p && found->stamp.p < text.p;
	if (l->misses >= MISSES_MAX || text.n == 0 || (reasons && found->content.n > 0) || found->finish.n > 0 ||
		found->tokens_in >= 0 || found->tokens_out >= 0 || n - text.n > l->fixed.max)
		return;
	const char *middle = stamped ? found->stamp.p + found->stamp.n : p, *tail = text.p + text.n;
	buf_reset(&l->fixed);
	l->before = stamped ? (size_t)(found->stamp.p - p) : 0;
	l->behind = (size_t)(p + n - tail);
	l->is_stamped = stamped;
	l->is_reasoning = reasons;
	l->misses++;
	buf_add(&l->fixed, p, l->before);
	buf_add(&l->fixed, middle, (size_t)(text.p - middle));
	buf_add(&l->fixed, tail, l->behind);
	if (buf_status(&l->fixed) < 0)
		buf_done(&l->fixed);
}

static int hex4(const char *p, const char *end)
{
	int v = 0;
	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		if (!isxdigit((unsigned char)p[i]))
			return -1;
		v = v * 16 + (p[i] <= '9' ? p[i] - '0' : (p[i] | 0x20) - 'a' + 10);
	}
	return v;
}

/* Lone surrogates stand as these characters of the last private plane until their other half is there. */
#define HALF_MARK 0x10f000u

static void add_char(struct buf *b, uint32_t c)
{
	char four[] = {(char)(0xf0 | c >> 18), (char)(0x80 | (c >> 12 & 0x3f)), (char)(0x80 | (c >> 6 & 0x3f)),
		(char)(0x80 | (c & 0x3f))};
	buf_add(b, four, 4);
}

/* The surrogate whose mark stands at p, or 0. */
static uint16_t half_at(const char *p, size_t n)
{
	if (n < 4 || memcmp(p, "\xf4\x8f", 2) != 0 || (unsigned char)p[2] >= 0xa0)
		return 0;
	return (uint16_t)(0xd800u + ((unsigned)(p[2] & 0x3f) << 6) + (unsigned)(p[3] & 0x3f));
}

static bool is_high(uint16_t half)
{
	return half != 0 && half < 0xdc00;
}

static void add_pair(struct buf *b, uint16_t high, uint16_t low)
{
	add_char(b, 0x10000u + ((uint32_t)(high - 0xd800) << 10) + (low - 0xdc00u));
}

int wire_join_halves(uint16_t *half, bool has_halves, const char **p, size_t *n, struct buf *room)
{
	static const char replacement[] = "\xef\xbf\xbd";
	if (*n == 0 || (!*half && !has_halves))
		return 0;
	for (size_t i = 0; i < *n;) {
		uint16_t h = has_halves ? half_at(*p + i, *n - i) : 0;
		bool joined = *half && h && !is_high(h);
		if (joined)
			add_pair(room, *half, h);
		else if (*half)
			buf_add_str(room, replacement);
		*half = is_high(h) ? h : 0;
		if (h && !is_high(h) && !joined)
			buf_add_str(room, replacement);
		if (!h)
			buf_add_char(room, (*p)[i]);
		i += h ? 4 : 1;
	}
	*p = buf_str(room).p;
	*n = room->n;
	return buf_status(room);
}

int wire_parse(const char *p, size_t n, json_t **ret)
{
	return json_read(p, n, JSON_MEMORY, JSON_READ_LOOSE, ret, NULL);
}

static bool is_pair(const char *p, const char *end)
{
	int high = hex4(p + 2, end), low = end - p >= 12 && p[6] == '\\' && p[7] == 'u' ? hex4(p + 8, end) : -1;
	return high >= 0xd800 && high < 0xdc00 && low >= 0xdc00 && low < 0xe000;
}

/* Lone surrogates become their marks; returns whether there are any. */
static bool mark_halves(struct buf *b, const char *p, size_t n)
{
	const char *end = p + n;
	bool found = false;
	while (p < end) {
		const char *slash = memchr(p, '\\', (size_t)(end - p));
		buf_add(b, p, (size_t)((slash ? slash : end) - p));
		if (!slash)
			break;
		int v = end - slash >= 6 && slash[1] == 'u' ? hex4(slash + 2, end) : -1;
		bool half = v >= 0xd800 && v < 0xe000, pair = half && is_pair(slash, end);
		size_t k = pair ? 12 : v >= 0 ? 6 : (size_t)MIN(2, end - slash);
		if (half && !pair)
			add_char(b, HALF_MARK + (uint32_t)(v - 0xd800));
		else
			buf_add(b, slash, k);
		found |= half && !pair;
		p = slash + k;
	}
	return found;
}

int wire_parse_piece(const char *p, size_t n, json_t **ret, bool *ret_has_halves)
{
	CLEANUP(buf_done) struct buf marked = BUF_INIT(n + 16);
	*ret_has_halves = false;
	if ((memmem(p, n, "\\ud", 3) || memmem(p, n, "\\uD", 3)) && mark_halves(&marked, p, n)) {
		*ret_has_halves = true;
		p = buf_str(&marked).p;
		n = marked.n;
	}
	return json_read(p, n, JSON_MEMORY, JSON_READ_LOOSE, ret, NULL);
}

int64_t wire_time_ns(const json_t *obj, const char *key, double unit_ns)
{
	double d = json_number_value(json_object_get(obj, key)) * unit_ns;
	return d >= 1 && d < 1e15 ? (int64_t)d : 0;
}

static int64_t number_to(const json_t *obj, const char *key, int64_t otherwise, int64_t most)
{
	const json_t *v = json_object_get(obj, key);
	char *end = NULL;
	double d = -1;
	if (!json_get_number(v, &d) && json_string_length(v) > 0)
		d = strtod(json_string_value(v), &end);
	if (!(d >= 0) || (end && *end))
		return otherwise;
	return d >= (double)most ? most : (int64_t)d;
}

int64_t wire_count(const json_t *obj, const char *key, int64_t otherwise)
{
	return number_to(obj, key, otherwise, COUNT_MAX);
}

int64_t wire_size(const json_t *obj, const char *key)
{
	return number_to(obj, key, 0, SIZE_MOST);
}

enum { WINDOW_LEAST = 16 };

int64_t wire_window(const json_t *obj, const char *key)
{
	int64_t n = wire_count(obj, key, 0);

	return n >= WINDOW_LEAST ? n : 0;
}

/* ---- error bodies ---- */

static const char *error_member(const json_t *v)
{
	if (json_is_string(v))
		return json_string_value(v);
	if (!json_is_object(v))
		return NULL;
	const char *text = json_get_str(v, "message");
	if (!text)
		text = json_get_str(v, "msg");
	return text ? text : error_member(json_object_get(v, "error"));
}

/* One line of at most size - 1 bytes, cut between characters. */
static void copy_line(const char *p, size_t n, char *ret, size_t size)
{
	size_t used = 0;
	n = utf8_prefix(p, n, size - 1);
	for (size_t i = 0; i < n; i++) {
		char c = (unsigned char)p[i] < 0x20 ? ' ' : p[i];
		if (c != ' ' || (used > 0 && ret[used - 1] != ' '))
			ret[used++] = c;
	}
	while (used > 0 && ret[used - 1] == ' ')
		used--;
	ret[used] = '\0';
}

static const char *find_error(const json_t *root)
{
	const char *text = error_member(json_object_get(root, "error"));
	const json_t *detail = json_object_get(root, "detail");
	if (!text)
		text = error_member(json_is_array(detail) ? json_array_get(detail, 0) : detail);
	if (!text)
		text = error_member(json_is_array(root) ? json_array_get(root, 0) : root);
	return text ? text : "";
}

/* Ollama hands on the whole error body of its runner as a string: {"error":"{\"error\":{\"message\": ...}}"}. */
void wire_error_text(const json_t *root, char *ret, size_t size)
{
	CLEANUP(json_decrefp) json_t *inner = NULL;
	const char *text = find_error(root);
	if (*text == '{' && wire_parse(text, strlen(text), &inner) >= 0 && *find_error(inner))
		text = find_error(inner);
	copy_line(text, strlen(text), ret, size);
}

#define SECRET_SHORTEST 6 /* what is shorter is no secret */

void wire_hide(char *text, const char *secret)
{
	size_t n = secret ? strlen(secret) : 0;
	for (char *at = text; n >= SECRET_SHORTEST && (at = strstr(at, secret)) != NULL; at += 3) {
		memmove(at + 3, at + n, strlen(at + n) + 1);
		memset(at, '*', 3);
	}
}

const char *wire_full_stop(const char *text)
{
	size_t n = strlen(text);
	return n > 0 && strchr(".!?", text[n - 1]) ? "" : ".";
}

void wire_error_body(const char *p, size_t n, char *ret, size_t size)
{
	CLEANUP(json_decrefp) json_t *root = NULL;
	ret[0] = '\0';
	while (n > 0 && isspace((unsigned char)*p))
		p++, n--;
	if (n == 0)
		return;
	if (wire_parse(p, n, &root) >= 0)
		wire_error_text(root, ret, size);
	else if (*p != '<' && *p != '{') /* a web page of a proxy says nothing to a person */
		copy_line(p, n, ret, size);
	if (!utf8_valid(ret, strlen(ret)))
		ret[0] = '\0';
}
