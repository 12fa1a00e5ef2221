/*
 * elsewhere.c - statements for another's PostgreSQL by libpq without blocking, in slices of waiting, so that a cancel and a time
 * limit are heeded. One connection is kept between the calls, to the same place as the same user; one that was closed meanwhile is
 * made anew, once. The server may be anybody's: what it answers is text that was not checked by anyone.
 */
#include "db/elsewhere.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "db/postgres_priv.h"

#define SLICE_MS 100 /* after which a cancel is looked at */
#define NO_TABLE "42P01"

static struct {
	pthread_mutex_t mx; /* of both; a connection that is in use is not here */
	PGconn *pq;         /* NULL: none */
	char url[1024];
} idle = {.mx = PTHREAD_MUTEX_INITIALIZER};

/* ---- connections ---- */

static int unreachable(const struct db_elsewhere *p, struct err *e)
{
	return err_set(e, E_PROVIDER_DOWN, "The %s at %.200s cannot be reached.", p->what, p->url);
}

/* The kept one, if it is to the same place as the same user. */
static PGconn *take_idle(const struct db_elsewhere *p)
{
	PGconn *pq = NULL;

	pthread_mutex_lock(&idle.mx);
	if (idle.pq && strcmp(idle.url, p->url) == 0 && strcmp(PQpass(idle.pq), p->key ? p->key : "") == 0) {
		pq = idle.pq;
		idle.pq = NULL;
	}
	pthread_mutex_unlock(&idle.mx);
	return pq;
}

static void keep_idle(const struct db_elsewhere *p, PGconn *pq)
{
	pthread_mutex_lock(&idle.mx);
	PGconn *was = idle.pq;
	idle.pq = pq;
	snprintf(idle.url, sizeof(idle.url), "%s", p->url);
	pthread_mutex_unlock(&idle.mx);
	PQfinish(was);
}

static void on_notice(void *arg, const char *text)
{
	(void)arg;
	log_debug("db", "PostgreSQL elsewhere: %.*s", (int)strcspn(text, "\n"), text);
}

/* ---- statements ---- */

/* Until all is sent and PQgetResult() would not wait. */
static int wait_for(const struct db_elsewhere *p, PGconn *pq, int64_t until, struct err *e)
{
	int unsent;

	while ((unsent = PQflush(pq)) > 0 || (unsent == 0 && PQisBusy(pq))) {
		struct pollfd fd = {.fd = PQsocket(pq), .events = (short)(POLLIN | (unsent ? POLLOUT : 0))};
		int64_t left = until - clock_mono_ms();

		if (p->cancel && cancel_reason(p->cancel))
			return -ECANCELED;
		if (left <= 0)
			return err_set(
				e, E_PROVIDER_TIMEOUT, "The %s at %.200s did not answer in time.", p->what, p->url);
		if (poll(&fd, 1, (int)MIN(left, (int64_t)SLICE_MS)) > 0 && (fd.revents & ~POLLOUT) &&
			!PQconsumeInput(pq))
			return unreachable(p, e);
	}
	return unsent < 0 ? unreachable(p, e) : 0;
}

static int read_result(const struct db_elsewhere *p, PGconn *pq, const PGresult *res, struct err *e)
{
	const char *state = res ? PQresultErrorField(res, PG_DIAG_SQLSTATE) : NULL;
	ExecStatusType status = PQresultStatus(res);

	if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
		return 0;
	if (!state || PQstatus(pq) != CONNECTION_OK)
		return unreachable(p, e);
	if (strcmp(state, NO_TABLE) == 0)
		return 1;
	log_info("db", "PostgreSQL elsewhere: %.300s", PQresultErrorMessage(res));
	return err_set(e, E_PROVIDER_BROKEN, "The %s at %.200s answers with the error %s.", p->what, p->url, state);
}

static int run(const struct db_elsewhere *p, PGconn *pq, const char *sql, const char *const *values, int n,
	PGresult **ret, struct err *e)
{
	int64_t until = clock_mono_ms() + p->timeout_ms;
	int r, s = 0;

	if (!PQsendQueryParams(pq, sql, n, NULL, values, NULL, NULL, 0))
		return unreachable(p, e);
	r = wait_for(p, pq, until, e);
	if (r < 0)
		return r;
	*ret = PQgetResult(pq);
	r = read_result(p, pq, *ret, e);
	/* What ends the answer is waited for as well. */
	for (PGresult *rest; (s = wait_for(p, pq, until, e)) >= 0 && (rest = PQgetResult(pq)) != NULL;)
		PQclear(rest);
	return r < 0 || s >= 0 ? r : s;
}

