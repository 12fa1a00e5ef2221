/* Windows: midnight, ends of months, leap years. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "call/call_priv.h"

static void check(enum period p, int64_t at, const char *start, const char *end)
{
	struct window w = window_of(p, at);
	char text[25];

	clock_format(w.start, text);
	assert_string_equal(text, start);
	clock_format(w.end, text);
	assert_string_equal(text, end);
	assert_true(w.start <= at && at < w.end);
}

#define NOW INT64_C(1795232244123) /* 2026-11-21T03:37:24.123Z */

static void test_short(void **state)
{
	(void)state;
	check(PERIOD_MINUTE, NOW, "2026-11-21T03:37:00.000Z", "2026-11-21T03:38:00.000Z");
	check(PERIOD_HOUR, NOW, "2026-11-21T03:00:00.000Z", "2026-11-21T04:00:00.000Z");
	check(PERIOD_DAY, NOW, "2026-11-21T00:00:00.000Z", "2026-11-22T00:00:00.000Z");
}

static void test_edges(void **state)
{
	struct window day = window_of(PERIOD_DAY, NOW);

	(void)state;
	for (int p = PERIOD_MINUTE; p <= PERIOD_MONTH; p++) {
		struct window w = window_of((enum period)p, NOW);
		assert_true(window_of((enum period)p, w.start).start == w.start);
		assert_true(window_of((enum period)p, w.end - 1).start == w.start);
		assert_true(window_of((enum period)p, w.end).start == w.end);
		assert_true(window_of((enum period)p, w.start - 1).end == w.start);
	}
	check(PERIOD_DAY, day.end - 1, "2026-11-21T00:00:00.000Z", "2026-11-22T00:00:00.000Z");
	check(PERIOD_DAY, day.end, "2026-11-22T00:00:00.000Z", "2026-11-23T00:00:00.000Z");
}

static void test_months(void **state)
{
	(void)state;
	check(PERIOD_MONTH, NOW, "2026-11-01T00:00:00.000Z", "2026-12-01T00:00:00.000Z");
	check(PERIOD_MONTH, INT64_C(1798761599999), "2026-12-01T00:00:00.000Z", "2027-01-01T00:00:00.000Z");
	check(PERIOD_MONTH, INT64_C(1798761600000), "2027-01-01T00:00:00.000Z", "2027-02-01T00:00:00.000Z");
	check(PERIOD_MONTH, INT64_C(1835481599999), "2028-02-01T00:00:00.000Z", "2028-03-01T00:00:00.000Z");
	check(PERIOD_MONTH, INT64_C(0), "1970-01-01T00:00:00.000Z", "1970-02-01T00:00:00.000Z");
}

/* Months follow each other without a gap, each of 28 to 31 days, for four hundred years and more. */
static void test_all_months(void **state)
{
	int64_t at = 0;

	(void)state;
	for (int i = 0; i < 12 * 500; i++) {
		struct window w = window_of(PERIOD_MONTH, at);
		char text[25];

		assert_true(w.start == at);
		assert_true((w.end - w.start) % DAY_MS == 0);
		assert_in_range((w.end - w.start) / DAY_MS, 28, 31);
		clock_format(w.start, text);
		assert_memory_equal(text + 7, "-01T00:00", 9);
		assert_int_equal(atoi(text + 5), i % 12 + 1);
		assert_true(window_of(PERIOD_MONTH, w.end - 1).start == w.start);
		at = w.end;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_short),
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_months),
		cmocka_unit_test(test_all_months),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
