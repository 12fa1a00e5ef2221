/* OpenAI-compatible servers: what is asked of them, and the calls of tools in the many ways they send them. */
#include "streams.h"

#include <stdio.h>

#include "provider/request.h"

static const struct gen_message hi = {.role = "user", .content = "Hi"};

/* ---- requests ---- */

static void plain(void **state)
{
	struct fake_target f;
	char value[256];
	struct gen_request q = {.messages = &hi, .n_messages = 1, .max_tokens = 9};
	(void)state;
	fake_target_init(&f, &openai_dialect, "http://x");
	request_is(&f, &q, "http://x/chat/completions",
		"{'model':'m','messages':[{'role':'user','content':'Hi'}],'stream':true,"
		"'stream_options':{'include_usage':true},'max_tokens':9}");
	assert_string_equal(request_header_of(&f, &q, "Authorization", value), "Bearer k");
	f.provider.add_v1 = true;
	f.provider.key = (char[]){""};
	q.max_tokens = 0;
	request_is(&f, &q, "http://x/v1/chat/completions",
		"{'model':'m','messages':[{'role':'user','content':'Hi'}],'stream':true,"
		"'stream_options':{'include_usage':true}}");
	assert_null(request_header_of(&f, &q, "Authorization", value));
	/* OpenAI itself knows the new name of the limit, and does not go on with its own message. */
	fake_target_init(&f, &openai_dialect, "https://api.openai.com/v1");
	const struct gen_message half[] = {hi, {.role = "assistant", .content = "Hel", .reasoning = "thought"}};
	q = (struct gen_request){.messages = half, .n_messages = 2, .continues = true, .max_tokens = 9};
	request_is(&f, &q, "https://api.openai.com/v1/chat/completions",
		"{'model':'m','messages':[{'role':'user','content':'Hi'},{'role':'assistant','content':'Hel'},"
		"{'role':'user','content':'Go on exactly where your last message ends. Do not repeat any of it, and do "
		"not comment on it.'}],'stream':true,'stream_options':{'include_usage':true},"
		"'max_completion_tokens':9}");
}

static const struct gen_tool weather = {.name = "weather",
	.description = "Of a town",
	.parameters = "{\"type\":\"object\",\"properties\":{\"town\":{\"type\":\"string\"}}}",
	.strict = true};

static void tools_and_images(void **state)
{
	static const struct gen_image images[] = {
		{.at = 6, .media_type = "image/png", .data = "AAAA"}, {.at = 6, .url = "https://e.org/a.jpg"}};
	static const struct gen_tool_call calls[] = {
		{.id = "c1", .name = "weather", .arguments = "{\"town\":\"Oslo\"}"}, {.id = "c2", .name = "now"}};
	const struct gen_message messages[] = {{.role = "user", .content = "Where?", .images = images, .n_images = 2},
		{.role = "assistant", .reasoning = "Hm", .calls = calls, .n_calls = 2},
		{.role = "tool", .content = "Rain", .tool_call_id = "c1", .tool_name = "weather"},
		{.role = "tool", .content = "12:00", .tool_call_id = "c2", .tool_name = "now"}};
	const struct gen_tool tools[] = {weather, {.name = "now"}};
	struct fake_target f;
	struct gen_request q = {.messages = messages,
		.n_messages = 4,
		.tools = tools,
		.n_tools = 2,
		.tool_choice = TOOLS_NAMED,
		.tool_name = "now",
		.one_tool_at_a_time = true};
	(void)state;
	fake_target_init(&f, &openai_dialect, "http://x/v1");
	request_is(&f, &q, "http://x/v1/chat/completions",
		"{'model':'m','messages':["
		"{'role':'user','content':[{'type':'text','text':'Where?'},"
		"{'type':'image_url','image_url':{'url':'data:image/png;base64,AAAA'}},"
		"{'type':'image_url','image_url':{'url':'https://e.org/a.jpg'}}]},"
		"{'role':'assistant','content':null,'reasoning_content':'Hm','tool_calls':["
		"{'id':'c1','type':'function','function':{'name':'weather','arguments':'{\\'town\\':\\'Oslo\\'}'}},"
		"{'id':'c2','type':'function','function':{'name':'now','arguments':'{}'}}]},"
		"{'role':'tool','content':'Rain','tool_call_id':'c1'},"
		"{'role':'tool','content':'12:00','tool_call_id':'c2'}],"
		"'stream':true,'stream_options':{'include_usage':true},'tools':["
		"{'type':'function','function':{'name':'weather','description':'Of a town','strict':true,"
		"'parameters':{'type':'object','properties':{'town':{'type':'string'}}}}},"
		"{'type':'function','function':{'name':'now','parameters':{'type':'object','properties':{}}}}],"
		"'tool_choice':{'type':'function','function':{'name':'now'}},'parallel_tool_calls':false}");
}

