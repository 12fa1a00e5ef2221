/* Who is served when. Tasks are held at a gate, so that the order is the line's and not the machine's. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <sodium.h>

#include "auth/line.h"

struct log {
	pthread_mutex_t mx;
	pthread_cond_t cv;
	char order[256]; /* a letter for each that was served */
	unsigned n, running, most;
	bool open; /* nobody is held any more */
	bool held; /* somebody is */
};

struct one {
	struct pool_task task;
	struct log *log;
	char letter;
	bool holds; /* until the gate opens */
};

static void serve(void *arg)
{
	struct one *o = arg;
	struct log *l = o->log;

	pthread_mutex_lock(&l->mx);
	l->running++;
	l->most = MAX(l->most, l->running);
	if (o->holds) {
		l->held = true;
		pthread_cond_broadcast(&l->cv);
		while (!l->open)
			pthread_cond_wait(&l->cv, &l->mx);
	}
	l->order[l->n++] = o->letter;
	l->running--;
	pthread_cond_broadcast(&l->cv);
	pthread_mutex_unlock(&l->mx);
}

static void log_init_(struct log *l)
{
	*l = (struct log){.open = false};
	pthread_mutex_init(&l->mx, NULL);
	pthread_cond_init(&l->cv, NULL);
}

static void wait_held(struct log *l)
{
	pthread_mutex_lock(&l->mx);
	while (!l->held)
		pthread_cond_wait(&l->cv, &l->mx);
	pthread_mutex_unlock(&l->mx);
}

static void open_gate(struct log *l)
{
	pthread_mutex_lock(&l->mx);
	l->open = true;
	pthread_cond_broadcast(&l->cv);
	pthread_mutex_unlock(&l->mx);
}

static int submit(struct line *l, struct one *o, struct log *log, char letter, const char *group, bool known)
{
	o->log = log;
	o->letter = letter;
	return line_submit(l, &o->task, str_from(group), known, serve, o);
}

static const struct line_config config = {
	.threads = 1, .max_waiting = 256, .per_group = 16, .burst = 1000, .pace_ms = 1};

/* One sends many; the others wait behind one of them at most, and the known behind one stranger. */
static void test_taken_in_turn(void **state)
{
	struct log log;
	struct line *l;
	struct one gate = {.holds = true}, many[4], other, known;

	(void)state;
	log_init_(&log);
	assert_int_equal(line_new(&config, &l), 0);
	assert_int_equal(submit(l, &gate, &log, 'g', "gate", false), 0);
	wait_held(&log);
	for (size_t i = 0; i < N_ELEMENTS(many); i++) {
		many[i].holds = false;
		assert_int_equal(submit(l, &many[i], &log, 'v', "vandal", false), 0);
	}
	other.holds = known.holds = false;
	assert_int_equal(submit(l, &other, &log, 'o', "other", false), 0);
	assert_int_equal(submit(l, &known, &log, 'k', "device", true), 0);
	open_gate(&log);
	line_free(l);
	log.order[log.n] = '\0';
	assert_string_equal(log.order, "gkvovvv");
}

/* Of one group one runs at a time, so a second thread is there for others. */
static void test_one_of_a_group(void **state)
{
	struct line_config two = config;
	struct log log;
	struct line *l;
	struct one gate = {.holds = true}, same, other;

	(void)state;
	two.threads = 2;
	log_init_(&log);
	assert_int_equal(line_new(&two, &l), 0);
	assert_int_equal(submit(l, &gate, &log, 'g', "vandal", false), 0);
	wait_held(&log);
	same.holds = other.holds = false;
	assert_int_equal(submit(l, &same, &log, 's', "vandal", false), 0);
	assert_int_equal(submit(l, &other, &log, 'o', "other", false), 0);
	pthread_mutex_lock(&log.mx);
	while (log.n < 1)
		pthread_cond_wait(&log.cv, &log.mx);
	assert_int_equal(log.order[0], 'o');
	pthread_mutex_unlock(&log.mx);
	open_gate(&log);
	line_free(l);
	assert_int_equal(log.n, 3);
}

