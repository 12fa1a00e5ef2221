/* ollama_request.c - requests of Ollama's own protocol. */
#include "provider/request.h"

static void add_calls(struct buf *b, const struct gen_message *m)
{
	buf_add_str(b, ",\"tool_calls\":[");
	for (size_t i = 0; i < m->n_calls; i++) {
		const struct gen_tool_call *c = &m->calls[i];
		buf_add_str(b, i ? ",{" : "{");
		if (c->id && *c->id) {
			buf_add_str(b, "\"id\":");
			json_add_cstr(b, c->id);
			buf_add_char(b, ',');
		}
		buf_add_str(b, "\"function\":{\"name\":");
		json_add_cstr(b, c->name);
		buf_add_str(b, ",\"arguments\":");
		request_add_object(b, c->arguments);
		buf_add_str(b, "}}");
	}
	buf_add_char(b, ']');
}

static void add_images(struct buf *b, const struct gen_image *images, size_t n)
{
	if (n == 0)
		return;
	buf_add_str(b, ",\"images\":[");
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_add_char(b, ',');
		json_add_cstr(b, images[i].data);
	}
	buf_add_char(b, ']');
}

static void add_member(struct buf *b, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	buf_printf(b, ",\"%s\":", name);
	json_add_cstr(b, value);
}

static void begin_message(struct buf *b, const struct gen_message *m, struct str text)
{
	buf_add_str(b, "{\"role\":");
	json_add_cstr(b, m->role);
	buf_add_str(b, ",\"content\":");
	json_add_string(b, text.p, text.n);
}

/* Pictures stand before the text of their message there: whose pictures stand between texts becomes several. */
static bool is_mixed(const struct gen_message *m)
{
	size_t n_texts = 0;
	for (size_t i = 0; i <= m->n_images; i++)
		n_texts += request_text_before(m, i).n > 0;
	return n_texts > 1 && strcmp(m->role, "user") == 0;
}

static void add_in_order(struct buf *b, const struct gen_message *m)
{
	size_t from = 0, n = 0;
	for (size_t i = 0; i <= m->n_images; i++) {
		struct str text = request_text_before(m, i);
		if (text.n == 0 && (i < m->n_images || from == i))
			continue;
		buf_add_str(b, n++ > 0 ? "," : "");
		begin_message(b, m, text);
		add_images(b, m->images + from, i - from);
		buf_add_char(b, '}');
		from = i;
	}
}

static void add_message(struct buf *b, const struct gen_message *m)
{
	if (is_mixed(m)) {
		add_in_order(b, m);
		return;
	}
	begin_message(b, m, str_from(m->content));
	add_member(b, "thinking", m->reasoning);
	add_images(b, m->images, m->n_images);
	if (m->n_calls > 0)
		add_calls(b, m);
	if (strcmp(m->role, "tool") == 0) {
		add_member(b, "tool_name", m->tool_name);
		add_member(b, "tool_call_id", m->tool_call_id);
	}
	buf_add_char(b, '}');
}

/* ---- the other fields ---- */

/* Options of the runner reload the model; but for num_ctx, which who asks for it knows, these are of the sampling. */
static void add_options(struct buf *b, const struct gen_request *q, int64_t context)
{
	CLEANUP(buf_done) struct buf o = BUF_INIT(1 << 20);
	const struct gen_sampling *s = &q->sampling;
	int64_t most = q->max_tokens > 0 ? q->max_tokens : q->tokens_if_endless;
	if (most > 0)
		buf_printf(&o, ",\"num_predict\":%lld", (long long)most);
	if (context > 0)
		buf_printf(&o, ",\"num_ctx\":%lld", (long long)context);
	request_add_number(&o, s, SAMPLE_TEMPERATURE, "temperature", s->temperature);
	request_add_number(&o, s, SAMPLE_TOP_P, "top_p", s->top_p);
	request_add_integer(&o, s, SAMPLE_TOP_K, "top_k", s->top_k);
	request_add_number(&o, s, SAMPLE_MIN_P, "min_p", s->min_p);
	request_add_seed(&o, s);
	request_add_number(&o, s, SAMPLE_PRESENCE, "presence_penalty", s->presence_penalty);
	request_add_number(&o, s, SAMPLE_FREQUENCY, "frequency_penalty", s->frequency_penalty);
	request_add_number(&o, s, SAMPLE_REPEAT, "repeat_penalty", s->repeat_penalty);
	if (q->stop && q->stop[0]) {
		buf_add_str(&o, ",\"stop\":");
		request_add_strings(&o, q->stop);
	}
	if (q->extra_options && q->extras_api == API_OLLAMA)
		buf_add_str(&o, q->extra_options);
	if (o.n == 0)
		return;
	buf_add_str(b, ",\"options\":{");
	buf_add(b, o.p + 1, o.n - 1);
	buf_add_char(b, '}');
}

static void add_thinking(struct buf *b, const struct gen_request *q, unsigned quirks)
{
	static const char *const values[] = {[THINKING_OFF] = "false",
		[THINKING_ON] = "true",
		[THINKING_LOW] = "\"low\"",
		[THINKING_MEDIUM] = "\"medium\"",
		[THINKING_HIGH] = "\"high\""};
	if (q->thinking == THINKING_DEFAULT || (quirks & QUIRK_NO_THINKING))
		return;
	bool level = q->thinking >= THINKING_LOW;
	buf_printf(b, ",\"think\":%s", level && (quirks & QUIRK_NO_EFFORT) ? "true" : values[q->thinking]);
}

