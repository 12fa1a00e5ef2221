/*
 * written_call.c - small models often write the call of a tool into their text, in the form that they were trained with,
 * and no server makes a call of it. Here such text is recognised, so that it can be told; it stays text.
 */
#include <ctype.h>
#include <strings.h>

#include "provider/provider_priv.h"

#define SCAN_BYTES  65536 /* a call stands at the front, or behind a few sentences */
#define OBJECTS_MAX 64    /* braces that are tried: text of braces alone costs no more */
#define NESTING_MAX 4

static const struct gen_tool *find_tool(const struct gen_request *q, const char *name, size_t n)
{
	for (size_t i = 0; i < q->n_tools; i++) {
		if (strlen(q->tools[i].name) == n && memcmp(q->tools[i].name, name, n) == 0)
			return &q->tools[i];
	}
	return NULL;
}

/* ---- objects: {"name":..,"arguments":{..}} under the names that models use ---- */

static const json_t *first_of(const json_t *obj, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const json_t *v = json_object_get(obj, names[i]);
		if (v)
			return v;
	}
	return NULL;
}

/* {"get_weather":{..}}: the name is the key. */
static const struct gen_tool *tool_as_key(const struct gen_request *q, const json_t *obj)
{
	void *only = json_object_size(obj) == 1 ? json_object_iter((json_t *)obj) : NULL;
	const char *key = only ? json_object_iter_key(only) : NULL;

	return key && json_is_object(json_object_iter_value(only)) ? find_tool(q, key, strlen(key)) : NULL;
}

/* The name of a tool as models write it, perhaps within a namespace: functions.NAME, default_api.NAME; or NAME.call. */
static const struct gen_tool *find_named(const struct gen_request *q, const char *p, size_t n)
{
	const struct gen_tool *found = find_tool(q, p, n);
	const char *dot = memrchr(p, '.', n);

	if (!found && dot)
		found = find_tool(q, dot + 1, n - (size_t)(dot - p) - 1);
	return !found && dot ? find_tool(q, p, (size_t)(dot - p)) : found;
}

static const struct gen_tool *tool_of_object(const struct gen_request *q, const json_t *obj)
{
	static const char *const says_tool[] = {"tool", "tool_name", "function", "function_name"};
	static const char *const names[] = {
		"name", "tool", "tool_name", "function", "function_name", "recipient_name", "action"};
	static const char *const arguments[] = {
		"arguments", "parameters", "args", "params", "input", "tool_input", "action_input", "kwargs"};
	const json_t *name = first_of(obj, names, N_ELEMENTS(names));

	/* The arguments may stand beside the name, where that says what it is the name of. */
	if (!first_of(obj, arguments, N_ELEMENTS(arguments)))
		name = first_of(obj, says_tool, N_ELEMENTS(says_tool));
	if (!json_is_string(name))
		return tool_as_key(q, obj);
	return find_named(q, json_string_value(name), json_string_length(name));
}

/* Also within "tool_calls", "function" and the like. */
static const struct gen_tool *tool_of_value(const struct gen_request *q, const json_t *v, int depth)
{
	const struct gen_tool *found = json_is_object(v) ? tool_of_object(q, v) : NULL;
	const char *key;
	json_t *child;
	size_t i;

	if (found || depth == 0)
		return found;
	json_object_foreach((json_t *)v, key, child)
	{
		if ((found = tool_of_value(q, child, depth - 1)))
			return found;
	}
	json_array_foreach(v, i, child)
	{
		if ((found = tool_of_value(q, child, depth - 1)))
			return found;
	}
	return NULL;
}

/* The length of the object that begins at p; 0: it does not end. */
static size_t object_length(const char *p, size_t n)
{
	bool in_string = false;
	size_t depth = 0;

	for (size_t i = 0; i < n; i++) {
		if (in_string && p[i] == '\\')
			i++;
		else if (p[i] == '"')
			in_string = !in_string;
		else if (!in_string && p[i] == '{')
			depth++;
		else if (!in_string && p[i] == '}' && --depth == 0)
			return i + 1;
	}
	return 0;
}

static const struct gen_tool *tool_in_objects(const struct gen_request *q, struct str text)
{
	const char *p = text.p, *end = text.p + text.n;

	for (int tries = 0; tries < OBJECTS_MAX && (p = memchr(p, '{', (size_t)(end - p))); tries++) {
		CLEANUP(json_decrefp) json_t *v = NULL;
		size_t n = object_length(p, (size_t)(end - p));
		if (n == 0 || wire_parse(p, n, &v) < 0) {
			p++;
			continue;
		}
		const struct gen_tool *found = tool_of_value(q, v, NESTING_MAX);
		if (found)
			return found;
		p += n;
	}
	return NULL;
}

/* ---- the name behind a mark that only calls have ---- */

static const struct gen_tool *tool_at(const struct gen_request *q, const char *p, const char *end)
{
	size_t n = 0;

	while (p < end && (isspace((unsigned char)*p) || *p == '"' || *p == '\'' || *p == '=' || *p == '['))
		p++;
	while (p + n < end && (isalnum((unsigned char)p[n]) || p[n] == '_' || p[n] == '-' || p[n] == '.'))
		n++;
	return n > 0 ? find_named(q, p, n) : NULL;
}

