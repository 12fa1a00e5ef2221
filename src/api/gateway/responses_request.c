/*
 * responses_request.c - requests of /v1/responses. All items, those of former answers that the request goes on from and
 * those that it refers to among them, become one list first; then messages are made of it.
 */
#include "api/gateway/describe.h"
#include "api/gateway/responses.h"
#include "api/request.h"
#include "provider/manage.h"

#define CHAIN_MOST 1000            /* answers that one goes on from */
#define ITEMS      "atelier_items" /* of c->body: the list, which lives as long as the call */

static bool is(const char *s, const char *word)
{
	return s && word && strcmp(s, word) == 0;
}

/* ---- what is not offered ---- */

static bool is_given(const struct gw_call *c, const char *name)
{
	const json_t *v = json_object_get(c->body, name);

	return v && !json_is_null(v) && !json_is_false(v);
}

static int refuse_memory(struct gw_call *c)
{
	static const char *const names[] = {"conversation", "background", "prompt"};

	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		if (is_given(c, names[i]))
			return err_set(&c->q->err, E_INVALID,
				"\"%s\" is not offered here: send the conversation as input, or go on by "
				"previous_response_id.",
				names[i]);
	}
	return 0;
}

/* Taken for nothing, they would make another answer. */
static int check_texts(struct gw_call *c)
{
	static const char *const names[] = {"previous_response_id", "instructions"};

	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		const json_t *v = json_object_get(c->body, names[i]);

		if (v && !json_is_null(v) && (!json_is_string(v) || json_long_number(v)))
			return err_set(&c->q->err, E_INVALID, "\"%s\" must be a text.", names[i]);
	}
	return 0;
}

/* ---- all items ---- */

static int add_json(struct gw_call *c, json_t *items, const char *text, const char *member)
{
	CLEANUP(json_decrefp) json_t *v = NULL;
	int r = json_read(text, strlen(text), JSON_MEMORY, JSON_READ_EXACT, &v, &c->q->err);

	if (r == 0)
		json_array_extend(items, member ? json_object_get(v, member) : v);
	return r;
}

/* What the answer `id` was given and said, behind all that it went on from itself. */
static int add_chain(struct gw_call *c, json_t *items, const char *id)
{
	struct kept_response *chain = ARENA_ARRAY(&c->q->mem, struct kept_response, CHAIN_MOST);
	size_t n = 0;
	int r = 0;

	if (!chain)
		return request_no_memory(c->q);
	for (; id && n < CHAIN_MOST; id = chain[n++].previous) {
		r = responses_find(c->q, id, &chain[n]);
		if (r == E_NOT_FOUND) {
			err_clear(&c->q->err);
			return err_set(&c->q->err, E_INVALID,
				"Previous response with id '%.80s' not found (previous_response_id): it was not "
				"stored, or too "
				"long ago.",
				id);
		}
		if (r < 0)
			return r;
	}
	for (size_t i = n; i-- > 0 && r == 0;) {
		r = add_json(c, items, chain[i].input, NULL);
		if (r == 0)
			r = add_json(c, items, chain[i].response, "output");
	}
	return r;
}

/* "fc_0123456789abc2": an item of a kept answer. */
static int add_referred(struct gw_call *c, json_t *items, const char *id)
{
	CLEANUP(json_decrefp) json_t *v = NULL;
	struct kept_response k;
	const json_t *output;
	int r = id ? responses_find(c->q, id, &k) : E_NOT_FOUND;

	if (r == 0)
		r = json_read(k.response, strlen(k.response), JSON_MEMORY, JSON_READ_EXACT, &v, &c->q->err);
	output = json_object_get(v, "output");
	for (size_t i = 0; i < json_array_size(output); i++) {
		if (is(json_get_str(json_array_get(output, i), "id"), id))
			return json_array_append(items, json_array_get(output, i));
	}
	if (r < 0 && r != E_NOT_FOUND)
		return r;
	err_clear(&c->q->err);
	return err_set(&c->q->err, E_NOT_FOUND,
		"Item with id '%.80s' not found. Items are kept for a while, and not when store is false; send the "
		"item "
		"itself.",
		id ? id : "");
}