/* Each picture stands where it stood; what only separated the texts around it is left out. */
static void pictures_between_texts(void **state)
{
	static const struct gen_image images[] = {
		{.data = "AA"}, {.at = 3, .gap = 1, .data = "BB"}, {.at = 9, .data = "CC"}};
	const struct gen_message message = {
		.role = "user", .content = "one\ntwo! three", .images = images, .n_images = 3};
	struct fake_target f;
	struct gen_request q = {.messages = &message, .n_messages = 1};
	(void)state;
	fake_target_init(&f, &openai_dialect, "http://x/v1");
	request_is(&f, &q, "http://x/v1/chat/completions",
		"{'model':'m','messages':[{'role':'user','content':["
		"{'type':'image_url','image_url':{'url':'data:image/png;base64,AA'}},{'type':'text','text':'one'},"
		"{'type':'image_url','image_url':{'url':'data:image/png;base64,BB'}},{'type':'text','text':'two! '},"
		"{'type':'image_url','image_url':{'url':'data:image/png;base64,CC'}},{'type':'text','text':'three'}]}],"
		"'stream':true,'stream_options':{'include_usage':true}}");
}

static void everything_else(void **state)
{
	static const char *const stop[] = {"END", "\n", NULL};
	struct fake_target f;
	struct gen_request q = {.messages = &hi,
		.n_messages = 1,
		.format = FORMAT_SCHEMA,
		.schema = "{\"type\":\"object\",\"additionalProperties\":false}",
		.schema_name = "thing",
		.thinking = THINKING_OFF,
		.stop = stop,
		.sampling = {.set = 0xff,
			.temperature = 0.5,
			.top_p = 0.9,
			.top_k = 40,
			.min_p = 0.25,
			.seed = "7",
			.presence_penalty = 1,
			.frequency_penalty = -1,
			.repeat_penalty = 1.5}};
	(void)state;
	fake_target_init(&f, &openai_dialect, "http://x");
	request_is(&f, &q, "http://x/chat/completions",
		"{'model':'m','messages':[{'role':'user','content':'Hi'}],'stream':true,"
		"'stream_options':{'include_usage':true},'stop':['END','\\n'],'temperature':0.5,'top_p':0.9,'top_k':40,"
		"'min_p':0.25,'seed':7,'presence_penalty':1.0,'frequency_penalty':-1.0,'repeat_penalty':1.5,"
		"'reasoning_effort':'none','response_format':{'type':'json_schema','json_schema':{'name':'thing',"
		"'strict':true,'schema':{'type':'object','additionalProperties':false}}}}");
	/* What a plain completion is asked with. */
	q = (struct gen_request){.prompt = "int f(", .suffix = ")", .max_tokens = 5};
	request_is(&f, &q, "http://x/completions",
		"{'model':'m','prompt':'int f(','suffix':')','stream':true,'stream_options':{'include_usage':true},"
		"'max_tokens':5}");
}

/* ---- what a refusal teaches ---- */

static unsigned learn(struct fake_target *f, const struct gen_request *q, const char *error)
{
	struct gen_call r = {.quirks = quirks_of(&f->provider, "m"), .lessons = f->lessons};
	unsigned ret = openai_dialect.learn(&f->target, q, &r, str_from(error));
	quirks_learn(&f->provider, "m", ret);
	f->lessons |= ret;
	return ret;
}

