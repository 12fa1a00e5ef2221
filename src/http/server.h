/*
 * server.h - the HTTP/1.1 server over libevent's evhttp, on the loop's thread. The handler gets each complete request
 * and answers once: at any time, from any thread, with http_reply(), or by starting a stream.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "sys/loop.h"

struct http_server;
struct http_exchange; /* one request and its answer; owned by the handler until it answers */
struct http_stream;   /* an answer that is written piece by piece */

struct http_server_config {
	const char *listen; /* "127.0.0.1:8420", "[::1]:0"; port 0: any free one */
	size_t max_header_bytes;
	size_t max_body_bytes;    /* above: the handler sees http_request_error() == E_TOO_LARGE and no body */
	unsigned max_connections; /* above: new ones wait in the listen queue */
	void (*handler)(struct http_exchange *x, void *arg); /* loop thread; must not block */
	void *arg;
};

/* Binds and listens. E_CONFLICT with a sentence when the port is in use, E_INVALID for a bad address. */
int http_server_new(
	struct loop *l, const struct http_server_config *c, struct http_server **ret, struct err *e) MUST_CHECK;
unsigned http_server_port(const struct http_server *s);
void http_server_stop_accepting(struct http_server *s); /* loop thread */
void http_server_free(struct http_server *s);           /* after the loop has stopped; open connections are closed */

/* The request; all borrowed until the answer; any thread. */
const char *http_method(const struct http_exchange *x); /* "GET"; "?" for one that evhttp does not know */
const char *http_path(const struct http_exchange *x);   /* decoded, without query; "" when it is not valid */
const char *http_query(const struct http_exchange *x, const char *name);  /* decoded value or NULL */
const char *http_header(const struct http_exchange *x, const char *name); /* any case; NULL when absent */
struct str http_body(const struct http_exchange *x);
const char *http_peer(const struct http_exchange *x);  /* address without port */
int http_request_error(const struct http_exchange *x); /* 0, or why the request cannot be served as it is */
struct arena *http_arena(struct http_exchange *x);     /* dies with the exchange; one thread at a time */
void *http_exchange_data(struct http_exchange *x);     /* for the handler's own use */
void http_exchange_set_data(struct http_exchange *x, void *data);

/* Calls fn(arg) when the client leaves before the answer has begun; false when it has left already. A NULL fn takes it
 * back, which somebody whose `arg` dies before the answer must do. Loop thread. */
bool http_exchange_on_leave(struct http_exchange *x, void (*fn)(void *arg), void *arg);

/* The answer's headers; name is a literal, the value is copied. Any thread, before the answer. A value with a line
 * break is dropped. */
void http_set_header(struct http_exchange *x, const char *name, const char *value);

/* Answers and lets go of the exchange. `body` is emptied and taken. Any thread. HEAD: the body is not sent. */
void http_reply(struct http_exchange *x, int status, const char *content_type, struct buf *body);
/* As http_reply, with bytes that live as long as the program (embedded assets). */
void http_reply_static(struct http_exchange *x, int status, const char *content_type, const void *p, size_t n);

/*
 * Starts a streamed answer (chunked; plain until close for HTTP/1.0) with status 200 and lets go of the exchange.
 * Loop thread only. NULL when the client is gone already. The head leaves together with the first write of the same
 * loop turn. TCP_NODELAY is set.
 */
struct http_stream_ops {
	void (*on_writable)(void *arg); /* the backlog has drained: write on */
	void (*on_close)(void *arg);    /* the client left or a write failed; the stream is freed after this returns */
};
struct http_stream *http_stream_start(
	struct http_exchange *x, const char *content_type, const struct http_stream_ops *ops, void *arg);

/*
 * Sends bytes as one chunk, at once on the socket when nothing waits before it. Returns how many were taken: n, or 0
 * while a backlog waits (on_writable follows). What the socket does not take of a taken piece is kept; pieces should
 * therefore be at most 64 KiB. Loop thread only.
 */
size_t http_stream_write(struct http_stream *s, const void *p, size_t n);
bool http_stream_blocked(const struct http_stream *s);
void http_stream_end(struct http_stream *s);   /* regular end after the backlog; no callbacks any more */
void http_stream_abort(struct http_stream *s); /* closes the connection without a regular end; no callbacks any more */
