/* groups.c - groups of people. */
#include "store/groups.h"
#include "store/store_priv.h"

#define NO_GROUP "There is no such group."

static int list_groups(struct db_conn *c, atelier_id id, struct arena *a, struct store_list *l, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	struct store_reader rd = {.a = a};
	int r;

	r = db_query(c, &rows, e,
		"SELECT id, name, created_at FROM groups WHERE ? = 0 OR id = ? ORDER BY lower(name), name", DB_I64(id),
		DB_I64(id));
	if (r < 0)
		return r;
	rd.rows = rows;
	while ((r = db_next(rows, e)) > 0) {
		struct group *g = store_push(l, a);

		if (!g)
			return store_full(e);
		*g = (struct group){.id = db_i64(rows, 0), .name = store_str(&rd, 1), .created_at = db_i64(rows, 2)};
	}
	return r < 0 ? r : store_reader_end(&rd, e);
}

/* In the order of their groups. */
static int list_members(struct db_conn *c, atelier_id id, struct arena *a, struct store_list *l, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	struct store_reader rd = {.a = a};
	int r;

	r = db_query(c, &rows, e,
		"SELECT m.group_id, m.user_id, u.name FROM group_members m JOIN users u ON u.id = m.user_id"
		" JOIN groups g ON g.id = m.group_id WHERE ? = 0 OR m.group_id = ?"
		" ORDER BY lower(g.name), g.name, lower(u.name), u.name",
		DB_I64(id), DB_I64(id));
	if (r < 0)
		return r;
	rd.rows = rows;
	while ((r = db_next(rows, e)) > 0) {
		struct group_member *m = store_push(l, a);

		if (!m)
			return store_full(e);
		*m = (struct group_member){db_i64(rows, 0), db_i64(rows, 1), store_str(&rd, 2)};
	}
	return r < 0 ? r : store_reader_end(&rd, e);
}

static int list(struct db_conn *c, atelier_id id, struct arena *a, struct group_list *ret, struct err *e)
{
	struct store_list groups = {.size = sizeof(struct group)}, members = {.size = sizeof(struct group_member)};
	struct group_member *m;
	size_t at = 0;
	int r = list_groups(c, id, a, &groups, e);

	if (r == 0)
		r = list_members(c, id, a, &members, e);
	if (r < 0)
		return r;
	m = members.items;
	for (size_t i = 0; i < groups.n; i++) {
		struct group *g = &((struct group *)groups.items)[i];

		/* Between the two reads a group may have come or gone with its members. */
		for (at = 0; at < members.n && m[at].group_id != g->id;)
			at++;
		g->members = members.n ? m + at : NULL;
		for (; at + g->n_members < members.n && m[at + g->n_members].group_id == g->id;)
			g->n_members++;
	}
	*ret = (struct group_list){groups.items, groups.n};
	return 0;
}

int groups_list(struct db_conn *c, struct arena *a, struct group_list *ret, struct err *e)
{
	return list(c, 0, a, ret, e);
}

int groups_get(struct db_conn *c, atelier_id id, struct arena *a, struct group *ret, struct err *e)
{
	struct group_list l = {0};
	int r = id ? list(c, id, a, &l, e) : err_set(e, E_NOT_FOUND, NO_GROUP);

	if (r < 0)
		return r;
	if (l.n == 0)
		return err_set(e, E_NOT_FOUND, NO_GROUP);
	*ret = l.items[0];
	return 0;
}

struct change {
	atelier_id id;
	const char *name;
	const atelier_id *users;
	size_t n;
};

static int create_in(struct db_conn *c, void *arg, struct err *e)
{
	struct change *x = arg;
	CLEANUP(freep) char *folded = store_fold(x->name);
	int r = STORE_INSERT(c, &x->id, e, "INSERT INTO groups (id, name, folded, created_at) VALUES (?, ?, ?, ?)",
		DB_TEXT(x->name), DB_TEXT(folded), DB_I64(clock_now_ms()));

	return store_conflict(r, e, "There is a group named %.100s already.", x->name);
}

int groups_create(struct db *db, const char *name, atelier_id *ret_id, struct err *e)
{
	struct change x = {.name = name};
	int r = db_write(db, create_in, &x, e);

	if (r == 0)
		*ret_id = x.id;
	return r;
}

static int exists(struct db_conn *c, const char *sql, atelier_id id, const char *missing, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;

	return STORE_FIRST(c, &rows, missing, e, sql, DB_I64(id));
}

static int set_members_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct change *x = arg;
	int r = exists(c, "SELECT 1 FROM groups WHERE id = ?", x->id, NO_GROUP, e);

	if (r == 0)
		r = db_exec(c, NULL, e, "DELETE FROM group_members WHERE group_id = ?", DB_I64(x->id));
	for (size_t i = 0; r == 0 && i < x->n; i++) {
		r = exists(c, "SELECT 1 FROM users WHERE id = ?", x->users[i], "There is no such user.", e);
		if (r == 0)
			r = db_exec(c, NULL, e,
				"INSERT INTO group_members (group_id, user_id) VALUES (?, ?) ON CONFLICT DO NOTHING",
				DB_I64(x->id), DB_I64(x->users[i]));
	}
	return r;
}

int groups_set_members(struct db *db, atelier_id id, const atelier_id *users, size_t n, struct err *e)
{
	struct change x = {.id = id, .users = users, .n = n};

	return db_write(db, set_members_in, &x, e);
}

static int delete_in(struct db_conn *c, void *arg, struct err *e)
{
	const atelier_id *id = arg;
	int64_t n = 0;
	int r = db_exec(c, &n, e, "DELETE FROM groups WHERE id = ?", DB_I64(*id));

	if (r == 0 && n == 0)
		r = err_set(e, E_NOT_FOUND, NO_GROUP);
	return r;
}

int groups_delete(struct db *db, atelier_id id, struct err *e)
{
	return db_write(db, delete_in, &id, e);
}
