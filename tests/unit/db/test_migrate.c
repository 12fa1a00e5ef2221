/* Versions of the file: upwards, kept copies, failures, and files of the future. */
#include "db_test.h"

static const struct db_migration steps[] = {
	{.version = 1, .name = "one", .sql = "CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1);"},
	{.version = 2, .name = "two", .sql = "CREATE TABLE b (x INTEGER); INSERT INTO b SELECT x + 1 FROM a;"},
	{.version = 3, .name = "three", .sql = "CREATE TABLE c (x INTEGER); INSERT INTO c SELECT x + 1 FROM b;"},
};

static int try_open(const char *path, const struct db_migration *m, size_t n, struct db **ret, struct err *e)
{
	struct db_config c = {.path = path, .readers = 1};

	return db_open(&c, m, n, ret, e);
}

static bool exists(const char *path, const char *suffix)
{
	char full[160];

	snprintf(full, sizeof(full), "%s%s", path, suffix);
	return access(full, F_OK) == 0;
}

static void test_all_at_once(void **state)
{
	struct test_folder *f = *state;
	struct db *db;
	struct err e = {0};

	assert_int_equal(try_open(f->file, steps, 3, &db, &e), 0);
	assert_int_equal(test_number(db, "SELECT x FROM c"), 3);
	assert_int_equal(test_number(db, "PRAGMA user_version"), 3);
	db_close(db);
	/* A new file has nothing to keep. */
	assert_false(exists(f->file, ".before-v1"));
	assert_int_equal(try_open(f->file, steps, 3, &db, &e), 0);
	assert_int_equal(test_number(db, "SELECT count(*) FROM a"), 1);
	db_close(db);
	assert_false(exists(f->file, ".before-v3"));
}

static void test_copy_is_kept(void **state)
{
	struct test_folder *f = *state;
	struct db *db;
	struct err e = {0};
	struct stat st;
	char copy[160];

	assert_int_equal(try_open(f->file, steps, 1, &db, &e), 0);
	db_close(db);
	assert_int_equal(try_open(f->file, steps, 3, &db, &e), 0);
	assert_int_equal(test_number(db, "SELECT x FROM c"), 3);
	db_close(db);
	snprintf(copy, sizeof(copy), "%s.before-v2", f->file);
	assert_int_equal(stat(copy, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_false(exists(f->file, ".before-v3"));
	assert_int_equal(try_open(copy, steps, 1, &db, &e), 0);
	assert_int_equal(test_number(db, "SELECT x FROM a"), 1);
	db_close(db);
}

static void test_failure_leaves_the_old(void **state)
{
	static const struct db_migration bad[] = {
		{.version = 1, .name = "one", .sql = "CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1);"},
		{.version = 2,
			.name = "two",
			.sql = "CREATE TABLE b (x INTEGER); DROP TABLE a; INSERT INTO nowhere VALUES (1);"},
	};
	struct test_folder *f = *state;
	struct db *db = NULL;
	struct err e = {0};

	assert_int_equal(try_open(f->file, steps, 1, &db, &e), 0);
	db_close(db);
	for (int i = 0; i < 2; i++) {
		db = NULL;
		err_clear(&e);
		assert_int_equal(try_open(f->file, bad, 2, &db, &e), E_INTERNAL);
		assert_non_null(strstr(e.msg, "nowhere"));
		assert_null(db);
	}
	assert_true(exists(f->file, ".before-v2"));
	err_clear(&e);
	assert_int_equal(try_open(f->file, steps, 1, &db, &e), 0);
	assert_int_equal(test_number(db, "SELECT x FROM a"), 1);
	assert_int_equal(test_number(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'b'"), 0);
	db_close(db);
}

static void test_lost_reference_is_refused(void **state)
{
	static const struct db_migration m[] = {
		{.version = 1,
			.name = "one",
			.sql = "CREATE TABLE a (id INTEGER PRIMARY KEY); CREATE TABLE b (a_id INTEGER REFERENCES "
			       "a(id));"
			       "INSERT INTO a VALUES (1); INSERT INTO b VALUES (1);"},
		{.version = 2, .name = "two", .sql = "DELETE FROM a;"},
	};
	struct test_folder *f = *state;
	struct db *db = NULL;
	struct err e = {0};

	assert_int_equal(try_open(f->file, m, 1, &db, &e), 0);
	db_close(db);
	assert_int_equal(try_open(f->file, m, 2, &db, &e), E_INTERNAL);
	assert_non_null(strstr(e.msg, "refers to nothing"));
	assert_int_equal(try_open(f->file, m, 1, &db, &e), 0);
	assert_int_equal(test_number(db, "SELECT count(*) FROM a"), 1);
	db_close(db);
}

static void test_newer_is_refused(void **state)
{
	struct test_folder *f = *state;
	struct db *db = NULL;
	struct err e = {0};

	assert_int_equal(try_open(f->file, steps, 3, &db, &e), 0);
	db_close(db);
	db = NULL;
	assert_int_equal(try_open(f->file, steps, 2, &db, &e), E_NEWER_DATA);
	assert_null(db);
	assert_non_null(strstr(e.msg, "version 3"));
	assert_false(exists(f->file, ".before-v3"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_all_at_once, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_copy_is_kept, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_failure_leaves_the_old, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_lost_reference_is_refused, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_newer_is_refused, folder_setup, folder_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
