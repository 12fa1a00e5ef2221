/*
 * responses_tools.c - tools of /v1/responses. A model here knows functions alone: a tool of a namespace is one with both
 * names in one.
 */
#include "api/gateway/responses.h"

#define NAME_MOST 64 /* what models' services take */

static bool is(const char *s, const char *word)
{
	return s && strcmp(s, word) == 0;
}

const struct response_tool *responses_tool_named(const struct gw_call *c, const char *flat)
{
	const struct responses *s = c->shape;

	for (size_t i = 0; s && i < s->n_tools; i++) {
		if (strcmp(s->tools[i].flat, flat) == 0)
			return &s->tools[i];
	}
	return NULL;
}

const char *responses_flat_name(struct gw_call *c, const char *space, const char *name)
{
	size_t n = space ? strlen(space) : 0, all = n + strlen(name) + 2;

	if (n == 0)
		return name;
	if (all <= NAME_MOST)
		return arena_printf(&c->q->mem, "%s%s%s", space, space[n - 1] == '_' ? "" : "__", name);
	/* The ends tell long names apart. */
	n = MIN(n, (size_t)24);
	return arena_printf(&c->q->mem, "%.*s__%s", (int)n, space,
		name + (strlen(name) > NAME_MOST - 2 - n ? strlen(name) - (NAME_MOST - 2 - n) : 0));
}

/* Doubles when full; old entries stay where they are. */
static void *grown(struct gw_call *c, void *all, size_t n, size_t *max, size_t size)
{
	size_t more = *max ? 2 * *max : 16;
	char *p;

	if (n < *max)
		return all;
	p = arena_alloc(&c->q->mem, more * size);
	if (!p)
		return NULL;
	memset(p, 0, more * size);
	if (n > 0)
		memcpy(p, all, n * size);
	*max = more;
	return p;
}

static int note(struct gw_call *c, const char *flat, const char *space, const char *name, enum tool_kind kind)
{
	struct responses *s = c->shape;
	struct response_tool *all = grown(c, s->tools, s->n_tools, &s->max_tools, sizeof(*all));

	if (!all)
		return request_no_memory(c->q);
	s->tools = all;
	s->tools[s->n_tools++] = (struct response_tool){.flat = flat, .name = name, .space = space, .kind = kind};
	return 0;
}

static int read_tool(struct gw_call *c, const json_t *tool, const char *space, struct gen_tool *ret)
{
	const json_t *inner = json_object_get(tool, "function");
	static const char *const known[] = {
		"type", "name", "description", "parameters", "strict", "format", "function", NULL};
	bool custom = is(json_get_str(tool, "type"), "custom");
	int r = custom ? custom_tool_read(c, tool, ret)
		       : openai_read_function(c, json_is_object(inner) ? inner : tool, ret);

	if (r < 0)
		return r;
	gw_ignore_extras(c, tool, "tools", known);
	const char *name = ret->name;
	ret->name = responses_flat_name(c, space, name);
	if (!ret->name)
		return request_no_memory(c->q);
	return custom || space ? note(c, ret->name, space, name, custom ? TOOL_CUSTOM : TOOL_FUNCTION) : 0;
}

/* ---- tools of a program's own machine, which models know as functions with the members of their actions ---- */

