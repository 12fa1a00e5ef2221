/* tries.c - the budgets of those who try passwords. */
#include "auth/tries.h"

#include <stdio.h>

#include "auth/throttle.h"
#include "base/fold.h"
#include "base/magic.h"

#define SECOND        INT64_C(1000000)
#define MINUTE        (60 * SECOND)
#define HOUR          (60 * MINUTE)
#define ROWS          4096
#define NAME_MAX_SIZE 65536 /* bytes, folded */
#define SITE_FACTOR   8     /* an IPv6 /48 may have as much as so many /64 */

/* Of one name at one address: never more than a few of these are anybody else's to use up. */
static const struct rate own_rate = {3, 8 * HOUR}, own_site_rate = {3 * SITE_FACTOR, HOUR};
/* Of all strangers together at one name, and of one known device. */
static const struct rate long_rate = {50, 4 * MINUTE};
/* Of all strangers together at one address. */
static const struct rate address_rate = {100, MINUTE};
static const struct rate site_rate = {100 * SITE_FACTOR, MINUTE / SITE_FACTOR};

struct tries {
	unsigned magic; /* TRIES_MAGIC */
#define TRIES_MAGIC 0x74726973u
	struct rate short_rate; /* of one name at one address, of one known device, of whatever else is tried */
	struct meter *at_once;  /* by short_rate */
	struct meter *own;      /* by own_rate */
	struct meter *by_name;  /* by long_rate: names, and known devices */
	struct meter *by_place; /* by address_rate: addresses */
};

struct tries *tries_new(int64_t attempts)
{
	struct tries *t = xcalloc(1, sizeof(*t));

	ASSERT(attempts > 0);
	MAGIC_SET(t, TRIES_MAGIC);
	t->short_rate = (struct rate){attempts, 30 * SECOND};
	t->at_once = meter_new(ROWS);
	t->own = meter_new(ROWS);
	t->by_name = meter_new(ROWS);
	t->by_place = meter_new(ROWS);
	return t;
}

void tries_free(struct tries *t)
{
	if (!t)
		return;
	meter_free(t->at_once);
	meter_free(t->own);
	meter_free(t->by_name);
	meter_free(t->by_place);
	MAGIC_END(t, TRIES_MAGIC);
	free(t);
}

int tries_must_wait(int64_t wait_us, const char *what, struct err *e)
{
	int seconds = (int)((wait_us + SECOND - 1) / SECOND);

	ASSERT(wait_us > 0);
	if (e && e->code == 0)
		e->retry_after_s = seconds;
	return err_set(e, E_RATE_LIMITED, "%s Try again in %d second%s.", what, seconds, seconds == 1 ? "" : "s");
}

/* Spellings that find the same account have one budget: they are folded as users_by_name does. */
static void make_name(const char *name, struct taken *ret)
{
	CLEANUP(buf_done) struct buf folded = BUF_INIT(NAME_MAX_SIZE);

	fold_add(&folded, name, strlen(name));
	snprintf(ret->name, sizeof(ret->name), "%s", buf_str(&folded).p);
}

/* An address is one client's /64, where a /48 is one site. */
static void make_keys(const struct knock *k, struct taken *ret)
{
	struct address a;

	*ret = (struct taken){.shared = false};
	make_name(k->name, ret);
	if (k->device)
		snprintf(ret->device, sizeof(ret->device), "device %s", k->device);
	if (!address_parse(str_from(k->address), &a)) {
		snprintf(ret->address, sizeof(ret->address), "%s", k->address ? k->address : "-");
		return;
	}
	address_format(&a, 64, ret->address);
	if (!address_is_v4(&a))
		address_format(&a, 48, ret->site);
}

/* "ADDRESS NAME" */
static struct str pair_of(const char *address, const char *name, char text[160])
{
	int n = snprintf(text, 160, "%s %s", address, name);

	ASSERT(n > 0 && n < 160);
	return (struct str){text, (size_t)n};
}

