/* Rows of usage, their sums by day, pages of calls. */
#include "store/usage.h"
#include "store_test.h"

#define DAY1 (INT64_C(20000) * DAY_MS) /* 2024-10-04 */

static struct usage_row row(struct fixture *f, int64_t at, const char *model, const char *outcome)
{
	return (struct usage_row){.id = id_new(),
		.at = at,
		.user_id = f->ada,
		.purpose = "chat",
		.provider = "main",
		.model = model,
		.asked = "",
		.outcome = outcome,
		.tokens_in = 10,
		.tokens_out = 5,
		.tokens_cached = 4,
		.tokens_reasoning = 2,
		.tokens_exact = true,
		.first_token_ms = 100,
		.duration_ms = 600,
		.queued_ms = 1,
		.tries = 1,
		.cost_micros = 30};
}

static void add(struct fixture *f, struct usage_row u)
{
	FINE(f, usage_add(f->db, &u, 1, NULL, NULL, &f->e));
}

static struct usage_sums sums(struct fixture *f, enum usage_by by, int64_t from, int64_t to, atelier_id user)
{
	struct usage_filter filter = {.from_day = from, .to_day = to, .user_id = user};
	struct usage_sums s;

	FINE(f, usage_sums(f->c, by, &filter, &f->a, &s, &f->e));
	return s;
}

static void test_days(void **state)
{
	struct fixture *f = *state;
	struct usage_row failed = row(f, DAY1 + 2, "small", OUTCOME_FAILED);
	struct usage_sums s;

	failed.first_token_ms = -1;
	failed.tokens_out = 0;
	failed.cost_micros = 0;
	add(f, row(f, DAY1, "small", OUTCOME_COMPLETE));
	add(f, row(f, DAY1 + DAY_MS - 1, "small", OUTCOME_CANCELED));
	add(f, failed);
	add(f, row(f, DAY1 + DAY_MS, "large", OUTCOME_COMPLETE));
	add(f, row(f, DAY1 + DAY_MS, "large", OUTCOME_REFUSED));
	s = sums(f, USAGE_BY_DAY, 20000, 20001, 0);
	assert_int_equal(s.n, 2);
	assert_string_equal(s.items[0].key, "2024-10-04");
	assert_int_equal(s.items[0].requests, 3);
	assert_int_equal(s.items[0].failed, 1);
	assert_int_equal(s.items[0].tokens_in, 30);
	assert_int_equal(s.items[0].tokens_out, 10);
	assert_int_equal(s.items[0].first_tokens, 2);
	assert_int_equal(s.items[0].first_token_ms, 200);
	assert_int_equal(s.items[0].duration_ms, 1200);
	assert_int_equal(s.items[0].cost_micros, 60);
	assert_string_equal(s.items[1].key, "2024-10-05");
	assert_int_equal(s.items[1].requests, 1);
	assert_null(s.total.key);
	assert_int_equal(s.total.requests, 4);
	assert_int_equal(s.total.cost_micros, 90);
	assert_int_equal(sums(f, USAGE_BY_DAY, 20001, 30000, 0).n, 1);
	assert_int_equal(sums(f, USAGE_BY_DAY, 20002, 30000, 0).n, 0);
	assert_int_equal(sums(f, USAGE_BY_DAY, 0, 30000, f->bob).n, 0);
	assert_int_equal(number(f, "SELECT count(*) FROM usage"), 5);
}

