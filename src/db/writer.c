/*
 * writer.c - the one thread that writes. It takes all requests that wait, but for those that let others go first (take_batch),
 * runs each inside a savepoint of one transaction, commits once for all and wakes them: one sync of the disk serves many writers.
 *
 * While another program holds the database, a batch grows and waits; each caller waits until its own deadline. Once that
 * has lasted, new callers are told so at once rather than kept.
 */
#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/log.h"
#include "db/db_priv.h"
#include "sys/fault.h"
#include "sys/loop.h"
#include "sys/metrics.h"
#include "sys/thread.h"

enum {
	WAIT_MS = 5000,      /* of a caller for the database */
	STUCK_WAIT_MS = 250, /* when others have waited for as long as that already */
	HURRY_MS = 1000,     /* when the end is near */
	PROBE_MS = 250,      /* looks whether the database is free again */
	BEHIND_MS = 50,      /* who stepped back waits for others, for at most so long, */
	GATHER_MS = 4,       /* and for company after the last of their commits, */
	OTHERS_MS = 100,     /* where others have written just now; */
	ANSWER_MS = 2,       /* and for the next step of an answer, behind the last one */
	LATER_MS = 1000,     /* a small write waits for company this long */
	LATER_MAX = 4096,
	QUEUE_MAX = 4096,
	SETTLE_AGAIN_MS = 1000, /* after a failure: it may take long */
	SETTLE_TELL_MS = 60000,
};

struct db_request {
	int (*fn)(struct db_conn *c, void *arg, struct err *e);
	void *arg;
	struct err *e;
	int r;
	bool behind;                /* of a thread that has stepped back */
	int64_t asked_ms, until_ms; /* monotonic */
	sem_t done;
	struct db_request *next;
};

/* ---- the batch ---- */

/* Adds what has come since to the batch. */
static void take_queue(struct db *db, struct db_batch *b)
{
	pthread_mutex_lock(&db->write_mx);
	ASSERT(!*b->tail); /* behind the last */
	*b->tail = db->queue;
	if (db->queue)
		b->tail = db->queue_tail;
	db->queue = NULL;
	db->queue_tail = &db->queue;
	pthread_mutex_unlock(&db->write_mx);
}

static void answer(struct db *db, struct db_request *q)
{
	ASSERT(__atomic_load_n(&db->n_waiting, __ATOMIC_RELAXED) > 0);
	__atomic_fetch_sub(&db->n_waiting, 1, __ATOMIC_RELAXED);
	sem_post(&q->done); /* it is gone now */
}

/* Tells those who have waited long enough. */
static void drop_late(struct db *db, struct db_batch *b)
{
	int64_t now = clock_mono_ms();
	bool hurries = __atomic_load_n(&db->hurries, __ATOMIC_RELAXED);
	struct db_request **at = &b->first, *q;

	while ((q = *at)) {
		if (q->until_ms > now && !(hurries && q->asked_ms + HURRY_MS <= now)) {
			at = &q->next;
			continue;
		}
		*at = q->next;
		q->r = db_busy(q->e, b->why);
		answer(db, q);
	}
	b->tail = at;
}

/* Statements of the writer itself go through the cache. */
static int control(struct db_conn *c, const char *sql, struct err *e)
{
	return db_exec(c, NULL, e, sql);
}

/* Runs one inside of its savepoint: *ret is how it went. False when the whole transaction is gone, as SQLite may decide on
 * a full disk; `lost` then says why. */
static bool run_member(struct db_conn *c, int (*fn)(struct db_conn *c, void *arg, struct err *e), void *arg, int *ret,
	struct err *e, struct err *lost)
{
	int r = FAULT("db_write");

