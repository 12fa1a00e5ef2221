/*
 * client.h - HTTP calls to providers: libcurl's multi interface on the loop's thread. The caller's thread (a turn or a
 * worker) sleeps until the call has ended; the bytes are handed to a sink on the loop as they arrive.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "sys/cancel.h"
#include "sys/loop.h"

struct http_client;

int http_client_new(struct loop *l, struct http_client **ret) MUST_CHECK;

/* Loads libcurl, as the first call does that needs it. E_INTERNAL: the sentence says which library is missing. */
int http_client_load(struct err *e) MUST_CHECK;
void http_client_free(struct http_client *c); /* after the loop has stopped */

#define HTTP_PIECE_MAX 16384
#define HTTP_WORK      1
#define HTTP_TOUCHED   4

struct http_call {
	const char *method; /* "GET", "POST" ... */
	const char *url;
	const char *const *headers; /* "Name: value", NULL-terminated; may be NULL */
	struct str body;            /* borrowed until the call returns */
	int64_t connect_timeout_ms;
	int64_t first_byte_timeout_ms; /* from the send of the request to the first body byte or the end of the headers */
	int64_t idle_timeout_ms;       /* between two pieces */
	int64_t total_timeout_ms;      /* from the start to the end; 0: no limit */
	/* As http_proxy_for takes it (proxy.h); NULL: what the environment says. Not used with public_only: where a proxy
	 * leads cannot be judged here. */
	const char *proxy;
	/* For an address that somebody without rights over this machine entered: only addresses of the public internet
	 * are connected to (public.h), looked at when the connection is made, whatever the name was said to be before. */
	bool public_only;
	const char *also;     /* with public_only: networks that are let through, too (base/address.h); NULL: none */
	struct buf *location; /* where a redirect leads, as it says (born with its maximum); NULL: nobody asks */
	bool whole;           /* nobody reads along: what comes is taken in fewer and larger pieces */
	/* Called on the loop thread with each piece of a body whose status is 2xx; a piece has HTTP_PIECE_MAX bytes at
	 * most. Negative ends the call with that code. HTTP_WORK: there is work too long for the loop; nothing more is
	 * read, and no on_tick comes, until `on_work` has been called on the caller's thread and has returned (negative
	 * ends the call). Bodies of other statuses are kept (up to 64 KiB) in the result. */
	int (*on_data)(void *arg, const char *p, size_t n);
	int (*on_work)(void *arg);
	/* Called on the loop thread a few times a second while the call runs, with the time since its start; may be NULL.
	 * Negative ends the call with that code. */
	int (*on_tick)(void *arg, int64_t elapsed_ms);
	/* Called on the loop thread with each line of the head of the answer, "Name: value" with or without its end; may be
	 * NULL. */
	void (*on_header)(void *arg, const char *line, size_t n);
	void *arg; /* of all four */
	/* Memory that on_data uses with each piece; it is fetched before the piece is read. */
	struct str touched[HTTP_TOUCHED];
};

struct http_result {
	int status; /* 0: no answer came */
	char content_type[96];
	int64_t retry_after_ms; /* -1: not said */
	int64_t first_byte_ms;  /* from the start of the call; -1: none came */
	bool any_data;          /* something of a 2xx body was handed to the sink */
	bool wrong_peer;        /* it speaks no HTTP or no TLS, or its certificate is refused: time mends none of it */
	struct buf error_body;  /* of a status other than 2xx; buf_done() by the caller */
};

/*
 * Runs the call. 0: the answer came whole, whatever its status. Failures: E_PROVIDER_DOWN (not reached: name, refused,
 * TLS), E_PROVIDER_TIMEOUT (connect, first byte, idle), E_PROVIDER_BROKEN (cut in the middle), -ECANCELED, or what
 * on_data or on_tick returned, E_FORBIDDEN (public_only); `e` says which in words. Cancel closes the connection at once.
 * Not on the loop thread. Redirects are not followed; only http and https.
 */
int http_client_run(struct http_client *c, const struct http_call *call, struct cancel *cancel, struct http_result *ret,
	struct err *e) MUST_CHECK;

/* As above, with the 2xx body collected in `body` (born with its maximum). Sets ret->error_body likewise. */
int http_client_fetch(struct http_client *c, const struct http_call *call, struct cancel *cancel, struct buf *body,
	struct http_result *ret, struct err *e) MUST_CHECK;

/* Gets what a URL names that a user entered: from the public internet alone, in at most `timeout_ms`, into `body` (born
 * with its maximum: E_TOO_LARGE). What cannot be had (not reached, too late, cut off in the middle), and a status other than
 * 2xx, redirects too, are E_INVALID with a sentence; E_FORBIDDEN, -ECANCELED. */
int http_client_get_public(struct http_client *c, const char *url, int64_t timeout_ms, struct cancel *cancel,
	struct buf *body, char ret_content_type[96], struct err *e) MUST_CHECK;