static int add_input_item(struct gw_call *c, json_t *items, json_t *item)
{
	struct responses *s = c->shape;
	const char *type = json_get_str(item, "type");

	if (is(type, "compaction_trigger")) {
		s->compacts = true;
		return 0;
	}
	if (is(type, "item_reference") || (!type && !json_get_str(item, "role") && json_get_str(item, "id")))
		return add_referred(c, items, json_get_str(item, "id"));
	return json_array_append(items, item);
}

/* The request's own items are put down for the answer to be kept with. */
static int gather(struct gw_call *c)
{
	struct responses *s = c->shape;
	const json_t *input = json_object_get(c->body, "input");
	CLEANUP(json_decrefp) json_t *own = json_array();
	json_t *items = json_array();
	int r = 0;

	json_object_set_new(c->body, ITEMS, items);
	s->items = items;
	s->previous = json_get_str(c->body, "previous_response_id");
	if (s->previous && *s->previous)
		r = add_chain(c, items, s->previous);
	if (r == 0 && json_is_string(input) && !json_long_number(input))
		r = json_array_append_new(
			own, json_pack("{s:s,s:s,s:O}", "type", "message", "role", "user", "content", input));
	else if (r == 0 && json_array_size(input) == 0 && json_array_size(items) == 0)
		return err_set(&c->q->err, E_INVALID, "\"input\" must be a text or a list of items.");
	for (size_t i = 0; i < json_array_size(input) && r == 0; i++)
		r = add_input_item(c, own, json_array_get(input, i));
	if (r < 0)
		return r;
	json_array_extend(items, own);
	return s->keeps ? gw_json_text(c, own, &s->input) : 0;
}

/* ---- items become messages ---- */

struct reading {
	struct gw_call *c;
	struct gen_message *all;
	size_t n;
	struct gen_tool_call *calls; /* of all messages, in their order */
	size_t n_calls;
	const char *thought; /* of the next message of the assistant */
};

static struct gen_message *message_new(struct reading *r, const char *role)
{
	struct gen_message *m = &r->all[r->n++];

	*m = (struct gen_message){.role = role, .content = ""};
	if (is(role, "assistant")) {
		m->reasoning = r->thought;
		r->thought = NULL;
	}
	return m;
}

/* Calls follow the message that they belong to as items of their own. */
static int add_call(struct reading *r, const char *id, const char *name, const char *arguments)
{
	struct gen_message *m = r->n > 0 && !r->thought ? &r->all[r->n - 1] : NULL;
	struct gen_tool_call *call = &r->calls[r->n_calls++];

	*call = (struct gen_tool_call){
		.id = id ? id : "", .name = name, .arguments = arguments && *arguments ? arguments : "{}"};
	if (!call->name || !*call->name)
		return err_set(&r->c->q->err, E_INVALID, "A call of the input has no name.");
	if (!m || !is(m->role, "assistant"))
		m = message_new(r, "assistant");
	if (m->n_calls == 0)
		m->calls = call;
	m->n_calls++;
	return 0;
}

static struct gen_message *add_result(struct reading *r, const char *id)
{
	struct gen_message *m = message_new(r, "tool");

	m->tool_call_id = id ? id : "";
	m->tool_name = openai_called_name(r->all, r->n - 1, m->tool_call_id);
	return m;
}

/* Of a tool that the program runs. */
static int add_own_call(struct reading *r, const json_t *item, const char *name, const char *arguments)
{
	int code = add_call(r, json_get_str(item, "call_id"), name, arguments);

	return code < 0 ? code : gw_read_call_extras(r->c, item, &r->calls[r->n_calls - 1]);
}

static int read_function_call(struct reading *r, const json_t *item)
{
	const char *name = json_get_str(item, "name");

	if (name)
		name = responses_flat_name(r->c, json_get_str(item, "namespace"), name);
	return add_own_call(r, item, name, json_get_str(item, "arguments"));
}

static int read_custom_call(struct reading *r, const json_t *item)
{
	const char *name = json_get_str(item, "name"), *arguments;
	int code = custom_tool_arguments(r->c, json_object_get(item, "input"), &arguments);

	if (code == 0 && name)
		name = responses_flat_name(r->c, json_get_str(item, "namespace"), name);
	return code < 0 ? code : add_own_call(r, item, name, arguments);
}

