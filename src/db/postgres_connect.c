/*
 * postgres_connect.c - connections to PostgreSQL: made, lost, made anew after a while, and what libpq reports as our
 * errors. Several hosts may stand in the URL: the one that takes writes is looked for; while there is none, reading
 * goes on with any of them.
 *
 * Nothing waits for ever: connecting, each statement and each lock have a bound at the server, and waiting for a server
 * that says nothing has one here.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "db/postgres_priv.h"
#include "sys/metrics.h"

enum {
	READ_MS = 10000, /* of one statement, at the server */
	WRITE_MS = 30000,
	GRACE_MS = 5000, /* on top of that before the server is given up */
	RETRY_MIN_MS = 200,
	RETRY_MAX_MS = 5000,
	STANDBY_MS = 5000,     /* then a reader looks for the primary again */
	READER_WAIT_MS = 5000, /* as long as a writer */
};

/* ---- failures ---- */

/* What a five-letter SQLSTATE means here. A class stands for all that begins with it. */
static const struct {
	const char *state;
	int code;
	enum db_trouble trouble;
	const char *text; /* NULL: the server's own */
} states[] = {
	{"23505", E_CONFLICT, DB_TROUBLE_NONE, "There is one like this already."},
	{"23503", E_NOT_FOUND, DB_TROUBLE_NONE, "What this belongs to is gone."},
	{"25006", E_BUSY, DB_TROUBLE_WRITING,
		"The PostgreSQL server only reads at the moment: it is a standby, or was set to. Nothing is lost; "
		"what is to be stored waits."},
	{"55P03", E_BUSY, DB_TROUBLE_NONE, "Another program has held the database for too long. Try again."},
	{"57014", E_BUSY, DB_TROUBLE_NONE, "The database took too long over this. Try again."},
	{"40", E_BUSY, DB_TROUBLE_NONE, "The database has undone this for another program's sake. Try again."},
	{"53100", E_STORAGE, DB_TROUBLE_WRITING, "The disk of the PostgreSQL server is full."},
	{"53", E_BUSY, DB_TROUBLE_NONE, NULL},
	{"57P", E_BUSY, DB_TROUBLE_NONE, NULL},
	{"08", E_BUSY, DB_TROUBLE_NONE, NULL},
	{"54000", E_TOO_LARGE, DB_TROUBLE_NONE, "This is too large for the database."},
	{"58", E_STORAGE, DB_TROUBLE_WRITING, NULL},
	{"XX001", E_INTERNAL, DB_TROUBLE_DAMAGED, NULL},
	{"XX002", E_INTERNAL, DB_TROUBLE_DAMAGED, NULL},
};

/* The server's first line, without a line end. */
static void first_line(const char *text, char *ret, size_t size)
{
	snprintf(ret, size, "%s", text ? text : "");
	ret[strcspn(ret, "\n")] = '\0';
}

static int lost(struct db_conn *c, const char *text, struct err *e)
{
	char line[160], said[256];

	first_line(text, line, sizeof(line));
	snprintf(said, sizeof(said), "The connection to PostgreSQL at %s was lost%s%s. Try again.", c->db->path,
		line[0] ? ": " : "", line);
	pg_drop(c);
	return db_busy(e, said);
}

int pg_fail(struct db_conn *c, const PGresult *res, const char *sql, struct err *e)
{
	const char *state = res ? PQresultErrorField(res, PG_DIAG_SQLSTATE) : NULL;
	struct err mine = {0};
	char line[160];
	int r;

	if (!state || PQstatus(pg_link(c)->pq) == CONNECTION_BAD)
		return lost(c, res ? PQresultErrorMessage(res) : PQerrorMessage(pg_link(c)->pq), e);
	first_line(PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY), line, sizeof(line));
	for (size_t i = 0; i < N_ELEMENTS(states); i++) {
		if (strncmp(state, states[i].state, strlen(states[i].state)) != 0)
			continue;
		r = states[i].code;
		err_set(&mine, r, "%s%s", states[i].text ? states[i].text : "PostgreSQL: ", states[i].text ? "" : line);
		if (r == E_BUSY)
			mine.retry_after_s = 2;
		db_note_trouble(c->db, states[i].trouble, mine.msg);
		if (e && !e->code)
			*e = mine;
		return r;
	}
	return err_set(e, E_INTERNAL, "database: %.120s (%s): %.100s", line, state, sql ? sql : "");
}

