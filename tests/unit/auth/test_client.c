/* Where a request comes from, by which name, below which path. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auth/auth.h"

static const struct settings none = {
	.trusted_proxies = "", .public_url = "", .listen = "127.0.0.1:8420", .gateway_open_hosts = ""};

static void test_address(void **state)
{
	static const struct {
		bool trust;
		const char *proxies, *peer, *forwarded, *found;
	} cases[] = {
		/* Nobody is believed. */
		{false, "", "192.0.2.1", "198.51.100.7", "192.0.2.1"},
		{false, "", "127.0.0.1", "198.51.100.7", "127.0.0.1"},
		/* Only proxies here. */
		{true, "", "127.0.0.1", "198.51.100.7", "198.51.100.7"},
		{true, "", "::1", "198.51.100.7", "198.51.100.7"},
		{true, "", "unix", "198.51.100.7", "198.51.100.7"},
		{true, "", "192.0.2.1", "198.51.100.7", "192.0.2.1"},
		{true, "", "unix", NULL, "unix"},
		{true, "", "127.0.0.1", NULL, "127.0.0.1"},
		/* What the client wrote itself stands before what the proxy added, in whichever line. */
		{true, "", "127.0.0.1", "203.0.113.9, 198.51.100.7", "198.51.100.7"},
		{true, "", "127.0.0.1", "203.0.113.9,198.51.100.7 ", "198.51.100.7"},
		{true, "", "127.0.0.1", "203.0.113.9, 10.0.0.9, 198.51.100.7", "198.51.100.7"},
		/* What is no address is not taken, nor what stands before it. */
		{true, "", "127.0.0.1", "unknown", "127.0.0.1"},
		{true, "", "127.0.0.1", "198.51.100.7, unknown", "127.0.0.1"},
		{true, "", "127.0.0.1", "198.51.100.7, ", "127.0.0.1"},
		{true, "", "127.0.0.1", "<script>", "127.0.0.1"},
		{true, "", "127.0.0.1", "", "127.0.0.1"},
		{true, "", "127.0.0.1", ",,,", "127.0.0.1"},
		/* One address has one form. */
		{true, "", "127.0.0.1", "198.51.100.7:1234", "198.51.100.7"},
		{true, "", "127.0.0.1", "[2001:DB8::0:1]:1234", "2001:db8::1"},
		{true, "", "127.0.0.1", "::ffff:198.51.100.7", "198.51.100.7"},
		{false, "", "::ffff:198.51.100.7", NULL, "198.51.100.7"},
		/* A chain of proxies, all of them known. */
		{true, "10.0.0.0/8", "127.0.0.1", "203.0.113.9, 198.51.100.7, 10.0.0.5", "198.51.100.7"},
		{false, "10.0.0.0/8", "10.0.0.4", "203.0.113.9, 198.51.100.7, 10.0.0.5", "198.51.100.7"},
		{false, "10.0.0.4", "10.0.0.4", "198.51.100.7, 10.0.0.5", "10.0.0.5"},
		{false, "10.0.0.0/8", "10.0.0.4", "10.0.0.6, 10.0.0.5", "10.0.0.6"},
		{false, "2001:db8::/32", "2001:db8::5", "198.51.100.7", "198.51.100.7"},
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct settings s = none;
		char found[ADDRESS_TEXT];

		s.trust_proxy = cases[i].trust;
		s.trusted_proxies = cases[i].proxies;
		auth_client_address(&s, cases[i].peer, cases[i].forwarded, found);
		assert_string_equal(found, cases[i].found);
	}
}

