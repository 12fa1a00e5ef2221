/*
 * rounds.c - a model calls tools: what it called is run, what that came to is added to what it is given, and it is asked again,
 * within a budget. Whether tools were called is told by the calls alone, never by the reason a provider gives for its end.
 */
#include <errno.h>

#include "base/clock.h"
#include "store/tool_choices.h"
#include "turn/turn_priv.h"

#define SAME_TOLD  3 /* times that a call came to the same: it is told */
#define SAME_LAST  5 /* then nothing more is called */
#define FAILS_LAST 3 /* in a row: the tool is offered no more */

#define NO_MORE "\n\n[No more tools can be called for this answer: %s. Answer now, with what there is.]"

struct repeat {
	uint64_t came_to;
	unsigned n;
};

/* ---- calls on their way to the log ---- */

static void add_piece(struct buf *b, const json_t *piece, const char *key, const char *before)
{
	const json_t *v = json_object_get(piece, key);

	if (v) {
		buf_add_str(b, before);
		json_add_value(b, v);
	}
}

/* Unlike that of any other call of the turn. */
static void new_id(struct turn *t, struct buf *b)
{
	char turn[ID_LEN + 1];

	id_format(t->ids.turn_id, turn);
	buf_printf(b, "call_%s_%u", turn, atomic_fetch_add(&turn_root(t)->rounds.n_ids, 1) + 1);
}

int rounds_put(struct gen_sink *s, bool on_loop, enum event_type type, const char *json, size_t n)
{
	struct turn *t = CONTAINER_OF(s, struct turn, sink);
	CLEANUP(json_decrefp) json_t *piece = NULL;
	CLEANUP(buf_done) struct buf b = BUF_INIT(n + 1024);
	int r;

	if (type != EV_TOOL_CALL)
		return turn_put(s, on_loop, type, json, n);
	t->rounds.called = true;
	if (memmem(json, n, "\"id\":", 5) == NULL)
		return turn_put(s, on_loop, EV_TOOL_CALL, json, n);
	if ((r = json_parse(json, n, &piece, &t->err)) < 0)
		return r;
	if (!json_get_str(piece, "id"))
		return turn_put(s, on_loop, EV_TOOL_CALL, json, n);
	buf_printf(&b, "{\"index\":%lld,\"id\":\"", (long long)json_get_i64(piece, "index", 0));
	new_id(t, &b);
	buf_add_char(&b, '"');
	add_piece(&b, piece, "name", ",\"name\":");
	add_piece(&b, piece, "arguments", ",\"arguments\":");
	add_piece(&b, piece, "extras", ",\"extras\":");
	buf_add_char(&b, '}');
	r = buf_status(&b);
	return r < 0 ? r : turn_put(s, on_loop, EV_TOOL_CALL, b.p, b.n);
}

/* ---- what was called ---- */

/* What stands in the log of the round so far. */
static int read_round(struct turn *t, struct reduced *ret)
{
	return reduce_log(NULL, turn_frames(t), t->rounds.behind, NULL, ret, &t->err);
}

/* Where the model wrote several behind one another, each is a call: those that fit. */
static int add_written(struct turn *t, const struct part *p, const struct call *first,
	const struct tool_arguments *written, struct call *calls, size_t *n, size_t room)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(TURN_ARENA_BYTES);
	int r = 0;

	calls[*n] = *first;
	calls[(*n)++].arguments = written->items[0];
	for (size_t i = 1; r == 0 && i < written->n && *n < room; i++) {
		struct call *c = &calls[*n];
		*c = *first;
		c->arguments = written->items[i];
		buf_reset(&b);
		new_id(t, &b);
		c->id = arena_strdup(&t->arena, buf_str(&b).p);
		if (!c->id)
			return -ENOMEM;
		buf_reset(&b);
		buf_printf(&b, "{\"index\":%zu,\"id\":\"%s\",\"name\":", 1000 + *n, c->id);
		json_add_cstr(&b, p->name);
		buf_add_str(&b, ",\"arguments\":");
		json_add_cstr(&b, c->arguments);
		buf_add_char(&b, '}');
		r = turn_event(t, EV_TOOL_CALL, &b);
		++*n;
	}
	return r;
}

