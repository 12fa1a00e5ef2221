/* test_cancel.c - the first reason stays; hooks run once; races with registering. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/clock.h"
#include "sys/cancel.h"

static void count(void *arg)
{
	++*(int *)arg;
}

static void test_fire(void **state)
{
	struct cancel c;
	struct cancel_hook a, b, removed, late;
	int na = 0, nb = 0, nr = 0, nl = 0;

	(void)state;
	cancel_init(&c);
	assert_int_equal(cancel_reason(&c), 0);
	assert_int_equal(cancel_on(&c, &a, count, &na), 0);
	assert_int_equal(cancel_on(&c, &removed, count, &nr), 0);
	assert_int_equal(cancel_on(&c, &b, count, &nb), 0);
	cancel_off(&c, &removed);
	cancel_off(&c, &removed);
	cancel_fire(&c, E_STOPPING);
	cancel_fire(&c, E_CANCELED);
	assert_int_equal(cancel_reason(&c), E_STOPPING);
	assert_int_equal(na, 1);
	assert_int_equal(nb, 1);
	assert_int_equal(nr, 0);
	assert_int_equal(cancel_on(&c, &late, count, &nl), -ECANCELED);
	assert_int_equal(nl, 0);
	cancel_off(&c, &a);
	assert_int_equal(cancel_sleep(&c, 60000), -ECANCELED);
	cancel_done(&c);
}

static void *fire(void *arg)
{
	cancel_fire(arg, E_CANCELED);
	return NULL;
}

static void test_sleep(void **state)
{
	struct cancel c;
	pthread_t t;
	int64_t begin;

	(void)state;
	cancel_init(&c);
	begin = clock_mono_ms();
	assert_int_equal(cancel_sleep(&c, 20), 0);
	assert_true(clock_mono_ms() - begin >= 19);
	assert_int_equal(cancel_sleep(&c, 0), 0);
	assert_int_equal(cancel_sleep(&c, -5), 0);
	assert_int_equal(pthread_create(&t, NULL, fire, &c), 0);
	/* Whether the firing comes before or within: the sleep does not last. */
	assert_int_equal(cancel_sleep(&c, 600000), -ECANCELED);
	pthread_join(t, NULL);
	cancel_done(&c);
}

struct race {
	struct cancel c;
	pthread_barrier_t gate;
};

static void *race_fire(void *arg)
{
	struct race *r = arg;

	pthread_barrier_wait(&r->gate);
	cancel_fire(&r->c, E_CANCELED);
	return NULL;
}

static void test_race(void **state)
{
	(void)state;
	for (int round = 0; round < 300; round++) {
		struct race r;
		pthread_t t;
		int n = 0, on;

		cancel_init(&r.c);
		pthread_barrier_init(&r.gate, NULL, 2);
		assert_int_equal(pthread_create(&t, NULL, race_fire, &r), 0);
		pthread_barrier_wait(&r.gate);
		{
			/* The hook dies with this scope: after cancel_off nobody may touch it. */
			struct cancel_hook h;
			int seen;

			on = cancel_on(&r.c, &h, count, &n);
			if (on == 0)
				cancel_off(&r.c, &h);
			seen = n;
			assert_in_range(seen, 0, 1);
			pthread_join(t, NULL);
			assert_int_equal(n, seen);
		}
		if (on < 0)
			assert_int_equal(n, 0);
		assert_int_equal(cancel_reason(&r.c), E_CANCELED);
		pthread_barrier_destroy(&r.gate);
		cancel_done(&r.c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fire),
		cmocka_unit_test(test_sleep),
		cmocka_unit_test(test_race),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
