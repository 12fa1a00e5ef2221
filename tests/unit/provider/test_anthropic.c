/* The Messages API: what is asked of it, and its events. */
#include "streams.h"

#include <stdio.h>

#include "provider/request.h"

#define LIMIT "'max_tokens':8192,'stream':true"

static const struct gen_message hi = {.role = "user", .content = "Hi"};

static void plain(void **state)
{
	const struct gen_message messages[] = {{.role = "system", .content = "Be brief."}, hi,
		{.role = "assistant", .content = "Hel", .reasoning = "not given back"},
		{.role = "system", .content = "Now in French."}};
	struct fake_target f;
	char value[256];
	struct gen_request q = {.messages = messages, .n_messages = 4, .continues = true};
	(void)state;
	fake_target_init(&f, &anthropic_dialect, "http://x");
	request_is(&f, &q, "http://x/v1/messages",
		"{'model':'m','system':'Be brief.\\n\\nNow in French.','messages':["
		"{'role':'user','content':[{'type':'text','text':'Hi'}]},"
		"{'role':'assistant','content':[{'type':'text','text':'Hel'}]},"
		"{'role':'user','content':[{'type':'text','text':'Go on exactly where your last message ends. Do not "
		"repeat any of it, and do not comment on it.'}]}]," LIMIT "}");
	assert_string_equal(request_header_of(&f, &q, "x-api-key", value), "k");
	assert_string_equal(request_header_of(&f, &q, "anthropic-version", value), "2026-10-21");
	assert_null(request_header_of(&f, &q, "Authorization", value));
	/* Addresses with /v1, the model's own limit, and a plain completion as a message. */
	fake_target_init(&f, &anthropic_dialect, "http://x/v1");
	f.target.model.max_output = 100;
	q = (struct gen_request){.prompt = "Once", .max_tokens = 500};
	request_is(&f, &q, "http://x/v1/messages",
		"{'model':'m','messages':[{'role':'user','content':[{'type':'text','text':'Once'}]}],"
		"'max_tokens':100,'stream':true}");
	struct gen_call r = GEN_CALL_INIT;
	struct err e = {0};
	q.suffix = "end";
	assert_int_equal(anthropic_dialect.request(&f.target, &q, &r, &e), E_MODEL_CANNOT);
	assert_string_equal(e.msg, "Fake cannot fill a gap in a text; its models only answer.");
	gen_call_done(&r);
}

/* A call without a result gets one, a result without a call is a text, and so are calls whose arguments are no object. */
static void calls_and_results_in_pairs(void **state)
{
	static const struct gen_tool_call two[] = {{.id = "a", .name = "f", .arguments = "{}"},
		{.id = "b", .name = "f", .arguments = "{}"}},
					  wrong[] = {{.id = "c", .name = "g", .arguments = "oops"}};
	const struct gen_message messages[] = {{.role = "user", .content = "Hi"},
		{.role = "assistant", .content = "", .calls = two, .n_calls = 2},
		{.role = "tool", .content = "one", .tool_call_id = "b"},
		{.role = "tool", .content = "two", .tool_call_id = "b"}, {.role = "user", .content = "So?"},
		{.role = "assistant", .content = "Now", .calls = wrong, .n_calls = 1},
		{.role = "tool", .content = "bad", .tool_call_id = "c", .tool_failed = true}};
	struct fake_target f;
	const struct gen_request q = {.messages = messages, .n_messages = 7};
	(void)state;
	fake_target_init(&f, &anthropic_dialect, "http://x");
	assert_true(provider_has_broken_calls(&q));
	request_is(&f, &q, "http://x/v1/messages",
		"{'model':'m','messages':[{'role':'user','content':[{'type':'text','text':'Hi'}]},"
		"{'role':'assistant','content':[{'type':'tool_use','id':'a','name':'f','input':{}},"
		"{'type':'tool_use','id':'b','name':'f','input':{}}]},"
		"{'role':'user','content':[{'type':'tool_result','tool_use_id':'b','content':'one'},"
		"{'type':'tool_result','tool_use_id':'a','content':'(The call has no result.)','is_error':true},"
		"{'type':'text','text':'(Result of the tool: two)'},{'type':'text','text':'So?'}]},"
		"{'role':'assistant','content':[{'type':'text','text':'Now\\n\\n(Call of the tool g with the "
		"arguments: "
		"oops)'}]},"
		"{'role':'user','content':[{'type':'text','text':'(Failure of the tool g: bad)'}]}],"
		"'tools':[{'name':'f','input_schema':{'type':'object','properties':{}}}],"
		"'tool_choice':{'type':'none'}," LIMIT "}");
}

