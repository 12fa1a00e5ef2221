/*
 * memories.c - each verb names the person in its statement, so a memory of somebody else is one that is not there. How many there
 * may be is counted in the transaction that adds one. Whether they are used is a row of its own, without which they are not.
 */
#include "store/memories.h"

#include "store/store_priv.h"

#define M struct memory
static const struct col columns[] = {COL(I64, M, id), COL_ONCE(I64, M, user_id), COL(TEXT, M, text),
	COL_CREATED(M, created_at), COL_UPDATED(M, updated_at)};
#undef M
static const struct rows_table memories = {
	"memories", "id", "There is no such memory, or it is not yours.", NULL, TABLE(struct memory, columns)};

int memories_list(struct db_conn *c, atelier_id user_id, struct arena *a, struct memory_list *ret, struct err *e)
{
	ASSERT(user_id);
	return rows_all(&memories, c, a, &ret->items, &ret->n, e, "WHERE user_id = ? ORDER BY id", DB_I64(user_id));
}

int memories_get(
	struct db_conn *c, atelier_id user_id, atelier_id id, struct arena *a, struct memory *ret, struct err *e)
{
	ASSERT(user_id);
	return rows_first(&memories, c, a, ret, e, "WHERE id = ? AND user_id = ?", DB_I64(id), DB_I64(user_id));
}

static int create_in(struct db_conn *c, void *arg, struct err *e)
{
	struct memory *m = arg;
	int64_t n = 0;
	int r = STORE_I64(c, &n, NULL, e, "SELECT count(*) FROM memories WHERE user_id = ?", DB_I64(m->user_id));

	if (r == 0 && n >= MEMORIES_MAX)
		r = err_set(e, E_CONFLICT, "You have %d memories already. Delete one that is not needed any more.",
			MEMORIES_MAX);
	return r < 0 ? r : rows_create_in(&memories, c, m, &m->id, e);
}

int memories_create(struct db *db, const struct memory *in, atelier_id *ret_id, struct err *e)
{
	struct memory m = *in;

	return store_make(db, create_in, &m, &m.id, ret_id, e);
}

int memories_set(struct db *db, const struct memory *in, struct err *e)
{
	return STORE_CHANGE(db, memories.missing, e,
		"UPDATE memories SET text = ?, updated_at = ? WHERE id = ? AND user_id = ?", DB_TEXT(in->text),
		DB_I64(clock_now_ms()), DB_I64(in->id), DB_I64(in->user_id));
}

int memories_delete(struct db *db, atelier_id user_id, atelier_id id, struct err *e)
{
	ASSERT(user_id);
	return STORE_CHANGE(db, memories.missing, e, "DELETE FROM memories WHERE id = ? AND user_id = ?", DB_I64(id),
		DB_I64(user_id));
}

/* ---- whether they are used ---- */

int memories_enabled(struct db_conn *c, atelier_id user_id, bool *ret, struct err *e)
{
	int64_t enabled = 0;
	int r = STORE_I64(
		c, &enabled, NULL, e, "SELECT enabled FROM memory_settings WHERE user_id = ?", DB_I64(user_id));

	ASSERT(user_id);
	if (r == 0)
		*ret = enabled;
	return r;
}

int memories_enable(struct db *db, atelier_id user_id, bool enabled, struct err *e)
{
	ASSERT(user_id);
	return STORE_WRITE(db, NULL, e,
		"INSERT INTO memory_settings (user_id, enabled) VALUES (?, ?)"
		" ON CONFLICT (user_id) DO UPDATE SET enabled = excluded.enabled",
		DB_I64(user_id), DB_I64(enabled));
}
