/*
 * turnlog.h - the numbered, append-only events of the turns, and who reads them. A reader is a place in a log, so that
 * replaying is sending. Owned by the loop's thread.
 *
 *	append -> (end of the loop turn) one seal of the sink for all logs -> each reader sends from its place
 *
 * An event is shown only once the sink (the journal) has it; what could not be written there is taken back. A log's life:
 *
 *	open -> append ... -> close -> (hold, while the database cannot store it) -> end
 */
#pragma once

#include "base/id.h"
#include "http/server.h"
#include "sys/loop.h"
#include "turn/frames.h"
#include "turn/turnlog_sink.h"

struct turnlogs; /* all live logs of the program */
struct turnlog;

int turnlogs_new(struct loop *l, struct turnlog_sink *sink, int64_t heartbeat_ms, int64_t stall_ms,
	struct turnlogs **ret) MUST_CHECK;
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
	bool spare_keys; /* those who follow with an API key go on */
};

/* Whose log it is. */
struct turnlog_of {
	atelier_id turn_id, user_id, conversation_id;
};

/* ---- loop thread only, all of them ---- */

/* Called with an error code when events could not be made durable or the log is full; ends the turn. */
typedef void (*turnlog_fail_fn)(void *arg, int code);

struct turnlog *turnlog_open(
	struct turnlogs *ls, const struct turnlog_of *of, size_t max_bytes, turnlog_fail_fn fail, void *arg);

/* The empty log of a turn of the last run, which readers wait for: turnlog_fill() brings what it had. */
struct turnlog *turnlog_open_lost(struct turnlogs *ls, const struct turnlog_of *of);
void turnlog_fill(struct turnlog *l, struct frames *take); /* ends it, too */

struct turnlog *turnlog_find(struct turnlogs *ls, atelier_id turn_id); /* NULL: not here */

/* The number given to the event, or negative: E_TOO_LARGE, or the failure the log already has. */
int64_t turnlog_append(struct turnlog *l, enum event_type type, const char *json, size_t n);

/* The log of a turn that is about to go on: one that is written, or an empty one which readers wait for. turnlog_open() makes it
 * what it is to be; when the turn does not go on after all, turnlog_unexpect() does with what it had. */
struct turnlog *turnlog_expect(struct turnlogs *ls, const struct turnlog_of *of);
bool turnlog_is_expected(struct turnlogs *ls, atelier_id turn_id);
void turnlog_unexpect(struct turnlogs *ls, atelier_id turn_id, struct frames *take); /* where there is such a one */

/* Of one that was just opened: it goes on behind these (taken), which were kept and shown before. */
void turnlog_restore(struct turnlog *l, struct frames *take);

/* All events so far, for any thread, as long as none is appended. */
const struct frames *turnlog_frames(struct turnlog *l);

/* No event comes behind the present ones but those of the end; what could not be written has been taken back, and
 * nobody is told of failures any more. The frames stay as they are until one of the following, for any thread. */
const struct frames *turnlog_close(struct turnlog *l);

/* Its memory that each event uses. Any thread. */
struct str turnlog_touched(const struct turnlog *l);

/* Whether somebody follows it now. */
bool turnlog_is_followed(const struct turnlog *l);

/* The database cannot store the log yet. `rest` (taken) is the rest of the log: a status event that says so, which
 * readers get, and the events of the end, which they do not get before turnlog_end(); the journal has all of it, where
 * it can be written. */
void turnlog_hold(struct turnlog *l, struct frames *rest);

/* The same of a turn that failed since its events cannot be kept: `rest` (taken) says so. Its readers get it, and end,
 * whether the journal takes it or not: it promises nothing. */
void turnlog_give_up(struct turnlog *l, struct frames *rest);

/* The database has all of the log and of `closing` (taken; NULL: it is held already): shown now, and the end of every
 * reader. Drops the log's part of the journal; the log goes with its last reader. */
void turnlog_end(struct turnlog *l, struct frames *closing);

/* Readers of a closed log end where they are, since not even a word about the wait can be said. The log stays: who comes
 * back goes on from there. */
void turnlog_let_go(struct turnlog *l);

/* Readers end where they are: the program stops before it could be stored, and the journal keeps it; or it is `stored`,
 * but not as it would be shown. */
void turnlog_abandon(struct turnlog *l, bool stored);

/* Ends all turns that are being written, with `code`: what was shown of them may not be on the disk. */
void turnlogs_fail(struct turnlogs *ls, int code);

/* Streams the frames behind number `after` there, and follows. Takes the exchange, if it is one. */
void turnlog_follow(struct turnlog *l, uint64_t after, const struct follower *who, const struct http_place *at);

/* The same for a finished turn, whose frames are taken. Readers of one turn share them. False, and nothing is taken,
 * when readers of too many long ones are here already. */
bool turnlogs_replay(struct turnlogs *ls, const struct turnlog_of *of, struct frames *take, uint64_t after,
	const struct follower *who, const struct http_place *at);

/* Ends the streams that match. */
void turnlogs_end_followers(struct turnlogs *ls, const struct follower_match *m);
