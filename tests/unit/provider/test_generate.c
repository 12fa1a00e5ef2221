/* Whole calls of scripted providers over real sockets: tries, failures, cancel. */
#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"

#define TAGS                                                                                                           \
	"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"                               \
	"{\"models\":[{\"name\":\"toy:latest\",\"model\":\"toy:latest\",\"size\":5}]}"
#define MODELS                                                                                                         \
	"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"                               \
	"{\"object\":\"list\",\"data\":[{\"id\":\"toy\",\"object\":\"model\"}]}"
#define OL_HI                                                                                                          \
	"{\"model\":\"toy\",\"created_at\":\"x\",\"message\":{\"role\":\"assistant\",\"content\":\"Hi\"},\"done\":"    \
	"false}\n"
#define OL_END                                                                                                         \
	"{\"message\":{\"content\":\"!\"},\"done\":true,\"done_reason\":\"stop\",\"prompt_eval_count\":4,\"eval_"      \
	"count\":2}\n"
#define BUSY   "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 16\r\n\r\n{\"error\":\"busy\"}"
#define OA_HI  "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},\"finish_reason\":null}]}\n\n"
#define OA_END "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"
#define OL_LIST                                                                                                        \
	{                                                                                                              \
		.path = "/api/tags", .bytes = TAGS                                                                     \
	}
#define OA_LIST                                                                                                        \
	{                                                                                                              \
		.path = "/models", .bytes = MODELS                                                                     \
	}

struct trial {
	struct server server;
	struct world world;
	struct memory_sink sink;
	struct gen_result result;
	struct err e;
	bool openai;
};

static void begin(struct trial *t, const struct script *script, size_t n, bool openai)
{
	char url[64];
	memset(t, 0, sizeof(*t));
	server_start(&t->server, script, n);
	server_url(&t->server, url);
	world_init(&t->world, openai ? NULL : url, openai ? url : NULL);
	providers_refresh(t->world.providers, PATIENCE_MS);
	sink_init(&t->sink, true);
	t->sink.loop = t->world.loop;
	t->openai = openai;
}

static int generate(struct trial *t)
{
	const struct gen_message messages[] = {
		{.role = "system", .content = "Be brief."}, {.role = "user", .content = "Say \"hi\"\n"}};
	struct gen_request q = {.model = t->openai ? "toy" : "toy:latest", .messages = messages, .n_messages = 2};
	return provider_generate(t->world.providers, &q, &t->sink.sink, &t->world.cancel, &t->result, &t->e);
}

static void end(struct trial *t)
{
	assert_false(t->sink.wrong_thread);
	world_done(&t->world);
	server_stop(&t->server);
	sink_done(&t->sink);
}

#define OL_QUIET_END "{\"message\":{\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\"}\n"

struct longest {
	struct trial *t;
	size_t events, bytes;
};

static void measure(void *arg, enum event_type type, const char *json)
{
	struct longest *l = arg;
	if (type == EV_STATUS)
		return;
	l->events++;
	l->bytes = MAX(l->bytes, strlen(json));
}

/* What takes milliseconds to parse is not parsed on the loop, and its events are short enough to be nothing for it. */
static void a_line_of_megabytes(void **state)
{
	enum { N = 3000000 };
	char *bytes = xcalloc(1, N + 1000);
	const struct script script[] = {OL_LIST, {.bytes = bytes}};
	struct trial t;
	struct longest l = {.t = &t};
	(void)state;
	size_t n = (size_t)sprintf(bytes, "%s", NDJSON_HEAD "{\"message\":{\"content\":\"");
	memset(bytes + n, 'x', N);
	strcpy(bytes + n + N, "\"},\"done\":false}\n" OL_QUIET_END);
	begin(&t, script, N_ELEMENTS(script), false);
	t.world.settings.stop_repetition = false;
	t.sink.expect_loop = false; /* the reverse would be told as wrong_thread */
	t.sink.loop = NULL;
	t.sink.on_event = measure;
	t.sink.arg = &l;
	assert_int_equal(generate(&t), 0);
	assert_int_equal(t.sink.text.n, N);
	assert_true(l.events >= N / LONG_BYTES && l.bytes < LONG_BYTES + 100);
	end(&t);
	free(bytes);
}

