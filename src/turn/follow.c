/* follow.c - following a turn: a live one from its log, one that has ended from the database; and the ends of that. */
#include <errno.h>

#include "turn/turn_priv.h"

struct follow {
	struct turns *all;
	struct turnlog_of of; /* of a finished turn all is known */
	uint64_t after;
	const struct follower *who;
	const struct http_place *at;
	struct frames *frames; /* of a finished turn; NULL: look for one that is here */
};

static int follow_on_loop(void *arg)
{
	struct follow *f = arg;

	if (f->frames)
		return turnlogs_replay(f->all->logs, &f->of, f->frames, f->after, f->who, f->at) ? 1 : E_BUSY;
	struct turnlog *l = turn_is_resuming(f->all, f->of.turn_id, &f->of) ? turnlog_expect(f->all->logs, &f->of)
									    : turnlog_find(f->all->logs, f->of.turn_id);
	if (l)
		turnlog_follow(l, f->after, f->who, f->at);
	return l ? 1 : 0;
}

int turn_follow(struct turns *all, atelier_id turn_id, uint64_t after, const struct follower *who,
	const struct http_place *at, struct err *e)
{
	CLEANUP(frames_done) struct frames frames = FRAMES_INIT((size_t)all->settings->max_answer_bytes * 2);
	CLEANUP(arena_done) struct arena a;
	struct follow f = {all, {.turn_id = turn_id}, after, who, at, NULL};
	struct turn_log log;
	int r;

	ASSERT_IS(all, TURNS_MAGIC);
	arena_init(&a, frames.max);
	/* A turn leaves the live ones only after it is stored, so looking there first misses none; nor does what was stored before
	 * a person decided count for one that goes on. */
	if (loop_call(all->loop, follow_on_loop, &f) == 1)
		return 0;
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(all->db);
	if ((r = turns_log(c, turn_id, &a, &log, e)) < 0)
		return r;
	db_releasep(&c);
	if (log.data.n == 0)
		return err_set(e, E_NOT_FOUND, "The events of this turn were not kept.");
	if ((r = log_unpack(log.data, log.size, &frames)) < 0)
		return err_set(e, r == -ENOMEM ? r : E_INTERNAL, "the stored log of a turn cannot be read");
	f.of = (struct turnlog_of){turn_id, log.user_id, log.conversation_id};
	f.frames = &frames;
	if (loop_call(all->loop, follow_on_loop, &f) == 1)
		return 0;
	if (e)
		e->retry_after_s = 2;
	return err_set(e, E_BUSY, "Too many long answers are being read again. Try again in a moment.");
}

struct end_followers {
	struct loop_task task;
	struct turns *all;
	struct follower_match match;
};

static void end_followers_on_loop(void *arg)
{
	struct end_followers *x = arg;

	turnlogs_end_followers(x->all->logs, &x->match);
	free(x);
}

void turns_end_followers(struct turns *all, const struct follower_match *m)
{
	struct end_followers *x = xcalloc(1, sizeof *x);

	ASSERT_IS(all, TURNS_MAGIC);
	x->all = all;
	x->match = *m;
	loop_post(all->loop, &x->task, end_followers_on_loop, x);
}

struct journal_question {
	struct turns *all;
	struct journal_state *ret;
};

static int journal_state_on_loop(void *arg)
{
	struct journal_question *q = arg;

	*q->ret = (struct journal_state){
		journal_bytes(q->all->journal), journal_segments(q->all->journal), journal_error(q->all->journal)};
	return 0;
}

void turns_journal_state(struct turns *all, struct journal_state *ret)
{
	struct journal_question q = {all, ret};

	(void)loop_call(all->loop, journal_state_on_loop, &q);
}
