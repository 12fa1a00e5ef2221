/* anthropic_request.c - a request of /v1/messages: what is asked besides the messages, and the request as it came. */
#include <ctype.h>
#include <strings.h>

#include "api/gateway/anthropic.h"
#include "base/utf8.h"

static bool is(const char *s, const char *word)
{
	return s && strcmp(s, word) == 0;
}

/* ---- tools ---- */

/* Tools that run at the client, whose schemas Anthropic's models know by heart: other models are told them. */
static bool read_client_tool(const char *type, struct gen_tool *ret)
{
	static const struct {
		const char *type, *name, *description, *parameters;
	} tools[] = {
		{"bash_", "bash", "Run a command in a shell that stays open between calls.",
			"{\"type\":\"object\",\"properties\":{\"command\":{\"type\":\"string\"},\"restart\":{\"type\":"
			"\"boolean\"}}}"},
		{"text_editor_", "str_replace_based_edit_tool",
			"View, create and edit text files. str_replace needs old_str to occur exactly once.",
			"{\"type\":\"object\",\"properties\":{\"command\":{\"type\":\"string\",\"enum\":[\"view\","
			"\"create\","
			"\"str_replace\",\"insert\"]},\"path\":{\"type\":\"string\"},\"file_text\":{\"type\":"
			"\"string\"},"
			"\"old_str\":{\"type\":\"string\"},\"new_str\":{\"type\":\"string\"},\"insert_line\":{\"type\":"
			"\"integer\"},"
			"\"insert_text\":{\"type\":\"string\"},\"view_range\":{\"type\":\"array\",\"items\":{\"type\":"
			"\"integer\"}}},"
			"\"required\":[\"command\",\"path\"]}"},
		{"memory_", "memory",
			"Read and write notes below /memories, which last from one conversation to the next.",
			"{\"type\":\"object\",\"properties\":{\"command\":{\"type\":\"string\",\"enum\":[\"view\","
			"\"create\","
			"\"str_replace\",\"insert\",\"delete\",\"rename\"]},\"path\":{\"type\":\"string\"},\"file_"
			"text\":{\"type\":"
			"\"string\"},\"old_str\":{\"type\":\"string\"},\"new_str\":{\"type\":\"string\"},\"insert_"
			"line\":{\"type\":"
			"\"integer\"},\"insert_text\":{\"type\":\"string\"},\"old_path\":{\"type\":\"string\"},\"new_"
			"path\":{\"type\":"
			"\"string\"},\"view_range\":{\"type\":\"array\",\"items\":{\"type\":\"integer\"}}},"
			"\"required\":[\"command\"]}"},
		{"computer_", "computer",
			"Use a computer: look at its screen, move and click the mouse, press keys, type.",
			"{\"type\":\"object\",\"properties\":{\"action\":{\"type\":\"string\",\"enum\":[\"screenshot\","
			"\"left_click\",\"right_click\",\"middle_click\",\"double_click\",\"triple_click\",\"mouse_"
			"move\","
			"\"left_click_drag\",\"left_mouse_down\",\"left_mouse_up\",\"cursor_position\",\"scroll\","
			"\"type\","
			"\"key\",\"hold_key\",\"wait\",\"zoom\"]},\"coordinate\":{\"type\":\"array\",\"items\":{"
			"\"type\":"
			"\"integer\"}},\"start_coordinate\":{\"type\":\"array\",\"items\":{\"type\":\"integer\"}},"
			"\"region\":{\"type\":\"array\",\"items\":{\"type\":\"integer\"}},\"text\":{\"type\":"
			"\"string\"},"
			"\"duration\":{\"type\":\"number\"},\"scroll_direction\":{\"type\":\"string\",\"enum\":[\"up\","
			"\"down\",\"left\",\"right\"]},\"scroll_amount\":{\"type\":\"integer\"}},\"required\":["
			"\"action\"]}"},
	};

	for (size_t i = 0; i < N_ELEMENTS(tools); i++) {
		size_t n = strlen(tools[i].type);

		if (strncmp(type, tools[i].type, n) != 0 || !isdigit((unsigned char)type[n]))
			continue;
		ret->name = ret->name && *ret->name ? ret->name : tools[i].name;
		ret->description = ret->description ? ret->description : tools[i].description;
		ret->parameters = tools[i].parameters;
		return true;
	}
	return false;
}

