/* Ollama's shape: requests read, answers and lists written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/gateway/ollama.h"

static struct request q;
static struct gw_call c;
static struct ollama_call s;
static struct buf out;

static int setup(void **state)
{
	(void)state;
	memset(&q, 0, sizeof(q));
	memset(&s, 0, sizeof(s));
	arena_init(&q.mem, REQUEST_MEMORY);
	c = (struct gw_call){.q = &q, .model = "m\"x", .format = &ollama_format, .finish = "stop"};
	assert_int_equal(ollama_prepare(&c, &s), 0);
	out = BUF_INIT(1 << 20);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	json_decref(c.body);
	buf_done(&out);
	arena_done(&q.mem);
	return 0;
}

static int read_body(const char *body, int (*read)(struct gw_call *))
{
	int r;

	json_decref(c.body);
	c.body = NULL;
	c.req = (struct gen_request){.model = "m"};
	err_clear(&q.err);
	assert_int_equal(json_parse(body, strlen(body), &c.body, NULL), 0);
	r = read(&c);
	return r < 0 ? r : ollama_read_common(&c);
}

/* ---- reading ---- */

/* Where the text says [img]; those that are left stand before it. */
static void test_pictures_have_places(void **state)
{
	const struct gen_message *m;

	(void)state;
	assert_int_equal(
		read_body("{\"messages\":[{\"role\":\"user\",\"content\":\"one [img] two [img]three\",\"images\":["
			  "\"/9j/AA\",\"/9j/BB\",\"/9j/CC\"]},{\"role\":\"user\",\"content\":\"[img] [img]\","
			  "\"images\":[\"/9j/DD\"]}]}",
			ollama_read_chat),
		0);
	m = c.req.messages;
	assert_string_equal(m[0].content, "one  two three");
	assert_string_equal(m[0].images[0].data, "/9j/CC");
	assert_string_equal(m[0].images[1].data, "/9j/AA");
	assert_true(m[0].images[0].at == 0 && m[0].images[1].at == 4 && m[0].images[2].at == 9);
	assert_string_equal(m[1].content, " [img]");
	assert_int_equal(m[1].images[0].at, 0);
}

static void test_chat(void **state)
{
	const struct gen_message *m;

	(void)state;
	assert_int_equal(read_body("{\"messages\":[{\"role\":\"DEVELOPER\",\"content\":\"S\"},{\"role\":\"user\","
				   "\"content\":\"Hi\","
				   "\"images\":[\"/9j/AA\",\"data:image/"
				   "png;base64,AAAA\"]},{\"role\":\"assistant\",\"content\":null,"
				   "\"thinking\":\"Hm\"}],\"options\":{\"num_predict\":-1,\"num_ctx\":2048.7,\"seed\":-"
				   "1,\"stop\":null,"
				   "\"top_k\":4,\"tfs_z\":1},\"format\":\"\",\"think\":\"max\",\"keep_alive\":1800}",
				 ollama_read_chat),
		0);
	assert_int_equal(c.req.n_messages, 3);
	m = c.req.messages;
	assert_string_equal(m[0].role, "system");
	assert_int_equal(m[1].n_images, 2);
	assert_string_equal(m[1].images[0].media_type, "image/jpeg");
	assert_string_equal(m[1].images[1].data, "AAAA");
	assert_string_equal(m[2].content, "");
	assert_string_equal(m[2].reasoning, "Hm");
	assert_true(c.req.continues);
	assert_int_equal(c.req.max_tokens, 0);
	assert_int_equal(c.req.context_tokens, 2048);
	assert_int_equal(c.req.sampling.set, SAMPLE_TOP_K);
	assert_int_equal(c.req.format, FORMAT_TEXT);
	assert_int_equal(c.req.thinking, THINKING_HIGH);
	assert_string_equal(c.req.keep_alive, "1800");
}

