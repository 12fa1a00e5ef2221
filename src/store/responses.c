/* responses.c - answers of the gateway that programs go on from by their id. */
#include "store/responses.h"
#include "store/store_priv.h"

#define NO_RESPONSE "There is no such response."
#define OWNED       "user_id = ? AND coalesce(key_id, 0) = ?"

struct put {
	const struct response *in;
	int64_t of_owner, of_all;
};

/* Only who is still there: a reference that leads nowhere is no fault of the database. */
static int insert(struct db_conn *c, const struct response *in, struct err *e)
{
	return STORE_EXEC(c, "Whose response this is, is gone.", e,
		"INSERT INTO responses (id, user_id, key_id, made_at, bytes, previous, input, output)"
		" SELECT ?, u.id, nullif(?, 0), ?, ?, ?, ?, ? FROM users u"
		" WHERE u.id = ? AND (? = 0 OR EXISTS (SELECT 1 FROM api_keys k WHERE k.id = ?))",
		DB_I64(in->id), DB_I64(in->owner.key_id), DB_I64(in->made_at),
		DB_I64(strlen(in->input) + strlen(in->output)), DB_TEXT(in->previous), DB_TEXT(in->input),
		DB_TEXT(in->output), DB_I64(in->owner.user_id), DB_I64(in->owner.key_id), DB_I64(in->owner.key_id));
}

static int put_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct put *x = arg;
	const struct response_owner *o = &x->in->owner;
	int r = insert(c, x->in, e);

	if (r == 0)
		r = db_exec(c, NULL, e,
			"DELETE FROM responses WHERE id IN (SELECT t.id FROM (SELECT id, sum(bytes) OVER"
			" (ORDER BY made_at DESC, id DESC) AS total FROM responses WHERE " OWNED
			") AS t WHERE t.total > ?)",
			DB_I64(o->user_id), DB_I64(o->key_id), DB_I64(x->of_owner));
	if (r == 0)
		r = db_exec(c, NULL, e,
			"DELETE FROM responses WHERE id IN (SELECT t.id FROM (SELECT id, sum(bytes) OVER"
			" (ORDER BY made_at DESC, id DESC) AS total FROM responses) AS t WHERE t.total > ?)",
			DB_I64(x->of_all));
	return r;
}

int responses_put(struct db *db, const struct response *in, int64_t of_owner, int64_t of_all, struct err *e)
{
	return store_apply(db, put_in, &(struct put){in, of_owner, of_all}, e);
}

#define R struct response
static const struct col columns[] = {
	COL(I64, R, id), COL(I64, R, made_at), COL(TEXT, R, previous), COL(TEXT, R, input), COL(TEXT, R, output)};
#undef R
static const struct rows_table responses = {"responses", NULL, NO_RESPONSE, NULL, TABLE(struct response, columns)};

int responses_get(struct db_conn *c, atelier_id id, const struct response_owner *owner, int64_t oldest, struct arena *a,
	struct response *ret, struct err *e)
{
	int r = rows_first(&responses, c, a, ret, e, "WHERE id = ? AND " OWNED " AND made_at > ?", DB_I64(id),
		DB_I64(owner->user_id), DB_I64(owner->key_id), DB_I64(oldest));

	if (r == 0)
		ret->owner = *owner;
	return r;
}

int responses_delete(struct db *db, atelier_id id, const struct response_owner *owner, struct err *e)
{
	return STORE_CHANGE(db, NO_RESPONSE, e, "DELETE FROM responses WHERE id = ? AND " OWNED, DB_I64(id),
		DB_I64(owner->user_id), DB_I64(owner->key_id));
}

int responses_delete_before(struct db *db, int64_t oldest, int64_t most, int64_t *ret_n, struct err *e)
{
	return STORE_WRITE(db, ret_n, e,
		"DELETE FROM responses WHERE id IN"
		" (SELECT id FROM responses WHERE made_at <= ? ORDER BY made_at LIMIT ?)",
		DB_I64(oldest), DB_I64(most));
}
