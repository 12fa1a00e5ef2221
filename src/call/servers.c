/*
 * servers.c - limits that several servers on one database keep together. Each notes there what it takes: what its running calls
 * hold, before they begin, and what calls have used, in the transaction of their rows. Who reserves reads the others' notes
 * and writes its own in one transaction, of which there is one at a time in all servers: no two get the last piece.
 *
 * Where there is no other server nothing of this happens. One that is started says so and takes no call until the others, who look for
 * that once a second, have told what they hold: from then on they note it.
 */
#include <time.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/log.h"
#include "call/call_priv.h"
#include "sys/loop.h"
#include "sys/thread.h"

#define NOTES_BYTES  ((size_t)8 << 20)
#define JOIN_MS      4000 /* for the others to tell; one that hangs, or is of an older version, is not waited for */
#define JOIN_LOOK_MS 50

/* ---- what the others have taken ---- */

int servers_read(struct db_conn *db, struct arena *a, struct servers_seen *ret, struct err *e)
{
	*ret = (struct servers_seen){.n = 0};
	return limit_uses_elsewhere(db, a, &ret->uses, &ret->n, e);
}

bool servers_same(const struct servers_seen *a, const struct servers_seen *b)
{
	int64_t used = 0, windows = 0; /* which both only grow */

	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		used += a->uses[i].used - b->uses[i].used;
		windows += a->uses[i].window_start - b->uses[i].window_start;
	}
	return used == 0 && windows == 0;
}

/* What they have used and hold of one limit in its present window. */
static void add_up(const struct servers_seen *seen, const struct counter *l, int64_t *ret_used, int64_t *ret_held)
{
	*ret_used = *ret_held = 0;
	for (size_t i = 0; i < seen->n; i++) {
		const struct limit_use *u = &seen->uses[i];

		if (u->limit_id != l->id)
			continue;
		*ret_held += u->held;
		if (u->window_start == l->window.start)
			*ret_used += u->used;
	}
}

bool servers_apply(struct table *t, const struct servers_seen *seen, int64_t now_ms, bool counted)
{
	bool news = false;

	for (size_t i = 0; i < t->n_limits; i++) {
		struct counter *l = &t->limits[i];
		int64_t used, held;

		t->recount |= counter_roll(l, now_ms);
		add_up(seen, l, &used, &held);
		news = news || used != l->elsewhere_used || held != l->elsewhere_held;
		/* Less than before: it was read before that, or a clock that is ahead has begun the next window there. */
		if (counted || used > l->elsewhere_used) {
			counter_use(l, counted ? 0 : used - l->elsewhere_used);
			l->elsewhere_used = used;
		}
		l->elsewhere_held = held;
	}
	return news;
}

/* ---- what is taken here ---- */

static struct limit_use note_of(const struct counter *l)
{
	return (struct limit_use){
		.limit_id = l->id, .window_start = l->window.start, .held = l->reserved + l->unwritten};
}

struct asking {
	struct calls *c;
	const struct subject_of_call *s;
	const struct need *need;
	struct reservations *reserved;
};

static int reserve_in(struct db_conn *db, void *arg, struct err *e)
{
	struct asking *x = arg;
	struct calls *c = x->c;
	CLEANUP(arena_done) struct arena a;
	CLEANUP(freep) struct limit_use *notes = NULL;
	struct servers_seen seen;
	size_t n = 0;
	int r;

	ASSERT(db_is_writing(db));
	arena_init(&a, NOTES_BYTES);
	r = servers_read(db, &a, &seen, e);
	if (r < 0)
		return r;
	pthread_mutex_lock(&c->mx);
	(void)servers_apply(c->table, &seen, c->now_ms(), false);
	r = meter_reserve(c->table, x->s, x->need, c->now_ms(), c->c.settings->currency, x->reserved, e);
	notes = xcalloc(MAX(x->reserved->n, (size_t)1), sizeof(*notes));
	for (size_t i = 0; r == 0 && i < x->reserved->n; i++) {
		const struct reservation *one = &(x->reserved->more ? x->reserved->more : x->reserved->few)[i];

		notes[n++] = note_of(counter_by_id(c->table, one->limit_id));
	}
	pthread_mutex_unlock(&c->mx);
	return r < 0 ? r : limit_uses_add(db, notes, n, e);
}

