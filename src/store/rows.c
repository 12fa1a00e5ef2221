/*
 * rows.c - rows of a table as structs.
 *
 * The statements are written anew for each call into a buffer on the stack, which costs less than looking them up would:
 * the connection keeps the compiled ones by their text. What is long of them, the list of columns, is kept.
 */
#include "store/rows.h"

#include <stdatomic.h>

#include "store/store_priv.h"

#define SQL_MAX  3072
#define COLS_MAX 32

/* A statement of a descriptor; one that does not fit is a mistake in a table. */
struct sql {
	char text[SQL_MAX];
	size_t n;
};

static void put_n(struct sql *s, const char *text, size_t n)
{
	ASSERT(s->n + n < sizeof(s->text));
	memcpy(s->text + s->n, text, n);
	s->n += n;
	s->text[s->n] = '\0';
}

static void put_all(struct sql *s, const char *const *texts)
{
	for (; *texts; texts++)
		put_n(s, *texts, strlen(*texts));
}
#define put(s, ...)   put_all((s), (const char *const[]){__VA_ARGS__, NULL})
#define begin(s, ...) ((s)->n = 0, put((s), __VA_ARGS__))

/* The columns that are read; those of the table itself under its name, since the tail may join others. */
static void write_columns(struct sql *s, const struct rows_table *t)
{
	const char *between = "";

	for (size_t i = 0; i < t->n_cols; i++) {
		const struct col *col = &t->cols[i];

		ASSERT(col->name && col->offset < t->size);
		if (col->flags & COL_BLIND)
			continue;
		put(s, between);
		if (!(col->flags & COL_SEEN))
			put(s, t->name, ".");
		put(s, col->name);
		between = ", ";
	}
}

/* For as long as the program runs; any thread. */
struct rows_list {
	size_t n;
	char text[];
};

static void add_columns(struct sql *s, const struct rows_table *t)
{
	struct rows_list *list = t->list ? atomic_load_explicit(t->list, memory_order_acquire) : NULL, *none = NULL;
	size_t from = s->n;

	if (list) {
		put_n(s, list->text, list->n);
		return;
	}
	write_columns(s, t);
	if (!t->list)
		return;
	list = xcalloc(1, sizeof(*list) + s->n - from);
	list->n = s->n - from;
	memcpy(list->text, s->text + from, list->n);
	if (!atomic_compare_exchange_strong(t->list, &none, list)) /* another thread was first */
		free(list);
}

static void add_select(struct sql *s, const struct rows_table *t, const char *tail)
{
	ASSERT(t->n_cols > 0 && t->n_cols <= COLS_MAX);
	begin(s, "SELECT ");
	add_columns(s, t);
	put(s, " FROM ", t->name, " ", tail);
}

/* ---- reading ---- */

static void read_col(struct store_reader *rd, const struct col *col, int at, char *row)
{
	void *to = row + col->offset;
	bool null = db_is_null(rd->rows, at);

	ASSERT(!(col->flags & COL_BLIND) && col->type != COL_FOLD); /* are only written */
	switch (col->type) {
	case COL_I64:
	case COL_REF:
		*(int64_t *)to = null ? 0 : db_i64(rd->rows, at);
		break;
	case COL_OPT:
		*(int64_t *)to = null ? -1 : db_i64(rd->rows, at);
		break;
	case COL_BOOL:
		*(bool *)to = !null && db_i64(rd->rows, at) != 0;
		break;
	case COL_TEXT:
		*(const char **)to = store_str(rd, at);
		break;
	case COL_BYTES:
		*(struct str *)to =
			null ? (struct str){NULL, 0} : (struct str){store_str(rd, at), db_bytes(rd->rows, at).n};
		break;
	case COL_FOLD:
		break; /* only written */
	}
}

/* The present row, its columns from `first` on. Returns the column behind them, or negative. */
static int read_row(const struct rows_table *t, const struct db_rows *rows, int first, struct arena *a, void *ret_row,
	struct err *e)
{
	struct store_reader rd = {.rows = rows, .a = a};
	int at = first, r;

	memset(ret_row, 0, t->size);
	for (size_t i = 0; i < t->n_cols; i++) {
		if (!(t->cols[i].flags & COL_BLIND))
			read_col(&rd, &t->cols[i], at++, ret_row);
	}
	r = store_reader_end(&rd, e);
	return r < 0 ? r : at;
}

static int read_all(const struct rows_table *t, struct db_conn *c, struct arena *a, void *ret_items, size_t *ret_n,
	struct err *e, const char *sql, const struct db_param *params, size_t n)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	struct store_list l = {.size = t->size};
	int r = db_query_params(c, &rows, e, sql, params, n);

	if (r < 0)
		return r;
	while ((r = db_next(rows, e)) > 0) {
		void *row = store_push(&l, a);

		if (!row)
			return store_full(e);
		r = read_row(t, rows, 0, a, row, e);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return r;
	memcpy(ret_items, &l.items, sizeof(l.items));
	*ret_n = l.n;
	return 0;
}

