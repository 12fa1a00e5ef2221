/* test_event.c - frames written, read back, cut at every byte, and broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/event.h"

static void test_round_trip(void **state)
{
	CLEANUP(buf_done) struct buf log = BUF_INIT(10000);
	struct event_frame f;
	size_t pos = 0;

	(void)state;
	for (unsigned i = 0; i < EVENT_COUNT; i++) {
		event_add_frame(&log, i + 1, (enum event_type)i, "{\"text\":\"a\\n\"}", 14);
		assert_int_equal(event_type_from(str_from(event_info((enum event_type)i)->name)), i);
	}
	assert_memory_equal(log.p, "id: 1\nevent: start\ndata: {\"text\":\"a\\n\"}\n\n", 41);
	for (unsigned i = 0; i < EVENT_COUNT; i++) {
		assert_int_equal(event_next_frame(buf_str(&log), &pos, &f), 1);
		assert_int_equal(f.seq, i + 1);
		assert_int_equal(f.type, i);
		assert_true(str_eq(f.json, STR("{\"text\":\"a\\n\"}")));
	}
	assert_int_equal(event_next_frame(buf_str(&log), &pos, &f), 0);
	assert_int_equal(pos, log.n);
	assert_int_equal(event_type_from(STR("tex")), -1);
	assert_int_equal(event_type_from(STR("")), -1);
}

static void test_cut_everywhere(void **state)
{
	CLEANUP(buf_done) struct buf log = BUF_INIT(10000);
	size_t ends[3];

	(void)state;
	event_add_frame(&log, 9, EV_TEXT, "{\"text\":\"x\"}", 12);
	ends[0] = log.n;
	event_add_frame(&log, UINT64_MAX, EV_DONE, "{}", 2);
	ends[1] = log.n;
	event_add_frame(&log, 11, EV_REASONING, "{\"text\":\"\"}", 11);
	ends[2] = log.n;
	for (size_t cut = 0; cut <= log.n; cut++) {
		/* A copy of exactly this size, so that a read behind the cut is seen. */
		CLEANUP(freep) char *copy = malloc(MAX(cut, (size_t)1));
		struct event_frame f;
		size_t pos = 0, frames = 0, whole = 0;
		int r;

		memcpy(copy, log.p, cut);
		while ((r = event_next_frame((struct str){copy, cut}, &pos, &f)) == 1)
			frames++;
		assert_int_equal(r, 0);
		while (whole < 3 && ends[whole] <= cut)
			whole++;
		assert_int_equal(frames, whole);
		assert_int_equal(pos, whole ? ends[whole - 1] : 0);
	}
}

static void test_broken(void **state)
{
	static const char *const broken[] = {
		"id: \nevent: text\ndata: {}\n\n",
		"id: 0\nevent: text\ndata: {}\n\n",
		"id: 01\nevent: text\ndata: {}\n\n",
		"id: x\nevent: text\ndata: {}\n\n",
		"id: 18446744073709551616\nevent: text\ndata: {}\n\n",
		"id: 1\nevent: \ndata: {}\n\n",
		"id: 1\ndata: {}\n\n",
		"id: 1\nevent: text\n\n",
		"id: 1\nevent: text\ndata: {}\nmore\n\n",
		"junk\n\n",
		"\n\n",
	};
	struct event_frame f = {.seq = 77};
	size_t pos = 0;

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(broken); i++) {
		assert_int_equal(event_next_frame(str_from(broken[i]), &pos, &f), E_INVALID);
		assert_int_equal(pos, 0);
		assert_int_equal(f.seq, 77);
	}
	/* A newer version's event is a frame all the same. */
	assert_int_equal(event_next_frame(STR("id: 3\nevent: novelty\ndata: {}\n\n"), &pos, &f), 1);
	assert_int_equal(f.type, -1);
	assert_int_equal(f.seq, 3);
}

static void test_full_buffer(void **state)
{
	CLEANUP(buf_done) struct buf log = BUF_INIT(40);

	(void)state;
	event_add_frame(&log, 1, EV_TEXT, "{}", 2);
	assert_int_equal(buf_status(&log), 0);
	event_add_frame(&log, 2, EV_TEXT, "{}", 2);
	assert_int_equal(buf_status(&log), E_TOO_LARGE);
	assert_int_equal(log.n, strlen("id: 1\nevent: text\ndata: {}\n\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_cut_everywhere),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_full_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