/* A question of blanks alone stays a question: the answer before it is not gone on with. */
static void blank_question(void **state)
{
	const struct gen_message messages[] = {
		hi, {.role = "assistant", .content = "Hello"}, {.role = "user", .content = " \n"}};
	struct fake_target f;
	struct gen_request q = {.messages = messages, .n_messages = 3};
	(void)state;
	fake_target_init(&f, &anthropic_dialect, "http://x");
	request_is(&f, &q, "http://x/v1/messages",
		"{'model':'m','messages':[{'role':'user','content':[{'type':'text','text':'Hi'}]},"
		"{'role':'assistant','content':[{'type':'text','text':'Hello'}]},"
		"{'role':'user','content':'(The message is empty.)'}]," LIMIT "}");
}

/* One message of the user's begins with all that the tools said, whatever stands between and behind. */
static void tool_results(void **state)
{
	static const struct gen_image image = {.at = 3, .media_type = "image/jpeg", .data = "AAAA"},
				      far = {.url = "https://e.org/a"};
	static const struct gen_tool_call calls[] = {{.id = "call:1", .name = "f", .arguments = "{\"x\":1}"},
		{.id = "b-2", .name = "g", .arguments = "{\"a\":1,\"a\":2}"}};
	const struct gen_message messages[] = {{.role = "assistant", .content = "Earlier"},
		{.role = "user", .content = "Look", .images = &far, .n_images = 1},
		{.role = "assistant", .content = "", .calls = calls, .n_calls = 2},
		{.role = "tool", .content = "one", .tool_call_id = "call:1"}, {.role = "user", .content = "quick"},
		{.role = "tool",
			.content = "bad",
			.tool_call_id = "b-2",
			.tool_failed = true,
			.images = &image,
			.n_images = 1}};
	const struct gen_tool tools[] = {
		{.name = "f", .description = "F", .parameters = "{\"type\":\"object\"}", .strict = true},
		{.name = "g"}};
	struct fake_target f;
	struct gen_request q = {.messages = messages,
		.n_messages = 6,
		.tools = tools,
		.n_tools = 2,
		.tool_choice = TOOLS_REQUIRED,
		.one_tool_at_a_time = true};
	(void)state;
	fake_target_init(&f, &anthropic_dialect, "http://x");
	request_is(&f, &q, "http://x/v1/messages",
		"{'model':'m','messages':["
		"{'role':'user','content':'(The conversation goes on.)'},"
		"{'role':'assistant','content':[{'type':'text','text':'Earlier'}]},"
		"{'role':'user','content':[{'type':'image','source':{'type':'url','url':'https://e.org/a'}},"
		"{'type':'text','text':'Look'}]},"
		"{'role':'assistant','content':[{'type':'tool_use','id':'call_1','name':'f','input':{'x':1}},"
		"{'type':'tool_use','id':'b-2','name':'g','input':{'a':2}}]},"
		"{'role':'user','content':[{'type':'tool_result','tool_use_id':'call_1','content':'one'},"
		"{'type':'tool_result','tool_use_id':'b-2','is_error':true,'content':[{'type':'text','text':'bad'},"
		"{'type':'image','source':{'type':'base64','media_type':'image/jpeg','data':'AAAA'}}]},"
		"{'type':'text','text':'quick'}]}],"
		"'tools':[{'name':'f','description':'F','input_schema':{'type':'object'},'strict':true},"
		"{'name':'g','input_schema':{'type':'object','properties':{}}}],"
		"'tool_choice':{'type':'any','disable_parallel_tool_use':true}," LIMIT "}");
	q = (struct gen_request){.messages = &hi,
		.n_messages = 1,
		.tools = tools + 1,
		.n_tools = 1,
		.tool_choice = TOOLS_NAMED,
		.tool_name = "g"};
	request_is(&f, &q, "http://x/v1/messages",
		"{'model':'m','messages':[{'role':'user','content':[{'type':'text','text':'Hi'}]}],"
		"'tools':[{'name':'g','input_schema':{'type':'object','properties':{}}}],"
		"'tool_choice':{'type':'tool','name':'g'}," LIMIT "}");
	/* Keywords that say nothing are not sent; values and names stay. */
	const struct gen_tool nulls = {.name = "g",
		.parameters = "{\"type\":\"object\",\"required\":null,\"properties\":{\"enum\":{\"type\":\"string\","
			      "\"enum\":null,\"default\":null},\"o\":{\"type\":\"object\",\"properties\":null,"
			      "\"anyOf\":[{\"items\":null,\"const\":null}],\"default\":{\"x\":null}},\"n\":null,"
			      "\"e\":{\"enum\":[\"a\",null]}}}"};
	q = (struct gen_request){.messages = &hi, .n_messages = 1, .tools = &nulls, .n_tools = 1};
	request_is(&f, &q, "http://x/v1/messages",
		"{'model':'m','messages':[{'role':'user','content':[{'type':'text','text':'Hi'}]}],"
		"'tools':[{'name':'g','input_schema':{'type':'object','properties':{"
		"'enum':{'type':'string','default':null},'o':{'type':'object','anyOf':[{'const':null}],"
		"'default':{'x':null}},'n':{},'e':{'enum':['a',null]}}}}]," LIMIT "}");
}

