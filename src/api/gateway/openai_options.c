/* openai_options.c - what stands beside the messages of a request in OpenAI's shape. */
#include "api/gateway/openai.h"
#include "api/gateway/responses.h"

#define CHOICES_MOST 16   /* each is a call of the model */
#define TOKENS_MOST  1e12 /* what is more limits nothing */

static bool is_absent(const json_t *v)
{
	return !v || json_is_null(v);
}

int openai_read_count(struct gw_call *c, const char *name, int64_t *ret)
{
	const json_t *v = json_object_get(c->body, name);
	double d;

	if (is_absent(v))
		return 0;
	if (!json_get_number(v, &d) || !(d >= 1 || d == -1))
		return err_set(
			&c->q->err, E_INVALID, "\"%s\" must be a whole number from 1, or -1 for no limit.", name);
	if (d >= 1)
		*ret = (int64_t)MIN(d, TOKENS_MOST);
	return 0;
}

int openai_only_one(struct gw_call *c, const char *name)
{
	const json_t *v = json_object_get(c->body, name);
	double d;

	if (json_get_number(v, &d) && d > 1)
		return err_set(
			&c->q->err, E_INVALID, "\"%s\" above 1 is not offered here: ask once for each answer.", name);
	return 0;
}

int openai_read_choices(struct gw_call *c)
{
	const json_t *v = json_object_get(c->body, "n");
	double d = 1;

	if (is_absent(v))
		return 0;
	if (!json_get_number(v, &d) || !(d >= 1 && d <= CHOICES_MOST) || d != (double)(int64_t)d)
		return err_set(&c->q->err, E_INVALID, "\"n\" must be a whole number from 1 to %d.", CHOICES_MOST);
	c->n_choices = (int64_t)d;
	return 0;
}

bool openai_wants_usage(const struct gw_call *c)
{
	return json_is_true(json_object_get(json_object_get(c->body, "stream_options"), "include_usage"));
}

/* Many clients always send an effort, also to models that cannot think: those are left to do what they can. */
int openai_read_effort(struct gw_call *c, const json_t *effort)
{
	static const struct {
		const char *word;
		enum gen_thinking thinking;
	} words[] = {{"none", THINKING_OFF}, {"minimal", THINKING_LOW}, {"low", THINKING_LOW},
		{"medium", THINKING_MEDIUM}, {"high", THINKING_HIGH}, {"xhigh", THINKING_HIGH}, {"max", THINKING_HIGH}};
	const char *word = json_string_value(effort);

	if (is_absent(effort))
		return 0;
	for (size_t i = 0; word && i < N_ELEMENTS(words); i++) {
		if (strcmp(word, words[i].word) != 0)
			continue;
		if (gw_target_thinks(c) || gw_target_can(c, API_OPENAI)) {
			c->req.thinking = words[i].thinking;
			c->req.effort = words[i].word;
			gw_change_effort(c, word, words[i].thinking, API_OPENAI);
		} else if (words[i].thinking != THINKING_OFF) {
			gw_ignore(c, c->effort_name ? c->effort_name : "reasoning_effort");
		}
		return 0;
	}
	return err_set(
		&c->q->err, E_INVALID, "The reasoning effort must be none, minimal, low, medium, high, xhigh or max.");
}

int openai_read_function(struct gw_call *c, const json_t *fn, struct gen_tool *ret)
{
	const json_t *parameters = json_object_get(fn, "parameters");

	*ret = (struct gen_tool){.name = json_get_str(fn, "name"),
		.description = json_get_str(fn, "description"),
		.strict = json_is_true(json_object_get(fn, "strict"))};
	if (!ret->name || !*ret->name)
		return err_set(&c->q->err, E_INVALID, "A tool has no name.");
	if (ret->strict && !gw_target_can(c, API_OPENAI | API_ANTHROPIC))
		gw_ignore(c, "tools.strict");
	if (is_absent(parameters))
		return 0;
	if (!json_is_object(parameters))
		return err_set(
			&c->q->err, E_INVALID, "The parameters of the tool %.64s must be a JSON Schema.", ret->name);
	return gw_json_text(c, parameters, &ret->parameters);
}

/* {"type": "function", "name": ".."}, or with the name within "function" */
static bool is_named(struct gw_call *c, const json_t *list, const char *tool)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *one = json_array_get(list, i);
		const char *type = json_get_str(one, "type"), *name = json_get_str(one, "name");

		if (!name && type)
			name = json_get_str(json_object_get(one, type), "name");
		if (name && json_get_str(one, "namespace"))
			name = responses_flat_name(c, json_get_str(one, "namespace"), name);
		if (name && strcmp(name, tool) == 0)
			return true;
	}
	return false;
}

