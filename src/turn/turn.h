/*
 * turn.h - turns: beginning one, finding a live one, stopping it, and what a restart does with those that were cut off.
 */
#pragma once

#include "base/id.h"
#include "base/json.h"
#include "base/settings.h"
#include "call/call.h"
#include "db/db.h"
#include "http/server.h"
#include "provider/provider.h"
#include "store/turn_calls.h"
#include "store/turns.h"
#include "sys/bus.h"
#include "turn/context.h"
#include "turn/turnlog.h"

struct rag;
struct tools;
struct turns; /* all live turns and their logs; any thread unless said otherwise */

struct turns_config {
	const struct settings *settings;
	struct loop *loop;
	struct db *db;
	struct providers *providers;
	struct calls *calls;
	struct rag *rag;     /* NULL: nothing is retrieved */
	struct tools *tools; /* NULL: there are none */
	const char *journal_dir;
	struct bus *bus;               /* told of turns that start and end, and of titles; NULL: nobody listens */
	int64_t keeps_journal_until_s; /* what was written until then stays, under another name: the database may have lost it */
};

/* Reads the journal of the last run first: turns that were cut off become `interrupted`, with all that was shown. */
int turns_new(const struct turns_config *c, struct turns **ret, struct err *e) MUST_CHECK;

/* Stops taking turns, cancels those running with E_STOPPING and waits for them. Needs the loop to run. */
void turns_stop(struct turns *t);
void turns_free(struct turns *t);

struct turn_request {
	atelier_id user_id, conversation_id;
	atelier_id key_id; /* of the API key that asks; 0: none */
	enum turn_place
		place; /* and `at`: as of struct turn_begin; TURN_GO_ON: with the last answer of the branch, whatever `at` is */
	atelier_id at;
	atelier_id queued_id;          /* the question waited as this one (store/queued.h); 0: it did not */
	const char *content;           /* NULL for TURN_REGENERATE and TURN_GO_ON; may be "" with attachments */
	const atelier_id *attachments; /* pictures of the question, at most IMAGES_MAX */
	size_t n_attachments;
	const atelier_id *collections, *documents; /* that are searched for the question */
	size_t n_collections, n_documents;
	const char *model;         /* NULL: the assistant's, else the conversation's, else the default */
	const char *const *models; /* in its place several, each of which answers; n_models 0: the one */
	size_t n_models;           /* else 2 to COMPARED_MAX */
	atelier_id assistant_id;   /* for this turn; 0: the conversation's */
	const char *parameters;    /* for this turn, as of provider/parameters.h; NULL: none */
	const char
		*tools; /* that may be used: true or names, as JSON; NULL: as the assistant or the conversation says */
	const char *language;     /* that the person speaks; NULL: not known */
	const char *time_zone;    /* where the person is, as IANA names it; NULL: not known */
	const char *instructions; /* of a request without a conversation (once.h), behind all others; NULL: none */
	/* Who follows the answer of one model from its first event on, and where: the exchange is taken as it begins. NULL:
	 * nobody yet. */
	const struct follower *reader;
	const struct http_place *reads_at;
};

struct turn_ids {
	atelier_id turn_id, conversation_id, user_message_id, message_id;
};

struct turn_asked {
	struct turn_ids ids[COMPARED_MAX]; /* of the answers that have begun, by model */
	size_t n;                          /* 0: the question waits */
	atelier_id queued_id;              /* as this one; 0: it has begun */
};

/*
 * Stores the user's message and starts the turns, all or none; failures are those of turns_begin. Admission: E_BUSY above
 * max_turns, E_RATE_LIMITED above the user's own limit; E_CONFLICT while the conversation has a running turn. Not on the loop thread.
 */
int turn_start(struct turns *t, const struct turn_request *q, struct turn_asked *ret, struct err *e) MUST_CHECK;

/* What to do while an answer is being written in the conversation, in place of turn_start's E_CONFLICT. */
enum turn_when {
	TURN_IN_QUEUE,  /* the question waits (store/queued.h) until that one is complete */
	TURN_STOP_FIRST /* that one is stopped first; E_BUSY when it takes too long to end */
};

/* What is asked with one that waited, borrowed from it. */
struct queued;
struct turn_request turn_of_queued(const struct queued *row);

