/*
 * conversations.c - a person's conversations. Each statement says whose it is, and that it is not in the bin. An edit
 * loads the row, lays the patch over it and sets it within one transaction, so that two editors lose nothing of each
 * other's; it leaves the place in the list, which is that of the last thing said.
 */
#include "store/conversations.h"

#include "store/assistants.h"
#include "store/folders.h"
#include "store/store_priv.h"
#include "store/tags.h"

#define LIST_MAX   ((size_t)10000)
#define ROW_MEMORY ((size_t)1 << 20) /* for one row while it is changed */

#define V struct conversation
static const struct col columns[] = {COL(I64, V, id), COL_ONCE(I64, V, user_id), COL(TEXT, V, title),
	COL(TEXT, V, title_state), COL(TEXT, V, model), COL(REF, V, leaf_id), COL(REF, V, folder_id),
	COL(TEXT, V, tags), COL(REF, V, assistant_id), COL(TEXT, V, instructions), COL(TEXT, V, parameters),
	COL(TEXT, V, context), COL(TEXT, V, tools), COL(BOOL, V, history), COL(BOOL, V, pinned), COL(BOOL, V, archived),
	COL(BOOL, V, unread), COL(I64, V, message_count), COL(I64, V, tokens_in), COL(I64, V, tokens_out),
	COL_ONCE(I64, V, created_at), COL(I64, V, updated_at), COL(REF, V, deleted_at),
	COL_AS(I64, V, turn_id,
		"coalesce((SELECT min(t.id) FROM turns t WHERE t.conversation_id = conversations.id AND t.state ="
		" 'running'),"
		" (SELECT min(t.id) FROM turns t WHERE t.conversation_id = conversations.id AND t.state = 'waiting'))",
		COL_SEEN),
	COL_AS(BOOL, V, waiting,
		"EXISTS (SELECT 1 FROM turns w WHERE w.conversation_id = conversations.id AND w.state = 'waiting')",
		COL_SEEN)};
#undef V
static const struct rows_table conversations = {
	"conversations", "id", STORE_NO_CONVERSATION, NULL, TABLE(struct conversation, columns)};

int conversations_get(
	struct db_conn *c, atelier_id user_id, atelier_id id, struct arena *a, struct conversation *ret, struct err *e)
{
	ASSERT(user_id);
	return rows_first(&conversations, c, a, ret, e, "WHERE id = ? AND user_id = ? AND deleted_at IS NULL",
		DB_I64(id), DB_I64(user_id));
}

/* ---- the list ---- */

/* The search is by instr and not by LIKE: a person's text is then no pattern, so that none of it needs escaping. A tag
 * stands in its list between quotation marks. */
#define FILTERS                                                                                                        \
	" AND archived = ? AND (? = 0 OR folder_id = ?) AND (? = 0 OR pinned = ?) AND (? = 0 OR unread = 1)"           \
	" AND (? = '' OR instr(fold(tags), fold(?)) > 0) AND (? = '' OR instr(fold(title), fold(?)) > 0)"
#define PAGE " AND (updated_at, id) < (?, ?) ORDER BY updated_at DESC, id DESC LIMIT ?"

int conversations_has(struct db *db, atelier_id id, bool *ret, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(db);
	int64_t there = 0;
	int r = STORE_I64(c, &there, NULL, e, "SELECT 1 FROM conversations WHERE id = ?", DB_I64(id));

	*ret = there;
	return r;
}

int conversations_list(struct db_conn *c, atelier_id user_id, const struct conversation_filter *which,
	const struct conversation_cursor *after, size_t limit, struct arena *a, struct conversation_list *ret,
	struct err *e)
{
	static const struct conversation_filter active = {.shelf = SHELF_ACTIVE};
	const struct conversation_filter *w = which ? which : &active;
	struct conversation_cursor from =
		after && after->id ? *after : (struct conversation_cursor){INT64_MAX, INT64_MAX};
	const char *tag = w->tag ? tags_quoted(w->tag, a) : "", *search = w->search ? w->search : "";
	int r;

