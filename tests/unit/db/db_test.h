/* db_test.h - a folder that is gone after the test, and a database in it. */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "db/db.h"

static const struct db_migration test_migrations[] = {
	{.version = 1,
		.name = "things",
		.sql = "CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT UNIQUE, data BLOB) STRICT;"
		       "CREATE TABLE parts (id INTEGER PRIMARY KEY, thing_id INTEGER NOT NULL REFERENCES things(id)) "
		       "STRICT;"},
};

struct test_folder {
	char path[64];
	char file[96];
};

UNUSED static int folder_setup(void **state)
{
	struct test_folder *f = xcalloc(1, sizeof(*f));

	strcpy(f->path, "/tmp/atelier-db-XXXXXX");
	if (!mkdtemp(f->path))
		return -1;
	snprintf(f->file, sizeof(f->file), "%s/test.db", f->path);
	*state = f;
	return 0;
}

UNUSED static int folder_teardown(void **state)
{
	struct test_folder *f = *state;
	DIR *d = opendir(f->path);
	struct dirent *entry;

	while (d && (entry = readdir(d)) != NULL)
		unlinkat(dirfd(d), entry->d_name, 0);
	if (d)
		closedir(d);
	rmdir(f->path);
	free(f);
	return 0;
}

UNUSED static struct db *test_open(const struct test_folder *f)
{
	struct db_config c = {.path = f->file, .readers = 2};
	struct err e = {0};
	struct db *db = NULL;
	int r = db_open(&c, test_migrations, N_ELEMENTS(test_migrations), &db, &e);

	if (r < 0)
		print_error("%s\n", e.msg);
	assert_int_equal(r, 0);
	return db;
}

UNUSED static int64_t test_number(struct db *db, const char *sql)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(db);
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	struct err e = {0};

	assert_int_equal(db_query(c, &rows, &e, sql), 0);
	assert_int_equal(db_next(rows, &e), 1);
	return db_i64(rows, 0);
}

/* Inserts the thing named by `arg`. */
UNUSED static int test_insert(struct db_conn *c, void *arg, struct err *e)
{
	return db_exec(c, NULL, e, "INSERT INTO things (name) VALUES (?)", DB_TEXT(arg));
}
