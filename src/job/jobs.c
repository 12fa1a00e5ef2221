/* jobs.c - what may be asked of jobs: begin, look, stop, go on. What runs them stands in life.c. */
#include <errno.h>

#include "job/job_priv.h"

#define LIVE_MAX   100        /* queued and running ones */
#define ROW_MEMORY (1u << 20) /* of one job's row */
#define NO_JOB     "There is no such job, or it is not yours."

/* ---- as they are shown ---- */

static const struct field error_fields[] = {
	FIELD_STR(struct job_error, code, "code", 0, 0, FIELD_REQUIRED, "Of the errors' table."),
	FIELD_STR(struct job_error, message, "message", 0, 0, FIELD_REQUIRED, "What went wrong, in words."),
};
static const struct schema job_error_schema =
	SCHEMA("JobError", struct job_error, error_fields, "Why a job has failed.");

static const struct field job_fields[] = {
	FIELD_ID(struct job_view, id, "id", FIELD_REQUIRED, "Identifier."),
	FIELD_STR(struct job_view, kind, "kind", 0, 0, FIELD_REQUIRED, "What it does: pull, load."),
	FIELD_STR(struct job_view, title, "title", 0, 0, FIELD_REQUIRED, "What it is about: the model."),
	FIELD_ENUM(struct job_view, state, "state", "queued running complete failed canceled", FIELD_REQUIRED,
		"How far it is."),
	FIELD_JSON(struct job_view, progress, "progress", 0,
		"Of a pull: status, completed and total bytes, and layers (digest, completed, total); null: none yet."),
	FIELD_HAS(FT_OBJECT, struct job_view, error, has_error, "error", .sub = &job_error_schema,
		.doc = "Why it has failed; null: it has not."),
	FIELD_TIME(struct job_view, created_at, "created_at", FIELD_REQUIRED, "When it was asked for."),
	FIELD_TIME(struct job_view, ended_at, "ended_at", 0, "When it ended; null: not yet."),
};
const struct schema job_schema = SCHEMA("Job", struct job_view, job_fields, "Work that goes on behind requests.");

static const char *const state_names[] = {"queued", "running", "complete", "failed", "canceled"};

struct job_view job_look(const struct job *j)
{
	return (struct job_view){.id = j->id,
		.user_id = j->user_id,
		.kind = j->kind->name,
		.title = j->title,
		.state = state_names[j->state],
		.progress = j->progress,
		.error = {j->error_code, j->error_text},
		.has_error = j->error_code != NULL,
		.created_at = j->created_at,
		.ended_at = j->ended_at};
}

static struct job_view view_of_row(const struct job_row *row)
{
	return (struct job_view){.id = row->id,
		.user_id = row->user_id,
		.kind = row->kind,
		.title = row->title,
		.state = row->state,
		.progress = row->progress,
		.error = {row->error_code, row->error_text ? row->error_text : ""},
		.has_error = row->error_code != NULL,
		.created_at = row->created_at,
		.ended_at = row->ended_at};
}

static bool copy_text(const char **text, struct arena *a)
{
	if (*text)
		*text = arena_strdup(a, *text);
	else
		return true;
	return *text != NULL;
}

/* Makes a borrowed view one of the arena. */
static int view_keep(struct job_view *v, struct arena *a, struct err *e)
{
	if (copy_text(&v->kind, a) && copy_text(&v->title, a) && copy_text(&v->progress, a) &&
		copy_text(&v->error.code, a) && copy_text(&v->error.message, a))
		return 0;
	return err_set(e, -ENOMEM, "a job does not fit the memory of the request");
}

/* ---- the live ones; with the lock held ---- */

struct job *job_find_live(struct jobs *js, atelier_id id)
{
	struct job *j = js->live;

	while (j && j->id != id)
		j = j->next;
	return j;
}

static struct job *find_same(struct jobs *js, const char *kind, const char *params)
{
	struct job *j = js->live;

	while (j && (strcmp(j->kind->name, kind) != 0 || strcmp(j->params, params) != 0))
		j = j->next;
	return j;
}

static bool is_full(const struct jobs *js)
{
	unsigned n = 0;

	for (const struct job *j = js->live; j; j = j->next)
		n++;
	return n >= LIVE_MAX;
}

static const struct job_kind *find_kind(const struct jobs *js, const char *name)
{
	for (size_t i = 0; i < js->n_kinds; i++) {
		if (strcmp(js->kinds[i].name, name) == 0)
			return &js->kinds[i];
	}
	return NULL;
}

