/* PostgreSQL alone: what travels with what, what a lost connection and a failed statement leave behind. Skipped where
 * ATELIER_TEST_DATABASE names none. */
#include <pthread.h>
#include <sched.h>

#include "../database.h"
#include "../patience.h"
#include "base/clock.h"
#include "db_test.h"
#include "sys/metrics.h"

struct fixture {
	char path[TEST_DATABASE_MAX];
	struct db *db;
	struct err e;
};

static const struct db_migration migrations[] = {
	{.version = 1,
		.name = "things",
		.sql = "CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE UNIQUE, data BLOB, f REAL"
		       ") STRICT;"
		       "CREATE TABLE parts (thing_id INTEGER NOT NULL REFERENCES things(id) ON DELETE CASCADE,"
		       " n INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (thing_id, n)) STRICT, WITHOUT ROWID;"
		       "INSERT INTO things (id, name) VALUES (100, 'INTEGER TEXT STRICT')",
		.sqlite = "this is not for us"},
};

static int open_it(struct fixture *f, struct db **ret)
{
	const struct db_config c = {.path = f->path, .readers = 2, .table = "things"};
	int r = db_open(&c, migrations, N_ELEMENTS(migrations), ret, &f->e);

	if (r < 0)
		print_error("%s\n", f->e.msg);
	return r;
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	*state = f;
	test_database("", f->path);
	return open_it(f, &f->db);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	db_close(f->db);
	test_database_done(f->path);
	free(f);
	return 0;
}

static int insert(struct db_conn *c, void *arg, struct err *e)
{
	static int64_t id = 1000;
	const char *name = arg;

	return db_exec(c, NULL, e, "INSERT INTO things (id, name) VALUES (?, ?)",
		DB_I64(__atomic_add_fetch(&id, 1, __ATOMIC_RELAXED)), DB_TEXT(name));
}

static void test_types(void **state)
{
	struct fixture *f = *state;
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(f->db);
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;

	assert_int_equal(
		db_query(c, &rows, &f->e,
			"SELECT ?, ?, ?, ?, coalesce(?, 'none'), 1 = 1, sum(n), count(*), sum(n) / 3, ? IS NULL"
			" FROM (VALUES (9223372036854775806), (1), (-1000000)) v(n)",
			DB_I64(INT64_MIN), DB_F64(0.1), DB_TEXT_N("a\0b\xff", 4), DB_BLOB("\0\xff", 2), DB_TEXT(NULL),
			DB_TEXT(NULL)),
		0);
	assert_int_equal(db_next(rows, &f->e), 1);
	assert_true(db_i64(rows, 0) == INT64_MIN);
	assert_true(db_f64(rows, 1) == 0.1);
	assert_true(str_eq(db_bytes(rows, 2), STR("a\xef\xbf\xbd"
						  "b\xef\xbf\xbd")));
	assert_true(str_eq(db_bytes(rows, 3), STR("\0\xff")));
	assert_string_equal(db_bytes(rows, 4).p, "none");
	assert_int_equal(db_i64(rows, 5), 1);
	assert_true(db_i64(rows, 6) == INT64_C(9223372036853775807));
	assert_int_equal(db_i64(rows, 7), 3);
	assert_true(db_f64(rows, 8) > 3.07e18 && db_f64(rows, 8) < 3.08e18);
	assert_int_equal(db_i64(rows, 9), 1);
	assert_int_equal(db_next(rows, &f->e), 0);
}

static int64_t number(struct fixture *f, struct db_conn *c, const char *sql)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;

	assert_int_equal(db_query(c, &rows, &f->e, sql), 0);
	assert_int_equal(db_next(rows, &f->e), 1);
	return db_i64(rows, 0);
}

static int64_t count(struct fixture *f)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(f->db);

	return number(f, c, "SELECT count(*) FROM things");
}

