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
	size_t at[ENDS_MAX], n;
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

/* Each of its bytes as itself or as %XX; a blank also as +. */
static void end_of_bytes(struct str s, size_t at, struct str c, struct ends *ret)
{
	size_t i = 0, end;

	if (*c.p == ' ' && at < s.n && s.p[at] == '+')
		add_end(ret, at + 1);
	if (*c.p == '%' && at < s.n && s.p[at] == '%')
		add_end(ret, at + 1);
	for (; i < c.n && at < s.n; i++) {
		if (s.p[at] == '%' && number_at(s, at + 1, 16, 2, &end) == (unsigned char)c.p[i] && end == at + 3)
			at = end;
		else if (s.p[at] == c.p[i])
			at++;
		else
			return;
	}
	if (i == c.n)
		add_end(ret, at);
}

static size_t slashes_at(struct str s, size_t at)
{
	size_t n = 0;

	while (at + n < s.n && s.p[at + n] == '\\' && n < SLASHES_MAX)
		n++;
	return n;
}

/* \uXXXX, of which a sign beyond the first 65,536 has two. */
static void end_of_unicode(struct str s, size_t at, uint32_t sign, struct ends *ret)
{
	uint32_t units[] = {sign > 0xffff ? 0xd7c0 + (sign >> 10) : sign, 0xdc00 + (sign & 0x3ff)};

	for (size_t i = 0, end; i < (sign > 0xffff ? 2 : 1); i++) {
		size_t slashes = slashes_at(s, at);
		at += slashes;
		if (slashes == 0 || at >= s.n || s.p[at] != 'u' || number_at(s, at + 1, 16, 4, &end) != units[i] ||
			end != at + 5)
			return;
		at = end;
	}
	add_end(ret, at);
}

/* Between quotes of JSON. */
static void end_of_json(struct str s, size_t at, struct str c, uint32_t sign, struct ends *ret)
{
	static const char escaped[] = "\"/\b\f\n\r\t", letters[] = "\"/bfnrt";
	const char *known = c.n == 1 && *c.p ? strchr(escaped, *c.p) : NULL;
	size_t slashes = slashes_at(s, at);

	for (size_t i = 1; *c.p == '\\' && i <= slashes; i++)
		add_end(ret, at + i);
	if (slashes == 0)
		return;
	if (known && at + slashes < s.n && s.p[at + slashes] == letters[known - escaped])
		add_end(ret, at + slashes + 1);
	end_of_unicode(s, at, sign, ret);
}

/* In a page: &amp; and such, or its number. */
static void end_of_entity(struct str s, size_t at, struct str c, uint32_t sign, struct ends *ret)
{
	static const struct {
		char sign;
		const char *name;
	} named[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&apos;"}};
	struct str rest = {s.p + at, s.n - at};
	size_t end;

	for (size_t i = 0; i < N_ELEMENTS(named); i++)
		if (*c.p == named[i].sign && str_starts(rest, str_from(named[i].name)))
			add_end(ret, at + strlen(named[i].name));
	if (!str_starts(rest, STR("&#")))
		return;
	bool hex = rest.n > 2 && (rest.p[2] == 'x' || rest.p[2] == 'X');
	if (number_at(s, at + (hex ? 3 : 2), hex ? 16 : 10, 8, &end) == sign && end < s.n && s.p[end] == ';')
		add_end(ret, end + 1);
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
	struct ends now = {.at = {0}, .n = 1};

	for (size_t i = 0, n, signs = 0; i < secret.n && now.n > 0; i += n, signs++) {
		struct ends next = {.n = 0};
		uint32_t sign = sign_of((struct str){secret.p + i, secret.n - i}, &n);
		struct str c = {secret.p + i, n};
		for (size_t k = 0; k < now.n; k++) {
			end_of_bytes(s, now.at[k], c, &next);
			end_of_json(s, now.at[k], c, sign, &next);
			end_of_entity(s, now.at[k], c, sign, &next);
		}
		if (next.n == 0 && signs >= SIGNS_ENOUGH)
			break;
		now = next;
	}
	return last_of(&now);
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
