/* The events of a turn in chunks: places are found, ends are cut off, and nothing moves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "base/err.h"
#include "turn/frames.h"

static void add_text(struct frames *f, size_t size)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(1 << 20);

	buf_add_str(&b, "{\"text\":\"");
	for (size_t i = 0; i < size; i++)
		buf_add_char(&b, (char)('a' + i % 26));
	buf_add_str(&b, "\"}");
	assert_int_equal(frames_add(f, EV_TEXT, b.p, b.n), 0);
}

/* Events of many sizes, some larger than a chunk. */
static void fill(struct frames *f, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		add_text(f, i % 97 == 96 ? 40000 : i * 7 % 90);
}

static void read_from(const struct frames *f, struct place from, size_t most, struct buf *ret)
{
	struct str piece;

	while ((piece = frames_next(f, &from, frames_end(f), most)).n > 0) {
		assert_true(piece.n <= most);
		buf_add(ret, piece.p, piece.n);
	}
}

/* Behind every number stand exactly the events that follow it, whatever the pieces. */
static void test_places(void **state)
{
	CLEANUP(frames_done) struct frames f = FRAMES_INIT(1 << 20);
	CLEANUP(buf_done) struct buf all = BUF_INIT(1 << 20);
	struct event_frame frame;
	size_t pos = 0;

	(void)state;
	fill(&f, 700);
	read_from(&f, (struct place){0}, 1000, &all);
	assert_int_equal(all.n, f.bytes);
	for (uint64_t seq = 0; seq <= 700; seq++) {
		CLEANUP(buf_done) struct buf rest = BUF_INIT(1 << 20);
		read_from(&f, frames_after(&f, seq), 65536, &rest);
		assert_true(str_eq(buf_str(&rest), (struct str){all.p + pos, all.n - pos}));
		assert_int_equal(event_next_frame(buf_str(&all), &pos, &frame), seq < 700);
	}
	assert_int_equal(frames_after(&f, 9999).at, frames_end(&f).at);
}

static void test_taken_as_they_are(void **state)
{
	CLEANUP(frames_done) struct frames f = FRAMES_INIT(1 << 20), copy = FRAMES_INIT(1 << 20);
	CLEANUP(buf_done) struct buf all = BUF_INIT(1 << 20), back = BUF_INIT(1 << 20), flat = BUF_INIT(1 << 20);
	unsigned chunks = 0;

	(void)state;
	fill(&f, 700);
	read_from(&f, (struct place){0}, SIZE_MAX, &all);
	buf_add(&flat, all.p, all.n);
	assert_int_equal(frames_take(&copy, &flat), 0);
	assert_int_equal(copy.last_seq, 700);
	read_from(&copy, (struct place){0}, SIZE_MAX, &back);
	assert_true(str_eq(buf_str(&all), buf_str(&back)));
	for (const struct chunk *c = copy.first; c; c = c->next)
		chunks++;
	assert_true(chunks > 10);
	for (uint64_t seq = 1; seq <= 700; seq += 33) {
		CLEANUP(buf_done) struct buf one = BUF_INIT(1 << 20), two = BUF_INIT(1 << 20);
		read_from(&f, frames_after(&f, seq), SIZE_MAX, &one);
		read_from(&copy, frames_after(&copy, seq), SIZE_MAX, &two);
		assert_true(str_eq(buf_str(&one), buf_str(&two)));
	}
	add_text(&copy, 5); /* more goes into a chunk of its own */
	assert_int_equal(copy.last_seq, 701);
	for (size_t cut = 1; cut < 60; cut++) {
		CLEANUP(frames_done) struct frames broken = FRAMES_INIT(1 << 20);
		CLEANUP(buf_done) struct buf part = BUF_INIT(1 << 20);
		buf_add(&part, all.p, all.n - cut);
		int r = frames_take(&broken, &part);
		struct event_frame frame;
		size_t pos = all.n - cut, last = 0, next = 0;
		while (event_next_frame((struct str){all.p, all.n - cut}, &next, &frame) == 1)
			last = next;
		assert_int_equal(r, last == pos ? 0 : E_INVALID);
	}
}

static void test_cut(void **state)
{
	CLEANUP(frames_done) struct frames f = FRAMES_INIT(1 << 20);
	CLEANUP(buf_done) struct buf before = BUF_INIT(1 << 20), after = BUF_INIT(1 << 20);

	(void)state;
	for (unsigned kept = 0; kept < 600; kept += 37) {
		frames_done(&f);
		buf_reset(&before);
		buf_reset(&after);
		fill(&f, kept);
		read_from(&f, (struct place){0}, SIZE_MAX, &before);
		struct place end = frames_end(&f);
		size_t bytes = f.bytes;
		fill(&f, 300);
		frames_cut(&f, end, bytes, kept);
		read_from(&f, (struct place){0}, SIZE_MAX, &after);
		assert_true(str_eq(buf_str(&before), buf_str(&after)));
		assert_int_equal(f.last_seq, kept);
		fill(&f, 3);
		assert_int_equal(f.last_seq, kept + 3);
	}
}

static void test_limits(void **state)
{
	CLEANUP(frames_done) struct frames f = FRAMES_INIT(100);

	(void)state;
	assert_int_equal(frames_add(&f, EV_TEXT, "{\"text\":\"a\"}", 12), 0);
	size_t bytes = f.bytes;
	while (frames_add(&f, EV_TEXT, "{\"text\":\"a\"}", 12) == 0)
		bytes = f.bytes;
	assert_true(bytes <= 100);
	assert_int_equal(frames_add(&f, EV_TEXT, "{\"text\":\"a\"}", 12), E_TOO_LARGE);
	assert_int_equal(f.bytes, bytes);
	assert_int_equal(f.last_seq, 2);
}

static void test_joined(void **state)
{
	CLEANUP(frames_done) struct frames f = FRAMES_INIT(1 << 20), more = FRAMES_INIT(1 << 20);
	CLEANUP(buf_done) struct buf all = BUF_INIT(1 << 20);

	(void)state;
	frames_join(&f, &more);
	assert_null(f.first);
	more.last_seq = 0;
	add_text(&more, 3);
	frames_join(&f, &more);
	more.last_seq = f.last_seq;
	add_text(&more, 4);
	frames_join(&f, &more);
	assert_int_equal(f.last_seq, 2);
	assert_null(more.first);
	read_from(&f, (struct place){0}, SIZE_MAX, &all);
	assert_string_equal(all.p,
		"id: 1\nevent: text\ndata: {\"text\":\"abc\"}\n\nid: 2\nevent: text\ndata: {\"text\":\"abcd\"}\n\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_taken_as_they_are),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_joined),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
