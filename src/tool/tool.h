/*
 * tool.h - tools: what a model may have done, and having it done. Where a tool comes from (built in, a server) is known to its
 * source alone. Any thread that may wait, not the loop's.
 */
#pragma once

#include "base/arena.h"
#include "base/json.h"
#include "base/settings.h"
#include "db/db.h"
#include "store/collections.h"
#include "store/vault.h"
#include "sys/cancel.h"

struct tools; /* the registry */

enum {
	TOOL_READS = 1,      /* changes nothing */
	TOOL_IDEMPOTENT = 2, /* done twice it is as done once */
	TOOL_DESTROYS = 4,   /* what it changes may be lost */
	TOOL_OUTSIDE = 8     /* reaches beyond this machine */
};
#define TOOL_NAME_MAX 64
#define TOOL_TEXT_MAX ((size_t)64 << 10) /* bytes of a result that a model is given */
#define TOOL_KEPT_MAX ((size_t)1 << 20)  /* bytes of one that are kept */
#define TOOL_FILES    16                 /* files of one result, of */
#define TOOL_FILE_MAX ((size_t)20 << 20) /* bytes */

struct tool {
	const char *name;                /* as models are told: [A-Za-z0-9_-]{1,64}, unique among a person's tools */
	const char *title, *description; /* for people; for models */
	const char *parameters;          /* JSON Schema of an object, as text */
	const char *source;              /* "builtin", or the id of a tool server */
	const char *own_name;            /* at its source */
	const char *hash; /* of name, description and schema: what an "always" is given for; 32 characters */
	unsigned hints;
	bool asks;              /* a person is asked before it runs, unless a rule of theirs says otherwise */
	bool enabled;           /* nobody who may has switched it off */
	bool asks_all, off_all; /* it asks everybody, is off for everybody: nobody can say less for themselves */
};
struct tool_list {
	struct tool *items;
	size_t n;
};

/* Who has it done, and what it may tell meanwhile. */
struct tool_run {
	atelier_id user_id, key_id, conversation_id, turn_id; /* conversation 0: of an answer that is not kept */
	const char *call_id;
	const struct search_wish *where;  /* documents of the conversation; NULL: all that the person may read */
	const char *language, *time_zone; /* NULL: not known */
	struct cancel *cancel;            /* never NULL */
	int depth;                        /* of agents in agents */
	/* Any thread; total 0: not known, message NULL: none. NULL: nobody listens. */
	void (*progress)(void *arg, double done, double total, const char *message);
	/* A question to the person; `schema` JSON or NULL with `url`. Waits. *ret: {"action":"accept","content":{..}}. NULL: nobody
	 * can be asked. */
	int (*ask)(void *arg, const char *from, const char *message, const char *schema, const char *url,
		struct buf *ret, struct err *e);
	void *arg;
};

struct tool_file { /* in the arena; kept by who called */
	const char *name, *media_type;
	const void *data;
	size_t n;
};
struct tool_result {
	struct buf text;       /* for the model, at most TOOL_TEXT_MAX: head, a note, tail */
	struct buf whole;      /* the text when it was cut, at most TOOL_KEPT_MAX; else empty */
	struct buf structured; /* JSON for the page; empty: none */
	struct tool_file *files;
	size_t n_files;
	bool failed; /* the text says why */
};
void tool_result_cap(struct tool_result *r);  /* head, a note, tail; the whole is kept */
void tool_result_done(struct tool_result *r); /* also the cleanup function of one that is {0} or was filled */

struct bus;
struct calls;
struct http_client;
struct loop;
struct rag;

struct tools_config { /* borrowed for the life of it */
	const struct settings *settings;
	struct db *db;
	struct loop *loop;
	struct http_client *http;
	struct calls *calls;
	struct rag *rag;           /* NULL: no documents */
	struct bus *bus;           /* NULL: nobody listens */
	const struct vault *vault; /* for secrets of servers */
	const char *folder;        /* of the data */
};

int tools_new(const struct tools_config *c, struct tools **ret, struct err *e) MUST_CHECK;
void tools_stop(struct tools *t); /* ends what runs; before the loop ends. NULL is fine, as for the next one */
void tools_free(struct tools *t);

/* All that the person may use and nobody has switched off, by name; in the arena. From caches: it waits for no server. */
int tools_list(struct tools *t, atelier_id user_id, struct arena *a, struct tool_list *ret, struct err *e) MUST_CHECK;
/* The same with those that are switched off. */
int tools_list_all(
	struct tools *t, atelier_id user_id, struct arena *a, struct tool_list *ret, struct err *e) MUST_CHECK;

