/* Places at a provider: who comes next, what they are told, and leaving. */
#include "support.h"

#include <errno.h>

#include "base/clock.h"

struct taker {
	struct slots *slots;
	int64_t caller, key;
	struct cancel cancel;
	pthread_t thread;
	int r;
	int64_t positions[32];
	size_t n_positions;
	struct place place;
	bool background;
};

static pthread_mutex_t mx = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cv = PTHREAD_COND_INITIALIZER;
static int64_t order[64];
static size_t n_order;

static struct place *places[64]; /* that were taken, in their order */
static size_t n_places, n_given;

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
	t->place = (struct place){.caller = t->caller,
		.key = t->key,
		.cancel = &t->cancel,
		.background = t->background,
		.position = told,
		.arg = t};
	t->r = slots_take(t->slots, &t->place);
	pthread_mutex_lock(&mx);
	if (t->r >= 0) {
		order[n_order++] = t->key ? t->key : t->caller;
		places[n_places++] = &t->place;
	}
	pthread_cond_broadcast(&cv);
	pthread_mutex_unlock(&mx);
	return NULL;
}

/* Begins to wait, and is known to wait when this returns. */
static void queue_up_key(struct taker *t, struct slots *s, int64_t caller, int64_t key)
{
	*t = (struct taker){.slots = s, .caller = caller, .key = key};
	cancel_init(&t->cancel);
	assert_int_equal(pthread_create(&t->thread, NULL, take, t), 0);
	pthread_mutex_lock(&mx);
	while (t->n_positions == 0)
		pthread_cond_wait(&cv, &mx);
	pthread_mutex_unlock(&mx);
}

static void queue_up(struct taker *t, struct slots *s, int64_t caller)
{
	queue_up_key(t, s, caller, 0);
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
	static struct place held[64];
	struct place *p = &held[n_places];
	struct cancel c;
	cancel_init(&c);
	*p = (struct place){.caller = caller, .cancel = &c};
	assert_int_equal(slots_take(s, p), 0);
	assert_int_equal(p->waited_ms, 0);
	p->cancel = NULL;
	places[n_places++] = p;
	cancel_done(&c);
}

static void give_oldest(void)
{
	pthread_mutex_lock(&mx);
	struct place *p = places[n_given++];
	pthread_mutex_unlock(&mx);
	slots_give(p);
}

/* One caller with many calls does not hold up another with one. */
static void callers_take_turns(void **state)
{
	static const int64_t callers[] = {1, 1, 1, 2, 3}, first[] = {1, 2, 3, 1, 2}, served[] = {2, 3, 1, 1, 1};
	struct taker t[5];
	struct slots *s = slots_new(NULL);
	(void)state;
	n_order = n_places = n_given = 0;
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
		give_oldest();
		wait_order(i + 1);
		count(s, 1, 4 - (int64_t)i);
	}
	give_oldest();
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
	struct slots *s = slots_new(NULL);
	static const int64_t callers[] = {7, 7, 7, 8, 8, 9}, served[] = {8, 9, 7, 8, 7, 7};
	(void)state;
	n_order = n_places = n_given = 0;
	slots_limit(s, 1);
	take_now(s, 7);
	for (size_t i = 0; i < 6; i++)
		queue_up(&t[i], s, callers[i]);
	for (size_t i = 0; i < 6; i++) {
		give_oldest();
		wait_order(i + 1);
		assert_int_equal(order[i], served[i]);
	}
	for (size_t i = 0; i < 6; i++)
		leave(&t[i]);
	give_oldest();
	slots_free(s);
}

/* A key with many calls holds up neither the other keys of its user nor other users. */
static void keys_take_turns(void **state)
{
	static const struct {
		int64_t caller, key, position;
	} calls[] = {{1, 11, 1}, {1, 11, 2}, {1, 11, 3}, {1, 12, 2}, {2, 21, 1}, {1, 13, 4}};
	static const int64_t served[] = {21, 11, 12, 13, 11, 11};
	struct taker t[6];
	struct slots *s = slots_new(NULL);
	(void)state;
	n_order = n_places = n_given = 0;
	slots_limit(s, 1);
	take_now(s, 1); /* with no key */
	for (size_t i = 0; i < 6; i++) {
		queue_up_key(&t[i], s, calls[i].caller, calls[i].key);
		assert_int_equal(t[i].positions[0], calls[i].position);
	}
	wait_position(&t[2], 6);
	wait_position(&t[3], 3);
	for (size_t i = 0; i < 6; i++) {
		give_oldest();
		wait_order(i + 1);
		assert_int_equal(order[i], served[i]);
	}
	for (size_t i = 0; i < 6; i++)
		leave(&t[i]);
	give_oldest();
	slots_free(s);
}

