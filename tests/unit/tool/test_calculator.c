/* The calculator: values, and sentences about what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tool/tool_priv.h"

static void test_values(void **state UNUSED)
{
	static const char *const cases[][2] = {{"1+1", "2"}, {"2+3*4", "14"}, {"(2+3)*4", "20"}, {"-2^2", "-4"},
		{"2^3^2", "512"}, {"2**-1", "0.5"}, {"2^-2", "0.25"}, {"7 % 3", "1"}, {"-7 % 3", "2"}, {"7 mod 4", "3"},
		{"7//2", "3"}, {"17.5% * 240", "42"}, {"15% of 80", "12"}, {"200 + 10%", "200.1"}, {"5!", "120"},
		{"20!", "2432902008176640000"}, {"0.1+0.2", "0.3"}, {"9007199254740993 + 0", "9007199254740993"},
		{"1e3", "1000"}, {"1_000*2", "2000"}, {"0xff", "255"}, {"sqrt(2)", "1.4142135623731"},
		{"sqrt(16)", "4"}, {"max(1, 7, 3)", "7"}, {"mean([1,2,3,4])", "2.5"}, {"median(3,1,2)", "2"},
		{"comb(52,5)", "2598960"}, {"log(1000)", "3"}, {"log(8, 2)", "3"}, {"ln(e)", "1"}, {"sin(pi/2)", "1"},
		{"gcd(12, 18)", "6"}, {"lcm(4,6)", "12"}, {"round(2.567, 2)", "2.57"}, {"math.sqrt(9)", "3"},
		{"6 \xc3\x97 7", "42"}, {"84 \xc3\xb7 2", "42"}, {"root(27, 3)", "3"}, {"1/3", "0.333333333333333"},
		{"2+2=", "4"}, {"--5", "5"}, {"3 - -2", "5"}, {"  4  ", "4"}, {"10^30", "1e+30"}};

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		CLEANUP(arena_done) struct arena a;
		const char *why, *value;
		arena_init(&a, 65536);
		value = calculate(cases[i][0], &a, &why);
		if (!value)
			print_error("%s: %s\n", cases[i][0], why);
		assert_non_null(value);
		assert_string_equal(value, cases[i][1]);
	}
}

static void test_no_values(void **state UNUSED)
{
	static const char *const cases[][2] = {{"", "missing at the end"}, {"1/0", "divided by"},
		{"1 +", "missing at the end"}, {"(1", "a ) is missing"}, {"sqrt(-1)", "no real value"},
		{"import os", "nothing called \"import\""}, {"2 3", "not understood"}, {"sqrt", "a ( is missing"},
		{"comb(1)", "too few or too many"}, {"1e9999", "too large"}, {"1.2.3", "no number"},
		{"5 % 0", "divided by"}, {"(-1)!", "no real value"}, {"9!!!!!", "no real value"}};
	char deep[4096];

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		CLEANUP(arena_done) struct arena a;
		const char *why;
		arena_init(&a, 65536);
		if (calculate(cases[i][0], &a, &why))
			fail_msg("%s has a value", cases[i][0]);
		if (!strstr(why, cases[i][1]))
			fail_msg("%s: %s", cases[i][0], why);
	}
	CLEANUP(arena_done) struct arena a;
	const char *why;
	arena_init(&a, 65536);
	memset(deep, '(', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	assert_null(calculate(deep, &a, &why));
	assert_non_null(strstr(why, "nesting"));
	memset(deep, '-', sizeof(deep) - 1);
	assert_null(calculate(deep, &a, &why));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_values), cmocka_unit_test(test_no_values)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
