/*
 * generate_api.c - POST /chat/generate: a whole conversation in one request, its answer, and nothing kept of either. It is
 * called, streamed and limited as the calls of other programs are (gateway/gateway.h), and made with what a turn is.
 */
#include "api/conversations.h"
#include "api/gateway/gateway.h"
#include "api/request.h"
#include "api/turns.h"
#include "provider/parameters.h"
#include "store/messages.h"
#include "turn/cited.h"
#include "turn/once.h"

#define MESSAGES_MAX 1000
#define IMAGES_MAX   20 /* of one message */
#define PLACES_MAX   100

struct image_in {
	const char *media_type, *data;
};

struct message_in {
	const char *role, *content, *parts;
	struct schema_list images;
};

struct generate_in {
	const char *model, *instructions, *language, *time_zone, *tools;
	atelier_id assistant_id;
	struct schema_list messages, collection_ids, document_ids;
	struct parameters parameters;
	bool stream;
};

static const struct field image_fields[] = {
	FIELD_STR(struct image_in, media_type, "media_type", 0, 100, 0, "Not needed: the bytes tell what it is."),
	FIELD(FT_STR, struct image_in, data, "data", .min = 1, .flags = FIELD_REQUIRED,
		.doc = "A PNG, JPEG, WebP or GIF, as base64."),
};
static const struct schema image_schema = SCHEMA("GenerateImage", struct image_in, image_fields, "A picture.");

static const struct field message_fields[] = {
	FIELD_ENUM(struct message_in, role, "role", "system " MESSAGE_USER " " MESSAGE_ASSISTANT, FIELD_REQUIRED,
		"Who said it."),
	FIELD_TEXT(struct message_in, content, "content", 0, 0, FIELD_REQUIRED, "What was said."),
	FIELD_LIST(struct message_in, images, "images", &image_schema, IMAGES_MAX, 0, "Pictures that belong to it."),
	FIELD(FT_JSON, struct message_in, parts, "parts", .sub = &message_part_schema,
		.doc = "Of an answer: its parts as they came, in place of its content, so that the model is told again "
		       "what its tools were asked and came to."),
};
static const struct schema message_schema =
	SCHEMA("GenerateMessage", struct message_in, message_fields, "One thing that was said.");

#define G struct generate_in
static const struct field place_item = {.type = FT_ID};
static const struct field generate_fields[] = {
	FIELD_STR(G, model, "model", 1, 200, 0, "Id of the model; null: the assistant's, else the default."),
	FIELD_ID(G, assistant_id, "assistant_id", 0, "The assistant that answers; null: none."),
	FIELD_TEXT(
		G, instructions, "instructions", 0, 100000, 0, "What the model is told first, behind the assistant's."),
	FIELD(FT_LIST, G, messages, "messages", .sub = &message_schema, .min = 1, .max = MESSAGES_MAX,
		.flags = FIELD_REQUIRED, .doc = "The whole conversation, oldest first."),
	FIELD_OBJECT(G, parameters, "parameters", &parameters_schema, 0, "How the answer is to be made."),
	FIELD_STR(G, language, "language", 2, 40, 0,
		"The person's language, for instructions that ask for it: a tag like de, or its name."),
	FIELD_STR(G, time_zone, "time_zone", 1, 64, 0,
		"Where the person is, for tools that ask for it: a name like Europe/Berlin."),
	FIELD(FT_JSON, G, tools, "tools", .choices = TOOLS_WISH,
		.doc = "Tools that may be used: true (all that you have), or a list of names; null: the assistant's. "
		       "What asks "
		       "first is asked in the stream; without a stream it is not run."),
	FIELD(FT_STRS, G, collection_ids, "collection_ids", .max = PLACES_MAX, .item = &place_item,
		.flags = FIELD_UNIQUE, .doc = "Collections that are searched for passages to answer by."),
	FIELD(FT_STRS, G, document_ids, "document_ids", .max = PLACES_MAX, .item = &place_item, .flags = FIELD_UNIQUE,
		.doc = "Single documents beside these."),
	FIELD_BOOL(G, stream, "stream", 0, "True: the answer comes as events, as with Accept: text/event-stream."),
};
static const struct schema generate_schema =
	SCHEMA("Generate", G, generate_fields, "A conversation to answer, of which nothing is kept.");
#undef G

struct generated {
	const char *content, *parts, *model, *finish_reason;
	struct message_figures f;
	bool has_cached, has_reasoning, has_cost, has_first;
};

