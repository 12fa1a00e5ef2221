/* prices.c - what models cost. */
#include "store/prices.h"

#define P struct price
static const struct col columns[] = {COL(I64, P, id), COL(TEXT, P, pattern), COL(I64, P, input_micros),
	COL(OPT, P, cached_micros), COL(I64, P, output_micros), COL(I64, P, request_micros), COL_TOUCHED("updated_at")};
#undef P

const struct rows_table prices_table = {"prices", "pattern", "There is no such price.",
	"There is a price for this pattern already.", TABLE(struct price, columns)};
