/* Which proxy is used for which address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/proxy.h"

static const char *const variables[] = {
	"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"};

static void environment(const char *const *pairs)
{
	for (size_t i = 0; i < N_ELEMENTS(variables); i++)
		unsetenv(variables[i]);
	for (; pairs && *pairs; pairs += 2)
		setenv(pairs[0], pairs[1], 1);
}

static void is(const char *setting, const char *url, const char *expected)
{
	char proxy[HTTP_PROXY_MAX];
	http_proxy_for(setting, url, proxy);
	if (strcmp(proxy, expected) != 0)
		fail_msg("%s for %s: \"%s\" in place of \"%s\"", setting ? setting : "(none)", url, proxy, expected);
}

static void of_the_environment(void **state)
{
	(void)state;
	environment(NULL);
	is(NULL, "http://example.org/v1", "");
	environment((const char *const[]){"HTTP_PROXY", "http://p:1", NULL});
	is(NULL, "http://example.org/v1", "http://p:1");
	is(NULL, "https://example.org/v1", "");
	setenv("REQUEST_METHOD", "GET", 1); /* started by a web server: any client may have set it */
	is(NULL, "http://example.org/v1", "");
	unsetenv("REQUEST_METHOD");
	environment((const char *const[]){"http_proxy", "p:1", "HTTPS_PROXY", "http://q:2", NULL});
	is(NULL, "http://example.org/v1", "p:1");
	is("", "https://example.org/v1", "http://q:2");
	environment((const char *const[]){"ALL_PROXY", "socks5h://r:3", "https_proxy", "", NULL});
	is(NULL, "http://example.org/v1", "socks5h://r:3");
	is(NULL, "https://example.org/v1", "socks5h://r:3");
	is("none", "https://example.org/v1", "");
	is("http://own:9", "https://example.org/v1", "http://own:9");
	environment(NULL);
}

static void never_for_this_machine(void **state)
{
	static const char *const urls[] = {"http://localhost:11434", "http://LOCALHOST./x", "http://a.localhost",
		"http://127.0.0.1:1/", "http://127.9.8.7", "http://[::1]:80/", "http://[::ffff:127.0.0.1]/",
		"http://0.0.0.0:1/", "http://[::]:1/"};
	(void)state;
	environment((const char *const[]){"all_proxy", "http://p:1", NULL});
	for (size_t i = 0; i < N_ELEMENTS(urls); i++) {
		is(NULL, urls[i], "");
		is("http://own:9", urls[i], "");
	}
	environment(NULL);
}

static void names_that_need_none(void **state)
{
	static const struct {
		const char *list, *url;
		bool direct;
	} rows[] = {
		{"*", "http://example.org", true},
		{"example.org", "http://example.org", true},
		{"example.org", "http://EXAMPLE.org.", true},
		{"example.org", "http://api.example.org", true},
		{".example.org", "http://api.example.org", true},
		{".example.org", "http://example.org", true},
		{"*.example.org", "http://api.example.org", true},
		{"x,*.example.org:80", "http://example.org", true},
		{"*.example.org", "http://badexample.org", false},
		{"*example.org", "http://example.org", false},
		{"example.org", "http://badexample.org", false},
		{"api.example.org", "http://example.org", false},
		{"a.b, c.d example.org", "http://example.org", true},
		{"10.0.0.0/8", "http://10.200.3.4", true},
		{"10.0.0.0/8", "http://11.0.0.1", false},
		{"192.168.1.64/26", "http://192.168.1.127", true},
		{"192.168.1.64/26", "http://192.168.1.128", false},
		{"10.0.0.1", "http://10.0.0.1", true},
		{"0.0.1", "http://10.0.0.1", false},
		{"10.0.0.0/33", "http://10.0.0.1", false},
		{"10.0.0.1:8080", "http://10.0.0.1:8080/v1", true},
		{"10.0.0.1:8080", "http://10.0.0.1/v1", false},
		{"example.org:443", "https://api.example.org", true},
		{"example.org:443", "http://api.example.org", false},
		{".example.org:80", "http://example.org", true},
		{"example.org:", "http://example.org", false},
		{"example.org:80x", "http://example.org", false},
		{":80", "http://example.org", false},
		{"[fd12::1]:80", "http://[fd12::1]/", true},
		{"[fd12::1]:81", "http://[fd12::1]/", false},
		{"fd12::1", "http://[fd12::1]/", true},
		{"10.0.0.0/x", "http://10.0.0.1", false},
		{"fd00::/8", "http://[fd12::1]/", true},
		{"[fd12::1]", "http://[fd12::1]/", true},
		{"fe80::/10", "http://[fd12::1]/", false},
		{",, ,", "http://example.org", false},
		{"", "http://example.org", false},
	};
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		const char *const pairs[] = {
			"http_proxy", "http://p:1", i % 2 ? "no_proxy" : "NO_PROXY", rows[i].list, NULL};
		environment(pairs);
		is(NULL, rows[i].url, rows[i].direct ? "" : "http://p:1");
		is("http://own:9", rows[i].url, "http://own:9"); /* what was set for it is meant */
	}
	environment(NULL);
}

static void what_may_be_set(void **state)
{
	static const char *const good[] = {"", "none", "http://p:3128", "https://p", "socks5h://u:s@10.0.0.1:1080",
		"p:3128", "socks.example.org:1080", "http://[::1]:3128"},
				 *const bad[] = {
					 "ftp://p", "http://", "http://p:99999999", "file:///etc/passwd", "a b"};
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(good); i++) {
		struct err e = {0};
		if (http_proxy_check(good[i], &e) != 0)
			fail_msg("%s: %s", good[i], e.msg);
	}
	for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
		struct err e = {0};
		if (http_proxy_check(bad[i], &e) != E_INVALID)
			fail_msg("%s was taken", bad[i]);
	}
}

static void passwords_are_not_shown(void **state)
{
	static const char *const rows[][2] = {{"http://u:secret@p:3128/", "http://p:3128"},
		{"u:secret@p:3128", "http://p:3128"}, {"socks5h://u:s@10.0.0.1:1080", "socks5h://10.0.0.1:1080"},
		{"", ""}, {"u:secret@ p", "an address that cannot be used"}};
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		char shown[HTTP_PROXY_MAX];
		http_proxy_shown(rows[i][0], shown);
		assert_string_equal(shown, rows[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_the_environment),
		cmocka_unit_test(never_for_this_machine),
		cmocka_unit_test(names_that_need_none),
		cmocka_unit_test(what_may_be_set),
		cmocka_unit_test(passwords_are_not_shown),
	};
	return cmocka_run_group_tests_name("http/proxy", tests, NULL, NULL);
}