static void leaving_the_queue(void **state)
{
	struct taker a, b;
	struct slots *s = slots_new(NULL);
	(void)state;
	n_order = n_places = n_given = 0;
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
	give_oldest();
	leave(&b);
	assert_int_equal(b.r, 0);
	count(s, 1, 0);
	give_oldest();
	/* Stopped before: no place is taken. */
	struct cancel c;
	struct place p = {.caller = 4, .cancel = &c};
	cancel_init(&c);
	cancel_fire(&c, E_CANCELED);
	assert_int_equal(slots_take(s, &p), -ECANCELED);
	cancel_done(&c);
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
	struct slots *s = slots_new(NULL);
	(void)state;
	n_order = n_places = n_given = 0;
	for (int i = 0; i < 5; i++)
		take_now(s, i); /* no limit at first */
	slots_limit(s, 2);
	for (int i = 0; i < 3; i++)
		queue_up(&t[i], s, 10 + i);
	struct cancel c;
	struct place p = {.caller = 1, .cancel = &c, .position = refuse};
	give_oldest();
	give_oldest();
	give_oldest();
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
	assert_int_equal(slots_take(s, &p), E_TOO_LARGE);
	cancel_done(&c);
	count(s, 5, 0);
	while (n_given < n_places)
		give_oldest();
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
	struct place p;
	cancel_init(&c);
	for (int i = 0; i < 300; i++) {
		p = (struct place){.caller = b->caller + i % 3, .cancel = &c};
		assert_int_equal(slots_take(b->slots, &p), 0);
		int n = ++*b->inside, most = *b->most;
		while (n > most && !atomic_compare_exchange_weak(b->most, &most, n))
			;
		--*b->inside;
		slots_give(&p);
	}
	cancel_done(&c);
	return NULL;
}

