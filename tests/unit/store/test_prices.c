/* The table of prices. */
#include "store/prices.h"
#include "store_test.h"

/* All of it but its number. */
static int become(void *row, void *arg, struct err *e UNUSED)
{
	struct price *p = row;
	atelier_id id = p->id;

	*p = *(const struct price *)arg;
	p->id = id;
	return 0;
}

static int set(struct fixture *f, atelier_id id, struct price *to, struct price *ret)
{
	return prices_edit(f->db, &(struct rows_edit){id, become, to, &f->a}, ret, &f->e);
}

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
	p.pattern = "main/*";
	REFUSED(f, E_CONFLICT, set(f, other, &p, &got));
	p.pattern = "a/b";
	p.output_micros = 11;
	p.cached_micros = -1;
	FINE(f, set(f, other, &p, &got));
	assert_int_equal(got.output_micros, 11);
	FINE(f, prices_list(f->c, &f->a, &list, &f->e));
	assert_int_equal(list.n, 2);
	assert_true(list.items[0].id == other);
	assert_int_equal(list.items[0].output_micros, 11);
	assert_int_equal(list.items[0].cached_micros, -1);
	FINE(f, prices_delete(f->db, other, &f->e));
	REFUSED(f, E_NOT_FOUND, prices_delete(f->db, other, &f->e));
	REFUSED(f, E_NOT_FOUND, set(f, other, &p, &got));
	FINE(f, prices_list(f->c, &f->a, &list, &f->e));
	assert_int_equal(list.n, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_life)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
