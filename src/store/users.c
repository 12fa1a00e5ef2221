/*
 * users.c - people who can sign in. Whatever is done to one is checked behind the change, within its transaction, for
 * there must be an administrator left. Who is disabled, has a new password or goes loses their sessions in the same
 * step, so that none outlives the right that it was opened by.
 */
#include "store/users.h"
#include "store/grants.h"
#include "store/owners.h"
#include "store/store_priv.h"

#define NO_USER "There is no such user."

#define U struct user
static const struct col columns[] = {COL(I64, U, id), COL(TEXT, U, name), COL_FOLDED(U, name, "folded"),
	COL(TEXT, U, display_name), COL(TEXT, U, password_hash), COL(TEXT, U, role), COL(BOOL, U, disabled),
	COL_CREATED(U, created_at), COL_TOUCHED("updated_at")};
#undef U
const struct rows_table users_table = {
	"users", "lower(name), name", NO_USER, "There is a user of this name already.", TABLE(struct user, columns)};

int users_count_admins(struct db_conn *c, int64_t *ret, struct err *e)
{
	return STORE_I64(c, ret, NULL, e, "SELECT count(*) FROM users WHERE role = 'admin' AND disabled = 0");
}

struct create {
	const struct user_new *in;
	atelier_id id;
};

static int create_in(struct db_conn *c, void *arg, struct err *e)
{
	struct create *x = arg;
	const struct user_new *in = x->in;
	const struct user u = {.name = in->name,
		.display_name = in->display_name ? in->display_name : in->name,
		.password_hash = in->password_hash,
		.role = in->role};
	int64_t admins = 0;
	int r = in->first_admin ? users_count_admins(c, &admins, e) : 0;

	if (r == 0 && admins > 0)
		r = err_set(e, E_CONFLICT, "This Atelier has an administrator already.");
	if (r < 0)
		return r;
	r = rows_create_in(&users_table, c, &u, &x->id, e);
	return store_conflict(r, e, "There is a user named %s already.", in->name);
}

int users_create(struct db *db, const struct user_new *in, atelier_id *ret_id, struct err *e)
{
	struct create x = {.in = in};

	return store_make(db, create_in, &x, &x.id, ret_id, e);
}

int users_by_name(struct db_conn *c, const char *name, struct arena *a, struct user *ret, struct err *e)
{
	/* Names made before they were compared like this may differ by it alone: then the exact one is meant. */
	CLEANUP(freep) char *folded = store_fold(name);

	return rows_first(&users_table, c, a, ret, e,
		"WHERE folded = ? OR name = ? ORDER BY CASE WHEN name = ? THEN 0 ELSE 1 END, id LIMIT 1",
		DB_TEXT(folded), DB_TEXT(name), DB_TEXT(name));
}

static int end_sessions(struct db_conn *c, atelier_id user_id, struct err *e)
{
	return db_exec(c, NULL, e, "DELETE FROM sessions WHERE user_id = ?", DB_I64(user_id));
}

struct password_change {
	atelier_id id;
	const struct user_password *in;
};

/* Whichever way a password is set, the link to do so has ended. */
static int end_link(struct db_conn *c, const struct password_change *x, struct err *e)
{
	struct str link = x->in->link;
	int64_t n = 0;
	int r = db_exec(c, &n, e, "DELETE FROM user_links WHERE user_id = ? AND (? = 0 OR hash = ?)", DB_I64(x->id),
		DB_I64(link.p != NULL), DB_BLOB(link.p ? link.p : "", link.n));

	return r < 0 || n > 0 || !link.p ? r : err_set(e, E_NOT_FOUND, "This link has been used. Ask for a new one.");
}

static int set_password_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct password_change *x = arg;
	int r = STORE_EXEC(c, NO_USER, e, "UPDATE users SET password_hash = ?, updated_at = ? WHERE id = ?",
		DB_TEXT(x->in->hash), DB_I64(clock_now_ms()), DB_I64(x->id));

	if (r == 0)
		r = end_link(c, x, e);
	if (r == 0 && x->in->end_keys)
		r = db_exec(c, NULL, e, "DELETE FROM api_keys WHERE user_id = ?", DB_I64(x->id));
	return r < 0 ? r : end_sessions(c, x->id, e);
}

int users_set_password(struct db *db, atelier_id id, const struct user_password *in, struct err *e)
{
	return store_apply(db, set_password_in, &(struct password_change){id, in}, e);
}

struct change {
	atelier_id id;
	const struct user_change *in;
};

/* Whatever is done to users leaves somebody who can look after this Atelier. */
static int keep_an_admin(struct db_conn *c, struct err *e)
{
	int64_t admins = 0;
	int r = users_count_admins(c, &admins, e);

	if (r < 0)
		return r;
	return admins == 0 ? err_set(e, E_CONFLICT, "This is the last administrator: make somebody else one first.")
			   : 0;
}

static void apply(const struct user_change *in, struct user *u)
{
	if (in->has_disabled)
		u->disabled = in->disabled;
	if (in->role)
		u->role = in->role;
	if (in->name)
		u->name = in->name;
	if (in->display_name)
		u->display_name = in->display_name;
}

static int change_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct change *x = arg;
	const struct user_change *in = x->in;
	CLEANUP(arena_done) struct arena a;
	struct user u;
	int r = rows_lock(&users_table, c, x->id, e);

	ASSERT(db_is_writing(c));
	arena_init(&a, 65536);
	if (r == 0)
		r = users_by_id(c, x->id, &a, &u, e);
	if (r < 0)
		return r;
	apply(in, &u);
	r = rows_set_in(&users_table, c, &u, e);
	if (r == 0 && (in->disabled || in->role))
		r = keep_an_admin(c, e);
	if (r == 0 && in->disabled)
		r = end_sessions(c, x->id, e);
	return r;
}

int users_change(struct db *db, atelier_id id, const struct user_change *in, struct err *e)
{
	return store_apply(db, change_in, &(struct change){id, in}, e);
}

struct farewell {
	atelier_id id, heir_id;
};

static int delete_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct farewell *x = arg;
	int r = grants_forget_subject(c, "user", x->id, e);

	ASSERT(db_is_writing(c));
	if (r == 0 && x->heir_id)
		r = owners_hand_over(c, x->id, x->heir_id, e);
	if (r == 0)
		r = owners_forget(c, x->id, e);
	if (r == 0) /* their titles name files of theirs; what is at work ends by itself */
		r = db_exec(c, NULL, e, "DELETE FROM jobs WHERE user_id = ? AND ended_at IS NOT NULL", DB_I64(x->id));
	if (r == 0) /* which have a user 0, too, and so no foreign key */
		r = db_exec(c, NULL, e, "DELETE FROM tool_secrets WHERE user_id = ?", DB_I64(x->id));
	if (r == 0)
		r = db_exec(c, NULL, e, "DELETE FROM tool_choices WHERE user_id = ?", DB_I64(x->id));
	if (r == 0)
		r = rows_delete_in(&users_table, c, x->id, e);
	return r < 0 ? r : keep_an_admin(c, e);
}

int users_delete(struct db *db, atelier_id id, atelier_id heir_id, struct err *e)
{
	return store_apply(db, delete_in, &(struct farewell){id, heir_id}, e);
}
