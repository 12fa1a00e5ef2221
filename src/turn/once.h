/*
 * once.h - an answer to a conversation that stands in the request and of which nothing is kept: what it is made with, and its
 * events, which are numbered and end as those of a turn. Any thread, one at a time.
 */
#pragma once

#include "turn/frames.h"
#include "turn/turn.h"

/* What an answer is made with, in the layers of a turn's that need no stored conversation; texts in the arena. */
struct once_chosen {
	const char *instructions;   /* "": none */
	bool acts;                  /* it has tools, agents or documents: once_run */
	const char *left_out;       /* parameters that the provider does not take; NULL: none */
	struct gen_request request; /* its model and parameters, no messages */
};

/* Of `q` user_id, model, assistant_id, instructions, parameters, tools and language count. Failures as of turn_start. */
int once_choose(struct turns *t, const struct turn_request *q, struct arena *a, struct once_chosen *ret,
	struct err *e) MUST_CHECK;

/* An earlier answer as a model is given it again: of each round what it said and called, and what that came to. `parts`: as of
 * once_log_message, and foreign: E_INVALID. *ret: in the arena. */
int once_said(const char *parts, struct arena *a, struct gen_message **ret, size_t *ret_n, struct err *e) MUST_CHECK;

/*
 * The whole answer: the model is asked, what it calls is run, and it is asked again, within a budget, until it calls none. For one
 * that is not kept; waits, on the thread of who calls.
 */
struct once_call {
	const struct turn_request *q; /* as of once_choose; `tools` and key_id count, too */
	/* What the model is asked with. Its tools are those of who asks: an answer that calls one of them ends there. */
	const struct gen_request *request;
	const char *purpose;   /* of the rows of usage */
	atelier_id turn_id;    /* its calls are named and decided by; 0: made here */
	bool asks;             /* the person, in `sink`: else what asks is not run */
	struct gen_sink *sink; /* all events but the first and the last ones, always on the loop */
	struct cancel *cancel;
};

/* As call_generate, all rounds in one result; the usage of agents beneath it is in that. */
int once_run(struct turns *t, const struct once_call *c, struct gen_result *ret, int64_t *ret_cost,
	struct err *e) MUST_CHECK;

struct once_log {
	struct frames frames;
	struct place sent;
};
#define ONCE_LOG_INIT(limit) ((struct once_log){.frames = FRAMES_INIT(limit)})
void once_log_done(struct once_log *l); /* also the cleanup function */

/* The first event, and a notice where parameters are left out. turn_id: as of struct once_call; 0: not said. E_TOO_LARGE, -ENOMEM. */
int once_log_begin(struct once_log *l, atelier_id turn_id, const char *model, const char *left_out) MUST_CHECK;
int once_log_add(struct once_log *l, enum event_type type, const char *json, size_t n) MUST_CHECK;
struct once_end {
	const char *asked; /* the model */
	const struct gen_result *result;
	int64_t est_in, est_out; /* for what the provider did not report */
	int64_t cost_micros;     /* 0: not known */
	const struct err *e;     /* NULL: it is complete */
};
int once_log_end(struct once_log *l, const struct once_end *end) MUST_CHECK;

/* Moves on behind the frames that have come since the last call; they are added to `out`. */
void once_log_send(struct once_log *l, struct buf *out);

/* The log as a message: what a turn of it would have stored. */
struct once_message {
	struct buf content, parts; /* JSON array; borrowed by nobody: once_message_done */
	struct message_figures figures;
	char finish_reason[24], model[200]; /* model "": the one that was asked */
};
int once_log_message(const struct once_log *l, struct once_message *ret, struct err *e) MUST_CHECK;
void once_message_done(struct once_message *m);
