/*
 * arguments.c - what a model wrote as arguments, read. Models wrap them (a string of JSON, a fence, a list of one), write them
 * as Python does, or stop in the middle. What is wrapped is unwrapped; slips are mended once, where one reading is possible;
 * what was cut off is never closed, since half a file would be written as if it were whole.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#include "tool/tool_priv.h"
#include "tool/written.h"

#define UNWRAP_MAX  3
#define NESTING_MAX 64
#define CALLS_MAX   32
#define SCHEMA_TOLD 2000 /* bytes of a schema in a sentence */

enum reading { READ_FINE, READ_CUT, READ_WRONG };

/* ---- mending: written anew as JSON ---- */

struct mend {
	const char *p, *end;
	struct buf out;
	int depth;
};

static enum reading mend_value(struct mend *m);

static void skip_blanks(struct mend *m)
{
	while (m->p < m->end && isspace((unsigned char)*m->p))
		m->p++;
}

/* The end of a string that p stands in, at its closing quote; NULL: it has none. */
static const char *string_end(const char *p, const char *end, char quote)
{
	for (; p < end; p++) {
		if (*p == '\\' && p + 1 < end)
			p++;
		else if (*p == quote)
			return p;
	}
	return NULL;
}

/* What a closing quote may be followed by, where there is one reading. */
static bool ends_value(const char *p, const char *end)
{
	while (p < end && isspace((unsigned char)*p))
		p++;
	return p == end || strchr(",:}])", *p);
}

static bool is_path(const char *p, const char *end)
{
	return end - p > 2 &&
	       ((isalpha((unsigned char)p[0]) && p[1] == ':' && p[2] == '\\') || (p[0] == '\\' && p[1] == '\\'));
}

/* Backslashes that are no escapes of JSON, and those that may be ones. */
static void count_escapes(const char *p, const char *end, int *ret_wrong, int *ret_letters)
{
	*ret_wrong = *ret_letters = 0;
	for (; p + 1 < end; p++) {
		if (*p != '\\')
			continue;
		p++;
		/* Elsewhere than in JSON \x41 is a letter: both readings are possible. */
		bool hex = *p == 'x' && end - p > 2 && isxdigit((unsigned char)p[1]) && isxdigit((unsigned char)p[2]);
		*ret_wrong += hex;
		if (hex || strchr("bfnrtu", *p))
			++*ret_letters;
		else if (!strchr("\"'\\/", *p))
			++*ret_wrong;
	}
}

static enum reading mend_string(struct mend *m)
{
	char quote = *m->p++;
	const char *end = string_end(m->p, m->end, quote);
	int wrong, letters;

	if (!end)
		return READ_CUT;
	if (!ends_value(end + 1, m->end))
		return READ_WRONG;
	count_escapes(m->p, end, &wrong, &letters);
	bool literal = wrong > 0 && (letters == 0 || is_path(m->p, end));
	if (wrong > 0 && !literal)
		return READ_WRONG;
	buf_add_char(&m->out, '"');
	for (const char *p = m->p; p < end; p++) {
		bool more = p + 1 < end;
		if (*p == '\\' && more && p[1] == '\'') {
			buf_add_char(&m->out, *++p);
		} else if (*p == '\\' && more && strchr("\"\\", p[1])) {
			buf_add(&m->out, p++, 2);
		} else if (*p == '\\' && literal && !(more && p[1] == '/')) {
			buf_add_str(&m->out, "\\\\");
		} else if (*p == '"') {
			buf_add_str(&m->out, "\\\"");
		} else {
			buf_add_char(&m->out, *p);
		}
	}
	buf_add_char(&m->out, '"');
	m->p = end + 1;
	return READ_FINE;
}

static enum reading mend_word(struct mend *m, bool key)
{
	static const struct {
		const char *word, *json;
	} words[] = {{"true", "true"}, {"True", "true"}, {"TRUE", "true"}, {"false", "false"}, {"False", "false"},
		{"FALSE", "false"}, {"null", "null"}, {"None", "null"}, {"undefined", "null"}, {"NaN", "null"}};
	const char *p = m->p;

