/* The queue of jobs in the database: who is next, who has one for how long, and how many of the old ones stay. */
#include "base/clock.h"
#include "store/jobs.h"
#include "store_test.h"

#define LEASE 60000

static atelier_id add(struct fixture *f, atelier_id user, const char *params)
{
	atelier_id id = 0;

	FINE(f, jobs_create(f->db,
			&(struct job_new){.user_id = user, .kind = "pull", .title = params, .params = params}, &id,
			&f->e));
	return id;
}

static struct job_row get(struct fixture *f, atelier_id id)
{
	struct job_row row = {0};

	FINE(f, jobs_get(f->c, 0, id, &f->a, &row, &f->e));
	return row;
}

/* The next one, or id 0. */
static struct job_row take_with(struct fixture *f, int64_t places, int64_t lease_ms)
{
	struct job_row row = {0};
	const struct job_take x = {.kind = "pull", .places = places, .lease_ms = lease_ms};

	assert_true(jobs_take(f->db, &x, &f->a, &row, &f->e) >= 0);
	return row;
}

static struct job_row take(struct fixture *f)
{
	return take_with(f, 100, LEASE);
}

static void end_with(struct fixture *f, const struct job_row *row, const char *state)
{
	FINE(f, jobs_finish(f->db, &(struct job_result){.id = row->id, .claim = row->claim, .state = state}, &f->e));
}

static void test_states(void **state)
{
	struct fixture *f = *state;
	struct job_row row, taken;
	atelier_id id = add(f, f->bob, "one"), other = 0;

	row = get(f, id);
	assert_string_equal(row.state, "queued");
	assert_string_equal(row.user, "bob");
	assert_null(row.progress);
	assert_int_equal(row.ended_at, 0);
	REFUSED(f, E_CONFLICT, jobs_create(f->db, &(struct job_new){f->ada, "pull", "again", "one"}, &other, &f->e));
	FINE(f, jobs_find_open(f->c, "pull", "one", &f->a, &row, &f->e));
	assert_int_equal(row.id, id);

	taken = take(f);
	assert_int_equal(taken.id, id);
	assert_int_equal(take(f).id, 0);
	row = get(f, id);
	assert_string_equal(row.state, "running");
	assert_int_equal(row.tries, 1);
	assert_int_equal(row.claim, taken.claim);
	FINE(f, jobs_finish(f->db,
			&(struct job_result){.id = id,
				.claim = taken.claim,
				.state = "failed",
				.progress = "{\"a\":1}",
				.error_code = "c",
				.error_text = "t"},
			&f->e));
	row = get(f, id);
	assert_string_equal(row.state, "failed");
	assert_string_equal(row.progress, "{\"a\":1}");
	assert_string_equal(row.error_text, "t");
	assert_true(row.ended_at > 0);
	REFUSED(f, E_NOT_FOUND, jobs_find_open(f->c, "pull", "one", &f->a, &row, &f->e));
	FINE(f, jobs_retry(f->db, f->bob, id, &f->e));
	row = get(f, id);
	assert_string_equal(row.state, "queued");
	assert_null(row.error_code);
	assert_int_equal(row.ended_at, 0);
	assert_int_equal(row.tries, 0);
	taken = take(f);
	end_with(f, &taken, "complete");
	REFUSED(f, E_CONFLICT, jobs_retry(f->db, 0, id, &f->e));
	/* What it did may be asked for anew; then the old one may not come back beside it. */
	other = add(f, f->ada, "two");
	taken = take(f);
	end_with(f, &taken, "canceled");
	add(f, f->ada, "two");
	REFUSED(f, E_CONFLICT, jobs_retry(f->db, 0, other, &f->e));
}

