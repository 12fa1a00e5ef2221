/* db.c - opening and closing, connections, the pool of readers, copies and checks. */
#include "db/db_priv.h"
#include "sys/loop.h"
#include "sys/thread.h"

static const struct db_conn_kind reader_kind = {.cache_kib = 512, .busy_ms = 5000, .statements = 48};
static const struct db_conn_kind writer_kind = {.writes = true, .cache_kib = 2048, .busy_ms = 5000, .statements = 192};

/* ---- failures ---- */

int db_file_fail(int r, const char *path, struct err *e)
{
	return err_file(e, r, path);
}

int db_busy(struct err *e, const char *why)
{
	int code =
		err_set(e, E_BUSY, "%s", why ? why : "Another program has held the database for too long. Try again.");

	if (e && e->code == code)
		e->retry_after_s = 2;
	return code;
}

/* ---- connections ---- */

int db_conn_number(struct db_conn *c, const char *sql, int64_t *ret, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r;

	ASSERT_IS(c, DB_CONN_MAGIC);
	r = db_query(c, &rows, e, sql);
	if (r < 0)
		return r;
	r = db_next(rows, e);
	if (r < 0)
		return r;
	*ret = r ? db_i64(rows, 0) : 0;
	return 0;
}

int db_conn_open(struct db *db, const struct db_conn_kind *kind, struct db_conn *ret, struct err *e)
{
	int r;

	*ret = (struct db_conn){
		.magic = DB_CONN_MAGIC, .db = db, .writes = kind->writes, .n_cache = MAX(kind->statements, 4u)};
	ret->cache = xcalloc(ret->n_cache, sizeof(*ret->cache));
	r = db->be->connect(ret, kind, e);
	if (r < 0)
		db_conn_close(ret);
	return r;
}

void db_conn_close(struct db_conn *c)
{
	c->magic = 0;
	db_statements_drop(c);
	free(c->cache);
	c->cache = NULL;
	if (c->h)
		c->db->be->disconnect(c);
}

void db_conn_settle(struct db_conn *c)
{
	for (size_t i = 0; i < c->n_cache; i++) {
		if (c->cache[i].busy)
			db_rows_done(&c->cache[i]);
	}
}

int db_thread_start(pthread_t *ret, const char *name, void *(*fn)(void *), void *arg, struct err *e)
{
	int r = thread_start(ret, name, 0, fn, arg);

	ASSERT(fn);
	return r < 0 ? err_set(e, r, "The thread %s cannot be started: %s.", name, strerror(-r)) : 0;
}

/* ---- open and close ---- */

static int readers_open(struct db *db, unsigned n, struct err *e)
{
	db->readers = xcalloc(n, sizeof(*db->readers));
	for (unsigned i = 0; i < n; i++) {
		struct db_conn *c = &db->readers[i];
		int r;

		r = db_conn_open(db, &reader_kind, c, e);
		if (r < 0)
			return r;
		db->n_readers++;
		c->next = db->idle;
		db->idle = c;
		db->n_idle++;
	}
	return 0;
}

static int writer_open(struct db *db, const struct db_config *config, struct err *e)
{
	int r = db_conn_open(db, &writer_kind, &db->writer, e);

	/* Before anything changes in it, and that does. */
	return r < 0 ? r : db->be->belongs(&db->writer, config, e);
}

static const struct db_backend *backend_of(const char *path)
{
	return db_is_url(path) ? &db_postgres : &db_sqlite;
}

static void settle_from(struct db *db, const struct db_migration *migrations, size_t n)
{
	for (size_t i = 0; db->be == &db_sqlite && i < n; i++)
		if (migrations[i].settle)
			db->settle = migrations[i].settle;
}

