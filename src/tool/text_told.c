/*
 * text_told.c - what a model is told that cannot call tools: how to write a call, in the form that its family was trained with, which
 * tools there are, and the calls and results of the rounds before in that form. What it then writes is read in any of them (text_calls.c).
 */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "tool/text_calls.h"

#define BAR "\xef\xbd\x9c"
#define LOW "\xe2\x96\x81"

#define HERMES_RESULT "<tool_response>\n", "\n</tool_response>"
#define AS_JSON       NULL, NULL, NULL, NULL, NULL
#define AS_PYTHON     "", "=", "", ", ", "\""

/* A call as a family writes it: `open` NAME `middle` ARGUMENTS `close`, the arguments as a JSON object, or, with `key`, each of them
 * as `key` KEY `value` VALUE `end`, with `between` between two of them, and texts in `quote`; NULL: as they are. */
/* clang-format off */
static const struct family {
	const char *models[4]; /* words in the ids of its models */
	bool quotes; /* the name */
	const char *open, *middle, *close;
	const char *result, *result_end;
	const char *key, *value, *end, *between, *quote;
} families[] = {
	{{"qwen3-coder", "qwen3.5", "nemotron-3"}, false, "<tool_call>\n<function=", ">\n", "</function>\n</tool_call>",
		HERMES_RESULT, "<parameter=", ">\n", "\n</parameter>\n", "", NULL},
	{{"glm-4", "glm4"}, false, "<tool_call>", "\n", "</tool_call>",
		HERMES_RESULT, "<arg_key>", "</arg_key>\n<arg_value>", "</arg_value>\n", "", NULL},
	{{"llama3", "llama-3"}, true, "{\"name\":", ",\"parameters\":", "}", HERMES_RESULT, AS_JSON},
	{{"mistral", "mixtral"}, true, "[TOOL_CALLS][{\"name\":", ",\"arguments\":", "}]",
		"[TOOL_RESULTS]", "[/TOOL_RESULTS]", AS_JSON},
	{{"deepseek"}, false, "<" BAR "tool" LOW "calls" LOW "begin" BAR "><" BAR "tool" LOW "call" LOW "begin" BAR ">",
		"<" BAR "tool" LOW "sep" BAR ">",
		"<" BAR "tool" LOW "call" LOW "end" BAR "><" BAR "tool" LOW "calls" LOW "end" BAR ">", HERMES_RESULT, AS_JSON},
	{{"gemma4", "gemma-4"}, false, "<|tool_call>call:", "{", "}<tool_call|>",
		"<|tool_response>", "<tool_response|>", "", ":", "", ",", "<|\"|>"},
	{{"lfm2"}, false, "<|tool_call_start|>[", "(", ")]<|tool_call_end|>",
		"<|tool_response_start|>", "<|tool_response_end|>", AS_PYTHON},
	{{"olmo-3", "olmo3"}, false, "<function_calls>\n", "(", ")\n</function_calls>", HERMES_RESULT, AS_PYTHON},
	/* Without its tokens, which servers refuse in a text, or take for what they are. */
	{{"gpt-oss", "gptoss"}, false, "commentary to=functions.", " json", "", HERMES_RESULT, AS_JSON},
	/* Hermes and Qwen, and whoever was trained with none. */
	{{NULL}, true, "<tool_call>\n{\"name\":", ",\"arguments\":", "}\n</tool_call>", HERMES_RESULT, AS_JSON}};
/* clang-format on */

static const struct family *family_of(const char *model)
{
	const struct family *f = families;

	for (; f->models[0] && model; f++)
		for (size_t i = 0; i < N_ELEMENTS(f->models) && f->models[i]; i++)
			if (strcasestr(model, f->models[i]))
				return f;
	return &families[N_ELEMENTS(families) - 1];
}

static void add_value(const struct family *f, const json_t *v, struct buf *b)
{
	bool raw = json_is_string(v) && (!f->quote || *f->quote != '"');
	const char *quote = raw && f->quote ? f->quote : "";

	if (!raw) {
		json_add_value(b, v);
		return;
	}
	buf_add_str(b, quote);
	buf_add(b, json_string_value(v), json_string_length(v));
	buf_add_str(b, quote);
}

