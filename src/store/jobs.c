/*
 * jobs.c - the queue of jobs. All that decides (which job is next, whether a claim still counts, whether there is one like it)
 * is done by one statement or inside one transaction of the writer, and so by one process at a time.
 */
#include "store/jobs.h"

#include <stdio.h>

#include "store/documents.h"
#include "store/store_priv.h"

#define NO_JOB    "There is no such job, or it is not yours."
#define SAME_JOB  "Another job does the same already."
#define JOBS_OPEN "('queued', 'running')"

#define ROW_MEMORY ((size_t)1 << 20)

/*
 * Invariants: of a kind and the same params one job is open. `claim` says nothing of a job that is not running but who had it
 * last, by which users take turns: ids rise with time.
 */
const char schema_jobs[] =
	"ALTER TABLE jobs ADD COLUMN due_at INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE jobs ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE jobs ADD COLUMN claim INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE jobs ADD COLUMN lease_until INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE jobs ADD COLUMN stop INTEGER NOT NULL DEFAULT 0;"
	"UPDATE jobs SET state = 'canceled', ended_at = updated_at WHERE state IN " JOBS_OPEN
	" AND EXISTS (SELECT 1 FROM jobs AS first WHERE first.kind = jobs.kind AND first.params = jobs.params"
	"  AND first.id < jobs.id AND first.state IN " JOBS_OPEN ");"
	"DROP INDEX jobs_open;"
	"CREATE UNIQUE INDEX jobs_same ON jobs(kind, params) WHERE state IN " JOBS_OPEN ";"
	"CREATE INDEX jobs_next ON jobs(state, kind, user_id, due_at, id);"
	"CREATE INDEX jobs_due ON jobs(due_at) WHERE state = 'queued';"
	"CREATE INDEX jobs_taken ON jobs(kind, user_id, claim);"
	"CREATE INDEX jobs_user ON jobs(user_id, id);";

const char schema_jobs_again[] = "ALTER TABLE jobs ADD COLUMN again INTEGER NOT NULL DEFAULT 0";

/*
 * What a job needs may be at one server alone. The index has it before the time, so that however many wait for a server that is
 * away, those that can be done are found at once.
 */
const char schema_jobs_nodes[] = "ALTER TABLE jobs ADD COLUMN node INTEGER NOT NULL DEFAULT 0;"
				 "DROP INDEX jobs_next;"
				 "CREATE INDEX jobs_next ON jobs(state, kind, user_id, node, due_at, id);"
				 "CREATE INDEX jobs_here ON jobs(kind, node, due_at) WHERE state = 'queued';"
				 "CREATE TABLE nodes (id INTEGER PRIMARY KEY, seen_at INTEGER NOT NULL);";

#define J struct job_row
static const struct col columns[] = {COL(I64, J, id), COL_ONCE(TEXT, J, kind), COL_ONCE(TEXT, J, state),
	COL_ONCE(I64, J, user_id), COL_ONCE(TEXT, J, title), COL_ONCE(TEXT, J, params), COL_ONCE(I64, J, due_at),
	COL_AS(TEXT, J, progress, "progress", COL_SEEN), COL_AS(TEXT, J, error_code, "error_code", COL_SEEN),
	COL_AS(TEXT, J, error_text, "error_text", COL_SEEN), COL_CREATED(J, created_at), COL_MADE("updated_at"),
	COL_AS(I64, J, ended_at, "ended_at", COL_SEEN), COL_AS(I64, J, tries, "tries", COL_SEEN),
	COL_AS(I64, J, claim, "claim", COL_SEEN), COL_AS(BOOL, J, stop, "stop", COL_SEEN),
	COL_AS(TEXT, J, user, "(SELECT name FROM users WHERE users.id = jobs.user_id)", COL_SEEN),
	COL_AS(I64, J, node, "node", COL_SEEN),
	COL_AS(I64, J, seen_at, "coalesce((SELECT seen_at FROM nodes WHERE nodes.id = jobs.node), 0)", COL_SEEN)};
#undef J
static const struct rows_table jobs = {"jobs", "id DESC", NO_JOB, SAME_JOB, TABLE(struct job_row, columns)};

