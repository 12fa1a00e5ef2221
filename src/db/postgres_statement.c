/*
 * postgres_statement.c - statements of PostgreSQL. The parameters ? become $1, $2 ...; a statement is prepared once for a
 * connection and its rows are fetched whole, in the binary form of their types. What was sent ahead (SAVEPOINT and the
 * like) is answered in the same round trip.
 */
#include <endian.h>
#include <errno.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "db/postgres_priv.h"
#include "sys/metrics.h"

enum { PARAMS_MAX = 64, NUMBER_MAX = 32, NAME_MAX = 16, SQL_MAX = 1 << 20, PAUSE_US = 20000 };

enum { BOOL = 16, BYTEA = 17, INT8 = 20, INT2 = 21, INT4 = 23, TEXT = 25, FLOAT4 = 700, FLOAT8 = 701, NUMERIC = 1700 };

enum kind {
	STATEMENT,
	AHEAD, /* a word that is sent ahead of the next statement */
	WORD,  /* a word that is waited for */
};

struct pg_statement {
	enum kind kind;
	char *text; /* with $1 */
	unsigned n_params;
	unsigned name, epoch; /* prepared in that connection, if it still is the one */
	PGresult *res;
	int row;
	int64_t changed;
};

static struct pg_statement *statement(const struct db_rows *r)
{
	return r->st;
}

/* ---- the text ---- */

/* ? outside of quotes becomes $N. */
static char *number_params(const char *sql, unsigned *ret_n)
{
	struct buf b = BUF_INIT(SQL_MAX);
	char quote = 0, *text;

	*ret_n = 0;
	for (; *sql; sql++) {
		if (quote ? *sql == quote : (*sql == '\'' || *sql == '"'))
			quote = quote ? 0 : *sql;
		if (*sql == '?' && !quote)
			buf_printf(&b, "$%u", ++*ret_n);
		else
			buf_add_char(&b, *sql);
	}
	text = buf_take(&b);
	if (!text)
		abort();
	return text;
}

static enum kind kind_of(const char *sql)
{
	static const struct {
		const char *begins;
		enum kind kind;
	} words[] = {{"SAVEPOINT ", AHEAD}, {"RELEASE ", AHEAD}, {"ROLLBACK TO ", AHEAD}, {"COMMIT", WORD},
		{"ROLLBACK", WORD}};

	for (size_t i = 0; i < N_ELEMENTS(words); i++) {
		if (strncmp(sql, words[i].begins, strlen(words[i].begins)) == 0)
			return words[i].kind;
	}
	return STATEMENT;
}

int pg_prepare(struct db_rows *r, struct err *e)
{
	struct pg_statement *st = xcalloc(1, sizeof(*st));

	r->st = st;
	st->kind = kind_of(r->sql);
	st->text = number_params(r->sql, &st->n_params);
	return st->n_params <= PARAMS_MAX ? 0 : err_set(e, E_INTERNAL, "too many parameters: %.120s", r->sql);
}

void pg_finalize(struct db_rows *r)
{
	struct pg_statement *st = statement(r);
	struct pg_link *l = pg_link(r->c);

	if (st->name && l && l->pq && st->epoch == l->epoch && l->n_stale < PG_STALE_MAX)
		l->stale[l->n_stale++] = st->name;
	PQclear(st->res);
	free(st->text);
	free(st);
}

/* ---- sending and reading ---- */

static int send_failed(struct db_conn *c, struct err *e)
{
	return pg_fail(c, NULL, NULL, e);
}

/* Reads the results of all that was sent, in one exchange with the server; the last one's is *ret, which may be NULL. The first that failed is told, and what stood behind it was not run. */
static int collect(struct db_conn *c, const char *sql, PGresult **ret, struct err *e)
{
	struct pg_link *l = pg_link(c);
	PGresult *res = NULL, *last = NULL, *bad = NULL;
	int r = 0;

	metric_add(M_db_round_trips_total, 1);
	l->n_pending = 0;
	if (!PQpipelineSync(l->pq))
		return send_failed(c, e);
	r = pg_send_all(c, e);
	while (r == 0) {
		ExecStatusType s;

		r = pg_result(c, &res, e);
		if (r < 0 || !res) {
			/* NULL stands between the results of two statements; for ever, when the connection is gone. */
			if (r == 0 && PQstatus(l->pq) == CONNECTION_BAD)
				r = send_failed(c, e);
			continue;
		}
		s = PQresultStatus(res);
		if (s == PGRES_PIPELINE_SYNC) {
			PQclear(res);
			break;
		}
		if (s != PGRES_COMMAND_OK && s != PGRES_TUPLES_OK && s != PGRES_PIPELINE_ABORTED && !bad) {
			bad = res;
			continue;
		}
		PQclear(last);
		last = res;
	}
	if (r == 0 && bad)
		r = pg_fail(c, bad, sql, e);
	PQclear(bad);
	if (r == 0 && ret)
		*ret = last;
	else
		PQclear(last);
	return r;
}

