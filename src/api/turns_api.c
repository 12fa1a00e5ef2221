/*
 * turns_api.c - asking for an answer, following it, stopping it. A question is answered with where its answer is
 * followed, or with that stream itself where a client accepts one; the stream is then a reader of the turn's log like
 * any other. Whoever opens a stream looks afterwards whether the right to it still holds, as the one who takes it away
 * ends what is open behind that.
 */
#include <ctype.h>
#include <stdio.h>

#include "api/conversations.h"
#include "api/follow.h"
#include "api/turns.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/utf8.h"
#include "provider/parameters.h"
#include "store/conversations.h"
#include "store/images.h"
#include "store/turns.h"
#include "tool/tool.h"

struct turn_new {
	const char *content, *model, *tools;
	atelier_id parent_id, edit, regenerate;
	atelier_id assistant_id;
	const char *language, *time_zone;
	bool goes_on, queue, stop;
	struct schema_list attachments, models, collection_ids, document_ids;
	struct parameters options, parameters;
};

#define PLACES_MAX 100
#define TOOLS_MAX  1000

static const struct field attachment_item = {.type = FT_ID};
static const struct field model_item = {.type = FT_STR, .min = 1, .max = 200};
static const struct field turn_new_fields[] = {
	FIELD(FT_TEXT, struct turn_new, content, "content", .min = 1, .pattern = "[^ \t\r\n\f\v]",
		.hint = "more than blanks",
		.doc = "What the user says. Either this, `regenerate` or `continue`; with "
		       "`attachments` it may be missing."),
	FIELD(FT_STRS, struct turn_new, attachments, "attachments", .max = IMAGES_MAX, .item = &attachment_item,
		.flags = FIELD_UNIQUE, .doc = "Pictures of the question, as `POST /images` answers."),
	FIELD(FT_STRS, struct turn_new, collection_ids, "collection_ids", .max = PLACES_MAX, .item = &attachment_item,
		.flags = FIELD_UNIQUE, .doc = "Collections that are searched for passages to answer by."),
	FIELD(FT_STRS, struct turn_new, document_ids, "document_ids", .max = PLACES_MAX, .item = &attachment_item,
		.flags = FIELD_UNIQUE, .doc = "Single documents beside these."),
	FIELD_ID(struct turn_new, parent_id, "parent_id", 0,
		"The answer that the question stands below; null: the last one of the branch shown."),
	FIELD_ID(struct turn_new, edit, "edit", 0,
		"A question in whose place `content` is asked; both stay, side by side."),
	FIELD_ID(struct turn_new, regenerate, "regenerate", 0,
		"An answer beside which another one is written, or a question to answer once more."),
	FIELD_BOOL(struct turn_new, goes_on, "continue", 0, "True: go on with the last answer, which ended early."),
	FIELD_BOOL(struct turn_new, queue, "queue", 0,
		"True: `content` waits while an answer is being written, and is asked at the end of the branch shown "
		"when "
		"that one is complete."),
	FIELD_BOOL(struct turn_new, stop, "stop", 0,
		"True: an answer that is being written here is stopped first. Counts more than `queue`."),
	FIELD_STR(struct turn_new, model, "model", 1, 200, 0, "Id of the model; null: the conversation's."),
	FIELD(FT_STRS, struct turn_new, models, "models", .max = COMPARED_MAX, .item = &model_item,
		.flags = FIELD_UNIQUE,
		.doc = "In place of `model`, two or more: each answers, side by side, until one of the answers is "
		       "kept. "
		       "What has begun is then told as JSON, whatever is accepted."),
	FIELD(FT_JSON, struct turn_new, tools, "tools", .choices = TOOLS_WISH,
		.doc = "Tools that may be used for the answer: true (all that you have), or a list of names; null: as "
		       "the "
		       "assistant "
		       "or the conversation says."),
	FIELD_ID(struct turn_new, assistant_id, "assistant_id", 0,
		"The assistant that answers this time; null: the conversation's."),
	FIELD_OBJECT(
		struct turn_new, parameters, "parameters", &parameters_schema, 0, "How this answer is to be made."),
	FIELD_OBJECT(struct turn_new, options, "options", &parameters_schema, 0,
		"The same under its former name; `parameters` lie over it."),
	FIELD_STR(struct turn_new, language, "language", 2, 40, 0,
		"The person's language, for instructions that ask for it: a tag like de, or its name."),
	FIELD_STR(struct turn_new, time_zone, "time_zone", 1, 64, 0,
		"Where the person is, for tools that ask for it: a name like Europe/Berlin."),
};
#define NONE(name) "\"" name "\":{\"type\":\"null\"}"
#define NO_MODELS  "\"models\":{\"maxItems\":0}"
#define NO_PLACE   NONE("parent_id") "," NONE("edit") ",\"attachments\":{\"maxItems\":0}"
/* As check_what() has it. */
/* clang-format off */
static const struct schema turn_new_schema = {
	.name = "TurnNew",
	.size = sizeof(struct turn_new),
	.fields = turn_new_fields,
	.n_fields = N_ELEMENTS(turn_new_fields),
	.doc = "What to answer.",
	.rule = "\"allOf\":[{\"if\":{\"properties\":{\"queue\":{\"const\":true}},\"required\":[\"queue\"]},"
		"\"then\":{\"properties\":{" NONE("regenerate") "," NONE("parent_id") "," NONE("edit") "," NO_MODELS
		",\"continue\":{\"enum\":[false,null]}}}},"
		"{\"properties\":{\"models\":{\"not\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":1}}}},"
		"{\"if\":{\"properties\":{\"models\":{\"type\":\"array\",\"minItems\":1}},\"required\":[\"models\"]},"
		"\"then\":{\"properties\":{" NONE("model") "}}}],"
		"\"if\":{\"properties\":{\"continue\":{\"const\":true}},\"required\":[\"continue\"]},"
		"\"then\":{\"properties\":{" NONE("content") "," NONE("regenerate") "," NO_PLACE "," NO_MODELS "}},"
		"\"else\":{\"if\":{\"properties\":{\"regenerate\":{\"type\":\"string\"}},\"required\":[\"regenerate\"]},"
		"\"then\":{\"properties\":{" NONE("content") "," NO_PLACE "}},"
		"\"else\":{\"allOf\":[{\"anyOf\":["
		"{\"properties\":{\"content\":{\"type\":\"string\"}},\"required\":[\"content\"]},"
		"{\"properties\":{\"attachments\":{\"type\":\"array\",\"minItems\":1}},\"required\":[\"attachments\"]}]},"
		"{\"anyOf\":[{\"properties\":{" NONE("parent_id") "}},{\"properties\":{" NONE("edit") "}}]}]}}",
};
/* clang-format on */

