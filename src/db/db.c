/* db.c - opening and closing, connections, the pool of readers, copies and checks. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/fold.h"
#include "db/db_priv.h"
#include "sys/thread.h"

static const struct db_conn_kind reader_kind = {.cache_kib = 512, .busy_ms = 5000, .statements = 48};
static const struct db_conn_kind writer_kind = {.writes = true, .cache_kib = 2048, .busy_ms = 5000, .statements = 192};
static const struct db_conn_kind copy_kind = {.writes = true, .cache_kib = 512, .busy_ms = 5000};
#define WRITER_BUSY_MS 100 /* once it runs: it tries again itself, and sees meanwhile who waits no longer */

/* ---- failures ---- */

int db_file_fail(int r, const char *path, struct err *e)
{
	return err_file(e, r, path);
}

static int describe(struct db_conn *c, int rc, const char *sql, struct err *e)
{
	int extended = c->h ? sqlite3_extended_errcode(c->h) : rc;
	const char *path = c->db->path;
	const char *text = c->h ? sqlite3_errmsg(c->h) : sqlite3_errstr(rc);

	switch (rc & 0xff) {
	case SQLITE_FULL:
		return db_file_fail(-ENOSPC, path, e);
	case SQLITE_READONLY:
		return db_file_fail(-EACCES, path, e);
	case SQLITE_CANTOPEN:
		if (c->h && (sqlite3_system_errno(c->h) == EMFILE || sqlite3_system_errno(c->h) == ENFILE))
			return db_file_fail(-EMFILE, path, e);
		return err_set(e, E_STORAGE, "%s and the files beside it cannot be opened for writing.", path);
	case SQLITE_IOERR:
		return extended == SQLITE_IOERR_NOMEM ? err_set(e, -ENOMEM, "Out of memory in the database.")
						      : db_file_fail(-EIO, path, e);
	case SQLITE_NOTADB:
		return err_set(e, E_INTERNAL, "%s is not a database of Atelier.", path);
	case SQLITE_CORRUPT:
		return err_set(e, E_INTERNAL, "%s is damaged: %s.", path, text);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return err_set(e, E_BUSY, "Another program has held the database for too long. Try again.");
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

int db_conn_fail(struct db_conn *c, int rc, const char *sql, struct err *e)
{
	struct err mine = {0};
	int r = describe(c, rc, sql, &mine);

	db_note_trouble(c->db, rc, mine.msg);
	return err_set(e, r, "%s", mine.msg);
}

/* ---- connections ---- */

int db_conn_run(struct db_conn *c, const char *sql, struct err *e)
{
	int rc = sqlite3_exec(c->h, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : db_conn_fail(c, rc, sql, e);
}

int db_conn_number(struct db_conn *c, const char *sql, int64_t *ret, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r;

	r = db_query(c, &rows, e, sql);
	if (r < 0)
		return r;
	r = db_next(rows, e);
	if (r < 0)
		return r;
	*ret = r ? db_i64(rows, 0) : 0;
	return 0;
}

/* fold(text): as texts are compared and searched everywhere (base/fold.h). */
static void fold_text(sqlite3_context *x, int n UNUSED, sqlite3_value **v)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT((size_t)64 << 20);
	const char *text = (const char *)sqlite3_value_text(v[0]);

	if (!text)
		return;
	fold_add(&b, text, (size_t)sqlite3_value_bytes(v[0]));
	if (buf_status(&b) < 0)
		sqlite3_result_error_nomem(x);
	else
		sqlite3_result_text64(x, buf_str(&b).p, b.n, SQLITE_TRANSIENT, SQLITE_UTF8);
}

int db_conn_open(struct db *db, const struct db_conn_kind *kind, struct db_conn *ret, struct err *e)
{
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	char pragmas[400];
	int rc, r;

	*ret = (struct db_conn){.db = db, .writes = kind->writes, .n_cache = MAX(kind->statements, 4u)};
	ret->cache = xcalloc(ret->n_cache, sizeof(*ret->cache));
	rc = sqlite3_open_v2(db->path, &ret->h, flags, NULL);
	if (rc != SQLITE_OK) {
		r = db_conn_fail(ret, rc, NULL, e);
		db_conn_close(ret);
		return r;
	}
	sqlite3_busy_timeout(ret->h, kind->busy_ms);
	if (sqlite3_create_function_v2(ret->h, "fold", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, NULL,
		    fold_text, NULL, NULL, NULL) != SQLITE_OK) {
		db_conn_close(ret);
		return err_set(e, -ENOMEM, "no memory for a connection to the database");
	}
	/* Checkpoints are made by a thread of their own, so that no commit waits for one. */
	snprintf(pragmas, sizeof(pragmas),
		"PRAGMA synchronous = FULL; PRAGMA cache_size = -%d; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY;"
		"PRAGMA wal_autocheckpoint = 0; PRAGMA trusted_schema = OFF; PRAGMA secure_delete = FAST;"
		"PRAGMA query_only = %d;",
		kind->cache_kib, kind->writes ? 0 : 1);
	r = db_conn_run(ret, pragmas, e);
	if (r < 0)
		db_conn_close(ret);
	return r;
}

void db_conn_close(struct db_conn *c)
{
	for (size_t i = 0; c->cache && i < c->n_cache; i++)
		sqlite3_finalize(c->cache[i].st);
	free(c->cache);
	c->cache = NULL;
	sqlite3_close(c->h);
	c->h = NULL;
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

	return r < 0 ? err_set(e, r, "The thread %s cannot be started: %s.", name, strerror(-r)) : 0;
}

/* ---- open and close ---- */

static void sqlite_set_up(void)
{
	/* A connection is used by one thread at a time, and the sizes of the caches bound the memory: neither needs locks. */
	sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	sqlite3_initialize();
}

/* A byte far behind all data. SQLite has its own; a lock of this kind belongs to the descriptor, not to the process. */
static int file_lock(int fd, const char *path, struct err *e)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = INT64_C(1) << 62, .l_len = 1};

	if (fcntl(fd, F_OFD_SETLK, &whole) == 0)
		return 0;
	if (errno == EAGAIN || errno == EACCES)
		return err_set(e, E_CONFLICT, "%s is in use by another Atelier. One database, one server.", path);
	return 0; /* a file system without locks: the folder's own must do */
}

