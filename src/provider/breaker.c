/*
 * breaker.c - what failed several times in a row is left alone for a while, so that its callers hear at once that it is
 * away, or are sent on to the next target of a route.
 *
 *	closed --- breaker_failures in a row ---> open --- its time is over, one asks ---> half-open
 *	   ^                                       ^                                           |
 *	   |                                       +--- the one failed: for twice as long -----+
 *	   +------------ any call or refresh that went well, from open or half-open -----------+
 *
 * There are two kinds of it. The one of a provider counts connections that could not be made: nobody's request causes
 * that, so it binds everybody. The one of a model counts answers that failed, and those may well be caused by what one
 * caller asks: it binds the caller whose calls failed, and everybody only when those of a second one failed in the same
 * row. So nobody can shut a model for others, and a model that is really broken is soon left alone by all.
 *
 * Looks tell how they went, but do not ask: they cost a server nothing, and people who start theirs see it at once.
 */
#include "base/clock.h"
#include "provider/catalogue_priv.h"

#define DOUBLED_AT_MOST 8 /* times */
#define EVERYBODY       0 /* the caller of a provider's breaker */

static bool binds(const struct breaker *b, int64_t caller)
{
	return b->state != BREAKER_CLOSED && (b->several || b->caller == caller);
}

static bool is_open(const struct breaker *b, int64_t caller)
{
	return b->state == BREAKER_OPEN && binds(b, caller) && clock_mono_ms() < b->until_ms;
}

bool breaker_is_open(const struct provider *p)
{
	return is_open(&p->breaker, EVERYBODY);
}

int64_t breaker_retry_in_ms(const struct breaker *b)
{
	return b->state == BREAKER_OPEN ? MAX(b->until_ms - clock_mono_ms(), 0) : 0;
}

enum breaker_state breaker_shown(const struct breaker *b)
{
	return b->state == BREAKER_OPEN && clock_mono_ms() >= b->until_ms ? BREAKER_HALF_OPEN : b->state;
}

bool breaker_is_open_for(const struct provider *p, const char *model, int64_t caller)
{
	const struct model_note *n = catalogue_note_find(p, model);
	return breaker_is_open(p) || (n && is_open(&n->breaker, caller));
}

const struct breaker *breaker_of_model(const struct provider *p, const char *model)
{
	const struct model_note *n = catalogue_note_find(p, model);
	return n && n->breaker.several ? &n->breaker : NULL;
}

/* ---- what happened ---- */

static void open_it(const struct settings *s, struct breaker *b)
{
	int64_t first = s->breaker_open_s * 1000;
	ASSERT(b->failures > 0);
	b->open_ms = b->open_ms ? MIN(b->open_ms * 2, first * DOUBLED_AT_MOST) : first;
	b->until_ms = clock_mono_ms() + b->open_ms;
	b->state = BREAKER_OPEN;
	b->trial_until_ms = 0;
}

static void note_failure(const struct settings *s, struct breaker *b, int64_t caller, const struct breaker_outcome *o)
{
	int64_t now = clock_mono_ms();
	bool was_open = b->state == BREAKER_OPEN && now < b->until_ms;
	b->failures++;
	b->code = o->code ? o->code : E_PROVIDER_DOWN;
	b->asked_until_ms = o->retry_after_ms > 0 ? now + o->retry_after_ms : 0;
	if (b->failures == 1 || (b->state != BREAKER_CLOSED && !was_open)) {
		/* A trial that failed binds who made it: the next one to fail may be the second. */
		b->caller = caller;
		b->several = false;
	}
	b->several |= b->caller != caller;
	/* One that began before the others failed says nothing new about an open one. */
	if (!was_open && (b->state != BREAKER_CLOSED || b->failures >= s->breaker_failures))
		open_it(s, b);
}

static void note(const struct settings *s, struct breaker *b, int64_t caller, enum breaker_verdict v,
	const struct breaker_outcome *o)
{
	if (v == BREAKER_OK)
		*b = (struct breaker){.state = BREAKER_CLOSED};
	else if (v == BREAKER_FAILED)
		note_failure(s, b, caller, o);
	else if (binds(b, caller))
		b->trial_until_ms = 0;
}

void breaker_note_refresh(const struct settings *s, struct provider *p, bool went_well)
{
	note(s, &p->breaker, EVERYBODY, went_well ? BREAKER_OK : BREAKER_FAILED, &(struct breaker_outcome){0});
}

