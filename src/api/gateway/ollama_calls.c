/* ollama_calls.c - POST /api/chat, /api/generate, /api/embed and /api/embeddings. */
#include <math.h>

#include "api/gateway/describe.h"
#include "api/gateway/ollama.h"
#include "api/request.h"

/* ---- opening ---- */

static int open_call(struct request *q, struct gw_call **ret)
{
	int r = gw_open(q, &ollama_format, ret);
	const char *name = *ret ? json_get_str((*ret)->body, "model") : NULL;

	if (r == E_INVALID && *ret && (*ret)->body && (!name || !*name)) {
		err_clear(&q->err);
		return err_set(&q->err, r, "model is required");
	}
	return ollama_say(q, name, r);
}

/* ---- nothing to answer: the model is loaded or unloaded ---- */

static bool is_ollama(struct gw_call *c)
{
	struct err ignored = {0};
	struct model m;

	return providers_model(c->q->api->c.providers, c->req.model, &c->q->mem, &m, &ignored) == 0 &&
	       m.api & API_MANAGES;
}

static const char *keep_alive_text(struct gw_call *c)
{
	const json_t *v = json_object_get(c->body, "keep_alive");

	if (!c->req.keep_alive)
		return NULL;
	return json_is_string(v) ? json_string_value(v) : c->req.keep_alive;
}

/* Other providers have nothing to load, and who may not manage models unloads none: the answer is the same. */
static int answer_load(struct gw_call *c)
{
	struct request *q = c->q;
	bool unload, for_good;
	int r = ollama_check_keep_alive(json_object_get(c->body, "keep_alive"), &unload, &for_good, &q->err);

	if (r == 0 && is_ollama(c) && (!unload || ollama_may_manage(q)))
		r = provider_manage(q->api->c.providers, unload ? MANAGE_UNLOAD : MANAGE_LOAD, NULL, c->req.model,
			unload ? NULL : keep_alive_text(c), c->cancel, &q->mem, NULL, &q->err);
	if (r < 0)
		return r;
	ollama_add_loaded(c, unload ? "unload" : "load", &q->raw);
	return 0;
}

/* Some programs look for these words, and ask again without tools or thinking. */
static int say_cannot(struct gw_call *c, int r)
{
	struct err *e = &c->q->err;
	const char *what = NULL;

	if (r == E_MODEL_CANNOT && c->req.n_tools > 0 && strstr(e->msg, "tools"))
		what = "tools";
	else if (r == E_MODEL_CANNOT && c->req.thinking > THINKING_OFF && strstr(e->msg, "think"))
		what = "thinking";
	if (!what)
		return ollama_say(c->q, c->model, r);
	err_clear(e);
	return err_set(e, r, "\"%.180s\" does not support %s", c->model, what);
}

static int answer(struct gw_call *c, struct ollama_call *s)
{
	int r;

	if ((r = ollama_read_stream(c)) < 0 || (r = ollama_read_common(c)) < 0 || (r = ollama_prepare(c, s)) < 0)
		return r;
	if (c->req.n_messages == 0 && !c->req.prompt)
		return answer_load(c);
	return say_cannot(c, gw_generate(c));
}

static int ollama_chat_post(struct request *q)
{
	CLEANUP(gw_closep) struct gw_call *c = NULL;
	struct ollama_call *s = ARENA_NEW(&q->mem, struct ollama_call);
	int r;

	if (!s)
		return request_no_memory(q);
	if ((r = open_call(q, &c)) < 0 || (r = ollama_read_chat(c)) < 0)
		return r;
	return answer(c, s);
}

static int ollama_generate_post(struct request *q)
{
	CLEANUP(gw_closep) struct gw_call *c = NULL;
	struct ollama_call *s = ARENA_NEW(&q->mem, struct ollama_call);
	int r;

	if (!s)
		return request_no_memory(q);
	s->generate = true;
	if ((r = open_call(q, &c)) < 0 || (r = ollama_read_generate(c)) < 0)
		return r;
	return answer(c, s);
}

/* ---- embeddings ---- */

static void add_vector(const float *v, size_t n, bool unit, struct buf *out)
{
	double length = 0;

	for (size_t i = 0; i < n; i++)
		length += (double)v[i] * (double)v[i];
	length = unit && length > 0 ? sqrt(length) : 1;
	buf_add_char(out, '[');
	for (size_t i = 0; i < n; i++) {
		double x = (double)v[i] / length;

		buf_printf(out, "%s%.9g", i ? "," : "", isfinite(x) ? x : 0.0);
	}
	buf_add_char(out, ']');
}

/* A string or strings; one empty text, or none, asks for nothing. */
static int read_inputs(struct gw_call *c, const json_t *input, const char *const **ret, size_t *ret_n)
{
	size_t n = json_is_array(input) ? json_array_size(input) : 1;
	const char **list = ARENA_ARRAY(&c->q->mem, const char *, n + 1);

	if (!list)
		return request_no_memory(c->q);
	if (!input || json_is_null(input) || (json_is_string(input) && json_string_length(input) == 0))
		n = 0;
	for (size_t i = 0; i < n; i++) {
		list[i] = json_string_value(json_is_array(input) ? json_array_get(input, i) : input);
		if (!list[i])
			return err_set(&c->q->err, E_INVALID, "\"input\" must be a string or an array of strings.");
	}
	*ret = list;
	*ret_n = n;
	return 0;
}

