/* calls.c - the calls of one round: run, told, each with one result. Those that only read are run side by side, the others
 * one after the other, in their order. */
#include <errno.h>

#include "base/clock.h"
#include "turn/turn_priv.h"

#define EVENT_MAX      ((size_t)4 << 20) /* of one result, as JSON */
#define PROGRESS_EVERY 250               /* ms */
#define NOT_RUN        "It was not run."

/* A call while it runs. */
struct running {
	struct turn *t;
	struct call *call;
	struct cancel cancel; /* of this call; fired with that of the turn */
	struct running *next; /* in the list of the whole answer; under the lock of all */
	int r;
	int64_t told_ms;
};

/* Calls that run side by side: whoever comes takes the next. Freed by the last who leaves. */
struct together {
	pthread_mutex_t mx; /* of the numbers below */
	pthread_cond_t over;
	struct running *calls;
	size_t n, taken, ended;
	size_t users;
};

struct helper {
	struct together *together;
	struct pool_task task;
};

/* ---- what is told ---- */

static void add_id(struct buf *b, const struct call *c)
{
	buf_add_str(b, "{\"id\":");
	json_add_cstr(b, c->id);
}

static int tell_start(struct turn *t, const struct call *c)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(8192);

	add_id(&b, c);
	buf_add_str(&b, ",\"title\":");
	json_add_cstr(&b, c->tool->title);
	buf_add_str(&b, ",\"source\":");
	json_add_cstr(&b, c->tool->source);
	buf_printf(&b, ",\"at\":%lld}", (long long)clock_now_ms());
	return turn_event(t, EV_TOOL_START, &b);
}

static void on_progress(void *arg, double done, double total, const char *message)
{
	struct running *x = arg;
	CLEANUP(buf_done) struct buf b = BUF_INIT(8192);
	int64_t now = clock_mono_ms();

	if (now - x->told_ms < PROGRESS_EVERY)
		return;
	x->told_ms = now;
	add_id(&b, x->call);
	buf_add_str(&b, ",\"progress\":");
	json_add_double(&b, done);
	if (total > 0) {
		buf_add_str(&b, ",\"total\":");
		json_add_double(&b, total);
	}
	if (message) {
		buf_add_str(&b, ",\"message\":");
		json_add_string(&b, message, strnlen(message, 500));
	}
	buf_add_char(&b, '}');
	(void)!turn_event(x->t, EV_TOOL_PROGRESS, &b);
}

/* FNV-1a. */
static uint64_t mark(uint64_t hash, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		hash = (hash ^ (unsigned char)p[i]) * UINT64_C(1099511628211);
	return hash * UINT64_C(1099511628211);
}

static void set_came_to(struct call *c, const struct tool_result *result)
{
	uint64_t hash = mark(UINT64_C(14695981039346656037), c->name, strlen(c->name));

	hash = mark(hash, c->arguments, strlen(c->arguments));
	c->came_to = mark(hash, buf_str(&result->text).p, result->text.n);
}

/* ---- what a person is asked ---- */

static const char *effect_of(const struct tool *tool)
{
	return tool->hints & TOOL_DESTROYS ? "destroys" : tool->hints & TOOL_OUTSIDE ? "outside" : "writes";
}

struct turn_call call_row(const struct turn *t, const struct call *c, const char *state)
{
	return (struct turn_call){.turn_id = t->ids.turn_id,
		.call_id = c->id,
		.name = c->name,
		.hash = c->tool->hash,
		.title = c->tool->title,
		.arguments = c->arguments,
		.effect = effect_of(c->tool),
		.state = state,
		.expires_at = clock_now_ms() + t->all->settings->approval_hours * 3600 * 1000};
}

void call_approval_json(const struct turn_call *row, struct buf *b)
{
	buf_add_str(b, "{\"id\":");
	json_add_cstr(b, row->call_id);
	buf_add_str(b, ",\"name\":");
	json_add_cstr(b, row->name);
	buf_add_str(b, ",\"title\":");
	json_add_cstr(b, row->title);
	buf_add_str(b, ",\"arguments\":");
	json_add_cstr(b, row->arguments);
	buf_printf(b, ",\"effect\":\"%s\",\"expires_at\":%lld", row->effect, (long long)row->expires_at);
	if (row->unknown)
		buf_add_str(b, ",\"unknown\":true");
	if (row->decision)
		buf_printf(b, ",\"decision\":\"%s\"", row->decision);
	if (row->reason) {
		buf_add_str(b, ",\"reason\":");
		json_add_cstr(b, row->reason);
	}
	buf_add_char(b, '}');
}

