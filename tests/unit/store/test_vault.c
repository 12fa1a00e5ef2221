/* What is sealed opens with its key, at its place, whole - or not at all. */
#include <sodium.h>

#include "store/vault.h"
#include "store_test.h"

static struct vault vault_of(unsigned char byte)
{
	struct vault v;

	memset(v.key, byte, sizeof(v.key));
	return v;
}

static int open_it(
	struct fixture *f, const struct vault *v, const char *column, int64_t row, struct str sealed, char **ret)
{
	err_clear(&f->e);
	return vault_open(v, &(struct vault_place){column, row, NULL}, sealed, &f->a, ret, &f->e);
}

static void test_round(void **state)
{
	struct fixture *f = *state;
	struct vault v = vault_of(1);
	static const char *const texts[] = {"", "sk-1234", "a\xc3\xa4\n\x01z"};

	assert_true(sodium_init() >= 0);
	for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
		CLEANUP(buf_done) struct buf one = BUF_INIT(4096), two = BUF_INIT(4096);
		char *back = NULL;

		FINE(f, vault_seal(&v, &(struct vault_place){"t.c", 7, NULL}, str_from(texts[i]), &one, &f->e));
		FINE(f, vault_seal(&v, &(struct vault_place){"t.c", 7, NULL}, str_from(texts[i]), &two, &f->e));
		assert_int_equal(one.n, strlen(texts[i]) + 40);
		assert_false(str_eq(buf_str(&one), buf_str(&two))); /* each has a nonce of its own */
		FINE(f, open_it(f, &v, "t.c", 7, buf_str(&one), &back));
		assert_string_equal(back, texts[i]);
		FINE(f, open_it(f, &v, "t.c", 7, buf_str(&two), &back));
		assert_string_equal(back, texts[i]);
	}
}

static void test_refused(void **state)
{
	struct fixture *f = *state;
	struct vault v = vault_of(1), other = vault_of(2);
	CLEANUP(buf_done) struct buf b = BUF_INIT(4096);
	char *back = NULL;

	FINE(f, vault_seal(&v, &(struct vault_place){"t.c", 7, NULL}, STR("secret"), &b, &f->e));
	struct str s = buf_str(&b);
	REFUSED(f, E_INVALID, open_it(f, &other, "t.c", 7, s, &back));
	REFUSED(f, E_INVALID, open_it(f, &v, "t.c", 8, s, &back));
	REFUSED(f, E_INVALID, open_it(f, &v, "t.d", 7, s, &back));
	for (size_t n = 0; n < s.n; n++) /* cut anywhere */
		REFUSED(f, E_INVALID, open_it(f, &v, "t.c", 7, (struct str){s.p, n}, &back));
	for (size_t i = 0; i < s.n; i++) { /* changed anywhere */
		b.p[i] = (char)(b.p[i] ^ 1);
		REFUSED(f, E_INVALID, open_it(f, &v, "t.c", 7, s, &back));
		b.p[i] = (char)(b.p[i] ^ 1);
	}
	assert_null(back);
	FINE(f, open_it(f, &v, "t.c", 7, s, &back));
	char *big = xcalloc(1, VAULT_MAX + 2);
	memset(big, 'x', VAULT_MAX + 1);
	REFUSED(f, E_TOO_LARGE, vault_seal(&v, &(struct vault_place){"t.c", 7, NULL}, str_from(big), &b, &f->e));
	free(big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_round), TEST(test_refused)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
