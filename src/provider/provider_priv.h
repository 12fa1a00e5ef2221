/* provider_priv.h - what the files of this room share: the registry's structs, the dialects, the parsing of a stream. */
#pragma once

#include <pthread.h>

#include "base/json.h"
#include "provider/provider.h"

#define LINE_MAX_BYTES (8u << 20) /* what Ollama's own client takes */
#define LIST_MAX_BYTES (16u << 20)
#define BODY_MAX_BYTES (256u << 20)

struct dialect;

/* One look's models, in an arena of their own. Here `id` is the provider's own name of the model. */
struct model_list {
	struct arena arena;
	struct model *models;
	size_t n;
};

enum look_state { LOOK_CHECKING, LOOK_OK, LOOK_UNREACHABLE };

struct provider {
	const struct dialect *dialect;
	const char *name;               /* "ollama": also the prefix of ids that would be ambiguous */
	const char *noun;               /* "Ollama", "The server": what stands before "at ..." */
	char *label;                    /* for sentences: "Ollama", "The server at api.example.org" */
	char *base;                     /* no slash at its end */
	char *shown_url;                /* without user and password */
	char *key;                      /* "" for none */
	_Atomic bool add_v1;            /* the lists were found under base/v1 */
	_Atomic bool no_stream_options; /* learned from a 400 that named the field */

	/* under the registry's lock */
	enum look_state state;
	char *error;
	struct model_list *list; /* last known; NULL: none yet */
	struct cancel *look;     /* of the look that is under way */
};

struct providers {
	const struct settings *settings;
	struct loop *loop;
	struct http_client *http;
	manual_search_fn manual_search;
	void *manual_arg;
	struct provider *all;
	size_t n;
	int64_t loading_after_ms; /* of silence; tests shorten it */

	pthread_mutex_t mx;
	pthread_cond_t cv; /* monotonic; every change below */
	bool started, stopping, looking;
	bool look_wanted;  /* the refreshing thread shall not wait until its time has come */
	uint64_t looks;    /* ended */
	int64_t looked_ms; /* when the last one ended */
	pthread_t thread;
};

/* A model's provider and its name there (in the arena), by id; NULL when unknown. *ret_id: the id as the catalogue has it. */
struct provider *catalogue_find(
	struct providers *p, const char *id, struct arena *a, const char **ret_id, const char **ret_name);

/* ---- the plan of a call: the targets of a model, alias or pattern in the order they are tried ---- */

struct target {
	struct provider *p; /* a reference */
	struct model model; /* as the catalogue has it; in the arena */
	const char *name;   /* the model's own name at the provider */
};

struct plan {
	struct target targets[ROUTE_TARGETS_MAX];
	size_t n;
};

/* At least one target, or E_MODEL_UNKNOWN with a sentence. Targets that nobody offers now are left out; those whose
 * breaker is open stand behind the others. */
int catalogue_plan(struct providers *ps, const char *model, struct arena *a, struct plan *ret, struct err *e) MUST_CHECK;
void plan_done(struct plan *p);

/* A configuration may change under a running call: what the call uses lives until the call lets go of it. */
struct provider *provider_ref(struct provider *p);
void provider_unref(struct provider *p);

/* ---- breaker.c: a provider that failed several times in a row is left alone for a while, then one call may try ---- */

/* 0: go on, and say how it went with breaker_leave; E_PROVIDER_DOWN with a sentence: it is open. */
int breaker_enter(struct providers *ps, struct provider *p, struct err *e) MUST_CHECK;
enum breaker_outcome { BREAKER_OK, BREAKER_FAILED, BREAKER_UNKNOWN /* stopped before it could be told */ };
void breaker_leave(struct providers *ps, struct provider *p, enum breaker_outcome o);

/* A call of this model began that has no first byte yet (+1), or that is over (-1): the catalogue says `loading` while
 * a model that is not known to be loaded has such calls. */
void catalogue_note_waiting(struct providers *ps, struct provider *p, const char *name, int change);
/* A first byte came: the model is ready, and this long is what people wait here. */
void catalogue_note_first_token(struct providers *ps, struct provider *p, const char *name, int64_t ms);

/* ---- queue.c: places at a provider, fair between callers ---- */

struct slots; /* of one provider */
struct slots *slots_new(void);
void slots_free(struct slots *s);
void slots_limit(struct slots *s, int64_t max); /* 0: no limit; a change counts at once */
/* Waits for a place: callers take turns, each one's calls in their order. `position` (from 1) is told from the calling
 * thread at first and when it has changed. -ECANCELED; negative of `position` ends the wait. */
int slots_take(struct slots *s, int64_t caller, struct cancel *cancel, int (*position)(void *arg, int64_t n), void *arg,
	int64_t *ret_waited_ms) MUST_CHECK;
void slots_give(struct slots *s);
void slots_count(struct slots *s, int64_t *ret_running, int64_t *ret_queued);
bool catalogue_has_real_model(struct providers *p);

/* What a call says about its provider: `why` it could not be reached, or NULL when it answered. */
void catalogue_note_call(struct providers *ps, struct provider *p, const struct err *why);

/* Sets and returns E_MODEL_UNKNOWN; the sentence names the providers that cannot be reached, and why. */
int catalogue_unknown_model(struct providers *ps, const char *model, struct err *e);
void model_list_free(struct model_list *l);
DEFINE_CLEANUP(struct model_list, model_list_free)

