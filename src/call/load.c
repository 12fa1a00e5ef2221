/* load.c - what administrators have set, read from the database, with what the running windows have used up already. */
#include <errno.h>
#include <stdio.h>

#include "call/call_priv.h"
#include "store/groups.h"

#define TABLE_MAX ((size_t)256 << 20)
#define RECOUNTS  3 /* while other servers go on writing */

void table_free(struct table *t)
{
	if (!t)
		return;
	arena_done(&t->arena);
	free(t);
}
DEFINE_CLEANUP(struct table, table_free)

static int full(struct err *e)
{
	return err_set(e, -ENOMEM, "limits, prices and groups do not fit into memory");
}

/* The database holds no other words. */
static int index_of(const char *words, const char *word)
{
	return MAX(str_word_place(words, str_from(word)), 0);
}

static int load_limits(struct table *t, struct db_conn *db, int64_t now_ms, struct err *e)
{
	struct limit_list list;
	int r = limits_list(db, &t->arena, &list, e);

	if (r < 0)
		return r;
	t->limits = ARENA_ARRAY(&t->arena, struct counter, MAX(list.n, (size_t)1));
	if (!t->limits)
		return full(e);
	for (size_t i = 0; i < list.n; i++) {
		const struct limit *l = &list.items[i];
		struct counter *x = &t->limits[i];

		*x = (struct counter){.id = l->id,
			.subject = (enum subject)index_of(SUBJECTS, l->subject),
			.measure = (enum measure)index_of(MEASURES, l->measure),
			.period = (enum period)index_of(PERIODS, l->period),
			.subject_id = l->subject_id,
			.subject_name = l->subject_name,
			.model = l->model,
			.amount = l->amount};
		x->window = window_of(x->period, now_ms);
		t->by_model = t->by_model || *x->model || x->measure == MEASURE_MONEY;
	}
	t->n_limits = list.n;
	return 0;
}

static int by_user(const void *a, const void *b)
{
	const struct membership *x = a, *y = b;

	return x->user_id < y->user_id ? -1 : x->user_id > y->user_id;
}

static int load_groups(struct table *t, struct db_conn *db, struct err *e)
{
	struct group_list list;
	size_t n = 0;
	int r = groups_list(db, &t->arena, &list, e);

	for (size_t i = 0; r == 0 && i < list.n; i++)
		n += list.items[i].n_members;
	if (r < 0)
		return r;
	t->members = ARENA_ARRAY(&t->arena, struct membership, MAX(n, (size_t)1));
	if (!t->members)
		return full(e);
	for (size_t i = 0; i < list.n; i++)
		for (size_t k = 0; k < list.items[i].n_members; k++)
			t->members[t->n_members++] = (struct membership){list.items[i].members[k].id, list.items[i].id};
	if (n > 1)
		qsort(t->members, n, sizeof(*t->members), by_user);
	return 0;
}

static int load_prices(struct table *t, struct db_conn *db, struct err *e)
{
	struct price_list list;
	int r = prices_list(db, &t->arena, &list, e);

	if (r < 0)
		return r;
	t->prices = list.items;
	t->n_prices = list.n;
	prices_sort(t->prices, t->n_prices);
	return 0;
}

/* ---- what is used up ---- */

struct recount {
	struct table *t;
	bool days, renamed; /* sums of days for the long windows; single calls for the short ones */
};

static int64_t measured(const struct counter *l, const struct usage_count *u)
{
	switch (l->measure) {
	case MEASURE_REQUESTS:
		return u->requests;
	case MEASURE_TOKENS:
		return u->tokens;
	case MEASURE_MONEY:
		break;
	}
	return u->cost_micros;
}

/* Sums by day know only the name of the model that answered. A call that another name asked for is added for the limits
 * that know it by that name alone. */
static bool counts(const struct recount *x, const struct counter *l, const struct usage_count *u)
{
	char both[2 * NAME_BYTES + 2];
	size_t n = strlen(u->provider);
	struct subject_of_call s = {.user_id = u->user_id, .key_id = u->key_id, .names = {u->model, both}};
	int64_t at = u->at ? u->at : u->day * DAY_MS;
	bool bound;

	if ((l->period >= PERIOD_DAY) != (x->days || x->renamed) || at < l->window.start || at >= l->window.end)
		return false;
	snprintf(both, sizeof(both), "%s/%s", u->provider,
		strncmp(u->model, u->provider, n) == 0 && u->model[n] == '/' ? u->model + n + 1 : u->model);
	bound = counter_binds(x->t, l, &s);
	if (!*u->asked || (bound && !x->renamed))
		return bound;
	s.names[2] = u->asked;
	return !bound && counter_binds(x->t, l, &s);
}

