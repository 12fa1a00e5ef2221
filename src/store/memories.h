/* memories.h - what a person wants models to know of them: short facts, written and removed by hand, and whether they are
 * used. What belongs to another is not found. */
#pragma once

#include "store/rows.h"

struct memory {
	atelier_id id, user_id;
	const char *text;
	int64_t created_at, updated_at;
};

struct memory_list ROWS_OF(struct memory);

#define MEMORIES_MAX 200 /* of one person */

/* In the order of making. */
int memories_list(
	struct db_conn *c, atelier_id user_id, struct arena *a, struct memory_list *ret, struct err *e) MUST_CHECK;
int memories_get(struct db_conn *c, atelier_id user_id, atelier_id id, struct arena *a, struct memory *ret,
	struct err *e) MUST_CHECK;
/* E_CONFLICT for the MEMORIES_MAX + 1st. */
int memories_create(struct db *db, const struct memory *in, atelier_id *ret_id, struct err *e) MUST_CHECK;
int memories_set(struct db *db, const struct memory *in, struct err *e) MUST_CHECK; /* its text */
int memories_delete(struct db *db, atelier_id user_id, atelier_id id, struct err *e) MUST_CHECK;

/* Whether models are told; false until the person says so. */
int memories_enabled(struct db_conn *c, atelier_id user_id, bool *ret, struct err *e) MUST_CHECK;
int memories_enable(struct db *db, atelier_id user_id, bool enabled, struct err *e) MUST_CHECK;
