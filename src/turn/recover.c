/*
 * recover.c - the turns that the last run has left running: each gets its events from the journal, its message and the
 * state `interrupted` (or the one it had ended in, where only the database was missing). The server answers meanwhile:
 * these turns are still running, and who follows one waits for it. Killed in the middle, the next start does the rest.
 */
#include <errno.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/magic.h"
#include "sys/metrics.h"
#include "turn/lost.h"

#define MISSING_MAX   1000000 /* events; above, the numbers jump */
#define TRIES_TO_READ 5       /* then what cannot be read of the journal counts as damaged */
#define PASSES_MOST   10      /* over files that somebody has put into another order */
#define READY_MAX     1000
#define HEAD_START_MS 250 /* a start waits that long: mostly all is done before anybody can ask */

struct recovery {
	unsigned magic; /* RECOVERY_MAGIC */
#define RECOVERY_MAGIC 0x72657679u
	struct lost_turns lost; /* by rising id */
	struct pool_task task;
	/* of one pass over the journal: gaps are filled; events behind a gap were seen; some were taken */
	bool fills, behind, took;
	bool over; /* with the lock of all held */
	pthread_cond_t over_cv;
};

/* ---- the journal's events of each ---- */

static struct lost *find(struct recovery *rec, atelier_id turn_id)
{
	size_t low = 0, high = rec->lost.n;

	while (low < high) {
		size_t mid = (low + high) / 2;
		if (rec->lost.items[mid].record.id < turn_id)
			low = mid + 1;
		else
			high = mid;
	}
	return low < rec->lost.n && rec->lost.items[low].record.id == turn_id ? &rec->lost.items[low] : NULL;
}

/* Numbers go on without a gap where events are missing: the first one is the place in the text where they stood. */
static int fill_gap(struct lost *t, uint64_t next_seq)
{
	static const char mark[] = "{\"text\":\" [\xe2\x80\xa6] \"}";
	static const char lost[] = "{\"state\":\"lost\",\"text\":\"A part of the answer was lost\"}";
	uint64_t missing = next_seq - 1 - t->frames.last_seq;
	int r = 0;

	if (missing > MISSING_MAX)
		return E_INVALID;
	for (bool first = t->frames.last_seq > 0; r == 0 && t->frames.last_seq + 1 < next_seq; first = false)
		r = t->frames.last_seq == 0 ? lost_add_start(t)
		    : first                 ? frames_add(&t->frames, EV_TEXT, mark, sizeof(mark) - 1)
					    : frames_add(&t->frames, EV_STATUS, lost, sizeof(lost) - 1);
	t->missing += missing;
	return r;
}

static void gather(void *arg, atelier_id turn_id, struct str frames)
{
	struct recovery *rec = arg;
	struct lost *t = find(rec, turn_id); /* others ended before the stop */
	struct event_frame f;
	size_t pos = 0;

	for (size_t begin = 0; t && event_next_frame(frames, &pos, &f) == 1; begin = pos) {
		if (f.seq <= t->frames.last_seq)
			continue; /* from a copy of the file, or an earlier pass */
		if (f.seq > t->frames.last_seq + 1 && !rec->fills) {
			rec->behind = true;
			continue;
		}
		rec->took = true;
		if (fill_gap(t, f.seq) < 0 ||
			frames_add_raw(&t->frames, f.seq, (struct str){frames.p + begin, pos - begin}) < 0)
			log_warn("turn", "an event of an interrupted answer cannot be kept");
	}
}

static void keep_all(struct turns *all)
{
	for (size_t i = 0; i < all->left.n; i++)
		all->left.items[i].unreadable = MAX(all->left.items[i].unreadable, 1);
}

/* What seems to be missing may stand in a file behind: only when a pass has found nothing more it is lost. */
static int replay(struct recovery *rec, bool skip, struct err *e)
{
	struct turns *all = rec->lost.all;

	rec->fills = false;
	for (int pass = 1;; pass++) {
		rec->behind = rec->took = false;
		int r = journal_replay(all->config.journal_dir, &all->left, skip, gather, rec, e);
		if (pass > PASSES_MOST) /* in no order at all: somebody else may make more of it */
			keep_all(all);
		if (r < 0 || rec->fills || !rec->behind)
			return r;
		rec->fills = !rec->took || pass == PASSES_MOST;
	}
}

/* 0, or negative when the program stops. */
static int read_journal(struct recovery *rec)
{
	struct turns *all = rec->lost.all;

	for (int tries = 1;; tries++) {
		struct err e = {0};
		bool skip = tries > TRIES_TO_READ;
		if (replay(rec, skip, &e) == 0)
			return 0;
		log_error("turn", "%s; tried again", e.msg);
		if (turn_store_wait(all, tries) < 0)
			return -ECANCELED;
	}
}

void turns_go_on_ready(struct turns *all)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(all->db);
	atelier_id ready[READY_MAX];
	struct err e = {0};
	size_t n = 0;

	if (turns_ready(c, ready, READY_MAX, &n, &e) < 0)
		log_warn("turn", "answers that waited do not go on by themselves: %s", e.msg);
	for (size_t i = 0; i < n; i++)
		turn_resume(all, &(struct turnlog_of){.turn_id = ready[i]}, false);
}

