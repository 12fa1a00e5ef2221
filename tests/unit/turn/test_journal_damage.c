/* Damage to the journal, as a property: whatever is flipped, zeroed, cut out or doubled, every record that it does not
 * touch is read, and what it touches is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "journal_write.h"
#include "turn/journal_priv.h"

#define RECORDS 40

struct fixture {
	char dir[64];
	char path[PATH_BYTES];
	struct buf good;                     /* the file as it was written */
	size_t begin[RECORDS], end[RECORDS]; /* of each record */
	unsigned seed;
	/* what a replay found */
	bool seen[RECORDS];
	unsigned strangers;
};

static unsigned chance(struct fixture *f, unsigned below)
{
	f->seed = f->seed * 1103515245u + 12345u;
	return (f->seed >> 8) % below;
}

/* Records of one to many events, of sizes that differ; some look inside like the head of another. */
static void write_journal(struct fixture *f)
{
	struct journal_config c = {.dir = f->dir, .segment_bytes = 1 << 20};
	struct journal *j;
	struct err e = {0};
	int64_t mark;

	assert_int_equal(journal_open(&c, &j, &e), 0);
	journal_begin(j, &mark);
	size_t at = HEAD_BYTES;
	for (unsigned i = 0; i < RECORDS; i++) {
		CLEANUP(buf_done) struct buf b = BUF_INIT(1 << 20);
		unsigned n = chance(f, 5) == 0 ? 3000 : chance(f, 120);
		buf_printf(&b, "id: %u\nevent: text\ndata: ", i);
		for (unsigned k = 0; k < n; k++)
			buf_add_char(&b, "ab {\"id: "[chance(f, 9)]);
		buf_add_str(&b, "\n\n");
		journal_add(j, 100 + i % 3, buf_str(&b));
		f->begin[i] = at;
		at += RECORD_HEAD + b.n;
		f->end[i] = at;
	}
	assert_int_equal(journal_write(j), 0);
	journal_close(j);
	segment_path(f->dir, 1, f->path);
	int fd = open(f->path, O_RDONLY);
	assert_true(fd >= 0);
	f->good = BUF_INIT(1 << 20);
	char *p = buf_reserve(&f->good, at);
	assert_int_equal(pread(fd, p, at, 0), (ssize_t)at);
	f->good.n = at;
	close(fd);
}

static void see(void *arg, atelier_id id, struct str frames)
{
	struct fixture *f = arg;

	for (unsigned i = 0; i < RECORDS; i++) {
		struct str r = {f->good.p + f->begin[i] + RECORD_HEAD, f->end[i] - f->begin[i] - RECORD_HEAD};
		if (str_eq(r, frames) && id == 100 + (atelier_id)(i % 3)) {
			f->seen[i] = true;
			return;
		}
	}
	f->strangers++;
}

