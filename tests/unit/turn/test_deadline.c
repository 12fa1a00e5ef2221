/* Who waits is ended when a budget's time is used up: at once, in order, not before, and not after it has left. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "turn/deadline.h"

#define LONG_MS 60000

static struct allowance allowance(int64_t ms)
{
	const int64_t limit[ALLOWED_KINDS] = {[ALLOWED_TIME] = ms};
	struct allowance b;

	allowance_init(&b, NULL, limit, clock_mono_ms());
	return b;
}

/* Waits for the cancel, for a minute at most. */
static int reason_of(struct cancel *c)
{
	assert_int_equal(cancel_sleep(c, LONG_MS), -ECANCELED);
	return cancel_reason(c);
}

static void ends_what_takes_longer(void **state UNUSED)
{
	struct deadlines *all = deadlines_new();
	struct allowance late = allowance(LONG_MS), soon = allowance(30);
	struct cancel a, b, c;
	cancel_init(&a);
	cancel_init(&b);
	cancel_init(&c);
	struct deadline of_late = {.budget = &late, .cancel = &a}, of_soon = {.budget = &soon, .cancel = &b},
			with_grace = {.budget = &soon, .grace_ms = LONG_MS, .cancel = &c};
	int64_t began = clock_mono_ms();

	deadline_begin(all, &of_late);
	deadline_begin(all, &with_grace);
	deadline_begin(all, &of_soon); /* before the one that is slept for */
	assert_int_equal(reason_of(&b), E_BUDGET);
	assert_true(clock_mono_ms() - began >= 30);
	assert_int_equal(cancel_reason(&a), 0);
	assert_int_equal(cancel_reason(&c), 0);
	deadline_end(all, &of_late);
	deadline_end(all, &with_grace);
	deadline_end(all, &of_soon);
	deadlines_free(all);
	cancel_done(&a);
	cancel_done(&b);
	cancel_done(&c);
}

/* Of a budget that is used up already, and of one above. */
static void ends_at_once(void **state UNUSED)
{
	const int64_t none[ALLOWED_KINDS] = {[ALLOWED_TIME] = 0};
	struct deadlines *all = deadlines_new();
	struct allowance top = allowance(LONG_MS), own;
	struct cancel a;
	struct deadline d = {.budget = &own, .cancel = &a};

	allowance_init(&own, &top, none, clock_mono_ms());
	atomic_store(&top.spent[ALLOWED_TIME], LONG_MS);
	cancel_init(&a);
	deadline_begin(all, &d);
	assert_int_equal(reason_of(&a), E_BUDGET);
	deadline_end(all, &d);
	deadlines_free(all);
	cancel_done(&a);
}

/* A person is asked: no time goes by until they have answered. */
static void waits_for_a_person(void **state UNUSED)
{
	struct deadlines *all = deadlines_new();
	struct allowance own = allowance(10);
	struct cancel a;
	struct deadline d = {.budget = &own, .cancel = &a};

	allowance_pause(&own, own.began_ms);
	cancel_init(&a);
	deadline_begin(all, &d);
	assert_int_equal(cancel_sleep(&a, 50), 0);
	allowance_go_on(&own, clock_mono_ms());
	assert_int_equal(reason_of(&a), E_BUDGET);
	deadline_end(all, &d);
	deadlines_free(all);
	cancel_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_what_takes_longer),
		cmocka_unit_test(ends_at_once),
		cmocka_unit_test(waits_for_a_person),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
