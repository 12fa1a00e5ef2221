/*
 * tree_api.c - the tree of a conversation's messages, and a branch of it as a conversation of its own. Nodes come by
 * their ids, which rise, so that a page goes on behind the last one however the tree grows meanwhile.
 */
#include "api/conversations.h"
#include "store/tree.h"

struct tree_answer {
	struct schema_list items;
	const char *next;
	atelier_id leaf_id;
};

#define N struct tree_node
static const struct field node_fields[] = {
	FIELD_ID(N, id, "id", FIELD_REQUIRED, "The message."),
	FIELD_ID(N, parent_id, "parent_id", 0, "The message before it; null: a first one."),
	FIELD_STR(N, role, "role", 0, 0, FIELD_REQUIRED, "Who said it."),
	FIELD_STR(N, state, "state", 0, 0, FIELD_REQUIRED, "As of a message."),
	FIELD_STR(N, model, "model", 0, 0, 0, "Who answered; null for a user's message."),
	FIELD_TEXT(N, preview, "preview", 0, 0, FIELD_REQUIRED, "How its text begins."),
	FIELD_BOOL(N, pinned, "pinned", FIELD_REQUIRED, "Whether it is pinned."),
	FIELD_TIME(N, created_at, "created_at", FIELD_REQUIRED, "When it was sent or begun."),
};
#undef N
static const struct schema node_schema = SCHEMA("TreeNode", struct tree_node, node_fields, "A message in its tree.");

static const struct field tree_fields[] = {
	FIELD_LIST(struct tree_answer, items, "items", &node_schema, 0, FIELD_REQUIRED,
		"In the order of making, so that each stands behind its parent."),
	FIELD_STR(struct tree_answer, next, "next", 0, 0, 0, "`cursor` of the page behind this one; null: the end."),
	FIELD_ID(struct tree_answer, leaf_id, "leaf_id", 0, "The last message of the branch shown; null: none."),
};
static const struct schema tree_schema =
	SCHEMA("Tree", struct tree_answer, tree_fields, "The messages of a conversation, with all branches.");

static int tree_get(struct request *q)
{
	struct tree_answer *out = ARENA_NEW(&q->mem, struct tree_answer);
	struct tree t = {0};
	atelier_id after;
	int64_t limit;
	int r = request_i64(q, "limit", &limit);

	if (r == 0)
		r = request_id(q, "cursor", &after);
	if (r == 0) {
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
		r = tree_read(c, q->who.user.id, q->arg_id, after, (size_t)limit, &q->mem, &t, &q->err);
	}
	if (r < 0)
		return r;
	if (!out)
		return request_no_memory(q);
	ASSERT(!t.more || t.n > 0); /* what follows is behind the last one */
	*out = (struct tree_answer){.items = {t.nodes, t.n},
		.next = t.more ? answer_cursor(q, t.nodes[t.n - 1].id) : NULL,
		.leaf_id = t.leaf_id};
	q->answer = out;
	return 0;
}

struct fork_new {
	atelier_id message_id;
	const char *title;
};

static const struct field fork_fields[] = {
	FIELD_ID(struct fork_new, message_id, "message_id", FIELD_REQUIRED, "Where the branch ends."),
	FIELD_STR(struct fork_new, title, "title", 1, 200, 0, "Title of the new one; null: that of the old one."),
};
static const struct schema fork_schema =
	SCHEMA("Fork", struct fork_new, fork_fields, "A branch to be a conversation of its own.");

static int fork_post(struct request *q)
{
	const struct fork_new *in = q->body;
	const struct tree_fork fork = {.user_id = q->who.user.id,
		.conversation_id = q->arg_id,
		.message_id = in->message_id,
		.title = in->title};
	atelier_id id;
	int r = tree_fork(q->api->c.db, &fork, &id, &q->err);

	if (r < 0)
		return r;
	tell_conversation(q, id, "created");
	return answer_conversation(q, id);
}

static const struct param tree_params[] = {
	{.name = "cursor", .type = PARAM_ID, .doc = "`next` of the page before."},
	{.name = "limit", .type = PARAM_I64, .min = 1, .max = 5000, .otherwise = 1000, .doc = "Messages of a page."},
};

/* clang-format off */
static const struct route routes[] = {
	{"GET", V1 "/conversations/{id}/tree", "getTree", tree_get, ACCESS_USER, .status = 200,
		PARAMS(tree_params), .answer = &tree_schema, .summary = "All messages with their places, without their texts."},
	{"POST", V1 "/conversations/{id}/fork", "forkConversation", fork_post, ACCESS_USER, .status = 201,
		.body = &fork_schema, SHORT_BODY, .answer = &conversation_schema,
		.summary = "Make a new conversation of the branch that ends in a message."},
};
/* clang-format on */
const struct route_set tree_routes = ROUTES(routes);
