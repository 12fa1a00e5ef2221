/* resolve.c - from what somebody named to the models that are called: ids, routes, the plan of a call. */
#include <errno.h>

#include "base/clock.h"
#include "base/pattern.h"
#include "provider/catalogue_priv.h"

#define REFRESH_AGAIN_MS 2000 /* an unknown id causes a refresh, but not more often than this */
#define WAIT_NEW_MS      1000 /* for the first refresh of providers that came after the start */

/* ---- plans ---- */

/* The route for a name, and the name that a target equal to the pattern means. Lock held. */
static const struct model_route *route_for(const struct providers *ps, const char *name, struct arena *a)
{
	struct model_place at;
	const struct model_route *r = rules_route(ps->rules, name);
	ASSERT(lock_is_mine(&ps->mx));
	if (r || !catalogue_place(ps, name, &at))
		return r;
	/* "llama3" may be written for "llama3:latest", and the route be for that. */
	const char *id = catalogue_id(ps, at, a);
	return id ? rules_route(ps->rules, id) : NULL;
}

static int add_target(struct providers *ps, struct model_place at, struct arena *a, struct plan *plan)
{
	struct provider *p = ps->all[at.provider];
	struct target *t = &plan->targets[plan->n];
	const char *name = p->list->models[at.model].id;
	ASSERT(lock_is_mine(&ps->mx) && at.provider < ps->n && plan->n < ROUTE_TARGETS_MAX);
	for (size_t i = 0; i < plan->n; i++)
		if (plan->targets[i].p == p && strcmp(plan->targets[i].name, name) == 0)
			return 0;
	*t = (struct target){.name = arena_strdup(a, name), .fallback = plan->n > 0};
	int r = t->name ? catalogue_copy(ps, at, a, &t->model) : -ENOMEM;
	if (r < 0)
		return r;
	t->p = provider_ref(p);
	plan->n++;
	return 0;
}

/* Those whose breaker is open go to the end; else the order stays. */
static void open_ones_last(struct plan *plan, int64_t caller)
{
	struct target sorted[ROUTE_TARGETS_MAX];
	size_t n = 0;
	ASSERT(plan->n <= ROUTE_TARGETS_MAX);
	for (int open = 0; open < 2; open++)
		for (size_t i = 0; i < plan->n; i++) {
			const struct target *t = &plan->targets[i];
			if (breaker_is_open_for(t->p, t->name, caller) == (open == 1))
				sorted[n++] = *t;
		}
	memcpy(plan->targets, sorted, n * sizeof(sorted[0]));
}

static int make_plan(struct providers *ps, const char *model, int64_t caller, struct arena *a, struct plan *plan)
{
	struct model_place at;
	const struct model_route *route = route_for(ps, model, a);
	size_t most = route ? route->n_targets : 1;
	int r = 0;
	plan->targets = ARENA_ARRAY(a, struct target, most);
	if (!plan->targets)
		return -ENOMEM;
	if (!route)
		return catalogue_place(ps, model, &at) ? add_target(ps, at, a, plan) : 0;
	for (size_t i = 0; i < route->n_targets && r >= 0; i++)
		if (catalogue_target(ps, route, i, model, &at))
			r = add_target(ps, at, a, plan);
	open_ones_last(plan, caller);
	return r;
}

int catalogue_plan(
	struct providers *ps, const char *model, int64_t caller, struct arena *a, struct plan *ret, struct err *e)
{
	ASSERT_IS(ps, PROVIDERS_MAGIC);
	struct plan plan = {.n = 0};
	pthread_mutex_lock(&ps->mx);
	int r = make_plan(ps, model, caller, a, &plan);
	pthread_mutex_unlock(&ps->mx);
	if (r < 0) {
		plan_done(&plan);
		return err_set(e, r, "Out of memory.");
	}
	if (plan.n == 0)
		return catalogue_unknown_model(ps, model, e);
	*ret = plan;
	return 0;
}

void plan_done(struct plan *p)
{
	for (size_t i = 0; i < p->n; i++)
		provider_unref(p->targets[i].p);
	p->n = 0;
}

/* ---- resolving ---- */

