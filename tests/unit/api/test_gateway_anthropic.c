/* Anthropic's shape: requests read, answers written, and streams of theirs put together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "api/gateway/anthropic.h"
#include "api/gateway/gateway_priv.h"

static struct request q;
static struct gw_call c;
static struct anthropic_call a;
static struct buf out;

static int setup(void **state)
{
	(void)state;
	memset(&q, 0, sizeof(q));
	memset(&c, 0, sizeof(c));
	arena_init(&q.mem, REQUEST_MEMORY);
	strcpy(q.id, "abc");
	anthropic_call_init(&a);
	c = (struct gw_call){.q = &q, .model = "m", .format = &anthropic_format, .shape = &a, .finish = "stop"};
	strcpy(c.id, "1");
	out = BUF_INIT(1 << 20);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	json_decref(c.body);
	buf_done(&a.held);
	buf_done(&out);
	arena_done(&q.mem);
	return 0;
}

static int read_body(const char *body, bool lenient)
{
	json_decref(c.body);
	c.body = NULL;
	c.req = (struct gen_request){.model = "m"};
	err_clear(&q.err);
	assert_int_equal(json_parse(body, strlen(body), &c.body, NULL), 0);
	return anthropic_read(&c, false, lenient);
}

#define BODY(rest) "{\"max_tokens\":9," rest "}"
#define USER       "\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]"

static const struct gen_message *message(size_t i, const char *role)
{
	assert_true(i < c.req.n_messages);
	assert_string_equal(c.req.messages[i].role, role);
	return &c.req.messages[i];
}

/* ---- reading ---- */

static void test_plain(void **state)
{
	(void)state;
	assert_int_equal(
		read_body(BODY("\"system\":\"Be kind.\",\"top_k\":5,\"stop_sequences\":[\"a\",\"b\"]," USER), false),
		0);
	assert_int_equal(c.req.n_messages, 2);
	assert_string_equal(message(0, "system")->content, "Be kind.");
	assert_string_equal(message(1, "user")->content, "Hi");
	assert_int_equal(c.req.max_tokens, 9);
	assert_int_equal(c.req.sampling.set, SAMPLE_TOP_K);
	assert_string_equal(c.req.stop[1], "b");
	assert_null(c.req.stop[2]);
	assert_false(c.req.continues);
	assert_int_equal(read_body("{\"max_tokens\":-1," USER "}", false), 0);
	assert_int_equal(c.req.max_tokens, 0); /* no limit */
}

/* A summary of what came before is told apart from what is said beside it, and by nothing else. */
static void test_summaries(void **state)
{
#define SUM(text) "{\"type\":\"compaction\",\"content\":\"" text "\"}"
#define SAY(text) "{\"type\":\"text\",\"text\":\"" text "\"}"
	static const struct {
		const char *blocks, *content;
	} cases[] = {{SUM("S") "," SAY("a") "," SAY("b"), "S\n\nab"}, {SAY("a") "," SUM("S"), "a\n\nS"},
		{SUM("") "," SAY("a"), "a"}, {SUM("S") "," SAY(""), "S"},
		{SUM("S") ",{\"type\":\"thinking\",\"thinking\":\"Hm\",\"signature\":\"s\"}", "S"},
		{SUM("S") ",{\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"f\",\"input\":{}}", "S"}};
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		char body[500];
		snprintf(body, sizeof(body),
			"{\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"},"
			"{\"role\":\"assistant\",\"content\":[%s]}]}",
			cases[i].blocks);
		assert_int_equal(read_body(body, false), 0);
		assert_string_equal(message(1, "assistant")->content, cases[i].content);
	}
#undef SUM
#undef SAY
}

