/* Group commit, failures of one and of all, a second process. */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <sqlite3.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "db/db_priv.h"
#include "db_test.h"
#include "sys/fault.h"
#include "sys/metrics.h"
#include "sys/thread.h"

#define THREADS 8
#define WRITES  100

static void test_constraint_is_conflict(void **state)
{
	struct db *db = test_open(*state);
	struct err e = {0};

	assert_int_equal(db_write(db, test_insert, (void *)"a", &e), 0);
	assert_int_equal(db_write(db, test_insert, (void *)"a", &e), E_CONFLICT);
	assert_int_equal(e.code, E_CONFLICT);
	assert_int_equal(db_write(db, test_insert, (void *)"b", NULL), 0);
	assert_int_equal(test_number(db, "SELECT count(*) FROM things"), 2);
	db_close(db);
}

static int insert_part(struct db_conn *c, void *arg, struct err *e)
{
	return db_exec(c, NULL, e, "INSERT INTO parts (thing_id) VALUES (?)", DB_I64(*(int *)arg));
}

static void test_references_are_kept(void **state)
{
	struct db *db = test_open(*state);
	struct err e = {0};
	int none = 42;

	assert_int_equal(db_write(db, insert_part, &none, &e), E_NOT_FOUND);
	assert_int_equal(test_number(db, "SELECT count(*) FROM parts"), 0);
	db_close(db);
}

struct worker {
	struct db *db;
	pthread_t thread;
	int number;
	int failures; /* results that were not what they should be */
};

struct write {
	int thread, i;
};

/* Inserts a row; every third then fails, and must leave nothing. */
static int insert_or_fail(struct db_conn *c, void *arg, struct err *e)
{
	const struct write *w = arg;
	char name[32];
	int r;

	snprintf(name, sizeof(name), "%d-%d", w->thread, w->i);
	r = db_exec(c, NULL, e, "INSERT INTO things (name) VALUES (?)", DB_TEXT(name));
	if (r < 0)
		return r;
	return w->i % 3 == 2 ? err_set(e, E_INVALID, "no %s", name) : w->i;
}

static void *worker_main(void *arg)
{
	struct worker *k = arg;

	for (int i = 0; i < WRITES; i++) {
		struct write w = {k->number, i};
		struct err e = {0};
		int r = db_write(k->db, insert_or_fail, &w, &e);

		if (r != (i % 3 == 2 ? E_INVALID : i) || e.code != (i % 3 == 2 ? E_INVALID : 0))
			k->failures++;
	}
	return NULL;
}

