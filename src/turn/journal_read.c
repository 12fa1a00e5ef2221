/* journal_read.c - what a start reads of the runs before it: see journal.h for the form of the files. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/log.h"
#include "turn/journal_priv.h"

#define BLOCK       4096 /* what a disk fails to read is left out in pieces of this */
#define NUMBER_MOST (INT64_MAX / 2)

/* ---- the files ---- */

static int compare_numbers(const void *a, const void *b)
{
	int64_t x = ((const struct journal_file *)a)->number, y = ((const struct journal_file *)b)->number;

	return (x > y) - (x < y);
}

static void closedirp(DIR **d)
{
	if (*d)
		closedir(*d);
}

void journal_files_done(struct journal_files *f)
{
	free(f->items);
	*f = (struct journal_files){0};
}

static void files_add(struct journal_files *f, int64_t number, int64_t changed_s)
{
	if ((f->n & (f->n - 1)) == 0) /* full at every power of two */
		f->items = reallocarray(f->items, f->n ? f->n * 2 : 1, sizeof *f->items);
	if (!f->items)
		abort();
	f->items[f->n++] = (struct journal_file){.number = number, .changed_s = changed_s};
}

/* Under its very name, and with a number that a journal comes to; `behind`: what a damaged one has behind its name. */
static bool is_named(const char *name, int64_t number, const char *behind)
{
	char ours[64];

	snprintf(ours, sizeof(ours), SEGMENT_NAME "%s", (long long)number, behind);
	return strcmp(ours, name) == 0 && number > 0 && number <= NUMBER_MOST;
}

static bool is_file(int dir, const char *name, int64_t *ret_changed_s)
{
	struct stat st = {0};
	bool there = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);

	*ret_changed_s = st.st_mtime;
	return there;
}

int journal_list(const char *dir, struct journal_files *ret, struct err *e)
{
	*ret = (struct journal_files){0};
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return err_set(e, E_STORAGE, "cannot make the folder %s: %s", dir, strerror(errno));
	CLEANUP(closedirp) DIR *d = opendir(dir);
	if (!d)
		return err_set(e, E_STORAGE, "cannot read the folder %s: %s", dir, strerror(errno));
	for (struct dirent *entry; (entry = readdir(d));) {
		char *end;
		int64_t number = strtoll(entry->d_name, &end, 10), changed_s = 0;
		bool whole = strcmp(end, ".journal") == 0;
		if (end == entry->d_name || !(whole || strcmp(end, ".journal.damaged") == 0))
			continue;
		bool named = is_named(entry->d_name, number, whole ? "" : ".damaged");
		if (named)
			ret->highest = MAX(ret->highest, number);
		if (named && whole && is_file(dirfd(d), entry->d_name, &changed_s))
			files_add(ret, number, changed_s);
		else if (whole) /* what only looks like one is nobody's to read, nor to remove */
			log_warn("journal", "%s is none of the journal's files, and is left alone", entry->d_name);
	}
	if (ret->n > 1)
		qsort(ret->items, ret->n, sizeof *ret->items, compare_numbers);
	return 0;
}

static void damaged_path(const char *dir, int64_t number, char ret[PATH_BYTES])
{
	snprintf(ret, PATH_BYTES, "%s/%010lld.journal.damaged", dir, (long long)number);
}

static int keep_damaged(const char *dir, int64_t number, const char *path)
{
	char to[PATH_BYTES];

	damaged_path(dir, number, to);
	return rename(path, to);
}

int journal_forget(const char *dir, const struct journal_files *files, struct err *e)
{
	char path[PATH_BYTES];
	int r = 0;

	for (size_t i = 0; i < files->n; i++) {
		const struct journal_file *f = &files->items[i];
		segment_path(dir, f->number, path);
		if ((f->unreadable ? keep_damaged(dir, f->number, path) : unlink(path)) < 0 && errno != ENOENT)
			r = err_set(e, E_STORAGE, "cannot remove %s: %s", path, strerror(errno));
	}
	return r;
}

/* ---- records ---- */

static uint32_t get_u32(const char *p)
{
	const unsigned char *u = (const unsigned char *)p;

	return (uint32_t)u[0] | (uint32_t)u[1] << 8 | (uint32_t)u[2] << 16 | (uint32_t)u[3] << 24;
}

/* The bytes of the record that begins at `pos`; n 0: none does. What they begin with is looked at before the sum is
 * made: among bytes that are no record the right length would make it long. */
static struct str record_at(struct str file, size_t pos, atelier_id *ret_id)
{
	static const size_t begin = sizeof(FRAMES_BEGIN) - 1;
	const char *p = file.p + pos;
	struct str none = {"", 0};