static void test_neighbours(void **state)
{
	(void)state;
	assert_int_equal(read_body(BODY("\"messages\":["
					"{\"role\":\"system\",\"content\":\"S\"},"
					"{\"role\":\"user\",\"content\":\"A\"},"
					"{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"B\"}]},"
					"{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"C\"},{"
					"\"type\":\"text\","
					"\"text\":\"D\"}]},"
					"{\"role\":\"assistant\",\"content\":\"E\"}]"),
				 false),
		0);
	assert_int_equal(c.req.n_messages, 3);
	assert_string_equal(message(0, "system")->content, "S");
	assert_string_equal(message(1, "user")->content, "A\n\nB");
	assert_string_equal(message(2, "assistant")->content, "CDE");
	assert_true(c.req.continues);
}

static void test_results(void **state)
{
	const struct gen_message *m;

	(void)state;
	assert_int_equal(
		read_body(BODY("\"messages\":["
			       "{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"Hm\","
			       "\"signature\":\"\"},"
			       "{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"look\",\"input\":{\"a\":1}},"
			       "{\"type\":\"server_tool_use\",\"id\":\"s\",\"name\":\"web_search\",\"input\":{}}]},"
			       "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"and?\"},"
			       "{\"type\":\"tool_result\",\"tool_use_id\":\"t1\",\"is_error\":true,\"content\":[{"
			       "\"type\":\"image\","
			       "\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"AA==\"}}]},"
			       "{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/"
			       "gif\",\"data\":\"BB==\"}},"
			       "{\"type\":\"tool_result\",\"tool_use_id\":\"t2\"}]}]"),
			false),
		0);
	assert_int_equal(c.req.n_messages, 4);
	m = message(0, "assistant");
	assert_string_equal(m->reasoning, "Hm");
	assert_int_equal(m->n_calls, 1);
	assert_string_equal(m->calls[0].arguments, "{\"a\":1}");
	m = message(1, "tool");
	assert_string_equal(m->tool_call_id, "t1");
	assert_string_equal(m->tool_name, "look");
	assert_true(m->tool_failed);
	assert_int_equal(m->n_images, 1);
	assert_string_equal(message(2, "tool")->content, "");
	assert_int_equal(message(3, "user")->n_images, 1);
	/* Other models get the pictures of results from the user. */
	c.known = true;
	c.api = provider_kind_api("openai");
	c.sees = true;
	assert_int_equal(gw_settle_pictures(&c), 0);
	assert_int_equal(c.req.n_messages, 4);
	assert_int_equal(message(1, "tool")->n_images, 0);
	assert_string_equal(message(1, "tool")->content, "(The result is the picture that follows.)");
	m = message(3, "user");
	assert_string_equal(m->content, "and?");
	assert_int_equal(m->n_images, 2);
	assert_string_equal(m->images[0].data, "AA==");
	assert_string_equal(m->images[1].media_type, "image/gif");
}

/* Neighbours of the same role become one message, and pictures keep their places in it. */
static void test_pictures_have_places(void **state)
{
	const struct gen_message *m;

	(void)state;
#define PICTURE(data)                                                                                                  \
	"{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"" data "\"}}"
#define WORDS(text) "{\"type\":\"text\",\"text\":\"" text "\"}"
	assert_int_equal(
		read_body(
			BODY("\"messages\":[{\"role\":\"user\",\"content\":[" WORDS("one") "," PICTURE("AA==") "," WORDS(
				"two") "," PICTURE("BB==") "]},"
							   "{\"role\":\"user\",\"content\":[" PICTURE("CC==") "," WORDS(
								   "three") "," PICTURE("DD==") "]}]"),
			false),
		0);
	m = message(0, "user");
	assert_string_equal(m->content, "one\ntwo\n\nthree");
	assert_int_equal(m->n_images, 4);
	assert_true(m->images[0].at == 3 && m->images[0].gap == 1);
	assert_true(m->images[1].at == 7 && m->images[1].gap == 0);
	assert_true(m->images[2].at == 7 && m->images[2].gap == 2);
	assert_true(m->images[3].at == 14 && m->images[3].gap == 0);
}