/* Makes the file, so that its mode is ours from the start, and says in plain words what stands in the way. SQLite would
 * follow a link, and what stands beside the file is its work, too. */
static int file_prepare(struct db *db, bool exclusive, struct err *e)
{
	static const char *const beside[] = {"-wal", "-shm", "-journal"};
	CLEANUP(freep) char *copy = xstrdup(db->path);
	const char *folder = dirname(copy);
	char other[PATH_MAX];
	struct stat st;

	if (stat(folder, &st) < 0 || access(folder, W_OK | X_OK) < 0)
		return db_file_fail(-errno, folder, e);
	for (size_t i = 0; i < N_ELEMENTS(beside); i++) {
		if ((size_t)snprintf(other, sizeof(other), "%s%s", db->path, beside[i]) < sizeof(other) &&
			lstat(other, &st) == 0 && S_ISLNK(st.st_mode))
			return db_file_fail(-ELOOP, other, e);
	}
	db->file_fd = open(db->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (db->file_fd < 0 || fstat(db->file_fd, &st) < 0)
		return db_file_fail(-errno, db->path, e);
	if (!S_ISREG(st.st_mode))
		return err_set(e, E_INVALID, "%s is not a file.", db->path);
	return exclusive ? file_lock(db->file_fd, db->path, e) : 0;
}

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
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r;

	r = db_conn_open(db, &writer_kind, &db->writer, e);
	if (r < 0)
		return r;
	/* Before anything changes in it, and that does. */
	r = db_belongs(&db->writer, config, e);
	if (r < 0)
		return r;
	r = db_query(&db->writer, &rows, e, "PRAGMA journal_mode = WAL");
	if (r < 0)
		return r;
	r = db_next(rows, e);
	if (r < 0)
		return r;
	if (!str_eq(db_bytes(rows, 0), STR("wal")))
		return err_set(e, E_STORAGE, "The file system of %s does not allow a write-ahead log.", db->path);
	return 0;
}

int db_open(const struct db_config *c, const struct db_migration *migrations, size_t n, struct db **ret, struct err *e)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	CLEANUP(db_closep) struct db *db = NULL;
	pthread_condattr_t monotonic;
	int r;

	pthread_once(&once, sqlite_set_up);
	db = xcalloc(1, sizeof(*db));
	db->path = xstrdup(c->path);
	db->node = c->node;
	db->file_fd = -1;
	db->queue_tail = &db->queue;
	db->later_tail = &db->later;
	pthread_mutex_init(&db->pool_mx, NULL);
	pthread_cond_init(&db->pool_cv, NULL);
	pthread_mutex_init(&db->write_mx, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&db->write_cv, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_mutex_init(&db->state_mx, NULL);
	pthread_mutex_init(&db->checkpoint_mx, NULL);
	pthread_cond_init(&db->checkpoint_cv, NULL);

	r = file_prepare(db, c->exclusive, e);
	if (r < 0)
		return r;
	r = writer_open(db, c, e);
	if (r < 0)
		return r;
	r = db_migrate(db, migrations, n, c, e);
	if (r < 0)
		return r;
	sqlite3_busy_timeout(db->writer.h, WRITER_BUSY_MS);
	r = readers_open(db, MAX(c->readers, 1u), e);
	if (r < 0)
		return r;
	r = db_checkpointer_start(db, e);
	if (r < 0)
		return r;
	r = db_writer_start(db, e);
	if (r < 0)
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
	db_checkpointer_stop(db);
	/* The last connection to close writes the whole log into the file and removes it. */
	db_conn_close(&db->writer);
	/* Last: closing any descriptor of the file would take SQLite's locks away. */
	closep(&db->file_fd);
	pthread_mutex_destroy(&db->state_mx);
	pthread_cond_destroy(&db->checkpoint_cv);
	pthread_mutex_destroy(&db->checkpoint_mx);
	pthread_cond_destroy(&db->write_cv);
	pthread_mutex_destroy(&db->write_mx);
	pthread_cond_destroy(&db->pool_cv);
	pthread_mutex_destroy(&db->pool_mx);
	free(db->readers);
	free(db->path);
	free(db);
}

