/*
 * dispatch.c - the way of a request:
 *
 *	loop:   match the route, or serve a file of the web page
 *	worker: who is it? may they? is it from our page? not too often? is the body right?  ->  handler  ->  answer
 *
 * An exchange is answered exactly once: by request_end, or by whoever the handler gave it to (`taken`).
 */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>

#include "api/answer.h"
#include "api/gateway/gateway.h"
#include "api/request.h"
#include "api/watch.h"
#include "auth/line.h"
#include "base/clock.h"
#include "base/log.h"
#include "sys/metrics.h"

#define ANSWER_MAX   ((size_t)512 << 20)
#define SLOW_THREADS 4

/* Password checks: 64 MiB and a tenth of a second each. */
static const struct line_config password_line = {
	.threads = 2, .max_waiting = 1024, .per_group = 16, .burst = 30, .pace_ms = 250};

void answer_headers(struct http_exchange *x)
{
	http_set_header(x, "Content-Security-Policy",
		"default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'self'; "
		"frame-ancestors 'none'; form-action 'self'");
	http_set_header(x, "X-Content-Type-Options", "nosniff");
	http_set_header(x, "Referrer-Policy", "no-referrer");
	http_set_header(x, "Cross-Origin-Opener-Policy", "same-origin");
	http_set_header(x, "Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()");
}

/* ---- the end ---- */

static void request_free(struct request *q)
{
	log_set_request(NULL);
	buf_done(&q->raw);
	arena_done(&q->mem);
	arena_done(&q->spare);
	free(q);
}

/* One line a request: the route's pattern, since paths may hold secrets and are anybody's text. What only looked and got
 * its answer is for debugging. */
static void request_log(const struct request *q, int status)
{
	int64_t ms = (clock_mono_us() - q->started_us) / 1000;
	const char *path = q->route ? q->route->path : "(unknown)";

	metric_add(M_http_requests_total, 1);
	if (status >= 500)
		metric_add(M_http_errors_total, 1);
	if (!q->taken)
		metric_observe(M_http_request_duration_ms, ms);
	if (status >= 500 && q->err.code)
		log_error("http", "%s %s: %s (%s:%d)", q->method, path, q->err.msg, q->err.file, q->err.line);
	bool looked = status < 400 && !q->taken && strcmp(q->method, "GET") == 0;
	log_write(looked ? LOG_DEBUG : LOG_INFO, "http", "%s %s %d %lldms %s%s", q->method, path, status, (long long)ms,
		q->known ? q->who.user.name : "-", q->taken ? " stream" : "");
}

/* Programs of other makers read a failure in the shape that they know, and try again unless they are told not to. */
static void answer_shaped_error(struct request *q, const struct err_info *info, struct buf *out)
{
	static gw_error_fn *const shapes[] = {
		[SHAPE_OPENAI] = openai_error, [SHAPE_ANTHROPIC] = anthropic_error, [SHAPE_OLLAMA] = ollama_error};

	shapes[q->shape](&q->err, q->id, out);
	if (q->spent || !info->retryable)
		http_set_header(q->x, "x-should-retry", "false");
	metric_add(M_gateway_errors_total, 1);
}

/* Programs are made from the document: what it does not tell of, they cannot deal with. Test builds stop here. */
static void check_declared(const struct request *q)
{
	if (!q->route || route_may_fail(q->route, q->err.code))
		return;
	log_error("http", "%s %s does not say that it may fail with %s", q->method, q->route->path,
		err_info(q->err.code)->wire_code);
#ifdef ATELIER_FAULTS
	abort();
#endif
}

static void answer_error(struct request *q, struct buf *out, int *ret_status)
{
	const struct err_info *info = err_info(q->err.code);
	int wait = q->err.retry_after_s;
	char text[16];

	check_declared(q);
	if (q->shape == SHAPE_OWN)
		error_emit(&q->err, q->id, out);
	else
		answer_shaped_error(q, info, out);
	*ret_status = gw_error_status(q->shape, &q->err);
	if (wait <= 0 && (info->http_status == 503 || info->http_status == 429))
		wait = 1;
	if (wait > 0) {
		snprintf(text, sizeof(text), "%d", wait);
		http_set_header(q->x, "Retry-After", text);
	}
	if (info->http_status == 401)
		http_set_header(q->x, "WWW-Authenticate", "Bearer");
}

