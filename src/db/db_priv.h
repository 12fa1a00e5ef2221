/*
 * db_priv.h - what the files of db/ share: the database, its connections and statements, and the verbs that SQLite and
 * PostgreSQL each have their own of (struct db_backend). Neither is named here.
 */
#pragma once

#include <pthread.h>
#include <semaphore.h>

#include "base/magic.h"
#include "db/db.h"

struct db_conn_kind;

/* What connections have met, and what it ends with: a commit, a look through all of it. */
enum db_trouble { DB_TROUBLE_NONE, DB_TROUBLE_WRITING, DB_TROUBLE_DAMAGED };

enum db_transaction { DB_TX_NONE, DB_TX_OPEN, DB_TX_FAILED /* only a rollback helps */ };

/* The verbs. Those of a connection are called by whoever has it; what returns int records its failure. */
struct db_backend {
	const char *name;

	/* Of the database: before the first connection, and after the last; between them, once it is migrated. */
	int (*open)(struct db *db, const struct db_config *c, struct err *e);
	int (*start)(struct db *db, struct err *e);
	void (*stop)(struct db *db);
	void (*close)(struct db *db);

	int (*connect)(struct db_conn *c, const struct db_conn_kind *kind, struct err *e);
	void (*disconnect)(struct db_conn *c);

	/* Statements: compiled once, run many times; each ends with reset. */
	int (*prepare)(struct db_rows *r, struct err *e);
	int (*run)(struct db_rows *r, const struct db_param *params, size_t n, struct err *e);
	int (*next)(struct db_rows *r, struct err *e);
	int64_t (*changed)(const struct db_rows *r);
	void (*reset)(struct db_rows *r);
	void (*finalize)(struct db_rows *r);
	int64_t (*i64)(const struct db_rows *r, int col);
	double (*f64)(const struct db_rows *r, int col);
	bool (*is_null)(const struct db_rows *r, int col);
	struct str (*bytes)(const struct db_rows *r, int col);
	uint64_t (*stamp)(const struct db *db); /* db_stamp, of what other processes write; NULL: that is not known */
	int (*script)(struct db_conn *c, const char *sql, struct err *e); /* several statements, without parameters */

	/* The writer's transaction: begin waits a tenth of a second or so for others, then it is E_BUSY. */
	int (*begin)(struct db_conn *c, struct err *e);
	enum db_transaction (*transaction)(struct db_conn *c);
	/* After a COMMIT whose end nobody heard of: 1, it was carried out; 0, it was not; E_BUSY, that is not known yet. NULL: it is
	 * always heard of. */
	int (*committed)(struct db_conn *c);

	/* Migrations: on the writing connection; the last three inside of a transaction. */
	int (*belongs)(struct db_conn *c, const struct db_config *config, struct err *e);
	int (*version)(struct db_conn *c, int64_t *ret, struct err *e);
	int (*keep)(struct db_conn *c, int next_version, struct err *e); /* a copy of what is there */
	int (*migrate)(struct db_conn *c, const struct db_migration *m, struct err *e);
	int (*set_version)(struct db_conn *c, int version, struct err *e);
	int (*migrated)(struct db_conn *c, struct err *e);

	/* What db.h offers. */
	int (*file_state)(struct db *db, struct err *e);
	int (*state)(struct db *db, struct err *e);
	int (*look_through)(struct db *db, struct err *e);
	int (*snapshot)(struct db *db, const char *to, struct err *e);
	int (*check)(struct db_conn *c, struct arena *a, const char **ret, struct err *e);
	const char *stuck; /* why nothing may have been written for long */
};

extern const struct db_backend db_sqlite, db_postgres;

/* A statement; busy from db_query until db_rows_done. Those of the cache live in the connection. */
struct db_rows {
	struct db_conn *c;
	char *sql;     /* as it was given; NULL: an empty place */
	void *st;      /* the backend's */
	uint64_t used; /* the connection's clock at the last use, to find the one to throw out */
	uint32_t hash; /* of the SQL text */
	bool cached, busy;
};

