/* secret_forms.c - as what secrets are looked for: as they are, and as a header has them, in base64. */
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

/* ---- as base64, behind whatever stands before it ---- */

/* Those letters of it that nothing beside the secret has a part in. */
static void add_base64(json_t *forms, struct str s, size_t before, int variant)
{
	size_t n = before + s.n, room = sodium_base64_ENCODED_LEN(n, variant);
	size_t first = (before * 8 + 5) / 6, end = n * 8 / 6;
	unsigned char *whole = xcalloc(1, n);
	char *text = xcalloc(1, room);

	ASSERT(first < end && end < room);
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

void tool_secret_forms(const json_t *secrets, struct secret_forms *ret)
{
	static const char marks[] = "%\\&";
	const json_t *v;
	size_t i;

	*ret = (struct secret_forms){.texts = json_array()};
	add_all(ret->texts, secrets);
	ret->items = xcalloc(json_array_size(ret->texts) + 1, sizeof(*ret->items));
	json_array_foreach(ret->texts, i, v)
	{
		ret->items[ret->n++] = (struct str){json_string_value(v), json_string_length(v)};
		ret->begins[(unsigned char)*json_string_value(v)] = true;
	}
	if (ret->begins[' '])
		ret->begins['+'] = true;
	for (const char *m = marks; ret->n > 0 && *m; m++)
		ret->begins[(unsigned char)*m] = true;
}

void tool_secret_forms_done(struct secret_forms *f)
{
	free(f->items);
	json_decref(f->texts);
}
