/*
 * gateway.h - calls of models by other programs, in the shapes of OpenAI, Anthropic and Ollama. The core opens the call,
 * runs it and writes the answer; a shape says how bytes look. A handler of a route with ROUTE_CALL runs on a thread of
 * the gateway's pool, which sleeps while tokens flow:
 *
 *	int chat_post(struct request *q)
 *	{
 *		CLEANUP(gw_closep) struct gw_call *c = NULL;
 *		int r = gw_open(q, &chat_format, &c);   the body is parsed, the model found, the key asked
 *		if (r >= 0)
 *			r = openai_read_chat(c);          fills c->req from c->body; may set c->stream, c->shape
 *		return r < 0 ? r : gw_generate(c);
 *	}
 *
 * Whatever such a handler returns negative (cause in q->err) is answered by the dispatcher in the route's shape.
 */
#pragma once

#include "api/gateway/remarks.h"
#include "api/request.h"
#include "provider/collect.h"
#include "provider/provider.h"

struct gw_call;
struct gw_acting;
struct once_chosen;
struct turn_request;

/* What an assistant did with a tool of its own on the way to its answer. */
struct gw_activity {
	const char *id, *name;
	struct buf arguments; /* whole once it runs */
	const char *result;   /* its text, or why it came to nothing; NULL: it runs */
	size_t text_at;       /* it stands behind so much of c->answer.text */
	size_t notes_at;      /* and so much of the annotations there */
	bool failed;
	int at; /* the format's own */
	bool begun;
	struct gw_activity *next;
};

/*
 * How an answer looks. All but `whole` run on the loop thread, must not wait, and append to `out` what the client is to
 * get. Of a stream: begin once, then pieces and heartbeats, then end or error once. The stream (status 200) begins with
 * the first piece, or (if there is a heartbeat) after settings.heartbeat_s; what fails before is a real HTTP error.
 */
struct gw_format {
	const char *content_type; /* of the stream: text/event-stream, application/x-ndjson */
	bool keep_text;           /* c->answer has the texts of a stream too, already with the piece at hand */
	bool text_at_end;         /* all that was said in a stream is one text, which `end` tells; with keep_text */
	/* A call's arguments are an object there, and it is told when it is whole: what the model ended but is no object
	 * makes the answer fail, for there is no way to tell it. */
	bool calls_are_objects;
	void (*begin)(struct gw_call *c, struct buf *out); /* may be NULL */
	/* A piece of text, escaped as in a JSON string, without quotes: splice it. `reasoning` may be NULL: left out. */
	void (*text)(struct gw_call *c, struct str escaped, struct buf *out);
	void (*reasoning)(struct gw_call *c, struct str escaped, struct buf *out);
	/* NULL: calls are told by `end`. Of arguments at most 48 KiB at once, cut between characters. */
	void (*tool)(struct gw_call *c, const struct call_piece *t, struct buf *out);
	/* It runs, or (also as the first that is heard of it) has its result. Of a stream; else they are in gw_activities().
	 * NULL: a line of `reasoning` tells of it. */
	void (*activity)(struct gw_call *c, struct gw_activity *a, struct buf *out);
	/* How likely the newest tokens of a stream were, as in gen_answer; NULL: not told. */
	void (*logprobs)(struct gw_call *c, struct str items, struct buf *out);
	/* What a stream newly has beside its text, as in gen_answer. NULL: annotations are in the remarks, and a notice says
	 * that there were pictures or sound. With `event`: of an answer that is no stream, too. */
	void (*beside)(struct gw_call *c, enum gen_beside_kind kind, struct str items, struct buf *out);
	bool has_media; /* there is a form for pictures and sound */
	/* Of several answers, one that is not the last has ended: the end of its part of the stream, or its object of the
	 * whole with a comma behind it. NULL: there is one answer. */
	void (*choice)(struct gw_call *c, struct buf *out);
	/* Every event as it comes, in place of text, reasoning, tool and of what is kept of them: for an interface of ours.
	 * NULL: none. Negative ends the call. */
	int (*event)(struct gw_call *c, enum event_type type, const char *json, size_t n, struct buf *out);
	void (*heartbeat)(struct gw_call *c, struct buf *out); /* NULL: none; gw_heartbeat_comment for SSE */
	void (*end)(struct gw_call *c, struct buf *out);       /* c->result is set; not called after raw bytes */
	void (*error)(struct gw_call *c, const struct err *e, struct buf *out); /* in the stream; no fake finish */
	/* The body of an answer that is no stream, of c->answer and c->result. Gateway thread. */
	int (*whole)(struct gw_call *c, struct buf *out);
};

