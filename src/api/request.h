/*
 * request.h - one request on its way: made by the dispatcher on the loop, run by one thread, answered exactly once.
 * A handler returns negative (with the cause in q->err), or 0 after setting `answer`, `raw` or `taken`.
 */
#pragma once

#include <pthread.h>

#include "api/api.h"
#include "api/places.h"
#include "api/routes.h"
#include "api/upload_locks.h"
#include "base/magic.h"
#include "sys/pool.h"

#define SESSION_COOKIE "atelier_session"
#define DEVICE_COOKIE  "atelier_device"
#define COOKIE_SECONDS (400L * 24 * 3600) /* as long as browsers keep one; a session ends earlier */
#define REQUEST_ID_LEN 12
#define REQUEST_MEMORY ((size_t)64 << 20) /* of each arena */

struct changes;
struct grant_right;
struct gateway;
struct line;

/* Whether programs that sign in are told that they may come by a document at an address (oauth_client.c); monotonic, atomic. */
struct oauth_offer {
	int64_t withdrawn_until;
	int64_t reached_at;   /* a document, at last; 0: never */
	int64_t missed_at;    /* one, at last, */
	atelier_id missed_by; /* by whom, of whom one alone is not believed */
};

struct api {
	unsigned magic; /* API_MAGIC */
#define API_MAGIC 0x61706961u
	struct api_config c;
	struct others *others;
	struct pool *workers, *writers, *files, *slow;
	struct line *passwords;
	struct places slow_places;
	struct watch *watch;
	struct changes *changes;
	struct gateway *gateway;
	struct upload_locks uploads;
	pthread_mutex_t configure_mx; /* held by whoever changes what providers and rules are made of */
	int64_t started_ms;           /* monotonic */
	int64_t disk_free;            /* atomic; bytes */
	struct oauth_offer oauth_offer;
	bool started, stopping; /* atomic */
};

struct request {
	struct api *api;
	struct http_exchange *x;   /* gone once answered or taken */
	const struct route *route; /* NULL: no such address */
	const char *method;        /* a literal */
	struct pool_task task;
	struct arena mem;
	struct arena spare; /* for what a handler may have to throw away and try again */
	struct err err;
	char id[REQUEST_ID_LEN + 1];
	int64_t started_us;

	struct auth_identity who;
	bool known;                 /* `who` is set */
	struct grant_right *rights; /* what was said of models and providers (access.c) */
	size_t n_rights;
	bool knows_rights;
	const char *arg; /* the {name} of the path; NULL: none */
	atelier_id arg_id;
	const char *arg_second; /* a second {name}; NULL: none */
	int64_t arg_n;          /* the {n} of the path; 0: none */
	void *body;             /* the struct of route->body */
	uint64_t given;         /* its fields that were there: schema_parse_given */
	bool checked;           /* all that the head tells is right */
	bool calls;             /* of ROUTE_CALL: has a place of the gateway */

	enum route_shape shape; /* of its failures; from the path */
	bool spent;             /* the model has begun to answer: asking again costs again */

	int status;         /* of the answer; from the route unless changed */
	const void *answer; /* the struct of route->answer */
	struct buf raw;     /* or these bytes, */
	const char *media;  /* of this type, a literal; NULL: route->media */
	struct str fixed;   /* or these, which live as long as the program */
	bool taken;         /* the exchange was handed on */
	void *later;        /* of a handler that returned REQUEST_LATER */
};

/* Returned by a handler whose request is answered later, perhaps already: by request_end, on any thread, with how it went.
 * Such a handler's route is neither ROUTE_SLOW nor ROUTE_CALL. */
#define REQUEST_LATER 1
void request_end(struct request *q, int r); /* answers, logs and lets go */

/* Whether all query parameters are as the route has them; E_INVALID naming the first that is not. */
int request_check_params(struct request *q) MUST_CHECK;

/* A query parameter of the route; its default when absent. E_INVALID naming it. */
int request_i64(struct request *q, const char *name, int64_t *ret) MUST_CHECK;
int request_bool(struct request *q, const char *name, bool *ret) MUST_CHECK;
int request_id(struct request *q, const char *name, atelier_id *ret) MUST_CHECK; /* 0: absent */

/* A list of ids of the body, checked by its schema, in the arena. */
int request_ids(struct request *q, const struct schema_list *words, const atelier_id **ret) MUST_CHECK;

/* A cookie's value in the arena; NULL: none. */
const char *request_cookie(struct request *q, const char *name);

/* For the part of this host that is ours, and Secure when the page came by https. */
void request_set_cookie(struct request *q, const char *name, const char *value, long seconds);

/* What stands before our own paths where the client is: "" or "/atelier". Returns ret. */
const char *request_prefix(struct request *q, char ret[AUTH_PREFIX_LEN]);

/* Who sends it, as proxies that are believed tell it. */
void request_visitor(struct request *q, struct auth_visitor *ret);

/* Notes in the log what somebody did to users, keys and the like, and from where. Never a secret. */
void request_audit(struct request *q, const char *fmt, ...) PRINTF(2, 3);

/* ---- ending what a right has opened (ending.c) ---- */

