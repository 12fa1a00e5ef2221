/*
 * messages_api.c - what was said in a conversation. A page is the newest part of the branch that is shown, and is made
 * in an arena that is thrown away when it gets too full: then a shorter page is tried, for some messages have
 * megabytes.
 */
#include <errno.h>

#include "api/conversations.h"
#include "api/files.h"
#include "base/json.h"
#include "store/messages.h"
#include "store/tree.h"
#include "store/turn_calls.h"

struct message_error {
	const char *code, *message;
};

static const struct field message_error_fields[] = {
	FIELD_STR(struct message_error, code, "code", 0, 0, FIELD_REQUIRED, "As in the table of errors."),
	FIELD_STR(struct message_error, message, "message", 0, 0, FIELD_REQUIRED, "Sentence for the person."),
};
static const struct schema message_error_schema =
	SCHEMA("MessageError", struct message_error, message_error_fields, "Why an answer ended early.");

/* Whether a call may run. */
struct approval_answer {
	const char *effect, *decision, *reason;
	int64_t expires_at;
	bool unknown;
};

#define A struct approval_answer
static const struct field approval_fields[] = {
	FIELD_STR(A, effect, "effect", 0, 0, FIELD_REQUIRED,
		"What it may do: writes, destroys, outside (reaches beyond this machine)."),
	FIELD_I64(A, expires_at, "expires_at", 0, 0, FIELD_REQUIRED, "Until when it can be decided (Unix ms)."),
	FIELD_BOOL(A, unknown, "unknown", FIELD_OMIT,
		"It had begun when the server ended, and nobody knows whether it was done."),
	FIELD_STR(A, decision, "decision", 0, 0, FIELD_OMIT,
		"once, conversation, always, deny, expired, canceled; missing: it is waited for."),
	FIELD_STR(A, reason, "reason", 0, 0, FIELD_OMIT, "Why not, as the person said."),
};
#undef A
static const struct schema approval_schema =
	SCHEMA("CallApproval", struct approval_answer, approval_fields, "What a person says to a call of a tool.");

/* Of a part, for the description: the JSON itself is stored (turn/parts.h). Which fields there are is said by `type`. */
struct part_answer {
	const char *type, *text, *id, *name, *arguments, *result, *title, *url, *quote, *code, *media_type, *heading,
		*parent, *place, *label, *source, *structured, *files, *questions, *steps, *extras, *thoughts;
	atelier_id document_id, passage_id;
	struct approval_answer approval;
	int64_t n, width, height, page, round, duration_ms, count, tokens;
	double score;
	bool failed, cut;
};

