/* OpenAI's shapes: messages and options read, answers put together, failures told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/gateway/gateway_priv.h"
#include "api/gateway/openai.h"
#include "api/gateway/responses.h"

static struct settings settings;
static struct gateway gateway;
static struct api api = {.c = {.settings = &settings}, .gateway = &gateway};
static struct request q;
static struct gw_call c;
static struct buf out;

static int setup(void **state)
{
	(void)state;
	settings.max_answer_bytes = 1000;
	memset(&q, 0, sizeof(q));
	q.api = &api;
	gateway.kept = responses_kept_new();
	arena_init(&q.mem, REQUEST_MEMORY);
	c = (struct gw_call){.q = &q, .model = "m\"x", .finish = "stop", .answer.max = 1000};
	out = BUF_INIT(1 << 20);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	json_decref(c.body);
	responses_kept_free(gateway.kept);
	gen_answer_done(&c.answer);
	buf_done(&out);
	arena_done(&q.mem);
	return 0;
}

static void body(const char *text)
{
	struct err e = {0};

	json_decref(c.body);
	c.body = NULL;
	c.req = (struct gen_request){.model = "m"};
	err_clear(&q.err);
	if (json_parse(text, strlen(text), &c.body, &e) < 0)
		fail_msg("%s", e.msg);
}

static int messages(const char *text)
{
	body(text);
	return openai_read_messages(&c, json_object_get(c.body, "messages"));
}

static void test_messages(void **state)
{
	const struct gen_message *m;

	(void)state;
	assert_int_equal(
		messages("{\"messages\":[{\"role\":\"developer\",\"content\":[{\"type\":\"text\",\"text\":\"A\"},"
			 "{\"type\":\"text\",\"text\":\"B\"}]},{\"role\":\"user\",\"content\":null},"
			 "{\"role\":\"assistant\",\"content\":null,\"reasoning_content\":\"Hm\",\"tool_calls\":["
			 "{\"id\":\"c1\",\"function\":{\"name\":\"f\",\"arguments\":{\"a\":1}}},"
			 "{\"id\":\"c2\",\"function\":{\"name\":\"g\",\"arguments\":\"\"}}]},"
			 "{\"role\":\"tool\",\"tool_call_id\":\"c2\",\"content\":[{\"type\":\"text\",\"text\":\"R\"},"
			 "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/webp;base64,AA==\"}}]}]}"),
		0);
	m = c.req.messages;
	assert_int_equal(c.req.n_messages, 4);
	assert_string_equal(m[0].role, "system");
	assert_string_equal(m[0].content, "A\nB");
	assert_string_equal(m[1].content, "");
	assert_string_equal(m[2].reasoning, "Hm");
	assert_string_equal(m[2].calls[0].arguments, "{\"a\":1}");
	assert_string_equal(m[2].calls[1].arguments, "{}");
	assert_string_equal(m[3].tool_name, "g");
	assert_int_equal(m[3].n_images, 1);
	assert_string_equal(m[3].images[0].media_type, "image/webp");
	assert_string_equal(m[3].images[0].data, "AA==");
}

/* Texts are one, with the places of the pictures in it. */
static void test_pictures_have_places(void **state)
{
	const struct gen_image *i;

	(void)state;
#define PICTURE "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,AA==\"}}"
	assert_int_equal(messages("{\"messages\":[{\"role\":\"user\",\"content\":[" PICTURE
				  ",{\"type\":\"text\",\"text\":\"one\"},"
				  "{\"type\":\"text\",\"text\":\"two\"}," PICTURE "," PICTURE
				  ",{\"type\":\"text\",\"text\":\"three\"}," PICTURE "]}]}"),
		0);
	i = c.req.messages[0].images;
	assert_string_equal(c.req.messages[0].content, "one\ntwo\nthree");
	assert_int_equal(c.req.messages[0].n_images, 4);
	assert_true(i[0].at == 0 && i[0].gap == 0);
	assert_true(i[1].at == 7 && i[1].gap == 0);
	assert_true(i[2].at == 7 && i[2].gap == 1);
	assert_true(i[3].at == 13 && i[3].gap == 0);
}

static void test_messages_refused(void **state)
{
	static const char *const bad[] = {"{}", "{\"messages\":\"Hi\"}", "{\"messages\":[]}", "{\"messages\":[1]}",
		"{\"messages\":[{\"role\":\"robot\",\"content\":\"\"}]}",
		"{\"messages\":[{\"role\":\"user\",\"content\":1}]}",
		"{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"file\"}]}]}",
		"{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":\"ftp://x\"}]}]}",
		"{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":\"data:image/"
		"png,x\"}]}]}",
		"{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":\"data:text/"
		"plain;base64,x\"}]}]}",
		"{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"a\"}]}]}"};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
		assert_int_equal(messages(bad[i]), E_INVALID);
		assert_true(q.err.msg[0]);
	}
}

static int choice(const char *text)
{
	body(text);
	return openai_read_tool_choice(&c, json_object_get(c.body, "c"), true);
}

