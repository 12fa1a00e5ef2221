/*
 * vectors.c - a row for each passage, added from the first one on, so that how many there are is where to go on. They are never
 * changed: made anew they are of another identity. They go with their text.
 */
#include "store/vectors.h"

#include "store/store_priv.h"

static int store_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct vectors_new *x = arg;
	int64_t size = (int64_t)(x->dims * sizeof(float)), first = 0;
	int r = STORE_I64(c, NULL, "The text is gone.", e, "SELECT 1 FROM texts WHERE id = ?", DB_I64(x->text_id));

	ASSERT(db_is_writing(c));
	if (r == 0)
		r = STORE_I64(c, &first, NULL, e,
			"SELECT length(bytes) FROM vectors WHERE text_id = ? AND identity = ? AND n = 0",
			DB_I64(x->text_id), DB_TEXT(x->identity));
	if (r == 0 && first && first != size)
		return err_set(e, E_CONFLICT, "The text has vectors of another size.");
	for (size_t i = 0; r == 0 && i < x->n; i++)
		r = db_exec(c, NULL, e,
			"INSERT INTO vectors (text_id, identity, n, bytes) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
			DB_I64(x->text_id), DB_TEXT(x->identity), DB_I64(x->from + (int64_t)i),
			DB_BLOB(x->rows + i * x->dims, x->dims * sizeof(float)));
	return r;
}

int vectors_store(struct db *db, const struct vectors_new *in, struct err *e)
{
	return store_apply(db, store_in, in, e);
}

int vectors_forget(struct db *db, atelier_id text_id, const char *identity, struct err *e)
{
	return STORE_WRITE(db, NULL, e, "DELETE FROM vectors WHERE text_id = ? AND identity = ?", DB_I64(text_id),
		DB_TEXT(identity));
}

int vectors_stored(struct db_conn *c, atelier_id text_id, const char *identity, int64_t *ret, struct err *e)
{
	return STORE_I64(c, ret, NULL, e, "SELECT count(*) FROM vectors WHERE text_id = ? AND identity = ?",
		DB_I64(text_id), DB_TEXT(identity));
}

int vectors_load(struct db_conn *c, atelier_id text_id, const char *identity, int64_t from, int64_t n, struct buf *to,
	int64_t *ret_n, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r = db_query(c, &rows, e,
		"SELECT bytes FROM vectors WHERE text_id = ? AND identity = ? AND n >= ? AND n < ? ORDER BY n",
		DB_I64(text_id), DB_TEXT(identity), DB_I64(from), DB_I64(from + n));

	*ret_n = 0;
	while (r >= 0 && (r = db_next(rows, e)) > 0) {
		buf_add(to, db_bytes(rows, 0).p, db_bytes(rows, 0).n);
		++*ret_n;
	}
	return r < 0 ? r : buf_check(to, e, "The vectors of a text do not fit the memory set aside for them.");
}