static void pictures_between_texts(void **state)
{
	static const struct gen_image images[] = {
		{.at = 3, .gap = 2, .url = "https://e.org/b"}, {.at = 8, .data = "CC"}};
	static const struct gen_tool_call call = {.id = "c", .name = "f", .arguments = "{}"};
	const struct gen_message messages[] = {
		{.role = "user", .content = "one\n\ntwo", .images = images, .n_images = 2},
		{.role = "assistant", .calls = &call, .n_calls = 1},
		{.role = "tool", .tool_call_id = "c", .content = "one\n\ntwo", .images = images, .n_images = 2}};
	struct fake_target f;
	static const struct gen_tool tool = {.name = "f"};
	struct gen_request q = {.messages = messages, .n_messages = 3, .tools = &tool, .n_tools = 1};
	(void)state;
	fake_target_init(&f, &anthropic_dialect, "http://x");
#define IN_ORDER                                                                                                       \
	"[{'type':'text','text':'one'},{'type':'image','source':{'type':'url','url':'https://e.org/b'}},"              \
	"{'type':'text','text':'two'},"                                                                                \
	"{'type':'image','source':{'type':'base64','media_type':'image/png','data':'CC'}}]"
	request_is(&f, &q, "http://x/v1/messages",
		"{'model':'m','messages':[{'role':'user','content':" IN_ORDER "},"
		"{'role':'assistant','content':[{'type':'tool_use','id':'c','name':'f','input':{}}]},"
		"{'role':'user','content':[{'type':'tool_result','tool_use_id':'c','content':" IN_ORDER "}]}],"
		"'tools':[{'name':'f','input_schema':{'type':'object','properties':{}}}]," LIMIT "}");
}

static void fields_of_the_versions(void **state)
{
	static const char *const stop[] = {"END", " \n", NULL};
	struct fake_target f;
	struct gen_request q = {.messages = &hi,
		.n_messages = 1,
		.stop = stop,
		.format = FORMAT_SCHEMA,
		.schema = "{\"type\":\"object\"}",
		.thinking = THINKING_LOW,
		.sampling = {.set = 0xff, .temperature = 1.5, .top_p = 0.5, .top_k = 3}};
	(void)state;
	fake_target_init(&f, &anthropic_dialect, "http://x");
	request_is(&f, &q, "http://x/v1/messages",
		"{'model':'m','messages':[{'role':'user','content':[{'type':'text','text':'Hi'}]}],"
		"'thinking':{'type':'adaptive','display':'summarized'},"
		"'output_config':{'effort':'low','format':{'type':'json_schema','schema':{'type':'object'}}},"
		"'stop_sequences':['END']," LIMIT "}");
	f.provider.version = (char[]){"2023-06-01"};
	q.format = FORMAT_JSON;
	q.thinking = THINKING_OFF;
	request_is(&f, &q, "http://x/v1/messages",
		"{'model':'m','system':'Answer with one JSON object and nothing else: no words around it, no code "
		"fence.',"
		"'messages':[{'role':'user','content':[{'type':'text','text':'Hi'}]}],'thinking':{'type':'disabled'},"
		"'temperature':1.0,'top_p':0.5,'top_k':3,'stop_sequences':['END']," LIMIT "}");
}

