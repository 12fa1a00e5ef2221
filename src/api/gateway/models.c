/* models.c - GET /v1/models and /v1/models/{id}: what the key may call, in OpenAI's shape or, for clients that say so by
 * a header, in Anthropic's. Nobody is asked for it: clients list with short patience. */
#include "api/gateway/describe.h"
#include "api/gateway/openai.h"
#include "api/request.h"
#include "base/clock.h"

static void add_model(const struct request *q, const struct model *m, struct buf *out)
{
	int64_t made = m->modified_at > 0 ? m->modified_at : clock_now_ms() - (clock_mono_ms() - q->api->started_ms);

	buf_add_str(out, "{\"id\":");
	json_add_cstr(out, m->id);
	buf_printf(out, ",\"object\":\"model\",\"created\":%lld,\"owned_by\":", (long long)(made / 1000));
	json_add_cstr(out, m->provider);
	buf_add_str(out, ",\"name\":");
	json_add_cstr(out, m->name);
	int64_t window = model_window(m);
	if (window > 0)
		buf_printf(
			out, ",\"context_length\":%lld,\"max_model_len\":%lld", (long long)window, (long long)window);
	if (m->capabilities && m->capabilities[0]) {
		buf_add_str(out, ",\"capabilities\":[");
		for (size_t i = 0; m->capabilities[i]; i++) {
			if (i)
				buf_add_char(out, ',');
			json_add_cstr(out, m->capabilities[i]);
		}
		buf_add_char(out, ']');
	}
	buf_add_char(out, '}');
}

static int gateway_models_get(struct request *q)
{
	struct catalogue all;
	int r;

	if (q->shape == SHAPE_ANTHROPIC)
		return anthropic_models_get(q);
	if ((r = gw_models(q, &all)) < 0)
		return r;
	buf_add_str(&q->raw, "{\"object\":\"list\",\"data\":[");
	for (size_t i = 0; i < all.n_models; i++) {
		if (i > 0)
			buf_add_char(&q->raw, ',');
		add_model(q, &all.models[i], &q->raw);
	}
	buf_add_str(&q->raw, "]}");
	return 0;
}

static int gateway_model_get(struct request *q)
{
	struct model m;
	int r;

	if (q->shape == SHAPE_ANTHROPIC)
		return anthropic_model_get(q);
	if ((r = gw_model(q, q->arg, &m)) < 0)
		return r;
	add_model(q, &m, &q->raw);
	return 0;
}

static int ollama_root_get(struct request *q)
{
	buf_add_str(&q->raw, "Ollama is running");
	return 0;
}

/* clang-format off */
static const struct route routes[] = {
	{"GET", "/", "getRoot", ollama_root_get, ACCESS_PUBLIC, ROUTE_LOOP | ROUTE_ABSENT, .status = 200,
		.media = "text/plain; charset=utf-8", .shape = SHAPE_OLLAMA,
		.summary = "\"Ollama is running\" for Ollama's own clients; all others get the page."},
	{"GET", "/v1/models", "openaiModels", gateway_models_get, ACCESS_USER, ROUTE_GATEWAY, OPENAI,
		.summary = "The models that the key may call; with the header anthropic-version in Anthropic's shape."},
	{"GET", "/v1/models/{model}", "openaiModel", gateway_model_get, ACCESS_USER, ROUTE_GATEWAY | ROUTE_REST,
		OPENAI, FAILS(E_MODEL_UNKNOWN, PROVIDER_FAILS),
		.summary = "One model."},
};
/* clang-format on */
const struct route_set gateway_models_routes = ROUTES(routes);
