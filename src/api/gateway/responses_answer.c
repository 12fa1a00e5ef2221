/*
 * responses_answer.c - answers of /v1/responses: a list of items (reasoning, message, function_call), each of which a
 * stream announces, fills and ends. A text item ends when another kind of piece comes; calls end with the answer.
 */
#include "api/gateway/responses.h"

enum item_kind { ITEM_REASONING, ITEM_MESSAGE, ITEM_CALL };

struct item {
	enum item_kind kind;
	size_t from, to; /* its part of the answer's text or reasoning */
	size_t call;     /* index of c->answer.calls */
	int at;          /* its place in the output */
	struct item *next;
};

struct responses {
	int64_t sequence;
	struct item *first, **end;
	struct item *open; /* the text item that is being filled */
	int n;
};

static bool ends_well(const struct gw_call *c)
{
	return strcmp(c->finish, "length") != 0 && strcmp(c->finish, "content_filter") != 0;
}

/* Clients run each call that is told as an item, whatever its status says: one that was cut off, or whose answer broke,
 * is none. */
static bool is_told(const struct gw_call *c, const struct item *it)
{
	enum gw_made_state state = it->kind == ITEM_CALL ? c->answer.calls[it->call].state : MADE_WHOLE;

	return state == MADE_WHOLE || state == MADE_WRONG;
}

/* ---- items as JSON ---- */

static const char *item_prefix(enum item_kind kind)
{
	return kind == ITEM_REASONING ? "rs" : kind == ITEM_MESSAGE ? "msg" : "fc";
}

static void add_item_id(const struct gw_call *c, const struct item *it, struct buf *out)
{
	buf_printf(out, "\"%s_%s%d\"", item_prefix(it->kind), c->id, it->at);
}

static void add_text_part(const char *type, struct str text, struct buf *out)
{
	buf_printf(out, "{\"type\":\"%s\",\"text\":", type);
	json_add_string(out, text.p, text.n);
	buf_add_str(out, strcmp(type, "output_text") == 0 ? ",\"annotations\":[]}" : "}");
}

static struct str item_text(const struct gw_call *c, const struct item *it)
{
	const struct buf *b = it->kind == ITEM_REASONING ? &c->answer.reasoning : &c->answer.text;

	return b->p ? (struct str){b->p + it->from, it->to - it->from} : STR("");
}

static void add_call_item(const struct gw_call *c, const struct item *it, bool whole, struct buf *out)
{
	const struct gw_made *m = &c->answer.calls[it->call];
	struct str arguments = whole ? buf_str(&m->arguments) : STR("");

	buf_add_str(out, "\"call_id\":");
	json_add_cstr(out, m->id);
	buf_add_str(out, ",\"name\":");
	json_add_cstr(out, m->name);
	buf_add_str(out, ",\"arguments\":");
	json_add_string(out, arguments.p, arguments.n);
}

/* The text that was being written when the answer was cut off. */
static bool is_cut(const struct gw_call *c, const struct item *it)
{
	return it->kind == ITEM_MESSAGE && !it->next && c->finish && !ends_well(c);
}

/* `whole`: it has ended; else as it is announced. */
static void add_item(const struct gw_call *c, const struct item *it, bool whole, struct buf *out)
{
	static const char *const types[] = {"reasoning", "message", "function_call"};
	const char *status = !whole ? "in_progress" : is_cut(c, it) ? "incomplete" : "completed";

	buf_add_str(out, "{\"id\":");
	add_item_id(c, it, out);
	buf_printf(out, ",\"type\":\"%s\",\"status\":\"%s\",", types[it->kind], status);
	if (it->kind == ITEM_CALL) {
		add_call_item(c, it, whole, out);
	} else {
		const char *part = it->kind == ITEM_REASONING ? "summary_text" : "output_text";
		buf_add_str(out, it->kind == ITEM_REASONING ? "\"summary\":[" : "\"role\":\"assistant\",\"content\":[");
		if (whole)
			add_text_part(part, item_text(c, it), out);
		buf_add_char(out, ']');
	}
	buf_add_char(out, '}');
}

/* ---- the response as JSON ---- */

static void add_output(const struct gw_call *c, struct buf *out)
{
	const struct responses *s = c->shape;
	const char *comma = "";

	buf_add_char(out, '[');
	for (const struct item *it = s->first; it; it = it->next) {
		if (!is_told(c, it))
			continue;
		buf_add_str(out, comma);
		add_item(c, it, true, out);
		comma = ",";
	}
	buf_add_char(out, ']');
}

static void add_usage(const struct gen_result *g, struct buf *out)
{
	buf_printf(out,
		"{\"input_tokens\":%lld,\"input_tokens_details\":{\"cached_tokens\":%lld},\"output_tokens\":%lld,"
		"\"output_tokens_details\":{\"reasoning_tokens\":%lld},\"total_tokens\":%lld}",
		(long long)g->tokens_in, (long long)MAX(g->tokens_cached, 0), (long long)g->tokens_out,
		(long long)MAX(g->tokens_reasoning, 0), (long long)g->tokens_in + g->tokens_out);
}

