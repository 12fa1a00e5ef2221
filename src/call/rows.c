/* rows.c - rows of usage on their way to the database: one thread writes them in batches, so that no call waits for the
 * disk. What cannot be written is kept and tried again. */
#include <errno.h>
#include <inttypes.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/log.h"
#include "call/call_priv.h"
#include "sys/fault.h"
#include "sys/loop.h"
#include "sys/thread.h"

#define BATCH_MS    150   /* from the first row of a batch to its writing */
#define TELL_MS     5     /* the same, where other servers wait for what is held to become what is used */
#define RETRY_MS    1000  /* after a failure */
#define BATCH_MAX   500   /* rows of one transaction */
#define PENDING_MAX 20000 /* about 15 MiB; beyond that the oldest are given up */

static struct pending *take_first(struct calls *c)
{
	struct pending *p = c->first;

	ASSERT(lock_is_mine(&c->mx));
	ASSERT(p && c->n_pending > 0);
	c->first = p->next;
	if (!c->first)
		c->last = &c->first;
	c->n_pending--;
	return p;
}

void pending_free(struct pending *p)
{
	free(p ? p->uses : NULL);
	free(p);
}

void rows_push(struct calls *c, struct pending *p)
{
	ASSERT(lock_is_mine(&c->mx));
	if (c->n_pending >= PENDING_MAX) {
		struct pending *oldest = take_first(c);

		oldest->next = NULL;
		servers_noted(c, oldest);
		pending_free(oldest);
		c->dropped++;
		c->written++; /* nobody waits for it any more */
	}
	p->next = NULL;
	*c->last = p;
	c->last = &p->next;
	c->queued++;
	if (c->n_pending++ == 0)
		pthread_cond_signal(&c->wake);
}

/* ---- the thread ---- */

/* Up to BATCH_MAX rows off the front; a list of its own. */
static struct pending *take_batch(struct calls *c, size_t *ret_n)
{
	struct pending *first = NULL, **last = &first;

	ASSERT(lock_is_mine(&c->mx) && lock_is_mine(&c->write_mx));
	for (*ret_n = 0; c->first && *ret_n < BATCH_MAX; ++*ret_n) {
		*last = take_first(c);
		(*last)->next = NULL;
		last = &(*last)->next;
	}
	return first;
}

static void put_back(struct calls *c, struct pending *first, size_t n)
{
	struct pending **last = &first;

	ASSERT(n > 0 && lock_is_mine(&c->mx) && lock_is_mine(&c->write_mx));
	while (*last)
		last = &(*last)->next;
	*last = c->first;
	if (!c->first)
		c->last = last;
	c->first = first;
	c->n_pending += n;
}

static void free_all(struct pending *p)
{
	while (p) {
		struct pending *next = p->next;

		pending_free(p);
		p = next;
	}
}

static int write_batch(struct calls *c, struct pending *first, size_t n, struct err *e)
{
	CLEANUP(freep) struct usage_row *rows = xcalloc(n, sizeof(*rows));
	struct servers_batch batch = {c, first};
	bool uses = false;
	size_t i = 0;

	for (struct pending *p = first; p; p = p->next) {
		rows[i++] = p->row;
		uses = uses || p->n_uses > 0;
	}
	ASSERT(i == n);
	return usage_add(c->c.db, rows, n, uses ? servers_note : NULL, &batch, e);
}

/* Writes what there is, in transactions of BATCH_MAX rows; stops at a failure. */
static void write_all(struct calls *c)
{
	struct err e = {0};
	bool more = true, told = false;

	while (more && !e.code) {
		size_t n;

		pthread_mutex_lock(&c->write_mx);
		pthread_mutex_lock(&c->mx);
		struct pending *batch = take_batch(c, &n);
		pthread_mutex_unlock(&c->mx);
		int r = n ? write_batch(c, batch, n, &e) : 0;
		pthread_mutex_lock(&c->mx);
		if (r < 0) {
			put_back(c, batch, n);
			c->failures++;
			c->failure = e;
			told = c->failing;
			c->failing = true;
		} else {
			c->written += n;
			ASSERT(c->written <= c->queued);
			c->failing = c->failing && n == 0;
			servers_noted(c, batch);
			free_all(batch);
		}
		more = c->first != NULL;
		pthread_cond_broadcast(&c->moved);
		pthread_mutex_unlock(&c->mx);
		pthread_mutex_unlock(&c->write_mx);
	}
	if (e.code && !told) /* it is tried every second, all night perhaps */
		log_warn("call", "usage could not be stored yet: %s", e.msg);
}

