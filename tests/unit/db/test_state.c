/* Whether the database can be relied on: a file that was deleted, replaced, damaged, that is another program's or another
 * server's. */
#include "db_test.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "../patience.h"
#include "base/clock.h"
#include "base/log.h"

static struct db *open_server(const struct test_folder *f, int *ret, struct err *e)
{
	struct db_config c = {.path = f->file, .readers = 1, .exclusive = true, .table = "things"};
	struct db *db = NULL;

	*ret = db_open(&c, test_migrations, N_ELEMENTS(test_migrations), &db, e);
	return db;
}

static void test_file_goes(void **state)
{
	struct test_folder *f = *state;
	struct db *db = test_open(f);
	struct err e = {0};
	char other[128];

	assert_int_equal(db_file_state(db, &e), 0);
	snprintf(other, sizeof(other), "%s/moved", f->path);
	assert_int_equal(rename(f->file, other), 0);
	assert_int_equal(db_file_state(db, &e), E_STORAGE);
	assert_non_null(strstr(e.msg, "deleted"));
	err_clear(&e);
	int fd = open(f->file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(db_file_state(db, &e), E_STORAGE);
	assert_non_null(strstr(e.msg, "replaced"));
	err_clear(&e);
	/* A look through the other file leaves the log of this one alone, and is nothing to tell apart. */
	db_check_often(db);
	assert_int_equal(db_state(db, &e), 0);
	assert_int_equal(rename(other, f->file), 0);
	assert_int_equal(db_file_state(db, &e), 0);
	db_close(db);
}

static void overwrite(const struct test_folder *f, off_t at, size_t n)
{
	CLEANUP(freep) char *garbage = xcalloc(1, n);
	int fd = open(f->file, O_WRONLY | O_CLOEXEC);

	memset(garbage, 0x5a, n);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, garbage, n, at), n);
	close(fd);
}

static int fill(struct db_conn *c, void *arg, struct err *e)
{
	(void)arg;
	for (int i = 0; i < 200; i++) {
		int r = db_exec(c, NULL, e, "INSERT INTO things (name, data) VALUES (?, zeroblob(3000))", DB_I64(i));
		if (r < 0)
			return r;
	}
	return 0;
}

/* With everything in the file itself. */
static struct db *open_filled(const struct test_folder *f)
{
	struct db *db = test_open(f);

	assert_int_equal(db_write(db, fill, NULL, NULL), 0);
	db_close(db);
	return test_open(f);
}

static void test_head_is_written_over(void **state)
{
	struct test_folder *f = *state;
	struct db *db = open_filled(f);
	struct err e = {0};

	assert_int_equal(db_state(db, &e), 0);
	overwrite(f, 0, 64);
	assert_int_equal(db_state(db, &e), E_INTERNAL);
	assert_non_null(strstr(e.msg, "damaged"));
	db_close(db);
}

static void test_cut_short(void **state)
{
	struct test_folder *f = *state;
	struct db *db = open_filled(f);
	struct err e = {0};

	assert_int_equal(truncate(f->file, 100000), 0);
	assert_int_equal(db_state(db, &e), E_INTERNAL);
	db_close(db);
}

/* A checkpoint that makes the file larger writes the first page, which says so, before the last. */
static void test_grows_in_a_checkpoint(void **state)
{
	struct test_folder *f = *state;
	struct db *db = open_filled(f);
	static const unsigned char pages[4] = {0, 1, 0, 0};
	struct err e = {0};
	int fd = open(f->file, O_WRONLY | O_CLOEXEC);

	assert_int_equal(db_state(db, &e), 0);
	assert_int_equal(pwrite(fd, pages, sizeof(pages), 28), (ssize_t)sizeof(pages));
	assert_int_equal(db_state(db, &e), 0);
	close(fd);
	assert_int_equal(truncate(f->file, 100000), 0);
	assert_int_equal(db_state(db, &e), E_INTERNAL);
	db_close(db);
}

static void test_damage_in_the_middle(void **state)
{
	struct test_folder *f = *state;
	struct db *db = open_filled(f);
	struct err e = {0};

	db_check_often(db);
	assert_int_equal(db_state(db, &e), 0);
	db_close(db);
	overwrite(f, 200000, 300000);
	db = test_open(f);
	db_check_often(db);
	assert_int_equal(db_state(db, &e), E_INTERNAL);
	assert_non_null(strstr(e.msg, "damaged"));
	db_close(db);
}

