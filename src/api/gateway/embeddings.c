/* embeddings.c - POST /v1/embeddings. */
#include <endian.h>
#include <sodium.h>

#include "api/gateway/describe.h"
#include "api/gateway/ollama.h"
#include "api/gateway/openai.h"
#include "api/request.h"

#define INPUTS_MAX 2048

static int refuse_tokens(struct gw_call *c)
{
	return err_set(&c->q->err, E_INVALID,
		"\"input\" must be texts, not numbers of tokens. LangChain's OpenAIEmbeddings sends texts with "
		"check_embedding_ctx_length=False.");
}

/* The texts, borrowed from the body. */
static int read_inputs(struct gw_call *c, const char *const **ret, size_t *ret_n)
{
	const json_t *input = json_object_get(c->body, "input");
	size_t n = json_is_array(input) ? json_array_size(input) : 1;

	if (n == 0 || n > INPUTS_MAX || !(json_is_array(input) || json_is_string(input)))
		return err_set(
			&c->q->err, E_INVALID, "\"input\" must be a text or a list of 1 to %d texts.", INPUTS_MAX);
	const char **list = ARENA_ARRAY(&c->q->mem, const char *, n);
	if (!list)
		return request_no_memory(c->q);
	for (size_t i = 0; i < n; i++) {
		list[i] = json_string_value(json_is_array(input) ? json_array_get(input, i) : input);
		if (!list[i])
			return refuse_tokens(c);
	}
	*ret = list;
	*ret_n = n;
	return 0;
}

static void add_floats(const float *v, size_t n, struct buf *out)
{
	buf_add_char(out, '[');
	for (size_t i = 0; i < n; i++)
		buf_printf(out, i ? ",%.9g" : "%.9g", (double)v[i]);
	buf_add_char(out, ']');
}

/* The bytes of little-endian floats. */
static void add_base64(const float *v, size_t n, struct buf *out)
{
	size_t size = sodium_base64_encoded_len(n * 4, sodium_base64_VARIANT_ORIGINAL);
	uint32_t *words = xcalloc(n + 1, sizeof(*words));
	char *to;

	for (size_t i = 0; i < n; i++) {
		uint32_t w;
		memcpy(&w, &v[i], 4);
		words[i] = htole32(w);
	}
	buf_add_char(out, '"');
	to = buf_reserve(out, size);
	if (to) {
		sodium_bin2base64(to, size, (const unsigned char *)words, n * 4, sodium_base64_VARIANT_ORIGINAL);
		out->n += size - 1;
	}
	buf_add_char(out, '"');
	free(words);
}

static void add_answer(struct gw_call *c, const struct embed_result *e, size_t n, bool base64, struct buf *out)
{
	long long tokens = (long long)MAX(e->call.tokens_in, 0);

	buf_add_str(out, "{\"object\":\"list\",\"data\":[");
	for (size_t i = 0; i < n; i++) {
		const float *v = e->vectors + i * e->dimensions;
		buf_printf(out, "%s{\"object\":\"embedding\",\"index\":%zu,\"embedding\":", i ? "," : "", i);
		if (base64)
			add_base64(v, e->dimensions, out);
		else
			add_floats(v, e->dimensions, out);
		buf_add_char(out, '}');
	}
	buf_add_str(out, "],\"model\":");
	json_add_cstr(out, c->model);
	buf_printf(out, ",\"usage\":{\"prompt_tokens\":%lld,\"total_tokens\":%lld}}", tokens, tokens);
}

/* Other members go on to a provider of this shape; an Ollama gets those that it has itself. */
static int read_rest(struct gw_call *c)
{
	static const char *const known[] = {"model", "input", "encoding_format", "dimensions", "stream", NULL};
	static const char *const of_ollama[] = {"truncate", "options", "keep_alive"};
	CLEANUP(json_decrefp) json_t *less = json_copy(c->body);
	bool is_ollama = gw_target_can(c, API_OLLAMA);
	int r = is_ollama ? ollama_read_embed(c) : 0;

	for (size_t i = 0; is_ollama && i < N_ELEMENTS(of_ollama); i++)
		json_object_del(less, of_ollama[i]);
	if (!gw_target_can(c, API_OPENAI))
		json_object_del(less, "user"); /* changes no vector */
	c->embed.extras_api = API_OPENAI;
	return r < 0 ? r : gw_read_extras(c, less, NULL, API_OPENAI, known, &c->embed.extras);
}

static int embed(struct gw_call *c)
{
	const char *format = json_get_str(c->body, "encoding_format"), *const *inputs = NULL;
	int64_t dimensions = 0;
	struct embed_result e;
	size_t n = 0;
	int r;

	if (format && strcmp(format, "float") != 0 && strcmp(format, "base64") != 0)
		return err_set(&c->q->err, E_INVALID, "\"encoding_format\" must be float or base64.");
	if ((r = read_inputs(c, &inputs, &n)) < 0 || (r = openai_read_count(c, "dimensions", &dimensions)) < 0 ||
		(r = read_rest(c)) < 0 || (r = gw_embed(c, inputs, n, dimensions, &e)) < 0)
		return r;
	add_answer(c, &e, n, format && strcmp(format, "base64") == 0, &c->q->raw);
	return 0;
}

static int embeddings_post(struct request *q)
{
	CLEANUP(gw_closep) struct gw_call *c = NULL;
	int r = gw_open(q, NULL, &c);

	return r < 0 ? r : embed(c);
}

/* clang-format off */
static const struct route routes[] = {
	{"POST", "/v1/embeddings", "openaiEmbeddings", embeddings_post, ACCESS_USER, ROUTE_GATEWAY | ROUTE_CALL,
		OPENAI, .body_schema = GW_EMBEDDINGS_BODY, .summary = "Embed texts."},
};
/* clang-format on */
const struct route_set embeddings_routes = ROUTES(routes);
