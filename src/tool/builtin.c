/* builtin.c - the tools that come with the program: a row each. */
#include <errno.h>

#include "store/users.h"
#include "tool/tool_priv.h"

#define OBJECT(properties, ...) "{\"type\":\"object\",\"properties\":{" properties "}" __VA_ARGS__ "}"
#define REQUIRED(names)         ",\"required\":[" names "]"
#define TEXT(name, words)       "\"" name "\":{\"type\":\"string\",\"description\":\"" words "\"}"

static const struct builtin all[] = {
	{.name = "calculator",
		.title = "Calculator",
		.description =
			"Calculates an expression exactly: + - * / % ^, parentheses, factorial (!), functions such as "
			"sqrt, ln, log, sin (radians), round, min, max, sum, mean, gcd, comb, and pi, e. Use it for "
			"any arithmetic beyond the trivial.",
		.parameters = OBJECT(TEXT("expression", "For example (17.5% of 240) is 17.5/100*240, or sqrt(2)*10^3."),
			REQUIRED("\"expression\"")),
		.hints = TOOL_READS | TOOL_IDEMPOTENT,
		.call = calculator_call},
	{.name = "current_time",
		.title = "Date and time",
		.description = "Tells the date, weekday and time of now, or of a given moment, in a time zone.",
		.parameters = OBJECT(TEXT("time_zone",
			"IANA name such as Europe/Berlin; without it, where the person is, else UTC.") "," TEXT("at",
			"A moment in ISO 8601, such as 2026-03-01T09:00:00Z, in place of now.")),
		.hints = TOOL_READS | TOOL_IDEMPOTENT,
		.call = current_time_call},
};

static int is_admin(struct tools *t, atelier_id user_id, struct arena *a, bool *ret, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(t->config.db);
	struct user u;
	int r = users_by_id(c, user_id, a, &u, e);

	if (r == 0)
		*ret = user_is_admin(&u) && !u.disabled;
	return r;
}

static bool needs_admin(void)
{
	for (size_t i = 0; i < N_ELEMENTS(all); i++)
		if (all[i].admin)
			return true;
	return false;
}

static int list(struct tools *t, atelier_id user_id, struct arena *a, struct tool_list *ret, struct err *e)
{
	struct tool *items = ARENA_ARRAY(a, struct tool, N_ELEMENTS(all));
	bool admin = false;
	size_t n = 0;
	int r = needs_admin() ? is_admin(t, user_id, a, &admin, e) : 0;

	if (r < 0)
		return r;
	if (!items)
		return err_set(e, -ENOMEM, "There is no memory for the list of tools.");
	for (size_t i = 0; i < N_ELEMENTS(all); i++) {
		const struct builtin *b = &all[i];
		if ((b->admin && !admin) || (b->available && !b->available(t)))
			continue;
		items[n++] = (struct tool){.name = b->name,
			.title = b->title,
			.description = b->description,
			.parameters = b->parameters,
			.source = "builtin",
			.own_name = b->name,
			.hints = b->hints,
			.asks = b->asks,
			.enabled = true};
	}
	*ret = (struct tool_list){items, n};
	return 0;
}

static bool owns(const struct tool *tool)
{
	return strcmp(tool->source, "builtin") == 0;
}

static int call(struct tools *t, const struct tool *tool, const json_t *arguments, const struct tool_run *run,
	struct arena *a, struct tool_result *ret, struct err *e)
{
	struct builtin_call c = {t, arguments, run, a, ret};

	for (size_t i = 0; i < N_ELEMENTS(all); i++) {
		bool admin = true;
		int r = 0;
		if (strcmp(all[i].name, tool->own_name) != 0)
			continue;
		if (all[i].admin) /* they may have lost the right since the tool was offered */
			r = is_admin(t, run->user_id, a, &admin, e);
		if (r < 0)
			return r;
		return admin ? all[i].call(&c, e) : tool_fail(ret, "%s is for administrators alone.", tool->name);
	}
	return tool_fail(ret, "The tool %s is not there any more.", tool->name);
}

const struct tool_source builtin_source = {.kind = "builtin", .list = list, .owns = owns, .call = call};
