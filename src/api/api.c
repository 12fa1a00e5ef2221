/* api.c - what the interface is made of, its threads above all: their beginning and their end. */
#include <string.h>

#include "api/gateway/gateway.h"
#include "api/others.h"
#include "api/request.h"
#include "api/watch.h"
#include "auth/line.h"
#include "base/clock.h"

/* Password checks: 64 MiB and a tenth of a second each. */
static const struct line_config password_line = LINE_OF_PASSWORDS;

int api_new(const struct api_config *c, struct api **ret, struct err *e)
{
	struct api *a = xcalloc(1, sizeof(*a));
	int r;

	MAGIC_SET(a, API_MAGIC);
	assets_check();
	a->c = *c;
	pthread_mutex_init(&a->configure_mx, NULL);
	a->started_ms = clock_mono_ms();
	places_init(&a->slow_places);
	upload_locks_init(&a->uploads);
	a->changes = changes_new(a);
	r = pool_new(
		&(struct pool_config){
			.name = "worker", .keep = 1, .max = (unsigned)c->settings->workers, .max_queue = 4096},
		&a->workers);
	if (r == 0)
		r = pool_new(
			&(struct pool_config){
				.name = "write", .max = (unsigned)c->settings->workers, .max_queue = 4096},
			&a->writers);
	if (r == 0)
		r = pool_new(
			&(struct pool_config){.name = "file", .max = (unsigned)c->settings->workers, .max_queue = 4096},
			&a->files);
	if (r == 0)
		r = pool_new(
			&(struct pool_config){.name = "slow", .max = SLOW_THREADS, .max_queue = SLOW_QUEUE}, &a->slow);
	if (r == 0)
		r = line_new(&password_line, &a->passwords);
	if (r == 0)
		r = gateway_new(a, &a->gateway);
	if (r < 0) {
		api_free(a);
		return err_set(e, r, "cannot start the threads of short requests: %s", strerror(-r));
	}
	*ret = a;
	return 0;
}

int api_watch(struct api *a, struct err *e)
{
	ASSERT_IS(a, API_MAGIC);
	ASSERT(!a->others && !a->watch);
	a->others = others_new(a);
	return watch_new(a, &a->watch, e);
}

void api_started(struct api *a)
{
	__atomic_store_n(&a->started, true, __ATOMIC_RELEASE);
}

void api_refuse(struct api *a)
{
	__atomic_store_n(&a->stopping, true, __ATOMIC_RELEASE);
}

static int stop_changes(void *arg)
{
	changes_stop(arg);
	return 0;
}

void api_stop(struct api *a)
{
	ASSERT_IS(a, API_MAGIC);
	ASSERT(thread_may_wait()); /* for requests that may need the loop */
	api_refuse(a);
	gateway_stop(a->gateway);
	watch_free(a->watch);
	a->watch = NULL;
	pool_stop(a->workers);
	pool_stop(a->writers);
	pool_stop(a->files);
	pool_stop(a->slow);
	line_stop(a->passwords);
	loop_call(a->c.loop, stop_changes, a->changes);
}

void api_free(struct api *a)
{
	if (!a)
		return;
	watch_free(a->watch);
	pool_free(a->workers);
	others_free(a->others);
	pool_free(a->writers);
	pool_free(a->files);
	pool_free(a->slow);
	line_free(a->passwords);
	gateway_free(a->gateway);
	changes_free(a->changes);
	places_done(&a->slow_places);
	upload_locks_done(&a->uploads);
	pthread_mutex_destroy(&a->configure_mx);
	MAGIC_END(a, API_MAGIC);
	free(a);
}
