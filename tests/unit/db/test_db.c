/* Opening, statements, readers, copies, checks. */
#include "db_test.h"

static void test_file_is_private(void **state)
{
	struct test_folder *f = *state;
	struct db *db = test_open(f);
	char wal[128];
	struct stat st;
	struct err e = {0};

	assert_int_equal(stat(f->file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(db_write(db, test_insert, (void *)"a", &e), 0);
	snprintf(wal, sizeof(wal), "%s-wal", f->file);
	assert_int_equal(stat(wal, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	db_close(db);
	assert_int_equal(stat(wal, &st), -1);
}

static void test_data_survives_closing(void **state)
{
	struct db *db = test_open(*state);
	struct err e = {0};

	assert_int_equal(db_write(db, test_insert, (void *)"kept", &e), 0);
	db_close(db);
	db = test_open(*state);
	assert_int_equal(test_number(db, "SELECT count(*) FROM things WHERE name = 'kept'"), 1);
	db_close(db);
	db_close(NULL);
}

static int insert_types(struct db_conn *c, void *arg, struct err *e)
{
	int64_t changed = 0;
	int r;

	(void)arg;
	r = db_exec(c, &changed, e, "INSERT INTO things (id, name, data) VALUES (?, ?, ?)", DB_I64(INT64_MAX),
		DB_TEXT_N("caf\xc3\xa9!", 5), DB_BLOB("\0\1\2", 3));
	assert_int_equal(changed, 1);
	if (r == 0)
		r = db_exec(c, NULL, e, "INSERT INTO things (id, name, data) VALUES (?, ?, ?)", DB_I64(-7),
			DB_TEXT(NULL), DB_BLOB(NULL, 0));
	return r;
}

static void test_values_come_back(void **state)
{
	struct db *db = test_open(*state);
	struct db_conn *c;
	struct db_rows *rows;
	struct arena a;
	struct err e = {0};

	arena_init(&a, 65536);
	assert_int_equal(db_write(db, insert_types, NULL, &e), 0);
	c = db_acquire(db);
	assert_int_equal(db_query(c, &rows, &e, "SELECT id, name, data, 1.5 FROM things ORDER BY id"), 0);
	assert_int_equal(db_next(rows, &e), 1);
	assert_int_equal(db_i64(rows, 0), -7);
	assert_true(db_is_null(rows, 1));
	assert_null(db_dup(rows, 1, &a));
	assert_int_equal(db_bytes(rows, 1).n, 0);
	assert_non_null(db_bytes(rows, 1).p);
	assert_false(db_is_null(rows, 2));
	assert_int_equal(db_bytes(rows, 2).n, 0);
	assert_int_equal(db_next(rows, &e), 1);
	assert_true(db_i64(rows, 0) == INT64_MAX);
	assert_string_equal(db_dup(rows, 1, &a), "caf\xc3\xa9");
	assert_true(str_eq(db_bytes(rows, 2), (struct str){"\0\1\2", 3}));
	assert_true(db_f64(rows, 3) > 1.4 && db_f64(rows, 3) < 1.6);
	assert_int_equal(db_next(rows, &e), 0);
	db_rows_done(rows);
	db_release(c);
	arena_done(&a);
	db_close(db);
}

static void test_statement_twice_at_once(void **state)
{
	struct db *db = test_open(*state);
	struct db_conn *c = db_acquire(db);
	struct db_rows *one, *two;
	struct err e = {0};
	const char *sql = "SELECT ?";

	assert_int_equal(db_query(c, &one, &e, sql, DB_I64(1)), 0);
	assert_int_equal(db_query(c, &two, &e, sql, DB_I64(2)), 0);
	assert_ptr_not_equal(one, two);
	assert_int_equal(db_next(one, &e), 1);
	assert_int_equal(db_next(two, &e), 1);
	assert_int_equal(db_i64(one, 0), 1);
	assert_int_equal(db_i64(two, 0), 2);
	db_rows_done(one);
	db_rows_done(two);
	/* More texts than the cache has places, and more at once. */
	for (int i = 0; i < 200; i++) {
		char text[32];

		snprintf(text, sizeof(text), "SELECT %d", i);
		assert_int_equal(db_query(c, &one, &e, text), 0);
		assert_int_equal(db_next(one, &e), 1);
		assert_int_equal(db_i64(one, 0), i);
		db_rows_done(one);
	}
	struct db_rows *many[60];
	for (int i = 0; i < 60; i++)
		assert_int_equal(db_query(c, &many[i], &e, sql, DB_I64(i)), 0);
	for (int i = 0; i < 60; i++) {
		assert_int_equal(db_next(many[i], &e), 1);
		assert_int_equal(db_i64(many[i], 0), i);
		db_rows_done(many[i]);
	}
	db_release(c);
	db_close(db);
}

static void test_wrong_use_is_an_error(void **state)
{
	struct db *db = test_open(*state);
	struct db_conn *c = db_acquire(db);
	struct db_rows *rows = NULL;
	struct err e = {0};

	assert_int_equal(db_query(c, &rows, &e, "SELECT ?"), E_INTERNAL);
	err_clear(&e);
	assert_int_equal(db_query(c, &rows, &e, "SELEKT 1"), E_INTERNAL);
	assert_non_null(strstr(e.msg, "SELEKT"));
	err_clear(&e);
	assert_int_equal(db_exec(c, NULL, &e, "INSERT INTO things (name) VALUES ('x')"), E_INTERNAL);
	err_clear(&e);
	/* Nor by the back door. */
	assert_int_equal(db_query(c, &rows, &e, "INSERT INTO things (name) VALUES ('x')"), 0);
	assert_true(db_next(rows, &e) < 0);
	db_rows_done(rows);
	db_release(c);
	assert_int_equal(test_number(db, "SELECT count(*) FROM things"), 0);
	db_close(db);
}

static int refused(const char *path, struct err *e)
{
	struct db_config c = {.path = path, .readers = 1};
	struct db *db = NULL;
	int r = db_open(&c, test_migrations, 1, &db, e);

	assert_null(db);
	return r;
}

static void test_open_says_what_is_wrong(void **state)
{
	struct test_folder *f = *state;
	struct err e = {0};
	char path[128];
	FILE *file;

	assert_int_equal(refused("/no-such-folder/x.db", &e), E_STORAGE);
	assert_non_null(strstr(e.msg, "/no-such-folder"));
	err_clear(&e);
	assert_true(refused(f->path, &e) < 0);
	assert_non_null(strstr(e.msg, f->path));
	err_clear(&e);
	snprintf(path, sizeof(path), "%s/other", f->path);
	file = fopen(path, "w");
	for (int i = 0; i < 2000; i++)
		fputs("this is no database ", file);
	fclose(file);
	assert_int_equal(refused(path, &e), E_INTERNAL);
	assert_non_null(strstr(e.msg, "is not a database of Atelier"));
	if (geteuid() == 0)
		return; /* for root no folder is read-only */
	err_clear(&e);
	snprintf(path, sizeof(path), "%s/none", f->path);
	assert_int_equal(chmod(f->path, 0500), 0);
	assert_int_equal(refused(path, &e), E_STORAGE);
	assert_int_equal(chmod(f->path, 0700), 0);
	assert_non_null(strstr(e.msg, "cannot be written"));
}

static void test_snapshot_is_whole(void **state)
{
	struct test_folder *f = *state;
	struct db *db = test_open(f);
	struct test_folder copy;
	struct stat st;
	struct err e = {0};

	assert_int_equal(db_write(db, test_insert, (void *)"a", &e), 0);
	snprintf(copy.file, sizeof(copy.file), "%s/copy.db", f->path);
	assert_int_equal(db_snapshot(db, copy.file, &e), 0);
	assert_int_equal(stat(copy.file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(db_snapshot(db, copy.file, &e), E_CONFLICT);
	err_clear(&e);
	assert_true(db_snapshot(db, "/no-such-folder/copy.db", &e) < 0);
	assert_int_equal(db_write(db, test_insert, (void *)"b", NULL), 0);
	db_close(db);
	db = test_open(&copy);
	assert_int_equal(test_number(db, "SELECT count(*) FROM things"), 1);
	db_close(db);
}

static void test_check_finds_damage(void **state)
{
	struct test_folder *f = *state;
	struct db *db = test_open(f);
	const char *text;
	struct arena a;
	struct err e = {0};
	char name[2000];
	int fd;

	arena_init(&a, 1 << 20);
	assert_int_equal(db_check(db, &a, &text, &e), 0);
	assert_string_equal(text, "ok");
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (int i = 0; i < 50; i++) {
		name[0] = (char)('A' + i);
		assert_int_equal(db_write(db, test_insert, name, &e), 0);
	}
	db_close(db);
	fd = open(f->file, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, name, 1500, 4096 * 12 + 50), 1500);
	close(fd);
	db = test_open(f);
	if (db_check(db, &a, &text, &e) == 0)
		assert_string_not_equal(text, "ok");
	db_close(db);
	arena_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_file_is_private, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_data_survives_closing, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_values_come_back, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_statement_twice_at_once, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_wrong_use_is_an_error, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_open_says_what_is_wrong, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_snapshot_is_whole, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(test_check_finds_damage, folder_setup, folder_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
