/* test_json.c - refusals, writing, and the token path against jansson. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/utf8.h"

static void refuse(const char *text, size_t n, const char *part)
{
	struct err e = {0};
	json_t *v = NULL;

	assert_int_equal(json_parse(text, n, &v, &e), E_INVALID);
	assert_null(v);
	assert_non_null(strstr(e.msg, part));
}

static void test_parse(void **state)
{
	static const char *const fine[] = {"{}", "[]", "1", "null", "\"x\"", " {\"a\":[1,2.5,{\"b\":null}]} "};
	char deep[600];

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(fine); i++) {
		CLEANUP(json_decrefp) json_t *v = NULL;

		assert_int_equal(json_parse(fine[i], strlen(fine[i]), &v, NULL), 0);
		assert_non_null(v);
	}
	refuse("", 0, "too early");
	refuse("{\"a\":1,\"a\":2}", 13, "twice");
	refuse("{} x", 4, "follows");
	refuse("\"a\\u0000b\"", 10, "NUL");
	refuse("\"\xff\"", 3, "UTF-8");
	refuse("{\n\"a\":}", 7, "line 2");
	memset(deep, '[', 300);
	memset(deep + 300, ']', 300);
	refuse(deep, sizeof(deep), "256");
}

static void reads_as(const char *text, size_t n, enum json_reading how, const char *wanted)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT(1000);
	CLEANUP(json_decrefp) json_t *v = NULL;
	struct err e = {0};

	if (json_read(text, n, JSON_MEMORY, how, &v, &e) < 0)
		print_error("%s: %s\n", text, e.msg);
	assert_non_null(v);
	json_add_value(&out, v);
	assert_string_equal(out.p, wanted);
}

static void test_objects(void **state)
{
	static const char *const same[] = {"{}", " {\"a\":1.50}", "{\"a\":{\"b\":[1e3]}}"}, *const none[] = {"", "[1]",
												    "\"{}\"",
												    "{\"a\":1} x",
												    "{'a':1}", "null",
												    "{\"a\":"};
	CLEANUP(buf_done) struct buf out = BUF_INIT(1000);

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(same); i++) {
		buf_reset(&out);
		assert_true(json_add_object(&out, same[i], strlen(same[i])));
		assert_string_equal(buf_str(&out).p, same[i]);
	}
	buf_reset(&out);
	for (size_t i = 0; i < N_ELEMENTS(none); i++)
		assert_false(json_add_object(&out, none[i], strlen(none[i])));
	assert_int_equal(out.n, 0);
	/* What a strict reading refuses is written so that it does not: the last of two values, halves of characters. */
	const char *text = "{\"a\":1,\"a\":\"\\ud83d\",\"n\":123456789012345678901}";
	assert_true(json_add_object(&out, text, strlen(text)));
	assert_string_equal(buf_str(&out).p, "{\"a\":\"\xef\xbf\xbd\",\"n\":123456789012345678901}");
}

static void mild(const char *text, const char *wanted)
{
	reads_as(text, strlen(text), JSON_READ_MILD, wanted);
}

static void test_mild(void **state)
{
	static const char raw[] = "[\"a\0b\",\"line\nend\",\"\xff\"]";

	(void)state;
	mild("[\"\\u0000\"]", "[\"\xef\xbf\xbd\"]");
	mild("{\"\\ud800\":\"\\udc00x\"}", "{\"\xef\xbf\xbd\":\"\xef\xbf\xbdx\"}");
	mild("[\"\\ud83d\\ude00\"]", "[\"\xf0\x9f\x98\x80\"]");
	mild("[\"\\ud83d\\u0041\"]", "[\"\xef\xbf\xbd"
				     "A\"]");
	mild("[\"\\\\u0000\"]", "[\"\\\\u0000\"]");
	reads_as(raw, sizeof(raw) - 1, JSON_READ_MILD,
		"[\"a\xef\xbf\xbd"
		"b\",\"line\\nend\",\"\xef\xbf\xbd\"]");
	refuse("\"\\ud800\"", 8, "well formed");
}

