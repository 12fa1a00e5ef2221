/* principals.c - whom something can be shared with. */
#include "store/principals.h"

#include "store/store_priv.h"

#define P struct principal
static const struct col columns[] = {COL_AS(TEXT, P, subject, "p.subject", COL_SEEN),
	COL_AS(I64, P, id, "p.id", COL_SEEN), COL_AS(TEXT, P, name, "p.name", COL_SEEN),
	COL_AS(TEXT, P, display_name, "p.display_name", COL_SEEN), COL_AS(I64, P, rank, "p.rank", COL_SEEN),
	COL_AS(TEXT, P, key, "p.key", COL_SEEN)};
#undef P
static const struct rows_table principals = {
	.name = "(SELECT 'group' AS subject, 0 AS rank, id, name, NULL AS display_name, fold(name) AS key FROM groups"
		" UNION ALL SELECT 'user', 1, id, name, CASE WHEN display_name <> name THEN display_name END,"
		" fold(name) FROM users WHERE disabled = 0) p",
	.cols = columns,
	.n_cols = N_ELEMENTS(columns),
	.size = sizeof(struct principal)};

int principals_list(struct db_conn *c, atelier_id user_id, const char *search, const struct principal *after,
	size_t limit, struct arena *a, struct principal_list *ret, struct err *e)
{
	static const struct principal first = {.rank = -1, .key = ""};
	int r;

	if (!after)
		after = &first;
	r = rows_all(&principals, c, a, &ret->items, &ret->n, e,
		"WHERE (p.rank, p.key, p.id) > (?, ?, ?) AND NOT (p.rank = 1 AND p.id = ?) AND (? = ''"
		" OR instr(p.key, fold(?)) > 0 OR instr(fold(coalesce(p.display_name, '')), fold(?)) > 0)"
		" ORDER BY p.rank, p.key, p.id LIMIT ?",
		DB_I64(after->rank), DB_TEXT(after->key), DB_I64(after->id), DB_I64(user_id), DB_TEXT(search),
		DB_TEXT(search), DB_TEXT(search), DB_I64(limit + 1));
	if (r == 0)
		ret->more = store_cut(&ret->n, limit);
	return r;
}
