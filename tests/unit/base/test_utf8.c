/* test_utf8.c - the vectors of RFC 3629 and of the browsers' way of repairing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/utf8.h"

static const char *const good[] = {"", "plain", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
	"\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "eight by\xe2\x82\xacte words, and then some"};

static const char *const bad[] = {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2x", "\xe0\x9f\xbf", "\xe2\x82",
	"\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf0\x90\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
	"\xff", "sixteen bytes ok\xfe"};

static void test_valid(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(good); i++)
		assert_true(utf8_valid(good[i], strlen(good[i])));
	for (size_t i = 0; i < N_ELEMENTS(bad); i++)
		assert_false(utf8_valid(bad[i], strlen(bad[i])));
	assert_true(utf8_valid("a\0b", 3));
	assert_int_equal(utf8_char("\xe2\x82\xac", 3), 3);
	assert_int_equal(utf8_char("\xe2\x82\xac", 2), 0);
	assert_int_equal(utf8_char("x", 0), 0);
}

static void test_every_offset(void **state)
{
	char text[40];

	(void)state;
	/* The invalid byte at every place of the words of eight. */
	for (size_t i = 0; i < sizeof(text); i++) {
		memset(text, 'a', sizeof(text));
		assert_true(utf8_valid(text, sizeof(text)));
		text[i] = (char)0xff;
		assert_false(utf8_valid(text, sizeof(text)));
	}
}

static void test_prefix(void **state)
{
	const char *s = "a\xe2\x82\xac\xf0\x9f\x98\x80z"; /* 1 + 3 + 4 + 1 */
	const size_t want[] = {0, 1, 1, 1, 4, 4, 4, 4, 8, 9, 9};

	(void)state;
	for (size_t max = 0; max < N_ELEMENTS(want); max++)
		assert_int_equal(utf8_prefix(s, strlen(s), max), want[max]);
	assert_int_equal(utf8_prefix("\x80\x80\x80\x80\x80\x80", 6, 5), 5);
}

static void test_whole(void **state)
{
	const char *s = "a\xe2\x82\xac\xf0\x9f\x98\x80z";
	const size_t want[] = {0, 1, 1, 1, 4, 4, 4, 4, 8, 9};

	(void)state;
	for (size_t n = 0; n < N_ELEMENTS(want); n++)
		assert_int_equal(utf8_whole(s, n), want[n]);
	assert_int_equal(utf8_whole("\x80\x80\x80\x80", 4), 4);
}

static void repair(const char *in, const char *want)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(1000);

	utf8_add_repaired(&b, in, strlen(in));
	assert_string_equal(b.p, want);
	assert_true(utf8_valid(b.p, b.n));
}

static void test_repair(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(good); i++)
		repair(good[i], good[i]);
	repair("a\x80z", "a\xef\xbf\xbdz");
	repair("\xe2\x82", "\xef\xbf\xbd");
	repair("\xe2\x82z", "\xef\xbf\xbdz");
	repair("\xf0\x9f\x98\xe2\x82\xac", "\xef\xbf\xbd\xe2\x82\xac");
	repair("\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd");
	repair("\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

static void test_count(void **state)
{
	static const char text[] = "aé€😀";

	(void)state;
	assert_int_equal(utf8_count(text, sizeof(text) - 1), 4);
	assert_int_equal(utf8_count(text, 1), 1);
	assert_int_equal(utf8_count("", 0), 0);
}

static void visible(const char *text, enum utf8_visible as, const char *shown)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(1000);

	utf8_add_visible(&b, text, strlen(text), as);
	assert_string_equal(b.n ? b.p : "", shown);
}

static void test_visible(void **state)
{
	(void)state;
	visible("", UTF8_TEXT, "");
	visible("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80", UTF8_LINE,
		"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80");
	visible("a\n\tb\r\n", UTF8_TEXT, "a\n\tb\n");
	visible("a\n\tb\r", UTF8_LINE, "a\\x0a\\x09b\\x0d");
	visible("\x1b[31mred\x1b]0;title\x07", UTF8_TEXT, "\\x1b[31mred\\x1b]0;title\\x07");
	visible("\xc2\x9b"
		"31m",
		UTF8_TEXT, "\\u009b31m");
	visible("\x9b"
		"31m\x7f",
		UTF8_TEXT, "\\x9b31m\\x7f");
	visible("\xe2\x80\xae"
		"evil\xe2\x81\xa6",
		UTF8_TEXT, "\\u202eevil\\u2066");
	visible("\xe2\x82", UTF8_TEXT, "\\xe2\\x82");
	/* Unseen, and needed by scripts and emoji: part of a text, but nothing that a name could hide in a line. */
	static const char unseen[] =
		"\xe0\xb8\x81\xe2\x80\x8b \xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x94\xac \xef\xbb\xbf\xf3\xa0\x81\xa5";
	visible(unseen, UTF8_TEXT, unseen);
	visible(unseen, UTF8_LINE, "\xe0\xb8\x81\\u200b \xf0\x9f\x91\xa9\\u200d\xf0\x9f\x94\xac \\ufeff\\ue0065");
	visible("a\xe2\x80\xa8z\xe2\x80\xa9\xe2\x81\xa9\xef\xbf\xba", UTF8_TEXT, "a\\u2028z\\u2029\\u2069\\ufffa");
	visible("\xed\xa0\x80", UTF8_TEXT, "\\xed\\xa0\\x80");
}

/* JSON says the same behind it. */
static void test_visible_json(void **state)
{
	(void)state;
	visible("{\"a\":\"\x7f\xc2\x9b \xe2\x81\xa6\xf3\xa0\x81\xa5\xf0\x9f\x98\x80\xff\"}\n", UTF8_JSON,
		"{\"a\":\"\\u007f\\u009b \\u2066\\udb40\\udc65\xf0\x9f\x98\x80\\ufffd\"}\n");
	visible("{\r\n\t}", UTF8_JSON, "{\n\t}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_valid),
		cmocka_unit_test(test_every_offset),
		cmocka_unit_test(test_prefix),
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_repair),
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_visible),
		cmocka_unit_test(test_visible_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
