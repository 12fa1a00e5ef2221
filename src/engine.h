/* engine.h - what chat and doctor need of the server: a loop with its thread, and the providers. */
#pragma once

#include "program.h"

struct engine {
	struct loop *loop;
	pthread_t thread;
	bool runs;
	struct http_client *http;
	struct providers *providers;
};

int engine_start(
	struct engine *g, const struct settings *s, manual_search_fn search, void *arg, struct err *e) MUST_CHECK;
void engine_stop(struct engine *g); /* whatever has been started */
