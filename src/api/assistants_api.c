/* assistants_api.c - assistants: saved ways to answer, one's own and those that others share. */
#include <errno.h>

#include "api/bootstrap.h"
#include "api/shared.h"
#include "provider/parameters.h"
#include "store/assistants.h"
#include "store/images.h"

#define NAME_MAX_N       60
#define INSTRUCTIONS_MAX 65536
#define STARTERS_MAX     8

struct assistant_body {
	struct assistant a;
	const char *may;
	bool is_default;
	struct parameters parameters;
	struct schema_list starters;
};

enum {
	GIVEN_NAME = 1,
	GIVEN_DESCRIPTION = 2,
	GIVEN_EMOJI = 4,
	GIVEN_MODEL = 8,
	GIVEN_INSTRUCTIONS = 16,
	GIVEN_PARAMETERS = 32,
	GIVEN_STARTERS = 64,
	GIVEN_IMAGE = 128,
};

#define B struct assistant_body
static const struct field starter_item = {.type = FT_TEXT, .min = 1, .max = 500};
#define A_STARTER .item = &starter_item, .doc = "Questions to begin with."
static const struct field assistant_fields[] = {
	FIELD_ID(B, a.id, "id", FIELD_REQUIRED, "Identifier."),
	FIELD_STR(B, a.name, "name", 0, 0, FIELD_REQUIRED, "Its name."),
	FIELD_TEXT(B, a.description, "description", 0, 0, FIELD_REQUIRED, "What it is for."),
	FIELD_STR(B, a.emoji, "emoji", 0, 0, FIELD_REQUIRED, "Its sign; empty: none."),
	FIELD_ID(B, a.image_id, "image_id", 0, "Its picture; null: none."),
	FIELD_STR(B, a.model, "model", 0, 0, 0, "Id of the model that answers; null: the conversation's."),
	FIELD_TEXT(B, a.instructions, "instructions", 0, 0, FIELD_REQUIRED, "What the model is told."),
	FIELD_OBJECT(B, parameters, "parameters", &parameters_schema, FIELD_REQUIRED, "How its answers are made."),
	FIELD(FT_STRS, B, starters, "starters", .flags = FIELD_REQUIRED, A_STARTER),
	FIELD_STR(B, a.owner, "owner", 0, 0, 0, "User name of whose it is."),
	FIELD_ENUM(B, may, "may", SHARED_MAY, FIELD_REQUIRED, "What whoever asks may do with it."),
	FIELD_BOOL(B, a.shared, "shared", FIELD_REQUIRED, "Whether others have it, too."),
	FIELD_BOOL(B, is_default, "is_default", FIELD_REQUIRED,
		"Whether conversations of whoever asks begin with it: their own choice, else that of the instance."),
	FIELD_I64(B, a.version, "version", 0, 0, FIELD_REQUIRED, "More with each change."),
	FIELD_TIME(B, a.created_at, "created_at", FIELD_REQUIRED, "When it was made."),
	FIELD_TIME(B, a.updated_at, "updated_at", FIELD_REQUIRED, "When it was changed."),
};
static const struct schema assistant_schema = SCHEMA("Assistant", B, assistant_fields, "A saved way to answer.");
LIST_FIELDS(assistant_list, &assistant_schema, "By name.");
const struct schema assistant_list_schema =
	SCHEMA("AssistantList", struct list_answer, assistant_list_fields, "The own assistants and shared ones.");

#define EDIT_FIELDS(required)                                                                                          \
	FIELD_STR(B, a.name, "name", 1, NAME_MAX_N, required, "Its name, unlike those of the own others."),            \
		FIELD_TEXT(B, a.description, "description", 0, 1000, 0, "What it is for."),                            \
		FIELD_STR(B, a.emoji, "emoji", 0, 16, 0, "Its sign."),                                                 \
		FIELD_STR(B, a.model, "model", 0, 200, 0, "Id of the model; empty: the conversation's."),              \
		FIELD_TEXT(B, a.instructions, "instructions", 0, INSTRUCTIONS_MAX, 0,                                  \
			"What the model is told; {{user}}, {{date}} and {{language}} are filled in."),                 \
		FIELD_OBJECT(B, parameters, "parameters", &parameters_schema, 0, "How its answers are made."),         \
		FIELD(FT_STRS, B, starters, "starters", .max = STARTERS_MAX, A_STARTER),                               \
		FIELD_ID(B, a.image_id, "image_id", FIELD_NULL, "A picture of `POST /images`; null: none.")
