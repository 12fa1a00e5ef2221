/* folder.c - the data folder: making it, locking it, removing a temporary one. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "program.h"

int folder_make(const char *path, struct err *e)
{
	char part[PATH_MAX];
	size_t n = strlen(path);

	if (n == 0 || n >= sizeof(part))
		return err_set(e, E_INVALID, "The path of the data folder is empty or too long.");
	memcpy(part, path, n + 1);
	for (char *p = part + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		(void)mkdir(part, 0755); /* what stands above is fine as it is; the last one tells */
		*p = '/';
	}
	if (mkdir(part, 0700) < 0 && errno != EEXIST)
		return err_set(e, -errno, "The data folder %s cannot be made: %s.", path, strerror(errno));
	struct stat st;
	if (stat(part, &st) < 0 || !S_ISDIR(st.st_mode))
		return err_set(e, E_INVALID, "The data folder %s is not a folder.", path);
	return 0;
}

int folder_lock(const char *path, int *ret_fd, struct err *e)
{
	char file[PATH_MAX], pid[32] = "";
	ssize_t n;

	if ((size_t)snprintf(file, sizeof(file), "%s/lock", path) >= sizeof(file))
		return err_set(e, E_INVALID, "The path of the data folder is too long.");
	CLEANUP(closep) int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(e, -errno, "The data folder %s cannot be written: %s.", path, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		n = read(fd, pid, sizeof(pid) - 1);
		pid[n > 0 ? strcspn(pid, "\n") : 0] = '\0';
		return err_set(e, E_CONFLICT,
			"The data folder %s is in use by another Atelier%s%s%s. One folder, one server.", path,
			pid[0] ? " (process " : "", pid, pid[0] ? ")" : "");
	}
	n = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, (size_t)n, 0) != n)
		return err_set(e, -errno, "The data folder %s cannot be written: %s.", path, strerror(errno));
	*ret_fd = fd;
	fd = -1;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

int folder_remove(const char *path)
{
	return nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0 ? 0 : -errno;
}
