/* server_priv.h - what the files of the server share: the server, its connections, a request and a stream. Everything
 * here belongs to the loop's thread, but for an exchange, which belongs to whoever has to answer it, and the budget. */
#pragma once

#include <event2/event.h>
#include <event2/event_struct.h>
#include <netinet/in.h>
#include <sys/uio.h>

#include "base/magic.h"
#include "http/budget.h"
#include "http/chunked.h"
#include "http/head.h"
#include "http/peers.h"
#include "http/server.h"

enum {
	HTTP_READ_MAX = 65536,    /* one read; what may arrive behind a request whose answer is under way */
	HTTP_DISCARD_MAX = 65536, /* the rest of a body that is read off, so that the connection can go on */
};

/* What a connection is doing. Each has a list of its own, in the order in which its connections came to it. */
enum conn_state {
	CONN_IDLE,     /* waits for the first byte of a request */
	CONN_HEAD,     /* reads the rest of a head */
	CONN_HANDLING, /* waits for the handler, which answers or asks for the body */
	CONN_BODY,     /* reads a body that was asked for */
	CONN_PAUSED,   /* waits for whoever reads the body to ask for more */
	CONN_WRITING,  /* the client takes the rest of an answer */
	CONN_STREAM,   /* a stream runs */
	CONN_STALLED,  /* a stream runs whose client takes nothing at present */
	CONN_DISCARD,  /* reads off a body that nobody asked for */
	CONN_LINGER, /* has answered for the last time, and reads off what still comes: a reset would overtake the answer */
	CONN_STATES,
};

/* What follows an answer. */
enum conn_next { NEXT_REQUEST, NEXT_DISCARD, NEXT_CLOSE, NEXT_LINGER };

struct conn {
	int fd; /* from here to `out`: what each piece of a stream touches, which has left the caches by then */
	unsigned char state;     /* enum conn_state */
	unsigned char after;     /* enum conn_next: what follows the present answer */
	bool readable, writable; /* there may be something to read, or room to write */
	bool half;               /* the client has shut its sending side */
	bool probed;             /* an interim response was sent to see whether anybody is there */
	bool running, dead;      /* within conn_run; to be freed behind it */
	bool broken;             /* to be closed in the next turn */
	bool is_again;           /* in server->again */
	bool is_large;           /* an unfinished head of more than a few bytes */
	struct ssl_st *tls;      /* or NULL */
	/* output that the socket did not take: copied bytes, then those of an answer's body */
	struct buf out;
	size_t out_at;
	const char *tail;
	size_t tail_n;
	char *tail_owned; /* or NULL */
	/* input */
	struct buf in; /* what has come and is not taken yet */
	struct head_scan scan;
	struct chunked chunked;
	int64_t body_left; /* of a body with a length; -1: chunked; 0: none, or all taken */
	struct http_exchange *x;
	struct http_stream *stream;
	int64_t since_ms; /* of the state */
	uint64_t moved;   /* bytes in the state */
	struct http_server *server;
	struct conn *prev, *next;           /* in the list of its state */
	struct conn *turn_prev, *turn_next; /* in server->again */
	struct event ev;
	struct peer_count *counted; /* NULL: not bounded */
	char peer[INET6_ADDRSTRLEN];
};

struct conn_list { /* by prev and next, or by turn_next */
	struct conn *first, *last;
	unsigned n;
};

/* How long things may take. */
struct http_pace {
	int64_t tick_ms;   /* how often it is looked at */
	int64_t head_ms;   /* a head, from its first byte; the beginning of an encrypted connection */
	int64_t idle_ms;   /* no request */
	int64_t grace_ms;  /* a body or an answer: in addition to its bytes at the least rate */
	int64_t rate;      /* bytes a second */
	int64_t stall_ms;  /* a stream's client may take nothing */
	int64_t linger_ms; /* in all */
};

struct door; /* server.c */

struct http_server {
	unsigned magic; /* SERVER_MAGIC */
#define SERVER_MAGIC 0x73657672u
	struct loop *loop;
	struct http_server_config config;
	struct http_pace pace;
	struct door *doors; /* one a listener; NULL: not accepting any more */
	bool full;          /* no connection is taken until one has closed */
	unsigned port, n_conns;
	struct conn_list lists[CONN_STATES];
	struct conn_list again; /* go on in the next turn */
	struct event *again_ev, *linger_ev;
	struct websocket *owing;   /* whose client owes the rest of something */
	struct http_stream *heads; /* whose head is to be sent at the end of this turn */
	struct loop_hook *hook, *turn_hook;
	struct loop_timer *timer;
	struct peers peers;
	struct budget budget;
	unsigned n_large, max_large; /* unfinished large heads: strangers could fill the memory with them */
	struct http_exchange *exchanges;
	struct buf head; /* of the answer being sent */
	char date[48];   /* "Date: ...\r\n" */
	size_t date_n;
	int64_t date_s, turn_ends_us; /* turn_ends_us: for new events; 0: none has come in this turn of the loop */
	char read[HTTP_READ_MAX];
};

struct query_pair {
	const char *name, *value;
	struct query_pair *next;
};

struct answer_header {
	const char *name, *value;
};

enum body_mode { BODY_NONE, BODY_COLLECT, BODY_PIECES };