static void test_hosts(void **state)
{
	static const char *const ours[] = {"localhost", "LOCALHOST:8420", "localhost.", "atelier.localhost",
		"127.0.0.1", "127.0.0.1:8420", "192.168.1.7:80", "[::1]", "[::1]:8420", "chat.example.org",
		"Chat.Example.org:443", "chat.example.org.", "box", "box:8420", "box.lan", "other"};
	static const char *const strange[] = {"", ":8420", "evil.example", "evil.example:8420",
		"localhost.evil.example", "chat.example.org.evil.example", "evil-chat.example.org", "example.org",
		"127.0.0.1.evil.example", "notlocalhost", "localhost@evil.example", "[::1].evil.example",
		".localhost.evil", "box.lan.evil.example", "1.2.3", "0x7f000001", "unix", "unix:80", ".localhost",
		"..localhost", "localhost.."};
	struct settings s = none;

	(void)state;
	s.public_url = "https://chat.example.org/atelier";
	s.listen = "http://box:8420, unix:/run/a.sock";
	s.gateway_open_hosts = "box.lan other:99";
	for (size_t i = 0; i < N_ELEMENTS(ours); i++)
		assert_true(auth_is_our_host(&s, ours[i]));
	for (size_t i = 0; i < N_ELEMENTS(strange); i++)
		assert_false(auth_is_our_host(&s, strange[i]));
	assert_false(auth_is_our_host(&s, NULL));
}

static void test_https(void **state)
{
	static const struct {
		struct auth_way way;
		bool https;
	} cases[] = {
		{{.peer = "192.0.2.1", .host = "box:8420"}, false},
		{{.peer = "192.0.2.1", .host = "box:8420", .tls = true}, true},
		/* public_url says https, and the browser came by http. */
		{{.peer = "192.0.2.1", .host = "box:8420", .origin = "http://box:8420"}, false},
		{{.peer = "192.0.2.1", .host = "chat.example.org", .origin = "http://chat.example.org"}, false},
		{{.peer = "192.0.2.1", .host = "chat.example.org", .origin = "https://chat.example.org"}, true},
		{{.peer = "192.0.2.1", .host = "chat.example.org"}, true},
		{{.peer = "192.0.2.1", .host = "chat.example.org", .origin = "null"}, true},
		/* Only a proxy that is believed tells. */
		{{.peer = "192.0.2.1", .host = "box", .forwarded_proto = "https"}, false},
		{{.peer = "127.0.0.1", .host = "box", .forwarded_proto = "https"}, true},
		{{.peer = "127.0.0.1", .host = "box", .forwarded_proto = "http, https"}, true},
		{{.peer = "127.0.0.1", .host = "chat.example.org", .forwarded_proto = "http"}, false},
	};
	struct settings s = none;

	(void)state;
	s.public_url = "https://chat.example.org";
	s.trust_proxy = true;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++)
		assert_int_equal(auth_came_by_https(&s, &cases[i].way), cases[i].https);
}

static void test_prefix(void **state)
{
	static const struct {
		struct auth_way way;
		const char *prefix;
	} cases[] = {
		{{.peer = "192.0.2.1", .host = "box:8420"}, ""},
		{{.peer = "192.0.2.1", .host = "chat.example.org"}, "/atelier"},
		{{.peer = "192.0.2.1", .host = "127.0.0.1:8420", .origin = "https://chat.example.org"}, "/atelier"},
		{{.peer = "192.0.2.1", .host = "127.0.0.1:8420", .origin = "http://127.0.0.1:8420"}, ""},
		/* The page knows best, then a proxy that is believed. */
		{{.peer = "192.0.2.1", .host = "chat.example.org", .page_base = "/"}, ""},
		{{.peer = "192.0.2.1", .host = "box", .page_base = "/deep/er/"}, "/deep/er"},
		{{.peer = "192.0.2.1", .host = "box", .forwarded_prefix = "/x"}, ""},
		{{.peer = "127.0.0.1", .host = "box", .forwarded_prefix = "/x/"}, "/x"},
		/* Nothing that could break a header or a link. */
		{{.peer = "127.0.0.1", .host = "box", .forwarded_prefix = "/x; Domain=evil"}, ""},
		{{.peer = "127.0.0.1", .host = "box", .page_base = "//evil.example"}, ""},
		{{.peer = "127.0.0.1", .host = "box", .page_base = "/a/../b"}, ""},
		{{.peer = "127.0.0.1", .host = "box", .page_base = "x"}, ""},
	};
	struct settings s = none;
	char found[AUTH_PREFIX_LEN];

	(void)state;
	s.public_url = "https://chat.example.org/atelier/";
	s.trust_proxy = true;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		auth_prefix(&s, &cases[i].way, found);
		assert_string_equal(found, cases[i].prefix);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_address),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_https),
		cmocka_unit_test(test_prefix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
