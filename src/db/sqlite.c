/* sqlite.c - SQLite in WAL mode: connections, statements, what it reports as our errors. */
#include <errno.h>
#include <stdio.h>
#include <sys/statvfs.h>

#include "base/buf.h"
#include "base/fold.h"
#include "base/words.h"
#include "db/sqlite_priv.h"

#define WRITER_BUSY_MS 100 /* once it runs: it tries again itself, and sees meanwhile who waits no longer */

/* ---- failures ---- */

/* What SQLite calls an I/O error is often a full disk: the file that it shares between connections cannot grow. */
static int io_failure(sqlite3 *h, const char *path)
{
	int error = h ? sqlite3_system_errno(h) : 0;
	struct statvfs v;

	if (error == ENOSPC || error == EDQUOT || error == EFBIG || error == EROFS)
		return -error;
	return statvfs(path, &v) == 0 && v.f_bavail == 0 ? -ENOSPC : -EIO;
}

static int describe(struct db_conn *c, int rc, const char *sql, struct err *e)
{
	sqlite3 *h = sqlite_handle(c);
	int extended = h ? sqlite3_extended_errcode(h) : rc;
	const char *path = c->db->path;
	const char *text = h ? sqlite3_errmsg(h) : sqlite3_errstr(rc);

	switch (rc & 0xff) {
	case SQLITE_FULL:
		return db_file_fail(-ENOSPC, path, e);
	case SQLITE_READONLY:
		return db_file_fail(-EACCES, path, e);
	case SQLITE_CANTOPEN:
		if (h && (sqlite3_system_errno(h) == EMFILE || sqlite3_system_errno(h) == ENFILE))
			return db_file_fail(-EMFILE, path, e);
		return err_set(e, E_STORAGE, "%s and the files beside it cannot be opened for writing.", path);
	case SQLITE_IOERR:
		return extended == SQLITE_IOERR_NOMEM ? err_set(e, -ENOMEM, "Out of memory in the database.")
						      : db_file_fail(io_failure(h, path), path, e);
	case SQLITE_NOTADB:
		return err_set(e, E_INTERNAL, "%s is not a database of Atelier.", path);
	case SQLITE_CORRUPT:
		return err_set(e, E_INTERNAL, "%s is damaged: %s.", path, text);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL: /* no lock of the log was to be had, for long: all are held, or the file system gives none */
		return db_busy(e, NULL);
	case SQLITE_NOMEM:
		return err_set(e, -ENOMEM, "Out of memory in the database.");
	case SQLITE_TOOBIG:
		return err_set(e, E_TOO_LARGE, "This is too large for the database.");
	case SQLITE_CONSTRAINT:
		if (extended == SQLITE_CONSTRAINT_UNIQUE || extended == SQLITE_CONSTRAINT_PRIMARYKEY)
			return err_set(e, E_CONFLICT, "There is one like this already.");
		if (extended == SQLITE_CONSTRAINT_FOREIGNKEY)
			return err_set(e, E_NOT_FOUND, "What this belongs to is gone.");
		break;
	default:
		break;
	}
	return err_set(e, E_INTERNAL, "database: %.120s (%d): %.100s", text, extended, sql ? sql : "");
}

static enum db_trouble trouble_of(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return DB_TROUBLE_DAMAGED;
	case SQLITE_IOERR:
	case SQLITE_FULL:
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
		return DB_TROUBLE_WRITING;
	default:
		return DB_TROUBLE_NONE;
	}
}

int sqlite_fail(struct db_conn *c, int rc, const char *sql, struct err *e)
{
	struct err mine = {0};
	int r = describe(c, rc, sql, &mine);

	db_note_trouble(c->db, trouble_of(rc), mine.msg);
	if (e && !e->code)
		*e = mine;
	return r;
}

/* ---- connections ---- */

