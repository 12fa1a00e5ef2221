/*
 * conversations_api.c - a person's conversations. Each change is told on the bus, to the same person's other windows.
 * What is deleted has its answers ended first, and its streams afterwards: between the two nothing of it can begin.
 */
#include "api/bootstrap.h"
#include "api/conversations.h"
#include "api/files.h"
#include "api/turns.h"
#include "job/job.h"
#include "provider/parameters.h"
#include "store/assistants.h"
#include "store/conversations.h"
#include "store/exchanges.h"
#include "store/folders.h"
#include "store/turns.h"
#include "tool/workspace.h"

#define TITLE_MAX        200
#define MODEL_MAX        200
#define TAG_MAX          60
#define PAGE_ITEMS       50
#define PAGE_MAX         200
#define INSTRUCTIONS_MAX 32768
#define DELETE_WAIT_MS   5000 /* for a canceled turn to be gone */
#define DAY_MS           INT64_C(86400000)

struct conversation_edit {
	const char *title, *model;
	atelier_id leaf_id, folder_id;
	bool pinned, archived, unread, history;
	struct schema_list tags;
	atelier_id assistant_id;
	const char *instructions, *context, *tools;
	struct parameters parameters;
};

/* The bits of request.given, by place in the tables. */
enum {
	GIVEN_PINNED = 4,
	GIVEN_ARCHIVED = 8,
	GIVEN_FOLDER = 16,
	GIVEN_TAGS = 32,
	GIVEN_ASSISTANT = 64,
	GIVEN_INSTRUCTIONS = 128,
	GIVEN_PARAMETERS = 256,
	GIVEN_CONTEXT = 512,
	GIVEN_TOOLS = 1024,
	GIVEN_HISTORY = 2048,
	GIVEN_UNREAD = 8192,
};

static const struct field id_item = {.type = FT_ID};
static const struct field tag_item = {.type = FT_STR, .min = 1, .max = TAG_MAX};

#define CONTEXT_CHOICES CONTEXT_REFUSE " " CONTEXT_DROP " " CONTEXT_SUMMARISE
#define THE_CONTEXT                                                                                                    \
	"When it is longer than the model takes: refuse (the question is not asked), drop (the oldest messages are "   \
	"left out, and the answer says so), or summarise (they are given as a summary that a model makes)."

#define TOOLS_DOC                                                                                                      \
	"Tools that answers here may use, unless a question or its assistant says otherwise: true (all that you "      \
	"have), or a list of names; null: none."

#define HISTORY_DOC "Whether its answers may draw on what its person has said and been answered in other conversations."

#define E struct conversation_edit
#define EDIT_FIELDS                                                                                                    \
	FIELD_STR(E, title, "title", 1, TITLE_MAX, 0, "Title; without one it is made from the talk."),                 \
		FIELD_STR(E, model, "model", 1, MODEL_MAX, 0, "Id of the model that answers."),                        \
		FIELD_BOOL(E, pinned, "pinned", 0, "Whether it is pinned."),                                           \
		FIELD_BOOL(E, archived, "archived", 0, "Whether it is put away, out of the list."),                    \
		FIELD_ID(E, folder_id, "folder_id", FIELD_NULL, "The folder it is in; null: in none."),                \
		FIELD(FT_STRS, E, tags, "tags", .max = CONVERSATION_TAGS_MAX, .item = &tag_item,                       \
			.doc = "All its tags; of those that differ by case alone the first one counts."),              \
		FIELD_ID(E, assistant_id, "assistant_id", FIELD_NULL, "The assistant that answers; null: none."),      \
		FIELD_TEXT(E, instructions, "instructions", 0, INSTRUCTIONS_MAX, 0,                                    \
			"What the model is told in this conversation; empty: nothing."),                               \
		FIELD_OBJECT(E, parameters, "parameters", &parameters_schema, 0, "How answers are to be made here."),  \
		FIELD_ENUM(E, context, "context", CONTEXT_CHOICES, 0, THE_CONTEXT),                                    \
		FIELD(FT_JSON, E, tools, "tools", .flags = FIELD_NULL, .choices = TOOLS_WISH, .doc = TOOLS_DOC),       \
		FIELD_BOOL(E, history, "history", 0, HISTORY_DOC)
