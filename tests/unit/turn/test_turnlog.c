/* Turn logs: what readers get, and when; what happens when it cannot be written or stored; whose streams end. The
 * streams are doubles that keep what they are given. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>

#include "../patience.h"
#include "base/clock.h"
#include "base/err.h"
#include "sys/fault.h"
#include "turn/journal.h"
#include "turn/turnlog.h"

/* ---- streams ---- */

struct stream {
	struct buf got;
	bool blocked, ended, aborted;
	bool last, over; /* the next piece was said to be the last one; it has come */
	const struct http_stream_ops *ops;
	void *arg;
};

struct http_stream *http_stream_begin(
	const struct http_place *at, const char *content_type, const struct http_stream_ops *ops, void *arg)
{
	struct stream *s = (struct stream *)(void *)at->x;

	assert_string_equal(content_type, "text/event-stream");
	s->ops = ops;
	s->arg = arg;
	return (struct http_stream *)(void *)s;
}

size_t http_stream_write(struct http_stream *hs, const void *p, size_t n)
{
	struct stream *s = (struct stream *)(void *)hs;

	assert_true(n > 0 && n <= 65536);
	assert_false(s->ended || s->aborted || s->over);
	if (s->blocked)
		return 0;
	buf_add(&s->got, p, n);
	s->over = s->last;
	return n;
}

void http_stream_last(struct http_stream *hs)
{
	((struct stream *)(void *)hs)->last = true;
}

void http_stream_fetch(const struct http_stream *hs)
{
	(void)hs;
}

bool http_stream_blocked(const struct http_stream *hs)
{
	return ((const struct stream *)(const void *)hs)->blocked;
}

void http_stream_end(struct http_stream *hs)
{
	((struct stream *)(void *)hs)->ended = true;
}

void http_stream_abort(struct http_stream *hs)
{
	((struct stream *)(void *)hs)->aborted = true;
}

/* ---- the place ---- */

struct fixture {
	char dir[64];
	struct loop *loop;
	pthread_t thread;
	struct journal *journal;
	struct turnlogs *logs;
	struct turnlog *log;
	int failed;
	struct stream a, b, c;
	void (*step)(struct fixture *f);
};

static int run_step(void *arg)
{
	struct fixture *f = arg;

	f->step(f);
	return 0;
}

static int nothing(void *arg)
{
	(void)arg;
	return 0;
}

/* Runs a step on the loop; when it returns, the end of that turn of the loop is over too. */
static void on_loop(struct fixture *f, void (*step)(struct fixture *f))
{
	f->step = step;
	(void)loop_call(f->loop, run_step, f);
	(void)loop_call(f->loop, nothing, NULL);
	(void)loop_call(f->loop, nothing, NULL);
}

static void *run_loop(void *arg)
{
	loop_run(arg);
	return NULL;
}

static void note_failure(void *arg, int code)
{
	((struct fixture *)arg)->failed = code;
}

static const struct turnlog_of of = {7, 70, 700};
static const struct follower nobody = {0};

static void open_log(struct fixture *f)
{
	f->log = turnlog_open(f->logs, &of, 1 << 20, note_failure, f);
}

static int set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof *f);
	struct err e = {0};

	snprintf(f->dir, sizeof f->dir, "/tmp/atelier-turnlog-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	f->a.got = f->b.got = f->c.got = BUF_INIT(1 << 24);
	f->loop = loop_new();
	assert_int_equal(
		journal_open(&(struct journal_config){.dir = f->dir, .segment_bytes = 1 << 20}, &f->journal, &e), 0);
	assert_int_equal(turnlogs_new(f->loop, journal_sink(f->journal), 60000, 60000, &f->logs), 0);
	assert_int_equal(pthread_create(&f->thread, NULL, run_loop, f->loop), 0);
	on_loop(f, open_log);
	*state = f;
	return 0;
}

static void no_records(void *arg, atelier_id id, struct str frames)
{
	buf_printf(arg, "%lld:%.*s", (long long)id, (int)frames.n, frames.p);
}

