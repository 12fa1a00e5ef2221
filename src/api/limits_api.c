/* limits_api.c - limits and budgets: administrators set them, everybody sees those that bind them. */
#include "api/answer.h"
#include "api/request.h"
#include "store/limits.h"

#define MODEL_MAX  200
#define AMOUNT_MAX 9007199254740991 /* what JavaScript counts exactly */

struct limit_answer {
	struct limit l;
	const char *model; /* NULL: all */
	int64_t used, reserved, resets_at;
};

#define L struct limit_answer
static const struct field limit_fields[] = {
	FIELD_ID(L, l.id, "id", FIELD_REQUIRED, "Identifier."),
	FIELD_ENUM(L, l.subject, "subject", SUBJECTS, FIELD_REQUIRED,
		"Whom it binds; everyone, group and model: all of them together."),
	FIELD_ID(L, l.subject_id, "subject_id", 0, "The user, group or key; null: of the others."),
	FIELD_STR(L, l.subject_name, "subject_name", 0, 0, 0, "Its name; null: it has none, or is gone."),
	FIELD_STR(L, model, "model", 0, 0, 0, "Only calls of these models: id, alias or pattern; null: of all."),
	FIELD_ENUM(L, l.measure, "measure", MEASURES, FIELD_REQUIRED, "What is counted."),
	FIELD_ENUM(L, l.period, "period", PERIODS, FIELD_REQUIRED, "In which time, UTC."),
	FIELD_I64(L, l.amount, "amount", 0, 0, FIELD_REQUIRED,
		"How much; of money millionths of the currency. 0 forbids."),
	FIELD_I64(L, used, "used", 0, 0, FIELD_REQUIRED, "How much of it is used up."),
	FIELD_I64(L, reserved, "reserved", 0, 0, FIELD_REQUIRED, "How much running calls hold besides."),
	FIELD_TIME(L, resets_at, "resets_at", FIELD_REQUIRED, "When it begins anew."),
};
static const struct schema limit_schema = SCHEMA("Limit", L, limit_fields, "How much may be used.");
#undef L

LIST_SCHEMA(limit_list_schema, "LimitList", &limit_schema, "The oldest first.", "Limits as they stand.",
	LIST_CURRENCY("Of amounts of money."));

struct limit_new {
	const char *subject, *model, *measure, *period;
	atelier_id subject_id;
	int64_t amount;
};

static const struct field limit_new_fields[] = {
	FIELD_ENUM(struct limit_new, subject, "subject", SUBJECTS, FIELD_REQUIRED, "Whom it binds."),
	FIELD_ID(struct limit_new, subject_id, "subject_id", 0, "The user, group or key."),
	FIELD_STR(struct limit_new, model, "model", 1, MODEL_MAX, 0,
		"Only calls of these models: id, alias or pattern with * and ?; needed for model."),
	FIELD_ENUM(struct limit_new, measure, "measure", MEASURES, FIELD_REQUIRED, "What is counted."),
	FIELD_ENUM(struct limit_new, period, "period", PERIODS, FIELD_REQUIRED, "In which time, UTC."),
	FIELD_I64(struct limit_new, amount, "amount", 0, AMOUNT_MAX, FIELD_REQUIRED, "How much; 0 forbids."),
};
/* As check() has it. */
#define NO_SUBJECT "\"subject_id\":{\"type\":\"null\"}"
#define A_TEXT     "{\"type\":\"string\"}"
static const struct schema limit_new_schema = {
	.name = "LimitNew",
	.size = sizeof(struct limit_new),
	.fields = limit_new_fields,
	.n_fields = N_ELEMENTS(limit_new_fields),
	.doc = "A new limit.",
	.rule = "\"if\":{\"properties\":{\"subject\":{\"const\":\"everyone\"}}},\"then\":{\"properties\":{" NO_SUBJECT
		"}},"
		"\"else\":{\"if\":{\"properties\":{\"subject\":{\"const\":\"model\"}}},"
		"\"then\":{\"properties\":{" NO_SUBJECT ",\"model\":" A_TEXT "},\"required\":[\"model\"]},"
		"\"else\":{\"properties\":{\"subject_id\":" A_TEXT "},\"required\":[\"subject_id\"]}}",
};
#undef NO_SUBJECT
#undef A_TEXT

struct limit_edit {
	int64_t amount;
};

static const struct field limit_patch_fields[] = {
	FIELD_I64(struct limit_edit, amount, "amount", 0, AMOUNT_MAX, FIELD_REQUIRED, "How much; 0 forbids."),
};
static const struct schema limit_patch_schema =
	SCHEMA("LimitPatch", struct limit_edit, limit_patch_fields, "Another amount; what is used stays.");

static struct limit_answer answer_of(struct request *q, const struct limit *l)
{
	struct limit_answer a = {.l = *l, .model = l->model && *l->model ? l->model : NULL};
	struct limit_state s;