static bool any_binds(struct calls *c, const struct subject_of_call *s)
{
	size_t i = 0;

	pthread_mutex_lock(&c->mx);
	while (i < c->table->n_limits && !counter_binds(c->table, &c->table->limits[i], s))
		i++;
	bool any = i < c->table->n_limits;
	pthread_mutex_unlock(&c->mx);
	return any;
}

/* While the database is away an answer that runs goes on, by what is known here. */
int servers_reserve(struct calls *c, const struct subject_of_call *s, const struct need *need, struct reservations *ret,
	struct err *e)
{
	struct asking x = {c, s, need, ret};
	struct err mine = {0};
	int r;

	ASSERT(thread_may_wait());
	*ret = (struct reservations){.n = 0};
	if (!any_binds(c, s))
		return 0;
	r = db_write(c->c.db, reserve_in, &x, &mine);
	if (r == 0)
		return 0;
	pthread_mutex_lock(&c->mx);
	meter_release(c->table, ret);
	if (r != E_LIMIT && r != E_BUDGET) {
		log_debug("call", "what other servers have used of limits was not read: %s", mine.msg);
		c->others = false; /* what was noted then is made good when they are looked for next */
		r = meter_reserve(c->table, s, need, c->now_ms(), c->c.settings->currency, ret, e);
	} else if (e && !e->code) {
		*e = mine;
	}
	pthread_mutex_unlock(&c->mx);
	return r;
}

/* ---- what was used here ---- */

void servers_uses(struct calls *c, const struct reservations *r, struct pending *p)
{
	ASSERT(lock_is_mine(&c->mx) && !p->uses);
	if (!c->others)
		return;
	/* Of what was held and then not used, since another model has answered, the others hear, too. */
	p->uses = xcalloc(MAX(r->n + c->table->n_limits, (size_t)1), sizeof(*p->uses));
	for (size_t i = 0; i < r->n; i++)
		p->uses[p->n_uses++] = (struct limit_use){.limit_id = (r->more ? r->more : r->few)[i].limit_id};
}

/* The note of this limit among the `n` there are, or a new one. */
static struct limit_use *note_for(struct limit_use *notes, size_t *n, const struct counter *l)
{
	size_t k = 0;

	while (k < *n && notes[k].limit_id != l->id)
		k++;
	if (k == *n)
		notes[(*n)++] = note_of(l);
	return &notes[k];
}

int servers_note(struct db_conn *db, void *batch, const bool *added, struct err *e)
{
	const struct servers_batch *b = batch;
	CLEANUP(freep) struct limit_use *notes = NULL;
	size_t n = 0, most = 0, row = 0;

	ASSERT(db_is_writing(db));
	for (const struct pending *p = b->first; p; p = p->next)
		most += p->n_uses;
	notes = xcalloc(MAX(most, (size_t)1), sizeof(*notes));
	pthread_mutex_lock(&b->c->mx);
	for (const struct pending *p = b->first; p; p = p->next, row++) {
		for (size_t i = 0; i < p->n_uses; i++) {
			const struct limit_use *u = &p->uses[i];
			struct counter *l = counter_by_id(b->c->table, u->limit_id);
			struct limit_use *note = l ? note_for(notes, &n, l) : NULL;

			if (!note)
				continue;
			note->held = MAX(note->held - u->used, INT64_C(0)); /* it was on its way until now */
			if (added[row] && u->window_start == l->window.start)
				note->used += u->used;
		}
	}
	pthread_mutex_unlock(&b->c->mx);
	return limit_uses_add(db, notes, n, e);
}

void servers_noted(struct calls *c, const struct pending *first)
{
	ASSERT(lock_is_mine(&c->mx));
	for (const struct pending *p = first; p; p = p->next)
		for (size_t i = 0; i < p->n_uses; i++) {
			struct counter *l = counter_by_id(c->table, p->uses[i].limit_id);

			if (l)
				l->unwritten = MAX(l->unwritten - p->uses[i].used, INT64_C(0));
		}
}

/* ---- who is there ---- */

