/* statement.c - statements, cached per connection: one is compiled once and used for the program's life. */
#include <errno.h>

#include "db/db_priv.h"
#include "sys/fault.h"
#include "sys/loop.h"

static uint32_t sql_hash(const char *sql)
{
	uint32_t h = 2166136261u;

	for (; *sql; sql++)
		h = (h ^ (unsigned char)*sql) * 16777619u;
	return h;
}

static void place_empty(struct db_rows *r)
{
	ASSERT(!r->busy);
	if (r->st)
		r->c->db->be->finalize(r);
	free(r->sql);
	r->st = NULL;
	r->sql = NULL;
}

/* The idle cached statement for the text, or an idle place for it (its old statement finalized), or NULL. */
static struct db_rows *cache_place(struct db_conn *c, const char *sql, uint32_t hash)
{
	struct db_rows *oldest = NULL;

	ASSERT(c->n_cache > 0);
	for (size_t i = 0; i < c->n_cache; i++) {
		struct db_rows *r = &c->cache[i];

		if (r->busy)
			continue;
		if (r->st && r->hash == hash && strcmp(r->sql, sql) == 0)
			return r;
		if (!oldest || r->used < oldest->used)
			oldest = r;
	}
	if (oldest)
		place_empty(oldest);
	return oldest;
}

void db_statements_drop(struct db_conn *c)
{
	for (size_t i = 0; c->cache && i < c->n_cache; i++) {
		ASSERT(!c->cache[i].busy);
		place_empty(&c->cache[i]);
	}
}

static int statement_take(struct db_conn *c, const char *sql, struct db_rows **ret, struct err *e)
{
	uint32_t hash = sql_hash(sql);
	struct db_rows *place;
	struct db_rows *r;
	int s = FAULT("db_prepare");

	ASSERT(thread_may_wait());
	ASSERT_IS(c, DB_CONN_MAGIC);
	if (s < 0)
		return db_file_fail(s, c->db->path, e);
	place = cache_place(c, sql, hash);
	r = place ? place : xcalloc(1, sizeof(*r));
	r->c = c;
	r->cached = place != NULL;
	if (!r->st) {
		r->sql = xstrdup(sql);
		s = c->db->be->prepare(r, e);
		if (s < 0) {
			place_empty(r);
			if (!r->cached)
				free(r);
			return s;
		}
	}
	ASSERT(!r->busy && r->st);
	r->hash = hash;
	r->used = ++c->clock;
	r->busy = true;
	*ret = r;
	return 0;
}

int db_query_params(struct db_conn *c, struct db_rows **ret, struct err *e, const char *sql,
	const struct db_param *params, size_t n)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r;

	r = statement_take(c, sql, &rows, e);
	if (r == 0)
		r = c->db->be->run(rows, params, n, e);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(rows);
	return 0;
}

int db_next(struct db_rows *r, struct err *e)
{
	int s = FAULT("db_step");

	ASSERT(r->busy);
	return s < 0 ? db_file_fail(s, r->c->db->path, e) : r->c->db->be->next(r, e);
}

void db_rows_done(struct db_rows *r)
{
	if (!r)
		return;
	ASSERT(r->busy);
	r->c->db->be->reset(r);
	r->busy = false;
	if (!r->cached) {
		place_empty(r);
		free(r);
	}
}

int64_t db_i64(const struct db_rows *r, int col)
{
	ASSERT(r->busy && col >= 0);
	return r->c->db->be->i64(r, col);
}

double db_f64(const struct db_rows *r, int col)
{
	ASSERT(r->busy && col >= 0);
	return r->c->db->be->f64(r, col);
}

bool db_is_null(const struct db_rows *r, int col)
{
	ASSERT(r->busy && col >= 0);
	return r->c->db->be->is_null(r, col);
}

struct str db_bytes(const struct db_rows *r, int col)
{
	ASSERT(r->busy && col >= 0);
	return r->c->db->be->bytes(r, col);
}

char *db_dup(const struct db_rows *r, int col, struct arena *a)
{
	struct str s;

	if (db_is_null(r, col))
		return NULL;
	s = db_bytes(r, col);
	return arena_strndup(a, s.p, s.n);
}

int db_exec_params(struct db_conn *c, int64_t *ret_changed, struct err *e, const char *sql,
	const struct db_param *params, size_t n)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r;

	ASSERT_IS(c, DB_CONN_MAGIC);
	if (!c->writes)
		return err_set(e, E_INTERNAL, "This writes outside of db_write: %.120s", sql);
	r = db_query_params(c, &rows, e, sql, params, n);
	if (r < 0)
		return r;
	do {
		r = db_next(rows, e);
	} while (r > 0);
	if (r < 0)
		return r;
	if (ret_changed)
		*ret_changed = c->db->be->changed(rows);
	return 0;
}
