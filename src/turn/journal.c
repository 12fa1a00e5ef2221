/* journal.c - see journal.h. The loop's thread writes, in a way that can fail: a page of a mapped file could not say that
 * the disk did not take it. Space is promised ahead, so that a full disk is met before a write and leaves room for the
 * events that end a turn. */
#include "turn/journal.h"

#include <errno.h>
#include <stdio.h>
#include <zlib.h>

#include "base/clock.h"
#include "base/lock.h"
#include "sys/fault.h"
#include "sys/metrics.h"
#include "turn/journal_priv.h"

#define CLOSING_RESERVE (64 << 10)  /* kept free of ordinary writes, for the errors that end turns */
#define ROOM_AHEAD      (512 << 10) /* with less than this promised, more is asked for */
#define MAX_BATCH       (256u << 20)

_Static_assert(MAX_BATCH <= UINT32_MAX, "a record's size is a field of 32 bits");

/* ---- which segments are needed; with the lock held ---- */

/* Old segments go in order; one that a live turn began in holds back all behind it. */
static void drop_unused(struct journal *j)
{
	ASSERT(lock_is_mine(&j->mx));
	while (j->oldest != j->current && j->oldest->marks == 0) {
		struct segment *s = j->oldest;
		ASSERT(s->next); /* the current one is the last */
		j->oldest = s->next;
		s->next = j->dropped;
		j->dropped = s;
		keeper_wake(j);
	}
}

static void begin(struct turnlog_sink *s, int64_t *ret_mark)
{
	struct journal *j = CONTAINER_OF(s, struct journal, sink);

	ASSERT_IS(j, JOURNAL_LIVE_MAGIC);
	pthread_mutex_lock(&j->mx);
	j->current->marks++;
	*ret_mark = j->current->number;
	pthread_mutex_unlock(&j->mx);
}

static void release(struct turnlog_sink *sink, int64_t mark)
{
	struct journal *j = CONTAINER_OF(sink, struct journal, sink);

	ASSERT(mark > 0);
	ASSERT_IS(j, JOURNAL_LIVE_MAGIC);
	pthread_mutex_lock(&j->mx);
	struct segment *s = j->oldest;
	while (s && s->number != mark)
		s = s->next;
	ASSERT(s && s->marks > 0); /* the mark has held it */
	s->marks--;
	drop_unused(j);
	pthread_mutex_unlock(&j->mx);
}

/* Goes on to the next segment when this one is full and that one is there; else this one grows. */
static void turn_over(struct journal *j, int64_t n)
{
	const struct segment *s = j->current;
	bool full = s->bytes + n > j->segment_bytes && s->bytes > HEAD_BYTES;

	ASSERT(lock_is_mine(&j->mx));
	if ((full || s->bad) && j->next) {
		ASSERT(!s->next && j->next->number > s->number);
		j->current->next = j->next;
		s = j->current = TAKE_PTR(j->next);
		drop_unused(j);
	}
	if (!j->next && !j->wants_next && (s->bad || s->bytes + n > j->segment_bytes / 2)) {
		j->wants_next = true;
		keeper_wake(j);
	}
}

/* Room for what is to be written and for the closing events after it; these may use that room themselves. Where nothing is
 * promised yet, the write itself says whether there is room. */
static int have_room(struct journal *j, int64_t n)
{
	const struct segment *s = j->current;

	ASSERT(lock_is_mine(&j->mx));
	if (s->bad)
		return j->sync_error ? j->sync_error : -EIO;
	if (s->bytes + n + ROOM_AHEAD > s->reserved && !j->wants_room) {
		j->wants_room = true;
		keeper_wake(j);
	}
	if (s->bytes + n + CLOSING_RESERVE <= s->reserved || !j->room_error)
		return 0;
	return n > CLOSING_RESERVE / 8 || s->bytes + n > s->reserved ? j->room_error : 0;
}

/* ---- writing ---- */

static void put_u32(char *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (char)(v >> (8 * i));
}

static void add(struct turnlog_sink *s, atelier_id turn_id, struct str frames)
{
	struct journal *j = CONTAINER_OF(s, struct journal, sink);
	char *p = buf_reserve(&j->batch, RECORD_HEAD + frames.n);

	ASSERT(turn_id && frames.n > 0 && memcmp(frames.p, FRAMES_BEGIN, 4) == 0); /* by this it is found again */
	if (!p)
		return; /* sealing reports it */
	put_u32(p, (uint32_t)frames.n);
	put_u32(p + 8, (uint32_t)turn_id);
	put_u32(p + 12, (uint32_t)((uint64_t)turn_id >> 32));
	memcpy(p + RECORD_HEAD, frames.p, frames.n);
	put_u32(p + 4, (uint32_t)crc32(0, (const Bytef *)p + 8, (uInt)(8 + frames.n)));
	j->batch.n += RECORD_HEAD + frames.n;
}

/* What a failed write has left must not be found after a crash. */
static void take_back(struct journal *j, struct segment *s)
{
	if (ftruncate(s->fd, s->bytes) < 0)
		return;
	pthread_mutex_lock(&j->mx);
	s->reserved = MIN(s->reserved, s->bytes);
	pthread_mutex_unlock(&j->mx);
}

