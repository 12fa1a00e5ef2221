/*
 * sqlite_checkpoint.c - the thread that moves what is in SQLite's log into the file, so that no commit waits for that: neither at the
 * database, nor at the disk. SQLite writes all pages and then syncs them at once. A thousand of them, here and there in the file, are
 * milliseconds for which the sync of a commit would wait in the disk's queue: so they go to the disk in slices, each awaited.
 */
#include <fcntl.h>

#include "base/log.h"
#include "db/sqlite_priv.h"
#include "sys/thread.h"

#define WAL_CHECKPOINT_PAGES 1000  /* about 4 MiB */
#define WAL_RESTART_PAGES    16384 /* about 64 MiB */
#define WAL_INSIST_PAGES     65536 /* about 256 MiB */
#define INSIST_MS            250
#define SLICE_PAGES          16

/* Writes for SQLite. Slices are for others' sake: what fails in one fails in the sync that follows, which SQLite hears of. */
static int write_sliced(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	struct sqlite_slices *s = CONTAINER_OF(f->pMethods, struct sqlite_slices, by);
	int rc = s->plain->xWrite(f, p, n, at);

	if (rc != SQLITE_OK)
		return rc;
	s->from = s->n ? MIN(s->from, at) : at;
	s->to = s->n ? MAX(s->to, at + n) : at + n;
	if (++s->n == SLICE_PAGES) {
		thread_give_way();
		s->n = 0;
		(void)sync_file_range(
			s->fd, s->from, s->to - s->from, SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
	}
	return rc;
}

/* The file of a connection is reached by a table of functions (sqlite3_io_methods), of which it gets one of its own here. */
static void slice_writes(struct db_conn *c, struct sqlite_slices *s, int fd)
{
	sqlite3_file *f = NULL;

	if (sqlite3_file_control(c->h, "main", SQLITE_FCNTL_FILE_POINTER, &f) != SQLITE_OK || !f || !f->pMethods)
		return;
	*s = (struct sqlite_slices){.by = *f->pMethods, .plain = f->pMethods, .fd = fd};
	s->by.xWrite = write_sliced;
	f->pMethods = &s->by;
}

/* Only a log that is read and written all the time gets so large. Writers would wait while readers are waited for: so it is begun anew
 * in a moment when there is none, of which there is one soon; and else when it is much larger. Its file is kept, since to cut it and let
 * it grow again costs each commit meanwhile a write of the file system's own, and the cut 50 to 80 ms; only a much larger one is cut. */
static int begin_anew(struct db_conn *c, int *log, int *done)
{
	bool insists = *log > WAL_INSIST_PAGES;

	sqlite3_busy_timeout(c->h, insists ? INSIST_MS : 0);
	int mode = insists ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_RESTART;
	int rc = sqlite3_wal_checkpoint_v2(c->h, NULL, mode, log, done);

	return rc == SQLITE_BUSY && !insists ? SQLITE_OK : rc;
}

static void checkpoint(struct db_conn *c)
{
	int log = 0, done = 0, rc;

	thread_aside_begin(); /* nobody waits for this: its slices let answers go first */
	rc = sqlite3_wal_checkpoint_v2(c->h, NULL, SQLITE_CHECKPOINT_PASSIVE, &log, &done);
	/* Once more what was written meanwhile, so that little is left for when writers wait. */
	if (rc == SQLITE_OK && log > WAL_RESTART_PAGES)
		rc = sqlite3_wal_checkpoint_v2(c->h, NULL, SQLITE_CHECKPOINT_PASSIVE, &log, &done);
	thread_aside_end();
	if (rc == SQLITE_OK && log > WAL_RESTART_PAGES)
		rc = begin_anew(c, &log, &done);
	if (rc != SQLITE_OK)
		(void)sqlite_fail(c, rc, "checkpoint", NULL);
	log_debug("db", "checkpoint: %d of %d pages (%s)", done, log, sqlite3_errstr(rc));
}

static void *checkpoint_main(void *arg)
{
	struct sqlite_own *o = arg;

	pthread_mutex_lock(&o->checkpoint_mx);
	while (!o->checkpoint_stop) {
		if (!o->checkpoint_wanted) {
			pthread_cond_wait(&o->checkpoint_cv, &o->checkpoint_mx);
			continue;
		}
		o->checkpoint_wanted = false;
		pthread_mutex_unlock(&o->checkpoint_mx);
		thread_long_begin();
		checkpoint(&o->checkpointer);
		thread_long_end();
		pthread_mutex_lock(&o->checkpoint_mx);
	}
	pthread_mutex_unlock(&o->checkpoint_mx);
	return NULL;
}

static void want_checkpoint(struct sqlite_own *o)
{
	pthread_mutex_lock(&o->checkpoint_mx);
	o->checkpoint_wanted = true;
	pthread_cond_signal(&o->checkpoint_cv);
	pthread_mutex_unlock(&o->checkpoint_mx);
}

/* After each commit: `pages` are in the log now. */
static int wal_grew(void *arg, sqlite3 *h, const char *name, int pages)
{
	struct sqlite_own *o = arg;

	(void)h;
	(void)name;
	if (pages < o->wal_seen)
		o->wal_seen = 0; /* the log began anew */
	if (pages - o->wal_seen < WAL_CHECKPOINT_PAGES)
		return SQLITE_OK;
	o->wal_seen = pages;
	want_checkpoint(o);
	return SQLITE_OK;
}

int sqlite_checkpointer_start(struct db *db, struct err *e)
{
	struct sqlite_own *o = sqlite_own(db);
	const struct db_conn_kind kind = {.writes = true, .cache_kib = 64, .busy_ms = INSIST_MS};
	int r;

	ASSERT(!o->checkpoint_running);
	r = db_conn_open(db, &kind, &o->checkpointer, e);
	if (r < 0)
		return r;
	slice_writes(&o->checkpointer, &o->slices, o->file_fd);
	r = db_thread_start(&o->checkpoint_thread, "db-checkpoint", checkpoint_main, o, e);
	if (r < 0)
		return r;
	o->checkpoint_running = true;
	sqlite3_wal_hook(db->writer.h, wal_grew, o);
	return 0;
}

void sqlite_checkpointer_stop(struct db *db)
{
	struct sqlite_own *o = sqlite_own(db);

	if (o->checkpoint_running) {
		pthread_mutex_lock(&o->checkpoint_mx);
		o->checkpoint_stop = true;
		pthread_cond_signal(&o->checkpoint_cv);
		pthread_mutex_unlock(&o->checkpoint_mx);
		pthread_join(o->checkpoint_thread, NULL);
		o->checkpoint_running = false;
	}
	db_conn_close(&o->checkpointer);
}
