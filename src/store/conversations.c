/* conversations.c - a person's conversations. */
#include "store/conversations.h"
#include "store/store_priv.h"

#define COLUMNS                                                                                                        \
	"c.id, c.user_id, c.title, c.title_state, c.model, c.leaf_id, c.message_count, c.tokens_in, c.tokens_out,"     \
	" c.created_at, c.updated_at,"                                                                                 \
	" (SELECT t.id FROM turns t WHERE t.conversation_id = c.id AND t.state = 'running')"

static void read_conversation(struct store_reader *rd, struct conversation *v)
{
	*v = (struct conversation){
		.id = db_i64(rd->rows, 0),
		.user_id = db_i64(rd->rows, 1),
		.title = store_str(rd, 2),
		.title_state = store_str(rd, 3),
		.model = store_str(rd, 4),
		.leaf_id = db_i64(rd->rows, 5),
		.message_count = db_i64(rd->rows, 6),
		.tokens_in = db_i64(rd->rows, 7),
		.tokens_out = db_i64(rd->rows, 8),
		.created_at = db_i64(rd->rows, 9),
		.updated_at = db_i64(rd->rows, 10),
		.turn_id = db_i64(rd->rows, 11),
	};
}

static int create_in(struct db_conn *c, void *arg, struct err *e)
{
	struct conversation *v = arg;

	return STORE_INSERT(c, &v->id, e,
		"INSERT INTO conversations (id, user_id, title, title_state, model, created_at, updated_at)"
		" VALUES (?, ?, ?, ?, ?, ?, ?)",
		DB_I64(v->user_id), DB_TEXT(v->title), DB_TEXT(v->title_state), DB_TEXT(v->model),
		DB_I64(v->created_at), DB_I64(v->updated_at));
}

int conversations_create(struct db *db, atelier_id user_id, const char *title, const char *model,
	struct conversation *ret, struct err *e)
{
	struct conversation v = {.user_id = user_id};
	int r;

	v.title = title ? title : "";
	v.title_state = *v.title ? TITLE_PERSON : TITLE_PLAIN;
	v.model = model ? model : "";
	v.created_at = v.updated_at = clock_now_ms();
	r = db_write(db, create_in, &v, e);
	if (r == 0)
		*ret = v;
	return r;
}

int conversations_get(
	struct db_conn *c, atelier_id user_id, atelier_id id, struct arena *a, struct conversation *ret, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	struct store_reader rd = {.a = a};
	struct conversation v;
	int r;

	r = STORE_FIRST(c, &rows, STORE_NO_CONVERSATION, e,
		"SELECT " COLUMNS " FROM conversations c WHERE c.id = ? AND c.user_id = ? AND c.deleted_at IS NULL",
		DB_I64(id), DB_I64(user_id));
	if (r < 0)
		return r;
	rd.rows = rows;
	read_conversation(&rd, &v);
	r = store_reader_end(&rd, e);
	if (r == 0)
		*ret = v;
	return r;
}

/* The search is by instr and not by LIKE: a person's text is then no pattern, so that none of it needs escaping. */
static int list_query(struct db_conn *c, atelier_id user_id, const char *search, struct conversation_cursor after,
	int64_t limit, struct db_rows **ret, struct err *e)
{
	if (!search || !*search)
		return db_query(c, ret, e,
			"SELECT " COLUMNS " FROM conversations c WHERE c.user_id = ? AND c.deleted_at IS NULL"
			" AND (c.updated_at, c.id) < (?, ?) ORDER BY c.updated_at DESC, c.id DESC LIMIT ?",
			DB_I64(user_id), DB_I64(after.updated_at), DB_I64(after.id), DB_I64(limit));
	return db_query(c, ret, e,
		"SELECT " COLUMNS " FROM conversations c WHERE c.user_id = ? AND c.deleted_at IS NULL"
		" AND (c.updated_at, c.id) < (?, ?) AND instr(fold(c.title), fold(?)) > 0"
		" ORDER BY c.updated_at DESC, c.id DESC LIMIT ?",
		DB_I64(user_id), DB_I64(after.updated_at), DB_I64(after.id), DB_TEXT(search), DB_I64(limit));
}

int conversations_list(struct db_conn *c, atelier_id user_id, const char *search,
	const struct conversation_cursor *after, size_t limit, struct arena *a, struct conversation_list *ret,
	struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	struct store_list l = {.size = sizeof(struct conversation)};
	struct conversation_cursor from = {INT64_MAX, INT64_MAX};
	struct store_reader rd = {.a = a};
	bool more = false;
	int r;

	if (after && after->id)
		from = *after;
	r = list_query(c, user_id, search, from, (int64_t)MIN(limit, (size_t)10000) + 1, &rows, e);
	if (r < 0)
		return r;
	rd.rows = rows;
	while ((r = db_next(rows, e)) > 0) {
		struct conversation *v;

		if (l.n == MIN(limit, (size_t)10000)) {
			more = true;
			r = 0;
			break;
		}
		v = store_push(&l, a);
		if (!v)
			return store_full(e);
		read_conversation(&rd, v);
	}
	if (r == 0)
		r = store_reader_end(&rd, e);
	if (r == 0)
		*ret = (struct conversation_list){l.items, l.n, more};
	return r;
}

