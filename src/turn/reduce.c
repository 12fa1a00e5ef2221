/* reduce.c - the reducer: a log of events becomes the message it tells of, and its counterpart, the closing events.
 * The web page has the same reducer in web/src/core/turn/reduce.ts. */
#include <stdio.h>

#include "base/utf8.h"
#include "turn/turn_priv.h"

#define MAX_MESSAGE (256u << 20)
#define PARTS_MAX   1000 /* from then on words go to the newest part of their kind: each piece costs what it always did */

static void copy_member(const json_t *obj, const char *key, char *ret, size_t n)
{
	const char *s = json_get_str(obj, key);

	if (s)
		snprintf(ret, n, "%.*s", (int)utf8_prefix(s, strlen(s), n - 1), s);
}

/* ---- where a piece belongs ---- */

static bool is_words(enum part_type type)
{
	return type == PART_TEXT || type == PART_REASONING;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* What an agent says that was called as a tool is apart from what the answer says, and from other agents; citations and budgets
 * interrupt nothing. */
static bool is_of(const struct part *p, const char *parent)
{
	return p->type != PART_CITATION && p->type != PART_BUDGET && same_text(p->parent, parent);
}

/* The newest part of this turn. NULL: there is none. */
static struct part *newest(struct reduced *r, const char *parent)
{
	for (size_t i = r->parts.n; i > r->had; i--)
		if (is_of(&r->parts.items[i - 1], parent))
			return &r->parts.items[i - 1];
	return NULL;
}

static struct part *newest_of(struct reduced *r, enum part_type type, const char *parent)
{
	for (size_t i = r->parts.n; i > r->had; i--)
		if (r->parts.items[i - 1].type == type && is_of(&r->parts.items[i - 1], parent))
			return &r->parts.items[i - 1];
	return NULL;
}

static struct part *add_part(struct reduced *r, enum part_type type, const char *parent)
{
	struct part *p = parts_add(&r->parts, type);

	p->parent = parent ? xstrdup(parent) : NULL;
	return p;
}

static struct buf *words(struct reduced *r, enum part_type type, const char *parent)
{
	struct part *p = newest(r, parent);

	if (p && p->type == type)
		return &p->text;
	if (r->parts.n >= PARTS_MAX && (p = newest_of(r, type, parent)))
		return &p->text;
	return &add_part(r, type, parent)->text;
}

static struct part *before(struct parts *parts, size_t at, size_t from)
{
	for (size_t i = at; i > from; i--)
		if (is_of(&parts->items[i - 1], parts->items[at].parent))
			return &parts->items[i - 1];
	return NULL;
}

/* Makes one of neighbours of a kind, from part `from` on; what interrupts nothing stays behind. */
static void join(struct parts *parts, size_t from)
{
	for (size_t i = from; i < parts->n; i++) {
		struct part *p = &parts->items[i], *last;
		if (!is_words(p->type) || !(last = before(parts, i, from)) || last->type != p->type)
			continue;
		buf_add(&last->text, buf_str(&p->text).p, p->text.n);
		if (p->more) { /* what was said last of their reasoning */
			json_decref(last->more);
			last->more = json_incref(p->more);
		}
		parts_remove(parts, i--);
	}
}

/* ---- events ---- */

/* {"text":"..."} is nearly all of a log: read it directly, without building a tree. */
static bool add_plain_text(struct reduced *r, enum part_type type, struct str json)
{
	static const char head[] = "{\"text\":\"";
	size_t k = sizeof head - 1;

	if (json.n < k + 2 || memcmp(json.p, head, k) != 0)
		return false;
	ptrdiff_t n = json_plain_string(json.p + k, json.n - k);
	if (n < 0 || k + (size_t)n + 2 != json.n || json.p[json.n - 1] != '}')
		return false;
	if (n > 0)
		json_add_unescaped(words(r, type, NULL), json.p + k, (size_t)n);
	return true;
}

static const char *parent_of(const json_t *data)
{
	const char *s = json_get_str(data, "parent");

	return s && *s ? s : NULL;
}

static void reduce_words(struct reduced *r, enum part_type type, const json_t *data)
{
	const char *s = json_get_str(data, "text");

	if (s && *s)
		buf_add_str(words(r, type, parent_of(data)), s);
}

/* A copy of the members of the event that say something. */
static json_t *members(const json_t *data, const char *const *keys)
{
	json_t *ret = json_object();

	for (; *keys; keys++) {
		json_t *v = json_object_get(data, *keys);
		if (v && !json_is_null(v))
			json_object_set(ret, *keys, v);
	}
	return ret;
}

/* Calls that begin before one of them has its result were made together. */
static int64_t round_of(const struct reduced *r, const char *parent)
{
	for (size_t i = r->parts.n; i > 0; i--) {
		const struct part *p = &r->parts.items[i - 1];
		if (p->type == PART_TOOL_CALL && is_of(p, parent))
			return p->round + (p->answered || i <= r->had);
	}
	return 1;
}

/* To the last part of what was said with them. An answered call is of the round before, and has its own; words do not tell
 * whether they belong to the calls before them. */
static void reduce_thoughts(struct reduced *r, const json_t *data)
{
	static const char *const keys[] = {"provider", "items", NULL};
	CLEANUP(json_decrefp) json_t *thoughts = members(data, keys);
	const char *parent = parent_of(data);

	for (size_t i = r->parts.n; i > r->had; i--) {
		struct part *p = &r->parts.items[i - 1];
		if (!is_of(p, parent) || !(is_words(p->type) || p->type == PART_TOOL_CALL))
			continue;
		if (p->answered)
			return;
		if (is_words(p->type))
			json_object_set_new(thoughts, "round", json_integer(round_of(r, parent)));
		part_set(p, "thoughts", thoughts);
		return;
	}
}

/* What this round brought; an answered call is of the one before. */
static void reduce_moved(struct reduced *r, const json_t *data)
{
	const char *to = json_get_str(data, "to"), *parent = parent_of(data);
	enum part_type type = to && strcmp(to, "text") == 0 ? PART_TEXT : PART_REASONING;
	size_t from = r->parts.n;

	while (from > r->had && !(r->parts.items[from - 1].answered && is_of(&r->parts.items[from - 1], parent)))
		from--;
	for (size_t i = from; i < r->parts.n; i++)
		if (is_words(r->parts.items[i].type) && is_of(&r->parts.items[i], parent))
			r->parts.items[i].type = type;
	join(&r->parts, from);
}

static char *copy_str(const json_t *data, const char *key)
{
	const char *s = json_get_str(data, key);

	return s && *s ? xstrdup(s) : NULL;
}

static void add_str(struct buf *to, const json_t *data, const char *key)
{
	const char *s = json_get_str(data, key);

	buf_add_str(to, s ? s : "");
}

static struct part *call_at(struct reduced *r, int64_t index, const char *parent)
{
	for (size_t i = r->parts.n; i > r->had; i--) {
		struct part *p = &r->parts.items[i - 1];
		if (p->type == PART_TOOL_CALL && p->n == index && is_of(p, parent))
			return p;
	}
	return NULL;
}

/* Takes over those of the members that say something. */
static void take_members(struct part *p, const json_t *data, const char *const *keys)
{
	for (; *keys; keys++) {
		json_t *v = json_object_get(data, *keys);
		bool empty = !v || json_is_null(v) || json_is_false(v) ||
			     (json_is_string(v) && json_string_length(v) == 0) ||
			     (json_is_array(v) && json_array_size(v) == 0);
		if (!empty)
			part_set(p, *keys, v);
	}
}

static void reduce_tool_call(struct reduced *r, const json_t *data)
{
	static const char *const extras[] = {"extras", NULL};
	const char *parent = parent_of(data);
	int64_t index = json_get_i64(data, "index", 0);
	char *id = copy_str(data, "id");
	struct part *p = id ? NULL : call_at(r, index, parent);

	if (!p) {
		int64_t round = round_of(r, parent);
		p = add_part(r, PART_TOOL_CALL, parent);
		p->n = index;
		p->id = id;
		p->name = copy_str(data, "name");
		p->round = round;
	}
	add_str(&p->text, data, "arguments");
	take_members(p, data, extras);
}

/* It may be one of before: a turn that goes on answers what its message waits for. */
static struct part *call_by_id(struct reduced *r, const char *id)
{
	for (size_t i = id ? r->parts.n : 0; i > 0; i--) {
		struct part *p = &r->parts.items[i - 1];
		if (p->type == PART_TOOL_CALL && same_text(p->id, id))
			return p;
	}
	return NULL;
}

static void reduce_tool_start(struct reduced *r, const json_t *data)
{
	static const char *const keys[] = {"title", "source", NULL};
	struct part *p = call_by_id(r, json_get_str(data, "id"));

	if (!p)
		return;
	json_object_del(p->more, "questions"); /* of when it was run before */
	take_members(p, data, keys);
}

static void reduce_tool_result(struct reduced *r, const json_t *data)
{
	static const char *const keys[] = {"structured", "files", "cut", "duration_ms", NULL};
	struct part *p = call_by_id(r, json_get_str(data, "id"));

	if (!p)
		return;
	buf_reset(&p->result);
	add_str(&p->result, data, "result");
	p->answered = true;
	p->failed = json_is_true(json_object_get(data, "failed"));
	take_members(p, data, keys);
}

static void reduce_approval(struct reduced *r, const json_t *data)
{
	static const char *const title[] = {"title", NULL};
	static const char *const keys[] = {"effect", "expires_at", "unknown", "decision", "reason", NULL};
	struct part *p = call_by_id(r, json_get_str(data, "id"));

	if (!p)
		return;
	CLEANUP(json_decrefp) json_t *approval = members(data, keys);
	take_members(p, data, title);
	part_set(p, "approval", approval);
}

static void reduce_question(struct reduced *r, const json_t *data)
{
	static const char *const keys[] = {"id", "from", "message", "schema", "url", "expires_at", "action", NULL};
	struct part *p = call_by_id(r, json_get_str(data, "call_id"));
	const char *id = json_get_str(data, "id");
	json_t *list = p ? json_object_get(p->more, "questions") : NULL;

	if (!p)
		return;
	CLEANUP(json_decrefp) json_t *question = members(data, keys);
	CLEANUP(json_decrefp) json_t *made = list ? NULL : json_array();
	if (!list)
		part_set(p, "questions", list = made);
	for (size_t i = 0; i < json_array_size(list); i++)
		if (same_text(json_get_str(json_array_get(list, i), "id"), id)) {
			json_array_set(list, i, question);
			return;
		}
	json_array_append(list, question);
}

/* A number names one source: the newer takes the place of the older. */
static void reduce_citation(struct reduced *r, const json_t *data)
{
	int64_t n = json_get_i64(data, "n", 0);
	struct part *p = NULL;

	for (size_t i = 0; i < r->parts.n && !p; i++)
		if (r->parts.items[i].type == PART_CITATION && r->parts.items[i].n == n)
			p = &r->parts.items[i];
	if (!p)
		p = parts_add(&r->parts, PART_CITATION);
	free(p->name);
	free(p->id);
	buf_reset(&p->text);
	p->n = n;
	p->name = copy_str(data, "title");
	p->id = copy_str(data, "url");
	add_str(&p->text, data, "quote");
	part_read_place(p, data);
}

/* Of an answer, or an agent, of which each has one. */
static size_t find_only(const struct reduced *r, enum part_type type, const char *parent)
{
	size_t i = 0;

	while (i < r->parts.n && !(r->parts.items[i].type == type && same_text(r->parts.items[i].parent, parent)))
		i++;
	return i;
}

/* It stays where it stood first. */
static void reduce_plan(struct reduced *r, const json_t *data)
{
	const char *parent = parent_of(data);
	CLEANUP(json_decrefp) json_t *none = json_array();
	json_t *steps = json_object_get(data, "steps");
	size_t at = find_only(r, PART_PLAN, parent);
	struct part *p = at < r->parts.n ? &r->parts.items[at] : add_part(r, PART_PLAN, parent);

	part_set(p, "steps", json_is_array(steps) ? steps : none);
}

/* It stands behind what it was used for. */
static void reduce_budget(struct reduced *r, const json_t *data)
{
	static const char *const kinds[] = {"steps", "tokens", "cost_micros", "seconds"};
	CLEANUP(json_decrefp) json_t *none = json_object();
	size_t at = find_only(r, PART_BUDGET, parent_of(data));

	if (at < r->parts.n)
		parts_remove(&r->parts, at);
	if (at < r->had)
		r->had--;
	struct part *p = add_part(r, PART_BUDGET, parent_of(data));

	for (size_t i = 0; i < N_ELEMENTS(kinds); i++) {
		json_t *spent = json_object_get(data, kinds[i]);
		part_set(p, kinds[i], json_is_object(spent) ? spent : none);
	}
}

static void reduce_notice(struct reduced *r, const json_t *data)
{
	struct part *p = add_part(r, PART_NOTICE, parent_of(data));

	p->name = copy_str(data, "code");
	add_str(&p->text, data, "text");
	part_read_counts(p, data);
}

/* Whatever was said, sums of it stay numbers. */
static int64_t figure(const json_t *data, const char *key)
{
	return MIN(MAX(json_get_i64(data, key, 0), INT64_C(0)), GEN_FIGURE_MAX);
}

static void reduce_usage(struct reduced *r, const json_t *data)
{
	r->figures = (struct message_figures){
		.tokens_in = figure(data, "tokens_in"),
		.tokens_out = figure(data, "tokens_out"),
		.tokens_cached = figure(data, "tokens_cached"),
		.tokens_reasoning = figure(data, "tokens_reasoning"),
		.cost_micros = figure(data, "cost_micros"),
		.first_token_ms = figure(data, "first_token_ms"),
		.duration_ms = figure(data, "duration_ms"),
		.exact = json_is_true(json_object_get(data, "exact")),
	};
	r->used = true;
	copy_member(data, "model", r->model, sizeof r->model);
}

/* What a turn took is added to what the message has taken before; all of it is exact when both are. */
static void add_figures(struct message_figures *turn, const struct message_figures *before, bool used)
{
	bool some = before->tokens_in > 0 || before->tokens_out > 0;

	turn->exact = used ? turn->exact && (!some || before->exact) : before->exact;
	turn->tokens_in += before->tokens_in;
	turn->tokens_out += before->tokens_out;
	turn->tokens_cached += before->tokens_cached;
	turn->tokens_reasoning += before->tokens_reasoning;
	turn->cost_micros += before->cost_micros;
	turn->duration_ms += before->duration_ms;
	if (before->first_token_ms > 0)
		turn->first_token_ms = before->first_token_ms;
}

/* A turn that waited for a person goes on: what it had stands, as that of a turn before does. */
static void go_on(struct reduced *r)
{
	add_figures(&r->figures, &r->earlier, r->used);
	r->earlier = r->figures;
	r->figures = (struct message_figures){.exact = false};
	r->used = false;
	r->had = r->parts.n;
	r->state[0] = r->finish_reason[0] = '\0';
}

static int reduce_frame(struct reduced *r, const struct event_frame *f, struct err *e)
{
	CLEANUP(json_decrefp) json_t *data = NULL;
	int n;

	r->last_seq = f->seq;
	if (strcmp(r->state, STATE_WAITING) == 0)
		go_on(r);
	if (r->state[0] || f->type == EV_START || f->type == EV_STATUS || f->type == EV_TOOL_PROGRESS)
		return 0; /* nothing comes behind the end, and these are no part of a message */
	if (f->type == EV_TEXT && add_plain_text(r, PART_TEXT, f->json))
		return 0;
	if (f->type == EV_REASONING && add_plain_text(r, PART_REASONING, f->json))
		return 0;
	if ((n = json_parse(f->json.p, f->json.n, &data, e)) < 0)
		return n;
	switch (f->type) {
	case EV_TEXT:
		reduce_words(r, PART_TEXT, data);
		break;
	case EV_REASONING:
		reduce_words(r, PART_REASONING, data);
		break;
	case EV_MOVED:
		reduce_moved(r, data);
		break;
	case EV_THOUGHTS:
		reduce_thoughts(r, data);
		break;
	case EV_CITATION:
		reduce_citation(r, data);
		break;
	case EV_TOOL_CALL:
		reduce_tool_call(r, data);
		break;
	case EV_TOOL_START:
		reduce_tool_start(r, data);
		break;
	case EV_TOOL_RESULT:
		reduce_tool_result(r, data);
		break;
	case EV_APPROVAL:
		reduce_approval(r, data);
		break;
	case EV_QUESTION:
		reduce_question(r, data);
		break;
	case EV_PLAN:
		reduce_plan(r, data);
		break;
	case EV_BUDGET:
		reduce_budget(r, data);
		break;
	case EV_NOTICE:
		reduce_notice(r, data);
		break;
	case EV_USAGE:
		reduce_usage(r, data);
		break;
	case EV_ERROR:
		copy_member(data, "code", r->error_code, sizeof r->error_code);
		copy_member(data, "message", r->error_text, sizeof r->error_text);
		break;
	case EV_DONE:
		copy_member(data, "state", r->state, sizeof r->state);
		copy_member(data, "finish_reason", r->finish_reason, sizeof r->finish_reason);
		break;
	default:
		break; /* what a newer version may add is no part of a message */
	}
	return 0;
}

static int reduce_frames(struct reduced *ret, const struct frames *frames, uint64_t after, struct err *e)
{
	struct event_frame f;
	int r;

	for (const struct chunk *c = frames ? frames->first : NULL; c; c = c->next) {
		size_t pos = 0;
		if (c->next && c->next->first_seq <= after + 1)
			continue;
		while ((r = event_next_frame((struct str){c->p, c->n}, &pos, &f)) == 1)
			if (f.seq > after && (r = reduce_frame(ret, &f, e)) < 0)
				return r;
		if (r < 0 || pos != c->n)
			return err_set(e, E_INVALID, "the log of a turn is damaged behind its event %llu",
				(unsigned long long)ret->last_seq);
	}
	return 0;
}

int reduce_log(const struct message *before, const struct frames *log, uint64_t after, const struct frames *closing,
	struct reduced *ret, struct err *e)
{
	int r;

	*ret = (struct reduced){
		.parts = PARTS_INIT(MAX_MESSAGE), .content = BUF_INIT(MAX_MESSAGE), .json = BUF_INIT(SIZE_MAX)};
	if (before && (r = parts_read(&ret->parts, before->parts, before->content, e)) < 0)
		return r;
	ret->had = ret->parts.n;
	if (before)
		ret->earlier = before->figures;
	if ((r = reduce_frames(ret, log, after, e)) < 0 || (r = reduce_frames(ret, closing, after, e)) < 0)
		return r;
	join(&ret->parts, 0); /* what goes on with the last words of before belongs to them */
	add_figures(&ret->figures, &ret->earlier, ret->used);
	parts_words(&ret->parts, PART_TEXT, &ret->content);
	parts_write(&ret->parts, &ret->json);
	if ((r = parts_status(&ret->parts)) < 0 || (r = buf_status(&ret->content)) < 0 ||
		(r = buf_status(&ret->json)) < 0)
		return err_set(e, r, "the message of a turn does not fit into memory");
	return 0;
}

void reduced_done(struct reduced *r)
{
	parts_done(&r->parts);
	buf_done(&r->content);
	buf_done(&r->json);
}

/* ---- closing events ---- */

static void add_usage(const struct closing *c, struct buf *json)
{
	const struct gen_result *g = c->result;
	bool exact = g->tokens_in >= 0 && g->tokens_out >= 0;

	buf_printf(json, "{\"tokens_in\":%lld,\"tokens_out\":%lld,\"exact\":%s",
		(long long)(g->tokens_in >= 0 ? g->tokens_in : c->est_in),
		(long long)(g->tokens_out >= 0 ? g->tokens_out : c->est_out), exact ? "true" : "false");
	if (g->first_token_ms >= 0)
		buf_printf(json, ",\"first_token_ms\":%lld", (long long)g->first_token_ms);
	buf_printf(json, ",\"duration_ms\":%lld", (long long)g->duration_ms);
	if (g->tokens_cached > 0)
		buf_printf(json, ",\"tokens_cached\":%lld", (long long)g->tokens_cached);
	if (g->tokens_reasoning > 0)
		buf_printf(json, ",\"tokens_reasoning\":%lld", (long long)g->tokens_reasoning);
	if (c->cost_micros > 0)
		buf_printf(json, ",\"cost_micros\":%lld", (long long)c->cost_micros);
	if (c->asked && g->model[0] && strcmp(g->model, c->asked) != 0) {
		buf_add_str(json, ",\"model\":");
		json_add_cstr(json, g->model);
	}
	buf_add_char(json, '}');
}

static void add_error(const struct closing *c, struct buf *json)
{
	const struct err_info *info = err_info(c->error);

	buf_add_str(json, "{\"code\":");
	json_add_cstr(json, info->wire_code);
	buf_add_str(json, ",\"message\":");
	json_add_cstr(json, c->error_text ? c->error_text : info->text);
	buf_printf(json, ",\"retryable\":%s}", info->retryable ? "true" : "false");
}

int closing_frames(const struct closing *c, struct frames *f)
{
	CLEANUP(buf_done) struct buf usage = BUF_INIT(16384);
	CLEANUP(buf_done) struct buf error = BUF_INIT(16384);
	CLEANUP(buf_done) struct buf done = BUF_INIT(16384);
	int r;

	if (c->result && c->result->first_token_ms >= 0)
		add_usage(c, &usage);
	if (c->error < 0)
		add_error(c, &error);
	buf_printf(&done, "{\"state\":\"%s\"", c->state);
	if (c->message_id) {
		char id[ID_LEN + 1];

		id_format(c->message_id, id);
		buf_printf(&done, ",\"message_id\":\"%s\"", id);
	}
	if (c->result && c->result->finish_reason[0]) {
		buf_add_str(&done, ",\"finish_reason\":");
		json_add_cstr(&done, c->result->finish_reason);
	}
	buf_add_char(&done, '}');
	if ((r = buf_status(&usage)) < 0 || (r = buf_status(&error)) < 0 || (r = buf_status(&done)) < 0)
		return r;
	if ((usage.n && (r = frames_add(f, EV_USAGE, usage.p, usage.n)) < 0) ||
		(error.n && (r = frames_add(f, EV_ERROR, error.p, error.n)) < 0))
		return r;
	return frames_add(f, EV_DONE, done.p, done.n);
}
