/* checkpoint.c - the thread that moves what is in SQLite's log into the file, so that no commit waits for that. */
#include "base/log.h"
#include "db/db_priv.h"

#define WAL_TRUNCATE_PAGES 16384 /* about 64 MiB */

static void checkpoint(struct db_conn *c)
{
	int log = 0, done = 0, rc;

	rc = sqlite3_wal_checkpoint_v2(c->h, NULL, SQLITE_CHECKPOINT_PASSIVE, &log, &done);
	/* Only a log that readers have kept from beginning anew gets this large; this makes writers wait for them. */
	if (rc == SQLITE_OK && log > WAL_TRUNCATE_PAGES)
		rc = sqlite3_wal_checkpoint_v2(c->h, NULL, SQLITE_CHECKPOINT_TRUNCATE, &log, &done);
	if (rc != SQLITE_OK)
		(void)db_conn_fail(c, rc, "checkpoint", NULL);
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

void db_checkpointer_want(struct db *db)
{
	pthread_mutex_lock(&db->checkpoint_mx);
	db->checkpoint_wanted = true;
	pthread_cond_signal(&db->checkpoint_cv);
	pthread_mutex_unlock(&db->checkpoint_mx);
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
