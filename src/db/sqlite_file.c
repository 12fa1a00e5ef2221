/* sqlite_file.c - the file of SQLite: making and locking it, copies of it, whether it is ours and whole. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "db/sqlite_priv.h"

enum {
	CHECK_STEPS = 10000, /* of SQLite's machine between two looks whether the database is being closed */
	HEADER_BYTES = 100,
};

static const struct db_conn_kind copy_kind = {.writes = true, .cache_kib = 512, .busy_ms = 5000};

/* ---- making it ---- */

enum { LOOKS_MS = 30000, LOOK_STEP_MS = 20 };

/* A byte far behind all data. SQLite has its own; a lock of this kind belongs to the descriptor, not to the process. */
static const struct flock served = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = INT64_C(1) << 62, .l_len = 1};

static int file_lock(int fd, const char *path, struct err *e)
{
	struct flock mine = served;

	if (fcntl(fd, F_OFD_SETLK, &mine) == 0)
		return 0;
	if (errno == EAGAIN || errno == EACCES)
		return err_set(e, E_CONFLICT, "%s is in use by another Atelier. One database, one server.", path);
	return 0; /* a file system without locks: the folder's own must do */
}

/* Then its log is looked at already, and is being written. */
static bool is_served(int fd)
{
	struct flock other = served;

	return fcntl(fd, F_OFD_GETLK, &other) == 0 && other.l_type != F_UNLCK;
}

/* False: somebody else has it, and keeps it: who is stopped in the middle must not keep all others from beginning. */
static bool wait_for(int fd, struct flock *lock, const char *path)
{
	int64_t until_ms = clock_mono_ms() + LOOKS_MS;

	for (bool told = false; fcntl(fd, F_OFD_SETLK, lock) < 0; told = true) {
		if (errno != EAGAIN && errno != EACCES)
			return true; /* a file system without locks */
		if (!told)
			log_info("db", "another program looks at the log of %s; waiting for it", path);
		if (clock_mono_ms() >= until_ms) {
			log_warn("db", "the log of %s is not looked at: another program has kept it for %d s", path,
				LOOKS_MS / 1000);
			return false;
		}
		(void)poll(NULL, 0, LOOK_STEP_MS);
	}
	return true;
}

/* One after the other, in all processes: a copy in the making has one name, and who comes later finds it whole. */
static void look_at_log(struct db *db, bool exclusive)
{
	struct flock looking = served;
	int fd = sqlite_own(db)->file_fd;

	looking.l_start++;
	if (!wait_for(fd, &looking, db->path))
		return;
	if (exclusive || !is_served(fd))
		sqlite_log_look(db);
	looking.l_type = F_UNLCK;
	(void)fcntl(fd, F_OFD_SETLK, &looking);
}

/* Makes the file, so that its mode is ours from the start, and says in plain words what stands in the way. SQLite would
 * follow a link, and what stands beside the file is its work, too. */
int sqlite_file_open(struct db *db, const struct db_config *c, struct err *e)
{
	static const char *const beside[] = {"-wal", "-shm", "-journal"};
	struct sqlite_own *own = sqlite_own(db);
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
	own->file_fd = open(db->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (own->file_fd < 0 || fstat(own->file_fd, &st) < 0)
		return db_file_fail(-errno, db->path, e);
	if (!S_ISREG(st.st_mode))
		return err_set(e, E_INVALID, "%s is not a file.", db->path);
	own->file_bytes = st.st_size;
	int r = c->exclusive ? file_lock(own->file_fd, db->path, e) : 0;
	if (r == 0)
		look_at_log(db, c->exclusive);
	return r;
}

/* A file of another program must neither be filled with our tables nor taken for one of ours. */
int sqlite_belongs(struct db_conn *c, const struct db_config *config, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int64_t version;
	int r;

	if (!config->table)
		return 0;
	r = db_conn_number(c, "PRAGMA user_version", &version, e);
	if (r < 0)
		return r;
	r = db_query(c, &rows, e, "SELECT count(*), total(name = ?) FROM sqlite_schema", DB_TEXT(config->table));
	if (r == 0)
		r = db_next(rows, e);
	if (r < 0)
		return r;
	bool empty = db_i64(rows, 0) == 0, ours = db_i64(rows, 1) > 0;
	if (version > 0 ? ours : empty)
		return 0;
	return err_set(e, E_INVALID,
		"%s is a database, but not one of Atelier. Nothing was changed; move it away, or choose another folder "
		"with --data.",
		config->path);
}

/* ---- copies ---- */

int sqlite_path_sync(const char *path, int flags)
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
	r = sqlite_path_sync(to, O_RDWR);
	if (r == 0)
		r = sqlite_path_sync(dirname(folder), O_RDONLY | O_DIRECTORY);
	return r < 0 ? db_file_fail(r, to, e) : 0;
}

