/* parameter_rules.c - what administrators say of all answers, or of those of some models. */
#include "store/parameter_rules.h"

#include <stdlib.h>

#include "base/pattern.h"

#define R struct parameter_rule
static const struct col columns[] = {COL(I64, R, id), COL(TEXT, R, pattern), COL(TEXT, R, instructions),
	COL(TEXT, R, parameters), COL_UPDATED(R, updated_at)};
#undef R
const struct rows_table parameter_rules_table = {"parameter_rules", "pattern", "There is no such rule.",
	"There is a rule for this pattern already.", TABLE(struct parameter_rule, columns)};

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
