/* reduce.h - a log becomes a message, and how a log ends. */
#pragma once

#include "provider/generate.h"
#include "store/messages.h"
#include "turn/frames.h"
#include "turn/parts.h"

struct reduced {
	struct parts parts; /* of the whole message */
	size_t had;         /* while it is made: of these stood there before the turn, or before it waited */
	struct buf content; /* the text of all parts */
	struct buf json;    /* the parts, as struct message has them; empty: content is all there is */
	struct message_figures figures;
	struct message_figures earlier; /* while it is made: what was taken before */
	bool used;                      /* a usage event has come */
	char state[16];                 /* of a done event; "" without one */
	char error_code[40];            /* "" without an error event */
	char error_text[512];
	char finish_reason[24];
	char model[200]; /* that answered in place of the one that was asked; "": none did */
	uint64_t last_seq;
};

/* The message that was `before` (NULL: a new one) the events whose number is above `after`. `closing`: what stands behind the
 * log; NULL: nothing does. */
int reduce_log(const struct message *before, const struct frames *log, uint64_t after, const struct frames *closing,
	struct reduced *ret, struct err *e) MUST_CHECK;
void reduced_done(struct reduced *r);

/* The end of a turn. */
struct closing {
	const char *state;
	atelier_id message_id;           /* 0: nothing is stored */
	const struct gen_result *result; /* NULL: no usage is said */
	const char *asked;               /* the model asked for: one that answered in its place is named; may be NULL */
	int64_t cost_micros;             /* 0: not said */
	int64_t est_in, est_out;         /* used where the provider reported nothing */
	int error;                       /* 0, or an error code */
	const char *error_text;
};
/* Adds the closing events: usage (when `result`), error (when there is one), done. */
int closing_frames(const struct closing *c, struct frames *f) MUST_CHECK;