/* What a start would find. */
static void replay(struct fixture *f, struct buf *ret)
{
	struct journal_files files;
	struct err e = {0};

	assert_int_equal(journal_list(f->dir, &files, &e), 0);
	assert_int_equal(journal_replay(f->dir, &files, false, no_records, ret, &e), 0);
	journal_files_done(&files);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	struct journal_files files;
	struct err e = {0};

	loop_stop(f->loop);
	pthread_join(f->thread, NULL);
	turnlogs_free(f->logs);
	journal_close(f->journal);
	loop_free(f->loop);
	assert_int_equal(journal_list(f->dir, &files, &e), 0);
	assert_int_equal(journal_forget(f->dir, &files, &e), 0);
	journal_files_done(&files);
	assert_int_equal(rmdir(f->dir), 0);
	buf_done(&f->a.got);
	buf_done(&f->b.got);
	buf_done(&f->c.got);
	free(f);
	fault_set(NULL);
	return 0;
}

/* A place, for as long as the call that it is made for. */
#define place(s) (&(struct http_place){.x = (struct http_exchange *)(void *)(s)})

static void add(struct fixture *f, const char *text)
{
	char json[200];

	snprintf(json, sizeof json, "{\"text\":\"%s\"}", text);
	(void)!turnlog_append(f->log, EV_TEXT, json, strlen(json));
}

static void add_hello(struct fixture *f)
{
	add(f, "hello");
	assert_null(strstr(f->a.got.p ? f->a.got.p : "", "hello")); /* not before it is in the journal */
}

static void follow_a(struct fixture *f)
{
	turnlog_follow(f->log, 0, &nobody, place(&f->a));
}

static bool has(const struct stream *s, const char *text)
{
	return s->got.p && strstr(s->got.p, text);
}

/* The end of the log, numbered on. */
static struct frames closing(const struct frames *log, bool with_status)
{
	struct frames rest = FRAMES_INIT(1 << 16);

	rest.last_seq = log->last_seq;
	if (with_status)
		assert_int_equal(frames_add(&rest, EV_STATUS, "{\"state\":\"storing\",\"text\":\"\"}", 29), 0);
	assert_int_equal(frames_add(&rest, EV_DONE, "{\"state\":\"complete\"}", 20), 0);
	return rest;
}

/* ---- an answer ---- */

static void close_and_end(struct fixture *f)
{
	struct frames rest = closing(turnlog_close(f->log), false);

	turnlog_end(f->log, &rest);
}

struct search {
	struct turnlogs *logs;
	atelier_id id;
	struct turnlog *found;
};

static int find_there(void *arg)
{
	struct search *x = arg;

	x->found = turnlog_find(x->logs, x->id);
	return 0;
}

/* Logs belong to the loop. */
static struct turnlog *find_log(struct fixture *f, atelier_id id)
{
	struct search x = {.logs = f->logs, .id = id};

	loop_call(f->loop, find_there, &x);
	return x.found;
}

static void test_shown_once_durable(void **state)
{
	struct fixture *f = *state;

	on_loop(f, follow_a);
	on_loop(f, add_hello);
	assert_true(has(&f->a, "id: 1\nevent: text\ndata: {\"text\":\"hello\"}\n\n"));
	assert_false(f->a.ended);
	on_loop(f, close_and_end);
	assert_true(has(&f->a, "id: 2\nevent: done"));
	assert_true(f->a.ended);
	assert_null(find_log(f, of.turn_id));
}

static void add_many(struct fixture *f)
{
	for (int i = 0; i < 2000; i++)
		add(f, "some words that make it long");
}

static void follow_behind(struct fixture *f)
{
	turnlog_follow(f->log, 0, &nobody, place(&f->a));
	turnlog_follow(f->log, 1234, &nobody, place(&f->b));
	turnlog_follow(f->log, 99999, &nobody, place(&f->c));
}

/* A reader begins behind the event it names, wherever that is; one that names a later one than there is waits. */
static void test_places(void **state)
{
	struct fixture *f = *state;

	on_loop(f, add_many);
	on_loop(f, follow_behind);
	assert_memory_equal(f->a.got.p, "id: 1\n", 6);
	assert_memory_equal(f->b.got.p, "id: 1235\n", 9);
	assert_int_equal(f->c.got.n, 0);
	size_t n = f->a.got.n;
	assert_memory_equal(f->a.got.p + n - f->b.got.n, f->b.got.p, f->b.got.n);
	on_loop(f, close_and_end);
	assert_memory_equal(f->c.got.p, "id: 2001\n", 9);
	assert_true(f->a.ended && f->b.ended && f->c.ended);
}

static void block_and_follow(struct fixture *f)
{
	f->a.blocked = true;
	follow_a(f);
}

