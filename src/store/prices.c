/* prices.c - what models cost. */
#include "store/prices.h"
#include "store/store_priv.h"

#define NO_PRICE "There is no such price."
#define COLUMNS  "id, pattern, input_micros, output_micros, coalesce(cached_micros, -1), request_micros"

static void read_price(struct store_reader *rd, struct price *p)
{
	*p = (struct price){
		.id = db_i64(rd->rows, 0),
		.pattern = store_str(rd, 1),
		.input_micros = db_i64(rd->rows, 2),
		.output_micros = db_i64(rd->rows, 3),
		.cached_micros = db_i64(rd->rows, 4),
		.request_micros = db_i64(rd->rows, 5),
	};
}

int prices_list(struct db_conn *c, struct arena *a, struct price_list *ret, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	struct store_list l = {.size = sizeof(struct price)};
	struct store_reader rd = {.a = a};
	int r;

	r = db_query(c, &rows, e, "SELECT " COLUMNS " FROM prices ORDER BY pattern");
	if (r < 0)
		return r;
	rd.rows = rows;
	while ((r = db_next(rows, e)) > 0) {
		struct price *p = store_push(&l, a);

		if (!p)
			return store_full(e);
		read_price(&rd, p);
	}
	if (r == 0)
		r = store_reader_end(&rd, e);
	if (r == 0)
		*ret = (struct price_list){l.items, l.n};
	return r;
}

int prices_get(struct db_conn *c, atelier_id id, struct arena *a, struct price *ret, struct err *e)
{
	CLEANUP(db_rows_donep) struct db_rows *rows = NULL;
	struct store_reader rd = {.a = a};
	struct price p;
	int r;

	r = STORE_FIRST(c, &rows, NO_PRICE, e, "SELECT " COLUMNS " FROM prices WHERE id = ?", DB_I64(id));
	if (r < 0)
		return r;
	rd.rows = rows;
	read_price(&rd, &p);
	r = store_reader_end(&rd, e);
	if (r == 0)
		*ret = p;
	return r;
}

struct change {
	const struct price *in;
	atelier_id id;
};

static struct db_param cached(const struct price *p)
{
	return p->cached_micros < 0 ? DB_NULL : DB_I64(p->cached_micros);
}

static int is_there(int r, const struct price *p, struct err *e)
{
	return store_conflict(r, e, "There is a price for %.200s already.", p->pattern);
}

static int create_in(struct db_conn *c, void *arg, struct err *e)
{
	struct change *x = arg;
	const struct price *in = x->in;
	int r = STORE_INSERT(c, &x->id, e,
		"INSERT INTO prices (id, pattern, input_micros, cached_micros, output_micros, request_micros,"
		" updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
		DB_TEXT(in->pattern), DB_I64(in->input_micros), cached(in), DB_I64(in->output_micros),
		DB_I64(in->request_micros), DB_I64(clock_now_ms()));

	return is_there(r, in, e);
}

int prices_create(struct db *db, const struct price *in, atelier_id *ret_id, struct err *e)
{
	struct change x = {.in = in};
	int r = db_write(db, create_in, &x, e);

	if (r == 0)
		*ret_id = x.id;
	return r;
}

static int set_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct change *x = arg;
	const struct price *in = x->in;
	int64_t n = 0;
	int r = db_exec(c, &n, e,
		"UPDATE prices SET pattern = ?, input_micros = ?, cached_micros = ?, output_micros = ?,"
		" request_micros = ?, updated_at = ? WHERE id = ?",
		DB_TEXT(in->pattern), DB_I64(in->input_micros), cached(in), DB_I64(in->output_micros),
		DB_I64(in->request_micros), DB_I64(clock_now_ms()), DB_I64(in->id));

	if (r < 0)
		return is_there(r, in, e);
	return n ? 0 : err_set(e, E_NOT_FOUND, NO_PRICE);
}

int prices_set(struct db *db, const struct price *in, struct err *e)
{
	struct change x = {.in = in};

	return db_write(db, set_in, &x, e);
}

static int delete_in(struct db_conn *c, void *arg, struct err *e)
{
	int64_t n = 0;
	int r = db_exec(c, &n, e, "DELETE FROM prices WHERE id = ?", DB_I64(*(const atelier_id *)arg));

	if (r < 0)
		return r;
	return n ? 0 : err_set(e, E_NOT_FOUND, NO_PRICE);
}

int prices_delete(struct db *db, atelier_id id, struct err *e)
{
	return db_write(db, delete_in, &id, e);
}
