/* ollama.c - Ollama's own protocol: JSON lines. */
#include <errno.h>

#include "provider/provider_priv.h"

static int ollama_request(struct provider *p, const char *model, const struct gen_request *q, struct gen_call *r)
{
	buf_printf(&r->url, "%s/api/chat", p->base);
	buf_add_str(&r->body, "{\"model\":");
	json_add_cstr(&r->body, model);
	buf_add_char(&r->body, ',');
	gen_call_add_messages(&r->body, q);
	buf_add_str(&r->body, ",\"stream\":true");
	/* Options of the runner would reload the model; this one is of the sampling only. */
	if (q->max_tokens > 0)
		buf_printf(&r->body, ",\"options\":{\"num_predict\":%lld}", (long long)q->max_tokens);
	buf_add_char(&r->body, '}');
	r->headers[0] = "Content-Type: application/json";
	r->headers[1] = "Accept: application/x-ndjson";
	return 0;
}

/* ---- the usual line ---- */

static bool scan_message(struct json_scan *s, struct str *ret_content, bool *ret_has)
{
	bool first = true, role = false;
	struct str key, ignored;
	int r;
	if (!json_scan_char(s, '{'))
		return false;
	while ((r = json_scan_member(s, &first, &key)) > 0) {
		if (str_eq(key, STR("content")) && !*ret_has)
			*ret_has = json_scan_string(s, ret_content);
		else if (str_eq(key, STR("role")) && !role)
			role = json_scan_string(s, &ignored);
		else
			return false;
		if (str_eq(key, STR("content")) ? !*ret_has : !role)
			return false;
	}
	return r == 0 && *ret_has;
}

/* True for a line that has model, created_at, message{role, content} and "done":false, in any order, and nothing else. */
static bool scan_line(const char *p, size_t n, struct str *ret_content)
{
	struct json_scan s = {p, p + n};
	bool first = true, content = false;
	unsigned seen = 0;
	struct str key, ignored;
	int r;
	if (!json_scan_char(&s, '{'))
		return false;
	while ((r = json_scan_member(&s, &first, &key)) > 0) {
		unsigned bit;
		bool ok;
		if (str_eq(key, STR("model"))) {
			bit = 1;
			ok = json_scan_string(&s, &ignored);
		} else if (str_eq(key, STR("created_at"))) {
			bit = 2;
			ok = json_scan_string(&s, &ignored);
		} else if (str_eq(key, STR("message"))) {
			bit = 4;
			ok = scan_message(&s, ret_content, &content);
		} else if (str_eq(key, STR("done"))) {
			bit = 8;
			ok = json_scan_word(&s, "false");
		} else {
			return false;
		}
		if (!ok || (seen & bit))
			return false;
		seen |= bit;
	}
	return r == 0 && (seen & 12) == 12 && json_scan_end(&s);
}

/* ---- any line ---- */

static int take_text(struct answer *s, const json_t *v, int (*take)(struct answer *, const char *, size_t))
{
	return json_is_string(v) ? take(s, json_string_value(v), json_string_length(v)) : 0;
}

static int take_object(struct answer *s, const json_t *root)
{
	const json_t *error = json_object_get(root, "error");
	if (error && !json_is_null(error)) {
		char text[200];
		wire_error_text(root, text, sizeof(text));
		if (*text || !json_is_string(error))
			return err_set(s->e, E_PROVIDER, "%s reported: %s", s->label, *text ? text : "an error");
	}
	const json_t *message = json_object_get(root, "message");
	int r = take_text(s, json_object_get(message, "thinking"), answer_reasoning);
	if (r >= 0)
		r = take_text(s, json_object_get(message, "content"), answer_content);
	if (r < 0 || !json_is_true(json_object_get(root, "done")))
		return r;
	answer_set_reason(s, json_get_str(root, "done_reason"));
	if (!*s->finish_reason)
		answer_set_reason(s, "stop");
	s->tokens_in = json_get_i64(root, "prompt_eval_count", -1);
	s->tokens_out = json_get_i64(root, "eval_count", -1);
	answer_end(s);
	return 0;
}

