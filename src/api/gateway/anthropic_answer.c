/*
 * anthropic_answer.c - answers as Anthropic gives them. A stream's blocks have rising indexes; message_start is written
 * with the first of our own bytes, since an Anthropic behind us brings its own.
 */
#include "api/gateway/anthropic.h"
#include "base/utf8.h"

#define INPUT_BYTES ((size_t)48 << 10) /* of one piece of a tool's input: lines have limits at the other side */

void anthropic_call_init(struct anthropic_call *a)
{
	*a = (struct anthropic_call){.held = BUF_INIT(REQUEST_MEMORY), .order = {.waiting = BUF_INIT(REQUEST_MEMORY)}};
}

/* ---- pieces of JSON ---- */

/* The fresh part of the request, what was written to the cache and read from it, and the answer. */
static void add_usage(const struct gen_result *g, struct buf *out)
{
	int64_t in = MAX(g->tokens_in, INT64_C(0)), cached = MIN(MAX(g->tokens_cached, INT64_C(0)), in);
	int64_t kept = MIN(MAX(g->tokens_kept, INT64_C(0)), in - cached);

	buf_printf(out,
		"{\"input_tokens\":%lld,\"cache_creation_input_tokens\":%lld,\"cache_read_input_tokens\":%lld,"
		"\"output_tokens\":%lld",
		(long long)(in - cached - kept), (long long)kept, (long long)cached,
		(long long)MAX(g->tokens_out, INT64_C(0)));
	if (g->tokens_reasoning >= 0)
		buf_printf(
			out, ",\"output_tokens_details\":{\"thinking_tokens\":%lld}", (long long)g->tokens_reasoning);
	buf_add_char(out, '}');
}

static const char *stop_reason(const struct gw_call *c)
{
	if (strcmp(c->finish, "tool_calls") == 0)
		return "tool_use";
	if (strcmp(c->finish, "length") == 0)
		return "max_tokens";
	if (strcmp(c->finish, "content_filter") == 0)
		return "refusal";
	return c->result.stop_sequence[0] ? "stop_sequence" : "end_turn";
}

static void add_stop(const struct gw_call *c, struct buf *out)
{
	const char *reason = stop_reason(c);

	buf_printf(out, "\"stop_reason\":\"%s\",\"stop_sequence\":", reason);
	json_add_cstr(out, strcmp(reason, "stop_sequence") == 0 ? c->result.stop_sequence : NULL);
}

