/*
 * changes.h - what other processes have changed of that which programs keep in memory. Only several on one PostgreSQL do so:
 * triggers count there, for each process, how often it has changed which kind of thing.
 */
#pragma once

#include "db/db.h"

/* How often others have changed it. */
struct changes_seen {
	int64_t configuration; /* of providers and models */
	int64_t limits;        /* prices, limits and groups */
	int64_t usage;         /* what limits count */
};

int changes_read(struct db_conn *c, struct changes_seen *ret, struct err *e) MUST_CHECK; /* all 0 on SQLite */

extern const char changes_postgres[]; /* the migration */
