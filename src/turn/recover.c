/*
 * recover.c - the turns that the last run has left running: each gets its events from the journal, its message and the
 * state `interrupted` (or the one it had ended in, where only the database was missing). The server answers meanwhile:
 * these turns are still running, and who follows one waits for it. Killed in the middle, the next start does the rest.
 *
 * And those of this run of which nobody knows whether they have begun, since the database was lost just then: nothing runs
 * them, so what is there of them is ended in the same way once it can be asked.
 */
#include <errno.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/magic.h"
#include "sys/metrics.h"
#include "turn/turn_priv.h"

#define BATCH         100         /* turns of one transaction */
#define BATCH_BYTES   (16u << 20) /* of their logs */
#define MISSING_MAX   1000000     /* events; above, the numbers jump */
#define TRIES_TO_READ 5           /* then what cannot be read of the journal counts as damaged */
#define READY_MAX     1000
#define HEAD_START_MS 250 /* a start waits that long: mostly all is done before anybody can ask */

/* A turn that was running. */
struct lost {
	struct turn_record record;
	struct frames frames;
	bool waits;                   /* for a tool, or a person: it goes on */
	uint64_t missing;             /* events that the journal has lost */
	struct turnlog *log;          /* the loop's */
	const struct message *before; /* what a message that was continued had; NULL: not loaded */
	bool closed;                  /* the frames have their end */
	bool unsure;                  /* of this run; it has no events */
	int refusals;                 /* by the database */
	bool settled;                 /* under the lock of all */
};

struct recovery {
	unsigned magic; /* RECOVERY_MAGIC */
#define RECOVERY_MAGIC 0x72657679u
	struct turns *all;
	struct arena arena;
	struct lost *turns; /* by rising id */
	size_t n;
	struct pool_task task;
	bool over; /* with the lock of all held */
	pthread_cond_t over_cv;
};

/* ---- the journal's events of each ---- */

static struct lost *find(struct recovery *rec, atelier_id turn_id)
{
	size_t low = 0, high = rec->n;

	while (low < high) {
		size_t mid = (low + high) / 2;
		if (rec->turns[mid].record.id < turn_id)
			low = mid + 1;
		else
			high = mid;
	}
	return low < rec->n && rec->turns[low].record.id == turn_id ? &rec->turns[low] : NULL;
}

static int add_start(struct lost *t)
{
	CLEANUP(buf_done) struct buf json = BUF_INIT(4096);
	const struct turn_record *r = &t->record;
	const struct turn_ids ids = {r->id, r->conversation_id, r->user_message_id, r->message_id};

	turn_start_json(&ids, r->model ? r->model : "", &json);
	int s = buf_status(&json);
	return s < 0 ? s : frames_add(&t->frames, EV_START, json.p, json.n);
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
		r = t->frames.last_seq == 0 ? add_start(t)
		    : first                 ? frames_add(&t->frames, EV_TEXT, mark, sizeof(mark) - 1)
					    : frames_add(&t->frames, EV_STATUS, lost, sizeof(lost) - 1);
	t->missing += missing;
	return r;
}

static void gather(void *arg, atelier_id turn_id, struct str frames)
{
	struct lost *t = find(arg, turn_id); /* others ended before the stop */
	struct event_frame f;
	size_t pos = 0;

	for (size_t begin = 0; t && event_next_frame(frames, &pos, &f) == 1; begin = pos) {
		if (f.seq <= t->frames.last_seq)
			continue; /* from a copy of the file */
		if (fill_gap(t, f.seq) < 0 ||
			frames_add_raw(&t->frames, f.seq, (struct str){frames.p + begin, pos - begin}) < 0)
			log_warn("turn", "an event of an interrupted answer cannot be kept");
	}
}

/* ---- their end ---- */

