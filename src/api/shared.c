/*
 * shared.c - what can be done with a thing that has an owner and that others may have. The handlers know the resource by their
 * route alone; rows and bodies are bytes whose sizes and members the descriptor tells.
 */
#include "api/shared.h"

#define SUBJECTS_MAX 1000

struct shared_item {
	const char *subject, *subject_name, *verb;
	atelier_id subject_id;
};

#define G struct shared_item
static const struct field item_fields[] = {
	FIELD_ENUM(G, subject, "subject", GRANT_SUBJECTS, FIELD_REQUIRED, "Who."),
	FIELD_ID(G, subject_id, "subject_id", 0, "The user or group; null: everyone."),
	FIELD_STR(G, subject_name, "subject_name", 0, 0, 0, "Its name; null: everyone."),
	FIELD_ENUM(
		G, verb, "verb", GRANT_VERBS, FIELD_REQUIRED, "What they may do; it includes what stands before it."),
};
static const struct schema item_schema = SCHEMA("Share", G, item_fields, "Who has something that is another's.");
static const struct field new_fields[] = {
	FIELD_ENUM(G, subject, "subject", GRANT_SUBJECTS, FIELD_REQUIRED, "Who."),
	FIELD_ID(G, subject_id, "subject_id", 0, "The user or group; not of everyone."),
	FIELD_ENUM(G, verb, "verb", GRANT_VERBS, FIELD_REQUIRED, "What they may do."),
};
static const struct schema new_schema = {
	.name = "ShareNew",
	.size = sizeof(G),
	.fields = new_fields,
	.n_fields = N_ELEMENTS(new_fields),
	.doc = "Who shall have something.",
	.rule = SUBJECT_RULE,
};
#undef G

struct shared {
	struct schema_list grants;
};

static const struct field shared_fields[] = {
	FIELD_LIST(struct shared, grants, "grants", &item_schema, 0, FIELD_REQUIRED, "Who has it beside its owner."),
};
const struct schema shared_grants_schema = SCHEMA("Shares", struct shared, shared_fields, "Who has something.");
static const struct field edit_fields[] = {
	FIELD_LIST(struct shared, grants, "grants", &new_schema, SUBJECTS_MAX, FIELD_REQUIRED,
		"Who shall have it beside its owner; empty: nobody."),
};
const struct schema shared_grants_edit_schema =
	SCHEMA("SharesEdit", struct shared, edit_fields, "Who shall have something, all of them.");

struct rollback {
	int64_t version;
};

static const struct field rollback_fields[] = {
	FIELD_I64(struct rollback, version, "version", 1, INT64_MAX, FIELD_REQUIRED, "Which one."),
};
const struct schema rollback_schema =
	SCHEMA("RollBack", struct rollback, rollback_fields, "A version to go back to; that is a new version.");

const char *shared_may(const struct request *q, atelier_id owner_id, int64_t may)
{
	return owner_id == q->who.user.id ? "own" : grant_verb_name(MAX(may, (int64_t)GRANT_READ));
}

void shared_tell(struct request *q, const struct shared_resource *of, atelier_id id, const char *what)
{
	bus_publish(q->api->c.bus, &(struct bus_event){of->bus, what, q->who.user.id, id, 0});
}

/* Whether anybody beside its owner has it, who then hears of what becomes of it. */
static bool others_have(struct request *q, const struct shared_resource *of, atelier_id id)
{
	const struct grant_place place = {.kind = of->kind->grants, .id = id};
	struct grant_list grants = {.n = 0};
	struct err quiet = {0};

	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	return grants_list(c, &place, &q->mem, &grants, &quiet) < 0 || grants.n > 0;
}

/* ---- answers ---- */

static int read_common(struct request *q, const struct shared_resource *of, struct db_conn *c, atelier_id *ret)
{
	*ret = 0;
	return of->read_common ? of->read_common(q, c, ret) : 0;
}

/* Rows, side by side, as bodies. */
static int fill_all(struct request *q, const struct shared_resource *of, const char *rows, size_t n, atelier_id common,
	struct schema_list *ret)
{
	char *bodies = arena_alloc_array(&q->mem, n + 1, of->body);
	int r = 0;

	ASSERT(rows || n == 0);
	if (!bodies)
		return request_no_memory(q);
	for (size_t i = 0; r == 0 && i < n; i++) {
		memcpy(bodies + i * of->body, rows + i * of->row, of->row);
		r = of->fill(q, common, bodies + i * of->body);
	}
	*ret = (struct schema_list){bodies, n};
	return r;
}

