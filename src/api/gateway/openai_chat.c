/*
 * openai_chat.c - POST /v1/chat/completions. What stands in front of each piece of a stream is the same for a whole
 * answer, and made once before it. What other servers of this shape know is passed on where the provider speaks so
 * too, mapped where there is the like of it, and told as ignored where there is not.
 */
#include "api/gateway/describe.h"
#include "api/gateway/ollama.h"
#include "api/gateway/openai.h"
#include "api/request.h"

struct chat {
	bool wants_usage;
	bool old_functions;   /* the request has `functions`, and its client looks for `function_call` */
	struct str *heads;    /* of every chunk, up to the contents of "delta": one for each answer */
	const char **customs; /* names of custom tools, whose calls are told when they are whole */
	size_t n_customs;
};

static const char *const beside_begins[BESIDE_KINDS] = {
	[BESIDE_ANNOTATIONS] = "\"annotations\":[", [BESIDE_IMAGES] = "\"images\":[", [BESIDE_AUDIO] = "\"audio\":"};

#define CHUNK_END "},\"finish_reason\":null}]}\n\n"

/* ---- the request ---- */

static bool speaks_so(struct gw_call *c) /* the provider, too */
{
	return gw_target_can(c, API_OPENAI);
}

/* A tool that the provider runs itself. */
static int read_other_tool(struct gw_call *c, const json_t *tool, const char *type)
{
	const char *text;
	int r;

	if (!speaks_so(c)) {
		gw_ignore(c, arena_printf(&c->q->mem, "tools.%.40s", type));
		return 0;
	}
	if ((r = gw_json_text(c, tool, &text)) < 0)
		return r;
	c->req.extra_tools = c->req.extra_tools ? arena_printf(&c->q->mem, "%s,%s", c->req.extra_tools, text) : text;
	return c->req.extra_tools ? 0 : request_no_memory(c->q);
}

static bool is_custom(const json_t *tool)
{
	const char *type = json_get_str(tool, "type");

	return type && strcmp(type, "custom") == 0;
}

/* The members of a function that only a provider of this shape may know. */
static int read_function(struct gw_call *c, const json_t *tool, struct gen_tool *ret)
{
	static const char *const outer[] = {"type", "function", "cache_control", NULL};
	static const char *const known[] = {"name", "description", "parameters", "strict", NULL};
	const json_t *of = json_object_get(tool, "function");
	int r = openai_read_function(c, of, ret);

	gw_ignore_extras(c, tool, "tools", outer);
	return r < 0 ? r : gw_read_extras(c, of, "tools.function", API_OPENAI, known, &ret->extras);
}

static int read_tools(struct gw_call *c, const json_t *list)
{
	size_t n = json_array_size(list);

	if (n == 0)
		return 0;
	struct gen_tool *tools = ARENA_ARRAY(&c->q->mem, struct gen_tool, n);
	if (!tools)
		return request_no_memory(c->q);
	for (size_t i = 0; i < n; i++) {
		const json_t *tool = json_array_get(list, i);
		const char *type = json_get_str(tool, "type");
		int r;

		bool custom = is_custom(tool);

		if (type && !custom && strcmp(type, "function") != 0) {
			if ((r = read_other_tool(c, tool, type)) < 0)
				return r;
			continue;
		}
		struct gen_tool *to = &tools[c->req.n_tools++];
		r = custom ? custom_tool_read(c, json_object_get(tool, "custom"), to) : read_function(c, tool, to);
		if (r < 0)
			return r;
		if (json_is_object(json_object_get(tool, "cache_control")) &&
			(r = gw_json_text(c, json_object_get(tool, "cache_control"), &to->cache)) < 0)
			return r;
	}
	ASSERT(c->req.n_tools <= n);
	c->req.tools = tools;
	return 0;
}

