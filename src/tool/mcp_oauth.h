/*
 * mcp_oauth.h - signing in to a server of tools that is an address (OAuth 2.1, as a client with PKCE). What a sign-in has to remember
 * until it ends is sealed in its `state`, so that nothing is kept for one that is given up. Any thread that may wait.
 */
#pragma once

#include "base/json.h"
#include "store/tool_servers.h"
#include "tool/tool.h"

struct mcp_login {
	const struct tool_server *server;
	atelier_id user_id;       /* who signs in */
	const char *redirect_uri; /* where the person comes back to */
};

/* The address of what Atelier says of itself as a client (GET /api/v1/tool-logins/client), in the arena: its name where it needs not be
 * registered. NULL: it has no public https address to be asked at. */
#define MCP_CLIENT_PATH "/api/v1/tool-logins/client"
const char *mcp_client_id(const struct settings *s, struct arena *a);

/* Finds out where to sign in, and makes the address to open, in the arena. E_CONFLICT: the server asks nobody to; E_PROVIDER: what
 * it says cannot be followed. */
int mcp_login_begin(
	struct tools *t, const struct mcp_login *l, struct arena *a, const char **ret_url, struct err *e) MUST_CHECK;

/* Which server a state is of; E_INVALID: it is none of this person's, or too old. */
int mcp_login_server(struct tools *t, const char *state, atelier_id user_id, struct arena *a, atelier_id *ret,
	struct err *e) MUST_CHECK;

/* The person came back with a code: *ret is the member "oauth" of the secrets (texts), the caller's. `iss` may be NULL. */
int mcp_login_end(struct tools *t, const struct mcp_login *l, const char *state, const char *code, const char *iss,
	json_t **ret, struct err *e) MUST_CHECK;

/* Of such a member: whether it has to be renewed before it is used, and that. */
bool mcp_login_is_old(const json_t *oauth);
int mcp_login_renew(
	struct tools *t, bool anywhere, const json_t *oauth, struct cancel *c, json_t **ret, struct err *e) MUST_CHECK;