	ASSERT(user_id);
	limit = MIN(limit, LIST_MAX);
	if (!tag)
		return store_full(e);
	if (w->shelf == SHELF_DELETED)
		r = rows_all(&conversations, c, a, &ret->items, &ret->n, e,
			"WHERE user_id = ? AND deleted_at IS NOT NULL AND (? = '' OR instr(fold(title), fold(?)) > "
			"0)" PAGE,
			DB_I64(user_id), DB_TEXT(search), DB_TEXT(search), DB_I64(from.updated_at), DB_I64(from.id),
			DB_I64(limit + 1));
	else
		r = rows_all(&conversations, c, a, &ret->items, &ret->n, e,
			"WHERE user_id = ? AND deleted_at IS NULL" FILTERS PAGE, DB_I64(user_id),
			DB_I64(w->shelf == SHELF_ARCHIVED), DB_I64(w->folder_id), DB_I64(w->folder_id),
			DB_I64(w->has_pinned), DB_I64(w->pinned), DB_I64(w->unread), DB_TEXT(tag), DB_TEXT(tag),
			DB_TEXT(search), DB_TEXT(search), DB_I64(from.updated_at), DB_I64(from.id), DB_I64(limit + 1));
	if (r == 0)
		ret->more = store_cut(&ret->n, limit);
	return r;
}

int conversations_tags(
	struct db_conn *c, atelier_id user_id, struct arena *a, struct tag_count **ret, size_t *ret_n, struct err *e)
{
	struct conversation *items;
	size_t n;
	int r = rows_all(&conversations, c, a, &items, &n, e,
		"WHERE user_id = ? AND deleted_at IS NULL AND tags <> '[]' ORDER BY id", DB_I64(user_id));
	const char **lists = r == 0 ? ARENA_ARRAY(a, const char *, n + 1) : NULL;

	ASSERT(user_id);
	if (r < 0)
		return r;
	if (!lists)
		return store_full(e);
	for (size_t i = 0; i < n; i++)
		lists[i] = items[i].tags;
	return tags_count(lists, n, a, ret, ret_n) < 0 ? store_full(e) : 0;
}

/* ---- changing ---- */

struct change {
	atelier_id user_id, id;
	const struct conversation_patch *patch;
	bool hard;
};

/* The end of the newest branch through a message, of children the newest; unless the branch that is shown goes through it. */
static int find_leaf(struct db_conn *c, const struct change *x, atelier_id *ret, struct err *e)
{
	int64_t shown = 0;
	int r = STORE_I64(c, &shown, NULL, e,
		"WITH RECURSIVE up(id, parent_id) AS ("
		"  SELECT id, parent_id FROM messages WHERE id = ? AND conversation_id = ?"
		"  UNION ALL SELECT p.id, p.parent_id FROM up u JOIN messages p ON p.id = u.parent_id WHERE u.id > ?)"
		" SELECT 1 FROM up WHERE id = ?",
		DB_I64(*ret), DB_I64(x->id), DB_I64(x->patch->leaf_id), DB_I64(x->patch->leaf_id));

	if (r < 0 || shown)
		return r;
	return STORE_I64(c, ret, STORE_NO_MESSAGE, e,
		"WITH RECURSIVE down(id, depth) AS ("
		"  SELECT m.id, 0 FROM messages m WHERE m.id = ? AND m.conversation_id = ?"
		"  UNION ALL"
		"  SELECT (SELECT max(k.id) FROM messages k WHERE k.parent_id = d.id), d.depth + 1 FROM down d"
		"  WHERE d.id IS NOT NULL)"
		" SELECT id FROM down WHERE id IS NOT NULL ORDER BY depth DESC LIMIT 1",
		DB_I64(x->patch->leaf_id), DB_I64(x->id));
}

