/*
 * sessions.c - who is signed in where. A secret is found by its hash alone, and together with its user, so that who
 * was disabled meanwhile is not let in. That one is used is written behind the requests (store_later), and not by each
 * of them.
 */
#include "store/sessions.h"
#include "store/store_priv.h"

#define S struct session
static const struct col columns[] = {COL(I64, S, id), COL_ONCE(I64, S, user_id), COL_ONCE(BYTES, S, cookie_hash),
	COL_ONCE(BYTES, S, bearer_hash), COL_ONCE(I64, S, created_at), COL_ONCE(I64, S, last_seen_at),
	COL_ONCE(I64, S, expires_at), COL_ONCE(TEXT, S, user_agent), COL_ONCE(TEXT, S, address)};
#undef S
const struct rows_table sessions_table = {
	"sessions", "last_seen_at DESC, id DESC", "There is no such session.", NULL, TABLE(struct session, columns)};

int sessions_find(struct db_conn *c, const void *hash, size_t n, int64_t now, struct arena *a, struct session *ret,
	struct user *ret_user, enum session_by *ret_by, struct err *e)
{
	struct session s;
	int r = rows_pair(&sessions_table, &users_table, c, a, &s, ret_user, e,
		"JOIN users ON users.id = sessions.user_id"
		" WHERE (cookie_hash = ? OR bearer_hash = ?) AND expires_at > ? AND disabled = 0",
		DB_BLOB(hash, n), DB_BLOB(hash, n), DB_I64(now));

	if (r <= 0)
		return r < 0 ? r : err_set(e, E_UNAUTHORIZED, "Sign in first.");
	*ret_by = str_eq(s.cookie_hash, (struct str){hash, n}) ? SESSION_BY_COOKIE : SESSION_BY_BEARER;
	*ret = s;
	return 0;
}

int sessions_good(
	struct db_conn *c, atelier_id id, int64_t now, atelier_id *ret_user_id, int64_t *ret_expires_at, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r = STORE_ROW(c, &rows, e,
		"SELECT s.user_id, s.expires_at FROM sessions s JOIN users u ON u.id = s.user_id"
		" WHERE s.id = ? AND s.expires_at > ? AND u.disabled = 0",
		DB_I64(id), DB_I64(now));

	if (r <= 0)
		return r < 0 ? r : err_set(e, E_UNAUTHORIZED, "The session that this was made with has ended.");
	*ret_user_id = db_i64(rows, 0);
	*ret_expires_at = db_i64(rows, 1);
	return 0;
}

struct change {
	atelier_id id;
	int64_t now, expires_at;
};

static int touch_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct change *x = arg;

	return db_exec(c, NULL, e, "UPDATE sessions SET last_seen_at = ?, expires_at = ? WHERE id = ?", DB_I64(x->now),
		DB_I64(x->expires_at), DB_I64(x->id));
}

void sessions_touch(struct db *db, atelier_id id, int64_t now, int64_t expires_at)
{
	const struct change x = {.id = id, .now = now, .expires_at = expires_at};

	store_later(db, touch_in, &x, sizeof(x));
}

int sessions_delete(struct db *db, atelier_id id, struct err *e)
{
	return STORE_WRITE(db, NULL, e, "DELETE FROM sessions WHERE id = ?", DB_I64(id));
}

int sessions_delete_expired(struct db *db, int64_t now, int64_t limit, int64_t *ret_n, struct err *e)
{
	return STORE_WRITE(db, ret_n, e,
		"DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at <= ? LIMIT ?)", DB_I64(now),
		DB_I64(limit));
}

int sessions_heal(struct db *db, int64_t now, int64_t max_ms, int64_t limit, int64_t *ret_n, struct err *e)
{
	int64_t end = now + max_ms;

	return STORE_WRITE(db, ret_n, e,
		"UPDATE sessions SET last_seen_at = ?, expires_at = CASE WHEN expires_at < ? THEN expires_at ELSE ? END"
		" WHERE id IN (SELECT id FROM sessions WHERE last_seen_at > ? LIMIT ?)",
		DB_I64(now), DB_I64(end), DB_I64(end), DB_I64(now + 86400000), DB_I64(limit));
}
