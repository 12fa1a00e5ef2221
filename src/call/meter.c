/* meter.c - the counters of limits: which bind a call, what is reserved for it, what it took in the end. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/pattern.h"
#include "call/call_priv.h"

/* ---- which limits bind ---- */

static bool is_member(const struct table *t, atelier_id user_id, atelier_id group_id)
{
	size_t lo = 0, hi = t->n_members;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (t->members[mid].user_id < user_id)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < t->n_members && t->members[lo].user_id == user_id; lo++)
		if (t->members[lo].group_id == group_id)
			return true;
	return false;
}

static bool binds_person(const struct table *t, const struct counter *l, const struct subject_of_call *s)
{
	switch (l->subject) {
	case SUBJECT_USER:
		return l->subject_id == s->user_id;
	case SUBJECT_GROUP:
		return is_member(t, s->user_id, l->subject_id);
	case SUBJECT_KEY:
		return s->key_id && l->subject_id == s->key_id;
	case SUBJECT_EVERYONE:
	case SUBJECT_MODEL:
		break;
	}
	return true;
}

bool counter_binds(const struct table *t, const struct counter *l, const struct subject_of_call *s)
{
	if (!binds_person(t, l, s))
		return false;
	if (!*l->model)
		return true;
	for (size_t i = 0; i < N_ELEMENTS(s->names); i++)
		if (s->names[i] && pattern_matches(l->model, s->names[i]))
			return true;
	return false;
}

/* ---- counting ---- */

#define CLOCK_SLACK_MS 60000 /* by which a clock may be corrected without any ado */

static int64_t sum(int64_t a, int64_t b)
{
	int64_t s;

	return __builtin_add_overflow(a, b, &s) ? INT64_MAX : s;
}

bool counter_roll(struct counter *l, int64_t now_ms)
{
	bool ahead = now_ms < l->window.start - CLOCK_SLACK_MS;

	/* A clock that is set back a little gives nothing again. */
	if (now_ms < l->window.end && !ahead)
		return false;
	l->window = window_of(l->period, now_ms);
	l->elsewhere_used = 0;
	if (!ahead)
		l->used = 0;
	return ahead;
}

void counter_use(struct counter *l, int64_t amount)
{
	l->used = sum(l->used, amount);
}

/* By running calls, of all servers. */
static int64_t held(const struct counter *l)
{
	return sum(l->reserved, l->elsewhere_held);
}

static int64_t needed(const struct counter *l, const struct need *n, int64_t *ret_guess)
{
	*ret_guess = 0;
	switch (l->measure) {
	case MEASURE_REQUESTS:
		return n->requests;
	case MEASURE_TOKENS:
		*ret_guess = n->tokens_guess;
		return n->tokens;
	case MEASURE_MONEY:
		break;
	}
	*ret_guess = n->money_guess;
	return n->money;
}

/* ---- refusing ---- */

static void say_whose(const struct counter *l, char *ret, size_t size)
{
	static const char *const words[] = {
		" for everyone together", " for you", " for the group ", " for the key ", " for"};
	bool named = l->subject == SUBJECT_GROUP || l->subject == SUBJECT_KEY;
	const char *name = l->subject_name ? l->subject_name : "?", *comma = l->subject == SUBJECT_MODEL ? "" : ",";

	_Static_assert(N_ELEMENTS(words) == SUBJECT_MODEL + 1, "each subject has its words");
	snprintf(ret, size, "%s%.32s", words[l->subject], named ? name : "");
	if (*l->model) {
		size_t n = strlen(ret);
		snprintf(ret + n, size - n, "%s model %.48s", comma, l->model);
	}
}

/* "2026-12-01 00:00 UTC" */
static void say_when(int64_t at_ms, char ret[32])
{
	char text[25];

	clock_format(at_ms, text);
	snprintf(ret, 32, "%.10s %.5s UTC", text, text + 11);
}

static void say_amount(const struct counter *l, int64_t n, const char *currency, char *ret, size_t size)
{
	if (l->measure == MEASURE_MONEY)
		money_format(n, currency, ret, size);
	else
		snprintf(ret, size, "%" PRId64, n);
}

static int refuse(const struct counter *l, int64_t now_ms, const char *currency, struct err *e)
{
	static const char *const periods[] = {"a minute", "an hour", "a day", "a month"};
	static const char *const units[][2] = {{" requests", " request"}, {" tokens", " token"}, {"", ""}};
	bool money = l->measure == MEASURE_MONEY;
	char whose[128], when[32], used[48], amount[48], reserved[48], running[96] = "";
	int64_t left_s = (l->window.end - now_ms + 999) / 1000;
	int code;

	say_whose(l, whose, sizeof(whose));
	say_when(l->window.end, when);
	say_amount(l, l->used, currency, used, sizeof(used));
	say_amount(l, l->amount, currency, amount, sizeof(amount));
	if (held(l) > 0) {
		say_amount(l, held(l), currency, reserved, sizeof(reserved));
		snprintf(running, sizeof(running), ", %s held by running answers", reserved);
	}
	code = err_set(e, money ? E_BUDGET : E_LIMIT, "The %s of %s%s %s%s is %s: %s used%s. It begins anew at %s.",
		money ? "budget" : "limit", amount, units[l->measure][l->amount == 1], periods[l->period], whose,
		money ? "used up" : "reached", used, running, when);
	if (e && e->code == code && !money)
		e->retry_after_s = (int)MIN(MAX(left_s, INT64_C(1)), INT64_C(31) * 86400);
	return code;
}

/* ---- reserving ---- */

