#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>

#include "auth/auth_priv.h"

static int key_read(int fd, const char *path, unsigned char ret[AUTH_KEY_LEN], struct err *e)
{
	unsigned char longer[AUTH_KEY_LEN + 1];
	ssize_t n = read(fd, longer, sizeof(longer));

	if (n < 0)
		return err_set(e, -errno, "cannot read the key file %s: %s", path, strerror(errno));
	if (n != AUTH_KEY_LEN)
		return err_set(e, E_INVALID, "The key file %s is damaged: it must have %d bytes.", path, AUTH_KEY_LEN);
	memcpy(ret, longer, AUTH_KEY_LEN);
	sodium_memzero(longer, sizeof(longer));
	/* It may have come out of a backup with the wrong mode; the data folder itself is closed to others. */
	if (fchmod(fd, 0600) < 0 && errno != EPERM && errno != EROFS)
		return err_set(e, -errno, "cannot protect the key file %s: %s", path, strerror(errno));
	return 0;
}

/* The name of a file survives a power cut only once its folder is synced. */
static void sync_folder_of(const char *path)
{
	char folder[PATH_MAX];
	char *slash;

	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (slash)
		*slash = '\0';
	CLEANUP(closep) int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		(void)!fsync(fd);
}

/* Written beside and renamed, so that a crash never leaves half a key. */
static int key_make(const char *path, unsigned char ret[AUTH_KEY_LEN], struct err *e)
{
	char beside[PATH_MAX];

	if ((size_t)snprintf(beside, sizeof(beside), "%s.new", path) >= sizeof(beside))
		return err_set(e, E_INVALID, "The path of the key file is too long.");
	(void)unlink(beside);
	CLEANUP(closep) int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(e, -errno, "cannot make the key file %s: %s", path, strerror(errno));
	randombytes_buf(ret, AUTH_KEY_LEN);
	ssize_t n = write(fd, ret, AUTH_KEY_LEN);
	if (n != AUTH_KEY_LEN || fsync(fd) < 0 || rename(beside, path) < 0) {
		int r = n >= 0 && n != AUTH_KEY_LEN ? -ENOSPC : -errno;
		(void)unlink(beside);
		return err_set(e, r, "cannot write the key file %s: %s", path, strerror(-r));
	}
	sync_folder_of(path);
	return 0;
}

int auth_key_load(const char *path, unsigned char ret[AUTH_KEY_LEN], struct err *e)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd >= 0)
		return key_read(fd, path, ret, e);
	if (errno != ENOENT)
		return err_set(e, -errno, "cannot open the key file %s: %s", path, strerror(errno));
	return key_make(path, ret, e);
}
