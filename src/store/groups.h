/* groups.h - groups of people, for limits that their members share. Names are unique whatever the case of ASCII. */
#pragma once

#include "store/rows.h"

struct group_member {
	atelier_id group_id, id;
	const char *username;
};

struct group {
	atelier_id id;
	const char *name;
	int64_t created_at;
	struct group_member *members; /* by name */
	size_t n_members;
};

struct group_list ROWS_OF(struct group);

/* By name, with their members. */
int groups_list(struct db_conn *c, struct arena *a, struct group_list *ret, struct err *e) MUST_CHECK;
int groups_get(struct db_conn *c, atelier_id id, struct arena *a, struct group *ret, struct err *e) MUST_CHECK;

int groups_create(struct db *db, const char *name, atelier_id *ret_id, struct err *e) MUST_CHECK; /* E_CONFLICT */
int groups_rename(
	struct db *db, atelier_id id, const char *name, struct err *e) MUST_CHECK; /* E_NOT_FOUND, E_CONFLICT */

/* Makes exactly these its members; one that is named twice counts once. E_NOT_FOUND for the group or a user. */
int groups_set_members(struct db *db, atelier_id id, const atelier_id *users, size_t n, struct err *e) MUST_CHECK;
int groups_delete(struct db *db, atelier_id id, struct err *e) MUST_CHECK; /* its limits too; E_NOT_FOUND */
