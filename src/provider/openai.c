/* openai.c - the chat completions that OpenAI, llama.cpp, vLLM, LM Studio and many others speak: server-sent events. */
#include <errno.h>

#include "provider/provider_priv.h"

static int openai_request(struct provider *p, const char *model, const struct gen_request *q, struct gen_call *r)
{
	buf_printf(&r->url, "%s%s/chat/completions", p->base, p->add_v1 ? "/v1" : "");
	buf_add_str(&r->body, "{\"model\":");
	json_add_cstr(&r->body, model);
	buf_add_char(&r->body, ',');
	gen_call_add_messages(&r->body, q);
	buf_add_str(&r->body, ",\"stream\":true");
	if (!p->no_stream_options)
		buf_add_str(&r->body, ",\"stream_options\":{\"include_usage\":true}");
	/* Only OpenAI itself is known to want the new name; many others know only the old one. */
	if (q->max_tokens > 0)
		buf_printf(&r->body, ",\"%s\":%lld",
			strstr(p->base, "://api.openai.com") ? "max_completion_tokens" : "max_tokens",
			(long long)q->max_tokens);
	buf_add_char(&r->body, '}');
	size_t n = 0;
	r->headers[n++] = "Content-Type: application/json";
	r->headers[n++] = "Accept: text/event-stream";
	if (*p->key) {
		buf_printf(&r->auth, "Authorization: Bearer %s", p->key);
		if (buf_status(&r->auth) < 0)
			return buf_status(&r->auth);
		r->headers[n++] = r->auth.p;
	}
	return 0;
}

/* ---- the usual chunk ---- */

/* delta: content is a string or null; other members say nothing (role, or null). */
static bool scan_delta(struct json_scan *s, struct str *ret_content)
{
	bool first = true, content = false, role = false;
	struct str key;
	int r;
	if (!json_scan_char(s, '{'))
		return false;
	while ((r = json_scan_member(s, &first, &key)) > 0) {
		if (str_eq(key, STR("content"))) {
			if (content || (!json_scan_word(s, "null") && !json_scan_string(s, ret_content)))
				return false;
			content = true;
		} else if (str_eq(key, STR("role"))) {
			if (role || !json_scan_scalar(s))
				return false;
			role = true;
		} else if (!json_scan_word(s, "null")) {
			return false;
		}
	}
	return r == 0 && content;
}

static bool scan_choice(struct json_scan *s, struct str *ret_content)
{
	bool first = true, delta = false;
	struct str key;
	int r;
	if (!json_scan_char(s, '{'))
		return false;
	while ((r = json_scan_member(s, &first, &key)) > 0) {
		if (str_eq(key, STR("delta"))) {
			if (delta || !scan_delta(s, ret_content))
				return false;
			delta = true;
		} else if (str_eq(key, STR("index"))) {
			if (!json_scan_word(s, "0")) /* "01" or "0.5" fail at the comma that must follow */
				return false;
		} else if (!json_scan_word(s, "null")) {
			return false;
		}
	}
	return r == 0 && delta;
}

/* Members of a chunk whose scalar values mean nothing to us. */
static bool is_neutral(struct str key)
{
	static const struct str keys[] = {STR("id"), STR("object"), STR("created"), STR("model"),
		STR("system_fingerprint"), STR("service_tier"), STR("obfuscation"), STR("provider")};
	for (size_t i = 0; i < N_ELEMENTS(keys); i++)
		if (str_eq(key, keys[i]))
			return true;
	return false;
}

/* True for a chunk with one choice that brings content and nothing else. Members repeated are left to the full parser. */
static bool scan_chunk(const char *p, size_t n, struct str *ret_content)
{
	struct json_scan s = {p, p + n};
	bool first = true, choices = false;
	struct str key;
	int r;
	if (!json_scan_char(&s, '{'))
		return false;
	while ((r = json_scan_member(&s, &first, &key)) > 0) {
		if (str_eq(key, STR("choices"))) {
			if (choices || !json_scan_char(&s, '[') || !scan_choice(&s, ret_content) ||
				!json_scan_char(&s, ']'))
				return false;
			choices = true;
		} else if (is_neutral(key)) {
			if (!json_scan_scalar(&s))
				return false;
		} else if (!json_scan_word(&s, "null")) {
			return false;
		}
	}
	return r == 0 && choices && json_scan_end(&s);
}

/* ---- any chunk ---- */

/* Text, or the text parts of an array of parts. */
static int take_content(struct answer *s, const json_t *v)
{
	if (json_is_string(v))
		return answer_content(s, json_string_value(v), json_string_length(v));
	int r = 0;
	for (size_t i = 0; i < json_array_size(v) && r >= 0; i++) {
		const json_t *text = json_object_get(json_array_get(v, i), "text");
		if (json_is_string(text))
			r = answer_content(s, json_string_value(text), json_string_length(text));
	}
	return r;
}

