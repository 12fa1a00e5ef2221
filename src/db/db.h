/*
 * db.h - the database: SQLite in WAL mode or PostgreSQL, one writing thread with group commit and a few reading
 * connections. The API names nothing of either.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"

struct db;
struct db_conn;

struct db_config {
	const char *path; /* of SQLite's file, or postgresql://... (a connection URI of libpq) */
	unsigned readers;
	int64_t node;      /* this process among those that share the database; 0: it is the only one */
	bool as_it_is;     /* an older file is not migrated but refused: E_CONFLICT */
	bool exclusive;    /* a server's: E_CONFLICT when another one has it; other programs may still look */
	const char *table; /* what every file of ours has once it was migrated; NULL: not asked */
};

struct db_migration {
	int version; /* 1, 2, 3 ... */
	const char *name;
	const char *sql; /* statements separated by ; for both databases, in the words of SQLite */
	/* What cannot be said once, after that; NULL: nothing. */
	const char *sqlite, *postgres;
	/* From this version on: the end of each transaction of the writer, for what its writes left to be done together.
	 * What fails of it is told and undone, and waits for a later one. Of SQLite; NULL: nothing. */
	int (*settle)(struct db_conn *c, void *unused, struct err *e);
};

/*
 * Opens (creating it with mode 0600) and migrates: each missing migration in one transaction, after a snapshot of a
 * non-empty file to PATH.before-vN. A file of a higher version than the last migration: E_NEWER_DATA. A folder that
 * cannot be written, a file that is no database, a disk that is full: a sentence that says so. Starts the writer.
 */
int db_open(const struct db_config *c, const struct db_migration *migrations, size_t n, struct db **ret,
	struct err *e) MUST_CHECK;
/* The end is near: no write waits for over a second for a database that others hold or that cannot be reached. Any thread. */
void db_hurry(struct db *db);
void db_close(struct db *db); /* writes what is queued, checkpoints, NULL is fine */
DEFINE_CLEANUP(struct db, db_close)

/* A reading connection from the pool; waits for one. Give it back soon: never across a provider call. */
struct db_conn *db_acquire(struct db *db);
void db_release(struct db_conn *c);
DEFINE_CLEANUP(struct db_conn, db_release)

bool db_is_url(const char *path);          /* of PostgreSQL */
const char *db_place(const struct db *db); /* its file, or host and name; for people */
bool db_is_shared(const struct db *db);    /* other processes may change what is in it */
bool db_is_postgres(const struct db_conn *c);

/* Which of the processes this is, as the configuration said. */
int64_t db_node(const struct db_conn *c);
int64_t db_own_node(const struct db *db); /* the same */

/*
 * Runs fn on the writer's thread inside a transaction that it may share with others (group commit); returns once that
 * is committed, durable through a crash of the program and of the machine. When fn returns negative, its own changes
 * alone are undone and the code is returned. fn must not block on anything but the database. -ENOSPC and the like
 * come back as E_STORAGE. While another program holds the database it waits for 5 s, less when that has lasted already:
 * E_BUSY, and nothing has happened. E_UNSURE: the server was lost at the very end, and whether all of it has happened or
 * nothing is not known; whoever must know asks once it is there again. Not on the loop thread.
 */
int db_write(
	struct db *db, int (*fn)(struct db_conn *c, void *arg, struct err *e), void *arg, struct err *e) MUST_CHECK;

/* Whether this is within a db_write on this connection: for ASSERT in what must stand in one transaction with the rest. */
bool db_is_writing(const struct db_conn *c);

/* Stays the same while nobody has written: for what is remembered of the database. A write counts before whoever waits for it
 * is told. Where that cannot be known, as on PostgreSQL, it never stays the same. Any thread. */
uint64_t db_stamp(const struct db *db);

/*
 * A small write that nobody waits for: it rides along with the next batch, or a second later on its own; fn as for db_write.
 * What fails with the batch is tried again; done(arg) comes once, on the writer's thread, also when the end came first.
 * False: too many wait, done() does not come. Any thread.
 */
struct db_later {
	int (*fn)(struct db_conn *c, void *arg, struct err *e);
	void (*done)(void *arg);
	void *arg;
	struct db_later *next;
};
bool db_write_later(struct db *db, struct db_later *l);

/*
 * Whether the database can be relied on; 0 or negative with a sentence. Any thread that may block for a moment.
 *   db_file_state    its file is the one that was opened: E_STORAGE when it was deleted or replaced; writes are refused
 *                    from then on, until a later look finds it in its place
 *   db_state         nothing is known of damage or of a disk that does not take what is written
 *   db_writer_state  writes come through; E_BUSY when they have not for 5 s
 */
