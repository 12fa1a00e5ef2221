/*
 * tool_servers.h - servers that offer tools, whatever they speak. Each belongs to a person and is others' by grants of the kind
 * "tool_server"; what opens it is sealed, for the place that it may be sent to.
 */
#pragma once

#include "store/shared_rows.h"
#include "store/vault.h"

#define TOOL_SERVERS_MAX   500 /* of one person */
#define TOOL_SERVER_STATES "new ok failed needs_login"

struct tool_server {
	atelier_id id, user_id;
	const char *owner; /* name of its owner; read only */
	bool of_admin;     /* who is an administrator; read only */
	const char *name;  /* unique among the owner's, however it is written */
	const char *kind;
	const char *prefix; /* before the names of its tools; "": nothing */
	const char *config; /* JSON object, as its kind has it */
	bool enabled;
	bool trusted;      /* what it says of its tools is believed */
	bool per_user;     /* each person has secrets of their own for it */
	const char *state; /* of TOOL_SERVER_STATES; read only, as what follows */
	const char *error; /* NULL: none */
	const char *tools; /* JSON list, as it said when it was asked last */
	int64_t refreshed_at;
	int64_t may; /* enum grant_verb, of who asks */
	bool shared; /* others have it, too */
	int64_t created_at, updated_at;
};

/* For shared_list, shared_create and so on, of struct tool_server. */
extern const struct shared_kind tool_servers_kind;
/* For shared_list alone: without configuration, state, error and tools, which are many bytes of many rows. */
extern const struct shared_kind tool_servers_brief;

SHARED_GET(tool_servers_get, tool_servers_kind, struct tool_server)

/* What it was found to be: state, error, and tools (NULL: those known so far stay). One that is gone is no failure. */
struct tool_server_found {
	atelier_id id;
	const char *state, *error, *tools;
};
int tool_servers_found(struct db *db, const struct tool_server_found *f, struct err *e) MUST_CHECK;

/* ---- secrets: a JSON object of texts for a server, of a person or (0) of the server itself ---- */

struct tool_secret_place {
	const struct vault *vault;
	atelier_id server_id, user_id;
	const char *bound; /* where it may be sent: with another it does not open */
};

/* *ret NULL: there is none, or it was given for something else. */
int tool_secrets_get(struct db_conn *c, const struct tool_secret_place *at, struct arena *a, const char **ret,
	struct err *e) MUST_CHECK;
/* NULL or "" removes it. E_TOO_LARGE. */
int tool_secrets_set(struct db *db, const struct tool_secret_place *at, const char *json, struct err *e) MUST_CHECK;
