/*
 * blobs.c - a file's bytes are named by their hash, written beside their place, synced, renamed and their folder synced, all before
 * the row: what is named by its content is never changed, only there or not. One mutex is held from the rename to the row, and from
 * the end of a row to the end of its file, so that bytes brought again while they are being removed are not taken away from their
 * new row. What a crash leaves (a file without a row) is found by its age.
 */
#include "store/blobs.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>

#include "store/store_priv.h"
#include "store/uploads.h"
#include "sys/loop.h"
#include "sys/thread.h"

#define FOLDER   "blobs"
#define BESIDE   "new-" /* and an id: what is being written */
#define AT_ONCE  200
#define PIECE    ((size_t)16 << 10) /* bytes of a file at a time */
#define STRAY_MS INT64_C(3600000)

/* Whether somebody has the blob of the row `blobs`. */
#define BLOBS_USED                                                                                                     \
	"(EXISTS (SELECT 1 FROM images WHERE images.blob_id = blobs.id)"                                               \
	" OR EXISTS (SELECT 1 FROM documents WHERE documents.blob_id = blobs.id)"                                      \
	" OR EXISTS (SELECT 1 FROM files WHERE files.blob_id = blobs.id))"

/* Held from a file's place until its row is there, or from the row's end until the file is gone. */
static pthread_mutex_t place_mx = PTHREAD_MUTEX_INITIALIZER;

/* ---- files ---- */

static void file_path(const char *data, const char *hash, char ret[PATH_MAX])
{
	snprintf(ret, PATH_MAX, "%.3900s/" FOLDER "/%.2s/%.64s", data, hash, hash);
}

static int make_folder(const char *path, struct err *e)
{
	struct stat st;

	if (mkdir(path, 0700) == 0)
		return 0;
	if (errno != EEXIST || lstat(path, &st) < 0)
		return err_file(e, -errno, path);
	return S_ISLNK(st.st_mode) ? err_file(e, -ELOOP, path) : 0;
}

static int sync_folder(const char *path, struct err *e)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || fsync(fd) < 0 ? err_file(e, -errno, path) : 0;
}

/* The folder of a hash; its name is durable. */
static int make_folders(const char *data, const char *hash, struct err *e)
{
	char all[PATH_MAX], one[PATH_MAX];
	struct stat st;
	int r;

	snprintf(all, sizeof(all), "%.3900s/" FOLDER, data);
	snprintf(one, sizeof(one), "%.3950s/%.2s", all, hash);
	if (lstat(one, &st) == 0 && S_ISDIR(st.st_mode))
		return 0;
	r = make_folder(all, e);
	if (r == 0)
		r = make_folder(one, e);
	if (r == 0)
		r = sync_folder(all, e);
	return r < 0 ? r : sync_folder(data, e);
}

/* ---- what is to be kept ---- */

static int64_t size_of(const struct blob_new *in)
{
	return in->file ? in->file->size : (int64_t)in->bytes.n;
}

/* The bytes from `at` on, or the first of them, read into `room` where they are in a file. Such a one is read and not mapped: a
 * disk that fails is an error then. */
static int next_piece(const struct blob_new *in, int64_t at, char room[PIECE], struct str *ret, struct err *e)
{
	size_t left = (size_t)(size_of(in) - at);
	ssize_t n;

	ASSERT(at >= 0 && at <= size_of(in));
	thread_give_way();
	if (!in->file) {
		*ret = (struct str){in->bytes.p + at, MIN(left, PIECE)};
		return 0;
	}
	do
		n = pread(in->file->fd, room, MIN(left, PIECE), at);
	while (n < 0 && errno == EINTR);
	if (n < 0 || (n == 0 && left > 0))
		return err_file(e, n < 0 ? -errno : -EIO, "the file that was sent");
	*ret = (struct str){room, (size_t)n};
	return 0;
}

