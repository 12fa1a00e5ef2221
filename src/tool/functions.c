/*
 * functions.c - the kind `python` of tool servers: functions that somebody wrote in the page. They are read and run in the sandbox
 * alone, by functions.py; what each is called, takes and says of itself is read from its signature and its docstring.
 *
 *	{"source": "def f(a: int) -> str: ...", "timeout_s": 60, "hosts": ["api.example.org", ...]}
 *	secrets {"env": {"NAME": ".."}}
 */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>

#include "base/utf8.h"
#include "tool/gate.h"
#include "tool/python.h"

#define SOURCE_MAX ((size_t)256 << 10)
#define TIMEOUT_S  60
#define LIST_MS    20000
#define NAMES_MAX  32 /* of secrets in its environment */
#define TOOLS_MAX  100

extern const char functions_py[]; /* functions.py */

/* ---- what a configuration says ---- */

static int check(const json_t *config, struct err *e)
{
	const char *source = json_get_str(config, "source");
	const json_t *seconds = json_object_get(config, "timeout_s");

	if (!source || !*source)
		return err_set(e, E_INVALID, "\"source\" must be the text of one or more functions.");
	if (strlen(source) > SOURCE_MAX)
		return err_set(e, E_TOO_LARGE, "\"source\" is longer than %zu KB.", SOURCE_MAX >> 10);
	if (seconds &&
		(!json_is_integer(seconds) || json_integer_value(seconds) < 1 || json_integer_value(seconds) > 600))
		return err_set(e, E_INVALID, "\"timeout_s\" is a number of seconds from 1 to 600.");
	return gate_check_hosts(json_object_get(config, "hosts"), e);
}

/* ---- a job for functions.py ---- */

struct asked {
	char mark[40]; /* what stands before its answer, which nobody can know before */
	int64_t wall_ms;
	json_t *said;       /* its answer; NULL: none came */
	struct str printed; /* before it */
};

static int make_input(struct asked *a, const char *what, const struct server_use *s, const char *name,
	const json_t *arguments, struct buf *to, struct err *e)
{
	unsigned char bytes[16];

	_Static_assert(sizeof(a->mark) > 2 * sizeof(bytes), "the mark is written in two signs a byte");
	randombytes_buf(bytes, sizeof(bytes));
	sodium_bin2hex(a->mark, sizeof(a->mark), bytes, sizeof(bytes));
	buf_printf(to, "{\"do\":\"%s\",\"mark\":\"%s\",\"source\":", what, a->mark);
	json_add_cstr(to, json_get_str(s->config, "source"));
	if (name) {
		buf_add_str(to, ",\"name\":");
		json_add_cstr(to, name);
		buf_add_str(to, ",\"arguments\":");
		json_add_value(to, arguments);
	}
	buf_add_char(to, '}');
	return buf_check(to, e, "The arguments are too long.");
}

/* What it printed, and its answer behind the last mark. */
static void read_answer(struct asked *a, const struct buf *shown)
{
	ASSERT(*a->mark && !a->said); /* make_input was first, and this is once */
	const char *p = shown->p, *found = NULL;
	size_t n = strlen(a->mark), left = shown->n;
	struct err quiet = {0};

	for (const char *at; left >= n && (at = memmem(p, left, a->mark, n));
		left = shown->n - (size_t)(p - shown->p)) {
		found = at;
		p = at + n;
	}
	a->printed = (struct str){shown->p, found ? (size_t)(found - shown->p) : shown->n};
	if (found && json_read(p, left, JSON_MEMORY, JSON_READ_LOOSE, &a->said, &quiet) < 0)
		a->said = NULL;
	if (found && a->printed.n > 0 && shown->p[a->printed.n - 1] == '\n')
		a->printed.n--; /* of the mark's own line */
	a->printed = str_trim(a->printed);
}

/* ---- listing ---- */

static unsigned hints_of(const json_t *marks, bool reaches)
{
	const json_t *reads = json_object_get(marks, "reads");
	/* Without network it reaches nothing but what it is given; with it, only what it says of itself is known. */
	bool looks = reaches ? json_is_true(reads) : !json_is_false(reads);
	unsigned hints = (looks ? TOOL_READS | TOOL_IDEMPOTENT : 0u) | (reaches ? TOOL_OUTSIDE : 0u);

	if (json_is_true(json_object_get(marks, "destroys")))
		hints = (hints & ~(unsigned)TOOL_READS) | TOOL_DESTROYS;
	if (json_is_true(json_object_get(marks, "idempotent")))
		hints |= TOOL_IDEMPOTENT;
	return hints;
}

static int take_list(
	struct builtin_call *c, const struct buf *shown, const struct sandbox_result *how, void *arg, struct err *e)
{
	struct asked *a = arg;

	read_answer(a, shown);
	if (a->said)
		return 0;
	c->ret->text = BUF_INIT(4 * PYTHON_SHOWN_MAX);
	python_say_end(c, how, a->wall_ms);
	return err_set(e, E_INVALID, "The functions cannot be read: %.300s",
		c->ret->text.n ? c->ret->text.p : "their reader said nothing.");
}

static int make_list(const json_t *said, bool reaches, struct buf *ret, struct err *e)
{
	CLEANUP(json_decrefp) json_t *list = json_array();
	const json_t *tools = json_object_get(said, "tools"), *v;
	size_t i;

	if (json_get_str(said, "error"))
		return err_set(e, E_INVALID, "%.300s", json_get_str(said, "error"));
	if (json_array_size(tools) > TOOLS_MAX)
		return err_set(e, E_TOO_LARGE, "There are more than %d functions in it.", TOOLS_MAX);
	json_array_foreach(tools, i, v)
	{
		json_t *entry = json_copy((json_t *)v);
		json_object_set_new(entry, "hints", json_integer((int)hints_of(json_object_get(v, "marks"), reaches)));
		json_object_del(entry, "marks");
		json_array_append_new(list, entry);
	}
	json_add_value(ret, list);
	return buf_status(ret);
}

