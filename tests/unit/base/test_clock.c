/* test_clock.c - the time format, and clocks that move on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

static void expect(int64_t ms, const char *text)
{
	char got[25];

	clock_format(ms, got);
	assert_string_equal(got, text);
}

static void test_format(void **state)
{
	(void)state;
	expect(0, "1970-01-01T00:00:00.000Z");
	expect(INT64_C(1795224458120), "2026-11-21T01:27:38.120Z");
	expect(INT64_C(1709164800001), "2024-02-29T00:00:00.001Z");
	expect(-1, "1969-12-31T23:59:59.999Z");
	expect(INT64_MAX, "9999-12-31T23:59:59.999Z");
	expect(INT64_MIN, "0000-01-01T00:00:00.000Z");
}

static void test_clocks(void **state)
{
	int64_t us = clock_mono_us(), ms = clock_mono_ms();

	(void)state;
	assert_true(us > 0);
	assert_true(ms >= us / 1000);
	assert_true(clock_mono_us() >= us);
	assert_true(clock_now_ms() > INT64_C(1600000000000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_clocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