static void test_exact_numbers(void **state)
{
	static const char all[] = "{\"a\":[123456789012345678901234567890,-99999999999999999999,1e400,"
				  "0.123456789012345678901,3.5E-400],\"b\":\"\"}";
	static const char plain[] = "[9223372036854775807,-1,0.699999988079071,1e+22]";
	CLEANUP(json_decrefp) json_t *v = NULL;
	json_t *list;
	double d;

	(void)state;
	reads_as(all, sizeof(all) - 1, JSON_READ_EXACT, all);
	reads_as(plain, sizeof(plain) - 1, JSON_READ_EXACT, plain);
	/* Nobody can write such a number as a text. */
	static const char none[] = "{\"NaN\":NaN,\"a\":[-Infinity,1,nan,null,-inf]}";
	reads_as(none, sizeof(none) - 1, JSON_READ_LOOSE, "{\"NaN\":null,\"a\":[null,1,null,null,null]}");
	assert_int_equal(json_read(none, sizeof(none) - 1, JSON_MEMORY, JSON_READ_EXACT, &v, NULL), E_INVALID);
	assert_int_equal(json_read("[NaNa]", 6, JSON_MEMORY, JSON_READ_LOOSE, &v, NULL), E_INVALID);
	assert_int_equal(json_read("[N]", 3, JSON_MEMORY, JSON_READ_LOOSE, &v, NULL), E_INVALID);
	reads_as("[\"\\u000012\"]", 12, JSON_READ_EXACT,
		"[\"\xef\xbf\xbd"
		"12\"]");
	refuse(all, sizeof(all) - 1, "too large");
	static const char beyond[] =
		"[9223372036854775807,9223372036854775808,-9223372036854775809,{\"1\":\"99999999999999999999\"}]";
	reads_as(beyond, sizeof(beyond) - 1, JSON_READ_STRICT,
		"[9223372036854775807,9.2233720368547758e+18,-9.2233720368547758e+18,{\"1\":\"99999999999999999999\"}"
		"]");
	refuse("[99999999999999999999,\"\\u0000\"]", 31, "NUL");
	refuse("[99999999999999999999,\"\xff\"]", 26, "UTF-8");
	assert_int_equal(json_read(all, sizeof(all) - 1, JSON_MEMORY, JSON_READ_EXACT, &v, NULL), 0);
	list = json_object_get(v, "a");
	assert_string_equal(json_long_number(json_array_get(list, 1)), "-99999999999999999999");
	assert_null(json_long_number(json_object_get(v, "b")));
	assert_true(json_get_number(json_array_get(list, 3), &d));
	assert_true(d > 0.12 && d < 0.13);
	assert_false(json_get_number(json_object_get(v, "b"), &d));
}

/* ---- what a tree costs ---- */

static size_t taken, peak;

static void *counting_malloc(size_t n)
{
	size_t chunk = MAX((n + 8 + 15) / 16 * 16, 32);
	size_t *p = malloc(n + 16);

	assert_non_null(p);
	*p = chunk;
	taken += chunk;
	peak = MAX(peak, taken);
	return p + 2;
}

static void counting_free(void *at)
{
	size_t *p = at;

	if (!p)
		return;
	taken -= p[-2];
	free(p - 2);
}

static void repeat(struct buf *b, const char *unit, size_t times)
{
	buf_add_char(b, '[');
	for (size_t i = 0; i < times; i++)
		buf_printf(b, "%s%s", i ? "," : "", unit);
	buf_add_char(b, ']');
}

/* What jansson takes is never more than what was counted, and the text itself. */
static void check_cost(const char *text, size_t n)
{
	size_t cost = json_cost(text, n, SIZE_MAX);
	json_t *v = NULL;

	taken = peak = 0;
	json_set_alloc_funcs(counting_malloc, counting_free);
	assert_int_equal(json_read(text, n, SIZE_MAX, JSON_READ_STRICT, &v, NULL), 0);
	json_decref(v);
	json_set_alloc_funcs(malloc, free);
	if (peak > cost + 4 * n + 1024)
		print_error("%.60s: %zu counted, %zu taken\n", text, cost, peak);
	assert_true(peak <= cost + 4 * n + 1024);
}

static void test_cost_is_never_too_low(void **state)
{
	static const char *const units[] = {"{}", "[]", "0", "-1", "1.5", "\"\"", "\"a\"", "null", "{\"a\":0}", "[[]]",
		"{\"a\":{\"b\":[\"\"]}}", "{\"role\":\"user\",\"content\":\"hello\"}", "[1,2,3,4,5,6,7,8,9]"};
	CLEANUP(buf_done) struct buf keys = BUF_INIT(1 << 20);

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(units); i++) {
		CLEANUP(buf_done) struct buf b = BUF_INIT(1 << 20);

		repeat(&b, units[i], 3000);
		check_cost(b.p, b.n);
	}
	buf_add_char(&keys, '{');
	for (int i = 0; i < 3000; i++)
		buf_printf(&keys, "%s\"%d\":null", i ? "," : "", i);
	buf_add_char(&keys, '}');
	check_cost(keys.p, keys.n);
}

