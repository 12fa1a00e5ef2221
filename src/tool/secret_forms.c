/* secret_forms.c - as what a secret can stand in what a server says: in an address, a page, a header, or JSON within a text. What is
 * another way to write a sign is understood sign by sign, for programs do not agree on which ones they write so. */
#include <sodium.h>

#include "tool/tool_priv.h"

#define SECRET_LEAST 4 /* bytes of one that is looked for */
#define BASE64_LEAST 8 /* of one that is looked for as base64, so that no other text is taken for it */

static void add_form(json_t *forms, const char *p, size_t n)
{
	const json_t *item;
	size_t i;

	json_array_foreach(forms, i, item)
	{
		if (json_string_length(item) == n && memcmp(json_string_value(item), p, n) == 0)
			return;
	}
	if (n >= SECRET_LEAST)
		json_array_append_new(forms, json_stringn(p, n));
}

/* ---- one text as the other ---- */

#define SIGNS_ENOUGH 64
#define ENDS_MAX     32
#define SLASHES_MAX  7 /* before what is escaped: in JSON within JSON, and so on */

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
	static const char *const as[] = {"\\", "%5C", "%5c", "&#92;", "&#x5c;", "&#x5C;", "&bsol;"};

	for (size_t i = 0; at < s.n && i < N_ELEMENTS(as); i++)
		if (str_starts((struct str){s.p + at, s.n - at}, str_from(as[i])))
			return at + strlen(as[i]);
	return at;
}

static size_t slashes_end(struct str s, size_t at)
{
	size_t end = at;

	for (size_t n = 0; n < SLASHES_MAX && slash_end(s, end) > end; n++)
		end = slash_end(s, end);
	return end;
}

/* A sign may be written in another way, and the signs of that in yet another one: JSON holds a page in which & is &amp;. */
#define LAYERS 2
static void ends_of_sign(struct str s, size_t at, struct str c, unsigned layers, struct ends *ret);

/* Whether one of these marks, which are all between %22 and %2F, may be written there in another way. */
static bool may_be_written(struct str s, size_t at)
{
	char c = at + 1 < s.n ? s.p[at] : '\0', next = c ? s.p[at + 1] : '\0';
	size_t letter = c == '\\' ? slashes_end(s, at) : s.n;

	if (c == '\\')
		return letter < s.n && (s.p[letter] == '"' || s.p[letter] == '/' ||
					       str_starts((struct str){s.p + letter, s.n - letter}, STR("u002")));
	return c == '%' ? next == '2' : c == '&' && (next == '#' || (next >= 'a' && next <= 'z'));
}

/* Of a sign that begins another way to write one, or is a part of it. */
static void ends_of_mark(struct str s, size_t at, const char *mark, unsigned layers, struct ends *ret)
{
	if (at < s.n && s.p[at] == *mark)
		add_end(ret, at + 1);
	if (layers > 0 && may_be_written(s, at))
		ends_of_sign(s, at, (struct str){mark, 1}, layers - 1, ret);
}

/* As itself or as %XX. */
static void ends_of_byte(struct str s, size_t at, char c, unsigned layers, struct ends *ret)
{
	struct ends marks;
	size_t end;

	if (at < s.n && s.p[at] == c)
		add_end(ret, at + 1);
	marks.n = 0;
	ends_of_mark(s, at, "%", layers, &marks);
	for (size_t k = 0; k < marks.n; k++)
		if (number_at(s, marks.at[k], 16, 2, &end) == (unsigned char)c && end == marks.at[k] + 2)
			add_end(ret, end);
}