/* Ten thousand events in one go: others have their turn in between, and nothing gets lost by that. */
static void a_flood_of_lines(void **state)
{
	enum { N = 10000 };
	CLEANUP(buf_done) struct buf b = BUF_INIT(1 << 20);
	struct trial t;
	(void)state;
	buf_add_str(&b, NDJSON_HEAD);
	for (int i = 0; i < N; i++)
		buf_add_str(&b, OL_HI);
	buf_add_str(&b, OL_QUIET_END);
	const struct script script[] = {OL_LIST, {.bytes = buf_str(&b).p}};
	begin(&t, script, N_ELEMENTS(script), false);
	t.world.settings.stop_repetition = false;
	assert_int_equal(generate(&t), 0);
	assert_int_equal(t.sink.text.n, N * 2);
	end(&t);
}

static void ollama_whole(void **state)
{
	static const struct script script[] = {OL_LIST, {.bytes = NDJSON_HEAD OL_HI OL_HI OL_END}};
	struct trial t;
	(void)state;
	begin(&t, script, N_ELEMENTS(script), false);
	assert_int_equal(generate(&t), 0);
	assert_string_equal(t.sink.text.p, "HiHi!");
	assert_string_equal(t.result.finish_reason, "stop");
	assert_int_equal(t.result.tokens_in, 4);
	assert_int_equal(t.result.tokens_out, 2);
	assert_true(t.result.first_token_ms >= 0 && t.result.first_token_ms <= t.result.duration_ms);
	assert_int_equal(t.sink.n_status, 1);
	assert_non_null(strstr(t.sink.events.p, "status {\"state\":\"connecting\",\"text\":\"Asking toy:latest\"}"));
	assert_non_null(strstr(t.server.requests[1], "POST /api/chat HTTP/1.1"));
	assert_non_null(strstr(t.server.requests[1],
		"{\"model\":\"toy:latest\",\"messages\":[{\"role\":\"system\",\"content\":\"Be brief.\"},"
		"{\"role\":\"user\",\"content\":\"Say \\\"hi\\\"\\n\"}],\"stream\":true,\"truncate\":false}"));
	end(&t);
}

static void openai_whole(void **state)
{
	static const struct script script[] = {OA_LIST, {.bytes = SSE_HEAD OA_HI OA_END}};
	struct trial t;
	(void)state;
	begin(&t, script, N_ELEMENTS(script), true);
	assert_int_equal(generate(&t), 0);
	assert_string_equal(t.sink.text.p, "Hi");
	assert_int_equal(t.result.tokens_out, -1);
	assert_non_null(strstr(t.server.requests[1], "POST /chat/completions HTTP/1.1"));
	assert_non_null(strstr(t.server.requests[1], "\"stream\":true,\"stream_options\":{\"include_usage\":true}}"));
	end(&t);
}

/* What is understood only at the end of the stream comes on the loop's thread too. */
static void events_of_the_end(void **state)
{
	static const struct script whole[] = {
		OA_LIST, {.bytes = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
				   "{\"choices\":[{\"finish_reason\":\"stop\",\"index\":0,\"message\":{\"content\":"
				   "\"All\"}}]}"}};
	static const struct script held[] = {OL_LIST,
		{.bytes = NDJSON_HEAD "{\"message\":{\"content\":\"<th\"},\"done\":true,\"done_reason\":\"stop\"}"}};
	struct trial t;
	(void)state;
	begin(&t, whole, N_ELEMENTS(whole), true);
	assert_int_equal(generate(&t), 0);
	assert_string_equal(t.sink.text.p, "All");
	end(&t);
	begin(&t, held, N_ELEMENTS(held), false);
	assert_int_equal(generate(&t), 0);
	assert_string_equal(t.sink.text.p, "<th");
	end(&t);
}

