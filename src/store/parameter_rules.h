/*
 * parameter_rules.h - what administrators say of all answers (pattern "*"), or of those of models whose id a pattern fits:
 * instructions and parameters.
 */
#pragma once

#include "store/rows.h"

struct parameter_rule {
	atelier_id id;
	const char *pattern;      /* base/pattern.h */
	const char *instructions; /* "": none */
	const char *parameters;   /* JSON object (provider/parameters.h) */
	int64_t updated_at;
};

struct parameter_rule_list {
	struct parameter_rule *items;
	size_t n;
};

int parameter_rules_list(struct db_conn *c, struct arena *a, struct parameter_rule_list *ret, struct err *e) MUST_CHECK;
int parameter_rules_get(
	struct db_conn *c, atelier_id id, struct arena *a, struct parameter_rule *ret, struct err *e) MUST_CHECK;
int parameter_rules_create(
	struct db *db, const struct parameter_rule *in, atelier_id *ret_id, struct err *e) MUST_CHECK;
int parameter_rules_edit(
	struct db *db, const struct rows_edit *x, struct parameter_rule *ret, struct err *e) MUST_CHECK;
int parameter_rules_delete(struct db *db, atelier_id id, struct err *e) MUST_CHECK;

/* Those that fit the model, in the order in which they lie over each other: what says more about it comes later. */
int parameter_rules_of(struct db_conn *c, const char *model, struct arena *a, struct parameter_rule_list *ret,
	struct err *e) MUST_CHECK;
