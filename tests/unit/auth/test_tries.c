/* What attackers get, and what they cannot take from others: docs/decisions/025. With a clock that the test moves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <sodium.h>

#include "auth/tries.h"

#define SECOND INT64_C(1000000)
#define MINUTE (60 * SECOND)
#define DAY    (24 * 60 * MINUTE)

static bool may(struct tries *t, const char *name, const char *address, const char *device, int64_t now)
{
	struct taken taken;
	struct err e = {0};
	struct knock k = {.name = name, .address = address, .device = device};
	int r = tries_take(t, &k, now, &taken, &e);

	assert_true(r == 0 || (r == E_RATE_LIMITED && e.retry_after_s > 0));
	return r == 0;
}

/* Somebody who signs in with the right password. */
static bool signs_in(struct tries *t, const char *name, const char *address, const char *device, int64_t now)
{
	struct taken taken;
	struct err e = {0};
	struct knock k = {.name = name, .address = address, .device = device};

	if (tries_take(t, &k, now, &taken, &e) < 0)
		return false;
	tries_good(t, &taken);
	return true;
}

/* Guesses at one name in a day, from `n` addresses of this shape, each asking every ten minutes. */
static int guesses(struct tries *t, const char *shape, int n, int64_t *now)
{
	char address[64];
	int64_t end = *now + DAY;
	int got = 0;

	for (; *now < end; *now += 10 * MINUTE) {
		for (int i = 0; i < n; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
			snprintf(address, sizeof(address), shape, i);
#pragma GCC diagnostic pop
			while (may(t, "anna", address, NULL, *now))
				got++;
		}
	}
	return got;
}

/* An account is found by its name as people read it: other letters for the same, and what nobody sees, are no other name. */
static void test_spellings_are_one_name(void **state)
{
	static const char *const spellings[] = {
		"anna", "ANNA", "\uff41nna", "an\u200bna", "ann\u200b\u200ba", "a\u00adnna", "\U0001d44enna"};
	CLEANUP(tries_freep) struct tries *t = tries_new(5);
	int got = 0;

	(void)state;
	for (size_t i = 0; i < 40; i++)
		got += may(t, spellings[i % 7], "192.0.2.1", NULL, 0);
	assert_int_equal(got, 5);
	assert_true(may(t, "\u00e4nna", "192.0.2.1", NULL, 0)); /* another letter is another name */
}

static void test_guesses_at_one_name(void **state)
{
	static const struct {
		const char *shape;
		int n, first_day, later;
	} cases[] = {
		{"192.0.2.1", 1, 420, 370},
		{"10.1.%d.1", 100, 6 * 100 + 420, 3 * 100 + 370},
		{"2001:db8:7:%x::1", 5000, 24 + 24 + 420, 24 + 370},
		{"2001:db8:7:1::%x", 5000, 420, 370},
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		CLEANUP(tries_freep) struct tries *t = tries_new(5);
		int64_t now = 1;
		int first = guesses(t, cases[i].shape, cases[i].n, &now);
		int later = guesses(t, cases[i].shape, cases[i].n, &now);

		assert_in_range(first, 50, cases[i].first_day);
		assert_in_range(later, 50, cases[i].later);
	}
}

/* While all of these hammer a name, its owner gets in: where he has been before, and where nobody has guessed. */
static void test_a_hammered_name(void **state)
{
	CLEANUP(tries_freep) struct tries *t = tries_new(5);
	int64_t now = 1;

	(void)state;
	(void)guesses(t, "10.1.%d.1", 100, &now);
	while (may(t, "anna", "10.1.3.1", NULL, now))
		;
	assert_true(signs_in(t, "anna", "10.1.3.1", "home", now));
	assert_true(signs_in(t, "Anna", "192.0.2.7", NULL, now));
	assert_true(signs_in(t, "anna", "2001:db8::1", NULL, now));
	for (int i = 0; i < 2; i++)
		assert_true(may(t, "anna", "192.0.2.7", NULL, now));
	assert_true(signs_in(t, "anna", "192.0.2.7", NULL, now));
}

