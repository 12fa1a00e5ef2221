/* models_api.c - the models that can answer, and how their providers are. */
#include "api/answer.h"
#include "api/bootstrap.h"
#include "api/models.h"
#include "api/request.h"

#define REFRESH_MS 2000 /* what takes longer goes on behind: `refreshing` tells */

struct loaded_answer {
	int64_t bytes, vram_bytes, until;
};

#define L struct loaded_answer
static const struct field loaded_fields[] = {
	FIELD_I64(L, bytes, "bytes", 0, 0, FIELD_REQUIRED, "Memory it takes."),
	FIELD_I64(L, vram_bytes, "vram_bytes", 0, 0, FIELD_REQUIRED, "Of that, memory of graphics cards."),
	FIELD_TIME(L, until, "until", 0, "When it will be unloaded unless it is used; null: never, or not known."),
};
static const struct schema loaded_schema = SCHEMA("ModelLoaded", L, loaded_fields, "A model in memory.");
#undef L

struct price_answer {
	int64_t input_micros, output_micros;
};

#define P struct price_answer
static const struct field price_fields[] = {
	FIELD_I64(P, input_micros, "input_micros", 0, 0, FIELD_REQUIRED,
		"Millionths of the currency for a million input tokens."),
	FIELD_I64(P, output_micros, "output_micros", 0, 0, FIELD_REQUIRED, "For a million output tokens."),
};
static const struct schema price_schema = SCHEMA("ModelPrice", P, price_fields, "What a model costs.");
#undef P

struct model_answer {
	struct model m;
	struct schema_list capabilities;
	struct loaded_answer loaded;
	struct price_answer price;
	bool has_price, has_size, has_context, has_window, has_output, has_loaded;
};

#define M struct model_answer
static const struct field model_fields[] = {
	FIELD_STR(M, m.id, "id", 0, 0, FIELD_REQUIRED, "What to send as `model`."),
	FIELD_STR(M, m.name, "name", 0, 0, FIELD_REQUIRED, "What to show."),
	FIELD_STR(M, m.provider, "provider", 0, 0, FIELD_REQUIRED, "Name of its provider."),
	FIELD_STR(M, m.provider_model, "provider_name_of_model", 0, 0, FIELD_REQUIRED, "Its own name at the provider."),
	FIELD_STR(
		M, m.kind, "kind", 0, 0, FIELD_REQUIRED, "Kind of its provider: ollama, openai, anthropic, librarian."),
	FIELD_ENUM(M, m.state, "state", "unreachable reachable loading ready", FIELD_REQUIRED,
		"unreachable: its provider is; reachable: it will be loaded first; loading; ready."),
	FIELD_STR(M, m.alias_of, "alias_of", 0, 0, 0, "First model that is called for this alias; null: no alias."),
	FIELD_MAYBE(FT_I64, M, m.size_bytes, has_size, "size_bytes", NULL, "Size; null: not known."),
	FIELD_STR(M, m.family, "family", 0, 0, 0, "Family; null: not known."),
	FIELD_STR(M, m.parameters, "parameters", 0, 0, 0, "Number of parameters as the provider says it: 3.2B."),
	FIELD_STR(M, m.quantization, "quantization", 0, 0, 0, "As the provider says it: Q4_K_M."),
	FIELD_MAYBE(FT_I64, M, m.context_length, has_context, "context_length", NULL,
		"Tokens it was made to read at once; null: not known."),
	FIELD_MAYBE(FT_I64, M, m.context_loaded, has_window, "context_loaded", NULL,
		"Tokens it has room for in memory now; null: not loaded, or not known."),
	FIELD_MAYBE(FT_I64, M, m.max_output, has_output, "max_output", NULL,
		"Tokens it can write at once; null: not known."),
	FIELD_TIME(M, m.modified_at, "modified_at", 0, "When it last changed; null: not known."),
	FIELD_MAYBE(FT_OBJECT, M, loaded, has_loaded, "loaded", &loaded_schema,
		"What it takes in memory; null: not loaded, or not known."),
	FIELD_MAYBE(FT_OBJECT, M, price, has_price, "price", &price_schema,
		"By the prices that administrators keep; null: none is known, or it is an alias."),
	FIELD_ENUM(M, m.breaker, "breaker", "closed open half_open", FIELD_REQUIRED,
		"open: answers of it failed several times for more than one caller, and it is left alone for a while; "
		"half_open: one call may try."),
	FIELD_I64(M, m.retry_in_ms, "retry_in_ms", 0, 0, FIELD_REQUIRED, "Until an open one is tried again, else 0."),
	FIELD_BOOL(M, m.hidden, "hidden", FIELD_REQUIRED, "Not listed for people; it can be called all the same."),
	FIELD(FT_STRS, M, capabilities, "capabilities", .flags = FIELD_REQUIRED,
		.doc = "completion, tools, vision, thinking, embedding, insert; empty: not known."),
};
static const struct schema model_schema = SCHEMA("Model", M, model_fields, "A model, or an alias that leads to one.");
#undef M

