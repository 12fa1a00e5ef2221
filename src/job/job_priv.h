/* job_priv.h - what the files of this room share: a job in memory, the kinds, the watchers. */
#pragma once

#include <pthread.h>

#include "base/buf.h"
#include "base/magic.h"
#include "job/job.h"
#include "sys/cancel.h"
#include "sys/pool.h"

#define RETRY_MAX_MS (10 * 60 * 1000L) /* between two tries of a job */

struct job;

struct job_kind {
	const char *name;
	bool for_admins;
	unsigned processors; /* that one takes for long: answers go first (thread_behind_begin); 0: it rather waits */
	unsigned places;     /* of its lane: so many run at a time, in all processes */
	unsigned tries;      /* after a passing failure it is tried again, so often in all; 1: never again */
	/* Told as changed with each step and the end of such a job; 0: nothing is but the job. */
	enum bus_kind shown_with;
	/* Does the work on a thread of its own. 0: complete; -ECANCELED; or what failed, with a sentence in `e`. Runs
	 * again from its beginning after a failure, a restart or in another process, so what is done already must be
	 * found out. Once its cancel has fired it may do nothing more that another could do meanwhile. */
	int (*run)(struct job *j, struct err *e);
};

const struct job_kind *job_kinds(size_t *ret_n); /* of the program: kinds.c */
const struct job_kind *job_kind_find(const struct jobs *js, const char *name);

#define JOBS_HELD_MAX 64 /* of one process */

#define E_TAKEN E_CONFLICT /* reason of a cancel: another process has the job now */

enum job_state { JOB_QUEUED, JOB_RUNNING, JOB_COMPLETE, JOB_FAILED, JOB_CANCELED };
extern const char *const job_state_names[];

/* A job that runs here, or that somebody watches. */
struct job {
	struct jobs *all;
	const struct job_kind *kind; /* NULL: not known here, and so only watched */
	atelier_id id, user_id;
	char *kind_name, *title, *params, *user;
	int64_t created_at;
	struct cancel cancel;
	struct pool_task task;

	/* under the lock of all */
	int refs;  /* of its thread, and of each watcher */
	bool held; /* by this process: `claim` is ours, and its row is what we say */
	atelier_id claim;
	enum job_state state;
	char *progress; /* NULL: none yet */
	char *error_code, *error_text;
	int64_t ended_at, due_at, tries;
	int64_t begun_ms; /* of this try; monotonic */
	uint64_t version; /* rises with each change */
	int64_t node;     /* set by its kind: that server can do it, this one cannot */
	bool server_away; /* it waits for a server that is away */
	bool unsaved;     /* `progress` is newer than the row's */
	struct job *next;
};

struct watcher;

struct jobs {
	unsigned magic; /* JOBS_MAGIC */
#define JOBS_MAGIC 0x6a6f6273u
	struct jobs_config config;
	const struct job_kind *kinds;
	size_t n_kinds;
	int64_t lease_ms;
	struct pool *threads;
	pthread_t keeper;
	bool keeps; /* there is a keeper */

	pthread_mutex_t mx; /* held shortly; the loop takes it too */
	pthread_cond_t cv;  /* something for the keeper, or stopping */
	struct job *known;
	bool stopping;
	bool wake;  /* something may be taken */
	bool ended; /* some have ended since the keeper ran */
	bool dirty; /* there is progress to be saved */

	/* of the loop */
	struct watcher *watchers;
	struct loop_timer *tick;
	bool stopped;
};

/* ---- for kinds ---- */

/* Replaces what is shown of the job: JSON text, copied, as job_progress_begin and what the kind adds. Any thread, does not
 * block. */
void job_set_progress(struct job *j, const char *json, size_t n);

/* The shape that all kinds share; `unit`: of what completed and total count: "bytes", "passages". */
struct job_progress {
	const char *status, *unit;
	int64_t completed, total; /* total 0: not known */
};

/* Adds {"status":...,"completed":...,"total":...,"unit":..., without the closing bracket: details of a kind may follow. */
void job_progress_begin(const struct job_progress *p, struct buf *b);

/* ---- jobs.c: jobs in memory; with the lock held ---- */

void job_unref(struct job *j);
bool job_has_ended(const struct job *j);
/* The view, borrowed from the job, for as long as the lock is held. */
struct job_view job_view_of(const struct job *j);
struct job *job_find(struct jobs *js, atelier_id id);                 /* NULL: neither held nor watched */
struct job *job_remember(struct jobs *js, const struct job_row *row); /* finds or makes it; with a reference */
void job_update(struct job *j, const struct job_row *row);            /* what its row says, unless it is held */
void jobs_wake(struct jobs *js);                                      /* the keeper: something may be taken */
void job_tell(struct jobs *js, atelier_id user_id, atelier_id id, const char *what); /* with or without the lock */

/* ---- life.c ---- */

/* Gives a job that was taken to a thread. */
void job_launch(struct jobs *js, const struct job_row *row);

/* ---- keeper.c: takes jobs, renews leases, saves progress ---- */

int job_keeper_start(struct jobs *js, struct err *e) MUST_CHECK;

/* ---- watch.c ---- */

void watchers_stop(struct jobs *js); /* loop thread */
