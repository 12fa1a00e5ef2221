/* secret_find.c - where secrets stand in what a server says: in an address, a page, or JSON within a text. What is another way to write a
 * sign is understood sign by sign, for programs do not agree on which ones they write so. One look finds all of them. */
#include "tool/tool_priv.h"

/* ---- one text as the other ---- */

#define SIGNS_ENOUGH 64
#define ENDS_MAX     32
#define SLASHES_MAX  7 /* before what is escaped: in JSON within JSON, and so on */

/* Who chooses both the secret and what is said could make each place look like its beginning. What is looked at beyond the first
 * sign is bounded by the length of the text; other text comes nowhere near. Once it is used up, all that follows is hidden. */
enum { STEP_PLAIN = 1, STEP_WRITTEN = 128, STEPS_A_BYTE = 64, STEPS_LEAST = 1 << 16 };

/* Where what was looked at may end: of `\\` both the first and the second are the end of a `\`. */
struct ends {
	size_t n, at[ENDS_MAX]; /* those beyond n are not set: there is no time to, for each byte that is looked at */
};

static void add_end(struct ends *e, size_t at)
{
	for (size_t i = 0; i < e->n; i++)
		if (e->at[i] == at)
			return;
	if (e->n < ENDS_MAX)
		e->at[e->n++] = at;
}

static int digit_of(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : 99;
}

/* Of digits from `at` on, at most `max`: their number and where they end. */
static uint32_t number_at(struct str s, size_t at, unsigned base, size_t max, size_t *ret_end)
{
	uint32_t value = 0;
	size_t i = at;

	while (i < s.n && i - at < max && (unsigned)digit_of(s.p[i]) < base)
		value = value * base + (unsigned)digit_of(s.p[i++]);
	*ret_end = i;
	return value;
}

/* Behind one, or behind what stands for one in an address or a page; `at` itself: there is none. */
static size_t slash_end(struct str s, size_t at)
{
	static const char *const as[] = {"%5C", "%5c", "&#92;", "&#x5c;", "&#x5C;", "&bsol;"};
	char c = at < s.n ? s.p[at] : '\0', next = at + 1 < s.n ? s.p[at + 1] : '\0';

	if (c == '\\')
		return at + 1;
	if (c != '%' && c != '&')
		return at;
	for (size_t i = 0; i < N_ELEMENTS(as); i++)
		if (c == as[i][0] && next == as[i][1] && str_starts((struct str){s.p + at, s.n - at}, str_from(as[i])))
			return at + strlen(as[i]);
	return at;
}

static size_t slashes_end(struct str s, size_t at)
{
	size_t end = at;

	for (size_t n = 0, next; n < SLASHES_MAX && (next = slash_end(s, end)) > end; n++)
		end = next;
	return end;
}

/* A sign may be written in another way, and the signs of that in yet another one: JSON holds a page in which & is &amp;. */
#define LAYERS 2

/* What there is at a place whatever is looked for: so it is looked at once, not once for each sign of each secret. */
struct look {
	struct str s;
	size_t at;
	size_t letter; /* behind what stands for backslashes */
	struct ends percents[LAYERS + 1],
		ands[LAYERS + 1]; /* where a % or & may end, that are written in so many layers */
};

static void look_at(struct str s, size_t at, unsigned layers, struct look *ret);
static void ends_of_sign(const struct look *l, struct str c, unsigned layers, struct ends *ret);

/* What may be the beginning of another way to write a sign. */
static bool is_mark(char c)
{
	return c == '%' || c == '\\' || c == '&';
}

/* Whether one of the signs that are parts of another way, which are all between %22 and %2F, may be written there in another way. */
static bool may_be_written(struct str s, size_t at, size_t letter)
{
	char c = at + 1 < s.n ? s.p[at] : '\0', next = c ? s.p[at + 1] : '\0';

	if (c == '\\')
		return letter < s.n && (s.p[letter] == '"' || s.p[letter] == '/' ||
					       str_starts((struct str){s.p + letter, s.n - letter}, STR("u002")));
	return c == '%' ? next == '2' : c == '&' && (next == '#' || (next >= 'a' && next <= 'z'));
}

/* Of a sign that is a part of another way to write one. */
static void ends_of_part(struct str s, size_t at, const char *part, unsigned layers, struct ends *ret)
{
	if (at < s.n && s.p[at] == *part)
		add_end(ret, at + 1);
	if (layers > 0 && at < s.n && is_mark(s.p[at]) && may_be_written(s, at, slashes_end(s, at))) {
		struct look l;

		look_at(s, at, layers - 1, &l);
		ends_of_sign(&l, (struct str){part, 1}, layers - 1, ret);
	}
}

