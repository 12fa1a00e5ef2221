/* sessions.c - who is signed in where. */
#include "store/sessions.h"
#include "store/store_priv.h"

static struct db_param hash_param(struct str hash)
{
	return hash.p ? DB_BLOB(hash.p, hash.n) : DB_NULL;
}

struct create {
	const struct session_new *in;
	atelier_id id;
};

static int create_in(struct db_conn *c, void *arg, struct err *e)
{
	struct create *x = arg;
	const struct session_new *in = x->in;

	return STORE_INSERT(c, &x->id, e,
		"INSERT INTO sessions (id, user_id, cookie_hash, bearer_hash, created_at, last_seen_at, expires_at,"
		" user_agent, address) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
		DB_I64(in->user_id), hash_param(in->cookie_hash), hash_param(in->bearer_hash), DB_I64(in->now),
		DB_I64(in->now), DB_I64(in->expires_at), DB_TEXT(in->user_agent), DB_TEXT(in->address));
}

int sessions_create(struct db *db, const struct session_new *in, atelier_id *ret_id, struct err *e)
{
	struct create x = {.in = in};
	int r;

	r = db_write(db, create_in, &x, e);
	if (r < 0)
		return r;
	*ret_id = x.id;
	return 0;
}

#define SESSION_COLUMNS "s.id, s.user_id, s.created_at, s.last_seen_at, s.expires_at, s.user_agent, s.address"

static void read_session(struct store_reader *rd, struct session *s)
{
	*s = (struct session){
		.id = db_i64(rd->rows, 0),
		.user_id = db_i64(rd->rows, 1),
		.created_at = db_i64(rd->rows, 2),
		.last_seen_at = db_i64(rd->rows, 3),
		.expires_at = db_i64(rd->rows, 4),
		.user_agent = store_str(rd, 5),
		.address = store_str(rd, 6),
	};
}

int sessions_find(struct db_conn *c, const void *hash, size_t n, int64_t now, struct arena *a, struct session *ret,
	struct user *ret_user, enum session_by *ret_by, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	struct store_reader rd = {.a = a};
	struct session s;
	struct user u;
	int r;

	r = db_query(c, &rows, e,
		"SELECT " SESSION_COLUMNS
		", coalesce(s.cookie_hash = ?, 1 = 0), u.name, u.display_name, u.password_hash,"
		" u.role, u.created_at FROM sessions s JOIN users u ON u.id = s.user_id"
		" WHERE (s.cookie_hash = ? OR s.bearer_hash = ?) AND s.expires_at > ? AND u.disabled = 0",
		DB_BLOB(hash, n), DB_BLOB(hash, n), DB_BLOB(hash, n), DB_I64(now));
	if (r < 0)
		return r;
	r = db_next(rows, e);
	if (r < 0)
		return r;
	if (r == 0)
		return err_set(e, E_UNAUTHORIZED, "Sign in first.");
	rd.rows = rows;
	read_session(&rd, &s);
	u = (struct user){
		.id = s.user_id,
		.name = store_str(&rd, 8),
		.display_name = store_str(&rd, 9),
		.password_hash = store_str(&rd, 10),
		.role = store_str(&rd, 11),
		.created_at = db_i64(rows, 12),
	};
	r = store_reader_end(&rd, e);
	if (r < 0)
		return r;
	*ret = s;
	*ret_user = u;
	*ret_by = db_i64(rows, 7) ? SESSION_BY_COOKIE : SESSION_BY_BEARER;
	return 0;
}

int sessions_good(
	struct db_conn *c, atelier_id id, int64_t now, atelier_id *ret_user_id, int64_t *ret_expires_at, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r = db_query(c, &rows, e,
		"SELECT s.user_id, s.expires_at FROM sessions s JOIN users u ON u.id = s.user_id"
		" WHERE s.id = ? AND s.expires_at > ? AND u.disabled = 0",
		DB_I64(id), DB_I64(now));

	if (r == 0)
		r = db_next(rows, e);
	if (r < 0)
		return r;
	if (r == 0)
		return err_set(e, E_UNAUTHORIZED, "The session that this was made with has ended.");
	*ret_user_id = db_i64(rows, 0);
	*ret_expires_at = db_i64(rows, 1);
	return 0;
}