struct turn_link {
	struct turn_ids ids;
	const char *stream_url;
	int64_t expires_at;
};

#define L struct turn_link
static const struct field turn_link_fields[] = {
	FIELD_ID(L, ids.turn_id, "turn_id", FIELD_REQUIRED, "The turn."),
	FIELD_ID(L, ids.message_id, "message_id", FIELD_REQUIRED, "The message that is being written."),
	FIELD_STR(L, stream_url, "stream_url", 0, 0, FIELD_REQUIRED, "Its events, without signing in."),
	FIELD_TIME(L, expires_at, "expires_at", FIELD_REQUIRED, "Until when that link can be opened."),
};
#undef L
static const struct schema turn_link_schema =
	SCHEMA("TurnLink", struct turn_link, turn_link_fields, "An answer that has begun, and where it is followed.");

/* The first answer, for who asks one model, and all of them. */
struct turn_started {
	atelier_id conversation_id, queued_id;
	struct turn_link first;
	struct schema_list turns;
};

#define S struct turn_started
static const struct field turn_started_fields[] = {
	FIELD_ID(S, first.ids.turn_id, "turn_id", 0, "The turn; null: it waits in the queue."),
	FIELD_ID(S, conversation_id, "conversation_id", FIELD_REQUIRED, "Where it stands."),
	FIELD_ID(S, first.ids.user_message_id, "user_message_id", 0, "The user's message; null: it waits."),
	FIELD_ID(S, first.ids.message_id, "message_id", 0, "The message that is being written; null: it waits."),
	FIELD_STR(S, first.stream_url, "stream_url", 0, 0, 0, "Its events, without signing in; null: it waits."),
	FIELD_TIME(S, first.expires_at, "expires_at", 0, "Until when that link can be opened; null: it waits."),
	FIELD_ID(S, queued_id, "queued_id", 0, "What waits in the queue; null: the answer has begun."),
	FIELD_LIST(S, turns, "turns", &turn_link_schema, 0, FIELD_REQUIRED,
		"All answers that have begun, in the order of `models`; empty: it waits."),
};
const struct schema turn_started_schema =
	SCHEMA("TurnStarted", S, turn_started_fields, "The answer has begun, or what was asked waits.");
