/*
 * database.h - where a test has its database: a file in its folder, or, where ATELIER_TEST_DATABASE names a PostgreSQL
 * (tests/postgres.py), a schema of its own there.
 */
#pragma once

#include <libpq-fe.h>
#include <stdio.h>

#include "base/base.h"

#define TEST_DATABASE_MAX 400

UNUSED static const char *test_postgres(void)
{
	return getenv("ATELIER_TEST_DATABASE");
}

static void test_postgres_run(const char *sql)
{
	PGconn *c = PQconnectdb(test_postgres());
	PGresult *res = PQexec(c, sql);

	if (PQresultStatus(res) != PGRES_COMMAND_OK) {
		fprintf(stderr, "%s: %s\n", sql, PQerrorMessage(c));
		abort();
	}
	PQclear(res);
	PQfinish(c);
}

/* `file` is used where there is no PostgreSQL. */
UNUSED static void test_database(const char *file, char ret[TEST_DATABASE_MAX])
{
	static unsigned n;
	char sql[120];

	if (!test_postgres()) {
		snprintf(ret, TEST_DATABASE_MAX, "%s", file);
		return;
	}
	snprintf(sql, sizeof(sql), "CREATE SCHEMA t%d_%u", getpid(), ++n);
	test_postgres_run(sql);
	snprintf(ret, TEST_DATABASE_MAX, "%s&options=-csearch_path%%3Dt%d_%u", test_postgres(), getpid(), n);
}

UNUSED static void test_database_done(const char *path)
{
	const char *schema = strstr(path, "search_path%3D");
	char sql[120];

	if (!test_postgres() || !schema)
		return;
	snprintf(sql, sizeof(sql), "SET client_min_messages = warning; DROP SCHEMA %s CASCADE", schema + 14);
	test_postgres_run(sql);
}