/* One vandal in a school tries all names there are and many that there are not. */
static void test_a_hammered_address(void **state)
{
	CLEANUP(tries_freep) struct tries *t = tries_new(5);
	char name[32];
	int64_t now = 1;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "pupil%d", i % 2000);
		(void)may(t, name, "192.0.2.1", NULL, now);
		now += SECOND / 20;
	}
	assert_true(signs_in(t, "anna", "192.0.2.1", NULL, now));
	assert_true(signs_in(t, "pupil7", "192.0.2.1", "its tablet", now));
	assert_true(signs_in(t, "pupil7", "192.0.2.2", NULL, now));
	/* Spraying: beyond three for each name there is one in a minute for all of them. */
	int got = 0;
	for (int64_t end = now + DAY; now < end; now += MINUTE) {
		for (int i = 0; i < 50; i++) {
			snprintf(name, sizeof(name), "teacher%d", i);
			got += may(t, name, "192.0.2.1", NULL, now);
		}
	}
	assert_in_range(got, 1400, 50 * 6 + 1540);
}

/* Who has an account cannot use it to guess faster at others. */
static void test_own_account_clears_nothing(void **state)
{
	CLEANUP(tries_freep) struct tries *t = tries_new(5);
	int64_t now = 1;
	int got = 0;

	(void)state;
	for (int64_t end = now + DAY; now < end; now += MINUTE) {
		got += may(t, "anna", "192.0.2.1", NULL, now);
		assert_true(signs_in(t, "mallory", "192.0.2.1", NULL, now));
	}
	assert_in_range(got, 50, 420);
}

/* A device that was stolen, with its owner on another one. */
static void test_a_known_device_guesses_no_more(void **state)
{
	CLEANUP(tries_freep) struct tries *t = tries_new(5);
	int64_t now = 1;
	int got = 0;

	(void)state;
	for (int64_t end = now + DAY; now < end; now += SECOND * 10)
		got += may(t, "anna", "192.0.2.1", "stolen", now);
	assert_in_range(got, 50, 415);
	assert_true(signs_in(t, "anna", "192.0.2.1", "home", now));
	assert_true(signs_in(t, "anna", "192.0.2.1", NULL, now));
}

/* What has been used up is remembered while others, even a whole network of IPv6, use up theirs. */
static void test_a_flood_of_addresses(void **state)
{
	CLEANUP(tries_freep) struct tries *t = tries_new(5);
	char address[64];

	(void)state;
	while (may(t, "anna", "192.0.2.1", NULL, 1))
		;
	for (int i = 0; i < 200000; i++) {
		snprintf(address, sizeof(address), "2001:%x:%x:1::1", i & 0xffff, i >> 16);
		(void)may(t, "bert", address, NULL, 1);
	}
	assert_false(may(t, "anna", "192.0.2.1", NULL, 1));
}

static void test_plain(void **state)
{
	CLEANUP(tries_freep) struct tries *t = tries_new(2);
	struct err e = {0};

	(void)state;
	assert_int_equal(tries_take_plain(t, "setup 192.0.2.1", 1, &e), 0);
	assert_int_equal(tries_take_plain(t, "setup 192.0.2.1", 1, &e), 0);
	assert_int_equal(tries_take_plain(t, "setup 192.0.2.1", 1, &e), E_RATE_LIMITED);
	assert_int_equal(e.retry_after_s, 30);
	err_clear(&e);
	assert_int_equal(tries_take_plain(t, "setup 192.0.2.2", 1, &e), 0);
	tries_good_plain(t, "setup 192.0.2.1");
	assert_int_equal(tries_take_plain(t, "setup 192.0.2.1", 1, &e), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spellings_are_one_name),
		cmocka_unit_test(test_guesses_at_one_name),
		cmocka_unit_test(test_a_hammered_name),
		cmocka_unit_test(test_a_hammered_address),
		cmocka_unit_test(test_own_account_clears_nothing),
		cmocka_unit_test(test_a_known_device_guesses_no_more),
		cmocka_unit_test(test_a_flood_of_addresses),
		cmocka_unit_test(test_plain),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