bool job_kind_is_for_admins(const struct jobs *js, const char *kind)
{
	const struct job_kind *k = find_kind(js, kind);

	return !k || k->for_admins;
}

/* ---- looking ---- */

static bool is_theirs(atelier_id user_id, atelier_id owner)
{
	return user_id == 0 || user_id == owner;
}

/* 1: it is live and the view is of the arena; 0: it is not live. */
static int look_live(
	struct jobs *js, atelier_id user_id, atelier_id id, struct arena *a, struct job_view *ret, struct err *e)
{
	struct job *j;
	int r = 0;

	pthread_mutex_lock(&js->mx);
	j = job_find_live(js, id);
	if (j && !is_theirs(user_id, j->user_id)) {
		r = err_set(e, E_NOT_FOUND, NO_JOB);
	} else if (j) {
		*ret = job_look(j);
		r = view_keep(ret, a, e);
		r = r < 0 ? r : 1;
	}
	pthread_mutex_unlock(&js->mx);
	return r;
}

static int read_row(
	struct jobs *js, atelier_id user_id, atelier_id id, struct arena *a, struct job_row *ret, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(js->config.db);

	return jobs_get(c, user_id, id, a, ret, e);
}

/* A job leaves the live ones only after its row is written, so looking there first misses none. */
int job_get(struct jobs *js, atelier_id user_id, atelier_id id, struct arena *a, struct job_view *ret, struct err *e)
{
	struct job_row row;
	int r = look_live(js, user_id, id, a, ret, e);

	if (r != 0)
		return MIN(r, 0);
	r = read_row(js, user_id, id, a, &row, e);
	if (r == 0)
		*ret = view_of_row(&row);
	return r;
}

int job_list(struct jobs *js, atelier_id user_id, int64_t limit, struct arena *a, struct job_view **ret, size_t *ret_n,
	struct err *e)
{
	struct job_rows rows = {0};
	struct job_view *views;
	int r;

	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(js->config.db);
		r = jobs_list(c, user_id, limit, a, &rows, e);
	}
	if (r < 0)
		return r;
	views = ARENA_ARRAY(a, struct job_view, rows.n + 1);
	if (!views)
		return err_set(e, -ENOMEM, "the jobs do not fit the memory of the request");
	for (size_t i = 0; i < rows.n; i++) {
		r = look_live(js, user_id, rows.items[i].id, a, &views[i], e);
		if (r < 0)
			return r;
		if (r == 0)
			views[i] = view_of_row(&rows.items[i]);
	}
	*ret = views;
	*ret_n = rows.n;
	return 0;
}

/* ---- beginning; start_mx is held ---- */

static int may_begin(struct jobs *js, struct err *e)
{
	int r = 0;

	pthread_mutex_lock(&js->mx);
	if (js->stopping)
		r = err_set(e, E_STOPPING, "Atelier is shutting down.");
	else if (is_full(js))
		r = err_set(e, E_BUSY, "%d jobs wait or run already. Try again later.", LIVE_MAX);
	pthread_mutex_unlock(&js->mx);
	return r;
}

static int begin_new(struct jobs *js, atelier_id user_id, const struct job_kind *kind, const char *title,
	const char *params, struct arena *a, struct job_view *ret, struct err *e)
{
	struct job_row row;
	atelier_id id;
	int r = may_begin(js, e);

	if (r < 0)
		return r;
	r = jobs_create(js->config.db,
		&(struct job_new){.user_id = user_id, .kind = kind->name, .title = title, .params = params}, &id, e);
	if (r < 0 || (r = read_row(js, 0, id, a, &row, e)) < 0)
		return r;
	*ret = view_of_row(&row);
	job_launch(js, kind, &row);
	return 0;
}

/* The view of a live job of this kind and these params: 1, else 0. */
static int look_same(
	struct jobs *js, const char *kind, const char *params, struct arena *a, struct job_view *ret, struct err *e)
{
	struct job *j;
	int r = 0;

	pthread_mutex_lock(&js->mx);
	j = find_same(js, kind, params);
	if (j) {
		*ret = job_look(j);
		r = view_keep(ret, a, e);
		r = r < 0 ? r : 1;
	}
	pthread_mutex_unlock(&js->mx);
	return r;
}

