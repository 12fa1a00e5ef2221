/*
 * anthropic_turns.c - system and messages. Results of tools become messages of their own; system texts between the
 * messages become the user's, in a tag, since many models take a system text only at the beginning; neighbours of the
 * same role become one message, as Anthropic has it.
 */
#include <errno.h>

#include "api/gateway/anthropic.h"

struct reader {
	struct gw_call *c;
	bool lenient;
	struct gen_message *out;
	size_t n, room;
};

static bool is(const char *s, const char *word)
{
	return s && strcmp(s, word) == 0;
}

/* ---- system ---- */

/* Claude Code's note to the one who bills: it differs from call to call, and would spoil the caches of local models. */
static bool is_attribution(const char *text)
{
	return text && strncmp(text, "x-anthropic-billing-header:", 27) == 0;
}

static int read_system(struct reader *r)
{
	CLEANUP(anthropic_pieces_done) struct anthropic_pieces p = {.separator = "\n\n"};
	const json_t *system = json_object_get(r->c->body, "system");
	const char *text;
	int code = 0;

	if (json_is_array(system)) {
		for (size_t i = 0; i < json_array_size(system) && code == 0; i++) {
			const json_t *block = json_array_get(system, i);

			if (!is_attribution(json_get_str(block, "text")))
				code = anthropic_read_block(r->c, block, r->lenient, &p);
		}
	} else if (!is_attribution(json_string_value(system))) {
		code = anthropic_read_blocks(r->c, system, r->lenient, &p);
	}
	if (code == 0 && p.n_images > 0)
		code = err_set(&r->c->q->err, E_INVALID, "\"system\" must be text.");
	if (code == 0)
		code = anthropic_pieces_text(r->c, &p, &text);
	if (code == 0 && *text)
		r->out[r->n++] = (struct gen_message){.role = "system", .content = text};
	return code;
}

/* ---- adding messages ---- */

static int join(struct reader *r, const char *a, const char *between, const char *b, const char **ret)
{
	if (!a || !*a || !b || !*b) {
		*ret = a && *a ? a : b;
		return 0;
	}
	*ret = arena_printf(&r->c->q->mem, "%s%s%s", a, between, b);
	return *ret ? 0 : request_no_memory(r->c->q);
}

/* Before their texts are joined, with `gap` bytes between. */
static int join_images(struct reader *r, struct gen_message *last, const struct gen_message *m, size_t gap)
{
	size_t n = last->n_images + m->n_images, end = strlen(last->content ? last->content : "");
	struct gen_image *all, *between = NULL;

	if (end == 0 || !m->content || !*m->content)
		gap = 0;
	if (n == 0)
		return 0;
	all = ARENA_ARRAY(&r->c->q->mem, struct gen_image, n);
	if (!all)
		return request_no_memory(r->c->q);
	if (last->n_images > 0)
		memcpy(all, last->images, last->n_images * sizeof(*all));
	if (m->n_images > 0)
		memcpy(all + last->n_images, m->images, m->n_images * sizeof(*all));
	for (size_t i = 0; i < n; i++) {
		if (i >= last->n_images)
			all[i].at += all[i].at > 0 ? end + gap : end;
		if (all[i].at == end)
			between = &all[i];
	}
	if (between && gap > 0)
		between->gap = gap;
	last->images = all;
	last->n_images = n;
	return 0;
}

/* A message, or more of the one before when that has the same role and called no tools. */
static int add_message(struct reader *r, const struct gen_message *m)
{
	struct gen_message *last = r->n > 0 ? &r->out[r->n - 1] : NULL;
	const char *between = is(m->role, "assistant") ? "" : "\n\n";
	int code;

	if (!last || strcmp(last->role, m->role) != 0 || is(m->role, "tool") || last->n_calls > 0) {
		ASSERT(r->n < r->room); /* a message or a block is one at most */
		r->out[r->n++] = *m;
		return 0;
	}
	code = join_images(r, last, m, strlen(between));
	if (code == 0)
		code = join(r, last->content, between, m->content, &last->content);
	if (code == 0)
		code = join(r, last->reasoning, "\n\n", m->reasoning, &last->reasoning);
	last->calls = m->calls;
	last->n_calls = m->n_calls;
	return code;
}

/* ---- user ---- */

static const char *name_of_call(const struct reader *r, const char *id)
{
	for (size_t i = r->n; i-- > 0;) {
		for (size_t k = 0; k < r->out[i].n_calls; k++) {
			if (strcmp(r->out[i].calls[k].id, id) == 0)
				return r->out[i].calls[k].name;
		}
	}
	return NULL;
}

