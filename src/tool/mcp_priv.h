/* mcp_priv.h - what the files of the MCP client share: a server, what is waited for, and what has come. */
#pragma once

#include <pthread.h>

#include "base/lock.h"
#include "base/magic.h"
#include "http/client.h"
#include "sys/pool.h"
#include "tool/mcp.h"

#define MCP_MODERN_VERSION "2026-07-28"
#define MCP_LEGACY_VERSION "2025-11-25"
#define MCP_MESSAGE_MAX    ((size_t)16 << 20) /* bytes of one message of a server */
#define MCP_META           "io.modelcontextprotocol/"
#define MCP_RETRY_MAX_MS   30000

struct mcp_shared {
	unsigned magic; /* MCP_SHARED_MAGIC */
#define MCP_SHARED_MAGIC 0x6d636864u
	struct processes *processes;
	struct http_client *http;
	struct pool *pool; /* a thread for each exchange over HTTP that is open */
};

/* What came from a server, until somebody who waits for it has read it. */
enum mcp_kind {
	MCP_TEXT,  /* a message */
	MCP_CUT,   /* both ends of one that was too long */
	MCP_ENDED, /* an exchange over HTTP has ended: its status, its body when that is a failure's */
	MCP_GONE   /* the program has ended: why */
};

struct mcp_message {
	struct mcp_message *next;
	enum mcp_kind kind;
	int64_t id;      /* of the request whose exchange it came by; 0: of none */
	int status;      /* ENDED; 0: no answer came */
	int code;        /* ENDED: the failure */
	char place[128]; /* ENDED: the last event's id, to go on from there; "": none */
	int64_t retry_ms;
	size_t n;
	char text[]; /* terminated */
};

struct mcp_wait {
	struct mcp_wait *next;
	struct mcp *m;
	int64_t id;
	const struct tool_run *run;
	bool is_call; /* of a tool */
	bool stopped; /* by its cancel */
	bool done;
	json_t *result, *error; /* what came */
	int code;               /* done, and neither: the failure */
	int status;             /* of HTTP, when the exchange ended before; 0: it did not */
	char why[256];
	json_t *news, *questions; /* arrays: parameters of progress; requests of the server */
	int64_t idle_ms, heard_ms, began_ms;
	unsigned resumed;
};

enum mcp_state { MCP_CLOSED, MCP_OPENING, MCP_OPEN };

struct mcp_exchange;

/* Any thread that may wait. Above `mx` nothing changes once it is made; all below is under it. */
struct mcp {
	unsigned magic; /* MCP_MAGIC */
#define MCP_MAGIC 0x6d63706du
	struct mcp_shared *shared;
	struct arena mem; /* of the configuration */
	struct mcp_config c;
	pthread_mutex_t mx;
	pthread_cond_t cv;
	enum mcp_state state;
	enum mcp_era era;   /* of this connection */
	enum mcp_era known; /* of the last one; AUTO: there was none */
	char version[16];
	json_t *about;
	int64_t last_id;
	struct mcp_wait *waits;
	unsigned asking;   /* who is in mcp_request */
	bool call_stopped; /* of its program, which is therefore to end */
	struct mcp_message *inbox, **inbox_end;
	size_t inbox_bytes;
	bool reading; /* somebody who waits has taken a message out of it: the next one is taken behind that */
	int64_t idle_since;
	unsigned crashes;      /* in a row */
	int64_t not_before_ms; /* it is not started again before */
	struct process *process;
	struct gate *gate; /* its way out; NULL: none */
	struct buf errors; /* of the last one, when there is none */
	bool gone;
	char end[256];       /* how, then */
	char session[256];   /* Mcp-Session-Id */
	char challenge[512]; /* WWW-Authenticate of the last 401 */
	bool listening;      /* to what an address tells unasked */
	bool listed;         /* its tools, before that */
	struct mcp_exchange *exchanges;
};

/* mcp_rpc.c: requests, what comes, and waiting */
struct mcp_answer {
	json_t *result, *error; /* one of them */
	int status;             /* of HTTP, when it was no success; also when there is neither */
};
void mcp_answer_done(struct mcp_answer *a);
/* Sends a request and waits for its end; no opening, no second try. `params` is taken. `headers`: more of HTTP, may be NULL.
 * *ret is set whatever is returned. */
