/* The bus: everybody who subscribed hears everything, and nobody after leaving. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "sys/bus.h"

struct ear {
	struct bus_subscriber s;
	int heard; /* atomic */
	struct bus_event last;
};

static void hear(void *arg, const struct bus_event *ev)
{
	struct ear *e = arg;

	e->last = *ev;
	__atomic_add_fetch(&e->heard, 1, __ATOMIC_RELAXED);
}

static void count(void *arg, const struct bus_event *ev)
{
	struct ear *e = arg;

	(void)ev;
	__atomic_add_fetch(&e->heard, 1, __ATOMIC_RELAXED);
}

static void test_all_hear(void **state)
{
	struct ear a = {.s = {.fn = hear, .arg = &a}}, b = {.s = {.fn = hear, .arg = &b}};
	struct bus *bus = bus_new();

	(void)state;
	bus_publish(bus, &(struct bus_event){.kind = BUS_JOB, .what = "started", .user_id = 1, .id = 2});
	bus_subscribe(bus, &a.s);
	bus_subscribe(bus, &b.s);
	bus_publish(bus, &(struct bus_event){BUS_TURN, "ended", 3, 4, 5});
	assert_int_equal(a.heard, 1);
	assert_int_equal(b.heard, 1);
	assert_int_equal(b.last.kind, BUS_TURN);
	assert_int_equal(b.last.turn_id, 5);
	bus_unsubscribe(bus, &b.s);
	bus_unsubscribe(bus, &b.s);
	bus_publish(bus, &(struct bus_event){BUS_CONVERSATION, "updated", 3, 4, 0});
	assert_int_equal(a.heard, 2);
	assert_int_equal(b.heard, 1);
	assert_string_equal(a.last.what, "updated");
	bus_publish_changed(bus, BUS_MODELS);
	assert_int_equal(a.last.kind, BUS_MODELS);
	assert_int_equal(a.last.user_id, 0);
	bus_unsubscribe(bus, &a.s);
	bus_publish(NULL, &a.last);
	bus_free(bus);
	bus_free(NULL);
	for (int k = 0; k < BUS_KINDS; k++)
		assert_true(*bus_kind_name(k));
	assert_int_equal(bus_kind_audience(BUS_TURN), BUS_TO_NOBODY);
	assert_int_equal(bus_kind_audience(BUS_MODELS), BUS_TO_EVERYBODY);
	assert_int_equal(bus_kind_audience(BUS_PROVIDERS), BUS_TO_ADMINS);
}

enum { THREADS = 4, EVENTS = 2000 };

static void *publish(void *arg)
{
	for (int i = 0; i < EVENTS; i++)
		bus_publish(arg, &(struct bus_event){.kind = BUS_JOB, .what = "ended", .user_id = 1});
	return NULL;
}

/* Others publish while somebody comes and goes; who has gone may be freed at once. */
static void test_from_many_threads(void **state)
{
	struct ear stays = {.s = {.fn = count, .arg = &stays}};
	struct bus *bus = bus_new();
	pthread_t threads[THREADS];

	(void)state;
	bus_subscribe(bus, &stays.s);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, publish, bus), 0);
	for (int i = 0; i < 200; i++) {
		struct ear *e = xcalloc(1, sizeof(*e));

		e->s = (struct bus_subscriber){.fn = count, .arg = e};
		bus_subscribe(bus, &e->s);
		bus_unsubscribe(bus, &e->s);
		free(e);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(stays.heard, THREADS * EVENTS);
	bus_unsubscribe(bus, &stays.s);
	bus_free(bus);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_hear),
		cmocka_unit_test(test_from_many_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
