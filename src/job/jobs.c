/*
 * jobs.c - what may be asked of jobs: begin, view, stop, go on. The queue itself is in the database (store/jobs.c), so that
 * here rows are written and whoever has to know is woken: the keeper, which takes jobs, and who watches.
 */
#include <errno.h>

#include "base/clock.h"
#include "base/lock.h"
#include "job/job_priv.h"

#define NO_JOB "There is no such job, or it is not yours."

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
	FIELD_STR(struct job_view, user, "user", 0, 0, 0, "Name of whose it is; null: the user is gone."),
	FIELD_ENUM(struct job_view, state, "state", "queued running complete failed canceled", FIELD_REQUIRED,
		"How far it is."),
	FIELD_JSON(struct job_view, progress, "progress", 0,
		"status (in words), completed, total (0: not known) and unit; of a pull also its layers (digest, "
		"completed, total); null: none yet."),
	FIELD_HAS(FT_OBJECT, struct job_view, error, has_error, "error", .sub = &job_error_schema,
		.doc = "Why it has failed, or will be tried again; null: it has not."),
	FIELD_I64(struct job_view, tries, "tries", 0, INT64_MAX, FIELD_REQUIRED,
		"How often it was begun since somebody asked for it."),
	FIELD_TIME(struct job_view, retry_at, "retry_at", 0,
		"When it is tried again after a passing failure; null: it waits for nothing, or has ended."),
	FIELD_BOOL(struct job_view, server_away, "server_away", FIELD_REQUIRED,
		"Whether it waits for the one server that has its file, of several on one database, and that is away."),
	FIELD_TIME(struct job_view, created_at, "created_at", FIELD_REQUIRED, "When it was asked for."),
	FIELD_TIME(struct job_view, ended_at, "ended_at", 0, "When it ended; null: not yet."),
};
const struct schema job_schema = SCHEMA("Job", struct job_view, job_fields, "Work that goes on behind requests.");

const char *const job_state_names[] = {"queued", "running", "complete", "failed", "canceled"};
_Static_assert(N_ELEMENTS(job_state_names) == JOB_CANCELED + 1, "each state has its name");

static int64_t retry_at(const char *error_code, const char *state, int64_t due_at)
{
	return error_code && strcmp(state, "queued") == 0 ? due_at : 0;
}

struct job_view job_view_of(const struct job *j)
{
	ASSERT(lock_is_mine(&j->all->mx) && (unsigned)j->state < N_ELEMENTS(job_state_names));
	return (struct job_view){.id = j->id,
		.user_id = j->user_id,
		.user = j->user,
		.kind = j->kind_name,
		.title = j->title,
		.state = job_state_names[j->state],
		.progress = j->progress,
		.error = {j->error_code, j->error_text},
		.has_error = j->error_code != NULL,
		.created_at = j->created_at,
		.ended_at = j->ended_at,
		.tries = j->tries,
		.retry_at = retry_at(j->error_code, job_state_names[j->state], j->due_at),
		.server_away = j->server_away};
}

bool jobs_miss_server(const struct jobs *js, int64_t seen_at)
{
	return seen_at < clock_now_ms() - js->lease_ms;
}

static bool server_is_away(const struct jobs *js, const struct job_row *row)
{
	return row->node && strcmp(row->state, "queued") == 0 && jobs_miss_server(js, row->seen_at);
}

static struct job_view view_of_row(const struct jobs *js, const struct job_row *row)
{
	return (struct job_view){.id = row->id,
		.user_id = row->user_id,
		.user = row->user,
		.kind = row->kind,
		.title = row->title,
		.state = row->state,
		.progress = row->progress,
		.error = {row->error_code, row->error_text ? row->error_text : ""},
		.has_error = row->error_code != NULL,
		.created_at = row->created_at,
		.ended_at = row->ended_at,
		.tries = row->tries,
		.retry_at = retry_at(row->error_code, row->state, row->due_at),
		.server_away = server_is_away(js, row)};
}

