/* journal_read.c - what a start reads of the runs before it: see journal.h for the form of the files. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <zlib.h>

#include "turn/journal.h"
#include "turn/turn_priv.h"

#define HEAD_BYTES  16
#define RECORD_HEAD 16

static int compare_numbers(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void closedirp(DIR **d)
{
	if (*d)
		closedir(*d);
}

int journal_list_files(const char *dir, struct journal_files *ret, struct err *e)
{
	size_t cap = 0;

	*ret = (struct journal_files){0};
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return err_set(e, E_STORAGE, "cannot make the folder %s: %s", dir, strerror(errno));
	CLEANUP(closedirp) DIR *d = opendir(dir);
	if (!d)
		return err_set(e, E_STORAGE, "cannot read the folder %s: %s", dir, strerror(errno));
	for (struct dirent *entry; (entry = readdir(d));) {
		char *end;
		int64_t number = strtoll(entry->d_name, &end, 10);
		if (end == entry->d_name || strcmp(end, ".journal") != 0)
			continue;
		if (ret->n == cap) {
			cap = cap ? cap * 2 : 16;
			ret->numbers = reallocarray(ret->numbers, cap, sizeof *ret->numbers);
			if (!ret->numbers)
				abort();
		}
		ret->numbers[ret->n++] = number;
	}
	if (ret->n > 1)
		qsort(ret->numbers, ret->n, sizeof *ret->numbers, compare_numbers);
	return 0;
}

static uint32_t get_u32(const char *p)
{
	const unsigned char *u = (const unsigned char *)p;

	return (uint32_t)u[0] | (uint32_t)u[1] << 8 | (uint32_t)u[2] << 16 | (uint32_t)u[3] << 24;
}

/* Records up to the first that is not whole: what comes behind a damaged one was never shown as durable. */
static int replay_bytes(struct str file, int (*fn)(void *, atelier_id, struct str), void *arg)
{
	size_t pos = HEAD_BYTES;

	while (file.n >= RECORD_HEAD && pos <= file.n - RECORD_HEAD) {
		uint32_t n = get_u32(file.p + pos);
		if (n == 0 || n > file.n - pos - RECORD_HEAD)
			return 0;
		if (crc32(0, (const Bytef *)file.p + pos + 8, 8 + n) != get_u32(file.p + pos + 4))
			return 0;
		atelier_id id = (atelier_id)(get_u32(file.p + pos + 8) | (uint64_t)get_u32(file.p + pos + 12) << 32);
		int r = fn(arg, id, (struct str){file.p + pos + RECORD_HEAD, n});
		if (r < 0)
			return r;
		pos += RECORD_HEAD + n;
	}
	return 0;
}

static int replay_file(const char *path, int (*fn)(void *, atelier_id, struct str), void *arg, struct err *e)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, E_STORAGE, "cannot read %s: %s", path, strerror(errno));
	if (st.st_size <= HEAD_BYTES)
		return 0;
	char *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return err_set(e, E_STORAGE, "cannot read %s: %s", path, strerror(errno));
	int r = memcmp(p, "ATELIERJ\1", 9) == 0 ? replay_bytes((struct str){p, (size_t)st.st_size}, fn, arg) : 0;
	munmap(p, (size_t)st.st_size);
	return r;
}

int journal_replay(
	const char *dir, int (*fn)(void *arg, atelier_id turn_id, struct str bytes), void *arg, struct err *e)
{
	struct journal_files files;
	int r = journal_list_files(dir, &files, e);

	for (size_t i = 0; r == 0 && i < files.n; i++) {
		char path[4200];
		snprintf(path, sizeof path, "%s/%010lld.journal", dir, (long long)files.numbers[i]);
		r = replay_file(path, fn, arg, e);
	}
	free(files.numbers);
	return r;
}

int journal_forget(const char *dir, struct err *e)
{
	struct journal_files files;
	int r = journal_list_files(dir, &files, e);

	for (size_t i = 0; r == 0 && i < files.n; i++) {
		char path[4200];
		snprintf(path, sizeof path, "%s/%010lld.journal", dir, (long long)files.numbers[i]);
		if (unlink(path) < 0 && errno != ENOENT)
			r = err_set(e, E_STORAGE, "cannot remove %s: %s", path, strerror(errno));
	}
	free(files.numbers);
	return r;
}
