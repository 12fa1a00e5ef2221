/* The life of jobs: begun once, stopped, gone on with, over the end of the program. */
#include <errno.h>
#include <ftw.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/clock.h"
#include "job/job_priv.h"
#include "store/store.h"
#include "store/users.h"
#include "sys/fault.h"
#include "sys/thread.h"

struct fixture {
	char folder[64];
	struct settings settings;
	struct loop *loop;
	pthread_t thread;
	struct db *db;
	struct bus *bus;
	struct bus_subscriber subscriber;
	struct jobs *jobs;
	struct arena a;
	struct err e;

	pthread_mutex_t mx;
	pthread_cond_t cv;
	int begun, go, told_started, told_ended;
};

static void hear(void *arg, const struct bus_event *ev)
{
	struct fixture *f = arg;

	if (ev->kind == BUS_JOBS) /* that somebody's have changed, for administrators */
		return;
	assert_true(ev->kind == BUS_JOB && ev->user_id > 0 && ev->id > 0 && ev->turn_id == 0);
	pthread_mutex_lock(&f->mx);
	if (strcmp(ev->what, "started") == 0)
		f->told_started++;
	else
		f->told_ended++;
	pthread_cond_broadcast(&f->cv);
	pthread_mutex_unlock(&f->mx);
}

static void wait_for(struct fixture *f, const int *what, int n)
{
	pthread_mutex_lock(&f->mx);
	while (*what < n)
		pthread_cond_wait(&f->cv, &f->mx);
	pthread_mutex_unlock(&f->mx);
}

static void wake(void *arg)
{
	struct fixture *f = arg;

	pthread_mutex_lock(&f->mx);
	pthread_cond_broadcast(&f->cv);
	pthread_mutex_unlock(&f->mx);
}

static void let_go(struct fixture *f)
{
	pthread_mutex_lock(&f->mx);
	f->go = 1;
	pthread_cond_broadcast(&f->cv);
	pthread_mutex_unlock(&f->mx);
}

/* Says that it has begun, and waits for `go` or the end. */
static int run_waiting(struct job *j, struct err *e)
{
	struct fixture *f = j->all->config.arg;
	struct cancel_hook hook;
	bool canceled;

	job_set_progress(j, "{\"step\":1}", 10);
	if (cancel_on(&j->cancel, &hook, wake, f) < 0)
		return -ECANCELED;
	pthread_mutex_lock(&f->mx);
	f->begun++; /* from here on a cancel reaches the wait */
	pthread_cond_broadcast(&f->cv);
	while (!f->go && !__atomic_load_n(&j->cancel.reason, __ATOMIC_ACQUIRE))
		pthread_cond_wait(&f->cv, &f->mx);
	canceled = f->go == 0;
	pthread_mutex_unlock(&f->mx);
	cancel_off(&j->cancel, &hook);
	job_set_progress(j, "{\"step\":2}", 10);
	return canceled ? err_set(e, -ECANCELED, "stopped") : 0;
}

static int run_failing(struct job *j, struct err *e)
{
	return err_set(e, E_PROVIDER, "It does not want to do %s.", j->title);
}

static int run_blank(struct job *j, struct err *e)
{
	(void)j;
	(void)e;
	return -EIO;
}

/* Works the third time. */
static int run_shaky(struct job *j, struct err *e)
{
	return j->tries < 3 ? err_set(e, E_PROVIDER_DOWN, "Nobody is there.") : 0;
}

enum { AWAY = 42 };

/* Another server can do it, until it may go; what is "here" this one can. */
static int run_away(struct job *j, struct err *e UNUSED)
{
	struct fixture *f = j->all->config.arg;

	pthread_mutex_lock(&f->mx);
	j->node = f->go || strcmp(j->params, "here") == 0 ? 0 : AWAY;
	f->begun++;
	pthread_cond_broadcast(&f->cv);
	pthread_mutex_unlock(&f->mx);
	return 0;
}

static const struct job_kind kinds[] = {
	{"wait", true, 0, 3, 1, 0, run_waiting},
	{"fail", false, 0, 3, 1, 0, run_failing},
	{"blank", false, 0, 3, 1, 0, run_blank},
	{"shaky", false, 1, 1, 5, 0, run_shaky},
	{"away", false, 0, 1, 5, 0, run_away},
	{"heavy", false, 1000, 2, 1, 0, run_waiting},
};

