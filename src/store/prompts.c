/* prompts.c - the library of prompts. */
#include "store/prompts.h"

#include <stdlib.h>

#include "base/pattern.h"
#include "store/store_priv.h"

#define R struct prompt_row
static const struct col columns[] = {COL(I64, R, id), COL_ONCE(I64, R, user_id), COL(TEXT, R, name),
	COL_FOLDED(R, name, "folded"), COL(TEXT, R, kind), COL(TEXT, R, description), COL(TEXT, R, pattern),
	COL(TEXT, R, variables), COL(TEXT, R, body), COL(BOOL, R, structured), COL(I64, R, version),
	COL_CREATED(R, created_at), COL_UPDATED(R, updated_at), SHARED_COLS(R, "prompts", "prompt")};
static const struct rows_table rows = {"prompts", "folded", "There is no such prompt, or it is not shared with you.",
	"There is a prompt of this name already.", TABLE(struct prompt_row, columns)};

static const struct col version_columns[] = {COL(I64, R, id), COL(I64, R, version), COL(REF, R, user_id),
	COL(TEXT, R, name), COL(TEXT, R, kind), COL(TEXT, R, description), COL(TEXT, R, pattern),
	COL(TEXT, R, variables), COL(TEXT, R, body), COL(BOOL, R, structured), COL_CREATED(R, created_at)};
#undef R
static const struct rows_table versions = {"prompt_versions", "version DESC", "There is no such version.", NULL,
	TABLE(struct prompt_row, version_columns)};

const struct shared_kind prompts_kind = {.rows = &rows,
	.versions = &versions,
	.grants = "prompt",
	.ref = "prompt_id",
	.copy = "-",
	.max = PROMPTS_MAX,
	.many = "You have as many prompts as there can be.",
	SHARED_AT(struct prompt_row)};

/* ---- bound to models ---- */

static int by_weight(const void *a, const void *b)
{
	const struct prompt_row *x = a, *y = b;
	int r = pattern_compare(y->pattern, x->pattern);

	return r ? r : strcmp(x->name, y->name);
}

int prompts_of_model(struct db_conn *c, atelier_id user_id, const char *model, struct arena *a, struct prompt_rows *ret,
	struct err *e)
{
	size_t kept = 0;
	int r = shared_list(&prompts_kind, c, user_id, a, &ret->items, &ret->n, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ret->n; i++) {
		const struct prompt_row *p = &ret->items[i];

		if (p->user_id == user_id && strcmp(p->kind, PROMPT_SYSTEM) == 0 && pattern_matches(p->pattern, model))
			ret->items[kept++] = *p;
	}
	ret->n = kept;
	if (kept > 1)
		qsort(ret->items, kept, sizeof(*ret->items), by_weight);
	return 0;
}