#define A                               struct generated
#define FIGURE(member, has, wire, text) FIELD_MAYBE(FT_I64, A, f.member, has, wire, NULL, text)
static const struct field generated_fields[] = {
	FIELD_TEXT(A, content, "content", 0, 0, FIELD_REQUIRED, "All its text (Markdown), put together."),
	FIELD(FT_JSON, A, parts, "parts", .sub = &message_part_schema, .flags = FIELD_REQUIRED,
		.doc = "What it is made of, in order, as of a message."),
	FIELD_STR(A, model, "model", 0, 0, FIELD_REQUIRED, "Who answered."),
	FIELD_STR(A, finish_reason, "finish_reason", 0, 0, 0, "Why the model stopped: stop, length, or its own word."),
	FIELD_I64(A, f.tokens_in, "tokens_in", 0, 0, FIELD_REQUIRED, "Input tokens."),
	FIELD_I64(A, f.tokens_out, "tokens_out", 0, 0, FIELD_REQUIRED, "Output tokens."),
	FIGURE(tokens_cached, has_cached, "tokens_cached", "Of those read: from the provider's cache; null: none."),
	FIGURE(tokens_reasoning, has_reasoning, "tokens_reasoning", "Of those written: reasoning; null: not known."),
	FIELD_BOOL(A, f.exact, "tokens_exact", FIELD_REQUIRED, "False: the numbers are estimated."),
	FIGURE(cost_micros, has_cost, "cost_micros", "Millionths of the currency; null: no price is known."),
	FIGURE(first_token_ms, has_first, "first_token_ms", "Milliseconds until the answer began; null: not known."),
	FIELD_I64(A, f.duration_ms, "duration_ms", 0, 0, FIELD_REQUIRED, "Milliseconds that it took."),
};
static const struct schema generated_schema = SCHEMA("Generated", A, generated_fields, "An answer that is not kept.");
#undef FIGURE
#undef A

/* c->shape. */
struct generate {
	struct once_log log;
	struct cited cited; /* where the model alone answers; a turn numbers its own */
	struct turn_request asked;
	atelier_id turn_id; /* of one that may use tools; 0: of none */
};

static void generate_done(struct generate *s)
{
	once_log_done(&s->log);
}

/* ---- the answer ---- */

/* The log holds what fits into memory; of a stream that is all that can go wrong with it, and its end says so. */
static void send(struct gw_call *c, struct buf *out)
{
	struct generate *s = c->shape;

	once_log_send(&s->log, out);
}

static void generate_begin(struct gw_call *c, struct buf *out)
{
	if (c->stream)
		send(c, out);
}

static int generate_event(struct gw_call *c, enum event_type type, const char *json, size_t n, struct buf *out)
{
	struct generate *s = c->shape;
	int r = once_log_add(&s->log, type, json, n);

	if (r == 0 && c->stream)
		send(c, out);
	return r;
}

/* What does not fit any more is told by whatever comes next. */
static void generate_beside(struct gw_call *c, enum gen_beside_kind kind UNUSED, struct str items, struct buf *out)
{
	CLEANUP(cited_items_done) struct cited_items notes = {.at = 0};
	CLEANUP(buf_done) struct buf b = BUF_INIT(65536);
	struct generate *s = c->shape;

	if (cited_read(&notes, items.p, items.n) < 0)
		return;
	for (; cited_next(&s->cited, &notes, &b); buf_reset(&b))
		if (buf_status(&b) == 0)
			(void)generate_event(c, EV_CITATION, b.p, b.n, out);
}

static int end_log(struct gw_call *c, const struct err *e)
{
	struct generate *s = c->shape;
	const struct once_end end = {.asked = c->req.model,
		.result = &c->reported,
		.est_in = c->result.tokens_in,
		.est_out = c->result.tokens_out,
		.cost_micros = c->cost_micros,
		.e = e};

	return once_log_end(&s->log, &end);
}

static void generate_end(struct gw_call *c, struct buf *out)
{
	if (end_log(c, NULL) == 0)
		send(c, out);
}

static void generate_error(struct gw_call *c, const struct err *e, struct buf *out)
{
	if (end_log(c, e) == 0)
		send(c, out);
}

