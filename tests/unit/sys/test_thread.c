/* test_thread.c - what a thread that works behind the loop is born with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <linux/capability.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "sys/pool.h"
#include "sys/thread.h"

struct birth {
	sem_t look;
	char name[16];
	int policy;
	size_t stack_bytes;
	sigset_t blocked;
};

static void *look_at_itself(void *arg)
{
	struct birth *b = arg;
	pthread_attr_t attr;

	sem_wait(&b->look);
	pthread_getname_np(pthread_self(), b->name, sizeof(b->name));
	b->policy = sched_getscheduler(0);
	pthread_sigmask(SIG_SETMASK, NULL, &b->blocked);
	pthread_getattr_np(pthread_self(), &attr);
	pthread_attr_getstacksize(&attr, &b->stack_bytes);
	pthread_attr_destroy(&attr);
	return NULL;
}

static void test_birth(void **state)
{
	struct birth b = {0};
	sigset_t before, after;
	pthread_t t;

	(void)state;
	threads_expect_many();
	sem_init(&b.look, 0, 0);
	pthread_sigmask(SIG_SETMASK, NULL, &before);
	assert_int_equal(thread_start(&t, "a worker", 1 << 20, look_at_itself, &b), 0);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	sem_post(&b.look);
	pthread_join(t, NULL);
	sem_destroy(&b.look);

	assert_string_equal(b.name, "a worker");
	assert_int_equal(b.policy, SCHED_BATCH);
	assert_int_equal(b.stack_bytes, 1 << 20);
	assert_true(sigismember(&b.blocked, SIGTERM) == 1 && sigismember(&b.blocked, SIGINT) == 1);
	for (int s = 1; s < SIGRTMAX; s++)
		assert_int_equal(sigismember(&before, s), sigismember(&after, s));
}

static void test_impossible_stack(void **state)
{
	pthread_t t;

	(void)state;
	assert_true(thread_start(&t, "a worker", 1, look_at_itself, NULL) < 0);
}

/* ---- who goes first ---- */

/* How a thread is served: its class and its place within it. */
struct place {
	int policy, nice;
};

struct first {
	bool drops; /* the right of root */
	struct place before, in_work, of_started, after, expected;
	sem_t look; /* what is started is what it is to be once that has returned */
};

static struct place place(void)
{
	return (struct place){sched_getscheduler(0) & ~SCHED_RESET_ON_FORK, getpriority(PRIO_PROCESS, 0)};
}

static void assert_place(struct place got, struct place expected)
{
	assert_int_equal(got.policy, expected.policy);
	assert_int_equal(got.nice, expected.nice);
}

static void *tell_place(void *arg)
{
	struct first *f = arg;

	sem_wait(&f->look);
	f->of_started = place();
	return NULL;
}

/* Of the calling thread alone. */
static void drop_right(void)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];

	assert_int_equal(syscall(SYS_capget, &head, sets), 0);
	sets[0].effective &= ~(1u << CAP_SYS_NICE);
	assert_int_equal(syscall(SYS_capset, &head, sets), 0);
}

/* What the system lets a thread do; it ends behind this. */
static void *try_it(void *arg)
{
	struct first *f = arg;

	if (f->drops)
		drop_right();
	f->expected = place();
	if (setpriority(PRIO_PROCESS, 0, f->expected.nice - 10) == 0)
		f->expected.nice -= 10;
	if (sched_setscheduler(0, SCHED_RR, &(struct sched_param){.sched_priority = 1}) == 0)
		f->expected = (struct place){SCHED_RR, f->before.nice};
	return NULL;
}

static void *be_loop(void *arg)
{
	struct first *f = arg;
	pthread_t t;

	if (f->drops)
		drop_right();
	thread_loop_begin();
	thread_long_begin();
	thread_work_begin();
	thread_long_end();
	f->in_work = place();
	sem_init(&f->look, 0, 0);
	assert_int_equal(thread_start(&t, "a worker", 0, tell_place, f), 0);
	sem_post(&f->look);
	pthread_join(t, NULL);
	sem_destroy(&f->look);
	thread_work_end();
	f->after = place();
	thread_loop_end();
	return NULL;
}

