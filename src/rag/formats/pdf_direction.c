/*
 * pdf_direction.c - lines of Hebrew, Arabic and their like: pdftotext tells words and letters as they stand, from left to right, and
 * they are read from the right. Letters of a word are turned before anything is looked at; words of a line only when it is written,
 * for tables are found by where words stand.
 */
#include <ctype.h>
#include <utf8proc.h>

#include "base/utf8.h"
#include "rag/formats/pdf.h"

enum way {
	NEUTRAL,
	NUMBER,
	LEFTWARD /* read from right to left */,
	RIGHTWARD,
	MARK /* stands with the letter before it */
};

/* Of the character at `p`. ASCII, most of what there is, needs no table. */
static enum way way_of(const char *p, size_t n)
{
	utf8proc_int32_t c = -1;

	if ((unsigned char)p[0] < 0x80)
		return isalpha((unsigned char)p[0]) ? RIGHTWARD : isdigit((unsigned char)p[0]) ? NUMBER : NEUTRAL;
	if (utf8proc_iterate((const utf8proc_uint8_t *)p, (utf8proc_ssize_t)n, &c) <= 0)
		return NEUTRAL;
	switch (utf8proc_get_property(c)->bidi_class) {
	case UTF8PROC_BIDI_CLASS_R:
	case UTF8PROC_BIDI_CLASS_AL:
		return LEFTWARD;
	case UTF8PROC_BIDI_CLASS_L:
		return RIGHTWARD;
	case UTF8PROC_BIDI_CLASS_EN:
	case UTF8PROC_BIDI_CLASS_AN:
		return NUMBER;
	case UTF8PROC_BIDI_CLASS_NSM:
		return MARK;
	default:
		return NEUTRAL;
	}
}

/* Letters that are read that way. */
static size_t count(const char *p, size_t n, enum way way)
{
	size_t found = 0;

	for (size_t i = 0, k; i < n; i += k) {
		k = MAX(utf8_char(p + i, n - i), 1);
		found += way_of(p + i, n - i) == way;
	}
	return found;
}

/* ---- letters ---- */

/* Where what is read from left to right ends, which begins at `i`: letters, or a number with its points and signs. */
static size_t run_end(const char *p, size_t n, size_t i)
{
	size_t end = i;

	for (size_t at = i, k; at < n; at += k) {
		k = MAX(utf8_char(p + at, n - at), 1);
		enum way w = way_of(p + at, n - at);
		if (w == LEFTWARD)
			break;
		if (w != NEUTRAL)
			end = at + k;
	}
	return MAX(end, i + 1);
}

/* A letter with its marks. */
static size_t letter_end(const char *p, size_t n, size_t i)
{
	size_t end = i + MAX(utf8_char(p + i, n - i), 1);

	while (end < n && way_of(p + end, n - end) == MARK)
		end += MAX(utf8_char(p + end, n - end), 1);
	return end;
}

static void turn_letters(char *p, size_t n)
{
	char was[512];
	size_t to = n;

	if (n > sizeof(was))
		return;
	memcpy(was, p, n);
	for (size_t i = 0, end; i < n; i = end) {
		enum way w = way_of(was + i, n - i);
		end = w == NUMBER || w == RIGHTWARD ? run_end(was, n, i) : letter_end(was, n, i);
		to -= end - i;
		memcpy(p + to, was + i, end - i);
	}
	ASSERT(to == 0); /* each piece has gone to the other side */
}

/* Lam and alef are drawn as one sign, whose letters stand in the order in which they are read when all others are turned. They are told from
 * an article by what no word has: two alefs behind each other, or nothing behind the article. */
static bool is_alef(const char *p)
{
	return p[0] == '\xD8' && p[1] && strchr("\xA2\xA3\xA5\xA7", p[1]);
}