static int fill(struct gw_call *c, const struct once_message *m, struct generated *out)
{
	struct arena *a = &c->q->mem;
	const struct message_figures *f = &m->figures;

	*out = (struct generated){.content = arena_strdup(a, buf_str(&m->content).p),
		.parts = m->parts.n ? arena_strndup(a, m->parts.p, m->parts.n)
				    : message_only_part(a, buf_str(&m->content).p),
		.model = m->model[0] ? arena_strdup(a, m->model) : c->req.model,
		.finish_reason = m->finish_reason[0] ? arena_strdup(a, m->finish_reason) : NULL,
		.f = *f,
		.has_cached = f->tokens_cached > 0,
		.has_reasoning = f->tokens_reasoning > 0,
		.has_cost = f->cost_micros > 0,
		.has_first = f->first_token_ms > 0};
	c->q->answer = out;
	return out->content && out->parts && out->model ? 0 : request_no_memory(c->q);
}

static int generate_whole(struct gw_call *c, struct buf *raw UNUSED)
{
	CLEANUP(once_message_done) struct once_message m = {.content = BUF_INIT(0)};
	const struct generate *s = c->shape;
	struct generated *out = ARENA_NEW(&c->q->mem, struct generated);
	int r = end_log(c, NULL);

	if (!out)
		return request_no_memory(c->q);
	if (r == 0)
		r = once_log_message(&s->log, &m, &c->q->err);
	return r < 0 ? r : fill(c, &m, out);
}

static const struct gw_format generate_format = {
	.content_type = "text/event-stream; charset=utf-8",
	.begin = generate_begin,
	.event = generate_event,
	.beside = generate_beside,
	.heartbeat = gw_heartbeat_comment,
	.end = generate_end,
	.error = generate_error,
	.whole = generate_whole,
};

/* ---- the request ---- */

static int read_images(struct gw_call *c, const struct message_in *in, struct gen_message *ret)
{
	const struct image_in *from = in->images.items;
	struct gen_image *all = ARENA_ARRAY(&c->q->mem, struct gen_image, in->images.n + 1);

	if (!all)
		return request_no_memory(c->q);
	for (size_t i = 0; i < in->images.n; i++) {
		all[i] = (struct gen_image){
			.media_type = gw_type_of_base64(from[i].data), .data = gw_plain_base64(c, from[i].data)};
		if (!all[i].data)
			return request_no_memory(c->q);
		if (!all[i].media_type || !gw_is_base64(all[i].data))
			return err_set(&c->q->err, E_INVALID,
				"A picture must be a PNG, JPEG, WebP or GIF as base64, without \"data:\" before it.");
	}
	ret->images = all;
	ret->n_images = in->images.n;
	return 0;
}

/* What one of them is to the model: an answer that used tools is several. */
static int read_message(struct gw_call *c, const struct message_in *from, struct gen_message **ret, size_t *ret_n)
{
	bool answered = from->parts && strcmp(from->role, MESSAGE_ASSISTANT) == 0;

	*ret_n = 0;
	if (answered)
		return once_said(from->parts, &c->q->mem, ret, ret_n, &c->q->err);
	if (!*from->content && from->images.n == 0)
		return 0;
	*ret = ARENA_NEW(&c->q->mem, struct gen_message);
	if (!*ret)
		return request_no_memory(c->q);
	**ret = (struct gen_message){.role = from->role, .content = from->content};
	*ret_n = 1;
	return read_images(c, from, *ret);
}

static int read_all(
	struct gw_call *c, const struct schema_list *list, struct gen_message **said, size_t *n_said, size_t *ret_n)
{
	const struct message_in *from = list->items;
	int r = 0;

	for (size_t i = 0; i < list->n && r == 0; i++) {
		r = read_message(c, &from[i], &said[i], &n_said[i]);
		*ret_n += n_said[i];
	}
	return r;
}

/* One message of the system, as of a turn: what the layers say and then what the request's own messages do. */
static int read_messages(struct gw_call *c, const struct schema_list *list, const char *instructions)
{
	struct gen_message **said = ARENA_ARRAY(&c->q->mem, struct gen_message *, list->n + 1);
	size_t *n_said = ARENA_ARRAY(&c->q->mem, size_t, list->n + 1), n = *instructions ? 1 : 0;
	int r = said && n_said ? read_all(c, list, said, n_said, &n) : request_no_memory(c->q);

	if (r < 0)
		return r;
	struct gen_message *all = ARENA_ARRAY(&c->q->mem, struct gen_message, n + 1), *at = all;
	if (!all)
		return request_no_memory(c->q);
	if (*instructions)
		*at++ = (struct gen_message){.role = "system", .content = instructions};
	for (size_t i = 0; i < list->n; at += n_said[i++])
		if (n_said[i])
			memcpy(at, said[i], n_said[i] * sizeof *at);
	ASSERT(at == all + n); /* as many as were counted */
	if (n == 0 || strcmp(all[n - 1].role, "system") == 0)
		return err_set(
			&c->q->err, E_INVALID, "There is nothing to answer: \"messages\" has no words of a person.");
	c->req.messages = all;
	c->req.n_messages = n;
	c->req.continues = strcmp(all[n - 1].role, MESSAGE_ASSISTANT) == 0;
	return 0;
}

