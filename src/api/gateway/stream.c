/*
 * stream.c - the way of an answer to its client. All of it lives on the loop's thread: a provider's bytes become events
 * there, the format makes bytes of them, and one hook sends once for all that came in a turn of the loop. What the client
 * does not take waits here, up to a limit; a client that leaves or stops reading ends the call.
 */
#include <errno.h>
#include <stdatomic.h>

#include "api/gateway/gateway_priv.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/utf8.h"

#define BACKLOG_BYTES   ((size_t)4 << 20)
#define PIECE_BYTES     ((size_t)64 << 10)
#define ARGUMENTS_BYTES ((size_t)48 << 10) /* of one piece: lines have limits at the other side */
#define GIVEN_UP_MS     60000              /* a word that comes before its call waits for it */
#define GIVEN_UP_OF_ONE 16                 /* such words of one person */

static struct loop *loop_of(const struct gateway *g)
{
	return g->api->c.loop;
}

/* ---- the states ---- */

/* False when it is not `from` any more: two threads move an answer that has not begun, and one of them is first. */
static bool flow_swap(struct gw_flow *f, enum flow_state from, enum flow_state to)
{
	return atomic_compare_exchange_strong(&f->state, &from, to);
}

/*
 * Makes the move if it is a legal one. An illegal one is a fault of this folder: a test build ends there; in the shipped
 * program the move is refused and told, the call ends with an internal error, and all others go on.
 */
static bool flow_move(struct gw_flow *f, enum flow_state to)
{
	static const char *const names[FLOW_STATES] = {"reading", "asked", "left", "begun", "ended", "gone"};
	static const unsigned legal[FLOW_STATES] = {
		[FLOW_READING] = 1u << FLOW_ASKED | 1u << FLOW_LEFT | 1u << FLOW_GONE,
		[FLOW_ASKED] = 1u << FLOW_BEGUN | 1u << FLOW_LEFT | 1u << FLOW_GONE,
		[FLOW_LEFT] = 1u << FLOW_GONE,
		[FLOW_BEGUN] = 1u << FLOW_ENDED | 1u << FLOW_GONE,
		[FLOW_ENDED] = 1u << FLOW_GONE,
	};
	enum flow_state from;

	ASSERT(to < FLOW_STATES);
	do {
		from = f->state;
		if (!(legal[from] >> to & 1)) {
			log_error("gateway", "an answer that is %s cannot be %s", names[from], names[to]);
#ifdef ATELIER_FAULTS
			abort();
#endif
			return false;
		}
	} while (!flow_swap(f, from, to));
	return true;
}

void gw_flow_ask(struct gw_call *c)
{
	ASSERT(c->format);
	ASSERT_IS(c->flow, FLOW_MAGIC);
	if (c->stream)
		c->flow->heartbeat = c->format->heartbeat;
	(void)flow_move(c->flow, FLOW_ASKED);
}

/* ---- the list of all ---- */

static void flow_add(struct gw_flow *f)
{
	ASSERT(loop_is_mine(loop_of(f->g)));
	f->next = f->g->flows;
	if (f->next)
		f->next->prev = f;
	f->g->flows = f;
}

static void flow_free(struct gw_flow *f)
{
	ASSERT(loop_is_mine(loop_of(f->g)));
	if (!flow_move(f, FLOW_GONE))
		return;
	ASSERT(*(f->prev ? &f->prev->next : &f->g->flows) == f);
	if (f->prev)
		f->prev->next = f->next;
	else
		f->g->flows = f->next;
	if (f->next)
		f->next->prev = f->prev;
	for (struct gw_flow **p = &f->g->dirty; *p; p = &(*p)->next_dirty) {
		if (*p == f) {
			*p = f->next_dirty;
			break;
		}
	}
	cancel_done(&f->cancel);
	buf_done(&f->out);
	buf_done(&f->said.text);
	MAGIC_END(f, FLOW_MAGIC);
	free(f);
}

/* ---- sending ---- */

