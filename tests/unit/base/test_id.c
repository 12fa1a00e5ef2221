/* test_id.c - order, uniqueness across threads, and the one canonical text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "base/id.h"

#define PER_THREAD 5000
#define THREADS    4

static void test_rising(void **state)
{
	atelier_id last = 0;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		atelier_id id = id_new();

		assert_true(id > last);
		last = id;
	}
}

static void *make_ids(void *arg)
{
	atelier_id *ids = arg;

	for (int i = 0; i < PER_THREAD; i++)
		ids[i] = id_new();
	return NULL;
}

static int compare(const void *a, const void *b)
{
	atelier_id x = *(const atelier_id *)a, y = *(const atelier_id *)b;

	return (x > y) - (x < y);
}

static void test_unique(void **state)
{
	static atelier_id ids[THREADS * PER_THREAD];
	pthread_t threads[THREADS];

	(void)state;
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, make_ids, ids + i * PER_THREAD), 0);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	qsort(ids, N_ELEMENTS(ids), sizeof(ids[0]), compare);
	for (size_t i = 1; i < N_ELEMENTS(ids); i++)
		assert_true(ids[i] > ids[i - 1]);
}

static void test_text(void **state)
{
	static const char *const bad[] = {"", "0000000000000", "000000000000", "00000000000001", "8000000000000",
		"000000000000I", "000000000000i", "000000000000l", "000000000000o", "000000000000u", "000000000000A",
		"00000000000 1", "zzzzzzzzzzzzz"};
	char text[ID_LEN + 1];
	atelier_id id = 5;

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(bad); i++)
		assert_false(id_parse(bad[i], strlen(bad[i]), &id));
	assert_false(id_parse("00000000000\0001", ID_LEN, &id));
	assert_int_equal(id, 5);
	id_format(1, text);
	assert_string_equal(text, "0000000000001");
	id_format(INT64_MAX, text);
	assert_string_equal(text, "7zzzzzzzzzzzz");
	assert_true(id_parse(text, ID_LEN, &id));
	assert_true(id == INT64_MAX);
	for (int i = 0; i < 1000; i++) {
		atelier_id made = id_new();

		id_format(made, text);
		assert_true(id_parse(text, ID_LEN, &id));
		assert_true(id == made);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rising),
		cmocka_unit_test(test_unique),
		cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