static void test_schema(void **state)
{
	struct fixture *f = *state;
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(f->db);
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;

	/* What stands in quotes is not replaced. */
	assert_int_equal(number(f, c, "SELECT count(*) FROM things WHERE name = 'INTEGER TEXT STRICT'"), 1);
	assert_int_equal(number(f, c, "SELECT instr('a-b', '-')"), 2);
	assert_int_equal(db_query(c, &rows, &f->e, "SELECT fold(?)", DB_TEXT("\xc3\x84\xc3\x9f\xef\xbc\xa1")), 0);
	assert_int_equal(db_next(rows, &f->e), 1);
	assert_string_equal(db_bytes(rows, 0).p, "\xc3\xa4ssa");
	/* Reading connections cannot write. */
	db_rows_donep(&rows);
	assert_true(db_query(c, &rows, NULL, "INSERT INTO things (id) VALUES (1)") < 0);
}

/* ---- many at once ---- */

enum { MANY = 12 };

struct member {
	struct fixture *f;
	char name[16];
	int r;
	pthread_t thread;
	struct err e;
};
static int asked;

static int insert_late(struct db_conn *c, void *arg, struct err *e)
{
	/* The first one gives the others time to be there: they are the next batch. */
	int64_t until_ms = clock_mono_ms() + PATIENCE_MS;
	while (__atomic_load_n(&asked, __ATOMIC_RELAXED) < MANY && clock_mono_ms() < until_ms)
		usleep(1000);
	usleep(30000);
	return insert(c, arg, e);
}

static void *write_one(void *arg)
{
	struct member *m = arg;

	__atomic_add_fetch(&asked, 1, __ATOMIC_RELAXED);
	m->r = db_write(m->f->db, insert, m->name, &m->e);
	return NULL;
}

static void *write_first(void *arg)
{
	struct member *m = arg;

	m->r = db_write(m->f->db, insert_late, m->name, &m->e);
	return NULL;
}

/* Every third one breaks a rule, and the others do not notice; all share a transaction and its exchanges. */
static void test_group(void **state)
{
	struct fixture *f = *state;
	struct member first = {.f = f, .name = "first"}, m[MANY];
	int64_t commits, trips;

	asked = 0;
	pthread_create(&first.thread, NULL, write_first, &first);
	for (int i = 0; i < MANY; i++) {
		m[i] = (struct member){.f = f};
		snprintf(m[i].name, sizeof(m[i].name), "%d", i % 3 == 2 ? 0 : i);
		pthread_create(&m[i].thread, NULL, write_one, &m[i]);
	}
	pthread_join(first.thread, NULL);
	commits = metric_get(M_db_commits_total);
	trips = metric_get(M_db_round_trips_total);
	for (int i = 0, ok = 0; i < MANY; i++) {
		pthread_join(m[i].thread, NULL);
		assert_true(m[i].r == 0 || m[i].r == E_CONFLICT);
		ok += m[i].r == 0;
		if (i == MANY - 1)
			assert_int_equal(ok, MANY - MANY / 3);
	}
	assert_int_equal(first.r, 0);
	assert_int_equal(count(f), 1 + 1 + MANY - MANY / 3);
	assert_true(metric_get(M_db_commits_total) - commits <= 2);
	/* One for each statement; begin and commit of at most two transactions; the count just now. */
	assert_true(metric_get(M_db_round_trips_total) - trips <= MANY + 2 * 2 + 1);
}

/* ---- failures ---- */

static int swallow(struct db_conn *c, void *arg, struct err *e)
{
	(void)arg;
	(void)e;
	(void)!db_exec(c, NULL, NULL, "INSERT INTO parts (thing_id) VALUES (77)");
	return 0;
}

static int try_and_go_on(struct db_conn *c, void *arg, struct err *e)
{
	int r = db_exec(c, NULL, e, "SAVEPOINT one");

	assert_int_equal(r, 0);
	assert_int_equal(db_exec(c, NULL, NULL, "INSERT INTO parts (thing_id) VALUES (77)"), E_NOT_FOUND);
	r = db_exec(c, NULL, e, "ROLLBACK TO one");
	if (r == 0)
		r = db_exec(c, NULL, e, "RELEASE one");
	return r < 0 ? r : insert(c, arg, e);
}

static int read_only(struct db_conn *c, void *arg, struct err *e)
{
	return db_exec(
		c, NULL, e, arg ? "SET default_transaction_read_only = on" : "SET default_transaction_read_only = off");
}

