/*
 * job.h - work that goes on behind requests and over restarts: pulling a model. A job is a row (store/jobs.h), and an object
 * here while it runs or somebody watches it. What kinds there are, and what each does, is the table in kinds.c.
 *
 *	queued -> running -> complete | failed | canceled
 *	   ^---------'  after a passing failure, and when the program stops or dies
 *
 * Each kind is a lane: so many of its jobs run at a time, in all processes together, and the people whose jobs wait take
 * turns. However many wait, they cost no memory here.
 */
#pragma once

#include "base/id.h"
#include "base/schema.h"
#include "base/settings.h"
#include "db/db.h"
#include "http/server.h"
#include "provider/provider.h"
#include "store/jobs.h"
#include "sys/bus.h"

struct rag;
struct jobs; /* any thread but, where it says so, the loop's */
struct job_kind;

struct jobs_config { /* all borrowed for the life of the jobs */
	const struct settings *settings;
	struct loop *loop;
	struct db *db;
	struct providers *providers;
	struct rag *rag;              /* NULL: documents are not read */
	struct bus *bus;              /* told of jobs that start and end; NULL: nobody listens */
	const struct job_kind *kinds; /* NULL: those of the program */
	size_t n_kinds;
	void *arg;        /* for kinds of a test */
	int64_t lease_ms; /* 0: the usual one */
};

int jobs_new(const struct jobs_config *c, struct jobs **ret, struct err *e) MUST_CHECK;

/* From here on jobs are taken from the queue, those first that the last run left. Not on the loop thread. */
int jobs_start(struct jobs *js, struct err *e) MUST_CHECK;

/* Ends what runs, quickly, and puts it back into the queue; lets go of all watchers. Needs the loop to run; not on its
 * thread. */
void jobs_stop(struct jobs *js);
void jobs_free(struct jobs *js); /* stopped ones; NULL is fine */

/* Whether a server that was heard of last at `seen_at` is away. Any thread. */
bool jobs_miss_server(const struct jobs *js, int64_t seen_at);

/* ---- a job as it is shown ---- */

struct job_error {
	const char *code, *message;
};

struct job_view {
	atelier_id id, user_id;
	const char *user; /* name; NULL: gone */
	const char *kind, *title, *state;
	const char *progress; /* JSON; NULL: none yet */
	struct job_error error;
	bool has_error;
	int64_t created_at, ended_at; /* 0: not yet */
	int64_t tries;                /* begun so often since somebody asked */
	int64_t retry_at;             /* of one that failed for now: when it is tried again; 0: it is not so */
	bool server_away;             /* it waits for the one server that can do it, of which nothing is heard */
};
extern const struct schema job_schema; /* of struct job_view; also each event's data */

/* Whether only administrators may begin and retry jobs of this kind. */
bool job_kind_is_for_admins(const struct jobs *js, const char *kind);

/* ---- doing; none of it on the loop thread; views are in the arena; user_id 0: whoever's it is ---- */

/* Begins a job. When one of the same kind and params is queued or running already, that one is returned. E_BUSY: too many of
 * this user's wait. */
int job_begin(struct jobs *js, atelier_id user_id, const char *kind, const char *title, const char *params,
	struct arena *a, struct job_view *ret, struct err *e) MUST_CHECK;
int job_get(struct jobs *js, atelier_id user_id, atelier_id id, struct arena *a, struct job_view *ret,
	struct err *e) MUST_CHECK;

struct job_list {
	struct job_view *items;
	size_t n;
	bool more;
};
int job_list(struct jobs *js, const struct job_filter *f, struct arena *a, struct job_list *ret,
	struct err *e) MUST_CHECK; /* newest first */

/* Something waits in the queue that was put there by the store: the keeper sees it soon. */
void jobs_notify(struct jobs *js);

/* Stops it; one that has ended is no error. The view may still say `running`. */
int job_cancel(struct jobs *js, atelier_id user_id, atelier_id id, struct arena *a, struct job_view *ret,
	struct err *e) MUST_CHECK;

/* Goes on with a failed or canceled one, or at once with one that waits for its next try; one that runs is no error;
 * E_CONFLICT for a complete one. */
int job_retry(struct jobs *js, atelier_id user_id, atelier_id id, struct arena *a, struct job_view *ret,
	struct err *e) MUST_CHECK;

/* Forgets one that has ended; E_CONFLICT for another. */
int job_delete(struct jobs *js, atelier_id user_id, atelier_id id, struct err *e) MUST_CHECK;

/* By what right somebody watches a job. */
struct job_right {
	atelier_id user_id, id; /* who, and the session or API key it is done with */
	int64_t expires_at;     /* Unix ms: when that ends by itself, and the stream with it; 0: never */
};

/* Begins the job's event stream there, whose texts last: its view at once, then whenever it has changed, at most five times
 * a second; ends after the last state. Fails only before it has taken the exchange. */
int job_follow(struct jobs *js, atelier_id user_id, atelier_id id, const struct job_right *by,
	const struct http_place *at, struct err *e) MUST_CHECK;

/* Ends the streams of whom this fits; 0: any. Any thread, does not wait. */
void jobs_end_watchers(struct jobs *js, atelier_id user_id, atelier_id right_id);