int sessions_list(
	struct db_conn *c, atelier_id user_id, int64_t now, struct arena *a, struct session_list *ret, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	struct store_list l = {.size = sizeof(struct session)};
	struct store_reader rd = {.a = a};
	int r;

	r = db_query(c, &rows, e,
		"SELECT " SESSION_COLUMNS " FROM sessions s WHERE s.user_id = ? AND s.expires_at > ?"
		" ORDER BY s.last_seen_at DESC, s.id DESC",
		DB_I64(user_id), DB_I64(now));
	if (r < 0)
		return r;
	rd.rows = rows;
	while ((r = db_next(rows, e)) > 0) {
		struct session *s = store_push(&l, a);

		if (!s)
			return store_full(e);
		read_session(&rd, s);
	}
	if (r == 0)
		r = store_reader_end(&rd, e);
	if (r == 0)
		*ret = (struct session_list){l.items, l.n};
	return r;
}

struct change {
	atelier_id id;
	int64_t now, expires_at, limit, changed;
};

static int touch_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct change *x = arg;

	return db_exec(c, NULL, e, "UPDATE sessions SET last_seen_at = ?, expires_at = ? WHERE id = ?", DB_I64(x->now),
		DB_I64(x->expires_at), DB_I64(x->id));
}

static int delete_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct change *x = arg;

	return db_exec(c, NULL, e, "DELETE FROM sessions WHERE id = ?", DB_I64(x->id));
}

static int delete_user_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct change *x = arg;

	return db_exec(c, NULL, e, "DELETE FROM sessions WHERE user_id = ?", DB_I64(x->id));
}

static int delete_expired_in(struct db_conn *c, void *arg, struct err *e)
{
	struct change *x = arg;

	return db_exec(c, &x->changed, e,
		"DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at <= ? LIMIT ?)",
		DB_I64(x->now), DB_I64(x->limit));
}

static int heal_in(struct db_conn *c, void *arg, struct err *e)
{
	struct change *x = arg;

	return db_exec(c, &x->changed, e,
		"UPDATE sessions SET last_seen_at = ?, expires_at = CASE WHEN expires_at < ? THEN expires_at ELSE ? END"
		" WHERE id IN (SELECT id FROM sessions WHERE last_seen_at > ? LIMIT ?)",
		DB_I64(x->now), DB_I64(x->expires_at), DB_I64(x->expires_at), DB_I64(x->now + 86400000),
		DB_I64(x->limit));
}

void sessions_touch(struct db *db, atelier_id id, int64_t now, int64_t expires_at)
{
	const struct change x = {.id = id, .now = now, .expires_at = expires_at};

	store_later(db, touch_in, &x, sizeof(x));
}

int sessions_delete(struct db *db, atelier_id id, struct err *e)
{
	struct change x = {.id = id};

	return db_write(db, delete_in, &x, e);
}

int sessions_delete_user(struct db *db, atelier_id user_id, struct err *e)
{
	struct change x = {.id = user_id};

	return db_write(db, delete_user_in, &x, e);
}

int sessions_delete_expired(struct db *db, int64_t now, int64_t limit, int64_t *ret_n, struct err *e)
{
	struct change x = {.now = now, .limit = limit};
	int r = db_write(db, delete_expired_in, &x, e);

	*ret_n = r < 0 ? 0 : x.changed;
	return r;
}

int sessions_heal(struct db *db, int64_t now, int64_t max_ms, int64_t limit, int64_t *ret_n, struct err *e)
{
	struct change x = {.now = now, .expires_at = now + max_ms, .limit = limit};
	int r = db_write(db, heal_in, &x, e);

	*ret_n = r < 0 ? 0 : x.changed;
	return r;
}