static void busy_then_well(void **state)
{
	static const struct script script[] = {
		OL_LIST, {.bytes = BUSY}, {.bytes = BUSY}, {.bytes = NDJSON_HEAD OL_HI OL_END}};
	struct trial t;
	(void)state;
	begin(&t, script, N_ELEMENTS(script), false);
	assert_int_equal(generate(&t), 0);
	assert_string_equal(t.sink.text.p, "Hi!");
	assert_int_equal(t.server.n_requests, 4);
	assert_int_equal(t.sink.n_status, 3);
	assert_non_null(strstr(t.sink.events.p,
		"\"state\":\"retrying\",\"text\":\"Ollama is busy or starting (503): busy. Trying again in 0.0 s.\""));
	assert_non_null(strstr(t.sink.events.p, "\"attempt\":2,\"wait_ms\":"));
	assert_non_null(strstr(t.sink.events.p, "\"attempt\":3,\"wait_ms\":"));
	end(&t);
}

static void retry_after_is_honoured(void **state)
{
	static const struct script script[] = {OA_LIST,
		{.bytes = "HTTP/1.1 429 Slow down\r\nRetry-After: 0.05\r\nContent-Length: 0\r\n\r\n"},
		{.bytes = SSE_HEAD OA_HI OA_END}};
	static const struct script never[] = {
		OA_LIST, {.bytes = "HTTP/1.1 429 Slow down\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n"}};
	struct trial t;
	(void)state;
	begin(&t, script, N_ELEMENTS(script), true);
	assert_int_equal(generate(&t), 0);
	assert_non_null(strstr(t.sink.events.p, "\"attempt\":2,\"wait_ms\":50}"));
	end(&t);
	/* An hour is too long to wait for: said, not waited. */
	begin(&t, never, N_ELEMENTS(never), true);
	assert_int_equal(generate(&t), E_PROVIDER_LIMITED);
	assert_int_equal(t.e.retry_after_s, 3600);
	assert_int_equal(t.server.n_requests, 2);
	end(&t);
}

static void tries_end(void **state)
{
	static const struct script script[] = {
		OL_LIST, {.bytes = BUSY}, {.bytes = BUSY}, {.bytes = BUSY}, {.bytes = BUSY}};
	struct trial t;
	(void)state;
	begin(&t, script, N_ELEMENTS(script), false);
	t.world.settings.provider_tries = 3;
	assert_int_equal(generate(&t), E_PROVIDER_BUSY);
	assert_int_equal(t.server.n_requests, 4);
	assert_string_equal(t.e.msg, "Ollama is busy or starting (503): busy");
	end(&t);
}