static void test_memory_is_bounded(void **state)
{
	CLEANUP(buf_done) struct buf many = BUF_INIT(64 << 20);
	CLEANUP(buf_done) struct buf text = BUF_INIT(64 << 20);
	CLEANUP(json_decrefp) json_t *v = NULL;
	json_t *none = NULL;
	struct err e = {0};
	char *p;

	(void)state;
	repeat(&many, "{}", 10 << 20);
	taken = peak = 0;
	json_set_alloc_funcs(counting_malloc, counting_free);
	assert_int_equal(json_read(many.p, many.n, 32 << 20, JSON_READ_MILD, &none, &e), E_TOO_LARGE);
	json_set_alloc_funcs(malloc, free);
	assert_null(none);
	assert_int_equal(peak, 0);
	assert_non_null(strstr(e.msg, "32 MiB"));
	/* It is found without reading on. */
	assert_true(json_cost(many.p, many.n, 32 << 20) < (32 << 20) + 1024);
	/* One long text is no matter. */
	buf_add_char(&text, '"');
	p = buf_reserve(&text, 32 << 20);
	assert_non_null(p);
	memset(p, 'x', 32 << 20);
	text.n += 32 << 20;
	buf_add_char(&text, '"');
	assert_int_equal(json_read(text.p, text.n, 1 << 20, JSON_READ_STRICT, &v, NULL), 0);
}

static void test_errors_quote_nothing(void **state)
{
	struct err e = {0};
	json_t *v = NULL;
	const char *text = "{\"key\": hunter2}";

	(void)state;
	assert_int_equal(json_parse(text, strlen(text), &v, &e), E_INVALID);
	assert_null(strstr(e.msg, "hunter"));
}

static void test_write(void **state)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(1000);
	CLEANUP(json_decrefp) json_t *v = NULL;
	const char *text = "{\"a\":[1,-2,0.7,1.0,1e+300,true,false,null,\"\xc3\xa9\\\"\"],\"b\":{}}";

	(void)state;
	json_add_string(&b, "a\"\\\b\f\n\r\t\x01\x7f\xe2\x82\xac/", 14);
	assert_string_equal(b.p, "\"a\\\"\\\\\\b\\f\\n\\r\\t\\u0001\x7f\xe2\x82\xac/\"");
	buf_reset(&b);
	json_add_string(&b, "x\xff\"\x00", 4);
	assert_string_equal(b.p, "\"x\xef\xbf\xbd\\\"\\u0000\"");
	buf_reset(&b);
	json_add_cstr(&b, NULL);
	json_add_cstr(&b, "");
	assert_string_equal(b.p, "null\"\"");
	buf_reset(&b);
	assert_int_equal(json_parse(text, strlen(text), &v, NULL), 0);
	json_add_value(&b, v);
	assert_string_equal(b.p, text);
	buf_reset(&b);
	json_add_double(&b, 0.1 + 0.2);
	json_add_double(&b, __builtin_nan(""));
	assert_string_equal(b.p, "0.30000000000000004null");
}

/* Where the fast path takes a string, jansson must take it too and read the same text. */
static void agree(const char *raw, size_t n)
{
	CLEANUP(buf_done) struct buf quoted = BUF_INIT(10000);
	CLEANUP(buf_done) struct buf plain = BUF_INIT(10000);
	CLEANUP(json_decrefp) json_t *v = NULL;
	ptrdiff_t len;

	buf_add(&quoted, raw, n);
	buf_add_char(&quoted, '"');
	len = json_plain_string(quoted.p, quoted.n);
	if (len < 0)
		return;
	buf_reset(&quoted);
	buf_add_char(&quoted, '"');
	buf_add(&quoted, raw, (size_t)len);
	buf_add_char(&quoted, '"');
	assert_int_equal(json_parse(quoted.p, quoted.n, &v, NULL), 0);
	json_add_unescaped(&plain, raw, (size_t)len);
	assert_int_equal(plain.n, json_string_length(v));
	assert_memory_equal(buf_str(&plain).p, json_string_value(v), plain.n);
}