/* Told until a write has come through: a batch that has nothing to commit is none. */
static void test_only_reads(void **state)
{
	struct fixture *f = *state;
	char name[] = "refused";

	assert_int_equal(db_write(f->db, read_only, name, &f->e), 0);
	assert_int_equal(db_write(f->db, insert, name, &f->e), E_BUSY);
	assert_non_null(strstr(f->e.msg, "only reads"));
	err_clear(&f->e);
	assert_int_equal(db_state(f->db, &f->e), E_STORAGE);
	assert_non_null(strstr(f->e.msg, "only reads"));
	assert_int_equal(db_write(f->db, read_only, NULL, &f->e), 0);
	assert_int_equal(db_write(f->db, insert, name, &f->e), 0);
	err_clear(&f->e);
	assert_int_equal(db_state(f->db, &f->e), 0);
}

static void test_failed_statement(void **state)
{
	struct fixture *f = *state;
	char name[] = "x";

	assert_int_equal(db_write(f->db, swallow, NULL, &f->e), E_INTERNAL);
	err_clear(&f->e);
	assert_int_equal(db_write(f->db, try_and_go_on, name, &f->e), 0);
	assert_int_equal(db_write(f->db, insert, name, &f->e), E_CONFLICT);
	err_clear(&f->e);
	assert_int_equal(count(f), 2);
}

static void end_connection(int64_t pid)
{
	char sql[80];

	snprintf(sql, sizeof(sql), "DO $$ BEGIN PERFORM pg_terminate_backend(%d, 5000); END $$", (int)pid);
	test_postgres_run(sql);
}

/* A reader's statement is run again on another connection. */
static void test_reader_lost(void **state)
{
	struct fixture *f = *state;
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(f->db);
	int64_t pid = number(f, c, "SELECT pg_backend_pid()");

	assert_int_equal(number(f, c, "SELECT count(*) FROM things"), 1);
	end_connection(pid);
	assert_int_equal(number(f, c, "SELECT count(*) FROM things"), 1);
	assert_true(number(f, c, "SELECT pg_backend_pid()") != pid);
}

/* However often, while the server is there: what a write has stored can be read. */
static void test_reader_lost_often(void **state)
{
	struct fixture *f = *state;
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(f->db);
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int64_t pid = number(f, c, "SELECT pg_backend_pid()");

	assert_int_equal(db_query(c, &rows, &f->e,
				 "SELECT CASE WHEN pg_backend_pid() < ? THEN "
				 "pg_terminate_backend(pg_backend_pid())::int ELSE 7 END",
				 DB_I64(pid + 24)),
		0);
	assert_int_equal(db_next(rows, &f->e), 1);
	assert_int_equal(db_i64(rows, 0), 7);
}

static int insert_and_lose(struct db_conn *c, void *arg, struct err *e)
{
	struct fixture *f = arg;
	char name[] = "lost";
	int r = insert(c, name, e);

	assert_int_equal(r, 0);
	end_connection(number(f, c, "SELECT pg_backend_pid()"));
	return insert(c, name, e);
}

/* The transaction is gone, which whoever must not lose anything is told: it is not settled. */
static void test_writer_lost(void **state)
{
	struct fixture *f = *state;
	char name[] = "after";
	int r = db_write(f->db, insert_and_lose, f, &f->e);

	assert_int_equal(r, E_BUSY);
	assert_false(db_is_settled(r));
	err_clear(&f->e);
	assert_int_equal(db_write(f->db, insert, name, &f->e), 0);
	assert_int_equal(count(f), 2);
}

/* ---- a commit whose end nobody hears of ---- */

struct unheard {
	struct db *db;
	struct fixture *f;
	int64_t pid; /* of the server's process for whoever writes */
	bool over;   /* atomic */
	int r;
	struct err e;
};

static int insert_nameless(struct db_conn *c, void *arg, struct err *e)
{
	struct unheard *x = arg;

	__atomic_store_n(&x->pid, number(x->f, c, "SELECT pg_backend_pid()"), __ATOMIC_RELEASE);
	return insert(c, NULL, e);
}