	ASSERT(c->writes && fn);
	if (r < 0) {
		*ret = db_file_fail(r, c->db->path, e);
		return true;
	}
	*ret = control(c, "SAVEPOINT member", e);
	if (*ret < 0)
		return true;
	ASSERT(c->db->be->transaction(c) == DB_TX_OPEN);
	*ret = fn(c, arg, e);
	db_conn_settle(c);
	if (c->db->be->transaction(c) == DB_TX_NONE) {
		if (*ret < 0 && e)
			err_set(lost, *ret, "%s", e->msg);
		else
			err_set(lost, E_STORAGE, "The database %s ended the transaction.", c->db->path);
		return false;
	}
	/* Nothing of it would be committed, so nobody may believe so. */
	if (*ret >= 0 && c->db->be->transaction(c) == DB_TX_FAILED)
		*ret = err_set(e, E_INTERNAL, "A statement has failed, and nobody said so.");
	r = 0;
	if (*ret < 0)
		r = control(c, "ROLLBACK TO member", lost);
	if (r == 0)
		r = control(c, "RELEASE member", lost);
	return r == 0;
}

/* Whoever would be told "try again" of what is there already would do it twice: 1, it is there; 0, it is not; E_UNSURE,
 * that cannot be asked for now. */
static int is_committed(struct db *db)
{
	int64_t until = clock_mono_ms() + WAIT_MS;
	int r = db->be->committed ? db->be->committed(&db->writer) : 0;

	while (r == E_BUSY && clock_mono_ms() < until && !__atomic_load_n(&db->hurries, __ATOMIC_RELAXED))
		r = db->be->committed(&db->writer);
	return r == E_BUSY ? E_UNSURE : r;
}

static int not_heard(struct err *e)
{
	return err_set(e, E_UNSURE,
		"The database was lost as this was stored, and whether it is there is not known. Look before you do "
		"it again.");
}

static int commit(struct db_conn *c, struct err *e)
{
	struct err mine = {0};
	int r = FAULT("db_commit");

	if (r < 0)
		return db_file_fail(r, c->db->path, e);
	r = control(c, "COMMIT", &mine);
	if (r == 0)
		return FAULT("db_heard") < 0 ? not_heard(e) : 0;
	if (c->db->be->transaction(c) != DB_TX_NONE)
		return err_set(e, r, "%s", mine.msg);
	switch (is_committed(c->db)) {
	case 1:
		return 0;
	case E_UNSURE:
		return not_heard(e);
	default:
		return err_set(e, r, "%s", mine.msg);
	}
}

/* Begins the transaction, for as long as somebody waits for it. E_BUSY: nobody does any more. */
static int begin(struct db *db, struct db_batch *b, struct err *e)
{
	for (;;) {
		struct err mine = {0};
		int r = FAULT("db_begin");

		r = r < 0 ? db_file_fail(r, db->path, &mine) : db->be->begin(&db->writer, &mine);

		if (r != E_BUSY) {
			__atomic_store_n(&db->busy_since_ms, 0, __ATOMIC_RELAXED);
			return r < 0 ? err_set(e, r, "%s", mine.msg) : 0;
		}
		if (!__atomic_load_n(&db->busy_since_ms, __ATOMIC_RELAXED))
			__atomic_store_n(&db->busy_since_ms, clock_mono_ms(), __ATOMIC_RELAXED);
		snprintf(b->why, sizeof(b->why), "%s", mine.msg);
		take_queue(db, b);
		drop_late(db, b);
		if (!b->first) {
			db->probe_at_ms = clock_mono_ms() + PROBE_MS;
			return db_busy(e, b->why);
		}
	}
}

/* What all of them left to be done together. Without it their own writes hold all the same. False as of run_member. */
static bool settle(struct db_conn *c, struct err *e)
{
	struct db *db = c->db;
	struct err mine = {0};
	int64_t now;
	int r = 0;

	if (!db->settle || (db->settle_at_ms && clock_mono_ms() < db->settle_at_ms))
		return true;
	if (!run_member(c, db->settle, NULL, &r, &mine, e))
		return false;
	now = clock_mono_ms();
	if (r < 0 && (!db->settle_at_ms || now - db->settle_told_ms >= SETTLE_TELL_MS)) {
		log_error("db", "what belongs to the last writes waits for later ones: %s", mine.msg);
		db->settle_told_ms = now;
	}
	db->settle_at_ms = r < 0 ? now + SETTLE_AGAIN_MS : 0;
	return true;
}

