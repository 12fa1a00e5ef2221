/*
 * prompts.h - the library of prompts: texts with variables that a person calls by /name, and instructions that are bound to
 * models by a pattern. Each belongs to a person, and is others' by grants of the kind "prompt".
 */
#pragma once

#include "store/grants.h"
#include "store/rows.h"

#define PROMPT_TEXT   "text"
#define PROMPT_SYSTEM "system" /* instructions of its owner's answers by models that its pattern fits */

struct prompt_row {
	atelier_id id, user_id;
	const char *owner;       /* the name of its owner; read only */
	const char *name;        /* unique among the owner's, however it is written */
	const char *kind;        /* PROMPT_... */
	const char *description; /* "": none */
	const char *pattern;     /* of PROMPT_SYSTEM; "": no model */
	const char *variables;   /* JSON array of objects, as the API has them */
	const char *body;        /* with {{variables}} */
	bool structured;         /* its tags are to be balanced */
	int64_t version;         /* from 1, more with each change */
	int64_t may;             /* enum grant_verb, of who asks; read only */
	bool shared;             /* others have it, too; read only */
	int64_t created_at, updated_at;
};

struct prompt_rows {
	struct prompt_row *items;
	size_t n;
};

#define PROMPTS_MAX 1000 /* of one person */

/* Those that a person may read, by name. */
int prompts_list(
	struct db_conn *c, atelier_id user_id, struct arena *a, struct prompt_rows *ret, struct err *e) MUST_CHECK;
/* E_NOT_FOUND for one on which the person does not have the verb. */
int prompts_get(struct db_conn *c, atelier_id user_id, atelier_id id, enum grant_verb verb, struct arena *a,
	struct prompt_row *ret, struct err *e) MUST_CHECK;
int prompts_create(struct db *db, const struct prompt_row *in, atelier_id *ret_id, struct err *e) MUST_CHECK;
int prompts_edit(
	struct db *db, atelier_id user_id, const struct rows_edit *x, struct prompt_row *ret, struct err *e) MUST_CHECK;
/* By its owner alone, with its grants and versions. */
int prompts_delete(struct db *db, atelier_id user_id, atelier_id id, struct err *e) MUST_CHECK;

/* The person's own of PROMPT_SYSTEM that fit the model, what says more about it later. */
int prompts_of_model(struct db_conn *c, atelier_id user_id, const char *model, struct arena *a, struct prompt_rows *ret,
	struct err *e) MUST_CHECK;

/* What it was and is: all that an edit can change. */
struct prompt_version {
	atelier_id id;
	int64_t version;
	atelier_id user_id; /* who changed it to this; 0: is gone */
	const char *name, *kind, *description, *pattern, *variables, *body;
	bool structured;
	int64_t created_at;
};
struct prompt_versions {
	struct prompt_version *items;
	size_t n;
};
/* The newest first; who may edit it sees them. */
int prompts_versions(struct db_conn *c, atelier_id user_id, atelier_id id, struct arena *a, struct prompt_versions *ret,
	struct err *e) MUST_CHECK;