/* What a query meets is remembered. */
static void test_damage_that_was_met(void **state)
{
	struct test_folder *f = *state;
	struct db *db = open_filled(f);
	struct err e = {0};

	db_close(db);
	overwrite(f, 8192, 600000);
	db = test_open(f);
	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(db);
		CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
		struct err met = {0};

		assert_int_equal(db_query(c, &rows, &met, "SELECT total(length(data)) FROM things"), 0);
		assert_true(db_next(rows, &met) < 0);
	}
	assert_int_equal(db_state(db, &e), E_INTERNAL);
	db_close(db);
}

static void test_one_server(void **state)
{
	struct test_folder *f = *state;
	struct err e = {0};
	char other[128];
	int r;
	struct db *db = open_server(f, &r, &e);

	assert_int_equal(r, 0);
	assert_null(open_server(f, &r, &e));
	assert_int_equal(r, E_CONFLICT);
	err_clear(&e);
	/* Programs that only look, or add a user, may. */
	db_close(test_open(f));
	/* Under another name it is the same file. */
	snprintf(other, sizeof(other), "%s/link.db", f->path);
	assert_int_equal(link(f->file, other), 0);
	struct test_folder linked = *f;
	snprintf(linked.file, sizeof(linked.file), "%.*s/link.db", (int)strlen(f->path), f->path);
	assert_null(open_server(&linked, &r, &e));
	assert_int_equal(r, E_CONFLICT);
	db_close(db);
	err_clear(&e);
	db = open_server(f, &r, &e);
	assert_int_equal(r, 0);
	db_close(db);
}

static void test_of_another_program(void **state)
{
	struct test_folder *f = *state;
	static const struct db_migration theirs[] = {
		{.version = 1, .name = "theirs", .sql = "CREATE TABLE songs (id INTEGER PRIMARY KEY) STRICT"}};
	struct db_config c = {.path = f->file, .readers = 1};
	struct err e = {0};
	struct db *db;
	int r;

	assert_int_equal(db_open(&c, theirs, 1, &db, &e), 0);
	db_close(db);
	assert_null(open_server(f, &r, &e));
	assert_int_equal(r, E_INVALID);
	assert_non_null(strstr(e.msg, "not one of Atelier"));
}

static void test_no_link_is_followed(void **state)
{
	struct test_folder *f = *state;
	struct err e = {0};
	char there[128], wal[128];
	int r;

	snprintf(there, sizeof(there), "%s/there", f->path);
	assert_int_equal(symlink(there, f->file), 0);
	assert_null(open_server(f, &r, &e));
	assert_int_equal(r, E_STORAGE);
	assert_non_null(strstr(e.msg, "symbolic link"));
	assert_int_equal(access(there, F_OK), -1);
	unlink(f->file);
	err_clear(&e);
	snprintf(wal, sizeof(wal), "%s-wal", f->file);
	assert_int_equal(symlink(there, wal), 0);
	assert_null(open_server(f, &r, &e));
	assert_int_equal(r, E_STORAGE);
}

/* ---- SQLite's log ---- */

enum { WAL_HEAD = 32, WAL_FRAME = 24 + 4096 };

static void copy_bytes(const char *from, const char *to)
{
	static char bytes[1 << 20];
	int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ssize_t n = read(in, bytes, sizeof(bytes));

	assert_true(in >= 0 && out >= 0 && n > 0 && (size_t)n < sizeof(bytes));
	assert_int_equal(write(out, bytes, (size_t)n), n);
	close(in);
	close(out);
}

static void flip(const char *path, off_t at)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	char byte;

	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 0x10;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

/* What an unclean end leaves, of a server that has written several times since its log began anew. */
static void leave_log(const struct test_folder *f, char kept[120], char kept_log[120])
{
	char name[16], log[120];
	struct db *db = test_open(f);

	snprintf(kept, 120, "%s/kept", f->path);
	snprintf(kept_log, 120, "%s-wal", kept);
	snprintf(log, sizeof(log), "%s-wal", f->file);
	for (int i = 0; i < 8; i++) {
		snprintf(name, sizeof(name), "thing %d", i);
		assert_int_equal(db_write(db, test_insert, name, NULL), 0);
	}
	copy_bytes(f->file, kept);
	copy_bytes(log, kept_log);
	db_close(db);
}

