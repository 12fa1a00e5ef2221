/*
 * agents.h - tools that an answer has by itself: other assistants, and a plan. An assistant that is called is a turn without a row,
 * beneath the one that called it: it is asked and has its calls run by the same functions, its events stand in the log of the
 * whole answer with that call as their parent, and it spends from the budgets above. When a call of it waits for a person it leaves its own call
 * open, so that the whole answer waits; what it had is read from the message's parts when that goes on.
 */
#pragma once

#include "tool/tool.h"

struct call;
struct turn;

#define AGENT_SOURCE "agent" /* struct tool's */
#define PLAN_SOURCE  "plan"
#define AGENTS_DEEP  3 /* an answer calls one, which calls one, which calls one */

/* What counts of a turn's assistant, and how it was called. Texts in the turn's arena. */
struct agent {
	atelier_id assistant_id; /* 0: it has none */
	const char *calls;       /* others that it may call: JSON list of ids; NULL: none */
	bool plans;
	int depth;           /* 0: it was not called */
	const char *call_id; /* by which it was */
};

/* Adds those tools behind others; there is room for AGENT_TOOLS_MAX. Agents that the person may not use, that are gone, or that
 * are beneath themselves, are left out. */
#define AGENT_TOOLS_MAX 65
int agents_offer(struct turn *t, struct tool_list *to, struct err *e) MUST_CHECK;

/* Whether there is something of what was called before the answer waited. */
bool agent_has_begun(struct turn *t, const struct call *c);

/* As tools_call; `c` waits when a person has to decide of one of its own calls. */
int agent_call(
	struct turn *t, struct call *c, struct cancel *cancel, struct tool_result *ret, struct err *e) MUST_CHECK;

/* ---- plan.c ---- */

void plan_offer(struct tool_list *to); /* adds its tool */
/* The model has written its plan anew. */
int plan_call(struct turn *t, const struct call *c, struct tool_result *ret, struct err *e) MUST_CHECK;
