/* models_api.c - the models that can answer, and how their providers are. */
#include "api/answer.h"
#include "api/handlers.h"

#define REFRESH_MS 5000

struct model_answer {
	struct model m;
	struct schema_list capabilities;
	bool has_size, has_context;
};

#define M struct model_answer
static const struct field model_fields[] = {
	FIELD_STR(M, m.id, "id", 0, 0, FIELD_REQUIRED, "What to send as `model`."),
	FIELD_STR(M, m.name, "name", 0, 0, FIELD_REQUIRED, "What to show."),
	FIELD_STR(M, m.provider, "provider", 0, 0, FIELD_REQUIRED, "Name of its provider."),
	FIELD_STR(M, m.kind, "kind", 0, 0, FIELD_REQUIRED, "Kind of its provider: ollama, openai, librarian."),
	FIELD_MAYBE(FT_I64, M, m.size_bytes, has_size, "size_bytes", NULL, "Size; null: not known."),
	FIELD_STR(M, m.family, "family", 0, 0, 0, "Family; null: not known."),
	FIELD_STR(M, m.parameters, "parameters", 0, 0, 0, "Number of parameters as the provider says it: 3.2B."),
	FIELD_STR(M, m.quantization, "quantization", 0, 0, 0, "As the provider says it: Q4_K_M."),
	FIELD_MAYBE(FT_I64, M, m.context_length, has_context, "context_length", NULL,
		"Tokens it can read at once; null: not known."),
	FIELD(FT_STRS, M, capabilities, "capabilities", .flags = FIELD_REQUIRED,
		.doc = "completion, tools, vision, thinking, embedding."),
};
static const struct schema model_schema = SCHEMA("Model", M, model_fields, "A model that can answer.");
#undef M

static const struct field provider_fields[] = {
	FIELD_STR(struct provider_state, name, "name", 0, 0, FIELD_REQUIRED, "Its name."),
	FIELD_STR(struct provider_state, kind, "kind", 0, 0, FIELD_REQUIRED, "ollama, openai or librarian."),
	FIELD_ENUM(struct provider_state, state, "state", "ok unreachable checking", FIELD_REQUIRED,
		"How the last look went."),
	FIELD_STR(struct provider_state, error, "error", 0, 0, 0, "What is wrong, in words; null: nothing."),
	FIELD_STR(struct provider_state, url, "url", 0, 0, 0, "Where it is; null: in Atelier itself."),
};
const struct schema provider_schema =
	SCHEMA("Provider", struct provider_state, provider_fields, "Where models come from.");

struct models_answer {
	struct schema_list items, providers;
	const char *default_model;
};

static const struct field models_fields[] = {
	FIELD_LIST(struct models_answer, items, "items", &model_schema, 0, FIELD_REQUIRED, "All models known now."),
	FIELD_STR(struct models_answer, default_model, "default", 0, 0, 0,
		"Chosen when nobody chooses; null: there is none."),
	FIELD_LIST(struct models_answer, providers, "providers", &provider_schema, 0, FIELD_REQUIRED, "All providers."),
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

static struct model_answer answer_of(const struct model *m)
{
	size_t n = 0;

	while (m->capabilities && m->capabilities[n])
		n++;
	return (struct model_answer){.m = *m,
		.capabilities = {(void *)(uintptr_t)m->capabilities, n},
		.has_size = m->size_bytes > 0,
		.has_context = m->context_length > 0};
}

int models_get(struct request *q)
{
	struct models_answer *out = ARENA_NEW(&q->mem, struct models_answer);
	struct catalogue all;
	int r = providers_catalogue(q->api->c.providers, &q->mem, &all, &q->err);

	if (r < 0)
		return r;
	struct model_answer *items = ARENA_ARRAY(&q->mem, struct model_answer, MAX(all.n_models, 1));
	if (!out || !items)
		return request_no_memory(q);
	for (size_t i = 0; i < all.n_models; i++)
		items[i] = answer_of(&all.models[i]);
	*out = (struct models_answer){.items = {items, all.n_models},
		.providers = providers_answer(&all),
		.default_model = all.default_model};
	q->answer = out;
	return 0;
}

int models_refresh_post(struct request *q)
{
	providers_refresh(q->api->c.providers, REFRESH_MS);
	return models_get(q);
}
