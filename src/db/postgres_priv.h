/* postgres_priv.h - what the files of PostgreSQL share. libpq is named only in them. */
#pragma once

#include <libpq-fe.h>

#include "db/db_priv.h"

enum {
	PG_PENDING_MAX = 64, /* words that travel with the next statement */
	PG_STALE_MAX = 32,
	PG_XID_MAX = 24, /* a number of 64 bits as text */
};

/*
 * A connection. It is in pipeline mode: words such as SAVEPOINT are sent and their results read with those of the next
 * statement, so that they cost no round trip. One that was lost is made anew when it is used next; `epoch` then tells the
 * statements that they are not prepared there.
 */
struct pg_link {
	PGconn *pq; /* NULL: not connected */
	bool writes;
	unsigned epoch;
	unsigned n_pending;                    /* sent, and their results not read yet */
	unsigned last_name;                    /* of a prepared statement */
	unsigned stale[PG_STALE_MAX], n_stale; /* names that are not needed any more */
	int64_t patience_ms, look_again_ms;
	char transaction[PG_XID_MAX]; /* of the writer: the last one that began, as the server names it for ever */
};

/* What PostgreSQL needs besides connections. */
struct pg_own {
	char *url; /* with its password */
	struct pg_wait {
		/* atomic */
		int64_t at_ms;    /* monotonic: nobody tries to connect before */
		int64_t ms;       /* until the try after that; 0: all is well */
		int64_t since_ms; /* monotonic: the first try that failed; 0: none has */
	} wait[2];                /* of readers, of the writer: a standby is enough for the former */
};

UNUSED static inline struct pg_link *pg_link(const struct db_conn *c)
{
	return c->h;
}

UNUSED static inline struct pg_own *pg_own(const struct db *db)
{
	return db->own;
}

/* postgres_calls.c: libpq is loaded from here on; E_INTERNAL: it is not there. */
int pg_library_open(struct err *e) MUST_CHECK;

/* postgres_connect.c: connecting, what libpq reports as our errors. */
int pg_open(struct db *db, const struct db_config *c, struct err *e) MUST_CHECK;
void pg_close(struct db *db);
int pg_connect(struct db_conn *c, const struct db_conn_kind *kind, struct err *e) MUST_CHECK;
void pg_disconnect(struct db_conn *c);
/* Connects where that is not so; E_BUSY until it is time for the next try. */
int pg_ready(struct db_conn *c, struct err *e) MUST_CHECK;
void pg_drop(struct db_conn *c); /* the connection is of no use any more */
/* Until when a reader waits for a connection: not at all where that has lasted already, or the end is near. */
int64_t pg_wait_until(const struct db_conn *c);
/* Whether it can be reached, once that has been in doubt for a while. */
int pg_state(struct db *db, struct err *e) MUST_CHECK;
int pg_fail(struct db_conn *c, const PGresult *res, const char *sql, struct err *e);
/* The next result, NULL at the end of one statement's; negative when none came in time: the connection is gone then. */
int pg_result(struct db_conn *c, PGresult **ret, struct err *e) MUST_CHECK;
int pg_send_all(struct db_conn *c, struct err *e) MUST_CHECK; /* what libpq holds back */

/* postgres_statement.c */
int pg_prepare(struct db_rows *r, struct err *e) MUST_CHECK;
int pg_run(struct db_rows *r, const struct db_param *params, size_t n, struct err *e) MUST_CHECK;
int pg_next(struct db_rows *r, struct err *e) MUST_CHECK;
int64_t pg_changed(const struct db_rows *r);
void pg_reset(struct db_rows *r);
void pg_finalize(struct db_rows *r);
int64_t pg_i64(const struct db_rows *r, int col);
double pg_f64(const struct db_rows *r, int col);
bool pg_is_null(const struct db_rows *r, int col);
struct str pg_bytes(const struct db_rows *r, int col);
int pg_word(struct db_conn *c, const char *sql, struct err *e) MUST_CHECK; /* sends it; its result is read later */
int pg_sync(struct db_conn *c, const char *tag, struct err *e) MUST_CHECK; /* reads them; the last one must be `tag` */
/* Reads them; *ret is the value of this column in the first row of the last one, cut to `size`. */
int pg_sync_value(struct db_conn *c, int col, char *ret, size_t size, struct err *e) MUST_CHECK;
int pg_forget_stale(struct db_conn *c, struct err *e) MUST_CHECK;
int pg_script(struct db_conn *c, const char *sql, struct err *e) MUST_CHECK;

/* postgres_schema.c: migrations. */
int pg_belongs(struct db_conn *c, const struct db_config *config, struct err *e) MUST_CHECK;
int pg_version(struct db_conn *c, int64_t *ret, struct err *e) MUST_CHECK;
int pg_migrate(struct db_conn *c, const struct db_migration *m, struct err *e) MUST_CHECK;
int pg_set_version(struct db_conn *c, int version, struct err *e) MUST_CHECK;
char *pg_schema_text(const char *sql); /* SQLite's words for a schema in those of PostgreSQL; on the heap */
