/* What repeats itself without end is noticed, and nothing else is. */
#include "support.h"

#include <stdio.h>

static bool found_in(const char *(*line)(int i), int n, size_t step)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(4 << 20);
	struct repeat r = {.total = 0};
	for (int i = 0; i < n; i++)
		buf_add_str(&b, line(i));
	for (size_t at = 0; at < b.n; at += step)
		repeat_add(&r, b.p + at, MIN(step, b.n - at));
	bool found = r.found;
	repeat_done(&r);
	return found;
}

static const char *same(int i)
{
	(void)i;
	return "All work and no play makes Jack a dull boy.\n";
}

static const char *numbers(int i)
{
	static char text[32];
	sprintf(text, "%d\n", i);
	return text;
}

static const char *list(int i)
{
	static char text[64];
	sprintf(text, "- Item number %d of the list is like the others.\n", i);
	return text;
}

/* Three lines that come again and again, after a beginning that is none of them. */
static const char *three(int i)
{
	static const char *const lines[] = {"one line\n", "and another one\n", "and a third\n"};
	return i < 50 ? numbers(i) : lines[i % 3];
}

/* A long paragraph twice is no loop. */
static const char *twice(int i)
{
	return i < 200 ? list(i) : list(i - 200);
}

static void what_repeats(void **state)
{
	static const size_t steps[] = {1, 7, 4096, 20000};
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(steps); i++) {
		assert_true(found_in(same, 2000, steps[i]));
		assert_true(found_in(three, 5000, steps[i]));
		assert_false(found_in(same, 150, steps[i])); /* 6 KB of it */
		assert_false(found_in(numbers, 50000, steps[i]));
		assert_false(found_in(list, 5000, steps[i]));
		assert_false(found_in(twice, 400, steps[i]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(what_repeats)};
	return cmocka_run_group_tests_name("provider/repeat", tests, NULL, NULL);
}
