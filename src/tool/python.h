/* python.h - Python in the sandbox, in a folder of its own that is gone afterwards (python.c). Any thread that may wait. */
#pragma once

#include "sys/sandbox.h"
#include "tool/tool_priv.h"

#define PYTHON_SHOWN_MAX ((size_t)1 << 20) /* bytes that it prints */

struct python_job {
	const char *program;      /* what is run */
	struct str input;         /* its standard input */
	bool keeps;               /* it has the files of the conversation, and what it writes is kept with them */
	const char *const *env;   /* "NAME=value", beside the usual; NULL: none */
	const char *const *hosts; /* that it may reach (gate.h); NULL: no network */
	const char *label;        /* whose it is, for the log; with `hosts` */
	int64_t wall_ms;
	/* Tells in c->ret what was printed and how it ended; the files follow. */
	int (*tell)(struct builtin_call *c, const struct buf *shown, const struct sandbox_result *how, void *arg,
		struct err *e);
	void *arg;
};

/* What cannot be run is a result; < 0: as tools_call. Uses of `c` its tools, run, mem and ret. */
int python_run(struct builtin_call *c, const struct python_job *j, struct err *e) MUST_CHECK;

/* Adds how it ended, where that is not well. */
void python_say_end(struct builtin_call *c, const struct sandbox_result *how, int64_t wall_ms);
/* A specification of Vega-Lite that was printed, alone or as the last line, is drawn by the page. */
void python_take_chart(struct builtin_call *c, const char *p, size_t n);
