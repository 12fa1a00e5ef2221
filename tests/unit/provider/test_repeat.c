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

static const char *cjk(int i)
{
	(void)i;
	return "\u6211\u4eec\u6765\u770b\u4e00\u4e0b\uff1a\n\n";
}

static const char *blanks(int i)
{
	return i % 40 ? "\n" : "\n  ";
}

static const char *json(int i)
{
	(void)i;
	return "{\"path\": \"a.txt\", \"text\": \"again\"}, ";
}

/* Rows of a matrix, an array in hexadecimal: what is asked for. */
static const char *noughts(int i)
{
	return i % 64 ? "0,0,0,0," : "0,\n";
}

static const char *hexadecimal(int i)
{
	return i % 16 ? "0x00, " : "0x00,\n\t";
}

/* A table whose rows differ in one number, code whose lines differ in one name. */
static const char *table(int i)
{
	static char text[96];
	sprintf(text, "| the same words | in each row | %d | yes |\n", i / 7);
	return text;
}

static const char *code(int i)
{
	static char text[96];
	sprintf(text, "\tcase KEY_%X: return handle(KEY_%X);\n", i, i);
	return text;
}

static void what_is_asked_for(void **state)
{
	static const size_t steps[] = {1, 7, 4096, 20000};
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(steps); i++) {
		assert_true(found_in(cjk, 2000, steps[i]));
		assert_true(found_in(blanks, 40000, steps[i]));
		assert_true(found_in(json, 1000, steps[i]));
		assert_true(found_in(noughts, 20000, steps[i])); /* 160 KB are too many */
		assert_false(found_in(noughts, 5000, steps[i])); /* 40 KB */
		assert_false(found_in(hexadecimal, 6000, steps[i]));
		assert_false(found_in(table, 3000, steps[i]));
		assert_false(found_in(code, 3000, steps[i]));
	}
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
	const struct CMUnitTest tests[] = {cmocka_unit_test(what_repeats), cmocka_unit_test(what_is_asked_for)};
	return cmocka_run_group_tests_name("provider/repeat", tests, NULL, NULL);
}