static int take_choice(struct answer *s, const json_t *choice)
{
	if (json_get_i64(choice, "index", 0) != 0)
		return 0; /* one answer was asked for */
	const json_t *delta = json_object_get(choice, "delta");
	if (!json_is_object(delta))
		delta = json_object_get(choice, "message");
	/* Some servers send the same text under both names. */
	const json_t *reasoning = json_object_get(delta, "reasoning_content");
	if (!json_is_string(reasoning))
		reasoning = json_object_get(delta, "reasoning");
	int r = 0;
	if (json_is_string(reasoning))
		r = answer_reasoning(s, json_string_value(reasoning), json_string_length(reasoning));
	if (r >= 0)
		r = take_content(s, json_object_get(delta, "content"));
	if (r >= 0)
		r = take_content(s, json_object_get(delta, "refusal"));
	answer_set_reason(s, json_get_str(choice, "finish_reason"));
	return r;
}

static bool says_error(const json_t *v)
{
	return v && !json_is_null(v) && !json_is_false(v) && !(json_is_string(v) && json_string_length(v) == 0);
}

static int take_error(struct answer *s, const json_t *root)
{
	char text[200];
	wire_error_text(root, text, sizeof(text));
	return err_set(s->e, E_PROVIDER, "%s reported: %s", s->label, *text ? text : "an error");
}

static int take_object(struct answer *s, const json_t *root)
{
	const char *object = json_get_str(root, "object");
	if (s->error_event || says_error(json_object_get(root, "error")) || (object && strcmp(object, "error") == 0) ||
		!json_is_object(root))
		return take_error(s, root);
	const json_t *usage = json_object_get(root, "usage");
	if (json_is_object(usage)) {
		s->tokens_in = json_get_i64(usage, "prompt_tokens", s->tokens_in);
		s->tokens_out = json_get_i64(usage, "completion_tokens", s->tokens_out);
	}
	const json_t *choices = json_object_get(root, "choices");
	if (!choices && says_error(json_object_get(root, "detail")))
		return take_error(s, root);
	int r = 0;
	for (size_t i = 0; i < json_array_size(choices) && r >= 0; i++) {
		const json_t *choice = json_array_get(choices, i);
		r = take_choice(s, choice);
		if (r >= 0 && says_error(json_object_get(choice, "error")))
			r = take_error(s, choice);
	}
	return r;
}

/* ---- lines of the event stream ---- */

/* What has gathered of an event of several lines, or of one that strict parsers refuse. */
static int take_gathered(struct answer *s)
{
	CLEANUP(json_decrefp) json_t *root = NULL;
	if (s->data.n == 0)
		return 0;
	int r = wire_parse(s->data.p, s->data.n, &root);
	buf_done(&s->data);
	if (r < 0)
		return err_set(s->e, E_PROVIDER_BROKEN, "%s sent a piece of an answer that is not JSON.", s->label);
	return take_object(s, root);
}

static int take_data(struct answer *s, const char *p, size_t n)
{
	struct str content = {NULL, 0};
	if (s->data.n == 0 && !s->error_event) {
		if (scan_chunk(p, n, &content))
			return answer_content_raw(s, content.p, content.n);
		if (n == 6 && memcmp(p, "[DONE]", 6) == 0) {
			answer_end(s);
			return 0;
		}
		/* Taken at once, so that servers that forget the blank line are understood too. */
		CLEANUP(json_decrefp) json_t *root = NULL;
		if (n > 0 && json_parse(p, n, &root, NULL) >= 0)
			return take_object(s, root);
	}
	if (s->data.n > 0)
		buf_add_char(&s->data, '\n');
	buf_add(&s->data, p, n);
	return buf_status(&s->data);
}

static int take_line(void *arg, const char *p, size_t n)
{
	struct answer *s = arg;
	if (s->ended)
		return 0;
	if (n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0) /* a byte order mark may begin the stream */
		p += 3, n -= 3;
	if (n >= 5 && memcmp(p, "data:", 5) == 0) {
		size_t skip = n > 5 && p[5] == ' ' ? 6 : 5;
		return take_data(s, p + skip, n - skip);
	}
	if (n == 0) {
		int r = take_gathered(s);
		s->error_event = false;
		return r;
	}
	if (n >= 6 && memcmp(p, "event:", 6) == 0) {
		struct str name = {p + 6, n - 6};
		if (name.n > 0 && *name.p == ' ')
			name.p++, name.n--;
		s->error_event = str_eq(name, STR("error"));
	}
	return 0; /* comments keep the connection alive, and that is all they do */
}