struct db_conn {
	unsigned magic; /* DB_CONN_MAGIC: it is open */
#define DB_CONN_MAGIC 0x64626363u
	struct db *db;
	void *h; /* the backend's */
	bool writes;
	int cache_kib; /* SQLite's, still to be set; 0: it is */
	uint64_t clock;
	struct db_conn *next;  /* in the pool of idle readers */
	struct db_rows *cache; /* of n_cache places */
	unsigned n_cache;
};

/* How a connection is opened. */
struct db_conn_kind {
	bool writes;
	int cache_kib;
	int busy_ms;
	unsigned statements; /* that stay compiled */
};

struct db_request; /* one db_write, on its caller's stack */

/* What the writer does in one transaction. */
struct db_batch {
	struct db_request *first, **tail;
	struct db_later *later;
	bool behind;   /* some of it stepped back, */
	bool answers;  /* and some has not */
	char why[256]; /* nothing could begin, as it was said last */
};

struct db {
	unsigned magic; /* DB_MAGIC */
#define DB_MAGIC 0x64626462u
	const struct db_backend *be;
	void *own;  /* the backend's */
	char *path; /* of the file, or where the server is: for people, without a password */
	int64_t node;
	struct db_conn writer;
	int (*settle)(struct db_conn *c, void *unused, struct err *e); /* as a migration says; NULL: nothing */
	int64_t settle_at_ms; /* it has failed: not before then; 0: it works. Of the writer's thread, as the next one: */
	int64_t settle_told_ms;

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
	int64_t others_ms;    /* somebody who has not stepped back asked last */
	int64_t behind_ms;    /* writer thread only: some of those that stepped back were written last */
	int64_t probe_at_ms;  /* writer thread only */
	bool write_running, stopping;
	/* atomic */
	bool check_stopped;
	bool hurries;      /* db_hurry was called */
	bool file_is_gone; /* as db_file_state saw it last */
	unsigned n_waiting, n_later;
	uint64_t commits;       /* atomic */
	int64_t busy_since_ms;  /* another program has held the database since; 0: it does not */
	int64_t batch_since_ms; /* the first request of the batch at work was asked for; 0: there is none */

	pthread_mutex_t state_mx;
	enum db_trouble trouble;
	int64_t trouble_ms; /* monotonic: when it was met last */
	char trouble_text[256];
	char lost[512]; /* set as it is opened; see db_lost */
	int64_t lost_until_s;
	int64_t check_due_ms;
};

int db_conn_open(struct db *db, const struct db_conn_kind *kind, struct db_conn *ret, struct err *e) MUST_CHECK;
void db_conn_close(struct db_conn *c);

void db_statements_drop(struct db_conn *c); /* those of its cache; none may be busy */

/* Ends every statement that was left running. */
void db_conn_settle(struct db_conn *c);

/* The first column of the first row of a query as a number. */
int db_conn_number(struct db_conn *c, const char *sql, int64_t *ret, struct err *e) MUST_CHECK;

/* Records a failure of the file system on the database's file. */
int db_file_fail(int negative_errno, const char *path, struct err *e);

/* E_BUSY: others have held the database for too long, or it cannot be reached (`why` then; may be NULL). */
int db_busy(struct err *e, const char *why);

/* Brings the database to the last version. Before anything else runs on it. */
int db_migrate(struct db *db, const struct db_migration *migrations, size_t n, const struct db_config *config,
	struct err *e) MUST_CHECK;

int db_writer_start(struct db *db, struct err *e) MUST_CHECK;
void db_writer_stop(struct db *db); /* finishes what is queued */

int64_t db_writer_waits_ms(struct db *db); /* since when what was to be written has not been; 0: all is well */

void db_note_trouble(struct db *db, enum db_trouble what, const char *text);
void db_note_written(struct db *db);

/* A thread with all signals blocked. */
int db_thread_start(pthread_t *ret, const char *name, void *(*fn)(void *), void *arg, struct err *e) MUST_CHECK;