#define P struct part_answer
static const struct field part_fields[] = {
	FIELD_ENUM(
		P, type, "type", "text reasoning tool_call citation notice image plan", FIELD_REQUIRED, "What it is."),
	FIELD_TEXT(P, text, "text", 0, 0, FIELD_OMIT, "Of a text (Markdown), reasoning or notice: its words."),
	FIELD_STR(P, id, "id", 0, 0, FIELD_OMIT, "Of a call of a tool, or of a picture: its id."),
	FIELD_STR(P, name, "name", 0, 0, FIELD_OMIT, "Of a call: the tool; of a picture: what it is called."),
	FIELD_TEXT(P, arguments, "arguments", 0, 0, FIELD_OMIT, "Of a call: the text of a JSON object."),
	FIELD_TEXT(P, result, "result", 0, 0, FIELD_OMIT, "Of a call: what it came to; null: nothing yet."),
	FIELD_BOOL(P, failed, "failed", FIELD_OMIT, "Of a call: the result tells of a failure."),
	FIELD_I64(P, round, "round", 0, 0, FIELD_OMIT, "Of a call: those of one round were made together."),
	FIELD_STR(P, parent, "parent", 0, 0, FIELD_OMIT,
		"Of a call, a text, reasoning, a notice or a plan: the call whose agent it is of, not the answer's "
		"own."),
	FIELD_STR(P, source, "source", 0, 0, FIELD_OMIT,
		"Of a call: builtin, the id of a tool server, agent (another assistant), or plan."),
	FIELD(FT_JSON, P, steps, "steps", .flags = FIELD_OMIT,
		.doc = "Of a plan: what is done, in order, each with `text` and `state` (pending, active, done)."),
	FIELD(FT_JSON, P, structured, "structured", .flags = FIELD_OMIT, .doc = "Of a call: its result as data."),
	FIELD(FT_JSON, P, files, "files", .flags = FIELD_OMIT,
		.doc = "Of a call: the files it made, each with id (GET /files/{id}), name, media_type and size; "
		       "`whole`: all of a result that is cut. Of an answer that is not kept `data` (base64) in place "
		       "of the id."),
	FIELD_BOOL(P, cut, "cut", FIELD_OMIT, "Of a call: the result is not all of it."),
	FIELD_I64(P, duration_ms, "duration_ms", 0, 0, FIELD_OMIT, "Of a call: how long it ran."),
	FIELD_OBJECT(P, approval, "approval", &approval_schema, FIELD_OMIT, "Of a call that a person was asked for."),
	FIELD(FT_JSON, P, questions, "questions", .flags = FIELD_OMIT,
		.doc = "Of a call: what the tool asked the person, as the event `question` has it."),
	FIELD(FT_JSON, P, extras, "extras", .flags = FIELD_OMIT,
		.doc = "Of a call: what the `provider` said of it beside, which goes back to that as it is "
		       "(`members`)."),
	FIELD(FT_JSON, P, thoughts, "thoughts", .flags = FIELD_OMIT,
		.doc = "Of a call, a text or reasoning: what the `provider` said of the reasoning beside the words, "
		       "which goes back to that as it is (`items`); of words also the `round` of calls that they are "
		       "of."),
	FIELD_I64(P, n, "n", 0, 0, FIELD_OMIT, "Of a citation: the answer refers to it as [n]."),
	FIELD_STR(P, title, "title", 0, 0, FIELD_OMIT, "Of a citation, or a call's tool: what it is called."),
	FIELD_STR(P, url, "url", 0, 0, FIELD_OMIT, "Of a citation: where it stands."),
	FIELD_TEXT(P, quote, "quote", 0, 0, FIELD_OMIT, "Of a citation: its words."),
	FIELD_ID(P, document_id, "document_id", FIELD_OMIT, "Of a citation: the document that it is from."),
	FIELD_ID(P, passage_id, "passage_id", FIELD_OMIT, "The passage of that, as it was read then."),
	FIELD_STR(P, heading, "heading", 0, 0, FIELD_OMIT, "The headings over it."),
	FIELD_I64(P, page, "page", 0, 0, FIELD_OMIT, "Its page."),
	FIELD_STR(P, place, "place", 0, 0, FIELD_OMIT,
		"What that is: page, slide, sheet, chapter, message, cell or file."),
	FIELD_STR(P, label, "label", 0, 0, FIELD_OMIT,
		"What it is called in the file, as a sheet is; of a page in an archive, the file that it is of."),
	FIELD_F64(P, score, "score", 0, 0, FIELD_OMIT, "By which it was found, to be compared with its neighbours'."),
	FIELD_STR(P, media_type, "media_type", 0, 0, FIELD_OMIT, "Of a picture: image/png and the like."),
	FIELD_I64(P, width, "width", 0, 0, FIELD_OMIT, "Of a picture: pixels, as it is shown."),
	FIELD_I64(P, height, "height", 0, 0, FIELD_OMIT, "Likewise."),
	FIELD_STR(P, code, "code", 0, 0, FIELD_OMIT, "Of a notice: what it is about, as in the table of events."),
	FIELD_I64(P, count, "count", 0, 0, FIELD_OMIT, "Of a notice about the oldest messages: how many."),
	FIELD_I64(P, tokens, "tokens", 0, 0, FIELD_OMIT, "About how many tokens these have, where it is known."),
};
#undef P
const struct schema message_part_schema =
	SCHEMA("MessagePart", struct part_answer, part_fields, "A part of a message.");

