/* journal.c - see journal.h. The loop's thread writes; a thread of its own syncs, so that the loop never waits for the
 * platter. Space is reserved ahead, so that a full disk is met before a write and leaves room for the last words. */
#include "turn/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <zlib.h>

#include "base/buf.h"
#include "sys/fault.h"
#include "sys/metrics.h"
#include "sys/thread.h"
#include "turn/turn_priv.h"

#define HEAD_BYTES   16
#define RECORD_HEAD  16
#define RESERVE_STEP (1 << 20)  /* space is taken from the disk in steps of this */
#define LAST_WORDS   (64 << 10) /* kept free of ordinary writes, for the errors that end turns */
#define MAX_BATCH    (256u << 20)
#define WINDOW_ALIGN (64 << 10) /* a multiple of every page size */

static const char journal_magic[HEAD_BYTES] = "ATELIERJ\1";

struct segment {
	int64_t number;
	int fd;
	int64_t bytes;
	int64_t marks; /* live turns that began in it */
	struct segment *next;
};

struct journal {
	char *dir;
	int64_t segment_bytes, sync_ms;
	struct segment *oldest, *current;
	int64_t reserved; /* bytes of the current segment that the disk has promised; INT64_MAX: it cannot promise */
	char *window;     /* the promised part of the current segment that is being written, in memory; NULL: none */
	int64_t window_at, window_bytes;
	struct buf batch;
	int error; /* of the last write */

	pthread_t syncer;
	pthread_mutex_t mx; /* guards what the syncer shares: the rest, and current */
	pthread_cond_t cv;
	bool dirty, stop, has_syncer;
	int full_fd;    /* the segment before the current one, not synced to its end yet; -1: none */
	int sync_error; /* of the last sync */
};

static void segment_path(const char *dir, int64_t number, char *ret, size_t n)
{
	snprintf(ret, n, "%s/%010lld.journal", dir, (long long)number);
}

static int sync_dir(const char *dir)
{
	CLEANUP(closep) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* Promises of space beyond the end of the file, which then ends in zeros: a record length of 0. */
static int reserve_until(struct journal *j, int64_t end)
{
	int64_t want = (end / RESERVE_STEP + 1) * RESERVE_STEP;

	if (end <= j->reserved)
		return 0;
	if (fallocate(j->current->fd, 0, 0, want) == 0) {
		j->reserved = want;
		return 0;
	}
	if (errno != EOPNOTSUPP && errno != ENOSYS)
		return -errno;
	j->reserved = INT64_MAX;
	return 0;
}

static void window_close(struct journal *j)
{
	if (j->window)
		munmap(j->window, (size_t)j->window_bytes);
	j->window = NULL;
	j->window_bytes = 0;
}

/* A window that holds the next n bytes. The pages are the kernel's: what is copied there outlives the program as what
 * is written does, for no system call. False where space cannot be promised, and a page could fail when touched. */
static bool window_at_end(struct journal *j, int64_t n)
{
	int64_t at = j->current->bytes & ~(int64_t)(WINDOW_ALIGN - 1);

	if (j->window && j->current->bytes + n <= j->window_at + j->window_bytes)
		return true;
	window_close(j);
	if (j->reserved == INT64_MAX || reserve_until(j, at + n + RESERVE_STEP + LAST_WORDS) < 0)
		return false;
	int64_t size = (n + RESERVE_STEP) & ~(int64_t)(WINDOW_ALIGN - 1);
	void *p = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, j->current->fd, at);
	if (p == MAP_FAILED)
		return false;
	j->window = p;
	j->window_at = at;
	j->window_bytes = size;
	return j->current->bytes + n <= at + size;
}

