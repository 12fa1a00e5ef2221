/*
 * stream.c - an answer that is written piece by piece. Pieces go to the socket directly; the connection keeps only what it did
 * not take.
 */
#include <errno.h>

#include "http/server_priv.h"
#include "http/websocket.h"

/* Above this much in the output, a stream is blocked also before its first bytes have left. */
enum { WAITING_MAX = 65536 };

static void head_drop(struct http_stream *st)
{
	struct http_stream **at = &st->conn->server->heads;

	if (!st->head)
		return;
	st->head = false;
	while (*at != st) {
		ASSERT(*at); /* it is in the list */
		at = &(*at)->next_head;
	}
	*at = st->next_head;
}

void stream_turn_end(void *server)
{
	struct http_server *s = server;

	while (s->heads) {
		struct conn *c = s->heads->conn;
		head_drop(s->heads);
		c->writable = true;
		conn_run(c);
	}
}

static void set_head(struct http_exchange *x, const char *content_type)
{
	http_set_header(x, "Content-Type", content_type);
	http_set_header(x, "Cache-Control", "no-cache, no-transform");
	http_set_header(x, "X-Accel-Buffering", "no");
}

struct http_stream *http_stream_begin(
	const struct http_place *at, const char *content_type, const struct http_stream_ops *ops, void *arg)
{
	const struct http_websocket *w = at->websocket;
	struct http_exchange *x = at->x;

	if (at->shared)
		return part_new(at, ops, arg);
	struct conn *c = x->conn;
	if (!c || !conn_check(c)) {
		exchange_free(x);
		return NULL;
	}
	struct http_server *s = c->server;
	struct http_stream *st = xcalloc(1, sizeof(*st));
	ASSERT(loop_is_mine(s->loop) && !c->stream && c->x == x);
	*st = (struct http_stream){.conn = c, .ops = ops, .arg = arg, .head = true, .next_head = s->heads};
	st->no_body = strcmp(x->head.method, "HEAD") == 0;
	st->chunked = !x->head.http_1_0 && !w;
	x->status = w ? 101 : 200;
	if (w) {
		websocket_head(x);
		st->ws = websocket_new(st, x, w);
	} else {
		set_head(x, content_type);
	}
	c->after = (unsigned char)answer_next(x);
	if (!st->chunked && c->after < NEXT_CLOSE)
		c->after = NEXT_CLOSE;
	answer_head(x, st->chunked ? ANSWER_CHUNKED : ANSWER_UNTIL_CLOSE);
	buf_add(&c->out, s->head.p, s->head.n);
	exchange_free(x);
	c->stream = st;
	s->heads = st;
	loop_hook_raise(s->hook);
	conn_enter(c, CONN_STREAM);
	if (w && c->in.n) /* frames have come with the head */
		conn_again(c);
	return st;
}

/* The size line of a chunk; returns its length. */
static size_t chunk_head(size_t n, char ret[static 20])
{
	char *p = ret + 20;

	*--p = '\n';
	*--p = '\r';
	for (size_t v = n; v; v >>= 4)
		*--p = "0123456789abcdef"[v & 15];
	size_t len = (size_t)(ret + 20 - p);
	memmove(ret, p, len);
	return len;
}

static void block(struct http_stream *st)
{
	if (st->blocked)
		return;
	st->blocked = true;
	conn_enter(st->conn, CONN_STALLED);
}

/* The close must not be told from within a call. */
void stream_break(struct http_stream *st)
{
	st->broken = st->blocked = st->conn->broken = true;
	conn_again(st->conn);
}

bool stream_put(struct http_stream *st, const struct iovec *iov, size_t n_iov)
{
	struct conn *c = st->conn;

	ASSERT(c && !st->shared); /* a part has no connection of its own */
	if (conn_send(c, iov, n_iov) < 0) {
		stream_break(st);
		return false;
	}
	/* Behind a head, which leaves at the end of this turn, more may wait with it, for one send. */
	if (st->head ? c->out.n - c->out_at > WAITING_MAX : conn_waits(c))
		block(st);
	return true;
}

/* Both in a chunk, or as they are where there are no chunks: up to four pieces. */
struct framed {
	struct iovec iov[4];
	size_t n;
	char small[512];
};

