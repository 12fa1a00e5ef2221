/*
 * prompts.h - the library of prompts: texts with variables that a person calls by /name, and instructions that are bound to
 * models by a pattern. Each belongs to a person, and is others' by grants of the kind "prompt".
 */
#pragma once

#include "store/shared_rows.h"

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

struct prompt_rows ROWS_OF(struct prompt_row);

#define PROMPTS_MAX 1000 /* of one person */

/* For shared_list, shared_get and so on, of struct prompt_row. */
extern const struct shared_kind prompts_kind;

/* The person's own of PROMPT_SYSTEM that fit the model, what says more about it later. */
int prompts_of_model(struct db_conn *c, atelier_id user_id, const char *model, struct arena *a, struct prompt_rows *ret,
	struct err *e) MUST_CHECK;
