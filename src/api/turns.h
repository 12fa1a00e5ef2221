/* turns.h - asking for answers, for the resources that do. */
#pragma once

#include "api/answer.h"
#include "api/request.h"

extern const struct schema turn_started_schema;

/* What a question may be; E_INVALID, E_TOO_LARGE. */
int turns_check_text(struct request *q, const char *content) MUST_CHECK;

/* What is a wish for tools, as members of JSON Schema. */
#define TOOLS_WISH                                                                                                     \
	"\"type\":[\"boolean\",\"array\",\"null\"],\"items\":{\"type\":\"string\",\"maxLength\":64},\"maxItems\":1000"

/* Whether it is a wish for tools: true, or a list; NULL: none. E_INVALID. */
int turns_check_tools(struct request *q, const char *wish) MUST_CHECK;

/* Around turn_start or turn_ask_meanwhile, which fills in `asked`. */
struct asking {
	struct follower who;
	struct http_place here;
	struct turn_asked asked;
};

/* Whether whoever asks may, and where they follow; `x` stays until asking_end. */
int asking_begin(struct request *q, struct turn_request *t, struct asking *x) MUST_CHECK;

/* Answers with what has begun: the struct of turn_started_schema, or, where that is accepted, its stream. */
int asking_end(struct request *q, const struct turn_request *t, const struct asking *x) MUST_CHECK;
