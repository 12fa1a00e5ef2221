/* conversations_api.c - a person's conversations. */
#include "api/answer.h"
#include "api/bootstrap.h"
#include "store/conversations.h"

#define TITLE_MAX      200
#define MODEL_MAX      200
#define PAGE_ITEMS     50
#define DELETE_WAIT_MS 5000 /* for a canceled turn to be gone */

struct conversation_edit {
	const char *title, *model;
	atelier_id leaf_id;
};

#define EDIT_FIELDS                                                                                                    \
	FIELD_STR(struct conversation_edit, title, "title", 1, TITLE_MAX, 0,                                           \
		"Title; without one it is made from the talk."),                                                       \
		FIELD_STR(struct conversation_edit, model, "model", 1, MODEL_MAX, 0, "Id of the model that answers.")
static const struct field new_fields[] = {EDIT_FIELDS};
static const struct field patch_fields[] = {
	EDIT_FIELDS,
	FIELD_ID(struct conversation_edit, leaf_id, "leaf_id", 0,
		"A message: the newest branch through it is the one shown from now on."),
};
static const struct schema conversation_new_schema =
	SCHEMA("ConversationNew", struct conversation_edit, new_fields, "A new conversation.");
static const struct schema conversation_patch_schema =
	SCHEMA("ConversationPatch", struct conversation_edit, patch_fields, "What to change; the rest stays.");

struct conversation_answer {
	atelier_id id, leaf_id, running_turn_id;
	const char *title, *model;
	int64_t message_count, tokens_in, tokens_out, created_at, updated_at;
};

static const struct field conversation_fields[] = {
	FIELD_ID(struct conversation_answer, id, "id", FIELD_REQUIRED, "Identifier."),
	FIELD_STR(struct conversation_answer, title, "title", 0, 0, FIELD_REQUIRED, "Title; empty: none yet."),
	FIELD_STR(struct conversation_answer, model, "model", 0, 0, 0,
		"Id of the model that answers; null: the default."),
	FIELD_I64(struct conversation_answer, message_count, "message_count", 0, 0, FIELD_REQUIRED, "Messages in it."),
	FIELD_I64(struct conversation_answer, tokens_in, "tokens_in", 0, 0, FIELD_REQUIRED, "Tokens read by models."),
	FIELD_I64(struct conversation_answer, tokens_out, "tokens_out", 0, 0, FIELD_REQUIRED,
		"Tokens written by models."),
	FIELD_TIME(struct conversation_answer, created_at, "created_at", FIELD_REQUIRED, "When it began."),
	FIELD_TIME(struct conversation_answer, updated_at, "updated_at", FIELD_REQUIRED, "When it last changed."),
	FIELD_ID(struct conversation_answer, leaf_id, "leaf_id", 0,
		"The last message of the branch shown; null: there are none."),
	FIELD_ID(struct conversation_answer, running_turn_id, "running_turn_id", 0,
		"The turn being answered; null: none."),
};
static const struct schema conversation_schema =
	SCHEMA("Conversation", struct conversation_answer, conversation_fields, "A conversation.");

LIST_FIELDS(conversation_page, &conversation_schema, "Newest first.");
const struct schema conversation_page_schema =
	SCHEMA("ConversationPage", struct list_answer, conversation_page_fields, "Some conversations.");

static struct conversation_answer answer_of(const struct conversation *c)
{
	return (struct conversation_answer){.id = c->id,
		.leaf_id = c->leaf_id,
		.running_turn_id = c->turn_id,
		.title = c->title ? c->title : "",
		.model = c->model && *c->model ? c->model : NULL,
		.message_count = c->message_count,
		.tokens_in = c->tokens_in,
		.tokens_out = c->tokens_out,
		.created_at = c->created_at,
		.updated_at = c->updated_at};
}

static int answer_conversation(struct request *q, const struct conversation *c)
{
	struct conversation_answer *out = ARENA_NEW(&q->mem, struct conversation_answer);

	if (!out)
		return request_no_memory(q);
	*out = answer_of(c);
	q->answer = out;
	return 0;
}