static const struct field new_fields[] = {EDIT_FIELDS};
static const struct field patch_fields[] = {
	EDIT_FIELDS,
	FIELD_ID(E, leaf_id, "leaf_id", 0,
		"A message: the newest branch through it is the one shown from now on; one that is shown already "
		"changes "
		"nothing."),
	FIELD_BOOL(E, unread, "unread", 0, "Whether an answer has ended that nobody has seen."),
};
#undef E
static const struct schema conversation_new_schema =
	SCHEMA("ConversationNew", struct conversation_edit, new_fields, "A new conversation.");
static const struct schema conversation_patch_schema =
	SCHEMA("ConversationPatch", struct conversation_edit, patch_fields, "What to change; the rest stays.");

struct conversation_answer {
	struct conversation v;
	struct schema_list tags, running;
	struct parameters parameters;
	int64_t purge_at;
};

#define C struct conversation_answer
static const struct field conversation_fields[] = {
	FIELD_ID(C, v.id, "id", FIELD_REQUIRED, "Identifier."),
	FIELD_STR(C, v.title, "title", 0, 0, FIELD_REQUIRED, "Title; empty: none yet."),
	FIELD_STR(C, v.model, "model", 0, 0, 0, "Id of the model that answers; null: the default."),
	FIELD_I64(C, v.message_count, "message_count", 0, 0, FIELD_REQUIRED, "Messages in it."),
	FIELD_I64(C, v.tokens_in, "tokens_in", 0, 0, FIELD_REQUIRED, "Input tokens."),
	FIELD_I64(C, v.tokens_out, "tokens_out", 0, 0, FIELD_REQUIRED, "Output tokens."),
	FIELD_BOOL(C, v.pinned, "pinned", FIELD_REQUIRED, "Whether it is pinned."),
	FIELD_BOOL(C, v.archived, "archived", FIELD_REQUIRED, "Whether it is put away."),
	FIELD_BOOL(C, v.unread, "unread", FIELD_REQUIRED, "An answer has ended while nobody followed it."),
	FIELD_ID(C, v.folder_id, "folder_id", 0, "The folder it is in; null: in none."),
	FIELD(FT_STRS, C, tags, "tags", .item = &tag_item, .flags = FIELD_REQUIRED, .doc = "Its tags."),
	FIELD_ID(C, v.assistant_id, "assistant_id", 0, "The assistant that answers; null: none."),
	FIELD_TEXT(C, v.instructions, "instructions", 0, 0, FIELD_REQUIRED,
		"What the model is told in it; empty: nothing."),
	FIELD_OBJECT(
		C, parameters, "parameters", &parameters_schema, FIELD_REQUIRED, "How answers are to be made in it."),
	FIELD_ENUM(C, v.context, "context", CONTEXT_CHOICES, FIELD_REQUIRED, THE_CONTEXT),
	FIELD_JSON(C, v.tools, "tools", 0, TOOLS_DOC),
	FIELD_BOOL(C, v.history, "history", FIELD_REQUIRED, HISTORY_DOC),
	FIELD_TIME(C, v.created_at, "created_at", FIELD_REQUIRED, "When it began."),
	FIELD_TIME(C, v.updated_at, "updated_at", FIELD_REQUIRED, "When it last changed."),
	FIELD_ID(C, v.leaf_id, "leaf_id", 0, "The last message of the branch shown; null: there are none."),
	FIELD_ID(C, v.turn_id, "running_turn_id", 0, "The turn being answered, or one of them; null: none."),
	FIELD(FT_STRS, C, running, "running_turn_ids", .item = &id_item, .flags = FIELD_REQUIRED,
		.doc = "The turns being answered: several while models are compared."),
	FIELD_BOOL(C, v.waiting, "waiting", FIELD_REQUIRED,
		"An answer waits for a decision: whether a call of a tool may run, or what a tool asked."),
	FIELD_TIME(C, v.deleted_at, "deleted_at", 0, "When it was put into the bin; null: it is not there."),
	FIELD_TIME(C, purge_at, "purge_at", 0, "When it is removed from the bin for good; null: never."),
};
const struct schema conversation_schema =
	SCHEMA("Conversation", struct conversation_answer, conversation_fields, "A conversation.");