static void never_too_many(void **state)
{
	_Atomic int inside = 0, most = 0;
	struct busy b[8];
	pthread_t threads[8];
	struct slots *s = slots_new(NULL);
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

static void take_place(struct slots *s, struct place *p, int64_t caller, struct cancel *c, bool background)
{
	*p = (struct place){.caller = caller, .cancel = c, .background = background};
	assert_int_equal(slots_take(s, p), 0);
}

/* As if it had been taken a while ago, and the last end been a moment ago. */
static void begun_late(struct place *p)
{
	p->taken_ms -= 2000;
	slots_begun(p);
}

static void places_are_learned(void **state)
{
	struct place p[5];
	struct taker t, v;
	struct slots *s = slots_new(NULL);
	struct cancel c;
	(void)state;
	n_order = n_places = n_given = 0;
	cancel_init(&c);
	slots_learn(s);
	/* One is answered, and one more is let through; others wait here. */
	take_place(s, &p[0], 0, &c, false);
	take_place(s, &p[1], 1, &c, false);
	p[0].taken_ms += 60000;                   /* for no second yet, however long this takes */
	assert_int_equal(slots_number(&p[0]), 0); /* its question is read */
	assert_int_equal(slots_number(&p[1]), 1);
	queue_up(&t, s, 9);
	assert_int_equal(t.positions[0], 2);
	slots_begun(&p[0]);
	assert_int_equal(slots_number(&p[0]), 0);
	assert_int_equal(slots_number(&p[1]), 1);
	count(s, 2, 1);
	slots_give(&p[0]);
	wait_order(1);
	leave(&t);
	begun_late(&p[1]);
	assert_true(p[1].waited_ms >= 1900);
	count(s, 2, 0);
	struct taker u;
	queue_up(&u, s, 10); /* one that answers, and one that is next */
	assert_int_equal(u.positions[0], 2);
	count(s, 2, 1);
	/* Two at the same time: there were two places, and there may be more. */
	slots_begun(&t.place);
	wait_order(2);
	leave(&u);
	for (int i = 2; i < 5; i++)
		take_place(s, &p[i], i, &c, false);
	assert_int_equal(slots_number(&p[4]), 4); /* u and three more wait over there */
	/* Until one is seen to begin when another has ended. */
	slots_give(&p[1]);
	begun_late(&p[2]);
	queue_up(&v, s, 11);
	assert_int_equal(v.positions[0], 4);
	slots_give(&p[2]);
	slots_give(&p[3]);
	slots_give(&p[4]);
	wait_order(3);
	leave(&v);
	slots_give(&t.place);
	slots_give(&u.place);
	slots_give(&v.place);
	cancel_done(&c);
	slots_free(s);
}

/* A server that answers nobody yet may be one that takes many: more are let through the longer it is silent. */
static void silence_lets_more_through(void **state)
{
	struct place p[6];
	struct taker t[3];
	struct slots *s = slots_new(NULL);
	struct cancel c;
	(void)state;
	n_order = n_places = n_given = 0;
	cancel_init(&c);
	slots_learn(s);
	take_place(s, &p[0], 0, &c, false);
	take_place(s, &p[1], 1, &c, false);
	queue_up(&t[0], s, 9);
	queue_up(&t[1], s, 10);
	count(s, 2, 2);
	wait_order(2); /* four, after a second in which nobody was answered */
	leave(&t[0]);
	leave(&t[1]);
	assert_true(clock_mono_ms() - p[0].taken_ms >= 1000);
	/* One answer was seen to begin: what is known by then counts. */
	slots_begun(&p[0]);
	p[0].taken_ms -= 5000;
	queue_up(&t[2], s, 11);
	assert_int_equal(t[2].positions[0], 4);
	slots_give(&p[0]);
	slots_give(&p[1]);
	slots_give(&t[0].place);
	wait_order(3);
	leave(&t[2]);
	slots_give(&t[1].place);
	slots_give(&t[2].place);
	cancel_done(&c);
	slots_free(s);
}

/* Many at the same time are soon known. */
static void many_places_are_learned(void **state)
{
	struct place p[32];
	struct slots *s = slots_new(NULL);
	struct cancel c;
	(void)state;
	cancel_init(&c);
	slots_learn(s);
	for (int i = 0; i < 32; i++) {
		take_place(s, &p[i], i, &c, false);
		slots_begun(&p[i]);
	}
	for (int i = 0; i < 32; i++)
		slots_give(&p[i]);
	for (int i = 0; i < 31; i++) { /* as many are read at the same time */
		take_place(s, &p[i], i, &c, false);
		assert_int_equal(slots_number(&p[i]), 0);
	}
	slots_begun(&p[0]);
	assert_int_equal(slots_number(&p[30]), 0);
	take_place(s, &p[31], 31, &c, false);
	assert_int_equal(slots_number(&p[31]), 0);
	for (int i = 0; i < 32; i++)
		slots_give(&p[i]);
	cancel_done(&c);
	slots_free(s);
}

static void the_background_gives_way(void **state)
{
	struct place title;
	struct taker t;
	struct slots *s = slots_new(NULL);
	struct cancel c, c2;
	(void)state;
	n_order = n_places = n_given = 0;
	cancel_init(&c);
	cancel_init(&c2);
	slots_limit(s, 1);
	take_place(s, &title, 1, &c2, true);
	assert_int_equal(cancel_reason(&c2), 0);
	queue_up(&t, s, 2);
	assert_int_equal(cancel_reason(&c2), E_BUSY);
	slots_give(&title);
	wait_order(1);
	/* While somebody is there it waits, behind whoever comes. */
	struct taker title2 = {.slots = s, .caller = 7, .background = true};
	n_order = 0;
	cancel_init(&title2.cancel);
	assert_int_equal(pthread_create(&title2.thread, NULL, take, &title2), 0);
	struct taker u;
	queue_up(&u, s, 3);
	leave(&t);
	slots_give(&t.place);
	wait_order(1);
	assert_int_equal(order[0], 3);
	slots_give(&u.place);
	wait_order(2);
	leave(&u);
	leave(&title2);
	slots_give(&title2.place);
	cancel_done(&c);
	cancel_done(&c2);
	slots_free(s);
}

static void *await_idle(void *arg)
{
	struct taker *t = arg;
	t->r = slots_await_idle(t->slots, &t->cancel, 60000);
	return NULL;
}

/* The models of one server share it: a call in the background begins where none of them answers, and gives way to any. */
static void the_background_of_a_server(void **state)
{
	struct slots *group = slots_new(NULL), *a = slots_new(group), *b = slots_new(group);
	struct place p, title;
	struct cancel c, c2;
	struct taker t = {.slots = b, .caller = 7, .background = true}, w = {.slots = group};
	(void)state;
	n_order = n_places = n_given = 0;
	cancel_init(&c);
	cancel_init(&c2);
	cancel_init(&t.cancel);
	cancel_init(&w.cancel);
	slots_learn(a);
	slots_learn(b);
	assert_int_equal(slots_await_idle(group, &c, 1), 0);
	take_place(a, &p, 1, &c, false);
	assert_int_equal(slots_await_idle(group, &c, 1), E_BUSY);
	assert_int_equal(pthread_create(&t.thread, NULL, take, &t), 0);
	assert_int_equal(pthread_create(&w.thread, NULL, await_idle, &w), 0);
	slots_give(&p);
	pthread_join(t.thread, NULL);
	assert_int_equal(t.r, 0);
	count(b, 1, 0);
	/* One that only wants to know takes no place, and is told when the other has ended, at the latest. */
	slots_give(&t.place);
	pthread_join(w.thread, NULL);
	assert_int_equal(w.r, 0);
	count(a, 0, 0);
	count(b, 0, 0);
	take_place(b, &title, 7, &c2, true);
	take_place(a, &p, 1, &c, false);
	assert_int_equal(cancel_reason(&c2), E_BUSY);
	slots_give(&title);
	slots_give(&p);
	cancel_fire(&c, E_CANCELED);
	assert_int_equal(slots_await_idle(group, &c, 1000), 0); /* it is idle */
	cancel_done(&t.cancel);
	cancel_done(&w.cancel);
	cancel_done(&c);
	cancel_done(&c2);
	slots_free(group);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(callers_take_turns),
		cmocka_unit_test(rounds),
		cmocka_unit_test(keys_take_turns),
		cmocka_unit_test(leaving_the_queue),
		cmocka_unit_test(limits_change),
		cmocka_unit_test(never_too_many),
		cmocka_unit_test(places_are_learned),
		cmocka_unit_test(silence_lets_more_through),
		cmocka_unit_test(many_places_are_learned),
		cmocka_unit_test(the_background_gives_way),
		cmocka_unit_test(the_background_of_a_server),
	};
	return cmocka_run_group_tests_name("provider/queue", tests, NULL, NULL);
}
