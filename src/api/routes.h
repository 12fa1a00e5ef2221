/* routes.h - the table of routes: what the dispatcher goes by and what the OpenAPI document is written from. */
#pragma once

#include "base/schema.h"

struct request;

enum access {
	ACCESS_PUBLIC, /* anybody */
	ACCESS_USER,   /* anybody who is signed in; what belongs to another is not found */
	ACCESS_ADMIN,
};

enum route_flag {
	ROUTE_WORKER = 0,
	ROUTE_LOOP = 1,    /* answers on the loop: must not wait for anything */
	ROUTE_SLOW = 2,    /* may take seconds (password hashes, providers): keeps off the threads of short requests */
	ROUTE_STREAM = 4,  /* answers an event stream */
	ROUTE_EITHER = 8,  /* answers an event stream when the client accepts one */
	ROUTE_SECRET = 16, /* the path holds a secret */
};

enum param_type { PARAM_I64, PARAM_BOOL, PARAM_ID, PARAM_STR };

struct param { /* of the query */
	const char *name;
	enum param_type type;
	int64_t min, max, otherwise;
	const char *doc;
};

struct route {
	const char *method, *path; /* one {name} at most; {id} must be an identifier */
	const char *name;          /* operationId */
	int (*handler)(struct request *q);
	enum access access;
	unsigned flags;
	const struct schema *body;   /* NULL: the body is not looked at */
	const struct schema *answer; /* NULL: none, or `media` */
	const char *media;           /* of an answer that is no JSON object of ours */
	const char *stream;          /* name of the event's schema: TurnEvent, FeedEvent */
	int status;
	const struct param *params;
	size_t n_params;
	const char *summary;
};

const struct route *api_routes(size_t *ret_n);

/* The route for a method and a decoded path, and the text that stands for its {name} (n 0: none). When only the method
 * does not fit: NULL with the allowed ones ("GET, POST") in ret_allow; else that is "". */
const struct route *route_find(const char *method, const char *path, struct str *ret_arg, char ret_allow[64]);
bool route_matches(const char *pattern, const char *path, struct str *ret_arg);

/* The OpenAPI 3.1 document of all this, as JSON. */
void openapi_write(struct buf *b);
