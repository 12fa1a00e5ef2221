/* Jobs in the database: their states, and how many of the old ones stay. */
#include "store/jobs.h"
#include "store_test.h"

static atelier_id add(struct fixture *f, atelier_id user, const char *title)
{
	atelier_id id = 0;

	FINE(f, jobs_create(f->db, &(struct job_new){.user_id = user, .kind = "pull", .title = title, .params = "{}"},
			&id, &f->e));
	return id;
}

static struct job_row get(struct fixture *f, atelier_id id)
{
	struct job_row row = {0};

	FINE(f, jobs_get(f->c, 0, id, &f->a, &row, &f->e));
	return row;
}

static void test_states(void **state)
{
	struct fixture *f = *state;
	struct job_row row;
	struct job_rows rows;
	atelier_id id = add(f, f->bob, "one"), second = add(f, f->ada, "two");

	row = get(f, id);
	assert_string_equal(row.state, "queued");
	assert_null(row.progress);
	assert_int_equal(row.ended_at, 0);
	FINE(f, jobs_set_state(f->db, id, &(struct job_change){.state = "running"}, &f->e));
	FINE(f, jobs_set_progress(f->db, id, "{\"a\":1}", &f->e));
	FINE(f, jobs_list_open(f->c, &f->a, &rows, &f->e));
	assert_int_equal(rows.n, 2);
	assert_int_equal(rows.items[0].id, id);
	assert_string_equal(rows.items[0].progress, "{\"a\":1}");

	FINE(f, jobs_set_state(f->db, id,
			&(struct job_change){.state = "failed", .error_code = "c", .error_text = "t", .ended = true},
			&f->e));
	/* Late progress does not touch what has ended. */
	FINE(f, jobs_set_progress(f->db, id, "{\"a\":2}", &f->e));
	row = get(f, id);
	assert_string_equal(row.state, "failed");
	assert_string_equal(row.progress, "{\"a\":1}");
	assert_string_equal(row.error_text, "t");
	assert_true(row.ended_at > 0);
	FINE(f, jobs_list_open(f->c, &f->a, &rows, &f->e));
	assert_int_equal(rows.n, 1);
	assert_int_equal(rows.items[0].id, second);
	FINE(f, jobs_set_state(f->db, id, &(struct job_change){.state = "queued"}, &f->e));
	row = get(f, id);
	assert_null(row.error_code);
	assert_int_equal(row.ended_at, 0);
	FINE(f, jobs_set_state(f->db, 12345, &(struct job_change){.state = "queued"}, &f->e));
}

static void test_theirs_alone(void **state)
{
	struct fixture *f = *state;
	struct job_row row;
	struct job_rows rows;
	atelier_id id = add(f, f->bob, "one");

	add(f, f->ada, "two");
	REFUSED(f, E_NOT_FOUND, jobs_get(f->c, f->ada, id, &f->a, &row, &f->e));
	FINE(f, jobs_get(f->c, f->bob, id, &f->a, &row, &f->e));
	FINE(f, jobs_list(f->c, f->bob, 10, &f->a, &rows, &f->e));
	assert_int_equal(rows.n, 1);
	FINE(f, jobs_list(f->c, 0, 10, &f->a, &rows, &f->e));
	assert_int_equal(rows.n, 2);
	assert_string_equal(rows.items[0].title, "two");
	FINE(f, jobs_list(f->c, 0, 1, &f->a, &rows, &f->e));
	assert_int_equal(rows.n, 1);
}

static void test_old_ones_go(void **state)
{
	struct fixture *f = *state;
	atelier_id first = add(f, f->bob, "open");

	for (int i = 0; i < JOBS_KEPT + 5; i++) {
		atelier_id id = add(f, f->bob, "ended");

		FINE(f, jobs_set_state(f->db, id, &(struct job_change){.state = "complete", .ended = true}, &f->e));
	}
	add(f, f->bob, "last");
	assert_int_equal(number(f, "SELECT count(*) FROM jobs WHERE state = 'complete'"), JOBS_KEPT);
	assert_string_equal(get(f, first).state, "queued");
}

static void test_dismissed(void **state)
{
	struct fixture *f = *state;
	atelier_id id = add(f, f->bob, "one");

	REFUSED(f, E_CONFLICT, jobs_delete(f->db, f->bob, id, &f->e));
	FINE(f, jobs_set_state(f->db, id, &(struct job_change){.state = "failed", .ended = true}, &f->e));
	REFUSED(f, E_NOT_FOUND, jobs_delete(f->db, f->ada, id, &f->e));
	FINE(f, jobs_delete(f->db, f->bob, id, &f->e));
	REFUSED(f, E_NOT_FOUND, jobs_delete(f->db, 0, id, &f->e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_states),
		TEST(test_theirs_alone),
		TEST(test_old_ones_go),
		TEST(test_dismissed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