int shared_bodies(struct request *q, const struct shared_resource *of, struct list_answer *ret)
{
	atelier_id common = 0;
	void *rows = NULL;
	size_t n = 0;
	int r;

	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
		r = shared_list(of->kind, c, q->who.user.id, &q->mem, (void *)&rows, &n, &q->err);
		if (r == 0)
			r = read_common(q, of, c, &common);
	}
	*ret = (struct list_answer){0};
	return r < 0 ? r : fill_all(q, of, rows, n, common, &ret->items);
}

static int load(struct request *q, const struct shared_resource *of, atelier_id id, void *ret_row)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);

	return shared_get(of->kind, c, q->who.user.id, id, GRANT_READ, &q->mem, ret_row, &q->err);
}

static int answer_one(struct request *q, const struct shared_resource *of, atelier_id id)
{
	void *out = arena_alloc(&q->mem, of->body);
	atelier_id common = 0;
	int r;

	if (!out)
		return request_no_memory(q);
	r = load(q, of, id, out);
	if (r == 0) {
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
		r = read_common(q, of, c, &common);
	}
	q->answer = out;
	return r < 0 ? r : of->fill(q, common, out);
}

/* ---- handlers ---- */

int shared_get_all(struct request *q)
{
	struct list_answer l;
	int r = shared_bodies(q, q->route->shared, &l);

	return r < 0 ? r : answer_list(q, l.items.items, l.items.n, NULL);
}

int shared_get_one(struct request *q)
{
	return answer_one(q, q->route->shared, q->arg_id);
}

static atelier_id *owner_of(const struct shared_resource *of, void *row)
{
	return (void *)((char *)row + of->kind->user_id);
}

/* The row, as a new one of whoever asks. */
static int create(struct request *q, const struct shared_resource *of, char *row)
{
	atelier_id id = 0;
	int r;

	*owner_of(of, row) = q->who.user.id;
	if (of->kind->versions)
		*(int64_t *)(void *)(row + of->kind->version) = 1;
	r = shared_create(of->kind, q->api->c.db, row, &id, &q->err);
	if (r < 0)
		return r;
	ASSERT(id);
	shared_tell(q, of, id, "created");
	return answer_one(q, of, id);
}

int shared_post(struct request *q)
{
	const struct shared_resource *of = q->route->shared;
	char *row = arena_alloc(&q->mem, of->row);
	int r = 0;

	if (!row)
		return request_no_memory(q);
	memcpy(row, of->fresh, of->row);
	if (of->check)
		r = of->check(q);
	if (r == 0)
		r = of->edit(row, q, &q->err);
	return r < 0 ? r : create(q, of, row);
}

static int changed(struct request *q, const struct shared_resource *of, int r)
{
	if (r < 0)
		return r;
	shared_tell(q, of, q->arg_id, "updated");
	if (others_have(q, of, q->arg_id))
		bus_publish_changed(q->api->c.bus, BUS_GRANTS);
	return answer_one(q, of, q->arg_id);
}

int shared_patch(struct request *q)
{
	const struct shared_resource *of = q->route->shared;
	const struct rows_edit x = {q->arg_id, of->edit, q, &q->mem};
	void *row = arena_alloc(&q->mem, of->row);
	int r = row ? 0 : request_no_memory(q);

	if (r == 0 && of->check)
		r = of->check(q);
	if (r == 0)
		r = shared_edit(of->kind, q->api->c.db, q->who.user.id, &x, row, &q->err);
	return changed(q, of, r);
}

int shared_delete_one(struct request *q)
{
	const struct shared_resource *of = q->route->shared;
	bool theirs = others_have(q, of, q->arg_id);
	int r = shared_delete(of->kind, q->api->c.db, q->who.user.id, q->arg_id, &q->err);

	if (r == 0)
		shared_tell(q, of, q->arg_id, "deleted");
	if (r == 0 && theirs)
		bus_publish_changed(q->api->c.bus, BUS_GRANTS);
	return r;
}

