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
	st->fd = c->fd;
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
	const int flags = MSG_NOSIGNAL | MSG_DONTWAIT;
	ssize_t sent = n == 1 ? send(fd, iov->iov_base, iov->iov_len, flags) : sendmsg(fd, &m, flags);
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

/* Sends the pieces or queues them; false when the connection is broken. */
static bool put(struct http_stream *st, const struct iovec *iov, size_t n_iov, size_t total)
{
	struct evbuffer *out;
	if (st->head) {
		out = bufferevent_get_output(st->conn->bev);
		size_t waiting = evbuffer_get_length(out);
		if (waiting) { /* leaves with the head, in one send at the end of this turn */
			queue_rest(out, iov, n_iov, 0);
			st->blocked = waiting + total > HTTP_STREAM_INPUT_MAX;
			return true;
		}
	}
	ssize_t sent = send_now(st->fd, iov, n_iov);
	if (sent < 0) {
		/* The close must not be told from within this call: the shutdown brings it as an event. */
		st->broken = st->blocked = true;
		shutdown(st->fd, SHUT_RDWR);
		return false;
	}
	if ((size_t)sent < total) {
		out = bufferevent_get_output(st->conn->bev);
		queue_rest(out, iov, n_iov, (size_t)sent);
		st->blocked = true;
	}
	return true;
}

size_t http_stream_write(struct http_stream *st, const void *p, size_t n)
{
	if (st->closed || st->blocked || !n)
		return 0;
	if (st->no_body)
		return n;
	struct iovec whole = {(void *)(uintptr_t)p, n};
	if (!st->chunked)
		return put(st, &whole, 1, n) ? n : 0;
	char small[512];
	size_t head = chunk_head(n, small), total = head + n + 2;
	if (total <= sizeof(small)) { /* a token or two: copying is cheaper than a list of pieces */
		memcpy(small + head, p, n);
		small[total - 2] = '\r';
		small[total - 1] = '\n';
		whole = (struct iovec){small, total};
		return put(st, &whole, 1, total) ? n : 0;
	}
	const struct iovec chunk[] = {{small, head}, whole, {(void *)(uintptr_t) "\r\n", 2}};
	return put(st, chunk, N_ELEMENTS(chunk), total) ? n : 0;
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
