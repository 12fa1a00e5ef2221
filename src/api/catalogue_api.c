/* catalogue_api.c - what administrators say about models: aliases and fallbacks, names, hiding, default models. */
#include <errno.h>
#include <pthread.h>

#include "api/answer.h"
#include "api/configure.h"
#include "api/models.h"
#include "api/request.h"
#include "store/model_rules.h"

#define MODEL_MAX   200
#define NAME_MAX_N  200
#define PATTERN_MAX 200

/* ---- routes ---- */

struct route_edit {
	const char *pattern;
	struct schema_list targets;
	bool has_targets;
};

static const struct field target_item = {.type = FT_STR, .min = 1, .max = MODEL_MAX};

#define R struct route_edit
#define ROUTE_PATTERN(flags)                                                                                           \
	FIELD_STR(R, pattern, "pattern", 1, PATTERN_MAX, flags,                                                        \
		"An exact name, which is an alias and listed as a model, or a pattern with * and ?.")
#define ROUTE_TARGETS(fl)                                                                                              \
	FIELD_HAS(FT_STRS, R, targets, has_targets, "targets", .min = 1, .max = ROUTE_TARGETS_MAX,                     \
		.flags = (fl) | FIELD_UNIQUE, .item = &target_item,                                                    \
		.doc = "Ids of the models to call, tried in this order; one equal to the pattern: the model that was " \
		       "named.")
static const struct field route_new_fields[] = {ROUTE_PATTERN(FIELD_REQUIRED), ROUTE_TARGETS(FIELD_REQUIRED)};
static const struct schema route_new_schema =
	SCHEMA("ModelRouteNew", R, route_new_fields, "Where calls for a name go.");
static const struct field route_patch_fields[] = {ROUTE_PATTERN(0), ROUTE_TARGETS(0)};
static const struct schema route_patch_schema =
	SCHEMA("ModelRoutePatch", R, route_patch_fields, "What to change; the rest stays.");
#undef R

struct route_answer {
	atelier_id id;
	const char *pattern;
	struct schema_list targets;
};

static const struct field route_fields[] = {
	FIELD_ID(struct route_answer, id, "id", FIELD_REQUIRED, "Identifier."),
	FIELD_STR(struct route_answer, pattern, "pattern", 0, 0, FIELD_REQUIRED, "The alias or pattern."),
	FIELD(FT_STRS, struct route_answer, targets, "targets", .flags = FIELD_REQUIRED,
		.doc = "Ids of models, in the order of trying."),
};
static const struct schema route_schema =
	SCHEMA("ModelRoute", struct route_answer, route_fields, "Where calls for a name go.");

LIST_SCHEMA(route_list_schema, "ModelRouteList", &route_schema, "The oldest first.", "All routes.");

static int answer_of(struct request *q, const struct stored_route *from, struct route_answer *ret)
{
	const char **targets;
	size_t n;
	int r = configure_targets(from->targets, &q->mem, &targets, &n, &q->err);

	if (r == 0)
		*ret = (struct route_answer){from->id, from->pattern, {targets, n}};
	return r;
}

static int routes_get_all(struct request *q)
{
	struct stored_rules rules;
	int r;

	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
		r = model_rules_get(c, &q->mem, &rules, &q->err);
	}
	if (r < 0)
		return r;
	struct route_answer *items = ARENA_ARRAY(&q->mem, struct route_answer, rules.n_routes + 1);
	if (!items)
		return request_no_memory(q);
	for (size_t i = 0; i < rules.n_routes && r == 0; i++)
		r = answer_of(q, &rules.routes[i], &items[i]);
	return r < 0 ? r : answer_list(q, items, rules.n_routes, NULL);
}

static int check_target(const char *const *targets, size_t i, const char *pattern, struct err *e)
{
	const char *t = targets[i];
	char at[32];

	if (!strpbrk(t, "*?") || (pattern && strcmp(t, pattern) == 0))
		return 0;
	snprintf(at, sizeof(at), "targets[%zu]", i);
	return err_field(e, E_CONFLICT, at,
		"must be the id of one model; a pattern may stand there only when it is the route's own.");
}