#undef C

LIST_FIELDS(conversation_page, &conversation_schema, "Newest first.");
const struct schema conversation_page_schema =
	SCHEMA("ConversationPage", struct list_answer, conversation_page_fields, "Some conversations.");

/* A list of texts as the store has it. */
static int read_tags(struct request *q, const char *json, struct schema_list *ret)
{
	CLEANUP(json_decrefp) json_t *list = NULL;
	int r = json_parse(json, strlen(json), &list, &q->err);
	size_t n = json_array_size(list);
	const char **tags = ARENA_ARRAY(&q->mem, const char *, n + 1);

	for (size_t i = 0; r == 0 && tags && i < n; i++)
		tags[i] = arena_strdup(&q->mem, json_string_value(json_array_get(list, i)));
	*ret = (struct schema_list){tags, n};
	return r < 0 ? r : tags ? 0 : request_no_memory(q);
}

/* And as it takes one; NULL: no memory. */
static const char *write_tags(struct request *q, const struct schema_list *tags)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(REQUEST_MEMORY);

	for (size_t i = 0; i < tags->n; i++) {
		buf_add_char(&b, i ? ',' : '[');
		json_add_cstr(&b, ((const char *const *)tags->items)[i]);
	}
	buf_add_str(&b, tags->n ? "]" : "[]");
	return buf_status(&b) < 0 ? NULL : arena_strndup(&q->mem, b.p, b.n);
}

static int read_running(struct request *q, const struct conversation *v, struct schema_list *ret)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	atelier_id running[COMPARED_MAX];
	size_t n = 0;
	int r = turns_running_in(c, v->id, running, &n, &q->err);

	ASSERT(n <= COMPARED_MAX);
	return r < 0 ? r : answer_ids(q, running, n, ret);
}

static int answer_of(struct request *q, const struct conversation *v, struct conversation_answer *ret)
{
	int64_t days = q->api->c.settings->bin_keep_days;

	*ret = (struct conversation_answer){
		.v = *v, .purge_at = v->deleted_at && days ? v->deleted_at + days * DAY_MS : 0};
	if (!*v->model)
		ret->v.model = NULL;
	int r = parameters_read(v->parameters, &q->mem, &ret->parameters, &q->err);

	if (r == 0 && v->turn_id)
		r = read_running(q, v, &ret->running);
	return r < 0 ? r : read_tags(q, v->tags, &ret->tags);
}

static int load(struct request *q, atelier_id id, struct conversation *ret)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);

	return conversations_get(c, q->who.user.id, id, &q->mem, ret, &q->err);
}

int answer_conversation(struct request *q, atelier_id id)
{
	struct conversation_answer *out = ARENA_NEW(&q->mem, struct conversation_answer);
	struct conversation v;
	int r = out ? load(q, id, &v) : request_no_memory(q);

	if (r == 0)
		r = answer_of(q, &v, out);
	q->answer = out;
	return r;
}

void tell_conversation(struct request *q, atelier_id id, const char *what)
{
	bus_publish(q->api->c.bus, &(struct bus_event){BUS_CONVERSATION, what, q->who.user.id, id, 0});
}

