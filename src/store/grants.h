/*
 * grants.h - who may do what with something that is not theirs: one table for all kinds of things.
 *
 * A grant says that a user, a group or everyone may read, use or edit one thing. A verb includes those before it. Things
 * are of two sorts:
 *   stored  rows with an owner (`resource_id`): nobody but the owner has them until they are shared;
 *   named   what the catalogue finds, models and providers (`resource_name`): anybody has them until somebody says who has
 *           (grants_set, even with no grant at all).
 * Administrators have all verbs, where the caller says so. The grants of a user or group go with it (users_delete,
 * groups_delete); those of a stored thing with its row, by grants_forget in the same transaction. owners_sweep removes what was left
 * by whoever was not so careful.
 */
#pragma once

#include "store/rows.h"

enum grant_verb { GRANT_NONE, GRANT_READ, GRANT_USE, GRANT_EDIT };
#define GRANT_VERBS    "read use edit" /* in the order of their numbers */
#define GRANT_SUBJECTS "everyone group user"

const char *grant_verb_name(int64_t verb);       /* "none" for GRANT_NONE and what is no verb */
enum grant_verb grant_verb_of(const char *name); /* GRANT_NONE: there is none of this name */

/*
 * The one condition of SQL: whether a person has a verb on a stored thing. `kind` is a literal, `id` and `owner` are
 * expressions; the parameters are GRANTED_PARAMS, in its place among the others. `admin`: an administrator who has all of
 * this kind.
 *
 *	rows_all(&prompts, c, a, &items, &n, e, "WHERE " GRANTED("prompt", "prompts.id", "prompts.user_id"),
 *		GRANTED_PARAMS(user_id, admin, GRANT_READ));
 */
#define GRANTED(kind, id, owner)                                                                                       \
	"(? = 1 OR " owner " = ? OR EXISTS (SELECT 1 FROM grants g WHERE g.kind = '" kind "' AND g.resource_id = " id  \
	" AND g.verb >= ? AND " GRANTED_TO "))"
#define GRANTED_TO                                                                                                     \
	"(g.subject = 'everyone' OR (g.subject = 'user' AND g.subject_id = ?) OR (g.subject = 'group' AND"             \
	" g.subject_id IN (SELECT m.group_id FROM group_members m WHERE m.user_id = ?)))"
#define GRANTED_PARAMS(user_id, admin, verb)                                                                           \
	DB_I64((admin) ? 1 : 0), DB_I64(user_id), DB_I64(verb), DB_I64(user_id), DB_I64(user_id)

struct grant_place { /* the thing: either id or name */
	const char *kind;
	atelier_id id;
	const char *name; /* NULL: has an id */
};

struct grant {
	const char *kind;
	atelier_id resource_id;
	const char *resource_name; /* "": has an id */
	const char *subject;   /* of GRANT_SUBJECTS; "nobody": the thing is named, and shared with those here alone */
	atelier_id subject_id; /* of a user or group */
	const char *subject_name; /* the same */
	int64_t verb;             /* enum grant_verb */
};

struct grant_list ROWS_OF(struct grant);

/* Of one thing, or of everything (NULL), by thing. */
int grants_list(struct db_conn *c, const struct grant_place *of, struct arena *a, struct grant_list *ret,
	struct err *e) MUST_CHECK;

/* Makes exactly these the grants of the thing; of them subject, subject_id and verb count. A named thing is for these and
 * for administrators from now on. E_NOT_FOUND for a user or group; E_CONFLICT for a subject that is there twice. */
int grants_set(
	struct db *db, const struct grant_place *of, const struct grant *grants, size_t n, struct err *e) MUST_CHECK;

/* The thing as if nothing had been said of it. */
int grants_clear(struct db *db, const struct grant_place *of, struct err *e) MUST_CHECK;

/* What a person may do with each named thing of which something was said. */
struct grant_right {
	const char *kind, *name;
	int64_t verb;
};
int grants_rights(struct db_conn *c, atelier_id user_id, struct arena *a, struct grant_right **ret, size_t *ret_n,
	struct err *e) MUST_CHECK;

/* Whether these rights let a person use a model: what is said of the model counts, else of the one that it is an alias for
 * (NULL: none), else of its provider; where nothing is said, everybody may. */
bool grants_allow(const struct grant_right *rights, size_t n, const char *model, const char *alias_of,
	const char *provider) MUST_CHECK;

/* Inside a db_write: all grants of a stored thing, or all that a user or group has. */
int grants_forget(struct db_conn *c, const char *kind, atelier_id resource_id, struct err *e) MUST_CHECK;
int grants_forget_subject(struct db_conn *c, const char *subject, atelier_id id, struct err *e) MUST_CHECK;
