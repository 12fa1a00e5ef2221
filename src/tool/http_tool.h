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

/* ---- files (http_files.c) ---- */

#define HTTP_FILE_MAX ((size_t)40 << 20) /* bytes of a body with files */

/* A body that is being made of files. */
struct http_sending {
	struct tools *tools;
	const struct tool_run *run;
	const json_t *call; /* of the entry: `type`, and in `files` the members of a form that are files */
	struct arena *a;
	struct buf *body;
	const char *boundary;
	int n_files;       /* that were asked for as parts */
	const char *type;  /* set: of the body */
	const char *wrong; /* set: why it cannot be sent, for the model */
};
bool http_send_file(struct http_sending *s, const json_t *named);
bool http_send_parts(struct http_sending *s, const json_t *members);

/* As of struct tool_kind. */
int http_tool_call(struct tools *t, const struct server_use *s, const struct tool *tool, const json_t *arguments,
	const struct tool_run *run, struct arena *a, struct tool_result *ret, struct err *e) MUST_CHECK;