static int run_all(struct db *db, struct db_batch *b, struct err *e)
{
	struct db_conn *c = &db->writer;
	int r;

	ASSERT(pthread_equal(pthread_self(), db->write_thread) && db->be->transaction(c) == DB_TX_NONE);
	r = begin(db, b, e);

	if (r < 0)
		return r;
	for (struct db_request *q = b->first; q; q = q->next) {
		if (!run_member(c, q->fn, q->arg, &q->r, q->e, e))
			return e->code;
	}
	for (struct db_later *l = b->later; l; l = l->next) {
		struct err quiet = {0};

		if (!run_member(c, l->fn, l->arg, &r, &quiet, e))
			return e->code;
	}
	if (!settle(c, e))
		return e->code;
	return commit(c, e);
}

/* What could not be written is tried again, but for the end. */
static void later_done(struct db *db, struct db_batch *b, bool written)
{
	struct db_later *l, *next, **end = &b->later;

	pthread_mutex_lock(&db->write_mx);
	if (b->later && !written && !db->stopping) {
		while (*end)
			end = &(*end)->next;
		*end = db->later;
		if (!db->later)
			db->later_tail = end;
		db->later = b->later;
		db->later_due_ms = clock_mono_ms() + LATER_MS;
		b->later = NULL;
	}
	pthread_mutex_unlock(&db->write_mx);
	for (l = b->later; l; l = next) {
		next = l->next;
		ASSERT(__atomic_load_n(&db->n_later, __ATOMIC_RELAXED) > 0);
		__atomic_fetch_sub(&db->n_later, 1, __ATOMIC_RELAXED);
		l->done(l->arg);
	}
}

/* A batch whose requests were all refused commits nothing, and says nothing about the database. */
static bool any_done(const struct db_batch *b)
{
	const struct db_request *q = b->first;

	while (q && q->r < 0)
		q = q->next;
	return q;
}

static void run_batch(struct db *db, struct db_batch *b)
{
	struct db_conn *c = &db->writer;
	struct err e = {0};
	struct db_request *next;
	int r;

	__atomic_store_n(&db->batch_since_ms, b->first ? b->first->asked_ms : 0, __ATOMIC_RELAXED);
	r = run_all(db, b, &e);
	__atomic_store_n(&db->batch_since_ms, 0, __ATOMIC_RELAXED);
	if (r < 0 && db->be->transaction(c) != DB_TX_NONE)
		(void)!control(c, "ROLLBACK", NULL);
	if (r == 0 && any_done(b))
		db_note_written(db);
	__atomic_fetch_add(&db->commits, 1, __ATOMIC_SEQ_CST);
	if (b->answers)
		thread_answers(); /* before the next batch is looked for */
	/* Counted before anybody is woken, so that who looks at the figures finds the own write in them. */
	for (struct db_request *q = b->first; q; q = q->next)
		metric_add(M_db_writes_total, 1);
	if (r == 0 && (b->first || b->later))
		metric_add(M_db_commits_total, 1);
	for (struct db_request *q = b->first; q; q = next) {
		next = q->next;
		if (r < 0 && q->r >= 0) {
			err_clear(q->e);
			q->r = err_set(q->e, r, "%s", e.msg);
		}
		answer(db, q);
	}
	later_done(db, b, r == 0);
}

uint64_t db_stamp(const struct db *db)
{
	static uint64_t unknown;

	if (!db->be->stamp)
		return __atomic_add_fetch(&unknown, 1, __ATOMIC_RELAXED);
	return __atomic_load_n(&db->commits, __ATOMIC_SEQ_CST) + db->be->stamp(db);
}

/* ---- the thread ---- */

/* The earlier of two moments, of which -1 is none. */
static int64_t earlier(int64_t a, int64_t b)
{
	return a < 0 ? b : b < 0 ? a : MIN(a, b);
}

