/* shared.c - the grants of a thing that has an owner. */
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
static const struct schema new_schema = SCHEMA("ShareNew", G, new_fields, "Who shall have something.");
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

static const struct field rollback_fields[] = {
	FIELD_I64(struct rollback, version, "version", 1, INT64_MAX, FIELD_REQUIRED, "Which one."),
};
const struct schema rollback_schema =
	SCHEMA("RollBack", struct rollback, rollback_fields, "A version to go back to; that is a new version.");

const char *shared_may(const struct request *q, atelier_id owner_id, int64_t may)
{
	return owner_id == q->who.user.id ? "own" : grant_verb_name(MAX(may, (int64_t)GRANT_READ));
}

int answer_shared(struct request *q, const struct grant_place *of)
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

int set_shared(struct request *q, const struct grant_place *of)
{
	const struct shared *in = q->body;
	const struct shared_item *items = in->grants.items;
	struct grant *grants = ARENA_ARRAY(&q->mem, struct grant, in->grants.n + 1);
	int r;

	if (!grants)
		return request_no_memory(q);
	for (size_t i = 0; i < in->grants.n; i++) {
		bool all = strcmp(items[i].subject, "everyone") == 0;

		if (all != (items[i].subject_id == 0))
			return err_set(&q->err, E_INVALID,
				"\"grants[%zu].subject_id\" must say which user or group, and is not for everyone.", i);
		grants[i] = (struct grant){.subject = items[i].subject,
			.subject_id = items[i].subject_id,
			.verb = grant_verb_of(items[i].verb)};
	}
	r = grants_set(q->api->c.db, of, grants, in->grants.n, &q->err);
	return r < 0 ? r : answer_shared(q, of);
}