/* The older `functions` and `function_call`, of which an answer has one. */
static int read_functions(struct gw_call *c)
{
	const json_t *list = json_object_get(c->body, "functions"), *choice = json_object_get(c->body, "function_call");
	size_t n = json_array_size(list);
	int r = 0;

	if (n == 0 || c->req.n_tools > 0)
		return 0;
	struct gen_tool *tools = ARENA_ARRAY(&c->q->mem, struct gen_tool, n);
	if (!tools)
		return request_no_memory(c->q);
	for (size_t i = 0; i < n && r == 0; i++)
		r = openai_read_function(c, json_array_get(list, i), &tools[i]);
	c->req.tools = tools;
	c->req.n_tools = n;
	c->req.one_tool_at_a_time = true;
	if (r < 0 || !json_is_object(choice))
		return r < 0 ? r : openai_read_tool_choice(c, choice, false);
	c->req.tool_choice = TOOLS_NAMED;
	c->req.tool_name = json_get_str(choice, "name");
	return c->req.tool_name ? 0 : err_set(&c->q->err, E_INVALID, "\"function_call\" names no function.");
}

/* ---- what other servers of this shape know ---- */

/* Has a meaning here, or is without effect on an answer anywhere. */
static const char *const known[] = {"model", "messages", "tools", "tool_choice", "functions", "function_call",
	"reasoning_effort", "temperature", "top_p", "top_k", "min_p", "presence_penalty", "frequency_penalty",
	"repeat_penalty", "seed", "stop", "max_tokens", "max_completion_tokens", "parallel_tool_calls", "n", "stream",
	"stream_options", "modalities", "logprobs", "top_logprobs", NULL};
static const char *const harmless[] = {"user", "metadata", "store", "safety_identifier", "prompt_cache_key",
	"prompt_cache_retention", "service_tier", "think", "thinking", "reasoning", "enable_thinking",
	"chat_template_kwargs", "guided_json", "json_schema", "repetition_penalty", NULL};

static void set_thinking(struct gw_call *c, const json_t *on)
{
	if (json_is_boolean(on) && c->req.thinking == THINKING_DEFAULT && gw_target_thinks(c))
		c->req.thinking = json_is_true(on) ? THINKING_ON : THINKING_OFF;
}

/* For a target that does not speak this shape: what there is the like of. */
static int read_likes(struct gw_call *c)
{
	const json_t *b = c->body, *template = json_object_get(b, "chat_template_kwargs");
	const json_t *schema = json_object_get(b, "guided_json"), *v;
	const json_t *reasoning = json_object_get(b, "reasoning");
	const char *type = json_get_str(json_object_get(b, "thinking"), "type"), *key;
	double penalty;

	if (type)
		set_thinking(c, strcmp(type, "disabled") == 0 ? json_false() : json_true());
	set_thinking(c, json_object_get(b, "think"));
	set_thinking(c, json_object_get(reasoning, "enabled"));
	json_object_foreach((json_t *)reasoning, key, v)
	{
		if (strcmp(key, "enabled") != 0 && strcmp(key, "effort") != 0 && strcmp(key, "summary") != 0 &&
			(json_is_true(v) || json_is_number(v)))
			gw_ignore(c, arena_printf(&c->q->mem, "reasoning.%.40s", key));
	}
	set_thinking(c, json_object_get(b, "enable_thinking"));
	set_thinking(c, json_object_get(template, "enable_thinking"));
	set_thinking(c, json_object_get(template, "thinking"));
	json_object_foreach((json_t *)template, key, v)
	{
		if (strcmp(key, "enable_thinking") != 0 && strcmp(key, "thinking") != 0)
			gw_ignore(c, "chat_template_kwargs");
	}
	if (json_get_number(json_object_get(b, "repetition_penalty"), &penalty) &&
		!(c->req.sampling.set & SAMPLE_REPEAT)) {
		c->req.sampling.set |= SAMPLE_REPEAT;
		c->req.sampling.repeat_penalty = penalty;
	}
	if (!json_is_object(schema))
		schema = json_object_get(b, "json_schema");
	if (!json_is_object(schema) || c->req.format != FORMAT_TEXT)
		return 0;
	c->req.format = FORMAT_SCHEMA;
	c->req.schema_name = "answer";
	return gw_json_text(c, schema, &c->req.schema);
}

