/* Patterns: which of two is the closer one. What they match is tried with prices and routes as well. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/pattern.h"

static void test_matches(void **state)
{
	(void)state;
	assert_true(pattern_is("a?") && pattern_is("*"));
	assert_false(pattern_is("llama3.2:latest"));
	assert_true(pattern_matches("gpt-*", "gpt-4o"));
	assert_true(pattern_matches("*a*b*c", "xxaxxbxbxc"));
	assert_false(pattern_matches("", "a"));
	assert_false(pattern_matches("a?", "a"));
	assert_false(pattern_matches("*a*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

static void test_compare(void **state)
{
	(void)state;
	assert_true(pattern_compare("gpt-4o", "gpt-4o*") < 0);
	assert_true(pattern_compare("*", "gpt-*") > 0);
	assert_true(pattern_compare("gpt-4*", "gpt-*") < 0);
	assert_int_equal(pattern_compare("a*", "b*"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_matches), cmocka_unit_test(test_compare)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
