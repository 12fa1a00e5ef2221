/* prices_api.c - what models cost, for administrators. */
#include "api/answer.h"
#include "api/request.h"
#include "store/prices.h"

#define PATTERN_MAX 200
#define MICROS_MAX  1000000000000000 /* 10^15: a thousand million of the currency */

#define P struct price
static const struct field price_fields[] = {
	FIELD_ID(P, id, "id", FIELD_REQUIRED, "Identifier."),
	FIELD_STR(P, pattern, "pattern", 0, 0, FIELD_REQUIRED,
		"Which models: of provider/model, with * and ?. Of several the one with the fewest wildcards counts, "
		"then "
		"the longest."),
	FIELD_I64(P, input_micros, "input_micros", 0, 0, FIELD_REQUIRED,
		"Millionths of the currency for a million input tokens."),
	FIELD(FT_I64, P, cached_micros, "cached_micros", .flags = FIELD_NULL, .when_null = -1,
		.doc = "The same of those read from the provider's cache; null: as others."),
	FIELD_I64(P, output_micros, "output_micros", 0, 0, FIELD_REQUIRED, "The same of output tokens."),
	FIELD_I64(
		P, request_micros, "request_micros", 0, 0, FIELD_REQUIRED, "Millionths of the currency for each call."),
};
static const struct schema price_schema = SCHEMA("Price", P, price_fields, "What some models cost.");
LIST_SCHEMA(
	price_list_schema, "PriceList", &price_schema, "By pattern.", "All prices.", LIST_CURRENCY("Of all prices."));

#define EDIT(pattern_flags)                                                                                            \
	{                                                                                                              \
		FIELD_STR(P, pattern, "pattern", 1, PATTERN_MAX, (pattern_flags), "Of provider/model, with * and ?."), \
			FIELD_I64(P, input_micros, "input_micros", 0, MICROS_MAX, 0, "For a million input tokens."),   \
			FIELD(FT_I64, P, cached_micros, "cached_micros", .max = MICROS_MAX, .flags = FIELD_NULL,       \
				.when_null = -1,                                                                       \
				.doc = "The same of those read from the provider's cache; null: as others."),          \
			FIELD_I64(                                                                                     \
				P, output_micros, "output_micros", 0, MICROS_MAX, 0, "For a million output tokens."),  \
			FIELD_I64(P, request_micros, "request_micros", 0, MICROS_MAX, 0, "For each call."),            \
	}
static const struct field new_fields[] = EDIT(FIELD_REQUIRED);
static const struct field patch_fields[] = EDIT(0);
static const struct schema price_new_schema = SCHEMA("PriceNew", P, new_fields, "A new price.");
static const struct schema price_patch_schema =
	SCHEMA("PricePatch", P, patch_fields, "What to change; the rest stays.");
#undef P

static int prices_get_all(struct request *q)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	struct price_list list;
	int r = prices_list(c, &q->mem, &list, &q->err);

	return r < 0 ? r : answer_list(q, list.items, list.n, NULL);
}

/* Answers with the price; limits in money count with it from now on. */
static int answer_price(struct request *q, const struct price *p)
{
	q->answer = p;
	return calls_reload(q->api->c.calls, &q->err);
}

static int prices_post(struct request *q)
{
	struct price *p = ARENA_NEW(&q->mem, struct price);
	int r;

	if (!p)
		return request_no_memory(q);
	p->cached_micros = -1;
	request_apply(q, p);
	r = prices_create(q->api->c.db, p, &p->id, &q->err);
	return r < 0 ? r : answer_price(q, p);
}

static int price_patch(struct request *q)
{
	const struct rows_edit edit = {q->arg_id, request_edit, q, &q->mem};
	struct price *p = ARENA_NEW(&q->mem, struct price);
	int r = p ? prices_edit(q->api->c.db, &edit, p, &q->err) : request_no_memory(q);

	return r < 0 ? r : answer_price(q, p);
}

static int price_delete(struct request *q)
{
	int r = prices_delete(q->api->c.db, q->arg_id, &q->err);

	return r < 0 ? r : calls_reload(q->api->c.calls, &q->err);
}

/* clang-format off */
static const struct route routes[] = {
	{"GET", V1 "/prices", "listPrices", prices_get_all, ACCESS_ADMIN, .status = 200,
		.answer = &price_list_schema, .summary = "What models cost."},
	{"POST", V1 "/prices", "createPrice", prices_post, ACCESS_ADMIN, .status = 201,
		.body = &price_new_schema, .answer = &price_schema, FAILS(E_CONFLICT),
		.summary = "Set a price; it counts from the next call on."},
	{"PATCH", V1 "/prices/{id}", "updatePrice", price_patch, ACCESS_ADMIN, .status = 200,
		.body = &price_patch_schema, .answer = &price_schema, FAILS(E_CONFLICT),
		.summary = "Change a price; what is past stays."},
	{"DELETE", V1 "/prices/{id}", "deletePrice", price_delete, ACCESS_ADMIN, .status = 204,
		.summary = "Remove a price."},
};
/* clang-format on */
const struct route_set prices_routes = ROUTES_CHANGING(routes, CHANGES(PRICES));