static bool fits(const struct counter *l, int64_t need)
{
	int64_t taken = sum(l->used, held(l));

	/* What costs nothing goes on when the money is used up; an amount of 0 forbids that too. */
	if (l->amount == 0 || need == 0)
		return l->amount > 0;
	return taken <= l->amount && need <= l->amount - taken;
}

static void add_reservation(struct reservations *r, size_t cap, atelier_id id, int64_t amount)
{
	if (!r->more && r->n == RESERVATIONS_INLINE) {
		r->more = xcalloc(cap, sizeof(*r->more));
		memcpy(r->more, r->few, sizeof(r->few));
	}
	ASSERT(r->n < (r->more ? cap : RESERVATIONS_INLINE));
	(r->more ? r->more : r->few)[r->n++] = (struct reservation){id, amount};
}

/* The limit without room that stays so the longest; NULL: all have room. */
static struct counter *without_room(
	struct table *t, const struct subject_of_call *s, const struct need *need, int64_t now_ms)
{
	struct counter *worst = NULL;
	int64_t guess;

	for (size_t i = 0; i < t->n_limits; i++) {
		struct counter *l = &t->limits[i];

		if (!counter_binds(t, l, s))
			continue;
		t->recount |= counter_roll(l, now_ms);
		if (!fits(l, needed(l, need, &guess)) && (!worst || l->window.end > worst->window.end))
			worst = l;
	}
	return worst;
}

int meter_reserve(struct table *t, const struct subject_of_call *s, const struct need *need, int64_t now_ms,
	const char *currency, struct reservations *ret, struct err *e)
{
	struct counter *full = without_room(t, s, need, now_ms);

	*ret = (struct reservations){.n = 0};
	if (full)
		return refuse(full, now_ms, currency, e);
	for (size_t i = 0; i < t->n_limits; i++) {
		struct counter *l = &t->limits[i];
		int64_t guess, amount;

		if (!counter_binds(t, l, s))
			continue;
		amount = needed(l, need, &guess);
		/* How long an answer gets is a guess: it takes what is left rather than refuse what may well fit. */
		amount = sum(amount, MAX(MIN(guess, l->amount - sum(sum(l->used, held(l)), amount)), INT64_C(0)));
		l->reserved = sum(l->reserved, amount);
		add_reservation(ret, t->n_limits, l->id, amount);
	}
	return 0;
}

struct counter *counter_by_id(struct table *t, atelier_id id)
{
	size_t lo = 0, hi = t->n_limits;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (t->limits[mid].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < t->n_limits && t->limits[lo].id == id ? &t->limits[lo] : NULL;
}

void meter_release(struct table *t, struct reservations *r)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct reservation *x = &(r->more ? r->more : r->few)[i];
		struct counter *l = counter_by_id(t, x->limit_id);

		if (l) /* else it was deleted meanwhile */
			l->reserved = MAX(l->reserved - x->amount, INT64_C(0));
	}
	free(r->more);
	*r = (struct reservations){.n = 0};
}

void meter_use(struct table *t, const struct subject_of_call *s, int64_t now_ms, const struct need *taken,
	struct limit_use *list, size_t *n)
{
	int64_t guess;

	for (size_t i = 0; i < t->n_limits; i++) {
		struct counter *l = &t->limits[i];

		if (!counter_binds(t, l, s))
			continue;
		t->recount |= counter_roll(l, now_ms);
		counter_use(l, needed(l, taken, &guess));
		if (!list)
			continue;
		l->unwritten = sum(l->unwritten, needed(l, taken, &guess));
		list[(*n)++] = (struct limit_use){
			.limit_id = l->id, .window_start = l->window.start, .used = needed(l, taken, &guess)};
	}
}

/* ---- asking ---- */

bool calls_price(struct calls *c, const char *provider, const char *model, int64_t *ret_input, int64_t *ret_output)
{
	ASSERT_IS(c, CALLS_MAGIC);
	pthread_mutex_lock(&c->mx);
	const struct price *p = price_find(c->table->prices, c->table->n_prices, provider, model);
	if (p) {
		*ret_input = p->input_micros;
		*ret_output = p->output_micros;
	}
	pthread_mutex_unlock(&c->mx);
	return p != NULL;
}

bool calls_limit_state(struct calls *c, atelier_id limit_id, struct limit_state *ret)
{
	struct counter *l;

	ASSERT_IS(c, CALLS_MAGIC);
	pthread_mutex_lock(&c->mx);
	l = counter_by_id(c->table, limit_id);
	if (l) {
		c->table->recount |= counter_roll(l, c->now_ms());
		*ret = (struct limit_state){l->id, l->used, held(l), l->window.end};
	}
	pthread_mutex_unlock(&c->mx);
	return l != NULL;
}

int calls_limits_of(struct calls *c, atelier_id user_id, atelier_id key_id, struct arena *a, atelier_id **ret,
	size_t *ret_n, struct err *e)
{
	const struct subject_of_call s = {.user_id = user_id, .key_id = key_id};
	atelier_id *ids;
	size_t n = 0;

	ASSERT_IS(c, CALLS_MAGIC);
	pthread_mutex_lock(&c->mx);
	ids = ARENA_ARRAY(a, atelier_id, MAX(c->table->n_limits, (size_t)1));
	for (size_t i = 0; ids && i < c->table->n_limits; i++)
		if (binds_person(c->table, &c->table->limits[i], &s))
			ids[n++] = c->table->limits[i].id;
	pthread_mutex_unlock(&c->mx);
	if (!ids)
		return err_set(e, -ENOMEM, "the limits of a user do not fit into memory");
	*ret = ids;
	*ret_n = n;
	return 0;
}