/* Answers, logs and lets go of the request; `r` is how it went. */
static void request_end(struct request *q, int r)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT(ANSWER_MAX);
	const char *type = "application/json";
	int status = q->status;

	if (q->taken) {
		request_log(q, 200);
		request_free(q);
		return;
	}
	if (r == 0 && q->answer)
		schema_emit(q->route->answer, q->answer, &out);
	else if (r == 0 && q->route->media) {
		out = q->raw;
		q->raw = BUF_INIT(0);
		type = q->route->media;
	}
	if (r == 0)
		r = buf_status(&out);
	if (r < 0) {
		buf_done(&out);
		out = BUF_INIT(ANSWER_MAX);
		err_set(&q->err, r, "%s", err_info(r)->text);
		answer_error(q, &out, &status);
		type = "application/json";
	}
	request_log(q, status);
	struct http_exchange *x = q->x;
	struct str fixed = r == 0 ? q->fixed : (struct str){NULL, 0};
	request_free(q);
	if (fixed.n)
		http_reply_static(x, status, type, fixed.p, fixed.n);
	else
		http_reply(x, status, out.n ? type : NULL, &out);
}

/* ---- the work ---- */

static bool is_unsafe(const struct request *q)
{
	return strcmp(q->method, "GET") != 0 && strcmp(q->method, "HEAD") != 0;
}

static int check_access(struct request *q)
{
	int r;

	if (q->route->access == ACCESS_PUBLIC)
		return 0;
	r = request_identify(q);
	if (r < 0)
		return r;
	if (q->route->access == ACCESS_ADMIN && strcmp(q->who.user.role, ROLE_ADMIN) != 0)
		return err_set(&q->err, E_FORBIDDEN, "Only an administrator may do this.");
	return auth_take_request(q->api->c.auth, q->who.user.id, &q->err);
}

/* What a page of another site can make a browser send must not work; who sends a bearer token is no such page. */
static int check_site(struct request *q)
{
	if (!is_unsafe(q) || (q->known && !q->who.by_cookie))
		return 0;
	/* Pages that may call the gateway; they get no cookies here. */
	if (q->shape != SHAPE_OWN && q->known && !q->who.session_id && cors_allows(q))
		return 0;
	return auth_check_site(q->api->c.settings, http_header(q->x, "Sec-Fetch-Site"), http_header(q->x, "Origin"),
		http_header(q->x, "Host"), &q->err);
}

static int parse_path(struct request *q)
{
	if (strstr(q->route->path, "{id}") && !id_parse(q->arg, strlen(q->arg), &q->arg_id))
		return err_set(&q->err, E_NOT_FOUND, "%s", err_info(E_NOT_FOUND)->text);
	return 0;
}

static int parse_body(struct request *q)
{
	const struct schema *s = q->route->body;

	if (!s)
		return 0;
	if (!media_type_is(http_header(q->x, "Content-Type"), "application/json"))
		return err_set(&q->err, E_MEDIA_TYPE, "%s", err_info(E_MEDIA_TYPE)->text);
	q->body = arena_alloc(&q->mem, s->size);
	if (!q->body)
		return request_no_memory(q);
	return schema_parse(s, http_body(q->x), q->body, &q->mem, &q->err);
}

static int request_run(struct request *q)
{
	int r = check_access(q);

	if (r < 0)
		return r;
	r = check_site(q);
	if (r < 0)
		return r;
	r = parse_path(q);
	if (r < 0)
		return r;
	r = request_check_params(q);
	if (r < 0)
		return r;
	r = parse_body(q);
	if (r < 0)
		return r;
	return q->route->handler(q);
}

static void request_work(void *arg)
{
	struct request *q = arg;
	struct gateway *g = q->route->flags & ROUTE_CALL ? q->api->gateway : NULL;

	log_set_request(q->id);
	request_end(q, request_run(q));
	if (g)
		gateway_leave(g);
}

/* ---- the beginning, on the loop ---- */

static void make_request_id(char ret[REQUEST_ID_LEN + 1])
{
	static const char letters[] = "0123456789abcdefghjkmnpqrstvwxyz";
	unsigned char raw[REQUEST_ID_LEN];

	randombytes_buf(raw, sizeof(raw));
	for (int i = 0; i < REQUEST_ID_LEN; i++)
		ret[i] = letters[raw[i] & 31];
	ret[REQUEST_ID_LEN] = '\0';
}

/* The method as a literal: the client's own text does not belong in the log. */
static const char *known_method(const char *method)
{
	static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};

	for (size_t i = 0; i < N_ELEMENTS(methods); i++) {
		if (strcmp(method, methods[i]) == 0)
			return methods[i];
	}
	return "?";
}

static struct request *request_new(struct api *a, struct http_exchange *x)
{
	struct request *q = xcalloc(1, sizeof(*q));