/* What Anthropic would not take back is replaced; the client sends the same for call and result. */
static void add_id(const char *id, struct buf *out)
{
	buf_add_char(out, '"');
	for (const char *p = id; *p; p++) {
		bool fine =
			(*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || *p == '-';

		buf_add_char(out, fine ? *p : '_');
	}
	buf_add_char(out, '"');
}

static void add_message_head(const struct gw_call *c, struct buf *out)
{
	buf_printf(out, "{\"id\":\"msg_%s\",\"type\":\"message\",\"role\":\"assistant\",\"model\":", c->id);
	json_add_cstr(out, c->model);
	buf_add_str(out, ",\"content\":[");
}

/* ---- the stream ---- */

static void start(struct gw_call *c, struct buf *out)
{
	struct anthropic_call *a = c->shape;

	if (a->started)
		return;
	a->started = true;
	buf_add_str(out, "event: message_start\ndata: {\"type\":\"message_start\",\"message\":");
	add_message_head(c, out);
	buf_add_str(out, "],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":");
	add_usage(&(struct gen_result){.tokens_in = a->estimate, .tokens_reasoning = -1}, out);
	buf_add_str(out, "}}\n\n");
}

static void begin(struct gw_call *c, struct buf *out)
{
	if (!c->req.raw)
		start(c, out);
}

void anthropic_add_block_start(int64_t block, struct buf *out)
{
	buf_printf(out,
		"event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":%lld,\"content_block\":",
		(long long)block);
}

void anthropic_add_block_stop(int64_t block, struct buf *out)
{
	buf_printf(out, "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":%lld}\n\n",
		(long long)block);
}

static void close_block(struct anthropic_call *a, struct buf *out)
{
	if (!a->open)
		return;
	ASSERT(a->n_blocks > 0);
	a->open = 0;
	anthropic_add_block_stop(a->n_blocks - 1, out);
}

static void open_block(struct gw_call *c, char kind, struct buf *out)
{
	struct anthropic_call *a = c->shape;

	start(c, out);
	close_block(a, out);
	a->open = kind;
	anthropic_add_block_start(a->n_blocks++, out);
}

static void add_delta(int64_t block, const char *type, struct buf *out)
{
	buf_add_str(out, "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":");
	buf_add_u64(out, (uint64_t)block);
	buf_add_str(out, ",\"delta\":{\"type\":\"");
	buf_add_str(out, type);
}

static void add_piece(struct gw_call *c, const char *type, struct str escaped, struct buf *out)
{
	struct anthropic_call *a = c->shape;

	add_delta(a->n_blocks - 1, type, out);
	buf_add(out, escaped.p, escaped.n);
	buf_add_str(out, "\"}}\n\n");
}

static void text(struct gw_call *c, struct str escaped, struct buf *out)
{
	struct anthropic_call *a = c->shape;

	if (a->open != 't') {
		open_block(c, 't', out);
		buf_add_str(out, "{\"type\":\"text\",\"text\":\"\"}}\n\n");
	}
	add_piece(c, "text_delta\",\"text\":\"", escaped, out);
}

static void reasoning(struct gw_call *c, struct str escaped, struct buf *out)
{
	struct anthropic_call *a = c->shape;

	if (a->hide_thinking)
		return;
	if (a->open != 'r') {
		open_block(c, 'r', out);
		buf_add_str(out, "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}}\n\n");
	}
	add_piece(c, "thinking_delta\",\"thinking\":\"", escaped, out);
}

/* The mark by which Anthropic knows a page again is none of ours. */
static void add_citation(const struct gw_page *p, struct buf *out)
{
	buf_add_str(out, "{\"type\":\"web_search_result_location\",\"url\":");
	json_add_cstr(out, p->url);
	buf_add_str(out, ",\"title\":");
	json_add_cstr(out, p->title);
	buf_add_str(out, ",\"encrypted_index\":\"\",\"cited_text\":");
	json_add_cstr(out, p->said);
	buf_add_char(out, '}');
}

static void beside(struct gw_call *c, enum gen_beside_kind kind UNUSED, struct str items, struct buf *out)
{
	CLEANUP(json_decrefp) json_t *list = gw_notes(items);
	struct anthropic_call *a = c->shape;
	struct gw_page p;

	for (size_t i = 0; i < json_array_size(list); i++) {
		if (!gw_note_page(json_array_get(list, i), &p))
			continue;
		if (a->open != 't') {
			open_block(c, 't', out);
			buf_add_str(out, "{\"type\":\"text\",\"text\":\"\"}}\n\n");
		}
		add_delta(a->n_blocks - 1, "citations_delta\",\"citation\":", out);
		add_citation(&p, out);
		buf_add_str(out, "}}\n\n");
	}
}

/* As Anthropic does, a call is told when it is whole: it comes as one block, whatever a provider put between its
 * pieces, and one that was cut off is not told at all. */
static void add_call(struct gw_call *c, const struct made_call *m, struct buf *out)
{
	struct anthropic_call *a = c->shape;
	struct str rest = buf_str(&m->arguments);

	open_block(c, 'c', out);
	buf_add_str(out, "{\"type\":\"tool_use\",\"id\":");
	add_id(m->id, out);
	buf_add_str(out, ",\"name\":");
	json_add_cstr(out, m->name);
	buf_add_str(out, ",\"input\":{}");
	gw_add_call_extras(c, m, out);
	buf_add_str(out, "}}\n\n");
	while (rest.n > 0) {
		size_t n = utf8_prefix(rest.p, rest.n, INPUT_BYTES);

		add_delta(a->n_blocks - 1, "input_json_delta\",\"partial_json\":", out);
		json_add_string(out, rest.p, n);
		buf_add_str(out, "}}\n\n");
		rest = (struct str){rest.p + n, rest.n - n};
	}
}

/* What a model wrote that is no object was not run. */
static const char *input_of(const struct gw_activity *a)
{
	CLEANUP(json_decrefp) json_t *v = NULL;
	struct str text = buf_str(&a->arguments);

	return json_parse(text.p, text.n, &v, NULL) == 0 && json_is_object(v) ? text.p : "{}";
}

/* A tool of an assistant ran here: as one of a server of tools, which clients show and do not run. */
static void add_tool_use(const struct gw_activity *a, struct buf *out)
{
	buf_add_str(out, "{\"type\":\"mcp_tool_use\",\"id\":");
	add_id(a->id, out);
	buf_add_str(out, ",\"name\":");
	json_add_cstr(out, a->name);
	buf_printf(out, ",\"server_name\":\"atelier\",\"input\":");
	gw_add_line(str_from(input_of(a)), out);
	buf_add_char(out, '}');
}

static void add_tool_result(const struct gw_activity *a, struct buf *out)
{
	buf_add_str(out, "{\"type\":\"mcp_tool_result\",\"tool_use_id\":");
	add_id(a->id, out);
	buf_printf(out, ",\"is_error\":%s,\"content\":[{\"type\":\"text\",\"text\":", a->failed ? "true" : "false");
	json_add_cstr(out, a->result ? a->result : "");
	buf_add_str(out, "}]}");
}

static void activity(struct gw_call *c, struct gw_activity *x, struct buf *out)
{
	struct anthropic_call *a = c->shape;

	if (!x->begun) {
		x->begun = true;
		open_block(c, 'm', out);
		add_tool_use(x, out); /* with its input: not all clients put pieces of it together for this type */
		buf_add_str(out, "}\n\n");
	}
	if (!x->result)
		return;
	open_block(c, 'm', out);
	add_tool_result(x, out);
	buf_add_str(out, "}\n\n");
	close_block(a, out);
}

static void heartbeat(struct gw_call *c, struct buf *out)
{
	int64_t place = gw_place(c);

	buf_add_str(out, "event: ping\ndata: {\"type\":\"ping\"");
	if (place > 0)
		buf_printf(out, ",\"atelier\":{\"place\":%lld}", (long long)place);
	buf_add_str(out, "}\n\n");
}

static void end(struct gw_call *c, struct buf *out)
{
	ASSERT(!c->got_raw && c->finish);
	start(c, out);
	for (size_t i = 0; i < c->answer.n_calls; i++) {
		if (c->answer.calls[i].state == MADE_WHOLE)
			add_call(c, &c->answer.calls[i], out);
	}
	close_block(c->shape, out);
	buf_add_str(out, "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{");
	add_stop(c, out);
	buf_add_str(out, "},\"usage\":");
	add_usage(&c->result, out);
	gw_add_remarks(c, out);
	buf_add_str(out, "}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
}

static void error(struct gw_call *c, const struct err *e, struct buf *out)
{
	struct anthropic_call *a = c->shape;

	if (a->told_error)
		return;
	buf_add_str(out, "event: error\ndata: ");
	anthropic_error(e, c->q->id, out);
	buf_add_str(out, "\n\n");
}

/* ---- bytes as they came ---- */

/* Behind the last whole event. */
static size_t whole_events(const struct buf *b)
{
	for (size_t i = b->n; i > 1; i--) {
		if (b->p[i - 1] == '\n' &&
			(b->p[i - 2] == '\n' || (i > 2 && b->p[i - 2] == '\r' && b->p[i - 3] == '\n')))
			return i;
	}
	return 0;
}

static bool holds(const struct buf *b, size_t n, const char *word)
{
	return memmem(b->p, n, word, strlen(word)) != NULL;
}

/* llama.cpp forgets message_start when its first token is no whole character; clients cannot do without it. */
static void add_missing_start(struct gw_call *c, const struct buf *events, size_t n, struct buf *out)
{
	struct anthropic_call *a = c->shape;

	if (a->started)
		return;
	if (holds(events, n, "\"message_start\""))
		a->started = true;
	else if (holds(events, n, "\"content_block_start\"") || holds(events, n, "\"message_delta\""))
		start(c, out);
}

static int write_events(struct gw_call *c, const struct buf *events, size_t n)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT(REQUEST_MEMORY);
	struct anthropic_call *a = c->shape;
	int r;

	add_missing_start(c, events, n, &out);
	r = anthropic_order_take(&a->order, (struct str){events->p, n}, &out);
	return r < 0 || out.n == 0 ? r : gw_write_raw(c, out.p, out.n);
}

/* Events go on when they are whole, so that a stream that breaks off can still say why; the very last may lack its end. */
int anthropic_take_raw(void *arg, const char *p, size_t n)
{
	struct gw_call *c = arg;
	struct anthropic_call *a = c->shape;
	size_t whole;
	int r;

	buf_add(&a->held, p, n);
	r = buf_status(&a->held);
	c->q->spent = true;
	if (r < 0 || !c->stream || a->held.n == 0)
		return r;
	whole = holds(&a->held, a->held.n, "\"message_stop\"") ? a->held.n : whole_events(&a->held);
	if (whole == 0)
		return 0;
	a->told_error = a->told_error || holds(&a->held, whole, "event: error");
	r = write_events(c, &a->held, whole);
	buf_consume(&a->held, whole);
	return r;
}

/* ---- the whole answer ---- */

static void add_citations(struct str notes, struct buf *out)
{
	CLEANUP(json_decrefp) json_t *list = gw_notes(notes);
	const char *comma = ",\"citations\":[";
	struct gw_page p;

	for (size_t i = 0; i < json_array_size(list); i++) {
		if (!gw_note_page(json_array_get(list, i), &p))
			continue;
		buf_add_str(out, comma);
		add_citation(&p, out);
		comma = ",";
	}
	if (comma[1] == '\0')
		buf_add_char(out, ']');
}

/* Returns the comma that is due behind it. */
static const char *add_text_block(
	const struct gw_call *c, const struct gw_stretch *said, const char *comma, struct buf *out)
{
	size_t n = said->text_to - said->text_from;

	if (n == 0 && said->notes.n == 0)
		return comma;
	buf_printf(out, "%s{\"type\":\"text\",\"text\":", comma);
	json_add_string(out, buf_str(&c->answer.text).p + said->text_from, n);
	add_citations(said->notes, out);
	buf_add_char(out, '}');
	return ",";
}

static void add_content(const struct gw_call *c, struct buf *out)
{
	const struct anthropic_call *a = c->shape;
	struct gw_stretch said = {.text_to = 0};
	const struct gen_answer *got = &c->answer;
	const char *comma = "";

	if (got->reasoning.n > 0 && !a->hide_thinking) {
		buf_add_str(out, "{\"type\":\"thinking\",\"thinking\":");
		json_add_string(out, got->reasoning.p, got->reasoning.n);
		buf_add_str(out, ",\"signature\":\"\"}");
		comma = ",";
	}
	for (const struct gw_activity *x = gw_activities(c); x; x = x->next) {
		said = gw_stretch_to(c, &said, x);
		comma = add_text_block(c, &said, comma, out);
		buf_add_str(out, comma);
		add_tool_use(x, out);
		buf_add_char(out, ',');
		add_tool_result(x, out);
		comma = ",";
	}
	said = gw_stretch_to(c, &said, NULL);
	comma = add_text_block(c, &said, comma, out);
	for (size_t i = 0; i < got->n_calls; i++) {
		if (got->calls[i].state != MADE_WHOLE)
			continue;
		buf_printf(out, "%s{\"type\":\"tool_use\",\"id\":", comma);
		add_id(got->calls[i].id, out);
		buf_add_str(out, ",\"name\":");
		json_add_cstr(out, got->calls[i].name);
		buf_add_str(out, ",\"input\":");
		gw_add_line(buf_str(&got->calls[i].arguments), out);
		gw_add_call_extras(c, &got->calls[i], out);
		buf_add_char(out, '}');
		comma = ",";
	}
}

static int whole(struct gw_call *c, struct buf *out)
{
	struct anthropic_call *a = c->shape;

	if (a->held.n > 0) {
		CLEANUP(buf_done) struct buf events = BUF_INIT(REQUEST_MEMORY);
		int r;

		add_missing_start(c, &a->held, a->held.n, &events);
		buf_add(&events, a->held.p, a->held.n);
		r = buf_status(&events);
		if (r == 0)
			r = anthropic_collect(buf_str(&events), out);
		return r < 0 ? err_set(&c->q->err, r, "%s", err_info(r)->text) : 0;
	}
	add_message_head(c, out);
	add_content(c, out);
	buf_add_str(out, "],");
	add_stop(c, out);
	buf_add_str(out, ",\"usage\":");
	add_usage(&c->result, out);
	gw_add_remarks(c, out);
	buf_add_char(out, '}');
	return 0;
}

const struct gw_format anthropic_format = {
	.content_type = "text/event-stream",
	.begin = begin,
	.text = text,
	.reasoning = reasoning,
	.calls_are_objects = true,
	.activity = activity,
	.beside = beside,
	.heartbeat = heartbeat,
	.end = end,
	.error = error,
	.whole = whole,
};
