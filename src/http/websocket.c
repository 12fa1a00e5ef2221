/*
 * websocket.c - WebSockets: frames by libwslay, bytes by the connection.
 *
 * A message of the client is handed to the owner, who says when its work is done (http_inner, or http_websocket_done). While
 * MESSAGES_AT_WORK of them are not, nothing is read: whoever sends faster than is worked has to wait, as with bodies of requests.
 * Nor is while the client does not take what is said to it.
 */
#include "http/websocket.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <strings.h>
#include <wslay/wslay.h>

#include "base/clock.h"
#include "base/magic.h"
#include "sys/metrics.h"

enum {
	MESSAGES_AT_WORK = 8,
	READ = 16384,      /* bytes at a time: of pings each comes back as a pong */
	PONGS_MAX = 16384, /* waiting for a client that takes none of them: above, nothing more is read of it; */
	OUT_MAX = 1 << 20, /* above this it is let go */
	PIECE_COST = 64,   /* what libwslay keeps of each fragment of a message beside its bytes */
	KEY_LEN = 24,      /* 16 bytes in base64 */
	TRY_AGAIN_LATER = 1013,
};

struct message {
	struct message *next;
	size_t n;
	char text[];
};

struct websocket {
	unsigned magic; /* WEBSOCKET_MAGIC */
#define WEBSOCKET_MAGIC 0x77656f74u
	struct http_stream *stream;
	struct http_server *server;
	size_t reserved; /* of its budget, for all that is kept of messages; */
	size_t pieces;   /* of it, what the fragments of an unfinished one cost beside their bytes */
	wslay_event_context_ptr ctx;
	struct http_websocket config;
	struct str input;              /* what libwslay reads from at present */
	struct message *first, **last; /* that have come and are not at work yet */
	unsigned at_work;
	size_t pongs;  /* bytes of them since nothing waited for the client */
	unsigned code; /* to say goodbye with */
	bool closing;  /* it is said */
	bool failed;   /* what came is no frame */
	char *fields;  /* of the head, for requests inside */
	/* While the client owes the rest of a message, or its goodbye */
	bool owes;
	int64_t since_ms;
	uint64_t moved;                /* bytes since then */
	struct websocket *prev, *next; /* in server->owing */
};

/* ---- what the client owes ---- */

static void owe(struct websocket *w)
{
	struct http_server *s = w->server;

	w->since_ms = clock_mono_ms();
	w->moved = 0;
	if (w->owes)
		return;
	w->owes = true;
	w->prev = NULL;
	w->next = s->owing;
	if (s->owing)
		s->owing->prev = w;
	s->owing = w;
}

static void owes_nothing(struct websocket *w)
{
	if (!w->owes)
		return;
	ASSERT(*(w->prev ? &w->prev->next : &w->server->owing) == w);
	*(w->prev ? &w->prev->next : &w->server->owing) = w->next;
	if (w->next)
		w->next->prev = w->prev;
	w->owes = false;
}

/* ---- beginning ---- */

bool http_wants_websocket(const struct http_exchange *x)
{
	return x->head.websocket;
}

int http_websocket_check(struct http_exchange *x, struct err *e)
{
	const char *version = http_header(x, "Sec-WebSocket-Version"), *key = http_header(x, "Sec-WebSocket-Key");

	if (!x->head.websocket || !version || strcmp(version, "13") != 0) {
		http_set_header(x, "Upgrade", "websocket");
		http_set_header(x, "Sec-WebSocket-Version", "13");
		return err_set(e, E_UPGRADE, "This address is a WebSocket of version 13.");
	}
	unsigned char raw[KEY_LEN];
	if (!key || strlen(key) != KEY_LEN || strcmp(key + KEY_LEN - 2, "==") != 0 ||
		EVP_DecodeBlock(raw, (const unsigned char *)key, KEY_LEN) < 0)
		return err_set(e, E_INVALID, "Sec-WebSocket-Key is not 16 bytes in base64.");
	if (http_has_body(x)) /* whoever stands between would pass it on, and here it would be frames */
		return err_set(e, E_INVALID, "A request for a WebSocket has no body.");
	return 0;
}

