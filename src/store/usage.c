/*
 * usage.c - what calls of models took. A call is a row, and its day a sum that is added to in the same transaction, so that
 * both are of the same calls at any moment; a row that is there already adds nothing, so that a batch may be written twice.
 * Reports read the sums, and single calls where days of another clock or hours are asked for, as far back as those are kept.
 */
#include "store/usage.h"

#include <stdio.h>

#include "store/store_priv.h"

/* What is added up of calls: members of struct usage_sum, and columns of usage_days of the same names. */
/* clang-format off */
#define FIGURES(X, _) \
	X(requests) _ X(failed) _ X(tokens_in) _ X(tokens_out) _ X(tokens_cached) _ X(tokens_reasoning) _ \
	X(first_token_ms) _ X(duration_ms) _ X(first_tokens) _ X(cost_micros)
/* clang-format on */
#define NAME(m)  #m
#define NAMES    FIGURES(NAME, ", ")
#define PLACE(m) "?"
#define PLACES   FIGURES(PLACE, ", ")
#define RAISE(m) #m " = usage_days." #m " + excluded." #m
#define RAISED   FIGURES(RAISE, ", ")
#define SUM(m)   "sum(d." #m ")"
#define SUMS     FIGURES(SUM, ", ")
#define PARAM(m) DB_I64(d->sum.m),
#define ADD(m)   to->m += s->m;
#define READ(m)  s->m = db_i64(rd->rows, at++);

static void add_up(struct usage_sum *to, const struct usage_sum *s)
{
	FIGURES(ADD, )
}

/* ---- adding ---- */

struct add {
	const struct usage_row *rows;
	size_t n;
	usage_also_fn *also;
	void *arg;
};

static int add_row(struct db_conn *c, const struct usage_row *u, int64_t *ret_added, struct err *e)
{
	return db_exec(c, ret_added, e,
		"INSERT INTO usage (id, at, user_id, key_id, conversation_id, purpose, provider, model, asked,"
		" outcome, error_code, tokens_in, tokens_out, tokens_cached, tokens_reasoning, tokens_exact,"
		" first_token_ms, duration_ms, queued_ms, tries, cost_micros)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
		DB_I64(u->id), DB_I64(u->at), DB_I64(u->user_id), DB_I64(u->key_id), DB_I64(u->conversation_id),
		DB_TEXT(u->purpose), DB_TEXT(u->provider), DB_TEXT(u->model), DB_TEXT(u->asked), DB_TEXT(u->outcome),
		DB_TEXT(u->error_code), DB_I64(u->tokens_in), DB_I64(u->tokens_out), DB_I64(u->tokens_cached),
		DB_I64(u->tokens_reasoning), DB_I64(u->tokens_exact), DB_I64(u->first_token_ms), DB_I64(u->duration_ms),
		DB_I64(u->queued_ms), DB_I64(u->tries), DB_I64(u->cost_micros));
}

/* What the calls of a batch add to one row of usage_days. */
struct day {
	const struct usage_row *of; /* its first call */
	struct usage_sum sum;
};

static bool is_same_day(const struct usage_row *a, const struct usage_row *b)
{
	return a->at / DAY_MS == b->at / DAY_MS && a->user_id == b->user_id && a->key_id == b->key_id &&
	       strcmp(a->provider, b->provider) == 0 && strcmp(a->model, b->model) == 0;
}

static void day_count(struct day *d, const struct usage_row *u)
{
	bool began = u->first_token_ms >= 0;

	ASSERT(is_same_day(d->of, u));
	add_up(&d->sum, &(struct usage_sum){.requests = 1,
				.failed = strcmp(u->outcome, OUTCOME_FAILED) == 0,
				.tokens_in = u->tokens_in,
				.tokens_out = u->tokens_out,
				.tokens_cached = u->tokens_cached,
				.tokens_reasoning = u->tokens_reasoning,
				.first_token_ms = began ? u->first_token_ms : 0,
				.duration_ms = began ? u->duration_ms : 0,
				.first_tokens = began,
				.cost_micros = u->cost_micros});
}

static int add_day(struct db_conn *c, const struct day *d, struct err *e)
{
	const struct usage_row *u = d->of;

	return db_exec(c, NULL, e,
		"INSERT INTO usage_days (day, user_id, key_id, provider, model, " NAMES
		") VALUES (?, ?, ?, ?, ?, " PLACES
		") ON CONFLICT (day, user_id, key_id, provider, model) DO UPDATE SET " RAISED,
		DB_I64(u->at / DAY_MS), DB_I64(u->user_id), DB_I64(u->key_id), DB_TEXT(u->provider), DB_TEXT(u->model),
		FIGURES(PARAM, ));
}

