/* Connections by address, and the memory that bodies share. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/un.h>

#include <cmocka.h>

#include "http/budget.h"
#include "http/peers.h"

static struct sockaddr_storage address(const char *text)
{
	struct sockaddr_storage sa = {0};
	struct sockaddr_in *v4 = (struct sockaddr_in *)&sa;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&sa;

	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1)
		sa.ss_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1)
		sa.ss_family = AF_INET6;
	else
		sa.ss_family = AF_UNIX;
	return sa;
}

static struct peer_count *add(struct peers *p, const char *text, unsigned max)
{
	struct sockaddr_storage sa = address(text);

	return peers_add(p, (struct sockaddr *)&sa, max);
}

static void test_who_is_one(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} pairs[] = {
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"2001:db8::1", "2001:db8::ffff:1", true},
		{"2001:db8::1", "2001:db8:0:1::1", false},
		{"::1", "0.0.0.0", false},
		{"::ffff:0.0.0.0", "::2", false},
	};
	struct peers p;

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(pairs); i++) {
		peers_init(&p);
		struct peer_count *a = add(&p, pairs[i].a, 5), *b = add(&p, pairs[i].b, 5);
		assert_non_null(a);
		assert_non_null(b);
		assert_int_equal(a == b, pairs[i].same);
		peers_remove(&p, a);
		peers_remove(&p, b);
	}
}

static void test_how_many(void **state)
{
	struct peers p;
	struct peer_count *a;

	(void)state;
	peers_init(&p);
	a = add(&p, "192.0.2.1", 2);
	assert_ptr_equal(add(&p, "192.0.2.1", 2), a);
	assert_null(add(&p, "192.0.2.1", 2));
	peers_remove(&p, a);
	assert_ptr_equal(add(&p, "192.0.2.1", 2), a);
	peers_remove(&p, a);
	peers_remove(&p, a); /* frees it */
	a = add(&p, "192.0.2.1", 1);
	assert_int_equal(a->n, 1);
	peers_remove(&p, a);
	assert_null(add(&p, "unix", 5));
}

static void test_text(void **state)
{
	static const char *const texts[][2] = {{"192.0.2.1", "192.0.2.1"}, {"::ffff:192.0.2.1", "192.0.2.1"},
		{"2001:db8::1", "2001:db8::1"}, {"a file", "unix"}};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
		struct sockaddr_storage sa = address(texts[i][0]);
		char text[INET6_ADDRSTRLEN];
		peer_text((struct sockaddr *)&sa, text);
		assert_string_equal(text, texts[i][1]);
	}
}

static void test_budget(void **state)
{
	struct budget b;

	(void)state;
	budget_init(&b, 100, 30);
	assert_true(budget_take(&b, 30, true));
	assert_false(budget_take(&b, 1, true));
	assert_true(budget_take(&b, 70, false));
	assert_false(budget_take(&b, 1, false));
	budget_give(&b, 30, true);
	assert_false(budget_take(&b, 31, true));
	assert_true(budget_take(&b, 30, false));
	assert_false(budget_take(&b, 1, true)); /* the known ones have it all */
	budget_give(&b, 100, false);
	assert_false(budget_take(&b, SIZE_MAX, false));
	assert_int_equal(b.used, 0);
	assert_int_equal(b.used_unknown, 0);
	budget_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_is_one),
		cmocka_unit_test(test_how_many),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_budget),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