static unsigned copies(const struct test_folder *f)
{
	DIR *d = opendir(f->path);
	struct dirent *entry;
	unsigned n = 0;

	while ((entry = readdir(d)) != NULL)
		n += strstr(entry->d_name, ".damaged-") != NULL;
	closedir(d);
	return n;
}

static void remove_copies(const struct test_folder *f)
{
	DIR *d = opendir(f->path);
	struct dirent *entry;

	while ((entry = readdir(d)) != NULL)
		if (strstr(entry->d_name, ".damaged-"))
			unlinkat(dirfd(d), entry->d_name, 0);
	closedir(d);
}

static void test_log_with_damage(void **state)
{
	struct test_folder *f = *state;
	char kept[120], kept_log[120], log[120];
	struct stat st;
	int64_t until_s;
	struct err e = {0};
	int r;

	leave_log(f, kept, kept_log);
	assert_int_equal(stat(kept_log, &st), 0);
	snprintf(log, sizeof(log), "%s-wal", f->file);
	off_t last = st.st_size - WAL_FRAME, middle = WAL_HEAD + (last - WAL_HEAD) / WAL_FRAME / 2 * WAL_FRAME;
	const struct {
		off_t at;
		bool lost;
	} flips[] = {{0, false} /* none */, {last + 500, false} /* as one that was never told */, {3, true}, {16, true},
		{28, true}, {middle, true}, {middle + 9, true}, {middle + 16, true}, {middle + 24 + 4000, true}};
	for (size_t i = 0; i < N_ELEMENTS(flips); i++) {
		copy_bytes(kept, f->file);
		copy_bytes(kept_log, log);
		if (flips[i].at)
			flip(log, flips[i].at);
		struct db *db = open_server(f, &r, &e);
		assert_int_equal(r, 0);
		assert_int_equal(db_lost(db, &until_s) != NULL, flips[i].lost);
		assert_int_equal(until_s, flips[i].lost ? INT64_MAX : 0);
		assert_int_equal(copies(f), flips[i].lost ? 2 : 0);
		db_close(db);
		db = open_server(f, &r, &e); /* the copies are spoken of until they are removed */
		assert_int_equal(db_lost(db, &until_s) != NULL, flips[i].lost);
		assert_true(flips[i].lost ? until_s > 0 && until_s <= clock_now_ms() / 1000 : until_s == 0);
		db_close(db);
		remove_copies(f);
	}
}

/* Writes three times, as a server that is killed then. */
static void go_on_and_die(const struct test_folder *f, int i)
{
	char names[2][120], log[120], word[20];
	struct err e = {0};
	int r;
	struct db *db = open_server(f, &r, &e);

	assert_int_equal(r, 0);
	snprintf(log, sizeof(log), "%s-wal", f->file);
	snprintf(names[0], sizeof(names[0]), "%s/died", f->path);
	snprintf(names[1], sizeof(names[1]), "%s/died-log", f->path);
	for (int k = 0; k < 3; k++) {
		snprintf(word, sizeof(word), "more %d.%d", i, k);
		assert_int_equal(db_write(db, test_insert, word, NULL), 0);
	}
	copy_bytes(f->file, names[0]);
	copy_bytes(log, names[1]);
	db_close(db);
	copy_bytes(names[0], f->file);
	copy_bytes(names[1], log);
}

static bool is_lost_now(const struct test_folder *f, bool *ret_told)
{
	struct err e = {0};
	int64_t until_s;
	int r;
	struct db *db = open_server(f, &r, &e);

	assert_int_equal(r, 0);
	*ret_told = db_lost(db, &until_s) != NULL;
	db_close(db);
	return until_s == INT64_MAX;
}

/* What is behind the bad place is lost once: a server that goes on before it and is killed has lost nothing more, unless something is
 * damaged again. */
