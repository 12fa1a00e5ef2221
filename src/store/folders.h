/*
 * folders.h - where people keep conversations that belong together. A folder has an owner, and is others' by grants: to read
 * (its name and instructions), to use (for conversations of their own) or to edit. The conversations in it stay everybody's own.
 */
#pragma once

#include "store/shared_rows.h"

struct folder {
	atelier_id id, user_id;
	const char *name;         /* unique among the owner's, however it is written */
	const char *instructions; /* to models, for all conversations in it; "": none */
	int64_t count; /* own conversations of whoever asks in it, those in the bin apart; read only, as what follows */
	int64_t may;   /* enum grant_verb */
	bool shared;
	const char *owner;
	int64_t created_at, updated_at;
};

struct folder_list {
	struct folder *items;
	size_t n;
};

#define FOLDERS_MAX 500 /* of one person */

extern const struct shared_kind folders_kind; /* of struct folder, without its count */

/* Those that a person may read, by name. */
int folders_list(
	struct db_conn *c, atelier_id user_id, struct arena *a, struct folder_list *ret, struct err *e) MUST_CHECK;
/* E_NOT_FOUND for one on which the person does not have the verb. */
int folders_get(struct db_conn *c, atelier_id user_id, atelier_id id, enum grant_verb verb, struct arena *a,
	struct folder *ret, struct err *e) MUST_CHECK;
int folders_create(struct db *db, const struct folder *in, atelier_id *ret_id, struct err *e) MUST_CHECK;
/* By who may edit it. */
int folders_edit(
	struct db *db, atelier_id user_id, const struct rows_edit *x, struct folder *ret, struct err *e) MUST_CHECK;
/* By its owner alone. The conversations in it stay, in no folder. */
int folders_delete(struct db *db, atelier_id user_id, atelier_id id, struct err *e) MUST_CHECK;

/* E_NOT_FOUND when the person may not do this with the folder. */
int folders_granted(
	struct db_conn *c, atelier_id user_id, atelier_id id, enum grant_verb verb, struct err *e) MUST_CHECK;
