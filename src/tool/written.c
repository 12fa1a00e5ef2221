/*
 * written.c - each form is tried on what stands between the marks; it tells itself which one it is. What is there is read as far as
 * it goes and nothing is guessed: a call that was cut off keeps its name and its arguments as far as they came, and arguments.c
 * judges those, so that the model is told and nothing is run that it did not write whole.
 */
#include "tool/written.h"

#include <ctype.h>

#include "base/json.h"

#define ARGUMENTS_MAX ((size_t)1 << 20)
#define SEP           "<\xef\xbd\x9ctool\xe2\x96\x81sep\xef\xbd\x9c>"
#define BEGIN                                                                                                          \
	"<\xef\xbd\x9ctool\xe2\x96\x81"                                                                                \
	"call\xe2\x96\x81"                                                                                             \
	"begin\xef\xbd\x9c>"
#define QUOTE "<|\"|>"
#define TO    "to=functions."

static const char *find(struct str s, const char *what)
{
	return s.n ? memmem(s.p, s.n, what, strlen(what)) : NULL;
}

static struct str from(struct str s, const char *p)
{
	ASSERT(p >= s.p && p <= s.p + s.n); /* within what was found */
	return (struct str){p, (size_t)(s.p + s.n - p)};
}

static void add(struct written_calls *ret, struct str name, struct str arguments)
{
	name = str_trim(name);
	if (str_starts(name, STR("functions.")))
		name = from(name, name.p + 10);
	if (ret->n < WRITTEN_MAX && name.n)
		ret->items[ret->n++] = (struct written_call){name, str_trim(arguments)};
}

static struct str keep(struct buf *b, struct arena *a)
{
	char *p = buf_status(b) < 0 ? NULL : arena_strndup(a, b->p ? b->p : "", b->n);

	return (struct str){p ? p : "", p ? b->n : 0};
}

/* ---- {"name": .., "arguments": {..}}, one or a list ---- */

static const char *text_of(const json_t *v, const char *const *keys, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (json_get_str(v, keys[i]))
			return json_get_str(v, keys[i]);
	return NULL;
}

static void add_object(const json_t *v, struct arena *a, struct written_calls *ret)
{
	static const char *const names[] = {"name", "tool", "tool_name", "function"};
	static const char *const arguments[] = {"arguments", "parameters", "args", "input"};
	CLEANUP(buf_done) struct buf b = BUF_INIT(ARGUMENTS_MAX);
	const char *name = text_of(v, names, N_ELEMENTS(names));

	if (json_is_object(json_object_get(v, "function"))) {
		add_object(json_object_get(v, "function"), a, ret);
		return;
	}
	for (size_t i = 0; name && i < N_ELEMENTS(arguments) && b.n == 0; i++) {
		const json_t *args = json_object_get(v, arguments[i]);
		if (json_is_string(args))
			buf_add_str(&b, json_string_value(args));
		else if (args)
			json_add_value(&b, args);
	}
	name = name ? arena_strdup(a, name) : NULL;
	if (name)
		add(ret, str_from(name), keep(&b, a));
}

/* Of an object that was cut off: its name, and its arguments as far as they came. */
static void add_cut(struct str s, struct written_calls *ret)
{
	const char *key = find(s, "\"name\""), *p = key ? key + 6 : NULL, *end = s.p + s.n, *quote;

	while (p && p < end && (isspace((unsigned char)*p) || *p == ':'))
		p++;
	if (!p || p >= end || *p != '"' || !(quote = memchr(p + 1, '"', (size_t)(end - p - 1))))
		return;
	const char *args = find(from(s, quote), "\"arguments\"");
	size_t skip = 11;
	if (!args && (args = find(from(s, quote), "\"parameters\"")))
		skip = 12;
	const char *open = args ? memchr(args + skip, '{', (size_t)(end - args) - skip) : NULL;
	add(ret, (struct str){p + 1, (size_t)(quote - p - 1)}, open ? from(s, open) : STR("{"));
}

