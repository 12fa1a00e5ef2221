/* words.c - text as it is searched by words. */
#include "base/words.h"

#include <utf8proc.h>

#include "base/fold.h"

#define CHAR_MAX_BYTES   128 /* of one character as it is compared */
#define CYRILLIC_SHORT_I 0x0439
#define TATWEEL          0x0640

static bool in(utf8proc_int32_t c, utf8proc_int32_t first, utf8proc_int32_t last)
{
	return c >= first && c <= last;
}

bool words_stand_alone(int32_t c)
{
	return in(c, 0x0e00, 0x0eff) || in(c, 0x1000, 0x109f) || in(c, 0x1780, 0x17ff) || in(c, 0x2e80, 0x2fdf) ||
	       in(c, 0x3005, 0x3007) || in(c, 0x3040, 0x30ff) || in(c, 0x31f0, 0x31ff) || in(c, 0x3400, 0x4dbf) ||
	       in(c, 0x4e00, 0x9fff) || in(c, 0xac00, 0xd7a3) || in(c, 0xf900, 0xfaff) || in(c, 0x20000, 0x3ffff);
}

static bool is_mark(utf8proc_int32_t c)
{
	return in(c, 0x0300, 0x036f);
}

static void add_as_it_is(struct buf *b, utf8proc_int32_t c)
{
	utf8proc_uint8_t bytes[4];

	buf_add(b, bytes, (size_t)utf8proc_encode_char(c, bytes));
}

static void add_without_accents(struct buf *b, utf8proc_int32_t c)
{
	utf8proc_int32_t parts[8];
	int last = 0;
	utf8proc_ssize_t n = utf8proc_decompose_char(c, parts, 8, UTF8PROC_DECOMPOSE, &last);

	for (utf8proc_ssize_t i = 0; i < n && i < 8; i++)
		if (!is_mark(parts[i]))
			add_as_it_is(b, parts[i]);
}

static void add_char(struct buf *b, utf8proc_int32_t c)
{
	if (!words_stand_alone(c)) {
		add_without_accents(b, c);
		return;
	}
	buf_add_char(b, ' ');
	add_as_it_is(b, c);
	buf_add_char(b, ' ');
}

static void add_bare_char(struct buf *b, utf8proc_int32_t c)
{
	if (words_stand_alone(c) || c == CYRILLIC_SHORT_I)
		add_as_it_is(b, c);
	else
		add_without_accents(b, c);
}

static size_t char_length(const char *p, size_t n, utf8proc_int32_t *ret)
{
	utf8proc_ssize_t k =
		n > 0 ? utf8proc_iterate((const utf8proc_uint8_t *)p, (utf8proc_ssize_t)n, ret) : (utf8proc_ssize_t)0;

	return k > 0 ? (size_t)k : 0;
}

static size_t ascii_prefix(const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && !((unsigned char)p[i] & 0x80))
		i++;
	return i;
}

