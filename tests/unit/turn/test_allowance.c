/* What an answer may take: its own limits, those above, and what agents side by side take of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include "turn/allowance.h"

#define NONE                                                                                                           \
	{                                                                                                              \
		0                                                                                                      \
	}

static void ends_with_its_own(void **state UNUSED)
{
	const int64_t limit[ALLOWED_KINDS] = {[ALLOWED_STEPS] = 2, [ALLOWED_TOKENS] = 100};
	struct allowance b;

	allowance_init(&b, NULL, limit, 0);
	assert_int_equal(allowance_over(&b, 0), -1);
	allowance_spend(&b, ALLOWED_STEPS, 1);
	allowance_spend(&b, ALLOWED_TOKENS, 99);
	assert_int_equal(allowance_over(&b, INT64_MAX / 2), -1); /* no limit of time */
	allowance_spend(&b, ALLOWED_TOKENS, 1);
	assert_int_equal(allowance_over(&b, 0), ALLOWED_TOKENS);
	allowance_spend(&b, ALLOWED_STEPS, 1);
	assert_int_equal(allowance_over(&b, 0), ALLOWED_STEPS);
	assert_int_equal(allowance_used(&b, ALLOWED_TOKENS, 0), 100);
	assert_int_equal(allowance_limit(&b, ALLOWED_MONEY, 0), 0);
}

static void takes_nothing_back(void **state UNUSED)
{
	const int64_t limit[ALLOWED_KINDS] = {[ALLOWED_MONEY] = -5};
	struct allowance b;

	allowance_init(&b, NULL, limit, 0);
	allowance_spend(&b, ALLOWED_MONEY, 10);
	allowance_spend(&b, ALLOWED_MONEY, -10);
	assert_int_equal(allowance_used(&b, ALLOWED_MONEY, 0), 10);
	assert_int_equal(allowance_limit(&b, ALLOWED_MONEY, 0), 0);
	assert_int_equal(allowance_over(&b, 0), -1);
}

static void time_runs(void **state UNUSED)
{
	const int64_t limit[ALLOWED_KINDS] = {[ALLOWED_TIME] = 1000};
	struct allowance b;

	allowance_init(&b, NULL, limit, 5000);
	assert_int_equal(allowance_over(&b, 5999), -1);
	assert_int_equal(allowance_over(&b, 6000), ALLOWED_TIME);
	assert_int_equal(allowance_used(&b, ALLOWED_TIME, 4000), 0); /* never below nothing */
	atomic_store(&b.spent[ALLOWED_TIME], 400);                   /* before it waited */
	assert_int_equal(allowance_over(&b, 5600), ALLOWED_TIME);
}

/* What is less: its own, or the rest of whoever called it. */
static void the_least_counts(void **state UNUSED)
{
	const int64_t top[ALLOWED_KINDS] = {[ALLOWED_STEPS] = 10, [ALLOWED_TIME] = 1000};
	const int64_t wide[ALLOWED_KINDS] = {[ALLOWED_STEPS] = 50}, narrow[ALLOWED_KINDS] = {[ALLOWED_STEPS] = 3};
	struct allowance a, b, c;

	allowance_init(&a, NULL, top, 0);
	allowance_spend(&a, ALLOWED_STEPS, 4);
	allowance_init(&b, &a, wide, 100);
	assert_int_equal(allowance_limit(&b, ALLOWED_STEPS, 100), 6);
	assert_int_equal(allowance_limit(&b, ALLOWED_TIME, 100), 900);
	allowance_init(&c, &b, narrow, 100);
	assert_int_equal(allowance_limit(&c, ALLOWED_STEPS, 100), 3);
	allowance_spend(&c, ALLOWED_STEPS, 2);
	assert_int_equal(allowance_used(&a, ALLOWED_STEPS, 100), 6);
	assert_int_equal(allowance_used(&b, ALLOWED_STEPS, 100), 2);
	allowance_spend(&b, ALLOWED_STEPS, 4); /* another agent beside c */
	assert_int_equal(allowance_over(&c, 100), ALLOWED_STEPS);
	assert_int_equal(allowance_limit(&c, ALLOWED_STEPS, 100), 2); /* what it has used: nothing is left above */
	assert_int_equal(allowance_over(&c, 1000), ALLOWED_STEPS);
}

