/* test_fault.c - the named place fails at the pass that was asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "sys/fault.h"

static void test_environment(void **state)
{
	(void)state;
	setenv("ATELIER_FAULT", "from_env:EIO", 1);
	assert_int_equal(FAULT("from_env"), -EIO);
	assert_int_equal(FAULT("other"), 0);
}

static void test_passes(void **state)
{
	(void)state;
	fault_set("journal_write:ENOSPC:3,db_commit:EIO,journal_write:EINTR:4");
	assert_int_equal(FAULT("journal_write"), 0);
	assert_int_equal(FAULT("journal_write"), 0);
	assert_int_equal(FAULT("journal_write"), -ENOSPC);
	assert_int_equal(FAULT("journal_write"), -EINTR);
	assert_int_equal(FAULT("journal_write"), 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(FAULT("db_commit"), -EIO);
	assert_int_equal(FAULT("journal"), 0);
	fault_set(NULL);
	assert_int_equal(FAULT("db_commit"), 0);
	fault_set("");
	assert_int_equal(FAULT("db_commit"), 0);
}

static void test_once_serving(void **state)
{
	(void)state;
	fault_set("later:EIO:+2,later:ENOMEM:+4/3");
	assert_false(fault_counts("later"));
	for (int i = 0; i < 5; i++)
		assert_int_equal(FAULT("later"), 0);
	fault_serving();
	assert_true(fault_counts("later"));
	assert_false(fault_counts("other"));
	for (int i = 1; i <= 11; i++)
		assert_int_equal(FAULT("later"), i == 2 ? -EIO : i >= 4 && (i - 4) % 3 == 0 ? -ENOMEM : 0);
	fault_set("later:EIO:+");
	assert_int_equal(FAULT("later"), -EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_passes),
		cmocka_unit_test(test_once_serving),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
