/* messages_api.c - what was said in a conversation. */
#include <errno.h>

#include "api/answer.h"
#include "api/request.h"
#include "base/json.h"
#include "store/messages.h"

struct message_error {
	const char *code, *message;
};

static const struct field message_error_fields[] = {
	FIELD_STR(struct message_error, code, "code", 0, 0, FIELD_REQUIRED, "As in the table of errors."),
	FIELD_STR(struct message_error, message, "message", 0, 0, FIELD_REQUIRED, "Sentence for the person."),
};
static const struct schema message_error_schema =
	SCHEMA("MessageError", struct message_error, message_error_fields, "Why an answer ended early.");

struct citation {
	int64_t n;
	const char *title, *url, *quote;
};

static const struct field citation_fields[] = {
	FIELD_I64(struct citation, n, "n", 0, 0, FIELD_REQUIRED, "The answer refers to it as [n]."),
	FIELD_STR(struct citation, title, "title", 0, 0, FIELD_REQUIRED, "What it is called."),
	FIELD_STR(struct citation, url, "url", 0, 0, FIELD_REQUIRED, "Where it stands."),
	FIELD_TEXT(struct citation, quote, "quote", 0, 0, FIELD_REQUIRED, "Its words."),
};
static const struct schema citation_schema =
	SCHEMA("Citation", struct citation, citation_fields, "A source of an answer.");

struct message_answer {
	struct message m;
	const char *reasoning;
	struct schema_list citations;
	struct message_error error;
	bool has_error, has_in, has_out, has_first, has_duration;
};

#define M struct message_answer
static const struct field message_fields[] = {
	FIELD_ID(M, m.id, "id", FIELD_REQUIRED, "Identifier."),
	FIELD_ID(M, m.conversation_id, "conversation_id", FIELD_REQUIRED, "Where it stands."),
	FIELD_ID(M, m.parent_id, "parent_id", 0, "The message before it; null: the first."),
	FIELD_ENUM(M, m.role, "role", MESSAGE_USER " " MESSAGE_ASSISTANT, FIELD_REQUIRED, "Who said it."),
	FIELD_TEXT(M, m.content, "content", 0, 0, FIELD_REQUIRED, "Markdown. Of a running one: what was there before."),
	FIELD_TEXT(M, reasoning, "reasoning", 0, 0, 0, "The model's reasoning; null: none."),
	FIELD_ENUM(M, m.state, "state",
		STATE_COMPLETE " " STATE_RUNNING " " STATE_CANCELED " " STATE_FAILED " " STATE_INTERRUPTED,
		FIELD_REQUIRED, "A running one: follow the events of turn_id from the beginning."),
	FIELD_STR(M, m.model, "model", 0, 0, 0, "Who answered; null for a user's message."),
	FIELD_ID(M, m.turn_id, "turn_id", 0, "The last turn that wrote it; null: none."),
	FIELD_LIST(M, citations, "citations", &citation_schema, 0, FIELD_REQUIRED, "Sources of the answer."),
	FIELD_MAYBE(FT_OBJECT, M, error, has_error, "error", &message_error_schema,
		"Why it ended early; null: it did not."),
	FIELD_STR(
		M, m.finish_reason, "finish_reason", 0, 0, 0, "Why the model stopped: stop, length, or its own word."),
	FIELD_MAYBE(FT_I64, M, m.tokens_in, has_in, "tokens_in", NULL, "Tokens read; null: not known."),
	FIELD_MAYBE(FT_I64, M, m.tokens_out, has_out, "tokens_out", NULL, "Tokens written; null: not known."),
	FIELD_BOOL(M, m.tokens_exact, "tokens_exact", FIELD_REQUIRED, "False: the numbers are estimated."),
	FIELD_MAYBE(FT_I64, M, m.first_token_ms, has_first, "first_token_ms", NULL,
		"Milliseconds until the answer began; null: not known."),
	FIELD_MAYBE(FT_I64, M, m.duration_ms, has_duration, "duration_ms", NULL,
		"Milliseconds until it ended; null: not known."),
	FIELD_TIME(M, m.created_at, "created_at", FIELD_REQUIRED, "When it was sent or begun."),
};
static const struct schema message_schema = SCHEMA("Message", M, message_fields, "One thing that was said.");
#undef M

struct message_page {
	struct schema_list items;
	atelier_id next;
};

