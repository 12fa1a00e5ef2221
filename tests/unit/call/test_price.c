/* Prices: patterns, which one counts, rounding, overflow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/pattern.h"
#include "call/call_priv.h"

static void test_patterns(void **state)
{
	(void)state;
	assert_true(pattern_matches("ollama/llama3:8b", "ollama/llama3:8b"));
	assert_false(pattern_matches("ollama/llama3", "ollama/llama3:8b"));
	assert_true(pattern_matches("ollama/*", "ollama/llama3:8b"));
	assert_true(pattern_matches("*", ""));
	assert_true(pattern_matches("**", "a"));
	assert_false(pattern_matches("?", ""));
	assert_false(pattern_matches("", "a"));
	assert_true(pattern_matches("", ""));
	assert_true(pattern_matches("*/gpt-?o*", "openai/gpt-4o-mini"));
	assert_false(pattern_matches("*/gpt-?o", "openai/gpt-4o-mini"));
	assert_true(pattern_matches("*a*b*c", "xxaxxbxbxc"));
	assert_false(pattern_matches("*a*b*c", "xxaxxbxbx"));
	/* What makes a naive matcher never end. */
	assert_false(pattern_matches("*a*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

static void test_most_specific(void **state)
{
	struct price p[] = {
		{.id = 1, .pattern = "*"},
		{.id = 2, .pattern = "openai/*"},
		{.id = 3, .pattern = "openai/gpt-4o*"},
		{.id = 4, .pattern = "openai/gpt-4o"},
		{.id = 5, .pattern = "*/gpt-4o-m*"},
		{.id = 6, .pattern = "openai/gpt-4*"},
	};

	(void)state;
	prices_sort(p, N_ELEMENTS(p));
	assert_int_equal(price_find(p, N_ELEMENTS(p), "openai", "gpt-4o")->id, 4);
	assert_int_equal(price_find(p, N_ELEMENTS(p), "openai", "gpt-4o-mini")->id, 3);
	assert_int_equal(price_find(p, N_ELEMENTS(p), "openai", "gpt-4.1")->id, 6);
	assert_int_equal(price_find(p, N_ELEMENTS(p), "azure", "gpt-4o-mini")->id, 1);
	assert_int_equal(price_find(p, N_ELEMENTS(p), "openai", "o3")->id, 2);
	assert_null(price_find(p, 0, "openai", "o3"));
	assert_null(price_find(p, 1, "azure", "x"));
}

static void test_cost(void **state)
{
	const struct price p = {.input_micros = 2500000, .cached_micros = 1250000, .output_micros = 10000000};
	const struct price plain = {.input_micros = 1, .cached_micros = -1, .output_micros = 1, .request_micros = 7};

	(void)state;
	assert_int_equal(price_of(NULL, &(struct tokens){.in = 1000000}, true), 0);
	assert_int_equal(price_of(&p, &(struct tokens){.in = 1000000, .out = 1000000}, true), 12500000);
	assert_int_equal(price_of(&p, &(struct tokens){.in = 1000000, .cached = 400000}, true), 2000000);
	assert_int_equal(price_of(&p, &(struct tokens){.in = 1000000, .out = 3, .reasoning = 2}, true), 2500030);
	/* More cached than read is no refund, and nothing is negative. */
	assert_int_equal(price_of(&p, &(struct tokens){.in = 10, .cached = 1000}, true), 13);
	assert_int_equal(price_of(&p, &(struct tokens){.in = -5, .out = -5, .cached = -1}, true), 0);
	/* Rounded up once, at the end: two halves of a micro-unit are one. */
	assert_int_equal(price_of(&plain, &(struct tokens){.in = 500000, .out = 500000}, true), 8);
	assert_int_equal(price_of(&plain, &(struct tokens){.in = 1}, true), 8);
	assert_int_equal(price_of(&plain, &(struct tokens){.in = 0}, true), 7);
	assert_int_equal(price_of(&plain, &(struct tokens){.in = 0}, false), 0);
	assert_int_equal(price_of(&plain, &(struct tokens){.in = 1000000, .cached = 1000000}, false), 1);
}

static void test_no_overflow(void **state)
{
	const struct price p = {.input_micros = INT64_MAX, .cached_micros = -1, .output_micros = INT64_MAX};

	(void)state;
	assert_true(price_of(&p, &(struct tokens){.in = INT64_MAX / 4, .out = INT64_MAX / 4}, true) == INT64_MAX);
	assert_true(price_of(&p, &(struct tokens){.in = INT64_MAX, .out = 0}, true) == INT64_MAX);
	assert_true(price_of(&p, &(struct tokens){.in = 1000000}, true) == INT64_MAX);
}

static void check_money(int64_t micros, const char *text)
{
	char got[48];

	money_format(micros, "USD", got, sizeof(got));
	assert_string_equal(got, text);
}

static void test_money(void **state)
{
	(void)state;
	check_money(0, "0.00 USD");
	check_money(5000000, "5.00 USD");
	check_money(1230000, "1.23 USD");
	check_money(1234000, "1.234 USD");
	check_money(1, "0.000001 USD");
	check_money(30, "0.00003 USD");
	check_money(INT64_MAX, "9223372036854.775807 USD");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_patterns),
		cmocka_unit_test(test_most_specific),
		cmocka_unit_test(test_cost),
		cmocka_unit_test(test_no_overflow),
		cmocka_unit_test(test_money),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