/* ---- made and looked at ---- */

struct create {
	const struct job_new *in;
	atelier_id id;
};

int jobs_create_in(struct db_conn *c, const struct job_new *in, atelier_id *ret_id, struct err *e)
{
	int64_t n = 0;
	const struct job_row row = {.user_id = in->user_id,
		.kind = in->kind,
		.state = "queued",
		.title = in->title,
		.params = in->params,
		.due_at = clock_now_ms()};
	int r = STORE_I64(c, &n, NO_JOB, e,
		"SELECT count(*) FROM jobs WHERE state = 'queued' AND kind = ? AND user_id = ?", DB_TEXT(row.kind),
		DB_I64(row.user_id));

	ASSERT(db_is_writing(c));
	ASSERT(in->kind && in->params);
	if (r == 0 && n >= JOBS_WAITING_MAX)
		return err_set(e, E_BUSY, "%d of your jobs wait already. Try again later.", JOBS_WAITING_MAX);
	return r < 0 ? r : rows_create_in(&jobs, c, &row, ret_id, e);
}

static int create_in(struct db_conn *c, void *arg, struct err *e)
{
	struct create *x = arg;

	return jobs_create_in(c, x->in, &x->id, e);
}

int jobs_create(struct db *db, const struct job_new *in, atelier_id *ret_id, struct err *e)
{
	struct create x = {.in = in};
	int r;

	if (strlen(in->params) > JOB_PARAMS_MAX)
		return err_set(e, E_INVALID, "What the job is to work on takes more than %d bytes.", JOB_PARAMS_MAX);
	r = store_make(db, create_in, &x, &x.id, ret_id, e);
	return store_conflict(r, e, SAME_JOB);
}

int jobs_ask_in(struct db_conn *c, const struct job_new *in, atelier_id *ret_id, struct err *e)
{
	atelier_id open = 0;
	int r = STORE_I64(c, &open, NULL, e,
		"SELECT id FROM jobs WHERE kind = ? AND params = ? AND state IN " JOBS_OPEN, DB_TEXT(in->kind),
		DB_TEXT(in->params));

	ASSERT(db_is_writing(c));
	if (r < 0 || !open)
		return r < 0 ? r : jobs_create_in(c, in, ret_id, e);
	*ret_id = open;
	return db_exec(c, NULL, e, "UPDATE jobs SET again = 1 WHERE id = ? AND state = 'running'", DB_I64(open));
}

int jobs_get(struct db_conn *c, atelier_id user_id, atelier_id id, struct arena *a, struct job_row *ret, struct err *e)
{
	return rows_first(&jobs, c, a, ret, e, "WHERE id = ? AND (? = 0 OR user_id = ?)", DB_I64(id), DB_I64(user_id),
		DB_I64(user_id));
}

int jobs_find_open(
	struct db_conn *c, const char *kind, const char *params, struct arena *a, struct job_row *ret, struct err *e)
{
	return rows_first(&jobs, c, a, ret, e, "WHERE kind = ? AND params = ? AND state IN " JOBS_OPEN, DB_TEXT(kind),
		DB_TEXT(params));
}

#define AND_LIKE                                                                                                       \
	" AND (? = '' OR kind = ?) AND (? = '' OR state = ? OR (? = 'open' AND state IN " JOBS_OPEN "))"               \
	" AND id < ? ORDER BY id DESC LIMIT ?"

int jobs_list(struct db_conn *c, const struct job_filter *f, struct arena *a, struct job_rows *ret, struct err *e)
{
	const char *kind = f->kind ? f->kind : "", *state = f->state ? f->state : "";
	int64_t before = f->before ? f->before : INT64_MAX;
	/* Two statements: each has its index. */
	int r = rows_all(&jobs, c, a, &ret->items, &ret->n, e,
		f->user_id ? "WHERE user_id = ?" AND_LIKE : "WHERE id > ?" AND_LIKE, DB_I64(f->user_id), DB_TEXT(kind),
		DB_TEXT(kind), DB_TEXT(state), DB_TEXT(state), DB_TEXT(state), DB_I64(before), DB_I64(f->limit + 1));

	ASSERT(f->limit > 0);
	if (r == 0)
		ret->more = store_cut(&ret->n, (size_t)f->limit);
	return r;
}