static int openai_feed(struct answer *s, const char *p, size_t n)
{
	if (s->body == BODY_UNKNOWN) {
		while (n > 0 && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
			p++, n--;
		if (n == 0)
			return 0;
		/* No line of an event stream begins so: a server that answers with the whole in one piece. */
		s->body = *p == '{' ? BODY_JSON : BODY_LINES;
	}
	if (s->body == BODY_LINES)
		return lines_feed(&s->lines, p, n, take_line, s);
	buf_add(&s->data, p, n);
	return buf_status(&s->data);
}

static int openai_finish(struct answer *s)
{
	int r = lines_finish(&s->lines, take_line, s);
	if (r >= 0)
		r = take_gathered(s);
	if (r < 0 || s->ended || *s->finish_reason)
		return r;
	if (s->body == BODY_JSON && s->first_token_ms >= 0) {
		answer_set_reason(s, "stop");
		return 0;
	}
	return err_set(s->e, E_PROVIDER_BROKEN, "%s ended the answer in the middle.", s->label);
}

/* ---- the list ---- */

static int64_t first_number(const json_t *a, const char *a_key, const json_t *b, const char *b_key)
{
	int64_t v = json_get_i64(a, a_key, 0);
	return v > 0 ? v : json_get_i64(b, b_key, 0);
}

static char *parameters_text(struct arena *a, int64_t n)
{
	if (n >= 1000000000)
		return arena_printf(a, "%.1fB", (double)n / 1e9);
	return arena_printf(a, "%.1fM", (double)n / 1e6);
}

/* llama.cpp lists the same models a second time, in Ollama's shape, with their capabilities. */
static const json_t *capabilities_of(const json_t *root, const char *id)
{
	const json_t *models = json_object_get(root, "models");
	for (size_t i = 0; i < json_array_size(models); i++) {
		const json_t *m = json_array_get(models, i);
		const char *name = json_get_str(m, "model");
		if (name && strcmp(name, id) == 0)
			return json_object_get(m, "capabilities");
	}
	return NULL;
}

static int add_model(struct model_list *l, const json_t *root, const json_t *item)
{
	struct arena *a = &l->arena;
	const char *id = json_get_str(item, "id"), *name = json_get_str(item, "name");
	if (!id || !*id)
		return 0;
	const json_t *meta = json_object_get(item, "meta"), *capabilities = capabilities_of(root, id);
	struct model m = {.id = arena_strdup(a, id), .name = arena_strdup(a, name && *name ? name : id)};
	m.size_bytes = json_get_i64(meta, "size", 0);
	m.context_length = first_number(item, "context_length", item, "max_model_len");
	if (m.context_length == 0)
		m.context_length = first_number(meta, "n_ctx", meta, "n_ctx_train");
	if (json_get_i64(meta, "n_params", 0) > 0)
		m.parameters = parameters_text(a, json_get_i64(meta, "n_params", 0));
	if (json_get_str(meta, "ftype"))
		m.quantization = arena_strdup(a, json_get_str(meta, "ftype"));
	size_t n = json_array_size(capabilities), used = 0;
	const char **words = (const char **)arena_alloc_array(a, n + 1, sizeof(*words));
	if (!m.id || !m.name || !words)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const char *word = json_string_value(json_array_get(capabilities, i));
		if (word && (words[used] = arena_strdup(a, word)))
			used++;
	}
	m.capabilities = words;
	l->models[l->n++] = m;
	return 0;
}

static int fetch_list(struct providers *ps, struct provider *p, bool v1, int64_t timeout_ms, struct cancel *c,
	json_t **ret, bool *ret_elsewhere, struct err *e)
{
	CLEANUP(buf_done) struct buf url = BUF_INIT(1024);
	int status = 0;
	buf_printf(&url, "%s%s/models", p->base, v1 ? "/v1" : "");
	int r = provider_list_fetch(ps, p, buf_str(&url).p, timeout_ms, c, ret, &status, e);
	if (r >= 0 && !json_is_array(json_object_get(*ret, "data"))) {
		json_decref(*ret);
		*ret = NULL;
		r = err_set(e, E_PROVIDER, "%s answered, but not with a list of models.", p->label);
	}
	/* A page or "not found" at this address: the API may stand under /v1. */
	*ret_elsewhere = r < 0 && (status == 404 || status == 405 || status / 100 == 2 || status / 100 == 3);
	return r;
}

static int openai_list(struct providers *ps, struct provider *p, int64_t timeout_ms, struct cancel *c,
	struct model_list *l, struct err *e)
{
	CLEANUP(json_decrefp) json_t *root = NULL;
	bool elsewhere, v1 = p->add_v1;
	struct err first = {0};
	int r = fetch_list(ps, p, v1, timeout_ms, c, &root, &elsewhere, &first);
	size_t base_n = strlen(p->base);
	if (r < 0 && elsewhere && (base_n < 3 || strcmp(p->base + base_n - 3, "/v1") != 0)) {
		struct err second = {0};
		v1 = !v1;
		if (fetch_list(ps, p, v1, timeout_ms, c, &root, &elsewhere, &second) >= 0)
			r = 0;
	}
	if (r < 0)
		return err_set(e, r, "%s", first.msg);
	p->add_v1 = v1;
	const json_t *data = json_object_get(root, "data");
	size_t n = json_array_size(data);
	l->models = ARENA_ARRAY(&l->arena, struct model, n + 1);
	r = l->models ? 0 : -ENOMEM;
	for (size_t i = 0; i < n && r >= 0; i++)
		r = add_model(l, root, json_array_get(data, i));
	return r < 0 ? err_set(e, r, "The model list of %s is too large.", p->label) : 0;
}

const struct dialect openai_dialect = {
	.kind = "openai",
	.request = openai_request,
	.feed = openai_feed,
	.finish = openai_finish,
	.list = openai_list,
};
