/* Failures and requests are counted with a clock that the test moves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <sodium.h>

#include "auth/throttle.h"

#define LIMIT 5

static void test_waits_double_after_the_limit(void **state)
{
	static const int waits[] = {2, 4, 8, 16, 32, 64, 128, 256, 300, 300};
	CLEANUP(throttle_freep) struct throttle *t = throttle_new();
	int64_t now = 1000000;

	(void)state;
	for (int i = 0; i < LIMIT; i++)
		assert_int_equal(throttle_try(t, "anna", LIMIT, now), 0);
	for (size_t i = 0; i < N_ELEMENTS(waits); i++) {
		assert_int_equal(throttle_try(t, "anna", LIMIT, now), waits[i]);
		/* Asking while one has to wait makes it no longer. */
		assert_int_equal(throttle_try(t, "anna", LIMIT, now + 1000), waits[i] - 1);
		now += waits[i] * 1000 - 1;
		assert_int_equal(throttle_try(t, "anna", LIMIT, now), 1);
		now += 1;
		assert_int_equal(throttle_try(t, "anna", LIMIT, now), 0);
	}
	assert_int_equal(throttle_try(t, "bert", LIMIT, now), 0);
}

static void test_success_forgets(void **state)
{
	CLEANUP(throttle_freep) struct throttle *t = throttle_new();

	(void)state;
	for (int i = 0; i < LIMIT; i++)
		assert_int_equal(throttle_try(t, "anna", LIMIT, 0), 0);
	throttle_forgive(t, "anna", true);
	for (int i = 0; i < LIMIT; i++)
		assert_int_equal(throttle_try(t, "anna", LIMIT, 0), 0);
	throttle_forgive(t, "anna", false);
	assert_int_equal(throttle_try(t, "anna", LIMIT, 0), 0);
	assert_int_equal(throttle_try(t, "anna", LIMIT, 0), 2);
	throttle_forgive(t, "nobody", true);
}

static void test_quiet_forgets(void **state)
{
	CLEANUP(throttle_freep) struct throttle *t = throttle_new();

	(void)state;
	for (int i = 0; i < LIMIT; i++)
		assert_int_equal(throttle_try(t, "anna", LIMIT, 0), 0);
	assert_int_equal(throttle_try(t, "anna", LIMIT, 16 * 60 * 1000), 0);
	assert_int_equal(throttle_try(t, "anna", LIMIT, 16 * 60 * 1000), 0);
}

/* Far more names than places: the table stays as it is, and one that is tried all the time stays in it. */
static void test_table_is_bounded(void **state)
{
	CLEANUP(throttle_freep) struct throttle *t = throttle_new();
	char name[32];

	(void)state;
	for (int i = 0; i < 50000; i++) {
		snprintf(name, sizeof(name), "name %d", i);
		assert_int_equal(throttle_try(t, name, LIMIT, i), 0);
	}
	for (int i = 0; i < LIMIT; i++)
		assert_int_equal(throttle_try(t, "anna", LIMIT, 50000), 0);
	assert_int_equal(throttle_try(t, "anna", LIMIT, 50000), 2);
}

static void test_bucket_fills_again(void **state)
{
	CLEANUP(buckets_freep) struct buckets *b = buckets_new();
	int64_t now = 5000;

	(void)state;
	for (int i = 0; i < 60; i++)
		assert_int_equal(buckets_take(b, 7, 60, now), 0);
	assert_int_equal(buckets_take(b, 7, 60, now), 2);
	assert_int_equal(buckets_take(b, 8, 60, now), 0);
	assert_int_equal(buckets_take(b, 7, 60, now + 999), 1);
	assert_int_equal(buckets_take(b, 7, 60, now + 1000), 0);
	assert_true(buckets_take(b, 7, 60, now + 1000) > 0);
	/* A day later there is a minute's worth, not a day's. */
	now += 24 * 3600 * 1000;
	for (int i = 0; i < 60; i++)
		assert_int_equal(buckets_take(b, 7, 60, now), 0);
	assert_true(buckets_take(b, 7, 60, now) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waits_double_after_the_limit),
		cmocka_unit_test(test_success_forgets),
		cmocka_unit_test(test_quiet_forgets),
		cmocka_unit_test(test_table_is_bounded),
		cmocka_unit_test(test_bucket_fills_again),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