	if (file.n - pos < RECORD_HEAD + begin || memcmp(p + RECORD_HEAD, FRAMES_BEGIN, begin) != 0)
		return none;
	uint32_t n = get_u32(p);
	if (n < begin || n > file.n - pos - RECORD_HEAD || crc32(0, (const Bytef *)p + 8, 8 + n) != get_u32(p + 4))
		return none;
	*ret_id = (atelier_id)(get_u32(p + 8) | (uint64_t)get_u32(p + 12) << 32);
	return (struct str){p + RECORD_HEAD, n};
}

/* The place of the next record at or behind `pos`; file.n: there is none. */
static size_t next_record(struct str file, size_t pos)
{
	static const size_t begin = sizeof(FRAMES_BEGIN) - 1;
	atelier_id id;

	for (size_t at = pos + RECORD_HEAD; at < file.n;) {
		const char *found = memmem(file.p + at, file.n - at, FRAMES_BEGIN, begin);
		if (!found)
			break;
		at = (size_t)(found - file.p);
		if (record_at(file, at - RECORD_HEAD, &id).n)
			return at - RECORD_HEAD;
		at++;
	}
	return file.n;
}

/* Space that was promised and not written is zeros. */
static size_t count_written(struct str bytes)
{
	while (bytes.n && !bytes.p[bytes.n - 1])
		bytes.n--;
	return bytes.n;
}

static int64_t replay_bytes(struct str file, void (*fn)(void *, atelier_id, struct str), void *arg)
{
	int64_t unreadable = 0;
	atelier_id id;

	for (size_t pos = MIN((size_t)HEAD_BYTES, file.n); pos < file.n;) {
		struct str frames = record_at(file, pos, &id);
		if (frames.n) {
			fn(arg, id, frames);
			pos += RECORD_HEAD + frames.n;
			continue;
		}
		size_t next = next_record(file, pos);
		unreadable +=
			(int64_t)(next < file.n ? next - pos : count_written((struct str){file.p + pos, next - pos}));
		pos = next;
	}
	return unreadable;
}

/* ---- reading ---- */

/* All of the file; what cannot be read of it is zeros, and counted. */
static int read_all(int fd, struct buf *ret, int64_t *ret_unreadable)
{
	struct stat st;
	char *p;

	if (fstat(fd, &st) < 0)
		return -errno;
	*ret = BUF_INIT((size_t)st.st_size);
	if (!(p = buf_reserve(ret, (size_t)st.st_size)))
		return buf_status(ret);
	while ((int64_t)ret->n < st.st_size) {
		ssize_t n = pread(fd, p + ret->n, (size_t)st.st_size - ret->n, (off_t)ret->n);
		if (n == 0)
			break;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EIO)
			return -errno;
		if (n < 0) {
			n = (ssize_t)MIN(BLOCK - ret->n % BLOCK, (size_t)st.st_size - ret->n);
			memset(p + ret->n, 0, (size_t)n);
			*ret_unreadable += n;
		}
		ret->n += (size_t)n;
	}
	return 0;
}

static int replay_file(
	const char *path, struct journal_file *f, void (*fn)(void *, atelier_id, struct str), void *arg, struct err *e)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	CLEANUP(buf_done) struct buf bytes = BUF_INIT(0);
	int64_t told = f->unreadable;
	f->unreadable = 0;
	int r = fd < 0 ? -errno : read_all(fd, &bytes, &f->unreadable);

	if (r < 0)
		return err_set(e, E_STORAGE, "cannot read %s: %s", path, strerror(-r));
	if (bytes.n == 0) /* the very end came as it was made, or something has emptied it */
		log_info("journal", "%s is empty", path);
	if (bytes.n < HEAD_BYTES || memcmp(bytes.p, JOURNAL_MAGIC, HEAD_BYTES) != 0)
		f->unreadable += (int64_t)count_written((struct str){bytes.p, MIN(bytes.n, (size_t)HEAD_BYTES)});
	f->unreadable += replay_bytes(buf_str(&bytes), fn, arg);
	if (f->unreadable && f->unreadable != told) /* it may be read more than once */
		log_warn("journal", "%s is damaged: %lld bytes of it cannot be read; all else is, and the file is kept",
			path, (long long)f->unreadable);
	return 0;
}

int journal_replay(const char *dir, struct journal_files *files, bool skip,
	void (*fn)(void *arg, atelier_id turn_id, struct str frames), void *arg, struct err *e)
{
	char path[PATH_BYTES];
	int r = 0;

	for (size_t i = 0; r == 0 && i < files->n; i++) {
		segment_path(dir, files->items[i].number, path);
		r = replay_file(path, &files->items[i], fn, arg, e);
		if (r < 0 && skip) {
			log_error("journal", "%s is left out, and kept: %s", path, e->msg);
			err_clear(e);
			files->items[i].unreadable = 1;
			r = 0;
		}
	}
	return r;
}