static void test_tools(void **state)
{
	(void)state;
	assert_int_equal(
		read_body(
			BODY("\"tools\":[{\"name\":\"a\",\"input_schema\":{\"type\":\"object\"},\"strict\":true},"
			     "{\"type\":\"custom\",\"name\":\"b\"}],\"tool_choice\":{\"type\":\"tool\",\"name\":\"b\","
			     "\"disable_parallel_tool_use\":true}," USER),
			false),
		0);
	assert_int_equal(c.req.n_tools, 2);
	assert_string_equal(c.req.tools[0].parameters, "{\"type\":\"object\"}");
	assert_true(c.req.tools[0].strict);
	assert_int_equal(c.req.tool_choice, TOOLS_NAMED);
	assert_string_equal(c.req.tool_name, "b");
	assert_true(c.req.one_tool_at_a_time);
	/* One that runs at the client has a schema that other models are told. */
	assert_int_equal(read_body(BODY("\"tools\":[{\"type\":\"bash_20250124\",\"name\":\"bash\"}]," USER), false), 0);
	assert_int_equal(c.req.n_tools, 1);
	assert_non_null(strstr(c.req.tools[0].parameters, "\"command\""));
	/* A tool of Anthropic's own: for an Anthropic alone. */
	assert_int_equal(read_body(BODY("\"tools\":[{\"type\":\"web_search_20250305\",\"name\":\"s\"}]," USER), false),
		E_MODEL_CANNOT);
	assert_int_equal(
		read_body(BODY("\"tools\":[{\"type\":\"web_search_20250305\",\"name\":\"s\"}]," USER), true), 0);
	assert_int_equal(c.req.n_tools, 0);
	assert_int_equal(c.req.n_messages, 1);
	assert_int_equal(q.err.code, 0);
}

static void test_thinking(void **state)
{
	(void)state;
	assert_int_equal(read_body(BODY("\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2000}," USER), false), 0);
	assert_int_equal(c.req.thinking, THINKING_ON);
	assert_false(a.hide_thinking);
	assert_int_equal(
		read_body(BODY("\"thinking\":{\"type\":\"enabled\"},\"output_config\":{\"effort\":\"low\"}," USER),
			false),
		0);
	assert_int_equal(c.req.thinking, THINKING_LOW);
	assert_int_equal(read_body(BODY("\"thinking\":{\"type\":\"disabled\"}," USER), false), 0);
	assert_int_equal(c.req.thinking, THINKING_OFF);
	assert_true(a.hide_thinking);
	/* A model of which nothing is known is not made to think by what leaves it to the model. */
	assert_int_equal(
		read_body(BODY("\"thinking\":{\"type\":\"adaptive\",\"display\":\"omitted\"}," USER), false), 0);
	assert_int_equal(c.req.thinking, THINKING_DEFAULT);
	assert_true(a.hide_thinking);
}

static void test_bad(void **state)
{
	static const char *const bodies[] = {"{" USER "}", "{\"max_tokens\":-2," USER "}",
		"{\"max_tokens\":\"9\"," USER "}", BODY("\"messages\":[]"), BODY("\"messages\":{}"),
		BODY("\"messages\":[1]"), BODY("\"messages\":[{\"role\":\"user\"}]"),
		BODY("\"messages\":[{\"role\":\"user\",\"content\":null}]"),
		BODY("\"messages\":[{\"role\":\"tool\",\"content\":\"x\"}]"),
		BODY("\"messages\":[{\"role\":\"user\",\"content\":[1]}]"),
		BODY("\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\"}]}]"),
		BODY("\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image\"}]}]"),
		BODY("\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image\",\"source\":{\"type\":"
		     "\"base64\",\"data\":"
		     "\"A\",\"media_type\":\"text/html\"}}]}]"),
		BODY("\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\"}]}]"),
		BODY("\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"name\":\"x\"}]}]"),
		BODY("\"system\":5," USER), BODY("\"tools\":[{}]," USER),
		BODY("\"tools\":[{\"name\":\"a\",\"input_schema\":1}]," USER),
		BODY("\"tool_choice\":{\"type\":\"tool\"}," USER), BODY("\"tool_choice\":\"auto\"," USER),
		BODY("\"thinking\":{\"type\":\"much\"}," USER), BODY("\"temperature\":\"warm\"," USER),
		BODY("\"stop_sequences\":[1]," USER), BODY("\"output_config\":{\"format\":{\"type\":\"text\"}}," USER)};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(bodies); i++) {
		if (read_body(bodies[i], false) != E_INVALID)
			fail_msg("not refused: %s", bodies[i]);
		assert_int_equal(q.err.code, E_INVALID);
		assert_true(strlen(q.err.msg) > 10);
		assert_int_equal(read_body(bodies[i], true), 0); /* for the one who knows better to judge */
	}
}