/* Of many calls a second most are alike: their day is written once. */
static int add_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct add *x = arg;
	CLEANUP(freep) struct day *days = xcalloc(x->n, sizeof(*days));
	CLEANUP(freep) bool *is_new = xcalloc(x->n, sizeof(*is_new));
	size_t n_days = 0;
	int r = 0;

	ASSERT(db_is_writing(c));
	for (size_t i = 0; i < x->n && r == 0; i++) {
		const struct usage_row *u = &x->rows[i];
		int64_t added = 0;
		size_t k = 0;

		r = add_row(c, u, &added, e);
		is_new[i] = added > 0;
		if (r < 0 || added == 0 || strcmp(u->outcome, OUTCOME_REFUSED) == 0)
			continue;
		while (k < n_days && !is_same_day(days[k].of, u))
			k++;
		if (k == n_days)
			days[n_days++].of = u;
		day_count(&days[k], u);
	}
	for (size_t k = 0; k < n_days && r == 0; k++)
		r = add_day(c, &days[k], e);
	return r == 0 && x->also ? x->also(c, x->arg, is_new, e) : r;
}

int usage_add(struct db *db, const struct usage_row *rows, size_t n, usage_also_fn *also, void *arg, struct err *e)
{
	return n ? store_apply(db, add_in, &(struct add){rows, n, also, arg}, e) : 0;
}

/* ---- sums ---- */

/* The sums that are kept, of whole days UTC, and single calls by the day, or the hour, of another clock. Of one of the
 * two only what the other does not tell: see struct span. */
#define DAYS                                                                                                           \
	"(SELECT day, user_id, key_id, provider, model, " NAMES " FROM usage_days WHERE day BETWEEN ? AND ?"           \
	" UNION ALL SELECT (at + ?) / ?, user_id, key_id, provider, model, 1,"                                         \
	" CASE outcome WHEN 'failed' THEN 1 ELSE 0 END, tokens_in, tokens_out, tokens_cached, tokens_reasoning,"       \
	" CASE WHEN first_token_ms < 0 THEN 0 ELSE first_token_ms END,"                                                \
	" CASE WHEN first_token_ms < 0 THEN 0 ELSE duration_ms END,"                                                   \
	" CASE WHEN first_token_ms < 0 THEN 0 ELSE 1 END, cost_micros"                                                 \
	" FROM usage WHERE at >= ? AND at < ? AND outcome <> 'refused') d"
#define WHOSE   " WHERE (? = 0 OR d.user_id = ?)"
#define BY_SIZE "sum(d.cost_micros) DESC, sum(d.tokens_in + d.tokens_out) DESC, "
#define GONE    "'(deleted)'"

/* The name of what is added up, where it stands, and what makes it one. */
#define OF_USER   "coalesce(u.name, " GONE ")"
#define WITH_USER " LEFT JOIN users u ON u.id = d.user_id"
#define OF_KEY    "CASE WHEN d.key_id = 0 THEN '' ELSE coalesce(k.name, " GONE ") END"
#define WITH_KEY  " LEFT JOIN api_keys k ON k.id = d.key_id"
#define BY_ALL(X)                                                                                                      \
	[USAGE_BY_MODEL] = X("d.model", "", "d.model"), [USAGE_BY_PROVIDER] = X("d.provider", "", "d.provider"),       \
	[USAGE_BY_USER] = X(OF_USER, WITH_USER, "d.user_id, u.name"),                                                  \
	[USAGE_BY_KEY] = X(OF_KEY, WITH_KEY, "d.key_id, k.name")

#define SUMS_OF(key, with, group)                                                                                      \
	"SELECT " key ", " SUMS " FROM " DAYS with WHOSE " GROUP BY " group " ORDER BY " BY_SIZE "1"
static const char *const sums_sql[] = {
	[USAGE_BY_DAY] = "SELECT d.day, " SUMS " FROM " DAYS WHOSE " GROUP BY d.day ORDER BY d.day",
	BY_ALL(SUMS_OF),
};

