/*
 * websocket_api.c - the WebSocket: the stream of events_api.c, and in the other direction commands.
 *
 * What the server sends is the same frames, each message some of them. A command is a JSON object; it becomes a request inside the
 * connection (http_inner) that goes the way of all requests, so that rights, limits and checks are those of the address it stands
 * for. Its answer is a frame `result` with the command's `id`.
 */
#include <stdio.h>
#include <stdlib.h>

#include "api/answer.h"
#include "api/follow.h"
#include "base/json.h"

enum {
	COMMAND_MORE = 4096, /* bytes that a command may have beyond the body that it carries */
	ID_MAX = 64,
	PARTS_MAX = 128, /* streams in one connection */
	RESULT_MAX = 16 << 20,
};

struct command {
	struct api *api;
	struct http_shared *socket;
	struct pool_task work;
	struct loop_task task;
	char *text; /* as it came, of */
	size_t n;   /* bytes */
	char id[ID_MAX + 1];
	const char *method;
	char path[100];
	struct buf body;  /* of the request inside */
	struct buf frame; /* or what is told at once */
	struct err err;
};

static void command_free(struct command *c)
{
	http_shared_unref(c->socket);
	free(c->text);
	buf_wipe(&c->body);
	buf_done(&c->frame);
	free(c);
}

/* Who does not take what was asked for is let go of. */
static void send(const struct command *c, const struct buf *frame)
{
	if (buf_status(frame) < 0 || !http_shared_write(c->socket, frame->p, frame->n))
		http_shared_break(c->socket);
}

static void begin_frame(const struct command *c, const char *event, struct buf *b)
{
	buf_printf(b, "event: %s\ndata: {\"id\":", event);
	if (*c->id)
		json_add_cstr(b, c->id);
	else
		buf_add_str(b, "null");
}

static void add_result(const struct command *c, int status, struct str body, struct buf *b)
{
	begin_frame(c, "result", b);
	buf_printf(b, ",\"status\":%d,\"body\":", status);
	buf_add(b, body.n ? body.p : "null", body.n ? body.n : 4);
	buf_add_str(b, "}\n\n");
}

/* On the loop: the answer of a request inside. Without one the connection is on its way out, or the server. */
static void answered(void *arg, int status, struct str body)
{
	struct command *c = arg;
	CLEANUP(buf_done) struct buf b = BUF_INIT(RESULT_MAX);

	ASSERT(loop_is_mine(c->api->c.loop));
	if (status)
		add_result(c, status, body, &b);
	if (status)
		send(c, &b);
	http_websocket_done(c->socket, c->n);
	command_free(c);
}

static void run_on_loop(void *arg)
{
	struct command *c = arg;
	const struct http_inner in = {c->method, c->path, buf_str(&c->body), answered, c};

	ASSERT(loop_is_mine(c->api->c.loop));
	if (c->method && http_inner(c->socket, &in))
		return;
	if (!c->method)
		send(c, &c->frame);
	http_websocket_done(c->socket, c->n);
	command_free(c);
}

/* ---- reading a command, on a worker ---- */

static int refuse(struct command *c, const char *why)
{
	return err_set(&c->err, E_INVALID, "%s", why);
}

/* `path` has a %s for the id. */
static int to(struct command *c, const json_t *msg, const char *member, const char *before, const char *behind)
{
	const char *text = json_get_str(msg, member);
	atelier_id id;

	ASSERT(strlen(before) + ID_LEN + strlen(behind) < sizeof c->path); /* cut off it would be another address */
	if (!text || strlen(text) != ID_LEN || !id_parse(text, ID_LEN, &id))
		return err_field(&c->err, E_INVALID, member, "is to be an identifier.");
	snprintf(c->path, sizeof c->path, "%s%s%s", before, text, behind);
	return 0;
}

