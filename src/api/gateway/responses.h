/* responses.h - what the files of /v1/responses share. */
#pragma once

#include "api/gateway/openai.h"

enum item_kind { ITEM_REASONING, ITEM_MESSAGE, ITEM_CALL, ITEM_COMPACTION, ITEM_TOOL };

struct item {
	enum item_kind kind;
	size_t from, to;                    /* its part of the answer's text or reasoning */
	size_t note, note_end;              /* its part of the answer's annotations */
	size_t call;                        /* index of c->answer.calls */
	const struct gw_activity *activity; /* of ITEM_TOOL: what an assistant's own tool did */
	int at;                             /* its place in the output */
	struct item *next;
};

enum tool_kind {
	TOOL_FUNCTION,
	TOOL_CUSTOM,      /* its input is any text */
	TOOL_LOCAL_SHELL, /* these run at the client, and have items of their own */
	TOOL_SHELL,
	TOOL_APPLY_PATCH
};

/* A tool that is not simply a function: the model knows it by one name, the client by what stands here. */
struct response_tool {
	const char *flat; /* the model's */
	const char *name;
	const char *space; /* the namespace; NULL: none */
	enum tool_kind kind;
};

/* c->shape of a call. */
struct responses {
	/* of the request */
	json_t *items;        /* all input items: of former answers and of this request */
	const char *input;    /* those of this request alone, as JSON; NULL: not to be kept */
	const char *previous; /* id of the answer that this goes on from; NULL: none */
	struct response_tool *tools;
	size_t n_tools, max_tools;
	bool keeps;           /* "store" */
	bool compacts;        /* asked for a summary of the conversation in place of an answer */
	bool gives_reasoning; /* as encrypted_content, too */

	/* of the answer */
	int64_t sequence;
	struct item *first, **end;
	json_t *notes;     /* the answer's annotations in this shape's form; NULL: none */
	struct item *open; /* the text item that is being filled */
	int n;
};

/* ---- responses_request.c: fills c->req and c->shape from c->body ---- */
int responses_prepare(struct gw_call *c) MUST_CHECK; /* makes c->shape, if there is none yet */
int responses_read(struct gw_call *c) MUST_CHECK;

/* ---- responses_tools.c ---- */
int responses_read_tools(struct gw_call *c, const json_t *list) MUST_CHECK; /* adds to c->req.tools */
int responses_read_tool_choice(struct gw_call *c) MUST_CHECK;
const struct response_tool *responses_tool_named(
	const struct gw_call *c, const char *flat); /* NULL: a plain function */
/* The name that the model knows a tool by. NULL: no memory. */
const char *responses_flat_name(struct gw_call *c, const char *space, const char *name);

/* ---- responses_answer.c ---- */
extern const struct gw_format responses_format;
void responses_add_usage(const struct gen_result *g, struct buf *out);

/* What only we read again: a text that a client keeps for us. */
void responses_add_sealed(struct str text, struct buf *out);
/* The text; NULL when it is not ours. *ret_r: -ENOMEM recorded. */
const char *responses_unseal(struct gw_call *c, const char *sealed);

/* ---- responses_kept.c: answers that are kept for a while ---- */

/* What the request brought and the answer as JSON, before the client has its end. Any thread. */
void responses_keep(struct gw_call *c, struct str response);
/* The answer is told: what was kept of it becomes a row. May wait; not on the loop. */
void responses_store(struct gw_call *c);
/* The answer of this id, if the key that asks got it: its parts, in the arena. E_NOT_FOUND. */
struct kept_response {
	const char *input, *response; /* JSON */
	const char *previous;         /* NULL: none */
};
int responses_find(struct request *q, const char *id, struct kept_response *ret) MUST_CHECK;
