/*
 * tool_choices.c - one row for each person and tool, where user_id 0 is all people; what a row does not say (NULL) is as the other
 * says. A rule is for a tool with the hash of what it was when the person said "always": a server that changes a tool thereby asks
 * again.
 */
#include "store/tool_choices.h"

#include "store/store_priv.h"

#define R struct tool_choice_row
static const struct col choice_columns[] = {
	COL(I64, R, user_id), COL(TEXT, R, name), COL(OPT, R, enabled), COL(OPT, R, asks)};
#undef R
static const struct rows_table choices = {
	"tool_choices", "name", "Nothing is said of this tool.", NULL, TABLE(struct tool_choice_row, choice_columns)};

int tool_choices_list(
	struct db_conn *c, atelier_id user_id, struct arena *a, struct tool_choice_list *ret, struct err *e)
{
	return rows_all(&choices, c, a, &ret->items, &ret->n, e,
		"WHERE user_id = ? OR user_id = 0 ORDER BY name, user_id", DB_I64(user_id));
}

static struct db_param said(int64_t v)
{
	return v < 0 ? DB_NULL : DB_I64(v);
}

static int set_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct tool_choice_row *in = arg;
	atelier_id id;
	int64_t n = 0;
	int r = db_exec(c, &n, e,
		"UPDATE tool_choices SET enabled = coalesce(?, enabled), asks = coalesce(?, asks)"
		" WHERE user_id = ? AND name = ?",
		said(in->enabled), said(in->asks), DB_I64(in->user_id), DB_TEXT(in->name));

	if (r < 0 || n > 0)
		return r;
	return STORE_INSERT(c, &id, e,
		"INSERT INTO tool_choices (id, user_id, name, enabled, asks) VALUES (?, ?, ?, ?, ?)",
		DB_I64(in->user_id), DB_TEXT(in->name), said(in->enabled), said(in->asks));
}

int tool_choices_set(struct db *db, const struct tool_choice_row *in, struct err *e)
{
	return store_apply(db, set_in, in, e);
}

/* ---- rules ---- */

#define R struct tool_rule
static const struct col rule_columns[] = {COL(I64, R, id), COL(REF, R, conversation_id), COL(TEXT, R, name),
	COL(TEXT, R, hash), COL_CREATED(R, created_at)};
#undef R
static const struct rows_table rules = {"tool_rules", "name, id", "There is no such rule, or it is not yours.", NULL,
	TABLE(struct tool_rule, rule_columns)};

int tool_rules_list(struct db_conn *c, atelier_id user_id, struct arena *a, struct tool_rule_list *ret, struct err *e)
{
	ASSERT(user_id);
	return rows_all(&rules, c, a, &ret->items, &ret->n, e, "WHERE user_id = ? ORDER BY name, id", DB_I64(user_id));
}

int tool_rules_allows(struct db_conn *c, atelier_id user_id, atelier_id conversation_id, const char *name,
	const char *hash, bool *ret, struct err *e)
{
	int64_t there = 0;
	int r = STORE_I64(c, &there, NULL, e,
		"SELECT 1 FROM tool_rules WHERE user_id = ? AND name = ? AND hash = ?"
		" AND (conversation_id IS NULL OR conversation_id = ?)",
		DB_I64(user_id), DB_TEXT(name), DB_TEXT(hash), DB_I64(conversation_id));

	ASSERT(user_id);
	*ret = there;
	return r;
}

#define ADD_RULE                                                                                                       \
	"INSERT INTO tool_rules (id, user_id, conversation_id, name, hash, created_at) VALUES (?, ?, ?, ?, ?, ?)"      \
	" ON CONFLICT DO NOTHING"
#define RULE_PARAMS                                                                                                    \
	DB_I64(id_new()), DB_I64(user_id), store_ref(conversation_id), DB_TEXT(name), DB_TEXT(hash),                   \
		DB_I64(clock_now_ms())

int tool_rules_add_in(struct db_conn *c, atelier_id user_id, atelier_id conversation_id, const char *name,
	const char *hash, struct err *e)
{
	ASSERT(db_is_writing(c));
	return db_exec(c, NULL, e, ADD_RULE, RULE_PARAMS);
}

int tool_rules_add(struct db *db, atelier_id user_id, atelier_id conversation_id, const char *name, const char *hash,
	struct err *e)
{
	ASSERT(user_id);
	return STORE_WRITE(db, NULL, e, ADD_RULE, RULE_PARAMS);
}

int tool_rules_delete(struct db *db, atelier_id user_id, atelier_id id, struct err *e)
{
	ASSERT(user_id);
	return STORE_CHANGE(db, rules.missing, e, "DELETE FROM tool_rules WHERE id = ? AND user_id = ?", DB_I64(id),
		DB_I64(user_id));
}