static void unblock(struct fixture *f)
{
	f->a.blocked = false;
	f->a.ops->on_writable(f->a.arg);
}

static void leave(struct fixture *f)
{
	f->b.ops->on_close(f->b.arg);
}

static void follow_b(struct fixture *f)
{
	turnlog_follow(f->log, 0, &nobody, place(&f->b));
}

static void test_slow_reader(void **state)
{
	struct fixture *f = *state;

	on_loop(f, block_and_follow);
	on_loop(f, follow_b);
	on_loop(f, add_many);
	on_loop(f, leave);
	on_loop(f, close_and_end);
	assert_int_equal(f->a.got.n, 0);
	assert_non_null(find_log(f, of.turn_id)); /* its reader holds it */
	on_loop(f, unblock);
	assert_true(has(&f->a, "id: 2001\nevent: done"));
	assert_true(f->a.ended);
	assert_null(find_log(f, of.turn_id));
}

/* ---- what cannot be written ---- */

static void add_lost(struct fixture *f)
{
	add(f, "lost");
}

static void test_failed_write(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_done) struct buf left = BUF_INIT(1 << 20);

	on_loop(f, follow_a);
	on_loop(f, add_hello);
	fault_set("journal_write:ENOSPC:1");
	on_loop(f, add_lost);
	assert_int_equal(f->failed, E_STORAGE);
	on_loop(f, add_lost); /* refused */
	on_loop(f, close_and_end);
	assert_false(has(&f->a, "lost"));
	assert_true(has(&f->a, "id: 2\nevent: done"));
	replay(f, &left);
	assert_null(strstr(left.p ? left.p : "", "lost"));
}

/* The last events of an answer are written, or taken back, before its end is numbered. */
static void add_and_end_at_once(struct fixture *f)
{
	add(f, "lost");
	close_and_end(f);
}

static void test_failed_write_at_the_end(void **state)
{
	struct fixture *f = *state;

	on_loop(f, follow_a);
	on_loop(f, add_hello);
	fault_set("journal_write:ENOSPC:1");
	on_loop(f, add_and_end_at_once);
	assert_false(has(&f->a, "lost"));
	assert_true(has(&f->a, "id: 2\nevent: done"));
	assert_true(f->a.ended);
}

static void fail_all(struct fixture *f)
{
	turnlogs_fail(f->logs, E_STORAGE);
}

static void test_failed_sync(void **state)
{
	struct fixture *f = *state;

	on_loop(f, follow_a);
	on_loop(f, add_hello);
	on_loop(f, fail_all);
	assert_int_equal(f->failed, E_STORAGE);
	on_loop(f, add_lost);
	assert_false(has(&f->a, "lost"));
	on_loop(f, close_and_end);
	assert_true(f->a.ended);
}

static void test_too_long(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 20 && !f->failed; i++)
		on_loop(f, add_many);
	assert_int_equal(f->failed, E_TOO_LARGE);
	on_loop(f, close_and_end);
}

/* ---- what cannot be stored yet ---- */

static void hold(struct fixture *f)
{
	struct frames rest = closing(turnlog_close(f->log), true);

	turnlog_hold(f->log, &rest);
}

static void end(struct fixture *f)
{
	turnlog_end(f->log, NULL);
}

static void test_hold(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_done) struct buf left = BUF_INIT(1 << 20);

	on_loop(f, follow_a);
	on_loop(f, add_hello);
	on_loop(f, hold);
	assert_true(has(&f->a, "id: 2\nevent: status"));
	assert_false(has(&f->a, "done"));
	on_loop(f, follow_b); /* who comes now sees as much */
	assert_true(has(&f->b, "id: 2\nevent: status"));
	assert_false(has(&f->b, "done"));
	replay(f, &left);
	assert_non_null(strstr(left.p, "id: 3\nevent: done")); /* a restart knows how it ended */
	on_loop(f, end);
	assert_true(has(&f->a, "id: 3\nevent: done") && f->a.ended);
	assert_true(has(&f->b, "id: 3\nevent: done") && f->b.ended);
}

/* Not even the journal can be written: nothing of it is shown, until the database has it. */
static void test_hold_without_journal(void **state)
{
	struct fixture *f = *state;

	on_loop(f, follow_a);
	on_loop(f, add_hello);
	fault_set("journal_write:ENOSPC");
	on_loop(f, hold);
	assert_false(has(&f->a, "status"));
	on_loop(f, end);
	assert_true(has(&f->a, "id: 3\nevent: done") && f->a.ended);
}