/* ---- waiting ---- */

static int wait_for(struct db_conn *c, short events, int64_t until_ms, struct err *e)
{
	struct pollfd p = {.fd = PQsocket(pg_link(c)->pq), .events = events};

	for (;;) {
		int64_t left = until_ms - clock_mono_ms();
		int n = left > 0 ? poll(&p, 1, (int)MIN(left, (int64_t)60000)) : 0;

		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return lost(c, strerror(errno), e);
		if (left <= 0)
			return lost(c, "it has not answered in time", e);
	}
}

int pg_send_all(struct db_conn *c, struct err *e)
{
	int64_t until = clock_mono_ms() + pg_link(c)->patience_ms;
	int n;

	while ((n = PQflush(pg_link(c)->pq)) > 0) {
		/* A server that has too much to say must be listened to before it takes more. */
		int r = wait_for(c, POLLIN | POLLOUT, until, e);

		if (r < 0)
			return r;
		if (!PQconsumeInput(pg_link(c)->pq))
			return lost(c, PQerrorMessage(pg_link(c)->pq), e);
	}
	return n < 0 ? lost(c, PQerrorMessage(pg_link(c)->pq), e) : 0;
}

int pg_result(struct db_conn *c, PGresult **ret, struct err *e)
{
	struct pg_link *l = pg_link(c);
	int64_t until = clock_mono_ms() + l->patience_ms;

	while (PQisBusy(l->pq)) {
		int r = wait_for(c, POLLIN, until, e);

		if (r < 0)
			return r;
		if (!PQconsumeInput(l->pq))
			return lost(c, PQerrorMessage(l->pq), e);
	}
	*ret = PQgetResult(l->pq);
	return 0;
}

/* ---- connecting ---- */

void pg_drop(struct db_conn *c)
{
	struct pg_link *l = pg_link(c);

	PQfinish(l->pq);
	l->pq = NULL;
	l->n_pending = l->n_stale = 0;
}

/* The defaults stand before the URL, which may say otherwise, and what must be so behind it. */
static PGconn *dial(const struct pg_own *own, const char *target)
{
	const char *keys[] = {"connect_timeout", "keepalives_idle", "keepalives_interval", "keepalives_count",
		"tcp_user_timeout", "fallback_application_name", "target_session_attrs", "dbname", "client_encoding",
		NULL};
	const char *values[] = {"3", "10", "5", "3", "20000", "atelier", target, own->url, "UTF8", NULL};

	return PQconnectdbParams(keys, values, 1);
}

static void on_notice(void *arg, const char *text)
{
	(void)arg;
	log_debug("db", "PostgreSQL: %.*s", (int)strcspn(text, "\n"), text);
}

/* A process is alive for as long as its lock is held, and there is one of each. */
static int take_node(struct db_conn *c, struct err *e)
{
	char sql[80];
	PGresult *res;
	bool mine;

	snprintf(sql, sizeof(sql), "SELECT pg_try_advisory_lock(%lld)", (long long)c->db->node);
	res = PQexec(pg_link(c)->pq, sql);
	mine = PQresultStatus(res) == PGRES_TUPLES_OK && strcmp(PQgetvalue(res, 0, 0), "t") == 0;
	PQclear(res);
	return mine ? 0
		    : db_busy(e, "Another Atelier with a copy of this data folder works in the database, or this one's "
				 "last "
				 "connection has not ended yet.");
}