/* A client that neither reads nor leaves. */
static void flow_stall(struct gw_flow *f)
{
	ASSERT_IS(f, FLOW_MAGIC);
	f->stalled = true;
	cancel_fire(&f->cancel, E_CANCELED);
}

/* Sends what the client takes. Frees the flow when its call has ended and all is sent. */
static void flow_flush(struct gw_flow *f)
{
	size_t sent = 0;

	ASSERT(loop_is_mine(loop_of(f->g)));
	ASSERT_IS(f, FLOW_MAGIC);
	if (buf_status(&f->out) < 0)
		flow_stall(f);
	while (f->stream && sent < f->out.n) {
		if (f->state == FLOW_ENDED && f->out.n - sent <= PIECE_BYTES)
			http_stream_last(f->stream);
		size_t n = http_stream_write(f->stream, f->out.p + sent, MIN(f->out.n - sent, PIECE_BYTES));
		if (n == 0)
			break; /* on_writable comes */
		sent += n;
		f->since_ms = 0;
	}
	buf_consume(&f->out, sent);
	if (f->state != FLOW_ENDED || !f->stream || (f->out.n > 0 && !f->stalled))
		return;
	if (f->stalled)
		http_stream_abort(f->stream);
	else
		http_stream_end(f->stream);
	flow_free(f);
}

static void flow_send(struct gw_flow *f)
{
	if (f->is_dirty || f->out.n == 0)
		return;
	f->is_dirty = true;
	f->next_dirty = f->g->dirty;
	f->g->dirty = f;
	loop_hook_raise(f->g->flush);
}

void gw_flow_flush_all(void *gateway)
{
	struct gateway *g = gateway;

	while (g->dirty) {
		struct gw_flow *f = g->dirty;
		g->dirty = f->next_dirty;
		f->next_dirty = NULL;
		f->is_dirty = false;
		flow_flush(f);
	}
}

static void on_writable(void *arg)
{
	flow_flush(arg);
}

static void on_close(void *arg)
{
	struct gw_flow *f = arg;

	ASSERT(f->stream && f->state >= FLOW_BEGUN);
	f->stream = NULL;
	if (f->state == FLOW_ENDED)
		flow_free(f);
	else
		cancel_fire(&f->cancel, E_CANCELED);
}

static const struct http_stream_ops stream_ops = {.on_writable = on_writable, .on_close = on_close};

/* Status 200 and the head; from here on failures can only be told in the stream. */
static void stream_open(struct gw_flow *f, bool with_words)
{
	struct gw_call *c = f->c;

	ASSERT(f->x && !f->stream); /* begun once */
	f->since_ms = clock_mono_ms();
	http_exchange_watch(f->x, NULL, NULL, NULL);
	f->stream =
		http_stream_begin(&(struct http_place){.x = TAKE_PTR(f->x)}, c->format->content_type, &stream_ops, f);
	if (!f->stream)
		cancel_fire(&f->cancel, E_CANCELED);
	else if (with_words && c->format->begin)
		c->format->begin(c, &f->out);
}

static int flow_begin(struct gw_flow *f, bool with_words)
{
	if (f->state == FLOW_BEGUN)
		return 0;
	if (!flow_move(f, FLOW_BEGUN))
		return err_set(&f->c->q->err, E_INTERNAL, "An answer began before it was asked for.");
	stream_open(f, with_words);
	return 0;
}

/* ---- pieces ---- */

static void note_said(struct gw_flow *f, bool reasoning, struct str escaped)
{
	struct gw_said *s = &f->said;

	s->n_bytes += escaped.n;
	*(reasoning ? &s->thought : &s->answered) = true;
	if (reasoning || f->c->req.n_tools == 0 || s->text.n >= SAID_BYTES)
		return;
	if (escaped.n > SAID_BYTES - s->text.n) { /* what fits, up to a blank */
		escaped.n = SAID_BYTES - s->text.n;
		while (escaped.n > 0 && escaped.p[escaped.n - 1] != ' ')
			escaped.n--;
	}
	s->text.max = SAID_BYTES * 3;
	json_add_unescaped(&s->text, escaped.p, escaped.n);
}