int64_t db_node(const struct db_conn *c)
{
	return c->db->node;
}

/* ---- readers ---- */

struct db_conn *db_acquire(struct db *db)
{
	struct db_conn *c;

	pthread_mutex_lock(&db->pool_mx);
	while (!db->idle)
		pthread_cond_wait(&db->pool_cv, &db->pool_mx);
	/* The last one given back: its cache is warm, and those never needed stay small. */
	c = db->idle;
	db->idle = c->next;
	db->n_idle--;
	pthread_mutex_unlock(&db->pool_mx);
	return c;
}

void db_release(struct db_conn *c)
{
	struct db *db;

	if (!c)
		return;
	db = c->db;
	db_conn_settle(c);
	pthread_mutex_lock(&db->pool_mx);
	c->next = db->idle;
	db->idle = c;
	db->n_idle++;
	/* Not signal: db_close may wait beside the readers. */
	pthread_cond_broadcast(&db->pool_cv);
	pthread_mutex_unlock(&db->pool_mx);
}

/* ---- copies and checks ---- */

static int path_sync(const char *path, int flags)
{
	CLEANUP(closep) int fd = open(path, flags | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

static int copy_fill(struct db_conn *c, const char *to, struct err *e)
{
	CLEANUP(freep) char *folder = xstrdup(to);
	int r;

	r = db_exec(c, NULL, e, "VACUUM INTO ?", DB_TEXT(to));
	if (r < 0)
		return r;
	r = path_sync(to, O_RDWR);
	if (r == 0)
		r = path_sync(dirname(folder), O_RDONLY | O_DIRECTORY);
	return r < 0 ? db_file_fail(r, to, e) : 0;
}

int db_conn_copy(struct db_conn *c, const char *to, struct err *e)
{
	int fd, r;

	/* An empty file is filled as it is, and so has our mode. */
	fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 && errno == EEXIST)
		return err_set(e, E_CONFLICT, "%s exists already.", to);
	if (fd < 0)
		return db_file_fail(-errno, to, e);
	close(fd);
	r = copy_fill(c, to, e);
	if (r < 0)
		unlink(to);
	return r;
}

int db_snapshot(struct db *db, const char *to_path, struct err *e)
{
	struct db_conn c;
	int r;

	r = db_conn_open(db, &copy_kind, &c, e);
	if (r < 0)
		return r;
	r = db_conn_copy(&c, to_path, e);
	db_conn_close(&c);
	return r;
}

static int check_integrity(struct db_conn *c, struct buf *b, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r;

	r = db_query(c, &rows, e, "PRAGMA integrity_check(20)");
	if (r < 0)
		return r;
	while ((r = db_next(rows, e)) > 0) {
		struct str line = db_bytes(rows, 0);

		if (str_eq(line, STR("ok")))
			continue;
		buf_add(b, line.p, line.n);
		buf_add_char(b, '\n');
	}
	return r;
}

static int check_references(struct db_conn *c, struct buf *b, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r;

	r = db_query(c, &rows, e, "PRAGMA foreign_key_check");
	if (r < 0)
		return r;
	for (int left = 20; left > 0 && (r = db_next(rows, e)) > 0; left--) {
		struct str table = db_bytes(rows, 0), parent;

		buf_printf(b, STR_FMT " row %lld refers to nothing in ", STR_ARG(table), (long long)db_i64(rows, 1));
		parent = db_bytes(rows, 2);
		buf_printf(b, STR_FMT "\n", STR_ARG(parent));
	}
	return r < 0 ? r : 0;
}

int db_check(struct db *db, struct arena *a, const char **ret, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(db);
	CLEANUP(buf_done) struct buf b = BUF_INIT(65536);
	const char *text;
	int r;

	r = check_integrity(c, &b, e);
	if (r < 0)
		return r;
	r = check_references(c, &b, e);
	if (r < 0)
		return r;
	text = b.n ? arena_strndup(a, b.p, b.n) : "ok";
	if (!text || buf_status(&b) < 0)
		return err_set(e, -ENOMEM, "No room for the findings about %s.", db->path);
	*ret = text;
	return 0;
}