static const struct field new_fields[] = {EDIT_FIELDS(FIELD_REQUIRED)};
static const struct field patch_fields[] = {EDIT_FIELDS(0)};
static const struct schema new_schema = SCHEMA("AssistantNew", B, new_fields, "A new assistant.");
static const struct schema patch_schema = SCHEMA("AssistantPatch", B, patch_fields, "What to change; the rest stays.");
#undef B

struct version_answer {
	struct assistant_version v;
	struct parameters parameters;
	struct schema_list starters;
};

#define V struct version_answer
static const struct field version_fields[] = {
	FIELD_I64(V, v.version, "version", 0, 0, FIELD_REQUIRED, "Its number."),
	FIELD_TIME(V, v.created_at, "created_at", FIELD_REQUIRED, "Since when it was so."),
	FIELD_ID(V, v.user_id, "user_id", 0, "Who made it so; null: is gone."),
	FIELD_STR(V, v.name, "name", 0, 0, FIELD_REQUIRED, "As of an assistant, as all that follows."),
	FIELD_TEXT(V, v.description, "description", 0, 0, FIELD_REQUIRED, "What it is for."),
	FIELD_STR(V, v.emoji, "emoji", 0, 0, FIELD_REQUIRED, "Its sign."),
	FIELD_ID(V, v.image_id, "image_id", 0, "Its picture; null: none."),
	FIELD_STR(V, v.model, "model", 0, 0, FIELD_REQUIRED, "Its model; empty: the conversation's."),
	FIELD_TEXT(V, v.instructions, "instructions", 0, 0, FIELD_REQUIRED, "What the model is told."),
	FIELD_OBJECT(V, parameters, "parameters", &parameters_schema, FIELD_REQUIRED, "How its answers are made."),
	FIELD(FT_STRS, V, starters, "starters", .flags = FIELD_REQUIRED, A_STARTER),
};
static const struct schema version_schema = SCHEMA("AssistantVersion", V, version_fields, "What an assistant was.");
#undef V
LIST_SCHEMA(version_list_schema, "AssistantVersions", &version_schema, "The newest first.", "What an assistant was.");

/* ---- between rows and bodies ---- */

static int read_starters(struct request *q, const char *json, struct schema_list *ret)
{
	CLEANUP(json_decrefp) json_t *list = NULL;
	int r = json_parse(json, strlen(json), &list, &q->err);
	size_t n = json_array_size(list);
	const char **items = ARENA_ARRAY(&q->mem, const char *, n + 1);

	for (size_t i = 0; r == 0 && items && i < n; i++)
		items[i] = arena_strdup(&q->mem, json_string_value(json_array_get(list, i)));
	*ret = (struct schema_list){items, n};
	return r < 0 ? r : items ? 0 : request_no_memory(q);
}

static const char *write_starters(struct request *q, const struct schema_list *list)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(REQUEST_MEMORY);

	for (size_t i = 0; i < list->n; i++) {
		buf_add_char(&b, i ? ',' : '[');
		json_add_cstr(&b, ((const char *const *)list->items)[i]);
	}
	buf_add_str(&b, list->n ? "]" : "[]");
	return buf_status(&b) < 0 ? NULL : arena_strndup(&q->mem, b.p, b.n);
}

static int body_of(struct request *q, const struct assistant *a, atelier_id default_id, struct assistant_body *ret)
{
	int r;

	*ret = (struct assistant_body){
		.a = *a, .may = shared_may(q, a->user_id, a->may), .is_default = a->id == default_id};
	if (!*a->model)
		ret->a.model = NULL;
	r = parameters_read(a->parameters, &q->mem, &ret->parameters, &q->err);
	return r < 0 ? r : read_starters(q, a->starters, &ret->starters);
}

