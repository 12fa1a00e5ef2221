/* turnlog.c - see turnlog.h. One hook runs at the end of each turn of the loop: one journal write, then one send a
 * reader. Nothing here is locked: it all lives on the loop's thread. */
#include "turn/turnlog.h"

#include <errno.h>

#include "base/clock.h"
#include "sys/metrics.h"
#include "turn/journal.h"

#define BUCKETS     4096 /* of the table of live logs; a power of two */
#define PIECE_BYTES (64u << 10)
#define SWEEP_MS    800

/* A reader is a place in the log. */
struct reader {
	struct turnlog *log;
	struct http_stream *stream;
	struct follower who;
	size_t offset;
	int64_t wrote_ms; /* when something was last taken by the stream, for heartbeats and stalls */
	struct reader *prev, *next;
};

struct turnlog {
	/* What each event touches lies together: among thousands of turns all of it is cold. */
	struct buf bytes;
	size_t durable; /* bytes that are in the journal or the database: these may be shown */
	uint64_t seq, durable_seq;
	int failed;
	bool dirty, sealed, released;
	struct reader *readers;
	struct turnlog *next_dirty;
	struct turnlogs *all;
	struct turnlog_of of;

	int64_t mark;
	turnlog_fail_fn fail;
	void *fail_arg;
	struct turnlog *next_bucket;
	struct turnlog *prev, *next; /* all logs, for the sweep */
};

struct turnlogs {
	struct journal *journal;
	struct loop_hook *hook;
	struct loop_timer *sweep;
	int64_t heartbeat_ms, stall_ms;
	struct turnlog *buckets[BUCKETS];
	struct turnlog *dirty;
	struct turnlog *logs;
};

static struct turnlog **bucket_of(struct turnlogs *ls, atelier_id id)
{
	return &ls->buckets[((uint64_t)id ^ (uint64_t)id >> 22) & (BUCKETS - 1)];
}

static void log_free_if_unused(struct turnlog *l)
{
	if (!l->released || l->readers || l->dirty)
		return;
	if (l->prev)
		l->prev->next = l->next;
	else
		l->all->logs = l->next;
	if (l->next)
		l->next->prev = l->prev;
	buf_done(&l->bytes);
	free(l);
}

/* ---- readers ---- */

static void reader_free(struct reader *r)
{
	struct turnlog *l = r->log;

	if (r->prev)
		r->prev->next = r->next;
	else
		l->readers = r->next;
	if (r->next)
		r->next->prev = r->prev;
	metric_add(M_stream_readers, -1);
	free(r);
	log_free_if_unused(l);
}

static void reader_end(struct reader *r)
{
	http_stream_end(r->stream);
	reader_free(r);
}

/* Sends what may be shown, from the reader's place on; ends the stream of a sealed log. May free the reader. */
static void reader_send(struct reader *r)
{
	struct turnlog *l = r->log;

	while (r->offset < l->durable) {
		size_t n =
			http_stream_write(r->stream, l->bytes.p + r->offset, MIN(l->durable - r->offset, PIECE_BYTES));
		if (n == 0)
			return; /* on_writable comes */
		r->offset += n;
		r->wrote_ms = 0; /* the sweep puts the time in: cheaper than asking the clock for every token */
	}
	if (l->sealed && !l->dirty)
		reader_end(r);
}

static void reader_on_writable(void *arg)
{
	struct reader *r = arg;

	r->wrote_ms = 0;
	reader_send(r);
}

static void reader_on_close(void *arg)
{
	reader_free(arg);
}

static const struct http_stream_ops reader_ops = {.on_writable = reader_on_writable, .on_close = reader_on_close};

/* The place behind event number `after`. */
static size_t offset_after(const struct turnlog *l, uint64_t after)
{
	struct str log = buf_str(&l->bytes);
	struct event_frame f;
	size_t pos = 0;

	for (size_t next = 0; after > 0 && event_next_frame(log, &next, &f) == 1 && f.seq <= after;)
		pos = next;
	return pos;
}