static int segment_new(struct journal *j, int64_t number)
{
	char path[4200];
	struct segment *s = xcalloc(1, sizeof *s);
	int r;

	segment_path(j->dir, number, path, sizeof path);
	*s = (struct segment){.number = number, .bytes = HEAD_BYTES};
	s->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (s->fd < 0 || pwrite(s->fd, journal_magic, HEAD_BYTES, 0) != HEAD_BYTES || (r = sync_dir(j->dir)) < 0) {
		r = errno ? -errno : -EIO;
		if (s->fd >= 0) {
			close(s->fd);
			unlink(path);
		}
		free(s);
		return r;
	}
	window_close(j);
	pthread_mutex_lock(&j->mx);
	if (j->current) {
		j->current->next = s;
		if (j->has_syncer && j->full_fd < 0)
			j->full_fd = dup(j->current->fd);
	} else {
		j->oldest = s;
	}
	j->current = s;
	j->reserved = 0;
	pthread_mutex_unlock(&j->mx);
	return 0;
}

static void segment_drop(struct journal *j, struct segment *s, bool remove_file)
{
	char path[4200];

	segment_path(j->dir, s->number, path, sizeof path);
	close(s->fd);
	if (remove_file)
		unlink(path);
	free(s);
}

/* Old segments go in order; one that a live turn began in holds back all behind it. */
static void drop_unused(struct journal *j)
{
	while (j->oldest != j->current && j->oldest->marks == 0) {
		struct segment *s = j->oldest;
		j->oldest = s->next;
		segment_drop(j, s, true);
	}
}

static int sync_file(int fd)
{
	return fd >= 0 ? fdatasync(fd) : 0;
}

static void *syncer_run(void *arg)
{
	struct journal *j = arg;

	pthread_mutex_lock(&j->mx);
	while (!j->stop) {
		struct timespec until;
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += j->sync_ms / 1000;
		until.tv_nsec += j->sync_ms % 1000 * 1000000;
		if (until.tv_nsec >= 1000000000) {
			until.tv_sec++;
			until.tv_nsec -= 1000000000;
		}
		while (!j->stop && pthread_cond_timedwait(&j->cv, &j->mx, &until) == 0)
			;
		if (!j->dirty)
			continue;
		j->dirty = false;
		CLEANUP(closep) int full = j->full_fd;
		CLEANUP(closep) int fd = dup(j->current->fd);
		j->full_fd = -1;
		pthread_mutex_unlock(&j->mx);
		int r = sync_file(full) < 0 || sync_file(fd) < 0 ? -errno : 0;
		pthread_mutex_lock(&j->mx);
		j->sync_error = r;
	}
	pthread_mutex_unlock(&j->mx);
	return NULL;
}

int journal_open(const struct journal_config *c, struct journal **ret, struct err *e)
{
	struct journal *j = xcalloc(1, sizeof *j);
	struct journal_files files;
	int64_t number = 1;
	int r;

	j->dir = xstrdup(c->dir);
	j->segment_bytes = c->segment_bytes;
	j->sync_ms = c->sync_ms;
	j->batch = BUF_INIT(MAX_BATCH);
	j->full_fd = -1;
	pthread_mutex_init(&j->mx, NULL);
	pthread_cond_init(&j->cv, NULL);
	if ((r = journal_list_files(c->dir, &files, e)) < 0) {
		journal_close(j);
		return r;
	}
	if (files.n > 0)
		number = files.numbers[files.n - 1] + 1;
	free(files.numbers);
	errno = 0;
	if ((r = segment_new(j, number)) < 0) {
		journal_close(j);
		return err_file(e, r, c->dir);
	}
	if (j->sync_ms > 0)
		j->has_syncer = thread_start(&j->syncer, "journal-sync", 0, syncer_run, j) == 0;
	*ret = j;
	return 0;
}

void journal_close(struct journal *j)
{
	if (!j)
		return;
	if (j->has_syncer) {
		pthread_mutex_lock(&j->mx);
		j->stop = true;
		pthread_cond_signal(&j->cv);
		pthread_mutex_unlock(&j->mx);
		pthread_join(j->syncer, NULL);
	}
	window_close(j);
	/* A regular end, with every turn stored, leaves no files behind. */
	bool unused = true;
	for (struct segment *s = j->oldest; s; s = s->next)
		unused = unused && s->marks == 0;
	for (struct segment *s = j->oldest, *next; s; s = next) {
		next = s->next;
		segment_drop(j, s, unused);
	}
	closep(&j->full_fd);
	buf_done(&j->batch);
	pthread_mutex_destroy(&j->mx);
	pthread_cond_destroy(&j->cv);
	free(j->dir);
	free(j);
}

