/* call.c - a call of a model: what it may cost is reserved, the provider is called, what it took is settled. */
#include "call/call.h"

#include <errno.h>

#include "base/clock.h"
#include "call/call_priv.h"
#include "sys/metrics.h"

#define ANSWER_GUESS 1024       /* tokens that are set aside for an answer whose length nobody said */
#define LOOKUP_BYTES (1u << 20) /* what the catalogue says of one model */

/* What nobody means, but a client may ask for or a provider report: sums of it must fit the database. */
#define TOKENS_MAX INT64_C(1000000000000)
#define COST_MAX   INT64_C(1000000000000000)

static int64_t sane(int64_t tokens)
{
	return MIN(MAX(tokens, INT64_C(0)), TOKENS_MAX);
}

/* ---- the model, as limits and prices go by it ---- */

/* "ollama/llama3" of ollama is llama3: the prefix stands only where two providers have the name. */
static const char *bare_name(const char *provider, const char *id)
{
	size_t n = strlen(provider);

	return strncmp(id, provider, n) == 0 && id[n] == '/' && id[n + 1] ? id + n + 1 : id;
}

void subject_of_model(struct calls *c, const char *asked, struct arena *a, struct subject_of_call *s,
	const char **ret_provider, const char **ret_name)
{
	struct err quiet = {0};
	struct model m;

	*ret_provider = "";
	*ret_name = asked;
	s->names[0] = asked;
	if (!c->c.providers || providers_model(c->c.providers, asked, a, &m, &quiet) < 0)
		return;
	const char *id = m.alias_of ? m.alias_of : m.id;
	*ret_provider = m.provider;
	*ret_name = bare_name(m.provider, id);
	s->names[1] = m.id;
	s->names[2] = m.alias_of;
	s->names[3] = arena_printf(a, "%s/%s", m.provider, *ret_name);
}

/* ---- the beginning ---- */

/* A row with its texts; what it counts is filled in by who asks for it. */
static struct pending *row_new(const struct metered *m, int64_t now_ms, const char *provider, const char *model)
{
	struct pending *p = xcalloc(1, sizeof(*p));

	text_copy(p->purpose, sizeof(p->purpose), m->who->purpose);
	text_copy(p->provider, sizeof(p->provider), provider);
	text_copy(p->model, sizeof(p->model), model);
	if (strcmp(model, m->asked) != 0)
		text_copy(p->asked, sizeof(p->asked), m->asked);
	p->row = (struct usage_row){.id = id_new(),
		.at = now_ms,
		.user_id = m->who->user_id,
		.key_id = m->who->key_id,
		.conversation_id = m->who->conversation_id,
		.purpose = p->purpose,
		.provider = p->provider,
		.model = p->model,
		.asked = p->asked,
		.first_token_ms = -1};
	return p;
}

static void row_error(struct pending *p, int code)
{
	text_copy(p->error_code, sizeof(p->error_code), err_info(code)->wire_code);
	p->row.error_code = p->error_code;
}

static void refused(struct metered *m, int code, const char *provider)
{
	struct calls *c = m->c;
	struct pending *p = row_new(m, c->now_ms(), provider, m->asked);

	p->row.outcome = OUTCOME_REFUSED;
	row_error(p, code);
	metric_add(M_limits_refused_total, 1);
	pthread_mutex_lock(&c->mx);
	rows_push(c, p);
	pthread_mutex_unlock(&c->mx);
}

static bool has_limits(struct calls *c, bool *ret_by_model)
{
	pthread_mutex_lock(&c->mx);
	bool any = c->table->n_limits > 0;
	*ret_by_model = c->table->by_model;
	pthread_mutex_unlock(&c->mx);
	return any;
}

static void tell_limits(struct calls *c, atelier_id user_id)
{
	bus_publish(c->c.bus, &(struct bus_event){.kind = BUS_LIMITS, .what = "changed", .user_id = user_id});
}