static void test_by(void **state)
{
	struct fixture *f = *state;
	struct usage_row dear = row(f, DAY1, "large", OUTCOME_COMPLETE), gone = row(f, DAY1, "small", OUTCOME_COMPLETE);
	struct usage_sums s;

	dear.user_id = f->bob;
	dear.provider = "other";
	dear.cost_micros = 1000;
	gone.user_id = 12345;
	gone.key_id = 678;
	add(f, row(f, DAY1, "small", OUTCOME_COMPLETE));
	add(f, dear);
	add(f, gone);
	s = sums(f, USAGE_BY_MODEL, 0, 30000, 0);
	assert_int_equal(s.n, 2);
	assert_string_equal(s.items[0].key, "large");
	assert_string_equal(s.items[1].key, "small");
	assert_int_equal(s.items[1].requests, 2);
	assert_string_equal(sums(f, USAGE_BY_PROVIDER, 0, 30000, 0).items[0].key, "other");
	s = sums(f, USAGE_BY_USER, 0, 30000, 0);
	assert_int_equal(s.n, 3);
	assert_string_equal(s.items[0].key, "bob");
	assert_string_equal(s.items[1].key, "(deleted)");
	assert_string_equal(s.items[2].key, "ada");
	s = sums(f, USAGE_BY_KEY, 0, 30000, 0);
	assert_int_equal(s.n, 2);
	assert_string_equal(s.items[0].key, "");
	assert_string_equal(s.items[1].key, "(deleted)");
	assert_int_equal(sums(f, USAGE_BY_USER, 0, 30000, f->ada).n, 1);
}

static void assert_point(const struct usage_point *p, const char *day, const char *key, int64_t requests)
{
	assert_string_equal(p->day, day);
	assert_string_equal(p->sum.key, key);
	assert_int_equal(p->sum.requests, requests);
}

static void test_series(void **state)
{
	struct fixture *f = *state;
	struct usage_filter filter = {.from_day = 20000, .to_day = 20001};
	struct usage_row dear = row(f, DAY1, "large", OUTCOME_COMPLETE);
	struct usage_series s;

	dear.cost_micros = 1000;
	add(f, row(f, DAY1, "small", OUTCOME_COMPLETE));
	add(f, row(f, DAY1 + 1, "small", OUTCOME_FAILED));
	add(f, dear);
	add(f, row(f, DAY1 + DAY_MS, "small", OUTCOME_COMPLETE));
	add(f, row(f, DAY1 + 2 * DAY_MS, "small", OUTCOME_COMPLETE));
	FINE(f, usage_series(f->c, USAGE_BY_MODEL, &filter, &f->a, &s, &f->e));
	assert_int_equal(s.n, 3);
	assert_point(&s.items[0], "2024-10-04", "large", 1);
	assert_point(&s.items[1], "2024-10-04", "small", 2);
	assert_int_equal(s.items[1].sum.failed, 1);
	assert_int_equal(s.items[1].sum.tokens_in, 20);
	assert_point(&s.items[2], "2024-10-05", "small", 1);
	FINE(f, usage_series(f->c, USAGE_BY_USER, &filter, &f->a, &s, &f->e));
	assert_int_equal(s.n, 2);
	assert_point(&s.items[0], "2024-10-04", "ada", 3);
}

/* Hours are told by the single calls alone, by any clock. */
static void test_hours(void **state)
{
	struct fixture *f = *state;
	struct usage_filter filter = {.from_day = 20000, .to_day = 20000, .hours = true};
	struct usage_series s;

	add(f, row(f, DAY1 - 1, "small", OUTCOME_COMPLETE));
	add(f, row(f, DAY1, "small", OUTCOME_COMPLETE));
	add(f, row(f, DAY1 + HOUR_MS - 1, "small", OUTCOME_COMPLETE));
	add(f, row(f, DAY1 + HOUR_MS, "large", OUTCOME_COMPLETE));
	add(f, row(f, DAY1 + DAY_MS - 1, "small", OUTCOME_COMPLETE));
	add(f, row(f, DAY1 + DAY_MS, "small", OUTCOME_COMPLETE));
	FINE(f, usage_series(f->c, USAGE_BY_MODEL, &filter, &f->a, &s, &f->e));
	assert_int_equal(s.n, 3);
	assert_point(&s.items[0], "2024-10-04T00", "small", 2);
	assert_point(&s.items[1], "2024-10-04T01", "large", 1);
	assert_point(&s.items[2], "2024-10-04T23", "small", 1);
	/* Half an hour ahead: the day before has ended half an hour earlier. */
	filter.offset_ms = HOUR_MS / 2;
	FINE(f, usage_series(f->c, USAGE_BY_MODEL, &filter, &f->a, &s, &f->e));
	assert_int_equal(s.n, 3);
	assert_point(&s.items[0], "2024-10-04T00", "small", 2);
	assert_point(&s.items[1], "2024-10-04T01", "large", 1);
	assert_point(&s.items[2], "2024-10-04T01", "small", 1);
	/* Of what is older than the single calls no hour is known. */
	filter.calls_from_day = 20001;
	FINE(f, usage_series(f->c, USAGE_BY_MODEL, &filter, &f->a, &s, &f->e));
	assert_int_equal(s.n, 0);
}

