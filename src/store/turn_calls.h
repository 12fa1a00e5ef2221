/*
 * turn_calls.h - calls of tools that a person was asked for, or that may change something: what is decided of them, and that they
 * have begun, which is written before they have any effect. A call goes from one state to the next once, whoever tries.
 *
 *	asked -> allowed -> started           asked -> denied, expired
 */
#pragma once

#include "store/rows.h"

#define CALL_ASKED   "asked"
#define CALL_ALLOWED "allowed"
#define CALL_DENIED  "denied"
#define CALL_EXPIRED "expired"
#define CALL_STARTED "started"

struct turn_call {
	atelier_id id, turn_id;
	const char *call_id, *name, *hash, *title; /* of the tool, as it was */
	const char *arguments;                     /* that are run, and no others */
	const char *effect;                        /* writes, destroys, outside */
	const char *state;                         /* CALL_... */
	const char *decision, *reason;             /* NULL: none */
	bool unknown;                              /* it had begun, and whether it was done is not known */
	int64_t expires_at, created_at;
};
struct turn_call_list ROWS_OF(struct turn_call);

/* All of a turn, in their order. Asks for no owner. */
int turn_calls_list(
	struct db_conn *c, atelier_id turn_id, struct arena *a, struct turn_call_list *ret, struct err *e) MUST_CHECK;

/* Adds them as they are; one that is there already, by its call_id, is asked for again. */
int turn_calls_add(struct db *db, const struct turn_call *items, size_t n, struct err *e) MUST_CHECK;

/* The call has begun: from `allowed`, or without a row before. E_CONFLICT: somebody else was first. */
int turn_calls_begin(struct db *db, const struct turn_call *call, struct err *e) MUST_CHECK;

struct call_decision {
	atelier_id user_id, turn_id;
	const char *call_id, *decision, *reason; /* once, conversation, always, deny */
	struct turn_call call;                   /* what was decided of; in the arena */
	atelier_id conversation_id;
	int64_t open; /* calls of the turn that still wait */
	bool live;    /* set by turn/: it is one of a run that waits in memory */
};
/* By its owner, once, and with the rule that it gives (conversation, always): E_NOT_FOUND, E_CONFLICT when it is decided already or the time for that is over. */
int turn_calls_decide(struct db *db, struct call_decision *d, struct arena *a, struct err *e) MUST_CHECK;

/* Those that have waited too long are expired; the turns of some of these. */
int turn_calls_expire(
	struct db *db, int64_t now, atelier_id *ret, size_t most, size_t *ret_n, struct err *e) MUST_CHECK;