/* ---- worked off ---- */

struct take {
	const struct job_take *x;
	struct arena *a;
	struct job_row *row;
};

/* The users of whom jobs of a kind wait, one after the other by the index, however many jobs each has. */
#define WAITING_USERS                                                                                                  \
	"WITH RECURSIVE waiting(user_id) AS ("                                                                         \
	" SELECT min(user_id) FROM jobs WHERE state = 'queued' AND kind = ?"                                           \
	" UNION ALL"                                                                                                   \
	" SELECT (SELECT min(user_id) FROM jobs WHERE state = 'queued' AND kind = ? AND user_id > waiting.user_id)"    \
	" FROM waiting WHERE waiting.user_id IS NOT NULL)"

/* The first one of such a user that is for a server. */
#define FIRST_FOR                                                                                                      \
	"SELECT * FROM (SELECT id, due_at FROM jobs WHERE state = 'queued' AND kind = ? AND user_id = waiting.user_id" \
	" AND node = ? AND due_at <= ? ORDER BY due_at, id LIMIT 1)"

static int find_next(struct db_conn *c, const char *kind, atelier_id *ret, struct err *e)
{
	int64_t now = clock_now_ms();

	return STORE_I64(c, ret, NULL, e,
		WAITING_USERS
		" SELECT id FROM (SELECT waiting.user_id,"
		"  (SELECT id FROM (" FIRST_FOR " AS mine UNION ALL " FIRST_FOR " AS anybodys) AS firsts"
		"   ORDER BY due_at, id LIMIT 1) AS id,"
		"  (SELECT count(*) FROM jobs WHERE state = 'running' AND kind = ? AND user_id = waiting.user_id) AS n,"
		"  (SELECT max(claim) FROM jobs WHERE kind = ? AND user_id = waiting.user_id) AS last"
		"  FROM waiting WHERE waiting.user_id IS NOT NULL) AS first"
		" WHERE id IS NOT NULL ORDER BY n, last, user_id LIMIT 1",
		DB_TEXT(kind), DB_TEXT(kind), DB_TEXT(kind), DB_I64(db_node(c)), DB_I64(now), DB_TEXT(kind), DB_I64(0),
		DB_I64(now), DB_TEXT(kind), DB_TEXT(kind));
}

static int take_in(struct db_conn *c, void *arg, struct err *e)
{
	struct take *t = arg;
	atelier_id id = 0, claim = id_new();
	int64_t running = 0;
	int r = STORE_I64(c, &running, NO_JOB, e, "SELECT count(*) FROM jobs WHERE state = 'running' AND kind = ?",
		DB_TEXT(t->x->kind));

	ASSERT(db_is_writing(c));
	if (r < 0 || running >= t->x->places)
		return r;
	if ((r = find_next(c, t->x->kind, &id, e)) < 0 || !id || (r = jobs_get(c, 0, id, t->a, t->row, e)) < 0)
		return r;
	t->row->claim = claim;
	r = db_exec(c, NULL, e,
		"UPDATE jobs SET state = 'running', claim = ?, lease_until = ?, tries = tries + 1, stop = 0, again = 0,"
		" error_code = NULL, error_text = NULL, updated_at = ? WHERE id = ?",
		DB_I64(claim), DB_I64(clock_now_ms() + t->x->lease_ms), DB_I64(clock_now_ms()), DB_I64(id));
	return r < 0 ? r : 1;
}

/* Whether there is such a job: most looks find none, and what only reads costs no commit. */
static int is_there(struct db *db, const char *sql, const struct db_param *params, size_t n, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(db);
	int64_t there = 0;
	int r = store_i64(c, &there, NULL, e, sql, params, n);

	return r < 0 ? r : there > 0;
}

