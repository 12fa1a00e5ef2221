/* openai_content.c - the messages of a request in OpenAI's shape. */
#include <errno.h>

#include "api/gateway/openai.h"

#define PARTS_MAX  4096               /* of one message */
#define PART_BYTES ((size_t)16 << 10) /* of one whose type is a tool's own */

const char *openai_role(const char *role)
{
	static const char *const roles[][2] = {{"user", "user"}, {"assistant", "assistant"}, {"system", "system"},
		{"developer", "system"}, {"tool", "tool"}, {"function", "tool"}};

	for (size_t i = 0; role && i < N_ELEMENTS(roles); i++) {
		if (strcmp(role, roles[i][0]) == 0)
			return roles[i][1];
	}
	return NULL;
}

const char *openai_called_name(const struct gen_message *all, size_t n, const char *id)
{
	for (size_t i = n; id && i-- > 0;) {
		for (size_t k = 0; k < all[i].n_calls; k++) {
			if (strcmp(all[i].calls[k].id, id) == 0)
				return all[i].calls[k].name;
		}
	}
	return NULL;
}

/* ---- content ---- */

static const char *part_type(const json_t *part)
{
	const char *type = json_get_str(part, "type");

	return type ? type : json_get_str(part, "text") ? "text" : "";
}

/* The text of a part; NULL: it is no text. */
static const char *part_text(const json_t *part)
{
	const char *type = part_type(part), *text;

	if (json_is_string(part))
		return json_string_value(part);
	if (strcmp(type, "refusal") == 0)
		text = json_get_str(part, "refusal");
	else if (strcmp(type, "text") == 0 || strcmp(type, "input_text") == 0 || strcmp(type, "output_text") == 0)
		text = json_get_str(part, "text");
	else
		return NULL;
	if (!text) /* {"value": "..", "annotations": []}, as the messages of assistants have it */
		text = json_get_str(json_object_get(part, "text"), "value");
	return text ? text : "";
}

/* {"image_url": {"url": ".."}} or {"image_url": ".."} */
static const char *part_image(const json_t *part)
{
	const char *type = part_type(part);
	const json_t *at = json_object_get(part, "image_url");

	if (strcmp(type, "image_url") != 0 && strcmp(type, "input_image") != 0)
		return NULL;
	return json_is_string(at) ? json_string_value(at) : json_get_str(at, "url");
}

static int refuse_part(struct gw_call *c, const json_t *part)
{
	return err_set(&c->q->err, E_INVALID,
		"A part of a message has the type \"%.60s\"; text, pictures and files (texts and PDF, sent along) are "
		"understood here.",
		part_type(part));
}

struct parts {
	struct gen_image *images;
	size_t n_images;
	struct buf text, thought;
	bool result;    /* of a tool: what cannot be read becomes a text that says so, and the conversation goes on */
	bool assistant; /* what it thought is among its parts, from some services */
};

/* A line end between texts; where pictures stand there, it is their gap. */
static int add_text(struct parts *p, const char *text)
{
	struct gen_image *last = p->n_images > 0 ? &p->images[p->n_images - 1] : NULL;

	if (p->text.n && *text) {
		if (last && last->at == p->text.n)
			last->gap = 1;
		buf_add_char(&p->text, '\n');
	}
	buf_add_str(&p->text, text);
	return 0;
}

/* The one that was read last stands behind what there is of the text. */
static void add_image(struct parts *p)
{
	p->images[p->n_images++].at = p->text.n;
}

static int add_unreadable(struct gw_call *c, struct parts *p, const json_t *part)
{
	const json_t *file = json_object_get(part, "file");
	const char *name = json_get_str(file ? file : part, "filename"), *text;

	err_clear(&c->q->err);
	text = arena_printf(&c->q->mem, "(Here is a part of type %.60s%s%.200s, which this model cannot read.)",
		*part_type(part) ? part_type(part) : "unknown", name ? ": " : "", name ? name : "");
	return text ? add_text(p, text) : request_no_memory(c->q);
}

/* {"type": "file", "file": {"file_data": "data:..", "filename": ".."}} or {"type": "input_file", "file_data": ..} */
static int read_file(struct gw_call *c, const json_t *part, struct parts *p)
{
	const json_t *file = json_object_get(part, "file");
	const char *data = json_get_str(file ? file : part, "file_data");
	const char *name = json_get_str(file ? file : part, "filename"), *text = NULL;
	int r = data ? gw_read_file(c, data, name, &p->images[p->n_images], &text) : E_INVALID;

	if (r == 0 && !text && p->result && !gw_target_can(c, API_RESULT_FILES))
		r = E_INVALID; /* few servers take files, and none from tools */
	if (r < 0)
		return r == E_INVALID ? refuse_part(c, part) : r;
	if (text)
		return add_text(p, text);
	add_image(p);
	return 0;
}

