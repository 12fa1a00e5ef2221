/* test_base.c - pieces of text: trimmed, and lists of words with blanks between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base.h"

static void test_trim(void **state)
{
	(void)state;
	assert_true(str_eq(str_trim(STR(" \t\r\n a b\v\f ")), STR("a b")));
	assert_true(str_eq(str_trim(STR("a")), STR("a")));
	assert_int_equal(str_trim(STR(" \n ")).n, 0);
	assert_int_equal(str_trim((struct str){0}).n, 0);
	assert_true(str_eq(str_trim(STR("\xc2\xa0x")), STR("\xc2\xa0x"))); /* bytes of other signs are no blanks */
}

static void test_words(void **state)
{
	const char *list = "  one two   three ";
	struct str word;

	(void)state;
	assert_true(str_next_word(&list, &word));
	assert_true(str_eq(word, STR("one")));
	assert_true(str_next_word(&list, &word));
	assert_true(str_eq(word, STR("two")));
	assert_true(str_next_word(&list, &word));
	assert_true(str_eq(word, STR("three")));
	assert_false(str_next_word(&list, &word));
	assert_false(str_next_word(&list, &word));
	assert_int_equal(str_word_place("one two three", STR("three")), 2);
	assert_int_equal(str_word_place("one two three", STR("tw")), -1);
	assert_int_equal(str_word_place("one two three", STR("two three")), -1);
	assert_int_equal(str_word_place("one", STR("")), -1);
	assert_int_equal(str_word_place("", STR("one")), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trim),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