static unsigned learn(struct fake_target *f, const struct gen_request *q, const char *error)
{
	struct gen_call r = {.quirks = quirks_of(&f->provider, "m")};
	unsigned ret = anthropic_dialect.learn(&f->target, q, &r, str_from(error));
	quirks_learn(&f->provider, "m", ret);
	return ret;
}

static void refusals(void **state)
{
	struct fake_target f;
	char value[256];
	struct gen_request q = {.messages = &hi, .n_messages = 1, .thinking = THINKING_MEDIUM};
	(void)state;
	fake_target_init(&f, &anthropic_dialect, "http://x");
	assert_int_equal(learn(&f, &q, "messages: roles must alternate"), 0);
	assert_int_equal(learn(&f, &q, "anthropic-version: unknown version 2026-10-21"), QUIRK_OLD_VERSION);
	assert_string_equal(request_header_of(&f, &q, "anthropic-version", value), "2023-06-01");
	assert_int_equal(learn(&f, &q, "output_config.effort: not supported by this model"), QUIRK_NO_EFFORT);
	assert_int_equal(learn(&f, &q, "thinking.type: adaptive is not supported"), QUIRK_BUDGET);
	request_is(&f, &q, "http://x/v1/messages",
		"{'model':'m','messages':[{'role':'user','content':[{'type':'text','text':'Hi'}]}],"
		"'thinking':{'type':'enabled','budget_tokens':4096}," LIMIT "}");
	assert_int_equal(learn(&f, &q, "thinking: not supported"), QUIRK_NO_THINKING);
	request_is(&f, &q, "http://x/v1/messages",
		"{'model':'m','messages':[{'role':'user','content':[{'type':'text','text':'Hi'}]}]," LIMIT "}");
}

/* Nothing of a request of its own kind is lost but the model, and nothing is written anew. */
static void raw(void **state)
{
	static const char *const headers[] = {"anthropic-beta: a,b", "anthropic-version: 2023-06-01", NULL};
	struct gen_raw raw = {.api = API_ANTHROPIC,
		.headers = headers,
		.body = " { \"max_tokens\" : 1.50 , \"model\":\"x\", \"new\":{\"model\":\"stays\",\"s\":\"}\\\"\"},"
			"\"stream\" : false,\"list\":[1,[2]] ,\"n\":null}"};
	struct gen_request q = {.raw = &raw, .messages = &hi, .n_messages = 1};
	struct fake_target f;
	struct gen_call r = GEN_CALL_INIT;
	char value[256];
	struct err e = {0};
	(void)state;
	fake_target_init(&f, &anthropic_dialect, "http://x");
	assert_int_equal(anthropic_dialect.request(&f.target, &q, &r, &e), 0);
	assert_string_equal(r.body.p, "{\"model\":\"m\",\"stream\":true,\"max_tokens\" : 1.50,"
				      "\"new\":{\"model\":\"stays\",\"s\":\"}\\\"\"},\"list\":[1,[2]],\"n\":null}");
	gen_call_done(&r);
	assert_string_equal(request_header_of(&f, &q, "anthropic-beta", value), "a,b");
	assert_string_equal(request_header_of(&f, &q, "anthropic-version", value), "2023-06-01");
	/* Of another kind: what is said beside it. */
	raw.api = API_OPENAI;
	request_is(&f, &q, "http://x/v1/messages",
		"{'model':'m','messages':[{'role':'user','content':[{'type':'text','text':'Hi'}]}]," LIMIT "}");
	raw.body = "{}";
	raw.api = API_ANTHROPIC;
	request_is(&f, &q, "http://x/v1/messages", "{'model':'m','stream':true}");
	raw.body = "[1]";
	assert_int_equal(request_check(&q, &e), E_INVALID);
}

/* ---- answers ---- */

