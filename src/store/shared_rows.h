/*
 * shared_rows.h - rows that belong to a person, are others' by grants, and keep what they were as versions. A kind of such
 * things is a table with `id`, `user_id`, `folded` and `version`, a table of versions, and this descriptor; the columns of its
 * rows end with SHARED_COLS, whose parameters stand before all others, so that rows are read by these functions alone.
 */
#pragma once

#include "store/grants.h"
#include "store/rows.h"

struct shared_kind {
	const struct rows_table *rows;
	/* Of the same struct: a version has the columns that an edit can change, whose version it is, who made it so (user_id) and
	 * when. NULL: what it was is not kept, and `ref` and `version` are nothing. */
	const struct rows_table *versions;
	const char *listed; /* SQL: of which ones there are lists; NULL: of all */
	const char *grants; /* the kind of its grants */
	const char *ref;    /* the column of the versions that says of what they are */
	const char *copy;   /* stands between the name of a copy and its number; NULL: a space */
	int64_t max;        /* of one person; */
	const char *many;   /* the sentence when there are as many */
	size_t version;     /* offset of int64_t version in the rows, */
	size_t user_id;     /* and of this */
};
#define SHARED_AT(s) .version = offsetof(s, version), .user_id = offsetof(s, user_id)

/* What whoever asks may do with it (`may`). */
#define MAY_COL(s, table, of)                                                                                          \
	COL_AS(I64, s, may,                                                                                            \
		"CASE WHEN " table ".user_id = ? THEN 3 ELSE coalesce((SELECT max(g.verb) FROM grants g"               \
		" WHERE g.kind = '" of "' AND g.resource_id = " table ".id AND " GRANTED_TO "), 0) END",               \
		COL_SEEN)
/* The same, whether others have it (`shared`), and the name of its owner (`owner`). */
#define SHARED_COLS(s, table, of)                                                                                      \
	MAY_COL(s, table, of),                                                                                         \
		COL_AS(BOOL, s, shared,                                                                                \
			"EXISTS (SELECT 1 FROM grants s WHERE s.kind = '" of "' AND s.resource_id = " table ".id)",    \
			COL_SEEN),                                                                                     \
		COL_AS(TEXT, s, owner, "(SELECT u.name FROM users u WHERE u.id = " table ".user_id)", COL_SEEN)

/* Those that a person may read, by name. */
int shared_list(const struct shared_kind *k, struct db_conn *c, atelier_id user_id, struct arena *a, void *ret_items,
	size_t *ret_n, struct err *e) MUST_CHECK;
/* E_NOT_FOUND for one on which the person does not have the verb. */
int shared_get(const struct shared_kind *k, struct db_conn *c, atelier_id user_id, atelier_id id, enum grant_verb verb,
	struct arena *a, void *ret_row, struct err *e) MUST_CHECK;
/* The one on which the person has the verb, by its name, however it is written: the person's own before others', of those the
 * oldest. E_NOT_FOUND. */
int shared_named(const struct shared_kind *k, struct db_conn *c, atelier_id user_id, const char *name,
	enum grant_verb verb, struct arena *a, void *ret_row, struct err *e) MUST_CHECK;
int shared_create(
	const struct shared_kind *k, struct db *db, const void *row, atelier_id *ret_id, struct err *e) MUST_CHECK;
/* By who may edit it; what it is then is a new version. */
int shared_edit(const struct shared_kind *k, struct db *db, atelier_id user_id, const struct rows_edit *x,
	void *ret_row, struct err *e) MUST_CHECK;
/* By its owner alone, with its grants and versions. */
int shared_delete(
	const struct shared_kind *k, struct db *db, atelier_id user_id, atelier_id id, struct err *e) MUST_CHECK;
/* The name of its n-th copy. */
#define SHARED_COPY_MAX 80
void shared_copy_name(const struct shared_kind *k, const char *name, int n, char ret[SHARED_COPY_MAX]);
/* The newest first, the present one among them; for who may edit it. */
int shared_versions(const struct shared_kind *k, struct db_conn *c, atelier_id user_id, atelier_id id, struct arena *a,
	void *ret_items, size_t *ret_n, struct err *e) MUST_CHECK;
/* By who may edit it: what it was in that version, which is a new version. E_NOT_FOUND. */
int shared_roll_back(const struct shared_kind *k, struct db *db, atelier_id user_id, atelier_id id, int64_t version,
	struct arena *a, void *ret_row, struct err *e) MUST_CHECK;

/* shared_get with the types of one kind, for its header; see ROWS_GET. */
#define SHARED_GET(fn, kind, row)                                                                                      \
	ROWS_VERB fn(struct db_conn *c, atelier_id user_id, atelier_id id, enum grant_verb verb, struct arena *a,      \
		row *ret, struct err *e)                                                                               \
	{                                                                                                              \
		return shared_get(&(kind), c, user_id, id, verb, a, ret, e);                                           \
	}