int jobs_take(struct db *db, const struct job_take *x, struct arena *a, struct job_row *ret, struct err *e)
{
	struct take t = {.x = x, .a = a, .row = ret};
	const struct db_param due[] = {DB_TEXT(x->kind), DB_I64(db_own_node(db)), DB_I64(clock_now_ms())};
	int r = is_there(db,
		"SELECT 1 FROM jobs WHERE state = 'queued' AND kind = ? AND node IN (0, ?) AND due_at <= ? LIMIT 1",
		due, N_ELEMENTS(due), e);

	ASSERT(x->places > 0);
	return r <= 0 ? r : db_write(db, take_in, &t, e);
}

int jobs_next_due(struct db_conn *c, int64_t since_ms, int64_t *ret_ms, struct err *e)
{
	return STORE_I64(c, ret_ms, NO_JOB, e,
		"SELECT coalesce(min(due_at), 9223372036854775807) FROM jobs WHERE state = 'queued' AND due_at > ?",
		DB_I64(since_ms));
}

int jobs_heal(struct db *db, int64_t most_ms, struct err *e)
{
	int64_t now = clock_now_ms();

	ASSERT(most_ms > 0);
	return STORE_WRITE(db, NULL, e, "UPDATE jobs SET due_at = ? WHERE state = 'queued' AND due_at > ?", DB_I64(now),
		DB_I64(now + most_ms));
}

struct beats {
	struct job_beat *items;
	size_t n;
	int64_t lease_ms;
};

static int beat_in(struct db_conn *c, void *arg, struct err *e)
{
	struct beats *x = arg;
	int64_t now = clock_now_ms();
	int r = 0;

	ASSERT(db_is_writing(c));
	for (size_t i = 0; r == 0 && i < x->n; i++) {
		struct job_beat *b = &x->items[i];
		int64_t held = 0, stop = 0;

		r = db_exec(c, &held, e,
			"UPDATE jobs SET lease_until = ?, progress = coalesce(?, progress), updated_at = ?"
			" WHERE id = ? AND claim = ? AND state = 'running'",
			DB_I64(now + x->lease_ms), DB_TEXT(b->progress), DB_I64(now), DB_I64(b->id), DB_I64(b->claim));
		b->lost = held == 0;
		if (r < 0 || b->lost)
			continue;
		r = STORE_I64(c, &stop, NO_JOB, e, "SELECT stop FROM jobs WHERE id = ?", DB_I64(b->id));
		b->stop = stop;
	}
	return r;
}

int jobs_beat(struct db *db, struct job_beat *beats, size_t n, int64_t lease_ms, struct err *e)
{
	struct beats x = {beats, n, lease_ms};

	ASSERT(n > 0);
	return db_write(db, beat_in, &x, e);
}

/* What waits for a try of this job waits no longer; with what is stored of that. */
static int try_ended(struct db_conn *c, atelier_id id, struct err *e)
{
	CLEANUP(arena_done) struct arena a;
	struct job_row row = {.id = 0};
	int r;

	arena_init(&a, ROW_MEMORY);
	r = jobs_get(c, 0, id, &a, &row, e);
	if (r < 0 || (strcmp(row.kind, DOCUMENT_JOB) != 0 && strcmp(row.kind, EMBEDDING_JOB) != 0))
		return r;
	return documents_job_ended(c, row.params, e);
}

static int finish_in(struct db_conn *c, void *arg, struct err *e)
{
	struct job_result x = *(const struct job_result *)arg;
	int64_t now = clock_now_ms(),
		again = 0; /* asked for anew while it ran: what it did may lack what the other saw */
	bool queued = strcmp(x.state, "queued") == 0;
	/* E_NOT_FOUND: another has it. */
	int r = STORE_I64(c, &again, NO_JOB, e,
		"SELECT again FROM jobs WHERE id = ? AND claim = ? AND state = 'running'", DB_I64(x.id),
		DB_I64(x.claim));

	ASSERT(db_is_writing(c));
	if (again && !queued)
		x = (struct job_result){x.id, x.claim, .state = "queued", .progress = x.progress, .due_at = now};
	if (r == 0)
		r = db_exec(c, NULL, e,
			"UPDATE jobs SET state = ?, progress = coalesce(?, progress), error_code = ?, error_text = ?,"
			" due_at = ?, tries = CASE WHEN ? = 1 THEN 0 ELSE tries - ? END, updated_at = ?, ended_at = ?,"
			" node = ? WHERE id = ?",
			DB_TEXT(x.state), DB_TEXT(x.progress), DB_TEXT(x.error_code), DB_TEXT(x.error_text),
			DB_I64(x.due_at), DB_I64(again), DB_I64(x.given_back), DB_I64(now),
			queued || again ? store_ref(0) : DB_I64(now), DB_I64(x.node), DB_I64(x.id));
	if (r == 0)
		r = try_ended(c, x.id, e);
	return r < 0 ? r : again && !queued;
}