/* As itself or as %XX. */
static void ends_of_byte(const struct look *l, char c, unsigned layers, struct ends *ret)
{
	const struct ends *percents = &l->percents[layers];
	size_t end;

	if (l->at < l->s.n && l->s.p[l->at] == c)
		add_end(ret, l->at + 1);
	for (size_t k = 0; k < percents->n; k++)
		if (number_at(l->s, percents->at[k], 16, 2, &end) == (unsigned char)c && end == percents->at[k] + 2)
			add_end(ret, end);
}

static void ends_of_byte_at(struct str s, size_t at, char c, unsigned layers, struct ends *ret)
{
	struct look l;

	if (at < s.n && s.p[at] == c)
		add_end(ret, at + 1);
	if (at >= s.n || !is_mark(s.p[at]))
		return;
	look_at(s, at, layers, &l);
	ends_of_byte(&l, c, layers, ret);
}

/* Byte by byte; a blank also as +. */
static void ends_of_bytes(const struct look *l, struct str c, unsigned layers, struct ends *ret)
{
	struct ends now, next;

	if (*c.p == ' ' && l->at < l->s.n && l->s.p[l->at] == '+')
		add_end(ret, l->at + 1);
	if (c.n == 1) {
		ends_of_byte(l, *c.p, layers, ret);
		return;
	}
	now.n = 0;
	ends_of_byte(l, *c.p, layers, &now);
	for (size_t i = 1; i < c.n && now.n > 0; i++) {
		next.n = 0;
		for (size_t k = 0; k < now.n; k++)
			ends_of_byte_at(l->s, now.at[k], c.p[i], layers, &next);
		now = next;
	}
	for (size_t k = 0; k < now.n; k++)
		add_end(ret, now.at[k]);
}

/* \uXXXX, of which a sign beyond the first 65,536 has two. */
static void ends_of_unicode(struct str s, size_t at, uint32_t sign, struct ends *ret)
{
	uint32_t units[] = {sign > 0xffff ? 0xd7c0 + (sign >> 10) : sign, 0xdc00 + (sign & 0x3ff)};

	for (size_t i = 0, end; i < (sign > 0xffff ? 2 : 1); i++) {
		size_t letter = slashes_end(s, at);
		if (letter == at || letter >= s.n || s.p[letter] != 'u' ||
			number_at(s, letter + 1, 16, 4, &end) != units[i] || end != letter + 5)
			return;
		at = end;
	}
	add_end(ret, at);
}

static const char escaped[] = "\"/\b\f\n\r\t", letters[] = "\"/bfnrt";

/* Between quotes of JSON. */
static void ends_of_json(const struct look *l, struct str c, uint32_t sign, unsigned layers, struct ends *ret)
{
	const char *known = c.n == 1 && *c.p ? strchr(escaped, *c.p) : NULL;

	for (size_t end = l->at; *c.p == '\\' && end < l->letter;)
		add_end(ret, end = slash_end(l->s, end));
	if (l->letter == l->at)
		return;
	if (known)
		ends_of_part(l->s, l->letter, &letters[known - escaped], layers, ret);
	ends_of_unicode(l->s, l->at, sign, ret);
}

/* Of what stands behind an &, up to its ;: the sign, or 0. */
static uint32_t number_of_entity(struct str s, size_t from, size_t *ret_end)
{
	bool hex = from < s.n && (s.p[from] == 'x' || s.p[from] == 'X');
	uint32_t sign = number_at(s, from + hex, hex ? 16 : 10, 8, ret_end);

	return *ret_end > from + hex ? sign : 0;
}

/* #38; and the like. */
static void ends_of_number(struct str s, size_t at, uint32_t sign, struct ends *ret)
{
	struct ends digits;
	size_t end;

	digits.n = 0;
	ends_of_byte_at(s, at, '#', 0, &digits);
	for (size_t k = 0; k < digits.n; k++)
		if (number_of_entity(s, digits.at[k], &end) == sign)
			ends_of_byte_at(s, end, ';', 0, ret);
}

static const struct {
	char sign;
	const char *name;
} named[] = {{'&', "amp"}, {'<', "lt"}, {'>', "gt"}, {'"', "quot"}, {'\'', "apos"}};