/* Part `i` of them, of which each that comes has a place still: what was written behind one another has the rest. */
static int take_call(struct turn *t, const struct parts *parts, size_t i, struct call *calls, size_t *n, size_t room)
{
	const struct part *p = &parts->items[i];
	struct tool_arguments written = {.n = 0};
	struct call c = {.id = arena_strdup(&t->arena, p->id ? p->id : ""),
		.name = arena_strdup(&t->arena, p->name ? p->name : ""),
		.arguments = arena_strndup(&t->arena, buf_str(&p->text).p, p->text.n)};
	int r = 0;

	room -= parts->n - i - 1;
	ASSERT(*n < room);
	if (!c.id || !c.name || !c.arguments)
		return -ENOMEM;
	c.tool = tools_find(&t->tools, c.name);
	if (c.tool && (r = tool_arguments_read(c.tool, buf_str(&p->text), &t->arena, &written, &t->err)) < 0)
		return r;
	if (c.tool && written.n)
		return add_written(t, p, &c, &written, calls, n, room);
	if (c.tool)
		c.refused = written.problem;
	calls[(*n)++] = c;
	return 0;
}

static int take_calls(struct turn *t, const struct parts *parts, struct call **ret, size_t *ret_n)
{
	size_t most = (size_t)t->all->settings->tool_calls, room = parts->n + most;
	struct call *calls = ARENA_ARRAY(&t->arena, struct call, room);
	int r = calls ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < parts->n; i++)
		if (parts->items[i].type == PART_TOOL_CALL && !parts->items[i].answered && !parts->items[i].parent)
			r = take_call(t, parts, i, calls, ret_n, room);
	for (size_t i = 0; r == 0 && i < *ret_n; i++)
		if (t->rounds.last)
			calls[i].refused = "It was not run: no more tools can be called for this answer.";
		else if (i >= most)
			calls[i].refused =
				"It was not run: too many tools were called at a time. Call it again if it is needed.";
	*ret = calls;
	return r;
}

/* ---- what a person decides ---- */

static int find_rule(struct turn *t, struct call *c)
{
	CLEANUP(db_releasep) struct db_conn *conn = db_acquire(t->all->db);
	bool allowed = false;
	int r = tool_rules_allows(
		conn, t->user_id, t->ids.conversation_id, c->tool->name, c->tool->hash, &allowed, &t->err);

	c->held = !allowed;
	return r;
}

/* Those of which a person is asked are held back: stored first, then shown. */
static int hold_back(struct turn *t, struct call *calls, size_t n)
{
	struct turn_call *rows = ARENA_ARRAY(&t->arena, struct turn_call, n + 1);
	enum turn_asking asking = turn_root(t)->asking;
	size_t held = 0;
	int r = rows ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < n; i++) {
		if (!calls[i].tool || calls[i].refused || calls[i].approved || !calls[i].tool->asks)
			continue;
		if ((r = find_rule(t, &calls[i])) < 0 || !calls[i].held)
			continue;
		if (asking == ASK_NOBODY) {
			calls[i].held = false;
			calls[i].refused = "It was not run: a person has to allow it, and nobody can be asked here.";
		} else
			rows[held++] = call_row(t, &calls[i], CALL_ASKED);
	}
	if (asking == ASK_LIVE)
		return r; /* when the others have run: run_held */
	if (r == 0)
		r = turn_calls_add(t->all->db, rows, held, &t->err);
	for (size_t i = 0; r == 0 && i < held; i++)
		r = call_tell_approval(t, &rows[i]);
	t->waits = held > 0;
	return r;
}

/* Those that were held back until now. */
static int run_held(struct turn *t, struct call *calls, size_t n)
{
	struct call *held = ARENA_ARRAY(&t->arena, struct call, n + 1);
	size_t k = 0;
	int r;

	for (size_t i = 0; held && i < n; i++)
		if (calls[i].held)
			held[k++] = calls[i];
	if (!held || k == 0)
		return held ? 0 : err_set(&t->err, -ENOMEM, "no memory for a turn");
	int asked = calls_ask_live(t, held, k);
	r = calls_run(t, held, k); /* also when it was stopped: each gets its result */
	for (size_t i = 0, j = 0; i < n; i++)
		if (calls[i].held)
			calls[i] = held[j++];
	return asked < 0 ? asked : r;
}

/* Each gets its result, but those of which a person is asked who may take a day. */
static int run_all(struct turn *t, struct call *calls, size_t n)
{
	int r = hold_back(t, calls, n);

	if (r == 0)
		r = calls_run(t, calls, n);
	return r == 0 && turn_root(t)->asking == ASK_LIVE ? run_held(t, calls, n) : r;
}

static const struct turn_call *row_of(const struct turn_call_list *rows, const char *id)
{
	for (size_t i = 0; i < rows->n; i++)
		if (strcmp(rows->items[i].call_id, id) == 0)
			return &rows->items[i];
	return NULL;
}

