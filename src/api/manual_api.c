/* manual_api.c - the manual that the Librarian answers from, to read. */
#include "api/answer.h"
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

LIST_SCHEMA(manual_list_schema, "Manual", &manual_title_schema, "In reading order.", "The pages of the manual.");

static int manual_get_all(struct request *q)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	struct manual_page_list list;
	int r = manual_list(c, &q->mem, &list, &q->err);

	return r < 0 ? r : answer_list(q, list.items, list.n, NULL);
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
