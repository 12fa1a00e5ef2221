/* Whether the database can be relied on: a file that was deleted, replaced, damaged, that is another program's or another
 * server's. */
#include "db_test.h"

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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