static void new_jobs(struct fixture *f, size_t n_kinds, struct jobs **ret)
{
	assert_int_equal(jobs_new(&(struct jobs_config){.settings = &f->settings,
					  .loop = f->loop,
					  .db = f->db,
					  .bus = f->bus,
					  .kinds = kinds,
					  .n_kinds = n_kinds,
					  .arg = f,
					  .lease_ms = 300},
				 ret, &f->e),
		0);
	assert_int_equal(jobs_start(*ret, &f->e), 0);
}

static void open_jobs(struct fixture *f, size_t n_kinds)
{
	new_jobs(f, n_kinds, &f->jobs);
}

static void close_jobs(struct fixture *f)
{
	jobs_stop(f->jobs);
	jobs_free(f->jobs);
	f->jobs = NULL;
}

static void *run_loop(void *arg)
{
	loop_run(arg);
	return NULL;
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	const struct db_migration *m;
	char path[96];
	size_t n;

	strcpy(f->folder, "/tmp/atelier-jobs-XXXXXX");
	if (!mkdtemp(f->folder))
		return -1;
	snprintf(path, sizeof(path), "%s/db", f->folder);
	settings_init(&f->settings);
	f->settings.job_retry_ms = 1;
	arena_init(&f->a, 8 << 20);
	pthread_mutex_init(&f->mx, NULL);
	pthread_cond_init(&f->cv, NULL);
	*state = f;
	m = store_migrations(&n);
	if (db_open(&(struct db_config){.path = path, .readers = 2}, m, n, &f->db, &f->e) < 0)
		return -1;
	f->bus = bus_new();
	f->subscriber = (struct bus_subscriber){.fn = hear, .arg = f};
	bus_subscribe(f->bus, &f->subscriber);
	f->loop = loop_new();
	if (pthread_create(&f->thread, NULL, run_loop, f->loop) != 0)
		return -1;
	open_jobs(f, N_ELEMENTS(kinds));
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->jobs)
		close_jobs(f);
	loop_stop(f->loop);
	pthread_join(f->thread, NULL);
	loop_free(f->loop);
	bus_unsubscribe(f->bus, &f->subscriber);
	bus_free(f->bus);
	db_close(f->db);
	settings_done(&f->settings);
	arena_done(&f->a);
	pthread_mutex_destroy(&f->mx);
	pthread_cond_destroy(&f->cv);
	nftw(f->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

static struct job_view begin(struct fixture *f, atelier_id user, const char *kind, const char *params)
{
	struct job_view v;

	f->e = (struct err){0};
	assert_int_equal(job_begin(f->jobs, user, kind, "a title", params, &f->a, &v, &f->e), 0);
	return v;
}

/* The keeper may have taken it by then. */
static bool is_open(const struct job_view *v)
{
	return strcmp(v->state, "queued") == 0 || strcmp(v->state, "running") == 0;
}

static struct job_view look(struct fixture *f, atelier_id id)
{
	struct job_view v;

	f->e = (struct err){0};
	assert_int_equal(job_get(f->jobs, 0, id, &f->a, &v, &f->e), 0);
	return v;
}

static struct job_row stored(struct fixture *f, atelier_id id)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(f->db);
	struct job_row row;

	assert_int_equal(jobs_get(c, 0, id, &f->a, &row, &f->e), 0);
	return row;
}

static void test_to_its_end(void **state)
{
	struct fixture *f = *state;
	struct job_view v = begin(f, 7, "wait", "{}"), again;

	assert_true(is_open(&v));
	wait_for(f, &f->begun, 1);
	v = look(f, v.id);
	assert_string_equal(v.state, "running");
	assert_string_equal(v.progress, "{\"step\":1}");
	assert_int_equal(v.ended_at, 0);
	/* The same work is the same job, whoever asks; other work is another. */
	again = begin(f, 8, "wait", "{}");
	assert_int_equal(again.id, v.id);
	assert_int_equal(again.user_id, 7);
	again = begin(f, 8, "wait", "{\"other\":1}");
	assert_int_not_equal(again.id, v.id);
	let_go(f);
	wait_for(f, &f->told_ended, 2);
	v = look(f, v.id);
	assert_string_equal(v.state, "complete");
	assert_string_equal(v.progress, "{\"step\":2}");
	assert_true(v.ended_at >= v.created_at);
	assert_false(v.has_error);
	assert_int_equal(f->told_started, 2);
	/* Then the same again is a new one. */
	again = begin(f, 8, "wait", "{}");
	assert_int_not_equal(again.id, v.id);
	wait_for(f, &f->told_ended, 3);
	assert_int_equal(job_retry(f->jobs, 0, v.id, &f->a, &again, &f->e), E_CONFLICT);
}

