/* warm.c - the default model is loaded at the start, while nobody waits for it yet. */
#include <errno.h>

#include "base/clock.h"
#include "base/log.h"
#include "provider/catalogue_priv.h"
#include "sys/thread.h"

static int keep_nothing(void *arg, const char *p, size_t n)
{
	(void)arg;
	(void)p;
	(void)n;
	return 0;
}

/* The load is a generation without a prompt; nothing is sent before it has ended. */
static void load(struct providers *ps, const struct target *t)
{
	CLEANUP(buf_done) struct buf url = BUF_INIT(1024), body = BUF_INIT(4096);
	CLEANUP(buf_wipe) struct buf auth = BUF_INIT(2048);
	const char *headers[3] = {"Content-Type: application/json"};
	struct http_result res = {0};
	struct err e = {0};
	ASSERT(thread_may_wait());
	ASSERT_IS(t->p, PROVIDER_MAGIC);
	buf_printf(&url, "%s/api/generate", t->p->base);
	buf_add_str(&body, "{\"model\":");
	json_add_cstr(&body, t->name);
	buf_add_str(&body, ",\"stream\":false}");
	if (*t->p->key) {
		buf_printf(&auth, "%s%s", t->p->key_header, t->p->key);
		headers[1] = auth.p;
	}
	if (buf_status(&url) < 0 || buf_status(&body) < 0)
		return;
	int64_t patience = ps->settings->first_byte_timeout_s * 1000, began = clock_mono_ms();
	struct http_call call = {.method = "POST",
		.url = url.p,
		.headers = headers,
		.body = buf_str(&body),
		.proxy = t->p->proxy,
		.connect_timeout_ms = ps->settings->connect_timeout_ms,
		.first_byte_timeout_ms = patience,
		.idle_timeout_ms = patience,
		.on_data = keep_nothing};
	catalogue_note_waiting(ps, t->p, t->name, 1);
	int r = http_client_run(ps->http, &call, &ps->warm, &res, &e);
	catalogue_note_waiting(ps, t->p, t->name, -1);
	if (r >= 0 && res.status / 100 == 2)
		catalogue_note_ready(ps, t->p, t->name);
	log_debug("warm_up", "model=%s status=%d ms=%lld", t->name, res.status, (long long)(clock_mono_ms() - began));
	buf_done(&res.error_body);
}

static void *warm_run(void *arg)
{
	struct providers *ps = arg;
	CLEANUP(arena_done) struct arena a;
	CLEANUP(plan_done) struct plan plan = {0};
	struct err e = {0};
	const char *id;
	arena_init(&a, LIST_MAX_BYTES);
	pthread_mutex_lock(&ps->mx);
	while (!ps->stopping && !discovery_all_once(ps))
		pthread_cond_wait(&ps->cv, &ps->mx);
	bool stopping = ps->stopping;
	pthread_mutex_unlock(&ps->mx);
	if (stopping || providers_resolve(ps, NULL, &a, &id, &e) < 0 || catalogue_plan(ps, id, 0, &a, &plan, &e) < 0)
		return NULL;
	const struct target *t = &plan.targets[0];
	if (t->p->dialect == &ollama_dialect && strcmp(t->model.state, "reachable") == 0)
		load(ps, t);
	return NULL;
}

void warm_start(struct providers *ps)
{
	ASSERT(!ps->warm_running);
	ps->warm_running = thread_start(&ps->warm_thread, "warm-up", 0, warm_run, ps) == 0;
}

void warm_stop(struct providers *ps)
{
	cancel_fire(&ps->warm, E_STOPPING);
	if (ps->warm_running)
		pthread_join(ps->warm_thread, NULL);
}