int db_file_state(struct db *db, struct err *e) MUST_CHECK;
int db_state(struct db *db, struct err *e) MUST_CHECK;
int db_writer_state(struct db *db, struct err *e) MUST_CHECK;

/* What was found to be lost as it was opened, in a sentence; NULL: nothing. Not looked for while a server has it. What was written elsewhere
 * until then (Unix seconds) may be all that is left of it: INT64_MAX when it was found just now, else when a copy was made that is kept. */
const char *db_lost(const struct db *db, int64_t *ret_until_s);

/* Reads through the whole file when the last time is long enough ago (a minute, more for a large one): damage is noted for
 * db_state, or forgotten. One thread, which may block for long. */
void db_check_often(struct db *db);
void db_check_stop(struct db *db); /* ends one that runs, and none begins any more; any thread */

/* Whether that is the end of writing something: it is there, or never will be, since what it belongs to is gone or has
 * changed. Whoever must not lose it tries again after everything else. */
UNUSED static inline bool db_is_settled(int r)
{
	return r >= 0 || r == E_NOT_FOUND || r == E_CONFLICT;
}

/* A consistent copy of the whole database to a new file. */
int db_snapshot(struct db *db, const char *to_path, struct err *e) MUST_CHECK;

/* "ok", or what the integrity check found, in the arena. */
int db_check(struct db *db, struct arena *a, const char **ret, struct err *e) MUST_CHECK;

/* ---- statements; parameters are ? in order ---- */

enum db_type { DB_T_NULL, DB_T_I64, DB_T_F64, DB_T_TEXT, DB_T_BLOB };

struct db_param {
	enum db_type type;
	int64_t i;
	double f;
	const void *p; /* borrowed until the statement is done */
	size_t n;
};

#define DB_NULL         ((struct db_param){.type = DB_T_NULL})
#define DB_I64(v)       ((struct db_param){.type = DB_T_I64, .i = (int64_t)(v)})
#define DB_F64(v)       ((struct db_param){.type = DB_T_F64, .f = (v)})
#define DB_TEXT(s)      db_text(s)
#define DB_TEXT_N(s, l) ((struct db_param){.type = DB_T_TEXT, .p = (s), .n = (l)})
#define DB_BLOB(b, l)   ((struct db_param){.type = DB_T_BLOB, .p = (b), .n = (l)})

UNUSED static inline struct db_param db_text(const char *s) /* NULL is a NULL of this type */
{
	return DB_TEXT_N(s, s ? strlen(s) : 0);
}

/* The parameters of a statement as two arguments: they themselves, and how many. */
#define DB_PARAMS(...)                                                                                                 \
	(const struct db_param[]){__VA_ARGS__}, sizeof((const struct db_param[]){__VA_ARGS__}) / sizeof(struct db_param)

struct db_rows; /* a running statement */

/* Prepares (cached per connection) and binds. Parameters follow as DB_... values. */
int db_query_params(struct db_conn *c, struct db_rows **ret, struct err *e, const char *sql,
	const struct db_param *params, size_t n) MUST_CHECK;
#define db_query(c, ret, e, sql, ...) db_query_params((c), (ret), (e), (sql), DB_PARAMS(__VA_ARGS__))

/* 1: a row; 0: no more; negative: failure. */
int db_next(struct db_rows *r, struct err *e) MUST_CHECK;
void db_rows_done(struct db_rows *r);
DEFINE_CLEANUP(struct db_rows, db_rows_done)

/* Columns of the present row, from 0. Text is valid until db_next; copy it into an arena to keep it. */
int64_t db_i64(const struct db_rows *r, int col);
double db_f64(const struct db_rows *r, int col);
bool db_is_null(const struct db_rows *r, int col);
struct str db_bytes(const struct db_rows *r, int col);
char *db_dup(const struct db_rows *r, int col, struct arena *a); /* NULL for NULL */

/* Runs a statement that returns no rows; ret_changed (may be NULL) gets the number of rows changed. A broken UNIQUE
 * rule is E_CONFLICT. Only inside db_write. */
int db_exec_params(struct db_conn *c, int64_t *ret_changed, struct err *e, const char *sql,
	const struct db_param *params, size_t n) MUST_CHECK;
#define db_exec(c, ret_changed, e, sql, ...) db_exec_params((c), (ret_changed), (e), (sql), DB_PARAMS(__VA_ARGS__))