/* In a page: &amp; and such, or its number. */
static void ends_of_entity(const struct look *l, struct str c, uint32_t sign, unsigned layers, struct ends *ret)
{
	const struct ends *ands = &l->ands[layers];

	for (size_t k = 0; k < ands->n; k++) {
		struct str rest = {l->s.p + ands->at[k], l->s.n - ands->at[k]};
		for (size_t i = 0; i < N_ELEMENTS(named); i++)
			if (*c.p == named[i].sign && str_starts(rest, str_from(named[i].name)))
				ends_of_byte_at(l->s, ands->at[k] + strlen(named[i].name), ';', 0, ret);
		ends_of_number(l->s, ands->at[k], sign, ret);
	}
}

/* The sign at the front of a text, and its bytes; of what is no UTF-8 the byte. */
static uint32_t sign_of(struct str s, size_t *ret_n)
{
	static const unsigned char masks[] = {0x7f, 0x7f, 0x1f, 0x0f, 0x07};
	unsigned char c = (unsigned char)*s.p;
	size_t n = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	uint32_t sign = c & masks[n];

	*ret_n = n = n <= s.n ? n : 1;
	for (size_t i = 1; i < n; i++)
		sign = sign << 6 | ((unsigned char)s.p[i] & 0x3f);
	return sign;
}

/* Where it may end that stands there, as itself or in another way. */
static void ends_of_sign(const struct look *l, struct str c, unsigned layers, struct ends *ret)
{
	size_t n;
	uint32_t sign = sign_of(c, &n);

	ends_of_bytes(l, c, layers, ret);
	if (l->at >= l->s.n || !is_mark(l->s.p[l->at]))
		return;
	ends_of_json(l, c, sign, layers, ret);
	ends_of_entity(l, c, sign, layers, ret);
}

static void look_at(struct str s, size_t at, unsigned layers, struct look *ret)
{
	char c = at < s.n ? s.p[at] : '\0';

	ret->s = s;
	ret->at = at;
	ret->letter = slashes_end(s, at);
	bool written = may_be_written(s, at, ret->letter);
	for (unsigned k = 0; k <= layers; k++) {
		ret->percents[k].n = ret->ands[k].n = 0;
		if (c == '%' || c == '&')
			add_end(c == '%' ? &ret->percents[k] : &ret->ands[k], at + 1);
		if (k > 0 && written) {
			ends_of_sign(ret, STR("%"), k - 1, &ret->percents[k]);
			ends_of_sign(ret, STR("&"), k - 1, &ret->ands[k]);
		}
	}
}

/* ---- which secrets may begin there ---- */

struct bytes {
	uint64_t bits[4];
};

static void add_byte(struct bytes *b, unsigned char c)
{
	b->bits[c >> 6] |= UINT64_C(1) << (c & 63);
}

static bool has_byte(const struct bytes *b, unsigned char c)
{
	return b->bits[c >> 6] >> (c & 63) & 1;
}

/* The first byte of the sign in UTF-8; of half a pair, of all signs that it may be half of. */
static void add_sign(struct bytes *b, uint32_t sign)
{
	if (sign >= 0xd800 && sign < 0xdc00)
		sign = (sign - 0xd7c0) << 10;
	add_byte(b, (unsigned char)(sign < 0x80      ? sign
				    : sign < 0x800   ? 0xc0 | sign >> 6
				    : sign < 0x10000 ? 0xe0 | sign >> 12
						     : 0xf0 | (sign >> 18 & 7)));
}

static void add_entities(const struct look *l, struct bytes *b)
{
	const struct ends *ands = &l->ands[LAYERS];

	for (size_t k = 0; k < ands->n; k++) {
		struct ends digits;
		size_t end;

		for (size_t i = 0; i < N_ELEMENTS(named); i++)
			if (ands->at[k] < l->s.n && l->s.p[ands->at[k]] == *named[i].name)
				add_byte(b, (unsigned char)named[i].sign);
		digits.n = 0;
		ends_of_byte_at(l->s, ands->at[k], '#', 0, &digits);
		for (size_t d = 0; d < digits.n; d++)
			add_sign(b, number_of_entity(l->s, digits.at[d], &end));
	}
}

/* The bytes that a secret may begin with whose first sign ends_of_sign finds at a mark, and perhaps some more. */
static struct bytes first_bytes(const struct look *l)
{
	const struct ends *percents = &l->percents[LAYERS];
	struct bytes b = {{0}};
	size_t end;

