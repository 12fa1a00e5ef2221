/*
 * provider.h - language models behind one interface. A provider is a configured upstream of some kind (ollama, openai,
 * librarian); a generation is one call of it, whose answer comes as events to a sink. Wire formats stand only here.
 */
#pragma once

#include "base/arena.h"
#include "base/event.h"
#include "base/settings.h"
#include "http/client.h"
#include "sys/cancel.h"

struct providers; /* the registry of providers and the catalogue of their models; any thread */

/* The Librarian's way to the manual, which stands in the store: given from above, since siblings do not see each other. */
struct manual_passage {
	const char *title, *heading, *body, *url;
};
typedef int (*manual_search_fn)(void *arg, const char *query, size_t limit, struct arena *a,
	struct manual_passage **ret, size_t *ret_n, struct err *e);

struct providers_config {
	const struct settings *settings; /* borrowed for the life of the registry */
	struct loop *loop;
	struct http_client *http;
	manual_search_fn manual_search;
	void *manual_arg;
};

int providers_new(const struct providers_config *c, struct providers **ret, struct err *e) MUST_CHECK;
void providers_free(struct providers *p); /* ends the refreshing thread */

/* Starts the thread that looks at the model lists, at once and every settings.model_refresh_s. */
int providers_start(struct providers *p, struct err *e) MUST_CHECK;

/* Looks at all lists now, in parallel, for at most `timeout_ms`; callers at the same time share one look. */
void providers_refresh(struct providers *p, int64_t timeout_ms);

/* ---- the catalogue: what is known now, without waiting for anybody ---- */

struct model {
	const char *id, *name, *provider, *kind;
	int64_t size_bytes, context_length;             /* 0: unknown */
	const char *family, *parameters, *quantization; /* NULL: unknown */
	const char *const *capabilities; /* completion, tools, vision, thinking, embedding; NULL-terminated */
};

struct provider_state {
	const char *name, *kind, *url;
	const char *state; /* "checking", "ok", "unreachable" */
	const char *error; /* in words, or NULL */
};

struct catalogue {
	struct model *models;
	size_t n_models;
	struct provider_state *providers;
	size_t n_providers;
	const char *default_model; /* NULL: none */
};

/* A copy in the arena. */
int providers_catalogue(struct providers *p, struct arena *a, struct catalogue *ret, struct err *e) MUST_CHECK;

/* Whether the model can be called: its id (or the default's, for NULL) in the arena; E_MODEL_UNKNOWN with a sentence.
 * Waits for the first look to end when none has yet (at most 5 s), so that the first request after a start works. */
int providers_resolve(
	struct providers *p, const char *model, struct arena *a, const char **ret_id, struct err *e) MUST_CHECK;

/* ---- generating ---- */

struct gen_message {
	const char *role; /* system, user, assistant */
	const char *content;
};

struct gen_request {
	const char *model; /* a resolved id */
	const struct gen_message *messages;
	size_t n_messages;
	bool continues;     /* the last message is an assistant's, to be gone on with */
	int64_t max_tokens; /* 0: the provider's default */
};

/*
 * Where a generation's events go. For providers over HTTP it is called on the loop thread, for the Librarian on the
 * calling thread (`on_loop` says which). `json` is the event's data as one line of JSON. Negative ends the generation.
 */
struct gen_sink {
	int (*event)(struct gen_sink *s, bool on_loop, enum event_type type, const char *json, size_t n);
};

struct gen_result {
	int64_t tokens_in, tokens_out; /* -1: not reported */
	int64_t first_token_ms;        /* from the start of the successful try; -1: none came */
	int64_t duration_ms;
	char finish_reason[24]; /* "stop", "length", or the provider's word; "" when it did not end */
};

/*
 * Calls the model and returns when its answer has ended: 0, -ECANCELED (with the cancel's reason recorded), or a
 * failure (E_PROVIDER ...: what came before stays). Tries again with exponential backoff, only before the first byte,
 * with a status event for each wait. Blocks; not on the loop thread.
 */
int provider_generate(struct providers *p, const struct gen_request *q, struct gen_sink *sink, struct cancel *cancel,
	struct gen_result *ret, struct err *e) MUST_CHECK;