/* turn_start, where an answer may be being written: what `when` says. Not on the loop thread. */
int turn_ask_meanwhile(struct turns *t, const struct turn_request *q, enum turn_when when, struct turn_asked *ret,
	struct err *e) MUST_CHECK;

/* Has what waits in the conversation asked, if anything keeps it from that no more: an answer was kept. Not on the loop thread. */
void turn_queue_go_on(struct turns *t, atelier_id user_id, atelier_id conversation_id);

/* What would be sent now, of a question that may be empty; texts in the arena. Asks no provider. E_NOT_FOUND, E_MODEL_UNKNOWN,
 * E_MODEL_CANNOT. */
int turn_preview(
	struct turns *t, const struct turn_request *q, struct arena *a, struct context *ret, struct err *e) MUST_CHECK;

/* The model that the turn would ask for; NULL: the default. */
int turn_wanted_model(
	struct db *db, const struct turn_request *q, struct arena *a, const char **ret_model, struct err *e) MUST_CHECK;

/* A call of a tool, of a turn that the caller may read; in the arena. */
struct turn_call_text {
	const char *part; /* as its message has it, JSON */
	const char *text; /* all that it came to, also where `part` has it cut; NULL: nothing yet */
};
int turn_call_read(struct turns *t, const struct turn_record *turn, const char *call_id, struct arena *a,
	struct turn_call_text *ret, struct err *e) MUST_CHECK;

/* A person's decision of a call; when none is left to decide the turn goes on, soon. As turn_calls_decide. */
int turn_decide(struct turns *t, struct call_decision *d, struct arena *a, struct err *e) MUST_CHECK;

/* A person's answer to what a running tool asks: once, by the owner. E_NOT_FOUND, E_CONFLICT, E_INVALID with the field. */
struct question_answer {
	atelier_id user_id, turn_id;
	const char *id, *action; /* accept, decline, cancel */
	json_t *content;         /* of accept; changed as tool_form_check does */
};
int turn_answer(struct turns *t, const struct question_answer *a, struct err *e) MUST_CHECK;

/* A turn that waits goes on, soon, when nothing of it is left to decide; `stop`: it ends, whatever is. Who follows it from now on
 * gets that. `of`: only the turn, where nobody is told that it goes on. */
void turn_resume(struct turns *t, const struct turnlog_of *of, bool stop);

/* Calls that were not decided in time are told to be so, and their turns go on. *ret_n: of how many turns. */
int turns_expire(struct turns *t, int64_t now, int64_t *ret_n, struct err *e) MUST_CHECK;

/* True when it was running and is told to stop. Rights are the caller's to check. */
bool turn_cancel(struct turns *t, atelier_id turn_id, int reason);
/* Ends one call of a tool, or of an agent with all that it has begun; its model is told so. False: it does not run. */
bool turn_stop_call(struct turns *t, atelier_id turn_id, const char *call_id);
/* Stops what is being written in the conversation and waits until it has stored what it has and left; false when that took
 * longer. Rights are the caller's to check. Not on the loop thread. */
bool turns_end_conversation(struct turns *t, atelier_id conversation_id, int64_t wait_ms);

/*
 * Streams the turn's events after number `after`: those of the log so far and then live, or all of a finished turn's from
 * the database. Rights are the caller's to check; the stream ends when `who` loses what it follows by. Takes the exchange
 * on success, and also on failure of the client; on other failures it stays the caller's. Worker thread.
 */
int turn_follow(struct turns *t, atelier_id turn_id, uint64_t after, const struct follower *who,
	const struct http_place *at, struct err *e) MUST_CHECK;

/* Ends the streams of turns that match, regularly, at the next turn of the loop; what is opened later is not touched,
 * so the right is to be taken away before. Any thread. */
void turns_end_followers(struct turns *t, const struct follower_match *m);

unsigned turns_live(struct turns *t);

/* The journal's state for health: bytes waiting to be stored, whether its last write failed. */
struct journal_state {
	int64_t bytes, segments;
	int error; /* 0, or why it cannot be written */
};
void turns_journal_state(struct turns *t, struct journal_state *ret);

/* Ends the turns that are being written, with E_STORAGE: nothing that they show is kept any more. Any thread. */
void turns_end_unkept(struct turns *all);
