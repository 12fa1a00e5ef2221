/* turnlog.c - see turnlog.h. One hook runs at the end of each turn of the loop: one write of the sink, then one send a
 * reader. Nothing here is locked: it all lives on the loop's thread. */
#include "turn/turnlog.h"

#include <errno.h>

#include "base/clock.h"
#include "base/magic.h"
#include "sys/metrics.h"
#include "sys/thread.h"

#define BUCKETS      4096 /* of the table of logs; a power of two */
#define PIECE_BYTES  (64u << 10)
#define SWEEP_MS     800
#define REPLAYED_MAX (256u << 20) /* bytes of the logs of finished turns that are being read */

_Static_assert((BUCKETS & (BUCKETS - 1)) == 0, "a bucket is found by bits");

/* A reader is a place in the log. */
struct reader {
	struct turnlog *log;
	struct http_stream *stream;
	struct place place;
	size_t most; /* bytes of a piece: a shared stream gets no half frames, which only the end of a chunk ends */
	int64_t wrote_ms; /* when something was last taken by the stream, for heartbeats and stalls */
	struct reader *prev, *next;
	struct follower who;
	uint64_t after; /* what it has already, of a log that is not there yet */
};

struct turnlog {
	unsigned magic; /* TURNLOG_MAGIC */
#define TURNLOG_MAGIC 0x74756e67u
	/* What each event touches lies together: among thousands of turns all of it is cold. */
	struct frames frames;
	struct place written; /* the sink has what stands before it */
	struct place shown;   /* readers may have what stands before it */
	int failed;
	bool closed, ended, released, dirty;
	bool expected; /* nothing of it is here yet, and its turn is about to go on */
	struct reader *readers;
	struct turnlog *next_dirty;
	struct turnlogs *all;
	struct turnlog_of of;

	size_t written_bytes;
	uint64_t written_seq, shown_seq;
	uint64_t hold_seq; /* number of the last event shown of a log on hold; 0: it is not on hold */
	int64_t mark;      /* of the sink; 0: it has none of it */
	bool replayed;
	turnlog_fail_fn fail;
	void *fail_arg;
	struct turnlog *next_bucket;
	struct turnlog *prev, *next; /* all logs, for the sweep */
};

struct turnlogs {
	unsigned magic; /* TURNLOGS_MAGIC */
#define TURNLOGS_MAGIC 0x74756c73u
	struct loop *loop;
	struct turnlog_sink *sink;
	struct loop_hook *hook;
	struct loop_timer *sweep;
	int64_t heartbeat_ms, stall_ms;
	size_t replayed_bytes;
	int64_t events; /* since the metrics were told */
	struct turnlog *buckets[BUCKETS];
	struct turnlog *dirty;
	struct turnlog *logs;
};

/* ---- the table of logs ---- */

static struct turnlog **bucket_of(struct turnlogs *ls, atelier_id id)
{
	return &ls->buckets[((uint64_t)id ^ (uint64_t)id >> 22) & (BUCKETS - 1)];
}

static struct turnlog *log_new(struct turnlogs *all, const struct turnlog_of *of, size_t max_bytes)
{
	struct turnlog *l = xcalloc(1, sizeof *l);
	struct turnlog **bucket = bucket_of(all, of->turn_id);

	MAGIC_SET(l, TURNLOG_MAGIC);
	ASSERT(loop_is_mine(all->loop));
	l->frames = FRAMES_INIT(max_bytes);
	l->all = all;
	l->of = *of;
	l->next_bucket = *bucket;
	*bucket = l;
	l->next = all->logs;
	if (l->next)
		l->next->prev = l;
	all->logs = l;
	return l;
}

struct turnlog *turnlog_find(struct turnlogs *ls, atelier_id turn_id)
{
	struct turnlog *l = *bucket_of(ls, turn_id);

	ASSERT_IS(ls, TURNLOGS_MAGIC);
	ASSERT(loop_is_mine(ls->loop));
	while (l && l->of.turn_id != turn_id)
		l = l->next_bucket;
	return l;
}