static int read_rest(struct gw_call *c)
{
	bool same = speaks_so(c);
	CLEANUP(json_decrefp) json_t *less = NULL;
	int r = same ? 0 : read_likes(c);

	if (json_is_true(json_object_get(c->body, "logprobs")))
		gw_want_logprobs(c, gw_whole_number(json_object_get(c->body, "top_logprobs")));
	if (r < 0)
		return r;
	less = json_copy(c->body);
	for (size_t i = 0; harmless[i] && !same; i++)
		json_object_del(less, harmless[i]);
	if (openai_is_known_format(json_object_get(less, "response_format")))
		json_object_del(less, "response_format");
	if (!same)
		gw_tell_tier(c);
	c->req.extras_api = API_OPENAI;
	if (gw_target_can(c, API_OLLAMA) && (r = ollama_read_likes(c, less)) < 0)
		return r;
	return gw_read_extras(c, less, NULL, API_OPENAI, known, &c->req.extras);
}

static int refuse_sound(struct gw_call *c)
{
	const json_t *list = json_object_get(c->body, "modalities"), *word;
	size_t i;

	json_array_foreach(list, i, word)
	{
		const char *s = json_string_value(word);
		if (s && strcmp(s, "audio") == 0)
			return err_set(
				&c->q->err, E_INVALID, "Answers are text here: \"modalities\" must not name audio.");
	}
	return 0;
}

/* `reasoning_effort`, or what other clients say in its place: `reasoning: {effort}`. */
static const json_t *effort_of(struct gw_call *c)
{
	const json_t *plain = json_object_get(c->body, "reasoning_effort");

	if ((plain && !json_is_null(plain)) || speaks_so(c)) /* who speaks so gets `reasoning` as it stands */
		return plain;
	c->effort_name = "reasoning.effort";
	return json_object_get(json_object_get(c->body, "reasoning"), "effort");
}

int openai_read_chat(struct gw_call *c)
{
	const json_t *b = c->body;
	int r;

	if ((r = openai_read_choices(c)) < 0 || (r = refuse_sound(c)) < 0 ||
		(r = openai_read_messages(c, json_object_get(b, "messages"))) < 0 ||
		(r = read_tools(c, json_object_get(b, "tools"))) < 0 || (r = read_functions(c)) < 0 ||
		(r = openai_read_tool_choice(c, json_object_get(b, "tool_choice"), true)) < 0 ||
		(r = openai_read_format(c, json_object_get(b, "response_format"), "json_schema")) < 0 ||
		(r = openai_read_effort(c, effort_of(c))) < 0 || (r = gw_read_sampling(c, b, &c->req.sampling)) < 0 ||
		(r = gw_read_stop(c, json_object_get(b, "stop"), &c->req.stop)) < 0 ||
		(r = openai_read_count(c, "max_tokens", &c->req.max_tokens)) < 0 ||
		(r = openai_read_count(c, "max_completion_tokens", &c->req.max_tokens)) < 0)
		return r;
	openai_read_parallel(c);
	openai_read_user(c);
	return read_rest(c);
}

/* ---- the answer ---- */

void openai_add_token_parts(const struct gen_result *g, const char *within, struct buf *out)
{
	for (size_t i = 0; i < N_TOKEN_PARTS; i++) {
		if (g->token_parts[i] > 0 && strcmp(token_places[i].within, within) == 0)
			buf_printf(out, ",\"%s\":%lld", token_places[i].name, (long long)g->token_parts[i]);
	}
}