static int edit(void *row, void *arg, struct err *e)
{
	struct request *q = arg;
	struct assistant_body *in = q->body;
	struct assistant *a = row;
	uint64_t given = q->given;

	parameters_settle(&in->parameters);
	a->name = given & GIVEN_NAME ? in->a.name : a->name;
	a->description = given & GIVEN_DESCRIPTION ? in->a.description : a->description;
	a->emoji = given & GIVEN_EMOJI ? in->a.emoji : a->emoji;
	a->image_id = given & GIVEN_IMAGE ? in->a.image_id : a->image_id;
	a->model = given & GIVEN_MODEL ? in->a.model : a->model;
	a->instructions = given & GIVEN_INSTRUCTIONS ? in->a.instructions : a->instructions;
	if (given & GIVEN_PARAMETERS)
		a->parameters = parameters_write(&in->parameters, &q->mem);
	if (given & GIVEN_STARTERS)
		a->starters = write_starters(q, &in->starters);
	return a->parameters && a->starters ? 0 : err_set(e, -ENOMEM, "no memory left for an assistant");
}

static int answer_assistant(struct request *q, atelier_id id)
{
	struct assistant_body *out = ARENA_NEW(&q->mem, struct assistant_body);
	struct assistant a;
	atelier_id default_id = 0;
	int r;

	if (!out)
		return request_no_memory(q);
	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
		r = assistants_get(c, q->who.user.id, id, GRANT_READ, &q->mem, &a, &q->err);
		if (r == 0)
			r = assistants_default(c, q->who.user.id, &q->mem, &default_id, &q->err);
	}
	q->answer = out;
	return r < 0 ? r : body_of(q, &a, default_id, out);
}

static void tell(struct request *q, atelier_id id, const char *what)
{
	bus_publish(q->api->c.bus, &(struct bus_event){BUS_ASSISTANT, what, q->who.user.id, id, 0});
}

/* ---- handlers ---- */

int assistants_all(struct request *q, struct list_answer *ret)
{
	struct assistant_list l = {0};
	atelier_id default_id = 0;
	int r;

	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
		r = assistants_list(c, q->who.user.id, &q->mem, &l, &q->err);
		if (r == 0)
			r = assistants_default(c, q->who.user.id, &q->mem, &default_id, &q->err);
	}
	struct assistant_body *items = ARENA_ARRAY(&q->mem, struct assistant_body, l.n + 1);
	if (!items)
		return request_no_memory(q);
	for (size_t i = 0; r == 0 && i < l.n; i++)
		r = body_of(q, &l.items[i], default_id, &items[i]);
	*ret = (struct list_answer){.items = {items, l.n}};
	return r;
}

static int assistants_get_all(struct request *q)
{
	struct list_answer l = {0};
	int r = assistants_all(q, &l);

	return r < 0 ? r : answer_list(q, l.items.items, l.items.n, NULL);
}

static int create(struct request *q, struct assistant *a)
{
	atelier_id id;
	int r;

	a->user_id = q->who.user.id;
	a->version = 1;
	r = assistants_create(q->api->c.db, a, &id, &q->err);
	if (r < 0)
		return r;
	tell(q, id, "created");
	return answer_assistant(q, id);
}

/* A picture that others will see has to be one's own to show. */
static int check_image(struct request *q)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	const struct assistant_body *in = q->body;
	struct image_row image;

	return in->a.image_id ? images_get(c, q->who.user.id, in->a.image_id, &q->mem, &image, &q->err) : 0;
}

static int assistants_post(struct request *q)
{
	struct assistant a = {
		.description = "", .emoji = "", .model = "", .instructions = "", .parameters = "{}", .starters = "[]"};
	int r = check_image(q);

	if (r == 0)
		r = edit(&a, q, &q->err);
	return r < 0 ? r : create(q, &a);
}

static int assistant_get(struct request *q)
{
	return answer_assistant(q, q->arg_id);
}