struct change {
	atelier_id user_id, id;
	const struct conversation_patch *patch;
	const char *title;
	bool hard, set;
};

/* The end of the newest branch through a message: of children the newest is followed. */
static int find_leaf(struct db_conn *c, const struct change *x, atelier_id *ret, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r;

	r = STORE_FIRST(c, &rows, STORE_NO_MESSAGE, e,
		"WITH RECURSIVE down(id, depth) AS ("
		"  SELECT m.id, 0 FROM messages m JOIN conversations v ON v.id = m.conversation_id"
		"  WHERE m.id = ? AND v.id = ? AND v.user_id = ?"
		"  UNION ALL"
		"  SELECT (SELECT max(k.id) FROM messages k WHERE k.parent_id = d.id), d.depth + 1 FROM down d"
		"  WHERE d.id IS NOT NULL)"
		" SELECT id FROM down WHERE id IS NOT NULL ORDER BY depth DESC LIMIT 1",
		DB_I64(x->patch->leaf_id), DB_I64(x->id), DB_I64(x->user_id));
	if (r == 0)
		*ret = db_i64(rows, 0);
	return r;
}

static int update_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct change *x = arg;
	atelier_id leaf = 0;
	int64_t n = 0;
	int r;

	if (x->patch->leaf_id && (r = find_leaf(c, x, &leaf, e)) < 0)
		return r;
	/* Renaming is no activity: the place in the list stays. */
	r = db_exec(c, &n, e,
		"UPDATE conversations SET title = coalesce(?, title), title_state = coalesce(?, title_state),"
		" model = coalesce(?, model), leaf_id = CASE WHEN ? > 0 THEN ? ELSE leaf_id END"
		" WHERE id = ? AND user_id = ? AND deleted_at IS NULL",
		DB_TEXT(x->patch->title), DB_TEXT(x->patch->title ? TITLE_PERSON : NULL), DB_TEXT(x->patch->model),
		DB_I64(leaf), DB_I64(leaf), DB_I64(x->id), DB_I64(x->user_id));
	if (r < 0)
		return r;
	return n ? 0 : err_set(e, E_NOT_FOUND, STORE_NO_CONVERSATION);
}

int conversations_update(
	struct db *db, atelier_id user_id, atelier_id id, const struct conversation_patch *patch, struct err *e)
{
	struct change x = {.user_id = user_id, .id = id, .patch = patch};

	return db_write(db, update_in, &x, e);
}

static int delete_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct change *x = arg;
	int64_t n = 0;
	int r;

	if (x->hard)
		r = db_exec(c, &n, e, "DELETE FROM conversations WHERE id = ? AND user_id = ?", DB_I64(x->id),
			DB_I64(x->user_id));
	else
		r = db_exec(c, &n, e,
			"UPDATE conversations SET deleted_at = ? WHERE id = ? AND user_id = ? AND deleted_at IS NULL",
			DB_I64(clock_now_ms()), DB_I64(x->id), DB_I64(x->user_id));
	if (r < 0)
		return r;
	return n ? 0 : err_set(e, E_NOT_FOUND, STORE_NO_CONVERSATION);
}

static int delete_idle_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct change *x = arg;
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r;

	/* Whose it is comes first: a stranger does not learn that an answer is being written. */
	r = STORE_FIRST(c, &rows, STORE_NO_CONVERSATION, e, "SELECT 1 FROM conversations WHERE id = ? AND user_id = ?",
		DB_I64(x->id), DB_I64(x->user_id));
	if (r < 0)
		return r;
	r = store_conversation_idle(c, x->id, e);
	return r < 0 ? r : delete_in(c, arg, e);
}

int conversations_delete(struct db *db, atelier_id user_id, atelier_id id, bool hard, struct err *e)
{
	struct change x = {.user_id = user_id, .id = id, .hard = hard};

	return db_write(db, delete_idle_in, &x, e);
}

static int restore_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct change *x = arg;
	int64_t n = 0;
	int r = db_exec(c, &n, e,
		"UPDATE conversations SET deleted_at = NULL WHERE id = ? AND user_id = ? AND deleted_at IS NOT NULL",
		DB_I64(x->id), DB_I64(x->user_id));

	return r < 0 || n > 0 ? r : err_set(e, E_NOT_FOUND, "There is no such deleted conversation.");
}

int conversations_restore(struct db *db, atelier_id user_id, atelier_id id, struct err *e)
{
	struct change x = {.user_id = user_id, .id = id};

	return db_write(db, restore_in, &x, e);
}

static int set_title_in(struct db_conn *c, void *arg, struct err *e)
{
	struct change *x = arg;
	int64_t n = 0;
	int r;

	r = db_exec(c, &n, e,
		"UPDATE conversations SET title = ?, title_state = 'model'"
		" WHERE id = ? AND title_state = 'plain' AND deleted_at IS NULL",
		DB_TEXT(x->title), DB_I64(x->id));
	x->set = n > 0;
	return r;
}

int conversations_set_title_if_plain(struct db *db, atelier_id id, const char *title, bool *ret_set, struct err *e)
{
	struct change x = {.id = id, .title = title};
	int r;

	r = db_write(db, set_title_in, &x, e);
	if (r == 0 && ret_set)
		*ret_set = x.set;
	return r;
}
