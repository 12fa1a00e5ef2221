/* key.c - the master key, and the keys that are derived from it. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>

#include "auth/auth_priv.h"
#include "base/log.h"

static int key_read(int fd, const char *path, unsigned char ret[AUTH_KEY_LEN], struct err *e)
{
	unsigned char longer[AUTH_KEY_LEN + 1];
	ssize_t n = read(fd, longer, sizeof(longer));

	if (n < 0)
		return err_file(e, -errno, path);
	if (n != AUTH_KEY_LEN)
		return err_set(e, E_INVALID, "The key file %s is damaged: it must have %d bytes.", path, AUTH_KEY_LEN);
	memcpy(ret, longer, AUTH_KEY_LEN);
	sodium_memzero(longer, sizeof(longer));
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
		return err_file(e, -errno, path);
	randombytes_buf(ret, AUTH_KEY_LEN);
	ssize_t n = write(fd, ret, AUTH_KEY_LEN);
	if (n != AUTH_KEY_LEN || fsync(fd) < 0 || rename(beside, path) < 0) {
		int r = n >= 0 && n != AUTH_KEY_LEN ? -ENOSPC : -errno;
		(void)unlink(beside);
		return err_file(e, r, path);
	}
	sync_folder_of(path);
	return 0;
}

/* The key that the setting says, for data folders without a key file. */
static int key_of_setting(const struct settings *s, unsigned char ret[AUTH_KEY_LEN], struct err *e)
{
	size_t n = 0;

	if (strlen(s->master_key) != (size_t)2 * AUTH_KEY_LEN ||
		sodium_hex2bin(ret, AUTH_KEY_LEN, s->master_key, (size_t)2 * AUTH_KEY_LEN, NULL, &n, NULL) < 0 ||
		n != AUTH_KEY_LEN)
		return err_set(e, E_INVALID, "master_key (%s) must be %d hexadecimal digits.",
			settings_origin(s, "master_key"), 2 * AUTH_KEY_LEN);
	return 0;
}

/*
 * A new key beside secrets that another one has sealed would not open them, and what is sealed with it would not open once
 * the old one is back. Where none are stored, only links to running answers become invalid.
 */
int auth_key_may_be_made(struct db *db, const struct settings *s, const char *path, struct err *e)
{
	int64_t sealed = 0;
	struct stat st;

	if (*s->master_key || stat(path, &st) == 0 || errno != ENOENT)
		return 0;
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(db);
	int r = vault_count(c, &sealed, e);
	if (r < 0)
		return r;
	if (sealed > 0)
		return err_set(e, E_INVALID,
			"%.90s is missing, and %lld stored keys open with nothing else. Put it back from a backup. If "
			"it "
			"is lost: head -c %d /dev/urandom >master.key in that folder, and enter those keys again.",
			path, (long long)sealed, AUTH_KEY_LEN);
	log_info("auth", "%s is made: there was none, and no stored key needs it", path);
	return 0;
}

int auth_key_load(const struct settings *s, const char *path, unsigned char ret[AUTH_KEY_LEN], struct err *e)
{
	if (*s->master_key)
		return key_of_setting(s, ret, e);
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return errno == ENOENT ? key_make(path, ret, e) : err_file(e, -errno, path);
	/* It may have come out of a backup with the wrong mode; the data folder itself is closed to others. */
	if (fchmod(fd, 0600) < 0 && errno != EPERM && errno != EROFS)
		return err_file(e, -errno, path);
	return key_read(fd, path, ret, e);
}

/* One key never does two jobs: each has a key of its own, derived from the master key under a number and a name. */
void auth_key_derive(
	const unsigned char master[AUTH_KEY_LEN], unsigned number, const char name[8], unsigned char ret[AUTH_KEY_LEN])
{
	crypto_kdf_derive_from_key(ret, AUTH_KEY_LEN, number, name, master);
}

int auth_vault_open(const struct settings *s, const char *key_path, struct vault *ret, struct err *e)
{
	unsigned char master[AUTH_KEY_LEN];

	if (sodium_init() < 0)
		return err_set(e, E_INTERNAL, "libsodium does not start");
	if (!*s->master_key && access(key_path, R_OK) < 0)
		return err_set(e, E_NOT_FOUND, "The key file %s cannot be read: %s.", key_path, strerror(errno));
	int r = auth_key_load(s, key_path, master, e);
	if (r == 0)
		auth_key_derive(master, AUTH_KEY_VAULT, ret->key);
	sodium_memzero(master, sizeof(master));
	return r;
}

/* Compared by what is derived from it: the key itself is kept nowhere. */
int auth_key_state(const struct auth *a, struct err *e)
{
	unsigned char master[AUTH_KEY_LEN];
	struct vault there;

	if (*a->settings->master_key)
		return 0;
	CLEANUP(closep) int fd = open(a->key_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && (errno == EMFILE || errno == ENFILE))
		return 0; /* nothing is known */
	if (fd < 0)
		return err_set(e, E_STORAGE,
			errno == ENOENT
				? "%s was deleted while the server ran. Put it back: without it no stored key can be "
				  "opened after the next start."
				: "%s cannot be read any more.",
			a->key_path);
	int r = key_read(fd, a->key_path, master, e);
	if (r < 0)
		return r;
	auth_key_derive(master, AUTH_KEY_VAULT, there.key);
	bool same = sodium_memcmp(there.key, a->vault.key, sizeof(there.key)) == 0;
	sodium_memzero(master, sizeof(master));
	sodium_memzero(&there, sizeof(there));
	return same ? 0
		    : err_set(e, E_STORAGE,
			      "%s was replaced while the server ran. Put the one back that the stored keys were sealed "
			      "with.",
			      a->key_path);
}
