/* folders_api.c - folders and tags: how a person keeps conversations in order. */
#include "api/answer.h"
#include "api/bootstrap.h"
#include "api/request.h"
#include "store/conversations.h"
#include "store/folders.h"

#define NAME_MAX_N       100
#define INSTRUCTIONS_MAX 32768

#define F                struct folder
#define A_NAME           "Its name."
#define THE_INSTRUCTIONS "What models are told in all its conversations; empty: nothing."
static const struct field folder_fields[] = {
	FIELD_ID(F, id, "id", FIELD_REQUIRED, "Identifier."),
	FIELD_STR(F, name, "name", 0, 0, FIELD_REQUIRED, A_NAME),
	FIELD_TEXT(F, instructions, "instructions", 0, 0, FIELD_REQUIRED, THE_INSTRUCTIONS),
	FIELD_I64(F, count, "count", 0, 0, FIELD_REQUIRED, "Conversations in it, without those in the bin."),
	FIELD_TIME(F, created_at, "created_at", FIELD_REQUIRED, "When it was made."),
	FIELD_TIME(F, updated_at, "updated_at", FIELD_REQUIRED, "When it was changed."),
};
static const struct schema folder_schema = SCHEMA("Folder", F, folder_fields, "A place for conversations.");
LIST_FIELDS(folder_list, &folder_schema, "By name.");
const struct schema folder_list_schema =
	SCHEMA("FolderList", struct list_answer, folder_list_fields, "The own folders.");

static const struct field folder_new_fields[] = {
	FIELD_STR(F, name, "name", 1, NAME_MAX_N, FIELD_REQUIRED, A_NAME),
	FIELD_TEXT(F, instructions, "instructions", 0, INSTRUCTIONS_MAX, 0, THE_INSTRUCTIONS),
};
static const struct schema folder_new_schema = SCHEMA("FolderNew", F, folder_new_fields, "A new folder.");
static const struct field folder_patch_fields[] = {
	FIELD_STR(F, name, "name", 1, NAME_MAX_N, 0, A_NAME),
	FIELD_TEXT(F, instructions, "instructions", 0, INSTRUCTIONS_MAX, 0, THE_INSTRUCTIONS),
};
static const struct schema folder_patch_schema =
	SCHEMA("FolderPatch", F, folder_patch_fields, "What to change; the rest stays.");
#undef F

static const struct field tag_fields[] = {
	FIELD_STR(struct tag_count, name, "name", 0, 0, FIELD_REQUIRED, "The tag."),
	FIELD_I64(struct tag_count, count, "count", 0, 0, FIELD_REQUIRED, "Conversations that have it."),
};
static const struct schema tag_schema = SCHEMA("Tag", struct tag_count, tag_fields, "A tag that is in use.");
LIST_SCHEMA(tag_list_schema, "TagList", &tag_schema, "By name.", "The tags of the own conversations.");

int folders_all(struct request *q, struct list_answer *ret)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	struct folder_list l = {0};
	int r = folders_list(c, q->who.user.id, &q->mem, &l, &q->err);

	*ret = (struct list_answer){.items = {l.items, l.n}};
	return r;
}

static int folders_get_all(struct request *q)
{
	struct list_answer l;
	int r = folders_all(q, &l);

	return r < 0 ? r : answer_list(q, l.items.items, l.items.n, NULL);
}

static int answer_folder(struct request *q, atelier_id id)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	struct folder *out = ARENA_NEW(&q->mem, struct folder);

	q->answer = out;
	return out ? folders_get(c, q->who.user.id, id, &q->mem, out, &q->err) : request_no_memory(q);
}

static void tell(struct request *q, atelier_id id, const char *what)
{
	bus_publish(q->api->c.bus, &(struct bus_event){BUS_FOLDER, what, q->who.user.id, id, 0});
}

static int folders_post(struct request *q)
{
	struct folder f = {.instructions = ""};
	atelier_id id;
	int r;

	request_apply(q, &f);
	f.user_id = q->who.user.id;
	r = folders_create(q->api->c.db, &f, &id, &q->err);
	if (r < 0)
		return r;
	tell(q, id, "created");
	return answer_folder(q, id);
}

static int folder_get(struct request *q)
{
	return answer_folder(q, q->arg_id);
}

static int folder_patch(struct request *q)
{
	const struct rows_edit edit = {q->arg_id, request_edit, q, &q->mem};
	struct folder f;
	int r = folders_edit(q->api->c.db, q->who.user.id, &edit, &f, &q->err);

	if (r < 0)
		return r;
	tell(q, q->arg_id, "updated");
	return answer_folder(q, q->arg_id);
}

static int folder_delete(struct request *q)
{
	int r = folders_delete(q->api->c.db, q->who.user.id, q->arg_id, &q->err);

	if (r == 0)
		tell(q, q->arg_id, "deleted");
	return r;
}

static int tags_get_all(struct request *q)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	struct tag_count *items = NULL;
	size_t n = 0;
	int r = conversations_tags(c, q->who.user.id, &q->mem, &items, &n, &q->err);

	return r < 0 ? r : answer_list(q, items, n, NULL);
}

/* clang-format off */
static const struct route routes[] = {
	{"GET", V1 "/folders", "listFolders", folders_get_all, ACCESS_USER, .status = 200,
		.answer = &folder_list_schema, .summary = "The own folders."},
	{"POST", V1 "/folders", "createFolder", folders_post, ACCESS_USER, .status = 201,
		.body = &folder_new_schema, .answer = &folder_schema, FAILS(E_CONFLICT), .summary = "Make a folder."},
	{"GET", V1 "/folders/{id}", "getFolder", folder_get, ACCESS_USER, .status = 200,
		.answer = &folder_schema, .summary = "One folder."},
	{"PATCH", V1 "/folders/{id}", "updateFolder", folder_patch, ACCESS_USER, .status = 200,
		.body = &folder_patch_schema, .answer = &folder_schema, FAILS(E_CONFLICT), .summary = "Change a folder."},
	{"DELETE", V1 "/folders/{id}", "deleteFolder", folder_delete, ACCESS_USER, .status = 204,
		.summary = "Delete a folder; its conversations stay."},
	{"GET", V1 "/tags", "listTags", tags_get_all, ACCESS_USER, .status = 200,
		.answer = &tag_list_schema, .summary = "The tags of the own conversations."},
};
/* clang-format on */
const struct route_set folders_routes = ROUTES(routes);
