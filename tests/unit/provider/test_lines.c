/* Lines out of pieces cut anywhere. */
#include "support.h"

#include <stdio.h>

typedef int line_fn(void *arg, const char *p, size_t n);

/* The lines of a piece, to fn until it fails. */
static int feed(struct lines *l, const char *p, size_t n, line_fn *fn, void *arg)
{
	struct piece in = lines_piece(l, p, n);
	struct str line;
	int r = 0;

	while (r >= 0 && (r = lines_next(l, &in, &line)) > 0)
		r = fn(arg, line.p, line.n);
	return r;
}

static int gather(void *arg, const char *p, size_t n)
{
	buf_add(arg, p, n);
	buf_add_char(arg, '|');
	return 0;
}

static void check(const char *in, size_t cut, size_t cut2, const char *expected)
{
	struct lines l = LINES_INIT;
	struct buf got = BUF_INIT(4096);
	struct str last;
	size_t n = strlen(in);
	/* Copies of the exact size, so that a sanitizer sees a read behind a piece. */
	size_t from[] = {0, MIN(cut, n), MIN(cut2, n), n};
	for (int i = 0; i < 3; i++) {
		char *piece = malloc(from[i + 1] - from[i] + (from[i + 1] == from[i]));
		memcpy(piece, in + from[i], from[i + 1] - from[i]);
		assert_int_equal(feed(&l, piece, from[i + 1] - from[i], gather, &got), 0);
		free(piece);
	}
	if (lines_last(&l, &last))
		gather(&got, last.p, last.n);
	assert_false(lines_last(&l, &last)); /* it comes once */
	assert_string_equal(buf_str(&got).p, expected);
	lines_done(&l);
	buf_done(&got);
}

static void splits(void **state)
{
	static const char *const cases[][2] = {
		{"a\nbc\n\nd", "a|bc||d|"},
		{"a\r\nbc\r\n\r\nd\r\n", "a|bc||d|"},
		{"a\rb\r\rc\r", "a|b||c|"},
		{"a\n\rb\r\n\nc", "a||b||c|"},
		{"one", "one|"},
		{"", ""},
		{"\n", "|"},
		{"\r\n", "|"},
	};
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++)
		for (size_t cut = 0; cut <= strlen(cases[i][0]); cut++)
			for (size_t cut2 = cut; cut2 <= strlen(cases[i][0]); cut2++)
				check(cases[i][0], cut, cut2, cases[i][1]);
}

static const char *seen;

static int note(void *arg, const char *p, size_t n)
{
	(void)arg;
	(void)n;
	seen = p;
	return 0;
}

static void whole_lines_are_not_copied(void **state)
{
	static const char piece[] = "first\nsecond\n";
	struct lines l = LINES_INIT;
	(void)state;
	assert_int_equal(feed(&l, piece, sizeof(piece) - 1, note, NULL), 0);
	assert_ptr_equal(seen, piece + 6);
	assert_null(l.part.p);
	lines_done(&l);
}

static int refuse(void *arg, const char *p, size_t n)
{
	(void)p;
	(void)n;
	++*(int *)arg;
	return -42;
}

static void the_callers_answer_ends_it(void **state)
{
	struct lines l = LINES_INIT;
	int calls = 0;
	(void)state;
	assert_int_equal(feed(&l, "a\nb\n", 4, refuse, &calls), -42);
	assert_int_equal(calls, 1);
	lines_done(&l);
}

static void long_lines_are_refused(void **state)
{
	struct lines l = LINES_INIT;
	static char block[1 << 20];
	int calls = 0, r = 0;
	(void)state;
	memset(block, 'x', sizeof(block));
	for (int i = 0; i < 8; i++)
		assert_int_equal(feed(&l, block, sizeof(block), refuse, &calls), 0);
	r = feed(&l, block, 1, refuse, &calls);
	assert_int_equal(r, E_TOO_LARGE);
	assert_int_equal(calls, 0);
	lines_done(&l);
}

/* ---- lines of one shape ---- */

