/* Limits as they are set. */
#include "store/groups.h"
#include "store/limits.h"
#include "store_test.h"

static struct limit limit_of(const char *subject, atelier_id id)
{
	return (struct limit){
		.subject = subject, .subject_id = id, .measure = "tokens", .period = "day", .amount = 100};
}

static atelier_id add(struct fixture *f, struct limit l)
{
	atelier_id id = 0;

	FINE(f, limits_create(f->db, &l, &id, &f->e));
	assert_true(id > 0);
	return id;
}

static void test_life(void **state)
{
	struct fixture *f = *state;
	struct limit l = limit_of("user", f->bob), got;
	struct limit_list list;
	atelier_id one = add(f, l), two;

	l.model = "large";
	two = add(f, l);
	FINE(f, limits_list(f->c, &f->a, &list, &f->e));
	assert_int_equal(list.n, 2);
	assert_true(list.items[0].id == one && list.items[1].id == two);
	assert_string_equal(list.items[0].subject_name, "bob");
	assert_string_equal(list.items[0].model, "");
	assert_string_equal(list.items[1].model, "large");
	FINE(f, limits_set_amount(f->db, two, 0, &f->e));
	FINE(f, limits_get(f->c, two, &f->a, &got, &f->e));
	assert_int_equal(got.amount, 0);
	assert_string_equal(got.measure, "tokens");
	assert_string_equal(got.period, "day");
	FINE(f, limits_delete(f->db, one, &f->e));
	REFUSED(f, E_NOT_FOUND, limits_delete(f->db, one, &f->e));
	REFUSED(f, E_NOT_FOUND, limits_set_amount(f->db, one, 1, &f->e));
	REFUSED(f, E_NOT_FOUND, limits_get(f->c, one, &f->a, &got, &f->e));
}

static void test_refused(void **state)
{
	struct fixture *f = *state;
	struct limit l = limit_of("everyone", 0);
	atelier_id id;

	add(f, l);
	REFUSED(f, E_CONFLICT, limits_create(f->db, &l, &id, &f->e));
	l.period = "month";
	add(f, l);
	l.amount = -1;
	l.period = "hour";
	assert_true(limits_create(f->db, &l, &id, &f->e) < 0);
	err_clear(&f->e);
	l = limit_of("user", 4711);
	REFUSED(f, E_NOT_FOUND, limits_create(f->db, &l, &id, &f->e));
	l = limit_of("group", f->ada);
	REFUSED(f, E_NOT_FOUND, limits_create(f->db, &l, &id, &f->e));
	l = limit_of("key", f->ada);
	REFUSED(f, E_NOT_FOUND, limits_create(f->db, &l, &id, &f->e));
}

static void test_gone_with_the_group(void **state)
{
	struct fixture *f = *state;
	struct limit_list list;
	atelier_id group;

	FINE(f, groups_create(f->db, "staff", &group, &f->e));
	add(f, limit_of("group", group));
	add(f, limit_of("everyone", 0));
	FINE(f, groups_delete(f->db, group, &f->e));
	FINE(f, limits_list(f->c, &f->a, &list, &f->e));
	assert_int_equal(list.n, 1);
	assert_string_equal(list.items[0].subject, "everyone");
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_life), TEST(test_refused), TEST(test_gone_with_the_group)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