struct message_answer {
	struct message m;
	const char *parts;
	struct schema_list siblings, compared;
	struct message_error error;
	bool has_error, has_in, has_out, has_cached, has_reasoning, has_cost, has_first, has_duration;
};

#define M                               struct message_answer
#define FIGURE(member, has, wire, text) FIELD_MAYBE(FT_I64, M, m.figures.member, has, wire, NULL, text)
static const struct field sibling_item = {.type = FT_ID};
static const struct field message_fields[] = {
	FIELD_ID(M, m.id, "id", FIELD_REQUIRED, "Identifier."),
	FIELD_ID(M, m.conversation_id, "conversation_id", FIELD_REQUIRED, "Where it stands."),
	FIELD_ID(M, m.parent_id, "parent_id", 0, "The message before it; null: the first."),
	FIELD(FT_STRS, M, siblings, "siblings", .item = &sibling_item, .flags = FIELD_REQUIRED,
		.doc = "All messages with the same parent, this one among them, oldest first."),
	FIELD(FT_STRS, M, compared, "compared", .item = &sibling_item, .flags = FIELD_REQUIRED,
		.doc = "Of an answer that is compared with others until one is kept: these, itself among them, in the "
		       "order in which the models were named. Else empty."),
	FIELD_ENUM(M, m.role, "role", MESSAGE_USER " " MESSAGE_ASSISTANT, FIELD_REQUIRED, "Who said it."),
	FIELD_TEXT(M, m.content, "content", 0, 0, FIELD_REQUIRED,
		"All its text (Markdown), put together. Of a running one: what was there before."),
	FIELD(FT_JSON, M, parts, "parts", .sub = &message_part_schema, .flags = FIELD_REQUIRED,
		.doc = "What it is made of, in order. Of a running one: what was there before."),
	FIELD_ENUM(M, m.state, "state",
		STATE_COMPLETE " " STATE_RUNNING " " STATE_WAITING " " STATE_CANCELED " " STATE_FAILED
			       " " STATE_INTERRUPTED,
		FIELD_REQUIRED,
		"A running one: follow the events of turn_id behind `last_event`. A waiting one waits for a person."),
	FIELD_STR(M, m.model, "model", 0, 0, 0, "Who answered; null for a user's message."),
	FIELD_ID(M, m.turn_id, "turn_id", 0, "The last turn that wrote it; null: none."),
	FIELD_I64(M, m.last_event, "last_event", 0, 0, FIELD_REQUIRED,
		"Of a running or waiting one: number of the last event of turn_id that `parts` have. Else 0."),
	FIELD_MAYBE(FT_OBJECT, M, error, has_error, "error", &message_error_schema,
		"Why it ended early; null: it did not."),
	FIELD_STR(
		M, m.finish_reason, "finish_reason", 0, 0, 0, "Why the model stopped: stop, length, or its own word."),
	FIGURE(tokens_in, has_in, "tokens_in", "Input tokens, of all its turns; null: not known."),
	FIGURE(tokens_out, has_out, "tokens_out", "Output tokens; null: not known."),
	FIGURE(tokens_cached, has_cached, "tokens_cached", "Of those read: from the provider's cache; null: none."),
	FIGURE(tokens_reasoning, has_reasoning, "tokens_reasoning", "Of those written: reasoning; null: not known."),
	FIELD_BOOL(M, m.figures.exact, "tokens_exact", FIELD_REQUIRED, "False: the numbers are estimated."),
	FIGURE(cost_micros, has_cost, "cost_micros", "Millionths of the currency; null: no price is known."),
	FIGURE(first_token_ms, has_first, "first_token_ms", "Milliseconds until the answer began; null: not known."),
	FIGURE(duration_ms, has_duration, "duration_ms", "Milliseconds that its turns took; null: not known."),
	FIELD_BOOL(M, m.pinned, "pinned", FIELD_REQUIRED, "Whether it is pinned."),
	FIELD_TIME(M, m.created_at, "created_at", FIELD_REQUIRED, "When it was sent or begun."),
};
static const struct schema message_schema = SCHEMA("Message", M, message_fields, "One thing that was said.");
#undef FIGURE
#undef M

