/*
 * watch.c - the event streams of jobs, all on the loop. While there are watchers, a timer looks five times a second what
 * has changed: however fast a job reports, a watcher gets snapshots at that rate, and one that reads slowly fewer.
 */
#include "base/clock.h"
#include "job/job_priv.h"

#define TICK_MS    200
#define VIEW_BYTES (62u << 10) /* a piece of a stream is at most 64 KiB */

struct watcher {
	struct jobs *all;
	struct job *job; /* a reference */
	struct http_stream *stream;
	struct job_right by;
	uint64_t seen;      /* version that was sent */
	int64_t written_ms; /* monotonic */
	struct watcher *next, **at;
};

/* A request to follow on its way to the loop. */
struct errand {
	struct loop_task task;
	struct jobs *all;
	struct http_place at; /* with a reference to what is shared */
	struct job_right by;
	struct job *job; /* a reference */
};

static void let_go(struct jobs *js, struct job *j)
{
	pthread_mutex_lock(&js->mx);
	job_unref(j);
	pthread_mutex_unlock(&js->mx);
}

static void watcher_remove(struct watcher *w)
{
	struct jobs *js = w->all;

	ASSERT(loop_is_mine(js->config.loop) && *w->at == w);
	*w->at = w->next;
	if (w->next)
		w->next->at = w->at;
	let_go(js, w->job);
	free(w);
	if (!js->watchers && js->tick) {
		loop_timer_free(js->tick);
		js->tick = NULL;
	}
}

static void watcher_closed(void *arg)
{
	watcher_remove(arg);
}

static void add_frame(const struct job_view *v, struct buf *b)
{
	buf_add_str(b, "event: job\ndata: ");
	schema_emit(&job_schema, v, b);
	buf_add_str(b, "\n\n");
}

/* 0: it was taken, or nothing was to be sent; else the watcher is gone. */
static int watcher_write(struct watcher *w, const char *p, size_t n)
{
	int64_t now = clock_mono_ms();

	ASSERT(w->stream && n > 0);
	if (http_stream_write(w->stream, p, n) == n) {
		w->written_ms = now;
		return 0;
	}
	if (now - w->written_ms < w->all->config.settings->reader_stall_s * 1000)
		return -1;
	http_stream_abort(w->stream);
	watcher_remove(w);
	return -1;
}

static void watcher_end(struct watcher *w)
{
	http_stream_end(w->stream);
	watcher_remove(w);
}

static void watcher_check(struct watcher *w)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT(VIEW_BYTES);
	const struct job *j = w->job;
	uint64_t version;
	bool ended;

	ASSERT(loop_is_mine(w->all->config.loop));
	pthread_mutex_lock(&w->all->mx);
	version = j->version;
	ended = job_has_ended(j);
	if (version != w->seen) {
		struct job_view v = job_view_of(j);

		add_frame(&v, &b);
	}
	pthread_mutex_unlock(&w->all->mx);
	if (version == w->seen) {
		if (clock_mono_ms() - w->written_ms >= w->all->config.settings->heartbeat_s * 1000)
			(void)watcher_write(w, ": still here\n\n", 14);
		return;
	}
	if (buf_status(&b) < 0 || watcher_write(w, b.p, b.n) < 0)
		return;
	w->seen = version;
	if (ended)
		watcher_end(w);
}

static void tick(void *arg)
{
	struct jobs *js = arg;
	int64_t now = clock_now_ms();

	for (struct watcher *w = js->watchers, *next; w; w = next) {
		next = w->next;
		if (w->by.expires_at && w->by.expires_at <= now)
			watcher_end(w);
		else
			watcher_check(w);
	}
}

static void end_on_loop(void *arg)
{
	struct errand *n = arg;

	for (struct watcher *w = n->all->watchers, *next; w; w = next) {
		next = w->next;
		if ((!n->by.user_id || n->by.user_id == w->by.user_id) && (!n->by.id || n->by.id == w->by.id))
			watcher_end(w);
	}
	free(n);
}

void jobs_end_watchers(struct jobs *js, atelier_id user_id, atelier_id right_id)
{
	struct errand *n = xcalloc(1, sizeof(*n));

	*n = (struct errand){.all = js, .by = {.user_id = user_id, .id = right_id}};
	loop_post(js->config.loop, &n->task, end_on_loop, n);
}

void watchers_stop(struct jobs *js)
{
	ASSERT(!js->watchers || loop_is_mine(js->config.loop));
	js->stopped = true;
	for (struct watcher *w = js->watchers, *next; w; w = next) {
		next = w->next;
		watcher_end(w);
	}
}

/* ---- following ---- */

static void errand_done(struct errand *n)
{
	if (n->job)
		let_go(n->all, n->job);
	http_shared_unref(n->at.shared);
	free(n);
}

static void watcher_add(struct errand *n, struct watcher *w)
{
	struct jobs *js = n->all;

	ASSERT_IS(n->all, JOBS_MAGIC);
	ASSERT(loop_is_mine(js->config.loop) && n->job && !js->stopped);
	w->all = js;
	w->by = n->by;
	w->job = TAKE_PTR(n->job);
	w->written_ms = clock_mono_ms();
	w->next = js->watchers;
	w->at = &js->watchers;
	if (w->next)
		w->next->at = &w->next;
	js->watchers = w;
	if (!js->tick)
		js->tick = loop_timer_new(js->config.loop, TICK_MS, tick, js);
	watcher_check(w);
}

static void follow_on_loop(void *arg)
{
	static const struct http_stream_ops ops = {.on_close = watcher_closed};
	struct errand *n = arg;
	struct watcher *w = xcalloc(1, sizeof(*w));

	w->stream = http_stream_begin(&n->at, "text/event-stream", &ops, w);
	if (w->stream && !n->all->stopped) {
		watcher_add(n, w);
	} else {
		if (w->stream)
			http_stream_end(w->stream);
		free(w);
	}
	errand_done(n);
}

/* Takes hold of a job by its row, whatever runs it: the keeper, or who runs it here, tells of what comes. */
static int remember(struct jobs *js, atelier_id user_id, atelier_id id, struct job **ret, struct err *e)
{
	CLEANUP(arena_done) struct arena a;
	struct job_row row;
	int r;

	arena_init(&a, 1u << 20);
	{
		CLEANUP(db_releasep) struct db_conn *c = db_acquire(js->config.db);
		r = jobs_get(c, user_id, id, &a, &row, e);
	}
	if (r < 0)
		return r;
	pthread_mutex_lock(&js->mx);
	*ret = job_remember(js, &row);
	pthread_mutex_unlock(&js->mx);
	return 0;
}

int job_follow(struct jobs *js, atelier_id user_id, atelier_id id, const struct job_right *by,
	const struct http_place *at, struct err *e)
{
	struct job *j = NULL;
	struct errand *n;
	int r = remember(js, user_id, id, &j, e);

	ASSERT_IS(js, JOBS_MAGIC);
	if (r < 0)
		return r;
	n = xcalloc(1, sizeof(*n));
	*n = (struct errand){.all = js, .at = *at, .by = *by, .job = j};
	if (at->shared)
		http_shared_ref(at->shared);
	loop_post(js->config.loop, &n->task, follow_on_loop, n);
	return 0;
}
