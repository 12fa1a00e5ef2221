/*
 * postgres.c - PostgreSQL behind db.h: its verbs, and the transaction of the writer.
 *
 * Several processes may write to one database. Whoever writes holds an advisory lock for the length of its transaction,
 * as SQLite's writer holds the file: so that what one request checks and then changes is right, and two transactions that
 * touch the same rows in another order never wait for each other.
 */
#include <stdio.h>

#include "base/clock.h"
#include "db/postgres_priv.h"

/* The lock ("atel"), then a longer patience with others, and which transaction this is. */
#define TAKE_TURN                                                                                                      \
	"SELECT pg_advisory_xact_lock(1635018860, hashtext(current_schema())), set_config('lock_timeout', '5s', "      \
	"true),"                                                                                                       \
	" pg_current_xact_id()"

enum { PAUSE_US = 50000, BEGIN_MS = 5000 };

static int ask_to_begin(struct db_conn *c, struct err *e)
{
	int r = pg_forget_stale(c, e);

	if (r == 0)
		r = pg_word(c, "BEGIN", e);
	if (r == 0)
		r = pg_word(c, "SET LOCAL lock_timeout = '500ms'", e);
	if (r == 0)
		r = pg_word(c, TAKE_TURN, e);
	return r == 0 ? pg_sync_value(c, 2, pg_link(c)->transaction, PG_XID_MAX, e) : r;
}

static int begin(struct db_conn *c, struct err *e)
{
	struct pg_link *l = pg_link(c);
	int64_t patience = l->patience_ms;
	int r = pg_ready(c, e);

	/* Of this much is known how long it takes, and a server that does not answer is noticed here. */
	l->patience_ms = BEGIN_MS;
	if (r == 0)
		r = ask_to_begin(c, e);
	l->patience_ms = patience;
	if (r < 0 && l->pq && PQtransactionStatus(l->pq) != PQTRANS_IDLE)
		(void)!db_exec(c, NULL, NULL, "ROLLBACK");
	if (!l->pq)
		usleep(PAUSE_US); /* the writer asks again at once, for as long as somebody waits */
	return r;
}

static enum db_transaction transaction(struct db_conn *c)
{
	if (!pg_link(c)->pq)
		return DB_TX_NONE;
	switch (PQtransactionStatus(pg_link(c)->pq)) {
	case PQTRANS_INERROR:
		return DB_TX_FAILED;
	case PQTRANS_INTRANS:
	case PQTRANS_ACTIVE:
		return DB_TX_OPEN;
	default:
		return DB_TX_NONE;
	}
}

/* A connection that ends may take the answer to a COMMIT along that was carried out; the server remembers. */
static int committed(struct db_conn *c)
{
	struct pg_link *l = pg_link(c);
	struct err e = {0};
	char sql[80], how[16] = "";
	int r = pg_ready(c, &e);

	ASSERT(l->writes && *l->transaction);
	snprintf(sql, sizeof(sql), "SELECT coalesce(pg_xact_status('%s'::xid8), '')", l->transaction);
	if (r == 0)
		r = pg_word(c, sql, &e);
	if (r == 0)
		r = pg_sync_value(c, 0, how, sizeof(how), &e);
	/* What still runs there is about to end. */
	if (r == E_BUSY || strcmp(how, "in progress") == 0) {
		usleep(PAUSE_US);
		return E_BUSY;
	}
	return strcmp(how, "committed") == 0;
}

static int nothing(struct db *db, struct err *e)
{
	(void)db;
	(void)e;
	return 0;
}

static void nothing_stops(struct db *db)
{
	(void)db;
}

static int migrated(struct db_conn *c, struct err *e)
{
	(void)c;
	(void)e;
	return 0;
}

/* pg_dump makes a better one than we could; the manual says so. */
static int keep(struct db_conn *c, int next_version, struct err *e)
{
	(void)c;
	(void)next_version;
	(void)e;
	return 0;
}

static int snapshot(struct db *db, const char *to, struct err *e)
{
	(void)to;
	return err_set(e, E_INVALID, "%s is a PostgreSQL: pg_dump copies it.", db->path);
}

static int check(struct db_conn *c, struct arena *a, const char **ret, struct err *e)
{
	int64_t one = 0;
	int r = db_conn_number(c, "SELECT 1", &one, e);

	(void)a;
	if (r == 0)
		*ret = "ok";
	return r;
}

const struct db_backend db_postgres = {
	.name = "PostgreSQL",
	.open = pg_open,
	.start = nothing,
	.stop = nothing_stops,
	.close = pg_close,
	.connect = pg_connect,
	.disconnect = pg_disconnect,
	.prepare = pg_prepare,
	.run = pg_run,
	.next = pg_next,
	.changed = pg_changed,
	.reset = pg_reset,
	.finalize = pg_finalize,
	.i64 = pg_i64,
	.f64 = pg_f64,
	.is_null = pg_is_null,
	.bytes = pg_bytes,
	.script = pg_script,
	.begin = begin,
	.transaction = transaction,
	.committed = committed,
	.belongs = pg_belongs,
	.version = pg_version,
	.keep = keep,
	.migrate = pg_migrate,
	.set_version = pg_set_version,
	.migrated = migrated,
	.file_state = nothing,
	.state = pg_state,
	.look_through = nothing,
	.snapshot = snapshot,
	.check = check,
	.stuck = "PostgreSQL cannot be reached or does not take what is written, or another program holds it",
};
