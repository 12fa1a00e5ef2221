/* agents.c - see agents.h. */
#include "turn/agents.h"

#include <ctype.h>
#include <errno.h>

#include "base/log.h"
#include "store/assistants.h"
#include "turn/turn_priv.h"

#define TASK                                                                                                           \
	"{\"type\":\"object\",\"properties\":{\"task\":{\"type\":\"string\",\"description\":\"What it is to do, "      \
	"whole in "                                                                                                    \
	"itself.\"},\"context\":{\"type\":\"string\",\"description\":\"What it needs to know for that: facts, texts, " \
	"what others found.\"}},\"required\":[\"task\"]}"
#define ABOUT                                                                                                          \
	"An agent that works on a task by itself and answers with what came of it. It knows nothing of this "          \
	"conversation. Call several at a time when their tasks do not depend on each other."

/* ---- which there are ---- */

static bool is_above(const struct turn *t, atelier_id assistant_id)
{
	for (; t; t = t->parent)
		if (t->agent.assistant_id == assistant_id)
			return true;
	return false;
}

/* agent_ and what of the assistant's name models may be told, unlike those of others. */
static const char *name_of(const struct tool_list *taken, const char *name, struct arena *a)
{
	char slug[TOOL_NAME_MAX - 16];
	const char *full;
	size_t n = 0;

	for (; *name && n + 1 < sizeof(slug); name++)
		if (isalnum((unsigned char)*name))
			slug[n++] = (char)tolower((unsigned char)*name);
		else if (n > 0 && slug[n - 1] != '_')
			slug[n++] = '_';
	while (n > 0 && slug[n - 1] == '_')
		n--;
	slug[n] = '\0';
	full = arena_printf(a, n ? "agent_%s" : "agent", slug);
	for (int i = 2; full && tools_find(taken, full); i++)
		full = arena_printf(a, n ? "agent_%s_%d" : "agent%s_%d", slug, i);
	return full;
}

static int offer(struct turn *t, const struct assistant *a, struct tool_list *to)
{
	struct tool *tool = &to->items[to->n];
	char id[ID_LEN + 1];

	id_format(a->id, id);
	*tool = (struct tool){.name = name_of(to, a->name, &t->arena),
		.title = a->name,
		.description = arena_printf(
			&t->arena, "%s%s%s: %s", a->name, *a->description ? ": " : "", a->description, ABOUT),
		.parameters = TASK,
		.source = AGENT_SOURCE,
		.own_name = arena_strdup(&t->arena, id),
		.hash = "",
		.hints = TOOL_READS, /* what it changes is done by calls of its own, of which each is asked for */
		.enabled = true};
	if (!tool->name || !tool->description || !tool->own_name)
		return -ENOMEM;
	to->n++;
	return 0;
}

/* One that is gone, or not shared any more, is as if it were not there. */
static int offer_id(struct turn *t, struct db_conn *c, const char *text, struct tool_list *to, struct err *e)
{
	struct assistant a;
	struct err quiet = {0};
	atelier_id id;
	int r;

	if (!text || !id_parse(text, strlen(text), &id) || is_above(t, id))
		return 0;
	r = assistants_get(c, t->user_id, id, GRANT_USE, &t->arena, &a, &quiet);
	if (r == E_NOT_FOUND)
		return 0;
	if (r < 0)
		return err_set(e, r, "%s", quiet.msg);
	return offer(t, &a, to) < 0 ? err_set(e, -ENOMEM, "no memory for a turn") : 0;
}

int agents_offer(struct turn *t, struct tool_list *to, struct err *e)
{
	CLEANUP(json_decrefp) json_t *ids = NULL;
	const json_t *v;
	size_t i;
	int r = t->agent.calls ? json_parse(t->agent.calls, strlen(t->agent.calls), &ids, e) : 0;

	ASSERT_IS(t, TURN_MAGIC);
	if (t->agent.plans)
		plan_offer(to);
	if (r < 0 || json_array_size(ids) == 0 || t->agent.depth >= AGENTS_DEEP)
		return r;
	CLEANUP(db_releasep) struct db_conn *c = db_acquire(t->all->db);
	json_array_foreach(ids, i, v) if (r == 0 && i + 1 < AGENT_TOOLS_MAX) r =
		offer_id(t, c, json_string_value(v), to, e);
	return r;
}

/* ---- what it says ---- */