void breaker_note_begun(const struct settings *s, struct provider *p, struct model_note *n)
{
	struct breaker *both[] = {&p->breaker, &n->breaker};
	for (size_t i = 0; i < N_ELEMENTS(both); i++) {
		if (both[i]->state != BREAKER_HALF_OPEN)
			continue;
		both[i]->state = BREAKER_CLOSED;
		both[i]->failures = s->breaker_failures - 1;
		both[i]->trial_until_ms = 0;
	}
}

void breaker_leave(struct providers *ps, const struct target *t, int64_t caller, struct breaker_outcome o)
{
	pthread_mutex_lock(&ps->mx);
	struct breaker *both[] = {&t->p->breaker, &catalogue_note_of(t->p, t->name)->breaker};
	enum breaker_state was[] = {both[0]->state, both[1]->state};
	ASSERT_IS(ps, PROVIDERS_MAGIC);
	ASSERT_IS(t->p, PROVIDER_MAGIC);
	note(ps->settings, both[0], EVERYBODY, o.provider, &o);
	note(ps->settings, both[1], caller, o.model, &o);
	bool changed = both[0]->state != was[0] || both[1]->state != was[1];
	pthread_mutex_unlock(&ps->mx);
	if (changed)
		catalogue_changed(ps);
	else
		bus_publish_changed(ps->bus, BUS_PROVIDERS); /* one call less is running */
}

/* ---- asking ---- */

/* Whether a call must not be made now: it is open, or somebody else's trial is on its way. */
static bool refuses(const struct breaker *b, int64_t caller)
{
	if (!binds(b, caller))
		return false;
	int64_t now = clock_mono_ms();
	return b->state == BREAKER_OPEN && now < b->until_ms ? true : now < b->trial_until_ms;
}

/* A trial that takes long holds the others back no longer than the first opening did. */
static void enter(const struct settings *s, struct breaker *b, int64_t caller)
{
	ASSERT(!refuses(b, caller));
	if (!binds(b, caller))
		return;
	b->state = BREAKER_HALF_OPEN;
	b->trial_until_ms = clock_mono_ms() + s->breaker_open_s * 1000;
}

struct refusal {
	int64_t wait_ms, asked_ms,
		failures; /* until it is tried; until callers may come back, as they were told; ... */
	int code;
	char why[200];
};

static bool refused(const struct breaker *b, int64_t caller, const char *why, struct refusal *ret)
{
	if (!refuses(b, caller))
		return false;
	*ret = (struct refusal){.wait_ms = breaker_retry_in_ms(b),
		.asked_ms = b->asked_until_ms - clock_mono_ms(),
		.failures = b->failures,
		.code = b->code};
	if (why)
		strncpy(ret->why, why, sizeof(ret->why) - 1);
	return true;
}

static int seconds_of(int64_t ms)
{
	return (int)((ms + 999) / 1000);
}

/* Callers go by the code: what was busy is busy still, and does not become away because it is spared. */
static int refuse(const struct refusal *f, const char *who, const char *at, const char *where, struct err *e)
{
	const char *blank = *f->why ? " " : "";
	long long n = f->failures;
	int s = seconds_of(f->wait_ms);
	int r = s > 0 ? err_set(e, f->code, "%.120s%s%s failed %lld times in a row and is tried again in %d s.%s%s",
				who, at, where, n, s, blank, f->why)
		      : err_set(e, f->code, "%.120s%s%s failed %lld times in a row and is being tried just now.%s%s",
				who, at, where, n, blank, f->why);
	if (e && e->code == r)
		e->retry_after_s = MAX(s, seconds_of(f->asked_ms));
	return r;
}

int breaker_enter(struct providers *ps, const struct target *t, int64_t caller, struct err *e)
{
	struct provider *p = t->p;
	struct refusal why;
	pthread_mutex_lock(&ps->mx);
	struct breaker *model = &catalogue_note_of(p, t->name)->breaker;
	bool of_provider = refused(&p->breaker, EVERYBODY, p->error, &why);
	bool of_model = !of_provider && refused(model, caller, NULL, &why);
	ASSERT_IS(ps, PROVIDERS_MAGIC);
	ASSERT_IS(p, PROVIDER_MAGIC);
	if (!of_provider && !of_model) {
		enter(ps->settings, &p->breaker, EVERYBODY);
		enter(ps->settings, model, caller);
	}
	pthread_mutex_unlock(&ps->mx);
	if (of_provider)
		return refuse(&why, p->label, "", "", e);
	return of_model ? refuse(&why, t->name, " at ", p->label, e) : 0;
}
