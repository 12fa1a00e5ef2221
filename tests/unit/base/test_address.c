/* What is an address, and which belong together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/address.h"

/* The address as it is usually written, or "-". */
static const char *read_as(const char *text, unsigned bits)
{
	static char shown[ADDRESS_TEXT];
	struct address a;

	if (!address_parse(str_from(text), &a))
		return "-";
	address_format(&a, bits, shown);
	return shown;
}

static void test_what_is_one(void **state)
{
	static const char *const cases[][2] = {
		{"192.0.2.1", "192.0.2.1"},
		{" 192.0.2.1\t", "192.0.2.1"},
		{"192.0.2.1:8080", "192.0.2.1"},
		{"2001:DB8::1", "2001:db8::1"},
		{"[2001:db8::1]", "2001:db8::1"},
		{"[2001:db8::1]:443", "2001:db8::1"},
		{"fe80::1%eth0", "fe80::1"},
		{"[fe80::1%eth0]:80", "fe80::1"},
		{"::ffff:192.0.2.1", "192.0.2.1"},
		{"[::ffff:192.0.2.1]:80", "192.0.2.1"},
		{"::ffff:c000:201", "192.0.2.1"},
	};
	static const char *const none[] = {"", " ", "unknown", "_hidden", "unix", "localhost", "192.0.2", "192.0.2.256",
		"192.0.2.1.1", "192.0.2.1:", "192.0.2.1:x", "192.0.2.1:123456", "192.0.2.1 192.0.2.2", "[192.0.2.1]",
		"[::1", "::1]", "[::1]x", "[::1]:", "[]", "[", ":80", "1::2::3", "0x7f.1", "127.1", "%",
		"192.0.2.1%eth0", "\"192.0.2.1\"", "aaaa:aaaa:aaaa:aaaa:aaaa:aaaa:aaaa:aaaa:aaaa:aaaa:aaaa:aaaa"};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++)
		assert_string_equal(read_as(cases[i][0], 128), cases[i][1]);
	for (size_t i = 0; i < N_ELEMENTS(none); i++)
		assert_string_equal(read_as(none[i], 128), "-");
	struct address a;
	assert_false(address_parse((struct str){"1.2.3.4\0.5", 10}, &a));
	assert_false(address_parse((struct str){NULL, 0}, &a));
}

static void test_networks(void **state)
{
	static const struct {
		const char *address, *networks;
		bool in;
	} cases[] = {
		{"10.1.2.3", "10.0.0.0/8", true},
		{"11.1.2.3", "10.0.0.0/8", false},
		{"10.1.2.3", "192.0.2.1, 10.1.2.3", true},
		{"10.1.2.3", "10.1.2.4", false},
		{"10.1.2.3", "", false},
		{"10.1.2.3", "0.0.0.0/0", true},
		{"2001:db8::1", "0.0.0.0/0", false},
		{"2001:db8:1::1", "2001:db8::/32", true},
		{"2001:db9::1", "2001:db8::/32", false},
		{"2001:db8::81", "2001:db8::80/121", true},
		{"2001:db8::7f", "2001:db8::80/121", false},
		{"::ffff:10.1.2.3", "10.0.0.0/8", true},
		{"10.1.2.3", "::/0", true},
	};
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct address a;

		assert_true(address_parse(str_from(cases[i].address), &a));
		assert_int_equal(address_in(&a, cases[i].networks), cases[i].in);
	}
	assert_null(address_bad_network("10.0.0.0/8 ::1,192.0.2.1", &n));
	assert_null(address_bad_network("", &n));
	static const char *const bad[] = {
		"nginx", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "::/129", "10.0.0.0/8/8", "10.0.0.1:80", "/8"};
	for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
		assert_non_null(address_bad_network(bad[i], &n));
		assert_int_equal(n, strlen(bad[i]));
	}
}

static void test_kept_bits(void **state)
{
	(void)state;
	assert_string_equal(read_as("2001:db8:1:2:3:4:5:6", 64), "2001:db8:1:2::");
	assert_string_equal(read_as("2001:db8:1:2:3:4:5:6", 48), "2001:db8:1::");
	assert_string_equal(read_as("192.0.2.1", 64), "192.0.2.1");
	static const char *const loops[] = {"127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"};
	struct address a;
	for (size_t i = 0; i < N_ELEMENTS(loops); i++) {
		assert_true(address_parse(str_from(loops[i]), &a));
		assert_true(address_is_loopback(&a));
	}
	assert_true(address_parse(STR("128.0.0.1"), &a));
	assert_false(address_is_loopback(&a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_one),
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_kept_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