void openai_add_usage(const struct gen_result *g, struct buf *out)
{
	buf_printf(out,
		"{\"prompt_tokens\":%lld,\"completion_tokens\":%lld,\"total_tokens\":%lld,"
		"\"prompt_tokens_details\":{\"cached_tokens\":%lld",
		(long long)g->tokens_in, (long long)g->tokens_out, (long long)g->tokens_in + g->tokens_out,
		(long long)MAX(g->tokens_cached, 0));
	if (g->tokens_kept > 0) /* by the name that others have for it: OpenAI's own says nothing of it */
		buf_printf(out, ",\"cache_write_tokens\":%lld", (long long)g->tokens_kept);
	openai_add_token_parts(g, "prompt_tokens_details", out);
	buf_printf(out, "},\"completion_tokens_details\":{\"reasoning_tokens\":%lld",
		(long long)MAX(g->tokens_reasoning, 0));
	openai_add_token_parts(g, "completion_tokens_details", out);
	buf_add_str(out, "}}");
}

static void add_start(const struct gw_call *c, const char *object, struct buf *out)
{
	buf_printf(out, "{\"id\":\"chatcmpl-%s\",\"object\":\"%s\",\"created\":%lld,\"model\":", c->id, object,
		(long long)(c->created_ms / 1000));
	json_add_cstr(out, c->model);
	buf_add_str(out, ",\"choices\":[");
}

static void add_head(const struct gw_call *c, struct buf *out)
{
	const struct chat *s = c->shape;
	const struct str *head = &s->heads[c->choice];

	buf_add(out, head->p, head->n);
}

/* Each answer begins with who speaks. */
static void add_role(const struct gw_call *c, int64_t choice, struct buf *out)
{
	const struct chat *s = c->shape;

	buf_add(out, s->heads[choice].p, s->heads[choice].n);
	buf_add_str(out, "\"role\":\"assistant\",\"content\":\"\"" CHUNK_END);
}

static void chat_begin(struct gw_call *c, struct buf *out)
{
	add_role(c, c->choice, out);
}

static void chat_text(struct gw_call *c, struct str escaped, struct buf *out)
{
	add_head(c, out);
	buf_add_str(out, "\"content\":\"");
	buf_add(out, escaped.p, escaped.n);
	buf_add_str(out, "\"" CHUNK_END);
}

static void chat_reasoning(struct gw_call *c, struct str escaped, struct buf *out)
{
	add_head(c, out);
	buf_add_str(out, "\"reasoning_content\":\"");
	buf_add(out, escaped.p, escaped.n);
	buf_add_str(out, "\"" CHUNK_END);
}

static bool calls_custom(const struct gw_call *c, const char *name)
{
	const struct chat *s = c->shape;

	for (size_t i = 0; i < s->n_customs; i++) {
		if (strcmp(s->customs[i], name) == 0)
			return true;
	}
	return false;
}

/* Who says what there is of a call beside, and shall have it back. */
static void add_source(const struct made_call *m, struct buf *out)
{
	if (!m->extras_of)
		return;
	buf_add_str(out, ",\"atelier\":{\"provider\":");
	json_add_cstr(out, m->extras_of);
	buf_add_char(out, '}');
}

static void chat_tool(struct gw_call *c, const struct call_piece *t, struct buf *out)
{
	const struct chat *s = c->shape;

	if ((s->old_functions && t->index > 0) || calls_custom(c, c->answer.calls[t->index].name))
		return; /* there is one; told when it is whole */
	add_head(c, out);
	if (s->old_functions)
		buf_add_str(out, "\"function_call\":{");
	else
		buf_printf(out, "\"tool_calls\":[{\"index\":%lld,", (long long)t->index);
	if (t->first && !s->old_functions) {
		buf_add_str(out, "\"id\":");
		json_add_cstr(out, t->id);
		buf_add_str(out, ",\"type\":\"function\",");
	}
	if (!s->old_functions)
		buf_add_str(out, "\"function\":{");
	if (t->first) {
		buf_add_str(out, "\"name\":");
		json_add_cstr(out, t->name);
		buf_add_char(out, ',');
	}
	buf_add_str(out, "\"arguments\":");
	json_add_string(out, t->arguments.p, t->arguments.n);
	buf_add_char(out, '}');
	buf_add(out, t->extras.p, t->extras.n);
	if (t->extras.n > 0)
		add_source(&c->answer.calls[t->index], out);
	buf_add_str(out, s->old_functions ? CHUNK_END : "}]" CHUNK_END);
}

