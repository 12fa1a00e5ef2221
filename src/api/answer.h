/* answer.h - the failure's shape, and fields that may be null. */
#pragma once

#include "base/schema.h"

/* A number or an object that is null unless the bool `has` is set. */
#define FIELD_MAYBE(t, s, member, has, wire, subschema, text)                                                          \
	{                                                                                                              \
		.name = (wire), .type = (t), .offset = offsetof(s, member), .present = offsetof(s, has),               \
		.sub = (subschema), .doc = (text)                                                                      \
	}

struct error_body {
	const char *code, *message, *request_id;
	bool retryable;
};

struct error_answer {
	struct error_body error;
};

extern const struct schema error_schema;

void error_emit(const struct err *e, const char *request_id, struct buf *b);
