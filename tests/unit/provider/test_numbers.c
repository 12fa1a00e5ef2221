/* Long lists of numbers are taken out of JSON as they are read otherwise; all else stays. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/json.h"
#include "provider/numbers.h"

static json_t *lift(const char *text, struct numbers *x)
{
	struct buf b = BUF_INIT(1 << 20);

	buf_add_str(&b, text);
	numbers_lift(&b, x);
	assert_int_equal(strlen(b.p ? b.p : ""), b.n);
	json_t *v = json_loads(b.p ? b.p : "", JSON_DECODE_ANY, NULL);
	buf_done(&b);
	return v;
}

static void test_numbers(void **state UNUSED)
{
	static const char *const written[] = {"0", "-0", "1", "-1.5", "0.1", "123456789.123456789", "1e-7", "-2.5E+3",
		"9.99e-20", "0.000000000000000000000000012345", "1234567890123456789012345", "3.4028234e38", "1e-45",
		"-1e-400", "0.30000001192092896"};
	struct numbers x = {0};
	struct buf b = BUF_INIT(4096);
	const float *got;

	for (size_t i = 0; i < N_ELEMENTS(written); i++)
		buf_printf(&b, "%s%s", i ? " ,\n" : "[ ", written[i]);
	buf_add_str(&b, " ]");
	json_t *v = lift(b.p, &x);
	assert_true(json_is_string(v));
	assert_int_equal(numbers_of(&x, json_string_value(v), &got), N_ELEMENTS(written));
	for (size_t i = 0; i < N_ELEMENTS(written); i++)
		if (fabsf(got[i] - strtof(written[i], NULL)) > fabsf(got[i]) * 1e-6f)
			fail_msg("%s was read as %.9g", written[i], (double)got[i]);
	json_decref(v);
	buf_done(&b);
	numbers_done(&x);
}

static void test_what_stays(void **state UNUSED)
{
	static const char *const same[] = {"{\"a\":[1,2,3],\"b\":\"[1,2,3,4,5,6,7,8,9,10,11,12]\"}",
		"\"\\\"[0,0,0,0,0,0,0,0,0,0,0]\"", "[1,2,3,4,5,6,7,8,9,10,null]", "[[],{\"x\":[]}]",
		"[1,2,3,4,5,6,7,8,9,10,[11]]", "3", ""};
	static const char *const broken[] = {"[1,2,3,4,5,6,7,8,9,10,", "[1,2,3,4,5,6,7,8,9,010]",
		"[1,2,3,4,5,6,7,8,9,1.]", "[1,2,3,4,5,6,7,8,9,10,]", "[1,2,3,4,5,6,7,8,9,1e]", "[1,2,3,4,5,6,7,8,9,-]",
		"\"abc", "[1,2,3,4,5,6,7,8,9,10", "\"\\"};

	for (size_t i = 0; i < N_ELEMENTS(same); i++) {
		struct numbers x = {0};
		json_t *v = lift(same[i], &x), *want = json_loads(same[i], JSON_DECODE_ANY, NULL);
		assert_true(v == want || json_equal(v, want));
		assert_int_equal(x.n, 0);
		json_decref(v);
		json_decref(want);
		numbers_done(&x);
	}
	for (size_t i = 0; i < N_ELEMENTS(broken); i++) {
		struct numbers x = {0};
		assert_null(lift(broken[i], &x));
		numbers_done(&x);
	}
}

static void test_many(void **state UNUSED)
{
	struct numbers x = {0};
	const float *got;
	json_t *v = lift("{\"e\":[[1,1,1,1,1,1,1,1,1,1],[2,2,2,2,2,2,2,2,2,2,2]],\"n\":7}", &x),
	       *e = json_object_get(v, "e");

	assert_int_equal(json_array_size(e), 2);
	assert_int_equal(numbers_of(&x, json_string_value(json_array_get(e, 1)), &got), 11);
	assert_true(got[0] > 1.5f && got[10] > 1.5f);
	assert_int_equal(json_integer_value(json_object_get(v, "n")), 7);
	assert_int_equal(numbers_of(&x, "#5,ffffffff", &got), 0); /* what a provider might send itself */
	assert_int_equal(numbers_of(&x, "#ffffffff,1", &got), 0);
	assert_int_equal(numbers_of(&x, "#", &got), 0);
	json_decref(v);
	numbers_done(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers), cmocka_unit_test(test_what_stays), cmocka_unit_test(test_many)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