struct message_page {
	struct schema_list items;
	atelier_id next, newer;
};

static const struct field message_page_fields[] = {
	FIELD_LIST(struct message_page, items, "items", &message_schema, 0, FIELD_REQUIRED, "Oldest first."),
	FIELD_ID(struct message_page, next, "next", 0, "`before` of the older page; null: this has the first message."),
	FIELD_ID(struct message_page, newer, "newer", 0,
		"`after` of the newer page; null: this has the last message of the branch shown."),
};
static const struct schema message_page_schema =
	SCHEMA("MessagePage", struct message_page, message_page_fields, "A part of a conversation.");

const char *message_only_part(struct arena *a, const char *content)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(REQUEST_MEMORY);

	if (!*content)
		return "[]";
	buf_add_str(&b, "[{\"type\":\"text\",\"text\":");
	json_add_cstr(&b, content);
	buf_add_str(&b, "}]");
	return buf_status(&b) < 0 ? NULL : arena_strndup(a, b.p, b.n);
}

static int list_ids(struct arena *a, const atelier_id *from, size_t n, struct schema_list *ret)
{
	const char **ids = ARENA_ARRAY(a, const char *, n + 1);
	char(*text)[ID_LEN + 1] = arena_alloc(a, (n + 1) * sizeof *text);

	if (!ids || !text)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		id_format(from[i], text[i]);
		ids[i] = text[i];
	}
	*ret = (struct schema_list){ids, n};
	return 0;
}

static int answer_of(struct arena *a, const struct message *m, struct message_answer *ret)
{
	const struct message_figures *f = &m->figures;

	*ret = (struct message_answer){.m = *m,
		.parts = m->parts ? m->parts : message_only_part(a, m->content),
		.has_in = f->tokens_in > 0,
		.has_out = f->tokens_in > 0 || f->tokens_out > 0,
		.has_cached = f->tokens_cached > 0,
		.has_reasoning = f->tokens_reasoning > 0,
		.has_cost = f->cost_micros > 0,
		.has_first = f->first_token_ms > 0,
		.has_duration = f->duration_ms > 0,
		.has_error = m->error_code != NULL,
		.error = {.code = m->error_code, .message = m->error_text ? m->error_text : ""}};
	if (!ret->parts || list_ids(a, m->siblings, m->n_siblings, &ret->siblings) < 0)
		return -ENOMEM;
	return list_ids(a, m->together, m->n_together, &ret->compared);
}

static void add_decision(json_t *part, const struct turn_call *call)
{
	json_t *approval = json_object_get(part, "approval");

	if (!approval || !call->decision || strcmp(call->call_id, json_get_str(part, "id")) != 0)
		return;
	json_object_set_new(approval, "decision", json_string(call->decision));
	if (call->reason)
		json_object_set_new(approval, "reason", json_string(call->reason));
}

/* What was decided of the calls of an answer that still waits for others: it is in its parts only when it goes on. */
static int add_decisions(
	struct db_conn *c, const struct message *m, struct arena *a, struct message_answer *ret, struct err *e)
{
	CLEANUP(json_decrefp) json_t *parts = NULL;
	CLEANUP(buf_done) struct buf text = BUF_INIT(REQUEST_MEMORY);
	struct turn_call_list calls = {.n = 0};
	size_t at;
	json_t *part;
	int r;

	if (!m->turn_id || !m->parts || strcmp(m->state, STATE_WAITING) != 0)
		return 0;
	if ((r = turn_calls_list(c, m->turn_id, a, &calls, e)) < 0 ||
		(r = json_parse(m->parts, strlen(m->parts), &parts, e)) < 0)
		return r;
	json_array_foreach(parts, at, part)
	{
		for (size_t i = 0; i < calls.n && json_get_str(part, "id"); i++)
			add_decision(part, &calls.items[i]);
	}
	json_add_value(&text, parts);
	ret->parts = buf_status(&text) < 0 ? NULL : arena_strndup(a, text.p, text.n);
	return ret->parts ? 0 : -ENOMEM;
}

