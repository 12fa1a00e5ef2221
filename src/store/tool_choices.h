/*
 * tool_choices.h - what people say of single tools: whether models are offered them and whether a person is asked, for oneself or
 * (by an administrator) for all; and the rules "always", each for one tool exactly as it was then.
 */
#pragma once

#include "store/rows.h"

struct tool_choice_row {
	atelier_id user_id; /* 0: of all */
	const char *name;
	int64_t enabled, asks; /* 0 or 1; -1: nothing is said */
};
struct tool_choice_list ROWS_OF(struct tool_choice_row);

/* Those of a person and those of all. */
int tool_choices_list(
	struct db_conn *c, atelier_id user_id, struct arena *a, struct tool_choice_list *ret, struct err *e) MUST_CHECK;
/* What is -1 becomes what it was. */
int tool_choices_set(struct db *db, const struct tool_choice_row *in, struct err *e) MUST_CHECK;

struct tool_rule {
	atelier_id id;
	atelier_id conversation_id; /* where alone; 0: everywhere */
	const char *name, *hash;
	int64_t created_at;
};
struct tool_rule_list ROWS_OF(struct tool_rule);

/* By name. */
int tool_rules_list(
	struct db_conn *c, atelier_id user_id, struct arena *a, struct tool_rule_list *ret, struct err *e) MUST_CHECK;
/* Whether there is one for everywhere or for this conversation (0: of none). */
int tool_rules_allows(struct db_conn *c, atelier_id user_id, atelier_id conversation_id, const char *name,
	const char *hash, bool *ret, struct err *e) MUST_CHECK;
/* One that is there already is no failure. */
int tool_rules_add(struct db *db, atelier_id user_id, atelier_id conversation_id, const char *name, const char *hash,
	struct err *e) MUST_CHECK;
int tool_rules_add_in(struct db_conn *c, atelier_id user_id, atelier_id conversation_id, const char *name,
	const char *hash, struct err *e) MUST_CHECK; /* inside a db_write */
int tool_rules_delete(struct db *db, atelier_id user_id, atelier_id id, struct err *e) MUST_CHECK; /* E_NOT_FOUND */