/* By what was decided: the arguments are those that were shown, and the tool must be what it was then. */
static int take_decision(struct turn *t, struct call *c, const struct turn_call *row)
{
	bool stopped = cancel_reason(&t->cancel) != 0;
	struct turn_call told = *row;

	if (strcmp(row->state, CALL_STARTED) == 0)
		c->refused = "It had begun when the server ended. Whether it was done is not known.";
	else if (strcmp(row->state, CALL_DENIED) == 0)
		c->refused = row->unknown ? "It had begun when the server ended. Whether it was done is not known, and "
					    "it was not run again."
			     : row->reason && *row->reason
				     ? arena_printf(&t->arena, "The person did not allow this call: %s", row->reason)
				     : "The person did not allow this call.";
	else if (strcmp(row->state, CALL_EXPIRED) == 0)
		c->refused = "Nobody decided in time whether this call may be run. It was not run.";
	else if (strcmp(row->state, CALL_ALLOWED) == 0 && (!c->tool || strcmp(c->tool->hash, row->hash) != 0))
		c->refused = "It was not run: the tool is not what it was when the call was allowed.";
	c->arguments = row->arguments;
	c->approved = strcmp(row->state, CALL_ALLOWED) == 0;
	if (stopped && strcmp(row->state, CALL_ASKED) == 0)
		told.decision = "canceled";
	return told.decision ? call_tell_approval(t, &told) : 0;
}

static int open_calls(struct turn *t, const struct parts *parts, struct call **ret, size_t *ret_n)
{
	struct turn_call_list rows = {.n = 0};
	size_t room = parts->n + (size_t)t->all->settings->tool_calls;
	struct call *calls = ARENA_ARRAY(&t->arena, struct call, room);
	int r = calls ? 0 : -ENOMEM;

	if (r == 0) {
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(t->all->db);
		r = turn_calls_list(c, t->ids.turn_id, &t->arena, &rows, &t->err);
	}
	for (size_t i = 0; r == 0 && i < parts->n; i++) {
		const struct part *p = &parts->items[i];
		size_t at = *ret_n;
		if (!t->parent) /* those of agents are the whole answer's */
			t->rounds.n_ids += p->type == PART_TOOL_CALL;
		if (p->type != PART_TOOL_CALL || p->parent)
			continue;
		t->rounds.n = MAX(t->rounds.n, (unsigned)p->round);
		if (p->answered || !p->id)
			continue;
		const struct turn_call *row = row_of(&rows, p->id);
		r = take_call(t, parts, i, calls, ret_n, room);
		if (r == 0 && row && *ret_n > at)
			r = take_decision(t, &calls[at], row);
	}
	*ret = calls;
	return r;
}

/* ---- when it is enough ---- */

void rounds_end(struct turn *t, const char *code, const char *why, const char *text)
{
	if (t->rounds.last)
		return;
	t->rounds.last = true;
	t->rounds.why = why;
	turn_tell(t, code, text);
}

static unsigned count_same(struct turn *t, uint64_t came_to)
{
	struct rounds *x = &t->rounds;

	for (size_t i = 0; i < x->n_repeats; i++)
		if (x->repeats[i].came_to == came_to)
			return ++x->repeats[i].n;
	if (x->n_repeats % 16 == 0) {
		struct repeat *more = ARENA_ARRAY(&t->arena, struct repeat, x->n_repeats + 16);
		if (!more)
			return 1;
		if (x->n_repeats)
			memcpy(more, x->repeats, x->n_repeats * sizeof *more);
		x->repeats = more;
	}
	x->repeats[x->n_repeats++] = (struct repeat){came_to, 1};
	return 1;
}

/* ---- the next question ---- */

/* Behind the last result, so that what was given before stays as it is. */
static int tell_model(struct turn *t, const char *text)
{
	ASSERT(t->said.n > 0); /* the calls and their results */
	struct gen_message *m = &t->said.items[t->said.n - 1];

	m->content = text ? arena_printf(&t->arena, "%s%s", m->content, text) : NULL;
	return m->content ? 0 : -ENOMEM;
}

