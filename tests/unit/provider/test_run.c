/* Calls through the targets of a plan: the next one when one fails, what each can do, and requests handed over whole. */
#include "support.h"

#include <stdio.h>

#define JSON_HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
#define TAGS                                                                                                           \
	JSON_HEAD "{\"models\":[{\"name\":\"small\",\"model\":\"small\",\"capabilities\":[\"completion\"]},{\"name\":" \
		  "\"vec\",\"model\":\"vec\",\"capabilities\":[\"embedding\"]}]}"
#define MODELS                                                                                                         \
	JSON_HEAD "{\"object\":\"list\",\"data\":[{\"id\":\"big\",\"object\":\"model\"},"                              \
		  "{\"id\":\"llama\",\"object\":\"model\",\"owned_by\":\"llamacpp\"}]}"
#define CLAUDES                                                                                                        \
	JSON_HEAD "{\"data\":[{\"type\":\"model\",\"id\":\"claude\",\"display_name\":\"Claude\",\"max_tokens\":500}]," \
		  "\"has_more\":false}"
#define OL_END                                                                                                         \
	"{\"message\":{\"content\":\"small says\"},\"done\":true,\"done_reason\":\"stop\",\"prompt_eval_count\":4,"    \
	"\"eval_count\":2}\n"
#define OA_HI  "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"big says\"},\"finish_reason\":null}]}\n\n"
#define OA_END "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"
#define BAD(status, text)                                                                                              \
	"HTTP/1.1 " #status " X\r\nConnection: close\r\nContent-Type: application/json\r\n\r\n{\"error\":\"" text "\"" \
	"}"
#define AN(name, rest) "event: " name "\ndata: {\"type\":\"" name "\"" rest "}\n\n"
#define AN_START                                                                                                       \
	AN("message_start", ",\"message\":{\"usage\":{\"input_tokens\":1,\"cache_read_input_tokens\":10,"              \
			    "\"output_tokens\":1}}")
#define AN_TEXT AN("content_block_delta", ",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"claude says\"}")
#define AN_STOP                                                                                                        \
	AN("message_delta", ",\"delta\":{\"stop_reason\":\"stop_sequence\",\"stop_sequence\":\"END\"},\"usage\":{"     \
			    "\"output_tokens\":7}")                                                                    \
	AN("message_stop", "")

enum { SMALL, BIG, CLAUDE, SERVERS };

struct trial {
	struct server servers[SERVERS];
	struct script scripts[SERVERS][10];
	struct world world;
	struct memory_sink sink;
	struct gen_result result;
	struct err e;
};

/* The answers of each server after its list, NULL-terminated. */
static void begin(struct trial *t, const char *const *small, const char *const *big, const char *const *claude)
{
	static const char *const targets[] = {"small", "big", "claude"};
	static const struct model_route route = {.pattern = "smart", .targets = targets, .n_targets = 3};
	static const struct script lists[] = {{.path = "/api/tags", .bytes = TAGS},
		{.path = "/models", .bytes = MODELS}, {.path = "/v1/models?limit=1000", .bytes = CLAUDES}};
	const char *const *answers[] = {small, big, claude};
	char urls[SERVERS][64];
	memset(t, 0, sizeof(*t));
	for (size_t i = 0; i < SERVERS; i++) {
		size_t n = 0;
		t->scripts[i][n++] = lists[i];
		for (size_t k = 0; answers[i] && answers[i][k]; k++)
			t->scripts[i][n++] = (struct script){.bytes = answers[i][k]};
		server_start(&t->servers[i], t->scripts[i], n);
		server_url(&t->servers[i], urls[i]);
	}
	world_init(&t->world, urls[SMALL], urls[BIG]);
	t->world.settings.provider_tries = 3;
	const struct provider_config claudes = {
		.id = 9, .name = "claudes", .kind = "anthropic", .url = urls[CLAUDE], .key = "sk", .enabled = true};
	const struct catalogue_rules rules = {.routes = &route, .n_routes = 1};
	assert_int_equal(providers_configure(t->world.providers, &claudes, 1, &rules, &t->e), 0);
	providers_refresh(t->world.providers, PATIENCE_MS);
	sink_init(&t->sink, true);
}