/* On the other side, too. What a server does not know is no failure. */
static int limit_statements(const struct db_elsewhere *p, PGconn *pq, struct err *e)
{
	struct err why = {0};
	PGresult *res = NULL;
	int r = run(p, pq, "SET statement_timeout = 30000", NULL, 0, &res, &why);

	PQclear(res);
	if (r >= 0 || r == E_PROVIDER_BROKEN)
		return 0;
	*e = why;
	return r;
}

/* The password stands behind the URL, which may not bring one; nothing is taken from a file of this machine. */
static int dial(const struct db_elsewhere *p, PGconn **ret, struct err *e)
{
	const char *keys[] = {"connect_timeout", "keepalives_idle", "tcp_user_timeout", "fallback_application_name",
		"dbname", "password", "passfile", "client_encoding", NULL};
	const char *values[] = {"2", "10", "20000", "atelier", p->url, p->key ? p->key : "", "/dev/null", "UTF8", NULL};
	PGconn *pq;
	int r;

	if (pg_library_open(NULL) < 0)
		return err_set(e, E_PROVIDER_DOWN,
			"The server lacks a library that the %s at %.200s needs (libpq); its administrator finds more "
			"under /health.",
			p->what, p->url);
	pq = PQconnectdbParams(keys, values, 1);
	if (PQstatus(pq) != CONNECTION_OK) {
		bool refused = PQconnectionNeedsPassword(pq) || PQconnectionUsedPassword(pq);
		log_info("db", "PostgreSQL elsewhere: %.200s", PQerrorMessage(pq));
		PQfinish(pq);
		return refused ? err_set(e, E_PROVIDER_REFUSED, "The %s at %.200s does not accept the key.", p->what,
					 p->url)
			       : unreachable(p, e);
	}
	PQsetNoticeProcessor(pq, on_notice, NULL);
	r = PQsetnonblocking(pq, 1) == 0 ? limit_statements(p, pq, e) : unreachable(p, e);
	if (r < 0)
		PQfinish(pq);
	else
		*ret = pq;
	return r;
}

/* 0 or, where there is no such table, 1. What was kept may have been closed meanwhile: then by a new connection. */
static int ask(
	const struct db_elsewhere *p, const char *sql, const char *const *values, int n, PGresult **ret, struct err *e)
{
	PGconn *pq = take_idle(p);
	struct err was = {0};
	int r;

	*ret = NULL;
	if (pq && (r = run(p, pq, sql, values, n, ret, &was)) != E_PROVIDER_DOWN) {
		if (r < 0) {
			PQfinish(pq);
			*e = was;
		} else {
			keep_idle(p, pq);
		}
		return r;
	}
	PQclear(*ret);
	*ret = NULL;
	PQfinish(pq);
	if ((r = dial(p, &pq, e)) < 0)
		return r;
	r = run(p, pq, sql, values, n, ret, e);
	if (r < 0)
		PQfinish(pq);
	else
		keep_idle(p, pq);
	return r;
}

/* ---- what was answered ---- */

struct db_table {
	PGresult *res;
};

int db_elsewhere_ask(const struct db_elsewhere *p, const char *sql, const char *const *values, size_t n,
	struct db_table **ret, struct err *e)
{
	PGresult *res = NULL;
	int r = ask(p, sql, values, (int)n, &res, e);

	*ret = NULL;
	if (r == 0) {
		*ret = xcalloc(1, sizeof(**ret));
		(*ret)->res = res;
	} else {
		PQclear(res);
	}
	return r;
}

void db_table_freep(struct db_table **t)
{
	if (*t)
		PQclear((*t)->res);
	free(*t);
	*t = NULL;
}

size_t db_table_rows(const struct db_table *t)
{
	return (size_t)PQntuples(t->res);
}

const char *db_table_text(const struct db_table *t, size_t row, size_t column)
{
	const char *text = PQgetvalue(t->res, (int)row, (int)column);

	return text ? text : ""; /* another's server may answer with fewer than were asked for */
}
