/* principals_api.c - whom something can be shared with, for everybody who has something to share. */
#include "api/answer.h"
#include "api/request.h"
#include "store/principals.h"

#define P struct principal
static const struct field principal_fields[] = {
	FIELD_ENUM(P, subject, "subject", "group user", FIELD_REQUIRED, "What it is, as of a share."),
	FIELD_ID(P, id, "id", FIELD_REQUIRED, "The `subject_id` of a share."),
	FIELD_STR(P, name, "name", 0, 0, FIELD_REQUIRED, "Its name; no other of its kind has the same."),
	FIELD_STR(P, display_name, "display_name", 0, 0, 0, "A person's name to show; null: the same."),
};
#undef P
static const struct schema principal_schema =
	SCHEMA("Principal", struct principal, principal_fields, "Somebody to share with.");
LIST_SCHEMA(principal_page_schema, "PrincipalPage", &principal_schema, "Groups, then people, by name.",
	"Whom something can be shared with.");

/* A cursor is the place of the last item: its rank, its id, its key. An empty one is none. */
#define CURSOR_PATTERN "^((?![^a]|a)|[01](?!0{13})[0-7][0-9a-hjkmnp-tv-z]{12})"
static int cursor_parse(struct request *q, const char *text, struct principal *ret)
{
	if (strlen(text) <= ID_LEN || (text[0] != '0' && text[0] != '1') || !id_parse(text + 1, ID_LEN, &ret->id))
		return err_field(&q->err, E_INVALID, "cursor", "is not one that a list gave.");
	ret->rank = text[0] - '0';
	ret->key = text + 1 + ID_LEN;
	return 0;
}

static const char *cursor_format(struct request *q, const struct principal *last)
{
	char id[ID_LEN + 1];

	id_format(last->id, id);
	return arena_printf(&q->mem, "%d%s%s", (int)last->rank, id, last->key);
}

/* Where people are not to find each other, administrators still do. */
static int check_open(struct request *q)
{
	return q->api->c.settings->directory || user_is_admin(&q->who.user)
		       ? 0
		       : err_set(&q->err, E_FORBIDDEN, "Names of other people are not told here.");
}

static int principals_get_all(struct request *q)
{
	const char *search = http_query(q->x, "search"), *cursor = http_query(q->x, "cursor");
	struct principal after = {0};
	struct principal_list l = {0};
	int64_t limit;
	int r = check_open(q);

	if (r == 0)
		r = request_i64(q, "limit", &limit);
	if (r == 0 && cursor && *cursor)
		r = cursor_parse(q, cursor, &after);
	if (r == 0) {
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
		r = principals_list(c, q->who.user.id, search ? search : "", after.key ? &after : NULL, (size_t)limit,
			&q->mem, &l, &q->err);
	}
	return r < 0 ? r : answer_list(q, l.items, l.n, l.more ? cursor_format(q, &l.items[l.n - 1]) : NULL);
}

static const struct param principal_params[] = {
	{.name = "search", .type = PARAM_STR, .max = 100, .doc = "Only those with this in one of their names."},
	{.name = "cursor", .type = PARAM_STR, .pattern = CURSOR_PATTERN, .doc = "`next` of the page before."},
	{.name = "limit", .type = PARAM_I64, .min = 1, .max = 100, .otherwise = 20, .doc = "Items of a page."},
};

static const struct route routes[] = {
	{"GET", V1 "/principals", "listPrincipals", principals_get_all, ACCESS_USER, .status = 200,
		PARAMS(principal_params), .answer = &principal_page_schema,
		.summary = "Groups and people that something can be shared with."},
};
const struct route_set principals_routes = ROUTES(routes);
