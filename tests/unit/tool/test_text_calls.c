/* Calls in the text of models, in the forms of their families, with the text split at every byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "tool/text_calls.h"
#include "tool/tool.h"

#define BAR "\xef\xbd\x9c"
#define LOW "\xe2\x96\x81"

static const struct gen_tool tools[] = {{.name = "get_weather"}, {.name = "add"}};

/* What came: the text, and each call as NAME arguments. */
struct got {
	struct gen_sink sink;
	struct buf text, calls;
};

static int take(struct gen_sink *s, bool on_loop UNUSED, enum event_type type, const char *json, size_t n)
{
	struct got *g = CONTAINER_OF(s, struct got, sink);
	CLEANUP(json_decrefp) json_t *v = NULL;
	struct err e = {0};

	assert_int_equal(json_parse(json, n, &v, &e), 0);
	if (type == EV_TEXT)
		buf_add_str(&g->text, json_get_str(v, "text"));
	else if (type == EV_TOOL_CALL)
		buf_printf(&g->calls, "%s %s;", json_get_str(v, "name"), json_get_str(v, "arguments"));
	return 0;
}

static void feed(struct text_calls *x, const char *p, size_t n)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(n * 6 + 64);

	buf_add_str(&b, "{\"text\":");
	json_add_string(&b, p, n);
	buf_add_char(&b, '}');
	assert_int_equal(x->sink.event(&x->sink, true, EV_TEXT, b.p, b.n), 0);
}

/* Pieces as providers send them: no character is cut in two. */
static void run(const char *answer, size_t piece, struct got *g)
{
	struct text_calls x;
	size_t n = strlen(answer);

	*g = (struct got){.sink.event = take, .text = BUF_INIT(65536), .calls = BUF_INIT(65536)};
	text_calls_init(&x, &g->sink, tools, N_ELEMENTS(tools));
	for (size_t i = 0, k; i < n; i += k) {
		k = MIN(piece, n - i);
		while (i + k < n && ((unsigned char)answer[i + k] & 0xc0) == 0x80)
			k++;
		feed(&x, answer + i, k);
	}
	assert_int_equal(text_calls_finish(&x), 0);
	text_calls_done(&x);
}

static void expect(const char *answer, const char *text, const char *calls)
{
	for (size_t piece = 1; piece <= strlen(answer); piece++) {
		struct got g;
		run(answer, piece, &g);
		if (strcmp(g.text.p ? g.text.p : "", text) != 0 || strcmp(g.calls.p ? g.calls.p : "", calls) != 0)
			fail_msg("pieces of %zu of\n%s\ntext: %s\ncalls: %s", piece, answer, g.text.p, g.calls.p);
		buf_done(&g.text);
		buf_done(&g.calls);
	}
}