static void test_raw_body(void **state)
{
	static const char same[] =
		"{ \"messages\" :[{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":"
		"\"x\",\"signature\":\"s\"}]}],\"n\":1.50}";
	static const char made[] =
		"{\"n\":1,\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"x\","
		"\"signature\":\"\"},{\"type\":\"text\",\"text\":\"T\"}]},{\"role\":\"assistant\",\"content\":[{"
		"\"type\":"
		"\"thinking\",\"thinking\":\"y\"}]}]}";
	const char *text;

	(void)state;
	(void)read_body(same, true);
	assert_int_equal(anthropic_raw_body(&c, STR(same), &text), 0);
	assert_string_equal(text, same);
	(void)read_body(made, true);
	assert_int_equal(anthropic_raw_body(&c, STR(made), &text), 0);
	assert_string_equal(text,
		"{\"n\":1,\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"T\"}]}]}");
}

/* ---- writing ---- */

static void expect_in_order(const char *const *parts, size_t n)
{
	const char *at = out.p;

	for (size_t i = 0; i < n; i++) {
		const char *found = strstr(at, parts[i]);
		if (!found)
			fail_msg("missing or out of order: %s\nin: %s", parts[i], out.p);
		at = found + strlen(parts[i]);
	}
}

static void test_stream(void **state)
{
	static const char *const parts[] = {"event: message_start\n", "\"usage\":{\"input_tokens\":3,",
		"\"index\":0,\"content_block\":{\"type\":\"thinking\"", "\"thinking_delta\",\"thinking\":\"Hm\"",
		"content_block_stop\",\"index\":0", "\"index\":1,\"content_block\":{\"type\":\"text\"",
		"content_block_stop\",\"index\":1",
		"\"index\":2,\"content_block\":{\"type\":\"tool_use\",\"id\":\"a_b\",\"name\":\"n\",\"input\":{}}",
		"\"index\":2,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"x\\\":1}\"}}",
		"content_block_stop\",\"index\":2", "\"index\":3,\"content_block\":{\"type\":\"tool_use\",\"id\":\"b\"",
		"\"index\":3,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{}\"}}",
		"content_block_stop\",\"index\":3", "\"stop_reason\":\"tool_use\"", "\"input_tokens\":6,",
		"\"cache_read_input_tokens\":4,\"output_tokens\":5,\"output_tokens_details\":{\"thinking_tokens\":2}",
		"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"};
	struct made_call calls[] = {{.id = "a:b", .name = "n", .arguments = BUF_INIT(100), .state = MADE_WHOLE},
		{.id = "cut", .name = "n", .arguments = BUF_INIT(100), .state = MADE_CUT},
		{.id = "b", .name = "n", .arguments = BUF_INIT(100), .state = MADE_WHOLE}};

	(void)state;
	buf_add_str(&calls[0].arguments, "{\"x\":1}");
	buf_add_str(&calls[2].arguments, "{}");
	c.answer = (struct gen_answer){.calls = calls, .n_calls = N_ELEMENTS(calls)};
	a.estimate = 3;
	c.result = (struct gen_result){.tokens_in = 10, .tokens_cached = 4, .tokens_out = 5, .tokens_reasoning = 2};
	c.finish = "tool_calls";
	anthropic_format.begin(&c, &out);
	anthropic_format.reasoning(&c, STR("Hm"), &out);
	anthropic_format.heartbeat(&c, &out);
	anthropic_format.text(&c, STR("Hi\\n"), &out);
	anthropic_format.end(&c, &out);
	expect_in_order(parts, N_ELEMENTS(parts));
	assert_null(strstr(out.p, "\"cut\""));
	buf_done(&calls[0].arguments);
	buf_done(&calls[2].arguments);
	assert_null(strstr(strstr(out.p, "message_start\n") + 1, "event: message_start"));
}