static void nothing_left_is_no_missing_limit(void **state UNUSED)
{
	const int64_t top[ALLOWED_KINDS] = {[ALLOWED_TOKENS] = 5}, none[ALLOWED_KINDS] = NONE;
	struct allowance a, b;

	allowance_init(&a, NULL, top, 0);
	allowance_spend(&a, ALLOWED_TOKENS, 9);
	allowance_init(&b, &a, none, 0);
	assert_true(allowance_limit(&b, ALLOWED_TOKENS, 0) > 0);
	assert_int_equal(allowance_over(&b, 0), ALLOWED_TOKENS);
}

/* While a person is asked, by one agent or several, no time goes by, here and above. */
static void time_stands_still(void **state UNUSED)
{
	const int64_t limit[ALLOWED_KINDS] = {[ALLOWED_TIME] = 1000}, none[ALLOWED_KINDS] = NONE;
	struct allowance top, a, b;

	allowance_init(&top, NULL, limit, 0);
	allowance_init(&a, &top, none, 0);
	allowance_init(&b, &top, none, 0);
	allowance_pause(&a, 100);
	allowance_pause(&b, 300);
	assert_int_equal(allowance_used(&top, ALLOWED_TIME, 5000), 100);
	assert_int_equal(allowance_time_left(&b, 5000), 900);
	allowance_go_on(&a, 1100);
	assert_int_equal(allowance_used(&a, ALLOWED_TIME, 1200), 200);
	assert_int_equal(allowance_used(&top, ALLOWED_TIME, 1200), 100);
	allowance_go_on(&b, 2100); /* together 2,000, not 1,000 and 1,800 */
	assert_int_equal(allowance_used(&top, ALLOWED_TIME, 2200), 200);
	assert_int_equal(allowance_used(&b, ALLOWED_TIME, 2200), 400);
	assert_int_equal(allowance_time_left(&a, 3100), -100);
	assert_int_equal(allowance_over(&a, 3100), ALLOWED_TIME);
}

static void without_a_limit_it_never_ends(void **state UNUSED)
{
	const int64_t none[ALLOWED_KINDS] = NONE;
	struct allowance b;

	allowance_init(&b, NULL, none, 0);
	assert_true(allowance_time_left(&b, INT64_MAX / 2) == INT64_MAX);
}

#define SPENDERS 4
#define TIMES    10000

static void *spend_often(void *b)
{
	for (int i = 0; i < TIMES; i++)
		allowance_spend(b, ALLOWED_TOKENS, 1);
	return NULL;
}

static void side_by_side(void **state UNUSED)
{
	const int64_t none[ALLOWED_KINDS] = NONE;
	struct allowance top, each[SPENDERS];
	pthread_t threads[SPENDERS];

	allowance_init(&top, NULL, none, 0);
	for (int i = 0; i < SPENDERS; i++) {
		allowance_init(&each[i], &top, none, 0);
		assert_int_equal(pthread_create(&threads[i], NULL, spend_often, &each[i]), 0);
	}
	for (int i = 0; i < SPENDERS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(allowance_used(&top, ALLOWED_TOKENS, 0), SPENDERS * TIMES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_with_its_own),
		cmocka_unit_test(takes_nothing_back),
		cmocka_unit_test(time_runs),
		cmocka_unit_test(the_least_counts),
		cmocka_unit_test(nothing_left_is_no_missing_limit),
		cmocka_unit_test(time_stands_still),
		cmocka_unit_test(without_a_limit_it_never_ends),
		cmocka_unit_test(side_by_side),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