	if (calls_limit_state(q->api->c.calls, l->id, &s)) {
		a.used = s.used;
		a.reserved = s.reserved;
		a.resets_at = s.resets_at;
	}
	return a;
}

/* All limits, or those of these ids. */
static int answer_limits(struct request *q, const atelier_id *ids, size_t n_ids)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	struct limit_list list = {0};
	size_t n = 0;
	int r = limits_list(c, &q->mem, &list, &q->err);

	if (r < 0)
		return r;
	struct limit_answer *items = ARENA_ARRAY(&q->mem, struct limit_answer, MAX(list.n, (size_t)1));
	if (!items)
		return request_no_memory(q);
	for (size_t i = 0; i < list.n; i++) {
		bool wanted = !ids;

		for (size_t k = 0; k < n_ids && !wanted; k++)
			wanted = ids[k] == list.items[i].id;
		if (wanted)
			items[n++] = answer_of(q, &list.items[i]);
	}
	return answer_list(q, items, n, NULL);
}

static int limits_get_all(struct request *q)
{
	return answer_limits(q, NULL, 0);
}

static int my_limits_get(struct request *q)
{
	atelier_id *ids = NULL;
	size_t n = 0;
	int r = calls_limits_of(q->api->c.calls, q->who.user.id, q->who.key_id, &q->mem, &ids, &n, &q->err);

	return r < 0 ? r : answer_limits(q, ids, n);
}

static int answer_limit(struct request *q, atelier_id id)
{
	struct limit_answer *out = ARENA_NEW(&q->mem, struct limit_answer);
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	struct limit l;
	int r = limits_get(c, id, &q->mem, &l, &q->err);

	if (r < 0)
		return r;
	if (!out)
		return request_no_memory(q);
	*out = answer_of(q, &l);
	q->answer = out;
	return 0;
}

static int check(struct request *q, const struct limit_new *in)
{
	bool model = strcmp(in->subject, "model") == 0, someone = !model && strcmp(in->subject, "everyone") != 0;

	if (someone && !in->subject_id)
		return err_field(&q->err, E_INVALID, "subject_id", "must say which %s the limit is for.", in->subject);
	if (!someone && in->subject_id)
		return err_field(&q->err, E_INVALID, "subject_id", "is only for a user, a group or a key.");
	if (model && !in->model)
		return err_field(&q->err, E_INVALID, "model", "must say which models the limit is for.");
	return 0;
}

static int limits_post(struct request *q)
{
	const struct limit_new *in = q->body;
	const struct limit l = {.subject = in->subject,
		.subject_id = in->subject_id,
		.model = in->model,
		.measure = in->measure,
		.period = in->period,
		.amount = in->amount};
	atelier_id id = 0;
	int r = check(q, in);

	if (r == 0)
		r = limits_create(q->api->c.db, &l, &id, &q->err);
	if (r == 0)
		r = calls_reload(q->api->c.calls, &q->err);
	return r < 0 ? r : answer_limit(q, id);
}

static int limit_patch(struct request *q)
{
	const struct limit_edit *in = q->body;
	int r = limits_set_amount(q->api->c.db, q->arg_id, in->amount, &q->err);

	if (r == 0)
		r = calls_reload(q->api->c.calls, &q->err);
	return r < 0 ? r : answer_limit(q, q->arg_id);
}

static int limit_delete(struct request *q)
{
	int r = limits_delete(q->api->c.db, q->arg_id, &q->err);

	return r < 0 ? r : calls_reload(q->api->c.calls, &q->err);
}

/* clang-format off */
static const struct route routes[] = {
	{"GET", V1 "/me/limits", "listMyLimits", my_limits_get, ACCESS_USER, .status = 200,
		.answer = &limit_list_schema, .summary = "The limits that bind the asker, as they stand."},
	{"GET", V1 "/limits", "listLimits", limits_get_all, ACCESS_ADMIN, .status = 200,
		.answer = &limit_list_schema, .summary = "All limits, as they stand."},
	{"POST", V1 "/limits", "createLimit", limits_post, ACCESS_ADMIN, .status = 201,
		.body = &limit_new_schema, .answer = &limit_schema,
		FAILS(E_CONFLICT, E_NOT_FOUND),
		.summary = "Set a limit; what its running window has seen counts."},
	{"PATCH", V1 "/limits/{id}", "updateLimit", limit_patch, ACCESS_ADMIN, .status = 200,
		.body = &limit_patch_schema, .answer = &limit_schema, .summary = "Change how much may be used."},
	{"DELETE", V1 "/limits/{id}", "deleteLimit", limit_delete, ACCESS_ADMIN, .status = 204,
		.summary = "Remove a limit."},
};
/* clang-format on */
const struct route_set limits_routes = ROUTES_CHANGING(routes, CHANGES(LIMITS));
