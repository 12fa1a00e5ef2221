/*
 * assistants.h - saved ways to answer: a model, instructions, parameters, questions to begin with. Each belongs to a person, and
 * is others' by grants of the kind "assistant": to read it, to use it in answers, to edit it.
 */
#pragma once

#include "store/shared_rows.h"

struct assistant {
	atelier_id id, user_id;
	const char *owner;               /* the name of its owner; read only */
	const char *name;                /* unique among the owner's, however it is written */
	const char *description, *emoji; /* "": none */
	atelier_id image_id;             /* its picture, which who has it may see; 0: none */
	const char *model;               /* "": the conversation's */
	const char *instructions;        /* with {{user}}, {{date}} and {{language}}; "": none */
	const char *parameters;          /* JSON object (provider/parameters.h) */
	const char *starters;            /* JSON array of texts */
	const char *tools;  /* that its answers may use, as of a conversation; NULL: those of the conversation */
	const char *agents; /* others that it may call as tools: JSON array of ids */
	bool plans;         /* it is offered to keep a plan */
	const char *budget; /* of an answer: JSON object {steps, tokens, cost_micros, seconds}; NULL: the settings' */
	const char *collections; /* that come with it: JSON array of ids; who may not read one is answered without it */
	bool history;            /* its answers may draw on what their person has said before */
	int64_t version;         /* from 1, more with each change */
	int64_t may;             /* enum grant_verb, of who asks; read only */
	bool shared;             /* others have it, too; read only */
	int64_t created_at, updated_at;
};

struct assistant_list ROWS_OF(struct assistant);

#define ASSISTANTS_MAX 500 /* of one person */

/* For shared_create, shared_edit and so on, of struct assistant. */
extern const struct shared_kind assistants_kind;
/* The same rows, of which lists have those alone that act: with tools, agents, a plan or a budget. */
extern const struct shared_kind agents_kind;

/* Those that a person may read, by name, without their texts: id, user_id, name, model, may and updated_at are read. */
int assistants_names(
	struct db_conn *c, atelier_id user_id, struct arena *a, struct assistant_list *ret, struct err *e) MUST_CHECK;
SHARED_GET(assistants_get, assistants_kind, struct assistant)
/* That a person may use, by its name, however it is written: the person's own before others', of those the oldest. */
int assistants_named(struct db_conn *c, atelier_id user_id, const char *name, struct arena *a, struct assistant *ret,
	struct err *e) MUST_CHECK;
/* ---- with which conversations begin ---- */

/* *ret is 0 when there is none: the person's own choice, else the instance's; one that the person may not use any more is as
 * if it were not there. */
int assistants_default(
	struct db_conn *c, atelier_id user_id, struct arena *a, atelier_id *ret, struct err *e) MUST_CHECK;
/* Of a person, or of the instance (user_id 0); id 0: none. That it may be used is the caller's to know. */
int assistants_set_default(struct db *db, atelier_id user_id, atelier_id id, struct err *e) MUST_CHECK;
