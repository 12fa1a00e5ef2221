/* plan.c - the plan of an answer: the model writes it through a tool, whoever follows sees it. */
#include "base/utf8.h"
#include "turn/turn_priv.h"

#define STEPS_MAX 50
#define TEXT_MAX  500
#define PLAN_MAX  ((size_t)256 << 10)

static const struct tool tool = {.name = "update_plan",
	.title = "Plan",
	.description =
		"Shows the person your plan: all of its steps, in order, each with its state. Call it before you begin "
		"with work of several steps, and again whenever a step begins or is done.",
	.parameters =
		"{\"type\":\"object\",\"properties\":{\"steps\":{\"type\":\"array\",\"items\":{\"type\":\"object\","
		"\"properties\":{\"text\":{\"type\":\"string\",\"description\":\"What is done, in a few words.\"},"
		"\"state\":{\"type\":\"string\",\"enum\":[\"pending\",\"active\",\"done\"]}},"
		"\"required\":[\"text\"]}}},\"required\":[\"steps\"]}",
	.source = PLAN_SOURCE,
	.own_name = "update_plan",
	.hash = "",
	.hints = TOOL_READS | TOOL_IDEMPOTENT,
	.enabled = true};

void plan_offer(struct tool_list *to)
{
	to->items[to->n++] = tool;
}

static void add_step(struct buf *b, const json_t *step)
{
	const char *text = json_get_str(step, "text"), *state = json_get_str(step, "state");

	buf_add_str(b, "{\"text\":");
	json_add_string(b, text ? text : "", text ? utf8_prefix(text, strlen(text), TEXT_MAX) : 0);
	buf_printf(b, ",\"state\":\"%s\"}", state ? state : "pending");
}

int plan_call(struct turn *t, const struct call *c, struct tool_result *ret, struct err *e)
{
	CLEANUP(json_decrefp) json_t *v = NULL;
	CLEANUP(buf_done) struct buf b = BUF_INIT(PLAN_MAX);
	int r = json_parse(c->arguments, strlen(c->arguments), &v, e);
	const json_t *steps = json_object_get(v, "steps");
	size_t n = MIN(json_array_size(steps), (size_t)STEPS_MAX);

	if (r < 0)
		return r;
	buf_add_str(&b, "{\"steps\":[");
	for (size_t i = 0; i < n; i++) {
		buf_add_str(&b, i ? "," : "");
		add_step(&b, json_array_get(steps, i));
	}
	buf_add_str(&b, "]}");
	ret->text = BUF_INIT(TOOL_TEXT_MAX);
	buf_add_str(&ret->text, "The plan is shown.");
	if (n < json_array_size(steps))
		buf_printf(&ret->text, " Of its steps only the first %d.", STEPS_MAX);
	return turn_event(t, EV_PLAN, &b);
}