static const struct field message_page_fields[] = {
	FIELD_LIST(struct message_page, items, "items", &message_schema, 0, FIELD_REQUIRED, "Oldest first."),
	FIELD_ID(struct message_page, next, "next", 0, "`before` of the older page; null: this has the first message."),
};
static const struct schema message_page_schema =
	SCHEMA("MessagePage", struct message_page, message_page_fields, "A part of a conversation.");

static const char *str_or_empty(const json_t *obj, const char *key, struct arena *a)
{
	const char *s = json_get_str(obj, key);
	const char *copy = arena_strdup(a, s ? s : "");

	return copy ? copy : "";
}

/* What the turn stored as JSON, in the shape that is promised. */
static int fill_citations(struct arena *a, const char *text, struct schema_list *ret)
{
	CLEANUP(json_decrefp) json_t *list = NULL;

	if (!text || json_parse(text, strlen(text), &list, NULL) < 0 || !json_is_array(list) || !json_array_size(list))
		return 0;
	size_t n = json_array_size(list);
	struct citation *items = ARENA_ARRAY(a, struct citation, n);
	if (!items)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const json_t *one = json_array_get(list, i);
		items[i] = (struct citation){.n = json_get_i64(one, "n", (int64_t)i + 1),
			.title = str_or_empty(one, "title", a),
			.url = str_or_empty(one, "url", a),
			.quote = str_or_empty(one, "quote", a)};
	}
	*ret = (struct schema_list){items, n};
	return 0;
}

static int answer_of(struct arena *a, const struct message *m, struct message_answer *ret)
{
	bool answer = strcmp(m->role, MESSAGE_ASSISTANT) == 0;

	*ret = (struct message_answer){.m = *m,
		.reasoning = m->reasoning && *m->reasoning ? m->reasoning : NULL,
		.has_in = answer && m->tokens_in > 0,
		.has_out = answer && (m->tokens_in > 0 || m->tokens_out > 0),
		.has_first = answer && m->first_token_ms > 0,
		.has_duration = answer && m->duration_ms > 0,
		.has_error = m->error_code != NULL,
		.error = {.code = m->error_code, .message = m->error_text ? m->error_text : ""}};
	if (!ret->m.content)
		ret->m.content = "";
	return fill_citations(a, m->citations, &ret->citations);
}

/* One page into an arena of its own. */
static int load_page(struct request *q, atelier_id before, size_t limit, struct arena *a, struct message_page *ret)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	struct message_list list;
	struct err e = {0};
	int r = messages_list(c, q->who.user.id, q->arg_id, before, limit, a, &list, &e);

	if (r < 0 && r != -ENOMEM)
		q->err = e;
	if (r < 0)
		return r;
	struct message_answer *items = ARENA_ARRAY(a, struct message_answer, MAX(list.n, 1));
	if (!items)
		return -ENOMEM;
	for (size_t i = 0; i < list.n && r == 0; i++)
		r = answer_of(a, &list.items[i], &items[i]);
	ret->items = (struct schema_list){items, list.n};
	ret->next = list.more && list.n ? list.items[0].id : 0;
	return r;
}

static int messages_get_all(struct request *q)
{
	struct message_page *out = ARENA_NEW(&q->mem, struct message_page);
	atelier_id before;
	int64_t limit;
	int r = request_i64(q, "limit", &limit);

	if (r == 0)
		r = request_id(q, "before", &before);
	if (r < 0)
		return r;
	if (!out)
		return request_no_memory(q);
	q->answer = out;
	/* A page of very long messages is cut to what fits: the rest is behind `next`. */
	for (;;) {
		r = load_page(q, before, (size_t)limit, &q->spare, out);
		if (r != -ENOMEM || limit == 1)
			return r;
		limit = MAX(limit / 4, 1);
		arena_done(&q->spare);
		arena_init(&q->spare, REQUEST_MEMORY);
	}
}

static const struct param message_list_params[] = {
	{.name = "before", .type = PARAM_ID, .doc = "`next` of the newer page."},
	{.name = "limit", .type = PARAM_I64, .min = 1, .max = 500, .otherwise = 100, .doc = "Messages of a page."},
};

/* clang-format off */
static const struct route routes[] = {
	{"GET", V1 "/conversations/{id}/messages", "listMessages", messages_get_all, ACCESS_USER, .status = 200,
		PARAMS(message_list_params), .answer = &message_page_schema,
		.summary = "The messages, from the newest page backwards; within a page the oldest first."},
};
/* clang-format on */
const struct route_set messages_routes = ROUTES(routes);