#undef S

static const struct field turn_fields[] = {
	FIELD_ID(struct turn_record, id, "id", FIELD_REQUIRED, "Identifier."),
	FIELD_ID(struct turn_record, conversation_id, "conversation_id", FIELD_REQUIRED, "Where it stands."),
	FIELD_ID(struct turn_record, user_message_id, "user_message_id", 0, "The user's message."),
	FIELD_ID(struct turn_record, message_id, "message_id", 0, "The message it writes."),
	FIELD_STR(struct turn_record, model, "model", 0, 0, FIELD_REQUIRED, "Who answers."),
	FIELD_ENUM(struct turn_record, state, "state",
		STATE_RUNNING " " STATE_WAITING " " STATE_COMPLETE " " STATE_CANCELED " " STATE_FAILED
			      " " STATE_INTERRUPTED,
		FIELD_REQUIRED, "How far it is; waiting: for a person."),
	FIELD_I64(struct turn_record, last_seq, "last_event", 0, 0, FIELD_REQUIRED,
		"Number of the last event that is stored; 0 while it runs, unless it waited for a person before."),
	FIELD_TIME(struct turn_record, created_at, "created_at", FIELD_REQUIRED, "When it began."),
	FIELD_TIME(struct turn_record, ended_at, "ended_at", 0, "When it ended; null: it runs."),
};
static const struct schema turn_schema = SCHEMA("Turn", struct turn_record, turn_fields, "One answer being made.");

static const struct schema empty_schema = {.name = "Empty", .size = 1, .doc = "Nothing more to say."};

static int check_what(struct request *q, const struct turn_new *in)
{
	bool asks = in->content || in->attachments.n;
	int n = asks + !!in->regenerate + in->goes_on;

	if (n != 1)
		return err_set(&q->err, E_INVALID,
			n ? "Send one of \"content\", \"regenerate\" and \"continue\", not more."
			  : "Send \"content\", \"regenerate\", or \"continue\": true.");
	if (in->queue && (!asks || in->parent_id || in->edit))
		return err_field(&q->err, E_INVALID, "queue",
			"is for \"content\" at the end of the branch that is shown, and for nothing else.");
	if (in->models.n && (in->models.n == 1 || in->model || in->goes_on || in->queue))
		return err_field(&q->err, E_INVALID, "models",
			"are two or more, in place of \"model\", and not for \"continue\" and \"queue\".");
	if (asks ? in->parent_id && in->edit : in->parent_id || in->edit)
		return err_set(&q->err, E_INVALID,
			asks ? "Send either \"parent_id\" or \"edit\", not both."
			     : "\"parent_id\" and \"edit\" say where \"content\" stands, and there is none.");
	return 0;
}

int turns_check_text(struct request *q, const char *content)
{
	int64_t max = q->api->c.settings->max_message_bytes;
	size_t n = strlen(content), blank = 0;

	if (n > (size_t)max)
		return err_set(
			&q->err, E_TOO_LARGE, "The message has %zu bytes; at most %lld are taken.", n, (long long)max);
	while (blank < n && isspace((unsigned char)content[blank]))
		blank++;
	return blank == n ? err_set(&q->err, E_INVALID, "The message is empty.") : 0;
}

static bool is_short(const json_t *name)
{
	const char *p = json_string_value(name);
	size_t left = json_string_length(name), chars = 0, n;

	for (; p && (n = utf8_char(p, left)) > 0; p += n, left -= n)
		chars++;
	return p && left == 0 && chars <= TOOL_NAME_MAX;
}

