/* gateway_priv.h - what the files of the gateway's core share: the calls at work, and the way of an answer to its client. */
#pragma once

#include "api/gateway/gateway.h"
#include "base/magic.h"
#include "sys/loop.h"
#include "turn/once.h"

struct responses_kept; /* responses_kept.c; any thread */
struct responses_kept *responses_kept_new(void);
void responses_kept_free(struct responses_kept *all);

enum { GATEWAY_USERS = 1024, GATEWAY_GIVEN_UP = 64 };

/* A call that was given up before it had its name: both may wait for a thread, and the word may come first. */
struct gw_given_up {
	atelier_id user_id;
	uint64_t name;
	int64_t at_ms; /* 0: a free place */
};

struct gateway {
	unsigned magic; /* GATEWAY_MAGIC */
#define GATEWAY_MAGIC 0x67616579u
	struct api *api;
	struct responses_kept *kept;
	struct pool *threads;
	int live;                   /* atomic: requests submitted and not left */
	int of_user[GATEWAY_USERS]; /* atomic: of those whose ids hash to the place, known and not left */

	pthread_mutex_t given_up_mx;
	struct gw_given_up given_up[GATEWAY_GIVEN_UP];

	/* of the loop's thread */
	struct loop_hook *flush; /* once for all pieces of a turn of the loop */
	struct loop_timer *sweep;
	struct gw_flow *flows, *dirty;
	bool stopping;
};

/*
 * Where an answer is on its way. stream.c has the table of the legal moves; nothing else writes the state.
 *
 *	READING ──gw_flow_ask──> ASKED ──first bytes──> BEGUN ──gw_flow_finish──> ENDED
 *	   │                       │                      │  the client is gone     │ all is sent, or
 *	   └────gw_flow_finish─────┤                      │                         │ the client is gone
 *	                           v                      v                         v
 *	                         LEFT ──answered──────────┴─────────────────────────┴──────────────────> GONE
 *
 * READING: the request is being read, which may fetch pictures for minutes; the shape is not ready, so nothing is said,
 * no heartbeat either. ASKED: the model is asked; pieces and heartbeats may begin the stream. LEFT: none had begun, the
 * call is gone, and the dispatcher answers the exchange, as a whole or with an error. BEGUN: the status is sent, the
 * exchange is gone, the stream takes its place. ENDED: the call is gone, too; the client takes what is left.
 */
enum flow_state { FLOW_READING, FLOW_ASKED, FLOW_LEFT, FLOW_BEGUN, FLOW_ENDED, FLOW_GONE, FLOW_STATES };

/* What is to be known of an answer's texts at its end, also where they are not kept. */
#define SAID_BYTES 65536
struct gw_said {
	size_t n_bytes; /* of text, reasoning and arguments, for an estimate of tokens */
	bool thought, answered;
	bool pictures, sound;
	struct buf text; /* its beginning, where there are tools */
};

/* The way of one answer to its client. Belongs to the loop's thread; it outlives the call while the client still reads. */
struct gw_flow {
	unsigned magic; /* FLOW_MAGIC */
#define FLOW_MAGIC 0x666c6f77u
	struct gateway *g;
	_Atomic(enum flow_state) state; /* moved to ASKED and to LEFT by the call's thread, else on the loop */
	struct gw_call *c;              /* gone from LEFT and from ENDED on */
	struct http_exchange *x;        /* NULL from BEGUN on */
	struct http_stream *stream;     /* NULL: not begun, or the client has left */
	struct gen_sink sink;
	struct cancel cancel; /* of the call; here, since it may be fired when that has gone */
	struct auth_identity who;
	_Atomic(uint64_t) name; /* of gw_name */
	struct loop_task open;
	void (*heartbeat)(struct gw_call *c, struct buf *out); /* NULL: none */
	_Atomic(int64_t) place; /* in the provider's queue, from 1, as heartbeats tell it; 0: it does not wait there */
	struct buf out;         /* what the client has not taken yet */
	int64_t since_ms;       /* when something was last written; 0: since the last sweep */
	struct gw_said said;
	bool stalled, is_dirty;
	struct gw_flow *prev, *next, *next_dirty;
};