struct gw_call {
	struct request *q; /* arena q->mem, error q->err, id q->id */
	const struct gw_format *format;
	json_t *body;             /* the request: an object; its strings live as long as the call and may be borrowed */
	const char *model;        /* as the client wrote it: what the answer names */
	struct gen_request req;   /* model (resolved) and caller are set by gw_open, the rest by the handler */
	struct gw_acting *acting; /* the assistant has tools (activity.c); NULL: none */
	const struct once_chosen *assistant; /* what an assistant adds to `req`: set by gw_open; NULL: none, or done */
	struct embed_request embed;          /* what a request for vectors says beside its texts */
	bool stream;                         /* set by gw_open from "stream" (absent: false) */
	void *shape;                         /* the format's own state */
	int (*run)(struct gw_call *c, struct gen_sink *sink); /* answers in place of the model; NULL: that is asked */
	char id[ID_LEN + 1];                                  /* of the answer, for "chatcmpl-%s", "msg_%s" ... */
	int64_t created_ms;                                   /* Unix */
	struct cancel *cancel; /* of the flow; fired when the client leaves, does not read, or the server stops */

	int64_t n_choices;  /* how many answers are wanted; 0: one */
	int64_t choice;     /* which one comes just now, from 0 */
	struct buf choices; /* of an answer that is no stream: what `choice` said of those before */
	struct gen_logprobs logprobs;
	struct gen_beside beside;
	/* What has come so far. Calls are always kept; texts only when the answer is no stream, or the format keeps them. */
	struct gen_answer answer;
	struct buf sources;         /* data of events `citation` with commas between: what the answer was made of */
	struct gen_result result;   /* at the end: of all answers */
	struct gen_result reported; /* of the last one: as the provider said it, without estimates */
	int64_t cost_micros;        /* of the last one; 0: not known */
	const char *purpose;        /* of the row of usage; NULL: gateway */
	/* Of end and whole: stop, tool_calls; whatever was called: length, content_filter; or the provider's own word. */
	const char *finish;
	int n_fetched;           /* images fetched for this request */
	const char *ignored;     /* "a, b": what of the request has no effect; NULL: nothing */
	const char *changed;     /* "a=b, c=d": what counts as something else, the nearest there is; NULL: nothing */
	const char *notice;      /* what the model made of the request that is not what was asked; NULL: nothing */
	const char *effort_name; /* of the member that says how much is thought; NULL: reasoning_effort */
	bool known;              /* the model, which has this */
	unsigned api;            /* bits of enum provider_api */
	bool sees, thinks;
	int64_t max_output; /* tokens of an answer; 0: not known */
	bool got_raw;       /* raw bytes have been written */

	struct gw_flow *flow; /* stream.c */
};

/* Parses the body, resolves "model" (E_MODEL_UNKNOWN; E_INVALID when it is missing), asks whether the key may use it
 * (E_FORBIDDEN), and watches whether the client leaves. On failure *ret may be set all the same: close it. */
int gw_open(struct request *q, const struct gw_format *f, struct gw_call **ret) MUST_CHECK;
/* For a route of our own, whose body the dispatcher has parsed: c->body stays NULL, and the caller sets c->model and c->req. */
int gw_open_own(struct request *q, const struct gw_format *f, bool stream, struct gw_call **ret) MUST_CHECK;
int gw_name(struct gw_call *c, uint64_t name) MUST_CHECK; /* for gateway_cancel; 0: none. E_CANCELED: it came before */
void gw_closep(struct gw_call **c);