static void give_up(struct fixture *f)
{
	struct frames rest = closing(turnlog_close(f->log), false);

	turnlog_give_up(f->log, &rest);
}

/* Neither the journal nor the database can be written: readers are told, and end; the log stays until it is stored. */
static void test_given_up(void **state)
{
	struct fixture *f = *state;

	on_loop(f, follow_a);
	on_loop(f, add_hello);
	fault_set("journal_write:EROFS");
	on_loop(f, give_up);
	assert_true(has(&f->a, "id: 2\nevent: done") && f->a.ended);
	on_loop(f, follow_b);
	assert_true(has(&f->b, "id: 2\nevent: done") && f->b.ended);
	assert_non_null(find_log(f, of.turn_id));
	on_loop(f, end);
	assert_null(find_log(f, of.turn_id));
}

static void abandon(struct fixture *f)
{
	turnlog_abandon(f->log, false);
}

static void test_abandoned(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_done) struct buf left = BUF_INIT(1 << 20);

	on_loop(f, follow_a);
	on_loop(f, follow_b);
	on_loop(f, add_hello);
	on_loop(f, hold);
	on_loop(f, abandon);
	assert_true(f->a.ended && f->b.ended);
	assert_false(has(&f->a, "done"));
	assert_null(find_log(f, of.turn_id));
	replay(f, &left);
	assert_non_null(strstr(left.p, "id: 3\nevent: done"));
}

/* ---- turns of the last run, and ended ones ---- */

static const struct turnlog_of lost_of = {9, 90, 900};

static void follow_lost(struct fixture *f)
{
	struct turnlog *l = turnlog_open_lost(f->logs, &lost_of);

	turnlog_follow(l, 0, &nobody, place(&f->a));
	turnlog_follow(l, 2, &nobody, place(&f->b));
}

static struct frames three_events(void)
{
	struct frames f = FRAMES_INIT(1 << 16);

	for (int i = 0; i < 3; i++)
		assert_int_equal(frames_add(&f, EV_TEXT, "{\"text\":\"x\"}", 12), 0);
	return f;
}

static void fill_lost(struct fixture *f)
{
	struct frames frames = three_events();

	turnlog_fill(find_log(f, lost_of.turn_id), &frames);
}

/* ---- a turn that goes on ---- */

static void follow_expected(struct fixture *f)
{
	turnlog_follow(turnlog_expect(f->logs, &lost_of), 0, &nobody, place(&f->a));
	assert_true(turnlog_is_expected(f->logs, lost_of.turn_id));
}

static void go_on_expected(struct fixture *f)
{
	struct frames kept = FRAMES_INIT(1000);

	assert_int_equal(frames_add(&kept, EV_TEXT, "{\"text\":\"before\"}", 17), 0);
	f->log = turnlog_open(f->logs, &lost_of, 1 << 20, note_failure, f);
	turnlog_restore(f->log, &kept);
	turnlog_follow(turnlog_expect(f->logs, &lost_of), 1, &nobody, place(&f->b)); /* the same one, by now */
}

static void write_on(struct fixture *f)
{
	add(f, "behind");
}

static void unexpect(struct fixture *f)
{
	struct frames kept = FRAMES_INIT(1000);

	assert_int_equal(frames_add(&kept, EV_TEXT, "{\"text\":\"kept\"}", 15), 0);
	turnlog_unexpect(f->logs, lost_of.turn_id, &kept);
	turnlog_unexpect(f->logs, lost_of.turn_id, &kept); /* of one that is not expected nothing is changed */
	frames_done(&kept);
}

static void leave_expected(struct fixture *f)
{
	f->c.ops->on_close(f->c.arg);
}

static void follow_and_leave(struct fixture *f)
{
	turnlog_follow(turnlog_expect(f->logs, &lost_of), 0, &nobody, place(&f->c));
}

/* Who follows a turn that is about to go on gets all of it: what it had, and what comes. */
static void test_expected(void **state)
{
	struct fixture *f = *state;

	on_loop(f, close_and_end);
	on_loop(f, follow_expected);
	assert_false(has(&f->a, "before") || f->a.ended);
	on_loop(f, go_on_expected);
	assert_true(has(&f->a, "before") && !f->a.ended);
	assert_false(has(&f->b, "before"));
	on_loop(f, write_on);
	assert_true(has(&f->a, "behind") && has(&f->b, "behind"));
	on_loop(f, close_and_end);
	assert_true(f->a.ended && f->b.ended);
	assert_null(find_log(f, lost_of.turn_id));
}

