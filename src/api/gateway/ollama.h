/* ollama.h - what the files of Ollama's shape share. */
#pragma once

#include "api/gateway/gateway.h"

/* ---- ollama_request.c: fill c->req from c->body ---- */

/* c->shape of a call. */
struct ollama_call {
	struct str head; /* {"model":"...","created_at":" */
	bool generate;   /* /api/generate: "response" in place of a message */
	bool hide_thinking;
};

int ollama_read_chat(struct gw_call *c) MUST_CHECK;
int ollama_read_generate(struct gw_call *c) MUST_CHECK;

/* options, format, think, keep_alive: what chat and generate share. */
int ollama_read_common(struct gw_call *c) MUST_CHECK;

/* Of a request in OpenAI's shape to an Ollama: what this shape has the like of, `options` or single ones of them, keep_alive
 * and truncate. What was read is taken out of `less`, a copy of the request. */
int ollama_read_likes(struct gw_call *c, json_t *less) MUST_CHECK;
/* `truncate`, `options` and `keep_alive` of a request for vectors, for an Ollama. */
int ollama_read_embed(struct gw_call *c);

/* Whether the key may load and unload models. */
bool ollama_may_manage(const struct request *q);

/* "stream" is true unless it says false. E_INVALID for anything but a boolean or null. */
int ollama_read_stream(struct gw_call *c) MUST_CHECK;

/* A keep_alive: seconds as a number, or "5m", "1h30m" with units. E_INVALID else. *ret_ends: 0 or negative. */
int ollama_check_keep_alive(const json_t *v, bool *ret_unload, bool *ret_for_good, struct err *e) MUST_CHECK;
/* That of a request, as JSON; NULL: it has none, or one that unloads or keeps for good from who may not manage models. */
int ollama_read_keep_alive(struct gw_call *c, const char **ret) MUST_CHECK;

/* ---- ollama_tools.c: messages ---- */
int ollama_read_messages(struct gw_call *c, const json_t *messages) MUST_CHECK;
/* An array of base64 texts. */
int ollama_read_images(struct gw_call *c, const json_t *list, struct gen_message *m) MUST_CHECK;
int ollama_read_tools(struct gw_call *c, const json_t *tools) MUST_CHECK;

/* ---- ollama_answer.c ---- */
extern const struct gw_format ollama_format;
int ollama_prepare(struct gw_call *c, struct ollama_call *s) MUST_CHECK; /* makes s c->shape */
void ollama_stream_error(struct gw_call *c, const struct err *e, struct buf *out);
void ollama_add_time(int64_t unix_ms, struct buf *out); /* with quotes */

/* {"model":...,"done":true,"done_reason":"load"} for a request with nothing to answer. */
void ollama_add_loaded(struct gw_call *c, const char *reason, struct buf *out);

/* ---- ollama_models.c ---- */
void ollama_add_entry(const struct model *m, struct buf *out); /* of /api/tags, without closing brace */
void ollama_add_show(const struct model *m, struct buf *out);
/* The id with a tag. */
void ollama_add_name(const char *id, struct buf *out);
/* q->err's failure in the words of Ollama, which programs look for. Returns r. */
int ollama_say(struct request *q, const char *model, int r);
/* E_INVALID "model is required" unless the body has "model" or "name" (or `alternative`). */
int ollama_model_name(struct request *q, const json_t *body, const char **ret) MUST_CHECK;
