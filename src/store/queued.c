/*
 * queued.c - questions that wait for an answer to end. Whether one has to wait is decided where it is added, in the
 * transaction that looks for a running turn: else an answer could end between the two, and nobody would ask it.
 */
#include "store/queued.h"

#include "store/images.h"
#include "store/store_priv.h"

#define NO_QUEUED "There is no such message in the queue, or it is not yours."

#define Q struct queued
static const struct col columns[] = {COL(I64, Q, id), COL_ONCE(I64, Q, user_id), COL_ONCE(I64, Q, conversation_id),
	COL_ONCE(REF, Q, key_id), COL_ONCE(REF, Q, assistant_id), COL_ONCE(TEXT, Q, model), COL_ONCE(TEXT, Q, language),
	COL_CREATED(Q, created_at), COL_ONCE(TEXT, Q, parameters), COL_ONCE(TEXT, Q, tools),
	COL_ONCE(TEXT, Q, time_zone), COL(TEXT, Q, content)};
#undef Q
static const struct rows_table queued = {"queued", "id", NO_QUEUED, NULL, TABLE(struct queued, columns)};

/* The queue of a conversation in the bin is out of sight with it. */
#define OWNED "WHERE user_id = ? AND conversation_id IN (SELECT v.id FROM conversations v WHERE v.deleted_at IS NULL)"

#define IDS(column) "(SELECT n, " column " AS id FROM queued_"
#define OF_ONE      " WHERE queued_id = ?) q WHERE id IS NOT NULL ORDER BY n"
static int load_ids(struct db_conn *c, const char *from, const struct queued *q, struct arena *a, void *ret,
	size_t *ret_n, struct err *e)
{
	return rows_from(&id_rows, c, a, ret, ret_n, e, "", from, DB_I64(q->id));
}

/* Its pictures, and what is searched for it. */
static int load_rest(struct db_conn *c, struct queued *row, struct arena *a, struct err *e)
{
	int r = load_ids(c, IDS("image_id") "images" OF_ONE, row, a, &row->images, &row->n_images, e);

	if (r == 0)
		r = load_ids(
			c, IDS("collection_id") "places" OF_ONE, row, a, &row->collections, &row->n_collections, e);
	return r < 0 ? r
		     : load_ids(c, IDS("document_id") "places" OF_ONE, row, a, &row->documents, &row->n_documents, e);
}

int queued_list(struct db_conn *c, atelier_id user_id, atelier_id conversation_id, struct arena *a,
	struct queued_list *ret, struct err *e)
{
	int r = store_leaf(c, user_id, conversation_id, NULL, e);

	ASSERT(user_id);
	if (r == 0)
		r = rows_all(&queued, c, a, &ret->items, &ret->n, e, "WHERE conversation_id = ? ORDER BY id",
			DB_I64(conversation_id));
	for (size_t i = 0; r == 0 && i < ret->n; i++)
		r = load_rest(c, &ret->items[i], a, e);
	return r;
}

int queued_get(struct db_conn *c, atelier_id user_id, atelier_id id, struct arena *a, struct queued *ret, struct err *e)
{
	int r = rows_first(&queued, c, a, ret, e, OWNED " AND id = ?", DB_I64(user_id), DB_I64(id));

	ASSERT(user_id);
	return r < 0 ? r : load_rest(c, ret, a, e);
}

int queued_first(struct db_conn *c, atelier_id conversation_id, struct arena *a, struct queued *ret, struct err *e)
{
	int r = rows_first(&queued, c, a, ret, e,
		"WHERE conversation_id = ? AND NOT EXISTS (SELECT 1 FROM conversations v JOIN messages m ON m.id ="
		" v.leaf_id WHERE v.id = queued.conversation_id AND m.compared > 0) ORDER BY id LIMIT 1",
		DB_I64(conversation_id));

	return r < 0 ? r : load_rest(c, ret, a, e);
}

/* ---- adding ---- */

struct addition {
	const struct queued *in;
	bool behind;
	atelier_id id;
};