static void test_failure_in_words(void **state)
{
	struct fixture *f = *state;
	struct job_view v = begin(f, 7, "fail", "{}"), blank = begin(f, 7, "blank", "{}");

	wait_for(f, &f->told_ended, 2);
	v = look(f, v.id);
	assert_string_equal(v.state, "failed");
	assert_true(v.has_error);
	assert_string_equal(v.error.code, "provider_error");
	assert_string_equal(v.error.message, "It does not want to do a title.");
	/* What was not written for people stays in the log. */
	blank = look(f, blank.id);
	assert_string_equal(blank.state, "failed");
	assert_string_equal(blank.error.code, "internal");
	/* Going on tries again, and forgets the failure until then. */
	assert_int_equal(job_retry(f->jobs, 7, v.id, &f->a, &v, &f->e), 0);
	assert_true(is_open(&v) || v.has_error);
	wait_for(f, &f->told_ended, 3);
	assert_string_equal(look(f, v.id).state, "failed");
	assert_int_equal(job_begin(f->jobs, 7, "unheard of", "x", "{}", &f->a, &v, &f->e), E_INVALID);
}

/* The row of an ended job is written, whatever the database says at first. */
static void test_end_is_stored(void **state)
{
	struct fixture *f = *state;
	struct job_view v = begin(f, 7, "wait", "{}");

	wait_for(f, &f->begun, 1);
	fault_set("db_commit:EBUSY:1,db_write:ENOSPC:2"); /* of the progress, or of the end */
	let_go(f);
	wait_for(f, &f->told_ended, 1);
	assert_string_equal(stored(f, v.id).state, "complete");
	fault_set("db_write:EBUSY:3");
	v = begin(f, 7, "fail", "{}");
	wait_for(f, &f->told_ended, 2);
	fault_set(NULL);
	assert_string_equal(stored(f, v.id).state, "failed");
}

static void test_cancel_and_retry(void **state)
{
	struct fixture *f = *state;
	struct job_view v = begin(f, 7, "wait", "{}"), got;

	wait_for(f, &f->begun, 1);
	assert_int_equal(job_cancel(f->jobs, 7, v.id, &f->a, &got, &f->e), 0);
	wait_for(f, &f->told_ended, 1);
	assert_string_equal(look(f, v.id).state, "canceled");
	assert_int_equal(job_cancel(f->jobs, 7, v.id, &f->a, &got, &f->e), 0); /* no error */
	assert_int_equal(job_retry(f->jobs, 7, v.id, &f->a, &got, &f->e), 0);
	assert_int_equal(got.id, v.id);
	wait_for(f, &f->begun, 2);
	assert_int_equal(job_retry(f->jobs, 7, v.id, &f->a, &got, &f->e), 0); /* it runs: no error */
	let_go(f);
	wait_for(f, &f->told_ended, 2);
	assert_string_equal(look(f, v.id).state, "complete");
}

static void test_canceled_while_it_waits(void **state)
{
	struct fixture *f = *state;
	struct job_view v, got;

	begin(f, 7, "wait", "1");
	begin(f, 7, "wait", "2");
	begin(f, 7, "wait", "3");
	wait_for(f, &f->begun, 3);
	v = begin(f, 7, "wait", "4"); /* all threads are taken */
	assert_int_equal(job_cancel(f->jobs, 7, v.id, &f->a, &got, &f->e), 0);
	assert_string_equal(got.state, "canceled");
	assert_string_equal(stored(f, v.id).state, "canceled");
	let_go(f);
	wait_for(f, &f->told_ended, 4);
	assert_int_equal(f->begun, 3);
}

