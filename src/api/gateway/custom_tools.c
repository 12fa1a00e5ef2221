/*
 * custom_tools.c - custom tools, whose input is any text. A model here knows functions alone: to it, one is a function with
 * a single argument.
 */
#include "api/gateway/openai.h"

static const char schema[] =
	"{\"type\":\"object\",\"properties\":{\"input\":{\"type\":\"string\",\"description\":\"The whole input, as "
	"text.\"}},\"required\":[\"input\"],\"additionalProperties\":false}";

/* A grammar is told in words, which a model may follow or not: nothing holds it to them. */
static const char *description_of(struct gw_call *c, const json_t *tool)
{
	const json_t *format = json_object_get(tool, "format");
	const json_t *of = json_object_get(format, "grammar"); /* chat has it one level deeper */
	const char *text = json_get_str(tool, "description");
	const char *syntax = json_get_str(of ? of : format, "syntax");
	const char *grammar = json_get_str(of ? of : format, "definition");

	if (!grammar)
		return text ? text : "";
	gw_ignore(c, "tools.custom.format");
	return arena_printf(&c->q->mem, "%s\nThe input must follow this grammar (%s):\n%s", text ? text : "",
		syntax ? syntax : "lark", grammar);
}

int custom_tool_read(struct gw_call *c, const json_t *tool, struct gen_tool *ret)
{
	*ret = (struct gen_tool){
		.name = json_get_str(tool, "name"), .description = description_of(c, tool), .parameters = schema};
	if (!ret->name || !*ret->name)
		return err_set(&c->q->err, E_INVALID, "A tool has no name.");
	return ret->description ? 0 : request_no_memory(c->q);
}

int custom_tool_arguments(struct gw_call *c, const json_t *input, const char **ret)
{
	CLEANUP(json_decrefp) json_t *v = json_object();

	json_object_set(v, "input", (json_t *)input);
	return gw_json_text(c, v, ret);
}

void custom_tool_add_input(struct str arguments, struct buf *out)
{
	CLEANUP(json_decrefp) json_t *v = NULL;
	const json_t *input = NULL;

	if (json_read(arguments.p, arguments.n, JSON_MEMORY, JSON_READ_EXACT, &v, NULL) == 0)
		input = json_object_get(v, "input");
	if (json_is_string(input))
		json_add_value(out, input);
	else
		json_add_string(out, arguments.p, arguments.n);
}
