/* Meters, with a clock that the test moves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <sodium.h>

#include "auth/throttle.h"

#define SECOND INT64_C(1000000)
#define ROWS   64

static const struct rate rate = {5, 30 * SECOND};

static int64_t take(struct meter *m, const char *what, int64_t now)
{
	return meter_take(m, str_from(what), rate, now);
}

static void test_burst_then_one_by_one(void **state)
{
	CLEANUP(meter_freep) struct meter *m = meter_new(ROWS);
	int64_t now = 1000 * SECOND;

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_int_equal(take(m, "anna", now), 0);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(take(m, "anna", now), 30 * SECOND);
		/* Asking while one has to wait makes it no longer. */
		assert_int_equal(take(m, "anna", now + SECOND), 29 * SECOND);
		now += 30 * SECOND;
		assert_int_equal(take(m, "anna", now), 0);
	}
	assert_int_equal(take(m, "bert", now), 0);
	/* After a while all of it is there again, and not more. */
	now += 1000 * SECOND;
	for (int i = 0; i < 5; i++)
		assert_int_equal(take(m, "anna", now), 0);
	assert_true(take(m, "anna", now) > 0);
}

static void test_giving_back(void **state)
{
	CLEANUP(meter_freep) struct meter *m = meter_new(ROWS);

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_int_equal(take(m, "anna", 0), 0);
	meter_give_back(m, STR("anna"), rate);
	assert_int_equal(take(m, "anna", 0), 0);
	assert_true(take(m, "anna", 0) > 0);
	meter_forget(m, STR("anna"));
	for (int i = 0; i < 5; i++)
		assert_int_equal(take(m, "anna", 0), 0);
	meter_give_back(m, STR("nobody"), rate);
	meter_forget(m, STR("nobody"));
	/* Giving back more than was taken gives no more than all. */
	for (int i = 0; i < 50; i++)
		meter_give_back(m, STR("anna"), rate);
	for (int i = 0; i < 5; i++)
		assert_int_equal(take(m, "anna", 0), 0);
	assert_true(take(m, "anna", 0) > 0);
}

/* A clock that was far ahead keeps nobody waiting once it is right. */
static void test_clock_steps_back(void **state)
{
	CLEANUP(meter_freep) struct meter *m = meter_new(ROWS);
	int64_t ahead = (int64_t)1 << 50;

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_int_equal(take(m, "anna", ahead), 0);
	assert_true(take(m, "anna", 1000) <= 30 * SECOND);
	assert_int_equal(take(m, "anna", 1000 + 30 * SECOND), 0);
}

/* Far more names than places: who has used up what there was is not forgotten for it. */
static void test_a_flood_pushes_out_itself(void **state)
{
	CLEANUP(meter_freep) struct meter *m = meter_new(ROWS);
	char name[32];

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_int_equal(take(m, "anna", 0), 0);
	for (int i = 0; i < 100000; i++) {
		snprintf(name, sizeof(name), "name %d", i);
		assert_int_equal(take(m, name, 0), 0);
	}
	assert_true(take(m, "anna", 0) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_burst_then_one_by_one),
		cmocka_unit_test(test_giving_back),
		cmocka_unit_test(test_clock_steps_back),
		cmocka_unit_test(test_a_flood_pushes_out_itself),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
