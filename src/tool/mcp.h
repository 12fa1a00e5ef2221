/*
 * mcp.h - a server of the Model Context Protocol, as its client: a program in the sandbox that is spoken to in lines, or an address
 * (Streamable HTTP). Revisions 2026-07-28 and, by negotiation, 2025-11-25 and older ones. It is opened when it is first asked
 * something, and again when it was closed, or had ended. Any thread that may wait, not the loop's.
 */
#pragma once

#include "base/json.h"
#include "sys/process.h"
#include "tool/tool.h"

struct http_client;
struct mcp;

/* What all servers share; it outlives them. */
struct mcp_shared;
int mcp_shared_new(struct http_client *http, unsigned max_programs, struct mcp_shared **ret, struct err *e) MUST_CHECK;
void mcp_shared_free(struct mcp_shared *s); /* NULL is fine */

enum mcp_era { MCP_AUTO, MCP_LEGACY, MCP_MODERN };

struct mcp_config {        /* copied */
	const char *label; /* what people call it */
	enum mcp_era era;  /* AUTO: found out, and remembered */
	/* A program: all of it but its limits. argv NULL: an address. */
	struct sandbox program;
	const char *const *hosts; /* that it may reach (gate.h); NULL: no network */
	/* An address. */
	const char *url;
	const char *const *headers; /* "Name: value", NULL at its end; may be NULL */
	bool public_only;           /* as http_call has it, */
	const char *also;           /* and this, which `hosts` have, too */
	int64_t timeout_ms;         /* without a word of a call; 0: a minute */
	int64_t total_ms;           /* of a call, whatever it says; 0: ten minutes */
	/* Its tools are others than they were. Any thread, the loop's too: it only notes that. May be NULL. */
	void (*changed)(void *arg);
	void *arg;
};

int mcp_new(struct mcp_shared *s, const struct mcp_config *c, struct mcp **ret, struct err *e) MUST_CHECK;
/* Ends what runs, waits for it, forgets it: nobody asks it anything any more. NULL is fine. */
void mcp_free(struct mcp *m);
/* Closes it; it is opened again when it is asked something. */
void mcp_close(struct mcp *m);
/* Since when nothing has been asked of it, by clock_mono_ms(); 0: it is asked something just now, or it is closed. */
int64_t mcp_idle_since(struct mcp *m);
/* What its program wrote on its standard error; adds nothing for an address. */
void mcp_errors(struct mcp *m, struct buf *to);

/* What it said last of who may ask (WWW-Authenticate), in the arena; "": nothing. NULL: no memory. */
const char *mcp_challenge(struct mcp *m, struct arena *a);

/*
 * Asks it one thing. `params` is taken (NULL: none). `run`: its cancel, whom to tell of progress and whom to ask. *ret: the result,
 * the caller's. E_PROVIDER: it refused, in its words; E_PROVIDER_DOWN, E_PROVIDER_BROKEN, E_PROVIDER_TIMEOUT, E_UNAUTHORIZED,
 * -ECANCELED, E_NOT_IMPLEMENTED (no sandbox).
 */
int mcp_request(struct mcp *m, const char *method, json_t *params, const struct tool_run *run, json_t **ret,
	struct err *e) MUST_CHECK;

/* All of a list with its pages: "tools", "prompts", "resources", "resourceTemplates". *ret: an array. Tools whose headers break the
 * rules are left out. */
int mcp_list(struct mcp *m, const char *what, const struct tool_run *run, json_t **ret, struct err *e) MUST_CHECK;

/* Calls a tool; `schema` is that of its arguments, NULL when it is not known. A failure of the tool is a result; E_UNAUTHORIZED:
 * somebody has to sign in first, or again for more rights. */
int mcp_call(struct mcp *m, const char *tool, const json_t *schema, const json_t *arguments, const struct tool_run *run,
	struct arena *a, struct tool_result *ret, struct err *e) MUST_CHECK;

/* What it said of itself when it was opened: {"protocolVersion","serverInfo","capabilities","instructions"}; NULL: it is closed. */
json_t *mcp_about(struct mcp *m);
