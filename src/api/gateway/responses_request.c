/* responses_request.c - requests of /v1/responses: the part that needs no memory of former answers. */
#include "api/gateway/responses.h"
#include "api/handlers.h"

struct reading {
	struct gw_call *c;
	struct gen_message *all;
	size_t n;
	struct gen_tool_call *calls; /* of all messages, in their order */
	size_t n_calls;
};

static bool is_given(const struct gw_call *c, const char *name)
{
	const json_t *v = json_object_get(c->body, name);

	return v && !json_is_null(v) && !json_is_false(v);
}

static int refuse_memory(struct gw_call *c)
{
	static const char *const names[] = {"previous_response_id", "conversation", "background", "prompt"};

	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		if (is_given(c, names[i]))
			return err_set(&c->q->err, E_INVALID,
				"\"%s\" is not offered here: answers are not kept, so send the whole conversation as "
				"input.",
				names[i]);
	}
	return 0;
}

/* ---- items ---- */

static struct gen_message *message_new(struct reading *r, const char *role)
{
	struct gen_message *m = &r->all[r->n++];

	*m = (struct gen_message){.role = role, .content = ""};
	return m;
}

/* Calls follow the message that they belong to as items of their own. */
static int read_call(struct reading *r, const json_t *item)
{
	struct gen_message *m = r->n > 0 ? &r->all[r->n - 1] : NULL;
	const char *arguments = json_get_str(item, "arguments"), *id = json_get_str(item, "call_id");
	struct gen_tool_call *call = &r->calls[r->n_calls++];

	*call = (struct gen_tool_call){.id = id ? id : "",
		.name = json_get_str(item, "name"),
		.arguments = arguments && *arguments ? arguments : "{}"};
	if (!call->name)
		return err_set(&r->c->q->err, E_INVALID, "A function_call of the input has no name.");
	if (!m || strcmp(m->role, "assistant") != 0)
		m = message_new(r, "assistant");
	if (m->n_calls == 0)
		m->calls = call;
	m->n_calls++;
	return 0;
}

static int read_output(struct reading *r, const json_t *item)
{
	struct gen_message *m = message_new(r, "tool");

	m->tool_call_id = json_get_str(item, "call_id");
	m->tool_name = openai_called_name(r->all, r->n - 1, m->tool_call_id);
	return openai_read_content(r->c, json_object_get(item, "output"), m);
}

static int read_message(struct reading *r, const json_t *item)
{
	const char *role = openai_role(json_get_str(item, "role"));

	if (!role)
		return err_set(&r->c->q->err, E_INVALID,
			"A message of the input needs the role user, assistant, system or developer.");
	return openai_read_content(r->c, json_object_get(item, "content"), message_new(r, role));
}

static int read_item(struct reading *r, const json_t *item)
{
	const char *type = json_get_str(item, "type");

	if (!type || strcmp(type, "message") == 0)
		return read_message(r, item);
	if (strcmp(type, "function_call") == 0)
		return read_call(r, item);
	if (strcmp(type, "function_call_output") == 0)
		return read_output(r, item);
	if (strcmp(type, "reasoning") == 0)
		return 0; /* models here think anew */
	return err_set(&r->c->q->err, E_INVALID,
		"The input has an item of the type \"%.60s\", which is not understood here.", type);
}

static int read_input(struct gw_call *c)
{
	const json_t *input = json_object_get(c->body, "input"), *item;
	const char *instructions = json_get_str(c->body, "instructions");
	size_t n = json_array_size(input), i;
	struct reading r = {.c = c,
		.all = ARENA_ARRAY(&c->q->mem, struct gen_message, n + 2),
		.calls = ARENA_ARRAY(&c->q->mem, struct gen_tool_call, n + 1)};
	int code = 0;

	if (!r.all || !r.calls)
		return request_no_memory(c->q);
	if (instructions && *instructions)
		message_new(&r, "system")->content = instructions;
	if (json_is_string(input))
		message_new(&r, "user")->content = json_string_value(input);
	else if (n == 0)
		return err_set(&c->q->err, E_INVALID, "\"input\" must be a text or a list of items.");
	json_array_foreach(input, i, item)
	{
		if ((code = read_item(&r, item)) < 0)
			return code;
	}
	c->req.messages = r.all;
	c->req.n_messages = r.n;
	return 0;
}

/* Tools of other types are what OpenAI itself would run; a model here is not told of them. */
static int read_tools(struct gw_call *c)
{
	const json_t *list = json_object_get(c->body, "tools"), *tool;
	size_t n = json_array_size(list), i;
	struct gen_tool *tools = ARENA_ARRAY(&c->q->mem, struct gen_tool, n + 1);

	if (!tools)
		return request_no_memory(c->q);
	json_array_foreach(list, i, tool)
	{
		const char *type = json_get_str(tool, "type");
		int r;

		if (!type || strcmp(type, "function") != 0)
			continue;
		if ((r = openai_read_function(c, tool, &tools[c->req.n_tools])) < 0)
			return r;
		c->req.n_tools++;
	}
	c->req.tools = tools;
	return 0;
}

int responses_read(struct gw_call *c)
{
	const json_t *b = c->body;
	int r;

	if ((r = refuse_memory(c)) < 0 || (r = read_input(c)) < 0 || (r = read_tools(c)) < 0 ||
		(r = openai_read_tool_choice(c, json_object_get(b, "tool_choice"), NULL)) < 0 ||
		(r = openai_read_format(c, json_object_get(json_object_get(b, "text"), "format"), NULL)) < 0 ||
		(r = openai_read_effort(c, json_object_get(json_object_get(b, "reasoning"), "effort"))) < 0 ||
		(r = gw_read_sampling(c, b, &c->req.sampling)) < 0 ||
		(r = openai_read_count(c, "max_output_tokens", &c->req.max_tokens)) < 0)
		return r;
	c->req.one_tool_at_a_time = json_is_false(json_object_get(b, "parallel_tool_calls"));
	return 0;
}

int responses_post(struct request *q)
{
	CLEANUP(gw_closep) struct gw_call *c = NULL;
	int r;

	if ((r = gw_open(q, &responses_format, &c)) < 0 || (r = responses_read(c)) < 0 ||
		(r = responses_prepare(c)) < 0)
		return r;
	return gw_generate(c);
}