/* Byte by byte; a blank also as +. */
static void ends_of_bytes(struct str s, size_t at, struct str c, unsigned layers, struct ends *ret)
{
	struct ends now, next;

	if (*c.p == ' ' && at < s.n && s.p[at] == '+')
		add_end(ret, at + 1);
	now.n = 0;
	add_end(&now, at);
	for (size_t i = 0; i + 1 < c.n && now.n > 0; i++) {
		next.n = 0;
		for (size_t k = 0; k < now.n; k++)
			ends_of_byte(s, now.at[k], c.p[i], layers, &next);
		now = next;
	}
	for (size_t k = 0; k < now.n; k++)
		ends_of_byte(s, now.at[k], c.p[c.n - 1], layers, ret);
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

/* Between quotes of JSON. */
static void ends_of_json(struct str s, size_t at, struct str c, uint32_t sign, unsigned layers, struct ends *ret)
{
	static const char escaped[] = "\"/\b\f\n\r\t", letters[] = "\"/bfnrt";
	const char *known = c.n == 1 && *c.p ? strchr(escaped, *c.p) : NULL;
	size_t letter = slashes_end(s, at);

	for (size_t end = at; *c.p == '\\' && end < letter;)
		add_end(ret, end = slash_end(s, end));
	if (letter == at)
		return;
	if (known)
		ends_of_mark(s, letter, &letters[known - escaped], layers, ret);
	ends_of_unicode(s, at, sign, ret);
}

/* #38; and the like. */
static void ends_of_number(struct str s, size_t at, uint32_t sign, struct ends *ret)
{
	struct ends digits;
	size_t end;

	digits.n = 0;
	ends_of_byte(s, at, '#', 0, &digits);
	for (size_t k = 0; k < digits.n; k++) {
		size_t from = digits.at[k];
		bool hex = from < s.n && (s.p[from] == 'x' || s.p[from] == 'X');
		if (number_at(s, from + hex, hex ? 16 : 10, 8, &end) == sign && end > from + hex)
			ends_of_byte(s, end, ';', 0, ret);
	}
}

/* In a page: &amp; and such, or its number. */
static void ends_of_entity(struct str s, size_t at, struct str c, uint32_t sign, unsigned layers, struct ends *ret)
{
	static const struct {
		char sign;
		const char *name;
	} named[] = {{'&', "amp"}, {'<', "lt"}, {'>', "gt"}, {'"', "quot"}, {'\'', "apos"}};
	struct ends marks;

	marks.n = 0;
	ends_of_mark(s, at, "&", layers, &marks);
	for (size_t k = 0; k < marks.n; k++) {
		struct str rest = {s.p + marks.at[k], s.n - marks.at[k]};
		for (size_t i = 0; i < N_ELEMENTS(named); i++)
			if (*c.p == named[i].sign && str_starts(rest, str_from(named[i].name)))
				ends_of_byte(s, marks.at[k] + strlen(named[i].name), ';', 0, ret);
		ends_of_number(s, marks.at[k], sign, ret);
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

/* Where it may end that stands at `at`, as itself or in another way. */
static void ends_of_sign(struct str s, size_t at, struct str c, unsigned layers, struct ends *ret)
{
	size_t n;
	uint32_t sign = sign_of(c, &n);

	ends_of_bytes(s, at, c, layers, ret);
	if (at >= s.n || !strchr("\\%&", s.p[at]))
		return;
	ends_of_json(s, at, c, sign, layers, ret);
	ends_of_entity(s, at, c, sign, layers, ret);
}

static size_t last_of(const struct ends *e)
{
	size_t most = 0;

	for (size_t k = 0; k < e->n; k++)
		most = MAX(most, e->at[k]);
	return most;
}

/* How many bytes at the front of `s` are the secret, or so much of its beginning that it is no other text; 0: none. That also
 * bounds what is looked at twice. */
static size_t match(struct str s, struct str secret)
{
	struct ends found[2], *now = &found[0], *next = &found[1];

	now->n = 0;
	add_end(now, 0);
	for (size_t i = 0, n, signs = 0; i < secret.n && now->n > 0; i += n, signs++) {
		next->n = 0;
		(void)sign_of((struct str){secret.p + i, secret.n - i}, &n);
		for (size_t k = 0; k < now->n; k++)
			ends_of_sign(s, now->at[k], (struct str){secret.p + i, n}, LAYERS, next);
		if (next->n == 0 && signs >= SIGNS_ENOUGH)
			break;
		struct ends *last = now;
		now = next;
		next = last;
	}
	return last_of(now);
}

const char *tool_secret_find(const char *p, size_t n, const char *secret, size_t secret_n, size_t *ret_n)
{
	struct str form = {secret, secret_n};

	for (size_t i = 0; secret_n > 0 && i < n; i++) {
		char c = p[i];
		if (c != *secret && c != '%' && c != '\\' && c != '&' && !(c == '+' && *secret == ' '))
			continue;
		*ret_n = match((struct str){p + i, n - i}, form);
		if (*ret_n > 0)
			return p + i;
	}
	*ret_n = 0;
	return NULL;
}

/* ---- as base64, behind whatever stands before it ---- */

/* Those letters of it that nothing beside the secret has a part in. */
static void add_base64(json_t *forms, struct str s, size_t before, int variant)
{
	size_t n = before + s.n, room = sodium_base64_ENCODED_LEN(n, variant);
	size_t first = (before * 8 + 5) / 6, end = n * 8 / 6;
	unsigned char *whole = xcalloc(1, n);
	char *text = xcalloc(1, room);

	memcpy(whole + before, s.p, s.n);
	sodium_bin2base64(text, room, whole, n, variant);
	add_form(forms, text + first, end - first);
	sodium_memzero(whole, n);
	sodium_memzero(text, room);
	free(whole);
	free(text);
}

static void add_forms(json_t *forms, const json_t *secret)
{
	struct str s = {json_string_value(secret), json_string_length(secret)};

	if (s.n < SECRET_LEAST)
		return;
	add_form(forms, s.p, s.n);
	for (size_t before = 0; before < 3 && s.n >= BASE64_LEAST; before++) {
		add_base64(forms, s, before, sodium_base64_VARIANT_ORIGINAL);
		add_base64(forms, s, before, sodium_base64_VARIANT_URLSAFE);
	}
}

/* A name and a password, as a header has them. */
static void add_pair(json_t *forms, const char *user, const char *password)
{
	CLEANUP(buf_wipe) struct buf b = BUF_INIT(1 << 16);

	buf_printf(&b, "%s:%s", user ? user : "", password);
	if (buf_status(&b) == 0 && strlen(password) >= SECRET_LEAST)
		add_base64(forms, buf_str(&b), 0, sodium_base64_VARIANT_ORIGINAL);
}

static void add_all(json_t *forms, const json_t *secrets)
{
	const char *key, *user = json_get_str(secrets, "user"), *password = json_get_str(secrets, "password");
	json_t *v;

	if (password)
		add_pair(forms, user, password);
	json_object_foreach((json_t *)secrets, key, v)
	{
		if (json_is_object(v))
			add_all(forms, v);
		else
			add_forms(forms, v);
	}
}

json_t *tool_secret_forms(const json_t *secrets)
{
	json_t *forms = json_array();

	add_all(forms, secrets);
	return forms;
}