static int take_text(struct gw_flow *f, bool reasoning, struct str escaped)
{
	struct gw_call *c = f->c;
	void (*say)(struct gw_call *, struct str, struct buf *) = reasoning ? c->format->reasoning : c->format->text;
	int r = 0;

	if (escaped.n == 0)
		return 0;
	note_said(f, reasoning, escaped);
	if (!c->stream || c->format->keep_text)
		r = collect_text(&c->answer, reasoning, escaped);
	if (r < 0 || !c->stream || !say || (r = flow_begin(f, true)) < 0)
		return r;
	if (f->stream)
		say(c, escaped, &f->out);
	return 0;
}

/* A call is told with the first byte of its arguments and not before: clients take a name alone for a call without
 * arguments, and run it, also when the answer was cut off behind the name. */
static int take_tool(struct gw_flow *f, const char *json, size_t n)
{
	CLEANUP(json_decrefp) json_t *ev = NULL;
	struct gw_call *c = f->c;
	struct call_piece t;
	int r = collect_tool(&c->answer, json, n, &t, &ev, &c->q->err);

	if (r < 0)
		return r;
	ASSERT(t.index >= 0 && (size_t)t.index < c->answer.n_calls);
	f->said.n_bytes += t.arguments.n;
	struct made_call *m = &c->answer.calls[t.index];
	struct str all = buf_str(&m->arguments);
	if (!c->stream || strspn(all.p, " \t\r\n") == all.n)
		return 0;
	if (!c->format->tool)
		return c->format->begin ? flow_begin(f, true) : 0;
	if ((r = flow_begin(f, true)) < 0)
		return r;
	t.first = !m->told;
	m->told = true;
	struct str rest = t.first ? all : t.arguments;
	if (t.first)
		t.extras = buf_str(&m->extras);
	while (f->stream && (t.first || rest.n > 0 || t.extras.n > 0)) {
		t.arguments = (struct str){rest.p, utf8_prefix(rest.p, rest.n, ARGUMENTS_BYTES)};
		rest = (struct str){rest.p + t.arguments.n, rest.n - t.arguments.n};
		c->format->tool(c, &t, &f->out);
		t.first = false;
		t.extras = STR("");
	}
	return 0;
}

/* Of an answer that is told as a whole; to a stream nothing comes that would have to be moved. */
static int take_moved(struct gw_flow *f, const char *json, size_t n)
{
	struct gw_call *c = f->c;
	bool to_text;
	int r = collect_moved(&c->answer, json, n, &to_text);

	f->said.thought = !to_text;
	f->said.answered = to_text;
	buf_reset(&f->said.text);
	if (to_text && c->req.n_tools > 0) {
		f->said.text.max = SAID_BYTES * 3;
		buf_add(&f->said.text, buf_str(&c->answer.text).p, MIN(c->answer.text.n, (size_t)SAID_BYTES));
	}
	return r;
}

/* Probabilities, which follow the text of their tokens. */
static int take_logprobs(struct gw_flow *f, struct str items)
{
	struct gw_call *c = f->c;
	int r = collect_items(&c->answer, &c->answer.logprobs, items);

	if (r < 0 || !c->stream || !c->format->logprobs || (r = flow_begin(f, true)) < 0)
		return r;
	if (f->stream)
		c->format->logprobs(c, items, &f->out);
	return 0;
}

static int take_beside(struct gw_flow *f, enum gen_beside_kind kind, struct str items)
{
	struct gw_call *c = f->c;
	bool is_media = kind != BESIDE_ANNOTATIONS, keeps = !is_media || (!c->stream && c->format->has_media);
	int r = keeps ? collect_items(&c->answer, &c->answer.beside[kind], items) : 0;

	f->said.pictures = f->said.pictures || kind == BESIDE_IMAGES;
	f->said.sound = f->said.sound || kind == BESIDE_AUDIO;
	if (r < 0 || !(c->stream || c->format->event) || !c->format->beside || (is_media && !c->format->has_media) ||
		(c->stream && (r = flow_begin(f, true)) < 0))
		return r;
	if (f->stream || c->format->event)
		c->format->beside(c, kind, items, &f->out);
	return 0;
}