/* The id: of the model, or the name itself where only a route knows it. Lock held. */
static const char *id_for(const struct providers *ps, const char *model, struct arena *a)
{
	struct model_place at;
	ASSERT(lock_is_mine(&ps->mx));
	if (!rules_exact(ps->rules, model) && catalogue_place(ps, model, &at))
		return catalogue_id(ps, at, a);
	const struct model_route *r = rules_route(ps->rules, model);
	for (size_t i = 0; r && i < r->n_targets; i++)
		if (catalogue_target(ps, r, i, model, &at))
			return arena_strdup(a, model);
	return NULL;
}

struct question {
	const char *model; /* NULL: the task's */
	enum model_task task;
};

static bool resolve_now(struct providers *ps, const struct question *q, struct arena *a, const char **ret_id)
{
	pthread_mutex_lock(&ps->mx);
	const char *id = q->model ? id_for(ps, q->model, a) : catalogue_task(ps, q->task, a);
	if (!id && !q->model && q->task == TASK_TITLE)
		id = catalogue_task(ps, TASK_CHAT, a);
	pthread_mutex_unlock(&ps->mx);
	if (id)
		*ret_id = id;
	return id != NULL;
}

/* Waits for the first refreshes to end, if the thread that begins them was started. After the start that is for those of
 * providers that were configured since, which others need not wait for as long. */
static void wait_first_refresh(struct providers *ps)
{
	pthread_mutex_lock(&ps->mx);
	int64_t until_ms = clock_mono_ms() + (ps->settled ? WAIT_NEW_MS : REFRESH_TIMEOUT_MS);
	ASSERT(thread_may_wait());
	while (ps->started && !discovery_all_once(ps) && !ps->stopping && clock_wait(&ps->cv, &ps->mx, until_ms))
		;
	ps->settled |= ps->started;
	pthread_mutex_unlock(&ps->mx);
}

static bool is_settled(struct providers *ps)
{
	pthread_mutex_lock(&ps->mx);
	bool ret = ps->settled;
	pthread_mutex_unlock(&ps->mx);
	return ret;
}

/* Whether somebody who could offer the model has not shown yet what he has. The Ollama that is only looked for, since
 * nobody named another, does not count beside others. Lock held. */
static bool is_anybody_unseen(const struct providers *ps)
{
	bool usual = false, seen = false;
	ASSERT(lock_is_mine(&ps->mx));
	for (size_t i = 0; i < ps->n; i++) {
		const struct provider *p = ps->all[i];
		if (!p->enabled || p->dialect->fixed_list)
			continue;
		if (p->list)
			seen = true;
		else if (p->id == 0 && strcmp(p->base, "http://localhost:11434") == 0)
			usual = true;
		else
			return true;
	}
	return usual && !seen;
}

/* Whether the model is asked for by the provider's own name: lab/big. */
static bool is_asked_by_name(const struct provider *p, const char *model)
{
	size_t n = strlen(p->name);
	return n > 0 && strncmp(model, p->name, n) == 0 && model[n] == '/';
}

static bool is_any_asked_by_name(const struct providers *ps, const char *model)
{
	for (size_t i = 0; i < ps->n; i++)
		if (ps->all[i]->enabled && is_asked_by_name(ps->all[i], model))
			return true;
	return false;
}

/* What is not known yet may be there in a moment: 503, on which programs try again. */
int catalogue_unknown_model(struct providers *ps, const char *model, struct err *e)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(8192);
	buf_printf(&b, "No provider offers the model \"%.100s\" now.", model);
	pthread_mutex_lock(&ps->mx);
	bool named = is_any_asked_by_name(ps, model); /* what is wrong with the others is of no use then */
	for (size_t i = 0; i < ps->n; i++) {
		const struct provider *p = ps->all[i];
		if (p->enabled && p->state == PROVIDER_UNREACHABLE && p->error &&
			(!named || is_asked_by_name(p, model)))
			buf_printf(&b, " %s at %s cannot be reached: %s%s", p->noun, p->shown_url, p->error,
				wire_full_stop(p->error));
	}
	int code = is_anybody_unseen(ps) ? E_PROVIDER_BUSY : E_MODEL_UNKNOWN;
	pthread_mutex_unlock(&ps->mx);
	if (code == E_PROVIDER_BUSY && e && e->code == 0)
		e->retry_after_s = RETRY_AFTER_S;
	return err_set(e, code, "%s", buf_str(&b).p);
}

