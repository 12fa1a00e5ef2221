/* prices.c - what models cost. */
#include "store/prices.h"

#define P struct price
static const struct col columns[] = {COL(I64, P, id), COL(TEXT, P, pattern), COL(I64, P, input_micros),
	COL(OPT, P, cached_micros), COL(I64, P, output_micros), COL(I64, P, request_micros), COL_TOUCHED("updated_at")};
#undef P

static const struct rows_table prices = {"prices", "pattern", "There is no such price.",
	"There is a price for this pattern already.", TABLE(struct price, columns)};

int prices_list(struct db_conn *c, struct arena *a, struct price_list *ret, struct err *e)
{
	return rows_list(&prices, c, a, &ret->items, &ret->n, e);
}

int prices_create(struct db *db, const struct price *in, atelier_id *ret_id, struct err *e)
{
	return rows_create(&prices, db, in, ret_id, e);
}

int prices_edit(struct db *db, const struct rows_edit *x, struct price *ret, struct err *e)
{
	return rows_edit(&prices, db, x, ret, e);
}

int prices_delete(struct db *db, atelier_id id, struct err *e)
{
	return rows_delete(&prices, db, id, e);
}