static void some_are_not_tried_again(void **state)
{
	static const struct {
		bool openai;
		const char *answer;
		int r;
		const char *msg;
	} cases[] = {
		{false, "HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n{\"error\":\"model 'toy' is not found\"} ",
			E_MODEL_UNKNOWN,
			"Ollama does not have this model: model 'toy' is not found. Try: ollama pull toy:latest"},
		{false, "HTTP/1.1 400 Bad\r\nConnection: close\r\n\r\n{\"error\":\"does not fit\"}",
			E_PROVIDER_REJECTED, "Ollama answered with status 400: does not fit"},
		{false, "HTTP/1.1 500 Bad\r\nContent-Length: 0\r\n\r\n", E_PROVIDER,
			"Ollama answered with status 500."},
		{true,
			"HTTP/1.1 429 No\r\nConnection: close\r\n\r\n"
			"{\"error\":{\"message\":\"Pay first\",\"code\":\"insufficient_quota\"}}     ",
			E_PROVIDER_QUOTA, NULL},
		{true, "HTTP/1.1 401 No\r\nConnection: close\r\n\r\n{\"error\":{\"message\":\"Who is it?\"}}",
			E_PROVIDER_REFUSED, NULL},
		{true, "HTTP/1.1 400 No\r\nConnection: close\r\n\r\n<html>never</html>  ", E_PROVIDER_REJECTED, NULL},
		{true, "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", E_PROVIDER_REFUSED, NULL},
		{true, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", E_PROVIDER_REFUSED, NULL},
		{true, "HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n", E_TOO_LARGE, NULL},
		{true, "HTTP/1.1 422 No\r\nContent-Length: 0\r\n\r\n", E_PROVIDER_REJECTED, NULL},
		/* The runner's error body, which Ollama hands on as a string. */
		{true,
			"HTTP/1.1 400 Bad\r\nConnection: close\r\n\r\n"
			"{\"error\":\"{\\\"error\\\":{\\\"code\\\":400,\\\"message\\\":\\\"request (9 tokens) "
			"exceeds the available context size\\\",\\\"type\\\":\\\"x\\\"}}\"}",
			E_CONTEXT_TOO_LONG, NULL},
		/* What only looks like one is shown as it is. */
		{false, "HTTP/1.1 400 Bad\r\nConnection: close\r\n\r\n{\"error\":\"{not JSON\"}", E_PROVIDER_REJECTED,
			"Ollama answered with status 400: {not JSON"},
	};
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		const struct script script[] = {OL_LIST, OA_LIST, {.bytes = cases[i].answer}, {.bytes = BUSY}};
		struct trial t;
		begin(&t, script, N_ELEMENTS(script), cases[i].openai);
		assert_int_equal(generate(&t), cases[i].r);
		if (cases[i].r == E_PROVIDER_REFUSED || cases[i].r == E_PROVIDER_REJECTED)
			assert_false(err_info(t.e.code)->retryable);
		if (cases[i].msg)
			assert_string_equal(t.e.msg, cases[i].msg);
		assert_null(strstr(t.e.msg, "html"));
		assert_int_equal(t.server.n_requests, 2);
		assert_int_equal(t.sink.n_status, 1);
		end(&t);
	}
}

