/*
 * writer.c - the one thread that writes. It takes all requests that wait, runs each inside a savepoint of one
 * transaction, commits once for all and wakes them: one sync of the disk serves many writers.
 */
#include <errno.h>

#include "base/log.h"
#include "db/db_priv.h"
#include "sys/fault.h"
#include "sys/metrics.h"

#define WAL_CHECKPOINT_PAGES 1000  /* about 4 MiB */
#define WAL_TRUNCATE_PAGES   16384 /* about 64 MiB */

struct db_request {
	int (*fn)(struct db_conn *c, void *arg, struct err *e);
	void *arg;
	struct err *e;
	int r;
	sem_t done;
	struct db_request *next;
};

/* ---- the writer ---- */

/* Statements of the writer itself go through the cache. */
static int control(struct db_conn *c, const char *sql, struct err *e)
{
	return db_exec(c, NULL, e, sql);
}

/* Returns false when the whole transaction is gone, as SQLite may decide on a full disk; `lost` then says why. */
static bool run_member(struct db_conn *c, struct db_request *q, struct err *lost)
{
	int r;

	r = FAULT("db_write");
	if (r < 0) {
		q->r = db_file_fail(r, c->db->path, q->e);
		return true;
	}
	q->r = control(c, "SAVEPOINT member", q->e);
	if (q->r < 0)
		return true;
	q->r = q->fn(c, q->arg, q->e);
	db_conn_settle(c);
	if (sqlite3_get_autocommit(c->h)) {
		if (q->r < 0 && q->e)
			err_set(lost, q->r, "%s", q->e->msg);
		else
			err_set(lost, E_STORAGE, "The database %s ended the transaction.", c->db->path);
		return false;
	}
	r = 0;
	if (q->r < 0)
		r = control(c, "ROLLBACK TO member", lost);
	if (r == 0)
		r = control(c, "RELEASE member", lost);
	return r == 0;
}

static int commit(struct db_conn *c, struct err *e)
{
	int r = FAULT("db_commit");

	if (r < 0)
		return db_file_fail(r, c->db->path, e);
	return control(c, "COMMIT", e);
}

static int run_all(struct db_conn *c, struct db_request *batch, struct err *e)
{
	int r;

	r = control(c, "BEGIN IMMEDIATE", e);
	if (r < 0)
		return r;
	for (struct db_request *q = batch; q; q = q->next) {
		if (!run_member(c, q, e))
			return e->code;
	}
	return commit(c, e);
}

static void run_batch(struct db_conn *c, struct db_request *batch)
{
	struct err e = {0};
	struct db_request *next;
	int r;

	r = run_all(c, batch, &e);
	if (r < 0 && !sqlite3_get_autocommit(c->h))
		(void)!control(c, "ROLLBACK", NULL);
	/* Counted before anybody is woken, so that who looks at the figures finds the own write in them. */
	for (struct db_request *q = batch; q; q = q->next)
		metric_add(M_db_writes_total, 1);
	if (r == 0)
		metric_add(M_db_commits_total, 1);
	for (struct db_request *q = batch; q; q = next) {
		next = q->next; /* the request is gone once it is woken */
		if (r < 0 && q->r >= 0) {
			err_clear(q->e);
			q->r = err_set(q->e, r, "%s", e.msg);
		}
		sem_post(&q->done);
	}
}

static void *writer_main(void *arg)
{
	struct db *db = arg;
	struct db_request *batch;

	for (;;) {
		pthread_mutex_lock(&db->write_mx);
		while (!db->queue && !db->stopping)
			pthread_cond_wait(&db->write_cv, &db->write_mx);
		batch = db->queue;
		db->queue = NULL;
		db->queue_tail = &db->queue;
		pthread_mutex_unlock(&db->write_mx);
		if (!batch)
			return NULL;
		run_batch(&db->writer, batch);
	}
}

