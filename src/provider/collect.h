/*
 * collect.h - the pieces of an answer put together again: its texts, and its calls of tools. For whoever wants an answer as
 * a whole, or tells a call only when it is one. Any thread, one at a time for an answer.
 */
#pragma once

#include "base/buf.h"
#include "base/json.h"
#include "provider/generate.h"

/* What became of a call of a tool, known at the end of the answer. */
enum made_state {
	MADE_OPEN,  /* the answer has not ended, or broke */
	MADE_WHOLE, /* its arguments are a JSON object */
	MADE_CUT,   /* the answer was cut off (length, content_filter, an unknown word) before they were */
	MADE_WRONG, /* the model ended them, but they are no JSON object */
};

/* A call of a tool put together. */
struct made_call {
	const char *id, *name;
	struct buf arguments; /* as the model wrote them; "{}" when it ended the call without any */
	struct buf extras;    /* what its provider says of it beside: members (,"a":1) as text */
	char *extras_of;      /* the name of that; NULL: nothing was said */
	enum made_state state;
	bool told; /* the collector's own: its first piece has been handed on */
};

/* What has come so far; {.max = ...} before the first piece. */
struct gen_answer {
	size_t max;                       /* bytes of each text and of the arguments of each call */
	struct buf text, reasoning;       /* not escaped */
	size_t text_from, reasoning_from; /* of what a model says now, behind its calls of tools; 0: there were none */
	struct buf logprobs;              /* objects of JSON with commas between; empty when none were asked for */
	struct buf beside[BESIDE_KINDS];  /* as those: what there is beside the text */
	struct buf thoughts; /* what its provider says of the reasoning for itself: a JSON array; empty: nothing */
	char *thoughts_of;   /* the name of that; NULL: nothing was said */
	struct made_call *calls;
	size_t n_calls;
};
void gen_answer_done(struct gen_answer *a); /* and empty, with the same `max` */

/* A piece of a call of a tool. */
struct call_piece {
	int64_t index;         /* from 0 */
	bool first;            /* the first piece of this index */
	const char *id, *name; /* never NULL */
	struct str arguments;  /* of the text of a JSON object, not escaped */
	struct str extras;     /* as of the call, where something of them is new; else empty */
};

/* The text of EV_TEXT or EV_REASONING, still escaped, as answer_emit writes it. */
struct str collect_text_of(const char *json, size_t n);

/* The members of an object as text: ,"a":1,"b":{} */
void collect_members(const json_t *object, struct buf *to);

/* Each of these: E_TOO_LARGE above `max`. */
int collect_text(struct gen_answer *a, bool reasoning, struct str escaped) MUST_CHECK;
/* What was text is reasoning from text_from on, or the other way round: the data of EV_MOVED. *ret: it is text now. */
int collect_moved(struct gen_answer *a, const char *json, size_t n, bool *ret_to_text) MUST_CHECK;
/* To one of the answer's lists of objects. */
int collect_items(const struct gen_answer *a, struct buf *list, struct str items) MUST_CHECK;
/* The data of EV_TOOL_CALL. *ret: its one piece, of any size, with texts that live as long as *ret_json, which the caller
 * lets go of. E_PROVIDER for calls in an order that cannot be told. */
int collect_tool(struct gen_answer *a, const char *json, size_t n, struct call_piece *ret, json_t **ret_json,
	struct err *e) MUST_CHECK;
/* The data of EV_THOUGHTS; and what they were about was not the answer. */
int collect_thoughts(struct gen_answer *a, const char *json, size_t n, struct err *e) MUST_CHECK;
void collect_forget_thoughts(struct gen_answer *a);
/* The answer has ended, cut off or not: says what became of each call. `objects`: they will be told as objects, so that
 * E_PROVIDER_BROKEN is what the model ended but is none. */
int collect_end(struct gen_answer *a, bool cut, bool objects, struct err *e) MUST_CHECK;

/* A sink for the text of an answer alone, as names and summaries are made of. What was moved, either way, is not of it:
 * a thought is no name. An answer longer than `max` ends the generation. */
struct text_sink {
	struct gen_sink sink;
	struct buf text; /* not escaped; buf_done is the caller's */
};
void text_sink_init(struct text_sink *s, size_t max);
