/* limits.c - limits as they are set. */
#include "store/limits.h"
#include "store/store_priv.h"

#define NO_LIMIT "There is no such limit."
#define SELECT                                                                                                         \
	"SELECT l.id, l.subject, l.subject_id, coalesce(u.name, g.name, k.name), l.model, l.measure, l.period,"        \
	" l.amount FROM limits l LEFT JOIN users u ON l.subject = 'user' AND u.id = l.subject_id"                      \
	" LEFT JOIN groups g ON l.subject = 'group' AND g.id = l.subject_id"                                           \
	" LEFT JOIN api_keys k ON l.subject = 'key' AND k.id = l.subject_id"

static void read_limit(struct store_reader *rd, struct limit *l)
{
	*l = (struct limit){
		.id = db_i64(rd->rows, 0),
		.subject = store_str(rd, 1),
		.subject_id = db_i64(rd->rows, 2),
		.subject_name = store_str(rd, 3),
		.model = store_str(rd, 4),
		.measure = store_str(rd, 5),
		.period = store_str(rd, 6),
		.amount = db_i64(rd->rows, 7),
	};
}

int limits_list(struct db_conn *c, struct arena *a, struct limit_list *ret, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	struct store_list l = {.size = sizeof(struct limit)};
	struct store_reader rd = {.a = a};
	int r;

	r = db_query(c, &rows, e, SELECT " ORDER BY l.id");
	if (r < 0)
		return r;
	rd.rows = rows;
	while ((r = db_next(rows, e)) > 0) {
		struct limit *x = store_push(&l, a);

		if (!x)
			return store_full(e);
		read_limit(&rd, x);
	}
	if (r == 0)
		r = store_reader_end(&rd, e);
	if (r == 0)
		*ret = (struct limit_list){l.items, l.n};
	return r;
}

int limits_get(struct db_conn *c, atelier_id id, struct arena *a, struct limit *ret, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	struct store_reader rd = {.a = a};
	struct limit l;
	int r;

	r = STORE_FIRST(c, &rows, NO_LIMIT, e, SELECT " WHERE l.id = ?", DB_I64(id));
	if (r < 0)
		return r;
	rd.rows = rows;
	read_limit(&rd, &l);
	r = store_reader_end(&rd, e);
	if (r == 0)
		*ret = l;
	return r;
}

struct change {
	const struct limit *in;
	atelier_id id;
	int64_t amount;
};

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

	for (size_t i = 0; i < N_ELEMENTS(tables); i++) {
		CLEANUP(db_rows_donep) struct db_rows *rows = NULL;

		if (strcmp(tables[i].subject, in->subject) == 0)
			return STORE_FIRST(c, &rows, tables[i].missing, e, tables[i].sql, DB_I64(in->subject_id));
	}
	return 0;
}

static int create_in(struct db_conn *c, void *arg, struct err *e)
{
	struct change *x = arg;
	const struct limit *in = x->in;
	int64_t now = clock_now_ms();
	int r = check_subject(c, in, e);

	if (r < 0)
		return r;
	r = STORE_INSERT(c, &x->id, e,
		"INSERT INTO limits (id, subject, subject_id, model, measure, period, amount, created_at, updated_at)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
		DB_TEXT(in->subject), DB_I64(in->subject_id), DB_TEXT(in->model), DB_TEXT(in->measure),
		DB_TEXT(in->period), DB_I64(in->amount), DB_I64(now), DB_I64(now));
	return store_conflict(r, e, "There is such a limit already; change its amount.");
}

int limits_create(struct db *db, const struct limit *in, atelier_id *ret_id, struct err *e)
{
	struct limit copy = *in;
	struct change x = {.in = &copy};
	int r;

	if (!copy.model)
		copy.model = "";
	r = db_write(db, create_in, &x, e);
	if (r == 0)
		*ret_id = x.id;
	return r;
}

static int changed(int r, int64_t n, struct err *e)
{
	if (r < 0)
		return r;
	return n ? 0 : err_set(e, E_NOT_FOUND, NO_LIMIT);
}

static int set_amount_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct change *x = arg;
	int64_t n = 0;
	int r = db_exec(c, &n, e, "UPDATE limits SET amount = ?, updated_at = ? WHERE id = ?", DB_I64(x->amount),
		DB_I64(clock_now_ms()), DB_I64(x->id));

	return changed(r, n, e);
}

int limits_set_amount(struct db *db, atelier_id id, int64_t amount, struct err *e)
{
	struct change x = {.id = id, .amount = amount};

	return db_write(db, set_amount_in, &x, e);
}

static int delete_in(struct db_conn *c, void *arg, struct err *e)
{
	int64_t n = 0;
	int r = db_exec(c, &n, e, "DELETE FROM limits WHERE id = ?", DB_I64(*(const atelier_id *)arg));

	return changed(r, n, e);
}

int limits_delete(struct db *db, atelier_id id, struct err *e)
{
	return db_write(db, delete_in, &id, e);
}
