/* Where secrets stand, and that they are gone afterwards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/secret.h"

/* Whether the kernel leaves the page at p out of a core dump; -1: there is no such page. */
static int is_left_out(const void *p)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	unsigned long from, to, at = (unsigned long)(uintptr_t)p;
	char line[512];
	bool here = false;
	int found = -1;

	assert_non_null(f);
	while (found < 0 && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			here = at >= from && at < to;
		else if (here && strncmp(line, "VmFlags:", 8) == 0)
			found = strstr(line, " dd") != NULL;
	}
	fclose(f);
	return found;
}

static void test_left_out_of_dumps(void **state UNUSED)
{
	char *s = secret_strdup("sk-something"), *heap = xstrdup("sk-something");

	assert_string_equal(s, "sk-something");
	assert_int_equal(is_left_out(s), 1);
	assert_int_equal(is_left_out(heap), 0);
	free(heap);
	secret_free(s);
	assert_int_equal(is_left_out(s), -1);
}

static void test_larger_than_a_page(void **state UNUSED)
{
	unsigned char *s = secret_new(10000);

	for (size_t i = 0; i < 10000; i++)
		assert_int_equal(s[i], 0);
	s[9999] = 1;
	assert_int_equal(is_left_out(s + 9999), 1);
	secret_free(s);
	secret_free(NULL);
}

static void test_wipe(void **state UNUSED)
{
	char text[] = "abc";

	secret_wipe(text);
	assert_memory_equal(text, "\0\0\0", 4);
	secret_wipe(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_left_out_of_dumps),
		cmocka_unit_test(test_larger_than_a_page),
		cmocka_unit_test(test_wipe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