/* What the assistant did, in order; NULL: nothing. */
struct gw_activity *gw_activities(const struct gw_call *c);

/* A stretch of a whole answer's text, and the annotations of that. */
struct gw_stretch {
	size_t text_from, text_to, notes_to;
	struct str notes; /* with commas between */
};
/* The one behind `before`, up to what the assistant did then; NULL: to the end. */
struct gw_stretch gw_stretch_to(const struct gw_call *c, const struct gw_stretch *before, const struct gw_activity *to);

/* Runs c->req and answers: by a stream (q->taken) or by q->raw. Returns < 0 only when nothing was sent. */
int gw_generate(struct gw_call *c) MUST_CHECK;

/* As struct gen_raw's `bytes`: the client gets them as they are, in a stream that begins with them (`begin` is not
 * called). arg: the call. Loop thread. */
int gw_write_raw(void *arg, const char *p, size_t n);

/* Embeds, the client leaving cancels; the vectors are in q->mem. c->req.model is asked. */
int gw_embed(struct gw_call *c, const char *const *inputs, size_t n, int64_t dimensions,
	struct embed_result *ret) MUST_CHECK;

int64_t gw_place(const struct gw_call *c); /* in the queue of its provider, from 1; 0: it does not wait there */

/* ": ping", and the place in the queue of a call that waits, with one line end: an empty line behind a comment is an event without data to some clients. */
void gw_heartbeat_comment(struct gw_call *c, struct buf *out);

void gw_add_line(struct str json, struct buf *out); /* valid JSON text on one line, digits and order as they are */

/* ---- reading requests; texts are borrowed from the body or in the arena ---- */

/* The whole body as a JSON object; E_INVALID. For handlers that open no call: json_decref it. An empty body is {} when
 * `may_be_empty`. */
int gw_body(struct request *q, bool may_be_empty, json_t **ret) MUST_CHECK;

/* A model by what a client wrote ("name" also means "name:latest"), if the key may use it. *ret_id in the arena. */
int gw_resolve(struct request *q, const char *model, const char **ret_id) MUST_CHECK;

/* ---- models, and assistants as models: "assistant/NAME" ---- */

/* Those that the key may use and that are not hidden, with the assistants that the person may use; in the arena. */
int gw_models(struct request *q, struct catalogue *ret) MUST_CHECK;
/* One of them, or a hidden one, by what gw_open takes. E_MODEL_UNKNOWN, E_FORBIDDEN. */
int gw_model(struct request *q, const char *name, struct model *ret) MUST_CHECK;
/* The answer is of one that has tools: they are run (activity.c). `t` is as once_choose had it. */
int gw_act_for(struct gw_call *c, const struct turn_request *t) MUST_CHECK;
/* The request has been read: puts the assistant's instructions before its messages, and the assistant's parameters where it
 * says nothing itself. gw_generate does it; before, for who looks at `req` earlier. */
int gw_lay_assistant(struct gw_call *c) MUST_CHECK;

/* temperature, top_p, top_k, min_p, seed, presence_penalty, frequency_penalty, repeat_penalty of an object (a request,
 * or Ollama's options), laid over what *ret has; null and absent are the same. E_INVALID for one that is no number. */
int gw_read_sampling(struct gw_call *c, const json_t *from, struct gen_sampling *ret) MUST_CHECK;

/* A number of any size or kind, cut to a whole one that an int64_t holds; 0 for what is none. */
int64_t gw_whole_number(const json_t *v);

/* Asks for the probabilities of tokens; told as ignored where nobody knows them. */
void gw_want_logprobs(struct gw_call *c, int64_t top);

/* "stop", "stop_sequences": a string, an array of strings, or null. */
int gw_read_stop(struct gw_call *c, const json_t *stop, const char *const **ret) MUST_CHECK;