int pg_word(struct db_conn *c, const char *sql, struct err *e)
{
	struct pg_link *l = pg_link(c);

	if (!l->pq)
		return db_busy(e, "The connection to PostgreSQL was lost. Try again.");
	if (l->n_pending >= PG_PENDING_MAX) {
		int r = collect(c, sql, NULL, e);

		if (r < 0)
			return r;
	}
	if (!PQsendQueryParams(l->pq, sql, 0, NULL, NULL, NULL, NULL, 0))
		return send_failed(c, e);
	l->n_pending++;
	return 0;
}

int pg_sync(struct db_conn *c, const char *tag, struct err *e)
{
	PGresult *res = NULL;
	int r;

	if (!pg_link(c)->pq)
		return db_busy(e, "The connection to PostgreSQL was lost. Try again.");
	r = collect(c, tag, &res, e);
	/* COMMIT of a transaction in which something has failed is a ROLLBACK, and no error. */
	if (r == 0 && tag && strcmp(PQcmdStatus(res), tag) != 0)
		r = err_set(e, E_INTERNAL, "database: %s instead of %s", PQcmdStatus(res), tag);
	PQclear(res);
	return r;
}

int pg_sync_value(struct db_conn *c, int col, char *ret, size_t size, struct err *e)
{
	PGresult *res = NULL;
	int r;

	if (!pg_link(c)->pq)
		return db_busy(e, "The connection to PostgreSQL was lost. Try again.");
	r = collect(c, NULL, &res, e);
	if (r == 0) {
		ASSERT(PQntuples(res) == 1 && col < PQnfields(res)); /* a SELECT without FROM */
		text_copy(ret, size, PQgetvalue(res, 0, col));
	}
	PQclear(res);
	return r;
}

int pg_forget_stale(struct db_conn *c, struct err *e)
{
	struct pg_link *l = pg_link(c);
	int r = 0;

	while (r == 0 && l->n_stale > 0) {
		char sql[32];

		snprintf(sql, sizeof(sql), "DEALLOCATE a%u", l->stale[--l->n_stale]);
		r = pg_word(c, sql, e);
	}
	return r;
}

int pg_script(struct db_conn *c, const char *sql, struct err *e)
{
	struct pg_link *l = pg_link(c);
	PGresult *res = NULL;
	int r = pg_sync(c, NULL, e);

	if (r < 0)
		return r;
	if (!PQexitPipelineMode(l->pq) || !PQsendQuery(l->pq, sql))
		return send_failed(c, e);
	r = pg_send_all(c, e);
	while (l->pq && pg_result(c, &res, e) == 0 && res) {
		ExecStatusType s = PQresultStatus(res);

		if (r == 0 && s != PGRES_COMMAND_OK && s != PGRES_TUPLES_OK && s != PGRES_EMPTY_QUERY)
			r = pg_fail(c, res, sql, e);
		PQclear(res);
	}
	if (!l->pq)
		return db_busy(e, "The connection to PostgreSQL was lost. Try again.");
	return PQenterPipelineMode(l->pq) ? r : send_failed(c, e);
}

/* ---- running ---- */

/* The parameters as libpq takes them. Numbers go as text, all else as its bytes. */
struct values {
	Oid types[PARAMS_MAX];
	const char *at[PARAMS_MAX];
	int sizes[PARAMS_MAX], formats[PARAMS_MAX];
	char numbers[PARAMS_MAX][NUMBER_MAX];
	char *copies[PARAMS_MAX];
};

