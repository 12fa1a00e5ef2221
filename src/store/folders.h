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

struct folder_list ROWS_OF(struct folder);

#define FOLDERS_MAX 500 /* of one person */

/* For shared_create and so on, of struct folder without its count; the conversations in one that is deleted stay, in none. */
extern const struct shared_kind folders_kind;

/* Those that a person may read, by name. */
int folders_list(
	struct db_conn *c, atelier_id user_id, struct arena *a, struct folder_list *ret, struct err *e) MUST_CHECK;
/* E_NOT_FOUND for one on which the person does not have the verb. */
int folders_get(struct db_conn *c, atelier_id user_id, atelier_id id, enum grant_verb verb, struct arena *a,
	struct folder *ret, struct err *e) MUST_CHECK;

/* E_NOT_FOUND when the person may not do this with the folder. */
int folders_granted(
	struct db_conn *c, atelier_id user_id, atelier_id id, enum grant_verb verb, struct err *e) MUST_CHECK;