static bool has_ended(const struct lost *t)
{
	const struct frames *f = &t->frames;
	struct event_frame frame = {0};
	size_t pos = 0;
	int type = -1;

	while (f->last && event_next_frame((struct str){f->last->p, f->last->n}, &pos, &frame) == 1)
		type = frame.type;
	return type == EV_DONE && frame.seq > (uint64_t)t->record.last_seq; /* else it waited there, and went on */
}

/* Whether the call was made ready to run: what the model wrote of it is whole. */
static bool is_open(const struct part *p)
{
	return p->type == PART_TOOL_CALL && !p->answered && p->id &&
	       (json_object_get(p->more, "source") || json_object_get(p->more, "approval"));
}

/* Of one that had begun, and may have been done, a person is asked. */
static int ask_of(
	struct recovery *rec, struct lost *t, const struct part *p, struct turn_call_list *rows, struct err *e)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(4 << 20);
	int r = 0;

	for (size_t i = 0; i < rows->n; i++) {
		struct turn_call *row = &rows->items[i];
		if (strcmp(row->call_id, p->id) != 0 || strcmp(row->state, CALL_STARTED) != 0)
			continue;
		row->state = CALL_ASKED;
		row->unknown = true;
		row->decision = row->reason = NULL;
		row->expires_at = clock_now_ms() + rec->all->settings->approval_hours * 3600 * 1000;
		if ((r = turn_calls_add(rec->all->db, row, 1, e)) < 0)
			return r;
		call_approval_json(row, &b);
		return buf_status(&b) < 0 ? -ENOMEM : frames_add(&t->frames, EV_APPROVAL, b.p, b.n);
	}
	return r;
}

/* A turn that waited for tools, or for a person, when the program ended goes on from there. */
static int find_waiting(struct recovery *rec, struct lost *t, struct err *e)
{
	CLEANUP(reduced_done) struct reduced m = {.last_seq = 0};
	struct turn_call_list rows = {.n = 0};
	int r = reduce_log(t->before, &t->frames, (uint64_t)t->record.last_seq, NULL, &m, e);

	if (r < 0 || t->missing)
		return r;
	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(rec->all->db);
		r = turn_calls_list(c, t->record.id, &rec->arena, &rows, e);
	}
	for (size_t i = 0; r == 0 && i < m.parts.n; i++)
		if (is_open(&m.parts.items[i])) {
			t->waits = true;
			r = ask_of(rec, t, &m.parts.items[i], &rows, e);
		}
	return r;
}

static int close_frames(struct recovery *rec, struct lost *t, struct err *e)
{
	struct closing c = {.state = STATE_INTERRUPTED, .message_id = t->record.message_id, .error = E_INTERRUPTED};
	int r = 0;

	if (t->closed)
		return 0;
	if (t->frames.last_seq == 0)
		r = add_start(t);
	if (t->unsure)
		c.error_text = "The database was lost as this was stored, and the model was not asked.";
	if (t->missing)
		c.error_text = "The server stopped in the middle of this answer, and a part of what was shown is lost: "
			       "the journal was damaged.";
	if (r == 0 && t->record.request && !t->unsure && !has_ended(t))
		r = find_waiting(rec, t, e);
	if (t->waits) {
		c.state = STATE_WAITING;
		c.error = 0;
	}
	if (r == 0 && !has_ended(t)) /* else only the database could not be written */
		r = closing_frames(&c, &t->frames);
	t->closed = r == 0;
	return r;
}

static int load_before(struct recovery *rec, struct lost *t, struct err *e)
{
	int r = 0;

	if ((t->record.continues || t->record.last_seq) && !t->before)
		r = finish_load(rec->all->db, t->record.user_id, t->record.message_id, &rec->arena, &t->before, e);
	return r == E_NOT_FOUND ? 0 : r; /* hidden, to be deleted */
}

/* ---- on the loop: readers get what there is ---- */

struct end_lost {
	struct loop_task task;
	struct turnlog *log;
	struct frames frames;
	bool aside;
};

static void end_on_loop(void *arg)
{
	struct end_lost *x = arg;

	if (x->aside)
		turnlog_abandon(x->log, true);
	else
		turnlog_fill(x->log, &x->frames);
	frames_done(&x->frames);
	free(x);
}

