/* openai.h - what the files of the OpenAI shapes share. */
#pragma once

#include "api/gateway/gateway.h"

/* ---- errors.c ---- */
void openai_error_object(const struct err *e, struct buf *out); /* what stands behind "error": */
/* The error as an unnamed event of a stream. */
void openai_stream_error(struct gw_call *c, const struct err *e, struct buf *out);

/* ---- openai_content.c: messages and what they hold ---- */

/* A message's content: a string, null, or parts, whose texts are put together with line breaks between; images go to
 * m->images. */
int openai_read_content(struct gw_call *c, const json_t *content, struct gen_message *m) MUST_CHECK;
/* Messages of /v1/chat/completions. */
int openai_read_messages(struct gw_call *c, const json_t *list) MUST_CHECK;

int openai_read_chat(struct gw_call *c) MUST_CHECK; /* all of a request, from its body */
/* The name of the call that has this id in the messages before `n`; NULL. */
const char *openai_called_name(const struct gen_message *all, size_t n, const char *id);
/* The role in our words: developer is system, function is tool; NULL for an unknown one. */
const char *openai_role(const char *role);

/* ---- openai_options.c: what stands beside the messages, also in /v1/responses; NULL and null values are absent ---- */

/* `safety_identifier`, or its older name `user`. */
void openai_read_user(struct gw_call *c);
int openai_read_effort(struct gw_call *c, const json_t *effort) MUST_CHECK;
/* {name, description, parameters, strict} */
int openai_read_function(struct gw_call *c, const json_t *fn, struct gen_tool *ret) MUST_CHECK;
/* "auto", "none", "required", or an object, which has the name itself or (`nested`) in a member called as its type. */
int openai_read_tool_choice(struct gw_call *c, const json_t *choice, bool nested) MUST_CHECK;
/* {type: text, json_object or json_schema}; its member `inner` (NULL: itself) has name and schema. */
int openai_read_format(struct gw_call *c, const json_t *format, const char *inner) MUST_CHECK;
/* A format of another type, such as a grammar, is for providers of the same shape alone. */
bool openai_is_known_format(const json_t *format);
/* "parallel_tool_calls"; told as ignored where nothing stops a model from calling several. */
void openai_read_parallel(struct gw_call *c);
/* A whole number from 1; absent, or -1: *ret stays. */
int openai_read_count(struct gw_call *c, const char *name, int64_t *ret) MUST_CHECK;
/* "n": how many answers are wanted. */
int openai_read_choices(struct gw_call *c) MUST_CHECK;
/* E_INVALID when `name` is a number above 1, since there is one answer only. */
int openai_only_one(struct gw_call *c, const char *name) MUST_CHECK;
/* stream_options.include_usage */
bool openai_wants_usage(const struct gw_call *c);

/* ---- custom_tools.c ---- */
int custom_tool_read(
	struct gw_call *c, const json_t *tool, struct gen_tool *ret) MUST_CHECK; /* {name, description, format} */
/* What a call in a history was made with, as arguments of the function; in the arena. */
int custom_tool_arguments(struct gw_call *c, const json_t *input, const char **ret) MUST_CHECK;
/* The other way, as a JSON string. What is no such object is taken for the text itself. */
void custom_tool_add_input(struct str arguments, struct buf *out);

/* ---- openai_chat.c ---- */
void openai_add_usage(const struct gen_result *g, struct buf *out); /* the object */
/* ,"audio_tokens":1 and the like: those of the details of this name that are not 0 */
void openai_add_token_parts(const struct gen_result *g, const char *within, struct buf *out);
