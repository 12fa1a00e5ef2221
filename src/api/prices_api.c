/* prices_api.c - what models cost, for administrators. */
#include <stdio.h>

#include "api/answer.h"
#include "api/request.h"
#include "store/prices.h"

#define PATTERN_MAX 200
#define MICROS_MAX  1000000000000000 /* 10^15: a thousand million of the currency */

struct price_answer {
	struct price p;
	bool has_cached;
};

#define P struct price_answer
static const struct field price_fields[] = {
	FIELD_ID(P, p.id, "id", FIELD_REQUIRED, "Identifier."),
	FIELD_STR(P, p.pattern, "pattern", 0, 0, FIELD_REQUIRED,
		"Which models: of provider/model, with * and ?. Of several the one with the fewest wildcards counts, "
		"then "
		"the longest."),
	FIELD_I64(P, p.input_micros, "input_micros", 0, 0, FIELD_REQUIRED,
		"Millionths of the currency for a million tokens read."),
	FIELD_MAYBE(FT_I64, P, p.cached_micros, has_cached, "cached_micros", NULL,
		"The same of those read from the provider's cache; null: as others."),
	FIELD_I64(P, p.output_micros, "output_micros", 0, 0, FIELD_REQUIRED, "The same of those written."),
	FIELD_I64(P, p.request_micros, "request_micros", 0, 0, FIELD_REQUIRED,
		"Millionths of the currency for each call."),
};
static const struct schema price_schema = SCHEMA("Price", P, price_fields, "What some models cost.");
#undef P

struct price_list_answer {
	const char *currency;
	struct schema_list items;
};

static const struct field price_list_fields[] = {
	FIELD_STR(struct price_list_answer, currency, "currency", 0, 0, FIELD_REQUIRED, "Of all prices."),
	FIELD_LIST(struct price_list_answer, items, "items", &price_schema, 0, FIELD_REQUIRED, "By pattern."),
};
static const struct schema price_list_schema =
	SCHEMA("PriceList", struct price_list_answer, price_list_fields, "All prices.");

struct price_edit {
	const char *pattern;
	int64_t input, cached, output, request; /* cached -1: null */
	bool has_input, has_cached, has_output, has_request;
};

#define EDIT(pattern_flags)                                                                                            \
	{                                                                                                              \
		FIELD_STR(struct price_edit, pattern, "pattern", 1, PATTERN_MAX, (pattern_flags),                      \
			"Of provider/model, with * and ?."),                                                           \
			FIELD_HAS(FT_I64, struct price_edit, input, has_input, "input_micros", .max = MICROS_MAX,      \
				.doc = "For a million tokens read."),                                                  \
			FIELD_HAS(FT_I64, struct price_edit, cached, has_cached, "cached_micros", .max = MICROS_MAX,   \
				.when_null = -1,                                                                       \
				.doc = "The same of those read from the provider's cache; null: as others."),          \
			FIELD_HAS(FT_I64, struct price_edit, output, has_output, "output_micros", .max = MICROS_MAX,   \
				.doc = "For a million tokens written."),                                               \
			FIELD_HAS(FT_I64, struct price_edit, request, has_request, "request_micros",                   \
				.max = MICROS_MAX, .doc = "For each call."),                                           \
	}
static const struct field price_new_fields[] = EDIT(FIELD_REQUIRED);
static const struct field price_patch_fields[] = EDIT(0);
static const struct schema price_new_schema = SCHEMA("PriceNew", struct price_edit, price_new_fields, "A new price.");
static const struct schema price_patch_schema =
	SCHEMA("PricePatch", struct price_edit, price_patch_fields, "What to change; the rest stays.");

static void apply(const struct request *q, struct price *p)
{
	const struct price_edit *in = q->body;

	if (in->pattern)
		p->pattern = in->pattern;
	if (in->has_input)
		p->input_micros = in->input;
	if (in->has_output)
		p->output_micros = in->output;
	if (in->has_request)
		p->request_micros = in->request;
	if (in->has_cached)
		p->cached_micros = in->cached;
}

static int answer_price(struct request *q, atelier_id id)
{
	struct price_answer *out = ARENA_NEW(&q->mem, struct price_answer);
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	int r = out ? prices_get(c, id, &q->mem, &out->p, &q->err) : request_no_memory(q);

	if (r < 0)
		return r;
	out->has_cached = out->p.cached_micros >= 0;
	q->answer = out;
	return 0;
}

static int prices_get_all(struct request *q)
{
	struct price_list_answer *out = ARENA_NEW(&q->mem, struct price_list_answer);
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	struct price_list list = {0};
	int r = prices_list(c, &q->mem, &list, &q->err);

	if (r < 0)
		return r;
	struct price_answer *items = ARENA_ARRAY(&q->mem, struct price_answer, MAX(list.n, (size_t)1));
	if (!out || !items)
		return request_no_memory(q);
	for (size_t i = 0; i < list.n; i++)
		items[i] = (struct price_answer){list.items[i], list.items[i].cached_micros >= 0};
	*out = (struct price_list_answer){q->api->c.settings->currency, {items, list.n}};
	q->answer = out;
	return 0;
}

static int prices_post(struct request *q)
{
	struct price p = {.cached_micros = -1};
	atelier_id id = 0;
	int r;

	apply(q, &p);
	r = prices_create(q->api->c.db, &p, &id, &q->err);
	if (r == 0)
		r = calls_reload(q->api->c.calls, &q->err);
	return r < 0 ? r : answer_price(q, id);
}

static int load(struct request *q, struct price *ret)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);

	return prices_get(c, q->arg_id, &q->mem, ret, &q->err);
}

static int price_patch(struct request *q)
{
	struct price p;
	int r = load(q, &p);

	if (r < 0)
		return r;
	apply(q, &p);
	r = prices_set(q->api->c.db, &p, &q->err);
	if (r == 0)
		r = calls_reload(q->api->c.calls, &q->err);
	return r < 0 ? r : answer_price(q, q->arg_id);
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
const struct route_set prices_routes = ROUTES(routes);