/* Members that clients look for come back as they were sent. */
static void add_echo(const struct gw_call *c, struct buf *out)
{
	static const struct {
		const char *name, *otherwise;
	} members[] = {{"instructions", "null"}, {"max_output_tokens", "null"}, {"metadata", "{}"},
		{"parallel_tool_calls", "true"}, {"reasoning", "null"}, {"temperature", "null"}, {"text", "null"},
		{"tool_choice", "\"auto\""}, {"tools", "[]"}, {"top_p", "null"}};

	for (size_t i = 0; i < N_ELEMENTS(members); i++) {
		const json_t *v = json_object_get(c->body, members[i].name);
		buf_printf(out, ",\"%s\":", members[i].name);
		if (v && !json_is_null(v))
			json_add_value(out, v);
		else
			buf_add_str(out, members[i].otherwise);
	}
}

static void add_response(const struct gw_call *c, const char *status, const struct err *e, struct buf *out)
{
	bool ended = strcmp(status, "in_progress") != 0;

	buf_printf(out,
		"{\"id\":\"resp_%s\",\"object\":\"response\",\"created_at\":%lld,\"status\":\"%s\",\"model\":", c->id,
		(long long)(c->created_ms / 1000), status);
	json_add_cstr(out, c->model);
	buf_add_str(out, ",\"output\":");
	if (ended)
		add_output(c, out);
	else
		buf_add_str(out, "[]");
	buf_add_str(out, ",\"usage\":");
	if (ended && !e)
		add_usage(&c->result, out);
	else
		buf_add_str(out, "null");
	buf_add_str(out, ",\"error\":");
	if (e)
		openai_error_object(e, out);
	else
		buf_add_str(out, "null");
	buf_add_str(out, ",\"incomplete_details\":");
	if (strcmp(status, "incomplete") == 0)
		buf_printf(
			out, "{\"reason\":\"%s\"}", strcmp(c->finish, "length") == 0 ? "max_output_tokens" : c->finish);
	else
		buf_add_str(out, "null");
	buf_add_str(out, ",\"previous_response_id\":null,\"store\":false");
	add_echo(c, out);
	buf_add_char(out, '}');
}

static const char *status_of(const struct gw_call *c)
{
	return ends_well(c) ? "completed" : "incomplete";
}

/* ---- events ---- */

static void add_event(struct gw_call *c, const char *type, struct buf *out)
{
	struct responses *s = c->shape;

	buf_printf(out, "event: response.%s\ndata: {\"type\":\"response.%s\",\"sequence_number\":%lld", type, type,
		(long long)s->sequence++);
}

static void add_response_event(
	struct gw_call *c, const char *type, const char *status, const struct err *e, struct buf *out)
{
	add_event(c, type, out);
	buf_add_str(out, ",\"response\":");
	add_response(c, status, e, out);
	buf_add_str(out, "}\n\n");
}

static void add_item_event(struct gw_call *c, const char *type, const struct item *it, bool whole, struct buf *out)
{
	add_event(c, type, out);
	buf_printf(out, ",\"output_index\":%d,\"item\":", it->at);
	add_item(c, it, whole, out);
	buf_add_str(out, "}\n\n");
}

/* An event of an item's one part, up to what the event itself says. */
static void add_part_event(struct gw_call *c, const char *type, const struct item *it, struct buf *out)
{
	add_event(c, type, out);
	buf_add_str(out, ",\"item_id\":");
	add_item_id(c, it, out);
	buf_printf(out, ",\"output_index\":%d", it->at);
	if (it->kind != ITEM_CALL)
		buf_printf(out, ",\"%s\":0", it->kind == ITEM_REASONING ? "summary_index" : "content_index");
}

static struct item *item_new(struct gw_call *c, enum item_kind kind)
{
	struct responses *s = c->shape;
	struct item *it = ARENA_NEW(&c->q->mem, struct item);

	if (!it)
		return NULL;
	it->kind = kind;
	it->at = s->n++;
	*s->end = it;
	s->end = &it->next;
	return it;
}

static void part_done(struct gw_call *c, const struct item *it, struct buf *out)
{
	bool thinks = it->kind == ITEM_REASONING;
	struct str text = item_text(c, it);

	add_part_event(c, thinks ? "reasoning_summary_text.done" : "output_text.done", it, out);
	buf_add_str(out, ",\"text\":");
	json_add_string(out, text.p, text.n);
	buf_add_str(out, thinks ? "}\n\n" : ",\"logprobs\":[]}\n\n");
	add_part_event(c, thinks ? "reasoning_summary_part.done" : "content_part.done", it, out);
	buf_add_str(out, ",\"part\":");
	add_text_part(thinks ? "summary_text" : "output_text", text, out);
	buf_add_str(out, "}\n\n");
}

static void close_text(struct gw_call *c, struct buf *out)
{
	struct responses *s = c->shape;
	struct item *it = s->open;

	if (!it)
		return;
	s->open = NULL;
	part_done(c, it, out);
	add_item_event(c, "output_item.done", it, true, out);
}

static struct item *open_text(struct gw_call *c, enum item_kind kind, struct buf *out)
{
	struct responses *s = c->shape;
	bool thinks = kind == ITEM_REASONING;