	add_byte(&b, (unsigned char)l->s.p[l->at]);
	for (size_t k = 0; k < percents->n; k++) {
		uint32_t value = number_at(l->s, percents->at[k], 16, 2, &end);
		if (end == percents->at[k] + 2)
			add_byte(&b, (unsigned char)value);
	}
	add_entities(l, &b);
	if (l->letter == l->at)
		return b;
	add_byte(&b, '\\');
	for (size_t i = 0; i + 1 < sizeof(escaped); i++)
		add_byte(&b, (unsigned char)escaped[i]);
	if (l->letter < l->s.n && l->s.p[l->letter] == 'u') {
		uint32_t unit = number_at(l->s, l->letter + 1, 16, 4, &end);
		if (end == l->letter + 5)
			add_sign(&b, unit);
	}
	return b;
}

/* ---- one pass for all of them ---- */

static size_t last_of(const struct ends *e)
{
	size_t most = 0;

	for (size_t k = 0; k < e->n; k++)
		most = MAX(most, e->at[k]);
	return most;
}

/* One sign further; where no mark stands it is there as itself or not at all. */
static void ends_of_next(struct secret_search *x, struct str s, size_t at, struct str c, struct ends *ret)
{
	struct look l;

	if (c.n == 1 && at < s.n && !is_mark(s.p[at])) {
		x->steps -= MIN(x->steps, (size_t)STEP_PLAIN);
		if (s.p[at] == *c.p || (*c.p == ' ' && s.p[at] == '+'))
			add_end(ret, at + 1);
		return;
	}
	x->steps -= MIN(x->steps, (size_t)STEP_WRITTEN);
	look_at(s, at, LAYERS, &l);
	ends_of_sign(&l, c, LAYERS, ret);
}

/* Where the secret ends that begins at the place, or so much of its beginning that it is no other text; 0: it does not. That also
 * bounds what is looked at twice. */
static size_t match(struct secret_search *x, const struct look *l, struct str secret)
{
	struct ends found[2], *now = &found[0], *next = &found[1];
	size_t n;

	now->n = 0;
	(void)sign_of(secret, &n);
	ends_of_sign(l, (struct str){secret.p, n}, LAYERS, now);
	for (size_t i = n, signs = 1; i < secret.n && now->n > 0; i += n, signs++) {
		next->n = 0;
		(void)sign_of((struct str){secret.p + i, secret.n - i}, &n);
		for (size_t k = 0; k < now->n; k++)
			ends_of_next(x, l->s, now->at[k], (struct str){secret.p + i, n}, next);
		if (next->n == 0 && signs >= SIGNS_ENOUGH)
			break;
		struct ends *last = now;
		now = next;
		next = last;
	}
	return last_of(now);
}

static size_t match_all(struct secret_search *x, struct str s, size_t at)
{
	struct bytes firsts = {{0}};
	struct look l;
	size_t end = 0;

	if (is_mark(s.p[at])) {
		look_at(s, at, LAYERS, &l);
		firsts = first_bytes(&l);
	} else {
		l.s = s;
		l.at = l.letter = at;
		l.percents[LAYERS].n = l.ands[LAYERS].n = 0;
		add_byte(&firsts, (unsigned char)s.p[at]);
		if (s.p[at] == '+')
			add_byte(&firsts, ' ');
	}
	for (size_t i = 0; i < x->forms->n; i++)
		if (has_byte(&firsts, (unsigned char)*x->forms->items[i].p))
			end = MAX(end, match(x, &l, x->forms->items[i]));
	return end;
}

struct secret_search tool_secret_search(const struct secret_forms *forms, size_t n)
{
	return (struct secret_search){.forms = forms, .steps = STEPS_LEAST + n * STEPS_A_BYTE};
}

const char *tool_secret_find(struct secret_search *x, const char *p, size_t n, size_t *ret_n)
{
	struct str s = {p, n};

	for (size_t i = 0; i < n; i++) {
		if (!x->forms->begins[(unsigned char)p[i]])
			continue;
		size_t end = match_all(x, s, i);
		if (x->steps == 0)
			end = n;
		if (end == 0)
			continue;
		ASSERT(end > i && end <= n); /* who hides it overwrites so much, and goes on behind it */
		*ret_n = end - i;
		return p + i;
	}
	*ret_n = 0;
	return NULL;
}