static void read_json(struct str s, struct arena *a, struct written_calls *ret)
{
	const char *p = s.p, *end = s.p + s.n;

	while (p && p < end) {
		CLEANUP(buf_done) struct buf b = BUF_INIT(ARGUMENTS_MAX * 2);
		CLEANUP(json_decrefp) json_t *v = NULL;
		struct err quiet = {0};
		json_t *item;
		size_t i;
		const char *next = arguments_mend(p, end, &b);
		if (!next || buf_status(&b) < 0 || json_read(b.p, b.n, JSON_MEMORY, JSON_READ_LOOSE, &v, &quiet) < 0) {
			add_cut((struct str){p, (size_t)(end - p)}, ret);
			return;
		}
		if (json_is_object(v))
			add_object(v, a, ret);
		json_array_foreach(v, i, item)
		{
			add_object(item, a, ret);
		}
		for (p = next; p < end && (isspace((unsigned char)*p) || strchr(",;]}", *p)); p++)
			;
		if (p < end && *p != '{' && *p != '[')
			return;
	}
}

/* ---- pairs of tags: values without types, which the schema makes what they are ---- */

static struct str without_lines(struct str s)
{
	if (s.n && *s.p == '\n')
		s = from(s, s.p + 1);
	if (s.n && s.p[s.n - 1] == '\n')
		s.n--;
	return s;
}

static void add_pair(struct buf *b, struct str key, struct str value)
{
	buf_add_char(b, b->n > 1 ? ',' : ' ');
	json_add_string(b, key.p, key.n);
	buf_add_char(b, ':');
	json_add_string(b, value.p, value.n);
}

/* <function=NAME><parameter=K>V</parameter></function>, or JSON in place of the parameters. */
static void read_function(struct str s, struct arena *a, struct written_calls *ret)
{
	for (const char *p = find(s, "<function="); p; p = find(s, "<function=")) {
		CLEANUP(buf_done) struct buf b = BUF_INIT(ARGUMENTS_MAX);
		struct str rest = from(s, p + 10), body;
		const char *end = find(rest, ">"), *close, *at;
		if (!end)
			return;
		struct str name = {rest.p, (size_t)(end - rest.p)};
		body = from(rest, end + 1);
		close = find(body, "</function>");
		bool whole = close;
		s = close ? from(body, close + 11) : (struct str){body.p, 0};
		if (close)
			body.n = (size_t)(close - body.p);
		struct str json = str_trim(body);
		if (json.n && *json.p == '{') {
			add(ret, name, json);
			continue;
		}
		buf_add_char(&b, '{');
		while ((at = find(body, "<parameter="))) {
			struct str part = from(body, at + 11);
			const char *key_end = find(part, ">");
			const char *value_end = key_end ? find(from(part, key_end), "</parameter>") : NULL;
			whole &= value_end != NULL;
			if (!value_end)
				break;
			add_pair(&b, (struct str){part.p, (size_t)(key_end - part.p)},
				without_lines((struct str){key_end + 1, (size_t)(value_end - key_end - 1)}));
			body = from(part, value_end + 12);
		}
		if (whole) /* else it stays open, and is not run */
			buf_add_char(&b, '}');
		add(ret, name, keep(&b, a));
	}
}

/* NAME <arg_key>K</arg_key><arg_value>V</arg_value> */
static void read_keys(struct str s, struct arena *a, struct written_calls *ret)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(ARGUMENTS_MAX);
	const char *at = find(s, "<arg_key>");
	struct str name = {s.p, (size_t)(at - s.p)};
	bool whole = true;

	buf_add_char(&b, '{');
	for (; at && whole; at = find(s, "<arg_key>")) {
		struct str part = from(s, at + 9);
		const char *key = find(part, "</arg_key>"), *value = key ? find(from(part, key), "<arg_value>") : NULL;
		const char *end = value ? find(from(part, value), "</arg_value>") : NULL;
		whole = end;
		if (!end)
			break;
		add_pair(&b, str_trim((struct str){part.p, (size_t)(key - part.p)}),
			without_lines((struct str){value + 11, (size_t)(end - value - 11)}));
		s = from(part, end + 12);
	}
	if (whole)
		buf_add_char(&b, '}');
	add(ret, name, keep(&b, a));
}

