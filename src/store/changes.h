/*
 * changes.h - what other processes have changed of that which programs keep in memory. Only several on one PostgreSQL do so:
 * triggers count there, for each process, how often it has changed which kind of thing, and note what has ended of that by
 * which streams are open.
 */
#pragma once

#include "base/id.h"
#include "db/db.h"

/* How often others have changed it. */
struct changes_seen {
	int64_t configuration; /* of providers and models */
	int64_t limits;        /* prices, limits and groups */
	int64_t usage;         /* what limits count */
};

int changes_read(struct db_conn *c, struct changes_seen *ret, struct err *e) MUST_CHECK; /* all 0 on SQLite */

/* A right that is gone; what is not 0 says whose. */
struct change_ending {
	int64_t id; /* rises */
	atelier_id user_id, session_id, key_id, conversation_id;
};

/* Those that others have ended since the one of this id, the oldest first: at most CHANGE_ENDINGS. Nothing on SQLite. */
#define CHANGE_ENDINGS 200
int changes_endings(struct db_conn *c, int64_t after, struct arena *a, struct change_ending **ret, size_t *ret_n,
	struct err *e) MUST_CHECK;
/* Forgets those of before that time: everybody has seen them. */
int changes_trim(struct db *db, int64_t before_ms, int64_t *ret_n, struct err *e) MUST_CHECK;

extern const char changes_postgres[], changes_endings_postgres[]; /* the migrations */