int metered_begin(struct metered *m, struct calls *c, const struct caller *who, const char *asked, int64_t tokens_in,
	int64_t tokens_out, bool guess, struct err *e)
{
	CLEANUP(arena_done) struct arena a;
	struct subject_of_call s = {.user_id = who->user_id, .key_id = who->key_id, .names = {asked}};
	int64_t in = sane(tokens_in), out = sane(tokens_out);
	struct need need = {
		.requests = 1, .tokens = MAX(in, INT64_C(1)) + (guess ? 0 : out), .tokens_guess = guess ? out : 0};
	const char *provider = "", *name = asked;
	bool by_model;
	int r;

	ASSERT_IS(c, CALLS_MAGIC);
	*m = (struct metered){.c = c, .who = who, .asked = asked};
	arena_init(&a, LOOKUP_BYTES); /* takes memory only when it is used */
	if (!has_limits(c, &by_model))
		return 0;
	if (by_model)
		subject_of_model(c, asked, &a, &s, &provider, &name);
	pthread_mutex_lock(&c->mx);
	const struct price *price = price_find(c->table->prices, c->table->n_prices, provider, name);
	need.money = price_of(price, &(struct tokens){.in = in, .out = guess ? 0 : out}, true);
	if (guess)
		need.money_guess = price_of(price, &(struct tokens){.out = out}, false);
	bool others = c->others;
	r = others ? 0 : meter_reserve(c->table, &s, &need, c->now_ms(), c->c.settings->currency, &m->reserved, e);
	pthread_mutex_unlock(&c->mx);
	if (others)
		r = servers_reserve(c, &s, &need, &m->reserved, e);
	if (r < 0)
		refused(m, r, provider);
	else
		tell_limits(c, who->user_id);
	return r;
}

/* ---- the end ---- */

static const char *outcome_of(int r, int cancel_code)
{
	if (r >= 0)
		return OUTCOME_COMPLETE;
	/* -EPIPE and the like: a sink whose reader has gone. */
	if (cancel_code == E_CANCELED || cancel_code == E_STOPPING || cancel_code == E_BUDGET || r == -EPIPE ||
		r == -ECONNRESET)
		return OUTCOME_CANCELED;
	return cancel_code == 0 && r == -ECANCELED ? OUTCOME_CANCELED : OUTCOME_FAILED;
}

static void fill_figures(struct pending *p, const struct gen_result *res, const struct tokens *t, bool exact)
{
	struct usage_row *u = &p->row;

	u->tokens_in = t->in;
	u->tokens_out = t->out;
	u->tokens_cached = t->cached;
	u->tokens_reasoning = t->reasoning;
	u->tokens_exact = exact;
	u->first_token_ms = res->first_token_ms;
	u->duration_ms = MAX(res->duration_ms, INT64_C(0));
	u->queued_ms = MAX(res->queued_ms, INT64_C(0));
	u->tries = MAX(res->tries, 0);
}

/* What limits and prices know the call by, once it has been answered. */
static void identify(struct metered *m, const struct gen_result *res, bool lookup, struct arena *a,
	struct subject_of_call *s, const char **ret_provider, const char **ret_name)
{
	const char *id = res->model[0] ? res->model : m->asked;

	if (!res->provider[0] || !res->provider_model[0]) {
		subject_of_model(m->c, id, a, s, ret_provider, ret_name);
		s->names[2] = m->asked;
		return;
	}
	*ret_provider = res->provider;
	*ret_name = res->provider_model;
	s->names[0] = m->asked;
	s->names[1] = id;
	s->names[3] = lookup ? arena_printf(a, "%s/%s", res->provider, res->provider_model) : NULL;
}

int64_t metered_end(struct metered *m, int r, int cancel_code, const struct gen_result *res,
	const struct tokens *reported, bool exact, const struct err *e)
{
	const struct tokens tokens = {
		sane(reported->in), sane(reported->out), sane(reported->cached), sane(reported->reasoning)};
	const struct tokens *t = &tokens;
	CLEANUP(arena_done) struct arena a;
	struct subject_of_call s = {.user_id = m->who->user_id, .key_id = m->who->key_id};
	struct calls *c = m->c;
	const char *provider, *name;
	int64_t now = c->now_ms(), cost;
	bool by_model;

	ASSERT_IS(m->c, CALLS_MAGIC);
	bool limited = has_limits(c, &by_model);
	arena_init(&a, LOOKUP_BYTES);
	identify(m, res, by_model, &a, &s, &provider, &name);
	struct pending *p = row_new(m, now, provider, res->model[0] ? res->model : m->asked);
	p->row.outcome = outcome_of(r, cancel_code);
	if (r < 0)
		row_error(p, cancel_code ? cancel_code : e && e->code ? e->code : r);
	fill_figures(p, res, t, exact);
	metric_add(M_tokens_in_total, t->in);
	metric_add(M_tokens_out_total, t->out);
	bool called = r >= 0 || res->first_token_ms >= 0 || exact;
	pthread_mutex_lock(&c->mx);
	cost = price_of(price_find(c->table->prices, c->table->n_prices, provider, name), t, called);
	cost = MIN(cost, COST_MAX);
	p->row.cost_micros = cost;
	servers_uses(c, &m->reserved, p);
	meter_release(c->table, &m->reserved);
	meter_use(c->table, &s, now, &(struct need){.requests = 1, .tokens = t->in + t->out, .money = cost}, p->uses,
		&p->n_uses);
	rows_push(c, p);
	pthread_mutex_unlock(&c->mx);
	if (limited)
		tell_limits(c, m->who->user_id);
	return cost;
}