static void test_forms(void **state UNUSED)
{
	expect("I look.\n<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Berlin\"}}\n</tool_call>",
		"I look.\n", "get_weather {\"city\":\"Berlin\"};");
	expect("<tool_call>{\"name\":\"add\",\"arguments\":{\"a\":1}}</"
	       "tool_call><tool_call>{\"name\":\"add\",\"arguments\":{\"a\":2}}"
	       "</tool_call>",
		"", "add {\"a\":1};add {\"a\":2};");
	expect("<tool_call>{\"name\":\"add\",\"arguments\":{\"a\":1}}", "",
		"add {\"a\":1};"); /* the mark was the stop sequence */
	expect("<tool_call>\n<function=get_weather>\n<parameter=city>\nNew\nYork\n</parameter>\n<parameter=n>\n3\n</"
	       "parameter>\n</function>\n"
	       "</tool_call>",
		"", "get_weather { \"city\":\"New\\nYork\",\"n\":\"3\"};");
	expect("<function=add>{\"a\": 1}</function>", "", "add {\"a\": 1};");
	expect("<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>Rome</arg_value>\n</tool_call>", "",
		"get_weather { \"city\":\"Rome\"};");
	expect("{\"name\": \"add\", \"parameters\": {\"a\": 1}}", "", "add {\"a\":1};");
	expect("<|python_tag|>{\"name\": \"add\", \"parameters\": {\"a\": 1}}<|eom_id|>", "", "add {\"a\":1};");
	expect("[add(a=1, b='x, y'), get_weather(city=\"Oslo\")]", "",
		"add { \"a\":1,\"b\":\"x, y\"};get_weather { \"city\":\"Oslo\"};");
	expect("[TOOL_CALLS][{\"name\": \"add\", \"arguments\": {\"a\": 1}}]", "", "add {\"a\":1};");
	expect("[TOOL_CALLS]add[ARGS]{\"a\": 1}[TOOL_CALLS]get_weather[ARGS]{\"city\": \"x\"}", "",
		"add {\"a\": 1};get_weather {\"city\": \"x\"};");
	expect("<" BAR "tool" LOW "calls" LOW "begin" BAR "><" BAR "tool" LOW "call" LOW "begin" BAR ">add<" BAR
	       "tool" LOW "sep" BAR ">{\"a\": 1}<" BAR "tool" LOW "call" LOW "end" BAR "><" BAR "tool" LOW "calls" LOW
	       "end" BAR ">",
		"", "add {\"a\": 1};");
	expect("<|channel|>commentary to=functions.add <|constrain|>json<|message|>{\"a\":1}<|call|>", "",
		"add {\"a\":1};");
	expect("I add.\nto=functions.add {\"a\":1}", "I add.\n", "add {\"a\":1};");
	expect("to=functions.add {\"a\":1}to=functions.get_weather {\"city\":\"x\"}", "",
		"add {\"a\":1};get_weather {\"city\":\"x\"};");
	expect("to=functions.add {\"a\":1}\nto=functions.add json{\"a\":[{}]} Then?", "\n Then?",
		"add {\"a\":1};add {\"a\":[{}]};");
	expect("assistantcommentary to=functions.add json{\"a\":1}", "", "add {\"a\":1};");
	expect("to=functions.add {\"a\":\"\\\"} to=functions.get_weather {x}<function=y> <|message|>\"}", "",
		"add {\"a\":\"\\\"} to=functions.get_weather {x}<function=y> <|message|>\"};");
	expect("<|channel|>commentary to=functions.add <|constrain|>json<|message|>{\"a\":\"to=functions.launch "
	       "{x}\"}<|call|>",
		"", "add {\"a\":\"to=functions.launch {x}\"};");
	expect("<|tool_call>call:get_weather{city:<|\"|>Sao \"P\"<|\"|>}<tool_call|>", "",
		"get_weather {city:\"Sao \\\"P\\\"\"};");
	expect("<|tool_call_start|>[add(a=1)]<|tool_call_end|>", "", "add { \"a\":1};");
	expect("<function_calls>\nadd(a=1)\n</function_calls>", "", "add { \"a\":1};");
	expect("Thought: hm\nAction: add\nAction Input: {\"a\": 1}\nObservation: 2", "Thought: hm\n",
		"add {\"a\": 1};");
}

/* What stands behind a result that the model made up rests on it: neither shown nor run. */
static void test_made_up(void **state UNUSED)
{
	expect("Action: add\nAction Input: {\"a\": 1}\nObservation: 9\nAction: get_weather\nAction Input: {}\n", "",
		"add {\"a\": 1};");
	expect("Hm "
	       "<tool_call>{\"name\":\"add\",\"arguments\":{\"a\":1}}</tool_call>\n<tool_response>\n9\n</"
	       "tool_response>\n"
	       "<tool_call>{\"name\":\"get_weather\",\"arguments\":{}}</tool_call>It is 9.",
		"Hm \n", "add {\"a\":1};");
	expect("<|tool_call>call:add{a:1}<tool_call|><|tool_response>response:add{value:9}<tool_response|>9", "",
		"add {a:1};");
	expect("A <tool_response> is a mark.\nObservation: none", "A <tool_response> is a mark.\nObservation: none",
		"");
}

static void test_blocks(void **state UNUSED)
{
#define CALL "<tool_call>{\"name\":\"add\",\"arguments\":{\"a\":1}}</tool_call>"
	static const char *const same[] = {"````\n```\n" CALL "\n```\n````\n", "~~~\n```\n" CALL "\n~~~\n",
		"```js\n```js\n" CALL "\n```", "  ```\n" CALL "\n  ```  \n"};

	for (size_t i = 0; i < N_ELEMENTS(same); i++)
		expect(same[i], same[i], "");
	expect("````\n```\n````\n" CALL, "````\n```\n````\n", "add {\"a\":1};");
	expect("```a``` and\n" CALL, "```a``` and\n", "add {\"a\":1};");
	expect("~~\n" CALL "\n~~", "~~\n\n~~", "add {\"a\":1};");
}