int turns_check_tools(struct request *q, const char *wish)
{
	CLEANUP(json_decrefp) json_t *v = NULL;
	int r = wish ? json_parse(wish, strlen(wish), &v, &q->err) : 0;
	bool fits = json_is_boolean(v) || (json_is_array(v) && json_array_size(v) <= TOOLS_MAX);
	const json_t *name;
	size_t i;

	json_array_foreach(v, i, name) fits = fits && is_short(name);
	return r < 0 || !wish || fits
		       ? r
		       : err_field(&q->err, E_INVALID, "tools", "is true, or a list of at most %d names.", TOOLS_MAX);
}

/* From `?after=N` or Last-Event-ID, which a browser sends when it connects again; the header knows more. */
static int read_after(struct request *q, uint64_t *ret)
{
	const char *last = http_header(q->x, "Last-Event-ID");
	int64_t after;
	int r = request_i64(q, "after", &after);

	if (r < 0)
		return r;
	if (last && *last >= '0' && *last <= '9') {
		char *end;
		unsigned long long v = strtoull(last, &end, 10);
		if (*end == '\0' && v <= INT64_MAX)
			after = (int64_t)v;
	}
	*ret = (uint64_t)after;
	return 0;
}

/* Ends the stream that was just opened if the right to it, or the conversation, has gone in the meantime. */
static void recheck(struct request *q, atelier_id user_id, atelier_id turn_id, const struct follower *who)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	struct turn_record turn;
	struct err e = {0};
	int r = auth_still_holds(c, who->session_id, who->key_id, &e);

	if (r == 0)
		r = turns_get(c, user_id, turn_id, &q->mem, &turn, &e);
	if (r == E_UNAUTHORIZED || r == E_NOT_FOUND)
		turns_end_followers(q->api->c.turns,
			&(struct follower_match){
				.user_id = user_id, .session_id = who->session_id, .key_id = who->key_id});
}

/* The stream ends with the session or the key that it is opened by. */
static int follow(struct request *q, atelier_id user_id, atelier_id turn_id, uint64_t after, const struct follower *who)
{
	int r;

	ASSERT(!q->taken && user_id && turn_id);
	http_set_header(q->x, "X-Accel-Buffering", "no"); /* asks proxies to pass each event on at once */
	r = turn_follow(q->api->c.turns, turn_id, after, who, &(struct http_place){.x = q->x}, &q->err);
	if (r < 0)
		return r;
	q->taken = true;
	recheck(q, user_id, turn_id, who);
	return 0;
}

static struct follower asker(const struct request *q)
{
	return (struct follower){
		.session_id = q->who.session_id, .key_id = q->who.key_id, .expires_at = q->who.expires_at};
}

static int make_link(struct request *q, const struct turn_ids *ids, struct turn_link *ret)
{
	char token[AUTH_STREAM_TOKEN_LEN + 1], prefix[AUTH_PREFIX_LEN];
	const struct auth_stream link = {.turn_id = ids->turn_id,
		.session_id = q->who.session_id,
		.key_id = q->who.key_id,
		.expires_at = clock_now_ms() + q->api->c.settings->stream_token_s * 1000};

	ASSERT(ids->turn_id && q->who.user.id);
	auth_stream_token(q->api->c.auth, &link, token);
	*ret = (struct turn_link){.ids = *ids,
		.expires_at = link.expires_at,
		.stream_url = arena_printf(&q->mem, "%s/stream/%s", request_prefix(q, prefix), token)};
	return ret->stream_url ? 0 : request_no_memory(q);
}

static int answer_started(struct request *q, atelier_id conversation_id, const struct turn_asked *asked)
{
	struct turn_started *out = ARENA_NEW(&q->mem, struct turn_started);
	struct turn_link *links = ARENA_ARRAY(&q->mem, struct turn_link, COMPARED_MAX);
	int r = 0;

	ASSERT(asked->n <= COMPARED_MAX && (asked->n > 0) != (asked->queued_id != 0)); /* it has begun, or waits */
	if (!out || !links)
		return request_no_memory(q);
	for (size_t i = 0; r == 0 && i < asked->n; i++)
		r = make_link(q, &asked->ids[i], &links[i]);
	*out = (struct turn_started){
		.conversation_id = conversation_id, .queued_id = asked->queued_id, .turns = {links, asked->n}};
	if (asked->n)
		out->first = links[0];
	q->answer = out;
	return r;
}

