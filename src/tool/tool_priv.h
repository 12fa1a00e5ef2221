/* tool_priv.h - what the files of this folder share: the registry, and the sources behind it. */
#pragma once

#include <limits.h>

#include "base/json.h"
#include "base/lock.h"
#include "base/magic.h"
#include "tool/tool.h"

/* Where tools come from. What `list` and `call` are given is as tools_list_all and tools_call have it; `arguments` keep the schema.
 * `list` need not set the hash. */
struct tool_source {
	const char *kind;
	int (*list)(struct tools *t, atelier_id user_id, struct arena *a, struct tool_list *ret, struct err *e);
	/* Whether the tool is this source's. */
	bool (*owns)(const struct tool *tool);
	int (*call)(struct tools *t, const struct tool *tool, const json_t *arguments, const struct tool_run *run,
		struct arena *a, struct tool_result *ret, struct err *e);
};
extern const struct tool_source builtin_source, servers_source;

/* ---- servers: one source of all their kinds (servers.c) ---- */

/* A server as somebody uses it: its row, with what it needs read and opened. */
struct server_use {
	atelier_id id, owner_id, user_id; /* user_id: who uses it */
	const char *name, *kind;
	const json_t *config;
	const json_t *secrets; /* an object of texts: the server's, and over them those of the user */
	const json_t *entry;   /* of a call: what `refresh` said of the tool */
	bool trusted;          /* what it says of its tools is believed */
	bool of_admin;         /* an administrator made it: it may reach what this machine may */
};

/* What to look for of secrets (texts, or objects of them) that are at least 4 bytes long, as they are and as base64. */
struct secret_forms {
	json_t *texts;
	struct str *items; /* of these texts */
	size_t n;
	bool begins[UCHAR_MAX + 1]; /* the bytes at which one of them may begin */
};
void tool_secret_forms(const json_t *secrets, struct secret_forms *ret);
void tool_secret_forms_done(struct secret_forms *f);
/* A look through `n` bytes, by one call of tool_secret_find for each place that it finds: so much work at most. */
struct secret_search {
	const struct secret_forms *forms; /* borrowed */
	size_t steps;
};
struct secret_search tool_secret_search(const struct secret_forms *forms, size_t n);
/* Where the first of these stands, with each of its signs as it is, or as addresses, JSON and pages have it; NULL: nowhere. */
const char *tool_secret_find(struct secret_search *x, const char *p, size_t n, size_t *ret_n);
/* hide.c: secrets in what a server said, in any of these forms, are told as "[secret]". */
void tool_hide(const json_t *secrets, struct buf *b);
/* Stays JSON: only values change, with `names` what these members hold. What says how a tool is called must stay as it is. */
void tool_hide_json(const json_t *secrets, const char *names, struct buf *b);
#define TOOL_HIDE_WORDS "description title summary default const enum enumNames examples"
void tool_hide_result(const json_t *secrets, struct tool_result *r, struct err *e);
struct tool_hiding {
	const struct tool_run *run;
	const json_t *secrets;
};
struct tool_run tool_hiding_run(struct tool_hiding *h); /* the same, of which nothing is told that must not be */

/* What a kind of servers does; a row of `kinds` in servers.c. */
struct tool_kind {
	const char *name;
	bool claims; /* its hints are a server's word, which counts when that is trusted */
	/* Whether a configuration is one: E_INVALID with a sentence. */
	int (*check)(const json_t *config, struct err *e);
	/* Asks for its tools: a JSON list of {name, title?, description, parameters, hints ...} is added. Waits. *ret_about: what there
	 * is to choose from where that is more, the caller's; NULL: nobody chooses. */
	int (*refresh)(struct tools *t, const struct server_use *s, struct cancel *c, struct buf *ret,
		json_t **ret_about, struct err *e);
	int (*call)(struct tools *t, const struct server_use *s, const struct tool *tool, const json_t *arguments,
		const struct tool_run *run, struct arena *a, struct tool_result *ret, struct err *e);
	/* What it is made of has changed, or it is gone: what runs for it is to end. NULL: nothing runs. */
	void (*changed)(struct tools *t, atelier_id server_id);
	/* Adds what its program last wrote on its standard error, of the one that runs for this person. NULL: it is no program. */
	void (*log)(struct tools *t, atelier_id server_id, atelier_id user_id, struct buf *to);
	/* What the kind keeps while the program runs: tools_kind_state. NULL: nothing. */
	int (*start)(struct tools *t, void **ret, struct err *e);
	void (*stop)(void *state);
};
#define TOOL_KINDS_MAX 8
void *tools_kind_state(struct tools *t, const struct tool_kind *k);
extern const struct tool_kind http_kind, openapi_kind, python_kind, mcp_stdio_kind, mcp_http_kind;

/* mcp_kind.c: what a server of MCP says of who may ask, in the arena. E_CONFLICT: it asks nobody to sign in. */
int mcp_challenge_of(struct tools *t, const struct tool_server *s, atelier_id user_id, struct arena *a,
	const char **ret, struct err *e) MUST_CHECK;

/* ---- what servers offer, read once (server_lists.c) ---- */

#define TOOLS_BYTES ((size_t)4 << 20) /* of a server's list */