/* What the body says as a change. */
static int patch_of(struct request *q, struct conversation_patch *ret)
{
	struct conversation_edit *in = q->body;

	ASSERT(request_bit_is(q, GIVEN_PINNED, "pinned") && request_bit_is(q, GIVEN_ARCHIVED, "archived"));
	ASSERT(request_bit_is(q, GIVEN_FOLDER, "folder_id") && request_bit_is(q, GIVEN_TAGS, "tags"));
	ASSERT(request_bit_is(q, GIVEN_ASSISTANT, "assistant_id") &&
		request_bit_is(q, GIVEN_INSTRUCTIONS, "instructions"));
	ASSERT(request_bit_is(q, GIVEN_PARAMETERS, "parameters") && request_bit_is(q, GIVEN_CONTEXT, "context"));
	ASSERT(request_bit_is(q, GIVEN_TOOLS, "tools") && request_bit_is(q, GIVEN_HISTORY, "history"));
	ASSERT(request_bit_is(q, GIVEN_UNREAD, "unread"));
	parameters_settle(&in->parameters);
	*ret = (struct conversation_patch){.title = in->title,
		.model = in->model,
		.leaf_id = in->leaf_id,
		.set = (q->given & GIVEN_PINNED ? SET_PINNED : 0u) | (q->given & GIVEN_ARCHIVED ? SET_ARCHIVED : 0u) |
		       (q->given & GIVEN_UNREAD ? SET_UNREAD : 0u) | (q->given & GIVEN_FOLDER ? SET_FOLDER : 0u) |
		       (q->given & GIVEN_TAGS ? SET_TAGS : 0u) | (q->given & GIVEN_ASSISTANT ? SET_ASSISTANT : 0u) |
		       (q->given & GIVEN_INSTRUCTIONS ? SET_INSTRUCTIONS : 0u) |
		       (q->given & GIVEN_PARAMETERS ? SET_PARAMETERS : 0u) |
		       (q->given & GIVEN_CONTEXT ? SET_CONTEXT : 0u) | (q->given & GIVEN_TOOLS ? SET_TOOLS : 0u) |
		       (q->given & GIVEN_HISTORY ? SET_HISTORY : 0u),
		.history = in->history,
		.tools = in->tools,
		.context = in->context,
		.assistant_id = in->assistant_id,
		.instructions = in->instructions,
		.parameters = parameters_write(&in->parameters, &q->mem),
		.pinned = in->pinned,
		.archived = in->archived,
		.unread = in->unread,
		.folder_id = in->folder_id,
		.tags = write_tags(q, &in->tags)};
	if (!ret->tags || !ret->parameters)
		return request_no_memory(q);
	int r = turns_check_tools(q, in->tools);
	return r < 0 ? r : request_check_answers(q, in->model);
}

/* So that the first question can draw on them by meaning already; otherwise the first question begins it. */
static void ready_history(struct request *q, const struct conversation_patch *patch)
{
	struct err quiet = {0};

	if (patch->set & SET_HISTORY && patch->history && exchanges_begin(q->api->c.db, q->who.user.id, &quiet) == 0)
		jobs_notify(q->api->c.jobs);
}

/* Who names neither model nor assistant begins with the default assistant, if there is one. */
static int take_default(struct request *q, struct conversation_patch *patch)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	atelier_id id = 0;
	int r = assistants_default(c, q->who.user.id, &q->mem, &id, &q->err);

	if (r == 0 && id) {
		patch->assistant_id = id;
		patch->set |= SET_ASSISTANT;
	}
	return r;
}

static int conversations_post(struct request *q)
{
	struct conversation_patch patch;
	struct conversation c = {0};
	int r = patch_of(q, &patch);

	if (r == 0 && !patch.model && !(patch.set & SET_ASSISTANT))
		r = take_default(q, &patch);
	if (r == 0)
		r = conversations_create(q->api->c.db, q->who.user.id, &patch, &c, &q->err);
	if (r < 0)
		return r;
	ready_history(q, &patch);
	tell_conversation(q, c.id, "created");
	return answer_conversation(q, c.id);
}

