/*
 * usage_api.c - what calls of models took: sums by day, model, provider, person or key, and single calls. What stands
 * in memory is written first (settle), so that who has just asked a model finds that call. All is of whoever asks; an
 * administrator may ask for everybody's.
 */
#include <stdio.h>

#include "api/answer.h"
#include "api/request.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/usage.h"

#define MINUTE_MS  INT64_C(60000)
#define DAYS_SHOWN 30   /* when nobody says from when */
#define DAYS_MAX   3700 /* ten years */
#define HOURS_DAYS 7    /* of so many days hours are told */

/* ---- sums ---- */

struct sum_answer {
	struct usage_sum s;
	bool has_key, has_first_token, has_rate;
	int64_t first_token_ms;
	double tokens_per_s;
};

#define SUM struct sum_answer
static const struct field sum_fields[] = {
	FIELD_MAYBE(FT_STR, SUM, s.key, has_key, "key", NULL,
		"The day, model id, provider, username or name of the key (empty: calls without one); null: the "
		"total."),
	FIELD_I64(SUM, s.requests, "requests", 0, 0, FIELD_REQUIRED, "Calls of models."),
	FIELD_I64(SUM, s.failed, "failed", 0, 0, FIELD_REQUIRED, "Those of them that failed."),
	FIELD_I64(SUM, s.tokens_in, "tokens_in", 0, 0, FIELD_REQUIRED, "Input tokens."),
	FIELD_I64(SUM, s.tokens_out, "tokens_out", 0, 0, FIELD_REQUIRED, "Output tokens."),
	FIELD_I64(SUM, s.tokens_cached, "tokens_cached", 0, 0, FIELD_REQUIRED, "Input tokens from a provider's cache."),
	FIELD_I64(SUM, s.tokens_reasoning, "tokens_reasoning", 0, 0, FIELD_REQUIRED, "Tokens of reasoning."),
	FIELD_I64(SUM, s.cost_micros, "cost_micros", 0, 0, FIELD_REQUIRED, "Cost in millionths of the currency."),
	FIELD_MAYBE(FT_I64, SUM, first_token_ms, has_first_token, "first_token_ms", NULL,
		"Mean time to the first token; null: there was none."),
	FIELD_MAYBE(FT_F64, SUM, tokens_per_s, has_rate, "tokens_per_s", NULL,
		"Output tokens a second, on average; null: not known."),
};
static const struct schema sum_schema = SCHEMA("UsageSum", SUM, sum_fields, "What some calls took together.");
#undef SUM

struct usage_answer {
	const char *from, *to, *currency;
	struct schema_list items;
	struct sum_answer total;
};

static const struct field usage_fields[] = {
	FIELD_STR(struct usage_answer, from, "from", 0, 0, FIELD_REQUIRED, "First day."),
	FIELD_STR(struct usage_answer, to, "to", 0, 0, FIELD_REQUIRED, "Last day."),
	FIELD_STR(struct usage_answer, currency, "currency", 0, 0, FIELD_REQUIRED, "Of all money here."),
	FIELD_LIST(struct usage_answer, items, "items", &sum_schema, 0, FIELD_REQUIRED,
		"Days in their order; all else by cost."),
	FIELD_OBJECT(struct usage_answer, total, "total", &sum_schema, FIELD_REQUIRED, "All of them together."),
};
static const struct schema usage_schema =
	SCHEMA("Usage", struct usage_answer, usage_fields, "What calls of models took.");

/* Tokens a second to one decimal; false when there is no time to divide by. */
static bool rate(int64_t tokens, int64_t ms, double *ret)
{
	int64_t tenths;

	if (ms <= 0 || tokens <= 0)
		return false;
	tenths = tokens * 10000 / ms;
	*ret = (double)tenths / 10;
	return true;
}

static struct sum_answer sum_answer_of(const struct usage_sum *s)
{
	struct sum_answer a = {.s = *s, .has_key = s->key != NULL, .has_first_token = s->first_tokens > 0};