/* Until then readers of an ended turn find it here rather than unpack it anew. */
static void log_free_if_unused(struct turnlog *l)
{
	struct turnlog **at = bucket_of(l->all, l->of.turn_id);

	if ((!l->released && !l->expected) || l->readers || l->dirty)
		return;
	while (*at != l) {
		ASSERT(*at); /* it is in the table */
		at = &(*at)->next_bucket;
	}
	*at = l->next_bucket;
	ASSERT(*(l->prev ? &l->prev->next : &l->all->logs) == l);
	if (l->prev)
		l->prev->next = l->next;
	else
		l->all->logs = l->next;
	if (l->next)
		l->next->prev = l->prev;
	ASSERT(!l->replayed || l->all->replayed_bytes >= l->frames.bytes);
	if (l->replayed)
		l->all->replayed_bytes -= l->frames.bytes;
	frames_done(&l->frames);
	MAGIC_END(l, TURNLOG_MAGIC);
	free(l);
}

static void mark_dirty(struct turnlog *l)
{
	ASSERT(loop_is_mine(l->all->loop));
	if (l->dirty)
		return;
	l->dirty = true;
	l->next_dirty = l->all->dirty;
	l->all->dirty = l;
	loop_hook_raise(l->all->hook);
}

/* ---- readers ---- */

