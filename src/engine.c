/* engine.c - what commands without a server need of it, begun and ended in the order of the server. */
#include "engine.h"

static void *run_loop(void *arg)
{
	loop_run(arg);
	return NULL;
}

int engine_start(struct engine *g, const struct configure *stored, struct err *e)
{
	int r;

	ASSERT(stored->settings);
	*g = (struct engine){.loop = loop_new()};
	r = http_client_new(g->loop, &g->http);
	if (r < 0)
		return err_set(e, r, "The client for providers does not start: %s.", strerror(-r));
	r = providers_new(&(struct providers_config){.settings = stored->settings, .loop = g->loop, .http = g->http},
		&g->providers, e);
	if (r == 0)
		r = configure_start(g->providers, stored, e);
	if (r < 0)
		return r;
	r = pthread_create(&g->thread, NULL, run_loop, g->loop);
	if (r != 0)
		return err_set(e, -r, "The loop's thread does not start: %s.", strerror(r));
	g->runs = true;
	return 0;
}

void engine_stop(struct engine *g)
{
	ASSERT(thread_may_wait() && (g->loop || !g->runs));
	if (g->providers)
		providers_free(g->providers); /* ends its calls, for which the loop must run */
	if (g->runs) {
		loop_stop(g->loop);
		pthread_join(g->thread, NULL);
	}
	if (g->http)
		http_client_free(g->http);
	if (g->loop)
		loop_free(g->loop);
}