static int read_tool(struct gw_call *c, const json_t *tool, struct gen_tool *ret)
{
	const char *type = json_get_str(tool, "type");
	const json_t *schema = json_object_get(tool, "input_schema");

	static const char *const known[] = {
		"type", "name", "description", "input_schema", "strict", "cache_control", NULL};

	*ret = (struct gen_tool){.name = json_get_str(tool, "name"),
		.description = json_get_str(tool, "description"),
		.strict = json_is_true(json_object_get(tool, "strict"))};
	if (!gw_target_can(c, API_ANTHROPIC))
		gw_ignore_extras(c, tool, "tools", known);
	if (type && read_client_tool(type, ret))
		return 0;
	if (type && !is(type, "custom"))
		return err_set(&c->q->err, E_MODEL_CANNOT,
			"Tools of type \"%.60s\" run at Anthropic; the model %.120s takes only custom tools.", type,
			c->model);
	if (!ret->name || !*ret->name)
		return err_set(&c->q->err, E_INVALID, "A tool has no \"name\".");
	if (schema && !json_is_object(schema))
		return err_set(
			&c->q->err, E_INVALID, "The input_schema of the tool %.64s must be an object.", ret->name);
	return gw_json_text(c, schema, &ret->parameters);
}

static int read_tools(struct gw_call *c, bool lenient)
{
	const json_t *tools = json_object_get(c->body, "tools");
	size_t n = json_array_size(tools);
	struct gen_tool *out;

	if (n == 0)
		return 0;
	out = ARENA_ARRAY(&c->q->mem, struct gen_tool, n);
	if (!out)
		return request_no_memory(c->q);
	c->req.tools = out;
	for (size_t i = 0; i < n; i++) {
		int r = read_tool(c, json_array_get(tools, i), &out[c->req.n_tools]);

		if (r == E_MODEL_CANNOT && lenient) {
			err_clear(&c->q->err);
			continue;
		}
		if (r < 0)
			return r;
		c->req.n_tools++;
	}
	return 0;
}

static int read_tool_choice(struct gw_call *c)
{
	const json_t *choice = json_object_get(c->body, "tool_choice");
	const char *type = json_get_str(choice, "type");

	if (!choice || json_is_null(choice))
		return 0;
	c->req.one_tool_at_a_time = json_is_true(json_object_get(choice, "disable_parallel_tool_use"));
	if (c->req.one_tool_at_a_time && !gw_target_can(c, API_ONE_TOOL))
		gw_ignore(c, "tool_choice.disable_parallel_tool_use");
	if (is(type, "auto"))
		c->req.tool_choice = TOOLS_AUTO;
	else if (is(type, "any"))
		c->req.tool_choice = TOOLS_REQUIRED;
	else if (is(type, "none"))
		c->req.tool_choice = TOOLS_NONE;
	else if (is(type, "tool") && json_get_str(choice, "name"))
		c->req.tool_choice = TOOLS_NAMED;
	else
		return err_set(&c->q->err, E_INVALID,
			"The type of tool_choice must be auto, any, none, or tool with a \"name\".");
	c->req.tool_name = c->req.tool_choice == TOOLS_NAMED ? json_get_str(choice, "name") : NULL;
	return 0;
}

/* ---- thinking and the shape of the answer ---- */

static bool thinks(struct gw_call *c)
{
	struct err ignored = {0};
	struct model m;

	return c->q->api && providers_model(c->q->api->c.providers, c->req.model, &c->q->mem, &m, &ignored) == 0 &&
	       model_can(&m, "thinking");
}

static enum gen_thinking thinking_of_effort(const char *effort)
{
	if (is(effort, "low"))
		return THINKING_LOW;
	if (is(effort, "medium"))
		return THINKING_MEDIUM;
	return effort ? THINKING_HIGH : THINKING_DEFAULT; /* high, xhigh, max */
}

