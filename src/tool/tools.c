/* tools.c - the registry: which tools a person has, from all sources, and having one of them done. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>

#include "tool/tool_priv.h"

static const struct tool_source *const sources[] = {&builtin_source};

int tools_new(const struct tools_config *c, struct tools **ret, struct err *e)
{
	struct tools *t = xcalloc(1, sizeof(*t));

	(void)e;
	t->config = *c;
	*ret = t;
	return 0;
}

void tools_stop(struct tools *t)
{
	for (size_t i = 0; t && i < N_ELEMENTS(sources); i++)
		if (sources[i]->stop)
			sources[i]->stop(t);
}

void tools_free(struct tools *t)
{
	free(t);
}

/* ---- lists ---- */

/* 16 bytes as text: nobody makes another tool of the same hash. */
static const char *hash_of(const struct tool *tool, struct arena *a)
{
	const char *const parts[] = {tool->own_name, tool->description, tool->parameters};
	crypto_generichash_state state;
	unsigned char bytes[16];
	char *text = arena_alloc(a, 2 * sizeof(bytes) + 1);

	if (!text)
		return NULL;
	crypto_generichash_init(&state, NULL, 0, sizeof(bytes));
	for (size_t i = 0; i < N_ELEMENTS(parts); i++)
		crypto_generichash_update(&state, (const unsigned char *)parts[i], strlen(parts[i]) + 1);
	crypto_generichash_final(&state, bytes, sizeof(bytes));
	return sodium_bin2hex(text, 2 * sizeof(bytes) + 1, bytes, sizeof(bytes));
}

static int by_name(const void *a, const void *b)
{
	const struct tool *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int no_memory(struct err *e)
{
	return err_set(e, -ENOMEM, "There is no memory for the list of tools.");
}

/* Of two that have one name, that of the earlier source, or server, is had. */
static int add_all(struct tool_list *all, const struct tool_list *more, struct arena *a, struct err *e)
{
	struct tool *items = ARENA_ARRAY(a, struct tool, MAX(all->n + more->n, 1u));
	size_t n = all->n;

	if (!items)
		return no_memory(e);
	memcpy(items, all->items ? all->items : more->items, all->n * sizeof(*items));
	for (size_t i = 0; i < more->n; i++) {
		struct tool *tool = &items[n];
		if (tools_find(&(struct tool_list){items, n}, more->items[i].name))
			continue;
		*tool = more->items[i];
		tool->enabled = true;
		tool->hash = hash_of(tool, a);
		if (!tool->hash)
			return no_memory(e);
		n++;
	}
	*all = (struct tool_list){items, n};
	return 0;
}

int tools_list_all(struct tools *t, atelier_id user_id, struct arena *a, struct tool_list *ret, struct err *e)
{
	struct tool_list all = {.n = 0};

	for (size_t i = 0; i < N_ELEMENTS(sources); i++) {
		struct tool_list more = {.n = 0};
		int r = sources[i]->list(t, user_id, a, &more, e);
		if (r == 0)
			r = add_all(&all, &more, a, e);
		if (r < 0)
			return r;
	}
	if (all.n > 1)
		qsort(all.items, all.n, sizeof(*all.items), by_name);
	*ret = all;
	return 0;
}

int tools_list(struct tools *t, atelier_id user_id, struct arena *a, struct tool_list *ret, struct err *e)
{
	struct tool_list all;
	size_t n = 0;
	int r = tools_list_all(t, user_id, a, &all, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < all.n; i++)
		if (all.items[i].enabled)
			all.items[n++] = all.items[i];
	*ret = (struct tool_list){all.items, n};
	return 0;
}

const struct tool *tools_find(const struct tool_list *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->items[i].name, name) == 0)
			return &l->items[i];
	return NULL;
}

/* ---- calls ---- */

static const struct tool_source *source_of(const struct tool *tool)
{
	for (size_t i = 0; i < N_ELEMENTS(sources); i++)
		if (sources[i]->owns(tool))
			return sources[i];
	return NULL;
}

int tools_call(struct tools *t, const struct tool *tool, const char *arguments, const struct tool_run *run,
	struct arena *a, struct tool_result *ret, struct err *e)
{
	CLEANUP(json_decrefp) json_t *object = NULL;
	const struct tool_source *source = source_of(tool);
	struct tool_arguments fit;
	int r = tool_arguments_read(tool, str_from(arguments), a, &fit, e);

	if (r < 0)
		return r;
	if (!source)
		return tool_fail(ret, "The tool %s is not there any more.", tool->name);
	if (fit.n != 1)
		return tool_fail(ret, "%s", fit.n ? "These are several calls: make one of each." : fit.problem);
	if (cancel_reason(run->cancel))
		return err_set(e, -ECANCELED, "Stopped.");
	r = json_read(fit.items[0], strlen(fit.items[0]), JSON_MEMORY, JSON_READ_EXACT, &object, e);
	if (r == 0)
		r = source->call(t, tool, object, run, a, ret, e);
	if (r < 0)
		return r;
	result_cap(ret);
	return 0;
}
