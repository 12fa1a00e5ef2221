/* db_priv.h - what the files of db/ share: the connection, its statements, the writer. SQLite is named only here. */
#pragma once

#include <pthread.h>
#include <semaphore.h>
#include <sqlite3.h>

#include "db/db.h"

/* A statement; busy from db_query until db_rows_done. Those of the cache live in the connection. */
struct db_rows {
	struct db_conn *c;
	sqlite3_stmt *st;
	uint64_t used; /* the connection's clock at the last use, to find the one to throw out */
	uint32_t hash; /* of the SQL text */
	bool cached, busy;
};

struct db_conn {
	struct db *db;
	sqlite3 *h;
	bool writes;
	uint64_t clock;
	struct db_conn *next;  /* in the pool of idle readers */
	struct db_rows *cache; /* of n_cache places */
	unsigned n_cache;
};

struct db_request; /* one db_write, on its caller's stack */

/* What the writer does in one transaction. */
struct db_batch {
	struct db_request *first, **tail;
	struct db_later *later;
};

/* What connections have met, and what it ends with: a commit, a look through the whole file. */
enum db_trouble { DB_TROUBLE_NONE, DB_TROUBLE_WRITING, DB_TROUBLE_DAMAGED };

struct db {
	char *path;
	int64_t node;
	int file_fd; /* the file itself: to see whether it still is the one of that name, and for the lock of a server */
	struct db_conn writer;

	struct db_conn *readers;
	unsigned n_readers;
	pthread_mutex_t pool_mx;
	pthread_cond_t pool_cv;
	struct db_conn *idle;
	unsigned n_idle;

	pthread_t write_thread;
	pthread_mutex_t write_mx;
	pthread_cond_t write_cv;
	struct db_request *queue, **queue_tail;
	struct db_later *later, **later_tail;
	int64_t later_due_ms; /* monotonic, as all here */
	int64_t probe_at_ms;  /* writer thread only */
	bool write_running, stopping;
	/* atomic */
	bool check_stopped;
	bool file_is_gone; /* as db_file_state saw it last */
	unsigned n_waiting, n_later;
	int64_t busy_since_ms;  /* another program has held the database since; 0: it does not */
	int64_t batch_since_ms; /* the first request of the batch at work was asked for; 0: there is none */

	pthread_mutex_t state_mx;
	enum db_trouble trouble;
	char trouble_text[256];
	int64_t check_due_ms;

	struct db_conn checkpointer;
	pthread_t checkpoint_thread;
	bool checkpoint_running, checkpoint_wanted, checkpoint_stop;
	int wal_seen; /* pages of the log at the last request; writer thread only */
	pthread_mutex_t checkpoint_mx;
	pthread_cond_t checkpoint_cv;
};

/* How a connection is opened. */
struct db_conn_kind {
	bool writes;
	int cache_kib;
	int busy_ms;
	unsigned statements; /* that stay compiled */
};

int db_conn_open(struct db *db, const struct db_conn_kind *kind, struct db_conn *ret, struct err *e) MUST_CHECK;
void db_conn_close(struct db_conn *c);

/* Ends every statement that was left running. */
void db_conn_settle(struct db_conn *c);

/* Runs SQL text of several statements, without parameters and rows. */
int db_conn_run(struct db_conn *c, const char *sql, struct err *e) MUST_CHECK;

/* The first column of the first row of a PRAGMA or query as a number. */
int db_conn_number(struct db_conn *c, const char *sql, int64_t *ret, struct err *e) MUST_CHECK;

/* Records what SQLite reported: `rc` is its result code, `sql` what it was about (may be NULL). */
int db_conn_fail(struct db_conn *c, int rc, const char *sql, struct err *e);

/* Records a failure of the file system on the database's file. */
int db_file_fail(int negative_errno, const char *path, struct err *e);

/* A consistent copy to `to`, which must not exist; mode 0600, synced. */
int db_conn_copy(struct db_conn *c, const char *to, struct err *e) MUST_CHECK;

/* E_INVALID for a file of another program. */
int db_belongs(struct db_conn *c, const struct db_config *config, struct err *e) MUST_CHECK;

/* Brings the file to the last version. Before anything else runs on the database. */
int db_migrate(struct db *db, const struct db_migration *migrations, size_t n, const struct db_config *config,
	struct err *e) MUST_CHECK;

int db_writer_start(struct db *db, struct err *e) MUST_CHECK;
void db_writer_stop(struct db *db); /* finishes what is queued */

int64_t db_writer_waits_ms(struct db *db); /* since when what was to be written has not been; 0: all is well */

void db_note_trouble(struct db *db, int rc, const char *text);
void db_note_written(struct db *db);

void db_checkpointer_want(struct db *db); /* the log has grown */
int db_checkpointer_start(struct db *db, struct err *e) MUST_CHECK;
void db_checkpointer_stop(struct db *db);

/* A thread with all signals blocked. */
int db_thread_start(pthread_t *ret, const char *name, void *(*fn)(void *), void *arg, struct err *e) MUST_CHECK;
