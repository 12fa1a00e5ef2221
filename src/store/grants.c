/*
 * grants.c - who may do what with something that is not theirs.
 *
 * A row is a grant, but for those of the subject "nobody": one stands beside the grants of a named thing, so that it stays
 * closed when the last user or group that had it is gone.
 */
#include "store/grants.h"
#include "store/store_priv.h"

static const char *const verb_names[] = {"none", "read", "use", "edit"};

const char *grant_verb_name(int64_t verb)
{
	return verb_names[verb > 0 && verb < (int64_t)N_ELEMENTS(verb_names) ? verb : 0];
}

enum grant_verb grant_verb_of(const char *name)
{
	for (size_t i = 0; i < N_ELEMENTS(verb_names); i++)
		if (strcmp(verb_names[i], name) == 0)
			return (enum grant_verb)i;
	return GRANT_NONE;
}

#define G struct grant
static const struct col columns[] = {COL_AS(TEXT, G, kind, "grants.kind", COL_SEEN),
	COL_AS(I64, G, resource_id, "grants.resource_id", COL_SEEN),
	COL_AS(TEXT, G, resource_name, "grants.resource_name", COL_SEEN),
	COL_AS(TEXT, G, subject, "grants.subject", COL_SEEN), COL_AS(I64, G, subject_id, "grants.subject_id", COL_SEEN),
	COL_AS(TEXT, G, subject_name, "coalesce(users.name, groups.name)", COL_SEEN),
	COL_AS(I64, G, verb, "grants.verb", COL_SEEN)};
#undef G
static const struct rows_table grants = {"grants", NULL, NULL, NULL, TABLE(struct grant, columns)};

#define JOINED                                                                                                         \
	"LEFT JOIN users ON grants.subject = 'user' AND users.id = grants.subject_id"                                  \
	" LEFT JOIN groups ON grants.subject = 'group' AND groups.id = grants.subject_id "
#define ORDER                                                                                                          \
	" ORDER BY grants.kind, grants.resource_name, grants.resource_id, grants.subject,"                             \
	" lower(coalesce(users.name, groups.name)), grants.subject_id"
#define THING     "kind = ? AND resource_id = ? AND resource_name = ?"
#define ID(of)    DB_I64((of)->name ? 0 : (of)->id)
#define NAME(of)  DB_TEXT((of)->name ? (of)->name : "")
#define PLACE(of) DB_TEXT((of)->kind), ID(of), NAME(of)

int grants_list(struct db_conn *c, const struct grant_place *of, struct arena *a, struct grant_list *ret, struct err *e)
{
	if (!of)
		return rows_all(&grants, c, a, &ret->items, &ret->n, e, JOINED ORDER);
	return rows_all(&grants, c, a, &ret->items, &ret->n, e, JOINED "WHERE " THING ORDER, PLACE(of));
}

struct change {
	const struct grant_place *of;
	const struct grant *grants;
	size_t n;
};

static int clear_in(struct db_conn *c, void *arg, struct err *e)
{
	const struct change *x = arg;

	return db_exec(c, NULL, e, "DELETE FROM grants WHERE " THING, PLACE(x->of));
}

static int add_in(struct db_conn *c, const struct grant_place *of, const struct grant *g, struct err *e)
{
	atelier_id id;
	int r = STORE_INSERT(c, &id, e,
		"INSERT INTO grants (id, kind, resource_id, resource_name, subject, subject_id, verb, created_at)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		PLACE(of), DB_TEXT(g->subject), DB_I64(g->subject_id), DB_I64(g->verb), DB_I64(clock_now_ms()));

	return store_conflict(r, e, "Somebody is in the list twice.");
}

static int set_in(struct db_conn *c, void *arg, struct err *e)
{
	static const struct grant nobody = {.subject = "nobody"};
	const struct change *x = arg;
	int r = clear_in(c, arg, e);

	if (r == 0 && x->of->name)
		r = add_in(c, x->of, &nobody, e);
	for (size_t i = 0; r == 0 && i < x->n; i++) {
		r = store_subject(c, x->grants[i].subject, x->grants[i].subject_id, e);
		if (r == 0)
			r = add_in(c, x->of, &x->grants[i], e);
	}
	return r;
}

int grants_set(struct db *db, const struct grant_place *of, const struct grant *list, size_t n, struct err *e)
{
	return store_apply(db, set_in, &(struct change){of, list, n}, e);
}

int grants_clear(struct db *db, const struct grant_place *of, struct err *e)
{
	return store_apply(db, clear_in, &(struct change){.of = of}, e);
}

#define R struct grant_right
static const struct col right_columns[] = {COL_AS(TEXT, R, kind, "g.kind", COL_SEEN),
	COL_AS(TEXT, R, name, "g.resource_name", COL_SEEN),
	COL_AS(I64, R, verb, "max(CASE WHEN " GRANTED_TO " THEN g.verb ELSE 0 END)", COL_SEEN)};
#undef R
static const struct rows_table right_rows = {"grants g", NULL, NULL, NULL, TABLE(struct grant_right, right_columns)};

int grants_rights(
	struct db_conn *c, atelier_id user_id, struct arena *a, struct grant_right **ret, size_t *ret_n, struct err *e)
{
	ASSERT(user_id);
	return rows_all(&right_rows, c, a, ret, ret_n, e,
		"WHERE g.resource_name <> '' GROUP BY g.kind, g.resource_name", DB_I64(user_id), DB_I64(user_id));
}

int grants_forget(struct db_conn *c, const char *kind, atelier_id resource_id, struct err *e)
{
	ASSERT(db_is_writing(c));
	return db_exec(c, NULL, e, "DELETE FROM grants WHERE kind = ? AND resource_id = ?", DB_TEXT(kind),
		DB_I64(resource_id));
}

int grants_forget_subject(struct db_conn *c, const char *subject, atelier_id id, struct err *e)
{
	ASSERT(db_is_writing(c));
	return db_exec(
		c, NULL, e, "DELETE FROM grants WHERE subject = ? AND subject_id = ?", DB_TEXT(subject), DB_I64(id));
}

/* The verb that was said of it; -1: nothing was. */
static int64_t said_of(const struct grant_right *rights, size_t n, const char *kind, const char *name)
{
	for (size_t i = 0; name && i < n; i++)
		if (strcmp(rights[i].kind, kind) == 0 && strcmp(rights[i].name, name) == 0)
			return rights[i].verb;
	return -1;
}

bool grants_allow(
	const struct grant_right *rights, size_t n, const char *model, const char *alias_of, const char *provider)
{
	int64_t verb = said_of(rights, n, "model", model);

	if (verb < 0)
		verb = said_of(rights, n, "model", alias_of);
	if (verb < 0)
		verb = said_of(rights, n, "provider", provider);
	return verb < 0 || verb >= GRANT_USE;
}
