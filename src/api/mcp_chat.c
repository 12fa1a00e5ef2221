/* mcp_chat.c - how a model's answer goes to a client of /mcp: whole, or (where the client asks for progress) as a stream of notices of
 * how far it is, with the answer behind them. Clients give up on a call that is silent for a minute. */
#include "api/mcp.h"

#include <sodium.h>

#include "base/clock.h"

#define EVERY_MS 1000 /* a notice at most */

static json_t *result_of(const char *text, size_t n, bool failed)
{
	json_t *said = json_stringn_nocheck(text, n);

	return json_pack("{s:[{s:s,s:o}],s:b}", "content", "type", "text", "text", said ? said : json_string(""),
		"isError", failed);
}

static int whole_answer(struct gw_call *c, struct buf *out)
{
	const struct mcp_chat *chat = c->shape;
	struct str text = buf_str(&c->answer.text);

	mcp_write_result(chat->ask, result_of(text.p, text.n, false), out);
	return buf_status(out);
}

/* ---- as a stream ---- */

/* What is told must grow: it is the time that has passed, in seconds. */
static void tell(struct gw_call *c, const char *message, struct buf *out)
{
	struct mcp_chat *chat = c->shape;
	int64_t now = clock_mono_ms();

	if (now - chat->told_ms < EVERY_MS)
		return;
	chat->told_ms = now;
	CLEANUP(json_decrefp)
	json_t *o = json_pack("{s:s,s:s,s:{s:O,s:f,s:s}}", "jsonrpc", "2.0", "method", "notifications/progress",
		"params", "progressToken", chat->token, "progress", (double)(now - chat->begun_ms) / 1000, "message",
		message);
	buf_add_str(out, "event: message\ndata: ");
	json_add_value(out, o);
	buf_add_str(out, "\n\n");
}

static void on_text(struct gw_call *c, struct str escaped UNUSED, struct buf *out)
{
	char message[80];

	snprintf(message, sizeof(message), "The answer has %zu bytes so far.", c->answer.text.n);
	tell(c, message, out);
}

static void on_reasoning(struct gw_call *c, struct str escaped UNUSED, struct buf *out)
{
	tell(c, "The model thinks.", out);
}

static void on_activity(struct gw_call *c, struct gw_activity *a, struct buf *out)
{
	char message[160];

	snprintf(message, sizeof(message), "%.100s %s.", a->name, a->result ? "has ended" : "runs");
	tell(c, message, out);
}

static void on_heartbeat(struct gw_call *c, struct buf *out)
{
	int64_t place = gw_place(c);
	char message[80] = "No answer has come yet.";

	if (place > 0)
		snprintf(message, sizeof(message), "Number %lld in the queue of the model.", (long long)place);
	else if (c->answer.text.n > 0)
		snprintf(message, sizeof(message), "The answer has %zu bytes so far.", c->answer.text.n);
	tell(c, message, out);
}

static void on_end(struct gw_call *c, struct buf *out)
{
	const struct mcp_chat *chat = c->shape;
	struct str text = buf_str(&c->answer.text);

	buf_add_str(out, "event: message\ndata: ");
	mcp_write_result(chat->ask, result_of(text.p, text.n, false), out);
	buf_add_str(out, "\n\n");
}

static void on_error(struct gw_call *c, const struct err *e, struct buf *out)
{
	const struct mcp_chat *chat = c->shape;
	const char *why = err_public_text(e);

	buf_add_str(out, "event: message\ndata: ");
	if (e->code == E_CANCELED) {
		(void)mcp_refuse_cancelled(chat->ask);
		mcp_write_error(chat->ask, out);
	} else {
		mcp_write_result(chat->ask, result_of(why, strlen(why), true), out);
	}
	buf_add_str(out, "\n\n");
}

const struct gw_format mcp_chat_whole = {.content_type = "application/json", .whole = whole_answer};
const struct gw_format mcp_chat_stream = {.content_type = "text/event-stream",
	.keep_text = true,
	.text_at_end = true,
	.text = on_text,
	.reasoning = on_reasoning,
	.activity = on_activity,
	.heartbeat = on_heartbeat,
	.end = on_end,
	.error = on_error};

/* Ids are numbers from 0 on with most clients: the handshake tells those of one program from those of another with the same key. */
uint64_t mcp_call_name(const struct request *q, const json_t *id)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT((size_t)1 << 20);
	const char *session = http_header(q->x, MCP_SESSION);
	unsigned char hash[16];
	uint64_t name = 0;

	if (!session || !*session || !(json_is_string(id) || json_is_integer(id)))
		return 0;
	json_add_value(&b, id);
	buf_add_str(&b, session);
	if (buf_status(&b) < 0)
		return 0;
	crypto_generichash(hash, sizeof(hash), (const unsigned char *)b.p, b.n, NULL, 0);
	memcpy(&name, hash, sizeof(name));
	return name;
}

struct mcp_chat *mcp_chat_new(struct mcp_ask *ask)
{
	struct mcp_chat *chat = ARENA_NEW(&ask->q->mem, struct mcp_chat);
	json_t *token = json_object_get(json_object_get(ask->params, "_meta"), "progressToken");
	bool wanted = json_is_string(token) || json_is_integer(token);

	if (!chat)
		return NULL;
	int64_t now = clock_mono_ms();
	*chat = (struct mcp_chat){.ask = ask,
		.token = wanted && header_accepts(http_header(ask->q->x, "Accept"), "text/event-stream") ? token : NULL,
		.begun_ms = now,
		.told_ms = now};
	return chat;
}