static void test_theirs_alone(void **state)
{
	struct fixture *f = *state;
	struct job_view v = begin(f, 7, "wait", "{}"), got;
	struct job_list list;

	wait_for(f, &f->begun, 1);
	assert_int_equal(job_get(f->jobs, 8, v.id, &f->a, &got, &f->e), E_NOT_FOUND);
	err_clear(&f->e);
	assert_int_equal(job_cancel(f->jobs, 8, v.id, &f->a, &got, &f->e), E_NOT_FOUND);
	err_clear(&f->e);
	assert_int_equal(job_retry(f->jobs, 8, v.id, &f->a, &got, &f->e), E_NOT_FOUND);
	err_clear(&f->e);
	err_clear(&f->e);
	assert_int_equal(job_list(f->jobs, &(struct job_filter){.user_id = 8, .limit = 10}, &f->a, &list, &f->e), 0);
	assert_int_equal(list.n, 0);
	assert_int_equal(job_list(f->jobs, &(struct job_filter){.limit = 10}, &f->a, &list, &f->e), 0);
	assert_int_equal(list.n, 1);
	assert_string_equal(list.items[0].progress, "{\"step\":1}");
	assert_string_equal(look(f, v.id).state, "running");
	assert_true(job_kind_is_for_admins(f->jobs, "wait"));
	assert_false(job_kind_is_for_admins(f->jobs, "fail"));
}

/* The end of the program is not the end of its jobs. */
static void test_goes_on_after_a_stop(void **state)
{
	struct fixture *f = *state;
	struct job_view v = begin(f, 7, "wait", "1"), fourth, got;

	begin(f, 7, "wait", "2");
	begin(f, 7, "wait", "3");
	wait_for(f, &f->begun, 3);
	fourth = begin(f, 7, "wait", "4");
	jobs_stop(f->jobs);
	assert_int_equal(job_begin(f->jobs, 7, "wait", "x", "5", &f->a, &got, &f->e), E_STOPPING);
	/* Whoever looks there next may take them, and the try does not count. */
	assert_string_equal(stored(f, v.id).state, "queued");
	assert_int_equal(stored(f, v.id).tries, 0);
	assert_string_equal(stored(f, v.id).progress, "{\"step\":2}");
	assert_string_equal(stored(f, fourth.id).state, "queued");
	jobs_free(f->jobs);
	assert_int_equal(f->told_ended, 0);

	let_go(f);
	f->e = (struct err){0};
	open_jobs(f, N_ELEMENTS(kinds));
	wait_for(f, &f->told_ended, 4);
	assert_string_equal(look(f, v.id).state, "complete");
	assert_string_equal(look(f, fourth.id).state, "complete");
	assert_int_equal(f->begun, 7);
}

/* A kind that this program does not know fails and holds up nothing. */
static void test_kind_that_is_gone(void **state)
{
	struct fixture *f = *state;
	struct job_view v;
	atelier_id id;

	close_jobs(f);
	assert_int_equal(
		jobs_create(f->db, &(struct job_new){.user_id = 7, .kind = "fail", .title = "t", .params = "{}"}, &id,
			&f->e),
		0);
	open_jobs(f, 1);
	assert_string_equal(look(f, id).state, "failed");
	assert_int_equal(job_retry(f->jobs, 7, id, &f->a, &v, &f->e), E_CONFLICT);
}

static int set_due(struct db_conn *c, void *arg, struct err *e)
{
	return db_exec(c, NULL, e, "UPDATE jobs SET due_at = ?", DB_I64(*(int64_t *)arg));
}

/* One that was queued while the clock was years ahead does not wait for these. */
static void test_a_clock_that_was_ahead(void **state)
{
	struct fixture *f = *state;
	int64_t far = clock_now_ms() + INT64_C(3) * 365 * 86400 * 1000;
	atelier_id id;

	close_jobs(f);
	assert_int_equal(
		jobs_create(f->db, &(struct job_new){.user_id = 7, .kind = "shaky", .title = "t", .params = "{}"}, &id,
			&f->e),
		0);
	assert_int_equal(db_write(f->db, set_due, &far, &f->e), 0);
	open_jobs(f, N_ELEMENTS(kinds));
	wait_for(f, &f->told_ended, 1);
	assert_string_equal(look(f, id).state, "complete");
}

