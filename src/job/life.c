/*
 * life.c - the life of a job that was taken: run by a thread, and its end. How it went is tried to be written until it is:
 * while the program lives, the keeper renews the lease of a job whose end cannot be stored yet, so that nobody does the same
 * again; when the program stops before, another process or the next start does.
 */
#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "job/job_priv.h"
#include "sys/thread.h"

#define STORE_MS     100 /* doubles with each try to store an end */
#define STORE_MAX_MS 1500
#define AGAIN_MS     500         /* until one that this process has still is taken again */
#define PROGRESS_MAX (48u << 10) /* of JSON: a view is one piece of a stream */

/* ---- progress ---- */

void job_progress_begin(const struct job_progress *p, struct buf *b)
{
	buf_add_str(b, "{\"status\":");
	json_add_cstr(b, p->status);
	buf_printf(b, ",\"completed\":%lld,\"total\":%lld,\"unit\":", (long long)p->completed, (long long)p->total);
	json_add_cstr(b, p->unit);
}

static void tell_shown(const struct job *j)
{
	if (j->kind->shown_with)
		bus_publish_changed(j->all->config.bus, j->kind->shown_with);
}

void job_set_progress(struct job *j, const char *json, size_t n)
{
	struct jobs *js = j->all;
	char *copy;

	ASSERT(json && n > 0 && *json == '{');
	if (n > PROGRESS_MAX)
		return;
	copy = xcalloc(1, n + 1);
	memcpy(copy, json, n);
	pthread_mutex_lock(&js->mx);
	ASSERT(j->held && j->state == JOB_RUNNING);
	free(j->progress);
	j->progress = copy;
	j->version++;
	j->unsaved = true;
	js->dirty = true;
	pthread_mutex_unlock(&js->mx);
	tell_shown(j);
}

/* ---- the end ---- */

/* False when the program stops instead. */
static bool wait_to_store(struct jobs *js, int64_t ms)
{
	int64_t until_ms = clock_mono_ms() + ms;
	bool goes;

	pthread_mutex_lock(&js->mx);
	while (!js->stopping && clock_wait(&js->cv, &js->mx, until_ms))
		;
	goes = !js->stopping;
	pthread_mutex_unlock(&js->mx);
	return goes;
}

/* True: it was asked for anew meanwhile, and waits again. */
static bool store_result(struct jobs *js, const struct job_result *x)
{
	ASSERT(thread_may_wait());
	for (int tries = 0;; tries++) {
		struct err failure = {0};
		int r = jobs_finish(js->config.db, x, &failure);

		if (db_is_settled(r))
			return r > 0;
		if (tries == 0)
			log_error("job", "the end of a job could not be stored yet: %s", failure.msg);
		if (!wait_to_store(js, MIN(STORE_MS << MIN(tries, 4), STORE_MAX_MS)))
			return false;
	}
}

/* When a job that has failed for a passing reason is tried again; 0: it is not. */
static int64_t next_try(const struct job *j, int r)
{
	int64_t pause = j->all->config.settings->job_retry_ms;

	ASSERT(r < 0);
	if (!err_info(r)->retryable || pause == 0 || j->tries >= j->kind->tries)
		return 0;
	return clock_now_ms() + MIN(pause << MIN(j->tries - 1, 16), RETRY_MAX_MS);
}

static enum job_state judge(struct job *j, int r, struct err *why, struct job_result *x)
{
	int reason = cancel_reason(&j->cancel);

	x->due_at = clock_now_ms();
	x->node = j->node;
	x->given_back = reason == E_TAKEN || (r < 0 && reason == E_STOPPING) || (j->node && reason != E_CANCELED);
	if (x->given_back)
		return JOB_QUEUED;
	if (r >= 0 && !j->node)
		return JOB_COMPLETE;
	if (reason == E_CANCELED)
		return JOB_CANCELED;
	err_set(why, r, "%s", err_info(r)->text);
	x->error_code = err_info(why->code)->wire_code;
	x->error_text = err_public_text(why);
	x->due_at = next_try(j, why->code);
	log_warn("job", "%s %s: %s%s", j->kind->name, j->title, why->msg, x->due_at ? " (it is tried again)" : "");
	return x->due_at ? JOB_QUEUED : JOB_FAILED;
}

/* What its row says now; the thread's hold on it ends. */
static void let_go(struct job *j, enum job_state state, const struct job_result *x)
{
	struct jobs *js = j->all;

	pthread_mutex_lock(&js->mx);
	ASSERT(j->held && j->state == JOB_RUNNING && state != JOB_RUNNING);
	ASSERT(!j->error_code && !j->error_text); /* of the try before */
	j->held = false;
	j->state = state;
	j->due_at = x->due_at;
	j->tries -= x->given_back;
	j->error_code = x->error_code ? xstrdup(x->error_code) : NULL;
	j->error_text = x->error_text ? xstrdup(x->error_text) : NULL;
	j->ended_at = state == JOB_QUEUED ? 0 : clock_now_ms();
	js->ended |= state != JOB_QUEUED;
	j->version++;
	jobs_wake(js);
	pthread_mutex_unlock(&js->mx);
	tell_shown(j);
	if (!x->given_back)
		job_tell(js, j->user_id, j->id, state == JOB_QUEUED ? "started" : "ended");
}

