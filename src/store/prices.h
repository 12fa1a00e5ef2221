/* prices.h - what models cost, in micro-units of the currency. Which price counts is decided in call/. */
#pragma once

#include "store/rows.h"

struct price {
	atelier_id id;
	const char *pattern;                 /* of provider/model, with * and ? */
	int64_t input_micros, output_micros; /* per million tokens */
	int64_t cached_micros;               /* the same, of input the provider had read before; -1: as input */
	int64_t request_micros;              /* for each call */
};

struct price_list ROWS_OF(struct price);

extern const struct rows_table prices_table; /* lists are by pattern, which is unique */
ROWS_LIST(prices_list, prices_table, struct price_list)
ROWS_CREATE(prices_create, prices_table, struct price)
ROWS_EDIT(prices_edit, prices_table, struct price)
ROWS_DELETE(prices_delete, prices_table)