/* What the patch says of the row's own columns. */
static int apply(struct db_conn *c, const struct change *x, struct conversation *v, struct arena *a, struct err *e)
{
	const struct conversation_patch *p = x->patch;
	int r = 0;

	if (p->set & SET_FOLDER && p->folder_id)
		r = folders_granted(c, x->user_id, p->folder_id, GRANT_USE, e);
	if (r == 0 && p->set & SET_ASSISTANT && p->assistant_id) {
		struct assistant found;
		r = assistants_get(c, x->user_id, p->assistant_id, GRANT_USE, a, &found, e);
	}
	if (r == 0 && p->leaf_id)
		r = find_leaf(c, x, &v->leaf_id, e);
	if (r == 0 && p->set & (SET_TAGS | SET_TAG | SET_UNTAG))
		r = tags_change(&v->tags,
			p->set & SET_TAGS  ? TAGS_SET
			: p->set & SET_TAG ? TAGS_ADD
					   : TAGS_REMOVE,
			p->tags, CONVERSATION_TAGS_MAX, a, e);
	if (r < 0)
		return r;
	if (p->title) {
		v->title = p->title;
		v->title_state = TITLE_PERSON;
	}
	v->model = p->model ? p->model : v->model;
	v->pinned = p->set & SET_PINNED ? p->pinned : v->pinned;
	v->archived = p->set & SET_ARCHIVED ? p->archived : v->archived;
	v->unread = p->set & SET_UNREAD ? p->unread : v->unread;
	v->folder_id = p->set & SET_FOLDER ? p->folder_id : v->folder_id;
	v->assistant_id = p->set & SET_ASSISTANT ? p->assistant_id : v->assistant_id;
	v->instructions = p->set & SET_INSTRUCTIONS ? p->instructions : v->instructions;
	v->parameters = p->set & SET_PARAMETERS ? p->parameters : v->parameters;
	v->context = p->set & SET_CONTEXT ? p->context : v->context;
	v->tools = p->set & SET_TOOLS ? p->tools : v->tools;
	v->history = p->set & SET_HISTORY ? p->history : v->history;
	return 0;
}

struct creation {
	const struct conversation_patch *in;
	struct conversation *v;
};

static int create_in(struct db_conn *c, void *arg, struct err *e)
{
	CLEANUP(arena_done) struct arena a;
	const struct creation *x = arg;
	struct conversation v = *x->v;
	int r;

	arena_init(&a, ROW_MEMORY);
	r = apply(c, &(struct change){.user_id = v.user_id, .patch = x->in}, &v, &a, e);
	if (r == 0)
		r = rows_create_in(&conversations, c, &v, &v.id, e);
	v.tags = "[]"; /* the arena's, */
	v.instructions = "";
	v.parameters = "{}"; /* or the caller's */
	v.tools = NULL;
	v.context = CONTEXT_REFUSE;
	*x->v = v;
	return r;
}

int conversations_create(
	struct db *db, atelier_id user_id, const struct conversation_patch *in, struct conversation *ret, struct err *e)
{
	struct conversation v = {.user_id = user_id,
		.title = "",
		.title_state = TITLE_PLAIN,
		.model = "",
		.tags = "[]",
		.instructions = "",
		.parameters = "{}",
		.context = CONTEXT_REFUSE};
	int r;

	ASSERT(user_id);
	v.created_at = v.updated_at = clock_now_ms();
	r = db_write(db, create_in, &(struct creation){in, &v}, e);
	if (r == 0)
		*ret = v;
	return r;
}

/* Renaming and sorting is no activity: the place in the list stays. */
static int update_in(struct db_conn *c, void *arg, struct err *e)
{
	CLEANUP(arena_done) struct arena a;
	const struct change *x = arg;
	struct conversation v;
	int r;

	ASSERT(db_is_writing(c));
	arena_init(&a, ROW_MEMORY);
	r = rows_lock(&conversations, c, x->id, e);
	if (r == 0)
		r = conversations_get(c, x->user_id, x->id, &a, &v, e);
	if (r == 0)
		r = apply(c, x, &v, &a, e);
	return r < 0 ? r : rows_set_in(&conversations, c, &v, e);
}