	if (s->open && s->open->kind == kind)
		return s->open;
	close_text(c, out);
	struct item *it = item_new(c, kind);
	if (!it)
		return NULL;
	for (const struct item *o = s->first; o; o = o->next) {
		if (o != it && o->kind == kind)
			it->from = o->to;
	}
	it->to = it->from;
	s->open = it;
	add_item_event(c, "output_item.added", it, false, out);
	add_part_event(c, thinks ? "reasoning_summary_part.added" : "content_part.added", it, out);
	buf_add_str(out, ",\"part\":");
	add_text_part(thinks ? "summary_text" : "output_text", STR(""), out);
	buf_add_str(out, "}\n\n");
	return it;
}

static void add_delta(struct gw_call *c, enum item_kind kind, struct str escaped, struct buf *out)
{
	struct item *it = open_text(c, kind, out);

	if (!it)
		return;
	it->to = kind == ITEM_REASONING ? c->answer.reasoning.n : c->answer.text.n;
	add_part_event(c, kind == ITEM_REASONING ? "reasoning_summary_text.delta" : "output_text.delta", it, out);
	buf_add_str(out, ",\"delta\":\"");
	buf_add(out, escaped.p, escaped.n);
	buf_add_str(out, kind == ITEM_REASONING ? "\"}\n\n" : "\",\"logprobs\":[]}\n\n");
}

static void responses_text(struct gw_call *c, struct str escaped, struct buf *out)
{
	add_delta(c, ITEM_MESSAGE, escaped, out);
}

static void responses_reasoning(struct gw_call *c, struct str escaped, struct buf *out)
{
	add_delta(c, ITEM_REASONING, escaped, out);
}

static struct item *call_item(struct responses *s, size_t call)
{
	for (struct item *it = s->first; it; it = it->next) {
		if (it->kind == ITEM_CALL && it->call == call)
			return it;
	}
	return NULL;
}

static void responses_tool(struct gw_call *c, const struct gw_tool *t, struct buf *out)
{
	struct item *it = call_item(c->shape, (size_t)t->index);

	close_text(c, out);
	if (!it) {
		it = item_new(c, ITEM_CALL);
		if (!it)
			return;
		it->call = (size_t)t->index;
		add_item_event(c, "output_item.added", it, false, out);
	}
	if (t->arguments.n == 0)
		return;
	add_part_event(c, "function_call_arguments.delta", it, out);
	buf_add_str(out, ",\"delta\":");
	json_add_string(out, t->arguments.p, t->arguments.n);
	buf_add_str(out, "}\n\n");
}

static void close_calls(struct gw_call *c, struct buf *out)
{
	const struct responses *s = c->shape;

	for (const struct item *it = s->first; it; it = it->next) {
		if (it->kind != ITEM_CALL || !is_told(c, it))
			continue;
		struct str arguments = buf_str(&c->answer.calls[it->call].arguments);
		add_part_event(c, "function_call_arguments.done", it, out);
		buf_add_str(out, ",\"arguments\":");
		json_add_string(out, arguments.p, arguments.n);
		buf_add_str(out, "}\n\n");
		add_item_event(c, "output_item.done", it, true, out);
	}
}

static void responses_begin(struct gw_call *c, struct buf *out)
{
	add_response_event(c, "created", "in_progress", NULL, out);
	add_response_event(c, "in_progress", "in_progress", NULL, out);
}

static void responses_end(struct gw_call *c, struct buf *out)
{
	const char *status = status_of(c);

	close_text(c, out);
	close_calls(c, out);
	add_response_event(c, status, status, NULL, out);
}

static void responses_error(struct gw_call *c, const struct err *e, struct buf *out)
{
	add_response_event(c, "failed", "failed", e, out);
}

static int responses_whole(struct gw_call *c, struct buf *out)
{
	const struct gw_answer *a = &c->answer;
	struct item *it;

	if (a->reasoning.n > 0 && (it = item_new(c, ITEM_REASONING)) != NULL)
		it->to = a->reasoning.n;
	if ((a->text.n > 0 || a->n_calls == 0) && (it = item_new(c, ITEM_MESSAGE)) != NULL)
		it->to = a->text.n;
	for (size_t i = 0; i < a->n_calls; i++) {
		if ((it = item_new(c, ITEM_CALL)) != NULL)
			it->call = i;
	}
	add_response(c, status_of(c), NULL, out);
	return 0;
}

const struct gw_format responses_format = {
	.content_type = "text/event-stream; charset=utf-8",
	.keep_text = true,
	.begin = responses_begin,
	.text = responses_text,
	.reasoning = responses_reasoning,
	.tool = responses_tool,
	.heartbeat = gw_heartbeat_comment,
	.end = responses_end,
	.error = responses_error,
	.whole = responses_whole,
};

int responses_prepare(struct gw_call *c)
{
	struct responses *s = ARENA_NEW(&c->q->mem, struct responses);

	if (!s)
		return request_no_memory(c->q);
	s->end = &s->first;
	c->shape = s;
	return 0;
}
