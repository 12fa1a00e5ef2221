/* Vectors of texts: in batches, of all kinds, cut where they shall be shorter. */
#include "support.h"

#include <math.h>
#include <stdio.h>

#define JSON_HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
#define TAGS                                                                                                           \
	{                                                                                                              \
		.path = "/api/tags", .bytes = JSON_HEAD                                                                \
				     "{\"models\":[{\"model\":\"vec\",\"capabilities\":[\"embedding\"]},{\"model\":"   \
				     "\"talk\",\"capabilities\":[\"completion\"]}]}"                                   \
	}
#define MODELS                                                                                                         \
	{                                                                                                              \
		.path = "/models", .bytes = JSON_HEAD "{\"data\":[{\"id\":\"vec\"}]}"                                  \
	}

struct trial {
	struct server server;
	struct world world;
	struct arena arena;
	struct embed_result result;
	struct err e;
};

static void begin(struct trial *t, const struct script *script, size_t n, bool openai)
{
	char url[64];
	memset(t, 0, sizeof(*t));
	server_start(&t->server, script, n);
	server_url(&t->server, url);
	world_init(&t->world, openai ? NULL : url, openai ? url : NULL);
	providers_refresh(t->world.providers, PATIENCE_MS);
	arena_init(&t->arena, 1 << 20);
}

static void end(struct trial *t)
{
	arena_done(&t->arena);
	world_done(&t->world);
	server_stop(&t->server);
}

static int embed_model(struct trial *t, const char *model, const char *const *inputs, size_t n, int64_t dimensions)
{
	const struct embed_request q = {.model = model, .inputs = inputs, .n_inputs = n, .dimensions = dimensions};
	err_clear(&t->e);
	return provider_embed(t->world.providers, &q, &t->world.cancel, &t->arena, &t->result, &t->e);
}

static int embed(struct trial *t, size_t n, int64_t dimensions)
{
	static const char *const inputs[] = {"a \"quoted\" one", "b"};
	return embed_model(t, "vec", inputs, n, dimensions);
}

static void is_vector(const struct trial *t, size_t i, const float *wanted)
{
	for (size_t k = 0; k < t->result.dimensions; k++)
		assert_true(fabsf(t->result.vectors[i * t->result.dimensions + k] - wanted[k]) < 1e-6f);
}

static void ollama(void **state)
{
	static const struct script script[] = {TAGS,
		{.bytes = JSON_HEAD
			"{\"model\":\"vec\",\"embeddings\":[[0.6,0.8,0],[0,0.5,1]],\"prompt_eval_count\":7}"},
		{.bytes = JSON_HEAD "{\"embeddings\":[[3,4,12]]}"}};
	struct trial t;
	(void)state;
	begin(&t, script, N_ELEMENTS(script), false);
	assert_int_equal(embed(&t, 2, 0), 0);
	assert_int_equal(t.result.dimensions, 3);
	is_vector(&t, 0, (const float[]){0.6f, 0.8f, 0});
	is_vector(&t, 1, (const float[]){0, 0.5f, 1});
	assert_int_equal(t.result.call.tokens_in, 7);
	assert_string_equal(t.result.call.model, "vec");
	assert_string_equal(t.result.call.provider, "ollama");
	assert_non_null(strstr(t.server.requests[1], "POST /api/embed "));
	assert_non_null(strstr(t.server.requests[1], "{\"model\":\"vec\",\"input\":[\"a \\\"quoted\\\" one\",\"b\"]}"));
	/* Cut, and of length 1 again. */
	assert_int_equal(embed(&t, 1, 2), 0);
	assert_int_equal(t.result.dimensions, 2);
	is_vector(&t, 0, (const float[]){0.6f, 0.8f});
	assert_int_equal(t.result.call.tokens_in, -1);
	end(&t);
}

static void openai(void **state)
{
	/* Numbers in base64 though floats were asked for, and items in any order. */
	static const struct script script[] = {MODELS,
		{.bytes = JSON_HEAD "{\"object\":\"list\",\"data\":[{\"index\":1,\"embedding\":\"AACAPwAAAMAAAAA/\"},"
				    "{\"index\":0,\"embedding\":[1,2,3]}],\"usage\":{\"prompt_tokens\":5}}"},
		{.bytes = "HTTP/1.1 400 X\r\nConnection: close\r\n\r\n{\"error\":{\"message\":\"dimensions is not "
			  "supported\"}}"},
		{.bytes = JSON_HEAD "{\"data\":[{\"embedding\":[0,2,9]}]}"},
		{.bytes = JSON_HEAD "{\"data\":[{\"embedding\":[0,-2,9]}]}"}};
	struct trial t;
	(void)state;
	begin(&t, script, N_ELEMENTS(script), true);
	assert_int_equal(embed(&t, 2, 0), 0);
	is_vector(&t, 0, (const float[]){1, 2, 3});
	is_vector(&t, 1, (const float[]){1, -2, 0.5f});
	assert_int_equal(t.result.call.tokens_in, 5);
	assert_non_null(strstr(t.server.requests[1], "\"encoding_format\":\"float\"}"));
	/* A server that does not know the field is asked without it, now and later. */
	assert_int_equal(embed(&t, 1, 2), 0);
	is_vector(&t, 0, (const float[]){0, 1});
	assert_non_null(strstr(t.server.requests[2], "\"dimensions\":2"));
	assert_null(strstr(t.server.requests[3], "dimensions"));
	assert_int_equal(embed(&t, 1, 2), 0);
	is_vector(&t, 0, (const float[]){0, -1});
	assert_null(strstr(t.server.requests[4], "dimensions"));
	end(&t);
}