/* Reads the bytes as a file of their own; returns how many bytes were told as unreadable. */
static int64_t replay(struct fixture *f, struct str bytes)
{
	struct journal_files files;
	struct err e = {0};
	int fd = open(f->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(pwrite(fd, bytes.p, bytes.n, 0), (ssize_t)bytes.n);
	assert_int_equal(ftruncate(fd, (off_t)bytes.n + 5000), 0); /* space that was promised */
	close(fd);
	memset(f->seen, 0, sizeof f->seen);
	f->strangers = 0;
	assert_int_equal(journal_list(f->dir, &files, &e), 0);
	assert_int_equal(journal_replay(f->dir, &files, false, see, f, &e), 0);
	int64_t unreadable = files.items[0].unreadable;
	journal_files_done(&files);
	assert_int_equal(f->strangers, 0);
	return unreadable;
}

/* All records but those that touch [from, to) are there. */
static void assert_others_there(const struct fixture *f, size_t from, size_t to)
{
	for (unsigned i = 0; i < RECORDS; i++)
		if (f->end[i] <= from || f->begin[i] >= to)
			assert_true(f->seen[i]);
}

static void copy(const struct fixture *f, struct buf *ret)
{
	*ret = BUF_INIT(1 << 20);
	buf_add(ret, f->good.p, f->good.n);
}

static int set_up(void **state)
{
	struct fixture *f = xcalloc(1, sizeof *f);

	snprintf(f->dir, sizeof f->dir, "/tmp/atelier-damage-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	f->seed = 4711;
	write_journal(f);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	unlink(f->path);
	rmdir(f->dir);
	buf_done(&f->good);
	free(f);
	return 0;
}

static void test_whole(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(replay(f, buf_str(&f->good)), 0);
	assert_others_there(f, 0, 0);
}

/* One bit, at every byte of some records and at every seventh of the others. */
static void test_flipped_bits(void **state)
{
	struct fixture *f = *state;

	for (size_t at = 0; at < f->good.n; at += at < 1200 ? 1 : 23) {
		CLEANUP(buf_done) struct buf b;
		copy(f, &b);
		b.p[at] = (char)(b.p[at] ^ (1 << chance(f, 8)));
		assert_true(replay(f, buf_str(&b)) > 0);
		assert_others_there(f, at, at + 1);
	}
}

static void test_zeroed_and_torn(void **state)
{
	struct fixture *f = *state;

	for (unsigned round = 0; round < 200; round++) {
		CLEANUP(buf_done) struct buf b;
		copy(f, &b);
		size_t from = chance(f, (unsigned)b.n), most = 1 + chance(f, 6000), n = MIN(most, b.n - from);
		bool zeros = round % 2;
		for (size_t i = 0; i < n; i++)
			b.p[from + i] = (char)(zeros ? 0 : chance(f, 256));
		(void)!replay(f, buf_str(&b));
		assert_others_there(f, from, from + n);
	}
}

/* A piece is gone: what stood behind it stands elsewhere now. */
static void test_cut_out(void **state)
{
	struct fixture *f = *state;

	for (unsigned round = 0; round < 200; round++) {
		CLEANUP(buf_done) struct buf b;
		copy(f, &b);
		size_t from = HEAD_BYTES + chance(f, (unsigned)b.n - HEAD_BYTES);
		size_t most = 1 + chance(f, 3000), n = MIN(most, b.n - from);
		memmove(b.p + from, b.p + from + n, b.n - from - n);
		b.n -= n;
		(void)!replay(f, buf_str(&b));
		assert_others_there(f, from, from + n);
	}
}

static void test_cut_off(void **state)
{
	struct fixture *f = *state;

	for (size_t n = 0; n <= f->good.n; n += n < 300 ? 1 : 61) {
		(void)!replay(f, (struct str){f->good.p, n});
		assert_others_there(f, n, SIZE_MAX);
	}
}

/* The file is kept under another name, whose number is never used again. */
static void test_kept(void **state)
{
	struct fixture *f = *state;
	struct journal_files files;
	struct journal *j;
	struct err e = {0};
	char path[PATH_BYTES];
	CLEANUP(buf_done) struct buf b;

	copy(f, &b);
	b.p[f->begin[3] + 20] ^= 1;
	assert_true(replay(f, buf_str(&b)) > 0);
	assert_int_equal(journal_list(f->dir, &files, &e), 0);
	assert_int_equal(journal_replay(f->dir, &files, false, see, f, &e), 0);
	assert_int_equal(journal_forget(f->dir, &files, &e), 0);
	journal_files_done(&files);
	snprintf(path, sizeof path, "%s.damaged", f->path);
	assert_int_equal(access(path, R_OK), 0);
	assert_int_not_equal(access(f->path, F_OK), 0);
	assert_int_equal(journal_list(f->dir, &files, &e), 0);
	assert_int_equal(files.n, 0);
	journal_files_done(&files);
	assert_int_equal(journal_open(&(struct journal_config){.dir = f->dir, .segment_bytes = 1 << 20}, &j, &e), 0);
	segment_path(f->dir, 2, f->path);
	assert_int_equal(access(f->path, F_OK), 0);
	journal_close(j);
	unlink(path);
}

/* What is named almost as a file of ours, and a folder that is named so, are neither read nor removed. A number is in use where the next
 * file would meet what is there; one that no journal comes to is none. */
static void test_strange_names(void **state)
{
	struct fixture *f = *state;
	struct journal_files files;
	struct err e = {0};
	char copied[PATH_BYTES], folder[PATH_BYTES];

	snprintf(copied, sizeof copied, "%s/00000000019.journal", f->dir); /* a digit too many */
	segment_path(f->dir, 7, folder);
	assert_int_equal(rename(f->path, copied), 0);
	assert_int_equal(mkdir(folder, 0700), 0);
	assert_int_equal(journal_list(f->dir, &files, &e), 0);
	assert_int_equal(files.n, 0);
	assert_int_equal(files.highest, 7);
	assert_int_equal(journal_forget(f->dir, &files, &e), 0);
	journal_files_done(&files);
	assert_int_equal(unlink(copied), 0);
	assert_int_equal(rmdir(folder), 0);
}

static void test_numbers_beyond_use(void **state)
{
	static const char *const names[] = {"9223372036854775807.journal", "99999999999999999999.journal",
		"9223372036854775807.journal.damaged", "-000000003.journal", "0000000000.journal"};
	struct fixture *f = *state;
	struct journal_files files;
	struct err e = {0};
	char path[N_ELEMENTS(names)][PATH_BYTES];

	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		snprintf(path[i], PATH_BYTES, "%s/%s", f->dir, names[i]);
		int fd = open(path[i], O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
		assert_true(fd >= 0);
		close(fd);
	}
	assert_int_equal(journal_list(f->dir, &files, &e), 0);
	assert_int_equal(files.n, 1); /* the fixture's own */
	assert_int_equal(files.highest, 1);
	journal_files_done(&files);
	for (size_t i = 0; i < N_ELEMENTS(names); i++)
		assert_int_equal(unlink(path[i]), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_whole, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_flipped_bits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_zeroed_and_torn, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_cut_out, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_cut_off, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_strange_names, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_numbers_beyond_use, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