static void turn_lam_alef(char *p, size_t n)
{
	static const char *const whole[] = {"ال", "وال", "فال", "بال"};
	size_t letters = n;

	while (letters > 1 && way_of(p + letters - 1, 1) == NEUTRAL && (unsigned char)p[letters - 1] < 0x80)
		letters--;
	for (size_t i = 0; i + 4 <= n; i++) {
		bool lam = is_alef(p + i) && p[i + 2] == '\xD9' && p[i + 3] == '\x84',
		     goes = lam && i >= 2 && is_alef(p + i - 2);
		for (size_t k = 0; k < N_ELEMENTS(whole) && lam && i + 4 == letters; k++)
			goes |= letters == strlen(whole[k]) && memcmp(p, whole[k], letters) == 0;
		if (!goes)
			continue;
		char alef[2] = {p[i], p[i + 1]};
		memmove(p + i, p + i + 2, 2);
		memcpy(p + i + 2, alef, 2);
		i += 3;
	}
}

static void turn_word(char *p, size_t n)
{
	turn_letters(p, n);
	turn_lam_alef(p, n);
}

/* A line that is about as much of the one as of the other is read as most of its page. */
static void turn_line(struct pdf_pages *r, struct pdf_line *l, bool page_leftward)
{
	size_t leftward = count(r->text.p + l->at, l->n, LEFTWARD);
	size_t rightward = leftward ? count(r->text.p + l->at, l->n, RIGHTWARD) : 0;

	l->turned = leftward > 0;
	l->leftward = leftward > 0 && leftward * (page_leftward ? 3 : 1) >= rightward;
	for (size_t k = l->word; leftward > 0 && k < l->word + l->n_words; k++) {
		const struct pdf_word *w = &r->words[k];
		if (count(r->text.p + w->at, w->n, LEFTWARD) > 0)
			turn_word(r->text.p + w->at, w->n);
	}
}

void pdf_turn_letters(struct pdf_pages *r)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct pdf_page *g = &r->pages[i];
		size_t leftward = 0, rightward = 0;

		for (size_t k = g->first; k < g->first + g->n; k++) {
			leftward += count(r->text.p + r->lines[k].at, r->lines[k].n, LEFTWARD);
			rightward += count(r->text.p + r->lines[k].at, r->lines[k].n, RIGHTWARD);
		}
		for (size_t k = g->first; leftward > 0 && k < g->first + g->n; k++)
			turn_line(r, &r->lines[k], leftward >= rightward);
	}
}

/* ---- words ---- */

static void reverse(struct pdf_word *w, size_t from, size_t to)
{
	for (; to > from + 1; from++, to--) {
		struct pdf_word first = w[from];
		w[from] = w[to - 1];
		w[to - 1] = first;
	}
}

/* Whose way a word is read. */
static enum way word_way(const struct pdf_pages *r, const struct pdf_word *w)
{
	const char *p = r->text.p + w->at;

	return count(p, w->n, LEFTWARD)    ? LEFTWARD
	       : count(p, w->n, RIGHTWARD) ? RIGHTWARD
	       : count(p, w->n, NUMBER)    ? NUMBER
					   : NEUTRAL;
}

/* Where words end that are read the way `way` and begin at `i`: what has none of its own counts between two of them. */
static size_t words_end(const struct pdf_pages *r, const struct pdf_word *w, size_t n, size_t i, enum way way)
{
	size_t end = i + 1;

	for (size_t k = i + 1; k < n; k++) {
		enum way its = word_way(r, &w[k]);
		if (its == way || (its == NUMBER && way == RIGHTWARD && end == k))
			end = k + 1;
		else if (its == LEFTWARD || its == RIGHTWARD)
			break;
	}
	return end;
}

void pdf_turn_words(struct pdf_pages *r, const struct pdf_line *l, size_t word, size_t n)
{
	struct pdf_word *w = &r->words[word];
	enum way other = l->leftward ? RIGHTWARD : LEFTWARD;

	ASSERT(word >= l->word && word + n <= l->word + l->n_words);
	/* What goes against the line is turned within it; the line, when it is read from the right, as a whole. */
	for (size_t i = 0, end; i < n; i = end) {
		bool against = word_way(r, &w[i]) == other;
		end = against ? words_end(r, w, n, i, other) : i + 1;
		if (against)
			reverse(w, i, end);
	}
	if (l->leftward)
		reverse(w, 0, n);
}