static int set_up(struct db_conn *c, struct err *e)
{
	struct pg_link *l = pg_link(c);
	const char *encoding = PQparameterStatus(l->pq, "server_encoding");
	PGresult *res;
	char sql[400];
	int r = 0;

	if (!encoding || strcmp(encoding, "UTF8") != 0)
		return err_set(e, E_INVALID,
			"The database at %s has the encoding %s. Make one with UTF8: createdb -E UTF8 -T template0 "
			"NAME",
			c->db->path, encoding ? encoding : "?");
	PQsetNoticeProcessor(l->pq, on_notice, NULL);
	snprintf(sql, sizeof(sql),
		"SET client_min_messages = warning; SET statement_timeout = %d; SET lock_timeout = '5s'; SET "
		"idle_in_transaction_session_timeout = '60s';"
		"SET atelier.node = '%lld'%s",
		l->writes ? WRITE_MS : READ_MS, (long long)c->db->node,
		l->writes ? "" : "; SET default_transaction_read_only = on");
	res = PQexec(l->pq, sql);
	if (PQresultStatus(res) != PGRES_COMMAND_OK)
		r = pg_fail(c, res, "SET", e);
	PQclear(res);
	if (r == 0 && l->writes && c->db->node)
		r = take_node(c, e);
	if (r == 0 && (PQsetnonblocking(l->pq, 1) < 0 || !PQenterPipelineMode(l->pq)))
		r = lost(c, PQerrorMessage(l->pq), e);
	return r;
}

/* A word about what goes on, at the first try that fails and once it is over. */
static void note_down(struct db_conn *c, const char *why)
{
	struct pg_wait *w = &pg_own(c->db)->wait[pg_link(c)->writes];
	int64_t ms = __atomic_load_n(&w->ms, __ATOMIC_RELAXED);

	if (!ms) {
		log_warn("db", "%s", why);
		__atomic_store_n(&w->since_ms, clock_mono_ms(), __ATOMIC_RELAXED);
	}
	ms = ms ? MIN(ms * 2, (int64_t)RETRY_MAX_MS) : RETRY_MIN_MS;
	__atomic_store_n(&w->ms, ms, __ATOMIC_RELAXED);
	__atomic_store_n(&w->at_ms, clock_mono_ms() + ms, __ATOMIC_RELAXED);
}

static void note_up(struct db_conn *c)
{
	struct pg_wait *w = &pg_own(c->db)->wait[pg_link(c)->writes];

	if (__atomic_exchange_n(&w->ms, 0, __ATOMIC_RELAXED))
		log_info("db", "PostgreSQL at %s is there again%s", c->db->path,
			pg_link(c)->writes ? " and takes what is written" : "");
	__atomic_store_n(&w->at_ms, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&w->since_ms, 0, __ATOMIC_RELAXED);
	if (pg_link(c)->writes) /* who takes what is written is read from too: nobody waits for the next try */
		__atomic_store_n(&pg_own(c->db)->wait[false].at_ms, 0, __ATOMIC_RELAXED);
}

int64_t pg_wait_until(const struct db_conn *c)
{
	int64_t since = __atomic_load_n(&pg_own(c->db)->wait[pg_link(c)->writes].since_ms, __ATOMIC_RELAXED);

	if (__atomic_load_n(&c->db->hurries, __ATOMIC_RELAXED))
		return 0;
	return (since ? since : clock_mono_ms()) + READER_WAIT_MS;
}

static int down(struct db_conn *c, PGconn *pq, struct err *e)
{
	char line[160], said[256];

	first_line(PQerrorMessage(pq), line, sizeof(line));
	snprintf(said, sizeof(said), "PostgreSQL at %s cannot be reached: %s", c->db->path, line);
	note_down(c, said);
	return db_busy(e, said);
}

/* Of whoever writes: a server that takes writes, or a word why not. Of readers: any, when there is none of those. */
static int reach(struct db_conn *c, struct err *e)
{
	static const char reads_only[] =
		"The PostgreSQL server only reads at the moment: it is a standby, or was set to. "
		"Nothing is lost; what is to be stored waits.";
	struct pg_own *own = pg_own(c->db);
	struct pg_link *l = pg_link(c);
	PGconn *any;

	l->pq = dial(own, "read-write");
	if (PQstatus(l->pq) == CONNECTION_OK)
		return 0;
	any = dial(own, "any");
	if (PQstatus(any) == CONNECTION_OK && !l->writes) {
		PQfinish(l->pq);
		l->pq = any;
		return 0;
	}
	if (PQstatus(any) == CONNECTION_OK) {
		note_down(c, reads_only);
		db_note_trouble(c->db, DB_TROUBLE_WRITING, reads_only);
		db_busy(e, reads_only);
	} else {
		down(c, l->pq, e);
	}
	PQfinish(any);
	pg_drop(c);
	return E_BUSY;
}

