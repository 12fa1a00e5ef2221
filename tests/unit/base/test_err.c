/* test_err.c - the first cause wins; the table is whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/err.h"
#include "base/utf8.h"

static void test_first_wins(void **state)
{
	struct err e = {0};

	(void)state;
	assert_int_equal(err_set(&e, E_NOT_FOUND, "no chat %d", 7), E_NOT_FOUND);
	assert_int_equal(err_set(&e, -EIO, "later"), -EIO);
	assert_int_equal(e.code, E_NOT_FOUND);
	assert_string_equal(e.msg, "no chat 7");
	assert_non_null(strstr(e.file, "test_err.c"));
	assert_true(e.line > 0);
	assert_int_equal(err_set(NULL, E_BUSY, "nobody listens"), E_BUSY);
	err_clear(&e);
	assert_int_equal(e.code, 0);
	assert_string_equal(e.msg, "");
	err_clear(NULL);
}

static void test_field(void **state)
{
	struct err e = {0};

	(void)state;
	assert_int_equal(err_field(&e, E_INVALID, "grants[1].verb", "must be one of: %s.", "use edit"), E_INVALID);
	assert_string_equal(e.field, "grants[1].verb");
	assert_string_equal(e.msg, "\"grants[1].verb\" must be one of: use edit.");
	/* The first cause wins here, too. */
	assert_int_equal(err_field(&e, E_CONFLICT, "name", "is taken."), E_CONFLICT);
	assert_string_equal(e.field, "grants[1].verb");
	err_clear(&e);
	err_set(&e, E_INVALID, "Nothing single.");
	err_field(&e, E_INVALID, "name", "is missing.");
	assert_string_equal(e.field, "");
	assert_int_equal(err_field(NULL, E_INVALID, "name", "is missing."), E_INVALID);
}

static void test_long_message(void **state)
{
	struct err e = {0};

	(void)state;
	/* 253 bytes, then characters of three: none may be cut in two. */
	err_set(&e, E_INVALID, "%0253d\xe2\x82\xac\xe2\x82\xac", 0);
	assert_int_equal(strlen(e.msg), 253);
	assert_true(utf8_valid(e.msg, strlen(e.msg)));
}

static void test_table(void **state)
{
	const struct err_info *all;
	size_t n;

	(void)state;
	all = err_table(&n);
	for (size_t i = 0; i < n; i++) {
		assert_ptr_equal(err_info(all[i].code), &all[i]);
		assert_in_range(all[i].http_status, 400, 599);
		assert_true(all[i].text[0]);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(all[i].wire_code, all[k].wire_code);
	}
	assert_int_equal(err_info(-ENOSPC)->code, E_STORAGE);
	assert_int_equal(err_info(-EROFS)->code, E_STORAGE);
	assert_int_equal(err_info(-EDQUOT)->code, E_STORAGE);
	assert_int_equal(err_info(-EFBIG)->code, E_STORAGE);
	assert_int_equal(err_info(-ECANCELED)->code, E_CANCELED);
	assert_int_equal(err_info(-ENOMEM)->code, E_BUSY);
	assert_int_equal(err_info(-123456)->code, E_INTERNAL);
}

static void test_public_text(void **state)
{
	struct err e = {0};

	(void)state;
	err_set(&e, E_INTERNAL, "row 17 of table x is broken");
	assert_null(strstr(err_public_text(&e), "row 17"));
	err_clear(&e);
	err_set(&e, -EIO, "disk sda");
	assert_string_equal(err_public_text(&e), err_info(E_INTERNAL)->text);
	err_clear(&e);
	err_set(&e, -ENOMEM, "no room for row 17");
	assert_string_equal(err_public_text(&e), err_info(E_BUSY)->text);
	err_clear(&e);
	err_set(&e, E_INVALID, "\"title\" is missing.");
	assert_string_equal(err_public_text(&e), "\"title\" is missing.");
	assert_string_equal(err_public_text(NULL), err_info(E_INTERNAL)->text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_wins),
		cmocka_unit_test(test_field),
		cmocka_unit_test(test_long_message),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_public_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