static void *write_unheard(void *arg)
{
	struct unheard *x = arg;

	x->r = db_write(x->db, insert_nameless, x, &x->e);
	__atomic_store_n(&x->over, true, __ATOMIC_RELEASE);
	return NULL;
}

/* Whether the commit waits for the standby; false: it has ended. */
static bool waits_for_standby(struct unheard *x)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(x->f->db);
	char sql[120];

	while (!__atomic_load_n(&x->over, __ATOMIC_ACQUIRE)) {
		snprintf(sql, sizeof(sql), "SELECT count(*) FROM pg_stat_get_activity(%d) WHERE wait_event = 'SyncRep'",
			(int)__atomic_load_n(&x->pid, __ATOMIC_ACQUIRE));
		if (number(x->f, c, sql) > 0)
			return true;
		sched_yield();
	}
	return false;
}

/*
 * With a standby that is never there, a commit waits behind its being carried out; the connection that ends then takes the answer
 * along. What is there must not be told as failed: whoever tried again would do it twice.
 */
static void test_commit_unheard(void **state)
{
	struct unheard x = {.f = *state};
	char path[TEST_DATABASE_MAX + 40];
	const struct db_config c = {.path = path, .readers = 1, .table = "things"};
	bool waits = false;
	int64_t n = 0;
	pthread_t thread;

	snprintf(path, sizeof(path), "%s%%20-csynchronous_commit%%3Don", x.f->path);
	assert_int_equal(db_open(&c, migrations, N_ELEMENTS(migrations), &x.db, &x.e), 0);
	test_postgres_run("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
	test_postgres_run("DO $$ BEGIN PERFORM pg_reload_conf(); END $$");
	/* Until the server has heard of it, too. */
	for (int64_t until = clock_mono_ms() + PATIENCE_MS; !waits && clock_mono_ms() < until; n++) {
		x.over = false;
		pthread_create(&thread, NULL, write_unheard, &x);
		waits = waits_for_standby(&x);
		if (waits)
			end_connection(x.pid);
		pthread_join(thread, NULL);
		if (x.r < 0)
			print_error("%s\n", x.e.msg);
		assert_int_equal(x.r, 0);
	}
	test_postgres_run("ALTER SYSTEM RESET synchronous_standby_names");
	test_postgres_run("DO $$ BEGIN PERFORM pg_reload_conf(); END $$");
	assert_true(waits);
	assert_int_equal(count(x.f), 1 + n);
	db_close(x.db);
}

/* ---- whose it is ---- */

static void test_again_and_others(void **state)
{
	struct fixture *f = *state;
	struct db *second = NULL;
	struct db_config c = {.path = f->path, .readers = 1, .table = "users"};

	/* Two on one database take turns at writing. */
	assert_int_equal(open_it(f, &second), 0);
	assert_int_equal(db_write(f->db, insert, (char[]){"a"}, &f->e), 0);
	assert_int_equal(db_write(second, insert, (char[]){"b"}, &f->e), 0);
	assert_int_equal(count(f), 3);
	db_close(second);
	assert_int_equal(db_open(&c, migrations, 1, &second, &f->e), E_INVALID);
	err_clear(&f->e);
	/* Neither the password nor the user stands in what people read. */
	c.path = "postgresql://someone:secret@127.0.0.1:1/name?connect_timeout=2";
	assert_true(db_open(&c, migrations, 1, &second, &f->e) < 0);
	assert_null(strstr(f->e.msg, "secret"));
	assert_non_null(strstr(f->e.msg, "127.0.0.1/name"));
	err_clear(&f->e);
	c.path = "postgresql://host/name?no_such_word=1";
	assert_int_equal(db_open(&c, migrations, 1, &second, &f->e), E_INVALID);
	err_clear(&f->e);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_types), TEST(test_schema), TEST(test_group), TEST(test_only_reads),
		TEST(test_failed_statement), TEST(test_reader_lost), TEST(test_reader_lost_often),
		TEST(test_writer_lost), TEST(test_commit_unheard), TEST(test_again_and_others)};

	return test_postgres() ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
}
