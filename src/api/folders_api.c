/* folders_api.c - folders and tags: how a person keeps conversations in order. */
#include "api/answer.h"
#include "api/bootstrap.h"
#include "api/shared.h"
#include "store/conversations.h"
#include "store/folders.h"

#define NAME_MAX_N       100
#define INSTRUCTIONS_MAX 32768

#define A_NAME           "Its name."
#define THE_INSTRUCTIONS "What models are told in all its conversations; empty: nothing."
struct folder_answer {
	struct folder f;
	const char *may;
};

#define A struct folder_answer
static const struct field folder_fields[] = {
	FIELD_ID(A, f.id, "id", FIELD_REQUIRED, "Identifier."),
	FIELD_STR(A, f.name, "name", 0, 0, FIELD_REQUIRED, A_NAME),
	FIELD_TEXT(A, f.instructions, "instructions", 0, 0, FIELD_REQUIRED, THE_INSTRUCTIONS),
	FIELD_I64(A, f.count, "count", 0, 0, FIELD_REQUIRED, "Own conversations in it, without those in the bin."),
	FIELD_STR(A, f.owner, "owner", 0, 0, FIELD_REQUIRED, "User name of whose it is."),
	FIELD_ENUM(A, may, "may", SHARED_MAY, FIELD_REQUIRED, "What whoever asks may do with it."),
	FIELD_BOOL(A, f.shared, "shared", FIELD_REQUIRED, "Whether others have it, too."),
	FIELD_TIME(A, f.created_at, "created_at", FIELD_REQUIRED, "When it was made."),
	FIELD_TIME(A, f.updated_at, "updated_at", FIELD_REQUIRED, "When it was changed."),
};
#undef A
static const struct schema folder_schema =
	SCHEMA("Folder", struct folder_answer, folder_fields, "A place for conversations.");
LIST_FIELDS(folder_list, &folder_schema, "By name.");
const struct schema folder_list_schema =
	SCHEMA("FolderList", struct list_answer, folder_list_fields, "The own folders, and those that others share.");

#define F struct folder
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

static struct folder_answer answer_of(const struct request *q, const struct folder *f)
{
	return (struct folder_answer){*f, shared_may(q, f->user_id, f->may)};
}

int folders_all(struct request *q, struct list_answer *ret)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	struct folder_list l = {0};
	int r = folders_list(c, q->who.user.id, &q->mem, &l, &q->err);
	struct folder_answer *items = ARENA_ARRAY(&q->mem, struct folder_answer, l.n + 1);

	if (r == 0 && !items)
		r = request_no_memory(q);
	for (size_t i = 0; r == 0 && i < l.n; i++)
		items[i] = answer_of(q, &l.items[i]);
	*ret = (struct list_answer){.items = {items, r == 0 ? l.n : 0}};
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
	struct folder_answer *out = ARENA_NEW(&q->mem, struct folder_answer);
	struct folder f = {0};
	int r = folders_get(c, q->who.user.id, id, GRANT_READ, &q->mem, &f, &q->err);

	if (r < 0)
		return r;
	if (!out)
		return request_no_memory(q);
	*out = answer_of(q, &f);
	q->answer = out;
	return 0;
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
	r = shared_create(&folders_kind, q->api->c.db, &f, &id, &q->err);
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
	int r = shared_edit(&folders_kind, q->api->c.db, q->who.user.id, &edit, &f, &q->err);

	if (r < 0)
		return r;
	tell(q, q->arg_id, "updated");
	return answer_folder(q, q->arg_id);
}

static int folder_delete(struct request *q)
{
	int r = shared_delete(&folders_kind, q->api->c.db, q->who.user.id, q->arg_id, &q->err);

	if (r == 0)
		tell(q, q->arg_id, "deleted");
	return r;
}

/* For its grants: a folder counts what is in it, so that all else has a way of its own. */
static const struct shared_resource folders = {.kind = &folders_kind,
	.bus = BUS_FOLDER,
	.word = "folder",
	.row = sizeof(struct folder),
	.body = sizeof(struct folder_answer)};

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
		.answer = &folder_list_schema, .summary = "The own folders, and those that others share."},
	{"POST", V1 "/folders", "createFolder", folders_post, ACCESS_USER, .status = 201,
		.body = &folder_new_schema, .answer = &folder_schema, FAILS(E_CONFLICT), .summary = "Make a folder."},
	{"GET", V1 "/folders/{id}", "getFolder", folder_get, ACCESS_USER, .status = 200,
		.answer = &folder_schema, .summary = "One folder."},
	{"PATCH", V1 "/folders/{id}", "updateFolder", folder_patch, ACCESS_USER, .status = 200,
		.body = &folder_patch_schema, .answer = &folder_schema, FAILS(E_CONFLICT), .summary = "Change a folder."},
	{"DELETE", V1 "/folders/{id}", "deleteFolder", folder_delete, ACCESS_USER, .status = 204,
		.summary = "Delete a folder; its conversations stay."},
	{"GET", V1 "/folders/{id}/grants", "listFolderGrants", shared_get_grants, ACCESS_USER, .status = 200,
		.shared = &folders,
		.answer = &shared_grants_schema, .summary = "Who has it beside its owner."},
	{"PUT", V1 "/folders/{id}/grants", "setFolderGrants", shared_put_grants, ACCESS_USER, .status = 200,
		.shared = &folders,
		.body = &shared_grants_edit_schema, .answer = &shared_grants_schema, FAILS(E_CONFLICT),
		.summary = "Say who may read it, use it for their own conversations, or edit it."},
	{"GET", V1 "/tags", "listTags", tags_get_all, ACCESS_USER, .status = 200,
		.answer = &tag_list_schema, .summary = "The tags of the own conversations."},
};
/* clang-format on */
const struct route_set folders_routes = ROUTES(routes);
