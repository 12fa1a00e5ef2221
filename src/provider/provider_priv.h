/* provider_priv.h - what the files of this room share: the registry's structs, the dialects, the parsing of a stream. */
#pragma once

#include "base/json.h"
#include "provider/answer.h"
#include "provider/manage.h"
#include "provider/registry_priv.h"

#define LIST_MAX_BYTES (16u << 20)
#define BODY_MAX_BYTES (256u << 20)
#define GEN_CALL_INIT  ((struct gen_call){.url = BUF_INIT(2048), .body = BUF_INIT(BODY_MAX_BYTES)})

/* ---- queue.c: places at a provider, fair between callers ---- */

struct slots *slots_new(struct slots *group); /* NULL: of a provider, all of whose calls in the background they bound */
void slots_free(struct slots *s);             /* of a provider, with those of its models */
void slots_limit(struct slots *s, int64_t max); /* 0: no limit; a change counts at once */
void slots_learn(struct slots *s);              /* the limit is found out, and what was found out before is forgotten */

/* What a call asks for and has: in its own frame, from slots_take to slots_give. */
struct place {
	int64_t caller, key; /* who takes turns with others; key: with those of the same caller */
	struct cancel *cancel;
	bool background; /* only where nobody else is; whoever would wait for it fires `cancel` with E_BUSY */
	int (*position)(
		void *arg, int64_t n); /* from 1; told by the calling thread, at first and when it changed; or NULL */
	void *arg;

	int64_t waited_ms;   /* for the place, and over there for the end of another call */
	struct slots *slots; /* NULL: it has none */
	struct place *next, **prev;
	int64_t taken_ms;
	bool answers;
};

/* Waits for a place: callers take turns, each one's calls in their order. -ECANCELED; negative of `position` ends it. */
int slots_take(struct slots *s, struct place *p) MUST_CHECK;
/* Until nobody would have to wait for a call in the background: 0, E_BUSY when the time is up, -ECANCELED. */
int slots_await_idle(struct slots *s, struct cancel *cancel, int64_t wait_ms) MUST_CHECK;
void slots_begun(struct place *p); /* its answer has; any thread */
/* Of one that has a place, while its answer has not begun: its number among those that wait over there for the answers of
 * others; 0: it does not wait for others, as far as is known. Any thread. */
int64_t slots_number(const struct place *p);
void slots_give(struct place *p);
void slots_count(struct slots *s, int64_t *ret_running, int64_t *ret_queued);

/* ---- dialects ---- */

/* A request that is ready to be sent. */
struct gen_call {
	struct buf url, body;
	struct names names; /* of tools that are not sent by their own */
	char *lines[16];    /* of the headers */
	size_t n_lines;
	const char *headers[17]; /* NULL-terminated */
	unsigned quirks;         /* what is known of the model: quirks.c */
	unsigned lessons;        /* what refusals of this very request have taught already */
	int64_t context;         /* ollama: the window to ask with; 0: its own */
};

struct dialect {
	const char *kind;
	unsigned api; /* bits of enum provider_api */
	int (*request)(const struct target *t, const struct gen_request *q, struct gen_call *r, struct err *e);
	/* What the text of a refusal (400, 422) says of the server: quirks that r->quirks lacks; 0: nothing new. */
	unsigned (*learn)(
		const struct target *t, const struct gen_request *q, const struct gen_call *r, struct str error);
	/* What of a request was not sent (struct gen_result), though the API has a word for it. */
	unsigned (*lost)(const struct target *t, const struct gen_request *q, const struct gen_call *r);
	int (*line)(struct answer *s, const char *p, size_t n); /* of the answer's stream, without its end */
	scan_fn scan; /* of dialects whose lines are JSON: what nearly all are; those do not come to `line` then */
	int (*finish)(struct answer *s); /* no more bytes will come */
	/* Of dialects that use sse.c: the data of one event. `usual` takes the shapes of nearly all events without a
	 * parser: 1 taken, 0 another shape; `object` takes any. */
	int (*usual)(struct answer *s, const char *p, size_t n);
	int (*object)(struct answer *s, const json_t *root);
	/* Vectors of texts; NULL: it has none. embed.c reads the answers of all. */
	int (*embed)(const struct target *t, const struct embed_request *q, const char *const *inputs, size_t n,
		struct gen_call *r);
	/* Which of some texts answer a question; NULL: it has no service for that. rerank.c reads the answers of all. */
	int (*rerank)(const struct target *t, const struct rerank_request *q, struct gen_call *r);
	/* Asks how many tokens the request has, to be answered with "input_tokens"; NULL: it cannot be asked. */
	int (*count)(const struct target *t, const struct gen_request *q, struct gen_call *r, struct err *e);
	/* Fills the list (its arena is ready). `e` says in words what is wrong. */
	int (*list)(struct providers *ps, struct provider *p, int64_t timeout_ms, struct cancel *c,
		struct model_list *l, struct err *e);