static int name_by_hash(const struct blob_new *in, char ret[BLOB_HASH_LEN + 1], struct err *e)
{
	unsigned char hash[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_state sum;
	char room[PIECE];
	struct str piece = {room, 0};
	int r = 0;

	crypto_hash_sha256_init(&sum);
	for (int64_t at = 0; r == 0 && at < size_of(in); at += (int64_t)piece.n) {
		r = next_piece(in, at, room, &piece, e);
		if (r == 0)
			crypto_hash_sha256_update(&sum, (const unsigned char *)piece.p, piece.n);
	}
	crypto_hash_sha256_final(&sum, hash);
	sodium_bin2hex(ret, BLOB_HASH_LEN + 1, hash, sizeof(hash));
	return r;
}

static int write_beside(const char *path, const struct blob_new *in, struct err *e)
{
	CLEANUP(closep) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = fd < 0 ? err_file(e, -errno, path) : 0;
	char room[PIECE];
	struct str piece = {room, 0};

	for (int64_t at = 0; r == 0 && at < size_of(in); at += (int64_t)piece.n) {
		r = next_piece(in, at, room, &piece, e);
		if (r == 0)
			r = upload_write(fd, at, piece.p, piece.n, e);
	}
	if (r == 0)
		r = upload_sync(fd, e);
	return r < 0 ? err_set(e, r, "The file cannot be stored.") : 0;
}

/* ---- its place ---- */

static int rename_into_place(const char *from, const char *to, struct err *e)
{
	char folder[PATH_MAX];

	if (rename(from, to) < 0)
		return err_file(e, -errno, to);
	snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(to, '/') - to), to);
	return sync_folder(folder, e);
}

int blobs_open(const char *data, const char *hash, int *ret_fd, struct err *e)
{
	char path[PATH_MAX];

	file_path(data, hash, path);
	*ret_fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return *ret_fd < 0 ? err_set(e, E_NOT_FOUND, "The bytes of this file are gone.") : 0;
}

int blobs_read(const char *data, const char *hash, struct buf *to, struct err *e)
{
	CLEANUP(closep) int fd = -1;
	struct stat st;
	int r = blobs_open(data, hash, &fd, e);

	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		return err_file(e, -errno, hash);
	char *p = buf_reserve(to, (size_t)st.st_size);
	if (!p)
		return err_set(e, buf_status(to), "The file does not fit the memory set aside for it.");
	for (size_t left = (size_t)st.st_size; left > 0;) {
		ssize_t n = read(fd, p, left);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? err_file(e, -errno, hash) : err_set(e, E_NOT_FOUND, "A file is cut off.");
		p += n;
		to->n += (size_t)n;
		left -= (size_t)n;
	}
	return 0;
}

/* ---- rows ---- */

struct put {
	const struct blob_new *in;
	char hash[BLOB_HASH_LEN + 1];
};

static int find_id(struct db_conn *c, const char *hash, atelier_id *ret, struct err *e)
{
	return STORE_I64(c, ret, "There is no such file.", e, "SELECT id FROM blobs WHERE hash = ?", DB_TEXT(hash));
}

static int put_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct put *x = arg;
	atelier_id id = 0;
	int r = db_exec(c, NULL, e,
		"INSERT INTO blobs (id, hash, size, created_at, node) VALUES (?, ?, ?, ?, ?)"
		" ON CONFLICT (hash) DO UPDATE SET node = excluded.node WHERE excluded.node <> 0", /* who has it now */
		DB_I64(id_new()), DB_TEXT(x->hash), DB_I64(size_of(x->in)), DB_I64(clock_now_ms()), DB_I64(db_node(c)));

	ASSERT(db_is_writing(c));
	if (r == 0)
		r = find_id(c, x->hash, &id, e);
	return r < 0 ? r : x->in->take(c, id, x->in->arg, e);
}

static int put_written(struct db *db, struct put *x, const char *beside, const char *path, struct err *e)
{
	int r;

	ASSERT(thread_may_wait());
	pthread_mutex_lock(&place_mx);
	r = rename_into_place(beside, path, e);
	if (r == 0)
		r = db_write(db, put_in, x, e);
	pthread_mutex_unlock(&place_mx);
	return r;
}

int blobs_put(struct db *db, const char *data, const struct blob_new *in, struct err *e)
{
	struct put x = {.in = in};
	char path[PATH_MAX], beside[PATH_MAX], id[ID_LEN + 1];
	int r;

	ASSERT(in->take && size_of(in) >= 0);
	ASSERT(thread_may_wait());
	if ((r = name_by_hash(in, x.hash, e)) < 0)
		return r;
	id_format(id_new(), id);
	file_path(data, x.hash, path);
	snprintf(beside, sizeof(beside), "%.3900s/" FOLDER "/%.2s/" BESIDE "%s", data, x.hash, id);
	r = make_folders(data, x.hash, e);
	if (r == 0)
		r = write_beside(beside, in, e);
	if (r == 0)
		r = put_written(db, &x, beside, path, e);
	if (r < 0)
		(void)unlink(beside);
	return r;
}