static void settle(struct recovery *rec, struct lost *t, bool aside)
{
	struct turns *all = rec->all;
	struct end_lost *x = xcalloc(1, sizeof *x);

	ASSERT(t->log && !t->settled && (aside || t->closed));
	*x = (struct end_lost){.log = t->log, .frames = t->frames, .aside = aside};
	t->frames = FRAMES_INIT(0);
	pthread_mutex_lock(&all->mx);
	t->settled = true;
	pthread_mutex_unlock(&all->mx);
	loop_post(all->loop, &x->task, end_on_loop, x);
	metric_add(M_turns_interrupted_total, 1);
	bus_publish(all->config.bus, &(struct bus_event){BUS_TURN, t->waits ? "waiting" : "ended", t->record.user_id,
					     t->record.conversation_id, t->record.id});
}

/* ---- storing them ---- */

struct batch {
	struct lost *turns[BATCH];
	struct finish finish[BATCH];
	struct stored stored[BATCH];
	const struct turn_finish *rows[BATCH];
	int results[BATCH];
	size_t n, bytes;
};

static int batch_add(struct recovery *rec, struct batch *b, struct lost *t, struct err *e)
{
	struct finish *f = &b->finish[b->n];
	int r;

	ASSERT(b->n < BATCH && !t->settled);
	if ((r = load_before(rec, t, e)) < 0 || (r = close_frames(rec, t, e)) < 0)
		return r;
	*f = (struct finish){.turn_id = t->record.id,
		.before = t->before,
		.after = (uint64_t)t->record.last_seq,
		.log = &t->frames,
		.journal_dir = rec->all->config.journal_dir,
		.refusals = t->refusals};
	r = finish_prepare(f, &b->stored[b->n], e);
	if (r < 0) {
		finish_note(f, r);
		t->refusals = f->refusals;
		stored_done(&b->stored[b->n]);
		return r;
	}
	b->turns[b->n] = t;
	b->rows[b->n] = &b->stored[b->n].row;
	b->bytes += t->frames.bytes;
	b->n++;
	return 0;
}

static void batch_store(struct recovery *rec, struct batch *b, struct err *e)
{
	(void)!turns_finish_all(rec->all->db, b->rows, b->n, b->results, e);
	for (size_t i = 0; i < b->n; i++) {
		stored_done(&b->stored[i]);
		if (db_is_settled(b->results[i]))
			settle(rec, b->turns[i], finish_is_aside(&b->finish[i]));
		finish_note(&b->finish[i], b->results[i]);
		b->turns[i]->refusals = b->finish[i].refusals;
	}
	b->n = b->bytes = 0;
}

/* Tries all that are not stored yet; returns how many still are not. */
static size_t store_round(struct recovery *rec, struct err *e)
{
	CLEANUP(freep) struct batch *b = xcalloc(1, sizeof *b);
	size_t left = 0;

	for (size_t i = 0; i < rec->n && !cancel_reason(&rec->all->stop); i++) {
		if (!rec->turns[i].settled)
			(void)!batch_add(rec, b, &rec->turns[i], e);
		if (b->n == BATCH || b->bytes >= BATCH_BYTES)
			batch_store(rec, b, e);
	}
	if (b->n)
		batch_store(rec, b, e);
	for (size_t i = 0; i < rec->n; i++)
		left += !rec->turns[i].settled;
	return left;
}

/* 0, or negative when the program stops. */
static int read_journal(struct recovery *rec)
{
	struct turns *all = rec->all;

	for (int tries = 1;; tries++) {
		struct err e = {0};
		bool skip = tries > TRIES_TO_READ;
		if (journal_replay(all->config.journal_dir, &all->left, skip, gather, rec, &e) == 0)
			return 0;
		log_error("turn", "%s; tried again", e.msg);
		if (turn_store_wait(all, tries) < 0)
			return -ECANCELED;
	}
}