/* Also where an earlier start has found the loss, and was ended before it came here. */
static void keep_journal(struct turns *all)
{
	bool some = false;

	for (size_t i = 0; i < all->left.n; i++) {
		struct journal_file *f = &all->left.items[i];
		if (f->changed_s > all->config.keeps_journal_until_s)
			continue;
		f->unreadable = MAX(f->unreadable, 1);
		some = true;
	}
	if (some)
		log_warn("turn", "the journal of the last run is kept, as files that end in .damaged: the database has "
				 "lost something");
}

/* Of one that was ended as it began the journal may rightly have nothing; of many, its files were taken away. */
static void tell(const struct recovery *rec)
{
	size_t nothing = 0, some = 0;

	for (size_t i = 0; i < rec->lost.n; i++) {
		nothing += rec->lost.items[i].frames.last_seq == 0;
		some += rec->lost.items[i].missing > 0;
	}
	if (nothing + some > 0)
		log_warn("turn",
			"answers cut off by the last stop: %zu; the journal has nothing of %zu of them, and lacks a "
			"part of %zu; all else that was shown is kept",
			rec->lost.n, nothing, some);
	else if (rec->lost.n > 0)
		log_warn("turn", "answers cut off by the last stop: %zu; what was shown of them is kept", rec->lost.n);
}

static void recover(struct recovery *rec)
{
	struct turns *all = rec->lost.all;
	struct err e = {0};

	if (read_journal(rec) < 0)
		return;
	tell(rec);
	if (lost_store_all(&rec->lost) < 0)
		return;
	keep_journal(all);
	if (journal_forget(all->config.journal_dir, &all->left, &e) < 0)
		log_warn("turn", "the journal of the last run stays: %s", e.msg);
	turns_go_on_ready(all);
}

static void recover_behind(void *arg)
{
	struct recovery *rec = arg;

	recover(rec);
	pthread_mutex_lock(&rec->lost.all->mx);
	rec->over = true;
	pthread_cond_signal(&rec->over_cv);
	pthread_mutex_unlock(&rec->lost.all->mx);
}

static void wait_a_little(struct recovery *rec)
{
	int64_t until_ms = clock_mono_ms() + HEAD_START_MS;

	pthread_mutex_lock(&rec->lost.all->mx);
	while (!rec->over && clock_wait(&rec->over_cv, &rec->lost.all->mx, until_ms))
		;
	pthread_mutex_unlock(&rec->lost.all->mx);
}

/* ---- finding them ---- */

bool recovery_waits(const struct turns *all, atelier_id conversation_id)
{
	const struct recovery *rec = all->recovery;

	ASSERT(lock_is_mine(&all->mx));
	for (size_t i = 0; rec && i < rec->lost.n; i++)
		if (!rec->lost.items[i].settled && rec->lost.items[i].record.conversation_id == conversation_id)
			return true;
	return false;
}

static int find_running(struct recovery *rec, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(rec->lost.all->db);
	struct turn_record_list list;
	int r = turns_running(c, &rec->lost.arena, &list, e);

	if (r < 0)
		return r;
	rec->lost.items = xcalloc(list.n + 1, sizeof *rec->lost.items);
	rec->lost.n = list.n;
	for (size_t i = 0; i < list.n; i++) {
		const struct turn_record *t = &list.items[i];
		const struct turnlog_of of = {t->id, t->user_id, t->conversation_id};
		rec->lost.items[i] = (struct lost){.record = *t, .frames = FRAMES_INIT(FINISH_LOG_MAX)};
		if (t->last_seq && turn_stored_log(rec->lost.all->db, t->id, &rec->lost.items[i].frames, e) < 0)
			return e->code;
		rec->lost.items[i].log = turnlog_open_lost(rec->lost.all->logs, &of);
	}
	return 0;
}

int recovery_start(struct turns *all, struct err *e)
{
	struct recovery *rec = xcalloc(1, sizeof *rec);
	int r;

	ASSERT(!all->recovery);
	MAGIC_SET(rec, RECOVERY_MAGIC);
	pthread_cond_init(&rec->over_cv, NULL);
	lost_init(&rec->lost, all);
	all->recovery = rec;
	if ((r = find_running(rec, e)) < 0)
		return r;
	if ((r = pool_submit(all->recover_thread, &rec->task, recover_behind, rec)) < 0)
		return err_set(e, r, "A thread does not start: %s.",
			r == E_BUSY ? "this user may have no more of them (ulimit -u, TasksMax)" : strerror(-r));
	wait_a_little(rec);
	return 0;
}

void recovery_free(struct turns *all)
{
	struct recovery *rec = TAKE_PTR(all->recovery);

	if (!rec)
		return;
	pthread_cond_destroy(&rec->over_cv);
	lost_done(&rec->lost);
	MAGIC_END(rec, RECOVERY_MAGIC);
	free(rec);
}
