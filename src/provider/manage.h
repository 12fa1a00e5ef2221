/* manage.h - embeddings, counting, and looking after the models of an Ollama. */
#pragma once

#include "provider/generate.h"

struct embed_request {
	const char *model; /* a resolved id or alias */
	int64_t caller;
	const char *const *inputs;
	size_t n_inputs;
	const char *truncate, *options, *keep_alive; /* ollama's, as JSON; NULL: its own */
	const char *extras;                          /* further members, as `,"name":value...`; NULL: none */
	unsigned extras_api; /* API_...: whose dialect knows them; who else is asked does not get them */
	int64_t dimensions;  /* 0: the model's own; else cut and made of length 1 again where the provider cannot */
	bool hurried;        /* somebody can do without: a provider that cannot be reached is not tried again */
};

struct embed_result {
	float *vectors; /* n_inputs x dimensions, in the arena, in the order of the inputs */
	size_t dimensions;
	struct gen_result call; /* tokens_in, duration_ms, who answered */
};
int provider_embed(struct providers *p, const struct embed_request *q, struct cancel *cancel, struct arena *a,
	struct embed_result *ret, struct err *e) MUST_CHECK;

/* Whether that model makes vectors of texts: 0, or E_MODEL_CANNOT with a sentence. */
int provider_can_embed(struct providers *p, const char *model, struct err *e) MUST_CHECK;

/* ---- which of some texts answer a question best (rerank.c) ---- */

struct rerank_request {
	const char *model; /* a resolved id or alias */
	int64_t caller;
	const char *query;
	const char *const *texts;
	size_t n_texts;
	int64_t patience_ms; /* for a whole try; 0: as long as anything comes */
};
struct rerank_result {
	double *scores; /* the caller's, n_texts: the higher the better, of any scale; -INFINITY: it was left out */
	struct gen_result call; /* tokens_in, duration_ms, who answered */
};
/* E_MODEL_CANNOT: the provider has no such service. */
int provider_rerank(struct providers *p, const struct rerank_request *q, struct cancel *cancel,
	struct rerank_result *ret, struct err *e) MUST_CHECK;
int provider_can_rerank(struct providers *p, const char *model, struct err *e) MUST_CHECK; /* as provider_can_embed */

/* How many tokens the request has: as the provider counts it (models that say `counts`; *ret_exact), else estimated. */
int provider_count_tokens(struct providers *p, const struct gen_request *q, struct cancel *cancel, int64_t *ret,
	bool *ret_exact, struct err *e) MUST_CHECK;
/* The same by one short try, for who shows a figure: -1 when the provider cannot be asked, or did not answer in time. Blocks;
 * not on the loop thread. */
int64_t provider_count_now(
	struct providers *p, const struct gen_request *q, int64_t wait_ms, struct cancel *cancel) MUST_CHECK;
int64_t provider_estimate_tokens(const struct gen_request *q); /* about four bytes a token */

/* ---- looking after the models of an Ollama; `provider` is a configured name, E_NOT_FOUND or E_MODEL_CANNOT else ---- */

/* Pulls; `progress` gets each line of Ollama's progress as JSON on the loop thread. Downloads go on where they stopped.
 * E_PROVIDER with the reported text, E_PROVIDER_BROKEN when it ended without success. The lists are refreshed. */
int provider_pull(struct providers *p, const char *provider, const char *model,
	int (*progress)(void *arg, const char *json, size_t n), void *arg, struct cancel *cancel,
	struct err *e) MUST_CHECK;

enum manage_op { MANAGE_SHOW, MANAGE_DELETE, MANAGE_COPY, MANAGE_LOAD, MANAGE_UNLOAD };
/* `provider` NULL: `model` is an id of the catalogue or an alias (which cannot be deleted or copied); else it is the
 * name at that provider. `argument`: the new name (copy), or how long to stay loaded (load: "5m", "-1s"; NULL: its own).
 * *ret_json (may be NULL): the answer's text in the arena, for MANAGE_SHOW. The lists are refreshed afterwards. */
int provider_manage(struct providers *p, enum manage_op op, const char *provider, const char *model,
	const char *argument, struct cancel *cancel, struct arena *a, const char **ret_json, struct err *e) MUST_CHECK;

/* A second name for a model of the catalogue. One that another model has (in any case of letters, with or
 * without "library/") is E_CONFLICT unless it may
 * be taken away from that: Ollama would do it without a word. */
int provider_copy(struct providers *p, const char *model, const char *name, bool overwrite, struct cancel *cancel,
	struct arena *a, struct err *e) MUST_CHECK;
/* "x" is "x:latest" to an Ollama; in the arena where it is not the same. NULL: no memory. */
const char *model_with_tag(const char *model, struct arena *a);

/* What MANAGE_SHOW tells of a model of the catalogue, in the arena. */
struct model_details {
	const char *parameters, *template, *system, *license, *modelfile; /* NULL: none */
	const char *info;                                                 /* JSON object */
};
int provider_model_details(struct providers *p, const char *model, struct cancel *cancel, struct arena *a,
	struct model_details *ret, struct err *e) MUST_CHECK;