int rows_all_params(const struct rows_table *t, struct db_conn *c, struct arena *a, void *ret_items, size_t *ret_n,
	struct err *e, const char *tail, const struct db_param *params, size_t n)
{
	struct sql s;

	add_select(&s, t, tail);
	return read_all(t, c, a, ret_items, ret_n, e, s.text, params, n);
}

int rows_from_params(const struct rows_table *t, struct db_conn *c, struct arena *a, void *ret_items, size_t *ret_n,
	struct err *e, const char *head, const char *from, const struct db_param *params, size_t n)
{
	struct sql s;

	begin(&s, head, " SELECT ");
	add_columns(&s, t);
	put(&s, " FROM ", from);
	return read_all(t, c, a, ret_items, ret_n, e, s.text, params, n);
}

int rows_first_params(const struct rows_table *t, struct db_conn *c, struct arena *a, void *ret_row, struct err *e,
	const char *tail, const struct db_param *params, size_t n)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	struct sql s;
	int r;

	ASSERT(t->missing);
	add_select(&s, t, tail);
	r = store_first(c, &rows, t->missing, e, s.text, params, n);
	if (r == 0)
		r = read_row(t, rows, 0, a, ret_row, e);
	return r < 0 ? r : 0;
}

int rows_pair_params(const struct rows_table *const t[2], struct db_conn *c, struct arena *a, void *const ret_row[2],
	struct err *e, const char *tail, const struct db_param *params, size_t n)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	struct sql s;
	int r;

	ASSERT(t[0]->n_cols > 0 && t[1]->n_cols > 0);
	begin(&s, "SELECT ");
	add_columns(&s, t[0]);
	put(&s, ", ");
	add_columns(&s, t[1]);
	put(&s, " FROM ", t[0]->name, " ", tail);
	r = store_row(c, &rows, e, s.text, params, n);
	if (r <= 0)
		return r;
	r = read_row(t[0], rows, 0, a, ret_row[0], e);
	if (r > 0)
		r = read_row(t[1], rows, r, a, ret_row[1], e);
	return r < 0 ? r : 1;
}

int rows_list(
	const struct rows_table *t, struct db_conn *c, struct arena *a, void *ret_items, size_t *ret_n, struct err *e)
{
	struct sql tail;

	ASSERT(t->order);
	begin(&tail, "ORDER BY ", t->order);
	return rows_all_params(t, c, a, ret_items, ret_n, e, tail.text, NULL, 0);
}

int rows_get(
	const struct rows_table *t, struct db_conn *c, atelier_id id, struct arena *a, void *ret_row, struct err *e)
{
	return rows_first(t, c, a, ret_row, e, "WHERE id = ?", DB_I64(id));
}

/* ---- writing ---- */

/* The values of a statement; the folded name among them is on the heap. */
struct values {
	struct db_param params[COLS_MAX];
	size_t n;
	char *folded;
};

static void values_done(struct values *v)
{
	free(v->folded);
}

static struct db_param value_of(const struct col *col, const void *row, struct values *v)
{
	const void *at = (const char *)row + col->offset;

	ASSERT(!(col->flags & COL_SEEN)); /* is only read */
	if (col->flags & COL_NOW)
		return DB_I64(clock_now_ms());
	switch (col->type) {
	case COL_I64:
		return DB_I64(*(const int64_t *)at);
	case COL_REF:
		return *(const int64_t *)at == 0 ? DB_NULL : DB_I64(*(const int64_t *)at);
	case COL_OPT:
		return *(const int64_t *)at < 0 ? DB_NULL : DB_I64(*(const int64_t *)at);
	case COL_BOOL:
		return DB_I64(*(const bool *)at);
	case COL_TEXT:
		return DB_TEXT(*(const char *const *)at);
	case COL_BYTES: {
		const struct str *s = at;
		return s->p ? DB_BLOB(s->p, s->n) : DB_NULL;
	}
	case COL_FOLD:
		free(v->folded);
		v->folded = store_fold(*(const char *const *)at);
		return DB_TEXT(v->folded);
	}
	return DB_NULL;
}

/* Adds the columns that are written, without the id and those with a flag of `but`, and gathers their values. */
static void add_written(
	struct sql *s, const struct rows_table *t, const void *row, unsigned but, bool assign, struct values *v)
{
	for (size_t i = 1; i < t->n_cols; i++) {
		const struct col *col = &t->cols[i];

		if (col->flags & but)
			continue;
		ASSERT(v->n < COLS_MAX);
		put(s, ", ", col->name, assign ? " = ?" : "");
		v->params[v->n++] = value_of(col, row, v);
	}
}