/* Whether one model may be asked; which it is in *model. */
static int allow(struct request *q, const struct turn_request *t, const char *wanted, const char **ret_model)
{
	struct turn_request one = *t;
	const char *model = NULL;

	one.model = wanted;
	int r = turn_wanted_model(q->api->c.db, &one, &q->mem, &model, &q->err);
	if (r == 0)
		r = providers_resolve(q->api->c.providers, model, &q->mem, ret_model, &q->err);
	return r < 0 ? r : request_allow_model(q, *ret_model);
}

/* A key, or a model, may not be for all. What was looked at here is then what is asked, not what is chosen later. */
static int choose_allowed(struct request *q, struct turn_request *t)
{
	const char **models = ARENA_ARRAY(&q->mem, const char *, t->n_models + 1);
	int r = request_rights(q);

	if (r < 0 || (!q->who.models && q->n_rights == 0))
		return r;
	if (!models)
		return request_no_memory(q);
	if (t->n_models == 0)
		return allow(q, t, t->model, &t->model);
	for (size_t i = 0; r == 0 && i < t->n_models; i++)
		r = allow(q, t, t->models[i], &models[i]);
	t->models = models;
	return r;
}

static int read_ids(struct request *q, const struct turn_new *in, struct turn_request *t)
{
	int r = request_ids(q, &in->attachments, &t->attachments);

	if (r == 0)
		r = request_ids(q, &in->collection_ids, &t->collections);
	if (r == 0)
		r = request_ids(q, &in->document_ids, &t->documents);
	t->n_attachments = in->attachments.n;
	t->n_collections = in->collection_ids.n;
	t->n_documents = in->document_ids.n;
	if (t->n_attachments && !t->content)
		t->content = "";
	return r;
}

static int read_parameters(struct request *q, struct turn_new *in, const char **ret)
{
	parameters_settle(&in->options);
	parameters_settle(&in->parameters);
	parameters_lay(&in->options, &in->parameters);
	*ret = parameters_write(&in->options, &q->mem);
	return *ret ? 0 : request_no_memory(q);
}

int asking_begin(struct request *q, struct turn_request *t, struct asking *x)
{
	bool follows = t->n_models == 0 && header_accepts(http_header(q->x, "Accept"), "text/event-stream");
	int r = choose_allowed(q, t);

	*x = (struct asking){.who = asker(q), .here = {.x = q->x}};
	t->reader = &x->who;
	t->reads_at = follows ? &x->here : NULL;
	return MIN(r, 0);
}

int asking_end(struct request *q, const struct turn_request *t, const struct asking *x)
{
	ASSERT(!t->reads_at || t->reads_at == &x->here);
	if (!t->reads_at || x->asked.n == 0)
		return answer_started(q, t->conversation_id, &x->asked);
	q->taken = true;
	recheck(q, q->who.user.id, x->asked.ids[0].turn_id, &x->who);
	return 0;
}

static int turns_post(struct request *q)
{
	struct turn_new *in = q->body;
	struct turn_request t = {.user_id = q->who.user.id,
		.key_id = q->who.key_id,
		.conversation_id = q->arg_id,
		.place = in->goes_on      ? TURN_GO_ON
			 : in->regenerate ? TURN_REGENERATE
			 : in->edit       ? TURN_EDIT
			 : in->parent_id  ? TURN_BELOW
					  : TURN_AT_LEAF,
		.at = in->regenerate + in->edit + in->parent_id, /* at most one of them is there */
		.content = in->content,
		.model = in->model,
		.models = in->models.items,
		.n_models = in->models.n,
		.assistant_id = in->assistant_id,
		.tools = in->tools,
		.language = in->language,
		.time_zone = in->time_zone};
	struct turns *all = q->api->c.turns;
	struct asking x = {.asked.n = 0};
	int r = check_what(q, in);

	if (r == 0)
		r = turns_check_tools(q, in->tools);
	if (r == 0 && in->content)
		r = turns_check_text(q, in->content);
	if (r == 0)
		r = read_parameters(q, in, &t.parameters);
	if (r == 0)
		r = read_ids(q, in, &t);
	if (r == 0)
		r = asking_begin(q, &t, &x);
	if (r == 0 && (in->stop || in->queue))
		r = turn_ask_meanwhile(all, &t, in->stop ? TURN_STOP_FIRST : TURN_IN_QUEUE, &x.asked, &q->err);
	else if (r == 0)
		r = turn_start(all, &t, &x.asked, &q->err);
	return r < 0 ? r : asking_end(q, &t, &x);
}