int db_open(const struct db_config *c, const struct db_migration *migrations, size_t n, struct db **ret, struct err *e)
{
	CLEANUP(db_closep) struct db *db = xcalloc(1, sizeof(*db));
	int r;

	MAGIC_SET(db, DB_MAGIC);
	db->be = backend_of(c->path);
	db->path = xstrdup(c->path);
	db->node = c->node;
	db->queue_tail = &db->queue;
	db->later_tail = &db->later;
	pthread_mutex_init(&db->pool_mx, NULL);
	pthread_cond_init(&db->pool_cv, NULL);
	pthread_mutex_init(&db->write_mx, NULL);
	pthread_cond_init(&db->write_cv, NULL);
	pthread_mutex_init(&db->state_mx, NULL);
	settle_from(db, migrations, n);

	if ((r = db->be->open(db, c, e)) < 0 || (r = writer_open(db, c, e)) < 0 ||
		(r = db_migrate(db, migrations, n, c, e)) < 0 || (r = readers_open(db, MAX(c->readers, 1u), e)) < 0 ||
		(r = db->be->start(db, e)) < 0 || (r = db_writer_start(db, e)) < 0)
		return r;
	*ret = TAKE_PTR(db);
	return 0;
}

void db_close(struct db *db)
{
	if (!db)
		return;
	db_writer_stop(db);
	pthread_mutex_lock(&db->pool_mx);
	while (db->n_idle < db->n_readers)
		pthread_cond_wait(&db->pool_cv, &db->pool_mx);
	pthread_mutex_unlock(&db->pool_mx);
	for (unsigned i = 0; i < db->n_readers; i++)
		db_conn_close(&db->readers[i]);
	if (db->own)
		db->be->stop(db);
	/* Of SQLite: the last connection to close writes the whole log into the file and removes it. */
	db_conn_close(&db->writer);
	if (db->own)
		db->be->close(db);
	pthread_mutex_destroy(&db->state_mx);
	pthread_cond_destroy(&db->write_cv);
	pthread_mutex_destroy(&db->write_mx);
	pthread_cond_destroy(&db->pool_cv);
	pthread_mutex_destroy(&db->pool_mx);
	free(db->readers);
	free(db->path);
	MAGIC_END(db, DB_MAGIC);
	free(db);
}

const char *db_place(const struct db *db)
{
	return db->path;
}

bool db_is_shared(const struct db *db)
{
	ASSERT_IS(db, DB_MAGIC);
	return db->be == &db_postgres;
}

bool db_is_postgres(const struct db_conn *c)
{
	ASSERT_IS(c, DB_CONN_MAGIC);
	return c->db->be == &db_postgres;
}

int64_t db_node(const struct db_conn *c)
{
	ASSERT_IS(c, DB_CONN_MAGIC);
	return c->db->node;
}

int64_t db_own_node(const struct db *db)
{
	ASSERT_IS(db, DB_MAGIC);
	return db->node;
}

/* ---- readers ---- */

struct db_conn *db_acquire(struct db *db)
{
	struct db_conn *c;

	ASSERT_IS(db, DB_MAGIC);
	ASSERT(thread_may_wait());
	pthread_mutex_lock(&db->pool_mx);
	while (!db->idle)
		pthread_cond_wait(&db->pool_cv, &db->pool_mx);
	/* The last one given back: its cache is warm, and those never needed stay small. */
	c = db->idle;
	db->idle = c->next;
	ASSERT(db->n_idle > 0 && !c->writes);
	db->n_idle--;
	pthread_mutex_unlock(&db->pool_mx);
	return c;
}

void db_release(struct db_conn *c)
{
	struct db *db;

	if (!c)
		return;
	ASSERT_IS(c, DB_CONN_MAGIC);
	db = c->db;
	ASSERT(!c->writes); /* a reader */
	db_conn_settle(c);
	pthread_mutex_lock(&db->pool_mx);
	ASSERT(db->n_idle < db->n_readers);
	c->next = db->idle;
	db->idle = c;
	db->n_idle++;
	/* Not signal: db_close may wait beside the readers. */
	pthread_cond_broadcast(&db->pool_cv);
	pthread_mutex_unlock(&db->pool_mx);
}

/* ---- copies and checks ---- */

int db_snapshot(struct db *db, const char *to_path, struct err *e)
{
	ASSERT_IS(db, DB_MAGIC);
	return db->be->snapshot(db, to_path, e);
}

int db_check(struct db *db, struct arena *a, const char **ret, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(db);

	ASSERT_IS(db, DB_MAGIC);
	return db->be->check(c, a, ret, e);
}
