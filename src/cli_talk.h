/* cli_talk.h - commands that speak with a running server, as the person of an API key: its calls, and how it is sent a file. */
#pragma once

#include "base/json.h"
#include "engine.h"

struct talk {
	const struct cli *cli;
	struct engine engine;
	struct cancel cancel;
	struct arena a;
	struct err e;
	const char *authorization;
};

/* Whatever it returns, talk_end() ends it: it reports a failure, and says how the program ends. */
int talk_start(struct talk *t, const struct cli *cli) MUST_CHECK;
int talk_end(struct talk *t, int r);

/* A path is that behind /api/v1. */
struct http_call talk_call(
	struct talk *t, const char *method, const char *path, const char *const *headers, struct str body);
/* Whether the server takes no more requests for now, and has been waited for as long as it asked: then once more. */
bool talk_wait(const struct http_result *res) MUST_CHECK;
/* Records what the server said when it refused a call; E_CONFLICT and E_NOT_FOUND are told apart from all else, E_INVALID. */
int talk_refused(struct talk *t, const struct http_result *res) MUST_CHECK;
/* `ret` may be NULL. talk_get() takes a path for which there was no memory, too: NULL. */
int talk_fetch(struct talk *t, const char *method, const char *path, const char *type, struct str body,
	json_t **ret) MUST_CHECK;
int talk_get(struct talk *t, const char *path, json_t **ret) MUST_CHECK;

/* A file that is being brought. */
struct file {
	int fd;
	int64_t size;
	const char *name;     /* of the document */
	const char *replaces; /* NULL: nothing */
};

int file_hash(struct talk *t, const struct file *f, char ret[65]) MUST_CHECK; /* SHA-256, as the server tells it */
/* As a document of the collection: in one request, or in parts, which go on when the server was away. */
int file_send(struct talk *t, const char *collection, const struct file *f) MUST_CHECK;