static void test_stop_reasons(void **state)
{
	static const struct {
		const char *finish, *sequence, *want;
	} cases[] = {{"stop", "", "\"stop_reason\":\"end_turn\",\"stop_sequence\":null"},
		{"stop", "END", "\"stop_reason\":\"stop_sequence\",\"stop_sequence\":\"END\""},
		{"length", "", "\"stop_reason\":\"max_tokens\",\"stop_sequence\":null"},
		{"content_filter", "", "\"stop_reason\":\"refusal\",\"stop_sequence\":null"},
		{"tool_calls", "END", "\"stop_reason\":\"tool_use\",\"stop_sequence\":null"}};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		buf_reset(&out);
		c.finish = cases[i].finish;
		strcpy(c.result.stop_sequence, cases[i].sequence);
		assert_int_equal(anthropic_format.whole(&c, &out), 0);
		assert_non_null(strstr(out.p, cases[i].want));
	}
}

static void test_whole(void **state)
{
	CLEANUP(json_decrefp) json_t *v = NULL;
	struct made_call calls[] = {{.id = "1", .name = "n", .arguments = BUF_INIT(100)},
		{.id = "2", .name = "n", .arguments = BUF_INIT(100)}};

	(void)state;
	c.format = &anthropic_format;

	c.answer = (struct gen_answer){
		.text = BUF_INIT(100), .reasoning = BUF_INIT(100), .calls = calls, .n_calls = N_ELEMENTS(calls)};
	buf_add_str(&c.answer.text, "a\"b");
	buf_add_str(&c.answer.reasoning, "r");
	buf_add_str(&calls[0].arguments, "{\"k\":[1]}");
	buf_add_str(&calls[1].arguments, "not json");
	assert_int_equal(collect_end(&c.answer, false, true, &q.err), E_PROVIDER_BROKEN);
	assert_non_null(strstr(q.err.msg, "no JSON object: not json"));
	assert_int_equal(collect_end(&c.answer, true, true, &q.err), 0);
	assert_int_equal(anthropic_format.whole(&c, &out), 0);
	assert_int_equal(json_parse(out.p, out.n, &v, NULL), 0);
	assert_non_null(strstr(out.p,
		"{\"type\":\"thinking\",\"thinking\":\"r\",\"signature\":\"\"},{\"type\":\"text\",\"text\":"
		"\"a\\\"b\"},{\"type\":\"tool_use\",\"id\":\"1\",\"name\":\"n\",\"input\":{\"k\":[1]}}"));
	assert_null(strstr(out.p, "not json"));
	buf_reset(&out);
	a.hide_thinking = true;
	assert_int_equal(anthropic_format.whole(&c, &out), 0);
	assert_null(strstr(out.p, "\"thinking\""));
	buf_done(&c.answer.text);
	buf_done(&c.answer.reasoning);
	buf_done(&calls[0].arguments);
	buf_done(&calls[1].arguments);
}

static void test_errors(void **state)
{
	static const struct {
		int code;
		const char *type;
	} cases[] = {{E_INVALID, "invalid_request_error"}, {E_UNAUTHORIZED, "authentication_error"},
		{E_BUDGET, "billing_error"}, {E_FORBIDDEN, "permission_error"}, {E_MODEL_UNKNOWN, "not_found_error"},
		{E_TOO_LARGE, "request_too_large"}, {E_LIMIT, "rate_limit_error"}, {E_BUSY, "overloaded_error"},
		{E_PROVIDER_TIMEOUT, "timeout_error"}, {E_PROVIDER, "api_error"}, {E_INTERNAL, "api_error"}};
	char want[100];

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct err e = {0};

		buf_reset(&out);
		err_set(&e, cases[i].code, "Because \"so\".");
		anthropic_error(&e, "r1", &out);
		snprintf(want, sizeof(want),
			"{\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":", cases[i].type);
		assert_memory_equal(out.p, want, strlen(want));
		assert_non_null(strstr(out.p, "\"request_id\":\"r1\"}"));
	}
}