	while (p < m->end && (isalnum((unsigned char)*p) || strchr("_-+.$", *p)))
		p++;
	size_t n = (size_t)(p - m->p);
	if (p == m->end && m->depth > 0)
		return READ_CUT;
	if (n == 0)
		return READ_WRONG;
	if (key) {
		json_add_string(&m->out, m->p, n);
		m->p = p;
		return READ_FINE;
	}
	for (size_t i = 0; i < N_ELEMENTS(words); i++) {
		if (strlen(words[i].word) == n && memcmp(words[i].word, m->p, n) == 0) {
			buf_add_str(&m->out, words[i].json);
			m->p = p;
			return READ_FINE;
		}
	}
	if (!isdigit((unsigned char)*m->p) && *m->p != '-')
		return READ_WRONG;
	buf_add(&m->out, m->p, n);
	m->p = p;
	return READ_FINE;
}

static enum reading mend_pair(struct mend *m)
{
	bool quoted = *m->p == '"' || *m->p == '\'';
	enum reading r = quoted ? mend_string(m) : mend_word(m, true);

	if (r != READ_FINE)
		return r;
	skip_blanks(m);
	if (m->p == m->end)
		return READ_CUT;
	if (*m->p++ != ':')
		return READ_WRONG;
	buf_add_char(&m->out, ':');
	return mend_value(m);
}

/* An object or a list: a comma before its end is left out. */
static enum reading mend_many(struct mend *m)
{
	bool object = *m->p == '{';
	char close = object ? '}' : ']';
	enum reading r = READ_FINE;

	if (++m->depth > NESTING_MAX)
		return READ_WRONG;
	buf_add_char(&m->out, *m->p++);
	for (size_t n = 0;; n++) {
		skip_blanks(m);
		if (m->p == m->end)
			return READ_CUT;
		if (*m->p == close)
			break;
		if (n > 0)
			buf_add_char(&m->out, ',');
		r = object ? mend_pair(m) : mend_value(m);
		if (r != READ_FINE)
			return r;
		skip_blanks(m);
		if (m->p == m->end)
			return READ_CUT;
		if (*m->p == close)
			break;
		if (*m->p++ != ',')
			return READ_WRONG;
	}
	m->p++;
	m->depth--;
	buf_add_char(&m->out, close);
	return READ_FINE;
}

static enum reading mend_value(struct mend *m)
{
	skip_blanks(m);
	if (m->p == m->end)
		return READ_CUT;
	if (*m->p == '{' || *m->p == '[')
		return mend_many(m);
	if (*m->p == '"' || *m->p == '\'')
		return mend_string(m);
	return mend_word(m, false);
}

const char *arguments_mend(const char *p, const char *end, struct buf *ret)
{
	struct mend m = {.p = p, .end = end, .out = BUF_INIT((size_t)(end - p) * 6 + 64), .depth = 1};
	enum reading r = mend_value(&m);

	ASSERT(m.p >= p && m.p <= end);
	if (r == READ_FINE && buf_status(&m.out) == 0)
		buf_add(ret, m.out.p, m.out.n);
	buf_done(&m.out);
	return r == READ_FINE ? m.p : NULL;
}

/* ---- reading ---- */

struct objects {
	json_t *items[CALLS_MAX];
	size_t n;
	bool repaired;
	const char *wrong; /* a literal */
};

static void objects_done(struct objects *o)
{
	for (size_t i = 0; i < o->n; i++)
		json_decref(o->items[i]);
}

static struct str without_fence(struct str s)
{
	const char *line = str_starts(s, STR("```")) ? memchr(s.p, '\n', s.n) : NULL;

	if (!line || s.n < 7 || memcmp(s.p + s.n - 3, "```", 3) != 0 || line > s.p + s.n - 4)
		return s;
	return str_trim((struct str){line, (size_t)(s.p + s.n - 3 - line)});
}

static bool take(struct objects *o, json_t *object)
{
	if (o->n == CALLS_MAX) {
		o->wrong = "more calls stand behind one another than can be made at a time";
		return false;
	}
	o->items[o->n++] = json_incref(object);
	return true;
}

static void read_text(struct objects *o, struct str s, int depth);

static void read_value(struct objects *o, json_t *v, int depth)
{
	static const char *const kinds[] = {
		"an object", "a list", "a text", "a number", "a number", "true", "false", "null"};

	if (json_is_object(v))
		(void)take(o, v);
	else if (json_is_string(v) && !json_long_number(v) && depth > 0)
		read_text(o, (struct str){json_string_value(v), json_string_length(v)}, depth - 1);
	else if (json_array_size(v) == 1 && json_is_object(json_array_get(v, 0)))
		(void)take(o, json_array_get(v, 0));
	else
		o->wrong = json_is_array(v)                  ? "they are a list, not an object"
			   : json_is_string(v)               ? "they are a text, not an object"
			   : kinds[json_typeof(v)][0] == 'a' ? "they are a number, not an object"
							     : "they are no object";
}

