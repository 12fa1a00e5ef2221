/* job_priv.h - what the files of this room share: a live job, the kinds, the watchers. */
#pragma once

#include <pthread.h>

#include "job/job.h"
#include "store/jobs.h"
#include "sys/cancel.h"
#include "sys/pool.h"

struct job;

struct job_kind {
	const char *name;
	bool for_admins;
	/* Does the work on a thread of its own. 0: complete; -ECANCELED; or what failed, with a sentence in `e`. Runs
	 * again from its beginning after a restart or a resume, so what is done already must be found out. */
	int (*run)(struct job *j, struct err *e);
};

const struct job_kind *job_kinds(size_t *ret_n); /* of the program: kinds.c */

enum job_state { JOB_QUEUED, JOB_RUNNING, JOB_COMPLETE, JOB_FAILED, JOB_CANCELED };

/* A job that is queued or running, or that a watcher has not seen the end of. */
struct job {
	struct jobs *all;
	const struct job_kind *kind;
	atelier_id id, user_id;
	char *title, *params;
	int64_t created_at;
	struct cancel cancel;
	struct pool_task task;

	/* under the lock of all */
	int refs;
	enum job_state state;
	char *progress; /* NULL: none yet */
	char *error_code, *error_text;
	int64_t ended_at;
	uint64_t version; /* rises with each change */
	bool unsaved;     /* `progress` is newer than the row's */
	struct job *next; /* of the live ones */
};

struct watcher;

struct jobs {
	struct jobs_config config;
	const struct job_kind *kinds;
	size_t n_kinds;

	pthread_mutex_t start_mx; /* held while a job begins, over the writing of its row: two may not be the same */
	pthread_mutex_t mx;       /* held shortly; the loop takes it too */
	pthread_cond_t cv;        /* stopping */
	struct job *live;
	bool stopping;
	bool saving; /* the saver is at work or sleeps */
	struct pool *threads, *saver;
	struct pool_task save_task;

	/* of the loop */
	struct watcher *watchers;
	struct loop_timer *tick;
	bool stopped;
};

/* ---- for kinds ---- */

/* Replaces what is shown of the job: JSON text, copied. Any thread, does not block. */
void job_set_progress(struct job *j, const char *json, size_t n);

/* ---- jobs.c ---- */

void job_unref(struct job *j); /* with the lock held */
bool job_has_ended(const struct job *j);
/* The view, borrowed from the job: with the lock held, and for as long. */
struct job_view job_look(const struct job *j);
struct job *job_find_live(struct jobs *js, atelier_id id); /* with the lock held; NULL: none */

/* ---- life.c ---- */

/* Makes a stored job live and gives it to a thread. */
void job_launch(struct jobs *js, const struct job_kind *kind, const struct job_row *row);

/* Writes how it went (`e` may be NULL) and lets go of it; blocks. Once for each job, by whoever ends it. */
void job_end(struct job *j, int r, const struct err *e);

/* ---- watch.c ---- */

void watchers_stop(struct jobs *js); /* loop thread */