/* Whether the batch can be written, and j->current is where. */
static int make_room(struct journal *j)
{
	int64_t n = (int64_t)j->batch.n;
	int r;

	if ((r = buf_status(&j->batch)) < 0 || (r = FAULT("journal_write")) < 0)
		return r;
	pthread_mutex_lock(&j->mx);
	turn_over(j, n);
	r = have_room(j, n);
	pthread_mutex_unlock(&j->mx);
	return r;
}

static void note_written(struct journal *j, int r)
{
	struct segment *s = j->current;

	pthread_mutex_lock(&j->mx);
	ASSERT(!s->next); /* the last of them */
	j->error = r;
	if (r == 0) {
		s->bytes += (int64_t)j->batch.n;
		s->dirty = true;
	}
	journal_sync_later(j);
	pthread_mutex_unlock(&j->mx);
}

static int seal(struct turnlog_sink *s)
{
	struct journal *j = CONTAINER_OF(s, struct journal, sink);
	int r;

	if (j->batch.n == 0 && !j->batch.failed)
		return 0;
	r = make_room(j);
	if (r >= 0) {
		struct segment *at = j->current; /* the loop alone replaces it */
		for (size_t done = 0; r >= 0 && done < j->batch.n;) {
			ssize_t k = pwrite(at->fd, j->batch.p + done, j->batch.n - done, at->bytes + (int64_t)done);
			if (k > 0)
				done += (size_t)k;
			else if (k == 0 || errno != EINTR)
				r = k < 0 ? -errno : -EIO;
		}
		if (r < 0)
			take_back(j, at);
	}
	note_written(j, r);
	if (r == 0) {
		metric_add(M_journal_writes_total, 1);
		metric_add(M_journal_bytes_total, (int64_t)j->batch.n);
	}
	buf_reset(&j->batch);
	return r < 0 ? E_STORAGE : 0;
}

/* ---- life ---- */

static void journal_init(struct journal *j, const struct journal_config *c)
{
	*j = (struct journal){.magic = JOURNAL_LIVE_MAGIC,
		.sink = {.begin = begin, .add = add, .seal = seal, .release = release},
		.dir = xstrdup(c->dir),
		.segment_bytes = c->segment_bytes,
		.sync_ms = c->sync_ms,
		.lost = c->lost,
		.arg = c->arg,
		.batch = BUF_INIT(MAX_BATCH),
		.working = true};
	pthread_mutex_init(&j->mx, NULL);
	pthread_cond_init(&j->cv, NULL);
	pthread_cond_init(&j->settled, NULL);
}

int journal_open(const struct journal_config *c, struct journal **ret, struct err *e)
{
	struct journal *j = xcalloc(1, sizeof *j);
	CLEANUP(journal_files_done) struct journal_files files = {0};
	int r;

	journal_init(j, c);
	r = journal_list(c->dir, &files, e);
	if (r == 0 && (r = segment_make(c->dir, files.highest + 1, &j->current)) < 0)
		r = err_file(e, r, c->dir);
	j->oldest = j->current;
	if (r == 0 && (r = keeper_start(j)) < 0)
		r = err_set(e, r, "the thread of the journal does not start: %s", strerror(-r));
	if (r < 0) {
		journal_close(j);
		return r;
	}
	*ret = j;
	return 0;
}

void journal_close(struct journal *j)
{
	bool unused = true;

	if (!j)
		return;
	keeper_stop(j);
	/* A regular end, with every turn stored, leaves no files behind. */
	for (struct segment *s = j->oldest; s; s = s->next)
		unused = unused && s->marks == 0;
	for (struct segment *s = j->oldest, *next; s; s = next) {
		next = s->next;
		if (!unused && s->dirty)
			(void)fdatasync(s->fd);
		segment_free(j->dir, s, unused);
	}
	for (struct segment *s = j->dropped, *next; s; s = next) {
		next = s->next;
		segment_free(j->dir, s, true);
	}
	if (j->next)
		segment_free(j->dir, j->next, true);
	buf_done(&j->batch);
	pthread_mutex_destroy(&j->mx);
	pthread_cond_destroy(&j->cv);
	pthread_cond_destroy(&j->settled);
	free(j->dir);
	MAGIC_END(j, JOURNAL_LIVE_MAGIC);
	free(j);
}

struct turnlog_sink *journal_sink(struct journal *j)
{
	ASSERT_IS(j, JOURNAL_LIVE_MAGIC);
	return &j->sink;
}

/* ---- its state ---- */

int64_t journal_bytes(struct journal *j)
{
	int64_t n = 0;

	ASSERT_IS(j, JOURNAL_LIVE_MAGIC);
	pthread_mutex_lock(&j->mx);
	for (const struct segment *s = j->oldest; s; s = s->next)
		n += s->bytes;
	pthread_mutex_unlock(&j->mx);
	return n;
}

int64_t journal_segments(struct journal *j)
{
	int64_t n = 0;

	ASSERT_IS(j, JOURNAL_LIVE_MAGIC);
	pthread_mutex_lock(&j->mx);
	for (const struct segment *s = j->oldest; s; s = s->next)
		n++;
	pthread_mutex_unlock(&j->mx);
	return n;
}

int journal_error(struct journal *j)
{
	pthread_mutex_lock(&j->mx);
	int r = j->error ? j->error : j->sync_error;
	pthread_mutex_unlock(&j->mx);
	return r;
}
