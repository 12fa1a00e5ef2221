/* test_pool.c - growth to the maximum, the full queue, idle threads that leave, and the stop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "sys/pool.h"

struct job {
	struct pool_task task;
	sem_t *begun, *go;
	pthread_t ran_on;
	int done;
};

static void run(void *arg)
{
	struct job *j = arg;

	j->ran_on = pthread_self();
	if (j->begun)
		sem_post(j->begun);
	if (j->go)
		sem_wait(j->go);
	__atomic_store_n(&j->done, 1, __ATOMIC_RELEASE);
}

static struct pool *make(unsigned keep, unsigned max, unsigned queue, unsigned idle_ms)
{
	struct pool_config c = {.name = "a name that is too long", .keep = keep, .max = max, .max_queue = queue};
	struct pool *p = NULL;

	c.idle_ms = idle_ms;
	c.stack_bytes = 128 * 1024;
	assert_int_equal(pool_new(&c, &p), 0);
	return p;
}

static void test_growth(void **state)
{
	struct pool *p = make(1, 3, 2, 0);
	struct job jobs[6] = {0};
	sem_t begun, go;

	(void)state;
	sem_init(&begun, 0, 0);
	sem_init(&go, 0, 0);
	for (size_t i = 0; i < N_ELEMENTS(jobs); i++) {
		jobs[i].begun = &begun;
		jobs[i].go = &go;
	}
	/* All three run at the same time, each on a thread of its own. */
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(pool_submit(p, &jobs[i].task, run, &jobs[i]), 0);
	for (int i = 0; i < 3; i++)
		sem_wait(&begun);
	assert_false(pthread_equal(jobs[0].ran_on, jobs[1].ran_on));
	assert_false(pthread_equal(jobs[1].ran_on, jobs[2].ran_on));
	/* Two wait, the next is refused. */
	assert_int_equal(pool_submit(p, &jobs[3].task, run, &jobs[3]), 0);
	assert_int_equal(pool_submit(p, &jobs[4].task, run, &jobs[4]), 0);
	assert_int_equal(pool_busy(p), 5);
	assert_int_equal(pool_submit(p, &jobs[5].task, run, &jobs[5]), E_BUSY);
	for (int i = 0; i < 5; i++)
		sem_post(&go);
	pool_stop(p);
	/* What was queued is done; nothing is taken any more. */
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(jobs[i].done, 1);
	assert_int_equal(jobs[5].done, 0);
	assert_int_equal(pool_busy(p), 0);
	assert_int_equal(pool_submit(p, &jobs[5].task, run, &jobs[5]), E_STOPPING);
	pool_free(p);
	sem_destroy(&begun);
	sem_destroy(&go);
}

static void test_reuse(void **state)
{
	struct pool *p = make(0, 1, 0, 0);
	struct job job = {0};

	(void)state;
	/* One thread and no queue: as soon as one job is over, the next is taken. */
	for (int i = 0; i < 200; i++) {
		int r;

		job.done = 0;
		do {
			r = pool_submit(p, &job.task, run, &job);
			assert_true(r == 0 || r == E_BUSY);
		} while (r != 0);
		while (!__atomic_load_n(&job.done, __ATOMIC_ACQUIRE))
			sched_yield();
	}
	pool_free(p);
	pool_free(NULL);
}

static void test_idle_threads_leave(void **state)
{
	struct pool *p = make(0, 8, 100, 1);
	struct job jobs[64] = {0};

	(void)state;
	/* Threads come and go under the submitter's feet; nothing is lost. */
	for (int round = 0; round < 20; round++) {
		for (size_t i = 0; i < N_ELEMENTS(jobs); i++) {
			jobs[i] = (struct job){0};
			assert_int_equal(pool_submit(p, &jobs[i].task, run, &jobs[i]), 0);
		}
		for (size_t i = 0; i < N_ELEMENTS(jobs); i++)
			while (!__atomic_load_n(&jobs[i].done, __ATOMIC_ACQUIRE))
				sched_yield();
	}
	pool_free(p);
}

static void test_bad_config(void **state)
{
	struct pool_config c = {.name = "x"};
	struct pool *p = NULL;

	(void)state;
	assert_int_equal(pool_new(&c, &p), -EINVAL);
	assert_null(p);
}

static void on_one_processor(cpu_set_t *ret_before)
{
	cpu_set_t one;

	sched_getaffinity(0, sizeof(*ret_before), ret_before);
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
}

static long own_sleeps(void)
{
	struct rusage u;

	getrusage(RUSAGE_THREAD, &u);
	return u.ru_nvcsw;
}

/* Threads that were woken and have no processor yet hold up nobody who submits more: here there is only one for all. */
static void test_submit_waits_for_nobody(void **state)
{
	struct job jobs[6] = {0};
	cpu_set_t before;
	sem_t begun;
	long sleeps = 0;

	(void)state;
	sem_init(&begun, 0, 0);
	on_one_processor(&before);
	struct pool *p = make(6, 6, 6, 0);
	for (int round = 0; round < 200; round++) {
		size_t n = round % 2 ? N_ELEMENTS(jobs) : N_ELEMENTS(jobs) / 2; /* some wait longer than others */
		long had = own_sleeps();

		for (size_t i = 0; i < n; i++) {
			jobs[i].begun = &begun;
			assert_int_equal(pool_submit(p, &jobs[i].task, run, &jobs[i]), 0);
		}
		sleeps += own_sleeps() - had;
		for (size_t i = 0; i < n; i++)
			sem_wait(&begun);
		while (pool_busy(p) > 0)
			sched_yield();
	}
	pool_free(p);
	sched_setaffinity(0, sizeof(before), &before);
	assert_in_range(sleeps, 0, 25);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_reuse),
		cmocka_unit_test(test_idle_threads_leave),
		cmocka_unit_test(test_bad_config),
		cmocka_unit_test(test_submit_waits_for_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
