/*
 * responses_answer.c - answers of /v1/responses: a list of items (reasoning, message, calls, a compaction), each of which
 * a stream announces, fills and ends. A text item ends when another kind of piece comes; calls end with the answer.
 */
#include <sodium.h>

#include "api/gateway/responses.h"

/* ---- texts that clients keep for us ---- */

static const char seal[] = "atelier:";
#define SEAL_N (sizeof(seal) - 1)

void responses_add_sealed(struct str text, struct buf *out)
{
	size_t size = sodium_base64_encoded_len(text.n, sodium_base64_VARIANT_ORIGINAL);
	char *coded;

	buf_printf(out, "\"%s", seal);
	coded = buf_reserve(out, size); /* with its NUL */
	if (!coded)
		return;
	sodium_bin2base64(coded, size, (const unsigned char *)text.p, text.n, sodium_base64_VARIANT_ORIGINAL);
	out->n += size - 1;
	buf_add_char(out, '"');
}

const char *responses_unseal(struct gw_call *c, const char *sealed)
{
	size_t n = strlen(sealed), got = 0;
	char *text;

	if (strncmp(sealed, seal, SEAL_N) != 0 || !(text = arena_alloc(&c->q->mem, n)))
		return NULL;
	if (sodium_base642bin((unsigned char *)text, n - 1, sealed + SEAL_N, n - SEAL_N, NULL, &got, NULL,
		    sodium_base64_VARIANT_ORIGINAL) < 0)
		return NULL;
	text[got] = '\0';
	return strlen(text) == got ? text : NULL;
}

static bool ends_well(const struct gw_call *c)
{
	return strcmp(c->finish, "length") != 0 && strcmp(c->finish, "content_filter") != 0;
}

/* ---- items as JSON ---- */

static const char *item_prefix(enum item_kind kind)
{
	static const char *const prefixes[] = {"rs", "msg", "fc", "cmp", "mcp"};
	_Static_assert(N_ELEMENTS(prefixes) == ITEM_TOOL + 1, "each kind has its prefix");

	return prefixes[kind];
}

/* The tool behind a call, when it is no plain function. */
static const struct response_tool *tool_of(const struct gw_call *c, const struct item *it)
{
	return it->kind == ITEM_CALL ? responses_tool_named(c, c->answer.calls[it->call].name) : NULL;
}

/* How a call is told, by the kind of its tool. */
static const struct {
	const char *type, *prefix;
	const char *member; /* that has what it is called with */
} told_as[] = {[TOOL_FUNCTION] = {"function_call", "fc", "arguments"},
	[TOOL_CUSTOM] = {"custom_tool_call", "ctc", "input"},
	[TOOL_LOCAL_SHELL] = {"local_shell_call", "lsh", "action"},
	[TOOL_SHELL] = {"shell_call", "sh", "action"},
	[TOOL_APPLY_PATCH] = {"apply_patch_call", "apc", "operation"}};
_Static_assert(N_ELEMENTS(told_as) == TOOL_APPLY_PATCH + 1, "each kind has its row");

static enum tool_kind kind_of(const struct gw_call *c, const struct item *it)
{
	const struct response_tool *t = tool_of(c, it);

	return t ? t->kind : TOOL_FUNCTION;
}

/* Clients run each call that is told as an item, whatever its status says: one that was cut off, or whose answer broke,
 * is none. */
static bool is_told(const struct gw_call *c, const struct item *it)
{
	enum made_state state = it->kind == ITEM_CALL ? c->answer.calls[it->call].state : MADE_WHOLE;

	return state == MADE_WHOLE || (state == MADE_WRONG && kind_of(c, it) <= TOOL_CUSTOM);
}

static void add_item_id(const struct gw_call *c, const struct item *it, struct buf *out)
{
	const char *prefix = it->kind == ITEM_CALL ? told_as[kind_of(c, it)].prefix : item_prefix(it->kind);

	buf_printf(out, "\"%s_%s%d\"", prefix, c->id, it->at);
}

static void add_note(const json_t *note, struct buf *out)
{
	struct gw_page p;

	if (!gw_note_page(note, &p)) {
		json_add_value(out, note);
		return;
	}
	buf_add_str(out, "{\"type\":\"url_citation\",\"url\":");
	json_add_cstr(out, p.url);
	buf_add_str(out, ",\"title\":");
	json_add_cstr(out, p.title);
	buf_printf(out, ",\"start_index\":%lld,\"end_index\":%lld}", (long long)p.start, (long long)p.end);
}

