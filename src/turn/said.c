/* said.c - an answer as what a model is given of it again: of each round what it said and called, and the results. */
#include <errno.h>

#include "provider/collect.h"
#include "turn/turn_priv.h"

#define NO_RESULT "There is no result: the answer was ended before it came."

/* One round of an answer, put together from its parts. */
struct saying {
	struct arena *a;
	struct said *to;
	struct buf text, reasoning;
	const json_t *thoughts; /* as of a part; NULL: none */
	struct gen_tool_call *calls;
	const struct part **parts; /* of the calls */
	size_t n;
	int64_t round;
};

int said_add(struct arena *a, struct said *to, const struct gen_message *m)
{
	if (to->n == to->room) {
		size_t room = MAX(to->room * 2, (size_t)8);
		struct gen_message *more = ARENA_ARRAY(a, struct gen_message, room);
		if (!more)
			return -ENOMEM;
		if (to->n)
			memcpy(more, to->items, to->n * sizeof *more);
		to->items = more;
		to->room = room;
	}
	to->items[to->n++] = *m;
	return 0;
}

static const char *copy_text(struct arena *a, const struct buf *b)
{
	return buf_status(b) < 0 ? NULL : arena_strndup(a, buf_str(b).p, b->n);
}

static int add_result(struct saying *s, const struct part *p)
{
	const char *text = p->answered ? copy_text(s->a, &p->result) : NO_RESULT;
	struct gen_message m = {.role = "tool", .content = text, .tool_failed = p->failed || !p->answered};

	m.tool_call_id = arena_strdup(s->a, p->id ? p->id : "");
	m.tool_name = arena_strdup(s->a, p->name ? p->name : "");
	return text && m.tool_call_id && m.tool_name ? said_add(s->a, s->to, &m) : -ENOMEM;
}

/* What its provider said of the reasoning, for that. */
static int add_thoughts(struct saying *s, struct gen_message *m)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(TURN_ARENA_BYTES);
	const char *of = json_get_str(s->thoughts, "provider");
	const json_t *items = json_object_get(s->thoughts, "items");

	if (!of || !json_is_array(items))
		return 0;
	json_add_value(&b, items);
	m->thoughts = copy_text(s->a, &b);
	m->thoughts_of = arena_strdup(s->a, of);
	s->thoughts = NULL;
	return m->thoughts && m->thoughts_of ? 0 : -ENOMEM;
}

/* The calls of a round, then their results, each call with one. */
static int end_round(struct saying *s)
{
	struct gen_message m = {.role = MESSAGE_ASSISTANT, .content = copy_text(s->a, &s->text), .n_calls = s->n};
	struct gen_tool_call *calls = ARENA_ARRAY(s->a, struct gen_tool_call, s->n + 1);
	int r = 0;

	if (s->text.n == 0 && s->n == 0)
		return 0;
	if (s->reasoning.n)
		m.reasoning = copy_text(s->a, &s->reasoning);
	if (!m.content || !calls || (s->reasoning.n && !m.reasoning))
		return -ENOMEM;
	if (s->n)
		memcpy(calls, s->calls, s->n * sizeof *calls);
	m.calls = calls;
	r = add_thoughts(s, &m);
	if (r == 0)
		r = said_add(s->a, s->to, &m);
	for (size_t i = 0; r == 0 && i < s->n; i++)
		r = add_result(s, s->parts[i]);
	buf_reset(&s->text);
	buf_reset(&s->reasoning);
	s->n = 0;
	return r;
}

static void note_thoughts(struct saying *s, const struct part *p)
{
	const json_t *thoughts = json_object_get(p->more, "thoughts");

	if (thoughts)
		s->thoughts = thoughts;
}

/* What its provider said of the call, for that. */
static int add_extras(struct saying *s, const struct part *p, struct gen_tool_call *c)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(TURN_ARENA_BYTES);
	const json_t *extras = json_object_get(p->more, "extras");

	collect_members(json_object_get(extras, "members"), &b);
	c->extras = b.n ? copy_text(s->a, &b) : NULL;
	c->extras_of = arena_strdup(s->a, c->extras ? json_get_str(extras, "provider") : "");
	return buf_status(&b) < 0 || (b.n && !c->extras) || !c->extras_of ? -ENOMEM : 0;
}

static int add_call(struct saying *s, const struct part *p)
{
	int r = s->n && p->round != s->round ? end_round(s) : 0;
	note_thoughts(s, p);
	struct gen_tool_call *c = &s->calls[s->n];

	c->id = arena_strdup(s->a, p->id ? p->id : "");
	c->name = arena_strdup(s->a, p->name ? p->name : "");
	c->arguments = copy_text(s->a, &p->text);
	if (r < 0 || !c->id || !c->name || !c->arguments)
		return r < 0 ? r : -ENOMEM;
	if (!c->arguments[0])
		c->arguments = "{}";
	s->parts[s->n++] = p;
	s->round = p->round;
	return add_extras(s, p, c);
}

/* Whether the next call was made together with those so far. */
static bool calls_on(const struct saying *s, const struct parts *parts, size_t i)
{
	while (i < parts->n && (parts->items[i].type != PART_TOOL_CALL || parts->items[i].parent))
		i++;
	return s->n && i < parts->n && parts->items[i].round > 0 && parts->items[i].round == s->round;
}

/* Of the words behind calls: whether they were said after the results of those. */
static bool is_next_round(const struct saying *s, const struct parts *parts, size_t i)
{
	int64_t round = json_get_i64(json_object_get(parts->items[i].more, "thoughts"), "round", 0);

	if (!s->n)
		return false;
	return round > 0 ? round != s->round : !calls_on(s, parts, i);
}

/* `to`: NULL: the words themselves are not given back. */
static int add_words(struct saying *s, const struct parts *parts, size_t i, struct buf *to)
{
	const struct part *p = &parts->items[i];
	int r = is_next_round(s, parts, i) ? end_round(s) : 0;

	note_thoughts(s, p);
	if (to)
		buf_add(to, buf_str(&p->text).p, p->text.n);
	return r;
}

int said_add_parts(struct arena *a, struct said *to, const struct parts *parts, bool reasons)
{
	struct saying s = {.a = a,
		.to = to,
		.text = BUF_INIT(TURN_ARENA_BYTES),
		.reasoning = BUF_INIT(TURN_ARENA_BYTES),
		.calls = ARENA_ARRAY(a, struct gen_tool_call, parts->n + 1),
		.parts = ARENA_ARRAY(a, const struct part *, parts->n + 1)};
	int r = s.calls && s.parts ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < parts->n; i++) {
		const struct part *p = &parts->items[i];
		if (p->parent)
			continue; /* an agent's own: its result is what was given */
		if (p->type == PART_TEXT)
			r = add_words(&s, parts, i, &s.text);
		else if (p->type == PART_REASONING)
			r = add_words(&s, parts, i, reasons ? &s.reasoning : NULL);
		else if (p->type == PART_TOOL_CALL)
			r = add_call(&s, p);
	}
	if (r == 0)
		r = end_round(&s);
	buf_done(&s.text);
	buf_done(&s.reasoning);
	return r;
}

int said_add_answer(struct arena *a, struct said *to, const char *json, bool reasons, struct err *e)
{
	CLEANUP(parts_done) struct parts parts = PARTS_INIT(TURN_ARENA_BYTES);
	int r = parts_read(&parts, json, NULL, e);

	return r < 0 ? r : said_add_parts(a, to, &parts, reasons);
}
