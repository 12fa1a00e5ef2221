/*
 * pdf_join.c - lines of a PDF put together: a hyphen that only ends a line goes, one that belongs to its word stays, and languages
 * written without blanks get none.
 */
#include <utf8proc.h>

#include "base/utf8.h"
#include "base/words.h"
#include "rag/formats/pdf.h"

static utf8proc_int32_t first_of(const char *p, size_t n)
{
	utf8proc_int32_t c = -1;

	return n > 0 && utf8proc_iterate((const utf8proc_uint8_t *)p, (utf8proc_ssize_t)n, &c) > 0 ? c : -1;
}

static utf8proc_int32_t last_of(const char *p, size_t n)
{
	size_t at = n;

	while (at > 0 && ((unsigned char)p[--at] & 0xC0) == 0x80)
		;
	return first_of(p + at, n - at);
}

static bool is_letter(utf8proc_int32_t c)
{
	utf8proc_category_t k = c < 0 ? UTF8PROC_CATEGORY_CN : utf8proc_category(c);

	return k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_MC;
}

static bool is_small(utf8proc_int32_t c)
{
	return c >= 0 && utf8proc_category(c) == UTF8PROC_CATEGORY_LL;
}

/* Written without blanks: Chinese, Japanese, Thai and the like with their marks, and not Korean. */
static bool without_blanks(utf8proc_int32_t c)
{
	bool korean = c >= 0xAC00 && c <= 0xD7A3;

	return c >= 0 && !korean &&
	       (words_stand_alone(c) || (c >= 0x3000 && c <= 0x303F) || (c >= 0xFF01 && c <= 0xFF60));
}

/* How many bytes the hyphen at the end has; 0: there is none. */
static size_t hyphen(const char *p, size_t n)
{
	static const char *const hyphens[] = {"-", "\u2010", "\u00AD"};

	for (size_t i = 0; i < N_ELEMENTS(hyphens); i++) {
		size_t k = strlen(hyphens[i]);
		if (n > k && memcmp(p + n - k, hyphens[i], k) == 0)
			return k;
	}
	return 0;
}

/* "up-to-" has hyphens of its own. */
static bool has_another(const char *p, size_t n)
{
	while (n > 0 && p[n - 1] != ' ' && p[n - 1] != '-')
		n--;
	return n > 0 && p[n - 1] == '-';
}

/* "fore- and aft" has a hyphen that stays, and a blank behind it. */
static bool goes_apart(const char *p, size_t n)
{
	static const char *const words[] = {"and", "or", "und", "oder", "bzw."};

	for (size_t i = 0; i < N_ELEMENTS(words); i++) {
		size_t k = strlen(words[i]);
		if (n >= k && memcmp(p, words[i], k) == 0 && (n == k || p[k] == ' '))
			return true;
	}
	return false;
}

struct pdf_joint pdf_join(const struct pdf_pages *r, const struct pdf_line *l, const struct pdf_line *next)
{
	const char *p = r->text.p + l->at, *q = r->text.p + next->at;
	size_t k = l->leftward ? 0 : hyphen(p, l->n);
	utf8proc_int32_t before = last_of(p, l->n - k), behind = first_of(q, next->n);

	if (k > 0 && is_letter(before) && is_letter(behind)) {
		bool soft = memcmp(p + l->n - k, "\u00AD", MIN(k, (size_t)2)) == 0;
		bool stays = !soft && (!is_small(behind) || has_another(p, l->n - k));
		if (!soft && goes_apart(q, next->n))
			return (struct pdf_joint){0, " ", false};
		return (struct pdf_joint){stays ? 0 : k, "", true};
	}
	return (struct pdf_joint){0, without_blanks(before) && without_blanks(behind) ? "" : " ", false};
}
