/*
 * api.h - the HTTP interface: what each address does. A request is matched on the loop; whatever may wait runs on a
 * worker. The table of routes (routes.h) is also the OpenAPI document.
 */
#pragma once

#include "auth/auth.h"
#include "call/call.h"
#include "http/client.h"
#include "http/server.h"
#include "job/job.h"
#include "provider/provider.h"
#include "turn/turn.h"

struct api;
struct rag;
struct tools;

struct api_config { /* all borrowed for the life of the api */
	const struct settings *settings;
	struct loop *loop;
	struct db *db;
	struct auth *auth;
	struct providers *providers;
	struct calls *calls;
	struct turns *turns;
	struct rag *rag;
	struct tools *tools;
	struct jobs *jobs;        /* NULL: an interface without jobs */
	struct bus *bus;          /* what is published there is told to the people concerned, until api_stop */
	struct http_client *http; /* for what a request names by its address */
};

int api_new(const struct api_config *c, struct api **ret, struct err *e) MUST_CHECK;

/* From here on a thread looks whether all works (sys/health.h); it ends with api_stop. */
int api_watch(struct api *a, struct err *e) MUST_CHECK;

/* All runs: /health/ready says so from now on. Any thread. */
void api_started(struct api *a);

/* The server's handler; `arg` is the api. Loop thread. */
void api_handler(struct http_exchange *x, void *arg);

/* New requests get E_STOPPING from now on. Any thread. */
void api_refuse(struct api *a);

/* Finishes the requests at work and ends the change feeds. Needs the loop to run; not on its thread. */
void api_stop(struct api *a);
void api_free(struct api *a); /* after the loop has stopped; NULL is fine */