/* it NULL: without its annotations. */
static void add_text_part(
	const struct gw_call *c, const struct item *it, const char *type, struct str text, struct buf *out)
{
	const struct responses *s = c->shape;

	buf_printf(out, "{\"type\":\"%s\",\"text\":", type);
	json_add_string(out, text.p, text.n);
	if (strcmp(type, "output_text") == 0) {
		buf_add_str(out, ",\"annotations\":[");
		for (size_t i = it ? it->note : 0; it && i < it->note_end; i++) {
			buf_add_str(out, i > it->note ? "," : "");
			add_note(json_array_get(s->notes, i), out);
		}
		buf_add_char(out, ']');
	}
	buf_add_char(out, '}');
}

static struct str item_text(const struct gw_call *c, const struct item *it)
{
	const struct buf *b = it->kind == ITEM_REASONING ? &c->answer.reasoning : &c->answer.text;

	return b->p ? (struct str){b->p + it->from, it->to - it->from} : STR("");
}

/* The object that the model gave, with what clients look for; {} of one that has not ended. */
static void add_action(enum tool_kind kind, struct str arguments, struct buf *out)
{
	CLEANUP(json_decrefp) json_t *v = NULL;
	const json_t *command;

	if (json_read(arguments.p, arguments.n, JSON_MEMORY, JSON_READ_LOOSE, &v, NULL) < 0 || !json_is_object(v)) {
		json_decref(v);
		v = json_object();
	}
	if (kind == TOOL_LOCAL_SHELL) {
		command = json_object_get(v, "command");
		if (json_is_string(command)) /* small models write a line for a shell */
			json_object_set_new(v, "command", json_pack("[s,s,O]", "bash", "-lc", command));
		else if (!command)
			json_object_set_new(v, "command", json_array());
		json_object_set_new(v, "type", json_string("exec"));
		if (!json_is_object(json_object_get(v, "env")))
			json_object_set_new(v, "env", json_object());
	}
	json_add_value(out, v);
}

static void add_call_item(const struct gw_call *c, const struct item *it, bool whole, struct buf *out)
{
	const struct made_call *m = &c->answer.calls[it->call];
	const struct response_tool *t = tool_of(c, it);
	struct str arguments = whole ? buf_str(&m->arguments) : STR("");

	enum tool_kind kind = t ? t->kind : TOOL_FUNCTION;

	buf_add_str(out, "\"call_id\":");
	json_add_cstr(out, m->id);
	if (kind > TOOL_CUSTOM) {
		buf_printf(out, ",\"%s\":", told_as[kind].member);
		add_action(kind, arguments, out);
		return;
	}
	buf_add_str(out, ",\"name\":");
	json_add_cstr(out, t ? t->name : m->name);
	if (t && t->space) {
		buf_add_str(out, ",\"namespace\":");
		json_add_cstr(out, t->space);
	}
	buf_printf(out, ",\"%s\":", told_as[kind].member);
	if (kind == TOOL_CUSTOM)
		custom_tool_add_input(arguments, out);
	else
		json_add_string(out, arguments.p, arguments.n);
}

/* A tool that ran here, as one of a server of tools that is called on the way to an answer. */
static void add_tool_item(const struct gw_activity *a, bool whole, struct buf *out)
{
	buf_add_str(out, ",\"type\":\"mcp_call\",\"server_label\":\"atelier\",\"name\":");
	json_add_cstr(out, a->name);
	buf_add_str(out, ",\"arguments\":");
	json_add_string(out, buf_str(&a->arguments).p, whole ? a->arguments.n : 0);
	buf_add_str(out, ",\"approval_request_id\":null,\"output\":");
	json_add_cstr(out, whole && !a->failed ? a->result : NULL);
	if (whole && a->failed) {
		buf_add_str(out,
			",\"error\":{\"type\":\"mcp_tool_execution_error\",\"content\":[{\"type\":\"text\",\"text\":");
		json_add_cstr(out, a->result);
		buf_add_str(out, "}]}");
	} else {
		buf_add_str(out, ",\"error\":null");
	}
	buf_printf(out, ",\"status\":\"%s\"}", !whole ? "in_progress" : a->failed ? "failed" : "completed");
}

