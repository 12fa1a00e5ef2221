/*
 * links.c - links by which a person sets a password.
 *
 * A user has one at most: the row is the user's, so that a new link ends the one before. It ends with its use, since
 * setting a password deletes it in the same transaction (users_set_password), by whichever way.
 */
#include "store/links.h"
#include "store/store_priv.h"
#include "store/users.h"

struct change {
	atelier_id user_id;
	struct str hash;
	int64_t expires_at;
};

static int set_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct change *x = arg;
	int r = rows_lock(&users_table, c, x->user_id, e);

	ASSERT(db_is_writing(c));
	if (r < 0)
		return r;
	return db_exec(c, NULL, e,
		"INSERT INTO user_links (user_id, hash, expires_at) VALUES (?, ?, ?) ON CONFLICT (user_id)"
		" DO UPDATE SET hash = excluded.hash, expires_at = excluded.expires_at",
		DB_I64(x->user_id), DB_BLOB(x->hash.p, x->hash.n), DB_I64(x->expires_at));
}

int links_set(struct db *db, atelier_id user_id, struct str hash, int64_t expires_at, struct err *e)
{
	ASSERT(user_id);
	return store_apply(db, set_in, &(struct change){user_id, hash, expires_at}, e);
}

int links_find(struct db_conn *c, struct str hash, int64_t now, atelier_id *ret_user_id, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r = STORE_ROW(
		c, &rows, e, "SELECT user_id, expires_at FROM user_links WHERE hash = ?", DB_BLOB(hash.p, hash.n));

	if (r < 0)
		return r;
	if (r == 0)
		return err_set(
			e, E_NOT_FOUND, "This link has been used, or another one took its place. Ask for a new one.");
	if (db_i64(rows, 1) <= now)
		return err_set(e, E_EXPIRED, "This link is too old. Ask for a new one.");
	*ret_user_id = db_i64(rows, 0);
	return 0;
}