static int answer_whole(
	struct db_conn *c, const struct message *m, struct arena *a, struct message_answer *ret, struct err *e)
{
	int r = answer_of(a, m, ret);

	return r < 0 ? r : add_decisions(c, m, a, ret, e);
}

/* One page into an arena of its own. */
static int load_page(
	struct request *q, const struct message_place *at, size_t limit, struct arena *a, struct message_page *ret)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	struct message_list list;
	struct err e = {0};
	int r = messages_list(c, at, limit, a, &list, &e);

	if (r < 0 && r != -ENOMEM)
		q->err = e;
	if (r < 0)
		return r;
	struct message_answer *items = ARENA_ARRAY(a, struct message_answer, MAX(list.n, 1));
	if (!items)
		return -ENOMEM;
	for (size_t i = 0; i < list.n && r == 0; i++)
		r = answer_whole(c, &list.items[i], a, &items[i], &e);
	if (r < 0 && r != -ENOMEM)
		q->err = e;
	ret->items = (struct schema_list){items, list.n};
	ret->next = list.more && list.n ? list.items[0].id : 0;
	ret->newer = list.newer && list.n ? list.items[list.n - 1].id : 0;
	return r;
}

static int read_place(struct request *q, struct message_place *ret)
{
	int r;

	*ret = (struct message_place){.user_id = q->who.user.id, .conversation_id = q->arg_id};
	r = request_id(q, "before", &ret->before_id);
	if (r == 0)
		r = request_id(q, "after", &ret->after_id);
	if (r == 0)
		r = request_id(q, "around", &ret->around_id);
	if (r == 0 && !!ret->before_id + !!ret->after_id + !!ret->around_id > 1)
		r = err_set(&q->err, E_INVALID, "Send one of \"before\", \"after\" and \"around\", not more.");
	return r;
}

static int messages_get_all(struct request *q)
{
	struct message_page *out = ARENA_NEW(&q->mem, struct message_page);
	struct message_place at;
	int64_t limit;
	int r = request_i64(q, "limit", &limit);

	if (r == 0)
		r = read_place(q, &at);
	if (r < 0)
		return r;
	if (!out)
		return request_no_memory(q);
	ASSERT(limit > 0); /* which is what it comes down to */
	q->answer = out;
	/* A page of very long messages is cut to what fits: the rest is behind `next`. */
	for (;;) {
		r = load_page(q, &at, (size_t)limit, &q->spare, out);
		if (r != -ENOMEM || limit == 1)
			return r;
		limit = MAX(limit / 4, 1);
		arena_done(&q->spare);
		arena_init(&q->spare, REQUEST_MEMORY);
	}
}

static const struct param message_list_params[] = {
	{.name = "before", .type = PARAM_ID, .doc = "`next` of the newer page."},
	{.name = "after", .type = PARAM_ID, .doc = "`newer` of the older page; in place of `before`."},
	{.name = "around",
		.type = PARAM_ID,
		.doc = "A message of the branch shown, which the page has in its middle; in place of both."},
	{.name = "limit", .type = PARAM_I64, .min = 1, .max = 500, .otherwise = 100, .doc = "Messages of a page."},
};

/* ---- one message ---- */

struct message_edit {
	bool pinned;
};

static const struct field message_patch_fields[] = {
	FIELD_BOOL(struct message_edit, pinned, "pinned", FIELD_REQUIRED, "Whether it is pinned."),
};
static const struct schema message_patch_schema =
	SCHEMA("MessagePatch", struct message_edit, message_patch_fields, "What to change.");