static int as_text(struct reading *r, const json_t *v, const char **ret)
{
	*ret = "";
	if (!v || json_is_null(v))
		return 0;
	if (json_is_string(v) && !json_long_number(v)) {
		*ret = json_string_value(v);
		return 0;
	}
	return gw_json_text(r->c, v, ret);
}

static bool is_parts(const json_t *v)
{
	const char *type = json_get_str(json_array_get(v, 0), "type");

	return json_is_array(v) &&
	       (json_array_size(v) == 0 || (type && strncmp(type, "input_", 6) == 0) || is(type, "output_text") ||
		       is(type, "text") || is(type, "refusal") || is(type, "image_url"));
}

static int read_output(struct reading *r, const json_t *item)
{
	const char *id = json_get_str(item, "call_id");
	const json_t *output = json_object_get(item, "output"), *tools = json_object_get(item, "tools");
	struct gen_message *m = add_result(r, id ? id : json_get_str(item, "id"));
	const char *image =
		is(json_get_str(output, "type"), "computer_screenshot") ? json_get_str(output, "image_url") : NULL;

	if (image) {
		struct gen_image *one = ARENA_NEW(&r->c->q->mem, struct gen_image);
		if (!one)
			return request_no_memory(r->c->q);
		m->images = one;
		m->n_images = 1;
		return gw_read_image(r->c, image, one);
	}
	if ((json_is_string(output) && !json_long_number(output)) || is_parts(output))
		return openai_read_content(r->c, output, m);
	if (json_is_array(tools)) { /* of a search among tools: from now on they are there */
		int code = responses_read_tools(r->c, tools);
		if (code < 0)
			return code;
		output = output ? output : tools;
	}
	if (!output || json_is_null(output)) /* of a patch: whether it could be made */
		output = json_object_get(item, "status");
	return as_text(r, output, &m->content);
}

/* A call whose arguments stand in another member. */
static int read_other_call(struct reading *r, const json_t *item, const char *name)
{
	static const char *const members[] = {"action", "operation", "arguments", "queries", "code", "actions"};
	const char *id = json_get_str(item, "call_id"), *text = NULL;
	const json_t *v = NULL;
	int code;

	for (size_t i = 0; i < N_ELEMENTS(members) && !v; i++)
		v = json_object_get(item, members[i]);
	if (json_is_string(v) && is(name, json_get_str(item, "name")))
		text = json_string_value(v);
	else if (json_is_object(v) && (code = gw_json_text(r->c, v, &text)) < 0)
		return code;
	else if (v && !text) {
		CLEANUP(json_decrefp) json_t *of = json_object();
		json_object_set(of, "input", (json_t *)v);
		if ((code = gw_json_text(r->c, of, &text)) < 0)
			return code;
	}
	return add_call(r, id ? id : json_get_str(item, "id"), name, text);
}

/* A tool that ran elsewhere: the call and what is known of its result. */
static int read_past_call(struct reading *r, const json_t *item, const char *name)
{
	static const char *const members[] = {"output", "error", "results", "outputs", "result"};
	const char *id = json_get_str(item, "id");
	const json_t *v = NULL;
	struct gen_message *m;
	int code = read_other_call(r, item, name);

	if (code < 0)
		return code;
	for (size_t i = 0; i < N_ELEMENTS(members) && (!v || json_is_null(v)); i++)
		v = json_object_get(item, members[i]);
	m = add_result(r, id);
	if (!v || json_is_null(v) || is(name, "image_generation")) {
		m->content = "(It was done; the result is not in the conversation.)";
		return 0;
	}
	/* An error of a tool has its text in parts; its kind says nothing to a model. */
	const json_t *parts = json_object_get(v, "content"), *only = json_array_get(parts, 0);
	if (json_array_size(parts) == 1 && json_get_str(only, "text"))
		v = json_object_get(only, "text");
	return as_text(r, v, &m->content);
}

