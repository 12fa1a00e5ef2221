/* body.c - bodies of requests: whole, in pieces, or read off since nobody wants them. */
#include <errno.h>

#include "base/clock.h"
#include "http/server_priv.h"

enum { CHUNKED_FIRST = 16384 /* of the budget, for a body whose length nobody knows */ };

bool http_has_body(const struct http_exchange *x)
{
	return x->head.chunked || x->head.length > 0;
}

bool http_body_ended(const struct http_exchange *x)
{
	return x->ended;
}

int64_t http_body_length(const struct http_exchange *x)
{
	return x->head.chunked ? -1 : x->head.length;
}

struct str http_body(const struct http_exchange *x)
{
	return buf_str(&x->body);
}

/* --- asking for it ------------------------------------------------------------------------------------------------ */

void body_end(struct http_exchange *x, int error)
{
	struct conn *c = x->conn;

	ASSERT(error <= 0);
	ASSERT(x->mode != BODY_NONE && !x->ended);
	x->ended = true;
	if (error)
		x->error = error;
	if (c && c->state != CONN_HANDLING)
		conn_enter(c, CONN_HANDLING);
	if (x->mode == BODY_COLLECT)
		x->done(x);
	else
		x->piece(x, NULL, 0);
}

static void begin(void *arg)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	const struct iovec iov = {(void *)(uintptr_t)go_on, sizeof(go_on) - 1};
	struct http_exchange *x = arg;
	struct conn *c = x->conn;

	x->body_posted = false;
	if (!c || c->body_left == 0) {
		body_end(x, c || x->inner ? 0 : E_CANCELED);
		return;
	}
	conn_enter(c, CONN_BODY);
	bool waits = x->head.expects && !c->in.n;
	x->head.expects = false;
	if (waits && conn_send(c, &iov, 1) < 0)
		conn_close(c);
	else
		conn_run(c);
}

static int ask(struct http_exchange *x, enum body_mode mode, uint64_t max, size_t reserve, uint64_t who)
{
	ASSERT_IS(x, EXCHANGE_MAGIC);
	ASSERT(x->mode == BODY_NONE); /* a body is asked for once */
	if (!x->head.chunked && (uint64_t)x->head.length > max)
		return E_TOO_LARGE;
	if (!budget_take(&x->server->budget, reserve, who))
		return E_BUSY;
	x->who = who;
	x->reserved = reserve;
	x->mode = (unsigned char)mode;
	x->max = max;
	if (!x->inner) /* which has it already */
		x->body = BUF_INIT((size_t)MIN(max, (uint64_t)SIZE_MAX / 2));
	return 0;
}

static void go(struct http_exchange *x)
{
	if (loop_is_current(x->server->loop)) {
		begin(x);
		return;
	}
	x->body_posted = true;
	loop_post(x->server->loop, &x->body_task, begin, x);
}

int http_body_collect(struct http_exchange *x, size_t max, uint64_t who, void (*done)(struct http_exchange *x))
{
	int r = ask(x, BODY_COLLECT, max, x->head.chunked ? CHUNKED_FIRST : (size_t)x->head.length, who);

	if (r < 0)
		return r;
	x->done = done;
	go(x);
	return 0;
}

int http_body_pieces(
	struct http_exchange *x, int64_t max, void (*piece)(struct http_exchange *x, const char *p, size_t n))
{
	int r = ask(x, BODY_PIECES, (uint64_t)MAX(max, INT64_C(0)), 0, HTTP_KNOWN);

	if (r < 0)
		return r;
	x->piece = piece;
	x->more = true;
	go(x);
	return 0;
}

static void go_on(void *arg)
{
	struct http_exchange *x = arg;
	struct conn *c = x->conn;

	x->body_posted = false;
	x->more = true;
	if (!c)
		body_end(x, E_CANCELED);
	if (!c || c->state != CONN_PAUSED)
		return;
	conn_enter(c, CONN_BODY);
	c->since_ms -= x->body_ms; /* the time that the server itself took does not count */
	c->moved = x->body_moved;
	conn_run(c);
}

void http_body_more(struct http_exchange *x)
{
	if (loop_is_current(x->server->loop)) {
		go_on(x);
		return;
	}
	x->body_posted = true;
	loop_post(x->server->loop, &x->body_task, go_on, x);
}

void http_body_give_up(struct http_exchange *x, int64_t quiet_ms, int error)
{
	const struct conn *c = x->conn;

	ASSERT(loop_is_mine(x->server->loop) && x->mode == BODY_PIECES);
	if (c && c->state == CONN_BODY && x->more && !x->ended && clock_mono_ms() - x->piece_ms >= quiet_ms)
		body_end(x, error);
}

/* --- taking it ---------------------------------------------------------------------------------------------------- */

/* The budget grows with a body of unknown length. */
static int grow(struct http_exchange *x, size_t n)
{
	size_t want = x->body.n + n;

	if (want > x->max)
		return E_TOO_LARGE;
	if (want <= x->reserved)
		return 0;
	want = (size_t)MIN(MAX((uint64_t)want, 2 * (uint64_t)x->reserved), x->max);
	if (!budget_take(&x->server->budget, want - x->reserved, x->who))
		return E_BUSY;
	x->reserved = want;
	return 0;
}

static int collect(struct http_exchange *x, const char *p, size_t n)
{
	int r = grow(x, n);

	if (r < 0)
		return r;
	buf_add(&x->body, p, n);
	return buf_status(&x->body);
}