/* While there is long work, and not what it starts; nothing changes where that is not allowed. */
static void first_as(bool drops)
{
	struct first f = {.drops = drops, .before = place()};
	pthread_t t;

	assert_int_equal(pthread_create(&t, NULL, try_it, &f), 0);
	pthread_join(t, NULL);
	assert_int_equal(pthread_create(&t, NULL, be_loop, &f), 0);
	pthread_join(t, NULL);
	assert_place(f.in_work, f.expected);
	assert_int_equal(f.of_started.policy, SCHED_BATCH);
	assert_true(f.of_started.nice == f.before.nice || f.of_started.nice == 0);
	assert_place(f.after, f.before);
}

static void test_loop_first(void **state)
{
	struct rlimit nice, real_time;

	(void)state;
	first_as(false);
	/* Without the right by `nice`, as far as a limit lets it; and without that. */
	assert_int_equal(getrlimit(RLIMIT_NICE, &nice), 0);
	assert_int_equal(getrlimit(RLIMIT_RTPRIO, &real_time), 0);
	assert_int_equal(setrlimit(RLIMIT_RTPRIO, &(struct rlimit){0, real_time.rlim_max}), 0);
	if (setrlimit(RLIMIT_NICE, &(struct rlimit){30, MAX(nice.rlim_max, (rlim_t)30)}) == 0)
		first_as(true);
	assert_int_equal(setrlimit(RLIMIT_NICE, &(struct rlimit){0, nice.rlim_max}), 0);
	first_as(true);
	assert_int_equal(setrlimit(RLIMIT_NICE, &nice), 0);
	assert_int_equal(setrlimit(RLIMIT_RTPRIO, &real_time), 0);
}

/* ---- who answers people while others work behind them ---- */

struct answer {
	struct pool_task task;
	sem_t done;
	int policy;
};

static void do_answer(void *arg)
{
	struct answer *a = arg;

	a->policy = sched_getscheduler(0) & ~SCHED_RESET_ON_FORK;
	sem_post(&a->done);
}

static int answered_by(struct pool *p, struct answer *a)
{
	assert_int_equal(pool_submit(p, &a->task, do_answer, a), 0);
	assert_int_equal(sem_wait(&a->done), 0);
	return a->policy;
}

struct behind {
	sem_t begun, end;
	int policy;
};

static void *work_behind(void *arg)
{
	struct behind *b = arg;

	thread_step_back();
	thread_behind_begin();
	thread_wake_soon(); /* not who has stepped back */
	b->policy = sched_getscheduler(0) & ~SCHED_RESET_ON_FORK;
	sem_post(&b->begun);
	sem_wait(&b->end);
	thread_behind_end();
	return NULL;
}

/* Batch work waits for the end of others' turns: who answers is that only as long as nobody works for long behind it. */
static void test_wakes_soon(void **state)
{
	struct answer a = {.policy = -1};
	struct behind b = {.policy = -1};
	struct pool *p = NULL;
	pthread_t t;

	(void)state;
	sem_init(&a.done, 0, 0);
	sem_init(&b.begun, 0, 0);
	sem_init(&b.end, 0, 0);
	assert_int_equal(pool_new(&(struct pool_config){.name = "answer", .keep = 1, .max = 1, .max_queue = 1}, &p), 0);
	assert_int_equal(answered_by(p, &a), SCHED_BATCH);
	assert_int_equal(thread_start(&t, "behind", 0, work_behind, &b), 0);
	sem_wait(&b.begun);
	assert_int_equal(b.policy, SCHED_BATCH);
	assert_int_equal(answered_by(p, &a), SCHED_OTHER);
	sem_post(&b.end);
	pthread_join(t, NULL);
	assert_int_equal(answered_by(p, &a), SCHED_BATCH);
	pool_stop(p);
	pool_free(p);
	sem_destroy(&a.done);
	sem_destroy(&b.begun);
	sem_destroy(&b.end);
}

/* ---- work that takes long ---- */

#define AT_WORK 5

struct works {
	sem_t begun;
	atomic_int at_work, most;
};