static void end(struct trial *t)
{
	world_done(&t->world);
	for (size_t i = 0; i < SERVERS; i++)
		server_stop(&t->servers[i]);
	sink_done(&t->sink);
}

static int ask(struct trial *t, const struct gen_request *more)
{
	static const struct gen_message hi = {.role = "user", .content = "Hi"};
	struct gen_request q = more ? *more : (struct gen_request){.model = "smart"};
	if (!q.messages && !q.prompt) {
		q.messages = &hi;
		q.n_messages = 1;
	}
	return provider_generate(t->world.providers, &q, &t->sink.sink, &t->world.cancel, &t->result, &t->e);
}

static const char *const small_ok[] = {NDJSON_HEAD OL_END, NULL}, *const big_ok[] = {SSE_HEAD OA_HI OA_END, NULL},
			 *const claude_ok[] = {SSE_HEAD AN_START AN_TEXT AN_STOP, NULL};

static void the_first_answers(void **state)
{
	struct trial t;
	(void)state;
	begin(&t, small_ok, big_ok, claude_ok);
	assert_int_equal(ask(&t, NULL), 0);
	assert_string_equal(t.sink.text.p, "small says");
	assert_string_equal(t.result.model, "small");
	assert_string_equal(t.result.provider, "ollama");
	assert_string_equal(t.result.provider_model, "small");
	assert_int_equal(t.result.tries, 1);
	assert_null(strstr(t.sink.events.p, "fallback"));
	end(&t);
}

static void the_next_is_asked(void **state)
{
	/* What one provider cannot, another may: every such failure before anything was shown. */
	static const char *const failures[][3] = {
		{BAD(500, "runner died"), NULL},
		{BAD(401, "who are you"), NULL},
		{BAD(404, "model 'small' not found"), NULL},
		{BAD(503, "busy"), BAD(503, "busy"), NULL},
		{BAD(429, "insufficient_quota"), NULL},
		{NDJSON_HEAD "{\"error\":\"out of memory\"}\n", NULL},
		{NDJSON_HEAD "<html>no</html>\n", NULL},
		{NDJSON_HEAD, NULL},
		{"HTTP/1.1 429 X\r\nRetry-After: 50\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", NULL},
	};
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(failures); i++) {
		struct trial t;
		begin(&t, failures[i], big_ok, claude_ok);
		assert_int_equal(ask(&t, NULL), 0);
		assert_string_equal(t.sink.text.p, "big says");
		assert_string_equal(t.result.model, "big");
		assert_string_equal(t.result.provider, "openai");
		assert_string_equal(t.result.finish_reason, "stop");
		assert_non_null(strstr(t.sink.events.p, "\"state\":\"fallback\",\"text\":\""));
		assert_non_null(strstr(t.sink.events.p, "Asking big in place of small.\"}"));
		assert_int_equal(t.e.code, 0);
		assert_int_equal(t.result.tries, failures[i][1] ? 3 : 2);
		end(&t);
	}
}

static void all_the_way_down(void **state)
{
	static const char *const down[] = {BAD(500, "one"), NULL}, *const refused[] = {BAD(403, "two"), NULL},
				 *const last[] = {BAD(529, "three"), BAD(529, "three"), BAD(529, "three"), NULL};
	struct trial t;
	(void)state;
	begin(&t, down, refused, claude_ok);
	assert_int_equal(ask(&t, NULL), 0);
	assert_string_equal(t.sink.text.p, "claude says");
	assert_string_equal(t.result.model, "claude");
	assert_string_equal(t.result.provider, "claudes");
	assert_string_equal(t.result.stop_sequence, "END");
	assert_int_equal(t.result.tokens_in, 11);
	assert_int_equal(t.result.tokens_cached, 10);
	assert_int_equal(t.result.tokens_out, 7);
	end(&t);
	/* The last one is tried as often as any, and its failure is the one that is told. */
	begin(&t, down, refused, last);
	assert_int_equal(ask(&t, NULL), E_PROVIDER_BUSY);
	assert_int_equal(t.result.tries, 5);
	assert_non_null(strstr(t.e.msg, "(529)"));
	end(&t);
}