static void job_finish(struct job *j, int r, const struct err *e)
{
	struct jobs *js = j->all;
	CLEANUP(freep) char *progress = NULL;
	struct job_result x = {.id = j->id, .claim = j->claim};
	struct err why = *e;
	enum job_state state = judge(j, r, &why, &x);

	pthread_mutex_lock(&js->mx);
	progress = j->progress ? xstrdup(j->progress) : NULL;
	pthread_mutex_unlock(&js->mx);
	x.progress = progress;
	x.state = job_state_names[state];
	if (cancel_reason(&j->cancel) != E_TAKEN && store_result(js, &x)) {
		state = JOB_QUEUED;
		x = (struct job_result){.due_at = clock_now_ms()};
	}
	let_go(j, state, &x);
}

/* ---- running ---- */

static void job_work(void *arg)
{
	struct job *j = arg;
	struct jobs *js = j->all;
	struct err e = {0};
	int r = cancel_reason(&j->cancel) ? -ECANCELED : 0;

	ASSERT(thread_may_wait() && j->held && j->kind);
	thread_step_back(); /* answers come first */
	if (j->kind->processors > 0)
		thread_behind_begin();
	if (r == 0)
		r = j->kind->run(j, &e);
	if (j->kind->processors > 0)
		thread_behind_end();
	job_finish(j, r, &e);
	pthread_mutex_lock(&js->mx);
	job_unref(j);
	pthread_mutex_unlock(&js->mx);
}

void job_launch(struct jobs *js, const struct job_row *row)
{
	struct err e = {0};
	struct job *j;
	int r;

	ASSERT_IS(js, JOBS_MAGIC);
	pthread_mutex_lock(&js->mx);
	j = job_remember(js, row);
	if (j->held) {
		/* Its lease ended while this machine slept, and the thread that had it has not noticed yet. */
		cancel_fire(&j->cancel, E_TAKEN);
		job_unref(j);
		pthread_mutex_unlock(&js->mx);
		(void)store_result(js, &(struct job_result){.id = row->id,
					       .claim = row->claim,
					       .state = job_state_names[JOB_QUEUED],
					       .due_at = clock_now_ms() + AGAIN_MS,
					       .given_back = true});
		return;
	}
	ASSERT(j->kind);         /* nothing else is taken */
	cancel_done(&j->cancel); /* it may have been here before */
	cancel_init(&j->cancel);
	job_update(j, row);
	j->held = true;
	j->claim = row->claim;
	j->state = JOB_RUNNING;
	j->tries = row->tries + 1;
	j->begun_ms = clock_mono_ms();
	j->due_at = 0;
	free(TAKE_PTR(j->error_code));
	free(TAKE_PTR(j->error_text));
	j->unsaved = j->server_away = false;
	j->node = 0;
	if (js->stopping)
		cancel_fire(&j->cancel, E_STOPPING);
	pthread_mutex_unlock(&js->mx);
	r = pool_submit(js->threads, &j->task, job_work, j);
	if (r == 0)
		return;
	/* No thread for it: it waits again. */
	cancel_fire(&j->cancel, E_STOPPING);
	job_finish(j, -ECANCELED, &e);
	pthread_mutex_lock(&js->mx);
	job_unref(j);
	pthread_mutex_unlock(&js->mx);
}

/* ---- all of them ---- */

static unsigned all_places(const struct jobs *js)
{
	unsigned n = 0;

	for (size_t i = 0; i < js->n_kinds; i++)
		n += js->kinds[i].places;
	return n;
}

int jobs_new(const struct jobs_config *c, struct jobs **ret, struct err *e)
{
	struct jobs *js = xcalloc(1, sizeof(*js));
	int r;

	MAGIC_SET(js, JOBS_MAGIC);
	js->config = *c;
	js->kinds = c->kinds;
	js->n_kinds = c->n_kinds;
	if (!c->kinds)
		js->kinds = job_kinds(&js->n_kinds);
	js->lease_ms = c->lease_ms ? c->lease_ms : 30000;
	ASSERT(all_places(js) <= JOBS_HELD_MAX); /* the lease of each is renewed */
	pthread_mutex_init(&js->mx, NULL);
	pthread_cond_init(&js->cv, NULL);
	r = pool_new(
		&(struct pool_config){.name = "job", .max = all_places(js), .max_queue = all_places(js)}, &js->threads);
	if (r < 0) {
		jobs_free(js);
		return err_set(e, r, "The threads of jobs do not start: %s.", err_info(r)->text);
	}
	*ret = js;
	return 0;
}

static int stop_watchers(void *arg)
{
	watchers_stop(arg);
	return 0;
}

void jobs_stop(struct jobs *js)
{
	ASSERT_IS(js, JOBS_MAGIC);
	ASSERT(thread_may_wait());
	pthread_mutex_lock(&js->mx);
	js->stopping = true;
	for (struct job *j = js->known; j; j = j->next) {
		if (j->held)
			cancel_fire(&j->cancel, E_STOPPING);
	}
	pthread_cond_broadcast(&js->cv);
	pthread_mutex_unlock(&js->mx);
	(void)loop_call(js->config.loop, stop_watchers, js);
	if (js->keeps)
		pthread_join(js->keeper, NULL);
	js->keeps = false;
	pool_stop(js->threads);
}

void jobs_free(struct jobs *js)
{
	if (!js)
		return;
	pool_free(js->threads);
	watchers_stop(js);
	pthread_cond_destroy(&js->cv);
	pthread_mutex_destroy(&js->mx);
	MAGIC_END(js, JOBS_MAGIC);
	free(js);
}