int rows_create_in(const struct rows_table *t, struct db_conn *c, const void *row, atelier_id *ret_id, struct err *e)
{
	CLEANUP(values_done) struct values v = {.n = 1}; /* the first is the new id */
	struct sql s;
	int r;

	ASSERT(db_is_writing(c));
	begin(&s, "INSERT INTO ", t->name, " (", t->cols[0].name);
	add_written(&s, t, row, COL_SEEN, false, &v);
	put(&s, ") VALUES (?");
	for (size_t i = 1; i < v.n; i++)
		put(&s, ", ?");
	put(&s, ")");
	r = store_insert(c, ret_id, e, s.text, v.params, v.n);
	return t->conflict ? store_conflict(r, e, "%s", t->conflict) : r;
}

int rows_set_in(const struct rows_table *t, struct db_conn *c, const void *row, struct err *e)
{
	CLEANUP(values_done) struct values v = {.n = 0};
	struct sql s;
	int r;

	ASSERT(db_is_writing(c));
	/* The id is set to itself, so that all others can follow a comma. */
	begin(&s, "UPDATE ", t->name, " SET id = id");
	add_written(&s, t, row, COL_SEEN | COL_KEPT, true, &v);
	put(&s, " WHERE id = ?");
	ASSERT(v.n < COLS_MAX && t->cols[0].type == COL_I64);
	v.params[v.n++] = DB_I64(*(const atelier_id *)(const void *)((const char *)row + t->cols[0].offset));
	r = store_exec(c, t->missing, e, s.text, v.params, v.n);
	return t->conflict ? store_conflict(r, e, "%s", t->conflict) : r;
}

/* A statement of the row of an id: the table's name stands between `verb` and `what`. */
static int do_to(
	const struct rows_table *t, struct db_conn *c, const char *verb, const char *what, atelier_id id, struct err *e)
{
	struct sql s;

	ASSERT(db_is_writing(c));
	begin(&s, verb, t->name, what, " WHERE id = ?");
	return STORE_EXEC(c, t->missing, e, s.text, DB_I64(id));
}

int rows_delete_in(const struct rows_table *t, struct db_conn *c, atelier_id id, struct err *e)
{
	return do_to(t, c, "DELETE FROM ", "", id, e);
}

int rows_lock(const struct rows_table *t, struct db_conn *c, atelier_id id, struct err *e)
{
	return do_to(t, c, "UPDATE ", " SET id = id", id, e);
}

/* ---- each in a transaction of its own ---- */

struct write {
	const struct rows_table *t;
	const void *row;
	atelier_id id;
	const struct rows_edit *edit;
	void *ret_row;
};

static int create_write(struct db_conn *c, void *arg, struct err *e)
{
	struct write *w = arg;

	return rows_create_in(w->t, c, w->row, &w->id, e);
}

static int set_write(struct db_conn *c, void *arg, struct err *e)
{
	const struct write *w = arg;

	return rows_set_in(w->t, c, w->row, e);
}

static int delete_write(struct db_conn *c, void *arg, struct err *e)
{
	const struct write *w = arg;

	return rows_delete_in(w->t, c, w->id, e);
}

static int edit_write(struct db_conn *c, void *arg, struct err *e)
{
	const struct write *w = arg;
	const struct rows_edit *x = w->edit;
	int r = rows_lock(w->t, c, x->id, e);

	ASSERT(db_is_writing(c));
	ASSERT(x->edit);
	if (r == 0)
		r = rows_get(w->t, c, x->id, x->a, w->ret_row, e);
	if (r == 0)
		r = x->edit(w->ret_row, x->arg, e);
	return r < 0 ? r : rows_set_in(w->t, c, w->ret_row, e);
}

int rows_create(const struct rows_table *t, struct db *db, const void *row, atelier_id *ret_id, struct err *e)
{
	struct write w = {.t = t, .row = row};

	return store_make(db, create_write, &w, &w.id, ret_id, e);
}

int rows_set(const struct rows_table *t, struct db *db, const void *row, struct err *e)
{
	return store_apply(db, set_write, &(struct write){.t = t, .row = row}, e);
}

int rows_delete(const struct rows_table *t, struct db *db, atelier_id id, struct err *e)
{
	return store_apply(db, delete_write, &(struct write){.t = t, .id = id}, e);
}

int rows_edit(const struct rows_table *t, struct db *db, const struct rows_edit *x, void *ret_row, struct err *e)
{
	return store_apply(db, edit_write, &(struct write){.t = t, .edit = x, .ret_row = ret_row}, e);
}
