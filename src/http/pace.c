/*
 * pace.c - how long a client may take, and who goes when there is no more room. Deadlines are totals: a byte now and then keeps
 * nothing open. Times that are the same for all need only a look at the first of a list; a body or an answer may take the grace
 * and what its bytes take at the least rate, of which a fast beginning saves up no more than a stall.
 */
#include "base/clock.h"
#include "http/websocket.h"
#include "sys/metrics.h"

static bool is_over(const struct conn *c, int64_t now_ms, int64_t limit_ms)
{
	return c && now_ms - c->since_ms >= limit_ms;
}

/* The time that is left; what is saved up beyond a stall is taken away. */
static bool is_too_slow(struct conn *c, int64_t now_ms, int64_t grace_ms)
{
	const struct http_pace *p = &c->server->pace;
	int64_t left = c->since_ms + grace_ms + (int64_t)(c->moved * 1000 / (uint64_t)p->rate) - now_ms;
	int64_t most = MAX(grace_ms, p->stall_ms);

	if (left > most)
		c->since_ms -= left - most;
	return left <= 0;
}

static void end_head(struct conn *c)
{
	if (c->in.n)
		answer_refuse(c, E_REQUEST_TIMEOUT, "The head of the request did not come in time.");
	else
		conn_close(c);
}

static void end_body(struct conn *c)
{
	if (c->x->mode == BODY_PIECES && !c->x->more)
		return; /* its reader has the last piece still */
	metric_add(M_http_timeouts_total, 1);
	body_end(c->x, E_REQUEST_TIMEOUT);
}

/* Those of a list that have their time from their first moment on. */
static void tick_in_order(struct http_server *s, enum conn_state state, int64_t limit_ms, void (*end)(struct conn *c))
{
	int64_t now = clock_mono_ms();

	for (unsigned n = s->lists[state].n; n && is_over(s->lists[state].first, now, limit_ms); n--)
		end(s->lists[state].first);
}

static void tick_by_rate(struct http_server *s, enum conn_state state, int64_t grace_ms, void (*end)(struct conn *c))
{
	int64_t now = clock_mono_ms();

	for (struct conn *c = s->lists[state].first, *next; c; c = next) {
		next = c->next;
		if (is_too_slow(c, now, grace_ms))
			end(c);
	}
}

/* Streams may last; a client that takes nothing of one may not. */
static void tick_stalled(struct http_server *s)
{
	int64_t now = clock_mono_ms();

	for (struct conn *c = s->lists[CONN_STALLED].first, *next; c; c = next) {
		next = c->next;
		if (c->moved) {
			c->moved = 0;
			c->since_ms = now;
		} else if (is_over(c, now, s->pace.stall_ms)) {
			conn_close(c);
		}
	}
}

void pace_tick(void *server)
{
	struct http_server *s = server;
	const struct http_pace *p = &s->pace;

	tick_in_order(s, CONN_IDLE, p->idle_ms, conn_close);
	tick_in_order(s, CONN_HEAD, p->head_ms, end_head);
	tick_in_order(s, CONN_LINGER, p->linger_ms, conn_close);
	tick_by_rate(s, CONN_BODY, p->grace_ms, end_body);
	tick_by_rate(s, CONN_WRITING, p->grace_ms, conn_close);
	tick_by_rate(s, CONN_DISCARD, p->linger_ms, conn_close);
	tick_stalled(s);
	websocket_tick(s);
	server_resume(s);
}

/* Honest heads come within this; older ones need not be waited for when their place is wanted. */
enum { HEAD_PATIENCE_MS = 1000, LOOK_MAX = 64 };

/* Whose turn comes has said something that is not read yet. */
static bool may_go(const struct conn *c, int64_t now)
{
	return !c->is_again && (c->state != CONN_HEAD || is_over(c, now, HEAD_PATIENCE_MS));
}

bool pace_make_room(struct http_server *s)
{
	static const enum conn_state order[] = {CONN_LINGER, CONN_IDLE, CONN_DISCARD, CONN_HEAD};
	int64_t now = clock_mono_ms();

	for (size_t i = 0; i < N_ELEMENTS(order); i++) {
		struct conn *c = s->lists[order[i]].first;
		for (int n = 0; c && n < LOOK_MAX; n++, c = c->next) {
			if (!may_go(c, now))
				continue;
			conn_close(c);
			return true;
		}
	}
	return false;
}

bool pace_make_room_of(struct http_server *s, const struct peer_count *counted)
{
	static const enum conn_state order[] = {CONN_LINGER, CONN_HEAD, CONN_IDLE};
	int64_t now = clock_mono_ms();

	for (size_t i = 0; i < N_ELEMENTS(order); i++) {
		struct conn *c = s->lists[order[i]].first;
		for (int n = 0; c && n < LOOK_MAX; n++, c = c->next) {
			if (c->counted != counted || !may_go(c, now))
				continue;
			conn_close(c);
			return true;
		}
	}
	return false;
}