/* ---- f(a=1, b="x") ---- */

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.';
}

/* What follows the closing bracket; NULL: this is no such call. */
static const char *read_call(const char *p, const char *end, struct arena *a, struct written_calls *ret)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(ARGUMENTS_MAX);
	const char *name = p;

	while (p < end && is_word(*p))
		p++;
	struct str called = {name, (size_t)(p - name)};
	if (p == end || *p != '(' || called.n == 0)
		return NULL;
	buf_add_char(&b, '{');
	for (p++;;) {
		while (p < end && (isspace((unsigned char)*p) || *p == ','))
			p++;
		if (p < end && *p == ')')
			break;
		const char *key = p;
		while (p < end && is_word(*p))
			p++;
		struct str word = {key, (size_t)(p - key)};
		while (p < end && isspace((unsigned char)*p))
			p++;
		if (p >= end || *p != '=' || word.n == 0) {
			add(ret, called, keep(&b, a)); /* open: not run */
			return NULL;
		}
		buf_add_char(&b, b.n > 1 ? ',' : ' ');
		json_add_string(&b, word.p, word.n);
		buf_add_char(&b, ':');
		p = arguments_mend(p + 1, end, &b);
		if (!p) {
			buf_reset(&b);
			buf_add_str(&b, "{\"");
			add(ret, called, keep(&b, a));
			return NULL;
		}
	}
	buf_add_char(&b, '}');
	add(ret, called, keep(&b, a));
	return p + 1;
}

static void read_python(struct str s, struct arena *a, struct written_calls *ret)
{
	const char *p = s.p, *end = s.p + s.n;

	while (p && p < end) {
		while (p < end && (isspace((unsigned char)*p) || strchr("[],;", *p)))
			p++;
		p = read_call(p, end, a, ret);
	}
}

/* ---- the others ---- */

/* NAME[ARGS]{..}NAME[ARGS]{..} */
static void read_mistral(struct str s, struct arena *a UNUSED, struct written_calls *ret)
{
	for (const char *at = find(s, "[ARGS]"); at; at = find(s, "[ARGS]")) {
		CLEANUP(buf_done) struct buf b = BUF_INIT(ARGUMENTS_MAX * 2);
		struct str name = {s.p, (size_t)(at - s.p)}, rest = from(s, at + 6);
		const char *next = arguments_mend(rest.p, rest.p + rest.n, &b);
		add(ret, name, (struct str){rest.p, next ? (size_t)(next - rest.p) : rest.n});
		if (!next)
			return;
		s = from(s, next);
		if (str_starts(str_trim(s), STR("[TOOL_CALLS]")))
			s = from(s, find(s, "[TOOL_CALLS]") + 12);
	}
}

/* function<sep>NAME ```json {..} ```, or NAME<sep>{..} */
static void read_deepseek(struct str s, struct arena *a UNUSED, struct written_calls *ret)
{
	for (const char *at = find(s, SEP); at; at = find(s, SEP)) {
		struct str before = {s.p, (size_t)(at - s.p)}, rest = from(s, at + strlen(SEP));
		const char *begin = find(before, BEGIN), *end = find(rest, "<\xef\xbd\x9c"), *line;
		struct str name = begin ? from(before, begin + strlen(BEGIN)) : before;
		struct str body = end ? (struct str){rest.p, (size_t)(end - rest.p)} : rest;
		s = end ? from(rest, end) : (struct str){rest.p, 0};
		if (str_eq(str_trim(name), STR("function")) && (line = find(body, "\n"))) {
			name = (struct str){body.p, (size_t)(line - body.p)};
			body = from(body, line);
		}
		add(ret, name, body);
	}
}

enum written_head written_head(struct str s, struct str *ret_name, size_t *ret_n)
{
	static const char *const words[] = {
		"<|channel|>", "commentary", "<|constrain|>", "json", "code", "<|message|>"};
	const char *to = find(s, TO);
	size_t i = to ? (size_t)(to - s.p) + strlen(TO) : 0, begin = i;
	bool told = false; /* by <|message|> that arguments follow, whatever they are */