int mcp_exchange(struct mcp *m, const char *method, json_t *params, const char *const *headers,
	const struct tool_run *run, struct mcp_answer *ret, struct err *e) MUST_CHECK;
int mcp_send(struct mcp *m, const json_t *o, struct err *e) MUST_CHECK; /* an answer, a notice */
void mcp_listen(struct mcp *m); /* to changes of its tools, where it tells of them */
int mcp_notify(struct mcp *m, const char *method, json_t *params, struct err *e);
void mcp_deliver(struct mcp *m, enum mcp_kind kind, int64_t id, const char *p, size_t n);
void mcp_deliver_message(struct mcp *m, struct mcp_message *msg); /* taken */
struct mcp_message *mcp_message_new(enum mcp_kind kind, int64_t id, const char *p, size_t n);
void mcp_inbox_clear(struct mcp *m); /* mx held */
/* The code and words of a failure that came as a JSON-RPC error. */
int mcp_error(struct mcp *m, const json_t *error, struct err *e);

/* mcp_server.c: what a server asks and tells */
void mcp_take_request(struct mcp *m, int64_t exchange, const json_t *request);
void mcp_take_notice(struct mcp *m, const json_t *notice);
/* On the thread of who waits: asks the person, and answers. */
void mcp_answer_question(struct mcp *m, const struct tool_run *run, const json_t *question);
/* The same for one within a result; *ret: what goes into inputResponses. */
int mcp_ask(struct mcp *m, const struct tool_run *run, const char *method, const json_t *params, json_t **ret,
	struct err *e) MUST_CHECK;
json_t *mcp_capabilities(bool asks);

/* mcp_open.c */
int mcp_open(struct mcp *m, const struct tool_run *run, struct err *e) MUST_CHECK; /* OPEN when it returns 0 */
void mcp_shut(struct mcp *m); /* whatever state it is in; waits end with E_PROVIDER_BROKEN */

/* mcp_stdio.c */
int mcp_stdio_start(struct mcp *m, struct err *e) MUST_CHECK;
void mcp_stdio_stop(struct mcp *m, int64_t grace_ms);

/* mcp_events.c: what comes by a stream of events. */
struct mcp_events {
	struct buf in;   /* a begun line */
	struct buf data; /* of the event */
	char place[128]; /* the last event's id */
	int64_t retry_ms;
	void (*message)(void *arg, const char *p, size_t n);
	void *arg;
};
/* E_TOO_LARGE, -ENOMEM. */
int mcp_events_take(struct mcp_events *x, const char *p, size_t n) MUST_CHECK;

/* mcp_http.c */
/* POSTs a text; what comes of it is delivered under this id. id 0: an answer or a notice, nobody waits for its end. */
int mcp_http_send(
	struct mcp *m, int64_t id, const char *text, size_t n, const char *const *headers, struct err *e) MUST_CHECK;
void mcp_http_resume(struct mcp *m, const struct mcp_message *ended); /* a stream that broke off goes on */
void mcp_http_settle(struct mcp *m); /* until all that was sent has been taken, some seconds at most */
/* What the server tells unasked: by this request that is answered for as long as both live; NULL: by a GET. */
void mcp_http_listen(struct mcp *m, const char *text, size_t n);
void mcp_http_drop(
	struct mcp *m, int64_t id); /* ends the exchanges of a request; 0: all, and waits until they have ended */

/* mcp_headers.c: the rules of x-mcp-header */
const char *mcp_header_problem(const json_t *schema); /* NULL: it keeps them */
/* "Mcp-Method", "Mcp-Name" and "Mcp-Param-*" lines, NULL-terminated, in the arena. */
int mcp_headers(const char *method, const char *name, const json_t *schema, const json_t *arguments, struct arena *a,
	const char ***ret) MUST_CHECK;

/* mcp_result.c */
int mcp_result(const json_t *result, struct arena *a, struct tool_result *ret, struct err *e) MUST_CHECK;
