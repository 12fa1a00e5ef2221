/* statement.c - prepared statements, cached per connection: one is compiled once and used for the program's life. */
#include <errno.h>

#include "db/db_priv.h"

static uint32_t sql_hash(const char *sql)
{
	uint32_t h = 2166136261u;

	for (; *sql; sql++)
		h = (h ^ (unsigned char)*sql) * 16777619u;
	return h;
}

/* The idle cached statement for the text, or an idle place for it (its old statement finalized), or NULL. */
static struct db_rows *cache_place(struct db_conn *c, const char *sql, uint32_t hash)
{
	struct db_rows *oldest = NULL;

	for (size_t i = 0; i < c->n_cache; i++) {
		struct db_rows *r = &c->cache[i];

		if (r->busy)
			continue;
		if (r->st && r->hash == hash && strcmp(sqlite3_sql(r->st), sql) == 0)
			return r;
		if (!oldest || r->used < oldest->used)
			oldest = r;
	}
	if (oldest) {
		sqlite3_finalize(oldest->st);
		oldest->st = NULL;
	}
	return oldest;
}

static int statement_take(struct db_conn *c, const char *sql, struct db_rows **ret, struct err *e)
{
	uint32_t hash = sql_hash(sql);
	struct db_rows *r = cache_place(c, sql, hash);
	int rc = SQLITE_OK;

	if (!r)
		r = xcalloc(1, sizeof(*r));
	else
		r->cached = true;
	if (!r->st)
		rc = sqlite3_prepare_v3(c->h, sql, -1, r->cached ? SQLITE_PREPARE_PERSISTENT : 0, &r->st, NULL);
	if (rc != SQLITE_OK || !r->st) {
		if (!r->cached)
			free(r);
		return db_conn_fail(c, rc == SQLITE_OK ? SQLITE_MISUSE : rc, sql, e);
	}
	r->c = c;
	r->hash = hash;
	r->used = ++c->clock;
	r->busy = true;
	*ret = r;
	return 0;
}

static int bind_one(sqlite3_stmt *st, int at, const struct db_param *p)
{
	switch (p->type) {
	case DB_T_NULL:
		return sqlite3_bind_null(st, at);
	case DB_T_I64:
		return sqlite3_bind_int64(st, at, p->i);
	case DB_T_F64:
		return sqlite3_bind_double(st, at, p->f);
	case DB_T_TEXT:
		return sqlite3_bind_text64(st, at, p->p, p->n, SQLITE_STATIC, SQLITE_UTF8);
	case DB_T_BLOB:
		/* No bytes at no address would be NULL, and an empty value is not that. */
		return p->p ? sqlite3_bind_blob64(st, at, p->p, p->n, SQLITE_STATIC) : sqlite3_bind_zeroblob(st, at, 0);
	}
	return SQLITE_MISUSE;
}

int db_query_params(struct db_conn *c, struct db_rows **ret, struct err *e, const char *sql,
	const struct db_param *params, size_t n)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r;

	r = statement_take(c, sql, &rows, e);
	if (r < 0)
		return r;
	if ((size_t)sqlite3_bind_parameter_count(rows->st) != n)
		return err_set(e, E_INTERNAL, "%zu parameters were given to: %.120s", n, sql);
	for (size_t i = 0; i < n; i++) {
		int rc = bind_one(rows->st, (int)i + 1, &params[i]);

		if (rc != SQLITE_OK)
			return db_conn_fail(c, rc, sql, e);
	}
	*ret = TAKE_PTR(rows);
	return 0;
}

int db_next(struct db_rows *r, struct err *e)
{
	int rc = sqlite3_step(r->st);

	if (rc == SQLITE_ROW)
		return 1;
	if (rc == SQLITE_DONE)
		return 0;
	return db_conn_fail(r->c, rc, sqlite3_sql(r->st), e);
}

void db_rows_done(struct db_rows *r)
{
	if (!r)
		return;
	sqlite3_reset(r->st);
	sqlite3_clear_bindings(r->st);
	r->busy = false;
	if (!r->cached) {
		sqlite3_finalize(r->st);
		free(r);
	}
}

int64_t db_i64(const struct db_rows *r, int col)
{
	return sqlite3_column_int64(r->st, col);
}

double db_f64(const struct db_rows *r, int col)
{
	return sqlite3_column_double(r->st, col);
}

bool db_is_null(const struct db_rows *r, int col)
{
	return sqlite3_column_type(r->st, col) == SQLITE_NULL;
}

struct str db_bytes(const struct db_rows *r, int col)
{
	const void *p;

	/* As text where it is text: then it is terminated. */
	if (sqlite3_column_type(r->st, col) == SQLITE_BLOB)
		p = sqlite3_column_blob(r->st, col);
	else
		p = sqlite3_column_text(r->st, col);
	return p ? (struct str){p, (size_t)sqlite3_column_bytes(r->st, col)} : STR("");
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
		*ret_changed = sqlite3_changes64(c->h);
	return 0;
}
