/* test_arena.c - caps, alignment, zeroing, and objects that do not overlap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"

static void test_objects(void **state)
{
	struct arena a;
	unsigned char *p[200];

	(void)state;
	arena_init(&a, 1 << 20);
	for (size_t i = 0; i < N_ELEMENTS(p); i++) {
		p[i] = arena_alloc(&a, i);
		assert_non_null(p[i]);
		assert_int_equal((uintptr_t)p[i] % 16, 0);
		for (size_t k = 0; k < i; k++)
			assert_int_equal(p[i][k], 0);
		memset(p[i], (int)i, i);
	}
	for (size_t i = 0; i < N_ELEMENTS(p); i++)
		for (size_t k = 0; k < i; k++)
			assert_int_equal(p[i][k], i);
	arena_done(&a);
	assert_int_equal(a.total, 0);
}

static void test_cap(void **state)
{
	struct arena a;

	(void)state;
	arena_init(&a, 4096);
	assert_null(arena_alloc(&a, 4097));
	assert_null(arena_alloc(&a, SIZE_MAX));
	assert_null(arena_alloc_array(&a, SIZE_MAX / 2, 3));
	assert_non_null(arena_alloc(&a, 4000));
	assert_null(arena_alloc(&a, 200));
	assert_non_null(arena_alloc(&a, 96));
	assert_null(arena_alloc(&a, 1));
	arena_done(&a);
	/* The cap stays for the next use. */
	assert_non_null(arena_alloc(&a, 4096));
	arena_done(&a);
}

static void test_kept(void **state)
{
	struct arena a;
	char mine[] = "tea";
	const char *text = mine, *none = NULL;

	(void)state;
	arena_init(&a, 64);
	assert_true(arena_keep(&a, &text) && arena_keep(&a, &none));
	mine[0] = 's';
	assert_string_equal(text, "tea");
	assert_null(none);
	const char *long_one = "longer than all of the memory that this arena may have, which is not enough for a copy";
	assert_false(arena_keep(&a, &long_one));
	arena_done(&a);
}

static void test_strings(void **state)
{
	struct arena a;
	int *numbers;

	(void)state;
	arena_init(&a, 4096);
	assert_null(arena_strdup(&a, NULL));
	assert_string_equal(arena_strdup(&a, "tea"), "tea");
	assert_string_equal(arena_strndup(&a, "teapot", 3), "tea");
	assert_string_equal(arena_strndup(&a, NULL, 0), "");
	assert_string_equal(arena_printf(&a, "%d cups of %s", 3, "tea"), "3 cups of tea");
	assert_null(arena_printf(&a, "%5000d", 1));
	numbers = ARENA_ARRAY(&a, int, 10);
	assert_non_null(numbers);
	assert_int_equal(numbers[9], 0);
	assert_non_null(ARENA_NEW(&a, struct str));
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_objects),
		cmocka_unit_test(test_cap),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
