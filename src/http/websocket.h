/*
 * websocket.h - what a stream is when its answer is a WebSocket (RFC 6455; frames by libwslay): what is written to it goes out as
 * text messages, and what the client sends comes as messages. For the other files of this folder; on the loop's thread.
 */
#pragma once

#include "http/server_priv.h"

struct websocket;

/* Of a stream that has just begun; `x` is still there. */
struct websocket *websocket_new(struct http_stream *st, struct http_exchange *x, const struct http_websocket *w);
void websocket_free(struct websocket *w); /* NULL is fine */

/* The answer's headers, 101. */
void websocket_head(struct http_exchange *x);

/* Both as one text message; false when the connection is broken. */
bool websocket_send(struct http_stream *st, struct str name, struct str piece);

/* Reads some; false: waits, or the connection is closed. */
bool websocket_step(struct conn *c);

/* Ends those whose client leaves a message unfinished, or does not say goodbye: a part of pace_tick. */
void websocket_tick(struct http_server *s);

/* Says goodbye by the stream's code. */
void websocket_close(struct http_stream *st);

/* stream.c */
void stream_break(struct http_stream *st); /* closes the connection in the next turn: nothing more is written */
/* Sends both as one chunk, or keeps what the socket does not take; false when the connection is broken. */
bool stream_send(struct http_stream *st, struct str name, struct str piece);
/* Sends the pieces as they are, or keeps what the socket does not take; false when the connection is broken. */
bool stream_put(struct http_stream *st, const struct iovec *iov, size_t n_iov);

/* shared.c */
struct http_stream *shared_whole(const struct http_shared *s); /* NULL: it has ended */

/* exchange.c: begins a request inside, of this head, that came on the connection; false: it is none, and nothing happens. */
bool exchange_inner(
	const struct conn *c, struct str head, unsigned lines, const struct http_inner *in, struct http_shared *s);
