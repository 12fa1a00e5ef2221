/*
 * find_api.c - the full-text search over one's own conversations. The first page begins with titles, which have no
 * place in the list; from then on the cursor is the last message told.
 */
#include "api/answer.h"
#include "api/conversations.h"
#include "api/request.h"
#include "base/clock.h"
#include "store/find.h"
#include "store/messages.h"

#define PAGE_ITEMS 20

struct hit_answer {
	struct find_hit h;
	const char *kind;
	struct schema_list snippet;
};

static const struct field piece_fields[] = {
	FIELD_TEXT(struct find_piece, text, "text", 0, 0, FIELD_REQUIRED, "Its words."),
	FIELD_BOOL(struct find_piece, hit, "hit", FIELD_REQUIRED, "This is what was found."),
};
static const struct schema piece_schema =
	SCHEMA("SnippetPiece", struct find_piece, piece_fields, "A piece of the text around what was found.");

#define H struct hit_answer
static const struct field hit_fields[] = {
	FIELD_ENUM(H, kind, "kind", "title message", FIELD_REQUIRED, "Where it was found."),
	FIELD_ID(H, h.conversation_id, "conversation_id", FIELD_REQUIRED, "The conversation."),
	FIELD_STR(H, h.title, "title", 0, 0, FIELD_REQUIRED, "Its title."),
	FIELD_ID(H, h.message_id, "message_id", 0,
		"The message, also for `leaf_id` of the conversation, which shows its branch; null: the title was "
		"found."),
	FIELD_STR(H, h.role, "role", 0, 0, 0, "Who said it; null: the title was found."),
	FIELD_STR(H, h.model, "model", 0, 0, 0, "Who answered; null: no model did."),
	FIELD_TIME(
		H, h.created_at, "created_at", FIELD_REQUIRED, "When it was said, or the conversation last changed."),
	FIELD_LIST(
		H, snippet, "snippet", &piece_schema, 0, FIELD_REQUIRED, "The text around what was found, in pieces."),
};
static const struct schema hit_schema = SCHEMA("SearchHit", H, hit_fields, "Something that was found.");
#undef H
LIST_SCHEMA(search_schema, "SearchHits", &hit_schema, "Titles, then what was said; of each the newest first.",
	"What a search has found.");

static int read_time(struct request *q, const char *name, int64_t *ret)
{
	const char *text = http_query(q->x, name);

	*ret = 0;
	if (text && *text && !clock_parse(text, ret))
		return err_field(&q->err, E_INVALID, name, "must be a day (2026-11-21) or a time in UTC.");
	return 0;
}

static int read_filter(struct request *q, struct find_filter *ret)
{
	const char *model = http_query(q->x, "model"), *role = http_query(q->x, "role");
	int r;

	*ret = (struct find_filter){.user_id = q->who.user.id,
		.query = http_query(q->x, "q"),
		.model = model && *model ? model : NULL,
		.role = role && *role ? role : NULL};
	r = request_id(q, "cursor", &ret->before_id);
	if (r == 0)
		r = request_folder(q, &ret->folder_id);
	if (r == 0)
		r = request_bool(q, "pinned", &ret->pinned);
	if (r == 0)
		r = read_time(q, "from", &ret->from);
	return r < 0 ? r : read_time(q, "to", &ret->to);
}

static int search_get(struct request *q)
{
	struct find_filter f;
	struct find_result found = {0};
	int64_t limit;
	int r = request_i64(q, "limit", &limit);

	if (r == 0)
		r = read_filter(q, &f);
	if (r == 0) {
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
		r = find_all(c, &f, (size_t)limit, &q->mem, &found, &q->err);
	}
	if (r < 0)
		return r;
	/* Titles have no place in the list of messages, which goes on behind the last one. */
	ASSERT(!found.more || (found.n > 0 && found.items[found.n - 1].message_id));
	struct hit_answer *items = ARENA_ARRAY(&q->mem, struct hit_answer, found.n + 1);
	if (!items)
		return request_no_memory(q);
	for (size_t i = 0; i < found.n; i++) {
		const struct find_hit *h = &found.items[i];

		items[i] = (struct hit_answer){
			*h, h->message_id ? "message" : "title", {(void *)(uintptr_t)h->pieces, h->n_pieces}};
	}
	return answer_list(
		q, items, found.n, found.more ? answer_cursor(q, found.items[found.n - 1].message_id) : NULL);
}

/* What clock_parse reads, as a pattern of JSON. */
#define TIME_PATTERN                                                                                                   \
	"^(19[7-9][0-9]|2[0-9]{3})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"                                           \
	"(T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,3})?Z?)?$"

static const struct param search_params[] = {
	{.name = "q",
		.type = PARAM_STR,
		.required = true,
		.doc = "Words that must all be there, the last one perhaps unfinished; in quotation marks: in a row."},
	{.name = "cursor", .type = PARAM_ID, .doc = "`next` of the page before."},
	{.name = "limit",
		.type = PARAM_I64,
		.min = 1,
		.max = 100,
		.otherwise = PAGE_ITEMS,
		.doc = "Messages of a page."},
	{.name = "model", .type = PARAM_STR, .doc = "Only answers of this model."},
	{.name = "folder_id", .type = PARAM_ID, .doc = "Only in this folder."},
	{.name = "role",
		.type = PARAM_STR,
		.choices = MESSAGE_USER " " MESSAGE_ASSISTANT,
		.doc = "Only what they said."},
	{.name = "from", .type = PARAM_STR, .pattern = TIME_PATTERN, .doc = "Only since this day, or time in UTC."},
	{.name = "to", .type = PARAM_STR, .pattern = TIME_PATTERN, .doc = "Only before this day, or time in UTC."},
	{.name = "pinned", .type = PARAM_BOOL, .doc = "True: only messages that are pinned."},
};

/* clang-format off */
static const struct route routes[] = {
	{"GET", V1 "/search", "search", search_get, ACCESS_USER, .status = 200, PARAMS(search_params),
		.answer = &search_schema, FAILS(E_NOT_FOUND), .summary =
			"Find what was said in the own conversations, in the first 262,144 characters of each message, and "
			"their titles."},
};
/* clang-format on */
const struct route_set find_routes = ROUTES(routes);