static void *work(void *arg)
{
	struct works *w = arg;

	thread_work_begin();
	int now = atomic_fetch_add(&w->at_work, 1) + 1, most = atomic_load(&w->most);
	while (now > most && !atomic_compare_exchange_weak(&w->most, &most, now))
		;
	sem_post(&w->begun);
	sched_yield(); /* whoever else could be at work would be by now */
	atomic_fetch_sub(&w->at_work, 1);
	thread_work_end();
	return NULL;
}

/* One processor: one at a time, and every one comes to its turn. */
static void test_work(void **state)
{
	struct works w = {0};
	pthread_t threads[AT_WORK];

	(void)state;
	sem_init(&w.begun, 0, 0);
	thread_work_begin();
	for (int i = 0; i < AT_WORK; i++)
		assert_int_equal(thread_start(&threads[i], "work", 0, work, &w), 0);
	assert_int_equal(sem_trywait(&w.begun), -1); /* the place is taken */
	thread_work_end();
	for (int i = 0; i < AT_WORK; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	for (int i = 0; i < AT_WORK; i++)
		assert_int_equal(sem_trywait(&w.begun), 0);
	assert_int_equal(w.most, 1);
	sem_destroy(&w.begun);
}

static long sleeps(void)
{
	struct rusage use;

	getrusage(RUSAGE_THREAD, &use);
	return use.ru_nvcsw;
}

struct answers {
	atomic_bool ended;
	int64_t longest_us; /* between two steps: on a busy machine this thread may have had to wait */
};

static void *answer_until(void *arg)
{
	struct answers *a = arg;
	int64_t last = clock_mono_us(), now;

	for (a->longest_us = 0; !atomic_load(&a->ended); last = now) {
		now = clock_mono_us();
		a->longest_us = MAX(a->longest_us, now - last);
		thread_answers();
	}
	a->longest_us = MAX(a->longest_us, clock_mono_us() - last);
	return NULL;
}

/* How long a pause is while one step follows the other; 0: one came too late to say. */
static int64_t pause_among_answers(void)
{
	struct answers a = {.ended = false};
	int64_t before = thread_answered_ms(), from, took;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, answer_until, &a), 0);
	while (thread_answered_ms() == before)
		sched_yield();
	from = clock_mono_us();
	thread_give_way();
	took = clock_mono_us() - from;
	atomic_store(&a.ended, true);
	pthread_join(thread, NULL);
	return a.longest_us < 900 ? took : 0;
}

/* Who lets others go first pauses behind a step of an answer, and while there is one after the other no longer than told. */
static void test_give_way(void **state)
{
	(void)state;
	int64_t before = thread_answered_ms();
	thread_answers(); /* nobody works behind others: nobody would ask */
	assert_int_equal(thread_answered_ms(), before);

	thread_behind_begin();
	thread_answers();
	assert_true(thread_answered_ms() > before);
	long slept = sleeps();
	thread_give_way(); /* this thread goes first itself */
	assert_int_equal(sleeps(), slept);
	thread_behind_end();

	thread_aside_begin();
	assert_true(thread_stepped_back());
	int64_t from = clock_mono_us();
	thread_answers();
	thread_give_way();
	assert_true(clock_mono_us() - from >= 1000);
	slept = sleeps();
	thread_give_way(); /* nobody is answered any more */
	assert_int_equal(sleeps(), slept);

	int64_t took = 0;
	for (int i = 0; i < 200 && took == 0; i++)
		took = pause_among_answers();
	assert_true(took == 0 || took >= 5000); /* it comes back though they go on */
	thread_aside_end();
	assert_false(thread_stepped_back());
}

int main(void)
{
	cpu_set_t cpus;

	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_birth),
		cmocka_unit_test(test_impossible_stack),
		cmocka_unit_test(test_loop_first),
		cmocka_unit_test(test_wakes_soon),
		cmocka_unit_test(test_work),
		cmocka_unit_test(test_give_way),
	};

	/* Places are counted once, from the processors that the process may use: here it is any one of them. */
	sched_getaffinity(0, sizeof(cpus), &cpus);
	for (int i = 0, n = CPU_COUNT(&cpus); i < CPU_SETSIZE && n > 1; i++) {
		n -= CPU_ISSET(i, &cpus) != 0;
		CPU_CLR(i, &cpus);
	}
	sched_setaffinity(0, sizeof(cpus), &cpus);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