/* A cursor is the time and the id of the last item, both written as ids. */
static int cursor_parse(struct request *q, const char *text, struct conversation_cursor *ret)
{
	atelier_id at;

	if (strlen(text) != (size_t)2 * ID_LEN || !id_parse(text, ID_LEN, &at) ||
		!id_parse(text + ID_LEN, ID_LEN, &ret->id))
		return err_field(&q->err, E_INVALID, "cursor", "is not one that a list gave.");
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
static int read_page(struct request *q, const struct conversation_filter *which,
	const struct conversation_cursor *after, size_t limit, struct list_answer *ret)
{
	struct conversation_list list;
	int r;

	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
		r = conversations_list(c, q->who.user.id, which, after, limit, &q->mem, &list, &q->err);
	}
	if (r < 0)
		return r;
	struct conversation_answer *items = ARENA_ARRAY(&q->mem, struct conversation_answer, MAX(list.n, 1));
	if (!items)
		return request_no_memory(q);
	for (size_t i = 0; r == 0 && i < list.n; i++)
		r = answer_of(q, &list.items[i], &items[i]);
	*ret = (struct list_answer){.items = {items, list.n},
		.next = list.more && list.n ? cursor_format(q, &list.items[list.n - 1]) : NULL};
	return r;
}

int conversations_first_page(struct request *q, struct list_answer *ret)
{
	return read_page(q, NULL, &(struct conversation_cursor){0}, PAGE_ITEMS, ret);
}

int conversations_pinned(struct request *q, struct list_answer *ret)
{
	const struct conversation_filter pinned = {.has_pinned = true, .pinned = true};

	return read_page(q, &pinned, &(struct conversation_cursor){0}, PAGE_MAX, ret);
}

int request_folder(struct request *q, atelier_id *ret)
{
	int r = request_id(q, "folder_id", ret);

	if (r < 0 || !*ret)
		return r;
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	return folders_granted(c, q->who.user.id, *ret, GRANT_READ, &q->err);
}

static int read_filter(struct request *q, struct conversation_filter *ret)
{
	const char *state = http_query(q->x, "state"), *search = http_query(q->x, "q"), *tag = http_query(q->x, "tag");
	int r;

	*ret = (struct conversation_filter){.search = search && *search ? search : NULL,
		.tag = tag && *tag ? tag : NULL,
		.has_pinned = http_query(q->x, "pinned") != NULL,
		.shelf = !state || !*state                ? SHELF_ACTIVE
			 : strcmp(state, "archived") == 0 ? SHELF_ARCHIVED
			 : strcmp(state, "deleted") == 0  ? SHELF_DELETED
							  : SHELF_ACTIVE};
	r = request_bool(q, "pinned", &ret->pinned);
	if (r == 0)
		r = request_bool(q, "unread", &ret->unread);
	return r < 0 ? r : request_folder(q, &ret->folder_id);
}

static int conversations_get_all(struct request *q)
{
	const char *cursor = http_query(q->x, "cursor");
	struct conversation_cursor after = {0};
	struct conversation_filter which;
	int64_t limit;
	int r = request_i64(q, "limit", &limit);

	if (r == 0)
		r = read_filter(q, &which);
	if (r == 0 && cursor)
		r = cursor_parse(q, cursor, &after);
	if (r < 0)
		return r;
	struct list_answer *out = ARENA_NEW(&q->mem, struct list_answer);
	if (!out)
		return request_no_memory(q);
	q->answer = out;
	return read_page(q, &which, &after, (size_t)limit, out);
}

static int conversation_get(struct request *q)
{
	return answer_conversation(q, q->arg_id);
}

static int conversation_patch(struct request *q)
{
	struct conversation_patch patch;
	int r = patch_of(q, &patch);

	if (r == 0)
		r = conversations_update(q->api->c.db, q->who.user.id, q->arg_id, &patch, &q->err);
	if (r < 0)
		return r;
	ready_history(q, &patch);
	tell_conversation(q, q->arg_id, "updated");
	return answer_conversation(q, q->arg_id);
}

/* One in the bin is not found here, and nothing is written in it. */
void end_answers(struct request *q, atelier_id id)
{
	struct conversation found;
	struct err quiet = {0};
	int r;

	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
		r = conversations_get(c, q->who.user.id, id, &q->mem, &found, &quiet);
	}
	if (r == 0)
		turns_end_conversation(q->api->c.turns, id, DELETE_WAIT_MS);
}