static int take_line(void *arg, const char *p, size_t n)
{
	struct answer *s = arg;
	struct str content;
	if (s->ended)
		return 0;
	if (scan_line(p, n, &content))
		return answer_content_raw(s, content.p, content.n);
	size_t space = 0;
	while (space < n && (p[space] == ' ' || p[space] == '\t'))
		space++;
	if (space == n)
		return 0;
	CLEANUP(json_decrefp) json_t *root = NULL;
	if (wire_parse(p, n, &root) < 0 || !json_is_object(root))
		return err_set(s->e, E_PROVIDER_BROKEN, "%s sent a line that is not a JSON object.", s->label);
	return take_object(s, root);
}

static int ollama_feed(struct answer *s, const char *p, size_t n)
{
	return lines_feed(&s->lines, p, n, take_line, s);
}

static int ollama_finish(struct answer *s)
{
	int r = lines_finish(&s->lines, take_line, s);
	if (r < 0 || s->ended)
		return r;
	return err_set(s->e, E_PROVIDER_BROKEN, "%s ended the answer in the middle.", s->label);
}

/* ---- the list ---- */

static const char *const *copy_capabilities(struct arena *a, const json_t *list)
{
	size_t n = json_array_size(list), used = 0;
	const char **ret = (const char **)arena_alloc_array(a, n + 1, sizeof(*ret));
	for (size_t i = 0; ret && i < n; i++) {
		const char *word = json_string_value(json_array_get(list, i));
		char *copy = word ? arena_strdup(a, word) : NULL;
		if (copy)
			ret[used++] = copy;
	}
	return ret;
}

static int copy_word(struct arena *a, const char *word, const char **ret)
{
	if (!word || !*word)
		return 0;
	*ret = arena_strdup(a, word);
	return *ret ? 0 : -ENOMEM;
}

static int add_model(struct model_list *l, const json_t *item)
{
	const char *name = json_get_str(item, "model");
	if (!name || !*name)
		name = json_get_str(item, "name");
	if (!name || !*name)
		return 0;
	const json_t *details = json_object_get(item, "details");
	struct model m = {.size_bytes = json_get_i64(item, "size", 0),
		.context_length = json_get_i64(details, "context_length", 0)};
	if (copy_word(&l->arena, name, &m.id) < 0 ||
		copy_word(&l->arena, json_get_str(details, "family"), &m.family) < 0 ||
		copy_word(&l->arena, json_get_str(details, "parameter_size"), &m.parameters) < 0 ||
		copy_word(&l->arena, json_get_str(details, "quantization_level"), &m.quantization) < 0)
		return -ENOMEM;
	m.name = m.id;
	m.capabilities = copy_capabilities(&l->arena, json_object_get(item, "capabilities"));
	if (!m.capabilities)
		return -ENOMEM;
	l->models[l->n++] = m;
	return 0;
}

static int ollama_list(struct providers *ps, struct provider *p, int64_t timeout_ms, struct cancel *c,
	struct model_list *l, struct err *e)
{
	CLEANUP(buf_done) struct buf url = BUF_INIT(1024);
	CLEANUP(json_decrefp) json_t *root = NULL;
	int status;
	buf_printf(&url, "%s/api/tags", p->base);
	int r = provider_list_fetch(ps, p, buf_str(&url).p, timeout_ms, c, &root, &status, e);
	if (r < 0)
		return r;
	const json_t *models = json_object_get(root, "models");
	if (!json_is_array(models))
		return err_set(e, E_PROVIDER, "%s answered, but not with a list of models: is it Ollama?", p->label);
	size_t n = json_array_size(models);
	l->models = ARENA_ARRAY(&l->arena, struct model, n + 1);
	if (!l->models)
		return err_set(e, -ENOMEM, "The model list of %s is too large.", p->label);
	for (size_t i = 0; i < n && r >= 0; i++)
		r = add_model(l, json_array_get(models, i));
	return r < 0 ? err_set(e, r, "The model list of %s is too large.", p->label) : 0;
}

const struct dialect ollama_dialect = {
	.kind = "ollama",
	.request = ollama_request,
	.feed = ollama_feed,
	.finish = ollama_finish,
	.list = ollama_list,
};
