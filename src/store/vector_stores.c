/*
 * vector_stores.c - one row (THE_ONE) says which store is used; its key is sealed with its address. What it has copies of is noted
 * per text and identity, and forgotten when it becomes another store; what lacks and what is left over are the two differences
 * between that and the texts of documents.
 */
#include "store/vector_stores.h"

#include "store/store_priv.h"

#define KEY_COLUMN "vector_stores.key"
#define THE_ONE    1 /* its row */

#define S struct vector_store
static const struct col columns[] = {
	COL(TEXT, S, kind), COL(TEXT, S, url), COL(TEXT, S, name), COL_AS(BYTES, S, sealed, "key", COL_SEEN)};
#undef S
static const struct rows_table stores = {"vector_stores", NULL, "", NULL, TABLE(struct vector_store, columns)};

int vector_store_get(struct db_conn *c, struct arena *a, struct vector_store *ret, struct err *e)
{
	struct vector_store *items;
	size_t n = 0;
	int r = rows_all(&stores, c, a, &items, &n, e, "WHERE id = ?", DB_I64(THE_ONE));

	if (r < 0)
		return r;
	*ret = n ? items[0] : (struct vector_store){.kind = "embedded", .url = "", .name = "atelier"};
	return 0;
}

/* A key goes to the address that it was given for. */
static const char *bound_to(const struct vector_store *s, struct arena *a)
{
	return arena_printf(a, "%s %s", s->kind, s->url);
}

int vector_store_key(
	const struct vault *v, const struct vector_store *s, struct arena *a, const char **ret, struct err *e)
{
	const char *bound = bound_to(s, a);
	char *key = NULL;

	*ret = NULL;
	if (!bound)
		return store_full(e);
	const struct vault_place at = {KEY_COLUMN, THE_ONE, bound};
	int r = s->sealed.p ? vault_open(v, &at, s->sealed, a, &key, e) : 0;
	if (r == 0)
		*ret = key;
	return r;
}

struct change {
	const struct vault *vault;
	const struct vector_store *in;
	const char *key;
	struct arena *a;
};

static int put_key(struct db_conn *c, const struct change *x, struct err *e)
{
	const struct vault_place at = {KEY_COLUMN, THE_ONE, bound_to(x->in, x->a)};

	return at.bound ? vault_put(c, x->vault, &at, x->key, e) : store_full(e);
}

static int set_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct change *x = arg;
	struct vector_store was;
	int r = vector_store_get(c, x->a, &was, e);

	if (r < 0)
		return r;
	bool same_place = strcmp(was.kind, x->in->kind) == 0 && strcmp(was.url, x->in->url) == 0;
	r = db_exec(c, NULL, e,
		"INSERT INTO vector_stores (id, kind, url, name, updated_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id)"
		" DO UPDATE SET kind = excluded.kind, url = excluded.url, name = excluded.name,"
		" updated_at = excluded.updated_at",
		DB_I64(THE_ONE), DB_TEXT(x->in->kind), DB_TEXT(x->in->url), DB_TEXT(x->in->name),
		DB_I64(clock_now_ms()));
	if (r == 0 && (!same_place || strcmp(was.name, x->in->name) != 0))
		r = db_exec(c, NULL, e, "DELETE FROM vector_copies");
	if (r == 0 && !same_place && !x->key)
		r = db_exec(c, NULL, e, "UPDATE vector_stores SET key = NULL WHERE id = ?", DB_I64(THE_ONE));
	return r < 0 || !x->key ? r : put_key(c, x, e);
}

int vector_store_set(
	struct db *db, const struct vault *v, const struct vector_store *in, const char *key, struct err *e)
{
	CLEANUP(arena_done) struct arena a;
	struct change x = {.vault = v, .in = in, .key = key, .a = &a};

	arena_init(&a, (size_t)1 << 20);
	return db_write(db, set_in, &x, e);
}

/* ---- what it has ---- */

/* Texts of documents with all their vectors, as `u`. */
#define USED                                                                                                           \
	"(SELECT DISTINCT d.text_id AS text_id, k.identity AS identity, t.passages AS passages FROM documents d"       \
	" JOIN collections k ON k.id = d.collection_id JOIN texts t ON t.id = d.text_id WHERE k.identity <> ''"        \
	" AND t.passages > 0 AND EXISTS (SELECT 1 FROM vectors v WHERE v.text_id = d.text_id"                          \
	" AND v.identity = k.identity AND v.n = t.passages - 1)) u"
#define COPIED "EXISTS (SELECT 1 FROM vector_copies x WHERE x.text_id = u.text_id AND x.identity = u.identity)"

#define COPY(from)                                                                                                     \
	{                                                                                                              \
		COL_AS(I64, struct vector_copy, text_id, from ".text_id", COL_SEEN),                                   \
			COL_AS(TEXT, struct vector_copy, identity, from ".identity", COL_SEEN),                        \
			COL_AS(I64, struct vector_copy, passages, "passages", COL_SEEN)                                \
	}
static const struct col used_columns[] = COPY("u"), copied_columns[] = COPY("x");
static const struct rows_table used = {USED, NULL, NULL, NULL, TABLE(struct vector_copy, used_columns)};
static const struct rows_table copied = {"(SELECT text_id, identity, 0 AS passages FROM vector_copies) x", NULL, NULL,
	NULL, TABLE(struct vector_copy, copied_columns)};

int vector_copies_lacking(
	struct db_conn *c, atelier_id after, int64_t limit, struct arena *a, struct vector_copies *ret, struct err *e)
{
	return rows_all(&used, c, a, &ret->items, &ret->n, e,
		"WHERE u.text_id > ? AND NOT " COPIED " ORDER BY u.text_id LIMIT ?", DB_I64(after), DB_I64(limit));
}

int vector_copies_leftover(struct db_conn *c, int64_t limit, struct arena *a, struct vector_copies *ret, struct err *e)
{
	return rows_all(&copied, c, a, &ret->items, &ret->n, e,
		"WHERE NOT EXISTS (SELECT 1 FROM texts t WHERE t.id = x.text_id) ORDER BY x.text_id LIMIT ?",
		DB_I64(limit));
}

int vector_copies_count(struct db_conn *c, int64_t *ret_copied, int64_t *ret_all, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r = STORE_FIRST(c, &rows, "", e,
		"SELECT coalesce(sum(CASE WHEN " COPIED " THEN 1 ELSE 0 END), 0), count(*) FROM " USED);

	if (r == 0) {
		*ret_copied = db_i64(rows, 0);
		*ret_all = db_i64(rows, 1);
	}
	return r;
}

int vector_copies_note(struct db *db, atelier_id text_id, const char *identity, bool there, struct err *e)
{
	return STORE_WRITE(db, NULL, e,
		there ? "INSERT INTO vector_copies (text_id, identity) VALUES (?, ?) ON CONFLICT DO NOTHING"
		      : "DELETE FROM vector_copies WHERE text_id = ? AND identity = ?",
		DB_I64(text_id), DB_TEXT(identity));
}