/* What a tool returned and the model cannot read is a text that says so: the conversation goes on. */
static int add_unreadable(struct reader *r, const json_t *block, struct anthropic_pieces *p)
{
	const char *type = json_get_str(block, "type"), *name = json_get_str(block, "title"), *text;

	if (!name)
		name = json_get_str(block, "tool_name");
	err_clear(&r->c->q->err);
	text = arena_printf(&r->c->q->mem, "(Here is a %.60s%s%.200s, which this model cannot read.)",
		type ? type : "block", name ? ": " : "", name ? name : "");
	return text ? anthropic_add_text(p, text) : request_no_memory(r->c->q);
}

/* A picture that cannot be had, whatever the reason, is as good as one that cannot be read. */
static bool is_lost_picture(const json_t *block, int code)
{
	return is(json_get_str(block, "type"), "image") && code != -ENOMEM && code != -ECANCELED;
}

static int read_result_content(struct reader *r, const json_t *content, struct anthropic_pieces *p)
{
	int code = 0;

	bool text_or_blocks = json_is_array(content) || (json_is_string(content) && !json_long_number(content));

	if (!text_or_blocks && content && !json_is_null(content)) {
		const char *text; /* a result that the client did not make a text of */
		code = gw_json_text(r->c, content, &text);
		return code < 0 ? code : anthropic_add_text(p, text);
	}
	if (!json_is_array(content))
		return anthropic_read_blocks(r->c, content, r->lenient, p);
	for (size_t i = 0; i < json_array_size(content) && code == 0; i++) {
		code = anthropic_read_block(r->c, json_array_get(content, i), r->lenient, p);
		if (code == E_MODEL_CANNOT || (code < 0 && is_lost_picture(json_array_get(content, i), code)))
			code = add_unreadable(r, json_array_get(content, i), p);
	}
	return code;
}

/* `said`: what the result says, when that is not its content as it stands. */
static int read_result(struct reader *r, const json_t *block, const char *said)
{
	CLEANUP(anthropic_pieces_done) struct anthropic_pieces p = {.separator = "\n"};
	const char *id = json_get_str(block, "tool_use_id"), *text = "";
	struct gen_message m = {.role = "tool", .tool_call_id = id};
	int code;

	if (!id || !*id)
		return err_set(&r->c->q->err, E_INVALID, "A tool_result has no \"tool_use_id\".");
	code = said ? anthropic_add_text(&p, said) : read_result_content(r, json_object_get(block, "content"), &p);
	if (code == 0)
		code = anthropic_pieces_text(r->c, &p, &text);
	if (code < 0)
		return code;
	m.content = text;
	m.images = p.images;
	m.n_images = p.n_images;
	m.tool_name = name_of_call(r, id);
	m.tool_failed = json_is_true(json_object_get(block, "is_error"));
	if (m.tool_failed && !r->lenient && m.n_images == 0) /* others have no member for it */
		m.content = *text ? arena_printf(&r->c->q->mem, "Error: %s", text) : "Error";
	if (!m.content)
		return request_no_memory(r->c->q);
	ASSERT(r->n < r->room); /* its block is counted */
	r->out[r->n++] = m;
	return 0;
}

static bool is_result(const json_t *block)
{
	return is(json_get_str(block, "type"), "tool_result");
}

/* Results first: that is where they must stand, right behind the calls. */
static int read_user(struct reader *r, const json_t *content)
{
	CLEANUP(anthropic_pieces_done) struct anthropic_pieces p = {.separator = "\n"};
	struct gen_message m = {.role = "user"};
	size_t n = json_is_array(content) ? json_array_size(content) : 0, n_results = 0;
	int code = 0;

	for (size_t i = 0; i < n && code == 0; i++) {
		if (!is_result(json_array_get(content, i)))
			continue;
		n_results++;
		code = read_result(r, json_array_get(content, i), NULL);
	}
	for (size_t i = 0; i < n && code == 0; i++) {
		if (!is_result(json_array_get(content, i)))
			code = anthropic_read_block(r->c, json_array_get(content, i), r->lenient, &p);
	}
	if (n == 0 && code == 0)
		code = anthropic_read_blocks(r->c, content, r->lenient, &p);
	if (code == 0)
		code = anthropic_pieces_text(r->c, &p, &m.content);
	if (code < 0 || (n_results > 0 && p.n_texts == 0 && p.n_images == 0))
		return code;
	m.images = p.images;
	m.n_images = p.n_images;
	return add_message(r, &m);
}