static const struct own_tool {
	const char *type, *description, *schema;
	enum tool_kind kind;
} own_tools[] = {
	{"local_shell", "Run a command on the user's machine.",
		"{\"type\":\"object\",\"properties\":{\"command\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},"
		"\"description\":\"The program and its arguments.\"},\"working_directory\":{\"type\":\"string\"},"
		"\"timeout_ms\":{\"type\":\"integer\"}},\"required\":[\"command\"]}",
		TOOL_LOCAL_SHELL},
	{"shell", "Run commands in a shell on the user's machine.",
		"{\"type\":\"object\",\"properties\":{\"commands\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}"
		","
		"\"timeout_ms\":{\"type\":\"integer\"},\"max_output_length\":{\"type\":\"integer\"}},\"required\":["
		"\"commands\"]}",
		TOOL_SHELL},
	{"apply_patch", "Create, change or delete a file of the user's.",
		"{\"type\":\"object\",\"properties\":{\"type\":{\"type\":\"string\",\"enum\":[\"create_file\",\"update_"
		"file\","
		"\"delete_file\"]},\"path\":{\"type\":\"string\"},\"diff\":{\"type\":\"string\",\"description\":\"In "
		"the V4A "
		"format: lines of context, and lines with + and - in front; of a new file all lines with +.\"}},"
		"\"required\":[\"type\",\"path\"]}",
		TOOL_APPLY_PATCH}};

/* A shell in a container runs at OpenAI. */
static const struct own_tool *own_tool_of(const json_t *tool)
{
	const char *type = json_get_str(tool, "type");
	const char *where = json_get_str(json_object_get(tool, "environment"), "type");

	if (where && strcmp(where, "local") != 0)
		return NULL;
	for (size_t i = 0; i < N_ELEMENTS(own_tools); i++) {
		if (is(type, own_tools[i].type))
			return &own_tools[i];
	}
	return NULL;
}

static int add_own_tool(struct gw_call *c, const struct own_tool *t, struct gen_tool *ret)
{
	*ret = (struct gen_tool){.name = t->type, .description = t->description, .parameters = t->schema};
	return note(c, t->type, NULL, t->type, t->kind);
}

static int add_tools(struct gw_call *c, const json_t *list, const char *space, struct gen_tool *to)
{
	const json_t *tool;
	size_t i;

	json_array_foreach(list, i, tool)
	{
		const char *type = json_get_str(tool, "type"), *name = json_get_str(tool, "name");
		const struct own_tool *own = own_tool_of(tool);
		int r = 0;

		if (is(type, "namespace") && !space)
			r = add_tools(c, json_object_get(tool, "tools"), json_get_str(tool, "name"), to);
		else if (is(type, "function") || (is(type, "custom") && name) || (!type && space))
			r = read_tool(c, tool, space, &to[c->req.n_tools++]);
		else if (own)
			r = add_own_tool(c, own, &to[c->req.n_tools++]);
		else if (type)
			gw_ignore(c, arena_printf(&c->q->mem, "tools.%.40s", type)); /* OpenAI itself would run it */
		if (r < 0)
			return r;
	}
	return 0;
}

static size_t count(const json_t *list)
{
	size_t n = json_array_size(list), all = n;

	for (size_t i = 0; i < n; i++)
		all += json_array_size(json_object_get(json_array_get(list, i), "tools"));
	return all;
}

int responses_read_tools(struct gw_call *c, const json_t *list)
{
	size_t n = count(list);
	struct gen_tool *tools = ARENA_ARRAY(&c->q->mem, struct gen_tool, c->req.n_tools + n + 1);

	if (!tools)
		return request_no_memory(c->q);
	if (c->req.n_tools > 0)
		memcpy(tools, c->req.tools, c->req.n_tools * sizeof(*tools));
	c->req.tools = tools;
	return add_tools(c, list, NULL, tools);
}

int responses_read_tool_choice(struct gw_call *c)
{
	const json_t *choice = json_object_get(c->body, "tool_choice");
	const char *type = json_get_str(choice, "type"), *name = json_get_str(choice, "name");

	if (own_tool_of(choice)) {
		c->req.tool_choice = TOOLS_NAMED;
		c->req.tool_name = type;
		return 0;
	}
	if (!type || is(type, "allowed_tools") || !name)
		return openai_read_tool_choice(c, choice, false);
	c->req.tool_choice = TOOLS_NAMED;
	c->req.tool_name = responses_flat_name(c, json_get_str(choice, "namespace"), name);
	return c->req.tool_name ? 0 : request_no_memory(c->q);
}
