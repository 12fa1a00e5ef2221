/* journal_keeper.c - the journal's own thread: everything that may wait for the disk, so that the loop never does. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/log.h"
#include "sys/fault.h"
#include "sys/loop.h"
#include "sys/metrics.h"
#include "sys/thread.h"
#include "turn/journal_priv.h"

#define RESERVE_STEP (1 << 20) /* space is taken from the disk in steps of this */
#define TRY_MS       1000      /* after a failure, where nothing is synced by time */
#define NAMES_TRIED  100       /* that are taken, one after the other */

/* ---- segments ---- */

void segment_path(const char *dir, int64_t number, char ret[PATH_BYTES])
{
	snprintf(ret, PATH_BYTES, "%s/" SEGMENT_NAME, dir, (long long)number);
}

static int sync_dir(const char *dir)
{
	CLEANUP(closep) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* Beyond what is written a file then has zeros, which end it. */
int segment_reserve(int fd, int64_t end, int64_t *ret_reserved)
{
	int64_t want = (end / RESERVE_STEP + 1) * RESERVE_STEP;
	int r = FAULT("journal_reserve");

	ASSERT(fd >= 0 && end > 0);
	if (r == 0 && fallocate(fd, 0, 0, want) < 0)
		r = -errno;
	if (r == -EOPNOTSUPP || r == -ENOSYS) {
		*ret_reserved = INT64_MAX;
		return 0;
	}
	if (r == 0)
		*ret_reserved = want;
	return r;
}

static int write_head(int fd)
{
	static const char head[HEAD_BYTES] = JOURNAL_MAGIC;
	ssize_t n = pwrite(fd, head, HEAD_BYTES, 0);

	return n == HEAD_BYTES ? 0 : n < 0 ? -errno : -EIO;
}

int segment_make(const char *dir, int64_t number, struct segment **ret)
{
	struct segment *s = xcalloc(1, sizeof *s);
	char path[PATH_BYTES];
	int r = FAULT("journal_segment");

	segment_path(dir, number, path);
	*s = (struct segment){.number = number, .bytes = HEAD_BYTES, .dirty = true, .fd = -1};
	if (r == 0 && (s->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)) < 0)
		r = -errno;
	if (r == 0 && ((r = segment_reserve(s->fd, HEAD_BYTES, &s->reserved)) < 0 || (r = write_head(s->fd)) < 0 ||
			      (r = sync_dir(dir)) < 0)) {
		segment_free(dir, s, true);
		return r;
	}
	if (r < 0) {
		free(s);
		return r;
	}
	*ret = s;
	return 0;
}

/* What somebody has deleted, replaced or cut short takes every write, and a start would find none of it. */
static int check_file(const char *dir, const struct segment *s, int64_t size)
{
	struct stat mine, there;
	char path[PATH_BYTES];

	segment_path(dir, s->number, path);
	if (fstat(s->fd, &mine) < 0 || lstat(path, &there) < 0)
		return -errno;
	return mine.st_ino == there.st_ino && mine.st_dev == there.st_dev && mine.st_size >= size ? 0 : -ESTALE;
}

/* Where the folder was replaced, a file of its name is another's. */
void segment_free(const char *dir, struct segment *s, bool remove_file)
{
	char path[PATH_BYTES];

	ASSERT(!remove_file || s->marks == 0); /* no turn began in it that is not stored */
	segment_path(dir, s->number, path);
	if (remove_file && check_file(dir, s, 0) == 0)
		unlink(path);
	close(s->fd);
	free(s);
}

/* ---- what the keeper does; each with the lock held, which is let go of for the disk ---- */

static void remove_dropped(struct journal *j)
{
	struct segment *list = TAKE_PTR(j->dropped);

	pthread_mutex_unlock(&j->mx);
	while (list) {
		struct segment *s = list;
		list = s->next;
		segment_free(j->dir, s, true);
	}
	pthread_mutex_lock(&j->mx);
}

/* Past names that are taken: by what a disk that was read-only did not let go of, or by somebody's own files. */
static void make_next(struct journal *j)
{
	struct segment *s = NULL;
	int64_t number = j->current->number + 1, last = number + NAMES_TRIED;

	j->wants_next = false;
	if (j->next)
		return;
	pthread_mutex_unlock(&j->mx);
	int r = segment_make(j->dir, number, &s);
	while (r == -EEXIST && number < last)
		r = segment_make(j->dir, ++number, &s);
	pthread_mutex_lock(&j->mx);
	if (r < 0 && r != j->next_error) /* it is tried every second, all night perhaps */
		log_warn("journal", "the next file of the journal cannot be made: %s", strerror(-r));
	j->next_error = r;
	ASSERT(!j->next); /* nobody else makes one */
	j->next = s;
}

static void reserve_ahead(struct journal *j)
{
	struct segment *s = j->current;
	int64_t end = s->bytes + RESERVE_STEP, reserved = s->reserved;

	j->wants_room = false;
	pthread_mutex_unlock(&j->mx);
	int r = segment_reserve(s->fd, end, &reserved);
	pthread_mutex_lock(&j->mx);
	s->reserved = MAX(s->reserved, reserved);
	j->room_error = r;
}

static struct segment *first_dirty(const struct journal *j)
{
	struct segment *s = j->oldest;