/* A consistent copy to `to`, which must not exist; mode 0600, synced. */
static int copy_to(struct db_conn *c, const char *to, struct err *e)
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

/* A copy of the file as it was, beside it; the copy of an earlier try gives way only once the new one is whole. */
int sqlite_keep(struct db_conn *c, int next_version, struct err *e)
{
	CLEANUP(freep) char *keep = NULL;
	CLEANUP(freep) char *part = NULL;
	int r;

	if (asprintf(&keep, "%s.before-v%d", c->db->path, next_version) < 0 || asprintf(&part, "%s.part", keep) < 0)
		return err_set(e, -ENOMEM, "Out of memory.");
	if (unlink(part) < 0 && errno != ENOENT)
		return db_file_fail(-errno, part, e);
	r = copy_to(c, part, e);
	if (r < 0)
		return r;
	if (rename(part, keep) < 0)
		return db_file_fail(-errno, keep, e);
	return 0;
}

int sqlite_snapshot(struct db *db, const char *to, struct err *e)
{
	struct db_conn c;
	int r = db_conn_open(db, &copy_kind, &c, e);

	if (r < 0)
		return r;
	r = copy_to(&c, to, e);
	db_conn_close(&c);
	return r;
}

/* ---- whether anybody has written ---- */

/* SQLite's index of its log begins with 48 bytes that each commit, of any process, changes: they are mapped, so that a look
 * costs nothing. (https://www.sqlite.org/walformat.html, section 2.1) */
enum { LOG_HEAD = 48, LOG_INDEX_MIN = 32768 };

void sqlite_log_watch(struct db *db)
{
	struct sqlite_own *own = sqlite_own(db);
	char path[PATH_MAX];
	struct stat st;
	void *p;

	if ((size_t)snprintf(path, sizeof(path), "%s-shm", db->path) >= sizeof(path))
		return;
	own->log_fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (own->log_fd < 0 || fstat(own->log_fd, &st) < 0 || st.st_size < LOG_INDEX_MIN)
		return;
	p = mmap(NULL, LOG_HEAD, PROT_READ, MAP_SHARED, own->log_fd, 0);
	own->log_head = p == MAP_FAILED ? NULL : p;
}

void sqlite_log_unwatch(struct db *db)
{
	struct sqlite_own *own = sqlite_own(db);

	if (own->log_head)
		munmap((void *)(uintptr_t)own->log_head, LOG_HEAD);
	own->log_head = NULL;
	closep(&own->log_fd);
}

/* Differs from the last one when somebody has written between; where that cannot be known, always. */
uint64_t sqlite_stamp(const struct db *db)
{
	static uint64_t unknown;
	const volatile uint64_t *head = sqlite_own(db)->log_head;
	uint64_t stamp = 0;

	if (!head)
		return __atomic_add_fetch(&unknown, 1, __ATOMIC_RELAXED);
	for (size_t i = 0; i < LOG_HEAD / sizeof(*head); i++)
		stamp = (stamp ^ head[i]) * UINT64_C(0x9e3779b97f4a7c15);
	return stamp;
}

/* ---- whether it is there and whole ---- */

/* SQLite makes its log and the index of that when it opens the file and keeps them until it closes it: what goes into one without
 * a name is lost with the process, and two programs with an index each do not know of one another. */
static int log_is_there(struct sqlite_own *own, const char *path, size_t which, struct stat *ret, struct err *e)
{
	*ret = (struct stat){0};
	if (stat(path, ret) < 0 && errno != ENOENT)
		return err_set(e, E_STORAGE, "%s cannot be reached any more.", path);
	if (own->log_ino[which] == 0)
		own->log_ino[which] = ret->st_ino;
	if (own->log_ino[which] == ret->st_ino)
		return 0;
	return err_set(e, E_STORAGE,
		"%s was deleted or replaced while the server ran. Stop the server, and start it again.", path);
}

