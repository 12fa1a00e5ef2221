/* Ollama's own protocol: what is asked of it, and the calls of tools and plain completions in its answers. */
#include "streams.h"

#include "provider/request.h"

static const struct gen_message hi = {.role = "user", .content = "Hi"};

static void requests(void **state)
{
	static const struct gen_image image = {.media_type = "image/png", .data = "AAAA"};
	static const struct gen_tool_call calls[] = {
		{.id = "c1", .name = "f", .arguments = "{\"x\":1}"}, {.name = "g"}};
	const struct gen_message messages[] = {{.role = "user", .content = "Look", .images = &image, .n_images = 1},
		{.role = "assistant", .content = "", .reasoning = "Hm", .calls = calls, .n_calls = 2},
		{.role = "tool", .content = "one", .tool_call_id = "c1", .tool_name = "f"}};
	const struct gen_tool tools[] = {{.name = "f", .strict = true}, {.name = "g"}};
	static const char *const stop[] = {"END", NULL};
	struct fake_target f;
	struct gen_request q = {.messages = messages,
		.n_messages = 3,
		.tools = tools,
		.n_tools = 2,
		.format = FORMAT_SCHEMA,
		.schema = "{\"type\":\"object\"}",
		.thinking = THINKING_HIGH,
		.keep_alive = "\"5m\"",
		.max_tokens = 5,
		.context_tokens = 4096,
		.stop = stop,
		.sampling = {.set = SAMPLE_TEMPERATURE | SAMPLE_SEED, .temperature = 0.5, .seed = "3"}};
	(void)state;
	fake_target_init(&f, &ollama_dialect, "http://x");
	request_is(&f, &q, "http://x/api/chat",
		"{'model':'m','messages':[{'role':'user','content':'Look','images':['AAAA']},"
		"{'role':'assistant','content':'','thinking':'Hm','tool_calls':["
		"{'id':'c1','function':{'name':'f','arguments':{'x':1}}},{'function':{'name':'g','arguments':{}}}]},"
		"{'role':'tool','content':'one','tool_name':'f','tool_call_id':'c1'}],'stream':true,'truncate':false,"
		"'tools':[{'type':'function','function':{'name':'f','parameters':{'type':'object','properties':{}}}},"
		"{'type':'function','function':{'name':'g','parameters':{'type':'object','properties':{}}}}],"
		"'format':{'type':'object'},'think':'high','keep_alive':'5m',"
		"'options':{'num_predict':5,'num_ctx':4096,'temperature':0.5,'seed':3,'stop':['END']}}");
	/* There is no choice of tools: the others are left out. */
	q = (struct gen_request){.messages = &hi,
		.n_messages = 1,
		.tools = tools,
		.n_tools = 2,
		.tool_choice = TOOLS_NAMED,
		.tool_name = "g"};
	request_is(&f, &q, "http://x/api/chat",
		"{'model':'m','messages':[{'role':'user','content':'Hi'}],'stream':true,'truncate':false,"
		"'tools':[{'type':'function','function':{'name':'g','parameters':{'type':'object','properties':{}}}}]"
		"}");
	q.tool_choice = TOOLS_NONE;
	q.thinking = THINKING_OFF;
	q.format = FORMAT_JSON;
	request_is(&f, &q, "http://x/api/chat",
		"{'model':'m','messages':[{'role':'user','content':'Hi'}],'stream':true,'truncate':false,'format':'"
		"json','think':"
		"false}");
	q = (struct gen_request){.prompt = "a", .suffix = "b"};
	request_is(&f, &q, "http://x/api/generate",
		"{'model':'m','prompt':'a','suffix':'b','stream':true,'truncate':false}");
}

/* There a message's pictures stand before its text: as its own layer for OpenAI does, one message becomes several. */
static void pictures_between_texts(void **state)
{
	static const struct gen_image images[] = {
		{.data = "AA"}, {.at = 3, .gap = 1, .data = "BB"}, {.at = 7, .data = "CC"}};
	struct gen_message message = {.role = "user", .content = "one\ntwo", .images = images, .n_images = 3};
	struct fake_target f;
	struct gen_request q = {.messages = &message, .n_messages = 1};
	(void)state;
	fake_target_init(&f, &ollama_dialect, "http://x");
	request_is(&f, &q, "http://x/api/chat",
		"{'model':'m','messages':[{'role':'user','content':'one','images':['AA']},"
		"{'role':'user','content':'two','images':['BB']},{'role':'user','content':'','images':['CC']}],"
		"'stream':true,'truncate':false}");
	/* One text needs one message, wherever its pictures stand. */
	message.content = "one";
	message.n_images = 2;
	request_is(&f, &q, "http://x/api/chat",
		"{'model':'m','messages':[{'role':'user','content':'one','images':['AA','BB']}],"
		"'stream':true,'truncate':false}");
}

