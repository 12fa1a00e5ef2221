/*
 * breaker.c - a provider that failed several times in a row is left alone for a while, so that its callers hear at once
 * that it is away, or are sent on to the next target of a route.
 *
 *	closed --- breaker_failures in a row ---> open --- its time is over, one asks ---> half-open
 *	   ^                                       ^                                           |
 *	   |                                       +--- the one failed: for twice as long -----+
 *	   +------------ any call or look that went well, from open or half-open --------------+
 *
 * Looks tell how they went, but do not ask: they cost a server nothing, and people who start theirs see it at once.
 */
#include "base/clock.h"
#include "provider/catalogue_priv.h"

#define DOUBLED_AT_MOST 8 /* times */

bool breaker_is_open(const struct provider *p)
{
	return p->breaker.state == BREAKER_OPEN && clock_mono_ms() < p->breaker.until_ms;
}

int64_t breaker_retry_in_ms(const struct provider *p)
{
	return p->breaker.state == BREAKER_OPEN ? MAX(p->breaker.until_ms - clock_mono_ms(), 0) : 0;
}

static void open_it(const struct settings *s, struct breaker *b)
{
	int64_t first = s->breaker_open_s * 1000;
	b->open_ms = b->open_ms ? MIN(b->open_ms * 2, first * DOUBLED_AT_MOST) : first;
	b->until_ms = clock_mono_ms() + b->open_ms;
	b->state = BREAKER_OPEN;
	b->probing = false;
}

void breaker_note(const struct settings *s, struct provider *p, enum breaker_outcome o)
{
	struct breaker *b = &p->breaker;
	switch (o) {
	case BREAKER_OK:
		*b = (struct breaker){.state = BREAKER_CLOSED};
		break;
	case BREAKER_FAILED:
		b->failures++;
		/* One that began before the others failed says nothing new about an open one. */
		if (b->state == BREAKER_OPEN && clock_mono_ms() < b->until_ms)
			break;
		if (b->state != BREAKER_CLOSED || b->failures >= s->breaker_failures)
			open_it(s, b);
		break;
	case BREAKER_UNKNOWN:
		b->probing = false;
		break;
	}
}

int breaker_enter(struct providers *ps, struct provider *p, struct err *e)
{
	struct breaker *b = &p->breaker;
	char why[200] = "";
	pthread_mutex_lock(&ps->mx);
	bool open = breaker_is_open(p);
	int64_t wait_ms = breaker_retry_in_ms(p), failures = b->failures;
	if (b->state == BREAKER_OPEN && !open)
		b->state = BREAKER_HALF_OPEN;
	if (b->state == BREAKER_HALF_OPEN) {
		open = b->probing;
		b->probing = true;
	}
	if (open && p->error)
		strncpy(why, p->error, sizeof(why) - 1);
	pthread_mutex_unlock(&ps->mx);
	if (!open)
		return 0;
	const char *blank = *why ? " " : "";
	int r = wait_ms > 0
			? err_set(e, E_PROVIDER_DOWN, "%s failed %lld times in a row and is tried again in %lld s.%s%s",
				  p->label, (long long)failures, (long long)((wait_ms + 999) / 1000), blank, why)
			: err_set(e, E_PROVIDER_DOWN, "%s failed %lld times in a row and is being tried just now.%s%s",
				  p->label, (long long)failures, blank, why);
	if (e && e->code == r)
		e->retry_after_s = (int)((wait_ms + 999) / 1000);
	return r;
}

void breaker_leave(struct providers *ps, struct provider *p, enum breaker_outcome o)
{
	pthread_mutex_lock(&ps->mx);
	breaker_note(ps->settings, p, o);
	pthread_mutex_unlock(&ps->mx);
}