/* ---- a generation ---- */

/* What the provider does not report is guessed from sizes. */
static struct tokens figures(const struct gen_result *res, int64_t est_in, int r, bool *ret_exact)
{
	bool began = r >= 0 || res->first_token_ms >= 0;
	int64_t est_out = (res->answer_bytes + 3) / 4;

	*ret_exact = res->tokens_in >= 0 && res->tokens_out >= 0;
	return (struct tokens){
		.in = res->tokens_in >= 0 ? res->tokens_in
		      : began             ? est_in
					  : 0,
		.out = res->tokens_out >= 0 ? res->tokens_out
		       : began              ? est_out
					    : 0,
		.cached = MAX(res->tokens_cached, INT64_C(0)),
		.reasoning = MAX(res->tokens_reasoning, INT64_C(0)),
	};
}

int call_generate(struct calls *c, const struct caller *who, const struct gen_request *q, struct gen_sink *sink,
	struct cancel *cancel, struct gen_result *ret, int64_t *ret_cost, struct err *e)
{
	struct gen_request mine = *q;
	int64_t est_in = provider_estimate_tokens(q), cost;
	struct metered m;
	bool exact;
	int r;

	ASSERT(thread_may_wait() && cancel);
	ASSERT_IS(c, CALLS_MAGIC);
	*ret = (struct gen_result)GEN_NO_RESULT;
	r = metered_begin(
		&m, c, who, q->model, est_in, q->max_tokens > 0 ? q->max_tokens : ANSWER_GUESS, q->max_tokens <= 0, e);
	if (r < 0)
		return r;
	if (!mine.caller)
		mine.caller = who->user_id;
	if (!mine.key)
		mine.key = who->key_id;
	r = provider_generate(c->c.providers, &mine, sink, cancel, ret, e);
	struct tokens t = figures(ret, est_in, r, &exact);
	cost = metered_end(&m, r, r < 0 ? cancel_reason(cancel) : 0, ret, &t, exact, e);
	if (ret_cost)
		*ret_cost = cost;
	return r;
}

/* ---- life ---- */

int calls_reload(struct calls *c, struct err *e)
{
	int r = table_load(c, e);

	ASSERT_IS(c, CALLS_MAGIC);
	if (r == 0)
		tell_limits(c, 0);
	return r;
}

int calls_new(const struct calls_config *config, struct calls **ret, struct err *e)
{
	struct calls *c = xcalloc(1, sizeof(*c));
	int r;

	MAGIC_SET(c, CALLS_MAGIC);
	c->c = *config;
	c->now_ms = clock_now_ms;
	c->last = &c->first;
	pthread_mutex_init(&c->mx, NULL);
	pthread_mutex_init(&c->write_mx, NULL);
	pthread_cond_init(&c->wake, NULL);
	pthread_cond_init(&c->moved, NULL);
	r = table_load(c, e);
	if (r == 0)
		r = rows_start(c, e);
	if (r == 0)
		r = servers_join(c, e);
	if (r < 0) {
		calls_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

void calls_free(struct calls *c)
{
	if (!c)
		return;
	rows_stop(c);
	table_free(c->table);
	pthread_cond_destroy(&c->moved);
	pthread_cond_destroy(&c->wake);
	pthread_mutex_destroy(&c->write_mx);
	pthread_mutex_destroy(&c->mx);
	MAGIC_END(c, CALLS_MAGIC);
	free(c);
}
