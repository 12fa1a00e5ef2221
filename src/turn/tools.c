/* tools.c - which tools an answer may use: those that the turn, its assistant or its conversation names, of those that the person
 * has. */
#include <errno.h>

#include "base/json.h"
#include "turn/turn_priv.h"

/* What is wished: all, or these names. */
static bool is_wished(const json_t *wish, const char *name)
{
	const json_t *v;
	size_t i;

	json_array_foreach(wish, i, v) if (json_is_string(v) && strcmp(json_string_value(v), name) == 0) return true;
	return json_is_true(wish);
}

static int check_names(const struct tool_list *all, const json_t *wish, struct err *e)
{
	const json_t *v;
	size_t i;

	json_array_foreach(wish, i, v) if (!json_is_string(v) || !tools_find(all, json_string_value(v))) return err_set(
		e, E_INVALID, "There is no tool \"%.64s\" that you can use.",
		json_is_string(v) ? json_string_value(v) : "?");
	return 0;
}

static int describe(struct turn *t)
{
	struct gen_tool *told = ARENA_ARRAY(&t->arena, struct gen_tool, t->tools.n + 1);

	t->fails = ARENA_ARRAY(&t->arena, unsigned, t->tools.n + 1);
	if (!told || !t->fails)
		return -ENOMEM;
	memset(t->fails, 0, (t->tools.n + 1) * sizeof *t->fails);
	for (size_t i = 0; i < t->tools.n; i++) {
		const struct tool *x = &t->tools.items[i];
		told[i] =
			(struct gen_tool){.name = x->name, .description = x->description, .parameters = x->parameters};
	}
	t->told_tools = told;
	return 0;
}

/* What is wished, and what the person has; NULL: no tools. */
static int load(struct turns *all, atelier_id user_id, const char *wish, struct arena *a, json_t **ret_names,
	struct tool_list *ret, struct err *e)
{
	int r;

	if (!wish || !all->config.tools || (r = json_parse(wish, strlen(wish), ret_names, e)) < 0)
		return wish && all->config.tools ? r : 0;
	if (!json_is_true(*ret_names) && json_array_size(*ret_names) == 0)
		return 0;
	return tools_list(all->config.tools, user_id, a, ret, e);
}

int turn_check_tools(struct turns *all, const struct turn_request *q, struct arena *a, struct err *e)
{
	CLEANUP(json_decrefp) json_t *names = NULL;
	struct tool_list has = {.n = 0};
	int r = load(all, q->user_id, q->tools, a, &names, &has, e);

	return r < 0 ? r : check_names(&has, names, e);
}

int turn_choose_tools(struct turn *t, bool strict, struct err *e)
{
	CLEANUP(json_decrefp) json_t *names = NULL;
	struct tool_list has = {.n = 0};
	int r = load(t->all, t->user_id, t->wish, &t->arena, &names, &has, e);

	t->tools = (struct tool_list){.n = 0};
	if (r == 0 && strict)
		r = check_names(&has, names, e);
	if (r < 0)
		return r;
	t->tools.items = ARENA_ARRAY(&t->arena, struct tool, has.n + AGENT_TOOLS_MAX);
	if (!t->tools.items)
		return err_set(e, -ENOMEM, "no memory for a turn");
	for (size_t i = 0; i < has.n; i++)
		if (is_wished(names, has.items[i].name))
			t->tools.items[t->tools.n++] = has.items[i];
	if ((r = agents_offer(t, &t->tools, e)) < 0)
		return r;
	t->writes_calls = t->tools.n && !t->calls_tools && t->all->settings->written_calls;
	t->toolless = t->tools.n && !t->calls_tools && !t->writes_calls;
	if (t->toolless)
		t->tools.n = 0;
	return describe(t) < 0 ? err_set(e, -ENOMEM, "no memory for a turn") : 0;
}