/* stream.c; gateway thread unless said */
void gw_flow_open(struct gw_call *c);
/* c->req and c->shape are ready: from now on the format is called. */
void gw_flow_ask(struct gw_call *c);
struct gen_sink *gw_flow_sink(struct gw_call *c);
/* As `items` of gen_logprobs and gen_beside. */
int gw_flow_logprobs(void *call, bool on_loop, const char *items, size_t n);
int gw_flow_beside(void *call, bool on_loop, enum gen_beside_kind kind, const char *items, size_t n);
/* One of several answers has ended, and the next one will come. */
int gw_flow_next(struct gw_call *c) MUST_CHECK;
/* The call has ended: closes the answer's stream with its end or (e not NULL) error. False: no stream had begun, and the
 * exchange is still to be answered; with `answers`, one is begun then. */
bool gw_flow_finish(struct gw_call *c, const struct err *e, bool answers);
void gw_flow_sweep(void *gateway);        /* loop: once a second */
void gw_flow_flush_all(void *gateway);    /* loop: the hook */
void gw_flow_stop(struct gateway *g);     /* cancels all calls */
void gw_flow_drop_all(struct gateway *g); /* ends the streams of calls that have ended */

/* ---- activity.c: an assistant with tools ---- */

#define GW_ROUND_CALLS 128

/* A call of the round that is on. */
struct gw_slot {
	int told;                     /* its number among those of the program; -1: it is none of these */
	struct gw_activity *activity; /* NULL: none */
};

struct gw_acting {
	struct turn_request asked; /* who asks whom */
	struct gw_activity *first, **end;
	struct gw_activity *now; /* that the event is about */
	size_t n;
	int n_told;              /* calls of the program's own tools */
	bool called;             /* and nothing was said since */
	bool spoke;              /* before it called */
	int64_t chars, round_at; /* of all that was said, and where the model began to speak now */
	struct gw_slot slots[GW_ROUND_CALLS];
	struct buf piece;
};

struct gw_piece {
	struct gw_flow *f;
	int type; /* an event's, or */
#define PIECE_LOGPROBS  (-1)
#define PIECE_BESIDE(k) (-2 - (int)(k)) /* of a kind */
	const char *json;
	size_t n;
};

/* Loop. 1: the piece, as it is now, is the answer's; 0: nobody is told of it. */
int gw_acting_take(struct gw_call *c, struct gw_piece *p) MUST_CHECK;
/* As call_generate, for c->req. */
int gw_act(struct gw_call *c) MUST_CHECK;
void gw_acting_done(struct gw_acting *x);

/* assistants.c; gateway thread */
/* Whether a name is one of an assistant, not of a model that happens to be called so. */
bool gw_names_assistant(struct request *q, const char *name);
/* Sets c->req.model and c->assistant by c->model. */
int gw_choose_assistant(struct gw_call *c) MUST_CHECK;

/* extras.c; gateway thread */
void gw_tell_ignored(const struct gw_call *c); /* the headers: what has no effect, and what counts as something else */
/* The answer has ended: what the provider turned out not to take is told, too. */
void gw_tell_lost(struct gw_call *c);
/* Whether the provider ended the answer by a word of its own, which nobody here knows. */
bool gw_ends_oddly(const struct gw_call *c);
/* The answer has ended: sets c->notice when the model did something else than it was asked. */
void gw_notice(struct gw_call *c, const struct gw_said *said);
/* Pictures of tools' results, where the model takes none from tools: into a message of the user behind them, or, for a
 * model that sees nothing, a text in their place. */
int gw_settle_pictures(struct gw_call *c) MUST_CHECK;
/* What a program took for the text of an earlier answer, and is a model's reasoning, is that. */
int gw_part_thoughts(struct gw_call *c) MUST_CHECK;
