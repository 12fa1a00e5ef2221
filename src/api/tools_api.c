/* tools_api.c - tools: what a model may have done for whoever asks. */
#include "tool/tool.h"

#include "api/answer.h"
#include "api/request.h"
#include "api/tool_outcome.h"
#include "store/tool_choices.h"

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
	FIELD_BOOL(A, t.asks_all, "asks_all", FIELD_REQUIRED,
		"It asks everybody, and nobody can say less for themselves."),
	FIELD_BOOL(A, t.off_all, "off_all", FIELD_REQUIRED,
		"It is off for everybody, and nobody can have it on for themselves."),
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
	int r = tools_list_all(q->api->c.tools, q->who.user.id, &q->mem, &l, &q->err);

	if (r < 0)
		return r;
	struct tool_answer *items = ARENA_ARRAY(&q->mem, struct tool_answer, MAX(l.n, 1u));
	if (!items)
		return request_no_memory(q);
	for (size_t i = 0; i < l.n; i++)
		items[i] = answer_of(&l.items[i]);
	return answer_list(q, items, l.n, NULL);
}

/* ---- switching ---- */

struct choice {
	bool enabled, has_enabled, asks, has_asks, for_all;
};

#define C struct choice
static const struct field choice_fields[] = {
	FIELD_HAS(FT_BOOL, C, enabled, has_enabled, "enabled",
		.doc = "Whether models are offered it. For oneself it cannot be on while it is off for all: else 409."),
	FIELD_HAS(FT_BOOL, C, asks, has_asks, "asks",
		.doc = "Whether a person is asked before it runs. For oneself this can only be more than it is for "
		       "all: else 409."),
	FIELD_BOOL(C, for_all, "for_all", 0, "By an administrator: for everybody; what is off then is off."),
};
#undef C
static const struct schema choice_schema =
	SCHEMA("ToolChoice", struct choice, choice_fields, "What to say of a tool; the rest stays.");

static int find(struct request *q, struct tool_answer *ret)
{
	struct tool_list l = {.n = 0};
	int r = tools_list_all(q->api->c.tools, q->who.user.id, &q->mem, &l, &q->err);
	const struct tool *t = r == 0 ? tools_find(&l, q->arg) : NULL;

	if (r < 0)
		return r;
	if (!t)
		return err_set(&q->err, E_NOT_FOUND, "There is no such tool, or it is not yours.");
	*ret = answer_of(t);
	return 0;
}

static int answer_one(struct request *q)
{
	struct tool_answer *out = ARENA_NEW(&q->mem, struct tool_answer);

	q->answer = out;
	return out ? find(q, out) : request_no_memory(q);
}

/* For oneself more can be said than for all, never less. */
static int check_choice(struct request *q, const struct choice *in, const struct tool *t)
{
	if (in->for_all)
		return user_is_admin(&q->who.user)
			       ? 0
			       : err_set(&q->err, E_FORBIDDEN, "Only an administrator speaks for everybody.");
	if (in->has_enabled && in->enabled && t->off_all)
		return err_set(&q->err, E_CONFLICT,
			"This tool is off for everybody. An administrator can switch it on again for all.");
	if (in->has_asks && !in->asks && t->asks_all)
		return err_set(&q->err, E_CONFLICT,
			"This tool asks everybody before it runs. Say \"always\" when it asks, or have an "
			"administrator "
			"change it for everybody.");
	return 0;
}

static int tool_patch(struct request *q)
{
	const struct choice *in = q->body;
	struct tool_answer there = {.reads = false};
	int r = find(q, &there);

	if (r == 0)
		r = check_choice(q, in, &there.t);
	if (r == 0)
		r = tool_choices_set(q->api->c.db,
			&(struct tool_choice_row){.user_id = in->for_all ? 0 : q->who.user.id,
				.name = q->arg,
				.enabled = in->has_enabled ? in->enabled : -1,
				.asks = in->has_asks ? in->asks : -1},
			&q->err);
	if (r == 0)
		bus_publish(q->api->c.bus,
			&(struct bus_event){BUS_TOOLS, "updated", in->for_all ? 0 : q->who.user.id, 0, 0});
	return r < 0 ? r : answer_one(q);
}

/* ---- trying one by hand ---- */

struct trial {
	const char *arguments, *time_zone;
};

