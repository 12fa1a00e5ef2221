/*
 * openai_models.c - the lists of models of OpenAI-compatible servers, in their many shapes: what each of OpenAI,
 * llama.cpp (alone and as a router), vLLM, LM Studio, OpenRouter, Groq, Mistral and Together says of a model.
 */
#include <errno.h>

#include "base/clock.h"
#include "provider/provider_priv.h"

/* ---- one model ---- */

/* The first of these members that can be a model's limit, or 0. */
static int64_t first_limit(const json_t *item, const char *const *keys)
{
	for (; *keys; keys++) {
		int64_t v = wire_window(item, *keys);
		if (v > 0)
			return v;
	}
	return 0;
}

static bool owned_by_llama(const json_t *item)
{
	const char *owner = json_get_str(item, "owned_by");
	return owner && strcmp(owner, "llamacpp") == 0;
}

static void find_limits(const json_t *item, struct model *m)
{
	static const char *const context[] = {
		"max_context_length", "context_length", "max_model_len", "context_window", NULL};
	static const char *const trained[] = {"n_ctx_train", NULL}, *const loaded[] = {"n_ctx", NULL};
	static const char *const output[] = {"max_completion_tokens", "max_output_tokens", NULL};
	const json_t *meta = json_object_get(item, "meta"), *top = json_object_get(item, "top_provider");
	m->context_length = first_limit(item, context);
	if (m->context_length == 0)
		m->context_length = first_limit(meta, trained);
	if (m->context_length == 0)
		m->context_length = first_limit(top, context);
	/* LM Studio and llama.cpp say both, and load with less than a model was made for. */
	m->context_loaded = wire_window(item, "loaded_context_length");
	if (m->context_loaded == 0)
		m->context_loaded = first_limit(meta, loaded);
	if (m->context_length == 0)
		m->context_length = m->context_loaded;
	m->max_output = first_limit(item, output);
	if (m->max_output == 0)
		m->max_output = first_limit(top, output);
	m->size_bytes = wire_size(meta, "size");
	/* llama.cpp puts the present time there. */
	int64_t created = owned_by_llama(item) ? 0 : wire_size(item, "created");
	m->modified_at = created > 0 && created < 100000000000 ? created * 1000 : 0;
}

static const char *parameters_text(struct arena *a, int64_t n)
{
	if (n >= 1000000000)
		return arena_printf(a, "%.1fB", (double)n / 1e9);
	return arena_printf(a, "%.1fM", (double)n / 1e6);
}

static int find_texts(struct arena *a, const json_t *item, struct model *m)
{
	const json_t *meta = json_object_get(item, "meta");
	const char *quantization = json_get_str(item, "quantization"), *family = json_get_str(item, "arch");
	int64_t n = wire_size(meta, "n_params");
	if (!quantization)
		quantization = json_get_str(meta, "ftype");
	if (n > 0)
		m->parameters = parameters_text(a, n);
	m->quantization = arena_strdup(a, quantization);
	m->family = arena_strdup(a, family);
	return (n > 0 && !m->parameters) || (quantization && !m->quantization) || (family && !m->family) ? -ENOMEM : 0;
}

/* Routers and LM Studio say what is loaded; others have loaded what they list. */
static const char *state_of(const json_t *item)
{
	static const char *const absent[] = {"unloaded", "not-loaded", "sleeping", "downloading", "downloaded"};
	const json_t *status = json_object_get(item, "status");
	const char *word = json_is_object(status) ? json_get_str(status, "value") : json_string_value(status);
	if (!word)
		word = json_get_str(item, "state");
	if (word && strcmp(word, "loading") == 0)
		return "loading";
	for (size_t i = 0; word && i < N_ELEMENTS(absent); i++)
		if (strcmp(word, absent[i]) == 0)
			return "reachable";
	return "ready";
}

/* ---- what it can do ---- */

struct words {
	const char *all[8];
	size_t n;
};

static void add_word(struct words *w, const char *word)
{
	for (size_t i = 0; i < w->n; i++)
		if (strcmp(w->all[i], word) == 0)
			return;
	if (w->n < N_ELEMENTS(w->all))
		w->all[w->n++] = word;
}

