/* keys.c - API keys. */
#include "store/keys.h"
#include "store/store_priv.h"

#define NO_KEY "There is no such API key, or it is not yours."
#define KEY_COLUMNS                                                                                                    \
	"k.id, k.user_id, u.name, k.name, k.prefix, k.scopes, k.models, k.created_at, k.expires_at, k.last_used_at"
#define KEY_TABLES "api_keys k JOIN users u ON u.id = k.user_id"

static void read_key(struct store_reader *rd, struct api_key *k)
{
	*k = (struct api_key){
		.id = db_i64(rd->rows, 0),
		.user_id = db_i64(rd->rows, 1),
		.username = store_str(rd, 2),
		.name = store_str(rd, 3),
		.prefix = store_str(rd, 4),
		.scopes = store_str(rd, 5),
		.models = store_str(rd, 6),
		.created_at = db_i64(rd->rows, 7),
		.expires_at = db_i64(rd->rows, 8),
		.last_used_at = db_i64(rd->rows, 9),
	};
}

struct create {
	const struct api_key_new *in;
	atelier_id id;
};

static int create_in(struct db_conn *c, void *arg, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	struct create *x = arg;
	const struct api_key_new *in = x->in;
	int r = STORE_FIRST(
		c, &rows, NO_KEY, e, "SELECT count(*) FROM api_keys WHERE user_id = ?", DB_I64(in->user_id));

	if (r < 0)
		return r;
	if (db_i64(rows, 0) >= KEYS_PER_USER)
		return err_set(
			e, E_CONFLICT, "You have %d API keys; delete one that is not used any more.", KEYS_PER_USER);
	return STORE_INSERT(c, &x->id, e,
		"INSERT INTO api_keys (id, user_id, name, prefix, hash, scopes, models, created_at, expires_at)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
		DB_I64(in->user_id), DB_TEXT(in->name), DB_TEXT(in->prefix), DB_BLOB(in->hash.p, in->hash.n),
		DB_TEXT(in->scopes), DB_TEXT(in->models), DB_I64(clock_now_ms()),
		in->expires_at ? DB_I64(in->expires_at) : DB_NULL);
}

int keys_create(struct db *db, const struct api_key_new *in, atelier_id *ret_id, struct err *e)
{
	struct create x = {.in = in};
	int r = db_write(db, create_in, &x, e);

	if (r < 0)
		return r;
	*ret_id = x.id;
	return 0;
}

int keys_find(struct db_conn *c, const void *hash, size_t n, int64_t now, struct arena *a, struct api_key *ret,
	struct user *ret_user, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	struct store_reader rd = {.a = a};
	struct api_key k;
	struct user u;
	int r = db_query(c, &rows, e,
		"SELECT " KEY_COLUMNS
		", u.display_name, u.password_hash, u.role, u.disabled, u.created_at FROM " KEY_TABLES
		" WHERE k.hash = ?",
		DB_BLOB(hash, n));

	if (r < 0)
		return r;
	r = db_next(rows, e);
	if (r < 0)
		return r;
	if (r == 0)
		return err_set(e, E_UNAUTHORIZED, "This API key is not known here, or it has been deleted.");
	rd.rows = rows;
	read_key(&rd, &k);
	u = (struct user){
		.id = k.user_id,
		.name = k.username,
		.display_name = store_str(&rd, 10),
		.password_hash = store_str(&rd, 11),
		.role = store_str(&rd, 12),
		.disabled = db_i64(rows, 13) != 0,
		.created_at = db_i64(rows, 14),
	};
	r = store_reader_end(&rd, e);
	if (r < 0)
		return r;
	if (k.expires_at && k.expires_at <= now)
		return err_set(e, E_UNAUTHORIZED, "This API key has expired.");
	if (u.disabled)
		return err_set(e, E_UNAUTHORIZED, "The user of this API key is disabled.");
	*ret = k;
	*ret_user = u;
	return 0;
}

int keys_good(struct db_conn *c, atelier_id id, const char *scope, int64_t now, atelier_id *ret_user_id,
	int64_t *ret_expires_at, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r = db_query(c, &rows, e,
		"SELECT k.user_id, coalesce(k.expires_at, 0) FROM " KEY_TABLES
		" WHERE k.id = ? AND (k.expires_at IS NULL OR k.expires_at > ?) AND u.disabled = 0"
		" AND (? IS NULL OR instr(' ' || k.scopes || ' ', ' ' || ? || ' ') > 0)",
		DB_I64(id), DB_I64(now), DB_TEXT(scope), DB_TEXT(scope));

	if (r == 0)
		r = db_next(rows, e);
	if (r < 0)
		return r;
	if (r == 0)
		return err_set(e, E_UNAUTHORIZED, "The API key that this was made with has ended.");
	*ret_user_id = db_i64(rows, 0);
	*ret_expires_at = db_i64(rows, 1);
	return 0;
}

