/*
 * server.h - the HTTP/1.1 server, on the loop's thread. Head first: on_head sees each request when its head is complete and
 * no byte of its body has been kept; somebody then asks for the body or answers without it. One answer a request: at any
 * time, from any thread, with http_reply(), or by starting a stream.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "http/listen.h"
#include "sys/loop.h"

struct http_server;
struct http_exchange; /* one request and its answer; owned by the handler until it answers */
struct http_stream;   /* an answer that is written piece by piece */

struct http_server_config {
	const struct listener
		*listeners; /* open sockets, watched until the server stops accepting; who opened them closes them */
	size_t n_listeners;
	size_t max_header_bytes;
	unsigned max_connections; /* above: the longest idle ones are closed, else new ones wait in the queue */
	unsigned max_connections_per_address; /* an IPv6 /64 is one address; 0: half of max_connections */
	bool (*is_proxy)(
		const char *peer, void *arg); /* NULL: none; a proxy is many clients: its address is not bounded */
	size_t body_budget;                   /* bytes of all bodies that are being collected or not yet answered */
	size_t body_budget_unknown;           /* of these, what clients may have whose identity is not known */
	void (*on_head)(struct http_exchange *x, void *arg); /* loop thread; must not block */
	void *arg;
};

int http_server_new(
	struct loop *l, const struct http_server_config *c, struct http_server **ret, struct err *e) MUST_CHECK;
unsigned http_server_port(const struct http_server *s); /* of the first TCP listener; 0: there is none */
void http_server_stop_accepting(struct http_server *s); /* loop thread */
void http_server_free(struct http_server *s);           /* after the loop has stopped; open connections are closed */

/*
 * The request; all borrowed until the answer; any thread. What breaks the rules of HTTP/1.1 never gets here: the server
 * refuses it by itself.
 */
const char *http_method(const struct http_exchange *x);   /* "GET"; "?" for one that no RFC names */
const char *http_path(const struct http_exchange *x);     /* decoded, without query; "" when it is not valid text */
const char *http_raw_path(const struct http_exchange *x); /* as it came */
const char *http_query(const struct http_exchange *x, const char *name); /* decoded value or NULL */
bool http_query_is_text(const struct http_exchange *x,
	const char *name); /* false: it is there, and what it says is none (%00, %ff, %x) */
/* Any case; NULL when absent. Several fields of one name come joined by ", " (cookies by "; "), in their order. Of a request
 * in absolute form, "Host" is what stands in its target. */
const char *http_header(const struct http_exchange *x, const char *name);
const char *http_peer(const struct http_exchange *x);  /* address without port; "unix" */
bool http_is_tls(const struct http_exchange *x);       /* came over an encrypted connection of our own */
int http_request_error(const struct http_exchange *x); /* 0, or why the request cannot be served as it is */
struct arena *http_arena(struct http_exchange *x);     /* dies with the exchange; one thread at a time */
void *http_exchange_data(struct http_exchange *x);     /* for the handler's own use */
void http_exchange_set_data(struct http_exchange *x, void *data);

/* Calls leave(arg) when the client leaves before the answer has begun, and end(arg) when the exchange is gone: answered,
 * or dropped. False when the client has left already; end(arg) comes all the same. NULLs take it back, which somebody
 * whose `arg` dies before must do. A client that only shuts its sending side has not left. Loop thread. */
bool http_exchange_watch(struct http_exchange *x, void (*leave)(void *arg), void (*end)(void *arg), void *arg);

/*
 * The body. Until it is asked for, nothing is read beyond the head and "Expect: 100-continue" is not answered. An answer
 * without it reads off a short rest and closes the connection behind a long one. Ask at most once.
 */
#define HTTP_KNOWN (UINT64_C(1) << 63)                   /* with the number of a person; a stranger's is without */
bool http_has_body(const struct http_exchange *x);       /* a length above 0, or chunked */
bool http_body_ended(const struct http_exchange *x);     /* that was asked for: it has come, or comes no more */
int64_t http_body_length(const struct http_exchange *x); /* declared, 0: none; -1: chunked */

/*
 * The whole body, contiguous. `who` is a number that stands for a person, or for the address of a client whose identity is not known,
 * with a share of its own in what all may take (budget.h). done(x) comes on the loop's thread, possibly from within this call when that is where it was
 * made, with http_body(x) or http_request_error(x): E_TOO_LARGE, E_BUSY (a chunked body grew beyond `max` or the budget),
 * E_INVALID (bad chunks), E_REQUEST_TIMEOUT (it came too slowly), E_CANCELED (the client left). An answer is owed then too.
 * At once E_TOO_LARGE (declared) or E_BUSY: nothing happens, done() does not come. Any thread.
 */
int http_body_collect(
	struct http_exchange *x, size_t max, uint64_t who, void (*done)(struct http_exchange *x)) MUST_CHECK;
struct str http_body(const struct http_exchange *x);

/*
 * The body in pieces of at most 256 KiB: piece(x, p, n) on the loop's thread, valid during the call only; n is 0 at its end,
 * or with http_request_error(x) as above. Behind each piece reading pauses until http_body_more(x) (any thread), and so does
 * its deadline. Answering before the end is allowed, by whoever got the last piece before it asks for more.
 */
int http_body_pieces(struct http_exchange *x, int64_t max,
	void (*piece)(struct http_exchange *x, const char *p, size_t n)) MUST_CHECK;
void http_body_more(struct http_exchange *x);
/* Ends with `error` a body in pieces whose reader waits for more, and whose client has sent nothing for so long. Loop thread. */
void http_body_give_up(struct http_exchange *x, int64_t quiet_ms, int error);

/* The answer's headers; name is a literal, the value is copied. Any thread, before the answer. A value with a line
 * break is dropped. */
