/* jobs.h - work that goes on behind requests, and what is to be known of it after a restart. */
#pragma once

#include "base/id.h"
#include "db/db.h"

struct job_row {
	atelier_id id;
	atelier_id user_id;
	const char *kind;
	const char *state; /* queued, running, complete, failed, canceled */
	const char *title;
	const char *params;                  /* JSON, by kind */
	const char *progress;                /* JSON, by kind; NULL: none yet */
	const char *error_code, *error_text; /* NULL: none */
	int64_t created_at;
	int64_t ended_at; /* 0: not yet */
};

struct job_rows {
	struct job_row *items;
	size_t n;
};

struct job_new {
	atelier_id user_id;
	const char *kind, *title, *params;
};

/* Stores it as queued. Of those that have ended the newest JOBS_KEPT stay. */
#define JOBS_KEPT 500
int jobs_create(struct db *db, const struct job_new *in, atelier_id *ret_id, struct err *e) MUST_CHECK;

/* user_id 0: whoever's it is. */
int jobs_get(struct db_conn *c, atelier_id user_id, atelier_id id, struct arena *a, struct job_row *ret,
	struct err *e) MUST_CHECK;
int jobs_list(struct db_conn *c, atelier_id user_id, int64_t limit, struct arena *a, struct job_rows *ret,
	struct err *e) MUST_CHECK; /* newest first */

/* All that have not ended, oldest first. */
int jobs_list_open(struct db_conn *c, struct arena *a, struct job_rows *ret, struct err *e) MUST_CHECK;

struct job_change {
	const char *state;
	const char *progress;                /* NULL: stays */
	const char *error_code, *error_text; /* NULL: none any more */
	bool ended;
};

/* Of one that has ended: E_CONFLICT for another, E_NOT_FOUND. user_id 0: whoever's it is. */
int jobs_delete(struct db *db, atelier_id user_id, atelier_id id, struct err *e) MUST_CHECK;

/* A row that is gone is no error. */
int jobs_set_state(struct db *db, atelier_id id, const struct job_change *x, struct err *e) MUST_CHECK;
/* As above; that of a job that has ended stays as it is. */
int jobs_set_progress(struct db *db, atelier_id id, const char *progress, struct err *e) MUST_CHECK;