static void add_rest(struct buf *b, const struct gen_request *q, const struct gen_call *r)
{
	buf_add_str(b, ",\"stream\":true");
	/* Else it leaves out the beginning of what is too long, and answers as if it had read all. */
	if (!q->may_truncate && !request_has_extra(q, API_OLLAMA, "truncate"))
		buf_add_str(b, ",\"truncate\":false");
	/* There is no choice of tools: none are offered, or only the one that shall be called. */
	if (q->tool_choice != TOOLS_NONE && !q->prompt)
		request_add_functions(b, q, API_OLLAMA, false, true);
	if (q->format == FORMAT_JSON)
		buf_add_str(b, ",\"format\":\"json\"");
	if (q->format == FORMAT_SCHEMA) {
		buf_add_str(b, ",\"format\":");
		buf_add_str(b, q->schema);
	}
	add_thinking(b, q, r->quirks);
	if (q->keep_alive) {
		buf_add_str(b, ",\"keep_alive\":");
		buf_add_str(b, q->keep_alive);
	}
	add_options(b, q, r->context > 0 ? r->context : q->context_tokens);
	request_add_logprobs(b, q);
	buf_add_str(b, request_extra(q, API_OLLAMA, q->extras));
	buf_add_char(b, '}');
}

/* ---- requests ---- */

static void begin(const struct target *t, const char *path, const char *accept, struct gen_call *r)
{
	r->quirks = quirks_of(t->p, t->name);
	buf_printf(&r->url, "%s%s", t->p->base, path);
	request_header(r, "Content-Type: application/json");
	request_header(r, "Accept: %s", accept);
	request_key(r, t->p, "Authorization: Bearer ");
}

static int check(const struct target *t, const struct gen_request *q, struct err *e)
{
	for (size_t i = 0; i < q->n_messages; i++)
		for (size_t k = 0; k < q->messages[i].n_images; k++)
			if (!q->messages[i].images[k].data)
				return err_set(e, E_MODEL_CANNOT,
					"%s does not fetch images from addresses: send the image itself.", t->p->label);
	return 0;
}

int ollama_request(const struct target *t, const struct gen_request *q, struct gen_call *r, struct err *e)
{
	CLEANUP(arena_done) struct arena mem;
	struct gen_request flat, paired, fit;
	struct buf *b = &r->body;
	int code = check(t, q, e);
	arena_init(&mem, BODY_MAX_BYTES);
	if (code == 0 && q->raw_prompt && !q->prompt) {
		code = request_flatten(q, &mem, &flat, e);
		q = &flat;
	}
	if (code < 0)
		return code;
	begin(t, q->prompt ? "/api/generate" : "/api/chat", "application/x-ndjson", r);
	if (request_is_raw(q, t->p)) {
		request_add_raw(b, q->raw->body, t->name, true);
		return 0;
	}
	if ((code = history_settle(q, false, &mem, &paired)) < 0 ||
		(code = roles_settle(&paired, r->quirks, &mem, &fit)) < 0)
		return err_set(e, code, "no memory left for a request");
	q = &fit;
	buf_add_str(b, "{\"model\":");
	json_add_cstr(b, t->name);
	if (q->prompt) {
		buf_add_str(b, ",\"prompt\":");
		json_add_cstr(b, q->prompt);
		add_member(b, "suffix", q->suffix);
		if (q->raw_prompt)
			buf_add_str(b, ",\"raw\":true");
	} else {
		buf_add_str(b, ",\"messages\":[");
		for (size_t i = 0; i < q->n_messages; i++) {
			if (i > 0)
				buf_add_char(b, ',');
			add_message(b, &q->messages[i]);
		}
		buf_add_char(b, ']');
	}
	add_rest(b, q, r);
	return 0;
}

/* Without the number of dimensions: older ones do not know the field, and cutting is the same. */
int ollama_embed(
	const struct target *t, const struct embed_request *q, const char *const *inputs, size_t n, struct gen_call *r)
{
	struct buf *b = &r->body;
	begin(t, "/api/embed", "application/json", r);
	buf_add_str(b, "{\"model\":");
	json_add_cstr(b, t->name);
	buf_add_str(b, ",\"input\":[");
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_add_char(b, ',');
		json_add_cstr(b, inputs[i]);
	}
	buf_add_char(b, ']');
	if (q->truncate)
		buf_printf(b, ",\"truncate\":%s", q->truncate);
	if (q->options)
		buf_printf(b, ",\"options\":%s", q->options);
	if (q->keep_alive)
		buf_printf(b, ",\"keep_alive\":%s", q->keep_alive);
	if (q->extras && q->extras_api & API_OLLAMA)
		buf_add_str(b, q->extras);
	buf_add_char(b, '}');
	return 0;
}

/* Servers before the levels know only on and off; a model that does not think refuses any word about it but off. */
unsigned ollama_learn(const struct target *t, const struct gen_request *q, const struct gen_call *r, struct str error)
{
	unsigned ret = 0;
	(void)t;
	if (!q || q->raw)
		return 0;
	if (!quirk_names(error, "think") || quirk_names(error, "does not support thinking"))
		return roles_learn(q, error) & ~r->quirks;
	if (q->thinking >= THINKING_LOW)
		ret = QUIRK_NO_EFFORT;
	else if (q->thinking == THINKING_OFF)
		ret = QUIRK_NO_THINKING;
	return ret & ~r->quirks;
}

unsigned ollama_lost(const struct target *t UNUSED, const struct gen_request *q, const struct gen_call *r)
{
	if (q->thinking >= THINKING_ON && (r->quirks & QUIRK_NO_THINKING))
		return LOST_EFFORT;
	return q->thinking >= THINKING_LOW && (r->quirks & QUIRK_NO_EFFORT) ? LOST_LEVEL : 0;
}
