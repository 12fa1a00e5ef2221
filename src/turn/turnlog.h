/*
 * turnlog.h - the numbered, append-only events of one turn, kept as the very bytes readers receive (SSE frames), so
 * that a reader is a place in the log and replaying is sending. Owned by the loop's thread.
 *
 *	append -> (end of the loop turn) one journal write for all logs -> each reader sends from its place
 *
 * An event is shown only once it is in the journal; what could not be written there is taken back.
 */
#pragma once

#include "base/event.h"
#include "base/id.h"
#include "http/server.h"
#include "sys/loop.h"

struct journal;
struct turnlogs; /* all live logs of the program */
struct turnlog;

int turnlogs_new(
	struct loop *l, struct journal *j, int64_t heartbeat_ms, int64_t stall_ms, struct turnlogs **ret) MUST_CHECK;
void turnlogs_free(struct turnlogs *ls);

/* By what right somebody follows a turn. */
struct follower {
	atelier_id session_id, key_id; /* 0: not by one */
	int64_t expires_at;            /* Unix ms: when that right ends by itself, and the stream with it; 0: never */
};

/* Which streams: those for which every field that is not 0 is so. `other_than_session`: all but that session's. */
struct follower_match {
	atelier_id user_id, conversation_id; /* of the turn */
	atelier_id session_id, key_id;       /* of the follower */
	atelier_id other_than_session;
};

/* ---- loop thread only, all of them ---- */

/* Called with an error code when events could not be made durable or the log is full; ends the turn. */
typedef void (*turnlog_fail_fn)(void *arg, int code);

/* Whose log it is. */
struct turnlog_of {
	atelier_id turn_id, user_id, conversation_id;
};

struct turnlog *turnlog_open(
	struct turnlogs *ls, const struct turnlog_of *of, size_t max_bytes, turnlog_fail_fn fail, void *arg);
struct turnlog *turnlog_find(struct turnlogs *ls, atelier_id turn_id); /* live ones; NULL */

/* The number given to the event, or negative: E_TOO_LARGE, or the failure the log already has. */
int64_t turnlog_append(struct turnlog *l, enum event_type type, const char *json, size_t n);

/* From now on nobody is told of failures: its turn writes nothing more, and may be gone. */
void turnlog_detach(struct turnlog *l);

/*
 * Seals the log: no event comes behind these closing frames, which the caller has numbered from turnlog_last_seq() + 1.
 * `stored`: the database has the whole log with them already; else they go through the journal, and are shown even when
 * that fails. Readers end once they have everything. The log stays to be found until turnlog_release(), which drops its
 * part of the journal when `stored` and frees it with its last reader.
 */
void turnlog_seal(struct turnlog *l, const char *frames, size_t n, bool stored);
void turnlog_release(struct turnlog *l, bool stored);

uint64_t turnlog_last_seq(const struct turnlog *l);
struct str turnlog_bytes(const struct turnlog *l); /* valid until the next append */

/* Answers the exchange with the frames behind number `after`, and follows. Takes the exchange. */
void turnlog_follow(struct turnlog *l, uint64_t after, const struct follower *who, struct http_exchange *x);

/* The same for the bytes of a finished turn; takes `bytes`. */
void turnlogs_replay(struct turnlogs *ls, const struct turnlog_of *of, struct buf *bytes, uint64_t after,
	const struct follower *who, struct http_exchange *x);

/* Ends the streams that match. */
void turnlogs_end_followers(struct turnlogs *ls, const struct follower_match *m);
