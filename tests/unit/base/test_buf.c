/* test_buf.c - growth up to the maximum, and failures that stay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"

static void test_add(void **state)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(1000);
	char *taken;

	(void)state;
	assert_int_equal(buf_str(&b).n, 0);
	assert_non_null(buf_str(&b).p);
	buf_add_str(&b, "one");
	buf_add_char(&b, ' ');
	buf_add_u64(&b, 0);
	buf_add_u64(&b, UINT64_MAX);
	buf_printf(&b, " %s %d", "x", -5);
	buf_add(&b, NULL, 0);
	assert_string_equal(b.p, "one 018446744073709551615 x -5");
	buf_consume(&b, 4);
	assert_string_equal(b.p, "018446744073709551615 x -5");
	buf_cut(&b, 5000);
	buf_cut(&b, 3);
	assert_string_equal(b.p, "018");
	buf_consume(&b, 5000);
	assert_int_equal(b.n, 0);
	assert_string_equal(b.p, "");
	buf_add_str(&b, "kept");
	taken = buf_take(&b);
	assert_string_equal(taken, "kept");
	free(taken);
	assert_null(b.p);
	taken = buf_take(&b);
	assert_string_equal(taken, "");
	free(taken);
}

static void test_maximum(void **state)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(300);

	(void)state;
	for (int i = 0; i < 300; i++)
		buf_add_char(&b, 'x');
	assert_int_equal(buf_status(&b), 0);
	assert_int_equal(b.n, 300);
	assert_true(b.cap <= 301);
	buf_add_char(&b, 'y');
	assert_int_equal(buf_status(&b), E_TOO_LARGE);
	/* Later adds do nothing, even where they would fit. */
	buf_consume(&b, 100);
	buf_add_char(&b, 'z');
	buf_printf(&b, "%d", 1);
	assert_int_equal(b.n, 200);
	assert_null(buf_reserve(&b, 1));
	buf_reset(&b);
	assert_int_equal(buf_status(&b), 0);
	buf_add_str(&b, "again");
	assert_string_equal(b.p, "again");
	buf_printf(&b, "%400d", 1);
	assert_int_equal(buf_status(&b), E_TOO_LARGE);
	assert_null(buf_take(&b));
}

static void test_reserve(void **state)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(SIZE_MAX);
	char *p, *taken;

	(void)state;
	p = buf_reserve(&b, 10);
	assert_non_null(p);
	memcpy(p, "0123456789", 10);
	b.n += 10;
	p = buf_reserve(&b, 1000);
	memset(p, 'a', 1000);
	b.n += 1000;
	taken = buf_take(&b);
	assert_int_equal(strlen(taken), 1010);
	free(taken);
	assert_null(buf_reserve(&b, SIZE_MAX));
	assert_int_equal(buf_status(&b), E_TOO_LARGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_maximum),
		cmocka_unit_test(test_reserve),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
