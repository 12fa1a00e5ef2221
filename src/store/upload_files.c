/* upload_files.c - DATA/uploads/ID.part. */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "store/store_priv.h"
#include "store/uploads.h"
#include "store/uploads_priv.h"
#include "sys/fault.h"

#define SLICE ((int64_t)64 << 10) /* bytes */

#define FOLDER "uploads"
#define SUFFIX ".part"

static int open_folder(const char *data, bool make, int *ret, struct err *e)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%.4000s/" FOLDER, data);
	if (make && mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_file(e, -errno, path);
	*ret = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return *ret < 0 ? err_file(e, -errno, path) : 0;
}

static void format_name(atelier_id id, char ret[UPLOAD_NAME_LEN])
{
	id_format(id, ret);
	memcpy(ret + ID_LEN, SUFFIX, sizeof(SUFFIX));
}

static int open_file(const char *data, atelier_id id, int flags, int *ret, struct err *e)
{
	CLEANUP(closep) int folder = -1;
	char name[UPLOAD_NAME_LEN];
	int r = open_folder(data, flags & O_CREAT, &folder, e);

	if (r < 0)
		return r;
	format_name(id, name);
	*ret = openat(folder, name, flags | O_NOFOLLOW | O_CLOEXEC, 0600);
	return *ret < 0 ? err_file(e, -errno, name) : 0;
}

int upload_make(const char *data, atelier_id id, struct err *e)
{
	CLEANUP(closep) int fd = -1;

	return open_file(data, id, O_WRONLY | O_CREAT | O_EXCL, &fd, e);
}

int upload_open(const char *data, atelier_id id, int *ret_fd, int64_t *ret_n, struct err *e)
{
	CLEANUP(closep) int fd = -1;
	struct err why = {0};
	struct stat st;

	if (open_file(data, id, O_RDWR, &fd, &why) < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(e, E_NOT_FOUND, "The bytes of this upload are gone. Begin a new one.");
	*ret_fd = fd;
	fd = -1;
	*ret_n = st.st_size;
	return 0;
}

int upload_open_whole(const char *data, const struct upload *u, int *ret_fd, struct err *e)
{
	int64_t there = 0;
	int r = upload_open(data, u->id, ret_fd, &there, e);

	if (r == 0 && there < u->size)
		r = err_set(e, E_CONFLICT, "Of this upload %" PRId64 " bytes are missing.", u->size - there);
	return r;
}

/* All at once, at the end, a large file would stand before the commits of others in the disk's queue: what fills a slice is awaited. */
static void write_out(int fd, int64_t from, int64_t to)
{
	int64_t first = from / SLICE * SLICE, end = to / SLICE * SLICE;

	if (end > first)
		(void)sync_file_range(fd, first, end - first, SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
}

int upload_write(int fd, int64_t at, const void *p, size_t n, struct err *e)
{
	const char *from = p;
	int r = FAULT("file_write");

	if (r < 0)
		return err_file(e, r, "the file");
	while (n > 0) {
		ssize_t k = pwrite(fd, from, MIN(n, (size_t)SLICE), at);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return err_file(e, k < 0 ? -errno : -ENOSPC, "the file");
		write_out(fd, at, at + k);
		from += k;
		at += k;
		n -= (size_t)k;
	}
	return 0;
}

int upload_cut(int fd, int64_t n, struct err *e)
{
	return ftruncate(fd, n) < 0 ? err_file(e, -errno, "the file") : 0;
}

int upload_sync(int fd, struct err *e)
{
	int r = FAULT("file_sync");

	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	return r < 0 ? err_file(e, r, "the file") : 0;
}

void upload_remove(const char *data, atelier_id id)
{
	CLEANUP(closep) int folder = -1;
	char name[UPLOAD_NAME_LEN];

	if (open_folder(data, false, &folder, NULL) < 0)
		return;
	format_name(id, name);
	(void)unlinkat(folder, name, 0); /* what stays is found as a stray */
}

bool upload_is_there(const char *data, atelier_id id)
{
	CLEANUP(closep) int fd = -1;

	return open_file(data, id, O_RDONLY, &fd, NULL) == 0;
}

static bool parse_name(const char *name, atelier_id *ret)
{
	return strlen(name) == UPLOAD_NAME_LEN - 1 && strcmp(name + ID_LEN, SUFFIX) == 0 && id_parse(name, ID_LEN, ret);
}

int upload_each(const char *data, int (*fn)(void *arg, atelier_id id), void *arg)
{
	int folder, r = open_folder(data, false, &folder, NULL);
	struct dirent *entry;
	DIR *d;

	if (r < 0 || !(d = fdopendir(folder)))
		return 0; /* nobody has uploaded anything yet */
	while (r == 0 && (entry = readdir(d)) != NULL) {
		atelier_id id;

		if (parse_name(entry->d_name, &id))
			r = fn(arg, id);
	}
	closedir(d);
	return r;
}
