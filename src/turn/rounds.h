/* rounds.h - tools in an answer: which it may use, what the model called, what that came to, and what the model is given then.
 * Of a turn's own thread, unless said otherwise. */
#pragma once

#include "provider/generate.h"
#include "store/turn_calls.h"
#include "tool/tool.h"
#include "turn/deadline.h"
#include "turn/parts.h"

struct turn;
struct turns;
struct turn_request;
struct frames;

/* Messages for a model, in an arena. */
struct said {
	struct gen_message *items;
	size_t n, room;
};

/* Who is asked before something is run that may change something. */
enum turn_asking {
	ASK_AS_ROW, /* its person, whenever: the turn waits as a row */
	ASK_LIVE,   /* its person, now: the run waits in memory */
	ASK_NOBODY  /* it is not run, unless a rule of the person's says that it may */
};

/* How far the rounds of an answer are (rounds.c): a model says something and calls tools, and is given what they came to. */
struct rounds {
	unsigned n;             /* that have ended */
	uint64_t behind;        /* number of the last event before the round that is on */
	_Atomic unsigned n_ids; /* that calls were given, of agents beneath it, too */
	bool called;            /* the model has called a tool in this round */
	bool last;              /* nothing can be called any more */
	const char *why;        /* that, for the model */
	bool timed;             /* an assistant has set a time, which its model keeps to, as well */
	struct allowance budget;
	struct running *running; /* calls that run, of agents beneath it, too; under the lock of all */
	struct repeat *repeats;
	size_t n_repeats;
};

/* ---- tools.c ---- */

/* Sets the tools of the turn by its wish. E_INVALID for one that is not there, if `strict`. */
int turn_choose_tools(struct turn *t, bool strict, struct err *e) MUST_CHECK;
/* Whether the person has those that the question names. E_INVALID. */
int turn_check_tools(struct turns *all, const struct turn_request *q, struct arena *a, struct err *e) MUST_CHECK;

/* ---- said.c ---- */

int said_add(struct arena *a, struct said *to, const struct gen_message *m) MUST_CHECK;

/* What a model is given of an answer: of each round what it said and called, and what that came to. `reasons`: what it thought,
 * too, which models are given again within a turn alone. */
int said_add_parts(struct arena *a, struct said *to, const struct parts *parts, bool reasons) MUST_CHECK;
int said_add_answer(struct arena *a, struct said *to, const char *json, bool reasons, struct err *e) MUST_CHECK;

/* ---- rounds.c ---- */

/* As turn_put, of an answer that has tools: calls get ids of their own, which no other has. */
int rounds_put(struct gen_sink *s, bool on_loop, enum event_type type, const char *json, size_t n) MUST_CHECK;

/* From now on nothing is called any more: the model is to answer. `why` is for the model, `text` for people. */
void rounds_end(struct turn *t, const char *code, const char *why, const char *text);

/* Behind each answer of the model: has run what it called, if anything. *ret_again: it is to be asked again. */
int rounds_run(struct turn *t, bool *ret_again) MUST_CHECK;

/* Of a turn that waited for a person: runs what it waited for, by what was decided, and sets what the message is then. */
int rounds_settle(struct turn *t) MUST_CHECK;

/* ---- budget.c ---- */

/* What it may take: what the settings say, and what is left above. */
void budget_begin(struct turn *t, struct allowance *above);
/* What its assistant says of that: JSON as of store/assistants.h; NULL: nothing. */
int budget_limit(struct turn *t, const char *json, struct err *e) MUST_CHECK;
/* A model has answered. */
void budget_spend(struct turn *t, const struct gen_result *r, int64_t cost_micros);
/* Ends the rounds when something is used up. */
void budget_check(struct turn *t);
/* How far it is used, and what is above. */
int budget_tell(struct turn *t) MUST_CHECK;
/* What was taken before it waited, by what its message tells; `open`: a round of it has not ended. */
void budget_restore(struct turn *t, const struct parts *parts, bool open);
/* Of the model's next answer: how long it may go on after the time is used up (ms); negative: as long as it takes. */
int64_t budget_grace_ms(const struct turn *t);

/* ---- calls.c ---- */

/* A call of the round that is on. Texts in the turn's arena. */
struct call {
	const char *id, *name, *arguments;
	const struct tool *tool; /* NULL: it is not offered */
	const char *refused;     /* why it is not run; NULL: it is */
	bool held;               /* a person is asked before */
	bool approved;           /* a person said so */
	bool waits;              /* an agent's: a person is asked of one of its own */
	bool failed;             /* it came to nothing */
	uint64_t came_to;        /* a mark of name, arguments and result: the same, the same */
};

/* As a row, from which all that is asked is told. */
struct turn_call call_row(const struct turn *t, const struct call *c, const char *state);
void call_approval_json(const struct turn_call *row, struct buf *b);
int call_tell_approval(struct turn *t, const struct turn_call *row) MUST_CHECK;

/* One that is not run; NULL: it is not offered. */
int call_end_unrun(struct turn *t, struct call *c, const char *why) MUST_CHECK;

/* Ends one that runs. With the lock of all held; false: it does not. */
bool calls_stop(struct turn *t, const char *call_id);

/* Has them run, those that only read side by side; each gets its result, whatever happens. -ECANCELED. */
int calls_run(struct turn *t, struct call *calls, size_t n) MUST_CHECK;

/* ---- results.c ---- */

/* Keeps what the call made, and tells what it came to; ms < 0: it did not run. */
int call_tell_result(struct turn *t, struct call *c, struct tool_result *result, int64_t ms) MUST_CHECK;

/* What a turn has brought so far, live or not. */
struct reduced;
int turn_read_parts(
	struct turns *all, const struct turn_record *t, struct arena *a, struct reduced *ret, struct err *e) MUST_CHECK;

/* ---- live.c ---- */

/* Tells that the person is asked of those that are held, and waits: then they are approved, or refused. -ECANCELED. */
int calls_ask_live(struct turn *t, struct call *calls, size_t n) MUST_CHECK;
/* A decision of one of them; E_NOT_FOUND, unrecorded: it is none of these. The run goes on only after calls_decided_live, so that a
 * rule that was given is there for its next round. */
int calls_decide_live(struct turns *all, struct call_decision *d, struct arena *a, struct err *e) MUST_CHECK;
void calls_decided_live(struct turns *all, struct call_decision *d);

/* ---- questions.c ---- */

/* How long a person is waited for in memory. The fault `question_time`: not at all. */
int64_t question_patience_ms(const struct turns *all);

struct question_asked {
	const char *call_id, *from, *message;
	const char *schema, *url; /* one of them */
};

/* Asks the person, and waits for the answer: {"action":"accept","content":{..}} is added to `ret`. -ECANCELED; E_INVALID, E_TOO_LARGE
 * for what cannot be asked. The thread of the call. */
int question_ask(struct turn *t, const struct question_asked *asked, struct cancel *cancel, struct buf *ret,
	struct err *e) MUST_CHECK;

/* ---- resume.c ---- */

/* To be kept with a turn that may wait; `tools` is its wish for them; NULL: it never does. */
int turn_request_write(const struct turn_request *q, const char *tools, struct arena *a, const char **ret) MUST_CHECK;
int turn_stored_log(struct db *db, atelier_id turn_id, struct frames *ret, struct err *e) MUST_CHECK;