static void add_folded(struct buf *b, const char *p, size_t n, void (*add)(struct buf *b, utf8proc_int32_t c))
{
	while (n > 0) {
		size_t plain = ascii_prefix(p, n), k = 0;
		utf8proc_int32_t c;

		buf_add(b, p, plain);
		p += plain;
		n -= plain;
		if (n > 0)
			k = char_length(p, n, &c);
		if (k > 0)
			add(b, c);
		else if (n > 0)
			buf_add_char(b, p[k++]);
		p += k;
		n -= k;
	}
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

static void add_lower(struct buf *b, const char *p, size_t n)
{
	char *to = buf_reserve(b, n);

	if (!to)
		return;
	for (size_t i = 0; i < n; i++)
		to[i] = lower(p[i]);
	to[n] = '\0';
	b->n += n;
}

static void add_words(struct buf *b, const char *p, size_t n, void (*add)(struct buf *b, utf8proc_int32_t c))
{
	size_t plain = ascii_prefix(p, n);

	if (plain == n) {
		add_lower(b, p, n);
		return;
	}
	CLEANUP(buf_done) struct buf folded = BUF_INIT(b->max);
	fold_add(&folded, p, n);
	if (buf_status(&folded) == 0)
		add_folded(b, folded.p, folded.n, add);
}

void words_add(struct buf *b, const char *p, size_t n)
{
	add_words(b, p, n, add_char);
}

void words_add_bare(struct buf *b, const char *p, size_t n)
{
	add_words(b, p, n, add_bare_char);
}

/* ---- points ---- */

/* Of Hebrew, of Arabic and of Syriac. */
static bool is_point(utf8proc_int32_t c)
{
	if (c < 0x0600)
		return in(c, 0x0591, 0x05bd) || c == 0x05bf || in(c, 0x05c1, 0x05c2) || in(c, 0x05c4, 0x05c5) ||
		       c == 0x05c7;
	return in(c, 0x0610, 0x061a) || c == TATWEEL || in(c, 0x064b, 0x065f) || c == 0x0670 || in(c, 0x06d6, 0x06dc) ||
	       in(c, 0x06df, 0x06e4) || in(c, 0x06e7, 0x06e8) || in(c, 0x06ea, 0x06ed) || c == 0x0711 ||
	       in(c, 0x0730, 0x074a) || in(c, 0x08d3, 0x08e1) || in(c, 0x08e3, 0x08ff);
}

/* The letter of Arabic that is often written in its place. */
static utf8proc_int32_t letter_of(utf8proc_int32_t c)
{
	static const struct {
		utf8proc_int32_t letter, as;
	} same[] = {{0x0622, 0x0627}, {0x0623, 0x0627}, {0x0624, 0x0648}, {0x0625, 0x0627}, {0x0626, 0x064a},
		{0x0629, 0x0647}, {0x0649, 0x064a}, {0x0671, 0x0627}, {0x06a9, 0x0643}, {0x06c0, 0x0647},
		{0x06c1, 0x0647}, {0x06c2, 0x0647}, {0x06cc, 0x064a}, {0x06d3, 0x06d2}, {0x06d5, 0x0647}};

	for (size_t i = 0; i < N_ELEMENTS(same); i++)
		if (same[i].letter == c)
			return same[i].as;
	return c;
}

/* Digits stand in rows of ten. */
static utf8proc_int32_t digit_of(utf8proc_int32_t c)
{
	int n = 0;

	if (utf8proc_category(c) != UTF8PROC_CATEGORY_ND)
		return c;
	while (n < 9 && utf8proc_category(c - n - 1) == UTF8PROC_CATEGORY_ND)
		n++;
	return '0' + n;
}

static void add_unpointed_char(struct buf *b, utf8proc_int32_t c)
{
	if (c < 0x0591 || c >= 0x1b00 || words_stand_alone(c))
		add_as_it_is(b, c);
	else if (!is_point(c))
		add_as_it_is(b, digit_of(letter_of(c)));
}

void words_add_unpointed(struct buf *b, const char *p, size_t n)
{
	add_folded(b, p, n, add_unpointed_char);
}

/* ---- finding ---- */

/* Between two words. */
static bool is_between(char c)
{
	return !((unsigned char)c & 0x80) && !(c >= '0' && c <= '9') && !(lower(c) >= 'a' && lower(c) <= 'z');
}

/* Marks, parts of a syllable of Hangul, the marks of half-width kana: what may be one character with the one before. */
static bool may_join(utf8proc_int32_t c)
{
	utf8proc_category_t kind = utf8proc_category(c);

	return kind == UTF8PROC_CATEGORY_MN || kind == UTF8PROC_CATEGORY_MC || in(c, 0x1160, 0x11ff) ||
	       in(c, 0xff9e, 0xff9f);
}

/* Whether the first `k` bytes and the next `m` are other together than side by side. */
static bool joins(const char *p, size_t k, size_t m)
{
	CLEANUP(buf_done) struct buf together = BUF_INIT(4096), apart = BUF_INIT(4096);

	fold_add(&together, p, k + m);
	fold_add(&apart, p, k);
	fold_add(&apart, p + k, m);
	return !str_eq(buf_str(&together), buf_str(&apart));
}

/* How long the first character is, with those behind it that it is composed of; 0: it is none. */
static size_t composed_length(const char *p, size_t n)
{
	utf8proc_int32_t c;
	size_t k = char_length(p, n, &c), m;

	while (k > 0 && (m = char_length(p + k, n - k, &c)) > 0 && may_join(c) && joins(p, k, m))
		k += m;
	return k;
}

/* One character as words_add has it, without the blanks; its length in the text. */
static size_t one_char(const char *p, size_t n, char ret[CHAR_MAX_BYTES], size_t *ret_n)
{
	*ret_n = 1;
	*ret = lower(*p);
	if (!((unsigned char)*p & 0x80) && (n == 1 || !((unsigned char)p[1] & 0x80)))
		return 1;
	size_t k = composed_length(p, n);
	if (k <= 1)
		return 1;
	CLEANUP(buf_done) struct buf b = BUF_INIT(4096);
	words_add(&b, p, k);
	*ret_n = 0;
	for (size_t i = 0; i < b.n && *ret_n < CHAR_MAX_BYTES; i++)
		if (b.p[i] != ' ')
			ret[(*ret_n)++] = b.p[i];
	return k;
}

/* How many bytes of the word the character is, which may be several there, with blanks between; 0: it does not stand there.
 * `marks`: with what is no letter of it, as the brackets of \u3231. */
static size_t match_char(const char one[], size_t n, struct str word, bool marks)
{
	size_t w = 0;

	for (size_t i = 0; i < n; i++) {
		if (!marks && is_between(one[i]))
			continue;
		while (w > 0 && w < word.n && word.p[w] == ' ')
			w++;
		if (w == word.n || word.p[w] != one[i])
			return 0;
		w++;
	}
	return w;
}

/* How many bytes of the text are the word; 0: it does not stand there. Where it has blanks the text may have some, or what
 * else stands between words. */
static size_t match_at(const char *p, size_t n, struct str word)
{
	size_t at = 0, w = 0;

	for (;;) {
		char one[CHAR_MAX_BYTES];
		size_t len = 0;

		while (w < word.n && word.p[w] == ' ')
			w++;
		if (w == word.n)
			return at;
		while (w > 0 && word.p[w - 1] == ' ' && at > 0 && at < n && is_between(p[at]))
			at++;
		if (at == n)
			return 0;
		at += one_char(p + at, n - at, one, &len);
		if (len == 0)
			continue; /* an accent */
		struct str rest = {word.p + w, word.n - w};
		size_t taken = match_char(one, len, rest, true);
		if (taken == 0 && len > 1)
			taken = match_char(one, len, rest, false);
		if (taken == 0)
			return 0;
		w += taken;
	}
}

bool words_find(struct str text, size_t from, size_t within, const struct str *words, size_t n, struct words_place *ret)
{
	size_t end = MIN(text.n, within);
	bool inside = false; /* a word of letters: what is looked for begins one */

	for (size_t at = from; at < end;) {
		bool letter = !((unsigned char)text.p[at] & 0x80) && !is_between(text.p[at]);

		for (size_t i = 0; !(letter && inside) && i < n; i++) {
			size_t len = match_at(text.p + at, text.n - at, words[i]);

			if (len > 0) {
				ASSERT(len <= text.n - at);
				*ret = (struct words_place){at, len};
				return true;
			}
		}
		inside = letter;
		do
			at++;
		while (at < end && ((unsigned char)text.p[at] & 0xc0) == 0x80);
	}
	return false;
}
