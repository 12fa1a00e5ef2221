/*
 * model_rules.c - routes, overrides and the default models. Three small tables that are read together, whenever one
 * of them has changed; the catalogue of models is made anew of them (api/configure.c).
 */
#include "store/model_rules.h"
#include "store/store_priv.h"

#define R struct stored_route
static const struct col route_columns[] = {COL(I64, R, id), COL(TEXT, R, pattern), COL(TEXT, R, targets),
	COL_MADE("created_at"), COL_TOUCHED("updated_at")};
#undef R
const struct rows_table model_routes_table = {"model_routes", "created_at, id", "There is no such route.",
	"There is a route for this pattern already.", TABLE(struct stored_route, route_columns)};

/* These two have no id: they are only read by it. */
static const struct col override_columns[] = {COL(TEXT, struct stored_override, model),
	COL(TEXT, struct stored_override, name), COL(BOOL, struct stored_override, hidden)};
static const struct rows_table override_table = {
	"model_overrides", "model", NULL, NULL, TABLE(struct stored_override, override_columns)};
static const struct col task_columns[] = {COL(TEXT, struct stored_task, task), COL(TEXT, struct stored_task, model)};
static const struct rows_table task_table = {
	"model_tasks", "task", NULL, NULL, TABLE(struct stored_task, task_columns)};

int model_rules_get(struct db_conn *c, struct arena *a, struct stored_rules *ret, struct err *e)
{
	struct stored_rules all;
	int r = rows_list(&model_routes_table, c, a, &all.routes, &all.n_routes, e);

	if (r == 0)
		r = rows_list(&override_table, c, a, &all.overrides, &all.n_overrides, e);
	if (r == 0)
		r = rows_list(&task_table, c, a, &all.tasks, &all.n_tasks, e);
	if (r == 0)
		*ret = all;
	return r;
}

/* ---- routes ---- */

int model_routes_create(struct db *db, const char *pattern, const char *targets, atelier_id *ret_id, struct err *e)
{
	return rows_create(
		&model_routes_table, db, &(struct stored_route){.pattern = pattern, .targets = targets}, ret_id, e);
}

/* ---- overrides ---- */

struct override_change {
	const char *model;
	const struct override_patch *p;
};

static int override_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct override_change *x = arg;
	const struct override_patch *p = x->p;
	int r = db_exec(c, NULL, e,
		"INSERT INTO model_overrides (model, name, hidden) VALUES (?, ?, ?) ON CONFLICT (model) DO UPDATE SET"
		" name = CASE WHEN ? = 1 THEN excluded.name ELSE model_overrides.name END,"
		" hidden = CASE WHEN ? = 1 THEN excluded.hidden ELSE model_overrides.hidden END",
		DB_TEXT(x->model), DB_TEXT(p->set_name ? p->name : NULL), DB_I64(p->set_hidden && p->hidden),
		DB_I64(p->set_name), DB_I64(p->set_hidden));

	if (r < 0)
		return r;
	return db_exec(c, NULL, e, "DELETE FROM model_overrides WHERE model = ? AND name IS NULL AND hidden = 0",
		DB_TEXT(x->model));
}

int model_overrides_set(struct db *db, const char *model, const struct override_patch *p, struct err *e)
{
	return store_apply(db, override_in, &(struct override_change){model, p}, e);
}

/* ---- tasks ---- */

struct task_change {
	const struct stored_task *tasks;
	size_t n;
};

static int tasks_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct task_change *x = arg;
	int r = 0;

	for (size_t i = 0; i < x->n && r == 0; i++) {
		const struct stored_task *t = &x->tasks[i];

		if (t->model)
			r = db_exec(c, NULL, e,
				"INSERT INTO model_tasks (task, model) VALUES (?, ?)"
				" ON CONFLICT (task) DO UPDATE SET model = excluded.model",
				DB_TEXT(t->task), DB_TEXT(t->model));
		else
			r = db_exec(c, NULL, e, "DELETE FROM model_tasks WHERE task = ?", DB_TEXT(t->task));
	}
	return r;
}

int model_tasks_set(struct db *db, const struct stored_task *tasks, size_t n, struct err *e)
{
	return store_apply(db, tasks_in, &(struct task_change){tasks, n}, e);
}