int call_tell_approval(struct turn *t, const struct turn_call *row)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(EVENT_MAX);

	call_approval_json(row, &b);
	return turn_event(t, EV_APPROVAL, &b);
}

/* ---- one call ---- */

int call_end_unrun(struct turn *t, struct call *c, const char *why)
{
	CLEANUP(tool_result_done) struct tool_result result = {.failed = true};

	if (why) {
		result.text = BUF_INIT(TOOL_TEXT_MAX);
		buf_add_str(&result.text, why);
	} else
		tool_result_unknown(&t->tools, c->name, &result);
	result.failed = true;
	set_came_to(c, &result);
	return call_tell_result(t, c, &result, -1);
}

static int on_ask(void *arg, const char *from, const char *message, const char *schema, const char *url,
	struct buf *ret, struct err *e)
{
	struct running *x = arg;
	const struct question_asked asked = {x->call->id, from, message, schema, url};

	return question_ask(x->t, &asked, &x->cancel, ret, e);
}

static bool is_from(const struct call *c, const char *source)
{
	return c->tool && strcmp(c->tool->source, source) == 0;
}

static int call_tool(struct running *x, struct arena *a, struct tool_result *result, struct err *e)
{
	struct turn *t = x->t;
	struct tool_run run = {.user_id = t->user_id,
		.key_id = t->key_id,
		.conversation_id = t->ids.conversation_id,
		.turn_id = t->ids.turn_id,
		.call_id = x->call->id,
		.where = turn_searches(t) ? &t->where : NULL,
		.language = t->language,
		.time_zone = t->time_zone,
		.cancel = &x->cancel,
		.progress = on_progress,
		.ask = turn_root(t)->asking == ASK_NOBODY ? NULL : on_ask,
		.arg = x};

	if (is_from(x->call, AGENT_SOURCE))
		return agent_call(t, x->call, &x->cancel, result, e);
	if (is_from(x->call, PLAN_SOURCE))
		return plan_call(t, x->call, result, e);
	return tools_call(t->all->config.tools, x->call->tool, x->call->arguments, &run, a, result, e);
}

static bool is_repeatable(const struct tool *tool)
{
	return tool->hints & TOOL_READS || (tool->hints & TOOL_IDEMPOTENT && !(tool->hints & TOOL_DESTROYS));
}

/* One that may change something is known to have begun before it does, and begins once; what may be done twice is simply run again
 * after a crash. */
static int begin_call(struct turn *t, const struct call *c, struct err *e)
{
	const struct turn_call row = call_row(t, c, CALL_STARTED);

	bool kept = turn_root(t)->log != NULL;

	return !kept || is_repeatable(c->tool) ? 0 : turn_calls_begin(t->all->db, &row, e);
}

static int run_told(struct running *x)
{
	CLEANUP(tool_result_done) struct tool_result result = {.failed = false};
	CLEANUP(arena_done) struct arena a; /* the turn's is not for several threads */
	struct turn *t = x->t;
	struct err e = {0};
	int64_t began = clock_mono_ms();
	int r;

	arena_init(&a, TURN_ARENA_BYTES);
	r = begin_call(t, x->call, &e);
	if (r == 0)
		r = tell_start(t, x->call);
	if (r == 0)
		r = call_tool(x, &a, &result, &e);
	if (r < 0) {
		bool all = cancel_reason(&t->cancel) != 0;
		int one = cancel_reason(&x->cancel);
		int told = call_end_unrun(t, x->call,
			all               ? "It was stopped."
			: one == E_BUDGET ? "It was stopped: the time for tools is used up."
			: one             ? "The person stopped this call."
			: e.msg[0]        ? e.msg
					  : NOT_RUN);
		return all || told < 0 ? r : 0; /* of one that could not be run the model is told */
	}
	if (x->call->waits)
		return 0;
	set_came_to(x->call, &result);
	return call_tell_result(t, x->call, &result, clock_mono_ms() - began);
}

/* ---- stopping one ---- */

static void list_add(struct running *x)
{
	struct turn *root = turn_root(x->t);

	pthread_mutex_lock(&root->all->mx);
	x->next = root->rounds.running;
	root->rounds.running = x;
	pthread_mutex_unlock(&root->all->mx);
}

static void list_remove(struct running *x)
{
	struct turn *root = turn_root(x->t);

	pthread_mutex_lock(&root->all->mx);
	struct running **at = &root->rounds.running;
	while (*at != x)
		at = &(*at)->next;
	*at = x->next;
	pthread_mutex_unlock(&root->all->mx);
}