static void reader_free(struct reader *r)
{
	struct turnlog *l = r->log;

	ASSERT(*(r->prev ? &r->prev->next : &l->readers) == r && loop_is_mine(l->all->loop));
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

bool turnlog_is_followed(const struct turnlog *l)
{
	return l->readers != NULL;
}

/* Sends what may be shown, from the reader's place on; ends the stream of an ended log. May free the reader. */
static void reader_send(struct reader *r)
{
	struct turnlog *l = r->log;
	struct place next = r->place;
	struct str piece;

	while ((piece = frames_next(&l->frames, &next, l->shown, r->most)).n > 0) {
		if (l->ended && !l->dirty && next.chunk == l->shown.chunk && next.at == l->shown.at)
			http_stream_last(r->stream);
		if (http_stream_write(r->stream, piece.p, piece.n) == 0)
			return; /* on_writable comes */
		r->place = next;
		r->wrote_ms = 0; /* the sweep puts the time in: cheaper than asking the clock for every token */
	}
	if (l->ended && !l->dirty)
		reader_end(r);
}

static void reader_on_writable(void *arg)
{
	struct reader *r = arg;

	ASSERT_IS(r->log, TURNLOG_MAGIC);
	r->wrote_ms = 0;
	reader_send(r);
}

static void reader_on_close(void *arg)
{
	reader_free(arg);
}

static const struct http_stream_ops reader_ops = {.on_writable = reader_on_writable, .on_close = reader_on_close};

static void reader_place(struct reader *r)
{
	const struct turnlog *l = r->log;

	r->place = r->after >= l->shown_seq ? l->shown : frames_after(&l->frames, r->after);
}

void turnlog_follow(struct turnlog *l, uint64_t after, const struct follower *who, const struct http_place *at)
{
	struct reader *r = xcalloc(1, sizeof *r);

	ASSERT(loop_is_mine(l->all->loop));
	ASSERT_IS(l, TURNLOG_MAGIC);
	*r = (struct reader){.log = l, .who = *who, .after = after, .most = at->shared ? SIZE_MAX : PIECE_BYTES};
	r->stream = http_stream_begin(at, "text/event-stream", &reader_ops, r);
	if (!r->stream) {
		free(r);
		log_free_if_unused(l);
		return;
	}
	reader_place(r);
	r->next = l->readers;
	if (r->next)
		r->next->prev = r;
	l->readers = r;
	metric_add(M_stream_readers, 1);
	reader_send(r);
}

/* Of a log that had nothing when they came. */
static void place_readers(struct turnlog *l)
{
	for (struct reader *r = l->readers; r; r = r->next)
		reader_place(r);
	if (l->readers)
		mark_dirty(l);
}

/* Calls fn for each reader, which may end; a log may go with its last one. */
static void for_each_reader(struct turnlogs *ls, void (*fn)(struct reader *r, const void *arg), const void *arg)
{
	for (struct turnlog *l = ls->logs, *next_log; l; l = next_log) {
		next_log = l->next;
		for (struct reader *r = l->readers, *next; r; r = next) {
			next = r->next;
			fn(r, arg);
		}
	}
}

static void end_if_meant(struct reader *r, const void *arg)
{
	const struct follower_match *m = arg;
	const struct turnlog_of *of = &r->log->of;

	if ((!m->user_id || m->user_id == of->user_id) &&
		(!m->conversation_id || m->conversation_id == of->conversation_id) &&
		!(m->spare_keys && r->who.key_id) && (!m->session_id || m->session_id == r->who.session_id) &&
		(!m->key_id || m->key_id == r->who.key_id) &&
		(!m->other_than_session || m->other_than_session != r->who.session_id))
		reader_end(r);
}

void turnlogs_end_followers(struct turnlogs *ls, const struct follower_match *m)
{
	ASSERT(loop_is_mine(ls->loop));
	ASSERT_IS(ls, TURNLOGS_MAGIC);
	for_each_reader(ls, end_if_meant, m);
}

struct now {
	int64_t mono_ms, wall_ms;
};

static void sweep_reader(struct reader *r, const void *arg)
{
	const struct turnlogs *all = r->log->all;
	const struct now *now = arg;

	if (r->who.expires_at && now->wall_ms >= r->who.expires_at) {
		reader_end(r);
		return;
	}
	if (r->wrote_ms == 0)
		r->wrote_ms = now->mono_ms;
	if (http_stream_blocked(r->stream)) {
		if (now->mono_ms - r->wrote_ms < all->stall_ms)
			return;
		metric_add(M_stream_readers_dropped_total, 1);
		http_stream_abort(r->stream);
		reader_free(r);
	} else if (now->mono_ms - r->wrote_ms >= all->heartbeat_ms) {
		(void)http_stream_write(r->stream, ": heartbeat\n\n", 13);
		r->wrote_ms = now->mono_ms;
	}
}

static void sweep(void *arg)
{
	const struct now now = {clock_mono_ms(), clock_now_ms()};

	for_each_reader(arg, sweep_reader, &now);
}

/* ---- writing ---- */

static void fail(struct turnlog *l, int code)
{
	ASSERT(code < 0 && !l->closed);
	if (l->failed)
		return;
	l->failed = code;
	if (l->fail)
		l->fail(l->fail_arg, code);
}

static void set_written(struct turnlog *l)
{
	ASSERT(l->frames.bytes >= l->written_bytes && l->frames.last_seq >= l->written_seq);
	l->written = frames_end(&l->frames);
	l->written_bytes = l->frames.bytes;
	l->written_seq = l->frames.last_seq;
}

/* Shown means kept: never more than the sink has, but of a log that the database has. */
static void show(struct turnlog *l, struct place to, uint64_t seq)
{
	ASSERT(seq >= l->shown_seq && seq <= l->frames.last_seq);
	ASSERT(l->ended || seq <= l->written_seq);
	l->shown = to;
	l->shown_seq = seq;
}

static void add_to_sink(struct turnlog *l)
{
	struct turnlog_sink *sink = l->all->sink;
	struct place at = l->written, end = frames_end(&l->frames);
	struct str piece;

	if (l->readers)
		memory_fetch(l->readers->stream, 1);
	while ((piece = frames_next(&l->frames, &at, end, SIZE_MAX)).n > 0)
		sink->add(sink, l->of.turn_id, piece);
}

struct str turnlog_touched(const struct turnlog *l)
{
	return (struct str){(const char *)l, offsetof(struct turnlog, mark)};
}

/* What the sink said to a log's new events. Of one that is written on, what could not be made durable is taken back
 * before anybody saw it. */
static void after_write(struct turnlog *l, int r)
{
	ASSERT(l->dirty);
	l->dirty = false;
	if (l->ended)
		return;
	if (r < 0 && !l->closed && l->frames.bytes > l->written_bytes) {
		frames_cut(&l->frames, l->written, l->written_bytes, l->written_seq);
		fail(l, r);
	}
	if (r < 0)
		return;
	set_written(l);
	if (l->hold_seq)
		show(l, frames_after(&l->frames, l->hold_seq), l->hold_seq);
	else
		show(l, l->written, l->written_seq);
}

/* The end of a turn of the loop. */
static void flush(void *arg)
{
	struct turnlogs *all = arg;
	struct turnlog *list = all->dirty;
	int r;

	ASSERT(loop_is_mine(all->loop));
	all->dirty = NULL;
	for (struct turnlog *l = list; l; l = l->next_dirty)
		if (!l->ended)
			add_to_sink(l);
	for (struct turnlog *l = list; l; l = l->next_dirty)
		if (l->readers)
			http_stream_fetch(l->readers->stream);
	metric_add(M_events_total, all->events);
	all->events = 0;
	r = all->sink->seal(all->sink);
	for (struct turnlog *l = list, *next; l; l = next) {
		next = l->next_dirty;
		after_write(l, r);
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
	int r = l->failed;

	ASSERT(!l->closed && type < EVENT_COUNT);
	if (r < 0)
		return r;
	memory_fetch(l->readers, 1);
	r = frames_add(&l->frames, type, json, n);
	if (r < 0) {
		fail(l, r);
		return r;
	}
	l->all->events++;
	mark_dirty(l);
	return (int64_t)l->frames.last_seq;
}

void turnlogs_fail(struct turnlogs *ls, int code)
{
	ASSERT(loop_is_mine(ls->loop));
	for (struct turnlog *l = ls->logs; l; l = l->next)
		if (!l->closed)
			fail(l, code);
}

/* ---- the life of a log ---- */

struct turnlog *turnlog_open(
	struct turnlogs *ls, const struct turnlog_of *of, size_t max_bytes, turnlog_fail_fn fail_fn, void *arg)
{
	struct turnlog *l = turnlog_find(ls, of->turn_id);

	ASSERT(fail_fn && max_bytes > 0);
	if (!l || !l->expected)
		l = log_new(ls, of, max_bytes);
	l->frames.max = max_bytes;
	l->closed = l->expected = false;
	l->fail = fail_fn;
	l->fail_arg = arg;
	ls->sink->begin(ls->sink, &l->mark);
	return l;
}

void turnlog_restore(struct turnlog *l, struct frames *take)
{
	size_t max = l->frames.max;

	ASSERT_IS(l, TURNLOG_MAGIC);
	ASSERT(l->frames.last_seq == 0);
	l->frames = *take;
	l->frames.max = max + take->bytes;
	*take = FRAMES_INIT(0);
	set_written(l);
	show(l, l->written, l->written_seq);
	place_readers(l);
}

const struct frames *turnlog_frames(struct turnlog *l)
{
	ASSERT(loop_is_mine(l->all->loop));
	ASSERT_IS(l, TURNLOG_MAGIC);
	if (l->dirty)
		flush(l->all); /* what cannot be written is taken back now */
	return &l->frames;
}

const struct frames *turnlog_close(struct turnlog *l)
{
	ASSERT_IS(l, TURNLOG_MAGIC);
	ASSERT(!l->closed);
	l->fail = NULL;
	(void)turnlog_frames(l);
	l->closed = true;
	return &l->frames;
}

void turnlog_hold(struct turnlog *l, struct frames *rest)
{
	ASSERT_IS(l, TURNLOG_MAGIC);
	ASSERT(l->closed && !l->ended && l->hold_seq == 0);
	l->hold_seq = l->frames.last_seq + 1;
	frames_join(&l->frames, rest);
	mark_dirty(l);
}

/* Everything may be shown now; readers end behind it. */
static void show_all(struct turnlog *l)
{
	l->closed = l->ended = true;
	l->hold_seq = 0;
	show(l, frames_end(&l->frames), l->frames.last_seq);
	mark_dirty(l);
}

void turnlog_give_up(struct turnlog *l, struct frames *rest)
{
	ASSERT_IS(l, TURNLOG_MAGIC);
	ASSERT(l->closed && !l->ended);
	frames_join(&l->frames, rest);
	mark_dirty(l);
	flush(l->all);
	show_all(l);
}

void turnlog_end(struct turnlog *l, struct frames *closing)
{
	thread_answers();
	ASSERT_IS(l, TURNLOG_MAGIC);
	ASSERT(l->closed && !l->released);
	if (closing)
		frames_join(&l->frames, closing);
	if (l->mark)
		l->all->sink->release(l->all->sink, l->mark);
	l->released = true;
	show_all(l);
}

void turnlog_let_go(struct turnlog *l)
{
	ASSERT(l->closed);
	ASSERT_IS(l, TURNLOG_MAGIC);
	for (struct reader *r = l->readers, *next; r; r = next) {
		next = r->next;
		reader_end(r);
	}
}

void turnlog_abandon(struct turnlog *l, bool stored)
{
	ASSERT_IS(l, TURNLOG_MAGIC);
	ASSERT(!l->released);
	l->closed = true;
	turnlog_let_go(l);
	if (stored && l->mark)
		l->all->sink->release(l->all->sink, l->mark);
	l->released = true;
	log_free_if_unused(l);
}

struct turnlog *turnlog_open_lost(struct turnlogs *ls, const struct turnlog_of *of)
{
	struct turnlog *l = log_new(ls, of, 0);

	l->closed = true;
	return l;
}

void turnlog_fill(struct turnlog *l, struct frames *take)
{
	ASSERT_IS(l, TURNLOG_MAGIC);
	ASSERT(l->closed && !l->released && l->frames.last_seq == 0);
	l->frames = *take;
	*take = FRAMES_INIT(0);
	l->expected = false;
	l->released = true;
	show_all(l);
	place_readers(l);
}

struct turnlog *turnlog_expect(struct turnlogs *ls, const struct turnlog_of *of)
{
	struct turnlog *l = turnlog_find(ls, of->turn_id);

	if (l && !l->ended)
		return l;
	l = log_new(ls, of, 0);
	l->closed = l->expected = true;
	return l;
}

bool turnlog_is_expected(struct turnlogs *ls, atelier_id turn_id)
{
	const struct turnlog *l = turnlog_find(ls, turn_id);

	return l && l->expected;
}

void turnlog_unexpect(struct turnlogs *ls, atelier_id turn_id, struct frames *take)
{
	if (turnlog_is_expected(ls, turn_id))
		turnlog_fill(turnlog_find(ls, turn_id), take);
}

bool turnlogs_replay(struct turnlogs *ls, const struct turnlog_of *of, struct frames *take, uint64_t after,
	const struct follower *who, const struct http_place *at)
{
	struct turnlog *l = turnlog_find(ls, of->turn_id); /* somebody else's, by now */

	if (!l) {
		if (ls->replayed_bytes > 0 && ls->replayed_bytes + take->bytes > REPLAYED_MAX)
			return false;
		l = log_new(ls, of, 0);
		ls->replayed_bytes += take->bytes;
		l->replayed = true;
		l->frames = *take;
		*take = FRAMES_INIT(0);
		l->closed = l->ended = l->released = true;
		show(l, frames_end(&l->frames), l->frames.last_seq);
	}
	turnlog_follow(l, after, who, at);
	return true;
}

/* ---- all of them ---- */

int turnlogs_new(
	struct loop *l, struct turnlog_sink *sink, int64_t heartbeat_ms, int64_t stall_ms, struct turnlogs **ret)
{
	struct turnlogs *ls = xcalloc(1, sizeof *ls);

	MAGIC_SET(ls, TURNLOGS_MAGIC);
	ls->loop = l;
	ls->sink = sink;
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
	ASSERT(loop_is_mine(ls->loop));
	for (struct turnlog *l = ls->logs, *next; l; l = next) {
		next = l->next;
		for (struct reader *r = l->readers, *next_reader; r; r = next_reader) {
			next_reader = r->next;
			free(r);
		}
		frames_done(&l->frames);
		free(l);
	}
	if (ls->hook)
		loop_hook_free(ls->hook);
	if (ls->sweep)
		loop_timer_free(ls->sweep);
	MAGIC_END(ls, TURNLOGS_MAGIC);
	free(ls);
}
