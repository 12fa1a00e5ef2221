/* tool_priv.h - what the files of this folder share: the registry, and the sources behind it. */
#pragma once

#include "base/json.h"
#include "tool/tool.h"

/* Where tools come from. What `list` and `call` are given is as tools_list_all and tools_call have it; `arguments` keep the schema.
 * `list` need not set hash and enabled. */
struct tool_source {
	const char *kind;
	int (*list)(struct tools *t, atelier_id user_id, struct arena *a, struct tool_list *ret, struct err *e);
	/* Whether the tool is this source's. */
	bool (*owns)(const struct tool *tool);
	int (*call)(struct tools *t, const struct tool *tool, const json_t *arguments, const struct tool_run *run,
		struct arena *a, struct tool_result *ret, struct err *e);
	void (*stop)(struct tools *t); /* NULL: nothing runs on */
};
extern const struct tool_source builtin_source;

struct tools {
	struct tools_config config;
};

/* ---- built-in tools: a row each in builtin.c ---- */

struct builtin_call {
	struct tools *tools;
	const json_t *arguments;
	const struct tool_run *run;
	struct arena *mem;
	struct tool_result *ret;
};

struct builtin {
	const char *name, *title, *description, *parameters;
	unsigned hints;
	bool asks;
	bool admin;                               /* for administrators alone */
	bool (*available)(const struct tools *t); /* NULL: always */
	/* A failure that the model is told is a result (tool_fail); negative: as tools_call. */
	int (*call)(struct builtin_call *c, struct err *e);
};

/* The result is a failure with these words; 0. */
int tool_fail(struct tool_result *ret, const char *fmt, ...) PRINTF(2, 3);

void result_cap(struct tool_result *r); /* head, a note, tail; the whole is kept */

int calculator_call(struct builtin_call *c, struct err *e) MUST_CHECK;
int current_time_call(struct builtin_call *c, struct err *e) MUST_CHECK;

/* ---- arguments (arguments.c, coerce.c) ---- */

/* Makes of an object what the schema wants: in place, where nothing is lost. Extra members go when `own`. NULL, or a sentence in the
 * arena that says what is wrong and where. */
const char *schema_fit(const json_t *schema, json_t *object, bool own, struct arena *a);

/* ---- calculator.c ---- */

/* The value of an expression as text. NULL: *ret_why says what is wrong with it. Both in the arena. */
const char *calculate(const char *expression, struct arena *a, const char **ret_why);