/* Our words for theirs. */
static void add_their_word(struct words *w, const char *theirs)
{
	static const struct {
		const char *theirs, *ours;
	} table[] = {{"completion", "completion"}, {"completion_chat", "completion"}, {"chat", "completion"},
		{"llm", "completion"}, {"vlm", "completion"}, {"vlm", "vision"}, {"multimodal", "vision"},
		{"vision", "vision"}, {"image", "vision"}, {"image_input", "vision"}, {"tools", "tools"},
		{"tool_use", "tools"}, {"function_calling", "tools"}, {"thinking", "thinking"},
		{"reasoning", "thinking"}, {"include_reasoning", "thinking"}, {"embedding", "embedding"},
		{"embeddings", "embedding"}, {"insert", "insert"}, {"completion_fim", "insert"}};
	for (size_t i = 0; theirs && i < N_ELEMENTS(table); i++)
		if (strcmp(table[i].theirs, theirs) == 0)
			add_word(w, table[i].ours);
}

/* A list of words, or an object of switches. */
static void add_their_words(struct words *w, const json_t *v)
{
	const char *key;
	json_t *value;
	for (size_t i = 0; i < json_array_size(v); i++)
		add_their_word(w, json_string_value(json_array_get(v, i)));
	if (json_is_object(v)) {
		json_object_foreach((json_t *)(uintptr_t)v, key, value)
		{
			if (json_is_true(value))
				add_their_word(w, key);
		}
	}
}

/* llama.cpp lists the same models a second time, in Ollama's shape, with their capabilities. */
static const json_t *second_entry(const json_t *root, const char *id)
{
	const json_t *models = json_object_get(root, "models");
	for (size_t i = 0; i < json_array_size(models); i++) {
		const json_t *m = json_array_get(models, i);
		const char *name = json_get_str(m, "model");
		if (name && strcmp(name, id) == 0)
			return m;
	}
	return NULL;
}

static bool has_output(const json_t *item, const char *what)
{
	const json_t *outputs = json_object_get(json_object_get(item, "architecture"), "output_modalities");
	for (size_t i = 0; i < json_array_size(outputs); i++) {
		const char *word = json_string_value(json_array_get(outputs, i));
		if (word && strcmp(word, what) == 0)
			return true;
	}
	return false;
}

static void find_words(const json_t *root, const json_t *item, const char *id, struct words *w)
{
	const json_t *supported = json_object_get(item, "supported_parameters");
	if (json_is_array(supported) || has_output(item, "text"))
		add_word(w, "completion"); /* first, as everywhere */
	add_their_word(w, json_get_str(item, "type"));
	add_their_words(w, json_object_get(item, "capabilities"));
	add_their_words(w, json_object_get(second_entry(root, id), "capabilities"));
	add_their_words(w, supported);
	add_their_words(w, json_object_get(item, "supported_features"));
	add_their_words(w, json_object_get(json_object_get(item, "architecture"), "input_modalities"));
	if (w->n > 0 && strcmp(w->all[0], "embedding") != 0)
		add_word(w, "completion");
}

static int keep_words(struct arena *a, const struct words *w, struct model *m)
{
	const char **words = (const char **)arena_alloc_array(a, w->n + 1, sizeof(*words));
	for (size_t i = 0; words && i < w->n; i++)
		words[i] = w->all[i]; /* of the table above */
	m->capabilities = words;
	return words ? 0 : -ENOMEM;
}

static int add_model(struct model_list *l, const json_t *root, const json_t *item)
{
	struct arena *a = &l->arena;
	const char *id = json_is_string(item) ? json_string_value(item) : json_get_str(item, "id");
	const char *name = json_get_str(item, "name");
	struct words w = {.n = 0};
	if (!id)
		id = json_get_str(item, "model");
	if (!id)
		id = name;
	if (!id || !*id || json_is_false(json_object_get(item, "active")))
		return 0;
	struct model m = {.id = arena_strdup(a, id), .name = arena_strdup(a, name && *name ? name : id)};
	if (!m.id || !m.name)
		return -ENOMEM;
	find_limits(item, &m);
	find_words(root, item, id, &w);
	m.state = state_of(item);
	m.counts = owned_by_llama(item);
	if (find_texts(a, item, &m) < 0 || keep_words(a, &w, &m) < 0)
		return -ENOMEM;
	l->models[l->n++] = m;
	return 0;
}

/* ---- llama.cpp: whether it is ready, and what its one model can do ---- */

static bool is_llama(const json_t *data)
{
	const json_t *item = json_array_get(data, 0);
	return json_array_size(data) == 1 && owned_by_llama(item) && !json_object_get(item, "status");
}