static int read_message(struct reading *r, const json_t *item)
{
	const char *role = openai_role(json_get_str(item, "role"));

	if (!role)
		return err_set(&r->c->q->err, E_INVALID,
			"A message of the input needs the role user, assistant, system or developer.");
	return openai_read_content(r->c, json_object_get(item, "content"), message_new(r, role));
}

/* The texts of a list of parts, in the arena. */
static int join_texts(struct reading *r, const json_t *parts, const char **ret)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(REQUEST_MEMORY);

	for (size_t i = 0; i < json_array_size(parts); i++) {
		const char *text = json_get_str(json_array_get(parts, i), "text");

		if (text && *text)
			buf_printf(&b, "%s%s", b.n ? "\n\n" : "", text);
	}
	*ret = b.n > 0 ? arena_strndup(&r->c->q->mem, b.p, b.n) : NULL;
	return buf_status(&b) == 0 && (*ret || b.n == 0) ? 0 : request_no_memory(r->c->q);
}

/* Given back to models that go on with their thoughts. */
static int read_reasoning(struct reading *r, const json_t *item)
{
	const char *sealed = json_get_str(item, "encrypted_content"), *text = NULL;
	int code = join_texts(r, json_object_get(item, "content"), &text);

	if (code == 0 && !text)
		code = join_texts(r, json_object_get(item, "summary"), &text);
	if (code == 0 && !text && sealed)
		text = responses_unseal(r->c, sealed);
	if (text)
		r->thought = text;
	else if (code == 0 && sealed && *sealed) /* another service's, which only that one can read */
		gw_ignore(r->c, "input.reasoning.encrypted_content");
	return code;
}

static int read_compaction(struct reading *r, const json_t *item)
{
	const char *sealed = json_get_str(item, "encrypted_content"),
		   *text = sealed ? responses_unseal(r->c, sealed) : NULL;

	if (!text)
		return err_set(&r->c->q->err, E_INVALID,
			"The input has a compaction of another service, which only that service can read.");
	message_new(r, "user")->content =
		arena_printf(&r->c->q->mem, "This is a summary of the conversation so far:\n\n%s", text);
	return r->all[r->n - 1].content ? 0 : request_no_memory(r->c->q);
}

static int read_item(struct reading *r, const json_t *item)
{
	static const char *const past[] = {
		"web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call", NULL};
	const char *type = json_get_str(item, "type");

	if (!type || is(type, "message"))
		return read_message(r, item);
	if (is(type, "function_call"))
		return read_function_call(r, item);
	if (is(type, "custom_tool_call"))
		return read_custom_call(r, item);
	if (is(type, "mcp_call"))
		return read_past_call(r, item, json_get_str(item, "name"));
	if (gw_word_in(past, type))
		return read_past_call(r, item, arena_strndup(&r->c->q->mem, type, strlen(type) - strlen("_call")));
	if (gw_ends_with(type, "_call"))
		return read_other_call(r, item, arena_strndup(&r->c->q->mem, type, strlen(type) - strlen("_call")));
	if (gw_ends_with(type, "_output"))
		return read_output(r, item);
	if (is(type, "reasoning"))
		return read_reasoning(r, item);
	if (is(type, "compaction") || is(type, "compaction_summary"))
		return read_compaction(r, item);
	if (is(type, "additional_tools"))
		return responses_read_tools(r->c, json_object_get(item, "tools"));
	gw_ignore(r->c, arena_printf(&r->c->q->mem, "input.%.50s", type));
	return 0;
}

static const char compact_words[] = "Write a summary of this conversation for the one who goes on with it and has "
				    "nothing else: what was asked for and "
				    "decided, what was done with which result, names, numbers and file paths as they "
				    "are, what is open, and what comes "
				    "next. Only the summary.";

static int read_messages(struct gw_call *c)
{
	struct responses *s = c->shape;
	const char *instructions = json_get_str(c->body, "instructions");
	size_t n = json_array_size(s->items);
	struct reading r = {.c = c,
		.all = ARENA_ARRAY(&c->q->mem, struct gen_message, 3 * n + 3),
		.calls = ARENA_ARRAY(&c->q->mem, struct gen_tool_call, n + 1)};
	int code = 0;

	if (!r.all || !r.calls)
		return request_no_memory(c->q);
	if (instructions && *instructions)
		message_new(&r, "system")->content = instructions;
	for (size_t i = 0; i < n && code == 0; i++)
		code = read_item(&r, json_array_get(s->items, i));
	if (code == 0 && s->compacts)
		message_new(&r, "user")->content = compact_words;
	c->req.messages = r.all;
	c->req.n_messages = r.n;
	return code;
}