static int add_places(struct db_conn *c, const struct addition *x, struct err *e)
{
	const struct queued *in = x->in;
	int r = 0;

	for (size_t i = 0; r == 0 && i < in->n_collections; i++)
		r = db_exec(c, NULL, e, "INSERT INTO queued_places (queued_id, n, collection_id) VALUES (?, ?, ?)",
			DB_I64(x->id), DB_I64(i), DB_I64(in->collections[i]));
	for (size_t i = 0; r == 0 && i < in->n_documents; i++)
		r = db_exec(c, NULL, e, "INSERT INTO queued_places (queued_id, n, document_id) VALUES (?, ?, ?)",
			DB_I64(x->id), DB_I64(in->n_collections + i), DB_I64(in->documents[i]));
	return r;
}

static int add_in(struct db_conn *c, void *arg, struct err *e)
{
	struct addition *x = arg;
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r = store_leaf(c, x->in->user_id, x->in->conversation_id, NULL, e);

	ASSERT(db_is_writing(c));
	x->id = 0;
	if (r == 0)
		r = STORE_FIRST(c, &rows, NO_QUEUED, e,
			"SELECT (SELECT count(*) FROM turns WHERE conversation_id = ? AND state = 'running')"
			" + (SELECT count(*) FROM turns WHERE conversation_id = ? AND state = 'waiting'),"
			" (SELECT count(*) FROM queued WHERE conversation_id = ?)",
			DB_I64(x->in->conversation_id), DB_I64(x->in->conversation_id), DB_I64(x->in->conversation_id));
	if (r < 0 || (db_i64(rows, 0) == 0 && !(x->behind && db_i64(rows, 1))))
		return r;
	if (db_i64(rows, 1) >= QUEUED_MAX)
		return err_set(
			e, E_CONFLICT, "%d messages wait here already, which is as many as there can be.", QUEUED_MAX);
	r = rows_create_in(&queued, c, x->in, &x->id, e);
	if (r == 0)
		r = images_queue(c, x->id, x->in->images, x->in->n_images, e);
	return r < 0 ? r : add_places(c, x, e);
}

int queued_add(struct db *db, const struct queued *in, bool behind, atelier_id *ret_id, struct err *e)
{
	struct addition x = {.in = in, .behind = behind};

	ASSERT(in->user_id);
	return store_make(db, add_in, &x, &x.id, ret_id, e);
}

/* ---- changing ---- */

struct change {
	atelier_id user_id, id, conversation_id;
	const char *content; /* NULL: it is removed */
};

static int change_in(struct db_conn *c, void *arg, struct err *e)
{
	struct change *x = arg;
	int r = STORE_I64(c, &x->conversation_id, NO_QUEUED, e,
		"SELECT conversation_id FROM queued " OWNED " AND id = ?", DB_I64(x->user_id), DB_I64(x->id));

	ASSERT(db_is_writing(c));
	if (r < 0)
		return r;
	return x->content ? db_exec(c, NULL, e, "UPDATE queued SET content = ? WHERE id = ?", DB_TEXT(x->content),
				    DB_I64(x->id))
			  : rows_delete_in(&queued, c, x->id, e);
}

int queued_edit(struct db *db, atelier_id user_id, atelier_id id, const char *content, atelier_id *ret_conversation,
	struct err *e)
{
	struct change x = {.user_id = user_id, .id = id, .content = content};

	ASSERT(user_id);
	return store_make(db, change_in, &x, &x.conversation_id, ret_conversation, e);
}

int queued_delete(struct db *db, atelier_id user_id, atelier_id id, atelier_id *ret_conversation, struct err *e)
{
	return queued_edit(db, user_id, id, NULL, ret_conversation, e);
}

int queued_take(struct db_conn *c, atelier_id conversation_id, atelier_id id, struct arena *a, const char **ret_content,
	struct err *e)
{
	struct queued row;
	int r = rows_first(
		&queued, c, a, &row, e, "WHERE id = ? AND conversation_id = ?", DB_I64(id), DB_I64(conversation_id));

	ASSERT(db_is_writing(c));
	if (r == 0)
		r = rows_delete_in(&queued, c, id, e);
	if (r == 0)
		*ret_content = row.content;
	return r;
}