static bool is_power_of_two(int n)
{
	return (n & (n - 1)) == 0;
}

static int store_all(struct recovery *rec)
{
	struct err e = {0};

	for (int tries = 1; store_round(rec, &e) > 0; tries++) {
		if (is_power_of_two(tries))
			log_error("turn", "answers that were cut off could not be stored yet, they are tried again: %s",
				e.msg);
		err_clear(&e);
		if (turn_store_wait(rec->all, tries) < 0)
			return -ECANCELED;
	}
	return 0;
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
		turn_resume(all, ready[i], false);
}

static void recover(struct recovery *rec)
{
	struct turns *all = rec->all;
	struct err e = {0};

	if (read_journal(rec) < 0 || store_all(rec) < 0)
		return;
	if (rec->n > 0)
		log_warn("turn", "answers cut off by the last stop: %zu; what was shown of them is kept", rec->n);
	if (journal_forget(all->config.journal_dir, &all->left, &e) < 0)
		log_warn("turn", "the journal of the last run stays: %s", e.msg);
	turns_go_on_ready(all);
}

static void recover_behind(void *arg)
{
	struct recovery *rec = arg;

	recover(rec);
	pthread_mutex_lock(&rec->all->mx);
	rec->over = true;
	pthread_cond_signal(&rec->over_cv);
	pthread_mutex_unlock(&rec->all->mx);
}

static void wait_a_little(struct recovery *rec)
{
	int64_t until_ms = clock_mono_ms() + HEAD_START_MS;

	pthread_mutex_lock(&rec->all->mx);
	while (!rec->over && clock_wait(&rec->over_cv, &rec->all->mx, until_ms))
		;
	pthread_mutex_unlock(&rec->all->mx);
}

/* ---- finding them ---- */

bool recovery_waits(const struct turns *all, atelier_id conversation_id)
{
	const struct recovery *rec = all->recovery;

	ASSERT(lock_is_mine(&all->mx));
	for (size_t i = 0; rec && i < rec->n; i++)
		if (!rec->turns[i].settled && rec->turns[i].record.conversation_id == conversation_id)
			return true;
	return false;
}

/* ---- those that may have begun ---- */

struct unsure {
	atelier_id turn_id;
	struct unsure *next;
};

struct finding {
	struct recovery *rec;
	atelier_id turn_id;
	struct turn_record record;
};

static int find_in(struct db_conn *c, void *arg, struct err *e)
{
	struct finding *x = arg;

	return turns_find(c, x->turn_id, &x->rec->arena, &x->record, e);
}

/* As long as it takes: 0 with the turn if it is there, negative when the program stops. As who writes, and so behind the
 * transaction in question, which the server may still be at. */
static int find_unsure(struct recovery *rec, atelier_id turn_id)
{
	for (int tries = 1;; tries++) {
		struct finding x = {.rec = rec, .turn_id = turn_id};
		struct err e = {0};
		int r = db_write(rec->all->db, find_in, &x, &e);

		if (r == 0 && strcmp(x.record.state, STATE_RUNNING) == 0)
			rec->turns[rec->n++] = (struct lost){
				.record = x.record, .frames = FRAMES_INIT(FINISH_LOG_MAX), .unsure = true};
		if (db_is_settled(r))
			return 0;
		if (turn_store_wait(rec->all, tries) < 0)
			return -ECANCELED;
	}
}

static int open_logs_on_loop(void *arg)
{
	struct recovery *rec = arg;

	for (size_t i = 0; i < rec->n; i++) {
		const struct turn_record *t = &rec->turns[i].record;
		rec->turns[i].log =
			turnlog_open_lost(rec->all->logs, &(struct turnlog_of){t->id, t->user_id, t->conversation_id});
	}
	return 0;
}