/* A passing failure is tried again by itself, with the cause shown until then. */
static void test_tried_again(void **state)
{
	struct fixture *f = *state;
	struct job_view v = begin(f, 7, "shaky", "{}");

	wait_for(f, &f->told_ended, 1);
	v = look(f, v.id);
	assert_string_equal(v.state, "complete");
	assert_int_equal(v.tries, 3);
	assert_false(v.has_error);
	/* Not where it is switched off, and then a person may. */
	f->settings.job_retry_ms = 0;
	v = begin(f, 7, "shaky", "1");
	wait_for(f, &f->told_ended, 2);
	v = look(f, v.id);
	assert_string_equal(v.state, "failed");
	assert_int_equal(v.tries, 1);
	/* Until it is due it can be seen, begun at once, and stopped. */
	f->settings.job_retry_ms = 600000;
	assert_int_equal(job_retry(f->jobs, 7, v.id, &f->a, &v, &f->e), 0);
	wait_for(f, &f->told_started, 6);
	v = look(f, v.id);
	assert_string_equal(v.state, "queued");
	assert_string_equal(v.error.code, "provider_unreachable");
	assert_true(v.retry_at > v.created_at);
	assert_int_equal(job_cancel(f->jobs, 7, v.id, &f->a, &v, &f->e), 0);
	assert_string_equal(v.state, "canceled");
	assert_int_equal(v.retry_at, 0);
}

/* This process has no job any more. */
static void wait_until_given_back(struct fixture *f)
{
	for (bool held = true; held;) {
		pthread_mutex_lock(&f->jobs->mx);
		held = f->jobs->known != NULL;
		pthread_mutex_unlock(&f->jobs->mx);
		sched_yield();
	}
}

static int away_is_seen(struct db_conn *c, void *arg, struct err *e)
{
	(void)arg;
	return db_exec(c, NULL, e, "INSERT INTO nodes (id, seen_at) VALUES (?, ?)", DB_I64(AWAY), DB_I64(INT64_MAX));
}

/* What another server alone can do waits for it, is looked at once, and that is no try; its person is told when that server is
 * away. Asked for anew it is looked at again. */
static void test_elsewhere(void **state)
{
	struct fixture *f = *state;
	struct job_view v = begin(f, 7, "away", "{}");

	wait_for(f, &f->begun, 1);
	wait_until_given_back(f);
	v = look(f, v.id);
	assert_string_equal(v.state, "queued");
	assert_int_equal(v.tries, 0);
	assert_true(v.server_away);
	assert_int_equal(db_write(f->db, away_is_seen, NULL, &f->e), 0);
	assert_false(look(f, v.id).server_away);
	let_go(f);
	assert_int_equal(job_retry(f->jobs, 7, v.id, &f->a, &v, &f->e), 0);
	wait_for(f, &f->told_ended, 1);
	v = look(f, v.id);
	assert_string_equal(v.state, "complete");
	assert_int_equal(v.tries, 1);
	assert_int_equal(f->begun, 2);
}

/* However many of a person's wait for a server that is away: what can be done is next. They can be canceled. */
static void test_elsewhere_holds_up_nothing(void **state)
{
	struct fixture *f = *state;
	struct job_view v, here;
	char params[16];

	for (int i = 0; i < 30; i++) {
		snprintf(params, sizeof(params), "%d", i);
		v = begin(f, 7, "away", params);
	}
	wait_for(f, &f->begun, 30);
	here = begin(f, 7, "away", "here");
	wait_for(f, &f->told_ended, 1);
	assert_string_equal(look(f, here.id).state, "complete");
	assert_int_equal(f->begun, 31);
	wait_until_given_back(f);
	assert_true(look(f, v.id).server_away);
	assert_int_equal(job_cancel(f->jobs, 7, v.id, &f->a, &v, &f->e), 0);
	assert_string_equal(v.state, "canceled");
	assert_false(v.server_away);
}

enum { OTHER = 999 }; /* a claim of another process */

static int take_over(struct db_conn *c, void *arg, struct err *e)
{
	const atelier_id *id = arg;

	return db_exec(c, NULL, e, "UPDATE jobs SET claim = ?, lease_until = ?, tries = tries + 1 WHERE id = ?",
		DB_I64(OTHER), DB_I64(INT64_MAX), DB_I64(*id));
}