static void no_next_for_these(void **state)
{
	static const char *const wrong[] = {BAD(400, "bad request"), NULL};
	static const char *const half[] = {
		NDJSON_HEAD "{\"message\":{\"content\":\"ha\"},\"done\":false}\n{\"error\":\"died\"}\n", NULL};
	struct trial t;
	(void)state;
	begin(&t, wrong, big_ok, NULL);
	assert_int_equal(ask(&t, NULL), E_PROVIDER_REJECTED);
	assert_null(strstr(t.sink.events.p, "fallback"));
	end(&t);
	begin(&t, half, big_ok, NULL);
	assert_int_equal(ask(&t, NULL), E_PROVIDER);
	assert_string_equal(t.sink.text.p, "ha");
	assert_null(strstr(t.sink.events.p, "fallback"));
	end(&t);
}

/* ---- what a model can do ---- */

static void what_it_cannot(void **state)
{
	static const struct gen_tool tool = {.name = "f"};
	static const struct gen_image image = {.media_type = "image/png", .data = "AA"};
	static const struct gen_message look = {.role = "user", .content = "Look", .images = &image, .n_images = 1};
	const struct {
		struct gen_request q;
		const char *msg;
	} cases[] = {
		{{.model = "small", .tools = &tool, .n_tools = 1}, "small cannot use tools. Choose another model."},
		{{.model = "small", .messages = &look, .n_messages = 1},
			"small cannot look at images. Choose another model."},
		{{.model = "small", .thinking = THINKING_ON},
			"small cannot think before it answers. Choose another model."},
		{{.model = "small", .prompt = "a", .suffix = "b"},
			"small cannot fill a gap in a text. Choose another model."},
		{{.model = "vec"}, "vec makes vectors of texts and cannot answer."},
	};
	struct trial t;
	(void)state;
	begin(&t, small_ok, big_ok, NULL);
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		err_clear(&t.e);
		assert_int_equal(ask(&t, &cases[i].q), E_MODEL_CANNOT);
		assert_string_equal(t.e.msg, cases[i].msg);
	}
	assert_int_equal(t.sink.n_events, 0);
	/* Tools that shall not be called, and no thinking, any model can. */
	const struct gen_request fine = {
		.model = "small", .tools = &tool, .n_tools = 1, .tool_choice = TOOLS_NONE, .thinking = THINKING_OFF};
	err_clear(&t.e);
	assert_int_equal(ask(&t, &fine), 0);
	/* A route goes to the first that can. */
	const struct gen_request with_tools = {.model = "smart", .tools = &tool, .n_tools = 1};
	assert_int_equal(ask(&t, &with_tools), 0);
	assert_string_equal(t.result.model, "big");
	assert_null(strstr(t.sink.events.p, "fallback"));
	end(&t);
}

static void wrong_requests(void **state)
{
	static const struct gen_tool tool = {.name = "f", .parameters = "[]"};
	const struct gen_request q = {.model = "small", .tools = &tool, .n_tools = 1};
	struct trial t;
	(void)state;
	begin(&t, small_ok, NULL, NULL);
	assert_int_equal(ask(&t, &q), E_INVALID);
	assert_string_equal(t.e.msg, "The parameters of the tool \"f\" are not a JSON object.");
	end(&t);
}

/* ---- Anthropic ---- */

/* Overloaded, said in a stream that had begun: tried again, since nothing was shown. */
static void overloaded_in_the_stream(void **state)
{
	static const char *const answers[] = {
		SSE_HEAD AN_START AN("error", ",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}"),
		SSE_HEAD AN_START AN_TEXT AN_STOP, NULL};
	const struct gen_request q = {.model = "claude"};
	struct trial t;
	(void)state;
	begin(&t, NULL, NULL, answers);
	assert_int_equal(ask(&t, &q), 0);
	assert_string_equal(t.sink.text.p, "claude says");
	assert_int_equal(t.result.tries, 2);
	assert_non_null(strstr(t.sink.events.p, "\"state\":\"retrying\""));
	end(&t);
}

struct handed {
	struct buf bytes;
};

static int hand(void *arg, const char *p, size_t n)
{
	struct handed *h = arg;
	buf_add(&h->bytes, p, n);
	return 0;
}

