/* The table of parameters: layers, the text that is kept, requests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "provider/parameters.h"

static void test_layers(void **state UNUSED)
{
	CLEANUP(arena_done) struct arena a;
	struct parameters p, over;
	struct gen_request q = {.model = "m"};
	struct err e = {0};

	arena_init(&a, 1u << 20);
	assert_int_equal(parameters_read("", &a, &p, &e), 0);
	assert_string_equal(parameters_write(&p, &a), "{}");
	assert_int_equal(
		parameters_read("{\"temperature\":1,\"stop\":[\"a\"],\"seed\":null,\"effort\":\"low\"}", &a, &p, &e),
		0);
	assert_false(p.has_seed);
	assert_int_equal(parameters_read("{\"temperature\":0,\"seed\":3,\"keep_alive\":\"5m\"}", &a, &over, &e), 0);
	parameters_lay(&p, &over);
	assert_string_equal(parameters_write(&p, &a),
		"{\"temperature\":0.0,\"seed\":3,\"stop\":[\"a\"],\"keep_alive\":\"5m\",\"effort\":\"low\"}");
	assert_int_equal(parameters_apply(&p, &a, &q), 0);
	assert_int_equal(q.sampling.set, SAMPLE_TEMPERATURE | SAMPLE_SEED);
	assert_string_equal(q.sampling.seed, "3");
	assert_string_equal(q.stop[0], "a");
	assert_null(q.stop[1]);
	assert_string_equal(q.keep_alive, "\"5m\"");
	assert_int_equal(q.thinking, THINKING_LOW);
	assert_string_equal(parameters_left_out(&p, API_ANTHROPIC, &a), "seed, keep_alive");
	assert_string_equal(parameters_left_out(&p, API_OPENAI, &a), "keep_alive");
	assert_null(parameters_left_out(&p, API_OLLAMA, &a));
}

static void test_refusals(void **state UNUSED)
{
	static const char *const wrong[] = {"{\"temperature\":2.1}", "{\"top_k\":0}", "{\"format\":\"yaml\"}",
		"{\"schema\":[]}", "{\"stop\":[\"\"]}", "{\"x\":1}", "[]"};
	CLEANUP(arena_done) struct arena a;

	arena_init(&a, 1u << 20);
	for (size_t i = 0; i < N_ELEMENTS(wrong); i++) {
		struct parameters p;
		struct err e = {0};

		assert_int_equal(parameters_read(wrong[i], &a, &p, &e), E_INVALID);
	}
}

/* Format and schema may be said by two layers; a schema that nobody has is any JSON. */
static void test_schema_of_another_layer(void **state UNUSED)
{
	CLEANUP(arena_done) struct arena a;
	struct parameters p, over;
	struct gen_request q = {.model = "m"};
	struct err e = {0};

	arena_init(&a, 1u << 20);
	assert_int_equal(parameters_read("{\"format\":\"schema\"}", &a, &p, &e), 0);
	assert_int_equal(parameters_apply(&p, &a, &q), 0);
	assert_int_equal(q.format, FORMAT_JSON);
	assert_int_equal(parameters_read("{\"schema\":{\"type\":\"object\"}}", &a, &over, &e), 0);
	parameters_lay(&p, &over);
	assert_int_equal(parameters_apply(&p, &a, &q), 0);
	assert_int_equal(q.format, FORMAT_SCHEMA);
	assert_string_equal(q.schema, "{\"type\":\"object\"}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_layers), cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_schema_of_another_layer)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
