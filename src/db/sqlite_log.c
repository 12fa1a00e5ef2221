/*
 * sqlite_log.c - what a start can know of SQLite's log: https://www.sqlite.org/fileformat2.html, section 4. SQLite reads it up to the
 * first frame that does not fit to those before, and writes over what stands behind: that may be transactions whose callers were told
 * that they are kept, since a flipped bit looks like the end. Such a log is copied before SQLite opens it, and told.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "db/sqlite_priv.h"

enum {
	HEAD = 32,
	FRAME_HEAD = 24,
	PAGE_MIN = 512,
	PAGE_MAX = 65536,
	MAGIC = 0x377f0682,   /* and one more: the words that are summed up are big-endian */
	COPIED_MAX = 1 << 30, /* of the database beside the log, where the file system cannot share its blocks */
};

static const char kept_as[] = ".damaged-";

struct log {
	const char *path; /* of the database */
	char name[PATH_MAX];
	int fd;
	bool big;
	uint32_t page, salt[2], sum[2];
	unsigned char frame[FRAME_HEAD + PAGE_MAX];
	int64_t bad, behind; /* number of the first frame that does not fit, and the commits that stand behind it */
};

static uint32_t word(const unsigned char *p, bool big)
{
	return big ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]
		   : (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static void add_up(bool big, const unsigned char *p, size_t n, uint32_t s[2])
{
	for (size_t i = 0; i < n; i += 8) {
		s[0] += word(p + i, big) + s[1];
		s[1] += word(p + i + 4, big) + s[0];
	}
}

static bool is_page_size(uint32_t n)
{
	return n >= PAGE_MIN && n <= PAGE_MAX && (n & (n - 1)) == 0;
}

static bool read_frame(struct log *l, int64_t i)
{
	size_t n = FRAME_HEAD + l->page;

	return pread(l->fd, l->frame, n, HEAD + i * (int64_t)n) == (ssize_t)n;
}

/* False: what it begins with is not right. Then its frames are measured by the first of them. */
static bool read_head(struct log *l)
{
	unsigned char h[HEAD];
	uint32_t s[2] = {0, 0};

	if (pread(l->fd, h, HEAD, 0) != HEAD)
		return false;
	l->big = word(h, true) == MAGIC + 1;
	l->page = word(h + 8, true);
	for (size_t i = 0; i < 2; i++) {
		l->salt[i] = word(h + 16 + 4 * i, true);
		l->sum[i] = word(h + 24 + 4 * i, true);
	}
	add_up(l->big, h, HEAD - 8, s);
	return (l->big || word(h, true) == MAGIC) && is_page_size(l->page) && s[0] == l->sum[0] && s[1] == l->sum[1];
}

static bool guess_head(struct log *l, int file_fd)
{
	unsigned char h[18];

	l->big = false;
	l->page = PAGE_MIN;
	if (pread(file_fd, h, sizeof(h), 0) == sizeof(h))
		l->page = h[16] == 0 && h[17] == 1 ? PAGE_MAX : (uint32_t)h[16] << 8 | h[17];
	if (!is_page_size(l->page) || !read_frame(l, 0))
		return false;
	for (size_t i = 0; i < 2; i++)
		l->salt[i] = word(l->frame + 8 + 4 * i, true);
	return true;
}

/* Whether the frame fits to the sum of what stands before it, which becomes that of what stands before the next one: as this one has
 * it, so that those behind a bad one can be told. Frames of an earlier use of the file have another salt. */
static bool fits(const struct log *l, uint32_t sum[2])
{
	uint32_t s[2] = {sum[0], sum[1]};
	bool is_salted = word(l->frame + 8, true) == l->salt[0] && word(l->frame + 12, true) == l->salt[1];

	add_up(l->big, l->frame, 8, s);
	add_up(l->big, l->frame + FRAME_HEAD, l->page, s);
	sum[0] = word(l->frame + 16, true);
	sum[1] = word(l->frame + 20, true);
	return is_salted && s[0] == sum[0] && s[1] == sum[1];
}

static void walk(struct log *l, int file_fd)
{
	bool has_head = read_head(l);
	uint32_t sum[2] = {l->sum[0], l->sum[1]};

	l->bad = -1;
	l->behind = 0;
	if (!has_head && !guess_head(l, file_fd))
		return;
	for (int64_t i = 0; read_frame(l, i); i++) {
		bool is_commit = word(l->frame + 4, true) != 0;

		if (!fits(l, sum) || (i == 0 && !has_head))
			l->bad = l->bad < 0 ? i : l->bad;
		else if (l->bad >= 0)
			l->behind += is_commit;
	}
}

/* ---- keeping it ---- */

static int copy_bytes(int from, int to, int64_t size)
{
	enum { PIECE = 1 << 16 };
	CLEANUP(freep) char *piece = xcalloc(1, PIECE);

	for (int64_t at = 0; at < size;) {
		ssize_t n = pread(from, piece, (size_t)MIN(size - at, (int64_t)PIECE), at);
		if (n > 0)
			n = pwrite(to, piece, (size_t)n, at);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return -EIO; /* it was cut short meanwhile */
		at += MAX(n, 0);
	}
	return 0;
}

/* Of the size `most` (else 0 is returned), unless the file system shares the blocks; 1: all of it is there. */
static int fill(int in, int out, int64_t most)
{
	struct statvfs room;
	struct stat st;

	if (fstat(in, &st) < 0)
		return -errno;
	if (ioctl(out, FICLONE, in) < 0) {
		bool has_room =
			fstatvfs(out, &room) == 0 && (int64_t)room.f_bavail * (int64_t)room.f_frsize > 2 * st.st_size;
		if (st.st_size > most || !has_room)
			return 0;
		int r = copy_bytes(in, out, st.st_size);
		if (r < 0)
			return r;
	}
	return fsync(out) < 0 ? -errno : 1;
}

/* Under its name stands only what is whole: a start may be killed in the middle, and the next one believes it. */
static int copy(const char *from, const char *to, int64_t most, struct err *e)
{
	CLEANUP(closep) int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	CLEANUP(closep) int out = -1;
	CLEANUP(freep) char *folder = xstrdup(to);
	char part[PATH_MAX + 32];
	int r;

	if (in < 0)
		return db_file_fail(-errno, from, e);
	snprintf(part, sizeof(part), "%s.copying", from);
	out = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (out < 0)
		return db_file_fail(-errno, part, e);
	r = fill(in, out, most);
	if (r > 0 && rename(part, to) < 0)
		r = -errno;
	if (r <= 0)
		unlink(part);
	int synced = r > 0 ? sqlite_path_sync(dirname(folder), O_RDONLY | O_DIRECTORY) : 0;
	r = synced < 0 ? synced : r;
	return r < 0 ? db_file_fail(r, to, e) : r;
}

/* A log that goes on before a bad place has the same salt as then, and may be damaged again, also in the same place. */
static void kept_name(const struct log *l, const char *path, char ret[PATH_MAX + 64])
{
	snprintf(ret, PATH_MAX + 64, "%s%s%08x%08x-%lld-%08x", path, kept_as, l->salt[0], l->salt[1], (long long)l->bad,
		word(l->frame + 16, true));
}

/* With the bad frame at hand. */
static void keep(struct db *db, const struct log *l)
{
	char log_copy[PATH_MAX + 64], file_copy[PATH_MAX + 64];
	struct err e = {0};
	char *text = db->lost;
	size_t room = sizeof(db->lost);

	kept_name(l, l->name, log_copy);
	kept_name(l, l->path, file_copy);
	/* The log is the last: where it is, all is that could be. And it is the first where there is no room for both. */
	int with_file = copy(l->path, file_copy, COPIED_MAX, &e), kept = copy(l->name, log_copy, INT64_MAX, &e);
	if (kept <= 0 && with_file > 0) {
		unlink(file_copy);
		with_file = 0;
		kept = copy(l->name, log_copy, INT64_MAX, &e);
	}
	snprintf(text, room,
		"The log of the database was found damaged as it was opened: %lld transactions behind the place are "
		"lost (one, "
		"after a power failure, may be one that nobody was told of). ",
		(long long)l->behind);
	size_t n = strlen(text);
	if (kept <= 0)
		snprintf(text + n, room - n, "No copy of it could be made: %.200s",
			kept < 0 ? e.msg : "the disk is too full.");
	else
		snprintf(text + n, room - n, "It is kept as %.160s%s.", log_copy,
			with_file > 0 ? ", and the database as it was beside it"
				      : "; for the database as it was there is no room");
}

/* ---- what was kept before ---- */

/* Whether the copy has the bad frame as the log has it: then all behind it is what was lost at that time. SQLite goes on in the same
 * log before the bad place, and what it has not written over yet is found anew. */
static bool has_frame(int folder, const char *name, const struct log *l)
{
	CLEANUP(closep) int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	size_t n = FRAME_HEAD + l->page;
	CLEANUP(freep) unsigned char *frame = xcalloc(1, n);

	return fd >= 0 && pread(fd, frame, n, HEAD + l->bad * (int64_t)n) == (ssize_t)n &&
	       memcmp(frame, l->frame, n) == 0;
}

/* Looks through the copies of earlier starts, which nobody has removed yet: the newest one is told. True: what is lost now was kept
 * then. */
static bool look_at_kept(struct db *db, struct log *l)
{
	CLEANUP(freep) char *whole = xstrdup(l->name), *copy_of = xstrdup(l->name);
	const char *folder = dirname(whole), *name = basename(copy_of);
	bool has_bad = l->behind > 0 && read_frame(l, l->bad), known = false;
	DIR *d = opendir(folder);
	struct dirent *entry;
	struct stat st;

	while (d && (entry = readdir(d)) != NULL) {
		if (strncmp(entry->d_name, name, strlen(name)) != 0 ||
			strncmp(entry->d_name + strlen(name), kept_as, strlen(kept_as)) != 0 ||
			fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		known |= has_bad && has_frame(dirfd(d), entry->d_name, l);
		if (st.st_mtime < db->lost_until_s)
			continue;
		db->lost_until_s = st.st_mtime;
		snprintf(db->lost, sizeof(db->lost),
			"The log of the database was found damaged before, and transactions were lost. It is "
			"kept as "
			"%.200s; remove that once it is not needed any more.",
			entry->d_name);
	}
	if (d)
		closedir(d);
	return known;
}

/* ---- a log that is too short ---- */

static uint32_t own_word(const unsigned char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* https://www.sqlite.org/walformat.html, section 2.1: two copies of 48 bytes, and how many frames have been moved. */
int64_t sqlite_log_lacks(const unsigned char index[LOG_INDEX_HEAD], const unsigned char *salts, int64_t bytes)
{
	enum { VERSION = 3007000, COPY = 48, IS_MADE = 12, PAGE = 14, FRAMES = 16, SALTS = 32, MOVED = 96 };
	uint16_t page;
	int64_t frames = own_word(index + FRAMES), moved = own_word(index + MOVED);

	memcpy(&page, index + PAGE, sizeof(page));
	int64_t size = page == 1 ? PAGE_MAX : page, there = MAX(bytes - HEAD, INT64_C(0)) / (FRAME_HEAD + MAX(size, 1));
	if (memcmp(index, index + COPY, COPY) != 0 || own_word(index) != VERSION || index[IS_MADE] != 1 ||
		!is_page_size((uint32_t)size) || (salts && memcmp(salts, index + SALTS, 8) != 0))
		return 0;
	return MAX(frames - MAX(moved, there), INT64_C(0));
}

/* The index stays when a server is killed. It is never brought to the disk: one that a power failure has left is older than the log,
 * which then has other salts, or more frames. */
static int64_t frames_cut(const struct log *l)
{
	unsigned char index[LOG_INDEX_HEAD], head[HEAD] = {0};
	CLEANUP(freep) char *name = NULL;
	CLEANUP(closep) int fd = -1;
	struct stat st = {0};

	if (asprintf(&name, "%s-shm", l->path) < 0)
		return 0;
	fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || pread(fd, index, sizeof(index), 0) != sizeof(index) || (l->fd >= 0 && fstat(l->fd, &st) < 0))
		return 0;
	bool has_head = l->fd >= 0 && pread(l->fd, head, HEAD, 0) == HEAD;
	return sqlite_log_lacks(index, has_head ? head + 16 : NULL, st.st_size);
}

static void tell_cut(struct db *db, const struct log *l)
{
	int64_t frames = frames_cut(l);

	if (frames == 0 || frames != frames_cut(l)) /* another program may be writing */
		return;
	db->lost_until_s = INT64_MAX;
	snprintf(db->lost, sizeof(db->lost),
		"The log of the database, %.200s, was %s since a server wrote it: %lld pages of what was stored last "
		"are "
		"lost. "
		"A backup has what was stored before.",
		l->name, l->fd < 0 ? "removed" : "cut short", (long long)frames);
}

void sqlite_log_look(struct db *db)
{
	struct log *l = xcalloc(1, sizeof(*l));

	l->path = db->path;
	l->fd = -1;
	if ((size_t)snprintf(l->name, sizeof(l->name), "%s-wal", db->path) < sizeof(l->name))
		l->fd = open(l->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	for (int looks = 0; l->fd >= 0 && looks < 2 && (looks == 0 || l->behind); looks++)
		walk(l, sqlite_own(db)->file_fd); /* twice: another program may be writing */
	if (!look_at_kept(db, l) && l->behind > 0) {
		db->lost_until_s = INT64_MAX;
		keep(db, l);
	} else {
		tell_cut(db, l);
	}
	closep(&l->fd);
	free(l);
}