static int load(struct request *q, atelier_id id, struct conversation *ret)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);

	return conversations_get(c, q->who.user.id, id, &q->mem, ret, &q->err);
}

static void tell(struct request *q, atelier_id id, const char *what)
{
	bus_publish(q->api->c.bus, &(struct bus_event){BUS_CONVERSATION, what, q->who.user.id, id, 0});
}

/* One that nobody offers now may come back; one that never answers does not. */
static int check_model(struct request *q, const char *model)
{
	struct model m;
	struct err quiet = {0};

	if (!model || !*model || providers_model(q->api->c.providers, model, &q->mem, &m, &quiet) < 0 ||
		!model_only_embeds(&m))
		return 0;
	return err_set(&q->err, E_MODEL_CANNOT,
		"%.120s makes vectors of texts and cannot answer. Choose another model.", model);
}

static int conversations_post(struct request *q)
{
	const struct conversation_edit *in = q->body;
	struct conversation c = {0};
	int r = check_model(q, in->model);

	if (r == 0)
		r = conversations_create(q->api->c.db, q->who.user.id, in->title, in->model, &c, &q->err);

	if (r < 0)
		return r;
	tell(q, c.id, "created");
	return answer_conversation(q, &c);
}

/* A cursor is the time and the id of the last item, both written as ids. */
static int cursor_parse(struct request *q, const char *text, struct conversation_cursor *ret)
{
	atelier_id at;

	if (strlen(text) != (size_t)2 * ID_LEN || !id_parse(text, ID_LEN, &at) ||
		!id_parse(text + ID_LEN, ID_LEN, &ret->id))
		return err_set(&q->err, E_INVALID, "\"cursor\" is not one that a list gave.");
	ret->updated_at = at;
	return 0;
}

static char *cursor_format(struct request *q, const struct conversation *last)
{
	char *text = arena_alloc(&q->mem, (size_t)2 * ID_LEN + 1);

	if (text) {
		id_format(last->updated_at, text);
		id_format(last->id, text + ID_LEN);
	}
	return text;
}

/* Those behind `after`. */
static int read_page(struct request *q, const char *search, const struct conversation_cursor *after, size_t limit,
	struct list_answer *ret)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	struct conversation_list list;
	int r = conversations_list(c, q->who.user.id, search, after, limit, &q->mem, &list, &q->err);

	if (r < 0)
		return r;
	struct conversation_answer *items = ARENA_ARRAY(&q->mem, struct conversation_answer, MAX(list.n, 1));
	if (!items)
		return request_no_memory(q);
	for (size_t i = 0; i < list.n; i++)
		items[i] = answer_of(&list.items[i]);
	*ret = (struct list_answer){.items = {items, list.n},
		.next = list.more && list.n ? cursor_format(q, &list.items[list.n - 1]) : NULL};
	return 0;
}

int conversations_first_page(struct request *q, struct list_answer *ret)
{
	return read_page(q, NULL, &(struct conversation_cursor){0}, PAGE_ITEMS, ret);
}

static int conversations_get_all(struct request *q)
{
	const char *cursor = http_query(q->x, "cursor"), *search = http_query(q->x, "q");
	struct conversation_cursor after = {0};
	int64_t limit;
	int r = request_i64(q, "limit", &limit);

	if (r == 0 && cursor)
		r = cursor_parse(q, cursor, &after);
	if (r < 0)
		return r;
	struct list_answer *out = ARENA_NEW(&q->mem, struct list_answer);
	if (!out)
		return request_no_memory(q);
	q->answer = out;
	return read_page(q, search && *search ? search : NULL, &after, (size_t)limit, out);
}

static int conversation_get(struct request *q)
{
	struct conversation c;
	int r = load(q, q->arg_id, &c);

	return r < 0 ? r : answer_conversation(q, &c);
}

