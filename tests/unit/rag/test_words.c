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

/* Whether what is asked finds the text: its terms are those that an index has of it. */
struct looking {
	const uint64_t *asked;
	size_t n, found;
};

static void look_for(void *arg, const struct word *w)
{
	struct looking *x = arg;

	for (size_t i = 0; i < x->n; i++)
		x->found += x->asked[i] == w->term;
}

static bool finds(enum language l, const char *asked, const char *text)
{
	CLEANUP(words_freep) struct words *w = words_new();
	uint64_t terms[32];
	struct looking x = {terms, words_ask(w, 1u << l, str_from(asked), terms, 32), 0};

	words_each(w, l, str_from(text), look_for, &x);
	return x.found >= x.n && x.n > 0;
}

static void test_accents(void **state UNUSED)
{
	static const struct {
		enum language l;
		const char *bare, *text;
	} cases[] = {
		{LANGUAGE_NONE, "cafe", "un café"},
		{LANGUAGE_NONE, "zlty kun", "žlutý kůň, žltý"},
		{LANGUAGE_NONE, "Λογος", "ο λόγος"},
		{LANGUAGE_NONE, "Ha Noi", "Hà Nội"},
		{LANGUAGE_NONE, "Istanbul", "İstanbul"},
		{LANGUAGE_NONE, "cafe", "cafe\xcc\x81"}, /* the accent as a character of its own */
		{LANGUAGE_EN, "naive", "a naïve look"},
		{LANGUAGE_DE, "Hauser", "die Häuser"},
		{LANGUAGE_ES, "nino", "el niño"},
		{LANGUAGE_FR, "ecluses", "l'écluse"},
		{LANGUAGE_FR, "creees", "elles sont créées"}, /* its ending is known by its accents */
		{LANGUAGE_IT, "qualita", "la qualità"},
		{LANGUAGE_PT, "acao", "a ação"},
		{LANGUAGE_RU, "приема", "время приёма"},
		{LANGUAGE_SV, "Goteborg", "hamnen i Göteborg"},
	};

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		assert_true(finds(cases[i].l, cases[i].bare, cases[i].text));
		assert_true(finds(cases[i].l, cases[i].text, cases[i].text));
	}
	assert_true(finds(LANGUAGE_NONE, "café", "cafe"));
	assert_true(finds(LANGUAGE_FR, "créée", "les créés")); /* the stemmer has them with their accents */
	assert_true(finds(LANGUAGE_RU, "важный", "важная"));
	assert_false(finds(LANGUAGE_NONE, "мои", "мой")); /* a letter of its own */
	assert_false(finds(LANGUAGE_NONE, "きん", "ぎん"));
}

/* Of a text whose terms were made by the version before. */
static void test_before(void **state UNUSED)
{
	CLEANUP(words_freep) struct words *w = words_new();
	uint64_t now[32], before[32];
	size_t n = words_ask(w, 1u << LANGUAGE_EN, STR("naïve boats"), now, 32);
	size_t m = words_ask(w, 1u << LANGUAGE_EN | WORDS_BEFORE, STR("naïve boats"), before, 32);

	assert_int_equal(n, 2);
	assert_int_equal(m, 3);
	assert_true(before[0] == now[0] && before[2] == now[1]);
	/* FNV-1a of "naïv", as it stands in the postings of that version. */
	uint64_t h = UINT64_C(14695981039346656037);
	for (const char *p = "naïv"; *p; p++)
		h = (h ^ (unsigned char)*p) * UINT64_C(1099511628211);
	assert_true(before[1] == (h ^ h >> 32));

	/* With its points, as it stands in those of either. */
	m = words_ask(w, 1u << LANGUAGE_NONE | WORDS_BEFORE, STR("שָׁלוֹם"), before, 32);
	assert_int_equal(words_ask(w, 1u << LANGUAGE_NONE, STR("שלום"), now, 32), 1);
	h = UINT64_C(14695981039346656037);
	for (const char *p = "\u05E9\u05B8\u05C1\u05DC\u05D5\u05B9\u05DD"; *p; p++)
		h = (h ^ (unsigned char)*p) * UINT64_C(1099511628211);
	assert_int_equal(m, 2);
	assert_true(before[0] == now[0] && before[1] == (h ^ h >> 32));
	/* Alef with its hamza was one sign, then two. */
	assert_int_equal(words_ask(w, 1u << LANGUAGE_NONE | WORDS_BEFORE, STR("أحمد"), before, 32), 3);
	assert_int_equal(words_ask(w, 1u << LANGUAGE_NONE | WORDS_BEFORE, STR("٢٠٢٤"), before, 32), 2);
}

static void test_points(void **state UNUSED)
{
	static const struct {
		const char *bare, *text;
	} cases[] = {
		{"שלום", "שָׁלוֹם"},
		{"שלום", "\uFB2A\u05B8\u05DC\uFB4B\u05DD"}, /* in forms for printing */
		{"בראשית", "בְּרֵאשִׁ֖ית"},
		{"ובממלכותיהם", "וּֽבְמַ֥מְלְכֽוֹתֵיהֶ֖ם"}, /* more bytes with its points than count of a word */
		{"السفن", "السُّفُنُ"},
		{"كتاب", "كـــتاب"},
		{"الله", "ٱللَّٰهِ"},
		{"احمد", "أحمد"},
		{"أمن", "آمن"},
		{"مدرسه", "مدرسة"},
		{"على", "علي"},
		{"کتاب", "كتاب"},
		{"2024", "٢٠٢٤"},
		{"2024", "۲۰۲۴ और १९४७"},
		{"1947", "१९४७"},
		{"2024", "\uFF12\uFF10\uFF12\uFF14"},
		{"atelier", "\uFF21\uFF54\uFF45\uFF4C\uFF49\uFF45\uFF52"},
		{"ܫܠܡܐ", "ܫܠܳܡܳܐ"},
	};

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		assert_true(finds(LANGUAGE_NONE, cases[i].bare, cases[i].text));
		assert_true(finds(LANGUAGE_EN, cases[i].text, cases[i].text));
		assert_true(finds(LANGUAGE_NONE, cases[i].text, cases[i].text));
	}
	assert_false(finds(LANGUAGE_NONE, "שלום", "שלוש"));
	assert_false(finds(LANGUAGE_NONE, "कल", "कला")); /* its vowels are signs, but letters */
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
	assert_true(finds(LANGUAGE_NONE, "港", "この港は古い"));
	assert_true(finds(LANGUAGE_NONE, "港", "古い港"));
	assert_true(finds(LANGUAGE_NONE, "물", "물은 차다"));
	assert_false(finds(LANGUAGE_NONE, "港", "古い町"));
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
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_forms), cmocka_unit_test(test_accents),
		cmocka_unit_test(test_points), cmocka_unit_test(test_before), cmocka_unit_test(test_joints),
		cmocka_unit_test(test_signs), cmocka_unit_test(test_questions), cmocka_unit_test(test_languages)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