static void ignore_for_others(struct gw_call *c)
{
	static const char *const names[] = {"truncate", "options", "keep_alive"};

	for (size_t i = 0; !gw_target_can(c, API_OLLAMA) && i < N_ELEMENTS(names); i++) {
		const json_t *v = json_object_get(c->body, names[i]);

		if (v && !json_is_null(v) && !(json_is_object(v) && json_object_size(v) == 0))
			gw_ignore(c, names[i]);
	}
}

int ollama_read_embed(struct gw_call *c)
{
	const json_t *truncate = json_object_get(c->body, "truncate"), *options = json_object_get(c->body, "options");
	int r = ollama_read_keep_alive(c, &c->embed.keep_alive);

	c->embed.truncate = json_is_boolean(truncate) ? (json_is_true(truncate) ? "true" : "false") : NULL;
	if (r == 0 && json_is_object(options))
		r = gw_json_text(c, options, &c->embed.options);
	return r;
}

/* What an Ollama takes with texts goes on to it; who else is asked has nothing like it. */
static int read_embed(struct gw_call *c)
{
	static const char *const known[] = {
		"model", "input", "prompt", "dimensions", "stream", "truncate", "options", "keep_alive", NULL};
	int r = ollama_read_embed(c);

	ignore_for_others(c);
	c->embed.extras_api = API_OLLAMA;
	return r < 0 ? r : gw_read_extras(c, c->body, NULL, API_OLLAMA, known, &c->embed.extras);
}

static void add_figures(const struct gen_result *g, struct buf *out)
{
	buf_printf(out, ",\"total_duration\":%lld,\"load_duration\":0,\"prompt_eval_count\":%lld}",
		(long long)(MAX(g->duration_ms, 0) + g->queued_ms) * 1000000, (long long)MAX(g->tokens_in, 0));
}

static int ollama_embed_post(struct request *q)
{
	CLEANUP(gw_closep) struct gw_call *c = NULL;
	struct embed_result got = {.dimensions = 0};
	const char *const *inputs = NULL;
	const json_t *dimensions;
	size_t n = 0;
	int r;

	if ((r = open_call(q, &c)) < 0 || (r = read_inputs(c, json_object_get(c->body, "input"), &inputs, &n)) < 0)
		return r;
	dimensions = json_object_get(c->body, "dimensions");
	if (dimensions && !json_is_null(dimensions) &&
		!(json_is_integer(dimensions) && json_integer_value(dimensions) >= 0))
		return err_set(&q->err, E_INVALID, "\"dimensions\" must be a whole number.");
	if ((r = read_embed(c)) < 0)
		return r;
	if (n > 0 && (r = gw_embed(c, inputs, n, (int64_t)json_integer_value(dimensions), &got)) < 0)
		return ollama_say(q, c->model, r);
	buf_add_str(&q->raw, "{\"model\":");
	json_add_cstr(&q->raw, c->model);
	buf_add_str(&q->raw, ",\"embeddings\":[");
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_add_char(&q->raw, ',');
		add_vector(got.vectors + i * got.dimensions, got.dimensions, true, &q->raw);
	}
	buf_add_char(&q->raw, ']');
	add_figures(&got.call, &q->raw);
	return 0;
}

static int ollama_embeddings_post(struct request *q)
{
	CLEANUP(gw_closep) struct gw_call *c = NULL;
	struct embed_result got = {.dimensions = 0};
	const char *const *inputs = NULL;
	size_t n = 0;
	int r;

	if ((r = open_call(q, &c)) < 0 || (r = read_inputs(c, json_object_get(c->body, "prompt"), &inputs, &n)) < 0)
		return r;
	if (n > 1)
		return err_set(&q->err, E_INVALID, "\"prompt\" must be a string.");
	if ((r = read_embed(c)) < 0)
		return r;
	if (n > 0 && (r = gw_embed(c, inputs, n, 0, &got)) < 0)
		return ollama_say(q, c->model, r);
	buf_add_str(&q->raw, "{\"embedding\":");
	add_vector(got.vectors, got.dimensions, false, &q->raw);
	buf_add_char(&q->raw, '}');
	return 0;
}

/* clang-format off */
static const struct route routes[] = {
	{"POST", "/api/chat", "ollamaChat", ollama_chat_post, ACCESS_USER, ROUTE_GATEWAY | ROUTE_CALL, OLLAMA,
		LINES, .body_schema = GW_OLLAMA_CHAT_BODY, .summary = "Ask a model in the way of Ollama; a stream of lines of JSON unless \"stream\" is false."},
	{"POST", "/api/generate", "ollamaGenerate", ollama_generate_post, ACCESS_USER, ROUTE_GATEWAY | ROUTE_CALL,
		OLLAMA, LINES, .body_schema = GW_OLLAMA_GENERATE_BODY, .summary = "Go on with a prompt in the way of Ollama."},
	{"POST", "/api/embed", "ollamaEmbed", ollama_embed_post, ACCESS_USER, ROUTE_GATEWAY | ROUTE_CALL, OLLAMA,
		.body_schema = GW_OLLAMA_EMBED_BODY, .summary = "Embed texts."},
	{"POST", "/api/embeddings", "ollamaEmbeddings", ollama_embeddings_post, ACCESS_USER,
		ROUTE_GATEWAY | ROUTE_CALL, OLLAMA, .body_schema = GW_OLLAMA_EMBEDDINGS_BODY, .summary = "Embed one text, in the older way."},
};
/* clang-format on */
const struct route_set ollama_calls_routes = ROUTES(routes);