static void test_tools(void **state)
{
	const struct gen_message *m;

	(void)state;
	assert_int_equal(
		read_body("{\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"a\",\"parameters\":{\"x\":1}}}],"
			  "\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"function\":{\"name\":\"a\","
			  "\"arguments\":"
			  "{\"k\":1}}},{\"function\":{\"name\":\"b\"}}]},{\"role\":\"tool\",\"tool_name\":\"b\","
			  "\"content\":\"B\"},"
			  "{\"role\":\"tool\",\"content\":\"A\"},{\"role\":\"tool\",\"content\":\"?\"}]}",
			ollama_read_chat),
		0);
	assert_string_equal(c.req.tools[0].parameters, "{\"x\":1}");
	m = c.req.messages;
	assert_string_equal(m[0].calls[0].arguments, "{\"k\":1}");
	assert_string_equal(m[0].calls[1].arguments, "{}");
	assert_string_not_equal(m[0].calls[0].id, m[0].calls[1].id);
	assert_string_equal(m[1].tool_call_id, m[0].calls[1].id);
	assert_string_equal(m[2].tool_call_id, m[0].calls[0].id);
	assert_string_equal(m[2].tool_name, "a");
	assert_null(m[3].tool_call_id);
	assert_false(c.req.continues);
}

static void test_generate(void **state)
{
	(void)state;
	assert_int_equal(
		read_body("{\"prompt\":\"Hi\",\"system\":\"S\",\"format\":{\"a\":1}}", ollama_read_generate), 0);
	assert_int_equal(c.req.n_messages, 2);
	assert_null(c.req.prompt);
	assert_int_equal(c.req.format, FORMAT_SCHEMA);
	assert_string_equal(c.req.schema, "{\"a\":1}");
	assert_int_equal(read_body("{\"prompt\":\"Hi\",\"suffix\":\"end\"}", ollama_read_generate), 0);
	assert_string_equal(c.req.prompt, "Hi");
	assert_string_equal(c.req.suffix, "end");
	assert_int_equal(
		read_body("{\"prompt\":\"Hi\",\"raw\":true,\"context\":[],\"template\":\"\"}", ollama_read_generate),
		0);
	assert_string_equal(c.req.prompt, "Hi");
	assert_int_equal(read_body("{\"system\":\"S\"}", ollama_read_generate), 0);
	assert_int_equal(c.req.n_messages, 0);
	assert_int_equal(read_body("{\"prompt\":\"Hi\",\"context\":[1]}", ollama_read_generate), E_MODEL_CANNOT);
	assert_int_equal(read_body("{\"prompt\":[\"Hi\"]}", ollama_read_generate), E_INVALID);
}

static void test_bad(void **state)
{
	static const char *const bodies[] = {"{\"messages\":{}}", "{\"messages\":[5]}",
		"{\"messages\":[{\"role\":\"x\"}]}", "{\"messages\":[{\"role\":\"user\",\"content\":5}]}",
		"{\"messages\":[{\"role\":\"user\",\"images\":\"x\"}]}",
		"{\"messages\":[{\"role\":\"user\",\"images\":[5]}]}",
		"{\"messages\":[{\"role\":\"user\",\"images\":[\"x\"]}]}",
		"{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{}]}]}",
		"{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"function\":{\"arguments\":\"{}\"}}]}]}",
		"{\"tools\":5}", "{\"tools\":[{\"name\":\"x\"}]}", "{\"options\":5}",
		"{\"options\":{\"temperature\":\"hot\"}}", "{\"options\":{\"num_predict\":\"1\"}}",
		"{\"options\":{\"stop\":5}}", "{\"format\":5}", "{\"format\":\"yaml\"}", "{\"think\":\"\"}",
		"{\"think\":1}", "{\"keep_alive\":\"5\"}", "{\"keep_alive\":\"m\"}", "{\"keep_alive\":true}",
		"{\"keep_alive\":\"-\"}", "{\"keep_alive\":\"5x\"}"};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(bodies); i++) {
		if (read_body(bodies[i], ollama_read_chat) != E_INVALID)
			fail_msg("not refused: %s", bodies[i]);
	}
}