static void test_options(void **state)
{
	int64_t n = 3;

	(void)state;
	assert_int_equal(choice("{\"c\":null}"), 0);
	assert_int_equal(c.req.tool_choice, TOOLS_AUTO);
	assert_int_equal(choice("{\"c\":\"none\"}"), 0);
	assert_int_equal(c.req.tool_choice, TOOLS_NONE);
	assert_int_equal(choice("{\"c\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}}}"), 0);
	assert_int_equal(c.req.tool_choice, TOOLS_NAMED);
	assert_string_equal(c.req.tool_name, "f");
	assert_int_equal(choice("{\"c\":{\"type\":\"allowed_tools\",\"allowed_tools\":{\"mode\":\"required\"}}}"), 0);
	assert_int_equal(c.req.tool_choice, TOOLS_REQUIRED);
	assert_int_equal(choice("{\"c\":{\"type\":\"function\"}}"), E_INVALID);
	assert_int_equal(choice("{\"c\":7}"), E_INVALID);

	body("{\"f\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"n\",\"schema\":{\"type\":\"object\"}}},"
	     "\"max\":20,\"no\":0,\"temperature\":0.5,\"seed\":null,\"top_k\":\"x\",\"stop\":[\"a\",\"b\"],\"n\":2}");
	assert_int_equal(openai_read_format(&c, json_object_get(c.body, "f"), "json_schema"), 0);
	assert_int_equal(c.req.format, FORMAT_SCHEMA);
	assert_string_equal(c.req.schema, "{\"type\":\"object\"}");
	assert_string_equal(c.req.schema_name, "n");
	assert_int_equal(openai_read_count(&c, "absent", &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(openai_read_count(&c, "max", &n), 0);
	assert_int_equal(n, 20);
	assert_int_equal(openai_read_count(&c, "no", &n), E_INVALID);
	err_clear(&q.err);
	assert_int_equal(openai_only_one(&c, "n"), E_INVALID);
	err_clear(&q.err);
	assert_int_equal(gw_read_stop(&c, json_object_get(c.body, "stop"), &c.req.stop), 0);
	assert_string_equal(c.req.stop[1], "b");
	assert_null(c.req.stop[2]);
	assert_int_equal(gw_read_sampling(&c, c.body, &c.req.sampling), E_INVALID);
	assert_int_equal(c.req.sampling.set, SAMPLE_TEMPERATURE);
}

static void test_responses_items(void **state)
{
	(void)state;
	body("{\"input\":[{\"role\":\"user\",\"content\":\"Hi\"},{\"type\":\"function_call\",\"call_id\":\"a\","
	     "\"name\":\"f\","
	     "\"arguments\":\"\"},{\"type\":\"function_call\",\"call_id\":\"b\",\"name\":\"g\",\"arguments\":\"{}\"},"
	     "{\"type\":\"function_call_output\",\"call_id\":\"b\",\"output\":[{\"type\":\"input_text\",\"text\":\"R\"}"
	     "]},"
	     "{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"h\"}],\"tools\":[{\"type\":\"custom\"},"
	     "{\"type\":\"function\",\"name\":\"f\"}],\"instructions\":null,\"reasoning\":null}");
	assert_int_equal(responses_read(&c), 0);
	assert_int_equal(c.req.n_messages, 4);
	assert_int_equal(c.req.messages[1].n_calls, 2);
	assert_string_equal(c.req.messages[1].calls[1].name, "g");
	assert_string_equal(c.req.messages[2].tool_name, "g");
	assert_string_equal(c.req.messages[2].content, "R");
	assert_int_equal(c.req.messages[3].n_calls, 1);
	assert_string_equal(c.req.messages[3].calls[0].arguments, "{}");
	assert_int_equal(c.req.n_tools, 1);
	body("{\"input\":\"Hi\",\"previous_response_id\":\"r\"}");
	assert_int_equal(responses_read(&c), E_INVALID);
	body("{\"input\":[{\"type\":\"item_reference\",\"id\":\"r\"}]}");
	assert_int_equal(responses_read(&c), E_NOT_FOUND);
	body("{}");
	assert_int_equal(responses_read(&c), E_INVALID);
}

static void check_error(int code, const char *want)
{
	struct err e = {0};

	buf_reset(&out);
	err_set(&e, code, "No \"x\".");
	openai_error(&e, "id", &out);
	assert_string_equal(out.p, want);
}

static void test_errors(void **state)
{
	(void)state;
	check_error(E_UNAUTHORIZED, "{\"error\":{\"message\":\"No \\\"x\\\".\",\"type\":\"invalid_request_error\","
				    "\"param\":null,\"code\":\"invalid_api_key\"}}");
	check_error(E_BUDGET,
		"{\"error\":{\"message\":\"No \\\"x\\\".\",\"type\":\"insufficient_quota\",\"param\":null,"
		"\"code\":\"insufficient_quota\"}}");
	check_error(E_PROVIDER_DOWN,
		"{\"error\":{\"message\":\"No \\\"x\\\".\",\"type\":\"server_error\",\"param\":null,"
		"\"code\":\"provider_unreachable\"}}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_messages, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pictures_have_places, setup, teardown),
		cmocka_unit_test_setup_teardown(test_messages_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_options, setup, teardown),
		cmocka_unit_test_setup_teardown(test_responses_items, setup, teardown),
		cmocka_unit_test_setup_teardown(test_errors, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