/* ---- lines.c ---- */

struct lines {
	struct buf part; /* the beginning of a line whose end has not come */
	bool skip_lf;    /* the last piece ended with a CR */
};
#define LINES_INIT ((struct lines){.part = BUF_INIT(LINE_MAX_BYTES)})

typedef int (*line_fn)(void *arg, const char *p, size_t n);

/* Calls fn for each line (\n, \r\n or \r) of the piece; whole lines are handed over where they lie. E_TOO_LARGE, or
 * what fn returned. */
int lines_feed(struct lines *l, const char *p, size_t n, line_fn fn, void *arg) MUST_CHECK;
int lines_finish(struct lines *l, line_fn fn, void *arg) MUST_CHECK; /* a last line without its end */
void lines_done(struct lines *l);

/* ---- scan.c: a strict reader of the few shapes that nearly all lines have ---- */

struct json_scan {
	const char *p, *end;
};

/* Each returns false when the text is not exactly this: then the full parser judges the whole line. Leading white space
 * is skipped. json_scan_string gives the raw text between the quotes. */
bool json_scan_char(struct json_scan *s, char c);
bool json_scan_string(struct json_scan *s, struct str *ret_raw);
bool json_scan_word(struct json_scan *s, const char *word); /* null, true, false */
bool json_scan_scalar(struct json_scan *s); /* any string, number or word; what it says does not matter */
bool json_scan_end(struct json_scan *s);

/* 1: a member's key, the scan stands at its value; 0: the object's end; -1: not this shape. `*first` begins as true. */
int json_scan_member(struct json_scan *s, bool *first, struct str *ret_key);

/* Parses one JSON text; what strict parsers refuse but servers send (invalid UTF-8, NUL, lone surrogates and raw control
 * characters in strings) is repaired first. */
int wire_parse(const char *p, size_t n, json_t **ret) MUST_CHECK;

/* The message of an error body of any known shape, cut to a sentence's length; "" when there is none. */
void wire_error_text(const json_t *root, char *ret, size_t size);
void wire_error_body(const char *p, size_t n, char *ret, size_t size);
const char *wire_full_stop(const char *text); /* what the text lacks to be a sentence: "." or "" */

/* ---- answer.c: one answer being read ---- */

enum think_state { THINK_START, THINK_IN, THINK_OFF };

struct answer {
	const struct dialect *dialect;
	const char *label;
	struct gen_sink *sink;
	struct err *e;
	int64_t start_ms, ended_ms;
	int64_t tokens_in, tokens_out, first_token_ms;
	char finish_reason[24];
	bool ended; /* the dialect's end mark has come: what follows is ignored */
	bool got_byte;

	struct lines lines;
	enum think_state think;
	bool skip_space;
	unsigned n_held;
	char held[40]; /* what may become a tag */

	enum { BODY_UNKNOWN, BODY_LINES, BODY_JSON } body;
	struct buf data;  /* openai: an event of several lines, or a whole JSON answer */
	bool error_event; /* openai: the event is named so */
};

void answer_init(struct answer *s, const struct dialect *d, const char *label, struct gen_sink *sink, struct err *e);
void answer_done(struct answer *s);
int answer_feed(struct answer *s, const char *p, size_t n) MUST_CHECK;
int answer_finish(struct answer *s) MUST_CHECK;

/* For the dialects. Content is looked through for <think> at its start; _raw is still escaped as in JSON. */
int answer_content_raw(struct answer *s, const char *raw, size_t n) MUST_CHECK;
int answer_content(struct answer *s, const char *p, size_t n) MUST_CHECK;
int answer_reasoning(struct answer *s, const char *p, size_t n) MUST_CHECK;
void answer_set_reason(struct answer *s, const char *reason);
void answer_end(struct answer *s);

/* ---- dialects ---- */

struct gen_call {
	struct buf url, body, auth;
	const char *headers[5];
};

struct dialect {
	const char *kind;
	int (*request)(struct provider *p, const char *model, const struct gen_request *q, struct gen_call *r);
	int (*feed)(struct answer *s, const char *p, size_t n);
	int (*finish)(struct answer *s); /* no more bytes will come */
	/* Fills the list (its arena is ready). `e` says in words what is wrong. */
	int (*list)(struct providers *ps, struct provider *p, int64_t timeout_ms, struct cancel *c,
		struct model_list *l, struct err *e);

	/* Of a built-in provider, in place of all the above: a whole call, and the list that never changes. */
	int (*generate)(struct providers *ps, const struct gen_request *q, struct gen_sink *sink, struct cancel *cancel,
		struct gen_result *ret, struct err *e);
	int (*fixed_list)(struct model_list *l);
};

extern const struct dialect ollama_dialect, openai_dialect, librarian_dialect;

void gen_call_done(struct gen_call *r);
void gen_call_add_messages(struct buf *b, const struct gen_request *q); /* "messages":[...] */

/* GET of a JSON document for a list; *ret_status is set also on failure. */
int provider_list_fetch(struct providers *ps, struct provider *p, const char *url, int64_t timeout_ms, struct cancel *c,
	json_t **ret, int *ret_status, struct err *e) MUST_CHECK;

/* The error of an answer whose status is not 2xx; sets and returns it. */
int provider_status_error(const struct provider *p, const char *model, const struct http_result *res, struct err *e);