/* <NAME><city>..</city></NAME>, on a line of its own. */
static const struct gen_tool *tool_as_element(const struct gen_request *q, struct str text)
{
	const char *p = text.p, *end = text.p + text.n;

	while (p < end && (p = memchr(p, '<', (size_t)(end - p)))) {
		const char *name = ++p, *close;
		while (p < end && (isalnum((unsigned char)*p) || *p == '_' || *p == '-'))
			p++;
		if (p == end || *p != '>' || (name - 1 > text.p && name[-2] != '\n'))
			continue;
		size_t n = (size_t)(p - name);
		const struct gen_tool *found = find_tool(q, name, n);
		for (close = p; found && (close = memmem(close, (size_t)(end - close), "</", 2)); close += 2)
			if ((size_t)(end - close) >= n + 3 && memcmp(close + 2, name, n) == 0 && close[n + 2] == '>')
				return found;
	}
	return NULL;
}

static const struct gen_tool *tool_behind_mark(const struct gen_request *q, struct str text)
{
	static const char *const marks[] = {"<tool_call>", "<function=", "<function_call>",
		"<function name=", "<invoke name=", "<tool name=", "[TOOL_CALLS]", "<|python_tag|>", "<|tool_call|>",
		"<|tool_call_start|>", "<|tool_call>call:", "<start_function_call>call:", "\n>>>", "to=functions.",
		"functions.", "<\xef\xbd\x9ctool\xe2\x96\x81sep\xef\xbd\x9c>",
		"<\357\275\234tool\342\226\201call\342\226\201begin\357\275\234>"};
	const char *end = text.p + text.n;

	for (size_t i = 0; i < N_ELEMENTS(marks); i++) {
		size_t n = strlen(marks[i]);
		for (const char *p = text.p; (p = memmem(p, (size_t)(end - p), marks[i], n));) {
			p += n;
			const struct gen_tool *found = tool_at(q, p, end);
			if (found)
				return found;
		}
	}
	return NULL;
}

/* ---- lines as agents were once prompted to write them: Action: NAME, then Action Input: {..}; or Action: NAME[..] ---- */

static struct str skip_marks(struct str s, const char *marks)
{
	while (s.n > 0 && strchr(marks, *s.p))
		s = (struct str){s.p + 1, s.n - 1};
	return s;
}

/* Whether the line begins with this word, in any case and behind marks of Markdown; *ret is what stands behind its colon. */
static bool has_label(struct str line, const char *word, struct str *ret)
{
	struct str s = skip_marks(line, " \t*_#>-`");
	size_t n = strlen(word);

	if (s.n <= n || strncasecmp(s.p, word, n) != 0)
		return false;
	s = skip_marks((struct str){s.p + n, s.n - n}, " 0123456789*_`"); /* also "Action 2:" */
	if (s.n == 0 || *s.p != ':')
		return false;
	*ret = skip_marks((struct str){s.p + 1, s.n - 1}, " \t*_`\"'");
	return true;
}

static struct str next_line(struct str *text)
{
	const char *end = memchr(text->p, '\n', text->n);
	struct str line = {text->p, end ? (size_t)(end - text->p) : text->n};
	size_t skip = line.n + (end ? 1 : 0);

	*text = (struct str){text->p + skip, text->n - skip};
	return line;
}

static bool input_follows(struct str text)
{
	static const char *const words[] = {
		"Action Input", "Action_Input", "ActionInput", "Tool Input", "Input", "Arguments", "Parameters"};
	struct str line = {text.p, 0}, input;

	while (text.n > 0 && str_trim(line).n == 0)
		line = next_line(&text);
	for (size_t i = 0; i < N_ELEMENTS(words); i++) {
		if (has_label(line, words[i], &input))
			return true;
	}
	return false;
}

static const struct gen_tool *tool_in_lines(const struct gen_request *q, struct str text)
{
	struct str name;

	while (text.n > 0) {
		struct str line = next_line(&text);
		if (!has_label(line, "Action", &name) && !has_label(line, "Tool", &name) &&
			!has_label(line, "Tool name", &name) && !has_label(line, "Function", &name) &&
			!has_label(line, "Function name", &name) && !has_label(line, "Function call", &name))
			continue;
		const struct gen_tool *found = tool_at(q, name.p, name.p + name.n);
		if (found) {
			size_t n = strlen(found->name);
			char behind = n < name.n ? name.p[n] : '\0';
			if (behind == '[' || behind == '(' || input_follows(text))
				return found;
		}
	}
	return NULL;
}

/* ---- a text that is one call and nothing else: name(city="Berlin"), [name()], print(name()) ---- */

static struct str without_fence(struct str s)
{
	const char *line = str_starts(s, STR("```")) ? memchr(s.p, '\n', s.n) : NULL;

	if (!line || s.n < 6 || memcmp(s.p + s.n - 3, "```", 3) != 0)
		return s;
	return str_trim((struct str){line, (size_t)(s.p + s.n - 3 - line)});
}

static const struct gen_tool *tool_as_code(const struct gen_request *q, struct str text)
{
	struct str s = without_fence(str_trim(text));

	if (str_starts(s, STR("print(")))
		s = (struct str){s.p + 6, s.n - 6};
	if (s.n > 0 && *s.p == '[')
		s = (struct str){s.p + 1, s.n - 1};
	if (s.n > 0 && s.p[s.n - 1] == ']')
		s.n--;
	const char *open = s.n > 0 && s.p[s.n - 1] == ')' ? memchr(s.p, '(', s.n) : NULL;
	return open ? find_named(q, s.p, (size_t)(open - s.p)) : NULL;
}

const char *provider_written_call(const struct gen_request *q, struct str text)
{
	const struct gen_tool *found;

	if (q->n_tools == 0 || text.n == 0)
		return NULL;
	text.n = MIN(text.n, (size_t)SCAN_BYTES);
	found = tool_in_objects(q, text);
	if (!found)
		found = tool_behind_mark(q, text);
	if (!found)
		found = tool_as_element(q, text);
	if (!found)
		found = tool_in_lines(q, text);
	if (!found)
		found = tool_as_code(q, text);
	return found ? found->name : NULL;
}