/* Whoever lost a job changes nothing of it any more. */
static void test_a_lease_that_ends(void **state)
{
	struct fixture *f = *state;
	atelier_id id = add(f, f->bob, "one");
	struct job_row first = take_with(f, 1, -1), second;
	struct job_beat beat = {.id = id, .claim = first.claim, .progress = "{\"late\":1}"};
	int64_t n = 0;

	assert_int_equal(first.id, id);
	assert_int_equal(take_with(f, 1, LEASE).id, 0);
	FINE(f, jobs_recover(f->db, false, &n, &f->e));
	assert_int_equal(n, 1);
	second = take_with(f, 1, LEASE);
	assert_int_equal(second.id, id);
	assert_int_not_equal(second.claim, first.claim);
	FINE(f, jobs_beat(f->db, &beat, 1, LEASE, &f->e));
	assert_true(beat.lost);
	end_with(f, &first, "complete");
	assert_string_equal(get(f, id).state, "running");
	assert_null(get(f, id).progress);
	/* One that is kept alive stays. */
	beat = (struct job_beat){.id = id, .claim = second.claim, .progress = "{\"a\":2}"};
	FINE(f, jobs_beat(f->db, &beat, 1, LEASE, &f->e));
	assert_false(beat.lost || beat.stop);
	FINE(f, jobs_recover(f->db, false, &n, &f->e));
	assert_int_equal(n, 0);
	assert_string_equal(get(f, id).progress, "{\"a\":2}");
	/* Somebody wants it to end: whoever has it learns that. */
	assert_int_equal(jobs_cancel(f->db, f->bob, id, &f->e), 0);
	FINE(f, jobs_beat(f->db, &beat, 1, LEASE, &f->e));
	assert_true(beat.stop);
	/* The only process there is knows that nobody has it. */
	FINE(f, jobs_recover(f->db, true, &n, &f->e));
	assert_int_equal(n, 1);
	/* What ends the program each time is not tried for ever. */
	for (int i = 0; i < JOBS_DEATHS; i++) {
		take_with(f, 1, -1);
		FINE(f, jobs_recover(f->db, false, NULL, &f->e));
	}
	assert_string_equal(get(f, id).state, "failed");
	assert_string_equal(get(f, id).error_code, "interrupted");
}

/* However many one person has waiting, another's is the next. */
static void test_people_take_turns(void **state)
{
	struct fixture *f = *state;
	struct job_row a, b, c;
	char params[16];

	for (int i = 0; i < 50; i++) {
		snprintf(params, sizeof(params), "ada %d", i);
		add(f, f->ada, params);
	}
	a = take_with(f, 2, LEASE);
	assert_int_equal(a.user_id, f->ada);
	assert_string_equal(a.params, "ada 0");
	add(f, f->bob, "bob 1");
	add(f, f->bob, "bob 2");
	b = take_with(f, 2, LEASE);
	assert_string_equal(b.params, "bob 1");
	assert_int_equal(take_with(f, 2, LEASE).id, 0); /* the lane is full */
	/* Both have none running: in turn. */
	end_with(f, &b, "complete");
	end_with(f, &a, "complete");
	a = take_with(f, 1, LEASE);
	assert_string_equal(a.params, "ada 1");
	end_with(f, &a, "complete");
	b = take_with(f, 1, LEASE);
	assert_string_equal(b.params, "bob 2");
	end_with(f, &b, "complete");
	c = take_with(f, 1, LEASE);
	assert_string_equal(c.params, "ada 2");
}

static void test_later(void **state)
{
	struct fixture *f = *state;
	int64_t due = 0, before = clock_now_ms() - 1, soon = before + LEASE;
	atelier_id id = add(f, f->bob, "one");

	/* It became due while others were taken: who forgets it leaves it in the queue. */
	FINE(f, jobs_next_due(f->c, before, &due, &f->e));
	assert_true(due > before && due <= clock_now_ms());
	struct job_row row = take(f);

	FINE(f, jobs_next_due(f->c, clock_now_ms(), &due, &f->e));
	assert_true(due == INT64_MAX);
	FINE(f, jobs_finish(f->db,
			&(struct job_result){.id = id,
				.claim = row.claim,
				.state = "queued",
				.error_code = "c",
				.error_text = "t",
				.due_at = soon},
			&f->e));
	assert_int_equal(take(f).id, 0);
	FINE(f, jobs_next_due(f->c, clock_now_ms(), &due, &f->e));
	assert_int_equal(due, soon);
	row = get(f, id);
	assert_string_equal(row.error_code, "c");
	assert_int_equal(row.ended_at, 0);
	/* Somebody does not want to wait. */
	FINE(f, jobs_retry(f->db, f->bob, id, &f->e));
	assert_int_equal(take(f).id, id);
	assert_int_equal(jobs_cancel(f->db, f->bob, id, &f->e), 0);
	id = add(f, f->bob, "two");
	assert_int_equal(jobs_cancel(f->db, f->bob, id, &f->e), 1);
	assert_int_equal(jobs_cancel(f->db, f->bob, id, &f->e), 0);
	assert_int_equal(take(f).id, 0);
}