/* What of it counts as something else at a target of another shape, which has no budgets. */
static void tell_thinking(struct gw_call *c, const json_t *thinking, const char *effort)
{
	bool on = c->req.thinking >= THINKING_ON;

	if (on && effort)
		gw_change_effort(c, effort, c->req.thinking, API_ANTHROPIC);
	else if (on && json_is_number(json_object_get(thinking, "budget_tokens")) && !gw_target_can(c, API_ANTHROPIC))
		gw_change(c, "thinking.budget_tokens", gw_target_can(c, API_OPENAI) ? "medium" : "on");
	else if (effort && c->req.thinking == THINKING_DEFAULT)
		gw_ignore(c, c->effort_name);
}

/* "enabled" insists; "adaptive" and an effort leave it to the model, so that one that cannot think just answers. */
static int read_thinking(struct gw_call *c)
{
	struct anthropic_call *a = c->shape;
	const json_t *thinking = json_object_get(c->body, "thinking");
	const char *type = json_get_str(thinking, "type");
	const char *effort = json_get_str(json_object_get(c->body, "output_config"), "effort");

	c->effort_name = effort ? "output_config.effort" : "thinking";
	a->hide_thinking = is(json_get_str(thinking, "display"), "omitted");
	if (is(type, "disabled") || is(type, "between_tools")) {
		c->req.thinking = THINKING_OFF;
		a->hide_thinking = true;
	} else if (is(type, "enabled")) {
		c->req.thinking = effort ? thinking_of_effort(effort) : THINKING_ON;
	} else if (is(type, "adaptive") || (!thinking || json_is_null(thinking))) {
		if (effort && thinks(c))
			c->req.thinking = thinking_of_effort(effort);
		else if (type && thinks(c))
			c->req.thinking = THINKING_ON;
	} else {
		return err_set(&c->q->err, E_INVALID,
			"The type of thinking must be enabled, adaptive, disabled or between_tools.");
	}
	tell_thinking(c, thinking, effort);
	return 0;
}

static int read_format(struct gw_call *c)
{
	const json_t *format = json_object_get(json_object_get(c->body, "output_config"), "format");
	const json_t *schema;

	if (!format || json_is_null(format))
		format = json_object_get(c->body, "output_format"); /* its name in the beta */
	if (!format || json_is_null(format))
		return 0;
	schema = json_object_get(format, "schema");
	if (!is(json_get_str(format, "type"), "json_schema") || !json_is_object(schema))
		return err_set(&c->q->err, E_INVALID,
			"The format of output_config must be of type json_schema with a \"schema\".");
	c->req.format = FORMAT_SCHEMA;
	c->req.schema_name = "answer";
	return gw_json_text(c, schema, &c->req.schema);
}

/* ---- the rest ---- */

static int read_max_tokens(struct gw_call *c, bool counting)
{
	const json_t *max = json_object_get(c->body, "max_tokens");
	double d;

	if (counting && (!max || json_is_null(max)))
		return 0;
	if (!json_get_number(max, &d) || (d < 0 && d != -1))
		return err_set(&c->q->err, E_INVALID, "\"max_tokens\" is required and must be a whole number.");
	if (d == -1) /* as in the other shapes: as much as the model writes */
		return 0;
	/* 0 only warms a cache, which others have no switch for: the least there is. */
	c->req.max_tokens = (int64_t)MAX(1, MIN(d, 1e12));
	return 0;
}

/* What other models have no like of. */
static int tell_rest(struct gw_call *c)
{
	static const char *const known[] = {"model", "messages", "system", "max_tokens", "stream", "tools",
		"tool_choice", "thinking", "output_config", "output_format", "stop_sequences", "temperature", "top_p",
		"top_k", "min_p", "presence_penalty", "frequency_penalty", "repeat_penalty", "seed", "metadata",
		"service_tier", "cache_control", "diagnostics", NULL};
	static const char *const of_output[] = {"effort", "format", NULL};
	const char *none;

	if (!gw_target_can(c, API_ANTHROPIC))
		gw_tell_tier(c);
	gw_read_user(c, json_get_str(json_object_get(c->body, "metadata"), "user_id"), API_ANTHROPIC);
	gw_ignore_extras(c, json_object_get(c->body, "output_config"), "output_config", of_output);
	return gw_read_extras(c, c->body, NULL, API_ANTHROPIC, known, &none);
}