static int change(struct request *q, int (*fn)(void *row, void *arg, struct err *e), void *arg)
{
	const struct rows_edit x = {q->arg_id, fn, arg, &q->mem};
	struct assistant a;
	int r = assistants_edit(q->api->c.db, q->who.user.id, &x, &a, &q->err);

	if (r < 0)
		return r;
	tell(q, q->arg_id, "updated");
	return answer_assistant(q, q->arg_id);
}

static int assistant_patch(struct request *q)
{
	int r = check_image(q);

	return r < 0 ? r : change(q, edit, q);
}

static int assistant_delete(struct request *q)
{
	int r = assistants_delete(q->api->c.db, q->who.user.id, q->arg_id, &q->err);

	if (r == 0)
		tell(q, q->arg_id, "deleted");
	return r;
}

/* A copy of what one may read is one's own. Its name is the first free one of "NAME 2", "NAME 3" ... */
static int duplicate_post(struct request *q)
{
	struct assistant a;
	const char *name;
	int r;

	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
		r = assistants_get(c, q->who.user.id, q->arg_id, GRANT_READ, &q->mem, &a, &q->err);
	}
	name = a.name;
	for (int i = 2; r == 0 && i < 100; i++) {
		a.name = arena_printf(&q->mem, "%.*s %d", NAME_MAX_N, name, i);
		if (!a.name)
			return request_no_memory(q);
		r = create(q, &a);
		if (r != E_CONFLICT)
			return r;
		err_clear(&q->err);
		r = 0;
	}
	return r < 0 ? r : err_set(&q->err, E_CONFLICT, "There are too many copies of this assistant already.");
}

static int load_versions(struct request *q, struct assistant_versions *ret)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);

	return assistants_versions(c, q->who.user.id, q->arg_id, &q->mem, ret, &q->err);
}

static int versions_get_all(struct request *q)
{
	struct assistant_versions l = {0};
	int r = load_versions(q, &l);
	struct version_answer *items = ARENA_ARRAY(&q->mem, struct version_answer, l.n + 1);

	if (!items)
		return request_no_memory(q);
	for (size_t i = 0; r == 0 && i < l.n; i++) {
		items[i] = (struct version_answer){.v = l.items[i]};
		r = parameters_read(l.items[i].parameters, &q->mem, &items[i].parameters, &q->err);
		if (r == 0)
			r = read_starters(q, l.items[i].starters, &items[i].starters);
	}
	return r < 0 ? r : answer_list(q, items, l.n, NULL);
}

static int make_as(void *row, void *arg, struct err *e UNUSED)
{
	const struct assistant_version *v = arg;
	struct assistant *a = row;

	a->name = v->name;
	a->description = v->description;
	a->emoji = v->emoji;
	a->image_id = v->image_id;
	a->model = v->model;
	a->instructions = v->instructions;
	a->parameters = v->parameters;
	a->starters = v->starters;
	return 0;
}

static int rollback_post(struct request *q)
{
	const struct rollback *in = q->body;
	struct assistant_versions l = {0};
	int r = load_versions(q, &l);

	for (size_t i = 0; r == 0 && i < l.n; i++)
		if (l.items[i].version == in->version)
			return change(q, make_as, &l.items[i]);
	return r < 0 ? r : err_set(&q->err, E_NOT_FOUND, "There is no such version.");
}

struct default_edit {
	atelier_id assistant_id;
	const char *scope;
};
static const struct field default_fields[] = {
	FIELD_ID(struct default_edit, assistant_id, "assistant_id", 0, "One that may be used; null: none."),
	FIELD_ENUM(struct default_edit, scope, "scope", "user instance", FIELD_REQUIRED,
		"For whoever asks, or (administrators) for all who have not chosen and may use it."),
};
static const struct schema default_schema =
	SCHEMA("DefaultAssistant", struct default_edit, default_fields, "With which assistant conversations begin.");

static int check_usable(struct request *q, atelier_id id)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	struct assistant a;

	return assistants_get(c, q->who.user.id, id, GRANT_USE, &q->mem, &a, &q->err);
}