void websocket_head(struct http_exchange *x)
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	const char *key = http_header(x, "Sec-WebSocket-Key");
	char both[KEY_LEN + sizeof guid];
	unsigned char hash[EVP_MAX_MD_SIZE], text[64];
	unsigned n = 0;

	ASSERT(key && strlen(key) == KEY_LEN); /* http_websocket_check has said so */
	memcpy(both, key, KEY_LEN);
	memcpy(both + KEY_LEN, guid, sizeof guid);
	if (!EVP_Digest(both, sizeof both - 1, hash, &n, EVP_sha1(), NULL))
		n = 0;
	EVP_EncodeBlock(text, hash, (int)n);
	http_set_header(x, "Upgrade", "websocket");
	http_set_header(x, "Connection", "Upgrade");
	http_set_header(x, "Sec-WebSocket-Accept", (const char *)text);
}

/* What a request inside says of itself: who sends it, from which page, and how it came. */
static char *keep_fields(struct http_exchange *x)
{
	static const char *const names[] = {"Cookie", "Authorization", "Origin", "Sec-Fetch-Site", "User-Agent",
		"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Prefix", "Forwarded"};
	struct buf b = BUF_INIT(x->server->config.max_header_bytes * 2);

	buf_printf(&b, "Host: %s\r\n", x->head.host ? x->head.host : "");
	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		const char *value = http_header(x, names[i]);
		if (value)
			buf_printf(&b, "%s: %s\r\n", names[i], value);
	}
	return buf_take(&b);
}

/* ---- to and from libwslay ---- */

static ssize_t on_send(wslay_event_context_ptr ctx, const uint8_t *p, size_t n, int flags UNUSED, void *arg)
{
	const struct websocket *w = arg;
	const struct iovec iov = {(void *)(uintptr_t)p, n};

	if (!w->stream->broken && stream_put(w->stream, &iov, 1))
		return (ssize_t)n;
	wslay_event_set_error(ctx, WSLAY_ERR_CALLBACK_FAILURE);
	return -1;
}

static ssize_t on_recv(wslay_event_context_ptr ctx, uint8_t *p, size_t n, int flags UNUSED, void *arg)
{
	struct websocket *w = arg;

	n = MIN(n, w->input.n);
	/* With messages waiting, those that libwslay has in hand are the last for now. */
	if (n == 0 || w->first) {
		wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
		return -1;
	}
	memcpy(p, w->input.p, n);
	w->input = (struct str){w->input.p + n, w->input.n - n};
	return (ssize_t)n;
}

static void say_goodbye(struct websocket *w, unsigned code)
{
	if (w->closing)
		return;
	(void)wslay_event_queue_close(w->ctx, (uint16_t)code, NULL, 0);
	w->closing = true;
	owe(w);
}

/* What libwslay answers with a goodbye that says no reason, or takes: what is no frame, and half a code. */
static void fail(struct websocket *w)
{
	static const unsigned char goodbye[] = {
		0x80 | WSLAY_CONNECTION_CLOSE, 2, WSLAY_CODE_PROTOCOL_ERROR >> 8, WSLAY_CODE_PROTOCOL_ERROR & 255};
	const struct iovec iov = {(void *)(uintptr_t)goodbye, sizeof goodbye};

	if (!w->closing && !w->stream->broken)
		(void)stream_put(w->stream, &iov, 1);
	w->closing = w->failed = true;
}

static void give_back(struct websocket *w, size_t n)
{
	ASSERT(n <= w->reserved);
	w->reserved -= n;
	budget_give(&w->server->budget, n, w->config.who);
}

/* Before there is memory for it. */
static void on_frame(wslay_event_context_ptr ctx, const struct wslay_event_on_frame_recv_start_arg *f, void *arg)
{
	struct websocket *w = arg;
	size_t n = (size_t)f->payload_length;

	if (wslay_is_ctrl_frame(f->opcode))
		return;
	if (budget_take(&w->server->budget, n + PIECE_COST, w->config.who)) {
		w->reserved += n + PIECE_COST;
		w->pieces += PIECE_COST;
		if (!w->owes)
			owe(w);
		return;
	}
	say_goodbye(w, TRY_AGAIN_LATER);
	wslay_event_shutdown_read(ctx);
}