/* The model is told of the allowed ones alone: few servers know a choice among them. */
static int choose_allowed(struct gw_call *c, const json_t *choice)
{
	const json_t *allowed = json_object_get(choice, "allowed_tools"), *of = allowed ? allowed : choice;
	const json_t *list = json_object_get(of, "tools");
	const char *mode = json_get_str(of, "mode");
	struct gen_tool *kept = ARENA_ARRAY(&c->q->mem, struct gen_tool, c->req.n_tools + 1);
	size_t n = 0;

	c->req.tool_choice = mode && strcmp(mode, "required") == 0 ? TOOLS_REQUIRED : TOOLS_AUTO;
	if (!json_is_array(list))
		return 0; /* without a list all are */
	if (!kept)
		return request_no_memory(c->q);
	for (size_t i = 0; i < c->req.n_tools; i++) {
		if (is_named(c, list, c->req.tools[i].name))
			kept[n++] = c->req.tools[i];
	}
	if (n == 0) {
		c->req.tool_choice = TOOLS_AUTO;
		gw_ignore(c, "tool_choice"); /* it names none of the tools that a model here is told of */
		return 0;
	}
	c->req.tools = kept;
	c->req.n_tools = n;
	return 0;
}

int openai_read_tool_choice(struct gw_call *c, const json_t *choice, bool nested)
{
	const char *word = json_string_value(choice), *type = json_get_str(choice, "type");

	if (is_absent(choice) || (word && strcmp(word, "auto") == 0))
		return 0;
	if (word && strcmp(word, "none") == 0)
		c->req.tool_choice = TOOLS_NONE;
	else if (word && (strcmp(word, "required") == 0 || strcmp(word, "any") == 0))
		c->req.tool_choice = TOOLS_REQUIRED;
	else if (type && strcmp(type, "allowed_tools") == 0)
		return choose_allowed(c, choice);
	else if (type && strcmp(type, "function") != 0 && strcmp(type, "custom") != 0) {
		gw_ignore(c, "tool_choice"); /* of a tool that the provider runs itself */
		return 0;
	} else if (type) {
		c->req.tool_choice = TOOLS_NAMED;
		c->req.tool_name = json_get_str(nested ? json_object_get(choice, type) : choice, "name");
	}
	if (c->req.tool_choice == TOOLS_AUTO || (c->req.tool_choice == TOOLS_NAMED && !c->req.tool_name))
		return err_set(&c->q->err, E_INVALID, "\"tool_choice\" must be none, auto, required or name a tool.");
	return 0;
}

bool openai_is_known_format(const json_t *format)
{
	static const char *const types[] = {"text", "json_object", "json_schema", NULL};
	const char *type = json_get_str(format, "type");

	return !type || gw_word_in(types, type);
}

void openai_read_user(struct gw_call *c)
{
	const char *user = json_get_str(c->body, "safety_identifier");

	gw_read_user(c, user ? user : json_get_str(c->body, "user"), API_OPENAI);
}

void openai_read_parallel(struct gw_call *c)
{
	if (!json_is_false(json_object_get(c->body, "parallel_tool_calls")))
		return;
	c->req.one_tool_at_a_time = true;
	if (c->req.n_tools > 0 && !gw_target_can(c, API_ONE_TOOL))
		gw_ignore(c, "parallel_tool_calls");
}

int openai_read_format(struct gw_call *c, const json_t *format, const char *inner)
{
	const char *type = json_get_str(format, "type");
	const json_t *of = inner ? json_object_get(format, inner) : format;

	if (is_absent(format) || (type && strcmp(type, "text") == 0))
		return 0;
	if (type && strcmp(type, "json_object") == 0 && json_object_size(json_object_get(format, "schema")) > 0) {
		c->req.format = FORMAT_SCHEMA; /* as llama.cpp and others have it */
		c->req.schema_name = "answer";
		return gw_json_text(c, json_object_get(format, "schema"), &c->req.schema);
	}
	if (type && strcmp(type, "json_object") == 0) {
		c->req.format = FORMAT_JSON;
		return 0;
	}
	if (!openai_is_known_format(format)) /* goes on as it stands, or is told as ignored */
		return 0;
	if (!type)
		return err_set(&c->q->err, E_INVALID, "The format must be text, json_object or json_schema.");
	const json_t *schema = json_object_get(of, "schema");
	if (!json_is_object(schema))
		schema = json_object_get(format, "schema");
	if (!json_is_object(schema)) /* without one it is plain JSON */
		c->req.format = FORMAT_JSON;
	else
		c->req.format = FORMAT_SCHEMA;
	c->req.schema_name = json_get_str(of, "name");
	c->req.schema_description = json_get_str(of, "description");
	if (c->req.schema_description && !gw_target_can(c, API_OPENAI))
		gw_ignore(c, "response_format.description");
	if (json_is_boolean(json_object_get(of, "strict")))
		c->req.schema_strict = json_is_true(json_object_get(of, "strict")) ? 1 : -1;
	return gw_json_text(c, c->req.format == FORMAT_SCHEMA ? schema : NULL, &c->req.schema);
}
