/* assistants.c - saved ways to answer. */
#include "store/assistants.h"

#include "store/store_priv.h"

/* The parameters of `may` stand before those of the tail: reading always begins with MAY_PARAMS. */
#define MAY                                                                                                            \
	"CASE WHEN assistants.user_id = ? THEN 3 ELSE coalesce((SELECT max(g.verb) FROM grants g"                      \
	" WHERE g.kind = 'assistant' AND g.resource_id = assistants.id AND " GRANTED_TO "), 0) END"
#define MAY_PARAMS(user_id) DB_I64(user_id), DB_I64(user_id), DB_I64(user_id)
#define GRANTED_HERE        GRANTED("assistant", "assistants.id", "assistants.user_id")
#define NO_ASSISTANT        "There is no such assistant, or it is not shared with you."

#define A struct assistant
static const struct col columns[] = {COL(I64, A, id), COL_ONCE(I64, A, user_id), COL(TEXT, A, name),
	COL_FOLDED(A, name, "folded"), COL(TEXT, A, description), COL(TEXT, A, emoji), COL(TEXT, A, model),
	COL(TEXT, A, instructions), COL(TEXT, A, parameters), COL(TEXT, A, starters), COL(I64, A, version),
	COL_CREATED(A, created_at), COL_UPDATED(A, updated_at), COL_AS(I64, A, may, MAY, COL_SEEN),
	COL_AS(BOOL, A, shared,
		"EXISTS (SELECT 1 FROM grants s WHERE s.kind = 'assistant' AND s.resource_id = assistants.id)",
		COL_SEEN),
	COL_AS(TEXT, A, owner, "(SELECT u.name FROM users u WHERE u.id = assistants.user_id)", COL_SEEN)};
#undef A
static const struct rows_table assistants = {"assistants", "folded", NO_ASSISTANT,
	"There is an assistant of this name already.", TABLE(struct assistant, columns)};

#define V struct assistant_version
static const struct col version_columns[] = {COL(I64, V, id), COL(I64, V, version), COL(REF, V, user_id),
	COL(TEXT, V, name), COL(TEXT, V, description), COL(TEXT, V, emoji), COL(TEXT, V, model),
	COL(TEXT, V, instructions), COL(TEXT, V, parameters), COL(TEXT, V, starters), COL_CREATED(V, created_at)};
#undef V
static const struct rows_table versions = {"assistant_versions", "version DESC", "There is no such version.", NULL,
	TABLE(struct assistant_version, version_columns)};

int assistants_list(struct db_conn *c, atelier_id user_id, struct arena *a, struct assistant_list *ret, struct err *e)
{
	return rows_all(&assistants, c, a, &ret->items, &ret->n, e,
		"WHERE " GRANTED_HERE " ORDER BY assistants.folded, assistants.id", MAY_PARAMS(user_id),
		GRANTED_PARAMS(user_id, false, GRANT_READ));
}

int assistants_get(struct db_conn *c, atelier_id user_id, atelier_id id, enum grant_verb verb, struct arena *a,
	struct assistant *ret, struct err *e)
{
	return rows_first(&assistants, c, a, ret, e, "WHERE assistants.id = ? AND " GRANTED_HERE, MAY_PARAMS(user_id),
		DB_I64(id), GRANTED_PARAMS(user_id, false, verb));
}

int assistants_versions(struct db_conn *c, atelier_id user_id, atelier_id id, struct arena *a,
	struct assistant_versions *ret, struct err *e)
{
	struct assistant now;
	int r = assistants_get(c, user_id, id, GRANT_EDIT, a, &now, e);

	return r < 0 ? r
		     : rows_all(&versions, c, a, &ret->items, &ret->n, e,
			       "WHERE assistant_id = ? ORDER BY version DESC", DB_I64(id));
}

struct change {
	atelier_id user_id, id;
	const struct assistant *in;
	const struct rows_edit *edit;
	struct assistant *ret;
};

/* What it is from now on, as a version. */
static int keep(struct db_conn *c, atelier_id id, atelier_id user_id, struct err *e)
{
	atelier_id version;

	return STORE_INSERT(c, &version, e,
		"INSERT INTO assistant_versions (id, assistant_id, version, user_id, name, description, emoji, model,"
		" instructions, parameters, starters, created_at) SELECT ?, id, version, ?, name, description, emoji, "
		"model,"
		" instructions, parameters, starters, updated_at FROM assistants WHERE id = ?",
		DB_I64(user_id), DB_I64(id));
}

static int create_in(struct db_conn *c, void *arg, struct err *e)
{
	struct change *x = arg;
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r = STORE_FIRST(
		c, &rows, "", e, "SELECT count(*) FROM assistants WHERE user_id = ?", DB_I64(x->in->user_id));

	if (r == 0 && db_i64(rows, 0) >= ASSISTANTS_MAX)
		r = err_set(e, E_CONFLICT, "You have %d assistants already, which is as many as there can be.",
			ASSISTANTS_MAX);
	if (r == 0)
		r = rows_create_in(&assistants, c, x->in, &x->id, e);
	return r < 0 ? r : keep(c, x->id, x->in->user_id, e);
}

int assistants_create(struct db *db, const struct assistant *in, atelier_id *ret_id, struct err *e)
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
	int r = rows_lock(&assistants, c, x->edit->id, e);

	if (r == 0)
		r = assistants_get(c, x->user_id, x->edit->id, GRANT_EDIT, x->edit->a, x->ret, e);
	if (r == 0)
		r = x->edit->edit(x->ret, x->edit->arg, e);
	if (r < 0)
		return r;
	x->ret->version++;
	r = rows_set_in(&assistants, c, x->ret, e);
	return r < 0 ? r : keep(c, x->ret->id, x->user_id, e);
}

int assistants_edit(
	struct db *db, atelier_id user_id, const struct rows_edit *edit, struct assistant *ret, struct err *e)
{
	struct change x = {.user_id = user_id, .edit = edit, .ret = ret};

	return db_write(db, edit_in, &x, e);
}

static int delete_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct change *x = arg;
	int64_t n = 0;
	int r = db_exec(
		c, &n, e, "DELETE FROM assistants WHERE id = ? AND user_id = ?", DB_I64(x->id), DB_I64(x->user_id));

	if (r == 0 && n == 0)
		r = err_set(e, E_NOT_FOUND, NO_ASSISTANT);
	return r < 0 ? r : grants_forget(c, "assistant", x->id, e);
}

int assistants_delete(struct db *db, atelier_id user_id, atelier_id id, struct err *e)
{
	struct change x = {.user_id = user_id, .id = id};

	return db_write(db, delete_in, &x, e);
}
