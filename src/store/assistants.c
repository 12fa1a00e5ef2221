/* assistants.c - saved ways to answer. */
#include "store/assistants.h"

#include "store/shared_rows.h"
#include "store/store_priv.h"

#define R struct assistant
static const struct col columns[] = {COL(I64, R, id), COL_ONCE(I64, R, user_id), COL(TEXT, R, name),
	COL_FOLDED(R, name, "folded"), COL(TEXT, R, description), COL(TEXT, R, emoji), COL(TEXT, R, model),
	COL(TEXT, R, instructions), COL(TEXT, R, parameters), COL(TEXT, R, starters), COL(I64, R, version),
	COL_CREATED(R, created_at), COL_UPDATED(R, updated_at), SHARED_COLS(R, "assistants", "assistant")};
#undef R
static const struct rows_table rows = {"assistants", "folded",
	"There is no such assistant, or it is not shared with you.", "There is an assistant of this name already.",
	TABLE(struct assistant, columns)};

#define V struct assistant_version
static const struct col version_columns[] = {COL(I64, V, id), COL(I64, V, version), COL(REF, V, user_id),
	COL(TEXT, V, name), COL(TEXT, V, description), COL(TEXT, V, emoji), COL(TEXT, V, model),
	COL(TEXT, V, instructions), COL(TEXT, V, parameters), COL(TEXT, V, starters), COL_CREATED(V, created_at)};
#undef V
static const struct rows_table versions = {"assistant_versions", "version DESC", "There is no such version.", NULL,
	TABLE(struct assistant_version, version_columns)};

static const struct shared_kind kind = {.rows = &rows,
	.versions = &versions,
	.grants = "assistant",
	.ref = "assistant_id",
	.kept = "name, description, emoji, model, instructions, parameters, starters",
	.max = ASSISTANTS_MAX,
	.many = "You have as many assistants as there can be.",
	SHARED_AT(struct assistant)};

int assistants_list(struct db_conn *c, atelier_id user_id, struct arena *a, struct assistant_list *ret, struct err *e)
{
	return shared_list(&kind, c, user_id, a, &ret->items, &ret->n, e);
}

int assistants_get(struct db_conn *c, atelier_id user_id, atelier_id id, enum grant_verb verb, struct arena *a,
	struct assistant *ret, struct err *e)
{
	return shared_get(&kind, c, user_id, id, verb, a, ret, e);
}

int assistants_create(struct db *db, const struct assistant *in, atelier_id *ret_id, struct err *e)
{
	return shared_create(&kind, db, in, ret_id, e);
}

int assistants_edit(struct db *db, atelier_id user_id, const struct rows_edit *x, struct assistant *ret, struct err *e)
{
	return shared_edit(&kind, db, user_id, x, ret, e);
}

int assistants_delete(struct db *db, atelier_id user_id, atelier_id id, struct err *e)
{
	return shared_delete(&kind, db, user_id, id, e);
}

int assistants_versions(struct db_conn *c, atelier_id user_id, atelier_id id, struct arena *a,
	struct assistant_versions *ret, struct err *e)
{
	struct assistant now;

	return shared_versions(&kind, c, user_id, id, a, &now, &ret->items, &ret->n, e);
}
