/*
 * state.c - whether the database can be relied on: its file is the one that was opened, holds what was written, and writes
 * come through. What connections meet is noted where it happens; the rest is looked at when somebody asks.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "db/db_priv.h"

enum {
	STUCK_MS = 5000,
	CHECK_MIN_MS = 60000, /* between two looks through the whole file */
	CHECK_SHARE = 200,    /* of the time goes into them at most */
	CHECK_STEPS = 10000,  /* of SQLite's machine between two looks whether the database is being closed */
	HEADER_BYTES = 100,
};

/* ---- what connections meet ---- */

void db_note_trouble(struct db *db, int rc, const char *text)
{
	enum db_trouble what;

	switch (rc & 0xff) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		what = DB_TROUBLE_DAMAGED;
		break;
	case SQLITE_IOERR:
	case SQLITE_FULL:
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
		what = DB_TROUBLE_WRITING;
		break;
	default:
		return;
	}
	pthread_mutex_lock(&db->state_mx);
	if (db->trouble != DB_TROUBLE_DAMAGED) {
		db->trouble = what;
		snprintf(db->trouble_text, sizeof(db->trouble_text), "%s", text);
	}
	pthread_mutex_unlock(&db->state_mx);
}

static void forget(struct db *db, enum db_trouble what)
{
	pthread_mutex_lock(&db->state_mx);
	if (db->trouble == what)
		db->trouble = DB_TROUBLE_NONE;
	pthread_mutex_unlock(&db->state_mx);
}

void db_note_written(struct db *db)
{
	forget(db, DB_TROUBLE_WRITING);
}

/* ---- the file ---- */

static int file_is_ours(struct db *db, struct err *e)
{
	struct stat mine, there;

	if (fstat(db->file_fd, &mine) < 0)
		return err_set(e, E_STORAGE, "%s cannot be looked at: %s.", db->path, strerror(errno));
	if (stat(db->path, &there) < 0)
		return err_set(e, E_STORAGE,
			errno == ENOENT ? "%s was deleted while the server ran. Stop it and put the folder back."
					: "%s cannot be reached any more.",
			db->path);
	if (mine.st_dev != there.st_dev || mine.st_ino != there.st_ino)
		return err_set(e, E_STORAGE,
			"%s was replaced while the server ran. Stop it, and start it with one of the two.", db->path);
	return 0;
}

/* What a look at the first bytes shows: a file that something else has written over, or cut short. */
static int header_is_whole(struct db *db, struct err *e)
{
	unsigned char h[HEADER_BYTES];
	struct stat st;
	ssize_t n = pread(db->file_fd, h, sizeof(h), 0);

	if (n < 0)
		return err_set(e, E_STORAGE, "%s cannot be read: %s.", db->path, strerror(errno));
	uint32_t size = (uint32_t)h[16] << 8 | h[17];
	uint64_t pages = (uint64_t)h[28] << 24 | (uint64_t)h[29] << 16 | (uint64_t)h[30] << 8 | h[31];
	if (size == 1)
		size = 65536;
	if (n != sizeof(h) || memcmp(h, "SQLite format 3", 16) != 0)
		return err_set(e, E_INTERNAL, "%s is damaged: its first bytes were written over.", db->path);
	if (fstat(db->file_fd, &st) == 0 && (uint64_t)st.st_size < pages * size)
		return err_set(e, E_INTERNAL, "%s is damaged: it was cut short.", db->path);
	return 0;
}

/* ---- the whole file ---- */

static int stop_check(void *arg)
{
	return __atomic_load_n(&((struct db *)arg)->check_stopped, __ATOMIC_RELAXED);
}

/* On a connection of its own: one that has pages in its cache would not see what the disk has. */
static int check_all(struct db *db, struct err *e)
{
	const struct db_conn_kind kind = {.cache_kib = 256, .busy_ms = 100};
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	struct db_conn c;
	int r = db_conn_open(db, &kind, &c, e);

	if (r < 0)
		return r;
	sqlite3_progress_handler(c.h, CHECK_STEPS, stop_check, db);
	r = db_query(&c, &rows, e, "PRAGMA quick_check(1)");
	if (r == 0)
		r = db_next(rows, e);
	if (r > 0 && !str_eq(db_bytes(rows, 0), STR("ok"))) {
		struct str found = db_bytes(rows, 0);

		r = err_set(e, E_INTERNAL, "%s is damaged: %.*s", db->path, (int)MIN(found.n, 120u), found.p);
		db_note_trouble(db, SQLITE_CORRUPT, e->msg);
	}
	db_rows_donep(&rows);
	db_conn_close(&c);
	return MIN(r, 0);
}

void db_check_stop(struct db *db)
{
	__atomic_store_n(&db->check_stopped, true, __ATOMIC_RELAXED);
}

void db_check_often(struct db *db)
{
	int64_t began = clock_mono_ms();
	struct err e = {0};

	if (began < db->check_due_ms || stop_check(db))
		return;
	if (check_all(db, &e) == 0) {
		forget(db, DB_TROUBLE_DAMAGED);
	}
	db->check_due_ms = clock_mono_ms() + MAX((clock_mono_ms() - began) * CHECK_SHARE, (int64_t)CHECK_MIN_MS);
}

/* ---- all of it ---- */

static int noted(struct db *db, struct err *e)
{
	int r = 0;

	pthread_mutex_lock(&db->state_mx);
	if (db->trouble)
		r = err_set(e, db->trouble == DB_TROUBLE_DAMAGED ? E_INTERNAL : E_STORAGE, "%s", db->trouble_text);
	pthread_mutex_unlock(&db->state_mx);
	return r;
}

int db_file_state(struct db *db, struct err *e)
{
	int r = file_is_ours(db, e);

	/* What went into a file without a name would be lost, and who wrote it believe it kept. */
	__atomic_store_n(&db->file_is_gone, r < 0, __ATOMIC_RELAXED);
	return r;
}

int db_state(struct db *db, struct err *e)
{
	int r = header_is_whole(db, e);

	return r < 0 ? r : noted(db, e);
}

int db_writer_state(struct db *db, struct err *e)
{
	int64_t ms = db_writer_waits_ms(db);

	if (ms < STUCK_MS)
		return 0;
	return err_set(e, E_BUSY,
		"Nothing could be written to the database for %lld seconds: another program holds it, or the disk does "
		"not answer.",
		(long long)(ms / 1000));
}