static void refusals(void **state)
{
	struct fake_target f;
	struct gen_request q = {.messages = &hi,
		.n_messages = 1,
		.max_tokens = 3,
		.format = FORMAT_JSON,
		.thinking = THINKING_HIGH,
		.sampling = {.set = SAMPLE_TEMPERATURE, .temperature = 0.5}};
	(void)state;
	fake_target_init(&f, &openai_dialect, "http://x");
	assert_int_equal(learn(&f, &q, "The prompt is too long, max_tokens is 9"), 0);
	assert_int_equal(learn(&f, &q, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."),
		QUIRK_NEW_MAX);
	assert_int_equal(learn(&f, &q, "extra fields: stream_options"), QUIRK_NO_STREAM_OPTIONS);
	assert_int_equal(learn(&f, &q, "extra fields: stream_options"), 0); /* known already */
	assert_int_equal(learn(&f, &q, "Unknown argument: reasoning_effort"), QUIRK_NO_EFFORT);
	assert_int_equal(learn(&f, &q, "temperature must be less than 2"), 0);
	assert_int_equal(learn(&f, &q, "'temperature' does not support 0.5"), QUIRK_NO_SAMPLING);
	assert_int_equal(learn(&f, &q, "'response_format.type' must be 'json_schema' or 'text'"), QUIRK_OTHER_FORMAT);
	request_is(&f, &q, "http://x/chat/completions",
		"{'model':'m','messages':[{'role':'user','content':'Hi'}],'stream':true,'max_completion_tokens':3,"
		"'response_format':{'type':'json_schema','json_schema':{'name':'answer','schema':{'type':'object'}}}}");
	assert_int_equal(learn(&f, &q, "json_schema: not supported"), QUIRK_NO_FORMAT);
	request_is(&f, &q, "http://x/chat/completions",
		"{'model':'m','messages':[{'role':'system','content':'Answer with one JSON object and nothing else: no "
		"words around it, no code fence.'},{'role':'user','content':'Hi'}],'stream':true,"
		"'max_completion_tokens':3}");
	/* Other models of the server keep what is theirs; what the server lacks, it lacks for them too. */
	assert_int_equal(quirks_of(&f.provider, "other"), QUIRK_NO_STREAM_OPTIONS);
}

/* What is said of a field may quote the request: it teaches of that field alone. */
static void quoted_words(void **state)
{
	static const struct gen_message messages[] = {
		{.role = "system", .content = "Be kind."}, {.role = "user", .content = "Hi"}};
	struct fake_target f;
	struct gen_request q = {.messages = messages, .n_messages = 2, .format = FORMAT_SCHEMA, .schema = "{}"};
	(void)state;
	fake_target_init(&f, &openai_dialect, "http://x");
	assert_int_equal(
		learn(&f, &q, "Invalid json_schema: in property 'system role not supported'"), QUIRK_OTHER_FORMAT);
	assert_int_equal(learn(&f, &q, "System role not supported"), QUIRK_NO_SYSTEM);
	/* Who takes neither a system nor a format is told of the format by the user. */
	quirks_learn(&f.provider, "m", QUIRK_NO_FORMAT);
	request_is(&f, &q, "http://x/chat/completions",
		"{'model':'m','messages':[{'role':'user','content':'Be kind.\\n\\nHi\\n\\nAnswer with one JSON value "
		"that "
		"is "
		"valid by the following JSON Schema and nothing else: no words around it, no code fence.\\n{}'}],"
		"'stream':true,'stream_options':{'include_usage':true}}");
}

/* Servers that say of all forms of a message what each of them misses mean what they refuse; and what they refuse, though they
 * seemed to want it, is not sent again. */
static void of_all_forms(void **state)
{
	static const struct gen_tool_call signed_call = {
		.id = "a", .name = "f", .extras = ",\"extra_content\":{\"google\":{\"thought_signature\":\"x\"}}"};
	static const struct gen_message messages[] = {
		{.role = "user", .content = "Hi"}, {.role = "assistant", .content = "Yes", .reasoning = "Hm"}};
	static const struct gen_message calls[] = {{.role = "user", .content = "Hi"},
		{.role = "assistant", .content = "I look.", .calls = &signed_call, .n_calls = 1}};
	static const char plain[] = "{'model':'m','messages':[{'role':'user','content':'Hi'},"
				    "{'role':'assistant','content':'Yes'}],'stream':true,"
				    "'stream_options':{'include_usage':true}}";
	struct gen_request q = {.messages = messages, .n_messages = 2}, c = {.messages = calls, .n_messages = 2};
	struct fake_target f;
	(void)state;
	fake_target_init(&f, &openai_dialect, "http://x");
	assert_int_equal(
		learn(&f, &q, "reasoning_content: Extra inputs are not permitted; tool_call_id: Field required"),
		QUIRK_NO_REASONING);
	request_is(&f, &q, "http://x/chat/completions", plain);
	fake_target_init(&f, &openai_dialect, "http://x");
	assert_int_equal(learn(&f, &q, "reasoning_content is missing in message 1"), QUIRK_WANTS_REASONING);
	assert_int_equal(learn(&f, &q, "reasoning_content is missing in message 1"), QUIRK_NO_REASONING);
	request_is(&f, &q, "http://x/chat/completions", plain);
	assert_int_equal(learn(&f, &q, "reasoning_content is missing in message 1"), 0);
	fake_target_init(&f, &openai_dialect, "http://x");
	assert_int_equal(learn(&f, &c,
				 "extra_content: Extra inputs are not permitted (input: thought_signature); "
				 "tool_call_id: missing"),
		QUIRK_NO_CALL_EXTRAS);
	fake_target_init(&f, &openai_dialect, "http://x");
	assert_int_equal(
		learn(&f, &c, "Function call is missing a thought_signature: extract_text"), QUIRK_SIGNED_CALLS);
}

/* The same of another request, whose refusals are others. */
static unsigned learn_anew(struct fake_target *f, const struct gen_request *q, const char *error)
{
	f->lessons = 0;
	return learn(f, q, error);
}

/* Behind one name may stand servers that differ: who spoke last is believed, but not twice within one request. */
static void of_several_servers(void **state)
{
	static const char strict[] = "reasoning_content: Extra inputs are not permitted",
			  wants[] = "The `reasoning_content` in the thinking mode must be passed back to the API.",
			  no_new[] = "max_completion_tokens: Extra inputs are not permitted",
			  no_old[] = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.";
	static const struct gen_message messages[] = {
		{.role = "user", .content = "Hi"}, {.role = "assistant", .content = "Yes"}};
	struct gen_request q = {.messages = messages, .n_messages = 2}, max = {.max_tokens = 3};
	struct fake_target f;
	(void)state;
	fake_target_init(&f, &openai_dialect, "http://x");
	for (int i = 0; i < 3; i++) {
		assert_int_equal(learn_anew(&f, &q, strict), QUIRK_NO_REASONING);
		assert_int_equal(quirks_of(&f.provider, "m"), QUIRK_NO_REASONING);
		assert_int_equal(learn_anew(&f, &q, wants), QUIRK_WANTS_REASONING);
		request_is(&f, &q, "http://x/chat/completions",
			"{'model':'m','messages':[{'role':'user','content':'Hi'},{'role':'assistant','content':'Yes',"
			"'reasoning_content':'(It was not "
			"kept.)'}],'stream':true,'stream_options':{'include_usage':true}}");
	}
	assert_int_equal(learn(&f, &q, strict), QUIRK_NO_REASONING);
	assert_int_equal(learn(&f, &q, wants), 0);
	fake_target_init(&f, &openai_dialect, "http://x");
	for (int i = 0; i < 3; i++) {
		assert_int_equal(learn_anew(&f, &max, no_old), QUIRK_NEW_MAX);
		assert_int_equal(learn_anew(&f, &max, no_new), QUIRK_OLD_MAX);
		request_is(&f, &max, "http://x/chat/completions",
			"{'model':'m','messages':[],'stream':true,'stream_options':{'include_usage':true},"
			"'max_tokens':3}");
	}
	assert_int_equal(learn(&f, &max, no_old), QUIRK_NEW_MAX);
	assert_int_equal(learn(&f, &max, no_new), 0);
}

/* What it said of a call is not sent back where it does not know it, or does not take it for valid any more. */
static void extras_of_calls(void **state)
{
	static const struct gen_tool_call signed_call = {.id = "a", .name = "f", .extras = ",\"caller\":{\"x\":1}"},
					  others = {.id = "a",
						  .name = "f",
						  .extras = ",\"caller\":1",
						  .extras_of = "another"};
	const struct gen_message own[] = {{.role = "user", .content = "Hi"},
		{.role = "assistant", .content = "I look.", .calls = &signed_call, .n_calls = 1}};
	const struct gen_message foreign[] = {{.role = "user", .content = "Hi"},
		{.role = "assistant", .content = "I look.", .calls = &others, .n_calls = 1}};
	struct gen_request q = {.messages = own, .n_messages = 2}, p = {.messages = foreign, .n_messages = 2};
	struct fake_target f;
	(void)state;
	fake_target_init(&f, &openai_dialect, "http://x");
	assert_int_equal(learn(&f, &p, "Unknown field \"caller\""), 0);
	assert_int_equal(learn(&f, &p, "Corrupted thought signature."), 0);
	assert_int_equal(learn(&f, &q, "Unknown field \"other\""), 0);
	assert_int_equal(learn(&f, &q, "Unknown field \"caller\""), QUIRK_NO_CALL_EXTRAS);
	fake_target_init(&f, &openai_dialect, "http://x");
	assert_int_equal(learn(&f, &q, "Corrupted thought signature."), QUIRK_NO_CALL_EXTRAS | QUIRK_SIGNED_CALLS);
	request_is(&f, &q, "http://x/chat/completions",
		"{'model':'m','messages':[{'role':'user','content':'Hi'},{'role':'assistant','content':'I look.',"
		"'tool_calls':[{'id':'a','type':'function','function':{'name':'f','arguments':'{}'},'extra_content':{"
		"'google':{'thought_signature':'skip_thought_signature_validator'}}}]}],'stream':true,"
		"'stream_options':{'include_usage':true}}");
	assert_int_equal(learn(&f, &q, "Corrupted thought signature."), 0); /* known already */
}

/* Messages that one person wrote in a row become one, with their pictures where they were. */
static void joined(void **state)
{
	static const struct gen_image first = {.at = 2, .gap = 1, .data = "AA"}, second = {.at = 1, .data = "BB"};
	const struct gen_message few[] = {{.role = "user", .content = " \n \n", .images = &first, .n_images = 1},
		{.role = "user", .content = "xy", .images = &second, .n_images = 1}, {.role = "user", .content = "z"},
		{.role = "assistant", .content = "A"}, {.role = "assistant", .content = "B"}};
	struct gen_request q = {.messages = few, .n_messages = 5}, ret;
	struct arena a;
	struct fake_target f;
	(void)state;
	fake_target_init(&f, &openai_dialect, "http://x");
	quirks_learn(&f.provider, "m", QUIRK_TURNS);
	request_is(&f, &q, "http://x/chat/completions",
		"{'model':'m','messages':[{'role':'user','content':["
		"{'type':'image_url','image_url':{'url':'data:image/png;base64,AA'}},{'type':'text','text':'x'},"
		"{'type':'image_url','image_url':{'url':'data:image/"
		"png;base64,BB'}},{'type':'text','text':'y\\n\\nz'}]},"
		"{'role':'assistant','content':'A\\n\\nB'}],'stream':true,'stream_options':{'include_usage':true}}");
	/* What was thought before a call stands with it, and not what was thought before. */
	const struct gen_tool_call call = {.id = "a", .name = "f", .arguments = "{}", .thoughts = "[2]"};
	const struct gen_message calls[] = {{.role = "user", .content = "Hi"},
		{.role = "assistant", .content = "A", .thoughts = "[1]"},
		{.role = "assistant", .content = "B", .calls = &call, .n_calls = 1},
		{.role = "tool", .content = "C", .tool_call_id = "a"}};
	q = (struct gen_request){.messages = calls, .n_messages = 4};
	request_is(&f, &q, "http://x/chat/completions",
		"{'model':'m','messages':[{'role':'user','content':'Hi'},"
		"{'role':'assistant','content':'A\\n\\nB','reasoning_details':[2],'tool_calls':["
		"{'id':'a','type':'function','function':{'name':'f','arguments':'{}'}}]},"
		"{'role':'tool','tool_call_id':'a','content':'C'}],'stream':true,"
		"'stream_options':{'include_usage':true}}");
	/* However many they are, it takes little more memory than they have. */
	struct gen_message many[1000];
	char text[521];
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (size_t i = 0; i < N_ELEMENTS(many); i++)
		many[i] = (struct gen_message){.role = "user", .content = text};
	q = (struct gen_request){.messages = many, .n_messages = N_ELEMENTS(many)};
	arena_init(&a, 2 << 20);
	assert_int_equal(roles_settle(&q, QUIRK_TURNS, &a, &ret), 0);
	assert_int_equal(ret.n_messages, 1);
	assert_int_equal(strlen(ret.messages[0].content), 1000 * 522 - 2);
	arena_done(&a);
}

static void many_models_are_remembered(void **state)
{
	struct fake_target f;
	char name[16];
	(void)state;
	fake_target_init(&f, &openai_dialect, "http://x");
	quirks_learn(&f.provider, "first", QUIRK_NO_EFFORT);
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "m%d", i);
		quirks_learn(&f.provider, name, QUIRK_NO_STRICT);
		assert_int_equal(quirks_of(&f.provider, name), QUIRK_NO_STRICT);
	}
	assert_int_equal(quirks_of(&f.provider, "first"), QUIRK_NO_EFFORT);
	for (int i = 20; i < 200; i++) { /* more than there is room for: the newest are known */
		snprintf(name, sizeof(name), "m%d", i);
		quirks_learn(&f.provider, name, QUIRK_NO_STRICT);
		assert_int_equal(quirks_of(&f.provider, name), QUIRK_NO_STRICT);
	}
}

