/* catalogue_priv.h - what the files of the registry and the catalogue ask of each other. */
#pragma once

#include "provider/provider_priv.h"

/* ---- catalogue.c; all under the registry's lock ---- */

/* Makes `by_id`; later entries of the same id are dropped. */
int model_list_sort(struct model_list *l) MUST_CHECK;
const struct model *model_list_find(const struct model_list *l, const char *id); /* NULL: not there; l may be NULL */

/* Where a model is: places in ps->all and in that one's list. */
struct model_place {
	size_t provider, model;
};

/* The model that a name means: its own at a provider, with the provider before it, or without ":latest". No routes. */
bool catalogue_place(const struct providers *ps, const char *name, struct model_place *ret);
const char *catalogue_id(const struct providers *ps, struct model_place at, struct arena *a); /* NULL: out of memory */
int catalogue_copy(const struct providers *ps, struct model_place at, struct arena *a, struct model *ret) MUST_CHECK;
/* An alias as a model: what the first target is that can be called, with an id of its own. -ENOENT: no target is known. */
int catalogue_copy_alias(
	const struct providers *ps, const struct model_route *r, struct arena *a, struct model *ret) MUST_CHECK;
/* The id that is used for a task now; NULL: none, or out of memory. */
const char *catalogue_task(const struct providers *ps, enum model_task t, struct arena *a);
/* The model that a target of this route means when `asked` is what the caller named. */
bool catalogue_target(
	const struct providers *ps, const struct model_route *r, size_t i, const char *asked, struct model_place *ret);

/* ---- discovery.c ---- */

/* Ends the refreshing thread, the warm-up and all refreshes. */
void discovery_stop(struct providers *ps);
bool discovery_all_once(const struct providers *ps);   /* each list was asked for since its provider came; lock held */
int64_t discovery_last_ms(const struct providers *ps); /* when a refresh ended last; lock held */
#define REFRESH_TIMEOUT_MS 5000

/* ---- warm.c: the default model is loaded while nobody waits for it yet ---- */

void warm_start(struct providers *ps); /* when the first refreshes have ended */
void warm_stop(struct providers *ps);

/* ---- breaker.c, for who has the registry's lock ---- */

bool breaker_is_open(const struct provider *p);                                        /* now: all calls are refused */
bool breaker_is_open_for(const struct provider *p, const char *model, int64_t caller); /* the model's as well */
const struct breaker *breaker_of_model(const struct provider *p, const char *model);   /* NULL: none binds everybody */
enum breaker_state breaker_shown(const struct breaker *b);                             /* as it stands now */
int64_t breaker_retry_in_ms(const struct breaker *b);
void breaker_note_refresh(const struct settings *s, struct provider *p, bool went_well);
void breaker_note_begun(const struct settings *s, struct provider *p, struct model_note *n); /* an answer has */

/* ---- discovery.c: what calls told of a model; lock held ---- */

struct model_note *catalogue_note_of(struct provider *p, const char *model);         /* made when there is none */
struct model_note *catalogue_note_find(const struct provider *p, const char *model); /* NULL: none */

/* ---- rules.c ---- */

int rules_new(const struct catalogue_rules *from, struct rules **ret, struct err *e) MUST_CHECK; /* NULL: no rules */
void rules_free(struct rules *r);
DEFINE_CLEANUP(struct rules, rules_free)
const struct catalogue_rules *rules_get(const struct rules *r);
const struct model_route *rules_exact(const struct rules *r, const char *name); /* NULL: none */
const struct model_route *rules_route(const struct rules *r, const char *name); /* exact, else the closest pattern */
const struct model_override *rules_override(const struct rules *r, const char *id);

/* ---- registry.c ---- */

/* A provider as configured, of one reference and in no registry; name and numbers are not checked. */
int provider_new(
	const struct providers *ps, const struct provider_config *c, struct provider **ret, struct err *e) MUST_CHECK;
