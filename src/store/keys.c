/*
 * keys.c - API keys. A key is found by the hash of its secret. A renewal names the hash of the secret that it takes the place
 * of: when that was changed already, but for a short while behind the change, somebody else has it, too, and the key ends.
 */
#include "store/keys.h"
#include "store/store_priv.h"

#define KEY_BYTES (256 << 10) /* memory for one: its list of models has at most 64 KiB */
#define NO_KEY    "There is no such API key, or it is not yours."

#define K struct api_key
static const struct col columns[] = {COL(I64, K, id), COL_ONCE(I64, K, user_id), COL(TEXT, K, name),
	COL_ONCE(TEXT, K, prefix), COL_ONCE(BYTES, K, hash), COL(TEXT, K, scopes), COL(TEXT, K, models),
	COL_CREATED(K, created_at), COL_ONCE(REF, K, expires_at), COL_ONCE(REF, K, token_ends_at),
	COL_ONCE(BYTES, K, first_hash), COL_AS(I64, K, last_used_at, "last_used_at", COL_SEEN),
	COL_AS(TEXT, K, username, "(SELECT users.name FROM users WHERE users.id = user_id)", COL_SEEN)};
#undef K
static const struct rows_table keys = {
	"api_keys", "id DESC", NO_KEY, "There is this key already.", TABLE(struct api_key, columns)};

static int create_in(struct db_conn *c, void *arg, struct err *e)
{
	struct api_key *k = arg;
	int64_t n = 0;
	int r = 0;

	ASSERT(db_is_writing(c));
	if (k->first_hash.p) /* Programs sign in again and again; what they let end is of no use to anybody. */
		r = db_exec(c, NULL, e,
			"DELETE FROM api_keys WHERE user_id = ? AND first_hash IS NOT NULL AND expires_at < ?",
			DB_I64(k->user_id), DB_I64(clock_now_ms()));
	if (r == 0)
		r = STORE_I64(c, &n, NO_KEY, e, "SELECT count(*) FROM api_keys WHERE user_id = ?", DB_I64(k->user_id));
	if (r < 0)
		return r;
	if (n >= KEYS_PER_USER)
		return err_set(
			e, E_CONFLICT, "You have %d API keys; delete one that is not used any more.", KEYS_PER_USER);
	return rows_create_in(&keys, c, k, &k->id, e);
}

int keys_create(struct db *db, const struct api_key *in, atelier_id *ret_id, struct err *e)
{
	struct api_key k = *in;

	return store_make(db, create_in, &k, &k.id, ret_id, e);
}

int keys_find(struct db_conn *c, const void *hash, size_t n, int64_t now, struct arena *a, struct api_key *ret,
	struct user *ret_user, struct err *e)
{
	struct api_key k;
	struct user u;
	int r = rows_pair(&keys, &users_table, c, a, &k, &u, e,
		"JOIN users ON users.id = api_keys.user_id WHERE hash = ?", DB_BLOB(hash, n));

	if (r < 0)
		return r;
	if (r == 0)
		return err_set(e, E_UNAUTHORIZED, "This API key is not known here, or it has been deleted.");
	if (k.expires_at && k.expires_at <= now)
		return err_set(e, E_UNAUTHORIZED, "This API key has expired.");
	if (k.token_ends_at && k.token_ends_at <= now)
		return err_set(e, E_UNAUTHORIZED, "This token has ended. Ask for the next one with the refresh token.");
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
	int r = STORE_ROW(c, &rows, e,
		"SELECT k.user_id, coalesce(k.expires_at, 0) FROM api_keys k JOIN users u ON u.id = k.user_id"
		" WHERE k.id = ? AND (k.expires_at IS NULL OR k.expires_at > ?) AND u.disabled = 0"
		" AND (? IS NULL OR instr(' ' || k.scopes || ' ', ' ' || ? || ' ') > 0)",
		DB_I64(id), DB_I64(now), DB_TEXT(scope), DB_TEXT(scope));

	if (r <= 0)
		return r < 0 ? r : err_set(e, E_UNAUTHORIZED, "The API key that this was made with has ended.");
	*ret_user_id = db_i64(rows, 0);
	*ret_expires_at = db_i64(rows, 1);
	return 0;
}

int keys_list(struct db_conn *c, atelier_id user_id, struct arena *a, struct api_key_list *ret, struct err *e)
{
	return rows_all(&keys, c, a, &ret->items, &ret->n, e, "WHERE ? = 0 OR user_id = ? ORDER BY id DESC",
		DB_I64(user_id), DB_I64(user_id));
}

