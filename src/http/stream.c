/*
 * stream.c - an answer that is written piece by piece. While it runs, the bufferevent's callbacks are ours: evhttp gets
 * them back when the stream ends. Pieces go to the socket directly; the bufferevent holds only what it did not take.
 */
#include "http/server_priv.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

static void on_stream_read(struct bufferevent *bev, void *arg)
{
	/* Reading is on to see the client leave. A pipelined request may wait for the end; a flood may not. */
	struct conn *c = arg;
	if (evbuffer_get_length(bufferevent_get_input(bev)) > HTTP_STREAM_INPUT_MAX)
		evhttp_connection_free(c->evcon);
}

static void on_stream_write(struct bufferevent *bev UNUSED, void *arg)
{
	struct http_stream *st = ((struct conn *)arg)->stream;
	bool was = st->blocked && !st->broken;
	st->head = false;
	if (!st->broken)
		st->blocked = false;
	if (was && st->ops->on_writable)
		st->ops->on_writable(st->arg);
}

static void on_stream_event(struct bufferevent *bev UNUSED, short what, void *arg)
{
	struct conn *c = arg;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		evhttp_connection_free(c->evcon);
}

static void send_head(struct http_exchange *x, struct http_stream *st, const char *content_type)
{
	struct evhttp_request *req = x->req;
	http_set_header(x, "Content-Type", content_type);
	http_set_header(x, "Cache-Control", "no-cache, no-transform");
	http_set_header(x, "X-Accel-Buffering", "no");
	/* For a kept HTTP/1.0 connection evhttp would promise a Content-Length of 0. */
	if (req->major == 1 && req->minor == 0)
		evhttp_remove_header(evhttp_request_get_input_headers(req), "Connection");
	if (x->close)
		http_set_header(x, "Connection", "close");
	evhttp_send_reply_start(req, 200, NULL);
	st->chunked = req->chunked;
}

struct http_stream *http_stream_start(
	struct http_exchange *x, const char *content_type, const struct http_stream_ops *ops, void *arg)
{
	struct conn *c = x->conn;
	if (!c) {
		exchange_drop(x);
		return NULL;
	}
	struct http_stream *st = xcalloc(1, sizeof(*st));
	st->conn = c;
	st->req = x->req;
	st->ops = ops;
	st->arg = arg;
	st->head = true;
	st->no_body = evhttp_request_get_command(x->req) == EVHTTP_REQ_HEAD;
	c->state = CONN_STREAM;
	send_head(x, st, content_type);
	evbuffer_drain(evhttp_request_get_input_buffer(x->req), x->body.n); /* a stream may be long, the body is done */
	exchange_free(x);
	c->stream = st;
	bufferevent_setcb(c->bev, on_stream_read, on_stream_write, on_stream_event, c);
	bufferevent_setwatermark(c->bev, EV_READ, 0, 0); /* a suspended reader would not see the client leave */
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

/* Sends what the socket takes; -errno when it is dead. */
static ssize_t send_now(int fd, const struct iovec *iov, size_t n)
{
	struct msghdr m = {.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = n};
	ssize_t sent = sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent >= 0)
		return sent;
	return errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

/* Queues what lies behind the first `sent` bytes. */
static void queue_rest(struct evbuffer *out, const struct iovec *iov, size_t n, size_t sent)
{
	for (size_t i = 0; i < n; i++) {
		size_t skip = MIN(sent, iov[i].iov_len);
		sent -= skip;
		if (iov[i].iov_len > skip)
			evbuffer_add(out, (const char *)iov[i].iov_base + skip, iov[i].iov_len - skip);
	}
}

size_t http_stream_write(struct http_stream *st, const void *p, size_t n)
{
	if (st->closed || st->blocked || !n)
		return 0;
	if (st->no_body)
		return n;
	char head[20];
	struct iovec chunk[3] = {
		{head, chunk_head(n, head)},
		{(void *)(uintptr_t)p, n},
		{(void *)(uintptr_t) "\r\n", 2},
	};
	const struct iovec *iov = st->chunked ? chunk : chunk + 1;
	size_t n_iov = st->chunked ? 3 : 1, total = 0;
	for (size_t i = 0; i < n_iov; i++)
		total += iov[i].iov_len;
	struct conn *c = st->conn;
	struct evbuffer *out = bufferevent_get_output(c->bev);
	size_t waiting = st->head ? evbuffer_get_length(out) : 0;
	if (waiting) { /* leaves with the head, in one send at the end of this turn */
		queue_rest(out, iov, n_iov, 0);
		st->blocked = waiting + total > HTTP_STREAM_INPUT_MAX;
		return n;
	}
	ssize_t sent = send_now(c->fd, iov, n_iov);
	if (sent < 0) {
		/* The close must not be told from within this call: the shutdown brings it as an event. */
		st->broken = st->blocked = true;
		shutdown(c->fd, SHUT_RDWR);
		return 0;
	}
	if ((size_t)sent < total) {
		queue_rest(out, iov, n_iov, (size_t)sent);
		st->blocked = true;
	}
	return n;
}

bool http_stream_blocked(const struct http_stream *st)
{
	return st->blocked;
}

/* Takes the connection out of the stream's hands and makes the request evhttp's again. */
static struct conn *let_go(struct http_stream *st)
{
	struct conn *c = st->conn;
	c->stream = NULL;
	st->req->flags &= ~EVHTTP_USER_OWNED;
	free(st);
	return c;
}

void http_stream_end(struct http_stream *st)
{
	if (st->closed)
		return;
	struct evhttp_request *req = st->req;
	bool broken = st->broken;
	struct conn *c = let_go(st);
	if (broken) {
		evhttp_connection_free(c->evcon);
		return;
	}
	conn_set_watermark(c);
	bufferevent_setcb(c->bev, NULL, c->server->ev_write, c->server->ev_event, c->evcon);
	c->state = CONN_WRITING;
	c->quiet = 0;
	evhttp_request_set_on_complete_cb(req, conn_reply_done, c);
	evhttp_send_reply_end(req);
}

void http_stream_abort(struct http_stream *st)
{
	if (st->closed)
		return;
	evhttp_connection_free(let_go(st)->evcon);
}

void stream_closed(struct http_stream *st)
{
	st->closed = true;
	st->req->flags &= ~EVHTTP_USER_OWNED; /* evhttp frees it with the connection */
	if (st->ops->on_close)
		st->ops->on_close(st->arg);
	free(st);
}