static int carry(struct command *c, const json_t *body)
{
	CLEANUP(freep) char *text = json_is_object(body) ? json_dumps(body, JSON_COMPACT) : NULL;

	if (!text)
		return refuse(c, "What is to be asked is to be an object.");
	buf_add_str(&c->body, text);
	return buf_status(&c->body);
}

static int read_send(struct command *c, const json_t *msg)
{
	int r = to(c, msg, "conversation_id", V1 "/conversations/", "/turns");

	return r < 0 ? r : carry(c, json_object_get(msg, "turn"));
}

static int read_edit(struct command *c, const json_t *msg)
{
	CLEANUP(json_decrefp)
	json_t *turn = json_pack(
		"{s:O?, s:O?}", "edit", json_object_get(msg, "message_id"), "content", json_object_get(msg, "content"));
	int r = to(c, msg, "conversation_id", V1 "/conversations/", "/turns");

	return r < 0 ? r : carry(c, turn);
}

static int read_stop(struct command *c, const json_t *msg)
{
	return to(c, msg, "turn_id", V1 "/turns/", "/cancel");
}

static int read_subscribe(struct command *c, const json_t *msg)
{
	CLEANUP(json_decrefp)
	json_t *wanted =
		json_pack("{s:O*, s:O*}", "turns", json_object_get(msg, "turns"), "jobs", json_object_get(msg, "jobs"));

	snprintf(c->path, sizeof c->path, "/ws/subscriptions");
	return carry(c, wanted);
}

static int read_ping(struct command *c, const json_t *msg UNUSED)
{
	c->method = NULL;
	begin_frame(c, "pong", &c->frame);
	buf_add_str(&c->frame, "}\n\n");
	return 0;
}

static int read_command(struct command *c)
{
	static const struct {
		const char *type;
		int (*read)(struct command *c, const json_t *msg);
	} types[] = {{"subscribe", read_subscribe}, {"send", read_send}, {"edit", read_edit}, {"stop", read_stop},
		{"ping", read_ping}};
	CLEANUP(json_decrefp) json_t *msg = NULL;
	int r = json_parse(c->text, c->n, &msg, &c->err);

	if (r < 0)
		return r;
	const char *type = json_get_str(msg, "type"), *id = json_get_str(msg, "id");
	if (id && strlen(id) > ID_MAX)
		return refuse(c, "\"id\" has more than 64 bytes.");
	if (id)
		memcpy(c->id, id, strlen(id) + 1);
	c->method = "POST";
	for (size_t i = 0; type && i < N_ELEMENTS(types); i++)
		if (strcmp(type, types[i].type) == 0)
			return types[i].read(c, msg);
	return refuse(c, "\"type\" is to be subscribe, send, edit, stop or ping.");
}

static void tell_refused(struct command *c)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(8192);

	ASSERT(c->err.code < 0);
	error_emit(&c->err, "", &b);
	buf_reset(&c->frame);
	add_result(c, err_info(c->err.code)->http_status, buf_str(&b), &c->frame);
	c->method = NULL;
}

static void command_work(void *arg)
{
	struct command *c = arg;

	ASSERT(thread_may_wait() && !c->method); /* as on_message() made it: reading gives it a method */
	int r = read_command(c);

	if (r < 0) {
		err_set(&c->err, r, "%s", err_info(r)->text);
		tell_refused(c);
	}
	loop_post(c->api->c.loop, &c->task, run_on_loop, c);
}

static void on_message(void *arg, struct http_shared *socket, struct str text)
{
	struct api *a = arg;
	struct command *c = xcalloc(1, sizeof *c);
	int r;

	ASSERT_IS(a, API_MAGIC);
	ASSERT(loop_is_mine(a->c.loop));
	*c = (struct command){.api = a,
		.socket = http_shared_ref(socket),
		.text = memcpy(xcalloc(1, text.n + 1), text.p, text.n),
		.n = text.n,
		.body = BUF_INIT(SIZE_MAX),
		.frame = BUF_INIT(RESULT_MAX)};
	r = pool_submit(a->workers, &c->work, command_work, c);
	if (r == 0)
		return;
	err_set(&c->err, r, "%s", err_info(r)->text);
	tell_refused(c);
	loop_post(a->c.loop, &c->task, run_on_loop, c);
}