/* PostgreSQL has neither U+0000 in a text nor bytes that are no UTF-8: U+FFFD stands there instead. NULL: as it is. */
static char *text_clean(const char *p, size_t n, size_t *ret_n)
{
	struct buf b = BUF_INIT((size_t)1 << 30);

	if (utf8_valid(p, n) && !memchr(p, 0, n))
		return NULL;
	for (const char *end = p + n; p < end;) {
		const char *zero = memchr(p, 0, (size_t)(end - p));

		utf8_add_repaired(&b, p, (size_t)((zero ? zero : end) - p));
		if (zero)
			buf_add_str(&b, "\xef\xbf\xbd");
		p = zero ? zero + 1 : end;
	}
	*ret_n = b.n;
	return buf_take(&b);
}

static void value_set(struct values *v, size_t i, const struct db_param *p)
{
	size_t n = p->n;

	switch (p->type) {
	case DB_T_NULL:
		return;
	case DB_T_I64:
		v->types[i] = INT8;
		snprintf(v->numbers[i], NUMBER_MAX, "%lld", (long long)p->i);
		v->at[i] = v->numbers[i];
		return;
	case DB_T_F64:
		v->types[i] = FLOAT8;
		snprintf(v->numbers[i], NUMBER_MAX, "%.17g", p->f);
		v->at[i] = v->numbers[i];
		return;
	case DB_T_TEXT:
		v->types[i] = TEXT;
		v->formats[i] = 1;
		if (p->p)
			v->copies[i] = text_clean(p->p, p->n, &n);
		v->at[i] = v->copies[i] ? v->copies[i] : p->p;
		break;
	case DB_T_BLOB:
		v->types[i] = BYTEA;
		v->formats[i] = 1;
		/* No bytes at no address would be NULL, and an empty value is not that. */
		v->at[i] = p->p ? p->p : "";
		break;
	}
	v->sizes[i] = (int)n;
}

static int run_once(struct db_rows *r, const struct values *v, struct err *e)
{
	struct pg_statement *st = statement(r);
	struct pg_link *l = pg_link(r->c);
	bool prepared = st->name && st->epoch == l->epoch;
	char name[NAME_MAX];
	PGresult *res = NULL;
	int s;

	if (!prepared) {
		st->name = ++l->last_name;
		st->epoch = l->epoch;
	}
	snprintf(name, sizeof(name), "a%u", st->name);
	if ((!prepared && !PQsendPrepare(l->pq, name, st->text, (int)st->n_params, v->types)) ||
		!PQsendQueryPrepared(l->pq, name, (int)st->n_params, v->at, v->sizes, v->formats, 1))
		return send_failed(r->c, e);
	s = collect(r->c, r->sql, &res, e);
	if (s < 0 && !prepared)
		st->name = 0; /* whether it is there depends on where it failed; another name is cheap */
	if (s < 0)
		return s;
	st->res = res;
	st->row = -1;
	st->changed = strtoll(PQcmdTuples(res), NULL, 10);
	return 0;
}

/*
 * A reader's statement is a transaction of its own: when the connection was lost, it is run again on another, for as long as
 * a write would wait. What is read is often what a write has just stored, and an error would say of it that it is not there.
 */
static int run_read(struct db_rows *r, const struct values *v, struct err *e)
{
	struct pg_link *l = pg_link(r->c);
	int64_t until_ms = pg_wait_until(r->c);
	struct err lost;
	int s;

	for (;;) {
		lost = (struct err){0};
		s = pg_ready(r->c, &lost);
		if (s == 0)
			s = pg_forget_stale(r->c, &lost);
		if (s == 0)
			s = run_once(r, v, &lost);
		if (s != E_BUSY || l->pq || clock_mono_ms() >= until_ms)
			break;
		usleep(PAUSE_US);
	}
	if (s < 0 && e && !e->code)
		*e = lost;
	return s;
}

static int run_statement(struct db_rows *r, const struct values *v, struct err *e)
{
	const struct pg_link *l = pg_link(r->c);

	if (!l->writes)
		return run_read(r, v, e);
	return l->pq ? run_once(r, v, e) : db_busy(e, "The connection to PostgreSQL was lost. Try again.");
}

int pg_run(struct db_rows *r, const struct db_param *params, size_t n, struct err *e)
{
	struct pg_statement *st = statement(r);
	struct values v;
	int s;

	ASSERT(r->busy);
	if (st->n_params != n)
		return err_set(e, E_INTERNAL, "%zu parameters were given to: %.120s", n, r->sql);
	if (st->kind != STATEMENT) {
		s = pg_word(r->c, st->text, e);
		return s < 0 || st->kind == AHEAD ? s : pg_sync(r->c, st->text, e);
	}
	memset(&v, 0, offsetof(struct values, numbers));
	memset(v.copies, 0, sizeof(v.copies));
	for (size_t i = 0; i < n; i++)
		value_set(&v, i, &params[i]);
	s = run_statement(r, &v, e);
	for (size_t i = 0; i < n; i++)
		free(v.copies[i]);
	return s;
}

