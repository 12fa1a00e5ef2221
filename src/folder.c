/*
 * folder.c - the data folder: making it, closing it to others, locking it, what must be in it, removing a temporary
 * one. The lock is one of the kernel, on the folder and on a file in it, and so goes with its process however that
 * ends. A folder in which only the database is missing is refused: a new one would hide what a backup could bring
 * back.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/log.h"
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
		return err_file(e, -errno, path);
	struct stat st;
	if (stat(part, &st) < 0 || !S_ISDIR(st.st_mode))
		return err_set(e, E_INVALID, "The data folder %s is not a folder.", path);
	return 0;
}

/* ---- closed to others ---- */

/* Ours by name: everything but the configuration file, which may well be a link to where a machine keeps such. */
static bool is_ours(const char *name)
{
	static const char *const begins[] = {
		"atelier.db", "master.key", "journal", "lock", "node", "upload", "blobs", "workspaces"};

	for (size_t i = 0; i < N_ELEMENTS(begins); i++) {
		if (strncmp(name, begins[i], strlen(begins[i])) == 0)
			return true;
	}
	return false;
}

/* One entry of the folder or of one below it: no link, and nothing that others may read. */
static int close_entry(int dir, const char *folder, const char *name, struct err *e)
{
	char path[PATH_MAX];
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0; /* gone meanwhile */
	snprintf(path, sizeof(path), "%.3000s/%.255s", folder, name);
	if (S_ISLNK(st.st_mode))
		return err_file(e, -ELOOP, path);
	if ((st.st_mode & 077) && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) &&
		fchmodat(dir, name, S_ISDIR(st.st_mode) ? 0700 : 0600, 0) == 0)
		log_info("main", "%s is closed to others now", path);
	return 0;
}

static int close_entries(const char *folder, bool all, struct err *e)
{
	DIR *d = opendir(folder);
	struct dirent *entry;
	int r = 0;

	if (!d)
		return errno == ENOENT ? 0 : err_file(e, -errno, folder);
	while (r == 0 && (entry = readdir(d)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
			(all || is_ours(entry->d_name)))
			r = close_entry(dirfd(d), folder, entry->d_name, e);
	}
	closedir(d);
	return r;
}

int folder_close(const char *path, struct err *e)
{
	static const char *const within[] = {"journal", "uploads", "blobs", "workspaces"};
	struct stat st;
	int r;

	if (stat(path, &st) < 0)
		return err_file(e, -errno, path);
	if (st.st_mode & 077) {
		if (chmod(path, 0700) == 0)
			log_warn("main", "others on this machine could look into the data folder %s; it is closed now",
				path);
		else if (st.st_mode & 007)
			return err_set(e, E_INVALID,
				"Others on this machine may look into the data folder %s, and it cannot be closed: %s. "
				"Do it with chmod 700, as its owner.",
				path, strerror(errno));
		else
			log_warn("main", "a group of this machine may look into the data folder %s", path);
	}
	r = close_entries(path, false, e);
	for (size_t i = 0; r == 0 && i < N_ELEMENTS(within); i++) {
		char folder[PATH_MAX];
		snprintf(folder, sizeof(folder), "%.4000s/%s", path, within[i]);
		r = close_entries(folder, true, e);
	}
	return r;
}

/* ---- one server ---- */

static int in_use(const char *path, int lock_file, struct err *e)
{
	char pid[32] = "";
	ssize_t n = lock_file >= 0 ? pread(lock_file, pid, sizeof(pid) - 1, 0) : 0;

	pid[n > 0 ? strcspn(pid, "\n") : 0] = '\0';
	return err_set(e, E_CONFLICT, "The data folder %s is in use by another Atelier%s%s%s. One folder, one server.",
		path, pid[0] ? " (process " : "", pid, pid[0] ? ")" : "");
}

int folder_lock(const char *path, struct folder_lock *ret, struct err *e)
{
	CLEANUP(folder_unlock) struct folder_lock l = {-1, -1};
	char pid[32];
	int n;

	/* The folder itself, since a file in it can be removed. Not every network file system locks folders: then the file
	 * tells, and the database has a lock of its own. */
	l.folder_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (l.folder_fd < 0)
		return err_file(e, -errno, path);
	l.file_fd = openat(l.folder_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (l.file_fd < 0)
		return err_file(e, -errno, path);
	if ((flock(l.folder_fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK) ||
		flock(l.file_fd, LOCK_EX | LOCK_NB) < 0)
		return in_use(path, l.file_fd, e);
	n = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
	errno = ENOSPC; /* a short write sets none */
	if (ftruncate(l.file_fd, 0) < 0 || pwrite(l.file_fd, pid, (size_t)n, 0) != n)
		return err_file(e, -errno, path);
	*ret = l;
	l = (struct folder_lock){-1, -1};
	return 0;
}

void folder_unlock(struct folder_lock *l)
{
	closep(&l->file_fd);
	closep(&l->folder_fd);
}

/* ---- what must be in it ---- */

static bool has_entries(const char *folder)
{
	DIR *d = opendir(folder);
	struct dirent *entry;
	bool found = false;

	while (d && !found && (entry = readdir(d)) != NULL)
		found = entry->d_name[0] != '.';
	if (d)
		closedir(d);
	return found;
}

int folder_check(const char *path, struct err *e)
{
	static const char *const traces[] = {"master.key", "atelier.db-wal", "journal"};
	char file[PATH_MAX];
	struct stat st;

	snprintf(file, sizeof(file), "%.4000s/atelier.db", path);
	bool missing = stat(file, &st) < 0;
	if (!missing && st.st_size > 0)
		return 0;
	for (size_t i = 0; i < N_ELEMENTS(traces); i++) {
		snprintf(file, sizeof(file), "%.4000s/%s", path, traces[i]);
		if (stat(file, &st) == 0 && (S_ISDIR(st.st_mode) ? has_entries(file) : st.st_size > 0))
			return err_set(e, E_INVALID,
				"%.80s/atelier.db is %s, but %s shows that there was one. Put it back from a backup; "
				"or move %s away to begin anew.",
				path, missing ? "missing" : "empty", traces[i], traces[i]);
	}
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