	if (a.has_first_token)
		a.first_token_ms = s->first_token_ms / s->first_tokens;
	a.has_rate = rate(s->tokens_out, s->duration_ms - s->first_token_ms, &a.tokens_per_s);
	return a;
}

static bool is_leap(int y)
{
	return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

/* "2026-11-21" as a day; E_INVALID. */
static int parse_day(struct request *q, const char *name, int64_t otherwise, int64_t *ret)
{
	const char *text = http_query(q->x, name);
	static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int y, m, d, n = 0;

	if (!text) {
		*ret = otherwise;
		return 0;
	}
	if (strlen(text) == 10 && sscanf(text, "%4d-%2d-%2d%n", &y, &m, &d, &n) == 3 && n == 10 && m >= 1 && m <= 12 &&
		d >= 1 && d <= days[m - 1] && (m != 2 || d < 29 || is_leap(y))) {
		int64_t yy = m <= 2 ? y - 1 : y, mm = m <= 2 ? m + 9 : m - 3;

		/* Nothing was counted before 1970. */
		*ret = MAX(0, yy * 365 + yy / 4 - yy / 100 + yy / 400 + (mm * 153 + 2) / 5 + d - 1 - 719468);
		return 0;
	}
	return err_field(&q->err, E_INVALID, name, "must be a day like 2026-11-21.");
}

static enum usage_by by_of(struct request *q, enum usage_by otherwise)
{
	static const char *const words[] = {"day", "model", "provider", "user", "key"};
	_Static_assert(N_ELEMENTS(words) == USAGE_BY_KEY + 1, "each has its word");
	const char *text = http_query(q->x, "by");

	for (size_t i = 0; text && i < N_ELEMENTS(words); i++)
		if (strcmp(text, words[i]) == 0)
			return (enum usage_by)i;
	return otherwise;
}

/* Whose usage: the asker's own, or with all=true everybody's (0). */
static int parse_whose(struct request *q, atelier_id *ret)
{
	bool all;
	int r = request_bool(q, "all", &all);

	if (r < 0)
		return r;
	if (all && !user_is_admin(&q->who.user))
		return err_set(&q->err, E_FORBIDDEN, "Only an administrator sees the usage of all.");
	*ret = all ? 0 : q->who.user.id;
	return 0;
}

/* What has just ended belongs to the answer. Should it not reach the disk, there is still the rest to show. */
static void settle(struct request *q)
{
	struct err e = {0};

	if (calls_flush(q->api->c.calls, &e) < 0)
		log_debug("http", "usage is shown without the newest calls: %s", e.msg);
}

static const char *day_text(struct request *q, int64_t day)
{
	char text[25];

	clock_format(day * DAY_MS, text);
	return arena_strndup(&q->mem, text, 10);
}

static int usage_filter(struct request *q, struct usage_filter *f)
{
	int64_t now = clock_now_ms(), minutes, kept = q->api->c.settings->usage_keep_days;
	int r = request_i64(q, "utc_offset", &minutes);

	f->offset_ms = minutes * MINUTE_MS;
	if (r == 0)
		r = parse_day(q, "to", (now + f->offset_ms) / DAY_MS, &f->to_day);
	if (r == 0)
		r = parse_day(q, "from", f->to_day - (DAYS_SHOWN - 1), &f->from_day);
	if (r == 0)
		r = parse_whose(q, &f->user_id);
	f->from_day = MAX(f->from_day, f->to_day - (f->hours ? HOURS_DAYS - 1 : DAYS_MAX));
	/* The day in which the oldest calls are being removed has lost some of them. */
	f->calls_from_day = kept ? now / DAY_MS - MAX(kept, (int64_t)USAGE_DAYS_LEAST) + 1 : 0;
	return r;
}

/* What all sums begin with: which calls, their days as text, and none that is not in the database yet. */
static int usage_begin(struct request *q, struct usage_filter *f, const char **from, const char **to)
{
	int r = usage_filter(q, f);

	if (r < 0)
		return r;
	settle(q);
	*from = day_text(q, f->from_day);
	*to = day_text(q, f->to_day);
	return *from && *to ? 0 : request_no_memory(q);
}

static int usage_get(struct request *q)
{
	struct usage_answer *out = ARENA_NEW(&q->mem, struct usage_answer);
	struct usage_filter f = {0};
	struct usage_sums sums = {0};
	const char *from = NULL, *to = NULL;
	int r = usage_begin(q, &f, &from, &to);

	if (r < 0)
		return r;
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	r = usage_sums(c, by_of(q, USAGE_BY_DAY), &f, &q->mem, &sums, &q->err);
	if (r < 0)
		return r;
	struct sum_answer *items = ARENA_ARRAY(&q->mem, struct sum_answer, MAX(sums.n, (size_t)1));
	if (!out || !items)
		return request_no_memory(q);
	for (size_t i = 0; i < sums.n; i++)
		items[i] = sum_answer_of(&sums.items[i]);
	*out = (struct usage_answer){.from = from,
		.to = to,
		.currency = q->api->c.settings->currency,
		.items = {items, sums.n},
		.total = sum_answer_of(&sums.total)};
	q->answer = out;
	return 0;
}

/* ---- series ---- */

struct series_answer {
	const char *from, *to, *currency;
	struct schema_list items;
};

#define POINT struct usage_point
static const struct field point_fields[] = {
	FIELD_STR(POINT, day, "day", 0, 0, FIELD_REQUIRED,
		"The day: 2026-11-21; with `each=hour` the hour: 2026-11-21T14."),
	FIELD_STR(POINT, sum.key, "key", 0, 0, FIELD_REQUIRED,
		"Model id, provider, username or name of the key (empty: calls without one)."),
	FIELD_I64(POINT, sum.requests, "requests", 0, 0, FIELD_REQUIRED, "Calls of models."),
	FIELD_I64(POINT, sum.failed, "failed", 0, 0, FIELD_REQUIRED, "Those of them that failed."),
	FIELD_I64(POINT, sum.tokens_in, "tokens_in", 0, 0, FIELD_REQUIRED, "Input tokens."),
	FIELD_I64(POINT, sum.tokens_out, "tokens_out", 0, 0, FIELD_REQUIRED, "Output tokens."),
	FIELD_I64(POINT, sum.cost_micros, "cost_micros", 0, 0, FIELD_REQUIRED, "Cost in millionths of the currency."),
};
static const struct schema point_schema =
	SCHEMA("UsagePoint", POINT, point_fields, "What some calls of a day, or an hour, took.");
#undef POINT

static const struct field series_fields[] = {
	FIELD_STR(struct series_answer, from, "from", 0, 0, FIELD_REQUIRED, "First day."),
	FIELD_STR(struct series_answer, to, "to", 0, 0, FIELD_REQUIRED, "Last day."),
	FIELD_STR(struct series_answer, currency, "currency", 0, 0, FIELD_REQUIRED, "Of all money here."),
	FIELD_LIST(struct series_answer, items, "items", &point_schema, 0, FIELD_REQUIRED,
		"Days or hours in their order, without those that have no calls; within one by cost."),
};
static const struct schema series_schema = SCHEMA(
	"UsageSeries", struct series_answer, series_fields, "What calls of models took, day by day, or hour by hour.");

static int usage_series_get(struct request *q)
{
	struct series_answer *out = ARENA_NEW(&q->mem, struct series_answer);
	struct usage_filter f = {0};
	struct usage_series series = {0};
	const char *from = NULL, *to = NULL, *each = http_query(q->x, "each");
	int r;

	f.hours = each && strcmp(each, "hour") == 0;
	r = usage_begin(q, &f, &from, &to);
	if (r < 0)
		return r;
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	r = usage_series(c, by_of(q, USAGE_BY_MODEL), &f, &q->mem, &series, &q->err);
	if (r < 0)
		return r;
	if (!out)
		return request_no_memory(q);
	*out = (struct series_answer){from, to, q->api->c.settings->currency, {series.items, series.n}};
	q->answer = out;
	return 0;
}

/* ---- calls ---- */

struct call_answer {
	struct usage_call u;
	bool has_first_token, has_rate;
	double tokens_per_s;
};

#define CALL struct call_answer
static const struct field call_fields[] = {
	FIELD_ID(CALL, u.row.id, "id", FIELD_REQUIRED, "Identifier."),
	FIELD_TIME(CALL, u.row.at, "at", FIELD_REQUIRED, "When it ended."),
	FIELD_STR(CALL, u.username, "username", 0, 0, 0, "Whose call; null: a user who is gone."),
	FIELD_STR(CALL, u.key_name, "key", 0, 0, 0, "Name of the API key; null: without one, or it is gone."),
	FIELD_ID(CALL, u.row.conversation_id, "conversation_id", 0, "Where it was made; null: in no conversation."),
	FIELD_STR(CALL, u.row.purpose, "purpose", 0, 0, FIELD_REQUIRED,
		"chat, agent, title, summary, gateway, embedding."),
	FIELD_STR(CALL, u.row.provider, "provider", 0, 0, FIELD_REQUIRED, "Who answered; empty: nobody was asked."),
	FIELD_STR(CALL, u.row.model, "model", 0, 0, FIELD_REQUIRED, "Id of the model that answered."),
	FIELD_ENUM(CALL, u.row.outcome, "outcome", "complete canceled failed refused", FIELD_REQUIRED,
		"How it ended; refused: by a limit."),
	FIELD_STR(CALL, u.row.error_code, "error_code", 0, 0, 0, "Code of the error; null: none."),
	FIELD_I64(CALL, u.row.tokens_in, "tokens_in", 0, 0, FIELD_REQUIRED, "Input tokens."),
	FIELD_I64(CALL, u.row.tokens_out, "tokens_out", 0, 0, FIELD_REQUIRED, "Output tokens."),
	FIELD_I64(CALL, u.row.tokens_cached, "tokens_cached", 0, 0, FIELD_REQUIRED,
		"Input tokens from the provider's cache, part of those."),
	FIELD_I64(CALL, u.row.tokens_reasoning, "tokens_reasoning", 0, 0, FIELD_REQUIRED,
		"Reasoning tokens, part of the output tokens."),
	FIELD_BOOL(
		CALL, u.row.tokens_exact, "tokens_exact", FIELD_REQUIRED, "As the provider counted; false: estimated."),
	FIELD_MAYBE(FT_I64, CALL, u.row.first_token_ms, has_first_token, "first_token_ms", NULL,
		"Time to the first token; null: none came."),
	FIELD_I64(CALL, u.row.duration_ms, "duration_ms", 0, 0, FIELD_REQUIRED, "Time the provider took."),
	FIELD_I64(CALL, u.row.queued_ms, "queued_ms", 0, 0, FIELD_REQUIRED, "Time it waited for a place before that."),
	FIELD_I64(CALL, u.row.tries, "tries", 0, 0, FIELD_REQUIRED, "How often it was tried."),
	FIELD_MAYBE(
		FT_F64, CALL, tokens_per_s, has_rate, "tokens_per_s", NULL, "Output tokens a second; null: not known."),
	FIELD_I64(CALL, u.row.cost_micros, "cost_micros", 0, 0, FIELD_REQUIRED, "Cost in millionths of the currency."),
};
static const struct schema call_schema = SCHEMA("Call", CALL, call_fields, "One call of a model.");
#undef CALL

LIST_SCHEMA(call_page_schema, "CallPage", &call_schema, "Newest first.", "Some calls.");

static struct call_answer call_answer_of(const struct usage_call *u)
{
	struct call_answer a = {.u = *u, .has_first_token = u->row.first_token_ms >= 0};

	a.has_rate = a.has_first_token &&
		     rate(u->row.tokens_out, u->row.duration_ms - u->row.first_token_ms, &a.tokens_per_s);
	return a;
}

static int usage_calls_get(struct request *q)
{
	struct usage_call_list list = {0};
	atelier_id user = 0, cursor = 0;
	int64_t limit;
	int r = request_i64(q, "limit", &limit);

	if (r == 0)
		r = request_id(q, "cursor", &cursor);
	if (r == 0)
		r = parse_whose(q, &user);
	if (r < 0)
		return r;
	settle(q);
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(q->api->c.db);
	r = usage_calls(c, user, cursor, (size_t)limit, &q->mem, &list, &q->err);
	if (r < 0)
		return r;
	ASSERT(!list.more || list.n > 0); /* what follows is behind the last one */
	struct call_answer *items = ARENA_ARRAY(&q->mem, struct call_answer, MAX(list.n, (size_t)1));
	if (!items)
		return request_no_memory(q);
	for (size_t i = 0; i < list.n; i++)
		items[i] = call_answer_of(&list.items[i]);
	return answer_list(q, items, list.n, list.more ? answer_cursor(q, list.items[list.n - 1].row.id) : NULL);
}

#define UTC_OFFSET                                                                                                     \
	{                                                                                                              \
		.name = "utc_offset", .type = PARAM_I64, .min = -840, .max = 840,                                      \
		.doc = "Minutes that the clock by which days begin is ahead of UTC; 0. Days of which the single "      \
		       "calls are no longer kept begin with UTC."                                                      \
	}

static const struct param usage_params[] = {
	{.name = "from",
		.type = PARAM_STR,
		.format = "date",
		.doc = "First day: 2026-11-01. Without it 30 days are told."},
	{.name = "to", .type = PARAM_STR, .format = "date", .doc = "Last day; today."},
	UTC_OFFSET,
	{.name = "by", .type = PARAM_STR, .choices = "day model provider user key", .doc = "What to group by; day."},
	{.name = "all", .type = PARAM_BOOL, .doc = "Everybody's, for administrators."},
};

static const struct param usage_series_params[] = {
	{.name = "from",
		.type = PARAM_STR,
		.format = "date",
		.doc = "First day: 2026-11-01. Without it 30 days are told."},
	{.name = "to", .type = PARAM_STR, .format = "date", .doc = "Last day; today."},
	UTC_OFFSET,
	{.name = "by",
		.type = PARAM_STR,
		.choices = "model provider user key",
		.doc = "What each day is made of; model."},
	{.name = "each",
		.type = PARAM_STR,
		.choices = "day hour",
		.doc = "What is told one by one; day. Of hours at most the last seven days are told."},
	{.name = "all", .type = PARAM_BOOL, .doc = "Everybody's, for administrators."},
};

static const struct param usage_calls_params[] = {
	{.name = "limit", .type = PARAM_I64, .min = 1, .max = 200, .otherwise = 50, .doc = "Items of a page."},
	{.name = "cursor", .type = PARAM_ID, .doc = "`next` of the page before."},
	{.name = "all", .type = PARAM_BOOL, .doc = "Everybody's, for administrators."},
};

/* clang-format off */
static const struct route routes[] = {
	{"GET", V1 "/usage", "getUsage", usage_get, ACCESS_USER, .status = 200, PARAMS(usage_params),
		.answer = &usage_schema, .summary = "What the own calls of models took and cost."},
	{"GET", V1 "/usage/series", "getUsageSeries", usage_series_get, ACCESS_USER, .status = 200,
		PARAMS(usage_series_params), .answer = &series_schema,
		.summary = "The same for each day, split by model or by who called."},
	{"GET", V1 "/usage/calls", "listCalls", usage_calls_get, ACCESS_USER, .status = 200,
		PARAMS(usage_calls_params), .answer = &call_page_schema, .summary = "The single calls, the newest first."},
};
/* clang-format on */
const struct route_set usage_routes = ROUTES(routes);
