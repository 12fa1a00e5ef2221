/* turn_priv.h - what the files of this folder share. */
#pragma once

#include <pthread.h>

#include "base/json.h"
#include "base/magic.h"
#include "provider/parameters.h"
#include "store/collections.h"
#include "store/conversations.h"
#include "store/messages.h"
#include "store/summaries.h"
#include "store/turns.h"
#include "sys/cancel.h"
#include "sys/fault.h"
#include "sys/pool.h"
#include "turn/agents.h"
#include "turn/cited.h"
#include "turn/context.h"
#include "turn/finish.h"
#include "turn/journal.h"
#include "turn/output.h"
#include "turn/parts.h"
#include "turn/prompt_priv.h"
#include "turn/reduce.h"
#include "turn/rounds.h"
#include "turn/title.h"
#include "turn/turn.h"
#include "turn/turnlog.h"

struct source; /* rag/rag.h */

#define TURN_ARENA_BYTES (64u << 20)

/* ---- turns.c: the registry ---- */

struct turns {
	unsigned magic; /* TURNS_MAGIC */
#define TURNS_MAGIC 0x74757273u
	const struct settings *settings;
	struct loop *loop;
	struct db *db;
	struct providers *providers;
	struct turns_config config;
	struct journal *journal;
	struct turnlogs *logs;
	struct deadlines *deadlines;
	struct pool *threads, *title_threads, *recover_thread, *queue_threads, *call_threads;

	pthread_mutex_t mx;  /* guards what follows */
	pthread_cond_t gone; /* a turn has left; by the monotonic clock */
	struct turn *live;
	struct title *titles;
	struct going_on *going_on;  /* queues that go on (queue.c), */
	struct resuming *resuming;  /* and turns that do (resume.c) */
	struct question *questions; /* that wait in memory (questions.c), */
	struct live *asked_live;    /* and calls that do (live.c) */
	struct journal_files left;  /* by the last run */
	struct recovery *recovery;  /* NULL: the last run has left nothing */
	struct unsure *unsure;      /* that may have begun (unsure.c), */
	bool settles;               /* and a task is about to look at those */
	struct pool_task settle_task;
	unsigned n_running; /* of these, whose answer has not ended */
	bool stopping;
	struct cancel stop;     /* for waits between tries to store */
	int64_t store_retry_ms; /* the first such wait; each is twice as long */
};

/* Who tells the model what it is to do, in the order in which that stands. */
enum prompt_source { FROM_INSTANCE, FROM_MODEL, FROM_ASSISTANT, FROM_FOLDER, FROM_CONVERSATION, FROM_MEMORIES };

struct prompt_instruction {
	enum prompt_source source;
	const char *text;
};

/* One turn; owned by its thread once that runs. */
struct turn {
	unsigned magic; /* TURN_MAGIC */
#define TURN_MAGIC 0x7475726eu
	struct turns *all;
	struct turn *parent; /* of an agent that was called as a tool: whose call that is; NULL: none */
	struct agent agent;
	atelier_id user_id, key_id;
	struct turn_ids ids;
	const char *purpose;                     /* of the rows of usage */
	const char *model;                       /* arena; the resolved id */
	struct parameters parameters;            /* arena, as what follows */
	const char *left_out;                    /* of these, by name: what the provider does not take; NULL: nothing */
	struct prompt_instruction *instructions; /* arena, room for those of each layer */
	size_t n_instructions;
	int64_t window;               /* tokens that the model takes; 0: not known */
	struct context context;       /* what it is given */
	struct search_wish where;     /* the documents that are searched for it; arena */
	const char *comes_with;       /* collections of its assistant, as JSON; NULL: none */
	bool history, rewrites;       /* draws on earlier chats; writes a question anew that leans on its chat */
	const struct source *sources; /* what the model was given of them; arena */
	size_t n_sources;
	struct gen_beside beside;          /* pages that the model's provider cites: cited.c */
	struct cited cited;                /* of the root: the numbers of its sources; under all->mx while it answers */
	struct summary summary;            /* of it: what stands for the beginning; text NULL: nothing does */
	const char *wish;                  /* for tools: true, or names, as JSON; NULL: none */
	struct tool_list tools;            /* that it may have called; arena */
	const struct gen_tool *told_tools; /* the same for the model */
	size_t n_handed;                   /* behind these: tools of who asks, who is handed the calls of them */
	unsigned *fails;                   /* of each, in a row */
	const char *language, *time_zone;  /* of the person; NULL: not known */
	struct rounds rounds;
	enum turn_asking asking; /* an agent's is that of its root */