int jobs_finish(struct db *db, const struct job_result *x, struct err *e)
{
	ASSERT(x->id && x->claim && strcmp(x->state, "running") != 0);
	int r = db_write(db, finish_in, (void *)x, e);

	if (r == E_NOT_FOUND)
		err_clear(e);
	return r == E_NOT_FOUND ? 0 : r;
}

struct recovery {
	bool all;
	int64_t n;
};

/* Fails the first one that has died too often; *ret: which; 0: there is none. */
static int fail_dead(struct db_conn *c, int64_t before, atelier_id *ret, struct err *e)
{
	int64_t now = clock_now_ms();
	int r = STORE_I64(c, ret, NULL, e,
		"SELECT id FROM jobs WHERE state = 'running' AND lease_until < ? AND tries >= ? ORDER BY id LIMIT 1",
		DB_I64(before), DB_I64(JOBS_DEATHS));

	if (r == 0 && *ret)
		r = db_exec(c, NULL, e,
			"UPDATE jobs SET state = 'failed', error_code = 'interrupted', error_text = ?, updated_at = ?,"
			" ended_at = ? WHERE id = ?",
			DB_TEXT("The server ended each time while it worked at this."), DB_I64(now), DB_I64(now),
			DB_I64(*ret));
	return r == 0 && *ret ? try_ended(c, *ret, e) : r;
}

static int recover_in(struct db_conn *c, void *arg, struct err *e)
{
	struct recovery *x = arg;
	int64_t now = clock_now_ms(), before = x->all ? INT64_MAX : now;
	atelier_id dead = 0;
	int r;

	do
		r = fail_dead(c, before, &dead, e);
	while (r == 0 && dead);
	if (r < 0)
		return r;
	return db_exec(c, &x->n, e,
		"UPDATE jobs SET state = 'queued', due_at = ?, updated_at = ?"
		" WHERE state = 'running' AND lease_until < ?",
		DB_I64(now), DB_I64(now), DB_I64(before));
}

int jobs_recover(struct db *db, bool all, int64_t *ret_n, struct err *e)
{
	struct recovery x = {.all = all};
	const struct db_param before = DB_I64(all ? INT64_MAX : clock_now_ms());
	int r = is_there(db, "SELECT 1 FROM jobs WHERE state = 'running' AND lease_until < ? LIMIT 1", &before, 1, e);

	if (r > 0)
		r = db_write(db, recover_in, &x, e);
	if (r == 0 && ret_n)
		*ret_n = x.n;
	return r;
}

int jobs_node_seen(struct db *db, struct err *e)
{
	int64_t now = clock_now_ms();

	return STORE_WRITE(db, NULL, e,
		"INSERT INTO nodes (id, seen_at) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET seen_at ="
		" excluded.seen_at",
		DB_I64(db_own_node(db)), DB_I64(now));
}

int jobs_kinds(struct db_conn *c, struct arena *a, const char ***ret, size_t *ret_n, struct err *e)
{
	static const struct col kind[] = {{"kind", COL_TEXT, COL_SEEN, 0}};
	static const struct rows_table kinds = {"jobs", NULL, NULL, NULL, kind, 1, sizeof(const char *), NULL};

	return rows_from(&kinds, c, a, ret, ret_n, e, "", "(SELECT DISTINCT kind FROM jobs WHERE state = 'queued') k");
}

int jobs_fail_kind(struct db *db, const char *kind, const char *why, struct err *e)
{
	int64_t now = clock_now_ms();

	return STORE_WRITE(db, NULL, e,
		"UPDATE jobs SET state = 'failed', error_code = 'invalid_request', error_text = ?, updated_at = ?,"
		" ended_at = ? WHERE state = 'queued' AND kind = ?",
		DB_TEXT(why), DB_I64(now), DB_I64(now), DB_TEXT(kind));
}