/* ---- what nobody has ---- */

struct unused {
	atelier_id ids[AT_ONCE];
	char hashes[AT_ONCE][BLOB_HASH_LEN + 1];
	size_t n;
};

static int find_unused(struct db_conn *c, struct unused *x, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r = db_query(c, &rows, e, "SELECT id, hash FROM blobs WHERE NOT " BLOBS_USED " ORDER BY id LIMIT ?",
		DB_I64(AT_ONCE));

	ASSERT(x->n == 0);
	while (r >= 0 && (r = db_next(rows, e)) > 0) {
		x->ids[x->n] = db_i64(rows, 0);
		snprintf(x->hashes[x->n++], sizeof(x->hashes[0]), STR_FMT, STR_ARG(db_bytes(rows, 1)));
	}
	return r;
}

/* Those that somebody has taken meanwhile stay, and their hash is cleared. */
static int delete_unused_in(struct db_conn *c, void *arg, struct err *e)
{
	struct unused *x = arg;
	int r = 0;

	for (size_t i = 0; r == 0 && i < x->n; i++) {
		int64_t n = 0;
		r = db_exec(c, &n, e, "DELETE FROM blobs WHERE id = ? AND NOT " BLOBS_USED, DB_I64(x->ids[i]));
		if (n == 0)
			x->hashes[i][0] = '\0';
	}
	return r;
}

int blobs_delete_unused(struct db *db, const char *data, int64_t *ret_n, struct err *e)
{
	CLEANUP(freep) struct unused *x = xcalloc(1, sizeof(*x));
	int64_t n = 0;
	int r;

	ASSERT(thread_may_wait());
	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(db);
		r = find_unused(c, x, e);
	}
	*ret_n = 0;
	if (r < 0 || x->n == 0)
		return r;
	pthread_mutex_lock(&place_mx);
	r = db_write(db, delete_unused_in, x, e);
	for (size_t i = 0; r == 0 && i < x->n; i++) {
		char path[PATH_MAX];
		if (!x->hashes[i][0])
			continue;
		file_path(data, x->hashes[i], path);
		(void)unlink(path); /* what stays is found as a stray */
		n++;
	}
	pthread_mutex_unlock(&place_mx);
	*ret_n = r < 0 ? 0 : n;
	return r;
}

struct strays {
	struct db *db;
	int64_t now, n;
};

static int remove_stray(struct strays *x, int folder, const char *name, struct err *e)
{
	struct err quiet = {0};
	struct stat st;
	atelier_id id;
	int r;

	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) ||
		(int64_t)st.st_mtime * 1000 > x->now - STRAY_MS)
		return 0;
	pthread_mutex_lock(&place_mx);
	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(x->db);
		r = find_id(c, name, &id, &quiet);
	}
	if (r == E_NOT_FOUND && unlinkat(folder, name, 0) == 0)
		x->n++;
	pthread_mutex_unlock(&place_mx);
	return r < 0 && r != E_NOT_FOUND ? err_set(e, r, "%s", quiet.msg) : 0;
}

static int check(struct strays *x, const char *path, struct err *e)
{
	DIR *d = opendir(path);
	struct dirent *entry;
	int r = 0;

	while (d && r == 0 && (entry = readdir(d)) != NULL)
		if (entry->d_name[0] != '.')
			r = remove_stray(x, dirfd(d), entry->d_name, e);
	if (d)
		closedir(d);
	return r;
}

int blobs_delete_strays(struct db *db, const char *data, int64_t now, int64_t *ret_n, struct err *e)
{
	struct strays x = {.db = db, .now = now};
	int r = 0;

	ASSERT(thread_may_wait());
	for (int i = 0; r == 0 && i < 256; i++) {
		char path[PATH_MAX];
		snprintf(path, sizeof(path), "%.3900s/" FOLDER "/%02x", data, i);
		r = check(&x, path, e);
	}
	*ret_n = x.n;
	return r;
}