static int unknown(struct providers *ps, const struct question *q, struct err *e)
{
	if (q->model)
		return catalogue_unknown_model(ps, q->model, e);
	if (q->task == TASK_EMBEDDING)
		return err_set(e, E_MODEL_UNKNOWN,
			"No model for embeddings can be reached. Let Ollama pull one, for example nomic-embed-text.");
	return err_set(e, E_MODEL_UNKNOWN, "No model can be reached. Start Ollama or name a provider in the settings.");
}

static int resolve(struct providers *ps, const struct question *q, struct arena *a, const char **ret_id, struct err *e)
{
	/* The default is what the first refreshes find, and not what is there before. */
	if (!q->model && !(is_settled(ps) && catalogue_has_real_model(ps)))
		wait_first_refresh(ps);
	if (resolve_now(ps, q, a, ret_id))
		return 0;
	wait_first_refresh(ps);
	if (resolve_now(ps, q, a, ret_id))
		return 0;
	/* It may have been pulled, or its provider started, since the last refresh. */
	pthread_mutex_lock(&ps->mx);
	bool again = ps->refreshes > 0 && clock_mono_ms() - discovery_last_ms(ps) > REFRESH_AGAIN_MS;
	pthread_mutex_unlock(&ps->mx);
	if (again) {
		(void)providers_refresh(ps, WAIT_NEW_MS);
		if (resolve_now(ps, q, a, ret_id))
			return 0;
	}
	return unknown(ps, q, e);
}

int providers_resolve(struct providers *ps, const char *model, struct arena *a, const char **ret_id, struct err *e)
{
	struct question q = {.model = model && *model ? model : NULL, .task = TASK_CHAT};
	ASSERT_IS(ps, PROVIDERS_MAGIC);
	return resolve(ps, &q, a, ret_id, e);
}

int providers_resolve_task(struct providers *ps, enum model_task task, const char *otherwise, struct arena *a,
	const char **ret_id, struct err *e)
{
	ASSERT_IS(ps, PROVIDERS_MAGIC);
	if (task == TASK_TITLE && otherwise && *otherwise) {
		pthread_mutex_lock(&ps->mx);
		const char *id = catalogue_task(ps, task, a);
		pthread_mutex_unlock(&ps->mx);
		if (!id)
			return providers_resolve(ps, otherwise, a, ret_id, e);
		*ret_id = id;
		return 0;
	}
	struct question q = {.task = task};
	return resolve(ps, &q, a, ret_id, e);
}

/* Lock held. *ret_r is -ENOENT when nobody offers it. */
static int describe(const struct providers *ps, const char *model, struct arena *a, struct model *ret)
{
	struct model_place at;
	const struct model_route *r = rules_exact(ps->rules, model);
	ASSERT(lock_is_mine(&ps->mx));
	if (!r && catalogue_place(ps, model, &at))
		return catalogue_copy(ps, at, a, ret);
	if (!r)
		r = rules_route(ps->rules, model);
	if (!r)
		return -ENOENT;
	if (!pattern_is(r->pattern))
		return catalogue_copy_alias(ps, r, a, ret);
	for (size_t i = 0; i < r->n_targets; i++) {
		if (!catalogue_target(ps, r, i, model, &at))
			continue;
		int res = catalogue_copy(ps, at, a, ret);
		ret->alias_of = res < 0 ? NULL : ret->id;
		ret->id = arena_strdup(a, model);
		return res < 0 || !ret->id ? -ENOMEM : 0;
	}
	return -ENOENT;
}

int providers_model(struct providers *ps, const char *model, struct arena *a, struct model *ret, struct err *e)
{
	ASSERT_IS(ps, PROVIDERS_MAGIC);
	struct model m = {0};
	const char *id = model && *model ? model : NULL;
	pthread_mutex_lock(&ps->mx);
	if (!id)
		id = catalogue_task(ps, TASK_CHAT, a);
	int r = id ? describe(ps, id, a, &m) : -ENOENT;
	pthread_mutex_unlock(&ps->mx);
	if (r == -ENOENT)
		return catalogue_unknown_model(ps, id ? id : "", e);
	if (r < 0)
		return err_set(e, r, "Out of memory.");
	*ret = m;
	return 0;
}