/* Behind the rows, so that they are among what is counted. */
static void recount_if_needed(struct calls *c)
{
	struct err e = {0};

	pthread_mutex_lock(&c->mx);
	bool wanted = c->table->recount;
	pthread_mutex_unlock(&c->mx);
	if (!wanted)
		return;
	if (table_load(c, &e) < 0)
		log_warn("call", "limits could not be counted anew after the clock was set back: %s", e.msg);
	else
		log_info("call", "the clock was set back: what limits have used was counted anew");
}

static bool at_once(const struct calls *c)
{
	ASSERT(lock_is_mine(&c->mx));
	return c->stopping || c->wanted > c->written;
}

/* Sleeps until the time has come or somebody wants it at once; the lock is held. */
static void wait_until(struct calls *c, int64_t when_ms)
{
	ASSERT(lock_is_mine(&c->mx));
	while (!at_once(c) && clock_wait(&c->wake, &c->mx, when_ms))
		;
}

static void *rows_main(void *arg)
{
	struct calls *c = arg;
	uint64_t failures = 0;

	ASSERT_IS(c, CALLS_MAGIC);
	pthread_mutex_lock(&c->mx);
	for (;;) {
		while (!c->first && !c->stopping)
			pthread_cond_wait(&c->wake, &c->mx);
		if (!c->first)
			break;
		bool failed = c->failures > failures;
		if (failed && c->stopping)
			break;
		failures = c->failures;
		wait_until(c, clock_mono_ms() + (failed ? RETRY_MS : c->others ? TELL_MS : BATCH_MS));
		pthread_mutex_unlock(&c->mx);
		write_all(c);
		recount_if_needed(c);
		pthread_mutex_lock(&c->mx);
		if (c->failures > failures)
			c->wanted = 0; /* who waited has been told */
	}
	pthread_mutex_unlock(&c->mx);
	return NULL;
}

int calls_flush(struct calls *c, struct err *e)
{
	int r = 0;

	ASSERT_IS(c, CALLS_MAGIC);
	ASSERT(thread_may_wait());
	pthread_mutex_lock(&c->mx);
	uint64_t until = c->queued, failures = c->failures;
	while (c->written < until && c->failures == failures && !c->stopping) {
		c->wanted = MAX(c->wanted, until);
		pthread_cond_signal(&c->wake);
		pthread_cond_wait(&c->moved, &c->mx);
	}
	if (c->written < until)
		r = c->failure.code ? err_set(e, c->failure.code, "%s", c->failure.msg)
				    : err_set(e, E_STOPPING, "%s", err_info(E_STOPPING)->text);
	pthread_mutex_unlock(&c->mx);
	return r;
}

/* ---- life ---- */

int rows_start(struct calls *c, struct err *e)
{
	int r = thread_start(&c->thread, "usage", 0, rows_main, c);

	if (r < 0)
		return err_set(e, r, "A thread does not start: %s.", strerror(-r));
	c->running = true;
	return 0;
}

void rows_stop(struct calls *c)
{
	ASSERT(thread_may_wait());
	if (c->running) {
		pthread_mutex_lock(&c->mx);
		c->stopping = true;
		pthread_cond_broadcast(&c->wake);
		pthread_cond_broadcast(&c->moved);
		pthread_mutex_unlock(&c->mx);
		pthread_join(c->thread, NULL);
		c->running = false;
	}
	if (c->n_pending + c->dropped > 0)
		log_error("call", "%" PRIu64 " rows of usage were lost: the database could not be written",
			(uint64_t)c->n_pending + c->dropped);
	free_all(c->first);
	c->first = NULL;
	c->last = &c->first;
	c->n_pending = 0;
}