/* Whose: each field that is not 0 must fit. */
struct ending {
	atelier_id user_id, session_id, key_id, conversation_id;
	bool spare_keys; /* calls and feeds of API keys go on */
};

bool ending_fits(const struct ending *e, const struct auth_identity *who); /* conversations apart */

/* Ends the streams of turns and jobs, the change feeds and the calls of models that were opened by what is no longer
 * there. Take the right away first. Any thread, does not wait. */
void api_end(struct api *a, const struct ending *what);

/* After a stream was opened: ends it if the right of the request has ended meanwhile. */
void request_recheck(struct request *q);

/* Finds out who asks, by session or API key, and whether a key's scopes open the route: for handlers of public routes.
 * E_UNAUTHORIZED, E_FORBIDDEN or E_SETUP_REQUIRED. */
int request_identify(struct request *q) MUST_CHECK;

/* ---- who may use which model (access.c) ---- */

/* E_FORBIDDEN with a sentence when whoever asks, or the API key, may not use the model of this id. */
int request_allow_model(struct request *q, const char *model_id) MUST_CHECK;
/* Whether what is stored may name this model (NULL, "": none) for answers: E_MODEL_CANNOT with a sentence when it is known to
 * make vectors only. One that nobody offers now may come back. */
int request_check_answers(struct request *q, const char *model) MUST_CHECK;

/* For lists: once request_rights has returned 0, whether whoever asks may use the model. */
int request_rights(struct request *q) MUST_CHECK;
bool request_may_use(const struct request *q, const struct model *m);

/* Copies what the body gives to a row of the same struct. request_edit is the same as `edit` of struct rows_edit, with the
 * request as its argument. */
void request_apply(const struct request *q, void *row);
int request_edit(void *row, void *q, struct err *e) MUST_CHECK;

/* For ASSERT where `given` is asked by a number: its bit is that of the body's field of this name, which may lack. */
bool request_bit_is(const struct request *q, uint64_t bit, const char *name);

/* -ENOMEM recorded, for results of the arena. */
int request_no_memory(struct request *q);

/* ---- pieces of HTTP ---- */

/* The cookie's value in a Cookie header (NULL is fine); p NULL: not there. */
struct str cookie_find(const char *header, const char *name);
struct str cookie_next(const char **rest, const char *name); /* from *rest on, which goes on behind it */

/* Content-Type is `type`, whatever its parameters. */
bool media_type_is(const char *header, const char *type);

/* A list like Accept or Accept-Encoding names `what` and does not refuse it with q=0. */
bool header_accepts(const char *header, const char *what);

/* If-None-Match holds the entity tag (with its quotes) or "*". */
bool etag_matches(const char *header, const char *etag);

/* cors.c: whether the Origin's pages may call the gateway; the headers that say so; whether this is a browser's question
 * in advance, whose headers are then set. Of addresses of the gateway only. */
bool cors_allows(const struct request *q);
bool cors_is_for_all(const struct request *q); /* pages of any site may call it */
void cors_headers(struct request *q);
bool cors_preflight(struct request *q);

/* Sets the headers that every answer carries. */
void answer_headers(const struct api *a, struct http_exchange *x);

/* How the request came: for what depends on the address that the client sees. */
struct auth_way request_way(const struct http_exchange *x);

/* ---- web page ---- */

/* Ends the program where what was built in is in no order. For its start. */
void assets_check(void);

/* Answers with an embedded file; false when there is none of this name. Loop thread. */
bool assets_serve(const struct api *api, struct http_exchange *x, const char *path);

/* Answers a person at an address where nothing is with the page, which says so, and 404; false when it cannot. Loop thread. */
bool assets_serve_missing(const struct api *api, struct http_exchange *x);

/* ---- the change feed (loop-owned) ---- */

struct changes *changes_new(struct api *a); /* of which the loop, the bus and the settings are there */
void changes_stop(struct changes *c);       /* loop thread: ends all feeds */
void changes_free(struct changes *c);

/* Answers the exchange with the feed of whoever asks. A reference to the stream, for more to come in it; NULL: the client
 * is gone. Any thread. */
struct http_shared *changes_follow(struct changes *c, struct http_exchange *x, const struct http_websocket *ws,
	const struct auth_identity *who) MUST_CHECK;

/*
 * The same in the words of another protocol, which are copied: the frames that it begins and ends with, and what is told where a list
 * of the person has changed. Something of `kinds` (bits of enum bus_kind), whosever it is, is the reason to look whether it has: a
 * worker reads its mark again, which is another one then.
 */
#define CHANGES_TOLD 2
struct list_mark {
	unsigned char bytes[16];
};
struct change_words {
	const char *first, *last;
	struct {
		uint32_t kinds;
		const char *frame; /* NULL: this is not told */
		struct list_mark mark;
	} told[CHANGES_TOLD];
	int (*read_mark)(struct api *a, atelier_id user_id, size_t list, struct list_mark *ret, struct err *e);
};
struct http_shared *changes_listen(struct changes *c, struct http_exchange *x, const struct change_words *words,
	const struct auth_identity *who) MUST_CHECK;

/* Ends feeds. Any thread. */
void changes_end(struct changes *c, const struct ending *what);
