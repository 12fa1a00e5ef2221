/* client.c - libcurl's multi handles on the loop: sockets, timers, and the way of a call to the loop and back. */
#include "http/client_priv.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "base/clock.h"
#include "sys/thread.h"

/* A sweep looks at every call, so that many calls are looked at less often. */
enum { SWEEP_MS = 200, SWEEP_MAX_MS = 1000, SECOND_ADDRESS_MS = 200 };
enum { SLEEPS_LONG_S = 1 };

/* --- the end of a call, on the loop ------------------------------------------------------------------------------ */

void call_finish(struct call *c, int code, CURLcode curl)
{
	struct http_client *h = c->client;
	ASSERT(loop_is_mine(h->loop));
	if (c->answers)
		thread_answers(); /* who waits for it goes on */
	if (c->running && !c->easy)
		direct_stop(c);
	if (c->running) {
		ASSERT(h->n_running > 0 && (!c->easy || c->shard->n_calls > 0));
		if (c->easy) {
			curl_multi_remove_handle(
				c->shard->multi, c->easy); /* in the middle of an answer this closes the connection */
			c->shard->n_calls--;
		}
		if (c->run_prev)
			c->run_prev->run_next = c->run_next;
		else
			h->running = c->run_next;
		if (c->run_next)
			c->run_next->run_prev = c->run_prev;
		c->running = false;
		h->n_running--;
	}
	pthread_mutex_lock(&h->mx);
	bool first = !c->done;
	if (first) {
		c->done = true;
		c->code = code;
		c->curl = curl;
	}
	pthread_mutex_unlock(&h->mx);
	if (first)
		sem_post(&c->wake); /* the caller may be gone from here on, unless a task is pending */
}

static void harvest(struct http_shard *sh)
{
	CURLMsg *m;
	int left;
	while ((m = curl_multi_info_read(sh->multi, &left))) {
		if (m->msg != CURLMSG_DONE)
			continue;
		CURLcode result = m->data.result;
		struct call *c = NULL;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&c);
		ASSERT(c && c->shard == sh);
		call_finish(c, 0, result);
	}
}

/* --- curl's sockets and timer ------------------------------------------------------------------------------------ */

static void socket_ready(struct http_socket *s, int what)
{
	struct http_shard *sh = s->shard; /* `s` may be given back within the call */
	int running;
	sh->client->turn++;
	curl_multi_socket_action(sh->multi, s->fd, what, &running);
	harvest(sh);
}

static void on_socket(evutil_socket_t fd UNUSED, short what, void *arg)
{
	struct http_socket *s = arg;
	socket_ready(s, (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0));
}

static void socket_free(struct http_client *h, struct http_socket *s)
{
	if (s->what)
		event_del(&s->ev);
	s->what = 0;
	s->next = h->free_sockets;
	h->free_sockets = s;
}

static struct http_socket *socket_new(struct http_client *h, struct http_shard *sh, curl_socket_t fd)
{
	struct http_socket *s = h->free_sockets;
	ASSERT(!s || s->what == 0); /* nothing watches it */
	if (s)
		h->free_sockets = s->next;
	else
		s = xcalloc(1, sizeof(*s));
	s->shard = sh;
	s->fd = fd;
	s->what = 0;
	return s;
}

static int watch_socket(CURL *easy UNUSED, curl_socket_t fd, int what, void *shard, void *socketp)
{
	struct http_shard *sh = shard;
	struct http_client *h = sh->client;
	struct http_socket *s = socketp;
	if (what == CURL_POLL_REMOVE) {
		if (s) {
			socket_free(h, s);
			curl_multi_assign(sh->multi, fd, NULL);
		}
		return 0;
	}
	if (!s) {
		s = socket_new(h, sh, fd);
		curl_multi_assign(sh->multi, fd, s);
	}
	if (s->what == what)
		return 0;
	if (s->what)
		event_del(&s->ev);
	s->what = what;
	event_assign(&s->ev, loop_base(h->loop), fd,
		(short)(EV_PERSIST | (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0)),
		on_socket, s);
	event_add(&s->ev, NULL);
	return 0;
}