/* The day stands last, behind what a sum has. */
#define SERIES_OF(key, with, group)                                                                                    \
	"SELECT " key ", " SUMS ", d.day FROM " DAYS with WHOSE " GROUP BY d.day, " group " ORDER BY d.day, " BY_SIZE  \
	"1"
static const char *const series_sql[] = {
	BY_ALL(SERIES_OF),
};

/* Which days are read from the sums, and which calls (Unix ms) one by one, so that they are told by another clock. */
struct span {
	int64_t from_day, to_day; /* both included */
	int64_t from, before;
};

static struct span span_of(const struct usage_filter *f)
{
	struct span s = {f->from_day, f->to_day, 0, 0};

	if (f->offset_ms == 0 && !f->hours)
		return s;
	/* Single calls are kept for a time; of the days before there are only the sums, which know no hours. */
	s.to_day = f->hours ? f->from_day - 1 : MIN(f->to_day, f->calls_from_day - 1);
	s.from = MAX(f->from_day * DAY_MS - f->offset_ms, f->calls_from_day * DAY_MS);
	s.before = (f->to_day + 1) * DAY_MS - f->offset_ms;
	return s;
}

enum { DAY_LENGTH = 10, HOUR_LENGTH = 13 };

/* 2026-11-21; of an hour 2026-11-21T14. */
static const char *day_text(struct store_reader *rd, int64_t at, size_t length)
{
	char text[25];
	const char *s;

	clock_format(at, text);
	s = arena_strndup(rd->a, text, length);
	rd->full |= !s;
	return s;
}

static void read_sum(struct store_reader *rd, enum usage_by by, struct usage_sum *s)
{
	int at = 1;

	s->key = by == USAGE_BY_DAY ? day_text(rd, db_i64(rd->rows, 0) * DAY_MS, DAY_LENGTH) : store_str(rd, 0);
	FIGURES(READ, )
}

/* `sql`: of sums_sql, or of series_sql, which have the day as well. */
static int read_points(struct db_conn *c, const char *sql, enum usage_by by, const struct usage_filter *f,
	struct arena *a, struct usage_series *ret, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	struct store_list l = {.size = sizeof(struct usage_point)};
	struct store_reader rd = {.a = a};
	struct span s = span_of(f);
	int r = db_query(c, &rows, e, sql, DB_I64(s.from_day), DB_I64(s.to_day), DB_I64(f->offset_ms),
		DB_I64(f->hours ? HOUR_MS : DAY_MS), DB_I64(s.from), DB_I64(s.before), DB_I64(f->user_id),
		DB_I64(f->user_id));

	rd.rows = rows;
	while (r >= 0 && (r = db_next(rows, e)) > 0) {
		struct usage_point *p = store_push(&l, a);

		if (!p)
			return store_full(e);
		read_sum(&rd, by, &p->sum);
		if (sql == series_sql[by])
			p->day = f->hours ? day_text(&rd, db_i64(rows, 11) * HOUR_MS, HOUR_LENGTH)
					  : day_text(&rd, db_i64(rows, 11) * DAY_MS, DAY_LENGTH);
	}
	if (r == 0)
		r = store_reader_end(&rd, e);
	if (r == 0)
		*ret = (struct usage_series){l.items, l.n};
	return r;
}

int usage_sums(struct db_conn *c, enum usage_by by, const struct usage_filter *f, struct arena *a,
	struct usage_sums *ret, struct err *e)
{
	struct usage_series all = {0};
	struct usage_sum total = {0}, *sums;
	int r = read_points(c, sums_sql[by], by, f, a, &all, e);

	ASSERT(!f->hours);
	if (r < 0)
		return r;
	if (!(sums = ARENA_ARRAY(a, struct usage_sum, all.n + 1)))
		return store_full(e);
	for (size_t i = 0; i < all.n; i++) {
		sums[i] = all.items[i].sum;
		add_up(&total, &sums[i]);
	}
	*ret = (struct usage_sums){sums, all.n, total};
	return 0;
}

int usage_series(struct db_conn *c, enum usage_by by, const struct usage_filter *f, struct arena *a,
	struct usage_series *ret, struct err *e)
{
	ASSERT(by != USAGE_BY_DAY);
	return read_points(c, series_sql[by], by, f, a, ret, e);
}

/* ---- calls ---- */

