/* memories_api.c - what models are told of a person: a list that they alone see and write. */
#include "api/answer.h"
#include "api/request.h"
#include "store/memories.h"

#define TEXT_MAX 500

#define M struct memory
static const struct field memory_fields[] = {
	FIELD_ID(M, id, "id", FIELD_REQUIRED, "Identifier."),
	FIELD_TEXT(M, text, "text", 0, 0, FIELD_REQUIRED, "What models are told."),
	FIELD_TIME(M, created_at, "created_at", FIELD_REQUIRED, "When it was written."),
	FIELD_TIME(M, updated_at, "updated_at", FIELD_REQUIRED, "When it was changed."),
};
static const struct schema memory_schema = SCHEMA("Memory", M, memory_fields, "A fact about a person.");
LIST_SCHEMA(memory_list_schema, "MemoryList", &memory_schema, "In the order of making.", "The own memories.");

static const struct field edit_fields[] = {
	FIELD(FT_TEXT, M, text, "text", .min = 1, .max = TEXT_MAX, .flags = FIELD_REQUIRED, .pattern = "[^ \t\r\n\f\v]",
		.hint = "more than blanks", .doc = "What models are told."),
};
static const struct schema edit_schema = SCHEMA("MemoryEdit", M, edit_fields, "A fact about a person.");
#undef M

struct memory_settings {
	bool enabled;
};
static const struct field settings_fields[] = {
	FIELD_BOOL(struct memory_settings, enabled, "enabled", FIELD_REQUIRED,
		"Whether models are told; false until the person says so."),
};
static const struct schema settings_schema =
	SCHEMA("MemorySettings", struct memory_settings, settings_fields, "What is done with the own memories.");

static int memories_get_all(struct request *q)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	struct memory_list l = {0};
	int r = memories_list(c, q->who.user.id, &q->mem, &l, &q->err);

	return r < 0 ? r : answer_list(q, l.items, l.n, NULL);
}

static int answer_memory(struct request *q, atelier_id id)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	struct memory *out = ARENA_NEW(&q->mem, struct memory);

	q->answer = out;
	return out ? memories_get(c, q->who.user.id, id, &q->mem, out, &q->err) : request_no_memory(q);
}

static int memories_post(struct request *q)
{
	struct memory *in = q->body;
	atelier_id id = 0;
	int r;

	in->user_id = q->who.user.id;
	r = memories_create(q->api->c.db, in, &id, &q->err);
	return r < 0 ? r : answer_memory(q, id);
}

static int memory_get(struct request *q)
{
	return answer_memory(q, q->arg_id);
}

static int memory_patch(struct request *q)
{
	struct memory *in = q->body;
	int r;

	in->user_id = q->who.user.id;
	in->id = q->arg_id;
	r = memories_set(q->api->c.db, in, &q->err);
	return r < 0 ? r : answer_memory(q, q->arg_id);
}

static int memory_delete(struct request *q)
{
	return memories_delete(q->api->c.db, q->who.user.id, q->arg_id, &q->err);
}

static int settings_get(struct request *q)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	struct memory_settings *out = ARENA_NEW(&q->mem, struct memory_settings);

	q->answer = out;
	return out ? memories_enabled(c, q->who.user.id, &out->enabled, &q->err) : request_no_memory(q);
}

static int settings_put(struct request *q)
{
	const struct memory_settings *in = q->body;
	int r = memories_enable(q->api->c.db, q->who.user.id, in->enabled, &q->err);

	return r < 0 ? r : settings_get(q);
}

#define M V1 "/memories"
/* clang-format off */
static const struct route routes[] = {
	{"GET", M, "listMemories", memories_get_all, ACCESS_USER, .status = 200,
		.answer = &memory_list_schema, .summary = "What models are told of whoever asks, when that is on."},
	{"POST", M, "createMemory", memories_post, ACCESS_USER, .status = 201,
		.body = &edit_schema, SHORT_BODY, .answer = &memory_schema, FAILS(E_CONFLICT), .summary = "Add a memory."},
	{"GET", M "/settings", "getMemorySettings", settings_get, ACCESS_USER, .status = 200,
		.answer = &settings_schema, .summary = "Whether models are told."},
	{"PUT", M "/settings", "setMemorySettings", settings_put, ACCESS_USER, .status = 200,
		.body = &settings_schema, SHORT_BODY, .answer = &settings_schema, .summary = "Say whether models are told."},
	{"GET", M "/{id}", "getMemory", memory_get, ACCESS_USER, .status = 200,
		.answer = &memory_schema, .summary = "One memory."},
	{"PATCH", M "/{id}", "updateMemory", memory_patch, ACCESS_USER, .status = 200,
		.body = &edit_schema, SHORT_BODY, .answer = &memory_schema, .summary = "Change a memory."},
	{"DELETE", M "/{id}", "deleteMemory", memory_delete, ACCESS_USER, .status = 204, .summary = "Delete a memory."},
};
/* clang-format on */
const struct route_set memories_routes = ROUTES(routes);