/* It does not go on: they get what it had; and a log that nobody waits for any more goes. */
static void test_unexpected(void **state)
{
	struct fixture *f = *state;

	on_loop(f, follow_expected);
	on_loop(f, unexpect);
	assert_true(has(&f->a, "kept") && f->a.ended);
	assert_null(find_log(f, lost_of.turn_id));
	on_loop(f, follow_and_leave);
	on_loop(f, leave_expected);
	assert_null(find_log(f, lost_of.turn_id));
	on_loop(f, close_and_end);
}

static void test_lost(void **state)
{
	struct fixture *f = *state;

	on_loop(f, follow_lost);
	assert_int_equal(f->a.got.n, 0);
	on_loop(f, fill_lost);
	assert_memory_equal(f->a.got.p, "id: 1\n", 6);
	assert_memory_equal(f->b.got.p, "id: 3\n", 6);
	assert_true(f->a.ended && f->b.ended);
	assert_null(find_log(f, lost_of.turn_id));
	on_loop(f, close_and_end);
}

static void replay_twice(struct fixture *f)
{
	struct frames one = three_events(), two = three_events();

	f->a.blocked = f->b.blocked = true;
	assert_true(turnlogs_replay(f->logs, &lost_of, &one, 0, &nobody, place(&f->a)));
	assert_true(turnlogs_replay(f->logs, &lost_of, &two, 1, &nobody, place(&f->b)));
	assert_null(one.first);
	assert_non_null(two.first); /* not needed: the second reads what the first brought */
	frames_done(&two);
}

static void unblock_both(struct fixture *f)
{
	f->a.blocked = f->b.blocked = false;
	f->a.ops->on_writable(f->a.arg);
	assert_non_null(find_log(f, lost_of.turn_id));
	f->b.ops->on_writable(f->b.arg);
}

static void test_readers_share(void **state)
{
	struct fixture *f = *state;

	on_loop(f, replay_twice);
	on_loop(f, unblock_both);
	assert_true(f->a.ended && f->b.ended);
	assert_memory_equal(f->b.got.p, "id: 2\n", 6);
	assert_null(find_log(f, lost_of.turn_id)); /* the memory is given back with the last one */
	on_loop(f, close_and_end);
}

/* ---- whose streams end ---- */

static void follow_by_rights(struct fixture *f)
{
	turnlog_follow(f->log, 0, &(struct follower){.session_id = 1}, place(&f->a));
	turnlog_follow(f->log, 0, &(struct follower){.session_id = 2}, place(&f->b));
	turnlog_follow(f->log, 0, &(struct follower){.key_id = 3}, place(&f->c));
}

static void end_match(struct fixture *f, const struct follower_match *m)
{
	f->a = (struct stream){.got = f->a.got};
	f->b = (struct stream){.got = f->b.got};
	f->c = (struct stream){.got = f->c.got};
	follow_by_rights(f);
	turnlogs_end_followers(f->logs, m);
}

static void leave_all(struct fixture *f)
{
	turnlogs_end_followers(f->logs, &(struct follower_match){0});
}

static void end_by_each(struct fixture *f)
{
	end_match(f, &(struct follower_match){.session_id = 2});
	assert_true(!f->a.ended && f->b.ended && !f->c.ended);
	leave_all(f);
	end_match(f, &(struct follower_match){.key_id = 3});
	assert_true(!f->a.ended && !f->b.ended && f->c.ended);
	leave_all(f);
	end_match(f, &(struct follower_match){.user_id = 70, .other_than_session = 1});
	assert_true(!f->a.ended && f->b.ended && f->c.ended);
	leave_all(f);
	end_match(f, &(struct follower_match){.user_id = 71});
	assert_true(!f->a.ended && !f->b.ended && !f->c.ended);
	leave_all(f);
	end_match(f, &(struct follower_match){.conversation_id = 700});
	assert_true(f->a.ended && f->b.ended && f->c.ended);
}

static void test_ends_of_rights(void **state)
{
	struct fixture *f = *state;

	on_loop(f, end_by_each);
	on_loop(f, close_and_end);
}

