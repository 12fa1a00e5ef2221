/*
 * life.c - the life of a job: launched, run by a thread, ended; and beside it the saver, which writes what changed to
 * the rows once a second.
 */
#include <errno.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "job/job_priv.h"

#define THREADS      3 /* jobs that run at the same time; more of them wait */
#define QUEUE_MAX    256
#define SAVE_MS      1000
#define RETRY_MS     100 /* doubles with each try to store an end */
#define RETRY_MAX_MS 1500
#define STORE_TRIES  3
#define PROGRESS_MAX (48u << 10) /* of JSON: a view is one piece of a stream */

bool job_has_ended(const struct job *j)
{
	return j->state != JOB_QUEUED && j->state != JOB_RUNNING;
}

void job_unref(struct job *j)
{
	if (--j->refs > 0)
		return;
	cancel_done(&j->cancel);
	free(j->title);
	free(j->params);
	free(j->progress);
	free(j->error_code);
	free(j->error_text);
	free(j);
}

static void live_remove(struct job *j)
{
	struct job **at = &j->all->live;

	while (*at && *at != j)
		at = &(*at)->next;
	if (!*at)
		return;
	*at = j->next;
	job_unref(j);
}

static void tell(const struct job *j, const char *what)
{
	bus_publish(j->all->config.bus,
		&(struct bus_event){.kind = BUS_JOB, .what = what, .user_id = j->user_id, .id = j->id});
}

/* ---- the saver ---- */

struct unsaved {
	atelier_id id;
	char *progress;
};

/* Takes what is not in the rows yet; with the lock held. */
static size_t take_unsaved(struct jobs *js, struct unsaved *ret, size_t max)
{
	size_t n = 0;

	for (struct job *j = js->live; j && n < max; j = j->next) {
		if (!j->unsaved || job_has_ended(j))
			continue;
		j->unsaved = false;
		ret[n++] = (struct unsaved){j->id, xstrdup(j->progress)};
	}
	return n;
}

static void sleep_until_next(struct jobs *js)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += SAVE_MS / 1000;
	while (!js->stopping && pthread_cond_timedwait(&js->cv, &js->mx, &until) == 0)
		;
}

/* Lives as long as something changes. */
static void save_work(void *arg)
{
	struct jobs *js = arg;
	struct unsaved list[16];
	size_t n;

	pthread_mutex_lock(&js->mx);
	while ((n = take_unsaved(js, list, N_ELEMENTS(list))) > 0) {
		pthread_mutex_unlock(&js->mx);
		for (size_t i = 0; i < n; i++) {
			struct err quiet = {0}; /* the next write, or the end, says it again */

			(void)!jobs_set_progress(js->config.db, list[i].id, list[i].progress, &quiet);
			free(list[i].progress);
		}
		pthread_mutex_lock(&js->mx);
		sleep_until_next(js);
	}
	js->saving = false;
	pthread_mutex_unlock(&js->mx);
}

void job_set_progress(struct job *j, const char *json, size_t n)
{
	struct jobs *js = j->all;
	char *copy;

	if (n > PROGRESS_MAX)
		return;
	copy = xcalloc(1, n + 1);
	memcpy(copy, json, n);
	pthread_mutex_lock(&js->mx);
	free(j->progress);
	j->progress = copy;
	j->version++;
	j->unsaved = true;
	if (!js->saving && !js->stopping)
		js->saving = pool_submit(js->saver, &js->save_task, save_work, js) == 0;
	pthread_mutex_unlock(&js->mx);
}

/* ---- the end ---- */

/* The program stops: the row stays `running`, with what is known last, and the job goes on at the next start. */
static void job_put_off(struct job *j, char *progress)
{
	struct err quiet = {0};

	if (progress)
		(void)!jobs_set_progress(j->all->config.db, j->id, progress, &quiet);
	pthread_mutex_lock(&j->all->mx);
	live_remove(j);
	pthread_mutex_unlock(&j->all->mx);
}

/* False when the program stops instead. */
static bool wait_to_retry(struct jobs *js, int64_t ms)
{
	struct timespec until;
	bool goes;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&js->mx);
	while (!js->stopping && pthread_cond_timedwait(&js->cv, &js->mx, &until) == 0)
		;
	goes = !js->stopping;
	pthread_mutex_unlock(&js->mx);
	return goes;
}

/* Until the row has it; one that was still waiting, and whose end somebody waits for, only for a few tries. When the
 * program stops before, the job goes on at the next start. */
static void job_store_end(const struct job *j, enum job_state state, const char *progress, const struct err *e)
{
	static const char *const names[] = {
		[JOB_COMPLETE] = "complete", [JOB_FAILED] = "failed", [JOB_CANCELED] = "canceled"};
	struct job_change x = {.state = names[state], .progress = progress, .ended = true};
	bool ran = j->state == JOB_RUNNING;

	if (state == JOB_FAILED) {
		x.error_code = err_info(e->code)->wire_code;
		x.error_text = err_public_text(e);
	}
	for (int tries = 1;; tries++) {
		struct err failure = {0};
		if (db_is_settled(jobs_set_state(j->all->config.db, j->id, &x, &failure)))
			return;
		if (tries == 1)
			log_error("job", "the end of a job could not be stored yet: %s", failure.msg);
		if ((!ran && tries >= STORE_TRIES) ||
			!wait_to_retry(j->all, MIN(RETRY_MS << MIN(tries, 4), RETRY_MAX_MS)))
			return;
	}
}