static int conversation_patch(struct request *q)
{
	const struct conversation_edit *in = q->body;
	struct conversation c;
	int r = check_model(q, in->model);

	if (r == 0)
		r = conversations_update(q->api->c.db, q->who.user.id, q->arg_id,
			&(struct conversation_patch){.title = in->title, .model = in->model, .leaf_id = in->leaf_id},
			&q->err);

	if (r == 0)
		r = load(q, q->arg_id, &c);
	if (r < 0)
		return r;
	tell(q, q->arg_id, "updated");
	return answer_conversation(q, &c);
}

/* Stops what is being written in the conversation, if it is the user's. */
static void end_running(struct request *q)
{
	struct conversation found;
	struct err quiet = {0};
	int r;

	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
		r = conversations_get(c, q->who.user.id, q->arg_id, &q->mem, &found, &quiet);
	}
	/* A hidden one is not found here, and nothing is written in it. */
	if (r == 0)
		turns_end_conversation(q->api->c.turns, q->arg_id, DELETE_WAIT_MS);
}

static int conversation_delete(struct request *q)
{
	bool hard;
	int r = request_bool(q, "hard", &hard);

	if (r < 0)
		return r;
	end_running(q);
	r = conversations_delete(q->api->c.db, q->who.user.id, q->arg_id, hard, &q->err);
	if (r < 0)
		return r;
	api_end(q->api, &(struct ending){.conversation_id = q->arg_id});
	tell(q, q->arg_id, "deleted");
	return 0;
}

static int conversation_restore(struct request *q)
{
	struct conversation c;
	int r = conversations_restore(q->api->c.db, q->who.user.id, q->arg_id, &q->err);

	if (r == 0)
		r = load(q, q->arg_id, &c);
	if (r < 0)
		return r;
	tell(q, q->arg_id, "created");
	return answer_conversation(q, &c);
}

/* Two identifiers. */
#define CURSOR_PATTERN "^(?!0{13})[0-7][0-9a-hjkmnp-tv-z]{12}(?!0{13})[0-7][0-9a-hjkmnp-tv-z]{12}$"

static const struct param conversation_list_params[] = {
	{.name = "q", .type = PARAM_STR, .doc = "Words that the title must contain."},
	{.name = "cursor", .type = PARAM_STR, .pattern = CURSOR_PATTERN, .doc = "`next` of the page before."},
	{.name = "limit", .type = PARAM_I64, .min = 1, .max = 200, .otherwise = PAGE_ITEMS, .doc = "Items of a page."},
};

static const struct param delete_params[] = {
	{.name = "hard", .type = PARAM_BOOL, .doc = "Remove it for good instead of hiding it."},
};

/* clang-format off */
static const struct route routes[] = {
	{"POST", V1 "/conversations", "createConversation", conversations_post, ACCESS_USER, .status = 201,
		.body = &conversation_new_schema, .answer = &conversation_schema, FAILS(E_MODEL_UNKNOWN, E_MODEL_CANNOT),
		.summary = "Begin a conversation."},
	{"GET", V1 "/conversations", "listConversations", conversations_get_all, ACCESS_USER, .status = 200,
		PARAMS(conversation_list_params), .answer = &conversation_page_schema,
		.summary = "The own conversations, the newest first."},
	{"GET", V1 "/conversations/{id}", "getConversation", conversation_get, ACCESS_USER, .status = 200,
		.answer = &conversation_schema, .summary = "One conversation."},
	{"PATCH", V1 "/conversations/{id}", "updateConversation", conversation_patch, ACCESS_USER, .status = 200,
		.body = &conversation_patch_schema, .answer = &conversation_schema, FAILS(E_MODEL_UNKNOWN, E_MODEL_CANNOT),
		.summary = "Change title or model."},
	{"DELETE", V1 "/conversations/{id}", "deleteConversation", conversation_delete, ACCESS_USER, ROUTE_SLOW,
		.status = 204, PARAMS(delete_params), FAILS(E_CONFLICT),
		.summary = "Delete it; an answer being written is stopped."},
	{"POST", V1 "/conversations/{id}/restore", "restoreConversation", conversation_restore, ACCESS_USER, .status = 200,
		.answer = &conversation_schema, .summary = "Bring back one that was deleted, unless it was removed for good."},
};
/* clang-format on */
const struct route_set conversations_routes = ROUTES(routes);
