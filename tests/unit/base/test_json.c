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
		cmocka_unit_test(test_errors_quote_nothing),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_fast_path_agrees),
		cmocka_unit_test(test_plain_string),
		cmocka_unit_test(test_unescape),
		cmocka_unit_test(test_get),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