static void handed_over_whole(void **state)
{
	static const char *const headers[] = {"anthropic-beta: x", NULL};
	struct handed h = {.bytes = BUF_INIT(1 << 20)};
	const struct gen_raw raw = {.api = API_ANTHROPIC,
		.body = "{\"model\":\"alias\",\"max_tokens\":5,\"messages\":[]}",
		.headers = headers,
		.bytes = hand,
		.arg = &h};
	const struct gen_request q = {.model = "claude", .raw = &raw};
	struct trial t;
	(void)state;
	begin(&t, NULL, NULL, claude_ok);
	assert_int_equal(ask(&t, &q), 0);
	assert_string_equal(h.bytes.p, AN_START AN_TEXT AN_STOP);
	assert_string_equal(t.sink.text.p, "");
	assert_int_equal(t.result.tokens_in, 11);
	assert_int_equal(t.result.tokens_out, 7);
	assert_true(t.result.first_token_ms >= 0);
	assert_string_equal(t.result.finish_reason, "stop");
	const char *asked = t.servers[CLAUDE].requests[t.servers[CLAUDE].n_requests - 1];
	assert_non_null(strstr(asked, "{\"model\":\"claude\",\"stream\":true,\"max_tokens\":5,\"messages\":[]}"));
	assert_non_null(strstr(asked, "anthropic-beta: x\r\n"));
	assert_non_null(strstr(asked, "x-api-key: sk\r\n"));
	buf_done(&h.bytes);
	end(&t);
}

static void counted_and_estimated(void **state)
{
	static const char *const answers[] = {JSON_HEAD "{\"input_tokens\":123}", BAD(404, "no such path"),
		BAD(500, "anthropic-version was not read"), BAD(401, "no"),
		JSON_HEAD "{\"input_tokens\":9223372036854775807}", NULL};
	const struct gen_message hi = {.role = "user", .content = "Some words to count, please"};
	struct gen_request q = {.model = "claude", .messages = &hi, .n_messages = 1};
	struct trial t;
	int64_t n = 0;
	bool exact = false;
	(void)state;
	begin(&t, NULL, NULL, answers);
	struct providers *ps = t.world.providers;
	assert_int_equal(provider_count_tokens(ps, &q, &t.world.cancel, &n, &exact, &t.e), 0);
	assert_int_equal(n, 123);
	assert_true(exact);
	const char *asked = t.servers[CLAUDE].requests[t.servers[CLAUDE].n_requests - 1];
	assert_non_null(strstr(asked, "POST /v1/messages/count_tokens"));
	assert_null(strstr(asked, "max_tokens"));
	assert_null(strstr(asked, "stream"));
	assert_int_equal(provider_count_tokens(ps, &q, &t.world.cancel, &n, &exact, &t.e), 0);
	assert_false(exact);
	assert_in_range(n, 5, 20);
	/* What breaks over there is no lesson about a field: the call is not made again without it. */
	size_t asked_before = t.servers[CLAUDE].n_requests;
	assert_int_equal(provider_count_tokens(ps, &q, &t.world.cancel, &n, &exact, &t.e), E_PROVIDER);
	assert_int_equal(t.servers[CLAUDE].n_requests, asked_before + 1);
	err_clear(&t.e);
	assert_int_equal(provider_count_tokens(ps, &q, &t.world.cancel, &n, &exact, &t.e), E_PROVIDER_REFUSED);
	err_clear(&t.e);
	/* A figure that no such text has is nobody's count. */
	assert_int_equal(provider_count_tokens(ps, &q, &t.world.cancel, &n, &exact, &t.e), 0);
	assert_false(exact);
	assert_in_range(n, 5, 20);
	size_t before = t.servers[SMALL].n_requests;
	q.model = "small";
	assert_int_equal(provider_count_tokens(ps, &q, &t.world.cancel, &n, &exact, &t.e), 0);
	assert_false(exact);
	assert_int_equal(t.servers[SMALL].n_requests, before);
	end(&t);
}