#define EV(name, rest) "event: " name "\ndata: {\"type\":\"" name "\"" rest "}\n\n"
#define START                                                                                                          \
	EV("message_start",                                                                                            \
		",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[],"           \
		"\"model\":\"m\",\"stop_reason\":null,\"usage\":{\"input_tokens\":10,"                                 \
		"\"cache_creation_input_tokens\":200,\"cache_read_input_tokens\":3000,\"output_tokens\":1}}")
#define BLOCK(i, block) EV("content_block_start", ",\"index\":" i ",\"content_block\":" block)
#define DELTA(i, delta) EV("content_block_delta", ",\"index\":" i ",\"delta\":" delta)
#define TEXT(text)      DELTA("0", "{\"type\":\"text_delta\",\"text\":\"" text "\"}")
#define END(i)          EV("content_block_stop", ",\"index\":" i)
#define STOP(reason, more)                                                                                             \
	EV("message_delta", ",\"delta\":{\"stop_reason\":\"" reason "\",\"stop_sequence\":null" more "},\"usage\":{"   \
			    "\"output_tokens\":25,\"input_tokens\":null}")                                             \
	EV("message_stop", "")

static void answers(void **state)
{
	(void)state;
	struct outcome o = stream_everywhere(&anthropic_dialect,
		START BLOCK("0", "{\"type\":\"text\",\"text\":\"\"}") EV("ping", "") TEXT("Hel") TEXT("lo \\\"w\\\"\\n")
			EV("new_thing", ",\"x\":1") DELTA("0", "{\"type\":\"citations_delta\",\"citation\":{}}")
				END("0") STOP("end_turn", ""));
	assert_int_equal(o.r, 0);
	assert_string_equal(o.text, "Hello \"w\"\n");
	assert_string_equal(o.reason, "stop");
	assert_int_equal(o.in, 3210);
	assert_int_equal(o.cached, 3000);
	assert_int_equal(o.out, 25);
	assert_int_equal(o.thought, -1);

	o = stream_everywhere(&anthropic_dialect,
		START BLOCK("0", "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}") DELTA(
			"0", "{\"type\":\"thinking_delta\",\"thinking\":\"Hm\"}") DELTA("0",
			"{\"type\":\"signature_delta\",\"signature\":\"xyz\"}") END("0")
			BLOCK("1", "{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"f\",\"input\":{}}") DELTA(
				"1", "{\"type\":\"input_json_delta\",\"partial_json\":\"\"}") DELTA("1",
				"{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"x\\\"\"}")
				DELTA("1", "{\"type\":\"input_json_delta\",\"partial_json\":\":1}\"}") END("1") BLOCK(
					"2", "{\"type\":\"tool_use\",\"id\":\"toolu_2\",\"name\":\"g\",\"input\":{}}")
					END("2") STOP("tool_use", ""));
	assert_int_equal(o.r, 0);
	assert_string_equal(o.reasoning, "Hm");
	assert_string_equal(o.tools, "0 toolu_1 f {\"x\":1}\n1 toolu_2 g {}\n");
	assert_string_equal(o.reason, "tool_calls");

	/* The whole message in one piece, and the input of a tool with the beginning of its block. */
	o = stream_everywhere(&anthropic_dialect,
		"{\"type\":\"message\",\"content\":[{\"type\":\"text\",\"text\":\"All\"},{\"type\":\"tool_use\",\"id\":"
		"\"a\","
		"\"name\":\"f\",\"input\":{\"y\":2}}],\"stop_reason\":\"tool_use\",\"usage\":{\"input_tokens\":1,"
		"\"output_tokens\":2,\"output_tokens_details\":{\"thinking_tokens\":1}}}");
	assert_int_equal(o.r, 0);
	assert_string_equal(o.text, "All");
	assert_string_equal(o.tools, "0 a f {\"y\":2}\n");
	assert_int_equal(o.in, 1);
	assert_int_equal(o.out, 2);
	assert_int_equal(o.thought, 1);
	assert_int_equal(o.cached, -1);
}

