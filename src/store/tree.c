/*
 * tree.c - the tree of a conversation's messages as a whole. What is deleted goes with all that stands below it; if
 * the branch that is shown goes through it, the newest one beside it is shown then. Of a comparison at least two are
 * left, or it is none any more.
 */
#include "store/tree.h"

#include "store/files.h"
#include "store/images.h"
#include "store/messages.h"
#include "store/store_priv.h"

#define PREVIEW_CHARS "120"

#define N struct tree_node
static const struct col columns[] = {COL(I64, N, id), COL(REF, N, parent_id), COL(TEXT, N, role), COL(TEXT, N, state),
	COL(TEXT, N, model), COL_AS(TEXT, N, preview, "substr(messages.content, 1, " PREVIEW_CHARS ")", COL_SEEN),
	COL(BOOL, N, pinned), COL(I64, N, created_at)};
#undef N
static const struct rows_table nodes = {"messages", "id", STORE_NO_MESSAGE, NULL, TABLE(struct tree_node, columns)};

int tree_read(struct db_conn *c, atelier_id user_id, atelier_id conversation_id, atelier_id after, size_t limit,
	struct arena *a, struct tree *ret, struct err *e)
{
	int r = store_leaf(c, user_id, conversation_id, &ret->leaf_id, e);

	if (r == 0)
		r = rows_all(&nodes, c, a, &ret->nodes, &ret->n, e,
			"WHERE conversation_id = ? AND id > ? ORDER BY id LIMIT ?", DB_I64(conversation_id),
			DB_I64(after), DB_I64(limit + 1));
	if (r == 0)
		ret->more = store_cut(&ret->n, limit);
	return r;
}

/* ---- pinning ---- */

int tree_pin(struct db *db, atelier_id user_id, atelier_id message_id, bool pinned, struct err *e)
{
	ASSERT(user_id);
	return STORE_CHANGE(db, STORE_NO_MESSAGE, e,
		"UPDATE messages SET pinned = ? WHERE id = ? AND conversation_id IN"
		" (SELECT id FROM conversations WHERE user_id = ? AND deleted_at IS NULL)",
		DB_I64(pinned), DB_I64(message_id), DB_I64(user_id));
}

/* ---- keeping one of several answers ---- */

static int keep_in(struct db_conn *c, void *arg, struct err *e)
{
	struct tree_choice *x = arg;
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r = STORE_FIRST(c, &rows, STORE_NO_MESSAGE, e,
		"SELECT m.conversation_id, m.parent_id, m.compared, m.model FROM messages m"
		" JOIN conversations v ON v.id = m.conversation_id"
		" WHERE m.id = ? AND v.user_id = ? AND v.deleted_at IS NULL",
		DB_I64(x->message_id), DB_I64(x->user_id));

	ASSERT(db_is_writing(c));
	if (r < 0)
		return r;
	if (db_i64(rows, 2) == 0)
		return err_set(
			e, E_CONFLICT, "This answer is not compared with others, or one of them was kept already.");
	x->conversation_id = db_i64(rows, 0);
	r = db_exec(c, NULL, e, "UPDATE messages SET compared = 0 WHERE parent_id = ? AND compared > 0",
		DB_I64(db_i64(rows, 1)));
	if (r < 0)
		return r;
	return db_exec(c, NULL, e, "UPDATE conversations SET leaf_id = ?, model = coalesce(?, model) WHERE id = ?",
		DB_I64(x->message_id), DB_TEXT_N(db_bytes(rows, 3).p, db_bytes(rows, 3).n), DB_I64(x->conversation_id));
}

int tree_keep(struct db *db, struct tree_choice *x, struct err *e)
{
	ASSERT(x->user_id);
	return db_write(db, keep_in, x, e);
}

/* ---- deleting ---- */

#define BELOW                                                                                                          \
	"WITH RECURSIVE below(id, role) AS (SELECT id, role FROM messages WHERE id = ?"                                \
	" UNION ALL SELECT k.id, k.role FROM below b JOIN messages k ON k.parent_id = b.id)"

