/*
 * activity.c - an answer in which an assistant uses tools of its own. They run here, between rounds of the model (turn/once.h), and
 * their events come with those of the answer. The program that asked is told of its own tools' calls alone, which it has to run;
 * what the assistant did is shown in the form that the shape has for it, or as reasoning.
 */
#include <errno.h>

#include "api/gateway/gateway_priv.h"
#include "base/utf8.h"

#define CALLS_MAX    GW_ROUND_CALLS
#define SHOWN_BYTES  300 /* of arguments, in a line of reasoning */
#define RESULT_BYTES ((size_t)64 << 10)
#define ACTIVITY_MAX 1000

/* ---- whose call it is ---- */

static bool is_programs(const struct gw_call *c, const char *name)
{
	for (size_t i = 0; i < c->req.n_tools; i++) {
		if (strcmp(c->req.tools[i].name, name) == 0)
			return true;
	}
	return false;
}

static const char *copied(struct gw_call *c, const char *s)
{
	const char *ret = arena_strdup(&c->q->mem, s ? s : "");

	return ret ? ret : "";
}

static struct gw_activity *begin_activity(struct gw_call *c, const char *id, const char *name)
{
	struct gw_acting *x = c->acting;
	struct gw_activity *a = x->n < ACTIVITY_MAX ? ARENA_NEW(&c->q->mem, struct gw_activity) : NULL;

	ASSERT(!*x->end); /* behind the last */
	if (!a)
		return NULL;
	x->n++;
	*a = (struct gw_activity){.id = copied(c, id),
		.name = copied(c, name),
		.text_at = c->answer.text.n,
		.arguments = BUF_INIT(c->answer.max)};
	*x->end = a;
	x->end = &a->next;
	return a;
}

/* The piece has the place of its call among those that the program is told. */
static int renumber(struct gw_acting *x, const json_t *ev, int told)
{
	CLEANUP(json_decrefp) json_t *copy = json_copy((json_t *)ev);

	json_object_set_new(copy, "index", json_integer(told));
	buf_reset(&x->piece);
	json_add_value(&x->piece, copy);
	return buf_status(&x->piece) < 0 ? buf_status(&x->piece) : 1;
}

/* Numbers of calls are those of a round: one with an id begins a new call in its place. 1: in x->piece, for the program. */
static int take_call(struct gw_call *c, const json_t *ev)
{
	struct gw_acting *x = c->acting;
	const char *id = json_get_str(ev, "id"), *name = json_get_str(ev, "name"), *text;
	int64_t index = json_get_i64(ev, "index", -1);

	if (index < 0 || index >= CALLS_MAX) /* one of several that a model wrote behind one another */
		return id && !begin_activity(c, id, name) ? -ENOMEM : 0;
	struct gw_slot *s = &x->slots[index];
	if (id) {
		bool theirs = is_programs(c, name ? name : "");
		*s = (struct gw_slot){
			.told = theirs ? x->n_told++ : -1, .activity = theirs ? NULL : begin_activity(c, id, name)};
	}
	if (!s->activity)
		return s->told < 0 ? 0 : renumber(x, ev, s->told);
	if ((text = json_get_str(ev, "arguments")))
		buf_add_str(&s->activity->arguments, text);
	return buf_status(&s->activity->arguments);
}

/* ---- showing it ---- */

static struct gw_activity *activity_of(struct gw_acting *x, const char *id)
{
	for (struct gw_activity *a = x->first; a && id; a = a->next) {
		if (strcmp(a->id, id) == 0)
			return a;
	}
	return NULL;
}