static int add_round(struct turn *t, const struct call *calls, size_t n)
{
	CLEANUP(reduced_done) struct reduced m = {.last_seq = 0};
	unsigned same = 0;
	int r = read_round(t, &m);

	if (r == 0)
		r = said_add_parts(&t->arena, &t->said, &m.parts, true);
	for (size_t i = 0; i < n; i++) {
		unsigned times = count_same(t, calls[i].came_to);
		same = MAX(same, times);
	}
	t->rounds.n++;
	allowance_spend(&t->rounds.budget, ALLOWED_STEPS, 1);
	t->rounds.behind = m.last_seq;
	t->rounds.called = false;
	if (r == 0 && same >= SAME_TOLD)
		r = tell_model(t,
			"\n\n[This call came to the same again. Calling it once more changes nothing: do something "
			"else, or answer.]");
	if (same >= SAME_LAST)
		rounds_end(t, "loop", "the same call came to the same again and again",
			"The model called the same tool again and again, which came to the same each time.");
	budget_check(t);
	if (r == 0)
		r = budget_tell(t);
	if (r == 0 && t->rounds.last)
		r = tell_model(t, arena_printf(&t->arena, NO_MORE, t->rounds.why));
	t->request.messages = t->said.items;
	t->request.n_messages = t->said.n;
	t->request.continues = false;
	if (t->request.tool_choice != TOOLS_NONE)
		t->request.tool_choice = TOOLS_AUTO; /* one had to be called, and was */
	if (t->rounds.last)
		t->request.tool_choice = TOOLS_NONE;
	return r;
}

/* One that failed again and again is offered no more. */
static void drop_failing(struct turn *t, const struct call *calls, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!calls[i].tool)
			continue;
		size_t at = (size_t)(calls[i].tool - t->tools.items);
		ASSERT(at < t->tools.n);
		t->fails[at] = calls[i].failed ? t->fails[at] + 1 : 0;
	}
	size_t all = t->tools.n + t->n_handed;
	struct gen_tool *left = ARENA_ARRAY(&t->arena, struct gen_tool, all + 1);
	size_t kept = 0;
	for (size_t i = 0; left && i < all; i++)
		if (i >= t->tools.n || t->fails[i] < FAILS_LAST)
			left[kept++] = t->told_tools[i];
	if (left && kept < t->request.n_tools) {
		t->request.tools = left;
		t->request.n_tools = kept;
	}
}

/* What the message has become by the results. */
static int set_parts_now(struct turn *t)
{
	CLEANUP(reduced_done) struct reduced m = {.last_seq = 0};
	int r = reduce_log(t->before, turn_frames(t), t->after, NULL, &m, &t->err);

	if (r < 0)
		return r;
	t->rounds.behind = m.last_seq;
	t->parts_now = m.json.n ? arena_strndup(&t->arena, m.json.p, m.json.n) : NULL;
	return m.json.n && !t->parts_now ? err_set(&t->err, -ENOMEM, "no memory for a turn") : 0;
}

int rounds_settle(struct turn *t)
{
	CLEANUP(parts_done) struct parts parts = PARTS_INIT(TURN_ARENA_BYTES);
	struct call *calls = NULL;
	size_t n = 0;
	int r = parts_read(&parts, t->before->parts, t->before->content, &t->err);

	ASSERT_IS(t, TURN_MAGIC);
	if (r == 0)
		r = open_calls(t, &parts, &calls, &n);
	budget_restore(t, &parts, n > 0);
	if (r == 0 && !cancel_reason(&t->cancel))
		r = hold_back(t, calls, n);
	if (r < 0 || (r = calls_run(t, calls, n)) < 0 || t->waits)
		return r;
	budget_check(t);
	return set_parts_now(t);
}

/* Whoever asks has tools of their own, of which one was called: that is the end of the answer here. */
static bool is_handed_over(struct turn *t, const struct call *calls, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < t->n_handed; k++)
			if (strcmp(calls[i].name, t->told_tools[t->tools.n + k].name) == 0)
				return true;
	return false;
}

/* What was called beside is not given to the model: it will not remember that it called. */
static int hand_over(struct turn *t, struct call *calls, size_t n)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		if (calls[i].tool)
			r = call_end_unrun(t, &calls[i], "It was not run: other tools were called with it.");
	return r;
}

int rounds_run(struct turn *t, bool *ret_again)
{
	struct call *calls = NULL;
	size_t n = 0;
	int r;

	ASSERT_IS(t, TURN_MAGIC);
	*ret_again = false;
	if (!t->rounds.called)
		return 0;
	{
		CLEANUP(reduced_done) struct reduced m = {.last_seq = 0};
		if ((r = read_round(t, &m)) == 0)
			r = take_calls(t, &m.parts, &calls, &n);
	}
	if (r == 0 && is_handed_over(t, calls, n))
		return hand_over(t, calls, n);
	if (r == 0 && t->rounds.n == 0)
		r = budget_tell(t);
	if (r == 0)
		r = run_all(t, calls, n);
	if (r < 0 || t->waits)
		return r;
	if (t->rounds.last)
		return 0; /* it calls tools that it cannot call: that is its answer */
	drop_failing(t, calls, n);
	r = add_round(t, calls, n);
	*ret_again = r == 0;
	return r < 0 ? err_set(&t->err, r, "the results of tools do not fit into a turn's memory") : 0;
}