/* The list as JSON, in q->mem. */
static int targets_of(
	struct request *q, const struct route_edit *in, const char *pattern, const char **ret, struct err *e)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(65536);
	const char *const *targets = in->targets.items;

	buf_add_char(&b, '[');
	for (size_t i = 0; i < in->targets.n; i++) {
		int r = check_target(targets, i, pattern, e);

		if (r < 0)
			return r;
		if (i)
			buf_add_char(&b, ',');
		json_add_cstr(&b, targets[i]);
	}
	buf_add_char(&b, ']');
	*ret = buf_status(&b) < 0 ? NULL : arena_strdup(&q->mem, b.p);
	return *ret ? 0 : err_set(e, -ENOMEM, "no memory left for the targets of a route");
}

static int answer_route(struct request *q, const struct stored_route *route)
{
	struct route_answer *out = ARENA_NEW(&q->mem, struct route_answer);

	if (!out)
		return request_no_memory(q);
	q->answer = out;
	return answer_of(q, route, out);
}

static int routes_post(struct request *q)
{
	const struct route_edit *in = q->body;
	struct stored_route route = {.pattern = in->pattern};
	int r = targets_of(q, in, in->pattern, &route.targets, &q->err);

	if (r < 0)
		return r;
	pthread_mutex_lock(&q->api->configure_mx);
	r = model_routes_create(q->api->c.db, route.pattern, route.targets, &route.id, &q->err);
	if (r == 0)
		r = api_configure(q);
	pthread_mutex_unlock(&q->api->configure_mx);
	return r < 0 ? r : answer_route(q, &route);
}

/* Writer. */
static int route_edit(void *row, void *arg, struct err *e)
{
	struct stored_route *route = row;
	struct request *q = arg;
	const struct route_edit *in = q->body;

	if (in->pattern)
		route->pattern = in->pattern;
	return in->targets.n > 0 ? targets_of(q, in, route->pattern, &route->targets, e) : 0;
}

static int route_patch(struct request *q)
{
	const struct rows_edit edit = {q->arg_id, route_edit, q, &q->mem};
	struct stored_route route;
	int r;

	pthread_mutex_lock(&q->api->configure_mx);
	r = model_routes_edit(q->api->c.db, &edit, &route, &q->err);
	if (r == 0)
		r = api_configure(q);
	pthread_mutex_unlock(&q->api->configure_mx);
	return r < 0 ? r : answer_route(q, &route);
}

static int route_delete(struct request *q)
{
	int r;

	pthread_mutex_lock(&q->api->configure_mx);
	r = model_routes_delete(q->api->c.db, q->arg_id, &q->err);
	if (r == 0)
		r = api_configure(q);
	pthread_mutex_unlock(&q->api->configure_mx);
	return r;
}

/* ---- names and hiding ---- */

struct override_edit {
	const char *model, *name;
	bool has_name, hidden, has_hidden;
};

static const struct field override_fields[] = {
	FIELD_STR(struct override_edit, model, "model", 1, MODEL_MAX, FIELD_REQUIRED, "Id of the model."),
	FIELD_HAS(FT_STR, struct override_edit, name, has_name, "name", .max = NAME_MAX_N,
		.doc = "What to show instead; null: as it is."),
	FIELD_HAS(FT_BOOL, struct override_edit, hidden, has_hidden, "hidden",
		.doc = "Not listed for people; it can be called all the same."),
};
static const struct schema override_schema =
	SCHEMA("ModelOverride", struct override_edit, override_fields, "How a model is shown; what is absent stays.");

static int models_override_put(struct request *q)
{
	const struct override_edit *in = q->body;
	struct override_patch p = {.set_name = in->has_name,
		.set_hidden = in->has_hidden,
		.name = in->name && *in->name ? in->name : NULL,
		.hidden = in->hidden};
	int r;

	pthread_mutex_lock(&q->api->configure_mx);
	r = model_overrides_set(q->api->c.db, in->model, &p, &q->err);
	if (r == 0)
		r = api_configure(q);
	pthread_mutex_unlock(&q->api->configure_mx);
	return r < 0 ? r : models_answer(q, true);
}

