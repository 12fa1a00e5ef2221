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
#include <sys/stat.h>
#include <unistd.h>

#include "../patience.h"
#include "base/clock.h"
#include "journal_write.h"
#include "sys/fault.h"
#include "sys/metrics.h"
#include "turn/journal_priv.h"

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

	struct journal_files files;

	assert_int_equal(journal_list(p->journal, &files, &e), 0);
	assert_int_equal(journal_forget(p->journal, &files, &e), 0);
	journal_files_done(&files);
	fault_set(NULL);
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

static void see(void *arg, atelier_id id, struct str bytes)
{
	struct seen *s = arg;

	assert_memory_equal(bytes.p, FRAMES_BEGIN, 4);
	buf_printf(&s->text, "%lld:%.*s;", (long long)id, (int)bytes.n - 4, bytes.p + 4);
	s->records++;
}

static void assert_replay(const struct place *p, const char *want)
{
	struct seen s = {.text = BUF_INIT(1 << 20)};
	struct journal_files files;
	struct err e = {0};

	assert_int_equal(journal_list(p->journal, &files, &e), 0);
	assert_int_equal(journal_replay(p->journal, &files, false, see, &s, &e), 0);
	journal_files_done(&files);
	assert_string_equal(s.text.p ? s.text.p : "", want);
	buf_done(&s.text);
}

static void put(struct journal *j, atelier_id id, const char *text)
{
	char frames[200];

	snprintf(frames, sizeof frames, "%s%s", FRAMES_BEGIN, text);
	journal_add(j, id, str_from(frames));
}

static void add(struct journal *j, atelier_id id, const char *text)
{
	put(j, id, text);
	assert_int_equal(journal_write(j), 0);
}

static void test_round_trip(void **state)
{
	struct place *p = *state;
	struct journal *j = open_journal(p, 1 << 20);
	int64_t mark;

	journal_begin(j, &mark);
	put(j, 7, "one");
	put(j, 8, "two");
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
	journal_settle(j); /* the next file is there */
	add(j, 1, "0123456789012345678901234567890123456789");
	journal_begin(j, &second);
	journal_settle(j);
	add(j, 2, "0123456789012345678901234567890123456789");
	assert_int_equal(journal_segments(j), 3);
	journal_end(j, second);
	assert_int_equal(journal_segments(j), 3); /* the first turn holds its segment and those behind */
	journal_end(j, first);
	assert_int_equal(journal_segments(j), 1);
	journal_close(j);
}

/* The next file cannot be made, or not in time: the present one grows. */
static void test_grows_without_a_next_file(void **state)
{
	struct place *p = *state;
	struct journal *j = open_journal(p, 64);
	int64_t mark;

	fault_set("journal_segment:EACCES");
	journal_begin(j, &mark);
	for (int i = 0; i < 5; i++) {
		add(j, 1, "0123456789");
		journal_settle(j);
	}
	assert_int_equal(journal_segments(j), 1);
	fault_set(NULL);
	add(j, 1, "0123456789");
	journal_settle(j);
	add(j, 1, "last");
	assert_int_equal(journal_segments(j), 2);
	journal_close(j);
	assert_replay(p, "1:0123456789;1:0123456789;1:0123456789;1:0123456789;1:0123456789;1:0123456789;1:last;");
}

static void note(void *arg)
{
	__atomic_add_fetch((int *)arg, 1, __ATOMIC_SEQ_CST);
}

static void wait_for(const int *what, int n)
{
	while (__atomic_load_n(what, __ATOMIC_SEQ_CST) < n)
		usleep(1000);
}

/* Syncs at once, and counts in `lost` how often it says that something is. */
static struct journal *open_noting(const struct place *p, int *lost)
{
	const struct journal_config c = {
		.dir = p->journal, .segment_bytes = 1 << 20, .sync_ms = 1, .lost = note, .arg = lost};
	struct journal *j = NULL;
	struct err e = {0};

	assert_int_equal(journal_open(&c, &j, &e), 0);
	return j;
}

/* A sync fails: it is told, nothing more goes to that file, and what comes later is in the next one. */
static void test_failed_sync(void **state)
{
	struct place *p = *state;
	int lost = 0;
	int64_t mark;

	fault_set("journal_sync:EIO:1");
	struct journal *j = open_noting(p, &lost);
	journal_begin(j, &mark);
	add(j, 7, "one");
	wait_for(&lost, 1);
	add(j, 7, "two");
	assert_int_equal(journal_segments(j), 2);
	while (journal_error(j) != 0)
		usleep(1000);
	journal_close(j);
	assert_replay(p, "7:one;7:two;");
	assert_int_equal(lost, 1);
}

