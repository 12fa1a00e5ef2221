/*
 * server_priv.h - what the files of the server share: the server, its connections, a request and a stream. Everything
 * here belongs to the loop's thread, but for an exchange, which belongs to whoever has to answer it.
 */
#pragma once

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>

#include "http/server.h"

enum {
	/* What evhttp still takes above the limit, so that the handler can say "too large" in its own words. */
	HTTP_BODY_SLACK = 1 << 20,
	/* What may arrive behind a request whose answer is a stream. */
	HTTP_STREAM_INPUT_MAX = 65536,
};

/* What a connection is waiting for. */
enum conn_state {
	CONN_READING,  /* the client: a request or the rest of one */
	CONN_HANDLING, /* the handler's answer */
	CONN_WRITING,  /* the client: to take the rest of an answer */
	CONN_STREAM,   /* nobody: a stream runs */
};

struct conn {
	struct http_server *server;
	struct evhttp_connection *evcon;
	struct bufferevent *bev;
	struct conn *prev, *next;
	struct conn *turn_next; /* in server->fresh or server->odd until the end of the loop's turn */
	struct http_exchange *x;
	struct http_stream *stream;
	size_t seen; /* bytes of the request that is being read */
	int fd;
	unsigned char state; /* enum conn_state */
	unsigned char quiet; /* ticks without progress */
	bool begun;          /* the request's first byte has come */
	bool moved;          /* progress since the last tick */
	bool odd;            /* evhttp is answering by itself */
	bool linger;         /* read what the client still sends before closing, or it never sees the answer */
};

struct lingerer {
	struct http_server *server;
	struct event *ev;
	size_t left;
	struct lingerer *prev, *next;
};

struct http_server {
	struct loop *loop;
	struct http_server_config config;
	struct evhttp *http;
	struct evhttp_bound_socket *bound;
	struct evconnlistener *listener; /* NULL: not accepting any more */
	struct loop_hook *hook;
	struct loop_timer *timer;
	struct conn *conns, *fresh, *odd;
	struct conn **by_fd;
	int n_by_fd;
	unsigned n_conns, port;
	unsigned request_ticks, idle_ticks;
	bool paused;
	struct http_exchange *exchanges;
	struct lingerer *lingering;
	/* evhttp's own callbacks of a connection, given back to it when a stream ends */
	bufferevent_data_cb ev_write;
	bufferevent_event_cb ev_event;
};

struct query_pair {
	const char *name, *value;
	struct query_pair *next;
};

struct http_exchange {
	struct http_server *server;
	struct conn *conn; /* NULL: the client has left. Loop thread only. */
	struct evhttp_request *req;
	struct http_exchange *prev, *next;
	struct arena arena;
	void *data;
	void (*on_leave)(void *arg); /* or NULL */
	void *leave_arg;
	const char *path, *peer;
	struct str body;
	struct query_pair *query;
	bool query_parsed, close;
	int error;
	/* the answer, on its way to the loop */
	struct loop_task task;
	int status;
	struct buf out;
	const void *out_static;
	size_t out_static_n;
};

struct http_stream {
	int fd; /* the connection's */
	struct conn *conn;
	struct evhttp_request *req;
	const struct http_stream_ops *ops;
	void *arg;
	bool chunked, no_body;
	bool head;    /* the head still waits in the output for the first piece */
	bool blocked; /* bytes wait in the output; on_writable follows */
	bool broken;  /* a write failed; the connection is about to be closed */
	bool closed;  /* within on_close */
};

/* conn.c */
int conn_watch(struct http_server *s); /* installs the callbacks that make and count connections */
void conn_turn_end(void *server);      /* the loop hook */
void conn_tick(void *server);          /* the loop timer */
struct conn *conn_of(struct http_server *s, struct evhttp_request *req);
void conn_reply_done(struct evhttp_request *req, void *conn); /* evhttp's on_complete */
void conn_set_watermark(struct conn *c);
void conn_see_leave(struct conn *c, bool on); /* of a request that is being handled */
void conn_linger_free(struct lingerer *l);

/* server.c */
void server_pause(struct http_server *s);
void server_resume(struct http_server *s);
/* For tests: one tick every `tick_ms`, and how many of them a request and an idle connection may stay silent. */
void http_server_set_pace(struct http_server *s, int64_t tick_ms, unsigned request_ticks, unsigned idle_ticks);

/* exchange.c */
void exchange_begin(struct evhttp_request *req, void *server); /* evhttp's generic callback */
void exchange_left(struct http_exchange *x);                   /* its connection is gone */
void exchange_free(struct http_exchange *x);                   /* the struct and what hangs on it, not its request */
void exchange_drop(struct http_exchange *x);                   /* the request too, when evhttp knows it no more */
const char *http_reason(int status);                           /* NULL: evhttp knows the phrase */

/* stream.c */
void stream_closed(struct http_stream *st); /* the connection is going: tells the owner, frees the stream */