int anthropic_read(struct gw_call *c, bool counting, bool lenient)
{
	int r = read_tools(c, lenient);

	if (r == 0)
		r = read_tool_choice(c);
	if (r == 0)
		r = read_thinking(c);
	if (r == 0)
		r = read_format(c);
	if (r == 0)
		r = read_max_tokens(c, counting);
	if (r == 0)
		r = gw_read_sampling(c, c->body, &c->req.sampling);
	if (r == 0)
		r = gw_read_stop(c, json_object_get(c->body, "stop_sequences"), &c->req.stop);
	if (r == 0)
		r = anthropic_read_messages(c, lenient);
	if (r == 0 && !lenient)
		r = tell_rest(c);
	if ((r == E_INVALID || r == E_MODEL_CANNOT) && lenient) {
		err_clear(&c->q->err);
		r = 0;
	}
	return r;
}

/* ---- the request as it came ---- */

static bool is_made_up(const json_t *block)
{
	const char *signature = json_get_str(block, "signature");

	return is(json_get_str(block, "type"), "thinking") && (!signature || !*signature);
}

static bool is_our_citation(const json_t *citation)
{
	const char *index = json_get_str(citation, "encrypted_index");

	return index && !*index;
}

/* Programs put them beside calls and pictures, and what has one is refused for good. */
static bool is_empty_text(const json_t *block)
{
	const char *text = json_get_str(block, "text");

	return is(json_get_str(block, "type"), "text") && text && strspn(text, " \t\r\n") == strlen(text);
}

/* A page that another model cited (anthropic_answer.c), whose mark would be refused. */
static bool cites_ours(const json_t *block)
{
	const json_t *list = json_object_get(block, "citations");

	for (size_t i = 0; i < json_array_size(list); i++) {
		if (is_our_citation(json_array_get(list, i)))
			return true;
	}
	return false;
}

/* The text block without them; its others stay. */
static json_t *without_our_citations(json_t *block)
{
	const json_t *list = json_object_get(block, "citations");
	json_t *copy = json_copy(block), *kept = json_array();

	for (size_t i = 0; i < json_array_size(list); i++) {
		if (!is_our_citation(json_array_get(list, i)))
			json_array_append(kept, json_array_get(list, i));
	}
	if (json_array_size(kept) > 0)
		json_object_set(copy, "citations", kept);
	else
		json_object_del(copy, "citations");
	json_decref(kept);
	return copy;
}

static bool is_our_call(const json_t *block)
{
	return is(json_get_str(block, "type"), "mcp_tool_use") && is(json_get_str(block, "server_name"), "atelier");
}

/* The call of a tool that ran here (activity.c), which `block` is or is the result of; NULL: it is neither. */
static const json_t *ran_here(const json_t *message, const json_t *block)
{
	const json_t *content = json_object_get(message, "content");
	const char *id = json_get_str(block, "tool_use_id");

	if (!id || !is(json_get_str(block, "type"), "mcp_tool_result"))
		return is_our_call(block) ? block : NULL;
	for (size_t i = 0; i < json_array_size(content); i++) {
		const json_t *of = json_array_get(content, i);

		if (is_our_call(of) && is(json_get_str(of, "id"), id))
			return of;
	}
	return NULL;
}

/* A call of another model's with what its provider said of it. */
static bool has_extras(const json_t *block)
{
	return is(json_get_str(block, "type"), "tool_use") && json_object_get(block, "atelier");
}

static json_t *without_extras(json_t *block)
{
	json_t *copy = json_copy(block);

	json_object_del(copy, "atelier");
	return copy;
}

static bool has_ours(const json_t *message)
{
	const json_t *content = json_object_get(message, "content");

	for (size_t i = 0; i < json_array_size(content); i++) {
		const json_t *block = json_array_get(content, i);

		if (is_made_up(block) || is_empty_text(block) || cites_ours(block) || ran_here(message, block) ||
			has_extras(block))
			return true;
	}
	return false;
}