struct server_tools { /* never changed while somebody holds it */
	struct server_tools *next;
	atelier_id server_id;
	int64_t updated_at, refreshed_at;
	unsigned users;
	struct arena mem;
	char *source;
	struct tool *items;   /* as its server has them: hints are its word, and nobody has said who is asked */
	const char **entries; /* the JSON of each, as `refresh` gave it */
	size_t n;
};
struct server_lists {
	pthread_mutex_t mx; /* of the list, and of `users` of each in it; none of those goes that somebody holds */
	struct server_tools *first;
};
struct tool_server;

/* What the server of the row offers, to be released. Its id and times count; the rest of it is read when it is not known. */
int server_tools_hold(struct tools *t, atelier_id user_id, const struct tool_server *row, struct server_tools **ret,
	struct err *e) MUST_CHECK;
void server_tools_release(struct tools *t, struct server_tools *s);
void server_lists_free(struct server_lists *l);

/* A tool of an entry, but for its source and who is asked. -ENOMEM. */
int server_tool_read(const char *prefix, const json_t *entry, struct arena *a, struct tool *ret) MUST_CHECK;

/* Of name, description and schema, as struct tool has it. NULL: no memory. */
const char *tool_hash(const struct tool *tool, struct arena *a) MUST_CHECK;

/* Any thread. Nothing changes between the start and the end but what has a lock of its own. */
struct tools {
	unsigned magic; /* TOOLS_MAGIC */
#define TOOLS_MAGIC 0x746f6f73u
	struct tools_config config;
	struct server_lists lists;
	void *states[TOOL_KINDS_MAX]; /* of the kinds, in their order */
	struct cancel ending;         /* fired when the program ends */
};

int tools_no_memory(struct err *e); /* recorded, for lists of them */

int servers_start(struct tools *t, struct err *e) MUST_CHECK;
void servers_stop(struct tools *t);

/* The name that models are told for one of a server's tools: at most 64 of [A-Za-z0-9_-]. In the arena. */
const char *server_tool_name(const char *prefix, const char *own_name, struct arena *a);

/* ---- requests of tools (fetch.c) ---- */

struct fetch {
	const char *method, *url;
	const char *const *headers; /* as of struct http_call */
	const char *const *opening; /* in their stead at the origin of `url`: with what opens it; NULL: nothing does */
	struct str body;
	size_t max; /* bytes of an answer */
	bool cuts;  /* what is larger is no failure: that much of it is taken */
	int64_t timeout_ms;
	bool anywhere; /* whoever wants it has rights over this machine: its own network, too */
	bool follow;   /* redirects, at most 5, each checked anew */
	bool web_only; /* ports 80 and 443 alone, and as `follow` */
};
struct fetched { /* fetched_done */
	int status;
	char type[96];
	struct buf body; /* of any status */
	bool cut;        /* there was more */
	struct buf url;  /* where it was found in the end */
};
void fetched_done(struct fetched *f);

/* Negative: E_FORBIDDEN (not a place to reach), -ECANCELED, or it did not come; `e` has a sentence for models. */
int tool_fetch(struct tools *t, const struct fetch *f, struct cancel *c, struct fetched *ret, struct err *e) MUST_CHECK;

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
	bool remembers;                           /* for those who let models remember things */
	bool (*available)(const struct tools *t); /* NULL: always */
	/* A failure that the model is told is a result (tool_fail); negative: as tools_call. */
	int (*call)(struct builtin_call *c, struct err *e);
};

/* The result is a failure with these words; 0. */
int tool_fail(struct tool_result *ret, const char *fmt, ...) PRINTF(2, 3);

int calculator_call(struct builtin_call *c, struct err *e) MUST_CHECK;
int time_zones_load(struct err *e) MUST_CHECK; /* E_INTERNAL: GLib is not there */
int current_time_call(struct builtin_call *c, struct err *e) MUST_CHECK;
int list_documents_call(struct builtin_call *c, struct err *e) MUST_CHECK;
int search_documents_call(struct builtin_call *c, struct err *e) MUST_CHECK;
int read_document_call(struct builtin_call *c, struct err *e) MUST_CHECK;
int find_in_documents_call(struct builtin_call *c, struct err *e) MUST_CHECK;
int web_fetch_call(struct builtin_call *c, struct err *e) MUST_CHECK;
int web_search_call(struct builtin_call *c, struct err *e) MUST_CHECK;
int python_call(struct builtin_call *c, struct err *e) MUST_CHECK;
int list_files_call(struct builtin_call *c, struct err *e) MUST_CHECK;
int read_file_call(struct builtin_call *c, struct err *e) MUST_CHECK;
int write_file_call(struct builtin_call *c, struct err *e) MUST_CHECK;
int remember_call(struct builtin_call *c, struct err *e) MUST_CHECK;
int system_info_call(struct builtin_call *c, struct err *e) MUST_CHECK;
bool web_search_available(const struct tools *t);
bool python_available(const struct tools *t);

/* ---- arguments (arguments.c, coerce.c) ---- */

/* Makes of an object what the schema wants: in place, where nothing is lost. Extra members go when `own`. NULL, or a sentence in the
 * arena that says what is wrong and where. */
const char *schema_fit(const json_t *schema, json_t *object, bool own, struct arena *a);

/* ---- calculator.c ---- */

/* The value of an expression as text. NULL: *ret_why says what is wrong with it. Both in the arena. */
const char *calculate(const char *expression, struct arena *a, const char **ret_why);
