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

/* Asks for the answer as whoever asks may, and answers with what has begun: the struct of turn_started_schema, or, where that
 * is accepted, its stream. */
int turns_ask(struct request *q, struct turn_request *t, enum turn_when when) MUST_CHECK;