static int look_below(struct db_conn *c, struct tree_cut *x, bool *ret_shown, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r = STORE_FIRST(c, &rows, STORE_NO_MESSAGE, e,
		BELOW " SELECT count(*), sum(CASE WHEN role = 'assistant' THEN 1 ELSE 0 END),"
		      " sum(CASE WHEN id = ? THEN 1 ELSE 0 END) FROM below",
		DB_I64(x->message_id), DB_I64(x->leaf_id));

	if (r < 0)
		return r;
	x->messages = db_i64(rows, 0);
	x->answers = db_i64(rows, 1);
	*ret_shown = db_i64(rows, 2) > 0;
	return 0;
}

/* The end of the newest branch beside the message, or its parent: what is shown when it is gone. */
static int leaf_beside(struct db_conn *c, struct tree_cut *x, struct err *e)
{
	int r = STORE_I64(c, &x->leaf_id, NULL, e,
		"WITH RECURSIVE down(id, depth) AS ("
		"  SELECT (SELECT max(s.id) FROM messages s WHERE s.conversation_id = ? AND s.id <> ?"
		"   AND coalesce(s.parent_id, 0) = ?), 1"
		"  UNION ALL"
		"  SELECT (SELECT max(k.id) FROM messages k WHERE k.parent_id = d.id), d.depth + 1 FROM down d"
		"  WHERE d.id IS NOT NULL)"
		" SELECT id FROM down WHERE id IS NOT NULL ORDER BY depth DESC LIMIT 1",
		DB_I64(x->conversation_id), DB_I64(x->message_id), DB_I64(x->parent_id));

	if (r == 0 && !x->leaf_id)
		x->leaf_id = x->parent_id;
	return r;
}

static int find_cut(struct db_conn *c, struct tree_cut *x, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	bool shown = false;
	int r = STORE_FIRST(c, &rows, STORE_NO_MESSAGE, e,
		"SELECT m.conversation_id, v.leaf_id, m.parent_id FROM messages m"
		" JOIN conversations v ON v.id = m.conversation_id"
		" WHERE m.id = ? AND v.user_id = ? AND v.deleted_at IS NULL",
		DB_I64(x->message_id), DB_I64(x->user_id));

	ASSERT(db_is_writing(c));
	if (r < 0)
		return r;
	x->conversation_id = db_i64(rows, 0);
	x->leaf_id = db_i64(rows, 1);
	x->parent_id = db_i64(rows, 2);
	r = store_conversation_idle(c, x->conversation_id, e);
	if (r == 0)
		r = look_below(c, x, &shown, e);
	return r < 0 || !shown ? r : leaf_beside(c, x, e);
}

static int delete_in(struct db_conn *c, void *arg, struct err *e)
{
	struct tree_cut *x = arg;
	int r = find_cut(c, x, e);

	ASSERT(db_is_writing(c));
	if (r < 0 || x->dry)
		return r;
	r = db_exec(c, NULL, e,
		BELOW " DELETE FROM turns WHERE conversation_id = ? AND message_id IN (SELECT id FROM below)",
		DB_I64(x->message_id), DB_I64(x->conversation_id));
	/* Before the messages, one of which it points to. */
	if (r == 0)
		r = db_exec(c, NULL, e,
			"UPDATE conversations SET leaf_id = ?, message_count = message_count - ? WHERE id = ?",
			store_ref(x->leaf_id), DB_I64(x->messages), DB_I64(x->conversation_id));
	if (r == 0)
		r = db_exec(c, NULL, e, BELOW " DELETE FROM messages WHERE id IN (SELECT id FROM below)",
			DB_I64(x->message_id));
	if (r < 0)
		return r;
	/* What is left alone of a comparison is none any more. */
	return db_exec(c, NULL, e,
		"UPDATE messages SET compared = 0 WHERE parent_id = ? AND compared > 0"
		" AND (SELECT count(*) FROM messages s WHERE s.parent_id = ? AND s.compared > 0) = 1",
		DB_I64(x->parent_id), DB_I64(x->parent_id));
}

int tree_delete(struct db *db, struct tree_cut *x, struct err *e)
{
	ASSERT(x->user_id);
	return db_write(db, delete_in, x, e);
}