static int read_system_between(struct reader *r, const json_t *content)
{
	CLEANUP(anthropic_pieces_done) struct anthropic_pieces p = {.separator = "\n\n"};
	struct gen_message m = {.role = "user"};
	const char *text = "";
	int code = anthropic_read_blocks(r->c, content, r->lenient, &p);

	if (code == 0)
		code = anthropic_pieces_text(r->c, &p, &text);
	if (code < 0 || !*text)
		return code;
	if (r->n == 0 || is(r->out[r->n - 1].role, "system")) {
		m.role = "system";
		m.content = text;
	} else {
		m.content = arena_printf(&r->c->q->mem, "<system-reminder>\n%s\n</system-reminder>", text);
	}
	return m.content ? add_message(r, &m) : request_no_memory(r->c->q);
}

/* ---- assistant ---- */

static int read_call(struct reader *r, const json_t *block, struct gen_tool_call *ret)
{
	const json_t *input = json_object_get(block, "input");

	ret->id = json_get_str(block, "id");
	ret->name = json_get_str(block, "name");
	if (!ret->id || !*ret->id || !ret->name || !*ret->name)
		return err_set(&r->c->q->err, E_INVALID, "A tool_use has no \"id\" or no \"name\".");
	ret->arguments = "{}";
	int code = json_is_object(input) ? gw_json_text(r->c, input, &ret->arguments) : 0;
	return code < 0 ? code : gw_read_call_extras(r->c, block, ret);
}

struct said {
	const json_t *content; /* its blocks */
	struct anthropic_pieces text, thought;
	struct gen_tool_call *calls,
		*ran; /* for the client; of tools that ran at the service, without their results so far */
	size_t n_calls, n_ran;
	bool summed; /* the last text is a summary, which is told apart from what follows, and from what is before it */
};

static void said_done(struct said *s)
{
	anthropic_pieces_done(&s->text);
	anthropic_pieces_done(&s->thought);
}

/* One message of what was read since the last one. */
static int add_said(struct reader *r, struct said *s, struct gen_tool_call *calls, size_t n_calls)
{
	struct gen_message m = {
		.role = "assistant", .content = "", .calls = n_calls ? calls : NULL, .n_calls = n_calls};
	int code = anthropic_pieces_text(r->c, &s->text, &m.content);

	if (code == 0)
		code = anthropic_pieces_text(r->c, &s->thought, &m.reasoning);
	if (code < 0)
		return code;
	if (!*m.reasoning)
		m.reasoning = NULL;
	said_done(s);
	s->text = (struct anthropic_pieces){.separator = ""};
	s->thought = (struct anthropic_pieces){.separator = "\n\n"};
	return !*m.content && !m.reasoning && n_calls == 0 ? 0 : add_message(r, &m);
}

/* Whether one of the blocks from `i` to before `end` is the other half of a call that ran at the service. */
static bool has_half(const struct said *s, size_t i, size_t end, const char *type, const char *member, const char *id)
{
	for (; i < end && id; i++) {
		const json_t *block = json_array_get(s->content, i);

		if (gw_ends_with(json_get_str(block, "type"), type) && is(json_get_str(block, member), id))
			return true;
	}
	return false;
}

static void drop_sealed(json_t *of)
{
	static const char *const names[] = {"encrypted_content", "encrypted_index", "encrypted_stdout"};
	json_t *source = json_object_get(json_object_get(of, "content"), "source");

	for (size_t i = 0; i < N_ELEMENTS(names); i++)
		json_object_del(of, names[i]);
	if (is(json_get_str(source, "type"), "base64"))
		json_object_del(source, "data");
}

/* Behind a message with its call: results of servers of tools have content as any, others a form of their own. */
static int read_ran_result(struct reader *r, struct said *s, const json_t *block)
{
	CLEANUP(json_decrefp) json_t *copy = NULL;
	const char *text = NULL;
	int code = add_said(r, s, s->ran, s->n_ran);

	s->ran += s->n_ran;
	s->n_ran = 0;
	if (code < 0 || is(json_get_str(block, "type"), "mcp_tool_result"))
		return code < 0 ? code : read_result(r, block, NULL);
	copy = json_deep_copy(json_object_get(block, "content"));
	for (size_t i = 0; i < json_array_size(copy); i++)
		drop_sealed(json_array_get(copy, i));
	drop_sealed(copy);
	code = gw_json_text(r->c, copy, &text);
	return code < 0 ? code : read_result(r, block, text ? text : "");
}

