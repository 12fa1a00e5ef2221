/* context_api.c - what models are given: of a turn that was, and of one that might be. */
#include "api/answer.h"
#include "api/request.h"
#include "store/messages.h"
#include "store/turns.h"

struct draft {
	const char *content, *model;
	atelier_id assistant_id;
};

static const struct field draft_fields[] = {
	FIELD_TEXT(struct draft, content, "content", 0, 0, 0, "What the user is about to say."),
	FIELD_STR(struct draft, model, "model", 1, 200, 0, "Who is to answer; null: as of a turn."),
	FIELD_ID(struct draft, assistant_id, "assistant_id", 0, "The assistant that is to answer; null: as of a turn."),
};
static const struct schema draft_schema =
	SCHEMA("ContextDraft", struct draft, draft_fields, "A question that might be asked.");

static int context_post(struct request *q)
{
	const struct draft *in = q->body;
	const struct turn_request t = {.user_id = q->who.user.id,
		.conversation_id = q->arg_id,
		.content = in->content ? in->content : "",
		.model = in->model,
		.assistant_id = in->assistant_id};
	struct context *out = ARENA_NEW(&q->mem, struct context);

	q->answer = out;
	return out ? turn_preview(q->api->c.turns, &t, &q->mem, out, &q->err) : request_no_memory(q);
}

/* ---- of a turn ---- */

struct found {
	struct turn_record turn;
	struct message question, answer;
	struct context *context;
};

static int read_kept(struct request *q, struct db_conn *c, struct found *f)
{
	const char *json = NULL;
	int r = turns_get(c, q->who.user.id, q->arg_id, &q->mem, &f->turn, &q->err);

	if (r == 0)
		r = turns_prompt(c, q->arg_id, &q->mem, &json, &q->err);
	if (r == 0 && !json)
		return err_set(&q->err, E_NOT_FOUND, "What this turn was given was not kept: it is older than that.");
	if (r == 0)
		r = schema_parse(&context_schema, str_from(json), f->context, &q->mem, &q->err);
	if (r == 0)
		r = messages_get(c, q->who.user.id, f->turn.message_id, &q->mem, &f->answer, &q->err);
	return r < 0 ? r : messages_get(c, q->who.user.id, f->turn.user_message_id, &q->mem, &f->question, &q->err);
}

static int set_ids(struct request *q, struct context_stage *s, const struct message_size *items, size_t n)
{
	const char **ids = ARENA_ARRAY(&q->mem, const char *, n + 1);
	char(*text)[ID_LEN + 1] = arena_alloc(&q->mem, (n + 1) * sizeof *text);

	if (!ids || !text)
		return request_no_memory(q);
	for (size_t i = 0; i < n; i++) {
		id_format(items[i].id, text[i]);
		ids[i] = text[i];
	}
	s->message_ids = (struct schema_list){ids, n};
	return 0;
}

/* The messages of a stage are the end of the branch that ends where it ends. */
static int list_messages(struct request *q, struct db_conn *c, const struct found *f, struct context_stage *s)
{
	bool asks = strcmp(s->stage, "question") == 0;
	atelier_id question = f->turn.user_message_id;
	atelier_id last = f->turn.continues ? (asks ? f->turn.message_id : question)
			  : asks            ? question
					    : f->question.parent_id;
	struct message_size *items = NULL;
	bool more;
	size_t n = 0;
	int r = 0;

	if (s->messages > 0 && strcmp(s->stage, "summary") != 0)
		r = messages_sizes(
			c, f->turn.conversation_id, last, (size_t)s->messages, &q->mem, &items, &n, &more, &q->err);
	return r < 0 ? r : set_ids(q, s, items, n);
}

static int prompt_get(struct request *q)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	struct found f = {.context = ARENA_NEW(&q->mem, struct context)};
	int r;

	if (!f.context)
		return request_no_memory(q);
	r = read_kept(q, c, &f);
	if (r < 0)
		return r;
	struct context_stage *stages = f.context->stages.items;
	for (size_t i = 0; r == 0 && i < f.context->stages.n; i++)
		r = list_messages(q, c, &f, &stages[i]);
	const struct message_figures *figures = &f.answer.figures;
	if (figures->exact && figures->tokens_in > 0 && f.answer.turn_id == f.turn.id && !f.turn.continues) {
		f.context->tokens = figures->tokens_in;
		f.context->exact = true;
	}
	q->answer = f.context;
	return r;
}

/* clang-format off */
static const struct route routes[] = {
	{"GET", V1 "/turns/{id}/prompt", "getTurnPrompt", prompt_get, ACCESS_USER, .status = 200,
		.answer = &context_schema, .summary = "What the model was given for a turn, stage by stage."},
	{"POST", V1 "/conversations/{id}/context", "countContext", context_post, ACCESS_USER, .status = 200,
		.body = &draft_schema, .answer = &context_schema, FAILS(E_MODEL_UNKNOWN, E_MODEL_CANNOT),
		.summary = "What the model would be given for a question: how full its window is."},
};
/* clang-format on */
const struct route_set context_routes = ROUTES(routes);
