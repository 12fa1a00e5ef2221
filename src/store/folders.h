/* folders.h - where a person keeps conversations that belong together. */
#pragma once

#include "store/rows.h"

struct folder {
	atelier_id id, user_id;
	const char *name;         /* unique among the person's, however it is written */
	const char *instructions; /* to models, for all conversations in it; "": none */
	int64_t count;            /* conversations in it, those in the bin apart; read only */
	int64_t created_at, updated_at;
};

struct folder_list {
	struct folder *items;
	size_t n;
};

#define FOLDERS_MAX 500 /* of one person */

int folders_list(
	struct db_conn *c, atelier_id user_id, struct arena *a, struct folder_list *ret, struct err *e) MUST_CHECK;
int folders_get(struct db_conn *c, atelier_id user_id, atelier_id id, struct arena *a, struct folder *ret,
	struct err *e) MUST_CHECK;
int folders_create(struct db *db, const struct folder *in, atelier_id *ret_id, struct err *e) MUST_CHECK;
int folders_edit(
	struct db *db, atelier_id user_id, const struct rows_edit *x, struct folder *ret, struct err *e) MUST_CHECK;
/* Its conversations stay, in no folder. */
int folders_delete(struct db *db, atelier_id user_id, atelier_id id, struct err *e) MUST_CHECK;

/* E_NOT_FOUND when the folder is not the user's. */
int folders_owned(struct db_conn *c, atelier_id user_id, atelier_id id, struct err *e) MUST_CHECK;