static void learn(struct line_shape *l, const char *line, const char *stamp, const char *text)
{
	struct scanned found = SCANNED_INIT;
	const char *at = strstr(line, text);

	found.content = (struct str){at, strlen(text)};
	if (stamp)
		found.stamp = (struct str){strstr(line, stamp), strlen(stamp)};
	shape_learn(l, line, strlen(line), &found);
}

/* What the line says if it has the shape, else NULL; read from a copy of its exact size. */
static const char *read_line(struct line_shape *l, const char *line)
{
	static char text[100];
	size_t n = strlen(line);
	char *copy = malloc(n);
	struct scanned found = SCANNED_INIT;

	memcpy(copy, line, n);
	bool ok = shape_read(l, copy, n, &found);
	if (ok)
		snprintf(text, sizeof(text), "%.*s", (int)found.content.n, found.content.p);
	free(copy);
	return ok ? text : NULL;
}

static void lines_of_one_shape(void **state)
{
	struct line_shape l = LINE_SHAPE_INIT;

	(void)state;
	assert_null(read_line(&l, "{\"at\":\"1\",\"text\":\"a\",\"done\":false}"));
	learn(&l, "{\"at\":\"12:00\",\"text\":\"word\",\"done\":false}", "12:00", "word");
	assert_string_equal(read_line(&l, "{\"at\":\"12:00\",\"text\":\"word\",\"done\":false}"), "word");
	assert_string_equal(read_line(&l, "{\"at\":\"9\",\"text\":\"\",\"done\":false}"), "");
	assert_string_equal(read_line(&l, "{\"at\":\"\",\"text\":\"a \\\"b\\\" \xc3\xa4\",\"done\":false}"),
		"a \\\"b\\\" \xc3\xa4");
	/* All that differs elsewhere, or is no string as the scanner takes them. */
	static const char *const others[] = {
		"{\"at\":\"9\",\"text\":\"a\",\"done\":true}",
		"{\"at\":\"9\",\"text\":\"a\",\"done\":false} ",
		"{\"at\":\"9\",\"text\":\"a\",\"done\":false",
		"{\"at\":\"9\",\"text\":\"a\",\"text\":\"b\",\"done\":false}",
		"{\"at\":\"9\",\"more\":\"9\",\"text\":\"a\",\"done\":false}",
		"{\"at\":\"9\",\"text\":null,\"done\":false}",
		"{\"at\":\"9\",\"text\":\"\\u00e4\",\"done\":false}",
		"{\"at\":\"9\",\"text\":\"\xe4\",\"done\":false}",
		"{\"at\":\"9\",\"text\":\"a\tb\",\"done\":false}",
		"{\"at\":\"9\xff\",\"text\":\"a\",\"done\":false}",
		"{\"at\":\"9",
		"{\"at\":\"9\",\"text\":\"",
		"{",
		"",
	};
	for (size_t i = 0; i < N_ELEMENTS(others); i++)
		assert_null(read_line(&l, others[i]));
	buf_done(&l.fixed);
}

/* Lines that never come again cost the copying of a few. */
static void shapes_that_do_not_last(void **state)
{
	struct line_shape l = LINE_SHAPE_INIT;
	char line[80];

	(void)state;
	for (int i = 0; i < 20; i++) {
		snprintf(line, sizeof(line), "{\"n\":%d,\"text\":\"word\"}", i + 100);
		assert_null(read_line(&l, line));
		learn(&l, line, NULL, "word");
	}
	assert_string_equal(read_line(&l, "{\"n\":107,\"text\":\"word\"}"), "word");
	buf_done(&l.fixed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(splits),
		cmocka_unit_test(whole_lines_are_not_copied),
		cmocka_unit_test(the_callers_answer_ends_it),
		cmocka_unit_test(long_lines_are_refused),
		cmocka_unit_test(lines_of_one_shape),
		cmocka_unit_test(shapes_that_do_not_last),
	};
	return cmocka_run_group_tests_name("provider/lines", tests, NULL, NULL);
}