static void follow_until(struct fixture *f)
{
	turnlog_follow(f->log, 0, &(struct follower){.session_id = 1, .expires_at = clock_now_ms() + 1}, place(&f->a));
	turnlog_follow(
		f->log, 0, &(struct follower){.session_id = 1, .expires_at = clock_now_ms() + 600000}, place(&f->b));
}

static void look(struct fixture *f)
{
	f->failed = f->a.ended;
}

static void test_right_that_ends_by_itself(void **state)
{
	struct fixture *f = *state;
	int64_t began = clock_mono_ms();

	on_loop(f, follow_until);
	while (!f->failed && clock_mono_ms() - began < PATIENCE_MS) {
		usleep(10000);
		on_loop(f, look);
	}
	assert_true(f->a.ended && !f->b.ended);
	on_loop(f, close_and_end);
}

/* ---- a sink of another kind ---- */

struct memory {
	struct turnlog_sink sink;
	struct buf added, kept;
	int64_t marks, released; /* how many were given out, and the sum of those given back */
	bool refuses;
};

static void memory_begin(struct turnlog_sink *s, int64_t *ret_mark)
{
	*ret_mark = ++CONTAINER_OF(s, struct memory, sink)->marks;
}

static void memory_add(struct turnlog_sink *s, atelier_id turn_id, struct str frames)
{
	assert_int_equal(turn_id, of.turn_id + 1);
	buf_add(&CONTAINER_OF(s, struct memory, sink)->added, frames.p, frames.n);
}

static int memory_seal(struct turnlog_sink *s)
{
	struct memory *m = CONTAINER_OF(s, struct memory, sink);

	if (!m->refuses)
		buf_add(&m->kept, m->added.p, m->added.n);
	buf_reset(&m->added);
	return m->refuses ? E_STORAGE : 0;
}

static void memory_release(struct turnlog_sink *s, int64_t mark)
{
	CONTAINER_OF(s, struct memory, sink)->released += mark;
}

static struct memory memory;

static void open_in_memory(struct fixture *f)
{
	const struct turnlog_of mine = {of.turn_id + 1, of.user_id, of.conversation_id};

	assert_int_equal(turnlogs_new(f->loop, &memory.sink, 60000, 60000, &f->logs), 0);
	f->log = turnlog_open(f->logs, &mine, 1 << 20, note_failure, f);
}

static void close_memory(struct fixture *f)
{
	turnlogs_free(f->logs);
}

/* Any sink will do: what it has is what readers get, what it refuses nobody sees, and each mark comes back. */
static void test_any_sink(void **state)
{
	struct fixture *f = *state;
	struct turnlogs *logs = f->logs;
	struct turnlog *log = f->log;

	memory = (struct memory){.sink = {memory_begin, memory_add, memory_seal, memory_release},
		.added = BUF_INIT(1 << 20),
		.kept = BUF_INIT(1 << 20)};
	on_loop(f, open_in_memory);
	assert_int_equal(memory.marks, 1);
	on_loop(f, follow_a);
	on_loop(f, add_hello);
	assert_int_equal(memory.kept.n, f->a.got.n);
	assert_memory_equal(memory.kept.p, f->a.got.p, memory.kept.n);
	memory.refuses = true;
	on_loop(f, add_lost);
	assert_int_equal(f->failed, E_STORAGE);
	assert_false(has(&f->a, "lost"));
	assert_int_equal(memory.released, 0);
	on_loop(f, close_and_end);
	assert_int_equal(memory.released, 1);
	assert_true(f->a.ended && has(&f->a, "id: 2\nevent: done"));
	on_loop(f, close_memory);
	buf_done(&memory.added);
	buf_done(&memory.kept);
	f->logs = logs;
	f->log = log;
	on_loop(f, close_and_end);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_shown_once_durable),
		TEST(test_places),
		TEST(test_slow_reader),
		TEST(test_failed_write),
		TEST(test_failed_write_at_the_end),
		TEST(test_failed_sync),
		TEST(test_too_long),
		TEST(test_hold),
		TEST(test_hold_without_journal),
		TEST(test_given_up),
		TEST(test_abandoned),
		TEST(test_expected),
		TEST(test_unexpected),
		TEST(test_lost),
		TEST(test_readers_share),
		TEST(test_ends_of_rights),
		TEST(test_right_that_ends_by_itself),
		TEST(test_any_sink),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