static void expect_keep_alive(const char *json, bool unload, bool for_good)
{
	CLEANUP(json_decrefp) json_t *v = NULL;
	bool u, f;

	assert_int_equal(json_parse(json, strlen(json), &v, NULL), 0);
	assert_int_equal(ollama_check_keep_alive(v, &u, &f, NULL), 0);
	assert_int_equal(u, unload);
	assert_int_equal(f, for_good);
}

static void test_keep_alive(void **state)
{
	(void)state;
	expect_keep_alive("null", false, false);
	expect_keep_alive("\"\"", false, false);
	expect_keep_alive("0", true, false);
	expect_keep_alive("0.0", true, false);
	expect_keep_alive("\"0\"", true, false);
	expect_keep_alive("\"0m0s\"", true, false);
	expect_keep_alive("-1", false, true);
	expect_keep_alive("\"-1m\"", false, true);
	expect_keep_alive("\"1h30m\"", false, false);
	expect_keep_alive("\"1.5h\"", false, false);
	/* Whoever does not look after models neither unloads nor pins one. */
	assert_int_equal(read_body("{\"keep_alive\":0}", ollama_read_chat), 0);
	assert_null(c.req.keep_alive);
	assert_string_equal(c.ignored, "keep_alive");
	q.who.scopes = AUTH_SCOPE_MODELS;
	q.who.user.role = ROLE_ADMIN;
	assert_int_equal(ollama_read_common(&c), 0);
	assert_string_equal(c.req.keep_alive, "0");
}

static void test_stream_default(void **state)
{
	(void)state;
	assert_int_equal(read_body("{}", ollama_read_stream), 0);
	assert_true(c.stream);
	assert_int_equal(read_body("{\"stream\":null}", ollama_read_stream), 0);
	assert_true(c.stream);
	assert_int_equal(read_body("{\"stream\":false}", ollama_read_stream), 0);
	assert_false(c.stream);
	assert_int_equal(read_body("{\"stream\":\"no\"}", ollama_read_stream), E_INVALID);
}

/* ---- writing ---- */

/* Every line is an object without a member named error; the i-th one is returned. */
static json_t *line(size_t i)
{
	const char *p = out.p, *lf;
	json_t *ret = NULL;

	for (size_t k = 0; (lf = strchr(p, '\n')) != NULL; k++, p = lf + 1) {
		json_t *v = NULL;

		assert_int_equal(json_parse(p, (size_t)(lf - p), &v, NULL), 0);
		assert_null(json_object_get(v, "error"));
		assert_string_equal(json_get_str(v, "model"), "m\"x");
		assert_true(json_is_boolean(json_object_get(v, "done")));
		if (k == i)
			ret = v;
		else
			json_decref(v);
	}
	assert_string_equal(p, "");
	assert_non_null(ret);
	return ret;
}

static void expect_line(size_t i, const char *member, const char *want)
{
	CLEANUP(json_decrefp) json_t *v = line(i);
	CLEANUP(buf_done) struct buf b = BUF_INIT(1000);

	json_add_value(&b, json_object_get(v, member));
	assert_string_equal(b.p, want);
}