	struct arena arena;
	struct err err; /* the first failure, set where it happened */
	struct cancel cancel;
	struct gen_sink sink;
	struct turnlog *log; /* the loop's; NULL: it has no row of its own, and the events go to */
	struct output out;
	struct gen_sink *listener;    /* who listens to one that is not kept */
	const struct message *before; /* what the message was, when it is continued; NULL: it is a new one */
	uint64_t after;               /* what it had of this turn: events up to this number */
	const char *parts_now;        /* its parts behind the calls that it waited for; NULL: as they were */
	struct gen_request request;
	struct said said; /* its messages */
	int prepared;     /* whether `request` could be made: 0, or why not */
	bool continues;
	bool waited, waits; /* for a person: and goes on now; from now on */
	bool sees;          /* the model takes pictures, as far as is known */
	bool calls_tools;   /* the model can, as far as is known */
	bool writes_calls;  /* it cannot, and is told to write its calls as text (tool/text_calls.h) */
	bool toolless;      /* it was to have some, and cannot call any */
	bool summarises;    /* what the plan leaves out is to be summarised before the model is asked */
	bool storing;       /* its answer has ended and waits to be stored; under the lock of all */
	bool answered;      /* its answer has ended and gave up its place; under the lock of all */
	struct gen_result result;
	int64_t cost_micros; /* 0: nothing, or no price is known */

	struct pool_task task;
	struct turn *prev, *next;
};

static inline struct turn *turn_root(struct turn *t)
{
	while (t->parent)
		t = t->parent;
	return t;
}

struct turn *turn_new(struct turns *all, const struct turn_request *q);
void turn_free(struct turn *t);

/* A word in the answer, which stays (a notice), or while it is waited for (a status). Not on the loop thread. */
void turn_tell(struct turn *t, const char *code, const char *text);
void turn_tell_oldest(struct turn *t, const char *code, const char *text, int64_t messages); /* of so many messages */
void turn_tell_status(struct turn *t, const char *state, const char *text);

/* Frees its place among the running turns, before anybody sees its end. Turn thread. */
void turn_set_answered(struct turn *t);

/* Its answer has ended, and cannot be stored yet. */
void turn_set_storing(struct turn *t);

/* Takes the turn off the list of live ones and frees it. Turn thread, at its very end. */
void turn_leave(struct turn *t);

/* A place for a turn that waited; E_BUSY, E_RATE_LIMITED, E_STOPPING. */
int turn_admit_waiting(struct turns *all, const struct turn_request *q, struct turn **ret, struct err *e) MUST_CHECK;

/* Its log goes on behind these events, which are taken. Loop. */
void turn_reopen_log(struct turn *t, struct frames *take);

/* Until a place may be free; false: the program stops. */
bool turn_wait_place(struct turns *all);

/* ---- resume.c: turns that waited for a person ---- */

/* Whether it is about to go on, and whose it is. */
bool turn_is_resuming(struct turns *all, atelier_id turn_id, struct turnlog_of *ret);

/* ---- turn.c: the story ---- */

void turn_run(void *turn); /* on a turn thread */

/* The data of a turn's first event. */
void turn_start_json(const struct turn_ids *ids, const char *model, struct buf *json);

/* The sentence about parameters that the provider has no word for. */
void turn_left_out_text(const char *model, const char *left_out, struct buf *text);

/* The model answers, and again with the results of the tools that it calls, until it calls none. */
int turn_converse(struct turn *t) MUST_CHECK;
void turn_add_figures(struct gen_result *sum, const struct gen_result *r); /* tokens */

/* Waits before the next of `tries`; negative: the program stops. */
int turn_store_wait(struct turns *all, int tries) MUST_CHECK;

/* ---- recover.c: the turns that the last run has left ---- */

/* Finds them, so that they can be followed from now on, and has them stored on a thread of its own; the files of
 * all->left are theirs. Before the loop runs. */
int recovery_start(struct turns *all, struct err *e) MUST_CHECK;
void recovery_free(struct turns *all);

/* Those that wait for nobody any more go on: a stop, or a lost connection, came between the last decision and that. */
void turns_go_on_ready(struct turns *all);

/* Whether the conversation has one that is not stored yet; with the lock of all held. */
bool recovery_waits(const struct turns *all, atelier_id conversation_id);

/* ---- unsure.c: turns of this run that may have begun ---- */

/* Those whose beginning ended as E_UNSURE: what is there of them is ended as interrupted, once the database can be asked. */
void unsure_settle(struct turns *all, const struct turn_begun *begun, size_t n);
void unsure_free(struct turns *all);
