/* tool_outcome.h - what came of a tool that was tried by hand, as an answer. */
#pragma once

#include "api/request.h"
#include "tool/tool.h"

struct tool_outcome {
	const char *text, *structured;
	bool failed, cut;
	struct schema_list files;
};

extern const struct schema tool_outcome_schema;

/* In the memory of the request. */
int tool_outcome_make(struct request *q, const struct tool_result *res, struct tool_outcome *ret) MUST_CHECK;