void turnlog_follow(struct turnlog *l, uint64_t after, const struct follower *who, struct http_exchange *x)
{
	struct reader *r = xcalloc(1, sizeof *r);

	*r = (struct reader){.log = l, .who = *who};
	r->stream = http_stream_start(x, "text/event-stream", &reader_ops, r);
	if (!r->stream) {
		free(r);
		log_free_if_unused(l);
		return;
	}
	r->offset = offset_after(l, after);
	r->next = l->readers;
	if (r->next)
		r->next->prev = r;
	l->readers = r;
	metric_add(M_stream_readers, 1);
	reader_send(r);
}

static bool is_meant(const struct reader *r, const struct follower_match *m)
{
	const struct turnlog_of *of = &r->log->of;

	return (!m->user_id || m->user_id == of->user_id) &&
	       (!m->conversation_id || m->conversation_id == of->conversation_id) &&
	       (!m->session_id || m->session_id == r->who.session_id) && (!m->key_id || m->key_id == r->who.key_id) &&
	       (!m->other_than_session || m->other_than_session != r->who.session_id);
}

void turnlogs_end_followers(struct turnlogs *ls, const struct follower_match *m)
{
	for (struct turnlog *l = ls->logs, *next_log; l; l = next_log) {
		next_log = l->next; /* a log may go with its last reader */
		for (struct reader *r = l->readers, *next; r; r = next) {
			next = r->next;
			if (is_meant(r, m))
				reader_end(r);
		}
	}
}

static void sweep_reader(struct reader *r, int64_t now, int64_t wall)
{
	struct turnlogs *all = r->log->all;

	if (r->who.expires_at && wall >= r->who.expires_at) {
		reader_end(r);
		return;
	}
	if (r->wrote_ms == 0)
		r->wrote_ms = now;
	if (http_stream_blocked(r->stream)) {
		if (now - r->wrote_ms < all->stall_ms)
			return;
		metric_add(M_stream_readers_dropped_total, 1);
		http_stream_abort(r->stream);
		reader_free(r);
	} else if (now - r->wrote_ms >= all->heartbeat_ms) {
		(void)http_stream_write(r->stream, ": heartbeat\n\n", 13);
		r->wrote_ms = now;
	}
}

static void sweep(void *arg)
{
	struct turnlogs *all = arg;
	int64_t now = clock_mono_ms(), wall = clock_now_ms();

	for (struct turnlog *l = all->logs, *next_log; l; l = next_log) {
		next_log = l->next; /* a log may go with its last reader */
		for (struct reader *r = l->readers, *next; r; r = next) {
			next = r->next;
			sweep_reader(r, now, wall);
		}
	}
}

/* ---- appending ---- */

static void mark_dirty(struct turnlog *l)
{
	if (l->dirty)
		return;
	l->dirty = true;
	l->next_dirty = l->all->dirty;
	l->all->dirty = l;
	loop_hook_raise(l->all->hook);
}

/* What could not be made durable is taken back, before anybody saw it. */
static void take_back(struct turnlog *l, int code)
{
	l->bytes.n = l->durable;
	l->seq = l->durable_seq;
	if (l->failed)
		return;
	l->failed = code;
	if (l->fail)
		l->fail(l->fail_arg, code);
}

/* The end of a turn of the loop. */
static void flush(void *arg)
{
	struct turnlogs *all = arg;
	struct turnlog *list = all->dirty;
	int r;

	all->dirty = NULL;
	for (struct turnlog *l = list; l; l = l->next_dirty)
		if (l->bytes.n > l->durable)
			journal_add(all->journal, l->of.turn_id,
				(struct str){l->bytes.p + l->durable, l->bytes.n - l->durable});
	r = journal_write(all->journal);
	for (struct turnlog *l = list, *next; l; l = next) {
		next = l->next_dirty;
		l->dirty = false;
		if (r < 0 && l->bytes.n > l->durable && !l->sealed)
			take_back(l, r);
		l->durable = l->bytes.n;
		l->durable_seq = l->seq;
		if (!l->readers)
			log_free_if_unused(l);
		else
			for (struct reader *rd = l->readers, *next_reader; rd; rd = next_reader) {
				next_reader = rd->next;
				reader_send(rd); /* with the last one the log may go: nothing of it is touched after */
			}
	}
}

