/* folders.c - where a person keeps conversations. */
#include "store/folders.h"

#include "store/store_priv.h"

#define F struct folder
static const struct col columns[] = {COL(I64, F, id), COL_ONCE(I64, F, user_id), COL(TEXT, F, name),
	COL_FOLDED(F, name, "folded"), COL(TEXT, F, instructions),
	COL_AS(I64, F, count,
		"(SELECT count(*) FROM conversations v WHERE v.folder_id = folders.id AND v.deleted_at IS NULL)",
		COL_SEEN),
	COL_CREATED(F, created_at), COL_UPDATED(F, updated_at)};
#undef F

static const struct rows_table folders = {"folders", "folded", "There is no such folder, or it is not yours.",
	"You have a folder of this name already.", TABLE(struct folder, columns)};

int folders_list(struct db_conn *c, atelier_id user_id, struct arena *a, struct folder_list *ret, struct err *e)
{
	return rows_all(
		&folders, c, a, &ret->items, &ret->n, e, "WHERE user_id = ? ORDER BY folded, id", DB_I64(user_id));
}

int folders_get(
	struct db_conn *c, atelier_id user_id, atelier_id id, struct arena *a, struct folder *ret, struct err *e)
{
	return rows_first(&folders, c, a, ret, e, "WHERE id = ? AND user_id = ?", DB_I64(id), DB_I64(user_id));
}

int folders_owned(struct db_conn *c, atelier_id user_id, atelier_id id, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;

	return STORE_FIRST(c, &rows, folders.missing, e, "SELECT 1 FROM folders WHERE id = ? AND user_id = ?",
		DB_I64(id), DB_I64(user_id));
}

struct change {
	atelier_id user_id, id;
	const struct folder *in;
	const struct rows_edit *edit;
	struct folder *ret;
};

static int create_in(struct db_conn *c, void *arg, struct err *e)
{
	struct change *x = arg;
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r = STORE_FIRST(c, &rows, "", e, "SELECT count(*) FROM folders WHERE user_id = ?", DB_I64(x->in->user_id));

	if (r == 0 && db_i64(rows, 0) >= FOLDERS_MAX)
		r = err_set(
			e, E_CONFLICT, "You have %d folders already, which is as many as there can be.", FOLDERS_MAX);
	return r < 0 ? r : rows_create_in(&folders, c, x->in, &x->id, e);
}

int folders_create(struct db *db, const struct folder *in, atelier_id *ret_id, struct err *e)
{
	struct change x = {.in = in};
	int r = db_write(db, create_in, &x, e);

	if (r == 0)
		*ret_id = x.id;
	return r;
}

static int edit_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct change *x = arg;
	int r = rows_lock(&folders, c, x->edit->id, e);

	if (r == 0)
		r = folders_get(c, x->user_id, x->edit->id, x->edit->a, x->ret, e);
	if (r == 0)
		r = x->edit->edit(x->ret, x->edit->arg, e);
	return r < 0 ? r : rows_set_in(&folders, c, x->ret, e);
}

int folders_edit(struct db *db, atelier_id user_id, const struct rows_edit *edit, struct folder *ret, struct err *e)
{
	struct change x = {.user_id = user_id, .edit = edit, .ret = ret};

	return db_write(db, edit_in, &x, e);
}

static int delete_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct change *x = arg;
	int r = folders_owned(c, x->user_id, x->id, e);

	return r < 0 ? r : rows_delete_in(&folders, c, x->id, e);
}

int folders_delete(struct db *db, atelier_id user_id, atelier_id id, struct err *e)
{
	struct change x = {.user_id = user_id, .id = id};

	return db_write(db, delete_in, &x, e);
}
