/*
 * text_calls.h - calls of tools for models that have none of their own: the tools are told in words, and calls are read from the text
 * of the answer, in the forms that families of models were trained with. A filter between a model's events and their sink.
 */
#pragma once

#include "provider/generate.h"

/* text_told.c: the request as such a model takes it: tools as instructions, calls and results of the rounds before as text, in the form
 * of its family. In the arena; `in` is
 * borrowed. */
int text_calls_request(
	const struct gen_request *in, struct arena *a, struct gen_request *ret, struct err *e) MUST_CHECK;

struct text_calls {
	struct gen_sink sink; /* what the model's events are given to */
	struct gen_sink *next;
	const struct gen_tool *tools; /* those that were offered: another name is text */
	size_t n_tools;
	struct buf held; /* what may be, or is, a call */
	int form;        /* the form that `held` began with; -1: not yet known */
	struct {
		size_t at;
		unsigned depth;
		bool quoted, escaped;
	} object; /* how far the arguments of a call in channels have been looked at */
	unsigned n_calls;
	bool over; /* what comes is made up */
	/* Of the text that went out: */
	bool any, mid_line, opens; /* a block of code, this line */
	unsigned ticks, fence;     /* at the front of the line; of the block of code that is open */
	char tick, fence_tick;
};
void text_calls_init(struct text_calls *x, struct gen_sink *next, const struct gen_tool *tools, size_t n_tools);
void text_calls_done(struct text_calls *x);
/* No more comes: what is held is a call, or text. On the thread that called the model. */
int text_calls_finish(struct text_calls *x) MUST_CHECK;