/* ---- answers ---- */

#define D(delta)  "data: {\"choices\":[{\"index\":0,\"delta\":" delta ",\"finish_reason\":null}]}\n\n"
#define T(call)   D("{\"tool_calls\":[" call "]}")
#define END(word) "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"" word "\"}]}\n\n"
#define DONE      "data: [DONE]\n\n"

static void tool_calls(void **state)
{
	static const struct {
		const char *stream, *tools;
	} cases[] = {
		/* As OpenAI sends them. */
		{T("{\"index\":0,\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}")
				T("{\"index\":0,\"function\":{\"arguments\":\"{\\\"x\\\"\"}}")
					T("{\"index\":0,\"function\":{\"arguments\":\":1}\"}}")
						T("{\"index\":1,\"id\":\"b\",\"function\":{\"name\":\"g\","
						  "\"arguments\":\"\"}}") END("tool_calls") DONE,
			"0 a f {\"x\":1}\n1 b g {}\n"},
		/* Pieces of two calls in turns. */
		{T("{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\"}},{\"index\":1,\"id\":\"b\",\"function\":{"
		   "\"name\":\"g\"}}") T("{\"index\":1,\"function\":{\"arguments\":\"{}\"}}")
				T("{\"index\":0,\"function\":{\"arguments\":\"{\\\"k\\\":2}\"}}") END("tool_calls")
					DONE,
			"0 a f {\"k\":2}\n1 b g {}\n"},
		/* Whole calls without any index, the id in each, and "stop" although there are calls. */
		{T("{\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}")
				T("{\"id\":\"b\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"n\\\":2}\"}}")
					END("stop") DONE,
			"0 a f {}\n1 b f {\"n\":2}\n"},
		/* All have index 0, with ids of their own. */
		{T("{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}")
				T("{\"index\":0,\"id\":\"b\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}")
					END("tool_calls") DONE,
			"0 a f {}\n1 b f {}\n"},
		/* All have index 0, and no id at all. */
		{T("{\"index\":0,\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}")
				T("{\"index\":0,\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":\\\"}\\\"}\"}}")
					END("tool_calls") DONE,
			"0 MADE f {}\n1 MADE f {\"a\":\"}\"}\n"},
		/* Id and name repeated in each piece. */
		{T("{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"x\\\"\"}}")
				T("{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\":1}\"}}")
					END("tool_calls") DONE,
			"0 a f {\"x\":1}\n"},
		/* Without an index, going on without an id; a call before its name. */
		{T("{\"id\":\"a\",\"function\":{\"arguments\":\"{\"}}") T("{\"function\":{\"name\":\"f\"}}")
				T("{\"function\":{\"arguments\":\"}\"}}") END("tool_calls") DONE,
			"0 a f {}\n"},
		/* The arguments as an object; an empty list; null. */
		{D("{\"tool_calls\":[],\"content\":null}") D("{\"tool_calls\":null,\"content\":\"\"}") T(
			 "{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":{\"x\":[1,\"y\"]}"
			 "}}") END("tool_calls") DONE,
			"0 a f {\"x\":[1,\"y\"]}\n"},
		/* The first way of all, and its own reason. */
		{D("{\"function_call\":{\"name\":\"f\",\"arguments\":\"{\"}}")
				D("{\"function_call\":{\"arguments\":\"}\"}}") END("function_call") DONE,
			"0 MADE f {}\n"},
		/* An empty object before the pieces of the real one, as text and as an object; blanks for no arguments. */
		{T("{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":{}}}")
				T("{\"index\":0,\"function\":{\"arguments\":\"{\\\"x\\\":1}\"}}")
					T("{\"index\":1,\"id\":\"b\",\"function\":{\"name\":\"g\","
					  "\"arguments\":\"{}\"}}") T("{\"index\":1,\"function\":{\"arguments\":"
								      "\"{\\\"y\\\":2}\"}}")
						T("{\"index\":2,\"id\":\"c\",\"function\":{\"name\":\"h\","
						  "\"arguments\":\" \\n\"}}") END("tool_calls") DONE,
			"0 a f {\"x\":1}\n1 b g {\"y\":2}\n2 c h {}\n"},
		/* The whole answer in one piece. */
		{"{\"choices\":[{\"index\":0,\"message\":{\"content\":null,\"tool_calls\":[{\"id\":\"a\",\"type\":"
		 "\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}},{\"id\":\"b\",\"type\":\"function\","
		 "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},\"finish_reason\":\"tool_calls\"}]}",
			"0 a f {}\n1 b f {}\n"},
	};
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct outcome o = stream_everywhere(&openai_dialect, cases[i].stream);
		assert_int_equal(o.r, 0);
		assert_string_equal(o.tools, cases[i].tools);
		assert_string_equal(o.reason, "tool_calls");
		assert_string_equal(o.text, "");
	}
	/* Cut off by the limit: an object that was closed is whole, a name alone is nothing. */
	struct outcome o = stream_everywhere(&openai_dialect,
		T("{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}")
			T("{\"index\":1,\"id\":\"b\",\"function\":{\"name\":\"g\",\"arguments\":\"\"}}") END("length")
				DONE);
	assert_string_equal(o.tools, "0 a f {}\n1 b g \n");
	o = stream_everywhere(
		&openai_dialect, T("{\"index\":0,\"id\":\"a\",\"function\":{\"arguments\":\"{}\"}}") END("stop") DONE);
	assert_int_equal(o.r, E_PROVIDER_BROKEN);
}