static void take_file(const char *path, int way)
{
	int fd;

	switch (way) {
	case 0:
		assert_int_equal(unlink(path), 0);
		break;
	case 1:
		assert_int_equal(unlink(path), 0);
		fd = open(path, O_WRONLY | O_CREAT, 0600);
		assert_true(fd >= 0);
		close(fd);
		break;
	default:
		assert_int_equal(truncate(path, 8), 0);
	}
}

/* A file that somebody takes away, replaces or cuts short takes every write: it is as lost as one that cannot be synced. */
static void test_file_taken_away(void **state)
{
	struct place *p = *state;
	int lost = 0;
	struct journal *j = open_noting(p, &lost);
	char path[160];
	int64_t mark;

	journal_begin(j, &mark);
	for (int way = 0; way < 3; way++) {
		journal_settle(j);
		snprintf(path, sizeof(path), "%s/%010d.journal", p->journal, way + 1);
		take_file(path, way);
		put(j, 7, "lost");
		(void)!journal_write(j);
		wait_for(&lost, way + 1);
		while (journal_error(j) != 0)
			usleep(1000);
	}
	add(j, 7, "kept");
	journal_close(j);
	assert_int_equal(lost, 3);
}

/* As long as no file can be made in the place of one whose sync has failed, writes fail. */
static void test_failed_sync_for_good(void **state)
{
	struct place *p = *state;
	int lost = 0;
	struct journal *j = open_noting(p, &lost);
	int64_t mark;

	fault_set("journal_sync:EROFS,journal_segment:EROFS");
	journal_begin(j, &mark);
	add(j, 7, "one");
	wait_for(&lost, 1);
	put(j, 7, "lost");
	assert_int_equal(journal_write(j), E_STORAGE);
	assert_int_equal(journal_error(j), -EROFS);
	fault_set(NULL);
	while (journal_error(j) != 0) { /* the next one is made and synced by itself */
		put(j, 8, "new");
		(void)!journal_write(j);
		usleep(1000);
	}
	journal_close(j);
}

static void wait_until_well(struct journal *j)
{
	int64_t end = clock_mono_ms() + PATIENCE_MS;

	while (journal_error(j) != 0 && clock_mono_ms() < end)
		usleep(1000);
	assert_int_equal(journal_error(j), 0);
}

