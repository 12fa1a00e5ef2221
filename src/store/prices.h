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

struct price_list {
	struct price *items;
	size_t n;
};

/* By pattern. */
int prices_list(struct db_conn *c, struct arena *a, struct price_list *ret, struct err *e) MUST_CHECK;

/* E_CONFLICT, with a sentence, when the pattern has a price already. `id` of what is given does not count. */
int prices_create(struct db *db, const struct price *in, atelier_id *ret_id, struct err *e) MUST_CHECK;

/* E_NOT_FOUND, E_CONFLICT, or what the edit says. */
int prices_edit(struct db *db, const struct rows_edit *x, struct price *ret, struct err *e) MUST_CHECK;
int prices_delete(struct db *db, atelier_id id, struct err *e) MUST_CHECK; /* E_NOT_FOUND */