	while (to && i < s.n && is_word(s.p[i]))
		i++;
	*ret_name = (struct str){s.p + begin, i - begin};
	for (size_t k = 0; k <= N_ELEMENTS(words); k++) {
		while (i < s.n && isspace((unsigned char)s.p[i]))
			i++;
		*ret_n = i;
		size_t n = k < N_ELEMENTS(words) ? strlen(words[k]) : 0, left = s.n - i;
		told = k == N_ELEMENTS(words) ? told : left >= n && memcmp(s.p + i, words[k], n) == 0;
		if (told)
			i += n;
		else if (n > 0 && left < n && memcmp(s.p + i, words[k], left) == 0)
			return HEAD_PART;
	}
	return to && (told || (i < s.n && s.p[i] == '{')) ? HEAD_WHOLE : HEAD_NONE;
}

/* One or more of them; the next one is looked for behind the arguments of the one before, whose texts may speak of such marks. */
static void read_harmony(struct str s, struct written_calls *ret)
{
	struct str name;
	size_t n;

	while (written_head(s, &name, &n) == HEAD_WHOLE) {
		CLEANUP(buf_done) struct buf b = BUF_INIT(ARGUMENTS_MAX * 2);
		s = from(s, s.p + n);
		const char *end = arguments_mend(s.p, s.p + s.n, &b);
		struct str arguments = {s.p, end ? (size_t)(end - s.p) : s.n};
		add(ret, name, arguments);
		s = from(s, s.p + arguments.n);
	}
}

static bool is_harmony(struct str s)
{
	return str_starts(s, STR(TO)) || str_starts(s, STR("<|channel|>")) || str_starts(s, STR("commentary ")) ||
	       str_starts(s, STR("assistantcommentary "));
}

/* call:NAME{k:v}, texts between <|"|> */
static void read_gemma(struct str s, struct arena *a, struct written_calls *ret)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(ARGUMENTS_MAX);
	const char *open = find(s, "{"), *p = open;
	bool in = false;

	if (!open || s.n < 5)
		return;
	struct str name = {s.p + 5, (size_t)(open - s.p - 5)};
	for (const char *end = s.p + s.n; p < end;) {
		if (str_starts((struct str){p, (size_t)(end - p)}, STR(QUOTE))) {
			buf_add_char(&b, '"');
			in = !in;
			p += strlen(QUOTE);
		} else if (in && (*p == '"' || *p == '\\' || *p == '\n')) {
			buf_add_str(&b, *p == '\n' ? "\\n" : *p == '"' ? "\\\"" : "\\\\");
			p++;
		} else {
			buf_add_char(&b, *p++);
		}
	}
	add(ret, name, keep(&b, a));
}

/* Action: NAME, Action Input: {..} */
static void read_react(struct str s, struct written_calls *ret)
{
	const char *input = find(s, "Action Input:"), *line = find(s, "\n");

	if (input && line && line <= input)
		add(ret, (struct str){s.p + 7, (size_t)(line - s.p - 7)}, from(s, input + 13));
}

void written_read(struct str s, struct arena *a, struct written_calls *ret)
{
	s = str_trim(s);
	if (str_starts(s, STR("Action:")))
		read_react(s, ret);
	else if (is_harmony(s))
		read_harmony(s, ret);
	else if (find(s, "<function="))
		read_function(s, a, ret);
	else if (find(s, "<arg_key>"))
		read_keys(s, a, ret);
	else if (find(s, SEP))
		read_deepseek(s, a, ret);
	else if (find(s, "[ARGS]"))
		read_mistral(s, a, ret);
	else if (str_starts(s, STR("call:")))
		read_gemma(s, a, ret);
	else if (s.n && (*s.p == '{' || (*s.p == '[' && str_starts(str_trim(from(s, s.p + 1)), STR("{")))))
		read_json(s, a, ret);
	else
		read_python(s, a, ret);
}
