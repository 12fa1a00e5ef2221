/*
 * json_read.c - a JSON text into a tree, through jansson. One pass over the text comes first: it finds how deep and how
 * large the tree would be, and whether there is something in it that jansson refuses and we do not.
 */
#include "base/json_priv.h"

#include <errno.h>
#include <stdio.h>

#include "base/memory.h"
#include "base/utf8.h"

/* jansson recurses once a level; pool threads have small stacks, and nobody nests deeper than this by hand. */
#define DEPTH_MAX 256

/* What jansson 2.14 allocates for each, on 64 bits with malloc's own share; growing tables hold old and new for a
 * moment. tests/unit/base/test_json.c holds these against what it really takes. */
enum { COST_OBJECT = 240, COST_ARRAY = 144, COST_PAIR = 112, COST_ITEM = 32, COST_STRING = 96, COST_NUMBER = 32 };

/* Digits that an int64_t and a double hold, whatever they are. */
enum { DIGITS_INTEGER = 18, DIGITS_REAL = 17, DIGITS_EXPONENT = 2 };

/* A number kept as it stood is a string that begins with this: no other string of a mild reading has a NUL. */
#define LONG_NUMBER "\\u0000"

struct scan {
	const char *p, *end;
	size_t cost, memory; /* bytes */
	unsigned depth, deepest;
	bool odd;        /* in strings: something that only a mild reading takes */
	bool longs;      /* a number that only an exact one keeps */
	bool beyond;     /* an integer among these that no int64_t holds: to others it is a double */
	bool unwritable; /* one that has no form, which only a loose one takes */
};

/* ---- the first pass ---- */

/* At a backslash; returns how long the escape is, and whether it is one of half a character or of NUL. */
static size_t escape_length(const char *p, const char *end, bool *ret_odd)
{
	size_t n = (size_t)(end - p);
	int32_t c, low;

	*ret_odd = false;
	if (n < 2 || p[1] != 'u')
		return MIN(n, 2);
	c = json_hex4(p + 2, n - 2);
	if (c < 0)
		return 2;
	if (c < 0xd800 || c > 0xdfff) {
		*ret_odd = c == 0;
		return 6;
	}
	low = c < 0xdc00 && n >= 12 && p[6] == '\\' && p[7] == 'u' ? json_hex4(p + 8, n - 8) : -1;
	if (low >= 0xdc00 && low <= 0xdfff)
		return 12;
	*ret_odd = true;
	return 6;
}

