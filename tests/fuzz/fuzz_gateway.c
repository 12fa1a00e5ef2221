/*
 * fuzz_gateway.c - bodies that other programs send, read in the shapes of OpenAI, Anthropic and Ollama. The first byte chooses
 * which. What is read can be walked through; what is refused has a reason.
 */
#include <stdint.h>

#include "api/gateway/anthropic.h"
#include "api/gateway/gateway_priv.h"
#include "api/gateway/ollama.h"
#include "api/gateway/openai.h"
#include "api/gateway/responses.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int read_ollama_chat(struct gw_call *c)
{
	int r = ollama_read_chat(c);

	return r < 0 ? r : ollama_read_common(c);
}

static int read_ollama_generate(struct gw_call *c)
{
	int r = ollama_read_generate(c);

	return r < 0 ? r : ollama_read_common(c);
}

static int read_anthropic(struct gw_call *c)
{
	c->shape = ARENA_NEW(&c->q->mem, struct anthropic_call);
	return anthropic_read(c, false, false);
}

static int read_anthropic_raw(struct gw_call *c)
{
	c->shape = ARENA_NEW(&c->q->mem, struct anthropic_call);
	return anthropic_read(c, false, true);
}

static const struct {
	int (*read)(struct gw_call *c);
	enum route_shape shape;
} readers[] = {
	{openai_read_chat, SHAPE_OPENAI},
	{responses_read, SHAPE_OPENAI},
	{read_anthropic, SHAPE_ANTHROPIC},
	{read_anthropic_raw, SHAPE_ANTHROPIC},
	{read_ollama_chat, SHAPE_OLLAMA},
	{read_ollama_generate, SHAPE_OLLAMA},
};

/* The kinds of APIs that a model may be at; the last one: it is not known. */
static const char *const kinds[] = {"openai", "anthropic", "ollama", NULL};

/* Addresses are taken by all, so that nothing is fetched. */
static void try_body(size_t reader, const char *kind, const char *text, size_t n)
{
	static struct settings settings;
	static struct gateway gateway;
	static struct api api = {.c = {.settings = &settings}, .gateway = &gateway};
	struct request q = {.api = &api, .shape = readers[reader].shape};
	struct gw_call c = {.q = &q,
		.model = "m",
		.finish = "stop",
		.known = kind != NULL,
		.api = provider_kind_api(kind) | API_ADDRESSES};

	if (!gateway.kept) {
		settings_init(&settings);
		gateway.kept = responses_kept_new();
	}
	arena_init(&q.mem, REQUEST_MEMORY);
	c.req = (struct gen_request){.model = "m"};
	if (json_parse(text, n, &c.body, &q.err) == 0 && json_is_object(c.body)) {
		err_clear(&q.err);
		int r = readers[reader].read(&c);
		if (r < 0 && q.err.code >= 0)
			abort(); /* a refusal without a reason */
		if (r >= 0 && provider_estimate_tokens(&c.req) < 0)
			abort();
	}
	json_decref(c.body);
	gen_answer_done(&c.answer);
	arena_done(&q.mem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	try_body(data[0] % N_ELEMENTS(readers), kinds[data[0] / N_ELEMENTS(readers) % N_ELEMENTS(kinds)],
		(const char *)data + 1, size - 1);
	return 0;
}
