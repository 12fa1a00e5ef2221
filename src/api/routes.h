/*
 * routes.h - routes: what the dispatcher goes by and what the OpenAPI document is written from. Each resource has a set of
 * them at the end of its file; routes.c lists the sets.
 */
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
	ROUTE_LOOP = 1, /* answers on the loop: must not wait for anything */
	ROUTE_SLOW = 2, /* may take seconds (providers): keeps off the threads of short requests; a few for each user */
	ROUTE_STREAM = 4,      /* answers an event stream */
	ROUTE_WEBSOCKET = 8,   /* or becomes a WebSocket, which no other route does */
	ROUTE_SESSION = 32,    /* only for somebody who signed in: no API key, whatever its scopes */
	ROUTE_GATEWAY = 64,    /* for other programs: a key needs the scope gateway in place of api */
	ROUTE_MODELS = 128,    /* management of models: a key needs the scope models in place of api */
	ROUTE_JOBS = 256,      /* a key with the scope models will do as well as one with api */
	ROUTE_CALL = 512,      /* calls a model: runs on a thread of the gateway's pool */
	ROUTE_REST = 1024,     /* the {name} at the path's end may hold slashes */
	ROUTE_ABSENT = 2048,   /* not in the OpenAPI document: not offered, or described by others */
	ROUTE_PASSWORD = 4096, /* checks or hashes a password: waits in the line for that (auth/line.h) */
	ROUTE_TUS = 8192,      /* of the protocol tus: every answer names its version */
};

/* Whose interface an address imitates: its failures look like theirs. */
enum route_shape { SHAPE_OWN, SHAPE_OPENAI, SHAPE_ANTHROPIC, SHAPE_OLLAMA };

enum param_type { PARAM_I64, PARAM_BOOL, PARAM_ID, PARAM_STR };

struct param { /* of the query; what it says is checked before the handler runs */
	const char *name;
	enum param_type type;
	bool required;
	int64_t min, max, otherwise;            /* of a text: characters */
	const char *choices, *pattern, *format; /* of a text; pattern and format are for the handler to check */
	const char *doc;
};

struct header { /* of a request, for the handler to check, or of an answer */
	const char *name;
	bool required;
	const char *schema; /* JSON Schema of its value */
	const char *doc;
};

#define TUS_VERSION "1.0.0"

/* Of a route with ROUTE_CALL: whether this request asks no model, and needs no place for that. Any thread, with the body there. */
typedef bool route_brief_fn(struct request *q);

struct route {
	const char *method,
		*path;    /* one {name} at most, and a {n}; {id} must be an identifier, {n} a number from 1 on */
	const char *name; /* operationId */
	int (*handler)(struct request *q);
	enum access access;
	unsigned flags;
	int status;
	enum route_shape shape;      /* not SHAPE_OWN: of the gateway */
	const struct schema *body;   /* NULL: none, or `body_schema` */
	const char *bytes;           /* beside `body`: of a type that begins so the handler takes the bytes as they are;
				      without: the type of the bytes that are the body, which the handler checks */
	const char *body_schema;     /* JSON Schema of a body that the handler reads itself */
	int64_t body_max;            /* bytes; 0: as the settings say */
	route_brief_fn *brief;       /* NULL: all need one */
	const int *errors;           /* codes, up to a 0, beside those that every route of its kind has */
	const struct schema *answer; /* NULL: none, or `media` */
	const char *media;           /* of an answer that is no JSON object of ours */
	const char *media_stream;    /* of one that comes piece by piece, when the client asked for that */
	const char *stream; /* name of the event's schema: TurnEvent, FeedEvent; with `answer`: if it is accepted */
	const struct param *params;
	size_t n_params;
	const struct header *asks; /* of the request */
	size_t n_asks;
	const struct header *tells; /* of the answer */
	size_t n_tells;
	const struct shared_resource *shared; /* what the handlers of shared.h work on */
	const char *summary;
};

struct route_set {
	const struct route *routes;
	size_t n;
	uint32_t changes; /* bits of enum bus_kind: what is told as changed when one of them has changed something */
};

/* The words that rows are written in. */
#define ROUTES_CHANGING(array, kinds)                                                                                  \
	{                                                                                                              \
		(array), N_ELEMENTS(array), (kinds)                                                                    \
	}
#define ROUTES(array) ROUTES_CHANGING(array, 0)
#define CHANGES(name) (UINT32_C(1) << BUS_##name)
#define PARAMS(array) .params = (array), .n_params = N_ELEMENTS(array)
#define ASKS(array)   .asks = (array), .n_asks = N_ELEMENTS(array)
#define TELLS(array)  .tells = (array), .n_tells = N_ELEMENTS(array)
#define V1            "/api/v1"
#define SHORT_BODY    .body_max = 16384 /* for bodies of a few words: what asks for more is refused by its head */
/* How a route may fail beside what its kind has (fails.c). */
#define FAILS(...)                                                                                                     \
	.errors = (const int[])                                                                                        \
	{                                                                                                              \
		__VA_ARGS__, 0                                                                                         \
	}
#define PROVIDER_FAILS                                                                                                 \
	E_PROVIDER, E_PROVIDER_DOWN, E_PROVIDER_BROKEN, E_PROVIDER_TIMEOUT, E_PROVIDER_REFUSED, E_PROVIDER_REJECTED,   \
		E_PROVIDER_LIMITED, E_PROVIDER_BUSY, E_PROVIDER_QUOTA

/* All routes, those of a set side by side. */
const struct route *const *api_routes(size_t *ret_n);

/* Those with exactly this path, for which then no {name} of others stands. */
const struct route *const *api_routes_at(const char *path, size_t *ret_n);

/* `changes` of the set that the route stands in. */
uint32_t route_changes(const struct route *r);

struct route_args {
	struct str second; /* of a further {name}; p NULL: none */
	struct str name;   /* the text that stands for {name}; n 0: none */
	int64_t n;         /* 0: none */
};

/* The route for a method and a decoded path, and what stands for its {name} and {n}. When only the method does not fit: NULL
 * with the allowed ones ("GET, POST") in ret_allow; else that is "". */
const struct route *route_find(const char *method, const char *path, struct route_args *ret, char ret_allow[64]);

/* Other ways to write an address of the gateway, made into the one that the table has: doubled slashes, /ollama before
 * it, no /v1, a slash behind it. At most as long as `path` and 4 more. Returns ret. */
#define ROUTE_ALIAS_MORE 4
char *route_alias(const char *path, char *ret);

/* Whose shape a failure at this (normal) address has, whether a route is there or not. */
enum route_shape route_shape_of(const char *path);

/* Whether the route says that it may fail like this (a code, or -errno). */
bool route_may_fail(const struct route *r, int code);

bool route_matches(const char *pattern, const char *path, struct route_args *ret);

/* The OpenAPI 3.1 document of all this, as JSON. */
void openapi_write(struct buf *b);