/* Passages and pages that the answer is made of, which the model was given by number, or which an agent cites. */
static int take_source(struct gw_flow *f, struct str citation)
{
	struct gw_call *c = f->c;

	return collect_items(&c->answer, &c->sources, citation);
}

/* What an interface of ours gets. */
static int take_event(struct gw_flow *f, enum event_type type, const char *json, size_t n)
{
	struct gw_call *c = f->c;
	int r = c->stream ? flow_begin(f, true) : 0;

	if (type == EV_TEXT || type == EV_REASONING)
		note_said(f, type == EV_REASONING, collect_text_of(json, n));
	return r < 0 ? r : c->format->event(c, type, json, n, &f->out);
}

/* What the assistant does with its tools, where the shape has a form for it. */
static int take_activity(struct gw_flow *f)
{
	struct gw_call *c = f->c;
	int r = c->stream ? flow_begin(f, true) : 0;

	ASSERT(c->acting); /* no provider starts a tool */
	if (r == 0 && f->stream)
		c->format->activity(c, c->acting->now, &f->out);
	return r;
}

static int piece_on_loop(void *arg)
{
	struct gw_piece *p = arg;
	struct gw_flow *f = p->f;
	ASSERT(f->c); /* the call has not ended */
	int r = f->c->acting ? gw_acting_take(f->c, p) : 1;

	if (r <= 0)
		return r;

	f->c->q->spent = f->c->q->spent || p->type != EV_STATUS;
	if (p->type >= 0 && f->c->format->event)
		r = take_event(f, (enum event_type)p->type, p->json, p->n);
	else if (p->type == PIECE_LOGPROBS)
		r = take_logprobs(f, (struct str){p->json, p->n});
	else if (p->type <= PIECE_BESIDE(0))
		r = take_beside(f, (enum gen_beside_kind)(PIECE_BESIDE(0) - p->type), (struct str){p->json, p->n});
	else if (p->type == EV_MOVED)
		r = take_moved(f, p->json, p->n);
	else if (p->type == EV_TOOL_CALL)
		r = take_tool(f, p->json, p->n);
	else if (p->type == EV_THOUGHTS)
		r = collect_thoughts(&f->c->answer, p->json, p->n, &f->c->q->err);
	else if (p->type == EV_CITATION)
		r = take_source(f, (struct str){p->json, p->n});
	else if (p->type == EV_TOOL_START || p->type == EV_TOOL_RESULT)
		r = take_activity(f);
	else
		r = take_text(f, p->type == EV_REASONING, collect_text_of(p->json, p->n));
	if (r < 0)
		return r;
	if (buf_status(&f->out) < 0) {
		flow_stall(f);
		return -ECANCELED;
	}
	flow_send(f);
	return 0;
}

/* What a status says of the queue; 0: it is of something else. */
static int64_t place_of(const char *json, size_t n)
{
	CLEANUP(json_decrefp) json_t *status = NULL;

	if (!memmem(json, n, "\"position\"", 10)) /* of most calls there is one, and it says that it is asked */
		return 0;
	return json_parse(json, n, &status, NULL) == 0 ? json_get_i64(status, "position", 0) : 0;
}

static int sink_event(struct gen_sink *s, bool on_loop, enum event_type type, const char *json, size_t n)
{
	struct gw_flow *f = CONTAINER_OF(s, struct gw_flow, sink);
	struct gw_piece p = {f, type, json, n};
	bool runs = type == EV_TOOL_START || type == EV_TOOL_RESULT;

	if (type == EV_STATUS && !f->c->format->event) {
		atomic_store(&f->place, place_of(json, n));
		return 0;
	}

	if (!f->c->format->event && type != EV_TEXT && type != EV_REASONING && type != EV_TOOL_CALL &&
		type != EV_MOVED && type != EV_THOUGHTS && type != EV_CITATION && !(runs && f->c->acting))
		return 0;
	return on_loop ? piece_on_loop(&p) : loop_call(loop_of(f->g), piece_on_loop, &p);
}

