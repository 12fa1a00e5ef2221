/* anthropic_models.c - models in Anthropic's shape. */
#include "api/gateway/anthropic.h"
#include "base/clock.h"

static void add_supported(const char *comma, const char *name, bool yes, struct buf *out)
{
	buf_printf(out, "%s\"%s\":{\"supported\":%s}", comma, name, yes ? "true" : "false");
}

static void add_capabilities(const struct model *m, struct buf *out)
{
	static const char *const efforts[] = {"low", "medium", "high", "xhigh", "max"};
	bool known = m->capabilities && m->capabilities[0], thinks = known && model_can(m, "thinking");

	buf_printf(out, ",\"capabilities\":{\"thinking\":{\"supported\":%s,\"types\":{", thinks ? "true" : "false");
	add_supported("", "enabled", thinks, out);
	add_supported(",", "adaptive", true, out);
	add_supported(",", "disabled", true, out);
	add_supported(",", "between_tools", true, out);
	buf_printf(out, "}},\"effort\":{\"supported\":%s", thinks ? "true" : "false");
	for (size_t i = 0; i < N_ELEMENTS(efforts); i++)
		add_supported(",", efforts[i], true, out);
	buf_add_char(out, '}');
	add_supported(",", "image_input", known && model_can(m, "vision"), out);
	add_supported(",", "pdf_input", false, out);
	add_supported(",", "structured_outputs", true, out);
	buf_add_char(out, '}');
}

static void add_limit(const char *name, int64_t n, struct buf *out)
{
	buf_printf(out, ",\"%s\":", name);
	if (n > 0)
		buf_printf(out, "%lld", (long long)n);
	else
		buf_add_str(out, "null");
}

void anthropic_add_model(const struct model *m, struct buf *out)
{
	char made[25];

	clock_format(MAX(m->modified_at, 0), made);
	buf_add_str(out, "{\"type\":\"model\",\"id\":");
	json_add_cstr(out, m->id);
	buf_add_str(out, ",\"display_name\":");
	json_add_cstr(out, m->name ? m->name : m->id);
	buf_printf(out, ",\"created_at\":\"%s\"", made);
	add_limit("max_input_tokens", m->context_length, out);
	add_limit("max_tokens", m->max_output, out);
	add_capabilities(m, out);
	buf_add_str(out, ",\"lifecycle\":\"active\",\"line\":null,\"deprecated_at\":null,\"retires_at\":null}");
}

/* One page: `limit` and `after_id` are known, and a next page never is. */
int anthropic_models_get(struct request *q)
{
	const char *after = http_query(q->x, "after_id"), *first = NULL, *last = NULL;
	struct catalogue all;
	int r = gw_models(q, &all);
	size_t i = 0;

	if (r < 0)
		return r;
	for (size_t k = 0; after && k < all.n_models; k++) {
		if (strcmp(all.models[k].id, after) == 0)
			i = k + 1;
	}
	buf_add_str(&q->raw, "{\"data\":[");
	for (; i < all.n_models; i++) {
		const struct model *m = &all.models[i];

		if (first)
			buf_add_char(&q->raw, ',');
		anthropic_add_model(m, &q->raw);
		first = first ? first : m->id;
		last = m->id;
	}
	buf_add_str(&q->raw, "],\"has_more\":false,\"first_id\":");
	json_add_cstr(&q->raw, first);
	buf_add_str(&q->raw, ",\"last_id\":");
	json_add_cstr(&q->raw, last);
	buf_add_char(&q->raw, '}');
	return 0;
}

int anthropic_model_get(struct request *q)
{
	struct model m;
	int r = gw_model(q, q->arg, &m);

	if (r < 0)
		return r;
	anthropic_add_model(&m, &q->raw);
	return 0;
}