	/* Of a built-in provider, in place of all the above: a whole call, and the list that never changes. */
	int (*generate)(struct providers *ps, const struct gen_request *q, struct gen_sink *sink, struct cancel *cancel,
		struct gen_result *ret, struct err *e);
	int (*fixed_list)(struct model_list *l);
};

extern const struct dialect ollama_dialect, openai_dialect, anthropic_dialect, librarian_dialect;

/* Requests, in *_request.c; answers stand beside. */
int openai_request(const struct target *t, const struct gen_request *q, struct gen_call *r, struct err *e) MUST_CHECK;
int openai_count(const struct target *t, const struct gen_request *q, struct gen_call *r, struct err *e) MUST_CHECK;
unsigned openai_learn(const struct target *t, const struct gen_request *q, const struct gen_call *r, struct str error);
unsigned openai_lost(const struct target *t, const struct gen_request *q, const struct gen_call *r);
int openai_embed(const struct target *t, const struct embed_request *q, const char *const *inputs, size_t n,
	struct gen_call *r) MUST_CHECK;
int openai_rerank(const struct target *t, const struct rerank_request *q, struct gen_call *r) MUST_CHECK;
int ollama_request(const struct target *t, const struct gen_request *q, struct gen_call *r, struct err *e) MUST_CHECK;
unsigned ollama_learn(const struct target *t, const struct gen_request *q, const struct gen_call *r, struct str error);
unsigned ollama_lost(const struct target *t, const struct gen_request *q, const struct gen_call *r);
int ollama_embed(const struct target *t, const struct embed_request *q, const char *const *inputs, size_t n,
	struct gen_call *r) MUST_CHECK;
int anthropic_request(
	const struct target *t, const struct gen_request *q, struct gen_call *r, struct err *e) MUST_CHECK;
unsigned anthropic_lost(const struct target *t, const struct gen_request *q, const struct gen_call *r);
int anthropic_count(const struct target *t, const struct gen_request *q, struct gen_call *r, struct err *e) MUST_CHECK;
unsigned anthropic_learn(
	const struct target *t, const struct gen_request *q, const struct gen_call *r, struct str error);

/* The lists of models, each in a file of its own: `list` of the dialects. */
int ollama_list(struct providers *ps, struct provider *p, int64_t timeout_ms, struct cancel *c, struct model_list *l,
	struct err *e) MUST_CHECK;
int openai_list(struct providers *ps, struct provider *p, int64_t timeout_ms, struct cancel *c, struct model_list *l,
	struct err *e) MUST_CHECK;
int anthropic_list(struct providers *ps, struct provider *p, int64_t timeout_ms, struct cancel *c, struct model_list *l,
	struct err *e) MUST_CHECK;

void gen_call_done(struct gen_call *r);

/* RFC 3339 to Unix ms; what is no time leaves *ret as it is. */
void wire_time(const char *text, int64_t *ret);

/* GET (or POST of that JSON text) of a JSON document, with the provider's key; *ret_status is set also on failure. */
int provider_fetch_json(struct providers *ps, struct provider *p, const char *url, const char *post, int64_t timeout_ms,
	struct cancel *c, json_t **ret, int *ret_status, struct err *e) MUST_CHECK;

/* What such an answer says beyond its status: E_CONTEXT_TOO_LONG (with the figures in *e when nothing is recorded there
 * yet), E_PROVIDER_QUOTA, or 0. */
int refusal_code(int status, struct str body, struct err *e) MUST_CHECK;
/* The same for an error that came in a stream, behind a status of 200. */
int refusal_in_stream(const json_t *root, struct err *e) MUST_CHECK;

/* What a status, of an answer or within one, means. What of the request is wrong stays wrong; the rest may be well later. */
int provider_status_code(int status);
/* What an error says to programs where E_PROVIDER_REJECTED stands for it, before that is recorded: by a code why the request
 * is not taken ("content_filter"), and what of it ("messages[1].role"). */
void provider_note_theirs(const json_t *root, const char *key, struct err *e);
/* The error of an answer whose status is not 2xx; sets and returns it. */
int provider_status_error(const struct provider *p, const char *model, const struct http_result *res, struct err *e);
