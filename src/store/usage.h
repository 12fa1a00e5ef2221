/*
 * usage.h - what calls of models took: a row a call, and sums by day. Days are counted from 1970-01-01, UTC. A call that
 * a limit refused is a row (outcome refused), but no part of the sums: nobody was asked.
 */
#pragma once

#include "store/rows.h"

#define DAY_MS  INT64_C(86400000)
#define HOUR_MS INT64_C(3600000)

#define USAGE_DAYS_LEAST 32 /* so long single calls are kept at least: limits of a month count them */

#define OUTCOME_COMPLETE "complete"
#define OUTCOME_CANCELED "canceled"
#define OUTCOME_FAILED   "failed"
#define OUTCOME_REFUSED  "refused"

struct usage_row {
	atelier_id id;
	int64_t at; /* when the call ended, Unix ms */
	atelier_id user_id;
	atelier_id key_id;          /* 0: none */
	atelier_id conversation_id; /* 0: none */
	const char *purpose, *provider, *model;
	const char *asked; /* the name that was asked for, when it is not the model's; else "" */
	const char *outcome;
	const char *error_code; /* NULL: none */
	int64_t tokens_in, tokens_out, tokens_cached, tokens_reasoning;
	bool tokens_exact;
	int64_t first_token_ms; /* -1: none came */
	int64_t duration_ms, queued_ms, tries, cost_micros;
};

/* What is written with them in the same transaction; `added` of each row: it was not there already. */
typedef int usage_also_fn(struct db_conn *c, void *arg, const bool *added, struct err *e);

/* Adds the rows and their days in one transaction; a row that is there already is left as it is. `also`: NULL: nothing. */
int usage_add(struct db *db, const struct usage_row *rows, size_t n, usage_also_fn *also, void *arg,
	struct err *e) MUST_CHECK;

/* ---- sums ---- */

enum usage_by { USAGE_BY_DAY, USAGE_BY_MODEL, USAGE_BY_PROVIDER, USAGE_BY_USER, USAGE_BY_KEY };

struct usage_sum {
	const char *key; /* day (2026-11-21), model, provider, name of the user or key; "": calls without a key */
	int64_t requests, failed, tokens_in, tokens_out, tokens_cached, tokens_reasoning;
	int64_t first_token_ms, duration_ms; /* sums over the calls that had a first token */
	int64_t first_tokens;                /* how many those are */
	int64_t cost_micros;
};

struct usage_sums {
	struct usage_sum *items;
	size_t n;
	struct usage_sum total; /* its key is NULL */
};

struct usage_filter {
	int64_t from_day, to_day; /* both included, by a clock that is `offset_ms` ahead of UTC */
	atelier_id user_id;       /* 0: everybody's */
	int64_t offset_ms;
	int64_t calls_from_day; /* UTC: single calls are kept from then on; days before begin with UTC, whatever the clock */
	bool hours;             /* a series of hours instead of days; of those whose single calls are kept */
};

/* Days rise; all else by cost, then by tokens, falling. */
int usage_sums(struct db_conn *c, enum usage_by by, const struct usage_filter *f, struct arena *a,
	struct usage_sums *ret, struct err *e) MUST_CHECK;

struct usage_point {
	const char *day; /* 2026-11-21; of an hour 2026-11-21T14 */
	struct usage_sum sum;
};

struct usage_series ROWS_OF(struct usage_point);

/* The same for each day or hour; never by USAGE_BY_DAY. They rise, and within one the order is that of usage_sums. */
int usage_series(struct db_conn *c, enum usage_by by, const struct usage_filter *f, struct arena *a,
	struct usage_series *ret, struct err *e) MUST_CHECK;

/* ---- calls ---- */

struct usage_call {
	struct usage_row row;
	const char *username, *key_name; /* NULL: none, or gone */
};

struct usage_call_list PAGE_OF(struct usage_call);

/* The newest first, older than `before` (0: from the newest on). `user_id` 0: everybody's. */
int usage_calls(struct db_conn *c, atelier_id user_id, atelier_id before, size_t limit, struct arena *a,
	struct usage_call_list *ret, struct err *e) MUST_CHECK;

/* ---- counting what limits have used up ---- */

struct usage_count {
	int64_t day; /* of sums by day */
	int64_t at;  /* of single calls, Unix ms */
	atelier_id user_id, key_id;
	const char *provider, *model, *asked; /* until the function returns */
	int64_t requests, tokens, cost_micros;
};
typedef void (*usage_count_fn)(void *arg, const struct usage_count *u);

/* Each sum of the days from `from_day` on. */
int usage_count_days(struct db_conn *c, int64_t from_day, usage_count_fn fn, void *arg, struct err *e) MUST_CHECK;
/* Each call that ended at `from_ms` or later and was not refused; `renamed`: only those asked for by another name. */
int usage_count_calls(
	struct db_conn *c, int64_t from_ms, bool renamed, usage_count_fn fn, void *arg, struct err *e) MUST_CHECK;

/* Removes up to `limit` records of calls that ended before that time (Unix ms); the sums by day stay. */
int usage_delete_before(struct db *db, int64_t before, int64_t limit, int64_t *ret_n, struct err *e) MUST_CHECK;