int keys_get(struct db_conn *c, atelier_id user_id, atelier_id id, struct arena *a, struct api_key *ret, struct err *e)
{
	return rows_first(&keys, c, a, ret, e, "WHERE id = ? AND user_id = ?", DB_I64(id), DB_I64(user_id));
}

int keys_change(struct db *db, atelier_id user_id, atelier_id id, const struct api_key_change *x, struct err *e)
{
	return STORE_CHANGE(db, NO_KEY, e,
		"UPDATE api_keys SET name = coalesce(?, name), scopes = coalesce(?, scopes),"
		" models = CASE WHEN ? = 1 THEN ? ELSE models END WHERE id = ? AND user_id = ?",
		DB_TEXT(x->name), DB_TEXT(x->scopes), DB_I64(x->has_models), DB_TEXT(x->models), DB_I64(id),
		DB_I64(user_id));
}

static int delete_in(struct db_conn *c, void *arg, struct err *e)
{
	struct store_theirs *x = arg;
	int r = STORE_I64(c, &x->user_id, NO_KEY, e,
		"SELECT user_id FROM api_keys WHERE id = ? AND (? = 0 OR user_id = ?)", DB_I64(x->id),
		DB_I64(x->user_id), DB_I64(x->user_id));

	ASSERT(db_is_writing(c));
	return r < 0 ? r : rows_delete_in(&keys, c, x->id, e); /* its limits go by a trigger */
}

int keys_delete(struct db *db, atelier_id user_id, atelier_id id, atelier_id *ret_user_id, struct err *e)
{
	struct store_theirs x = {user_id, id};
	int r = db_write(db, delete_in, &x, e);

	if (r == 0 && ret_user_id)
		*ret_user_id = x.user_id;
	return r;
}

struct renewing {
	const struct key_renewal *x;
	enum key_renewed what;
};

static bool is_hash(struct str stored, const struct key_renewal *x, const void *hash)
{
	return stored.n == x->n && memcmp(stored.p, hash, x->n) == 0;
}

static int renew_in(struct db_conn *c, void *arg, struct err *e)
{
	struct renewing *w = arg;
	const struct key_renewal *x = w->x;
	struct api_key k;
	struct arena mem;

	ASSERT(db_is_writing(c));
	arena_init(&mem, KEY_BYTES);
	int r = rows_first(&keys, c, &mem, &k, e,
		"WHERE id = ? AND token_ends_at IS NOT NULL AND (expires_at IS NULL OR expires_at > ?)"
		" AND user_id IN (SELECT id FROM users WHERE disabled = 0)",
		DB_I64(x->id), DB_I64(x->now));
	bool is_new = r == 0 && k.token_ends_at > x->repeat_after;
	bool again = is_new && is_hash(k.hash, x, x->next_hash);
	bool first = r == 0 && is_hash(k.hash, x, x->hash);
	arena_done(&mem);
	if (r < 0)
		return r;
	w->what = again ? KEY_RENEWED : !first ? KEY_STOLEN : is_new && x->may_stay ? KEY_STAYS : KEY_RENEWED;
	if (again || w->what == KEY_STAYS)
		return 0;
	if (w->what == KEY_STOLEN)
		return rows_delete_in(&keys, c, x->id, e);
	return db_exec(c, NULL, e,
		"UPDATE api_keys SET hash = ?, prefix = ?, token_ends_at = ?, expires_at = ? WHERE id = ?",
		DB_BLOB(x->next_hash, x->n), DB_TEXT(x->next_prefix), DB_I64(x->token_ends_at), DB_I64(x->expires_at),
		DB_I64(x->id));
}

int keys_renew(struct db *db, const struct key_renewal *x, enum key_renewed *ret, struct err *e)
{
	struct renewing w = {.x = x};
	int r = db_write(db, renew_in, &w, e);

	*ret = w.what;
	return r;
}

struct use {
	atelier_id id;
	int64_t now;
};

/* A later use that is stored is kept, but not one that a clock once set far ahead has left. */
static int touch_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct use *x = arg;

	return db_exec(c, NULL, e,
		"UPDATE api_keys SET last_used_at = ? WHERE id = ?"
		" AND (coalesce(last_used_at, 0) < ? OR last_used_at > ?)",
		DB_I64(x->now), DB_I64(x->id), DB_I64(x->now), DB_I64(x->now + 3600000));
}

void keys_touch(struct db *db, atelier_id id, int64_t now)
{
	const struct use x = {id, now};

	store_later(db, touch_in, &x, sizeof(x));
}
