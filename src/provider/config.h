/* config.h - providers and rules as somebody configured them: in the settings and their file, or stored through the API. */
#pragma once

#include "base/base.h"

/* One provider as somebody configured it: in the settings and their file, or stored through the API. */
struct provider_config {
	int64_t id;             /* of the stored row; 0: of the settings, which the API does not change */
	const char *name;       /* unique: a-z, 0-9 and -, 1 to 32; stands before ids that would be ambiguous */
	const char *kind;       /* ollama, openai, anthropic, librarian */
	const char *url;        /* NULL or "": the kind's usual address */
	const char *key;        /* NULL or "": none */
	const char *version;    /* anthropic: the version header; NULL or "": the newest that the address knows */
	const char *proxy;      /* NULL or "": as the environment says; "none"; or an address (http/proxy.h) */
	int64_t max_concurrent; /* calls at the same time; 0: the setting's */
	int64_t connect_timeout_ms, first_byte_timeout_ms, token_timeout_ms, total_timeout_ms; /* 0: the settings' */
	bool enabled;
};

/* Where calls for a name go: an exact name (an alias, shown as a model) or a pattern with * and ?. The targets are tried
 * in order; a target equal to the pattern means the model of that very name. */
struct model_route {
	const char *pattern;
	const char *const *targets;
	size_t n_targets; /* 1 to ROUTE_TARGETS_MAX */
};
#define ROUTE_TARGETS_MAX 8

struct model_override {
	const char *id;
	const char *name; /* what to show instead; NULL: as it is */
	bool hidden;      /* not listed; it can still be called */
};

enum model_task { TASK_CHAT, TASK_CODE, TASK_TITLE, TASK_EMBEDDING, TASK_COUNT };
const char *model_task_name(enum model_task t); /* "chat", "code", "title", "embedding" */

struct catalogue_rules {
	const struct model_route *routes;
	size_t n_routes;
	const struct model_override *overrides;
	size_t n_overrides;
	const char *tasks[TASK_COUNT]; /* a model's id or alias; NULL: chosen from what is there */
};