int db_write(struct db *db, int (*fn)(struct db_conn *c, void *arg, struct err *e), void *arg, struct err *e)
{
	struct db_request q = {.fn = fn, .arg = arg, .e = e};
	bool refused;

	if (pthread_equal(pthread_self(), db->write_thread))
		return err_set(e, E_INTERNAL, "db_write inside of db_write");
	sem_init(&q.done, 0, 0);
	pthread_mutex_lock(&db->write_mx);
	refused = db->stopping;
	if (!refused) {
		*db->queue_tail = &q;
		db->queue_tail = &q.next;
		pthread_cond_signal(&db->write_cv);
	}
	pthread_mutex_unlock(&db->write_mx);
	if (refused)
		q.r = err_set(e, E_STOPPING, "The database is being closed.");
	while (!refused && sem_wait(&q.done) < 0 && errno == EINTR)
		;
	sem_destroy(&q.done);
	return q.r;
}

/* After each commit: `pages` are in the log now. */
static int wal_grew(void *arg, sqlite3 *h, const char *name, int pages)
{
	struct db *db = arg;

	(void)h;
	(void)name;
	if (pages < db->wal_seen)
		db->wal_seen = 0; /* the log began anew */
	if (pages - db->wal_seen < WAL_CHECKPOINT_PAGES)
		return SQLITE_OK;
	db->wal_seen = pages;
	pthread_mutex_lock(&db->checkpoint_mx);
	db->checkpoint_wanted = true;
	pthread_cond_signal(&db->checkpoint_cv);
	pthread_mutex_unlock(&db->checkpoint_mx);
	return SQLITE_OK;
}

int db_writer_start(struct db *db, struct err *e)
{
	int r;

	sqlite3_wal_hook(db->writer.h, wal_grew, db);
	r = db_thread_start(&db->write_thread, "db-writer", writer_main, db, e);
	if (r < 0)
		return r;
	db->write_running = true;
	return 0;
}

void db_writer_stop(struct db *db)
{
	if (!db->write_running)
		return;
	pthread_mutex_lock(&db->write_mx);
	db->stopping = true;
	pthread_cond_signal(&db->write_cv);
	pthread_mutex_unlock(&db->write_mx);
	pthread_join(db->write_thread, NULL);
	db->write_running = false;
}

/* ---- the checkpoints ---- */

static void checkpoint(struct db_conn *c)
{
	int log = 0, done = 0, rc;

	rc = sqlite3_wal_checkpoint_v2(c->h, NULL, SQLITE_CHECKPOINT_PASSIVE, &log, &done);
	/* Only a log that readers have kept from beginning anew gets this large; this makes writers wait for them. */
	if (rc == SQLITE_OK && log > WAL_TRUNCATE_PAGES)
		rc = sqlite3_wal_checkpoint_v2(c->h, NULL, SQLITE_CHECKPOINT_TRUNCATE, &log, &done);
	log_debug("db", "checkpoint: %d of %d pages (%s)", done, log, sqlite3_errstr(rc));
}

static void *checkpoint_main(void *arg)
{
	struct db *db = arg;

	pthread_mutex_lock(&db->checkpoint_mx);
	while (!db->checkpoint_stop) {
		if (!db->checkpoint_wanted) {
			pthread_cond_wait(&db->checkpoint_cv, &db->checkpoint_mx);
			continue;
		}
		db->checkpoint_wanted = false;
		pthread_mutex_unlock(&db->checkpoint_mx);
		checkpoint(&db->checkpointer);
		pthread_mutex_lock(&db->checkpoint_mx);
	}
	pthread_mutex_unlock(&db->checkpoint_mx);
	return NULL;
}

int db_checkpointer_start(struct db *db, struct err *e)
{
	const struct db_conn_kind kind = {.writes = true, .cache_kib = 64, .busy_ms = 250};
	int r;

	r = db_conn_open(db, &kind, &db->checkpointer, e);
	if (r < 0)
		return r;
	r = db_thread_start(&db->checkpoint_thread, "db-checkpoint", checkpoint_main, db, e);
	if (r < 0)
		return r;
	db->checkpoint_running = true;
	return 0;
}

void db_checkpointer_stop(struct db *db)
{
	if (db->checkpoint_running) {
		pthread_mutex_lock(&db->checkpoint_mx);
		db->checkpoint_stop = true;
		pthread_cond_signal(&db->checkpoint_cv);
		pthread_mutex_unlock(&db->checkpoint_mx);
		pthread_join(db->checkpoint_thread, NULL);
		db->checkpoint_running = false;
	}
	db_conn_close(&db->checkpointer);
}