/* ---- the rest ---- */

/* Of this shape alone: asked of any provider, these have no effect. */
static void ignore_own(struct gw_call *c, json_t *rest)
{
	static const char *const own[] = {
		"context_management", "max_tokens", "max_tool_calls", "messages", "moderation", "n", "top_logprobs"};

	if (is(json_get_str(c->body, "truncation"), "auto"))
		gw_ignore(c, "truncation");
	for (size_t i = 0; i < N_ELEMENTS(own); i++) {
		if (is_given(c, own[i]))
			gw_ignore(c, own[i]);
		json_object_del(rest, own[i]);
	}
}

/* A provider that speaks OpenAI's older way knows most of the others. */
static int read_rest(struct gw_call *c)
{
	static const char *const known[] = {"model", "input", "instructions", "previous_response_id", "tools",
		"tool_choice", "text", "reasoning", "temperature", "top_p", "top_k", "min_p", "presence_penalty",
		"frequency_penalty", "repeat_penalty", "seed", "max_output_tokens", "parallel_tool_calls", "store",
		"include", "stream", "stream_options", "metadata", "truncation", "client_metadata", ITEMS, NULL};
	static const char *const harmless[] = {
		"service_tier", "user", "safety_identifier", "prompt_cache_key", "prompt_cache_retention"};
	CLEANUP(json_decrefp) json_t *rest = json_copy(c->body);
	json_t *verbosity = json_object_get(json_object_get(c->body, "text"), "verbosity");
	bool same = gw_target_can(c, API_OPENAI);

	ignore_own(c, rest);
	if (!same)
		gw_tell_tier(c);
	for (size_t i = 0; i < N_ELEMENTS(harmless) && !same; i++)
		json_object_del(rest, harmless[i]);
	if (is(json_string_value(verbosity), "medium")) /* as it is without */
		verbosity = NULL;
	if (verbosity && same)
		json_object_set(rest, "verbosity", verbosity);
	else if (verbosity)
		gw_ignore(c, "text.verbosity");
	c->req.extras_api = API_OPENAI;
	return gw_read_extras(c, rest, NULL, API_OPENAI, known, &c->req.extras);
}

static void read_include(struct gw_call *c)
{
	struct responses *s = c->shape;
	const json_t *list = json_object_get(c->body, "include");

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *word = json_string_value(json_array_get(list, i));

		s->gives_reasoning |= is(word, "reasoning.encrypted_content");
		if (is(word, "message.output_text.logprobs"))
			gw_ignore(c, word);
	}
}

int responses_prepare(struct gw_call *c)
{
	struct responses *s = c->shape ? c->shape : ARENA_NEW(&c->q->mem, struct responses);

	if (!s)
		return request_no_memory(c->q);
	if (!s->end)
		s->end = &s->first;
	c->shape = s;
	return 0;
}

int responses_read(struct gw_call *c)
{
	const json_t *b = c->body;
	int r = responses_prepare(c);

	if (r < 0)
		return r;
	struct responses *s = c->shape;
	c->effort_name = "reasoning.effort";
	s->keeps = !json_is_false(json_object_get(b, "store"));
	read_include(c);
	if ((r = refuse_memory(c)) < 0 || (r = check_texts(c)) < 0 || (r = gather(c)) < 0)
		return r;
	if (!s->compacts && ((r = responses_read_tools(c, json_object_get(b, "tools"))) < 0 ||
				    (r = responses_read_tool_choice(c)) < 0))
		return r;
	if ((r = read_messages(c)) < 0 ||
		(r = openai_read_format(c, json_object_get(json_object_get(b, "text"), "format"), NULL)) < 0 ||
		(r = openai_read_effort(c, json_object_get(json_object_get(b, "reasoning"), "effort"))) < 0 ||
		(r = gw_read_sampling(c, b, &c->req.sampling)) < 0 ||
		(r = openai_read_count(c, "max_output_tokens", &c->req.max_tokens)) < 0)
		return r;
	openai_read_parallel(c);
	openai_read_user(c);
	if (!openai_is_known_format(json_object_get(json_object_get(b, "text"), "format")))
		gw_ignore(c, "text.format");
	return read_rest(c);
}

