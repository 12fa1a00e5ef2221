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

struct parameter_rule_list ROWS_OF(struct parameter_rule);

extern const struct rows_table parameter_rules_table; /* lists are by pattern, which is unique */
ROWS_LIST(parameter_rules_list, parameter_rules_table, struct parameter_rule_list)
ROWS_GET(parameter_rules_get, parameter_rules_table, struct parameter_rule)
ROWS_CREATE(parameter_rules_create, parameter_rules_table, struct parameter_rule)
ROWS_EDIT(parameter_rules_edit, parameter_rules_table, struct parameter_rule)
ROWS_DELETE(parameter_rules_delete, parameter_rules_table)

/* Those that fit the model, in the order in which they lie over each other: what says more about it comes later. */
int parameter_rules_of(struct db_conn *c, const char *model, struct arena *a, struct parameter_rule_list *ret,
	struct err *e) MUST_CHECK;