/* A line such as "(calculator: {...})", which programs show with the reasoning, or not at all. */
static void add_line(const struct gw_activity *a, struct buf *ret)
{
	CLEANUP(buf_done) struct buf line = BUF_INIT(4096);
	struct str arguments = buf_str(&a->arguments);
	size_t n = utf8_prefix(arguments.p, arguments.n, SHOWN_BYTES);

	buf_printf(&line, "\n(%.100s", a->name);
	if (n > 2) {
		buf_add_str(&line, ": ");
		buf_add(&line, arguments.p, n);
		buf_add_str(&line, n < arguments.n ? "..." : "");
	}
	buf_add_str(&line, ")\n");
	buf_reset(ret);
	buf_add_str(ret, "{\"text\":");
	json_add_string(ret, line.p, line.n);
	buf_add_char(ret, '}');
}

static bool keep_result(struct gw_call *c, struct gw_activity *a, const json_t *ev)
{
	const char *text = json_get_str(ev, "result");

	if (!text)
		text = "";
	a->failed = json_is_true(json_object_get(ev, "failed"));
	a->result = arena_strndup(&c->q->mem, text, utf8_prefix(text, strlen(text), RESULT_BYTES));
	return a->result != NULL;
}

static int take_over(const struct gw_acting *x, struct gw_piece *p)
{
	p->json = x->piece.p;
	p->n = x->piece.n;
	return buf_status(&x->piece) < 0 ? buf_status(&x->piece) : 1;
}

/* What an agent beneath says is not the answer's. */
static bool is_nested(const char *json, size_t n)
{
	static const char member[] = "\",\"parent\":\""; /* within a text its quotes would be escaped */

	return memmem(json, n, member, sizeof(member) - 1) != NULL;
}

/* Where nothing of the shape stands between the texts of its rounds. */
static bool is_one_text(const struct gw_call *c)
{
	return !c->format->activity || c->format->text_at_end;
}

/* What the model says behind its calls begins a paragraph of its own, where all of its texts become one. */
static bool begins_paragraph(struct gw_call *c)
{
	bool begins = c->acting->called && c->acting->spoke && is_one_text(c);

	c->acting->called = false;
	return begins;
}

/* 0: nobody is told. */
static int take_run(struct gw_call *c, struct gw_piece *p, const json_t *ev)
{
	struct gw_acting *x = c->acting;

	ASSERT(p->type == EV_TOOL_START || p->type == EV_TOOL_RESULT);
	x->now = activity_of(x, json_get_str(ev, "id"));
	if (x->now) /* all of its round has come */
		x->now->notes_at = c->answer.beside[BESIDE_ANNOTATIONS].n;
	if (p->type == EV_TOOL_RESULT) {
		x->called = true;
		x->spoke = x->spoke || c->flow->said.answered;
		x->round_at = x->chars;
		c->answer.text_from = c->answer.text.n;
		c->answer.reasoning_from = c->answer.reasoning.n;
		collect_forget_thoughts(&c->answer);
	}
	if (!x->now)
		return 0;
	if (p->type == EV_TOOL_RESULT && !keep_result(c, x->now, ev))
		return -ENOMEM;
	if (c->format->activity)
		return 1;
	if (x->now->begun) /* it was told when it began; one that was not run has a result alone */
		return 0;
	x->now->begun = true;
	p->type = EV_REASONING;
	add_line(x->now, &x->piece);
	return take_over(x, p);
}

/* The characters of an escaped text. */
static int64_t characters(struct str escaped)
{
	int64_t n = 0;

	for (size_t i = 0; i < escaped.n; i++) {
		n += (escaped.p[i] & 0xc0) != 0x80;
		if (escaped.p[i] == '\\')
			i += i + 1 < escaped.n && escaped.p[i + 1] == 'u' ? 5 : 1;
	}
	return n;
}

static void move_place(json_t *of, const char *name, int64_t by)
{
	json_t *v = json_object_get(of, name);

	if (json_is_integer(v))
		json_integer_set(v, json_integer_value(v) + by);
}