/* By another clock single calls are told by its days, exactly, and what is older than they are by days UTC. */
static void test_clocks(void **state)
{
	static const struct {
		int64_t minutes;
		int64_t calls[3]; /* of the day before, that day, the day after */
	} cases[] = {{0, {1, 3, 1}}, {-60, {2, 2, 1}}, {60, {1, 2, 2}}, {330, {1, 2, 2}}, {840, {0, 2, 2}},
		{-840, {2, 2, 0}}, {1, {1, 2, 2}}};
	struct fixture *f = *state;
	struct usage_row refused = row(f, DAY1, "small", OUTCOME_REFUSED);
	struct usage_row failed = row(f, DAY1 + DAY_MS / 2, "small", OUTCOME_FAILED);

	failed.first_token_ms = -1;
	add(f, row(f, DAY1 - DAY_MS / 2, "small", OUTCOME_COMPLETE));
	add(f, row(f, DAY1, "small", OUTCOME_COMPLETE));
	add(f, failed);
	add(f, row(f, DAY1 + DAY_MS - 1, "small", OUTCOME_COMPLETE));
	add(f, row(f, DAY1 + DAY_MS + DAY_MS / 2, "small", OUTCOME_COMPLETE));
	add(f, refused);
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		int64_t offset = cases[i].minutes * 60000;

		for (int day = 0; day < 3; day++) {
			struct usage_filter of = {.from_day = 19999 + day, .to_day = 19999 + day, .offset_ms = offset};
			struct usage_sums s;

			FINE(f, usage_sums(f->c, USAGE_BY_MODEL, &of, &f->a, &s, &f->e));
			assert_int_equal(s.total.requests, cases[i].calls[day]);
			assert_int_equal(s.total.tokens_in, 10 * cases[i].calls[day]);
		}
		struct usage_filter all = {.from_day = 19998, .to_day = 20003, .offset_ms = offset};
		struct usage_sums s;

		FINE(f, usage_sums(f->c, USAGE_BY_DAY, &all, &f->a, &s, &f->e));
		assert_int_equal(s.total.requests, 5);
		assert_int_equal(s.total.failed, 1);
		assert_int_equal(s.total.first_tokens, 4);
		assert_int_equal(s.total.duration_ms, 2400);
	}
	for (int64_t kept = 19998; kept <= 20003; kept++) {
		struct usage_filter all = {
			.from_day = 19998, .to_day = 20003, .offset_ms = 3600000, .calls_from_day = kept};
		struct usage_sums s;

		FINE(f, usage_sums(f->c, USAGE_BY_DAY, &all, &f->a, &s, &f->e));
		assert_int_equal(s.total.requests, 5);
	}
}

/* A batch whose commit was reported as failed but is there after all does not count twice. */
static void test_again(void **state)
{
	struct fixture *f = *state;
	struct usage_row rows[2] = {row(f, DAY1, "small", OUTCOME_COMPLETE), row(f, DAY1, "small", OUTCOME_COMPLETE)};

	FINE(f, usage_add(f->db, rows, 1, NULL, NULL, &f->e));
	FINE(f, usage_add(f->db, rows, 2, NULL, NULL, &f->e));
	FINE(f, usage_add(f->db, rows, 0, NULL, NULL, &f->e));
	assert_int_equal(number(f, "SELECT count(*) FROM usage"), 2);
	assert_int_equal(number(f, "SELECT requests FROM usage_days"), 2);
}