static int load_turn(struct request *q, atelier_id id, struct turn_record *ret)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);

	return turns_get(c, q->who.user.id, id, &q->mem, ret, &q->err);
}

/* What the link of a stream allows now: its session or key must hold, and the conversation be there. */
static int open_link(struct request *q, struct auth_stream *ret)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	struct turn_record turn;
	int r = auth_stream_open(q->api->c.auth, c, q->arg, ret, &q->err);

	return r < 0 ? r : turns_get(c, ret->user_id, ret->turn_id, &q->mem, &turn, &q->err);
}

static int turn_get(struct request *q)
{
	struct turn_record *out = ARENA_NEW(&q->mem, struct turn_record);

	if (!out)
		return request_no_memory(q);
	q->answer = out;
	return load_turn(q, q->arg_id, out);
}

static int turn_events_get(struct request *q)
{
	struct follower who = asker(q);
	struct turn_record turn;
	uint64_t after;
	int r = read_after(q, &after);

	if (r == 0)
		r = load_turn(q, q->arg_id, &turn);
	return r < 0 ? r : follow(q, q->who.user.id, turn.id, after, &who);
}

int turn_follow_there(struct request *q, atelier_id id, uint64_t after, const struct http_place *at)
{
	struct follower who = asker(q);
	struct turn_record turn;
	int r = load_turn(q, id, &turn);

	if (r == 0)
		r = turn_follow(q->api->c.turns, id, after, &who, at, &q->err);
	if (r == 0 && load_turn(q, id, &turn) == E_NOT_FOUND)
		turns_end_followers(q->api->c.turns, &(struct follower_match){.conversation_id = turn.conversation_id});
	return r;
}

static int turn_cancel_post(struct request *q)
{
	struct turn_record turn;
	int r = load_turn(q, q->arg_id, &turn);

	if (r < 0)
		return r;
	(void)turn_cancel(q->api->c.turns, turn.id, E_CANCELED);
	if (turn.request) /* it may wait for a person, or do so in a moment */
		turn_resume(q->api->c.turns, &(struct turnlog_of){turn.id, turn.user_id, turn.conversation_id}, true);
	q->answer = "";
	return 0;
}

static int call_stop_post(struct request *q)
{
	struct turn_record turn;
	int r = load_turn(q, q->arg_id, &turn);

	if (r < 0)
		return r;
	if (!turn_stop_call(q->api->c.turns, turn.id, q->arg_second))
		return err_set(&q->err, E_CONFLICT, "This call does not run.");
	q->answer = "";
	return 0;
}

/* ---- what a person says to a call ---- */

struct decision_new {
	const char *decision, *reason;
};

static const struct field decision_fields[] = {
	FIELD_ENUM(struct decision_new, decision, "decision", "once conversation always deny", FIELD_REQUIRED,
		"Whether it may run: this once, whenever it is called in this conversation, always (as the tool is "
		"now), or "
		"not."),
	FIELD_STR(struct decision_new, reason, "reason", 0, 1000, 0, "Why not, which the model is told."),
};
static const struct schema decision_schema =
	SCHEMA("CallDecision", struct decision_new, decision_fields, "What a person says to a call of a tool.");

struct decided {
	atelier_id turn_id;
	const char *state, *stream_url;
	int64_t open;
};

