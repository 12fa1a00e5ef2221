/* engine.h - what chat and doctor need of the server: a loop with its thread, and the providers. */
#pragma once

#include "api/configure.h"
#include "program.h"

struct engine {
	struct loop *loop;
	pthread_t thread;
	bool runs;
	struct http_client *http;
	struct providers *providers;
};

/* The providers of the settings and their file, and what `stored` has in its database (none: {.settings = s}). */
int engine_start(struct engine *g, const struct configure *stored, struct err *e) MUST_CHECK;
void engine_stop(struct engine *g); /* whatever has been started */