static bool takes_parent(enum event_type type)
{
	return type == EV_TEXT || type == EV_REASONING || type == EV_MOVED || type == EV_TOOL_CALL ||
	       type == EV_THOUGHTS || type == EV_NOTICE || type == EV_PLAN || type == EV_BUDGET;
}

/* What its model waits for, as the progress of the call. */
static int pass_status(struct turn *t, const char *json, size_t n)
{
	CLEANUP(json_decrefp) json_t *v = NULL;
	CLEANUP(buf_done) struct buf b = BUF_INIT(8192);
	const char *text;
	struct err quiet = {0};

	if (json_parse(json, n, &v, &quiet) < 0 || !(text = json_get_str(v, "text")))
		return 0;
	buf_printf(&b, "{\"id\":\"%s\",\"message\":", t->agent.call_id);
	json_add_cstr(&b, text);
	buf_add_char(&b, '}');
	return buf_status(&b) < 0 ? 0 : turn_put(&turn_root(t)->sink, true, EV_TOOL_PROGRESS, b.p, b.n);
}

/* To the log of the whole answer. What begins or goes on names the call that it is beneath; what is told of a call names that. */
static int pass_on(struct turn *t, enum event_type type, const char *json, size_t n)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(n + 128);
	int r;

	if (type == EV_STATUS)
		return pass_status(t, json, n);
	if (!takes_parent(type))
		return turn_put(&turn_root(t)->sink, true, type, json, n);
	buf_add(&b, json, n - 1);
	buf_printf(&b, "%s\"parent\":\"%s\"}", n > 2 ? "," : "", t->agent.call_id);
	r = buf_status(&b);
	return r < 0 ? r : turn_put(&turn_root(t)->sink, true, type, b.p, b.n);
}

/* ---- what it had, when the answer goes on ---- */

static const char *parts_beneath(struct turn *t, const char *call_id, struct arena *a)
{
	const struct message *before = turn_root(t)->before;
	CLEANUP(json_decrefp) json_t *all = NULL;
	CLEANUP(json_decrefp) json_t *own = json_array();
	CLEANUP(buf_done) struct buf b = BUF_INIT(TURN_ARENA_BYTES);
	struct err quiet = {0};
	json_t *v;
	size_t i;

	if (!before || !before->parts || json_parse(before->parts, strlen(before->parts), &all, &quiet) < 0)
		return NULL;
	json_array_foreach(all, i, v)
	{
		const char *parent = json_get_str(v, "parent");
		if (!parent || strcmp(parent, call_id) != 0)
			continue;
		json_object_del(v, "parent");
		json_array_append(own, v);
	}
	if (json_array_size(own) == 0)
		return NULL;
	json_add_value(&b, own);
	return buf_status(&b) < 0 ? NULL : arena_strndup(a, b.p, b.n);
}

bool agent_has_begun(struct turn *t, const struct call *c)
{
	CLEANUP(arena_done) struct arena a;

	arena_init(&a, TURN_ARENA_BYTES);
	return c->tool && strcmp(c->tool->source, AGENT_SOURCE) == 0 && parts_beneath(t, c->id, &a);
}

static int load_before(struct turn *t)
{
	struct message *m = ARENA_NEW(&t->arena, struct message);
	const char *parts = parts_beneath(t, t->agent.call_id, &t->arena);

	if (!m)
		return err_set(&t->err, -ENOMEM, "no memory for an agent");
	*m = (struct message){.role = MESSAGE_ASSISTANT, .content = "", .parts = parts};
	t->before = parts ? m : NULL;
	return 0;
}

/* ---- what it comes to ---- */

/* What it said last, behind its last call; else all that it said. */
static void add_words(const struct parts *parts, struct buf *to)
{
	size_t from = parts->n;

	while (from > 0 && parts->items[from - 1].type != PART_TOOL_CALL)
		from--;
	for (int all = 0; all < 2 && to->n == 0; all++, from = 0)
		for (size_t i = from; i < parts->n; i++)
			if (parts->items[i].type == PART_TEXT)
				buf_add(to, buf_str(&parts->items[i].text).p, parts->items[i].text.n);
}

static const char *failure_of(struct turn *t, int r)
{
	int reason = cancel_reason(&t->cancel);

	if (reason == E_CANCELED)
		return "The person stopped this agent.";
	if (reason == E_BUDGET)
		return "The time for this agent is used up.";
	return t->err.msg[0] && !reason ? err_public_text(&t->err) : err_info(reason ? reason : r)->text;
}