static const char *finish_of(const struct gw_call *c)
{
	const struct chat *s = c->shape;

	return s && s->old_functions && strcmp(c->finish, "tool_calls") == 0 ? "function_call" : c->finish;
}

static void chat_logprobs(struct gw_call *c, struct str items, struct buf *out)
{
	add_head(c, out);
	buf_add_str(out, "},\"logprobs\":{\"content\":[");
	buf_add(out, items.p, items.n);
	buf_add_str(out, "],\"refusal\":null},\"finish_reason\":null}]}\n\n");
}

/* Of sound there is one object, in pieces. */
static void chat_beside(struct gw_call *c, enum gen_beside_kind kind, struct str items, struct buf *out)
{
	add_head(c, out);
	buf_add_str(out, beside_begins[kind]);
	buf_add(out, items.p, items.n);
	buf_add_str(out, kind == BESIDE_AUDIO ? CHUNK_END : "]" CHUNK_END);
}

/* The pieces of sound put together: texts and data follow each other, of other members the last one counts. */
static void add_sound(struct str pieces, struct buf *out)
{
	CLEANUP(json_decrefp) json_t *all = gw_notes(pieces), *sound = json_object();
	const char *key;
	json_t *v;

	for (size_t i = 0; i < json_array_size(all); i++) {
		json_object_foreach(json_array_get(all, i), key, v)
		{
			const char *had = json_get_str(sound, key), *more = json_string_value(v);
			bool is_piece = strcmp(key, "data") == 0 || strcmp(key, "transcript") == 0;

			if (is_piece && had && more)
				json_object_set_new(sound, key, json_pack("s+", had, more));
			else
				json_object_set(sound, key, v);
		}
	}
	json_add_value(out, sound);
}

static void add_beside(const struct gw_call *c, struct buf *out)
{
	for (size_t kind = 0; kind < BESIDE_KINDS; kind++) {
		struct str items = buf_str(&c->answer.beside[kind]);

		if (items.n == 0)
			continue;
		buf_add_char(out, ',');
		buf_add_str(out, beside_begins[kind]);
		if (kind == BESIDE_AUDIO)
			add_sound(items, out);
		else
			buf_add(out, items.p, items.n);
		buf_add_str(out, kind == BESIDE_AUDIO ? "" : "]");
	}
}

/* From its id on. */
static void add_call(const struct gw_call *c, const struct made_call *m, struct buf *out)
{
	bool custom = calls_custom(c, m->name);

	buf_add_str(out, "\"id\":");
	json_add_cstr(out, m->id);
	buf_add_str(out, custom ? ",\"type\":\"custom\",\"custom\":{\"name\":"
				: ",\"type\":\"function\",\"function\":{\"name\":");
	json_add_cstr(out, m->name);
	buf_add_str(out, custom ? ",\"input\":" : ",\"arguments\":");
	if (custom)
		custom_tool_add_input(buf_str(&m->arguments), out);
	else
		json_add_string(out, m->arguments.p, m->arguments.n);
	buf_add_char(out, '}');
	buf_add(out, buf_str(&m->extras).p, m->extras.n);
	add_source(m, out);
	buf_add_char(out, '}');
}

static void add_custom_calls(struct gw_call *c, struct buf *out)
{
	const struct gen_answer *a = &c->answer;
	const struct chat *s = c->shape;

	for (size_t i = 0; s->n_customs > 0 && i < a->n_calls; i++) {
		if (!calls_custom(c, a->calls[i].name) || a->calls[i].state == MADE_CUT)
			continue;
		add_head(c, out);
		buf_printf(out, "\"tool_calls\":[{\"index\":%zu,", i);
		add_call(c, &a->calls[i], out);
		buf_add_str(out, "]" CHUNK_END);
	}
}

/* What the provider says of the machine that answered; in a stream its last piece tells it. */
static void add_served(const struct gw_call *c, struct buf *out)
{
	if (*c->reported.fingerprint) {
		buf_add_str(out, ",\"system_fingerprint\":");
		json_add_cstr(out, c->reported.fingerprint);
	}
	if (*c->reported.service_tier) {
		buf_add_str(out, ",\"service_tier\":");
		json_add_cstr(out, c->reported.service_tier);
	}
}

