/* budget.c - how far an answer may go: what it may take is set, held, told, and found again when it goes on. */
#include "base/clock.h"
#include "turn/turn_priv.h"

#define LAST_WORDS_MS 30000 /* for the answer when the time for tools is used up */

/* As the API and events call them. */
static const struct {
	const char *name;
	int64_t unit;
} members[ALLOWED_KINDS] = {[ALLOWED_STEPS] = {"steps", 1},
	[ALLOWED_TOKENS] = {"tokens", 1},
	[ALLOWED_MONEY] = {"cost_micros", 1},
	[ALLOWED_TIME] = {"seconds", 1000}};

void budget_begin(struct turn *t, struct allowance *above)
{
	const struct settings *s = t->all->settings;
	const int64_t limit[ALLOWED_KINDS] = {[ALLOWED_STEPS] = s->tool_rounds,
		[ALLOWED_TOKENS] = s->tool_tokens,
		[ALLOWED_MONEY] = s->tool_cost_micros,
		[ALLOWED_TIME] = s->tool_seconds * 1000};

	allowance_init(&t->rounds.budget, above, limit, clock_mono_ms());
	t->rounds.timed = t->parent && t->parent->rounds.timed;
}

int budget_limit(struct turn *t, const char *json, struct err *e)
{
	CLEANUP(json_decrefp) json_t *v = NULL;
	int r = json ? json_parse(json, strlen(json), &v, e) : 0;

	for (int k = 0; k < ALLOWED_KINDS; k++) {
		int64_t limit = json_get_i64(v, members[k].name, 0);
		if (limit > 0)
			t->rounds.budget.limit[k] = limit * members[k].unit;
	}
	t->rounds.timed |= json_get_i64(v, members[ALLOWED_TIME].name, 0) > 0;
	return MIN(r, 0);
}

void budget_spend(struct turn *t, const struct gen_result *r, int64_t cost_micros)
{
	allowance_spend(&t->rounds.budget, ALLOWED_TOKENS, MAX(r->tokens_in, 0) + MAX(r->tokens_out, 0));
	allowance_spend(&t->rounds.budget, ALLOWED_MONEY, cost_micros);
}

void budget_check(struct turn *t)
{
	static const struct {
		const char *why, *text;
	} over[ALLOWED_KINDS] = {
		[ALLOWED_STEPS] = {"the tools were run as often as is allowed",
			"Tools were run as often as is allowed for one answer, which rests on what there was by then."},
		[ALLOWED_TOKENS] = {"its tokens are used up",
			"The tokens for tools are used up, and the answer rests on what there was by then."},
		[ALLOWED_MONEY] = {"its money is used up",
			"The money for tools is used up, and the answer rests on what there was by then."},
		[ALLOWED_TIME] = {"its time is used up",
			"The time for tools is used up, and the answer rests on what there was by then."}};
	int kind = allowance_over(&t->rounds.budget, clock_mono_ms());

	if (kind >= 0)
		rounds_end(t, "budget", over[kind].why, over[kind].text);
}

static int tell(struct turn *t, int64_t now)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(4096);

	for (int k = 0; k < ALLOWED_KINDS; k++) {
		enum allowance_kind kind = (enum allowance_kind)k;
		int64_t limit = allowance_limit(&t->rounds.budget, kind, now);
		buf_printf(&b, "%c\"%s\":{\"used\":%lld", k ? ',' : '{', members[k].name,
			(long long)(allowance_used(&t->rounds.budget, kind, now) / members[k].unit));
		if (limit)
			buf_printf(&b, ",\"limit\":%lld", (long long)(limit / members[k].unit));
		buf_add_char(&b, '}');
	}
	buf_add_char(&b, '}');
	return turn_event(t, EV_BUDGET, &b);
}

int budget_tell(struct turn *t)
{
	int64_t now = clock_mono_ms();
	int r = 0;

	for (; r == 0 && t; t = t->parent)
		r = tell(t, now);
	return r;
}

int64_t budget_grace_ms(const struct turn *t)
{
	int64_t left = allowance_time_left(&t->rounds.budget, clock_mono_ms());

	if (!t->rounds.timed || left == INT64_MAX)
		return -1;
	return t->rounds.last ? LAST_WORDS_MS - MIN(left, INT64_C(0)) : 0;
}

/* ---- going on ---- */

/* A call that is the first of its round, whoever made it. */
static bool begins_round(const struct parts *parts, size_t i)
{
	const struct part *p = &parts->items[i];

	for (size_t k = 0; k < i; k++) {
		const struct part *o = &parts->items[k];
		const char *a = o->parent ? o->parent : "", *b = p->parent ? p->parent : "";
		if (o->type == PART_TOOL_CALL && o->round == p->round && strcmp(a, b) == 0)
			return false;
	}
	return p->type == PART_TOOL_CALL;
}

static int64_t told(const json_t *budget, enum allowance_kind kind)
{
	return MAX(json_get_i64(json_object_get(budget, members[kind].name), "used", 0), INT64_C(0)) *
	       members[kind].unit;
}

/* What was told is of the end of a round; an agent's message has no figures of its own. */
void budget_restore(struct turn *t, const struct parts *parts, bool open)
{
	const struct message_figures *f = &t->before->figures;
	const json_t *budget = NULL;
	int64_t steps = 0;

	for (size_t i = 0; i < parts->n; i++) {
		steps += begins_round(parts, i);
		if (parts->items[i].type == PART_BUDGET && !parts->items[i].parent)
			budget = parts->items[i].more;
	}
	const int64_t spent[ALLOWED_KINDS] = {[ALLOWED_STEPS] = MAX(told(budget, ALLOWED_STEPS) + open, steps),
		[ALLOWED_TOKENS] = MAX(told(budget, ALLOWED_TOKENS), f->tokens_in + f->tokens_out),
		[ALLOWED_MONEY] = MAX(told(budget, ALLOWED_MONEY), f->cost_micros),
		[ALLOWED_TIME] = told(budget, ALLOWED_TIME)};
	for (int k = 0; k < ALLOWED_KINDS; k++)
		atomic_store(&t->rounds.budget.spent[k], spent[k]);
}
