/* parameter_rules.c - what administrators say of all answers, or of those of some models. */
#include "store/parameter_rules.h"

#include <stdlib.h>

#include "base/pattern.h"

#define R struct parameter_rule
static const struct col columns[] = {COL(I64, R, id), COL(TEXT, R, pattern), COL(TEXT, R, instructions),
	COL(TEXT, R, parameters), COL_UPDATED(R, updated_at)};
#undef R
static const struct rows_table rules = {"parameter_rules", "pattern", "There is no such rule.",
	"There is a rule for this pattern already.", TABLE(struct parameter_rule, columns)};

int parameter_rules_list(struct db_conn *c, struct arena *a, struct parameter_rule_list *ret, struct err *e)
{
	return rows_list(&rules, c, a, &ret->items, &ret->n, e);
}

int parameter_rules_get(struct db_conn *c, atelier_id id, struct arena *a, struct parameter_rule *ret, struct err *e)
{
	return rows_get(&rules, c, id, a, ret, e);
}

int parameter_rules_create(struct db *db, const struct parameter_rule *in, atelier_id *ret_id, struct err *e)
{
	return rows_create(&rules, db, in, ret_id, e);
}

int parameter_rules_edit(struct db *db, const struct rows_edit *x, struct parameter_rule *ret, struct err *e)
{
	return rows_edit(&rules, db, x, ret, e);
}

int parameter_rules_delete(struct db *db, atelier_id id, struct err *e)
{
	return rows_delete(&rules, db, id, e);
}

static int by_weight(const void *a, const void *b)
{
	const struct parameter_rule *x = a, *y = b;
	int r = pattern_compare(y->pattern, x->pattern);

	return r ? r : strcmp(x->pattern, y->pattern);
}

int parameter_rules_of(
	struct db_conn *c, const char *model, struct arena *a, struct parameter_rule_list *ret, struct err *e)
{
	size_t kept = 0;
	int r = parameter_rules_list(c, a, ret, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ret->n; i++)
		if (pattern_matches(ret->items[i].pattern, model))
			ret->items[kept++] = ret->items[i];
	ret->n = kept;
	if (kept > 1)
		qsort(ret->items, kept, sizeof(*ret->items), by_weight);
	return 0;
}