	q->api = a;
	q->x = x;
	q->method = known_method(http_method(x));
	q->started_us = clock_mono_us();
	q->raw = BUF_INIT(ANSWER_MAX);
	arena_init(&q->mem, REQUEST_MEMORY);
	arena_init(&q->spare, REQUEST_MEMORY);
	make_request_id(q->id);
	answer_headers(x);
	http_set_header(x, "Cache-Control", "no-store");
	http_set_header(x, "X-Request-Id", q->id);
	return q;
}

/* More than the setting of this name lets a request bring. */
static int too_large(struct request *q)
{
	const struct settings *s = q->api->c.settings;
	bool gateway = q->shape != SHAPE_OWN;
	const char *length = http_header(q->x, "Content-Length");
	const char *setting = gateway ? "gateway_max_body_bytes" : "max_body_bytes";
	long long limit = (long long)(gateway ? s->gateway_max_body_bytes : s->max_body_bytes);

	if (length)
		return err_set(&q->err, E_TOO_LARGE, "The request has %.20s bytes; at most %lld are taken (%s).",
			length, limit, setting);
	return err_set(
		&q->err, E_TOO_LARGE, "The request has more than the %lld bytes that are taken (%s).", limit, setting);
}

static int check_size(struct request *q)
{
	const struct settings *s = q->api->c.settings;
	int64_t limit = q->shape != SHAPE_OWN ? s->gateway_max_body_bytes : s->max_body_bytes;

	if (q->body_error == E_TOO_LARGE || (int64_t)http_body(q->x).n > limit)
		return too_large(q);
	return q->body_error ? err_set(&q->err, q->body_error, "%s", err_info(q->body_error)->text) : 0;
}

static bool is_under_ollama(const char *path)
{
	path += strspn(path, "/");
	return strncmp(path, "ollama", 6) == 0 && (path[6] == '\0' || path[6] == '/');
}

/* The address as the table has it, and which shape it belongs to. */
static const char *normal_path(struct request *q)
{
	const char *path = http_path(q->x);
	char *alias = q->api->c.settings->gateway ? arena_alloc(&q->mem, strlen(path) + ROUTE_ALIAS_MORE) : NULL;

	if (!alias)
		return path;
	q->shape = route_shape_of(route_alias(path, alias));
	if (q->shape == SHAPE_OWN && is_under_ollama(path))
		q->shape = SHAPE_OLLAMA;
	if (q->shape == SHAPE_OPENAI && strncmp(alias, "/v1/models", 10) == 0 && http_header(q->x, "anthropic-version"))
		q->shape = SHAPE_ANTHROPIC;
	return q->shape != SHAPE_OWN ? alias : path;
}

/* Not by an alias, and not when the gateway is off. */
static bool is_reachable(const struct request *q, const struct route *r)
{
	return r->shape != SHAPE_OWN ? q->api->c.settings->gateway : q->shape == SHAPE_OWN;
}

/* Sets the route and what its path holds. */
static int request_match(struct request *q, const char *path)
{
	char allow[64];
	struct str arg;
	const struct route *r = route_find(q->method, path, &arg, allow);

	if (!r && allow[0]) {
		http_set_header(q->x, "Allow", allow);
		return err_set(&q->err, E_METHOD, "This address takes %s.", allow);
	}
	if (!r || !is_reachable(q, r))
		return err_set(&q->err, E_NOT_FOUND, "There is nothing at this address.");
	q->route = r;
	q->status = r->status;
	if (!arg.p)
		return 0;
	q->arg = arena_strndup(&q->mem, arg.p, arg.n);
	return q->arg ? 0 : request_no_memory(q);
}

static int request_check(struct request *q, const char *path)
{
	int r = q->body_error ? 0 : http_request_error(q->x);

	if (r < 0)
		return err_set(&q->err, r, "%s", err_info(r)->text);
	if ((r = check_size(q)) < 0 || (r = request_match(q, path)) < 0)
		return r;
	if (!(q->route->flags & ROUTE_LOOP) && __atomic_load_n(&q->api->stopping, __ATOMIC_ACQUIRE))
		return err_set(&q->err, E_STOPPING, "Atelier is shutting down.");
	return 0;
}

static int submit_password(struct request *q)
{
	struct auth_visitor from;
	char group[AUTH_GROUP_LEN];
	bool known;
	int r;

	request_visitor(q, &from);
	known = auth_visitor_group(q->api->c.auth, &from, group);
	r = line_submit(q->api->passwords, &q->task, str_from(group), known, request_work, q);
	return r == E_BUSY ? err_set(&q->err, E_RATE_LIMITED, "Too many people sign in from there just now. Try again.")
			   : r;
}

