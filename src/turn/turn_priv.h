/* turn_priv.h - what the files of this folder share. */
#pragma once

#include <pthread.h>

#include "base/json.h"
#include "store/messages.h"
#include "store/turns.h"
#include "sys/cancel.h"
#include "sys/pool.h"
#include "turn/journal.h"
#include "turn/turn.h"
#include "turn/turnlog.h"

#define TURN_ARENA_BYTES (64u << 20)
#define TITLE_MAX        80 /* bytes */

/* ---- journal_read.c ---- */

struct journal_files {
	int64_t *numbers; /* rising; freed by the caller */
	size_t n;
};
int journal_list_files(const char *dir, struct journal_files *ret, struct err *e) MUST_CHECK;

/* ---- turns.c: the registry ---- */

struct turns {
	const struct settings *settings;
	struct loop *loop;
	struct db *db;
	struct providers *providers;
	struct turns_config config;
	struct journal *journal;
	struct turnlogs *logs;
	struct pool *threads, *title_threads;

	pthread_mutex_t mx; /* guards what follows */
	struct turn *live;
	struct title *titles;
	unsigned n_running; /* of these, whose answer has not ended */
	bool stopping;
	struct cancel stop; /* for waits between tries to store */
};

/* One turn; owned by its thread once that runs. */
struct turn {
	struct turns *all;
	atelier_id user_id, key_id;
	struct turn_begun ids;
	bool continues;
	const char *model;    /* arena; the resolved id */
	const char *question; /* arena; NULL when it continues */

	struct arena arena;
	struct err err; /* the first failure, set where it happened */
	struct cancel cancel;
	struct gen_sink sink;
	struct turnlog *log;                       /* the loop's */
	const char *base_content, *base_reasoning; /* what the message held before, when it is continued */
	struct gen_request request;
	struct gen_result result;
	int64_t cost_micros; /* 0: nothing, or no price is known */
	bool answered;       /* its answer has ended and gave up its place; under the lock of all */

	struct pool_task task;
	struct turn *prev, *next;
};

void turn_free(struct turn *t);

/* Frees its place among the running turns, before anybody sees its end. Turn thread. */
void turn_set_answered(struct turn *t);

/* Takes the turn off the list of live ones and frees it. Turn thread, at its very end. */
void turn_leave(struct turn *t);

/* Tells who watches the user's conversations. */
struct turn_news {
	atelier_id user_id, conversation_id, turn_id;
	const char *kind, *what;
};
void turns_tell(const struct turns *all, const struct turn_news *n);

/* ---- turn.c: the story ---- */

void turn_run(void *turn); /* on a turn thread */

/* The data of the turn's first event. */
void turn_start_json(const struct turn *t, struct buf *json);

/* ---- prompt.c ---- */

int prompt_build(struct turn *t) MUST_CHECK;

/* ---- title.c ---- */

/* The beginning of a question as a title, at most TITLE_MAX bytes; in the arena. */
const char *title_plain(const char *question, struct arena *a);

/* A conversation that is to be named: what is needed of its turn, which is gone by then. */
struct title {
	struct turns *all;
	atelier_id user_id, key_id, conversation_id, turn_id, message_id;
	const char *question, *model; /* in the arena */
	struct arena arena;
	struct cancel cancel;
	struct pool_task task;
	struct title *prev, *next; /* of those that are waited for or asked */
};

/* Asks the model for one. A failure leaves the plain title. */
void title_ask(struct title *t);

/* Has an ended turn's conversation named, soon, on a thread for titles: nobody waits for that, and where many wait to
 * be named already the plain title stays. */
void title_begin(const struct turn *t);
void titles_stop(struct turns *all);

/* ---- reduce.c: a log becomes a message ---- */

struct reduced {
	struct buf text, reasoning;
	struct buf citations; /* JSON array, or empty */
	char state[16];       /* of a done event; "" without one */
	char error_code[40];  /* "" without an error event */
	char error_text[512];
	char finish_reason[24];
	int64_t tokens_in, tokens_out, first_token_ms, duration_ms; /* of a usage event; else 0 */
	bool tokens_exact;
	uint64_t last_seq;
};

int reduce_log(struct str frames, struct reduced *ret, struct err *e) MUST_CHECK;
void reduced_done(struct reduced *r);

/* The closing frames of a turn, numbered behind `last_seq`: usage (when `result`), error (when `code` < 0), done. */
struct closing {
	const char *state;
	atelier_id message_id;
	const struct gen_result *result; /* NULL: no usage is said */
	const char *asked;               /* the model asked for: one that answered in its place is named; may be NULL */
	int64_t cost_micros;             /* 0: not said */
	int64_t est_in, est_out;         /* used where the provider reported nothing */
	int error;                       /* 0, or an error code */
	const char *error_text;
};
void closing_frames(const struct closing *c, uint64_t *last_seq, struct buf *b);

/* ---- pack.c: logs in the database are deflated ---- */

int log_pack(struct str log, struct buf *ret) MUST_CHECK;
int log_unpack(struct str packed, size_t size, struct buf *ret) MUST_CHECK;

/* ---- finish.c: storing an ended turn ---- */

/* Stores the message, the state and the log of a turn from the bytes of its log. E_CONFLICT, E_NOT_FOUND: it has ended
 * or is gone already, which is fine. */
struct finish {
	atelier_id turn_id;
	const char *base_content, *base_reasoning;
	struct str log; /* with the closing frames */
};
int turn_store(struct db *db, const struct finish *f, struct err *e) MUST_CHECK;

/* ---- recover.c ---- */

int turns_recover(struct db *db, const char *journal_dir, struct err *e) MUST_CHECK;