static void test_model(void **state)
{
	static const char *const capabilities[] = {"completion", "vision", NULL};
	CLEANUP(json_decrefp) json_t *v = NULL;
	const struct model m = {.id = "a/b:c",
		.name = "B",
		.kind = "ollama",
		.api = API_MANAGES,
		.capabilities = capabilities,
		.context_length = 4096};
	const json_t *can;

	(void)state;
	anthropic_add_model(&m, &out);
	assert_int_equal(json_parse(out.p, out.n, &v, NULL), 0);
	assert_string_equal(json_get_str(v, "type"), "model");
	assert_string_equal(json_get_str(v, "id"), "a/b:c");
	assert_string_equal(json_get_str(v, "display_name"), "B");
	assert_int_equal(json_get_i64(v, "max_input_tokens", 0), 4096);
	assert_true(json_is_null(json_object_get(v, "max_tokens")));
	can = json_object_get(v, "capabilities");
	assert_true(json_is_true(json_object_get(json_object_get(can, "image_input"), "supported")));
	can = json_object_get(json_object_get(can, "thinking"), "types");
	assert_true(json_is_false(json_object_get(json_object_get(can, "enabled"), "supported")));
	assert_true(json_is_true(json_object_get(json_object_get(can, "disabled"), "supported")));
}

/* ---- collecting ---- */

static const char theirs[] =
	"event: message_start\r\ndata: "
	"{\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"content\":[],\"stop_reason\":null,"
	"\"usage\":{\"input_tokens\":4,\"output_tokens\":1}}}\r\n\r\n"
	"event: ping\ndata: {\"type\":\"ping\"}\n\n"
	"event: content_block_start\ndata: "
	"{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"thinking\","
	"\"thinking\":\"\",\"signature\":\"\"}}\n\n"
	"data: "
	"{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"Hm\"}}\n\n"
	"data: "
	"{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"signature_delta\",\"signature\":\"sig\"}}"
	"\n\n"
	"data: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"
	"data: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hel\"}}\n\n"
	"data: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"text_delta\",\"text\":\"lo\"}}\n\n"
	"data: "
	"{\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"citations_delta\",\"citation\":{\"n\":1}}}"
	"\n\n"
	"data: "
	"{\"type\":\"content_block_start\",\"index\":2,\"content_block\":{\"type\":\"tool_use\",\"id\":\"t\",\"input\":"
	"{}}}\n\n"
	"data: "
	"{\"type\":\"content_block_delta\",\"index\":2,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{"
	"\\\"a\\\"\"}}"
	"\n\ndata: "
	"{\"type\":\"content_block_delta\",\"index\":2,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\":1}"
	"\"}}\n\n"
	"data: {\"type\":\"new_event\",\"index\":9}\n\n"
	"data: "
	"{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\",\"stop_sequence\":null},\"usage\":{"
	"\"input_tokens\":"
	"null,\"output_tokens\":7}}\n\n"
	"data: {\"type\":\"message_stop\"}";

static void test_collect(void **state)
{
	(void)state;
	assert_int_equal(anthropic_collect(STR(theirs), &out), 0);
	assert_string_equal(out.p, "{\"id\":\"m\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"Hm\","
				   "\"signature\":\"sig\"},{\"type\":\"text\",\"text\":"
				   "\"Hello\",\"citations\":[{\"n\":1}]},{\"type\":\"tool_use\",\"id\":\"t\",\"input\":"
				   "{\"a\":1}}],\"stop_reason\":\"tool_use\","
				   "\"usage\":{\"input_tokens\":4,\"output_tokens\":7},\"stop_sequence\":null}");
}

