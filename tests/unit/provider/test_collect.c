/* test_collect.c - answers put together from their pieces. */
#include "support.h"

#include "provider/collect.h"

static struct gen_answer answer;
static struct err e;

static int setup(void **state)
{
	(void)state;
	answer = (struct gen_answer){.max = 1000};
	err_clear(&e);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	gen_answer_done(&answer);
	return 0;
}

static struct call_piece tool(const char *json)
{
	static char arguments[100];
	json_t *ev = NULL;
	struct call_piece t;

	assert_int_equal(collect_tool(&answer, json, strlen(json), &t, &ev, &e), 0);
	snprintf(arguments, sizeof(arguments), "%.*s", (int)t.arguments.n, t.arguments.p);
	t.arguments.p = arguments;
	json_decref(ev);
	return t;
}

static void test_texts(void **state)
{
	const struct str text = collect_text_of("{\"text\":\"a\\n\\u00e4\"}", 20);
	bool to_text;

	(void)state;
	assert_int_equal(collect_text(&answer, false, text), 0);
	assert_int_equal(collect_text(&answer, false, STR("b")), 0);
	assert_string_equal(answer.text.p, "a\n\xc3\xa4"
					   "b");
	assert_int_equal(collect_moved(&answer, "{\"to\":\"reasoning\"}", 18, &to_text), 0);
	assert_false(to_text);
	assert_int_equal(answer.text.n, 0);
	assert_string_equal(answer.reasoning.p, "a\n\xc3\xa4"
						"b");
	assert_int_equal(collect_moved(&answer, "{\"to\":\"text\"}", 13, &to_text), 0);
	assert_true(to_text);
	assert_int_equal(answer.text.n, 5);
	assert_int_equal(collect_items(&answer, &answer.logprobs, STR("{}")), 0);
	assert_int_equal(collect_items(&answer, &answer.logprobs, STR("{},{}")), 0);
	assert_string_equal(answer.logprobs.p, "{},{},{}");
}

/* As large as an answer may be, and no larger. */
static void test_bound(void **state)
{
	CLEANUP(buf_done) struct buf big = BUF_INIT(4000);

	(void)state;
	for (int i = 0; i < 1000; i++)
		buf_add_char(&big, 'x');
	assert_int_equal(collect_text(&answer, false, buf_str(&big)), 0);
	buf_add_char(&big, 'x');
	assert_int_equal(collect_text(&answer, true, buf_str(&big)), E_TOO_LARGE);
	gen_answer_done(&answer);
	assert_int_equal(answer.max, 1000);
}

static void test_calls(void **state)
{
	struct call_piece t;
	json_t *ev = NULL;

	(void)state;
	t = tool("{\"index\":0,\"id\":\"x\",\"name\":\"f\",\"arguments\":\"{\\\"a\\\"\"}");
	assert_true(t.first);
	assert_string_equal(t.id, "x");
	t = tool("{\"index\":0,\"arguments\":\":1}\"}");
	assert_false(t.first);
	assert_string_equal(t.arguments.p, ":1}");
	t = tool("{\"index\":1,\"name\":\"g\"}");
	assert_true(t.first && strncmp(t.id, "call_", 5) == 0);
	assert_int_equal(answer.n_calls, 2);
	assert_string_equal(answer.calls[0].arguments.p, "{\"a\":1}");
	assert_int_equal(collect_tool(&answer, "{\"index\":5}", 11, &t, &ev, &e), E_PROVIDER);
	assert_null(ev);
}

/* What the model ended without arguments has none; what was cut off is no call; what is no object is wrong. */
static void test_ends(void **state)
{
	(void)state;
	tool("{\"index\":0,\"name\":\"f\",\"arguments\":\"{}\"}");
	tool("{\"index\":1,\"name\":\"g\"}");
	tool("{\"index\":2,\"name\":\"h\",\"arguments\":\"{\\\"a\"}");
	assert_int_equal(collect_end(&answer, true, true, &e), 0);
	assert_int_equal(answer.calls[0].state, MADE_WHOLE);
	assert_int_equal(answer.calls[1].state, MADE_CUT);
	assert_int_equal(answer.calls[2].state, MADE_CUT);
	assert_int_equal(collect_end(&answer, false, false, &e), 0);
	assert_int_equal(answer.calls[1].state, MADE_WHOLE);
	assert_string_equal(answer.calls[1].arguments.p, "{}");
	assert_int_equal(answer.calls[2].state, MADE_WRONG);
	assert_int_equal(collect_end(&answer, false, true, &e), E_PROVIDER_BROKEN);
	assert_non_null(strstr(e.msg, "the tool h "));
}

static int say(struct text_sink *s, enum event_type type, const char *json)
{
	return s->sink.event(&s->sink, true, type, json, strlen(json));
}

static void test_text_sink(void **state)
{
	struct text_sink s;

	(void)state;
	text_sink_init(&s, 8);
	assert_int_equal(say(&s, EV_STATUS, "{\"text\":\"waits\"}"), 0);
	assert_int_equal(say(&s, EV_TEXT, "{\"text\":\"thought\"}"), 0);
	assert_int_equal(say(&s, EV_MOVED, "{\"to\":\"reasoning\"}"), 0);
	assert_int_equal(say(&s, EV_REASONING, "{\"text\":\"more\"}"), 0);
	assert_int_equal(say(&s, EV_TEXT, "{\"text\":\"a \\\"b\\\"\"}"), 0);
	assert_string_equal(s.text.p, "a \"b\"");
	assert_int_equal(say(&s, EV_TEXT, "{\"text\":\" without end\"}"), E_TOO_LARGE);
	buf_done(&s.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_texts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bound, setup, teardown),
		cmocka_unit_test_setup_teardown(test_calls, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ends, setup, teardown),
		cmocka_unit_test(test_text_sink),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