static int flow_items(const struct gw_call *c, int type, bool on_loop, struct str items)
{
	struct gw_piece p = {c->flow, type, items.p, items.n};

	return on_loop ? piece_on_loop(&p) : loop_call(loop_of(c->flow->g), piece_on_loop, &p);
}

int gw_flow_logprobs(void *call, bool on_loop, const char *items, size_t n)
{
	return flow_items(call, PIECE_LOGPROBS, on_loop, (struct str){items, n});
}

int gw_flow_beside(void *call, bool on_loop, enum gen_beside_kind kind, const char *items, size_t n)
{
	return flow_items(call, PIECE_BESIDE(kind), on_loop, (struct str){items, n});
}

static int next_on_loop(void *arg)
{
	struct gw_flow *f = arg;
	struct gw_call *c = f->c;
	struct buf *out = c->stream ? &f->out : &c->choices;
	int r = c->stream ? flow_begin(f, true) : 0;

	ASSERT_IS(f, FLOW_MAGIC);
	ASSERT(c->format->choice && c->choice + 1 < c->n_choices); /* there is one behind it */
	if (r < 0)
		return r;
	if (!c->stream || f->stream)
		c->format->choice(c, out);
	gen_answer_done(&c->answer);
	buf_done(&c->sources);
	buf_done(&f->said.text);
	f->said = (struct gw_said){.n_bytes = 0};
	flow_send(f);
	return buf_status(out);
}

int gw_flow_next(struct gw_call *c)
{
	return loop_call(loop_of(c->flow->g), next_on_loop, c->flow);
}

int gw_write_raw(void *arg, const char *p, size_t n)
{
	struct gw_call *c = arg;
	struct gw_flow *f = c->flow;
	int r = flow_begin(f, false);

	c->got_raw = true;
	c->q->spent = true;
	if (r < 0 || !f->stream)
		return r; /* of a client that is gone the cancel is on its way */
	buf_add(&f->out, p, n);
	if (buf_status(&f->out) < 0) {
		flow_stall(f);
		return -ECANCELED;
	}
	flow_send(f);
	return 0;
}

/* ---- silence ---- */

int64_t gw_place(const struct gw_call *c)
{
	return c->flow ? atomic_load(&c->flow->place) : 0;
}

void gw_heartbeat_comment(struct gw_call *c, struct buf *out)
{
	int64_t place = gw_place(c);

	if (place > 0)
		buf_printf(out, ": ping, number %lld in the queue\n", (long long)place);
	else
		buf_add_str(out, ": ping\n");
}

/* A client that reads nothing of what was left for it is let go. */
static void sweep_ended(struct gw_flow *f, int64_t quiet_ms)
{
	if (quiet_ms < f->g->api->c.settings->reader_stall_s * 1000)
		return;
	ASSERT(f->stream); /* of one without, nothing is left to be read */
	http_stream_abort(f->stream);
	flow_free(f);
}

/* Until the answer has begun its call may be leaving, on its own thread: only the flow itself may be looked at. */
static void sweep_live(struct gw_flow *f, int64_t quiet_ms)
{
	ASSERT(f->state != FLOW_ENDED);
	if (!f->heartbeat || f->out.n > 0 || quiet_ms < f->g->api->c.settings->heartbeat_s * 1000)
		return;
	if (flow_swap(f, FLOW_ASKED, FLOW_BEGUN))
		stream_open(f, true);
	if (f->state != FLOW_BEGUN || f->c->got_raw || !f->stream)
		return;
	f->heartbeat(f->c, &f->out);
	flow_flush(f);
}