	ASSERT(lock_is_mine(&j->mx));
	while (s && (!s->dirty || s->bad))
		s = s->next;
	return s;
}

static int sync_one(struct journal *j, struct segment *s)
{
	int64_t size = s->reserved < INT64_MAX ? s->reserved : s->bytes;

	s->dirty = false; /* what is written from now on makes it so again */
	pthread_mutex_unlock(&j->mx);
	int r = FAULT("journal_sync");
	if (r == 0 && fdatasync(s->fd) < 0)
		r = -errno;
	if (r == 0)
		r = check_file(j->dir, s, size);
	metric_add(M_journal_syncs_total, 1);
	pthread_mutex_lock(&j->mx);
	return r;
}

/* The kernel tells a failure once and may then take the bytes for written: nothing more goes to that file. */
static void sync_failed(struct journal *j, struct segment *s, int r)
{
	s->bad = true;
	j->sync_error = r;
	log_error("journal", "what was written cannot be brought to the disk: %s", strerror(-r));
	make_next(j);
	pthread_mutex_unlock(&j->mx);
	if (j->lost)
		j->lost(j->arg);
	pthread_mutex_lock(&j->mx);
}

/* The loop writes to the current file, so it is the next one that is written to: its head once more. */
static int probe(struct journal *j, struct segment *next)
{
	pthread_mutex_unlock(&j->mx);
	int r = FAULT("journal_write");
	if (r == 0)
		r = write_head(next->fd);
	pthread_mutex_lock(&j->mx);
	return r == 0 ? sync_one(j, next) : r;
}

/* After a failure, whether the disk can be written again: a server that says it cannot is asked nothing, and so would write
 * nothing by which it could see that. */
static void try_again(struct journal *j)
{
	make_next(j);
	if (!j->current->bad)
		reserve_ahead(j);
	struct segment *s = j->next;
	if (!s || (j->room_error && !j->current->bad))
		return;
	int r = probe(j, s);
	if (j->sync_error)
		j->sync_error = r;
	if (r == 0) {
		j->error = 0;
		log_info("journal", "the disk can be written again");
	} else if (j->next == s) {
		j->next = NULL;
		s->next = j->dropped;
		j->dropped = s;
	} else {
		s->bad = true;
	}
}

void journal_sync_later(struct journal *j)
{
	bool failed = j->sync_error || j->error;

	ASSERT(lock_is_mine(&j->mx));
	if (j->sync_at_ms || (j->sync_ms <= 0 && !failed))
		return;
	j->sync_at_ms = clock_mono_ms() + (j->sync_ms > 0 ? j->sync_ms : TRY_MS);
	keeper_wake(j);
}

/* What is written meanwhile is for the next time: while tokens flow, the last segment is dirty again at once. */
static void sync_all(struct journal *j)
{
	struct segment *s;
	int r = 0;

	j->sync_at_ms = 0;
	if (j->sync_error || j->error)
		try_again(j);
	do {
		s = first_dirty(j);
		if (s && (r = sync_one(j, s)) < 0)
			sync_failed(j, s, r);
	} while (s && s != j->current && r == 0);
	if (j->sync_error || j->error || first_dirty(j))
		journal_sync_later(j);
}

/* ---- the thread ---- */

static bool has_work(const struct journal *j)
{
	ASSERT(lock_is_mine(&j->mx));
	return j->dropped || j->wants_next || j->wants_room;
}

static bool is_sync_due(const struct journal *j)
{
	return j->sync_at_ms && clock_mono_ms() >= j->sync_at_ms;
}

static void wait_for_work(struct journal *j)
{
	ASSERT(lock_is_mine(&j->mx));
	j->working = false;
	pthread_cond_broadcast(&j->settled);
	if (j->sync_at_ms)
		(void)clock_wait(&j->cv, &j->mx, j->sync_at_ms);
	else
		pthread_cond_wait(&j->cv, &j->mx);
	j->working = true;
}

static void *keeper_run(void *arg)
{
	struct journal *j = arg;

	pthread_mutex_lock(&j->mx);
	while (!j->stop) {
		if (j->dropped)
			remove_dropped(j);
		else if (j->wants_room)
			reserve_ahead(j);
		else if (j->wants_next)
			make_next(j);
		else if (is_sync_due(j))
			sync_all(j);
		else
			wait_for_work(j);
	}
	pthread_mutex_unlock(&j->mx);
	return NULL;
}

void keeper_wake(struct journal *j)
{
	ASSERT(lock_is_mine(&j->mx));
	pthread_cond_signal(&j->cv);
}

void journal_settle(struct journal *j)
{
	ASSERT(thread_may_wait());
	pthread_mutex_lock(&j->mx);
	while (j->has_keeper && (j->working || has_work(j)))
		pthread_cond_wait(&j->settled, &j->mx);
	pthread_mutex_unlock(&j->mx);
}

int keeper_start(struct journal *j)
{
	ASSERT(!j->has_keeper && j->current);
	int r = thread_start(&j->keeper, "journal", 0, keeper_run, j);

	j->has_keeper = r == 0;
	return r;
}

void keeper_stop(struct journal *j)
{
	if (!j->has_keeper)
		return;
	pthread_mutex_lock(&j->mx);
	j->stop = true;
	keeper_wake(j);
	pthread_mutex_unlock(&j->mx);
	pthread_join(j->keeper, NULL);
	j->has_keeper = false;
}