/* ---- tasks ---- */

struct tasks_edit {
	const char *model[TASK_COUNT];
	bool has[TASK_COUNT];
};

#define TASK_FIELD(task, wire, text)                                                                                   \
	FIELD_HAS(FT_STR, struct tasks_edit, model[task], has[task], wire, .min = 1, .max = MODEL_MAX,                 \
		.doc = text " Id or alias; null: let Atelier choose.")
static const struct field tasks_edit_fields[] = {
	TASK_FIELD(TASK_CHAT, "chat", "For new conversations."),
	TASK_FIELD(TASK_CODE, "code", "For programs."),
	TASK_FIELD(TASK_TITLE, "title", "For naming conversations."),
	TASK_FIELD(TASK_EMBEDDING, "embedding", "For embeddings."),
};
static const struct schema tasks_edit_schema =
	SCHEMA("ModelTasksEdit", struct tasks_edit, tasks_edit_fields, "The default models; what is absent stays.");

static int models_tasks_put(struct request *q)
{
	const struct tasks_edit *in = q->body;
	struct stored_task tasks[TASK_COUNT];
	size_t n = 0;
	int r;

	for (int t = 0; t < TASK_COUNT; t++) {
		if (!in->has[t])
			continue;
		if (t != TASK_EMBEDDING && (r = request_check_answers(q, in->model[t])) < 0)
			return r;
		tasks[n++] = (struct stored_task){model_task_name((enum model_task)t), in->model[t]};
	}
	pthread_mutex_lock(&q->api->configure_mx);
	r = model_tasks_set(q->api->c.db, tasks, n, &q->err);
	if (r == 0)
		r = api_configure(q);
	pthread_mutex_unlock(&q->api->configure_mx);
	return r < 0 ? r : models_answer(q, true);
}

/* clang-format off */
static const struct route routes[] = {
	{"PUT", V1 "/models/tasks", "setModelTasks", models_tasks_put, ACCESS_ADMIN, .status = 200,
		.body = &tasks_edit_schema, .answer = &models_schema, FAILS(E_MODEL_UNKNOWN, E_CONFLICT, E_MODEL_CANNOT),
		.summary = "Say which model each task takes."},
	{"PUT", V1 "/models/override", "overrideModel", models_override_put, ACCESS_ADMIN, .status = 200,
		.body = &override_schema, .answer = &models_schema, FAILS(E_CONFLICT, E_NOT_FOUND, E_MODEL_UNKNOWN),
		.summary = "Show a model under another name, or hide it."},
	{"GET", V1 "/models/routes", "listModelRoutes", routes_get_all, ACCESS_ADMIN, .status = 200,
		.answer = &route_list_schema, .summary = "Aliases, and what is called when something else cannot be."},
	{"POST", V1 "/models/routes", "createModelRoute", routes_post, ACCESS_ADMIN, .status = 201,
		.body = &route_new_schema, .answer = &route_schema, FAILS(E_CONFLICT, E_NOT_FOUND, E_MODEL_UNKNOWN),
		.summary = "Say where calls for a name or pattern go."},
	{"PATCH", V1 "/models/routes/{id}", "updateModelRoute", route_patch, ACCESS_ADMIN, .status = 200,
		.body = &route_patch_schema, .answer = &route_schema, FAILS(E_CONFLICT, E_NOT_FOUND, E_MODEL_UNKNOWN),
		.summary = "Change a route."},
	{"DELETE", V1 "/models/routes/{id}", "deleteModelRoute", route_delete, ACCESS_ADMIN, .status = 204,
		FAILS(E_CONFLICT, E_NOT_FOUND, E_MODEL_UNKNOWN),
		.summary = "Remove a route."},
};
/* clang-format on */
const struct route_set catalogue_routes = ROUTES(routes);
