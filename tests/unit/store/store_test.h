/* store_test.h - a database with the schema, two people, a reading connection and an arena. */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "../database.h"

#include "store/conversations.h"
#include "store/store.h"
#include "store/turns.h"
#include "store/users.h"

struct fixture {
	char folder[64];
	char path[TEST_DATABASE_MAX];
	struct db *db;
	struct db_conn *c;
	struct arena a;
	struct err e;
	atelier_id ada, bob;
};

UNUSED static atelier_id add_user(struct fixture *f, const char *name, const char *role)
{
	struct user_new in = {.name = name, .password_hash = "hash", .role = role};
	atelier_id id = 0;

	assert_int_equal(users_create(f->db, &in, &id, &f->e), 0);
	assert_true(id > 0);
	return id;
}

/* Checks a failure and forgets it. */
#define REFUSED(f, code_, call)                                                                                        \
	do {                                                                                                           \
		assert_int_equal((call), (code_));                                                                     \
		assert_int_equal((f)->e.code, (code_));                                                                \
		err_clear(&(f)->e);                                                                                    \
	} while (0)

/* Checks a success, and says what went wrong otherwise. */
#define FINE(f, call)                                                                                                  \
	do {                                                                                                           \
		int fine_ = (call);                                                                                    \
		if (fine_ != 0)                                                                                        \
			print_error("%s\n", (f)->e.msg);                                                               \
		assert_int_equal(fine_, 0);                                                                            \
	} while (0)

UNUSED static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	const struct db_migration *m;
	struct db_config config;
	char path[96];
	size_t n;

	strcpy(f->folder, "/tmp/atelier-store-XXXXXX");
	if (!mkdtemp(f->folder))
		return -1;
	snprintf(path, sizeof(path), "%s/atelier.db", f->folder);
	test_database(path, f->path);
	config = (struct db_config){.path = f->path, .readers = 2};
	m = store_migrations(&n);
	FINE(f, db_open(&config, m, n, &f->db, &f->e));
	f->c = db_acquire(f->db);
	arena_init(&f->a, 64u << 20);
	f->ada = add_user(f, "ada", ROLE_ADMIN);
	f->bob = add_user(f, "bob", ROLE_USER);
	*state = f;
	return 0;
}

UNUSED static int teardown(void **state)
{
	struct fixture *f = *state;
	struct dirent *entry;
	DIR *d;

	arena_done(&f->a);
	db_release(f->c);
	db_close(f->db);
	test_database_done(f->path);
	d = opendir(f->folder);
	while (d && (entry = readdir(d)) != NULL)
		unlinkat(dirfd(d), entry->d_name, 0);
	if (d)
		closedir(d);
	rmdir(f->folder);
	free(f);
	return 0;
}

static int nothing_in(struct db_conn *c UNUSED, void *arg UNUSED, struct err *e UNUSED)
{
	return 0;
}

/* What waits for company is written with this. */
UNUSED static void store_flush(struct fixture *f)
{
	FINE(f, db_write(f->db, nothing_in, NULL, &f->e));
}

UNUSED static int64_t number(struct fixture *f, const char *sql)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;

	FINE(f, db_query(f->c, &rows, &f->e, sql));
	assert_int_equal(db_next(rows, &f->e), 1);
	return db_i64(rows, 0);
}

UNUSED static atelier_id add_conversation(struct fixture *f, atelier_id user, const char *title)
{
	struct conversation v;

	FINE(f, conversations_create(
			f->db, user, &(struct conversation_patch){.title = title, .model = "small"}, &v, &f->e));
	return v.id;
}

UNUSED static struct turn_begun begin(struct fixture *f, atelier_id user, atelier_id conversation, const char *text)
{
	struct turn_begin in = {
		.user_id = user, .conversation_id = conversation, .content = text, .model = "big", .title = text};
	struct turn_begun out;

	FINE(f, turns_begin(f->db, &in, &out, &f->e));
	return out;
}

UNUSED static void finish(struct fixture *f, atelier_id turn, const char *state, const char *text)
{
	struct turn_finish in = {.turn_id = turn, .state = state, .content = str_from(text)};

	FINE(f, turns_finish(f->db, &in, &f->e));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