static void test_many_writers(void **state)
{
	struct db *db = test_open(*state);
	int64_t commits = metric_get(M_db_commits_total), writes = metric_get(M_db_writes_total);
	struct worker workers[THREADS];

	for (int i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){.db = db, .number = i};
		assert_int_equal(pthread_create(&workers[i].thread, NULL, worker_main, &workers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(workers[i].thread, NULL);
		assert_int_equal(workers[i].failures, 0);
	}
	assert_int_equal(test_number(db, "SELECT count(*) FROM things"), THREADS * (WRITES - WRITES / 3));
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(test_number(db, "SELECT count(*) FROM things WHERE name LIKE '%-2'"), 0);
	assert_int_equal(metric_get(M_db_writes_total) - writes, THREADS * WRITES);
	/* Together: fewer commits than writes. */
	assert_true(metric_get(M_db_commits_total) - commits < THREADS * WRITES);
	db_close(db);
}

static void test_failed_commit_reaches_all(void **state)
{
	struct test_folder *f = *state;
	struct db *db = test_open(f);
	struct err e = {0};

	fault_set("db_commit:ENOSPC:1");
	assert_int_equal(db_write(db, test_insert, (void *)"a", &e), E_STORAGE);
	assert_non_null(strstr(e.msg, f->file));
	assert_non_null(strstr(e.msg, "disk is full"));
	assert_int_equal(test_number(db, "SELECT count(*) FROM things"), 0);
	err_clear(&e);
	assert_int_equal(db_write(db, test_insert, (void *)"a", &e), 0);
	assert_int_equal(e.code, 0);
	fault_set("db_write:EIO:1");
	assert_int_equal(db_write(db, test_insert, (void *)"b", &e), E_STORAGE);
	assert_int_equal(db_write(db, test_insert, (void *)"b", NULL), 0);
	fault_set("");
	assert_int_equal(test_number(db, "SELECT count(*) FROM things"), 2);
	db_close(db);
}

/* What was committed and nobody heard of is told as that, and is there. */
static void test_commit_unheard(void **state)
{
	struct db *db = test_open(*state);
	struct err e = {0};

	fault_set("db_heard:EIO:1");
	assert_int_equal(db_write(db, test_insert, (void *)"a", &e), E_UNSURE);
	assert_false(db_is_settled(E_UNSURE));
	fault_set("");
	assert_int_equal(test_number(db, "SELECT count(*) FROM things"), 1);
	db_close(db);
}

static void *storage_main(void *arg)
{
	struct worker *k = arg;

	for (int i = 0; i < WRITES; i++) {
		struct write w = {k->number, i * 3};
		struct err e = {0};
		int r = db_write(k->db, insert_or_fail, &w, &e);

		if (r == E_STORAGE && e.code == E_STORAGE)
			k->failures++;
		else if (r < 0)
			k->failures = -100000;
	}
	return NULL;
}

/* One commit fails under load: exactly the writes that were told so are missing. */
static void test_failed_commit_under_load(void **state)
{
	struct db *db = test_open(*state);
	struct worker workers[THREADS];
	int failures = 0;

	fault_set("db_commit:ENOSPC:5");
	for (int i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){.db = db, .number = i};
		assert_int_equal(pthread_create(&workers[i].thread, NULL, storage_main, &workers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(workers[i].thread, NULL);
		failures += workers[i].failures;
	}
	fault_set("");
	assert_in_range(failures, 1, THREADS);
	assert_int_equal(test_number(db, "SELECT count(*) FROM things"), THREADS * WRITES - failures);
	db_close(db);
}

static int write_inside(struct db_conn *c, void *arg, struct err *e)
{
	(void)c;
	return db_write(arg, test_insert, (void *)"x", e);
}

static int forgets_statement(struct db_conn *c, void *arg, struct err *e)
{
	struct db_rows *rows;
	int r;

	r = db_query(c, &rows, e, "SELECT id FROM things");
	if (r < 0)
		return r;
	r = db_next(rows, e);
	(void)arg;
	return r < 0 ? r : E_INVALID;
}

static void test_misuse_does_not_hang(void **state)
{
	struct db *db = test_open(*state);
	struct err e = {0};

	assert_int_equal(db_write(db, write_inside, db, &e), E_INTERNAL);
	assert_int_equal(db_write(db, test_insert, (void *)"a", NULL), 0);
	assert_int_equal(db_write(db, forgets_statement, NULL, NULL), E_INVALID);
	assert_int_equal(db_write(db, test_insert, (void *)"b", NULL), 0);
	assert_int_equal(test_number(db, "SELECT count(*) FROM things"), 2);
	db_close(db);
}

/* Many pages: the log is checkpointed while writes go on. */
static int insert_large(struct db_conn *c, void *arg, struct err *e)
{
	(void)arg;
	return db_exec(c, NULL, e, "INSERT INTO things (data) VALUES (zeroblob(1000000))");
}

static void test_log_does_not_grow(void **state)
{
	struct test_folder *f = *state;
	struct db *db = test_open(f);
	struct stat st;
	char wal[128];

	for (int i = 0; i < 40; i++)
		assert_int_equal(db_write(db, insert_large, NULL, NULL), 0);
	assert_int_equal(test_number(db, "SELECT count(*) FROM things"), 40);
	snprintf(wal, sizeof(wal), "%s-wal", f->file);
	db_close(db);
	assert_int_equal(stat(wal, &st), -1);
	assert_int_equal(stat(f->file, &st), 0);
	assert_true(st.st_size > 40000000);
}

/* ---- another program holds the database ---- */

static sqlite3 *hold(const struct test_folder *f)
{
	sqlite3 *h;

	assert_int_equal(sqlite3_open(f->file, &h), SQLITE_OK);
	assert_int_equal(sqlite3_exec(h, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	return h;
}

static void let_go(sqlite3 *h)
{
	assert_int_equal(sqlite3_exec(h, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(h);
}

static void *insert_on_thread(void *arg)
{
	struct worker *w = arg;
	struct err e = {0};
	char name[32];

	snprintf(name, sizeof(name), "held-%d", w->number);
	w->failures = db_write(w->db, test_insert, name, &e);
	return NULL;
}

static void test_held_for_a_moment(void **state)
{
	struct test_folder *f = *state;
	struct db *db = test_open(f);
	struct worker w[THREADS];
	sqlite3 *h = hold(f);

	for (int i = 0; i < THREADS; i++) {
		w[i] = (struct worker){.db = db, .number = i};
		assert_int_equal(pthread_create(&w[i].thread, NULL, insert_on_thread, &w[i]), 0);
	}
	int64_t at = clock_mono_ms();
	assert_int_equal(test_number(db, "SELECT count(*) FROM things"), 0); /* who reads waits for nobody */
	assert_in_range(clock_mono_ms() - at, 0, 2000);
	while (clock_mono_ms() - at < 500)
		usleep(10000);
	let_go(h);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(w[i].thread, NULL);
		assert_int_equal(w[i].failures, 0);
	}
	assert_int_equal(test_number(db, "SELECT count(*) FROM things"), THREADS);
	db_close(db);
}

/* Another process that holds all locks of the log until it is killed. */
static pid_t hold_all(const struct test_folder *f)
{
	char index[128], ready;
	int told[2];

	snprintf(index, sizeof(index), "%s-shm", f->file);
	assert_int_equal(pipe(told), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 120, .l_len = 8};
		int fd = open(index, O_RDWR | O_CLOEXEC);
		if (fd < 0 || fcntl(fd, F_SETLKW, &all) < 0 || write(told[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(told[0], &ready, 1), 1);
	close(told[0]);
	close(told[1]);
	return pid;
}

/* Not even a reader gets on: it is told to come again, as whoever writes. */
static void test_all_is_held(void **state)
{
	struct test_folder *f = *state;
	struct db *db = test_open(f);
	struct db_conn *c = db_acquire(db);
	struct db_rows *rows = NULL;
	struct err e = {0};

	assert_int_equal(db_write(db, test_insert, (void *)"one", NULL), 0);
	pid_t pid = hold_all(f);
	int r = db_query(c, &rows, &e, "SELECT count(*) FROM things");
	if (r == 0)
		r = db_next(rows, &e);
	assert_int_equal(r, E_BUSY);
	assert_true(e.retry_after_s > 0);
	db_rows_done(rows);
	db_release(c);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(test_number(db, "SELECT count(*) FROM things"), 1);
	db_close(db);
}

/* Each waits for its own time, not for those before it too; once it has lasted, nobody is kept. */
static void test_held_for_long(void **state)
{
	struct test_folder *f = *state;
	struct db *db = test_open(f);
	struct err e = {0};
	struct worker w[THREADS];
	sqlite3 *h = hold(f);
	int64_t at = clock_mono_ms();

	assert_int_equal(db_writer_state(db, &e), 0);
	for (int i = 0; i < THREADS; i++) {
		w[i] = (struct worker){.db = db, .number = i};
		assert_int_equal(pthread_create(&w[i].thread, NULL, insert_on_thread, &w[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(w[i].thread, NULL);
		assert_int_equal(w[i].failures, E_BUSY);
	}
	assert_in_range(clock_mono_ms() - at, 4000, 9000);
	while (db_writer_state(db, &e) == 0)
		usleep(10000);
	assert_int_equal(e.code, E_BUSY);
	err_clear(&e);
	at = clock_mono_ms();
	assert_int_equal(db_write(db, test_insert, (void *)"late", &e), E_BUSY);
	assert_true(e.retry_after_s > 0);
	assert_in_range(clock_mono_ms() - at, 0, 2500);
	let_go(h);
	/* That it is free again is found without being asked. */
	while (db_writer_state(db, NULL) < 0)
		usleep(10000);
	assert_int_equal(db_write(db, test_insert, (void *)"late", NULL), 0);
	assert_int_equal(test_number(db, "SELECT count(*) FROM things"), 1);
	db_close(db);
}

/* Who stops waits for a database that others hold, but not until somebody ends the program. */
static void test_held_at_the_end(void **state)
{
	struct test_folder *f = *state;
	struct db *db = test_open(f);
	struct worker w = {.db = db};
	sqlite3 *h = hold(f);
	int64_t at = clock_mono_ms();

	assert_int_equal(pthread_create(&w.thread, NULL, insert_on_thread, &w), 0);
	db_hurry(db);
	pthread_join(w.thread, NULL);
	assert_int_equal(w.failures, E_BUSY);
	assert_in_range(clock_mono_ms() - at, 900, 3900); /* without hurry: from 5,000 on */
	let_go(h);
	assert_int_equal(db_write(db, test_insert, (void *)"last", NULL), 0);
	db_close(db);
}

/* ---- what nobody waits for ---- */

struct small {
	struct db_later later;
	const char *name;
	int times_done;
};

static int insert_small(struct db_conn *c, void *arg, struct err *e)
{
	return test_insert(c, (void *)(uintptr_t)((struct small *)arg)->name, e);
}

static void small_done(void *arg)
{
	((struct small *)arg)->times_done++;
}

/* ---- who stepped back ---- */

struct order {
	struct db *db;
	sem_t held, go;
	int n, of[3]; /* of[i]: which place i had; the writer's */
};

struct asker {
	struct order *all;
	pthread_t thread;
	int i;
	bool behind;
};

static int hold_writer(struct db_conn *c UNUSED, void *arg, struct err *e UNUSED)
{
	struct order *o = arg;

	sem_post(&o->held);
	return sem_wait(&o->go);
}

static int note_place(struct db_conn *c UNUSED, void *arg, struct err *e UNUSED)
{
	const struct asker *a = arg;

	a->all->of[a->i] = a->all->n;
	__atomic_fetch_add(&a->all->n, 1, __ATOMIC_RELAXED);
	return 0;
}

static void *ask_main(void *arg)
{
	struct asker *a = arg;

	if (a->behind)
		thread_step_back();
	return a->i < 0 ? (void *)(intptr_t)db_write(a->all->db, hold_writer, a->all, NULL)
			: (void *)(intptr_t)db_write(a->all->db, note_place, a, NULL);
}

/* Two that stepped back are written together, behind who came after them. */
static void test_stepped_back(void **state)
{
	struct order o = {.db = test_open(*state)};
	struct asker all[] = {{&o, .i = -1}, {&o, .i = 0, .behind = true}, {&o, .i = 1, .behind = true}, {&o, .i = 2}};
	int64_t commits = metric_get(M_db_commits_total);

	sem_init(&o.held, 0, 0);
	sem_init(&o.go, 0, 0);
	for (unsigned i = 0; i < N_ELEMENTS(all); i++) {
		assert_int_equal(pthread_create(&all[i].thread, NULL, ask_main, &all[i]), 0);
		while (__atomic_load_n(&o.db->n_waiting, __ATOMIC_RELAXED) < i + 1)
			sched_yield();
		if (i == 0)
			sem_wait(&o.held);
	}
	sem_post(&o.go);
	for (unsigned i = 0; i < N_ELEMENTS(all); i++) {
		void *r;
		pthread_join(all[i].thread, &r);
		assert_int_equal((intptr_t)r, 0);
	}
	assert_int_equal(
		metric_get(M_db_commits_total) - commits, 3); /* who holds the writer, who came last, both others */
	assert_true(o.of[2] < o.of[1] && o.of[0] < o.of[1]);
	sem_destroy(&o.held);
	sem_destroy(&o.go);
	db_close(o.db);
}

/* Who stepped back is written between answers; where one follows the other, after 50 ms at the latest. */
static void test_behind_answers(void **state)
{
	struct order o = {.db = test_open(*state)};
	struct asker a = {&o, .i = 0, .behind = true};
	void *r;

	o.db->others_ms = INT64_MAX / 2; /* somebody has written just now, whenever that is */
	thread_behind_begin();
	thread_answers();
	int64_t took = 0, longest = INT64_MAX;
	for (int i = 0; i < 20 && longest > 900; i++) { /* us; on a busy machine a step may have come too late */
		int64_t from = clock_mono_us(), last = from;
		o.n = 0;
		longest = 0;
		assert_int_equal(pthread_create(&a.thread, NULL, ask_main, &a), 0);
		while (!__atomic_load_n(&o.n, __ATOMIC_RELAXED)) {
			int64_t now = clock_mono_us();
			longest = MAX(longest, now - last);
			last = now;
			thread_answers();
		}
		took = clock_mono_us() - from;
		longest = MAX(longest, from + took - last);
		pthread_join(a.thread, &r);
		assert_int_equal((intptr_t)r, 0);
	}
	if (longest <= 900)
		assert_true(took >= 49000);
	thread_behind_end();
	db_close(o.db);
}

static bool later(struct db *db, struct small *s, const char *name)
{
	*s = (struct small){.later = {.fn = insert_small, .done = small_done, .arg = s}, .name = name};
	return db_write_later(db, &s->later);
}

static void test_later(void **state)
{
	struct test_folder *f = *state;
	struct db *db = test_open(f);
	struct small s[4];

	/* With the next batch, in its order; one that fails takes nobody along. */
	assert_true(later(db, &s[0], "a") && later(db, &s[1], "a") && later(db, &s[2], "b"));
	assert_int_equal(db_write(db, test_insert, (void *)"c", NULL), 0);
	assert_int_equal(test_number(db, "SELECT count(*) FROM things"), 3);
	/* Alone after a while. */
	assert_true(later(db, &s[3], "d"));
	while (test_number(db, "SELECT count(*) FROM things") < 4)
		usleep(10000);
	/* While the database is held it waits, and keeps nobody. */
	sqlite3 *h = hold(f);
	struct small held, last;
	assert_true(later(db, &held, "e"));
	usleep(1500000);
	let_go(h);
	while (test_number(db, "SELECT count(*) FROM things") < 5)
		usleep(10000);
	/* At the end it is written too. */
	assert_true(later(db, &last, "f"));
	db_close(db);
	db = test_open(f);
	assert_int_equal(test_number(db, "SELECT count(*) FROM things"), 6);
	for (size_t i = 0; i < N_ELEMENTS(s); i++)
		assert_int_equal(s[i].times_done, 1);
	assert_int_equal(held.times_done, 1);
	assert_int_equal(last.times_done, 1);
	db_close(db);
}

static const char *self;

static int child(const char *path)
{
	struct db_config config = {.path = path, .readers = 1};
	struct db *db;
	char name[32];
	int r;

	r = db_open(&config, test_migrations, N_ELEMENTS(test_migrations), &db, NULL);
	if (r < 0)
		return 1;
	for (int i = 0; i < WRITES && r == 0; i++) {
		snprintf(name, sizeof(name), "child-%d", i);
		r = db_write(db, test_insert, name, NULL);
	}
	db_close(db);
	return r < 0 ? 2 : 0;
}

static void test_second_process_writes(void **state)
{
	struct test_folder *f = *state;
	struct db *db = test_open(f);
	char *argv[] = {(char *)(uintptr_t)self, (char *)"child", f->file, NULL};
	char name[32];
	pid_t pid;
	int status;

	assert_int_equal(posix_spawn(&pid, self, NULL, NULL, argv, environ), 0);
	for (int i = 0; i < WRITES; i++) {
		snprintf(name, sizeof(name), "parent-%d", i);
		assert_int_equal(db_write(db, test_insert, name, NULL), 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(test_number(db, "SELECT count(*) FROM things"), 2 * WRITES);
	db_close(db);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_constraint_is_conflict, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_references_are_kept, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_many_writers, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_failed_commit_reaches_all, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_failed_commit_under_load, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_commit_unheard, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_misuse_does_not_hang, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_log_does_not_grow, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_held_for_a_moment, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_held_for_long, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_all_is_held, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_held_at_the_end, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_behind_answers, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_stepped_back, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_later, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_second_process_writes, folder_setup, folder_teardown),
	};

	self = argv[0];
	if (argc == 3)
		return child(argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