/* The text that was being written when the answer was cut off. */
static bool is_cut(const struct gw_call *c, const struct item *it)
{
	return it->kind == ITEM_MESSAGE && !it->next && c->finish && !ends_well(c);
}

/* `whole`: it has ended; else as it is announced. */
static void add_item(const struct gw_call *c, const struct item *it, bool whole, struct buf *out)
{
	static const char *const types[] = {"reasoning", "message", "function_call", "compaction"};
	_Static_assert(N_ELEMENTS(types) == ITEM_TOOL, "each kind has its type, but for what ran here");
	const struct responses *s = c->shape;
	const char *status = !whole ? "in_progress" : is_cut(c, it) ? "incomplete" : "completed";

	buf_add_str(out, "{\"id\":");
	add_item_id(c, it, out);
	if (it->kind == ITEM_COMPACTION) {
		buf_add_str(out, ",\"type\":\"compaction\",\"encrypted_content\":");
		responses_add_sealed(whole ? buf_str(&c->answer.text) : STR(""), out);
		buf_add_char(out, '}');
		return;
	}
	if (it->kind == ITEM_TOOL) {
		add_tool_item(it->activity, whole, out);
		return;
	}
	buf_printf(out, ",\"type\":\"%s\",\"status\":\"%s\",",
		it->kind == ITEM_CALL ? told_as[kind_of(c, it)].type : types[it->kind], status);
	if (it->kind == ITEM_CALL) {
		add_call_item(c, it, whole, out);
		gw_add_call_extras(c, &c->answer.calls[it->call], out);
	} else {
		const char *part = it->kind == ITEM_REASONING ? "summary_text" : "output_text";
		buf_add_str(out, it->kind == ITEM_REASONING ? "\"summary\":[" : "\"role\":\"assistant\",\"content\":[");
		if (whole)
			add_text_part(c, it, part, item_text(c, it), out);
		buf_add_char(out, ']');
		if (it->kind == ITEM_REASONING && whole && s->gives_reasoning) {
			buf_add_str(out, ",\"encrypted_content\":");
			responses_add_sealed(item_text(c, it), out);
		}
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

void responses_add_usage(const struct gen_result *g, struct buf *out)
{
	buf_printf(out,
		"{\"input_tokens\":%lld,\"input_tokens_details\":{\"cached_tokens\":%lld,\"cache_write_tokens\":%lld",
		(long long)g->tokens_in, (long long)MAX(g->tokens_cached, 0), (long long)g->tokens_kept);
	openai_add_token_parts(g, "prompt_tokens_details", out);
	buf_printf(out, "},\"output_tokens\":%lld,\"output_tokens_details\":{\"reasoning_tokens\":%lld",
		(long long)g->tokens_out, (long long)MAX(g->tokens_reasoning, 0));
	openai_add_token_parts(g, "completion_tokens_details", out);
	buf_printf(out, "},\"total_tokens\":%lld}", (long long)g->tokens_in + g->tokens_out);
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
		responses_add_usage(&c->result, out);
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
	const struct responses *s = c->shape;
	buf_add_str(out, ",\"previous_response_id\":");
	json_add_cstr(out, s->previous);
	buf_printf(out, ",\"store\":%s", s->keeps ? "true" : "false");
	add_echo(c, out);
	(ended ? gw_add_remarks : gw_add_first_remarks)(c, out);
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
	if (it->kind != ITEM_CALL && it->kind != ITEM_TOOL)
		buf_printf(out, ",\"%s\":0", it->kind == ITEM_REASONING ? "summary_index" : "content_index");
}

static struct item *item_new(struct gw_call *c, enum item_kind kind)
{
	struct responses *s = c->shape;
	struct item *it = ARENA_NEW(&c->q->mem, struct item);

	if (!it)
		return NULL;
	ASSERT(!*s->end); /* behind the last */
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
	add_text_part(c, it, thinks ? "summary_text" : "output_text", text, out);
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
	add_text_part(c, NULL, thinks ? "summary_text" : "output_text", STR(""), out);
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

static void take_notes(struct responses *s, struct item *it, struct str items)
{
	CLEANUP(json_decrefp) json_t *list = gw_notes(items);

	ASSERT(it->note_end == 0 || it->note_end == json_array_size(s->notes)); /* those of one item stand together */
	if (!s->notes)
		s->notes = json_array();
	if (it->note_end == 0)
		it->note = json_array_size(s->notes);
	json_array_extend(s->notes, list);
	it->note_end = json_array_size(s->notes);
}

/* They belong to the text that is being written, or to the one before it. */
static void responses_beside(struct gw_call *c, enum gen_beside_kind kind UNUSED, struct str items, struct buf *out)
{
	struct responses *s = c->shape;
	struct item *it = s->compacts ? NULL : open_text(c, ITEM_MESSAGE, out);

	if (!it)
		return;
	size_t i = s->notes ? json_array_size(s->notes) : 0;
	take_notes(s, it, items);
	it->to = MAX(it->to, it->from);
	for (; i < it->note_end; i++) {
		add_part_event(c, "output_text.annotation.added", it, out);
		buf_printf(out, ",\"annotation_index\":%zu,\"annotation\":", i - it->note);
		add_note(json_array_get(s->notes, i), out);
		buf_add_str(out, "}\n\n");
	}
}

static void responses_text(struct gw_call *c, struct str escaped, struct buf *out)
{
	const struct responses *s = c->shape;

	if (!s->compacts)
		add_delta(c, ITEM_MESSAGE, escaped, out);
}

static void responses_reasoning(struct gw_call *c, struct str escaped, struct buf *out)
{
	const struct responses *s = c->shape;

	if (!s->compacts)
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

static void responses_tool(struct gw_call *c, const struct call_piece *t, struct buf *out)
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
	if (t->arguments.n == 0 || kind_of(c, it) != TOOL_FUNCTION)
		return;
	add_part_event(c, "function_call_arguments.delta", it, out);
	buf_add_str(out, ",\"delta\":");
	json_add_string(out, t->arguments.p, t->arguments.n);
	buf_add_str(out, "}\n\n");
}

static struct item *tool_item(struct responses *s, const struct gw_activity *a)
{
	for (struct item *it = s->first; it; it = it->next) {
		if (it->activity == a)
			return it;
	}
	return NULL;
}

static struct item *begin_tool(struct gw_call *c, const struct gw_activity *a, struct buf *out)
{
	struct item *it;

	close_text(c, out);
	if (!(it = item_new(c, ITEM_TOOL)))
		return NULL;
	it->activity = a;
	add_item_event(c, "output_item.added", it, false, out);
	add_part_event(c, "mcp_call.in_progress", it, out);
	buf_add_str(out, "}\n\n");
	add_part_event(c, "mcp_call_arguments.delta", it, out);
	buf_add_str(out, ",\"delta\":");
	json_add_string(out, buf_str(&a->arguments).p, a->arguments.n);
	buf_add_str(out, "}\n\n");
	add_part_event(c, "mcp_call_arguments.done", it, out);
	buf_add_str(out, ",\"arguments\":");
	json_add_string(out, buf_str(&a->arguments).p, a->arguments.n);
	buf_add_str(out, "}\n\n");
	return it;
}

static void responses_activity(struct gw_call *c, struct gw_activity *a, struct buf *out)
{
	const struct responses *s = c->shape;
	struct item *it = s->compacts ? NULL : tool_item(c->shape, a);

	if (!it && !s->compacts)
		it = begin_tool(c, a, out);
	if (!it || !a->result)
		return;
	add_part_event(c, a->failed ? "mcp_call.failed" : "mcp_call.completed", it, out);
	buf_add_str(out, "}\n\n");
	add_item_event(c, "output_item.done", it, true, out);
}

static void close_calls(struct gw_call *c, struct buf *out)
{
	const struct responses *s = c->shape;

	for (const struct item *it = s->first; it; it = it->next) {
		if (it->kind != ITEM_CALL || !is_told(c, it))
			continue;
		struct str arguments = buf_str(&c->answer.calls[it->call].arguments);
		enum tool_kind kind = kind_of(c, it);
		bool custom = kind == TOOL_CUSTOM;
		if (kind > TOOL_CUSTOM) {
			add_item_event(c, "output_item.done", it, true, out);
			continue;
		}
		if (custom) {
			add_part_event(c, "custom_tool_call_input.delta", it, out);
			buf_add_str(out, ",\"delta\":");
			custom_tool_add_input(arguments, out);
			buf_add_str(out, "}\n\n");
		}
		add_part_event(c, custom ? "custom_tool_call_input.done" : "function_call_arguments.done", it, out);
		buf_add_str(out, custom ? ",\"input\":" : ",\"arguments\":");
		if (custom)
			custom_tool_add_input(arguments, out);
		else
			json_add_string(out, arguments.p, arguments.n);
		buf_add_str(out, "}\n\n");
		add_item_event(c, "output_item.done", it, true, out);
	}
}

/* Some programs count events alone when they judge whether an answer still comes (Codex: for five minutes), and a comment
 * is none; this one may come again at any time. */
static void heartbeat(struct gw_call *c, struct buf *out)
{
	int64_t place = gw_place(c);

	add_event(c, "in_progress", out);
	if (place > 0)
		buf_printf(out, ",\"atelier\":{\"place\":%lld}", (long long)place);
	buf_add_str(out, ",\"response\":");
	add_response(c, "in_progress", NULL, out);
	buf_add_str(out, "}\n\n");
}

static void responses_begin(struct gw_call *c, struct buf *out)
{
	add_response_event(c, "created", "in_progress", NULL, out);
	add_response_event(c, "in_progress", "in_progress", NULL, out);
}

/* The summary is told when it is whole. */
static void add_compaction(struct gw_call *c, struct buf *out)
{
	const struct responses *s = c->shape;
	struct item *it = s->compacts ? item_new(c, ITEM_COMPACTION) : NULL;

	if (!it)
		return;
	add_item_event(c, "output_item.added", it, false, out);
	add_item_event(c, "output_item.done", it, true, out);
}

/* It is kept before the client has its end, and may go on from it. */
static void keep(struct gw_call *c)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(REQUEST_MEMORY);
	const struct responses *s = c->shape;

	if (!s->keeps)
		return;
	add_response(c, status_of(c), NULL, &b);
	if (buf_status(&b) == 0)
		responses_keep(c, buf_str(&b));
}

static void responses_end(struct gw_call *c, struct buf *out)
{
	const char *status = status_of(c);

	close_text(c, out);
	add_compaction(c, out);
	close_calls(c, out);
	keep(c);
	add_response_event(c, status, status, NULL, out);
}

static void responses_error(struct gw_call *c, const struct err *e, struct buf *out)
{
	add_response_event(c, "failed", "failed", e, out);
}

/* The text from there to there with its annotations, if there are any. */
static void add_said(struct gw_call *c, struct gw_stretch stretch)
{
	struct item *it = stretch.text_to > stretch.text_from || stretch.notes.n ? item_new(c, ITEM_MESSAGE) : NULL;

	if (!it)
		return;
	it->from = stretch.text_from;
	it->to = stretch.text_to;
	if (stretch.notes.n > 0)
		take_notes(c->shape, it, stretch.notes);
}

static int responses_whole(struct gw_call *c, struct buf *out)
{
	const struct gen_answer *a = &c->answer;
	const struct responses *s = c->shape;
	struct gw_stretch said = {.text_to = 0};
	struct item *it;

	ASSERT(!s->first && !s->open); /* nothing was told piece by piece */
	if (s->compacts) {
		(void)item_new(c, ITEM_COMPACTION);
		add_response(c, status_of(c), NULL, out);
		keep(c);
		return 0;
	}
	if (a->reasoning.n > 0 && (it = item_new(c, ITEM_REASONING)) != NULL)
		it->to = a->reasoning.n;
	for (const struct gw_activity *x = gw_activities(c); x; x = x->next) {
		add_said(c, said = gw_stretch_to(c, &said, x));
		if ((it = item_new(c, ITEM_TOOL)) != NULL)
			it->activity = x;
	}
	add_said(c, gw_stretch_to(c, &said, NULL));
	if (a->text.n == 0 && a->n_calls == 0 && a->beside[BESIDE_ANNOTATIONS].n == 0)
		(void)item_new(c, ITEM_MESSAGE);
	for (size_t i = 0; i < a->n_calls; i++) {
		if ((it = item_new(c, ITEM_CALL)) != NULL)
			it->call = i;
	}
	add_response(c, status_of(c), NULL, out);
	keep(c);
	return 0;
}

const struct gw_format responses_format = {
	.content_type = "text/event-stream; charset=utf-8",
	.keep_text = true,
	.begin = responses_begin,
	.text = responses_text,
	.reasoning = responses_reasoning,
	.tool = responses_tool,
	.activity = responses_activity,
	.beside = responses_beside,
	.heartbeat = heartbeat,
	.end = responses_end,
	.error = responses_error,
	.whole = responses_whole,
};
