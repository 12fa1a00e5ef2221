/* ollama_tools.c - messages, images and tools of Ollama's requests. */
#include <strings.h>

#include "api/gateway/ollama.h"

static bool is(const char *s, const char *word)
{
	return s && strcmp(s, word) == 0;
}

/* ---- images: base64 without saying of what ---- */

/* One after the other stands where the text says [img], and what is left before the text: as Ollama has it. */
static int place_images(struct gw_call *c, struct gen_message *m)
{
	static const char mark[] = "[img]";
	const char *from = m->content ? m->content : "", *at;
	size_t marked = 0, n = 0, rest;

	for (at = from; (at = strstr(at, mark)) && marked < m->n_images; at += strlen(mark))
		marked++;
	if (marked == 0)
		return 0;
	struct gen_image *images = ARENA_ARRAY(&c->q->mem, struct gen_image, m->n_images);
	char *text = arena_alloc(&c->q->mem, strlen(from) + 1);
	if (!images || !text)
		return request_no_memory(c->q);
	rest = m->n_images - marked;
	memcpy(images, m->images + marked, rest * sizeof(*images));
	memcpy(images + rest, m->images, marked * sizeof(*images));
	for (size_t i = rest; i < m->n_images; i++, from = at + strlen(mark)) {
		at = strstr(from, mark);
		memcpy(text + n, from, (size_t)(at - from));
		n += (size_t)(at - from);
		images[i].at = n;
	}
	memcpy(text + n, from, strlen(from) + 1);
	m->content = text;
	m->images = images;
	return 0;
}

int ollama_read_images(struct gw_call *c, const json_t *list, struct gen_message *m)
{
	size_t n = json_array_size(list);
	struct gen_image *out;

	if (list && !json_is_null(list) && !json_is_array(list))
		return err_set(&c->q->err, E_INVALID, "\"images\" must be an array of base64 texts.");
	if (n == 0)
		return 0;
	out = ARENA_ARRAY(&c->q->mem, struct gen_image, n);
	if (!out)
		return request_no_memory(c->q);
	for (size_t i = 0; i < n; i++) {
		const char *data = json_string_value(json_array_get(list, i));
		int r = 0;

		if (data && strncasecmp(data, "data:", 5) == 0)
			r = gw_read_image(c, data, &out[i]);
		else
			out[i] = (struct gen_image){.media_type = data ? gw_type_of_base64(data) : NULL, .data = data};
		if (r < 0)
			return r;
		if (!out[i].media_type)
			return err_set(&c->q->err, E_INVALID,
				"Images must be base64 texts of PNG, JPEG, GIF or WEBP pictures.");
	}
	m->images = out;
	m->n_images = n;
	return place_images(c, m);
}

/* ---- tools ---- */

static int read_tool(struct gw_call *c, const json_t *tool, struct gen_tool *ret)
{
	const json_t *f = json_object_get(tool, "function"), *parameters = json_object_get(f, "parameters");

	ret->name = json_get_str(f, "name");
	ret->description = json_get_str(f, "description");
	static const char *const known[] = {"name", "description", "parameters", NULL}, *const beside[] = {"type",
												"function", NULL};
	int r = gw_read_extras(c, f, "tools.function", API_OLLAMA, known, &ret->extras);

	if (r < 0)
		return r;
	gw_ignore_extras(c, tool, "tools", beside);
	if (!ret->name || !*ret->name)
		return err_set(
			&c->q->err, E_INVALID, "A tool must be {\"type\":\"function\",\"function\":{\"name\":...}}.");
	if (!parameters || json_is_null(parameters))
		return 0;
	if (!json_is_object(parameters))
		return err_set(&c->q->err, E_INVALID, "The parameters of the tool %.64s must be an object.", ret->name);
	return gw_json_text(c, parameters, &ret->parameters);
}

int ollama_read_tools(struct gw_call *c, const json_t *tools)
{
	size_t n = json_array_size(tools);
	struct gen_tool *out;
	int r = 0;

	if (tools && !json_is_null(tools) && !json_is_array(tools))
		return err_set(&c->q->err, E_INVALID, "\"tools\" must be an array.");
	if (n == 0)
		return 0;
	out = ARENA_ARRAY(&c->q->mem, struct gen_tool, n);
	if (!out)
		return request_no_memory(c->q);
	for (size_t i = 0; i < n && r == 0; i++)
		r = read_tool(c, json_array_get(tools, i), &out[i]);
	c->req.tools = out;
	c->req.n_tools = n;
	return r;
}

/* ---- calls of tools, and their answers, which need not say which call they belong to ---- */

static bool is_object_text(const char *text)
{
	CLEANUP(json_decrefp) json_t *v = NULL;

	return json_read(text, strlen(text), JSON_MEMORY, JSON_READ_EXACT, &v, NULL) >= 0 && json_is_object(v);
}