/* From behind the opening quote to behind the closing one. */
static void scan_string(struct scan *s)
{
	while (s->p < s->end) {
		size_t len;
		bool odd;

		s->p += json_plain_run(s->p, (size_t)(s->end - s->p));
		if (s->p == s->end)
			return;
		if (*s->p == '"') {
			s->p++;
			return;
		}
		if (*s->p == '\\') {
			s->p += escape_length(s->p, s->end, &odd);
			s->odd |= odd;
			continue;
		}
		len = (unsigned char)*s->p < 0x80 ? 0 : utf8_char(s->p, (size_t)(s->end - s->p));
		s->odd |= len == 0;
		s->p += MAX(len, 1);
	}
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The number at p is longer than what its kind surely holds. */
static bool is_long(const char *p, size_t n)
{
	size_t digits = 0, i = 0;
	bool real = false;

	for (; i < n && p[i] != 'e' && p[i] != 'E'; i++) {
		real |= p[i] == '.';
		if (is_digit(p[i]) && (digits > 0 || p[i] != '0'))
			digits++;
	}
	if (i == n)
		return digits > (real ? DIGITS_REAL : DIGITS_INTEGER);
	i++;
	while (i < n && (p[i] == '+' || p[i] == '-' || p[i] == '0'))
		i++;
	return digits > DIGITS_REAL || n - i > DIGITS_EXPONENT;
}

/* A whole number in plain digits that no int64_t holds. */
static bool overflows(const char *p, size_t n)
{
	char text[24];

	if (memchr(p, '.', n) || memchr(p, 'e', n) || memchr(p, 'E', n))
		return false;
	if (n >= sizeof(text))
		return true;
	snprintf(text, sizeof(text), "%.*s", (int)n, p);
	errno = 0;
	(void)strtoll(text, NULL, 10);
	return errno == ERANGE;
}

static size_t number_length(const char *p, const char *end)
{
	const char *from = p;

	while (p < end && (is_digit(*p) || (*p && strchr("+-.eE", *p))))
		p++;
	return (size_t)(p - from);
}

/* What programs write for a number that JSON has no form for: how long the word at p is; 0: it is none of them. */
static size_t unwritable_length(const char *p, const char *end)
{
	static const char *const words[] = {"NaN", "-NaN", "nan", "-nan", "Infinity", "-Infinity", "inf", "-inf"};

	for (size_t i = 0; i < N_ELEMENTS(words); i++) {
		size_t n = strlen(words[i]);

		if ((size_t)(end - p) >= n && memcmp(p, words[i], n) == 0)
			return n;
	}
	return 0;
}

static void scan_number(struct scan *s)
{
	size_t n = number_length(s->p, s->end);

	s->cost += COST_NUMBER;
	if (is_long(s->p, n)) {
		s->longs = true;
		s->beyond |= overflows(s->p, n);
	}
	s->p += n;
}

static void scan_open(struct scan *s, size_t cost)
{
	s->cost += cost;
	s->depth++;
	s->deepest = MAX(s->deepest, s->depth);
}

/* It need not know what is well formed, only never count too little of what jansson builds before it sees a fault. */
static void scan(struct scan *s)
{
	while (s->p < s->end && s->cost <= s->memory && s->deepest <= DEPTH_MAX) {
		char c = *s->p;

		if ((is_digit(c) || c == '-') && !unwritable_length(s->p, s->end)) {
			scan_number(s);
			continue;
		}
		s->unwritable |= strchr("-NnIi", c) && unwritable_length(s->p, s->end);
		s->p++;
		if (c == '"') {
			s->cost += COST_STRING;
			scan_string(s);
		} else if (c == '{') {
			scan_open(s, COST_OBJECT);
		} else if (c == '[') {
			scan_open(s, COST_ARRAY);
		} else if (c == ':') {
			s->cost += COST_PAIR;
		} else if (c == ',') {
			s->cost += COST_ITEM;
		} else if ((c == '}' || c == ']') && s->depth > 0) {
			s->depth--;
		}
	}
	ASSERT(s->p <= s->end && s->depth <= s->deepest);
}

size_t json_cost(const char *p, size_t n, size_t memory)
{
	struct scan s = {.p = p, .end = p + n, .memory = memory};

	scan(&s);
	return s.cost;
}

/* ---- a text that jansson takes ---- */

static void mend_string_byte(struct buf *b, const char **p, const char *end, enum json_reading how)
{
	const char *from = *p;
	bool odd;

	if (*from == '\\') {
		size_t n = escape_length(from, end, &odd);

		*p += n;
		if (odd && how != JSON_READ_STRICT)
			buf_add_str(b, "\\ufffd");
		else
			buf_add(b, from, n);
		return;
	}
	*p += 1;
	if ((unsigned char)*from < 0x20 && how != JSON_READ_STRICT)
		buf_printf(b, "\\u%04x", *from ? (unsigned)*from : 0xfffdu);
	else
		buf_add(b, from, 1);
}

static void mend_number(struct buf *b, const char **p, const char *end, enum json_reading how)
{
	size_t n = number_length(*p, end);

	if (how >= JSON_READ_EXACT && is_long(*p, n))
		buf_printf(b, "\"" LONG_NUMBER "%.*s\"", (int)n, *p);
	else
		buf_add(b, *p, n);
	/* As in a browser, an integer that no int64_t holds is the nearest double. */
	if (how < JSON_READ_EXACT && overflows(*p, n))
		buf_add_str(b, "e0");
	*p += n;
}

/* Copies a valid UTF-8 text with what is odd in it made plain. */
static void mend(struct buf *b, struct str text, enum json_reading how)
{
	const char *p = text.p, *end = p + text.n;
	bool inside = false;

	while (p < end) {
		size_t run = inside ? json_plain_run(p, (size_t)(end - p)) : 0;

		buf_add(b, p, run);
		p += run;
		if (p == end)
			return;
		if (*p == '"') {
			inside = !inside;
			buf_add_char(b, *p++);
		} else if (inside) {
			mend_string_byte(b, &p, end, how);
		} else if (how == JSON_READ_LOOSE && unwritable_length(p, end)) {
			buf_add_str(b, "null");
			p += unwritable_length(p, end);
		} else if (is_digit(*p) || *p == '-') {
			mend_number(b, &p, end, how);
		} else {
			buf_add_char(b, *p++);
		}
	}
	ASSERT(p == end);
}

/* ---- parsing ---- */

/* jansson calls a text wrong for which it has no memory. */
static _Thread_local bool no_memory;

/* Nor does it see that a character of a text could not be kept: the closing quote may be missing then, and it reads on behind
 * the end. So it gets the reserve. */
static void *noting_malloc(size_t n)
{
	void *p = memory_try(n);

	no_memory |= !p;
	return p;
}

__attribute__((constructor)) static void note_memory(void)
{
	json_set_alloc_funcs(noting_malloc, free);
}

/* Our words instead of jansson's, which quote the input: it may hold a secret. */
static const char *fault_text(enum json_error_code code)
{
	switch (code) {
	case json_error_premature_end_of_input:
		return "it ends too early";
	case json_error_end_of_input_expected:
		return "something follows its end";
	case json_error_duplicate_key:
		return "a name is given twice";
	case json_error_numeric_overflow:
		return "a number is too large";
	case json_error_null_character:
	case json_error_null_byte_in_key:
		return "a text holds a NUL character";
	case json_error_invalid_utf8:
		return "it is not valid UTF-8";
	case json_error_stack_overflow:
		return "it is nested too deeply";
	default:
		return "it is not well formed";
	}
}

static int load(struct str text, size_t flags, json_t **ret, struct err *e)
{
	json_error_t fault;
	no_memory = false;
	json_t *v = json_loadb(text.n ? text.p : "", text.n, JSON_DECODE_ANY | flags, &fault);
	if (!v && no_memory)
		return err_set(e, -ENOMEM, "no memory left to read a text of %zu bytes", text.n);
	if (!v)
		return err_set(e, E_INVALID, "The JSON is not valid: %s (line %d, column %d).",
			fault_text(json_error_code(&fault)), fault.line, fault.column);
	*ret = v;
	return 0;
}

static size_t flags_of(enum json_reading how)
{
	return how == JSON_READ_LOOSE ? 0 : JSON_REJECT_DUPLICATES;
}

static int load_mended(struct str text, enum json_reading how, json_t **ret, struct err *e)
{
	CLEANUP(buf_done) struct buf valid = BUF_INIT(text.n * 3 + 16);
	CLEANUP(buf_done) struct buf plain = BUF_INIT(text.n * 18 + 64);

	if (how != JSON_READ_STRICT && !utf8_valid(text.p, text.n)) {
		utf8_add_repaired(&valid, text.p, text.n);
		text = buf_str(&valid);
	}
	mend(&plain, text, how);
	if (buf_status(&valid) < 0 || buf_status(&plain) < 0)
		return err_set(e, -ENOMEM, "no memory left to read a text of %zu bytes", text.n);
	return load(buf_str(&plain), flags_of(how) | (how >= JSON_READ_EXACT ? JSON_ALLOW_NUL : 0), ret, e);
}

int json_read(const char *p, size_t n, size_t memory, enum json_reading how, json_t **ret, struct err *e)
{
	if (n == 0)
		p = "";
	struct scan s = {.p = p, .end = p + n, .memory = memory};

	scan(&s);
	if (s.deepest > DEPTH_MAX)
		return err_set(e, E_INVALID, "The JSON is nested more than %d levels deep.", DEPTH_MAX);
	if (s.cost > memory)
		return err_set(e, E_TOO_LARGE,
			"The JSON has too many values: it would take more than the %zu MiB of memory that it may.",
			memory >> 20);
	if ((how != JSON_READ_STRICT && s.odd) || (how >= JSON_READ_EXACT ? s.longs : s.beyond) ||
		(how == JSON_READ_LOOSE && s.unwritable))
		return load_mended((struct str){p, n}, how, ret, e);
	return load((struct str){p, n}, flags_of(how), ret, e);
}

int json_parse(const char *p, size_t n, json_t **ret, struct err *e)
{
	return json_read(p, n, JSON_MEMORY, JSON_READ_STRICT, ret, e);
}

bool json_add_object(struct buf *b, const char *p, size_t n)
{
	CLEANUP(json_decrefp) json_t *v = NULL, *strict = NULL;

	if (json_read(p, n, JSON_MEMORY, JSON_READ_LOOSE, &v, NULL) < 0 || !json_is_object(v))
		return false;
	if (json_parse(p, n, &strict, NULL) == 0)
		buf_add(b, p, n);
	else
		json_add_value(b, v);
	return true;
}

const char *json_long_number(const json_t *v)
{
	const char *text = json_string_value(v);

	return text && json_string_length(v) > 1 && text[0] == '\0' ? text + 1 : NULL;
}

bool json_get_number(const json_t *v, double *ret)
{
	const char *text = json_long_number(v);

	if (!text && !json_is_number(v))
		return false;
	*ret = text ? strtod(text, NULL) : json_number_value(v);
	return true;
}