/* A provider counts the places of what it cites from where its model began to speak. */
static int move_notes(struct gw_acting *x, struct gw_piece *p)
{
	CLEANUP(json_decrefp) json_t *notes = gw_notes((struct str){p->json, p->n});

	buf_reset(&x->piece);
	for (size_t i = 0; i < json_array_size(notes); i++) {
		json_t *note = json_array_get(notes, i), *inner = json_object_get(note, "url_citation");
		json_t *of = json_is_object(inner) ? inner : note;

		move_place(of, "start_index", x->round_at);
		move_place(of, "end_index", x->round_at);
		buf_add_str(&x->piece, i ? "," : "");
		json_add_value(&x->piece, note);
	}
	return take_over(x, p);
}

/* What the model says, where all of its texts become one. */
static int take_words(struct gw_call *c, struct gw_piece *p)
{
	struct gw_acting *x = c->acting;
	struct str text = collect_text_of(p->json, p->n);
	bool begins = begins_paragraph(c);

	if (begins)
		x->round_at = x->chars += 2;
	x->chars += characters(text);
	if (!begins)
		return 1;
	buf_reset(&x->piece);
	buf_add_str(&x->piece, "{\"text\":\"\\n\\n");
	buf_add(&x->piece, text.p, text.n);
	buf_add_str(&x->piece, "\"}");
	return take_over(x, p);
}

int gw_acting_take(struct gw_call *c, struct gw_piece *p)
{
	CLEANUP(json_decrefp) json_t *ev = NULL;
	struct gw_acting *x = c->acting;
	int r;

	if (is_nested(p->json, p->n))
		return 0;
	if (p->type == EV_MOVED) {
		x->called = true; /* with what it began with */
		x->chars = x->round_at;
	}
	if (p->type == EV_TEXT)
		return take_words(c, p);
	if (p->type == PIECE_BESIDE(BESIDE_ANNOTATIONS) && x->round_at > 0 && is_one_text(c))
		return move_notes(x, p);
	if (p->type != EV_TOOL_CALL && p->type != EV_TOOL_START && p->type != EV_TOOL_RESULT)
		return 1;
	if ((r = json_parse(p->json, p->n, &ev, &c->q->err)) < 0)
		return r;
	if (p->type != EV_TOOL_CALL)
		return take_run(c, p, ev);
	r = json_get_str(ev, "parent") ? 0 : take_call(c, ev);
	return r > 0 ? take_over(x, p) : r;
}

/* ---- asking ---- */

int gw_act(struct gw_call *c)
{
	struct once_call call = {.q = &c->acting->asked,
		.request = &c->req,
		.purpose = c->purpose ? c->purpose : "gateway",
		.sink = gw_flow_sink(c),
		.cancel = c->cancel};

	ASSERT(thread_may_wait() && c->flow);
	c->acting->n_told = 0;
	c->acting->called = c->acting->spoke = false;
	c->acting->chars = c->acting->round_at = 0;
	return once_run(c->q->api->c.turns, &call, &c->result, &c->cost_micros, &c->q->err);
}

struct gw_activity *gw_activities(const struct gw_call *c)
{
	return c->acting ? c->acting->first : NULL;
}

struct gw_stretch gw_stretch_to(const struct gw_call *c, const struct gw_stretch *before, const struct gw_activity *to)
{
	struct str notes = buf_str(&c->answer.beside[BESIDE_ANNOTATIONS]);
	size_t from = MIN(before->notes_to, notes.n), end = to ? MIN(MAX(to->notes_at, from), notes.n) : notes.n;
	size_t comma = from > 0 && end > from ? 1 : 0;                      /* between these and those before */
	size_t text = c->answer.text.n, begin = MIN(before->text_to, text); /* less than it was, when some was moved */

	return (struct gw_stretch){.text_from = begin,
		.text_to = to ? MIN(MAX(to->text_at, begin), text) : text,
		.notes_to = end,
		.notes = {notes.p + from + comma, end - from - comma}};
}

void gw_acting_done(struct gw_acting *x)
{
	for (struct gw_activity *a = x ? x->first : NULL; a; a = a->next)
		buf_done(&a->arguments);
	if (x)
		buf_done(&x->piece);
}