/* A tool's own kind of part, which has no bytes of a file in it, is told as it stands. */
static int add_as_json(struct gw_call *c, struct parts *p, const json_t *part)
{
	const char *text;
	int r = gw_json_text(c, part, &text);

	if (r == 0 && strlen(text) > PART_BYTES)
		return add_unreadable(c, p, part);
	return r < 0 ? r : add_text(p, text);
}

/* {"image_url": {"url": "..", "detail": "low"}}, or `detail` beside the address */
static int read_image(struct gw_call *c, const json_t *part, const char *url, struct gen_image *ret)
{
	static const char *const known[] = {"url", NULL};
	const json_t *at = json_object_get(part, "image_url");
	const char *detail = json_get_str(json_is_object(at) ? at : part, "detail");
	CLEANUP(json_decrefp) json_t *more = json_is_object(at) ? json_copy((json_t *)at) : json_object();
	int r = gw_read_image(c, url, ret);

	if (detail && strcmp(detail, "auto") != 0)
		json_object_set_new(more, "detail", json_string(detail));
	else
		json_object_del(more, "detail");
	return r < 0 ? r : gw_read_extras(c, more, "messages.content", API_OPENAI, known, &ret->extras);
}

/* Sound, film, files by their id: a provider of this shape may know them. */
static int read_other_part(struct gw_call *c, const json_t *part, struct parts *p)
{
	const char *type = part_type(part);
	bool ours = !*type || (strncmp(type, "input_", 6) == 0 && strcmp(type, "input_audio") != 0) ||
		    strcmp(type, "image_url") == 0;

	if (p->result || ours || !gw_target_can(c, API_OPENAI))
		return refuse_part(c, part);
	err_clear(&c->q->err);
	add_image(p);
	return gw_json_text(c, part, &p->images[p->n_images - 1].part);
}

/* {"type": "thinking", "thinking": "..", or a list of texts} */
static bool read_thought(const json_t *part, struct parts *p)
{
	const char *type = part_type(part);
	const json_t *v = json_object_get(part, "thinking");

	if (!p->assistant || (strcmp(type, "thinking") != 0 && strcmp(type, "reasoning") != 0))
		return false;
	if (json_is_string(v) || (v = json_object_get(part, type)) || (v = json_object_get(part, "text")))
		buf_add_str(&p->thought, json_is_string(v) ? json_string_value(v) : "");
	for (size_t i = 0; i < json_array_size(v); i++)
		buf_add_str(&p->thought, part_text(json_array_get(v, i)) ? part_text(json_array_get(v, i)) : "");
	return true;
}

/* Texts and pictures are put together anew, without what else stands beside them. */
static void ignore_members(struct gw_call *c, const json_t *part)
{
	static const char *const known[] = {
		"type", "text", "refusal", "image_url", "detail", "cache_control", "annotations", "logprobs", NULL};

	gw_ignore_extras(c, part, "messages.content", known);
}

static int read_part(struct gw_call *c, const json_t *part, struct parts *p)
{
	const char *s = part_text(part), *url = s ? NULL : part_image(part);
	static const char *const files[] = {"file", "input_file", "image_url", "input_image", "image", "input_audio",
		"audio", "video_url", "video", "document", NULL};
	int r = E_INVALID;

	if (s || url)
		ignore_members(c, part);
	if (s)
		return add_text(p, s);
	if (read_thought(part, p))
		return 0;
	if (url && (r = read_image(c, part, url, &p->images[p->n_images])) == 0)
		add_image(p);
	else if (!url && (strcmp(part_type(part), "file") == 0 || strcmp(part_type(part), "input_file") == 0))
		r = read_file(c, part, p);
	if (!url && r == E_INVALID)
		r = read_other_part(c, part, p);
	if (r >= 0 || r == -ENOMEM || r == -ECANCELED || !p->result)
		return r;
	err_clear(&c->q->err);
	return gw_word_in(files, part_type(part)) ? add_unreadable(c, p, part) : add_as_json(c, p, part);
}

