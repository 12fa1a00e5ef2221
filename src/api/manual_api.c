/* manual_api.c - the manual that the Librarian answers from, to read. */
#include "api/request.h"
#include "store/manual.h"

static const struct field title_fields[] = {
	FIELD_STR(struct manual_page, slug, "slug", 0, 0, FIELD_REQUIRED, "Name in addresses."),
	FIELD_STR(struct manual_page, title, "title", 0, 0, FIELD_REQUIRED, "Title."),
};
static const struct schema manual_title_schema =
	SCHEMA("ManualTitle", struct manual_page, title_fields, "A page of the manual, without its text.");

static const struct field page_fields[] = {
	FIELD_STR(struct manual_page, slug, "slug", 0, 0, FIELD_REQUIRED, "Name in addresses."),
	FIELD_STR(struct manual_page, title, "title", 0, 0, FIELD_REQUIRED, "Title."),
	FIELD_TEXT(struct manual_page, body, "body", 0, 0, FIELD_REQUIRED, "Markdown."),
};
static const struct schema manual_page_schema =
	SCHEMA("ManualPage", struct manual_page, page_fields, "A page of the manual.");

struct manual_answer {
	struct schema_list items;
};

static const struct field manual_fields[] = {
	FIELD_LIST(struct manual_answer, items, "items", &manual_title_schema, 0, FIELD_REQUIRED, "In reading order."),
};
static const struct schema manual_list_schema =
	SCHEMA("Manual", struct manual_answer, manual_fields, "The pages of the manual.");

static int manual_get_all(struct request *q)
{
	struct manual_answer *out = ARENA_NEW(&q->mem, struct manual_answer);
	struct manual_page_list list;

	if (!out)
		return request_no_memory(q);
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	int r = manual_list(c, &q->mem, &list, &q->err);
	if (r < 0)
		return r;
	out->items = (struct schema_list){list.items, list.n};
	q->answer = out;
	return 0;
}

static int manual_get(struct request *q)
{
	struct manual_page *out = ARENA_NEW(&q->mem, struct manual_page);

	if (!out)
		return request_no_memory(q);
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	q->answer = out;
	return manual_page(c, q->arg, &q->mem, out, &q->err);
}

/* clang-format off */
static const struct route routes[] = {
	{"GET", V1 "/manual", "listManual", manual_get_all, ACCESS_USER, .status = 200,
		.answer = &manual_list_schema, .summary = "The pages of the manual."},
	{"GET", V1 "/manual/{slug}", "getManualPage", manual_get, ACCESS_USER, .status = 200,
		.answer = &manual_page_schema, .summary = "One page of the manual."},
};
/* clang-format on */
const struct route_set manual_routes = ROUTES(routes);
