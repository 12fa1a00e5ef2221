/* tools_api.c - tools: what a model may have done for whoever asks. */
#include "tool/tool.h"

#include "api/answer.h"
#include "api/request.h"

struct tool_answer {
	struct tool t;
	bool reads, idempotent, destroys, outside;
};

#define A struct tool_answer
static const struct field tool_fields[] = {
	FIELD_STR(A, t.name, "name", 0, 0, FIELD_REQUIRED, "Its name, as models are told."),
	FIELD_STR(A, t.title, "title", 0, 0, FIELD_REQUIRED, "What people call it."),
	FIELD_TEXT(A, t.description, "description", 0, 0, FIELD_REQUIRED, "What it does, as models are told."),
	FIELD_JSON(A, t.parameters, "parameters", FIELD_REQUIRED, "JSON Schema of its arguments."),
	FIELD_STR(A, t.source, "source", 0, 0, FIELD_REQUIRED, "`builtin`, or the id of its tool server."),
	FIELD_BOOL(A, reads, "reads", FIELD_REQUIRED, "It changes nothing."),
	FIELD_BOOL(A, idempotent, "idempotent", FIELD_REQUIRED, "Done twice it is as done once."),
	FIELD_BOOL(A, destroys, "destroys", FIELD_REQUIRED, "What it changes may be lost."),
	FIELD_BOOL(A, outside, "outside", FIELD_REQUIRED, "It reaches beyond this machine."),
	FIELD_BOOL(A, t.asks, "asks", FIELD_REQUIRED, "A person is asked before it runs."),
	FIELD_BOOL(A, t.enabled, "enabled", FIELD_REQUIRED, "Models are offered it."),
};
#undef A
static const struct schema tool_schema =
	SCHEMA("Tool", struct tool_answer, tool_fields, "Something that a model may have done.");
LIST_SCHEMA(tool_list_schema, "ToolList", &tool_schema, "By name.", "The tools that whoever asks may use.");

static struct tool_answer answer_of(const struct tool *t)
{
	return (struct tool_answer){.t = *t,
		.reads = t->hints & TOOL_READS,
		.idempotent = t->hints & TOOL_IDEMPOTENT,
		.destroys = t->hints & TOOL_DESTROYS,
		.outside = t->hints & TOOL_OUTSIDE};
}

static int tools_get_all(struct request *q)
{
	struct tool_list l = {.n = 0};
	int r = q->api->c.tools ? tools_list_all(q->api->c.tools, q->who.user.id, &q->mem, &l, &q->err) : 0;

	if (r < 0)
		return r;
	struct tool_answer *items = ARENA_ARRAY(&q->mem, struct tool_answer, MAX(l.n, 1u));
	if (!items)
		return request_no_memory(q);
	for (size_t i = 0; i < l.n; i++)
		items[i] = answer_of(&l.items[i]);
	return answer_list(q, items, l.n, NULL);
}

/* clang-format off */
static const struct route routes[] = {
	{"GET", V1 "/tools", "listTools", tools_get_all, ACCESS_USER, .status = 200,
		.answer = &tool_list_schema, .summary = "The tools that may be used, those that are switched off among them."},
};
/* clang-format on */
const struct route_set tools_routes = ROUTES(routes);