void journal_begin(struct journal *j, int64_t *ret_mark)
{
	j->current->marks++;
	*ret_mark = j->current->number;
}

void journal_end(struct journal *j, int64_t mark)
{
	for (struct segment *s = j->oldest; s; s = s->next)
		if (s->number == mark)
			s->marks--;
	drop_unused(j);
}

static void put_u32(char *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (char)(v >> (8 * i));
}

void journal_add(struct journal *j, atelier_id turn_id, struct str bytes)
{
	char *p = buf_reserve(&j->batch, RECORD_HEAD + bytes.n);

	if (!p)
		return; /* journal_write reports it */
	put_u32(p, (uint32_t)bytes.n);
	put_u32(p + 8, (uint32_t)turn_id);
	put_u32(p + 12, (uint32_t)((uint64_t)turn_id >> 32));
	memcpy(p + RECORD_HEAD, bytes.p, bytes.n);
	put_u32(p + 4, (uint32_t)crc32(0, (const Bytef *)p + 8, (uInt)(8 + bytes.n)));
	j->batch.n += RECORD_HEAD + bytes.n;
}

/* Room for what is to be written and for the last words after it; these may use that room themselves. */
static int write_file(struct journal *j, int64_t n)
{
	struct segment *s = j->current;
	int r = reserve_until(j, s->bytes + n + LAST_WORDS);

	if (r < 0 && (n > LAST_WORDS / 8 || s->bytes + n > j->reserved))
		return r;
	for (int64_t done = 0; done < n;) {
		ssize_t k = pwrite(s->fd, j->batch.p + done, (size_t)(n - done), s->bytes + done);
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return k < 0 ? -errno : -EIO;
		done += k;
	}
	return 0;
}

static int write_batch(struct journal *j)
{
	struct segment *s = j->current;
	int64_t n = (int64_t)j->batch.n;
	int r;

	if ((r = buf_status(&j->batch)) < 0 || (r = FAULT("journal_write")) < 0)
		return r;
	if (s->bytes + n > j->segment_bytes && s->bytes > HEAD_BYTES) {
		errno = 0;
		if ((r = segment_new(j, s->number + 1)) < 0)
			return r;
		drop_unused(j);
		s = j->current;
	}
	if (window_at_end(j, n))
		memcpy(j->window + (s->bytes - j->window_at), j->batch.p, (size_t)n);
	else if ((r = write_file(j, n)) < 0)
		return r;
	s->bytes += n;
	return 0;
}

int journal_write(struct journal *j)
{
	int r;

	if (j->batch.n == 0 && !j->batch.failed)
		return 0;
	r = write_batch(j);
	if (r == 0) {
		metric_add(M_journal_writes_total, 1);
		metric_add(M_journal_bytes_total, (int64_t)j->batch.n);
		if (j->has_syncer) {
			pthread_mutex_lock(&j->mx);
			j->dirty = true;
			pthread_mutex_unlock(&j->mx);
		}
	}
	j->error = r;
	buf_reset(&j->batch);
	return r < 0 ? E_STORAGE : 0;
}

int64_t journal_bytes(const struct journal *j)
{
	int64_t n = 0;

	for (const struct segment *s = j->oldest; s; s = s->next)
		n += s->bytes;
	return n;
}

int64_t journal_segments(const struct journal *j)
{
	int64_t n = 0;

	for (const struct segment *s = j->oldest; s; s = s->next)
		n++;
	return n;
}

int journal_error(struct journal *j)
{
	pthread_mutex_lock(&j->mx);
	int r = j->error ? j->error : j->sync_error;
	pthread_mutex_unlock(&j->mx);
	return r;
}
