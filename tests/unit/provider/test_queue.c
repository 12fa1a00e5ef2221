/* Places at a provider: who comes next, what they are told, and leaving. */
#include "support.h"

#include <errno.h>

struct taker {
	struct slots *slots;
	int64_t caller;
	struct cancel cancel;
	pthread_t thread;
	int r;
	int64_t positions[32];
	size_t n_positions;
	int64_t waited_ms;
};

static pthread_mutex_t mx = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cv = PTHREAD_COND_INITIALIZER;
static int64_t order[64];
static size_t n_order;

static int told(void *arg, int64_t n)
{
	struct taker *t = arg;
	pthread_mutex_lock(&mx);
	t->positions[t->n_positions++ % 32] = n;
	pthread_cond_broadcast(&cv);
	pthread_mutex_unlock(&mx);
	return 0;
}

static void *take(void *arg)
{
	struct taker *t = arg;
	t->r = slots_take(t->slots, t->caller, &t->cancel, told, t, &t->waited_ms);
	pthread_mutex_lock(&mx);
	if (t->r >= 0)
		order[n_order++] = t->caller;
	pthread_cond_broadcast(&cv);
	pthread_mutex_unlock(&mx);
	return NULL;
}

/* Begins to wait, and is known to wait when this returns. */
static void queue_up(struct taker *t, struct slots *s, int64_t caller)
{
	*t = (struct taker){.slots = s, .caller = caller};
	cancel_init(&t->cancel);
	assert_int_equal(pthread_create(&t->thread, NULL, take, t), 0);
	pthread_mutex_lock(&mx);
	while (t->n_positions == 0)
		pthread_cond_wait(&cv, &mx);
	pthread_mutex_unlock(&mx);
}

static void wait_order(size_t n)
{
	pthread_mutex_lock(&mx);
	while (n_order < n)
		pthread_cond_wait(&cv, &mx);
	pthread_mutex_unlock(&mx);
}

static void wait_position(struct taker *t, int64_t n)
{
	pthread_mutex_lock(&mx);
	while (t->positions[(t->n_positions - 1) % 32] != n)
		pthread_cond_wait(&cv, &mx);
	pthread_mutex_unlock(&mx);
}

static void leave(struct taker *t)
{
	pthread_join(t->thread, NULL);
	cancel_done(&t->cancel);
}

static void count(struct slots *s, int64_t running, int64_t queued)
{
	int64_t r, q;
	slots_count(s, &r, &q);
	assert_int_equal(r, running);
	assert_int_equal(q, queued);
}

static void take_now(struct slots *s, int64_t caller)
{
	struct cancel c;
	int64_t waited = -1;
	cancel_init(&c);
	assert_int_equal(slots_take(s, caller, &c, NULL, NULL, &waited), 0);
	assert_int_equal(waited, 0);
	cancel_done(&c);
}

/* One caller with many calls does not hold up another with one. */
static void callers_take_turns(void **state)
{
	static const int64_t callers[] = {1, 1, 1, 2, 3}, first[] = {1, 2, 3, 1, 2}, served[] = {2, 3, 1, 1, 1};
	struct taker t[5];
	struct slots *s = slots_new();
	(void)state;
	n_order = 0;
	slots_limit(s, 1);
	take_now(s, 1);
	/* Three calls of 1, who has a place now, then one of 2 and one of 3. */
	for (size_t i = 0; i < 5; i++) {
		queue_up(&t[i], s, callers[i]);
		assert_int_equal(t[i].positions[0], first[i]);
	}
	count(s, 1, 5);
	wait_position(&t[0], 3); /* 2 and 3 come first, who had no turn yet */
	wait_position(&t[2], 5);
	for (size_t i = 0; i < 5; i++) {
		slots_give(s);
		wait_order(i + 1);
		count(s, 1, 4 - (int64_t)i);
	}
	slots_give(s);
	count(s, 0, 0);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(order[i], served[i]);
		leave(&t[i]);
		assert_int_equal(t[i].r, 0);
	}
	slots_free(s);
}

