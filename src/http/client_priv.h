/* client_priv.h - what the files of the client share: the client on the loop, and one call of a waiting thread. */
#pragma once

#include <event2/event.h>
#include <event2/event_struct.h>
#include <pthread.h>
#include <semaphore.h>

#include "base/magic.h"
#include "http/chunked.h"
#include "http/client.h"
#include "http/curl_calls.h"
#include "http/proxy.h"
#include "http/unpack.h"

/* The event of one socket; kept and re-used, since curl changes its mind several times in a call. */
struct http_socket {
	struct event ev;
	struct http_shard *shard;
	curl_socket_t fd;
	int what;                 /* CURL_POLL_... as added; 0: not added */
	struct http_socket *next; /* of the free ones */
};

/*
 * A multi handle of curl with its part of the calls: curl looks through all connections of a handle when a call begins
 * and when a connection closes, so that one handle for thousands of calls would cost their square.
 */
enum { SHARDS = 64, SHARD_CALLS = 128 };

struct http_shard {
	struct http_client *client;
	CURLM *multi;
	struct event *timer; /* curl's */
	unsigned n_calls;
};

/* Where a call without curl goes (direct.c). */
struct direct_address {
	sa_family_t family;
	in_port_t port; /* as on the wire */
	unsigned char bytes[16];
};

struct direct {
	/* the loop's; what each piece touches comes first */
	unsigned char state; /* where in the answer */
	bool any;            /* a byte of the answer has come */
	bool sized, keep, whole;
	uint64_t left; /* of a body with a length */
	struct chunked chunked;
	struct unpack *unpack;  /* of a packed body, else NULL */
	struct upstream *up;    /* its connection; NULL: none yet, or none any more */
	struct upstream *other; /* a second one while both are connecting: the first that is there is taken */
	unsigned char tried;    /* how many of the addresses */
	unsigned char interim;  /* answers before the one that counts */
	size_t sent;            /* of the head and the body */
	struct buf head, rest;  /* an unfinished one; what waits until the caller has worked */
	/* the caller's */
	struct direct_address address;
	bool local;         /* the name was "localhost": ::1 is tried, too */
	struct buf request; /* its head */
};

enum { HTTP_UNPACKED_MAX = 128 << 10 }; /* of a packed answer in one turn of the loop: a few bytes may be very much */

struct call {
	/* What each piece of an answer touches lies together: among thousands of streams all of it is cold. */
	int (*on_data)(void *arg, const char *p, size_t n); /* of `in`, when the answer is accepted; then, too: */
	void *arg;
	bool whole; /* of `in` */
	bool headers_done;
	bool accepted;  /* the status is a 2xx */
	bool answers;   /* its caller has not stepped back */
	bool any_data;  /* something was handed to the sink */
	bool heard;     /* something came since the last sweep, which notes the time of it */
	unsigned magic; /* CALL_MAGIC: its caller is here */
#define CALL_MAGIC 0x63616c6cu
	unsigned burst; /* bytes of the present turn of the loop, which has this number */
	unsigned turn;
	int sink_error;
	struct direct direct;

	const struct http_call *in;
	struct http_client *client;
	struct http_result *out;
	CURL *easy; /* NULL: without curl */
	struct curl_slist *headers;
	char *where;              /* host:port, for sentences; NULL: not looked at, see call_where() */
	char *said;               /* curl's own words for what went wrong with TLS; NULL: not an https address */
	char *proxy;              /* NULL: none */
	char *retry_date;         /* when to come again, where that was said as a date */
	struct call *prev, *next; /* client->calls; under client->mx */

	/* the loop's */
	struct loop_task start, abort, resume;
	struct http_shard *shard;
	struct call *run_prev, *run_next;
	bool running;
	bool paused;  /* nothing is read of it until `resume` has run */
	bool flushes; /* curl hands on what it kept */
	bool packed;  /* it is seen to unpack to more than was read */
	bool working; /* paused while its caller does what is too long for the loop */
	int worked;   /* what that came to; the caller's until `resume` is posted */
	bool refused; /* an address that is not public */
	bool sent;    /* the request has gone out; the wait for the first byte counts from `last_ms` */
	int64_t begun_ms, last_ms;

	/* between the threads, under client->mx */
	sem_t wake; /* posted with `done` and with `work`: thousands may wake at a time, none needs the lock for it */
	pthread_cond_t cv; /* for the other two */
	bool done, work;
	unsigned pending; /* tasks that the loop has of it */
	int code;         /* what ended the call from outside: -ECANCELED, E_STOPPING, E_PROVIDER_TIMEOUT; 0: curl */
	CURLcode curl;    /* with code == 0 */
	const char *late; /* which time was over, and how long it was */
	int64_t late_ms;
};

/* Of the loop's thread, but for what stands behind `mx`, which is under it and shared with callers. */
struct http_client {
	unsigned magic; /* CLIENT_MAGIC */
#define CLIENT_MAGIC 0x636c6574u
	struct loop *loop;
	struct http_shard shards[SHARDS]; /* made when those before them are full */
	unsigned n_shards;
	struct event *sweep; /* ours, for the times curl does not know; only while calls run */
	struct call *running;
	unsigned n_running;
	unsigned turn; /* counts the times that curl was called: what came in one of them is bounded (on_body) */
	struct http_socket *free_sockets;
	struct upstream *idle, *gathering; /* direct.c */
	unsigned n_idle;
	struct event *gathered; /* the moment is over */
	int gather_fd;          /* which tells that; a timer */
	char read[HTTP_PIECE_MAX];
	pthread_mutex_t mx;
	pthread_cond_t left; /* a caller has returned */
	struct call *calls;
	bool stopping;
};

/* client.c */
void call_pause(struct call *c);     /* goes on in the next turn of the loop; of curl's */
void call_hand_over(struct call *c); /* nothing more is read until its caller has done its work */
void call_finish(struct call *c, int code, CURLcode curl);

/* client_call.c: one call, on the caller's thread and while its answer comes */
int call_prepare(struct call *c, struct err *e) MUST_CHECK;
const char *call_where(struct call *c);
void call_done(struct call *c);
void call_note_status(struct call *c); /* in c->out: of a head that begins */
void call_note_header(struct call *c, const char *p, size_t n);
void call_first_byte(struct call *c); /* the head has ended: says where the body goes */
/* The code of the ended call, its sentence in `e`; fills the result. */
int call_judge(struct call *c, struct err *e) MUST_CHECK;

/* direct.c: without curl. `fits`: it can be; else curl does it. */
int direct_prepare(struct call *c, bool *ret_fits) MUST_CHECK;
void direct_start(struct call *c);
void direct_hurry(struct call *c); /* a name's second address is tried, too, if the first has not answered yet */
void direct_resume(struct call *c);
void direct_stop(struct call *c); /* of one that has ended */
void direct_done(struct call *c);
bool direct_new(struct http_client *h) MUST_CHECK;
void direct_free(struct http_client *h);