static void test_collect_bad(void **state)
{
	static const char *const bad[] = {"", "event: ping\n\n", "data: {\"type\":\"message_st",
		"data: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{}}\n",
		"data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":1}\n",
		"data: {\"type\":\"content_block_delta\",\"index\":-1,\"delta\":{}}\n", "data: []\n\n"};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(bad); i++)
		assert_int_equal(anthropic_collect(str_from(bad[i]), &out), E_PROVIDER_BROKEN);
	/* Cut anywhere, it is a message or none, and nothing worse. */
	for (size_t i = 0; i < sizeof(theirs); i++) {
		buf_reset(&out);
		(void)!anthropic_collect((struct str){theirs, i}, &out);
	}
}

static void test_whole_of_theirs(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(theirs) - 1; i++)
		assert_int_equal(anthropic_take_raw(&c, theirs + i, 1), 0);
	assert_int_equal(anthropic_format.whole(&c, &out), 0);
	assert_non_null(strstr(out.p, "\"Hello\""));
}

/* llama.cpp leaves message_start out when its first token is no whole character, and all blocks when there is no text. */
static void test_whole_without_start(void **state)
{
	static const char block[] =
		"data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\","
		"\"text\":\"Hi\"}}\n\n";
	static const char rest[] =
		"data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"max_tokens\"},\"usage\":{"
		"\"output_tokens\":6}}\n\n";

	(void)state;
	assert_int_equal(anthropic_take_raw(&c, block, sizeof(block) - 1), 0);
	assert_int_equal(anthropic_take_raw(&c, rest, sizeof(rest) - 1), 0);
	assert_int_equal(anthropic_format.whole(&c, &out), 0);
	assert_non_null(strstr(out.p, "\"id\":\"msg_"));
	assert_non_null(strstr(out.p, "\"text\":\"Hi\""));
	assert_non_null(strstr(out.p, "\"stop_reason\":\"max_tokens\""));
	assert_non_null(strstr(out.p, "\"output_tokens\":6"));
}

/* ---- the order of blocks that are passed on ---- */

/* "b0 text" is an event, and so is what comes back: b, p, e (begin, piece, end), the index and what it says. */
static void add_event(const char *word, struct buf *to)
{
	bool is_of_block = word[1] >= '0' && word[1] <= '9';
	const char *says = is_of_block && word[2] ? word + 3 : "";
	int at = word[1] - '0';

	if (!is_of_block)
		buf_printf(to, "event: %s\ndata: {\"type\": \"%s\"}\n\n", word, word);
	else if (*word == 'b')
		buf_printf(to,
			"event: content_block_start\ndata: {\"type\": \"content_block_start\", \"index\": %d, "
			"\"content_block\": {\"type\": \"%s\"}}\n\n",
			at, says);
	else if (*word == 'e')
		buf_printf(to, "event: content_block_stop\ndata: {\"type\": \"content_block_stop\", \"index\": %d}\n\n",
			at);
	else
		buf_printf(to,
			"event: content_block_delta\ndata: {\"type\": \"content_block_delta\", \"index\": %d, "
			"\"delta\": {\"type\": \"%s\"}}\n\n",
			at, says);
}

static void add_events(const char *words, struct buf *to)
{
	char copy[500], *at = NULL;

	snprintf(copy, sizeof(copy), "%s", words);
	for (char *w = strtok_r(copy, ",", &at); w; w = strtok_r(NULL, ",", &at))
		add_event(w, to);
}

static void take_order(const char *words, int expected, struct buf *ret)
{
	CLEANUP(buf_done) struct buf in = BUF_INIT(REQUEST_MEMORY);
	struct anthropic_order order = {.waiting = BUF_INIT(REQUEST_MEMORY)};

	add_events(words, &in);
	buf_reset(ret);
	assert_int_equal(anthropic_order_take(&order, buf_str(&in), ret), expected);
	buf_done(&order.waiting);
}