static int read_parts(struct gw_call *c, const json_t *parts, struct gen_message *m)
{
	struct parts p = {.text = BUF_INIT(REQUEST_MEMORY),
		.thought = BUF_INIT(REQUEST_MEMORY),
		.result = strcmp(m->role, "tool") == 0,
		.assistant = strcmp(m->role, "assistant") == 0};
	size_t n = json_array_size(parts);
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		if (json_is_object(json_object_get(json_array_get(parts, i), "cache_control")))
			r = gw_json_text(c, json_object_get(json_array_get(parts, i), "cache_control"), &m->cache);
	}
	if (r < 0)
		return r;
	if (n == 1 && part_text(json_array_get(parts, 0))) {
		m->content = part_text(json_array_get(parts, 0));
		ignore_members(c, json_array_get(parts, 0));
		return 0;
	}
	if (n > PARTS_MAX)
		return err_set(&c->q->err, E_INVALID, "A message has more than %d parts.", PARTS_MAX);
	p.images = ARENA_ARRAY(&c->q->mem, struct gen_image, n + 1);
	if (!p.images)
		return request_no_memory(c->q);
	for (size_t i = 0; i < n && r == 0; i++)
		r = read_part(c, json_array_get(parts, i), &p);
	m->images = p.images;
	m->n_images = p.n_images;
	if (r == 0) {
		m->content = arena_strndup(&c->q->mem, buf_str(&p.text).p, p.text.n);
		r = buf_status(&p.text) == 0 && m->content ? 0 : request_no_memory(c->q);
	}
	if (r == 0 && p.thought.n > 0 && !m->reasoning)
		m->reasoning = arena_strndup(&c->q->mem, p.thought.p, p.thought.n);
	buf_done(&p.text);
	buf_done(&p.thought);
	return r;
}

int openai_read_content(struct gw_call *c, const json_t *content, struct gen_message *m)
{
	m->content = "";
	if (!content || json_is_null(content))
		return 0;
	if (json_is_array(content))
		return read_parts(c, content, m);
	const char *text = json_long_number(content) ? NULL : json_string_value(content);
	if (text) {
		m->content = text;
		return 0;
	}
	if (strcmp(m->role, "tool") == 0) /* a result that the client did not make a text of */
		return gw_json_text(c, content, &m->content);
	return err_set(&c->q->err, E_INVALID, "The content of a message must be a text, a list of parts, or null.");
}

/* ---- messages ---- */

/* Of a custom tool. */
static int read_custom_call(struct gw_call *c, const json_t *from, struct gen_tool_call *ret)
{
	const json_t *of = json_object_get(from, "custom");

	*ret = (struct gen_tool_call){.id = json_get_str(from, "id"), .name = json_get_str(of, "name")};
	if (!ret->name || !*ret->name)
		return err_set(&c->q->err, E_INVALID, "A tool call in the messages has no custom.name.");
	if (!ret->id)
		ret->id = "";
	return custom_tool_arguments(c, json_object_get(of, "input"), &ret->arguments);
}

static int read_call(struct gw_call *c, const json_t *from, struct gen_tool_call *ret)
{
	static const char *const known[] = {"id", "type", "index", "function", "atelier", NULL};

	if (json_is_object(json_object_get(from, "custom")))
		return read_custom_call(c, from, ret);

	const json_t *fn = json_object_get(from, "function"), *arguments = json_object_get(fn, "arguments");

	*ret = (struct gen_tool_call){.id = json_get_str(from, "id"),
		.name = json_get_str(fn, "name"),
		.arguments = json_string_value(arguments),
		.extras_of = json_get_str(json_object_get(from, "atelier"), "provider")};
	if (!ret->name || !*ret->name)
		return err_set(&c->q->err, E_INVALID, "A tool call in the messages has no function.name.");
	if (!ret->id)
		ret->id = "";
	if (!ret->arguments || !*ret->arguments)
		ret->arguments = "{}";
	int r = json_is_object(arguments) ? gw_json_text(c, arguments, &ret->arguments) : 0;
	return r < 0 ? r : gw_read_extras(c, from, "messages.tool_calls", API_OPENAI, known, &ret->extras);
}

static int read_calls(struct gw_call *c, const json_t *list, struct gen_message *m)
{
	size_t n = json_array_size(list);
	int r = 0;

	if (n == 0)
		return 0;
	struct gen_tool_call *calls = ARENA_ARRAY(&c->q->mem, struct gen_tool_call, n);
	if (!calls)
		return request_no_memory(c->q);
	for (size_t i = 0; i < n && r == 0; i++)
		r = read_call(c, json_array_get(list, i), &calls[i]);
	m->calls = calls;
	m->n_calls = n;
	return r;
}