int conversations_update(
	struct db *db, atelier_id user_id, atelier_id id, const struct conversation_patch *patch, struct err *e)
{
	ASSERT(user_id);
	return store_apply(db, update_in, &(struct change){user_id, id, .patch = patch}, e);
}

static int delete_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct change *x = arg;
	int r;

	ASSERT(db_is_writing(c));
	/* Whose it is comes first: a stranger does not learn that an answer is being written. */
	r = STORE_I64(c, NULL, STORE_NO_CONVERSATION, e, "SELECT 1 FROM conversations WHERE id = ? AND user_id = ?",
		DB_I64(x->id), DB_I64(x->user_id));
	if (r < 0)
		return r;
	r = store_conversation_idle(c, x->id, e);
	if (r < 0)
		return r;
	if (x->hard)
		return STORE_EXEC(c, STORE_NO_CONVERSATION, e, "DELETE FROM conversations WHERE id = ? AND user_id = ?",
			DB_I64(x->id), DB_I64(x->user_id));
	return STORE_EXEC(c, STORE_NO_CONVERSATION, e,
		"UPDATE conversations SET deleted_at = ? WHERE id = ? AND user_id = ? AND deleted_at IS NULL",
		DB_I64(clock_now_ms()), DB_I64(x->id), DB_I64(x->user_id));
}

int conversations_delete(struct db *db, atelier_id user_id, atelier_id id, bool hard, struct err *e)
{
	ASSERT(user_id);
	return store_apply(db, delete_in, &(struct change){user_id, id, .hard = hard}, e);
}

static int restore_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct change *x = arg;

	return STORE_EXEC(c, "There is no such deleted conversation.", e,
		"UPDATE conversations SET deleted_at = NULL WHERE id = ? AND user_id = ? AND deleted_at IS NOT NULL",
		DB_I64(x->id), DB_I64(x->user_id));
}

int conversations_restore(struct db *db, atelier_id user_id, atelier_id id, struct err *e)
{
	ASSERT(user_id);
	return db_write(db, restore_in, &(struct change){.user_id = user_id, .id = id}, e);
}

/* Each by itself: what does not fit one says nothing of the others. */
static int bulk_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct conversation_bulk *b = arg;
	int r = b->patch.set & SET_FOLDER && b->patch.folder_id
			? folders_granted(c, b->user_id, b->patch.folder_id, GRANT_USE, e)
			: 0;

	for (size_t i = 0; r == 0 && i < b->n; i++) {
		struct change x = {
			.user_id = b->user_id, .id = b->ids[i], .patch = &b->patch, .hard = b->fate == FATE_GONE};
		struct err one = {0};

		r = b->fate == FATE_STAYS      ? update_in(c, &x, &one)
		    : b->fate == FATE_RESTORED ? restore_in(c, &x, &one)
					       : delete_in(c, &x, &one);
		b->ret_done[i] = r == 0;
		if (r < 0 && r != E_NOT_FOUND && r != E_CONFLICT)
			return err_set(e, r, "%s", one.msg);
		r = 0;
	}
	return r;
}

int conversations_bulk(struct db *db, const struct conversation_bulk *x, struct err *e)
{
	return store_apply(db, bulk_in, x, e);
}

int conversations_empty_bin(struct db *db, int64_t before, int64_t limit, int64_t *ret_n, struct err *e)
{
	return STORE_WRITE(db, ret_n, e,
		"DELETE FROM conversations WHERE id IN (SELECT id FROM conversations WHERE deleted_at < ? LIMIT ?)",
		DB_I64(before), DB_I64(limit));
}

/* ---- titles of models ---- */

int conversations_set_title_if_plain(struct db *db, atelier_id id, const char *title, bool *ret_set, struct err *e)
{
	int64_t n;
	int r = STORE_WRITE(db, &n, e,
		"UPDATE conversations SET title = ?, title_state = 'model'"
		" WHERE id = ? AND title_state = 'plain' AND deleted_at IS NULL",
		DB_TEXT(title), DB_I64(id));

	if (r == 0 && ret_set)
		*ret_set = n > 0;
	return r;
}
