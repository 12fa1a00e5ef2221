/* meter_priv.h - windows of time, prices, and the counters of limits. */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/id.h"
#include "store/limits.h"
#include "store/prices.h"

#define NAME_BYTES 200 /* of a model's id */

/* ---- window.c: fixed windows of time, UTC ---- */

enum period { PERIOD_MINUTE, PERIOD_HOUR, PERIOD_DAY, PERIOD_MONTH };

struct window {
	int64_t start, end; /* Unix ms; the end is the start of the next */
};
struct window window_of(enum period p, int64_t at_ms);

/* ---- price.c ---- */

struct tokens {
	int64_t in, out, cached, reasoning; /* cached is part of in, reasoning of out */
};

/* Sorts so that the first that matches is the one that counts: fewest wildcards, then longest. */
void prices_sort(struct price *p, size_t n);
const struct price *price_find(const struct price *p, size_t n, const char *provider, const char *model); /* or NULL */

/* In micro-units, rounded up once; at most INT64_MAX. NULL costs nothing. `called`: the price of a request counts. */
int64_t price_of(const struct price *p, const struct tokens *t, bool called);

/* "0.25 USD" */
void money_format(int64_t micros, const char *currency, char *ret, size_t size);

/* ---- meter.c: the counters of limits; under the lock of `struct calls` ---- */

enum subject { SUBJECT_EVERYONE, SUBJECT_USER, SUBJECT_GROUP, SUBJECT_KEY, SUBJECT_MODEL };
enum measure { MEASURE_REQUESTS, MEASURE_TOKENS, MEASURE_MONEY };

struct counter {
	atelier_id id;
	enum subject subject;
	enum measure measure;
	enum period period;
	atelier_id subject_id;
	const char *subject_name, *model; /* in the table's arena; model "": any */
	int64_t amount, used, reserved;
	struct window window;

	/* Where several servers keep it (servers.c): what of `used` the others had said when they were asked last, what they hold,
	 * and what of the calls here has ended without its row being stored. */
	int64_t elsewhere_used, elsewhere_held, unwritten;
};

struct membership {
	atelier_id user_id, group_id;
};

/* What administrators have set, as of the last reading of the database. Replaced as a whole. */
struct table {
	struct arena arena;
	struct counter *limits; /* by id */
	size_t n_limits;
	struct membership *members; /* by user */
	size_t n_members;
	struct price *prices; /* sorted by prices_sort */
	size_t n_prices;
	bool recount;  /* a clock was set back: the sums are those of another time */
	bool by_model; /* some limit looks at the model, or at money: a call has to be looked up before */
};

/* What a call goes by when it is looked at. */
struct subject_of_call {
	atelier_id user_id, key_id;
	const char *names[4]; /* asked, id, the id behind an alias, provider/model; NULL: none */
};

bool counter_binds(const struct table *t, const struct counter *l, const struct subject_of_call *s);
/* Begins a new window when the old one has ended. True: the old one lies ahead, as a clock leaves it that was wrong; what was
 * used in it is kept until all is counted anew (table.recount). */
bool counter_roll(struct counter *l, int64_t now_ms);
void counter_use(struct counter *l, int64_t amount);

struct need {
	int64_t requests, tokens, tokens_guess; /* tokens_guess: of an answer whose length nobody said */
	int64_t money, money_guess;
};

struct reservation {
	atelier_id limit_id;
	int64_t amount;
};

#define RESERVATIONS_INLINE 8
struct reservations {
	struct reservation few[RESERVATIONS_INLINE], *more; /* more: malloc'd when the few do not do */
	size_t n;
};

/* All or nothing: 0, or E_LIMIT or E_BUDGET with a sentence. */
int meter_reserve(struct table *t, const struct subject_of_call *s, const struct need *need, int64_t now_ms,
	const char *currency, struct reservations *ret, struct err *e) MUST_CHECK;
void meter_release(struct table *t, struct reservations *r); /* also frees */
/* `list` (NULL: none) has room for all limits; each that binds is added with what was taken of it. */
void meter_use(struct table *t, const struct subject_of_call *s, int64_t now_ms, const struct need *taken,
	struct limit_use *list, size_t *n);
struct counter *counter_by_id(struct table *t, atelier_id id); /* NULL: there is none any more */