/* All that is held here, for one that has just come; what this server has held in another life is forgotten. */
static int tell_all_in(struct db_conn *db, void *arg, struct err *e)
{
	struct calls *c = arg;
	CLEANUP(freep) struct limit_use *notes = NULL;
	size_t n = 0;
	int r = limit_uses_forget(db, e);

	if (r < 0)
		return r;
	pthread_mutex_lock(&c->mx);
	notes = xcalloc(MAX(c->table->n_limits, (size_t)1), sizeof(*notes));
	for (size_t i = 0; i < c->table->n_limits; i++)
		if (note_of(&c->table->limits[i]).held > 0)
			notes[n++] = note_of(&c->table->limits[i]);
	pthread_mutex_unlock(&c->mx);
	r = limit_uses_add(db, notes, n, e);
	return r < 0 ? r : limit_uses_told(db, e);
}

/* From now on what is taken here is noted; then all is counted, which has what was used before. */
static int begin_together(struct calls *c, struct err *e)
{
	int r;

	pthread_mutex_lock(&c->mx);
	c->others = true;
	pthread_mutex_unlock(&c->mx);
	r = db_write(c->c.db, tell_all_in, c, e);
	if (r == 0)
		r = table_load(c, e);
	if (r == 0)
		return 0;
	pthread_mutex_lock(&c->mx);
	c->others = false; /* it is tried again */
	pthread_mutex_unlock(&c->mx);
	return r;
}

static int read_notes(struct calls *c, bool others, bool *ret_news, struct err *e)
{
	CLEANUP(arena_done) struct arena a;
	CLEANUP(db_releasep) struct db_conn *db = db_acquire(c->c.db);
	struct servers_seen seen = {.n = 0};
	int r;

	arena_init(&a, NOTES_BYTES);
	r = others ? servers_read(db, &a, &seen, e) : 0;
	if (r < 0)
		return r;
	pthread_mutex_lock(&c->mx);
	*ret_news = servers_apply(c->table, &seen, c->now_ms(), false);
	c->others = others;
	pthread_mutex_unlock(&c->mx);
	return 0;
}

int calls_look_elsewhere(struct calls *c, struct err *e)
{
	bool others = false, news = false;
	int64_t starts = 0;
	int r;

	ASSERT_IS(c, CALLS_MAGIC);
	ASSERT(thread_may_wait());
	{
		CLEANUP(db_releasep) struct db_conn *db = db_acquire(c->c.db);
		r = limit_servers_elsewhere(db, &others, &starts, e);
	}
	if (r < 0)
		return r;
	pthread_mutex_lock(&c->mx);
	bool were = c->others;
	pthread_mutex_unlock(&c->mx);
	if (others && (!were || starts != c->starts)) {
		r = begin_together(c, e);
		c->starts = r == 0 ? starts : c->starts;
	} else if (others || were) {
		r = read_notes(c, others, &news, e);
	}
	if (r == 0 && news)
		bus_publish(c->c.bus, &(struct bus_event){.kind = BUS_LIMITS, .what = "changed"});
	return r;
}

/* ---- a server is started ---- */

static int start_in(struct db_conn *db, void *arg, struct err *e)
{
	const struct calls *c = arg;

	return limit_server_starts(db, c->now_ms(), e);
}

static int count_silent(struct calls *c, int64_t *ret, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *db = db_acquire(c->c.db);

	return limit_servers_silent(db, ret, e);
}

int servers_join(struct calls *c, struct err *e)
{
	int64_t until_ms = clock_mono_ms() + JOIN_MS, silent = 1;
	int r;

	ASSERT(thread_may_wait());
	if (!db_is_shared(c->c.db) || !db_own_node(c->c.db))
		return 0;
	r = db_write(c->c.db, start_in, c, e);
	while (r == 0 && silent > 0) {
		/* Of two that are started at once each waits for the other's word. */
		r = calls_look_elsewhere(c, e);
		if (r == 0)
			r = count_silent(c, &silent, e);
		if (r == 0 && silent > 0 && clock_mono_ms() >= until_ms) {
			log_info("call",
				"%lld other servers have not said what they hold of limits, and are not waited for",
				(long long)silent);
			break;
		}
		if (r == 0 && silent > 0)
			(void)nanosleep(&(struct timespec){.tv_nsec = JOIN_LOOK_MS * 1000000L}, NULL);
	}
	return r;
}