static void test_order_is_kept(void **state)
{
	static const char usual[] =
		"message_start,b0 thinking,p0 thinking_delta,p0 signature_delta,e0,ping,b1 text,p1 text_delta,e1,"
		"b2 tool_use,p2 input_json_delta,e2,message_delta,message_stop";
	static const char *const fine[] = {
		usual, "b0 text,p0 text_delta,error", "b0 text,p0 text_delta,message_delta,message_stop"};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(fine); i++) {
		CLEANUP(buf_done) struct buf in = BUF_INIT(REQUEST_MEMORY);

		add_events(fine[i], &in);
		take_order(fine[i], 0, &out);
		assert_string_equal(out.p, in.p);
	}
}

/* What came as on the left is told in the order on the right. */
static void test_order_is_mended(void **state)
{
	static const char *const cases[][2] = {
		/* Two at a time: one after the other. */
		{"b0 text,b1 tool_use,p1 input_json_delta,p0 text_delta,e1,e0,message_delta",
			"b0 text,p0 text_delta,e0,b1 tool_use,p1 input_json_delta,e1,message_delta"},
		{"b0 a,b1 b,b2 c,p2 x,p1 y,p0 z,e0,e2,e1,message_stop",
			"b0 a,p0 z,e0,b1 b,p1 y,e1,b2 c,p2 x,e2,message_stop"},
		/* One index for all. */
		{"b0 a,p0 x,e0,b0 b,p0 y,e0,b0 c,e0", "b0 a,p0 x,e0,b1 b,p1 y,e1,b2 c,e2"},
		/* Ends of nothing, and signatures of what was told. */
		{"b0 a,e0,e0,p0 signature_delta,e7,b1 b,e1", "b0 a,e0,b1 b,e1"},
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		CLEANUP(buf_done) struct buf in = BUF_INIT(REQUEST_MEMORY);

		add_events(cases[i][1], &in);
		take_order(cases[i][0], 0, &out);
		assert_string_equal(out.p, in.p);
	}
}

static void test_late_pieces(void **state)
{
	static const char begins[] =
		"{\"type\":\"content_block_start\",\"index\":2,\"content_block\":{\"type\":\"text\"",
			  ends[] = "{\"type\":\"content_block_stop\",\"index\":2}";
	const char *at;

	(void)state;
	take_order(
		"b0 text,p0 text_delta,e0,b1 tool_use,p0 text_delta,p1 input_json_delta,p0 text_delta,e1,message_delta",
		0, &out);
	assert_non_null(at = strstr(out.p, "content_block_stop\", \"index\": 1}"));
	assert_non_null(at = strstr(at, begins));
	assert_non_null(at = strstr(at, "\"index\": 2, \"delta\""));
	assert_non_null(at = strstr(at + 1, "\"index\": 2, \"delta\""));
	assert_non_null(at = strstr(at, ends));
	assert_non_null(strstr(at, "message_delta"));
	/* What comes next ends it. */
	take_order("b0 a,e0,b1 b,e1,p0 text_delta,b2 c,p2 x,e2", 0, &out);
	assert_non_null(at = strstr(out.p, ends));
	assert_non_null(strstr(at, "\"index\": 3, \"content_block\": {\"type\": \"c\"}"));
	assert_non_null(strstr(at, "\"index\": 3, \"delta\""));
	/* One that never ends does not hold the others back for good. */
	take_order("b0 a,b1 b,p1 x,e1,message_delta", 0, &out);
	assert_non_null(at = strstr(out.p, "{\"type\":\"content_block_stop\",\"index\":0}"));
	assert_non_null(at = strstr(at, "\"index\": 1, \"delta\""));
	assert_non_null(strstr(at, "message_delta"));
	/* A call that was told whole was told wrongly. */
	take_order("b0 tool_use,p0 input_json_delta,e0,p0 input_json_delta", E_PROVIDER_BROKEN, &out);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {T(test_plain), T(test_summaries), T(test_neighbours), T(test_results),
		T(test_pictures_have_places), T(test_tools), T(test_thinking), T(test_bad), T(test_raw_body),
		T(test_stream), T(test_stop_reasons), T(test_whole), T(test_errors), T(test_model), T(test_collect),
		T(test_collect_bad), T(test_whole_of_theirs), T(test_whole_without_start), T(test_order_is_kept),
		T(test_order_is_mended), T(test_late_pieces)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