static int request_submit(struct request *q)
{
	struct api *a = q->api;

	if (q->route->flags & ROUTE_CALL)
		return gateway_submit(a->gateway, q, request_work);
	if (q->route->flags & ROUTE_PASSWORD)
		return submit_password(q);
	/* Who writes may have to wait for the database; whoever only reads does not wait behind them. */
	struct pool *pool = q->route->flags & ROUTE_SLOW ? a->slow : is_unsafe(q) ? a->writers : a->workers;
	return pool_submit(pool, &q->task, request_work, q);
}

/* A browser asks whether its page may ask. */
static void answer_preflight(struct request *q)
{
	struct http_exchange *x = q->x;

	request_log(q, 204);
	request_free(q);
	http_reply(x, 204, NULL, NULL);
}

static void request_start(struct request *q)
{
	const char *path = normal_path(q);
	int r;

	cors_headers(q);
	if (cors_preflight(q)) {
		answer_preflight(q);
		return;
	}
	r = request_check(q, path);
	if (r == 0 && q->route->flags & ROUTE_LOOP) {
		request_work(q);
		return;
	}
	if (r == 0)
		r = request_submit(q);
	if (r == 0)
		return;
	log_set_request(q->id);
	err_set(&q->err, r, "%s", err_info(r)->text);
	request_end(q, r);
}

static bool is_interface(const char *path)
{
	static const char *const roots[] = {"/api", "/stream", "/health", "/metrics", "/v1", "/ollama"};

	for (size_t i = 0; i < N_ELEMENTS(roots); i++) {
		size_t n = strlen(roots[i]);
		if (strncmp(path, roots[i], n) == 0 && (path[n] == '\0' || path[n] == '/'))
			return true;
	}
	return false;
}

/* "ollama/0.32.0 (amd64 linux) Go/...", "ollama-python/0.6.1 ...", "ollama-js/0.6.4 ..." */
static bool is_ollamas(const char *agent)
{
	return agent && strncmp(agent, "ollama", 6) == 0 && (agent[6] == '/' || agent[6] == '-');
}

/* Ollama's own clients look at "/" to see whether one is there; all others get the page. */
static bool asks_for_ollama(const struct api *a, const struct http_exchange *x)
{
	return a->c.settings->gateway && strcmp(http_path(x), "/") == 0 && is_ollamas(http_header(x, "User-Agent"));
}

static void start_with(struct api *a, struct http_exchange *x, int body_error)
{
	struct request *q = request_new(a, x);

	q->body_error = body_error;
	request_start(q);
}

static void on_body(struct http_exchange *x)
{
	start_with(http_exchange_data(x), x, http_request_error(x));
}

void api_handler(struct http_exchange *x, void *arg)
{
	struct api *a = arg;
	const struct settings *s = a->c.settings;
	const char *method = http_method(x), *path = http_path(x);
	bool reads = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
	int64_t max = s->gateway ? MAX(s->max_body_bytes, s->gateway_max_body_bytes) : s->max_body_bytes;
	int r;

	if (reads && http_request_error(x) == 0 && !is_interface(path) && !asks_for_ollama(a, x) &&
		assets_serve(x, path))
		return;
	http_exchange_set_data(x, a);
	r = http_body_collect(x, (size_t)max, HTTP_KNOWN, on_body);
	if (r < 0)
		start_with(a, x, r);
}

/* ---- life ---- */

int api_new(const struct api_config *c, struct api **ret, struct err *e)
{
	struct api *a = xcalloc(1, sizeof(*a));
	int r;

	a->c = *c;
	pthread_mutex_init(&a->configure_mx, NULL);
	a->started_ms = clock_mono_ms();
	openapi_make(&a->openapi);
	a->changes = changes_new(c->loop, c->settings->heartbeat_s * 1000);
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
		r = pool_new(&(struct pool_config){.name = "slow", .keep = 0, .max = SLOW_THREADS, .max_queue = 256},
			&a->slow);
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
	return watch_new(a, &a->watch, e);
}

void api_set_turns(struct api *a, struct turns *t)
{
	a->turns = t;
}

void api_set_jobs(struct api *a, struct jobs *j)
{
	a->jobs = j;
}

void api_changed(void *arg, atelier_id user_id, const char *kind, atelier_id conversation_id, atelier_id turn_id,
	const char *what)
{
	struct api *a = arg;

	changes_tell(a->changes, user_id, kind, conversation_id, turn_id, what);
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
	api_refuse(a);
	gateway_stop(a->gateway);
	watch_free(a->watch);
	a->watch = NULL;
	pool_stop(a->workers);
	pool_stop(a->writers);
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
	pool_free(a->writers);
	pool_free(a->slow);
	line_free(a->passwords);
	gateway_free(a->gateway);
	changes_free(a->changes);
	buf_done(&a->openapi.text);
	pthread_mutex_destroy(&a->configure_mx);
	free(a);
}
