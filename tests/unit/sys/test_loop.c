/* test_loop.c - posting from many threads, calls, hooks at the end of a pass, timers, the stop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "base/base.h"
#include "sys/loop.h"

#define THREADS 4
#define POSTS   2000

static void *run_loop(void *arg)
{
	loop_run(arg);
	return NULL;
}

struct post {
	struct loop_task task;
	struct loop *loop;
	int thread, n;
};

static int last_of[THREADS], total, wrong;

static void on_post(void *arg)
{
	struct post *p = arg;

	if (p->n != last_of[p->thread]++ || !loop_is_current(p->loop))
		wrong++;
	total++;
}

static void *post_many(void *arg)
{
	struct post *p = arg;

	for (int i = 0; i < POSTS; i++)
		loop_post(p[i].loop, &p[i].task, on_post, &p[i]);
	return NULL;
}

static int get_total(void *arg)
{
	(void)arg;
	return total;
}

static void test_posts(void **state)
{
	static struct post posts[THREADS][POSTS];
	struct loop *l = loop_new();
	pthread_t runner, t[THREADS];

	(void)state;
	assert_non_null(l);
	assert_false(loop_is_current(l));
	for (int i = 0; i < THREADS; i++)
		for (int k = 0; k < POSTS; k++)
			posts[i][k] = (struct post){.loop = l, .thread = i, .n = k};
	assert_int_equal(pthread_create(&runner, NULL, run_loop, l), 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, post_many, posts[i]), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	/* The call stands behind all posts in the queue. */
	assert_int_equal(loop_call(l, get_total, NULL), THREADS * POSTS);
	assert_int_equal(wrong, 0);
	loop_stop(l);
	pthread_join(runner, NULL);
	/* After the end a call runs where it is made. */
	assert_int_equal(loop_call(l, get_total, NULL), THREADS * POSTS);
	loop_free(l);
	loop_free(NULL);
}

/* One story on the loop's thread, told by the order of letters. */
struct story {
	struct loop *loop;
	struct loop_hook *hook, *second;
	struct loop_timer *timer;
	struct loop_task a, b, again;
	char said[64];
	int ticks;
};

static void say(struct story *s, char c)
{
	size_t n = strlen(s->said);

	if (n + 1 < sizeof(s->said))
		s->said[n] = c;
}

static void on_again(void *arg)
{
	say(arg, 'g');
}

static void on_a(void *arg)
{
	struct story *s = arg;

	say(s, 'a');
	loop_hook_raise(s->hook);
	loop_hook_raise(s->hook);
}

static void on_b(void *arg)
{
	struct story *s = arg;

	say(s, 'b');
	loop_hook_raise(s->hook);
	loop_post(s->loop, &s->again, on_again, s);
}

static void on_hook(void *arg)
{
	struct story *s = arg;

	say(s, 'h');
	loop_hook_raise(s->second);
}

static void on_second(void *arg)
{
	say(arg, 's');
}

static void on_tick(void *arg)
{
	struct story *s = arg;

	if (++s->ticks == 3) {
		loop_timer_free(s->timer);
		s->timer = NULL;
		loop_stop(s->loop);
	}
}

static void test_hooks_and_timers(void **state)
{
	struct story s = {.loop = loop_new()};

	(void)state;
	s.hook = loop_hook_new(s.loop, on_hook, &s);
	s.second = loop_hook_new(s.loop, on_second, &s);
	s.timer = loop_timer_new(s.loop, 1, on_tick, &s);
	loop_post(s.loop, &s.a, on_a, &s);
	loop_post(s.loop, &s.b, on_b, &s);
	loop_run(s.loop);
	/* Both tasks, then once the hook however often it was raised, then the hook it raised: all in one turn of the
	 * loop. What a task posts comes with the next. */
	assert_string_equal(s.said, "abhsg");
	assert_int_equal(s.ticks, 3);
	loop_hook_free(s.hook);
	loop_hook_free(s.second);
	loop_hook_free(NULL);
	loop_timer_free(NULL);
	loop_free(s.loop);
}

static void test_stop_before_run(void **state)
{
	struct story s = {.loop = loop_new()};

	(void)state;
	loop_stop(s.loop);
	loop_post(s.loop, &s.again, on_again, &s);
	loop_run(s.loop);
	/* What was posted before the stop took effect still ran. */
	assert_string_equal(s.said, "g");
	/* And what comes later is dropped, even when the loop runs again. */
	loop_post(s.loop, &s.again, on_again, &s);
	loop_stop(s.loop);
	loop_run(s.loop);
	assert_string_equal(s.said, "g");
	loop_free(s.loop);
}

struct caller {
	struct loop *loop;
	int seen;
};

static int add_one(void *arg)
{
	return ++*(int *)arg;
}

static int call_within(void *arg)
{
	struct caller *c = arg;

	return loop_call(c->loop, add_one, &c->seen);
}

static void *call_many(void *arg)
{
	struct caller *c = arg;

	for (int i = 0; i < 200; i++)
		loop_call(c->loop, add_one, &c->seen);
	return NULL;
}

static void test_calls(void **state)
{
	struct caller c = {.loop = loop_new()};
	pthread_t runner, t[THREADS];

	(void)state;
	/* Callers may be there before the loop runs. */
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, call_many, &c), 0);
	assert_int_equal(pthread_create(&runner, NULL, run_loop, c.loop), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	/* Unlocked, and yet all are counted: they ran on one thread. */
	assert_int_equal(c.seen, THREADS * 200);
	assert_int_equal(loop_call(c.loop, call_within, &c), THREADS * 200 + 1);
	loop_stop(c.loop);
	pthread_join(runner, NULL);
	loop_free(c.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_posts),
		cmocka_unit_test(test_hooks_and_timers),
		cmocka_unit_test(test_stop_before_run),
		cmocka_unit_test(test_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