struct http_exchange {
	unsigned magic; /* EXCHANGE_MAGIC */
#define EXCHANGE_MAGIC 0x65786165u
	struct http_server *server;
	struct conn *conn; /* NULL: the client has left. Loop thread only. */
	struct http_exchange *prev, *next;
	struct arena arena;
	void *data;
	void (*on_leave)(void *arg); /* or NULL, */
	void (*on_end)(void *arg);   /* likewise */
	void *watch_arg;
	struct head head;
	const char *path;
	char peer[INET6_ADDRSTRLEN];
	bool tls;
	struct query_pair *query;
	bool query_parsed;
	int error;
	/* the body */
	unsigned char mode; /* enum body_mode */
	bool ended;         /* done() or the last piece() was called */
	bool more;          /* the next piece was asked for */
	uint64_t who;       /* in the budget */
	size_t reserved;    /* of it */
	uint64_t max, body_total;
	int64_t piece_ms;    /* when the last piece came */
	int64_t body_ms;     /* of its time, and */
	uint64_t body_moved; /* of its bytes, when reading was paused */
	struct buf body;
	void (*done)(struct http_exchange *x);
	void (*piece)(struct http_exchange *x, const char *p, size_t n);
	struct loop_task body_task;
	bool body_posted;
	/* the answer, on its way to the loop */
	struct loop_task task;
	int status;
	const char *fixed; /* header lines, or NULL */
	struct answer_header *headers;
	unsigned n_headers, cap_headers;
	struct http_shared *inner; /* the WebSocket that it came in, with no connection of its own; or NULL */
	void (*answered)(void *arg, int status, struct str body);
	void *answered_arg;
	struct buf out;
	const void *out_static;
	size_t out_static_n;
};

struct http_stream {
	struct conn *conn;
	struct http_shared *shared;         /* of a part of one: it has no connection of its own */
	struct websocket *ws;               /* it is one; or NULL */
	bool chunked, no_body, last, ended; /* last: the next piece is; ended: it went with the end behind it */
	bool blocked;                       /* bytes wait in the output; on_writable follows */
	bool broken;                        /* a write failed; the connection is about to be closed */
	bool closed;                        /* within on_close */
	bool head;                          /* waits in the output for the end of this turn */
	const struct http_stream_ops *ops;
	void *arg;
	struct http_stream *next_head;
};

/* wire.c: bytes on the socket, plain or encrypted */
ssize_t wire_read(struct conn *c, char *p, size_t n);                      /* bytes, 0 at the end, -EAGAIN, -errno */
ssize_t wire_write(struct conn *c, const struct iovec *iov, size_t n_iov); /* bytes, 0: none for now, -errno */
void wire_close(struct conn *c, bool lingering); /* ends encryption; `lingering`: shuts the sending side only */

/* conn.c: the way of a connection through its states */
void conn_new(struct http_server *s, int fd, struct tls *tls, const char *peer, struct peer_count *counted);
void conn_run(struct conn *c);   /* reads and goes on as far as possible; may free it */
void conn_close(struct conn *c); /* frees it, or has conn_run do that */
void conn_enter(struct conn *c, enum conn_state state);
void conn_again(struct conn *c); /* conn_run in the next turn, unless it is closed by then */
/* Keeps what has come for later; -errno: it is lost, and the connection has to end, since something would be missing. */
int conn_keep(struct conn *c, const char *p, size_t n) MUST_CHECK;
bool conn_waits(const struct conn *c);                                /* output waits for the client */
int conn_send(struct conn *c, const struct iovec *iov, size_t n_iov); /* sends or keeps a copy; -errno */
void conn_answered(struct conn *c);           /* all of an answer is with conn_send: what follows */
bool conn_check(struct conn *c);              /* false: the client has left, and the connection is closed */
bool conn_watch(struct conn *c, bool surely); /* likewise, of one that is being handled; `surely`: finds out */
void conn_on_again(evutil_socket_t fd, short what, void *server), conn_turn_over(void *server);
void conn_on_linger(evutil_socket_t fd, short what, void *server);

/* pace.c: deadlines and room */
void pace_tick(void *server);
bool pace_make_room(struct http_server *s); /* closes the one that is missed least; false: none of them */
bool pace_make_room_of(struct http_server *s, const struct peer_count *counted); /* likewise, of one address */

/* body.c */
bool body_step(struct conn *c);                    /* reads some; false: waits */
bool body_discard(struct conn *c);                 /* likewise, of one that nobody asked for */
void body_end(struct http_exchange *x, int error); /* of one that was asked for */

/* server.c */
void server_resume(struct http_server *s);                                   /* a connection has closed */
void http_server_set_pace(struct http_server *s, const struct http_pace *p); /* for tests; loop thread */

/* exchange.c */
struct http_exchange *exchange_new(struct conn *c, const char *p, size_t n, unsigned lines);
void exchange_left(struct http_exchange *x); /* its connection is gone; may free it */
void exchange_free(struct http_exchange *x);

/* answer.c */
enum { ANSWER_CHUNKED = -1, ANSWER_UNTIL_CLOSE = -2, ANSWER_BODYLESS = -3 };
void answer_refuse(
	struct conn *c, int error, const char *why);  /* of what is no request: the connection's last answer */
void answer_head(struct http_exchange *x, int64_t n); /* in server->head; n: the body's length, or one of the above */
enum conn_next answer_next(const struct http_exchange *x);

/* stream.c */
void stream_closed(struct http_stream *st);  /* the connection is going: tells the owner, frees the stream */
void stream_flushed(struct http_stream *st); /* nothing waits any more */
void stream_turn_end(void *server);          /* the loop hook */

/* shared.c: what the functions of streams do with a part */
struct http_stream *part_new(const struct http_place *at, const struct http_stream_ops *ops, void *arg);
size_t part_write(struct http_stream *st, const void *p, size_t n);
bool part_blocked(const struct http_stream *st);
void part_end(struct http_stream *st), part_abort(struct http_stream *st);