static void usage_and_ends(void **state)
{
	(void)state;
	struct outcome o = stream_everywhere(&openai_dialect,
		D("{\"reasoning_content\":\"Hm\"}") D("{\"content\":\"Yes\"}")
			END("stop") "data: "
				    "{\"choices\":[],\"usage\":{\"prompt_tokens\":50,\"completion_tokens\":9,\"prompt_"
				    "tokens_"
				    "details\":{\"cached_tokens\":40},\"completion_tokens_details\":{\"reasoning_"
				    "tokens\":5}}}\n\n" DONE);
	assert_int_equal(o.r, 0);
	assert_string_equal(o.reasoning, "Hm");
	assert_string_equal(o.text, "Yes");
	assert_int_equal(o.in, 50);
	assert_int_equal(o.out, 9);
	assert_int_equal(o.cached, 40);
	assert_int_equal(o.thought, 5);
	static const char *const words[][2] = {{"eos", "stop"}, {"max_tokens", "length"}, {"length", "length"},
		{"content_filter", "content_filter"}, {"weird", "weird"}, {"TOKEN_LIMIT_REACHED", "length"},
		{"max_new_tokens", "length"}, {"context_exceeded", "length"}, {"blocked_by_policy", "content_filter"},
		{"IMAGE_SAFETY", "content_filter"}, {"model_context_window_exceeded", "length"}};
	for (size_t i = 0; i < N_ELEMENTS(words); i++) {
		char stream[400];
		snprintf(stream, sizeof(stream), D("{\"content\":\"x\"}") END("%s") DONE, words[i][0]);
		o = stream_everywhere(&openai_dialect, stream);
		assert_string_equal(o.reason, words[i][1]);
		assert_int_equal(o.cached, -1);
	}
	/* The message that repeats what came in pieces is not taken twice; pieces named so are. */
	o = stream_everywhere(&openai_dialect,
		D("{\"content\":\"He\"}") D("{\"content\":\"y\"}") "data: {\"choices\":[{\"index\":0,\"message\":"
								   "{\"content\":\"Hey\"},\"finish_reason\":"
								   "\"stop\"}]}\n\n" DONE);
	assert_string_equal(o.text, "Hey");
	o = stream_everywhere(&openai_dialect,
		"data: {\"choices\":[{\"index\":0,\"message\":{\"content\":\"He\"}}]}\n\n"
		"data: {\"choices\":[{\"index\":0,\"message\":{\"content\":\"y\"},\"finish_reason\":\"stop\"}]}"
		"\n\n" DONE);
	assert_string_equal(o.text, "Hey");
	/* A plain completion, with what vLLM says of the end. */
	o = stream_everywhere(&openai_dialect,
		"data: {\"object\":\"text_completion\",\"choices\":[{\"index\":0,\"text\":\" in\"}]}\n\n"
		"data: "
		"{\"choices\":[{\"index\":0,\"text\":\"t\",\"finish_reason\":\"stop\",\"stop_reason\":\"END\"}]}"
		"\n\n" DONE);
	assert_string_equal(o.text, " int");
	assert_string_equal(o.stop, "END");
}

