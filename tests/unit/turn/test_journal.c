/* The journal: what was written is read back, damaged ends are left out, a failed write leaves nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "turn/turn_priv.h"

struct place {
	char dir[64];
	char journal[80];
};

static int set_up(void **state)
{
	struct place *p = xcalloc(1, sizeof *p);

	snprintf(p->dir, sizeof p->dir, "/tmp/atelier-journal-XXXXXX");
	if (!mkdtemp(p->dir))
		return -1;
	snprintf(p->journal, sizeof p->journal, "%s/journal", p->dir);
	*state = p;
	return 0;
}

static int tear_down(void **state)
{
	struct place *p = *state;
	struct err e = {0};

	assert_int_equal(journal_forget(p->journal, &e), 0);
	assert_int_equal(rmdir(p->journal), 0);
	assert_int_equal(rmdir(p->dir), 0);
	free(p);
	return 0;
}

static struct journal *open_journal(const struct place *p, int64_t segment_bytes)
{
	struct journal_config c = {.dir = p->journal, .segment_bytes = segment_bytes, .sync_ms = 0};
	struct journal *j = NULL;
	struct err e = {0};

	assert_int_equal(journal_open(&c, &j, &e), 0);
	return j;
}

struct seen {
	struct buf text;
	int records;
};

static int see(void *arg, atelier_id id, struct str bytes)
{
	struct seen *s = arg;

	buf_printf(&s->text, "%lld:%.*s;", (long long)id, (int)bytes.n, bytes.p);
	s->records++;
	return 0;
}

static void assert_replay(const struct place *p, const char *want)
{
	struct seen s = {.text = BUF_INIT(1 << 20)};
	struct err e = {0};

	assert_int_equal(journal_replay(p->journal, see, &s, &e), 0);
	assert_string_equal(s.text.p ? s.text.p : "", want);
	buf_done(&s.text);
}

static void add(struct journal *j, atelier_id id, const char *text)
{
	journal_add(j, id, str_from(text));
	assert_int_equal(journal_write(j), 0);
}

static void test_round_trip(void **state)
{
	struct place *p = *state;
	struct journal *j = open_journal(p, 1 << 20);
	int64_t mark;

	journal_begin(j, &mark);
	journal_add(j, 7, STR("one"));
	journal_add(j, 8, STR("two"));
	assert_int_equal(journal_write(j), 0);
	add(j, 7, "three");
	assert_replay(p, "7:one;8:two;7:three;");
	journal_close(j); /* a turn is still marked: the files stay */
	assert_replay(p, "7:one;8:two;7:three;");

	j = open_journal(p, 1 << 20); /* a later run writes behind */
	journal_begin(j, &mark);
	add(j, 9, "four");
	journal_close(j);
	assert_replay(p, "7:one;8:two;7:three;9:four;");
}

static void test_all_ended_leaves_nothing(void **state)
{
	struct place *p = *state;
	struct journal *j = open_journal(p, 1 << 20);
	int64_t mark;

	journal_begin(j, &mark);
	add(j, 7, "one");
	journal_end(j, mark);
	journal_close(j);
	assert_replay(p, "");
}

static void test_segments_go_when_their_turns_ended(void **state)
{
	struct place *p = *state;
	struct journal *j = open_journal(p, 64);
	int64_t first, second;

	journal_begin(j, &first);
	add(j, 1, "0123456789012345678901234567890123456789");
	add(j, 1, "0123456789012345678901234567890123456789");
	journal_begin(j, &second);
	add(j, 2, "0123456789012345678901234567890123456789");
	assert_int_equal(journal_segments(j), 3);
	journal_end(j, second);
	assert_int_equal(journal_segments(j), 3); /* the first turn holds its segment and those behind */
	journal_end(j, first);
	assert_int_equal(journal_segments(j), 1);
	journal_close(j);
}

/* Whatever is cut off the end, the whole records before it are read and nothing else. */
static void test_cut_and_damaged(void **state)
{
	struct place *p = *state;
	struct journal *j = open_journal(p, 1 << 20);
	char path[200];
	int64_t mark;

	journal_begin(j, &mark);
	add(j, 7, "one");
	add(j, 7, "two");
	journal_close(j);
	snprintf(path, sizeof path, "%s/0000000001.journal", p->journal);
	int second = 16 + 16 + 3;
	int fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	char byte = 'T';
	assert_int_equal(pwrite(fd, &byte, 1, second + 16), 1);
	assert_replay(p, "7:one;");
	for (int end = second + 18; end >= second; end--) {
		assert_int_equal(ftruncate(fd, end), 0);
		assert_replay(p, "7:one;");
	}
	assert_int_equal(ftruncate(fd, second - 1), 0);
	assert_replay(p, "");
	close(fd);
}

static void test_failed_write_keeps_nothing(void **state)
{
	struct place *p = *state;
	int64_t mark;

	struct journal *j = open_journal(p, 1 << 20);
	journal_begin(j, &mark);
	add(j, 7, "one");
	journal_add(j, 7, STR("lost"));
	assert_int_equal(journal_write(j), E_STORAGE);
	assert_int_equal(journal_error(j), -ENOSPC);
	add(j, 7, "two");
	assert_int_equal(journal_error(j), 0);
	journal_close(j);
	assert_replay(p, "7:one;7:two;");
}

int main(void)
{
	/* The first test's second write fails; faults are read once, at the first pass. */
	setenv("ATELIER_FAULT", "journal_write:ENOSPC:2", 1);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_failed_write_keeps_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_round_trip, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_all_ended_leaves_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_segments_go_when_their_turns_ended, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_cut_and_damaged, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
