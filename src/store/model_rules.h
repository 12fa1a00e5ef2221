/* model_rules.h - what administrators said about models: where calls go, what is shown, which one a task takes. */
#pragma once

#include "store/rows.h"

struct stored_route {
	atelier_id id;
	const char *pattern;
	const char *targets; /* JSON array of model ids */
};

struct stored_override {
	const char *model;
	const char *name; /* NULL: as it is */
	bool hidden;
};

struct stored_task {
	const char *task, *model;
};

struct stored_rules {
	struct stored_route *routes; /* in the order they were made */
	size_t n_routes;
	struct stored_override *overrides;
	size_t n_overrides;
	struct stored_task *tasks;
	size_t n_tasks;
};

int model_rules_get(struct db_conn *c, struct arena *a, struct stored_rules *ret, struct err *e) MUST_CHECK;

extern const struct rows_table model_routes_table; /* a pattern is unique */
int model_routes_create(
	struct db *db, const char *pattern, const char *targets, atelier_id *ret_id, struct err *e) MUST_CHECK;
ROWS_EDIT(model_routes_edit, model_routes_table, struct stored_route)
ROWS_DELETE(model_routes_delete, model_routes_table)

/* What is not set in the patch stays; an override that says nothing any more is gone. */
struct override_patch {
	bool set_name, set_hidden;
	const char *name; /* NULL: as it is */
	bool hidden;
};
int model_overrides_set(struct db *db, const char *model, const struct override_patch *p, struct err *e) MUST_CHECK;

/* All of them or none. A model of NULL: let Atelier choose. */
int model_tasks_set(struct db *db, const struct stored_task *tasks, size_t n, struct err *e) MUST_CHECK;
