/*
 * jobs.h - work that goes on behind requests: a queue in the database, from which processes take jobs.
 *
 *	queued -> running -> complete | failed | canceled
 *	   ^---------'  put off until `due_at`, given back by who stops, or taken from who died
 *
 * Who takes a job has it until `lease_until`, and renews that while it works. `claim` is new each time one is taken: what an
 * earlier holder still writes finds its claim gone and changes nothing. All of it is right for any number of processes.
 */
#pragma once

#include "store/rows.h"

#define JOB_PARAMS_MAX 2000 /* bytes: kind and params are the key by which the same job is found */

struct job_row {
	atelier_id id;
	atelier_id user_id;
	const char *user; /* its name; NULL: gone */
	const char *kind;
	const char *state; /* queued, running, complete, failed, canceled */
	const char *title;
	const char *params;                  /* JSON, by kind */
	const char *progress;                /* JSON; NULL: none yet */
	const char *error_code, *error_text; /* of the last try; NULL: none */
	int64_t created_at;
	int64_t ended_at; /* 0: not yet */
	int64_t due_at;   /* of a queued one: not before */
	int64_t tries;    /* how often it was taken since somebody asked for it */
	atelier_id claim; /* of who took it last */
	bool stop;        /* somebody wants it to end */
	int64_t node;     /* the one server that can do it; 0: any */
	int64_t seen_at;  /* when that was last heard of; 0: never */
};

struct job_rows PAGE_OF(struct job_row);

struct job_new {
	atelier_id user_id;
	const char *kind, *title, *params;
};

/* Stores it as queued. E_CONFLICT: one of this kind with these params is open; E_BUSY: too many of this user's wait. */
#define JOBS_WAITING_MAX 20000 /* of a user and kind */
int jobs_create(struct db *db, const struct job_new *in, atelier_id *ret_id, struct err *e) MUST_CHECK;
/* The same inside a db_write, whose caller says what E_CONFLICT means. */
int jobs_create_in(struct db_conn *c, const struct job_new *in, atelier_id *ret_id, struct err *e) MUST_CHECK;

/* Of what may be asked for at any time: one that waits is that one; one that runs is done once more when it ends, since it may
 * have read what is older. */
int jobs_ask_in(struct db_conn *c, const struct job_new *in, atelier_id *ret_id, struct err *e) MUST_CHECK;

/* user_id 0: whoever's it is. */
int jobs_get(struct db_conn *c, atelier_id user_id, atelier_id id, struct arena *a, struct job_row *ret,
	struct err *e) MUST_CHECK;
int jobs_find_open(struct db_conn *c, const char *kind, const char *params, struct arena *a, struct job_row *ret,
	struct err *e) MUST_CHECK;

struct job_filter {
	atelier_id user_id;       /* 0: everybody's */
	const char *kind, *state; /* NULL: any; "open": queued or running */
	atelier_id before;        /* 0: from the newest */
	int64_t limit;
};
int jobs_list(struct db_conn *c, const struct job_filter *f, struct arena *a, struct job_rows *ret,
	struct err *e) MUST_CHECK; /* newest first */

/* ---- working them off ---- */

/*
 * Takes the next job of a kind that is due and that this server can do, unless `places` are running: of the user who has the
 * fewest running, then of who has waited longest since one of theirs was taken. 1, with the row as it was, but for `claim`; 0:
 * there is none.
 */
struct job_take {
	const char *kind;
	int64_t places, lease_ms;
};
int jobs_take(struct db *db, const struct job_take *x, struct arena *a, struct job_row *ret, struct err *e) MUST_CHECK;

/* When the next job is due that was not yet at `since_ms`, from which on jobs have been taken; INT64_MAX: none. One that became due while
 * they were taken may be left: it is told, too. */
int jobs_next_due(struct db_conn *c, int64_t since_ms, int64_t *ret_ms, struct err *e) MUST_CHECK;

/* Those that wait for longer than `most_ms` are due now. */
int jobs_heal(struct db *db, int64_t most_ms, struct err *e) MUST_CHECK;

/* Renews what one process has, all in one transaction. */
struct job_beat {
	atelier_id id, claim;
	const char *progress; /* NULL: stays */
	bool lost, stop;      /* set: another one has it, or it is gone; somebody wants it to end */
};
int jobs_beat(struct db *db, struct job_beat *beats, size_t n, int64_t lease_ms, struct err *e) MUST_CHECK;

/* How a try went; of one that is not held by `claim` any more nothing is written, which is no failure. 1: it was asked for
 * anew meanwhile, and waits again instead of having ended. */
struct job_result {
	atelier_id id, claim;
	const char *state;    /* queued: once more, at due_at */
	const char *progress; /* NULL: stays */
	const char *error_code, *error_text;
	int64_t due_at;
	bool given_back; /* the try does not count */
	int64_t node;    /* from now on that server alone takes it; 0: any */
};
int jobs_finish(struct db *db, const struct job_result *x, struct err *e) MUST_CHECK;

/* Those whose lease is over wait again, or have failed after JOBS_DEATHS tries that all ended like this. `all`: every running
 * one, for the only process that there is. ret_n (may be NULL): how many. */
#define JOBS_DEATHS 5
int jobs_recover(struct db *db, bool all, int64_t *ret_n, struct err *e) MUST_CHECK;

/* Of each kind that waits its name; and the end of all that wait of a kind nobody knows. */
int jobs_kinds(struct db_conn *c, struct arena *a, const char ***ret, size_t *ret_n, struct err *e) MUST_CHECK;
int jobs_fail_kind(struct db *db, const char *kind, const char *why, struct err *e) MUST_CHECK;

/* ---- what people do; user_id 0: whoever's it is; E_NOT_FOUND ---- */

/* A queued one is canceled: 1; a running one is marked for its process; one that has ended stays as it is. */
int jobs_cancel(struct db *db, atelier_id user_id, atelier_id id, struct err *e) MUST_CHECK;

/* A failed or canceled one waits again, one that waits for its next try is due. E_CONFLICT: it is complete, or another one
 * does the same. A running one stays as it is. */
int jobs_retry(struct db *db, atelier_id user_id, atelier_id id, struct err *e) MUST_CHECK;

/* One that has ended: E_CONFLICT for another. */
int jobs_delete(struct db *db, atelier_id user_id, atelier_id id, struct err *e) MUST_CHECK;

/* Of those of each user that have ended the newest JOBS_KEPT stay. Servers that are away for long are forgotten: what waits for
 * one still does, since without a row it is away, too. */
#define JOBS_KEPT          500
#define JOBS_NODES_KEPT_MS ((int64_t)30 * 24 * 3600 * 1000)
int jobs_trim(struct db *db, struct err *e) MUST_CHECK;

/* This server is there: it is away once it has not said so for as long as a lease lasts. */
int jobs_node_seen(struct db *db, struct err *e) MUST_CHECK;

/* The migrations by which they became a queue, may be asked for while they run, and belong to a server. */
extern const char schema_jobs[], schema_jobs_again[], schema_jobs_nodes[];