/* What the provider says of the reasoning for itself, as one that speaks so tells it, and whose it is. */
static void add_thoughts(const struct gw_call *c, struct buf *out)
{
	if (!c->answer.thoughts_of)
		return;
	buf_printf(out, "\"reasoning_details\":%s,\"atelier\":{\"provider\":", buf_str(&c->answer.thoughts).p);
	json_add_cstr(out, c->answer.thoughts_of);
	buf_add_char(out, '}');
}

static void end_choice(struct gw_call *c, struct buf *out)
{
	add_custom_calls(c, out);
	add_head(c, out);
	add_thoughts(c, out);
	buf_printf(out, "},\"finish_reason\":\"%s\"}]", finish_of(c));
}

static void chat_end(struct gw_call *c, struct buf *out)
{
	const struct chat *s = c->shape;

	end_choice(c, out);
	add_served(c, out);
	gw_add_remarks(c, out);
	buf_add_str(out, "}\n\n");
	if (s->wants_usage) {
		buf_add_str(out, "data: ");
		add_start(c, "chat.completion.chunk", out);
		buf_add_str(out, "],\"usage\":");
		openai_add_usage(&c->result, out);
		buf_add_str(out, "}\n\n");
	}
	buf_add_str(out, "data: [DONE]\n\n");
}

/* Arguments are a text here: those that were cut off stay so, but a call of which nothing came but the name would be
 * run without arguments; and the text that a custom tool gets would not show that it is none of it all. */
static void add_calls(const struct gw_call *c, struct buf *out)
{
	const struct gen_answer *a = &c->answer;
	size_t n = 0;

	for (size_t i = 0; i < a->n_calls; i++) {
		const struct made_call *m = &a->calls[i];

		if (m->state == MADE_CUT && (m->arguments.n == 0 || calls_custom(c, m->name)))
			continue;
		buf_add_str(out, n++ ? ",{" : ",\"tool_calls\":[{");
		add_call(c, m, out);
	}
	if (n > 0)
		buf_add_char(out, ']');
}

static void add_function_call(const struct gw_call *c, struct buf *out)
{
	const struct gen_answer *a = &c->answer;

	if (a->n_calls == 0 || (a->calls[0].state == MADE_CUT && a->calls[0].arguments.n == 0))
		return;
	buf_add_str(out, ",\"function_call\":{\"name\":");
	json_add_cstr(out, a->calls[0].name);
	buf_add_str(out, ",\"arguments\":");
	json_add_string(out, a->calls[0].arguments.p, a->calls[0].arguments.n);
	buf_add_char(out, '}');
}

static void add_choice(const struct gw_call *c, struct buf *out)
{
	const struct gen_answer *a = &c->answer;
	const struct chat *s = c->shape;
	struct str text = buf_str(&a->text), reasoning = buf_str(&a->reasoning);

	buf_printf(out, "{\"index\":%lld,\"message\":{\"role\":\"assistant\",\"content\":", (long long)c->choice);
	if (text.n == 0 && a->n_calls > 0)
		buf_add_str(out, "null");
	else
		json_add_string(out, text.p, text.n);
	if (reasoning.n > 0) {
		buf_add_str(out, ",\"reasoning_content\":");
		json_add_string(out, reasoning.p, reasoning.n);
	}
	if (a->thoughts_of)
		buf_add_char(out, ',');
	add_thoughts(c, out);
	(s->old_functions ? add_function_call : add_calls)(c, out);
	add_beside(c, out);
	buf_add_str(out, ",\"refusal\":null},\"logprobs\":");
	if (a->logprobs.n > 0) {
		buf_add_str(out, "{\"content\":[");
		buf_add(out, a->logprobs.p, a->logprobs.n);
		buf_add_str(out, "],\"refusal\":null}");
	} else {
		buf_add_str(out, "null");
	}
	buf_printf(out, ",\"finish_reason\":\"%s\"}", finish_of(c));
}

