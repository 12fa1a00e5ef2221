/* Routes, overrides and the models of tasks. */
#include "store/model_rules.h"
#include "store_test.h"

static struct stored_rules rules(struct fixture *f)
{
	struct stored_rules r;

	FINE(f, model_rules_get(f->c, &f->a, &r, &f->e));
	return r;
}

struct edit {
	const char *pattern, *targets;
};

static int edit_route(void *row, void *arg, struct err *e UNUSED)
{
	struct stored_route *route = row;
	const struct edit *x = arg;

	route->pattern = x->pattern ? x->pattern : route->pattern;
	route->targets = x->targets ? x->targets : route->targets;
	return 0;
}

static int update(struct fixture *f, atelier_id id, const char *pattern, const char *targets)
{
	struct edit x = {pattern, targets};
	struct stored_route route;

	return model_routes_edit(f->db, &(struct rows_edit){id, edit_route, &x, &f->a}, &route, &f->e);
}

static void test_routes(void **state)
{
	struct fixture *f = *state;
	atelier_id one = 0, two = 0;

	assert_int_equal(rules(f).n_routes, 0);
	FINE(f, model_routes_create(f->db, "gpt-4o", "[\"a\"]", &one, &f->e));
	FINE(f, model_routes_create(f->db, "gpt-*", "[\"b\",\"c\"]", &two, &f->e));
	REFUSED(f, E_CONFLICT, model_routes_create(f->db, "gpt-*", "[]", &two, &f->e));
	struct stored_rules r = rules(f);
	assert_int_equal(r.n_routes, 2);
	assert_int_equal(r.routes[0].id, one);
	assert_string_equal(r.routes[1].targets, "[\"b\",\"c\"]");

	FINE(f, update(f, one, NULL, "[\"d\"]"));
	r = rules(f);
	assert_true(r.routes[0].id == one);
	assert_string_equal(r.routes[0].pattern, "gpt-4o");
	assert_string_equal(r.routes[0].targets, "[\"d\"]");
	FINE(f, update(f, one, "gpt-5", NULL));
	FINE(f, update(f, one, "gpt-5", NULL)); /* its own name is free */
	REFUSED(f, E_CONFLICT, update(f, one, "gpt-*", NULL));
	r = rules(f);
	assert_true(r.routes[0].id == one);
	assert_string_equal(r.routes[0].pattern, "gpt-5");
	assert_string_equal(r.routes[0].targets, "[\"d\"]");

	FINE(f, model_routes_delete(f->db, one, &f->e));
	REFUSED(f, E_NOT_FOUND, model_routes_delete(f->db, one, &f->e));
	REFUSED(f, E_NOT_FOUND, update(f, one, "x", NULL));
	r = rules(f);
	assert_int_equal(r.n_routes, 1);
	assert_true(r.routes[0].id == two);
}

static void test_overrides(void **state)
{
	struct fixture *f = *state;

	FINE(f, model_overrides_set(f->db, "m", &(struct override_patch){.set_name = true, .name = "M"}, &f->e));
	FINE(f, model_overrides_set(f->db, "m", &(struct override_patch){.set_hidden = true, .hidden = true}, &f->e));
	struct stored_rules r = rules(f);
	assert_int_equal(r.n_overrides, 1);
	assert_string_equal(r.overrides[0].model, "m");
	assert_string_equal(r.overrides[0].name, "M");
	assert_true(r.overrides[0].hidden);
	FINE(f, model_overrides_set(f->db, "m", &(struct override_patch){.set_name = true}, &f->e));
	r = rules(f);
	assert_null(r.overrides[0].name);
	assert_true(r.overrides[0].hidden);
	FINE(f, model_overrides_set(f->db, "m", &(struct override_patch){.set_hidden = true}, &f->e));
	FINE(f, model_overrides_set(f->db, "other", &(struct override_patch){.name = "not set"}, &f->e));
	assert_int_equal(rules(f).n_overrides, 0); /* those that say nothing are gone */
}

static void test_tasks(void **state)
{
	struct fixture *f = *state;
	const struct stored_task two[] = {{"chat", "a"}, {"code", "b"}}, change[] = {{"chat", NULL}, {"code", "c"}};

	FINE(f, model_tasks_set(f->db, two, 2, &f->e));
	assert_int_equal(rules(f).n_tasks, 2);
	FINE(f, model_tasks_set(f->db, change, 2, &f->e));
	struct stored_rules r = rules(f);
	assert_int_equal(r.n_tasks, 1);
	assert_string_equal(r.tasks[0].task, "code");
	assert_string_equal(r.tasks[0].model, "c");
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_routes), TEST(test_overrides), TEST(test_tasks)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
