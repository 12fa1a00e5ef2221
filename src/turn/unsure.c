/*
 * unsure.c - turns of this run of which nobody knows whether they have begun, since the database was lost just then: nothing
 * runs them, so what is there of them is ended once it can be asked.
 */
#include <errno.h>

#include "base/log.h"
#include "turn/lost.h"

struct unsure {
	atelier_id turn_id;
	struct unsure *next;
};

struct finding {
	struct lost_turns *l;
	atelier_id turn_id;
	struct turn_record record;
};

static int find_in(struct db_conn *c, void *arg, struct err *e)
{
	struct finding *x = arg;

	return turns_find(c, x->turn_id, &x->l->arena, &x->record, e);
}

/* As long as it takes: 0 with the turn if it is there, negative when the program stops. As who writes, and so behind the
 * transaction in question, which the server may still be at. */
static int find_unsure(struct lost_turns *l, atelier_id turn_id)
{
	for (int tries = 1;; tries++) {
		struct finding x = {.l = l, .turn_id = turn_id};
		struct err e = {0};
		int r = db_write(l->all->db, find_in, &x, &e);

		if (r == 0 && strcmp(x.record.state, STATE_RUNNING) == 0)
			l->items[l->n++] = (struct lost){
				.record = x.record, .frames = FRAMES_INIT(FINISH_LOG_MAX), .unsure = true};
		if (db_is_settled(r))
			return 0;
		if (turn_store_wait(l->all, tries) < 0)
			return -ECANCELED;
	}
}

static int open_logs_on_loop(void *arg)
{
	struct lost_turns *l = arg;

	for (size_t i = 0; i < l->n; i++) {
		const struct turn_record *t = &l->items[i].record;
		l->items[i].log =
			turnlog_open_lost(l->all->logs, &(struct turnlog_of){t->id, t->user_id, t->conversation_id});
	}
	return 0;
}

static void end_unsure(struct turns *all, const struct unsure *first)
{
	struct lost_turns l;
	size_t n = 0;
	int r = 0;

	for (const struct unsure *u = first; u; u = u->next)
		n++;
	lost_init(&l, all);
	l.items = xcalloc(n, sizeof *l.items);
	for (const struct unsure *u = first; r == 0 && u; u = u->next)
		r = find_unsure(&l, u->turn_id);
	if (r == 0 && l.n) {
		(void)loop_call(all->loop, open_logs_on_loop, &l);
		if (lost_store_all(&l) == 0)
			log_warn("turn", "answers that had begun as the database was lost, and nobody was told: %zu",
				l.n);
	}
	lost_done(&l);
}

static void free_all(struct unsure *u)
{
	for (struct unsure *next; u; u = next) {
		next = u->next;
		free(u);
	}
}

static void settle_work(void *arg)
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
		free_all(first);
		if (!go)
			return;
	}
}

void unsure_settle(struct turns *all, const struct turn_begun *begun, size_t n)
{
	pthread_mutex_lock(&all->mx);
	for (size_t i = 0; i < n; i++) {
		struct unsure *u = xcalloc(1, sizeof *u);
		*u = (struct unsure){begun[i].turn_id, all->unsure};
		all->unsure = u;
	}
	if (!all->settles)
		all->settles = pool_submit(all->recover_thread, &all->settle_task, settle_work, all) == 0;
	pthread_mutex_unlock(&all->mx);
}

void unsure_free(struct turns *all)
{
	free_all(TAKE_PTR(all->unsure));
}