/* A frame is in the log before the index tells of it, and the index forgets all before the log is cut. */
static bool log_is_cut(const struct sqlite_own *own, const char *path)
{
	unsigned char before[LOG_INDEX_HEAD], after[LOG_INDEX_HEAD];
	struct stat st;

	for (int looks = 0; looks < 2; looks++) {
		if (own->log_fd < 0 || pread(own->log_fd, before, sizeof(before), 0) != sizeof(before) ||
			stat(path, &st) < 0 || pread(own->log_fd, after, sizeof(after), 0) != sizeof(after) ||
			memcmp(before, after, sizeof(after)) != 0 || sqlite_log_lacks(after, NULL, st.st_size) == 0)
			return false;
	}
	return true;
}

static int log_state(struct db *db, struct err *e)
{
	static const char *const names[] = {"-wal", "-shm"};
	struct sqlite_own *own = sqlite_own(db);
	char path[PATH_MAX];
	struct stat st;

	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		if ((size_t)snprintf(path, sizeof(path), "%s%s", db->path, names[i]) >= sizeof(path))
			return 0;
		int r = log_is_there(own, path, i, &st, e);
		if (r < 0)
			return r;
		if (i == 0 && log_is_cut(own, path))
			return err_set(e, E_STORAGE,
				"%s was cut short while the server ran: what was stored last is lost. Stop the server; "
				"a backup has what was stored before.",
				path);
	}
	return 0;
}

int sqlite_same_file(const struct db *db, struct err *e)
{
	int fd = sqlite_own(db)->file_fd;
	struct stat mine, there;

	if (fd < 0)
		return 0;
	if (fstat(fd, &mine) < 0)
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

int sqlite_file_state(struct db *db, struct err *e)
{
	int r = sqlite_same_file(db, e);

	return r < 0 ? r : log_state(db, e);
}

/* Whether the file has become smaller than its first page says. One that grows is so for a moment: a checkpoint writes the first
 * page first. */
static bool is_cut_short(struct sqlite_own *own, int64_t size, int64_t should_be)
{
	if (size < should_be)
		return size < __atomic_load_n(&own->file_bytes, __ATOMIC_RELAXED);
	__atomic_store_n(&own->file_bytes, size, __ATOMIC_RELAXED);
	return false;
}

/* What a look at the first bytes shows: a file that something else has written over, or cut short. */
int sqlite_state(struct db *db, struct err *e)
{
	int fd = sqlite_own(db)->file_fd;
	unsigned char h[HEADER_BYTES];
	struct stat st;
	ssize_t n = pread(fd, h, sizeof(h), 0);

	if (n < 0)
		return err_set(e, E_STORAGE, "%s cannot be read: %s.", db->path, strerror(errno));
	uint32_t size = (uint32_t)h[16] << 8 | h[17];
	uint64_t pages = (uint64_t)h[28] << 24 | (uint64_t)h[29] << 16 | (uint64_t)h[30] << 8 | h[31];
	if (size == 1)
		size = 65536;
	if (n != sizeof(h) || memcmp(h, "SQLite format 3", 16) != 0)
		return err_set(e, E_INTERNAL, "%s is damaged: its first bytes were written over.", db->path);
	if (fstat(fd, &st) == 0 && is_cut_short(sqlite_own(db), st.st_size, (int64_t)(pages * size)))
		return err_set(e, E_INTERNAL, "%s is damaged: it was cut short.", db->path);
	return 0;
}

static int stop_check(void *arg)
{
	return __atomic_load_n(&((struct db *)arg)->check_stopped, __ATOMIC_RELAXED);
}

/* On a connection of its own: one that has pages in its cache would not see what the disk has. */
int sqlite_look_through(struct db *db, struct err *e)
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
		db_note_trouble(db, DB_TROUBLE_DAMAGED, e->msg);
	}
	db_rows_donep(&rows);
	db_conn_close(&c);
	return MIN(r, 0);
}

int sqlite_references_hold(struct db_conn *c, const struct db_migration *m, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r;

	r = db_query(c, &rows, e, "PRAGMA foreign_key_check");
	if (r < 0)
		return r;
	r = db_next(rows, e);
	if (r > 0)
		return err_set(
			e, E_INTERNAL, "Migration %d (%s) left a row that refers to nothing.", m->version, m->name);
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

int sqlite_check(struct db_conn *c, struct arena *a, const char **ret, struct err *e)
{
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
		return err_set(e, -ENOMEM, "No room for the findings about %s.", c->db->path);
	*ret = text;
	return 0;
}