int keys_list(struct db_conn *c, atelier_id user_id, struct arena *a, struct api_key_list *ret, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	struct store_list l = {.size = sizeof(struct api_key)};
	struct store_reader rd = {.a = a};
	int r = db_query(c, &rows, e,
		"SELECT " KEY_COLUMNS " FROM " KEY_TABLES " WHERE ? = 0 OR k.user_id = ? ORDER BY k.id DESC",
		DB_I64(user_id), DB_I64(user_id));

	if (r < 0)
		return r;
	rd.rows = rows;
	while ((r = db_next(rows, e)) > 0) {
		struct api_key *k = store_push(&l, a);

		if (!k)
			return store_full(e);
		read_key(&rd, k);
	}
	if (r == 0)
		r = store_reader_end(&rd, e);
	if (r == 0)
		*ret = (struct api_key_list){l.items, l.n};
	return r;
}

int keys_get(struct db_conn *c, atelier_id user_id, atelier_id id, struct arena *a, struct api_key *ret, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	struct store_reader rd = {.a = a};
	struct api_key k;
	int r = STORE_FIRST(c, &rows, NO_KEY, e,
		"SELECT " KEY_COLUMNS " FROM " KEY_TABLES " WHERE k.id = ? AND k.user_id = ?", DB_I64(id),
		DB_I64(user_id));

	if (r < 0)
		return r;
	rd.rows = rows;
	read_key(&rd, &k);
	r = store_reader_end(&rd, e);
	if (r == 0)
		*ret = k;
	return r;
}

struct change {
	atelier_id user_id, id;
	const struct api_key_change *x;
	int64_t now;
};

static int change_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct change *x = arg;
	int64_t n = 0;
	int r = db_exec(c, &n, e,
		"UPDATE api_keys SET name = coalesce(?, name), scopes = coalesce(?, scopes),"
		" models = CASE WHEN ? = 1 THEN ? ELSE models END WHERE id = ? AND user_id = ?",
		DB_TEXT(x->x->name), DB_TEXT(x->x->scopes), DB_I64(x->x->has_models), DB_TEXT(x->x->models),
		DB_I64(x->id), DB_I64(x->user_id));

	if (r < 0)
		return r;
	return n == 0 ? err_set(e, E_NOT_FOUND, NO_KEY) : 0;
}

int keys_change(struct db *db, atelier_id user_id, atelier_id id, const struct api_key_change *x, struct err *e)
{
	struct change change = {.user_id = user_id, .id = id, .x = x};

	return db_write(db, change_in, &change, e);
}

static int delete_in(struct db_conn *c, void *arg, struct err *e)
{
	struct change *x = arg;
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r = STORE_FIRST(c, &rows, NO_KEY, e, "SELECT user_id FROM api_keys WHERE id = ? AND (? = 0 OR user_id = ?)",
		DB_I64(x->id), DB_I64(x->user_id), DB_I64(x->user_id));

	if (r < 0)
		return r;
	x->user_id = db_i64(rows, 0);
	r = db_exec(c, NULL, e, "DELETE FROM api_keys WHERE id = ?", DB_I64(x->id));
	if (r < 0)
		return r;
	return db_exec(c, NULL, e, "DELETE FROM limits WHERE subject = 'key' AND subject_id = ?", DB_I64(x->id));
}

int keys_delete(struct db *db, atelier_id user_id, atelier_id id, atelier_id *ret_user_id, struct err *e)
{
	struct change x = {.user_id = user_id, .id = id};
	int r = db_write(db, delete_in, &x, e);

	if (r == 0 && ret_user_id)
		*ret_user_id = x.user_id;
	return r;
}

/* A later use that is stored is kept, but not one that a clock once set far ahead has left. */
static int touch_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct change *x = arg;

	return db_exec(c, NULL, e,
		"UPDATE api_keys SET last_used_at = ? WHERE id = ?"
		" AND (coalesce(last_used_at, 0) < ? OR last_used_at > ?)",
		DB_I64(x->now), DB_I64(x->id), DB_I64(x->now), DB_I64(x->now + 3600000));
}

void keys_touch(struct db *db, atelier_id id, int64_t now)
{
	const struct change x = {.id = id, .now = now};

	store_later(db, touch_in, &x, sizeof(x));
}