static struct job_rows list(struct fixture *f, struct job_filter filter)
{
	struct job_rows rows = {0};

	FINE(f, jobs_list(f->c, &filter, &f->a, &rows, &f->e));
	return rows;
}

static void test_lists(void **state)
{
	struct fixture *f = *state;
	struct job_row row;
	struct job_rows rows;
	atelier_id id = add(f, f->bob, "one"), two = add(f, f->ada, "two"), three = add(f, f->bob, "three");

	REFUSED(f, E_NOT_FOUND, jobs_get(f->c, f->ada, id, &f->a, &row, &f->e));
	REFUSED(f, E_NOT_FOUND, jobs_cancel(f->db, f->ada, id, &f->e));
	REFUSED(f, E_NOT_FOUND, jobs_retry(f->db, f->ada, id, &f->e));
	FINE(f, jobs_get(f->c, f->bob, id, &f->a, &row, &f->e));
	rows = list(f, (struct job_filter){.user_id = f->bob, .limit = 10});
	assert_int_equal(rows.n, 2);
	assert_false(rows.more);
	rows = list(f, (struct job_filter){.limit = 2});
	assert_int_equal(rows.n, 2);
	assert_true(rows.more);
	assert_int_equal(rows.items[0].id, three);
	rows = list(f, (struct job_filter){.limit = 2, .before = two});
	assert_int_equal(rows.n, 1);
	assert_int_equal(rows.items[0].id, id);
	assert_int_equal(jobs_cancel(f->db, 0, two, &f->e), 1);
	assert_int_equal(list(f, (struct job_filter){.state = "canceled", .limit = 9}).n, 1);
	assert_int_equal(list(f, (struct job_filter){.state = "open", .limit = 9}).n, 2);
	assert_int_equal(list(f, (struct job_filter){.kind = "pull", .limit = 9}).n, 3);
	assert_int_equal(list(f, (struct job_filter){.kind = "push", .limit = 9}).n, 0);
}

static int ask_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct job_new in = {.kind = "pull", .title = "one", .params = "one"};
	struct job_new mine = in;
	atelier_id *user = arg, id = 0;

	mine.user_id = *user;
	int r = jobs_ask_in(c, &mine, &id, e);
	*user = id;
	return r;
}

static atelier_id ask(struct fixture *f)
{
	atelier_id x = f->bob;

	FINE(f, db_write(f->db, ask_in, &x, &f->e));
	return x;
}

/* What is asked for while a job does the same is not lost: it may have read what is older. */
static void test_asked_while_it_runs(void **state)
{
	struct fixture *f = *state;
	atelier_id id = ask(f);
	struct job_row taken, row;

	assert_int_equal(ask(f), id); /* it waits: it will see what is so now */
	taken = take(f);
	end_with(f, &taken, "complete");
	assert_string_equal(get(f, id).state, "complete");

	id = ask(f);
	taken = take(f);
	assert_int_equal(ask(f), id);
	const struct job_result failed = {
		.id = id, .claim = taken.claim, .state = "failed", .error_code = "c", .error_text = "t"};
	assert_int_equal(jobs_finish(f->db, &failed, &f->e), 1);
	row = get(f, id);
	assert_string_equal(row.state, "queued");
	assert_null(row.error_code);
	assert_int_equal(row.tries, 0);
	assert_int_equal(row.ended_at, 0);
	taken = take(f);
	assert_int_equal(taken.id, id);
	end_with(f, &taken, "complete"); /* once more, not for ever */
	assert_string_equal(get(f, id).state, "complete");

	id = ask(f);
	taken = take(f);
	assert_int_equal(ask(f), id);
	assert_int_equal(jobs_cancel(f->db, f->bob, id, &f->e), 0); /* nobody wants it any more */
	end_with(f, &taken, "canceled");
	assert_string_equal(get(f, id).state, "canceled");
}