void gw_flow_sweep(void *gateway)
{
	struct gateway *g = gateway;
	int64_t now = clock_mono_ms(), wall = clock_now_ms();

	for (struct gw_flow *f = g->flows, *next; f; f = next) {
		next = f->next;
		/* A key that ends by itself tells nobody. */
		if (f->state != FLOW_ENDED && f->who.expires_at && f->who.expires_at <= wall)
			cancel_fire(&f->cancel, E_UNAUTHORIZED);
		if (f->since_ms == 0)
			f->since_ms = now;
		else if (f->state == FLOW_ENDED)
			sweep_ended(f, now - f->since_ms);
		else if (f->state == FLOW_ASKED || f->state == FLOW_BEGUN)
			sweep_live(f, now - f->since_ms);
	}
}

/* ---- life ---- */

static void on_leave(void *arg)
{
	struct gw_flow *f = arg;

	ASSERT_IS(f, FLOW_MAGIC);
	cancel_fire(&f->cancel, E_CANCELED);
}

/* The dispatcher has answered. */
static void on_end(void *arg)
{
	struct gw_flow *f = arg;

	ASSERT(f->state < FLOW_BEGUN);
	ASSERT_IS(f, FLOW_MAGIC);
	f->x = NULL;
	flow_free(f);
}

static void open_on_loop(void *arg)
{
	struct gw_flow *f = arg;

	flow_add(f);
	if (f->g->stopping)
		cancel_fire(&f->cancel, E_STOPPING);
	if (!http_exchange_watch(f->x, on_leave, on_end, f))
		cancel_fire(&f->cancel, E_CANCELED);
}

void gw_flow_open(struct gw_call *c)
{
	struct gw_flow *f = xcalloc(1, sizeof(*f));

	ASSERT(!c->flow && c->q->x);
	MAGIC_SET(f, FLOW_MAGIC);
	f->g = c->q->api->gateway;
	f->c = c;
	f->x = c->q->x;
	f->who = c->q->who;
	f->out = BUF_INIT(BACKLOG_BYTES);
	f->since_ms = clock_mono_ms();
	f->sink.event = sink_event;
	f->sink.no_status = !c->format || (!c->format->event && !(c->stream && c->format->heartbeat));
	cancel_init(&f->cancel);
	c->flow = f;
	c->cancel = &f->cancel;
	/* All that the loop does with it later comes behind this: nobody has to wait for it. */
	loop_post(loop_of(f->g), &f->open, open_on_loop, f);
}

struct gen_sink *gw_flow_sink(struct gw_call *c)
{
	ASSERT_IS(c->flow, FLOW_MAGIC);
	return &c->flow->sink;
}

struct finish {
	struct gw_flow *f;
	const struct err *e;
};

static int finish_on_loop(void *arg)
{
	struct finish *end = arg;
	struct gw_flow *f = end->f;
	struct gw_call *c = f->c;

	ASSERT_IS(f, FLOW_MAGIC);
	if (flow_begin(f, true) < 0)
		return 0;
	if (!f->stream || !flow_move(f, FLOW_ENDED)) {
		flow_free(f);
		return 0;
	}
	if (end->e)
		c->format->error(c, end->e, &f->out);
	else if (!c->got_raw)
		c->format->end(c, &f->out);
	f->c = NULL;
	flow_flush(f);
	return 0;
}

bool gw_flow_finish(struct gw_call *c, const struct err *e, bool answers)
{
	struct gw_flow *f = TAKE_PTR(c->flow);
	struct finish end = {f, e};

	ASSERT(f && f->c == c); /* once */
	c->cancel = NULL;
	if (flow_swap(f, FLOW_READING, FLOW_LEFT) || (!answers && flow_swap(f, FLOW_ASKED, FLOW_LEFT)))
		return false;
	(void)loop_call(loop_of(f->g), finish_on_loop, &end);
	return true;
}

/* ---- the word that comes before its call ---- */

/* Forgets it: a call that has its name is found by that. */
static bool was_given_up(struct gateway *g, atelier_id user_id, uint64_t name)
{
	int64_t since = clock_mono_ms() - GIVEN_UP_MS;
	bool found = false;

	pthread_mutex_lock(&g->given_up_mx);
	for (size_t i = 0; i < GATEWAY_GIVEN_UP && !found; i++) {
		struct gw_given_up *one = &g->given_up[i];

		found = one->at_ms > since && one->user_id == user_id && one->name == name;
		if (found)
			one->at_ms = 0;
	}
	pthread_mutex_unlock(&g->given_up_mx);
	return found;
}

