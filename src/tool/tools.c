/* tools.c - the registry: which tools a person has, from all sources, and having one of them done. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>

#include "store/tool_choices.h"
#include "sys/loop.h"
#include "tool/tool_priv.h"

static const struct tool_source *const sources[] = {&builtin_source, &servers_source};

int tools_new(const struct tools_config *c, struct tools **ret, struct err *e)
{
	struct tools *t = xcalloc(1, sizeof(*t));
	int r;

	MAGIC_SET(t, TOOLS_MAGIC);
	t->config = *c;
	cancel_init(&t->ending);
	pthread_mutex_init(&t->lists.mx, NULL);
	r = servers_start(t, e);
	if (r < 0)
		tools_free(t);
	else
		*ret = t;
	return r;
}

void tools_stop(struct tools *t)
{
	if (!t)
		return;
	ASSERT_IS(t, TOOLS_MAGIC);
	cancel_fire(&t->ending, E_STOPPING);
}

void tools_free(struct tools *t)
{
	if (!t)
		return;
	servers_stop(t);
	server_lists_free(&t->lists);
	cancel_done(&t->ending);
	MAGIC_END(t, TOOLS_MAGIC);
	free(t);
}

/* ---- lists ---- */

/* 16 bytes as text: nobody makes another tool of the same hash. */
const char *tool_hash(const struct tool *tool, struct arena *a)
{
	const char *const parts[] = {tool->own_name, tool->description, tool->parameters};
	ASSERT(tool->own_name && tool->description && tool->parameters);
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

int tools_no_memory(struct err *e)
{
	return err_set(e, -ENOMEM, "There is no memory for the list of tools.");
}

/* The names so far, to be found by: places of `items` + 1, 0 where none is. */
struct names {
	const struct tool *items;
	uint32_t *places;
	size_t mask;
};

static uint32_t *place_of(const struct names *n, const char *name)
{
	uint64_t h = 14695981039346656037u;

	for (const char *p = name; *p; p++)
		h = (h ^ (unsigned char)*p) * 1099511628211u;
	for (size_t i = h & n->mask;; i = (i + 1) & n->mask)
		if (!n->places[i] || strcmp(n->items[n->places[i] - 1].name, name) == 0)
			return &n->places[i];
}

/* A name that is taken gets a number; of a row of the database only, since ours are told apart. */
static int name_all(struct tool_list *all, struct arena *a)
{
	struct names n = {.items = all->items, .mask = 63};

	while (n.mask < 2 * all->n)
		n.mask = 2 * n.mask + 1;
	n.places = ARENA_ARRAY(a, uint32_t, n.mask + 1);
	if (!n.places)
		return -ENOMEM;
	ASSERT(n.mask > all->n); /* a look for a name always ends */
	for (size_t i = 0; i < all->n; i++) {
		const char *own = all->items[i].name, *name = own;
		for (int k = 2; name && *place_of(&n, name) && k < 100; k++)
			name = arena_printf(a, "%.*s_%d", TOOL_NAME_MAX - 3, own, k);
		if (!name)
			return -ENOMEM;
		ASSERT(strlen(name) <= TOOL_NAME_MAX);
		all->items[i].name = name;
		*place_of(&n, name) = (uint32_t)i + 1;
	}
	return 0;
}

static int add_all(struct tool_list *all, const struct tool_list *more, struct arena *a, struct err *e)
{
	struct tool *items = ARENA_ARRAY(a, struct tool, MAX(all->n + more->n, 1u));

	if (!items)
		return tools_no_memory(e);
	if (all->n)
		memcpy(items, all->items, all->n * sizeof(*items));
	*all = (struct tool_list){items, all->n};
	for (size_t i = 0; i < more->n; i++) {
		struct tool *tool = &items[all->n++];
		*tool = more->items[i];
		if (!tool->hash && !(tool->hash = tool_hash(tool, a)))
			return tools_no_memory(e);
	}
	return 0;
}

/* What an administrator says of all counts first; a person can switch off what is on, and on what is off by itself, and want to be
 * asked where one would not be. */
static void apply(const struct tool_choice_list *said, struct tool *tool)
{
	tool->asks_all = tool->asks;
	for (size_t i = 0; i < said->n; i++) { /* those of all stand before a person's own */
		const struct tool_choice_row *c = &said->items[i];
		if (strcmp(c->name, tool->name) != 0)
			continue;
		if (c->enabled >= 0 && !tool->off_all)
			tool->enabled = c->enabled;
		tool->off_all |= c->user_id == 0 && c->enabled == 0;
		if (c->asks >= 0)
			tool->asks = c->user_id == 0 ? c->asks : tool->asks_all || c->asks;
		if (c->user_id == 0 && c->asks >= 0)
			tool->asks_all = c->asks;
	}
}

static int apply_choices(struct tools *t, atelier_id user_id, struct arena *a, struct tool_list *all, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(t->config.db);
	struct tool_choice_list said = {.n = 0};
	int r = tool_choices_list(c, user_id, a, &said, e);

	for (size_t i = 0; r == 0 && i < all->n; i++)
		apply(&said, &all->items[i]);
	return r;
}

int tools_list_all(struct tools *t, atelier_id user_id, struct arena *a, struct tool_list *ret, struct err *e)
{
	struct tool_list all = {.n = 0};

	ASSERT_IS(t, TOOLS_MAGIC);
	ASSERT(thread_may_wait());
	for (size_t i = 0; i < N_ELEMENTS(sources); i++) {
		struct tool_list more = {.n = 0};
		int r = sources[i]->list(t, user_id, a, &more, e);
		if (r == 0)
			r = add_all(&all, &more, a, e);
		if (r < 0)
			return r;
	}
	int r = name_all(&all, a) < 0 ? tools_no_memory(e) : apply_choices(t, user_id, a, &all, e);
	if (r < 0)
		return r;
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

static void stop_call(void *cancel)
{
	cancel_fire(cancel, E_STOPPING);
}

/* Ends with the program, whoever waits for it. */
static int call_in(struct tools *t, const struct tool_source *source, const struct tool *tool, const json_t *object,
	const struct tool_run *run, struct arena *a, struct tool_result *ret, struct err *e)
{
	struct cancel_hook hook;
	int r;

	ASSERT(source->owns(tool) && run->cancel);
	if (cancel_reason(run->cancel) || cancel_on(&t->ending, &hook, stop_call, run->cancel) < 0)
		return err_set(e, -ECANCELED, "Stopped.");
	r = source->call(t, tool, object, run, a, ret, e);
	cancel_off(&t->ending, &hook);
	if (r == 0)
		tool_result_cap(ret);
	return r;
}

int tools_call(struct tools *t, const struct tool *tool, const char *arguments, const struct tool_run *run,
	struct arena *a, struct tool_result *ret, struct err *e)
{
	CLEANUP(json_decrefp) json_t *object = NULL;
	const struct tool_source *source = source_of(tool);
	struct tool_arguments fit;
	int r = tool_arguments_read(tool, str_from(arguments), a, &fit, e);

	ASSERT(thread_may_wait());
	ASSERT_IS(t, TOOLS_MAGIC);
	ASSERT(!ret->text.p && !ret->whole.p && !ret->structured.p && ret->n_files == 0);
	if (r < 0)
		return r;
	if (!source)
		return tool_fail(ret, "The tool %s is not there any more.", tool->name);
	if (fit.n != 1)
		return tool_fail(ret, "%s", fit.n ? "These are several calls: make one of each." : fit.problem);
	r = json_read(fit.items[0], strlen(fit.items[0]), JSON_MEMORY, JSON_READ_EXACT, &object, e);
	return r < 0 ? r : call_in(t, source, tool, object, run, a, ret, e);
}