static int many_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct fixture *f = arg;

	return db_exec(c, NULL, e,
		"INSERT INTO jobs (id, kind, state, user_id, title, params, created_at, updated_at, ended_at)"
		" WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
		" SELECT i, 'pull', 'complete', ?, 'ended', 'x', 1, 1, 1 FROM n",
		DB_I64(JOBS_KEPT + 5), DB_I64(f->bob));
}

static void test_old_ones_go(void **state)
{
	struct fixture *f = *state;
	atelier_id first = add(f, f->bob, "open"), hers = add(f, f->ada, "hers");

	assert_int_equal(jobs_cancel(f->db, 0, hers, &f->e), 1);
	FINE(f, db_write(f->db, many_in, f, &f->e));
	FINE(f, jobs_trim(f->db, &f->e));
	assert_int_equal(number(f, "SELECT count(*) FROM jobs WHERE title = 'ended'"), JOBS_KEPT);
	assert_int_equal(number(f, "SELECT min(id) FROM jobs"), 6);
	assert_string_equal(get(f, first).state, "queued");
	assert_string_equal(get(f, hers).state, "canceled");
}

/* Two servers that were last seen long ago and a little less so; a job waits for the former. */
static int servers_in(struct db_conn *c, void *arg UNUSED, struct err *e)
{
	const int64_t long_ago = clock_now_ms() - JOBS_NODES_KEPT_MS;
	int r = db_exec(c, NULL, e, "UPDATE jobs SET node = 1 WHERE id > ?", DB_I64(0));

	return r < 0 ? r
		     : db_exec(c, NULL, e, "INSERT INTO nodes (id, seen_at) VALUES (1, ?), (2, ?)",
			       DB_I64(long_ago - 1000), DB_I64(long_ago + 60000));
}

/* Servers that never come back are forgotten; what waits for one can be canceled still. */
static void test_lost_servers_go(void **state)
{
	struct fixture *f = *state;
	atelier_id id = add(f, f->bob, "waits");

	FINE(f, db_write(f->db, servers_in, NULL, &f->e));
	FINE(f, jobs_trim(f->db, &f->e));
	assert_int_equal(number(f, "SELECT count(*) FROM nodes"), 1);
	assert_int_equal(number(f, "SELECT max(id) FROM nodes"), 2);
	assert_string_equal(get(f, id).state, "queued");
	assert_int_equal(get(f, id).node, 1);
	assert_int_equal(get(f, id).seen_at, 0);
	assert_int_equal(jobs_cancel(f->db, f->bob, id, &f->e), 1);
}

static void test_dismissed(void **state)
{
	struct fixture *f = *state;
	atelier_id id = add(f, f->bob, "one");

	REFUSED(f, E_CONFLICT, jobs_delete(f->db, f->bob, id, &f->e));
	assert_int_equal(jobs_cancel(f->db, 0, id, &f->e), 1);
	REFUSED(f, E_NOT_FOUND, jobs_delete(f->db, f->ada, id, &f->e));
	FINE(f, jobs_delete(f->db, f->bob, id, &f->e));
	REFUSED(f, E_NOT_FOUND, jobs_delete(f->db, 0, id, &f->e));
}

static void test_kinds_nobody_knows(void **state)
{
	struct fixture *f = *state;
	const char **kinds;
	size_t n;
	atelier_id id = add(f, f->bob, "one");

	FINE(f, jobs_kinds(f->c, &f->a, &kinds, &n, &f->e));
	assert_int_equal(n, 1);
	assert_string_equal(kinds[0], "pull");
	FINE(f, jobs_fail_kind(f->db, "pull", "No.", &f->e));
	assert_string_equal(get(f, id).state, "failed");
	assert_string_equal(get(f, id).error_text, "No.");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_states),
		TEST(test_a_lease_that_ends),
		TEST(test_people_take_turns),
		TEST(test_later),
		TEST(test_lists),
		TEST(test_asked_while_it_runs),
		TEST(test_old_ones_go),
		TEST(test_lost_servers_go),
		TEST(test_dismissed),
		TEST(test_kinds_nobody_knows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
