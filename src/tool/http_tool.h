/* http_tool.h - requests over HTTP as tools: for the kinds whose entries have a member `call` (http_tool.c). */
#pragma once

#include "tool/tool_priv.h"

#define HTTP_TOOL_METHODS "GET HEAD POST PUT PATCH DELETE"

/* What a method says of its effect: TOOL_READS and so on. */
unsigned http_method_hints(const char *method);

/* The member `auth` of a configuration: E_INVALID. */
int http_auth_check(const json_t *config, struct err *e) MUST_CHECK;

/* *ret is the header with which a request shows that it may, in the arena; NULL: no header does. E_INVALID: no header can hold it. */
int http_auth_line(const struct server_use *s, struct arena *a, const char **ret, struct err *e) MUST_CHECK;

/* As of struct tool_kind. */
int http_tool_call(struct tools *t, const struct server_use *s, const struct tool *tool, const json_t *arguments,
	const struct tool_run *run, struct arena *a, struct tool_result *ret, struct err *e) MUST_CHECK;