static void rounds(void **state)
{
	struct taker t[6];
	struct slots *s = slots_new();
	static const int64_t callers[] = {7, 7, 7, 8, 8, 9}, served[] = {8, 9, 7, 8, 7, 7};
	(void)state;
	n_order = 0;
	slots_limit(s, 1);
	take_now(s, 7);
	for (size_t i = 0; i < 6; i++)
		queue_up(&t[i], s, callers[i]);
	for (size_t i = 0; i < 6; i++) {
		slots_give(s);
		wait_order(i + 1);
		assert_int_equal(order[i], served[i]);
	}
	for (size_t i = 0; i < 6; i++)
		leave(&t[i]);
	slots_give(s);
	slots_free(s);
}

static void leaving_the_queue(void **state)
{
	struct taker a, b;
	struct slots *s = slots_new();
	(void)state;
	n_order = 0;
	slots_limit(s, 1);
	take_now(s, 1);
	queue_up(&a, s, 2);
	queue_up(&b, s, 3);
	assert_int_equal(b.positions[0], 2);
	cancel_fire(&a.cancel, E_CANCELED);
	leave(&a);
	assert_int_equal(a.r, -ECANCELED);
	wait_position(&b, 1);
	count(s, 1, 1);
	slots_give(s);
	leave(&b);
	assert_int_equal(b.r, 0);
	count(s, 1, 0);
	slots_give(s);
	/* Stopped before: no place is taken. */
	struct taker c = {.slots = s, .caller = 4};
	cancel_init(&c.cancel);
	cancel_fire(&c.cancel, E_CANCELED);
	assert_int_equal(slots_take(s, 4, &c.cancel, told, &c, &c.waited_ms), -ECANCELED);
	cancel_done(&c.cancel);
	count(s, 0, 0);
	slots_free(s);
}

static int refuse(void *arg, int64_t n)
{
	(void)arg;
	assert_int_equal(n, 1);
	return E_TOO_LARGE;
}

static void limits_change(void **state)
{
	struct taker t[3];
	struct slots *s = slots_new();
	(void)state;
	n_order = 0;
	for (int i = 0; i < 5; i++)
		take_now(s, i); /* no limit at first */
	slots_limit(s, 2);
	for (int i = 0; i < 3; i++)
		queue_up(&t[i], s, 10 + i);
	struct cancel c;
	int64_t waited;
	slots_give(s);
	slots_give(s);
	slots_give(s);
	count(s, 2, 3); /* nobody new until there is room again */
	slots_limit(s, 4);
	wait_order(2);
	slots_limit(s, 0);
	wait_order(3);
	count(s, 5, 0);
	for (int i = 0; i < 3; i++)
		leave(&t[i]);
	/* What the position's teller says ends the wait. */
	slots_limit(s, 1);
	cancel_init(&c);
	assert_int_equal(slots_take(s, 1, &c, refuse, NULL, &waited), E_TOO_LARGE);
	cancel_done(&c);
	count(s, 5, 0);
	slots_free(s);
}

struct busy {
	struct slots *slots;
	int64_t caller;
	_Atomic int *inside, *most;
};

static void *work(void *arg)
{
	struct busy *b = arg;
	struct cancel c;
	int64_t waited;
	cancel_init(&c);
	for (int i = 0; i < 300; i++) {
		assert_int_equal(slots_take(b->slots, b->caller + i % 3, &c, NULL, NULL, &waited), 0);
		int n = ++*b->inside, most = *b->most;
		while (n > most && !atomic_compare_exchange_weak(b->most, &most, n))
			;
		--*b->inside;
		slots_give(b->slots);
	}
	cancel_done(&c);
	return NULL;
}

static void never_too_many(void **state)
{
	_Atomic int inside = 0, most = 0;
	struct busy b[8];
	pthread_t threads[8];
	struct slots *s = slots_new();
	(void)state;
	slots_limit(s, 3);
	for (int i = 0; i < 8; i++) {
		b[i] = (struct busy){s, i * 100, &inside, &most}; /* more callers than are remembered */
		assert_int_equal(pthread_create(&threads[i], NULL, work, &b[i]), 0);
	}
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	count(s, 0, 0);
	assert_true(most <= 3);
	slots_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(callers_take_turns),
		cmocka_unit_test(rounds),
		cmocka_unit_test(leaving_the_queue),
		cmocka_unit_test(limits_change),
		cmocka_unit_test(never_too_many),
	};
	return cmocka_run_group_tests_name("provider/queue", tests, NULL, NULL);
}
