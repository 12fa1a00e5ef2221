/* lost.c - the end of turns that nothing runs: what was shown of each becomes its message, as often as it takes. */
#include "turn/lost.h"

#include <errno.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/log.h"
#include "sys/metrics.h"

#define BATCH       100         /* turns of one transaction */
#define BATCH_BYTES (16u << 20) /* of their logs */

void lost_init(struct lost_turns *l, struct turns *all)
{
	*l = (struct lost_turns){.all = all};
	arena_init(&l->arena, FINISH_LOG_MAX);
}

void lost_done(struct lost_turns *l)
{
	for (size_t i = 0; i < l->n; i++)
		frames_done(&l->items[i].frames);
	free(l->items);
	arena_done(&l->arena);
}

/* ---- their end ---- */

int lost_add_start(struct lost *t)
{
	CLEANUP(buf_done) struct buf json = BUF_INIT(4096);
	const struct turn_record *r = &t->record;
	const struct turn_ids ids = {r->id, r->conversation_id, r->user_message_id, r->message_id};

	turn_start_json(&ids, r->model ? r->model : "", &json);
	int s = buf_status(&json);
	return s < 0 ? s : frames_add(&t->frames, EV_START, json.p, json.n);
}

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
	struct lost_turns *l, struct lost *t, const struct part *p, struct turn_call_list *rows, struct err *e)
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
		row->expires_at = clock_now_ms() + l->all->settings->approval_hours * 3600 * 1000;
		if ((r = turn_calls_add(l->all->db, row, 1, e)) < 0)
			return r;
		call_approval_json(row, &b);
		return buf_status(&b) < 0 ? -ENOMEM : frames_add(&t->frames, EV_APPROVAL, b.p, b.n);
	}
	return r;
}

/* A turn that waited for tools, or for a person, when the program ended goes on from there. */
static int find_waiting(struct lost_turns *l, struct lost *t, struct err *e)
{
	CLEANUP(reduced_done) struct reduced m = {.last_seq = 0};
	struct turn_call_list rows = {.n = 0};
	int r = reduce_log(t->before, &t->frames, (uint64_t)t->record.last_seq, NULL, &m, e);

	if (r < 0 || t->missing)
		return r;
	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(l->all->db);
		r = turn_calls_list(c, t->record.id, &l->arena, &rows, e);
	}
	for (size_t i = 0; r == 0 && i < m.parts.n; i++)
		if (is_open(&m.parts.items[i])) {
			t->waits = true;
			r = ask_of(l, t, &m.parts.items[i], &rows, e);
		}
	return r;
}

static int close_frames(struct lost_turns *l, struct lost *t, struct err *e)
{
	struct closing c = {.state = STATE_INTERRUPTED, .message_id = t->record.message_id, .error = E_INTERRUPTED};
	int r = 0;

	if (t->closed)
		return 0;
	if (t->frames.last_seq == 0)
		r = lost_add_start(t);
	if (t->unsure)
		c.error_text = "The database was lost as this was stored, and the model was not asked.";
	if (t->missing)
		c.error_text = "The server stopped in the middle of this answer, and a part of what was shown is lost: "
			       "the journal was damaged.";
	if (r == 0 && t->record.request && !t->unsure && !has_ended(t))
		r = find_waiting(l, t, e);
	if (t->waits) {
		c.state = STATE_WAITING;
		c.error = 0;
	}
	if (r == 0 && !has_ended(t)) /* else only the database could not be written */
		r = closing_frames(&c, &t->frames);
	t->closed = r == 0;
	return r;
}

static int load_before(struct lost_turns *l, struct lost *t, struct err *e)
{
	int r = 0;

	if ((t->record.continues || t->record.last_seq) && !t->before)
		r = finish_load(l->all->db, t->record.user_id, t->record.message_id, &l->arena, &t->before, e);
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

static void settle(struct lost_turns *l, struct lost *t, bool aside)
{
	struct turns *all = l->all;
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

static int batch_add(struct lost_turns *l, struct batch *b, struct lost *t, struct err *e)
{
	struct finish *f = &b->finish[b->n];
	int r;

	ASSERT(b->n < BATCH && !t->settled);
	if ((r = load_before(l, t, e)) < 0 || (r = close_frames(l, t, e)) < 0)
		return r;
	*f = (struct finish){.turn_id = t->record.id,
		.before = t->before,
		.after = (uint64_t)t->record.last_seq,
		.log = &t->frames,
		.journal_dir = l->all->config.journal_dir,
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

static void batch_store(struct lost_turns *l, struct batch *b, struct err *e)
{
	(void)!turns_finish_all(l->all->db, b->rows, b->n, b->results, e);
	for (size_t i = 0; i < b->n; i++) {
		stored_done(&b->stored[i]);
		if (db_is_settled(b->results[i]))
			settle(l, b->turns[i], finish_is_aside(&b->finish[i]));
		finish_note(&b->finish[i], b->results[i]);
		b->turns[i]->refusals = b->finish[i].refusals;
	}
	b->n = b->bytes = 0;
}

/* Tries all that are not stored yet; returns how many still are not. */
static size_t store_round(struct lost_turns *l, struct err *e)
{
	CLEANUP(freep) struct batch *b = xcalloc(1, sizeof *b);
	size_t left = 0;

	for (size_t i = 0; i < l->n && !cancel_reason(&l->all->stop); i++) {
		if (!l->items[i].settled)
			(void)!batch_add(l, b, &l->items[i], e);
		if (b->n == BATCH || b->bytes >= BATCH_BYTES)
			batch_store(l, b, e);
	}
	if (b->n)
		batch_store(l, b, e);
	for (size_t i = 0; i < l->n; i++)
		left += !l->items[i].settled;
	return left;
}

static bool is_power_of_two(int n)
{
	return (n & (n - 1)) == 0;
}

int lost_store_all(struct lost_turns *l)
{
	struct err e = {0};

	for (int tries = 1; store_round(l, &e) > 0; tries++) {
		if (is_power_of_two(tries))
			log_error("turn", "answers that were cut off could not be stored yet, they are tried again: %s",
				e.msg);
		err_clear(&e);
		if (turn_store_wait(l->all, tries) < 0)
			return -ECANCELED;
	}
	return 0;
}