static void images_at_addresses(void **state)
{
	static const struct gen_image image = {.url = "https://e.org/a.png"};
	const struct gen_message message = {.role = "user", .content = "Look", .images = &image, .n_images = 1};
	struct gen_request q = {.messages = &message, .n_messages = 1};
	struct gen_call r = GEN_CALL_INIT;
	struct fake_target f;
	struct err e = {0};
	(void)state;
	fake_target_init(&f, &ollama_dialect, "http://x");
	assert_int_equal(ollama_dialect.request(&f.target, &q, &r, &e), E_MODEL_CANNOT);
	assert_string_equal(e.msg, "Fake does not fetch images from addresses: send the image itself.");
	gen_call_done(&r);
}

#define CALL(call) "{\"message\":{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[" call "]},\"done\":false}\n"
#define DONE       "{\"message\":{\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\",\"eval_count\":4}\n"

static void tool_calls(void **state)
{
	(void)state;
	/* In the middle, one a line; without ids; the same tool twice. */
	struct outcome o = stream_everywhere(&ollama_dialect,
		CALL("{\"id\":\"call_abc\",\"function\":{\"index\":0,\"name\":\"f\",\"arguments\":{\"x\":[1,{}]}}}")
			CALL("{\"function\":{\"name\":\"f\",\"arguments\":{}}},{\"function\":{\"name\":\"f\"}}") DONE);
	assert_int_equal(o.r, 0);
	assert_string_equal(o.tools, "0 call_abc f {\"x\":[1,{}]}\n1 MADE f {}\n2 MADE f {}\n");
	assert_string_equal(o.reason, "tool_calls");
	/* All in the last line, with text. */
	o = stream_everywhere(&ollama_dialect,
		"{\"message\":{\"content\":\"Let me see.\",\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":"
		"\"{\\\"y\\\":2}\"}}]},\"done\":true,\"done_reason\":\"stop\",\"prompt_eval_count\":7}");
	assert_int_equal(o.r, 0);
	assert_string_equal(o.text, "Let me see.");
	assert_string_equal(o.tools, "0 MADE f {\"y\":2}\n");
	assert_int_equal(o.in, 7);
	assert_int_equal(o.out, -1);
	/* Arguments that are no object stay what they are: nothing is made up. */
	o = stream_everywhere(&ollama_dialect, CALL("{\"function\":{\"name\":\"f\",\"arguments\":[1]}}")
						       CALL("{\"function\":{\"name\":\"f\",\"arguments\":null}}") DONE);
	assert_string_equal(o.tools, "0 MADE f [1]\n1 MADE f {}\n");
}

static void completions(void **state)
{
	(void)state;
	struct outcome o = stream_everywhere(&ollama_dialect,
		"{\"model\":\"m\",\"created_at\":\"x\",\"response\":\" in\",\"done\":false}\n"
		"{\"model\":\"m\",\"thinking\":\"Hm\",\"response\":\"\",\"done\":false}\n"
		"{\"model\":\"m\",\"created_at\":\"x\",\"response\":\"t\",\"done\":false}\n"
		"{\"response\":\"\",\"done\":true,\"done_reason\":\"length\",\"eval_count\":2}\n");
	assert_int_equal(o.r, 0);
	assert_string_equal(o.text, " int");
	assert_string_equal(o.reasoning, "Hm");
	assert_string_equal(o.reason, "length");
	/* A load: one line that is whole at once. */
	o = stream_everywhere(
		&ollama_dialect, "{\"model\":\"m\",\"response\":\"\",\"done\":true,\"done_reason\":\"load\"}\n");
	assert_int_equal(o.r, 0);
	assert_string_equal(o.reason, "load");
	o = stream_everywhere(&ollama_dialect, "{\"error\":{\"message\":\"Boom\"}}\n");
	assert_int_equal(o.r, E_PROVIDER);
	assert_string_equal(o.error, "Fake reported: Boom");
}

/* A line of more than 8 MiB is no answer. */
static void a_line_without_an_end(void **state)
{
	static const struct dialect *const all[] = {&ollama_dialect, &openai_dialect, &anthropic_dialect};
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(all); i++) {
		struct memory_sink m;
		struct err e = {0};
		struct answer s;
		char piece[65536];
		int r = 0;
		sink_init(&m, true);
		answer_init(&s, all[i], "Fake", &m.sink, &e);
		memset(piece, 'x', sizeof(piece));
		memcpy(piece, "data: ", 6);
		for (size_t n = 0; n < (10u << 20) && r >= 0; n += sizeof(piece))
			r = answer_feed(&s, piece, sizeof(piece));
		assert_int_equal(r, E_PROVIDER_BROKEN);
		assert_string_equal(e.msg, "Fake sent a line of more than 8 MiB.");
		answer_done(&s);
		sink_done(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests),
		cmocka_unit_test(pictures_between_texts),
		cmocka_unit_test(images_at_addresses),
		cmocka_unit_test(tool_calls),
		cmocka_unit_test(completions),
		cmocka_unit_test(a_line_without_an_end),
	};
	return cmocka_run_group_tests_name("provider/ollama", tests, NULL, NULL);
}