static int default_put(struct request *q)
{
	const struct default_edit *in = q->body;
	bool for_all = strcmp(in->scope, "instance") == 0;
	int r = 0;

	if (for_all && !user_is_admin(&q->who.user))
		return err_set(&q->err, E_FORBIDDEN, "Only an administrator chooses for all.");
	if (in->assistant_id)
		r = check_usable(q, in->assistant_id);
	if (r == 0)
		r = assistants_set_default(q->api->c.db, for_all ? 0 : q->who.user.id, in->assistant_id, &q->err);
	if (r == 0 && in->assistant_id)
		tell(q, in->assistant_id, "updated");
	return r;
}

/* Who has it is its owner's affair. */
static int check_owner(struct request *q)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	struct assistant a;
	int r = assistants_get(c, q->who.user.id, q->arg_id, GRANT_READ, &q->mem, &a, &q->err);

	if (r == 0 && a.user_id != q->who.user.id)
		r = err_set(&q->err, E_FORBIDDEN, "Only its owner says who has this assistant.");
	return r;
}

static int grants_get(struct request *q)
{
	int r = check_owner(q);

	return r < 0 ? r : answer_shared(q, &(struct grant_place){.kind = "assistant", .id = q->arg_id});
}

static int grants_put(struct request *q)
{
	int r = check_owner(q);

	return r < 0 ? r : set_shared(q, &(struct grant_place){.kind = "assistant", .id = q->arg_id});
}

#define A V1 "/assistants"
/* clang-format off */
static const struct route routes[] = {
	{"GET", A, "listAssistants", assistants_get_all, ACCESS_USER, .status = 200,
		.answer = &assistant_list_schema, .summary = "The own assistants, and those that others share."},
	{"POST", A, "createAssistant", assistants_post, ACCESS_USER, .status = 201,
		.body = &new_schema, .answer = &assistant_schema, FAILS(E_NOT_FOUND, E_CONFLICT),
		.summary = "Make an assistant."},
	{"PUT", A "/default", "setDefaultAssistant", default_put, ACCESS_USER, .status = 204,
		.body = &default_schema, SHORT_BODY, FAILS(E_NOT_FOUND),
		.summary = "Choose the assistant with which conversations begin that are made without model and assistant."},
	{"GET", A "/{id}", "getAssistant", assistant_get, ACCESS_USER, .status = 200,
		.answer = &assistant_schema, .summary = "One assistant."},
	{"PATCH", A "/{id}", "updateAssistant", assistant_patch, ACCESS_USER, .status = 200,
		.body = &patch_schema, .answer = &assistant_schema, FAILS(E_CONFLICT), .summary = "Change an assistant."},
	{"DELETE", A "/{id}", "deleteAssistant", assistant_delete, ACCESS_USER, .status = 204,
		.summary = "Delete an own assistant; conversations go on without it."},
	{"POST", A "/{id}/duplicate", "duplicateAssistant", duplicate_post, ACCESS_USER, .status = 201,
		.answer = &assistant_schema, FAILS(E_CONFLICT), .summary = "Make an own copy of it."},
	{"GET", A "/{id}/versions", "listAssistantVersions", versions_get_all, ACCESS_USER, .status = 200,
		.answer = &version_list_schema, .summary = "What it was, and is; for who may edit it."},
	{"POST", A "/{id}/rollback", "rollBackAssistant", rollback_post, ACCESS_USER, .status = 200,
		.body = &rollback_schema, SHORT_BODY, .answer = &assistant_schema, FAILS(E_CONFLICT),
		.summary = "Make it what it was."},
	{"GET", A "/{id}/grants", "listAssistantGrants", grants_get, ACCESS_USER, .status = 200,
		.answer = &shared_grants_schema, .summary = "Who has it beside its owner."},
	{"PUT", A "/{id}/grants", "setAssistantGrants", grants_put, ACCESS_USER, .status = 200,
		.body = &shared_grants_edit_schema, .answer = &shared_grants_schema, FAILS(E_CONFLICT),
		.summary = "Say who has it."},
};
/* clang-format on */
const struct route_set assistants_routes = ROUTES(routes);