/* Makes a borrowed view one of the arena. */
static int view_keep(struct job_view *v, struct arena *a, struct err *e)
{
	if (arena_keep(a, &v->kind) && arena_keep(a, &v->title) && arena_keep(a, &v->user) &&
		arena_keep(a, &v->progress) && arena_keep(a, &v->error.code) && arena_keep(a, &v->error.message))
		return 0;
	return err_set(e, -ENOMEM, "a job does not fit the memory of the request");
}

/* ---- in memory; with the lock held ---- */

struct job *job_find(struct jobs *js, atelier_id id)
{
	struct job *j = js->known;

	ASSERT(lock_is_mine(&js->mx));
	while (j && j->id != id)
		j = j->next;
	return j;
}

static char *dup_or_null(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

static void replace(char **text, const char *with)
{
	free(*text);
	*text = dup_or_null(with);
}

static enum job_state state_of(const char *name)
{
	int s = JOB_QUEUED;

	while (s < JOB_CANCELED && strcmp(job_state_names[s], name) != 0)
		s++;
	return (enum job_state)s;
}

void job_update(struct job *j, const struct job_row *row)
{
	ASSERT(lock_is_mine(&j->all->mx));
	if (j->held)
		return;
	j->state = state_of(row->state);
	replace(&j->progress, row->progress);
	replace(&j->error_code, row->error_code);
	replace(&j->error_text, row->error_code && !row->error_text ? "" : row->error_text);
	j->ended_at = row->ended_at;
	j->due_at = row->due_at;
	j->tries = row->tries;
	j->server_away = server_is_away(j->all, row);
	j->version++;
}

struct job *job_remember(struct jobs *js, const struct job_row *row)
{
	struct job *j = job_find(js, row->id);

	ASSERT(lock_is_mine(&js->mx));
	if (!j) {
		j = xcalloc(1, sizeof(*j));
		*j = (struct job){.all = js,
			.kind = job_kind_find(js, row->kind),
			.id = row->id,
			.user_id = row->user_id,
			.kind_name = xstrdup(row->kind),
			.title = xstrdup(row->title),
			.params = xstrdup(row->params),
			.user = dup_or_null(row->user),
			.created_at = row->created_at};
		cancel_init(&j->cancel);
		job_update(j, row);
		j->next = js->known;
		js->known = j;
	} else if (job_has_ended(j)) {
		ASSERT(!j->held);
		job_update(j, row);
	}
	ASSERT(j->refs >= 0);
	j->refs++;
	return j;
}

void job_unref(struct job *j)
{
	struct job **at = &j->all->known;

	ASSERT(lock_is_mine(&j->all->mx));
	ASSERT(j->refs > 0);
	if (--j->refs > 0)
		return;
	ASSERT(!j->held);
	while (*at != j) {
		ASSERT(*at); /* it is known */
		at = &(*at)->next;
	}
	*at = j->next;
	cancel_done(&j->cancel);
	free(j->kind_name);
	free(j->title);
	free(j->params);
	free(j->user);
	free(j->progress);
	free(j->error_code);
	free(j->error_text);
	free(j);
}

bool job_has_ended(const struct job *j)
{
	return j->state != JOB_QUEUED && j->state != JOB_RUNNING;
}

void jobs_notify(struct jobs *js)
{
	ASSERT_IS(js, JOBS_MAGIC);
	pthread_mutex_lock(&js->mx);
	jobs_wake(js);
	pthread_mutex_unlock(&js->mx);
}

void jobs_wake(struct jobs *js)
{
	ASSERT(lock_is_mine(&js->mx));
	js->wake = true;
	pthread_cond_broadcast(&js->cv);
}

void job_tell(struct jobs *js, atelier_id user_id, atelier_id id, const char *what)
{
	bus_publish(js->config.bus, &(struct bus_event){.kind = BUS_JOB, .what = what, .user_id = user_id, .id = id});
	bus_publish_changed(js->config.bus, BUS_JOBS);
}

/* A row was changed by a request: who watches sees it, and the keeper looks whether it may be taken. */
static void row_changed(struct jobs *js, const struct job_row *row, const char *what)
{
	struct job *j;

	pthread_mutex_lock(&js->mx);
	j = job_find(js, row->id);
	if (j)
		job_update(j, row);
	jobs_wake(js);
	pthread_mutex_unlock(&js->mx);
	job_tell(js, row->user_id, row->id, what);
}

/* ---- kinds ---- */

const struct job_kind *job_kind_find(const struct jobs *js, const char *name)
{
	for (size_t i = 0; i < js->n_kinds; i++) {
		if (strcmp(js->kinds[i].name, name) == 0)
			return &js->kinds[i];
	}
	return NULL;
}

bool job_kind_is_for_admins(const struct jobs *js, const char *kind)
{
	const struct job_kind *k = job_kind_find(js, kind);

	return !k || k->for_admins;
}

/* ---- viewing ---- */

static bool is_theirs(atelier_id user_id, atelier_id owner)
{
	return user_id == 0 || user_id == owner;
}

/* 1: it runs here, and the view is of the arena; 0: its row says all. */
static int view_held(
	struct jobs *js, atelier_id user_id, atelier_id id, struct arena *a, struct job_view *ret, struct err *e)
{
	struct job *j;
	int r = 0;

	pthread_mutex_lock(&js->mx);
	j = job_find(js, id);
	if (j && j->held && is_theirs(user_id, j->user_id)) {
		*ret = job_view_of(j);
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

/* A job is let go of only after its row is written, so looking there first misses none. */
int job_get(struct jobs *js, atelier_id user_id, atelier_id id, struct arena *a, struct job_view *ret, struct err *e)
{
	struct job_row row;
	int r = view_held(js, user_id, id, a, ret, e);

	ASSERT_IS(js, JOBS_MAGIC);
	if (r != 0)
		return MIN(r, 0);
	r = read_row(js, user_id, id, a, &row, e);
	if (r == 0)
		*ret = view_of_row(js, &row);
	return r;
}

int job_list(struct jobs *js, const struct job_filter *f, struct arena *a, struct job_list *ret, struct err *e)
{
	struct job_rows rows = {0};
	struct job_view *views;
	int r;

	ASSERT_IS(js, JOBS_MAGIC);
	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(js->config.db);
		r = jobs_list(c, f, a, &rows, e);
	}
	if (r < 0)
		return r;
	views = ARENA_ARRAY(a, struct job_view, rows.n + 1);
	if (!views)
		return err_set(e, -ENOMEM, "the jobs do not fit the memory of the request");
	for (size_t i = 0; i < rows.n; i++) {
		r = view_held(js, 0, rows.items[i].id, a, &views[i], e);
		if (r < 0)
			return r;
		if (r == 0)
			views[i] = view_of_row(js, &rows.items[i]);
	}
	*ret = (struct job_list){views, rows.n, rows.more};
	return 0;
}

/* ---- beginning ---- */

static bool is_stopping(struct jobs *js)
{
	pthread_mutex_lock(&js->mx);
	bool stopping = js->stopping;
	pthread_mutex_unlock(&js->mx);
	return stopping;
}

static int find_same(
	struct jobs *js, const char *kind, const char *params, struct arena *a, struct job_view *ret, struct err *e)
{
	struct job_row row;
	int r;

	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(js->config.db);
		r = jobs_find_open(c, kind, params, a, &row, e);
	}
	if (r == 0 && (r = view_held(js, 0, row.id, a, ret, e)) == 0)
		*ret = view_of_row(js, &row);
	return MIN(r, 0);
}

int job_begin(struct jobs *js, atelier_id user_id, const char *kind, const char *title, const char *params,
	struct arena *a, struct job_view *ret, struct err *e)
{
	const struct job_new in = {.user_id = user_id, .kind = kind, .title = title, .params = params};
	struct job_row row;
	atelier_id id;
	int r;

	ASSERT_IS(js, JOBS_MAGIC);
	if (!job_kind_find(js, kind))
		return err_set(e, E_INVALID, "There are no jobs of the kind %s.", kind);
	if (is_stopping(js))
		return err_set(e, E_STOPPING, "Atelier is shutting down.");
	/* The database says that it is there already; should it end just then, it is another one. */
	while ((r = jobs_create(js->config.db, &in, &id, e)) == E_CONFLICT) {
		err_clear(e);
		r = find_same(js, kind, params, a, ret, e);
		if (r != E_NOT_FOUND)
			return r;
		err_clear(e);
	}
	if (r < 0 || (r = read_row(js, 0, id, a, &row, e)) < 0)
		return r;
	*ret = view_of_row(js, &row);
	row_changed(js, &row, "started");
	return 0;
}

/* ---- stopping, and going on ---- */

/* True when it runs here: its thread ends soon. */
static bool stop_here(struct jobs *js, atelier_id user_id, atelier_id id)
{
	struct job *j;
	bool here;

	pthread_mutex_lock(&js->mx);
	j = job_find(js, id);
	here = j && j->held && is_theirs(user_id, j->user_id);
	if (here)
		cancel_fire(&j->cancel, E_CANCELED);
	pthread_mutex_unlock(&js->mx);
	return here;
}

/* One that is taken just now is either found here afterwards, or its row is read with the mark (keeper.c). */
int job_cancel(struct jobs *js, atelier_id user_id, atelier_id id, struct arena *a, struct job_view *ret, struct err *e)
{
	struct job_row row;
	int r, ended;

	ASSERT_IS(js, JOBS_MAGIC);
	if (stop_here(js, user_id, id))
		return job_get(js, user_id, id, a, ret, e);
	if ((ended = jobs_cancel(js->config.db, user_id, id, e)) < 0)
		return ended;
	if (stop_here(js, user_id, id))
		return job_get(js, user_id, id, a, ret, e);
	if ((r = read_row(js, user_id, id, a, &row, e)) < 0)
		return r;
	*ret = view_of_row(js, &row);
	if (ended)
		row_changed(js, &row, "ended");
	return 0;
}

int job_retry(struct jobs *js, atelier_id user_id, atelier_id id, struct arena *a, struct job_view *ret, struct err *e)
{
	struct job_row row;
	int r = view_held(js, user_id, id, a, ret, e);

	ASSERT_IS(js, JOBS_MAGIC);
	if (r != 0)
		return MIN(r, 0);
	if ((r = read_row(js, user_id, id, a, &row, e)) < 0)
		return r;
	if (!job_kind_find(js, row.kind))
		return err_set(e, E_CONFLICT, "This Atelier knows no jobs of the kind %s.", row.kind);
	if (is_stopping(js))
		return err_set(e, E_STOPPING, "Atelier is shutting down.");
	if ((r = jobs_retry(js->config.db, user_id, id, e)) < 0 || (r = read_row(js, user_id, id, a, &row, e)) < 0)
		return r;
	*ret = view_of_row(js, &row);
	row_changed(js, &row, "started");
	return 0;
}

int job_delete(struct jobs *js, atelier_id user_id, atelier_id id, struct err *e)
{
	return jobs_delete(js->config.db, user_id, id, e);
}

/* ---- all of them ---- */

/* Other processes may know kinds that this one does not; the only one there is knows all. */
static int fail_unknown(struct jobs *js, struct err *e)
{
	CLEANUP(arena_done) struct arena a;
	const char **kinds = NULL;
	size_t n = 0;
	int r;

	arena_init(&a, 1u << 20);
	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(js->config.db);
		r = jobs_kinds(c, &a, &kinds, &n, e);
	}
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (!job_kind_find(js, kinds[i]))
			r = jobs_fail_kind(js->config.db, kinds[i], "This Atelier knows no jobs of this kind.", e);
	}
	return r;
}

int jobs_start(struct jobs *js, struct err *e)
{
	bool alone = !db_is_shared(js->config.db);
	int r = jobs_recover(js->config.db, alone, NULL, e);

	ASSERT_IS(js, JOBS_MAGIC);
	ASSERT(thread_may_wait());
	if (r == 0 && alone)
		r = fail_unknown(js, e);
	return r < 0 ? r : job_keeper_start(js, e);
}
