/* turns.h - the beginning and the end of an answer in the database. Between the two its events are in the journal. */
#pragma once

#include "store/messages.h"
#include "store/rows.h"

struct turn_record {
	atelier_id id;
	atelier_id conversation_id;
	atelier_id user_id;
	atelier_id user_message_id;
	atelier_id message_id;
	const char *model;
	bool continues;               /* goes on with a message that had text already */
	const char *state;            /* STATE_... */
	int64_t last_seq;             /* number of the last event; 0 while running */
	int64_t created_at, ended_at; /* ended_at 0: running, or waiting */
	const char *request;          /* as of struct turn_begin */
};

struct turn_record_list ROWS_OF(struct turn_record);

/* Where in the tree an answer is to stand. */
enum turn_place {
	TURN_AT_LEAF,    /* a new question below the branch that is shown */
	TURN_BELOW,      /* a new question below the answer `at` */
	TURN_EDIT,       /* a new question beside the question `at` */
	TURN_REGENERATE, /* no new question: another answer beside the answer `at`, or below the question `at` */
	TURN_GO_ON,      /* no new message: the text of the answer `at` stays, which is the newest one and was canceled,
			    interrupted or failed, reached a limit of tokens, or is empty */
};

/* A further model that answers the same question, at the same time. */
struct turn_beside {
	const char *model, *prompt;
};

struct turn_begin {
	atelier_id user_id;
	atelier_id conversation_id;
	enum turn_place place;
	atelier_id at;            /* a message of the conversation; not for TURN_AT_LEAF */
	const char *content;      /* of the user's message; not for TURN_REGENERATE and TURN_GO_ON */
	const char *parts;        /* of the same, as of struct message; NULL: its content is all there is */
	const atelier_id *images; /* pictures that it has; that the user may see them is the caller's to know */
	size_t n_images;
	atelier_id queued_id; /* it waited as this one (queued.h), whose content counts; 0: it did not */
	const char *model;
	const char *prompt;  /* what the model is given (turn/context.h); NULL: not told */
	const char *request; /* to go on with after it has waited for a person; NULL: it never does */
	const char *title;   /* to use, as a plain one, when the conversation has none; may be NULL */
	struct turn_beside beside[COMPARED_MAX - 1]; /* then the answers are compared until one is kept (tree_keep) */
	size_t n_beside;
};

struct turn_begun {
	atelier_id turn_id;
	atelier_id conversation_id;
	atelier_id user_message_id;
	atelier_id message_id;
	bool first; /* the first turn of the conversation */
	int64_t created_at;
};

/*
 * Stores the user's message, an empty running answer and its turn, and those of the models beside, in one transaction; `ret` has
 * room for all of them. The branch shown ends in the first answer then. A comparison that the question stands below is over.
 * E_NOT_FOUND for a conversation that is not the user's, and for a message that is not in it or waits no more; E_INVALID for one of
 * the wrong role; E_CONFLICT when an answer is being written in the conversation, or cannot be gone on with. E_UNSURE (db.h): `ret`
 * has what may be there.
 */
int turns_begin(struct db *db, const struct turn_begin *in, struct turn_begun *ret, struct err *e) MUST_CHECK;

struct turn_finish {
	atelier_id turn_id;
	const char *state; /* STATE_..., not running */
	/* The whole message, also when the turn continued it. */
	struct str content;
	struct str parts; /* as of struct message; p NULL: none */
	struct message_figures figures;
	const char *model;      /* who answered; NULL: the one that was asked */
	const char *error_code; /* NULL: none */
	const char *error_text;
	const char *finish_reason;
	struct str log;  /* compressed events, opaque here; p NULL: none */
	size_t log_size; /* uncompressed */
	int64_t last_seq;
	bool unread; /* nobody was there to see the end: the conversation is marked */
};

/* Ends a running turn, in one transaction. E_CONFLICT when it has ended already, E_NOT_FOUND when it is gone (its
 * conversation was deleted). */
int turns_finish(struct db *db, const struct turn_finish *in, struct err *e) MUST_CHECK;

/* Ends many in one transaction; what became of each is in `ret_results`. Negative: none was ended. */
int turns_finish_all(
	struct db *db, const struct turn_finish *const *items, size_t n, int *ret_results, struct err *e) MUST_CHECK;

int turns_get(struct db_conn *c, atelier_id user_id, atelier_id id, struct arena *a, struct turn_record *ret,
	struct err *e) MUST_CHECK;

struct turn_log {
	atelier_id user_id, conversation_id;
	struct str data; /* in the arena; n 0: none was kept */
	size_t size;     /* uncompressed */
	int64_t last_seq;
};

/* What the model is given after all. */
int turns_set_prompt(struct db *db, atelier_id id, const char *prompt, struct err *e) MUST_CHECK;

/* What the model was given, as turns_begin had it, in the arena; NULL: not told. Asks for no owner: after turns_get. */
int turns_prompt(struct db_conn *c, atelier_id id, struct arena *a, const char **ret, struct err *e) MUST_CHECK;

/* Asks for no owner: after turns_get. */
int turns_log(struct db_conn *c, atelier_id id, struct arena *a, struct turn_log *ret, struct err *e) MUST_CHECK;

/* Asks for no owner. */
extern const struct rows_table turns_table;
ROWS_GET(turns_find, turns_table, struct turn_record)

/* Those that wait, of everybody, and for nobody: a stop came between the last decision and what follows it. */
int turns_ready(struct db_conn *c, atelier_id *ret, size_t most, size_t *ret_n, struct err *e) MUST_CHECK;

/* A turn that waits runs again, here, under its id: unless a person is still asked for one of its calls (`anyway`: even then).
 * *ret (in the arena) is what it is; E_CONFLICT: it does not wait, or waits on. `again`: after E_UNSURE, so that it may run
 * here already, for nobody. */
int turns_resume(struct db *db, atelier_id id, bool anyway, bool again, struct arena *a, struct turn_record *ret,
	struct err *e) MUST_CHECK;

/* All that are running, of everybody: at start these are the interrupted ones. */
int turns_running(struct db_conn *c, struct arena *a, struct turn_record_list *ret, struct err *e) MUST_CHECK;
/* Of one conversation, in the order of their comparison where there are several. Asks for no owner. */
int turns_running_in(struct db_conn *c, atelier_id conversation_id, atelier_id ret[COMPARED_MAX], size_t *ret_n,
	struct err *e) MUST_CHECK;

/* Removes the event logs of up to `limit` turns begun before that time (Unix ms) and behind *after, which moves on; what
 * messages say stays. *ret_n: how many turns were looked at; 0: no more. */
int turns_delete_logs(
	struct db *db, atelier_id *after, int64_t before, int64_t limit, int64_t *ret_n, struct err *e) MUST_CHECK;
