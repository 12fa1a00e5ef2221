/*
 * openapi.h - documents that describe an interface over HTTP: OpenAPI 3.0 and 3.1, and Swagger 2.0. Their operations become tools,
 * as http_tool.h has them. Whatever a document says, what is made of it is bounded. Pure functions, any thread.
 */
#pragma once

#include "base/json.h"

#define OPENAPI_BYTES_MAX ((size_t)32 << 20) /* of a document */

/* Reads one, JSON or YAML: E_INVALID, E_TOO_LARGE. *ret is owned by the caller, and never changed. */
int openapi_read(const char *p, size_t n, json_t **ret, struct err *e) MUST_CHECK;

struct openapi_wish {
	const char *url;          /* where the document was found; NULL: it was pasted */
	const char *server;       /* where requests go; NULL: where the document says */
	const json_t *operations; /* list of "GET /path" or operationIds; NULL: all */
};

/* Where requests go, without a slash at its end, in the arena. E_INVALID: the document does not say, or not a place. */
int openapi_server(
	const json_t *doc, const struct openapi_wish *w, struct arena *a, const char **ret, struct err *e) MUST_CHECK;

/* The operations that are wished for, as entries of tools. E_INVALID: one is not there or cannot be a tool; E_TOO_LARGE: they are more
 * than `max`. *ret is owned by the caller. */
int openapi_entries(
	const json_t *doc, const struct openapi_wish *w, size_t max, json_t **ret, struct err *e) MUST_CHECK;

/*
 * What is to choose from: {"title", "version", "server", "auth": [{"type", "name"?}], "operations": [{"id": "GET /path", "name", "method",
 * "path", "title", "tags", "deprecated", "reads", "destroys", "problem"?}]}. NULL: no memory.
 */
json_t *openapi_about(const json_t *doc, const struct openapi_wish *w) MUST_CHECK;

/* ---- openapi_schema.c: what the parts of a document mean ---- */

/* What stands at "#/a/b" in the document; NULL: nothing, or it is another document's. */
const json_t *openapi_at(const json_t *doc, const char *ref);
/* The value itself, or what its $ref leads to; NULL: nowhere. Borrowed. */
const json_t *openapi_deref(const json_t *doc, const json_t *v);

/*
 * A schema as JSON Schema that stands alone: references are written out to a depth and cut where they come round, nullable and the
 * like become what JSON Schema has, and what no model needs is left out. `writes`: it is for a request, which has no members that
 * are only read. It takes some *room bytes at most, or 256, which it takes off. Owned by the caller.
 */
json_t *openapi_schema(const json_t *doc, const json_t *schema, bool writes, size_t *room) MUST_CHECK;