/* ---- the routes ---- */

static int websocket_get(struct request *q)
{
	const struct settings *s = q->api->c.settings;
	const struct http_websocket w = {.max = (size_t)s->max_body_bytes + COMMAND_MORE,
		.who = HTTP_KNOWN | (uint64_t)q->who.user.id,
		.on_message = on_message,
		.arg = q->api};
	struct http_shared *stream;
	int r = http_websocket_check(q->x, &q->err);

	ASSERT(q->who.user.id && !q->taken);
	/* Whoever opens one can make others do what changes something; browsers let any page try. */
	if (r == 0 && q->who.by_cookie)
		r = auth_check_site(s, http_header(q->x, "Sec-Fetch-Site"), http_header(q->x, "Origin"),
			http_header(q->x, "Host"), &q->err);
	if (r < 0)
		return r;
	q->taken = true;
	stream = changes_follow(q->api->changes, q->x, &w, &q->who);
	if (!stream)
		return 0;
	http_shared_unref(stream);
	request_recheck(q);
	return 0;
}

struct subscription {
	struct schema_list turns, jobs;
};

static const struct field turn_item = {.type = FT_STR, .min = ID_LEN, .max = ID_LEN + 19};
static const struct field job_item = {.type = FT_ID};
static const struct field subscription_fields[] = {
	FIELD(FT_STRS, struct subscription, turns, "turns", .max = FOLLOWED_MAX, .item = &turn_item,
		.doc = "Turns, each with the last event that is known: ID:17."),
	FIELD(FT_STRS, struct subscription, jobs, "jobs", .max = FOLLOWED_MAX, .item = &job_item, .doc = "Jobs."),
};
static const struct schema subscription_schema =
	SCHEMA("Subscription", struct subscription, subscription_fields, "What is to come in a WebSocket from now on.");

static int subscriptions_post(struct request *q)
{
	const struct subscription *in = q->body;
	struct http_shared *stream = http_inner_of(q->x);
	struct followed turns[FOLLOWED_MAX] = {0};
	const char *const *words = in->turns.items;
	int r = stream ? 0 : err_set(&q->err, E_NOT_FOUND, "There is nothing at this address.");

	ASSERT(in->turns.n <= FOLLOWED_MAX);
	for (size_t i = 0; r == 0 && i < in->turns.n; i++)
		r = followed_read(q, words[i], &turns[i]);
	for (size_t i = 0; r == 0 && i < in->turns.n; i++)
		follow_turn(q, stream, &turns[i]);
	words = in->jobs.items;
	for (size_t i = 0; r == 0 && i < in->jobs.n; i++) {
		atelier_id id;
		ASSERT(id_parse(words[i], strlen(words[i]), &id)); /* the schema has seen to it */
		follow_job(q, stream, id);
	}
	if (r == 0)
		request_recheck(q);
	return r;
}

/* clang-format off */
static const struct route routes[] = {
	{"GET", "/ws", "openWebSocket", websocket_get, ACCESS_USER, ROUTE_STREAM | ROUTE_WEBSOCKET | ROUTE_ABSENT, .status = 101,
		FAILS(E_CSRF), .summary = "The stream of changes and turns as a WebSocket that takes commands."},
	{"POST", "/ws/subscriptions", "subscribe", subscriptions_post, ACCESS_USER, ROUTE_ABSENT, .status = 204,
		.body = &subscription_schema, FAILS(E_NOT_FOUND), .summary = "Of a WebSocket alone: follow these, too."},
};
/* clang-format on */
const struct route_set websocket_routes = ROUTES(routes);