/* 100 texts are two batches; the second is tried again, and the first is not asked for anew. */
static void batches(void **state)
{
	static char first[4096] = JSON_HEAD "{\"prompt_eval_count\":64,\"embeddings\":[[0]",
		    second[4096] = JSON_HEAD "{\"prompt_eval_count\":36,\"embeddings\":[[64]";
	const char *inputs[100];
	for (int i = 1; i < 64; i++)
		snprintf(first + strlen(first), 16, ",[%d]", i);
	for (int i = 65; i < 100; i++)
		snprintf(second + strlen(second), 16, ",[%d]", i);
	strcat(first, "]}");
	strcat(second, "]}");
	const struct script script[] = {TAGS, {.bytes = first},
		{.bytes = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"}, {.bytes = second}};
	struct trial t;
	(void)state;
	begin(&t, script, N_ELEMENTS(script), false);
	for (size_t i = 0; i < 100; i++)
		inputs[i] = "x";
	assert_int_equal(embed_model(&t, "vec", inputs, 100, 0), 0);
	assert_int_equal(t.result.dimensions, 1);
	for (size_t i = 0; i < 100; i++)
		is_vector(&t, i, (const float[]){(float)i});
	assert_int_equal(t.result.call.tokens_in, 100);
	assert_int_equal(t.server.n_requests, 4);
	end(&t);
}

static void failures(void **state)
{
	static const struct {
		const char *answer;
		int r;
		const char *msg;
	} cases[] = {
		{JSON_HEAD "{\"embeddings\":[[1]]}", E_PROVIDER_BROKEN, "Ollama was asked for 2 vectors and sent 1."},
		{JSON_HEAD "{\"embeddings\":[[1],[1,2]]}", E_PROVIDER_BROKEN,
			"Ollama sent vectors of different lengths."},
		{JSON_HEAD "{\"embeddings\":[[1],[\"x\"]]}", E_PROVIDER_BROKEN,
			"Ollama sent something that is not a vector."},
		{JSON_HEAD "{\"embeddings\":[\"####\",[1]]}", E_PROVIDER_BROKEN,
			"Ollama sent something that is not a vector."},
		{JSON_HEAD "{\"data\":[{\"index\":1,\"embedding\":[1]},{\"index\":1,\"embedding\":[1]}]}",
			E_PROVIDER_BROKEN, "Ollama numbered its vectors wrongly."},
		{JSON_HEAD "{\"embeddings\":[[1e39],[1]]}", E_PROVIDER_BROKEN, /* beyond a float */
			"Ollama sent something that is not a vector."},
		{JSON_HEAD "{\"embeddings\":[[1],[1,2,3,4,5,6,7,8,9,-1e308]]}", E_PROVIDER_BROKEN,
			"Ollama sent something that is not a vector."},
		{JSON_HEAD "{\"data\":[{\"embedding\":\"AADAfw==\"},{\"embedding\":\"AAAAAA==\"}]}", /* NaN */
			E_PROVIDER_BROKEN, "Ollama sent something that is not a vector."},
		{JSON_HEAD "no JSON", E_PROVIDER_BROKEN, "Ollama sent an answer that is not JSON."},
		{"HTTP/1.1 400 X\r\nConnection: close\r\n\r\n{\"error\":\"the input length exceeds the context "
		 "length\"}",
			E_CONTEXT_TOO_LONG,
			"Ollama answered with status 400: the input length exceeds the context length"},
	};
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		const struct script script[] = {TAGS, {.bytes = cases[i].answer}};
		struct trial t;
		begin(&t, script, 2, false);
		assert_int_equal(embed(&t, 2, 0), cases[i].r);
		assert_string_equal(t.e.msg, cases[i].msg);
		end(&t);
	}
}

static void who_cannot(void **state)
{
	static const struct script script[] = {TAGS, {.bytes = JSON_HEAD "{\"embeddings\":[[1,2]]}"}};
	static const char *const inputs[] = {"x"};
	struct trial t;
	(void)state;
	begin(&t, script, N_ELEMENTS(script), false);
	assert_int_equal(embed_model(&t, "talk", inputs, 1, 0), E_MODEL_CANNOT);
	assert_string_equal(t.e.msg, "talk makes no vectors of texts. Choose a model for embeddings.");
	assert_int_equal(embed_model(&t, "librarian", inputs, 1, 0), E_MODEL_CANNOT);
	assert_int_equal(embed_model(&t, "nobody", inputs, 1, 0), E_MODEL_UNKNOWN);
	assert_int_equal(embed_model(&t, "vec", inputs, 1, 3), E_MODEL_CANNOT);
	assert_string_equal(t.e.msg, "vec makes vectors of 2 numbers, not of 3.");
	assert_int_equal(embed_model(&t, "vec", inputs, 1, -1), E_INVALID);
	assert_int_equal(embed_model(&t, "vec", inputs, 0, 0), 0);
	assert_null(t.result.vectors);
	end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ollama),
		cmocka_unit_test(openai),
		cmocka_unit_test(batches),
		cmocka_unit_test(failures),
		cmocka_unit_test(who_cannot),
	};
	return cmocka_run_group_tests_name("provider/embed", tests, NULL, NULL);
}
