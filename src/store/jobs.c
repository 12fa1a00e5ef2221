/* jobs.c - work that goes on behind requests. */
#include "store/jobs.h"
#include "store/store_priv.h"

#define NO_JOB      "There is no such job, or it is not yours."
#define JOB_COLUMNS "id, user_id, kind, state, title, params, progress, error_code, error_text, created_at, ended_at"

static void read_job(struct store_reader *rd, struct job_row *j)
{
	*j = (struct job_row){
		.id = db_i64(rd->rows, 0),
		.user_id = db_i64(rd->rows, 1),
		.kind = store_str(rd, 2),
		.state = store_str(rd, 3),
		.title = store_str(rd, 4),
		.params = store_str(rd, 5),
		.progress = store_str(rd, 6),
		.error_code = store_str(rd, 7),
		.error_text = store_str(rd, 8),
		.created_at = db_i64(rd->rows, 9),
		.ended_at = db_i64(rd->rows, 10),
	};
}

struct create {
	const struct job_new *in;
	atelier_id id;
};

static int create_in(struct db_conn *c, void *arg, struct err *e)
{
	struct create *x = arg;
	int64_t now = clock_now_ms();
	int r = db_exec(c, NULL, e,
		"DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE state NOT IN ('queued', 'running')"
		" ORDER BY id DESC LIMIT 1000000000 OFFSET ?)",
		DB_I64(JOBS_KEPT));

	if (r < 0)
		return r;
	return STORE_INSERT(c, &x->id, e,
		"INSERT INTO jobs (id, kind, state, user_id, title, params, created_at, updated_at)"
		" VALUES (?, ?, 'queued', ?, ?, ?, ?, ?)",
		DB_TEXT(x->in->kind), DB_I64(x->in->user_id), DB_TEXT(x->in->title), DB_TEXT(x->in->params),
		DB_I64(now), DB_I64(now));
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
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	struct store_reader rd = {.a = a};
	struct job_row j;
	int r = STORE_FIRST(c, &rows, NO_JOB, e,
		"SELECT " JOB_COLUMNS " FROM jobs WHERE id = ? AND (? = 0 OR user_id = ?)", DB_I64(id), DB_I64(user_id),
		DB_I64(user_id));

	if (r < 0)
		return r;
	rd.rows = rows;
	read_job(&rd, &j);
	r = store_reader_end(&rd, e);
	if (r == 0)
		*ret = j;
	return r;
}

static int read_all(struct db_rows *rows, struct arena *a, struct job_rows *ret, struct err *e)
{
	struct store_list l = {.size = sizeof(struct job_row)};
	struct store_reader rd = {.rows = rows, .a = a};
	int r;

	while ((r = db_next(rows, e)) > 0) {
		struct job_row *j = store_push(&l, a);

		if (!j)
			return store_full(e);
		read_job(&rd, j);
	}
	if (r == 0)
		r = store_reader_end(&rd, e);
	if (r == 0)
		*ret = (struct job_rows){l.items, l.n};
	return r;
}

int jobs_list(
	struct db_conn *c, atelier_id user_id, int64_t limit, struct arena *a, struct job_rows *ret, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r = db_query(c, &rows, e,
		"SELECT " JOB_COLUMNS " FROM jobs WHERE ? = 0 OR user_id = ? ORDER BY id DESC LIMIT ?", DB_I64(user_id),
		DB_I64(user_id), DB_I64(limit));

	return r < 0 ? r : read_all(rows, a, ret, e);
}

int jobs_list_open(struct db_conn *c, struct arena *a, struct job_rows *ret, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r = db_query(
		c, &rows, e, "SELECT " JOB_COLUMNS " FROM jobs WHERE state IN ('queued', 'running') ORDER BY id");

	return r < 0 ? r : read_all(rows, a, ret, e);
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