static const struct field cut_fields[] = {
	FIELD_I64(struct tree_cut, messages, "messages", 0, 0, FIELD_REQUIRED, "How many go, this one among them."),
	FIELD_I64(struct tree_cut, answers, "answers", 0, 0, FIELD_REQUIRED, "Of these: answers."),
	FIELD_ID(struct tree_cut, conversation_id, "conversation_id", FIELD_REQUIRED, "Where they stand."),
	FIELD_ID(struct tree_cut, leaf_id, "leaf_id", 0,
		"The last message of the branch shown then; null: none is left."),
};
static const struct schema cut_schema =
	SCHEMA("MessagesDeleted", struct tree_cut, cut_fields, "A message with all that stands below it.");

static int load(struct request *q, struct message *ret)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	int r = messages_get(c, q->who.user.id, q->arg_id, &q->mem, ret, &q->err);

	return r < 0 ? r : messages_add_siblings(c, ret, &q->mem, &q->err);
}

static int message_get(struct request *q)
{
	struct message_answer *out = ARENA_NEW(&q->mem, struct message_answer);
	struct message m;
	int r = load(q, &m);

	if (r < 0)
		return r;
	if (!out)
		return request_no_memory(q);
	q->answer = out;
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	r = answer_whole(c, &m, &q->mem, out, &q->err);
	return r == -ENOMEM ? request_no_memory(q) : r;
}

static int message_patch(struct request *q)
{
	const struct message_edit *in = q->body;
	struct message m;
	int r = tree_pin(q->api->c.db, q->who.user.id, q->arg_id, in->pinned, &q->err);

	if (r == 0)
		r = load(q, &m);
	if (r < 0)
		return r;
	tell_conversation(q, m.conversation_id, "updated");
	return message_get(q);
}

static int message_delete(struct request *q)
{
	struct tree_cut *out = ARENA_NEW(&q->mem, struct tree_cut);
	bool dry;
	int r = request_bool(q, "dry_run", &dry);

	if (r < 0)
		return r;
	if (!out)
		return request_no_memory(q);
	*out = (struct tree_cut){.user_id = q->who.user.id, .message_id = q->arg_id, .dry = dry};
	r = tree_delete(q->api->c.db, out, &q->err);
	if (r == 0 && !dry) {
		tell_conversation(q, out->conversation_id, "updated");
		files_tidy(q, q->who.user.id);
	}
	q->answer = out;
	return r;
}

static int message_keep(struct request *q)
{
	struct tree_choice x = {.user_id = q->who.user.id, .message_id = q->arg_id};
	int r = tree_keep(q->api->c.db, &x, &q->err);

	if (r < 0)
		return r;
	tell_conversation(q, x.conversation_id, "updated");
	turn_queue_go_on(q->api->c.turns, q->who.user.id, x.conversation_id);
	return answer_conversation(q, x.conversation_id);
}

static const struct param message_delete_params[] = {
	{.name = "dry_run", .type = PARAM_BOOL, .doc = "Only tell what would go."},
};

/* clang-format off */
static const struct route routes[] = {
	{"GET", V1 "/conversations/{id}/messages", "listMessages", messages_get_all, ACCESS_USER, .status = 200,
		PARAMS(message_list_params), .answer = &message_page_schema,
		.summary = "The messages of the branch shown, from the newest page backwards; within a page the oldest first."},
	{"GET", V1 "/messages/{id}", "getMessage", message_get, ACCESS_USER, .status = 200,
		.answer = &message_schema, .summary = "One message."},
	{"PATCH", V1 "/messages/{id}", "updateMessage", message_patch, ACCESS_USER, .status = 200,
		.body = &message_patch_schema, .answer = &message_schema, .summary = "Pin a message, or take the pin away."},
	{"POST", V1 "/messages/{id}/keep", "keepMessage", message_keep, ACCESS_USER, .status = 200,
		.answer = &conversation_schema, FAILS(E_CONFLICT),
		.summary = "Go on with this one of several answers that are compared; the others stay beside it."},
	{"DELETE", V1 "/messages/{id}", "deleteMessage", message_delete, ACCESS_USER, .status = 200,
		PARAMS(message_delete_params), .answer = &cut_schema, FAILS(E_CONFLICT),
		.summary = "Delete a message with all that stands below it, or tell what would go."},
};
/* clang-format on */
const struct route_set messages_routes = ROUTES(routes);