/* One of several has ended. */
static void chat_choice(struct gw_call *c, struct buf *out)
{
	if (!c->stream) {
		add_choice(c, out);
		buf_add_char(out, ',');
		return;
	}
	ASSERT(c->choice + 1 < c->n_choices); /* it has a head */
	end_choice(c, out);
	buf_add_str(out, "}\n\n");
	add_role(c, c->choice + 1, out);
}

static int chat_whole(struct gw_call *c, struct buf *out)
{
	ASSERT(c->choice + 1 == MAX(c->n_choices, INT64_C(1))); /* the last one */
	add_start(c, "chat.completion", out);
	buf_add(out, buf_str(&c->choices).p, c->choices.n);
	add_choice(c, out);
	buf_add_str(out, "],\"usage\":");
	openai_add_usage(&c->result, out);
	add_served(c, out);
	gw_add_remarks(c, out);
	buf_add_char(out, '}');
	return 0;
}

static const struct gw_format chat_format = {
	.content_type = "text/event-stream; charset=utf-8",
	.begin = chat_begin,
	.text = chat_text,
	.reasoning = chat_reasoning,
	.tool = chat_tool,
	.logprobs = chat_logprobs,
	.beside = chat_beside,
	.has_media = true,
	.choice = chat_choice,
	.heartbeat = gw_heartbeat_comment,
	.end = chat_end,
	.error = openai_stream_error,
	.whole = chat_whole,
};

static int chat_prepare(struct gw_call *c)
{
	struct chat *s = ARENA_NEW(&c->q->mem, struct chat);

	ASSERT(!c->shape && c->n_choices >= 0);
	if (!s || !(s->heads = ARENA_ARRAY(&c->q->mem, struct str, MAX(c->n_choices, INT64_C(1)))))
		return request_no_memory(c->q);
	for (int64_t i = 0; i < MAX(c->n_choices, INT64_C(1)); i++) {
		CLEANUP(buf_done) struct buf b = BUF_INIT(1 << 20);

		buf_add_str(&b, "data: ");
		add_start(c, "chat.completion.chunk", &b);
		buf_printf(&b, "{\"index\":%lld,\"delta\":{", (long long)i);
		s->heads[i] = (struct str){arena_strndup(&c->q->mem, buf_str(&b).p, b.n), b.n};
		if (buf_status(&b) < 0 || !s->heads[i].p)
			return request_no_memory(c->q);
	}
	const json_t *tools = json_object_get(c->body, "tools"), *tool;
	size_t i;

	s->customs = ARENA_ARRAY(&c->q->mem, const char *, json_array_size(tools) + 1);
	if (!s->customs)
		return request_no_memory(c->q);
	json_array_foreach(tools, i, tool)
	{
		if (is_custom(tool))
			s->customs[s->n_customs++] = json_get_str(json_object_get(tool, "custom"), "name");
	}
	s->wants_usage = openai_wants_usage(c);
	s->old_functions = json_array_size(json_object_get(c->body, "functions")) > 0 &&
			   json_array_size(json_object_get(c->body, "tools")) == 0;
	c->shape = s;
	return 0;
}

static int chat_completions_post(struct request *q)
{
	CLEANUP(gw_closep) struct gw_call *c = NULL;
	int r;

	if ((r = gw_open(q, &chat_format, &c)) < 0 || (r = openai_read_chat(c)) < 0 || (r = chat_prepare(c)) < 0)
		return r;
	return gw_generate(c);
}

/* clang-format off */
static const struct route routes[] = {
	{"POST", "/v1/chat/completions", "openaiChat", chat_completions_post, ACCESS_USER, ROUTE_GATEWAY | ROUTE_CALL,
		OPENAI, EVENTS, .body_schema = GW_CHAT_BODY, .summary = "Ask a model in the way of OpenAI."},
};
/* clang-format on */
const struct route_set openai_chat_routes = ROUTES(routes);