/* Objects behind one another; closing brackets too many at the end are left out. */
static void read_sequence(struct objects *o, struct str s, int depth)
{
	struct mend m = {.p = s.p, .end = s.p + s.n, .out = BUF_INIT(s.n * 6 + 64)};
	enum reading r = READ_FINE;

	while (r == READ_FINE && !o->wrong && m.p < m.end) {
		CLEANUP(json_decrefp) json_t *v = NULL;
		struct err quiet = {0};
		buf_reset(&m.out);
		r = mend_value(&m);
		if (r != READ_FINE)
			break;
		if (buf_status(&m.out) < 0 || json_read(m.out.p, m.out.n, JSON_MEMORY, JSON_READ_LOOSE, &v, &quiet) < 0)
			r = READ_WRONG;
		else
			read_value(o, v, depth);
		skip_blanks(&m);
		while (o->n == 1 && m.p < m.end && (*m.p == '}' || *m.p == ']' || isspace((unsigned char)*m.p)))
			m.p++;
	}
	buf_done(&m.out);
	if (r == READ_FINE)
		return;
	o->wrong = r == READ_CUT ? "they were cut off, and nothing was run" : "they are no JSON";
}

static void read_text(struct objects *o, struct str s, int depth)
{
	CLEANUP(json_decrefp) json_t *v = NULL;
	struct err quiet = {0};

	s = without_fence(str_trim(s));
	if (s.n == 0)
		v = json_object();
	if (v || json_read(s.p, s.n, JSON_MEMORY, JSON_READ_LOOSE, &v, &quiet) == 0) {
		if (json_is_null(v)) {
			json_decref(v);
			v = json_object();
		}
		read_value(o, v, depth);
		return;
	}
	o->repaired = true;
	read_sequence(o, s, depth);
}

/* ---- as the tool wants them ---- */

static const char *problem(const struct tool *tool, const char *what, struct arena *a)
{
	size_t n = strlen(tool->parameters);

	return arena_printf(a,
		"The arguments of %s cannot be used: %s. Call it again with one JSON object of this schema: %.*s%s",
		tool->name, what, (int)MIN(n, (size_t)SCHEMA_TOLD), tool->parameters, n > SCHEMA_TOLD ? " ..." : "");
}

static int fit(const struct tool *tool, const struct objects *o, struct arena *a, struct tool_arguments *ret)
{
	CLEANUP(json_decrefp) json_t *schema = NULL;
	struct err quiet = {0};
	bool own = strcmp(tool->source, "builtin") == 0;

	if (json_parse(tool->parameters, strlen(tool->parameters), &schema, &quiet) < 0)
		schema = json_object(); /* then its server judges */
	ASSERT(!o->wrong && o->n <= CALLS_MAX);
	ret->items = ARENA_ARRAY(a, const char *, MAX(o->n, 1u));
	if (!ret->items)
		return -ENOMEM;
	for (size_t i = 0; i < o->n; i++) {
		CLEANUP(buf_done) struct buf b = BUF_INIT((size_t)64 << 20);
		const char *wrong = schema_fit(schema, o->items[i], own, a);
		if (wrong) {
			ret->n = 0;
			ret->problem = problem(tool, wrong, a);
			return ret->problem ? 0 : -ENOMEM;
		}
		json_add_value(&b, o->items[i]);
		ret->items[i] = buf_status(&b) < 0 ? NULL : arena_strndup(a, b.p, b.n);
		if (!ret->items[i])
			return -ENOMEM;
		ret->n = i + 1;
	}
	return 0;
}

int tool_arguments_read(
	const struct tool *tool, struct str written, struct arena *a, struct tool_arguments *ret, struct err *e)
{
	CLEANUP(objects_done) struct objects o = {.n = 0};
	int r = 0;

	*ret = (struct tool_arguments){.n = 0};
	read_text(&o, written, UNWRAP_MAX);
	ret->repaired = o.repaired;
	if (o.wrong) {
		ret->problem = problem(tool, o.wrong, a);
		r = ret->problem ? 0 : -ENOMEM;
	} else {
		r = fit(tool, &o, a, ret);
	}
	return r < 0 ? err_set(e, r, "There is no memory for the arguments of a tool.") : 0;
}
