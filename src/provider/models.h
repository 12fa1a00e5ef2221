/* models.h - the catalogue: what is known of models and providers now, without waiting for anybody. */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "provider/config.h"

struct providers;

struct model {
	const char *id, *name, *provider, *kind;
	unsigned api;               /* bits of enum provider_api */
	const char *provider_model; /* its own name at the provider; of an alias: of the model it leads to */
	const char *
		state; /* unreachable, reachable, loading, ready; of an alias: of its first target that can be called */
	const char *breaker;                            /* "closed", "open", "half_open": of its answers */
	int64_t retry_in_ms;                            /* of an open breaker */
	const char *alias_of;                           /* the first target of a route; NULL: a model of a provider */
	int64_t size_bytes, context_length, max_output; /* 0: unknown; the window that it was trained for */
	int64_t context_loaded; /* the window that it has in memory; 0: not loaded, or unknown */
	const char *family, *parameters, *quantization; /* NULL: unknown */
	const char *digest;                             /* NULL: unknown */
	const char *files;                 /* ollama: of what a runner is made; "": unknown; NULL: not asked */
	bool may_share;                    /* it may be made of the files of one that is loaded */
	int64_t modified_at;               /* Unix ms; 0: unknown */
	int64_t loaded_bytes, loaded_vram; /* 0: not loaded, or unknown */
	int64_t loaded_until;              /* Unix ms; 0: not loaded or unknown; INT64_MAX: for good */
	bool hidden;
	bool counts;                     /* its provider tells how many tokens a request has, when it is asked */
	bool shown;                      /* the provider was asked about this one by itself; what it can do is sure */
	const char *const *capabilities; /* completion, tools, vision, thinking, embedding, insert; NULL-terminated;
					    empty: unknown */
};

bool model_can(const struct model *m, const char *capability); /* true also when nothing is known */
bool model_sees(const struct model *m); /* takes pictures; true also when that is not known for sure */
/* Tokens that it takes; 0: not known. Of an Ollama what the model was made for, since it is loaded with what is asked for;
 * of others what it was loaded with, where they say it. */
int64_t model_window(const struct model *m);
bool model_only_embeds(const struct model *m); /* false when nothing is known */
/* Whether it can be chosen to answer: E_MODEL_CANNOT with a sentence when it only embeds. */
int model_check_answers(const struct model *m, const char *name, struct err *e) MUST_CHECK;

struct provider_state {
	int64_t id; /* as configured */
	const char *name, *kind, *url;
	unsigned api;        /* bits of enum provider_api */
	const char *state;   /* "checking", "ok", "unreachable", "disabled" */
	const char *error;   /* in words, or NULL */
	const char *proxy;   /* through which it is asked, without user and password; NULL: none */
	const char *breaker; /* "closed", "open", "half_open" */
	int64_t retry_in_ms; /* of an open breaker */
	int64_t running, queued, models;
	int64_t first_token_ms; /* of late, smoothed; -1: no call yet */
	bool has_key, from_settings;
};

struct catalogue {
	struct model *models; /* hidden ones and aliases too */
	size_t n_models;
	struct provider_state *providers;
	size_t n_providers;
	bool refreshing;               /* a list is being refreshed just now */
	const char *default_model;     /* = tasks[TASK_CHAT]; NULL: none */
	const char *tasks[TASK_COUNT]; /* the id that is used now; NULL: none */
};

/* A copy in the arena. */
int providers_catalogue(struct providers *p, struct arena *a, struct catalogue *ret, struct err *e) MUST_CHECK;

/* Whether the model can be called: its id (or the default's, for NULL) in the arena; E_MODEL_UNKNOWN with a sentence.
 * Waits for the first refresh to end when none has yet (at most 5 s), so that the first request after a start works. */
int providers_resolve(
	struct providers *p, const char *model, struct arena *a, const char **ret_id, struct err *e) MUST_CHECK;

/* The same for a task's default; TASK_TITLE falls back to `otherwise` (NULL: the chat default). */
int providers_resolve_task(struct providers *p, enum model_task task, const char *otherwise, struct arena *a,
	const char **ret_id, struct err *e) MUST_CHECK;

/* One model (or alias, described as its first target with its own id) by anything that providers_resolve takes, in the
 * arena; E_MODEL_UNKNOWN. Does not wait. */
int providers_model(
	struct providers *p, const char *model, struct arena *a, struct model *ret, struct err *e) MUST_CHECK;
