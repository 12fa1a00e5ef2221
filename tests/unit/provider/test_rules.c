/* What an administrator says of models: patterns, the closest route, what is refused. */
#include "base/pattern.h"
#include "support.h"

#include "provider/catalogue_priv.h"

static void patterns(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool matches;
	} cases[] = {
		{"a", "a", true},
		{"a", "b", false},
		{"a", "ab", false},
		{"", "", true},
		{"", "a", false},
		{"*", "", true},
		{"*", "anything/at:all", true},
		{"gpt-*", "gpt-4o", true},
		{"gpt-*", "gpt", false},
		{"?", "x", true},
		{"?", "", false},
		{"?", "xy", false},
		{"*:?b", "llama:7b", true},
		{"*:?b", "llama:70b", false},
		{"a*b*c", "a1b2b3c", true},
		{"a*b*c", "a1b2b3", false},
		{"**", "x", true},
		{"*a", "aaaa", true},
		{"a*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
	};
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++)
		if (pattern_matches(cases[i].pattern, cases[i].text) != cases[i].matches)
			fail_msg("%s with %s", cases[i].pattern, cases[i].text);
	assert_true(pattern_is("a?"));
	assert_true(pattern_is("*"));
	assert_false(pattern_is("llama3.2:latest"));
}

static void the_closest_route(void **state)
{
	static const char *const t[] = {"x"};
	static const struct model_route routes[] = {
		{"*", t, 1}, {"gpt-*", t, 1}, {"gpt-4*", t, 1}, {"gpt-4?", t, 1}, {"gpt-4o", t, 1}, {"g*-4*", t, 1}};
	struct catalogue_rules c = {.routes = routes, .n_routes = N_ELEMENTS(routes), .tasks = {[TASK_CODE] = "coder"}};
	static const struct model_override overrides[] = {{"one", "The One", false}, {"two", "", true}};
	struct rules *r = NULL;
	struct err e = {0};
	(void)state;
	c.overrides = overrides;
	c.n_overrides = 2;
	assert_int_equal(rules_new(&c, &r, &e), 0);
	assert_string_equal(rules_route(r, "gpt-4o")->pattern, "gpt-4o");
	assert_string_equal(rules_route(r, "gpt-4x")->pattern, "gpt-4*");
	assert_string_equal(rules_route(r, "gpt-4.1-mini")->pattern, "gpt-4*");
	assert_string_equal(rules_route(r, "gpt-5")->pattern, "gpt-*");
	assert_string_equal(rules_route(r, "llama")->pattern, "*");
	assert_string_equal(rules_exact(r, "gpt-4o")->pattern, "gpt-4o");
	assert_null(rules_exact(r, "gpt-4*")); /* a name, but not one of a model */
	assert_null(rules_exact(r, "llama"));
	assert_string_equal(rules_override(r, "one")->name, "The One");
	assert_null(rules_override(r, "two")->name);
	assert_true(rules_override(r, "two")->hidden);
	assert_null(rules_override(r, "three"));
	assert_string_equal(rules_get(r)->tasks[TASK_CODE], "coder");
	assert_null(rules_get(r)->tasks[TASK_CHAT]);
	rules_free(r);
	assert_int_equal(rules_new(NULL, &r, &e), 0);
	assert_null(rules_route(r, "x"));
	rules_free(r);
}

static void what_is_refused(void **state)
{
	static const char *const none[] = {""}, *const one[] = {"x"};
	static const struct model_route bad[][2] = {{{"", one, 1}, {"a", one, 1}}, {{"a", one, 0}, {"b", one, 1}},
		{{"a", one, ROUTE_TARGETS_MAX + 1}, {"b", one, 1}}, {{"a", none, 1}, {"b", one, 1}},
		{{"a", one, 1}, {"a", one, 1}}, {{NULL, one, 1}, {"b", one, 1}}};
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
		struct catalogue_rules c = {.routes = bad[i], .n_routes = 2};
		struct rules *r = NULL;
		struct err e = {0};
		assert_int_equal(rules_new(&c, &r, &e), E_INVALID);
		assert_null(r);
		assert_true(strlen(e.msg) > 10);
	}
}

static void names_of_tasks(void **state)
{
	(void)state;
	assert_string_equal(model_task_name(TASK_CHAT), "chat");
	assert_string_equal(model_task_name(TASK_CODE), "code");
	assert_string_equal(model_task_name(TASK_TITLE), "title");
	assert_string_equal(model_task_name(TASK_EMBEDDING), "embedding");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns),
		cmocka_unit_test(the_closest_route),
		cmocka_unit_test(what_is_refused),
		cmocka_unit_test(names_of_tasks),
	};
	return cmocka_run_group_tests_name("provider/rules", tests, NULL, NULL);
}
