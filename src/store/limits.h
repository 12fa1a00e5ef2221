/*
 * limits.h - how much may be used in a window of time, as administrators set it. What is used is counted in call/. A
 * limit of a user, group or key goes with it (triggers of the schema).
 */
#pragma once

#include "store/rows.h"

#define SUBJECTS "everyone user group key model"
#define MEASURES "requests tokens money"
#define PERIODS  "minute hour day month"

struct limit {
	atelier_id id;
	const char *subject; /* of SUBJECTS; everyone, group and model: shared by all together */
	atelier_id subject_id;
	const char *subject_name; /* of a user, group or key; NULL: it has none, or is gone */
	const char *model;        /* id, alias or pattern: counts only calls of these; "": of all */
	const char *measure, *period;
	int64_t amount; /* calls, tokens, micro-units of the currency; 0 forbids */
};

struct limit_list ROWS_OF(struct limit);

extern const struct rows_table limits_table; /* lists are by id, which is by age */
ROWS_LIST(limits_list, limits_table, struct limit_list)
ROWS_GET(limits_get, limits_table, struct limit)

/* E_NOT_FOUND when there is no such user, group or key; E_CONFLICT when there is this limit already. */
int limits_create(struct db *db, const struct limit *in, atelier_id *ret_id, struct err *e) MUST_CHECK;
int limits_set_amount(struct db *db, atelier_id id, int64_t amount, struct err *e) MUST_CHECK; /* E_NOT_FOUND */
ROWS_DELETE(limits_delete, limits_table)

/* ---- what each of several servers takes of limits; of PostgreSQL, where there is no other nothing is written ---- */

/* What one server has taken of a limit. */
struct limit_use {
	atelier_id limit_id;
	int64_t window_start; /* Unix ms; what was used in another window counts no more */
	int64_t used;         /* in the window, by calls whose rows are stored; of limit_uses_add: so much more */
	int64_t held;         /* by calls that run, or whose rows are on their way; of a server that is gone: 0 */
};

/* Whether another server works in the database now, and how often others have been started: more than before means that one has come. */
int limit_servers_elsewhere(struct db_conn *c, bool *ret_any, int64_t *ret_starts, struct err *e) MUST_CHECK;
/* Within a db_write on PostgreSQL: this server has been started. */
int limit_server_starts(struct db_conn *c, int64_t now_ms, struct err *e) MUST_CHECK;
/* How many of the others that work now have not told yet what they hold (limit_uses_told) since the last one was started. */
int limit_servers_silent(struct db_conn *c, int64_t *ret, struct err *e) MUST_CHECK;
/* What all other servers have taken, a row for each and each limit, in the arena. */
int limit_uses_elsewhere(
	struct db_conn *c, struct arena *a, struct limit_use **ret, size_t *ret_n, struct err *e) MUST_CHECK;
/* Within a db_write: notes for the others what this server takes; `held` is all of it. */
int limit_uses_add(struct db_conn *c, const struct limit_use *uses, size_t n, struct err *e) MUST_CHECK;
/* Within a db_write: this server holds nothing. */
int limit_uses_forget(struct db_conn *c, struct err *e) MUST_CHECK;
/* Within the same one, behind limit_uses_add: that is all, and every server that has been started so far may count on it. */
int limit_uses_told(struct db_conn *c, struct err *e) MUST_CHECK;

extern const char limit_uses_postgres[]; /* of the schema */
