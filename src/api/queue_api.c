/*
 * queue_api.c - questions that wait until an answer has ended. One is asked as its owner would ask it then: rights are
 * looked at when it goes, and not only when it came.
 */
#include "api/answer.h"
#include "api/files.h"
#include "api/turns.h"
#include "store/queued.h"

struct queued_answer {
	struct queued row;
	struct schema_list attachments, collections, documents;
};

#define A struct queued_answer
static const struct field id_item = {.type = FT_ID};
static const struct field queued_fields[] = {
	FIELD_ID(A, row.id, "id", FIELD_REQUIRED, "Identifier."),
	FIELD_ID(A, row.conversation_id, "conversation_id", FIELD_REQUIRED, "Where it waits."),
	FIELD_TEXT(A, row.content, "content", 0, 0, FIELD_REQUIRED, "What the user says; empty: pictures alone."),
	FIELD(FT_STRS, A, attachments, "attachments", .item = &id_item, .flags = FIELD_REQUIRED,
		.doc = "Pictures that it has."),
	FIELD(FT_STRS, A, collections, "collection_ids", .item = &id_item, .flags = FIELD_REQUIRED,
		.doc = "Collections that are searched for it."),
	FIELD(FT_STRS, A, documents, "document_ids", .item = &id_item, .flags = FIELD_REQUIRED,
		.doc = "Documents that are searched for it."),
	FIELD_STR(A, row.model, "model", 0, 0, 0, "Who is to answer; null: the conversation's model."),
	FIELD_ID(A, row.assistant_id, "assistant_id", 0, "The assistant that is to answer; null: the conversation's."),
	FIELD_JSON(A, row.tools, "tools", 0,
		"Tools that may be used for it: true, or a list of names; null: as its assistant or the conversation "
		"says."),
	FIELD_TIME(A, row.created_at, "created_at", FIELD_REQUIRED, "When it was asked."),
};
static const struct schema queued_schema =
	SCHEMA("QueuedMessage", A, queued_fields, "What waits until an answer is complete.");
#undef A
LIST_SCHEMA(queue_schema, "Queue", &queued_schema, "In the order in which they are asked.",
	"What waits in a conversation.");

#define Q struct queued
static const struct field queued_patch_fields[] = {
	FIELD(FT_TEXT, Q, content, "content", .min = 1, .flags = FIELD_REQUIRED, .pattern = "[^ \t\r\n\f\v]",
		.hint = "more than blanks", .doc = "What the user says instead."),
};
static const struct schema queued_patch_schema =
	SCHEMA("QueuedMessagePatch", Q, queued_patch_fields, "Another text; its place stays.");
#undef Q

static int load(struct request *q, struct queued *ret)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);

	return queued_get(c, q->who.user.id, q->arg_id, &q->mem, ret, &q->err);
}

static int answer_of(struct request *q, const struct queued *row, struct queued_answer *ret)
{
	*ret = (struct queued_answer){.row = *row};
	int r = answer_ids(q, row->images, row->n_images, &ret->attachments);

	if (r == 0)
		r = answer_ids(q, row->collections, row->n_collections, &ret->collections);
	return r < 0 ? r : answer_ids(q, row->documents, row->n_documents, &ret->documents);
}

static int queue_get(struct request *q)
{
	struct queued_list l = {0};
	int r;

	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
		r = queued_list(c, q->who.user.id, q->arg_id, &q->mem, &l, &q->err);
	}
	struct queued_answer *items = ARENA_ARRAY(&q->mem, struct queued_answer, l.n + 1);
	if (r == 0 && !items)
		r = request_no_memory(q);
	for (size_t i = 0; r == 0 && i < l.n; i++)
		r = answer_of(q, &l.items[i], &items[i]);
	return r < 0 ? r : answer_list(q, items, l.n, NULL);
}

static int queued_get_one(struct request *q)
{
	struct queued_answer *out = ARENA_NEW(&q->mem, struct queued_answer);
	struct queued row = {0};
	int r = load(q, &row);

	q->answer = out;
	return r < 0 ? r : out ? answer_of(q, &row, out) : request_no_memory(q);
}

static void tell(struct request *q, atelier_id conversation_id, const char *what)
{
	bus_publish(q->api->c.bus, &(struct bus_event){BUS_QUEUE, what, q->who.user.id, conversation_id, 0});
}

static int queued_patch(struct request *q)
{
	const struct queued *in = q->body;
	atelier_id conversation_id = 0;
	int r = turns_check_text(q, in->content);

	if (r == 0)
		r = queued_edit(q->api->c.db, q->who.user.id, q->arg_id, in->content, &conversation_id, &q->err);
	if (r < 0)
		return r;
	tell(q, conversation_id, "edited");
	return queued_get_one(q);
}

static int queued_delete_one(struct request *q)
{
	atelier_id conversation_id = 0;
	int r = queued_delete(q->api->c.db, q->who.user.id, q->arg_id, &conversation_id, &q->err);

	if (r < 0)
		return r;
	tell(q, conversation_id, "removed");
	files_tidy(q, q->who.user.id);
	return 0;
}

static int queued_send(struct request *q)
{
	struct queued row = {0};
	int r = load(q, &row);

	if (r < 0)
		return r;
	struct turn_request t = turn_of_queued(&row);
	struct asking x = {.asked.n = 0};
	r = asking_begin(q, &t, &x);
	if (r == 0)
		r = turn_ask_meanwhile(q->api->c.turns, &t, TURN_STOP_FIRST, &x.asked, &q->err);
	return r < 0 ? r : asking_end(q, &t, &x);
}

/* clang-format off */
static const struct route routes[] = {
	{"GET", V1 "/conversations/{id}/queue", "getQueue", queue_get, ACCESS_USER, .status = 200,
		.answer = &queue_schema, .summary = "What waits until the answer that is being written is complete."},
	{"GET", V1 "/queued/{id}", "getQueued", queued_get_one, ACCESS_USER, .status = 200,
		.answer = &queued_schema, .summary = "One message that waits."},
	{"PATCH", V1 "/queued/{id}", "updateQueued", queued_patch, ACCESS_USER, .status = 200,
		.body = &queued_patch_schema, .answer = &queued_schema, .summary = "Change its text."},
	{"DELETE", V1 "/queued/{id}", "deleteQueued", queued_delete_one, ACCESS_USER, .status = 204,
		.summary = "Take it out of the queue: it is not asked."},
	{"POST", V1 "/queued/{id}/send", "sendQueued", queued_send, ACCESS_USER, ROUTE_SLOW, .status = 202,
		.answer = &turn_started_schema,
		FAILS(E_CONFLICT, E_MODEL_UNKNOWN, E_MODEL_CANNOT, E_LIMIT, E_BUDGET, PROVIDER_FAILS),
		.summary = "Ask it now; an answer that is being written is stopped first."},
};
/* clang-format on */
const struct route_set queue_routes = ROUTES(routes);
