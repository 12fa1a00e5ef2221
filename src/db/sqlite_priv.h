/* sqlite_priv.h - what the files of SQLite share. SQLite itself is named only in them. */
#pragma once

#include <sqlite3.h>

#include "db/db_priv.h"

/* A checkpoint's file, which it writes in slices (sqlite_checkpoint.c). Checkpointer's thread only. */
struct sqlite_slices {
	sqlite3_io_methods by;           /* those of the file, but for its writing */
	const sqlite3_io_methods *plain; /* as SQLite made them */
	int fd;                          /* the file; borrowed */
	int n;                           /* pages written since the last slice ended, */
	int64_t from, to;                /* which lie here */
};

/* What SQLite needs besides connections: its file, and the thread that makes checkpoints. */
struct sqlite_own {
	struct db_conn checkpointer;
	struct sqlite_slices slices; /* of it */
	pthread_t checkpoint_thread;
	int file_fd; /* the file itself: to see whether it still is the one of that name, and for the lock of a server */
	int64_t file_bytes; /* its size when it was last seen whole; atomic */
	ino_t log_ino[2];   /* of its log and of the index of that, as they were first seen; 0: not yet */
	int log_fd;
	const volatile uint64_t *log_head; /* of the log's index, which every process that writes changes; or NULL */
	bool checkpoint_running, checkpoint_wanted, checkpoint_stop;
	int wal_seen; /* pages of the log at the last request; writer thread only */
	pthread_mutex_t checkpoint_mx;
	pthread_cond_t checkpoint_cv;
};

UNUSED static inline sqlite3 *sqlite_handle(const struct db_conn *c)
{
	return c->h;
}

UNUSED static inline struct sqlite_own *sqlite_own(const struct db *db)
{
	return db->own;
}

/* Records what SQLite reported: `rc` is its result code, `sql` what it was about (may be NULL). */
int sqlite_fail(struct db_conn *c, int rc, const char *sql, struct err *e);

/* sqlite_file.c: the file, copies of it, whether it is whole. */
int sqlite_file_open(struct db *db, const struct db_config *c, struct err *e) MUST_CHECK;
void sqlite_log_watch(struct db *db); /* once there is a log */
void sqlite_log_unwatch(struct db *db);
uint64_t sqlite_stamp(const struct db *db);
int sqlite_path_sync(const char *path, int flags) MUST_CHECK; /* negative errno */
int sqlite_keep(struct db_conn *c, int next_version, struct err *e) MUST_CHECK;
int sqlite_file_state(struct db *db, struct err *e) MUST_CHECK;
int sqlite_same_file(const struct db *db, struct err *e) MUST_CHECK; /* the first half of it: not its log */
int sqlite_state(struct db *db, struct err *e) MUST_CHECK;
int sqlite_look_through(struct db *db, struct err *e) MUST_CHECK;
int sqlite_snapshot(struct db *db, const char *to, struct err *e) MUST_CHECK;
int sqlite_check(struct db_conn *c, struct arena *a, const char **ret, struct err *e) MUST_CHECK;
int sqlite_belongs(struct db_conn *c, const struct db_config *config, struct err *e) MUST_CHECK;
int sqlite_references_hold(struct db_conn *c, const struct db_migration *m, struct err *e) MUST_CHECK;

/* sqlite_log.c: before SQLite opens its log, which it makes shorter: sets db->lost */
void sqlite_log_look(struct db *db);
/* How many frames that are not in the database yet a log of `bytes` must have had beyond those it has, by the index of it: its first
 * LOG_INDEX_HEAD bytes. `salts`: those at the head of the log, 8 bytes; NULL: any. */
enum { LOG_INDEX_HEAD = 100 };
int64_t sqlite_log_lacks(const unsigned char index[LOG_INDEX_HEAD], const unsigned char *salts, int64_t bytes);

/* sqlite_checkpoint.c */
int sqlite_checkpointer_start(struct db *db, struct err *e) MUST_CHECK;
void sqlite_checkpointer_stop(struct db *db);
