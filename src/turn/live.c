/* live.c - calls of which the person is asked where nothing is kept: the run waits in memory, its stream open, and is told by the same
 * address as turns that wait as rows. See docs/decisions/077. */
#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "store/tool_choices.h"
#include "turn/turn_priv.h"

#define REASON_MAX 1000

/* One of them; under the lock of all. */
struct undecided {
	struct call *call;
	struct turn_call row;
	const char *decision; /* NULL: none yet */
	char reason[REASON_MAX + 1];
};

/* Those of one round, on the stack of their run. */
struct live {
	atelier_id turn_id, user_id, conversation_id;
	struct undecided *items;
	size_t n, open;
	struct cancel over; /* fired when none is open, or by a stop */
	struct live *next;
};

/* ---- waiting ---- */

static void stop(void *over)
{
	cancel_fire(over, E_CANCELED);
}

static void add(struct turns *all, struct live *x)
{
	pthread_mutex_lock(&all->mx);
	x->next = all->asked_live;
	all->asked_live = x;
	pthread_mutex_unlock(&all->mx);
}

static void take_off(struct turns *all, struct live *x)
{
	pthread_mutex_lock(&all->mx);
	struct live **at = &all->asked_live;
	while (*at != x)
		at = &(*at)->next;
	*at = x->next;
	pthread_mutex_unlock(&all->mx);
}

static int tell_all(struct turn *t, struct live *x)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < x->n; i++)
		r = call_tell_approval(t, &x->items[i].row);
	return r;
}

/* Until all are decided, or the time for that is over: 0; -ECANCELED. */
static int wait_for(struct turn *t, struct live *x, int64_t ms)
{
	struct cancel_hook hook;
	int r = cancel_on(&t->cancel, &hook, stop, &x->over);

	if (r < 0)
		return r;
	add(t->all, x);
	if ((r = tell_all(t, x)) == 0)
		(void)!cancel_sleep(&x->over, ms);
	take_off(t->all, x);
	cancel_off(&t->cancel, &hook);
	return r == 0 && x->open && cancel_reason(&t->cancel) ? -ECANCELED : r;
}

/* ---- what came of it ---- */

static int settle(struct turn *t, struct undecided *u)
{
	bool stopped = cancel_reason(&t->cancel) != 0, deny = u->decision && strcmp(u->decision, "deny") == 0;
	struct call *c = u->call;

	u->row.decision = u->decision ? u->decision : stopped ? "canceled" : "expired";
	u->row.reason = *u->reason ? u->reason : NULL;
	c->held = false;
	c->approved = u->decision && !deny;
	if (deny)
		c->refused = *u->reason ? arena_printf(&t->arena, "The person did not allow this call: %s", u->reason)
					: "The person did not allow this call.";
	else if (!c->approved && !stopped)
		c->refused = "Nobody decided in time whether this call may be run. It was not run.";
	return call_tell_approval(t, &u->row);
}

int calls_ask_live(struct turn *t, struct call *calls, size_t n)
{
	int64_t ms = question_patience_ms(t->all);
	struct live x = {.turn_id = t->ids.turn_id,
		.user_id = t->user_id,
		.conversation_id = t->ids.conversation_id,
		.items = ARENA_ARRAY(&t->arena, struct undecided, n + 1)};
	int r, told = 0;

	if (!x.items)
		return err_set(&t->err, -ENOMEM, "no memory for a turn");
	for (size_t i = 0; i < n; i++)
		if (calls[i].held) {
			x.items[x.n] = (struct undecided){.call = &calls[i], .row = call_row(t, &calls[i], CALL_ASKED)};
			x.items[x.n++].row.expires_at = clock_now_ms() + ms;
		}
	x.open = x.n;
	cancel_init(&x.over);
	allowance_pause(&t->rounds.budget, clock_mono_ms());
	r = wait_for(t, &x, ms);
	allowance_go_on(&t->rounds.budget, clock_mono_ms());
	cancel_done(&x.over);
	for (size_t i = 0; told == 0 && i < x.n; i++)
		told = settle(t, &x.items[i]);
	return r < 0 ? r : told;
}

/* ---- deciding ---- */

static struct undecided *find(struct turns *all, const struct call_decision *d, struct live **ret)
{
	for (struct live *x = all->asked_live; x; x = x->next)
		for (size_t i = 0; x->turn_id == d->turn_id && x->user_id == d->user_id && i < x->n; i++)
			if (strcmp(x->items[i].row.call_id, d->call_id) == 0) {
				*ret = x;
				return &x->items[i];
			}
	return NULL;
}

/* All locked. The texts of a decision are literals, as what is decided stays longer than who decides. */
static int take_decision(struct live *x, struct undecided *u, struct call_decision *d, struct arena *a, struct err *e)
{
	static const char *const words[] = {"once", "conversation", "always", "deny"};
	size_t k = 0;

	if (u->decision || cancel_reason(&x->over))
		return err_set(e, E_CONFLICT, "This is decided already, or the time for it is over.");
	while (k < N_ELEMENTS(words) - 1 && strcmp(words[k], d->decision) != 0)
		k++;
	if (k == 1)
		return err_field(
			e, E_INVALID, "decision", "is \"once\", \"always\" or \"deny\" where nothing is kept.");
	d->conversation_id = x->conversation_id;
	d->call = (struct turn_call){.name = arena_strdup(a, u->row.name), .hash = arena_strdup(a, u->row.hash)};
	if (!d->call.name || !d->call.hash)
		return err_set(e, -ENOMEM, "There is no memory for a decision.");
	u->decision = words[k];
	if (d->reason)
		snprintf(u->reason, sizeof(u->reason), "%.*s",
			(int)utf8_prefix(d->reason, strlen(d->reason), REASON_MAX), d->reason);
	return 0;
}

void calls_decided_live(struct turns *all, struct call_decision *d)
{
	struct live *x = NULL;

	pthread_mutex_lock(&all->mx);
	if (find(all, d, &x)) { /* else its time is over, or it was stopped */
		d->open = (int64_t)--x->open;
		if (x->open == 0)
			cancel_fire(&x->over, E_CANCELED);
	}
	pthread_mutex_unlock(&all->mx);
}

int calls_decide_live(struct turns *all, struct call_decision *d, struct arena *a, struct err *e)
{
	struct live *x = NULL;
	int r = E_NOT_FOUND;

	pthread_mutex_lock(&all->mx);
	struct undecided *u = find(all, d, &x);
	if (u)
		r = take_decision(x, u, d, a, e);
	pthread_mutex_unlock(&all->mx);
	return r;
}
