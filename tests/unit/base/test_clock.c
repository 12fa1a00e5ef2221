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

static void test_http(void **state)
{
	char text[CLOCK_HTTP_SIZE];

	(void)state;
	clock_format_http(INT64_C(784111777999), text);
	assert_string_equal(text, "Sun, 06 Nov 1994 08:49:37 GMT"); /* the example of RFC 9110 */
	clock_format_http(INT64_C(253402300800000), text);
	assert_string_equal(text, "");
}

static void test_wait(void **state)
{
	pthread_mutex_t mx = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t cv = PTHREAD_COND_INITIALIZER;
	int64_t until_ms = clock_mono_ms() + 20;

	(void)state;
	pthread_mutex_lock(&mx);
	while (clock_wait(&cv, &mx, until_ms))
		;
	assert_true(clock_mono_ms() >= until_ms);
	assert_false(clock_wait(&cv, &mx, 0)); /* a time that has been is not waited for */
	assert_false(clock_wait(
		&cv, &mx, -5)); /* nor one before the clock began, as of little patience soon after a start */
	pthread_mutex_unlock(&mx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_clocks),
		cmocka_unit_test(test_http),
		cmocka_unit_test(test_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