/* A standby is read from only for as long as there is nothing better: it may lag behind. */
static bool is_behind(struct pg_link *l)
{
	const char *standby = l->writes ? NULL : PQparameterStatus(l->pq, "in_hot_standby");

	return standby && strcmp(standby, "on") == 0 && clock_mono_ms() >= l->look_again_ms;
}

int pg_ready(struct db_conn *c, struct err *e)
{
	struct pg_own *own = pg_own(c->db);
	struct pg_link *l = pg_link(c);
	int r;

	if (l->pq && PQstatus(l->pq) == CONNECTION_OK && !is_behind(l))
		return 0;
	if (l->pq)
		pg_drop(c);
	if (clock_mono_ms() < __atomic_load_n(&own->wait[l->writes].at_ms, __ATOMIC_RELAXED))
		return db_busy(e, "PostgreSQL cannot be reached at the moment. Try again.");
	r = reach(c, e);
	if (r == 0)
		r = set_up(c, e);
	if (r < 0) {
		pg_drop(c);
		return r;
	}
	l->epoch++;
	l->look_again_ms = clock_mono_ms() + STANDBY_MS;
	note_up(c);
	return 0;
}

/* That it is away is told at once, though callers still wait for it: who sends people here may know of another server. While they
 * do, one of them finds out when it is there again. Then whoever looks does: when nobody else asks, nobody else would. */
int pg_state(struct db *db, struct err *e)
{
	int64_t since = __atomic_load_n(&pg_own(db)->wait[false].since_ms, __ATOMIC_RELAXED), one = 0;

	if (!since)
		return 0;
	if (clock_mono_ms() - since < READER_WAIT_MS)
		return err_set(
			e, E_BUSY, "PostgreSQL at %s cannot be reached at the moment; requests wait for it.", db->path);
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(db);
	int r = db_conn_number(c, "SELECT 1", &one, e);
	if (r == 0)
		note_up(c);
	return r;
}

int pg_connect(struct db_conn *c, const struct db_conn_kind *kind, struct err *e)
{
	struct pg_link *l = xcalloc(1, sizeof(*l));

	c->h = l;
	l->writes = kind->writes;
	l->patience_ms = (kind->writes ? WRITE_MS : READ_MS) + GRACE_MS;
	/* Readers connect when they are used first: most are never needed. */
	return kind->writes ? pg_ready(c, e) : 0;
}

void pg_disconnect(struct db_conn *c)
{
	pg_drop(c);
	free(c->h);
	c->h = NULL;
}

/* ---- the database ---- */

bool db_is_url(const char *path)
{
	return strncmp(path, "postgresql://", 13) == 0 || strncmp(path, "postgres://", 11) == 0;
}

/* Where it is, for people: the URL without user and password. */
static char *place_of(const PQconninfoOption *o)
{
	const char *host = NULL, *name = NULL;
	struct buf b = BUF_INIT(4096);
	char *text;

	for (; o->keyword; o++) {
		if (!o->val || !*o->val)
			continue;
		if (strcmp(o->keyword, "host") == 0 || (strcmp(o->keyword, "hostaddr") == 0 && !host))
			host = o->val;
		else if (strcmp(o->keyword, "dbname") == 0)
			name = o->val;
	}
	buf_printf(&b, "%.200s/%.100s", host ? host : "localhost", name ? name : "");
	text = buf_take(&b);
	if (!text)
		abort();
	return text;
}

int pg_open(struct db *db, const struct db_config *c, struct err *e)
{
	struct pg_own *own = xcalloc(1, sizeof(*own));
	char *why = NULL;
	char line[160];
	int r = pg_library_open(e);
	PQconninfoOption *options = r < 0 ? NULL : PQconninfoParse(c->path, &why);

	db->own = own;
	own->url = xstrdup(c->path);
	free(db->path);
	db->path = options ? place_of(options) : xstrdup("PostgreSQL");
	if (r < 0)
		return r;
	if (options) {
		PQconninfoFree(options);
		return 0;
	}
	first_line(why, line, sizeof(line));
	PQfreemem(why);
	return err_set(e, E_INVALID, "The address of the database is not understood: %s", line);
}

void pg_close(struct db *db)
{
	struct pg_own *own = pg_own(db);

	explicit_bzero(own->url, strlen(own->url));
	free(own->url);
	free(own);
}