/* Hands on n bytes of the body. May end the exchange: its connection then has another one, or none. */
static void deliver(struct http_exchange *x, const char *p, size_t n)
{
	int r;

	x->conn->moved += n;
	if (x->mode == BODY_COLLECT) {
		r = collect(x, p, n);
	} else {
		x->piece_ms = clock_mono_ms();
		x->body_total += n;
		r = x->body_total > x->max ? E_TOO_LARGE : 0;
		x->more = false;
	}
	if (r < 0)
		body_end(x, r);
	else if (x->mode == BODY_PIECES)
		x->piece(x, p, n);
}

/* The next bytes of the body within the n at p: returns how many were taken, -errno for bad chunks. */
static ssize_t unframe(struct conn *c, const char *p, size_t n, struct str *ret)
{
	ssize_t k;

	if (c->body_left > 0) {
		k = (ssize_t)MIN((uint64_t)n, (uint64_t)c->body_left);
		c->body_left -= k;
		*ret = (struct str){p, (size_t)k};
		return k;
	}
	k = chunked_take(&c->chunked, p, n, ret);
	if (k > 0 && chunked_done(&c->chunked))
		c->body_left = 0;
	return k;
}

/* Returns how many of the bytes are taken care of. */
static size_t take(struct conn *c, const char *p, size_t n)
{
	struct http_exchange *x = c->x;
	size_t used = 0;

	ASSERT(x && x->conn == c);
	while (used < n && c->body_left && c->x == x && x->mode && !x->ended && (x->mode == BODY_COLLECT || x->more)) {
		struct str data = {0};
		ssize_t k = unframe(c, p + used, n - used, &data);
		if (k < 0) {
			body_end(x, (int)k);
			return n;
		}
		used += (size_t)k;
		if (data.n)
			deliver(x, data.p, data.n);
	}
	return used;
}

/* Reads a body of known length where it is to stand. */
static ssize_t read_direct(struct conn *c)
{
	struct http_exchange *x = c->x;
	size_t want = (size_t)MIN(c->body_left, (int64_t)HTTP_READ_MAX);
	char *to = buf_reserve(&x->body, want);
	ssize_t n = to ? wire_read(c, to, want) : -ENOMEM;

	if (n > 0) {
		x->body.n += (size_t)n;
		x->body.p[x->body.n] = '\0';
		c->body_left -= n;
		c->moved += (uint64_t)n;
	}
	return n;
}

static ssize_t read_some(struct conn *c)
{
	struct http_server *s = c->server;
	size_t want = c->body_left > 0 ? (size_t)MIN(c->body_left, (int64_t)sizeof(s->read)) : sizeof(s->read);
	ssize_t n = wire_read(c, s->read, want);

	if (n > 0) {
		size_t used = take(c, s->read, (size_t)n);
		if (!c->dead && conn_keep(c, s->read + used, (size_t)n - used) < 0)
			conn_close(c);
	}
	return n;
}

static bool pause_reading(struct conn *c)
{
	c->x->body_ms = clock_mono_ms() - c->since_ms;
	c->x->body_moved = c->moved;
	conn_enter(c, CONN_PAUSED);
	return false;
}

/* What a read means for the connection; true: go on. Who sends much has the next turn for the rest. */
static bool judge(struct conn *c, ssize_t n)
{
	if (n == -EAGAIN)
		c->readable = false;
	else if (n <= 0 && !c->dead)
		conn_close(c);
	if (n < HTTP_READ_MAX || c->dead)
		return n > 0;
	conn_again(c);
	return false;
}

bool body_step(struct conn *c)
{
	struct http_exchange *x = c->x;
	bool more = true;

	ASSERT(x && x->mode != BODY_NONE && !x->ended);
	if (x->mode == BODY_PIECES && !x->more)
		return pause_reading(c);
	if (c->body_left == 0) {
		body_end(x, 0);
		return true;
	}
	if (c->in.n) {
		size_t used = take(c, c->in.p, c->in.n);
		if (used >= c->in.n)
			buf_wipe(&c->in);
		else
			buf_consume(&c->in, used);
	} else {
		more = c->readable &&
		       judge(c, x->mode == BODY_COLLECT && c->body_left > 0 ? read_direct(c) : read_some(c));
	}
	return more;
}

static size_t discard(struct conn *c, const char *p, size_t n)
{
	size_t used = 0;

	while (used < n && c->body_left) {
		struct str data;
		ssize_t k = unframe(c, p + used, n - used, &data);
		if (k < 0) {
			c->moved = UINT64_MAX; /* nothing behind it can be believed */
			return n;
		}
		used += (size_t)k;
	}
	c->moved += used;
	return used;
}

bool body_discard(struct conn *c)
{
	struct http_server *s = c->server;
	bool more = true;

	ASSERT(!c->x); /* it is answered */
	if (c->in.n) {
		buf_consume(&c->in, discard(c, c->in.p, c->in.n));
	} else if (c->body_left) {
		ssize_t n = c->readable ? wire_read(c, s->read, sizeof(s->read)) : -EAGAIN;
		more = judge(c, n);
		if (n > 0) {
			size_t used = discard(c, s->read, (size_t)n);
			if (conn_keep(c, s->read + used, (size_t)n - used) < 0)
				conn_close(c);
		}
	}
	if (c->dead)
		return false;
	if (c->body_left && c->moved <= 2 * HTTP_DISCARD_MAX)
		return more;
	c->after = c->body_left ? NEXT_LINGER : NEXT_REQUEST;
	conn_answered(c);
	return true;
}