static const struct field provider_fields[] = {
	FIELD_STR(struct provider_state, name, "name", 0, 0, FIELD_REQUIRED, "Its name."),
	FIELD_STR(struct provider_state, kind, "kind", 0, 0, FIELD_REQUIRED, "ollama, openai, anthropic or librarian."),
	FIELD_ENUM(struct provider_state, state, "state", "checking ok unreachable disabled", FIELD_REQUIRED,
		"How the last refresh went."),
	FIELD_STR(struct provider_state, error, "error", 0, 0, 0, "What is wrong, in words; null: nothing."),
	FIELD_ENUM(struct provider_state, breaker, "breaker", "closed open half_open", FIELD_REQUIRED,
		"open: it failed several times and is left alone for a while; half_open: one call may try."),
	FIELD_STR(struct provider_state, url, "url", 0, 0, 0, "Where it is; null: in Atelier itself."),
};
const struct schema provider_schema =
	SCHEMA("Provider", struct provider_state, provider_fields, "Where models come from.");

#define T struct tasks_answer
static const struct field tasks_fields[] = {
	FIELD_STR(T, chat, "chat", 0, 0, 0, "For new conversations."),
	FIELD_STR(T, code, "code", 0, 0, 0, "For programs."),
	FIELD_STR(T, title, "title", 0, 0, 0, "For naming conversations."),
	FIELD_STR(T, embedding, "embedding", 0, 0, 0, "For embeddings."),
};
static const struct schema tasks_schema =
	SCHEMA("ModelTasks", T, tasks_fields, "The model that each task takes now; null: none.");
#undef T

static const struct field models_fields[] = {
	FIELD_LIST(struct models_answer, items, "items", &model_schema, 0, FIELD_REQUIRED, "All models known now."),
	FIELD_STR(struct models_answer, default_model, "default", 0, 0, 0,
		"Chosen when nobody chooses; null: there is none."),
	FIELD_OBJECT(
		struct models_answer, defaults, "defaults", &tasks_schema, FIELD_REQUIRED, "The same for each task."),
	FIELD_LIST(struct models_answer, providers, "providers", &provider_schema, 0, FIELD_REQUIRED, "All providers."),
	FIELD_BOOL(struct models_answer, refreshing, "refreshing", FIELD_REQUIRED,
		"A provider's list is being looked at just now: ask again in a moment for what that finds."),
};
const struct schema models_schema = SCHEMA("Models", struct models_answer, models_fields, "What can answer.");

struct schema_list providers_answer(const struct catalogue *all)
{
	for (size_t i = 0; i < all->n_providers; i++) {
		struct provider_state *p = &all->providers[i];
		if (p->url && !*p->url)
			p->url = NULL;
	}
	return (struct schema_list){all->providers, all->n_providers};
}

static struct model_answer answer_of(const struct request *q, const struct model *m)
{
	struct price_answer price = {0};
	size_t n = 0;