static void count_one(void *arg, const struct usage_count *u)
{
	const struct recount *x = arg;

	for (size_t i = 0; i < x->t->n_limits; i++)
		if (counts(x, &x->t->limits[i], u))
			counter_use(&x->t->limits[i], measured(&x->t->limits[i], u));
}

static int recount(struct table *t, struct db_conn *db, int64_t now_ms, struct err *e)
{
	const struct window hour = window_of(PERIOD_HOUR, now_ms), month = window_of(PERIOD_MONTH, now_ms);
	struct recount x = {.t = t, .days = true};
	int r = usage_count_days(db, month.start / DAY_MS, count_one, &x, e);

	x = (struct recount){.t = t, .renamed = true};
	if (r == 0 && t->by_model)
		r = usage_count_calls(db, month.start, true, count_one, &x, e);
	x = (struct recount){.t = t};
	if (r == 0)
		r = usage_count_calls(db, hour.start, false, count_one, &x, e);
	return r;
}

/* Rows that have not reached the database yet: as calls for the short windows, and as sums for the long ones. */
static void recount_pending(struct table *t, const struct pending *p)
{
	struct recount calls = {.t = t}, days = {.t = t, .days = true}, renamed = {.t = t, .renamed = true};

	ASSERT(thread_may_wait());
	for (; p; p = p->next) {
		struct usage_count u = {.at = p->row.at,
			.user_id = p->row.user_id,
			.key_id = p->row.key_id,
			.provider = p->provider,
			.model = p->model,
			.asked = "",
			.requests = 1,
			.tokens = p->row.tokens_in + p->row.tokens_out,
			.cost_micros = p->row.cost_micros};

		if (strcmp(p->row.outcome, OUTCOME_REFUSED) == 0)
			continue;
		count_one(&days, &u);
		u.asked = p->asked;
		count_one(&calls, &u);
		if (*p->asked)
			count_one(&renamed, &u);
	}
}

/* What running calls hold stays held. */
static void keep_reserved(struct table *t, const struct table *old)
{
	size_t k = 0;

	for (size_t i = 0; old && i < t->n_limits; i++) {
		while (k < old->n_limits && old->limits[k].id < t->limits[i].id)
			k++;
		if (k < old->n_limits && old->limits[k].id == t->limits[i].id) {
			t->limits[i].reserved = old->limits[k].reserved;
			t->limits[i].unwritten = old->limits[k].unwritten;
		}
	}
}

/* What is stored and what the other servers say of it are read one after the other: until nothing has come between. */
static int recount_with_others(struct table *t, struct db_conn *db, int64_t now_ms, struct err *e)
{
	struct servers_seen before, after;
	int r = servers_read(db, &t->arena, &after, e);
	int tries = RECOUNTS;

	do {
		before =
			after; /* if it stays so, what came between counts twice rather than not at all, until the next time */
		for (size_t i = 0; i < t->n_limits; i++)
			t->limits[i].used = 0;
		if (r == 0)
			r = recount(t, db, now_ms, e);
		if (r == 0)
			r = servers_read(db, &t->arena, &after, e);
	} while (r == 0 && !servers_same(&before, &after) && --tries > 0);
	if (r == 0)
		(void)servers_apply(t, &before, now_ms, true);
	return r;
}

static int load(struct calls *c, struct table *t, struct err *e)
{
	CLEANUP(db_releasep) struct db_conn *db = db_acquire(c->c.db);
	int64_t now_ms = c->now_ms();
	int r = load_limits(t, db, now_ms, e);

	if (r == 0)
		r = load_groups(t, db, e);
	if (r == 0)
		r = load_prices(t, db, e);
	if (r == 0 && t->n_limits > 0)
		r = recount_with_others(t, db, now_ms, e);
	return r;
}

int table_load(struct calls *c, struct err *e)
{
	CLEANUP(table_freep) struct table *t = xcalloc(1, sizeof(*t));
	struct table *old;
	int r;

	ASSERT(thread_may_wait());
	ASSERT_IS(c, CALLS_MAGIC);
	arena_init(&t->arena, TABLE_MAX);
	/* No row moves to the database meanwhile, so that each is counted once: there, or here among the pending. */
	pthread_mutex_lock(&c->write_mx);
	r = load(c, t, e);
	if (r == 0) {
		pthread_mutex_lock(&c->mx);
		recount_pending(t, c->first);
		keep_reserved(t, c->table);
		old = c->table;
		c->table = TAKE_PTR(t);
		pthread_mutex_unlock(&c->mx);
		t = old; /* freed on the way out */
	}
	pthread_mutex_unlock(&c->write_mx);
	return r;
}
