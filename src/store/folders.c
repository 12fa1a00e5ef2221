/* folders.c - where people keep conversations. */
#include "store/folders.h"

#include "store/store_priv.h"

#define F struct folder
static const struct col columns[] = {COL(I64, F, id), COL_ONCE(I64, F, user_id), COL(TEXT, F, name),
	COL_FOLDED(F, name, "folded"), COL(TEXT, F, instructions), COL_CREATED(F, created_at),
	COL_UPDATED(F, updated_at), SHARED_COLS(F, "folders", "folder")};
#undef F
static const struct rows_table rows = {"folders", "folded", "There is no such folder, or it is not shared with you.",
	"You have a folder of this name already.", TABLE(struct folder, columns)};
const struct shared_kind folders_kind = {.rows = &rows,
	.grants = "folder",
	.max = FOLDERS_MAX,
	.many = "You have as many folders as there can be.",
	.user_id = offsetof(struct folder, user_id)};

/* What each person has in a folder is their own affair, and counted for them alone. */
static int count(struct db_conn *c, atelier_id user_id, struct folder *items, size_t n, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *found = NULL;
	int r = db_query(c, &found, e,
		"SELECT folder_id, count(*) FROM conversations WHERE user_id = ? AND folder_id IS NOT NULL"
		" AND (? = 0 OR folder_id = ?) AND deleted_at IS NULL GROUP BY folder_id",
		DB_I64(user_id), DB_I64(n == 1 ? items[0].id : 0), DB_I64(n == 1 ? items[0].id : 0));

	while (r >= 0 && (r = db_next(found, e)) > 0)
		for (size_t i = 0; i < n; i++)
			if (items[i].id == db_i64(found, 0))
				items[i].count = db_i64(found, 1);
	return MIN(r, 0);
}

int folders_list(struct db_conn *c, atelier_id user_id, struct arena *a, struct folder_list *ret, struct err *e)
{
	int r = shared_list(&folders_kind, c, user_id, a, &ret->items, &ret->n, e);

	ASSERT(user_id);
	return r < 0 || ret->n == 0 ? r : count(c, user_id, ret->items, ret->n, e);
}

int folders_get(struct db_conn *c, atelier_id user_id, atelier_id id, enum grant_verb verb, struct arena *a,
	struct folder *ret, struct err *e)
{
	int r = shared_get(&folders_kind, c, user_id, id, verb, a, ret, e);

	ASSERT(user_id);
	return r < 0 ? r : count(c, user_id, ret, 1, e);
}

int folders_granted(struct db_conn *c, atelier_id user_id, atelier_id id, enum grant_verb verb, struct err *e)
{
	return STORE_I64(c, NULL, rows.missing, e,
		"SELECT 1 FROM folders WHERE id = ? AND " GRANTED("folder", "folders.id", "folders.user_id"),
		DB_I64(id), GRANTED_PARAMS(user_id, false, verb));
}