void job_end(struct job *j, int r, const struct err *e)
{
	struct jobs *js = j->all;
	CLEANUP(freep) char *progress = NULL;
	struct err none = {0}, why = e ? *e : none;
	int reason = cancel_reason(&j->cancel);
	enum job_state state = JOB_COMPLETE;

	pthread_mutex_lock(&js->mx);
	progress = j->progress ? xstrdup(j->progress) : NULL;
	pthread_mutex_unlock(&js->mx);
	if (r < 0 && reason == E_STOPPING) {
		job_put_off(j, progress);
		return;
	}
	if (r < 0)
		state = reason == E_CANCELED ? JOB_CANCELED : JOB_FAILED;
	if (state == JOB_FAILED) {
		err_set(&why, r, "%s", err_info(r)->text);
		log_warn("job", "%s %s: %s", j->kind->name, j->title, why.msg);
	}
	job_store_end(j, state, progress, &why);
	pthread_mutex_lock(&js->mx);
	if (state == JOB_FAILED) {
		j->error_code = xstrdup(err_info(why.code)->wire_code);
		j->error_text = xstrdup(err_public_text(&why));
	}
	j->state = state;
	j->ended_at = clock_now_ms();
	j->version++;
	tell(j, "ended");
	live_remove(j);
	pthread_mutex_unlock(&js->mx);
}

/* ---- running ---- */

/* False when it has ended, or is put off, before it began. */
static bool job_enter(struct job *j)
{
	bool goes = false;

	pthread_mutex_lock(&j->all->mx);
	if (j->state == JOB_QUEUED && j->all->stopping)
		live_remove(j);
	else if (j->state == JOB_QUEUED)
		goes = true;
	if (goes) {
		j->state = JOB_RUNNING;
		j->version++;
	}
	pthread_mutex_unlock(&j->all->mx);
	return goes;
}

static void job_work(void *arg)
{
	struct job *j = arg;
	struct jobs *js = j->all;

	if (job_enter(j)) {
		struct err e = {0};
		int r = jobs_set_state(js->config.db, j->id, &(struct job_change){.state = "running"}, &e);

		if (r == 0)
			r = j->kind->run(j, &e);
		job_end(j, r, &e);
	}
	pthread_mutex_lock(&js->mx);
	job_unref(j);
	pthread_mutex_unlock(&js->mx);
}

void job_launch(struct jobs *js, const struct job_kind *kind, const struct job_row *row)
{
	struct job *j = xcalloc(1, sizeof(*j));
	int r;

	*j = (struct job){.all = js,
		.kind = kind,
		.id = row->id,
		.user_id = row->user_id,
		.title = xstrdup(row->title),
		.params = xstrdup(row->params),
		.progress = row->progress ? xstrdup(row->progress) : NULL,
		.created_at = row->created_at,
		.refs = 2, /* of the live ones, and of its task */
		.version = 1};
	cancel_init(&j->cancel);
	tell(j, "started");
	pthread_mutex_lock(&js->mx);
	j->next = js->live;
	js->live = j;
	if (js->stopping)
		cancel_fire(&j->cancel, E_STOPPING);
	pthread_mutex_unlock(&js->mx);
	r = pool_submit(js->threads, &j->task, job_work, j);
	if (r == 0)
		return;
	job_end(j, r, NULL);
	pthread_mutex_lock(&js->mx);
	job_unref(j);
	pthread_mutex_unlock(&js->mx);
}

/* ---- all of them ---- */

int jobs_new(const struct jobs_config *c, struct jobs **ret, struct err *e)
{
	struct jobs *js = xcalloc(1, sizeof(*js));
	pthread_condattr_t attr;
	int r;

	js->config = *c;
	js->kinds = c->kinds;
	js->n_kinds = c->n_kinds;
	if (!c->kinds)
		js->kinds = job_kinds(&js->n_kinds);
	pthread_mutex_init(&js->start_mx, NULL);
	pthread_mutex_init(&js->mx, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&js->cv, &attr);
	pthread_condattr_destroy(&attr);
	r = pool_new(&(struct pool_config){.name = "job", .max = THREADS, .max_queue = QUEUE_MAX}, &js->threads);
	if (r == 0)
		r = pool_new(&(struct pool_config){.name = "job-saver", .max = 1, .max_queue = 2}, &js->saver);
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
	pthread_mutex_lock(&js->mx);
	js->stopping = true;
	for (struct job *j = js->live; j; j = j->next)
		cancel_fire(&j->cancel, E_STOPPING);
	pthread_cond_broadcast(&js->cv);
	pthread_mutex_unlock(&js->mx);
	(void)loop_call(js->config.loop, stop_watchers, js);
	pool_stop(js->threads);
	pool_stop(js->saver);
}

void jobs_free(struct jobs *js)
{
	if (!js)
		return;
	pool_free(js->threads);
	pool_free(js->saver);
	watchers_stop(js);
	for (struct job *j = js->live, *next; j; j = next) {
		next = j->next;
		live_remove(j);
	}
	pthread_cond_destroy(&js->cv);
	pthread_mutex_destroy(&js->mx);
	pthread_mutex_destroy(&js->start_mx);
	free(js);
}