/* Under the lock: when there is something to do without being asked (monotonic ms); -1: never. */
static int64_t next_probe(const struct db *db)
{
	int64_t at = db->later ? db->later_due_ms : -1;

	ASSERT(lock_is_mine(&db->write_mx));
	if (__atomic_load_n(&db->busy_since_ms, __ATOMIC_RELAXED))
		return earlier(at, db->probe_at_ms);
	return at;
}

/* Under the lock: whether somebody waits who has not stepped back. */
static bool others_wait(const struct db *db)
{
	const struct db_request *q = db->queue;

	ASSERT(lock_is_mine(&db->write_mx));
	while (q && q->behind)
		q = q->next;
	return q;
}

/* Under the lock: when the queue is to be looked at (monotonic ms, 0: now; -1: when something has come). */
static int64_t queue_due(const struct db *db)
{
	ASSERT(lock_is_mine(&db->write_mx));
	if (!db->queue)
		return -1;
	if (db->stopping || others_wait(db) || db->others_ms + OTHERS_MS <= clock_mono_ms())
		return 0;
	return MAX(db->behind_ms + GATHER_MS, MIN(thread_answered_ms() + ANSWER_MS, db->queue->asked_ms + BEHIND_MS));
}

/*
 * Under the lock: all that wait; where some have not stepped back, none of those that have, but for one that has waited for long. A
 * commit is a sync of the disk, which costs far more than what stands in it: who stepped back commits together and seldom.
 */
static void take_batch(struct db *db, struct db_batch *b)
{
	struct db_request *left = NULL, **left_tail = &left, *next;
	int64_t since = clock_mono_ms() - BEHIND_MS;
	bool others = others_wait(db), one = false;

	b->first = NULL;
	b->tail = &b->first;
	for (struct db_request *q = db->queue; q; q = next) {
		bool now = !q->behind || !others || (!one && q->asked_ms <= since);
		struct db_request ***tail = now ? &b->tail : &left_tail;

		next = q->next;
		q->next = NULL;
		one = one || (now && q->behind);
		**tail = q;
		*tail = &q->next;
	}
	b->behind = one;
	b->answers = others;
	db->queue = left;
	db->queue_tail = left ? left_tail : &db->queue;
}

/* Sleeps until there is something to do: a batch, which is empty when the database is only to be tried again. False: the end
 * has come, and nothing is left. */
static bool wait_for_work(struct db *db, struct db_batch *b)
{
	bool more;

	pthread_mutex_lock(&db->write_mx);
	for (;;) {
		int64_t due = queue_due(db), at = earlier(due, next_probe(db));

		if (due == 0 || (db->stopping && !db->queue) || (at >= 0 && at <= clock_mono_ms()))
			break;
		if (at < 0)
			pthread_cond_wait(&db->write_cv, &db->write_mx);
		else
			(void)clock_wait(&db->write_cv, &db->write_mx, at);
	}
	*b = (struct db_batch){.later = db->later};
	take_batch(db, b);
	db->later = NULL;
	db->later_tail = &db->later;
	more = b->first || b->later || !db->stopping;
	pthread_mutex_unlock(&db->write_mx);
	return more;
}

static void *writer_main(void *arg)
{
	struct db *db = arg;
	struct db_batch b;

	ASSERT_IS(db, DB_MAGIC);
	while (wait_for_work(db, &b)) {
		thread_wake_soon();
		run_batch(db, &b);
		if (b.behind)
			db->behind_ms = clock_mono_ms();
	}
	return NULL;
}

/* ---- asking for it ---- */

int64_t db_writer_waits_ms(struct db *db)
{
	int64_t now = clock_mono_ms(), since = __atomic_load_n(&db->busy_since_ms, __ATOMIC_RELAXED);
	int64_t batch = __atomic_load_n(&db->batch_since_ms, __ATOMIC_RELAXED);

	if (!since || (batch && batch < since))
		since = batch;
	return since ? now - since : 0;
}

