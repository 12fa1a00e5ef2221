/*
 * collections.c - rows of collections by shared_rows.h, and what a question may search: the collections and documents that are
 * named, or all that the person may read, become a list of places, each with its revision (by which an index knows whether it is up
 * to date), by the rights of now.
 */
#include "store/collections.h"

#include <stdlib.h>

#include "store/store_priv.h"

#define NO_COLLECTION "There is no such collection, or it is not shared with you."

#define R struct collection
static const struct col columns[] = {COL(I64, R, id), COL_ONCE(I64, R, user_id), COL_ONCE(REF, R, conversation_id),
	COL(TEXT, R, name), COL_FOLDED(R, name, "folded"), COL(TEXT, R, description), COL(I64, R, passage_tokens),
	COL(I64, R, passages), COL(TEXT, R, mode), COL(I64, R, weight), COL(TEXT, R, embedding_model),
	COL(I64, R, overlap), COL(I64, R, threshold), COL(BOOL, R, whole), COL(TEXT, R, reranker),
	COL(BOOL, R, rewrite), COL_AS(TEXT, R, identity, "collections.identity", COL_SEEN),
	COL_AS(I64, R, documents, "(SELECT count(*) FROM documents d WHERE d.collection_id = collections.id)",
		COL_SEEN),
	COL_AS(I64, R, revision, "collections.revision", COL_SEEN),
	COL_AS(I64, R, removed, "collections.removed", COL_SEEN), COL_CREATED(R, created_at),
	COL_UPDATED(R, updated_at), SHARED_COLS(R, "collections", "collection")};
#undef R
static const struct rows_table rows = {"collections", "folded", NO_COLLECTION,
	"You have a collection of this name already.", TABLE(struct collection, columns)};

const struct shared_kind collections_kind = {.rows = &rows,
	.listed = "collections.conversation_id IS NULL",
	.grants = "collection",
	.max = COLLECTIONS_MAX,
	.many = "You have as many collections as there can be.",
	.user_id = offsetof(struct collection, user_id)};

/* ---- of a conversation ---- */

struct of_conversation {
	atelier_id user_id, conversation_id, id;
};

static int of_conversation_in(struct db_conn *c, void *arg, struct err *e)
{
	struct of_conversation *x = arg;
	char name[ID_LEN + 1];
	int r = STORE_I64(c, &x->id, STORE_NO_CONVERSATION, e,
		"SELECT coalesce(k.id, 0) FROM conversations v LEFT JOIN collections k ON k.conversation_id = v.id"
		" WHERE v.id = ? AND v.user_id = ? AND v.deleted_at IS NULL",
		DB_I64(x->conversation_id), DB_I64(x->user_id));

	ASSERT(db_is_writing(c));
	if (r < 0)
		return r;
	id_format(x->conversation_id, name);
	const struct collection in = {.user_id = x->user_id,
		.conversation_id = x->conversation_id,
		.name = name,
		COLLECTION_FRESH,
		.whole = true};
	return x->id ? 0 : rows_create_in(&rows, c, &in, &x->id, e);
}

int collections_of_conversation(
	struct db *db, atelier_id user_id, atelier_id conversation_id, atelier_id *ret_id, struct err *e)
{
	struct of_conversation x = {.user_id = user_id, .conversation_id = conversation_id};

	ASSERT(user_id);
	return store_make(db, of_conversation_in, &x, &x.id, ret_id, e);
}

int collections_find_of(
	struct db_conn *c, atelier_id user_id, atelier_id conversation_id, atelier_id *ret_id, struct err *e)
{
	return STORE_I64(c, ret_id, NULL, e, "SELECT id FROM collections WHERE conversation_id = ? AND user_id = ?",
		DB_I64(conversation_id), DB_I64(user_id));
}

/* ---- what is searched ---- */

struct gather {
	struct db_conn *c;
	const struct search_wish *w;
	struct arena *a;
	struct store_list places;
};