/* Each lesson is taken once within a call; what proves to be none gives back what it replaced. */
static void lessons(void **state)
{
	static const char strict[] = BAD(400, "reasoning_content: Extra inputs are not permitted"),
			  wants[] = BAD(400, "The reasoning_content must be passed back"), no[] = BAD(400, "no"),
			  counted[] = JSON_HEAD "{\"input_tokens\":7}";
	static const char *const answers[] = {strict, wants, strict, wants, counted, strict, no, counted, NULL};
	static const struct gen_message messages[] = {
		{.role = "user", .content = "Hi"}, {.role = "assistant", .content = "Yes"}};
	static const struct {
		int code;
		size_t requests;
	} calls[] = {{E_PROVIDER_REJECTED, 3}, {0, 2}, {E_PROVIDER_REJECTED, 2}, {0, 1}};
	struct gen_request q = {.model = "llama", .messages = messages, .n_messages = 2};
	struct trial t;
	(void)state;
	begin(&t, NULL, answers, NULL);
	for (size_t i = 0; i < N_ELEMENTS(calls); i++) {
		size_t before = t.servers[BIG].n_requests;
		int64_t n = 0;
		bool exact = false;
		err_clear(&t.e);
		assert_int_equal(
			provider_count_tokens(t.world.providers, &q, &t.world.cancel, &n, &exact, &t.e), calls[i].code);
		assert_int_equal(t.servers[BIG].n_requests - before, calls[i].requests);
	}
	assert_non_null(strstr(t.servers[BIG].requests[t.servers[BIG].n_requests - 1], "reasoning_content"));
	end(&t);
}

/* ---- time ---- */

static void an_answer_without_an_end(void **state)
{
	const struct script script[] = {{.path = "/api/tags", .bytes = TAGS},
		{.bytes = NDJSON_HEAD "{\"message\":{\"content\":\"ha\"},\"done\":false}\n", .hold = true}};
	struct trial t;
	char url[64];
	(void)state;
	memset(&t, 0, sizeof(t));
	server_start(&t.servers[SMALL], script, 2);
	server_url(&t.servers[SMALL], url);
	world_init(&t.world, NULL, NULL);
	const struct provider_config c = {
		.id = 3, .name = "mine", .kind = "ollama", .url = url, .enabled = true, .total_timeout_ms = 200};
	const struct catalogue_rules rules = {.n_routes = 0};
	assert_int_equal(providers_configure(t.world.providers, &c, 1, &rules, &t.e), 0);
	providers_refresh(t.world.providers, PATIENCE_MS);
	sink_init(&t.sink, true);
	const struct gen_request q = {.model = "small"};
	assert_int_equal(ask(&t, &q), E_PROVIDER_TIMEOUT);
	assert_string_equal(t.sink.text.p, "ha");
	assert_string_equal(t.e.msg, "Ollama did not end its answer within 0.2 s.");
	world_done(&t.world);
	server_stop(&t.servers[SMALL]);
	sink_done(&t.sink);
}

/* Of the tries of a call the one that took too long says so, and no other. */
static void the_next_is_not_late(void **state)
{
	static const char *const late[] = {NDJSON_HEAD, NULL}, *const refused[] = {BAD(403, "two"), NULL},
				 *const last[] = {BAD(403, "three"), NULL};
	const struct gen_request q = {.model = "smart", .patience_ms = 200};
	struct trial t;
	(void)state;
	begin(&t, late, refused, last);
	t.scripts[SMALL][1].hold = true; /* it is not asked yet */
	assert_int_equal(ask(&t, &q), E_PROVIDER_REFUSED);
	assert_non_null(strstr(t.e.msg, "(403, "));
	assert_int_equal(t.result.tries, 3);
	end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_answers),
		cmocka_unit_test(the_next_is_asked),
		cmocka_unit_test(all_the_way_down),
		cmocka_unit_test(no_next_for_these),
		cmocka_unit_test(what_it_cannot),
		cmocka_unit_test(wrong_requests),
		cmocka_unit_test(overloaded_in_the_stream),
		cmocka_unit_test(handed_over_whole),
		cmocka_unit_test(counted_and_estimated),
		cmocka_unit_test(lessons),
		cmocka_unit_test(an_answer_without_an_end),
		cmocka_unit_test(the_next_is_not_late),
	};
	return cmocka_run_group_tests_name("provider/run", tests, NULL, NULL);
}