static void cut_in_the_middle(void **state)
{
	static const struct script script[] = {OL_LIST, {.bytes = NDJSON_HEAD OL_HI}, {.bytes = NDJSON_HEAD OL_END}};
	static const struct script chunked[] = {OA_LIST,
		{.bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n" OA_HI},
		{.bytes = SSE_HEAD OA_END}};
	struct trial t;
	(void)state;
	begin(&t, script, N_ELEMENTS(script), false);
	assert_int_equal(generate(&t), E_PROVIDER_BROKEN);
	assert_string_equal(t.sink.text.p, "Hi");
	assert_string_equal(t.result.finish_reason, "");
	assert_true(t.result.first_token_ms >= 0);
	assert_int_equal(t.server.n_requests, 2);
	assert_string_equal(t.e.msg, "Ollama ended the answer in the middle.");
	end(&t);
	begin(&t, chunked, N_ELEMENTS(chunked), true);
	assert_int_equal(generate(&t), E_PROVIDER_BROKEN);
	assert_string_equal(t.sink.text.p, "Hi");
	assert_int_equal(t.server.n_requests, 2);
	end(&t);
}

static void error_line_in_the_middle(void **state)
{
	static const struct script script[] = {
		OL_LIST, {.bytes = NDJSON_HEAD OL_HI "{\"error\":\"llama runner died\"}\n", .hold = true}};
	struct trial t;
	(void)state;
	begin(&t, script, N_ELEMENTS(script), false);
	assert_int_equal(generate(&t), E_PROVIDER);
	assert_string_equal(t.sink.text.p, "Hi");
	assert_string_equal(t.e.msg, "Ollama reported: llama runner died");
	end(&t);
}

static void closed_before_an_answer(void **state)
{
	static const struct script script[] = {OL_LIST, {.bytes = ""}, {.bytes = NDJSON_HEAD OL_HI OL_END}};
	struct trial t;
	(void)state;
	begin(&t, script, N_ELEMENTS(script), false);
	assert_int_equal(generate(&t), 0);
	assert_string_equal(t.sink.text.p, "Hi!");
	assert_int_equal(t.sink.n_status, 2);
	end(&t);
}

static void refused(void **state)
{
	static const struct script script[] = {OL_LIST};
	struct trial t;
	(void)state;
	begin(&t, script, N_ELEMENTS(script), false);
	/* The list is known, but now nobody listens. */
	shutdown(t.server.fd, SHUT_RDWR);
	pthread_join(t.server.thread, NULL);
	close(t.server.fd);
	t.world.settings.provider_tries = 3;
	assert_int_equal(generate(&t), E_PROVIDER_DOWN);
	assert_int_equal(t.sink.n_status, 3);
	assert_false(t.sink.wrong_thread);
	assert_non_null(strstr(t.sink.events.p, "Is the provider running? Trying again"));
	/* The catalogue knows without a look, and who asks for another model learns why it is not there. */
	struct arena arena;
	struct catalogue c;
	struct err e = {0};
	const char *id;
	char expected[256];
	arena_init(&arena, 1 << 20);
	assert_int_equal(providers_catalogue(t.world.providers, &arena, &c, &e), 0);
	assert_string_equal(c.providers[0].state, "unreachable");
	assert_string_equal(c.providers[0].error, t.e.msg);
	assert_int_equal(providers_resolve(t.world.providers, "other", &arena, &id, &e), E_MODEL_UNKNOWN);
	snprintf(expected, sizeof(expected),
		"No provider offers the model \"other\" now. Ollama at "
		"http://127.0.0.1:%d cannot be reached: %.150s",
		t.server.port, t.e.msg);
	assert_string_equal(e.msg, expected);
	arena_done(&arena);
	world_done(&t.world);
	pthread_mutex_destroy(&t.server.mx);
	sink_done(&t.sink);
}

/* Waits for refreshes to have ended that many times; fails when they do not. */
static void wait_refreshes(struct providers *ps, uint64_t wanted)
{
	int64_t until_ms = clock_mono_ms() + PATIENCE_MS;
	bool in_time = true;
	pthread_mutex_lock(&ps->mx);
	while (ps->refreshes < wanted && in_time)
		in_time = clock_wait(&ps->cv, &ps->mx, until_ms);
	pthread_mutex_unlock(&ps->mx);
	assert_true(in_time);
}

static void an_answer_causes_a_look(void **state)
{
	static const struct script script[] = {
		OL_LIST, {.bytes = NDJSON_HEAD OL_HI OL_END}, {.bytes = NDJSON_HEAD OL_HI OL_END}};
	struct trial t;
	(void)state;
	begin(&t, script, N_ELEMENTS(script), false);
	struct providers *ps = t.world.providers;
	t.world.settings.model_refresh_s = 3600;
	assert_int_equal(providers_start(ps, &t.e), 0);
	wait_refreshes(ps, 2);
	/* It answers as always: no look. */
	assert_int_equal(generate(&t), 0);
	assert_false(ps->refresh_wanted);
	/* It was away and answers. */
	struct err why = {0};
	err_set(&why, E_PROVIDER_DOWN, "Nothing answers.");
	catalogue_note_call(ps, ps->all[0], &why);
	assert_int_equal(ps->all[0]->state, PROVIDER_UNREACHABLE);
	assert_int_equal(generate(&t), 0);
	wait_refreshes(ps, 3);
	pthread_mutex_lock(&ps->mx);
	assert_int_equal(ps->all[0]->state, PROVIDER_OK);
	assert_null(ps->all[0]->error);
	pthread_mutex_unlock(&ps->mx);
	end(&t);
}

static void stream_options_are_forgotten(void **state)
{
	static const struct script script[] = {OA_LIST,
		{.bytes = "HTTP/1.1 400 No\r\nConnection: close\r\n\r\n{\"error\":{\"message\":\"unknown: "
			  "stream_options\"}} "},
		{.bytes = SSE_HEAD OA_HI OA_END}, {.bytes = SSE_HEAD OA_HI OA_END}};
	struct trial t;
	(void)state;
	begin(&t, script, N_ELEMENTS(script), true);
	assert_int_equal(generate(&t), 0);
	assert_string_equal(t.sink.text.p, "Hi");
	assert_int_equal(t.sink.n_status, 1);
	assert_int_equal(generate(&t), 0);
	assert_int_equal(t.server.n_requests, 4);
	assert_non_null(strstr(t.server.requests[1], "stream_options"));
	assert_null(strstr(t.server.requests[2], "stream_options"));
	assert_null(strstr(t.server.requests[3], "stream_options"));
	end(&t);
}

/* ---- cancel ---- */

static int64_t fired_us;

static void fire(void *arg)
{
	struct trial *t = arg;
	if (t->server.n_requests < 2)
		return;
	fired_us = clock_mono_us();
	cancel_fire(&t->world.cancel, E_CANCELED);
}

static void fire_on_retry(void *arg, enum event_type type, const char *json)
{
	(void)type;
	if (strstr(json, "retrying"))
		fire(arg);
}

static void fire_on_text(void *arg, enum event_type type, const char *json)
{
	(void)json;
	if (type == EV_TEXT)
		fire(arg);
}

static void check_canceled(struct trial *t)
{
	assert_int_equal(generate(t), -ECANCELED);
	assert_true(clock_mono_us() - fired_us < 5000000); /* the server would say nothing for longer */
	assert_int_equal(t->e.code, E_CANCELED);
	assert_int_equal(t->server.n_requests, 2);
	end(t);
}

static void canceled(void **state)
{
	static const struct script silent[] = {OL_LIST, {.bytes = "HTTP/1.1 200 OK\r\n", .hold = true}};
	static const struct script busy[] = {OL_LIST, {.bytes = BUSY}};
	static const struct script talking[] = {OL_LIST, {.bytes = NDJSON_HEAD OL_HI, .hold = true}};
	struct trial t;
	(void)state;
	begin(&t, silent, N_ELEMENTS(silent), false);
	t.server.on_request = fire;
	t.server.arg = &t;
	check_canceled(&t);

	begin(&t, busy, N_ELEMENTS(busy), false);
	t.world.settings.retry_base_ms = 60000;
	t.sink.on_event = fire_on_retry;
	t.sink.arg = &t;
	check_canceled(&t);

	begin(&t, talking, N_ELEMENTS(talking), false);
	t.sink.on_event = fire_on_text;
	t.sink.arg = &t;
	check_canceled(&t);

	begin(&t, silent, N_ELEMENTS(silent), false);
	cancel_fire(&t.world.cancel, E_STOPPING);
	assert_int_equal(generate(&t), -ECANCELED);
	assert_int_equal(t.e.code, E_STOPPING);
	end(&t);
}

static void the_sinks_word_ends_it(void **state)
{
	static const struct script script[] = {OL_LIST, {.bytes = NDJSON_HEAD OL_HI, .hold = true}};
	struct trial t;
	(void)state;
	begin(&t, script, N_ELEMENTS(script), false);
	t.sink.answer = 0;
	t.sink.on_event = NULL;
	t.sink.answer = E_TOO_LARGE;
	/* Already the first status is refused. */
	assert_int_equal(generate(&t), E_TOO_LARGE);
	assert_int_equal(t.sink.n_events, 1);
	end(&t);
}

/* ---- the watch ---- */

static void fire_on_loading(void *arg, enum event_type type, const char *json)
{
	(void)type;
	if (strstr(json, "\"state\":\"loading\""))
		fire(arg);
}

static void silence_is_told(void **state)
{
	static const struct script silent[] = {OL_LIST, {.bytes = "HTTP/1.1 200 OK\r\n", .hold = true}};
	struct trial t;
	(void)state;
	begin(&t, silent, N_ELEMENTS(silent), false);
	t.world.providers->loading_after_ms = 20;
	t.sink.on_event = fire_on_loading;
	t.sink.arg = &t;
	fired_us = 0;
	assert_int_equal(generate(&t), -ECANCELED);
	assert_true(fired_us > 0);
	assert_non_null(strstr(t.sink.events.p,
		"status {\"state\":\"loading\",\"text\":\"Waiting for toy:latest to load or to read the question\","
		"\"elapsed_ms\":"));
	end(&t);
}

/* A provider that says it is done but keeps the connection open does not hold the turn. */
static void no_hanging_up(void **state)
{
	static const struct script script[] = {OL_LIST, {.bytes = NDJSON_HEAD OL_HI OL_END, .hold = true}};
	struct trial t;
	(void)state;
	begin(&t, script, N_ELEMENTS(script), false);
	t.world.providers->loading_after_ms = 40;
	assert_int_equal(generate(&t), 0);
	assert_string_equal(t.sink.text.p, "Hi!");
	assert_string_equal(t.result.finish_reason, "stop");
	assert_int_equal(t.e.code, 0);
	end(&t);
}

/* Nor one that says why it ends, and then neither anything more nor good-bye. */
static void a_reason_without_a_mark(void **state)
{
	static const struct script script[] = {
		OA_LIST, {.bytes = SSE_HEAD OA_HI
				 "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"length\"}]}\n\n",
				 .hold = true}};
	struct trial t;
	(void)state;
	begin(&t, script, N_ELEMENTS(script), true);
	t.world.providers->loading_after_ms = 40;
	assert_int_equal(generate(&t), 0);
	assert_string_equal(t.sink.text.p, "Hi");
	assert_string_equal(t.result.finish_reason, "length");
	assert_int_equal(t.e.code, 0);
	end(&t);
}

static void idle_after_text(void **state)
{
	static const struct script script[] = {OL_LIST, {.bytes = NDJSON_HEAD OL_HI, .hold = true}};
	struct trial t;
	(void)state;
	begin(&t, script, N_ELEMENTS(script), false);
	t.world.settings.token_timeout_s = 1;
	assert_int_equal(generate(&t), E_PROVIDER_TIMEOUT);
	assert_string_equal(t.sink.text.p, "Hi");
	assert_int_equal(t.server.n_requests, 2);
	end(&t);
}

static void unknown_model(void **state)
{
	static const struct script script[] = {OL_LIST};
	struct trial t;
	(void)state;
	begin(&t, script, N_ELEMENTS(script), false);
	struct gen_request q = {.model = "other"};
	assert_int_equal(provider_generate(t.world.providers, &q, &t.sink.sink, &t.world.cancel, &t.result, &t.e),
		E_MODEL_UNKNOWN);
	end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ollama_whole),
		cmocka_unit_test(openai_whole),
		cmocka_unit_test(events_of_the_end),
		cmocka_unit_test(busy_then_well),
		cmocka_unit_test(retry_after_is_honoured),
		cmocka_unit_test(tries_end),
		cmocka_unit_test(some_are_not_tried_again),
		cmocka_unit_test(cut_in_the_middle),
		cmocka_unit_test(error_line_in_the_middle),
		cmocka_unit_test(closed_before_an_answer),
		cmocka_unit_test(refused),
		cmocka_unit_test(an_answer_causes_a_look),
		cmocka_unit_test(stream_options_are_forgotten),
		cmocka_unit_test(canceled),
		cmocka_unit_test(the_sinks_word_ends_it),
		cmocka_unit_test(silence_is_told),
		cmocka_unit_test(no_hanging_up),
		cmocka_unit_test(a_reason_without_a_mark),
		cmocka_unit_test(idle_after_text),
		cmocka_unit_test(a_line_of_megabytes),
		cmocka_unit_test(a_flood_of_lines),
		cmocka_unit_test(unknown_model),
	};
	return cmocka_run_group_tests_name("provider/generate", tests, NULL, NULL);
}
