/* Libraries that are opened when they are first needed, and those that are not there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "sys/health.h"
#include "sys/library.h"

static void *page[LIBRARY_PAGE / sizeof(void *)] __attribute__((aligned(LIBRARY_PAGE)));
static int begun;

static int begin(void)
{
	begun++;
	return 0;
}

static struct library of(const char *file, const char *const *names, size_t n)
{
	return (struct library){
		.file = file, .package = "some-package", .names = names, .at = page, .n = n, .begin = begin};
}

static void told(struct library *l, const char *word)
{
	char text[HEALTH_TEXT_BYTES];
	struct err e = {0};

	begun = 0;
	assert_int_equal(library_open(l, &e), E_INTERNAL);
	assert_int_equal(library_open(l, NULL), E_INTERNAL); /* tried again: it may be there by now */
	assert_false(library_is_open(l));
	assert_int_equal(begun, 0);
	assert_non_null(strstr(e.msg, word));
	assert_non_null(strstr(e.msg, l->file));
	assert_non_null(strstr(e.msg, "some-package"));
	assert_true(health_get_text(HEALTH_library, text));
	assert_string_equal(text, e.msg);
}

static void missing(void **state)
{
	static const char *const names[] = {"getpid"};
	struct library l = of("libnone-such.so.9", names, 1);

	(void)state;
	told(&l, "No such file");
}

/* Older than the headers that the program was built with. Then it is there, in the version that is needed. */
static void lacks_a_function(void **state)
{
	static const char *const names[] = {"getpid", "none_such_function"}, *const good[] = {"getpid", "strdup"};
	struct library l = of("libc.so.6", names, 2);
	char text[HEALTH_TEXT_BYTES];
	struct err e = {0};

	(void)state;
	told(&l, "none_such_function");
	l.names = good;
	assert_int_equal(library_open(&l, &e), 0);
	assert_int_equal(library_open(&l, &e), 0);
	assert_true(library_is_open(&l));
	assert_int_equal(begun, 1);
	assert_int_equal(((pid_t(*)(void))page[0])(), getpid());
	assert_false(health_get_text(HEALTH_library, text));
}

/* The table's page is shown as one that cannot be written. */
static void cannot_be_written(void **state)
{
	char line[256], rights[8] = "";
	unsigned long from, to;
	FILE *f = fopen("/proc/self/maps", "r");

	(void)state;
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx %7s", &from, &to, rights) == 3 && (unsigned long)page >= from &&
			(unsigned long)page < to)
			break;
	}
	fclose(f);
	assert_string_equal(rights, "r--p");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(missing), cmocka_unit_test(lacks_a_function), cmocka_unit_test(cannot_be_written)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