static int choose(struct gw_call *c, struct generate_in *in, struct turn_request *t, struct once_chosen *ret)
{
	struct request *q = c->q;
	int r;

	*t = (struct turn_request){.user_id = q->who.user.id,
		.key_id = q->who.key_id,
		.model = in->model,
		.assistant_id = in->assistant_id,
		.instructions = in->instructions,
		.tools = in->tools,
		.language = in->language,
		.time_zone = in->time_zone,
		.n_collections = in->collection_ids.n,
		.n_documents = in->document_ids.n};
	parameters_settle(&in->parameters);
	t->parameters = parameters_write(&in->parameters, &q->mem);
	if (!t->parameters)
		return request_no_memory(q);
	if ((r = request_ids(q, &in->collection_ids, &t->collections)) < 0 ||
		(r = request_ids(q, &in->document_ids, &t->documents)) < 0 ||
		(r = turns_check_tools(q, in->tools)) < 0 ||
		(r = once_choose(q->api->c.turns, t, &q->mem, ret, &q->err)) < 0 || (r = request_rights(q)) < 0)
		return r;
	return request_allow_model(q, ret->request.model);
}

/* The model answers, and again with the results of what it calls. */
static int act(struct gw_call *c, struct gen_sink *sink)
{
	const struct generate *s = c->shape;
	const struct once_call call = {.q = &s->asked,
		.request = &c->req,
		.purpose = "chat",
		.turn_id = s->turn_id,
		.asks = c->stream,
		.sink = sink,
		.cancel = c->cancel};

	return once_run(c->q->api->c.turns, &call, &c->result, &c->cost_micros, &c->q->err);
}

static int prepare(struct gw_call *c, struct generate *s)
{
	struct generate_in *in = c->q->body;
	struct once_chosen chosen = {.instructions = ""};
	int r = choose(c, in, &s->asked, &chosen);

	if (r < 0)
		return r;
	ASSERT(!c->shape && !c->run);
	c->shape = s;
	if (chosen.acts || in->collection_ids.n || in->document_ids.n) {
		s->turn_id = id_new();
		c->run = act;
	}
	c->purpose = "chat";
	c->req = chosen.request;
	c->req.caller = c->q->who.user.id;
	c->model = chosen.request.model;
	if ((r = read_messages(c, &in->messages, chosen.instructions)) < 0 ||
		(r = provider_check_fits(c->q->api->c.providers, &c->req, &c->q->err)) < 0)
		return r;
	r = once_log_begin(&s->log, s->turn_id, c->model, chosen.left_out);
	return r < 0 ? err_set(&c->q->err, r, "%s", err_info(r)->text) : 0;
}

static int generate_post(struct request *q)
{
	CLEANUP(generate_done) struct generate s = {.log = ONCE_LOG_INIT((size_t)q->api->c.settings->max_answer_bytes)};
	CLEANUP(gw_closep) struct gw_call *c = NULL; /* ends before `s` does */
	const struct generate_in *in = q->body;
	bool stream = in->stream || header_accepts(http_header(q->x, "Accept"), "text/event-stream");
	int r;

	if ((r = gw_open_own(q, &generate_format, stream, &c)) < 0 || (r = prepare(c, &s)) < 0)
		return r;
	return gw_generate(c);
}

/* clang-format off */
static const struct route routes[] = {
	{"POST", V1 "/chat/generate", "generate", generate_post, ACCESS_USER, ROUTE_CALL, .status = 200,
		.body = &generate_schema, .answer = &generated_schema, .stream = "TurnEvent",
		FAILS(E_NOT_FOUND, E_CONFLICT, E_MODEL_UNKNOWN, E_MODEL_CANNOT, E_CONTEXT_TOO_LONG, E_LIMIT, E_BUDGET, E_BUSY, PROVIDER_FAILS),
		.summary = "Answer a conversation of which nothing is kept; with `stream` as the events of a turn, without ids."},
};
/* clang-format on */
const struct route_set generate_routes = ROUTES(routes);