bool calls_stop(struct turn *t, const char *call_id)
{
	ASSERT_IS(t, TURN_MAGIC);
	for (struct running *x = t->rounds.running; x; x = x->next)
		if (strcmp(x->call->id, call_id) == 0) {
			cancel_fire(&x->cancel, E_CANCELED);
			return true;
		}
	return false;
}

static void run_one(struct running *x)
{
	struct deadline d = {.budget = &x->t->rounds.budget, .cancel = &x->cancel};
	struct cancel_link link;

	cancel_init(&x->cancel);
	cancel_link(&link, &x->t->cancel, &x->cancel);
	deadline_begin(x->t->all->deadlines, &d);
	list_add(x);
	x->r = run_told(x);
	list_remove(x);
	deadline_end(x->t->all->deadlines, &d);
	cancel_unlink(&link);
	cancel_done(&x->cancel);
}

/* ---- side by side ---- */

/* Runs calls as long as there are some that nobody has begun. */
static void take_part(struct together *all)
{
	pthread_mutex_lock(&all->mx);
	while (all->taken < all->n) {
		struct running *x = &all->calls[all->taken++];
		pthread_mutex_unlock(&all->mx);
		run_one(x);
		pthread_mutex_lock(&all->mx);
		all->ended++;
	}
	pthread_cond_broadcast(&all->over);
	pthread_mutex_unlock(&all->mx);
}

static void leave(struct together *all)
{
	pthread_mutex_lock(&all->mx);
	bool last = --all->users == 0;
	pthread_mutex_unlock(&all->mx);
	if (!last)
		return;
	pthread_cond_destroy(&all->over);
	pthread_mutex_destroy(&all->mx);
	free(all);
}

static void help(void *arg)
{
	struct helper *h = arg;

	take_part(h->together);
	leave(h->together);
	free(h);
}

/* Who waits for them takes part: calls that wait for calls of their own may have all threads of the pool. */
static void run_together(struct turn *t, struct running *calls, size_t n)
{
	struct together *all;

	if (n == 1) {
		run_one(calls);
		return;
	}
	all = xcalloc(1, sizeof *all);
	*all = (struct together){
		.mx = PTHREAD_MUTEX_INITIALIZER, .over = PTHREAD_COND_INITIALIZER, .calls = calls, .n = n, .users = n};
	for (size_t i = 1; i < n; i++) {
		struct helper *h = xcalloc(1, sizeof *h);
		h->together = all;
		if (pool_submit(t->all->call_threads, &h->task, help, h) == 0)
			continue;
		free(h);
		pthread_mutex_lock(&all->mx);
		all->users--; /* never the last */
		pthread_mutex_unlock(&all->mx);
	}
	take_part(all);
	pthread_mutex_lock(&all->mx);
	while (all->ended < n)
		pthread_cond_wait(&all->over, &all->mx);
	pthread_mutex_unlock(&all->mx);
	leave(all);
}

static bool only_reads(const struct call *c)
{
	return c->tool && !c->refused && !c->held && !c->approved && (c->tool->hints & TOOL_READS);
}

/* Those from `i` on that are run now: several that only read, else one. */
static size_t next_ones(const struct call *calls, size_t i, size_t n)
{
	size_t k = i;

	while (k < n && only_reads(&calls[k]))
		k++;
	return MAX(k, i + 1) - i;
}

/* An agent that had begun before the answer waited ends what it had begun. */
static void end_stopped(struct running *x)
{
	if (agent_has_begun(x->t, x->call))
		run_one(x);
	else
		x->r = call_end_unrun(x->t, x->call, "It was stopped before it began.");
}

int calls_run(struct turn *t, struct call *calls, size_t n)
{
	struct running *all = ARENA_ARRAY(&t->arena, struct running, n + 1);
	int r = all ? 0 : -ENOMEM;

	ASSERT(thread_may_wait() && calls);
	ASSERT_IS(t, TURN_MAGIC);
	for (size_t i = 0; all && i < n;) {
		size_t k = next_ones(calls, i, n);
		for (size_t j = i; j < i + k; j++)
			all[j] = (struct running){.t = t, .call = &calls[j]};
		if (calls[i].held)
			all[i].r = 0; /* a person is asked */
		else if (cancel_reason(&t->cancel))
			for (size_t j = i; j < i + k; j++)
				end_stopped(&all[j]);
		else if (k == 1 && (!calls[i].tool || calls[i].refused))
			all[i].r = call_end_unrun(t, &calls[i], calls[i].refused);
		else
			run_together(t, &all[i], k);
		for (size_t j = i; j < i + k; j++) {
			r = r < 0 ? r : all[j].r;
			t->waits |= calls[j].waits;
		}
		i += k;
	}
	return r == 0 && cancel_reason(&t->cancel) ? -ECANCELED : r;
}