static void ends(void **state)
{
	static const char *const words[][2] = {{"end_turn", "stop"}, {"stop_sequence", "stop"}, {"pause_turn", "stop"},
		{"max_tokens", "length"}, {"model_context_window_exceeded", "length"}, {"refusal", "content_filter"},
		{"something_new", "something_new"}};
	char stream[2000];
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(words); i++) {
		snprintf(stream, sizeof(stream), START TEXT("x") STOP("%s", ""), words[i][0]);
		struct outcome o = stream_everywhere(&anthropic_dialect, stream);
		assert_int_equal(o.r, 0);
		assert_string_equal(o.reason, words[i][1]);
	}
	struct outcome o = stream_everywhere(&anthropic_dialect,
		START TEXT("x") EV("message_delta", ",\"delta\":{\"stop_reason\":\"stop_sequence\",\"stop_sequence\":"
						    "\"END\"},\"usage\":{\"output_tokens\":2}") EV("message_stop", ""));
	assert_string_equal(o.stop, "END");
}

static void failures(void **state)
{
	static const char *const errors[] = {
		START TEXT("half") EV("error", ",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Boom\"}"),
		START TEXT("half") "data: {\"error\":{\"message\":\"Boom\"}}\n\n",
		START TEXT("half") "event: error\r\ndata: {\"message\":\"Boom\"}\r\n\r\n",
	};
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(errors); i++) {
		struct outcome o = stream_everywhere(&anthropic_dialect, errors[i]);
		assert_int_equal(o.r, i == 0 ? E_PROVIDER_BUSY : E_PROVIDER);
		assert_string_equal(o.error, "Fake reported: Boom");
		assert_string_equal(o.text, "half");
	}
	/* Without message_stop it is not whole, also when it said why it stops. */
	static const char *const cut[] = {"", START, START TEXT("half"),
		START TEXT("half") EV("message_delta", ",\"delta\":{\"stop_reason\":\"end_turn\"}"),
		"<!DOCTYPE html>\n<p>Sign in</p>\n", "{\"type\":\"message\",\"content\":[{\"type\":\"te"};
	for (size_t i = 0; i < N_ELEMENTS(cut); i++) {
		struct outcome o = stream_everywhere(&anthropic_dialect, cut[i]);
		assert_int_equal(o.r, E_PROVIDER_BROKEN);
	}
	/* An unterminated last line is whole. */
	struct outcome o = stream_everywhere(
		&anthropic_dialect, START TEXT("x") "event: message_stop\ndata: {\"type\":\"message_stop\"}");
	assert_int_equal(o.r, 0);
}

/* The usual event makes neither a tree nor a buffer, and reads like the full parser. */
static void the_short_way(void **state)
{
	static const char *const lines[] = {TEXT("a\\/b"),
		"data: "
		"{\"index\":3,\"delta\":{\"text\":\"a\\/"
		"b\",\"type\":\"text_delta\"},\"type\":\"content_block_delta\"}\n\n"};
	static const char *const long_way[] = {
		"data: "
		"{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"a/b\","
		"\"new\":1}}\n\n",
		"data: "
		"{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":"
		"\"a\\u002fb\"}}"
		"\n\n",
	};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct memory_sink m;
		struct err e = {0};
		struct answer s;
		sink_init(&m, true);
		answer_init(&s, &anthropic_dialect, "Fake", &m.sink, &e);
		assert_int_equal(answer_feed(&s, lines[i], strlen(lines[i])), 0);
		assert_null(s.data.p);
		/* The escapes stand as the provider wrote them. */
		assert_string_equal(m.events.p, "text {\"text\":\"a\\/b\"}\n");
		assert_int_equal(answer_feed(&s, long_way[i], strlen(long_way[i])), 0);
		assert_string_equal(m.text.p, "a/ba/b");
		answer_done(&s);
		sink_done(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain),
		cmocka_unit_test(tool_results),
		cmocka_unit_test(blank_question),
		cmocka_unit_test(calls_and_results_in_pairs),
		cmocka_unit_test(pictures_between_texts),
		cmocka_unit_test(fields_of_the_versions),
		cmocka_unit_test(refusals),
		cmocka_unit_test(raw),
		cmocka_unit_test(answers),
		cmocka_unit_test(ends),
		cmocka_unit_test(failures),
		cmocka_unit_test(the_short_way),
	};
	return cmocka_run_group_tests_name("provider/anthropic", tests, NULL, NULL);
}
