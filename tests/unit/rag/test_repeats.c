/* What says the same is found whatever its order, case and marks; what shares a few words is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rag/repeats.h"

static bool alike(const char *x, const char *y)
{
	struct arena a;
	struct said left, right;

	arena_init(&a, 1 << 20);
	assert_int_equal(said_of(x, &a, &left), 0);
	assert_int_equal(said_of(y, &a, &right), 0);
	bool same = said_alike(&left, &right);
	assert_int_equal(said_alike(&right, &left), same);
	arena_done(&a);
	return same;
}

static void test_alike(void **state UNUSED)
{
	static const char text[] = "Boats pay four crowns a night at the office by the bridge, and two more for water.";

	assert_true(alike(text, text));
	assert_true(
		alike(text, "BOATS pay (four) crowns a night -- at the office by the bridge; and two more for water"));
	assert_true(alike(text, "For water two more, and at the office by the bridge boats pay four crowns a night!"));
	assert_true(alike(text, "Boats pay five crowns a night at the office by the bridge, and two more for water. "
				"Boats pay.") == false);
	assert_false(
		alike(text, "Boats pay nothing at all where nobody looks after the quay by night, and water is free."));
	assert_false(alike(text, ""));
	assert_false(alike("", ""));
	/* Few words are alike when they are the same. */
	assert_true(alike("Boats wait.", "boats WAIT"));
	assert_false(alike("Boats wait.", "Boats wait here."));
	assert_true(alike("\xC3\xA4lv \xE4\xB8\xAD\xE6\x96\x87", "\xE4\xB8\xAD\xE6\x96\x87 \xC3\xA4lv"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_alike)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
