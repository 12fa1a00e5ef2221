/* recover.c - what a start makes of the turns that were cut off: from the journal each gets its events, its message and
 * the state `interrupted`. */
#include <errno.h>

#include "base/log.h"
#include "sys/metrics.h"
#include "turn/turn_priv.h"

#define MAX_LOG (512u << 20)

/* The journal's bytes of one running turn. */
struct cut_off {
	struct turn_record record;
	struct buf log;
};

struct recovery {
	struct cut_off *turns;
	size_t n;
};

static int gather(void *arg, atelier_id turn_id, struct str bytes)
{
	struct recovery *rec = arg;

	for (size_t i = 0; i < rec->n; i++)
		if (rec->turns[i].record.id == turn_id)
			buf_add(&rec->turns[i].log, bytes.p, bytes.n);
	return 0; /* others ended before the stop */
}

static int finish_one(struct db *db, struct cut_off *t, struct arena *a, struct err *e)
{
	CLEANUP(reduced_done) struct reduced m = {0};
	struct closing c = {.state = STATE_INTERRUPTED, .message_id = t->record.message_id, .error = E_INTERRUPTED};
	struct finish f = {.turn_id = t->record.id};
	struct message before;
	int r;

	if ((r = reduce_log(buf_str(&t->log), &m, e)) < 0)
		return r;
	if (!m.state[0]) { /* else it had ended and only the database could not be written */
		uint64_t last_seq = m.last_seq;
		closing_frames(&c, &last_seq, &t->log);
	}
	if (t->record.continues) {
		CLEANUP(db_releasep) struct db_conn *conn = db_acquire(db);
		if ((r = messages_get(conn, t->record.user_id, t->record.message_id, a, &before, e)) < 0)
			return r;
		f.base_content = before.content;
		f.base_reasoning = before.reasoning;
	}
	if ((r = buf_status(&t->log)) < 0)
		return err_set(e, r, "the log of a turn does not fit into memory");
	f.log = buf_str(&t->log);
	if ((r = turn_store(db, &f, e)) < 0)
		return r;
	metric_add(M_turns_interrupted_total, 1);
	return 0;
}

static int recover_all(struct db *db, const char *dir, struct recovery *rec, struct arena *a, struct err *e)
{
	struct turn_record_list list;
	int r;

	CLEANUP(db_releasep) struct db_conn *c = db_acquire(db);
	if ((r = turns_running(c, a, &list, e)) < 0)
		return r;
	db_releasep(&c);
	rec->turns = xcalloc(list.n + 1, sizeof *rec->turns);
	rec->n = list.n;
	for (size_t i = 0; i < list.n; i++)
		rec->turns[i] = (struct cut_off){list.items[i], BUF_INIT(MAX_LOG)};
	if ((r = journal_replay(dir, gather, rec, e)) < 0)
		return r;
	for (size_t i = 0; i < rec->n; i++)
		if ((r = finish_one(db, &rec->turns[i], a, e)) < 0 && r != E_NOT_FOUND && r != E_CONFLICT)
			return r;
	if (rec->n > 0)
		log_warn("turn", "answers cut off by the last stop: %zu; what was shown of them is kept", rec->n);
	return journal_forget(dir, e);
}

int turns_recover(struct db *db, const char *journal_dir, struct err *e)
{
	CLEANUP(arena_done) struct arena a;
	struct recovery rec = {0};
	int r;

	arena_init(&a, MAX_LOG);
	r = recover_all(db, journal_dir, &rec, &a, e);
	for (size_t i = 0; i < rec.n; i++)
		buf_done(&rec.turns[i].log);
	free(rec.turns);
	return r;
}