static void on_timer(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct http_shard *sh = arg;
	int running;
	sh->client->turn++;
	curl_multi_socket_action(sh->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	harvest(sh);
}

static int set_timer(CURLM *multi UNUSED, long ms, void *shard)
{
	struct http_shard *sh = shard;
	if (ms < 0)
		event_del(sh->timer);
	else
		event_add(sh->timer, &(struct timeval){.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000});
	return 0;
}

static void shard_done(struct http_shard *sh)
{
	if (sh->multi)
		curl_multi_cleanup(sh->multi);
	if (sh->timer)
		event_free(sh->timer);
	*sh = (struct http_shard){0};
}

static bool shard_init(struct http_shard *sh, struct http_client *h)
{
	*sh = (struct http_shard){.client = h, .multi = curl_multi_init()};
	sh->timer = evtimer_new(loop_base(h->loop), on_timer, sh);
	if (!sh->multi || !sh->timer) {
		shard_done(sh);
		return false;
	}
	curl_multi_setopt(sh->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(sh->multi, CURLMOPT_SOCKETDATA, sh);
	curl_multi_setopt(sh->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(sh->multi, CURLMOPT_TIMERDATA, sh);
	curl_multi_setopt(sh->multi, CURLMOPT_MAXCONNECTS, (long)SHARD_CALLS * 2);
	curl_multi_setopt(sh->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
	return true;
}

/* The first with room, so that few calls share the connections of one; a new one when all are full; beyond the last
 * the emptiest. NULL: not even one can be made. */
static struct http_shard *shard_for_call(struct http_client *h)
{
	struct http_shard *emptiest = &h->shards[0];

	ASSERT(h->n_shards <= SHARDS);
	for (unsigned i = 0; i < h->n_shards; i++) {
		if (h->shards[i].n_calls < SHARD_CALLS)
			return &h->shards[i];
		if (h->shards[i].n_calls < emptiest->n_calls)
			emptiest = &h->shards[i];
	}
	if (h->n_shards < SHARDS && shard_init(&h->shards[h->n_shards], h))
		return &h->shards[h->n_shards++];
	return h->n_shards ? emptiest : NULL;
}

/* --- times that curl does not know, or keeps too dearly ----------------------------------------------------------- */

static void check_time(struct call *c, int64_t passed_ms, int64_t limit_ms, const char *late)
{
	if (limit_ms <= 0 || passed_ms < limit_ms)
		return;
	c->late = late;
	c->late_ms = limit_ms;
	call_finish(c, E_PROVIDER_TIMEOUT, CURLE_OPERATION_TIMEDOUT);
}

static bool is_sent(struct call *c, int64_t now)
{
	if (!c->easy && !c->sent) {
		if (now - c->begun_ms >= SECOND_ADDRESS_MS)
			direct_hurry(c);
		return false;
	}
	if (!c->sent) {
		curl_off_t at = 0;
		curl_easy_getinfo(c->easy, CURLINFO_PRETRANSFER_TIME_T, &at);
		c->sent = at > 0;
		c->last_ms = now;
	}
	return c->sent;
}

static void check_times(struct call *c, int64_t now)
{
	if (c->heard &&
		c->headers_done) /* a head that comes byte by byte, or interim answers without end, are no beginning */
		c->last_ms = now;
	c->heard = false;
	if (!is_sent(c, now))
		check_time(c, now - c->begun_ms, c->in->connect_timeout_ms, "could not be connected to within");
	else if (!c->headers_done)
		check_time(c, now - c->last_ms, c->in->first_byte_timeout_ms, "did not begin to answer within");
	else
		check_time(c, now - c->last_ms, c->in->idle_timeout_ms,
			"stopped in the middle of its answer: nothing came for");
}

static void sweep_soon(struct http_client *h)
{
	unsigned ms = MIN(MAX(h->n_running, SWEEP_MS), SWEEP_MAX_MS);
	event_add(h->sweep, &(struct timeval){.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000});
}

static void on_sweep(evutil_socket_t fd UNUSED, short what UNUSED, void *arg)
{
	struct http_client *h = arg;
	int64_t now = clock_mono_ms();
	for (struct call *c = h->running, *next; c; c = next) {
		next = c->run_next;
		if (c->working) {
			c->last_ms = now;
			continue;
		}
		int r = c->in->on_tick ? c->in->on_tick(c->in->arg, now - c->begun_ms) : 0;
		if (r < 0)
			call_finish(c, r, CURLE_ABORTED_BY_CALLBACK);
		else
			check_times(c, now);
	}
	if (h->running)
		sweep_soon(h);
}

/* --- a call's way to the loop and back --------------------------------------------------------------------------- */

/* Tasks are part of the call, which is left only when none is pending. False: the loop has ended. */
static bool task_post(struct call *c, struct loop_task *t, void (*fn)(void *))
{
	struct http_client *h = c->client;
	pthread_mutex_lock(&h->mx);
	bool post = !h->stopping;
	c->pending += post;
	pthread_mutex_unlock(&h->mx);
	if (post)
		loop_post(h->loop, t, fn, c);
	return post;
}

/* The last word of a task: the caller may be gone from here on. */
static void task_ran(struct call *c)
{
	struct http_client *h = c->client;
	pthread_mutex_lock(&h->mx);
	ASSERT(c->pending > 0);
	c->pending--;
	pthread_cond_signal(&c->cv);
	pthread_mutex_unlock(&h->mx);
}

static void run_add(struct call *c)
{
	struct http_client *h = c->client;
	ASSERT(loop_is_mine(h->loop) && !c->running);
	c->begun_ms = c->last_ms = clock_mono_ms();
	if (!h->running)
		sweep_soon(h);
	c->running = true;
	c->run_next = h->running;
	if (c->run_next)
		c->run_next->run_prev = c;
	h->running = c;
	h->n_running++;
}

static void start_curl(struct call *c)
{
	c->shard = shard_for_call(c->client);
	if (c->shard) {
		run_add(c);
		c->shard->n_calls++;
	}
	if (!c->shard || curl_multi_add_handle(c->shard->multi, c->easy) != CURLM_OK)
		call_finish(c, -ENOMEM, CURLE_OUT_OF_MEMORY);
}

static void start_on_loop(void *arg)
{
	struct call *c = arg;
	ASSERT_IS(c, CALL_MAGIC);
	if (!c->done && c->easy) { /* else a cancel came first */
		start_curl(c);
	} else if (!c->done) {
		run_add(c);
		direct_start(c);
	}
	task_ran(c);
}

static void abort_on_loop(void *arg)
{
	struct call *c = arg;
	ASSERT_IS(c, CALL_MAGIC);
	if (!c->done)
		call_finish(c, -ECANCELED, CURLE_ABORTED_BY_CALLBACK);
	task_ran(c);
}

static void on_cancel(void *arg)
{
	struct call *c = arg;
	ASSERT_IS(c, CALL_MAGIC);
	(void)task_post(c, &c->abort, abort_on_loop);
}

/* --- a call that is paused --------------------------------------------------------------------------------------- */

/* Paused by on_body while it hands on what it kept, curl would read once more, and so at each resume: of a packed answer it
 * would keep far more than is taken. Paused behind that it does not. */
static CURLcode go_on_curl(struct call *c)
{
	c->flushes = true;
	CURLcode r = curl_easy_pause(c->easy, CURLPAUSE_CONT); /* may call on_body */
	c->flushes = false;
	if (r == CURLE_OK && (c->paused || c->working))
		curl_easy_pause(c->easy, CURLPAUSE_RECV);
	return r;
}

static void pause_curl(struct call *c)
{
	if (c->easy && !c->flushes)
		curl_easy_pause(c->easy, CURLPAUSE_RECV);
}

static void resume_on_loop(void *arg)
{
	struct call *c = arg;
	c->working = c->paused = false;
	if (!c->done && c->worked < 0) {
		c->sink_error = c->worked;
		call_finish(c, 0, CURLE_WRITE_ERROR);
	} else if (!c->done && !c->easy) {
		direct_resume(c);
	} else if (!c->done) {
		c->client->turn++;
		CURLcode curl = go_on_curl(c);
		if (curl != CURLE_OK)
			call_finish(c, 0, curl);
		harvest(c->shard);
	}
	task_ran(c);
}

void call_pause(struct call *c)
{
	ASSERT(!c->paused && !c->working); /* its task would be posted twice */
	c->paused = true;
	c->worked = 0;
	pause_curl(c);
	(void)task_post(c, &c->resume, resume_on_loop);
}

void call_hand_over(struct call *c)
{
	struct http_client *h = c->client;
	ASSERT(loop_is_mine(h->loop) && !c->paused && !c->working);
	c->working = true;
	pause_curl(c);
	pthread_mutex_lock(&h->mx);
	c->work = true;
	pthread_mutex_unlock(&h->mx);
	sem_post(&c->wake);
}

static int call_enter(struct call *c, struct err *e)
{
	struct http_client *h = c->client;
	pthread_mutex_lock(&h->mx);
	bool stopping = h->stopping;
	if (!stopping) {
		c->next = h->calls;
		if (c->next)
			c->next->prev = c;
		h->calls = c;
	}
	pthread_mutex_unlock(&h->mx);
	return stopping ? err_set(e, E_STOPPING, "Atelier is shutting down.") : 0;
}

/* When the loop has no task of it any more. */
static void call_leave(struct call *c)
{
	struct http_client *h = c->client;
	pthread_mutex_lock(&h->mx);
	while (!h->stopping && c->pending > 0)
		pthread_cond_wait(&c->cv, &h->mx);
	ASSERT(*(c->prev ? &c->prev->next : &h->calls) == c);
	if (c->prev)
		c->prev->next = c->next;
	else
		h->calls = c->next;
	if (c->next)
		c->next->prev = c->prev;
	pthread_cond_signal(&h->left);
	pthread_mutex_unlock(&h->mx);
}

/* What woke the caller: work, which it has done then, or the end (false). */
static bool call_works(struct call *c)
{
	struct http_client *h = c->client;
	pthread_mutex_lock(&h->mx);
	bool work = c->work && !c->done;
	c->work = false;
	pthread_mutex_unlock(&h->mx);
	if (!work)
		return false;
	thread_work_begin();
	c->worked = c->in->on_work(c->in->arg);
	thread_work_end();
	return task_post(c, &c->resume, resume_on_loop); /* else the end of the client has ended the call */
}

int http_client_run(struct http_client *h, const struct http_call *in, struct cancel *cancel, struct http_result *ret,
	struct err *e)
{
	ASSERT_IS(h, CLIENT_MAGIC);
	ASSERT(thread_may_wait() && in->url && in->on_data);
	*ret = (struct http_result){.retry_after_ms = -1, .first_byte_ms = -1, .error_body = BUF_INIT(65536)};
	if (loop_is_current(h->loop))
		return err_set(e, E_INTERNAL, "A provider was called on the loop's thread.");
	CLEANUP(call_done)
	struct call c = {.magic = CALL_MAGIC,
		.client = h,
		.in = in,
		.whole = in->whole,
		.answers = !thread_stepped_back(),
		.out = ret,
		.cv = PTHREAD_COND_INITIALIZER};
	sem_init(&c.wake, 0, 0);
	int r = call_prepare(&c, e);
	if (r < 0)
		return r;
	r = call_enter(&c, e);
	if (r < 0)
		return r;
	struct cancel_hook hook;
	if (cancel && cancel_on(cancel, &hook, on_cancel, &c) < 0) {
		call_leave(&c);
		return err_set(e, -ECANCELED, "The call of %s was stopped.", call_where(&c));
	}
	if (c.answers)
		thread_answers();
	(void)task_post(&c, &c.start, start_on_loop);
	do {
		struct timespec soon;
		clock_gettime(CLOCK_MONOTONIC, &soon);
		soon.tv_sec += SLEEPS_LONG_S;
		while ((r = sem_clockwait(&c.wake, CLOCK_MONOTONIC, &soon)) != 0 && errno == EINTR)
			;
		if (r != 0) { /* most answers come soon; who waits longer gives back what it does not need asleep */
			thread_release_stack();
			while (sem_wait(&c.wake) != 0)
				;
		}
	} while (call_works(&c));
	if (cancel)
		cancel_off(cancel, &hook);
	call_leave(&c);
	ASSERT(c.done);
	return call_judge(&c, e);
}

/* --- fetch ------------------------------------------------------------------------------------------------------- */

static int fetch_data(void *arg, const char *p, size_t n)
{
	struct buf *body = arg;
	buf_add(body, p, n);
	return buf_status(body);
}

int http_client_fetch(struct http_client *c, const struct http_call *call, struct cancel *cancel, struct buf *body,
	struct http_result *ret, struct err *e)
{
	struct http_call mine = *call;
	mine.on_data = fetch_data;
	mine.arg = body;
	return http_client_run(c, &mine, cancel, ret, e);
}

/* The request names what cannot be had; no provider is to blame, and asking again would bring the same. */
static int not_to_be_had(int r, struct err *e)
{
	const char *why = r == E_PROVIDER_DOWN      ? "cannot be reached"
			  : r == E_PROVIDER_TIMEOUT ? "did not answer in time"
			  : r == E_PROVIDER_BROKEN  ? "ended its answer in the middle"
						    : NULL;

	if (!why)
		return r;
	err_clear(e);
	return err_set(e, E_INVALID, "The address %s.", why);
}

int http_client_get_public(struct http_client *c, const char *url, int64_t timeout_ms, struct cancel *cancel,
	struct buf *body, char ret_content_type[96], struct err *e)
{
	struct http_call call = {.method = "GET",
		.url = url,
		.connect_timeout_ms = timeout_ms,
		.first_byte_timeout_ms = timeout_ms,
		.idle_timeout_ms = timeout_ms,
		.total_timeout_ms = timeout_ms,
		.public_only = true};
	struct http_result res = {0};
	struct err why = {0};
	int r = http_client_fetch(c, &call, cancel, body, &res, &why);
	if (r < 0) {
		r = not_to_be_had(r, &why);
		if (!e->code)
			*e = why;
	}
	if (r == 0 && res.status / 100 == 3)
		r = err_set(e, E_INVALID, "The address leads on to another one (%d); give that one.", res.status);
	else if (r == 0 && res.status / 100 != 2)
		r = err_set(e, E_INVALID, "The address was answered with status %d.", res.status);
	if (r == 0)
		snprintf(ret_content_type, 96, "%s", res.content_type);
	buf_done(&res.error_body);
	return r;
}

/* --- the client -------------------------------------------------------------------------------------------------- */

int http_client_new(struct loop *l, struct http_client **ret)
{
	struct http_client *h = xcalloc(1, sizeof(*h));
	MAGIC_SET(h, CLIENT_MAGIC);
	h->loop = l;
	signal(SIGPIPE, SIG_IGN); /* with CURLOPT_NOSIGNAL this is the program's part */
	pthread_mutex_init(&h->mx, NULL);
	pthread_cond_init(&h->left, NULL);
	h->sweep = evtimer_new(loop_base(l), on_sweep, h);
	if (!direct_new(h) || !h->sweep) {
		http_client_free(h);
		return -ENOMEM;
	}
	*ret = h;
	return 0;
}

/* Nobody runs the loop now, so this thread may do the loop's part. */
static void end_calls(struct http_client *h)
{
	while (h->running)
		call_finish(h->running, E_STOPPING, CURLE_ABORTED_BY_CALLBACK);
	pthread_mutex_lock(&h->mx);
	h->stopping = true;
	for (struct call *c = h->calls; c; c = c->next) {
		if (!c->done) { /* its start was never reached */
			c->done = true;
			c->code = E_STOPPING;
			sem_post(&c->wake);
		}
		pthread_cond_signal(&c->cv);
	}
	while (h->calls)
		pthread_cond_wait(&h->left, &h->mx);
	pthread_mutex_unlock(&h->mx);
}

void http_client_free(struct http_client *h)
{
	if (!h)
		return;
	end_calls(h);
	ASSERT(!h->running && h->n_running == 0 && !h->gathering);
	for (unsigned i = 0; i < h->n_shards; i++)
		shard_done(&h->shards[i]);
	direct_free(h);
	ASSERT(h->n_idle == 0);
	while (h->free_sockets) {
		struct http_socket *s = h->free_sockets;
		h->free_sockets = s->next;
		free(s);
	}
	if (h->sweep)
		event_free(h->sweep);
	pthread_cond_destroy(&h->left);
	pthread_mutex_destroy(&h->mx);
	MAGIC_END(h, CLIENT_MAGIC);
	free(h);
}
