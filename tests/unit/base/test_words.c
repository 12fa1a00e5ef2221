/* Text as it is searched by words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/words.h"

static void makes(const char *text, const char *wanted)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(4096);

	words_add(&b, text, strlen(text));
	assert_int_equal(buf_status(&b), 0);
	assert_string_equal(buf_str(&b).p, wanted);
}

static void test_words(void **state UNUSED)
{
	makes("", "");
	makes("Apple TART, 180", "apple tart, 180");
	makes("\xc3\x84pfel cr\xc3\xa8me Stra\xc3\x9f"
	      "e",
		"apfel creme strasse");
	makes("A\xcc\x88", "a"); /* the accent as a character of its own */
	makes("\xe6\x9d\xb1\xe4\xba\xac to", " \xe6\x9d\xb1  \xe4\xba\xac  to");
	makes("\xed\x95\x9c\xea\xb8\x80", " \xed\x95\x9c  \xea\xb8\x80 ");
	makes("\xff\xfe", "\xff\xfe"); /* no text */
}

static void test_bare(void **state UNUSED)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(4096);
	const char *text = "Šumava, Ёлки и Йод, 東京が Straße 한글";

	words_add_bare(&b, text, strlen(text));
	assert_string_equal(buf_str(&b).p, "sumava, елки и йод, 東京が strasse 한글");
}

static void test_unpointed(void **state UNUSED)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(4096);
	const char *text = "שָׁלוֹם־עֲלֵיכֶם, السُّـفُن أُخرى؟ über 東京 ٣٫٥";

	words_add_unpointed(&b, text, strlen(text));
	assert_string_equal(buf_str(&b).p, "שלום־עליכם, السفن اخري؟ über 東京 3٫5");
	buf_reset(&b);
	words_add_unpointed(&b, "\xd7 \xff", 3);
	assert_string_equal(buf_str(&b).p, "\xd7 \xff");
}

/* Where in the text the word is found, as "at+n", n 0: nowhere. */
static struct words_place place_of(const char *text, const char *word)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(4096);
	struct words_place place = {0, 0};
	struct str w;

	words_add(&b, word, strlen(word));
	w = buf_str(&b);
	if (!words_find(str_from(text), 0, strlen(text), &w, 1, &place))
		place = (struct words_place){0, 0};
	return place;
}

static void test_find(void **state UNUSED)
{
	struct words_place p = place_of("a hot oven", "OVEN");

	assert_true(p.at == 6 && p.n == 4);
	assert_int_equal(place_of("stove", "ove").n, 0);     /* within a word */
	assert_int_equal(place_of("hot ovens", "ove").n, 3); /* its beginning */
	p = place_of("zwei \xc3\x84pfel", "apfel");
	assert_true(p.at == 5 && p.n == 6);
	p = place_of("\xe6\x9d\xb1\xe4\xba\xac\xe3\x81\xae\xe5\xaf\xbf\xe5\x8f\xb8", "\xe3\x81\xae\xe5\xaf\xbf");
	assert_true(p.at == 6 && p.n == 6);
	assert_int_equal(place_of("the baker's brother", "baker s brother").n, 15);
	assert_int_equal(place_of("", "x").n, 0);
	assert_int_equal(place_of("\xe6\x9d", "\xe6\x9d\xb1").n, 0); /* cut off */
}

/* Characters that are others, or several, where they are compared. */
static void test_composed(void **state UNUSED)
{
	static const struct {
		const char *text, *word;
	} found[] = {
		{"\u0e44\u0e17\u0e22 \u0e17\u0e33", "\u0e17\u0e33"}, /* a vowel of Thai is two */
		{"\u0e17\u0e33\u0e07\u0e32\u0e19", "\u0e17\u0e4d\u0e32"},
		{"\u3231\u30a2", "\u682a"}, /* in brackets */
		{"\u3231\u30a2", "\u3231"},
		{"\u1112\u1161\u11ab\u1100\u1173\u11af", "\ud55c\uae00"}, /* letters of Hangul, as in names of files */
		{"\uff76\uff9e\uff77\uff9e", "\u30ac\u30ae"},
		{"\u30ab\u3099\u30ad\u3099", "\u30ac\u30ae"},
		{"\u30ac\u30ae", "\u30ab\u3099\u30ad\u3099"},
		{"A\u030angstr\u00f6m", "\u00c5ngstro\u0308m"},
		{"\u00bd cup", "1\u20442"},
		{"\u216b", "xii"},
		{"\ufb01n", "fin"},
	};

	for (size_t i = 0; i < N_ELEMENTS(found); i++)
		if (place_of(found[i].text, found[i].word).n == 0)
			fail_msg("%s is not found in %s", found[i].word, found[i].text);
	assert_int_equal(place_of("\u30ab\u30ad", "\u30ac").n, 0);
	assert_int_equal(place_of("\u3231\u30a2", "\u30a4").n, 0);
	assert_int_equal(place_of("a", "a\u0308").n, 1); /* accents are not looked at */
}

static void test_times(void **state UNUSED)
{
	int64_t ms = 0;

	assert_true(clock_parse("2026-11-21", &ms));
	assert_true(ms == INT64_C(1795219200000));
	assert_true(clock_parse("2026-11-21T01:27:38.120Z", &ms));
	assert_true(ms == INT64_C(1795219200000) + 5258120);
	assert_true(clock_parse("2026-11-21T01:27:38Z", &ms));
	assert_false(clock_parse("2026-13-21", &ms));
	assert_false(clock_parse("2026-11-21 01:27", &ms));
	assert_false(clock_parse("today", &ms));
	assert_false(clock_parse("2026-11-21T01:27:38.12+01:00", &ms));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_words), cmocka_unit_test(test_bare),
		cmocka_unit_test(test_unpointed), cmocka_unit_test(test_find), cmocka_unit_test(test_composed),
		cmocka_unit_test(test_times)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