/* Of a call that ran here, or its result: the server of tools that it names is none of the request's. */
static json_t *as_text(const json_t *call, const json_t *block)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(REQUEST_MEMORY);
	const char *name = json_get_str(call, "name");
	const json_t *content = json_object_get(block, "content");

	if (call == block) {
		buf_printf(&b, "(Call of the tool %s with the arguments: ", name ? name : "");
		json_add_value(&b, json_object_get(block, "input"));
	} else {
		buf_printf(&b,
			"(%s of the tool %s: ", json_is_true(json_object_get(block, "is_error")) ? "Failure" : "Result",
			name ? name : "");
		if (json_is_string(content))
			buf_add_str(&b, json_string_value(content));
		for (size_t i = 0; i < json_array_size(content); i++) {
			const char *text = json_get_str(json_array_get(content, i), "text");
			buf_add_str(&b, text ? text : "");
		}
	}
	buf_add_char(&b, ')');
	return buf_status(&b) == 0 ? json_pack("{s:s,s:s%}", "type", "text", "text", b.p, b.n) : NULL;
}

/* A question of blanks alone is refused in words that say so: without it the answer before would be gone on with. */
static bool is_blank_question(const json_t *message)
{
	const json_t *content = json_object_get(message, "content");
	size_t n = 0;

	while (is_empty_text(json_array_get(content, n)))
		n++;
	return is(json_get_str(message, "role"), "user") && n > 0 && n == json_array_size(content);
}

/* The message without empty texts and without thinking of other models, whose signature would be refused, and with what ran
 * here as texts; NULL when nothing is left of it. */
static json_t *without_ours(json_t *message)
{
	const json_t *content = json_object_get(message, "content");
	json_t *kept = json_array(), *copy = json_copy(message);

	for (size_t i = 0; i < json_array_size(content); i++) {
		json_t *block = json_array_get(content, i);
		const json_t *call = ran_here(message, block);

		if (call)
			json_array_append_new(kept, as_text(call, block));
		else if (cites_ours(block))
			json_array_append_new(kept, without_our_citations(block));
		else if (has_extras(block))
			json_array_append_new(kept, without_extras(block));
		else if (!is_made_up(block) && !is_empty_text(block))
			json_array_append(kept, block);
	}
	if (json_array_size(kept) == 0) {
		json_decref(kept);
		json_decref(copy);
		return NULL;
	}
	json_object_set_new(copy, "content", kept);
	return copy;
}

/* Whether the text can go on byte by byte: what was read mildly (a NUL, half a character, bytes that are no text) would be
 * refused there. Escapes of whole characters beyond the first plane are written anew with them. */
static bool is_plain(struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c < 0x20 && c != '\n' && c != '\r' && c != '\t')
			return false;
		if (c == '\\' && i + 5 < text.n && text.p[i + 1] == 'u' &&
			(strncasecmp(text.p + i + 2, "0000", 4) == 0 ||
				((text.p[i + 2] | 0x20) == 'd' && strchr("89abAB", text.p[i + 3])) ||
				((text.p[i + 2] | 0x20) == 'd' && strchr("cdefCDEF", text.p[i + 3]))))
			return false;
		i += c == '\\';
	}
	return !str_starts(text, STR("\xef\xbb\xbf")) && utf8_valid(text.p, text.n);
}

int anthropic_raw_body(struct gw_call *c, struct str text, const char **ret)
{
	const json_t *messages = json_object_get(c->body, "messages");
	bool any = !is_plain(text);

	for (size_t i = 0; i < json_array_size(messages); i++)
		any = any || has_ours(json_array_get(messages, i));
	if (!any) {
		*ret = arena_strndup(&c->q->mem, text.p, text.n);
		return *ret ? 0 : request_no_memory(c->q);
	}
	CLEANUP(json_decrefp) json_t *copy = json_copy(c->body);
	json_t *kept = json_array();
	for (size_t i = 0; i < json_array_size(messages); i++) {
		json_t *message = json_array_get(messages, i);
		bool stays = i + 1 == json_array_size(messages) && is_blank_question(message);
		json_t *less = has_ours(message) && !stays ? without_ours(message) : json_incref(message);

		if (less)
			json_array_append_new(kept, less);
	}
	json_object_set_new(copy, "messages", kept);
	return gw_json_text(c, copy, ret);
}
