/* limits.c - limits as they are set. */
#include "store/limits.h"
#include "store/store_priv.h"

#define L struct limit
static const struct col columns[] = {COL(I64, L, id), COL_ONCE(TEXT, L, subject), COL_ONCE(I64, L, subject_id),
	COL_ONCE(TEXT, L, model), COL_ONCE(TEXT, L, measure), COL_ONCE(TEXT, L, period), COL(I64, L, amount),
	COL_TOUCHED("updated_at"), COL_MADE("created_at"),
	COL_AS(TEXT, L, subject_name,
		"(SELECT name FROM users WHERE subject = 'user' AND users.id = subject_id UNION ALL"
		" SELECT name FROM groups WHERE subject = 'group' AND groups.id = subject_id UNION ALL"
		" SELECT name FROM api_keys WHERE subject = 'key' AND api_keys.id = subject_id)",
		COL_SEEN)};
#undef L

static const struct rows_table limits = {"limits", "id", "There is no such limit.",
	"There is such a limit already; change its amount.", TABLE(struct limit, columns)};

int limits_list(struct db_conn *c, struct arena *a, struct limit_list *ret, struct err *e)
{
	return rows_list(&limits, c, a, &ret->items, &ret->n, e);
}

int limits_get(struct db_conn *c, atelier_id id, struct arena *a, struct limit *ret, struct err *e)
{
	return rows_get(&limits, c, id, a, ret, e);
}

/* Whether the user, group or key of the limit is there. */
static int check_subject(struct db_conn *c, const struct limit *in, struct err *e)
{
	static const struct {
		const char *subject, *sql, *missing;
	} tables[] = {
		{"user", "SELECT 1 FROM users WHERE id = ?", "There is no such user."},
		{"group", "SELECT 1 FROM groups WHERE id = ?", "There is no such group."},
		{"key", "SELECT 1 FROM api_keys WHERE id = ?", "There is no such key."},
	};

	for (size_t i = 0; i < N_ELEMENTS(tables); i++)
		if (strcmp(tables[i].subject, in->subject) == 0)
			return STORE_I64(c, NULL, tables[i].missing, e, tables[i].sql, DB_I64(in->subject_id));
	return 0;
}

static int create_in(struct db_conn *c, void *arg, struct err *e)
{
	struct limit *in = arg;
	int r = check_subject(c, in, e);

	return r < 0 ? r : rows_create_in(&limits, c, in, &in->id, e);
}

int limits_create(struct db *db, const struct limit *in, atelier_id *ret_id, struct err *e)
{
	struct limit copy = *in;
	int r;

	if (!copy.model)
		copy.model = "";
	r = db_write(db, create_in, &copy, e);
	if (r == 0)
		*ret_id = copy.id;
	return r;
}

int limits_set_amount(struct db *db, atelier_id id, int64_t amount, struct err *e)
{
	return rows_set(&limits, db, &(struct limit){.id = id, .amount = amount}, e); /* all else is written once */
}

int limits_delete(struct db *db, atelier_id id, struct err *e)
{
	return rows_delete(&limits, db, id, e);
}