/* Its name is the first free one of "NAME 2", "NAME 3" ... */
int shared_duplicate(struct request *q)
{
	const struct shared_resource *of = q->route->shared;
	char *row = arena_alloc(&q->mem, of->row);
	int r;

	if (!row)
		return request_no_memory(q);
	if ((r = load(q, of, q->arg_id, row)) < 0)
		return r;
	const char **at = (void *)(row + of->name), *name = *at;
	char copy[SHARED_COPY_MAX];
	for (int i = 2; i < 100; i++) {
		shared_copy_name(of->kind, name, i, copy);
		*at = copy;
		r = create(q, of, row);
		if (r != E_CONFLICT)
			return r;
		err_clear(&q->err);
	}
	return err_set(&q->err, E_CONFLICT, "There are too many copies of this %s already.", of->word);
}

int shared_get_versions(struct request *q)
{
	const struct shared_resource *of = q->route->shared;
	struct schema_list list = {0};
	void *rows = NULL;
	size_t n = 0;
	int r;

	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
		r = shared_versions(of->kind, c, q->who.user.id, q->arg_id, &q->mem, (void *)&rows, &n, &q->err);
	}
	if (r == 0)
		r = fill_all(q, of, rows, n, 0, &list);
	return r < 0 ? r : answer_list(q, list.items, list.n, NULL);
}

int shared_rollback(struct request *q)
{
	const struct shared_resource *of = q->route->shared;
	const struct rollback *in = q->body;
	void *row = arena_alloc(&q->mem, of->row);

	if (!row)
		return request_no_memory(q);
	return changed(q, of,
		shared_roll_back(
			of->kind, q->api->c.db, q->who.user.id, q->arg_id, in->version, &q->mem, row, &q->err));
}

/* ---- grants ---- */

static int answer_grants(struct request *q, const struct grant_place *of)
{
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	struct shared *out = ARENA_NEW(&q->mem, struct shared);
	struct grant_list rows = {0};
	int r = grants_list(c, of, &q->mem, &rows, &q->err);
	struct shared_item *items = ARENA_ARRAY(&q->mem, struct shared_item, rows.n + 1);

	if (r < 0)
		return r;
	if (!out || !items)
		return request_no_memory(q);
	for (size_t i = 0; i < rows.n; i++) {
		const struct grant *g = &rows.items[i];

		items[i] = (struct shared_item){g->subject, g->subject_name, grant_verb_name(g->verb), g->subject_id};
	}
	out->grants = (struct schema_list){items, rows.n};
	q->answer = out;
	return 0;
}

int shared_check_subject(struct request *q, size_t i, const char *subject, atelier_id subject_id)
{
	bool all = strcmp(subject, "everyone") == 0;
	char at[48];

	if (all == (subject_id == 0))
		return 0;
	snprintf(at, sizeof(at), "grants[%zu].subject_id", i);
	return err_field(&q->err, E_INVALID, at, "must say which user or group, and is not for everyone.");
}

static int set_grants(struct request *q, const struct grant_place *of)
{
	const struct shared *in = q->body;
	const struct shared_item *items = in->grants.items;
	struct grant *grants = ARENA_ARRAY(&q->mem, struct grant, in->grants.n + 1);
	int r;

	if (!grants)
		return request_no_memory(q);
	for (size_t i = 0; i < in->grants.n; i++) {
		if ((r = shared_check_subject(q, i, items[i].subject, items[i].subject_id)) < 0)
			return r;
		grants[i] = (struct grant){.subject = items[i].subject,
			.subject_id = items[i].subject_id,
			.verb = grant_verb_of(items[i].verb)};
	}
	r = grants_set(q->api->c.db, of, grants, in->grants.n, &q->err);
	return r < 0 ? r : answer_grants(q, of);
}

static int check_owner(struct request *q, const struct shared_resource *of)
{
	void *row = arena_alloc(&q->mem, of->row);
	int r = row ? load(q, of, q->arg_id, row) : request_no_memory(q);

	if (r == 0 && *owner_of(of, row) != q->who.user.id)
		r = err_set(&q->err, E_FORBIDDEN, "Only its owner says who has this %s.", of->word);
	return r;
}

int shared_get_grants(struct request *q)
{
	const struct shared_resource *of = q->route->shared;
	int r = check_owner(q, of);

	return r < 0 ? r : answer_grants(q, &(struct grant_place){.kind = of->kind->grants, .id = q->arg_id});
}

int shared_put_grants(struct request *q)
{
	const struct shared_resource *of = q->route->shared;
	int r = check_owner(q, of);

	if (r == 0)
		r = set_grants(q, &(struct grant_place){.kind = of->kind->grants, .id = q->arg_id});
	if (r == 0)
		bus_publish_changed(q->api->c.bus, BUS_GRANTS);
	return r;
}
