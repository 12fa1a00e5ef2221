/*
 * context.h - what a model is given for a turn, counted: the stages of the prompt (prompt.c), what they come to in tokens, the
 * window that they have to fit into, and what is left out so that they do. Made before anything is stored, kept with the turn.
 *
 * Tokens are those that the provider counts, before the question where it can be asked and with the answer, else bytes divided by what a token of the model has had of late
 * (store/token_rates.h), with the error that such estimates have had.
 */
#pragma once

#include "base/schema.h"

#define CONTEXT_MESSAGES 1000 /* of a branch at most */

struct context_stage {
	const char *stage;  /* instructions, summary, history, sources, question */
	const char *source; /* of instructions: instance, model, assistant, folder, conversation, memories; else NULL */
	int64_t tokens, messages;
	const char *text;               /* of instructions and a summary */
	struct schema_list message_ids; /* const char *; as it is kept: the first of the history alone */
};

struct context {
	const char *model;
	int64_t window;        /* 0: not known */
	int64_t tokens;        /* of all stages */
	bool exact;            /* the provider counted them */
	int64_t error_percent; /* of the estimate; -1: nothing was learned of the model yet */
	struct schema_list stages;
	struct context_left {
		int64_t messages, tokens;
	} left_out; /* of the history's beginning */

	int64_t bytes;       /* of all stages; not kept */
	int64_t sources;     /* of these, the room for passages of documents; not kept */
	int64_t least, most; /* tokens that it has if the estimate is as wrong as it may be */
	int64_t first_id;    /* of the history: the first message that is given; 0: none is */
	const char *json;    /* all of it, as it is kept */
};

extern const struct schema context_schema;