/* An object of JSON that stands at an address of the public internet, or of settings.tool_networks; leads to no other. Waits.
 * E_PROVIDER_DOWN, E_PROVIDER_TIMEOUT: it cannot be reached; E_FORBIDDEN: a place that is not to be. */
int tools_fetch_json(
	struct tools *t, const char *url, size_t max, int64_t timeout_ms, json_t **ret, struct err *e) MUST_CHECK;

const struct tool *tools_find(const struct tool_list *l, const char *name); /* NULL: it is not among them */

/*
 * What a model wrote as arguments, made fit for the tool: what is wrapped is unwrapped, one clear slip is mended, values become
 * what the schema wants where they say the same, and the schema is kept. This is what a person is shown, what is kept, and what
 * tools_call is given.
 */
struct tool_arguments {
	const char **
		items; /* canonical JSON objects; several when the model wrote several behind one another, each a call */
	size_t n;      /* 0: none can be run */
	bool repaired;       /* what was written was no JSON */
	const char *problem; /* n 0: why, in a sentence for the model that says what was expected */
};
int tool_arguments_read(const struct tool *tool, struct str written, struct arena *a, struct tool_arguments *ret,
	struct err *e) MUST_CHECK;

/*
 * Has it done, with arguments as tool_arguments_read left them (others are read by it here). *ret must be {0}. Negative only when it was not run
 * or was stopped (-ECANCELED, within 200 ms); a failure of the tool is a result. The files are in the arena.
 */
int tools_call(struct tools *t, const struct tool *tool, const char *arguments, const struct tool_run *run,
	struct arena *a, struct tool_result *ret, struct err *e) MUST_CHECK;

/* The result for a name that was not offered: says which there are. */
void tool_result_unknown(const struct tool_list *l, const char *name, struct tool_result *ret);

/* What a person answered to a question of a tool, by the schema that it asked with: what stands there by default is added, what was
 * not asked for goes. E_INVALID with the field. */
int tool_form_check(const json_t *schema, json_t *content, struct err *e) MUST_CHECK;

/* ---- tool servers (servers.c); rows of them in store/tool_servers.h ---- */

struct tool_server;

#define TOOL_SERVER_KINDS "http openapi python mcp-stdio mcp-http"

/* Whether kind and configuration fit: E_INVALID with a sentence. */
int tool_server_check(const char *kind, const char *config, struct err *e) MUST_CHECK;
/* Where its secrets may be sent, in the arena: what they are sealed for. */
const char *tool_server_bound(const struct tool_server *s, struct arena *a) MUST_CHECK;

struct tool_server_said {  /* in the arena */
	bool wants_about;  /* the caller's: somebody chooses */
	const char *tools; /* JSON list */
	const char
		*about; /* JSON object: what there is to choose from (openapi.h), also where it failed; NULL: nothing */
};
/* Asks the server for its tools, as the user. `secrets`: JSON object; NULL: the stored ones. Nothing is stored. The failure of the
 * server is an error with a sentence for people. */
int tool_server_ask(struct tools *t, const struct tool_server *s, const char *secrets, atelier_id user_id,
	struct arena *a, struct tool_server_said *ret, struct err *e) MUST_CHECK;
/* Runs one of `tools`, a list as said.tools, by its name there: of a server that need not be stored. As tools_call; E_NOT_FOUND: it
 * has no such tool. */
int tool_server_try(struct tools *t, const struct tool_server *s, const char *secrets, const char *tools,
	const char *name, const char *arguments, const struct tool_run *run, struct arena *a, struct tool_result *ret,
	struct err *e) MUST_CHECK;
/* The same as tool_server_ask, and what was found is stored with the row: a failure of the server is no failure of this. */
int tool_server_refresh(struct tools *t, const struct tool_server *s, atelier_id user_id, struct err *e) MUST_CHECK;
/* What its program last wrote on its standard error, without its secrets, in the arena; "": nothing, or it is no program. */
int tool_server_log(struct tools *t, const struct tool_server *s, atelier_id user_id, struct arena *a, const char **ret,
	struct err *e) MUST_CHECK;
/* It has changed, or is gone. */
void tool_server_changed(struct tools *t, const char *kind, atelier_id id);