/* ---- taking a branch along ---- */

struct fork {
	const struct tree_fork *in;
	atelier_id id, leaf;
	int64_t n;
};

static int make_conversation(struct db_conn *c, struct fork *x, struct err *e)
{
	const struct tree_fork *in = x->in;
	int64_t now = clock_now_ms();
	int r = store_leaf(c, in->user_id, in->conversation_id, NULL, e);

	if (r < 0)
		return r;
	return STORE_INSERT(c, &x->id, e,
		"INSERT INTO conversations (id, user_id, title, title_state, model, folder_id, tags, assistant_id,"
		" parameters, instructions, context, tools, created_at, updated_at) SELECT ?, user_id, coalesce(?,"
		" title), CASE WHEN ? = 1 THEN 'person' ELSE title_state END, model, folder_id, tags, assistant_id,"
		" parameters, instructions, context, tools, ?, ? FROM conversations WHERE id = ?",
		DB_TEXT(in->title), DB_I64(in->title != NULL), DB_I64(now), DB_I64(now), DB_I64(in->conversation_id));
}

/* The text that an answer has until now is taken along of one that is still being written: it is in no row yet. */
static int copy_message(struct db_conn *c, struct fork *x, atelier_id from, struct err *e)
{
	atelier_id to;
	int r = STORE_INSERT(c, &to, e,
		"INSERT INTO messages (id, conversation_id, parent_id, role, state, model, error_code, error_text,"
		" finish_reason, tokens_in, tokens_out, tokens_cached, tokens_reasoning, tokens_exact, cost_micros,"
		" first_token_ms, duration_ms, created_at, content, parts, pinned)"
		" SELECT ?, ?, ?, role, CASE WHEN state IN ('running', 'waiting') THEN 'interrupted' ELSE state END,"
		" model, error_code,"
		" error_text, finish_reason, tokens_in, tokens_out, tokens_cached, tokens_reasoning, tokens_exact,"
		" cost_micros, first_token_ms, duration_ms, created_at, content, parts, pinned FROM messages WHERE id"
		" = ?",
		DB_I64(x->id), store_ref(x->leaf), DB_I64(from));

	if (r == 0)
		r = images_copy(c, from, to, e);
	if (r == 0)
		r = files_copy(c, from, to, e);
	if (r == 0) {
		x->leaf = to;
		x->n++;
	}
	return r;
}

static int copy_branch(struct db_conn *c, struct fork *x, struct err *e)
{
	CLEANUP(arena_done) struct arena a;
	atelier_id *ids = NULL;
	size_t n = 0;
	int r;

	arena_init(&a, 64u << 20);
	r = rows_from(&id_rows, c, &a, &ids, &n, e,
		"WITH RECURSIVE up(id, parent_id, depth) AS ("
		"  SELECT id, parent_id, 0 FROM messages WHERE id = ? AND conversation_id = ?"
		"  UNION ALL SELECT p.id, p.parent_id, u.depth + 1 FROM up u JOIN messages p ON p.id = u.parent_id)",
		"up ORDER BY depth DESC", DB_I64(x->in->message_id), DB_I64(x->in->conversation_id));
	if (r == 0 && n == 0)
		return err_set(e, E_NOT_FOUND, STORE_NO_MESSAGE);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = copy_message(c, x, ids[i], e);
	return r;
}

static int fork_in(struct db_conn *c, void *arg, struct err *e)
{
	struct fork *x = arg;
	int r = make_conversation(c, x, e);

	if (r == 0)
		r = copy_branch(c, x, e);
	return r < 0 ? r
		     : db_exec(c, NULL, e, "UPDATE conversations SET leaf_id = ?, message_count = ? WHERE id = ?",
			       DB_I64(x->leaf), DB_I64(x->n), DB_I64(x->id));
}

int tree_fork(struct db *db, const struct tree_fork *in, atelier_id *ret_id, struct err *e)
{
	struct fork x = {.in = in};

	ASSERT(in->user_id);
	return store_make(db, fork_in, &x, &x.id, ret_id, e);
}
