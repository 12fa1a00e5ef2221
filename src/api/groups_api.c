/* groups_api.c - groups of people, for administrators: what limits of a group bind. */
#include "api/answer.h"
#include "api/request.h"
#include "store/groups.h"

#define NAME_MAX_BYTES 80
#define MEMBERS_MAX    10000

static const struct field member_fields[] = {
	FIELD_ID(struct group_member, id, "id", FIELD_REQUIRED, "The user."),
	FIELD_STR(struct group_member, username, "username", 0, 0, FIELD_REQUIRED, "Name to sign in with."),
};
static const struct schema member_schema =
	SCHEMA("GroupMember", struct group_member, member_fields, "A member of a group.");

struct group_answer {
	struct group g;
	struct schema_list members;
};

static const struct field group_fields[] = {
	FIELD_ID(struct group_answer, g.id, "id", FIELD_REQUIRED, "Identifier."),
	FIELD_STR(struct group_answer, g.name, "name", 0, 0, FIELD_REQUIRED, "Its name."),
	FIELD_TIME(struct group_answer, g.created_at, "created_at", FIELD_REQUIRED, "When it was made."),
	FIELD_LIST(struct group_answer, members, "members", &member_schema, 0, FIELD_REQUIRED, "By name."),
};
static const struct schema group_schema = SCHEMA("Group", struct group_answer, group_fields, "Some people.");

LIST_SCHEMA(group_list_schema, "GroupList", &group_schema, "By name.", "All groups.");

struct group_new {
	const char *name;
};

static const struct field group_new_fields[] = {
	FIELD_STR(struct group_new, name, "name", 1, NAME_MAX_BYTES, FIELD_REQUIRED, "Its name."),
};
static const struct schema group_new_schema =
	SCHEMA("GroupNew", struct group_new, group_new_fields, "The name of a group.");

struct group_members {
	struct schema_list user_ids;
};

static const struct field member_item = {.type = FT_ID};
static const struct field group_members_fields[] = {
	FIELD(FT_STRS, struct group_members, user_ids, "user_ids", .flags = FIELD_REQUIRED, .max = MEMBERS_MAX,
		.item = &member_item, .doc = "Identifiers of all who shall be in it."),
};
static const struct schema group_members_schema =
	SCHEMA("GroupMembers", struct group_members, group_members_fields, "Who is in a group.");

static struct group_answer answer_of(const struct group *g)
{
	return (struct group_answer){*g, {g->members, g->n_members}};
}

static int answer_group(struct request *q, atelier_id id)
{
	struct group_answer *out = ARENA_NEW(&q->mem, struct group_answer);
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	struct group g;
	int r = groups_get(c, id, &q->mem, &g, &q->err);

	if (r < 0)
		return r;
	if (!out)
		return request_no_memory(q);
	*out = answer_of(&g);
	q->answer = out;
	return 0;
}

static int groups_get_all(struct request *q)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	struct group_list list = {0};
	int r = groups_list(c, &q->mem, &list, &q->err);

	if (r < 0)
		return r;
	struct group_answer *items = ARENA_ARRAY(&q->mem, struct group_answer, MAX(list.n, (size_t)1));
	if (!items)
		return request_no_memory(q);
	for (size_t i = 0; i < list.n; i++)
		items[i] = answer_of(&list.items[i]);
	return answer_list(q, items, list.n, NULL);
}

static int groups_post(struct request *q)
{
	const struct group_new *in = q->body;
	atelier_id id = 0;
	int r = groups_create(q->api->c.db, in->name, &id, &q->err);

	return r < 0 ? r : answer_group(q, id);
}

static int group_patch(struct request *q)
{
	const struct group_new *in = q->body;
	int r = groups_rename(q->api->c.db, q->arg_id, in->name, &q->err);

	if (r == 0)
		r = calls_reload(q->api->c.calls, &q->err); /* refusals name it */
	return r < 0 ? r : answer_group(q, q->arg_id);
}

static int group_members_put(struct request *q)
{
	const struct group_members *in = q->body;
	const char *const *texts = in->user_ids.items;
	atelier_id *ids = ARENA_ARRAY(&q->mem, atelier_id, MAX(in->user_ids.n, (size_t)1));
	int r;

	if (!ids)
		return request_no_memory(q);
	for (size_t i = 0; i < in->user_ids.n; i++)
		if (!id_parse(texts[i], ID_LEN, &ids[i]))
			return E_INTERNAL; /* the schema lets only identifiers in */
	r = groups_set_members(q->api->c.db, q->arg_id, ids, in->user_ids.n, &q->err);
	if (r == 0)
		r = calls_reload(q->api->c.calls, &q->err);
	return r < 0 ? r : answer_group(q, q->arg_id);
}

static int group_delete(struct request *q)
{
	int r = groups_delete(q->api->c.db, q->arg_id, &q->err);

	return r < 0 ? r : calls_reload(q->api->c.calls, &q->err);
}

/* clang-format off */
static const struct route routes[] = {
	{"GET", V1 "/groups", "listGroups", groups_get_all, ACCESS_ADMIN, .status = 200,
		.answer = &group_list_schema, .summary = "All groups and who is in them."},
	{"POST", V1 "/groups", "createGroup", groups_post, ACCESS_ADMIN, .status = 201,
		.body = &group_new_schema, .answer = &group_schema, FAILS(E_CONFLICT),
		.summary = "Make a group."},
	{"PATCH", V1 "/groups/{id}", "renameGroup", group_patch, ACCESS_ADMIN, .status = 200,
		.body = &group_new_schema, .answer = &group_schema, FAILS(E_CONFLICT),
		.summary = "Give a group another name."},
	{"PUT", V1 "/groups/{id}/members", "setGroupMembers", group_members_put, ACCESS_ADMIN, .status = 200,
		.body = &group_members_schema, .answer = &group_schema, FAILS(E_CONFLICT, E_NOT_FOUND, E_MODEL_UNKNOWN),
		.summary = "Say who is in it."},
	{"DELETE", V1 "/groups/{id}", "deleteGroup", group_delete, ACCESS_ADMIN, .status = 204,
		.summary = "Remove a group with its limits."},
};
/* clang-format on */
const struct route_set groups_routes = ROUTES_CHANGING(routes, CHANGES(GROUPS) | CHANGES(LIMITS) | CHANGES(GRANTS));