static void ask_llama(
	struct providers *ps, struct provider *p, int64_t timeout_ms, struct cancel *c, struct model_list *l)
{
	CLEANUP(buf_done) struct buf url = BUF_INIT(1024);
	CLEANUP(json_decrefp) json_t *root = NULL;
	struct err e = {0};
	struct model *m = &l->models[0];
	struct words w = {.n = 0};
	size_t n = strlen(p->base);
	int status = 0;
	if (n > 3 && strcmp(p->base + n - 3, "/v1") == 0)
		n -= 3;
	buf_printf(&url, "%.*s/props", (int)n, p->base);
	int r = provider_fetch_json(ps, p, buf_str(&url).p, NULL, timeout_ms, c, &root, &status, &e);
	if (status == 503)
		m->state = "loading";
	if (r < 0)
		return;
	const char *template = json_get_str(root, "chat_template");
	const json_t *tools = json_object_get(json_object_get(root, "chat_template_caps"), "supports_tools");
	add_word(&w, "completion");
	for (size_t i = 0; m->capabilities[i]; i++)
		add_their_word(&w, m->capabilities[i]);
	if (json_is_true(json_object_get(json_object_get(root, "modalities"), "vision")))
		add_word(&w, "vision");
	if (tools ? json_is_true(tools) : template && strstr(template, "tools"))
		add_word(&w, "tools");
	if (template && (strstr(template, "think") || strstr(template, "reasoning")))
		add_word(&w, "thinking");
	const char *const *before = m->capabilities;
	if (keep_words(&l->arena, &w, m) < 0)
		m->capabilities = before;
}

/* ---- the list ---- */

static const json_t *data_of(const json_t *root)
{
	const json_t *data = json_object_get(root, "data");
	if (!json_is_array(data))
		data = json_object_get(root, "models");
	return json_is_array(root) ? root : data;
}

static int fetch_list(struct providers *ps, struct provider *p, bool v1, int64_t timeout_ms, struct cancel *c,
	json_t **ret, int *ret_status, struct err *e)
{
	CLEANUP(buf_done) struct buf url = BUF_INIT(1024);
	buf_printf(&url, "%s%s/models", p->base, v1 ? "/v1" : "");
	int r = provider_fetch_json(ps, p, buf_str(&url).p, NULL, timeout_ms, c, ret, ret_status, e);
	if (r >= 0 && !json_is_array(data_of(*ret))) {
		json_decref(*ret);
		*ret = NULL;
		r = err_set(e, E_PROVIDER, "%s answered, but not with a list of models.", p->label);
	}
	return r;
}

/* A page or "not found" at this address: the API may stand under /v1. */
static bool may_be_elsewhere(const struct provider *p, int status)
{
	size_t n = strlen(p->base);
	return (status == 404 || status == 405 || status / 100 == 2 || status / 100 == 3) &&
	       (n < 3 || strcmp(p->base + n - 3, "/v1") != 0);
}

static int fetch_somewhere(struct providers *ps, struct provider *p, int64_t timeout_ms, struct cancel *c, json_t **ret,
	int *ret_status, struct err *e)
{
	bool v1 = p->add_v1;
	struct err first = {0}, second = {0};
	int r = fetch_list(ps, p, v1, timeout_ms, c, ret, ret_status, &first);
	if (r < 0 && may_be_elsewhere(p, *ret_status)) {
		int status;
		if (fetch_list(ps, p, !v1, timeout_ms, c, ret, &status, &second) >= 0) {
			p->add_v1 = !v1;
			*ret_status = status;
			return 0;
		}
	}
	return r < 0 ? err_set(e, r, "%s", first.msg) : 0;
}

int openai_list(struct providers *ps, struct provider *p, int64_t timeout_ms, struct cancel *c, struct model_list *l,
	struct err *e)
{
	CLEANUP(json_decrefp) json_t *root = NULL;
	struct err why = {0};
	int status = 0;
	int64_t until_ms = clock_mono_ms() + timeout_ms;
	int r = fetch_somewhere(ps, p, timeout_ms, c, &root, &status, &why);
	if (r < 0 && status == 503 && strcasestr(why.msg, "loading model")) {
		l->loading = true; /* llama.cpp: it is there, and soon ready */
		return 0;
	}
	if (r < 0)
		return err_set(e, r, "%s", why.msg);
	const json_t *data = data_of(root);
	size_t n = json_array_size(data);
	l->models = ARENA_ARRAY(&l->arena, struct model, n + 1);
	r = l->models ? 0 : -ENOMEM;
	for (size_t i = 0; i < n && r >= 0; i++)
		r = add_model(l, root, json_array_get(data, i));
	if (r < 0)
		return err_set(e, r, "The model list of %s is too large.", p->label);
	int64_t left = until_ms - clock_mono_ms();
	if (l->n == 1 && left > 0 && is_llama(data))
		ask_llama(ps, p, left / 2, c, l);
	return 0;
}