void http_set_header(struct http_exchange *x, const char *name, const char *value);
/* Whole lines ("Name: value\r\n...") that live as long as the program; replaces those of an earlier call. */
void http_set_fixed_headers(struct http_exchange *x, const char *lines);

/* Answers and lets go of the exchange. `body` is emptied and taken. Any thread. HEAD: the body is not sent. */
void http_reply(struct http_exchange *x, int status, const char *content_type, struct buf *body);
/* As http_reply, with bytes that live as long as the program (embedded assets). */
void http_reply_static(struct http_exchange *x, int status, const char *content_type, const void *p, size_t n);

/* As http_reply_static with status 200, or what Range and If-Range make of it: 206 with a part, 416. `etag`, with its quotes,
 * is what If-Range is compared with; the header ETag is the caller's to set. */
void http_reply_ranges(struct http_exchange *x, const char *content_type, const char *etag, const void *p, size_t n);
/* The same of a body that is emptied and taken, or left to the caller. */
void http_reply_ranges_of(struct http_exchange *x, const char *content_type, const char *etag, struct buf *body);

/* Where a stream begins: as the answer of an exchange, or as a part of several in one. The texts are copied. */
struct http_shared;
struct http_websocket;
struct http_place {
	struct http_exchange *x;
	const struct http_websocket *websocket; /* NULL: chunks; of the whole of a shared one alone */
	struct http_shared *shared;             /* NULL: the exchange */
	const char *begin, *end;
};

/*
 * Starts a streamed answer (chunked; plain until close for HTTP/1.0) with status 200 and lets go of the exchange.
 * Loop thread only. NULL when the client is gone already, or the whole has ended. The head leaves together with the first
 * write of the same loop turn. TCP_NODELAY is set.
 */
struct http_stream_ops {
	void (*on_writable)(void *arg); /* the backlog has drained: write on */
	void (*on_close)(void *arg);    /* the client left or a write failed; the stream is freed after this returns */
};
struct http_stream *http_stream_begin(
	const struct http_place *at, const char *content_type, const struct http_stream_ops *ops, void *arg);

/*
 * Sends bytes as one chunk, at once on the socket when nothing waits before it. Returns how many were taken: n, or 0
 * while a backlog waits (on_writable follows). What the socket does not take of a taken piece is kept; pieces should
 * therefore be at most 64 KiB. Loop thread only.
 */
size_t http_stream_write(struct http_stream *s, const void *p, size_t n);
void http_stream_last(struct http_stream *s); /* what is written next is all: one send takes it together with the end */
bool http_stream_blocked(const struct http_stream *s);
void http_stream_fetch(const struct http_stream *s); /* something is about to be written: its memory is fetched */
void http_stream_end(struct http_stream *s);         /* regular end after the backlog; no callbacks any more */
void http_stream_abort(struct http_stream *s); /* closes the connection without a regular end; no callbacks any more */

/*
 * A WebSocket in the place of an answer: each piece of the stream is a text message of the server, and each text message of the
 * client (of at most `max` bytes) comes to on_message, whose owner says by http_websocket_done when its work, and its n bytes, are
 * done with. Only a few messages are at work at a time; meanwhile the others are not read. All that is kept of messages is of the memory
 * that bodies may take together, in the share of `who`.
 */
struct http_shared;
struct http_websocket {
	size_t max;
	uint64_t who;
	void (*on_message)(void *arg, struct http_shared *s, struct str text); /* `text` is terminated, for the call */
	void *arg;
};
bool http_wants_websocket(const struct http_exchange *x);
int http_websocket_check(struct http_exchange *x, struct err *e) MUST_CHECK; /* E_UPGRADE, E_INVALID */
void http_websocket_done(struct http_shared *s, size_t n);
void http_shared_code(struct http_shared *s, unsigned code); /* that it will end with, as of RFC 6455 */

/*
 * A request inside of a WebSocket: it goes the way of all requests, by whoever the WebSocket is of and from where it came. Its
 * answer comes to `answered`, once; status 0: there is none. False: the WebSocket has ended, and nothing happens.
 */
struct http_inner {
	const char *method, *path; /* copied */
	struct str body;           /* JSON; copied */
	void (*answered)(void *arg, int status, struct str body);
	void *arg;
};
bool http_inner(struct http_shared *s, const struct http_inner *in) MUST_CHECK;
/* Of a request inside: the WebSocket's stream; NULL of any other. */
struct http_shared *http_inner_of(const struct http_exchange *x);

/*
 * Several event streams in one answer. A part is a stream like others, with the functions above; its pieces are whole frames.
 * Where another part wrote before, the frame `begin` of the part stands before them, and `end` behind its regular end. The
 * whole has no part at first; its owner's frames need no name. A part that is aborted takes the whole along, at the next turn
 * of the loop. All on the loop's thread but the references.
 */
struct http_shared;
/* `w` not NULL: as a WebSocket, after http_websocket_check. */
struct http_shared *http_shared_start(struct http_exchange *x, const struct http_websocket *w,
	void (*on_close)(void *arg),
	void *arg); /* NULL: the client is gone; on_close as of a stream, behind that of each part */
/* Kept while the client takes nothing, within bounds; false: it was not taken. */
bool http_shared_write(struct http_shared *s, const void *p, size_t n);
void http_shared_end(struct http_shared *s, bool regular); /* the parts are told, the owner is not */
void http_shared_break(struct http_shared *s);             /* closes the connection in the next turn; all are told */
unsigned http_shared_parts(const struct http_shared *s);
struct http_shared *http_shared_ref(struct http_shared *s); /* any thread, as is: */
void http_shared_unref(struct http_shared *s);              /* NULL is fine */