/* Arguments that are no object have no keys to be written by. */
static bool add_each(const struct family *f, const char *arguments, struct buf *b)
{
	CLEANUP(json_decrefp) json_t *o = NULL;
	struct err ignored = {0};
	const char *key, *between = "";
	json_t *v;

	if (json_parse(arguments, strlen(arguments), &o, &ignored) < 0 || !json_is_object(o))
		return false;
	json_object_foreach(o, key, v)
	{
		buf_printf(b, "%s%s%s%s", between, f->key, key, f->value);
		add_value(f, v, b);
		buf_add_str(b, f->end);
		between = f->between;
	}
	return true;
}

static void add_call(const struct family *f, const char *name, const char *arguments, struct buf *b)
{
	buf_add_str(b, f->open);
	if (f->quotes)
		json_add_cstr(b, name);
	else
		buf_add_str(b, name);
	buf_add_str(b, f->middle);
	if (!f->key || !add_each(f, arguments, b))
		buf_add_str(b, arguments);
	buf_add_str(b, f->close);
}

static void describe(const struct gen_request *in, const struct family *f, struct buf *b)
{
	buf_add_str(b, "You can call tools. To call one, write exactly this and nothing behind it:\n");
	add_call(f, "NAME", "{\"KEY\":\"VALUE\"}", b);
	buf_printf(b,
		"\nThen stop: its result comes in %.*s. Call one tool at a time, only when it is needed, and answer in "
		"words once you know enough. The tools, with the JSON Schema of their arguments:\n",
		(int)strcspn(f->result, "\n"), f->result);
	for (size_t i = 0; i < in->n_tools; i++)
		buf_printf(b, "- %s: %s %s\n", in->tools[i].name,
			in->tools[i].description ? in->tools[i].description : "",
			in->tools[i].parameters ? in->tools[i].parameters : "{}");
}

static const char *as_text(const struct gen_message *m, const struct family *f, struct arena *a)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT((size_t)64 << 20);
	const char *said = m->content ? m->content : "";

	if (strcmp(m->role, "tool") == 0)
		buf_printf(&b, "%s%s%s", f->result, said, f->result_end);
	else
		buf_add_str(&b, said);
	for (size_t i = 0; i < m->n_calls; i++) {
		if (b.n)
			buf_add_char(&b, '\n');
		add_call(f, m->calls[i].name, m->calls[i].arguments, &b);
	}
	return buf_status(&b) < 0 ? NULL : arena_strndup(a, b.p ? b.p : "", b.n);
}

int text_calls_request(const struct gen_request *in, struct arena *a, struct gen_request *ret, struct err *e)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT((size_t)16 << 20);
	struct gen_message *messages = ARENA_ARRAY(a, struct gen_message, in->n_messages + 1);
	bool system = in->n_tools && in->n_messages && strcmp(in->messages[0].role, "system") == 0;
	const struct family *f = family_of(in->model);
	size_t n = 0;

	if (!messages)
		return err_set(e, -ENOMEM, "There is no memory for a request.");
	if (system && in->messages[0].content)
		buf_printf(&b, "%s\n\n", in->messages[0].content);
	if (in->n_tools) {
		describe(in, f, &b);
		messages[n++] = (struct gen_message){
			.role = "system", .content = buf_status(&b) < 0 ? NULL : arena_strndup(a, b.p, b.n)};
	}
	for (size_t i = system; i < in->n_messages; i++) {
		struct gen_message *m = &messages[n++];
		*m = in->messages[i];
		if (strcmp(m->role, "tool") != 0 && m->n_calls == 0)
			continue;
		m->content = as_text(m, f, a);
		m->role = strcmp(m->role, "tool") == 0 ? "user" : m->role;
		m->calls = NULL;
		m->n_calls = 0;
		m->tool_call_id = m->tool_name = NULL;
		if (!m->content)
			return err_set(e, -ENOMEM, "There is no memory for a request.");
	}
	if (in->n_tools && !messages[0].content)
		return err_set(e, -ENOMEM, "There is no memory for a request.");
	*ret = *in;
	ret->messages = messages;
	ret->n_messages = n;
	ret->tools = NULL;
	ret->n_tools = 0;
	ret->tool_choice = TOOLS_AUTO;
	return 0;
}