static void on_message(wslay_event_context_ptr ctx UNUSED, const struct wslay_event_on_msg_recv_arg *m, void *arg)
{
	struct websocket *w = arg;

	if (!w->closing && !wslay_is_ctrl_frame(m->opcode)) {
		owes_nothing(w);
		give_back(w, w->pieces);
		w->pieces = 0;
	}
	if (m->opcode == WSLAY_PING)
		w->pongs += 2 + m->msg_length;
	if (m->opcode == WSLAY_BINARY_FRAME)
		say_goodbye(w, WSLAY_CODE_UNSUPPORTED_DATA);
	if (m->opcode == WSLAY_CONNECTION_CLOSE && m->msg_length == 1)
		fail(w);
	if (m->opcode != WSLAY_TEXT_FRAME || w->closing)
		return; /* the connection ends, and gives back what is reserved */
	struct message *copy = xcalloc(1, sizeof *copy + m->msg_length + 1);
	copy->n = m->msg_length;
	if (copy->n)
		memcpy(copy->text, m->msg, copy->n);
	*w->last = copy;
	w->last = &copy->next;
}

struct websocket *websocket_new(struct http_stream *st, struct http_exchange *x, const struct http_websocket *config)
{
	static const struct wslay_event_callbacks calls = {.recv_callback = on_recv,
		.send_callback = on_send,
		.on_frame_recv_start_callback = on_frame,
		.on_msg_recv_callback = on_message};
	struct websocket *w = xcalloc(1, sizeof *w);

	*w = (struct websocket){.magic = WEBSOCKET_MAGIC,
		.stream = st,
		.server = x->server,
		.config = *config,
		.last = &w->first,
		.code = WSLAY_CODE_NORMAL_CLOSURE};
	w->fields = keep_fields(x);
	if (!w->fields || wslay_event_context_server_init(&w->ctx, &calls, w) != 0)
		abort();
	wslay_event_config_set_max_recv_msg_length(w->ctx, config->max);
	return w;
}

void websocket_free(struct websocket *w)
{
	if (!w)
		return;
	owes_nothing(w);
	wslay_event_context_free(w->ctx);
	for (struct message *m; (m = w->first) != NULL; free(m))
		w->first = m->next;
	give_back(w, w->reserved);
	free(w->fields);
	MAGIC_END(w, WEBSOCKET_MAGIC);
	free(w);
}

/* ---- writing ---- */

bool websocket_send(struct http_stream *st, struct str name, struct str piece)
{
	struct websocket *w = st->ws;
	struct buf both = BUF_INIT(SIZE_MAX);

	ASSERT_IS(st->ws, WEBSOCKET_MAGIC);
	if (name.n) {
		buf_add(&both, name.p, name.n);
		buf_add(&both, piece.p, piece.n);
		piece = buf_str(&both);
	}
	const struct wslay_event_msg m = {
		.opcode = WSLAY_TEXT_FRAME, .msg = (const uint8_t *)piece.p, .msg_length = piece.n};
	/* Behind a goodbye nothing is said any more. */
	bool said = !w->closing && buf_status(&both) == 0 && wslay_event_queue_msg(w->ctx, &m) == 0;
	buf_done(&both);
	return !said || wslay_event_send(w->ctx) == 0;
}

void websocket_close(struct http_stream *st)
{
	ASSERT_IS(st->ws, WEBSOCKET_MAGIC);
	say_goodbye(st->ws, st->ws->code);
	(void)wslay_event_send(st->ws->ctx);
}

void http_shared_code(struct http_shared *s, unsigned code)
{
	struct http_stream *whole = shared_whole(s);

	if (whole && whole->ws)
		whole->ws->code = code;
}

/* ---- reading ---- */

static void hand_on(struct websocket *w)
{
	while (w->first && w->at_work < MESSAGES_AT_WORK && !w->closing) {
		struct message *m = w->first;

		w->first = m->next;
		if (!w->first)
			w->last = &w->first;
		w->at_work++;
		w->config.on_message(w->config.arg, w->stream->arg, (struct str){m->text, m->n});
		free(m);
	}
}

void http_websocket_done(struct http_shared *s, size_t n)
{
	struct http_stream *whole = shared_whole(s);

	if (!whole || !whole->ws)
		return;
	ASSERT(whole->ws->at_work > 0);
	whole->ws->at_work--;
	give_back(whole->ws, n);
	conn_again(whole->conn);
}

