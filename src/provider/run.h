/* run.h - a call of a model through the targets of its plan: places, tries, and the next target when one fails. */
#pragma once

#include "provider/provider_priv.h"

struct run {
	/* given */
	struct providers *ps;
	const char *model;
	int64_t caller;
	int64_t key;           /* of the caller's several */
	bool background;       /* gives way to all others */
	bool hurried;          /* one that cannot be reached is not tried again */
	bool streams;          /* its answer comes in pieces, which shows how many are answered at the same time */
	struct gen_sink *sink; /* for status events; NULL: nobody is told */
	struct cancel *cancel;
	struct gen_result
		*ret; /* tries, queued_ms and the names of who answered are filled in here, the rest by the caller */
	/* Whether the target can do what is asked: 0, or E_MODEL_CANNOT with a sentence. */
	int (*able)(struct run *r, const struct target *t, struct err *e);
	unsigned (*learn)(struct run *r, struct str error);

	struct numbers *numbers; /* of run_fetch: takes the long lists of an answer (numbers.h); NULL: they stay */
	int64_t patience_ms;     /* of run_fetch, for a whole try; 0: as long as anything comes */

	/* of the whole */
	struct arena mem;
	struct plan plan;
	size_t at;
	bool asks;      /* a try was made */
	struct err why; /* the last failure */

	/* of the present target */
	const struct target *t;
	bool entered; /* it has the call, and a place for it: not what is built in, nor while its breaker is open */
	int tries, learned;
	struct place place;
	unsigned quirks;   /* what a refusal said of this call alone: bits of quirks.c */
	unsigned lessons;  /* what its refusals have taught of the model */
	unsigned replaced; /* what was known before and the lessons say the opposite of */

	/* of the present try, which the caller makes and fills in */
	int code; /* what came of it */
	struct http_result res;
	bool shown;     /* something of an answer was handed on */
	bool overtime;  /* the whole answer took longer than one may */
	bool transient; /* an error within the stream, which may be over in a moment */
	bool anew;      /* it was no try: the same target is asked otherwise, at once */
	int64_t try_ms;
};

/*
 * The loop of a call. Each time run_next says so, one try is made at r->t, with failures in r->why; r->code is what came of it.
 *
 *	int r = run_begin(&run, e);
 *	while (r >= 0 && run_next(&run))
 *		run.code = ...;
 *	return r < 0 ? r : run_end(&run, e);
 *
 * The end: 0, -ECANCELED (recorded as the cancel's reason), or why the last target failed. Blocks; not on the loop thread.
 */
int run_begin(struct run *r, struct err *e) MUST_CHECK;
bool run_next(struct run *r) MUST_CHECK;
int run_end(struct run *r, struct err *e) MUST_CHECK;

/* Whether any target of the model is able to: 0, or E_MODEL_CANNOT with a sentence. Asks no provider. */
int run_can(struct run *r, struct err *e) MUST_CHECK;

/* One try of `call` at r->t, whose answer comes in one piece: its JSON, or the error that it is; r->res has the status. */
int run_fetch(struct run *r, struct gen_call *call, json_t **ret, struct err *e) MUST_CHECK;

/* What the text of a refusal of `call`, which was made of the request, says of the server: as a dialect's `learn`. A status of
 * 500 says nothing of fields, only of who speaks when. */
unsigned run_learn(const struct run *r, const struct gen_request *q, const struct gen_call *call, struct str error);

/* The limits of a call to this provider: its own, else the settings'. */
struct run_limits {
	int64_t connect_ms, first_byte_ms, token_ms, total_ms; /* total: 0: none */
};
struct run_limits run_limits_of(const struct providers *ps, const struct provider *p);

/* A status event; what is 0 or less is left out. */
struct run_status {
	const char *state, *text;
	int attempt;
	int64_t wait_ms, elapsed_ms, position;
};
int run_tell(struct gen_sink *sink, bool on_loop, const struct run_status *s) MUST_CHECK;
int run_tell_queued(const struct run *r, bool on_loop, int64_t n, int64_t elapsed_ms) MUST_CHECK; /* number n */