#define P struct search_place
static const struct col place_columns[] = {COL_AS(I64, P, collection_id, "collections.id", COL_SEEN),
	COL(I64, P, revision), COL(I64, P, removed), COL(I64, P, passages), COL(TEXT, P, mode), COL(TEXT, P, identity),
	COL(I64, P, weight), COL(I64, P, threshold), COL(BOOL, P, whole), COL(BOOL, P, rewrite),
	COL(TEXT, P, reranker)};
#undef P
const struct rows_table search_places_table = {
	"collections", "id", NO_COLLECTION, NULL, TABLE(struct search_place, place_columns)};
static const struct rows_table places_of_documents = {"collections", "id",
	"There is no such document, or it is not shared with you.", NULL, TABLE(struct search_place, place_columns)};
#define MAY GRANTED("collection", "collections.id", "collections.user_id")

static struct search_place *place_of(struct gather *g, atelier_id collection_id)
{
	struct search_place *items = g->places.items;

	for (size_t i = 0; i < g->places.n; i++)
		if (items[i].collection_id == collection_id)
			return &items[i];
	return NULL;
}

static int add_place(struct gather *g, const struct search_place *x, struct err *e)
{
	if (place_of(g, x->collection_id))
		return 0;
	struct search_place *p = store_push(&g->places, g->a);
	if (!p)
		return store_full(e);
	*p = *x;
	return 0;
}

static int add_all(struct gather *g, struct err *e)
{
	return rows_all(&search_places_table, g->c, g->a, &g->places.items, &g->places.n, e,
		"WHERE collections.conversation_id IS NULL AND " MAY " ORDER BY collections.folded, collections.id",
		GRANTED_PARAMS(g->w->user_id, false, GRANT_READ));
}

static int add_collection(struct gather *g, atelier_id id, struct err *e)
{
	struct search_place x;
	int r = rows_first(&search_places_table, g->c, g->a, &x, e, "WHERE collections.id = ? AND " MAY, DB_I64(id),
		GRANTED_PARAMS(g->w->user_id, false, GRANT_READ));

	return r < 0 ? r : add_place(g, &x, e);
}

/* Of a collection that is searched as a whole all documents are in it already. */
static int add_document(struct gather *g, atelier_id id, struct err *e)
{
	struct search_place x, *p;
	int r = rows_first(&places_of_documents, g->c, g->a, &x, e,
		"JOIN documents d ON d.collection_id = collections.id WHERE d.id = ? AND " MAY, DB_I64(id),
		GRANTED_PARAMS(g->w->user_id, false, GRANT_READ));

	if (r < 0)
		return r;
	p = place_of(g, x.collection_id);
	if (p && p->n == 0)
		return 0;
	if (!p) {
		x.documents = ARENA_ARRAY(g->a, atelier_id, g->w->n_documents);
		if (!x.documents || add_place(g, &x, e) < 0)
			return store_full(e);
		p = place_of(g, x.collection_id);
	}
	p->documents[p->n++] = id;
	return 0;
}

static int by_id(const void *a, const void *b)
{
	const atelier_id *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

int collections_scope(
	struct db_conn *c, const struct search_wish *w, struct arena *a, struct search_scope *ret, struct err *e)
{
	struct gather g = {c, w, a, {.size = sizeof(struct search_place)}};
	int r = w->n_collections + w->n_documents ? 0 : add_all(&g, e);

	for (size_t i = 0; r == 0 && i < w->n_collections; i++)
		r = add_collection(&g, w->collections[i], e);
	for (size_t i = 0; r == 0 && i < w->n_documents; i++)
		r = add_document(&g, w->documents[i], e);
	if (r < 0)
		return r;
	*ret = (struct search_scope){g.places.items, g.places.n};
	for (size_t i = 0; i < ret->n; i++)
		if (ret->items[i].n > 1)
			qsort(ret->items[i].documents, ret->items[i].n, sizeof(atelier_id), by_id);
	return 0;
}

int collections_newest(struct db_conn *c, int64_t limit, struct arena *a, struct search_scope *ret, struct err *e)
{
	return rows_all(&search_places_table, c, a, &ret->items, &ret->n, e,
		"WHERE EXISTS (SELECT 1 FROM documents d WHERE d.collection_id = collections.id)"
		" ORDER BY collections.id DESC LIMIT ?",
		DB_I64(limit));
}