#define T struct trial
static const struct field trial_fields[] = {
	FIELD_JSON(T, arguments, "arguments", FIELD_OBJECT_ONLY, "As its schema has them."),
	FIELD_STR(T, time_zone, "time_zone", 0, 64, 0, "Where the person is."),
};
#undef T
static const struct schema trial_schema = SCHEMA("ToolTrial", struct trial, trial_fields, "What to run a tool with.");

/* Whoever does so by hand has approved it. */
static int tool_run_post(struct request *q)
{
	CLEANUP(tool_result_done) struct tool_result res = {.n_files = 0};
	CLEANUP(cancel_done) struct cancel cancel;
	const struct trial *in = q->body;
	struct tool_answer there;
	int r = find(q, &there);

	cancel_init(&cancel);
	const struct tool_run run = {.user_id = q->who.user.id,
		.key_id = q->who.key_id,
		.call_id = "trial",
		.time_zone = in->time_zone,
		.cancel = &cancel};
	if (r == 0)
		r = tools_call(
			q->api->c.tools, &there.t, in->arguments ? in->arguments : "{}", &run, &q->mem, &res, &q->err);
	if (r < 0)
		return r;
	struct tool_outcome *out = ARENA_NEW(&q->mem, struct tool_outcome);
	q->answer = out;
	return out ? tool_outcome_make(q, &res, out) : request_no_memory(q);
}

/* ---- rules ---- */

#define R struct tool_rule
static const struct field rule_fields[] = {
	FIELD_ID(R, id, "id", FIELD_REQUIRED, "Identifier."),
	FIELD_ID(R, conversation_id, "conversation_id", 0, "Where alone; null: everywhere."),
	FIELD_STR(R, name, "name", 0, 0, FIELD_REQUIRED, "The tool that is run without asking."),
	FIELD_STR(R, hash, "hash", 0, 0, FIELD_REQUIRED, "What it was then; a tool that has changed asks again."),
	FIELD_TIME(R, created_at, "created_at", FIELD_REQUIRED, "When it was given."),
};
#undef R
static const struct schema rule_schema = SCHEMA("ToolRule", struct tool_rule, rule_fields, "An approval for ever.");
LIST_SCHEMA(rule_list_schema, "ToolRuleList", &rule_schema, "By name.", "What runs without asking, for whoever asks.");

static int rules_get_all(struct request *q)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	struct tool_rule_list l = {.n = 0};
	int r = tool_rules_list(c, q->who.user.id, &q->mem, &l, &q->err);

	return r < 0 ? r : answer_list(q, l.items, l.n, NULL);
}

static int rule_delete(struct request *q)
{
	return tool_rules_delete(q->api->c.db, q->who.user.id, q->arg_id, &q->err);
}

/* clang-format off */
static const struct route routes[] = {
	{"GET", V1 "/tools", "listTools", tools_get_all, ACCESS_USER, .status = 200,
		.answer = &tool_list_schema, .summary = "The tools that may be used, those that are switched off among them."},
	{"GET", V1 "/tools/{name}", "getTool", answer_one, ACCESS_USER, .status = 200,
		.answer = &tool_schema, .summary = "One tool."},
	{"PATCH", V1 "/tools/{name}", "updateTool", tool_patch, ACCESS_USER, .status = 200,
		.body = &choice_schema, SHORT_BODY, .answer = &tool_schema, FAILS(E_NOT_FOUND, E_FORBIDDEN, E_CONFLICT),
		.summary = "Switch a tool on or off, or have it ask."},
	{"POST", V1 "/tools/{name}/run", "runTool", tool_run_post, ACCESS_USER, ROUTE_SLOW, .status = 200,
		.body = &trial_schema, .answer = &tool_outcome_schema,
		.summary = "Try a tool by hand, in one's own name."},
	{"GET", V1 "/tool-rules", "listToolRules", rules_get_all, ACCESS_USER, .status = 200,
		.answer = &rule_list_schema, .summary = "Tools that were approved for ever."},
	{"DELETE", V1 "/tool-rules/{id}", "deleteToolRule", rule_delete, ACCESS_USER, .status = 204,
		.summary = "Have a tool ask again."},
};
/* clang-format on */
const struct route_set tools_routes = ROUTES(routes);