static const struct field decided_fields[] = {
	FIELD_ID(struct decided, turn_id, "turn_id", FIELD_REQUIRED, "The turn, which goes on under this id."),
	FIELD_ENUM(struct decided, state, "state",
		STATE_RUNNING " " STATE_WAITING " " STATE_COMPLETE " " STATE_CANCELED " " STATE_FAILED
			      " " STATE_INTERRUPTED,
		FIELD_REQUIRED, "running: it goes on; waiting: other calls are to be decided."),
	FIELD_I64(struct decided, open, "open", 0, 0, FIELD_REQUIRED, "Calls that are still to be decided."),
	FIELD_STR(struct decided, stream_url, "stream_url", 0, 0, 0,
		"Its events, without signing in; null: of an answer that is not kept, whose stream goes on."),
};
static const struct schema decided_schema =
	SCHEMA("CallDecided", struct decided, decided_fields, "It is decided, and what becomes of the answer.");

static int approval_post(struct request *q)
{
	const struct decision_new *in = q->body;
	struct decided *out = ARENA_NEW(&q->mem, struct decided);
	struct call_decision d = {.user_id = q->who.user.id,
		.turn_id = q->arg_id,
		.call_id = q->arg_second,
		.decision = in->decision,
		.reason = in->reason};
	const struct turn_ids ids = {.turn_id = q->arg_id};
	struct turn_link link = {.stream_url = NULL};
	int r;

	if (!out)
		return request_no_memory(q);
	if ((r = turn_decide(q->api->c.turns, &d, &q->mem, &q->err)) < 0 ||
		(!d.live && (r = make_link(q, &ids, &link)) < 0))
		return r;
	*out = (struct decided){.turn_id = q->arg_id,
		.state = d.open && !d.live ? STATE_WAITING : STATE_RUNNING,
		.open = d.open,
		.stream_url = link.stream_url};
	q->answer = out;
	return 0;
}

/* ---- what a person answers to a tool ---- */

struct answer_new {
	const char *action, *content;
};

static const struct field answer_fields[] = {
	FIELD_ENUM(struct answer_new, action, "action", "accept decline cancel", FIELD_REQUIRED,
		"Whether it is answered: accept (with `content`, or when the address was opened), decline (no), cancel "
		"(neither)."),
	FIELD_JSON(struct answer_new, content, "content", FIELD_OBJECT_ONLY,
		"Of accept: what was asked for, as the question's `schema` has it."),
};
static const struct schema answer_schema =
	SCHEMA("QuestionAnswer", struct answer_new, answer_fields, "What a person says to the question of a tool.");

struct answered {
	atelier_id turn_id;
	const char *question_id, *action;
};
static const struct field answered_fields[] = {
	FIELD_ID(struct answered, turn_id, "turn_id", FIELD_REQUIRED, "The turn, which goes on."),
	FIELD_STR(struct answered, question_id, "question_id", 0, 0, FIELD_REQUIRED, "What was answered."),
	FIELD_STR(struct answered, action, "action", 0, 0, FIELD_REQUIRED, "How."),
};
static const struct schema answered_schema =
	SCHEMA("QuestionAnswered", struct answered, answered_fields, "The tool has its answer.");

static int answer_post(struct request *q)
{
	CLEANUP(json_decrefp) json_t *content = NULL;
	const struct answer_new *in = q->body;
	struct answered *out = ARENA_NEW(&q->mem, struct answered);
	int r = !out          ? request_no_memory(q)
		: in->content ? json_parse(in->content, strlen(in->content), &content, &q->err)
			      : 0;
	if (r < 0)
		return r;
	const struct question_answer a = {.user_id = q->who.user.id,
		.turn_id = q->arg_id,
		.id = q->arg_second,
		.action = in->action,
		.content = content};
	*out = (struct answered){q->arg_id, q->arg_second, in->action};
	q->answer = out;
	return turn_answer(q->api->c.turns, &a, &q->err);
}

/* ---- what a call came to ---- */

struct call_text {
	atelier_id turn_id;
	struct turn_call_text call;
};

static const struct field call_text_fields[] = {
	FIELD_ID(struct call_text, turn_id, "turn_id", FIELD_REQUIRED, "The turn that it was made in."),
	FIELD(FT_JSON, struct call_text, call.part, "call", .sub = &message_part_schema,
		.flags = FIELD_REQUIRED | FIELD_OBJECT_ONLY, .doc = "The call as its message has it."),
	FIELD_TEXT(struct call_text, call.text, "text", 0, 0, 0,
		"All that it came to, also where the call's own result is cut; null: nothing yet."),
};
static const struct schema call_text_schema =
	SCHEMA("CallText", struct call_text, call_text_fields, "A call of a tool, and all that it came to.");