static int come_to(struct turn *t, int r, struct tool_result *ret, struct err *e)
{
	CLEANUP(reduced_done) struct reduced m = {.last_seq = 0};
	CLEANUP(buf_done) struct buf said = BUF_INIT(TURN_ARENA_BYTES);
	int n = reduce_log(t->before, turn_frames(t), 0, NULL, &m, e);

	if (n < 0)
		return n;
	add_words(&m.parts, &said);
	ret->text = BUF_INIT(TURN_ARENA_BYTES);
	ret->failed = r < 0 || said.n == 0;
	if (r < 0)
		buf_printf(&ret->text, "%s%s", failure_of(t, r), said.n ? " What it had said by then:\n\n" : "");
	else if (said.n == 0)
		buf_add_str(&ret->text, "The agent ended without an answer.");
	buf_add(&ret->text, buf_str(&said).p, said.n);
	if (r >= 0 && t->rounds.last)
		buf_printf(&ret->text, "\n\n[The agent ended early: %s.]", t->rounds.why);
	tool_result_cap(ret);
	return buf_status(&ret->text) < 0 ? err_set(e, -ENOMEM, "what an agent said does not fit into memory") : 0;
}

/* ---- having it work ---- */

/* The answer that it is a part of has taken what it took. */
static void add_up(struct turn *parent, const struct turn *t)
{
	pthread_mutex_lock(&parent->all->mx); /* beside others */
	turn_add_figures(&parent->result, &t->result);
	parent->cost_micros += t->cost_micros;
	pthread_mutex_unlock(&parent->all->mx);
}

static int read_task(struct turn *t, const struct call *c, const char **ret)
{
	CLEANUP(json_decrefp) json_t *v = NULL;
	const char *task, *context;
	int r = json_parse(c->arguments, strlen(c->arguments), &v, &t->err);

	if (r < 0)
		return r;
	task = json_get_str(v, "task");
	context = json_get_str(v, "context");
	*ret = context && *context ? arena_printf(&t->arena, "%s\n\nWhat you need to know:\n%s", task, context)
				   : arena_strdup(&t->arena, task ? task : "");
	return *ret ? 0 : err_set(&t->err, -ENOMEM, "no memory for an agent");
}

/* As a turn with this assistant would be, in a conversation that has what the one above has. */
static int choose(struct turn *t, const struct turn_request *q)
{
	struct conversation none;
	int r = turn_choose(t, q, &none, &t->err);

	if (r == 0)
		r = turn_check_rights(t->all, q->user_id, q->key_id, t->model, &t->err);
	return r < 0 ? r : turn_choose_tools(t, false, &t->err);
}

static int work(struct turn *t, const char *task)
{
	int r = t->before ? rounds_settle(t) : 0;

	if (r < 0 || t->waits || (r = prompt_task(t, task)) < 0)
		return r;
	return turn_converse(t);
}

static struct turn *beneath(struct turn *parent, const struct turn_request *q, const struct call *c)
{
	struct turn *t = turn_new(parent->all, q);

	t->parent = parent;
	t->ids = parent->ids;
	t->purpose = "agent";
	t->where = parent->where;
	t->agent = (struct agent){.depth = parent->agent.depth + 1, .call_id = c->id};
	t->out = (struct output){FRAMES_INIT((size_t)t->all->settings->max_answer_bytes), pass_on};
	budget_begin(t, &parent->rounds.budget);
	return t;
}

int agent_call(struct turn *parent, struct call *c, struct cancel *cancel, struct tool_result *ret, struct err *e)
{
	struct turn_request q = {.user_id = parent->user_id,
		.key_id = parent->key_id,
		.language = parent->language,
		.time_zone = parent->time_zone};
	struct cancel_link link;
	const char *task;
	struct turn *t;
	int r;

	ASSERT(thread_may_wait() && cancel);
	ASSERT_IS(parent, TURN_MAGIC);
	if (!id_parse(c->tool->own_name, strlen(c->tool->own_name), &q.assistant_id))
		return err_set(e, E_INTERNAL, "an agent without an assistant");
	t = beneath(parent, &q, c);
	cancel_link(&link, cancel, &t->cancel);
	if ((r = choose(t, &q)) >= 0 && (r = read_task(t, c, &task)) >= 0 && (r = load_before(t)) >= 0)
		r = work(t, task);
	cancel_unlink(&link);
	add_up(parent, t);
	c->waits = r >= 0 && t->waits;
	if (cancel_reason(&parent->cancel))
		r = -ECANCELED;
	else if (!c->waits)
		r = come_to(t, r, ret, e);
	turn_free(t);
	return MIN(r, 0);
}