	while (m->capabilities && m->capabilities[n])
		n++;
	bool priced = !m->alias_of && calls_price(q->api->c.calls, m->provider, m->provider_model, &price.input_micros,
					      &price.output_micros);
	return (struct model_answer){.m = *m,
		.price = price,
		.has_price = priced,
		.capabilities = {(void *)(uintptr_t)m->capabilities, n},
		.loaded = {.bytes = m->loaded_bytes,
			.vram_bytes = m->loaded_vram,
			.until = m->loaded_until == INT64_MAX ? 0 : m->loaded_until},
		.has_size = m->size_bytes > 0,
		.has_context = m->context_length > 0,
		.has_window = m->context_loaded > 0,
		.has_output = m->max_output > 0,
		.has_loaded = m->loaded_bytes > 0};
}

static const char *first_allowed(const struct request *q, const struct catalogue *known)
{
	for (size_t i = 0; i < known->n_models; i++) {
		const struct model *m = &known->models[i];

		if (!m->hidden && !model_only_embeds(m) && request_may_use(q, m))
			return m->id;
	}
	return NULL;
}

/* The model of a task. For somebody who may not use it there is none, and of the task chat the first that they may. */
static const char *default_for(const struct request *q, const struct catalogue *known, enum model_task t)
{
	const char *id = known->tasks[t];

	for (size_t i = 0; id && i < known->n_models; i++)
		if (strcmp(known->models[i].id, id) == 0 && !request_may_use(q, &known->models[i]))
			return t == TASK_CHAT ? first_allowed(q, known) : NULL;
	return id;
}

int models_list(struct request *q, bool all, struct models_answer *ret)
{
	struct catalogue known;
	size_t n = 0;
	int r = providers_catalogue(q->api->c.providers, &q->mem, &known, &q->err);

	if (r == 0)
		r = request_rights(q);
	if (r < 0)
		return r;
	struct model_answer *items = ARENA_ARRAY(&q->mem, struct model_answer, MAX(known.n_models, 1));
	if (!items)
		return request_no_memory(q);
	for (size_t i = 0; i < known.n_models; i++)
		if ((all || !known.models[i].hidden) && request_may_use(q, &known.models[i]))
			items[n++] = answer_of(q, &known.models[i]);
	*ret = (struct models_answer){.items = {items, n},
		.providers = providers_answer(&known),
		.default_model = default_for(q, &known, TASK_CHAT),
		.refreshing = known.refreshing,
		.defaults = {.chat = default_for(q, &known, TASK_CHAT),
			.code = default_for(q, &known, TASK_CODE),
			.title = default_for(q, &known, TASK_TITLE),
			.embedding = default_for(q, &known, TASK_EMBEDDING)}};
	return 0;
}

int models_answer(struct request *q, bool all)
{
	struct models_answer *out = ARENA_NEW(&q->mem, struct models_answer);

	if (!out)
		return request_no_memory(q);
	q->answer = out;
	return models_list(q, all, out);
}

int models_get(struct request *q)
{
	bool all;
	int r = request_bool(q, "all", &all);

	if (r < 0)
		return r;
	if (all && !user_is_admin(&q->who.user))
		return err_set(&q->err, E_FORBIDDEN, "Only administrators may see the hidden models.");
	return models_answer(q, all);
}

static int models_refresh_post(struct request *q)
{
	providers_refresh(q->api->c.providers, REFRESH_MS);
	return models_get(q);
}

const struct param managed_params[1] = {
	{.name = "all", .type = PARAM_BOOL, .doc = "Hidden ones too; for administrators."},
};

/* clang-format off */
static const struct route routes[] = {
	{"GET", V1 "/models", "listModels", models_get, ACCESS_USER, .status = 200,
		PARAMS(managed_params), .answer = &models_schema, .summary = "The models known now."},
	{"POST", V1 "/models/refresh", "refreshModels", models_refresh_post, ACCESS_USER, ROUTE_SLOW, .status = 200,
		PARAMS(managed_params), .answer = &models_schema, .summary = "Ask all providers for their models again (at most 5 seconds)."},
};
/* clang-format on */
const struct route_set models_routes = ROUTES(routes);