static int read_call(struct gw_call *c, const json_t *call, size_t number, struct gen_tool_call *ret)
{
	const json_t *f = json_object_get(call, "function"), *arguments = json_object_get(f, "arguments");

	ret->id = json_get_str(call, "id");
	ret->name = json_get_str(f, "name");
	if (!ret->name || !*ret->name)
		return err_set(&c->q->err, E_INVALID, "A call in \"tool_calls\" has no function with a \"name\".");
	if (!ret->id || !*ret->id)
		ret->id = arena_printf(&c->q->mem, "call_%zu", number);
	if (!ret->id)
		return request_no_memory(c->q);
	int r = gw_read_call_extras(c, call, ret);
	ret->arguments = "{}";
	if (r < 0 || !arguments || json_is_null(arguments))
		return r;
	if (json_is_string(arguments) &&
		is_object_text(json_string_value(arguments))) { /* as OpenAI's clients keep them */
		ret->arguments = json_string_value(arguments);
		return 0;
	}
	if (!json_is_object(arguments))
		return err_set(&c->q->err, E_INVALID, "The arguments of a call of a tool must be an object.");
	return gw_json_text(c, arguments, &ret->arguments);
}

static int read_calls(struct gw_call *c, const json_t *list, size_t message, struct gen_message *m)
{
	size_t n = json_array_size(list);
	struct gen_tool_call *out;
	int r = 0;

	if (n == 0)
		return 0;
	out = ARENA_ARRAY(&c->q->mem, struct gen_tool_call, n);
	if (!out)
		return request_no_memory(c->q);
	for (size_t i = 0; i < n && r == 0; i++)
		r = read_call(c, json_array_get(list, i), message * 100 + i, &out[i]);
	m->calls = out;
	m->n_calls = n;
	return r;
}

static bool is_answered(const struct gen_message *from, const struct gen_message *to, const char *id)
{
	for (const struct gen_message *m = from; m < to; m++) {
		if (is(m->tool_call_id, id))
			return true;
	}
	return false;
}

/* The first call of the last message with calls that has this name (or any, without one) and no answer yet. */
static void find_call(const struct gen_message *all, struct gen_message *m)
{
	const struct gen_message *asks = m;

	while (asks > all && asks[-1].n_calls == 0)
		asks--;
	if (asks == all)
		return;
	for (size_t i = 0; i < asks[-1].n_calls; i++) {
		const struct gen_tool_call *call = &asks[-1].calls[i];

		if ((m->tool_name && strcmp(m->tool_name, call->name) != 0) || is_answered(asks, m, call->id))
			continue;
		m->tool_call_id = call->id;
		m->tool_name = call->name;
		return;
	}
}

/* ---- messages ---- */

static const char *const roles[] = {"system", "user", "assistant", "tool"};

static int read_role(struct gw_call *c, const json_t *message, struct gen_message *m)
{
	const char *role = json_get_str(message, "role");

	if (role && strcasecmp(role, "developer") == 0)
		role = "system";
	for (size_t i = 0; role && i < N_ELEMENTS(roles); i++) {
		if (strcasecmp(role, roles[i]) == 0)
			m->role = roles[i];
	}
	if (!m->role)
		return err_set(&c->q->err, E_INVALID, "The role of a message must be system, user, assistant or tool.");
	return 0;
}

static int read_message(struct gw_call *c, const json_t *message, size_t i, struct gen_message *all)
{
	const json_t *content = json_object_get(message, "content");
	struct gen_message *m = &all[i];
	int r = read_role(c, message, m);

	if (r < 0)
		return r;
	if (content && !json_is_null(content) && (!json_is_string(content) || json_long_number(content)))
		return err_set(&c->q->err, E_INVALID, "The content of a message must be a string.");
	static const char *const known[] = {
		"role", "content", "thinking", "tool_calls", "tool_call_id", "tool_name", "name", "images", NULL};

	gw_ignore_extras(c, message, "messages", known);
	m->content = json_is_string(content) ? json_string_value(content) : "";
	m->reasoning = json_get_str(message, "thinking");
	m->tool_call_id = json_get_str(message, "tool_call_id");
	m->tool_name = json_get_str(message, "tool_name");
	if (!m->tool_name)
		m->tool_name = json_get_str(message, "name");
	r = ollama_read_images(c, json_object_get(message, "images"), m);
	if (r == 0 && is(m->role, "assistant"))
		r = read_calls(c, json_object_get(message, "tool_calls"), i, m);
	if (r == 0 && is(m->role, "tool") && (!m->tool_call_id || !*m->tool_call_id))
		find_call(all, m);
	return r;
}

int ollama_read_messages(struct gw_call *c, const json_t *messages)
{
	size_t n = json_array_size(messages);
	struct gen_message *out;
	int r = 0;

	if (messages && !json_is_null(messages) && !json_is_array(messages))
		return err_set(&c->q->err, E_INVALID, "\"messages\" must be an array.");
	out = ARENA_ARRAY(&c->q->mem, struct gen_message, n + 1);
	if (!out)
		return request_no_memory(c->q);
	for (size_t i = 0; i < n && r == 0; i++)
		r = read_message(c, json_array_get(messages, i), i, out);
	c->req.messages = out;
	c->req.n_messages = n;
	c->req.continues = n > 0 && is(out[n - 1].role, "assistant") && out[n - 1].n_calls == 0;
	return r;
}