/* ---- the handlers ---- */

static int open_call(struct request *q, struct gw_call **ret)
{
	int r = gw_open(q, &responses_format, ret);

	return r < 0 ? r : responses_prepare(*ret);
}

static int responses_post(struct request *q)
{
	CLEANUP(gw_closep) struct gw_call *c = NULL;
	int r;

	if ((r = open_call(q, &c)) < 0 || (r = responses_read(c)) < 0)
		return r;
	r = gw_generate(c);
	responses_store(c);
	json_decref(((struct responses *)c->shape)->notes);
	return r;
}

static int responses_count_post(struct request *q)
{
	CLEANUP(gw_closep) struct gw_call *c = NULL;
	int64_t n;
	bool exact;
	int r;

	if ((r = open_call(q, &c)) < 0 || (r = responses_read(c)) < 0 ||
		(r = provider_count_tokens(q->api->c.providers, &c->req, c->cancel, &n, &exact, &q->err)) < 0)
		return r;
	buf_printf(&q->raw, "{\"object\":\"response.input_tokens\",\"input_tokens\":%lld}", (long long)n);
	return 0;
}

/* The messages of the user, and one item in place of all else. */
static void add_compacted(const struct gw_call *c, struct buf *out)
{
	const struct responses *s = c->shape;

	buf_printf(out, "{\"id\":\"resp_%s\",\"object\":\"response.compaction\",\"created_at\":%lld,\"output\":[",
		c->id, (long long)(c->created_ms / 1000));
	for (size_t i = 0; i < json_array_size(s->items); i++) {
		const json_t *item = json_array_get(s->items, i);

		if (!is(json_get_str(item, "role"), "user"))
			continue;
		json_add_value(out, item);
		buf_add_char(out, ',');
	}
	buf_printf(out, "{\"id\":\"cmp_%s0\",\"type\":\"compaction\",\"encrypted_content\":", c->id);
	responses_add_sealed(buf_str(&c->answer.text), out);
	buf_add_str(out, "}],\"usage\":");
	responses_add_usage(&c->result, out);
	buf_add_char(out, '}');
}

static int compact_whole(struct gw_call *c, struct buf *out)
{
	add_compacted(c, out);
	return 0;
}

static const struct gw_format compact_format = {.content_type = "application/json", .whole = compact_whole};

static int responses_compact_post(struct request *q)
{
	CLEANUP(gw_closep) struct gw_call *c = NULL;
	struct responses *s;
	int r;

	if ((r = open_call(q, &c)) < 0)
		return r;
	s = c->shape;
	s->compacts = true;
	c->format = &compact_format;
	c->stream = false;
	return (r = responses_read(c)) < 0 ? r : gw_generate(c);
}

/* clang-format off */
static const struct route routes[] = {
	{"POST", "/v1/responses", "openaiResponses", responses_post, ACCESS_USER, ROUTE_GATEWAY | ROUTE_CALL,
		OPENAI, EVENTS, .body_schema = GW_RESPONSES_BODY, .summary = "Ask a model in OpenAI's newer way; answers are kept for a while, to go on from."},
	{"POST", "/v1/responses/compact", "openaiCompact", responses_compact_post, ACCESS_USER, ROUTE_GATEWAY | ROUTE_CALL,
		OPENAI, .body_schema = GW_RESPONSES_BODY, .summary = "Have a model put a conversation in short."},
	{"POST", "/v1/responses/input_tokens", "openaiInputTokens", responses_count_post, ACCESS_USER,
		ROUTE_GATEWAY | ROUTE_CALL, OPENAI, .body_schema = GW_RESPONSES_BODY, .summary = "How many tokens a request has."},
};
/* clang-format on */
const struct route_set responses_request_routes = ROUTES(routes);
