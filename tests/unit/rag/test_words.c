/* Texts as terms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rag/words.h"

static size_t ask(enum language l, const char *text, uint64_t *ret)
{
	CLEANUP(words_freep) struct words *w = words_new();

	return words_ask(w, 1u << l, str_from(text), ret, 32);
}

/* Whether each term of `a` is one of `b`, by the words of a language. */
static bool is_in(enum language l, const char *a, const char *b)
{
	uint64_t x[32], y[32];
	size_t n = ask(l, a, x), m = ask(l, b, y), found = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < m; k++)
			found += x[i] == y[k];
	return n > 0 && found == n;
}

static void test_forms(void **state UNUSED)
{
	assert_true(is_in(LANGUAGE_EN, "moored", "Boats are MOORING here"));
	assert_true(is_in(LANGUAGE_DE, "Häusern", "Das Haus, die Häuser"));
	assert_true(is_in(LANGUAGE_RU, "книгу", "Книги"));
	assert_true(is_in(LANGUAGE_NONE, "STRASSE", "straße"));
	assert_false(is_in(LANGUAGE_NONE, "moored", "mooring"));
}

static void test_joints(void **state UNUSED)
{
	assert_true(is_in(LANGUAGE_NONE, "log_min_duration", "set log_min_duration = 5"));
	assert_true(is_in(LANGUAGE_NONE, "duration", "set log_min_duration = 5"));
	assert_true(is_in(LANGUAGE_NONE, "10.0.0.1", "at 10.0.0.1."));
	assert_true(is_in(LANGUAGE_NONE, "end", "the end."));
}

static void test_signs(void **state UNUSED)
{
	uint64_t t[32];

	assert_int_equal(ask(LANGUAGE_NONE, "東京都", t), 2);
	assert_true(is_in(LANGUAGE_NONE, "京都", "東京都"));
	assert_int_equal(ask(LANGUAGE_NONE, "水", t), 1);
	assert_true(is_in(LANGUAGE_NONE, "linux", "これはlinuxです"));
	/* Thai, Lao, Khmer and Burmese have no blanks between words either. */
	assert_true(is_in(LANGUAGE_NONE, "นกนางนวล", "ท่าเรือและนกนางนวล"));
	assert_true(is_in(LANGUAGE_NONE, "ເຮືອ", "ທ່າເຮືອໃຫຍ່"));
	assert_true(is_in(LANGUAGE_NONE, "កំពង់", "នៅកំពង់ផែ"));
	assert_true(is_in(LANGUAGE_NONE, "သင်္ဘော", "သင်္ဘောဆိပ်"));
	assert_false(is_in(LANGUAGE_NONE, "นกนางนวล", "ท่าเรือ"));
}

static void test_questions(void **state UNUSED)
{
	uint64_t t[32];

	assert_int_equal(ask(LANGUAGE_EN, "What is the tide?", t), 1);
	assert_true(ask(LANGUAGE_EN, "What is it?", t) > 0); /* nothing else was asked for */
	assert_int_equal(ask(LANGUAGE_EN, "tide tide tides", t), 1);
	assert_int_equal(ask(LANGUAGE_EN, "", t), 0);
	assert_int_equal(ask(LANGUAGE_EN, "\xff\xfe\x80 ...", t), 0);
}

static void test_languages(void **state UNUSED)
{
	assert_int_equal(
		language_guess(STR("The lock opens two hours before the high water of the day.")), LANGUAGE_EN);
	assert_int_equal(language_guess(STR("Die Schleuse öffnet zwei Stunden vor dem Hochwasser und ist dann frei.")),
		LANGUAGE_DE);
	assert_int_equal(
		language_guess(STR("L'écluse ouvre deux heures avant la pleine mer, et elle est libre.")), LANGUAGE_FR);
	assert_int_equal(
		language_guess(STR("Шлюз открывается за два часа до полной воды, и он свободен.")), LANGUAGE_RU);
	assert_int_equal(language_guess(STR("0 1 2 3 4 5 6 7 8 9")), LANGUAGE_NONE);
	assert_int_equal(words_tokens(STR("abcdefgh")), 2);
	assert_int_equal(words_tokens(STR("東京")), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_forms), cmocka_unit_test(test_joints),
		cmocka_unit_test(test_signs), cmocka_unit_test(test_questions), cmocka_unit_test(test_languages)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