/* What is encrypted for Anthropic, and half of a call there, means nothing to other models. */
static int pass_over(struct reader *r, const char *type)
{
	if (!type)
		return err_set(&r->c->q->err, E_INVALID, "A block of content has no \"type\".");
	if (!r->lenient)
		gw_ignore(r->c, arena_printf(&r->c->q->mem, "messages.%.50s", type));
	return 0;
}

static int read_said(struct reader *r, struct said *s, size_t i)
{
	const json_t *block = json_array_get(s->content, i);
	const char *type = json_get_str(block, "type"), *text;

	if (is(type, "text")) {
		const char *said = json_get_str(block, "text");
		s->text.separator = s->summed && said && *said ? "\n\n" : "";
		s->summed = s->summed && said && !*said;
		return anthropic_read_block(r->c, block, r->lenient, &s->text);
	}
	if (is(type, "compaction") && (text = json_get_str(block, "content")) != NULL) {
		s->summed = s->summed || *text;
		s->text.separator = "\n\n";
		return *text ? anthropic_add_text(&s->text, text) : 0;
	}
	if (is(type, "tool_use"))
		return read_call(r, block, &s->calls[s->n_calls++]);
	if (gw_ends_with(type, "_tool_use") && has_half(s, i + 1, json_array_size(s->content), "_tool_result",
						       "tool_use_id", json_get_str(block, "id")))
		return read_call(r, block, &s->ran[s->n_ran++]);
	if (gw_ends_with(type, "_tool_result") &&
		has_half(s, 0, i, "_tool_use", "id", json_get_str(block, "tool_use_id")))
		return read_ran_result(r, s, block);
	if (!is(type, "thinking"))
		return pass_over(r, type);
	text = json_get_str(block, "thinking");
	return text && *text ? anthropic_add_text(&s->thought, text) : 0;
}

/* The calls that the client has to run go last: their results come with the next message. */
static int read_assistant(struct reader *r, const json_t *content)
{
	CLEANUP(said_done) struct said s = {.content = content, .text.separator = "", .thought.separator = "\n\n"};
	size_t n = json_is_array(content) ? json_array_size(content) : 0;
	int code = 0;

	s.calls = ARENA_ARRAY(&r->c->q->mem, struct gen_tool_call, n + 1);
	s.ran = ARENA_ARRAY(&r->c->q->mem, struct gen_tool_call, n + 1);
	if (!s.calls || !s.ran)
		return request_no_memory(r->c->q);
	for (size_t i = 0; i < n && code == 0; i++)
		code = read_said(r, &s, i);
	if (n == 0)
		code = anthropic_read_blocks(r->c, content, r->lenient, &s.text);
	return code < 0 ? code : add_said(r, &s, s.calls, s.n_calls);
}

/* ---- all ---- */

static size_t count_messages(const json_t *messages)
{
	size_t n = 2;

	for (size_t i = 0; i < json_array_size(messages); i++) {
		const json_t *content = json_object_get(json_array_get(messages, i), "content");

		n += 1 + (json_is_array(content) ? json_array_size(content) : 0);
	}
	return n;
}

static int read_message(struct reader *r, const json_t *m)
{
	const char *role = json_get_str(m, "role");
	const json_t *content = json_object_get(m, "content");

	if (!json_is_string(content) && !json_is_array(content))
		return err_set(&r->c->q->err, E_INVALID,
			"The \"content\" of a message must be a string or an array of blocks.");
	if (is(role, "user"))
		return read_user(r, content);
	if (is(role, "assistant"))
		return read_assistant(r, content);
	if (is(role, "system"))
		return read_system_between(r, content);
	return err_set(&r->c->q->err, E_INVALID, "The \"role\" of a message must be user, assistant or system.");
}

int anthropic_read_messages(struct gw_call *c, bool lenient)
{
	const json_t *messages = json_object_get(c->body, "messages");
	struct reader r = {.c = c, .lenient = lenient};
	int code;

	if (!json_is_array(messages) || json_array_size(messages) == 0)
		return err_set(&c->q->err, E_INVALID, "\"messages\" must be an array with at least one message.");
	r.room = count_messages(messages);
	r.out = ARENA_ARRAY(&c->q->mem, struct gen_message, r.room);
	if (!r.out)
		return request_no_memory(c->q);
	code = read_system(&r);
	for (size_t i = 0; i < json_array_size(messages) && code == 0; i++)
		code = read_message(&r, json_array_get(messages, i));
	c->req.messages = r.out;
	c->req.n_messages = r.n;
	c->req.continues = r.n > 0 && is(r.out[r.n - 1].role, "assistant") && r.out[r.n - 1].n_calls == 0;
	return code;
}
