/* summaries.c - texts in place of the beginning of a long branch. */
#include "store/summaries.h"

#include "store/store_priv.h"

#define NO_SUMMARY "There is no such summary, or it is not yours."

#define S struct summary
static const struct col columns[] = {COL(I64, S, id), COL_ONCE(I64, S, conversation_id), COL_ONCE(I64, S, message_id),
	COL(I64, S, messages), COL(TEXT, S, model), COL(BOOL, S, edited), COL_CREATED(S, created_at),
	COL_UPDATED(S, updated_at), COL(TEXT, S, text)};
#undef S
static const struct rows_table summaries = {"summaries", "id", NO_SUMMARY, NULL, TABLE(struct summary, columns)};

#define OWNED                                                                                                          \
	"JOIN conversations v ON v.id = summaries.conversation_id"                                                     \
	" WHERE summaries.id = ? AND v.user_id = ? AND v.deleted_at IS NULL"

/* The few summaries that there are, by depth: each step up the branch is one look at an index. */
int summaries_of_branch(struct db_conn *c, atelier_id conversation_id, atelier_id leaf_id, struct arena *a,
	struct summary *ret, struct err *e)
{
	int r = STORE_I64(c, NULL, NO_SUMMARY, e, "SELECT 1 FROM summaries WHERE conversation_id = ? LIMIT 1",
		DB_I64(conversation_id));

	if (r < 0)
		return r;
	return rows_first(&summaries, c, a, ret, e,
		"JOIN (WITH RECURSIVE up(id, parent_id, depth) AS ("
		"  SELECT id, parent_id, 0 FROM messages WHERE id = ? AND conversation_id = ?"
		"  UNION ALL SELECT p.id, p.parent_id, u.depth + 1 FROM up u JOIN messages p ON p.id = u.parent_id)"
		" SELECT id, depth FROM up) b ON b.id = summaries.message_id ORDER BY b.depth LIMIT 1",
		DB_I64(leaf_id), DB_I64(conversation_id));
}

int summaries_shown(struct db_conn *c, atelier_id user_id, atelier_id conversation_id, struct arena *a,
	struct summary *ret, struct err *e)
{
	atelier_id leaf = 0;
	int r = store_leaf(c, user_id, conversation_id, &leaf, e);

	return r < 0 ? r : summaries_of_branch(c, conversation_id, leaf, a, ret, e);
}

int summaries_get(
	struct db_conn *c, atelier_id user_id, atelier_id id, struct arena *a, struct summary *ret, struct err *e)
{
	ASSERT(user_id);
	return rows_first(&summaries, c, a, ret, e, OWNED, DB_I64(id), DB_I64(user_id));
}

/* ---- changing ---- */

static int put_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct summary *in = arg;
	atelier_id id;
	int r = STORE_I64(c, NULL, STORE_NO_MESSAGE, e, "SELECT 1 FROM messages WHERE id = ? AND conversation_id = ?",
		DB_I64(in->message_id), DB_I64(in->conversation_id));

	ASSERT(db_is_writing(c));
	if (r == 0)
		r = db_exec(c, NULL, e, "DELETE FROM summaries WHERE message_id = ?", DB_I64(in->message_id));
	return r < 0 ? r : rows_create_in(&summaries, c, in, &id, e);
}

int summaries_put(struct db *db, const struct summary *in, struct err *e)
{
	return store_apply(db, put_in, in, e);
}

struct change {
	atelier_id user_id, id, conversation_id;
	const char *text; /* NULL: it is removed */
};

static int change_in(struct db_conn *c, void *arg, struct err *e)
{
	struct change *x = arg;
	int r = STORE_I64(c, &x->conversation_id, NO_SUMMARY, e,
		"SELECT summaries.conversation_id FROM summaries " OWNED, DB_I64(x->id), DB_I64(x->user_id));

	ASSERT(db_is_writing(c));
	if (r < 0)
		return r;
	return x->text ? db_exec(c, NULL, e, "UPDATE summaries SET text = ?, edited = 1, updated_at = ? WHERE id = ?",
				 DB_TEXT(x->text), DB_I64(clock_now_ms()), DB_I64(x->id))
		       : rows_delete_in(&summaries, c, x->id, e);
}

int summaries_edit(
	struct db *db, atelier_id user_id, atelier_id id, const char *text, atelier_id *ret_conversation, struct err *e)
{
	struct change x = {.user_id = user_id, .id = id, .text = text};

	ASSERT(user_id);
	return store_make(db, change_in, &x, &x.conversation_id, ret_conversation, e);
}

int summaries_delete(struct db *db, atelier_id user_id, atelier_id id, atelier_id *ret_conversation, struct err *e)
{
	return summaries_edit(db, user_id, id, NULL, ret_conversation, e);
}