static int conversation_delete(struct request *q)
{
	bool hard;
	int r = request_bool(q, "hard", &hard);

	if (r < 0)
		return r;
	end_answers(q, q->arg_id);
	r = conversations_delete(q->api->c.db, q->who.user.id, q->arg_id, hard, &q->err);
	if (r < 0)
		return r;
	api_end(q->api, &(struct ending){.conversation_id = q->arg_id});
	tell_conversation(q, q->arg_id, "deleted");
	if (hard) {
		workspace_delete(q->api->c.settings->data, q->arg_id);
		files_tidy(q, q->who.user.id);
	}
	return 0;
}

static int conversation_restore(struct request *q)
{
	int r = conversations_restore(q->api->c.db, q->who.user.id, q->arg_id, &q->err);

	if (r < 0)
		return r;
	tell_conversation(q, q->arg_id, "created");
	return answer_conversation(q, q->arg_id);
}

/* Two identifiers. */
#define CURSOR_PATTERN "^(?!0{13})[0-7][0-9a-hjkmnp-tv-z]{12}(?!0{13})[0-7][0-9a-hjkmnp-tv-z]{12}$"

static const struct param conversation_list_params[] = {
	{.name = "q", .type = PARAM_STR, .doc = "Words that the title must contain."},
	{.name = "state",
		.type = PARAM_STR,
		.choices = "active archived deleted",
		.doc = "Which: those of the list (active), those put away, those in the bin."},
	{.name = "folder_id", .type = PARAM_ID, .doc = "Only those in this folder."},
	{.name = "tag", .type = PARAM_STR, .doc = "Only those that have this tag."},
	{.name = "pinned", .type = PARAM_BOOL, .doc = "Only those that are pinned, or that are not."},
	{.name = "unread", .type = PARAM_BOOL, .doc = "True: only those with an answer that nobody has seen."},
	{.name = "cursor", .type = PARAM_STR, .pattern = CURSOR_PATTERN, .doc = "`next` of the page before."},
	{.name = "limit",
		.type = PARAM_I64,
		.min = 1,
		.max = PAGE_MAX,
		.otherwise = PAGE_ITEMS,
		.doc = "Items of a page."},
};

static const struct param delete_params[] = {
	{.name = "hard", .type = PARAM_BOOL, .doc = "Remove it for good instead of putting it into the bin."},
};

/* clang-format off */
static const struct route routes[] = {
	{"POST", V1 "/conversations", "createConversation", conversations_post, ACCESS_USER, .status = 201,
		.body = &conversation_new_schema, .answer = &conversation_schema,
		FAILS(E_NOT_FOUND, E_MODEL_UNKNOWN, E_MODEL_CANNOT),
		.summary = "Begin a conversation."},
	{"GET", V1 "/conversations", "listConversations", conversations_get_all, ACCESS_USER, .status = 200,
		PARAMS(conversation_list_params), .answer = &conversation_page_schema, FAILS(E_NOT_FOUND),
		.summary = "The own conversations, the newest first."},
	{"GET", V1 "/conversations/{id}", "getConversation", conversation_get, ACCESS_USER, .status = 200,
		.answer = &conversation_schema, .summary = "One conversation."},
	{"PATCH", V1 "/conversations/{id}", "updateConversation", conversation_patch, ACCESS_USER, .status = 200,
		.body = &conversation_patch_schema, .answer = &conversation_schema, FAILS(E_MODEL_UNKNOWN, E_MODEL_CANNOT),
		.summary = "Change title, model, folder, tags, marks, or the branch that is shown."},
	{"DELETE", V1 "/conversations/{id}", "deleteConversation", conversation_delete, ACCESS_USER, ROUTE_SLOW,
		.status = 204, PARAMS(delete_params), FAILS(E_CONFLICT),
		.summary = "Delete it; an answer being written is stopped."},
	{"POST", V1 "/conversations/{id}/restore", "restoreConversation", conversation_restore, ACCESS_USER, .status = 200,
		.answer = &conversation_schema, .summary = "Bring back one that was deleted, unless it was removed for good."},
};
/* clang-format on */
const struct route_set conversations_routes = ROUTES(routes);