static void test_calls(void **state)
{
	struct fixture *f = *state;
	struct usage_call_list l;
	struct usage_row u;

	for (int i = 0; i < 5; i++) {
		u = row(f, DAY1 + i, "small", OUTCOME_FAILED);
		u.error_code = "provider_timeout";
		u.asked = "nick";
		u.conversation_id = 9;
		u.id = 100 + i;
		u.user_id = i == 2 ? f->bob : f->ada;
		add(f, u);
	}
	FINE(f, usage_calls(f->c, 0, 0, 3, &f->a, &l, &f->e));
	assert_int_equal(l.n, 3);
	assert_true(l.more);
	assert_int_equal(l.items[0].row.id, 104);
	assert_string_equal(l.items[0].username, "ada");
	assert_null(l.items[0].key_name);
	assert_string_equal(l.items[0].row.error_code, "provider_timeout");
	assert_string_equal(l.items[0].row.asked, "nick");
	assert_int_equal(l.items[0].row.conversation_id, 9);
	assert_true(l.items[0].row.tokens_exact);
	assert_string_equal(l.items[2].username, "bob");
	FINE(f, usage_calls(f->c, 0, 102, 3, &f->a, &l, &f->e));
	assert_int_equal(l.n, 2);
	assert_false(l.more);
	FINE(f, usage_calls(f->c, f->bob, 0, 3, &f->a, &l, &f->e));
	assert_int_equal(l.n, 1);
	assert_int_equal(l.items[0].row.id, 102);
}

struct counted {
	int64_t n, tokens, cost;
	bool renamed;
};

static void count(void *arg, const struct usage_count *u)
{
	struct counted *x = arg;

	x->n += u->requests;
	x->tokens += u->tokens;
	x->cost += u->cost_micros;
	x->renamed = x->renamed || strcmp(u->asked, "nick") == 0;
	assert_string_equal(u->provider, "main");
	assert_true(u->user_id == 0 || u->day >= 20000);
}

static void test_counting(void **state)
{
	struct fixture *f = *state;
	struct usage_row nick = row(f, DAY1 + 5, "small", OUTCOME_COMPLETE);
	struct counted x = {0};

	nick.asked = "nick";
	add(f, row(f, DAY1, "small", OUTCOME_COMPLETE));
	add(f, row(f, DAY1 + 6, "small", OUTCOME_REFUSED));
	add(f, nick);
	FINE(f, usage_count_days(f->c, 20000, count, &x, &f->e));
	assert_true(x.n == 2 && x.tokens == 30 && x.cost == 60 && !x.renamed);
	x = (struct counted){0};
	FINE(f, usage_count_days(f->c, 20001, count, &x, &f->e));
	assert_int_equal(x.n, 0);
	FINE(f, usage_count_calls(f->c, DAY1 + 1, false, count, &x, &f->e));
	assert_true(x.n == 1 && x.tokens == 15 && x.renamed);
	x = (struct counted){0};
	FINE(f, usage_count_calls(f->c, DAY1, true, count, &x, &f->e));
	assert_true(x.n == 1 && x.renamed);
}

static void test_old_records_go(void **state)
{
	struct fixture *f = *state;
	struct usage_row rows[3];
	int64_t n, days;

	for (int i = 0; i < 3; i++)
		rows[i] = (struct usage_row){.id = id_new(),
			.at = 1000 + i * INT64_C(86400000),
			.user_id = f->ada,
			.purpose = "chat",
			.provider = "p",
			.model = "m",
			.asked = "",
			.outcome = OUTCOME_COMPLETE,
			.first_token_ms = -1};
	FINE(f, usage_add(f->db, rows, 3, NULL, NULL, &f->e));
	days = number(f, "SELECT count(*) FROM usage_days");
	FINE(f, usage_delete_before(f->db, 86400000, 100, &n, &f->e));
	assert_int_equal(n, 1);
	FINE(f, usage_delete_before(f->db, INT64_MAX, 1, &n, &f->e));
	assert_int_equal(n, 1);
	assert_int_equal(number(f, "SELECT count(*) FROM usage"), 1);
	assert_int_equal(number(f, "SELECT count(*) FROM usage_days"), days);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_days),
		TEST(test_by),
		TEST(test_series),
		TEST(test_hours),
		TEST(test_clocks),
		TEST(test_again),
		TEST(test_calls),
		TEST(test_old_records_go),
		TEST(test_counting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
