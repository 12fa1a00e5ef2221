/*
 * elsewhere.h - single statements to a PostgreSQL that is not the database of db.h: one that was named for something beside it. A call
 * waits for two seconds for a connection, which is kept for the next one, and `timeout_ms` for an answer. Any thread that may wait.
 */
#pragma once

#include "base/err.h"
#include "sys/cancel.h"

struct db_elsewhere {
	const char *what; /* it is, in a sentence: "vector store" */
	const char *url;  /* postgresql://..., without a password */
	const char *key;  /* the password; NULL: none */
	int64_t timeout_ms;
	struct cancel *cancel; /* NULL: none */
};

/* Its answer, as text. */
struct db_table;

/* 0 with an answer, by the caller to be freed, or, where a table is not there, 1. E_PROVIDER_DOWN, _TIMEOUT, _REFUSED, _BROKEN with
 * a sentence. `values`: of the parameters $1 to $n, as text. */
int db_elsewhere_ask(const struct db_elsewhere *p, const char *sql, const char *const *values, size_t n,
	struct db_table **ret, struct err *e) MUST_CHECK;
void db_table_freep(struct db_table **t);
size_t db_table_rows(const struct db_table *t);
const char *db_table_text(const struct db_table *t, size_t row, size_t column);