static void what_stands_beside_the_text(void **state)
{
	struct outcome o;
	(void)state;
#define SERVED(delta)                                                                                                  \
	"data: {\"system_fingerprint\":\"fp_1\",\"service_tier\":\"flex\",\"choices\":[{\"index\":0,\"delta\":" delta  \
	"}]}\n\n"
	/* By the short way alone, and by the full parser. */
	o = stream_everywhere(
		&openai_dialect, SERVED("{\"content\":\"a\"}") SERVED("{\"content\":\"b\"}") END("stop") DONE);
	assert_string_equal(o.text, "ab");
	assert_string_equal(o.fingerprint, "fp_1");
	assert_string_equal(o.tier, "flex");
	assert_string_equal(o.annotations, "");
	o = stream_everywhere(&openai_dialect,
		D("{\"content\":\"a\"}") SERVED("{\"annotations\":[{\"a\":1},{\"b\":2.0}]}") D(
			"{\"content\":\"b\",\"annotations\":[{\"c\":3}]}") D("{\"annotations\":[]}") END("stop") DONE);
	assert_string_equal(o.text, "ab");
	assert_string_equal(o.fingerprint, "fp_1");
	assert_string_equal(o.tier, "flex");
	assert_string_equal(o.annotations, "{\"a\":1},{\"b\":2.0}\n{\"c\":3}\n");
	/* What is no text says nothing. */
	o = stream_everywhere(&openai_dialect,
		"data: {\"system_fingerprint\":null,\"service_tier\":7,\"choices\":[{\"index\":0,\"delta\":"
		"{\"content\":\"a\",\"annotations\":\"x\"}}]}\n\n" END("stop") DONE);
	assert_string_equal(o.text, "a");
	assert_string_equal(o.fingerprint, "");
	assert_string_equal(o.tier, "");
	assert_string_equal(o.annotations, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain),
		cmocka_unit_test(tools_and_images),
		cmocka_unit_test(pictures_between_texts),
		cmocka_unit_test(everything_else),
		cmocka_unit_test(refusals),
		cmocka_unit_test(quoted_words),
		cmocka_unit_test(of_all_forms),
		cmocka_unit_test(of_several_servers),
		cmocka_unit_test(extras_of_calls),
		cmocka_unit_test(joined),
		cmocka_unit_test(many_models_are_remembered),
		cmocka_unit_test(tool_calls),
		cmocka_unit_test(usage_and_ends),
		cmocka_unit_test(what_stands_beside_the_text),
	};
	return cmocka_run_group_tests_name("provider/openai", tests, NULL, NULL);
}
