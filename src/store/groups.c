/*
 * groups.c - groups of people. Members are set as a whole, in one transaction. A list is read by two statements,
 * groups and members, both in order, and put together by halving.
 */
#include "store/groups.h"
#include "store/grants.h"
#include "store/store_priv.h"

#define G struct group
static const struct col columns[] = {
	COL(I64, G, id), COL(TEXT, G, name), COL_FOLDED(G, name, "folded"), COL_CREATED(G, created_at)};
#undef G
static const struct rows_table groups = {"groups", "lower(name), name", "There is no such group.",
	"There is a group of this name already.", TABLE(struct group, columns)};

#define M struct group_member
static const struct col member_columns[] = {COL(I64, M, group_id), COL_AS(I64, M, id, "user_id", COL_SEEN),
	COL_AS(TEXT, M, username, "users.name", COL_SEEN)};
#undef M
static const struct rows_table members = {
	"group_members", NULL, NULL, NULL, TABLE(struct group_member, member_columns)};
#define MEMBERS "JOIN users ON users.id = user_id "
#define BY_NAME " ORDER BY group_id, lower(users.name), users.name"

/* The first of the group or of a later one, in a list by group. */
static size_t first_of(const struct group_member *m, size_t n, atelier_id group_id)
{
	size_t from = 0, to = n;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (m[mid].group_id < group_id)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

int groups_list(struct db_conn *c, struct arena *a, struct group_list *ret, struct err *e)
{
	struct group_member *m = NULL;
	struct group_list l = {0};
	size_t n = 0;
	int r = rows_list(&groups, c, a, &l.items, &l.n, e);

	if (r == 0)
		r = rows_all(&members, c, a, &m, &n, e, MEMBERS BY_NAME);
	if (r < 0)
		return r;
	for (size_t i = 0; i < l.n; i++) {
		struct group *g = &l.items[i];
		size_t at = first_of(m, n, g->id);

		g->members = n ? m + at : NULL;
		g->n_members = first_of(m, n, g->id + 1) - at;
	}
	*ret = l;
	return 0;
}

int groups_get(struct db_conn *c, atelier_id id, struct arena *a, struct group *ret, struct err *e)
{
	struct group g = {0};
	int r = rows_get(&groups, c, id, a, &g, e);

	if (r == 0)
		r = rows_all(
			&members, c, a, &g.members, &g.n_members, e, MEMBERS "WHERE group_id = ?" BY_NAME, DB_I64(id));
	if (r == 0)
		*ret = g;
	return r;
}

int groups_create(struct db *db, const char *name, atelier_id *ret_id, struct err *e)
{
	return rows_create(&groups, db, &(struct group){.name = name}, ret_id, e);
}

int groups_rename(struct db *db, atelier_id id, const char *name, struct err *e)
{
	return rows_set(&groups, db, &(struct group){.id = id, .name = name}, e);
}

struct change {
	atelier_id id;
	const atelier_id *users;
	size_t n;
};

static int set_members_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct change *x = arg;
	int r = rows_lock(&groups, c, x->id, e);

	ASSERT(db_is_writing(c));
	if (r == 0)
		r = db_exec(c, NULL, e, "DELETE FROM group_members WHERE group_id = ?", DB_I64(x->id));
	for (size_t i = 0; r == 0 && i < x->n; i++) {
		r = store_subject(c, "user", x->users[i], e);
		if (r == 0)
			r = db_exec(c, NULL, e,
				"INSERT INTO group_members (group_id, user_id) VALUES (?, ?) ON CONFLICT DO NOTHING",
				DB_I64(x->id), DB_I64(x->users[i]));
	}
	return r;
}

int groups_set_members(struct db *db, atelier_id id, const atelier_id *users, size_t n, struct err *e)
{
	return store_apply(db, set_members_in, &(struct change){id, users, n}, e);
}

static int delete_in(struct db_conn *c, void *arg, struct err *e)
{
	const atelier_id *id = arg;
	int r = grants_forget_subject(c, "group", *id, e);

	return r < 0 ? r : rows_delete_in(&groups, c, *id, e);
}

int groups_delete(struct db *db, atelier_id id, struct err *e)
{
	return db_write(db, delete_in, &id, e);
}