static void test_answer(void **state)
{
	struct made_call calls[] = {{.id = "i", .name = "n", .arguments = BUF_INIT(100), .state = MADE_WHOLE},
		{.id = "j", .name = "n", .arguments = BUF_INIT(100), .state = MADE_WHOLE}};

	(void)state;
	buf_add_str(&calls[0].arguments, "{\"k\":1}");
	buf_add_str(&calls[1].arguments, "{}");
	c.answer = (struct gen_answer){.calls = calls, .n_calls = 2};
	c.finish = "tool_calls";
	c.result = (struct gen_result){
		.tokens_in = 3, .tokens_out = 4, .first_token_ms = 20, .duration_ms = 50, .queued_ms = 5};
	ollama_format.reasoning(&c, STR("Hm"), &out);
	ollama_format.text(&c, STR("a\\n"), &out);
	ollama_format.end(&c, &out);
	expect_line(0, "message", "{\"role\":\"assistant\",\"content\":\"\",\"thinking\":\"Hm\"}");
	expect_line(1, "message", "{\"role\":\"assistant\",\"content\":\"a\\n\"}");
	expect_line(2, "message",
		"{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"id\":\"i\",\"function\":{\"index\":0,"
		"\"name\":\"n\","
		"\"arguments\":{\"k\":1}}}]}");
	expect_line(3, "message",
		"{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"id\":\"j\",\"function\":{\"index\":1,"
		"\"name\":\"n\","
		"\"arguments\":{}}}]}");
	expect_line(4, "message", "{\"role\":\"assistant\",\"content\":\"\"}");
	expect_line(4, "done_reason", "\"stop\"");
	expect_line(4, "total_duration", "55000000");
	expect_line(4, "prompt_eval_duration", "20000000");
	expect_line(4, "eval_duration", "30000000");
	expect_line(4, "eval_count", "4");
	buf_done(&calls[0].arguments);
	buf_done(&calls[1].arguments);
}

static void test_generate_answer(void **state)
{
	(void)state;
	s.generate = true;
	c.finish = "length";
	ollama_format.reasoning(&c, STR("Hm"), &out);
	ollama_format.text(&c, STR("a"), &out);
	ollama_format.end(&c, &out);
	expect_line(0, "thinking", "\"Hm\"");
	expect_line(0, "response", "\"\"");
	expect_line(1, "response", "\"a\"");
	expect_line(2, "response", "\"\"");
	expect_line(2, "done_reason", "\"length\"");
	buf_reset(&out);
	ollama_add_loaded(&c, "load", &out);
	buf_add_char(&out, '\n');
	expect_line(0, "done_reason", "\"load\"");
}

static void expect_name(const char *id, const char *want)
{
	buf_reset(&out);
	ollama_add_name(id, &out);
	assert_string_equal(out.p, want);
}

static void test_lists(void **state)
{
	static const char *const capabilities[] = {"completion", "insert", NULL};
	CLEANUP(json_decrefp) json_t *entry = NULL;
	CLEANUP(json_decrefp) json_t *show = NULL;
	const struct model m = {.id = "a", .kind = "openai", .capabilities = capabilities, .parameters = "1.5B"};

	(void)state;
	expect_name("a", "\"a:latest\"");
	expect_name("a:7b", "\"a:7b\"");
	expect_name("host:80/a", "\"host:80/a:latest\"");
	expect_name("hf.co/x/a:q4", "\"hf.co/x/a:q4\"");
	buf_reset(&out);
	ollama_add_entry(&m, &out);
	assert_int_equal(json_parse(out.p, out.n, &entry, NULL), 0);
	assert_int_equal(strlen(json_get_str(entry, "digest")), 64);
	assert_string_equal(json_get_str(entry, "name"), json_get_str(entry, "model"));
	assert_string_equal(json_get_str(json_object_get(entry, "details"), "quantization_level"), "");
	assert_string_equal(json_get_str(entry, "modified_at"), "1970-01-01T00:00:00.000Z");
	buf_reset(&out);
	ollama_add_show(&m, &out);
	assert_int_equal(json_parse(out.p, out.n, &show, NULL), 0);
	assert_non_null(strstr(json_get_str(show, "template"), ".Suffix"));
	assert_string_equal(json_get_str(json_object_get(show, "model_info"), "general.architecture"), "openai");
	assert_true(json_get_i64(json_object_get(show, "model_info"), "openai.context_length", 0) > 0);
	assert_int_equal(json_get_i64(json_object_get(show, "model_info"), "general.parameter_count", 0), 1500000000);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {T(test_pictures_have_places), T(test_chat), T(test_tools), T(test_generate),
		T(test_bad), T(test_keep_alive), T(test_stream_default), T(test_answer), T(test_generate_answer),
		T(test_lists)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
