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

/* ---- what counts on ---- */

static char counted[256];
#define LINE(...) (snprintf(counted, sizeof counted, __VA_ARGS__), counted)

static const char *with_total(int i)
{
	return LINE("Step %d of 100, and then step %d.\n", i, i + 1);
}

static const char *in_a_row(int i)
{
	return LINE("%d, ", i);
}

static const char *backwards(int i)
{
	return LINE("%d bottles of beer on the wall, %d bottles of beer.\n", 9000000 - 2 * i, 9000000 - 2 * i);
}

static const char *huge(int i)
{
	return LINE("98765432109876543210%07d; ", i);
}

static void what_counts_on(void **state)
{
	static const char *(*const lines[])(int i) = {list, numbers, in_a_row, with_total, backwards, huge};
	static const size_t steps[] = {1, 4096};
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(lines); i++)
		for (size_t k = 0; k < N_ELEMENTS(steps); k++)
			assert_true(found_in(lines[i], 100000, steps[k]));
}

/* ---- and what is long, but goes on: each of more than half a megabyte ---- */

static unsigned drawn(int i)
{
	return ((unsigned)i * 2654435761u) ^ ((unsigned)i * 2246822519u >> 7);
}

static const char *times(int i)
{
	return LINE("%d \u00d7 %d = %d\n", i / 400 + 1, i % 400 + 1, (i / 400 + 1) * (i % 400 + 1));
}

static const char *csv(int i)
{
	return LINE("%d,%u,%u.%02u,active\n", i, drawn(i) % 1000, drawn(i) % 97, drawn(i) % 100);
}

static const char *array_of_objects(int i)
{
	return LINE("{\"id\": %d, \"x\": %u, \"y\": %u}, ", i, drawn(i) % 640, drawn(i + 1) % 480);
}

static const char *log_of_a_server(int i)
{
	return LINE("2026-01-%02d %02d:%02d:%02d INFO request %d done in 12 ms\n", i / 86400 + 1, i / 3600 % 24,
		i / 60 % 60, i % 60, i);
}

static const char *steps_of_a_machine(int i)
{
	return LINE(
		"G1 X%u.%02u Y%u.%02u E%d.5\n", drawn(i) % 200, drawn(i) % 100, drawn(i + 3) % 200, drawn(i) % 99, i);
}

static const char *numbered_list(int i)
{
	static const char *const words[] = {"red", "green", "blue", "black", "white", "amber", "violet"};
	return LINE("%d. The %s one beside the %s.\n", i + 1, words[drawn(i) % 7], words[drawn(i + 9) % 7]);
}

static const char *diff(int i)
{
	return LINE("@@ -%d,%u +%d,%u @@\n-	int a%u = %d;\n+	int a%u = %d;\n", i * 9, drawn(i) % 9 + 1,
		i * 9 + 1, drawn(i) % 8 + 1, drawn(i) % 50, i, drawn(i) % 50, i + 1);
}

static const char *base64(int i)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (int k = 0; k < 76; k++)
		counted[k] = letters[drawn(i * 76 + k) % 64];
	memcpy(counted + 76, "\n", 2);
	return counted;
}

static const char *squares(int i)
{
	return LINE("The square of %d is %lld.\n", i, (long long)i * i);
}

static const char *rows_for_a_database(int i)
{
	return LINE("INSERT INTO t VALUES (%d, 'user%d@example.org', %u);\n", i, i, drawn(i) % 90 + 10);
}

static const char *words_that_count(int i)
{
	static const char *const tens[] = {"twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty"};
	static const char *const ones[] = {"one", "two", "three", "four", "five", "six", "seven", "eight", "nine"};
	return LINE("%d is %s-%s and some\n", i, tens[i / 9 % 7], ones[i % 9]);
}

/* Seconds in which nothing happens, drawn as rows of dots that grow. */
static const char *triangle(int i)
{
	snprintf(counted, sizeof counted, "%d %.*s\n", i % 60, i % 60,
		"............................................................");
	return counted;
}

static void what_goes_on(void **state)
{
	static const char *(*const lines[])(int i) = {times, csv, array_of_objects, log_of_a_server, steps_of_a_machine,
		numbered_list, diff, base64, squares, rows_for_a_database, words_that_count, code};
	static const size_t steps[] = {7, 4096};
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(lines); i++)
		for (size_t k = 0; k < N_ELEMENTS(steps); k++)
			if (found_in(lines[i], 20000, steps[k]))
				fail_msg("series %zu was taken for one without end", i);
	assert_false(found_in(triangle, 20000, 4096));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(what_repeats), cmocka_unit_test(what_is_asked_for),
		cmocka_unit_test(what_counts_on), cmocka_unit_test(what_goes_on)};
	return cmocka_run_group_tests_name("provider/repeat", tests, NULL, NULL);
}
