/*
 * turn_calls.c - deciding, beginning and expiring are each one UPDATE with the state that it comes from, on the writer: of two who
 * decide at once, or decide and let expire, one finds nothing to change. That a call has begun is written before anything is done,
 * so that after a crash it is known what may have happened. A rule that comes with a decision is in its transaction.
 */
#include "store/turn_calls.h"

#include "store/store_priv.h"
#include "store/tool_choices.h"

#define NO_CALL "There is no such call to decide, or it is not yours."

#define R struct turn_call
static const struct col columns[] = {COL(I64, R, id), COL(I64, R, turn_id), COL(TEXT, R, call_id), COL(TEXT, R, name),
	COL(TEXT, R, hash), COL(TEXT, R, title), COL(TEXT, R, arguments), COL(TEXT, R, effect), COL(TEXT, R, state),
	COL(TEXT, R, decision), COL(TEXT, R, reason), COL(BOOL, R, unknown), COL(I64, R, expires_at),
	COL_CREATED(R, created_at)};
#undef R
static const struct rows_table calls = {"turn_calls", "id", NO_CALL, NULL, TABLE(struct turn_call, columns)};

int turn_calls_list(struct db_conn *c, atelier_id turn_id, struct arena *a, struct turn_call_list *ret, struct err *e)
{
	return rows_all(&calls, c, a, &ret->items, &ret->n, e, "WHERE turn_id = ? ORDER BY id", DB_I64(turn_id));
}

/* ---- adding ---- */

struct addition {
	const struct turn_call *items;
	size_t n;
};

static int add_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct addition *x = arg;
	int r = 0;

	for (size_t i = 0; r == 0 && i < x->n; i++) {
		const struct turn_call *k = &x->items[i];
		atelier_id id;
		int64_t n = 0;
		r = db_exec(c, &n, e,
			"UPDATE turn_calls SET state = ?, unknown = ?, expires_at = ?, decision = NULL, reason = NULL"
			" WHERE turn_id = ? AND call_id = ?",
			DB_TEXT(k->state), DB_I64(k->unknown), DB_I64(k->expires_at), DB_I64(k->turn_id),
			DB_TEXT(k->call_id));
		if (r == 0 && n == 0)
			r = rows_create_in(&calls, c, k, &id, e);
	}
	return r;
}

int turn_calls_add(struct db *db, const struct turn_call *items, size_t n, struct err *e)
{
	return n ? store_apply(db, add_in, &(struct addition){items, n}, e) : 0;
}

static int begin_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct turn_call *k = arg;
	atelier_id id;
	int64_t n = 0, begun = 0;
	int r = db_exec(c, &n, e,
		"UPDATE turn_calls SET state = 'started' WHERE turn_id = ? AND call_id = ? AND state = 'allowed'",
		DB_I64(k->turn_id), DB_TEXT(k->call_id));

	ASSERT(db_is_writing(c));
	if (r < 0 || n > 0)
		return r;
	r = STORE_I64(c, &begun, NULL, e, "SELECT 1 FROM turn_calls WHERE turn_id = ? AND call_id = ?",
		DB_I64(k->turn_id), DB_TEXT(k->call_id));
	if (r == 0 && begun)
		return err_set(e, E_CONFLICT, "This call has begun already.");
	return r < 0 ? r : rows_create_in(&calls, c, k, &id, e);
}

int turn_calls_begin(struct db *db, const struct turn_call *call, struct err *e)
{
	struct turn_call copy = *call;

	copy.state = CALL_STARTED;
	return db_write(db, begin_in, &copy, e);
}

/* ---- deciding ---- */

struct deciding {
	struct call_decision *d;
	struct arena *a;
};

static int decide_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct deciding *x = arg;
	struct call_decision *d = x->d;
	bool deny = strcmp(d->decision, "deny") == 0, here = strcmp(d->decision, "conversation") == 0;
	int r = STORE_I64(c, &d->conversation_id, NO_CALL, e,
		"SELECT t.conversation_id FROM turns t JOIN conversations v ON v.id = t.conversation_id"
		" WHERE t.id = ? AND t.user_id = ? AND v.deleted_at IS NULL AND t.state IN ('waiting', 'running')",
		DB_I64(d->turn_id), DB_I64(d->user_id));

	ASSERT(db_is_writing(c));
	if (r < 0)
		return r;
	r = rows_first(&calls, c, x->a, &d->call, e, "WHERE turn_id = ? AND call_id = ?", DB_I64(d->turn_id),
		DB_TEXT(d->call_id));
	if (r < 0)
		return r;
	if (strcmp(d->call.state, CALL_ASKED) != 0)
		return err_set(e, E_CONFLICT, "This is decided already.");
	if (d->call.expires_at <= clock_now_ms())
		return err_set(e, E_CONFLICT, "The time to decide this is over.");
	if (d->call.unknown && !deny && strcmp(d->decision, "once") != 0)
		return err_set(e, E_INVALID, "What had begun can be run again once, or left.");
	r = db_exec(c, NULL, e,
		"UPDATE turn_calls SET state = ?, decision = ?, reason = ? WHERE id = ? AND state = 'asked'",
		DB_TEXT(deny ? CALL_DENIED : CALL_ALLOWED), DB_TEXT(d->decision), DB_TEXT(d->reason),
		DB_I64(d->call.id));
	/* With the decision: whoever lets the turn go on finds the rule. */
	if (r == 0 && (here || strcmp(d->decision, "always") == 0))
		r = tool_rules_add_in(c, d->user_id, here ? d->conversation_id : 0, d->call.name, d->call.hash, e);
	if (r == 0)
		r = STORE_I64(c, &d->open, NO_CALL, e,
			"SELECT count(*) FROM turn_calls WHERE turn_id = ? AND state = 'asked'", DB_I64(d->turn_id));
	return r;
}

int turn_calls_decide(struct db *db, struct call_decision *d, struct arena *a, struct err *e)
{
	ASSERT(d->user_id && d->decision);
	return db_write(db, decide_in, &(struct deciding){d, a}, e);
}

/* ---- expiring ---- */

struct expiry {
	int64_t now;
	atelier_id *turns;
	size_t most, n;
};

static int expire_in(struct db_conn *c, void *arg, struct err *e)
{
	struct expiry *x = arg;
	int r = STORE_IDS(c, x->turns, x->most, &x->n, e,
		"SELECT DISTINCT turn_id FROM turn_calls WHERE state = 'asked' AND expires_at <= ? LIMIT ?",
		DB_I64(x->now), DB_I64(x->most));

	ASSERT(db_is_writing(c));
	for (size_t i = 0; r >= 0 && i < x->n; i++)
		r = db_exec(c, NULL, e,
			"UPDATE turn_calls SET state = 'expired', decision = 'expired'"
			" WHERE turn_id = ? AND state = 'asked' AND expires_at <= ?",
			DB_I64(x->turns[i]), DB_I64(x->now));
	return r;
}

int turn_calls_expire(struct db *db, int64_t now, atelier_id *ret, size_t most, size_t *ret_n, struct err *e)
{
	struct expiry x = {.now = now, .turns = ret, .most = most};
	int r = db_write(db, expire_in, &x, e);

	ASSERT(most > 0);
	*ret_n = r < 0 ? 0 : x.n;
	return r;
}
