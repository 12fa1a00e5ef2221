/* config.h - providers and rules as somebody configured them: in the settings and their file, or stored through the API. */
#pragma once

#include "base/base.h"

/* What the API of a kind of provider can do, so that nobody asks for the kind by its name; bits. */
enum provider_api {
	/* the shape of its requests and answers; 0 of one that is built in */
	API_OLLAMA = 1 << 0,
	API_OPENAI = 1 << 1,
	API_ANTHROPIC = 1 << 2,
	API_SHAPES = API_OLLAMA | API_OPENAI | API_ANTHROPIC,

	API_MANAGES =
		1 << 3, /* models are pulled, copied and deleted there, and loaded with the window that is asked for */
	API_ADDRESSES = 1 << 4,     /* pictures may be told by their address, and documents are taken */
	API_ONE_TOOL = 1 << 5,      /* can be told to call one tool at a time */
	API_LOGPROBS = 1 << 6,      /* tells how likely its tokens were */
	API_RESULT_FILES = 1 << 7,  /* results of tools may be pictures and documents */
	API_ANY_ARGUMENTS = 1 << 8, /* takes back arguments of calls that are no JSON */
	API_NAMES = 1 << 9,         /* takes the name of who speaks */
	API_SAMPLING = 1 << 10,     /* min_p, seed and penalties */
	API_SILENT_LIST = 1 << 11,  /* its list does not tell what a model can: any may see pictures */
	API_OWN_ADDRESS = 1 << 12,  /* completes an address by rules of its own */
};

unsigned provider_kind_api(const char *kind); /* of a name such as "ollama"; 0: there is none */

/* The names of the kinds that speak one of these shapes, in the order of the bits; returns how many. */
#define PROVIDER_SHAPES 3
size_t provider_kinds_of(unsigned api, const char *ret[PROVIDER_SHAPES]);

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