static void test_log_with_damage_again(void **state)
{
	struct test_folder *f = *state;
	char kept[120], kept_log[120], log[120];
	struct stat st;
	bool told;

	leave_log(f, kept, kept_log);
	snprintf(log, sizeof(log), "%s-wal", f->file);
	copy_bytes(kept, f->file);
	copy_bytes(kept_log, log);
	assert_int_equal(stat(log, &st), 0);
	off_t bad = WAL_HEAD + (st.st_size - WAL_HEAD) / WAL_FRAME / 3 * WAL_FRAME;
	flip(log, bad + 100);
	go_on_and_die(f, 0);
	assert_int_equal(copies(f), 2);
	copy_bytes(log, kept_log);
	copy_bytes(f->file, kept);
	assert_false(is_lost_now(f, &told));
	assert_true(told);
	assert_int_equal(copies(f), 2);
	copy_bytes(kept, f->file);
	copy_bytes(kept_log, log);
	flip(log, bad + 100);
	assert_true(is_lost_now(f, &told));
	assert_int_equal(copies(f), 4);
}

/* Of a copy only what is whole has its name; and anybody who opens the database beside no server makes one, for SQLite makes the log
 * shorter. */
static void test_log_copy_is_whole(void **state)
{
	struct test_folder *f = *state;
	char kept[120], kept_log[120], log[120], part[120];
	struct stat st, copy;
	struct dirent *entry;
	int64_t until_s;

	leave_log(f, kept, kept_log);
	snprintf(log, sizeof(log), "%s-wal", f->file);
	snprintf(part, sizeof(part), "%s.copying", log);
	copy_bytes(kept, f->file);
	copy_bytes(kept_log, log);
	copy_bytes(kept, part); /* of a start that was killed */
	flip(log, WAL_HEAD + 100);
	assert_int_equal(stat(log, &st), 0);
	struct db *db = test_open(f);
	assert_non_null(db_lost(db, &until_s));
	assert_true(until_s == INT64_MAX);
	db_close(db);
	assert_int_equal(access(part, F_OK), -1);
	assert_int_equal(copies(f), 2);
	DIR *d = opendir(f->path);
	while ((entry = readdir(d)) != NULL)
		if (strstr(entry->d_name, "-wal.damaged-")) {
			assert_int_equal(fstatat(dirfd(d), entry->d_name, &copy, 0), 0);
			assert_int_equal(copy.st_size, st.st_size);
		}
	closedir(d);
}

struct opener {
	struct test_folder *f;
	atomic_bool open;
};

static void *open_and_close(void *arg)
{
	struct opener *o = arg;
	struct db *db = test_open(o->f);

	atomic_store(&o->open, true);
	db_close(db);
	return NULL;
}

static sem_t waits;

static void note_wait(const char *line, size_t n)
{
	if (memmem(line, n, "waiting for it", 14))
		sem_post(&waits);
}

/* Whoever opens it waits for one who looks at its log, in whichever process: a copy in the making has one name. */
static void test_one_looks_at_a_time(void **state)
{
	struct opener o = {.f = *state};
	struct flock looking = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (INT64_C(1) << 62) + 1, .l_len = 1};
	pthread_t t;

	db_close(test_open(o.f));
	int fd = open(o.f->file, O_RDWR | O_CLOEXEC);
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &looking), 0);
	sem_init(&waits, 0, 0);
	log_set_sink(note_wait);
	assert_int_equal(pthread_create(&t, NULL, open_and_close, &o), 0);
	int64_t until_ms = clock_mono_ms() + PATIENCE_MS;
	while (sem_trywait(&waits) < 0)
		assert_true(clock_mono_ms() < until_ms);
	assert_false(atomic_load(&o.open));
	close(fd);
	pthread_join(t, NULL);
	log_set_sink(NULL);
	assert_true(atomic_load(&o.open));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_setup, folder_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_file_goes),
		TEST(test_head_is_written_over),
		TEST(test_cut_short),
		TEST(test_grows_in_a_checkpoint),
		TEST(test_damage_in_the_middle),
		TEST(test_damage_that_was_met),
		TEST(test_one_server),
		TEST(test_of_another_program),
		TEST(test_no_link_is_followed),
		TEST(test_log_with_damage),
		TEST(test_log_with_damage_again),
		TEST(test_one_looks_at_a_time),
		TEST(test_log_copy_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
