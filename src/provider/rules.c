/*
 * rules.c - what an administrator said of models: where names lead, what is renamed or hidden, who does which task.
 * Copied into an arena of its own and never changed: who holds the lock of the registry sees one set, and a new one
 * takes its place as a whole.
 */
#include <errno.h>

#include "base/pattern.h"
#include "provider/catalogue_priv.h"

#define RULES_MAX_BYTES (16u << 20)

struct rules {
	struct arena arena;
	struct catalogue_rules r;
};

const char *model_task_name(enum model_task t)
{
	static const char *const names[TASK_COUNT] = {"chat", "code", "title", "embedding"};
	ASSERT(t < TASK_COUNT);
	return names[t];
}

static int check_route(const struct model_route *r, struct err *e)
{
	if (!r->pattern || !*r->pattern)
		return err_set(e, E_INVALID, "A route needs the name it is for.");
	if (r->n_targets < 1 || r->n_targets > ROUTE_TARGETS_MAX)
		return err_set(
			e, E_INVALID, "The route \"%.80s\" needs 1 to %d targets.", r->pattern, ROUTE_TARGETS_MAX);
	for (size_t i = 0; i < r->n_targets; i++)
		if (!r->targets[i] || !*r->targets[i])
			return err_set(e, E_INVALID, "A target of the route \"%.80s\" is empty.", r->pattern);
	return 0;
}

static int copy_route(struct arena *a, const struct model_route *from, struct model_route *ret)
{
	const char **targets = (const char **)arena_alloc_array(a, from->n_targets, sizeof(*targets));
	*ret = (struct model_route){
		.pattern = arena_strdup(a, from->pattern), .targets = targets, .n_targets = from->n_targets};
	if (!targets || !ret->pattern)
		return -ENOMEM;
	for (size_t i = 0; i < from->n_targets; i++)
		if (!(targets[i] = arena_strdup(a, from->targets[i])))
			return -ENOMEM;
	return 0;
}

static int copy_rules(struct arena *a, const struct catalogue_rules *from, struct catalogue_rules *ret)
{
	struct model_route *routes = ARENA_ARRAY(a, struct model_route, from->n_routes + 1);
	struct model_override *overrides = ARENA_ARRAY(a, struct model_override, from->n_overrides + 1);
	if (!routes || !overrides)
		return -ENOMEM;
	for (size_t i = 0; i < from->n_routes; i++)
		if (copy_route(a, &from->routes[i], &routes[i]) < 0)
			return -ENOMEM;
	for (size_t i = 0; i < from->n_overrides; i++) {
		const struct model_override *o = &from->overrides[i];
		const char *name = o->name && *o->name ? o->name : NULL;
		overrides[i] = (struct model_override){
			.id = arena_strdup(a, o->id), .name = arena_strdup(a, name), .hidden = o->hidden};
		if (!overrides[i].id || (name && !overrides[i].name))
			return -ENOMEM;
	}
	*ret = (struct catalogue_rules){
		.routes = routes, .n_routes = from->n_routes, .overrides = overrides, .n_overrides = from->n_overrides};
	for (size_t i = 0; i < TASK_COUNT; i++) {
		if (!from->tasks[i] || !*from->tasks[i])
			continue;
		if (!(ret->tasks[i] = arena_strdup(a, from->tasks[i])))
			return -ENOMEM;
	}
	return 0;
}

int rules_new(const struct catalogue_rules *from, struct rules **ret, struct err *e)
{
	static const struct catalogue_rules none;
	if (!from)
		from = &none;
	for (size_t i = 0; i < from->n_routes; i++) {
		int r = check_route(&from->routes[i], e);
		if (r < 0)
			return r;
		for (size_t k = 0; k < i; k++)
			if (strcmp(from->routes[k].pattern, from->routes[i].pattern) == 0)
				return err_set(
					e, E_INVALID, "There are two routes for \"%.80s\".", from->routes[i].pattern);
	}
	struct rules *rules = xcalloc(1, sizeof(*rules));
	arena_init(&rules->arena, RULES_MAX_BYTES);
	int r = copy_rules(&rules->arena, from, &rules->r);
	if (r < 0) {
		rules_free(rules);
		return err_set(e, r, "There are too many rules.");
	}
	*ret = rules;
	return 0;
}

void rules_free(struct rules *r)
{
	if (!r)
		return;
	arena_done(&r->arena);
	free(r);
}

const struct catalogue_rules *rules_get(const struct rules *r)
{
	return &r->r;
}

/* ---- routes ---- */

const struct model_route *rules_exact(const struct rules *r, const char *name)
{
	for (size_t i = 0; i < r->r.n_routes; i++)
		if (strcmp(r->r.routes[i].pattern, name) == 0 && !pattern_is(name))
			return &r->r.routes[i];
	return NULL;
}

const struct model_route *rules_route(const struct rules *r, const char *name)
{
	const struct model_route *found = rules_exact(r, name);
	if (found)
		return found;
	for (size_t i = 0; i < r->r.n_routes; i++) {
		const struct model_route *route = &r->r.routes[i];
		if (pattern_is(route->pattern) && pattern_matches(route->pattern, name) &&
			(!found || pattern_compare(route->pattern, found->pattern) < 0))
			found = route;
	}
	return found;
}

const struct model_override *rules_override(const struct rules *r, const char *id)
{
	for (size_t i = 0; i < r->r.n_overrides; i++)
		if (strcmp(r->r.overrides[i].id, id) == 0)
			return &r->r.overrides[i];
	return NULL;
}