/* Of several meters one from each, or nothing. */
struct wanted {
	struct meter *meter;
	struct str what;
	struct rate rate;
};

static int64_t take_all(const struct wanted *w, size_t n, int64_t now_us)
{
	for (size_t i = 0; i < n; i++) {
		int64_t wait = meter_take(w[i].meter, w[i].what, w[i].rate, now_us);

		if (wait == 0)
			continue;
		while (i-- > 0)
			meter_give_back(w[i].meter, w[i].what, w[i].rate);
		return wait;
	}
	return 0;
}

static int64_t take_own(struct tries *t, const struct taken *x, int64_t now_us)
{
	char pair[160], site[160];
	const struct wanted both[] = {
		{t->own, pair_of(x->address, x->name, pair), own_rate},
		{t->own, pair_of(x->site, x->name, site), own_site_rate},
	};

	return take_all(both, *x->site ? 2 : 1, now_us);
}

static size_t shared_of(struct tries *t, const struct taken *x, struct wanted ret[3])
{
	ret[0] = (struct wanted){t->by_name, str_from(x->name), long_rate};
	ret[1] = (struct wanted){t->by_place, str_from(x->address), address_rate};
	ret[2] = (struct wanted){t->by_place, str_from(x->site), site_rate};
	return *x->site ? 3 : 2;
}

static int take_known(struct tries *t, const struct taken *x, int64_t now_us, struct err *e)
{
	const struct wanted both[] = {
		{t->at_once, str_from(x->device), t->short_rate},
		{t->by_name, str_from(x->device), long_rate},
	};
	int64_t wait = take_all(both, 2, now_us);

	return wait > 0 ? tries_must_wait(wait, "Too many failed logins.", e) : 0;
}

int tries_take(struct tries *t, const struct knock *k, int64_t now_us, struct taken *ret, struct err *e)
{
	struct wanted shared[3];
	char text[160];

	ASSERT_IS(t, TRIES_MAGIC);
	make_keys(k, ret);
	if (k->device)
		return take_known(t, ret, now_us, e);
	struct str pair = pair_of(ret->address, ret->name, text);
	int64_t wait = meter_take(t->at_once, pair, t->short_rate, now_us);
	if (wait > 0)
		return tries_must_wait(wait, "Too many failed logins.", e);
	if (take_own(t, ret, now_us) == 0)
		return 0;
	wait = take_all(shared, shared_of(t, ret, shared), now_us);
	if (wait > 0) {
		meter_give_back(t->at_once, pair, t->short_rate);
		return tries_must_wait(wait, "Too many failed logins with this name or from this address.", e);
	}
	ret->shared = true;
	return 0;
}

/* Of what is shared only this one try comes back: who has an account must not clear the way for guessing at others. */
void tries_good(struct tries *t, const struct taken *x)
{
	struct wanted shared[3];
	char text[160];

	ASSERT_IS(t, TRIES_MAGIC);
	if (*x->device) {
		meter_forget(t->at_once, str_from(x->device));
		meter_forget(t->by_name, str_from(x->device));
		return;
	}
	meter_forget(t->at_once, pair_of(x->address, x->name, text));
	meter_forget(t->own, pair_of(x->address, x->name, text));
	if (!x->shared) {
		if (*x->site)
			meter_give_back(t->own, pair_of(x->site, x->name, text), own_site_rate);
		return;
	}
	for (size_t i = 0, n = shared_of(t, x, shared); i < n; i++)
		meter_give_back(shared[i].meter, shared[i].what, shared[i].rate);
}

int tries_take_plain(struct tries *t, const char *what, int64_t now_us, struct err *e)
{
	int64_t wait = meter_take(t->at_once, str_from(what), t->short_rate, now_us);

	ASSERT_IS(t, TRIES_MAGIC);
	return wait > 0 ? tries_must_wait(wait, "Too many wrong tries.", e) : 0;
}

void tries_good_plain(struct tries *t, const char *what)
{
	meter_forget(t->at_once, str_from(what));
}