/* ---- what people do ---- */

/* Its state, if it is theirs; in a db_write nothing else changes it until the end. */
static int state_of(struct db_conn *c, const struct store_theirs *x, char ret[16], struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r = STORE_FIRST(c, &rows, NO_JOB, e, "SELECT state FROM jobs WHERE id = ? AND (? = 0 OR user_id = ?)",
		DB_I64(x->id), DB_I64(x->user_id), DB_I64(x->user_id));

	if (r == 0)
		snprintf(ret, 16, STR_FMT, STR_ARG(db_bytes(rows, 0)));
	return r;
}

static int cancel_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct store_theirs *x = arg;
	int64_t now = clock_now_ms();
	char state[16];
	int r = state_of(c, x, state, e);

	if (r == 0 && strcmp(state, "running") == 0)
		r = db_exec(c, NULL, e, "UPDATE jobs SET stop = 1, again = 0 WHERE id = ?", DB_I64(x->id));
	else if (r == 0 && strcmp(state, "queued") == 0) {
		r = db_exec(c, NULL, e,
			"UPDATE jobs SET state = 'canceled', error_code = NULL, error_text = NULL, updated_at = ?,"
			" ended_at = ? WHERE id = ?",
			DB_I64(now), DB_I64(now), DB_I64(x->id));
		if (r == 0)
			r = try_ended(c, x->id, e);
	}
	return r < 0 ? r : strcmp(state, "queued") == 0;
}

int jobs_cancel(struct db *db, atelier_id user_id, atelier_id id, struct err *e)
{
	return store_apply(db, cancel_in, STORE_THEIRS(user_id, id), e);
}

static int retry_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct store_theirs *x = arg;
	int64_t now = clock_now_ms();
	char state[16];
	int r = state_of(c, x, state, e);

	if (r < 0 || strcmp(state, "running") == 0)
		return r;
	if (strcmp(state, "complete") == 0)
		return err_set(e, E_CONFLICT, "This job is complete: there is nothing to go on with.");
	r = db_exec(c, NULL, e,
		"UPDATE jobs SET state = 'queued', due_at = ?, tries = 0, stop = 0, error_code = NULL, error_text ="
		" NULL, updated_at = ?, ended_at = NULL, node = 0 WHERE id = ?",
		DB_I64(now), DB_I64(now), DB_I64(x->id));
	return store_conflict(r, e, SAME_JOB);
}

int jobs_retry(struct db *db, atelier_id user_id, atelier_id id, struct err *e)
{
	return store_apply(db, retry_in, STORE_THEIRS(user_id, id), e);
}

static int delete_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct store_theirs *x = arg;
	char state[16];
	int r = state_of(c, x, state, e);

	if (r < 0)
		return r;
	if (strcmp(state, "queued") == 0 || strcmp(state, "running") == 0)
		return err_set(e, E_CONFLICT, "This job has not ended: cancel it first.");
	return db_exec(c, NULL, e, "DELETE FROM jobs WHERE id = ?", DB_I64(x->id));
}

int jobs_delete(struct db *db, atelier_id user_id, atelier_id id, struct err *e)
{
	return store_apply(db, delete_in, STORE_THEIRS(user_id, id), e);
}

static int trim_in(struct db_conn *c, void *arg UNUSED, struct err *e)
{
	int r = db_exec(c, NULL, e,
		"DELETE FROM jobs WHERE id IN (SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY user_id"
		" ORDER BY id DESC) AS n FROM jobs WHERE state NOT IN " JOBS_OPEN ") AS ended WHERE n > ?)",
		DB_I64(JOBS_KEPT));

	return r < 0 ? r
		     : db_exec(c, NULL, e, "DELETE FROM nodes WHERE seen_at < ?",
			       DB_I64(clock_now_ms() - JOBS_NODES_KEPT_MS));
}

int jobs_trim(struct db *db, struct err *e)
{
	return db_write(db, trim_in, NULL, e);
}
