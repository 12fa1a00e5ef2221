/* registry_priv.h - the registry's structs, and what the files of this room ask of the registry and the catalogue. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "base/lock.h"
#include "base/magic.h"
#include "provider/librarian.h"
#include "provider/provider.h"
#include "sys/bus.h"

struct dialect;
struct slots;
struct rules; /* rules.c */

/* One refresh's models, in an arena of their own. Here `id` is the provider's own name of the model, `name` what the list
 * calls it, and `state` what the refresh found: ready, loading, reachable (not loaded); NULL: ready. */
struct model_list {
	struct arena arena;
	struct model *models;
	size_t n;
	size_t *by_id; /* places in `models`, in the order of their ids; by model_list_sort */
	bool loading;  /* the server is there, but not ready to list anything: the last list stays */
};

enum provider_reach { PROVIDER_CHECKING, PROVIDER_OK, PROVIDER_UNREACHABLE };
enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };

struct breaker {
	enum breaker_state state;
	bool several;           /* calls of more than one caller failed in this row: it binds everybody */
	int64_t caller;         /* else: whom it binds */
	int64_t failures;       /* in a row */
	int code;               /* of the last of them */
	int64_t asked_until_ms; /* until when that one asked its callers to wait; 0: it did not */
	int64_t open_ms;        /* how long it was opened for, the last time; 0: never since it was closed for good */
	int64_t until_ms;       /* of an open one */
	int64_t trial_until_ms; /* half-open: one is on its way, and others wait for it until then; 0: none is */
};

/* What calls told of a model between two refreshes. */
struct model_note {
	char *name;
	struct breaker breaker; /* answers of this model that failed */
	struct slots *slots;    /* places, where they are learned for each model; NULL: not yet */
	int waiting;            /* calls without a first byte, and warm-ups */
	int64_t ready_ms;       /* of the last first byte; 0: none */
	struct model_note *next;
};

/* What calls showed of a model's window: context.c. */
struct context_window {
	uint64_t hash;  /* of the model's name; 0: free */
	int64_t tokens; /* last asked with */
	int64_t asked_ms;
	int64_t cap, cap_ms;  /* more did not fit into memory, as found then; 0: not found */
	double bytes_a_token; /* smoothed; 0: not known */
};

/* What is told to who comes while a provider is away, or was not seen yet: it is looked for all the time. */
#define RETRY_AFTER_S 5 /* seconds */

/* A configured provider. What calls read stays as it is; who configures anew makes another one. */
struct provider {
	unsigned magic; /* PROVIDER_MAGIC */
#define PROVIDER_MAGIC 0x70726972u
	const struct dialect *dialect;
	char *name;             /* "ollama": also the prefix of ids that would be ambiguous */
	const char *noun;       /* "Ollama", "The server": what stands before "at ..." */
	char *label;            /* for sentences: "Ollama", "The server at api.example.org" */
	char *base;             /* no slash at its end */
	char *shown_url;        /* without user and password */
	char *key;              /* "" for none */
	const char *key_header; /* what stands before the key: "Authorization: Bearer " */
	char *proxy;            /* as configured; "" for the environment's */
	char *version;          /* anthropic: of the header; else "" */
	int64_t id;             /* of the stored row; 0: of the settings */
	int64_t connect_timeout_ms, first_byte_timeout_ms, token_timeout_ms, total_timeout_ms; /* 0: the settings' */
	struct slots *slots;
	_Atomic uint64_t quirks[32]; /* what refusals taught of models: quirks.c */
	_Atomic int64_t quirks_since_ms;
	struct context_window windows[32]; /* under a lock of context.c */
	_Atomic int refs;
	_Atomic bool add_v1; /* the lists were found under base/v1 */
	bool enabled;

	/* under the registry's lock */
	bool loading;                      /* its list could not be had since it is starting */
	bool refresh_wanted, refresh_soon; /* at once; sooner than usual */
	bool gone;                         /* configured no more */
	enum provider_reach state;
	int64_t max_concurrent; /* 0: no limit */
	char *error;
	struct model_list *list; /* last known; NULL: none yet */
	struct breaker breaker;  /* connections that could not be made */
	struct model_note *notes;
	int64_t first_token_ms;   /* smoothed; -1: no call yet */
	struct cancel *refresh;   /* the one that is under way; NULL: none is */
	int64_t refresh_until_ms; /* when it is stopped */
	uint64_t refreshes;       /* ended */
	int64_t refreshed_ms;     /* when the last one ended */
};