/* Under the lock. */
static int enqueue(struct db *db, struct db_request *q, struct err *e)
{
	int64_t now = clock_mono_ms();

	ASSERT(lock_is_mine(&db->write_mx));
	ASSERT(q->fn && !*db->queue_tail);
	if (db->stopping)
		return err_set(e, E_STOPPING, "The database is being closed.");
	if (__atomic_load_n(&db->file_is_gone, __ATOMIC_RELAXED))
		return err_set(e, E_STORAGE, "%s was deleted or replaced; nothing more is written there.", db->path);
	if (__atomic_load_n(&db->n_waiting, __ATOMIC_RELAXED) >= QUEUE_MAX)
		return db_busy(e, NULL);
	q->asked_ms = now;
	db->others_ms = q->behind ? db->others_ms : now;
	q->until_ms = now + (db_writer_waits_ms(db) >= WAIT_MS ? STUCK_WAIT_MS : WAIT_MS);
	*db->queue_tail = q;
	db->queue_tail = &q->next;
	__atomic_fetch_add(&db->n_waiting, 1, __ATOMIC_RELAXED);
	pthread_cond_signal(&db->write_cv);
	return 0;
}

int db_write(struct db *db, int (*fn)(struct db_conn *c, void *arg, struct err *e), void *arg, struct err *e)
{
	struct db_request q = {.fn = fn, .arg = arg, .e = e, .behind = thread_stepped_back()};
	int r;

	ASSERT_IS(db, DB_MAGIC);
	ASSERT(thread_may_wait());
	if (pthread_equal(pthread_self(), db->write_thread))
		return err_set(e, E_INTERNAL, "db_write inside of db_write");
	if (!q.behind)
		thread_answers();
	thread_give_way();
	sem_init(&q.done, 0, 0);
	pthread_mutex_lock(&db->write_mx);
	r = enqueue(db, &q, e);
	pthread_mutex_unlock(&db->write_mx);
	while (r == 0 && sem_wait(&q.done) < 0 && errno == EINTR)
		;
	sem_destroy(&q.done);
	return r < 0 ? r : q.r;
}

bool db_is_writing(const struct db_conn *c)
{
	ASSERT_IS(c, DB_CONN_MAGIC);
	return c->writes && pthread_equal(pthread_self(), c->db->write_thread);
}

bool db_write_later(struct db *db, struct db_later *l)
{
	bool taken;

	ASSERT_IS(db, DB_MAGIC);
	ASSERT(l->fn && l->done);
	pthread_mutex_lock(&db->write_mx);
	taken = !db->stopping && __atomic_load_n(&db->n_later, __ATOMIC_RELAXED) < LATER_MAX;
	if (taken) {
		if (!db->later) {
			db->later_due_ms = clock_mono_ms() + LATER_MS;
			pthread_cond_signal(&db->write_cv);
		}
		l->next = NULL;
		*db->later_tail = l;
		db->later_tail = &l->next;
		__atomic_fetch_add(&db->n_later, 1, __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(&db->write_mx);
	return taken;
}

void db_hurry(struct db *db)
{
	ASSERT_IS(db, DB_MAGIC);
	__atomic_store_n(&db->hurries, true, __ATOMIC_RELAXED);
}

int db_writer_start(struct db *db, struct err *e)
{
	int r;

	ASSERT(!db->write_running);
	r = db_thread_start(&db->write_thread, "db-writer", writer_main, db, e);
	if (r < 0)
		return r;
	db->write_running = true;
	return 0;
}

void db_writer_stop(struct db *db)
{
	ASSERT(!pthread_equal(pthread_self(), db->write_thread) || !db->write_running);
	if (!db->write_running)
		return;
	pthread_mutex_lock(&db->write_mx);
	db->stopping = true;
	pthread_cond_signal(&db->write_cv);
	pthread_mutex_unlock(&db->write_mx);
	pthread_join(db->write_thread, NULL);
	ASSERT(!db->queue && !db->later);
	db->write_running = false;
}
