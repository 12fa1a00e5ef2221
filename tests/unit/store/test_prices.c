/* The table of prices. */
#include "store/prices.h"
#include "store_test.h"

static void test_life(void **state)
{
	struct fixture *f = *state;
	struct price p = {.pattern = "main/*", .input_micros = 5, .cached_micros = -1, .output_micros = 7}, got;
	struct price_list list;
	atelier_id id, other;

	FINE(f, prices_create(f->db, &p, &id, &f->e));
	REFUSED(f, E_CONFLICT, prices_create(f->db, &p, &other, &f->e));
	p.pattern = "a/b";
	p.cached_micros = 0;
	p.request_micros = 9;
	FINE(f, prices_create(f->db, &p, &other, &f->e));
	FINE(f, prices_list(f->c, &f->a, &list, &f->e));
	assert_int_equal(list.n, 2);
	assert_string_equal(list.items[0].pattern, "a/b");
	assert_int_equal(list.items[0].cached_micros, 0);
	assert_int_equal(list.items[0].request_micros, 9);
	assert_int_equal(list.items[1].cached_micros, -1);
	p.id = other;
	p.pattern = "main/*";
	REFUSED(f, E_CONFLICT, prices_set(f->db, &p, &f->e));
	p.pattern = "a/b";
	p.output_micros = 11;
	p.cached_micros = -1;
	FINE(f, prices_set(f->db, &p, &f->e));
	FINE(f, prices_get(f->c, other, &f->a, &got, &f->e));
	assert_int_equal(got.output_micros, 11);
	assert_int_equal(got.cached_micros, -1);
	FINE(f, prices_delete(f->db, other, &f->e));
	REFUSED(f, E_NOT_FOUND, prices_delete(f->db, other, &f->e));
	REFUSED(f, E_NOT_FOUND, prices_set(f->db, &p, &f->e));
	REFUSED(f, E_NOT_FOUND, prices_get(f->c, other, &f->a, &got, &f->e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_life)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