struct providers {
	unsigned magic; /* PROVIDERS_MAGIC */
#define PROVIDERS_MAGIC 0x70726973u
	const struct settings *settings;
	struct loop *loop;
	struct http_client *http;
	manual_search_fn manual_search; /* librarian_set_manual; NULL: there is none */
	void *manual_arg;
	void (*keep_default)(void *arg, const char *model);
	void *keep_arg;
	struct bus *bus;
	int64_t loading_after_ms; /* of silence; tests shorten it */

	pthread_mutex_t mx;
	pthread_cond_t cv; /* monotonic; every change below */
	struct provider **all;
	size_t n;
	struct rules *rules;
	char *found_default; /* the first default there was; NULL: none yet */
	bool started, stopping;
	bool refresh_wanted;  /* the refreshing thread shall see what is to be done */
	unsigned refreshing;  /* threads that do */
	unsigned waiting;     /* callers of providers_refresh */
	bool settled;         /* the first refreshes after the start have ended */
	uint64_t refreshes;   /* ended, of all providers */
	int64_t refreshed_ms; /* when providers_refresh last ended */
	pthread_t thread;
	struct {
		bool used;
		int64_t caller;
	} tests[PROVIDER_TESTS]; /* under way: probe.c */
	struct cancel warm;      /* of the warm-up */
	bool warm_running;
	pthread_t warm_thread;
};

/* ---- the plan of a call: the targets of a model, alias or pattern in the order they are tried ---- */

struct target {
	struct provider *p; /* a reference */
	struct model model; /* as the catalogue has it; in the arena */
	const char *name;   /* the model's own name at the provider */
	bool fallback;      /* it stands behind another in the plan */
};

struct plan {
	struct target *targets; /* in the arena */
	size_t n;
};

/* At least one target, or E_MODEL_UNKNOWN with a sentence. Targets that nobody offers now are left out; those whose
 * breaker is open for this caller stand behind the others. */
int catalogue_plan(struct providers *ps, const char *model, int64_t caller, struct arena *a, struct plan *ret,
	struct err *e) MUST_CHECK;
void plan_done(struct plan *p);

/* A configuration may change under a running call: what the call uses lives until the call lets go of it. */
struct provider *provider_ref(struct provider *p);
void provider_unref(struct provider *p);

/* ---- breaker.c: what failed several times in a row is left alone for a while, then one call may try ---- */

/* 0: go on, and say how it went with breaker_leave. What the last failure was, with a sentence and retry_after_s (the later
 * of the breaker's own time and what that failure asked for): the provider's is open, or the model's for this caller. */
int breaker_enter(struct providers *ps, const struct target *t, int64_t caller, struct err *e) MUST_CHECK;
enum breaker_verdict { BREAKER_UNKNOWN /* it was not found out */, BREAKER_OK, BREAKER_FAILED };
struct breaker_outcome {
	enum breaker_verdict provider, model; /* could be reached; answered as it should */
	int code;                             /* of a failure; 0: E_PROVIDER_DOWN */
	int64_t retry_after_ms;               /* of a failure: as the provider said; <= 0: it did not */
};
void breaker_leave(struct providers *ps, const struct target *t, int64_t caller, struct breaker_outcome o);

/* A call of this model began that has no first byte yet (+1), or that is over (-1): the catalogue says `loading` while
 * a model that is not known to be loaded has such calls. */
void catalogue_note_waiting(struct providers *ps, struct provider *p, const char *name, int change);
/* A first byte came: the model is ready, and this long is what people wait here. */
void catalogue_note_first_token(struct providers *ps, struct provider *p, const char *name, int64_t ms);
void catalogue_note_ready(struct providers *ps, struct provider *p, const char *name); /* it was loaded */

/* ---- catalogue.c, discovery.c, resolve.c: for calls ---- */

void catalogue_changed(struct providers *ps); /* tells the bus; the lock may be held */

/* The places for answers of a model: its provider's, or, where their number is not configured, those that an Ollama was
 * seen to have for it. They are there for as long as somebody has the provider. */
struct slots *catalogue_slots_of(struct providers *ps, struct provider *p, const char *model);

/* After a refresh: the first default that is found is kept. */
void catalogue_keep_default(struct providers *ps);
bool catalogue_has_real_model(struct providers *p);

/* What a call says about its provider: `why` it could not be reached, or NULL when it answered. */
void catalogue_note_call(struct providers *ps, struct provider *p, const struct err *why);
/* It was reached, but said nothing: a refresh shall soon find out whether it is well. */
void catalogue_note_silent(struct providers *ps, struct provider *p);

/* Sets and returns E_MODEL_UNKNOWN; the sentence names the providers that cannot be reached, and why. */
int catalogue_unknown_model(struct providers *ps, const char *model, struct err *e);
void model_list_free(struct model_list *l);
DEFINE_CLEANUP(struct model_list, model_list_free)
