/*
 * model_rules.c - routes, overrides and the models of tasks. Three small tables that are read together, whenever one
 * of them has changed; the catalogue of models is made anew of them (api/configure.c).
 */
#include "store/model_rules.h"
#include "store/store_priv.h"

#define R struct stored_route
static const struct col route_columns[] = {COL(I64, R, id), COL(TEXT, R, pattern), COL(TEXT, R, targets),
	COL_MADE("created_at"), COL_TOUCHED("updated_at")};
#undef R
static const struct rows_table route_table = {"model_routes", "created_at, id", "There is no such route.",
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
	int r = rows_list(&route_table, c, a, &all.routes, &all.n_routes, e);

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
	return rows_create(&route_table, db, &(struct stored_route){.pattern = pattern, .targets = targets}, ret_id, e);
}

int model_routes_edit(struct db *db, const struct rows_edit *x, struct stored_route *ret, struct err *e)
{
	return rows_edit(&route_table, db, x, ret, e);
}

int model_routes_delete(struct db *db, atelier_id id, struct err *e)
{
	return rows_delete(&route_table, db, id, e);
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
	int r = db_exec(
		c, NULL, e, "INSERT INTO model_overrides (model) VALUES (?) ON CONFLICT DO NOTHING", DB_TEXT(x->model));

	if (r == 0 && p->set_name)
		r = db_exec(c, NULL, e, "UPDATE model_overrides SET name = ? WHERE model = ?", DB_TEXT(p->name),
			DB_TEXT(x->model));
	if (r == 0 && p->set_hidden)
		r = db_exec(c, NULL, e, "UPDATE model_overrides SET hidden = ? WHERE model = ?", DB_I64(p->hidden),
			DB_TEXT(x->model));
	return r < 0 ? r
		     : db_exec(c, NULL, e,
			       "DELETE FROM model_overrides WHERE model = ? AND name IS NULL AND hidden = 0",
			       DB_TEXT(x->model));
}

int model_overrides_set(struct db *db, const char *model, const struct override_patch *p, struct err *e)
{
	struct override_change x = {model, p};

	return db_write(db, override_in, &x, e);
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
	struct task_change x = {tasks, n};

	return db_write(db, tasks_in, &x, e);
}
