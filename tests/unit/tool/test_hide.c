/* Secrets in what a server says, in each form in which they can stand there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <sodium.h>

#include "tool/tool_priv.h"

#define SECRET "p@ss w/\303\274\"\\<1>+key"

static json_t *secrets(void)
{
	return json_pack("{s:s,s:s,s:{s:s}}", "user", "ada", "password", SECRET, "env", "SHORT", "abc");
}

static void hidden(const char *said, const char *expected)
{
	CLEANUP(json_decrefp) json_t *all = secrets();
	CLEANUP(buf_done) struct buf b = BUF_INIT(4096);

	buf_add_str(&b, said);
	tool_hide(all, &b);
	buf_add_char(&b, '\0');
	assert_string_equal(b.p, expected);
}

static void test_forms(void **state)
{
	(void)state;
	hidden("is " SECRET ".", "is [secret].");
	hidden("{\"k\": \"p@ss w/\303\274\\\"\\\\<1>+key\"}", "{\"k\": \"[secret]\"}");
	hidden("'p@ss w/\\u00fc\\\"\\\\<1>+key'", "'[secret]'");
	hidden("'p@ss w/\\u00FC\\\"\\\\<1>+key'", "'[secret]'");
	hidden("<b>p@ss w/\303\274&quot;\\&lt;1&gt;+key</b>", "<b>[secret]</b>");
	hidden("/x?k=p%40ss%20w%2F%C3%BC%22%5C%3C1%3E%2Bkey&y=1", "/x?k=[secret]&y=1");
	hidden("/x?k=p%40ss%20w%2f%c3%bc%22%5c%3c1%3e%2bkey", "/x?k=[secret]");
	hidden("k=p%40ss+w%2F%C3%BC%22%5C%3C1%3E%2Bkey", "k=[secret]");
	hidden("abc is too short to be looked for", "abc is too short to be looked for");
	hidden("nothing of it", "nothing of it");
}

/* Whatever stands before and behind it, not four letters in a row of its own are left. */
static void test_base64(void **state)
{
	static const char *const before[] = {"", "a", "ab", "abc", "ada:", "{\"key\":\""}, *const behind[] = {"", "x",
												   "xy", "\"}"};
	char plain[200], text[400], own[400];

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(before) * N_ELEMENTS(behind) * 2; i++) {
		int variant = i % 2 ? sodium_base64_VARIANT_URLSAFE : sodium_base64_VARIANT_ORIGINAL;
		const char *a = before[i / 2 % N_ELEMENTS(before)], *z = behind[i / 2 / N_ELEMENTS(before)];
		CLEANUP(json_decrefp) json_t *all = secrets();
		CLEANUP(buf_done) struct buf b = BUF_INIT(4096);

		snprintf(plain, sizeof(plain), "%s%s%s", a, SECRET, z);
		sodium_bin2base64(text, sizeof(text), (unsigned char *)plain, strlen(plain), variant);
		buf_printf(&b, "Basic %s.", text);
		tool_hide(all, &b);
		buf_add_char(&b, '\0');
		assert_non_null(strstr(b.p, "[secret]"));
		size_t first = (strlen(a) * 8 + 5) / 6, end = (strlen(a) + strlen(SECRET)) * 8 / 6;
		for (size_t k = first; k + 4 <= end; k++) {
			snprintf(own, sizeof(own), "%.4s", text + k);
			assert_null(strstr(b.p, own));
		}
	}
}

static void test_short_password_in_a_header(void **state)
{
	CLEANUP(json_decrefp) json_t *all = json_pack("{s:s,s:s}", "user", "grace", "password", "pw12");
	CLEANUP(buf_done) struct buf b = BUF_INIT(400);

	(void)state;
	buf_add_str(&b, "Basic Z3JhY2U6cHcxMg==");
	tool_hide(all, &b);
	assert_null(memmem(b.p, b.n, "cHcx", 4));
}

/* Data stays data: a text in it is decoded before it is looked at. */
static void test_json(void **state)
{
	CLEANUP(json_decrefp) json_t *all = secrets();
	CLEANUP(json_decrefp)
	json_t *said = json_pack(
		"{s:s,s:s,s:i}", "plain", "is " SECRET, "at", "/x?k=p%40ss%20w%2F%C3%BC%22%5C%3C1%3E%2Bkey", "n", 7);
	CLEANUP(buf_done) struct buf b = BUF_INIT(4096);

	(void)state;
	json_add_value(&b, said);
	tool_hide_json(all, NULL, &b);
	CLEANUP(json_decrefp) json_t *after = json_loadb(b.p, b.n, 0, NULL);
	assert_string_equal(json_get_str(after, "plain"), "is [secret]");
	assert_string_equal(json_get_str(after, "at"), "/x?k=[secret]");
	assert_int_equal(json_get_i64(after, "n", 0), 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_short_password_in_a_header),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