static int call_get(struct request *q)
{
	struct call_text *out = ARENA_NEW(&q->mem, struct call_text);
	struct turn_record turn;
	int r = out ? load_turn(q, q->arg_id, &turn) : request_no_memory(q);

	if (r < 0)
		return r;
	out->turn_id = turn.id;
	q->answer = out;
	return turn_call_read(q->api->c.turns, &turn, q->arg_second, &q->mem, &out->call, &q->err);
}

static int stream_get(struct request *q)
{
	struct auth_stream link;
	uint64_t after;
	int r = read_after(q, &after);

	if (r == 0)
		r = open_link(q, &link);
	if (r < 0)
		return r;
	return follow(q, link.user_id, link.turn_id, after,
		&(struct follower){
			.session_id = link.session_id, .key_id = link.key_id, .expires_at = link.right_ends_at});
}

static const struct param stream_params[] = {
	{.name = "after",
		.type = PARAM_I64,
		.max = INT64_MAX,
		.doc = "Number of the last event that is known; the header Last-Event-ID says the same and wins."},
};

/* clang-format off */
static const struct route routes[] = {
	{"POST", V1 "/conversations/{id}/turns", "createTurn", turns_post, ACCESS_USER, .status = 202,
		.body = &turn_new_schema, .answer = &turn_started_schema, .stream = "TurnEvent",
		FAILS(E_CONFLICT, E_MODEL_UNKNOWN, E_MODEL_CANNOT, E_LIMIT, E_BUDGET, PROVIDER_FAILS),
		.summary = "Say something and have it answered; with Accept: text/event-stream the answer is the stream."},
	{"GET", V1 "/turns/{id}", "getTurn", turn_get, ACCESS_USER, .status = 200,
		.answer = &turn_schema, .summary = "How far a turn is."},
	{"GET", V1 "/turns/{id}/events", "followTurn", turn_events_get, ACCESS_USER, ROUTE_STREAM, .status = 200,
		PARAMS(stream_params), .stream = "TurnEvent", .summary = "The turn's events so far, then live."},
	{"POST", V1 "/turns/{id}/cancel", "cancelTurn", turn_cancel_post, ACCESS_USER, .status = 202,
		.answer = &empty_schema, .summary = "Stop it; what is written stays. A turn that has ended is no error."},
	{"POST", V1 "/turns/{id}/approvals/{call_id}", "decideCall", approval_post, ACCESS_USER, .status = 200,
		.body = &decision_schema, .answer = &decided_schema, FAILS(E_CONFLICT),
		.summary = "Decide whether a call of a tool may run; when all are decided the turn goes on."},
	{"POST", V1 "/turns/{id}/answers/{question_id}", "answerQuestion", answer_post, ACCESS_USER, .status = 200,
		.body = &answer_schema, .answer = &answered_schema, FAILS(E_CONFLICT),
		.summary = "Answer what a running tool asks."},
	{"GET", V1 "/turns/{id}/calls/{call_id}", "getCall", call_get, ACCESS_USER, .status = 200,
		.answer = &call_text_schema, .summary = "A call of a tool, with all that it came to."},
	{"POST", V1 "/turns/{id}/calls/{call_id}/stop", "stopCall", call_stop_post, ACCESS_USER, .status = 202,
		.answer = &empty_schema, FAILS(E_CONFLICT),
		.summary = "Stop one call of a tool that runs, or an agent with all that it does; the answer goes on."},
	{"GET", "/stream/{token}", "followStream", stream_get, ACCESS_PUBLIC, ROUTE_STREAM, .status = 200,
		PARAMS(stream_params), .stream = "TurnEvent",
		FAILS(E_UNAUTHORIZED, E_EXPIRED),
		.summary = "The same by the link that starting a turn gave; needs no other credential."},
};
/* clang-format on */
const struct route_set turns_routes = ROUTES(routes);