/* The names of the next files are taken: those behind them are, and what stands there is left alone. */
static void test_names_that_are_taken(void **state)
{
	struct place *p = *state;
	int lost = 0;
	char folder[160], file[160];
	int64_t mark;

	fault_set("journal_sync:EIO:1");
	struct journal *j = open_noting(p, &lost);
	snprintf(folder, sizeof(folder), "%s/0000000002.journal", p->journal);
	snprintf(file, sizeof(file), "%s/0000000003.journal", p->journal);
	assert_int_equal(mkdir(folder, 0700), 0);
	int fd = open(file, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	close(fd);
	journal_begin(j, &mark);
	add(j, 7, "one");
	wait_for(&lost, 1);
	wait_until_well(j);
	add(j, 7, "two");
	journal_close(j);
	assert_int_equal(rmdir(folder), 0);
	assert_replay(p, "7:one;7:two;");
}

/* A file of the same name that is another's, since the folder was replaced, outlives ours. */
static void test_another_file_of_the_name(void **state)
{
	struct place *p = *state;
	struct journal *j = open_journal(p, 1 << 20);
	char path[160];

	add(j, 7, "gone");
	journal_settle(j);
	snprintf(path, sizeof(path), "%s/0000000001.journal", p->journal);
	take_file(path, 1);
	journal_close(j);
	assert_int_equal(access(path, F_OK), 0);
}

/* However many files are filled while one sync takes its time, all of them are synced. */
static void test_every_file_is_synced(void **state)
{
	struct place *p = *state;
	struct journal_config c = {.dir = p->journal, .segment_bytes = 64, .sync_ms = 60000};
	struct journal *j = NULL;
	struct err e = {0};
	int64_t mark;

	assert_int_equal(journal_open(&c, &j, &e), 0);
	journal_begin(j, &mark);
	for (int i = 0; i < 4; i++) {
		add(j, 1, "0123456789012345678901234567890123456789");
		journal_settle(j);
	}
	assert_int_equal(journal_segments(j), 4);
	pthread_mutex_lock(&j->mx);
	for (struct segment *s = j->oldest; s; s = s->next)
		assert_true(s->dirty);
	j->sync_at_ms = 1; /* now */
	keeper_wake(j);
	while (j->sync_at_ms == 1 || j->working)
		pthread_cond_wait(&j->settled, &j->mx);
	for (struct segment *s = j->oldest; s; s = s->next)
		assert_false(s->dirty);
	pthread_mutex_unlock(&j->mx);
	journal_close(j);
}

/* A disk that is written to all the time is not synced all the time: the keeper goes back to waiting. */
static void test_sync_ends_while_others_write(void **state)
{
	struct place *p = *state;
	struct journal_config c = {.dir = p->journal, .segment_bytes = 1 << 30, .sync_ms = 60000};
	struct journal *j = NULL;
	struct err e = {0};
	int64_t mark, until = clock_mono_ms() + PATIENCE_MS, before = metric_get(M_journal_syncs_total);
	bool waits = false;

	assert_int_equal(journal_open(&c, &j, &e), 0);
	journal_begin(j, &mark);
	add(j, 1, "a");
	pthread_mutex_lock(&j->mx);
	j->sync_at_ms = 1; /* now */
	keeper_wake(j);
	pthread_mutex_unlock(&j->mx);
	while (!waits && clock_mono_ms() < until) {
		add(j, 1, "a");
		pthread_mutex_lock(&j->mx);
		waits = j->sync_at_ms > 1 && !j->working;
		pthread_mutex_unlock(&j->mx);
	}
	assert_true(waits);
	assert_int_equal(metric_get(M_journal_syncs_total) - before, 1);
	journal_close(j);
}

/* The disk promises no more: what would take the room of the last words is refused, small writes are not. */
static void test_full_disk(void **state)
{
	struct place *p = *state;
	struct journal *j = open_journal(p, 16 << 20);
	CLEANUP(buf_done) struct buf big = BUF_INIT(1 << 20);
	int64_t mark;

	journal_begin(j, &mark);
	fault_set("journal_reserve:ENOSPC");
	buf_add_str(&big, FRAMES_BEGIN);
	for (int i = 0; i < 100000; i++)
		buf_add_char(&big, 'x');
	int written = 0, r = 0;
	while (r == 0 && written < 100) {
		journal_add(j, 7, buf_str(&big));
		r = journal_write(j);
		journal_settle(j);
		written += r == 0;
	}
	assert_int_equal(r, E_STORAGE);
	assert_int_equal(journal_error(j), -ENOSPC);
	assert_true(written >= 5 && written <= 20);
	add(j, 7, "last words");
	fault_set(NULL);
	journal_add(j, 7, buf_str(&big));
	(void)!journal_write(j);
	journal_settle(j);
	journal_add(j, 7, buf_str(&big));
	assert_int_equal(journal_write(j), 0);
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
	int second = 16 + 16 + 4 + 3;
	int fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	char byte = 'T';
	assert_int_equal(pwrite(fd, &byte, 1, second + 20), 1);
	assert_replay(p, "7:one;");
	for (int end = second + 22; end >= second; end--) {
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

	fault_set("journal_write:ENOSPC:2");
	struct journal *j = open_journal(p, 1 << 20);
	journal_begin(j, &mark);
	add(j, 7, "one");
	put(j, 7, "lost");
	assert_int_equal(journal_write(j), E_STORAGE);
	assert_int_equal(journal_error(j), -ENOSPC);
	add(j, 7, "two");
	assert_int_equal(journal_error(j), 0);
	journal_close(j);
	assert_replay(p, "7:one;7:two;");
}

/* Of a server that says that nothing can be written nobody asks anything: that it can again is found without a write. */
static void test_well_again_by_itself(void **state)
{
	struct place *p = *state;
	int lost = 0;
	int64_t mark;

	struct journal *j = open_noting(p, &lost);
	journal_begin(j, &mark);
	add(j, 7, "one");
	/* The first time there is no room yet, the second time it cannot be written still. */
	fault_set("journal_write:ENOSPC:1,journal_reserve:ENOSPC:1,journal_write:EROFS:2");
	put(j, 7, "lost");
	assert_int_equal(journal_write(j), E_STORAGE);
	wait_until_well(j);
	add(j, 7, "two");
	journal_close(j);
	assert_replay(p, "7:one;7:two;");
	assert_int_equal(lost, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_well_again_by_itself, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_failed_write_keeps_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_round_trip, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_all_ended_leaves_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_segments_go_when_their_turns_ended, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_cut_and_damaged, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_grows_without_a_next_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_failed_sync, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_file_taken_away, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_failed_sync_for_good, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_names_that_are_taken, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_another_file_of_the_name, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_every_file_is_synced, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_sync_ends_while_others_write, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_full_disk, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