int64_t turnlog_append(struct turnlog *l, enum event_type type, const char *json, size_t n)
{
	size_t before = l->bytes.n;

	if (l->failed)
		return l->failed;
	event_add_frame(&l->bytes, l->seq + 1, type, json, n);
	if (l->bytes.failed) {
		l->failed = l->bytes.failed;
		l->bytes.failed = 0;
		l->bytes.n = before;
		if (l->fail)
			l->fail(l->fail_arg, l->failed);
		return l->failed;
	}
	l->seq++;
	metric_add(M_events_total, 1);
	mark_dirty(l);
	return (int64_t)l->seq;
}

void turnlog_detach(struct turnlog *l)
{
	l->fail = NULL;
}

void turnlog_seal(struct turnlog *l, const char *frames, size_t n, bool stored)
{
	l->bytes.max += n;
	buf_add(&l->bytes, frames, n);
	if (stored)
		l->durable = l->bytes.n;
	l->sealed = true;
	l->fail = NULL;
	mark_dirty(l);
}

void turnlog_release(struct turnlog *l, bool stored)
{
	struct turnlog **p = bucket_of(l->all, l->of.turn_id);

	while (*p && *p != l)
		p = &(*p)->next_bucket;
	if (*p)
		*p = l->next_bucket;
	if (stored && l->mark)
		journal_end(l->all->journal, l->mark);
	l->released = true;
	log_free_if_unused(l);
}

/* ---- logs ---- */

static struct turnlog *log_new(struct turnlogs *all, const struct turnlog_of *of)
{
	struct turnlog *l = xcalloc(1, sizeof *l);

	l->all = all;
	l->of = *of;
	l->next = all->logs;
	if (l->next)
		l->next->prev = l;
	all->logs = l;
	return l;
}

struct turnlog *turnlog_open(
	struct turnlogs *ls, const struct turnlog_of *of, size_t max_bytes, turnlog_fail_fn fail, void *arg)
{
	struct turnlog *l = log_new(ls, of);
	struct turnlog **bucket = bucket_of(ls, of->turn_id);

	l->bytes = BUF_INIT(max_bytes);
	l->fail = fail;
	l->fail_arg = arg;
	l->next_bucket = *bucket;
	*bucket = l;
	journal_begin(ls->journal, &l->mark);
	return l;
}

struct turnlog *turnlog_find(struct turnlogs *ls, atelier_id turn_id)
{
	struct turnlog *l = *bucket_of(ls, turn_id);

	while (l && l->of.turn_id != turn_id)
		l = l->next_bucket;
	return l;
}

void turnlogs_replay(struct turnlogs *ls, const struct turnlog_of *of, struct buf *bytes, uint64_t after,
	const struct follower *who, struct http_exchange *x)
{
	struct turnlog *l = log_new(ls, of);

	l->bytes = *bytes;
	*bytes = BUF_INIT(0);
	l->durable = l->bytes.n;
	l->sealed = true;
	l->released = true;
	turnlog_follow(l, after, who, x);
}

uint64_t turnlog_last_seq(const struct turnlog *l)
{
	return l->seq;
}

struct str turnlog_bytes(const struct turnlog *l)
{
	return buf_str(&l->bytes);
}

int turnlogs_new(struct loop *l, struct journal *j, int64_t heartbeat_ms, int64_t stall_ms, struct turnlogs **ret)
{
	struct turnlogs *ls = xcalloc(1, sizeof *ls);

	ls->journal = j;
	ls->heartbeat_ms = heartbeat_ms;
	ls->stall_ms = stall_ms;
	ls->hook = loop_hook_new(l, flush, ls);
	ls->sweep = loop_timer_new(l, SWEEP_MS, sweep, ls);
	if (!ls->hook || !ls->sweep) {
		turnlogs_free(ls);
		return -ENOMEM;
	}
	*ret = ls;
	return 0;
}

void turnlogs_free(struct turnlogs *ls)
{
	if (!ls)
		return;
	for (struct turnlog *l = ls->logs, *next; l; l = next) {
		next = l->next;
		for (struct reader *r = l->readers, *next_reader; r; r = next_reader) {
			next_reader = r->next;
			free(r);
		}
		buf_done(&l->bytes);
		free(l);
	}
	if (ls->hook)
		loop_hook_free(ls->hook);
	if (ls->sweep)
		loop_timer_free(ls->sweep);
	free(ls);
}