/* All is said by both sides, or there is no more use in it: the connection lingers until the client has closed it, too. */
static void finish(struct conn *c)
{
	struct http_stream *st = TAKE_PTR(c->stream);

	c->after = NEXT_LINGER;
	stream_closed(st);
	conn_answered(c);
}

/* Takes what fits of the bytes; returns how many these are. */
static size_t take(struct websocket *w, const char *p, size_t n)
{
	w->input = (struct str){(char *)(uintptr_t)p, n};
	if (wslay_event_recv(w->ctx) != 0)
		fail(w);
	ASSERT(w->input.n <= n);
	size_t taken = n - w->input.n;
	w->moved += taken;
	w->input = (struct str){NULL, 0};
	return taken;
}

static bool go_on(struct conn *c)
{
	struct websocket *w = c->stream->ws;

	if ((!w->failed && wslay_event_send(w->ctx) != 0) || c->out.n - c->out_at > OUT_MAX)
		stream_break(c->stream);
	if (c->stream->broken)
		return false;
	if (w->failed) {
		finish(c);
		return false;
	}
	if (wslay_event_get_close_sent(w->ctx) &&
		(wslay_event_get_close_received(w->ctx) || !wslay_event_get_read_enabled(w->ctx))) {
		finish(c);
		return false;
	}
	hand_on(w);
	return !c->dead && c->stream != NULL;
}

/* Nothing is read at present: messages wait to be worked at, or the client asks and takes no answer. */
static bool is_held_up(struct websocket *w)
{
	if (!conn_waits(w->stream->conn))
		w->pongs = 0;
	return w->first || w->pongs > PONGS_MAX;
}

/* It has had its time. */
static void give_up(struct websocket *w)
{
	struct conn *c = w->stream->conn;

	metric_add(M_http_timeouts_total, 1);
	if (w->closing) {
		conn_close(c);
		return;
	}
	say_goodbye(w, WSLAY_CODE_POLICY_VIOLATION);
	wslay_event_shutdown_read(w->ctx);
	(void)go_on(c);
}

void websocket_tick(struct http_server *s)
{
	const struct http_pace *p = &s->pace;
	int64_t now = clock_mono_ms();

	for (struct websocket *w = s->owing, *next; w; w = next) {
		int64_t more = w->closing ? p->linger_ms : p->grace_ms + (int64_t)(w->moved * 1000 / (uint64_t)p->rate);

		next = w->next;
		if (w->first && !w->closing)
			owe(w); /* we have not read on */
		else if (now - w->since_ms >= more)
			give_up(w);
	}
}

bool websocket_step(struct conn *c)
{
	struct websocket *w = c->stream->ws;
	struct http_server *s = c->server;
	ssize_t n;

	hand_on(w);
	if (c->dead || !c->stream || c->stream->broken || is_held_up(w))
		return false;
	if (c->in.n) {
		size_t k = take(w, c->in.p, c->in.n);
		if (k == c->in.n)
			buf_wipe(&c->in);
		else
			buf_consume(&c->in, k);
		return go_on(c);
	}
	if (!c->readable)
		return false;
	n = wire_read(c, s->read, READ);
	if (n == -EAGAIN) {
		c->readable = false;
		return false;
	}
	if (n > 0) {
		size_t k = take(w, s->read, (size_t)n);
		if (conn_keep(c, s->read + k, (size_t)n - k) == 0)
			return go_on(c);
	}
	conn_close(c);
	return false;
}

/* ---- requests inside ---- */

bool http_inner(struct http_shared *s, const struct http_inner *in)
{
	struct http_stream *whole = shared_whole(s);
	CLEANUP(buf_done) struct buf head = BUF_INIT(SIZE_MAX);
	unsigned lines = 2; /* the first one, and the empty one */

	if (!whole || !whole->ws)
		return false;
	buf_printf(&head, "%s %s HTTP/1.1\r\n%sContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
		in->method, in->path, whole->ws->fields, in->body.n);
	for (const char *p = head.p; buf_status(&head) == 0 && (p = strchr(p, '\n')) != NULL; p++)
		lines++;
	return buf_status(&head) == 0 && exchange_inner(whole->conn, buf_str(&head), lines, in, s);
}