int pg_next(struct db_rows *r, struct err *e UNUSED)
{
	struct pg_statement *st = statement(r);

	return st->res && ++st->row < PQntuples(st->res);
}

void pg_reset(struct db_rows *r)
{
	struct pg_statement *st = statement(r);

	PQclear(st->res);
	st->res = NULL;
}

int64_t pg_changed(const struct db_rows *r)
{
	return statement(r)->changed;
}

/* ---- columns ---- */

static uint64_t big_endian(const char *p, int n)
{
	uint64_t v = 0;

	for (int i = 0; i < n; i++)
		v = v << 8 | (unsigned char)p[i];
	return v;
}

static int16_t short_at(const char *p)
{
	return (int16_t)big_endian(p, 2);
}

/* What sum() makes of whole numbers: digits to the base of 10000, of which the first has the weight 10000^weight. */
static double numeric(const char *p, int n, int64_t *ret_whole)
{
	int digits = short_at(p), weight = short_at(p + 2);
	bool negative = (uint16_t)short_at(p + 4) == 0x4000;
	double v = 0, scale = 1;
	__int128 whole = 0;

	for (int i = 0; i < digits && 8 + 2 * i + 2 <= n; i++)
		v = v * 10000 + short_at(p + 8 + 2 * i);
	for (int i = digits - 1; i < weight; i++)
		scale *= 10000;
	for (int i = weight; i < digits - 1; i++)
		scale /= 10000;
	for (int i = 0; i <= weight && i < 8; i++)
		whole = whole * 10000 + (i < digits && 8 + 2 * i + 2 <= n ? short_at(p + 8 + 2 * i) : 0);
	if (ret_whole)
		*ret_whole = whole > INT64_MAX || weight > 7 ? (negative ? INT64_MIN : INT64_MAX)
							     : (int64_t)(negative ? -whole : whole);
	return negative ? -v * scale : v * scale;
}

bool pg_is_null(const struct db_rows *r, int col)
{
	const struct pg_statement *st = statement(r);

	ASSERT(st->res && st->row >= 0 && st->row < PQntuples(st->res) && col < PQnfields(st->res));
	return PQgetisnull(st->res, st->row, col);
}

static double real(const char *p, int n)
{
	uint64_t bits = big_endian(p, n);
	uint32_t bits32 = (uint32_t)bits;
	double d = 0;
	float f = 0;

	if (n == 8) {
		memcpy(&d, &bits, sizeof(d));
		return d;
	}
	memcpy(&f, &bits32, sizeof(f));
	return (double)f;
}

int64_t pg_i64(const struct db_rows *r, int col)
{
	const struct pg_statement *st = statement(r);
	const char *p = PQgetvalue(st->res, st->row, col);
	int n = PQgetlength(st->res, st->row, col);
	int64_t whole = 0;

	if (pg_is_null(r, col))
		return 0;
	switch (PQftype(st->res, col)) {
	case BOOL:
		return p[0] != 0;
	case INT8:
		return (int64_t)big_endian(p, 8);
	case INT4:
		return (int32_t)big_endian(p, 4);
	case INT2:
		return short_at(p);
	case NUMERIC:
		(void)numeric(p, n, &whole);
		return whole;
	case FLOAT4:
	case FLOAT8:
		return (int64_t)real(p, n);
	default:
		return strtoll(p, NULL, 10);
	}
}

double pg_f64(const struct db_rows *r, int col)
{
	const struct pg_statement *st = statement(r);
	const char *p = PQgetvalue(st->res, st->row, col);
	int n = PQgetlength(st->res, st->row, col);

	if (pg_is_null(r, col))
		return 0;
	switch (PQftype(st->res, col)) {
	case FLOAT4:
	case FLOAT8:
		return real(p, n);
	case NUMERIC:
		return numeric(p, n, NULL);
	default:
		return (double)pg_i64(r, col);
	}
}

struct str pg_bytes(const struct db_rows *r, int col)
{
	const struct pg_statement *st = statement(r);

	if (pg_is_null(r, col))
		return STR("");
	return (struct str){PQgetvalue(st->res, st->row, col), (size_t)PQgetlength(st->res, st->row, col)};
}
