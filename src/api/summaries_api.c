/* summaries_api.c - what models are given in place of the beginning of a long conversation: to be looked at, and mended. */
#include "api/conversations.h"
#include "store/summaries.h"

#define S struct summary
static const struct field summary_fields[] = {
	FIELD_ID(S, id, "id", FIELD_REQUIRED, "Identifier."),
	FIELD_ID(S, conversation_id, "conversation_id", FIELD_REQUIRED, "Where it stands."),
	FIELD_ID(S, message_id, "message_id", FIELD_REQUIRED, "The last message that it stands for."),
	FIELD_I64(S, messages, "messages", 0, 0, FIELD_REQUIRED, "How many it stands for, from the first on."),
	FIELD_TEXT(S, text, "text", 0, 0, FIELD_REQUIRED, "What models are given in their place."),
	FIELD_STR(S, model, "model", 0, 0, 0, "Who wrote it; null: not known."),
	FIELD_BOOL(S, edited, "edited", FIELD_REQUIRED, "Whether the person has changed it since."),
	FIELD_TIME(S, created_at, "created_at", FIELD_REQUIRED, "When it was made."),
	FIELD_TIME(S, updated_at, "updated_at", FIELD_REQUIRED, "When it was changed."),
};
static const struct schema summary_schema = SCHEMA("Summary", S, summary_fields,
	"What stands in a prompt for the messages at the beginning of a branch, which stay as they are.");
static const struct field patch_fields[] = {
	FIELD(FT_TEXT, S, text, "text", .min = 1, .max = SUMMARY_MAX, .flags = FIELD_REQUIRED,
		.pattern = "[^ \t\r\n\f\v]", .hint = "more than blanks", .doc = "What models are given from now on."),
};
static const struct schema patch_schema = SCHEMA("SummaryPatch", S, patch_fields, "Another text.");
#undef S

static int shown_get(struct request *q)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	struct summary *out = ARENA_NEW(&q->mem, struct summary);

	q->answer = out;
	return out ? summaries_shown(c, q->who.user.id, q->arg_id, &q->mem, out, &q->err) : request_no_memory(q);
}

static int summary_get(struct request *q)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	struct summary *out = ARENA_NEW(&q->mem, struct summary);

	q->answer = out;
	return out ? summaries_get(c, q->who.user.id, q->arg_id, &q->mem, out, &q->err) : request_no_memory(q);
}

static int summary_patch(struct request *q)
{
	const struct summary *in = q->body;
	atelier_id conversation_id = 0;
	int r = summaries_edit(q->api->c.db, q->who.user.id, q->arg_id, in->text, &conversation_id, &q->err);

	if (r < 0)
		return r;
	tell_conversation(q, conversation_id, "updated");
	return summary_get(q);
}

static int summary_delete(struct request *q)
{
	atelier_id conversation_id = 0;
	int r = summaries_delete(q->api->c.db, q->who.user.id, q->arg_id, &conversation_id, &q->err);

	if (r == 0)
		tell_conversation(q, conversation_id, "updated");
	return r;
}

/* clang-format off */
static const struct route routes[] = {
	{"GET", V1 "/conversations/{id}/summary", "getConversationSummary", shown_get, ACCESS_USER, .status = 200,
		.answer = &summary_schema, .summary = "What models are given in place of the beginning of the branch shown."},
	{"GET", V1 "/summaries/{id}", "getSummary", summary_get, ACCESS_USER, .status = 200,
		.answer = &summary_schema, .summary = "One summary."},
	{"PATCH", V1 "/summaries/{id}", "updateSummary", summary_patch, ACCESS_USER, .status = 200,
		.body = &patch_schema, .answer = &summary_schema, .summary = "Change its text; the next answers get that."},
	{"DELETE", V1 "/summaries/{id}", "deleteSummary", summary_delete, ACCESS_USER, .status = 204,
		.summary = "Delete a summary; where one is needed again, it is made anew."},
};
/* clang-format on */
const struct route_set summaries_routes = ROUTES(routes);
