/* Tags that are balanced, and the place of those that are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/balance.h"

static void test_fine(void **state UNUSED)
{
	static const char *const fine[] = {"", "no tags", "<a>x</a>", "<a><b/></a>", "<a x=\"1>2\">y</a>",
		"1 < 2 and <3", "<!-- <a> --><a></a>", "<![CDATA[<b>]]>", "<?xml version='1.0'?><r>{{x}}</r>",
		"<\xc3\xa4>x</\xc3\xa4>"};
	struct balance_fault f;

	for (size_t i = 0; i < N_ELEMENTS(fine); i++)
		assert_false(balance_check(fine[i], &f));
}

static void fails(const char *text, size_t line, size_t column, const char *words)
{
	struct balance_fault f;

	assert_true(balance_check(text, &f));
	assert_int_equal(f.line, line);
	assert_int_equal(f.column, column);
	assert_string_equal(f.text, words);
}

static void test_faults(void **state UNUSED)
{
	fails("<a>", 1, 1, "<a> is not closed.");
	fails("x</a>", 1, 2, "</a> closes nothing.");
	fails("<a>\n \xc3\xa4<b></a>", 2, 6, "</a> stands where <b> of line 2 is to be closed.");
	fails("<a>\n<b", 2, 1, "The tag <b has no end.");
	fails("<a></A>", 1, 4, "</A> stands where <a> of line 1 is to be closed.");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_fine), cmocka_unit_test(test_faults)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
