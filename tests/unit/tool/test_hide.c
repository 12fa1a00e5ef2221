/* Secrets in what a server says, in each form in which they can stand there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

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
	/* Some encode less, some more. */
	hidden("/x?k=p%40ss%20w/%C3%BC%22%5C%3C1%3E%2Bkey", "/x?k=[secret]");
	hidden("/x?k=p@ss+w/%c3%bc\"\\<1>%2Bkey", "/x?k=[secret]");
	hidden("'p@ss w\\/\\u00fc\\\"\\\\\\u003c1\\u003E+key'", "'[secret]'");
	hidden("\"{\\\"k\\\": \\\"p@ss w\\\\/\\\\u00fc\\\\\\\"\\\\\\\\<1>+key\\\"}\"",
		"\"{\\\"k\\\": \\\"[secret]\\\"}\"");
	hidden("<b>p&#64;ss w&#x2F;&#252;&#034;&#92;&lt;1&GT;+key p@ss w/&#xfc;&quot;\\&#60;1&gt;&#43;key</b>",
		"<b>p&#64;ss w&#x2F;&#252;&#034;&#92;&lt;1&GT;+key [secret]</b>");
	hidden("%", "%");
	hidden("p@ss w/\303", "p@ss w/\303");
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

static void hides(json_t *all, const char *said, const char *expected)
{
	CLEANUP(json_decrefp) json_t *owned = all;
	CLEANUP(buf_done) struct buf b = BUF_INIT(400);

	buf_add_str(&b, said);
	tool_hide(owned, &b);
	buf_add_char(&b, '\0');
	assert_string_equal(b.p, expected);
}

static void test_short_password_in_a_header(void **state)
{
	(void)state;
	hides(json_pack("{s:s,s:s}", "user", "grace", "password", "pw12"),
		"Basic Z3JhY2U6cHcxMg==", "Basic [secret]g==");
	hides(json_pack("{s:s}", "password", "pw12"), "Basic OnB3MTI=", "Basic [secret]I=");
}

/* A key may itself hold what looks like another way to write something. */
static void test_signs_of_its_own(void **state)
{
	static const char *const key = "a\\\\b%41&amp;\360\237\230\200";
	static const char *const as[] = {"a\\\\b%41&amp;\360\237\230\200", "a\\\\\\\\b%2541&amp;\\ud83d\\ude00",
		"a%5C%5Cb%2541%26amp%3B%F0%9F%98%80", "a\\\\b%41&amp;amp;&#128512;"};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(as); i++)
		hides(json_pack("{s:s}", "key", key), as[i], "[secret]");
	hides(json_pack("{s:s}", "key", "abc/def+ghi=="),
		"k=abc/def%2Bghi%3D%3D&l=abc%2Fdef%2Bghi==", "k=[secret]&l=[secret]");
	hides(json_pack("{s:s}", "key", key), "a\\bA& and a%5cb", "a\\bA& and a%5cb");
}

/* What one program writes another one writes once more. */
static void test_layers(void **state)
{
	static const char *const key = "a&b\"c/d%e";
	static const char *const as[] = {
		"a\\u0026amp;b\\u0026quot;c\\/d%e",           /* a page in JSON (Go) */
		"a&amp;amp;b&amp;quot;c/d%e",                 /* a page in a page */
		"a&amp;b\\&quot;c/d%e",                       /* JSON in a page */
		"a%2526b%2522c%252Fd%2525e",                  /* an address in an address */
		"a%26amp%3Bb%26%2334%3Bc/d%25e",              /* a page in an address */
		"a\\u002526b\\\\\"c/d\\u0025e",               /* an address in JSON */
		"a&#38;b%5C%22c%5C/d&#x25;e",                 /* JSON in an address */
		"a\\\\u0026amp;amp;b\\\\u0026amp;quot;c/d%e", /* and three of them */
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(as); i++)
		hides(json_pack("{s:s}", "key", key), as[i], "[secret]");
	hides(json_pack("{s:s}", "key", key), "a&amp;x and a%26 and a\\u0026", "a&amp;x and a%26 and a\\u0026");
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

/* Which a server may well say: it takes no longer than other text. */
static void test_many_slashes(void **state)
{
	CLEANUP(json_decrefp) json_t *all = secrets();
	CLEANUP(buf_done) struct buf b = BUF_INIT(1 << 20);

	(void)state;
	for (int i = 0; i < 1 << 19; i++)
		buf_add_char(&b, '\\');
	buf_add_str(&b, SECRET);
	tool_hide(all, &b);
	assert_int_equal(b.n, (1 << 19) + 8);
}

/* Whoever chooses both the secret and what is said chooses how long is looked: nothing is looked at again and again. */
static void test_long_alike(void **state)
{
	enum { MOST = 1 << 16, N = 1 << 20 };
	CLEANUP(buf_done) struct buf secret = BUF_INIT(MOST), b = BUF_INIT(N);

	(void)state;
	for (int i = 0; i < MOST - 1; i++)
		buf_add_char(&secret, 'a');
	buf_add_char(&secret, 'b');
	CLEANUP(json_decrefp) json_t *all = json_pack("{s:s#}", "token", secret.p, (int)secret.n);
	for (int i = 0; i < N; i++)
		buf_add_char(&b, 'a');
	tool_hide(all, &b);
	/* A long part of a secret is nobody's business either. */
	char part[65];
	memset(part, 'a', sizeof(part));
	assert_null(memmem(b.p, b.n, part, sizeof(part)));
}

/* Nor by what stands for a sign, in a secret of such signs: all that is left is hidden before that would take long. */
static void test_work_is_bounded(void **state)
{
	static const char *const said[] = {"&#92;", "&bsol;", "%5C", "\\"};
	CLEANUP(json_decrefp) json_t *all = json_pack("{s:s}", "token", "\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\b");
	struct timespec used;

	(void)state;
	for (size_t k = 0; k < N_ELEMENTS(said); k++) {
		CLEANUP(buf_done) struct buf b = BUF_INIT(1 << 20);
		while (b.n < 1 << 16)
			buf_add_str(&b, said[k]);
		tool_hide(all, &b);
	}
	assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used), 0);
	assert_true(used.tv_sec < 10); /* a tenth of a second; without a bound a minute */
}

/* Of several, each in its own form, in one look. */
static void test_several(void **state)
{
	(void)state;
	hides(json_pack("{s:s,s:s,s:s}", "a", "abc/def", "b", "abc\"de", "c", "xyz-123"),
		"xyz-123 abc%2Fdef abc\\\"de, abc/def; abc\\u0022de abc/de abc\"d",
		"[secret] [secret] [secret], [secret]; [secret] abc/de abc\"d");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_short_password_in_a_header),
		cmocka_unit_test(test_signs_of_its_own),
		cmocka_unit_test(test_layers),
		cmocka_unit_test(test_many_slashes),
		cmocka_unit_test(test_long_alike),
		cmocka_unit_test(test_work_is_bounded),
		cmocka_unit_test(test_several),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
