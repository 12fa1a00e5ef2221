/* secret_forms.c - as what a secret can stand in what a server says: in an address, a header, or JSON within a text. */
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

static void add_form_buf(json_t *forms, const struct buf *b)
{
	if (buf_status(b) == 0 && b->n > 0)
		add_form(forms, b->p, b->n);
}

/* ---- in an address, or a form ---- */

static bool is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("-._~", c));
}

static void add_percent(json_t *forms, struct str s, const char *hex, const char *space)
{
	CLEANUP(buf_wipe) struct buf b = BUF_INIT(3 * s.n + 1);

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (is_unreserved(s.p[i]))
			buf_add_char(&b, s.p[i]);
		else if (c == ' ')
			buf_add_str(&b, space);
		else
			buf_add(&b, (const char[]){'%', hex[c >> 4], hex[c & 15]}, 3);
	}
	add_form_buf(forms, &b);
}

/* ---- between quotes of JSON ---- */

static void add_json(json_t *forms, struct str s)
{
	CLEANUP(buf_wipe) struct buf b = BUF_INIT(8 * s.n + 16);

	json_add_string(&b, s.p, s.n);
	if (b.n > 2)
		add_form(forms, b.p + 1, b.n - 2);
}

/* As it is written where only ASCII is, with letters of the one and of the other kind in its numbers. */
static void add_json_ascii(json_t *forms, const json_t *secret)
{
	char *text = json_dumps(secret, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
	size_t n = text ? strlen(text) : 0;

	if (n > 2)
		add_form(forms, text + 1, n - 2);
	for (char *p = text; n > 2 && (p = strchr(p, '\\')); p += 2)
		for (int i = 2; p[1] == 'u' && i < 6; i++)
			p[i] |= p[i] >= 'A' && p[i] <= 'F' ? 0x20 : 0;
	if (n > 2)
		add_form(forms, text + 1, n - 2);
	if (text)
		sodium_memzero(text, n);
	free(text);
}

/* ---- in a page ---- */

static void add_html(json_t *forms, struct str s)
{
	static const char plain[] = "&<>\"'";
	static const char *const as[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
	CLEANUP(buf_wipe) struct buf b = BUF_INIT(6 * s.n + 1);

	for (size_t i = 0; i < s.n; i++) {
		const char *at = s.p[i] ? strchr(plain, s.p[i]) : NULL;

		if (at)
			buf_add_str(&b, as[at - plain]);
		else
			buf_add_char(&b, s.p[i]);
	}
	add_form_buf(forms, &b);
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
	add_json(forms, s);
	add_json_ascii(forms, secret);
	add_html(forms, s);
	add_percent(forms, s, "0123456789ABCDEF", "%20");
	add_percent(forms, s, "0123456789abcdef", "%20");
	add_percent(forms, s, "0123456789ABCDEF", "+");
	for (size_t before = 0; before < 3 && s.n >= BASE64_LEAST; before++) {
		add_base64(forms, s, before, sodium_base64_VARIANT_ORIGINAL);
		add_base64(forms, s, before, sodium_base64_VARIANT_URLSAFE);
	}
}

/* A name and a password, as a header has them. */
static void add_pair(json_t *forms, const char *user, const char *password)
{
	CLEANUP(buf_wipe) struct buf b = BUF_INIT(1 << 16);

	buf_printf(&b, "%s:%s", user, password);
	if (buf_status(&b) == 0 && b.n >= BASE64_LEAST)
		add_base64(forms, buf_str(&b), 0, sodium_base64_VARIANT_ORIGINAL);
}

static void add_all(json_t *forms, const json_t *secrets)
{
	const char *key, *user = json_get_str(secrets, "user"), *password = json_get_str(secrets, "password");
	json_t *v;

	if (user && password)
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