/* Nobody fills the line alone: there is room for those who have none in it. */
static void test_room_for_others(void **state)
{
	struct line_config small = config;
	struct log log;
	struct line *l;
	static struct one gate, all[200], known;
	char group[32];
	int r = 0;
	size_t n = 0;

	(void)state;
	log_init_(&log);
	gate = (struct one){.holds = true};
	small.max_waiting = 64;
	assert_int_equal(line_new(&small, &l), 0);
	assert_int_equal(submit(l, &gate, &log, 'g', "gate", false), 0);
	wait_held(&log);
	while (n < 100 && submit(l, &all[n], &log, 'v', "vandal", false) == 0)
		n++;
	assert_in_range(n, 1, 16);
	size_t vandals = n;
	for (int i = 0; i < 100 && r == 0; i++) {
		snprintf(group, sizeof(group), "other %d", i);
		r = submit(l, &all[n], &log, 'o', group, false);
		n += r == 0;
	}
	assert_int_equal(r, E_BUSY);
	assert_int_equal(n, 64);
	assert_true(n - vandals > 40);
	/* The known have a line of their own. */
	assert_int_equal(submit(l, &known, &log, 'k', "device", true), 0);
	open_gate(&log);
	line_stop(l);
	assert_int_equal(log.n, n + 2);
	assert_int_equal(submit(l, &all[n], &log, 'x', "late", false), E_STOPPING);
	line_free(l);
}

/* As the server has it: behind fifty connections of one address that guess, somebody there still finds a place, and is served. */
static void test_room_behind_guesses(void **state)
{
	static const struct line_config passwords = LINE_OF_PASSWORDS;
	struct log log;
	struct line *l;
	static struct one gate, guesses[50], person;

	(void)state;
	log_init_(&log);
	gate = (struct one){.holds = true};
	assert_int_equal(line_new(&passwords, &l), 0);
	assert_int_equal(submit(l, &gate, &log, 'g', "school", false), 0);
	wait_held(&log);
	for (size_t i = 0; i < 50; i++)
		assert_int_equal(submit(l, &guesses[i], &log, 'v', "school", false), 0);
	assert_int_equal(submit(l, &person, &log, 'p', "school", false), 0);
	open_gate(&log);
	line_stop(l); /* which runs them all, unpaced */
	assert_int_equal(log.n, 52);
	assert_int_equal(log.order[51], 'p');
	line_free(l);
}

/* Who has asked a lot is slowed down; others are not. */
static void test_paced(void **state)
{
	struct line_config slow = config;
	struct log log;
	struct line *l;
	struct one gate = {.holds = true}, many[3], other;

	(void)state;
	slow.burst = 2;
	slow.pace_ms = 600000;
	log_init_(&log);
	assert_int_equal(line_new(&slow, &l), 0);
	assert_int_equal(submit(l, &gate, &log, 'g', "gate", false), 0);
	wait_held(&log);
	for (size_t i = 0; i < N_ELEMENTS(many); i++) {
		many[i].holds = false;
		assert_int_equal(submit(l, &many[i], &log, 'v', "vandal", false), 0);
	}
	open_gate(&log);
	pthread_mutex_lock(&log.mx);
	while (log.n < 3)
		pthread_cond_wait(&log.cv, &log.mx);
	pthread_mutex_unlock(&log.mx);
	other.holds = false;
	assert_int_equal(submit(l, &other, &log, 'o', "other", false), 0);
	pthread_mutex_lock(&log.mx);
	while (log.n < 4)
		pthread_cond_wait(&log.cv, &log.mx);
	pthread_mutex_unlock(&log.mx);
	line_free(l); /* the end waits for nobody's pace */
	log.order[log.n] = '\0';
	assert_string_equal(log.order, "gvvov");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taken_in_turn),
		cmocka_unit_test(test_one_of_a_group),
		cmocka_unit_test(test_room_for_others),
		cmocka_unit_test(test_room_behind_guesses),
		cmocka_unit_test(test_paced),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