#define C        struct usage_call
#define OF(T, m) COL_AS(T, C, row.m, "usage." #m, COL_SEEN)
static const struct col call_columns[] = {OF(I64, id), OF(I64, at), OF(I64, user_id), OF(I64, key_id),
	OF(I64, conversation_id), OF(TEXT, purpose), OF(TEXT, provider), OF(TEXT, model), OF(TEXT, asked),
	OF(TEXT, outcome), OF(TEXT, error_code), OF(I64, tokens_in), OF(I64, tokens_out), OF(I64, tokens_cached),
	OF(I64, tokens_reasoning), OF(BOOL, tokens_exact), OF(I64, first_token_ms), OF(I64, duration_ms),
	OF(I64, queued_ms), OF(I64, tries), OF(I64, cost_micros), COL_AS(TEXT, C, username, "p.name", COL_SEEN),
	COL_AS(TEXT, C, key_name, "k.name", COL_SEEN)};
#undef C
static const struct rows_table calls = {"usage", NULL, NULL, NULL, TABLE(struct usage_call, call_columns)};
#define NAMED  "LEFT JOIN users p ON p.id = usage.user_id LEFT JOIN api_keys k ON k.id = usage.key_id "
#define NEWEST "usage.id < ? ORDER BY usage.id DESC LIMIT ?"

int usage_calls(struct db_conn *c, atelier_id user_id, atelier_id before, size_t limit, struct arena *a,
	struct usage_call_list *ret, struct err *e)
{
	int64_t below = before ? before : INT64_MAX;
	int r;

	limit = MIN(limit, (size_t)10000);
	/* Two statements: each has its index. */
	r = rows_all(&calls, c, a, &ret->items, &ret->n, e,
		user_id ? NAMED "WHERE usage.user_id = ? AND " NEWEST : NAMED "WHERE usage.id > ? AND " NEWEST,
		DB_I64(user_id), DB_I64(below), DB_I64(limit + 1));
	if (r == 0)
		ret->more = store_cut(&ret->n, limit);
	return r;
}

/* ---- counting ---- */

#define TEXT_MAX 256

/* A column's text for the time of one call. */
static const char *text_of(const struct db_rows *rows, int col, char room[TEXT_MAX])
{
	snprintf(room, TEXT_MAX, STR_FMT, STR_ARG(db_bytes(rows, col)));
	return room;
}

/* Columns: day, at, user, key, provider, model, asked, requests, tokens, cost. */
static int count(struct db_rows *rows, usage_count_fn fn, void *arg, struct err *e)
{
	char provider[TEXT_MAX], model[TEXT_MAX], asked[TEXT_MAX];
	int r;

	while ((r = db_next(rows, e)) > 0)
		fn(arg, &(struct usage_count){
				.day = db_i64(rows, 0),
				.at = db_i64(rows, 1),
				.user_id = db_i64(rows, 2),
				.key_id = db_i64(rows, 3),
				.provider = text_of(rows, 4, provider),
				.model = text_of(rows, 5, model),
				.asked = text_of(rows, 6, asked),
				.requests = db_i64(rows, 7),
				.tokens = db_i64(rows, 8),
				.cost_micros = db_i64(rows, 9),
			});
	return r;
}

int usage_count_days(struct db_conn *c, int64_t from_day, usage_count_fn fn, void *arg, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r = db_query(c, &rows, e,
		"SELECT day, 0, user_id, key_id, provider, model, '', requests, tokens_in + tokens_out, cost_micros"
		" FROM usage_days WHERE day >= ?",
		DB_I64(from_day));

	return r < 0 ? r : count(rows, fn, arg, e);
}

#define ONE_BY_ONE                                                                                                     \
	"SELECT at / 86400000, at, user_id, key_id, provider, model, asked, 1, tokens_in + tokens_out, cost_micros"    \
	" FROM usage WHERE "
#define SINCE "at >= ? AND outcome <> 'refused'"

int usage_count_calls(struct db_conn *c, int64_t from_ms, bool renamed, usage_count_fn fn, void *arg, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r = db_query(
		c, &rows, e, renamed ? ONE_BY_ONE "asked <> '' AND " SINCE : ONE_BY_ONE SINCE, DB_I64(from_ms));

	return r < 0 ? r : count(rows, fn, arg, e);
}

int usage_delete_before(struct db *db, int64_t before, int64_t limit, int64_t *ret_n, struct err *e)
{
	return STORE_WRITE(db, ret_n, e,
		"DELETE FROM usage WHERE id IN (SELECT id FROM usage WHERE at < ? ORDER BY at LIMIT ?)", DB_I64(before),
		DB_I64(limit));
}
