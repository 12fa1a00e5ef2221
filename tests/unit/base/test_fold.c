/* One folding for everything that people compare. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/fold.h"

static void same(const char *a, const char *b)
{
	assert_true(fold_same(a, b));
}

static void folds(void **state)
{
	(void)state;
	same("ABC", "abc");
	same("\xc3\x84rger", "\xc3\xa4RGER"); /* A with diaeresis */
	same("\xc3\x84", "A\xcc\x88");        /* composed or not */
	same("Stra\xc3\x9f"
	     "e",
		"STRASSE");                     /* sharp s */
	same("\xef\xbc\xa1\xef\xbc\xa2", "ab"); /* full width */
	same("\xce\xa3\xce\xaf\xcf\x83\xcf\x85\xcf\x86\xce\xbf\xcf\x82",
		"\xcf\x83\xce\xaf\xcf\x83\xcf\x85\xcf\x86\xce\xbf\xcf\x83"); /* both sigmas */
	same("\xd0\x96", "\xd0\xb6");                                        /* Cyrillic */
	same("\xef\xac\x81", "fi");                                          /* a ligature */
	same("", "");
	same("\xff", "\xff"); /* no text at all */
	assert_false(fold_same("a", "ab"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(folds)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