int job_begin(struct jobs *js, atelier_id user_id, const char *kind, const char *title, const char *params,
	struct arena *a, struct job_view *ret, struct err *e)
{
	const struct job_kind *k = find_kind(js, kind);
	int r;

	if (!k)
		return err_set(e, E_INVALID, "There are no jobs of the kind %s.", kind);
	pthread_mutex_lock(&js->start_mx);
	r = look_same(js, kind, params, a, ret, e);
	if (r == 0)
		r = begin_new(js, user_id, k, title, params, a, ret, e);
	pthread_mutex_unlock(&js->start_mx);
	return MIN(r, 0);
}

/* ---- stopping, and going on ---- */

int job_cancel(struct jobs *js, atelier_id user_id, atelier_id id, struct arena *a, struct job_view *ret, struct err *e)
{
	struct job *j, *waits = NULL;
	int r;

	pthread_mutex_lock(&js->start_mx);
	pthread_mutex_lock(&js->mx);
	j = job_find_live(js, id);
	if (j && is_theirs(user_id, j->user_id)) {
		cancel_fire(&j->cancel, E_CANCELED);
		if (j->state == JOB_QUEUED) {
			/* Its thread, when it has one, finds it ended. */
			j->state = JOB_CANCELED;
			j->refs++;
			waits = j;
		}
	}
	pthread_mutex_unlock(&js->mx);
	if (waits) {
		job_end(waits, -ECANCELED, NULL);
		pthread_mutex_lock(&js->mx);
		job_unref(waits);
		pthread_mutex_unlock(&js->mx);
	}
	r = job_get(js, user_id, id, a, ret, e);
	pthread_mutex_unlock(&js->start_mx);
	return r;
}

static int resume_row(struct jobs *js, const struct job_row *row, struct arena *a, struct job_view *ret, struct err *e)
{
	const struct job_kind *kind = find_kind(js, row->kind);
	struct job_view other;
	struct job_row now;
	int r;

	if (strcmp(row->state, "complete") == 0)
		return err_set(e, E_CONFLICT, "This job is complete: there is nothing to go on with.");
	if (!kind)
		return err_set(e, E_CONFLICT, "This Atelier knows no jobs of the kind %s.", row->kind);
	r = look_same(js, row->kind, row->params, a, &other, e);
	if (r > 0)
		return err_set(e, E_CONFLICT, "Another job does the same already.");
	if (r == 0)
		r = may_begin(js, e);
	if (r == 0)
		r = jobs_set_state(js->config.db, row->id, &(struct job_change){.state = "queued"}, e);
	if (r < 0 || (r = read_row(js, 0, row->id, a, &now, e)) < 0)
		return r;
	*ret = view_of_row(&now);
	job_launch(js, kind, &now);
	return 0;
}

int job_resume(struct jobs *js, atelier_id user_id, atelier_id id, struct arena *a, struct job_view *ret, struct err *e)
{
	struct job_row row;
	int r;

	pthread_mutex_lock(&js->start_mx);
	r = look_live(js, user_id, id, a, ret, e);
	if (r == 0) {
		r = read_row(js, user_id, id, a, &row, e);
		if (r == 0)
			r = resume_row(js, &row, a, ret, e);
	}
	pthread_mutex_unlock(&js->start_mx);
	return MIN(r, 0);
}

/* What is live, and what is just begun again, has a row that says so. */
int job_delete(struct jobs *js, atelier_id user_id, atelier_id id, struct err *e)
{
	pthread_mutex_lock(&js->start_mx);
	int r = jobs_delete(js->config.db, user_id, id, e);
	pthread_mutex_unlock(&js->start_mx);
	return r;
}

int jobs_resume_all(struct jobs *js, struct err *e)
{
	CLEANUP(arena_done) struct arena a;
	struct job_rows rows = {0};
	int r;

	arena_init(&a, (size_t)LIVE_MAX * ROW_MEMORY);
	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(js->config.db);
		r = jobs_list_open(c, &a, &rows, e);
	}
	for (size_t i = 0; r == 0 && i < rows.n; i++) {
		const struct job_kind *kind = find_kind(js, rows.items[i].kind);

		if (kind)
			job_launch(js, kind, &rows.items[i]);
		else
			r = jobs_set_state(js->config.db, rows.items[i].id,
				&(struct job_change){.state = "failed",
					.error_code = "invalid_request",
					.error_text = "This Atelier knows no jobs of this kind.",
					.ended = true},
				e);
	}
	return r;
}