/* JSON value as compact text in the arena; NULL for NULL. -ENOMEM recorded. */
int gw_json_text(struct gw_call *c, const json_t *v, const char **ret) MUST_CHECK;

/* Whether the API of the model's provider (the first one's, of a route) can one of these: bits of enum provider_api; when it
 * is not known, what nearly all can. And whether the model may be shown pictures. */
bool gw_target_can(struct gw_call *c, unsigned api);
bool gw_target_sees(struct gw_call *c);
bool gw_target_thinks(struct gw_call *c);                    /* false when it is not known */
bool gw_word_in(const char *const *words, const char *word); /* NULL-terminated */
bool gw_ends_with(const char *s, const char *end);           /* and has more before it; NULL has not */
/* The members of `from` that are not `known`: text (,"name":value ...) for a provider of the shape `api` (0: none speaks so), as the client
 * does; for others they are ignored ones, named as `within`.name where `from` is not the request itself. */
int gw_read_extras(struct gw_call *c, const json_t *from, const char *within, unsigned api, const char *const *known,
	const char **ret) MUST_CHECK;
/* They have no effect anywhere. */
void gw_ignore_extras(struct gw_call *c, const json_t *from, const char *within, const char *const *known);

/* An image by what stands in a request: a data: URL, or an http(s) one, which is passed on, or fetched when the model's
 * provider takes no addresses. E_INVALID with a sentence. */
int gw_read_image(struct gw_call *c, const char *url, struct gen_image *ret) MUST_CHECK;
/* A file in a data: URL: a text, behind a line with its name, or a PDF (*ret_text stays NULL). E_INVALID, unrecorded, for what
 * is neither, or what the model's provider does not take. */
int gw_read_file(
	struct gw_call *c, const char *url, const char *name, struct gen_image *ret, const char **ret_text) MUST_CHECK;
const char *gw_type_of_base64(const char *data); /* of a picture, by its first bytes; NULL: none that is known */
/* Some programs break the lines of base64, which not all providers take: without blanks, in the arena. NULL: no memory. */
const char *gw_plain_base64(struct gw_call *c, const char *base64);
bool gw_is_base64(const char *text);
const char *gw_image_type(const char *type); /* image/jpg is image/jpeg; any other stays; NULL for NULL */

/* ---- errors of a shape: the body of a failed request, one line of JSON without line break ---- */
typedef void gw_error_fn(const struct err *e, const char *request_id, struct buf *out);
gw_error_fn openai_error, anthropic_error, ollama_error;
int gw_error_status(enum route_shape shape, const struct err *e);

/* ---- listings that share an address with another shape ---- */
int anthropic_models_get(struct request *q); /* anthropic_models.c: GET /v1/models with the header anthropic-version */
int anthropic_model_get(struct request *q);  /* q->arg: the id */

/* ---- life; called by the dispatcher ---- */
struct gateway;
int gateway_new(struct api *a, struct gateway **ret) MUST_CHECK;                         /* before the loop runs */
int gateway_submit(struct gateway *g, struct request *q, void (*fn)(void *)) MUST_CHECK; /* E_BUSY; loop thread */
void gateway_leave(struct gateway *g); /* what was submitted has ended */

/* Whose it is has turned out. The last quarter of the places is for people who have less than a quarter: E_RATE_LIMITED for others.
 * When it is 0, gateway_user_leave belongs to it. Any thread. */
int gateway_user_enter(struct gateway *g, atelier_id user, struct err *e) MUST_CHECK;
void gateway_user_leave(struct gateway *g, atelier_id user);
/* Ends the calls made by a right that is no longer there. Any thread, does not wait. */
void gateway_end(struct gateway *g, const struct ending *what);
void gateway_cancel(struct gateway *g, atelier_id user_id, uint64_t name); /* also one that is still to come */
void gateway_stop(struct gateway *g); /* all calls end with E_STOPPING. Needs the loop to run; not on its thread */
void gateway_free(struct gateway *g); /* after the loop has stopped; NULL is fine */
