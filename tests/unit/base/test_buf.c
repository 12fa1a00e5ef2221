/* test_buf.c - growth up to the maximum, and failures that stay. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

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

/* What is written without the library is what the library writes. */
#define SAME(...)                                                                                                      \
	do {                                                                                                           \
		CLEANUP(buf_done) struct buf b = BUF_INIT(1000);                                                       \
		char text[1000];                                                                                       \
		buf_add_str(&b, "<");                                                                                  \
		buf_printf(&b, __VA_ARGS__);                                                                           \
		snprintf(text, sizeof(text), __VA_ARGS__);                                                             \
		assert_string_equal(b.p + 1, text);                                                                    \
		assert_int_equal(b.n, strlen(text) + 1);                                                               \
	} while (0)

static void test_printf(void **state)
{
	const char *volatile none = NULL;

	(void)state;
	SAME("plain");
	SAME("%s|%c|%d|%u|%zu|%lld|%.*s", "text", 'c', INT_MIN, UINT_MAX, SIZE_MAX, LLONG_MIN, 2, "cut");
	SAME("%d %lld %d %lld", INT_MAX, LLONG_MAX, 0, -1LL);
	SAME("%.*s %.*s %.*s", -1, "whole", 0, "nothing", 9, "short");
	SAME("%s", none);
	/* In the middle, one that is left to the library: everything is its own then. */
	SAME("%s %5d %s", "before", 7, "behind");
	SAME("100 %% of %lu and %ld", 5UL, -5L);
	SAME("%s%.2f%s%04x", "a", 1.005, "b", 0xabcu);
	SAME("%.3s%-6s%6.1s|", "long", "left", "right");
	SAME("%llu%s", ULLONG_MAX, "");
}

static void test_printf_beyond(void **state)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(10);

	(void)state;
	buf_printf(&b, "%s-%d", "abc", 12);
	assert_string_equal(b.p, "abc-12");
	buf_printf(&b, "%s%s", "xy", "too long");
	assert_int_equal(buf_status(&b), E_TOO_LARGE);
	assert_string_equal(b.p, "abc-12"); /* nothing of what does not fit */
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

static void test_varint(void **state)
{
	static const struct {
		uint64_t v;
		const char *bytes;
		size_t n;
	} all[] = {{0, "\0", 1}, {0x7f, "\x7f", 1}, {0x80, "\x80\1", 2}, {300, "\xac\2", 2},
		{UINT64_MAX, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", 10}};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(all); i++) {
		CLEANUP(buf_done) struct buf b = BUF_INIT(11);

		buf_add_char(&b, 'x');
		buf_add_varint(&b, all[i].v);
		assert_int_equal(b.n, 1 + all[i].n);
		assert_memory_equal(b.p + 1, all[i].bytes, all[i].n + 1);
	}
	CLEANUP(buf_done) struct buf full = BUF_INIT(9);

	buf_add_varint(&full, UINT64_MAX); /* all of it, or nothing */
	assert_int_equal(buf_status(&full), E_TOO_LARGE);
	assert_int_equal(full.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_maximum),
		cmocka_unit_test(test_printf),
		cmocka_unit_test(test_printf_beyond),
		cmocka_unit_test(test_reserve),
		cmocka_unit_test(test_varint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