static void end_unsure(struct turns *all, const struct unsure *first)
{
	struct recovery rec = {.all = all};
	size_t n = 0;
	int r = 0;

	for (const struct unsure *u = first; u; u = u->next)
		n++;
	rec.turns = xcalloc(n, sizeof *rec.turns);
	arena_init(&rec.arena, FINISH_LOG_MAX);
	for (const struct unsure *u = first; r == 0 && u; u = u->next)
		r = find_unsure(&rec, u->turn_id);
	if (r == 0 && rec.n) {
		(void)loop_call(all->loop, open_logs_on_loop, &rec);
		if (store_all(&rec) == 0)
			log_warn("turn", "answers that had begun as the database was lost, and nobody was told: %zu",
				rec.n);
	}
	for (size_t i = 0; i < rec.n; i++)
		frames_done(&rec.turns[i].frames);
	free(rec.turns);
	arena_done(&rec.arena);
}

static void free_unsure(struct unsure *u)
{
	for (struct unsure *next; u; u = next) {
		next = u->next;
		free(u);
	}
}

static void settle_unsure(void *arg)
{
	struct turns *all = arg;

	for (;;) {
		pthread_mutex_lock(&all->mx);
		struct unsure *first = TAKE_PTR(all->unsure);
		all->settles = first && !all->stopping;
		bool go = all->settles;
		pthread_mutex_unlock(&all->mx);
		if (go)
			end_unsure(all, first);
		free_unsure(first);
		if (!go)
			return;
	}
}

void recovery_settle(struct turns *all, const struct turn_begun *begun, size_t n)
{
	pthread_mutex_lock(&all->mx);
	for (size_t i = 0; i < n; i++) {
		struct unsure *u = xcalloc(1, sizeof *u);
		*u = (struct unsure){begun[i].turn_id, all->unsure};
		all->unsure = u;
	}
	if (!all->settles)
		all->settles = pool_submit(all->recover_thread, &all->settle_task, settle_unsure, all) == 0;
	pthread_mutex_unlock(&all->mx);
}

/* ---- finding them at the start ---- */

static int find_running(struct recovery *rec, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(rec->all->db);
	struct turn_record_list list;
	int r = turns_running(c, &rec->arena, &list, e);

	if (r < 0)
		return r;
	rec->turns = xcalloc(list.n + 1, sizeof *rec->turns);
	rec->n = list.n;
	for (size_t i = 0; i < list.n; i++) {
		const struct turn_record *t = &list.items[i];
		const struct turnlog_of of = {t->id, t->user_id, t->conversation_id};
		rec->turns[i] = (struct lost){.record = *t, .frames = FRAMES_INIT(FINISH_LOG_MAX)};
		if (t->last_seq && turn_stored_log(rec->all->db, t->id, &rec->turns[i].frames, e) < 0)
			return e->code;
		rec->turns[i].log = turnlog_open_lost(rec->all->logs, &of);
	}
	return 0;
}

int recovery_start(struct turns *all, struct err *e)
{
	struct recovery *rec = xcalloc(1, sizeof *rec);
	int r;

	ASSERT(!all->recovery);
	MAGIC_SET(rec, RECOVERY_MAGIC);
	rec->all = all;
	pthread_cond_init(&rec->over_cv, NULL);
	arena_init(&rec->arena, FINISH_LOG_MAX);
	all->recovery = rec;
	if ((r = find_running(rec, e)) < 0)
		return r;
	if ((r = pool_submit(all->recover_thread, &rec->task, recover_behind, rec)) < 0)
		return err_set(e, r, "A thread does not start: %s.", err_info(r)->text);
	wait_a_little(rec);
	return 0;
}

void recovery_free(struct turns *all)
{
	struct recovery *rec = TAKE_PTR(all->recovery);

	free_unsure(TAKE_PTR(all->unsure));
	if (!rec)
		return;
	for (size_t i = 0; i < rec->n; i++)
		frames_done(&rec->turns[i].frames);
	free(rec->turns);
	pthread_cond_destroy(&rec->over_cv);
	arena_done(&rec->arena);
	MAGIC_END(rec, RECOVERY_MAGIC);
	free(rec);
}