/* In place of the oldest: of the person's own where they have several, so that nobody takes all places. */
static void note_given_up(struct gateway *g, atelier_id user_id, uint64_t name)
{
	struct gw_given_up *oldest = &g->given_up[0], *own = NULL;
	size_t n_own = 0;

	pthread_mutex_lock(&g->given_up_mx);
	for (size_t i = 0; i < GATEWAY_GIVEN_UP; i++) {
		struct gw_given_up *one = &g->given_up[i];

		if (one->at_ms < oldest->at_ms)
			oldest = one;
		if (one->at_ms == 0 || one->user_id != user_id)
			continue;
		n_own++;
		if (!own || one->at_ms < own->at_ms)
			own = one;
	}
	*(n_own < GIVEN_UP_OF_ONE ? oldest : own) = (struct gw_given_up){user_id, name, clock_mono_ms()};
	pthread_mutex_unlock(&g->given_up_mx);
}

/* ---- ending calls ---- */

struct end_task {
	struct loop_task task;
	struct gateway *g;
	struct ending what;
	atelier_id user_id;
	uint64_t name; /* of calls of the person; 0: all that `what` fits */
};

static void end_on_loop(void *arg)
{
	struct end_task *t = arg;

	for (struct gw_flow *f = t->g->flows; f; f = f->next) {
		if (t->name == 0 && ending_fits(&t->what, &f->who))
			cancel_fire(&f->cancel, E_UNAUTHORIZED);
		if (t->name == 0 || f->who.user.id != t->user_id || atomic_load(&f->name) != t->name)
			continue;
		cancel_fire(&f->cancel, E_CANCELED);
		(void)was_given_up(t->g, t->user_id, t->name); /* and so it is not waited for */
	}
	free(t);
}

int gw_name(struct gw_call *c, uint64_t name)
{
	ASSERT_IS(c->flow, FLOW_MAGIC);
	atomic_store(&c->flow->name, name);
	/* Behind that: who gives it up notes it before looking for the name. */
	if (name == 0 || !was_given_up(c->flow->g, c->q->who.user.id, name))
		return 0;
	return err_set(&c->q->err, E_CANCELED, "The client gave up this call.");
}

void gateway_cancel(struct gateway *g, atelier_id user_id, uint64_t name)
{
	struct end_task *t = xcalloc(1, sizeof(*t));

	ASSERT_IS(g, GATEWAY_MAGIC);
	ASSERT(user_id && name);
	note_given_up(g, user_id, name);
	*t = (struct end_task){.g = g, .user_id = user_id, .name = name};
	loop_post(loop_of(g), &t->task, end_on_loop, t);
}

void gateway_end(struct gateway *g, const struct ending *what)
{
	struct end_task *t = xcalloc(1, sizeof(*t));

	ASSERT_IS(g, GATEWAY_MAGIC);
	*t = (struct end_task){.g = g, .what = *what};
	loop_post(loop_of(g), &t->task, end_on_loop, t);
}

static int stop_on_loop(void *arg)
{
	struct gateway *g = arg;

	g->stopping = true;
	for (struct gw_flow *f = g->flows; f; f = f->next)
		cancel_fire(&f->cancel, E_STOPPING);
	return 0;
}

void gw_flow_stop(struct gateway *g)
{
	ASSERT_IS(g, GATEWAY_MAGIC);
	(void)loop_call(loop_of(g), stop_on_loop, g);
}

static int drop_on_loop(void *arg)
{
	struct gateway *g = arg;

	for (struct gw_flow *f = g->flows, *next; f; f = next) {
		next = f->next;
		if (f->stream)
			http_stream_abort(f->stream);
		if (f->x)
			http_exchange_watch(f->x, NULL, NULL, NULL);
		flow_free(f);
	}
	return 0;
}

void gw_flow_drop_all(struct gateway *g)
{
	(void)loop_call(loop_of(g), drop_on_loop, g);
}
