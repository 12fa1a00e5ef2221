/* Calls of tools that a model wrote into its text: recognised in every form, and not where a tool is only spoken of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "provider/provider_priv.h"

static const struct gen_tool tools[] = {{.name = "get_weather"}, {.name = "read-file"}};
static const struct gen_request request = {.tools = tools, .n_tools = 2};

static void test_written(void **state)
{
	static const char *const texts[] = {
		"```json\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Berlin\"}}\n```",
		"{\"name\":\"get_weather\",\"parameters\":{}}",
		"Sure, {I} will look.\n{\"tool\": \"get_weather\", \"tool_input\": \"Berlin\"} Please wait.",
		"<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"a}b\\\"\"}}\n</tool_call>",
		"{\"type\":\"function\",\"function\":{\"name\":\"get_weather\",\"arguments\":\"{}\"}}",
		"[{\"tool_calls\":[{\"function\":{\"name\":\"functions.get_weather\",\"arguments\":{}}}]}]",
		"<tool_call>get_weather\n<arg_key>city</arg_key>",
		"<function=get_weather>\n<parameter=city>\nBerlin",
		"<function=get_weather>{\"city\": \"Berlin\"}</function>",
		"<invoke name=\"get_weather\"><parameter name=\"city\">Berlin</parameter></invoke>",
		"[TOOL_CALLS]get_weather{\"city\": \"Berlin\"}",
		"[TOOL_CALLS] [{\"name\": \"get_weather\", \"arguments\": {}}]",
		"<|python_tag|>get_weather.call(city=1) <|python_tag|>get_weather(city=1)",
		"<|tool_call|>[\"get_weather\"]",
		"[get_weather(city=\"Berlin\")]",
		"```tool_code\nprint(get_weather(city=\"Berlin\"))\n```",
		" get_weather(city=\"Berlin\")\n",
		"<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>{}",
		"Thought: I look.\nAction: get_weather\nAction Input: {\"city\": \"Berlin\"}\nObservation:",
		"**Action:** `get_weather`\r\n\r\n**Action Input:** Berlin",
		"action 1: get_weather[Berlin]",
		"- Tool: get_weather\n- Input: Berlin",
		"Action: get_weather(city=\"Berlin\")\nPAUSE",
		"Action: other\nAction Input: 1\nAction: \"get_weather\"\nAction Input: 2",
		"<|tool_call_begin|>functions.get_weather:0",
		"<|python_tag|>get_weather.call(city=\"Berlin\")",
		"<|tool_call_start|>[get_weather(city=\"Berlin\")]<|tool_call_end|>",
		"<|tools_prefix|>[{\"get_weather\": {\"city\": \"Berlin\"}}]<|tools_suffix|>",
		"<start_function_call>call:get_weather{city:<escape>Berlin<escape>}<end_function_call>",
		"<|tool_call>call:get_weather{city:<|\"|>Berlin<|\"|>}<tool_call|>",
		"```json\n{\"function\": \"get_weather\", \"city\": \"Berlin\"}\n```",
		"{\"tool_name\": \"get_weather\"}",
		"I look it up.\n<get_weather>\n<city>Berlin</city>\n</get_weather>",
		"Function: get_weather\nArguments: {\"city\": \"Berlin\"}",
		"**Function name:** get_weather\n**Parameters:** {}",
		"```tool_code\nprint(default_api.get_weather(city=\"Berlin\"))\n```",
		"I will look.\n>>>get_weather\n{\"city\": \"Berlin\"}",
		"<\xef\xbd\x9ctool\xe2\x96\x81sep\xef\xbd\x9c>get_weather\n```json\n{}\n```",
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
		const char *name = provider_written_call(&request, str_from(texts[i]));
		if (!name)
			print_error("not recognised: %s\n", texts[i]);
		assert_non_null(name);
		assert_string_equal(name, "get_weather");
	}
	assert_string_equal(provider_written_call(&request, STR("<function=read-file>")), "read-file");
}

static void test_spoken_of(void **state)
{
	static const char *const texts[] = {
		"",
		"You can call get_weather(city) for that.",
		"{\"name\": \"Berlin\", \"arguments\": {}}",
		"{\"name\": \"get_weather\"}",
		"The element <get_weather> is <b>empty</b>.",
		"<get_weather>",
		"<get_weather_now>\n</get_weather_now>",
		"{\"get_weather\": \"sunny\"}",
		"{\"get_weather\": {}, \"other\": {}}",
		"Function: get_weather",
		"{\"city\": \"get_weather\", \"input\": 1}",
		"<tool_call>other</tool_call>",
		"<function=get_weather_now>",
		"```json\n{\"name\": \"get_weather\", \"arg",
		"Action: get_weather",
		"Action: get_weather would help.\nI cannot use it.",
		"Action: get_weather_now\nAction Input: {}",
		"No Action: get_weather\nAction Input: {}",
		"Actions: get_weather\nInputs: {}",
		"Action:",
		"Action",
		"print(1)",
		"()",
		")",
		"[",
	};
	char braces[70000];

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(texts); i++)
		assert_null(provider_written_call(&request, str_from(texts[i])));
	memset(braces, '{', sizeof(braces));
	assert_null(provider_written_call(&request, (struct str){braces, sizeof(braces)}));
	assert_null(provider_written_call(&(struct gen_request){.n_tools = 0}, str_from("get_weather()")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_written), cmocka_unit_test(test_spoken_of)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