static void frame(struct http_stream *st, struct str name, struct str piece, struct framed *ret)
{
	static const char ends[] = "\r\n0\r\n\r\n"; /* of a chunk, and of the last one */
	size_t n = name.n + piece.n;

	ASSERT(!st->ended); /* nothing comes behind the last piece */
	st->ended = st->last;
	size_t head = st->chunked ? chunk_head(n, ret->small) : 0;
	size_t tail = !st->chunked ? 0 : st->last ? sizeof(ends) - 1 : 2, total = head + n + tail;
	ret->iov[0] = (struct iovec){ret->small, head};
	ret->n = 1;
	if (total <= sizeof(ret->small)) { /* a token or two: copying is cheaper than a list of pieces */
		memcpy(ret->small + head, name.p, name.n);
		memcpy(ret->small + head + name.n, piece.p, piece.n);
		memcpy(ret->small + head + n, ends, tail);
		ret->iov[0].iov_len = total;
		return;
	}
	ret->iov[1] = (struct iovec){(void *)(uintptr_t)name.p, name.n};
	ret->iov[2] = (struct iovec){(void *)(uintptr_t)piece.p, piece.n};
	ret->iov[3] = (struct iovec){(void *)(uintptr_t)ends, tail};
	ret->n = N_ELEMENTS(ret->iov);
}

bool stream_send(struct http_stream *st, struct str name, struct str piece)
{
	struct framed f;

	if (st->ws)
		return websocket_send(st, name, piece);
	if (st->no_body)
		return true;
	frame(st, name, piece, &f);
	return stream_put(st, f.iov, f.n);
}

size_t http_stream_write(struct http_stream *st, const void *p, size_t n)
{
	struct framed f;

	if (st->closed || !n)
		return 0;
	if (st->shared)
		return part_write(st, p, n);
	ASSERT(!st->ws); /* that is a whole, and its parts are written to */
	if (st->blocked)
		return 0;
	if (st->no_body)
		return n;
	frame(st, (struct str){"", 0}, (struct str){(char *)(uintptr_t)p, n}, &f);
	return stream_put(st, f.iov, f.n) ? n : 0;
}

void http_stream_last(struct http_stream *st)
{
	st->last = true;
}

void http_stream_fetch(const struct http_stream *st)
{
	memory_fetch(st->conn, offsetof(struct conn, in));
}

bool http_stream_blocked(const struct http_stream *st)
{
	return st->shared ? part_blocked(st) : st->blocked;
}

void stream_flushed(struct http_stream *st)
{
	bool was = st->blocked;

	ASSERT(st->conn->stream == st);
	head_drop(st);
	if (!was || st->broken)
		return;
	st->blocked = false;
	conn_enter(st->conn, CONN_STREAM);
	if (st->ops->on_writable)
		st->ops->on_writable(st->arg);
}

/* Takes the connection out of the stream's hands. */
static struct conn *let_go(struct http_stream *st)
{
	struct conn *c = st->conn;

	ASSERT(c->stream == st && loop_is_mine(c->server->loop));
	head_drop(st);
	c->stream = NULL;
	websocket_free(st->ws);
	free(st);
	return c;
}

void http_stream_end(struct http_stream *st)
{
	static const char last[] = "0\r\n\r\n";
	const struct iovec iov = {(void *)(uintptr_t)last, sizeof(last) - 1};

	if (st->closed)
		return;
	if (st->shared) {
		part_end(st);
		return;
	}
	if (st->ws && !st->broken) {
		websocket_close(st);
		st->conn->after = NEXT_LINGER;
	}
	bool broken = st->broken, chunked = st->chunked && !st->no_body && !st->ended, head = st->head;
	struct conn *c = let_go(st);
	if (broken || (chunked && conn_send(c, &iov, 1) < 0)) {
		conn_close(c);
		return;
	}
	if (head) { /* it all leaves with the head */
		c->writable = true;
		conn_enter(c, CONN_WRITING);
		conn_again(c);
	} else {
		conn_answered(c);
	}
}

void http_stream_abort(struct http_stream *st)
{
	if (st->closed)
		return;
	if (st->shared)
		part_abort(st);
	else
		conn_close(let_go(st));
}

void stream_closed(struct http_stream *st)
{
	ASSERT(!st->closed && st->conn->stream != st); /* told once, and let go of before */
	head_drop(st);
	st->closed = true;
	if (st->ops->on_close)
		st->ops->on_close(st->arg);
	websocket_free(st->ws);
	free(st);
}
