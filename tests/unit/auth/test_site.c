/* The cross-site check, by what browsers send. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auth/auth.h"

static int check(const char *public_url, const char *fetch_site, const char *origin, const char *host)
{
	struct settings s = {.public_url = public_url};
	struct err e = {0};
	int r = auth_check_site(&s, fetch_site, origin, host, &e);

	assert_int_equal(r, e.code);
	return r;
}

static void test_fetch_site_decides(void **state)
{
	(void)state;
	assert_int_equal(check("", "same-origin", "http://evil.example", "a:1"), 0);
	assert_int_equal(check("", "none", NULL, "a:1"), 0);
	assert_int_equal(check("", "cross-site", NULL, "a:1"), E_CSRF);
	assert_int_equal(check("", "same-site", "http://a:1", "a:1"), E_CSRF);
	assert_int_equal(check("", "", "http://a:1", "a:1"), E_CSRF);
}

static void test_origin_must_be_ours(void **state)
{
	(void)state;
	assert_int_equal(check("", NULL, NULL, "a:1"), 0);
	assert_int_equal(check("", NULL, "http://a:1", "a:1"), 0);
	assert_int_equal(check("", NULL, "https://A:1", "a:1"), 0);
	assert_int_equal(check("", NULL, "http://a:2", "a:1"), E_CSRF);
	assert_int_equal(check("", NULL, "http://a:11", "a:1"), E_CSRF);
	assert_int_equal(check("", NULL, "http://a:1.evil.example", "a:1"), E_CSRF);
	assert_int_equal(check("", NULL, "null", "null"), E_CSRF);
	assert_int_equal(check("", NULL, "file://a:1", "a:1"), E_CSRF);
	assert_int_equal(check("", NULL, "", ""), E_CSRF);
	assert_int_equal(check("", NULL, "http://", ""), E_CSRF);
	assert_int_equal(check("", NULL, "http://a:1", NULL), E_CSRF);
}

static void test_public_url_is_ours(void **state)
{
	const char *url = "https://chat.example.org/";

	(void)state;
	assert_int_equal(check(url, NULL, "https://chat.example.org", "10.0.0.1:8420"), 0);
	assert_int_equal(check(url, NULL, "http://chat.example.org", "10.0.0.1:8420"), E_CSRF);
	assert_int_equal(check(url, NULL, "https://chat.example.org.evil", "10.0.0.1:8420"), E_CSRF);
	assert_int_equal(check(url, NULL, "https://example.org", "10.0.0.1:8420"), E_CSRF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fetch_site_decides),
		cmocka_unit_test(test_origin_must_be_ours),
		cmocka_unit_test(test_public_url_is_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
