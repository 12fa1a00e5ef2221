/* anthropic_models.c - the list of models of the Anthropic API, page by page, with what each of them can do. */
#include <ctype.h>
#include <errno.h>

#include "base/clock.h"
#include "provider/provider_priv.h"

#define PAGES_MAX 20

static bool is_supported(const json_t *capability)
{
	return json_is_true(capability) || json_is_true(json_object_get(capability, "supported"));
}

/* Thinking by any of its types but "disabled". */
static bool can_think(const json_t *thinking)
{
	const json_t *types = json_object_get(thinking, "types");
	return json_is_true(thinking) || json_is_true(json_object_get(thinking, "supported")) ||
	       is_supported(json_object_get(types, "adaptive")) || is_supported(json_object_get(types, "enabled"));
}

static int add_capabilities(struct arena *a, const json_t *capabilities, struct model *m)
{
	const char **words = (const char **)arena_alloc_array(a, 5, sizeof(*words));
	size_t n = 0;
	if (!words)
		return -ENOMEM;
	m->capabilities = words;
	if (!json_is_object(capabilities))
		return 0; /* nothing is known */
	words[n++] = "completion";
	words[n++] = "tools"; /* all of them */
	if (is_supported(json_object_get(capabilities, "image_input")))
		words[n++] = "vision";
	if (can_think(json_object_get(capabilities, "thinking")))
		words[n++] = "thinking";
	return 0;
}

static int add_model(struct model_list *l, const json_t *item)
{
	const char *id = json_get_str(item, "id"), *name = json_get_str(item, "display_name");
	const char *lifecycle = json_get_str(item, "lifecycle"), *line = json_get_str(item, "line");
	if (!id || !*id || (lifecycle && strcmp(lifecycle, "retired") == 0))
		return 0;
	struct model m = {.id = arena_strdup(&l->arena, id),
		.name = arena_strdup(&l->arena, name && *name ? name : id),
		.family = arena_strdup(&l->arena, line),
		.context_length = wire_window(item, "max_input_tokens"),
		.counts = true,
		.max_output = wire_window(item, "max_tokens")};
	wire_time(json_get_str(item, "created_at"), &m.modified_at);
	if (!m.id || !m.name || (line && !m.family) ||
		add_capabilities(&l->arena, json_object_get(item, "capabilities"), &m) < 0)
		return -ENOMEM;
	l->models[l->n++] = m;
	return 0;
}

static int add_page(struct model_list *l, const json_t *data)
{
	size_t n = json_array_size(data);
	struct model *all = ARENA_ARRAY(&l->arena, struct model, l->n + n + 1);
	if (!all)
		return -ENOMEM;
	if (l->n > 0)
		memcpy(all, l->models, l->n * sizeof(*all));
	l->models = all;
	for (size_t i = 0; i < n; i++)
		if (add_model(l, json_array_get(data, i)) < 0)
			return -ENOMEM;
	return 0;
}

/* What may stand in a query as it is. */
static void add_escaped(struct buf *b, const char *s)
{
	for (; *s; s++)
		if (isalnum((unsigned char)*s) || strchr("-._~", *s))
			buf_add_char(b, *s);
		else
			buf_printf(b, "%%%02X", (unsigned char)*s);
}

static int fetch_page(struct providers *ps, struct provider *p, const char *after, int64_t timeout_ms, struct cancel *c,
	json_t **ret, struct err *e)
{
	CLEANUP(buf_done) struct buf url = BUF_INIT(4096);
	int status;
	buf_printf(&url, "%s/v1/models?limit=1000", p->base);
	if (after) {
		buf_add_str(&url, "&after_id=");
		add_escaped(&url, after);
	}
	if (buf_status(&url) < 0 || timeout_ms <= 0)
		return err_set(e, E_PROVIDER_TIMEOUT, "%s did not answer in time.", p->label);
	int r = provider_fetch_json(ps, p, url.p, NULL, timeout_ms, c, ret, &status, e);
	if (r < 0)
		return r;
	if (json_is_array(json_object_get(*ret, "data")))
		return 0;
	json_decref(*ret);
	*ret = NULL;
	return err_set(e, E_PROVIDER, "%s answered, but not with a list of models.", p->label);
}

int anthropic_list(struct providers *ps, struct provider *p, int64_t timeout_ms, struct cancel *c, struct model_list *l,
	struct err *e)
{
	CLEANUP(json_decrefp) json_t *last = NULL; /* the page whose last_id is used */
	int64_t until_ms = clock_mono_ms() + timeout_ms;
	const char *after = NULL;
	for (int page = 0; page < PAGES_MAX; page++) {
		json_t *root = NULL;
		int r = fetch_page(ps, p, after, until_ms - clock_mono_ms(), c, &root, e);
		if (r < 0)
			return r;
		json_decref(last);
		last = root;
		if (add_page(l, json_object_get(root, "data")) < 0)
			return err_set(e, -ENOMEM, "The model list of %s is too large.", p->label);
		after = json_get_str(root, "last_id");
		if (!json_is_true(json_object_get(root, "has_more")) || !after || !*after)
			return 0;
	}
	return 0;
}