static void test_fast_path_agrees(void **state)
{
	static const char *const pieces[] = {"a", "word ", "\"", "\\", "\\n", "\\\"", "\\u00e9", "\\ud83d\\ude00",
		"\xc3", "\xa9", "\xe2\x82\xac", "\n", "\x1f", "\x7f", "\\/", "\\x", "\xed\xa0\x80", "eight by"};
	uint32_t seed = 12345;

	(void)state;
	for (int c = 0; c < 65536; c++)
		agree((char[]){(char)(c >> 8), (char)c}, 2);
	for (int round = 0; round < 20000; round++) {
		CLEANUP(buf_done) struct buf raw = BUF_INIT(1000);
		int n = 1 + round % 9;

		while (n-- > 0) {
			seed = seed * 1664525 + 1013904223;
			buf_add_str(&raw, pieces[(seed >> 16) % N_ELEMENTS(pieces)]);
		}
		agree(raw.p, raw.n);
	}
}

static void test_plain_string(void **state)
{
	const char *s = "Tea \xe2\x82\xac \\n\\\"\\\\\\/ and a word or two\" , more";
	char text[40];

	(void)state;
	assert_int_equal(json_plain_string(s, strlen(s)), strstr(s, "\" , ") - s);
	/* Cut at every byte, only a whole one is taken. */
	for (size_t n = 0; n < (size_t)(strstr(s, "\" , ") - s) + 1; n++)
		assert_int_equal(json_plain_string(s, n), -1);
	assert_int_equal(json_plain_string("\"", 1), 0);
	assert_int_equal(json_plain_string("\\u0041\"", 7), -1);
	assert_int_equal(json_plain_string("\\x\"", 3), -1);
	assert_int_equal(json_plain_string("\\", 1), -1);
	assert_int_equal(json_plain_string("\xe2\x82\"", 3), -1);
	/* Every byte at every place of the words of eight. */
	for (size_t i = 0; i < 24; i++) {
		for (int c = 0; c < 256; c++) {
			bool plain = c >= 0x20 && c < 0x80 && c != '\\' && c != '"';

			memset(text, 'a', sizeof(text));
			text[30] = '"';
			text[i] = (char)c;
			assert_int_equal(json_plain_string(text, sizeof(text)), plain ? 30 : c == '"' ? (int)i : -1);
		}
	}
}

static void unescape(const char *raw, const char *want)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(1000);

	json_add_unescaped(&b, raw, strlen(raw));
	assert_int_equal(b.n, strlen(want));
	assert_string_equal(buf_str(&b).p, want);
	assert_true(utf8_valid(buf_str(&b).p, b.n));
}

static void test_unescape(void **state)
{
	(void)state;
	unescape("", "");
	unescape("a\\tb\\\\n", "a\tb\\n");
	unescape("\\u0041\\u00e9\\u20AC", "A\xc3\xa9\xe2\x82\xac");
	unescape("\\ud83d\\ude00!", "\xf0\x9f\x98\x80!");
	unescape("\\ud83dx", "\xef\xbf\xbdx");
	unescape("\\ude00", "\xef\xbf\xbd");
	unescape("\\ud83d\\ud83d\\ude00", "\xef\xbf\xbd\xf0\x9f\x98\x80");
	unescape("\\ud83d\\u12", "\xef\xbf\xbd\xef\xbf\xbd"
				 "12");
	unescape("\\u0000", "\xef\xbf\xbd");
	unescape("x\\", "x");
}

static void test_get(void **state)
{
	CLEANUP(json_decrefp) json_t *v = NULL;
	const char *text = "{\"s\":\"x\",\"n\":-4,\"f\":1.5}";

	(void)state;
	assert_int_equal(json_parse(text, strlen(text), &v, NULL), 0);
	assert_string_equal(json_get_str(v, "s"), "x");
	assert_null(json_get_str(v, "n"));
	assert_null(json_get_str(NULL, "s"));
	assert_int_equal(json_get_i64(v, "n", 9), -4);
	assert_int_equal(json_get_i64(v, "f", 9), 9);
	assert_int_equal(json_get_i64(v, "none", 9), 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_objects),
		cmocka_unit_test(test_mild),
		cmocka_unit_test(test_exact_numbers),
		cmocka_unit_test(test_cost_is_never_too_low),
		cmocka_unit_test(test_memory_is_bounded),
		cmocka_unit_test(test_errors_quote_nothing),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_fast_path_agrees),
		cmocka_unit_test(test_plain_string),
		cmocka_unit_test(test_unescape),
		cmocka_unit_test(test_get),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
