/* assistants.c - saved ways to answer. */
#include "store/assistants.h"

#include "store/meta.h"
#include "store/store_priv.h"

#define R struct assistant
static const struct col columns[] = {COL(I64, R, id), COL_ONCE(I64, R, user_id), COL(TEXT, R, name),
	COL_FOLDED(R, name, "folded"), COL(TEXT, R, description), COL(TEXT, R, emoji), COL(REF, R, image_id),
	COL(TEXT, R, model), COL(TEXT, R, instructions), COL(TEXT, R, parameters), COL(TEXT, R, starters),
	COL(TEXT, R, tools), COL(TEXT, R, agents), COL(BOOL, R, plans), COL(TEXT, R, budget), COL(TEXT, R, collections),
	COL(BOOL, R, history), COL(I64, R, version), COL_CREATED(R, created_at), COL_UPDATED(R, updated_at),
	SHARED_COLS(R, "assistants", "assistant")};
static const struct rows_table rows = {"assistants", "folded",
	"There is no such assistant, or it is not shared with you.", "There is an assistant of this name already.",
	TABLE(struct assistant, columns)};

static const struct col name_columns[] = {COL(I64, R, id), COL(I64, R, user_id), COL(TEXT, R, name),
	COL(TEXT, R, model), COL(I64, R, updated_at), MAY_COL(R, "assistants", "assistant")};
static const struct rows_table names = {"assistants", "folded", NULL, NULL, TABLE(struct assistant, name_columns)};

static const struct col version_columns[] = {COL(I64, R, id), COL(I64, R, version), COL(REF, R, user_id),
	COL(TEXT, R, name), COL(TEXT, R, description), COL(TEXT, R, emoji), COL(REF, R, image_id), COL(TEXT, R, model),
	COL(TEXT, R, instructions), COL(TEXT, R, parameters), COL(TEXT, R, starters), COL(TEXT, R, tools),
	COL(TEXT, R, agents), COL(BOOL, R, plans), COL(TEXT, R, budget), COL(TEXT, R, collections),
	COL(BOOL, R, history), COL_CREATED(R, created_at)};
#undef R
static const struct rows_table versions = {"assistant_versions", "version DESC", "There is no such version.", NULL,
	TABLE(struct assistant, version_columns)};

#define ASSISTANTS                                                                                                     \
	.rows = &rows, .versions = &versions, .grants = "assistant", .ref = "assistant_id", .max = ASSISTANTS_MAX,     \
	.many = "You have as many assistants as there can be.", SHARED_AT(struct assistant)
const struct shared_kind assistants_kind = {ASSISTANTS};
const struct shared_kind agents_kind = {ASSISTANTS,
	.listed = "(coalesce(assistants.tools, '[]') <> '[]' OR assistants.agents <> '[]' OR assistants.plans = 1"
		  " OR assistants.budget IS NOT NULL)"};

int assistants_names(struct db_conn *c, atelier_id user_id, struct arena *a, struct assistant_list *ret, struct err *e)
{
	static const struct shared_kind kind = {.rows = &names, .grants = "assistant"};

	return shared_list(&kind, c, user_id, a, &ret->items, &ret->n, e);
}

int assistants_named(
	struct db_conn *c, atelier_id user_id, const char *name, struct arena *a, struct assistant *ret, struct err *e)
{
	ASSERT(user_id);
	return shared_named(&assistants_kind, c, user_id, name, GRANT_USE, a, ret, e);
}

/* ---- with which conversations begin ---- */

#define OF_INSTANCE "default_assistant"

/* What the person has chosen, and the instance; 0: nothing. */
static int read_choices(struct db_conn *c, atelier_id user_id, struct arena *a, atelier_id ret[2], struct err *e)
{
	const char *text = NULL;
	int r = STORE_I64(
		c, &ret[0], NULL, e, "SELECT assistant_id FROM default_assistants WHERE user_id = ?", DB_I64(user_id));

	ret[1] = 0;
	r = r < 0 ? r : meta_get(c, OF_INSTANCE, a, &text, e);
	if (r == 0 && text && !id_parse(text, strlen(text), &ret[1]))
		ret[1] = 0;
	return r;
}

int assistants_default(struct db_conn *c, atelier_id user_id, struct arena *a, atelier_id *ret, struct err *e)
{
	atelier_id choices[2];
	int r = read_choices(c, user_id, a, choices, e);

	ASSERT(user_id);
	*ret = 0;
	for (size_t i = 0; r == 0 && !*ret && i < N_ELEMENTS(choices); i++) {
		struct assistant found;
		struct err quiet = {0};
		if (!choices[i])
			continue;
		r = assistants_get(c, user_id, choices[i], GRANT_USE, a, &found, &quiet);
		if (r == 0)
			*ret = choices[i];
		r = r == E_NOT_FOUND ? 0 : r < 0 ? err_set(e, r, "%s", quiet.msg) : r;
	}
	return r;
}

int assistants_set_default(struct db *db, atelier_id user_id, atelier_id id, struct err *e)
{
	char text[ID_LEN + 1];

	if (user_id && !id)
		return STORE_WRITE(db, NULL, e, "DELETE FROM default_assistants WHERE user_id = ?", DB_I64(user_id));
	if (user_id)
		return STORE_WRITE(db, NULL, e,
			"INSERT INTO default_assistants (user_id, assistant_id) VALUES (?, ?)"
			" ON CONFLICT (user_id) DO UPDATE SET assistant_id = excluded.assistant_id",
			DB_I64(user_id), DB_I64(id));
	id_format(id, text);
	return meta_set(db, OF_INSTANCE, id ? text : NULL, e);
}