static void test_talk(void **state UNUSED)
{
	static const char *const same[] = {"Just text < and [ and {braces}.",
		"```\n<tool_call>{\"name\":\"add\",\"arguments\":{}}</tool_call>\n```\n",
		"<tool_call>{\"name\":\"rm\",\"arguments\":{}}</tool_call>", "{\"name\": \"Otto\", \"age\": 3}",
		"[1, 2, 3]", "<tool_ca", "The Action: nothing.", "{\"name\": \"add\"", "a <function> b",
		"<tool_call>hm</tool_call>", "They say `to=functions.add {\"a\":1}` and wait.",
		"They say to=functions.add {\"a\":1} and wait.", "`to=functions.add {\"a\":1}` it is.",
		"to=functions.launch {} there.", "to=functions.add is how it begins.", "to=functions.add",
		"commentary to=functionaries"};

	for (size_t i = 0; i < N_ELEMENTS(same); i++)
		if (i != 7)
			expect(same[i], same[i], "");
}

/* What shows that it is no call goes out at once. */
static void test_talk_goes_on(void **state UNUSED)
{
	static const char *const talk[] = {
		"to=functions.launch is", "to=functions.add says", "I: to=functions.add {\"a"};

	for (size_t i = 0; i < N_ELEMENTS(talk); i++) {
		struct got g = {.sink.event = take, .text = BUF_INIT(4096), .calls = BUF_INIT(4096)};
		struct text_calls x;
		text_calls_init(&x, &g.sink, tools, N_ELEMENTS(tools));
		feed(&x, talk[i], strlen(talk[i]));
		assert_string_equal(g.text.p ? g.text.p : "", talk[i]);
		text_calls_done(&x);
		buf_done(&g.text);
		buf_done(&g.calls);
	}
}

/* What was cut off is handed on open, and refused where it is read. */
static void test_cut(void **state UNUSED)
{
	static const char *const cut[] = {"<tool_call>{\"name\":\"add\",\"arguments\":{\"text\":\"half of",
		"<tool_call><function=add><parameter=text>half of", "[TOOL_CALLS]add[ARGS]{\"text\": \"ha",
		"[add(text=\"half", "<tool_call>add<arg_key>text</arg_key><arg_value>ha",
		"Action: add\nAction Input: {\"text\": \"ha"};
	const struct tool t = {
		.name = "add", .parameters = "{}", .source = "builtin", .own_name = "add", .description = ""};

	for (size_t i = 0; i < N_ELEMENTS(cut); i++) {
		CLEANUP(arena_done) struct arena a;
		struct tool_arguments args;
		struct err e = {0};
		struct got g;
		arena_init(&a, 1 << 20);
		run(cut[i], 3, &g);
		if (!g.calls.n)
			fail_msg("%s is text: %s", cut[i], g.text.p);
		assert_memory_equal(g.calls.p, "add ", 4);
		assert_int_equal(tool_arguments_read(&t, (struct str){g.calls.p + 4, g.calls.n - 5}, &a, &args, &e), 0);
		if (args.n)
			fail_msg("%s would run with %s", cut[i], args.items[0]);
		buf_done(&g.text);
		buf_done(&g.calls);
	}
}

static void test_request(void **state UNUSED)
{
	CLEANUP(arena_done) struct arena a;
	const struct gen_tool_call calls[] = {{.id = "c1", .name = "add", .arguments = "{\"a\":1}"}};
	const struct gen_message messages[] = {{.role = "system", .content = "Be brief."},
		{.role = "user", .content = "1+1?"}, {.role = "assistant", .content = "", .calls = calls, .n_calls = 1},
		{.role = "tool", .content = "2", .tool_call_id = "c1", .tool_name = "add"}};
	const struct gen_request in = {.messages = messages, .n_messages = 4, .tools = tools, .n_tools = 2};
	struct gen_request out;
	struct err e = {0};

	arena_init(&a, 1 << 20);
	assert_int_equal(text_calls_request(&in, &a, &out, &e), 0);
	assert_int_equal(out.n_tools, 0);
	assert_int_equal(out.n_messages, 4);
	assert_non_null(strstr(out.messages[0].content, "Be brief.\n\nYou can call tools."));
	assert_non_null(strstr(out.messages[0].content, "- add:"));
	assert_string_equal(
		out.messages[2].content, "<tool_call>\n{\"name\":\"add\",\"arguments\":{\"a\":1}}\n</tool_call>");
	assert_string_equal(out.messages[3].role, "user");
	assert_string_equal(out.messages[3].content, "<tool_response>\n2\n</tool_response>");
}

