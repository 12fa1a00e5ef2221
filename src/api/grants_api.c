/* grants_api.c - who may use which model and which provider, for administrators. */
#include "api/answer.h"
#include "api/request.h"
#include "api/shared.h"
#include "store/grants.h"

#define NAME_MAX_N   200
#define SUBJECTS_MAX 1000
#define KINDS        "model provider"
#define A_KIND       "What it is."
#define A_NAME       "Id of the model, or name of the provider."

struct grant_item {
	const char *subject, *subject_name;
	atelier_id subject_id;
};

#define G struct grant_item
static const struct field item_fields[] = {
	FIELD_ENUM(G, subject, "subject", GRANT_SUBJECTS, FIELD_REQUIRED, "Who."),
	FIELD_ID(G, subject_id, "subject_id", 0, "The user or group; null: everyone."),
	FIELD_STR(G, subject_name, "subject_name", 0, 0, 0, "Its name; null: everyone."),
};
static const struct schema item_schema = SCHEMA("Grant", G, item_fields, "Who may use something.");
static const struct field new_item_fields[] = {
	FIELD_ENUM(G, subject, "subject", GRANT_SUBJECTS, FIELD_REQUIRED, "Who."),
	FIELD_ID(G, subject_id, "subject_id", 0, "The user or group; not of everyone."),
};
static const struct schema new_item_schema = {
	.name = "GrantNew",
	.size = sizeof(G),
	.fields = new_item_fields,
	.n_fields = N_ELEMENTS(new_item_fields),
	.doc = "Who shall use something.",
	.rule = SUBJECT_RULE,
};
#undef G

struct grants {
	const char *kind, *name;
	struct schema_list grants;
};

enum { GIVEN_GRANTS = 4 }; /* of edit_fields, the third */

static const struct field grants_fields[] = {
	FIELD_ENUM(struct grants, kind, "kind", KINDS, FIELD_REQUIRED, A_KIND),
	FIELD_STR(struct grants, name, "name", 0, 0, FIELD_REQUIRED, A_NAME),
	FIELD_LIST(struct grants, grants, "grants", &item_schema, 0, FIELD_REQUIRED,
		"Who may use it, beside administrators; empty: nobody."),
};
static const struct schema grants_schema =
	SCHEMA("Grants", struct grants, grants_fields, "Something that is not for everybody, and who may use it.");
LIST_SCHEMA(grants_list_schema, "GrantsList", &grants_schema, "By kind and name.",
	"What is not for everybody; all other models and providers are.");

static const struct field edit_fields[] = {
	FIELD_ENUM(struct grants, kind, "kind", KINDS, FIELD_REQUIRED, A_KIND),
	FIELD_STR(struct grants, name, "name", 1, NAME_MAX_N, FIELD_REQUIRED, A_NAME),
	FIELD(FT_LIST, struct grants, grants, "grants", .sub = &new_item_schema, .max = SUBJECTS_MAX,
		.doc = "Who may use it, beside administrators; null: everybody, as of all that nothing is said of."),
};
static const struct schema grants_edit_schema =
	SCHEMA("GrantsEdit", struct grants, edit_fields, "Who shall use a model or a provider.");

static bool is_same(const struct grants *g, const struct grant *row)
{
	return strcmp(g->kind, row->kind) == 0 && strcmp(g->name, row->resource_name) == 0;
}

/* Rows, by thing, as things with their grants. */
static int answer_rows(struct request *q, const struct grant_list *rows, struct grants **ret, size_t *ret_n)
{
	struct grants *things = ARENA_ARRAY(&q->mem, struct grants, rows->n + 1);
	struct grant_item *items = ARENA_ARRAY(&q->mem, struct grant_item, rows->n + 1);
	size_t n = 0;

	if (!things || !items)
		return request_no_memory(q);
	for (size_t i = 0; i < rows->n; i++) {
		const struct grant *row = &rows->items[i];

		if (!*row->resource_name) /* somebody's own, which says itself who has it */
			continue;
		if (n == 0 || !is_same(&things[n - 1], row))
			things[n++] = (struct grants){row->kind, row->resource_name, {items, 0}};
		if (strcmp(row->subject, "nobody") == 0)
			continue;
		*items++ = (struct grant_item){row->subject, row->subject_name, row->subject_id};
		things[n - 1].grants.n++;
	}
	*ret = things;
	*ret_n = n;
	return 0;
}

static int load(struct request *q, const struct grant_place *of, struct grants **ret, size_t *ret_n)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	struct grant_list rows;
	int r = grants_list(c, of, &q->mem, &rows, &q->err);

	return r < 0 ? r : answer_rows(q, &rows, ret, ret_n);
}

static int grants_get_all(struct request *q)
{
	struct grants *things = NULL;
	size_t n = 0;
	int r = load(q, NULL, &things, &n);

	return r < 0 ? r : answer_list(q, things, n, NULL);
}

/* The body's list as grants of the verb "use": there is nothing else to be done with a model. */
static int read_grants(struct request *q, const struct grants *in, struct grant **ret)
{
	const struct grant_item *items = in->grants.items;
	struct grant *grants = ARENA_ARRAY(&q->mem, struct grant, in->grants.n + 1);
	int r;

	if (!grants)
		return request_no_memory(q);
	for (size_t i = 0; i < in->grants.n; i++) {
		if ((r = shared_check_subject(q, i, items[i].subject, items[i].subject_id)) < 0)
			return r;
		grants[i] = (struct grant){
			.subject = items[i].subject, .subject_id = items[i].subject_id, .verb = GRANT_USE};
	}
	*ret = grants;
	return 0;
}

static int grants_put(struct request *q)
{
	const struct grants *in = q->body;
	const struct grant_place of = {.kind = in->kind, .name = in->name};
	struct grants *things = NULL, *nothing = ARENA_NEW(&q->mem, struct grants);
	struct grant *grants = NULL;
	size_t n = 0;
	int r = read_grants(q, in, &grants);

	ASSERT(request_bit_is(q, GIVEN_GRANTS, "grants"));
	if (r == 0)
		r = q->given & GIVEN_GRANTS ? grants_set(q->api->c.db, &of, grants, in->grants.n, &q->err)
					    : grants_clear(q->api->c.db, &of, &q->err);
	if (r < 0)
		return r;
	request_audit(q, "who may use the %s %s is said anew", in->kind, in->name);
	r = load(q, &of, &things, &n);
	if (r < 0)
		return r;
	if (!nothing)
		return request_no_memory(q);
	*nothing = (struct grants){.kind = in->kind, .name = in->name};
	q->answer = n > 0 ? things : nothing;
	return 0;
}

/* clang-format off */
static const struct route routes[] = {
	{"GET", V1 "/grants", "listGrants", grants_get_all, ACCESS_ADMIN, .status = 200,
		.answer = &grants_list_schema, .summary = "Models and providers that are not for everybody, and who may use them."},
	{"PUT", V1 "/grants", "setGrants", grants_put, ACCESS_ADMIN, .status = 200,
		.body = &grants_edit_schema, .answer = &grants_schema, FAILS(E_CONFLICT, E_NOT_FOUND),
		.summary = "Say who may use a model or a provider; it counts from the next call on."},
};
/* clang-format on */
const struct route_set grants_routes = ROUTES_CHANGING(routes, CHANGES(GRANTS));
