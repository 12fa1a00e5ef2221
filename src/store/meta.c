/* meta.c - single values that the program keeps for itself. */
#include "store/meta.h"
#include "store/store_priv.h"

int meta_get(struct db_conn *c, const char *key, struct arena *a, const char **ret, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	int r = STORE_ROW(c, &rows, e, "SELECT value FROM meta WHERE key = ?", DB_TEXT(key));
	struct store_reader rd = {.rows = rows, .a = a};

	if (r < 0)
		return r;
	*ret = r > 0 ? store_str(&rd, 0) : NULL;
	return store_reader_end(&rd, e);
}

int meta_set(struct db *db, const char *key, const char *value, struct err *e)
{
	if (!value)
		return STORE_WRITE(db, NULL, e, "DELETE FROM meta WHERE key = ?", DB_TEXT(key));
	return STORE_WRITE(db, NULL, e,
		"INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
		DB_TEXT(key), DB_TEXT(value));
}
