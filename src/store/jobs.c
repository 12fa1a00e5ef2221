/* jobs.c - work that goes on behind requests. */
#include "store/jobs.h"
#include "store/store_priv.h"

#define NO_JOB "There is no such job, or it is not yours."

#define J struct job_row
static const struct col columns[] = {COL(I64, J, id), COL_ONCE(TEXT, J, kind), COL_ONCE(TEXT, J, state),
	COL_ONCE(I64, J, user_id), COL_ONCE(TEXT, J, title), COL_ONCE(TEXT, J, params),
	COL_AS(TEXT, J, progress, "progress", COL_SEEN), COL_AS(TEXT, J, error_code, "error_code", COL_SEEN),
	COL_AS(TEXT, J, error_text, "error_text", COL_SEEN), COL_CREATED(J, created_at), COL_MADE("updated_at"),
	COL_AS(I64, J, ended_at, "ended_at", COL_SEEN)};
#undef J
static const struct rows_table jobs = {"jobs", "id DESC", NO_JOB, NULL, TABLE(struct job_row, columns)};

struct create {
	const struct job_new *in;
	atelier_id id;
};

static int create_in(struct db_conn *c, void *arg, struct err *e)
{
	struct create *x = arg;
	const struct job_row row = {.user_id = x->in->user_id,
		.kind = x->in->kind,
		.state = "queued",
		.title = x->in->title,
		.params = x->in->params};
	int r = db_exec(c, NULL, e,
		"DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE state NOT IN ('queued', 'running')"
		" ORDER BY id DESC LIMIT 1000000000 OFFSET ?)",
		DB_I64(JOBS_KEPT));

	return r < 0 ? r : rows_create_in(&jobs, c, &row, &x->id, e);
}

int jobs_create(struct db *db, const struct job_new *in, atelier_id *ret_id, struct err *e)
{
	struct create x = {.in = in};
	int r = db_write(db, create_in, &x, e);

	if (r < 0)
		return r;
	*ret_id = x.id;
	return 0;
}

int jobs_get(struct db_conn *c, atelier_id user_id, atelier_id id, struct arena *a, struct job_row *ret, struct err *e)
{
	return rows_first(&jobs, c, a, ret, e, "WHERE id = ? AND (? = 0 OR user_id = ?)", DB_I64(id), DB_I64(user_id),
		DB_I64(user_id));
}

int jobs_list(
	struct db_conn *c, atelier_id user_id, int64_t limit, struct arena *a, struct job_rows *ret, struct err *e)
{
	return rows_all(&jobs, c, a, &ret->items, &ret->n, e, "WHERE ? = 0 OR user_id = ? ORDER BY id DESC LIMIT ?",
		DB_I64(user_id), DB_I64(user_id), DB_I64(limit));
}

int jobs_list_open(struct db_conn *c, struct arena *a, struct job_rows *ret, struct err *e)
{
	return rows_all(&jobs, c, a, &ret->items, &ret->n, e, "WHERE state IN ('queued', 'running') ORDER BY id");
}

struct change {
	atelier_id id;
	const struct job_change *x;
	const char *progress;
};

static int state_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct change *x = arg;
	int64_t now = clock_now_ms();

	return db_exec(c, NULL, e,
		"UPDATE jobs SET state = ?, progress = coalesce(?, progress), error_code = ?, error_text = ?,"
		" updated_at = ?, ended_at = ? WHERE id = ?",
		DB_TEXT(x->x->state), DB_TEXT(x->x->progress), DB_TEXT(x->x->error_code), DB_TEXT(x->x->error_text),
		DB_I64(now), x->x->ended ? DB_I64(now) : DB_NULL, DB_I64(x->id));
}

int jobs_set_state(struct db *db, atelier_id id, const struct job_change *x, struct err *e)
{
	struct change change = {.id = id, .x = x};

	return db_write(db, state_in, &change, e);
}

static int progress_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct change *x = arg;

	return db_exec(c, NULL, e,
		"UPDATE jobs SET progress = ?, updated_at = ? WHERE id = ? AND state IN ('queued', 'running')",
		DB_TEXT(x->progress), DB_I64(clock_now_ms()), DB_I64(x->id));
}

int jobs_set_progress(struct db *db, atelier_id id, const char *progress, struct err *e)
{
	struct change change = {.id = id, .progress = progress};

	return db_write(db, progress_in, &change, e);
}

struct removal {
	atelier_id user_id, id;
};

static int delete_in(struct db_conn *c, void *arg, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	const struct removal *x = arg;
	int64_t n = 0;
	int r = STORE_FIRST(c, &rows, NO_JOB, e, "SELECT 1 FROM jobs WHERE id = ? AND (? = 0 OR user_id = ?)",
		DB_I64(x->id), DB_I64(x->user_id), DB_I64(x->user_id));

	if (r == 0)
		r = db_exec(c, &n, e, "DELETE FROM jobs WHERE id = ? AND state NOT IN ('queued', 'running')",
			DB_I64(x->id));
	return r < 0 || n > 0 ? r : err_set(e, E_CONFLICT, "This job has not ended: cancel it first.");
}

int jobs_delete(struct db *db, atelier_id user_id, atelier_id id, struct err *e)
{
	struct removal x = {user_id, id};

	return db_write(db, delete_in, &x, e);
}
