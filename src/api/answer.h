/* answer.h - shapes of answers: a failure, a list, fields that may be null. */
#pragma once

#include "base/schema.h"

struct request;

/* A number or an object that is null unless the bool `has` is set. */
#define FIELD_MAYBE(t, s, member, has, wire, subschema, text)                                                          \
	{                                                                                                              \
		.name = (wire), .type = (t), .offset = offsetof(s, member), .present = offsetof(s, has),               \
		.sub = (subschema), .doc = (text)                                                                      \
	}

struct error_body {
	const char *code, *message, *request_id;
	bool retryable;
	int64_t asked, limit;
	const char *field; /* NULL: left out */
};

struct error_answer {
	struct error_body error;
};

extern const struct schema error_schema;

void error_emit(const struct err *e, const char *request_id, struct buf *b);

/* ---- lists: all answer like this, those of one page only with `next` null ---- */

struct list_answer {
	struct schema_list items;
	const char *next; /* NULL: nothing is behind this page */
	const char *currency;
};

/* Defines `var_fields`, those of a list of `item`; `order` says in which, and further fields may follow. */
#define LIST_FIELDS(var, item, order, ...)                                                                             \
	static const struct field var##_fields[] = {                                                                   \
		FIELD_LIST(struct list_answer, items, "items", (item), 0, FIELD_REQUIRED, order),                      \
		FIELD_STR(struct list_answer, next, "next", 0, 0, 0,                                                   \
			"`cursor` of the page behind this one; null: the end."),                                       \
		__VA_ARGS__}
/* And the schema `var` of it. */
#define LIST_SCHEMA(var, wire, item, order, text, ...)                                                                 \
	LIST_FIELDS(var, item, order, __VA_ARGS__);                                                                    \
	static const struct schema var = SCHEMA(wire, struct list_answer, var##_fields, text)
#define LIST_CURRENCY(text) FIELD_STR(struct list_answer, currency, "currency", 0, 0, FIELD_REQUIRED, text)

/* An id as a cursor, in the arena; NULL without memory, as at the end of a list. */
const char *answer_cursor(struct request *q, atelier_id id);

/* The header Content-Disposition (RFC 6266) of a file that is called so, its folders left out: attachment;
 * filename*=UTF-8''plot%20one.png. In the arena; NULL without memory. */
const char *answer_disposition(struct request *q, const char *how, const char *name);

/* Ids as a list of texts, in the arena. */
int answer_ids(struct request *q, const atelier_id *ids, size_t n, struct schema_list *ret) MUST_CHECK;

/* Sets the answer; `items` are of the route's schema. `next`: the cursor of the page behind, NULL for none. */
int answer_list(struct request *q, const void *items, size_t n, const char *next) MUST_CHECK;