static int refresh(struct tools *t, const struct server_use *s, struct cancel *cancel, struct buf *ret,
	json_t **ret_about UNUSED, struct err *e)
{
	CLEANUP(arena_done) struct arena mem;
	CLEANUP(buf_done) struct buf input = BUF_INIT(8 * SOURCE_MAX);
	CLEANUP(tool_result_done) struct tool_result none = {.n_files = 0};
	struct asked a = {.wall_ms = LIST_MS};
	const struct tool_run run = {.user_id = s->user_id, .cancel = cancel};
	struct builtin_call c = {.tools = t, .run = &run, .mem = &mem, .ret = &none};
	int r = make_input(&a, "list", s, NULL, NULL, &input, e);

	arena_init(&mem, (size_t)64 << 20);
	const struct python_job j = {
		.program = functions_py, .input = buf_str(&input), .wall_ms = LIST_MS, .tell = take_list, .arg = &a};
	if (r == 0 && !python_available(t))
		return err_set(
			e, E_NOT_IMPLEMENTED, "%s", sandbox_why() ? sandbox_why() : "Python is not installed here.");
	if (r == 0)
		r = python_run(&c, &j, e);
	if (r == 0 && !a.said)
		r = err_set(e, E_NOT_IMPLEMENTED, "%.300s", none.text.n ? none.text.p : "Python cannot be run.");
	if (r == 0)
		r = make_list(a.said, json_array_size(json_object_get(s->config, "hosts")) > 0, ret, e);
	json_decref(a.said);
	return r;
}

/* ---- calls ---- */

static void tell_value(struct builtin_call *c, const json_t *value)
{
	struct tool_result *ret = c->ret;

	json_add_value(&ret->text, value);
	if (!json_is_object(value) && !json_is_array(value))
		return;
	ret->structured = BUF_INIT(2 * PYTHON_SHOWN_MAX);
	json_add_value(&ret->structured, value);
	if (buf_status(&ret->structured) < 0)
		buf_done(&ret->structured);
}

static int take_outcome(struct builtin_call *c, const struct buf *shown, const struct sandbox_result *how, void *arg,
	struct err *e UNUSED)
{
	struct asked *a = arg;
	struct tool_result *ret = c->ret;

	read_answer(a, shown);
	const json_t *value = json_object_get(a->said, "value");
	const char *text = json_get_str(a->said, "text"), *error = json_get_str(a->said, "error");
	ret->text = BUF_INIT(8 * PYTHON_SHOWN_MAX);
	if (error) {
		buf_add_str(&ret->text, error);
		ret->failed = true;
	} else if (value) {
		tell_value(c, value);
	} else if (text) {
		buf_add_str(&ret->text, text);
	} else if (a->said && a->printed.n == 0) {
		buf_add_str(&ret->text, "It returned nothing.");
	}
	if (a->printed.n) {
		buf_add_str(&ret->text, ret->text.n ? "\n\nIt printed:\n" : "");
		utf8_add_repaired(&ret->text, a->printed.p, a->printed.n);
		if (!ret->structured.n)
			python_take_chart(c, a->printed.p, a->printed.n);
	}
	if (!a->said)
		ret->failed = true;
	python_say_end(c, how, a->wall_ms);
	return 0;
}

static const char *const *environment(const struct server_use *s, struct arena *mem)
{
	const json_t *given = json_object_get(s->secrets, "env");
	const char **env = ARENA_ARRAY(mem, const char *, NAMES_MAX + 1), *name;
	size_t n = 0;
	json_t *v;

	json_object_foreach((json_t *)given, name, v)
	{
		if (env && n < NAMES_MAX && *name && !strchr(name, '=') && json_is_string(v))
			env[n] = arena_printf(mem, "%s=%s", name, json_string_value(v));
		n += env && n < NAMES_MAX && env[n];
	}
	return env;
}

static const char *const *hosts_of(const struct server_use *s, struct arena *mem)
{
	const json_t *hosts = json_object_get(s->config, "hosts"), *v;
	const char **words = ARENA_ARRAY(mem, const char *, json_array_size(hosts) + 1);
	size_t i;

	json_array_foreach(hosts, i, v)
	{
		if (words)
			words[i] = json_string_value(v);
	}
	return words;
}

static int call(struct tools *t, const struct server_use *s, const struct tool *tool, const json_t *arguments,
	const struct tool_run *run, struct arena *mem, struct tool_result *ret, struct err *e)
{
	CLEANUP(buf_wipe) struct buf input = BUF_INIT((size_t)16 << 20);
	struct asked a = {.wall_ms = json_get_i64(s->config, "timeout_s", TIMEOUT_S) * 1000};
	struct builtin_call c = {.tools = t, .arguments = arguments, .run = run, .mem = mem, .ret = ret};
	int r = make_input(&a, "run", s, tool->own_name, arguments, &input, e);

	const struct python_job j = {.program = functions_py,
		.input = buf_str(&input),
		.env = environment(s, mem),
		.hosts = hosts_of(s, mem),
		.label = s->name,
		.wall_ms = a.wall_ms,
		.tell = take_outcome,
		.arg = &a};
	if (r == 0)
		r = python_run(&c, &j, e);
	json_decref(a.said);
	return r;
}

const struct tool_kind python_kind = {.name = "python", .check = check, .refresh = refresh, .call = call};
