/* model_rules.c - routes, overrides and the models of tasks. */
#include "store/model_rules.h"
#include "store/store_priv.h"

#define NO_ROUTE "There is no such route."

/* ---- reading ---- */

static void read_route(struct store_reader *rd, void *item)
{
	*(struct stored_route *)item = (struct stored_route){
		.id = db_i64(rd->rows, 0), .pattern = store_str(rd, 1), .targets = store_str(rd, 2)};
}

static void read_override(struct store_reader *rd, void *item)
{
	*(struct stored_override *)item = (struct stored_override){
		.model = store_str(rd, 0), .name = store_str(rd, 1), .hidden = db_i64(rd->rows, 2) != 0};
}

static void read_task(struct store_reader *rd, void *item)
{
	*(struct stored_task *)item = (struct stored_task){.task = store_str(rd, 0), .model = store_str(rd, 1)};
}

static int read_all(struct db_conn *c, const char *sql, void (*read)(struct store_reader *rd, void *item),
	struct store_list *l, struct arena *a, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	struct store_reader rd = {.a = a};
	int r = db_query(c, &rows, e, sql);

	if (r < 0)
		return r;
	rd.rows = rows;
	while ((r = db_next(rows, e)) > 0) {
		void *item = store_push(l, a);

		if (!item)
			return store_full(e);
		read(&rd, item);
	}
	return r < 0 ? r : store_reader_end(&rd, e);
}

int model_rules_get(struct db_conn *c, struct arena *a, struct stored_rules *ret, struct err *e)
{
	struct store_list routes = {.size = sizeof(struct stored_route)};
	struct store_list overrides = {.size = sizeof(struct stored_override)};
	struct store_list tasks = {.size = sizeof(struct stored_task)};
	int r = read_all(
		c, "SELECT id, pattern, targets FROM model_routes ORDER BY created_at, id", read_route, &routes, a, e);

	if (r == 0)
		r = read_all(c, "SELECT model, name, hidden FROM model_overrides ORDER BY model", read_override,
			&overrides, a, e);
	if (r == 0)
		r = read_all(c, "SELECT task, model FROM model_tasks ORDER BY task", read_task, &tasks, a, e);
	if (r == 0)
		*ret = (struct stored_rules){
			routes.items, routes.n, overrides.items, overrides.n, tasks.items, tasks.n};
	return r;
}

int model_routes_get(struct db_conn *c, atelier_id id, struct arena *a, struct stored_route *ret, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	struct store_reader rd = {.a = a};
	struct stored_route found;
	int r = STORE_FIRST(
		c, &rows, NO_ROUTE, e, "SELECT id, pattern, targets FROM model_routes WHERE id = ?", DB_I64(id));

	if (r < 0)
		return r;
	rd.rows = rows;
	read_route(&rd, &found);
	r = store_reader_end(&rd, e);
	if (r == 0)
		*ret = found;
	return r;
}

/* ---- routes ---- */

struct route_change {
	atelier_id id;
	const char *pattern, *targets;
};

static int is_there(int r, const struct route_change *x, struct err *e)
{
	return store_conflict(r, e, "There is a route for \"%s\" already.", x->pattern);
}

static int route_create_in(struct db_conn *c, void *arg, struct err *e)
{
	struct route_change *x = arg;
	int64_t now = clock_now_ms();
	int r = STORE_INSERT(c, &x->id, e,
		"INSERT INTO model_routes (id, pattern, targets, created_at, updated_at) VALUES (?, ?, ?, ?, ?)",
		DB_TEXT(x->pattern), DB_TEXT(x->targets), DB_I64(now), DB_I64(now));

	return is_there(r, x, e);
}

int model_routes_create(struct db *db, const char *pattern, const char *targets, atelier_id *ret_id, struct err *e)
{
	struct route_change x = {.pattern = pattern, .targets = targets};
	int r = db_write(db, route_create_in, &x, e);

	if (r < 0)
		return r;
	*ret_id = x.id;
	return 0;
}

static int route_update_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct route_change *x = arg;
	int64_t n = 0;
	int r = db_exec(c, &n, e,
		"UPDATE model_routes SET pattern = coalesce(?, pattern), targets = coalesce(?, targets), updated_at = ?"
		" WHERE id = ?",
		DB_TEXT(x->pattern), DB_TEXT(x->targets), DB_I64(clock_now_ms()), DB_I64(x->id));

	return r == 0 && n == 0 ? err_set(e, E_NOT_FOUND, NO_ROUTE) : is_there(r, x, e);
}

int model_routes_update(struct db *db, atelier_id id, const char *pattern, const char *targets, struct err *e)
{
	struct route_change x = {id, pattern, targets};

	return db_write(db, route_update_in, &x, e);
}

static int route_delete_in(struct db_conn *c, void *arg, struct err *e)
{
	const atelier_id *id = arg;
	int64_t n = 0;
	int r = db_exec(c, &n, e, "DELETE FROM model_routes WHERE id = ?", DB_I64(*id));

	return r == 0 && n == 0 ? err_set(e, E_NOT_FOUND, NO_ROUTE) : r;
}

int model_routes_delete(struct db *db, atelier_id id, struct err *e)
{
	return db_write(db, route_delete_in, &id, e);
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
