/* test_metrics.c - counting from many threads, and the text exposition. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "sys/metrics.h"

static void *add_many(void *arg)
{
	(void)arg;
	for (int i = 0; i < 10000; i++) {
		metric_add(M_events_total, 2);
		metric_observe(M_turn_first_token_ms, i % 7);
	}
	return NULL;
}

static void test_threads(void **state)
{
	pthread_t t[4];

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(t); i++)
		assert_int_equal(pthread_create(&t[i], NULL, add_many, NULL), 0);
	for (size_t i = 0; i < N_ELEMENTS(t); i++)
		pthread_join(t[i], NULL);
	assert_int_equal(metric_get(M_events_total), 80000);
	assert_int_equal(metric_get(M_turn_first_token_ms), 40000);
}

static void expect(const struct buf *b, const char *line)
{
	if (!strstr(b->p, line))
		fail_msg("missing: %s", line);
}

static void test_write(void **state)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(100000);
	const struct metric_info *all;
	size_t n;

	(void)state;
	metric_set(M_turns_running, 7);
	metric_add(M_turns_running, -2);
	metric_observe(M_http_request_duration_ms, -3);
	metric_observe(M_http_request_duration_ms, 1);
	metric_observe(M_http_request_duration_ms, 2);
	metric_observe(M_http_request_duration_ms, 300001);
	metrics_write(&b);
	assert_int_equal(buf_status(&b), 0);
	expect(&b, "# HELP atelier_turns_running turns being answered now\n# TYPE atelier_turns_running gauge\n"
		   "atelier_turns_running 5\n");
	expect(&b, "# TYPE atelier_http_request_duration_ms histogram\n");
	expect(&b, "atelier_http_request_duration_ms_bucket{le=\"1\"} 2\n");
	expect(&b, "atelier_http_request_duration_ms_bucket{le=\"2\"} 3\n");
	expect(&b, "atelier_http_request_duration_ms_bucket{le=\"300000\"} 3\n");
	expect(&b, "atelier_http_request_duration_ms_bucket{le=\"+Inf\"} 4\n");
	expect(&b, "atelier_http_request_duration_ms_sum 300004\natelier_http_request_duration_ms_count 4\n");
	all = metrics_table(&n);
	assert_int_equal(n, METRIC_COUNT);
	for (size_t i = 0; i < n; i++)
		expect(&b, all[i].name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