/* The older `function_call` has no id: its name is one, as the result's message has it. */
static int read_old_call(struct gw_call *c, const json_t *from, struct gen_message *m)
{
	struct gen_tool_call *call = ARENA_NEW(&c->q->mem, struct gen_tool_call);

	if (!json_is_object(from))
		return 0;
	if (!call)
		return request_no_memory(c->q);
	*call = (struct gen_tool_call){.id = json_get_str(from, "name"),
		.name = json_get_str(from, "name"),
		.arguments = json_get_str(from, "arguments")};
	if (!call->name || !*call->name)
		return err_set(&c->q->err, E_INVALID, "A function_call in the messages has no name.");
	if (!call->arguments || !*call->arguments)
		call->arguments = "{}";
	m->calls = call;
	m->n_calls = 1;
	return 0;
}

/* The texts of OpenRouter's `reasoning_details`. */
static int read_details(struct gw_call *c, const json_t *list, struct gen_message *m)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(REQUEST_MEMORY);

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *text = json_get_str(json_array_get(list, i), "text");

		buf_add_str(&b, text ? text : "");
	}
	if (b.n > 0)
		m->reasoning = arena_strndup(&c->q->mem, b.p, b.n);
	return buf_status(&b) == 0 && (m->reasoning || b.n == 0) ? 0 : request_no_memory(c->q);
}

static int read_assistant(struct gw_call *c, const json_t *from, struct gen_message *m)
{
	const json_t *details = json_object_get(from, "reasoning_details");
	int r = read_calls(c, json_object_get(from, "tool_calls"), m);

	if (r == 0 && m->n_calls == 0)
		r = read_old_call(c, json_object_get(from, "function_call"), m);
	m->reasoning = json_get_str(from, "reasoning_content");
	if (!m->reasoning)
		m->reasoning = json_get_str(from, "reasoning");
	if (r < 0 || json_array_size(details) == 0)
		return r;
	if (!m->reasoning) /* for who takes no such list */
		r = read_details(c, details, m);
	m->thoughts_of = json_get_str(json_object_get(from, "atelier"), "provider");
	return r < 0 ? r : gw_json_text(c, details, &m->thoughts);
}

/* What only a provider of this shape may know, such as `prefix`. */
static int read_message_extras(struct gw_call *c, const json_t *from, struct gen_message *m)
{
	static const char *const known[] = {"role", "content", "name", "tool_calls", "tool_call_id", "function_call",
		"reasoning_content", "reasoning", "reasoning_details", "refusal", "annotations", "cache_control",
		"atelier", NULL};

	return gw_read_extras(c, from, "messages", API_OPENAI, known, &m->extras);
}

static int read_message(struct gw_call *c, const json_t *from, struct gen_message *all, size_t at)
{
	struct gen_message *m = &all[at];
	const char *refusal = json_get_str(from, "refusal");
	int r = 0;

	m->role = openai_role(json_get_str(from, "role"));
	if (!m->role)
		return err_set(&c->q->err, E_INVALID,
			"messages[%zu].role must be system, developer, user, assistant or tool.", at);
	if (strcmp(m->role, "tool") == 0) {
		m->tool_call_id = json_get_str(from, "tool_call_id");
		if (!m->tool_call_id) /* of a function, the older way */
			m->tool_call_id = json_get_str(from, "name");
		m->tool_name = openai_called_name(all, at, m->tool_call_id);
		if (!m->tool_name)
			m->tool_name = json_get_str(from, "name");
	}
	if (strcmp(m->role, "assistant") == 0)
		r = read_assistant(c, from, m);
	if (strcmp(m->role, "tool") != 0)
		m->name = json_get_str(from, "name");
	if (m->name && !gw_target_can(c, API_NAMES))
		gw_ignore(c, "name");
	if (r == 0)
		r = read_message_extras(c, from, m);
	if (r == 0)
		r = openai_read_content(c, json_object_get(from, "content"), m);
	if (r == 0 && refusal && !*m->content)
		m->content = refusal;
	return r;
}

int openai_read_messages(struct gw_call *c, const json_t *list)
{
	size_t n = json_array_size(list);
	int r = 0;

	if (n == 0)
		return err_set(&c->q->err, E_INVALID, "\"messages\" must be a list with at least one message.");
	struct gen_message *all = ARENA_ARRAY(&c->q->mem, struct gen_message, n);
	if (!all)
		return request_no_memory(c->q);
	for (size_t i = 0; i < n && r == 0; i++)
		r = read_message(c, json_array_get(list, i), all, i);
	c->req.messages = all;
	c->req.n_messages = n;
	return r;
}
