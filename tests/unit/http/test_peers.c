/* Connections by address, and the memory that bodies share. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/un.h>

#include <cmocka.h>

#include "http/budget.h"
#include "http/peers.h"
#include "http/server.h"

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

/* A person takes half of what the others leave. */
static void test_budget_of_persons(void **state)
{
	const uint64_t anna = HTTP_KNOWN | 1, bob = HTTP_KNOWN | 2, carl = HTTP_KNOWN | 3;
	struct budget b;

	(void)state;
	budget_init(&b, 100, 32);
	assert_true(budget_take(&b, 30, anna));
	assert_true(budget_take(&b, 20, anna));
	assert_false(budget_take(&b, 1, anna));
	assert_true(budget_take(&b, 25, bob));
	assert_false(budget_take(&b, 1, bob));
	assert_true(budget_take(&b, 12, carl));
	assert_true(budget_take(&b, 3, 1)); /* a stranger */
	budget_give(&b, 50, anna);
	assert_true(budget_take(&b, 5, bob));
	budget_give(&b, 30, bob);
	budget_give(&b, 12, carl);
	budget_give(&b, 3, 1);
	assert_true(budget_take(&b, 50, anna));
	budget_give(&b, 50, anna);
	budget_done(&b);
}

/* The known take what there is; of strangers each takes a quarter of what the others leave in their share. */
static void test_budget(void **state)
{
	struct budget b;

	(void)state;
	budget_init(&b, 100, 32);
	assert_false(budget_take(&b, 9, 1));
	assert_true(budget_take(&b, 5, 1));
	assert_true(budget_take(&b, 3, 1));
	assert_false(budget_take(&b, 1, 1));
	assert_false(budget_take(&b, 7, 2));
	assert_true(budget_take(&b, 6, 2));
	assert_true(budget_take(&b, 86, HTTP_KNOWN));
	assert_false(budget_take(&b, 1, HTTP_KNOWN));
	assert_false(budget_take(&b, 1, 3)); /* the known ones have it all */
	budget_give(&b, 86, HTTP_KNOWN);
	budget_give(&b, 6, 2);
	budget_give(&b, 8, 1);
	assert_true(budget_take(&b, 8, 2));
	assert_false(budget_take(&b, SIZE_MAX, 3));
	assert_false(budget_take(&b, SIZE_MAX, HTTP_KNOWN));
	budget_give(&b, 8, 2);
	/* However many addresses somebody has: a small body of another one still fits. */
	budget_done(&b);
	budget_init(&b, SIZE_MAX, (size_t)4 << 20);
	for (uint64_t n = 1; n <= 20; n++)
		while (budget_take(&b, 16384, n))
			;
	assert_true(budget_take(&b, 200, 21));
	budget_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_is_one),
		cmocka_unit_test(test_how_many),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_budget_of_persons),
		cmocka_unit_test(test_budget),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