/* Another process has taken a job over: who had it stops, and what that says about it is heard by nobody. */
static void test_taken_over(void **state)
{
	struct fixture *f = *state;
	struct job_view v = begin(f, 7, "wait", "{}");
	struct job_row row;

	wait_for(f, &f->begun, 1);
	assert_int_equal(db_write(f->db, take_over, &v.id, &f->e), 0);
	wait_until_given_back(f); /* its lease is not renewed: it notices, and stops */
	row = stored(f, v.id);
	assert_string_equal(row.state, "running");
	assert_int_equal(row.tries, 2);
	assert_int_equal(f->told_ended, 0);
	assert_int_equal(
		jobs_finish(f->db, &(struct job_result){.id = v.id, .claim = OTHER, .state = "complete"}, &f->e), 0);
	assert_string_equal(look(f, v.id).state, "complete");
}

/* After a sleep of the whole machine a process may take what it has itself: it does not do it twice at a time. */
static void test_taken_from_oneself(void **state)
{
	struct fixture *f = *state;
	struct job_view v = begin(f, 7, "wait", "{}");

	wait_for(f, &f->begun, 1);
	assert_int_equal(jobs_recover(f->db, true, NULL, &f->e), 0);
	wait_for(f, &f->begun, 2);
	let_go(f);
	wait_for(f, &f->told_ended, 1);
	assert_string_equal(look(f, v.id).state, "complete");
}

/* However many wait, what they cost is in the database; and another person's is not behind them. */
static void test_many_wait(void **state)
{
	struct fixture *f = *state;
	struct job_view v;
	char params[16];
	int known = 0;

	for (int i = 0; i < 200; i++) {
		snprintf(params, sizeof(params), "%d", i);
		begin(f, 7, "wait", params);
	}
	wait_for(f, &f->begun, 3);
	v = begin(f, 8, "wait", "hers");
	pthread_mutex_lock(&f->jobs->mx);
	for (const struct job *j = f->jobs->known; j; j = j->next)
		known++;
	pthread_mutex_unlock(&f->jobs->mx);
	assert_int_equal(known, 3);
	let_go(f);
	wait_for(f, &f->told_ended, 10);
	assert_string_equal(look(f, v.id).state, "complete");
}

/* As though it had begun so much later. */
static void shift_begin(struct fixture *f, atelier_id id, int64_t ms)
{
	pthread_mutex_lock(&f->jobs->mx);
	for (struct job *j = f->jobs->known; j; j = j->next)
		j->begun_ms += j->id == id ? ms : 0;
	pthread_mutex_unlock(&f->jobs->mx);
}

/* One that takes all processors has them for itself while people are there; but one that takes long holds no other up. */
static void test_processors_are_counted(void **state)
{
	struct fixture *f = *state;
	const int64_t hour = 3600000;
	struct job_view first, second;

	thread_asked();
	first = begin(f, 7, "heavy", "1");
	wait_for(f, &f->begun, 1);
	shift_begin(f, first.id, hour);
	second = begin(f, 8, "heavy", "2");
	begin(f, 8, "wait", "1"); /* by when the second of these has begun, the round that saw the other one is over */
	wait_for(f, &f->begun, 2);
	begin(f, 8, "wait", "2");
	wait_for(f, &f->begun, 3);
	assert_string_equal(stored(f, second.id).state, "queued");
	shift_begin(f, first.id, -2 * hour);
	wait_for(f, &f->begun, 4);
	assert_string_equal(stored(f, second.id).state, "running");
	let_go(f);
	wait_for(f, &f->told_ended, 4);
	assert_string_equal(look(f, second.id).state, "complete");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_to_its_end),
		TEST(test_failure_in_words),
		TEST(test_end_is_stored),
		TEST(test_cancel_and_retry),
		TEST(test_canceled_while_it_waits),
		TEST(test_theirs_alone),
		TEST(test_goes_on_after_a_stop),
		TEST(test_kind_that_is_gone),
		TEST(test_tried_again),
		TEST(test_a_clock_that_was_ahead),
		TEST(test_elsewhere),
		TEST(test_elsewhere_holds_up_nothing),
		TEST(test_taken_over),
		TEST(test_taken_from_oneself),
		TEST(test_many_wait),
		TEST(test_processors_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