static int script(struct db_conn *c, const char *sql, struct err *e)
{
	int rc = sqlite3_exec(c->h, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : sqlite_fail(c, rc, sql, e);
}

typedef void (*text_fn)(struct buf *b, const char *p, size_t n);

/* fold(text) and words(text): as texts are compared and searched everywhere (base/fold.h, base/words.h), by the function
 * that they come with. */
static void made_text(sqlite3_context *x, int n UNUSED, sqlite3_value **v)
{
	text_fn add = *(const text_fn *)sqlite3_user_data(x);
	CLEANUP(buf_done) struct buf b = BUF_INIT((size_t)64 << 20);
	const char *text = (const char *)sqlite3_value_text(v[0]);

	if (!text)
		return;
	add(&b, text, (size_t)sqlite3_value_bytes(v[0]));
	if (buf_status(&b) < 0)
		sqlite3_result_error_nomem(x);
	else
		sqlite3_result_text64(x, buf_str(&b).p, b.n, SQLITE_TRANSIENT, SQLITE_UTF8);
}

static int add_functions(sqlite3 *h)
{
	static const struct {
		const char *name;
		text_fn add;
	} functions[] = {{"fold", fold_add}, {"words", words_add}};

	for (size_t i = 0; i < N_ELEMENTS(functions); i++)
		if (sqlite3_create_function_v2(h, functions[i].name, 1,
			    SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, (void *)(uintptr_t)&functions[i].add,
			    made_text, NULL, NULL, NULL) != SQLITE_OK)
			return -ENOMEM;
	return 0;
}

static int sqlite_connect(struct db_conn *c, const struct db_conn_kind *kind, struct err *e)
{
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	char pragmas[400];
	sqlite3 *h = NULL;
	int r = sqlite_same_file(c->db, e);

	/* On another file it would be the only connection, and when it is closed take away the log: that of the first. */
	if (r < 0)
		return r;
	int rc = sqlite3_open_v2(c->db->path, &h, flags, NULL);
	c->h = h;
	if (rc != SQLITE_OK)
		return sqlite_fail(c, rc, NULL, e);
	sqlite3_busy_timeout(h, kind->busy_ms);
	if (add_functions(h) < 0)
		return err_set(e, -ENOMEM, "no memory for a connection to the database");
	/* Checkpoints are made by a thread of their own, so that no commit waits for one. Triggers keep the search's index,
	 * which this version of SQLite lets them only where the schema is trusted. */
	snprintf(pragmas, sizeof(pragmas),
		"PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY;"
		"PRAGMA wal_autocheckpoint = 0; PRAGMA trusted_schema = %s; PRAGMA secure_delete = FAST;"
		"PRAGMA query_only = %d;%s",
		kind->writes ? "ON" : "OFF", kind->writes ? 0 : 1,
		kind->writes ? "PRAGMA synchronous = FULL"
			     : "PRAGMA user_version" /* opens the log of this very file */);
	c->cache_kib = kind->cache_kib;
	return script(c, pragmas, e);
}

/* Not before the first statement, which reads the schema as this does: that takes a millisecond and 150 KB, and most
 * readers of most servers are never needed. */
static int set_cache(struct db_conn *c, struct err *e)
{
	char pragma[64];

	snprintf(pragma, sizeof(pragma), "PRAGMA cache_size = -%d", c->cache_kib);
	int r = script(c, pragma, e);
	if (r == 0)
		c->cache_kib = 0;
	return r;
}

static void sqlite_disconnect(struct db_conn *c)
{
	sqlite3_close(c->h);
	c->h = NULL;
}

/* ---- statements ---- */

static int sqlite_prepare(struct db_rows *r, struct err *e)
{
	sqlite3_stmt *st = NULL;
	int failed = r->c->cache_kib ? set_cache(r->c, e) : 0;

	if (failed < 0)
		return failed;
	int rc = sqlite3_prepare_v3(r->c->h, r->sql, -1, r->cached ? SQLITE_PREPARE_PERSISTENT : 0, &st, NULL);

	r->st = st;
	if (rc == SQLITE_OK && st)
		return 0;
	return sqlite_fail(r->c, rc == SQLITE_OK ? SQLITE_MISUSE : rc, r->sql, e);
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

/* Nothing runs before the first row is asked for. */
static int sqlite_run(struct db_rows *r, const struct db_param *params, size_t n, struct err *e)
{
	if ((size_t)sqlite3_bind_parameter_count(r->st) != n)
		return err_set(e, E_INTERNAL, "%zu parameters were given to: %.120s", n, r->sql);
	for (size_t i = 0; i < n; i++) {
		int rc = bind_one(r->st, (int)i + 1, &params[i]);

		if (rc != SQLITE_OK)
			return sqlite_fail(r->c, rc, r->sql, e);
	}
	return 0;
}

static int sqlite_next(struct db_rows *r, struct err *e)
{
	int rc = sqlite3_step(r->st);

	ASSERT(r->busy);
	if (rc == SQLITE_ROW)
		return 1;
	return rc == SQLITE_DONE ? 0 : sqlite_fail(r->c, rc, r->sql, e);
}

static int64_t sqlite_changed(const struct db_rows *r)
{
	return sqlite3_changes64(r->c->h);
}

static void sqlite_reset(struct db_rows *r)
{
	sqlite3_reset(r->st);
	sqlite3_clear_bindings(r->st);
}

static void sqlite_finalize(struct db_rows *r)
{
	sqlite3_finalize(r->st);
}

static int64_t column_i64(const struct db_rows *r, int col)
{
	ASSERT(col < sqlite3_column_count(r->st));
	return sqlite3_column_int64(r->st, col);
}

static double column_f64(const struct db_rows *r, int col)
{
	ASSERT(col < sqlite3_column_count(r->st));
	return sqlite3_column_double(r->st, col);
}

static bool column_is_null(const struct db_rows *r, int col)
{
	ASSERT(col < sqlite3_column_count(r->st));
	return sqlite3_column_type(r->st, col) == SQLITE_NULL;
}

static struct str column_bytes(const struct db_rows *r, int col)
{
	const void *p;

	/* As text where it is text: then it is terminated. */
	ASSERT(col < sqlite3_column_count(r->st));
	if (sqlite3_column_type(r->st, col) == SQLITE_BLOB)
		p = sqlite3_column_blob(r->st, col);
	else
		p = sqlite3_column_text(r->st, col);
	return p ? (struct str){p, (size_t)sqlite3_column_bytes(r->st, col)} : STR("");
}

/* ---- transactions and migrations ---- */

static int begin(struct db_conn *c, struct err *e)
{
	return db_exec(c, NULL, e, "BEGIN IMMEDIATE");
}

static enum db_transaction transaction(struct db_conn *c)
{
	return sqlite3_get_autocommit(c->h) ? DB_TX_NONE : DB_TX_OPEN;
}

static int version(struct db_conn *c, int64_t *ret, struct err *e)
{
	return db_conn_number(c, "PRAGMA user_version", ret, e);
}

static int set_version(struct db_conn *c, int v, struct err *e)
{
	char sql[64];

	snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", v);
	return script(c, sql, e);
}

static int migrate(struct db_conn *c, const struct db_migration *m, struct err *e)
{
	int r = script(c, m->sql, e);

	if (r == 0 && m->sqlite)
		r = script(c, m->sqlite, e);
	return r < 0 ? r : sqlite_references_hold(c, m, e);
}

/* Only now: a migration that rebuilds a table must be able to break references for a moment. */
static int migrated(struct db_conn *c, struct err *e)
{
	sqlite3_busy_timeout(c->h, WRITER_BUSY_MS);
	return script(c, "PRAGMA foreign_keys = ON", e);
}

static int wal_on(struct db_conn *c, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r = db_query(c, &rows, e, "PRAGMA journal_mode = WAL");

	if (r == 0)
		r = db_next(rows, e);
	if (r < 0)
		return r;
	if (!str_eq(db_bytes(rows, 0), STR("wal")))
		return err_set(e, E_STORAGE, "The file system of %s does not allow a write-ahead log.", c->db->path);
	return 0;
}

static int belongs(struct db_conn *c, const struct db_config *config, struct err *e)
{
	int r = sqlite_belongs(c, config, e);

	return r < 0 ? r : wal_on(c, e);
}

/* ---- the database ---- */

static void set_up(void)
{
	/* A connection is used by one thread at a time, and the sizes of the caches bound the memory: neither needs locks. */
	sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	sqlite3_initialize();
}

static int sqlite_open(struct db *db, const struct db_config *c, struct err *e)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct sqlite_own *own = xcalloc(1, sizeof(*own));

	pthread_once(&once, set_up);
	own->file_fd = own->log_fd = -1;
	pthread_mutex_init(&own->checkpoint_mx, NULL);
	pthread_cond_init(&own->checkpoint_cv, NULL);
	db->own = own;
	return sqlite_file_open(db, c, e);
}

static int sqlite_start(struct db *db, struct err *e)
{
	sqlite_log_watch(db);
	return sqlite_checkpointer_start(db, e);
}

static void sqlite_close(struct db *db)
{
	struct sqlite_own *own = sqlite_own(db);

	/* Last of all: closing any descriptor of the files would take SQLite's locks away. */
	sqlite_log_unwatch(db);
	closep(&own->file_fd);
	pthread_cond_destroy(&own->checkpoint_cv);
	pthread_mutex_destroy(&own->checkpoint_mx);
	free(own);
}

const struct db_backend db_sqlite = {
	.name = "SQLite",
	.open = sqlite_open,
	.start = sqlite_start,
	.stop = sqlite_checkpointer_stop,
	.close = sqlite_close,
	.connect = sqlite_connect,
	.disconnect = sqlite_disconnect,
	.prepare = sqlite_prepare,
	.run = sqlite_run,
	.next = sqlite_next,
	.changed = sqlite_changed,
	.reset = sqlite_reset,
	.finalize = sqlite_finalize,
	.i64 = column_i64,
	.f64 = column_f64,
	.is_null = column_is_null,
	.bytes = column_bytes,
	.script = script,
	.begin = begin,
	.transaction = transaction,
	.belongs = belongs,
	.version = version,
	.keep = sqlite_keep,
	.migrate = migrate,
	.set_version = set_version,
	.migrated = migrated,
	.file_state = sqlite_file_state,
	.state = sqlite_state,
	.look_through = sqlite_look_through,
	.snapshot = sqlite_snapshot,
	.check = sqlite_check,
	.stamp = sqlite_stamp,
	.stuck = "another program holds it, or the disk does not answer",
};
