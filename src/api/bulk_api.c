/*
 * bulk_api.c - one change of many conversations. One transaction for all; those that cannot be changed are named in
 * the answer and keep none of the others from it.
 */
#include <errno.h>

#include "api/conversations.h"
#include "api/files.h"
#include "store/conversations.h"

#define IDS_MAX 500
#define ACTIONS "pin unpin archive unarchive move tag untag read unread delete restore purge"

struct bulk_new {
	struct schema_list ids;
	const char *action, *tag;
	atelier_id folder_id;
};

struct bulk_answer {
	int64_t done;
	struct schema_list missing;
};

static const struct field id_item = {.type = FT_ID};
static const struct field bulk_fields[] = {
	FIELD(FT_STRS, struct bulk_new, ids, "ids", .max = IDS_MAX, .item = &id_item,
		.flags = FIELD_REQUIRED | FIELD_UNIQUE, .doc = "The conversations."),
	FIELD_ENUM(struct bulk_new, action, "action", ACTIONS, FIELD_REQUIRED,
		"What to do: delete puts into the bin, purge removes for good."),
	FIELD_ID(struct bulk_new, folder_id, "folder_id", 0, "Of move: the folder; null: out of any."),
	FIELD_STR(struct bulk_new, tag, "tag", 1, 60, 0, "Of tag and untag: the tag."),
};
static const struct schema bulk_schema = {
	.name = "ConversationsChange",
	.size = sizeof(struct bulk_new),
	.fields = bulk_fields,
	.n_fields = N_ELEMENTS(bulk_fields),
	.doc = "A change of many conversations.",
	.rule = "\"if\":{\"properties\":{\"action\":{\"enum\":[\"tag\",\"untag\"]}}},"
		"\"then\":{\"properties\":{\"tag\":{\"type\":\"string\"}},\"required\":[\"tag\"]}",
};

static const struct field bulk_answer_fields[] = {
	FIELD_I64(struct bulk_answer, done, "done", 0, 0, FIELD_REQUIRED, "How many were changed."),
	FIELD(FT_STRS, struct bulk_answer, missing, "missing", .item = &id_item, .flags = FIELD_REQUIRED,
		.doc = "Those that were not: they are not there, or an answer is being written in them."),
};
static const struct schema bulk_answer_schema =
	SCHEMA("ConversationsChanged", struct bulk_answer, bulk_answer_fields, "What became of it.");

static bool is(const struct bulk_new *in, const char *action)
{
	return strcmp(in->action, action) == 0;
}

static int read_action(struct request *q, struct conversation_bulk *b)
{
	const struct bulk_new *in = q->body;
	bool tags = is(in, "tag") || is(in, "untag");

	b->fate = is(in, "delete")    ? FATE_BIN
		  : is(in, "restore") ? FATE_RESTORED
		  : is(in, "purge")   ? FATE_GONE
				      : FATE_STAYS;
	b->patch = (struct conversation_patch){.pinned = is(in, "pin"),
		.archived = is(in, "archive"),
		.unread = is(in, "unread"),
		.folder_id = in->folder_id,
		.tags = in->tag,
		.set = is(in, "pin") || is(in, "unpin")           ? SET_PINNED
		       : is(in, "archive") || is(in, "unarchive") ? SET_ARCHIVED
		       : is(in, "read") || is(in, "unread")       ? SET_UNREAD
		       : is(in, "move")                           ? SET_FOLDER
		       : is(in, "tag")                            ? SET_TAG
		       : is(in, "untag")                          ? SET_UNTAG
								  : 0u};
	if (tags && !in->tag)
		return err_field(&q->err, E_INVALID, "tag", "must say which.");
	return 0;
}

/* Tells the browsers, and gathers those to which nothing happened. */
static int answer_bulk(struct request *q, const struct conversation_bulk *b)
{
	const struct bulk_new *in = q->body;
	const char *const *words = in->ids.items;
	struct bulk_answer *out = ARENA_NEW(&q->mem, struct bulk_answer);
	const char **missing = ARENA_ARRAY(&q->mem, const char *, b->n + 1);
	bool goes = b->fate == FATE_BIN || b->fate == FATE_GONE;
	size_t n = 0;

	ASSERT(b->n == in->ids.n);
	if (!out || !missing)
		return request_no_memory(q);
	for (size_t i = 0; i < b->n; i++) {
		if (!b->ret_done[i]) {
			missing[n++] = words[i];
			continue;
		}
		if (goes)
			api_end(q->api, &(struct ending){.conversation_id = b->ids[i]});
		tell_conversation(q, b->ids[i], goes ? "deleted" : b->fate == FATE_RESTORED ? "created" : "updated");
	}
	*out = (struct bulk_answer){(int64_t)(b->n - n), {missing, n}};
	q->answer = out;
	return 0;
}

static int bulk_post(struct request *q)
{
	const struct bulk_new *in = q->body;
	struct conversation_bulk b = {
		.user_id = q->who.user.id, .n = in->ids.n, .ret_done = ARENA_ARRAY(&q->mem, bool, in->ids.n + 1)};
	int r = read_action(q, &b);

	r = r < 0 ? r : request_ids(q, &in->ids, &b.ids);
	if (r < 0)
		return r;
	if (!b.ret_done)
		return request_no_memory(q);
	for (size_t i = 0; i < b.n; i++) {
		if (b.fate == FATE_BIN || b.fate == FATE_GONE)
			end_answers(q, b.ids[i]);
	}
	r = conversations_bulk(q->api->c.db, &b, &q->err);
	if (r == 0 && b.fate == FATE_GONE)
		files_tidy(q, q->who.user.id);
	return r < 0 ? r : answer_bulk(q, &b);
}

/* clang-format off */
static const struct route routes[] = {
	{"POST", V1 "/conversations/bulk", "changeConversations", bulk_post, ACCESS_USER, ROUTE_SLOW, .status = 200,
		.body = &bulk_schema, SHORT_BODY, .answer = &bulk_answer_schema, FAILS(E_NOT_FOUND, E_CONFLICT),
		.summary = "Change many conversations at once."},
};
/* clang-format on */
const struct route_set bulk_routes = ROUTES(routes);