/* Each family is told of its own form, and what is told it of the rounds before is what is read from it. */
static void test_families(void **state UNUSED)
{
	static const struct {
		const char *model, *open;
	} families[] = {{"qwen3-coder:30b", "<tool_call>\n<function=NAME>"},
		{"GLM-4.5-Air", "<tool_call>NAME\n<arg_key>KEY"}, {"llama3.2:3b", "{\"name\":\"NAME\",\"parameters\":"},
		{"mistral:7b", "[TOOL_CALLS][{\"name\":\"NAME\""},
		{"deepseek-r1:8b", "<" BAR "tool" LOW "calls" LOW "begin" BAR ">"},
		{"gemma-4-E4B-it", "<|tool_call>call:NAME{KEY:<|\"|>VALUE<|\"|>}<tool_call|>"},
		{"hf.co/LiquidAI/LFM2-1.2B-GGUF", "<|tool_call_start|>[NAME(KEY=\"VALUE\")]<|tool_call_end|>"},
		{"Olmo-3-7B-Instruct", "<function_calls>\nNAME(KEY=\"VALUE\")\n</function_calls>"},
		{"gpt-oss:20b", "\ncommentary to=functions.NAME json{\"KEY\":\"VALUE\"}\n"},
		{"gemma2:9b", "<tool_call>\n{\"name\":\"NAME\",\"arguments\":{\"KEY\":\"VALUE\"}}"}};
	static const char *const arguments =
		"{\"town\":\"Bonn, (\\\"am\\\" Rhein)\",\"n\":3,\"deep\":{\"a\":[true,null,\"x: 1, y\"]},\"on\":false}";
	const struct tool weather = {.name = "get_weather",
		.own_name = "get_weather",
		.source = "builtin",
		.description = "",
		.parameters = "{\"type\":\"object\",\"properties\":{\"town\":{\"type\":\"string\"},\"n\":{\"type\":"
			      "\"integer\"},\"deep\":{\"type\":\"object\"},\"on\":{\"type\":\"boolean\"}}}"};
	const struct gen_tool_call calls[] = {{.id = "c1", .name = "get_weather", .arguments = arguments}};
	const struct gen_message messages[] = {{.role = "user", .content = "?"},
		{.role = "assistant", .content = "", .calls = calls, .n_calls = 1},
		{.role = "tool", .content = "fine", .tool_call_id = "c1", .tool_name = "get_weather"}};

	for (size_t i = 0; i < N_ELEMENTS(families); i++) {
		CLEANUP(arena_done) struct arena a;
		const struct gen_request in = {.model = families[i].model,
			.messages = messages,
			.n_messages = 3,
			.tools = tools,
			.n_tools = 2};
		struct gen_request out;
		struct err e = {0};
		struct got g;

		arena_init(&a, 1 << 20);
		assert_int_equal(text_calls_request(&in, &a, &out, &e), 0);
		if (!strstr(out.messages[0].content, families[i].open))
			fail_msg("%s: %s", families[i].model, out.messages[0].content);
		run(out.messages[2].content, 7, &g);
		if (!g.calls.p || strncmp(g.calls.p, "get_weather ", 12) != 0 || g.text.n)
			fail_msg("%s: %s", families[i].model, out.messages[2].content);
		struct tool_arguments read = {.n = 0};
		struct str said = {g.calls.p + 12, g.calls.n - 13};
		assert_int_equal(tool_arguments_read(&weather, said, &a, &read, &e), 0);
		assert_int_equal(read.n, 1);
		CLEANUP(json_decrefp) json_t *got = json_loads(read.items[0], 0, NULL);
		CLEANUP(json_decrefp) json_t *expected = json_loads(arguments, 0, NULL);
		if (!json_equal(got, expected))
			fail_msg("%s: %s is read as %s", families[i].model, out.messages[2].content, read.items[0]);
		assert_non_null(strstr(out.messages[3].content, "fine"));
		buf_done(&g.text);
		buf_done(&g.calls);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_forms), cmocka_unit_test(test_made_up),
		cmocka_unit_test(test_blocks), cmocka_unit_test(test_talk), cmocka_unit_test(test_talk_goes_on),
		cmocka_unit_test(test_cut), cmocka_unit_test(test_request), cmocka_unit_test(test_families)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
